//! Questions on a terminal or a pipe: a default in brackets, secrets without echo.

use crate::base::display_safe;
use crate::lab::tools::ToolContext;
use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use std::io;

/// So many answers that cannot be, and the installer gives up.
const PATIENCE: u32 = 20;

/// The longest answer.
const LONGEST: usize = 4096;

/// Why there is no answer.
#[derive(Debug)]
pub enum Stopped {
    /// Nobody answers any more.
    Ended,
    /// Nobody answers sensibly.
    TooOften,
    /// The terminal broke.
    Failed(io::Error),
}

/// Asks, and counts answers that had to be refused.
#[derive(Debug, Default)]
pub struct Ask {
    refused: u32,
}

impl Ask {
    /// Begins to ask.
    pub fn new() -> Self {
        Self { refused: 0 }
    }

    /// Asks for text; an empty answer is the default.
    pub fn text(
        context: &mut ToolContext<'_>,
        question: &str,
        default: &str,
    ) -> Result<String, Stopped> {
        prompt(context, &format!("{question} [{default}]: "))?;
        let answer = read(context)?;
        Ok(match answer.trim() {
            "" => default.to_owned(),
            answer => display_safe(answer).into_owned(),
        })
    }

    /// Asks a question that is answered by yes or no; the default is no.
    pub fn yes(&mut self, context: &mut ToolContext<'_>, question: &str) -> Result<bool, Stopped> {
        loop {
            let answer = Self::text(context, question, "No")?;
            match answer.to_ascii_lowercase().as_str() {
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => self.refuse(context, "Yes or No?")?,
            }
        }
    }

    /// Asks for a secret, which a terminal does not show.
    pub fn secret(context: &mut ToolContext<'_>, question: &str) -> Result<String, Stopped> {
        prompt(context, &format!("{question}: "))?;
        let quiet = Quiet::begin();
        let answer = read(context);
        if quiet.is_some() {
            drop(quiet);
            writeln!(context.out).map_err(Stopped::Failed)?;
        }
        answer
    }

    /// Says why an answer cannot be.
    pub fn refuse(&mut self, context: &mut ToolContext<'_>, why: &str) -> Result<(), Stopped> {
        self.refused += 1;
        writeln!(context.out, "{why}").map_err(Stopped::Failed)?;
        if self.refused < PATIENCE {
            Ok(())
        } else {
            Err(Stopped::TooOften)
        }
    }
}

fn prompt(context: &mut ToolContext<'_>, text: &str) -> Result<(), Stopped> {
    write!(context.out, "{text}").map_err(Stopped::Failed)?;
    context.out.flush().map_err(Stopped::Failed)
}

/// Reads one line, byte by byte: what follows it is the next answer.
fn read(context: &mut ToolContext<'_>) -> Result<String, Stopped> {
    let mut line = Vec::new();
    let mut byte = [0_u8; 1];
    loop {
        match context.stdin.read(&mut byte) {
            Ok(0) => return Err(Stopped::Ended),
            Ok(_) if byte == *b"\n" => break,
            Ok(_) if line.len() < LONGEST => line.extend_from_slice(&byte),
            Ok(_) => return Err(Stopped::TooOften),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Stopped::Failed(e)),
        }
    }
    line.pop_if(|b| *b == b'\r');
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// The terminal without echo until it is dropped; nothing when standard input is none.
struct Quiet(Termios);

impl Quiet {
    fn begin() -> Option<Self> {
        let stdin = io::stdin();
        if !isatty(&stdin) {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut without = before.clone();
        without.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &without).ok()?;
        Some(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // The terminal may be gone; then there is nothing to restore.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
