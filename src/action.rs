//! What a step does, part by part: what it would do, how to apply it, how to verify it by state.
//!
//! [`bind`](bind::bind) looks facts up and turns a planned step into effects ([`describe`], pure);
//! [`apply`] does one effect; [`settle`] finds out what became of one that a dead engine had begun.
//! One file an action kind. What an effect does is a [`Work`], rendered to the last argument.

pub mod bind;
pub mod describe;
pub mod facts;
pub mod undo;
pub mod work;
pub mod world;

mod by_hand;
mod command;
mod config;
mod directory;
mod draft;
mod files;
mod full;
mod mailboxes;
mod notice;
mod operator;
mod place;
mod proof;
mod removal;
mod revert;

pub use work::Work;
pub use world::World;

use crate::plan::effect::{EffectEnd, EffectSpec};

/// Tells how far an effect is: bytes and a line.
pub type Tell<'a> = &'a (dyn Fn(u64, &str) + Send + Sync);

/// The step that an effect is part of, or takes back.
fn step_of(effect: &str) -> &str {
    let forward = effect.strip_prefix(undo::PREFIX).unwrap_or(effect);
    forward.split('/').next().unwrap_or_default()
}

/// Does one effect.
pub async fn apply(
    world: &World,
    spec: &EffectSpec,
    attempt: u32,
    text: Option<&str>,
    tell: Tell<'_>,
) -> EffectEnd {
    world.at_step(step_of(&spec.id));
    let work = match Work::of(spec) {
        Ok(work) => work,
        Err(error) => return EffectEnd::failed(error),
    };
    let folder = match world.effect_dir(spec, attempt) {
        Ok(folder) => folder,
        Err(error) => return EffectEnd::failed(error),
    };
    let kept = undo::kept(&spec.id);
    match work {
        Work::Command(command) | Work::BackupDirectory(command) => {
            command::apply(world, &command, &folder).await
        }
        Work::SetConfig(setting) => config::apply(world, &setting, &folder, &kept).await,
        Work::MergeSchema(merge) => directory::merge_schema(world, &merge, &kept).await,
        Work::UpgradeEntries(upgrade) => {
            directory::upgrade(world, &upgrade.confirmed, &upgrade.digest, tell).await
        }
        Work::SetAttributes(set) => {
            directory::upgrade(world, &set.confirmed, &set.digest, tell).await
        }
        Work::ApplyLdif(ldif) => directory::apply_ldif(world, &ldif, &kept).await,
        Work::EditFile(edit) => files::edit(world, &edit).await,
        Work::RemoveDir(removal) => files::remove_dir(world, &removal).await,
        Work::RemoveEmpty(removal) => place::remove_empty(world, &removal).await,
        Work::MakeDir(folder) => place::make_dir(world, &folder).await,
        Work::CopyFile(copy) => place::copy(world, &copy).await,
        Work::RemoveCopy(copy) => place::remove_copy(world, &copy).await,
        Work::Link(link) => place::link(world, &link).await,
        Work::RemoveLink(link) => place::remove_link(world, &link).await,
        Work::Owner(owner) => place::owner(world, &owner, &kept).await,
        Work::RestoreOwner(owner) => place::restore_owner(world, &owner).await,
        Work::DraftLdif(draft) => draft::write(world, &draft).await,
        Work::Inventory(inventory) => mailboxes::inventory(world, &inventory, &folder).await,
        Work::Session(session) => mailboxes::session(world, &session, &folder, tell).await,
        Work::CheckMailboxes(all) => mailboxes::verify(world, &all).await,
        Work::Instruct(task) => operator::apply(world, &task, text).await,
        Work::Check(check) => proof::once(world, &check.id).await,
        Work::WaitFor(wait) => proof::wait_for(world, &wait, tell).await,
        Work::Notify(notice) => notice::draft(world, &notice, &spec.id.replace('/', ".")).await,
        Work::RestoreConfig(back) => config::restore(world, &back, &folder).await,
        Work::RevertSchema(kept) => revert::schema(world, &kept).await,
        Work::RevertEntries(kept) => revert::entries(world, &kept, tell).await,
        Work::RevertLdif(kept) => revert::ldif(world, &kept).await,
        Work::RestoreFile(edit) => files::restore(world, &edit).await,
        Work::RemoveFile(removal) => files::remove_file(world, &removal).await,
        Work::RemoveMailboxes(all) => removal::apply(world, &all, &folder, tell).await,
        Work::Prepare(what) => by_hand::prepare(world, &what).await,
        Work::ByHand(task) => by_hand::apply(world, &task).await,
    }
}

/// Finds out what became of an effect that a dead engine had begun.
///
/// `Ok(true)`: done. `Ok(false)`: not done, and safe to do again. `Err`: something in between that
/// only a retry mends.
pub async fn settle(
    world: &World,
    spec: &EffectSpec,
    attempt: u32,
) -> (Result<bool, String>, String) {
    world.at_step(step_of(&spec.id));
    let work = match Work::of(spec) {
        Ok(work) => work,
        Err(error) => return (Err(error.clone()), error),
    };
    let folder = match world.effect_dir(spec, attempt) {
        Ok(folder) => folder,
        Err(error) => return (Err(error), String::new()),
    };
    match work {
        Work::Command(command) | Work::BackupDirectory(command) => {
            command::settle(world, &command, &folder).await
        }
        Work::SetConfig(setting) => config::settle(world, &setting, &folder).await,
        Work::Session(session) => mailboxes::settle(world, &session, &folder).await,
        Work::RemoveDir(removal) => files::settle_removal(world, &removal).await,
        Work::Inventory(list) => mailboxes::settle_inventory(world, &list, &folder).await,
        Work::RestoreConfig(back) => config::settle_restore(world, &back, &folder).await,
        Work::RemoveMailboxes(all) => removal::settle(world, &all, &folder).await,
        // These look first and do only what is missing.
        Work::MergeSchema(_)
        | Work::UpgradeEntries(_)
        | Work::SetAttributes(_)
        | Work::ApplyLdif(_)
        | Work::EditFile(_)
        | Work::CheckMailboxes(_)
        | Work::Instruct(_)
        | Work::Check(_)
        | Work::WaitFor(_)
        | Work::Notify(_)
        | Work::RevertSchema(_)
        | Work::RevertEntries(_)
        | Work::RevertLdif(_)
        | Work::RestoreFile(_)
        | Work::RemoveEmpty(_)
        | Work::MakeDir(_)
        | Work::CopyFile(_)
        | Work::RemoveCopy(_)
        | Work::Link(_)
        | Work::RemoveLink(_)
        | Work::Owner(_)
        | Work::RestoreOwner(_)
        | Work::DraftLdif(_)
        | Work::RemoveFile(_)
        | Work::Prepare(_)
        | Work::ByHand(_) => (
            Ok(false),
            "it looks first and does only what is missing".to_owned(),
        ),
    }
}
