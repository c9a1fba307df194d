//! SIMS `imquotacheck`: who uses how much of what they may.
//!
//! Columns and options: SIMS manual (`domain/commands.md` 24). Inferred: the header line with its
//! unit, `-` for no quota, the wording. Without `-n` it sends each user over 90 % a message, as the
//! manual says: that is new mail, also for the ledger.

use super::{ToolContext, getopt};
use crate::base::display_safe;
use crate::lab::ldap::client::{Client, Scope};
use crate::lab::ledger;
use crate::lab::people::domain_of;
use crate::lab::sims::SimsStore;
use crate::lab::world::LabError;
use std::collections::HashMap;
use std::fmt::Write as _;

const USAGE: &str = "usage: imquotacheck [-v] [-u user] [-n]";

/// Who is over so many percent is told so.
const THRESHOLD: u64 = 90;

/// What the directory says of a user of the store.
struct Person {
    /// The store id, case as in the directory.
    id: String,
    quota: Option<u64>,
}

/// Runs the command.
///
/// # Errors
/// When the store cannot be read.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let options = match getopt::parse(args, "vu:n") {
        Ok(options) if options.operands.is_empty() => options,
        Ok(_) => return Ok(complain(context, USAGE, 2)),
        Err(message) => return Ok(complain(context, &format!("{message}\n{USAGE}"), 2)),
    };
    let store = SimsStore::open(&context.root())?;
    let mut users = store.users()?;
    if let Some(user) = options.value('u') {
        users.retain(|u| u == user);
        if users.is_empty() {
            let message = format!("error: unknown user {}", display_safe(user));
            return Ok(complain(context, &message, 1));
        }
    }
    let people = match people(context) {
        Ok(people) => people,
        Err(message) => return Ok(complain(context, &format!("error: {message}"), 1)),
    };
    let mut text = String::new();
    if options.has('v') {
        text.push_str("Username                  Quota(bytes)    Size(bytes)   %Used\n");
    }
    for user in &users {
        let size = store.usage(user)?;
        let person = people.get(user);
        let quota = person.and_then(|p| p.quota);
        let percent = quota.map(|q| size.saturating_mul(100).checked_div(q).unwrap_or(100));
        if options.has('v') {
            let shown = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
            let _ = writeln!(
                text,
                "{:<24} {:>13} {size:>14} {:>7}",
                display_safe(user),
                shown(quota),
                percent.map_or_else(|| "-".to_owned(), |p| format!("{p}%")),
            );
        }
        let Some(percent) = percent.filter(|p| *p >= THRESHOLD) else {
            continue;
        };
        let notice = format!("{user}: {percent}% of the mail quota is used");
        if options.has('n') {
            if !options.has('v') {
                let _ = writeln!(text, "{}", display_safe(&notice));
            }
        } else if let Some(person) = person {
            notify(context, &store, &person.id, &notice)?;
        }
    }
    context
        .out
        .write_all(text.as_bytes())
        .map_err(LabError::file("standard output"))?;
    Ok(0)
}

fn notify(
    context: &ToolContext<'_>,
    store: &SimsStore,
    id: &str,
    notice: &str,
) -> Result<(), LabError> {
    let now = jiff::Timestamp::now();
    let message = format!(
        "From: postmaster@{}\r\nTo: {id}\r\nSubject: Your mail quota\r\nMessage-ID: <quota.{}.{:x}@{}>\r\n\r\n{notice}\r\n",
        context.lab.config.default_domain,
        now.as_millisecond(),
        rand::random::<u32>(),
        context.host.fqdn,
    );
    let (message, date) = (message.as_bytes(), now.as_second());
    let line = ledger::Line::new(id, message, date, ledger::Origin::Traffic);
    ledger::append(&context.lab, &[line])?;
    store.append(id, b"INBOX", message, &[], date).map(|_| ())
}

/// What the site's directory says, by name in the store.
fn people(context: &ToolContext<'_>) -> Result<HashMap<String, Person>, String> {
    let config = &context.lab.config;
    let host = context
        .lab
        .host_with_role("directory")
        .map_err(|e| e.to_string())?;
    let failed = |e: crate::lab::ldap::client::ClientError| format!("cannot read quotas: {e}");
    let mut client = Client::connect(&context.lab, &host.fqdn, 389).map_err(failed)?;
    let found = client
        .search(
            &config.suffix,
            Scope::Subtree,
            "(objectClass=inetMailUser)",
            &["uid", "mailQuota"],
        )
        .map_err(failed)?;
    let mut people = HashMap::new();
    for entry in found {
        let Some(uid) = entry.first("uid") else {
            continue;
        };
        let domain = domain_of(&entry.dn);
        let id = if domain.eq_ignore_ascii_case(&config.default_domain) {
            uid.to_owned()
        } else {
            format!("{uid}@{domain}")
        };
        let quota = entry.first("mailQuota").and_then(bytes);
        people.insert(id.to_lowercase(), Person { id, quota });
    }
    Ok(people)
}

/// A quota in bytes; `None` for unlimited, which is also what SIMS makes of none.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit: u64 = match text.chars().last()?.to_ascii_uppercase() {
        'K' => 1 << 10,
        'M' => 1 << 20,
        'G' => 1 << 30,
        'T' => 1 << 40,
        _ => 1,
    };
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    number
        .parse::<u64>()
        .ok()
        .map(|number| number.saturating_mul(unit))
}

fn complain(context: &mut ToolContext<'_>, message: &str, status: u8) -> u8 {
    // When standard error is gone nobody is left to be told.
    let _ = writeln!(context.err, "imquotacheck: {message}");
    status
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn quotas_have_units_and_negative_ones_are_none() {
        assert_eq!(bytes("5000"), Some(5000));
        assert_eq!(bytes("20M"), Some(20 << 20));
        assert_eq!(bytes("2G"), Some(2 << 30));
        assert_eq!(bytes("-1"), None);
        assert_eq!(bytes("much"), None);
    }
}
