//! `transfer-mailboxes`: what the old store holds, the sessions that move it, and the comparison.
//!
//! A session is `imbackup | imsrestore`. Neither an exit status of 0 nor a silent standard error is
//! proof (`-cy` goes on after errors, a cut stream looks like an end): the proof is that the new
//! store lists, for every user under the exact id, what the old one held. A retry never repeats a
//! restore on top of what is there: what is there of a user who is not complete is removed first,
//! which is safe only because the new server takes no mail yet.
//!
//! Into a store in use (`live`) it is the other way round: nothing of a user is ever removed but the
//! twins of folders that a broken attempt made, and a retry is a restore without `-n`, which adds
//! only what is not there yet. What the store held before is noted once and left out of the count.

mod live;

pub(super) use live::{BEFORE, before as held_before, some};

use super::command::{in_words, last_words};
use super::work::{CheckMailboxes, Inventory as List, Session};
use super::{Tell, World, full, proof};
use crate::base::display_safe;
use crate::host::{EffectDir, Host, PipeEnd, PipeResult, Reading, RunOptions, Settled, pipe};
use crate::plan::effect::{EffectEnd, Outcome};
use crate::scenario::Role;
use crate::store::parse::{parse_mboxutil, parse_toc};
use crate::store::{
    Finding, InboxRule, Inventory, RenameMap, StoreUser, UserReport, compare, error_lines,
    rename_map, user_file,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The artifact that says what was there before.
pub const INVENTORY: &str = "inventory.json";

/// How long an interrupted side may take to end after TERM.
const PATIENCE: Duration = Duration::from_secs(600);

/// Lists what the old store (or the tape) holds and keeps it as an artifact.
///
/// Refuses when the new store holds mailboxes of these users already: restoring on top of them
/// would double mail.
pub(super) async fn inventory(world: &World, list: &List, folder: &EffectDir) -> EffectEnd {
    match try_inventory(world, list, folder).await {
        Ok(end) => end,
        Err(error) => EffectEnd::failed(error),
    }
}

async fn try_inventory(
    world: &World,
    list: &List,
    folder: &EffectDir,
) -> Result<EffectEnd, String> {
    let (old, new) = (world.host(Role::Old)?, world.host(Role::New)?);
    let output = if let Some(backup) = &list.backup {
        let file = format!("{}/everybody.users", world.host_files(old));
        put(world, old, &file, &user_file(&list.users)).await?;
        let meter = Arc::new(AtomicU64::new(0));
        let result = piped((old, backup), (new, &list.list), folder, meter).await?;
        if !result.is_whole() {
            return Err(broken(&result));
        }
        result.right.stdout
    } else {
        let result = new
            .run(folder, &list.list, RunOptions::default())
            .await
            .map_err(|e| e.to_string())?;
        if !result.is_zero() {
            return Err(last_words(&result.stderr_text(), ""));
        }
        result.stdout
    };
    let mut found = match parse_toc(&output) {
        Reading::Understood(found) => found,
        Reading::Unknown { raw } => {
            return Err(format!(
                "the list is not understood: {}",
                display_safe(&raw)
            ));
        }
    };
    for user in &list.users {
        found.add_user(&user.old_id());
    }
    if list.live {
        live::note_before(world).await?;
    } else if !list.list_only {
        refuse_if_taken(world, list).await?;
    }
    let strangers: Vec<String> = found
        .users()
        .map(|(id, _)| id.to_owned())
        .filter(|id| !list.users.iter().any(|u| u.old_id() == *id))
        .collect();
    let text = serde_json::to_vec(&found).map_err(|e| e.to_string())?;
    world.write_artifact(INVENTORY, &text)?;
    let messages: u64 = list
        .users
        .iter()
        .filter_map(|u| found.total(&u.old_id())?.messages)
        .sum();
    let message = format!("{messages} messages of {} users", list.users.len());
    let mut end = EffectEnd::ok(message);
    if !strangers.is_empty() {
        let moved = if list.list_only { "" } else { ", not moved" };
        end = EffectEnd::warning(format!(
            "mailboxes without a user in the directory{moved}: {}",
            some(&strangers)
        ));
    }
    Ok(end.with(json!({ "users": list.users.len(), "messages": messages })))
}

/// Refuses when the new store holds mail of somebody who is to be moved.
async fn refuse_if_taken(world: &World, list: &List) -> Result<(), String> {
    let there = new_store(world).await?;
    let taken: Vec<&str> = list
        .users
        .iter()
        .filter(|u| {
            there
                .total(u.new_id())
                .is_some_and(|c| c.messages != Some(0))
        })
        .map(StoreUser::new_id)
        .collect();
    if !taken.is_empty() {
        return Err(format!(
            "the new store holds mail of {} of these users already ({}): a restore on top would \
             double it",
            taken.len(),
            some(&taken)
        ));
    }
    Ok(())
}

/// Moves the users of one session and says what became of each.
pub(super) async fn session(
    world: &World,
    session: &Session,
    folder: &EffectDir,
    tell: Tell<'_>,
) -> EffectEnd {
    match try_session(world, session, folder, tell).await {
        Ok(end) => end,
        Err(error) => EffectEnd::failed(error).with(all_failed(session)),
    }
}

async fn try_session(
    world: &World,
    session: &Session,
    folder: &EffectDir,
    tell: Tell<'_>,
) -> Result<EffectEnd, String> {
    let (old, new) = (world.host(Role::Old)?, world.host(Role::New)?);
    if let Some(file) = &session.user_file {
        put(world, old, file, &user_file(&session.users)).await?;
    }
    if let Some(file) = &session.rename_map {
        put(world, new, file, &session.rename).await?;
    }
    if session.live {
        // The level that a power cut would find; what runs has the one it started with.
        proof::all_hold(world, &["synclevel-default".to_owned()]).await?;
    }
    match (session.afresh, session.live) {
        (true, false) => remove_partial(world, new, session, folder).await?,
        (true, true) => live::remove_twins(world, new, session, folder).await?,
        (false, _) => {}
    }
    let meter = Arc::new(AtomicU64::new(0));
    let mut moved = Box::pin(move_them(old, new, session, folder, meter.clone()));
    let mut ticks = tokio::time::interval(Duration::from_secs(2));
    let mut told = 0;
    let (errors, trouble, bytes) = loop {
        tokio::select! {
            result = &mut moved => break result?,
            _ = ticks.tick() => {
                let now = meter.load(Ordering::Relaxed);
                if now != told {
                    tell(now, "");
                    told = now;
                }
            }
        }
    };
    let who = |id: &StoreUser| id.new_id().to_owned();
    let users: Vec<String> = session.users.iter().map(who).collect();
    let detail = json!({ "users": users, "bytes": bytes, "errors": errors });
    // With -cy a restore goes on after it, and ends well.
    if let Some(said) = trouble
        .iter()
        .chain(&errors)
        .find(|said| full::is_said(said))
    {
        let told = full::told(said, new, &world.site.new.instance_root).await;
        return Ok(EffectEnd::failed(told).with(detail));
    }
    if let Some(trouble) = trouble {
        return Ok(EffectEnd::failed(trouble).with(detail));
    }
    let count = session.users.len();
    let plural = if count == 1 { "" } else { "s" };
    // What a tape gives is not counted on its way.
    let message = match &session.backup {
        Some(_) => format!("{count} user{plural}, {bytes} bytes"),
        None => format!("{count} user{plural}"),
    };
    if errors.is_empty() {
        return Ok(EffectEnd::ok(message).with(detail));
    }
    // Whether it is a loss the comparison says; here it is only something to look at.
    let first = errors.first().map(String::as_str).unwrap_or_default();
    Ok(EffectEnd::warning(format!("{message}; imsrestore said: {first}")).with(detail))
}

type Moved = (Vec<String>, Option<String>, u64);

async fn move_them(
    old: &Host,
    new: &Host,
    session: &Session,
    folder: &EffectDir,
    meter: Arc<AtomicU64>,
) -> Result<Moved, String> {
    let ids: BTreeSet<String> = session
        .users
        .iter()
        .flat_map(|u| [u.old_id(), u.new_id().to_owned()])
        .collect();
    let names: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let lines = |stderr: &[u8]| {
        error_lines(&String::from_utf8_lossy(stderr), &names, None)
            .into_iter()
            .map(|found| display_safe(&found.line).into_owned())
            .collect::<Vec<_>>()
    };
    let Some(backup) = &session.backup else {
        let result = new
            .run(folder, &session.restore, RunOptions::default())
            .await
            .map_err(|e| e.to_string())?;
        let said = last_words(&result.stderr_text(), "");
        let trouble = (!result.is_zero())
            .then(|| format!("imsrestore ended with {}: {said}", in_words(result.status)));
        return Ok((lines(&result.stderr), trouble, 0));
    };
    let result = piped((old, backup), (new, &session.restore), folder, meter).await?;
    let mut errors = lines(&result.left.stderr);
    errors.extend(lines(&result.right.stderr));
    let trouble = (!result.is_whole()).then(|| broken(&result));
    Ok((errors, trouble, result.bytes))
}

/// The old server's command into the new server's.
pub(super) async fn piped(
    (old, backup): (&Host, &[String]),
    (new, restore): (&Host, &[String]),
    folder: &EffectDir,
    meter: Arc<AtomicU64>,
) -> Result<PipeResult, String> {
    let (left, right) = ends(folder)?;
    let end = |host, argv, effect| PipeEnd {
        host,
        argv,
        effect,
        env: &[],
    };
    pipe(
        end(old, backup, &left),
        end(new, restore, &right),
        meter,
        None,
        PATIENCE,
    )
    .await
    .map_err(|e| e.to_string())
}

pub(super) fn broken(result: &PipeResult) -> String {
    let side = |name: &str, r: &crate::host::RunResult| {
        (!r.is_zero()).then(|| {
            let status = in_words(r.status);
            format!(
                "{name} ended with {status}: {}",
                last_words(&r.stderr_text(), "")
            )
        })
    };
    let mut parts: Vec<String> = side("imsrestore", &result.right).into_iter().collect();
    parts.extend(side("imbackup", &result.left));
    if parts.is_empty() {
        parts.extend(result.trouble.iter().map(|t| format!("{t:?}")));
    }
    parts.join("; ")
}

/// Removes what a broken session left of users who are not complete.
async fn remove_partial(
    world: &World,
    new: &Host,
    session: &Session,
    folder: &EffectDir,
) -> Result<(), String> {
    // Only the store is up, so no mail can have come in since: nothing but what was restored goes.
    proof::all_hold(world, &["only-store-up".to_owned()]).await?;
    let there = new_store(world).await?;
    for (index, user) in session.users.iter().enumerate() {
        if there.folders(user.new_id()).is_none() {
            continue;
        }
        let argv = [
            session.mboxutil.clone(),
            "-d".to_owned(),
            format!("user/{}/INBOX", user.new_id()),
        ];
        let part = removal(folder, index)?;
        let result = new
            .run(&part, &argv, RunOptions::default())
            .await
            .map_err(|e| e.to_string())?;
        if !result.is_zero() {
            return Err(format!(
                "cannot remove what is left of `{}`: {}",
                display_safe(user.new_id()),
                last_words(&result.stderr_text(), &result.stdout_text())
            ));
        }
    }
    let there = new_store(world).await?;
    let left: Vec<&str> = session
        .users
        .iter()
        .map(StoreUser::new_id)
        .filter(|id| there.total(id).is_some_and(|c| c.messages != Some(0)))
        .collect();
    if left.is_empty() {
        Ok(())
    } else {
        Err(format!("mail is still there of {}", some(&left)))
    }
}

/// After a crash: both ends are waited for, then the new store is asked.
pub(super) async fn settle(
    world: &World,
    session: &Session,
    folder: &EffectDir,
) -> (Result<bool, String>, String) {
    match try_settle(world, session, folder).await {
        Ok((done, message)) => (done, message),
        Err(error) => (Err(error), String::new()),
    }
}

async fn try_settle(
    world: &World,
    session: &Session,
    folder: &EffectDir,
) -> Result<(Result<bool, String>, String), String> {
    let (old, new) = (world.host(Role::Old)?, world.host(Role::New)?);
    let (left, right) = ends(folder)?;
    if session.afresh {
        for index in 0..session.users.len() {
            let part = removal(folder, index)?;
            new.wait(&part).await.map_err(|e| e.to_string())?;
        }
    }
    let mut began = false;
    let sides = if session.backup.is_some() {
        vec![(old, left), (new, right)]
    } else {
        vec![(new, folder.clone())]
    };
    for (host, side) in sides {
        let settled = host.wait(&side).await.map_err(|e| e.to_string())?;
        began |= settled != Settled::NeverStarted;
    }
    if !began {
        return Ok((Ok(false), "it never started".to_owned()));
    }
    let reports = look(world, &session.users).await?;
    let complete = reports.iter().filter(|r| r.is_complete()).count();
    if complete == reports.len() {
        return Ok((Ok(true), format!("all {complete} users are complete")));
    }
    if session.live && !session.restore.iter().any(|word| word == "-n") {
        let reason = "it was cut off; what is there already is not added again";
        return Ok((Ok(false), reason.to_owned()));
    }
    let there = new_store(world).await?;
    if session
        .users
        .iter()
        .all(|u| there.folders(u.new_id()).is_none())
    {
        return Ok((Ok(false), "nothing had arrived".to_owned()));
    }
    let reason = format!(
        "it was cut off: {complete} of {} users are complete; retry moves the others afresh",
        reports.len()
    );
    Ok((Err(reason), String::new()))
}

/// After a crash: the ends of the listing are waited for; it only looks, and is made again.
pub(super) async fn settle_inventory(
    world: &World,
    list: &List,
    folder: &EffectDir,
) -> (Result<bool, String>, String) {
    let wait = async {
        let (old, new) = (world.host(Role::Old)?, world.host(Role::New)?);
        let (left, right) = ends(folder)?;
        let sides = if list.backup.is_some() {
            vec![(old, left), (new, right)]
        } else {
            vec![(new, folder.clone())]
        };
        for (host, side) in sides {
            host.wait(&side).await.map_err(|e| e.to_string())?;
        }
        Ok(false)
    };
    (wait.await, "it is listed again".to_owned())
}

/// Compares everybody with the inventory.
pub(super) async fn verify(world: &World, all: &CheckMailboxes) -> EffectEnd {
    let reports = match look(world, &all.users).await {
        Ok(reports) => reports,
        Err(error) => return EffectEnd::failed(error),
    };
    let bad: Vec<&UserReport> = reports.iter().filter(|r| !r.is_complete()).collect();
    let notes: Vec<&UserReport> = reports
        .iter()
        .filter(|r| r.is_complete() && !r.findings.is_empty())
        .collect();
    let messages: u64 = reports.iter().filter_map(|r| r.messages).sum();
    let detail = json!({ "users": reports.len(), "messages": messages, "findings": bad });
    if let Some(first) = bad.first() {
        let finding = first
            .findings
            .first()
            .map(ToString::to_string)
            .unwrap_or_default();
        return EffectEnd::failed(format!(
            "{} of {} users are not complete; first `{}`: {finding}",
            bad.len(),
            reports.len(),
            display_safe(&first.new_id)
        ))
        .with(detail);
    }
    let message = format!(
        "{messages} messages of {} users are all there, once",
        reports.len()
    );
    // That users go on using their mailboxes is no reason to look at anything.
    let grown = |r: &&UserReport| {
        let all = &r.findings;
        all.iter().all(|f| matches!(f, Finding::Grown { .. }))
    };
    let outcome = if notes.iter().all(grown) {
        Outcome::Ok
    } else {
        Outcome::Warning
    };
    EffectEnd {
        outcome,
        message,
        detail,
    }
}

/// Who of `users` is not complete in the new store; everybody when nothing was listed yet.
///
/// # Errors
/// When the new store cannot be asked.
pub(super) async fn incomplete(
    world: &World,
    users: &[StoreUser],
) -> Result<Vec<StoreUser>, String> {
    if world.read_artifact(INVENTORY)?.is_none() {
        return Ok(users.to_vec());
    }
    let reports = look(world, users).await?;
    let complete = |u: &StoreUser| {
        reports
            .iter()
            .any(|r| r.old_id == u.old_id() && r.is_complete())
    };
    Ok(users.iter().filter(|u| !complete(u)).cloned().collect())
}

/// What the comparison says of some users.
pub(super) async fn look(world: &World, users: &[StoreUser]) -> Result<Vec<UserReport>, String> {
    let before = listed(world)?;
    let mut expected = Inventory::default();
    for user in users {
        let id = user.old_id();
        expected.add_user(&id);
        for (folder, count) in before.folders(&id).into_iter().flatten() {
            expected.add(&id, folder.clone(), *count);
        }
    }
    let map: RenameMap = rename_map(users).map_err(|p| {
        p.iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    })?;
    let there = new_store(world).await?;
    let Some(rule) = world.live_rule() else {
        return Ok(compare(&expected, &there, &map, InboxRule::Exact));
    };
    let moved = match live::before(world)? {
        Some(before) => there.without(&before),
        None => there,
    };
    Ok(compare(&expected, &moved, &map, rule))
}

/// What the old store, or the tape, was listed to hold.
pub(super) fn listed(world: &World) -> Result<Inventory, String> {
    let text = world
        .read_artifact(INVENTORY)?
        .ok_or("there is no list of what the old store held")?;
    serde_json::from_slice(&text)
        .map_err(|e| format!("artifacts/{INVENTORY} cannot be understood: {e}"))
}

/// What the new store lists.
pub(super) async fn new_store(world: &World) -> Result<Inventory, String> {
    let new = world.host(Role::New)?;
    let argv = [world.mboxutil(), "-l".to_owned()];
    let result = new
        .ask(&argv, Duration::from_secs(1_800))
        .await
        .map_err(|e| e.to_string())?;
    if !result.is_zero() {
        return Err(format!(
            "mboxutil ended with {}: {}",
            in_words(result.status),
            last_words(&result.stderr_text(), "")
        ));
    }
    match parse_mboxutil(&result.stdout) {
        Reading::Understood(found) => Ok(found),
        Reading::Unknown { raw } => Err(format!(
            "what mboxutil lists is not understood: {}",
            display_safe(&raw)
        )),
    }
}

/// Writes a file for a command of this run on a host.
pub(super) async fn put(
    world: &World,
    host: &Host,
    file: &str,
    content: &str,
) -> Result<(), String> {
    host.make_dir(&world.host_files(host))
        .await
        .map_err(|e| e.to_string())?;
    host.write_file(file, content.as_bytes(), Some("600"))
        .await
        .map_err(|e| e.to_string())
}

/// The folder of the removal of one user's mailboxes.
pub(super) fn removal(folder: &EffectDir, index: usize) -> Result<EffectDir, String> {
    let name = format!("remove-{index}");
    folder.part(&name).map_err(|e| e.to_string())
}

/// The folders of the two ends of a pipe.
pub(super) fn ends(folder: &EffectDir) -> Result<(EffectDir, EffectDir), String> {
    let end = |name: &str| folder.part(name).map_err(|e| e.to_string());
    Ok((end("backup")?, end("restore")?))
}

fn all_failed(session: &Session) -> Value {
    let users: Vec<&str> = session.users.iter().map(StoreUser::new_id).collect();
    json!({ "users": users })
}
