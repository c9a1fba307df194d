//! iMS `imsimta`: which part of it does what.

mod cache;
mod dirsync;
mod rewrite;

pub use cache::{Cache, Known, file as cache_file};

use super::control;
use super::held;
use super::mta::{self, Mta};
use super::{ToolContext, place};
use crate::base::display_safe;
use crate::lab::instance::Instance;
use crate::lab::world::LabError;
use jiff::Timestamp;

/// Runs the command.
///
/// # Errors
/// When the instance's files cannot be used.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let instance = match place::instance(context) {
        Ok(instance) => instance,
        Err(e) => {
            let _ = writeln!(context.err, "imsimta: error: {e}");
            return Ok(1);
        }
    };
    let Some((verb, rest)) = args.split_first() else {
        let _ = writeln!(context.err, "usage: imsimta command [argument…]");
        return Ok(2);
    };
    match verb.as_str() {
        "dirsync" => dirsync::run(context, &instance, rest),
        "test" => rewrite::run(context, &instance, rest),
        "start" => mta::start(context, &mta_of(&instance), rest),
        "stop" => mta::stop(context, &mta_of(&instance), rest),
        "restart" => mta::restart(context, &mta_of(&instance), rest),
        "qm" => mta::qm(context, &mta_of(&instance), rest),
        "counters" => mta::channel_counters(context, &mta_of(&instance), rest),
        "process" => process(context),
        "process_held" => held::process_held(context, &instance, rest),
        other => {
            let _ = writeln!(
                context.err,
                "imsimta: error: unknown command {}",
                display_safe(other)
            );
            Ok(2)
        }
    }
}

fn mta_of(instance: &Instance) -> Mta {
    Mta {
        command: "imsimta",
        dispatcher: "ims-dispatcher",
        job_controller: "ims-job-controller",
        queue: instance.queue(),
        counters: instance.counters(),
    }
}

/// `process`: the MTA's processes in the shape of the later manuals (`domain/commands.md` 1); the
/// dispatcher has a child that serves SMTP.
fn process(context: &mut ToolContext<'_>) -> Result<u8, LabError> {
    let wrote = |e| LabError::file("standard output")(e);
    let running = control::running(context)?;
    writeln!(
        context.out,
        "USER    PID   S VSZ   RSS   STIME    TIME    COMMAND"
    )
    .map_err(wrote)?;
    for process in running {
        let children: &[&str] = match process.component.as_str() {
            "ims-dispatcher" => &["imta/bin/dispatcher", "imta/bin/tcp_smtp_server"],
            "ims-job-controller" => &["imta/bin/job_controller"],
            _ => continue,
        };
        let time = Timestamp::from_second(process.started).unwrap_or(Timestamp::UNIX_EPOCH);
        let started = time.strftime("%H:%M:%S");
        for (pid, command) in (process.pid..).zip(children) {
            writeln!(
                context.out,
                "{:<7} {pid:<5} S 21368 9048  {started} 0:01    {command}",
                process.user
            )
            .map_err(wrote)?;
        }
    }
    Ok(0)
}
