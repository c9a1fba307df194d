//! `start-msg`, `stop-msg` and `stored` of iMS 5.2 (`domain/commands.md` 13).

use super::ToolContext;
use super::control::{self, Outcome};
use super::place;
use crate::base::display_safe;
use crate::lab::counters;
use crate::lab::instance::Instance;
use crate::lab::options::Options;
use crate::lab::phrases::say;
use crate::lab::world::LabError;
use std::time::{Duration, SystemTime};

/// Word on the command line, component; in the order of start.
const SERVERS: [(&str, &str); 7] = [
    ("ens", "ims-enpd"),
    ("store", STORED),
    ("imap", "ims-imapd"),
    ("pop", "ims-popd"),
    ("http", "ims-mshttpd"),
    ("dispatcher", "ims-dispatcher"),
    ("job_controller", "ims-job-controller"),
];

const STORED: &str = "ims-stored";

/// The checkpoint of a stored that lives is younger than this.
const CHECKPOINT_AGE: Duration = Duration::from_secs(120);

fn wrote(e: std::io::Error) -> LabError {
    LabError::file("standard output")(e)
}

/// The servers that a word means; `smtp` is both halves of the MTA, `stored` is how the guide once
/// spells `store`.
fn named(word: Option<&String>) -> Option<Vec<(&'static str, &'static str)>> {
    let words: &[&str] = match word.map(String::as_str) {
        None => return Some(SERVERS.to_vec()),
        Some("smtp") => &["dispatcher", "job_controller"],
        Some("stored") => &["store"],
        Some(word) => &[word],
    };
    let found: Vec<_> = SERVERS
        .iter()
        .filter(|(name, _)| words.contains(name))
        .copied()
        .collect();
    (!found.is_empty()).then_some(found)
}

/// Runs `start-msg [component]`, also under the guide's other names (`start stored`).
///
/// # Errors
/// When the lab's process does not answer.
pub fn start(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let (Some(servers), true) = (named(args.first()), args.len() < 2) else {
        return usage(context);
    };
    let Some(instance) = installed(context)? else {
        return Ok(1);
    };
    start_servers(context, &instance, &servers)
}

/// Starts every server of an instance, as the installer does at its end.
///
/// # Errors
/// As [`start`].
pub fn start_all(context: &mut ToolContext<'_>, instance: &Instance) -> Result<u8, LabError> {
    start_servers(context, instance, &SERVERS)
}

fn start_servers(
    context: &mut ToolContext<'_>,
    instance: &Instance,
    servers: &[(&'static str, &'static str)],
) -> Result<u8, LabError> {
    if let Err(e) = Options::open(&context.lab, instance) {
        writeln!(context.err, "start-msg: {e}").map_err(wrote)?;
        return Ok(1);
    }
    let mut status = 0;
    for (name, component) in servers {
        match control::start(context, component)? {
            Outcome::Already => {
                let line = say(&context.lab, "msg-running", &[name]);
                writeln!(context.out, "{line}").map_err(wrote)?;
            }
            Outcome::Done => {
                let pid = control::find(context, component)?.map_or(0, |p| p.pid);
                let line = say(&context.lab, "msg-starting", &[name, &pid.to_string()]);
                writeln!(context.out, "{line}").map_err(wrote)?;
                if *component == STORED {
                    let line = say(&context.lab, "msg-store-ready", &[]);
                    writeln!(context.out, "{line}").map_err(wrote)?;
                }
            }
            Outcome::Failed(why) => {
                status = 1;
                writeln!(context.err, "start-msg: {name} server: {why}").map_err(wrote)?;
                // Documented: without stored nothing else is started.
                if *component == STORED {
                    writeln!(context.err, "checking store server status ... failed")
                        .map_err(wrote)?;
                    break;
                }
            }
        }
    }
    Ok(status)
}

/// Runs `stop-msg [component]`; the configuration directory is not among what it stops.
///
/// # Errors
/// When the lab's process does not answer.
pub fn stop(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let (Some(mut servers), true) = (named(args.first()), args.len() < 2) else {
        return usage(context);
    };
    let Some(instance) = installed(context)? else {
        return Ok(1);
    };
    servers.reverse();
    let mut status = 0;
    for (name, component) in &servers {
        let pid = control::find(context, component)?.map_or(0, |p| p.pid);
        match control::stop(context, component)? {
            Outcome::Done => {
                let line = say(&context.lab, "msg-stopping", &[name, &pid.to_string()]);
                writeln!(context.out, "{line}").map_err(wrote)?;
            }
            Outcome::Already if servers.len() > 2 => {}
            Outcome::Already => {
                let line = say(&context.lab, "msg-not-running", &[name]);
                writeln!(context.out, "{line}").map_err(wrote)?;
            }
            Outcome::Failed(why) => {
                status = 1;
                writeln!(context.err, "stop-msg: {name} server: {why}").map_err(wrote)?;
            }
        }
    }
    if status == 0 && servers.len() == SERVERS.len() {
        counters::remove(&instance.counters())?;
    }
    Ok(status)
}

/// Runs `stored -t [-v]`: the exit status is the status of the store, 0 for one that is served.
///
/// # Errors
/// When the lab's process does not answer.
pub fn stored(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let options = super::getopt::parse(args, "tvd");
    let Some(options) = options.ok().filter(|o| o.has('t') && o.operands.is_empty()) else {
        writeln!(
            context.err,
            "usage: stored -t [-v]   (to start it: start-msg store)"
        )
        .map_err(wrote)?;
        return Ok(2);
    };
    let Some(instance) = installed(context)? else {
        return Ok(1);
    };
    let up = control::find(context, STORED)?.is_some();
    let modified = std::fs::metadata(instance.file("stored.ckp")).and_then(|m| m.modified());
    let age = modified
        .ok()
        .and_then(|at| SystemTime::now().duration_since(at).ok());
    let fresh = age.is_some_and(|age| age < CHECKPOINT_AGE);
    let (status, key) = match (up, fresh) {
        (true, true) => (0, "stored-ready"),
        (true, false) => (2, "stored-behind"),
        (false, _) => (1, "stored-down"),
    };
    if options.has('v') {
        let line = say(&context.lab, key, &[]);
        writeln!(context.out, "{line}").map_err(wrote)?;
    }
    Ok(status)
}

/// The instance that a command belongs to; says so when there is none.
fn installed(context: &mut ToolContext<'_>) -> Result<Option<Instance>, LabError> {
    match place::instance(context) {
        Ok(instance) if instance.exists() => Ok(Some(instance)),
        Ok(_) => {
            writeln!(context.err, "no configuration: is the server installed?").map_err(wrote)?;
            Ok(None)
        }
        Err(e) => {
            writeln!(context.err, "{}", display_safe(&e.to_string())).map_err(wrote)?;
            Ok(None)
        }
    }
}

fn usage(context: &mut ToolContext<'_>) -> Result<u8, LabError> {
    let name = context
        .path
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    writeln!(
        context.err,
        "Usage: ./{name} [COMPONENTS...]\ncomponents: smtp imap pop store http ens dispatcher job_controller"
    )
    .map_err(wrote)?;
    Ok(1)
}
