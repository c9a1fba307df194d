//! The engine of a run, as one that can be spoken to: one that was killed, or whose run is over, may
//! hold its lock for moments more and takes no command.

use super::runs::Run;
use crate::engine::daemon;
use crate::engine::protocol::EngineInfo;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long an engine that is on its way out is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns the engine that answers, or none; `over`: the run is over, and its engine on its way out.
///
/// # Errors
/// When the run's journal cannot be read.
pub fn engine_of(folder: &Path, over: bool) -> anyhow::Result<Option<EngineInfo>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let Some(engine) = daemon::alive(folder) else {
            return Ok(None);
        };
        // Somebody else may have taken the run up meanwhile.
        let leaving = over && Run::read(folder)?.state.ended.is_some();
        if (!leaving && greets(&engine)) || Instant::now() > deadline {
            return Ok(Some(engine));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether somebody greets at an engine's socket; one that is only slow does.
fn greets(engine: &EngineInfo) -> bool {
    let Ok(mut stream) = UnixStream::connect(&engine.socket) else {
        return false;
    };
    if stream.set_read_timeout(Some(PATIENCE)).is_err() {
        return false;
    }
    match stream.read(&mut [0]) {
        Ok(count) => count > 0,
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    }
}

#[cfg(test)]
mod tests {
    use super::engine_of;
    use crate::engine::protocol::{EngineInfo, LOCK_FILE};
    use rustix::fs::{FlockOperation, flock};
    use std::fs::File;
    use std::os::unix::net::UnixListener;
    use std::time::{Duration, Instant};

    #[test]
    fn an_engine_that_was_killed_is_waited_for_and_one_that_greets_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let info = EngineInfo {
            pid: 1,
            socket: dir.path().join("engine.sock"),
        };
        std::fs::write(
            dir.path().join(LOCK_FILE),
            serde_json::to_string(&info).unwrap(),
        )
        .unwrap();
        assert!(engine_of(dir.path(), false).unwrap().is_none());

        let lock = File::open(dir.path().join(LOCK_FILE)).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let dying = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            drop(lock);
        });
        let began = Instant::now();
        assert!(engine_of(dir.path(), false).unwrap().is_none());
        assert!(began.elapsed() >= Duration::from_millis(150));
        dying.join().unwrap();

        let lock = File::open(dir.path().join(LOCK_FILE)).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let listener = UnixListener::bind(&info.socket).unwrap();
        let greeter = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            std::io::Write::write_all(&mut stream, b"{}\n").unwrap();
        });
        let found = engine_of(dir.path(), false).unwrap();
        assert_eq!(found.map(|e| e.pid), Some(1));
        greeter.join().unwrap();
    }
}
