//! From a planned step and its facts to effects. Pure.
//!
//! Effects of one stage may run side by side; stages run in order: a step's actions one after the
//! other, at last the checks that prove the step.

use super::work::{
    ApplyLdif, Check, CheckMailboxes, Command, CopyFile, DraftLdif, EditFile, Instruct, Inventory,
    Link, MergeSchema, Notify, Owner, RemoveDir, Session, SetAttributes, SetConfig, UpgradeEntries,
    WaitFor, Work,
};
use crate::plan::effect::EffectSpec;
use crate::plan::{PlanStep, PlannedAction};
use crate::scenario::action::{ServiceState, Source};
use crate::scenario::{Action, Role};
use crate::store::{self, StoreUser};
use serde_json::Value;
use std::collections::BTreeMap;

/// What describing needs besides the planned step.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The run's id.
    pub run: String,
    /// 1, and one more with each retry.
    pub attempt: u32,
    /// Below which folder the hosts keep this run's files.
    pub host_files: String,
    /// The new server's configutil.
    pub configutil: String,
    /// The old server's configutil, where it has one.
    pub old_configutil: String,
    /// The new server's mboxutil.
    pub mboxutil: String,
    /// The old server's imbackup.
    pub imbackup: String,
    /// Everybody who is moved, with the bytes of their mailboxes.
    pub users: Vec<(StoreUser, u64)>,
    /// Whether those are bytes indeed.
    pub sized: bool,
    /// On a retry: the users whose mailboxes are not complete. None: all.
    pub incomplete: Option<Vec<StoreUser>>,
    /// How many sessions; 0: by the number of users.
    pub sessions: usize,
    /// What the schema lacks: digest and number of definitions.
    pub schema: (String, usize),
    /// The entry changes of this step: digest, number, artifact.
    pub upgrade: (String, usize, String),
    /// The same of its actions that set attributes, by action (from 0).
    pub set: BTreeMap<usize, (String, usize, String)>,
    /// How many of its entries are odd.
    pub odd: usize,
    /// How an instructed command is started from here, by action (from 1).
    pub launched: Vec<Option<Vec<String>>>,
}

/// The effects of a step, and how many of one stage may be in flight.
///
/// # Errors
/// When facts contradict the step (colliding user ids, …), one sentence each.
pub fn effects(step: &PlanStep, given: &Given) -> Result<(Vec<EffectSpec>, usize), Vec<String>> {
    let mut found = Vec::new();
    let mut parallel = 4;
    for (index, action) in step.actions.iter().enumerate() {
        let number = index + 1;
        let stage = u32::try_from(number * 10).unwrap_or(u32::MAX);
        let id = format!("{}/{number}", step.id);
        if let Action::TransferMailboxes(transfer) = &action.parameters {
            let (moved, sessions) = self::transfer(&id, stage, action, transfer, given)?;
            parallel = parallel.max(sessions);
            found.extend(moved);
            continue;
        }
        let Some((work, by_operator)) = work_of(action, given, index)? else {
            continue;
        };
        found.extend(held_against(&id, stage, &work, given));
        found.push(spec(
            id,
            stage,
            action.kind.clone(),
            action.what.replace("<run>", &given.run),
            &work,
            by_operator,
        ));
    }
    for check in &step.checks_after {
        let id = format!("{}/check/{check}", step.id);
        let title = crate::scenario::names::CHECKS
            .iter()
            .find(|(known, _)| known == check)
            .map_or(check.as_str(), |(_, title)| title);
        let work = Work::Check(Check { id: check.clone() });
        found.push(spec(
            id,
            u32::MAX,
            "check".to_owned(),
            title.to_owned(),
            &work,
            false,
        ));
    }
    Ok((found, parallel))
}

/// The list of the old store that a tape is held against, user by user and message by message: the
/// tape is about to become the only copy.
fn held_against(id: &str, stage: u32, work: &Work, given: &Given) -> Option<EffectSpec> {
    let Work::Command(command) = work else {
        return None;
    };
    if !command.proof.iter().any(|p| p == "tape-holds-everyone") {
        return None;
    }
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
    let inventory = Work::Inventory(Inventory {
        backup: Some(words(&[&given.imbackup, "-f-"])),
        list: words(&[command.argv.first()?, "-f-", "-t", "-v1"]),
        users: given.users.iter().map(|(user, _)| user.clone()).collect(),
        list_only: true,
        live: false,
    });
    let what = "List what the old store holds, to hold the tape against it".to_owned();
    // Before the command that reads the tape.
    let (id, stage) = (format!("{id}/inventory"), stage - 1);
    Some(spec(id, stage, "inventory".into(), what, &inventory, false))
}

pub(super) fn spec(
    id: String,
    stage: u32,
    action: String,
    summary: String,
    work: &Work,
    by_operator: bool,
) -> EffectSpec {
    let shown = shown(work);
    EffectSpec {
        id,
        action,
        summary,
        stage,
        by_operator,
        parameters: work.parameters(&shown),
    }
}

/// The command lines people are shown for an effect.
fn shown(work: &Work) -> Vec<String> {
    let line = |argv: &[String]| crate::host::command_line(argv);
    match work {
        Work::Command(c) | Work::BackupDirectory(c) => vec![line(&c.argv)],
        Work::SetConfig(s) => {
            let value = s.value.clone();
            let argv: Vec<String> = match value {
                Some(v) => vec![
                    s.configutil.clone(),
                    "-o".into(),
                    s.parameter.clone(),
                    "-v".into(),
                    v,
                ],
                None => vec![
                    s.configutil.clone(),
                    "-i".into(),
                    "(a 0600 file, removed at once)".into(),
                ],
            };
            vec![line(&argv)]
        }
        Work::Session(s) => match &s.backup {
            Some(backup) => vec![format!("{} | {}", line(backup), line(&s.restore))],
            None => vec![line(&s.restore)],
        },
        Work::Inventory(i) => match &i.backup {
            Some(backup) => vec![format!("{} | {}", line(backup), line(&i.list))],
            None => vec![line(&i.list)],
        },
        Work::Instruct(i) => i.argv.as_deref().map(line).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Fills in what is known only inside a run.
fn late(text: &str, given: &Given) -> String {
    text.replace("{run}", &given.run)
}

fn late_all(argv: &[String], given: &Given) -> Vec<String> {
    argv.iter().map(|word| late(word, given)).collect()
}

pub(super) fn work_of(
    action: &PlannedAction,
    given: &Given,
    index: usize,
) -> Result<Option<(Work, bool)>, Vec<String>> {
    let role = action.role;
    let work = match &action.parameters {
        Action::Run(a) => Work::Command(Command {
            role,
            argv: late_all(&a.argv, given),
            proof: a.proof.clone(),
            stdout_to: a.stdout_to.as_ref().map(|p| late(p, given)),
            unless_proved: false,
        }),
        Action::Service(a) => Work::Command(Command {
            role,
            argv: late_all(&a.argv, given),
            proof: a.proof.clone(),
            stdout_to: None,
            unless_proved: a.state != ServiceState::Restarted,
        }),
        Action::BackupDirectory(a) => Work::BackupDirectory(Command {
            role,
            argv: late_all(&a.argv, given),
            proof: Vec::new(),
            stdout_to: None,
            unless_proved: false,
        }),
        Action::SetConfig(a) => Work::SetConfig(SetConfig {
            role,
            configutil: match role {
                Role::Old => given.old_configutil.clone(),
                Role::New | Role::Directory => given.configutil.clone(),
            },
            parameter: a.parameter.clone(),
            value: a.value.clone(),
            secret: a.secret.clone(),
        }),
        Action::MergeSchema(_) => Work::MergeSchema(MergeSchema {
            digest: given.schema.0.clone(),
            definitions: given.schema.1,
        }),
        Action::UpgradeEntries(a) => Work::UpgradeEntries(UpgradeEntries {
            entries: a.entries,
            base_dn: a.base_dn.clone(),
            mail_host: a.mail_host.clone(),
            digest: given.upgrade.0.clone(),
            count: given.upgrade.1,
            confirmed: given.upgrade.2.clone(),
        }),
        Action::SetAttributes(_) => {
            let (digest, count, confirmed) = given.set.get(&index).cloned().unwrap_or_default();
            Work::SetAttributes(SetAttributes {
                digest,
                count,
                confirmed,
            })
        }
        Action::ApplyLdif(a) => Work::ApplyLdif(ApplyLdif {
            role,
            file: late(&a.file, given),
            base_dn: a.base_dn.clone(),
        }),
        Action::EditFile(a) => Work::EditFile(EditFile {
            role,
            path: late(&a.path, given),
            what: a.what,
            values: a.values.clone(),
        }),
        Action::RemoveDir(a) => {
            let path = late(&a.path, given);
            let removal = RemoveDir { role, path };
            if a.empty {
                Work::RemoveEmpty(removal)
            } else {
                Work::RemoveDir(removal)
            }
        }
        Action::CopyFile(a) => Work::CopyFile(CopyFile {
            role,
            from: late(&a.from, given),
            to: late(&a.to, given),
        }),
        Action::Link(a) => Work::Link(Link {
            role,
            target: late(&a.target, given),
            path: late(&a.path, given),
        }),
        Action::Owner(a) => Work::Owner(Owner {
            role,
            path: late(&a.path, given),
            owner: a.owner.clone(),
            artifact: String::new(),
        }),
        Action::DraftLdif(a) => Work::DraftLdif(DraftLdif {
            role,
            what: a.what,
            file: late(&a.file, given),
        }),
        Action::WaitFor(a) => Work::WaitFor(WaitFor {
            check: a.check.clone(),
            every_seconds: a.every_seconds,
        }),
        Action::Notify(a) => {
            let mut text = vec![
                format!("To: {}", a.recipients),
                format!("Subject: {}", a.subject),
            ];
            text.extend(a.text.iter().cloned());
            Work::Notify(Notify {
                text,
                forecast: a.forecast,
            })
        }
        Action::Instruct(a) => {
            let task = Instruct {
                text: instructions(a, given.launched.get(index).and_then(Option::as_ref)),
                argv: given.launched.get(index).cloned().flatten(),
                answers: a
                    .answers
                    .iter()
                    .filter_map(|x| serde_json::to_value(x).ok())
                    .collect(),
                proof: a.proof.clone(),
                evidence: a.evidence,
                dns: a.dns.clone(),
            };
            return Ok(Some((Work::Instruct(task), true)));
        }
        Action::PutBack(_) => return Ok(None),
        Action::TransferMailboxes(_) => {
            return Err(vec![format!(
                "this version cannot do `{}`; no scenario it carries asks for it",
                action.kind
            )]);
        }
    };
    Ok(Some((work, false)))
}

/// What the operator reads: the text, the command, each question with its answer.
fn instructions(
    task: &crate::scenario::action::Instruct,
    launched: Option<&Vec<String>>,
) -> Vec<String> {
    let mut lines = task.text.clone();
    if let Some(argv) = launched {
        lines.push(format!("Command: {}", crate::host::command_line(argv)));
    }
    if !task.dns.is_empty() {
        lines.push(format!("As nsupdate takes it: {}", task.dns.join("; ")));
    }
    for answer in &task.answers {
        let value = if answer.answer.is_empty() {
            "take the default".to_owned()
        } else if let Some(name) = answer.answer.strip_prefix("{secret.") {
            let name = name.trim_end_matches('}');
            let title = crate::scenario::names::secret_title(name).unwrap_or(name);
            format!("the {title}")
        } else {
            format!("`{}`", answer.answer)
        };
        let why = answer
            .why
            .as_deref()
            .map(|w| format!(" ({w})"))
            .unwrap_or_default();
        lines.push(format!(
            "· asked for “{}”, answer {value}{why}",
            answer.prompt
        ));
    }
    lines
}

/// Inventory, sessions, verification.
fn transfer(
    id: &str,
    stage: u32,
    action: &PlannedAction,
    transfer: &crate::scenario::action::TransferMailboxes,
    given: &Given,
) -> Result<(Vec<EffectSpec>, usize), Vec<String>> {
    let everybody: Vec<StoreUser> = given.users.iter().map(|(user, _)| user.clone()).collect();
    let map = store::rename_map(&everybody)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let files = &given.host_files;
    let everybody_file = format!("{files}/everybody.users");
    let backup = |file: &str| {
        transfer.backup.as_ref().map(|argv| {
            argv.iter()
                .map(|w| w.replace("{user_file}", file))
                .collect::<Vec<String>>()
        })
    };
    let mut found = Vec::new();
    let list = list_argv(&transfer.restore);
    let inventory = Work::Inventory(Inventory {
        backup: backup(&everybody_file),
        list,
        users: everybody.clone(),
        list_only: false,
        live: transfer.live,
    });
    let source = if transfer.from == Source::Tape {
        "the tape"
    } else {
        "the old store"
    };
    let what = format!("List what {source} holds of {} users", everybody.len());
    found.push(spec(
        format!("{id}/inventory"),
        stage,
        "inventory".into(),
        what,
        &inventory,
        false,
    ));

    let wanted: Vec<(StoreUser, u64)> = match &given.incomplete {
        None => given.users.clone(),
        Some(some) => given
            .users
            .iter()
            .filter(|(u, _)| some.contains(u))
            .cloned()
            .collect(),
    };
    let count = match (transfer.from, given.sessions) {
        (Source::Tape, _) => 1,
        (Source::Store, 0) => store::default_sessions(wanted.len()),
        (Source::Store, some) => some,
    };
    let sessions = store::balance(&wanted, count);
    for (index, session) in sessions.iter().enumerate() {
        let number = index + 1;
        let retry = if given.attempt > 1 {
            format!("r{}-", given.attempt)
        } else {
            String::new()
        };
        let name = format!("{retry}s{number:02}");
        let user_file = format!("{files}/{name}.users");
        let map_file = format!("{files}/{name}.rename");
        let needs_map = !map.is_empty();
        let restore = transfer
            .restore
            .iter()
            .flat_map(|word| match word.as_str() {
                "{rename_map_option}" if needs_map => vec!["-u".to_owned(), map_file.clone()],
                "{rename_map_option}" => Vec::new(),
                // What is there already is not added again without it; with it all of it would be.
                "-n" if transfer.live && given.attempt > 1 => Vec::new(),
                _ => vec![word.clone()],
            })
            .collect();
        let work = Work::Session(Session {
            backup: backup(&user_file),
            restore,
            users: session.users.clone(),
            bytes: session.bytes,
            expected: given.sized.then_some(session.bytes),
            user_file: transfer.backup.is_some().then_some(user_file),
            rename_map: needs_map.then_some(map_file),
            rename: map.render(),
            afresh: given.attempt > 1,
            live: transfer.live,
            mboxutil: given.mboxutil.clone(),
        });
        let what = format!(
            "Session {number} of {}: {} user{}",
            sessions.len(),
            session.users.len(),
            if session.users.len() == 1 { "" } else { "s" }
        );
        found.push(spec(
            format!("{id}/{name}"),
            stage + 1,
            action.kind.clone(),
            what,
            &work,
            false,
        ));
    }
    let all = Work::CheckMailboxes(CheckMailboxes { users: everybody });
    let what = "Compare every mailbox with the inventory".to_owned();
    found.push(spec(
        format!("{id}/compare"),
        stage + 2,
        "compare".into(),
        what,
        &all,
        false,
    ));
    Ok((found, sessions.len().max(1)))
}

/// The restore command turned into one that only lists: the same device, `-t`.
pub(super) fn list_argv(restore: &[String]) -> Vec<String> {
    let mut argv: Vec<String> = restore.first().cloned().into_iter().collect();
    let mut rest = restore.iter().skip(1);
    while let Some(word) = rest.next() {
        if word.starts_with("-f") {
            argv.push(word.clone());
            if word == "-f" {
                argv.extend(rest.next().cloned());
            }
        }
    }
    argv.push("-t".to_owned());
    argv.push("-v1".to_owned());
    argv
}

/// The digest of what is confirmed: effects, in order.
pub fn digest(effects: &[EffectSpec], facts: &Value) -> String {
    use sha2::{Digest as _, Sha256};
    use std::fmt::Write as _;
    let text = serde_json::to_string(&(effects, facts)).unwrap_or_default();
    Sha256::digest(text.as_bytes())
        .iter()
        .fold(String::new(), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
}
