//! Reports of small journals.

use super::*;
use crate::engine::event::{
    Binding, EffectSpec, Event, Gate as StepGate, Policy, Record, StepHead,
};
use serde_json::json;

fn spec(id: &str, action: &str, parameters: Value) -> EffectSpec {
    EffectSpec {
        id: id.to_owned(),
        action: action.to_owned(),
        summary: format!("Does {id}"),
        stage: 1,
        by_operator: false,
        parameters,
    }
}

fn bound(attempt: u32) -> [Event; 2] {
    let effects = vec![
        spec("move/0", "instruct", json!({ "evidence": true })),
        spec(
            "move/1",
            "transfer-mailboxes",
            json!({ "shown": ["imbackup -f-"] }),
        ),
        spec("move/2", "run", json!({ "shown": ["start-msg <store>"] })),
    ];
    [
        Event::StepEntered {
            step: "move".to_owned(),
            attempt,
        },
        Event::StepBound {
            step: "move".to_owned(),
            binding: Binding {
                applies: true,
                reason: String::new(),
                facts: json!({}),
                effects,
                parallel: 1,
                gate: StepGate {
                    id: "move".to_owned(),
                    level: Level::Change,
                    typed: None,
                    lines: Vec::new(),
                },
                digest: "d".to_owned(),
            },
        },
    ]
}

fn ended(effect: &str, attempt: u32, outcome: Outcome, message: &str, detail: Value) -> [Event; 2] {
    [
        Event::EffectIntended {
            effect: effect.to_owned(),
            attempt,
        },
        Event::EffectEnded {
            effect: effect.to_owned(),
            attempt,
            outcome,
            message: message.to_owned(),
            detail,
        },
    ]
}

/// A step whose session fails for one user and is retried, with a hostile word of the operator.
fn retried() -> Report {
    let mut events = vec![Event::RunCreated {
        run: "1123-k7f3".to_owned(),
        scenario: "sims-offline".to_owned(),
        label: "practice".to_owned(),
        lab: None,
        policy: Policy::default(),
        steps: vec![StepHead {
            id: "move".to_owned(),
            guide: "10b".to_owned(),
            title: "Move".to_owned(),
            host: "mail".to_owned(),
            level: Level::Change,
            undo: crate::engine::event::Undo::Nothing,
            undoes: None,
            in_sessions: false,
        }],
        draft: String::new(),
        window: None,
        sessions: 0,
    }];
    events.extend(bound(1));
    events.push(Event::AnswerRefused {
        gate: "move".to_owned(),
        by: "ann on pts/1".to_owned(),
        reason: "not that".to_owned(),
    });
    for (gate, text) in [("move", None), ("move/0", Some("tape <b>17\u{1b}[2J"))] {
        events.push(Event::GateAnswered {
            gate: gate.to_owned(),
            by: "ann on pts/1".to_owned(),
            text: text.map(str::to_owned),
        });
    }
    let users = json!({ "users": ["a|b"], "bytes": 7, "errors": [] });
    events.extend(ended("move/2", 1, Outcome::Ok, "it runs", Value::Null));
    events.extend(ended(
        "move/1",
        1,
        Outcome::Failed,
        "refused",
        users.clone(),
    ));
    events.push(Event::StepEnded {
        step: "move".to_owned(),
        outcome: Outcome::Failed,
        message: "refused".to_owned(),
    });
    events.push(Event::RetryAsked {
        step: "move".to_owned(),
        by: "bob".to_owned(),
    });
    events.extend(bound(2));
    events.extend(ended("move/1", 2, Outcome::Ok, "all there", users));
    events.push(Event::StepEnded {
        step: "move".to_owned(),
        outcome: Outcome::Ok,
        message: "all there".to_owned(),
    });
    let records: Vec<Record> = events
        .into_iter()
        .zip(1_u64..)
        .map(|(event, idx)| Record {
            v: 1,
            idx,
            at: format!("2026-11-23T12:00:{idx:02}.000Z"),
            elapsed_ms: idx,
            prev: String::new(),
            event,
        })
        .collect();
    let artifact = Artifact {
        name: "inventory.json".to_owned(),
        bytes: 3,
        sha256: "ab".repeat(32),
    };
    build(&records, None, "f".repeat(64), vec![artifact])
}

#[test]
fn a_retry_keeps_what_was_done_before_and_says_how_it_failed() {
    let report = retried();
    let step = &report.steps[0];
    assert_eq!((step.attempts, step.outcome), (2, Some(Outcome::Ok)));
    let effect = |id: &str| step.effects.iter().find(|e| e.id == id).unwrap();
    assert_eq!(effect("move/2").outcome, Some(Outcome::Ok), "done once");
    assert_eq!(effect("move/2").attempts, 1);
    let session = effect("move/1");
    assert_eq!((session.attempts, session.outcome), (2, Some(Outcome::Ok)));
    assert_eq!(session.earlier[0].outcome, Some(Outcome::Failed));
    assert_eq!(step.requests[0].by, "bob");
    assert_eq!(step.confirmations.len(), 3);
    assert_eq!(report.evidence.len(), 1, "the refused answer is none");
    assert_eq!(report.outcome, None, "it is not over");
}

#[test]
fn nothing_that_somebody_typed_becomes_markup_or_moves_a_cursor() {
    let report = retried();
    let page = html(&report);
    assert!(page.contains("tape &lt;b&gt;17"), "{page}");
    assert!(
        !page.contains("<b>17") && !page.contains('\u{1b}'),
        "{page}"
    );
    let text = markdown(&report);
    assert!(text.contains("a\\|b"), "a bar ends no cell: {text}");
    assert!(text.contains("tape \\<b\\>17") && !text.contains('\u{1b}'));
    assert!(
        text.contains("Refused 2026-11-23 12:00:04 to ann on pts/1: not that"),
        "{text}"
    );
}

#[test]
fn times_are_for_people() {
    let at = |t: &str| Some(format!("2026-11-23T{t}Z"));
    let between = |a: &str, b: &str| took(at(a).as_ref(), at(b).as_ref());
    assert_eq!(between("12:00:00.000", "12:00:03.250"), "3.2 s");
    assert_eq!(between("12:00:00.000", "12:02:03.000"), "2 min 03 s");
    assert_eq!(between("12:00:00.000", "15:04:03.000"), "3 h 04 min");
    assert_eq!(took(None, None), "");
}
