//! `merge-schema`, `upgrade-entries`, `apply-ldif`: what is confirmed is kept in the run's folder
//! and is what is sent; every change is compare-and-set, and its undo is on disk before it.

use super::work::{ApplyLdif, MergeSchema};
use super::{Tell, World};
use crate::base::display_safe;
use crate::check::people;
use crate::directory::ldif::{self, Record};
use crate::directory::rules::EntryPlan;
use crate::directory::schema::{
    Schema, SchemaChange, by_hand_ldif, compare, merge, place, to_ldif, undo_ldif,
};
use crate::directory::upgrade::{self, Entries, FileUndo, Setting, UndoSink as _};
use crate::directory::{Connection, DirectoryError};
use crate::plan::effect::{EffectEnd, Outcome};
use crate::scenario::action;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The artifact with the schema changes that were confirmed.
const SCHEMA: &str = "schema-changes.json";

/// The artifact with the same for somebody who applies it by hand.
pub(super) const SCHEMA_BY_HAND: &str = "schema-by-hand.ldif";

pub(super) async fn connect(world: &World) -> Result<Connection, String> {
    world.directory().await.map_err(|e| e.to_string())
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Finds out what the schema lacks and keeps it: digest and number of definitions.
pub(super) async fn plan_schema(world: &World) -> Result<(String, usize), String> {
    let connection = connect(world).await?;
    let current = Schema::read(&connection).await.map_err(|e| e.to_string())?;
    let mut comparison = compare(&current, &Schema::merged());
    let placed = place(&connection, &mut comparison.changes).await;
    connection.close().await;
    placed?;
    if !comparison.unknown.is_empty() {
        return Err(format!(
            "the server's schema is not understood at: {}",
            display_safe(&comparison.unknown.join(", "))
        ));
    }
    let text =
        serde_json::to_vec(&(&current.dn, &comparison.changes)).map_err(|e| e.to_string())?;
    world.write_artifact(SCHEMA, &text)?;
    let planned = to_ldif(&current.dn, &comparison.changes);
    world.write_artifact("schema-planned.ldif", &planned)?;
    let undo = undo_ldif(&current.dn, &comparison.changes);
    world.write_artifact("schema-undo.ldif", &undo)?;
    Ok((digest(&text), comparison.changes.len()))
}

/// Merges the definitions that were confirmed.
///
/// What is about to be merged is kept in `artifact` first, beside what earlier attempts merged.
pub(super) async fn merge_schema(world: &World, wanted: &MergeSchema, artifact: &str) -> EffectEnd {
    match try_merge(world, wanted, artifact).await {
        Ok(end) => end,
        Err(error) => EffectEnd::failed(error),
    }
}

async fn try_merge(
    world: &World,
    wanted: &MergeSchema,
    artifact: &str,
) -> Result<EffectEnd, String> {
    let (dn, changes) = confirmed_schema(world, wanted)?;
    if changes.is_empty() {
        return Ok(EffectEnd::ok("it was merged already"));
    }
    keep_schema(world, wanted, artifact)?;
    let connection = connect(world).await?;
    let outcomes = merge(&connection, &dn, &changes)
        .await
        .map_err(|e| e.to_string())?;
    connection.close().await;
    let bad: Vec<_> = outcomes.iter().filter(|o| !o.is_good()).collect();
    let detail = json!({ "definitions": outcomes.len(), "refused": bad });
    if let Some(first) = bad.first() {
        return Ok(EffectEnd::failed(format!(
            "{} of {} definitions were not merged; first `{}`: {}",
            bad.len(),
            outcomes.len(),
            display_safe(&first.name),
            first.result
        ))
        .with(detail));
    }
    let message = format!("{} definitions merged", outcomes.len());
    Ok(EffectEnd::ok(message).with(detail))
}

/// The schema changes that were confirmed.
fn confirmed_schema(
    world: &World,
    wanted: &MergeSchema,
) -> Result<(String, Vec<SchemaChange>), String> {
    let text = world
        .read_artifact(SCHEMA)?
        .filter(|text| digest(text) == wanted.digest)
        .ok_or("the confirmed schema changes are not there any more; retry to plan them anew")?;
    serde_json::from_slice(&text).map_err(|e| e.to_string())
}

/// Keeps what is about to be merged, beside what earlier attempts merged.
fn keep_schema(world: &World, wanted: &MergeSchema, artifact: &str) -> Result<(), String> {
    let (dn, changes) = confirmed_schema(world, wanted)?;
    let mut merged = super::revert::merged(world, artifact)?;
    let batch = (dn, changes);
    if merged.last() == Some(&batch) {
        return Ok(());
    }
    merged.push(batch);
    let text = serde_json::to_vec(&merged).map_err(|e| e.to_string())?;
    world.write_artifact(artifact, &text)
}

/// As [`keep_schema`], and writes what the operator applies.
pub(super) fn prepare_schema(
    world: &World,
    wanted: &MergeSchema,
    artifact: &str,
) -> Result<(), String> {
    let (dn, changes) = confirmed_schema(world, wanted)?;
    world.write_artifact(SCHEMA_BY_HAND, &by_hand_ldif(&dn, &changes))?;
    keep_schema(world, wanted, artifact)
}

/// Whether nothing of the schema is missing.
pub(super) async fn schema_is_whole(world: &World) -> Result<String, String> {
    let connection = connect(world).await?;
    let current = Schema::read(&connection).await.map_err(|e| e.to_string())?;
    connection.close().await;
    match compare(&current, &Schema::merged()).changes.len() {
        0 => Ok("no definition is missing".to_owned()),
        missing => Err(format!("{missing} definitions are missing in the schema")),
    }
}

/// What is to be confirmed (digest, number of entries, artifact), and how many entries are odd.
type Planned = ((String, usize, String), usize);

/// Plans the upgrade and keeps the plans: digest, number of entries, artifact; and how many entries
/// are odd.
pub(super) async fn plan_upgrade(
    world: &World,
    step: &str,
    wanted: &action::UpgradeEntries,
) -> Result<Planned, Vec<String>> {
    let one = |error: String| vec![error];
    let rules = people::rules(&world.site).map_err(|e| vec![e.to_string()])?;
    let entries = match wanted.entries {
        action::Entries::Domains => Entries::Domains,
        action::Entries::UsersAndGroups => Entries::UsersAndGroups,
    };
    let set = settings(&wanted.set, None)?;
    let connection = connect(world).await.map_err(one)?;
    let filter = wanted.filter.as_deref();
    let base = &wanted.base_dn;
    let preview = upgrade::preview_some(&connection, &rules, base, entries, filter, &set)
        .await
        .map_err(|e| vec![e.to_string()])?;
    connection.close().await;
    if preview.counts.examined == 0 {
        return Err(vec![format!(
            "no entry is seen below `{}`: wrong base DN, or no right to read",
            display_safe(&wanted.base_dn)
        )]);
    }
    keep_plans(world, step, &preview)
}

/// Plans what gives entries the values of a `set-attributes` action, and keeps the plans, as
/// [`plan_upgrade`] does. No entry that matches is nothing to do.
pub(super) async fn plan_setting(
    world: &World,
    step: &str,
    wanted: &action::SetAttributes,
) -> Result<Planned, Vec<String>> {
    let rules = people::rules(&world.site).map_err(|e| vec![e.to_string()])?;
    let set = settings(&wanted.set, wanted.instead_of.as_deref())?;
    let connection = connect(world).await.map_err(|error| vec![error])?;
    let base = &wanted.base_dn;
    let preview = upgrade::preview_setting(&connection, &rules, base, &wanted.filter, &set)
        .await
        .map_err(|e| vec![e.to_string()])?;
    connection.close().await;
    keep_plans(world, step, &preview)
}

fn settings(pairs: &[String], instead_of: Option<&str>) -> Result<Vec<Setting>, Vec<String>> {
    pairs
        .iter()
        .map(|pair| {
            Setting::read(pair, instead_of)
                .ok_or_else(|| vec![format!("`{pair}` is not attribute and value")])
        })
        .collect()
}

/// Keeps what is to be confirmed: digest, number of entries, artifact; and how many are odd.
fn keep_plans(
    world: &World,
    step: &str,
    preview: &upgrade::Preview,
) -> Result<Planned, Vec<String>> {
    let one = |error: String| vec![error];
    let refused: Vec<String> = preview
        .odd
        .iter()
        .filter(|o| o.refused)
        .map(|o| format!("{}: {}", o.dn, o.reasons.join(", ")))
        .collect();
    if !refused.is_empty() {
        return Err(refused);
    }
    let name = format!("{step}.plans.json");
    let text = serde_json::to_vec(&preview.plans).map_err(|e| vec![e.to_string()])?;
    world.write_artifact(&name, &text).map_err(one)?;
    let planned = upgrade::to_ldif(&preview.plans);
    world
        .write_artifact(&format!("{step}.planned.ldif"), &planned)
        .map_err(one)?;
    let warnings: Vec<String> = preview
        .odd
        .iter()
        .map(|o| format!("{}\t{}\n", o.dn, o.reasons.join("; ")))
        .collect();
    world
        .write_artifact(&format!("{step}.odd.txt"), warnings.concat().as_bytes())
        .map_err(one)?;
    Ok((
        (preview.digest(), preview.plans.len(), name),
        preview.odd.len(),
    ))
}

/// Sends the plans that were confirmed.
pub(super) async fn upgrade(
    world: &World,
    confirmed: &str,
    digest: &str,
    tell: Tell<'_>,
) -> EffectEnd {
    match try_upgrade(world, confirmed, digest, tell).await {
        Ok(end) => end,
        Err(error) => EffectEnd::failed(error),
    }
}

async fn try_upgrade(
    world: &World,
    confirmed: &str,
    digest: &str,
    tell: Tell<'_>,
) -> Result<EffectEnd, String> {
    let plans = confirmed_plans(world, confirmed, digest)?;
    let name = undo_name(confirmed);
    let mut undo = FileUndo::open(&world.artifact(&name)).map_err(|e| e.to_string())?;
    let connection = connect(world).await?;
    let mut done = 0_u64;
    let total = plans.len();
    let mut progress = |_: &upgrade::EntryOutcome| {
        done += 1;
        if done.is_multiple_of(100) {
            tell(0, &format!("{done} of {total} entries"));
        }
    };
    let applied = upgrade::apply(&connection, &plans, &mut undo, &mut progress)
        .await
        .map_err(|e| e.to_string())?;
    connection.close().await;
    let bad: Vec<_> = applied.outcomes.iter().filter(|o| !o.is_good()).collect();
    let detail = json!({ "entries": applied.outcomes.len(), "not_done": bad });
    if let Some(stopped) = applied.stopped {
        return Ok(EffectEnd::failed(format!(
            "stopped after {} of {total} entries: {stopped}",
            applied.outcomes.len()
        ))
        .with(detail));
    }
    if let Some(first) = bad.first() {
        return Ok(EffectEnd::failed(format!(
            "{} of {total} entries were not changed; first `{}`: {}",
            bad.len(),
            first.dn,
            first.result
        ))
        .with(detail));
    }
    Ok(EffectEnd::ok(format!("{total} entries; undo: artifacts/{name}")).with(detail))
}

/// The entry changes that were confirmed.
fn confirmed_plans(world: &World, confirmed: &str, digest: &str) -> Result<Vec<EntryPlan>, String> {
    let missing = "the confirmed changes are not there any more; retry to plan them anew";
    let text = world.read_artifact(confirmed)?.ok_or(missing)?;
    let plans: Vec<EntryPlan> = serde_json::from_slice(&text).map_err(|e| e.to_string())?;
    if upgrade::digest(&plans) != digest {
        return Err(missing.to_owned());
    }
    Ok(plans)
}

fn undo_name(confirmed: &str) -> String {
    confirmed.replace(".plans.json", ".undo.ldif")
}

/// Keeps what gives the entries back what they are, before the operator changes them.
pub(super) fn keep_entries(world: &World, confirmed: &str, digest: &str) -> Result<(), String> {
    let plans = confirmed_plans(world, confirmed, digest)?;
    let path = world.artifact(&undo_name(confirmed));
    let mut undo = FileUndo::open(&path).map_err(|e| e.to_string())?;
    undo.save(&upgrade::undo_ldif(&plans))
        .map_err(|e| e.to_string())
}

/// Whether every entry is as it was confirmed.
pub(super) async fn entries_are_as_planned(
    world: &World,
    confirmed: &str,
    digest: &str,
) -> Result<String, String> {
    let plans = confirmed_plans(world, confirmed, digest)?;
    let connection = connect(world).await?;
    let outcomes = upgrade::verify(&connection, &plans)
        .await
        .map_err(|e| e.to_string())?;
    connection.close().await;
    let bad: Vec<_> = outcomes.iter().filter(|o| !o.is_good()).collect();
    match bad.first() {
        None => Ok(format!("{} entries are as planned", outcomes.len())),
        Some(first) => Err(format!(
            "{} of {} entries are not as planned; first `{}`: {}",
            bad.len(),
            outcomes.len(),
            first.dn,
            first.result
        )),
    }
}

/// Applies an LDIF file that a command wrote: what is there is left alone.
///
/// What takes each change back is in `artifact` before it is made.
pub(super) async fn apply_ldif(world: &World, wanted: &ApplyLdif, artifact: &str) -> EffectEnd {
    match try_ldif(world, wanted, artifact).await {
        Ok(end) => end,
        Err(error) => EffectEnd::failed(error),
    }
}

/// The changes of the file, as text and read; all of them below the base DN.
async fn ldif_records(world: &World, wanted: &ApplyLdif) -> Result<(Vec<u8>, Vec<Record>), String> {
    let host = world.host(wanted.role)?;
    let text = host
        .read_file(&wanted.file, 16 << 20)
        .await
        .map_err(|e| e.to_string())?
        .ok_or_else(|| format!("`{}` is not there on {}", wanted.file, host.fqdn))?;
    let records = ldif::parse_whole(&text).map_err(|e| format!("`{}`: {e}", wanted.file))?;
    if records.is_empty() {
        return Err(format!("`{}` holds no change", wanted.file));
    }
    let base = folded(&wanted.base_dn);
    for record in &records {
        let dn = folded(record.dn());
        if dn != base && !dn.ends_with(&format!(",{base}")) {
            return Err(format!(
                "`{}` would change `{}`, which is not below `{}`; nothing was applied",
                wanted.file,
                display_safe(record.dn()),
                wanted.base_dn
            ));
        }
    }
    Ok((text, records))
}

/// Keeps what takes the changes of the file back, before the operator applies it.
pub(super) async fn keep_ldif(
    world: &World,
    wanted: &ApplyLdif,
    artifact: &str,
) -> Result<(), String> {
    let (text, records) = ldif_records(world, wanted).await?;
    world.write_artifact("applied.ldif", &text)?;
    let mut undo = FileUndo::open(&world.artifact(artifact)).map_err(|e| e.to_string())?;
    let connection = connect(world).await?;
    for record in &records {
        super::revert::keep(&connection, record, &mut undo).await?;
    }
    connection.close().await;
    Ok(())
}

async fn try_ldif(world: &World, wanted: &ApplyLdif, artifact: &str) -> Result<EffectEnd, String> {
    let (text, records) = ldif_records(world, wanted).await?;
    world.write_artifact("applied.ldif", &text)?;
    let mut undo = FileUndo::open(&world.artifact(artifact)).map_err(|e| e.to_string())?;
    let connection = connect(world).await?;
    let (mut done, mut already) = (0, 0);
    let mut failed = Vec::new();
    for record in &records {
        super::revert::keep(&connection, record, &mut undo).await?;
        match one(&connection, record).await {
            Ok(true) => done += 1,
            Ok(false) => already += 1,
            Err(error) => failed.push(format!("{}: {error}", display_safe(record.dn()))),
        }
    }
    connection.close().await;
    if let Some(first) = failed.first() {
        return Ok(EffectEnd::failed(format!(
            "{} of {} changes were refused; first {first}",
            failed.len(),
            records.len()
        ))
        .with(json!({ "refused": failed })));
    }
    let message = format!("{done} changes made, {already} were there already");
    Ok(EffectEnd {
        outcome: Outcome::Ok,
        message,
        detail: serde_json::Value::Null,
    })
}

/// Makes one change; false when it was there already.
async fn one(connection: &Connection, record: &Record) -> Result<bool, DirectoryError> {
    match record {
        Record::Entry(entry) | Record::Add(entry) => match connection.add(entry).await {
            Ok(()) => Ok(true),
            // entryAlreadyExists: a run before this one, or somebody else.
            Err(error) if error.code() == Some(68) => Ok(false),
            Err(error) => Err(error),
        },
        Record::Modify { dn, changes } => {
            let mut any = false;
            // One by one, so that a value that is there does not keep the others out.
            for change in changes {
                match connection.modify(dn, std::slice::from_ref(change)).await {
                    Ok(()) => any = true,
                    // attributeOrValueExists, noSuchAttribute: it is so already.
                    Err(error) if matches!(error.code(), Some(20 | 16)) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(any)
        }
        Record::Delete { dn } => match connection.delete(dn).await {
            Ok(()) => Ok(true),
            Err(error) if error.code() == Some(32) => Ok(false),
            Err(error) => Err(error),
        },
    }
}

/// A DN for comparing: lower case, no blanks around commas.
fn folded(dn: &str) -> String {
    dn.split(',')
        .map(|part| part.trim().to_lowercase())
        .collect::<Vec<_>>()
        .join(",")
}
