//! Decides what follows from an input: events to be journaled, then orders to be carried out.
//!
//! After an input has been dealt with, [`Core::decide`] goes on by itself for as long as something
//! follows from the state alone: the next step, the next effect, an answer the policy gives.

use super::asks::{asked, unbound};
use super::back;
use super::bound::bound;
use super::fold::fold;
use super::input::{Decision, Input, Order};
use super::{amend, control};
use crate::engine::event::{Event, FRESH, Gate, Level, Outcome};
use crate::engine::state::{EffectState, EffectStatus, Phase, State, StepState, StepStatus};
use serde_json::Value;

/// The decider. Stateless; a type, so that the simulation can plant bugs in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Core {
    #[cfg(test)]
    pub(super) flaw: Option<super::simulation::Flaw>,
}

impl Core {
    /// Decides what follows from one input.
    pub fn decide(self, state: &State, input: Input) -> Decision {
        let mut now = state.clone();
        let mut decision = Decision::default();
        // What is created is begun with the `Begin` that follows, as after a crash.
        // Nothing follows from a waiver either, and one may come before the `Begin`.
        let is_new = match &input {
            Input::Create(_) => true,
            Input::Asked { ask, .. } => matches!(ask, super::input::Ask::Waive { .. }),
            _ => false,
        };
        let first = self.answer_input(&now, input);
        let mut step = Some(first);
        while let Some(part) = step.take() {
            for event in &part.events {
                fold(&mut now, event);
            }
            let more = !part.events.is_empty() && !is_new;
            decision.events.extend(part.events);
            decision.orders.extend(part.orders);
            if more {
                step = Some(self.advance(&now));
            }
        }
        decision
    }

    /// What follows from the input alone.
    fn answer_input(self, state: &State, input: Input) -> Decision {
        match input {
            Input::Create(event) if state.phase == Phase::Empty => events([*event]),
            Input::Create(_) => Decision::default(),
            Input::Begin { pid, version, stop } => {
                let mut decision = self.begin(state, pid, version);
                if stop && state.phase != Phase::Running {
                    // It was started for what came before, and that is done.
                    decision.orders.push(Order::Finish);
                }
                if stop && state.phase == Phase::Running {
                    let by = "undo".to_owned();
                    decision.events.push(Event::StopAsked { by });
                }
                decision
            }
            // What was looked up before the run was changed is looked up again.
            Input::Bound { revision, .. }
                if revision != state.amendments.revision
                    && !self.flawed("bound-before-a-change") =>
            {
                Decision::default()
            }
            Input::Bound { step, result, .. } => bound(state, &step, result),
            Input::Answer {
                gate,
                text,
                by,
                age_ms,
            } => self.answer(state, gate, text, by, age_ms),
            Input::Progress {
                effect,
                bytes,
                message,
            } => {
                if in_flight(state, &effect) {
                    events([Event::EffectProgress {
                        effect,
                        bytes,
                        message,
                    }])
                } else {
                    Decision::default()
                }
            }
            Input::Ended {
                effect,
                outcome,
                message,
                detail,
            } => {
                let Some(known) = state
                    .effect(&effect)
                    .filter(|e| e.status == EffectStatus::InFlight)
                else {
                    return Decision::default();
                };
                let attempt = known.attempt;
                events([Event::EffectEnded {
                    effect,
                    attempt,
                    outcome,
                    message,
                    detail,
                }])
            }
            Input::Settled {
                effect,
                result,
                message,
            } => self.settled(state, effect, result, message),
            Input::Left { by } => control::left(state, by),
            Input::Asked { ask, by } => asked(self, state, ask, by),
        }
    }

    fn begin(self, state: &State, pid: u32, version: String) -> Decision {
        let mut decision = events([Event::EngineStarted { pid, version }]);
        let open = state.steps.iter().flat_map(|s| &s.effects);
        for effect in
            open.filter(|e| matches!(e.status, EffectStatus::InFlight | EffectStatus::Unknown))
        {
            let id = effect.spec.id.clone();
            if self.flawed("redo-without-settling") {
                decision.events.push(Event::EffectSettled {
                    effect: id,
                    done: false,
                    message: String::new(),
                });
                continue;
            }
            decision
                .events
                .push(Event::EffectInterrupted { effect: id.clone() });
            decision.orders.push(Order::Settle { effect: id });
        }
        if state.phase == Phase::Running {
            decision.orders.extend(unbound(state));
        }
        decision
    }

    fn settled(
        self,
        state: &State,
        effect: String,
        result: Result<bool, String>,
        message: String,
    ) -> Decision {
        let Some(known) = state
            .effect(&effect)
            .filter(|e| e.status == EffectStatus::Unknown)
        else {
            return Decision::default();
        };
        match result {
            Ok(done) => {
                let done = done || self.flawed("settled-is-done");
                events([Event::EffectSettled {
                    effect,
                    done,
                    message,
                }])
            }
            Err(reason) => events([Event::EffectEnded {
                effect,
                attempt: known.attempt,
                outcome: Outcome::Failed,
                message: reason,
                detail: Value::Null,
            }]),
        }
    }

    fn answer(
        self,
        state: &State,
        gate: String,
        text: Option<String>,
        by: String,
        age_ms: u64,
    ) -> Decision {
        let refuse = |gate: String, by: String, reason: &str| {
            events([Event::AnswerRefused {
                gate,
                by,
                reason: reason.to_owned(),
            }])
        };
        if let Some(reason) =
            control::refusal(state, &by).filter(|_| !self.flawed("control-unchecked"))
        {
            return refuse(gate, by, &reason);
        }
        let Some(open) = &state.gate else {
            return refuse(gate, by, "no gate is open");
        };
        if open.id != gate {
            let reason = format!("the open gate is `{}`", open.id);
            return refuse(gate, by, &reason);
        }
        if state
            .amending
            .as_ref()
            .is_some_and(|a| a.amendment.gate() == gate)
        {
            return amend::answered(self, state, by, text);
        }
        if let Some(wanted) = &open.typed
            && text.as_deref() != Some(wanted.as_str())
            && !self.flawed("typed-text-unchecked")
        {
            let reason = format!("type `{wanted}` exactly");
            return refuse(gate, by, &reason);
        }
        if state.held_answer.is_some() {
            return refuse(
                gate,
                by,
                "an answer is already being checked against fresh facts",
            );
        }
        if let Some(effect) = state.effect(&gate) {
            return if effect.status == EffectStatus::Asked {
                operator_did_it(&effect.spec.id, effect.attempt, by, text)
            } else {
                refuse(gate, by, "it was answered already")
            };
        }
        if u128::from(age_ms) > FRESH.as_millis()
            && open.level >= Level::Change
            && let Some(step) = state.steps.iter().find(|s| s.head.id == gate)
        {
            let attempt = step.attempt;
            let order = Order::Bind {
                step: gate.clone(),
                attempt,
            };
            let mut decision = events([Event::AnswerReceived { gate, by, text }]);
            decision.orders.push(order);
            return decision;
        }
        events([Event::GateAnswered { gate, by, text }])
    }

    /// What follows from the state alone.
    fn advance(self, state: &State) -> Decision {
        if state.phase != Phase::Running {
            return Decision::default();
        }
        if state.stopping {
            return stop(state);
        }
        if let Some(opened) = amend::reopened(state) {
            return events([opened]);
        }
        if state.paused && !self.flawed("dispatch-while-paused") {
            return Decision::default();
        }
        let Some(step) = state.current() else {
            return finish(state);
        };
        let id = step.head.id.clone();
        match &step.status {
            StepStatus::Pending => {
                let attempt = step.attempt + 1;
                Decision {
                    events: vec![Event::StepEntered {
                        step: id.clone(),
                        attempt,
                    }],
                    orders: vec![Order::Bind { step: id, attempt }],
                }
            }
            StepStatus::AtGate => self.at_gate(state, step),
            StepStatus::Running => Self::run_effects(state, step),
            StepStatus::Blocked
            | StepStatus::Ended {
                outcome: Outcome::Failed,
            } => {
                if self.flawed("go-on-after-failure") {
                    return events([Event::StepEnded {
                        step: id,
                        outcome: Outcome::Warning,
                        message: String::new(),
                    }]);
                }
                if state.policy.headless {
                    let message = format!("step {} failed: {}", step.head.guide, step.message);
                    return ended("failed", message);
                }
                Decision::default()
            }
            StepStatus::Binding | StepStatus::Ended { .. } => Decision::default(),
        }
    }

    /// A step stands at its gate: open it, or answer it by policy.
    fn at_gate(self, state: &State, step: &StepState) -> Decision {
        let Some(binding) = &step.binding else {
            return Decision::default();
        };
        let id = step.head.id.clone();
        if !binding.applies {
            return events([Event::StepEnded {
                step: id,
                outcome: Outcome::Skipped,
                message: binding.reason.clone(),
            }]);
        }
        if state.amending.is_some() {
            return Decision::default();
        }
        let gate = &binding.gate;
        if state.gate.as_ref() != Some(gate) {
            return events([Event::GateOpened { gate: gate.clone() }]);
        }
        if state.held_answer.is_some() {
            return Decision::default();
        }
        if self.flawed("run-before-the-answer") {
            return events([Event::GateAnswered {
                gate: id,
                by: "nobody".to_owned(),
                text: None,
            }]);
        }
        // A retry was confirmed when it was asked for.
        if let Some(by) = &step.retry_by {
            let by = format!("retry by {by}");
            return events([Event::GateAnswered {
                gate: id,
                by,
                text: gate.typed.clone(),
            }]);
        }
        match by_policy(state, gate) {
            Some((by, text)) => events([Event::GateAnswered { gate: id, by, text }]),
            None => Decision::default(),
        }
    }

    /// A confirmed step: dispatch what may run now, or end it.
    fn run_effects(state: &State, step: &StepState) -> Decision {
        let open = |e: &&EffectState| !matches!(e.status, EffectStatus::Ended { .. });
        let failed = step.effects.iter().any(|e| {
            matches!(
                e.status,
                EffectStatus::Ended {
                    outcome: Outcome::Failed
                }
            )
        });
        let Some(stage) = step.effects.iter().filter(open).map(|e| e.spec.stage).min() else {
            return end_step(step);
        };
        let in_stage = || step.effects.iter().filter(|e| e.spec.stage == stage);
        if in_stage().any(|e| e.status == EffectStatus::Unknown) {
            return Decision::default();
        }
        let failed_before = step.effects.iter().any(|e| {
            e.spec.stage < stage
                && matches!(
                    e.status,
                    EffectStatus::Ended {
                        outcome: Outcome::Failed
                    }
                )
        });
        if failed_before {
            return end_step(step);
        }
        if failed
            && step
                .effects
                .iter()
                .filter(open)
                .all(|e| e.spec.stage > stage)
        {
            return end_step(step);
        }
        let parallel = step.binding.as_ref().map_or(1, |b| b.parallel.max(1));
        let busy = in_stage()
            .filter(|e| matches!(e.status, EffectStatus::InFlight | EffectStatus::Asked))
            .count();
        // A stop closed the gate, not the task.
        if state.gate.is_none()
            && let Some(asked) = in_stage().find(|e| e.status == EffectStatus::Asked)
        {
            return ask_operator(state, asked);
        }
        let mut decision = Decision::default();
        let ready = in_stage().filter(|e| e.status == EffectStatus::Ready);
        for effect in ready.take(parallel.saturating_sub(busy)) {
            if let Some(said) = &effect.said {
                let said = Some(said.clone());
                intend(&mut decision, &effect.spec.id, effect.attempt, said);
            } else if effect.spec.by_operator {
                if state.gate.is_none() {
                    return ask_operator(state, effect);
                }
            } else {
                intend(&mut decision, &effect.spec.id, effect.attempt, None);
            }
        }
        decision
    }

    #[cfg(test)]
    pub(super) fn flawed(self, name: &str) -> bool {
        self.flaw.is_some_and(|f| f.0 == name)
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "the simulation plants bugs here")]
    pub(super) const fn flawed(self, _name: &str) -> bool {
        false
    }
}

pub(super) fn events<const N: usize>(events: [Event; N]) -> Decision {
    Decision {
        events: events.into(),
        orders: Vec::new(),
    }
}

fn ended(outcome: &str, message: String) -> Decision {
    Decision {
        events: vec![Event::RunEnded {
            outcome: outcome.to_owned(),
            message,
        }],
        orders: vec![Order::Finish],
    }
}

fn in_flight(state: &State, effect: &str) -> bool {
    state
        .effect(effect)
        .is_some_and(|e| e.status == EffectStatus::InFlight)
}

fn intend(decision: &mut Decision, effect: &str, attempt: u32, text: Option<String>) {
    decision.events.push(Event::EffectIntended {
        effect: effect.to_owned(),
        attempt: attempt + 1,
    });
    decision.orders.push(Order::Do {
        effect: effect.to_owned(),
        text,
    });
}

fn operator_did_it(effect: &str, attempt: u32, by: String, text: Option<String>) -> Decision {
    let mut decision = events([Event::GateAnswered {
        gate: effect.to_owned(),
        by,
        text: text.clone(),
    }]);
    intend(&mut decision, effect, attempt, text);
    decision
}

/// Asks the operator to do an effect; an answers file may answer at once.
fn ask_operator(state: &State, effect: &EffectState) -> Decision {
    let lines = effect
        .spec
        .parameters
        .get("text")
        .and_then(Value::as_array)
        .map(|lines| {
            lines
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        })
        .unwrap_or_default();
    let gate = Gate {
        id: effect.spec.id.clone(),
        level: Level::Note,
        typed: None,
        lines,
    };
    let mut decision = events([Event::GateOpened { gate }]);
    if let Some(text) = state.policy.answers.get(&effect.spec.id) {
        let by = "answers-file".to_owned();
        let answered = operator_did_it(&effect.spec.id, effect.attempt, by, Some(text.clone()));
        decision.events.extend(answered.events);
        decision.orders.extend(answered.orders);
    }
    decision
}

fn by_policy(state: &State, gate: &Gate) -> Option<(String, Option<String>)> {
    let policy = &state.policy;
    if let Some(text) = policy.answers.get(&gate.id) {
        let fits = gate.typed.as_ref().is_none_or(|t| t == text);
        return fits.then(|| ("answers-file".to_owned(), Some(text.clone())));
    }
    let allowed = policy.yes && (gate.level <= Level::Change || policy.practice);
    allowed.then(|| ("policy".to_owned(), gate.typed.clone()))
}

/// Stops once nothing is in flight.
fn stop(state: &State) -> Decision {
    if state.is_busy() {
        return Decision::default();
    }
    let at = state.current().map_or_else(String::new, |s| {
        let undo = if s.head.undoes.is_some() {
            " the undo of"
        } else {
            ""
        };
        format!(" before{undo} step {}", s.head.guide)
    });
    ended("stopped", format!("stopped by the operator{at}"))
}

fn finish(state: &State) -> Decision {
    if state.undo.is_some() {
        let (outcome, message) = back::end(state);
        return ended(outcome, message);
    }
    let warned: Vec<&str> = state
        .way()
        .filter(|s| {
            s.status
                == StepStatus::Ended {
                    outcome: Outcome::Warning,
                }
        })
        .map(|s| s.head.guide.as_str())
        .collect();
    let all = state.way().count();
    let done = state
        .way()
        .filter(|s| {
            s.status
                != StepStatus::Ended {
                    outcome: Outcome::Skipped,
                }
        })
        .count();
    let message = format!("{done} steps done, {} skipped", all - done);
    if warned.is_empty() {
        return ended("ok", message);
    }
    let look = format!("{message}; something to look at in: {}", warned.join(", "));
    ended("warning", look)
}

/// Ends a step whose effects are over, or that cannot go on.
fn end_step(step: &StepState) -> Decision {
    let worst = step.effects.iter().filter_map(|e| match e.status {
        EffectStatus::Ended { outcome } => Some((outcome, e.message.as_str())),
        _ => None,
    });
    let failures: Vec<&str> = worst
        .clone()
        .filter(|(o, _)| *o == Outcome::Failed)
        .map(|(_, m)| m)
        .collect();
    let warnings: Vec<&str> = worst
        .filter(|(o, _)| *o == Outcome::Warning)
        .map(|(_, m)| m)
        .collect();
    let (outcome, message) = if !failures.is_empty() {
        (Outcome::Failed, failures.join("; "))
    } else if !warnings.is_empty() {
        (Outcome::Warning, warnings.join("; "))
    } else {
        (
            Outcome::Ok,
            step.effects
                .last()
                .map(|e| e.message.clone())
                .unwrap_or_default(),
        )
    };
    events([Event::StepEnded {
        step: step.head.id.clone(),
        outcome,
        message,
    }])
}
