//! The loop of the wizard before the run: keys, signals and what slow things came to, in order.

use super::draw::draw;
use super::state::{Action, Done, Job, Screen as On, Wizard};
use super::update::{self, paste};
use crate::base::crash;
use crate::tui::app::Message as Outer;
use crate::tui::keymap::{self, Cmd};
use crate::tui::reader::Reader;
use crate::tui::terminal::{self, Screen};
use crate::tui::theme::Theme;
use crossterm::event::Event;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use zeroize::Zeroize as _;

/// What comes in.
#[derive(Debug)]
pub enum Message {
    /// From the terminal, or a signal.
    Outer(Outer),
    /// A slow thing was done.
    Done(Box<Done>),
}

/// What the loop is connected to.
pub struct Wiring {
    /// Brings everything in order.
    pub messages: Receiver<Message>,
    /// Where the terminal's reader puts what it reads.
    pub into: Sender<Outer>,
    /// Does something slow, without waiting for it.
    pub work: Box<dyn FnMut(Job)>,
    /// Stops this program's process group; `Continued` comes when it goes on.
    pub stop_here: Box<dyn FnMut()>,
}

/// How the wizard was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The run has begun.
    Run,
    /// By the person; nothing was begun.
    Quit,
    /// By a signal that ends programs.
    Terminated,
    /// The terminal hung up.
    HungUp,
}

/// Shows the wizard until it is left; `first` is done at once.
///
/// # Errors
/// When the terminal cannot be taken or drawn on.
pub fn run(wiring: Wiring, wizard: Wizard, first: Vec<Action>) -> std::io::Result<Left> {
    let parting = "error: the screen has failed; this is a bug, and nothing was changed on any host\n\
         hint: imsmigrate runs: says whether a run was begun";
    let screen = terminal::take(parting.to_owned())?;
    let reader = Reader::start(wiring.into.clone());
    let mut app = App {
        wizard,
        theme: Theme::from_environment(),
        began: Instant::now(),
        stopped: false,
        screen,
        reader,
        wiring,
    };
    let left = app.run(first);
    if matches!(left, Ok(Left::Run)) {
        // The run's own reader is next.
        app.reader.pause();
    }
    terminal::leave();
    left
}

struct App {
    wizard: Wizard,
    theme: Theme,
    began: Instant,
    stopped: bool,
    screen: Screen,
    reader: Reader,
    wiring: Wiring,
}

/// How often the age of the checks is drawn anew.
const AGES: Duration = Duration::from_secs(5);
/// What comes in close together is drawn once.
const TOGETHER: Duration = Duration::from_millis(5);

impl App {
    fn run(&mut self, first: Vec<Action>) -> std::io::Result<Left> {
        self.resize()?;
        for action in first {
            if let Some(left) = self.act(action)? {
                return Ok(left);
            }
        }
        let mut dirty = true;
        loop {
            let wait = match self.wizard.screen {
                _ if dirty => Some(TOGETHER),
                On::Checks if !self.stopped => Some(AGES),
                _ => None,
            };
            let message = match wait {
                Some(wait) => self.wiring.messages.recv_timeout(wait),
                None => self
                    .wiring
                    .messages
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected),
            };
            self.wizard.now = self.began.elapsed();
            match message {
                Ok(message) => {
                    dirty = true;
                    if let Some(left) = self.take(message)? {
                        return Ok(left);
                    }
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(Left::Terminated),
            }
            if !self.stopped {
                let (wizard, theme) = (&self.wizard, self.theme);
                self.screen.draw(|frame| draw(frame, wizard, theme))?;
            }
            dirty = false;
        }
    }

    fn take(&mut self, message: Message) -> std::io::Result<Option<Left>> {
        let actions = match message {
            Message::Done(done) => update::done(&mut self.wizard, *done),
            Message::Outer(outer) => {
                let cmd = match outer {
                    Outer::Terminal(Event::Key(key)) => {
                        keymap::translate(&key, self.wizard.place())
                    }
                    Outer::Terminal(Event::Paste(mut text)) => {
                        paste(&mut self.wizard, &text);
                        text.zeroize();
                        None
                    }
                    Outer::Terminal(Event::Resize(..)) => {
                        self.resize()?;
                        None
                    }
                    Outer::Terminate => return Ok(Some(Left::Terminated)),
                    Outer::HungUp => return Ok(Some(Left::HungUp)),
                    Outer::Interrupt => Some(Cmd::Leave),
                    Outer::Suspend => Some(Cmd::Suspend),
                    Outer::Continued => {
                        terminal::enter()?;
                        self.stopped = false;
                        self.resize()?;
                        self.reader.resume();
                        None
                    }
                    Outer::Terminal(_) | Outer::Record(_) | Outer::Gone => None,
                };
                match cmd {
                    Some(cmd) => update::update(&mut self.wizard, &cmd),
                    None => Vec::new(),
                }
            }
        };
        for action in actions {
            if let Some(left) = self.act(action)? {
                return Ok(Some(left));
            }
        }
        Ok(None)
    }

    fn act(&mut self, action: Action) -> std::io::Result<Option<Left>> {
        match action {
            Action::Do(job) => (self.wiring.work)(job),
            Action::Run => return Ok(Some(Left::Run)),
            Action::Quit => return Ok(Some(Left::Quit)),
            Action::Repaint => {
                crash::panic_point("wizard");
                self.resize()?;
            }
            Action::Suspend => {
                self.reader.pause();
                terminal::give_back();
                self.stopped = true;
                (self.wiring.stop_here)();
            }
        }
        Ok(None)
    }

    /// Fits everything to the terminal's size and draws all of it anew.
    fn resize(&mut self) -> std::io::Result<()> {
        let size = terminal::size();
        self.wizard.size = (size.width, size.height);
        self.screen.resize(size)
    }
}
