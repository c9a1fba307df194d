//! `imsmigrate lab …`: the practice world on its own.

mod exec;
mod known;
mod manage;
mod shell;

pub use known::remember;

use super::exit::Exit;
use super::failure::{Failure, end};
use crate::base::display_safe;
use crate::lab::create::{self, Variant};
use crate::lab::world::{DirectoryKind, LabError};
use clap::{Args, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `imsmigrate lab`.
#[derive(Debug, Args)]
pub struct LabArgs {
    #[command(subcommand)]
    command: LabCommand,
}

#[derive(Debug, Subcommand)]
enum LabCommand {
    /// Make a lab in a new folder and start it
    #[command(after_help = "Example: imsmigrate lab create /tmp/practice --users 40 --seed 7")]
    Create(CreateArgs),
    /// Start a lab that is stopped
    #[command(after_help = "Example: imsmigrate lab start /tmp/practice --json")]
    Start(DirJson),
    /// Stop a lab; its data stay
    #[command(after_help = "Example: imsmigrate lab stop /tmp/practice")]
    Stop(Dir),
    /// Tell where a lab's servers are and what runs
    #[command(after_help = "Example: imsmigrate lab status /tmp/practice --json")]
    Status(DirJson),
    /// Compare the new mail store with what mail there must be
    #[command(after_help = "Example: imsmigrate lab audit /tmp/practice --json")]
    Audit(DirJson),
    /// List the labs of this user
    #[command(after_help = "Example: imsmigrate lab list")]
    List(Json),
    /// Stop a lab and delete its folder
    #[command(after_help = "Example: imsmigrate lab remove /tmp/practice")]
    Remove(Dir),
    /// List the faults that can be put into a lab
    #[command(after_help = "Example: imsmigrate lab drills\n\
        A drill is a line of the lab's drills.toml, such as: other-sentences = true")]
    Drills(Json),
    /// Work on a host of a lab as if logged in there
    #[command(
        after_help = "Example: imsmigrate lab shell /tmp/practice mail\n         \
        imsmigrate lab shell /tmp/practice mail -- /cdrom/iplanet/setup\n\n\
        A lab of several hosts has a name server, the host `dns`. What a site's DNS people would do\n\
        is done there, or by writing into the zone file below DIR/dns, which holds at once:\n         \
        imsmigrate lab shell /tmp/practice dns /usr/sbin/nsupdate\n         \
        update delete oldmail.siroe.com A\n         \
        update add oldmail.siroe.com 3600 A 127.1.2.3\n         \
        send"
    )]
    Shell(shell::ShellArgs),
    /// Be the process of a lab
    #[command(hide = true)]
    Serve(Dir),
    /// Run a command on a host of a lab: the launcher of a practice site
    #[command(hide = true, disable_help_flag = true)]
    Exec(ExecArgs),
    /// Be another program, for as long as the process that starts it lives
    #[command(hide = true)]
    Tied(TiedArgs),
    /// Be a vendor's command
    // `-h` is the vendor's: a host.
    #[command(hide = true, disable_help_flag = true)]
    Tool(ToolArgs),
}

#[derive(Debug, Args)]
struct Dir {
    /// The lab's folder
    dir: PathBuf,
}

#[derive(Debug, Args)]
struct Json {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct DirJson {
    /// The lab's folder
    dir: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// The folder to make; it must not exist or be empty
    dir: PathBuf,
    /// The scenario to practise
    #[arg(long, value_name = "SCENARIO", default_value = create::SCENARIO)]
    scenario: String,
    /// Whether the new server is beside the old one or on a host of its own, where both can be
    #[arg(long, value_enum, value_name = "VARIANT")]
    variant: Option<Variant>,
    /// How many people have mail
    #[arg(long, value_name = "N", default_value_t = 30)]
    users: usize,
    /// The number everything is drawn from: the same one makes the same lab
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many messages each person has on average
    #[arg(long, value_name = "N")]
    messages_per_user: Option<usize>,
    #[command(flatten)]
    own: OwnData,
    /// What serves users and groups: the lab's own server, or a real one of this machine
    #[arg(long, value_enum, value_name = "KIND", default_value_t = DirectoryKind::Embedded)]
    directory: DirectoryKind,
    /// Have people send mail to the site and read theirs while the lab runs, so many messages a minute
    #[arg(long, value_name = "PER_MINUTE")]
    traffic: Option<u32>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What a lab is made from where it is not drawn.
#[derive(Clone, Debug, Default, Args)]
pub struct OwnData {
    /// Take domains, users and groups from the site's own directory export; nothing in it is changed
    #[arg(long, value_name = "FILE", conflicts_with = "users")]
    pub ldif: Option<PathBuf>,
    /// Fill the mailboxes with the site's own messages: *.eml, *.mbox and Maildir folders below DIR
    #[arg(long, value_name = "DIR")]
    pub mail: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ExecArgs {
    dir: PathBuf,
    host: String,
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    argv: Vec<OsString>,
}

#[derive(Debug, Args)]
struct TiedArgs {
    #[arg(required = true, last = true)]
    argv: Vec<OsString>,
}

#[derive(Debug, Args)]
struct ToolArgs {
    dir: PathBuf,
    host: String,
    path: String,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    argv: Vec<OsString>,
}

/// Runs a `lab` subcommand.
pub fn run(args: LabArgs) -> ExitCode {
    let result = match args.command {
        LabCommand::Create(args) => manage::create(args),
        LabCommand::Start(args) => manage::start(&args),
        LabCommand::Stop(args) => manage::stop(&args),
        LabCommand::Status(args) => manage::status(&args),
        LabCommand::Audit(args) => manage::audit(&args),
        LabCommand::List(args) => manage::list(&args),
        LabCommand::Remove(args) => manage::remove(&args),
        LabCommand::Drills(args) => manage::drills(&args),
        LabCommand::Serve(args) => crate::lab::daemon::serve(&args.dir)
            .map(|()| Exit::Done)
            .map_err(failure),
        LabCommand::Shell(args) => return shell::run(&args),
        LabCommand::Exec(args) => return exec::run(&args.dir, &args.host, &args.argv),
        LabCommand::Tied(args) => return exec::tied(&args.argv),
        LabCommand::Tool(args) => return exec::tool(&args),
    };
    end(result).into()
}

/// Says what went wrong with a lab, and what to do.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it away")]
fn failure(error: LabError) -> Failure {
    let message = display_safe(&error.to_string()).into_owned();
    match error {
        LabError::NotALab(_) => Failure::error(message)
            .hint("`imsmigrate lab list` shows the labs there are")
            .hint("make one with: imsmigrate lab create DIR"),
        LabError::Config { .. } | LabError::Data { .. } => Failure::usage(message),
        _ => Failure::error(message),
    }
}
