//! What each user may keep and keeps: `quota.db2` of Netscape's server, `quota.db` of the new one.
//!
//! One line a user. The new server takes the old file as it is; `reconstruct -q` brings it up to its
//! own form and counts anew, `iminitquota` takes the limits from the directory.

use super::ImsStore;
use crate::lab::lines;
use crate::lab::world::LabError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The file of Netscape Messaging Server, below an instance root.
pub const NMS_FILE: &str = "store/quota.db2";
/// The file of the new server.
pub const IMS_FILE: &str = "store/mboxlist/quota.db";
/// The form that the new server's file has once it was rebuilt.
const REBUILT: u32 = 5;

/// One user's quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// The store id.
    pub user: String,
    /// The most bytes; none for no limit.
    pub limit: Option<u64>,
    /// The bytes that are there.
    pub used: u64,
    /// The form of the line.
    pub form: u32,
}

/// Reads a quota file; none when there is none.
///
/// # Errors
/// When it cannot be read or understood.
pub fn read(file: &Path) -> Result<Option<Vec<Quota>>, LabError> {
    if !file.exists() {
        return Ok(None);
    }
    lines::read(file).map(Some)
}

/// Writes a quota file anew.
///
/// # Errors
/// When it cannot be written.
pub fn write(file: &Path, quotas: &[Quota]) -> Result<(), LabError> {
    let values: Result<Vec<_>, _> = quotas.iter().map(serde_json::to_value).collect();
    let values = values.map_err(|e| LabError::Other(e.to_string()))?;
    lines::replace(file, &values)
}

/// Counts every user's bytes anew and brings the lines up to the new form.
///
/// # Errors
/// When there is no quota file, or the store cannot be read.
pub fn rebuild(instance: &Path) -> Result<usize, LabError> {
    let file = instance.join(IMS_FILE);
    let Some(old) = read(&file)? else {
        return Err(LabError::Other(
            "cannot open quota.db: No such file or directory".to_owned(),
        ));
    };
    let mut used: BTreeMap<String, u64> = BTreeMap::new();
    for mailbox in ImsStore::open(instance)?.mailboxes()? {
        *used.entry(mailbox.user).or_default() += mailbox.bytes;
    }
    let limit = |user: &str| old.iter().find(|q| q.user == user).and_then(|q| q.limit);
    let new: Vec<Quota> = used
        .into_iter()
        .map(|(user, used)| Quota {
            limit: limit(&user),
            user,
            used,
            form: REBUILT,
        })
        .collect();
    write(&file, &new)?;
    Ok(new.len())
}

/// Takes limits over; needs a file that was rebuilt.
///
/// # Errors
/// When there is none, or it was not rebuilt.
pub fn set_limits(instance: &Path, limit: &dyn Fn(&str) -> Option<u64>) -> Result<usize, LabError> {
    let file = instance.join(IMS_FILE);
    let mut all = read(&file)?.unwrap_or_default();
    if all.iter().any(|q| q.form != REBUILT) {
        return Err(LabError::Other(
            "quota.db is of an older release: run reconstruct -q first".to_owned(),
        ));
    }
    for quota in &mut all {
        quota.limit = limit(&quota.user);
    }
    write(&file, &all)?;
    Ok(all.len())
}
