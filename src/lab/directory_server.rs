//! Real directory servers as the site's own: a private instance of `OpenLDAP` or of 389 Directory
//! Server, everything of it in the instance's folder on its host.
//!
//! The vendor's commands of the instance (`start-slapd`, `db2ldif`, …) do their work on it, so that
//! nobody sees from outside what serves. What differs between the two is a file of its own each.

mod ds389;
mod openldap;
mod process;
mod schema;

use super::daemon::components::{Context, Running, StartError};
use super::world::{DirectoryKind, HostConfig, Lab, LabError};
use std::path::{Path, PathBuf};

/// What an instance is made with.
#[derive(Clone, Copy)]
pub struct Made<'a> {
    /// The lab.
    pub lab: &'a Lab,
    /// The host it runs on.
    pub host: &'a HostConfig,
    /// The folder of the instance, real.
    pub instance: &'a Path,
    /// The directory manager's password.
    pub password: &'a str,
    /// What the directory holds.
    pub ldif: &'a str,
}

/// Says what is missing on this machine for a kind of server.
///
/// # Errors
/// A sentence with the package to install.
pub fn check(kind: DirectoryKind) -> Result<(), LabError> {
    match kind {
        DirectoryKind::Embedded => Ok(()),
        DirectoryKind::Slapd => openldap::programs().map(|_| ()),
        DirectoryKind::Ds389 => ds389::find().map(|_| ()),
    }
}

/// Makes and fills an instance; it does not run yet.
///
/// # Errors
/// When a program is missing or refuses; its words are in the error.
pub fn create(made: Made<'_>) -> Result<(), LabError> {
    match made.lab.config.directory {
        DirectoryKind::Embedded => Ok(()),
        DirectoryKind::Slapd => openldap::create(made),
        DirectoryKind::Ds389 => ds389::create(made),
    }
}

/// Brings the server of a host up.
///
/// # Errors
/// When its port is taken, or it does not come up; the end of its log is in the error.
pub async fn start(context: Context, instance: PathBuf) -> Result<Running, StartError> {
    let lab = &context.lab;
    let launch = match lab.config.directory {
        DirectoryKind::Ds389 => ds389::prepare(lab, &context.host, &instance)
            .and_then(|()| ds389::launch(lab, &context.host, &instance)),
        _ => openldap::launch(lab, &context.host),
    }
    .map_err(|e| StartError::Failed(e.to_string()))?;
    process::start(context, instance, launch).await
}

/// Returns the command line of the server of a host, as `ps` shows it.
pub fn command(lab: &Lab, host: &HostConfig, instance: &Path) -> String {
    let launch = match lab.config.directory {
        DirectoryKind::Ds389 => ds389::launch(lab, host, instance),
        _ => openldap::launch(lab, host),
    };
    launch.map_or_else(|_| "ns-slapd".to_owned(), |launch| launch.argv.join(" "))
}

/// Exports everything below the suffix to an LDIF file, the server running or not.
///
/// # Errors
/// The server's own words.
pub fn export(
    lab: &Lab,
    host: &HostConfig,
    instance: &Path,
    target: &Path,
) -> Result<(), LabError> {
    match lab.config.directory {
        DirectoryKind::Ds389 => ds389::export(lab, host, instance, target),
        _ => openldap::export(lab, instance, target),
    }
}

/// Finds a program where systems keep those of administrators.
///
/// # Errors
/// When it is nowhere; the sentence names the package.
fn program(name: &str, package: &str) -> Result<PathBuf, LabError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(
            ["/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/usr/bin"]
                .iter()
                .map(PathBuf::from),
        )
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .ok_or_else(|| {
            LabError::Other(format!(
                "`{name}` is not on this machine; install it first (Debian: apt-get install {package})"
            ))
        })
}
