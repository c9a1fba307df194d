//! What a journal says, as text for people and machines. Pure: records in, a report out.
//!
//! [`build`] reads the records once; [`markdown`] and [`html`] render what it found, and serde makes
//! the JSON. Nothing in a report comes from anywhere but the journal, except what is named as such:
//! the corrections of the guide, from the plan that was confirmed, and the hashes of the artifacts.

mod build;
mod html;
mod markdown;

pub use build::build;
pub use html::html;
pub use markdown::markdown;

use crate::engine::event::{Level, Outcome};
use crate::scenario::Correction;
use serde::Serialize;
use serde_json::Value;

/// A run, told.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Its id.
    pub run: String,
    /// The scenario.
    pub scenario: String,
    /// The scenario's title; empty when no plan was kept.
    pub title: String,
    /// `practice` or `live`.
    pub label: String,
    /// The lab's folder, for practice.
    pub lab: Option<String>,
    /// When it began (UTC).
    pub began: String,
    /// When the last event was (UTC).
    pub last: String,
    /// How it ended; none while it is not over.
    pub outcome: Option<String>,
    /// What was said at its end.
    pub message: String,
    /// The program's version that wrote the first event of an engine.
    pub version: String,
    /// How many engine processes worked on it; more than one after a crash or a resume.
    pub engines: usize,
    /// What the operator gave as evidence: which step, who, when, the words.
    pub evidence: Vec<Evidence>,
    /// The steps, in order.
    pub steps: Vec<StepReport>,
    /// What was asked of the whole run: pauses, stops, changes of control.
    pub events: Vec<Said>,
    /// The journal itself.
    pub journal: JournalReport,
    /// The files the run keeps.
    pub artifacts: Vec<Artifact>,
}

/// The journal a report was made from.
#[derive(Clone, Debug, Default, Serialize)]
pub struct JournalReport {
    /// How many events it has.
    pub events: u64,
    /// SHA-256 of its last line: who has this can tell whether anything was changed since.
    pub head: String,
}

/// A file the run keeps.
#[derive(Clone, Debug, Serialize)]
pub struct Artifact {
    /// Its name in `artifacts/`.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

/// Words that the operator gave as evidence.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    /// For which step.
    pub step: String,
    /// When.
    pub at: String,
    /// Who.
    pub by: String,
    /// What they said.
    pub text: String,
}

/// One thing somebody said or asked.
#[derive(Clone, Debug, Serialize)]
pub struct Said {
    /// When.
    pub at: String,
    /// Who.
    pub by: String,
    /// What.
    pub what: String,
}

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// Its id.
    pub id: String,
    /// The guide's number.
    pub guide: String,
    /// The title.
    pub title: String,
    /// The host.
    pub host: String,
    /// The level of its gate.
    pub level: Level,
    /// How it ended; none when it has not.
    pub outcome: Option<Outcome>,
    /// What was said at its end.
    pub message: String,
    /// When its turn came.
    pub began: Option<String>,
    /// When it ended.
    pub ended: Option<String>,
    /// How often it was begun.
    pub attempts: u32,
    /// What it depended on, as it was looked up.
    pub facts: Value,
    /// Digest of what was confirmed.
    pub digest: String,
    /// Who confirmed it, or did not.
    pub confirmations: Vec<Confirmation>,
    /// What was worth a look before it began, as its gate showed it.
    pub warnings: Vec<String>,
    /// Why it could not begin, each time.
    pub blocked: Vec<Said>,
    /// Retries and skips that were asked for.
    pub requests: Vec<Said>,
    /// What was done.
    pub effects: Vec<EffectReport>,
    /// Where it departs from the guide's letter.
    pub corrections: Vec<Correction>,
}

/// An answer at a gate.
#[derive(Clone, Debug, Serialize)]
pub struct Confirmation {
    /// The gate.
    pub gate: String,
    /// When.
    pub at: String,
    /// Who: a client, `policy`, `answers-file` or `retry`.
    pub by: String,
    /// What was typed.
    pub text: Option<String>,
    /// Why it was refused; none when it counted.
    pub refused: Option<String>,
}

/// One thing that was done.
#[derive(Clone, Debug, Serialize)]
pub struct EffectReport {
    /// Its id.
    pub id: String,
    /// The action kind.
    pub action: String,
    /// One line for people.
    pub summary: String,
    /// The commands, as they were confirmed.
    pub commands: Vec<String>,
    /// How it ended; none when it has not begun, or its end is not known.
    pub outcome: Option<Outcome>,
    /// What was said at its end.
    pub message: String,
    /// When it was begun last.
    pub began: Option<String>,
    /// When it ended.
    pub ended: Option<String>,
    /// How often it was begun.
    pub attempts: u32,
    /// What was found of it after an engine had died.
    pub settled: Option<String>,
    /// Results in detail: users, bytes, what was not done.
    pub detail: Value,
    /// How it ended the times before.
    pub earlier: Vec<Attempt>,
}

/// An attempt at something that was done again.
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    /// When it was begun.
    pub began: Option<String>,
    /// When it ended.
    pub ended: Option<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// What was said at its end.
    pub message: String,
    /// Results in detail.
    pub detail: Value,
}

impl EffectReport {
    /// Whether it is a session that moved mailboxes.
    pub fn is_session(&self) -> bool {
        self.action == "transfer-mailboxes" && self.detail.get("users").is_some_and(Value::is_array)
    }

    /// The users of a session.
    fn users(&self) -> Vec<&str> {
        let users = self.detail.get("users").and_then(Value::as_array);
        let users = users.into_iter().flatten();
        users.filter_map(Value::as_str).collect()
    }

    /// The bytes of a session.
    fn bytes(&self) -> u64 {
        self.detail
            .get("bytes")
            .and_then(Value::as_u64)
            .unwrap_or(0)
    }
}

/// The seconds from `10:00:00.000` to a later time of the journal, as `1 h 02 min` or `3.2 s`.
fn took(began: Option<&String>, ended: Option<&String>) -> String {
    let parse = |t: Option<&String>| t.and_then(|t| t.parse::<jiff::Timestamp>().ok());
    let (Some(began), Some(ended)) = (parse(began), parse(ended)) else {
        return String::new();
    };
    let tenths = (ended.as_millisecond() - began.as_millisecond()).max(0) / 100;
    match tenths {
        0..600 => format!("{}.{} s", tenths / 10, tenths % 10),
        600..36_000 => format!("{} min {:02} s", tenths / 600, tenths % 600 / 10),
        _ => format!("{} h {:02} min", tenths / 36_000, tenths % 36_000 / 600),
    }
}

/// A time of the journal for people: `2026-11-23 12:00:00`.
fn time(at: &str) -> String {
    at.get(..19).unwrap_or(at).replace('T', " ")
}

/// The word for an outcome.
fn word(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Ok) => "ok",
        Some(Outcome::Warning) => "warning",
        Some(Outcome::Skipped) => "skipped",
        Some(Outcome::Failed) => "failed",
        None => "not done",
    }
}

/// How a confirmation reads.
fn confirmed(c: &Confirmation) -> String {
    let who = match c.by.as_str() {
        "policy" => "the run's own policy (--yes)".to_owned(),
        "answers-file" => "the answers file (--answers)".to_owned(),
        "retry" => "the request to retry".to_owned(),
        other => other.to_owned(),
    };
    let text = c
        .text
        .as_ref()
        .map_or_else(String::new, |t| format!(", in the words \"{t}\""));
    match &c.refused {
        Some(why) => format!("Refused {} to {who}{text}: {why}", time(&c.at)),
        None => format!("Confirmed {} by {who}{text}", time(&c.at)),
    }
}

#[cfg(test)]
mod tests;
