//! The fields of a site.

use super::choices::{Dns, SameNames, Variant};
use crate::scenario::{Product, Role, Step};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The admin's answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// The scenario's id.
    pub scenario: String,
    /// Whether this is a lab or the real thing.
    #[serde(default)]
    pub label: Label,
    /// Where a secrets file is, if there is one; relative to the site file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets_file: Option<String>,
    /// The hosts.
    pub hosts: Vec<SiteHost>,
    /// The user/group directory.
    pub directory: Directory,
    /// The old mail server.
    #[serde(default)]
    pub old: Old,
    /// The new mail server.
    pub new: New,
    /// The move of the mail.
    #[serde(default)]
    pub store: Store,
    /// Who may relay through the new server.
    #[serde(default)]
    pub relay: Relay,
    /// Where names are looked up.
    #[serde(default, skip_serializing_if = "Dns::is_default")]
    pub dns: Dns,
    /// When mail may be down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// How the users are divided, in scenarios that move them in batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batches: Option<Batches>,
    /// What is different from the guide at this site.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<StepChange>,
}

/// Whether this is a lab or the real thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Label {
    /// A lab: nothing but its launcher and loopback is ever reached.
    Practice,
    /// The real thing.
    #[default]
    Live,
}

/// How commands get to a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// The wizard runs on that host.
    #[default]
    Local,
    /// Through a launcher that is put before each command.
    Via,
    /// Through the system's OpenSSH.
    Ssh,
    /// The operator runs each command and pastes the result.
    ByHand,
}

/// One host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteHost {
    /// Its short name.
    pub name: String,
    /// Its full name, as commands, settings and entries use it.
    pub fqdn: String,
    /// Where to connect; absent: the full name is resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Added to a port when the wizard itself connects: tunnels, or a lab.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub port_offset: u16,
    /// The roles it plays.
    pub roles: Vec<Role>,
    /// How commands get there.
    #[serde(default)]
    pub transport: Transport,
    /// The launcher's argv, for [`Transport::Via`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
    /// Where ssh goes, for [`Transport::Ssh`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_destination: Option<String>,
    /// Arguments of ssh before the destination.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ssh_options: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_zero(number: &u16) -> bool {
    *number == 0
}

/// How the connection to the directory is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// Not at all.
    #[default]
    None,
    /// `StartTLS`.
    Starttls,
    /// LDAPS.
    Ldaps,
}

/// The user/group directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// Its port.
    #[serde(default = "port_389")]
    pub port: u16,
    /// The suffix of users and groups.
    pub base_dn: String,
    /// Who the wizard binds as.
    #[serde(default = "directory_manager")]
    pub bind_dn: String,
    /// The DN of the default domain.
    pub default_domain_dn: String,
    /// The directory server's root.
    #[serde(default = "directory_server_root")]
    pub server_root: String,
    /// The directory server's instance, `slapd-NAME`.
    pub instance_root: String,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: Tls,
    /// The folder with `merged.at.conf` and `merged.oc.conf`.
    #[serde(default = "schema_files")]
    pub schema_files: String,
}

fn port_389() -> u16 {
    389
}

fn directory_manager() -> String {
    "cn=Directory Manager".to_owned()
}

fn directory_server_root() -> String {
    "/usr/netscape/server4".to_owned()
}

fn schema_files() -> String {
    "/cdrom/iplanet/solaris/migrate/schema".to_owned()
}

/// The old mail server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Old {
    /// The folder of its commands.
    pub sbin: String,
    /// Its imbackup; the guide names two places.
    pub imbackup: String,
    /// Its message store.
    pub store_root: String,
    /// Its queues.
    pub queue_root: String,
    /// The message store's configuration file.
    pub config: String,
    /// The owner of the message store.
    pub store_user: String,
    /// What else entries call it as their mail host, beside its host's name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What stands between user and domain at login; absent: not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_separator: Option<String>,
    /// SMTP.
    pub smtp_port: u16,
    /// IMAP.
    pub imap_port: u16,
    /// POP.
    pub pop_port: u16,
    /// NMS: its server root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_root: Option<String>,
    /// NMS: its instance, `msg-NAME`, whose configutil, start-msg and stop-msg are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_root: Option<String>,
    /// NMS: the SMTP port at which only the queue is worked off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_port: Option<u16>,
    /// NMS: the command that lists its queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailq: Option<String>,
    /// NMS: the new product's script that prepares a directory, `ims_dssetup.pl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dssetup: Option<String>,
    /// NMS: the partitions of its message store, path by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub partitions: BTreeMap<String, String>,
}

impl Default for Old {
    fn default() -> Self {
        Self {
            sbin: "/opt/SUNWmail/sbin".to_owned(),
            imbackup: "/opt/SUNWmail/sbin/imbackup".to_owned(),
            store_root: "/var/opt/SUNWmail/ims".to_owned(),
            queue_root: "/var/opt/SUNWmail/imta/queue".to_owned(),
            config: "/etc/opt/SUNWmail/ims/ims.cnf".to_owned(),
            store_user: "inetmail".to_owned(),
            aliases: Vec::new(),
            login_separator: None,
            smtp_port: 25,
            imap_port: 143,
            pop_port: 110,
            server_root: None,
            instance_root: None,
            drain_port: None,
            mailq: None,
            dssetup: None,
            partitions: BTreeMap::new(),
        }
    }
}

/// The new mail server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct New {
    /// Its root.
    #[serde(default = "new_server_root")]
    pub server_root: String,
    /// Its instance, `msg-NAME` below the root.
    pub instance_root: String,
    /// Its installer.
    #[serde(default = "installer")]
    pub installer: String,
    /// The port of the configuration directory that comes with it.
    #[serde(default = "port_390")]
    pub config_directory_port: u16,
    /// The suffix the configuration directory gets for users; never the real one's.
    pub config_suffix: String,
    /// The user it runs as.
    #[serde(default = "mailsrv")]
    pub mail_user: String,
    /// The group it runs as.
    #[serde(default = "mail")]
    pub mail_group: String,
    /// The default mail domain.
    pub default_domain: String,
    /// What else it takes for its own name, beside its host's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// SMTP.
    #[serde(default = "port_25")]
    pub smtp_port: u16,
    /// IMAP.
    #[serde(default = "port_143")]
    pub imap_port: u16,
    /// POP.
    #[serde(default = "port_110")]
    pub pop_port: u16,
    /// Webmail.
    #[serde(default = "port_80")]
    pub http_port: u16,
}

fn new_server_root() -> String {
    "/usr/iplanet/server5".to_owned()
}

fn installer() -> String {
    "/cdrom/iplanet/setup".to_owned()
}

fn mailsrv() -> String {
    "mailsrv".to_owned()
}

fn mail() -> String {
    "mail".to_owned()
}

fn port_390() -> u16 {
    390
}

fn port_25() -> u16 {
    25
}

fn port_143() -> u16 {
    143
}

fn port_110() -> u16 {
    110
}

fn port_80() -> u16 {
    80
}

/// How the mail is moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disk {
    /// By a look at the disk.
    #[default]
    Auto,
    /// Straight from store to store, whatever the look says.
    Stream,
    /// By way of a tape, whatever the look says.
    Tape,
}

/// The move of the mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// How many sessions at once; 0: 10 to 15, fewer where there are fewer users.
    pub sessions: u16,
    /// The tape device.
    pub tape_device: String,
    /// How the mail is moved.
    pub disk: Disk,
    /// What becomes of a folder whose name is there already in the new store.
    #[serde(skip_serializing_if = "SameNames::is_default")]
    pub same_names: SameNames,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            sessions: 0,
            tape_device: "/dev/rmt/0".to_owned(),
            disk: Disk::Auto,
            same_names: SameNames::Mixed,
        }
    }
}

/// Who may relay through the new server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Relay {
    /// Networks, such as `192.0.2.0/24`.
    pub networks: Vec<String>,
}

/// When mail may be down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// When it begins, such as `2026-11-28T22:00`.
    pub begin: String,
    /// When it ends.
    pub end: String,
}

/// How the users are divided into batches, in scenarios that move them so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Batches {
    /// How many batches, balanced by the size of the mailboxes; not with [`Batches::own`].
    pub number: u16,
    /// How many users are in the first batch, to see how it goes; 0: as many as in the others.
    pub pilot: u32,
    /// The site's own batches, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<OwnBatch>,
}

impl Default for Batches {
    fn default() -> Self {
        Self {
            number: 4,
            pilot: 5,
            own: Vec::new(),
        }
    }
}

/// A batch that the site cuts itself. Exactly one of `filter` and `users` is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnBatch {
    /// Its name, unique; a part of the ids of its steps.
    pub name: String,
    /// An LDAP filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Store ids: `uid`, or `uid@domain` for users of hosted domains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
}

/// A step that is left out, replaced or added at this site. Exactly one of `skip`, `replace`,
/// `before` and `after` is there: the id of a step of the scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepChange {
    /// Why; shown in plan and report.
    pub reason: String,
    /// This step is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<String>,
    /// `step` is done instead of this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<String>,
    /// `step` is done before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// `step` is done after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// What is done; as a step of a scenario file, with all its rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
}

impl Site {
    /// Returns the host that plays a role.
    pub fn host(&self, role: Role) -> Option<&SiteHost> {
        self.hosts.iter().find(|host| host.roles.contains(&role))
    }

    /// Returns where the wizard itself connects to for a port of the host that plays a role.
    pub fn endpoint(&self, role: Role, port: u16) -> Option<(String, u16)> {
        let host = self.host(role)?;
        let address = host.address.as_ref().unwrap_or(&host.fqdn).clone();
        Some((address, port.saturating_add(host.port_offset)))
    }

    /// Returns the product that is moved away from: an instance is what only NMS has.
    pub fn product(&self) -> Product {
        match self.old.instance_root {
            Some(_) => Product::Nms,
            None => Product::Sims,
        }
    }

    /// Says whether this is a lab.
    pub fn is_practice(&self) -> bool {
        self.label == Label::Practice
    }

    /// Returns the value of a field by the name that placeholders use, such as
    /// `new.instance_root`; `None` when there is no such field or nobody has said it yet.
    pub fn lookup(&self, name: &str) -> Option<String> {
        let value = match name {
            "scenario" => self.scenario.clone(),
            "variant" => self.variant()?.as_str().to_owned(),
            "old.host" => self.host(Role::Old)?.fqdn.clone(),
            "new.host" => self.host(Role::New)?.fqdn.clone(),
            "directory.host" => self.host(Role::Directory)?.fqdn.clone(),
            "old.address" => self.endpoint(Role::Old, 0)?.0,
            "new.address" => self.endpoint(Role::New, 0)?.0,
            "directory.address" => self.endpoint(Role::Directory, 0)?.0,
            "old.remote_shell" => self.remote_shell().join(" "),
            "old.sbin" => self.old.sbin.clone(),
            "old.imbackup" => self.old.imbackup.clone(),
            "old.store_root" => self.old.store_root.clone(),
            "old.queue_root" => self.old.queue_root.clone(),
            "old.config" => self.old.config.clone(),
            "old.store_user" => self.old.store_user.clone(),
            "old.login_separator" => self.old.login_separator.clone()?,
            "old.server_root" => self.old.server_root.clone()?,
            "old.instance_root" => self.old.instance_root.clone()?,
            "old.drain_port" => self.old.drain_port?.to_string(),
            "old.mailq" => self.old.mailq.clone()?,
            "old.dssetup" => self.old.dssetup.clone()?,
            "old.partitions" => {
                let each = self.old.partitions.iter();
                let each: Vec<String> = each.map(|(name, path)| format!("{name} {path}")).collect();
                each.join(", ")
            }
            "old.smtp_port" => self.old.smtp_port.to_string(),
            "old.imap_port" => self.old.imap_port.to_string(),
            "old.pop_port" => self.old.pop_port.to_string(),
            "new.server_root" => self.new.server_root.clone(),
            "new.instance_root" => self.new.instance_root.clone(),
            "new.installer" => self.new.installer.clone(),
            "new.config_directory_port" => self.new.config_directory_port.to_string(),
            "new.config_suffix" => self.new.config_suffix.clone(),
            "new.mail_user" => self.new.mail_user.clone(),
            "new.mail_group" => self.new.mail_group.clone(),
            "new.default_domain" => self.new.default_domain.clone(),
            "new.smtp_port" => self.new.smtp_port.to_string(),
            "new.imap_port" => self.new.imap_port.to_string(),
            "new.pop_port" => self.new.pop_port.to_string(),
            "new.http_port" => self.new.http_port.to_string(),
            "directory.port" => self.directory.port.to_string(),
            "directory.base_dn" => self.directory.base_dn.clone(),
            "directory.bind_dn" => self.directory.bind_dn.clone(),
            "directory.default_domain_dn" => self.directory.default_domain_dn.clone(),
            "directory.server_root" => self.directory.server_root.clone(),
            "directory.instance_root" => self.directory.instance_root.clone(),
            "directory.tls" => match self.directory.tls {
                Tls::None => "none".to_owned(),
                Tls::Starttls => "starttls".to_owned(),
                Tls::Ldaps => "ldaps".to_owned(),
            },
            "directory.schema_files" => self.directory.schema_files.clone(),
            "store.sessions" => self.store.sessions.to_string(),
            "store.tape_device" => self.store.tape_device.clone(),
            "store.disk" => match self.store.disk {
                Disk::Auto => "auto".to_owned(),
                Disk::Stream => "stream".to_owned(),
                Disk::Tape => "tape".to_owned(),
            },
            "store.same_names" => match self.store.same_names {
                SameNames::Mixed => "mixed".to_owned(),
                SameNames::Twin => "twin".to_owned(),
            },
            "store.same_names_option" => self.same_names_option().join(" "),
            "dns.resolver" => self.dns.resolver.clone().unwrap_or_default(),
            "relay.networks" => self.relay.networks.join(", "),
            _ => return None,
        };
        Some(value)
    }

    /// Returns the items of a field that is a list, for an element that is nothing but its
    /// placeholder.
    pub fn lookup_list(&self, name: &str) -> Option<Vec<String>> {
        match name {
            "relay.networks" => Some(self.relay.networks.clone()),
            "store.same_names_option" => Some(self.same_names_option()),
            "old.remote_shell" => Some(self.remote_shell()),
            _ => None,
        }
    }

    /// How the guide reaches the old host from the new one: by its address, which keeps its meaning
    /// when its name is given to the new host.
    fn remote_shell(&self) -> Vec<String> {
        match (self.variant(), self.endpoint(Role::Old, 0)) {
            (Some(Variant::NewHost), Some((address, _))) => vec!["rsh".to_owned(), address],
            _ => Vec::new(),
        }
    }

    /// What a restore is told of folders that are there already.
    fn same_names_option(&self) -> Vec<String> {
        match self.store.same_names {
            SameNames::Mixed => Vec::new(),
            SameNames::Twin => vec!["-n".to_owned()],
        }
    }

    /// Returns where the new server is; `None` until both roles have a host.
    pub fn variant(&self) -> Option<Variant> {
        let (old, new) = (self.host(Role::Old)?, self.host(Role::New)?);
        Some(if old.name == new.name {
            Variant::SameHost
        } else {
            Variant::NewHost
        })
    }
}
