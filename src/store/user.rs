//! The name a person's mailboxes have in the old store and in the new one.

use crate::base::display_safe;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Somebody with mailboxes, as the directory has them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StoreUser {
    /// The entry.
    pub dn: String,
    /// The first `uid`, case exactly as in the directory.
    pub uid: String,
    /// The hosted domain; none for the default domain.
    pub domain: Option<String>,
    /// `uid`, or `uid@domain` in a hosted domain.
    pub store_id: String,
}

impl StoreUser {
    /// Names somebody of the default domain (`domain` none) or of a hosted one.
    ///
    /// A uid that carries its domain already (`joe@hosted.com`) gets no second one.
    pub fn new(dn: &str, uid: &str, domain: Option<&str>) -> Self {
        let store_id = match domain {
            Some(domain) if !carries(uid, domain) => format!("{uid}@{domain}"),
            _ => uid.to_owned(),
        };
        Self {
            dn: dn.to_owned(),
            uid: uid.to_owned(),
            domain: domain.map(str::to_owned),
            store_id,
        }
    }

    /// Returns the name in the old store: always lower case, whatever the directory says.
    pub fn old_id(&self) -> String {
        self.store_id.to_lowercase()
    }

    /// Returns the name in the new store: exactly the directory's.
    pub fn new_id(&self) -> &str {
        &self.store_id
    }

    /// Whether the restore must rename the mailboxes, or they are never reached.
    pub fn needs_rename(&self) -> bool {
        self.old_id() != self.store_id
    }
}

fn carries(uid: &str, domain: &str) -> bool {
    uid.rsplit_once('@')
        .is_some_and(|(_, d)| d.eq_ignore_ascii_case(domain))
}

/// Why somebody's mailboxes cannot be moved under their name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "problem")]
pub enum IdProblem {
    /// Ids that differ only in case: the old store knows them as one, the new one as several.
    Collision {
        /// The ids, as in the directory.
        ids: Vec<String>,
        /// Their entries, in the same order.
        dns: Vec<String>,
    },
    /// The new store does not take the id.
    Invalid {
        /// The id.
        id: String,
        /// Its entry.
        dn: String,
        /// What is wrong with it.
        why: String,
    },
}

impl std::fmt::Display for IdProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Collision { ids, dns } => {
                write!(
                    f,
                    "{} differ only in case, and the old store keeps one mailbox for all of them ({})",
                    display_safe(&ids.join(", ")),
                    display_safe(&dns.join("; "))
                )
            }
            Self::Invalid { id, dn, why } => {
                write!(
                    f,
                    "`{}` cannot be a mailbox name in the new store: {why} ({})",
                    display_safe(id),
                    display_safe(dn)
                )
            }
        }
    }
}

/// Finds ids that collide or that the new store does not take.
pub fn id_problems(users: &[StoreUser]) -> Vec<IdProblem> {
    let mut problems = Vec::new();
    let mut by_old: BTreeMap<String, Vec<&StoreUser>> = BTreeMap::new();
    for user in users {
        by_old.entry(user.old_id()).or_default().push(user);
        if let Some(why) = invalid(user) {
            problems.push(IdProblem::Invalid {
                id: user.store_id.clone(),
                dn: user.dn.clone(),
                why,
            });
        }
    }
    for mut same in by_old.into_values() {
        if same.len() > 1 {
            same.sort();
            problems.push(IdProblem::Collision {
                ids: same.iter().map(|u| u.store_id.clone()).collect(),
                dns: same.iter().map(|u| u.dn.clone()).collect(),
            });
        }
    }
    problems
}

/// The rules of `domain/stores.md` 3.4 and `domain/directory.md` 3.4.
fn invalid(user: &StoreUser) -> Option<String> {
    let id = user.store_id.as_str();
    let local = id.split_once('@').map_or(id, |(local, _)| local);
    if local.is_empty() {
        return Some("it is empty".to_owned());
    }
    if let Some(c) = id.chars().find(|c| !(' '..='~').contains(c)) {
        return Some(format!("it contains the character U+{:04X}", u32::from(c)));
    }
    if let Some(c) = id.chars().find(|c| "%?*&/:\\".contains(*c)) {
        return Some(format!("it contains `{c}`"));
    }
    if let Some(c) = local.chars().find(|c| " $~=#+!,{}()<>;\"`[]".contains(*c)) {
        return Some(format!("it contains `{c}`"));
    }
    if id.matches('@').count() > 1 {
        return Some("it contains `@` more than once".to_owned());
    }
    if id.starts_with('-') {
        return Some("it begins with `-`".to_owned());
    }
    let lower = id.to_lowercase();
    if lower.starts_with("group=") {
        return Some("it begins with `group=`".to_owned());
    }
    if ["anonymous", "anybody", "anyone"].contains(&lower.as_str()) || lower.starts_with("anyone@")
    {
        return Some("it is a reserved name".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(uid: &str) -> StoreUser {
        StoreUser::new(&format!("uid={uid},o=internet"), uid, None)
    }

    #[test]
    fn the_old_name_is_lower_case_and_the_new_one_is_the_directory_s() {
        let anderson = user("Anderson");
        assert_eq!(
            (anderson.old_id().as_str(), anderson.new_id()),
            ("anderson", "Anderson")
        );
        let hosted = StoreUser::new("uid=Jo,o=x", "Jo", Some("hosted.com"));
        assert_eq!(
            (hosted.old_id().as_str(), hosted.new_id()),
            ("jo@hosted.com", "Jo@hosted.com")
        );
        let carried = StoreUser::new("uid=jo,o=x", "jo@hosted.com", Some("hosted.com"));
        assert_eq!(carried.new_id(), "jo@hosted.com");
        assert!(!carried.needs_rename());
    }

    #[test]
    fn colliding_ids_are_named_together() {
        let problems = id_problems(&[user("Joe"), user("ann"), user("joe")]);
        let [IdProblem::Collision { ids, .. }] = &problems[..] else {
            panic!("{problems:?}");
        };
        assert_eq!(ids, &["Joe", "joe"]);
        let hosted = StoreUser::new("uid=joe,o=h", "joe", Some("hosted.com"));
        assert_eq!(id_problems(&[user("joe"), hosted]), []);
    }

    #[test]
    fn ids_the_new_store_does_not_take_are_named_with_the_reason() {
        for bad in [
            "",
            "a b",
            "a%",
            "x; rm -rf /",
            "-x",
            "group=x",
            "Anyone",
            "anonymous",
            "a@b@c",
            "j\u{f6}rg",
            "a\nb",
            "a=b",
            "a\u{7f}",
        ] {
            assert_eq!(id_problems(&[user(bad)]).len(), 1, "{bad:?}");
        }
        for good in ["joe", "j.doe-2_x", "Anderson", "o'neil", "joe@hosted.com"] {
            assert_eq!(id_problems(&[user(good)]), [], "{good:?}");
        }
    }
}
