//! What comes into the core and what comes out of it. Pure data.

use crate::engine::event::{Amendment, Binding, Event, Outcome};
use serde_json::Value;

/// What a person asks of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Begin nothing new.
    Pause,
    /// Go on: after a pause, a stop, or (as a retry) a failure.
    Continue,
    /// Do again what failed.
    Retry,
    /// Leave the failed step as it is.
    Skip {
        /// Why; journaled.
        reason: String,
    },
    /// Do not let a check hold the run up that cannot be told.
    Waive {
        /// The check.
        check: String,
        /// Why; journaled.
        reason: String,
    },
    /// Stop at the next safe point.
    Stop,
    /// Take back what was done, the last step first.
    Undo {
        /// The earliest step to be taken back; none: everything.
        to: Option<String>,
    },
    /// Give up taking back, and go forward again.
    Forward,
    /// Answer gates by this policy from now on.
    Policy(crate::engine::event::Policy),
    /// Be the one who answers.
    Control,
    /// Be the one who answers, where nobody else is.
    Claim,
    /// Go on otherwise than it was planned.
    Amend {
        /// The change.
        amendment: Amendment,
        /// It was confirmed where it was asked for.
        confirmed: bool,
    },
}

/// What comes into the core.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A new run; the event is a [`Event::RunCreated`]. [`Input::Begin`] has to follow.
    Create(Box<Event>),
    /// An engine process has read the journal and takes the run up.
    Begin {
        /// Its process id.
        pid: u32,
        /// The program's version.
        version: String,
        /// Settle what is open and begin nothing: the run is to stop.
        stop: bool,
    },
    /// The facts of a step are looked up.
    Bound {
        /// The step.
        step: String,
        /// How many changes of the run it knows ([`Amendments::revision`]).
        ///
        /// [`Amendments::revision`]: crate::engine::event::Amendments::revision
        revision: u64,
        /// The binding, or why there is none.
        result: Result<Binding, Vec<String>>,
    },
    /// Somebody answers a gate.
    Answer {
        /// The gate.
        gate: String,
        /// What was typed.
        text: Option<String>,
        /// Who.
        by: String,
        /// How long the gate's facts are old, in milliseconds.
        age_ms: u64,
    },
    /// How far an effect is.
    Progress {
        /// The effect.
        effect: String,
        /// Bytes so far.
        bytes: u64,
        /// One line.
        message: String,
    },
    /// An effect ended.
    Ended {
        /// The effect.
        effect: String,
        /// How.
        outcome: Outcome,
        /// One line.
        message: String,
        /// Results in detail.
        detail: Value,
    },
    /// What became of an effect that a dead engine had begun.
    Settled {
        /// The effect.
        effect: String,
        /// Done, not done (safe to do again), or failed in a way only a retry mends.
        result: Result<bool, String>,
        /// One line.
        message: String,
    },
    /// A client has gone.
    Left {
        /// Who.
        by: String,
    },
    /// A person asks something.
    Asked {
        /// What.
        ask: Ask,
        /// Who.
        by: String,
    },
}

/// What the shell is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Look a step's facts up and say what it will do.
    Bind {
        /// The step.
        step: String,
        /// The attempt.
        attempt: u32,
    },
    /// Do an effect. Its intent is journaled and must be synced first.
    Do {
        /// The effect.
        effect: String,
        /// The operator's words, when the operator did it.
        text: Option<String>,
    },
    /// Find out what became of an effect.
    Settle {
        /// The effect.
        effect: String,
    },
    /// The engine process may end.
    Finish,
}

/// What follows from an input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// To be journaled and folded, in order.
    pub events: Vec<Event>,
    /// To be carried out afterwards.
    pub orders: Vec<Order>,
}
