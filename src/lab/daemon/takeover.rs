//! What stored does with a store whose partitions were set: another product's, taken over in place.
//!
//! The ways in which that goes wrong are those of `domain/stores.md` 4: files of the wrong owner,
//! others than the two that may be copied, a partition that is not there. Without the mailbox list it
//! comes up and knows no mailbox.

use super::components::{Context, StartError};
use super::mail::failed;
use crate::lab::ims::list::{self, List};
use crate::lab::instance::Instance;
use crate::lab::options::Options;
use crate::lab::tools::real_path;
use crate::lab::{nms, owners};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What `store.partition.NAME.path` begins and ends with.
const PREFIX: &str = "store.partition.";
const SUFFIX: &str = ".path";
/// What may be in `mboxlist` when the store is opened.
const MAY_BE_THERE: &[&str] = &["folder.db", "quota.db"];

/// Opens the partitions that were set; does nothing for a store that has only its own.
pub(super) fn open(
    context: &Context,
    instance: &Instance,
    options: &mut Options,
) -> Result<(), StartError> {
    let root = context.root();
    let mut partitions: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut set = false;
    for (name, value) in options.all().map_err(failed)? {
        let Some(partition) = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_suffix(SUFFIX))
        else {
            continue;
        };
        let own = !value.starts_with('/');
        set |= !own;
        let path = if own {
            instance.root.join("store/partition").join(&value)
        } else {
            real_path(&root, &value)
        };
        partitions.insert(partition.to_owned(), path);
    }
    if !set {
        return Ok(());
    }
    let user = instance.local("local.serveruid").map_err(failed)?;
    let user = user.unwrap_or_else(|| "mailsrv".to_owned());
    if partitions.values().all(|path| nms::is_upgraded(path)) {
        // Opened before: what is in it since is the server's own.
        return List::note(&instance.root, &root, &partitions).map_err(failed);
    }
    for (name, path) in &partitions {
        if !path.is_dir() {
            return Err(StartError::Failed(format!(
                "partition {name}: {}: No such file or directory",
                seen(&root, path)
            )));
        }
        owned(&root, path, &user)?;
        if let Ok(entries) = std::fs::read_dir(path) {
            for entry in entries.flatten() {
                owned(&root, &entry.path(), &user)?;
            }
        }
    }
    let lists = instance.root.join("store/mboxlist");
    if let Ok(entries) = std::fs::read_dir(&lists) {
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !MAY_BE_THERE.contains(&name.as_str()) {
                return Err(StartError::Failed(format!(
                    "database recovery failed: {} is of another environment",
                    seen(&root, &entry.path())
                )));
            }
            owned(&root, &entry.path(), &user)?;
        }
    }
    List::note(&instance.root, &root, &partitions).map_err(failed)?;
    let file = instance.root.join(list::IMS_LIST);
    if !file.exists() {
        std::fs::write(&file, "").map_err(failed)?;
        owners::set(&root, &file, &format!("{user}:mail")).map_err(failed)?;
    }
    for path in partitions.values() {
        nms::upgrade(path).map_err(failed)?;
    }
    Ok(())
}

fn owned(root: &Path, path: &Path, user: &str) -> Result<(), StartError> {
    let owner = owners::of(root, path).map_err(failed)?;
    if owner.split(':').next() == Some(user) {
        return Ok(());
    }
    Err(StartError::Failed(format!(
        "{}: Permission denied (owner {owner})",
        seen(root, path)
    )))
}

fn seen(root: &Path, path: &Path) -> String {
    format!("/{}", path.strip_prefix(root).unwrap_or(path).display())
}
