//! Merging over `cn=schema` or `cn=config`, and taking it back; one definition a modification.

use super::Schema;
use super::compare::SchemaChange;
use super::config::{ConfigSchema, Place, numbered};
use super::definition::{Definition, Kind};
use crate::directory::connection::Connection;
use crate::directory::entry::{Change, Entry};
use crate::directory::error::DirectoryError;
use crate::directory::ldif::{LdifError, Record, comment, parse, write_record};
use serde::{Deserialize, Serialize};

/// How it went with one definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaOutcome {
    /// Attribute type or object class.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// How it went.
    pub result: SchemaResult,
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum SchemaResult {
    /// Done now.
    Ok,
    /// It was so already.
    Already,
    /// The definition is not the one that was seen before; left alone.
    Changed,
    /// The server refused.
    Failed {
        /// Why, in the server's words; safe to show.
        reason: String,
    },
}

impl std::fmt::Display for SchemaResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ok => "done",
            Self::Already => "it was so already",
            Self::Changed => "it is not the definition that was seen before, and was left alone",
            Self::Failed { reason } => reason,
        })
    }
}

impl SchemaOutcome {
    /// Says whether the schema is now as wanted.
    pub fn is_good(&self) -> bool {
        matches!(self.result, SchemaResult::Ok | SchemaResult::Already)
    }
}

impl SchemaChange {
    fn attribute(&self) -> &'static str {
        match self.place {
            Some(_) => Place::attribute(self.definition.kind),
            None => self.definition.kind.attribute(),
        }
    }

    /// A definition as a value: with its number, where it replaces one that has a number.
    fn value(&self, text: &str) -> String {
        match self.place.as_ref().and_then(|place| place.index) {
            Some(index) => format!("{{{index}}}{text}"),
            None => text.to_owned(),
        }
    }

    fn dn(&self, schema: &str) -> String {
        let place = self.place.as_ref();
        place.map_or_else(|| schema.to_owned(), |place| place.dn.clone())
    }

    fn forward(&self, schema: &str) -> Record {
        let attribute = self.attribute();
        let dn = self.dn(schema);
        let new = self.value(&self.definition.text);
        if self.place.as_ref().is_some_and(|place| place.new_entry) {
            let name = dn.split(',').next().and_then(|rdn| rdn.split_once('='));
            let entry = Entry::new(&dn)
                .with("objectClass", "olcSchemaConfig")
                .with("cn", name.map_or("", |(_, name)| name))
                .with(attribute, format!("{{0}}{new}"));
            return Record::Add(entry);
        }
        let mut changes = Vec::new();
        if let Some(old) = &self.replaces {
            changes.push(Change::delete(attribute, &[&self.value(old)]));
        }
        changes.push(Change::add(attribute, &[&new]));
        Record::Modify { dn, changes }
    }

    fn backward(&self, schema: &str, now: &str) -> Record {
        let attribute = self.attribute();
        let mut changes = vec![Change::delete(attribute, &[now])];
        if let Some(old) = &self.replaces {
            changes.push(Change::add(attribute, &[&self.value(old)]));
        }
        Record::Modify {
            dn: self.dn(schema),
            changes,
        }
    }

    fn old(&self) -> Option<Definition> {
        Definition::parse(self.definition.kind, self.replaces.as_deref()?)
    }

    fn outcome(&self, result: SchemaResult) -> SchemaOutcome {
        SchemaOutcome {
            kind: self.definition.kind,
            name: self.definition.name().to_owned(),
            result,
        }
    }
}

/// Brings changes (from [`super::compare`], in their order) into a server's schema.
///
/// Can be run again at any point. One refused definition does not stop the rest.
///
/// # Errors
/// Only when the connection is of no more use; what the server refuses is in the outcomes.
pub async fn merge(
    connection: &Connection,
    dn: &str,
    changes: &[SchemaChange],
) -> Result<Vec<SchemaOutcome>, DirectoryError> {
    let mut outcomes = Vec::with_capacity(changes.len());
    for change in changes {
        let refused = match send(connection, &change.forward(dn)).await {
            Ok(()) => {
                outcomes.push(change.outcome(SchemaResult::Ok));
                continue;
            }
            Err(error) if error.retryable() => return Err(error),
            Err(error) => error,
        };
        let result = settle(connection, dn, change, &refused).await?;
        outcomes.push(change.outcome(result));
    }
    Ok(outcomes)
}

async fn send(connection: &Connection, record: &Record) -> Result<(), DirectoryError> {
    match record {
        Record::Entry(entry) | Record::Add(entry) => connection.add(entry).await,
        Record::Modify { dn, changes } => connection.modify(dn, changes).await,
        Record::Delete { dn } => connection.delete(dn).await,
    }
}

/// The definition that a change is about, as it is now: itself, and the value it is kept as.
fn standing(
    change: &SchemaChange,
    shown: &Schema,
    kept: Option<&ConfigSchema>,
) -> Option<(Definition, String)> {
    let (kind, name) = (change.definition.kind, change.definition.name());
    if change.place.is_some() {
        let kept = kept?.find(kind, name)?;
        let value = format!("{{{}}}{}", kept.index, kept.definition.text);
        return Some((kept.definition.clone(), value));
    }
    let there = shown.find(kind, name)?;
    Some((there.clone(), there.text.clone()))
}

/// Finds out by reading what a refusal means, and tries the other way of replacing.
async fn settle(
    connection: &Connection,
    dn: &str,
    change: &SchemaChange,
    refused: &DirectoryError,
) -> Result<SchemaResult, DirectoryError> {
    let wanted = &change.definition;
    let failed = |error: &DirectoryError| SchemaResult::Failed {
        reason: error.to_string(),
    };
    let (shown, kept) = Schema::writable(connection).await?;
    let there = standing(change, &shown, kept.as_ref()).map(|(there, _)| there);
    if there.as_ref().is_some_and(|there| there.same_as(wanted)) {
        return Ok(SchemaResult::Already);
    }
    match (&there, change.old()) {
        (Some(there), Some(old)) if change.place.is_some() && there.same_as(&old) => {
            Ok(failed(refused))
        }
        (None, None) => Ok(failed(refused)),
        (Some(there), Some(old)) if there.same_as(&old) => {
            // The definition is as it was seen: this server takes no deletion here, but may take
            // an addition of the same name and OID for a replacement.
            let attribute = wanted.kind.attribute();
            match connection
                .modify(dn, &[Change::add(attribute, &[&wanted.text])])
                .await
            {
                Err(error) if error.retryable() => Err(error),
                Err(_) => Ok(failed(refused)),
                Ok(()) => {
                    let now = Schema::read(connection).await?;
                    let there = now.find(wanted.kind, wanted.name());
                    Ok(if there.is_some_and(|there| there.same_as(wanted)) {
                        SchemaResult::Ok
                    } else {
                        failed(refused)
                    })
                }
            }
        }
        _ => Ok(SchemaResult::Changed),
    }
}

/// Takes changes back, the last one first; a definition that is not as it was merged is left alone.
///
/// Can be run again at any point.
///
/// # Errors
/// As [`merge`].
pub async fn undo(
    connection: &Connection,
    dn: &str,
    changes: &[SchemaChange],
) -> Result<Vec<SchemaOutcome>, DirectoryError> {
    let mut outcomes = Vec::with_capacity(changes.len());
    let (shown, mut kept) = Schema::writable(connection).await?;
    for change in changes.iter().rev() {
        let wanted = &change.definition;
        let there = standing(change, &shown, kept.as_ref());
        let old = change.old();
        let result = match (there, &old) {
            (None, None) => SchemaResult::Already,
            (Some((there, _)), Some(old)) if there.same_as(old) => SchemaResult::Already,
            (Some((there, value)), _) if there.same_as(wanted) => {
                let sent = send(connection, &change.backward(dn, &value)).await;
                if change.place.is_some() {
                    // What comes after it has other numbers now.
                    kept = ConfigSchema::read(connection).await?;
                }
                match sent {
                    Ok(()) => SchemaResult::Ok,
                    Err(error) if error.retryable() => return Err(error),
                    Err(error) => SchemaResult::Failed {
                        reason: error.to_string(),
                    },
                }
            }
            _ => SchemaResult::Changed,
        };
        outcomes.push(change.outcome(result));
    }
    Ok(outcomes)
}

/// Writes what [`merge`] will send.
pub fn to_ldif(dn: &str, changes: &[SchemaChange]) -> Vec<u8> {
    let mut text = Vec::new();
    for change in changes {
        comment(
            &mut text,
            &format!("{}: {}", change.definition.name(), change.why),
        );
        write_record(&mut text, &change.forward(dn));
    }
    text
}

/// Writes what somebody applies by hand who has no [`merge`]: each change both ways, since some
/// servers refuse the deletion and take an addition of the same name for a replacement. Of each pair
/// one may be refused.
pub fn by_hand_ldif(dn: &str, changes: &[SchemaChange]) -> Vec<u8> {
    let mut text = to_ldif(dn, changes);
    for change in changes
        .iter()
        .filter(|c| c.replaces.is_some() && c.place.is_none())
    {
        let added = Change::add(change.attribute(), &[&change.definition.text]);
        let (dn, changes) = (change.dn(dn), vec![added]);
        write_record(&mut text, &Record::Modify { dn, changes });
    }
    text
}

/// Writes what [`undo`] will do; to be on disk before the first change.
pub fn undo_ldif(dn: &str, changes: &[SchemaChange]) -> Vec<u8> {
    let mut text = Vec::new();
    for change in changes.iter().rev() {
        let now = change.value(&change.definition.text);
        write_record(&mut text, &change.backward(dn, &now));
    }
    text
}

/// Reads what [`undo_ldif`] wrote: the schema's DN and the changes to hand to [`undo`].
///
/// # Errors
/// [`LdifError`] for anything else.
pub fn from_undo_ldif(text: &[u8]) -> Result<(String, Vec<SchemaChange>), LdifError> {
    let foreign = |what: &str| LdifError {
        line: 1,
        reason: format!("not an undo of a schema: {what}"),
    };
    let mut dn = String::new();
    let mut result = Vec::new();
    for record in parse(text)? {
        let Record::Modify {
            dn: record_dn,
            changes,
        } = record
        else {
            return Err(foreign("a record that is no modification"));
        };
        let mut new = None;
        let mut old = None;
        let mut place = None;
        for change in changes {
            let called = |name: &str| name.eq_ignore_ascii_case(change.attribute());
            let kind = [Kind::Attribute, Kind::Class]
                .into_iter()
                .find(|kind| called(kind.attribute()) || called(Place::attribute(*kind)))
                .ok_or_else(|| foreign("an attribute that is not the schema's"))?;
            let value = change.values().first().cloned().unwrap_or_default();
            let value = String::from_utf8(value).map_err(|_| foreign("not UTF-8"))?;
            let value = if called(kind.attribute()) {
                value
            } else {
                let (index, text) = numbered(&value);
                place = Some(Place {
                    dn: record_dn.clone(),
                    index,
                    new_entry: false,
                });
                text.to_owned()
            };
            match change {
                Change::Delete { .. } => new = Definition::parse(kind, &value),
                Change::Add { .. } => old = Some(value),
                Change::Replace { .. } => return Err(foreign("a replacement")),
            }
        }
        result.push(SchemaChange {
            definition: new.ok_or_else(|| foreign("nothing to delete"))?,
            replaces: old,
            why: "undo".to_owned(),
            place,
        });
        dn = record_dn;
    }
    result.reverse();
    Ok((dn, result))
}

#[cfg(test)]
mod tests {
    use super::{from_undo_ldif, to_ldif, undo_ldif};
    use crate::directory::ldif;
    use crate::directory::schema::{Kind, Schema, compare};

    #[test]
    fn the_undo_file_holds_the_changes_themselves() {
        let mut server = Schema::default();
        server.push(Kind::Attribute, "( 2.5.4.0 NAME 'objectClass' )");
        server.push(Kind::Class, "( 2.5.6.0 NAME 'top' )");
        server.push(Kind::Class, "( 9.9 NAME 'inetUser' SUP top MAY uid )");
        let changes = compare(&server, &Schema::merged()).changes;
        let (dn, read) = from_undo_ldif(&undo_ldif("cn=schema", &changes)).unwrap();
        assert_eq!(dn, "cn=schema");
        assert_eq!(read.len(), changes.len());
        for (one, other) in read.iter().zip(&changes) {
            assert_eq!(one.definition, other.definition);
            assert_eq!(one.replaces, other.replaces);
        }
        let sent = ldif::parse(&to_ldif("cn=schema", &changes)).unwrap();
        assert_eq!(sent.len(), changes.len());
    }

    #[test]
    fn a_file_that_is_no_schema_undo_is_refused() {
        assert!(from_undo_ldif(b"dn: cn=a\ncn: a\n").is_err());
        assert!(from_undo_ldif(b"dn: cn=a\nchangetype: modify\nadd: cn\ncn: a\n-\n").is_err());
    }
}
