//! Takes directory changes back: schema definitions, upgraded entries, an applied LDIF file.
//!
//! All of it is compare-and-set, like the way forward: what somebody else has changed since is left
//! alone and named. Each of these can be run again after a crash at any point.

use super::directory::connect;
use super::work::Kept;
use super::{Tell, World};
use crate::base::display_safe;
use crate::directory::entry::{Change, Entry};
use crate::directory::ldif::{Record, write_record};
use crate::directory::schema::{self, SchemaChange};
use crate::directory::upgrade::{self, FileUndo, UndoSink, read_undo};
use crate::directory::{Connection, DirectoryError};
use crate::plan::effect::EffectEnd;
use serde_json::json;

/// What one attempt merged: the schema's DN and the definitions.
type Merged = (String, Vec<SchemaChange>);

/// What the attempts of this run merged, in their order.
pub(super) fn merged(world: &World, artifact: &str) -> Result<Vec<Merged>, String> {
    match world.read_artifact(artifact)? {
        None => Ok(Vec::new()),
        Some(text) => serde_json::from_slice(&text)
            .map_err(|e| format!("artifacts/{artifact} cannot be understood: {e}")),
    }
}

/// Takes out the definitions that this run brought in.
pub(super) async fn schema(world: &World, kept: &Kept) -> EffectEnd {
    or_failed(try_schema(world, kept).await)
}

async fn try_schema(world: &World, kept: &Kept) -> Result<EffectEnd, String> {
    let merged = merged(world, &kept.artifact)?;
    if merged.is_empty() {
        return Ok(EffectEnd::ok("nothing was merged"));
    }
    let connection = connect(world).await?;
    let mut outcomes = Vec::new();
    for (dn, changes) in merged.iter().rev() {
        let some = schema::undo(&connection, dn, changes)
            .await
            .map_err(|e| e.to_string())?;
        outcomes.extend(some);
    }
    connection.close().await;
    let bad: Vec<_> = outcomes.iter().filter(|o| !o.is_good()).collect();
    if let Some(first) = bad.first() {
        return Ok(EffectEnd::failed(format!(
            "{} of {} definitions stay; first `{}`: {}",
            bad.len(),
            outcomes.len(),
            display_safe(&first.name),
            first.result
        ))
        .with(json!({ "not_done": bad })));
    }
    world.retire_artifact(&kept.artifact)?;
    Ok(EffectEnd::ok(format!(
        "{} definitions as they were",
        outcomes.len()
    )))
}

/// Gives upgraded entries back what they were.
pub(super) async fn entries(world: &World, kept: &Kept, tell: Tell<'_>) -> EffectEnd {
    or_failed(try_entries(world, kept, tell).await)
}

async fn try_entries(world: &World, kept: &Kept, tell: Tell<'_>) -> Result<EffectEnd, String> {
    let Some(records) = records(world, kept)? else {
        return Ok(EffectEnd::ok("no entry was changed"));
    };
    let connection = connect(world).await?;
    let (mut done, total) = (0_u64, records.len());
    let mut progress = |_: &upgrade::EntryOutcome| {
        done += 1;
        if done.is_multiple_of(100) {
            tell(0, &format!("{done} of {total} entries"));
        }
    };
    let applied = upgrade::undo(&connection, &records, &mut progress).await;
    connection.close().await;
    let bad: Vec<_> = applied.outcomes.iter().filter(|o| !o.is_good()).collect();
    let detail = json!({ "entries": applied.outcomes.len(), "not_done": bad });
    if let Some(stopped) = applied.stopped {
        let after = applied.outcomes.len();
        let message = format!("stopped after {after} of {total} entries: {stopped}");
        return Ok(EffectEnd::failed(message).with(detail));
    }
    if let Some(first) = bad.first() {
        return Ok(EffectEnd::failed(format!(
            "{} of {total} entries are not as they were; first `{}`: {}",
            bad.len(),
            first.dn,
            first.result
        ))
        .with(detail));
    }
    world.retire_artifact(&kept.artifact)?;
    Ok(EffectEnd::ok(format!("{total} entries as they were")).with(detail))
}

/// The records of an undo file; none when it was never begun.
fn records(world: &World, kept: &Kept) -> Result<Option<Vec<Record>>, String> {
    let path = world.artifact(&kept.artifact);
    if !path.exists() {
        return Ok(None);
    }
    read_undo(&path).map(Some).map_err(|e| e.to_string())
}

/// Keeps what takes one record of an LDIF file back, before it is applied.
pub(super) async fn keep(
    connection: &Connection,
    record: &Record,
    undo: &mut FileUndo,
) -> Result<(), String> {
    let said = |e: DirectoryError| e.to_string();
    let inverse = match record {
        Record::Entry(entry) | Record::Add(entry) => {
            if connection.read(&entry.dn).await.map_err(said)?.is_some() {
                return Ok(());
            }
            // With its content, so that an entry that was changed since is told from ours.
            Record::Entry(entry.clone())
        }
        Record::Delete { dn } => match whole(connection, dn).await.map_err(said)? {
            None => return Ok(()),
            Some(entry) => Record::Add(entry),
        },
        Record::Modify { dn, changes } => {
            let names: Vec<&str> = changes.iter().map(Change::attribute).collect();
            let now = connection.read_attributes(dn, &names).await.map_err(said)?;
            let now = now.unwrap_or_else(|| Entry::new(dn.clone()));
            let back: Vec<Change> = changes.iter().rev().flat_map(|c| back(&now, c)).collect();
            if back.is_empty() {
                return Ok(());
            }
            Record::Modify {
                dn: dn.clone(),
                changes: back,
            }
        }
    };
    let mut text = Vec::new();
    write_record(&mut text, &inverse);
    undo.save(&text)
        .map_err(|e| format!("the undo could not be written, so nothing was sent: {e}"))
}

/// What takes a change of an entry as it is now back.
fn back(now: &Entry, change: &Change) -> Vec<Change> {
    let attribute = change.attribute();
    let there = now.values(attribute);
    let of = |wanted: bool| -> Vec<Vec<u8>> {
        let values = change.values().iter();
        values
            .filter(|v| there.contains(v) == wanted)
            .cloned()
            .collect()
    };
    let some = |values: Vec<Vec<u8>>, make: fn(&str, &[Vec<u8>]) -> Change| {
        (!values.is_empty())
            .then(|| make(attribute, &values))
            .into_iter()
            .collect::<Vec<_>>()
    };
    match change {
        Change::Add { .. } => some(of(false), Change::delete),
        Change::Delete { values, .. } if values.is_empty() => some(there.to_vec(), Change::add),
        Change::Delete { .. } => some(of(true), Change::add),
        Change::Replace { .. } => {
            let gone = there.iter().filter(|v| !change.values().contains(v));
            let mut back = some(of(false), Change::delete);
            back.extend(some(gone.cloned().collect(), Change::add));
            back
        }
    }
}

/// Takes the changes of an LDIF file back, the last one first.
pub(super) async fn ldif(world: &World, kept: &Kept) -> EffectEnd {
    or_failed(try_ldif(world, kept).await)
}

async fn try_ldif(world: &World, kept: &Kept) -> Result<EffectEnd, String> {
    let Some(records) = records(world, kept)? else {
        return Ok(EffectEnd::ok("nothing was applied"));
    };
    let connection = connect(world).await?;
    let mut left = Vec::new();
    for record in records.iter().rev() {
        if let Err(why) = one_back(&connection, record).await {
            left.push(format!("{}: {why}", display_safe(record.dn())));
        }
    }
    connection.close().await;
    if let Some(first) = left.first() {
        return Ok(EffectEnd::failed(format!(
            "{} of {} changes stay; first {first}",
            left.len(),
            records.len()
        ))
        .with(json!({ "not_done": left })));
    }
    world.retire_artifact(&kept.artifact)?;
    Ok(EffectEnd::ok(format!(
        "{} changes taken back",
        records.len()
    )))
}

/// Takes one change back; done already is well.
async fn one_back(connection: &Connection, record: &Record) -> Result<(), String> {
    let said = |e: DirectoryError| e.to_string();
    match record {
        Record::Entry(ours) => {
            let Some(now) = whole(connection, &ours.dn).await.map_err(said)? else {
                return Ok(());
            };
            if !same(&now, ours) {
                return Err("somebody else has changed it since; it is left alone".to_owned());
            }
            connection.delete(&ours.dn).await.map_err(said)
        }
        Record::Add(entry) => match connection.add(entry).await {
            Err(error) if error.code() != Some(68) => Err(error.to_string()),
            _ => Ok(()),
        },
        Record::Modify { dn, changes } => {
            for change in changes {
                match connection.modify(dn, std::slice::from_ref(change)).await {
                    Ok(()) => {}
                    // noSuchAttribute, attributeOrValueExists, noSuchObject: it is so already.
                    Err(error) if matches!(error.code(), Some(16 | 20 | 32)) => {}
                    Err(error) => return Err(error.to_string()),
                }
            }
            Ok(())
        }
        Record::Delete { dn } => connection.delete(dn).await.map_err(said),
    }
}

/// Whether an entry holds what was added and nothing else.
fn same(now: &Entry, ours: &Entry) -> bool {
    let covered = |a: &Entry, b: &Entry| {
        a.attributes
            .iter()
            .all(|(name, values)| values.iter().all(|v| b.values(name).contains(v)))
    };
    covered(now, ours) && covered(ours, now)
}

/// Reads an entry with its ACIs, which some servers give only to those who name them.
async fn whole(connection: &Connection, dn: &str) -> Result<Option<Entry>, DirectoryError> {
    connection.read_attributes(dn, &["*", "aci"]).await
}

fn or_failed(result: Result<EffectEnd, String>) -> EffectEnd {
    result.unwrap_or_else(EffectEnd::failed)
}
