//! Whose a file on a lab's host is: the machine below has neither the users nor the right to change.
//!
//! `chown` and `ls -l` of the host work on a note; a file that was made anew, or is not in it, is
//! root's, but for what Netscape's server made, which is its own user's.

use super::lines;
use super::world::LabError;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The note, below a host's root.
const NOTE: &str = "etc/lab-owners";

/// One file's owner.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Noted {
    path: String,
    inode: u64,
    owner: String,
    /// Everything below went with it.
    #[serde(default)]
    below: bool,
}

/// Notes who owns a path (a real one) of a host.
///
/// # Errors
/// When the path is not there or the note cannot be written.
pub fn set(root: &Path, path: &Path, owner: &str) -> Result<(), LabError> {
    note(root, path, owner, false)
}

/// As [`set`], with everything below.
///
/// # Errors
/// As [`set`].
pub fn set_below(root: &Path, path: &Path, owner: &str) -> Result<(), LabError> {
    note(root, path, owner, true)
}

fn note(root: &Path, path: &Path, owner: &str, below: bool) -> Result<(), LabError> {
    let meta = std::fs::symlink_metadata(path).map_err(LabError::file(path))?;
    let noted = Noted {
        path: name(root, path),
        inode: meta.ino(),
        owner: owner.to_owned(),
        below,
    };
    lines::append(&root.join(NOTE), &noted, false)
}

/// Says who owns a path: `user:group`.
///
/// # Errors
/// When the note cannot be read.
pub fn of(root: &Path, path: &Path) -> Result<String, LabError> {
    let inode = std::fs::symlink_metadata(path)
        .map_err(LabError::file(path))?
        .ino();
    let name = name(root, path);
    let all: Vec<Noted> = lines::read(&root.join(NOTE))?;
    let noted = all.iter().rev().find(|n| {
        let inside = name
            .strip_prefix(&n.path)
            .is_some_and(|r| r.starts_with('/'));
        (n.path == name && n.inode == inode) || (n.below && inside)
    });
    Ok(match noted {
        Some(noted) => noted.owner.clone(),
        None if name.starts_with("/usr/netscape/") || name.starts_with("/disk2/") => {
            "nsmail:mail".to_owned()
        }
        None => "root:other".to_owned(),
    })
}

fn name(root: &Path, path: &Path) -> String {
    format!("/{}", path.strip_prefix(root).unwrap_or(path).display())
}
