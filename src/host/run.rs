//! Running a command on a host under the wrapper, and asking one that only looks.

use super::kept::Kept;
use super::wrapper::{ENDED, REFUSED};
use super::{Act, EffectDir, Host, HostError, Settled};
use crate::base::crash;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use zeroize::Zeroizing;

/// How much of an output is kept unless told otherwise, from its beginning and from its end.
pub const KEEP: usize = 16 * 1024 * 1024;

/// How long a lost link is tried again before the end of a command is given up as unknown.
const LINK_PATIENCE: Duration = Duration::from_secs(60);

/// What a command is given beside its argv.
pub struct RunOptions {
    /// Its standard input; empty when none. Wiped when dropped.
    pub stdin: Option<Zeroizing<Vec<u8>>>,
    /// Additions to its environment.
    pub env: Vec<(String, String)>,
    /// The folder to run in.
    pub cwd: Option<String>,
    /// A file on the host that its standard output goes to (mode 600); otherwise it is returned.
    pub stdout_to: Option<String>,
    /// When to ask it to end; none means never.
    pub timeout: Option<Duration>,
    /// How long it may take to end once asked to.
    pub patience: Duration,
    /// How much of each output is kept.
    pub keep: usize,
    /// Turns true when it is to end.
    pub cancel: Option<watch::Receiver<bool>>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            stdin: None,
            env: Vec::new(),
            cwd: None,
            stdout_to: None,
            timeout: None,
            patience: Duration::from_secs(600),
            keep: KEEP,
            cancel: None,
        }
    }
}

/// How a command ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunResult {
    /// Its exit status, from the host's own note; none when it cannot be known.
    pub status: Option<i32>,
    /// The signal that ended it, when the status says so (128 + n).
    pub signalled: Option<i32>,
    /// Its standard output; empty where that went elsewhere.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// Whether one of the outputs was larger than what was kept.
    pub cut: bool,
    /// Whether it was asked to end because its time was over, or on demand.
    pub ended_early: bool,
    /// How long it took, as seen from here.
    pub took: Duration,
}

impl RunResult {
    /// Whether it ended by itself with 0; necessary, never sufficient.
    pub fn is_zero(&self) -> bool {
        self.status == Some(0) && !self.ended_early
    }

    /// Returns its standard output as text.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Returns its standard error as text.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// What the transport's process left behind.
pub(super) struct Drained {
    pub(super) exit: Option<ExitStatus>,
    pub(super) stdout: Kept,
    pub(super) stderr: Kept,
}

impl Host {
    /// Runs `argv` under the wrapper in the folder of `effect`, once.
    ///
    /// The status is the wrapper's, not the link's: when the link goes, the folder is read until
    /// the command has ended (it goes on, its output is in files there). Not to be dropped half-way:
    /// use `cancel`.
    ///
    /// # Errors
    /// When the command did not run ([`HostError::Used`], [`HostError::Folder`], …), or its end
    /// cannot be known ([`HostError::Link`], [`HostError::Vanished`]); settle before repeating.
    pub async fn run(
        &self,
        effect: &EffectDir,
        argv: &[String],
        options: RunOptions,
    ) -> Result<RunResult, HostError> {
        let begin = Instant::now();
        let stdout = options.stdout_to.clone().unwrap_or("keep".to_owned());
        let act = self.order(effect, argv, &options, options.stdin.is_some(), stdout)?;
        self.transport.turn().await;
        crash::before("run", "");
        let mut child = self.spawn(&act, options.stdin.is_some(), true)?;
        crash::after("run", "begun");
        let input = child.stdin.take();
        let stdin = options.stdin;
        let feed = async move {
            if let (Some(mut input), Some(bytes)) = (input, stdin) {
                // A command that reads less than it is given is no error.
                let _ = input.write_all(&bytes).await;
                let _ = input.shutdown().await;
            }
        };
        let work = async { tokio::join!(feed, drain(&mut child, options.keep)).1 };
        tokio::pin!(work);
        let (drained, ended_early) = tokio::select! {
            drained = &mut work => (drained, false),
            () = over(options.timeout, options.cancel) => {
                self.end(effect, options.patience).await?;
                match tokio::time::timeout(options.patience, &mut work).await {
                    Ok(drained) => (drained, true),
                    Err(_) => return Err(HostError::StillRunning {
                        host: self.name.clone(),
                        pid: 0,
                        waited: options.patience,
                    }),
                }
            }
        };
        crash::after("run", "ended");
        let mut result = self.conclude(effect, drained).await?;
        result.ended_early = ended_early;
        result.took = begin.elapsed();
        Ok(result)
    }

    /// Runs a command that only looks, without a folder; it may be repeated at any time.
    ///
    /// # Errors
    /// When it does not start, the link goes, or it takes longer than `limit` (it is then left).
    pub async fn ask(&self, argv: &[String], limit: Duration) -> Result<RunResult, HostError> {
        let begin = Instant::now();
        let act = Act::Ask {
            argv: checked(argv)?,
        };
        self.transport.turn().await;
        let mut child = self.spawn(&act, false, true)?;
        let Ok(drained) = tokio::time::timeout(limit, drain(&mut child, KEEP)).await else {
            return Err(HostError::Late {
                host: self.name.clone(),
                command: self.shown(argv),
                limit,
            });
        };
        let (stdout, cut_out) = drained.stdout.into_parts();
        let (stderr, cut_err) = drained.stderr.into_parts();
        let status = drained.exit.and_then(code);
        if status == Some(255) && self.transport.may_lose_status() {
            return Err(HostError::Link {
                host: self.name.clone(),
                detail: String::from_utf8_lossy(&stderr).trim().to_owned(),
            });
        }
        Ok(RunResult {
            status,
            signalled: signal(status),
            stdout,
            stderr,
            cut: cut_out || cut_err,
            ended_early: false,
            took: begin.elapsed(),
        })
    }

    /// Makes the order that runs `argv` under the wrapper.
    pub(super) fn order(
        &self,
        effect: &EffectDir,
        argv: &[String],
        options: &RunOptions,
        stdin: bool,
        stdout: String,
    ) -> Result<Act, HostError> {
        let mut words = Vec::new();
        if !options.env.is_empty() {
            words.push("env".to_owned());
            for (name, value) in &options.env {
                let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
                if name.is_empty() || !name.bytes().all(plain) {
                    return Err(HostError::Bad {
                        what: name.clone(),
                        why: "not the name of an environment variable",
                    });
                }
                words.push(format!("{name}={value}"));
            }
        }
        words.extend(argv.iter().cloned());
        for path in [&options.cwd, &options.stdout_to].into_iter().flatten() {
            if !path.starts_with('/') {
                return Err(HostError::Bad {
                    what: path.clone(),
                    why: "a path on a host begins with `/`",
                });
            }
        }
        let _ = checked(argv)?;
        Ok(Act::Run {
            folder: effect.path(&self.scratch),
            cwd: options.cwd.clone().unwrap_or(".".to_owned()),
            stdin,
            stdout,
            argv: checked(&words)?,
        })
    }

    /// Starts the transport's process for `act`, in a process group of its own.
    pub(super) fn spawn(&self, act: &Act, stdin: bool, stdout: bool) -> Result<Child, HostError> {
        let by_hand = || HostError::ByHand {
            host: self.name.clone(),
            command: self.shown(&act.shown()),
        };
        let argv = self.transport.command(&act.argv()).ok_or_else(by_hand)?;
        let (program, args) = argv.split_first().ok_or_else(by_hand)?;
        let pipe = |wanted: bool| {
            if wanted {
                Stdio::piped()
            } else {
                Stdio::null()
            }
        };
        Command::new(program)
            .args(args)
            .stdin(pipe(stdin))
            .stdout(pipe(stdout))
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|source| HostError::Spawn {
                program: program.clone(),
                source,
            })
    }

    /// Turns what the transport left into a result: by the wrapper's last line, or, when the link
    /// took that with it, by the folder on the host.
    pub(super) async fn conclude(
        &self,
        effect: &EffectDir,
        drained: Drained,
    ) -> Result<RunResult, HostError> {
        let (stdout, cut_out) = drained.stdout.into_parts();
        let (mut stderr, cut_err) = drained.stderr.into_parts();
        let folder = effect.path(&self.scratch);
        let status = match last_words(&mut stderr) {
            LastWords::Ended(status) => Some(status),
            LastWords::Refused(why) if why == "used" => {
                return Err(HostError::Used {
                    host: self.name.clone(),
                    folder,
                });
            }
            LastWords::Refused(why) => {
                return Err(HostError::Folder {
                    host: self.name.clone(),
                    folder,
                    why,
                });
            }
            LastWords::None => None,
        };
        let mut result = RunResult {
            status,
            signalled: signal(status),
            stdout,
            stderr,
            cut: cut_out || cut_err,
            ..RunResult::default()
        };
        if status.is_some() {
            return Ok(result);
        }
        let said = result.stderr_text();
        match self.settle_patiently(effect).await {
            Ok(Settled::Ended(status)) => {
                result.status = Some(status);
                result.signalled = signal(result.status);
                let out = format!("{folder}/stdout");
                let err = format!("{folder}/stderr");
                result.stdout = self.read_file(&out, KEEP).await?.unwrap_or_default();
                result.stderr = self.read_file(&err, KEEP).await?.unwrap_or_default();
                Ok(result)
            }
            Ok(Settled::NeverStarted) => Err(HostError::Link {
                host: self.name.clone(),
                detail: format!("the command never started there; {}", said.trim()),
            }),
            Ok(Settled::Vanished | Settled::Running(_)) => Err(HostError::Vanished {
                host: self.name.clone(),
                folder,
            }),
            Err(e) => Err(e),
        }
    }

    /// Waits for the end of a command whose link was lost, trying the link again for a while.
    async fn settle_patiently(&self, effect: &EffectDir) -> Result<Settled, HostError> {
        let begin = Instant::now();
        loop {
            match self.wait(effect).await {
                Err(HostError::Link { .. }) if begin.elapsed() < LINK_PATIENCE => {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                settled => return settled,
            }
        }
    }
}

/// Reads both outputs to their ends and waits for the process.
pub(super) async fn drain(child: &mut Child, keep: usize) -> Drained {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let out = async {
        match out {
            Some(out) => Kept::new(keep).drain(out).await,
            None => Kept::new(0),
        }
    };
    let err = async {
        match err {
            Some(err) => Kept::new(keep).drain(err).await,
            None => Kept::new(0),
        }
    };
    let (stdout, stderr, exit) = tokio::join!(out, err, child.wait());
    Drained {
        exit: exit.ok(),
        stdout,
        stderr,
    }
}

/// Completes when the time is over or `cancel` turns true; never when neither is given.
pub(super) async fn over(timeout: Option<Duration>, cancel: Option<watch::Receiver<bool>>) {
    let late = async {
        match timeout {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = late => {}
        () = cancelled(cancel) => {}
    }
}

/// Completes when `cancel` turns true; a sender that is gone will not turn it any more.
pub(super) async fn cancelled(cancel: Option<watch::Receiver<bool>>) {
    if let Some(mut cancel) = cancel
        && cancel.wait_for(|stop| *stop).await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

enum LastWords {
    Ended(i32),
    Refused(String),
    None,
}

/// Takes the wrapper's last line off a standard error.
///
/// The command itself cannot forge it: its standard error is a file, relayed before.
fn last_words(stderr: &mut Vec<u8>) -> LastWords {
    let end = stderr.len() - usize::from(stderr.last() == Some(&b'\n'));
    let line = stderr.get(..end).unwrap_or_default();
    let start = line
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    let text = String::from_utf8_lossy(line.get(start..).unwrap_or_default()).into_owned();
    if let Some(status) = text.strip_prefix(ENDED).and_then(|s| s.parse().ok()) {
        // The wrapper puts an empty line before, in case the command left its last one open.
        stderr.truncate(start.saturating_sub(1));
        return LastWords::Ended(status);
    }
    if let Some(why) = text.strip_prefix(REFUSED) {
        return LastWords::Refused(why.to_owned());
    }
    LastWords::None
}

fn signal(status: Option<i32>) -> Option<i32> {
    status.filter(|s| (129..=192).contains(s)).map(|s| s - 128)
}

fn code(exit: ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;
    exit.code().or_else(|| exit.signal().map(|s| 128 + s))
}

fn checked(argv: &[String]) -> Result<Vec<String>, HostError> {
    let bad = |what: &str, why| HostError::Bad {
        what: what.to_owned(),
        why,
    };
    if argv.first().is_none_or(String::is_empty) {
        return Err(bad("", "there is no command in it"));
    }
    match argv.iter().find(|word| word.contains('\0')) {
        Some(word) => Err(bad(word, "no argument can hold a NUL")),
        None => Ok(argv.to_vec()),
    }
}
