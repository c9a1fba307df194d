//! `imsmigrate report`: what a run's journal says, as Markdown, one HTML page or JSON.

use super::exit::Exit;
use super::output;
use super::runs::find;
use crate::base::display_safe;
use crate::engine::journal;
use crate::plan::Plan;
use crate::report::{self, Artifact};
use anyhow::Context as _;
use clap::ValueEnum;
use std::path::{Path, PathBuf};

/// Write down what a run did: steps, times, who confirmed what, results, evidence
///
/// Example: imsmigrate report 1123-k7f3 --format html --output run.html
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// The run; may be left out when there is only one
    run: Option<String>,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    format: Format,
    /// The file; without it, stdout
    #[arg(long, short)]
    output: Option<PathBuf>,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Markdown
    Markdown,
    /// One page that needs nothing else
    Html,
    /// One JSON object
    Json,
}

impl ReportArgs {
    /// Writes the report.
    ///
    /// # Errors
    /// When no run fits, its journal is damaged, or the file cannot be written.
    pub fn run(&self) -> anyhow::Result<Exit> {
        let run = find(self.run.as_deref(), |_| true)?;
        let records = journal::read(&run.folder)?;
        let plan = plan_of(&run.folder);
        let report = report::build(
            &records,
            plan.as_ref(),
            head(&run.folder)?,
            artifacts(&run.folder)?,
        );
        let text = match self.format {
            Format::Markdown => report::markdown(&report),
            Format::Html => report::html(&report),
            Format::Json => serde_json::to_string(&report)?,
        };
        let text = text.trim_end();
        match &self.output {
            Some(file) => std::fs::write(file, format!("{text}\n")).with_context(|| {
                let shown = file.to_string_lossy();
                format!("cannot write `{}`", display_safe(&shown))
            })?,
            None => output::data(text)?,
        }
        Ok(Exit::Done)
    }
}

/// The plan a run was created with; none when it is not there or not ours.
pub fn plan_of(folder: &Path) -> Option<Plan> {
    let text = std::fs::read(folder.join("plan.json")).ok()?;
    serde_json::from_slice(&text).ok()
}

/// The hash of the journal's last whole line.
///
/// # Errors
/// When the journal cannot be read.
pub fn head(folder: &Path) -> anyhow::Result<String> {
    let path = folder.join(journal::JOURNAL_FILE);
    let text = std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let whole = text
        .iter()
        .rposition(|b| *b == b'\n')
        .and_then(|at| text.get(..at))
        .unwrap_or_default();
    let last = whole.rsplit(|b| *b == b'\n').next().unwrap_or_default();
    Ok(journal::hash(last))
}

/// The files that a run keeps, by name.
fn artifacts(folder: &Path) -> anyhow::Result<Vec<Artifact>> {
    let folder = folder.join("artifacts");
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(e) => return Err(e).with_context(|| format!("cannot read `{}`", folder.display())),
    };
    for entry in entries {
        let path = entry?.path();
        if !path.is_file() {
            continue;
        }
        let content =
            std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let name = path.file_name().unwrap_or_default();
        found.push(Artifact {
            name: name.to_string_lossy().into_owned(),
            bytes: content.len() as u64,
            sha256: journal::hash(&content),
        });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
