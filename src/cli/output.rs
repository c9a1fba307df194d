//! The one output module: stdout is data, stderr is talk.
//!
//! A closed pipe is not an error: the command ends quietly, as `head` expects. Everything that comes
//! from a server or a file goes through [`display_safe`](crate::base::display_safe) before it
//! comes here.

use std::io::Write as _;

/// Writes one line of data to stdout.
///
/// # Errors
/// When stdout cannot be written to; `BrokenPipe` when the reader has gone.
pub fn data(line: impl AsRef<str>) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(line.as_ref().as_bytes())?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// Writes one line of talk to stderr; a stderr that is gone is ignored.
pub fn talk(line: impl AsRef<str>) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(line.as_ref().as_bytes());
    let _ = stderr.write_all(b"\n");
}
