//! A waiver as it comes in: by name, with a reason, or refused.
//!
//! Whether there is anything to waive shows when the check is asked: what has failed stays so.

use crate::engine::event::Event;
use crate::scenario::names;

/// Takes a waiver, or says why not.
pub(super) fn waive(check: String, by: String, reason: &str) -> Event {
    let why_not = if names::CHECKS.iter().all(|(id, _)| *id != check) {
        Some(format!("there is no check `{check}`"))
    } else if reason.trim().is_empty() {
        Some(format!("`{check}` is waived with a reason only"))
    } else {
        None
    };
    match why_not {
        Some(reason) => Event::AskRefused {
            by,
            ask: "waive".to_owned(),
            reason,
        },
        None => Event::CheckWaived {
            check,
            by,
            reason: reason.trim().to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::core::{Ask, Core, Input, fold};
    use crate::engine::event::Event;
    use crate::engine::state::State;

    fn ask(check: &str, reason: &str) -> Input {
        Input::Asked {
            ask: Ask::Waive {
                check: check.to_owned(),
                reason: reason.to_owned(),
            },
            by: "ann".to_owned(),
        }
    }

    #[test]
    fn a_waiver_is_journaled_with_its_reason_and_begins_nothing() {
        let mut state = State::default();
        let decision = Core::default().decide(&state, ask("var-mail", " no spool here "));
        let [event] = &decision.events[..] else {
            panic!("{decision:?}");
        };
        assert!(decision.orders.is_empty());
        fold(&mut state, event);
        let waiver = &state.waivers["var-mail"];
        assert_eq!(
            (waiver.by.as_str(), waiver.reason.as_str()),
            ("ann", "no spool here")
        );
    }

    #[test]
    fn without_a_name_or_a_reason_there_is_no_waiver() {
        for input in [ask("var-mial", "x"), ask("var-mail", " ")] {
            let decision = Core::default().decide(&State::default(), input);
            assert!(
                matches!(&decision.events[..], [Event::AskRefused { .. }]),
                "{decision:?}"
            );
        }
    }
}
