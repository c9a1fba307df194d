//! Attributes that get one value: a mail host, a delivery option. The vendor's `-A`, with what was
//! there kept for the way back.

use super::preview::{Counts, Entries, Preview};
use crate::base::display_safe;
use crate::directory::connection::Connection;
use crate::directory::entry::{Change, Entry};
use crate::directory::error::DirectoryError;
use crate::directory::rules::{EntryKind, EntryPlan, PlannedChange, Rules, State};
use ldap3::Scope;

/// An attribute and the value it is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The attribute.
    pub attribute: String,
    /// Its value.
    pub value: String,
    /// Only this value is exchanged, whatever its case; none: all of them are.
    pub instead_of: Option<String>,
}

impl Setting {
    /// Reads an `attribute:value` pair.
    pub fn read(pair: &str, instead_of: Option<&str>) -> Option<Self> {
        let (attribute, value) = pair.split_once(':')?;
        Some(Self {
            attribute: attribute.to_owned(),
            value: value.to_owned(),
            instead_of: instead_of.map(str::to_owned),
        })
    }

    /// What has to change for an entry with these values.
    fn changes(&self, values: &[Vec<u8>]) -> Vec<Change> {
        let is = |value: &[u8], text: &str| value.eq_ignore_ascii_case(text.as_bytes());
        let there = values.iter().any(|v| v == self.value.as_bytes());
        let gone: Vec<&Vec<u8>> = values
            .iter()
            .filter(|v| v.as_slice() != self.value.as_bytes())
            .filter(|v| {
                let old = self.instead_of.as_deref();
                old.is_none_or(|old| is(v, old))
            })
            .collect();
        if gone.is_empty() && (there || self.instead_of.is_some()) {
            return Vec::new();
        }
        let mut changes = Vec::new();
        if !gone.is_empty() {
            changes.push(Change::delete(&self.attribute, &gone));
        }
        if !there {
            let value = std::slice::from_ref(&self.value);
            changes.push(Change::add(&self.attribute, value));
        }
        changes
    }
}

/// What makes one set of values the other.
fn between(name: &str, was: &[Vec<u8>], is: &[Vec<u8>]) -> Vec<Change> {
    let less: Vec<&Vec<u8>> = was.iter().filter(|v| !is.contains(v)).collect();
    let more: Vec<&Vec<u8>> = is.iter().filter(|v| !was.contains(v)).collect();
    let mut changes = Vec::new();
    if !less.is_empty() {
        changes.push(Change::delete(name, &less));
    }
    if !more.is_empty() {
        changes.push(Change::add(name, &more));
    }
    changes
}

/// Adds to a plan what gives the entry these values.
pub(super) fn add(mut plan: EntryPlan, entry: &Entry, settings: &[Setting]) -> EntryPlan {
    if !matches!(plan.state, State::Upgrade | State::AlreadyUpgraded) {
        return plan;
    }
    let mut now = entry.clone();
    now.apply(&plan.modification());
    for setting in settings {
        let changes = setting.changes(now.values(&setting.attribute));
        if changes.is_empty() {
            continue;
        }
        now.apply(&changes);
        let name = &setting.attribute;
        // In one modification a value is never both added and taken away: what the rules do to this
        // attribute is part of what follows.
        plan.changes
            .retain(|c| !c.change.attribute().eq_ignore_ascii_case(name));
        let changes = between(name, entry.values(name), now.values(name));
        if !plan
            .before
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            let values = entry.values(name).to_vec();
            plan.before.push((name.clone(), values));
        }
        let why = match &setting.instead_of {
            Some(old) => format!("{} instead of {old}", setting.value),
            None => format!("{} and no other", setting.value),
        };
        let why = display_safe(&why).into_owned();
        plan.changes
            .extend(changes.into_iter().map(|change| PlannedChange {
                change,
                why: why.clone(),
            }));
        plan.state = State::Upgrade;
    }
    plan
}

/// Reads the entries below `base` that match `filter` and plans their new values; sends nothing but
/// searches.
///
/// # Errors
/// As [`Connection::search`]; there is never a partial preview.
pub async fn preview_setting(
    connection: &Connection,
    rules: &Rules,
    base: &str,
    filter: &str,
    settings: &[Setting],
) -> Result<Preview, DirectoryError> {
    let mut preview = Preview {
        base: base.to_owned(),
        entries: Entries::UsersAndGroups,
        plans: Vec::new(),
        counts: Counts::default(),
        odd: Vec::new(),
        referrals: Vec::new(),
    };
    let aside = connection
        .search_each(base, Scope::Subtree, filter, &["*"], &mut |entry| {
            preview.counts.examined += 1;
            let plan = EntryPlan {
                dn: entry.dn.clone(),
                kind: rules.kind_of(&entry).unwrap_or(EntryKind::User),
                state: State::AlreadyUpgraded,
                changes: Vec::new(),
                before: Vec::new(),
                warnings: Vec::new(),
                refusals: Vec::new(),
            };
            preview.take(add(plan, &entry, settings));
        })
        .await?;
    preview.unreadable(aside.unreadable);
    preview.referrals = aside.referrals;
    preview.plans.sort_by(|a, b| a.dn.cmp(&b.dn));
    Ok(preview)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(entry: &Entry, settings: &[Setting]) -> EntryPlan {
        let rules = Rules::sims().unwrap();
        let kind = rules.kind_of(entry).unwrap();
        add(rules.plan(entry, kind), entry, settings)
    }

    fn after(entry: &Entry, plan: &EntryPlan) -> Entry {
        let mut now = entry.clone();
        now.apply(&plan.modification());
        now
    }

    fn texts(entry: &Entry, name: &str) -> Vec<String> {
        let values = entry.values(name).iter();
        values
            .map(|v| String::from_utf8(v.clone()).unwrap())
            .collect()
    }

    fn user() -> Entry {
        Entry::new("uid=joe,dc=siroe,dc=com,o=internet")
            .with("objectClass", "inetMailUser")
            .with("uid", "joe")
            .with("mailHost", "OldMail.siroe.com")
    }

    #[test]
    fn an_upgraded_entry_gets_the_one_value_and_its_inverse_gives_the_old_one_back() {
        let setting = Setting::read("mailHost:newmail.siroe.com", None).unwrap();
        let entry = user();
        let plan = planned(&entry, std::slice::from_ref(&setting));
        let done = after(&entry, &plan);
        assert_eq!(texts(&done, "mailhost"), ["newmail.siroe.com"]);
        let mut back = done.clone();
        back.apply(&plan.inverse());
        assert_eq!(texts(&back, "mailHost"), ["OldMail.siroe.com"]);
        assert!(plan.before.iter().any(|(name, _)| name == "mailHost"));
        // Once it is so, nothing is left to do.
        let again = planned(&done, &[setting]);
        assert_eq!(again.state, State::AlreadyUpgraded);
    }

    #[test]
    fn what_a_rule_has_just_added_is_replaced_too() {
        let entry = Entry::new("dc=siroe,dc=com,o=internet")
            .with("objectClass", "mailDomain")
            .with("mailHosts", "oldmail.siroe.com");
        let setting = Setting::read("mailRoutingHosts:newmail.siroe.com", None).unwrap();
        let plan = planned(&entry, &[setting]);
        let done = after(&entry, &plan);
        assert_eq!(texts(&done, "mailRoutingHosts"), ["newmail.siroe.com"]);
        assert_eq!(texts(&done, "mailHosts"), ["oldmail.siroe.com"]);
        let touching = |c: &&PlannedChange| c.change.attribute() == "mailRoutingHosts";
        assert_eq!(plan.changes.iter().filter(touching).count(), 1);
        let mut back = done;
        back.apply(&plan.inverse());
        assert!(texts(&back, "mailRoutingHosts").is_empty());
    }

    #[test]
    fn only_the_named_value_is_exchanged_and_others_stay() {
        let setting =
            Setting::read("mailHosts:newmail.siroe.com", Some("oldmail.siroe.com")).unwrap();
        let values = |all: &[&str]| {
            all.iter()
                .map(|v| v.as_bytes().to_vec())
                .collect::<Vec<_>>()
        };
        let changes = setting.changes(&values(&["OLDMAIL.siroe.com", "third.siroe.com"]));
        assert_eq!(changes.len(), 2);
        assert!(setting.changes(&values(&["third.siroe.com"])).is_empty());
        assert!(setting.changes(&[]).is_empty());
        // Both are there: the old one goes.
        let both = values(&["oldmail.siroe.com", "newmail.siroe.com"]);
        assert_eq!(setting.changes(&both).len(), 1);
    }
}
