//! The audit's own reading of the files that say what must be true: `lab.toml`, `ledger.jsonl`,
//! `accounts.jsonl`.

use super::AuditError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::net::Ipv4Addr;
use std::path::Path;

/// The well-known ports the audit logs in on.
const IMAP: u16 = 143;
const POP: u16 = 110;

/// What the audit needs of `lab.toml`.
#[derive(Debug, Deserialize)]
pub(super) struct LabFile {
    port_base: u16,
    pub(super) hosts: Vec<HostFile>,
    /// The only login separator that counts, where the lab says one.
    #[serde(default)]
    pub(super) login_separator: Option<String>,
}

/// A host in `lab.toml`.
#[derive(Debug, Deserialize)]
pub(super) struct HostFile {
    pub(super) name: String,
    address: Ipv4Addr,
    #[serde(default)]
    roles: Vec<String>,
}

/// Where people log in after the migration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    pub(super) address: Ipv4Addr,
    pub(super) imap: u16,
    pub(super) pop: u16,
}

impl LabFile {
    /// Returns the listener of the host with the role `new`.
    pub(super) fn new_server(&self) -> Option<Server> {
        let host = self
            .hosts
            .iter()
            .find(|h| h.roles.iter().any(|r| r == "new"))?;
        Some(Server {
            address: host.address,
            imap: self.port_base.checked_add(IMAP)?,
            pop: self.port_base.checked_add(POP)?,
        })
    }
}

/// One line of the ledger: a message that must in the end be in somebody's mailbox.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Expected {
    pub(super) user: String,
    pub(super) message_id: Option<String>,
    pub(super) sha256: String,
    pub(super) size: u64,
    pub(super) folder: String,
    #[serde(default)]
    pub(super) from: Option<String>,
}

/// One line of the accounts: a person who can log in.
#[derive(Clone, Deserialize)]
pub(super) struct Account {
    pub(super) user: String,
    pub(super) password: String,
    /// The services the person may use; none named means all.
    #[serde(default)]
    services: Vec<String>,
}

impl Account {
    /// Tells whether the person may use `imap` or `pop`, with or without TLS.
    pub(super) fn may_use(&self, service: &str) -> bool {
        self.services.is_empty()
            || self
                .services
                .iter()
                .any(|s| s.to_lowercase().starts_with(service))
    }
}

/// Reads `lab.toml`.
pub(super) fn lab(dir: &Path) -> Result<LabFile, AuditError> {
    let path = dir.join("lab.toml");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e)
            if matches!(
                e.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            return Err(AuditError::NotALab(dir.to_path_buf()));
        }
        Err(source) => return Err(AuditError::File { path, source }),
    };
    toml::from_str(&text).map_err(|e| AuditError::Format {
        line: e
            .span()
            .and_then(|span| text.get(..span.start))
            .map_or(1, |before| before.matches('\n').count() + 1),
        reason: e.message().to_owned(),
        path,
    })
}

/// Reads `ledger.jsonl`; INBOX is written so whatever its case (RFC 3501: it has none).
pub(super) fn ledger(dir: &Path) -> Result<Vec<Expected>, AuditError> {
    let mut entries: Vec<Expected> = json_lines(&dir.join("ledger.jsonl"))?;
    for entry in &mut entries {
        entry.sha256.make_ascii_lowercase();
        if entry.folder.eq_ignore_ascii_case("INBOX") {
            "INBOX".clone_into(&mut entry.folder);
        }
    }
    Ok(entries)
}

/// Reads `accounts.jsonl`.
pub(super) fn accounts(dir: &Path) -> Result<Vec<Account>, AuditError> {
    json_lines(&dir.join("accounts.jsonl"))
}

fn json_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, AuditError> {
    let text = std::fs::read_to_string(path).map_err(|source| AuditError::File {
        path: path.to_path_buf(),
        source,
    })?;
    // A power cut may tear the last line: it is written before a message is promised to be kept, so
    // nothing that was promised is forgotten here.
    let whole = match text.rsplit_once('\n') {
        Some((whole, torn)) if serde_json::from_str::<T>(torn).is_err() => whole,
        _ => &text,
    };
    whole
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(at, line)| {
            serde_json::from_str(line).map_err(|e| AuditError::Format {
                path: path.to_path_buf(),
                line: at + 1,
                reason: e.to_string(),
            })
        })
        .collect()
}
