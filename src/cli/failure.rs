//! How a command says what went wrong: `error: …`, then `hint: …`, then the exit code.

use super::exit::Exit;
use super::output;
use std::fmt;

/// Why a command ends without having done what was asked.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    hints: Vec<String>,
}

impl Failure {
    /// An error, exit code 1.
    pub fn error(message: impl fmt::Display) -> Self {
        Self::new(Exit::Error, message)
    }

    /// What was asked for cannot be understood, exit code 2.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A failure with another exit code.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
            hints: Vec::new(),
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Says it on stderr and returns the exit code.
    pub fn report(&self) -> Exit {
        output::talk(format!("error: {}", self.message));
        for hint in &self.hints {
            output::talk(format!("hint: {hint}"));
        }
        self.exit
    }
}

impl From<std::io::Error> for Failure {
    /// A reader of stdout that has gone is not a failure of ours: the command ends quietly with 0.
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Done, "");
        }
        Self::error(format!("cannot write: {error}"))
    }
}

/// Turns the end of a command into its exit code; a failure is told on stderr first.
pub fn end(result: Result<Exit, Failure>) -> Exit {
    match result {
        Ok(exit) => exit,
        Err(failure) if failure.exit == Exit::Done => Exit::Done,
        Err(failure) => failure.report(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, end};
    use crate::cli::exit::Exit;
    use std::io;

    #[test]
    fn a_reader_that_has_gone_is_no_failure() {
        let gone = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(end(Err(Failure::from(gone))), Exit::Done);
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(end(Err(Failure::from(full))), Exit::Error);
    }
}
