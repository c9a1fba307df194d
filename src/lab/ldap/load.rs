//! Filling a server that does not run from an LDIF, as `ldif2db` does, and reading its data.

use super::config::Config;
use super::dn;
use super::entry::Entry;
use super::ldif::{self, Change, LdifError, Record};
use super::schema::check;
use super::store::{self, Entries, StoreError};
use std::path::Path;

/// Why an LDIF was not loaded; the data are then as they were.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The LDIF cannot be understood.
    #[error("LDIF: {0}")]
    Ldif(#[from] LdifError),
    /// An entry cannot be taken.
    #[error("LDIF: line {line}: {reason}")]
    Entry {
        /// The line its record begins on.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The server's configuration has problems.
    #[error("{0}")]
    Config(String),
    /// The data cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Replaces the data of the server in `slapd_dir` by an LDIF's entries, parents first; every entry
/// is checked against the server's schema. `root` is where the host's file system begins.
///
/// Returns the number of entries.
///
/// # Errors
/// [`LoadError`]; also when the server runs.
pub fn load_ldif(slapd_dir: &Path, root: &Path, text: &[u8]) -> Result<usize, LoadError> {
    load_records(slapd_dir, root, ldif::parse(text)?)
}

/// As [`load_ldif`], from records that were read already; errors name the lines they came from.
///
/// # Errors
/// [`LoadError`]; also when the server runs.
pub fn load_records(
    slapd_dir: &Path,
    root: &Path,
    records: Vec<Record>,
) -> Result<usize, LoadError> {
    let config = Config::of_instance(slapd_dir, root);
    if let Some(problem) = config.problems.first() {
        return Err(LoadError::Config(problem.to_string()));
    }
    let mut entries = Entries::new();
    for record in records {
        let refuse = |reason: String| LoadError::Entry {
            line: record.line,
            reason,
        };
        let (Change::Content(mut entry) | Change::Add(mut entry)) = record.change else {
            return Err(refuse("not an entry but a change".to_owned()));
        };
        let key = dn::key(&entry.dn).map_err(|e| refuse(e.to_string()))?;
        let is_suffix = config
            .suffixes
            .iter()
            .any(|s| dn::key(s).as_ref() == Ok(&key));
        let has_parent = dn::parent_key(&key).is_some_and(|p| entries.contains_key(p));
        if !is_suffix && !has_parent {
            return Err(refuse(format!("`{}` has no parent", entry.dn)));
        }
        add_rdn(&mut entry).map_err(|e| refuse(e.to_string()))?;
        if config.schema_check {
            check::check(&config.schema, &entry).map_err(|e| refuse(e.to_string()))?;
        }
        if entries.insert(key, entry).is_some() {
            return Err(refuse(format!("`{}` is there twice", record.dn)));
        }
    }
    store::replace(&slapd_dir.join("db"), &entries)?;
    Ok(entries.len())
}

/// Reads the data of the server in `slapd_dir`, whether it runs or not, in the order parents first.
///
/// # Errors
/// [`StoreError`].
pub fn read_entries(slapd_dir: &Path) -> Result<Vec<Entry>, StoreError> {
    Ok(store::read(&slapd_dir.join("db"))?.into_values().collect())
}

/// Puts the values of the entry's RDN among its attributes when they are not there.
///
/// # Errors
/// When the name is none.
pub fn add_rdn(entry: &mut Entry) -> Result<(), dn::BadDn> {
    let rdn = dn::parse(&entry.dn)?.into_iter().next().unwrap_or_default();
    for ava in rdn {
        let there = entry
            .values(&ava.attribute)
            .iter()
            .any(|v| dn::fold(v) == dn::fold(&ava.value));
        if !there {
            entry.push(&ava.attribute, ava.value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{load_ldif, read_entries};
    use std::fs;
    use std::path::Path;

    fn instance(dir: &Path) {
        fs::create_dir_all(dir.join("config")).unwrap();
        fs::write(
            dir.join("config/slapd.conf"),
            "suffix o=internet\nobjectclass organization\n\trequires o\nobjectclass person\n\trequires sn, cn\n",
        )
        .unwrap();
    }

    const GOOD: &str = "dn: o=internet\nobjectClass: organization\n\ndn: cn=a,o=internet\nobjectClass: person\nsn: b\n\n";

    #[test]
    fn an_ldif_becomes_the_data_of_the_server() {
        let dir = tempfile::tempdir().unwrap();
        instance(dir.path());
        assert_eq!(
            load_ldif(dir.path(), Path::new("/"), GOOD.as_bytes()).unwrap(),
            2
        );
        let entries = read_entries(dir.path()).unwrap();
        assert_eq!(entries[0].first("o"), Some("internet"));
        assert_eq!(entries[1].first("cn"), Some("a"));
    }

    #[test]
    fn a_bad_entry_is_named_and_nothing_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        instance(dir.path());
        load_ldif(dir.path(), Path::new("/"), GOOD.as_bytes()).unwrap();
        for (bad, reason) in [
            ("dn: cn=b,o=internet\nobjectClass: person\n", "\"sn\""),
            (
                "dn: cn=b,ou=x,o=internet\nobjectClass: person\nsn: b\n",
                "no parent",
            ),
            ("dn: cn=A,o=Internet\nobjectClass: person\nsn: b\n", "twice"),
            ("dn: cn=b,o=internet\nchangetype: delete\n", "change"),
        ] {
            let text = format!("{GOOD}{bad}");
            let error = load_ldif(dir.path(), Path::new("/"), text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
            assert!(error.to_string().contains("line 8"), "{error}");
        }
        assert_eq!(read_entries(dir.path()).unwrap().len(), 2);
    }
}
