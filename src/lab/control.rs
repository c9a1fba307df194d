//! How a vendor command asks the lab's process to start, stop or list what runs on a host.
//!
//! One JSON line each way over the lab's Unix socket; `lab.lock` names the socket, because a path
//! over 107 bytes moves to a private short folder.

use super::world::{Lab, LabError};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// The file the daemon holds a lock on; its content is a [`LockInfo`].
pub const LOCK_FILE: &str = "lab.lock";

/// What `lab.lock` says while the lab runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LockInfo {
    /// The daemon's process id.
    pub pid: u32,
    /// Where its socket is.
    pub socket: PathBuf,
}

/// What can be asked of the lab's process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Request {
    /// Is it there?
    Ping,
    /// Everything that runs on a host.
    Processes {
        /// Short host name.
        host: String,
    },
    /// Starts a component; answers when it listens, or says why not (port in use, …).
    Start {
        /// Short host name.
        host: String,
        /// One of [`super::daemon::components`].
        component: String,
    },
    /// Stops a component; answers when it is gone.
    Stop {
        /// Short host name.
        host: String,
        /// One of [`super::daemon::components`].
        component: String,
    },
    /// Ends the lab's process.
    Shutdown,
}

/// One line of a host's process table.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Process {
    /// The component, such as `sims-job-controller`.
    pub component: String,
    /// The process id shown on the host.
    pub pid: u32,
    /// The owner, such as `inetmail`.
    pub user: String,
    /// The command as `ps` shows it.
    pub command: String,
    /// When it started, seconds since the epoch.
    pub started: i64,
    /// The well-known ports it listens on.
    pub ports: Vec<u16>,
}

/// What the lab's process answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// Done.
    Ok,
    /// A process table, in the order of start.
    Processes {
        /// The processes.
        processes: Vec<Process>,
    },
    /// It was already so (started, or stopped).
    Already,
    /// It could not be done.
    Failed {
        /// What the component said.
        message: String,
    },
}

/// Asks the lab's process one question.
///
/// # Errors
/// [`LabError::NotRunning`] when nobody answers.
pub fn ask(lab: &Lab, request: &Request) -> Result<Reply, LabError> {
    let not_running = || LabError::NotRunning(lab.dir.clone());
    let lock = std::fs::read_to_string(lab.dir.join(LOCK_FILE)).map_err(|_| not_running())?;
    let info: LockInfo = serde_json::from_str(&lock).map_err(|_| not_running())?;
    let mut stream = UnixStream::connect(&info.socket).map_err(|_| not_running())?;
    let mut line = serde_json::to_string(request).map_err(|e| LabError::Other(e.to_string()))?;
    line.push('\n');
    stream
        .write_all(line.as_bytes())
        .map_err(LabError::file(&info.socket))?;
    let mut answer = String::new();
    BufReader::new(stream)
        .read_line(&mut answer)
        .map_err(LabError::file(&info.socket))?;
    serde_json::from_str(&answer).map_err(|_| not_running())
}

/// Returns the process table of a host.
///
/// # Errors
/// As [`ask`].
pub fn processes(lab: &Lab, host: &str) -> Result<Vec<Process>, LabError> {
    match ask(
        lab,
        &Request::Processes {
            host: host.to_owned(),
        },
    )? {
        Reply::Processes { processes } => Ok(processes),
        other => Err(LabError::Other(format!("unexpected answer: {other:?}"))),
    }
}
