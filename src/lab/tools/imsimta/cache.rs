//! The MTA's directory cache: what dirsync knew of domains, users and lists when it last ran.
//!
//! `imta/db/dirsync.json` stands for the vendor's database files; that the MTA of 5.2 works on such
//! a cache and not on LDAP is documented (`domain/commands.md` 11).

use crate::lab::instance::Instance;
use crate::lab::ldap::entry::Entry;
use crate::lab::lines;
use crate::lab::people::domain_of;
use crate::lab::people::kept::Snapshot;
use crate::lab::world::LabError;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What mail for a known address is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Known {
    /// A user of this store.
    User {
        /// The store id.
        id: String,
    },
    /// A list that this server expands.
    Group {
        /// Its name in the directory.
        dn: String,
    },
    /// Somebody whose mail is on another host.
    Elsewhere {
        /// That host.
        host: String,
    },
}

/// Everything that dirsync knew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cache {
    /// By address in lower case.
    pub addresses: BTreeMap<String, Known>,
    /// The local domains, in lower case.
    pub domains: BTreeSet<String>,
    /// The entries themselves, domains among them.
    #[serde(default)]
    pub people: Snapshot,
    /// How many entries were accepted.
    pub entries: usize,
}

/// A generation of schema that the MTA accepts entries of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its name in `local.imta.schematag`.
    pub name: &'static str,
    /// The classes of a user.
    pub user: &'static [&'static str],
    /// The classes of a list.
    pub group: &'static [&'static str],
    /// The attributes that are addresses, besides `mail`.
    pub aliases: &'static [&'static str],
}

/// The tags there are (`domain/directory.md` 4.1 and 4.3).
pub const TAGS: &[Tag] = &[
    Tag {
        name: "ims50",
        user: &["inetLocalMailRecipient", "inetMailUser"],
        group: &["inetLocalMailRecipient", "inetMailGroup"],
        aliases: &["mailAlternateAddress"],
    },
    Tag {
        name: "nms41",
        user: &["mailRecipient", "nsMessagingServerUser"],
        group: &["mailGroup"],
        aliases: &["mailAlternateAddress"],
    },
    Tag {
        name: "sims40",
        user: &["inetMailRouting", "inetMailUser"],
        group: &["inetMailRouting", "inetMailGroup"],
        aliases: &["rfc822MailAlias"],
    },
];

/// Reads a tag list such as `ims50,sims40`; empty means `ims50`.
///
/// # Errors
/// The word that is not a tag.
pub fn tags(list: &str) -> Result<Vec<Tag>, String> {
    let list = if list.trim().is_empty() {
        "ims50"
    } else {
        list
    };
    list.split(',')
        .map(|word| {
            TAGS.iter()
                .find(|tag| tag.name.eq_ignore_ascii_case(word.trim()))
                .copied()
                .ok_or_else(|| word.trim().to_owned())
        })
        .collect()
}

impl Cache {
    /// Takes an entry in; one that fits no tag is ignored, as the MTA does it.
    pub fn take(&mut self, entry: &Entry, tags: &[Tag], site: &Site) {
        let has = |classes: &[&str]| classes.iter().all(|class| entry.is_a(class));
        for tag in tags {
            let known = if has(tag.user) {
                let Some(id) = site.store_id(entry) else {
                    continue;
                };
                match entry.first("mailHost") {
                    Some(host) if host.eq_ignore_ascii_case(&site.host) => Known::User { id },
                    Some(host) => Known::Elsewhere {
                        host: host.to_owned(),
                    },
                    // Without mailHost a user is not known to be local.
                    None => continue,
                }
            } else if has(tag.group) {
                match entry.first("mailHost") {
                    Some(host) if !host.eq_ignore_ascii_case(&site.host) => Known::Elsewhere {
                        host: host.to_owned(),
                    },
                    _ => Known::Group {
                        dn: entry.dn.clone(),
                    },
                }
            } else {
                continue;
            };
            self.entries += 1;
            self.people.put(entry);
            for name in ["mail"].iter().chain(tag.aliases) {
                for address in entry.texts(name) {
                    self.addresses
                        .insert(address.trim().to_lowercase(), known.clone());
                }
            }
            return;
        }
    }

    /// Reads what the last dirsync left; nothing when there was none.
    ///
    /// # Errors
    /// When it is there and cannot be understood.
    pub fn read(instance: &Instance) -> Result<Option<Self>, LabError> {
        let path = file(instance);
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|e| LabError::Config {
                    path,
                    reason: e.to_string(),
                }),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(LabError::file(path)(e)),
        }
    }

    /// Writes the cache, all or nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, instance: &Instance) -> Result<(), LabError> {
        let text = serde_json::to_vec(self).map_err(|e| LabError::Other(e.to_string()))?;
        lines::write_whole(&file(instance), &text, true)
    }
}

/// What the MTA knows of its own site.
#[derive(Clone, Debug)]
pub struct Site {
    /// The full name of this host.
    pub host: String,
    /// The default domain, whose users have no `@domain` in their store id.
    pub default_domain: String,
}

impl Site {
    fn store_id(&self, entry: &Entry) -> Option<String> {
        let uid = entry.first("uid")?;
        let domain = domain_of(&entry.dn);
        Some(if domain.eq_ignore_ascii_case(&self.default_domain) {
            uid.to_owned()
        } else {
            format!("{uid}@{domain}")
        })
    }
}

/// Where an instance has its cache.
pub fn file(instance: &Instance) -> PathBuf {
    instance.db().join("dirsync.json")
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
    fn only_entries_of_an_active_tag_are_accepted() {
        let site = Site {
            host: "mail.siroe.com".into(),
            default_domain: "siroe.com".into(),
        };
        let sims = entry(
            "uid=Anderson,ou=People,dc=siroe,dc=com,o=internet",
            &[
                ("objectClass", "inetMailRouting"),
                ("objectClass", "inetMailUser"),
                ("uid", "Anderson"),
                ("mail", "Anderson@siroe.com"),
                ("mailHost", "mail.siroe.com"),
            ],
        );
        let mut cache = Cache::default();
        cache.take(&sims, &tags("ims50").unwrap(), &site);
        assert_eq!(cache, Cache::default());
        cache.take(&sims, &tags("ims50, sims40").unwrap(), &site);
        assert_eq!(
            cache.addresses["anderson@siroe.com"],
            Known::User {
                id: "Anderson".into()
            }
        );
        assert_eq!(tags("ims50,sims4").unwrap_err(), "sims4");
    }

    #[test]
    fn hosted_users_have_their_domain_in_the_id_and_other_hosts_keep_theirs() {
        let site = Site {
            host: "mail.siroe.com".into(),
            default_domain: "siroe.com".into(),
        };
        let mut cache = Cache::default();
        for (uid, host) in [("a", "MAIL.siroe.com"), ("b", "other.siroe.com")] {
            let user = entry(
                &format!("uid={uid},ou=People,dc=vb,dc=com,o=internet"),
                &[
                    ("objectClass", "inetLocalMailRecipient"),
                    ("objectClass", "inetMailUser"),
                    ("uid", uid),
                    ("mail", &format!("{uid}@vb.com")),
                    ("mailAlternateAddress", &format!("{uid}.x@vb.com")),
                    ("mailHost", host),
                ],
            );
            cache.take(&user, &tags("").unwrap(), &site);
        }
        assert_eq!(
            cache.addresses["a.x@vb.com"],
            Known::User {
                id: "a@vb.com".into()
            }
        );
        assert!(matches!(
            cache.addresses["b@vb.com"],
            Known::Elsewhere { .. }
        ));
    }
}
