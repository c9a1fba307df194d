//! `imsmigrate check`: asks, before a run, what has to hold for it to begin.

use super::exit::Exit;
use super::failure::{Failure, end};
use super::look::{Looking, passing_folder, wait};
use super::output;
use super::secrets::SecretOptions;
use super::waive::Waiver;
use crate::base::display_safe;
use crate::check::{self, CheckReport, Outcome, before};
use crate::plain;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `imsmigrate check`.
#[derive(Debug, Args)]
#[command(
    after_help = "Asked is what has to hold before the first step; what the run itself brings about \
                  is asked with --only.\n\nExample: imsmigrate check --site site.toml\n\
                  Example: imsmigrate check --site site.toml --only ldap-answers --only uids"
)]
pub struct CheckArgs {
    /// The site file
    #[arg(long, value_name = "FILE")]
    site: PathBuf,
    /// Ask this one only, also one that can only hold later in a run (can be repeated)
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// Take it upon you that a check cannot be told, as ID=REASON (can be repeated)
    #[arg(long, value_name = "ID=REASON", value_parser = Waiver::parse)]
    waive: Vec<Waiver>,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    secrets: SecretOptions,
}

/// Runs `imsmigrate check`.
pub fn run(args: &CheckArgs) -> ExitCode {
    end(make(args)).into()
}

fn make(args: &CheckArgs) -> Result<Exit, Failure> {
    for id in &args.only {
        if check::describe(id).is_none() {
            let ids: Vec<&str> = check::describe::ALL.iter().map(|row| row.0).collect();
            return Err(
                Failure::usage(format!("there is no check `{}`", display_safe(id)))
                    .hint(format!("there are: {}", ids.join(", "))),
            );
        }
    }
    let looking = Looking::at(&args.site)?;
    let secrets = looking.secrets(&args.site, &args.secrets)?;
    let folder = passing_folder()?;
    let world = looking.world(folder.path(), secrets)?;
    let (ids, named) = if args.only.is_empty() {
        (before::before_a_run(&looking.draft), false)
    } else {
        // What is named may be about the end of a run: the settings are those of all steps.
        if let Some(last) = looking.draft.steps.last() {
            world.at_step(&last.id);
        }
        (args.only.clone(), true)
    };
    let mut context = world.check_context().map_err(Failure::error)?;
    // There is no run whose files these could be.
    context.backup = None;
    context.aci_ldif = None;
    let asked = futures_util::future::join_all(ids.iter().map(|id| check::run(id, &context)));
    let mut reports = wait(asked)?;
    if !named {
        reports = reports.into_iter().map(before::soften).collect();
    }
    for waiver in &args.waive {
        reports = reports
            .into_iter()
            .map(|r| {
                if r.id == waiver.check {
                    r.waive(&waiver.reason)
                } else {
                    r
                }
            })
            .collect();
    }
    let inhibits = reports.iter().filter(|r| r.inhibits).count();
    if args.json {
        output::data(json!({ "checks": reports }).to_string())?;
    } else {
        for line in reports.iter().flat_map(lines) {
            output::data(line)?;
        }
        output::talk(match (inhibits, named) {
            (0, false) => "Nothing inhibits a run.".to_owned(),
            (0, true) => "Of what was asked, nothing would inhibit a run.".to_owned(),
            (n, false) => format!("{n} of {} inhibit a run.", reports.len()),
            (n, true) => format!(
                "{n} of {} would inhibit the step that asks for it.",
                reports.len()
            ),
        });
    }
    Ok(if inhibits == 0 {
        Exit::Done
    } else {
        Exit::Inhibited
    })
}

/// A check for people: what it asks, what it saw, and what to do about it.
fn lines(report: &CheckReport) -> Vec<String> {
    let word = match report.outcome {
        Outcome::Ok => "ok",
        Outcome::Warning => "warning",
        Outcome::Failed => "failed",
        Outcome::Unknown => "unknown",
    };
    let title = check::describe(&report.id).map_or("", |d| d.title);
    let mut lines = plain::wrap(
        &format!("{word:<8} "),
        "         ",
        &format!("{}: {title}", report.id),
    );
    lines.extend(plain::wrap("         ", "         ", &report.detail));
    if let Some(reason) = &report.waived {
        let text = format!("waived: {reason}");
        lines.extend(plain::wrap("         ", "         ", &text));
    } else if report.outcome != Outcome::Ok && !report.remedy.is_empty() {
        lines.extend(plain::wrap("         → ", "           ", &report.remedy));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn lines_fit_eighty_columns_and_the_remedy_stands_below_what_does_not_hold() {
        let report = CheckReport {
            id: "ldap-answers".to_owned(),
            outcome: Outcome::Failed,
            inhibits: true,
            detail: format!("{}\x1b[2J", "much is said here ".repeat(12)),
            remedy: "Start it.".to_owned(),
            repair: Vec::new(),
            waived: None,
            at: String::new(),
            milliseconds: 3,
        };
        let all = lines(&report);
        assert!(all.iter().all(|l| l.width() < 80), "{all:?}");
        assert!(
            all.iter().all(|l| !l.chars().any(char::is_control)),
            "{all:?}"
        );
        assert!(all.last().unwrap().ends_with("→ Start it."), "{all:?}");
    }
}
