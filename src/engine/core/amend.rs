//! Changes of a run on the way: asked for, confirmed at a gate of their own, journaled.
//!
//! A change never touches what is under way. It counts for steps that begin, or begin again, after
//! it: a step that waits at its gate is bound anew, and its gate shows what is done now.

use super::Core;
use super::input::{Decision, Order};
use crate::base::display_safe;
use crate::engine::amendment::{Amendment, MOST_SESSIONS};
use crate::engine::event::{Event, Gate, Level};
use crate::engine::state::{EffectStatus, Phase, State, StepState, StepStatus};

/// What follows when somebody asks for a change: a gate, or why not. `confirmed`: it was confirmed
/// where it was asked for, before this engine began.
pub(super) fn asked(
    core: Core,
    state: &State,
    amendment: &Amendment,
    by: String,
    confirmed: bool,
) -> Decision {
    let held = super::control::refusal(state, &by);
    let why_not = held.map_or_else(|| possible(core, state, amendment), Err);
    if let Err(reason) = why_not {
        return refused(by, reason);
    }
    let gate = gate(state, amendment, &by);
    let mut events = vec![
        Event::AmendmentAsked {
            by: by.clone(),
            amendment: amendment.clone(),
        },
        Event::GateOpened { gate },
    ];
    let mut orders = Vec::new();
    if confirmed || (state.policy.yes && state.phase == Phase::Running) {
        let by = if confirmed { by } else { "policy".to_owned() };
        let decision = confirm(state, amendment, by, None);
        events.extend(decision.events);
        orders = decision.orders;
    }
    Decision { events, orders }
}

/// What follows from an answer to the gate of the change that waits.
pub(super) fn answered(core: Core, state: &State, by: String, text: Option<String>) -> Decision {
    let Some(waiting) = &state.amending else {
        return Decision::default();
    };
    let amendment = waiting.amendment.clone();
    if text.as_deref().is_some_and(|t| t.trim() == "no") {
        return Decision {
            events: vec![Event::AmendmentLeft { by, amendment }],
            orders: Vec::new(),
        };
    }
    // The run may have gone on while the gate waited.
    if let Err(reason) = possible(core, state, &amendment) {
        let mut decision = refused(by.clone(), reason);
        decision.events.push(Event::AmendmentLeft { by, amendment });
        return decision;
    }
    confirm(state, &amendment, by, text)
}

fn confirm(state: &State, amendment: &Amendment, by: String, text: Option<String>) -> Decision {
    let affected = affected(state, amendment);
    let bound_again = affected
        .iter()
        .find(|s| matches!(s.status, StepStatus::Binding | StepStatus::AtGate));
    let orders = bound_again
        .filter(|_| state.phase == Phase::Running)
        .map(|step| Order::Bind {
            step: step.head.id.clone(),
            attempt: step.attempt,
        });
    Decision {
        events: vec![
            Event::GateAnswered {
                gate: amendment.gate(),
                by: by.clone(),
                text,
            },
            Event::Amended {
                by,
                amendment: amendment.clone(),
                before: before(state, amendment),
                plan: digest(&state.plan, amendment),
            },
        ],
        orders: orders.into_iter().collect(),
    }
}

/// The digest of the plan with a change: that of the plan before it, and the change.
fn digest(plan: &str, amendment: &Amendment) -> String {
    crate::engine::journal::hash(format!("{plan}\n{amendment}").as_bytes())
}

fn refused(by: String, reason: String) -> Decision {
    Decision {
        events: vec![Event::AskRefused {
            by,
            ask: "set".to_owned(),
            reason,
        }],
        orders: Vec::new(),
    }
}

/// The gate of the change that waits, if it is not open.
pub(super) fn reopened(state: &State) -> Option<Event> {
    let waiting = state.amending.as_ref()?;
    let open = state.gate.as_ref().map(|g| g.id.as_str());
    let closed = open != Some(waiting.amendment.gate().as_str());
    closed.then(|| Event::GateOpened {
        gate: gate(state, &waiting.amendment, &waiting.by),
    })
}

/// The steps on the way forward that a change is about.
fn affected<'a>(state: &'a State, amendment: &Amendment) -> Vec<&'a StepState> {
    let forward = state.steps.iter().filter(|s| s.head.undoes.is_none());
    forward
        .filter(|s| match amendment {
            Amendment::Sessions { .. } => s.head.in_sessions,
            Amendment::ByHand { step, .. } => s.head.id == *step,
        })
        .collect()
}

/// Whether a change can be made now.
fn possible(core: Core, state: &State, amendment: &Amendment) -> Result<(), String> {
    match state.phase {
        Phase::Empty => return Err("the run has not begun".to_owned()),
        Phase::Done | Phase::Undone => return Err("the run is over".to_owned()),
        Phase::Running | Phase::Failed | Phase::Stopped => {}
    }
    if state.undo.is_some() {
        return Err(
            "the run is being taken back; go forward again first (`resume --forward`)".to_owned(),
        );
    }
    if state.stopping {
        return Err("the run is stopping; ask again when it has".to_owned());
    }
    if let Some(waiting) = state
        .amending
        .as_ref()
        .filter(|w| w.amendment != *amendment)
    {
        return Err(format!(
            "`{}` waits at its gate; answer that first (`no` leaves everything as it is)",
            waiting.amendment
        ));
    }
    let steps = affected(state, amendment);
    if let Amendment::Sessions { sessions } = amendment
        && !(1..=MOST_SESSIONS).contains(sessions)
    {
        return Err(format!("sessions is a number from 1 to {MOST_SESSIONS}"));
    }
    if steps.is_empty() {
        return Err(match amendment {
            Amendment::Sessions { .. } => {
                "no step of this run moves mailboxes in sessions".to_owned()
            }
            Amendment::ByHand { step, .. } => {
                format!("the run has no step `{}`", display_safe(step))
            }
        });
    }
    if let Some(step) = steps.iter().find(|s| is_working(s))
        && !core.flawed("change-what-is-under-way")
    {
        return Err(format!(
            "step {} (`{}`) is under way and goes on as it began; pause or stop the run, let what \
             has begun end, then set it",
            step.head.guide, step.head.id
        ));
    }
    if let Some(step) = steps.first()
        && steps.iter().all(|s| s.is_over())
    {
        return Err(format!(
            "step {} (`{}`) is over",
            step.head.guide, step.head.id
        ));
    }
    if before(state, amendment) == now(amendment) {
        return Err("it is so already".to_owned());
    }
    Ok(())
}

/// Whether something of a step has begun and not ended.
fn is_working(step: &StepState) -> bool {
    let open = |s: EffectStatus| matches!(s, EffectStatus::InFlight | EffectStatus::Unknown);
    step.effects.iter().any(|e| open(e.status))
}

/// What was set before, in a word.
fn before(state: &State, amendment: &Amendment) -> String {
    match amendment {
        Amendment::Sessions { .. } => match state.amendments.sessions.unwrap_or(state.sessions) {
            0 => "automatic".to_owned(),
            some => some.to_string(),
        },
        Amendment::ByHand { step, .. } if state.amendments.by_hand.contains(step) => {
            "by-hand".to_owned()
        }
        Amendment::ByHand { .. } => "automatic".to_owned(),
    }
}

fn now(amendment: &Amendment) -> String {
    let text = amendment.to_string();
    text.rsplit('=').next().unwrap_or_default().to_owned()
}

fn gate(state: &State, amendment: &Amendment, by: &str) -> Gate {
    let steps = affected(state, amendment);
    let of = |s: &&StepState| format!("step {}, {}", s.head.guide, s.head.title);
    let which: Vec<String> = steps.iter().filter(|s| !s.is_over()).map(of).collect();
    let mut lines = match amendment {
        Amendment::Sessions { sessions } => {
            let now = match state.amendments.sessions.unwrap_or(state.sessions) {
                0 => "up to 12, by the number of users (the site leaves it open)".to_owned(),
                some => format!("{some} at once"),
            };
            vec![
                "What: Change in how many sessions mailboxes are moved".to_owned(),
                format!("Where: {}", which.join("; ")),
                format!("Until now: {now}"),
                format!("From now on: {sessions} at once"),
                "Means: The users who are still to be moved are divided anew. Every session is one \
                 imbackup and one imsrestore at the same time: more of them load both hosts more, \
                 fewer take longer."
                    .to_owned(),
            ]
        }
        Amendment::ByHand { by_hand, .. } => {
            let who = |by_hand: bool| {
                if by_hand {
                    "you are shown each command, give it yourself, and say when it is done"
                } else {
                    "the wizard does it"
                }
            };
            let what = if *by_hand {
                "Do this step by hand"
            } else {
                "Let the wizard do this step"
            };
            vec![
                format!("What: {what}"),
                format!("Where: {}", which.join("; ")),
                format!("Until now: {}", who(!by_hand)),
                format!("From now on: {}", who(*by_hand)),
                "Means: The same checks prove the step, whoever does it. Its own gate comes as \
                 before."
                    .to_owned(),
            ]
        }
    };
    let again = steps.iter().any(|s| {
        matches!(
            s.status,
            StepStatus::Binding | StepStatus::AtGate | StepStatus::Running
        )
    });
    if again {
        lines.push("Then: The step's gate opens anew, with what is done then.".to_owned());
    }
    lines.push(format!("Asked by: {by}"));
    lines.push("Or: Answer `no`, and everything stays as it was planned.".to_owned());
    Gate {
        id: amendment.gate(),
        level: Level::Change,
        typed: None,
        lines,
    }
}

/// Folds [`Event::Amended`].
pub(super) fn fold(state: &mut State, amendment: &Amendment, plan: &str) {
    leave(state);
    state.amendments.apply(amendment);
    plan.clone_into(&mut state.plan);
    let ids: Vec<String> = affected(state, amendment)
        .iter()
        .map(|s| s.head.id.clone())
        .collect();
    for step in state.steps.iter_mut().filter(|s| ids.contains(&s.head.id)) {
        match step.status {
            // It is bound anew, and asks again.
            StepStatus::AtGate => step.status = StepStatus::Binding,
            // What ended stays; the rest is an attempt of its own.
            StepStatus::Running => step.status = StepStatus::Pending,
            _ => {}
        }
        if matches!(step.status, StepStatus::Binding | StepStatus::Pending) {
            step.retry_by = None;
            if state
                .held_answer
                .as_ref()
                .is_some_and(|(gate, ..)| *gate == step.head.id)
            {
                state.held_answer = None;
            }
        }
    }
    // Whatever gate was open is not this change's any more.
    let stale = |gate: &Gate| {
        let of = |id: &String| gate.id == *id || gate.id.starts_with(&format!("{id}/"));
        ids.iter().any(of)
    };
    if state.gate.as_ref().is_some_and(stale) {
        state.gate = None;
    }
}

/// The change does not wait any more; a gate that it covered opens again.
pub(super) fn leave(state: &mut State) {
    if let Some(waiting) = state.amending.take()
        && state
            .gate
            .as_ref()
            .is_some_and(|g| g.id == waiting.amendment.gate())
    {
        state.gate = None;
    }
}

/// The operator has read what to do by hand: from now on it may have been done, said or not.
pub(super) fn shown(state: &mut State, gate: &str) {
    let by_hand = &state.amendments.by_hand;
    let asks = |s: &&mut StepState| {
        by_hand.contains(&s.head.id) && s.effects.iter().any(|e| e.spec.id == gate)
    };
    if let Some(step) = state.steps.iter_mut().find(asks) {
        step.touched = true;
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::core::{Ask, Core, Input, fold};
    use crate::engine::event::{
        Amendment, Binding, EffectSpec, Event, Gate, Level, Policy, StepHead, Undo,
    };
    use crate::engine::state::{State, StepStatus};
    use serde_json::Value;

    fn give(state: &mut State, input: Input) -> Vec<Event> {
        let decision = Core::default().decide(state, input);
        for event in &decision.events {
            fold(state, event);
        }
        decision.events
    }

    fn binding(sessions: u16) -> Binding {
        let effect = |number: u16| EffectSpec {
            id: format!("move/1/s{number}"),
            action: "transfer-mailboxes".to_owned(),
            summary: String::new(),
            stage: 1,
            by_operator: false,
            parameters: Value::Null,
        };
        Binding {
            applies: true,
            reason: String::new(),
            facts: Value::Null,
            effects: (0..sessions).map(effect).collect(),
            parallel: 1,
            gate: Gate {
                id: "move".to_owned(),
                level: Level::Destructive,
                typed: Some("mail".to_owned()),
                lines: Vec::new(),
            },
            digest: sessions.to_string(),
        }
    }

    fn bound(state: &mut State, sessions: u16) {
        let (step, revision) = ("move".to_owned(), state.amendments.revision);
        let result = Ok(binding(sessions));
        let input = Input::Bound {
            step,
            revision,
            result,
        };
        give(state, input);
    }

    /// A run that waits at the gate of its one step, with two sessions.
    fn at_the_gate() -> State {
        let mut state = State::default();
        let head = StepHead {
            id: "move".to_owned(),
            guide: "10b".to_owned(),
            title: "Move the mailboxes".to_owned(),
            host: "mail".to_owned(),
            level: Level::Destructive,
            undo: Undo::Nothing,
            undoes: None,
            in_sessions: true,
        };
        let created = Event::RunCreated {
            run: "1123-abcd".to_owned(),
            scenario: "x".to_owned(),
            label: "live".to_owned(),
            lab: None,
            policy: Policy::default(),
            steps: vec![head],
            draft: "plan".to_owned(),
            window: None,
            sessions: 2,
        };
        give(&mut state, Input::Create(Box::new(created)));
        let (pid, version, stop) = (1, String::new(), false);
        give(&mut state, Input::Begin { pid, version, stop });
        bound(&mut state, 2);
        state
    }

    fn set(state: &mut State, sessions: u16) -> Vec<Event> {
        let ask = Ask::Amend {
            amendment: Amendment::Sessions { sessions },
            confirmed: false,
        };
        let by = "ann".to_owned();
        give(state, Input::Asked { ask, by })
    }

    fn answer(state: &mut State, gate: &str, text: Option<&str>) -> Vec<Event> {
        let answer = Input::Answer {
            gate: gate.to_owned(),
            text: text.map(str::to_owned),
            by: "ann".to_owned(),
            age_ms: 0,
        };
        give(state, answer)
    }

    fn open(state: &State) -> &str {
        state.gate.as_ref().map_or("", |g| g.id.as_str())
    }

    fn refusal(events: &[Event]) -> &str {
        match events {
            [Event::AskRefused { reason, .. }, ..] => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_step_that_waits_at_its_gate_is_bound_anew_and_asks_again() {
        let mut state = at_the_gate();
        set(&mut state, 5);
        assert_eq!(open(&state), "set/sessions");
        let shown = &state.gate.as_ref().unwrap().lines;
        assert!(
            shown.contains(&"Until now: 2 at once".to_owned()),
            "{shown:?}"
        );
        assert!(
            shown.contains(&"From now on: 5 at once".to_owned()),
            "{shown:?}"
        );
        answer(&mut state, "set/sessions", None);
        assert_eq!(state.amendments.sessions, Some(5));
        assert_ne!(state.plan, "plan");
        assert_eq!(state.steps[0].status, StepStatus::Binding);

        // Looked up before the change: it does not count.
        let (step, result) = ("move".to_owned(), Ok(binding(2)));
        let early = Input::Bound {
            step,
            revision: 0,
            result,
        };
        assert_eq!(give(&mut state, early), []);
        bound(&mut state, 5);
        assert_eq!(open(&state), "move");
        assert_eq!(
            (state.steps[0].attempt, state.steps[0].effects.len()),
            (1, 5)
        );
    }

    #[test]
    fn a_change_that_is_declined_leaves_the_step_at_its_gate() {
        let mut state = at_the_gate();
        set(&mut state, 5);
        let events = answer(&mut state, "set/sessions", Some("no"));
        assert!(
            matches!(events[0], Event::AmendmentLeft { .. }),
            "{events:?}"
        );
        assert_eq!((open(&state), state.amendments.sessions), ("move", None));
        assert_eq!(state.plan, "plan");
    }

    #[test]
    fn what_is_under_way_goes_on_as_it_began_and_what_to_do_is_said() {
        let mut state = at_the_gate();
        answer(&mut state, "move", Some("mail"));
        let refused = set(&mut state, 5);
        let why = refusal(&refused);
        assert!(
            why.contains("step 10b") && why.contains("pause or stop"),
            "{why}"
        );

        let ask = Ask::Pause;
        let by = "ann".to_owned();
        give(&mut state, Input::Asked { ask, by });
        let ended = Event::EffectEnded {
            effect: "move/1/s0".to_owned(),
            attempt: 1,
            outcome: crate::engine::event::Outcome::Ok,
            message: String::new(),
            detail: Value::Null,
        };
        fold(&mut state, &ended);
        set(&mut state, 5);
        answer(&mut state, "set/sessions", None);
        assert_eq!(
            state.steps[0].status,
            StepStatus::Pending,
            "an attempt of its own"
        );
    }
}
