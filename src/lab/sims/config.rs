//! Where the old store keeps what: `ims.cnf` (`domain/stores.md` 1.1).

use crate::lab::tools::real_path;
use crate::lab::world::LabError;
use std::path::{Path, PathBuf};

/// The folders of the old store, as real paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorePaths {
    /// `ims-user-root`: folders and flags, one folder a user.
    pub user: PathBuf,
    /// `ims-index-root`.
    pub index: PathBuf,
    /// `ims-data-root`: the messages, by arrival day.
    pub data: PathBuf,
    /// `ims-hash-root`: unused, but must exist.
    pub hash: PathBuf,
    /// `ims-adm-root`: locks.
    pub adm: PathBuf,
    /// `ims-shared-root`.
    pub shared: PathBuf,
}

impl StorePaths {
    /// Reads `ims.cnf`; what it does not say, and a file that is not there, gives the defaults.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(host_root: &Path, cnf: &Path) -> Result<Self, LabError> {
        let text = match std::fs::read_to_string(cnf) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(LabError::file(cnf)(e)),
        };
        let root = |key: &str, default: &str| {
            let value = text
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(k, _)| k.trim().eq_ignore_ascii_case(key))
                .map(|(_, value)| value.trim().trim_matches('"'))
                .filter(|value| value.starts_with('/'));
            real_path(
                host_root,
                value.unwrap_or(&format!("/var/opt/SUNWmail/ims/{default}")),
            )
        };
        Ok(Self {
            user: root("ims-user-root", "user"),
            index: root("ims-index-root", "index"),
            data: root("ims-data-root", "data"),
            hash: root("ims-hash-root", "hash"),
            adm: root("ims-adm-root", "adm"),
            shared: root("ims-shared-root", "shared"),
        })
    }
}
