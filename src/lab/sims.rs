//! The old store (SIMS 4.0) on disk: one copy of each message, light index files, lower-case users.
//!
//! The vendor's format is private (`domain/stores.md` 1.2), so the files here are the lab's own;
//! what holds is what the manuals say about them: data is write-once and sorted by arrival day,
//! flags are per mailbox, user names are always lower case, folder names are raw bytes.

mod config;
mod index;

pub use config::StorePaths;
pub use index::Indexed;

use super::lines;
use super::world::LabError;
use index::Header;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// One folder of a user with everything that is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The name as the client made it: any bytes, not always MUTF-7; `/` separates levels.
    pub name: Vec<u8>,
    /// Its messages, oldest arrival first.
    pub messages: Vec<Indexed>,
}

/// The old store of one host.
#[derive(Clone, Debug)]
pub struct SimsStore {
    paths: StorePaths,
    sync: bool,
}

impl SimsStore {
    /// Opens the store that `/etc/opt/SUNWmail/ims/ims.cnf` of a host describes.
    ///
    /// # Errors
    /// When `ims.cnf` is there and cannot be read.
    pub fn open(host_root: &Path) -> Result<Self, LabError> {
        Self::open_config(host_root, &host_root.join("etc/opt/SUNWmail/ims"))
    }

    /// Opens the store that the `ims.cnf` in another folder describes (`imbackup -l`).
    ///
    /// # Errors
    /// When `ims.cnf` is there and cannot be read.
    pub fn open_config(host_root: &Path, folder: &Path) -> Result<Self, LabError> {
        Ok(Self {
            paths: StorePaths::read(host_root, &folder.join("ims.cnf"))?,
            sync: true,
        })
    }

    /// Writes without waiting for the disk: for filling a new lab.
    #[must_use]
    pub fn without_sync(mut self) -> Self {
        self.sync = false;
        self
    }

    /// Returns where the store keeps what.
    pub fn paths(&self) -> &StorePaths {
        &self.paths
    }

    /// Returns the names of all users that have a folder, sorted.
    ///
    /// # Errors
    /// When the user folder is there and cannot be read.
    pub fn users(&self) -> Result<Vec<String>, LabError> {
        let mut users: Vec<String> = entries(&self.paths.user)?
            .into_iter()
            .filter(|path| path.is_dir())
            .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
            .collect();
        users.sort();
        Ok(users)
    }

    /// Returns a user's folders: INBOX first, then by name; none for a user that is not there.
    ///
    /// # Errors
    /// When an index file cannot be read or understood.
    pub fn folders(&self, user: &str) -> Result<Vec<Folder>, LabError> {
        let mut folders = Vec::new();
        for path in entries(&self.paths.user.join(user_name(user)?))? {
            if path.extension().is_some_and(|e| e == index::EXTENSION)
                && let Some(folder) = index::read(&path)?
            {
                folders.push(folder);
            }
        }
        folders.sort_by(|a, b| (a.name != b"INBOX", &a.name).cmp(&(b.name != b"INBOX", &b.name)));
        Ok(folders)
    }

    /// Makes an empty folder where there is none.
    ///
    /// # Errors
    /// When the name cannot be a folder's, or the index cannot be written.
    pub fn create_folder(&self, user: &str, folder: &[u8]) -> Result<(), LabError> {
        let user = user_name(user)?;
        let _lock = self.lock(&user)?;
        self.index_file(&user, folder).map(|_| ())
    }

    /// Puts one message into a folder, making user and folder where they are missing.
    ///
    /// The user name is lower-cased, as SIMS does it. When this returns, the message is on disk.
    ///
    /// # Errors
    /// When the name cannot be a folder's, or the disk refuses.
    pub fn append(
        &self,
        user: &str,
        folder: &[u8],
        message: &[u8],
        flags: &[String],
        date: i64,
    ) -> Result<Indexed, LabError> {
        let user = user_name(user)?;
        let data = self.store_data(message, date)?;
        let indexed = Indexed {
            data,
            flags: flags.to_vec(),
            date,
            size: message.len() as u64,
        };
        let _lock = self.lock(&user)?;
        let file = self.index_file(&user, folder)?;
        lines::append(&file, &indexed, self.sync)?;
        Ok(indexed)
    }

    /// Returns the bytes of a message as they were received.
    ///
    /// # Errors
    /// When the data file is not there.
    pub fn read(&self, message: &Indexed) -> Result<Vec<u8>, LabError> {
        let path = self.paths.data.join(&message.data);
        std::fs::read(&path).map_err(LabError::file(path))
    }

    /// Returns the size of all of a user's messages, as quota counts them.
    ///
    /// # Errors
    /// As [`Self::folders`].
    pub fn usage(&self, user: &str) -> Result<u64, LabError> {
        Ok(self
            .folders(user)?
            .iter()
            .flat_map(|folder| &folder.messages)
            .map(|message| message.size)
            .sum())
    }

    fn lock(&self, user: &str) -> Result<lines::FileLock, LabError> {
        lines::lock(&self.paths.adm.join("lock").join(user))
    }

    /// The index file of a folder, made with its header when it is not there; needs the user's lock.
    fn index_file(&self, user: &str, folder: &[u8]) -> Result<PathBuf, LabError> {
        let file = self
            .paths
            .user
            .join(user)
            .join(index::file_name(folder).ok_or_else(|| {
                LabError::Other(format!(
                    "`{}` cannot be a folder's name",
                    String::from_utf8_lossy(folder)
                ))
            })?);
        if !file.exists() {
            let mut header = serde_json::to_vec(&Header::new(folder))
                .map_err(|e| LabError::Other(e.to_string()))?;
            header.push(b'\n');
            lines::write_whole(&file, &header, self.sync)?;
        }
        Ok(file)
    }

    /// Writes a message once, whatever the number of mailboxes it is in.
    fn store_data(&self, message: &[u8], date: i64) -> Result<String, LabError> {
        let day = jiff::Timestamp::from_second(date)
            .map_err(|e| LabError::Other(e.to_string()))?
            .strftime("%Y%m%d")
            .to_string();
        let name = format!("{day}/{:x}", Sha256::digest(message));
        let path = self.paths.data.join(&name);
        if std::fs::metadata(&path).is_ok_and(|m| m.len() == message.len() as u64) {
            return Ok(name);
        }
        lines::write_whole(&path, message, self.sync)?;
        Ok(name)
    }
}

/// The name of a user as the store has it.
fn user_name(user: &str) -> Result<String, LabError> {
    let bad = user.is_empty()
        || user.starts_with('.')
        || user.contains('/')
        || user.chars().any(char::is_control);
    if bad {
        return Err(LabError::Other(format!(
            "`{}` cannot be the name of a store user",
            crate::base::display::display_safe(user)
        )));
    }
    Ok(user.to_lowercase())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, LabError> {
    let found = match std::fs::read_dir(folder) {
        Ok(found) => found,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(LabError::file(folder)(e)),
    };
    found
        .map(|entry| entry.map(|e| e.path()).map_err(LabError::file(folder)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(dir: &Path) -> SimsStore {
        SimsStore::open(dir).unwrap()
    }

    #[test]
    fn users_are_lower_case_whatever_the_directory_says() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        store
            .append("Anderson", b"INBOX", b"Subject: x\n\nhi\n", &[], 0)
            .unwrap();
        assert_eq!(store.users().unwrap(), ["anderson"]);
        assert_eq!(store.folders("ANDERSON").unwrap().len(), 1);
    }

    #[test]
    fn one_copy_is_kept_for_all_recipients_of_a_day() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let date = 1_018_000_000;
        let a = store.append("a", b"INBOX", b"same", &[], date).unwrap();
        let b = store.append("b", b"Mail/x", b"same", &[], date).unwrap();
        assert_eq!(a.data, b.data);
        let day = store.paths().data.join(a.data.split_once('/').unwrap().0);
        assert_eq!(std::fs::read_dir(day).unwrap().count(), 1);
        assert_eq!(store.read(&a).unwrap(), b"same");
    }

    #[test]
    fn names_flags_dates_and_bytes_come_back_as_they_went_in() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let names: [&[u8]; 5] = [b"INBOX", b"Mail/B\xfccher", b"A&B", b"a b", b"\xff/.."];
        for (i, name) in (0..).zip(names) {
            let body = [b"\rodd\n\r\n.\x00\xff".as_slice(), name].concat();
            let flags = vec!["\\Seen".to_owned(), "\\Flagged".to_owned()];
            store
                .append("kolander@vb.com", name, &body, &flags, 100 + i)
                .unwrap();
        }
        let folders = store.folders("kolander@vb.com").unwrap();
        assert_eq!(folders.len(), names.len());
        assert_eq!(folders[0].name, b"INBOX");
        for folder in folders {
            let i = (0..).zip(names).find(|(_, n)| *n == folder.name).unwrap().0;
            let message = &folder.messages[0];
            assert_eq!(message.date, 100 + i);
            assert_eq!(message.flags, ["\\Seen", "\\Flagged"]);
            assert!(store.read(message).unwrap().ends_with(&folder.name));
        }
    }

    #[test]
    fn names_that_leave_the_store_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        for user in ["", "..", "a/b", ".x"] {
            assert!(store.append(user, b"INBOX", b"", &[], 0).is_err(), "{user}");
        }
        assert!(store.append("a", b"", b"", &[], 0).is_err());
    }

    #[test]
    fn many_writers_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path()).without_sync();
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let store = &store;
                scope.spawn(move || {
                    for n in 0..20 {
                        let body = format!("{writer} {n}");
                        store
                            .append("u", b"INBOX", body.as_bytes(), &[], 0)
                            .unwrap();
                    }
                });
            }
        });
        assert_eq!(store.folders("u").unwrap()[0].messages.len(), 160);
        assert!(store.usage("u").unwrap() > 160 * 2);
    }

    #[test]
    fn other_roots_come_from_ims_cnf() {
        let dir = tempfile::tempdir().unwrap();
        let etc = dir.path().join("etc/opt/SUNWmail/ims");
        std::fs::create_dir_all(&etc).unwrap();
        std::fs::write(
            etc.join("ims.cnf"),
            "# x\nims-user-root: /export/ims/user\n",
        )
        .unwrap();
        let store = store(dir.path());
        store.append("u", b"INBOX", b"x", &[], 0).unwrap();
        assert!(dir.path().join("export/ims/user/u").is_dir());
    }
}
