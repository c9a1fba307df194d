//! What a lab with traffic keeps of it: whom mail is sent to, and what became of it.

use super::world::{Lab, LabError};
use serde::{Deserialize, Serialize};

/// The role of the host that stands for the world outside.
pub const OUTSIDE: &str = "outside";
/// Whom mail is sent to, below the lab's folder.
pub const BOOK: &str = "traffic.json";
/// What became of it, below the lab's folder.
pub const COUNTS: &str = "traffic-counts.json";

/// The most messages a minute.
pub const MOST: u32 = 1200;

/// The addresses that people outside know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// People whose mail ends in their mailbox, wherever else it goes.
    pub people: Vec<String>,
    /// Lists of such people.
    pub lists: Vec<String>,
}

impl Book {
    /// Reads the addresses of a lab.
    ///
    /// # Errors
    /// When there are none, or they cannot be understood.
    pub fn read(lab: &Lab) -> Result<Self, LabError> {
        let path = lab.dir.join(BOOK);
        let text = std::fs::read(&path).map_err(LabError::file(&path))?;
        serde_json::from_slice(&text).map_err(|e| LabError::Config {
            path,
            reason: e.to_string(),
        })
    }
}

/// What became of the traffic so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Messages written.
    pub written: u64,
    /// Deliveries that a server has taken: each is in the ledger for each of its users.
    pub accepted: u64,
    /// Deliveries that wait for their next attempt.
    pub waiting: u64,
    /// Attempts that were told to come again, or got no answer.
    pub tried_again: u64,
    /// Recipients that were refused for good.
    pub bounced: u64,
    /// The last of these, with the server's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_bounce: Option<String>,
    /// Times somebody has looked at their mail.
    pub read: u64,
    /// Times somebody was not let in.
    pub not_let_in: u64,
}

impl Counts {
    /// Reads the counts; a lab that has none yet begins at nothing.
    pub fn read(lab: &Lab) -> Self {
        let text = std::fs::read(lab.dir.join(COUNTS)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }
}
