//! The loop: one channel brings everything in order, keys, events of the run and signals; what
//! follows is decided by [`update`] and done here.

use super::draw::draw;
use super::keymap::{self, Cmd};
use super::reader::Reader;
use super::seen::Seen;
use super::state::Ui;
use super::terminal::{self, Screen};
use super::text;
use super::theme::Theme;
use super::update::{self, Action, Leaving, Wish};
use crate::base::crash;
use crate::engine::event::Record;
use crate::engine::state::State;
use crossterm::event::Event;
use ratatui::layout::Rect;
use rustix::process::Pid;
use std::collections::VecDeque;
use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::time::{Duration, Instant};

/// What comes in.
#[derive(Debug)]
pub enum Message {
    /// From the terminal.
    Terminal(Event),
    /// From the run.
    Record(Box<Record>),
    /// The engine has gone.
    Gone,
    /// Somebody asked this program to end, from outside.
    Terminate,
    /// The terminal hung up.
    HungUp,
    /// As Ctrl-C.
    Interrupt,
    /// As Ctrl-Z.
    Suspend,
    /// Going on after a stop.
    Continued,
}

/// What the loop is connected to.
pub struct Wiring {
    /// Brings everything in order.
    pub messages: Receiver<Message>,
    /// Where the terminal's reader puts what it reads.
    pub into: Sender<Message>,
    /// Asks the engine.
    pub send: Box<dyn FnMut(Wish)>,
    /// Stops this program's process group; `Continued` comes when it goes on.
    pub stop_here: Box<dyn FnMut()>,
    /// Whether a command has the terminal: signals are not for the screen then.
    pub lent: Arc<Lent>,
    /// Who looks, as the journal names it.
    pub me: String,
    /// What is said last when the screen ends by a panic.
    pub parting: String,
}

/// To whom the terminal is lent.
#[derive(Debug, Default)]
pub struct Lent(AtomicI32);

impl Lent {
    const NOT: i32 = 0;
    const NOBODY: i32 = -1;

    /// Whether it is lent.
    pub fn is(&self) -> bool {
        self.0.load(Ordering::SeqCst) != Self::NOT
    }

    /// The command that has it.
    pub fn to(&self) -> Option<Pid> {
        let pid = self.0.load(Ordering::SeqCst);
        Pid::from_raw(pid.max(0))
    }

    fn set(&self, pid: i32) {
        self.0.store(pid, Ordering::SeqCst);
    }
}

/// How the screen was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// By the person: see [`Leaving`].
    By(Leaving),
    /// By a signal that ends programs.
    Terminated,
    /// The terminal hung up.
    HungUp,
}

/// Shows the run until it is left.
///
/// # Errors
/// When the terminal cannot be taken or drawn on.
pub fn run(wiring: Wiring) -> std::io::Result<(Left, State)> {
    let screen = terminal::take(wiring.parting.clone())?;
    let reader = Reader::start(wiring.into.clone());
    let mut app = App {
        size: Rect::ZERO,
        ui: Ui::new(&wiring.me, (0, 0)),
        seen: Seen::default(),
        theme: Theme::from_environment(),
        began: Instant::now(),
        stopped: false,
        later: VecDeque::new(),
        screen,
        reader,
        wiring,
    };
    let left = match app.run() {
        // Nobody is there to draw for.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
            Ok(Left::HungUp)
        }
        left => left,
    };
    if matches!(left, Ok(Left::By(Leaving::Undo(_)))) {
        // The next screen has a reader of its own.
        app.reader.pause();
    }
    terminal::leave();
    Ok((left?, app.seen.run))
}

struct App {
    size: Rect,
    ui: Ui,
    seen: Seen,
    theme: Theme,
    began: Instant,
    stopped: bool,
    later: VecDeque<Message>,
    screen: Screen,
    reader: Reader,
    wiring: Wiring,
}

/// How often the time that is left is drawn anew.
const MINUTE: Duration = Duration::from_secs(60);
/// While much comes in, it is drawn this often.
const FRAME: Duration = Duration::from_millis(100);

/// Where the age of something is shown, it is drawn this often.
const TICK: Duration = Duration::from_secs(5);

impl App {
    fn run(&mut self) -> std::io::Result<Left> {
        self.resize()?;
        let mut dirty = true;
        let mut drawn = Instant::now();
        loop {
            match self.next(dirty) {
                Ok(message) => {
                    dirty = true;
                    if let Some(left) = self.take(message)? {
                        return Ok(left);
                    }
                    if drawn.elapsed() < FRAME {
                        continue;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(Left::Terminated),
            }
            if !self.stopped {
                update::follow(&mut self.ui, &self.seen);
                self.draw()?;
                update::shown(&mut self.ui, self.began.elapsed());
            }
            dirty = false;
            drawn = Instant::now();
        }
    }

    /// What comes next; `Timeout` when it is time to draw.
    fn next(&mut self, dirty: bool) -> Result<Message, RecvTimeoutError> {
        if let Some(message) = self.later.pop_front() {
            return Ok(message);
        }
        let messages = &self.wiring.messages;
        match messages.try_recv() {
            Ok(message) => return Ok(message),
            Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
            Err(TryRecvError::Empty) => {}
        }
        let mut wait = dirty.then_some(Duration::from_millis(5));
        if self.seen.run.window.is_some() && self.ui.popup.is_some() {
            // What is left of the window is shown, and gets less.
            wait = wait.or(Some(MINUTE));
        }
        if let Some(due) = self.ui.rest_due() {
            let now = self.began.elapsed();
            if due <= now && !terminal::has_unread() && update::rested(&mut self.ui, now) {
                return Err(RecvTimeoutError::Timeout);
            }
            let rest = due.saturating_sub(now).max(Duration::from_millis(10));
            wait = Some(wait.unwrap_or(rest).min(rest));
        }
        if self.ui.minds_the_clock(&self.seen) {
            wait = Some(wait.unwrap_or(TICK).min(TICK));
        }
        match wait {
            Some(wait) => messages.recv_timeout(wait),
            None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn draw(&mut self) -> std::io::Result<()> {
        self.ui.clock = Some(jiff::tz::TimeZone::system().to_datetime(jiff::Timestamp::now()));
        self.ui.moment = self
            .ui
            .minds_the_clock(&self.seen)
            .then(jiff::Timestamp::now);
        let (ui, seen, theme) = (&self.ui, &self.seen, self.theme);
        self.screen.draw(|frame| draw(frame, ui, seen, theme))
    }

    fn take(&mut self, message: Message) -> std::io::Result<Option<Left>> {
        let now = self.began.elapsed();
        let cmd = match message {
            Message::Terminal(Event::Key(key)) => keymap::translate(&key, self.ui.place()),
            Message::Terminal(Event::Paste(text)) => {
                update::paste(&mut self.ui, &text, now);
                None
            }
            Message::Terminal(Event::Resize(..)) => {
                self.resize()?;
                None
            }
            Message::Terminal(_) => None,
            Message::Record(record) => {
                self.seen.take(&record);
                None
            }
            Message::Gone => {
                self.seen.gone = true;
                None
            }
            Message::Terminate => return Ok(Some(Left::Terminated)),
            Message::HungUp => return Ok(Some(Left::HungUp)),
            Message::Interrupt => Some(Cmd::Leave),
            Message::Suspend => Some(Cmd::Suspend),
            Message::Continued => {
                self.take_again()?;
                None
            }
        };
        let Some(cmd) = cmd else {
            return Ok(None);
        };
        // What happened before the key was pressed is seen before it counts.
        update::follow(&mut self.ui, &self.seen);
        for action in update::update(&mut self.ui, &self.seen, &cmd, now) {
            if let Some(left) = self.act(action)? {
                return Ok(Some(left));
            }
        }
        Ok(None)
    }

    fn act(&mut self, action: Action) -> std::io::Result<Option<Left>> {
        match action {
            Action::Send(wish) => (self.wiring.send)(wish),
            Action::Quit(leaving) => return Ok(Some(Left::By(leaving))),
            Action::Repaint => {
                crash::panic_point("screen");
                self.resize()?;
            }
            Action::Suspend => {
                self.reader.pause();
                terminal::give_back();
                self.stopped = true;
                (self.wiring.stop_here)();
            }
            Action::RunHere { argv, instructions } => {
                let told = self.run_here(&argv, &instructions)?;
                update::came_back(&mut self.ui, told);
            }
        }
        Ok(None)
    }

    /// Hands the terminal to a command and takes it back.
    fn run_here(&mut self, argv: &[String], instructions: &[String]) -> std::io::Result<String> {
        let Some((program, arguments)) = argv.split_first() else {
            return Ok("There is no command to run here.".to_owned());
        };
        self.reader.pause();
        terminal::give_back();
        self.wiring.lent.set(Lent::NOBODY);
        let mut out = std::io::stdout();
        // What is to be answered is wanted while it runs.
        for line in instructions {
            for line in text::wrap(self.ui.size.0.min(80), "", "  ", line) {
                let _ = writeln!(out, "{line}");
            }
        }
        let _ = writeln!(out);
        let command = std::process::Command::new(program).args(arguments).spawn();
        let ended = command.and_then(|mut child| {
            let pid = i32::try_from(child.id()).unwrap_or(Lent::NOBODY);
            self.wiring.lent.set(pid);
            let ended = child.wait();
            self.wiring.lent.set(Lent::NOBODY);
            ended
        });
        let told = match ended {
            Ok(status) => format!("It ended with {status}."),
            Err(error) => format!("It could not be run: {error}."),
        };
        // What was typed for the command does not send the person back before they have read.
        terminal::forget_typed();
        let _ = writeln!(out, "\n{told} Press Enter to go back to the wizard.");
        let _ = out.flush();
        let _ = std::io::stdin().lock().read_line(&mut String::new());
        self.wiring.lent.set(Lent::NOT);
        // What was pressed before the reader paused is not for the screen that comes back.
        while let Ok(message) = self.wiring.messages.try_recv() {
            if !matches!(message, Message::Terminal(_)) {
                self.later.push_back(message);
            }
        }
        self.take_again()?;
        Ok(told)
    }

    fn take_again(&mut self) -> std::io::Result<()> {
        terminal::enter()?;
        self.stopped = false;
        self.resize()?;
        self.reader.resume();
        Ok(())
    }

    /// Fits everything to the terminal's size and draws all of it anew.
    fn resize(&mut self) -> std::io::Result<()> {
        self.size = terminal::size();
        self.ui.size = (self.size.width, self.size.height);
        self.screen.resize(self.size)
    }
}
