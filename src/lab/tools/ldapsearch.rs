//! `ldapsearch` of the Directory SDK 4.x (`domain/commands.md` 17).
//!
//! With `-L` LDIF; without it `dn: …` and `attribute: value` unfolded. No entry found is success;
//! an error ends with its LDAP code. `-t`, `-M`, `-O`, SSL and VLV are not there.

use super::ldap::{PARAM_ERROR, connect, failed, say};
use super::{ToolContext, getopt};
use crate::base::display_safe;
use crate::lab::ldap::client::{Client, ClientError, Query, Scope};
use crate::lab::ldap::entry::Entry;
use crate::lab::ldap::{dn, ldif};
use crate::lab::world::LabError;
use std::io::Write;

const USAGE: &str = "usage: ldapsearch -b basedn [-h host] [-p port] [-D binddn] [-w passwd] [-s base|one|sub] [-LnvAB] [-F sep] [-S attr] [-f file] [-l limit] [-z limit] filter [attributes...]";

/// How entries are printed.
struct Style {
    ldif: bool,
    separator: String,
}

/// Runs the command.
///
/// # Errors
/// When its streams cannot be used.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let options = match getopt::parse(args, "nuvABLRa:b:d:D:f:F:h:j:l:p:s:S:w:z:") {
        Ok(options) => options,
        Err(e) => {
            say(context, &format!("ldapsearch: {e}"))?;
            say(context, USAGE)?;
            return Ok(PARAM_ERROR);
        }
    };
    let scope = match options.value('s').unwrap_or("sub") {
        "base" => Scope::Base,
        "one" => Scope::One,
        "sub" => Scope::Subtree,
        other => {
            say(
                context,
                &format!("scope should be base, one, or sub, not {other}"),
            )?;
            return Ok(PARAM_ERROR);
        }
    };
    let base = match options.value('b').map(str::to_owned) {
        Some(base) => Some(base),
        None => std::env::var("LDAP_BASEDN").ok(),
    };
    let (Some(base), Some((filter, attributes))) = (base, options.operands.split_first()) else {
        say(context, USAGE)?;
        return Ok(PARAM_ERROR);
    };
    let limit = options.value('z').map_or(Ok(0), str::parse);
    let Ok(size_limit) = limit else {
        say(context, "-z: not a number")?;
        return Ok(PARAM_ERROR);
    };
    let filters = match options.value('f') {
        Some(file) => match lines(context, file) {
            Ok(lines) => lines.iter().map(|l| filter.replace("%s", l)).collect(),
            Err(e) => {
                say(context, &format!("{file}: {e}"))?;
                return Ok(PARAM_ERROR);
            }
        },
        None => vec![filter.clone()],
    };
    let attributes: Vec<&str> = attributes.iter().map(String::as_str).collect();
    let style = Style {
        ldif: options.has('L'),
        separator: options.value('F').unwrap_or(": ").to_owned(),
    };
    if options.has('v') || options.has('n') {
        for filter in &filters {
            say(context, &format!("filter is: {filter}"))?;
        }
    }
    if options.has('n') {
        return Ok(0);
    }
    let mut client = match connect(context, &options)? {
        Ok(client) => client,
        Err(status) => return Ok(status),
    };
    for filter in &filters {
        let query = Query {
            base: &base,
            scope,
            filter,
            attributes: &attributes,
            size_limit,
            types_only: options.has('A'),
        };
        let searched = match options.value('S') {
            Some(attribute) => sorted(context, &mut client, &query, attribute, &style),
            None => client.query(&query, |entry| print(context.out, &entry, &style)),
        };
        if let Err(e) = searched {
            return failed(context, "ldap_search", &e);
        }
    }
    Ok(0)
}

/// The lines of a file, or of standard input for `-`.
fn lines(context: &mut ToolContext<'_>, file: &str) -> std::io::Result<Vec<String>> {
    let mut text = String::new();
    if file == "-" {
        context.stdin.read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(context.real(file))?;
    }
    Ok(text.lines().map(str::to_owned).collect())
}

fn sorted(
    context: &mut ToolContext<'_>,
    client: &mut Client,
    query: &Query<'_>,
    attribute: &str,
    style: &Style,
) -> Result<(), ClientError> {
    let mut found = Vec::new();
    client.query(query, |entry| {
        found.push(entry);
        Ok(())
    })?;
    let key = |entry: &Entry| {
        if attribute.is_empty() {
            dn::key(&entry.dn).unwrap_or_default()
        } else {
            entry
                .values(attribute)
                .first()
                .map(|v| dn::fold(v))
                .unwrap_or_default()
        }
    };
    found.sort_by_cached_key(key);
    for entry in found {
        print(context.out, &entry, style)?;
    }
    Ok(())
}

fn print(out: &mut dyn Write, entry: &Entry, style: &Style) -> std::io::Result<()> {
    let mut text = Vec::new();
    if style.ldif {
        ldif::write_value(&mut text, "dn", entry.dn.as_bytes());
        for attribute in &entry.attributes {
            if attribute.values.is_empty() {
                text.extend_from_slice(format!("{}:\n", attribute.name).as_bytes());
            }
            for value in &attribute.values {
                ldif::write_value(&mut text, &attribute.name, value);
            }
        }
    } else {
        writeln!(text, "dn: {}", display_safe(&entry.dn))?;
        for attribute in &entry.attributes {
            if attribute.values.is_empty() {
                writeln!(text, "{}", attribute.name)?;
            }
            for value in &attribute.values {
                let value = String::from_utf8_lossy(value);
                let separator = &style.separator;
                writeln!(
                    text,
                    "{}{separator}{}",
                    attribute.name,
                    display_safe(&value)
                )?;
            }
        }
    }
    text.push(b'\n');
    out.write_all(&text)
}
