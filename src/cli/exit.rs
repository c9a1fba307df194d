//! The exit codes of `contract.md`, in one place.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done; everything asked for held.
    Done,
    /// An error, named on stderr; also: the engine died.
    Error,
    /// Usage, a file that cannot be understood, or no terminal where one is needed.
    Usage,
    /// A check inhibits.
    Inhibited,
    /// Not started.
    NotStarted,
    /// In progress: detached, or waiting at a gate nobody has answered.
    InProgress,
    /// A step, batch, verification or audit failed.
    Failed,
    /// Stopped by the operator.
    Stopped,
    /// The terminal hung up; the run goes on.
    HungUp,
}

impl Exit {
    /// Returns the number the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::Inhibited => 3,
            Self::NotStarted => 4,
            Self::InProgress => 5,
            Self::Failed => 6,
            Self::Stopped => 7,
            Self::HungUp => 129,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
