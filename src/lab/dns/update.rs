//! Changes to zone files, as `nsupdate` is told them: deletions and additions, all or nothing.
//!
//! The words are those of the real command. What is not changed stays as it was written, comments
//! too.

use super::{Found, Zone, files, name, record};
use crate::lab::lines;
use crate::lab::world::{Lab, LabError};
use hickory_proto::rr::{Name, Record, RecordType};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr as _;

/// One change.
#[derive(Clone, Debug)]
pub enum Change {
    /// Takes away the records of a name, of one type or all, one value or all.
    Delete {
        /// The name.
        name: Name,
        /// The type, if not all.
        kind: Option<RecordType>,
        /// The record with its value, if not all.
        only: Option<Box<Record>>,
    },
    /// Adds a record.
    Add(Box<Record>),
}

/// Reads what follows the word `update`.
///
/// # Errors
/// Why it is not a change.
pub fn change(words: &str) -> Result<Change, String> {
    let mut split = words.trim().splitn(2, char::is_whitespace);
    let verb = split.next().unwrap_or_default().to_ascii_lowercase();
    let rest = split.next().unwrap_or_default().trim();
    match verb.as_str() {
        "add" => record(rest)?
            .map(|r| Change::Add(Box::new(r)))
            .ok_or_else(|| "update add NAME TTL TYPE VALUE".to_owned()),
        "del" | "delete" => delete(rest),
        _ => Err("update add NAME TTL TYPE VALUE, or update delete NAME [TYPE [VALUE]]".to_owned()),
    }
}

fn delete(words: &str) -> Result<Change, String> {
    let mut words = words.split_whitespace().peekable();
    let text = words.next().ok_or("update delete NAME [TYPE [VALUE]]")?;
    // A time to live and a class may stand there and mean nothing.
    while words
        .next_if(|w| w.bytes().all(|b| b.is_ascii_digit()) || w.eq_ignore_ascii_case("IN"))
        .is_some()
    {}
    let Some(kind) = words.next() else {
        return Ok(Change::Delete {
            name: name(text)?,
            kind: None,
            only: None,
        });
    };
    let value: Vec<&str> = words.collect();
    let only = if value.is_empty() {
        None
    } else {
        record(&format!("{text} 0 {kind} {}", value.join(" ")))?.map(Box::new)
    };
    let kind = kind.to_ascii_uppercase();
    Ok(Change::Delete {
        name: name(text)?,
        kind: Some(RecordType::from_str(&kind).map_err(|_| format!("`{kind}` is not a type"))?),
        only,
    })
}

impl Change {
    fn takes(&self, record: &Record) -> bool {
        match self {
            Self::Delete { name, kind, only } => {
                record.name == *name
                    && kind.is_none_or(|kind| kind == record.record_type())
                    && only.as_ref().is_none_or(|only| only.data == record.data)
            }
            // The same record is not there twice.
            Self::Add(new) => record.name == new.name && record.data == new.data,
        }
    }
}

/// Makes changes, in their order, all or none.
///
/// # Errors
/// When a name is in none of the zones, or a file cannot be read or written.
pub fn apply(lab: &Lab, changes: &[Change]) -> Result<(), LabError> {
    let _lock = lines::lock(&lab.dir.join(".dns.lock"))?;
    let zone = Zone::read(lab)?;
    let mut texts: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for path in files(lab)? {
        let text = std::fs::read_to_string(&path).map_err(LabError::file(&path))?;
        texts.insert(path, text.lines().map(str::to_owned).collect());
    }
    for change in changes {
        for lines in texts.values_mut() {
            lines.retain(|line| {
                let record = record(line).ok().flatten();
                !record.is_some_and(|r| change.takes(&r))
            });
        }
        if let Change::Add(new) = change {
            if matches!(zone.find(&new.name, RecordType::SOA), Found::Elsewhere) {
                return Err(LabError::Other(format!(
                    "{} is in none of the zones here",
                    new.name
                )));
            }
            let record = format!(
                "{} {} {} {}",
                new.name,
                new.ttl,
                new.record_type(),
                new.data
            );
            if let Some(lines) = texts.values_mut().next() {
                lines.push(record);
            }
        }
    }
    for (path, lines) in texts {
        lines::write_whole(&path, (lines.join("\n") + "\n").as_bytes(), true)?;
    }
    Ok(())
}
