//! The wizard on the screen from its first question on: `imsmigrate` alone, and `run` and
//! `practice` with checks and plan before the run.
//!
//! Here is done what the room `tui` only asks for: files, passwords, checks, facts, the engine's
//! start. Passwords stay on this side; the screen knows only which are missing.

use super::exit::Exit;
use super::look::{passing_folder, wait};
use super::run::{self, Begun, Refused};
use super::screen;
use super::secrets::{self, SecretOptions};
use crate::action::{World, facts};
use crate::base::{Hint, Secret};
use crate::check::{self, before};
use crate::engine::daemon::Waive;
use crate::engine::event::Policy;
use crate::plan::{self, Plan};
use crate::scenario;
use crate::scenario::condition::Facts;
use crate::site::{Site, SiteError};
use crate::tui::keymap::Cmd;
use crate::tui::wizard::app::{self, Left, Message, Wiring};
use crate::tui::wizard::form::Form;
use crate::tui::wizard::state::{Done, Job, Prepared, Screen, Wizard};
use crate::tui::wizard::update::update;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};

/// What the wizard begins with.
#[derive(Clone, Debug, Default)]
pub struct Begin {
    /// A site file: its checks are the first screen.
    pub file: Option<PathBuf>,
    /// Where passwords come from.
    pub secrets: SecretOptions,
    /// The lab it practises in, when it was made for that.
    pub lab: Option<PathBuf>,
    /// Checks that are not to hold the run up when they cannot be told.
    pub waive: Vec<Waive>,
}

/// `imsmigrate` alone.
///
/// # Errors
/// Where there is no terminal to show it on: says what to type instead.
pub fn alone() -> anyhow::Result<Exit> {
    if let Some(why) = screen::impossible() {
        return Err(Refused(format!(
            "the wizard needs a screen: {why}\n\
             hint: line by line: imsmigrate practice --plain, or imsmigrate run --site FILE --plain\n\
             hint: a new site file: imsmigrate site new sims-offline --output site.toml\n\
             hint: everything there is: imsmigrate --help"
        ))
        .into());
    }
    show(Begin::default())
}

/// Shows the wizard, and the run when one was begun.
///
/// # Errors
/// When the terminal cannot be drawn on, or the run cannot be looked at.
pub fn show(begin: Begin) -> anyhow::Result<Exit> {
    let scenarios = scenario::ids()
        .map(scenario::load)
        .collect::<Result<Vec<_>, _>>()?;
    let given = begin.secrets.given()?;
    let mut wizard = Wizard::new(scenarios, (80, 24));
    let mut first = Vec::new();
    if let Some(file) = &begin.file {
        let text = read(file).map_err(Refused)?;
        wizard.form = Some(Form::of_file(file, &text).map_err(Refused)?);
        wizard.screen = Screen::Site;
        first = update(&mut wizard, &Cmd::GoOn);
    }

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let (into, messages) = mpsc::channel();
    let (outer, outside) = mpsc::channel();
    let out = outer.clone();
    screen::bring_signals(&runtime, move |message| out.send(message).is_ok())?;
    let forward = into.clone();
    std::thread::spawn(move || {
        while let Ok(message) = outside.recv() {
            if forward.send(Message::Outer(message)).is_err() {
                return;
            }
        }
    });
    let worker = Worker {
        into,
        given: Arc::new(given),
        typed: Arc::default(),
        begun: Arc::default(),
        lab: begin.lab,
        waive: begin.waive,
    };
    let begun = Arc::clone(&worker.begun);
    let wiring = Wiring {
        messages,
        into: outer,
        work: Box::new(move |job| worker.work(job)),
        stop_here: Box::new(screen::stop_here),
    };
    let left = app::run(wiring, wizard, first)?;
    runtime.shutdown_background();
    match left {
        // Nobody can read anything any more.
        Left::HungUp => std::process::exit(i32::from(Exit::HungUp.code())),
        Left::Quit | Left::Terminated => {
            super::output::talk("nothing was begun");
            Ok(Exit::NotStarted)
        }
        Left::Run => {
            let begun = begun.lock().unwrap_or_else(PoisonError::into_inner).take();
            begun.map_or(Ok(Exit::NotStarted), |begun| run::look_on_screen(&begun))
        }
    }
}

type Secrets = BTreeMap<String, Secret>;

/// Does what is slow, each on a thread of its own.
#[derive(Clone)]
struct Worker {
    into: Sender<Message>,
    /// Given with the command: then a site's own file does not count.
    given: Arc<Option<Secrets>>,
    /// Typed on the screen.
    typed: Arc<Mutex<Secrets>>,
    /// The run that was begun.
    begun: Arc<Mutex<Option<Begun>>>,
    lab: Option<PathBuf>,
    waive: Vec<Waive>,
}

impl Worker {
    fn work(&self, job: Job) {
        if let Job::Secrets(secrets) = job {
            // What is asked next needs them.
            self.typed().extend(secrets);
            return;
        }
        let worker = self.clone();
        std::thread::spawn(move || worker.carry_out(job));
    }

    fn say(&self, done: Done) {
        // A screen that is gone wants no answer.
        let _ = self.into.send(Message::Done(Box::new(done)));
    }

    fn carry_out(&self, job: Job) {
        match job {
            Job::Load(path) => {
                let text = read(&path);
                self.say(Done::Loaded(path, text));
            }
            Job::Save(site, path) => {
                let saved = site.save(&path).map_err(|error| error.to_string());
                self.say(Done::Saved(path, saved));
            }
            Job::Secrets(_) => {}
            Job::Prepare { site, file, again } => {
                let prepared = self.prepare(&site, file.as_deref(), again);
                self.say(Done::Prepared(told(prepared.map(Box::new))));
            }
            Job::Check {
                round,
                site,
                file,
                ids,
            } => {
                if let Err(error) = self.check(round, &site, file.as_deref(), &ids) {
                    self.say(Done::NotChecked(round, format!("{error:#}")));
                }
            }
            Job::Plan { round, site, file } => {
                let plan = self.plan(&site, file.as_deref());
                self.say(Done::Planned(round, told(plan.map(Box::new))));
            }
            Job::Start {
                site,
                file,
                waivers,
            } => {
                let started = self.start(&site, file.as_deref(), waivers);
                self.say(Done::Started(told(started)));
            }
        }
    }

    fn typed(&self) -> std::sync::MutexGuard<'_, Secrets> {
        self.typed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of files, below what was typed.
    fn files_secrets(&self, site: &Site, file: Option<&Path>) -> anyhow::Result<Secrets> {
        match self.given.as_ref() {
            Some(given) => Ok(given.clone()),
            None => secrets::in_file(secrets::file_of(site, place(file)).as_deref()),
        }
    }

    fn secrets(&self, site: &Site, file: Option<&Path>) -> anyhow::Result<Secrets> {
        let mut secrets = self.files_secrets(site, file)?;
        secrets.extend(self.typed().clone());
        Ok(secrets)
    }

    fn prepare(&self, site: &Site, file: Option<&Path>, again: bool) -> anyhow::Result<Prepared> {
        let scenario = site.procedure()?;
        let draft = plan::draft(&scenario, site)?;
        let known = if again {
            Secrets::new()
        } else {
            self.secrets(site, file)?
        };
        let missing = secrets::wanted(&scenario)
            .into_iter()
            .filter(|(name, _)| !known.contains_key(*name))
            .map(|(name, title)| (name.to_owned(), title.to_owned()))
            .collect();
        Ok(Prepared {
            missing,
            checks: before::before_a_run(&draft),
            draft,
        })
    }

    /// A world in a folder that is gone afterwards.
    fn world(&self, folder: &Path, site: &Site, file: Option<&Path>) -> anyhow::Result<World> {
        let scenario = site.procedure()?;
        let secrets = self.secrets(site, file)?;
        World::new(folder, site.clone(), scenario, secrets).map_err(anyhow::Error::msg)
    }

    fn check(
        &self,
        round: u32,
        site: &Site,
        file: Option<&Path>,
        ids: &[String],
    ) -> anyhow::Result<()> {
        let folder =
            passing_folder().map_err(|failure| anyhow::anyhow!(failure.message().to_owned()))?;
        let world = self.world(folder.path(), site, file)?;
        let mut context = world.check_context().map_err(anyhow::Error::msg)?;
        // There is no run whose files these could be.
        context.backup = None;
        context.aci_ldif = None;
        let asked: FuturesUnordered<_> = ids.iter().map(|id| check::run(id, &context)).collect();
        wait(asked.for_each(|report| {
            let waiver = self.waive.iter().find(|w| w.check == report.id);
            let report = match waiver {
                Some(waiver) => before::soften(report).waive(&waiver.reason),
                None => before::soften(report),
            };
            self.say(Done::Checked(round, report));
            std::future::ready(())
        }))?;
        Ok(())
    }

    fn plan(&self, site: &Site, file: Option<&Path>) -> anyhow::Result<Plan> {
        let folder =
            passing_folder().map_err(|failure| anyhow::anyhow!(failure.message().to_owned()))?;
        let world = self.world(folder.path(), site, file)?;
        let scenario = site.procedure()?;
        let wanted = super::plan::facts_of(&scenario);
        let looked = wait(facts::look_up(&world, &wanted, &Facts::new()))?;
        let looked = looked.map_err(|errors| anyhow::Error::msg(errors.join("\n")))?;
        Ok(plan::bind(&scenario, site, &looked.facts)?)
    }

    fn start(
        &self,
        site: &Site,
        file: Option<&Path>,
        waivers: BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        let scenario = site.procedure()?;
        let plan = plan::draft(&scenario, site)?;
        let secrets = self.secrets(site, file)?;
        let policy = Policy {
            practice: site.is_practice(),
            ..Policy::default()
        };
        // The lab that a practice site lies in is told of at the end.
        let beside = file
            .and_then(Path::parent)
            .filter(|dir| site.is_practice() && dir.join("lab.toml").exists());
        let lab = match (&self.lab, beside) {
            (Some(lab), _) => Some(lab.clone()),
            (None, Some(dir)) => Some(std::path::absolute(dir)?),
            (None, None) => None,
        };
        let lab = lab.as_deref();
        let by = super::follow::who();
        let typed = waivers.into_iter().map(|(check, reason)| Waive {
            check,
            reason,
            by: by.clone(),
        });
        let waive = self.waive.iter().cloned().chain(typed).collect();
        let begun = run::start(site, place(file), &plan, policy, secrets, lab, waive)?;
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Some(begun);
        Ok(())
    }
}

/// Where a site's file is; one that was never saved is here.
fn place(file: Option<&Path>) -> &Path {
    file.unwrap_or_else(|| Path::new("site.toml"))
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|source| {
        SiteError::File {
            path: path.to_path_buf(),
            source,
        }
        .to_string()
    })
}

/// An error as one text for the screen, with its hints.
fn told<T>(result: anyhow::Result<T>) -> Result<T, String> {
    result.map_err(|error| {
        let mut text = format!("{error:#}");
        if let Some(error) = error.downcast_ref::<crate::engine::daemon::EngineError>() {
            for hint in error.hints() {
                text.push_str("; ");
                text.push_str(&hint);
            }
        }
        text
    })
}
