//! `run`, `resume`, `retry` and the rest that start an engine or speak to one.

use super::answers::{self, Answers};
use super::exit::Exit;
use super::follow::{Follow, Manner, follow};
use super::operator::Operator;
use super::output::{data, talk};
use super::reach::engine_of;
use super::runs::{Run, find};
use super::secrets::{self, SecretOptions};
use super::waive::Waiver;
use super::wish::send;
use crate::base::{RunId, Secret, places};
use crate::engine::daemon::{self, Create, Startup, Waive};
use crate::engine::event::Policy;
use crate::engine::journal;
use crate::engine::protocol::{Command, EngineInfo};
use crate::engine::state::Phase;
use crate::plan::Plan;
use crate::site::Site;
use anyhow::{Context as _, bail};
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// How gates are answered and what is printed.
#[derive(Clone, Debug, Default, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Manners {
    /// Line by line instead of the screen
    #[arg(long)]
    pub plain: bool,
    /// Nobody is there to answer gates
    #[arg(long)]
    pub headless: bool,
    /// Answer note and change gates with yes; in a lab all of them
    #[arg(long, requires = "headless", conflicts_with = "answers")]
    pub yes: bool,
    /// Answer gates from a file: GATE = "typed text" lines
    #[arg(long, value_name = "FILE", requires = "headless")]
    pub answers: Option<PathBuf>,
    /// Take it upon you that a check cannot be told, as ID=REASON (can be repeated)
    #[arg(long, value_name = "ID=REASON", value_parser = Waiver::parse)]
    pub waive: Vec<Waiver>,
    /// One event a line on stdout, as in the journal
    #[arg(long)]
    pub json: bool,
}

impl Manners {
    pub(super) fn manner(&self) -> Manner {
        match (self.json, self.headless) {
            (true, _) => Manner::Json,
            (false, true) => Manner::Watch,
            (false, false) => self.asking(),
        }
    }

    /// How a person is asked: on the screen where there is one, else line by line.
    fn asking(&self) -> Manner {
        asking(self.plain)
    }

    /// Refuses to ask where nobody can answer.
    ///
    /// # Errors
    /// Says what to type instead.
    pub fn need_a_person(&self, instead: &str) -> Result<(), Refused> {
        let asks = !self.headless && !self.json;
        if asks && !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            return Err(Refused(format!(
                "there is no terminal here to ask questions on\nhint: without one, type: {instead}"
            )));
        }
        if self.headless && !self.yes && self.answers.is_none() {
            return Err(Refused(
                "--headless needs --yes or --answers FILE".to_owned(),
            ));
        }
        Ok(())
    }

    /// The policy for a run whose gates are called by the ids of `plan`'s steps.
    fn policy(&self, practice: bool, plan: &Plan) -> anyhow::Result<Policy> {
        Ok(Policy {
            headless: self.headless,
            yes: self.yes,
            practice,
            answers: self.answers(plan)?.gates,
        })
    }

    fn answers(&self, plan: &Plan) -> anyhow::Result<Answers> {
        match &self.answers {
            Some(path) => answers::read(path, plan),
            None => Ok(Answers::default()),
        }
    }

    /// The waivers of the command line and of the answers file.
    fn waivers(&self, plan: &Plan) -> anyhow::Result<Vec<Waive>> {
        let file = self.answers(plan)?.waive;
        let mut all = self.typed_waivers();
        all.extend(file.iter().map(|w| w.by("answers-file")));
        Ok(all)
    }

    fn typed_waivers(&self) -> Vec<Waive> {
        self.waive.iter().map(|w| w.by("command line")).collect()
    }
}

/// The way to ask a person: on the screen where there is one, else line by line.
pub(super) fn asking(plain: bool) -> Manner {
    if plain {
        return Manner::Ask;
    }
    match super::screen::impossible() {
        None => Manner::Screen,
        Some(why) => {
            talk(format!("{why}: line by line, as with --plain"));
            Manner::Ask
        }
    }
}

/// A refusal that ends with exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Run a scenario at a site
///
/// Example: imsmigrate run --site site.toml
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// The site file
    #[arg(long, value_name = "FILE")]
    site: PathBuf,
    #[command(flatten)]
    manners: Manners,
    /// Start it and leave it alone
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    secrets: SecretOptions,
}

impl RunArgs {
    /// Creates a run and follows it.
    ///
    /// # Errors
    /// When the site file cannot be used, a secret is missing, or the engine does not start.
    pub fn run(&self) -> anyhow::Result<Exit> {
        let site = self.site.display();
        if !self.detach {
            self.manners
                .need_a_person(&format!("imsmigrate run --site {site} --headless --yes"))?;
        }
        begin(&self.site, &self.manners, &self.secrets, None, self.detach)
    }
}

/// Makes a run from a site file, starts its engine and follows it.
///
/// # Errors
/// As [`RunArgs::run`].
pub fn begin(
    site_path: &Path,
    manners: &Manners,
    secrets: &SecretOptions,
    lab: Option<&Path>,
    detach: bool,
) -> anyhow::Result<Exit> {
    let site = Site::load(site_path)?;
    if !detach && manners.manner() == Manner::Screen {
        // On the screen, checks and plan come before the run.
        return super::wizard::show(super::wizard::Begin {
            file: Some(site_path.to_path_buf()),
            secrets: secrets.clone(),
            lab: lab.map(Path::to_path_buf),
            waive: manners.typed_waivers(),
        });
    }
    let scenario = site.procedure()?;
    let plan = crate::plan::draft(&scenario, &site)?;
    let policy = manners.policy(site.is_practice(), &plan)?;
    let secrets = secrets::for_site(&site, site_path, &scenario, secrets)?;
    let waive = manners.waivers(&plan)?;
    let begun = start(&site, site_path, &plan, policy, secrets, lab, waive)?;
    talk(format!("run {} in {}", begun.run, begun.folder.display()));
    if detach {
        data(begun.run.as_str())?;
        return Ok(Exit::InProgress);
    }
    let operator = lab.map(Operator::new);
    look(
        &begun.info,
        &begun.folder,
        manners.manner(),
        operator,
        Vec::new(),
        1,
        true,
    )
}

/// A run whose engine was started.
pub struct Begun {
    /// Its id.
    pub run: RunId,
    /// Its folder.
    pub folder: PathBuf,
    /// Its engine.
    pub info: EngineInfo,
}

/// Makes a run and starts its engine.
///
/// # Errors
/// When its folder cannot be made or the engine does not start.
pub fn start(
    site: &Site,
    site_path: &Path,
    plan: &Plan,
    policy: Policy,
    secrets: BTreeMap<String, Secret>,
    lab: Option<&Path>,
    waive: Vec<Waive>,
) -> anyhow::Result<Begun> {
    let secrets = exposed(secrets);
    let (run, folder) = make_folder(site, site_path, plan)?;
    let create = Create {
        run: run.to_string(),
        policy,
        lab: lab.map(Path::to_path_buf),
        waive,
    };
    places::write_private(
        &folder.join(daemon::CREATE_FILE),
        &serde_json::to_vec(&create)?,
    )?;
    let info = match daemon::start(
        &folder,
        &Startup {
            create: Some(create),
            secrets,
            ..Startup::default()
        },
    ) {
        Ok(info) => info,
        Err(error) => {
            // Where a journal was begun, the run can be taken up.
            if !folder.join(journal::JOURNAL_FILE).exists() {
                let _ = std::fs::remove_file(folder.join("site.toml"));
            }
            return Err(error.into());
        }
    };
    Ok(Begun { run, folder, info })
}

/// Looks at a run that was begun on the screen.
///
/// # Errors
/// When the engine does not answer or the terminal cannot be drawn on.
pub fn look_on_screen(begun: &Begun) -> anyhow::Result<Exit> {
    look(
        &begun.info,
        &begun.folder,
        Manner::Screen,
        None,
        Vec::new(),
        1,
        true,
    )
}

/// Secrets as the engine takes them, over its standard input.
pub(super) fn exposed(secrets: BTreeMap<String, Secret>) -> BTreeMap<String, String> {
    secrets
        .into_iter()
        .map(|(name, value)| (name, value.expose().to_owned()))
        .collect()
}

fn make_folder(site: &Site, site_path: &Path, plan: &Plan) -> anyhow::Result<(RunId, PathBuf)> {
    let runs = places::runs_dir()?;
    places::create_private_dir(&runs)
        .with_context(|| format!("cannot make `{}`", runs.display()))?;
    for _ in 0..1_000 {
        let run = super::runs::fresh_id();
        let folder = runs.join(run.as_str());
        match std::fs::create_dir(&folder) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => continue,
            Err(e) => return Err(e).with_context(|| format!("cannot make `{}`", folder.display())),
        }
        places::create_private_dir(&folder.join("artifacts"))?;
        std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        let mut site = site.clone();
        site.secrets_file = site.secrets_file.map(|file| {
            let parent = site_path.parent().unwrap_or_else(|| Path::new("."));
            let path = std::path::absolute(parent.join(file)).unwrap_or_default();
            path.display().to_string()
        });
        site.save(&folder.join("site.toml"))?;
        places::write_private(&folder.join("plan.json"), &serde_json::to_vec(plan)?)?;
        return Ok((run, folder));
    }
    bail!("no free run id today in `{}`", runs.display())
}

/// Looks at a run through its engine; `control`: a person who does takes it.
///
/// # Errors
/// When the engine does not answer or the terminal cannot be used.
pub(super) fn look(
    info: &EngineInfo,
    folder: &Path,
    manner: Manner,
    operator: Option<Operator>,
    commands: Vec<Command>,
    from: u64,
    control: bool,
) -> anyhow::Result<Exit> {
    if info.socket.as_os_str().is_empty() {
        // The engine was done before anybody could look: the journal tells.
        return told_by_journal(folder, manner);
    }
    if manner == Manner::Screen {
        return super::screen::show(info, folder, commands, control);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let asked = follow(Follow {
        info,
        folder,
        manner,
        operator,
        control,
        commands,
        from,
    });
    let exit = runtime.block_on(asked);
    // A keyboard thread may sit in a read; it must not hold the process.
    runtime.shutdown_background();
    exit
}

/// Tells of a run that has no engine.
///
/// # Errors
/// When its journal cannot be read.
pub(super) fn told_by_journal(folder: &Path, manner: Manner) -> anyhow::Result<Exit> {
    if manner == Manner::Screen {
        return super::screen::show_journal(folder);
    }
    let run = Run::read(folder)?;
    for record in journal::read(folder)? {
        if manner == Manner::Json {
            data(serde_json::to_string(&record)?)?;
        }
    }
    if manner != Manner::Json {
        for line in crate::plain::summary_lines(&run.state) {
            data(line)?;
        }
    }
    Ok(super::status::exit_of(&run))
}

/// Take a run up again where it stands
///
/// Example: imsmigrate resume 1123-k7f3 --headless --yes
#[derive(Debug, clap::Args)]
pub struct ResumeArgs {
    /// The run; may be left out when only one fits
    run: Option<String>,
    #[command(flatten)]
    manners: Manners,
    /// Start its engine and leave it alone
    #[arg(long)]
    detach: bool,
    /// Give up taking the run back, and go forward again
    #[arg(long)]
    forward: bool,
    #[command(flatten)]
    secrets: SecretOptions,
}

impl ResumeArgs {
    /// Starts the run's engine if need be and goes on.
    ///
    /// # Errors
    /// When no run fits or the engine does not start.
    pub fn run(&self) -> anyhow::Result<Exit> {
        let run = find(self.run.as_deref(), |r| !r.is_done())?;
        take_up(
            &run,
            &self.manners,
            &self.secrets,
            vec![if self.forward {
                Command::Forward
            } else {
                Command::Continue
            }],
            self.detach,
        )
    }
}

/// Looks at a run, with its engine started if there is none.
///
/// # Errors
/// When the engine does not start.
pub(super) fn take_up(
    run: &Run,
    manners: &Manners,
    secrets: &SecretOptions,
    commands: Vec<Command>,
    detach: bool,
) -> anyhow::Result<Exit> {
    if run.is_done() {
        return told_by_journal(&run.folder, manners.manner());
    }
    engage(run, manners, secrets, commands, detach)
}

/// Sends commands to a run's engine, started if there is none, and follows.
pub(super) fn engage(
    run: &Run,
    manners: &Manners,
    secrets: &SecretOptions,
    mut commands: Vec<Command>,
    detach: bool,
) -> anyhow::Result<Exit> {
    let waive = manners.waivers(&plan_of(run)?)?;
    let engine = engine_of(&run.folder, run.state.ended.is_some())?;
    let info = if let Some(info) = engine {
        for Waive { check, reason, .. } in waive {
            commands.insert(0, Command::Waive { check, reason });
        }
        info
    } else {
        let site_path = run.folder.join("site.toml");
        let site = Site::load(&site_path)?;
        let scenario = site.procedure()?;
        let secrets = exposed(secrets::for_site(&site, &site_path, &scenario, secrets)?);
        daemon::start(
            &run.folder,
            &Startup {
                create: unbegun(run)?,
                secrets,
                waive,
                ..Startup::default()
            },
        )?
    };
    // A run keeps the policy it was started with, unless another one is asked for.
    let asked = commands.iter().find_map(|command| match command {
        Command::Policy { policy } => Some(policy.clone()),
        _ => None,
    });
    let mut policy = asked.unwrap_or_else(|| run.state.policy.clone());
    if manners.headless {
        let site = Site::load(&run.folder.join("site.toml"))?;
        let scenario = site.procedure()?;
        policy = manners.policy(site.is_practice(), &crate::plan::draft(&scenario, &site)?)?;
        let command = Command::Policy {
            policy: policy.clone(),
        };
        // Who asks for the way back does not mean the gate that is open now.
        let back = matches!(commands.first(), Some(Command::Undo { .. }));
        commands.insert(usize::from(back), command);
    }
    let manner = match (manners.json, policy.headless) {
        (true, _) => Manner::Json,
        (false, false) if std::io::stdin().is_terminal() => manners.asking(),
        (false, _) => Manner::Watch,
    };
    if detach {
        send(&info, &commands)?;
        return Ok(Exit::InProgress);
    }
    let lab = match unbegun(run) {
        Ok(Some(create)) => create.lab,
        _ => run.state.lab.as_ref().map(PathBuf::from),
    };
    let operator = lab.as_deref().map(Operator::new);
    look(
        &info,
        &run.folder,
        manner,
        operator,
        commands,
        run.state.last + 1,
        true,
    )
}

/// The draft of a run's plan, for the names of its gates.
fn plan_of(run: &Run) -> anyhow::Result<Plan> {
    let site = Site::load(&run.folder.join("site.toml"))?;
    let scenario = site.procedure()?;
    Ok(crate::plan::draft(&scenario, &site)?)
}

/// How to begin a run whose engine died before it had written its first line.
fn unbegun(run: &Run) -> anyhow::Result<Option<Create>> {
    if run.state.phase != Phase::Empty {
        return Ok(None);
    }
    let path = run.folder.join(daemon::CREATE_FILE);
    let text = std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(Some(serde_json::from_slice(&text)?))
}
