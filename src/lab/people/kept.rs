//! Entries as the last dirsync knew them: the MTAs of both products work on these, not on LDAP
//! (`domain/commands.md` 11). What is changed in the directory since is not known here.

use super::{Depth, Directory, Found, Unreachable};
use crate::lab::ldap::dn;
use crate::lab::ldap::entry::Entry;
use crate::lab::ldap::filter_text;
use ldap3_proto::proto::LdapFilter;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// What is kept of an entry, names in lower case: what the rules of delivery ask for.
const KEPT: &[&str] = &[
    "inetsubscriberstatus",
    "inetuserstatus",
    "mail",
    "mailalternateaddress",
    "maildeliveryoption",
    "mailforwardingaddress",
    "mailhost",
    "mailroutinghosts",
    "mailuserstatus",
    "mgrprfc822mailmember",
    "objectclass",
    "rfc822mailalias",
    "rfc822mailmember",
    "uid",
    "uniquemember",
];

/// Entries by the key of their name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Snapshot(BTreeMap<String, Found>);

impl Snapshot {
    /// Takes an entry in, in place of what was known of it.
    pub fn put(&mut self, entry: &Entry) {
        let Ok(key) = dn::key(&entry.dn) else {
            return;
        };
        let mut found = Found {
            dn: entry.dn.clone(),
            ..Found::default()
        };
        for attribute in &entry.attributes {
            let name = attribute.name.to_lowercase();
            if KEPT.contains(&name.as_str()) {
                let values = attribute.values.iter();
                let texts = values.filter_map(|v| String::from_utf8(v.clone()).ok());
                found.values.entry(name).or_default().extend(texts);
            }
        }
        self.0.insert(key, found);
    }

    /// Takes in what is known newly; what was deleted meanwhile stays known.
    pub fn renew(&mut self, newer: Self) {
        self.0.extend(newer.0);
    }
}

impl Directory for Snapshot {
    fn search(&self, base: &str, depth: Depth, filter: &str) -> Result<Vec<Found>, Unreachable> {
        let filter = filter_text::parse(filter).ok_or_else(|| Unreachable(filter.to_owned()))?;
        let Ok(key) = dn::key(base) else {
            return Ok(Vec::new());
        };
        let all = self
            .0
            .range(key.clone()..)
            .take_while(|(k, _)| match depth {
                Depth::Base => **k == key,
                Depth::Subtree => k.starts_with(&key),
            });
        let fitting = all.filter(|(_, found)| fits(found, &filter));
        Ok(fitting.map(|(_, found)| found.clone()).collect())
    }

    /// Nobody logs in at an MTA.
    fn check(&self, _dn: &str, _password: &str) -> Result<bool, Unreachable> {
        Ok(false)
    }
}

fn fits(found: &Found, filter: &LdapFilter) -> bool {
    match filter {
        LdapFilter::And(all) => all.iter().all(|f| fits(found, f)),
        LdapFilter::Or(all) => all.iter().any(|f| fits(found, f)),
        LdapFilter::Not(inner) => !fits(found, inner),
        LdapFilter::Present(name) => !found.all(&name.to_lowercase()).is_empty(),
        LdapFilter::Equality(name, value) => {
            let values = found.all(&name.to_lowercase());
            values
                .iter()
                .any(|v| v.trim().eq_ignore_ascii_case(value.trim()))
        }
        _ => false,
    }
}

/// Makes the file where there is none.
pub type Make = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// When a file was changed, and how long it was then.
type Stamp = (Option<SystemTime>, u64);

/// The entries in a file of dirsync's, as they are at the moment of the question.
pub struct Kept {
    file: PathBuf,
    make: Option<Make>,
    last: Mutex<Option<(Stamp, Arc<Snapshot>)>>,
}

/// What is needed of the file.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    people: Snapshot,
}

impl Kept {
    /// Reads a file, which `make` makes where it is missing; without one that can, nobody is known
    /// then.
    pub fn new(file: PathBuf, make: Option<Make>) -> Self {
        Self {
            file,
            make,
            last: Mutex::default(),
        }
    }

    fn read(&self) -> Result<Arc<Snapshot>, Unreachable> {
        let failed = |e: &dyn std::fmt::Display| Unreachable(format!("the directory cache: {e}"));
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.file.exists() {
            match &self.make {
                Some(make) => make().map_err(|e| failed(&e))?,
                None => return Ok(Arc::default()),
            }
        }
        let meta = std::fs::metadata(&self.file).map_err(|e| failed(&e))?;
        let stamp = (meta.modified().ok(), meta.len());
        if let Some((known, snapshot)) = &*last
            && *known == stamp
        {
            return Ok(Arc::clone(snapshot));
        }
        let text = std::fs::read(&self.file).map_err(|e| failed(&e))?;
        let file: File = serde_json::from_slice(&text).map_err(|e| failed(&e))?;
        let snapshot = Arc::new(file.people);
        *last = Some((stamp, Arc::clone(&snapshot)));
        Ok(snapshot)
    }
}

impl Directory for Kept {
    fn search(&self, base: &str, depth: Depth, filter: &str) -> Result<Vec<Found>, Unreachable> {
        self.read()?.search(base, depth, filter)
    }

    fn check(&self, dn: &str, password: &str) -> Result<bool, Unreachable> {
        self.read()?.check(dn, password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(dn: &str, lines: &[(&str, &str)]) -> Entry {
        let mut entry = Entry::new(dn);
        for (name, value) in lines {
            entry.push(name, *value);
        }
        entry
    }

    #[test]
    fn entries_are_found_by_base_and_filter_as_they_were() {
        let mut snapshot = Snapshot::default();
        snapshot.put(&entry("o=a", &[("objectClass", "domain")]));
        snapshot.put(&entry(
            "uid=Ann, o=a",
            &[("Mail", "Ann@a"), ("userPassword", "pw")],
        ));
        let find = |base, depth, filter| snapshot.search(base, depth, filter).unwrap();
        let ann = find("o=A", Depth::Subtree, "(|(mail=ann@A)(uid=x))");
        assert_eq!(ann[0].dn, "uid=Ann, o=a");
        assert!(ann[0].all("userpassword").is_empty());
        assert_eq!(find("uid=ann,o=a", Depth::Base, "(mail=*)").len(), 1);
        assert!(find("o=a", Depth::Base, "(mail=*)").is_empty());
        assert!(find("o=b", Depth::Subtree, "(objectClass=*)").is_empty());
    }

    #[test]
    fn a_file_that_changes_is_read_again_and_a_missing_one_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("dirsync.json");
        let nobody = Kept::new(file.clone(), None);
        assert!(
            nobody
                .search("o=a", Depth::Subtree, "(uid=*)")
                .unwrap()
                .is_empty()
        );
        let target = file.clone();
        let kept = Kept::new(
            file.clone(),
            Some(Box::new(move || {
                std::fs::write(&target, "{\"people\":{}}").map_err(|e| e.to_string())
            })),
        );
        let count = || kept.search("o=a", Depth::Subtree, "(uid=*)").unwrap().len();
        assert_eq!(count(), 0);
        let mut people = Snapshot::default();
        people.put(&entry("uid=x,o=a", &[("uid", "x")]));
        let text = serde_json::json!({ "people": people, "entries": 1 });
        std::fs::write(&file, text.to_string()).unwrap();
        assert_eq!(count(), 1);
    }
}
