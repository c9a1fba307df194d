//! `nsupdate`: how a person changes the names of a lab, as with the real command of that name.
//!
//! Reads `update add …`, `update delete …`, `send`, `show` and `quit`, a line each, from its input
//! or a file; an empty line and the end send too. Its words are those of BIND's; `server`, `zone`
//! and the like are taken and mean nothing, since there is one server.

use super::{ToolContext, getopt};
use crate::base::display_safe;
use crate::lab::dns::update::{Change, apply, change};
use crate::lab::world::LabError;

/// Runs the command.
///
/// # Errors
/// When its output cannot be written.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let options = match getopt::parse(args, "dv") {
        Ok(options) if options.operands.len() < 2 => options,
        _ => return complain(context, "usage: nsupdate [-dv] [file]", 1),
    };
    let mut text = String::new();
    let read = match options.operands.first() {
        Some(file) => std::fs::read_to_string(context.real(file)).map(|t| text = t),
        None => context.stdin.read_to_string(&mut text).map(|_| ()),
    };
    if let Err(e) = read {
        return complain(context, &format!("could not open input: {e}"), 1);
    }
    let mut waiting: Vec<Change> = Vec::new();
    for line in text.lines().chain([""]) {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match word.to_ascii_lowercase().as_str() {
            "server" | "local" | "zone" | "class" | "ttl" => {}
            "update" => match change(rest) {
                Ok(change) => waiting.push(change),
                Err(why) => {
                    let why = format!("invalid update: {why}");
                    return complain(context, &why, 1);
                }
            },
            "" | "send" if waiting.is_empty() => {}
            "" | "send" => match apply(&context.lab, &waiting) {
                Ok(()) => waiting.clear(),
                Err(e) => return complain(context, &format!("update failed: {e}"), 2),
            },
            "show" => {
                let many = waiting.len();
                writeln!(context.out, "Outgoing update query: {many} changes")
                    .map_err(LabError::file("standard output"))?;
            }
            "quit" => return Ok(0),
            _ if line.starts_with(';') => {}
            other => {
                let why = format!("incorrect section name: {}", display_safe(other));
                return complain(context, &why, 1);
            }
        }
    }
    Ok(0)
}

fn complain(context: &mut ToolContext<'_>, message: &str, status: u8) -> Result<u8, LabError> {
    let message = display_safe(message);
    writeln!(context.err, "nsupdate: {message}").map_err(LabError::file("standard error"))?;
    Ok(status)
}
