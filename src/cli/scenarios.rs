//! `imsmigrate scenarios`: the procedures there are.

use super::exit::Exit;
use super::failure::{Failure, end};
use super::output;
use crate::base::display_safe;
use crate::scenario;
use clap::Args;
use serde_json::json;
use std::process::ExitCode;

/// Arguments of `imsmigrate scenarios`.
#[derive(Debug, Args)]
#[command(after_help = "Example: imsmigrate scenarios --json")]
pub struct ScenariosArgs {
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs `imsmigrate scenarios`.
pub fn run(args: &ScenariosArgs) -> ExitCode {
    end(list(args)).into()
}

fn list(args: &ScenariosArgs) -> Result<Exit, Failure> {
    let mut found = Vec::new();
    for id in scenario::ids() {
        found.push(scenario::load(id).map_err(Failure::error)?);
    }
    if args.json {
        let scenarios: Vec<_> = found
            .iter()
            .map(|s| {
                let steps: Vec<_> = s
                    .steps
                    .iter()
                    .map(|step| json!({"id": step.id, "guide": step.guide, "title": step.title}))
                    .collect();
                json!({
                    "id": s.id,
                    "title": s.title,
                    "summary": s.summary,
                    "product": s.product,
                    "roles": s.roles,
                    "assumptions": s.assumptions,
                    "steps": steps,
                })
            })
            .collect();
        output::data(json!({ "scenarios": scenarios }).to_string())?;
        return Ok(Exit::Done);
    }
    for s in &found {
        output::data(format!("{}  {}", s.id, display_safe(&s.title)))?;
        for line in textwrap::wrap(
            &s.summary,
            textwrap::Options::new(78)
                .initial_indent("  ")
                .subsequent_indent("  "),
        ) {
            output::data(line.trim_end())?;
        }
    }
    Ok(Exit::Done)
}
