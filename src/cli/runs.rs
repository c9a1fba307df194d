//! Where runs are kept and which one is meant: `runs`, and RUN left out.

use super::exit::Exit;
use super::output::{data, talk};
use crate::base::{RunId, display_safe, places};
use crate::engine::daemon;
use crate::engine::journal;
use crate::engine::protocol::EngineInfo;
use crate::engine::state::{Phase, State};
use anyhow::{Context as _, bail};
use serde_json::json;
use std::path::{Path, PathBuf};

/// A run on disk.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// Its folder.
    pub folder: PathBuf,
    /// What its journal folds to.
    pub state: State,
    /// When it began; empty while its journal is.
    pub started: String,
    /// Its engine, if one runs.
    pub engine: Option<EngineInfo>,
}

impl Run {
    /// Reads a run's folder.
    ///
    /// # Errors
    /// When its journal cannot be read.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let records = journal::read(folder)?;
        Ok(Self {
            id: daemon::run_id(folder),
            folder: folder.to_path_buf(),
            started: records.first().map(|r| r.at.clone()).unwrap_or_default(),
            state: journal::replay(&records),
            engine: daemon::alive(folder),
        })
    }

    /// The word `runs` has for where the run is (contract, "Output").
    pub fn word(&self) -> &'static str {
        match (self.state.phase, &self.engine) {
            (Phase::Done, _) => "done",
            (Phase::Undone, _) => "undone",
            (Phase::Failed, _) => "failed",
            (Phase::Stopped, _) => "stopped",
            (Phase::Empty, Some(_)) => "draft",
            (Phase::Empty | Phase::Running, None) => "crashed",
            (Phase::Running, Some(_)) if self.state.paused => "paused",
            (Phase::Running, Some(_)) if self.state.failed_step().is_some() => "failed",
            (Phase::Running, Some(_)) if self.state.gate.is_some() => "waiting",
            (Phase::Running, Some(_)) => "running",
        }
    }

    /// Whether the run is over for good.
    pub fn is_done(&self) -> bool {
        matches!(self.state.phase, Phase::Done | Phase::Undone)
    }
}

/// Draws an id for something that begins today (UTC).
pub fn fresh_id() -> RunId {
    // A timestamp reads `2026-11-23T…`.
    let today = jiff::Timestamp::now().to_string();
    let part = |from: usize| {
        today
            .get(from..from + 2)
            .and_then(|t| t.parse().ok())
            .unwrap_or(0)
    };
    RunId::new(part(5), part(8), rand::random())
}

/// Returns all runs, newest first; a run whose journal cannot be read is named on stderr.
///
/// # Errors
/// When the state folder cannot be read.
pub fn all() -> anyhow::Result<Vec<Run>> {
    let dir = places::runs_dir()?;
    let entries = match std::fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e).with_context(|| format!("cannot read `{}`", dir.display())),
    };
    let mut runs = Vec::new();
    for entry in entries {
        let folder = entry?.path();
        let is_run = folder
            .file_name()
            .is_some_and(|n| n.to_string_lossy().parse::<RunId>().is_ok());
        if !is_run || !folder.join(journal::JOURNAL_FILE).exists() {
            continue;
        }
        match Run::read(&folder) {
            Ok(run) => runs.push(run),
            Err(error) => talk(format!("warning: {error:#}")),
        }
    }
    runs.sort_by(|a, b| b.started.cmp(&a.started));
    Ok(runs)
}

/// Finds the run that is meant: the one named, or the only one that fits.
///
/// # Errors
/// When there is none, or more than one fits.
pub fn find(id: Option<&str>, fits: impl Fn(&Run) -> bool) -> anyhow::Result<Run> {
    if let Some(id) = id {
        let id: RunId = id.parse()?;
        let folder = places::runs_dir()?.join(id.as_str());
        if !folder.join(journal::JOURNAL_FILE).exists() {
            bail!("there is no run `{id}`; `imsmigrate runs` lists them");
        }
        return Run::read(&folder);
    }
    let mut fitting: Vec<Run> = all()?.into_iter().filter(fits).collect();
    match fitting.len() {
        1 => fitting.pop().context("one run fits"),
        0 => bail!("no run fits; `imsmigrate runs` lists them"),
        _ => {
            let ids: Vec<&str> = fitting.iter().map(|r| r.id.as_str()).collect();
            bail!("more than one run fits: {}; say which", ids.join(", "))
        }
    }
}

/// List all runs, newest first
///
/// Example: imsmigrate runs --json
#[derive(Debug, clap::Args)]
pub struct RunsArgs {
    /// One JSON object
    #[arg(long)]
    json: bool,
}

impl RunsArgs {
    /// Lists the runs.
    ///
    /// # Errors
    /// When the state folder cannot be read.
    pub fn run(&self) -> anyhow::Result<Exit> {
        let runs = all()?;
        if self.json {
            let runs: Vec<_> = runs
                .iter()
                .map(|r| {
                    json!({
                        "id": r.id,
                        "scenario": r.state.scenario,
                        "state": r.word(),
                        "engine_pid": r.engine.as_ref().map(|e| e.pid),
                        "lab": r.state.lab,
                        "started": r.started,
                        "folder": r.folder,
                    })
                })
                .collect();
            data(json!({ "runs": runs }).to_string())?;
        } else if runs.is_empty() {
            talk("no runs yet; begin with: imsmigrate practice");
        } else {
            for r in runs {
                let scenario = display_safe(&r.state.scenario).into_owned();
                data(format!(
                    "{:<10} {:<10} {:<16} {}",
                    r.id,
                    r.word(),
                    scenario,
                    r.started
                ))?;
            }
        }
        Ok(Exit::Done)
    }
}
