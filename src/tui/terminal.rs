//! The terminal itself: taken, and given back on every way out.

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use std::io::{BufWriter, Stdout, Write as _};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

/// What is drawn on; one write a frame.
pub type Screen = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// Whether the terminal is ours now.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// Takes the terminal: raw, on its alternate screen. From now on a panic gives it back first.
///
/// # Errors
/// When the terminal cannot be set.
pub fn take() -> std::io::Result<Screen> {
    give_back_when_panicking();
    enter()?;
    // crossterm resets bold with the colours when `NO_COLOR` is set; the theme honours it instead.
    crossterm::style::force_color_output(true);
    let backend = CrosstermBackend::new(BufWriter::with_capacity(1 << 15, std::io::stdout()));
    Terminal::new(backend).inspect_err(|_| {
        give_back();
    })
}

/// Takes the terminal again after [`give_back`].
///
/// # Errors
/// When the terminal cannot be set.
pub fn enter() -> std::io::Result<()> {
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
            // A worker's panic would leave the loop drawing on the shell's screen. The run is
            // another process: nothing of it is lost.
            if ours && std::thread::current().id() != screen_thread {
                std::process::exit(101);
            }
        }));
    });
}
