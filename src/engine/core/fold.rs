//! Folds one event into the state. Total: an event that does not fit changes nothing.

use super::{amend, back};
use crate::engine::event::{Event, Outcome};
use crate::engine::state::{
    Amending, EffectState, EffectStatus, Phase, State, StepState, StepStatus, Waiver,
};
use serde_json::Value;

/// Applies one event.
pub fn fold(state: &mut State, event: &Event) {
    state.last += 1;
    match event {
        Event::RunCreated {
            run,
            scenario,
            label,
            lab,
            policy,
            steps,
            window,
            draft,
            sessions,
        } => {
            state.run.clone_from(run);
            state.scenario.clone_from(scenario);
            state.label.clone_from(label);
            state.lab.clone_from(lab);
            state.policy = policy.clone();
            state.window.clone_from(window);
            state.plan.clone_from(draft);
            state.sessions = *sessions;
            state.phase = Phase::Running;
            state.steps = steps.iter().cloned().map(StepState::new).collect();
        }
        // A new engine has no clients yet.
        Event::EngineStarted { .. } | Event::ControlLeft { .. } => state.control = None,
        Event::AnswerRefused { .. } | Event::AskRefused { .. } => {}
        Event::PolicySet { policy } => state.policy = policy.clone(),
        Event::StepEntered { step, attempt } => with_step(state, step, |s| {
            s.status = StepStatus::Binding;
            s.attempt = *attempt;
            s.message.clear();
        }),
        Event::StepBound { step, binding } => with_step(state, step, |s| bind(s, binding)),
        Event::StepBlocked { step, reasons } => {
            with_step(state, step, |s| {
                s.status = StepStatus::Blocked;
                s.message = reasons.join("; ");
            });
            state.gate = None;
            state.held_answer = None;
        }
        Event::AnswerReceived { gate, by, text } => {
            state.held_answer = Some((gate.clone(), by.clone(), text.clone()));
        }
        Event::GateOpened { gate } => {
            state.held_answer = None;
            with_effect(state, &gate.id, |e| e.status = EffectStatus::Asked);
            amend::shown(state, &gate.id);
            state.gate = Some(gate.clone());
        }
        Event::GateAnswered { gate, text, .. } => {
            state.held_answer = None;
            with_effect(state, gate, |e| {
                e.status = EffectStatus::Ready;
                e.said = Some(text.clone().unwrap_or_default());
            });
            if state.gate.as_ref().is_some_and(|g| g.id == *gate) {
                state.gate = None;
            }
            with_step(state, gate, |s| {
                if s.status == StepStatus::AtGate {
                    s.status = StepStatus::Running;
                }
            });
        }
        Event::EffectIntended { effect, attempt } => {
            with_effect(state, effect, |e| {
                e.status = EffectStatus::InFlight;
                e.attempt = *attempt;
                e.bytes = 0;
            });
            let owner = |s: &&mut StepState| s.effects.iter().any(|e| e.spec.id == *effect);
            if let Some(step) = state.steps.iter_mut().find(owner) {
                step.touched = true;
            }
        }
        Event::EffectProgress {
            effect,
            bytes,
            message,
        } => with_effect(state, effect, |e| {
            e.bytes = *bytes;
            e.message.clone_from(message);
        }),
        Event::EffectEnded {
            effect,
            outcome,
            message,
            detail,
            ..
        } => {
            with_effect(state, effect, |e| {
                e.status = EffectStatus::Ended { outcome: *outcome };
                e.said = None;
                e.message.clone_from(message);
                e.detail = detail.clone();
            });
        }
        Event::EffectInterrupted { effect } => {
            with_effect(state, effect, |e| e.status = EffectStatus::Unknown);
        }
        Event::EffectSettled {
            effect,
            done,
            message,
        } => with_effect(state, effect, |e| {
            e.status = if *done {
                EffectStatus::Ended {
                    outcome: Outcome::Ok,
                }
            } else {
                EffectStatus::Ready
            };
            e.message.clone_from(message);
        }),
        Event::StepEnded {
            step,
            outcome,
            message,
        } => {
            with_step(state, step, |s| {
                s.status = StepStatus::Ended { outcome: *outcome };
                s.message.clone_from(message);
                s.retry_by = None;
            });
            state.gate = None;
            back::step_ended(state, step);
        }
        Event::UndoAsked { by, to, steps } => back::begin(state, by, to.as_ref(), steps),
        Event::UndoLeft { .. } => back::leave(state),
        Event::Paused { .. } => state.paused = true,
        Event::Continued { .. } => state.paused = false,
        Event::RetryAsked { step, by } => with_step(state, step, |s| {
            s.status = StepStatus::Pending;
            s.retry_by = Some(by.clone());
        }),
        Event::SkipAsked { step, reason, .. } => with_step(state, step, |s| {
            s.status = StepStatus::Ended {
                outcome: Outcome::Skipped,
            };
            s.message.clone_from(reason);
        }),
        Event::CheckWaived { check, by, reason } => {
            let (by, reason) = (by.clone(), reason.clone());
            state.waivers.insert(check.clone(), Waiver { by, reason });
        }
        Event::AmendmentAsked { by, amendment } => {
            let (by, amendment) = (by.clone(), amendment.clone());
            state.amending = Some(Amending { by, amendment });
        }
        Event::Amended {
            amendment, plan, ..
        } => amend::fold(state, amendment, plan),
        Event::AmendmentLeft { .. } => amend::leave(state),
        Event::StopAsked { .. } => {
            state.stopping = true;
            amend::leave(state);
        }
        Event::ControlTaken { by } => state.control = Some(by.clone()),
        Event::RunEnded { outcome, message } => {
            state.phase = match outcome.as_str() {
                "failed" => Phase::Failed,
                "stopped" => Phase::Stopped,
                "undone" => Phase::Undone,
                _ => Phase::Done,
            };
            if state.current().is_none() {
                state.undo = None;
            }
            amend::leave(state);
            state.gate = None;
            state.held_answer = None;
            state.stopping = false;
            state.ended = Some((outcome.clone(), message.clone()));
        }
        Event::RunReopened { .. } => {
            amend::leave(state);
            state.phase = Phase::Running;
            state.ended = None;
            state.paused = false;
        }
    }
}

/// Takes a new binding over, keeping what an earlier attempt already did and still means the same.
fn bind(step: &mut StepState, binding: &crate::engine::event::Binding) {
    let before = std::mem::take(&mut step.effects);
    step.effects = binding
        .effects
        .iter()
        .map(|spec| {
            before
                .iter()
                .find(|e| {
                    e.spec == *spec
                        && matches!(
                            e.status,
                            EffectStatus::Ended {
                                outcome: Outcome::Ok | Outcome::Warning
                            }
                        )
                })
                .cloned()
                .unwrap_or_else(|| EffectState {
                    attempt: before
                        .iter()
                        .find(|e| e.spec.id == spec.id)
                        .map_or(0, |e| e.attempt),
                    spec: spec.clone(),
                    status: EffectStatus::Ready,
                    said: None,
                    bytes: 0,
                    message: String::new(),
                    detail: Value::Null,
                })
        })
        .collect();
    step.binding = Some(binding.clone());
    step.status = StepStatus::AtGate;
}

fn with_step(state: &mut State, id: &str, change: impl FnOnce(&mut StepState)) {
    if let Some(step) = state.steps.iter_mut().find(|s| s.head.id == id) {
        change(step);
    }
}

fn with_effect(state: &mut State, id: &str, change: impl FnOnce(&mut EffectState)) {
    if let Some(effect) = state
        .steps
        .iter_mut()
        .flat_map(|s| s.effects.iter_mut())
        .find(|e| e.spec.id == id)
    {
        change(effect);
    }
}
