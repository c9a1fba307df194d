//! Takes a transfer back: the mailboxes that were moved go from the new store.
//!
//! It is safe only while everything is somewhere else still: the old store (listed again, and held
//! against what it had) or the tape, and nothing may have come into the new store since. The step
//! that put the mail there is over or failed; whatever it left, nothing of it stays.

use super::command::last_words;
use super::mailboxes::{self, INVENTORY, broken, ends, new_store, piped, put, removal, some};
use super::work::RemoveMailboxes;
use super::{Tell, World, proof};
use crate::base::display_safe;
use crate::host::{EffectDir, Reading, RunOptions};
use crate::plan::effect::EffectEnd;
use crate::scenario::Role;
use crate::store::parse::parse_toc;
use crate::store::{Inventory, StoreUser, user_file};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Removes the mailboxes.
pub(super) async fn apply(
    world: &World,
    all: &RemoveMailboxes,
    folder: &EffectDir,
    tell: Tell<'_>,
) -> EffectEnd {
    match remove(world, all, folder, tell).await {
        Ok(message) => EffectEnd::ok(message),
        Err(error) => EffectEnd::failed(error),
    }
}

async fn remove(
    world: &World,
    all: &RemoveMailboxes,
    folder: &EffectDir,
    tell: Tell<'_>,
) -> Result<String, String> {
    if world.read_artifact(INVENTORY)?.is_none() {
        return Ok("no mail was moved".to_owned());
    }
    let safe = ["only-store-up", "no-new-mail"].map(str::to_owned);
    proof::all_hold(world, &safe).await?;
    if let Some(old) = &all.old {
        still_there(world, &all.users, old, folder).await?;
    }
    let new = world.host(Role::New)?;
    let there = new_store(world).await?;
    let mut removed = 0;
    for (index, user) in all.users.iter().enumerate() {
        if there.folders(user.new_id()).is_none() {
            continue;
        }
        let argv = [
            all.mboxutil.clone(),
            "-d".to_owned(),
            format!("user/{}/INBOX", user.new_id()),
        ];
        let result = new
            .run(&removal(folder, index)?, &argv, RunOptions::default())
            .await
            .map_err(|e| e.to_string())?;
        if !result.is_zero() {
            return Err(format!(
                "cannot remove the mailboxes of `{}`: {}",
                display_safe(user.new_id()),
                last_words(&result.stderr_text(), &result.stdout_text())
            ));
        }
        removed += 1;
        if removed % 20 == 0 {
            tell(0, &format!("{removed} of {} users", all.users.len()));
        }
    }
    let there = new_store(world).await?;
    let left: Vec<&str> = all
        .users
        .iter()
        .map(StoreUser::new_id)
        .filter(|id| there.folders(id).is_some())
        .collect();
    if left.is_empty() {
        world.retire_artifact(mailboxes::BEFORE)?;
        Ok(format!("the mailboxes of {removed} users are removed"))
    } else {
        Err(format!("mailboxes are still there of {}", some(&left)))
    }
}

/// Sees that the old store holds everything that was moved.
async fn still_there(
    world: &World,
    users: &[StoreUser],
    (backup, list): &(Vec<String>, Vec<String>),
    folder: &EffectDir,
) -> Result<(), String> {
    let (old, new) = (world.host(Role::Old)?, world.host(Role::New)?);
    let file = format!("{}/everybody.users", world.host_files(old));
    put(world, old, &file, &user_file(users)).await?;
    let meter = Arc::new(AtomicU64::new(0));
    let result = piped((old, backup), (new, list), folder, meter).await?;
    if !result.is_whole() {
        return Err(broken(&result));
    }
    let now = match parse_toc(&result.right.stdout) {
        Reading::Understood(found) => found,
        Reading::Unknown { raw } => {
            return Err(format!(
                "the list of the old store is not understood: {}",
                display_safe(&raw)
            ));
        }
    };
    let before = mailboxes::listed(world)?;
    let less: Vec<String> = users
        .iter()
        .map(StoreUser::old_id)
        .filter(|id| holds_less(&now, &before, id))
        .collect();
    if less.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the old store does not hold any more what was moved of {}: nothing is removed",
        some(&less)
    ))
}

fn holds_less(now: &Inventory, before: &Inventory, id: &str) -> bool {
    let empty = std::collections::BTreeMap::new();
    let there = now.folders(id).unwrap_or(&empty);
    before.folders(id).into_iter().flatten().any(|(name, was)| {
        let is = there.get(name).and_then(|count| count.messages);
        was.messages > is && was.messages != Some(0)
    })
}

/// After a crash: commands that are still at it are waited for; the rest looks first.
pub(super) async fn settle(
    world: &World,
    all: &RemoveMailboxes,
    folder: &EffectDir,
) -> (Result<bool, String>, String) {
    let wait = async {
        let (old, new) = (world.host(Role::Old)?, world.host(Role::New)?);
        let (left, right) = ends(folder)?;
        old.wait(&left).await.map_err(|e| e.to_string())?;
        new.wait(&right).await.map_err(|e| e.to_string())?;
        for index in 0..all.users.len() {
            let part = removal(folder, index)?;
            new.wait(&part).await.map_err(|e| e.to_string())?;
        }
        Ok(false)
    };
    (wait.await, "it looks first".to_owned())
}
