//! The engine as a process of its own: lock, socket, detached start.
//!
//! It is this binary, executed again with `engine DIR`, in a session of its own, so that losing the
//! terminal never stops a run. Secrets come over its standard input, never by argv or environment.

use super::core::{Ask, Input};
use super::event::{Amendment, Event, Policy};
use super::journal::{Journal, JournalError, replay};
use super::protocol::{
    ClientHello, Command, EngineHello, EngineInfo, LOCK_FILE, MAX_LINE, VERSION,
};
use super::shell::{Lines, Shell, Work};
use crate::base::{Hint, Secret, cores, places};
use rustix::fs::FlockOperation;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

/// What an engine is told over its standard input when it starts.
#[derive(Default, Serialize, Deserialize)]
pub struct Startup {
    /// Set for a new run.
    pub create: Option<Create>,
    /// Name → password.
    pub secrets: BTreeMap<String, String>,
    /// Settle what a dead engine left open, and stop.
    #[serde(default)]
    pub stop: bool,
    /// What is waived before anything begins.
    #[serde(default)]
    pub waive: Vec<Waive>,
    /// What is changed about the run before anything begins, and by whom it was confirmed.
    #[serde(default)]
    pub amend: Option<(Amendment, String)>,
}

/// A check that is not to hold the run up, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waive {
    /// The check.
    pub check: String,
    /// Why.
    pub reason: String,
    /// Where it was said: `command line`, `answers-file`.
    pub by: String,
}

/// The file in a run's folder that says how it is to be begun: an engine that dies before its first
/// line leaves nothing else.
pub const CREATE_FILE: &str = "create.json";

/// What a new run needs besides its site file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Create {
    /// The run's id.
    pub run: String,
    /// Who answers gates when no person does.
    pub policy: Policy,
    /// The lab's folder, for practice.
    pub lab: Option<PathBuf>,
    /// What is waived from the first.
    #[serde(default)]
    pub waive: Vec<Waive>,
}

/// What can go wrong around an engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Another engine holds the run.
    #[error("run `{run}` has an engine already (process {pid})")]
    Busy {
        /// The run.
        run: String,
        /// The other engine.
        pid: u32,
    },
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A file or socket of the run.
    #[error("cannot use `{path}`: {source}")]
    File {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The engine did not come up, or went away.
    #[error("the engine of run `{run}` {what}; its log is `{log}`")]
    Gone {
        /// The run.
        run: String,
        /// `did not start`, `went away`.
        what: String,
        /// Its log.
        log: PathBuf,
    },
    /// Anything else, as a sentence.
    #[error("{0}")]
    Other(String),
}

impl Hint for EngineError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Busy { run, .. } => vec![format!("watch it: imsmigrate attach {run}")],
            Self::Journal(error) => error.hints(),
            Self::Gone { run, log, .. } => {
                let full = log.parent().and_then(places::full);
                let full = full.map(|full| format!("{full}: make room there"));
                let again = format!("take it up again: imsmigrate resume {run}");
                full.into_iter().chain([again]).collect()
            }
            Self::File { .. } | Self::Other(_) => Vec::new(),
        }
    }
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> EngineError {
    let path = path.to_path_buf();
    move |source| EngineError::File { path, source }
}

/// Returns the run's id: the name of its folder.
pub fn run_id(folder: &Path) -> String {
    folder
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Returns who runs the engine of a run, if anybody does.
pub fn alive(folder: &Path) -> Option<EngineInfo> {
    let path = folder.join(LOCK_FILE);
    let file = File::open(&path).ok()?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => None,
        Err(_) => serde_json::from_str(&std::fs::read_to_string(&path).ok()?).ok(),
    }
}

/// Starts an engine for a run's folder, detached, and waits until it listens.
///
/// # Errors
/// [`EngineError::Busy`] when there is one, [`EngineError::Gone`] when it does not come up.
pub fn start(folder: &Path, startup: &Startup) -> Result<EngineInfo, EngineError> {
    let run = run_id(folder);
    if let Some(info) = alive(folder) {
        return Err(EngineError::Busy { run, pid: info.pid });
    }
    let logs = folder.join("logs");
    places::create_private_dir(&logs).map_err(file_error(&logs))?;
    let log = logs.join("engine.log");
    let out = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&log)
        .map_err(file_error(&log))?;
    let err = out.try_clone().map_err(file_error(&log))?;
    let exe = std::env::current_exe().map_err(file_error(Path::new("this program")))?;
    let mut child = std::process::Command::new(exe)
        .arg("engine")
        .arg(folder)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(out)
        .stderr(err)
        .spawn()
        .map_err(|e| EngineError::Other(format!("cannot start the engine: {e}")))?;
    let message = serde_json::to_vec(startup).map_err(|e| EngineError::Other(e.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // An engine that refuses ends before it has read all: its own words are in the log.
        let _ = stdin.write_all(&message);
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(info) = alive(folder)
            && info.pid == child.id()
        {
            return Ok(info);
        }
        // A run without gates can be over before anybody has looked.
        if let Ok(Some(status)) = child.try_wait() {
            if status.success() {
                return Ok(EngineInfo {
                    pid: child.id(),
                    socket: PathBuf::new(),
                });
            }
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let lines = || said.lines().filter(|l| !l.trim().is_empty());
            let last = lines()
                .filter_map(|l| l.strip_prefix("error: "))
                .next_back()
                .or_else(|| lines().next_back())
                .unwrap_or("")
                .to_owned();
            return Err(EngineError::Gone {
                run,
                what: format!("did not start: {last}"),
                log,
            });
        }
        if Instant::now() > deadline {
            return Err(EngineError::Gone {
                run,
                what: "did not start".to_owned(),
                log,
            });
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Becomes a process of its own: new session, no core dumps. First thing in an engine's main.
pub fn detach() {
    // Fails only for a process group leader, which is then detached already.
    let _ = rustix::process::setsid();
    cores::forbid();
}

/// Runs the engine of a folder until its run ends or it may go.
///
/// `work` is made from the secrets and the folder, once the lock is held.
///
/// # Errors
/// As [`EngineError`].
pub async fn run<W: Work>(
    folder: &Path,
    startup: Startup,
    created: Option<Event>,
    work: impl FnOnce(&Path, BTreeMap<String, Secret>) -> Result<W, EngineError>,
) -> Result<(), EngineError> {
    let run = run_id(folder);
    let path = folder.join(LOCK_FILE);
    let mut lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(file_error(&path))?;
    take_lock(&lock, folder).await?;
    let (journal, records) = Journal::open(folder)?;
    let state = replay(&records);
    let lines = records
        .iter()
        .map(serde_json::to_string)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| EngineError::Other(e.to_string()))?;
    let secrets = startup
        .secrets
        .into_iter()
        .map(|(k, v)| (k, Secret::new(v)))
        .collect();
    let work = work(folder, secrets)?;
    let (listener, socket, _private) = listen(folder)?;
    let info = EngineInfo {
        pid: std::process::id(),
        socket: socket.clone(),
    };
    let text = serde_json::to_string(&info).map_err(|e| EngineError::Other(e.to_string()))?;
    lock.set_len(0).map_err(file_error(&path))?;
    lock.write_all(text.as_bytes()).map_err(file_error(&path))?;

    let shell = Shell::new(journal, state, lines, work);
    let (inputs, watched) = (shell.inputs(), shell.lines());
    let mut hangups = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())
        .map_err(|e| EngineError::Other(e.to_string()))?;
    let clients = Clients::default();
    let accept = tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = hangups.recv() => tracing::info!("the terminal hung up; the run goes on"),
                accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                    let (inputs, lines, run) = (inputs.clone(), watched.clone(), run.clone());
                    let clients = clients.clone();
                    tokio::spawn(async move {
                        if let Err(error) = serve(stream, run, inputs, lines, clients).await {
                            tracing::info!("a client went away: {error}");
                        }
                    });
                },
            }
        }
    });
    let begin = Input::Begin {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        stop: startup.stop,
    };
    let waive = startup
        .create
        .map(|create| create.waive)
        .unwrap_or_default();
    let waive = waive.into_iter().chain(startup.waive);
    let waive = waive.map(|Waive { check, reason, by }| Input::Asked {
        ask: Ask::Waive { check, reason },
        by,
    });
    let amend = startup.amend.map(|(amendment, by)| Input::Asked {
        ask: Ask::Amend {
            amendment,
            confirmed: true,
        },
        by,
    });
    let first = created
        .map(|e| Input::Create(Box::new(e)))
        .into_iter()
        .chain(waive)
        .chain(amend)
        .chain([begin])
        .collect();
    let ended = shell.run(first).await;
    // Give the watchers a moment to read the last lines before the socket goes.
    tokio::time::sleep(Duration::from_millis(150)).await;
    accept.abort();
    let _ = std::fs::remove_file(&socket);
    ended?;
    Ok(())
}

/// How long an engine waits for a lock that is held: by who only looks whether there is an engine, or
/// by one that was killed and is not quite gone.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

async fn take_lock(lock: &File, folder: &Path) -> Result<(), EngineError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    while rustix::fs::flock(lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        if Instant::now() > deadline {
            let pid = alive(folder).map_or(0, |i| i.pid);
            return Err(EngineError::Busy {
                run: run_id(folder),
                pid,
            });
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Binds the run's socket; a path over 107 bytes moves to a private short folder.
fn listen(
    folder: &Path,
) -> Result<(UnixListener, PathBuf, Option<tempfile::TempDir>), EngineError> {
    let usual = folder.join("engine.sock");
    let (socket, private) = if usual.as_os_str().len() <= 107 {
        (usual, None)
    } else {
        let dir = tempfile::Builder::new()
            .prefix("imsmigrate-")
            .tempdir()
            .map_err(file_error(&std::env::temp_dir()))?;
        (dir.path().join("engine.sock"), Some(dir))
    };
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).map_err(file_error(&socket))?;
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))
        .map_err(file_error(&socket))?;
    Ok((listener, socket, private))
}

/// The clients there are, by name: two on one terminal are one person's.
#[derive(Clone, Debug, Default)]
struct Clients(Arc<Mutex<BTreeMap<String, usize>>>);

impl Clients {
    fn come(&self, name: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *all.entry(name.to_owned()).or_insert(0) += 1;
    }

    /// Says whether it was the last of its name.
    fn gone(&self, name: &str) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = all.get(name).copied().unwrap_or(0).saturating_sub(1);
        if left == 0 {
            all.remove(name);
        } else {
            all.insert(name.to_owned(), left);
        }
        left == 0
    }
}

/// Serves one client until it goes.
async fn serve(
    stream: UnixStream,
    run: String,
    inputs: mpsc::Sender<Input>,
    lines: Lines,
    clients: Clients,
) -> io::Result<()> {
    if stream.peer_cred()?.uid() != rustix::process::getuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "another user's client",
        ));
    }
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let hello = EngineHello {
        hello: VERSION,
        run,
        pid: std::process::id(),
    };
    write_line(&mut writer, &serde_json::to_string(&hello)?).await?;
    let first = read_line(&mut reader).await?.unwrap_or_default();
    let client: ClientHello = serde_json::from_str(&first)?;
    let by = client.client.clone();
    clients.come(&by);
    let ended = talk(reader, writer, client, inputs.clone(), lines).await;
    if clients.gone(&by) {
        let _ = inputs.send(Input::Left { by }).await;
    }
    ended
}

/// Talks to one client: events one way, commands the other.
async fn talk(
    mut reader: BufReader<tokio::net::unix::OwnedReadHalf>,
    mut writer: tokio::net::unix::OwnedWriteHalf,
    client: ClientHello,
    inputs: mpsc::Sender<Input>,
    mut lines: Lines,
) -> io::Result<()> {
    let mut have = usize::try_from(client.from.saturating_sub(1)).unwrap_or(usize::MAX);
    let by = client.client;
    let mut commands = tokio::spawn(async move {
        while let Ok(Some(line)) = read_line(&mut reader).await {
            let Ok(command) = serde_json::from_str::<Command>(&line) else {
                tracing::warn!("a client sent what is not a command");
                continue;
            };
            let input = match command.into_ask() {
                Ok(ask) => Input::Asked {
                    ask,
                    by: by.clone(),
                },
                Err((gate, text)) => Input::Answer {
                    gate,
                    text,
                    by: by.clone(),
                    age_ms: 0,
                },
            };
            if inputs.send(input).await.is_err() {
                break;
            }
        }
    });
    loop {
        let batch = lines.from(have, 256);
        if batch.is_empty() {
            let more = tokio::select! {
                more = lines.more_than(have) => more,
                _ = &mut commands => false,
            };
            if !more {
                break;
            }
            continue;
        }
        have += batch.len();
        let mut text = String::new();
        for line in batch {
            text.push_str(&line);
            text.push('\n');
        }
        writer.write_all(text.as_bytes()).await?;
    }
    commands.abort();
    Ok(())
}

async fn write_line(writer: &mut tokio::net::unix::OwnedWriteHalf, line: &str) -> io::Result<()> {
    writer.write_all(line.as_bytes()).await?;
    writer.write_all(b"\n").await
}

/// Reads one line of at most [`MAX_LINE`] bytes; `None` at the end.
async fn read_line(
    reader: &mut BufReader<tokio::net::unix::OwnedReadHalf>,
) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut limited = reader.take(MAX_LINE as u64 + 1);
    let count = limited.read_until(b'\n', &mut line).await?;
    if count == 0 {
        return Ok(None);
    }
    if count > MAX_LINE {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a line over 1 MiB",
        ));
    }
    String::from_utf8(line)
        .map(Some)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a line that is not UTF-8"))
}
