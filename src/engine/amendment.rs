//! What may be changed about a run that has begun: how many sessions, who does a step. Pure data.
//!
//! A change is asked for, confirmed at a gate of its own and journaled; steps that begin, or begin
//! again, after it are bound to it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// The most sessions that a run moves mailboxes in; a site file may not ask for more either.
pub const MOST_SESSIONS: u16 = 64;

/// One change of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "set", rename_all = "kebab-case")]
pub enum Amendment {
    /// Mailboxes are moved in so many sessions.
    Sessions {
        /// How many.
        sessions: u16,
    },
    /// A step is done by the operator, or by the wizard again.
    ByHand {
        /// The step.
        step: String,
        /// Whether the operator does it.
        by_hand: bool,
    },
}

impl Amendment {
    /// Reads `sessions=N`, `STEP=by-hand` or `STEP=automatic`; whether there is such a step is not
    /// asked here.
    ///
    /// # Errors
    /// A sentence that says what can be set.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((key, value)) = text.split_once('=') else {
            return Err(format!(
                "`{text}` sets nothing: sessions=N, STEP=by-hand or STEP=automatic"
            ));
        };
        match (key.trim(), value.trim()) {
            ("sessions", number) => match number.parse::<u16>() {
                Ok(sessions @ 1..=MOST_SESSIONS) => Ok(Self::Sessions { sessions }),
                _ => Err(format!(
                    "sessions is a number from 1 to {MOST_SESSIONS}, not `{number}`"
                )),
            },
            (step, word @ ("by-hand" | "automatic")) if !step.is_empty() => Ok(Self::ByHand {
                step: step.to_owned(),
                by_hand: word == "by-hand",
            }),
            (step, word) => Err(format!(
                "`{step}` cannot be set to `{word}`: sessions=N, STEP=by-hand or STEP=automatic"
            )),
        }
    }

    /// The gate at which it is confirmed.
    pub fn gate(&self) -> String {
        match self {
            Self::Sessions { .. } => "set/sessions".to_owned(),
            Self::ByHand { step, .. } => format!("set/{step}"),
        }
    }
}

/// As it is typed: `sessions=8`, `stop-sims=by-hand`.
impl fmt::Display for Amendment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sessions { sessions } => write!(f, "sessions={sessions}"),
            Self::ByHand { step, by_hand } => {
                let word = if *by_hand { "by-hand" } else { "automatic" };
                write!(f, "{step}={word}")
            }
        }
    }
}

/// All that was changed about a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amendments {
    /// In how many sessions mailboxes are moved; none: as the site says.
    pub sessions: Option<u16>,
    /// The steps that the operator does.
    pub by_hand: BTreeSet<String>,
    /// How many changes there were: what was bound before the last of them does not count.
    pub revision: u64,
}

impl Amendments {
    /// Adds one change.
    pub fn apply(&mut self, amendment: &Amendment) {
        self.revision += 1;
        match amendment {
            Amendment::Sessions { sessions } => self.sessions = Some(*sessions),
            Amendment::ByHand {
                step,
                by_hand: true,
            } => {
                self.by_hand.insert(step.clone());
            }
            Amendment::ByHand { step, .. } => {
                self.by_hand.remove(step);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Amendment;

    #[test]
    fn what_is_typed_is_what_is_shown() {
        for text in [
            "sessions=1",
            "sessions=64",
            "stop-sims=by-hand",
            "x=automatic",
        ] {
            assert_eq!(Amendment::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_cannot_be_set_is_refused_with_what_can() {
        for text in [
            "sessions=0",
            "sessions=65",
            "sessions=1000",
            "sessions=-1",
            "sessions=",
            "sessions=many",
            "sessions",
            "=by-hand",
            "batches=4",
            "stop-sims=maybe",
        ] {
            let why = Amendment::parse(text).unwrap_err();
            assert!(why.contains("sessions"), "{text}: {why}");
        }
    }
}
