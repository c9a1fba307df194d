//! `imsmigrate plan`: everything that would be done, to the last argument.

use super::exit::Exit;
use super::failure::{Failure, end};
use super::look::{Looking, passing_folder, wait};
use super::output;
use super::secrets::SecretOptions;
use crate::action::facts;
use crate::base::display_safe;
use crate::plan::{self, Plan, render};
use crate::scenario::Scenario;
use crate::scenario::condition::Facts;
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
    #[command(flatten)]
    secrets: SecretOptions,
}

/// What to do when facts cannot be had.
const DRAFT: &str = "add --draft: every step, with names where facts are missing";

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
    let looking = Looking::at(&args.site)?;
    let plan = if args.draft {
        looking.draft
    } else {
        looked_up(args, &looking)?
    };
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

/// The plan with facts; those that exist only later in the run stay names.
fn looked_up(args: &PlanArgs, looking: &Looking) -> Result<Plan, Failure> {
    let secrets = looking
        .secrets(&args.site, &args.secrets)
        .map_err(|failure| failure.hint(DRAFT))?;
    let folder = passing_folder()?;
    let world = looking.world(folder.path(), secrets)?;
    let wanted = facts_of(&looking.scenario);
    let looked = wait(facts::look_up(&world, &wanted, &Facts::new()))?;
    let looked = looked.map_err(|mut errors| {
        errors.dedup();
        let errors: Vec<_> = errors.iter().map(|e| display_safe(e)).collect();
        let what = errors.join("; ");
        Failure::new(Exit::Inhibited, format!("cannot look up the facts: {what}")).hint(DRAFT)
    })?;
    plan::bind(&looking.scenario, &looking.site, &looked.facts).map_err(Failure::error)
}

/// The facts that the steps of a scenario and their conditions read, each once.
pub fn facts_of(scenario: &Scenario) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    for step in &scenario.steps {
        let mut names = step.facts.clone();
        if let Some(condition) = &step.when {
            condition.each_name(&mut |is_field, name| {
                if !is_field {
                    names.push(name.to_owned());
                }
            });
        }
        for name in names {
            if !wanted.contains(&name) {
                wanted.push(name);
            }
        }
    }
    wanted
}
