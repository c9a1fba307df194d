//! `status` and `journal`: what a run's journal says, without touching it.

use super::exit::Exit;
use super::output::data;
use super::runs::{Run, find};
use crate::base::display_safe;
use crate::engine::journal;
use crate::engine::state::{Phase, StepStatus};
use serde_json::json;

/// Show where a run stands
///
/// Example: imsmigrate status 1123-k7f3 --json
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// The run; may be left out when only one fits
    run: Option<String>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

impl StatusArgs {
    /// Shows the run's state; the exit code tells it too.
    ///
    /// # Errors
    /// When no run fits.
    pub fn run(&self) -> anyhow::Result<Exit> {
        let run = find(self.run.as_deref(), |r| !r.is_done()).or_else(|error| {
            if self.run.is_some() {
                Err(error)
            } else {
                find(None, |_| true)
            }
        })?;
        if self.json {
            let mut object = json!({
                "id": run.id,
                "scenario": run.state.scenario,
                "state": run.word(),
                "engine_pid": run.engine.as_ref().map(|e| e.pid),
                "lab": run.state.lab,
                "started": run.started,
                "folder": run.folder,
                "gate": run.state.gate,
                "events": run.state.last,
            });
            if let Some(map) = object.as_object_mut() {
                map.insert("steps".to_owned(), serde_json::to_value(&run.state.steps)?);
            }
            data(object.to_string())?;
        } else {
            for line in crate::plain::summary_lines(&run.state) {
                data(line)?;
            }
            data(format!("state: {}", run.word()))?;
        }
        Ok(exit_of(&run))
    }
}

/// The exit code that says where a run is.
pub fn exit_of(run: &Run) -> Exit {
    match run.state.phase {
        Phase::Empty => Exit::NotStarted,
        Phase::Done | Phase::Undone => Exit::Done,
        Phase::Stopped => Exit::Stopped,
        Phase::Running if run.engine.is_none() => Exit::Error,
        Phase::Running | Phase::Failed => match run.state.failed_step().map(|s| &s.status) {
            Some(StepStatus::Blocked) => Exit::Inhibited,
            Some(_) => Exit::Failed,
            None => Exit::InProgress,
        },
    }
}

/// Print a run's journal
///
/// Example: imsmigrate journal 1123-k7f3 --json
#[derive(Debug, clap::Args)]
pub struct JournalArgs {
    /// The run
    run: String,
    /// One event a line, as written
    #[arg(long)]
    json: bool,
}

impl JournalArgs {
    /// Prints the events.
    ///
    /// # Errors
    /// When there is no such run or its journal is damaged.
    pub fn run(&self) -> anyhow::Result<Exit> {
        let run = find(Some(&self.run), |_| true)?;
        let mut state = crate::engine::state::State::default();
        for record in journal::read(&run.folder)? {
            if self.json {
                data(serde_json::to_string(&record)?)?;
                continue;
            }
            crate::engine::core::fold(&mut state, &record.event);
            let lines = crate::plain::event_lines(&state, &record.event);
            let time = record.at.get(11..19).unwrap_or(&record.at).to_owned();
            for (index, line) in lines.iter().filter(|l| !l.is_empty()).enumerate() {
                let stamp = if index == 0 { time.as_str() } else { "" };
                data(format!("{stamp:<8} {}", display_safe(line)))?;
            }
        }
        Ok(Exit::Done)
    }
}
