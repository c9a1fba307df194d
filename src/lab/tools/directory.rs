//! What the vendor's commands need of a directory server, so that they can be tried without one.

use crate::lab::ldap::entry::Entry;
use crate::lab::ldap::ldif::Mod;

/// The result code of LDAP for a base that is not there.
pub const NO_SUCH_OBJECT: u32 = 32;

/// What a server said no to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refused {
    /// The result code; 81 when the server does not answer.
    pub code: u32,
    /// What it means, for a person.
    pub text: String,
}

/// A directory that one is bound to.
pub trait Directory {
    /// Finds all entries at and below a base.
    ///
    /// # Errors
    /// What the server said.
    fn find(&mut self, base: &str, filter: &str) -> Result<Vec<Entry>, Refused>;

    /// Changes an entry.
    ///
    /// # Errors
    /// What the server said.
    fn modify(&mut self, dn: &str, mods: &[Mod]) -> Result<(), Refused>;
}

#[cfg(test)]
pub mod fake {
    //! A few entries in memory; understands filters as the classes that are named in them.

    use super::{Directory, NO_SUCH_OBJECT, Refused};
    use crate::lab::ldap::entry::Entry;
    use crate::lab::ldap::ldif::Mod;
    use crate::lab::tools::imsdirmig::rules::applied;

    /// The directory.
    #[derive(Default)]
    pub struct Fake {
        /// Its entries.
        pub entries: Vec<Entry>,
        /// A DN that cannot be changed.
        pub refuses: &'static str,
    }

    impl Fake {
        /// Adds an entry from `name: value` lines.
        pub fn add(&mut self, dn: &str, lines: &[&str]) {
            let mut entry = Entry::new(dn);
            for line in lines {
                let (name, value) = line.split_once(": ").unwrap();
                entry.push(name, value);
            }
            self.entries.push(entry);
        }
    }

    impl Directory for Fake {
        fn find(&mut self, base: &str, filter: &str) -> Result<Vec<Entry>, Refused> {
            if !self.entries.iter().any(|e| e.dn.ends_with(base)) {
                return Err(Refused {
                    code: NO_SUCH_OBJECT,
                    text: "No such object".to_owned(),
                });
            }
            // The classes of a filter, all of which an entry must have (no `|` over classes here).
            let classes: Vec<&str> = filter
                .split("(objectClass=")
                .skip(1)
                .filter_map(|part| part.split(')').next())
                .collect();
            Ok(self
                .entries
                .iter()
                .filter(|e| e.dn.ends_with(base) && classes.iter().all(|c| e.is_a(c)))
                .cloned()
                .collect())
        }

        fn modify(&mut self, dn: &str, mods: &[Mod]) -> Result<(), Refused> {
            if dn == self.refuses {
                return Err(Refused {
                    code: 65,
                    text: "Object class violation (65)".to_owned(),
                });
            }
            let entry = self.entries.iter_mut().find(|e| e.dn == dn).unwrap();
            *entry = applied(entry, mods);
            Ok(())
        }
    }
}
