//! Reading a stream to its end: into the store, or into a table of contents.

use super::super::stream::{MessageRecord, Record, StreamError, StreamReader};
use super::arguments::Arguments;
use super::names;
use super::target::{Rules, Targets};
use crate::base::display_safe;
use crate::lab::ims::ImsStore;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// One restore with everything it depends on, so that it can be tried without a running lab.
pub struct Restore<'a> {
    /// The command line.
    pub arguments: &'a Arguments,
    /// The store to write.
    pub store: &'a ImsStore,
    /// The other reading of `-n` (a drill): INBOX is appended to all the same.
    pub spare_inbox: bool,
    /// The time for the extension of `-n`, seconds since the epoch.
    pub now: i64,
    /// How much may be written.
    pub room: Room,
    /// The drill that refuses half-way.
    pub refusal: Option<Refusal<'a>>,
    /// The sentence table.
    pub say: &'a dyn Fn(&str, &[&str]) -> String,
}

/// A drill: the restore stops half-way through a user, once.
pub struct Refusal<'a> {
    /// A store id, or a part of the rename file's name.
    pub who: String,
    /// Takes the drill: true for the first who asks.
    pub spend: Box<dyn Fn() -> bool + 'a>,
}

/// What the run is at.
#[derive(Default)]
struct At {
    user: String,
    folder: Option<String>,
    /// How many more messages of this user are let through before the drill.
    refuse_after: Option<u64>,
}

impl Restore<'_> {
    /// Restores the stream and returns the exit status.
    pub fn run<R: Read>(
        mut self,
        reader: &mut StreamReader<R>,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> u8 {
        let header = reader.header().clone();
        let mut targets = Targets::new(
            self.store,
            Rules {
                beside: self.arguments.beside,
                spare_inbox: self.spare_inbox,
                check: !self.arguments.no_check,
                now: self.now,
            },
        );
        let mut at = At::default();
        let mut source = String::new();
        loop {
            let result = match reader.read_record() {
                Ok(Record::End) => {
                    let _ = reader.drain();
                    return 0;
                }
                Ok(Record::User(user)) => {
                    let id = self.arguments.new_name(&header, &user.name).to_owned();
                    at = At {
                        refuse_after: self
                            .is_refused(&user.name, &id)
                            .then_some(user.messages / 2),
                        user: id,
                        folder: None,
                    };
                    source = user.name;
                    Ok(())
                }
                Ok(Record::Folder(name)) => self.folder(&mut targets, &mut at, &source, &name, out),
                Ok(Record::Message(meta, text)) => {
                    self.message(&mut targets, &mut at, &meta, &text, out)
                }
                Err(e) => {
                    let _ = writeln!(err, "imsrestore: error: {e}");
                    return u8::from(self.arguments.go_on != Some(true));
                }
            };
            let refused = at.folder.is_some() && at.refuse_after.take_if(|n| *n == 0).is_some();
            if refused && self.refusal.as_ref().is_some_and(|r| (r.spend)()) {
                let _ = writeln!(
                    err,
                    "imsrestore: error: user/{}: System I/O error, cannot continue",
                    display_safe(&at.user)
                );
                return 1;
            }
            if let Err(message) = result {
                let _ = writeln!(err, "imsrestore: error: {message}");
                if self.arguments.go_on != Some(true) {
                    let _ = writeln!(err, "imsrestore: Do you want to continue? n");
                    return 1;
                }
            }
        }
    }

    fn is_refused(&self, source: &str, id: &str) -> bool {
        let map = self.arguments.map_file.as_deref().unwrap_or_default();
        self.refusal.as_ref().is_some_and(|r| {
            !r.who.is_empty() && (r.who == source || r.who == id || map.contains(&r.who))
        })
    }

    fn folder(
        &self,
        targets: &mut Targets<'_>,
        at: &mut At,
        source: &str,
        name: &[u8],
        out: &mut dyn Write,
    ) -> Result<(), String> {
        at.folder = None;
        let folder = names::convert(name, self.arguments.encoding);
        if !self.arguments.wants(source, &folder) {
            return Ok(());
        }
        let folder = targets
            .open(&at.user, &folder)
            .map_err(|e| cannot_write(&at.user, &folder, &e.to_string()))?;
        if self.arguments.verbosity >= 1 {
            let line = (self.say)("imsrestore-mailbox", &[&at.user, &folder]);
            let _ = writeln!(out, "{line}");
        }
        at.folder = Some(folder);
        Ok(())
    }

    fn message(
        &mut self,
        targets: &mut Targets<'_>,
        at: &mut At,
        meta: &MessageRecord,
        text: &[u8],
        out: &mut dyn Write,
    ) -> Result<(), String> {
        let Some(folder) = &at.folder else {
            return Ok(());
        };
        at.refuse_after = at.refuse_after.map(|left| left.saturating_sub(1));
        if !self.room.take(text.len() as u64) {
            return Err(cannot_write(&at.user, folder, "No space left on device"));
        }
        let added = targets
            .append(&at.user, folder, text, &meta.flags, meta.date)
            .map_err(|e| cannot_write(&at.user, folder, &e.to_string()))?;
        if self.arguments.verbosity >= 2 {
            let key = if added {
                "imsrestore-message"
            } else {
                "imsrestore-present"
            };
            let line = (self.say)(key, &[&at.user, folder, &text.len().to_string()]);
            let _ = writeln!(out, "{line}");
        }
        Ok(())
    }
}

fn cannot_write(user: &str, folder: &str, why: &str) -> String {
    format!(
        "cannot write to user/{}/{}: {}",
        display_safe(user),
        display_safe(folder),
        display_safe(why)
    )
}

/// Prints one line a mailbox of the stream: messages, bytes, name; returns the exit status.
pub fn table<R: Read>(
    reader: &mut StreamReader<R>,
    arguments: &Arguments,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let mut user = String::new();
    let mut current: Option<(String, u64, u64)> = None;
    let mut flush = |current: &mut Option<(String, u64, u64)>| {
        if let Some((name, messages, bytes)) = current.take() {
            let _ = writeln!(out, "{messages:>8} {bytes:>10} {name}");
        }
    };
    loop {
        match reader.read_record() {
            Ok(Record::User(next)) => {
                flush(&mut current);
                user = next.name;
            }
            Ok(Record::Folder(name)) => {
                flush(&mut current);
                let folder = names::convert(&name, arguments.encoding);
                if arguments.wants(&user, &folder) {
                    current = Some((format!("user/{}/{folder}", display_safe(&user)), 0, 0));
                }
            }
            Ok(Record::Message(_, text)) => {
                if let Some((_, messages, bytes)) = &mut current {
                    *messages += 1;
                    *bytes += text.len() as u64;
                }
            }
            Ok(Record::End) => {
                flush(&mut current);
                let _ = reader.drain();
                return 0;
            }
            Err(e) => {
                if matches!(e, StreamError::Cut) {
                    flush(&mut current);
                }
                let _ = writeln!(err, "imsrestore: error: {e}");
                return u8::from(arguments.go_on != Some(true));
            }
        }
    }
}

/// How much of the host's disk is left, where a drill makes it small.
pub struct Room {
    limit: Option<u64>,
    root: PathBuf,
    left: u64,
    measure_after: u64,
}

/// After so many bytes the disk is looked at again, because other sessions write to it too.
const MEASURE_EVERY: u64 = 1 << 20;

impl Room {
    /// A disk of `kilobytes`; `None` has no limit but the real one.
    pub fn new(kilobytes: Option<i64>, root: PathBuf) -> Self {
        Self {
            limit: kilobytes.map(|kb| u64::try_from(kb).unwrap_or(0) * 1024),
            root,
            left: 0,
            measure_after: 0,
        }
    }

    /// Takes room for `bytes`; false when there is none.
    pub fn take(&mut self, bytes: u64) -> bool {
        let Some(limit) = self.limit else {
            return true;
        };
        if self.measure_after < bytes || self.left < bytes {
            self.left = limit.saturating_sub(used(&self.root));
            self.measure_after = MEASURE_EVERY.max(bytes);
        }
        if self.left < bytes {
            return false;
        }
        self.left -= bytes;
        self.measure_after -= bytes;
        true
    }
}

/// The bytes of all files below a folder.
fn used(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else {
        return 0;
    };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => used(&entry.path()),
            Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |m| m.len()),
            _ => 0,
        })
        .sum()
}
