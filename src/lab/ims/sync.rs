//! How hard the new store writes, and what a power cut takes (`store.synclevel`).
//!
//! The guide sets level 0 for speed while nobody uses the store and −1 for daily work. What counts
//! is the level that stored read when it **started**. At 0 each message is noted in
//! `store/unsynced`; a clean stop of stored empties the notes, a power cut loses what they name.

use super::mailbox;
use crate::lab::lines;
use crate::lab::world::LabError;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A level of `store.synclevel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// −1 (and everything but 0): each message is on disk before it is acknowledged.
    Sync,
    /// 0: the system writes when it likes.
    NoSync,
}

impl Level {
    /// Reads the level stored noted when it started; safe when it never did.
    ///
    /// # Errors
    /// When the note is there and cannot be read.
    pub fn noted(instance: &Path) -> Result<Self, LabError> {
        let path = level_file(instance);
        match std::fs::read_to_string(&path) {
            Ok(text) if text.trim() == "0" => Ok(Self::NoSync),
            Ok(_) => Ok(Self::Sync),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::Sync),
            Err(e) => Err(LabError::file(path)(e)),
        }
    }
}

/// Notes the level that stored starts with (the value of `store.synclevel`, such as `-1`).
///
/// # Errors
/// When the note cannot be written.
pub fn stored_started(instance: &Path, synclevel: &str) -> Result<(), LabError> {
    lines::write_whole(
        &level_file(instance),
        format!("{}\n", synclevel.trim()).as_bytes(),
        true,
    )
}

/// Stored stops cleanly: everything is on disk now.
///
/// # Errors
/// When the notes cannot be removed.
pub fn stored_stopped(instance: &Path) -> Result<(), LabError> {
    let _lock = lines::lock(&lock_file(instance))?;
    let path = unsynced_file(instance);
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(LabError::file(path)(e)),
        _ => Ok(()),
    }
}

/// Does what a power cut does: every noted message is gone, file and index line. Returns how many.
///
/// To be called when a lab starts whose stored had not been stopped cleanly; harmless otherwise,
/// because then nothing is noted.
///
/// # Errors
/// When a mailbox cannot be rewritten.
pub fn lose_unsynced(instance: &Path) -> Result<usize, LabError> {
    let partition = instance.join("store/partition/primary");
    let _lock = lines::lock(&lock_file(instance))?;
    let noted: Vec<PathBuf> = lines::read(&unsynced_file(instance))?;
    let mut by_mailbox: BTreeMap<PathBuf, BTreeSet<u32>> = BTreeMap::new();
    for file in &noted {
        let number = file.file_stem().and_then(|s| s.to_str()?.parse().ok());
        let (Some(parent), Some(number)) = (file.parent(), number) else {
            continue;
        };
        by_mailbox
            .entry(partition.join(parent))
            .or_default()
            .insert(number);
    }
    let mut lost = 0;
    for (path, numbers) in by_mailbox {
        if let Some((header, messages)) = mailbox::read(&path)? {
            let kept: Vec<_> = messages
                .into_iter()
                .filter(|m| !numbers.contains(&m.n))
                .collect();
            mailbox::write(&path, &header, &kept)?;
        }
        for number in numbers {
            lost += usize::from(std::fs::remove_file(path.join(format!("{number}.msg"))).is_ok());
        }
    }
    match std::fs::remove_file(unsynced_file(instance)) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(LabError::file(unsynced_file(instance))(e))
        }
        _ => Ok(lost),
    }
}

/// Notes a message file as not yet on disk.
pub(super) fn note(instance: &Path, partition: &Path, file: &Path) -> Result<(), LabError> {
    let _lock = lines::lock(&lock_file(instance))?;
    let relative = file.strip_prefix(partition).unwrap_or(file);
    lines::append(&unsynced_file(instance), &relative, false)
}

fn level_file(instance: &Path) -> PathBuf {
    instance.join("config/stored.level")
}

fn unsynced_file(instance: &Path) -> PathBuf {
    instance.join("store/unsynced")
}

fn lock_file(instance: &Path) -> PathBuf {
    instance.join("store/session/lock.unsynced")
}
