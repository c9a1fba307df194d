//! `imta dirsync`: what the old MTA knows of the directory, which it works on until the next one
//! (`domain/commands.md` 11).
//!
//! Inferred: that the cache of a server that was never told to has one from its own installation;
//! the lab makes it when the MTA first asks for it. The nightly run of the real one is left out: it
//! would hide a step that was forgotten.

use crate::lab::ldap::client::Client;
use crate::lab::lines;
use crate::lab::tools::directory::Directory as _;
use crate::lab::tools::imsimta::Cache;
use crate::lab::world::{HostConfig, Lab};
use std::path::PathBuf;

/// The cache, below the host's root.
const FILE: &str = "var/opt/SUNWmail/imta/db/dirsync.json";

/// What is taken in: people and lists of either generation, and domains.
const FILTER: &str = "(|(objectClass=inetMailUser)(objectClass=inetMailGroup)(objectClass=mailDomain)(objectClass=inetDomain))";

/// Returns where the cache of a host's old MTA is.
pub fn file(lab: &Lab, host: &HostConfig) -> PathBuf {
    lab.root(host).join(FILE)
}

/// What is done with what was known before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Only where there is no cache yet.
    First,
    /// What was deleted in the directory stays known.
    Incremental,
    /// The cache is made anew.
    Full,
}

/// Reads the directory into the cache of a host's old MTA.
///
/// # Errors
/// A sentence: the directory server does not answer or refuses, or the file cannot be written.
pub fn synchronize(lab: &Lab, host: &HostConfig, how: How) -> Result<(), String> {
    let path = file(lab, host);
    // One at a time: the second waits, as two would spoil the database.
    let _lock = lines::lock(&path.with_extension("lock")).map_err(|e| e.to_string())?;
    if how == How::First && path.exists() {
        return Ok(());
    }
    let directory = lab.host_with_role("directory").map_err(|e| e.to_string())?;
    let mut client = Client::connect(lab, &directory.fqdn, 389)
        .map_err(|e| format!("cannot connect to the LDAP server: {e}"))?;
    client
        .bind(&lab.config.manager_dn, &password(lab)?)
        .map_err(|e| format!("cannot bind to the LDAP server: {e}"))?;
    let found = client
        .find(&lab.config.suffix, FILTER)
        .map_err(|e| format!("search below `{}`: {e}", lab.config.suffix))?;
    let mut cache = Cache::default();
    for entry in &found {
        cache.people.put(entry);
    }
    cache.entries = found.len();
    if how == How::Incremental && path.exists() {
        let text = std::fs::read(&path).map_err(|e| e.to_string())?;
        let mut old: Cache = serde_json::from_slice(&text).map_err(|e| e.to_string())?;
        old.people.renew(cache.people);
        old.entries = old.entries.max(cache.entries);
        cache = old;
    }
    let text = serde_json::to_vec(&cache).map_err(|e| e.to_string())?;
    lines::write_whole(&path, &text, true).map_err(|e| e.to_string())
}

/// The password that the server was configured with when it was installed.
fn password(lab: &Lab) -> Result<String, String> {
    let path = lab.dir.join("secrets.toml");
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let table: toml::Table = text.parse().map_err(|_| "no configuration".to_owned())?;
    let password = table.get("directory").and_then(toml::Value::as_str);
    Ok(password.unwrap_or_default().to_owned())
}
