//! The binary: hands the command line to [`imsmigrate::cli`] and ends with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    imsmigrate::cli::main()
}
