//! Steps that are done once for each batch of users: one step in the file, one a batch in a run.

use super::condition::FactIs;
use super::{Condition, Scenario, Step};
use serde_json::Value;
use std::collections::BTreeSet;

/// The batch of those who were created after the batches were cut; it comes last, and only when
/// there is anybody in it.
pub const LATE: &str = "late";

/// The fact that says who is in [`LATE`].
pub const LATE_USERS: &str = "late-users";

/// Returns the id of a step for a batch, such as `hold-users@pilot`.
pub fn step_id(step: &str, batch: &str) -> String {
    format!("{step}@{batch}")
}

impl Scenario {
    /// Says whether any step is done once for each batch.
    pub fn has_batches(&self) -> bool {
        self.steps.iter().any(|step| step.each.is_some())
    }

    /// Returns the scenario as it is run for these batches and, after them, for [`LATE`]: blocks of
    /// steps that are done for each batch are repeated, `{batch}` in their texts is its name, and
    /// their ids are [`step_id`].
    #[must_use]
    pub fn for_batches(&self, names: &[String]) -> Self {
        let mut whole = self.clone();
        whole.steps.clear();
        let late = [LATE.to_owned()];
        for block in self.steps.chunk_by(|a, b| a.each == b.each) {
            if block.first().is_none_or(|step| step.each.is_none()) {
                whole.steps.extend_from_slice(block);
                continue;
            }
            let inside: BTreeSet<&str> = block.iter().map(|step| step.id.as_str()).collect();
            for name in names.iter().chain(&late) {
                whole
                    .steps
                    .extend(block.iter().map(|step| for_batch(step, name, &inside)));
            }
        }
        whole
    }
}

fn for_batch(step: &Step, name: &str, inside: &BTreeSet<&str>) -> Step {
    let mut step = filled(step, name);
    step.id = step_id(&step.id, name);
    step.each = None;
    step.batch = Some(name.to_owned());
    if let Some(with) = &mut step.undo_with
        && inside.contains(with.as_str())
    {
        *with = step_id(with, name);
    }
    if name == LATE {
        let some = Condition::Fact(FactIs {
            fact: LATE_USERS.to_owned(),
            is: "present".to_owned(),
        });
        step.when = Some(match step.when.take() {
            None => some,
            Some(when) => Condition::All(super::condition::All {
                all: vec![some, when],
            }),
        });
        if !step.facts.iter().any(|fact| fact == LATE_USERS) {
            step.facts.push(LATE_USERS.to_owned());
        }
    }
    step
}

/// The step with `{batch}` filled in; a step that does not survive it, which none does, stays.
fn filled(step: &Step, name: &str) -> Step {
    let Ok(mut value) = serde_json::to_value(step) else {
        return step.clone();
    };
    walk(&mut value, name);
    serde_json::from_value(value).unwrap_or_else(|_| step.clone())
}

fn walk(value: &mut Value, name: &str) {
    match value {
        Value::String(text) if text.contains("{batch}") => *text = text.replace("{batch}", name),
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, name)),
        Value::Object(fields) => fields.values_mut().for_each(|field| walk(field, name)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::LATE;
    use crate::scenario::{Scenario, parse};

    const TEXT: &str = r#"
id = "x"
title = "X"
summary = "x"
product = "sims"
roles = ["old", "new", "directory"]

[[steps]]
id = "first"
guide = "1"
title = "First"
role = "old"
asks = "x"
risk = "note"
undo = "x"
if_interrupted = "x"
[[steps.actions]]
kind = "run"
argv = ["true"]

[[steps]]
id = "hold"
guide = "12b"
title = "Hold batch {batch}"
role = "old"
asks = "x"
risk = "note"
each = "batch"
undo = "x"
if_interrupted = "x"
[[steps.actions]]
kind = "run"
argv = ["hold", "{batch}"]

[[steps]]
id = "release"
guide = "12e"
title = "Release"
role = "old"
asks = "x"
risk = "note"
each = "batch"
undo = "x"
undo_with = "hold"
if_interrupted = "x"
[[steps.actions]]
kind = "run"
argv = ["release"]

[[steps]]
id = "last"
guide = "13"
title = "Last"
role = "old"
asks = "x"
risk = "note"
undo = "x"
if_interrupted = "x"
[[steps.actions]]
kind = "run"
argv = ["true"]
"#;

    fn ids(scenario: &Scenario) -> Vec<&str> {
        scenario.steps.iter().map(|s| s.id.as_str()).collect()
    }

    #[test]
    fn a_block_is_done_batch_after_batch_and_then_for_those_who_came_late() {
        let scenario = parse::parse("x.toml", TEXT).unwrap();
        assert!(scenario.has_batches());
        let whole = scenario.for_batches(&["pilot".to_owned(), "2".to_owned()]);
        assert_eq!(
            ids(&whole),
            [
                "first",
                "hold@pilot",
                "release@pilot",
                "hold@2",
                "release@2",
                "hold@late",
                "release@late",
                "last"
            ]
        );
        let hold = whole.step("hold@2").unwrap();
        assert_eq!(hold.title, "Hold batch 2");
        assert_eq!(hold.batch.as_deref(), Some("2"));
        assert_eq!(hold.when, None);
        let json = serde_json::to_string(&hold.actions).unwrap();
        assert!(json.contains(r#"["hold","2"]"#), "{json}");
        let with = whole.step("release@2").unwrap().undo_with.as_deref();
        assert_eq!(with, Some("hold@2"));
        assert!(!whole.has_batches());
    }

    #[test]
    fn the_steps_for_those_who_came_late_are_done_only_when_there_is_anybody() {
        let scenario = parse::parse("x.toml", TEXT).unwrap();
        let whole = scenario.for_batches(&[]);
        let step = whole.step(&super::step_id("hold", LATE)).unwrap();
        let said = step.when.as_ref().unwrap().sentence();
        assert_eq!(said, "users were created after the batches were cut");
    }

    #[test]
    fn a_batch_in_a_step_that_is_not_repeated_is_refused() {
        let text = TEXT.replace("each = \"batch\"\n", "");
        let problems = parse::parse("x.toml", &text).unwrap_err();
        let said = problems.to_string();
        assert!(said.contains("`{batch}` has no value here"), "{said}");
    }
}
