//! What each change of the directory does to which entries, decided before anything is done.
//!
//! Every function looks at the entries as they are and returns all puts and deletes of the
//! operation, or why it is refused: so an operation happens as a whole or not at all.

use super::dn;
use super::entry::{Attribute, Entry, base};
use super::ldif::{Mod, ModKind};
use super::load::add_rdn;
use super::schema::Schema;
use super::schema::check::{self, Violation};
use super::store::Entries;
use ldap3_proto::proto::LdapResultCode as Code;
use std::collections::HashSet;
use std::ops::Bound;

/// Why an operation is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Fail {
    /// The result code.
    pub code: Code,
    /// The nearest entry that exists, for `noSuchObject`.
    pub matched: String,
    /// What is wrong.
    pub text: String,
}

impl Fail {
    /// Refuses with a code and a text.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self {
            code,
            matched: String::new(),
            text: text.into(),
        }
    }
}

impl From<dn::BadDn> for Fail {
    fn from(bad: dn::BadDn) -> Self {
        Self::new(Code::InvalidDNSyntax, bad.to_string())
    }
}

impl From<Violation> for Fail {
    fn from(violation: Violation) -> Self {
        let code = match violation {
            Violation::UndefinedAttribute(_) => Code::UndefinedAttributeType,
            Violation::ObjectClass(_) => Code::ObjectClassViolation,
        };
        Self::new(code, violation.to_string())
    }
}

/// One entry that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The entry under this key is now so.
    Put(String, Entry),
    /// The entry under this key is gone.
    Del(String),
}

/// What the functions look at.
pub struct View<'a> {
    /// The entries.
    pub entries: &'a Entries,
    /// The schema.
    pub schema: &'a Schema,
    /// Whether entries are checked.
    pub schema_check: bool,
    /// The keys of the suffixes.
    pub suffixes: &'a [String],
    /// Who asks, for `creatorsName` and `modifiersName`.
    pub who: &'a str,
    /// Now, as a generalized time.
    pub now: String,
}

impl View<'_> {
    /// Finds an entry, or says how far the name goes.
    ///
    /// # Errors
    /// [`Fail`] with `noSuchObject` or `invalidDNSyntax`.
    pub fn find(&self, dn: &str) -> Result<(String, &Entry), Fail> {
        let key = dn::key(dn)?;
        match self.entries.get(&key) {
            Some(entry) => Ok((key, entry)),
            None => Err(self.no_such_object(&key)),
        }
    }

    fn no_such_object(&self, key: &str) -> Fail {
        let mut matched = String::new();
        let mut at = dn::parent_key(key);
        while let Some(parent) = at {
            if let Some(entry) = self.entries.get(parent) {
                matched.clone_from(&entry.dn);
                break;
            }
            at = dn::parent_key(parent);
        }
        Fail {
            code: Code::NoSuchObject,
            matched,
            text: String::new(),
        }
    }

    /// Returns whether an entry has others below it.
    pub fn has_children(&self, key: &str) -> bool {
        self.entries
            .range::<str, _>((Bound::Excluded(key), Bound::Unbounded))
            .next()
            .is_some_and(|(k, _)| k.starts_with(key))
    }

    fn check(&self, entry: &Entry) -> Result<(), Fail> {
        if self.schema_check {
            check::check(self.schema, entry)?;
        }
        Ok(())
    }

    fn stamp(&self, entry: &mut Entry) {
        entry.set("modifiersName", self.who);
        entry.set("modifyTimestamp", self.now.as_str());
    }

    /// Finds an attribute of an entry by any of its names, with the same options.
    fn position(&self, entry: &Entry, name: &str) -> Option<usize> {
        let options = |n: &str| n.get(base(n).len()..).unwrap_or("").to_ascii_lowercase();
        entry.attributes.iter().position(|a| {
            options(&a.name) == options(name) && self.schema.same_attribute(a.base(), base(name))
        })
    }

    /// Plans an add.
    ///
    /// # Errors
    /// [`Fail`].
    pub fn add(&self, mut entry: Entry) -> Result<Vec<Step>, Fail> {
        let key = dn::key(&entry.dn)?;
        if self.entries.contains_key(&key) {
            return Err(Fail::new(Code::EntryAlreadyExists, ""));
        }
        let has_parent = dn::parent_key(&key).is_some_and(|p| self.entries.contains_key(p));
        if !has_parent && !self.suffixes.contains(&key) {
            return Err(self.no_such_object(&key));
        }
        let mut whole = Entry::new(entry.dn.as_str());
        for attribute in std::mem::take(&mut entry.attributes) {
            if attribute.values.is_empty() {
                return Err(Fail::new(
                    Code::ProtocolError,
                    format!("attribute \"{}\" has no value", attribute.name),
                ));
            }
            self.add_values(&mut whole, &attribute.name, attribute.values)?;
        }
        add_rdn(&mut whole)?;
        self.check(&whole)?;
        whole.set("creatorsName", self.who);
        whole.set("createTimestamp", self.now.as_str());
        self.stamp(&mut whole);
        Ok(vec![Step::Put(key, whole)])
    }

    /// Plans a delete.
    ///
    /// # Errors
    /// [`Fail`].
    pub fn delete(&self, dn: &str) -> Result<Vec<Step>, Fail> {
        let (key, _) = self.find(dn)?;
        if self.has_children(&key) {
            return Err(Fail::new(Code::NotAllowedOnNonLeaf, ""));
        }
        Ok(vec![Step::Del(key)])
    }

    /// Plans a modify: all modifications, in order, or none.
    ///
    /// # Errors
    /// [`Fail`].
    pub fn modify(&self, dn: &str, mods: &[Mod]) -> Result<Vec<Step>, Fail> {
        let (key, old) = self.find(dn)?;
        let mut entry = old.clone();
        for change in mods {
            match change.kind {
                ModKind::Add => {
                    if change.values.is_empty() {
                        return Err(Fail::new(
                            Code::ProtocolError,
                            format!("no value to add to \"{}\"", change.attribute),
                        ));
                    }
                    self.add_values(&mut entry, &change.attribute, change.values.clone())?;
                }
                ModKind::Delete => self.delete_values(&mut entry, change)?,
                ModKind::Replace => {
                    let at = self.position(&entry, &change.attribute);
                    let place = at.map(|at| entry.attributes.remove(at));
                    if !change.values.is_empty() {
                        self.add_values(&mut entry, &change.attribute, change.values.clone())?;
                        // It stays where it was and keeps the name it had.
                        if let (Some(at), Some(place)) = (at, place)
                            && let Some(mut new) = entry.attributes.pop()
                        {
                            new.name = place.name;
                            entry.attributes.insert(at, new);
                        }
                    }
                }
            }
        }
        self.keeps_rdn(&entry)?;
        self.check(&entry)?;
        self.stamp(&mut entry);
        Ok(vec![Step::Put(key, entry)])
    }

    fn add_values(&self, entry: &mut Entry, name: &str, values: Vec<Vec<u8>>) -> Result<(), Fail> {
        let at = self.position(entry, name).unwrap_or_else(|| {
            entry.attributes.push(Attribute {
                name: name.to_owned(),
                values: Vec::new(),
            });
            entry.attributes.len() - 1
        });
        let Some(attribute) = entry.attributes.get_mut(at) else {
            return Ok(());
        };
        let mut folded: HashSet<String> = attribute
            .values
            .iter()
            .map(|v| self.schema.fold(name, v))
            .collect();
        for value in values {
            if !folded.insert(self.schema.fold(name, &value)) {
                return Err(Fail::new(
                    Code::AttributeOrValueExists,
                    format!("attribute \"{name}\" has that value already"),
                ));
            }
            attribute.values.push(value);
        }
        Ok(())
    }

    fn delete_values(&self, entry: &mut Entry, change: &Mod) -> Result<(), Fail> {
        let name = &change.attribute;
        let missing = |what: &str| {
            Fail::new(
                Code::NoSuchAttribute,
                format!("attribute \"{name}\": no such {what}"),
            )
        };
        let at = self
            .position(entry, name)
            .ok_or_else(|| missing("attribute"))?;
        let Some(attribute) = entry.attributes.get_mut(at) else {
            return Ok(());
        };
        if change.values.is_empty() {
            attribute.values.clear();
        }
        for value in &change.values {
            let fold = self.schema.fold(name, value);
            let place = attribute
                .values
                .iter()
                .position(|v| self.schema.fold(name, v) == fold)
                .ok_or_else(|| missing("value"))?;
            attribute.values.remove(place);
        }
        if attribute.values.is_empty() {
            entry.attributes.remove(at);
        }
        Ok(())
    }

    /// An entry must keep the values of its own name.
    fn keeps_rdn(&self, entry: &Entry) -> Result<(), Fail> {
        for ava in dn::parse(&entry.dn)?.into_iter().next().unwrap_or_default() {
            let fold = self.schema.fold(&ava.attribute, &ava.value);
            let kept = self
                .position(entry, &ava.attribute)
                .and_then(|at| entry.attributes.get(at))
                .is_some_and(|a| {
                    a.values
                        .iter()
                        .any(|v| self.schema.fold(&ava.attribute, v) == fold)
                });
            if !kept {
                return Err(Fail::new(
                    Code::NotALlowedOnRDN,
                    format!(
                        "attribute \"{}\" is part of the entry's name",
                        ava.attribute
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Plans a rename, of the entry and all below it.
    ///
    /// # Errors
    /// [`Fail`].
    pub fn rename(
        &self,
        dn: &str,
        rdn: &str,
        delete_old: bool,
        superior: Option<&str>,
    ) -> Result<Vec<Step>, Fail> {
        let (old_key, old) = self.find(dn)?;
        let new_rdn = match dn::parse(rdn)?.as_slice() {
            [one] => one.clone(),
            _ => return Err(dn::BadDn(rdn.to_owned()).into()),
        };
        let parent = match superior {
            Some(superior) => {
                let (parent_key, entry) = self.find(superior)?;
                if parent_key.starts_with(&old_key) {
                    return Err(Fail::new(
                        Code::UnwillingToPerform,
                        "an entry cannot be moved below itself",
                    ));
                }
                entry.dn.clone()
            }
            None => dn::parent(&old.dn).to_owned(),
        };
        let new_dn = if parent.is_empty() {
            rdn.trim().to_owned()
        } else {
            format!("{},{parent}", rdn.trim())
        };
        let new_key = dn::key(&new_dn)?;
        if new_key != old_key && self.entries.contains_key(&new_key) {
            return Err(Fail::new(Code::EntryAlreadyExists, ""));
        }
        let mut entry = old.clone();
        if delete_old {
            for ava in dn::parse(&old.dn)?.into_iter().next().unwrap_or_default() {
                let change = Mod {
                    kind: ModKind::Delete,
                    attribute: ava.attribute,
                    values: vec![ava.value],
                };
                // An RDN value that is not among the attributes need not go.
                let _ = self.delete_values(&mut entry, &change);
            }
        }
        entry.dn.clone_from(&new_dn);
        for ava in new_rdn {
            // The value may be there already.
            let _ = self.add_values(&mut entry, &ava.attribute, vec![ava.value]);
        }
        self.check(&entry)?;
        self.stamp(&mut entry);
        let below = dn::split(&old.dn).len();
        let mut steps = vec![
            Step::Del(old_key.clone()),
            Step::Put(new_key.clone(), entry),
        ];
        for (key, child) in self
            .entries
            .range::<str, _>((Bound::Excluded(old_key.as_str()), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(&old_key))
        {
            let own = dn::split(&child.dn);
            let own = own
                .get(..own.len().saturating_sub(below))
                .unwrap_or_default();
            let mut moved = child.clone();
            moved.dn = format!("{},{new_dn}", own.join(","));
            let tail = key.get(old_key.len()..).unwrap_or_default();
            steps.push(Step::Del(key.clone()));
            steps.push(Step::Put(format!("{new_key}{tail}"), moved));
        }
        Ok(steps)
    }
}
