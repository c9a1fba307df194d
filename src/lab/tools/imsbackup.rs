//! iMS `imsbackup`: the new store, or some objects of it, as a stream of blocks.
//!
//! Syntax and objects: iMS 6 manual (`domain/commands.md` 9). Inferred: wordings and exit statuses,
//! that stored has to run, and that an object which is not there is named and skipped. Groups of
//! `backup-groups.conf` other than `user` are not in this lab, nor are links (`-i`, `-m`: each
//! message is written where it is).

use super::ToolContext;
use super::getopt::{self, Options};
use super::imsrestore::stored_runs;
use super::place;
use super::stream::{
    DEFAULT_FACTOR, MAX_FACTOR, MessageRecord, Record, StreamHeader, StreamWriter, UserRecord,
};
use crate::base::display_safe;
use crate::lab::ims::{ImsStore, Mailbox};
use crate::lab::world::LabError;
use std::fs::File;
use std::io::{self, BufWriter, Write};

const USAGE: &str = "usage: imsbackup -f device [-b blocking_factor] [-d yyyymmdd[:hhmmss]] \
                     [-u file] [-ivlgx] [name…]";

/// Runs the command.
///
/// # Errors
/// Never for what a user can do wrong.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let options = match getopt::parse(args, "f:b:d:e:u:m:ivlgx") {
        Ok(options) => options,
        Err(message) => return Ok(complain(context, &format!("{message}\n{USAGE}"), 2)),
    };
    match back_up(context, &options) {
        Ok(()) => Ok(0),
        Err((status, message)) => Ok(complain(context, &message, status)),
    }
}

fn back_up(context: &mut ToolContext<'_>, options: &Options) -> Result<(), (u8, String)> {
    let failed = |e: LabError| (1, format!("error: {e}"));
    let usage = |message: &str| (2, format!("{message}\n{USAGE}"));
    let target = options.value('f').ok_or_else(|| usage("-f is needed"))?;
    let factor = match options.value('b') {
        None => DEFAULT_FACTOR,
        Some(text) => text
            .parse()
            .ok()
            .filter(|factor| (1..=MAX_FACTOR).contains(factor))
            .ok_or_else(|| usage("invalid blocking factor"))?,
    };
    let since = match options.value('d') {
        None => None,
        Some(text) => Some(moment(text).ok_or_else(|| usage("invalid date"))?),
    };
    let objects = match options.value('u') {
        None => options.operands.clone(),
        Some(file) => std::fs::read_to_string(context.real(file))
            .map_err(|e| (1, format!("error: cannot open {}: {e}", display_safe(file))))?
            .lines()
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect(),
    };
    if !stored_runs(context) {
        let message = "error: cannot open the message store: stored is not running";
        return Err((1, message.to_owned()));
    }
    let instance = place::instance(context).map_err(failed)?;
    let store = ImsStore::open(&instance.root).map_err(failed)?;
    let all = store.mailboxes().map_err(failed)?;
    for object in &objects {
        if !all.iter().any(|mailbox| means(object, mailbox)) {
            let message = format!("error: cannot find {}: skipped", display_safe(object));
            complain(context, &message, 1);
        }
    }
    let chosen: Vec<Mailbox> = all
        .into_iter()
        .filter(|mailbox| objects.is_empty() || objects.iter().any(|o| means(o, mailbox)))
        .collect();
    let header = StreamHeader {
        writer: "iMS 5.2 imsbackup".to_owned(),
        host: context.host.fqdn.clone(),
        factor,
        date: jiff::Timestamp::now().as_second(),
    };
    let written = if target == "-" {
        write_all(&store, &chosen, since, &mut *context.out, &header)
    } else {
        let file = File::create(context.real(target)).map_err(|e| {
            let target = display_safe(target);
            (1, format!("error: cannot open {target}: {e}"))
        })?;
        write_all(&store, &chosen, since, BufWriter::new(file), &header)
    };
    written.map_err(|e| (1, format!("write error: {e}")))
}

/// Whether an object such as `/primary/user/joe`, `joe` or `user/joe/INBOX` takes a mailbox in.
fn means(object: &str, mailbox: &Mailbox) -> bool {
    let object = object.strip_prefix('/').unwrap_or(object);
    let object = match object.strip_prefix("primary") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest.trim_start_matches('/'),
        _ => object,
    };
    if object.is_empty() || object == "user" {
        return true;
    }
    let object = object.strip_prefix("user/").unwrap_or(object);
    object == mailbox.user
        || object
            .strip_prefix(mailbox.user.as_str())
            .and_then(|rest| rest.strip_prefix('/'))
            .is_some_and(|folder| folder == mailbox.folder)
}

/// `yyyymmdd` or `yyyymmdd:hhmmss` as seconds.
fn moment(text: &str) -> Option<i64> {
    let (day, time) = text.split_once(':').unwrap_or((text, "000000"));
    (day.len() == 8 && time.len() == 6).then_some(())?;
    jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", format!("{day}{time}"))
        .ok()?
        .to_zoned_datetime(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|moment| moment.timestamp().as_second())
}

fn write_all<W: Write>(
    store: &ImsStore,
    mailboxes: &[Mailbox],
    since: Option<i64>,
    target: W,
    header: &StreamHeader,
) -> io::Result<()> {
    let mut writer = StreamWriter::new(target, header)?;
    for of_user in mailboxes.chunk_by(|a, b| a.user == b.user) {
        let Some(first) = of_user.first() else {
            continue;
        };
        writer.record(&Record::User(UserRecord {
            name: first.user.clone(),
            messages: of_user.iter().map(|m| m.messages).sum(),
        }))?;
        for mailbox in of_user {
            writer.record(&Record::Folder(mailbox.folder.clone().into_bytes()))?;
            let messages = store
                .messages(&mailbox.user, &mailbox.folder)
                .map_err(io::Error::other)?;
            for message in messages {
                if since.is_some_and(|since| message.internal_date < since) {
                    continue;
                }
                let text = store
                    .read(&mailbox.user, &mailbox.folder, message.n)
                    .map_err(io::Error::other)?;
                let meta = MessageRecord {
                    flags: message.flags,
                    date: message.internal_date,
                };
                writer.record(&Record::Message(meta, text))?;
            }
        }
    }
    writer.finish().map(|_| ())
}

fn complain(context: &mut ToolContext<'_>, message: &str, status: u8) -> u8 {
    // When standard error is gone nobody is left to be told.
    let _ = writeln!(context.err, "imsbackup: {message}");
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tools::stream::StreamReader;

    #[test]
    fn objects_are_named_in_all_documented_ways() {
        let dir = tempfile::tempdir().unwrap();
        let store = ImsStore::open(dir.path()).unwrap();
        store.append("joe", "Mail/x", b"m", &[], 0).unwrap();
        let mailboxes = store.mailboxes().unwrap();
        for object in [
            "/",
            "/primary",
            "/primary/user",
            "/primary/user/joe",
            "joe",
            "user/joe/Mail/x",
            "/primary/user/joe/Mail/x",
        ] {
            assert!(means(object, &mailboxes[0]), "{object}");
        }
        for object in ["/primary/user/jo", "x", "user/joe/Mail", "/primaryx"] {
            assert!(!means(object, &mailboxes[0]), "{object}");
        }
        assert_eq!(moment("19700102"), Some(86_400));
        assert_eq!(moment("19700101:000130"), Some(90));
        assert_eq!(moment("1970"), None);
    }

    #[test]
    fn what_is_written_is_what_the_store_holds() {
        let dir = tempfile::tempdir().unwrap();
        let store = ImsStore::open(dir.path()).unwrap();
        let flags = vec!["\\Seen".to_owned()];
        store.append("a", "INBOX", b"one\r\n", &flags, 7).unwrap();
        store.append("a", "Old", b"zero", &[], 3).unwrap();
        store.append("b", "INBOX", b"two", &[], 9).unwrap();
        let header = StreamHeader {
            writer: "iMS".into(),
            host: String::new(),
            factor: 1,
            date: 0,
        };
        let mut data = Vec::new();
        write_all(
            &store,
            &store.mailboxes().unwrap(),
            Some(5),
            &mut data,
            &header,
        )
        .unwrap();
        let mut reader = StreamReader::new(&data[..]).unwrap();
        let mut seen = Vec::new();
        loop {
            match reader.read_record().unwrap() {
                Record::User(user) => seen.push(user.name),
                Record::Folder(name) => seen.push(String::from_utf8(name).unwrap()),
                Record::Message(meta, text) => {
                    seen.push(format!("{} {}", meta.date, String::from_utf8_lossy(&text)));
                }
                Record::End => break,
            }
        }
        assert_eq!(
            seen,
            ["a", "INBOX", "7 one\r\n", "Old", "b", "INBOX", "9 two"]
        );
    }
}
