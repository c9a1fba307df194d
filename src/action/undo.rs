//! Binds an undo step: what takes a step back, as effects, with the gate before it.

use super::describe::{self, Given, list_argv};
use super::work::{
    CopyFile, EditFile, Kept, Link, Owner, RemoveDir, RemoveFile, RemoveMailboxes, RestoreConfig,
    Work,
};
use super::{World, facts, proof};
use crate::check::Outcome;
use crate::plan::effect::{Binding, EffectSpec, StepGate};
use crate::plan::{self, PlanStep};
use crate::scenario::action::Source;
use crate::scenario::condition::Facts;
use crate::scenario::{Action, Risk, Role};
use serde_json::Value;

/// What the ids of undo steps begin with.
pub const PREFIX: &str = "undo/";

/// Returns the name of the artifact in which an effect keeps what was there before.
pub fn kept(effect: &str) -> String {
    format!("{}.before", effect.replace('/', "."))
}

/// Binds the undo of step `id`. `others`: the steps that are taken back in the same go.
///
/// # Errors
/// Why it cannot begin, one sentence each.
pub async fn bind(world: &World, id: &str, others: &[String]) -> Result<Binding, Vec<String>> {
    let one = |error: String| vec![error];
    world.at_step(id);
    let draft = plan::draft(&world.scenario, &world.site).map_err(|e| one(e.to_string()))?;
    let step = draft
        .step(id)
        .ok_or_else(|| one(format!("the plan has no step `{id}`")))?;
    let Some(gate) = &step.undo_gate else {
        return Ok(left_out(id, "there is nothing to take back"));
    };
    if let Some(with) = step.undo_with.as_ref().filter(|w| others.contains(w)) {
        let what = draft.step(with).map_or(with.as_str(), |s| s.title.as_str());
        return Ok(left_out(
            id,
            &format!("it goes with what comes next: undo “{what}”"),
        ));
    }
    let mut lines: Vec<String> = gate
        .summary
        .iter()
        .map(|l| format!("{}: {}", l.label, l.text.replace("<run>", &world.run)))
        .collect();
    lines.extend(checks(world, &step.undo_checks).await?);
    let effects = effects(world, step).await?;
    if effects.is_empty() {
        return Ok(left_out(id, "it is so already"));
    }
    Ok(Binding {
        applies: true,
        reason: String::new(),
        digest: describe::digest(&effects, &Value::Null),
        facts: Value::Null,
        effects,
        parallel: 1,
        gate: StepGate {
            id: gate.id.clone(),
            level: gate.level,
            typed: gate.typed.clone(),
            lines,
        },
    })
}

/// Binds the last step of taking everything back: what the wizard itself left on the hosts goes.
pub fn bind_run_files(world: &World, id: &str) -> Binding {
    let mut effects = Vec::new();
    let mut seen = Vec::new();
    for (role, host) in world.hosts() {
        if seen.contains(&&host.fqdn) {
            continue;
        }
        seen.push(&host.fqdn);
        for path in [
            format!("{}/{}", host.scratch, world.run),
            world.host_files(host),
        ] {
            let number = effects.len() + 1;
            let what = format!("Remove {path} on {}", host.fqdn);
            let work = Work::RemoveDir(RemoveDir { role, path });
            effects.push(effect(id, number, "remove-dir", what, &work));
        }
    }
    let lines = vec![
        "What: Remove the files that this run made on the hosts for its own use".to_owned(),
        "Stays: the run's folder here, with its journal and everything it kept".to_owned(),
    ];
    Binding {
        applies: true,
        reason: String::new(),
        digest: describe::digest(&effects, &Value::Null),
        facts: Value::Null,
        effects,
        parallel: 1,
        gate: StepGate {
            id: id.to_owned(),
            level: Risk::Note,
            typed: None,
            lines,
        },
    }
}

fn left_out(id: &str, reason: &str) -> Binding {
    Binding {
        applies: false,
        reason: reason.to_owned(),
        facts: Value::Null,
        effects: Vec::new(),
        parallel: 1,
        gate: StepGate {
            id: format!("{PREFIX}{id}"),
            level: Risk::Note,
            typed: None,
            lines: Vec::new(),
        },
        digest: String::new(),
    }
}

/// Makes the checks before the gate; warnings come back as lines of it.
async fn checks(world: &World, ids: &[String]) -> Result<Vec<String>, Vec<String>> {
    let mut lines = Vec::new();
    let mut inhibited = Vec::new();
    for report in proof::look_all(world, ids).await {
        match report.outcome {
            Outcome::Ok => {}
            Outcome::Warning => lines.push(format!("Warning: {}", report.detail)),
            Outcome::Failed | Outcome::Unknown if !report.inhibits => {
                lines.push(format!("Warning: {}", proof::sentence(&report)));
            }
            Outcome::Failed | Outcome::Unknown => {
                inhibited.push(format!("{}: {}", report.id, proof::sentence(&report)));
            }
        }
    }
    if inhibited.is_empty() {
        Ok(lines)
    } else {
        Err(inhibited)
    }
}

async fn effects(world: &World, step: &PlanStep) -> Result<Vec<EffectSpec>, Vec<String>> {
    let id = format!("{PREFIX}{}", step.id);
    let mut found = Vec::new();
    for (index, action) in step.undo_actions.iter().enumerate() {
        let number = index + 1;
        let what = action.what.replace("<run>", &world.run);
        if let Action::PutBack(put) = &action.parameters {
            let target = put.action.checked_sub(1).and_then(|i| step.actions.get(i));
            let Some(target) = target else {
                return Err(vec![format!(
                    "step `{}` has no action {}",
                    step.id, put.action
                )]);
            };
            let done = format!("{}/{}", step.id, put.action);
            if let Some(work) =
                put_back(world, &done, step, &target.parameters, target.role).await?
            {
                found.push(effect(&id, number, &target.kind, what, &work));
            }
            continue;
        }
        let mut given = Given {
            run: world.run.clone(),
            ..Given::default()
        };
        given.launched = vec![None; index + 1];
        if let Action::Instruct(task) = &action.parameters {
            // The operator is not asked for what is so already.
            if !task.proof.is_empty() && proof::all_hold(world, &task.proof).await.is_ok() {
                continue;
            }
            if let (Some(argv), Some(last)) = (&task.argv, given.launched.last_mut()) {
                let host = world.host(action.role).map_err(|e| vec![e])?;
                *last = host.transport.command(argv);
            }
        }
        if let Some((work, by_operator)) = describe::work_of(action, &given, index)? {
            let mut spec = effect(&id, number, &action.kind, what, &work);
            spec.by_operator = by_operator;
            found.push(spec);
        }
    }
    Ok(found)
}

fn effect(step: &str, number: usize, kind: &str, summary: String, work: &Work) -> EffectSpec {
    let stage = u32::try_from(number * 10).unwrap_or(u32::MAX);
    let id = format!("{step}/{number}");
    describe::spec(id, stage, kind.to_owned(), summary, work, false)
}

/// What puts one action back; none when that leaves nothing to do. `done`: its effect's id.
async fn put_back(
    world: &World,
    done: &str,
    step: &PlanStep,
    action: &Action,
    role: Role,
) -> Result<Option<Work>, Vec<String>> {
    let late = |text: &str| text.replace("{run}", &world.run);
    let kept = || Kept {
        artifact: kept(done),
    };
    Ok(Some(match action {
        Action::SetConfig(a) => Work::RestoreConfig(RestoreConfig {
            role,
            configutil: world.configutil(role),
            parameter: a.parameter.clone(),
            artifact: self::kept(done),
        }),
        Action::MergeSchema(_) => Work::RevertSchema(kept()),
        Action::UpgradeEntries(_) => Work::RevertEntries(Kept {
            artifact: format!("{}.undo.ldif", step.id),
        }),
        Action::SetAttributes(_) => Work::RevertEntries(Kept {
            artifact: format!("{}.undo.ldif", done.replace('/', ".")),
        }),
        Action::ApplyLdif(_) => Work::RevertLdif(kept()),
        Action::EditFile(a) => Work::RestoreFile(EditFile {
            role,
            path: late(&a.path),
            what: a.what,
            values: a.values.clone(),
        }),
        Action::BackupDirectory(a) => Work::RemoveFile(RemoveFile {
            role,
            path: late(&a.file),
        }),
        Action::DraftLdif(a) => Work::RemoveFile(RemoveFile {
            role,
            path: late(&a.file),
        }),
        Action::CopyFile(a) => Work::RemoveCopy(CopyFile {
            role,
            from: late(&a.from),
            to: late(&a.to),
        }),
        Action::Link(a) => Work::RemoveLink(Link {
            role,
            target: late(&a.target),
            path: late(&a.path),
        }),
        Action::Owner(a) => Work::RestoreOwner(Owner {
            role,
            path: late(&a.path),
            owner: a.owner.clone(),
            artifact: self::kept(done),
        }),
        Action::RemoveDir(a) if a.empty => Work::MakeDir(RemoveDir {
            role,
            path: late(&a.path),
        }),
        Action::Run(a) => match &a.stdout_to {
            Some(file) => Work::RemoveFile(RemoveFile {
                role,
                path: late(file),
            }),
            None => return Ok(None),
        },
        Action::TransferMailboxes(a) => {
            let wanted = ["users".to_owned()];
            let looked = facts::look_up(world, &wanted, &Facts::new()).await?;
            let old = world.host(Role::Old).map_err(|e| vec![e])?;
            let file = format!("{}/everybody.users", world.host_files(old));
            let backup = a.backup.as_ref().filter(|_| a.from == Source::Store);
            Work::RemoveMailboxes(RemoveMailboxes {
                mboxutil: world.mboxutil(),
                users: looked.users.into_iter().map(|(user, _)| user).collect(),
                old: backup.map(|argv| {
                    let argv = argv.iter().map(|w| w.replace("{user_file}", &file));
                    (argv.collect(), list_argv(&a.restore))
                }),
            })
        }
        _ => return Ok(None),
    }))
}
