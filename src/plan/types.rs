//! The types of a plan, serialised as the contract has it.

use crate::scenario::{Action, Correction, Risk, Role};
use serde::{Deserialize, Serialize};

/// A draft or a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The scenario's id.
    pub scenario: String,
    /// The scenario's title.
    pub title: String,
    /// Whether facts are still missing.
    pub draft: bool,
    /// SHA-256 (hex) over the canonical JSON of everything but this.
    pub digest: String,
    /// The steps, in order; those that do not apply too.
    pub steps: Vec<PlanStep>,
}

impl Plan {
    /// Returns a step by its id.
    pub fn step(&self, id: &str) -> Option<&PlanStep> {
        self.steps.iter().find(|step| step.id == id)
    }
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanStep {
    /// The step's id.
    pub id: String,
    /// The guide's number.
    pub guide: String,
    /// The title.
    pub title: String,
    /// The role of its host.
    pub role: Role,
    /// The host's full name; a name in angle brackets while no host plays the role.
    pub host: String,
    /// The level of its gate.
    pub risk: Risk,
    /// What the guide asks.
    pub asks: String,
    /// What users will notice.
    pub users_notice: Option<String>,
    /// What is done, in order.
    pub actions: Vec<PlannedAction>,
    /// Ids of all its checks: before, proof, after; each once.
    pub checks: Vec<String>,
    /// Those that are made before the gate.
    pub checks_before: Vec<String>,
    /// Those that prove the step.
    pub checks_after: Vec<String>,
    /// Ids of the facts it reads.
    pub facts: Vec<String>,
    /// Where a person decides.
    pub gate: Gate,
    /// The condition as a sentence; null when the step is always done.
    pub condition: Option<String>,
    /// Whether the step is done; null while a fact that decides is missing.
    pub applies: Option<bool>,
    /// Why it is left out at this site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// The batch it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// Notes.
    pub notes: Vec<String>,
    /// Where it departs from the guide's letter.
    pub corrections: Vec<Correction>,
    /// How to take it back.
    pub undo: String,
    /// What happens when it is stopped half-way.
    pub if_interrupted: String,
    /// What takes it back, in order; empty when nothing has to be.
    #[serde(default)]
    pub undo_actions: Vec<PlannedAction>,
    /// The gate before that; absent when nothing has to be done, or there is no way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_gate: Option<Gate>,
    /// Ids of the checks that are made before that gate.
    #[serde(default)]
    pub undo_checks: Vec<String>,
    /// Where this earlier step is taken back too, nothing is done here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_with: Option<String>,
    /// There is no way back.
    #[serde(default)]
    pub irreversible: bool,
}

impl PlanStep {
    /// Says whether the step is done, and why; nothing for one that is always done.
    pub fn whether(&self) -> Option<String> {
        if let Some(reason) = &self.skipped {
            return Some(format!("Left out at this site: {reason}"));
        }
        let condition = self.condition.as_ref()?;
        Some(match self.applies {
            Some(true) => format!("Done, because {condition}."),
            Some(false) => format!("Left out: it is done only when {condition}."),
            None => format!("Done only when {condition}; that is not known yet."),
        })
    }
}

/// One action of a step, with its placeholders filled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedAction {
    /// The kind.
    pub kind: String,
    /// The role of its host.
    pub role: Role,
    /// The host's full name.
    pub host: String,
    /// What it does, one sentence.
    pub what: String,
    /// The command, where it is one; a pipeline has `|` as an element of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argv: Option<Vec<String>>,
    /// The guide's command, where this stands for one; a secret shows as `(directory password)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide_argv: Option<Vec<String>>,
    /// The scenario's action with its placeholders filled; those of a session
    /// (`{user_file}`, `{rename_map_option}`, `{run}`, …) and secrets are left as they are.
    pub parameters: Action,
}

/// Where the run waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The gate's name: the step's id.
    pub id: String,
    /// How much it asks.
    pub level: Risk,
    /// What has to be typed.
    pub typed: Option<String>,
    /// What, where, how many, what users notice, how to undo, what if you stop now.
    pub summary: Vec<GateLine>,
}

/// One line of a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateLine {
    /// The label, such as `Users notice`.
    pub label: String,
    /// The text.
    pub text: String,
}
