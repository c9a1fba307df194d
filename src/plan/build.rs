//! From a scenario, a site and facts to a plan.

use super::describe;
use super::digest::digest;
use super::fill::Filler;
use super::types::{Gate, GateLine, Plan, PlanStep, PlannedAction};
use crate::scenario::action::ServiceState;
use crate::scenario::condition::Facts;
use crate::scenario::{Action, Condition, Correction, Risk, Role, Scenario, Step};
use crate::site::{Disk, Site};
use serde_json::Value;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The site is for another scenario.
    #[error("the site is for the scenario `{site}`, not for `{scenario}`")]
    OtherScenario {
        /// What the site says.
        site: String,
        /// What was asked for.
        scenario: String,
    },
    /// The plan cannot be written as JSON.
    #[error("the plan cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// Returns every step with `<names>` where facts are still missing; needs no host.
///
/// # Errors
/// When the site is for another scenario.
pub fn draft(scenario: &Scenario, site: &Site) -> Result<Plan, PlanError> {
    build(scenario, site, &Facts::new(), true)
}

/// Returns the plan for the facts that were looked up. Those that exist only later stay `<names>`.
///
/// # Errors
/// When the site is for another scenario.
pub fn bind(scenario: &Scenario, site: &Site, facts: &Facts) -> Result<Plan, PlanError> {
    build(scenario, site, facts, false)
}

/// Returns the facts with what the site decides itself: `store.disk` other than `auto`.
pub fn with_decisions(site: &Site, facts: &Facts) -> Facts {
    let mut facts = facts.clone();
    let decided = match site.store.disk {
        Disk::Auto => return facts,
        Disk::Stream => "enough",
        Disk::Tape => "too-little",
    };
    facts.insert("disk".to_owned(), Value::from(decided));
    facts
}

fn build(scenario: &Scenario, site: &Site, facts: &Facts, draft: bool) -> Result<Plan, PlanError> {
    if scenario.id != site.scenario {
        return Err(PlanError::OtherScenario {
            site: site.scenario.clone(),
            scenario: scenario.id.clone(),
        });
    }
    let facts = with_decisions(site, facts);
    let fill = Filler {
        site,
        facts: &facts,
    };
    let mut mail = Mail::OnOld;
    let mut steps = Vec::new();
    for step in &scenario.steps {
        steps.push(plan_step(step, &fill, mail)?);
        mail = mail.after(step);
    }
    let mut plan = Plan {
        scenario: scenario.id.clone(),
        title: scenario.title.clone(),
        draft,
        digest: String::new(),
        steps,
    };
    plan.digest = digest(&plan)?;
    Ok(plan)
}

fn plan_step(step: &Step, fill: &Filler<'_>, mail: Mail) -> Result<PlanStep, PlanError> {
    let step = &expanded(step, fill.site);
    let text = |text: &str| fill.shown(text);
    let texts = |items: &[String]| items.iter().map(|item| text(item)).collect::<Vec<_>>();
    let actions = planned(&step.actions, step, fill)?;
    let back = step.way_back();
    let undo_actions = planned(back.as_deref().unwrap_or_default(), step, fill)?;
    let users_notice = step.users_notice.as_deref().map(text);
    let undo = text(&step.undo);
    let if_interrupted = text(&step.if_interrupted);
    let mut summary = vec![
        line("What", text(&step.title)),
        line(
            "Where",
            format!("{} ({})", host(fill, step.role), step.role.title()),
        ),
    ];
    if let Some(how_many) = &step.how_many {
        summary.push(line("How many", text(how_many)));
    }
    summary.extend([
        line(
            "Users notice",
            users_notice
                .clone()
                .unwrap_or_else(|| "Nothing.".to_owned()),
        ),
        line("To undo", undo.clone()),
        line("If interrupted", if_interrupted.clone()),
        line(
            "If you stop now",
            format!("Nothing of this step is done. {}", mail.sentence()),
        ),
    ]);
    Ok(PlanStep {
        id: step.id.clone(),
        guide: step.guide.clone(),
        title: text(&step.title),
        role: step.role,
        host: host(fill, step.role),
        risk: step.risk,
        asks: text(&step.asks),
        users_notice,
        actions,
        checks: checks(step),
        checks_before: step.checks_before.clone(),
        checks_after: step.checks_after.clone(),
        facts: step.facts.clone(),
        gate: Gate {
            id: step.id.clone(),
            level: step.risk,
            typed: step.typed.as_deref().map(text),
            summary,
        },
        condition: step.when.as_ref().map(Condition::sentence),
        skipped: step.skipped.clone(),
        batch: step.batch.clone(),
        applies: match (&step.skipped, &step.when) {
            (Some(_), _) => Some(false),
            (None, None) => Some(true),
            (None, Some(when)) => when.holds(&|field| fill.site.lookup(field), fill.facts),
        },
        notes: texts(&step.notes),
        corrections: moved(step)
            .iter()
            .chain(&step.corrections)
            .map(|c| Correction {
                guide: text(&c.guide),
                ours: text(&c.ours),
                why: text(&c.why),
            })
            .collect(),
        undo_gate: undo_gate(step, fill, &undo_actions, &undo),
        undo,
        if_interrupted,
        undo_actions,
        undo_checks: step.undo_checks.clone(),
        undo_with: step.undo_with.clone(),
        irreversible: back.is_err(),
    })
}

/// That a step stands elsewhere than its number says, as the departure from the guide that it is.
fn moved(step: &Step) -> Option<Correction> {
    step.moved.as_ref().map(|why| Correction {
        guide: format!("Has this as its number {}.", step.guide),
        ours: "Does it here.".to_owned(),
        why: why.clone(),
    })
}

/// The step with each action that is done for every row of a table of the site written out.
fn expanded(step: &Step, site: &Site) -> Step {
    let mut step = step.clone();
    let each = |action: Action| -> Vec<Action> {
        match action {
            Action::SetConfig(set) if set.each.is_some() => site
                .old
                .partitions
                .iter()
                .map(|(name, path)| {
                    let mut one = set.clone();
                    one.each = None;
                    one.parameter = set.parameter.replace("{partition}", name);
                    one.value = set
                        .value
                        .as_ref()
                        .map(|v| v.replace("{partition_path}", path));
                    Action::SetConfig(one)
                })
                .collect(),
            Action::Owner(owner) if owner.each.is_some() => site
                .old
                .partitions
                .values()
                .map(|path| {
                    let mut one = owner.clone();
                    one.each = None;
                    one.path = owner.path.replace("{partition_path}", path);
                    Action::Owner(one)
                })
                .collect(),
            other => vec![other],
        }
    };
    step.actions = step.actions.into_iter().flat_map(each).collect();
    step
}

fn planned(
    actions: &[Action],
    step: &Step,
    fill: &Filler<'_>,
) -> Result<Vec<PlannedAction>, PlanError> {
    let mut planned = Vec::new();
    for action in actions {
        let role = action.host().unwrap_or(step.role);
        let what = match action {
            Action::PutBack(put) => {
                let target = put.action.checked_sub(1).and_then(|i| step.actions.get(i));
                target.map_or_else(String::new, |a| describe::put_back(a, fill))
            }
            other => describe::what(other, fill),
        };
        planned.push(PlannedAction {
            kind: action.kind().to_owned(),
            role,
            host: host(fill, role),
            what,
            argv: describe::argv(action, role, fill),
            guide_argv: describe::guide_argv(action, fill),
            parameters: fill.action(action)?,
        });
    }
    Ok(planned)
}

/// The gate before a step is taken back.
fn undo_gate(
    step: &Step,
    fill: &Filler<'_>,
    actions: &[PlannedAction],
    undo: &str,
) -> Option<Gate> {
    let level = step.undo_level().ok().flatten()?;
    let typed = || match &step.typed {
        Some(typed) => fill.shown(typed),
        None => host(fill, step.role),
    };
    let mut summary = vec![
        line("What", format!("Undo: {}", fill.shown(&step.title))),
        line(
            "Where",
            format!("{} ({})", host(fill, step.role), step.role.title()),
        ),
        line("To undo", undo.to_owned()),
    ];
    summary.extend(actions.iter().map(|a| line("Does", a.what.clone())));
    Some(Gate {
        id: format!("undo/{}", step.id),
        level,
        typed: (level >= Risk::Destructive).then(typed),
        summary,
    })
}

fn line(label: &str, text: String) -> GateLine {
    GateLine {
        label: label.to_owned(),
        text,
    }
}

fn host(fill: &Filler<'_>, role: Role) -> String {
    fill.shown(&format!("{{{role}.host}}"))
}

/// All checks of a step, in the order in which they are made, each once.
fn checks(step: &Step) -> Vec<String> {
    let proofs = step.actions.iter().flat_map(Action::proof);
    let mut all: Vec<String> = Vec::new();
    for id in step
        .checks_before
        .iter()
        .map(String::as_str)
        .chain(proofs)
        .chain(step.checks_after.iter().map(String::as_str))
    {
        if !all.iter().any(|known| known == id) {
            all.push(id.to_owned());
        }
    }
    all
}

/// What users have of their mail, as the steps before leave it.
#[derive(Clone, Copy)]
enum Mail {
    OnOld,
    ReadOnly,
    Down,
    OnNew,
}

impl Mail {
    fn after(self, step: &Step) -> Self {
        step.actions.iter().fold(self, |mail, action| match action {
            Action::Service(s) => match (s.service.as_str(), s.state) {
                ("sims-dispatcher", ServiceState::Stopped) | ("nms-smtp", _) => Self::ReadOnly,
                ("sims" | "nms", ServiceState::Stopped) => Self::Down,
                ("ims", ServiceState::Started | ServiceState::Restarted) => Self::OnNew,
                _ => mail,
            },
            _ => mail,
        })
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::OnOld => "Mail goes on as before.",
            Self::ReadOnly => "Mail can be read, and no new mail comes in.",
            Self::Down => "Mail stays down.",
            Self::OnNew => "Mail is up on the new server.",
        }
    }
}
