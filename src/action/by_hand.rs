//! A step that the operator does: each of its changes becomes an instruction with the exact command,
//! and what the wizard would have looked at afterwards proves it.
//!
//! What takes the change back is kept before the operator is asked ([`Prepare`]), so that undo is the
//! same whoever did it. What only looks (lists, comparisons, checks) stays the wizard's: it is the
//! proof. Where a host is reached by hand only, its steps are done so from the first.

use super::work::{
    ByHand, Command, Prepare, Session, SetAttributes, SetConfig, UpgradeEntries, Work,
};
use super::{World, config, directory, files, mailboxes, proof};
use crate::base::display_safe;
use crate::host::{Host, Transport, command_line};
use crate::plan::effect::{EffectEnd, EffectSpec};
use crate::scenario::Role;
use crate::store::user_file;
use std::time::Duration;

/// How long what the operator says is done may take to show.
const PATIENCE: Duration = Duration::from_secs(20);

/// Gives the changes of a step to the operator: all of them, or those on hosts that are reached by
/// hand only. What is so already nobody is asked for.
///
/// # Errors
/// When it cannot be told what is so already, as sentences.
pub(super) async fn effects(
    world: &World,
    effects: Vec<EffectSpec>,
    all: bool,
) -> Result<Vec<EffectSpec>, Vec<String>> {
    let mut found = Vec::new();
    for spec in effects {
        let work = Work::of(&spec).map_err(|e| vec![e])?;
        let Some(role) = changes(&work) else {
            found.push(spec);
            continue;
        };
        let host = world.host(role).map_err(|e| vec![e])?;
        if !all && host.transport != Transport::ByHand {
            found.push(spec);
            continue;
        }
        if all && is_so(world, &work).await.map_err(|e| vec![e])? {
            continue;
        }
        if needs_preparing(&work) {
            let prepare = Work::Prepare(Prepare {
                effect: spec.id.clone(),
                work: Box::new(work.clone()),
            });
            let (id, stage) = (format!("{}/before", spec.id), spec.stage.saturating_sub(1));
            let what = format!("Before it is done by hand: {}", prepared(&work));
            let kind = "prepare".to_owned();
            found.push(super::describe::spec(
                id, stage, kind, what, &prepare, false,
            ));
        }
        found.push(asked(world, spec, work).map_err(|e| vec![e])?);
    }
    Ok(found)
}

/// Where a work changes something; none for what only looks, or is the operator's already.
fn changes(work: &Work) -> Option<Role> {
    match work {
        Work::Command(c) | Work::BackupDirectory(c) => Some(c.role),
        Work::SetConfig(s) => Some(s.role),
        Work::EditFile(e) => Some(e.role),
        Work::RemoveDir(r) => Some(r.role),
        Work::ApplyLdif(l) => Some(l.role),
        Work::MergeSchema(_) | Work::UpgradeEntries(_) | Work::SetAttributes(_) => {
            Some(Role::Directory)
        }
        Work::Session(_) => Some(Role::New),
        _ => None,
    }
}

/// Whether there is nothing left to do. A command without a proof of its own is never so.
async fn is_so(world: &World, work: &Work) -> Result<bool, String> {
    Ok(match work {
        Work::Command(c) => {
            let shows = c.unless_proved && !c.proof.is_empty();
            shows && proof::all_hold(world, &c.proof).await.is_ok()
        }
        Work::SetConfig(_) | Work::EditFile(_) | Work::RemoveDir(_) => {
            look(world, work).await.is_ok()
        }
        Work::MergeSchema(merge) => merge.definitions == 0,
        Work::UpgradeEntries(upgrade) => upgrade.count == 0,
        Work::SetAttributes(set) => set.count == 0,
        _ => false,
    })
}

/// The effect as the operator's.
fn asked(world: &World, spec: EffectSpec, work: Work) -> Result<EffectSpec, String> {
    let (mut text, argv) = instructions(world, &work)?;
    text.insert(0, format!("By hand: {}", spec.summary));
    let shown = match spec.parameters.get("shown") {
        Some(shown) => serde_json::from_value(shown.clone()).unwrap_or_default(),
        None => Vec::new(),
    };
    let work = Work::ByHand(ByHand {
        text,
        argv,
        work: Box::new(work),
    });
    Ok(EffectSpec {
        by_operator: true,
        parameters: work.parameters(&shown),
        ..spec
    })
}

/// What the operator reads, and the command as it is started from here, where one will do.
fn instructions(world: &World, work: &Work) -> Result<(Vec<String>, Option<Vec<String>>), String> {
    let mut text = Vec::new();
    let mut argv = None;
    match work {
        Work::Command(c) | Work::BackupDirectory(c) => {
            let host = world.host(c.role)?;
            let (line, words) = command(c);
            there(&mut text, host, &line);
            argv = host.transport.command(&words);
        }
        Work::SetConfig(set) => {
            let host = world.host(set.role)?;
            let mut words = vec![set.configutil.clone()];
            if let Some(value) = &set.value {
                words.extend(["-o", &set.parameter, "-v", value].map(str::to_owned));
                argv = host.transport.command(&words);
            } else {
                let secret = set.secret.as_deref().unwrap_or_default();
                let title = crate::scenario::names::secret_title(secret).unwrap_or(secret);
                text.push(format!(
                    "First write a file FILE there that only root can read (mode 600), with the one \
                     line `{}=` and after it the {title}. Remove it afterwards.",
                    set.parameter
                ));
                words.extend(["-i", "FILE"].map(str::to_owned));
            }
            there(&mut text, host, &command_line(&words));
        }
        Work::RemoveDir(removal) => {
            let host = world.host(removal.role)?;
            let words = ["rm", "-rf", &removal.path].map(str::to_owned);
            there(&mut text, host, &command_line(&words));
            argv = host.transport.command(&words);
        }
        Work::EditFile(edit) => {
            let host = world.host(edit.role)?;
            text.push(format!("Host: {}", host.fqdn));
            text.push(format!(
                "Edit `{}`: in its table INTERNAL_IP, before the line that refuses everybody (`*  $N`), \
                 each of these lines has to stand once:",
                edit.path
            ));
            text.extend(files::lines(edit));
        }
        Work::MergeSchema(_) => {
            text.extend(apply_here(world, directory::SCHEMA_BY_HAND));
            text.push(
                "Some refusals are as they should be: it holds two ways of replacing a definition, \
                 of which each server takes one."
                    .to_owned(),
            );
        }
        Work::UpgradeEntries(UpgradeEntries { confirmed, .. })
        | Work::SetAttributes(SetAttributes { confirmed, .. }) => {
            let name = confirmed.replace(".plans.json", ".planned.ldif");
            text.extend(apply_here(world, &name));
        }
        Work::ApplyLdif(ldif) => {
            let host = world.host(ldif.role)?;
            let mut words = vec!["ldapmodify".to_owned(), "-c".to_owned(), "-a".to_owned()];
            words.extend(bind_words(world));
            words.extend(["-f".to_owned(), ldif.file.clone()]);
            there(&mut text, host, &command_line(&words));
        }
        Work::Session(session) => argv = pipe(world, session, &mut text)?,
        _ => {}
    }
    if let Some(argv) = &argv {
        text.push(format!("Command: {}", command_line(argv)));
    }
    text.push("Then: Say that it is done. Checks look whether it is so.".to_owned());
    Ok((text, argv))
}

fn there(text: &mut Vec<String>, host: &Host, line: &str) {
    text.push(format!("Host: {}", host.fqdn));
    text.push(format!("As root: {line}"));
}

/// A command as a person types it, and as words.
fn command(command: &Command) -> (String, Vec<String>) {
    let Some(file) = &command.stdout_to else {
        return (command_line(&command.argv), command.argv.clone());
    };
    let line = format!(
        "umask 077; {} > {}",
        command_line(&command.argv),
        command_line(std::slice::from_ref(file))
    );
    let mut words = ["/bin/sh", "-c", r#"umask 077; exec "$@" >"$0""#, file]
        .map(str::to_owned)
        .to_vec();
    words.extend(command.argv.iter().cloned());
    (line, words)
}

/// How a directory client binds; it asks for the password.
fn bind_words(world: &World) -> Vec<String> {
    let directory = &world.site.directory;
    let found = world.site.endpoint(Role::Directory, directory.port);
    let (host, port) = found.unwrap_or_default();
    [
        "-h",
        &host,
        "-p",
        &port.to_string(),
        "-D",
        &directory.bind_dn,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// A file of this run's folder that goes into the directory.
fn apply_here(world: &World, name: &str) -> Vec<String> {
    let mut words = vec!["ldapmodify".to_owned(), "-c".to_owned()];
    words.extend(bind_words(world));
    let file = world.artifact(name).display().to_string();
    words.extend(["-f".to_owned(), file]);
    vec![
        "Here: Apply the file with any directory client; it asks for the password (-w - or -W)."
            .to_owned(),
        format!("Such as: {}", command_line(&words)),
    ]
}

/// The commands of a session.
fn pipe(
    world: &World,
    session: &Session,
    text: &mut Vec<String>,
) -> Result<Option<Vec<String>>, String> {
    let (old, new) = (world.host(Role::Old)?, world.host(Role::New)?);
    if session.afresh && session.live {
        // Users have mail there by now: nothing of theirs is ever removed as a whole.
        text.push(
            "What an earlier attempt has brought stays, and is not added again. Folders with a date \
             in their name that it made twice are twins: remove those, and nothing else."
                .to_owned(),
        );
    } else if session.afresh {
        text.push(
            "First remove what an earlier attempt left of each of these users, where there is \
             something:"
                .to_owned(),
        );
        let removal = |id: &str| {
            let words = [session.mboxutil.as_str(), "-d", &format!("user/{id}/INBOX")];
            command_line(&words.map(str::to_owned))
        };
        text.extend(session.users.iter().map(|u| removal(u.new_id())));
    }
    let restore = command_line(&session.restore);
    let Some(backup) = &session.backup else {
        there(text, new, &restore);
        return Ok((!session.afresh)
            .then(|| new.transport.command(&session.restore))
            .flatten());
    };
    let line = command_line(backup);
    if old.same_as(new) {
        there(text, new, &format!("{line} | {restore}"));
    } else {
        there(text, old, &format!("{line} | …"));
        there(text, new, &format!("… | {restore}"));
    }
    let ends = (
        old.transport.command(backup),
        new.transport.command(&session.restore),
    );
    // What is left of an earlier attempt the operator has to look at.
    let (Some(from), Some(into), false) = (ends.0, ends.1, session.afresh) else {
        return Ok(None);
    };
    let both = format!("{} | {}", command_line(&from), command_line(&into));
    Ok(Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), both]))
}

fn needs_preparing(work: &Work) -> bool {
    matches!(
        work,
        Work::SetConfig(_)
            | Work::EditFile(_)
            | Work::MergeSchema(_)
            | Work::UpgradeEntries(_)
            | Work::SetAttributes(_)
            | Work::ApplyLdif(_)
            | Work::Session(_)
    )
}

fn prepared(work: &Work) -> &'static str {
    match work {
        Work::Session(_) => "write the lists that its commands read",
        _ => "keep what takes it back",
    }
}

/// Keeps what takes a change back, or writes what its command reads.
pub(super) async fn prepare(world: &World, what: &Prepare) -> EffectEnd {
    let kept = super::undo::kept(&what.effect);
    let done = match &*what.work {
        Work::SetConfig(set) => config::keep(world, set, &kept).await,
        Work::EditFile(edit) => files::keep(world, edit).await,
        Work::MergeSchema(merge) => directory::prepare_schema(world, merge, &kept),
        Work::UpgradeEntries(UpgradeEntries {
            confirmed, digest, ..
        })
        | Work::SetAttributes(SetAttributes {
            confirmed, digest, ..
        }) => directory::keep_entries(world, confirmed, digest),
        Work::ApplyLdif(ldif) => directory::keep_ldif(world, ldif, &kept).await,
        Work::Session(session) => lists(world, session).await,
        _ => Ok(()),
    };
    match done {
        Ok(()) => EffectEnd::ok(""),
        Err(error) => EffectEnd::failed(error),
    }
}

async fn lists(world: &World, session: &Session) -> Result<(), String> {
    if session.live {
        proof::all_hold(world, &["synclevel-default".to_owned()]).await?;
    }
    let (old, new) = (world.host(Role::Old)?, world.host(Role::New)?);
    if let Some(file) = &session.user_file {
        mailboxes::put(world, old, file, &user_file(&session.users)).await?;
    }
    if let Some(file) = &session.rename_map {
        mailboxes::put(world, new, file, &session.rename).await?;
    }
    Ok(())
}

/// The operator says that it is done: it is looked at.
pub(super) async fn apply(world: &World, task: &ByHand) -> EffectEnd {
    match look(world, &task.work).await {
        Ok(message) if message.is_empty() => EffectEnd::ok("done by hand"),
        Ok(message) => EffectEnd::ok(format!("done by hand; {message}")),
        Err(error) => EffectEnd::failed(format!("it is said to be done, but: {error}")),
    }
}

/// Looks whether a change has been made.
async fn look(world: &World, work: &Work) -> Result<String, String> {
    match work {
        Work::Command(c) | Work::BackupDirectory(c) => {
            if let Some(file) = &c.stdout_to {
                let host = world.host(c.role)?;
                if !host.exists(file).await.map_err(|e| e.to_string())? {
                    return Err(format!("`{file}` is not there on {}", host.fqdn));
                }
            }
            proof::eventually(world, &c.proof, PATIENCE).await
        }
        Work::SetConfig(set) => reads_back(world, set).await,
        Work::EditFile(edit) => files::is_edited(world, edit).await,
        Work::RemoveDir(removal) => {
            let host = world.host(removal.role)?;
            match host.exists(&removal.path).await {
                Ok(false) => Ok("it is gone".to_owned()),
                Ok(true) => Err(format!("`{}` is still there", removal.path)),
                Err(error) => Err(error.to_string()),
            }
        }
        Work::MergeSchema(_) => directory::schema_is_whole(world).await,
        Work::UpgradeEntries(UpgradeEntries {
            confirmed, digest, ..
        })
        | Work::SetAttributes(SetAttributes {
            confirmed, digest, ..
        }) => directory::entries_are_as_planned(world, confirmed, digest).await,
        Work::Session(session) => {
            let reports = mailboxes::look(world, &session.users).await?;
            let bad: Vec<&str> = reports
                .iter()
                .filter(|r| !r.is_complete())
                .map(|r| r.new_id.as_str())
                .collect();
            if bad.is_empty() {
                return Ok(format!("{} users are complete", reports.len()));
            }
            Err(format!(
                "{} of {} users are not complete: {}",
                bad.len(),
                reports.len(),
                mailboxes::some(&bad)
            ))
        }
        // The step's own checks follow.
        _ => Ok(String::new()),
    }
}

async fn reads_back(world: &World, set: &SetConfig) -> Result<String, String> {
    if config::is_set(world, set).await? {
        return Ok("it reads back right".to_owned());
    }
    Err(format!(
        "{} does not read back as it has to be",
        display_safe(&set.parameter)
    ))
}
