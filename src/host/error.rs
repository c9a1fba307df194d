//! What can go wrong between here and a host.

use crate::base::{Hint, display_safe};
use std::time::Duration;

/// An act on a host that did not happen, or whose end is not known.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The host has no transport; a person has to do it.
    #[error("on {host} this is done by hand: {}", display_safe(.command))]
    ByHand {
        /// The host.
        host: String,
        /// The line to type there.
        command: String,
    },
    /// The transport's own program did not start here.
    #[error("`{program}` does not start: {source}")]
    Spawn {
        /// `ssh`, the launcher, or the command itself.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// The link to the host is not there, or went away.
    #[error("no link to {host}: {}", display_safe(.detail))]
    Link {
        /// The host.
        host: String,
        /// What the transport said.
        detail: String,
    },
    /// The effect's folder has been used, or fenced off by a settler: the command did not run.
    #[error("on {host} the folder {folder} was used before; the command did not run")]
    Used {
        /// The host.
        host: String,
        /// The folder.
        folder: String,
    },
    /// The effect's folder cannot be made, or somebody else's hands are in it; nothing ran.
    #[error("on {host} the folder {folder} cannot be used ({why}); the command did not run")]
    Folder {
        /// The host.
        host: String,
        /// The folder.
        folder: String,
        /// Why.
        why: String,
    },
    /// The command had to end and does not.
    #[error("on {host} process {pid} still runs {waited:?} after it was asked to end")]
    StillRunning {
        /// The host.
        host: String,
        /// Its number; 0 when only the link tells that it runs.
        pid: u32,
        /// How long it was given.
        waited: Duration,
    },
    /// The command was started, and neither runs nor has left a status: killed, or the host fell.
    #[error("on {host} the command in {folder} is gone without a status")]
    Vanished {
        /// The host.
        host: String,
        /// The folder.
        folder: String,
    },
    /// A file act failed.
    #[error("on {host}: {command}: {} (status {status})", display_safe(.detail))]
    Failed {
        /// The host.
        host: String,
        /// What was done.
        command: String,
        /// The exit status.
        status: i32,
        /// What it said.
        detail: String,
    },
    /// There is no such file or folder.
    #[error("on {host} there is no {}", display_safe(.path))]
    Absent {
        /// The host.
        host: String,
        /// The path.
        path: String,
    },
    /// A path that is not plainly absolute, or an argument that no argv can hold.
    #[error("`{}` cannot be used: {why}", display_safe(.what))]
    Bad {
        /// The path or argument.
        what: String,
        /// Why.
        why: &'static str,
    },
    /// An answer is larger than asked for.
    #[error("on {host}: {command} gave more than {limit} bytes")]
    TooMuch {
        /// The host.
        host: String,
        /// What was done.
        command: String,
        /// The limit.
        limit: usize,
    },
    /// Nothing came back in time.
    #[error("on {host}: {command} did not end within {limit:?}")]
    Late {
        /// The host.
        host: String,
        /// What was done.
        command: String,
        /// The limit.
        limit: Duration,
    },
}

impl Hint for HostError {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Spawn { program, .. } => {
                format!("install `{program}`, or name another way to the host in the site")
            }
            Self::Link { host, .. } => format!(
                "try it by hand: `ssh {host} true`; then retry, nothing is repeated that has happened"
            ),
            Self::StillRunning { host, .. } => {
                format!("wait, or look on {host} with `ps -ef`; store tools are never killed hard")
            }
            Self::Folder { .. } => {
                "make sure that it belongs to the user commands run as, with mode 700".to_owned()
            }
            Self::Vanished { .. } => {
                "the step's own check tells what was done; then retry".to_owned()
            }
            _ => return Vec::new(),
        };
        vec![hint]
    }
}
