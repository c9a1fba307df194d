//! SIMS `imbackup`: the old store, or some of its users, as a stream of blocks.
//!
//! Syntax and options: SIMS manual (`domain/commands.md` 6). Inferred: the wording of all messages,
//! that a name which is not in the store is skipped and does not change the exit status, that a
//! message which cannot be read does (1), and that a usage error is 2.

use super::ToolContext;
use super::getopt;
use super::stream::{
    DEFAULT_FACTOR, MAX_FACTOR, MessageRecord, Record, StreamHeader, StreamWriter, UserRecord,
};
use crate::base::display_safe;
use crate::lab::phrases;
use crate::lab::sims::{Folder, SimsStore};
use crate::lab::world::LabError;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};

const USAGE: &str = "usage: imbackup -f (device|file|-) | -n [-d yyyymmdd] [-b blocking_factor] \
                     [-a] [-l config_location] [-u usernames_file | userlist]";

/// What is to be backed up, and how.
struct Job {
    target: Option<String>,
    since: Option<i64>,
    factor: usize,
    config: Option<String>,
    users: Option<Vec<String>>,
}

/// Runs the command.
///
/// # Errors
/// Never for what a user can do wrong; only when the context's own streams fail.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let job = match read_arguments(context, args) {
        Ok(job) => job,
        Err(Refusal { status, message }) => {
            complain(context, &message);
            return Ok(status);
        }
    };
    match back_up(context, &job) {
        Ok(status) => Ok(status),
        Err(message) => {
            complain(context, &message);
            Ok(1)
        }
    }
}

struct Refusal {
    status: u8,
    message: String,
}

fn usage(message: &str) -> Refusal {
    Refusal {
        status: 2,
        message: format!("{message}\n{USAGE}"),
    }
}

fn failure(message: String) -> Refusal {
    Refusal { status: 1, message }
}

fn read_arguments(context: &ToolContext<'_>, args: &[String]) -> Result<Job, Refusal> {
    let options = getopt::parse(args, "f:nd:b:al:u:").map_err(|e| usage(&e))?;
    let target = match (options.value('f'), options.has('n')) {
        (_, true) => None,
        (Some(target), false) => Some(target.to_owned()),
        (None, false) => return Err(usage("one of -f and -n is needed")),
    };
    let since = options.value('d').map(day).transpose()?;
    let factor = match options.value('b') {
        None => DEFAULT_FACTOR,
        Some(text) => text
            .parse()
            .ok()
            .filter(|factor| (1..=MAX_FACTOR).contains(factor))
            .ok_or_else(|| usage(&format!("invalid blocking factor `{}`", display_safe(text))))?,
    };
    let users = match (options.value('u'), options.operands.is_empty()) {
        (Some(_), false) => return Err(usage("-u and a list of users exclude each other")),
        (None, true) => None,
        (None, false) => Some(options.operands.clone()),
        (Some(file), true) => {
            let real = context.real(file);
            let text = std::fs::read_to_string(&real)
                .map_err(|e| failure(format!("cannot open {}: {e}", display_safe(file))))?;
            Some(
                text.lines()
                    .map(str::trim)
                    .filter(|line| !line.is_empty())
                    .map(str::to_owned)
                    .collect(),
            )
        }
    };
    Ok(Job {
        target,
        since,
        factor,
        config: options.value('l').map(str::to_owned),
        users,
    })
}

/// The first second of a day, which like the store's folders is a day of UTC.
fn day(text: &str) -> Result<i64, Refusal> {
    jiff::civil::Date::strptime("%Y%m%d", text)
        .ok()
        .filter(|_| text.len() == 8)
        .and_then(|date| date.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok())
        .map(|start| start.timestamp().as_second())
        .ok_or_else(|| usage(&format!("invalid date `{}`", display_safe(text))))
}

fn back_up(context: &mut ToolContext<'_>, job: &Job) -> Result<u8, String> {
    let store = match &job.config {
        None => SimsStore::open(&context.root()),
        Some(folder) => SimsStore::open_config(&context.root(), &context.real(folder)),
    }
    .map_err(|e| e.to_string())?;
    let known = store.users().map_err(|e| e.to_string())?;
    let users = chosen(context, job, &known);
    let header = StreamHeader {
        writer: "SIMS 4.0 imbackup".to_owned(),
        host: context.host.fqdn.clone(),
        factor: job.factor,
        date: jiff::Timestamp::now().as_second(),
    };
    let counts = match job.target.as_deref() {
        None => write_users(&store, &users, job.since, io::sink(), &header, context.err),
        Some("-") => write_users(
            &store,
            &users,
            job.since,
            &mut *context.out,
            &header,
            context.err,
        ),
        Some(file) => {
            let real = context.real(file);
            let target = File::create(&real)
                .map_err(|e| format!("cannot open {}: {e}", display_safe(file)))?;
            write_users(&store, &users, job.since, target, &header, context.err)
        }
    }
    .map_err(|e| format!("write error: {e}"))?;
    if job.target.as_deref() != Some("-") {
        let key = if job.target.is_none() {
            "imbackup-would"
        } else {
            "imbackup-done"
        };
        let sentence = phrases::say(
            &context.lab,
            key,
            &[
                &counts.users.to_string(),
                &counts.messages.to_string(),
                &counts.bytes.to_string(),
            ],
        );
        let _ = writeln!(context.err, "{sentence}");
    }
    Ok(u8::from(counts.unreadable > 0))
}

/// The users to be written, in the order asked for; the others are named on standard error.
fn chosen(context: &mut ToolContext<'_>, job: &Job, known: &[String]) -> Vec<String> {
    let Some(asked) = &job.users else {
        return known.to_vec();
    };
    let known: BTreeSet<&String> = known.iter().collect();
    let mut seen = BTreeSet::new();
    let mut users = Vec::new();
    for user in asked {
        if !known.contains(user) {
            complain(
                context,
                &format!(
                    "unknown user {}: not in the message store",
                    display_safe(user)
                ),
            );
        } else if seen.insert(user) {
            users.push(user.clone());
        }
    }
    users
}

#[derive(Default)]
struct Counts {
    users: u64,
    messages: u64,
    bytes: u64,
    unreadable: u64,
}

fn write_users<W: Write>(
    store: &SimsStore,
    users: &[String],
    since: Option<i64>,
    target: W,
    header: &StreamHeader,
    err: &mut dyn Write,
) -> io::Result<Counts> {
    let mut counts = Counts::default();
    let mut writer = StreamWriter::new(target, header)?;
    for user in users {
        let folders = match store.folders(user) {
            Ok(folders) => folders,
            Err(e) => {
                counts.unreadable += 1;
                let _ = writeln!(err, "imbackup: cannot read the folders of {user}: {e}");
                continue;
            }
        };
        let wanted = |folder: &Folder| {
            folder
                .messages
                .iter()
                .filter(|m| since.is_none_or(|since| m.date >= since))
                .cloned()
                .collect::<Vec<_>>()
        };
        counts.users += 1;
        writer.record(&Record::User(UserRecord {
            name: user.clone(),
            messages: folders.iter().map(|f| wanted(f).len() as u64).sum(),
        }))?;
        for folder in &folders {
            writer.record(&Record::Folder(folder.name.clone()))?;
            for message in wanted(folder) {
                let text = match store.read(&message) {
                    Ok(text) => text,
                    Err(e) => {
                        counts.unreadable += 1;
                        let _ = writeln!(err, "imbackup: {user}: cannot read a message: {e}");
                        continue;
                    }
                };
                counts.messages += 1;
                counts.bytes += text.len() as u64;
                let meta = MessageRecord {
                    flags: message.flags,
                    date: message.date,
                };
                writer.record(&Record::Message(meta, text))?;
            }
        }
    }
    writer.finish()?;
    Ok(counts)
}

fn complain(context: &mut ToolContext<'_>, message: &str) {
    // When standard error is gone nobody is left to be told.
    let _ = writeln!(context.err, "imbackup: {message}");
}
