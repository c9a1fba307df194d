//! The smallest parts of a step, and what a step is bound to before it is confirmed. Pure data.

use crate::scenario::Risk;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// Done, with something to look at.
    Warning,
    /// Left out, with a reason.
    Skipped,
    /// Not done, or not proved.
    Failed,
}

/// The smallest part of a step that can be verified alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectSpec {
    /// Unique in the run: `STEP/ACTION` or `STEP/ACTION/PART`.
    pub id: String,
    /// The action kind, such as `set-config`.
    pub action: String,
    /// One line for people.
    pub summary: String,
    /// Effects of one stage may run side by side; stages run in order.
    pub stage: u32,
    /// The operator does it; a check proves it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_operator: bool,
    /// Everything needed to do it, rendered to the last argument; never a secret.
    pub parameters: Value,
}

/// What a step will do, with its facts looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Whether the step's condition holds.
    pub applies: bool,
    /// Why it does not apply; empty when it does.
    pub reason: String,
    /// The facts it was bound to.
    pub facts: Value,
    /// Its effects, in order.
    pub effects: Vec<EffectSpec>,
    /// How many effects of one stage may be in flight.
    pub parallel: usize,
    /// What the gate shows.
    pub gate: StepGate,
    /// SHA-256 over effects and facts: what is confirmed is what is executed.
    pub digest: String,
}

/// A place where the run waits for a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepGate {
    /// The id to answer: a step's, or an effect's when the operator does it.
    pub id: String,
    /// How much it asks.
    pub level: Risk,
    /// The text to be typed, for destructive and irreversible ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed: Option<String>,
    /// What, where, how many, what users notice, how to undo, what if you stop now.
    pub lines: Vec<String>,
}

/// How an effect ended.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectEnd {
    /// How.
    pub outcome: Outcome,
    /// One line for people.
    pub message: String,
    /// Results in detail: per user, per entry.
    pub detail: Value,
}

impl EffectEnd {
    /// As it should be.
    pub fn ok(message: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Ok,
            message: message.into(),
            detail: Value::Null,
        }
    }

    /// Done, with something to look at.
    pub fn warning(message: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Warning,
            message: message.into(),
            detail: Value::Null,
        }
    }

    /// Not done, or not proved.
    pub fn failed(message: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Failed,
            message: message.into(),
            detail: Value::Null,
        }
    }

    /// With results in detail.
    #[must_use]
    pub fn with(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }
}
