//! Netscape Messaging Server's own commands: `configutil`, `start-msg`, `stop-msg`, and `mailq`, which
//! its sendmail emulator answers (`domain/commands.md` 12 to 14; wordings inferred).

use super::ToolContext;
use super::control::{self, Outcome};
use super::getopt;
use crate::base::display_safe;
use crate::lab::nms;
use crate::lab::phrases::say;
use crate::lab::queue;
use crate::lab::world::LabError;

/// Word on the command line, component.
const SERVERS: [(&str, &str); 3] = [
    ("smtp", "nms-smtpd"),
    ("imap", "nms-imapd"),
    ("pop", "nms-popd"),
];

fn wrote(e: std::io::Error) -> LabError {
    LabError::file("standard output")(e)
}

fn complain(context: &mut ToolContext<'_>, message: &str) -> Result<u8, LabError> {
    writeln!(context.err, "{message}").map_err(wrote)?;
    Ok(1)
}

/// Runs `configutil -o OPTION [-v VALUE]` or `configutil [-p PREFIX]`.
///
/// # Errors
/// When the configuration cannot be used.
pub fn configutil(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let usage = "usage: configutil -o option [-v value]\n       configutil [-p prefix]";
    let options = match getopt::parse(args, "o:v:p:e") {
        Ok(options) if options.operands.is_empty() => options,
        Ok(_) => return complain(context, usage),
        Err(why) => return complain(context, &format!("configutil: {why}\n{usage}")),
    };
    let instance = nms::instance(&context.lab, &context.host);
    match (options.value('o'), options.value('v')) {
        (Some(name), Some(value)) => {
            instance.set_local(name, value)?;
            let line = say(&context.lab, "configutil-set", &[]);
            writeln!(context.out, "{line}").map_err(wrote)?;
            Ok(0)
        }
        (Some(name), None) => match instance.local(name)? {
            Some(value) => {
                writeln!(context.out, "{}", display_safe(&value)).map_err(wrote)?;
                Ok(0)
            }
            None => Ok(1),
        },
        (None, Some(_)) => complain(context, usage),
        (None, None) => {
            let prefix = options.value('p').unwrap_or_default();
            for (name, value) in instance.locals()? {
                if name.starts_with(prefix) {
                    writeln!(context.out, "{name} = {}", display_safe(&value)).map_err(wrote)?;
                }
            }
            Ok(0)
        }
    }
}

fn named(args: &[String]) -> Option<Vec<(&'static str, &'static str)>> {
    match args {
        [] => Some(SERVERS.to_vec()),
        [word] => {
            let one = SERVERS.iter().find(|(name, _)| name == word)?;
            Some(vec![*one])
        }
        _ => None,
    }
}

/// Runs `start-msg [smtp|imap|pop]`.
///
/// # Errors
/// When the lab's process does not answer.
pub fn start(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let Some(servers) = named(args) else {
        return complain(context, "Usage: start-msg [smtp|imap|pop]");
    };
    let mut status = 0;
    for (name, component) in servers {
        let line = match control::start(context, component)? {
            Outcome::Already => say(&context.lab, "msg-running", &[name]),
            Outcome::Done => {
                let pid = control::find(context, component)?.map_or(0, |p| p.pid);
                say(&context.lab, "msg-starting", &[name, &pid.to_string()])
            }
            Outcome::Failed(why) => {
                status = complain(context, &format!("start-msg: {name} server: {why}"))?;
                continue;
            }
        };
        writeln!(context.out, "{line}").map_err(wrote)?;
    }
    Ok(status)
}

/// Runs `stop-msg [smtp|imap|pop]`.
///
/// # Errors
/// When the lab's process does not answer.
pub fn stop(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let Some(servers) = named(args) else {
        return complain(context, "Usage: stop-msg [smtp|imap|pop]");
    };
    let mut status = 0;
    for (name, component) in servers {
        let pid = control::find(context, component)?.map_or(0, |p| p.pid);
        let line = match control::stop(context, component)? {
            Outcome::Already => say(&context.lab, "msg-not-running", &[name]),
            Outcome::Done => say(&context.lab, "msg-stopping", &[name, &pid.to_string()]),
            Outcome::Failed(why) => {
                status = complain(context, &format!("stop-msg: {name} server: {why}"))?;
                continue;
            }
        };
        writeln!(context.out, "{line}").map_err(wrote)?;
    }
    Ok(status)
}

/// Runs `mailq`: the queue of Netscape's server in sendmail's words.
///
/// # Errors
/// When the queue cannot be read.
pub fn mailq(context: &mut ToolContext<'_>, _args: &[String]) -> Result<u8, LabError> {
    let instance = nms::instance(&context.lab, &context.host);
    let folder = nms::queue(&instance);
    let queued = queue::list(&folder).map_err(LabError::file(&folder))?;
    if queued.is_empty() {
        writeln!(context.out, "Mail queue is empty").map_err(wrote)?;
        return Ok(0);
    }
    let requests = match queued.len() {
        1 => "1 request".to_owned(),
        n => format!("{n} requests"),
    };
    writeln!(
        context.out,
        "\t\tMail Queue ({requests})\n\
         --QID-- --Size-- -----Q-Time----- ------------Sender/Recipient------------"
    )
    .map_err(wrote)?;
    for message in &queued {
        let Ok((envelope, _)) = queue::read(&message.path) else {
            continue;
        };
        let time = jiff::Timestamp::from_second(envelope.arrived).unwrap_or_default();
        let id = message.name.split('.').next().unwrap_or_default();
        writeln!(
            context.out,
            "{id} {:>8} {} <{}>",
            message.bytes,
            time.strftime("%a %b %e %H:%M"),
            display_safe(&envelope.from)
        )
        .map_err(wrote)?;
        for to in &envelope.to {
            writeln!(context.out, "\t\t<{}>", display_safe(to)).map_err(wrote)?;
        }
    }
    Ok(0)
}
