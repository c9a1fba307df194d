//! `imsmigrate verify`: is a run's journal whole, and is the mail still where it was put?

use super::exit::Exit;
use super::look::wait;
use super::output::{data, talk};
use super::report::{head, plan_of};
use super::runs::{Run, find};
use super::secrets::{self, SecretOptions};
use crate::action::World;
use crate::base::{Secret, display_safe, places};
use crate::check::{self, CheckReport, Outcome};
use crate::engine::event::{Event, Outcome as Ended};
use crate::engine::journal;
use crate::engine::state::{State, StepStatus};
use crate::plain;
use crate::scenario::action::ServiceState;
use crate::scenario::{Action, Scenario};
use crate::site::Site;
use crate::store::InboxRule;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Look whether a run's journal is whole and the mail is still where the run has put it
///
/// Example: imsmigrate verify 1123-k7f3
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// The run; may be left out when there is only one
    run: Option<String>,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    secrets: SecretOptions,
}

/// What was looked at, and how it is.
struct Finding {
    what: &'static str,
    outcome: Outcome,
    detail: String,
}

impl VerifyArgs {
    /// Verifies a run; 0 when all that could be looked at holds, 6 when something does not.
    ///
    /// # Errors
    /// When no run fits or a secret is missing.
    pub fn run(&self) -> anyhow::Result<Exit> {
        let folder = self.folder()?;
        let mut findings = Vec::new();
        let records = match journal::read(&folder) {
            Ok(records) => records,
            Err(error @ journal::JournalError::Damaged { .. }) => {
                let detail = error.to_string();
                findings.push(finding("journal", Outcome::Failed, detail));
                return self.tell(&findings);
            }
            Err(error) => return Err(error.into()),
        };
        let detail = format!(
            "{} events, each bound to the one before; the last is {}",
            records.len(),
            head(&folder)?
        );
        findings.push(finding("journal", Outcome::Ok, detail));
        let draft = records.iter().find_map(|r| match &r.event {
            Event::RunCreated { draft, .. } => Some(draft.clone()),
            _ => None,
        });
        let plan = plan_of(&folder);
        let same = plan.as_ref().map(|p| journal::hash(p.digest.as_bytes())) == draft;
        findings.push(if same {
            finding("plan", Outcome::Ok, "plan.json is the one it began with")
        } else {
            finding(
                "plan",
                Outcome::Failed,
                "plan.json is not the one it began with",
            )
        });
        let run = Run::read(&folder)?;
        let site_path = folder.join("site.toml");
        let site = Site::load(&site_path)?;
        let scenario = site.procedure()?;
        findings.push(match moved(&run.state, &scenario) {
            None => finding(
                "mailboxes",
                Outcome::Warning,
                "not looked at: the run has not moved them to their end",
            ),
            Some(rule) => {
                let secrets = secrets::for_site(&site, &site_path, &scenario, &self.secrets)?;
                mailboxes(&folder, site, scenario, secrets, rule)?
            }
        });
        self.tell(&findings)
    }

    fn folder(&self) -> anyhow::Result<PathBuf> {
        // A damaged journal must not keep its run from being found.
        if let Some(id) = &self.run {
            let named: crate::base::RunId = id
                .parse()
                .map_err(|_| anyhow::anyhow!("there is no run `{}`", display_safe(id)))?;
            let folder = places::runs_dir()?.join(named.as_str());
            if folder.join(journal::JOURNAL_FILE).exists() {
                return Ok(folder);
            }
        }
        Ok(find(self.run.as_deref(), |_| true)?.folder)
    }

    fn tell(&self, findings: &[Finding]) -> anyhow::Result<Exit> {
        let holds = |f: &Finding| matches!(f.outcome, Outcome::Ok | Outcome::Warning);
        let all = findings.iter().all(holds);
        if self.json {
            let list: Vec<_> = findings
                .iter()
                .map(|f| json!({ "what": f.what, "outcome": f.outcome, "detail": f.detail }))
                .collect();
            data(json!({ "verified": all, "findings": list }).to_string())?;
        } else {
            for f in findings {
                let word = match f.outcome {
                    Outcome::Ok => "ok",
                    Outcome::Warning => "warning",
                    Outcome::Failed => "failed",
                    Outcome::Unknown => "unknown",
                };
                let first = format!("{word:<8} {:<10} ", f.what);
                for line in plain::wrap(&first, "                    ", &f.detail) {
                    data(line)?;
                }
            }
        }
        if !all {
            talk("What is named as failed or unknown does not hold, or could not be looked at.");
        }
        Ok(if all { Exit::Done } else { Exit::Failed })
    }
}

fn finding(what: &'static str, outcome: Outcome, detail: impl Into<String>) -> Finding {
    let detail = detail.into();
    Finding {
        what,
        outcome,
        detail,
    }
}

/// What an inbox may hold beside what was moved; none when the mail was not moved to its end.
fn moved(state: &State, scenario: &Scenario) -> Option<InboxRule> {
    let done = |id: &str| {
        state.steps.iter().any(|s| {
            s.head.id == id
                && matches!(
                    s.status,
                    StepStatus::Ended {
                        outcome: Ended::Ok | Ended::Warning
                    }
                )
        })
    };
    let step_with = |wanted: &dyn Fn(&Action) -> bool| {
        scenario
            .steps
            .iter()
            .filter(|s| done(&s.id))
            .any(|s| s.actions.iter().any(wanted))
    };
    if !step_with(&|a| matches!(a, Action::TransferMailboxes(_))) {
        return None;
    }
    let live = step_with(
        &|a| matches!(a, Action::Service(s) if s.service == "ims" && s.state == ServiceState::Started),
    );
    Some(if live {
        InboxRule::AtLeast
    } else {
        InboxRule::Exact
    })
}

fn mailboxes(
    folder: &Path,
    site: Site,
    scenario: Scenario,
    secrets: BTreeMap<String, Secret>,
    rule: InboxRule,
) -> anyhow::Result<Finding> {
    let world = World::new(folder, site, scenario, secrets).map_err(anyhow::Error::msg)?;
    // As after the last step.
    if let Some(last) = world.scenario.steps.last() {
        world.at_step(&last.id);
    }
    let mut context = world.check_context().map_err(anyhow::Error::msg)?;
    if rule.takes_new_mail() && !context.inbox.takes_new_mail() {
        context.inbox = rule;
    }
    let report: CheckReport = wait(check::run("mailboxes-complete", &context))?;
    let mut detail = report.detail;
    if rule.takes_new_mail() {
        detail.push_str(match report.outcome {
            Outcome::Ok | Outcome::Warning if detail.ends_with("account") => "",
            Outcome::Ok | Outcome::Warning => "; new mail in inboxes is left out of account",
            Outcome::Failed | Outcome::Unknown => {
                "; the new server is in use, so what users have deleted or moved counts as missing"
            }
        });
    }
    Ok(finding("mailboxes", report.outcome, detail))
}
