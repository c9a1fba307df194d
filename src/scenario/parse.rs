//! From the text of a scenario file to its types: every problem named by file, line and key.

use super::condition::{All, Any, FactIs, FieldIs, Not};
use super::{Action, Condition, Scenario, Step, action, validate};
use crate::base::document::{Document, Problem, Problems, did_you_mean};
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The kinds of actions there are.
pub const KINDS: &[&str] = &[
    "run",
    "set-config",
    "service",
    "merge-schema",
    "upgrade-entries",
    "set-attributes",
    "transfer-mailboxes",
    "backup-directory",
    "edit-file",
    "copy-file",
    "link",
    "remove-dir",
    "owner",
    "draft-ldif",
    "apply-ldif",
    "instruct",
    "notify",
    "wait-for",
    "put-back",
];

/// Reads and validates a scenario; `name` is what errors call the file.
///
/// # Errors
/// Everything that is wrong with it, in the order of its lines.
pub fn parse(name: &str, text: &str) -> Result<Scenario, Problems> {
    let document = Document::parse(name, text).map_err(|problem| Problems(vec![problem]))?;
    let mut problems = Vec::new();
    let scenario = read(&document, text.len(), &mut problems);
    if let Some(scenario) = &scenario {
        problems.extend(validate::problems(scenario, &document));
    }
    problems.sort_by_key(|problem| (problem.line, problem.column));
    match scenario {
        Some(scenario) if problems.is_empty() => Ok(scenario),
        _ => Err(Problems(problems)),
    }
}

fn read(document: &Document<'_>, length: usize, problems: &mut Vec<Problem>) -> Option<Scenario> {
    let mut top = document.top().clone();
    let steps = top.remove("steps");
    let mut scenario: Option<Scenario> = keep(problems, document.read("", top, 0..length));
    let Some(steps) = steps.as_ref().and_then(|steps| steps.get_ref().as_array()) else {
        problems.push(document.problem("steps", "a scenario needs `[[steps]]`"));
        return None;
    };
    let before = problems.len();
    let mut read = Vec::new();
    for (index, value) in steps.iter().enumerate() {
        read.extend(step(document, value, &format!("steps[{index}]"), problems));
    }
    if problems.len() > before {
        return None;
    }
    if let Some(scenario) = &mut scenario {
        scenario.steps = read;
    }
    scenario
}

fn keep<T>(problems: &mut Vec<Problem>, result: Result<T, Problem>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

fn step<'t>(
    document: &Document<'t>,
    value: &Spanned<DeValue<'t>>,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Option<Step> {
    let Some(mut table) = value.get_ref().as_table().cloned() else {
        problems.push(document.problem(path, "a step is a table"));
        return None;
    };
    let actions = table.remove("actions");
    let undo_actions = table.remove("undo_actions");
    let when = table.remove("when");
    let step: Option<Step> = keep(problems, document.read(path, table, value.span()));
    let when = match when {
        Some(value) => Some(condition(
            document,
            &value,
            &format!("{path}.when"),
            problems,
        )?),
        None => None,
    };
    let forward = match actions {
        Some(value) => list(document, &value, &format!("{path}.actions"), problems)?,
        None => Some(Vec::new()),
    };
    let back = match undo_actions {
        Some(value) => Some(list(
            document,
            &value,
            &format!("{path}.undo_actions"),
            problems,
        )?),
        None => None,
    };
    let mut step = step?;
    step.when = when;
    step.actions = forward?;
    step.undo_actions = match back {
        Some(back) => Some(back?),
        None => None,
    };
    Some(step)
}

/// A list of actions; the inner none when one of them is wrong.
#[expect(
    clippy::option_option,
    reason = "no list at all is told from a list with faults"
)]
fn list<'t>(
    document: &Document<'t>,
    value: &Spanned<DeValue<'t>>,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Option<Option<Vec<Action>>> {
    let Some(items) = value.get_ref().as_array() else {
        problems.push(document.problem(path, "actions are a list"));
        return None;
    };
    let mut read = Vec::new();
    for (index, value) in items.iter().enumerate() {
        read.push(action(
            document,
            value,
            &format!("{path}[{index}]"),
            problems,
        ));
    }
    Some(read.into_iter().collect())
}

fn action<'t>(
    document: &Document<'t>,
    value: &Spanned<DeValue<'t>>,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Option<Action> {
    let Some(mut table) = value.get_ref().as_table().cloned() else {
        problems.push(document.problem(path, "an action is a table"));
        return None;
    };
    let kind = table.remove("kind");
    let Some(kind) = kind.as_ref().and_then(|kind| kind.get_ref().as_str()) else {
        let mut problem = document.problem(path, "the key `kind` is missing");
        problem.hint = Some(format!("kind is one of: {}", KINDS.join(", ")));
        problems.push(problem);
        return None;
    };
    let read = Read {
        document,
        path,
        table,
        span: value.span(),
        problems,
    };
    match kind {
        "run" => read.one::<action::Run>().map(Action::Run),
        "set-config" => read.one().map(Action::SetConfig),
        "service" => read.one().map(Action::Service),
        "merge-schema" => read.one().map(Action::MergeSchema),
        "upgrade-entries" => read.one().map(Action::UpgradeEntries),
        "set-attributes" => read.one().map(Action::SetAttributes),
        "transfer-mailboxes" => read.one().map(Action::TransferMailboxes),
        "backup-directory" => read.one().map(Action::BackupDirectory),
        "edit-file" => read.one().map(Action::EditFile),
        "copy-file" => read.one().map(Action::CopyFile),
        "link" => read.one().map(Action::Link),
        "remove-dir" => read.one().map(Action::RemoveDir),
        "owner" => read.one().map(Action::Owner),
        "draft-ldif" => read.one().map(Action::DraftLdif),
        "apply-ldif" => read.one().map(Action::ApplyLdif),
        "instruct" => read.one().map(Action::Instruct),
        "notify" => read.one().map(Action::Notify),
        "wait-for" => read.one().map(Action::WaitFor),
        "put-back" => read.one().map(Action::PutBack),
        other => {
            let mut problem = document.problem(
                &format!("{path}.kind"),
                format!("unknown kind of action `{other}`"),
            );
            problem.hint = Some(did_you_mean(other, KINDS.iter().copied()));
            read.problems.push(problem);
            None
        }
    }
}

struct Read<'a, 't> {
    document: &'a Document<'t>,
    path: &'a str,
    table: DeTable<'t>,
    span: Range<usize>,
    problems: &'a mut Vec<Problem>,
}

impl Read<'_, '_> {
    fn one<T: DeserializeOwned>(self) -> Option<T> {
        keep(
            self.problems,
            self.document.read(self.path, self.table, self.span),
        )
    }
}

fn condition<'t>(
    document: &Document<'t>,
    value: &Spanned<DeValue<'t>>,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Option<Condition> {
    let Some(table) = value.get_ref().as_table() else {
        problems.push(document.problem(path, "a condition is a table"));
        return None;
    };
    let mut list = |key: &str| -> Option<Vec<Condition>> {
        let at = format!("{path}.{key}");
        let Some(items) = table.get(key).and_then(|items| items.get_ref().as_array()) else {
            problems.push(document.problem(&at, format!("`{key}` is a list of conditions")));
            return None;
        };
        items
            .iter()
            .enumerate()
            .map(|(index, item)| condition(document, item, &format!("{at}[{index}]"), problems))
            .collect()
    };
    let extra = |allowed: &str| table.keys().find(|key| key.get_ref() != allowed);
    let unexpected = if table.contains_key("all") {
        let read = list("all").map(|all| Condition::All(All { all }));
        match extra("all") {
            None => return read,
            Some(key) => key,
        }
    } else if table.contains_key("any") {
        let read = list("any").map(|any| Condition::Any(Any { any }));
        match extra("any") {
            None => return read,
            Some(key) => key,
        }
    } else if let Some(inner) = table.get("not") {
        match extra("not") {
            None => {
                return condition(document, inner, &format!("{path}.not"), problems)
                    .map(|not| Condition::Not(Not { not: Box::new(not) }));
            }
            Some(key) => key,
        }
    } else {
        let read = Read {
            document,
            path,
            table: table.clone(),
            span: value.span(),
            problems,
        };
        return if table.contains_key("fact") {
            read.one::<FactIs>().map(Condition::Fact)
        } else {
            read.one::<FieldIs>().map(Condition::Field)
        };
    };
    problems.push(document.problem_at(
        unexpected.span().start,
        path,
        format!(
            "`{}` does not go with the rest of this condition",
            unexpected.get_ref()
        ),
    ));
    None
}
