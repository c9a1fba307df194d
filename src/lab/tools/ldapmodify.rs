//! `ldapmodify` of the Directory SDK 4.x (`domain/commands.md` 18).
//!
//! Stops at the first error, unless `-c`; then the exit status is that of the *last* operation, so
//! that a failure in the middle goes unnoticed. A record without `changetype` adds with `-a` and
//! replaces values without it.

use super::ldap::{PARAM_ERROR, connect, failed, say};
use super::{ToolContext, getopt};
use crate::base::display_safe;
use crate::lab::ldap::client::{Client, ClientError};
use crate::lab::ldap::entry::Entry;
use crate::lab::ldap::ldif::{self, Change, Mod, ModKind, Record};
use crate::lab::phrases;
use crate::lab::world::LabError;
use std::fmt::Write as _;
use std::io::Read;

const USAGE: &str =
    "usage: ldapmodify [-abcnrvF] [-d debug] [-D binddn] [-w passwd] [-h host] [-p port] [-f file]";

/// Runs the command.
///
/// # Errors
/// When its streams cannot be used.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let options = match getopt::parse(args, "abcnrvFBHRd:D:f:h:j:p:w:") {
        Ok(options) if options.operands.is_empty() => options,
        Ok(_) => {
            say(context, USAGE)?;
            return Ok(PARAM_ERROR);
        }
        Err(e) => {
            say(context, &format!("ldapmodify: {e}"))?;
            say(context, USAGE)?;
            return Ok(PARAM_ERROR);
        }
    };
    let mut text = Vec::new();
    let read = match options.value('f') {
        None | Some("-") => context.stdin.read_to_end(&mut text).map(|_| ()),
        Some(file) => std::fs::File::open(context.real(file))
            .and_then(|mut f| f.read_to_end(&mut text))
            .map(|_| ()),
    };
    if let Err(e) = read {
        let file = options.value('f').unwrap_or("-");
        say(context, &format!("{file}: {e}"))?;
        return Ok(PARAM_ERROR);
    }
    let records = match ldif::parse(&text) {
        Ok(records) => records,
        Err(e) => {
            say(context, &format!("ldapmodify: {e}"))?;
            return Ok(PARAM_ERROR);
        }
    };
    let mut client = None;
    if !options.has('n') {
        match connect(context, &options)? {
            Ok(connected) => client = Some(connected),
            Err(status) => return Ok(status),
        }
    }
    let mut status = 0;
    for record in records {
        let files = options.has('b');
        let record = match prepare(context, record, options.has('a'), files) {
            Ok(record) => record,
            Err(text) => {
                say(context, &text)?;
                return Ok(PARAM_ERROR);
            }
        };
        announce(context, &record, options.has('v'), client.is_none())?;
        let Some(client) = &mut client else {
            continue;
        };
        status = match apply(client, &record) {
            Ok(()) => 0,
            Err(e) => failed(context, call(&record.change), &e)?,
        };
        writeln!(context.out).map_err(LabError::file("standard output"))?;
        if status != 0 && !options.has('c') {
            break;
        }
    }
    Ok(status)
}

/// Makes of a record without `changetype` what the options say, and reads values from files.
fn prepare(
    context: &ToolContext<'_>,
    mut record: Record,
    adds: bool,
    files: bool,
) -> Result<Record, String> {
    if let Change::Content(entry) = record.change {
        record.change = if adds {
            Change::Add(entry)
        } else {
            Change::Modify(replacements(entry))
        };
    }
    if files {
        let values = match &mut record.change {
            Change::Add(entry) => entry
                .attributes
                .iter_mut()
                .flat_map(|a| &mut a.values)
                .collect(),
            Change::Modify(mods) => mods.iter_mut().flat_map(|m| &mut m.values).collect(),
            _ => Vec::new(),
        };
        for value in values {
            if value.starts_with(b"/") {
                let path = String::from_utf8_lossy(value).into_owned();
                *value = std::fs::read(context.real(&path)).map_err(|e| format!("{path}: {e}"))?;
            }
        }
    }
    Ok(record)
}

fn replacements(entry: Entry) -> Vec<Mod> {
    entry
        .attributes
        .into_iter()
        .map(|a| Mod {
            kind: ModKind::Replace,
            attribute: a.name,
            values: a.values,
        })
        .collect()
}

/// Says what is done, or with `-n` what would be.
fn announce(
    context: &mut ToolContext<'_>,
    record: &Record,
    verbose: bool,
    preview: bool,
) -> Result<(), LabError> {
    let key = match record.change {
        Change::Content(_) | Change::Add(_) => "ldapmodify-add",
        Change::Delete => "ldapmodify-delete",
        Change::Modify(_) => "ldapmodify-modify",
        Change::Rename { .. } => "ldapmodify-rename",
    };
    let mut text = String::new();
    if verbose {
        let mut line = |verb: &str, name: &str, values: &[Vec<u8>]| {
            let _ = writeln!(text, "{verb} {name}:");
            for value in values {
                let value = String::from_utf8_lossy(value);
                let _ = writeln!(text, "\t{}", display_safe(&value));
            }
        };
        match &record.change {
            Change::Add(entry) => {
                for a in &entry.attributes {
                    line("add", &a.name, &a.values);
                }
            }
            Change::Modify(mods) => {
                for m in mods {
                    let verb = match m.kind {
                        ModKind::Add => "add",
                        ModKind::Delete => "delete",
                        ModKind::Replace => "replace",
                    };
                    line(verb, &m.attribute, &m.values);
                }
            }
            _ => {}
        }
    }
    let sentence = phrases::say(&context.lab, key, &[&display_safe(&record.dn)]);
    let mark = if preview { "!" } else { "" };
    writeln!(context.out, "{text}{mark}{sentence}").map_err(LabError::file("standard output"))
}

fn apply(client: &mut Client, record: &Record) -> Result<(), ClientError> {
    match &record.change {
        Change::Content(entry) | Change::Add(entry) => client.add(entry),
        Change::Delete => client.delete(&record.dn),
        Change::Modify(mods) => client.modify(&record.dn, mods),
        Change::Rename {
            rdn,
            delete_old,
            superior,
        } => client.rename(&record.dn, rdn, *delete_old, superior.as_deref()),
    }
}

fn call(change: &Change) -> &'static str {
    match change {
        Change::Content(_) | Change::Add(_) => "ldap_add",
        Change::Delete => "ldap_delete",
        Change::Modify(_) => "ldap_modify",
        Change::Rename { .. } => "ldap_rename",
    }
}
