//! `imsdirmig`: brings users, lists and domains of SIMS, or of NMS, up to the schema of iMS.
//!
//! Synopsis and options: the guide's appendix A (`domain/directory.md` 1). As documented it stops at
//! the first error and has no undo. Inferred: the rules ([`rules`]), `both` without `-m`, the
//! password asked for without `-w`, the meaning of `-n`, exit statuses (1 after any error), the
//! form of the log and of the file of `-C`; `-T` is read, but entries are changed one at a time.
//! At the postmaster of Netscape's server, a list that is no group, it fails, as the guide says.

mod nms;
mod options;
pub mod rules;
mod run;

use super::{ToolContext, ug};
use crate::base::display_safe;
use crate::lab::phrases;
use crate::lab::world::LabError;
use options::{Settings, USAGE};
use std::fs::OpenOptions;
use std::io::Write;

/// Runs the command.
///
/// # Errors
/// When the password cannot be read.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let open = |path: &str| {
        std::fs::read_to_string(context.real(path))
            .map_err(|e| format!("cannot open {}: {e}", display_safe(path)))
    };
    let settings = match Settings::read(args, &open) {
        Ok(settings) => settings,
        Err(message) => return Ok(complain(context, &format!("{message}\n{USAGE}"), 2)),
    };
    let password = match &settings.password {
        Some(password) => password.clone(),
        None => ask_password(context)?,
    };
    let host = settings
        .host
        .clone()
        .unwrap_or_else(|| context.host.fqdn.clone());
    let connected = ug::connect(context, &host, settings.port, &settings.admin, &password);
    let mut directory = match connected {
        Ok(directory) => directory,
        Err(message) => return Ok(complain(context, &format!("error: {message}"), 1)),
    };
    let outcome = run::migrate(&settings, &mut *directory);
    if let Some(file) = &settings.log {
        let path = context.real(file);
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut log| log.write_all(outcome.log.as_bytes()));
        if let Err(e) = written {
            complain(
                context,
                &format!("error: cannot write {}: {e}", display_safe(file)),
                1,
            );
        }
    }
    if settings.dry {
        let _ = context.out.write_all(outcome.log.as_bytes());
    }
    for error in &outcome.errors {
        complain(context, &format!("error: {error}"), 1);
    }
    let sentence = phrases::say(
        &context.lab,
        "imsdirmig-done",
        &[
            &outcome.entries.to_string(),
            &outcome.changed.to_string(),
            &outcome.errors.len().to_string(),
        ],
    );
    let _ = writeln!(context.out, "{sentence}");
    Ok(u8::from(!outcome.errors.is_empty()))
}

/// Reads one line, and not a byte more of what is somebody else's.
fn ask_password(context: &mut ToolContext<'_>) -> Result<String, LabError> {
    let _ = write!(context.err, "Enter password: ");
    let _ = context.err.flush();
    let mut line = Vec::new();
    let mut byte = [0];
    while context
        .stdin
        .read(&mut byte)
        .map_err(LabError::file("standard input"))?
        == 1
        && byte != *b"\n"
    {
        line.extend(byte);
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

fn complain(context: &mut ToolContext<'_>, message: &str, status: u8) -> u8 {
    // When standard error is gone nobody is left to be told.
    let _ = writeln!(context.err, "imsdirmig: {message}");
    status
}
