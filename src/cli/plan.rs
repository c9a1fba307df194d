//! `imsmigrate plan`: everything that would be done, to the last argument.

use super::exit::Exit;
use super::failure::{Failure, end};
use super::output;
use super::site::{hinted, load};
use crate::base::display_safe;
use crate::plan::{self, render};
use crate::scenario;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `imsmigrate plan`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: imsmigrate plan --site site.toml --draft --format markdown --output runbook.md"
)]
pub struct PlanArgs {
    /// The site file
    #[arg(long)]
    site: PathBuf,
    /// Look nothing up: names stand where facts are missing; needs no host
    #[arg(long)]
    draft: bool,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The file; without it, stdout
    #[arg(long, short)]
    output: Option<PathBuf>,
}

/// How a plan is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal of 80 columns
    Text,
    /// One JSON object
    Json,
    /// A runbook
    Markdown,
    /// A commented script with the guide's commands
    Shell,
}

/// Runs `imsmigrate plan`.
pub fn run(args: &PlanArgs) -> ExitCode {
    end(make(args)).into()
}

fn make(args: &PlanArgs) -> Result<Exit, Failure> {
    let site = load(&args.site)?;
    let scenario = scenario::load(&site.scenario).map_err(|error| hinted(Exit::Usage, &error))?;
    if !args.draft {
        return Err(
            Failure::usage("a plan with facts looked up cannot be made here yet")
                .hint("add --draft: every step, with names where facts are missing"),
        );
    }
    let plan = plan::draft(&scenario, &site).map_err(Failure::error)?;
    let text = match args.format {
        Format::Text => render::text(&plan),
        Format::Json => render::json(&plan).map_err(Failure::error)?,
        Format::Markdown => render::markdown(&plan),
        Format::Shell => render::shell(&plan),
    };
    let text = text.trim_end();
    if let Some(file) = &args.output {
        std::fs::write(file, format!("{text}\n")).map_err(|error| {
            let shown = file.to_string_lossy();
            Failure::error(format!("cannot write `{}`: {error}", display_safe(&shown)))
        })?;
    } else {
        output::data(text)?;
    }
    Ok(Exit::Done)
}
