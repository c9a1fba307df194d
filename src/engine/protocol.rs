//! What engine and clients say to each other over the run's socket: JSON lines.
//!
//! First `hello` both ways; then events one way, exactly as in the journal, and commands the other.
//! Unknown fields are ignored, so that an older client can watch a newer engine.

use super::core::Ask;
use super::event::{Amendment, Policy};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The protocol's version.
pub const VERSION: u32 = 1;

/// The longest line either side accepts (contract, "Places"): 1 MiB.
pub const MAX_LINE: usize = 1 << 20;

/// The file an engine holds a lock on; its content is an [`EngineInfo`].
pub const LOCK_FILE: &str = "engine.lock";

/// What `engine.lock` says while an engine runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EngineInfo {
    /// The engine's process id.
    pub pid: u32,
    /// Where its socket is.
    pub socket: PathBuf,
}

/// The engine's first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EngineHello {
    /// The protocol's version.
    pub hello: u32,
    /// The run.
    pub run: String,
    /// The engine's process id.
    pub pid: u32,
}

/// The client's first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientHello {
    /// The protocol's version.
    pub hello: u32,
    /// Who this is, as the journal will name it: `plain on pts/3`.
    pub client: String,
    /// The first event wanted, from 1.
    pub from: u64,
}

/// What a client may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Command {
    /// Answers a gate.
    Answer {
        /// The gate.
        gate: String,
        /// What was typed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Begin nothing new.
    Pause,
    /// Go on.
    Continue,
    /// Do again what failed.
    Retry,
    /// Leave the failed step as it is.
    Skip {
        /// Why.
        reason: String,
    },
    /// Do not let a check hold the run up that cannot be told.
    Waive {
        /// The check.
        check: String,
        /// Why.
        reason: String,
    },
    /// Stop at the next safe point.
    Stop,
    /// Take back what was done, the last step first.
    Undo {
        /// The earliest step to be taken back; absent: everything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// Give up taking back, and go forward again.
    Forward,
    /// Answer gates by this policy from now on.
    Policy {
        /// The policy.
        policy: Policy,
    },
    /// Take control.
    Control,
    /// Take control if nobody has it.
    Claim,
    /// Go on otherwise than it was planned; a gate asks whether it is to.
    Amend {
        /// The change.
        amendment: Amendment,
    },
}

impl Command {
    /// Returns what it asks of the core, or the answer it is.
    pub fn into_ask(self) -> Result<Ask, (String, Option<String>)> {
        Ok(match self {
            Self::Answer { gate, text } => return Err((gate, text)),
            Self::Pause => Ask::Pause,
            Self::Continue => Ask::Continue,
            Self::Retry => Ask::Retry,
            Self::Skip { reason } => Ask::Skip { reason },
            Self::Waive { check, reason } => Ask::Waive { check, reason },
            Self::Stop => Ask::Stop,
            Self::Undo { to } => Ask::Undo { to },
            Self::Forward => Ask::Forward,
            Self::Policy { policy } => Ask::Policy(policy),
            Self::Control => Ask::Control,
            Self::Claim => Ask::Claim,
            Self::Amend { amendment } => Ask::Amend {
                amendment,
                confirmed: false,
            },
        })
    }
}
