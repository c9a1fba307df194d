//! The terminal itself: taken, and given back on every way out.

use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

/// What is drawn on; one write a frame, however often what draws wants it sent.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Held>>,
    held: Held,
}

/// Bytes of the frame that is being drawn.
#[derive(Clone, Default)]
struct Held(Rc<RefCell<Vec<u8>>>);

impl Write for Held {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Screen {
    /// Draws a frame.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame)) -> std::io::Result<()> {
        self.terminal.draw(draw)?;
        let frame = self.held.0.take();
        let mut rest = frame.as_slice();
        // Past the standard library's line buffer, which would cut it into pieces.
        while !rest.is_empty() {
            match rustix::io::write(std::io::stdout(), rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Takes on a size; the next frame draws everything anew.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn resize(&mut self, area: Rect) -> std::io::Result<()> {
        self.terminal.resize(area)
    }
}

/// Whether the terminal is ours now.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// A thread that works for the screen has panicked while a command had the terminal.
static BROKEN: AtomicBool = AtomicBool::new(false);
/// What is said last when the screen ends by a panic; set while there is one.
static PARTING: Mutex<Option<String>> = Mutex::new(None);
static HOOK: Once = Once::new();

/// Takes the terminal: raw, on its alternate screen. From now on a panic gives it back first, says
/// `parting` and ends the program.
///
/// # Errors
/// When the terminal cannot be set.
pub fn take(parting: String) -> std::io::Result<Screen> {
    *PARTING.lock().unwrap_or_else(PoisonError::into_inner) = Some(parting);
    give_back_when_panicking();
    enter()?;
    // crossterm resets bold with the colours when `NO_COLOR` is set; the theme honours it instead.
    crossterm::style::force_color_output(true);
    let held = Held::default();
    let backend = CrosstermBackend::new(held.clone());
    // Fixed: a terminal that says that it has no size is drawn on as one of 80 by 24.
    let viewport = Viewport::Fixed(size());
    let terminal = Terminal::with_options(backend, TerminalOptions { viewport });
    let terminal = terminal.inspect_err(|_| {
        give_back();
    })?;
    Ok(Screen { terminal, held })
}

/// The terminal's size; 80 by 24 when it does not know.
pub fn size() -> Rect {
    let (columns, rows) = match crossterm::terminal::size() {
        Ok((0, _) | (_, 0)) | Err(_) => (80, 24),
        Ok(size) => size,
    };
    Rect::new(0, 0, columns, rows)
}

/// The screen is left for good: from now on a panic is nothing special.
pub fn leave() {
    give_back();
    *PARTING.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Takes the terminal again after [`give_back`].
///
/// # Errors
/// When the terminal cannot be set.
pub fn enter() -> std::io::Result<()> {
    if BROKEN.load(Ordering::SeqCst) {
        return Err(std::io::Error::other("a part of this program has failed"));
    }
    TAKEN.store(true, Ordering::SeqCst);
    let taken = enable_raw_mode().and_then(|()| {
        crossterm::execute!(
            std::io::stdout(),
            EnterAlternateScreen,
            EnableBracketedPaste
        )
    });
    taken.inspect_err(|_| {
        give_back();
    })
}

/// Gives the terminal back as it was; a terminal that is gone is no error. Says whether it was
/// ours.
pub fn give_back() -> bool {
    let ours = TAKEN.swap(false, Ordering::SeqCst);
    if ours {
        let mut stdout = std::io::stdout();
        let _ = crossterm::execute!(stdout, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = stdout.flush();
        let _ = disable_raw_mode();
    }
    ours
}

/// Whether keys were pressed that nobody has read yet.
pub fn has_unread() -> bool {
    rustix::io::ioctl_fionread(std::io::stdin()).is_ok_and(|bytes| bytes > 0)
}

/// Throws away what was typed and nobody has read yet.
pub fn forget_typed() {
    let _ = rustix::termios::tcflush(std::io::stdin(), rustix::termios::QueueSelector::IFlush);
}

fn give_back_when_panicking() {
    HOOK.call_once(|| {
        let screen_thread = std::thread::current().id();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let ours = give_back();
            before(info);
            let parting = match PARTING.try_lock() {
                Ok(mut parting) => parting.take(),
                Err(_) => None,
            };
            let Some(parting) = parting else {
                return;
            };
            // A worker's panic would leave a screen that nothing moves any more. The run is another
            // process: nothing of it is lost.
            if ours || std::thread::current().id() == screen_thread {
                let _ = writeln!(std::io::stderr(), "{parting}");
                std::process::exit(1);
            }
            BROKEN.store(true, Ordering::SeqCst);
        }));
    });
}
