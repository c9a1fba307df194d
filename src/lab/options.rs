//! An iMS instance's parameters: `local.*` in a file, all others in the configuration directory.
//!
//! That directory is asked first for everything, as documented (`domain/commands.md` 12): with it
//! down nothing can be read or set.

use super::instance::Instance;
use super::ldap::client::{Client, ClientError, Scope, escape_filter};
use super::ldap::dn;
use super::ldap::entry::Entry;
use super::ldap::ldif::{Mod, ModKind};
use super::world::{Lab, LabError};

/// The suffix of the configuration directory's own data.
pub const SUFFIX: &str = "o=NetscapeRoot";

/// Where `msg.conf` says that the configuration directory is, and who may read it.
pub const BOOTSTRAP: [&str; 4] = [
    "local.ldaphost",
    "local.ldapport",
    "local.ldapsiedn",
    "local.ldapsiecred",
];

/// What parameters are when nobody set them.
const DEFAULTS: &[(&str, &str)] = &[
    ("service.http.port", "80"),
    ("service.imap.port", "143"),
    ("service.loginseparator", "@"),
    ("service.pop.port", "110"),
    ("store.partition.primary.path", "primary"),
];

/// Why a parameter cannot be read or set.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The instance is not there or its own files are broken.
    #[error(transparent)]
    Files(#[from] LabError),
    /// The configuration directory does not answer or refuses.
    #[error("cannot use the configuration directory: {0}")]
    Directory(#[from] ClientError),
}

/// The parameters of an instance, its configuration directory connected.
pub struct Options {
    instance: Instance,
    client: Client,
}

impl Options {
    /// Connects to the configuration directory of an instance.
    ///
    /// # Errors
    /// When `msg.conf` does not say where it is, or it does not let us in.
    pub fn open(lab: &Lab, instance: &Instance) -> Result<Self, OptionsError> {
        let mut values = Vec::new();
        for name in BOOTSTRAP {
            let value = instance.bootstrap(name)?.ok_or_else(|| {
                LabError::Other(format!(
                    "msg.conf does not say {name}: is the server installed?"
                ))
            })?;
            values.push(value);
        }
        let [host, port, dn, password] = values.as_slice() else {
            return Err(LabError::Other("msg.conf is broken".to_owned()).into());
        };
        let port = port
            .parse()
            .map_err(|_| LabError::Other("msg.conf: local.ldapport is not a port".to_owned()))?;
        let mut client = Client::connect(lab, host, port)?;
        client.bind(dn, password)?;
        Ok(Self {
            instance: instance.clone(),
            client,
        })
    }

    /// Reads a parameter; `None` when it is neither set nor has a default.
    ///
    /// # Errors
    /// When it cannot be looked up.
    pub fn get(&mut self, name: &str) -> Result<Option<String>, OptionsError> {
        if is_local(name) {
            return Ok(self.instance.local(name)?);
        }
        let base = self.base();
        let filter = format!("(cn={})", escape_filter(name));
        let found = match self.client.search(&base, Scope::One, &filter, &[]) {
            Ok(found) => found,
            Err(e) if e.is_no_such_object() => Vec::new(),
            Err(e) => return Err(e.into()),
        };
        let set = found.first().map(value);
        Ok(set.or_else(|| default(name)))
    }

    /// Sets a parameter; an empty value is a value.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), OptionsError> {
        if is_local(name) {
            return Ok(self.instance.set_local(name, value)?);
        }
        let dn = format!("cn={},{}", dn::escape(name.as_bytes()), self.base());
        let values = if value.is_empty() {
            Vec::new()
        } else {
            vec![value.as_bytes().to_vec()]
        };
        let change = Mod {
            kind: ModKind::Replace,
            attribute: "nsValue".to_owned(),
            values,
        };
        match self.client.modify(&dn, &[change]) {
            Err(e) if e.is_no_such_object() => {}
            other => return Ok(other?),
        }
        let mut entry = Entry::new(dn);
        entry.push("objectClass", "top");
        entry.push("objectClass", "nsConfig");
        entry.push("cn", name);
        if !value.is_empty() {
            entry.push("nsValue", value);
        }
        Ok(self.client.add(&entry)?)
    }

    /// Lists every parameter that is set or has a default, sorted by name.
    ///
    /// # Errors
    /// When they cannot be looked up.
    pub fn all(&mut self) -> Result<Vec<(String, String)>, OptionsError> {
        let base = self.base();
        let found = self
            .client
            .search(&base, Scope::One, "(objectClass=nsConfig)", &[])?;
        let mut all: Vec<(String, String)> = found
            .iter()
            .filter_map(|entry| Some((entry.first("cn")?.to_owned(), value(entry))))
            .collect();
        for (name, value) in DEFAULTS {
            if !all.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
                all.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        all.extend(self.instance.locals()?);
        all.sort();
        Ok(all)
    }

    fn base(&self) -> String {
        base(&self.instance)
    }
}

/// The entry below which an instance's parameters are.
pub fn base(instance: &Instance) -> String {
    let name = instance.root.file_name().unwrap_or_default();
    let name = dn::escape(name.to_string_lossy().as_bytes());
    format!("cn=configuration,cn={name},{SUFFIX}")
}

fn is_local(name: &str) -> bool {
    name.to_ascii_lowercase().starts_with("local.")
}

fn value(entry: &Entry) -> String {
    entry.first("nsValue").unwrap_or_default().to_owned()
}

fn default(name: &str) -> Option<String> {
    DEFAULTS
        .iter()
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, value)| (*value).to_owned())
}
