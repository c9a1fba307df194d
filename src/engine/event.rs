//! What can happen in a run: the lines of the journal.
//!
//! Pure data. Nothing on a screen comes from anywhere but the fold of these
//! ([`fold`](super::core::fold)). Fields are only ever added.

pub use super::amendment::{Amendment, Amendments, MOST_SESSIONS};
pub use crate::plan::effect::{Binding, EffectSpec, Outcome, StepGate as Gate};
pub use crate::scenario::Risk as Level;
pub use crate::site::types::Window;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// An answer to a change or worse counts on facts no older than this; older ones are looked up once
/// more first (design.md: irreversible gates want checks no older than 60 s).
pub const FRESH: std::time::Duration = std::time::Duration::from_secs(60);

/// One step as the run's list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepHead {
    /// The scenario's stable id, such as `upgrade-domains`.
    pub id: String,
    /// The guide's own number, such as `9a`.
    pub guide: String,
    /// The title.
    pub title: String,
    /// The host it acts on, as the site calls it.
    pub host: String,
    /// The level of its gate.
    pub level: Level,
    /// What taking it back asks for.
    #[serde(default, skip_serializing_if = "Undo::is_nothing")]
    pub undo: Undo,
    /// The step that this one takes back; none in a step of the scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
    /// It moves mailboxes in sessions, as many as the run says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_sessions: bool,
}

/// What taking a step back asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "back", rename_all = "kebab-case")]
pub enum Undo {
    /// It leaves nothing that would have to be taken back.
    #[default]
    Nothing,
    /// It is taken back, after a gate.
    Gate {
        /// The level of that gate.
        level: Level,
    },
    /// There is no way back.
    Never {
        /// Why.
        why: String,
    },
}

impl Undo {
    /// Whether there is nothing to take back.
    pub fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }
}

/// Who answers gates when no person does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Nobody is there: a failed step ends the engine instead of waiting.
    pub headless: bool,
    /// `--yes`: answers note and change; in a practice site all of them.
    pub yes: bool,
    /// The site is labelled practice.
    pub practice: bool,
    /// Gate id → typed text, from an answers file.
    pub answers: BTreeMap<String, String>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Event {
    /// A run begins.
    RunCreated {
        /// Its id.
        run: String,
        /// The scenario.
        scenario: String,
        /// `practice` or `live`.
        label: String,
        /// The lab's folder, when the run was started by `practice`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lab: Option<String>,
        /// Who answers when no person does.
        policy: Policy,
        /// The steps in order.
        steps: Vec<StepHead>,
        /// Digest of the draft.
        draft: String,
        /// When mail may be down, where the site says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<Window>,
        /// In how many sessions the site has mailboxes moved; 0: by the number of users.
        #[serde(default, skip_serializing_if = "is_zero")]
        sessions: u16,
    },
    /// An engine process took the run up.
    EngineStarted {
        /// Its process id.
        pid: u32,
        /// The program's version.
        version: String,
    },
    /// Who answers gates from now on when no person does.
    PolicySet {
        /// The policy.
        policy: Policy,
    },
    /// A step's turn has come.
    StepEntered {
        /// The step.
        step: String,
        /// 1, and one more with each retry.
        attempt: u32,
    },
    /// A step's facts are looked up and its effects known.
    StepBound {
        /// The step.
        step: String,
        /// What it will do.
        binding: Binding,
    },
    /// A step could not be bound: a check inhibits, or a fact could not be looked up.
    StepBlocked {
        /// The step.
        step: String,
        /// Why, one line each.
        reasons: Vec<String>,
    },
    /// The run waits for a decision.
    GateOpened {
        /// What it shows.
        gate: Gate,
    },
    /// An answer to a gate that has waited long: the facts are looked up once more before it counts.
    AnswerReceived {
        /// The gate.
        gate: String,
        /// Who answered.
        by: String,
        /// What was typed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// The decision.
    GateAnswered {
        /// The gate.
        gate: String,
        /// Who: `policy`, `answers-file`, `retry`, or a client's name.
        by: String,
        /// What was typed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// An answer that was not accepted; the gate stays open.
    AnswerRefused {
        /// The gate.
        gate: String,
        /// Who answered.
        by: String,
        /// Why not.
        reason: String,
    },
    /// About to do an effect. Synced before anything is done.
    EffectIntended {
        /// The effect.
        effect: String,
        /// 1, and one more each time it is done again.
        attempt: u32,
    },
    /// How far an effect is; coalesced, not synced.
    EffectProgress {
        /// The effect.
        effect: String,
        /// Bytes so far.
        bytes: u64,
        /// One line.
        message: String,
    },
    /// An effect ended.
    EffectEnded {
        /// The effect.
        effect: String,
        /// The attempt that ended.
        attempt: u32,
        /// How.
        outcome: Outcome,
        /// One line for people.
        message: String,
        /// Results in detail: per user, per entry.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        detail: Value,
    },
    /// After a crash: an effect had begun and its end is not known.
    EffectInterrupted {
        /// The effect.
        effect: String,
    },
    /// After a crash: what the world says became of it.
    EffectSettled {
        /// The effect.
        effect: String,
        /// Whether it is done; if not, it is safe to do it again.
        done: bool,
        /// One line for people.
        message: String,
    },
    /// A step ended.
    StepEnded {
        /// The step.
        step: String,
        /// How.
        outcome: Outcome,
        /// One line for people.
        message: String,
    },
    /// Nothing new is begun until `continued`.
    Paused {
        /// Who asked.
        by: String,
    },
    /// The run goes on.
    Continued {
        /// Who asked.
        by: String,
    },
    /// A failed step is to be done again, only what failed of it.
    RetryAsked {
        /// The step.
        step: String,
        /// Who asked.
        by: String,
    },
    /// A failed step is left as it is.
    SkipAsked {
        /// The step.
        step: String,
        /// Who asked.
        by: String,
        /// Why.
        reason: String,
    },
    /// What was done is to be taken back, the last step first.
    UndoAsked {
        /// Who asked.
        by: String,
        /// The earliest step to be taken back; absent: everything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        /// The steps that take back, in order.
        steps: Vec<StepHead>,
    },
    /// Taking back is given up: the run goes forward again.
    UndoLeft {
        /// Who asked.
        by: String,
    },
    /// Something was asked that cannot be done now.
    AskRefused {
        /// Who asked.
        by: String,
        /// What: `undo`, `forward`, `set`, `policy`.
        ask: String,
        /// Why not.
        reason: String,
    },
    /// What a check could not tell, or warned of, is not to hold the run up.
    CheckWaived {
        /// The check.
        check: String,
        /// Who takes it upon them.
        by: String,
        /// Why.
        reason: String,
    },
    /// Somebody wants the run to go on otherwise than it was planned; a gate asks whether it is to.
    AmendmentAsked {
        /// Who asked.
        by: String,
        /// The change.
        amendment: Amendment,
    },
    /// The run goes on otherwise than it was planned, from the steps on that begin after this.
    Amended {
        /// Who confirmed it.
        by: String,
        /// The change.
        amendment: Amendment,
        /// What was so before, in a word.
        before: String,
        /// Digest of the plan with this and all changes before it.
        plan: String,
    },
    /// A change that was asked for is not made.
    AmendmentLeft {
        /// Who declined it.
        by: String,
        /// The change.
        amendment: Amendment,
    },
    /// The run is to stop at the next safe point.
    StopAsked {
        /// Who asked.
        by: String,
    },
    /// A client took control.
    ControlTaken {
        /// Who.
        by: String,
    },
    /// The client that had control has gone: nobody has it.
    ControlLeft {
        /// Who had it.
        by: String,
    },
    /// The run is over.
    RunEnded {
        /// `ok`, `warning`, `failed`, `stopped` or `undone`.
        outcome: String,
        /// One line for people.
        message: String,
    },
    /// A run that had ended as failed or stopped is taken up again.
    RunReopened {
        /// Who asked.
        by: String,
    },
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u16) -> bool {
    *number == 0
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Format version, 1.
    pub v: u32,
    /// From 1, no gaps.
    pub idx: u64,
    /// UTC, milliseconds: `2026-11-23T12:00:00.000Z`.
    pub at: String,
    /// Milliseconds since this engine process began (monotonic).
    pub elapsed_ms: u64,
    /// SHA-256 of the line before, hex; empty for the first.
    pub prev: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}
