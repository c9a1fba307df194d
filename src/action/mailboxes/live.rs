//! Mailboxes moved into a store in use: what it held before, and the twins of a broken session.

use super::super::World;
use super::super::command::last_words;
use super::super::work::Session;
use super::{listed, new_store, removal};
use crate::base::display_safe;
use crate::host::{EffectDir, Host, RunOptions};
use crate::store::{FolderName, Inventory};

/// The artifact that says what the new store held when mail was first moved into it.
pub const BEFORE: &str = "new-store-before.json";

/// Notes what a store in use holds, once: a retry counts from the same.
pub(super) async fn note_before(world: &World) -> Result<(), String> {
    if world.read_artifact(BEFORE)?.is_some() {
        return Ok(());
    }
    let there = new_store(world).await?;
    let text = serde_json::to_vec(&there).map_err(|e| e.to_string())?;
    world.write_artifact(BEFORE, &text)
}

/// What the new store held before mail was moved into it; none where it was empty.
pub fn before(world: &World) -> Result<Option<Inventory>, String> {
    let Some(text) = world.read_artifact(BEFORE)? else {
        return Ok(None);
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|e| format!("artifacts/{BEFORE} cannot be understood: {e}"))
}

/// Removes the twins of folders that a broken session made of users who are not complete: folders
/// with a date that neither store had before. Nobody delivers into one of them.
pub(super) async fn remove_twins(
    world: &World,
    new: &Host,
    session: &Session,
    folder: &EffectDir,
) -> Result<(), String> {
    let there = new_store(world).await?;
    let had = before(world)?.unwrap_or_default();
    let old = listed(world)?;
    let mut index = 0;
    for user in &session.users {
        let id = user.new_id();
        for name in there.folders(id).into_iter().flat_map(|all| all.keys()) {
            let was = |inventory: &Inventory, id: &str| {
                let folders = inventory.folders(id);
                folders.is_some_and(|all| all.contains_key(name))
            };
            if name.without_date().is_none() || was(&had, id) || was(&old, &user.old_id()) {
                continue;
            }
            remove_folder(new, session, &removal(folder, index)?, id, name).await?;
            index += 1;
        }
    }
    Ok(())
}

async fn remove_folder(
    new: &Host,
    session: &Session,
    effect: &EffectDir,
    id: &str,
    name: &FolderName,
) -> Result<(), String> {
    let shown = name.shown();
    let Ok(text) = std::str::from_utf8(name.as_bytes()) else {
        return Err(format!(
            "`{shown}` of `{}` cannot be named",
            display_safe(id)
        ));
    };
    let argv = [
        session.mboxutil.clone(),
        "-d".to_owned(),
        format!("user/{id}/{text}"),
    ];
    let result = new
        .run(effect, &argv, RunOptions::default())
        .await
        .map_err(|e| e.to_string())?;
    if result.is_zero() {
        return Ok(());
    }
    Err(format!(
        "cannot remove `{shown}` of `{}`, which a broken session left: {}",
        display_safe(id),
        last_words(&result.stderr_text(), &result.stdout_text())
    ))
}

/// Up to five names.
pub fn some<S: AsRef<str>>(names: &[S]) -> String {
    let mut text: Vec<String> = names
        .iter()
        .take(5)
        .map(|n| display_safe(n.as_ref()).into_owned())
        .collect();
    if names.len() > 5 {
        text.push(format!("and {} more", names.len() - 5));
    }
    text.join(", ")
}
