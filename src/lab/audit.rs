//! The new store against the ledger, by content hash. Imports nothing of lab, store or directory.
//!
//! The judge of every migration shares no code with those it judges: it reads the lab's folder by
//! contract (`lab.toml`, `ledger.jsonl`, `accounts.jsonl`, the store's tree, the queues) with
//! readers of its own and logs in over IMAP and POP with a client of its own.

mod compare;
mod files;
mod login;
mod names;
mod render;
#[cfg(test)]
mod tests;
mod tree;

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The folder has no `lab.toml`.
    #[error("`{0}` is not a lab: it has no lab.toml")]
    NotALab(PathBuf),
    /// A file of the lab that says what must be true cannot be read.
    #[error("cannot read `{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of the lab that says what must be true cannot be understood.
    #[error("`{path}`, line {line}: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser said.
        reason: String,
    },
}

/// One thing that is not as it must be; fields that are not known are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Item {
    /// The store id whose message it is, or in whose mailbox it lies when it is nobody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The folder it belongs to, or lies in when it is nobody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The Message-ID with its angle brackets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The hash it must have, or has when it is nobody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The file it lies in, below the lab's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Where the ledger says it came from: `store`, `queue`, `hold`, `traffic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// In whose mailbox it lies instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_user: Option<String>,
    /// In which folder it lies instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_folder: Option<String>,
    /// The hash it has instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_sha256: Option<String>,
    /// What was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of every message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// True only if every list below is empty.
    pub clean: bool,
    /// How many messages the ledger knows.
    pub messages_before: usize,
    /// How many messages lie in the new store.
    pub messages_after: usize,
    /// How many people were tried to be logged in.
    pub users: usize,
    /// In the ledger, not in the new store.
    pub missing: Vec<Item>,
    /// More copies in a mailbox than the ledger has.
    pub duplicated: Vec<Item>,
    /// There, with other content.
    pub altered: Vec<Item>,
    /// There, in another user's mailbox or in another folder.
    pub misplaced: Vec<Item>,
    /// In the store and not known to the ledger.
    pub unexpected: Vec<Item>,
    /// People who cannot get at their mail with the directory's uid and their password.
    pub unreachable_users: Vec<Item>,
    /// Messages that still lie in a queue of an MTA.
    pub held: Vec<Item>,
    /// Files and folders that could not be read.
    pub unreadable: Vec<Item>,
}

impl AuditReport {
    /// Returns the lists with their names, in the order in which they are shown.
    pub fn lists(&self) -> [(&'static str, &[Item]); 8] {
        [
            ("missing", &self.missing),
            ("duplicated", &self.duplicated),
            ("altered", &self.altered),
            ("misplaced", &self.misplaced),
            ("unexpected", &self.unexpected),
            ("unreachable users", &self.unreachable_users),
            ("held in a queue", &self.held),
            ("unreadable", &self.unreadable),
        ]
    }

    /// Returns the report as a person reads it: a short table, then what is wrong by name.
    pub fn render(&self) -> String {
        render::render(self)
    }
}

/// Audits the lab in `dir`: its new store and its logins against its ledger.
///
/// Logging in needs the lab to run; when it does not, every user is unreachable.
///
/// # Errors
/// When the folder is not a lab, or `lab.toml`, `ledger.jsonl` or `accounts.jsonl` cannot be read.
pub fn run(dir: &Path) -> Result<AuditReport, AuditError> {
    let dir = std::path::absolute(dir).map_err(|source| AuditError::File {
        path: dir.to_path_buf(),
        source,
    })?;
    let lab = files::lab(&dir)?;
    let ledger = files::ledger(&dir)?;
    let accounts = files::accounts(&dir)?;
    let store = tree::stores(&dir, &lab);
    let queues = tree::queues(&dir, &lab);
    let compared = compare::compare(&ledger, &store);

    let unreachable_users = login::unreachable(&login::Wanted {
        server: lab.new_server(),
        separator: lab.login_separator.clone(),
        accounts: &accounts,
        owners: ledger.iter().map(|e| e.user.as_str()).collect(),
        placed: &compared.placed,
        under_twin: &compared.under_twin,
        all_elsewhere: &compared.all_elsewhere,
    });
    let users = accounts
        .iter()
        .map(|a| a.user.as_str())
        .chain(ledger.iter().map(|e| e.user.as_str()))
        .collect::<BTreeSet<_>>()
        .len();
    let mut report = AuditReport {
        clean: false,
        messages_before: ledger.len(),
        messages_after: store.messages.len(),
        users,
        held: held(&queues.messages, &ledger),
        missing: compared.missing,
        duplicated: compared.duplicated,
        altered: compared.altered,
        misplaced: compared.misplaced,
        unexpected: compared.unexpected,
        unreachable_users,
        unreadable: [store.unreadable, queues.unreadable].concat(),
    };
    report.clean = report.lists().iter().all(|(_, items)| items.is_empty());
    Ok(report)
}

/// Names the owner of each queued message where the ledger knows exactly one.
fn held(queued: &[tree::Queued], ledger: &[files::Expected]) -> Vec<Item> {
    let mut owners: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for entry in ledger {
        if let Some(id) = &entry.message_id {
            owners
                .entry(id)
                .or_default()
                .insert((&entry.user, &entry.folder));
        }
    }
    queued
        .iter()
        .map(|queued| {
            let owner = queued
                .message_id
                .as_deref()
                .and_then(|id| owners.get(id))
                .filter(|owners| owners.len() == 1)
                .and_then(|owners| owners.first());
            Item {
                user: owner.map(|o| o.0.to_owned()),
                folder: owner.map(|o| o.1.to_owned()),
                message_id: queued.message_id.clone(),
                file: Some(queued.file.clone()),
                ..Item::default()
            }
        })
        .collect()
}
