//! Where an iMS instance keeps its files, and the part of its configuration that is a local file.
//!
//! `config/local.conf` holds the parameters that begin with `local.`; `config/msg.conf` says where the
//! configuration directory is. What is in that directory is not this file's business.

use super::lines;
use super::world::{HostConfig, Lab, LabError};
use std::path::{Path, PathBuf};

/// The default server root, as the host sees it.
pub const SERVER_ROOT: &str = "/usr/iplanet/server5";

/// The lab's own note, on a host, of the server roots that the installer made.
const INSTALLED: &str = "etc/iplanet-server-roots";

/// An installed instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The server root, a real path.
    pub server_root: PathBuf,
    /// The instance root (`msg-<name>`), a real path.
    pub root: PathBuf,
}

impl Instance {
    /// Names the instance of a host below a server root (a real path), whether it is there or not.
    pub fn below(server_root: &Path, host: &HostConfig) -> Self {
        Self {
            server_root: server_root.to_path_buf(),
            root: server_root.join(format!("msg-{}", host.name)),
        }
    }

    /// Returns the host's instance: the one that was installed last, or where it would be.
    pub fn of(lab: &Lab, host: &HostConfig) -> Self {
        let root = lab.root(host);
        let noted = std::fs::read_to_string(root.join(INSTALLED)).unwrap_or_default();
        let seen = noted.lines().last().unwrap_or(SERVER_ROOT);
        Self::below(&root.join(seen.trim_start_matches('/')), host)
    }

    /// Notes on the host that an instance was installed below `server_root`, as the host sees it.
    ///
    /// # Errors
    /// When the note cannot be written.
    pub fn note(lab: &Lab, host: &HostConfig, server_root: &str) -> Result<(), LabError> {
        let path = lab.root(host).join(INSTALLED);
        lines::write_whole(&path, format!("{server_root}\n").as_bytes(), true)
    }

    /// Takes the note back.
    ///
    /// # Errors
    /// When the note cannot be removed.
    pub fn forget(lab: &Lab, host: &HostConfig) -> Result<(), LabError> {
        let path = lab.root(host).join(INSTALLED);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(LabError::file(path)(e)),
            _ => Ok(()),
        }
    }

    /// Returns whether it is installed.
    pub fn exists(&self) -> bool {
        self.file("msg.conf").is_file()
    }

    /// A file of its `config` folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join("config").join(name)
    }

    /// Its queue.
    pub fn queue(&self) -> PathBuf {
        self.root.join("imta/queue")
    }

    /// What its job controller leaves behind.
    pub fn counters(&self) -> PathBuf {
        self.root.join("imta/counters")
    }

    /// The directory cache that dirsync makes is below this folder.
    pub fn db(&self) -> PathBuf {
        self.root.join("imta/db")
    }

    /// Its mapping tables.
    pub fn mappings(&self) -> PathBuf {
        self.root.join("imta/config/mappings")
    }

    /// Reads a parameter of `local.conf`; `None` when it is not set.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn local(&self, name: &str) -> Result<Option<String>, LabError> {
        Ok(value(&read(&self.file("local.conf"))?, name))
    }

    /// Reads all of `local.conf`, sorted.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn locals(&self) -> Result<Vec<(String, String)>, LabError> {
        read(&self.file("local.conf"))
    }

    /// Sets a parameter of `local.conf`.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn set_local(&self, name: &str, value: &str) -> Result<(), LabError> {
        set(&self.file("local.conf"), name, value)
    }

    /// Reads a value of `msg.conf`.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn bootstrap(&self, name: &str) -> Result<Option<String>, LabError> {
        Ok(value(&read(&self.file("msg.conf"))?, name))
    }

    /// Sets a value of `msg.conf`.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn set_bootstrap(&self, name: &str, value: &str) -> Result<(), LabError> {
        set(&self.file("msg.conf"), name, value)
    }
}

fn value(all: &[(String, String)], name: &str) -> Option<String> {
    all.iter()
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.clone())
}

fn read(path: &Path) -> Result<Vec<(String, String)>, LabError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(LabError::file(path)(e)),
    };
    let mut all: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
        .collect();
    all.sort();
    Ok(all)
}

fn set(path: &Path, name: &str, value: &str) -> Result<(), LabError> {
    if name.is_empty() || name.contains(['=', '\n', ' ']) || value.contains('\n') {
        return Err(LabError::Other(format!(
            "{}: not a parameter",
            crate::base::display::display_safe(name)
        )));
    }
    let _lock = lines::lock(&path.with_extension("lock"))?;
    let mut all = read(path)?;
    all.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    all.push((name.to_owned(), value.to_owned()));
    all.sort();
    let mut text = String::new();
    for (name, value) in all {
        text.push_str(&name);
        text.push_str(" = ");
        text.push_str(&value);
        text.push('\n');
    }
    lines::write_whole(path, text.as_bytes(), true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn values_come_back_as_they_were_set() {
        let dir = tempfile::tempdir().unwrap();
        let host = HostConfig {
            name: "mail".to_owned(),
            fqdn: "mail.siroe.com".to_owned(),
            address: Ipv4Addr::LOCALHOST,
            roles: Vec::new(),
        };
        let instance = Instance::below(dir.path(), &host);
        assert_eq!(instance.local("local.ugldaphost").unwrap(), None);
        for value in ["(|(a=b)(c=d e))", "", " two = signs "] {
            instance.set_local("local.imta.ugfilter", value).unwrap();
            assert_eq!(
                instance.local("LOCAL.imta.ugfilter").unwrap().as_deref(),
                Some(value)
            );
        }
        assert_eq!(instance.locals().unwrap().len(), 1);
        assert!(instance.set_local("a b", "x").is_err());
        assert!(instance.set_local("a", "x\ny = z").is_err());
    }
}
