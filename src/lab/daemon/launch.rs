//! Starting, stopping and asking a lab's process from outside.

use crate::lab::control::{self, LOCK_FILE, LockInfo, Reply, Request};
use crate::lab::traffic::Counts;
use crate::lab::world::{Lab, LabError};
use crate::lab::{commands, create};
use serde::Serialize;
use std::fs::File;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Where a detached lab's talk goes.
const LOG_FILE: &str = "lab.log";
/// How long a lab may take until it answers: recovery after a power cut included.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a lab may take until it is gone.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
/// Between two looks.
const POLL: Duration = Duration::from_millis(20);

/// What `lab status` says.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Whether the lab's process answers.
    pub running: bool,
    /// Its process id, when it runs.
    pub pid: Option<u32>,
    /// Where the directory of the site is.
    pub ldap: Endpoint,
    /// The hosts.
    pub hosts: Vec<HostStatus>,
    /// What became of the traffic, in a lab that has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Counts>,
}

/// A host and a real port.
#[derive(Clone, Debug, Serialize)]
pub struct Endpoint {
    /// The address.
    pub host: String,
    /// The real port.
    pub port: u16,
}

/// One host of the lab.
#[derive(Clone, Debug, Serialize)]
pub struct HostStatus {
    /// Short name.
    pub name: String,
    /// Its loopback address.
    pub address: Ipv4Addr,
    /// The roles it plays.
    pub roles: Vec<String>,
    /// What runs on it, by component name.
    pub components: Vec<String>,
}

/// Starts a lab's process, detached, and waits until it answers; a lab that runs is left alone.
///
/// Returns whether it had to be started.
///
/// # Errors
/// When the folder is not a lab, or the process ends or does not answer in time; the message has
/// the end of its log.
pub fn start_detached(dir: &Path) -> Result<bool, LabError> {
    let lab = Lab::open(dir)?;
    if control::ask(&lab, &Request::Ping).is_ok() {
        return Ok(false);
    }
    // The binary or the folder may have moved since the last start.
    commands::rewrite(&lab)?;
    create::rewrite_launchers(&lab)?;
    let log_path = lab.dir.join(LOG_FILE);
    let log = File::options()
        .create(true)
        .append(true)
        .open(&log_path)
        .map_err(LabError::file(&log_path))?;
    let before = log.metadata().map_or(0, |m| m.len());
    let errors = log.try_clone().map_err(LabError::file(&log_path))?;
    let exe = std::env::current_exe().map_err(LabError::file("/proc/self/exe"))?;
    let mut child = Command::new(&exe)
        .args(["lab", "serve"])
        .arg(&lab.dir)
        .current_dir(&lab.dir)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(LabError::file(&exe))?;
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        if control::ask(&lab, &Request::Ping).is_ok() {
            return Ok(true);
        }
        let ended = child.try_wait().map_err(LabError::file(&exe))?;
        if ended.is_some() && control::ask(&lab, &Request::Ping).is_err() && !locked(&lab) {
            return Err(LabError::Other(format!(
                "the lab did not start: {}",
                tail(&log_path, before)
            )));
        }
        if Instant::now() > deadline {
            return Err(LabError::Other(format!(
                "the lab does not answer after {} s; its log is {}",
                START_TIMEOUT.as_secs(),
                log_path.display()
            )));
        }
        std::thread::sleep(POLL);
    }
}

/// Stops a lab in good order and waits until its process is gone; returns whether it ran.
///
/// # Errors
/// When the folder is not a lab or the process does not end.
pub fn stop(dir: &Path) -> Result<bool, LabError> {
    let lab = Lab::open(dir)?;
    match control::ask(&lab, &Request::Shutdown) {
        Ok(Reply::Failed { message }) => return Err(LabError::Other(message)),
        Ok(_) => {}
        Err(_) if !locked(&lab) => return Ok(false),
        Err(e) => return Err(e),
    }
    let deadline = Instant::now() + STOP_TIMEOUT;
    while locked(&lab) {
        if Instant::now() > deadline {
            return Err(LabError::Other("the lab's process does not end".to_owned()));
        }
        std::thread::sleep(POLL);
    }
    Ok(true)
}

/// Tells what a lab is doing.
///
/// # Errors
/// When the folder is not a lab.
pub fn status(dir: &Path) -> Result<Status, LabError> {
    let lab = Lab::open(dir)?;
    let running = control::ask(&lab, &Request::Ping).is_ok();
    let pid = std::fs::read_to_string(lab.dir.join(LOCK_FILE))
        .ok()
        .and_then(|text| serde_json::from_str::<LockInfo>(&text).ok())
        .map(|info| info.pid)
        .filter(|_| running);
    Ok(Status {
        running,
        pid,
        ldap: Endpoint {
            host: Ipv4Addr::LOCALHOST.to_string(),
            port: lab.port(389),
        },
        traffic: lab.config.traffic_per_minute.map(|_| Counts::read(&lab)),
        hosts: lab
            .config
            .hosts
            .iter()
            .map(|host| HostStatus {
                name: host.name.clone(),
                address: host.address,
                roles: host.roles.clone(),
                components: control::processes(&lab, &host.name)
                    .unwrap_or_default()
                    .into_iter()
                    .map(|p| p.component)
                    .collect(),
            })
            .collect(),
    })
}

/// Returns whether a process holds the lab's lock.
fn locked(lab: &Lab) -> bool {
    File::open(lab.dir.join(LOCK_FILE)).is_ok_and(|file| {
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockShared).is_err()
    })
}

/// Returns what was written to the log since `from`, at most its last lines.
fn tail(path: &Path, from: u64) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let new = text
        .get(usize::try_from(from).unwrap_or(0)..)
        .unwrap_or_default();
    let new = String::from_utf8_lossy(new);
    let lines: Vec<&str> = new.lines().collect();
    let last = lines
        .get(lines.len().saturating_sub(5)..)
        .unwrap_or_default();
    last.join("; ")
}
