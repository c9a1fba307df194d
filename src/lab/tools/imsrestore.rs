//! iMS `imsrestore`: a backup stream into the new store.
//!
//! Syntax and options: iMS 6 manual (`domain/commands.md` 8); the guide's own use of them for 5.2.
//! Inferred: the wording of all messages; that without `-c` a stream on standard input cannot be
//! asked about and stops; that `-c y` ends with 0 whatever happened; that `-u` renames and does not
//! filter; that a stream without its end marker is an error.

mod arguments;
mod names;
mod run;
mod target;

pub use arguments::{Arguments, Encoding, Mode};

use super::ToolContext;
use super::place;
use super::stream::StreamReader;
use crate::base::display_safe;
use crate::lab::control;
use crate::lab::drills;
use crate::lab::ims::ImsStore;
use crate::lab::phrases;
use crate::lab::world::LabError;
use run::{Refusal, Restore};
use std::fs::File;
use std::io::{BufReader, Read};

/// The component without which no tool writes the store.
pub const STORED: &str = "ims-stored";

/// Runs the command.
///
/// # Errors
/// Never for what a user can do wrong.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let arguments = match Arguments::read(args, &|path| context.real(path)) {
        Ok(arguments) => arguments,
        Err((status, message)) => {
            complain(context, &message);
            return Ok(status);
        }
    };
    match restore(context, &arguments) {
        Ok(status) => Ok(status),
        Err(message) => {
            complain(context, &message);
            Ok(1)
        }
    }
}

/// Returns whether stored runs on the host the command runs on.
pub fn stored_runs(context: &ToolContext<'_>) -> bool {
    control::processes(&context.lab, &context.host.name)
        .is_ok_and(|running| running.iter().any(|p| p.component == STORED))
}

fn restore(context: &mut ToolContext<'_>, arguments: &Arguments) -> Result<u8, String> {
    if arguments.mode == Mode::Restore && !stored_runs(context) {
        return Err("cannot open the message store: stored is not running".to_owned());
    }
    let from_stdin = arguments.source == "-";
    let file;
    let source: Box<dyn Read + '_> = if from_stdin {
        Box::new(&mut *context.stdin)
    } else {
        file = context.real(&arguments.source);
        let file = File::open(&file)
            .map_err(|e| format!("cannot open {}: {e}", display_safe(&arguments.source)))?;
        Box::new(BufReader::with_capacity(1 << 16, file))
    };
    let mut reader = StreamReader::new(source).map_err(|e| e.to_string())?;
    arguments
        .check_factor(reader.header())
        .map_err(|e| e.to_string())?;
    if arguments.mode == Mode::Header {
        let header = reader.header();
        let _ = write!(
            context.out,
            "Source: {}\nHost: {}\nBlocking factor: {}\nDate: {}\n",
            display_safe(&header.writer),
            display_safe(&header.host),
            header.factor,
            jiff::Timestamp::from_second(header.date).unwrap_or_default()
        );
        return Ok(0);
    }
    if arguments.mode == Mode::Table {
        return Ok(run::table(&mut reader, arguments, context.out, context.err));
    }
    let place = place::instance_of(&context.lab, &context.host, &context.path)
        .map_err(|e| e.to_string())?;
    let store = ImsStore::open(&place.root).map_err(|e| e.to_string())?;
    let lab = &context.lab;
    let refusal = drills::text(lab, "refuse-restore").map(|who| Refusal {
        spend: Box::new({
            let who = who.clone();
            move || drills::spend(lab, "refuse-restore", &who).unwrap_or(false)
        }),
        who,
    });
    let restore = Restore {
        arguments,
        store: &store,
        spare_inbox: drills::is_on(lab, "restore-n-spares-inbox"),
        now: jiff::Timestamp::now().as_second(),
        room: run::Room::new(drills::number(lab, "disk-kb"), lab.root(&context.host)),
        refusal,
        say: &|key, args| phrases::say(lab, key, args),
    };
    Ok(restore.run(&mut reader, context.out, context.err))
}

fn complain(context: &mut ToolContext<'_>, message: &str) {
    // When standard error is gone nobody is left to be told.
    let _ = writeln!(context.err, "imsrestore: error: {message}");
}

#[cfg(test)]
mod tests;
