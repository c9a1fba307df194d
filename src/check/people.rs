//! Who has mail according to the directory: users with their store ids, groups, domains.

use super::Answer;
use crate::directory::rules::RulesError;
use crate::directory::{Connection, DirectoryError, Entry, EntryKind, Rules};
use crate::scenario::Product;
use crate::site::Site;
use crate::store::StoreUser;
use ldap3::Scope;
use std::collections::BTreeMap;

/// What the directory has that is ours.
#[derive(Clone, Debug, Default)]
pub struct People {
    /// The mail users, by store id. A user without a uid has none and is in `nameless`.
    pub users: Vec<StoreUser>,
    /// The DNs of the mail groups.
    pub groups: Vec<String>,
    /// The DNs of the mail domains.
    pub domains: Vec<String>,
    /// The DNs of users without a uid, which no store can hold.
    pub nameless: Vec<String>,
    /// Their entries, as read.
    pub entries: Vec<(EntryKind, Entry)>,
}

/// What a person may be told in place of people.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// Something that came with the program.
    #[error("the upgrade rules are broken: {0}")]
    Rules(String),
    /// Entries that were not read, or that are elsewhere.
    #[error("the directory holds back entries: {0}")]
    Partial(String),
}

impl From<PeopleError> for Answer {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Directory(e) => e.into(),
            other => Self::unknown(other.to_string()),
        }
    }
}

/// Returns the rules for the entries of the product that the site is moved away from.
///
/// # Errors
/// When the rules that came with the program are broken.
pub fn rules(site: &Site) -> Result<Rules, RulesError> {
    match site.product() {
        Product::Sims => Rules::sims(),
        Product::Nms => Rules::nms(&site.old.partitions),
    }
}

/// Reads them all.
///
/// # Errors
/// When the directory cannot be read to the end: there is never a part of them.
pub async fn read(connection: &Connection, site: &Site) -> Result<People, PeopleError> {
    let rules = rules(site).map_err(|e| PeopleError::Rules(e.to_string()))?;
    let found = connection
        .search(
            &site.directory.base_dn,
            Scope::Subtree,
            &rules.filter(&[EntryKind::User, EntryKind::Group, EntryKind::Domain]),
            &["*"],
        )
        .await?;
    if let Some(first) = found.unreadable.first() {
        return Err(PeopleError::Partial(first.clone()));
    }
    let ours = found
        .entries
        .into_iter()
        .filter_map(|entry| Some((rules.kind_of(&entry)?, entry)));
    Ok(sort(ours.collect(), &site.directory.default_domain_dn))
}

/// Sorts entries into users, groups and domains.
///
/// A user's domain is the nearest domain entry above it; that of the default domain is not named.
pub fn sort(entries: Vec<(EntryKind, Entry)>, default_domain_dn: &str) -> People {
    let default = normal(default_domain_dn);
    let domains: BTreeMap<String, String> = entries
        .iter()
        .filter(|(kind, _)| *kind == EntryKind::Domain)
        .map(|(_, entry)| (normal(&entry.dn), domain_name(&entry.dn)))
        .collect();
    let mut people = People::default();
    for (kind, entry) in &entries {
        match kind {
            EntryKind::Domain => people.domains.push(entry.dn.clone()),
            EntryKind::Group => people.groups.push(entry.dn.clone()),
            EntryKind::User => match entry.text("uid") {
                Some(uid) if !uid.is_empty() => {
                    let dn = normal(&entry.dn);
                    let above = ancestors(&dn).find(|a| *a == default || domains.contains_key(*a));
                    let domain = above
                        .filter(|a| *a != default)
                        .and_then(|a| domains.get(a))
                        .map(String::as_str);
                    people.users.push(StoreUser::new(&entry.dn, uid, domain));
                }
                _ => people.nameless.push(entry.dn.clone()),
            },
        }
    }
    people.users.sort_by(|a, b| a.store_id.cmp(&b.store_id));
    people.entries = entries;
    people
}

/// A DN in lower case, without blanks around its parts; good enough to compare with itself.
fn normal(dn: &str) -> String {
    parts(dn)
        .map(|part| match part.split_once('=') {
            Some((name, value)) => format!("{}={}", name.trim(), value.trim()),
            None => part.trim().to_owned(),
        })
        .collect::<Vec<_>>()
        .join(",")
        .to_lowercase()
}

/// The parts of a DN between commas that are not escaped.
fn parts(dn: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    dn.split(move |c| {
        let cut = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        cut
    })
}

/// The DNs above a DN, nearest first.
fn ancestors(dn: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    dn.char_indices().filter_map(move |(at, c)| {
        let cut = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        cut.then(|| dn.get(at + 1..)).flatten()
    })
}

/// The name of a domain entry: its `dc` parts, in lower case as domains compare without it.
fn domain_name(dn: &str) -> String {
    let parts = parts(dn).filter_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("dc").then(|| value.trim())
    });
    parts.collect::<Vec<_>>().join(".").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: EntryKind, dn: &str) -> (EntryKind, Entry) {
        let uid = dn.split(['=', ',']).nth(1).unwrap_or("");
        let entry = Entry::new(dn);
        let entry = match kind {
            EntryKind::User if uid != "none" => entry.with("uid", uid),
            _ => entry,
        };
        (kind, entry)
    }

    #[test]
    fn users_belong_to_the_nearest_domain_and_the_default_one_is_not_named() {
        let people = sort(
            vec![
                entry(EntryKind::Domain, "dc=siroe, DC=com,o=internet"),
                entry(EntryKind::Domain, "dc=hosted,dc=com,o=internet"),
                entry(
                    EntryKind::User,
                    "uid=Anderson,ou=People,dc=siroe,dc=com,o=internet",
                ),
                entry(
                    EntryKind::User,
                    "uid=Lee,ou=People,DC=Hosted,dc=com,o=internet",
                ),
                entry(EntryKind::User, "uid=far,dc=eng,dc=siroe,dc=com,o=internet"),
                entry(EntryKind::User, "uid=top,o=internet"),
                entry(EntryKind::User, "cn=none,o=internet"),
                entry(EntryKind::Group, "cn=all,dc=siroe,dc=com,o=internet"),
            ],
            "dc=siroe,dc=com, o=internet",
        );
        let ids: Vec<_> = people.users.iter().map(StoreUser::new_id).collect();
        assert_eq!(ids, ["Anderson", "Lee@hosted.com", "far", "top"]);
        assert_eq!((people.groups.len(), people.domains.len()), (1, 2));
        assert_eq!(people.nameless, ["cn=none,o=internet"]);
    }

    #[test]
    fn an_escaped_comma_is_part_of_a_name() {
        let above: Vec<_> = ancestors("cn=a\\,b,o=c").collect();
        assert_eq!(above, ["o=c"]);
    }
}
