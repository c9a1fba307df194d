//! iMS `mboxutil`: lists, makes, removes and renames mailboxes.
//!
//! Syntax: iMS 6 manual (`domain/commands.md` 23). Inferred: the columns of `-l`, all messages, the
//! exit statuses (0 done, 1 failed, 2 usage), and that `-d user/<id>/INBOX` also takes the user.

use super::ToolContext;
use super::getopt::{self, Options};
use super::imsrestore::stored_runs;
use super::place;
use crate::base::display_safe;
use crate::lab::ims::{Delete, ImsStore, Mailbox};
use crate::lab::world::LabError;
use std::fmt::Write as _;

const USAGE: &str = "usage: mboxutil -l [-p pattern] [-x | -s]\n       mboxutil -c mailbox…\n       \
                     mboxutil -d mailbox…\n       mboxutil -r oldname newname";

/// Runs the command.
///
/// # Errors
/// Never for what a user can do wrong.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let options = match getopt::parse(args, "lcdrp:xs") {
        Ok(options) => options,
        Err(message) => return Ok(complain(context, &format!("{message}\n{USAGE}"), 2)),
    };
    let chosen = ['l', 'c', 'd', 'r'].map(|option| options.has(option));
    let operands = options.operands.len();
    let fits = match chosen {
        [true, false, false, false] => operands == 0,
        [false, true, false, false] | [false, false, true, false] => operands > 0,
        [false, false, false, true] => operands == 2,
        _ => false,
    };
    if !fits {
        return Ok(complain(context, USAGE, 2));
    }
    // Netscape's server has its tool read the list itself.
    if !crate::lab::nms::is_command(&context.path) && !stored_runs(context) {
        let message = "cannot open the message store: stored is not running";
        return Ok(complain(context, message, 1));
    }
    let store = place::instance(context).and_then(|instance| ImsStore::open(&instance.root));
    let result = match store {
        Err(e) => Err(e),
        Ok(store) if options.has('l') => list(context, &store, &options),
        Ok(store) => change(&store, &options),
    };
    match result {
        Ok(()) => Ok(0),
        Err(e) => Ok(complain(context, &e.to_string(), 1)),
    }
}

fn list(
    context: &mut ToolContext<'_>,
    store: &ImsStore,
    options: &Options,
) -> Result<(), LabError> {
    let mut text = String::new();
    if !options.has('s') {
        text.push_str("  msgs   Kbytes last msg         partition   quotaroot mailbox\n");
    }
    for mailbox in store.mailboxes()? {
        let name = mailbox.name();
        if !options.value('p').is_none_or(|p| matches(p, &name)) {
            continue;
        }
        if options.has('s') {
            text.push_str(&display_safe(&name));
        } else {
            text.push_str(&row(&mailbox));
        }
        if options.has('x') {
            let path = context.seen(&mailbox.path);
            let _ = write!(text, " {path} {} lrswipcda", display_safe(&mailbox.user));
        }
        text.push('\n');
    }
    context
        .out
        .write_all(text.as_bytes())
        .map_err(LabError::file("standard output"))
}

fn row(mailbox: &Mailbox) -> String {
    let last = mailbox
        .last
        .and_then(|second| jiff::Timestamp::from_second(second).ok())
        .map(|time| {
            time.to_zoned_datetime(jiff::tz::TimeZone::system())
                .strftime("%Y/%m/%d %H:%M")
                .to_string()
        })
        .unwrap_or_default();
    format!(
        "{:>6} {:>8} {last:<16} {:<11} {:>9} {}",
        mailbox.messages,
        mailbox.bytes.div_ceil(1024),
        mailbox.partition,
        "-",
        display_safe(&mailbox.name())
    )
}

fn change(store: &ImsStore, options: &Options) -> Result<(), LabError> {
    if let (true, [old, new]) = (options.has('r'), options.operands.as_slice()) {
        return store.rename_mailbox(split(old)?, split(new)?);
    }
    for name in &options.operands {
        let (user, folder) = split(name)?;
        if options.has('c') {
            if store.exists(user, folder)? {
                return Err(said(name, "Mailbox already exists"));
            }
            store.create(user, folder)?;
            continue;
        }
        let what = if folder.eq_ignore_ascii_case("INBOX") {
            Delete::All
        } else {
            Delete::Folder(folder)
        };
        if store.delete_mailbox(user, what)? == 0 {
            return Err(said(name, "Mailbox does not exist"));
        }
    }
    Ok(())
}

/// `user/<id>/<folder>` in its parts.
fn split(name: &str) -> Result<(&str, &str), LabError> {
    name.strip_prefix("user/")
        .and_then(|rest| rest.split_once('/'))
        .filter(|(user, folder)| !user.is_empty() && !folder.is_empty())
        .ok_or_else(|| said(name, "Invalid mailbox name"))
}

fn said(name: &str, what: &str) -> LabError {
    LabError::Other(format!("{}: {what}", display_safe(name)))
}

/// IMAP's wildcards: `*` for anything, `%` for anything but `/`.
fn matches(pattern: &str, name: &str) -> bool {
    let Some(first) = pattern.chars().next() else {
        return name.is_empty();
    };
    let rest = pattern.get(first.len_utf8()..).unwrap_or_default();
    match first {
        '*' | '%' => {
            let mut tail = name;
            loop {
                if matches(rest, tail) {
                    return true;
                }
                let Some(next) = tail.chars().next().filter(|c| first == '*' || *c != '/') else {
                    return false;
                };
                tail = tail.get(next.len_utf8()..).unwrap_or_default();
            }
        }
        _ => name
            .strip_prefix(first)
            .is_some_and(|tail| matches(rest, tail)),
    }
}

fn complain(context: &mut ToolContext<'_>, message: &str, status: u8) -> u8 {
    // When standard error is gone nobody is left to be told.
    let _ = writeln!(context.err, "mboxutil: {message}");
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_imap() {
        assert!(matches("user/a*", "user/anderson/Mail/x"));
        assert!(matches("user/%/INBOX", "user/joe/INBOX"));
        assert!(!matches("user/%", "user/joe/INBOX"));
        assert!(matches("*", ""));
        assert!(!matches("", "x"));
    }

    #[test]
    fn a_row_ends_with_the_name_and_begins_with_the_count() {
        let mailbox = Mailbox {
            user: "joe".into(),
            folder: "a b".into(),
            messages: 12,
            bytes: 48 * 1024,
            last: None,
            uidvalidity: 1,
            path: "/x".into(),
            partition: "primary".into(),
        };
        let line = row(&mailbox);
        assert!(line.ends_with(" user/joe/a b"), "{line}");
        assert_eq!(line.split_whitespace().next(), Some("12"));
        assert_eq!(line.split_whitespace().nth(1), Some("48"));
    }

    #[test]
    fn removing_an_inbox_takes_everything_of_the_user() {
        let dir = tempfile::tempdir().unwrap();
        let store = ImsStore::open(dir.path()).unwrap();
        for folder in ["INBOX", "x", "y"] {
            store.append("u", folder, b"m", &[], 0).unwrap();
        }
        let args = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            getopt::parse(&words, "lcdrp:xs").unwrap()
        };
        change(&store, &args("-r user/u/x user/u/z")).unwrap();
        change(&store, &args("-d user/u/y")).unwrap();
        assert!(change(&store, &args("-d user/u/y")).is_err());
        change(&store, &args("-c user/v/INBOX")).unwrap();
        assert!(change(&store, &args("-c user/v/INBOX")).is_err());
        change(&store, &args("-d user/u/INBOX")).unwrap();
        assert_eq!(store.mailboxes().unwrap().len(), 1);
        assert!(change(&store, &args("-d u/INBOX")).is_err());
    }
}
