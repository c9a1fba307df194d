//! The lab folder: where things are, which hosts there are, which port is which.
//!
//! A lab is a folder and a process. This file knows the folder; `daemon` is the process.

use super::dns;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// The file that makes a folder a lab.
pub const LAB_FILE: &str = "lab.toml";

/// What went wrong with a lab folder.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The folder has no `lab.toml`.
    #[error("`{0}` is not a lab: it has no {LAB_FILE}")]
    NotALab(PathBuf),
    /// A file of the lab cannot be read or written.
    #[error("cannot use `{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// `lab.toml` does not parse.
    #[error("`{path}` cannot be understood: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// A file that a person gave to make the lab from cannot be used.
    #[error("`{path}`{}: {reason}", line.map(|l| format!(", line {l}")).unwrap_or_default())]
    Data {
        /// The file or folder.
        path: PathBuf,
        /// The line, from 1.
        line: Option<usize>,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The lab has no such host.
    #[error("this lab has no host `{name}`; it has {known}")]
    NoHost {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The lab's process does not answer.
    #[error("the lab in `{0}` is not running; start it with: imsmigrate lab start {0}")]
    NotRunning(PathBuf),
    /// Anything else, as a sentence.
    #[error("{0}")]
    Other(String),
}

impl LabError {
    /// Wraps an I/O error with the file it happened on.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }
}

/// What serves the site's users and groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DirectoryKind {
    /// The lab's own server, a Netscape Directory Server 4.12 to look at.
    #[default]
    Embedded,
    /// A private instance of `OpenLDAP`.
    Slapd,
    /// A private instance of 389 Directory Server, which descends from Netscape's.
    #[serde(rename = "389ds")]
    #[value(name = "389ds")]
    Ds389,
}

/// What `lab.toml` says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabConfig {
    /// Format version, 1.
    pub version: u32,
    /// The lab's id, shown to people.
    pub id: String,
    /// The scenario the lab was made for, such as `sims-offline`.
    pub scenario: String,
    /// The seed all of its content was drawn from.
    pub seed: u64,
    /// What serves the site's users and groups.
    #[serde(default)]
    pub directory: DirectoryKind,
    /// Added to each well-known port: port 25 of a host is `port_base + 25` on its address, so that
    /// no privilege is needed.
    pub port_base: u16,
    /// The suffix of users and groups, `o=internet`.
    pub suffix: String,
    /// The DN of the default domain, `dc=siroe,dc=com,o=internet`.
    pub default_domain_dn: String,
    /// The default mail domain, `siroe.com`.
    pub default_domain: String,
    /// The directory manager's DN.
    pub manager_dn: String,
    /// How many messages the world outside sends in a minute, where it sends any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic_per_minute: Option<u32>,
    /// The hosts.
    pub hosts: Vec<HostConfig>,
}

/// One host of a lab.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostConfig {
    /// Short name and folder below `hosts/`, such as `mail`.
    pub name: String,
    /// Fully qualified name, such as `mail.siroe.com`.
    pub fqdn: String,
    /// The host's own loopback address.
    pub address: Ipv4Addr,
    /// The roles it plays: `old`, `new`, `directory`; `dns` for the lab's own name server and
    /// `outside` for the world that sends mail.
    pub roles: Vec<String>,
}

/// An opened lab folder.
#[derive(Clone, Debug)]
pub struct Lab {
    /// The folder, absolute.
    pub dir: PathBuf,
    /// What `lab.toml` says.
    pub config: LabConfig,
}

impl Lab {
    /// Opens a lab folder.
    ///
    /// # Errors
    /// [`LabError::NotALab`] when there is no `lab.toml`, [`LabError::Config`] when it does not parse.
    pub fn open(dir: &Path) -> Result<Self, LabError> {
        let dir = std::path::absolute(dir).map_err(LabError::file(dir))?;
        let path = dir.join(LAB_FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e)
                if matches!(
                    e.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                return Err(LabError::NotALab(dir));
            }
            Err(source) => return Err(LabError::File { path, source }),
        };
        let config = toml::from_str(&text).map_err(|e| LabError::Config {
            path,
            reason: e.message().to_owned(),
        })?;
        Ok(Self { dir, config })
    }

    /// Returns a host by its short name or its fully qualified one (case-insensitive).
    ///
    /// # Errors
    /// [`LabError::NoHost`].
    pub fn host(&self, name: &str) -> Result<&HostConfig, LabError> {
        self.config
            .hosts
            .iter()
            .find(|h| h.name.eq_ignore_ascii_case(name) || h.fqdn.eq_ignore_ascii_case(name))
            .ok_or_else(|| LabError::NoHost {
                name: name.to_owned(),
                known: self
                    .config
                    .hosts
                    .iter()
                    .map(|h| h.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }

    /// Returns the root of a host's file system, `DIR/hosts/NAME`.
    pub fn root(&self, host: &HostConfig) -> PathBuf {
        self.dir.join("hosts").join(&host.name)
    }

    /// Returns the real port that stands for a well-known one (`389` → `port_base + 389`).
    pub fn port(&self, well_known: u16) -> u16 {
        self.config.port_base.saturating_add(well_known)
    }

    /// Returns the first host that plays a role.
    ///
    /// # Errors
    /// [`LabError::Other`] when none does.
    pub fn host_with_role(&self, role: &str) -> Result<&HostConfig, LabError> {
        self.config
            .hosts
            .iter()
            .find(|h| h.roles.iter().any(|r| r == role))
            .ok_or_else(|| LabError::Other(format!("this lab has no host with the role `{role}`")))
    }

    /// Resolves a name or an address as the lab's hosts see it: by the lab's name server, where it
    /// has one, and else by the names of its hosts.
    pub fn resolve(&self, name: &str) -> Option<Ipv4Addr> {
        if let Ok(address) = name.parse() {
            return Some(address);
        }
        let zone = dns::Zone::read(self).ok();
        zone.and_then(|zone| zone.address(name))
            .or_else(|| self.host(name).ok().map(|h| h.address))
    }
}
