//! `practice`: makes a lab, then the very same wizard in it.

use super::exit::Exit;
use super::lab::OwnData;
use super::output::{data, talk};
use super::run::{Manners, Refused, begin};
use super::secrets::SecretOptions;
use crate::base::{display_safe, places};
use crate::lab::create::{self, MOST_USERS, Options, SCENARIO, Variant};
use crate::lab::traffic::MOST;
use crate::lab::world::{DirectoryKind, LabError};
use crate::lab::{daemon, drills};
use anyhow::Context as _;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Practise a migration on a lab that needs nothing but this program
///
/// Example: imsmigrate practice
/// Example: imsmigrate practice --headless --yes --users 200 --seed 7
/// Example: imsmigrate practice --ldif export.ldif --mail messages
#[derive(Debug, clap::Args)]
pub struct PracticeArgs {
    /// The scenario
    #[arg(default_value = SCENARIO)]
    scenario: String,
    /// Whether the new server is beside the old one or on a host of its own, where both can be
    #[arg(long, value_enum, value_name = "VARIANT")]
    variant: Option<Variant>,
    /// How many people have mail
    #[arg(long, value_name = "N", default_value_t = 30)]
    users: usize,
    /// What the lab's content is drawn from; the same seed makes the same lab
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Messages in each mailbox
    #[arg(long, value_name = "N")]
    messages_per_user: Option<usize>,
    #[command(flatten)]
    own: OwnData,
    /// What serves users and groups: the lab's own server, or a real one of this machine
    #[arg(long, value_enum, value_name = "KIND", default_value_t = DirectoryKind::Embedded)]
    directory: DirectoryKind,
    /// Have people send mail to the site and read theirs meanwhile, so many messages a minute
    #[arg(long, value_name = "PER_MINUTE")]
    traffic: Option<u32>,
    /// Put a fault into the lab, as NAME or NAME=VALUE (can be repeated); `lab drills` lists them
    #[arg(long, value_name = "NAME")]
    drill: Vec<String>,
    /// The lab's folder; it is kept
    #[arg(long, value_name = "DIR")]
    lab: Option<PathBuf>,
    #[command(flatten)]
    manners: Manners,
}

impl PracticeArgs {
    /// Makes the lab and runs the wizard in it.
    ///
    /// # Errors
    /// When the lab cannot be made, or the run not be started.
    pub fn run(&self) -> anyhow::Result<Exit> {
        self.manners
            .need_a_person("imsmigrate practice --headless --yes")?;
        crate::scenario::load(&self.scenario)?;
        create::shape::variant(&self.scenario, self.variant)
            .map_err(|error| Refused(display_safe(&error.to_string()).into_owned()))?;
        if self.users == 0 || self.users > MOST_USERS {
            return Err(Refused(format!("a lab has from 1 to {MOST_USERS} users")).into());
        }
        if self.traffic.is_some_and(|rate| rate > MOST) {
            return Err(Refused(format!(
                "the world outside sends at most {MOST} messages a minute"
            ))
            .into());
        }
        let drills = self.drills()?;
        let seed = self
            .seed
            .unwrap_or_else(|| u64::from(rand::random::<u16>()));
        let dir = match &self.lab {
            Some(dir) => dir.clone(),
            None => new_folder()?,
        };
        let who = match &self.own.ldif {
            Some(path) => format!("the users in {}", path.display()),
            None => format!("{} users", self.users),
        };
        talk(format!(
            "making a lab of {who} from seed {seed} in {}",
            dir.display()
        ));
        let options = Options {
            scenario: self.scenario.clone(),
            variant: self.variant,
            users: self.users,
            seed,
            messages_per_user: self.messages_per_user,
            ldif: self.own.ldif.clone(),
            mail: self.own.mail.clone(),
            directory: self.directory,
            traffic: self.traffic,
        };
        let lab =
            create::create_telling(&dir, &options, &mut |note| talk(note)).map_err(|error| {
                match error {
                    LabError::Data { .. } => {
                        Refused(display_safe(&error.to_string()).into_owned()).into()
                    }
                    other => anyhow::Error::from(other),
                }
            })?;
        super::lab::remember(&lab.dir);
        if !drills.is_empty() {
            add_drills(&lab.dir, &drills)?;
        }
        daemon::start_detached(&lab.dir)?;
        let site = lab.dir.join("site.toml");
        let exit = begin(
            &site,
            &self.manners,
            &SecretOptions::default(),
            Some(&lab.dir),
            false,
        )?;
        if !self.manners.json {
            let shown = lab.dir.display();
            talk(format!(
                "what became of every message:  imsmigrate lab audit {shown}"
            ));
            talk(format!(
                "stop it:                       imsmigrate lab stop {shown}"
            ));
            data(format!("lab: {shown}"))?;
        }
        Ok(exit)
    }

    /// The lines for `drills.toml`.
    fn drills(&self) -> anyhow::Result<String> {
        let mut text = String::new();
        for drill in &self.drill {
            let (name, value) = drill.split_once('=').unwrap_or((drill, "true"));
            let (name, value) = (name.trim(), value.trim());
            if !drills::DRILLS.iter().any(|known| known.name == name) {
                let names: Vec<&str> = drills::DRILLS.iter().map(|known| known.name).collect();
                return Err(Refused(format!(
                    "there is no drill `{name}`\nhint: there are: {}",
                    names.join(", ")
                ))
                .into());
            }
            let bare = value == "true" || value.parse::<i64>().is_ok();
            let value = if bare {
                value.to_owned()
            } else {
                format!("{value:?}")
            };
            let _ = writeln!(text, "{name} = {value}");
        }
        Ok(text)
    }
}

fn add_drills(dir: &Path, lines: &str) -> anyhow::Result<()> {
    let path = dir.join("drills.toml");
    let mut text = std::fs::read_to_string(&path).unwrap_or_default();
    text.push_str(lines);
    std::fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))
}

fn new_folder() -> anyhow::Result<PathBuf> {
    let labs = places::labs_dir()?;
    places::create_private_dir(&labs)
        .with_context(|| format!("cannot make `{}`", labs.display()))?;
    loop {
        let id = super::runs::fresh_id();
        let dir = labs.join(id.as_str());
        if !dir.exists() {
            return Ok(dir);
        }
    }
}
