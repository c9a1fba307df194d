//! The MTA's channel counters as its job controller left them behind.
//!
//! They are not the queue: updates can be missed, nothing changes while the job controller is down,
//! and after a reset in mid-stream they go below zero (`domain/commands.md` 2).

use super::lines;
use super::world::LabError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Messages, recipients and blocks of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Messages.
    pub messages: i64,
    /// Recipients.
    pub recipients: i64,
    /// Blocks of 1,024 bytes.
    pub blocks: i64,
}

impl Row {
    /// Adds another row, `sign` times.
    pub fn add(&mut self, other: Self, sign: i64) {
        self.messages += sign * other.messages;
        self.recipients += sign * other.recipients;
        self.blocks += sign * other.blocks;
    }
}

/// The counters of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Enqueued to the channel.
    pub received: Row,
    /// Now in its queue, as far as anybody counted.
    pub stored: Row,
    /// Dequeued from it.
    pub delivered: Row,
    /// Enqueued by it.
    pub submitted: Row,
}

/// All channels, by name.
pub type Counters = BTreeMap<String, Channel>;

/// Reads the counters; `None` when they have not been created.
///
/// # Errors
/// When the file cannot be read or understood.
pub fn read(path: &Path) -> Result<Option<Counters>, LabError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(LabError::file(path)(e)),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|e| LabError::Config {
            path: path.to_path_buf(),
            reason: e.to_string(),
        })
}

/// Makes the counters, all zero, where there are none.
///
/// # Errors
/// When the file cannot be written.
pub fn create(path: &Path) -> Result<(), LabError> {
    let _lock = lines::lock(&lock_file(path))?;
    if path.exists() {
        return Ok(());
    }
    write(path, &Counters::new())
}

/// Sets all counters to zero, whatever is in the queue.
///
/// # Errors
/// When the file cannot be written.
pub fn clear(path: &Path) -> Result<(), LabError> {
    let _lock = lines::lock(&lock_file(path))?;
    let mut counters = read(path)?.unwrap_or_default();
    for channel in counters.values_mut() {
        *channel = Channel::default();
    }
    write(path, &counters)
}

/// Takes the counters away, as a shut-down of the MTA does.
///
/// # Errors
/// When the file cannot be removed.
pub fn remove(path: &Path) -> Result<(), LabError> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(LabError::file(path)(e)),
        _ => Ok(()),
    }
}

/// Changes a channel's counters; without counters nothing happens.
///
/// # Errors
/// When the file cannot be read or written.
pub fn update(path: &Path, channel: &str, change: impl Fn(&mut Channel)) -> Result<(), LabError> {
    let _lock = lines::lock(&lock_file(path))?;
    let Some(mut counters) = read(path)? else {
        return Ok(());
    };
    change(counters.entry(channel.to_owned()).or_default());
    write(path, &counters)
}

fn write(path: &Path, counters: &Counters) -> Result<(), LabError> {
    let text = serde_json::to_vec(counters).map_err(|e| LabError::Other(e.to_string()))?;
    lines::write_whole(path, &text, false)
}

fn lock_file(path: &Path) -> std::path::PathBuf {
    path.with_extension("lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_in_mid_stream_takes_them_below_zero() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("counters");
        let one = Row {
            messages: 1,
            recipients: 2,
            blocks: 3,
        };
        create(&path).unwrap();
        update(&path, "l", |c| c.stored.add(one, 1)).unwrap();
        clear(&path).unwrap();
        update(&path, "l", |c| c.stored.add(one, -1)).unwrap();
        assert_eq!(read(&path).unwrap().unwrap()["l"].stored.messages, -1);
    }

    #[test]
    fn updates_without_counters_are_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("counters");
        update(&path, "l", |c| c.stored.messages += 1).unwrap();
        assert_eq!(read(&path).unwrap(), None);
    }
}
