//! The process behind a running lab: lock, socket, components, and when to end.

use super::components::Activity;
use super::socket::{self, ControlSocket};
use super::supervisor::Supervisor;
use super::unfinished;
use crate::lab::control::{LOCK_FILE, LockInfo};
use crate::lab::world::{Lab, LabError};
use rustix::fs::FlockOperation;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A lab that nobody used for so long ends itself.
const IDLE_SECONDS: u64 = 30 * 60;
/// How often the lock is tried.
const LOCK_ATTEMPTS: u32 = 20;
/// How often idleness is looked at.
const IDLE_CHECK: Duration = Duration::from_secs(30);

/// Is the lab's process until the lab is stopped; `imsmigrate lab serve DIR`.
///
/// # Errors
/// When the folder is not a lab, another process serves it already, or its files cannot be used.
pub fn serve(dir: &Path) -> Result<(), LabError> {
    let lab = Lab::open(dir)?;
    // Fails when this process leads a group already (started by hand from a shell): as good.
    let _ = rustix::process::setsid();
    let lock = take_lock(&lab)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| LabError::Other(format!("cannot start: {e}")))?;
    runtime.block_on(run(lab, lock))
}

/// Takes the lock on the folder, or says who has it.
fn take_lock(lab: &Lab) -> Result<File, LabError> {
    let path = lab.dir.join(LOCK_FILE);
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(LabError::file(&path))?;
    // Somebody who only looks whether the lab runs holds the lock for a moment.
    for attempt in 0.. {
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            break;
        }
        if attempt == LOCK_ATTEMPTS {
            return Err(LabError::Other(format!(
                "the lab in `{}` runs already",
                lab.dir.display()
            )));
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    socket::remove_left_behind(&path);
    Ok(file)
}

async fn run(lab: Lab, mut lock: File) -> Result<(), LabError> {
    let activity = Activity::default();
    activity.touch();
    let supervisor = Arc::new(Supervisor::new(lab.clone(), activity.clone())?);
    let control = ControlSocket::bind(&lab.dir)?;
    for (what, why) in supervisor.restore().await {
        log(&format!("{what} did not come up: {why}"));
    }
    // Only now can anybody find the socket: whoever asks finds the lab as it was.
    let info = LockInfo {
        pid: std::process::id(),
        socket: control.path.clone(),
    };
    write_lock(&mut lock, &info).map_err(LabError::file(lab.dir.join(LOCK_FILE)))?;
    log(&format!("serves {}", lab.dir.display()));

    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| signal_error(&e))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| signal_error(&e))?;
    let mut idle = tokio::time::interval(IDLE_CHECK);
    let why = loop {
        tokio::select! {
            accepted = control.listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(socket::answer(
                        stream,
                        Arc::clone(&supervisor),
                        activity.clone(),
                        shutdown.clone(),
                    ));
                }
                Err(e) => {
                    log(&format!("control socket: {e}"));
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            () = shutdown.cancelled() => break "stopped",
            _ = terminate.recv() => break "terminated",
            _ = interrupt.recv() => break "interrupted",
            _ = idle.tick() => {
                if activity.idle_seconds() >= IDLE_SECONDS && !unfinished::has_run(&lab) {
                    break "not used for half an hour";
                }
            }
        }
    };
    let ended = supervisor.shutdown().await;
    control.remove();
    lock.set_len(0)
        .map_err(LabError::file(lab.dir.join(LOCK_FILE)))?;
    log(why);
    ended
}

fn signal_error(e: &std::io::Error) -> LabError {
    LabError::Other(format!("cannot wait for signals: {e}"))
}

fn write_lock(lock: &mut File, info: &LockInfo) -> std::io::Result<()> {
    let mut line = serde_json::to_string(info)?;
    line.push('\n');
    lock.set_len(0)?;
    lock.rewind()?;
    lock.write_all(line.as_bytes())?;
    lock.sync_all()
}

/// One line into `lab.log`, where a detached lab's standard error goes.
fn log(line: &str) {
    let _ = writeln!(std::io::stderr(), "{} lab: {line}", jiff::Timestamp::now());
}
