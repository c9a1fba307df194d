//! A directory server on its sockets: accepts connections and ends them all when it is told to.

use super::access::{AccessLog, error_log};
use super::directory::{Directory, OpenError};
use super::session::Session;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long sessions get to end.
const END_TIMEOUT: Duration = Duration::from_secs(3);

/// Told on every operation, so that whoever runs the server knows that it is used.
pub type Touched = Arc<dyn Fn() + Send + Sync>;

/// A server whose data are open.
pub struct Server {
    /// Its state.
    pub directory: Arc<Directory>,
    access: Arc<AccessLog>,
    slapd_dir: PathBuf,
}

impl Server {
    /// Reads configuration and data of the instance in `slapd_dir`; `root` is where the host's file
    /// system begins.
    ///
    /// # Errors
    /// What is wrong, as one sentence; it is in `logs/errors` too.
    pub fn open(slapd_dir: &Path, root: &Path) -> Result<Self, String> {
        let access = AccessLog::open(slapd_dir)
            .map_err(|e| format!("cannot write `{}/logs/access`: {e}", slapd_dir.display()))?;
        let directory = Directory::open(slapd_dir, root).map_err(|e| {
            match &e {
                OpenError::Config(problems) => {
                    for problem in problems {
                        error_log(slapd_dir, problem);
                    }
                }
                OpenError::Store(e) => error_log(slapd_dir, &e.to_string()),
            }
            e.to_string()
        })?;
        Ok(Self {
            directory: Arc::new(directory),
            access: Arc::new(access),
            slapd_dir: slapd_dir.to_path_buf(),
        })
    }

    /// Serves until `stop` is cancelled; all connections have ended and the data are free then.
    pub async fn run(self, listeners: Vec<TcpListener>, stop: CancellationToken, touched: Touched) {
        error_log(&self.slapd_dir, "slapd started");
        let (sender, mut accepted) = tokio::sync::mpsc::channel(64);
        let mut acceptors = JoinSet::new();
        for listener in listeners {
            let sender = sender.clone();
            acceptors.spawn(async move {
                loop {
                    match listener.accept().await {
                        Ok((socket, peer)) => {
                            if sender.send((socket, peer)).await.is_err() {
                                return;
                            }
                        }
                        // Out of descriptors, or a client that was gone at once.
                        Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                    }
                }
            });
        }
        let mut sessions = JoinSet::new();
        let mut connection = 0;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some((socket, peer)) = accepted.recv() => {
                    touched();
                    connection += 1;
                    let session = Session::new(
                        connection,
                        Arc::clone(&self.directory),
                        Arc::clone(&self.access),
                        Arc::clone(&touched),
                    );
                    sessions.spawn(session.run(socket, peer, stop.clone()));
                }
                Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
            }
        }
        acceptors.shutdown().await;
        let all = async { while sessions.join_next().await.is_some() {} };
        if tokio::time::timeout(END_TIMEOUT, all).await.is_err() {
            sessions.shutdown().await;
        }
        error_log(&self.slapd_dir, "slapd stopped");
    }
}
