//! `imta`, `im.server` and `mt.scheduler` of SIMS 4.0 (`domain/commands.md` 1–4).

pub mod dirsync;

use super::ToolContext;
use super::control::{self, Outcome};
use super::mta::{self, Mta};
use crate::base::display_safe;
use crate::lab::counters;
use crate::lab::phrases::say;
use crate::lab::queue::OLD_QUEUE;
use crate::lab::world::LabError;
use dirsync::How;

/// What `im.server` drives, in the order of start; the directory server of the site is not among
/// it.
const SERVERS: [&str; 3] = ["sims-job-controller", "sims-dispatcher", "sims-imaccessd"];

fn wrote(e: std::io::Error) -> LabError {
    LabError::file("standard output")(e)
}

fn mta(context: &ToolContext<'_>) -> Mta {
    let queue = context.root().join(OLD_QUEUE);
    Mta {
        command: "imta",
        dispatcher: "sims-dispatcher",
        job_controller: "sims-job-controller",
        counters: queue.with_file_name("counters"),
        queue,
    }
}

/// Runs `imta`.
///
/// # Errors
/// When the lab's process does not answer or a file cannot be used.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let mta = mta(context);
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => return mta::usage(context, &mta),
    };
    match command {
        "start" => mta::start(context, &mta, rest),
        "stop" => mta::stop(context, &mta, rest),
        "restart" => mta::restart(context, &mta, rest),
        "qm" => mta::qm(context, &mta, rest),
        "counters" => mta::channel_counters(context, &mta, rest),
        "process" => process(context),
        "dirsync" => run_dirsync(context, &mta, rest),
        _ => mta::usage(context, &mta),
    }
}

/// `process`: the MTA's own processes in the shape of `ps -f`.
fn process(context: &mut ToolContext<'_>) -> Result<u8, LabError> {
    for process in control::running(context)? {
        if matches!(
            process.component.as_str(),
            "sims-dispatcher" | "sims-job-controller"
        ) {
            for line in super::system::ps_lines(&process) {
                writeln!(context.out, "{line}").map_err(wrote)?;
            }
        }
    }
    Ok(0)
}

/// `dirsync [-F] …`: SIMS asks its directory anew; after `-F` the MTA is restarted, even one that
/// was stopped.
fn run_dirsync(context: &mut ToolContext<'_>, mta: &Mta, args: &[String]) -> Result<u8, LabError> {
    let options = match super::getopt::parse(args, "d:vl:FLb:h:p:t") {
        Ok(options) if options.operands.is_empty() => options,
        Ok(_) => return mta::usage(context, mta),
        Err(why) => {
            writeln!(context.err, "imta dirsync: {why}").map_err(wrote)?;
            return Ok(1);
        }
    };
    let how = if options.has('F') {
        How::Full
    } else {
        How::Incremental
    };
    if let Err(why) = dirsync::synchronize(&context.lab, &context.host, how) {
        writeln!(context.err, "imta dirsync: {}", display_safe(&why)).map_err(wrote)?;
        return Ok(1);
    }
    if options.has('F') {
        return mta::restart(context, mta, &[]);
    }
    Ok(0)
}

/// Runs `im.server start|stop`.
///
/// # Errors
/// When the lab's process does not answer.
pub fn im_server(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    match args {
        [act] if act == "start" => all(context, &SERVERS, control::start, "sims-starting"),
        [act] if act == "stop" => {
            let mut servers = SERVERS;
            servers.reverse();
            let status = all(context, &servers, control::stop, "sims-stopping")?;
            if status == 0 {
                counters::remove(&mta(context).counters)?;
            }
            Ok(status)
        }
        _ => {
            writeln!(context.err, "Usage: {} {{ start | stop }}", context.path).map_err(wrote)?;
            Ok(1)
        }
    }
}

/// Runs `mt.scheduler start|stop`: the IMAP and POP server alone.
///
/// # Errors
/// When the lab's process does not answer.
pub fn mt_scheduler(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let server = ["sims-imaccessd"];
    match args {
        [act] if act == "start" => all(context, &server, control::start, "sims-starting"),
        [act] if act == "stop" => all(context, &server, control::stop, "sims-stopping"),
        _ => {
            writeln!(context.err, "Usage: {} {{ start | stop }}", context.path).map_err(wrote)?;
            Ok(1)
        }
    }
}

type Act = fn(&ToolContext<'_>, &str) -> Result<Outcome, LabError>;

fn all(
    context: &mut ToolContext<'_>,
    servers: &[&str],
    act: Act,
    sentence: &str,
) -> Result<u8, LabError> {
    let mut status = 0;
    for server in servers {
        let name = server.trim_start_matches("sims-").replace('-', "_");
        match act(context, server)? {
            Outcome::Done | Outcome::Already => {
                let line = say(&context.lab, sentence, &[&name]);
                writeln!(context.out, "{line}").map_err(wrote)?;
            }
            Outcome::Failed(why) => {
                status = 1;
                writeln!(context.err, "{name}: {why}").map_err(wrote)?;
            }
        }
    }
    Ok(status)
}
