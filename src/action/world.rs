//! What actions work with: the site's hosts, its directory, the secrets, the run's folder.

use crate::base::{Secret, places};
use crate::check::{CheckContext, CheckReport, Setting};
use crate::directory::{Connection, DirectoryError, Target, Tls};
use crate::host::{EffectDir, Host, Transport};
use crate::plan::{self, effect::EffectSpec};
use crate::scenario::{Action, Role, Scenario};
use crate::site::{self, SameNames, Site};
use crate::store::InboxRule;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use tokio::sync::watch;

/// What actions work with.
pub struct World {
    /// The run's id.
    pub run: String,
    /// The run's folder.
    pub folder: PathBuf,
    /// The admin's answers.
    pub site: Site,
    /// The guide's procedure.
    pub scenario: Scenario,
    /// Turns true when the operator wants the run to stop: what only waits gives up.
    pub stopping: watch::Sender<bool>,
    secrets: BTreeMap<String, Secret>,
    hosts: BTreeMap<Role, Host>,
    /// The step that is being worked on: checks look at what was set up to it.
    step: RwLock<String>,
    /// Checks that do not hold the run up when they cannot be told, with the reason.
    waivers: RwLock<BTreeMap<String, String>>,
}

impl World {
    /// Makes the world of a run.
    ///
    /// # Errors
    /// When a role has no host, or a practice site would reach beyond its lab.
    pub fn new(
        folder: &Path,
        site: Site,
        scenario: Scenario,
        secrets: BTreeMap<String, Secret>,
    ) -> Result<Self, String> {
        let mut hosts = BTreeMap::new();
        for role in &scenario.roles {
            let from = site
                .host(*role)
                .ok_or_else(|| format!("the site has no host for the role `{}`", role.as_str()))?;
            let address = from.address.clone().unwrap_or_else(|| from.fqdn.clone());
            if site.is_practice() && !is_loopback(&address) {
                return Err(format!(
                    "the site is labelled practice, but host `{}` is at {address}: a practice run \
                     reaches loopback addresses only",
                    from.name
                ));
            }
            let transport = match from.transport {
                site::Transport::Via => Transport::Via(from.via.clone()),
                site::Transport::ByHand => Transport::ByHand,
                site::Transport::Local | site::Transport::Ssh if site.is_practice() => {
                    return Err(format!(
                        "the site is labelled practice, but host `{}` is not reached through a \
                         launcher",
                        from.name
                    ));
                }
                site::Transport::Local => Transport::Local,
                site::Transport::Ssh => Transport::Ssh {
                    destination: from
                        .ssh_destination
                        .clone()
                        .unwrap_or_else(|| from.fqdn.clone()),
                    options: from.ssh_options.clone(),
                },
            };
            hosts.insert(
                *role,
                Host::new(&from.name, &from.fqdn, &address, transport),
            );
        }
        let run = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let (stopping, _) = watch::channel(false);
        let step = RwLock::default();
        Ok(Self {
            run,
            folder: folder.to_path_buf(),
            site,
            scenario,
            stopping,
            secrets,
            hosts,
            step,
            waivers: RwLock::default(),
        })
    }

    /// Returns the host that plays a role.
    ///
    /// # Errors
    /// When none does.
    pub fn host(&self, role: Role) -> Result<&Host, String> {
        self.hosts
            .get(&role)
            .ok_or_else(|| format!("no host plays the role `{}`", role.as_str()))
    }

    /// Returns every role with the host that plays it.
    pub fn hosts(&self) -> impl Iterator<Item = (Role, &Host)> {
        self.hosts.iter().map(|(role, host)| (*role, host))
    }

    /// Returns a secret.
    ///
    /// # Errors
    /// When it was not given.
    pub fn secret(&self, name: &str) -> Result<&Secret, String> {
        self.secrets.get(name).ok_or_else(|| {
            format!("the secret `{name}` is missing; give it when you resume: --secrets FILE")
        })
    }

    /// Connects to the user/group directory and binds.
    ///
    /// # Errors
    /// When it does not answer or does not take the password.
    pub async fn directory(&self) -> Result<Connection, DirectoryFault> {
        let site = &self.site.directory;
        let (host, port) = self
            .site
            .endpoint(Role::Directory, site.port)
            .ok_or_else(|| DirectoryFault::Site("the site has no directory host".to_owned()))?;
        let tls = match site.tls {
            site::Tls::None => Tls::Plain,
            site::Tls::Starttls => Tls::StartTls { ca_file: None },
            site::Tls::Ldaps => Tls::Ldaps { ca_file: None },
        };
        let target = Target {
            host,
            port,
            bind_dn: site.bind_dn.clone(),
            tls,
        };
        let secret = self.secret("directory").map_err(DirectoryFault::Site)?;
        Ok(Connection::open(&target, secret).await?)
    }

    /// Notes that a check is not to hold the run up when it cannot be told.
    pub fn waive(&self, check: &str, reason: &str) {
        let mut waivers = self.waivers.write().unwrap_or_else(PoisonError::into_inner);
        waivers.insert(check.to_owned(), reason.to_owned());
    }

    /// Judges a check's report by what was waived.
    pub(super) fn waived(&self, report: CheckReport) -> CheckReport {
        let waivers = self.waivers.read().unwrap_or_else(PoisonError::into_inner);
        match waivers.get(&report.id) {
            Some(reason) => report.waive(reason),
            None => report,
        }
    }

    /// Says which step is being worked on.
    pub fn at_step(&self, step: &str) {
        step.clone_into(&mut self.step.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Returns what checks are given.
    ///
    /// # Errors
    /// When the plan or an artifact cannot be used, as a sentence.
    pub fn check_context(&self) -> Result<CheckContext, String> {
        let mut context = CheckContext::new(self.site.clone());
        context.password = self.secrets.get("directory").cloned();
        let plan = plan::draft(&self.scenario, &self.site).map_err(|e| e.to_string())?;
        let step = self
            .step
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let last = plan.steps.iter().position(|s| s.id == step).unwrap_or(0);
        for planned in plan
            .steps
            .iter()
            .take(last + 1)
            .filter(|s| s.applies != Some(false))
        {
            // The settings of the old server are not the new one's.
            for action in planned.actions.iter().filter(|a| a.role != Role::Old) {
                self.note(&mut context, &action.parameters);
            }
            for action in &planned.actions {
                self.note_files(&mut context, action.role, &action.parameters);
            }
        }
        if let Some(rule) = self.live_rule() {
            context.inbox = rule;
            context.before = super::mailboxes::held_before(self)?;
        }
        if let Some(text) = self.read_artifact(super::mailboxes::INVENTORY)? {
            let inventory = serde_json::from_slice(&text)
                .map_err(|e| format!("the inventory cannot be understood: {e}"))?;
            context.expected = Some(inventory);
        }
        Ok(context)
    }

    /// What the comparison of mailboxes has to allow for, where the mail is moved into a store in
    /// use by the step that is worked on or one before it.
    pub fn live_rule(&self) -> Option<InboxRule> {
        let step = self.step.read().unwrap_or_else(PoisonError::into_inner);
        let last = self.scenario.steps.iter().position(|s| s.id == *step);
        let steps = self.scenario.steps.iter();
        let live = steps
            .take(last.map_or(0, |at| at + 1))
            .flat_map(|s| &s.actions)
            .any(|a| matches!(a, Action::TransferMailboxes(t) if t.live));
        live.then(|| InboxRule::Live {
            twins: self.site.store.same_names == SameNames::Twin,
        })
    }

    /// Notes what an action sets or makes, for the checks after it.
    fn note(&self, context: &mut CheckContext, action: &Action) {
        match action {
            // The sync level has checks of its own: it changes on the way.
            Action::SetConfig(set) if set.parameter != "local.store.synclevel" => {
                let value = match (&set.value, &set.secret) {
                    (Some(value), _) => Some(Secret::new(value.clone())),
                    (None, Some(name)) => self.secrets.get(name).cloned(),
                    (None, None) => None,
                };
                if let Some(value) = value {
                    context.settings.retain(|s| s.parameter != set.parameter);
                    context.settings.push(Setting {
                        parameter: set.parameter.clone(),
                        value,
                        is_secret: set.secret.is_some(),
                    });
                }
            }
            _ => {}
        }
    }

    /// Notes the files that an action makes, for the checks after it.
    fn note_files(&self, context: &mut CheckContext, role: Role, action: &Action) {
        let late = |text: &str| text.replace("{run}", &self.run);
        match action {
            Action::BackupDirectory(backup) => context.backup = Some(late(&backup.file)),
            Action::ApplyLdif(ldif) => context.aci_ldif = Some(late(&ldif.file)),
            Action::Run(run) if role == Role::Old => {
                if let Some(file) = &run.stdout_to {
                    context.mailbox_list = Some(late(file));
                }
            }
            _ => {}
        }
    }

    /// Returns the configutil of a mail server.
    pub fn configutil(&self, role: Role) -> String {
        let old = self.site.old.instance_root.as_ref();
        let root = old.filter(|_| role == Role::Old);
        format!(
            "{}/configutil",
            root.unwrap_or(&self.site.new.instance_root)
        )
    }

    /// Returns the new server's mboxutil.
    pub fn mboxutil(&self) -> String {
        format!("{}/bin/msg/admin/bin/mboxutil", self.site.new.server_root)
    }

    /// Returns the folder of an effect on a host.
    ///
    /// # Errors
    /// When the effect's id cannot name one.
    pub fn effect_dir(&self, spec: &EffectSpec, attempt: u32) -> Result<EffectDir, String> {
        let name = spec.id.replace('/', ".");
        let folder = EffectDir::new(&self.run, &name).map_err(|e| e.to_string())?;
        Ok(folder.attempt(attempt.max(1)))
    }

    /// Returns the folder on a host for files of this run that commands there read.
    pub fn host_files(&self, host: &Host) -> String {
        format!("{}/{}-files", host.scratch, self.run)
    }

    /// Returns the path of an artifact in the run's folder.
    pub fn artifact(&self, name: &str) -> PathBuf {
        self.folder.join("artifacts").join(name)
    }

    /// Writes an artifact, synced.
    ///
    /// # Errors
    /// When it cannot be written, as a sentence.
    pub fn write_artifact(&self, name: &str, content: &[u8]) -> Result<(), String> {
        let path = self.artifact(name);
        places::write_private(&path, content).map_err(|e| places::cannot_write(&path, &e))
    }

    /// Removes an artifact; nothing to do when there is none.
    ///
    /// # Errors
    /// When it cannot be removed, as a sentence.
    pub fn remove_artifact(&self, name: &str) -> Result<(), String> {
        let path = self.artifact(name);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(format!("cannot remove `{}`: {e}", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Puts an artifact aside that is used up: under its name with a number.
    ///
    /// # Errors
    /// When it cannot be renamed, as a sentence.
    pub fn retire_artifact(&self, name: &str) -> Result<(), String> {
        let path = self.artifact(name);
        let free = (1..).map(|n| self.artifact(&format!("{name}.used-{n}")));
        let Some(free) = free.into_iter().find(|p| !p.exists()) else {
            return Ok(());
        };
        match std::fs::rename(&path, &free) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(format!("cannot rename `{}`: {e}", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Reads an artifact; none when it is not there.
    ///
    /// # Errors
    /// When it cannot be read, as a sentence.
    pub fn read_artifact(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let path = self.artifact(name);
        match std::fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(format!("cannot read `{}`: {e}", path.display())),
        }
    }
}

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryFault {
    /// The site or the secrets lack something.
    #[error("{0}")]
    Site(String),
    /// The directory itself.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

fn is_loopback(address: &str) -> bool {
    address
        .parse::<std::net::IpAddr>()
        .is_ok_and(|a| a.is_loopback())
        || address == "localhost"
}
