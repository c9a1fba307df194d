//! The mailbox list of a store with partitions: which mailboxes there are, and where.
//!
//! Netscape's `store/mboxlist/data.db2` and the new server's `folder.db` are one format here, as the
//! products' are of one family: a copy under the new name takes the mailboxes over. A store whose
//! partitions were never set has no list; its mailboxes are found by looking.

use crate::lab::lines;
use crate::lab::world::LabError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

/// The list of Netscape Messaging Server, below an instance root.
pub const NMS_LIST: &str = "store/mboxlist/data.db2";
/// The list of the new server.
pub const IMS_LIST: &str = "store/mboxlist/folder.db";
/// Where the partitions are, as the store noted it when it started; paths from the instance root.
const NOTE: &str = "config/partitions";
/// The partition that every store has.
pub const PRIMARY: &str = "primary";

/// One mailbox of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The store id of the owner.
    pub user: String,
    /// The folder.
    pub folder: String,
    /// The name of its partition.
    pub partition: String,
}

/// The list of one store.
#[derive(Clone, Debug)]
pub struct List {
    file: PathBuf,
    partitions: BTreeMap<String, PathBuf>,
}

impl List {
    /// Opens the list of an instance; none for a store without one.
    ///
    /// # Errors
    /// When the note of its partitions cannot be read.
    pub fn open(instance: &Path) -> Result<Option<Self>, LabError> {
        let note = instance.join(NOTE);
        let text = match std::fs::read_to_string(&note) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(LabError::file(note)(e)),
        };
        let partitions = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, path)| (name.to_owned(), instance.join(path)))
            .collect();
        let nms = instance.join(NMS_LIST);
        let file = if nms.exists() {
            nms
        } else {
            instance.join(IMS_LIST)
        };
        Ok(Some(Self { file, partitions }))
    }

    /// Notes where the partitions of an instance are: real paths below `root`, the host's.
    ///
    /// # Errors
    /// When the note cannot be written.
    pub fn note(
        instance: &Path,
        root: &Path,
        partitions: &BTreeMap<String, PathBuf>,
    ) -> Result<(), LabError> {
        let up = instance.strip_prefix(root).unwrap_or(instance);
        let up: PathBuf = up.components().map(|_| Component::ParentDir).collect();
        let mut text = String::new();
        for (name, path) in partitions {
            let below = path.strip_prefix(root).unwrap_or(path);
            let _ = writeln!(text, "{name} {}", up.join(below).display());
        }
        lines::write_whole(&instance.join(NOTE), text.as_bytes(), true)
    }

    /// Returns the folder of a partition; the primary one for a name that is none.
    ///
    /// # Errors
    /// When there is not even that.
    pub fn partition(&self, name: &str) -> Result<&Path, LabError> {
        self.partitions
            .get(name)
            .or_else(|| self.partitions.get(PRIMARY))
            .map(PathBuf::as_path)
            .ok_or_else(|| LabError::Other("the store has no primary partition".to_owned()))
    }

    /// Returns the partitions, path by name.
    pub fn partitions(&self) -> &BTreeMap<String, PathBuf> {
        &self.partitions
    }

    /// Returns every mailbox.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub fn all(&self) -> Result<Vec<Listed>, LabError> {
        lines::read(&self.file)
    }

    /// Returns the partition a mailbox is in, or a new one of that user would be made in.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub fn home(&self, user: &str, folder: &str) -> Result<String, LabError> {
        let all = self.all()?;
        let of = |folder: &str| {
            let mut found = all.iter();
            found.find(|l| l.user == user && l.folder == folder)
        };
        let found = of(folder).or_else(|| of("INBOX"));
        Ok(found.map_or_else(|| PRIMARY.to_owned(), |l| l.partition.clone()))
    }

    /// Returns whether a mailbox is in the list.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub fn has(&self, user: &str, folder: &str) -> Result<bool, LabError> {
        let all = self.all()?;
        Ok(all.iter().any(|l| l.user == user && l.folder == folder))
    }

    /// Adds a mailbox.
    ///
    /// # Errors
    /// When the list cannot be written.
    pub fn add(&self, listed: &Listed) -> Result<(), LabError> {
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder).map_err(LabError::file(folder))?;
        }
        let _lock = self.lock()?;
        lines::append(&self.file, listed, false)
    }

    /// Keeps the mailboxes that `keep` says.
    ///
    /// # Errors
    /// When the list cannot be read or written.
    pub fn retain(&self, keep: impl Fn(&Listed) -> bool) -> Result<(), LabError> {
        let _lock = self.lock()?;
        let kept = self.all()?.into_iter().filter(|l| keep(l));
        let values: Result<Vec<_>, _> = kept.map(serde_json::to_value).collect();
        let values = values.map_err(|e| LabError::Other(e.to_string()))?;
        lines::replace(&self.file, &values)
    }

    /// Beside the store, so that nothing but the lists is in `mboxlist`.
    fn lock(&self) -> Result<lines::FileLock, LabError> {
        let store = self.file.parent().and_then(Path::parent);
        let store = store.unwrap_or(&self.file);
        lines::lock(&store.join("session/lock.mboxlist"))
    }
}
