//! A directory server's state and what can be done with it, without any wire.
//!
//! Entries and schema are in memory under one lock; each change goes to the log in the same order,
//! and its number has to be waited for before it is confirmed.

use super::config::Config;
use super::dn;
use super::entry::Entry;
use super::filter::Filter;
use super::ldif::{Mod, ModKind};
use super::password;
use super::plan::{Fail, Step, View};
use super::schema::update::{self, Refusal};
use super::schema::{Origin, Schema, conf};
use super::store::{Change, Entries, Store, StoreError};
use crate::base::places::write_private;
use ldap3_proto::proto::LdapResultCode as Code;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// Where the schema is.
pub const SCHEMA_DN: &str = "cn=schema";

/// Attributes that only the directory manager, and each for himself, may see.
pub const HIDDEN: &[&str] = &["userPassword"];

/// Why a server cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration or the schema is broken.
    #[error("{}", .0.join("; "))]
    Config(Vec<String>),
    /// The data cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// The name he bound with; empty for nobody.
    pub dn: String,
    key: String,
    /// Whether he is the directory manager.
    pub is_root: bool,
}

impl Who {
    /// Returns whether he may see everything of an entry.
    pub fn sees_all_of(&self, key: &str) -> bool {
        self.is_root || (!self.key.is_empty() && self.key == key)
    }
}

/// What changes while the server runs.
#[derive(Default)]
pub struct State {
    /// The entries by key.
    pub entries: Entries,
    /// The schema.
    pub schema: Schema,
}

/// A server's state.
pub struct Directory {
    state: RwLock<State>,
    store: Store,
    config: Config,
    suffix_keys: Vec<String>,
    root_key: String,
    schema_key: String,
}

impl Directory {
    /// Opens the server of an instance folder; `root` is where the host's file system begins.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(slapd_dir: &Path, root: &Path) -> Result<Self, OpenError> {
        let config = Config::of_instance(slapd_dir, root);
        if !config.problems.is_empty() {
            let problems = config.problems.iter().map(ToString::to_string);
            return Err(OpenError::Config(problems.collect()));
        }
        let (store, entries) = Store::open(&slapd_dir.join("db"))?;
        let key = |name: &String| dn::key(name).unwrap_or_default();
        Ok(Self {
            suffix_keys: config.suffixes.iter().map(key).collect(),
            root_key: key(&config.rootdn),
            schema_key: key(&SCHEMA_DN.to_owned()),
            state: RwLock::new(State {
                entries,
                schema: config.schema.clone(),
            }),
            store,
            config,
        })
    }

    /// Returns what the server was configured with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the state to read from; hold it shortly.
    pub fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the change with this number is on disk.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn commit(&self, number: u64) -> Result<(), StoreError> {
        self.store.commit(number).await
    }

    /// Checks a name and a password.
    ///
    /// # Errors
    /// [`Fail`] with `invalidCredentials`, or `unwillingToPerform` for a name without a password.
    pub fn bind(&self, name: &str, given: &[u8]) -> Result<Who, Fail> {
        let key = dn::key(name)?;
        if key.is_empty() {
            return if given.is_empty() {
                Ok(Who::default())
            } else {
                Err(Fail::new(Code::InvalidCredentials, ""))
            };
        }
        if given.is_empty() {
            return Err(Fail::new(
                Code::UnwillingToPerform,
                "a bind with a name needs a password",
            ));
        }
        let is_root = key == self.root_key;
        let good = if is_root {
            password::matches(self.config.rootpw.as_bytes(), given)
        } else {
            self.read().entries.get(&key).is_some_and(|entry| {
                let stored = entry.values("userPassword");
                stored.iter().any(|s| password::matches(s, given))
            })
        };
        if good {
            Ok(Who {
                dn: name.to_owned(),
                key,
                is_root,
            })
        } else {
            Err(Fail::new(Code::InvalidCredentials, ""))
        }
    }

    /// Adds an entry; returns the number to wait for.
    ///
    /// # Errors
    /// [`Fail`].
    pub fn add(&self, who: &Who, entry: Entry) -> Result<u64, Fail> {
        self.change(who, |view| view.add(entry))
    }

    /// Deletes an entry; returns the number to wait for.
    ///
    /// # Errors
    /// [`Fail`].
    pub fn delete(&self, who: &Who, name: &str) -> Result<u64, Fail> {
        self.change(who, |view| view.delete(name))
    }

    /// Modifies an entry, or the schema; returns the number to wait for.
    ///
    /// # Errors
    /// [`Fail`].
    pub fn modify(&self, who: &Who, name: &str, mods: &[Mod]) -> Result<u64, Fail> {
        if dn::key(name)? == self.schema_key {
            return self.modify_schema(who, mods).map(|()| 0);
        }
        self.change(who, |view| view.modify(name, mods))
    }

    /// Renames or moves an entry; returns the number to wait for.
    ///
    /// # Errors
    /// [`Fail`].
    pub fn rename(
        &self,
        who: &Who,
        name: &str,
        rdn: &str,
        delete_old: bool,
        superior: Option<&str>,
    ) -> Result<u64, Fail> {
        self.change(who, |view| view.rename(name, rdn, delete_old, superior))
    }

    /// Compares a value.
    ///
    /// # Errors
    /// [`Fail`].
    pub fn compare(
        &self,
        who: &Who,
        name: &str,
        attribute: &str,
        value: &[u8],
    ) -> Result<bool, Fail> {
        let state = self.read();
        let view = self.view(&state, who);
        let (key, entry) = view.find(name)?;
        let hidden = HIDDEN.iter().any(|h| h.eq_ignore_ascii_case(attribute));
        if hidden && !who.sees_all_of(&key) {
            return Err(Fail::new(Code::InsufficentAccessRights, ""));
        }
        let values: Vec<_> = entry
            .attributes
            .iter()
            .filter(|a| state.schema.same_attribute(&a.name, attribute))
            .flat_map(|a| &a.values)
            .collect();
        if values.is_empty() {
            return Err(Fail::new(Code::NoSuchAttribute, ""));
        }
        let wanted = state.schema.fold(attribute, value);
        Ok(values
            .iter()
            .any(|v| state.schema.fold(attribute, v) == wanted))
    }

    /// Makes a filter ready for what this user may see.
    pub fn filter(&self, who: &Who, filter: &ldap3_proto::proto::LdapFilter) -> Filter {
        let hidden = if who.is_root { &[] } else { HIDDEN };
        Filter::new(filter, &self.read().schema, hidden)
    }

    /// Returns a view of the entries for planning and finding.
    pub fn view<'a>(&'a self, state: &'a State, who: &'a Who) -> View<'a> {
        View {
            entries: &state.entries,
            schema: &state.schema,
            schema_check: self.config.schema_check,
            suffixes: &self.suffix_keys,
            who: &who.dn,
            now: jiff::Timestamp::now().strftime("%Y%m%d%H%M%SZ").to_string(),
        }
    }

    fn change(
        &self,
        who: &Who,
        plan: impl FnOnce(&View<'_>) -> Result<Vec<Step>, Fail>,
    ) -> Result<u64, Fail> {
        may_write(who)?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let steps = plan(&self.view(&state, who))?;
        let changes: Vec<Change> = steps
            .iter()
            .map(|step| match step {
                Step::Put(key, entry) => Change::put(key, entry),
                Step::Del(key) => Change::Del(key.clone()),
            })
            .collect();
        let number = self
            .store
            .append(&changes)
            .map_err(|e| Fail::new(Code::OperationsError, e.to_string()))?;
        for step in steps {
            match step {
                Step::Put(key, entry) => state.entries.insert(key, entry),
                Step::Del(key) => state.entries.remove(&key),
            };
        }
        Ok(number)
    }

    /// Changes `cn=schema`, all or nothing, and keeps it in the user schema files.
    fn modify_schema(&self, who: &Who, mods: &[Mod]) -> Result<(), Fail> {
        may_write(who)?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let mut schema = state.schema.clone();
        for change in mods {
            let is_class = match change.attribute.to_ascii_lowercase().as_str() {
                "objectclasses" => true,
                "attributetypes" => false,
                _ => {
                    return Err(Fail::new(
                        Code::UnwillingToPerform,
                        "only attributeTypes and objectClasses of cn=schema can be changed",
                    ));
                }
            };
            for value in &change.values {
                let text = std::str::from_utf8(value)
                    .map_err(|_| Fail::new(Code::InvalidAttributeSyntax, "not UTF-8"))?;
                match (change.kind, is_class) {
                    (ModKind::Add, true) => update::add_class(&mut schema, text)?,
                    (ModKind::Add, false) => update::add_attribute(&mut schema, text)?,
                    (ModKind::Delete, true) => update::delete_class(&mut schema, text)?,
                    (ModKind::Delete, false) => update::delete_attribute(&mut schema, text)?,
                    (ModKind::Replace, _) => return Err(no_replace()),
                }
            }
            if change.values.is_empty() {
                return Err(no_replace());
            }
        }
        self.keep_schema(&schema)?;
        state.schema = schema;
        Ok(())
    }

    fn keep_schema(&self, schema: &Schema) -> Result<(), Fail> {
        let attributes = schema
            .attributes()
            .iter()
            .filter(|a| a.origin == Origin::User);
        let classes = schema.classes().iter().filter(|c| c.origin == Origin::User);
        let files: [(&Option<PathBuf>, String); 2] = [
            (&self.config.user_at, conf::write_attributes(attributes)),
            (&self.config.user_oc, conf::write_classes(classes)),
        ];
        for (path, text) in files {
            let path = path.as_ref().ok_or_else(|| {
                Fail::new(
                    Code::UnwillingToPerform,
                    "slapd.conf names no userat and useroc files to keep schema changes in",
                )
            })?;
            let mode = std::fs::metadata(path).map(|m| m.permissions());
            let written = write_private(path, text.as_bytes());
            // The file keeps the mode it had.
            let written = written.and_then(|()| match mode {
                Ok(mode) => std::fs::set_permissions(path, mode),
                Err(_) => Ok(()),
            });
            written.map_err(|e| {
                Fail::new(
                    Code::OperationsError,
                    format!("cannot write `{}`: {e}", path.display()),
                )
            })?;
        }
        Ok(())
    }
}

fn no_replace() -> Fail {
    Fail::new(
        Code::UnwillingToPerform,
        "Replace is not allowed on the subschema subentry",
    )
}

fn may_write(who: &Who) -> Result<(), Fail> {
    if who.is_root {
        Ok(())
    } else {
        Err(Fail::new(
            Code::InsufficentAccessRights,
            "only the directory manager may change entries",
        ))
    }
}

impl From<Refusal> for Fail {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::Syntax(_) => Code::InvalidAttributeSyntax,
            Refusal::Exists(_) => Code::AttributeOrValueExists,
            Refusal::Missing(_) => Code::NoSuchAttribute,
            Refusal::Unwilling(_) => Code::UnwillingToPerform,
        };
        Self::new(code, refusal.to_string())
    }
}
