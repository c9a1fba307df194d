//! The command line: one file a subcommand, exit codes in one place, the one output module.

pub mod again;
pub mod answers;
pub mod attach;
pub mod check;
pub mod engine;
pub mod exit;
pub mod failure;
pub mod follow;
pub mod lab;
pub mod look;
pub mod operator;
pub mod output;
pub mod plan;
pub mod practice;
pub mod reach;
pub mod report;
pub mod run;
pub mod runs;
pub mod scenarios;
pub mod screen;
pub mod secrets;
pub mod set;
pub mod site;
pub mod status;
pub mod undo;
pub mod verify;
pub mod waive;
pub mod wish;
pub mod wizard;

use crate::base::Hint;
use crate::engine::daemon::EngineError;
use clap::{CommandFactory as _, Parser, Subcommand};
use exit::Exit;
use run::Refused;
use std::process::ExitCode;
use wish::Wish;

/// Moves SIMS 4.0 and Netscape Messaging Server 4.x to iPlanet Messaging Server 5.2
#[derive(Debug, Parser)]
#[command(name = "imsmigrate", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Practice(practice::PracticeArgs),
    Run(run::RunArgs),
    Runs(runs::RunsArgs),
    Status(status::StatusArgs),
    Attach(attach::AttachArgs),
    Answer(wish::AnswerArgs),
    /// Begin nothing new until the run is resumed
    Pause(wish::WishArgs),
    Resume(run::ResumeArgs),
    Retry(again::RetryArgs),
    Undo(undo::UndoArgs),
    Skip(again::SkipArgs),
    Waive(waive::WaiveArgs),
    Set(set::SetArgs),
    /// Stop the run at the next safe point
    Stop(wish::WishArgs),
    Journal(status::JournalArgs),
    Report(report::ReportArgs),
    Verify(verify::VerifyArgs),
    /// The procedures there are
    Scenarios(scenarios::ScenariosArgs),
    /// The site file: write a new one, look whether one can be used
    Site(site::SiteArgs),
    /// Look whether a run could begin: nothing is changed
    Check(check::CheckArgs),
    /// Everything that would be done, to the last argument
    Plan(plan::PlanArgs),
    /// The practice world on its own: make, start, look into and judge a lab
    Lab(lab::LabArgs),
    #[command(hide = true)]
    Engine(engine::EngineArgs),
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// Runs the command line of this process and returns its exit code.
pub fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(Cli { command: None }) => end(wizard::alone()).into(),
        Ok(Cli {
            command: Some(command),
        }) => dispatch(command),
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

fn dispatch(command: Command) -> ExitCode {
    let result = match command {
        Command::Lab(args) => return lab::run(args),
        Command::Scenarios(args) => return scenarios::run(&args),
        Command::Site(args) => return site::run(args),
        Command::Check(args) => return check::run(&args),
        Command::Plan(args) => return plan::run(&args),
        Command::Practice(args) => args.run(),
        Command::Run(args) => args.run(),
        Command::Runs(args) => args.run(),
        Command::Status(args) => args.run(),
        Command::Attach(args) => args.run(),
        Command::Answer(args) => args.run(),
        Command::Pause(args) => args.run(Wish::Pause),
        Command::Resume(args) => args.run(),
        Command::Retry(args) => args.run(),
        Command::Undo(args) => args.run(),
        Command::Skip(args) => args.run(),
        Command::Waive(args) => args.run(),
        Command::Set(args) => args.run(),
        Command::Stop(args) => args.run(Wish::Stop),
        Command::Journal(args) => args.run(),
        Command::Report(args) => args.run(),
        Command::Verify(args) => args.run(),
        Command::Engine(args) => args.run(),
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "imsmigrate",
                &mut std::io::stdout(),
            );
            Ok(Exit::Done)
        }
        Command::Man => clap_mangen::Man::new(Cli::command())
            .render(&mut std::io::stdout())
            .map(|()| Exit::Done)
            .map_err(Into::into),
    };
    end(result).into()
}

/// Turns the end of a command into its exit code; an error is told on stderr first.
fn end(result: anyhow::Result<Exit>) -> Exit {
    let error = match result {
        Ok(exit) => return exit,
        Err(error) => error,
    };
    if let Some(io) = error.downcast_ref::<std::io::Error>()
        && io.kind() == std::io::ErrorKind::BrokenPipe
    {
        // A reader of stdout that has gone is no failure of ours.
        return Exit::Done;
    }
    output::talk(format!("error: {error:#}"));
    let mut hints = Vec::new();
    if let Some(error) = error.downcast_ref::<EngineError>() {
        hints = error.hints();
    } else if let Some(error) = error.downcast_ref::<crate::site::SiteError>() {
        hints = error.hints();
    }
    for hint in hints {
        output::talk(format!("hint: {hint}"));
    }
    let usage = error.is::<Refused>() || error.is::<crate::site::SiteError>();
    if usage { Exit::Usage } else { Exit::Error }
}
