//! Binds a step: looks its facts up, makes its checks, and says exactly what it will do.

use super::describe::{self, Given};
use super::facts::{self, Looked};
use super::{World, by_hand, directory, mailboxes, proof};
use crate::check::Outcome;
use crate::plan::effect::{Binding, StepGate};
use crate::plan::{self, PlanStep};
use crate::scenario::condition::Facts;
use crate::scenario::{Action, Role, Step};
use crate::store::StoreUser;
use serde_json::{Value, json};

/// How a step is done otherwise than the site says, by what was confirmed on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amended {
    /// In how many sessions mailboxes are moved.
    pub sessions: Option<u16>,
    /// The operator does it.
    pub by_hand: bool,
}

/// Binds a step. `known` are facts that were decided earlier in the run and stay so (the disk
/// decides between tape and stream once).
///
/// # Errors
/// Why the step cannot begin, one sentence each: a check inhibits, or a fact cannot be looked up.
pub async fn bind(
    world: &World,
    id: &str,
    attempt: u32,
    known: &Facts,
    amended: Amended,
) -> Result<Binding, Vec<String>> {
    let step = world
        .scenario
        .step(id)
        .ok_or_else(|| vec![format!("the scenario has no step `{id}`")])?;
    world.at_step(id);
    let mut wanted = step.facts.clone();
    if let Some(condition) = &step.when {
        condition.each_name(&mut |is_field, name| {
            if !is_field && !wanted.iter().any(|w| w == name) {
                wanted.push(name.to_owned());
            }
        });
    }
    // What decides comes first: a step that does not apply needs nothing else.
    if let Some(without) = decide(world, step, known).await? {
        return Ok(without);
    }
    // Checks before facts: what inhibits says more than a fact that cannot be had.
    let notes = checks(world, step).await?;
    let looked = facts::look_up(world, &wanted, known).await?;
    let plan =
        plan::bind(&world.scenario, &world.site, &looked.facts).map_err(|e| vec![e.to_string()])?;
    let planned = plan
        .step(id)
        .ok_or_else(|| vec![format!("the plan has no step `{id}`")])?;
    let mut given = given(world, planned, attempt, looked.clone()).await?;
    if let Some(sessions) = amended.sessions {
        given.sessions = usize::from(sessions);
    }
    let (effects, parallel) = describe::effects(planned, &given)?;
    let effects = by_hand::effects(world, effects, amended.by_hand).await?;
    let summary = summary(&looked, &given);
    let digest = describe::digest(&effects, &summary);
    let mut lines: Vec<String> = planned
        .gate
        .summary
        .iter()
        .map(|l| format!("{}: {}", l.label, l.text.replace("<run>", &world.run)))
        .collect();
    if !given.schema.0.is_empty() {
        lines.push(format!(
            "Changes: {} definitions; undo: artifacts/schema-undo.ldif",
            given.schema.1
        ));
    }
    if !given.upgrade.0.is_empty() {
        lines.push(format!(
            "Changes: {} entries, one by one in artifacts/{id}.planned.ldif of this run",
            given.upgrade.1
        ));
    }
    for (number, (_, count, artifact)) in given.set.values().enumerate() {
        let file = artifact.replace(".plans.json", ".planned.ldif");
        lines.push(format!(
            "Changes {}: {count} entries, one by one in artifacts/{file} of this run",
            number + 1
        ));
    }
    if given.odd > 0 {
        lines.push(format!(
            "Odd: {} of them, with what is odd in artifacts/{id}.odd.txt of this run",
            given.odd
        ));
    }
    if amended.by_hand {
        lines.push(
            "By hand: You do this step, command by command; what is so already is left out.".into(),
        );
    }
    lines.extend(notes.into_iter().map(|n| format!("Warning: {n}")));
    if let Some(some) = &given.incomplete {
        lines.push(format!("Retry: {} users are moved afresh.", some.len()));
    }
    Ok(Binding {
        applies: true,
        reason: String::new(),
        facts: summary,
        effects,
        parallel,
        gate: StepGate {
            id: id.to_owned(),
            level: planned.gate.level,
            typed: planned.gate.typed.clone(),
            lines,
        },
        digest,
    })
}

/// The binding of a step whose condition does not hold; none when it does.
async fn decide(world: &World, step: &Step, known: &Facts) -> Result<Option<Binding>, Vec<String>> {
    if let Some(reason) = &step.skipped {
        return Ok(Some(without(
            step,
            format!("left out at this site: {reason}"),
            Value::Null,
        )));
    }
    let Some(condition) = &step.when else {
        return Ok(None);
    };
    let mut wanted = Vec::new();
    condition.each_name(&mut |is_field, name| {
        if !is_field {
            wanted.push(name.to_owned());
        }
    });
    let looked = facts::look_up(world, &wanted, known).await?;
    let field = |name: &str| world.site.lookup(name);
    match condition.holds(&field, &looked.facts) {
        Some(true) => Ok(None),
        Some(false) => Ok(Some(without(
            step,
            format!("only when {}", condition.sentence()),
            json!(looked.facts),
        ))),
        None => Err(vec![format!(
            "it is not known whether {}: say it in the site file",
            condition.sentence()
        )]),
    }
}

/// The binding of a step that is not done.
fn without(step: &Step, reason: String, facts: Value) -> Binding {
    Binding {
        applies: false,
        reason,
        facts,
        effects: Vec::new(),
        parallel: 1,
        gate: StepGate {
            id: step.id.clone(),
            level: step.risk,
            typed: None,
            lines: Vec::new(),
        },
        digest: String::new(),
    }
}

/// Makes the checks before a step; warnings come back as notes.
async fn checks(world: &World, step: &Step) -> Result<Vec<String>, Vec<String>> {
    let reports = proof::look_all(world, &step.checks_before).await;
    let mut notes = Vec::new();
    let mut inhibited = Vec::new();
    for report in reports {
        match report.outcome {
            Outcome::Ok => {}
            Outcome::Warning => notes.push(proof::warning(&report)),
            Outcome::Failed | Outcome::Unknown if !report.inhibits => {
                notes.push(proof::sentence(&report));
            }
            Outcome::Failed | Outcome::Unknown => {
                inhibited.push(format!("{}: {}", report.id, proof::sentence(&report)));
            }
        }
    }
    if inhibited.is_empty() {
        Ok(notes)
    } else {
        Err(inhibited)
    }
}

async fn given(
    world: &World,
    step: &PlanStep,
    attempt: u32,
    looked: Looked,
) -> Result<Given, Vec<String>> {
    let one = |error: String| vec![error];
    let mut given = Given {
        run: world.run.clone(),
        attempt,
        host_files: world.host_files(world.host(Role::New).map_err(one)?),
        configutil: world.configutil(Role::New),
        old_configutil: world.configutil(Role::Old),
        mboxutil: world.mboxutil(),
        imbackup: world.site.old.imbackup.clone(),
        sized: looked.sized,
        users: looked.users,
        sessions: usize::from(world.site.store.sessions),
        ..Given::default()
    };
    for (index, action) in step.actions.iter().enumerate() {
        given.launched.push(None);
        match &action.parameters {
            Action::Instruct(task) => {
                if let Some(argv) = &task.argv {
                    let host = world.host(action.role).map_err(one)?;
                    let launched = host.transport.command(argv);
                    if let Some(last) = given.launched.last_mut() {
                        *last = launched;
                    }
                }
            }
            Action::MergeSchema(_) => {
                given.schema = directory::plan_schema(world).await.map_err(one)?;
            }
            Action::UpgradeEntries(upgrade) => {
                (given.upgrade, given.odd) =
                    directory::plan_upgrade(world, &step.id, upgrade).await?;
            }
            Action::SetAttributes(set) => {
                let name = format!("{}.{}", step.id, index + 1);
                let (planned, odd) = directory::plan_setting(world, &name, set).await?;
                given.set.insert(index, planned);
                given.odd += odd;
            }
            Action::TransferMailboxes(_) if attempt > 1 => {
                let everybody: Vec<StoreUser> =
                    given.users.iter().map(|(user, _)| user.clone()).collect();
                given.incomplete = Some(
                    mailboxes::incomplete(world, &everybody)
                        .await
                        .map_err(one)?,
                );
            }
            _ => {}
        }
    }
    Ok(given)
}

/// What the journal keeps of the facts: short values whole, lists by number and digest.
fn summary(looked: &Looked, given: &Given) -> Value {
    let mut summary = serde_json::Map::new();
    for (id, value) in &looked.facts {
        let short = match value {
            Value::Array(list) => {
                let text = serde_json::to_string(list).unwrap_or_default();
                let digest = describe::digest(&[], &Value::String(text));
                json!({ "count": list.len(), "digest": digest })
            }
            other => other.clone(),
        };
        summary.insert(id.clone(), short);
    }
    if !given.upgrade.0.is_empty() {
        summary.insert(
            "changes".to_owned(),
            json!({ "count": given.upgrade.1, "digest": given.upgrade.0 }),
        );
    }
    for (index, (digest, count, _)) in &given.set {
        summary.insert(
            format!("changes-{}", index + 1),
            json!({ "count": count, "digest": digest }),
        );
    }
    Value::Object(summary)
}
