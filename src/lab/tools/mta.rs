//! What `imta` (SIMS) and `imsimta` (iMS) have in common: start and stop, `qm`, `counters`,
//! `process`. Sources: `domain/commands.md` 1 and 2.

pub mod queues;

use super::ToolContext;
use super::control::{self, Outcome};
use crate::lab::counters;
use crate::lab::phrases::say;
use crate::lab::world::LabError;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

/// One side's MTA as its commands see it.
#[derive(Clone, Debug)]
pub struct Mta {
    /// The name of its command, for messages.
    pub command: &'static str,
    /// The dispatcher's component.
    pub dispatcher: &'static str,
    /// The job controller's component.
    pub job_controller: &'static str,
    /// Its queue.
    pub queue: PathBuf,
    /// Its counters.
    pub counters: PathBuf,
}

/// What a failed write to the command's own output is.
fn wrote(e: std::io::Error) -> LabError {
    LabError::file("standard output")(e)
}

/// The components that a name on the command line means: one, or both without a name, in the order
/// in which they are stopped.
fn named(mta: &Mta, name: Option<&String>) -> Option<Vec<&'static str>> {
    match name.map(String::as_str) {
        None => Some(vec![mta.dispatcher, mta.job_controller]),
        Some("dispatcher" | "smtp") => Some(vec![mta.dispatcher]),
        Some("job_controller") => Some(vec![mta.job_controller]),
        Some(_) => None,
    }
}

fn shown(mta: &Mta, component: &str) -> &'static str {
    if component == mta.dispatcher {
        "dispatcher"
    } else {
        "job_controller"
    }
}

/// `stop [dispatcher|job_controller]`; what is down already is no error (inferred). Without a name
/// the whole MTA goes down, and its counters with it.
///
/// # Errors
/// When the lab's process does not answer.
pub fn stop(context: &mut ToolContext<'_>, mta: &Mta, args: &[String]) -> Result<u8, LabError> {
    let Some(components) = named(mta, args.first()) else {
        return usage(context, mta);
    };
    let mut status = 0;
    for component in &components {
        let name = shown(mta, component);
        let line = match control::stop(context, component)? {
            Outcome::Done => say(&context.lab, "mta-stopped", &[name]),
            Outcome::Already => say(&context.lab, "mta-not-running", &[name]),
            Outcome::Failed(why) => {
                status = 1;
                writeln!(context.err, "{}: {name}: {why}", mta.command).map_err(wrote)?;
                continue;
            }
        };
        writeln!(context.out, "{line}").map_err(wrote)?;
    }
    if components.len() == 2 && status == 0 {
        counters::remove(&mta.counters)?;
    }
    Ok(status)
}

/// `start [dispatcher|job_controller]`.
///
/// # Errors
/// When the lab's process does not answer.
pub fn start(context: &mut ToolContext<'_>, mta: &Mta, args: &[String]) -> Result<u8, LabError> {
    let Some(mut components) = named(mta, args.first()) else {
        return usage(context, mta);
    };
    components.reverse();
    let mut status = 0;
    for component in components {
        let name = shown(mta, component);
        let line = match control::start(context, component)? {
            Outcome::Done => say(&context.lab, "mta-started", &[name]),
            Outcome::Already => say(&context.lab, "mta-running", &[name]),
            Outcome::Failed(why) => {
                status = 1;
                writeln!(context.err, "{}: {name}: {why}", mta.command).map_err(wrote)?;
                continue;
            }
        };
        writeln!(context.out, "{line}").map_err(wrote)?;
    }
    Ok(status)
}

/// `restart [dispatcher|job_controller]`; the counters stay.
///
/// # Errors
/// When the lab's process does not answer.
pub fn restart(context: &mut ToolContext<'_>, mta: &Mta, args: &[String]) -> Result<u8, LabError> {
    let Some(components) = named(mta, args.first()) else {
        return usage(context, mta);
    };
    for component in components {
        if let Outcome::Failed(why) = control::stop(context, component)? {
            let name = shown(mta, component);
            writeln!(context.err, "{}: {name}: {why}", mta.command).map_err(wrote)?;
            return Ok(1);
        }
    }
    start(context, mta, args)
}

/// `qm …`: one command, or a dialogue when there is none.
///
/// # Errors
/// When the queue or the counters cannot be read.
pub fn qm(context: &mut ToolContext<'_>, mta: &Mta, args: &[String]) -> Result<u8, LabError> {
    if !args.is_empty() {
        return qm_command(context, mta, args);
    }
    loop {
        write!(context.out, "qm.maint> ").map_err(wrote)?;
        context.out.flush().map_err(wrote)?;
        let mut line = String::new();
        // One byte at a time: what follows `exit` is somebody else's input.
        let mut reader = BufReader::with_capacity(1, &mut *context.stdin);
        let read = reader
            .read_line(&mut line)
            .map_err(LabError::file("standard input"))?;
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match words.first().map(String::as_str) {
            _ if read == 0 => {
                writeln!(context.out).map_err(wrote)?;
                return Ok(0);
            }
            None => {}
            Some("exit" | "quit") => return Ok(0),
            Some(_) => {
                qm_command(context, mta, &words)?;
            }
        }
    }
}

fn qm_command(context: &mut ToolContext<'_>, mta: &Mta, args: &[String]) -> Result<u8, LabError> {
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("", args),
    };
    match (command, rest.first().map(String::as_str)) {
        ("counters", None | Some("show")) => show(context, mta, Headers::Shown),
        ("counters", Some("clear")) => counters::clear(&mta.counters).map(|()| 0),
        ("counters", Some("create")) => counters::create(&mta.counters).map(|()| 0),
        ("directory" | "dir", _) => {
            let held = rest.iter().any(|a| a == "-held");
            let channel = rest.iter().find(|a| !a.starts_with('-'));
            let known = rest.iter().all(|a| a == "-held" || !a.starts_with('-'));
            if !known {
                return qm_usage(context);
            }
            queues::directory(context.out, &mta.queue, channel.map(String::as_str), held)?;
            Ok(0)
        }
        _ => qm_usage(context),
    }
}

fn qm_usage(context: &mut ToolContext<'_>) -> Result<u8, LabError> {
    writeln!(
        context.err,
        "%QM-E-BADCMD, usage: qm [counters [show|clear|create] | directory [-held] [channel]]"
    )
    .map_err(wrote)?;
    Ok(1)
}

/// Whether a table has its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headers {
    /// With.
    Shown,
    /// Without.
    Left,
}

fn show(context: &mut ToolContext<'_>, mta: &Mta, headers: Headers) -> Result<u8, LabError> {
    queues::counters(context.out, &mta.counters, headers)?;
    Ok(0)
}

/// `counters -show [-headers|-noheaders] [-output=FILE] | -create | -clear`.
///
/// # Errors
/// When the counters or the output file cannot be used.
pub fn channel_counters(
    context: &mut ToolContext<'_>,
    mta: &Mta,
    args: &[String],
) -> Result<u8, LabError> {
    let mut headers = Headers::Shown;
    let mut output = None;
    let mut act = None;
    for arg in args {
        match arg.as_str() {
            "-headers" => headers = Headers::Shown,
            "-noheaders" => headers = Headers::Left,
            "-show" | "-create" | "-clear" => act = Some(arg.as_str()),
            other => match other.strip_prefix("-output=") {
                Some(file) => output = Some(context.real(file)),
                None => return usage(context, mta),
            },
        }
    }
    match (act, output) {
        (Some("-create"), _) => counters::create(&mta.counters).map(|()| 0),
        (Some("-clear"), _) => counters::clear(&mta.counters).map(|()| 0),
        (Some("-show"), None) => show(context, mta, headers),
        (Some("-show"), Some(path)) => {
            let mut text = Vec::new();
            queues::counters(&mut text, &mta.counters, headers)?;
            std::fs::write(&path, text).map_err(LabError::file(path))?;
            Ok(0)
        }
        _ => usage(context, mta),
    }
}

/// What is printed for words that no command understands.
///
/// # Errors
/// When standard error cannot be written.
pub fn usage(context: &mut ToolContext<'_>, mta: &Mta) -> Result<u8, LabError> {
    writeln!(
        context.err,
        "usage: {} start|stop|restart [dispatcher|job_controller] | process | qm … | counters -show | dirsync [-F]",
        mta.command
    )
    .map_err(wrote)?;
    Ok(1)
}
