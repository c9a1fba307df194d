//! Netscape Messaging Server 4.15 on a lab's host: where its files are, and what its store says.
//!
//! Layout: `domain/stores.md` 2. Its store is kept by [`crate::lab::ims`], which reads both products'.

use super::ims::list::List;
use super::instance::Instance;
use super::world::{HostConfig, Lab, LabError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The server root, as the host sees it.
pub const SERVER_ROOT: &str = "/usr/netscape/server4";
/// The channel that delivers into the store.
pub const LOCAL: &str = "local";
/// The second partition, which is on a disk of its own.
pub const SECOND: (&str, &str) = ("second", "/disk2/mail/partition");
/// In a partition that the new server has opened: the old one cannot read it any more.
const UPGRADED: &str = "store.ims52";
/// The SMTP port where nothing is set.
const SMTP: u16 = 25;

/// Whether a command's path is one of Netscape's mail server.
pub fn is_command(path: &str) -> bool {
    path.starts_with("/usr/netscape/server4/msg-")
        || path.starts_with("/usr/netscape/server4/bin/msg/")
}

/// Whether a lab's old server is Netscape's.
pub fn is(lab: &Lab) -> bool {
    lab.config.scenario.starts_with("nms-")
}

/// The instance of a host.
pub fn instance(lab: &Lab, host: &HostConfig) -> Instance {
    let root = lab.root(host).join(SERVER_ROOT.trim_start_matches('/'));
    Instance::below(&root, host)
}

/// The queue of an instance.
pub fn queue(instance: &Instance) -> PathBuf {
    instance.root.join("smtp-bin/queue")
}

/// The port that SMTP is on.
///
/// # Errors
/// When the configuration cannot be read.
pub fn smtp_port(instance: &Instance) -> Result<u16, LabError> {
    let set = instance.local("service.smtp.port")?;
    Ok(set.and_then(|p| p.parse().ok()).unwrap_or(SMTP))
}

/// The partitions of a host's store, real path by name.
pub fn partitions(lab: &Lab, host: &HostConfig) -> BTreeMap<String, PathBuf> {
    let primary = instance(lab, host).root.join("store/partition/primary");
    let second = lab.root(host).join(SECOND.1.trim_start_matches('/'));
    BTreeMap::from([
        ("primary".to_owned(), primary),
        (SECOND.0.to_owned(), second),
    ])
}

/// Notes that the new server has opened a partition and brought its indexes up to its own form.
///
/// # Errors
/// When the partition cannot be written.
pub fn upgrade(partition: &Path) -> Result<(), LabError> {
    let mark = partition.join(UPGRADED);
    std::fs::write(&mark, "5.2\n").map_err(LabError::file(mark))
}

/// Whether the new server has opened a partition.
pub fn is_upgraded(partition: &Path) -> bool {
    partition.join(UPGRADED).exists()
}

/// Why the old server cannot open its store any more; none while it can.
///
/// # Errors
/// When the note of its partitions cannot be read.
pub fn unreadable(instance: &Instance) -> Result<Option<String>, LabError> {
    let partitions = List::open(&instance.root)?;
    let upgraded = partitions.iter().flat_map(List::partitions);
    for (name, path) in upgraded {
        if is_upgraded(path) {
            return Ok(Some(format!(
                "partition {name}: index format 5.2 is not known to this release"
            )));
        }
    }
    Ok(None)
}
