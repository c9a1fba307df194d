//! Proves that the coverage test sees a step that is gone, two that are swapped, a word that is
//! another one, a condition, answer or assumption that is gone.

use super::cover::{guide_argv, problems};
use super::{built_in, index::Index};
use imsmigrate::scenario::{Action, Scenario};
use serde_json::{Value, json};

/// Fails with everything that was changed and not seen.
fn seen(changes: Vec<(String, Index, Scenario)>) {
    assert!(!changes.is_empty());
    // What is wrong anyway says nothing of a change.
    let before: Vec<String> = built_in()
        .iter()
        .flat_map(|(index, scenario)| problems(index, scenario))
        .collect();
    let unseen: Vec<String> = changes
        .into_iter()
        .filter(|(_, index, changed)| {
            let found = problems(index, changed);
            found.iter().all(|problem| before.contains(problem))
        })
        .map(|(change, ..)| change)
        .collect();
    assert!(unseen.is_empty(), "not seen:\n{}", unseen.join("\n"));
}

#[test]
fn a_step_that_is_deleted_is_missed() {
    let mut changes = Vec::new();
    for (index, scenario) in built_in() {
        for at in 0..scenario.steps.len() {
            let mut changed = scenario.clone();
            let step = changed.steps.remove(at);
            changes.push((
                format!("{}: {} gone", scenario.id, step.id),
                index.clone(),
                changed,
            ));
        }
    }
    seen(changes);
}

#[test]
fn two_steps_that_are_swapped_are_noticed() {
    let mut changes = Vec::new();
    for (index, scenario) in built_in() {
        for at in 1..scenario.steps.len() {
            let mut changed = scenario.clone();
            changed.steps.swap(at - 1, at);
            let (a, b) = (&scenario.steps[at - 1].id, &scenario.steps[at].id);
            changes.push((
                format!("{}: {a} and {b}", scenario.id),
                index.clone(),
                changed,
            ));
        }
    }
    seen(changes);
}

/// The data of an action with one word of the guide's command changed.
fn with_another_word(action: &Value, word: usize) -> Option<Value> {
    let mut changed = action.clone();
    let key = match (&action["guide_argv"], action["kind"].as_str()?) {
        (Value::Array(_), _) => "guide_argv",
        (_, "set-config") => {
            let key = match word {
                2 => "parameter",
                4 if action["secret"].is_string() => "secret",
                4 => "value",
                // `configutil -o … -v …` is not in the data.
                _ => return None,
            };
            changed[key] = json!(format!("{}x", action[key].as_str()?));
            return Some(changed);
        }
        _ => "argv",
    };
    changed[key][word] = json!(format!("{}x", action[key][word].as_str()?));
    Some(changed)
}

#[test]
fn a_word_of_a_command_that_is_another_one_is_noticed() {
    let mut changes = Vec::new();
    for (index, scenario) in built_in() {
        for (at, step) in scenario.steps.iter().enumerate() {
            for (nth, action) in step.actions.iter().enumerate() {
                let action = serde_json::to_value(action).unwrap();
                let words = guide_argv(&action).unwrap_or_default();
                for (word, was) in words.iter().enumerate() {
                    let Some(other) = with_another_word(&action, word) else {
                        continue;
                    };
                    let mut changed = scenario.clone();
                    let other: Action = serde_json::from_value(other).unwrap();
                    changed.steps[at].actions[nth] = other;
                    let change = format!("{}: `{was}` of {words:?} in {}", scenario.id, step.id);
                    changes.push((change, index.clone(), changed));
                }
            }
        }
    }
    assert!(changes.len() > 80);
    seen(changes);
}

#[test]
fn a_condition_answer_or_assumption_that_is_gone_is_missed() {
    let mut changes = Vec::new();
    for (index, scenario) in built_in() {
        let mut change = |what: String, changed: Scenario| {
            changes.push((format!("{}: {what}", scenario.id), index.clone(), changed));
        };
        for at in 0..scenario.assumptions.len() {
            let mut changed = scenario.clone();
            let assumption = changed.assumptions.remove(at);
            change(assumption, changed);
        }
        let conditions = |number: &str| {
            let mut items = index
                .items()
                .filter(|(_, item)| item.is == super::Is::Condition);
            items.any(|(part, _)| {
                part.number
                    .as_deref()
                    .is_some_and(|n| number.starts_with(n))
            })
        };
        for (at, step) in scenario.steps.iter().enumerate() {
            let ours = index.ours.iter().any(|ours| ours.id == step.id);
            if step.when.is_some() && !ours && conditions(&step.guide) {
                let mut changed = scenario.clone();
                changed.steps[at].when = None;
                change(format!("the condition of {}", step.id), changed);
            }
        }
        for (part, item) in index
            .items()
            .filter(|(_, item)| item.is == super::Is::Prompt)
        {
            let number = part.number.as_deref().unwrap_or_default();
            let mut changed = scenario.clone();
            let there = |guide: &String| guide == number || item.at.contains(guide);
            for step in changed.steps.iter_mut().filter(|s| there(&s.guide)) {
                for action in &mut step.actions {
                    let Action::Instruct(task) = action else {
                        continue;
                    };
                    let question = item.question.clone().unwrap_or_default().to_lowercase();
                    task.answers
                        .retain(|a| !question.contains(&a.prompt.to_lowercase()));
                }
            }
            change(format!("the answer to {:?}", item.question), changed);
        }
    }
    seen(changes);
}
