//! What follows when a person asks something of a run: pause, go on, retry, skip, stop, take back.

use super::Core;
use super::input::{Ask, Decision, Order};
use super::{amend, back, control};
use crate::engine::event::Event;
use crate::engine::state::{Phase, State, StepStatus};

/// What follows from what a person asks.
pub(super) fn asked(core: Core, state: &State, ask: Ask, by: String) -> Decision {
    let failed = state.failed_step().map(|s| s.head.id.clone());
    let over = matches!(state.phase, Phase::Failed | Phase::Stopped);
    let reopen = |by: &str| over.then(|| Event::RunReopened { by: by.to_owned() });
    let mut found = Vec::new();
    match ask {
        Ask::Pause if state.phase == Phase::Running => found.push(Event::Paused { by }),
        Ask::Continue | Ask::Retry => {
            found.extend(reopen(&by));
            if state.paused {
                found.push(Event::Continued { by: by.clone() });
            }
            if let Some(step) = failed {
                found.push(Event::RetryAsked { step, by });
            }
        }
        Ask::Skip { reason } => {
            if let Some(step) = failed {
                found.extend(reopen(&by));
                found.push(Event::SkipAsked { step, by, reason });
            }
        }
        Ask::Waive { check, reason } => found.push(super::waive::waive(check, by, &reason)),
        Ask::Stop if state.phase == Phase::Running => found.push(Event::StopAsked { by }),
        // It answers gates.
        Ask::Policy(policy) if policy != state.policy => match control::refusal(state, &by) {
            Some(reason) => found.push(Event::AskRefused {
                by,
                ask: "policy".to_owned(),
                reason,
            }),
            None => found.push(Event::PolicySet { policy }),
        },
        Ask::Control => found.extend(control::taken(state, by, false)),
        Ask::Claim => found.extend(control::taken(state, by, true)),
        Ask::Amend {
            amendment,
            confirmed,
        } => return amend::asked(core, state, &amendment, by, confirmed),
        Ask::Undo { to } => return back::asked(state, to, by, core.flawed("undo-in-order")),
        Ask::Forward => return back::forward(state, by),
        Ask::Pause | Ask::Stop | Ask::Policy(_) => {}
    }
    // A stop does not wait for facts that are being looked up: they are looked up again.
    let reopened = found.iter().any(|e| matches!(e, Event::RunReopened { .. }));
    let orders = if reopened {
        unbound(state).into_iter().collect()
    } else {
        Vec::new()
    };
    Decision {
        events: found,
        orders,
    }
}

/// The order to look up the facts of the current step, where somebody waits for them.
pub(super) fn unbound(state: &State) -> Option<Order> {
    let step = state.current()?;
    let waits = step.status == StepStatus::Binding || state.held_answer.is_some();
    waits.then(|| Order::Bind {
        step: step.head.id.clone(),
        attempt: step.attempt,
    })
}
