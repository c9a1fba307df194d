//! The control socket: one JSON line with a request, one with the answer.

use super::components::Activity;
use super::supervisor::Supervisor;
use crate::lab::control::{LockInfo, Reply, Request};
use crate::lab::world::LabError;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

/// The longest path a Unix socket can have.
const LONGEST: usize = 107;
/// The socket's name.
const SOCKET: &str = "lab.sock";
/// How the private folders for a short path begin.
const SHORT_PREFIX: &str = "imsmigrate-lab-";
/// The longest request line.
const LONGEST_LINE: u64 = 64 * 1024;

/// A bound control socket; its path, and its private folder if it needed one, go with it.
pub struct ControlSocket {
    /// The listener.
    pub listener: UnixListener,
    /// Where it is.
    pub path: PathBuf,
    short: Option<tempfile::TempDir>,
}

impl ControlSocket {
    /// Binds `DIR/lab.sock`, or one in a private short folder when that path is too long.
    ///
    /// # Errors
    /// When neither can be bound.
    pub fn bind(dir: &Path) -> Result<Self, LabError> {
        let mut path = dir.join(SOCKET);
        let mut short = None;
        if path.as_os_str().len() > LONGEST {
            let folder = tempfile::Builder::new()
                .prefix(SHORT_PREFIX)
                .permissions(std::fs::Permissions::from_mode(0o700))
                .tempdir_in("/tmp")
                .map_err(LabError::file("/tmp"))?;
            path = folder.path().join(SOCKET);
            short = Some(folder);
        }
        // The lock on the folder is held: what is left here belongs to nobody.
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(LabError::File { path, source: e });
            }
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(LabError::file(&path))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
            .map_err(LabError::file(&path))?;
        Ok(Self {
            listener,
            path,
            short,
        })
    }

    /// Removes the socket and its folder.
    pub fn remove(self) {
        drop(self.listener);
        let _ = std::fs::remove_file(&self.path);
        drop(self.short);
    }
}

/// Removes the private folder of a lab process that was killed, as its lock file names it.
pub fn remove_left_behind(lock_file: &Path) {
    let Some(folder) = std::fs::read(lock_file)
        .ok()
        .and_then(|text| serde_json::from_slice::<LockInfo>(&text).ok())
        .and_then(|info| info.socket.parent().map(Path::to_path_buf))
    else {
        return;
    };
    let named = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(SHORT_PREFIX);
    if folder.parent() == Some(Path::new("/tmp")) && folder.file_name().is_some_and(named) {
        let _ = std::fs::remove_file(folder.join(SOCKET));
        let _ = std::fs::remove_dir(folder);
    }
}

/// Answers one connection until it ends; a shutdown request cancels `shutdown`.
pub async fn answer(
    stream: UnixStream,
    supervisor: Arc<Supervisor>,
    activity: Activity,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read.take(LONGEST_LINE)).lines();
    while let Some(line) = lines.next_line().await? {
        activity.touch();
        let mut ends = false;
        let reply = match serde_json::from_str(&line) {
            Ok(Request::Ping) => Reply::Ok,
            Ok(Request::Processes { host }) => supervisor.processes(&host),
            Ok(Request::Start { host, component }) => supervisor.start(&host, &component).await,
            Ok(Request::Stop { host, component }) => supervisor.stop(&host, &component).await,
            Ok(Request::Shutdown) => match supervisor.shutdown().await {
                Ok(()) => {
                    ends = true;
                    Reply::Ok
                }
                Err(e) => Reply::Failed {
                    message: e.to_string(),
                },
            },
            Err(e) => Reply::Failed {
                message: format!("not a request: {e}"),
            },
        };
        activity.touch();
        let mut answer = serde_json::to_string(&reply).map_err(io::Error::other)?;
        answer.push('\n');
        write.write_all(answer.as_bytes()).await?;
        if ends {
            shutdown.cancel();
        }
    }
    Ok(())
}
