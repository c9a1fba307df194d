//! What becomes of an entry: the upgrade rules (data) and their pure application to one entry.
//!
//! A plan is made from the entry alone; nothing is looked up and nothing is sent. The plan of an
//! entry that has been changed as planned is [`State::AlreadyUpgraded`], without changes.

mod apply;
mod check;
mod convert;
mod data;

pub use convert::Partitions;
pub use data::{Evidence, Rule, RulesError};

use super::entry::{Change, Entry, attribute_list};
use data::{File, RuleSet};
use serde::{Deserialize, Serialize};

const SIMS: &str = include_str!("../../assets/directory/sims.toml");
const NMS: &str = include_str!("../../assets/directory/nms.toml");

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A mail domain.
    Domain,
    /// A mail user.
    User,
    /// A mail group.
    Group,
}

impl EntryKind {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::User => "user",
            Self::Group => "group",
        }
    }
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// There is something to do.
    Upgrade,
    /// There is nothing to do.
    AlreadyUpgraded,
    /// It is none of the entries the rules are for.
    NotOurs,
    /// Something has to be put right by hand first; see [`EntryPlan::refusals`].
    Refused,
}

/// One change, and why it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedChange {
    /// The change.
    pub change: Change,
    /// Why, with the source or `inferred`.
    pub why: String,
}

/// What becomes of one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryPlan {
    /// The entry.
    pub dn: String,
    /// What it is.
    pub kind: EntryKind,
    /// Where it stands.
    pub state: State,
    /// What changes, in this order, all in one modification.
    pub changes: Vec<PlannedChange>,
    /// The values the changes were made from, as they were read: when one of them is different
    /// later, the plan no longer holds. (`objectClass` is not among them: classes are only added.)
    #[serde(with = "attribute_list")]
    pub before: Vec<(String, Vec<Vec<u8>>)>,
    /// What the administrator should know; safe to show.
    pub warnings: Vec<String>,
    /// Why the entry cannot be upgraded; safe to show.
    pub refusals: Vec<String>,
}

impl EntryPlan {
    /// Returns the changes alone, as they are sent.
    pub fn modification(&self) -> Vec<Change> {
        self.changes.iter().map(|c| c.change.clone()).collect()
    }

    /// Returns the modification that takes the changes back, as it is sent.
    pub fn inverse(&self) -> Vec<Change> {
        self.changes
            .iter()
            .rev()
            .filter_map(|c| c.change.inverse())
            .collect()
    }
}

/// The rules of one source system.
#[derive(Clone, Debug)]
pub struct Rules {
    file: File,
    partitions: Partitions,
}

impl Rules {
    /// Returns the rules for SIMS 4.0.
    ///
    /// # Errors
    /// [`RulesError`] when the data that came with the program is broken.
    pub fn sims() -> Result<Self, RulesError> {
        Self::parse(SIMS)
    }

    /// Returns the rules for Netscape Messaging Server 4.x, whose entries name partitions by path.
    ///
    /// # Errors
    /// [`RulesError`] when the data that came with the program is broken.
    pub fn nms(partitions: &Partitions) -> Result<Self, RulesError> {
        let rules = Self::parse(NMS)?;
        Ok(Self {
            partitions: partitions.clone(),
            ..rules
        })
    }

    /// Reads rules.
    ///
    /// # Errors
    /// [`RulesError`] with the place.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        File::parse(text).map(|file| Self {
            file,
            partitions: Partitions::new(),
        })
    }

    /// Returns what the rules are for, as a title.
    pub fn title(&self) -> &str {
        &self.file.title
    }

    /// Returns the rules for a kind of entry, in order.
    pub fn rules(&self, kind: EntryKind) -> &[Rule] {
        &self.set(kind).rules
    }

    fn set(&self, kind: EntryKind) -> &RuleSet {
        match kind {
            EntryKind::Domain => &self.file.domain,
            EntryKind::User => &self.file.user,
            EntryKind::Group => &self.file.group,
        }
    }

    /// Returns a filter that finds every entry of some kinds, and with users and groups those
    /// that look like them and are neither.
    pub fn filter(&self, kinds: &[EntryKind]) -> String {
        let mut parts: Vec<String> = kinds.iter().map(|k| self.set(*k).filter()).collect();
        if kinds.contains(&EntryKind::User) {
            parts.extend(self.file.odd.iter().map(|c| data::class_filter(c)));
        }
        match parts.as_slice() {
            [one] => one.clone(),
            many => format!("(|{})", many.concat()),
        }
    }

    /// Returns what is said of an entry that looks like ours and is not, and whether it stops an
    /// upgrade.
    pub fn oddity(&self) -> (&str, bool) {
        match &self.file.odd_stays {
            Some(text) => (text, false),
            None => ("it has mail but is neither a user nor a group", true),
        }
    }

    /// Says what an entry is by its classes; `None` when it is nothing of ours.
    pub fn kind_of(&self, entry: &Entry) -> Option<EntryKind> {
        [EntryKind::User, EntryKind::Group, EntryKind::Domain]
            .into_iter()
            .find(|kind| self.set(*kind).owns(entry))
    }

    /// Plans one entry.
    pub fn plan(&self, entry: &Entry, kind: EntryKind) -> EntryPlan {
        let set = self.set(kind);
        let mut plan = EntryPlan {
            dn: entry.dn.clone(),
            kind,
            state: State::NotOurs,
            changes: Vec::new(),
            before: Vec::new(),
            warnings: Vec::new(),
            refusals: Vec::new(),
        };
        if !set.owns(entry) {
            return plan;
        }
        let is_both = self.file.user.owns(entry) && self.file.group.owns(entry);
        if is_both {
            plan.refusals
                .push("it is a user and a group at once".to_owned());
        } else if set.is_upgraded(entry) {
            plan.state = State::AlreadyUpgraded;
            return plan;
        } else {
            apply::apply(&set.rules, &self.partitions, entry, &mut plan);
        }
        if !plan.refusals.is_empty() {
            plan.changes.clear();
            plan.before.clear();
            plan.state = State::Refused;
        } else if plan.changes.is_empty() {
            plan.state = State::AlreadyUpgraded;
        } else {
            plan.state = State::Upgrade;
        }
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::{EntryKind, Rules, State};
    use crate::directory::entry::Entry;
    use crate::directory::schema::{Kind, Schema};
    use proptest::prelude::*;

    fn user() -> Entry {
        Entry::new("uid=jdoe,o=internet")
            .with("objectClass", "inetMailUser")
            .with("uid", "jdoe")
            .with("mailHost", "mail.siroe.com")
    }

    #[test]
    fn the_rules_that_come_with_the_program_load() {
        for (rules, product) in [(Rules::sims().unwrap(), "SIMS"), (nms(), "Netscape")] {
            assert!(rules.title().contains(product));
            for kind in [EntryKind::Domain, EntryKind::User, EntryKind::Group] {
                assert!(rules.rules(kind).iter().all(|r| !r.source.is_empty()));
            }
        }
    }

    #[test]
    fn an_address_without_a_mailbox_is_told_and_stops_nothing() {
        let entry = Entry::new("cn=contact").with("objectClass", "mailRecipient");
        let rules = nms();
        assert_eq!(rules.kind_of(&entry), None);
        assert!(
            rules
                .filter(&[EntryKind::User])
                .contains("(objectClass=mailRecipient)")
        );
        assert!(!rules.oddity().1 && Rules::sims().unwrap().oddity().1);
    }

    fn nms() -> Rules {
        Rules::nms(&super::Partitions::new()).unwrap()
    }

    #[test]
    fn whatever_the_rules_write_the_merged_schema_allows() {
        for rules in [Rules::sims().unwrap(), nms()] {
            allowed_by_the_merged_schema(&rules);
        }
    }

    fn allowed_by_the_merged_schema(rules: &Rules) {
        let merged = Schema::merged();
        let classes = |kind| -> Vec<&str> {
            let own = match kind {
                EntryKind::Domain => ["mailDomain"],
                EntryKind::User => ["inetMailUser"],
                EntryKind::Group => ["inetMailGroup"],
            };
            rules
                .rules(kind)
                .iter()
                .flat_map(super::data::Rule::classes)
                .map(String::as_str)
                .chain(own)
                .collect()
        };
        for kind in [EntryKind::Domain, EntryKind::User, EntryKind::Group] {
            for class in classes(kind) {
                // That one is the standard's own; every server has it.
                let known = merged.find(Kind::Class, class).is_some();
                assert!(known || class == "groupOfUniqueNames", "{class}");
            }
            for target in rules.rules(kind).iter().filter_map(|r| r.to.as_deref()) {
                let allowed = classes(kind).iter().any(|c| {
                    merged
                        .find(Kind::Class, c)
                        .is_some_and(|c| c.allows(target))
                });
                assert!(allowed, "{kind:?}: no class allows {target}");
            }
        }
    }

    #[test]
    fn an_entry_that_is_user_and_group_is_refused() {
        let plan = Rules::sims().unwrap().plan(
            &user().with("objectClass", "inetMailGroup"),
            EntryKind::User,
        );
        assert_eq!(plan.state, State::Refused);
        assert!(plan.changes.is_empty());
    }

    #[test]
    fn a_list_of_thousands_is_planned_member_by_member_in_no_time() {
        // Compared each with each they would take minutes.
        const MEMBERS: usize = 20_000;
        let mut entry = Entry::new("cn=all,o=internet").with("objectClass", "inetMailGroup");
        let members = (0..MEMBERS).map(|n| format!("Member{n}@example.org").into_bytes());
        let values: Vec<_> = members.chain([b"MEMBER7@EXAMPLE.ORG".to_vec()]).collect();
        entry
            .attributes
            .push(("rfc822MailMember".to_owned(), values));
        let rules = Rules::sims().unwrap();
        let plan = rules.plan(&entry, EntryKind::Group);
        entry.apply(&plan.modification());
        assert_eq!(entry.values("mgrpRFC822MailMember").len(), MEMBERS);
        assert!(!entry.has("rfc822MailMember"));
        let again = rules.plan(&entry, EntryKind::Group);
        assert_eq!(again.state, State::AlreadyUpgraded);
    }

    #[test]
    fn an_entry_of_another_kind_is_not_ours() {
        let rules = Rules::sims().unwrap();
        assert_eq!(rules.plan(&user(), EntryKind::Group).state, State::NotOurs);
        let other = Entry::new("cn=x").with("objectClass", "person");
        assert_eq!(rules.kind_of(&other), None);
    }

    #[test]
    fn a_plan_survives_json() {
        let plan = Rules::sims().unwrap().plan(&user(), EntryKind::User);
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(
            serde_json::from_str::<super::EntryPlan>(&json).unwrap(),
            plan
        );
    }

    fn attribute(rules: &Rules) -> impl Strategy<Value = (String, Vec<Vec<u8>>)> + use<> {
        let mut names: Vec<String> = [EntryKind::Domain, EntryKind::User, EntryKind::Group]
            .iter()
            .flat_map(|kind| rules.rules(*kind))
            .flat_map(|rule| rule.from.iter().chain(&rule.to).cloned())
            .collect();
        names.sort();
        names.dedup();
        let value = prop_oneof![
            Just(b"active".to_vec()),
            Just(b"3T".to_vec()),
            Just(b"autoreply".to_vec()),
            Just(b"file".to_vec()),
            Just(b"ldap://cn=a b,o=c".to_vec()),
            Just(b"20011123120000+0100".to_vec()),
            Just(b"imap, POP3".to_vec()),
            Just(b"0".to_vec()),
            Just(b"/disk2".to_vec()),
            Just(b"a@b.c %1(d)".to_vec()),
            "[ -~]{1,20}".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 1..9),
        ];
        (
            proptest::sample::select(names),
            proptest::collection::btree_set(value, 1..3)
                .prop_map(|values| values.into_iter().collect()),
        )
    }

    fn entry_of(rules: Rules) -> impl Strategy<Value = (Rules, EntryKind, Entry)> {
        let kinds = vec![EntryKind::Domain, EntryKind::User, EntryKind::Group];
        let attributes = proptest::collection::vec(attribute(&rules), 0..12);
        (proptest::sample::select(kinds), attributes).prop_map(move |(kind, attributes)| {
            let mut entry = Entry::new("uid=a,o=b");
            for class in rules.set(kind).classes() {
                entry = entry.with("objectClass", class);
            }
            for (name, values) in attributes {
                if !entry.has(&name) {
                    entry.attributes.push((name, values));
                }
            }
            (rules.clone(), kind, entry)
        })
    }

    proptest! {
        #[test]
        fn the_plan_of_the_result_is_empty_and_the_inverse_restores(
            (rules, kind, entry) in prop_oneof![
                entry_of(Rules::sims().unwrap()),
                entry_of(Rules::nms(&[("two".to_owned(), "/disk2".to_owned())].into()).unwrap()),
            ],
        ) {
            let plan = rules.plan(&entry, kind);
            let mut after = entry.clone();
            after.apply(&plan.modification());
            let again = rules.plan(&after, kind);
            prop_assert!(again.changes.is_empty(), "{again:?}");
            if plan.state == State::Upgrade {
                prop_assert_eq!(again.state, State::AlreadyUpgraded);
            }
            after.apply(&plan.inverse());
            let sorted = |entry: &Entry| {
                let mut all: Vec<_> = entry
                    .attributes
                    .iter()
                    .flat_map(|(n, vs)| vs.iter().map(move |v| (n.to_ascii_lowercase(), v.clone())))
                    .collect();
                all.sort();
                all
            };
            prop_assert_eq!(sorted(&after), sorted(&entry));
        }
    }
}
