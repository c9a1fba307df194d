//! Which labs this user has: those below the state folder and those made elsewhere.
//!
//! A lab made elsewhere is remembered by one small file in `STATE/labs/known/`; that a file cannot
//! be written is no reason not to make the lab.

use crate::base::places::{create_private_dir, labs_dir, write_private};
use crate::lab::world::Lab;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Notes where a lab is.
pub fn remember(dir: &Path) {
    if let Ok(file) = note(dir)
        && let (Some(folder), Some(path)) = (file.parent(), dir.to_str())
    {
        let _ = create_private_dir(folder).and_then(|()| write_private(&file, path.as_bytes()));
    }
}

/// Forgets a lab that is gone.
pub(super) fn forget(dir: &Path) {
    if let Ok(file) = note(dir) {
        let _ = std::fs::remove_file(file);
    }
}

/// Returns all labs that are still there, by folder.
pub(super) fn all() -> io::Result<Vec<Lab>> {
    let labs = labs_dir()?;
    let mut found = BTreeMap::new();
    let below = entries(&labs)?;
    let noted = entries(&labs.join("known"))?
        .into_iter()
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .map(PathBuf::from);
    for dir in below.into_iter().chain(noted) {
        if let Ok(lab) = Lab::open(&dir) {
            found.insert(lab.dir.clone(), lab);
        }
    }
    Ok(found.into_values().collect())
}

fn note(dir: &Path) -> io::Result<PathBuf> {
    let name = format!("{:x}", Sha256::digest(dir.as_os_str().as_encoded_bytes()));
    Ok(labs_dir()?
        .join("known")
        .join(name.get(..16).unwrap_or(&name)))
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}
