//! `undo`: a run is taken back, the last step first; at the shell, or asked for on the screen.

use super::exit::Exit;
use super::output::talk;
use super::run::{Manners, engage, exposed, told_by_journal};
use super::runs::{Run, find};
use super::secrets::{self, SecretOptions};
use crate::engine::daemon::{self, Startup};
use crate::engine::event::Policy;
use crate::engine::protocol::Command;
use crate::engine::state::Phase;
use crate::site::Site;
use anyhow::bail;
use std::path::Path;

/// Take a run back, the last step first
///
/// Every step has a gate of its own, as on the way forward. With --to only that step and those
/// after it are taken back; `resume` then goes forward from there.
///
/// Example: imsmigrate undo 1123-k7f3 --to upgrade-domains
#[derive(Debug, clap::Args)]
pub struct UndoArgs {
    /// The run
    run: String,
    /// The earliest step to take back; left out: everything
    #[arg(long, value_name = "STEP")]
    to: Option<String>,
    #[command(flatten)]
    manners: Manners,
    #[command(flatten)]
    secrets: SecretOptions,
}

impl UndoArgs {
    /// Takes back what the run did.
    ///
    /// # Errors
    /// When the run is at work, or what is asked cannot be done.
    pub fn run(&self) -> anyhow::Result<Exit> {
        let run = find(Some(&self.run), |_| true)?;
        self.manners
            .need_a_person(&format!("imsmigrate undo {} --headless --yes", run.id))?;
        let undo = Command::Undo {
            to: self.to.clone(),
        };
        take_back(run, &self.manners, &self.secrets, vec![undo])
    }
}

fn take_back(
    run: Run,
    manners: &Manners,
    secrets: &SecretOptions,
    commands: Vec<Command>,
) -> anyhow::Result<Exit> {
    if run.state.phase == Phase::Undone {
        return told_by_journal(&run.folder, manners.manner());
    }
    let run = at_rest(run, secrets)?;
    let exit = engage(&run, manners, secrets, commands, false)?;
    let after = Run::read(&run.folder)?.state;
    // A run that was taken back in part has stopped, as was asked.
    let as_asked = after.phase == Phase::Stopped && after.undo.is_none();
    Ok(if as_asked { Exit::Done } else { exit })
}

/// Takes a run back that no engine works on, asked for on the screen: as `undo` does, and the person
/// who is there answers, whoever did on the way forward.
///
/// # Errors
/// As [`UndoArgs::run`].
pub(super) fn undo_on_screen(folder: &Path, to: Option<String>) -> anyhow::Result<Exit> {
    let run = Run::read(folder)?;
    let policy = Policy {
        practice: run.state.policy.practice,
        ..Policy::default()
    };
    let commands = vec![Command::Policy { policy }, Command::Undo { to }];
    take_back(
        run,
        &Manners::default(),
        &SecretOptions::default(),
        commands,
    )
}

/// Sees that a run is not at work. One whose engine died is settled and stopped first: it must not
/// go forward for a moment before it goes back.
fn at_rest(run: Run, secrets: &SecretOptions) -> anyhow::Result<Run> {
    if let Some(why) = run.state.keeps_from_undo(&run.id, run.engine.is_some()) {
        bail!(why);
    }
    if run.state.phase != Phase::Running || run.engine.is_some() {
        return Ok(run);
    }
    settled(&run, secrets)
}

/// Settles what a dead engine left open, and stops the run.
///
/// # Errors
/// When the engine that does it does not start, or it cannot be done.
pub(super) fn settled(run: &Run, secrets: &SecretOptions) -> anyhow::Result<Run> {
    let site_path = run.folder.join("site.toml");
    let site = Site::load(&site_path)?;
    let scenario = site.procedure()?;
    let startup = Startup {
        secrets: exposed(secrets::for_site(&site, &site_path, &scenario, secrets)?),
        stop: true,
        ..Startup::default()
    };
    daemon::start(&run.folder, &startup)?;
    // What a dead engine began may take long to end; the journal tells.
    talk("what the dead engine began is settled first");
    while daemon::alive(&run.folder).is_some() {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let run = Run::read(&run.folder)?;
    if run.state.phase == Phase::Running {
        bail!(
            "run `{}` cannot be settled; look at it: imsmigrate attach {}",
            run.id,
            run.id
        );
    }
    Ok(run)
}
