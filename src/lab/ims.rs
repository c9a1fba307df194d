//! The new store (iMS 5.2) on disk: one file a message, one folder a mailbox, locks and lost power.
//!
//! Layout and name encoding are `domain/stores.md` 3; `store.idx` is the lab's own text form of
//! what the vendor keeps in binary. How much of it survives a power cut depends on
//! `store.synclevel` as the store read it when it started: see [`sync`]. Netscape's store is of the
//! same family; with partitions a store goes by its mailbox list: see [`list`].

pub mod list;
mod mailbox;
pub mod names;
pub mod quota;
pub mod sync;

pub use mailbox::{Mailbox, Stored};

use super::lines;
use super::world::LabError;
use list::{List, Listed};
use mailbox::Header;
use std::path::{Path, PathBuf};
use sync::Level;

/// The new store of one instance.
#[derive(Clone, Debug)]
pub struct ImsStore {
    instance: PathBuf,
    level: Level,
    list: Option<List>,
}

/// What [`ImsStore::delete_mailbox`] removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delete<'a> {
    /// One folder; its sub-folders stay.
    Folder(&'a str),
    /// INBOX and every folder of the user.
    All,
}

impl ImsStore {
    /// Opens the store below an instance root (`…/msg-mail`, a real path).
    ///
    /// How hard it writes is what stored noted in `config/stored.level` when it started.
    ///
    /// # Errors
    /// When the noted level is there and cannot be read.
    pub fn open(instance_root: &Path) -> Result<Self, LabError> {
        Ok(Self {
            instance: instance_root.to_path_buf(),
            level: Level::noted(instance_root)?,
            list: List::open(instance_root)?,
        })
    }

    /// Returns the level the store is written at.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Returns the folder of one mailbox, whether it is there or not.
    ///
    /// # Errors
    /// When user or folder cannot be names.
    pub fn path(&self, user: &str, folder: &str) -> Result<PathBuf, LabError> {
        let below = names::relative_path(user, folder)?;
        match &self.list {
            None => Ok(self.partition().join(below)),
            Some(list) => {
                let home = list.home(user, &names::canonical(folder))?;
                Ok(list.partition(&home)?.join(below))
            }
        }
    }

    /// Makes a user's INBOX in a partition of its own choice; does nothing when it is there.
    ///
    /// # Errors
    /// As [`ImsStore::create`].
    pub fn settle(&self, user: &str, partition: &str) -> Result<(), LabError> {
        if let Some(list) = &self.list
            && !list.has(user, "INBOX")?
        {
            list.add(&Listed {
                user: user.to_owned(),
                folder: "INBOX".to_owned(),
                partition: partition.to_owned(),
            })?;
        }
        self.create(user, "INBOX")
    }

    /// Returns whether a mailbox is there.
    ///
    /// # Errors
    /// When user or folder cannot be names.
    pub fn exists(&self, user: &str, folder: &str) -> Result<bool, LabError> {
        let listed = match &self.list {
            None => true,
            Some(list) => list.has(user, &names::canonical(folder))?,
        };
        Ok(listed && self.path(user, folder)?.join(mailbox::INDEX).is_file())
    }

    /// Makes an empty mailbox; does nothing when it is there.
    ///
    /// # Errors
    /// When user or folder cannot be names, or the disk refuses.
    pub fn create(&self, user: &str, folder: &str) -> Result<(), LabError> {
        let _lock = self.lock(user)?;
        self.create_locked(user, folder).map(|_| ())
    }

    /// Puts a message into a mailbox, which is made when it is missing; returns its number.
    ///
    /// Line ends are stored as CR LF ([`names::normalise`]). At level −1 the message is on disk when
    /// this returns; at level 0 it is noted as one that a power cut takes.
    ///
    /// # Errors
    /// When user or folder cannot be names, or the disk refuses.
    pub fn append(
        &self,
        user: &str,
        folder: &str,
        message: &[u8],
        flags: &[String],
        date: i64,
    ) -> Result<u32, LabError> {
        let _lock = self.lock(user)?;
        let path = self.create_locked(user, folder)?;
        let index = path.join(mailbox::INDEX);
        let mut number = mailbox::last_number(&index)? + 1;
        // What is there and in no index is somebody's mail still.
        while self.list.is_some() && path.join(format!("{number}.msg")).exists() {
            number += 1;
        }
        let text = names::normalise(message);
        let file = path.join(format!("{number}.msg"));
        if self.level == Level::NoSync {
            sync::note(&self.instance, &self.partition(), &file)?;
        }
        lines::write_whole(&file, &text, self.level == Level::Sync)?;
        let stored = Stored {
            n: number,
            flags: flags.to_vec(),
            internal_date: date,
            size: text.len() as u64,
        };
        if let Err(e) = lines::append(&index, &stored, self.level == Level::Sync) {
            let _ = std::fs::remove_file(&file);
            return Err(e);
        }
        Ok(number)
    }

    /// Returns the messages of a mailbox in order; none when it is not there.
    ///
    /// # Errors
    /// When the index cannot be read or understood.
    pub fn messages(&self, user: &str, folder: &str) -> Result<Vec<Stored>, LabError> {
        Ok(mailbox::read(&self.path(user, folder)?)?.map_or_else(Vec::new, |(_, m)| m))
    }

    /// Returns the bytes of one message.
    ///
    /// # Errors
    /// When it is not there.
    pub fn read(&self, user: &str, folder: &str, number: u32) -> Result<Vec<u8>, LabError> {
        let path = self.path(user, folder)?.join(format!("{number}.msg"));
        std::fs::read(&path).map_err(LabError::file(path))
    }

    /// Returns every mailbox of the store, by user, INBOX first.
    ///
    /// # Errors
    /// When a folder or an index cannot be read.
    pub fn mailboxes(&self) -> Result<Vec<Mailbox>, LabError> {
        let mut found = Vec::new();
        match &self.list {
            None => mailbox::collect(&self.partition().join(names::USERS), &mut found)?,
            Some(list) => Self::listed(list, |_| true, &mut found)?,
        }
        mailbox::sort(&mut found);
        Ok(found)
    }

    fn listed(
        list: &List,
        wanted: impl Fn(&Listed) -> bool,
        found: &mut Vec<Mailbox>,
    ) -> Result<(), LabError> {
        for one in list.all()?.into_iter().filter(|l| wanted(l)) {
            let below = names::relative_path(&one.user, &one.folder)?;
            let path = list.partition(&one.partition)?.join(below);
            found.extend(mailbox::at(&path, &one.partition)?);
        }
        Ok(())
    }

    /// Returns the mailboxes of one user, INBOX first.
    ///
    /// # Errors
    /// When the id cannot be one, or an index cannot be read.
    pub fn mailboxes_of(&self, user: &str) -> Result<Vec<Mailbox>, LabError> {
        let mut found = Vec::new();
        match &self.list {
            None => mailbox::collect(&self.path(user, "INBOX")?, &mut found)?,
            Some(list) => Self::listed(list, |l| l.user == user, &mut found)?,
        }
        mailbox::sort(&mut found);
        Ok(found)
    }

    /// Removes a mailbox, or all of a user's; returns how many were removed.
    ///
    /// # Errors
    /// When the names cannot be, or the files cannot be removed.
    pub fn delete_mailbox(&self, user: &str, what: Delete<'_>) -> Result<usize, LabError> {
        let _lock = self.lock(user)?;
        let count = match what {
            Delete::All => {
                let count = self.mailboxes_of(user)?.len();
                let path = self.path(user, "INBOX")?;
                if path.exists() {
                    std::fs::remove_dir_all(&path).map_err(LabError::file(path))?;
                }
                count
            }
            Delete::Folder(folder) => {
                let path = self.path(user, folder)?;
                mailbox::remove_one(&path)?
            }
        };
        if let Some(list) = &self.list {
            let folder = match what {
                Delete::All => None,
                Delete::Folder(folder) => Some(names::canonical(folder)),
            };
            list.retain(|l| l.user != user || folder.as_ref().is_some_and(|f| *f != l.folder))?;
        }
        Ok(count)
    }

    /// Gives a mailbox another name, of the same user or another; its messages keep their numbers.
    ///
    /// # Errors
    /// When the old one is not there, the new one is, or the names cannot be.
    pub fn rename_mailbox(&self, from: (&str, &str), to: (&str, &str)) -> Result<(), LabError> {
        let _locks = self.lock_both(from.0, to.0)?;
        let (old, new) = (self.path(from.0, from.1)?, self.path(to.0, to.1)?);
        let named = |n: (&str, &str)| format!("user/{}/{}", n.0, n.1);
        let Some((header, messages)) = mailbox::read(&old)? else {
            return Err(LabError::Other(format!(
                "{}: Mailbox does not exist",
                named(from)
            )));
        };
        if new.join(mailbox::INDEX).exists() {
            return Err(LabError::Other(format!(
                "{}: Mailbox already exists",
                named(to)
            )));
        }
        std::fs::create_dir_all(&new).map_err(LabError::file(&new))?;
        for message in &messages {
            let name = format!("{}.msg", message.n);
            std::fs::rename(old.join(&name), new.join(&name)).map_err(LabError::file(&old))?;
        }
        mailbox::write(
            &new,
            &Header::new(to.0, &names::canonical(to.1), header.uidvalidity),
            &messages,
        )?;
        mailbox::remove_one(&old)?;
        if let Some(list) = &self.list {
            let partition = list.home(from.0, &names::canonical(from.1))?;
            let old = names::canonical(from.1);
            list.retain(|l| l.user != from.0 || l.folder != old)?;
            list.add(&Listed {
                user: to.0.to_owned(),
                folder: names::canonical(to.1),
                partition,
            })?;
        }
        Ok(())
    }

    fn partition(&self) -> PathBuf {
        self.instance.join("store/partition/primary")
    }

    fn lock(&self, user: &str) -> Result<lines::FileLock, LabError> {
        lines::lock(&self.lock_file(user)?)
    }

    fn lock_both(&self, a: &str, b: &str) -> Result<Vec<lines::FileLock>, LabError> {
        let mut files = vec![self.lock_file(a)?, self.lock_file(b)?];
        files.sort();
        files.dedup();
        files.iter().map(|file| lines::lock(file)).collect()
    }

    /// Users share 256 lock files, so that a store of many users is not littered with them.
    fn lock_file(&self, user: &str) -> Result<PathBuf, LabError> {
        names::check_user(user)?;
        let (first, _) = names::hash_dirs(user);
        Ok(self.instance.join(format!("store/session/lock.{first}")))
    }

    fn create_locked(&self, user: &str, folder: &str) -> Result<PathBuf, LabError> {
        let path = self.path(user, folder)?;
        let mut new = !path.join(mailbox::INDEX).is_file();
        if let Some(list) = &self.list {
            let folder = names::canonical(folder);
            if !list.has(user, &folder)? {
                // A mailbox that is on disk and not in the list is not opened: a new one is made.
                if !new {
                    let index = path.join(mailbox::INDEX);
                    let aside = path.join("store.idx.unlisted");
                    std::fs::rename(&index, aside).map_err(LabError::file(index))?;
                    new = true;
                }
                let partition = list.home(user, &folder)?;
                list.add(&Listed {
                    user: user.to_owned(),
                    folder,
                    partition,
                })?;
            }
        }
        if new {
            std::fs::create_dir_all(&path).map_err(LabError::file(&path))?;
            let header = Header::new(user, &names::canonical(folder), mailbox::new_uidvalidity());
            mailbox::write(&path, &header, &[])?;
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests;
