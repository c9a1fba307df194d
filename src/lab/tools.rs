//! The vendor's commands: `imsmigrate lab tool DIR HOST PATH ARG…` ends up here.
//!
//! Each command is a two-line `sh` script at the vendor's path below the host's root that execs
//! this. One file a command (or a close family); each behaviour cites its manual or says that it is
//! inferred (`domain/commands.md`).

pub mod configutil;
pub mod control;
pub mod directory;
pub mod dssetup;
pub mod getopt;
pub mod held;
pub mod imbackup;
pub mod imquotacheck;
pub mod imsbackup;
pub mod imsdaaci;
pub mod imsdirmig;
pub mod imsimta;
pub mod imsrestore;
pub mod imta;
pub mod ldap;
pub mod ldapmodify;
pub mod ldapsearch;
pub mod mboxutil;
pub mod mta;
pub mod nms;
pub mod nsupdate;
pub mod place;
pub mod quota;
pub mod setup;
pub mod slapd;
pub mod startmsg;
pub mod stream;
pub mod system;
pub mod ug;
pub mod uninstall;
pub mod userland;

use super::world::{HostConfig, Lab, LabError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// What a vendor command is given: the host it runs on and its three streams.
pub struct ToolContext<'a> {
    /// The lab.
    pub lab: Lab,
    /// The host the command runs on.
    pub host: HostConfig,
    /// The command's own path on the host, such as `/opt/SUNWmail/sbin/imta`.
    pub path: String,
    /// Standard input.
    pub stdin: &'a mut dyn Read,
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// Standard error.
    pub err: &'a mut dyn Write,
}

impl ToolContext<'_> {
    /// Returns the root of the host's file system.
    pub fn root(&self) -> PathBuf {
        self.lab.root(&self.host)
    }

    /// Turns a path as written on the host into a real one.
    ///
    /// Absolute paths get the host's root put before them unless they have it already; relative
    /// ones are taken as they are.
    pub fn real(&self, path: &str) -> PathBuf {
        real_path(&self.root(), path)
    }

    /// Turns a real path back into the one the host sees.
    pub fn seen(&self, path: &Path) -> String {
        match path.strip_prefix(self.root()) {
            Ok(rest) => format!("/{}", rest.display()),
            Err(_) => path.display().to_string(),
        }
    }
}

/// Puts a host's root before an absolute path that does not have it yet.
pub fn real_path(root: &Path, path: &str) -> PathBuf {
    let path = Path::new(path);
    if path.is_absolute() && !path.starts_with(root) {
        root.join(path.strip_prefix("/").unwrap_or(path))
    } else {
        path.to_path_buf()
    }
}

/// The exit status of a command whose reader has gone (128 + SIGPIPE).
const BROKEN_PIPE: u8 = 141;

/// Runs the vendor command at `path` of `host` with this process's streams; returns its exit status.
///
/// # Errors
/// When the lab cannot be used, or the path is not one of a vendor command.
pub fn main(dir: &Path, host: &str, path: &str, args: &[String]) -> Result<u8, LabError> {
    let lab = Lab::open(dir)?;
    let host = lab.host(host)?.clone();
    let mut context = ToolContext {
        lab,
        host,
        path: path.to_owned(),
        stdin: &mut std::io::stdin().lock(),
        out: &mut std::io::stdout().lock(),
        err: &mut std::io::stderr().lock(),
    };
    let status = match run(&mut context, args) {
        // As the signal would end it.
        Err(LabError::File { source, .. }) if source.kind() == std::io::ErrorKind::BrokenPipe => {
            return Ok(BROKEN_PIPE);
        }
        other => other?,
    };
    // A reader that has gone is not the command's failure.
    let _ = context.out.flush();
    Ok(status)
}

/// A vendor command: does its work with the streams of the context and returns its exit status.
pub type Command = fn(&mut ToolContext<'_>, &[String]) -> Result<u8, LabError>;

/// Every command, by the end of its path (the longest one that fits wins); one line each, in the
/// order of the alphabet.
const COMMANDS: &[(&str, Command)] = &[
    ("bin/slapd/server/slapd_config", slapd::slapd_config),
    ("db2ldif", slapd::db2ldif),
    ("ldapmodify", ldapmodify::run),
    ("ldapsearch", ldapsearch::run),
    ("restart-slapd", slapd::restart),
    ("start-slapd", slapd::start),
    ("stop-slapd", slapd::stop),
    ("SUNWmail/ims/sbin/imbackup", imbackup::run),
    ("SUNWmail/imta/sbin/hold_master", held::hold_master),
    ("SUNWmail/sbin/im.server", imta::im_server),
    ("SUNWmail/sbin/imbackup", imbackup::run),
    ("SUNWmail/sbin/imta", imta::run),
    ("SUNWmail/sbin/mt.scheduler", imta::mt_scheduler),
    ("SUNWmail/sbin/imquotacheck", imquotacheck::run),
    ("bin/msg/admin/bin/iminitquota", quota::iminitquota),
    ("bin/msg/admin/bin/mboxutil", mboxutil::run),
    ("bin/msg/admin/bin/quotacheck", quota::quotacheck),
    ("bin/msg/admin/bin/reconstruct", quota::reconstruct),
    ("bin/msg/admin/bin/stored", startmsg::stored),
    ("bin/msg/migrate/bin/imsdaaci", imsdaaci::run),
    ("bin/msg/migrate/bin/imsdirmig", imsdirmig::run),
    ("bin/msg/store/bin/imsbackup", imsbackup::run),
    ("bin/msg/store/bin/imsrestore", imsrestore::run),
    ("cdrom/iplanet/setup", setup::run),
    ("configutil", configutil::run),
    ("imsimta", imsimta::run),
    ("start", startmsg::start),
    ("start-msg", startmsg::start),
    ("stop-msg", startmsg::stop),
    ("uninstall", uninstall::run),
    ("usr/bin/chown", userland::chown),
    ("usr/bin/ls", userland::ls),
    ("usr/bin/mailq", nms::mailq),
    ("usr/bin/netstat", system::netstat),
    ("usr/bin/perl", userland::perl),
    ("usr/bin/ps", system::ps),
    ("usr/bin/su", userland::su),
    ("usr/sbin/df", system::df),
    ("usr/sbin/nsupdate", nsupdate::run),
];

/// The commands that Netscape's server has under the same names as the new one.
const NMS_COMMANDS: &[(&str, Command)] = &[
    ("configutil", nms::configutil),
    ("start-msg", nms::start),
    ("stop-msg", nms::stop),
];

/// Runs a vendor command with the streams of `context`; returns its exit status.
///
/// # Errors
/// When the lab cannot be used, or the path is not one of a vendor command.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let path = Path::new(&context.path);
    let own: &[(&str, Command)] = if crate::lab::nms::is_command(&context.path) {
        NMS_COMMANDS
    } else {
        &[]
    };
    let own = own.iter().find(|(end, _)| path.ends_with(end));
    let command = COMMANDS
        .iter()
        .filter(|(end, _)| path.ends_with(end))
        .max_by_key(|(end, _)| end.len());
    match own.or(command) {
        Some((_, command)) => command(context, args),
        None => Err(LabError::Other(format!(
            "`{}` is not a command of this lab",
            context.path
        ))),
    }
}
