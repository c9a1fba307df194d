//! A step's facts have been looked up: for the first time, or once more for an answer that waited.
//!
//! What is executed is what was confirmed: where facts have changed meanwhile the answer does not
//! count, the gate opens again, and what changed is named.

use super::decide::events;
use super::input::Decision;
use crate::engine::event::{Binding, EffectSpec, Event};
use crate::engine::state::{State, StepStatus};
use serde_json::Value;

/// What follows from a step's facts.
pub(super) fn bound(state: &State, step: &str, result: Result<Binding, Vec<String>>) -> Decision {
    let Some(known) = state.steps.iter().find(|s| s.head.id == step) else {
        return Decision::default();
    };
    let waiting = known.status == StepStatus::AtGate && state.held_answer.is_some();
    if known.status != StepStatus::Binding && !waiting {
        return Decision::default();
    }
    let mut binding = match result {
        Ok(binding) => binding,
        Err(reasons) => {
            return events([Event::StepBlocked {
                step: step.to_owned(),
                reasons,
            }]);
        }
    };
    if waiting
        && let Some((gate, by, text)) = &state.held_answer
        && let Some(before) = &known.binding
    {
        if before.digest == binding.digest {
            return events([Event::GateAnswered {
                gate: gate.clone(),
                by: by.clone(),
                text: text.clone(),
            }]);
        }
        let changed = format!(
            "Facts changed while this gate waited ({}): this is the plan as it is now.",
            changes(before, &binding).join("; ")
        );
        binding.gate.lines.insert(0, changed);
    }
    events([Event::StepBound {
        step: step.to_owned(),
        binding,
    }])
}

/// What is not as it was, by name.
fn changes(before: &Binding, now: &Binding) -> Vec<String> {
    let of = |binding: &Binding| binding.facts.as_object().cloned().unwrap_or_default();
    let (was, is) = (of(before), of(now));
    let mut ids: Vec<&String> = was.keys().chain(is.keys()).collect();
    ids.sort();
    ids.dedup();
    let mut found: Vec<String> = ids
        .into_iter()
        .filter(|id| was.get(*id) != is.get(*id))
        .map(|id| match (short(was.get(id)), short(is.get(id))) {
            (was, is) if was == is => format!("{id}: {is} as before, but others"),
            (was, is) => format!("{id}: {was} before, {is} now"),
        })
        .collect();
    if found.is_empty() {
        let differs = |effect: &&EffectSpec| !before.effects.contains(effect);
        found = now
            .effects
            .iter()
            .filter(differs)
            .map(|e| e.summary.clone())
            .collect();
    }
    found
}

/// A fact in a word or a number.
fn short(fact: Option<&Value>) -> String {
    match fact {
        None | Some(Value::Null) => "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(list)) => list
            .get("count")
            .map_or("some".to_owned(), Value::to_string),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::core::{Core, Input, fold};
    use crate::engine::event::{Binding, Event, Gate, Level, Policy, StepHead};
    use crate::engine::state::State;
    use serde_json::{Value, json};

    fn binding(facts: Value) -> Binding {
        Binding {
            applies: true,
            reason: String::new(),
            digest: facts.to_string(),
            facts,
            effects: Vec::new(),
            parallel: 1,
            gate: Gate {
                id: "upgrade".to_owned(),
                level: Level::Destructive,
                typed: Some("o=internet".to_owned()),
                lines: vec!["Entries: all".to_owned()],
            },
        }
    }

    fn give(state: &mut State, input: Input) -> Vec<Event> {
        let decision = Core::default().decide(state, input);
        for event in &decision.events {
            fold(state, event);
        }
        decision.events
    }

    /// A run whose one gate has waited for ten minutes when it is answered.
    fn answered_late(facts: Value) -> State {
        let mut state = State::default();
        let head: StepHead = serde_json::from_value(json!({
            "id": "upgrade", "guide": "9b", "title": "Upgrade", "host": "mail",
            "level": "destructive",
        }))
        .unwrap();
        let created = Event::RunCreated {
            run: "1123-abcd".to_owned(),
            scenario: "x".to_owned(),
            label: "live".to_owned(),
            lab: None,
            policy: Policy::default(),
            steps: vec![head],
            draft: String::new(),
            window: None,
            sessions: 0,
        };
        give(&mut state, Input::Create(Box::new(created)));
        let (pid, version) = (1, String::new());
        let stop = false;
        give(&mut state, Input::Begin { pid, version, stop });
        let (step, result) = ("upgrade".to_owned(), Ok(binding(facts)));
        give(
            &mut state,
            Input::Bound {
                step,
                revision: 0,
                result,
            },
        );
        let answer = Input::Answer {
            gate: "upgrade".to_owned(),
            text: Some("o=internet".to_owned()),
            by: "somebody".to_owned(),
            age_ms: 600_000,
        };
        let events = give(&mut state, answer);
        assert!(matches!(events.as_slice(), [Event::AnswerReceived { .. }]));
        state
    }

    fn looked_up_again(state: &mut State, facts: Value) -> Vec<Event> {
        let (step, result) = ("upgrade".to_owned(), Ok(binding(facts)));
        give(
            state,
            Input::Bound {
                step,
                revision: 0,
                result,
            },
        )
    }

    #[test]
    fn an_answer_counts_when_the_facts_are_as_they_were() {
        let facts = json!({ "users": { "count": 3, "digest": "a" } });
        let mut state = answered_late(facts.clone());
        let events = looked_up_again(&mut state, facts);
        assert!(matches!(events.first(), Some(Event::GateAnswered { by, .. }) if by == "somebody"));
    }

    #[test]
    fn a_changed_fact_is_named_and_the_gate_asks_anew() {
        let before = json!({
            "users": { "count": 3, "digest": "a" },
            "groups": { "count": 2, "digest": "x" },
            "disk": "enough",
        });
        let now = json!({
            "users": { "count": 4, "digest": "b" },
            "groups": { "count": 2, "digest": "y" },
            "disk": "enough",
        });
        let mut state = answered_late(before);
        let events = looked_up_again(&mut state, now);
        assert!(
            !events
                .iter()
                .any(|e| matches!(e, Event::GateAnswered { .. }))
        );
        let gate = state.gate.clone().unwrap();
        assert_eq!(gate.id, "upgrade");
        assert_eq!(
            gate.lines[0],
            "Facts changed while this gate waited (groups: 2 as before, but others; \
             users: 3 before, 4 now): this is the plan as it is now."
        );
        assert_eq!(gate.lines[1], "Entries: all");
    }

    #[test]
    fn a_fact_that_cannot_be_looked_up_again_blocks_the_step_in_its_own_words() {
        let mut state = answered_late(json!({}));
        let reasons = vec!["the directory does not answer".to_owned()];
        let (step, result) = ("upgrade".to_owned(), Err(reasons.clone()));
        let events = give(
            &mut state,
            Input::Bound {
                step,
                revision: 0,
                result,
            },
        );
        let blocked =
            |e: &Event| matches!(e, Event::StepBlocked { reasons: r, .. } if *r == reasons);
        assert!(events.iter().any(blocked), "{events:?}");
    }
}
