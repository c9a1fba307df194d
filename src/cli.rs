//! The command line: one file a subcommand, exit codes in one place, the one output module.

pub mod exit;
pub mod output;

use std::process::ExitCode;

/// Runs the command line of this process and returns its exit code.
pub fn main() -> ExitCode {
    exit::Exit::Usage.into()
}
