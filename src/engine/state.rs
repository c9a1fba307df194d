//! What a run looks like now: the fold of its events. Pure data.

pub use super::core::{fold, way_back};
use super::event::{
    Amendment, Amendments, Binding, Gate, Level, Outcome, Policy, StepHead, Window,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Where the run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// No event yet.
    #[default]
    Empty,
    /// Working, or waiting at a gate.
    Running,
    /// Over, successfully.
    Done,
    /// A step failed, or a check inhibits.
    Failed,
    /// Stopped by the operator.
    Stopped,
    /// Over: everything was taken back.
    Undone,
}

/// Where a step is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "status")]
pub enum StepStatus {
    /// Its turn has not come.
    Pending,
    /// Its facts are being looked up.
    Binding,
    /// It waits at its gate.
    AtGate,
    /// Confirmed; effects run.
    Running,
    /// A check inhibits or a fact cannot be looked up.
    Blocked,
    /// Over.
    Ended {
        /// How.
        outcome: Outcome,
    },
}

/// Where an effect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "status")]
pub enum EffectStatus {
    /// Not begun.
    Ready,
    /// The operator has been asked to do it.
    Asked,
    /// Begun.
    InFlight,
    /// Begun by an engine that died; its end is not known.
    Unknown,
    /// Over.
    Ended {
        /// How.
        outcome: Outcome,
    },
}

/// One effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EffectState {
    /// What it is.
    pub spec: super::event::EffectSpec,
    /// Where it is.
    pub status: EffectStatus,
    /// How often it was begun.
    pub attempt: u32,
    /// What the operator said when they had done it; they are not asked again after a crash.
    pub said: Option<String>,
    /// Bytes moved so far.
    pub bytes: u64,
    /// The last line said about it.
    pub message: String,
    /// Results in detail.
    pub detail: serde_json::Value,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepState {
    /// Id, number, title, host, level.
    pub head: StepHead,
    /// Where it is.
    #[serde(flatten)]
    pub status: StepStatus,
    /// 1, and one more with each retry; 0 before its turn.
    pub attempt: u32,
    /// A retry was asked for and confirmed with it.
    pub retry_by: Option<String>,
    /// What it will do.
    pub binding: Option<Binding>,
    /// Something of it was begun, and not taken back since.
    pub touched: bool,
    /// Its effects.
    pub effects: Vec<EffectState>,
    /// The last line said about it.
    pub message: String,
}

/// Steps are being taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undoing {
    /// Who asked.
    pub by: String,
    /// The earliest step to be taken back; none: everything.
    pub to: Option<String>,
}

/// Why a check that cannot be told does not hold the run up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiver {
    /// Who takes it upon them.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A change of the run that waits for its gate to be answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Amending {
    /// Who asked.
    pub by: String,
    /// The change.
    pub amendment: Amendment,
}

/// The run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct State {
    /// Its id.
    pub run: String,
    /// The scenario.
    pub scenario: String,
    /// `practice` or `live`.
    pub label: String,
    /// The lab's folder, for practice.
    pub lab: Option<String>,
    /// Who answers when no person does.
    pub policy: Policy,
    /// Where it is.
    pub phase: Phase,
    /// Nothing new is begun.
    pub paused: bool,
    /// Stop at the next safe point.
    pub stopping: bool,
    /// The steps in order: the scenario's, then those that take them back.
    pub steps: Vec<StepState>,
    /// Steps are being taken back.
    pub undo: Option<Undoing>,
    /// The open gate.
    pub gate: Option<Gate>,
    /// An answer that waits for fresh facts: gate, by whom, text.
    pub held_answer: Option<(String, String, Option<String>)>,
    /// The change that waits for its gate.
    pub amending: Option<Amending>,
    /// What was changed about the run on its way.
    pub amendments: Amendments,
    /// In how many sessions the site has mailboxes moved; 0: by the number of users.
    pub sessions: u16,
    /// Digest of the plan: of the draft, then with each change.
    pub plan: String,
    /// Who has control.
    pub control: Option<String>,
    /// The checks that were waived, by id.
    pub waivers: BTreeMap<String, Waiver>,
    /// When mail may be down, where the site says so.
    pub window: Option<Window>,
    /// How the run ended.
    pub ended: Option<(String, String)>,
    /// The last event's number.
    pub last: u64,
}

impl State {
    /// Returns the steps of the way the run goes now: forward, or back.
    pub fn way(&self) -> impl Iterator<Item = &StepState> {
        let back = self.undo.is_some() || self.phase == Phase::Undone;
        let mine = move |s: &&StepState| s.head.undoes.is_some() == back;
        self.steps.iter().filter(mine)
    }

    /// Returns the step whose turn it is: the first that is not over.
    pub fn current(&self) -> Option<&StepState> {
        self.way().find(|s| !s.is_over())
    }

    /// Returns the step that failed or is blocked, if the run stands at one.
    pub fn failed_step(&self) -> Option<&StepState> {
        self.way().find(|s| s.needs_help())
    }

    /// Whether something is under way whose end is not known.
    pub fn is_busy(&self) -> bool {
        let mut effects = self.steps.iter().flat_map(|s| &s.effects);
        effects.any(|e| matches!(e.status, EffectStatus::InFlight | EffectStatus::Unknown))
    }

    /// Says why nothing can be taken back now, if so; `engine`: somebody works on the run.
    pub fn keeps_from_undo(&self, run: &str, engine: bool) -> Option<String> {
        match self.phase {
            Phase::Empty => Some(format!("nothing of run `{run}` has been done yet")),
            Phase::Running if engine && self.is_busy() => Some(format!(
                "run `{run}` is at work; stop it first: imsmigrate stop {run}"
            )),
            _ => None,
        }
    }

    /// Counts the steps by how they ended.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for step in self.way() {
            let word = match step.status {
                StepStatus::Ended {
                    outcome: Outcome::Ok,
                } => "ok",
                StepStatus::Ended {
                    outcome: Outcome::Warning,
                } => "warning",
                StepStatus::Ended {
                    outcome: Outcome::Skipped,
                } => "skipped",
                StepStatus::Ended {
                    outcome: Outcome::Failed,
                } => "failed",
                _ => "open",
            };
            *counts.entry(word).or_insert(0) += 1;
        }
        counts
    }

    /// Finds an effect of any step.
    pub fn effect(&self, id: &str) -> Option<&EffectState> {
        self.steps
            .iter()
            .flat_map(|s| &s.effects)
            .find(|e| e.spec.id == id)
    }
}

impl StepState {
    /// A step whose turn has not come.
    pub fn new(head: StepHead) -> Self {
        Self {
            head,
            status: StepStatus::Pending,
            attempt: 0,
            retry_by: None,
            binding: None,
            touched: false,
            effects: Vec::new(),
            message: String::new(),
        }
    }

    /// Makes it as if its turn had not come. Effects keep their numbers: what an earlier attempt
    /// left on a host is never taken for that of a later one.
    pub fn reset(&mut self) {
        self.status = StepStatus::Pending;
        self.attempt = 0;
        self.retry_by = None;
        self.binding = None;
        self.touched = false;
        self.message.clear();
        for effect in &mut self.effects {
            effect.status = EffectStatus::Ready;
            effect.said = None;
            effect.bytes = 0;
            effect.message.clear();
            effect.detail = serde_json::Value::Null;
        }
    }

    /// Whether the run goes past this step.
    pub fn is_over(&self) -> bool {
        matches!(
            self.status,
            StepStatus::Ended {
                outcome: Outcome::Ok | Outcome::Warning | Outcome::Skipped
            }
        )
    }

    /// Whether it failed or is blocked: it needs retry, skip or stop.
    pub fn needs_help(&self) -> bool {
        matches!(
            self.status,
            StepStatus::Blocked
                | StepStatus::Ended {
                    outcome: Outcome::Failed
                }
        )
    }

    /// Whether its gate asks for a typed text.
    pub fn is_typed(&self) -> bool {
        self.head.level >= Level::Destructive
    }
}
