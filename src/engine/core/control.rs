//! Who has control: only who has it answers gates.
//!
//! Nobody has it at first, and again when the client that had it goes away or the engine starts anew;
//! then anybody's answer counts. The screen and the line-by-line wizard take it for the run that they
//! begin or take up; `attach` only looks until it is told to take it; `imsmigrate answer` takes it
//! where nobody has it, or with `--take`. A client that answers for nobody (headless) never takes it.

use super::input::Decision;
use crate::base::display_safe;
use crate::engine::event::Event;
use crate::engine::state::{Phase, State};

/// What follows when a client takes control; `claim`: only where nobody has it.
pub(super) fn taken(state: &State, by: String, claim: bool) -> Vec<Event> {
    let over = matches!(state.phase, Phase::Empty | Phase::Done | Phase::Undone);
    match &state.control {
        _ if over => Vec::new(),
        Some(holder) if claim || *holder == by => Vec::new(),
        _ => vec![Event::ControlTaken { by }],
    }
}

/// What follows when a client has gone.
pub(super) fn left(state: &State, by: String) -> Decision {
    let has = state.control.as_ref() == Some(&by);
    let events = has.then_some(Event::ControlLeft { by });
    Decision {
        events: events.into_iter().collect(),
        orders: Vec::new(),
    }
}

/// Why a client may not answer: somebody else has control.
pub(super) fn refusal(state: &State, by: &str) -> Option<String> {
    let holder = state.control.as_deref().filter(|holder| *holder != by)?;
    Some(format!(
        "{} has control, and only who has it answers; take it over first: `c` on the screen, \
         `control` line by line, `--take` on the command line",
        display_safe(holder)
    ))
}
