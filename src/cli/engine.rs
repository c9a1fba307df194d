//! `engine DIR`: becomes the engine of a run. Started by the other commands, never by a person.

use super::exit::Exit;
use crate::action::World;
use crate::base::crash;
use crate::engine::daemon::{self, Create, EngineError, Startup};
use crate::engine::event::{Event, StepHead, Undo};
use crate::engine::journal;
use crate::engine::work::Actions;
use crate::plan::{Plan, PlannedAction};
use crate::scenario::action::Source;
use crate::scenario::{Action, Scenario};
use crate::site::Site;
use std::io::Read as _;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Become the engine of a run (internal)
#[derive(Debug, clap::Args)]
pub struct EngineArgs {
    /// The run's folder
    folder: PathBuf,
}

impl EngineArgs {
    /// Runs the engine until its run ends.
    ///
    /// # Errors
    /// When another engine holds the run, or its files cannot be used.
    pub fn run(&self) -> anyhow::Result<Exit> {
        daemon::detach();
        crash::arm();
        let _ = tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .with_max_level(tracing::Level::INFO)
            .try_init();
        let mut text = Zeroizing::new(String::new());
        std::io::stdin().read_to_string(&mut text)?;
        let startup: Startup = serde_json::from_str(&text)
            .map_err(|_| anyhow::anyhow!("an engine is started by other commands, not by hand"))?;
        drop(text);
        let site = Site::load(&self.folder.join("site.toml"))?;
        let scenario = site.procedure()?;
        let plan = crate::plan::draft(&scenario, &site)?;
        let created = startup
            .create
            .as_ref()
            .map(|create| created(create, &site, &scenario, &plan));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let ended = runtime.block_on(daemon::run(
            &self.folder,
            startup,
            created,
            |folder, secrets| {
                let world =
                    World::new(folder, site, scenario, secrets).map_err(EngineError::Other)?;
                Ok(Actions(world))
            },
        ));
        runtime.shutdown_background();
        ended?;
        Ok(Exit::Done)
    }
}

/// Whether an action moves mailboxes in sessions: from a tape they come in one.
fn in_sessions(action: &PlannedAction) -> bool {
    matches!(&action.parameters, Action::TransferMailboxes(t) if t.from == Source::Store)
}

fn created(create: &Create, site: &Site, scenario: &Scenario, plan: &Plan) -> Event {
    let digest = journal::hash(plan.digest.as_bytes());
    Event::RunCreated {
        run: create.run.clone(),
        scenario: scenario.id.clone(),
        label: if site.is_practice() {
            "practice"
        } else {
            "live"
        }
        .to_owned(),
        lab: create.lab.as_ref().map(|lab| lab.display().to_string()),
        policy: create.policy.clone(),
        steps: plan
            .steps
            .iter()
            .map(|step| StepHead {
                id: step.id.clone(),
                guide: step.guide.clone(),
                title: step.title.clone(),
                host: step.host.clone(),
                level: step.gate.level,
                undo: match (&step.undo_gate, step.irreversible) {
                    (_, true) => Undo::Never {
                        why: step.undo.clone(),
                    },
                    (Some(gate), false) => Undo::Gate { level: gate.level },
                    (None, false) => Undo::Nothing,
                },
                undoes: None,
                in_sessions: step.actions.iter().any(in_sessions),
            })
            .collect(),
        draft: digest,
        window: site.window.clone(),
        sessions: site.store.sessions,
    }
}
