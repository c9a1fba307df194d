//! The journal: one JSON object a line, appended by one writer, chained by hashes.
//!
//! A torn last line (a crash in mid-write) is cut off when the journal is opened for writing.
//! Anything else that does not fit, a gap, a broken chain, a line that is not an event, is an error:
//! the file is the evidence and is never repaired.

use super::event::{Event, Record};
use super::state::State;
use crate::base::{Hint, crash};
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The journal's file name in a run's folder.
pub const JOURNAL_FILE: &str = "journal.jsonl";

/// What is wrong with a journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refuses.
    #[error("cannot use the journal `{path}`: {source}")]
    File {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is not what the writer wrote.
    #[error("the journal `{path}` is damaged at line {line}: {reason}")]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
}

impl Hint for JournalError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::File { .. } => {
                vec!["check that the disk is not full and the folder is yours".to_owned()]
            }
            Self::Damaged { .. } => vec![
                "the run's other files are untouched; put the journal back from a copy".to_owned(),
            ],
        }
    }
}

/// The writer.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    next: u64,
    prev: String,
    began: Instant,
    dirty: bool,
}

impl Journal {
    /// Opens a run's journal, making it when there is none, and returns what it says.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] for anything but a torn last line.
    pub fn open(folder: &Path) -> Result<(Self, Vec<Record>), JournalError> {
        let path = folder.join(JOURNAL_FILE);
        let error = |source| JournalError::File {
            path: path.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(error)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(error)?;
        let whole = text
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(error)?;
            file.sync_data().map_err(error)?;
            text.truncate(whole);
        }
        file.seek(SeekFrom::End(0)).map_err(error)?;
        let records = parse(&path, &text)?;
        let prev = last_line(&text).map_or_else(String::new, hash);
        let next = records.last().map_or(1, |r| r.idx + 1);
        Ok((
            Self {
                path,
                file,
                next,
                prev,
                began: Instant::now(),
                dirty: false,
            },
            records,
        ))
    }

    /// Appends one event and returns its line as written.
    ///
    /// # Errors
    /// When the file cannot be written: the run must stop.
    pub fn append(&mut self, event: Event) -> Result<(Record, String), JournalError> {
        let record = Record {
            v: 1,
            idx: self.next,
            at: now(),
            elapsed_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            prev: self.prev.clone(),
            event,
        };
        let line = serde_json::to_string(&record)
            .map_err(|e| self.error(io::Error::other(e.to_string())))?;
        let mut bytes = line.clone().into_bytes();
        bytes.push(b'\n');
        let kind = kind_of(&line);
        crash::before("write", kind);
        if crash::torn("write", kind) {
            let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
            self.file.write_all(half).map_err(|e| self.error(e))?;
            crash::die();
        }
        self.file.write_all(&bytes).map_err(|e| self.error(e))?;
        crash::after("write", kind);
        self.prev = hash(line.as_bytes());
        self.next += 1;
        self.dirty = true;
        Ok((record, line))
    }

    /// Makes everything appended so far durable.
    ///
    /// # Errors
    /// When the file cannot be synced: the run must stop.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        if self.dirty {
            crash::before("sync", "");
            self.file.sync_data().map_err(|e| self.error(e))?;
            self.dirty = false;
            crash::after("sync", "");
        }
        Ok(())
    }

    fn error(&self, source: io::Error) -> JournalError {
        JournalError::File {
            path: self.path.clone(),
            source,
        }
    }
}

/// Reads a run's journal without touching it; a torn last line is left out.
///
/// # Errors
/// As [`Journal::open`].
pub fn read(folder: &Path) -> Result<Vec<Record>, JournalError> {
    let path = folder.join(JOURNAL_FILE);
    let text = std::fs::read(&path).map_err(|source| JournalError::File {
        path: path.clone(),
        source,
    })?;
    let whole = text
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    parse(&path, text.get(..whole).unwrap_or(&text))
}

/// Folds records into a state.
pub fn replay(records: &[Record]) -> State {
    let mut state = State::default();
    for record in records {
        super::core::fold(&mut state, &record.event);
    }
    state
}

fn parse(path: &Path, text: &[u8]) -> Result<Vec<Record>, JournalError> {
    let mut records = Vec::new();
    let mut prev = String::new();
    for (index, line) in text.split(|b| *b == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let number = index as u64 + 1;
        let damaged = |reason: String| JournalError::Damaged {
            path: path.to_path_buf(),
            line: number,
            reason,
        };
        let record: Record = serde_json::from_slice(line).map_err(|e| damaged(e.to_string()))?;
        if record.idx != number {
            return Err(damaged(format!("it is numbered {}", record.idx)));
        }
        if record.prev != prev {
            return Err(damaged(
                "it does not follow from the line before".to_owned(),
            ));
        }
        prev = hash(line);
        records.push(record);
    }
    Ok(records)
}

fn last_line(text: &[u8]) -> Option<&[u8]> {
    text.split(|b| *b == b'\n').rfind(|line| !line.is_empty())
}

/// Returns the SHA-256 of some bytes, in hex.
pub fn hash(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes)
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The event's kind in a line of our own.
fn kind_of(line: &str) -> &str {
    line.split_once("\"kind\":\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("", |(kind, _)| kind)
}

fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::{JOURNAL_FILE, Journal, JournalError, read, replay};
    use crate::engine::event::Event;

    fn paused(by: &str) -> Event {
        Event::Paused { by: by.to_owned() }
    }

    #[test]
    fn what_is_appended_is_read_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, records) = Journal::open(dir.path()).unwrap();
        assert!(records.is_empty());
        for by in ["a", "b", "c"] {
            journal.append(paused(by)).unwrap();
        }
        journal.sync().unwrap();
        let records = read(dir.path()).unwrap();
        assert_eq!(records.iter().map(|r| r.idx).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(records[2].event, paused("c"));
        assert!(records[0].prev.is_empty() && records[1].prev.len() == 64);
        assert!(
            records[0].at.ends_with('Z') && records[0].at.len() == 24,
            "{}",
            records[0].at
        );
        assert!(replay(&records).paused);
    }

    #[test]
    fn a_journal_torn_at_any_byte_of_its_last_line_goes_on_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(dir.path()).unwrap();
        journal.append(paused("a")).unwrap();
        let (_, last) = journal.append(paused("b")).unwrap();
        drop(journal);
        let path = dir.path().join(JOURNAL_FILE);
        let whole = std::fs::read(&path).unwrap();
        for cut in 1..=last.len() {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let (mut journal, records) = Journal::open(dir.path()).unwrap();
            assert_eq!(records.len(), 1, "cut {cut}");
            journal.append(paused("c")).unwrap();
            assert_eq!(read(dir.path()).unwrap()[1].event, paused("c"));
        }
    }

    #[test]
    fn a_changed_line_is_found_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(dir.path()).unwrap();
        for by in ["alice", "b", "c"] {
            journal.append(paused(by)).unwrap();
        }
        let path = dir.path().join(JOURNAL_FILE);
        let text = std::fs::read_to_string(&path)
            .unwrap()
            .replace("alice", "mallo");
        std::fs::write(&path, text).unwrap();
        match Journal::open(dir.path()).unwrap_err() {
            JournalError::Damaged {
                line: 2, reason, ..
            } => assert!(reason.contains("follow")),
            other => panic!("{other}"),
        }
    }
}
