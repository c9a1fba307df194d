//! What a check is given: the site, ways to hosts and directory, and what the run knows so far.

use super::Answer;
use crate::base::Secret;
use crate::directory::{Connection, Target, Tls};
use crate::host::{Host, Reading};
use crate::scenario::Role;
use crate::site::{self, Site};
use crate::store::parse::parse_configutil;
use crate::store::{InboxRule, Inventory, StoreUser};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// A value the new server should read back.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The parameter, such as `local.ugldapport`.
    pub parameter: String,
    /// Its value; compared in memory, never shown when [`Setting::is_secret`].
    pub value: Secret,
    /// Whether the value is a secret.
    pub is_secret: bool,
}

/// What a check may look at. Fill in what is known; a check that lacks something says so.
pub struct CheckContext {
    /// The admin's answers.
    pub site: Site,
    /// The directory manager's password.
    pub password: Option<Secret>,
    /// A CA file for the directory's certificate.
    pub ca_file: Option<PathBuf>,
    /// What was set in the new server so far.
    pub settings: Vec<Setting>,
    /// The LDIF file of step 1, on the directory's host.
    pub backup: Option<String>,
    /// The LDIF file of step 14, on the new server's host.
    pub aci_ldif: Option<String>,
    /// The old server's own list of its mailboxes, a file on its host.
    pub mailbox_list: Option<String>,
    /// The mail users, when they were looked up; else a check does.
    pub users: Option<Vec<StoreUser>>,
    /// What was in the old store, by old ids.
    pub expected: Option<Inventory>,
    /// What the new store held before the mail was moved into it, by new ids; none: nothing.
    pub before: Option<Inventory>,
    /// What is on the tape, by old ids, when it was read already.
    pub tape: Option<Inventory>,
    /// Users (old ids) whose mailboxes somebody has accepted as they are.
    pub accepted: BTreeSet<String>,
    /// What may be in an inbox beside what was moved.
    pub inbox: InboxRule,
    /// How long a port or a small command may take.
    pub patience: Duration,
}

impl CheckContext {
    /// Begins with a site, and nothing known.
    pub fn new(site: Site) -> Self {
        Self {
            site,
            password: None,
            ca_file: None,
            settings: Vec::new(),
            backup: None,
            aci_ldif: None,
            mailbox_list: None,
            users: None,
            expected: None,
            before: None,
            tape: None,
            accepted: BTreeSet::new(),
            inbox: InboxRule::Exact,
            patience: Duration::from_secs(10),
        }
    }

    /// Returns the host that plays a role.
    pub(super) fn host(&self, role: Role) -> Result<Host, Answer> {
        let host = self.site.host(role).map(Host::of_site);
        host.ok_or_else(|| {
            Answer::unknown(format!("the site names no host for `{}`", role.as_str()))
        })
    }

    /// Opens a connection to the directory of its own, so that the answer is of now.
    pub(super) async fn connect(&self) -> Result<Connection, Answer> {
        let password = self
            .password
            .as_ref()
            .ok_or_else(|| Answer::unknown("the directory password is not known yet"))?;
        let target = self
            .target()
            .ok_or_else(|| Answer::unknown("the site names no directory"))?;
        Ok(Connection::open(&target, password).await?)
    }

    /// Returns where the directory is and who we are to it.
    pub fn target(&self) -> Option<Target> {
        let directory = &self.site.directory;
        let (host, port) = self.site.endpoint(Role::Directory, directory.port)?;
        Some(Target {
            host,
            port,
            bind_dn: directory.bind_dn.clone(),
            tls: match directory.tls {
                site::Tls::None => Tls::Plain,
                site::Tls::Starttls => Tls::StartTls {
                    ca_file: self.ca_file.clone(),
                },
                site::Tls::Ldaps => Tls::Ldaps {
                    ca_file: self.ca_file.clone(),
                },
            },
        })
    }

    /// Reads a parameter of the new server.
    pub(super) async fn parameter(&self, name: &str) -> Result<Option<String>, Answer> {
        let host = self.host(Role::New)?;
        let tool = format!("{}/configutil", self.site.new.instance_root);
        let argv = [tool, "-o".to_owned(), name.to_owned()];
        let result = host.ask(&argv, self.patience * 6).await?;
        if result.status != Some(0) {
            let said = format!(
                "{} {}",
                result.stdout_text().trim(),
                result.stderr_text().trim()
            );
            return Err(Answer::not_understood(
                &format!("configutil -o {name}"),
                &said,
            ));
        }
        match parse_configutil(name, &result.stdout_text()) {
            Reading::Understood(value) => Ok(value),
            // What it printed may be a password.
            Reading::Unknown { .. } => Err(Answer::unknown(format!(
                "configutil -o {name} printed more than one line"
            ))),
        }
    }

    /// Runs an administrator's tool of the new server; those outside the instance want to be told
    /// which instance.
    pub(super) async fn admin(
        &self,
        tool: &str,
        args: &[&str],
        limit: Duration,
    ) -> Result<crate::host::RunResult, Answer> {
        let host = self.host(Role::New)?;
        let new = &self.site.new;
        let mut argv = vec![
            "env".to_owned(),
            format!("CONFIGROOT={}/config", new.instance_root),
            format!("{}/bin/msg/admin/bin/{tool}", new.server_root),
        ];
        argv.extend(args.iter().map(|a| (*a).to_owned()));
        Ok(host.ask(&argv, limit).await?)
    }

    /// Returns the mail users: those that are known, or the directory's.
    pub(super) async fn people(&self) -> Result<Vec<StoreUser>, Answer> {
        if let Some(users) = &self.users {
            return Ok(users.clone());
        }
        let connection = self.connect().await?;
        Ok(super::people::read(&connection, &self.site).await?.users)
    }

    /// Fills fields of the site into a text; those nobody has said stay as they are.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((field, after)) = after.split_once('}') else {
                filled.push('{');
                rest = after;
                break;
            };
            match self.site.lookup(field) {
                Some(value) => filled.push_str(&value),
                None => filled.extend(["<", field, ">"]),
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}
