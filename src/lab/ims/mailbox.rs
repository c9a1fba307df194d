//! One mailbox: its `store.idx` (a header line, then one line a message) and walking over all.

use crate::lab::lines;
use crate::lab::world::LabError;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The index file of a mailbox.
pub const INDEX: &str = "store.idx";

/// One message as its mailbox knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its number: IMAP UID and name of its file.
    pub n: u32,
    /// Flags such as `\Seen`.
    pub flags: Vec<String>,
    /// When it arrived, seconds since the epoch.
    pub internal_date: i64,
    /// Its size in bytes as stored.
    pub size: u64,
}

/// The first line of `store.idx`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// The store id of the owner.
    pub user: String,
    /// The name of the folder as clients see it.
    pub folder: String,
    /// IMAP UIDVALIDITY.
    pub uidvalidity: u32,
}

impl Header {
    /// A header.
    pub fn new(user: &str, folder: &str, uidvalidity: u32) -> Self {
        Self {
            user: user.to_owned(),
            folder: folder.to_owned(),
            uidvalidity,
        }
    }
}

/// One mailbox in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The store id of the owner.
    pub user: String,
    /// The folder as clients see it, `INBOX` or such as `Mail/flying`.
    pub folder: String,
    /// How many messages it holds.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the newest arrived, seconds since the epoch.
    pub last: Option<i64>,
    /// IMAP UIDVALIDITY.
    pub uidvalidity: u32,
    /// Its folder on disk.
    pub path: PathBuf,
    /// The partition that is in.
    pub partition: String,
}

impl Mailbox {
    /// Returns the name as the vendor's tools write it, `user/<id>/<folder>`.
    pub fn name(&self) -> String {
        format!("user/{}/{}", self.user, self.folder)
    }
}

/// Reads a mailbox; `None` when it is not there.
pub fn read(path: &Path) -> Result<Option<(Header, Vec<Stored>)>, LabError> {
    let index = path.join(INDEX);
    let bad = |e: serde_json::Error| LabError::Config {
        path: index.clone(),
        reason: e.to_string(),
    };
    let mut lines = lines::read::<serde_json::Value>(&index)?.into_iter();
    let Some(first) = lines.next() else {
        return Ok(None);
    };
    let header = serde_json::from_value(first).map_err(bad)?;
    let messages = lines
        .map(|line| serde_json::from_value(line).map_err(bad))
        .collect::<Result<_, _>>()?;
    Ok(Some((header, messages)))
}

/// Writes a mailbox's index anew, all or nothing.
pub fn write(path: &Path, header: &Header, messages: &[Stored]) -> Result<(), LabError> {
    let bad = |e: serde_json::Error| LabError::Other(e.to_string());
    let mut lines = vec![serde_json::to_value(header).map_err(bad)?];
    for message in messages {
        lines.push(serde_json::to_value(message).map_err(bad)?);
    }
    lines::replace(&path.join(INDEX), &lines)
}

/// The number of the last message, 0 when there is none.
pub fn last_number(index: &Path) -> Result<u32, LabError> {
    let Some(line) = lines::last_line(index)? else {
        return Ok(0);
    };
    Ok(serde_json::from_slice::<Stored>(&line).map_or(0, |stored| stored.n))
}

/// Removes one mailbox and leaves its sub-folders; 0 when it was not there.
pub fn remove_one(path: &Path) -> Result<usize, LabError> {
    let Some((_, messages)) = read(path)? else {
        return Ok(0);
    };
    for message in &messages {
        let file = path.join(format!("{}.msg", message.n));
        match std::fs::remove_file(&file) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(LabError::file(file)(e));
            }
            _ => {}
        }
    }
    let index = path.join(INDEX);
    std::fs::remove_file(&index).map_err(LabError::file(index))?;
    // Only empty folders go: one with sub-folders refuses, which is what is wanted.
    let _ = std::fs::remove_dir(path);
    Ok(1)
}

/// Adds every mailbox at and below `path` to `found`.
pub fn collect(path: &Path, found: &mut Vec<Mailbox>) -> Result<(), LabError> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(LabError::file(path)(e)),
    };
    for entry in entries {
        let entry = entry.map_err(LabError::file(path))?;
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            collect(&entry.path(), found)?;
        } else if entry.file_name() == INDEX {
            found.extend(at(path, "primary")?);
        }
    }
    Ok(())
}

/// Returns the mailbox in a folder, if one is there.
pub fn at(path: &Path, partition: &str) -> Result<Option<Mailbox>, LabError> {
    Ok(read(path)?.map(|(header, messages)| Mailbox {
        user: header.user,
        folder: header.folder,
        messages: messages.len() as u64,
        bytes: messages.iter().map(|m| m.size).sum(),
        last: messages.iter().map(|m| m.internal_date).max(),
        uidvalidity: header.uidvalidity,
        path: path.to_path_buf(),
        partition: partition.to_owned(),
    }))
}

/// By user, INBOX first, then by folder.
pub fn sort(mailboxes: &mut [Mailbox]) {
    mailboxes.sort_by(|a, b| {
        (&a.user, a.folder != "INBOX", &a.folder).cmp(&(&b.user, b.folder != "INBOX", &b.folder))
    });
}

/// A UIDVALIDITY for a new mailbox: the time, as the vendor does it.
pub fn new_uidvalidity() -> u32 {
    u32::try_from(jiff::Timestamp::now().as_second()).unwrap_or(u32::MAX)
}
