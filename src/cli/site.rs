//! `imsmigrate site …`: write a new site file, look whether one holds.

use super::exit::Exit;
use super::failure::{Failure, end};
use super::output;
use crate::base::{Hint, display_safe};
use crate::site::{Site, template};
use clap::{Args, Subcommand};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `imsmigrate site`.
#[derive(Debug, Args)]
pub struct SiteArgs {
    #[command(subcommand)]
    command: SiteCommand,
}

#[derive(Debug, Subcommand)]
enum SiteCommand {
    /// Write a new site file, with comments and the guide's example values
    #[command(after_help = "Example: imsmigrate site new sims-offline --output site.toml")]
    New {
        /// The scenario, such as sims-offline
        scenario: String,
        /// The file; without it, stdout
        #[arg(long, short)]
        output: Option<PathBuf>,
    },
    /// Look whether a site file can be used
    #[command(after_help = "Example: imsmigrate site validate site.toml")]
    Validate {
        /// The site file
        file: PathBuf,
    },
}

/// Runs `imsmigrate site`.
pub fn run(args: SiteArgs) -> ExitCode {
    end(match args.command {
        SiteCommand::New { scenario, output } => new(&scenario, output.as_deref()),
        SiteCommand::Validate { file } => validate(&file),
    })
    .into()
}

fn new(scenario: &str, file: Option<&Path>) -> Result<Exit, Failure> {
    let text = template(scenario).map_err(|error| hinted(Exit::Usage, &error))?;
    let Some(file) = file else {
        output::data(text.trim_end())?;
        return Ok(Exit::Done);
    };
    let shown = display_safe(&file.to_string_lossy()).into_owned();
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut new| new.write_all(text.as_bytes()));
    match written {
        Ok(()) => {
            output::talk(format!(
                "Wrote {shown}. Next: change what is different at your site, then"
            ));
            output::talk(format!("  imsmigrate site validate {shown}"));
            Ok(Exit::Done)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Failure::error(format!("`{shown}` is there already"))
                .hint("name another file, or remove that one first"))
        }
        Err(error) => Err(Failure::error(format!("cannot write `{shown}`: {error}"))),
    }
}

fn validate(file: &Path) -> Result<Exit, Failure> {
    let site = load(file)?;
    let shown = display_safe(&file.to_string_lossy()).into_owned();
    output::talk(format!(
        "{shown} can be used for the scenario {}.",
        site.scenario
    ));
    Ok(Exit::Done)
}

/// Reads a site file for a command; one that does not hold ends it with exit code 2.
///
/// # Errors
/// What is wrong with it, with hints.
pub fn load(file: &Path) -> Result<Site, Failure> {
    Site::load(file).map_err(|error| hinted(Exit::Usage, &error))
}

/// Turns an error with hints into a failure with hints.
pub fn hinted<E: Hint + std::fmt::Display>(exit: Exit, error: &E) -> Failure {
    error
        .hints()
        .into_iter()
        .fold(Failure::new(exit, error), Failure::hint)
}
