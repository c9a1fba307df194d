//! Looks at a run through its socket: prints what happens, asks at gates, tells how it ended.

use super::exit::Exit;
use super::operator::Operator;
use super::output::{data, talk};
use crate::base::{display_safe, places};
use crate::engine::client::{Client, Events, Sender};
use crate::engine::core::fold;
use crate::engine::daemon::run_id;
use crate::engine::event::{Event, Gate, Level};
use crate::engine::protocol::{Command, EngineInfo};
use crate::engine::state::{Phase, State, StepStatus};
use crate::plain::{self, clock, pace};
use std::io::BufRead as _;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;

/// How a person, or nobody, looks at the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// On the screen.
    Screen,
    /// Line by line, asking at gates.
    Ask,
    /// Line by line; nobody answers.
    Watch,
    /// One event a line; nobody answers.
    Json,
}

/// What to follow and how.
pub struct Follow<'a> {
    /// The engine.
    pub info: &'a EngineInfo,
    /// The run's folder.
    pub folder: &'a Path,
    /// How.
    pub manner: Manner,
    /// Does what the operator is asked to do, in a lab.
    pub operator: Option<Operator>,
    /// Take control: this client begins the run, or takes it up.
    pub control: bool,
    /// Sent first.
    pub commands: Vec<Command>,
    /// The first event to tell about, from 1; those before are folded silently.
    pub from: u64,
}

/// How often it is told how far a transfer is.
const PACE: jiff::SignedDuration = jiff::SignedDuration::from_secs(10);

/// How long no event has to come before an open gate counts as nobody's.
const SETTLED: Duration = Duration::from_millis(150);

/// Follows a run until it ends, waits for somebody who is not here, or the terminal goes.
///
/// # Errors
/// When the socket cannot be used or stdout is gone.
pub async fn follow(follow: Follow<'_>) -> anyhow::Result<Exit> {
    let folder = follow.folder;
    match look(follow).await {
        // On a full disk an engine goes away as soon as it has come, in the middle of anything.
        Err(_) if places::full(folder).is_some() => {
            talk_gone(&run_id(folder));
            Ok(Exit::Error)
        }
        looked => looked,
    }
}

async fn look(follow: Follow<'_>) -> anyhow::Result<Exit> {
    let client = Client::connect(follow.info, &who(), 1).await?;
    let (events, mut sender) = client.split();
    // Who answers for nobody never has control.
    if follow.control && follow.manner == Manner::Ask {
        sender.send(&Command::Control).await?;
    }
    for command in &follow.commands {
        sender.send(command).await?;
    }
    let mut watcher = Watcher {
        state: State::default(),
        events,
        sender,
        manner: follow.manner,
        from: follow.from,
        operator: follow.operator,
        keyboard: None,
        asked: None,
        offered: None,
        commanded: !follow.commands.is_empty(),
        clock: clock::Measured::default(),
        pace: pace::Pace::default(),
        told: None,
        brief: false,
    };
    let end = watcher.watch().await?;
    if follow.manner == Manner::Json {
        told_in_words(&watcher.state, end);
        return Ok(exit_of(&watcher.state, end));
    }
    tell_end(&watcher.state, end)
}

/// Prints how a run stands when it is no longer looked at, and returns the exit code.
///
/// # Errors
/// When stdout is gone.
pub fn tell_end(state: &State, end: End) -> anyhow::Result<Exit> {
    for line in plain::summary_lines(state) {
        data(line)?;
    }
    told_in_words(state, end);
    Ok(exit_of(state, end))
}

fn told_in_words(state: &State, end: End) {
    let run = &state.run;
    match end {
        End::Over => {}
        End::Gone => talk_gone(run),
        End::Waiting => {
            let gate = state
                .gate
                .as_ref()
                .map(|g| g.id.clone())
                .unwrap_or_default();
            talk(format!(
                "the run waits at gate `{gate}`: imsmigrate attach {run}"
            ));
        }
    }
    if end == End::Over && matches!(state.phase, Phase::Failed) {
        talk(format!(
            "hint: when the cause is mended: imsmigrate retry {run}"
        ));
    }
}

/// Says that the engine has gone; where a full disk is the reason, which one.
fn talk_gone(run: &str) {
    let folder = places::runs_dir().ok().map(|runs| runs.join(run));
    let (why, first) = match folder.and_then(|folder| places::full(&folder)) {
        Some(full) => (format!(": {full}"), "make room there, then "),
        None => (String::new(), ""),
    };
    talk(format!(
        "error: the engine of run `{run}` went away{why}\nhint: {first}take it up again: imsmigrate resume {run}"
    ));
}

/// Who looks, as the journal will name it: `root on pts/3`.
pub fn who() -> String {
    let user = std::env::var("LOGNAME").or_else(|_| std::env::var("USER"));
    let user = user.unwrap_or_else(|_| format!("uid {}", rustix::process::getuid().as_raw()));
    let terminal = std::fs::read_link("/proc/self/fd/0").ok();
    let terminal = terminal
        .as_deref()
        .and_then(|path| path.strip_prefix("/dev").ok());
    match terminal.filter(|t| t.starts_with("pts") || t.starts_with("tty")) {
        Some(terminal) => format!("{user} on {}", terminal.display()),
        None => format!("{user}, process {}", std::process::id()),
    }
}

/// Why a run is no longer looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is over.
    Over,
    /// Its engine has gone.
    Gone,
    /// It waits for somebody who is not here.
    Waiting,
}

fn exit_of(state: &State, end: End) -> Exit {
    match (state.phase, end) {
        (Phase::Done | Phase::Undone, _) => Exit::Done,
        (Phase::Stopped, _) => Exit::Stopped,
        (_, End::Gone) => Exit::Error,
        (_, End::Waiting) if state.failed_step().is_none() => Exit::InProgress,
        _ => match state.failed_step().map(|s| &s.status) {
            Some(StepStatus::Blocked) => Exit::Inhibited,
            Some(_) => Exit::Failed,
            None => Exit::InProgress,
        },
    }
}

struct Watcher {
    state: State,
    events: Events,
    sender: Sender,
    manner: Manner,
    from: u64,
    operator: Option<Operator>,
    keyboard: Option<Keyboard>,
    /// The question on the screen: a gate's id, or the failed step's.
    asked: Option<String>,
    /// The gate the simulated operator was sent to.
    offered: Option<String>,
    /// A command was sent and nothing has come of it yet.
    commanded: bool,
    /// How long the steps took.
    clock: clock::Measured,
    /// How fast mail moves, and how far it was when that was last told.
    pace: pace::Pace,
    told: Option<jiff::Timestamp>,
    /// The gate was shown already: only its question is repeated.
    brief: bool,
}

impl Watcher {
    async fn watch(&mut self) -> anyhow::Result<End> {
        loop {
            let answer = async {
                match &mut self.keyboard {
                    Some(keyboard) if self.asked.is_some() => keyboard.line().await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                event = self.events.next() => {
                    let Some((record, line)) = event? else {
                        let over = !matches!(self.state.phase, Phase::Running | Phase::Empty);
                        return Ok(if over { End::Over } else { End::Gone });
                    };
                    fold(&mut self.state, &record.event);
                    self.clock.take(&record);
                    self.pace.take(&self.state, &record);
                    if record.idx < self.from {
                        continue;
                    }
                    if let Event::AskRefused { ask, reason, .. } = &record.event
                        && self.commanded
                    {
                        anyhow::bail!("{ask} was refused: {}", display_safe(reason));
                    }
                    // The question comes last, after what was wrong with the answer.
                    if matches!(record.event, Event::AnswerRefused { .. }) {
                        self.asked = None;
                        self.brief = true;
                    }
                    // A run that was over is running again: the command was understood.
                    self.commanded &= self.state.phase != Phase::Running;
                    if self.manner == Manner::Json {
                        data(line)?;
                    } else {
                        for line in plain::event_lines(&self.state, &record.event) {
                            talk(line);
                        }
                        self.tell_pace();
                    }
                }
                line = answer => {
                    if let Some(end) = self.typed(line).await? {
                        return Ok(end);
                    }
                }
                () = tokio::time::sleep(SETTLED) => {
                    if let Some(end) = self.settled().await? {
                        return Ok(end);
                    }
                }
            }
        }
    }

    /// Says how far a transfer is, not more often than a person reads.
    fn tell_pace(&mut self) {
        let (Some(transfer), Some(at)) = (self.pace.of(&self.state), self.pace.last()) else {
            return;
        };
        let due = self.told.is_none_or(|told| at.duration_since(told) >= PACE);
        if due && transfer.rate.is_some() {
            self.told = Some(at);
            for line in plain::moving_lines(&transfer) {
                talk(line);
            }
        }
    }

    /// What is to be said of the time at a gate.
    fn times(&self, gate: &Gate) -> Vec<String> {
        let now = jiff::Timestamp::now();
        let here = jiff::tz::TimeZone::system().to_datetime(now);
        let window = clock::sentence(&self.state, &self.clock, Some(here));
        let age = clock::age_of_facts(&self.state, &self.clock, gate, Some(now));
        window.into_iter().chain(age).collect()
    }

    /// No event has come for a while: is somebody wanted?
    async fn settled(&mut self) -> anyhow::Result<Option<End>> {
        if self.state.last + 1 < self.from {
            // Still reading what was there before.
            return Ok(None);
        }
        if self.state.phase != Phase::Running {
            let over = self.state.phase != Phase::Empty && !self.commanded;
            return Ok(over.then_some(End::Over));
        }
        let Some(wanted) = wanted(&self.state) else {
            self.asked = None;
            return Ok(None);
        };
        if self.asked.as_ref() == Some(&wanted) || self.offered.as_ref() == Some(&wanted) {
            return Ok(None);
        }
        if let Some(gate) = self.state.gate.clone()
            && let Some(effect) = self.state.effect(&gate.id)
            && let Some(operator) = &self.operator
            && self.manner != Manner::Ask
        {
            let text = operator.work(&effect.spec).await?;
            self.sender
                .send(&Command::Answer {
                    gate: gate.id,
                    text: Some(text),
                })
                .await?;
            self.offered = Some(wanted);
            return Ok(None);
        }
        if self.manner != Manner::Ask {
            return Ok(Some(End::Waiting));
        }
        self.ask(wanted);
        Ok(None)
    }

    fn ask(&mut self, wanted: String) {
        let keyboard = self.keyboard.get_or_insert_with(Keyboard::new);
        if keyboard.ask() {
            // The cursor stands behind what was typed.
            talk("");
            talk(NOT_USED);
        }
        if let Some(gate) = &self.state.gate {
            // After `commands` or a word that was no answer the gate is still on the screen.
            if !std::mem::take(&mut self.brief) {
                for line in plain::gate_lines(&self.state, gate, &self.times(gate)) {
                    talk(line);
                }
            }
            if self.state.paused {
                talk("The run is paused: an answer counts, and nothing begins before `continue`.");
            }
            talk(plain::gate_question(&self.state, gate));
        } else if self.state.paused {
            talk("The run is paused. Type `continue` or `stop`.");
        } else {
            let blocked = self.state.failed_step();
            talk(match blocked.map(|s| &s.status) {
                Some(StepStatus::Blocked) => {
                    "Type `retry`, `waive CHECK REASON` (what cannot be told, not what has failed),\n\
                     `skip REASON`, or `stop`."
                }
                _ => "Type `retry`, `skip REASON`, or `stop`.",
            });
        }
        self.asked = Some(wanted);
    }

    /// A person typed a line; `None` is the end of input.
    async fn typed(&mut self, line: Option<String>) -> anyhow::Result<Option<End>> {
        let asked = self.asked.take();
        let Some(line) = line else {
            return Ok(Some(End::Waiting));
        };
        if wanted(&self.state) != asked {
            talk(NOT_USED);
            return Ok(None);
        }
        let word = line.trim();
        let at_failure = asked.as_deref().is_some_and(|a| a.starts_with("failed "));
        if at_failure
            && let Some(rest) = word.strip_prefix("waive ")
            && let Some((check, reason)) = rest.trim().split_once(' ')
        {
            let (check, reason) = (check.to_owned(), reason.to_owned());
            self.sender.send(&Command::Waive { check, reason }).await?;
            self.sender.send(&Command::Retry).await?;
            return Ok(None);
        }
        let command = match word {
            "stop" => Some(Command::Stop),
            "control" => Some(Command::Control),
            "pause" => Some(Command::Pause),
            "continue" => Some(Command::Continue),
            "retry" => Some(Command::Retry),
            _ => match word.strip_prefix("skip ") {
                Some(reason) => Some(Command::Skip {
                    reason: reason.to_owned(),
                }),
                None => self.at_gate(word)?,
            },
        };
        match command {
            Some(command) => self.sender.send(&command).await?,
            None => self.brief = true,
        }
        Ok(None)
    }

    fn at_gate(&self, word: &str) -> anyhow::Result<Option<Command>> {
        let Some(gate) = &self.state.gate else {
            return Ok(None);
        };
        let answer = |text: Option<String>| {
            Ok(Some(Command::Answer {
                gate: gate.id.clone(),
                text,
            }))
        };
        match word {
            "commands" => {
                for line in plain::command_lines(&self.state, gate) {
                    talk(line);
                }
                Ok(None)
            }
            "run" if self.state.effect(&gate.id).is_some() => {
                self.run_here(gate)?;
                Ok(None)
            }
            _ if self.state.effect(&gate.id).is_some() => {
                if word.is_empty() {
                    Ok(None)
                } else {
                    answer(Some(word.to_owned()))
                }
            }
            _ if gate.typed.is_some() => answer(Some(word.to_owned())),
            "" if gate.level == Level::Note => answer(None),
            "yes" | "y" => answer(None),
            _ => {
                talk(format!("`{}` is not an answer here.", display_safe(word)));
                Ok(None)
            }
        }
    }

    /// Hands the terminal to the command the operator is to run.
    fn run_here(&self, gate: &Gate) -> anyhow::Result<()> {
        let argv: Vec<String> = self
            .state
            .effect(&gate.id)
            .and_then(|e| e.spec.parameters.get("argv"))
            .and_then(|argv| serde_json::from_value(argv.clone()).ok())
            .unwrap_or_default();
        let Some((program, arguments)) = argv.split_first() else {
            talk("There is no command to run here.");
            return Ok(());
        };
        let status = std::process::Command::new(program)
            .args(arguments)
            .status()?;
        talk(format!(
            "It ended with {status}. Type `done` when all is done."
        ));
        Ok(())
    }
}

/// What the run waits for a person with, if it does.
fn wanted(state: &State) -> Option<String> {
    if let Some(gate) = &state.gate {
        return Some(gate.id.clone());
    }
    if state.paused {
        return Some("paused".to_owned());
    }
    state
        .failed_step()
        .map(|s| format!("failed {} {}", s.head.id, s.attempt))
}

/// What somebody hears whose question has gone while they were typing.
const NOT_USED: &str = "Somebody else answered meanwhile; what you typed was not used.";

/// Reads lines only when asked to, so that a command the operator runs has the terminal to itself.
struct Keyboard {
    requests: std::sync::mpsc::Sender<()>,
    lines: mpsc::Receiver<Option<String>>,
    /// A line was asked for and has not come yet.
    reading: bool,
}

impl Keyboard {
    fn new() -> Self {
        let (requests, wanted) = std::sync::mpsc::channel::<()>();
        let (found, lines) = mpsc::channel(1);
        std::thread::spawn(move || {
            while wanted.recv().is_ok() {
                let mut line = String::new();
                let read = std::io::stdin().lock().read_line(&mut line);
                let line = matches!(read, Ok(n) if n > 0).then_some(line);
                if found.blocking_send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            requests,
            lines,
            reading: false,
        }
    }

    /// Asks for a line, whoever asked before: a line that was begun for another question is thrown
    /// away, so that it cannot confirm this one. True when there was such a question.
    fn ask(&mut self) -> bool {
        let before = self.reading;
        if before {
            let stdin = std::io::stdin();
            let _ = rustix::termios::tcflush(&stdin, rustix::termios::QueueSelector::IFlush);
            // A whole line may have come already.
            self.reading = self.lines.try_recv().is_err();
        }
        if !self.reading {
            self.reading = self.requests.send(()).is_ok();
        }
        before
    }

    async fn line(&mut self) -> Option<String> {
        let line = self.lines.recv().await.flatten();
        self.reading = false;
        line
    }
}
