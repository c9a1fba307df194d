//! Makes a lab: people, mail, queue, directory, host folders; all of it drawn from one seed, or the
//! directory from a site's own export and the mail from a site's own files.
//!
//! The same seed gives the same directory and the same ledger, byte for byte, on every machine and
//! in every folder; only the address and the ports depend on the folder, so that labs can run side
//! by side. Nothing here starts anything.

mod dice;
mod directory;
mod export;
mod hosts;
mod mail;
mod mailboxes;
mod messages;
mod names;
mod nms;
mod people;
mod ports;
mod queued;
mod residents;
pub mod shape;
mod sitefile;
mod traffic;

pub(in crate::lab) use dice::Dice;
pub use ports::WELL_KNOWN;
pub use shape::Variant;
pub use sitefile::{SITE_FILE, rewrite_launchers};

use super::daemon::running::Wanted;
use super::directory_server::{self, Made};
use super::ldap;
use super::ldap::load::LoadError;
use super::ledger::LEDGER_FILE;
use super::traffic::{MOST, OUTSIDE};
use super::world::{DirectoryKind, LAB_FILE, Lab, LabConfig, LabError};
use crate::base::places::{create_private_dir, write_private};
use export::Export;
use messages::Post;
use people::{DOMAIN, Population};
use residents::Town;
use serde::Serialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The scenario of a lab where nothing is said.
pub const SCENARIO: &str = "sims-offline";
/// More people than this make a lab that nobody waits for.
pub const MOST_USERS: usize = 20_000;
/// Messages for each person, where nothing else is asked for and people are not many.
const MESSAGES_PER_USER: usize = 14;
/// The same, where people are many.
const MESSAGES_PER_USER_OF_MANY: usize = 5;
const MANY: usize = 200;
/// What runs in a new lab, by role, in the order of its start.
const RUNNING: &[(&str, &[&str])] = &[
    (shape::NAMES, &["named"]),
    (OUTSIDE, &["outside-mta"]),
    ("directory", &["slapd"]),
    (
        "old",
        &["sims-dispatcher", "sims-job-controller", "sims-imaccessd"],
    ),
    (OUTSIDE, &["traffic"]),
];

/// The same, where the old server is Netscape's.
const RUNNING_NMS: &[(&str, &[&str])] = &[
    (shape::NAMES, &["named"]),
    (OUTSIDE, &["outside-mta"]),
    ("directory", &["slapd"]),
    ("old", &["nms-smtpd", "nms-imapd", "nms-popd"]),
    (OUTSIDE, &["traffic"]),
];

/// What a new lab is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// The scenario to practise.
    pub scenario: String,
    /// Where the new server is; none for what is usual in the scenario.
    pub variant: Option<Variant>,
    /// How many people have mail accounts.
    pub users: usize,
    /// What everything is drawn from.
    pub seed: u64,
    /// How many messages each has on average; none for what suits the number of people.
    pub messages_per_user: Option<usize>,
    /// The site's own directory export, which says who has mail in place of `users`.
    pub ldif: Option<PathBuf>,
    /// A folder with messages of the site's own.
    pub mail: Option<PathBuf>,
    /// What serves users and groups.
    pub directory: DirectoryKind,
    /// How many messages the world outside sends in a minute; none or 0 for no such world.
    pub traffic: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            scenario: SCENARIO.to_owned(),
            variant: None,
            users: 30,
            seed: 1,
            messages_per_user: None,
            ldif: None,
            mail: None,
            directory: DirectoryKind::Embedded,
            traffic: None,
        }
    }
}

impl Options {
    /// How many messages each of so many users has.
    fn messages_per_user(&self, users: usize) -> usize {
        self.messages_per_user.unwrap_or(if users > MANY {
            MESSAGES_PER_USER_OF_MANY
        } else {
            MESSAGES_PER_USER
        })
    }
}

/// The passwords of a lab's servers, drawn like everything else.
#[derive(Clone)]
struct Secrets {
    directory: String,
    config_directory: String,
}

/// One line of `accounts.jsonl`.
#[derive(Serialize)]
struct Account<'a> {
    user: &'a str,
    dn: &'a str,
    mail: &'a str,
    password: &'a str,
    /// What the person may use; nothing named means everything.
    services: &'a [String],
}

/// What a lab is made from: drawn, or a site's own.
struct Source {
    town: Town,
    directory: Entries,
}

impl Source {
    /// The mail domains.
    fn domains(&self) -> Vec<String> {
        match &self.directory {
            Entries::Drawn(_) => [DOMAIN, people::HOSTED].map(str::to_owned).to_vec(),
            Entries::Own(export, _) => export.domains.clone(),
        }
    }
}

enum Entries {
    Drawn(Box<Population>),
    Own(Box<Export>, PathBuf),
}

/// Makes a lab in a folder that does not exist yet or is empty.
///
/// # Errors
/// When the options ask for what there is not, the folder is in use, or it cannot be filled; what
/// was made is then taken away again.
pub fn create(dir: &Path, options: &Options) -> Result<Lab, LabError> {
    create_telling(dir, options, &mut |_| {})
}

/// As [`create`], telling what was made of the site's own files.
///
/// # Errors
/// As [`create`].
pub fn create_telling(
    dir: &Path,
    options: &Options,
    tell: &mut dyn FnMut(&str),
) -> Result<Lab, LabError> {
    check(options)?;
    let dir = std::path::absolute(dir).map_err(LabError::file(dir))?;
    if dir.to_str().is_none_or(|name| name.contains(['\n', '\r'])) {
        return Err(LabError::Other(format!(
            "`{}` cannot be a lab's folder: its name is not plain text",
            dir.display()
        )));
    }
    let (source, post) = source(options)?;
    let existed = claim(&dir)?;
    fill(&dir, options, source, post, tell).inspect_err(|_| {
        // The first error is the one to tell about.
        let _ = if existed {
            empty(&dir)
        } else {
            fs::remove_dir_all(&dir)
        };
    })
}

/// Reads what was given, or draws it; nothing is written.
fn source(options: &Options) -> Result<(Source, Post), LabError> {
    let post = match &options.mail {
        Some(dir) => Post::own(options.seed, dir)?,
        None => Post::drawn(options.seed),
    };
    let source = if let Some(path) = &options.ldif {
        let mut export = export::read(path, options.seed, MOST_USERS)?;
        Source {
            town: std::mem::take(&mut export.town),
            directory: Entries::Own(Box::new(export), path.clone()),
        }
    } else {
        let population = people::draw(options);
        let mut town = population.town();
        if is_nms(options) {
            for (resident, person) in town.residents.iter_mut().zip(&population.people) {
                resident.dn = nms::dn(person);
            }
        }
        Source {
            town,
            directory: Entries::Drawn(Box::new(population)),
        }
    };
    Ok((source, post))
}

/// Whether the old server of the lab is to be Netscape's.
fn is_nms(options: &Options) -> bool {
    options.scenario.starts_with("nms-")
}

fn check(options: &Options) -> Result<(), LabError> {
    shape::variant(&options.scenario, options.variant)?;
    if options.traffic.is_some_and(|rate| rate > MOST) {
        return Err(LabError::Other(format!(
            "the world outside sends at most {MOST} messages a minute"
        )));
    }
    if is_nms(options) && (options.ldif.is_some() || options.directory != DirectoryKind::Embedded) {
        return Err(LabError::Other(
            "a lab with Netscape Messaging Server has its own people and its own directory server: \
             leave out --ldif and --directory"
                .to_owned(),
        ));
    }
    let counted = options.ldif.is_none();
    if counted && (options.users == 0 || options.users > MOST_USERS) {
        return Err(LabError::Other(format!(
            "a lab has from 1 to {MOST_USERS} users, not {}",
            options.users
        )));
    }
    if options.ldif.is_some() && options.directory != DirectoryKind::Embedded {
        return Err(LabError::Other(
            "a directory export of your own can be practised on the lab's own server only: leave \
             out --directory"
                .to_owned(),
        ));
    }
    directory_server::check(options.directory)
}

/// Makes the folder, private; returns whether it was there, empty, already.
fn claim(dir: &Path) -> Result<bool, LabError> {
    match fs::read_dir(dir) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(LabError::Other(format!(
                    "`{}` is not empty; a lab needs a folder of its own",
                    dir.display()
                )));
            }
            Ok(true)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            create_private_dir(dir).map_err(LabError::file(dir))?;
            Ok(false)
        }
        Err(e) => Err(LabError::file(dir)(e)),
    }
}

fn empty(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn fill(
    dir: &Path,
    options: &Options,
    source: Source,
    mut post: Post,
    tell: &mut dyn FnMut(&str),
) -> Result<Lab, LabError> {
    let lab = plan(dir, options, &source.directory)?;
    let secrets = draw_secrets(options.seed);
    for host in &lab.config.hosts {
        let root = lab.root(host);
        create_private_dir(&root).map_err(LabError::file(&root))?;
        hosts::fill(&lab, host, &secrets)?;
    }
    names::fill(&lab, &source.domains())?;
    load_directory(&lab, source.directory, &secrets, tell)?;
    let town = source.town;
    traffic::fill(&lab, &town)?;
    let ledger = mailboxes::fill(&lab, &town, &mut post, options)?;
    if post.len() > 0 {
        let filed = ledger.len();
        tell(&format!("{} own messages, filed {filed} times", post.len()));
    }
    write_file(dir, LEDGER_FILE, &lines(ledger.iter())?)?;
    let accounts = town.residents.iter().filter_map(|resident| {
        let login = resident.login.as_ref()?;
        Some(Account {
            user: &resident.store_id,
            dn: &resident.dn,
            mail: resident.mail(),
            password: &login.password,
            services: &login.services,
        })
    });
    write_file(dir, "accounts.jsonl", &lines(accounts)?)?;
    write_file(
        dir,
        "secrets.toml",
        &format!(
            "directory = \"{}\"\nconfig-directory = \"{}\"\n",
            secrets.directory, secrets.config_directory
        ),
    )?;
    write_file(
        dir,
        "drills.toml",
        "# Faults put into this lab; `imsmigrate lab drills` lists what there is.\n",
    )?;
    sitefile::write(&lab)?;
    want(&lab)?;
    // Last: only a whole lab is one.
    let config = toml::to_string(&lab.config).map_err(|e| LabError::Other(e.to_string()))?;
    write_file(dir, LAB_FILE, &config)?;
    Ok(lab)
}

fn plan(dir: &Path, options: &Options, from: &Entries) -> Result<Lab, LabError> {
    let variant = shape::variant(&options.scenario, options.variant)?;
    let traffic_per_minute = options.traffic.filter(|rate| *rate > 0);
    let id = dir.file_name().unwrap_or_default().to_string_lossy();
    let (suffix, default_domain_dn, default_domain, fqdn) = match from {
        Entries::Drawn(_) if is_nms(options) => (
            nms::SUFFIX.to_owned(),
            nms::SUFFIX.to_owned(),
            DOMAIN.to_owned(),
            people::mail_host(variant),
        ),
        Entries::Drawn(_) => (
            "o=internet".to_owned(),
            people::domain_dn(DOMAIN),
            DOMAIN.to_owned(),
            people::mail_host(variant),
        ),
        Entries::Own(export, _) => (
            export.suffixes.first().cloned().unwrap_or_default(),
            export.default_dn.clone(),
            export.default_domain.clone(),
            export.mail_host.clone(),
        ),
    };
    let named = shape::named(
        variant,
        &fqdn,
        &default_domain,
        traffic_per_minute.is_some(),
    );
    let place = ports::draw(options.seed, dir, u8::try_from(named.len()).unwrap_or(1))?;
    let hosts = shape::hosts(named, place);
    Ok(Lab {
        dir: dir.to_path_buf(),
        config: LabConfig {
            version: 1,
            id: id.into_owned(),
            scenario: options.scenario.clone(),
            seed: options.seed,
            directory: options.directory,
            port_base: place.port_base,
            suffix,
            default_domain_dn,
            default_domain,
            manager_dn: "cn=Directory Manager".to_owned(),
            traffic_per_minute,
            hosts,
        },
    })
}

/// Notes what is to run when the lab starts: the site on the day before its move.
fn want(lab: &Lab) -> Result<(), LabError> {
    let mut wanted = Wanted {
        clean: true,
        components: Vec::new(),
    };
    let running = if super::nms::is(lab) {
        RUNNING_NMS
    } else {
        RUNNING
    };
    for (role, components) in running {
        for host in &lab.config.hosts {
            if host.roles.iter().any(|r| r == role) {
                for component in *components {
                    wanted.add(&host.name, component);
                }
            }
        }
    }
    wanted.save(lab)
}

fn draw_secrets(seed: u64) -> Secrets {
    let mut dice = Dice::new(seed, "secrets");
    Secrets {
        directory: format!("dm-{}", people::password(&mut dice)),
        config_directory: format!("cfg-{}", people::password(&mut dice)),
    }
}

fn load_directory(
    lab: &Lab,
    from: Entries,
    secrets: &Secrets,
    tell: &mut dyn FnMut(&str),
) -> Result<(), LabError> {
    let host = lab.host_with_role("directory")?;
    let root = lab.root(host);
    let instance = root.join(hosts::slapd(host).trim_start_matches('/'));
    match from {
        Entries::Drawn(population) => {
            let old = &lab.host_with_role("old")?.fqdn;
            let ldif = if super::nms::is(lab) {
                // The domain tree comes with the new server; this one can hold it.
                hosts::add_suffix(&instance, "o=internet")?;
                nms::ldif(&population, old)
            } else {
                directory::ldif(&population, old)
            };
            let path = instance.join("ldif/siroe.ldif");
            write_private(&path, ldif.as_bytes()).map_err(LabError::file(&path))?;
            if lab.config.directory != DirectoryKind::Embedded {
                return directory_server::create(Made {
                    lab,
                    host,
                    instance: &instance,
                    password: &secrets.directory,
                    ldif: &ldif,
                });
            }
            ldap::load_ldif(&instance, &root, ldif.as_bytes())
                .map(|_| ())
                .map_err(|e| LabError::Other(format!("the lab's directory: {e}")))
        }
        Entries::Own(export, path) => {
            let Export {
                records,
                suffixes,
                notes,
                ..
            } = *export;
            for note in &notes {
                tell(note);
            }
            for suffix in suffixes.iter().skip(1) {
                hosts::add_suffix(&instance, suffix)?;
            }
            let cd = root.join(hosts::MERGED_FOLDER);
            let added = export::supplement(&path, &instance, &root, &cd, &records)?;
            for note in &added {
                tell(note);
            }
            ldap::load::load_records(&instance, &root, records)
                .map(|_| ())
                .map_err(|error| match error {
                    LoadError::Entry { line, reason } => LabError::Data {
                        path,
                        line: Some(line),
                        reason,
                    },
                    other => LabError::Other(format!("the lab's directory: {other}")),
                })
        }
    }
}

/// Writes one JSON object a line.
fn lines<T: Serialize>(values: impl Iterator<Item = T>) -> Result<String, LabError> {
    let mut text = String::new();
    for value in values {
        text.push_str(&serde_json::to_string(&value).map_err(|e| LabError::Other(e.to_string()))?);
        text.push('\n');
    }
    Ok(text)
}

fn write_file(dir: &Path, name: &str, content: &str) -> Result<(), LabError> {
    let path = dir.join(name);
    write_private(&path, content.as_bytes()).map_err(LabError::file(path))
}

#[cfg(test)]
mod tests {
    use super::{Options, create};
    use std::fs;
    use std::path::Path;

    fn make(dir: &Path, seed: u64) -> (String, String) {
        let options = Options {
            users: 3,
            seed,
            ..Options::default()
        };
        let lab = create(dir, &options).unwrap();
        let ldif = lab.root(lab.host("mail").unwrap());
        let ldif = ldif.join("usr/netscape/server4/slapd-mail/ldif/siroe.ldif");
        (
            fs::read_to_string(dir.join("ledger.jsonl")).unwrap(),
            fs::read_to_string(ldif).unwrap(),
        )
    }

    #[test]
    fn one_seed_makes_one_ledger_and_one_directory_in_any_folder() {
        let dir = tempfile::tempdir().unwrap();
        let first = make(&dir.path().join("a"), 7);
        assert_eq!(first, make(&dir.path().join("b"), 7));
        let other = make(&dir.path().join("c"), 8);
        assert_ne!(first.0, other.0);
        assert_ne!(first.1, other.1);
    }

    #[test]
    fn a_folder_with_something_in_it_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("mine"), "x").unwrap();
        let error = create(dir.path(), &Options::default()).unwrap_err();
        assert!(error.to_string().contains("is not empty"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn other_scenarios_and_no_users_are_refused_before_anything_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("lab");
        let scenario = Options {
            scenario: "nms-nt".to_owned(),
            ..Options::default()
        };
        let error = create(&at, &scenario).unwrap_err().to_string();
        assert!(error.contains("`sims-offline`, `sims-online`"), "{error}");
        let nobody = Options {
            users: 0,
            ..Options::default()
        };
        assert!(create(&at, &nobody).is_err());
        assert!(!at.exists());
    }
}
