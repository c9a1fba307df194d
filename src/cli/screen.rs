//! Connects the screen to a run's engine: socket and signals on one side, the room `tui` on the
//! other.

use super::exit::Exit;
use super::follow::{self, End};
use super::output::talk;
use crate::base::crash;
use crate::engine::client::Client;
use crate::engine::daemon;
use crate::engine::event::Event;
use crate::engine::journal;
use crate::engine::protocol::{Command, EngineInfo};
use crate::tui::app::{self, Left, Lent, Message, Wiring};
use crate::tui::state::Ui;
use crate::tui::update::{Leaving, Wish};
use rustix::process::{Pid, Signal};
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// Why there is no terminal here that can show the screen; `None` when there is one.
pub fn impossible() -> Option<String> {
    let term = std::env::var("TERM").unwrap_or_default();
    if term.is_empty() || term == "dumb" {
        return Some(format!("this terminal calls itself `{term}`"));
    }
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Some("input and output are not both a terminal".to_owned());
    }
    let (least_columns, least_rows) = Ui::LEAST;
    match crossterm::terminal::size() {
        Ok((columns, rows)) if columns >= least_columns && rows >= least_rows => None,
        // A serial line may not know its size; line by line works there.
        Ok((0, _) | (_, 0)) | Err(_) => Some("this terminal does not know its size".to_owned()),
        Ok((columns, rows)) => Some(format!(
            "this terminal has {columns} columns and {rows} rows, less than {least_columns} and {least_rows}"
        )),
    }
}

/// Shows a run on the screen until it is left; `commands` are sent first, and `control` takes it.
///
/// # Errors
/// When the engine does not answer or the terminal cannot be drawn on.
pub fn show(
    info: &EngineInfo,
    folder: &Path,
    commands: Vec<Command>,
    control: bool,
) -> anyhow::Result<Exit> {
    let run = daemon::run_id(folder);
    let me = follow::who();
    let runtime = runtime()?;
    let client = runtime.block_on(Client::connect(info, &me, 1))?;
    let (mut events, mut sender) = client.split();
    let (into, messages) = mpsc::channel();

    let out = into.clone();
    runtime.spawn(async move {
        while let Ok(Some((record, _))) = events.next().await {
            if matches!(record.event, Event::GateAnswered { .. }) {
                crash::panic_point("events");
            }
            if out.send(Message::Record(Box::new(record))).is_err() {
                return;
            }
        }
        let _ = out.send(Message::Gone);
    });
    let (wishes, mut wanted) = tokio::sync::mpsc::unbounded_channel();
    let first = control.then_some(Command::Control);
    for command in first.into_iter().chain(commands) {
        let _ = wishes.send(command);
    }
    runtime.spawn(async move {
        while let Some(command) = wanted.recv().await {
            // An engine that has gone is told by the events.
            if sender.send(&command).await.is_err() {
                return;
            }
        }
    });
    let asks = Asks {
        me,
        run,
        folder,
        send: Box::new(move |wish| {
            for command in commands_of(wish) {
                let _ = wishes.send(command);
            }
        }),
    };
    present(runtime, into, messages, asks)
}

/// Shows a run that has no engine, as its journal tells it.
///
/// # Errors
/// When the journal cannot be read or the terminal cannot be drawn on.
pub fn show_journal(folder: &Path) -> anyhow::Result<Exit> {
    let runtime = runtime()?;
    let (into, messages) = mpsc::channel();
    for record in journal::read(folder)? {
        into.send(Message::Record(Box::new(record)))?;
    }
    into.send(Message::Gone)?;
    let asks = Asks {
        me: follow::who(),
        run: daemon::run_id(folder),
        folder,
        send: Box::new(|_| {}),
    };
    present(runtime, into, messages, asks)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
}

/// Who asks what of which run.
struct Asks<'a> {
    me: String,
    run: String,
    folder: &'a Path,
    send: Box<dyn FnMut(Wish)>,
}

/// Shows what the messages tell, and signals, until the screen is left.
fn present(
    runtime: tokio::runtime::Runtime,
    into: mpsc::Sender<Message>,
    messages: mpsc::Receiver<Message>,
    asks: Asks<'_>,
) -> anyhow::Result<Exit> {
    let Asks {
        me,
        run,
        folder,
        send,
    } = asks;
    let lent = Arc::new(Lent::default());
    {
        let (out, lent, run) = (into.clone(), Arc::clone(&lent), run.clone());
        bring_signals(&runtime, move |message| {
            if lent.is() {
                beside_a_command(&message, &run, lent.to());
                return true;
            }
            out.send(message).is_ok()
        })?;
    }
    let wiring = Wiring {
        messages,
        into,
        send,
        stop_here: Box::new(stop_here),
        lent,
        me,
        parting: format!(
            "error: the screen has failed; this is a bug, and nothing of the run is lost\n\
             hint: run {run} goes on without it; look at it again: imsmigrate attach {run}"
        ),
    };
    let (left, state) = app::run(wiring)?;
    runtime.shutdown_background();
    match left {
        // Nobody can read anything any more.
        Left::HungUp => std::process::exit(i32::from(Exit::HungUp.code())),
        Left::Terminated | Left::By(Leaving::Detached) => {
            goes_on(&run);
            Ok(Exit::InProgress)
        }
        Left::By(Leaving::Undo(to)) => super::undo::undo_on_screen(folder, to),
        Left::By(Leaving::Over) => follow::tell_end(
            &state,
            if state.ended.is_some() {
                End::Over
            } else {
                End::Gone
            },
        ),
    }
}

/// Waits until the terminal is gone: where SIGHUP does not come, and what reads the terminal does not
/// notice (crossterm#793), nobody else would.
async fn hang_up() {
    while rustix::termios::tcgetattr(std::io::stdin()).is_ok() {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// A signal came while a command the operator runs has the terminal.
fn beside_a_command(message: &Message, run: &str, command: Option<Pid>) {
    match message {
        Message::HungUp => std::process::exit(i32::from(Exit::HungUp.code())),
        Message::Terminate => {
            // Left alone it would go on to read what is typed for the shell.
            if let Some(command) = command {
                let _ = rustix::process::kill_process(command, Signal::TERM);
                let deadline = Instant::now() + Duration::from_secs(2);
                while rustix::process::test_kill_process(command).is_ok()
                    && Instant::now() < deadline
                {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
            goes_on(run);
            std::process::exit(i32::from(Exit::InProgress.code()));
        }
        // The command has stopped by the same Ctrl-Z; the shell takes over when both have.
        Message::Suspend => {
            let own = rustix::process::getpid();
            let _ = rustix::process::kill_process(own, Signal::STOP);
        }
        // Ctrl-C was for the command, and it has gone on by itself.
        _ => {}
    }
}

fn goes_on(run: &str) {
    talk(format!(
        "run {run} goes on without you; look at it again: imsmigrate attach {run}"
    ));
}

/// Brings the signals that a screen has to know of, until `each` says that nobody wants them; a
/// terminal that is gone is one.
///
/// # Errors
/// When a signal cannot be waited for.
pub fn bring_signals(
    runtime: &tokio::runtime::Runtime,
    each: impl Fn(Message) -> bool + Clone + Send + 'static,
) -> std::io::Result<()> {
    let _inside = runtime.enter();
    let signals: [(i32, fn() -> Message); 5] = [
        (Signal::HUP.as_raw(), || Message::HungUp),
        (Signal::TERM.as_raw(), || Message::Terminate),
        (Signal::INT.as_raw(), || Message::Interrupt),
        (Signal::TSTP.as_raw(), || Message::Suspend),
        (Signal::CONT.as_raw(), || Message::Continued),
    ];
    for (number, message) in signals {
        let mut arrived = signal(SignalKind::from_raw(number))?;
        let each = each.clone();
        runtime.spawn(async move {
            while arrived.recv().await.is_some() {
                if !each(message()) {
                    return;
                }
            }
        });
    }
    runtime.spawn(async move {
        hang_up().await;
        each(Message::HungUp)
    });
    Ok(())
}

/// Stops this program's process group, as Ctrl-Z does.
pub fn stop_here() {
    let _ = rustix::process::kill_current_process_group(Signal::STOP);
}

fn commands_of(wish: Wish) -> Vec<Command> {
    let command = match wish {
        Wish::Answer { gate, text } => Command::Answer { gate, text },
        Wish::Pause => Command::Pause,
        Wish::Continue => Command::Continue,
        Wish::Retry => Command::Retry,
        Wish::Skip { reason } => Command::Skip { reason },
        // What was waived is asked once more.
        Wish::Waive { check, reason } => {
            return vec![Command::Waive { check, reason }, Command::Retry];
        }
        Wish::Stop => Command::Stop,
        Wish::Undo { to } => Command::Undo { to },
        Wish::Forward => Command::Forward,
        Wish::Control => Command::Control,
    };
    vec![command]
}
