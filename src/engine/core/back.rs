//! The way back: which steps take back what was done, and what that does to the state.
//!
//! Taking back is a run like any other: each step has an undo step, bound, confirmed at a gate and
//! journaled. An undo step that is over makes the step it takes back one whose turn has not come, so
//! that a run that was taken back in part can go forward again.

use super::amend;
use super::input::Decision;
use crate::engine::event::{Event, Level, Outcome, StepHead, Undo};
use crate::engine::state::{EffectStatus, Phase, State, StepState, StepStatus, Undoing};

/// The undo step that comes last when everything is taken back: it removes what the wizard itself
/// left on the hosts.
pub const RUN_FILES: &str = "undo/run-files";

/// What follows when somebody asks to take steps back.
pub(super) fn asked(state: &State, to: Option<String>, by: String, flawed: bool) -> Decision {
    let heads = match heads(state, to.as_deref()) {
        Ok(heads) if flawed => heads.into_iter().rev().collect(),
        Ok(heads) => heads,
        Err(reason) => return refused("undo", by, reason),
    };
    let mut events = reopened(state, &by);
    events.push(Event::UndoAsked {
        by,
        to,
        steps: heads,
    });
    Decision {
        events,
        orders: Vec::new(),
    }
}

/// What follows when somebody gives up taking back.
pub(super) fn forward(state: &State, by: String) -> Decision {
    if state.undo.is_none() {
        return refused("forward", by, "nothing is being taken back".to_owned());
    }
    if state.is_busy() {
        let reason = "something is under way; stop the run first, then ask again".to_owned();
        return refused("forward", by, reason);
    }
    let mut events = reopened(state, &by);
    events.push(Event::UndoLeft { by });
    Decision {
        events,
        orders: Vec::new(),
    }
}

fn refused(ask: &str, by: String, reason: String) -> Decision {
    Decision {
        events: vec![Event::AskRefused {
            by,
            ask: ask.to_owned(),
            reason,
        }],
        orders: Vec::new(),
    }
}

fn reopened(state: &State, by: &str) -> Vec<Event> {
    let over = state.phase != Phase::Running;
    let event = || Event::RunReopened { by: by.to_owned() };
    over.then(event).into_iter().collect()
}

fn heads(state: &State, to: Option<&str>) -> Result<Vec<StepHead>, String> {
    if state.is_busy() {
        return Err("something is under way; stop the run first, then ask again".to_owned());
    }
    way_back(state, to)
}

/// The steps that take back, the last one first, for a run that is not at work.
///
/// # Errors
/// Why there are none.
pub fn way_back(state: &State, to: Option<&str>) -> Result<Vec<StepHead>, String> {
    match state.phase {
        Phase::Empty => return Err("nothing has been done yet".to_owned()),
        Phase::Undone => return Err("everything was taken back already".to_owned()),
        _ => {}
    }
    let forward: Vec<&StepState> = scenario(state).collect();
    let from = match to {
        None => 0,
        Some(id) => forward
            .iter()
            .position(|s| s.head.id == id)
            .ok_or_else(|| format!("there is no step `{id}`"))?,
    };
    let mut heads = Vec::new();
    for step in forward.iter().skip(from).rev().filter(|s| s.touched) {
        let level = match &step.head.undo {
            Undo::Nothing => continue,
            Undo::Gate { level } => *level,
            Undo::Never { why } => {
                let after = forward
                    .iter()
                    .skip_while(|s| s.head.id != step.head.id)
                    .nth(1);
                let instead = after.map_or_else(String::new, |s| {
                    format!(
                        "; the earliest step that can be taken back is `{}`",
                        s.head.id
                    )
                });
                return Err(format!(
                    "step {} (`{}`) cannot be taken back: {why}{instead}",
                    step.head.guide, step.head.id
                ));
            }
        };
        heads.push(StepHead {
            id: format!("undo/{}", step.head.id),
            guide: step.head.guide.clone(),
            title: format!("Undo: {}", step.head.title),
            host: step.head.host.clone(),
            level,
            undo: Undo::Nothing,
            undoes: Some(step.head.id.clone()),
            in_sessions: false,
        });
    }
    if to.is_none() {
        heads.push(StepHead {
            id: RUN_FILES.to_owned(),
            guide: String::new(),
            title: "Remove what this run left on the hosts".to_owned(),
            host: String::new(),
            level: Level::Note,
            undo: Undo::Nothing,
            undoes: Some(String::new()),
            in_sessions: false,
        });
    }
    if heads.is_empty() {
        return Err("nothing has been done from there on that would have to be taken back".into());
    }
    Ok(heads)
}

fn scenario(state: &State) -> impl Iterator<Item = &StepState> {
    state.steps.iter().filter(|s| s.head.undoes.is_none())
}

/// Everything is over: how a run that was taken back ends.
pub(super) fn end(state: &State) -> (&'static str, String) {
    let left: Vec<&str> = state
        .way()
        .filter(|s| {
            let skipped = StepStatus::Ended {
                outcome: Outcome::Skipped,
            };
            // Left out by a person, not by its condition.
            s.status == skipped && s.binding.as_ref().is_none_or(|b| b.applies)
        })
        .map(|s| s.head.undoes.as_deref().unwrap_or_default())
        .collect();
    let note = if left.is_empty() {
        String::new()
    } else {
        format!("; left as they are: {}", left.join(", "))
    };
    match state.undo.as_ref().and_then(|u| u.to.as_ref()) {
        None => ("undone", format!("everything was taken back{note}")),
        Some(to) => (
            "stopped",
            format!("taken back to before `{to}`{note}; resume goes forward from there"),
        ),
    }
}

/// Folds [`Event::UndoAsked`].
pub(super) fn begin(state: &mut State, by: &str, to: Option<&String>, heads: &[StepHead]) {
    amend::leave(state);
    state.gate = None;
    state.held_answer = None;
    state.paused = false;
    state.stopping = false;
    give_up(state, heads);
    state.undo = Some(Undoing {
        by: by.to_owned(),
        to: to.cloned(),
    });
    let mut reached = to.is_none();
    for step in &mut state.steps {
        if step.head.undoes.is_some() {
            continue;
        }
        reached |= to.is_some_and(|id| *id == step.head.id);
        let taken_back = |h: &StepHead| h.undoes.as_ref() == Some(&step.head.id);
        if reached && !heads.iter().any(taken_back) {
            step.reset();
        } else if !step.is_over() {
            step.status = StepStatus::Pending;
        }
    }
    for head in heads {
        let at = state.steps.iter().position(|s| s.head.id == head.id);
        let mut step = match at {
            Some(at) => state.steps.remove(at),
            None => StepState::new(head.clone()),
        };
        step.head = head.clone();
        step.reset();
        state.steps.push(step);
    }
}

/// A step ended: if it took another one back, that one's turn has not come.
pub(super) fn step_ended(state: &mut State, id: &str) {
    let Some(step) = state.steps.iter().find(|s| s.head.id == id) else {
        return;
    };
    if let (true, Some(undone)) = (step.is_over(), step.head.undoes.clone())
        && let Some(step) = state.steps.iter_mut().find(|s| s.head.id == undone)
    {
        step.reset();
    }
}

/// Folds [`Event::UndoLeft`]: what was taken back, or begun to be, is done again.
pub(super) fn leave(state: &mut State) {
    state.gate = None;
    state.held_answer = None;
    state.undo = None;
    state.stopping = false;
    give_up(state, &[]);
}

/// Gives up the undo steps that are not over, but for those that are asked for anew. A step that was
/// taken back in part is done again on the way forward, and taken back on the way back.
fn give_up(state: &mut State, but: &[StepHead]) {
    let mut half = Vec::new();
    for step in state.steps.iter_mut().filter(|s| s.head.undoes.is_some()) {
        if step.is_over() || but.iter().any(|h| h.id == step.head.id) {
            continue;
        }
        if step.effects.iter().any(|e| e.status != EffectStatus::Ready) {
            half.extend(step.head.undoes.clone());
        }
        step.status = StepStatus::Ended {
            outcome: Outcome::Skipped,
        };
        "given up".clone_into(&mut step.message);
    }
    for step in state.steps.iter_mut().filter(|s| half.contains(&s.head.id)) {
        step.reset();
        step.touched = true;
    }
}
