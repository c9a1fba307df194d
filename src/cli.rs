//! The command line: one file a subcommand, exit codes in one place, the one output module.

pub mod exit;
pub mod failure;
pub mod lab;
pub mod output;
pub mod plan;
pub mod scenarios;
pub mod site;

use clap::{Parser, Subcommand};
use exit::Exit;
use std::process::ExitCode;

/// Moves SIMS 4.0 and Netscape Messaging Server 4.x to iPlanet Messaging Server 5.2
#[derive(Debug, Parser)]
#[command(name = "imsmigrate", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The practice world on its own: make, start, look into and judge a lab
    Lab(lab::LabArgs),
    /// The procedures there are
    Scenarios(scenarios::ScenariosArgs),
    /// The site file: write a new one, look whether one can be used
    Site(site::SiteArgs),
    /// Everything that would be done, to the last argument
    Plan(plan::PlanArgs),
}

/// Runs the command line of this process and returns its exit code.
pub fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => match cli.command {
            Command::Lab(args) => lab::run(args),
            Command::Scenarios(args) => scenarios::run(&args),
            Command::Site(args) => site::run(args),
            Command::Plan(args) => plan::run(&args),
        },
        Err(error) => {
            // clap's own way out: help and version are data, the rest is talk.
            let _ = error.print();
            if error.use_stderr() {
                Exit::Usage.into()
            } else {
                Exit::Done.into()
            }
        }
    }
}
