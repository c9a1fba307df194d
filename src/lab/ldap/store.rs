//! The directory's data on disk: a snapshot and an append-only log, one checksummed line a change.
//!
//! `db/entries.N` is everything up to a point, `db/log.N` what came after it; each start writes
//! generation N+1 and drops N. A line that was not acknowledged may be torn: the last line of a log
//! is cut off when it is not whole, anything wrong before it is an error.

use super::entry::{Attribute, Entry};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Entries by key.
pub type Entries = BTreeMap<String, Entry>;

/// What went wrong with the data.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system said no.
    #[error("cannot use `{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A line before the last one is damaged.
    #[error("`{path}` is damaged in line {line}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// Another process has the data open.
    #[error("`{0}` is in use by a running server")]
    InUse(PathBuf),
    /// An earlier write failed: what is in memory is not what is on disk.
    #[error("the data could not be written; the server takes no changes until it is restarted")]
    Broken,
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_path_buf();
    |source| StoreError::File { path, source }
}

/// One change of one entry; an operation is a list of them, applied as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The entry is now so.
    Put(String, Stored),
    /// The entry with this key is gone.
    Del(String),
}

impl Change {
    /// The entry under `key` is now so.
    pub fn put(key: &str, entry: &Entry) -> Self {
        Self::Put(key.to_owned(), Stored::from(entry))
    }
}

/// An entry as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    dn: String,
    attrs: Vec<(String, Vec<Value>)>,
}

/// A value as it is written: text, or base64 when it is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Coded { b64: String },
}

impl From<&Entry> for Stored {
    fn from(entry: &Entry) -> Self {
        let value = |v: &Vec<u8>| match std::str::from_utf8(v) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Coded {
                b64: STANDARD.encode(v),
            },
        };
        Self {
            dn: entry.dn.clone(),
            attrs: entry
                .attributes
                .iter()
                .map(|a| (a.name.clone(), a.values.iter().map(value).collect()))
                .collect(),
        }
    }
}

impl Stored {
    fn into_entry(self) -> Option<Entry> {
        let attributes = self
            .attrs
            .into_iter()
            .map(|(name, values)| {
                let values = values
                    .into_iter()
                    .map(|v| match v {
                        Value::Text(text) => Some(text.into_bytes()),
                        Value::Coded { b64 } => STANDARD.decode(b64).ok(),
                    })
                    .collect::<Option<_>>()?;
                Some(Attribute { name, values })
            })
            .collect::<Option<_>>()?;
        Some(Entry {
            dn: self.dn,
            attributes,
        })
    }
}

/// What is to be written, and how far writing has come.
struct Pending {
    bytes: Vec<u8>,
    /// The number of the last change handed in.
    appended: u64,
    /// The number of the last change on disk.
    synced: u64,
    broken: bool,
}

/// The log of a running server.
pub struct Store {
    path: PathBuf,
    log: Arc<Mutex<File>>,
    pending: Mutex<Pending>,
    /// Whoever has it writes for all who wait.
    leader: tokio::sync::Mutex<()>,
    /// Locks the folder as long as the store is open.
    _lock: File,
}

impl Store {
    /// Opens the data below `db`, recovers what a power cut left, and compacts it.
    ///
    /// # Errors
    /// When it is in use, damaged, or cannot be read or written.
    pub fn open(db: &Path) -> Result<(Self, Entries), StoreError> {
        fs::create_dir_all(db).map_err(file_error(db))?;
        let lock = lock(db)?;
        let (generation, entries) = load(db)?;
        let next = generation + 1;
        write_snapshot(db, next, &entries)?;
        for (old, path) in generations(db)? {
            if old != next {
                fs::remove_file(&path).map_err(file_error(&path))?;
            }
        }
        let path = log_path(db, next);
        let log = File::options()
            .append(true)
            .open(&path)
            .map_err(file_error(&path))?;
        let store = Self {
            path,
            log: Arc::new(Mutex::new(log)),
            pending: Mutex::new(Pending {
                bytes: Vec::new(),
                appended: 0,
                synced: 0,
                broken: false,
            }),
            leader: tokio::sync::Mutex::new(()),
            _lock: lock,
        };
        Ok((store, entries))
    }

    /// Hands in one operation's changes; returns the number to wait for with [`Store::commit`].
    ///
    /// Call it under the same lock as the change in memory, so that the order is the same.
    ///
    /// # Errors
    /// [`StoreError::Broken`].
    pub fn append(&self, changes: &[Change]) -> Result<u64, StoreError> {
        let line = line(changes).map_err(file_error(&self.path))?;
        let mut pending = guard(&self.pending);
        if pending.broken {
            return Err(StoreError::Broken);
        }
        pending.bytes.extend_from_slice(&line);
        pending.appended += 1;
        Ok(pending.appended)
    }

    /// Returns whether the store can take changes.
    pub fn is_whole(&self) -> bool {
        !guard(&self.pending).broken
    }

    /// Waits until the change with this number is on disk; one write and one sync serve all who
    /// wait.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when it could not be written.
    pub async fn commit(&self, number: u64) -> Result<(), StoreError> {
        if guard(&self.pending).synced >= number {
            return Ok(());
        }
        let _leader = self.leader.lock().await;
        let (bytes, upto) = {
            let mut pending = guard(&self.pending);
            if pending.synced >= number {
                return Ok(());
            }
            if pending.broken {
                return Err(StoreError::Broken);
            }
            (std::mem::take(&mut pending.bytes), pending.appended)
        };
        let log = Arc::clone(&self.log);
        let written = tokio::task::spawn_blocking(move || {
            let mut log = guard(&log);
            log.write_all(&bytes)?;
            log.sync_data()
        })
        .await;
        let mut pending = guard(&self.pending);
        if matches!(written, Ok(Ok(()))) {
            pending.synced = upto;
            Ok(())
        } else {
            pending.broken = true;
            Err(StoreError::Broken)
        }
    }
}

/// Reads the data without opening it for changes, also while a server has it open.
///
/// # Errors
/// When it is damaged or cannot be read.
pub fn read(db: &Path) -> Result<Entries, StoreError> {
    let mut attempts = 0;
    loop {
        match load(db) {
            // A server that starts has just replaced this generation by the next.
            Err(StoreError::File { source, .. })
                if source.kind() == io::ErrorKind::NotFound && attempts < 10 =>
            {
                attempts += 1;
            }
            Err(e) => return Err(e),
            Ok((_, entries)) => return Ok(entries),
        }
    }
}

/// Replaces all data by these entries; no server may have it open.
///
/// # Errors
/// When it is in use or cannot be written.
pub fn replace(db: &Path, entries: &Entries) -> Result<(), StoreError> {
    fs::create_dir_all(db).map_err(file_error(db))?;
    let _lock = lock(db)?;
    let old = generations(db)?;
    let next = old.last().map_or(0, |(n, _)| *n) + 1;
    write_snapshot(db, next, entries)?;
    for (_, path) in old {
        fs::remove_file(&path).map_err(file_error(&path))?;
    }
    Ok(())
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lock(db: &Path) -> Result<File, StoreError> {
    let path = db.join("lock");
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(file_error(&path))?;
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| StoreError::InUse(db.to_path_buf()))?;
    Ok(file)
}

fn snapshot_path(db: &Path, generation: u64) -> PathBuf {
    db.join(format!("entries.{generation}"))
}

fn log_path(db: &Path, generation: u64) -> PathBuf {
    db.join(format!("log.{generation}"))
}

/// All files of all generations, in order.
fn generations(db: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let mut found = Vec::new();
    for file in fs::read_dir(db).map_err(file_error(db))? {
        let path = file.map_err(file_error(db))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = name
            .strip_prefix("entries.")
            .or_else(|| name.strip_prefix("log."))
            .and_then(|n| n.parse().ok());
        if let Some(number) = number {
            found.push((number, path.clone()));
        }
    }
    found.sort();
    Ok(found)
}

/// Reads the newest whole generation; 0 and nothing when there is none.
fn load(db: &Path) -> Result<(u64, Entries), StoreError> {
    let newest = generations(db)?
        .into_iter()
        .rfind(|(n, path)| *path == snapshot_path(db, *n));
    let mut entries = Entries::new();
    let Some((generation, snapshot)) = newest else {
        return Ok((0, entries));
    };
    apply_file(&snapshot, false, &mut entries)?;
    apply_file(&log_path(db, generation), true, &mut entries)?;
    Ok((generation, entries))
}

/// Writes a generation: its empty log first, so that a snapshot always has one.
fn write_snapshot(db: &Path, generation: u64, entries: &Entries) -> Result<(), StoreError> {
    let log = log_path(db, generation);
    File::create(&log)
        .and_then(|f| f.sync_all())
        .map_err(file_error(&log))?;
    let temporary = db.join("entries.new");
    let write = || -> io::Result<()> {
        let mut out = BufWriter::new(File::create(&temporary)?);
        for (key, entry) in entries {
            out.write_all(&line(&[Change::put(key, entry)])?)?;
        }
        out.into_inner()?.sync_all()
    };
    write().map_err(file_error(&temporary))?;
    let path = snapshot_path(db, generation);
    fs::rename(&temporary, &path).map_err(file_error(&path))?;
    File::open(db)
        .and_then(|dir| dir.sync_all())
        .map_err(file_error(db))
}

/// Eight hex digits of the content's SHA-256, a space, the content as JSON, a newline.
fn line(changes: &[Change]) -> io::Result<Vec<u8>> {
    let content = serde_json::to_vec(changes)?;
    let mut line = checksum(&content).into_bytes();
    line.push(b' ');
    line.extend_from_slice(&content);
    line.push(b'\n');
    Ok(line)
}

fn checksum(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    super::dn::hex(digest.get(..4).unwrap_or_default())
}

fn read_line(line: &[u8]) -> Option<Vec<Change>> {
    let (sum, content) = line.split_at_checked(8)?;
    let content = content.strip_prefix(b" ")?;
    if checksum(content).as_bytes() != sum {
        return None;
    }
    serde_json::from_slice(content).ok()
}

fn apply_file(path: &Path, may_be_torn: bool, entries: &mut Entries) -> Result<(), StoreError> {
    let content = fs::read(path).map_err(file_error(path))?;
    let mut lines = content.split_inclusive(|b| *b == b'\n').peekable();
    let mut number = 0;
    while let Some(raw) = lines.next() {
        number += 1;
        let changes = raw.strip_suffix(b"\n").and_then(read_line).and_then(|c| {
            c.into_iter()
                .map(|change| match change {
                    Change::Put(key, stored) => Some((key, Some(stored.into_entry()?))),
                    Change::Del(key) => Some((key, None)),
                })
                .collect::<Option<Vec<_>>>()
        });
        let Some(changes) = changes else {
            if may_be_torn && lines.peek().is_none() {
                return Ok(());
            }
            return Err(StoreError::Damaged {
                path: path.to_path_buf(),
                line: number,
            });
        };
        for (key, entry) in changes {
            match entry {
                Some(entry) => entries.insert(key, entry),
                None => entries.remove(&key),
            };
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Change, Entries, Entry, Store, StoreError, read, replace};
    use std::fs;
    use std::io::Write;
    use std::path::{Path, PathBuf};

    fn entry(name: &str) -> Entry {
        let mut entry = Entry::new(format!("cn={name}"));
        entry.push("cn", name);
        entry.push("jpegPhoto", vec![0xff, 0x00, 0xfe]);
        entry
    }

    async fn put(store: &Store, name: &str) {
        let number = store.append(&[Change::put(name, &entry(name))]).unwrap();
        store.commit(number).await.unwrap();
    }

    fn log(db: &Path) -> PathBuf {
        fs::read_dir(db)
            .unwrap()
            .map(|f| f.unwrap().path())
            .find(|p| p.file_name().unwrap().to_string_lossy().starts_with("log."))
            .unwrap()
    }

    #[tokio::test]
    async fn changes_are_there_after_the_process_died() {
        let dir = tempfile::tempdir().unwrap();
        let (store, entries) = Store::open(dir.path()).unwrap();
        assert!(entries.is_empty());
        put(&store, "a").await;
        put(&store, "b").await;
        let gone = store.append(&[Change::Del("a".into())]).unwrap();
        store.commit(gone).await.unwrap();
        assert_eq!(read(dir.path()).unwrap().len(), 1);
        drop(store);
        for _ in 0..2 {
            let (_, entries) = Store::open(dir.path()).unwrap();
            assert_eq!(entries, Entries::from([("b".to_owned(), entry("b"))]));
        }
    }

    #[tokio::test]
    async fn a_torn_last_line_is_cut_off_at_every_byte() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(dir.path()).unwrap();
        put(&store, "a").await;
        let one = fs::metadata(log(dir.path())).unwrap().len();
        put(&store, "b").await;
        drop(store);
        let whole = fs::read(log(dir.path())).unwrap();
        for length in usize::try_from(one).unwrap()..whole.len() {
            let copy = tempfile::tempdir().unwrap();
            for file in fs::read_dir(dir.path()).unwrap() {
                let path = file.unwrap().path();
                fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
            }
            fs::write(log(copy.path()), &whole[..length]).unwrap();
            let (store, entries) = Store::open(copy.path()).unwrap();
            assert_eq!(entries.len(), 1, "cut at {length}");
            put(&store, "c").await;
            drop(store);
            assert_eq!(read(copy.path()).unwrap().len(), 2);
        }
    }

    #[tokio::test]
    async fn damage_before_the_last_line_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(dir.path()).unwrap();
        put(&store, "a").await;
        put(&store, "b").await;
        drop(store);
        let path = log(dir.path());
        let mut content = fs::read(&path).unwrap();
        content[20] ^= 1;
        fs::File::create(&path)
            .unwrap()
            .write_all(&content)
            .unwrap();
        assert!(matches!(
            Store::open(dir.path()),
            Err(StoreError::Damaged { line: 1, .. })
        ));
    }

    #[tokio::test]
    async fn data_in_use_cannot_be_opened_or_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (_store, _) = Store::open(dir.path()).unwrap();
        assert!(matches!(Store::open(dir.path()), Err(StoreError::InUse(_))));
        let replaced = replace(dir.path(), &Entries::new());
        assert!(matches!(replaced, Err(StoreError::InUse(_))));
    }
}
