//! Sending the changes, one entry after another, and finding out what is there afterwards.

use super::preview::undo_ldif;
use super::undo::UndoSink;
use crate::base::{Hint, display_safe};
use crate::directory::connection::Connection;
use crate::directory::entry::{Change, Entry, same_values};
use crate::directory::error::DirectoryError;
use crate::directory::rules::EntryPlan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How many entries share one write of the undo.
pub const CHUNK: usize = 5_000;

/// How it went with one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryOutcome {
    /// The entry.
    pub dn: String,
    /// How it went.
    #[serde(flatten)]
    pub result: EntryResult,
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum EntryResult {
    /// Done now.
    Ok,
    /// It was so already.
    Already,
    /// Nothing of it is done yet (only from [`verify`]).
    NotYet,
    /// Somebody else changed the entry meanwhile; it was left alone.
    Changed {
        /// The attributes that are not as expected; safe to show.
        attributes: Vec<String>,
    },
    /// It could not be done.
    Failed {
        /// Why, in the server's words; safe to show.
        reason: String,
    },
}

impl std::fmt::Display for EntryResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ok => f.write_str("done"),
            Self::Already => f.write_str("it was so already"),
            Self::NotYet => f.write_str("nothing of it is done yet"),
            Self::Changed { attributes } => write!(
                f,
                "somebody else has changed {} meanwhile; it was left alone",
                attributes.join(", ")
            ),
            Self::Failed { reason } => f.write_str(reason),
        }
    }
}

impl EntryOutcome {
    /// Says whether the entry is now as wanted.
    pub fn is_good(&self) -> bool {
        matches!(self.result, EntryResult::Ok | EntryResult::Already)
    }
}

/// What came of applying or undoing.
#[derive(Debug, Default)]
pub struct Applied {
    /// One for each entry that was settled, in order.
    pub outcomes: Vec<EntryOutcome>,
    /// Why it stopped before the end, if it did: the connection, or a server that is busy. The same
    /// call over a new connection goes on where it stopped.
    pub stopped: Option<DirectoryError>,
}

/// Why nothing (more) was sent.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The undo could not be made safe; nothing of its chunk was sent.
    #[error("the undo could not be written, so nothing was sent: {0}")]
    Undo(#[from] std::io::Error),
}

impl Hint for ApplyError {
    fn hints(&self) -> Vec<String> {
        vec!["make room where the run keeps its files, then retry".to_owned()]
    }
}

/// Changes the entries as planned.
///
/// The plans are taken in chunks of [`CHUNK`]; the undo of a chunk is given to `undo`, which must
/// have it on disk when it returns, before its first change is sent. One entry that fails does not
/// stop the rest.
///
/// # Errors
/// [`ApplyError::Undo`]; what happens on the way is in [`Applied`].
pub async fn apply(
    connection: &Connection,
    plans: &[EntryPlan],
    undo: &mut (dyn UndoSink + Send),
    progress: &mut (dyn FnMut(&EntryOutcome) + Send),
) -> Result<Applied, ApplyError> {
    let mut applied = Applied::default();
    for chunk in plans.chunks(CHUNK) {
        let ldif = undo_ldif(chunk);
        if !ldif.is_empty() {
            undo.save(&ldif)?;
        }
        for plan in chunk.iter().filter(|plan| !plan.changes.is_empty()) {
            let step = Step {
                dn: &plan.dn,
                changes: plan.modification(),
                before: &plan.before,
            };
            match step.run(connection).await {
                Ok(result) => {
                    let outcome = EntryOutcome {
                        dn: display_safe(&plan.dn).into_owned(),
                        result,
                    };
                    progress(&outcome);
                    applied.outcomes.push(outcome);
                }
                Err(error) => {
                    applied.stopped = Some(error);
                    return Ok(applied);
                }
            }
        }
    }
    Ok(applied)
}

/// Looks which entries are as planned: [`EntryResult::Already`]; sends nothing.
///
/// # Errors
/// As [`Connection::search`].
pub async fn verify(
    connection: &Connection,
    plans: &[EntryPlan],
) -> Result<Vec<EntryOutcome>, DirectoryError> {
    let mut outcomes = Vec::with_capacity(plans.len());
    for plan in plans.iter().filter(|plan| !plan.changes.is_empty()) {
        let step = Step {
            dn: &plan.dn,
            changes: plan.modification(),
            before: &plan.before,
        };
        let now = connection.read(&plan.dn).await?;
        let result = match step.look(now.as_ref()) {
            Look::Done => EntryResult::Already,
            Look::ToDo => EntryResult::NotYet,
            Look::Different(attributes) => EntryResult::Changed { attributes },
            Look::Gone => gone(),
        };
        outcomes.push(EntryOutcome {
            dn: display_safe(&plan.dn).into_owned(),
            result,
        });
    }
    Ok(outcomes)
}

fn gone() -> EntryResult {
    EntryResult::Failed {
        reason: "the entry is gone".to_owned(),
    }
}

/// One compare-and-set.
pub(super) struct Step<'a> {
    pub(super) dn: &'a str,
    pub(super) changes: Vec<Change>,
    /// What the changes were made from.
    pub(super) before: &'a [(String, Vec<Vec<u8>>)],
}

/// What an entry looks like to a step.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    Done,
    ToDo,
    Different(Vec<String>),
    Gone,
}

impl Step<'_> {
    /// Reads, compares, sends.
    ///
    /// # Errors
    /// Only what makes the connection useless or asks to come back later.
    pub(super) async fn run(&self, connection: &Connection) -> Result<EntryResult, DirectoryError> {
        if let Some(settled) = self.settled(connection).await? {
            return Ok(settled);
        }
        let refused = match connection.modify(self.dn, &self.changes).await {
            Ok(()) => return Ok(EntryResult::Ok),
            Err(error) if error.retryable() => return Err(error),
            Err(error) => error,
        };
        // A refusal may mean that somebody was faster between our reading and our writing.
        let settled = self.settled(connection).await?;
        Ok(settled.unwrap_or_else(|| EntryResult::Failed {
            reason: refused.to_string(),
        }))
    }

    async fn settled(
        &self,
        connection: &Connection,
    ) -> Result<Option<EntryResult>, DirectoryError> {
        let now = match connection.read(self.dn).await {
            Ok(now) => now,
            Err(error) if error.retryable() => return Err(error),
            Err(error) => {
                return Ok(Some(EntryResult::Failed {
                    reason: error.to_string(),
                }));
            }
        };
        Ok(match self.look(now.as_ref()) {
            Look::Done => Some(EntryResult::Already),
            Look::ToDo => None,
            Look::Different(attributes) => Some(EntryResult::Changed { attributes }),
            Look::Gone => Some(gone()),
        })
    }

    fn look(&self, now: Option<&Entry>) -> Look {
        let Some(now) = now else {
            return Look::Gone;
        };
        // What keeps the entry from being as before the changes, and from being as after them.
        let mut not_before: Vec<&str> = Vec::new();
        let mut not_after: Vec<&str> = Vec::new();
        for change in &self.changes {
            let present: BTreeSet<&Vec<u8>> = now.values(change.attribute()).iter().collect();
            let there = change
                .values()
                .iter()
                .filter(|v| present.contains(v))
                .count();
            let all = change.values().len();
            let (before, after) = match change {
                Change::Add { .. } => (0, all),
                Change::Delete { .. } | Change::Replace { .. } => (all, 0),
            };
            if there != before {
                not_before.push(change.attribute());
            }
            if there != after {
                not_after.push(change.attribute());
            }
        }
        if not_after.is_empty() {
            return Look::Done;
        }
        for (name, values) in self.before {
            if !same_values(now.values(name), values) {
                not_before.push(name);
            }
        }
        if not_before.is_empty() {
            return Look::ToDo;
        }
        // Named is what is odd, seen from the state that the entry is nearer to.
        let (before, after) = (names(not_before), names(not_after));
        Look::Different(if after.len() < before.len() {
            after
        } else {
            before
        })
    }
}

fn names(mut attributes: Vec<&str>) -> Vec<String> {
    attributes.sort_unstable_by_key(|name| name.to_ascii_lowercase());
    attributes.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
    attributes
        .into_iter()
        .map(|name| display_safe(name).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Look, Step};
    use crate::directory::entry::{Change, Entry};

    fn step(before: &[(String, Vec<Vec<u8>>)]) -> Step<'_> {
        Step {
            dn: "cn=a",
            changes: vec![
                Change::add("objectClass", &["inetUser", "ipUser"]),
                Change::delete("mailQuota", &["1T"]),
                Change::add("mailQuota", &["1024G"]),
            ],
            before,
        }
    }

    fn before() -> Vec<(String, Vec<Vec<u8>>)> {
        vec![("mailQuota".to_owned(), vec![b"1T".to_vec()])]
    }

    fn different(names: &[&str]) -> Look {
        Look::Different(names.iter().map(|n| (*n).to_owned()).collect())
    }

    #[test]
    fn an_entry_as_it_was_read_is_to_do_and_then_done() {
        let before = before();
        let step = step(&before);
        let mut entry = Entry::new("cn=a")
            .with("mailQuota", "1T")
            .with("objectClass", "top");
        assert_eq!(step.look(Some(&entry)), Look::ToDo);
        entry.apply(&step.changes);
        assert_eq!(step.look(Some(&entry)), Look::Done);
        assert_eq!(step.look(None), Look::Gone);
    }

    #[test]
    fn somebody_elses_edit_is_seen_and_named_even_when_only_the_case_differs() {
        let before = before();
        let step = step(&before);
        let edited = Entry::new("cn=a").with("mailQuota", "1t");
        assert_eq!(step.look(Some(&edited)), different(&["mailQuota"]));
        let class = Entry::new("cn=a")
            .with("mailQuota", "1T")
            .with("objectClass", "ipUser");
        assert_eq!(step.look(Some(&class)), different(&["objectClass"]));
        let both = Entry::new("cn=a")
            .with("mailQuota", "1T")
            .with("mailQuota", "5M");
        assert_eq!(step.look(Some(&both)), different(&["mailQuota"]));
    }

    #[test]
    fn an_edit_elsewhere_in_the_entry_does_not_matter() {
        let before = before();
        let step = step(&before);
        let entry = Entry::new("cn=a").with("mailQuota", "1T").with("cn", "new");
        assert_eq!(step.look(Some(&entry)), Look::ToDo);
    }
}
