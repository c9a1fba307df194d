//! What an upgrade would do, entry by entry, before anything is sent.

use super::set::{self, Setting};
use crate::base::display_safe;
use crate::directory::connection::Connection;
use crate::directory::error::DirectoryError;
use crate::directory::ldif::{Record, comment, write_record};
use crate::directory::rules::{EntryKind, EntryPlan, Rules, State};
use ldap3::Scope;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Which entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entries {
    /// Mail domains; they come first.
    Domains,
    /// Mail users and groups.
    UsersAndGroups,
}

impl Entries {
    /// Returns the kinds of entries.
    pub fn kinds(self) -> &'static [EntryKind] {
        match self {
            Self::Domains => &[EntryKind::Domain],
            Self::UsersAndGroups => &[EntryKind::User, EntryKind::Group],
        }
    }
}

/// An entry worth a look, with the reasons; safe to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Odd {
    /// The entry.
    pub dn: String,
    /// Whether it is left out of the upgrade.
    pub refused: bool,
    /// What is odd about it.
    pub reasons: Vec<String>,
}

/// How many of what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Entries that were looked at. 0 means that nothing was found *or may be seen*, never that
    /// all is done.
    pub examined: usize,
    /// Entries to change.
    pub upgrade: usize,
    /// Entries that need nothing.
    pub already: usize,
    /// Entries that cannot be upgraded as they are.
    pub refused: usize,
    /// Entries to change, by kind (`domain`, `user`, `group`).
    pub by_kind: BTreeMap<String, usize>,
    /// Entries by kind of change, such as `add mailAlternateAddress`.
    pub by_change: BTreeMap<String, usize>,
}

/// What an upgrade would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Where was searched.
    pub base: String,
    /// For what.
    pub entries: Entries,
    /// The plans of the entries to change, by DN.
    pub plans: Vec<EntryPlan>,
    /// How many of what.
    pub counts: Counts,
    /// Entries worth a look: warnings and refusals, and entries that could not be read.
    pub odd: Vec<Odd>,
    /// Places the server says hold more; nothing there is upgraded.
    pub referrals: Vec<String>,
}

impl Preview {
    /// Returns the digest of everything that would be sent.
    pub fn digest(&self) -> String {
        digest(&self.plans)
    }
}

/// Reads the entries below `base` and plans each; sends nothing but searches.
///
/// # Errors
/// As [`Connection::search`]; there is never a partial preview.
pub async fn preview(
    connection: &Connection,
    rules: &Rules,
    base: &str,
    entries: Entries,
) -> Result<Preview, DirectoryError> {
    preview_some(connection, rules, base, entries, None, &[]).await
}

/// As [`preview()`], of the entries that a further filter finds, and with the values of `set` beside
/// what the rules say.
///
/// # Errors
/// As [`preview()`].
pub async fn preview_some(
    connection: &Connection,
    rules: &Rules,
    base: &str,
    entries: Entries,
    filter: Option<&str>,
    set: &[Setting],
) -> Result<Preview, DirectoryError> {
    let mut preview = Preview {
        base: base.to_owned(),
        entries,
        plans: Vec::new(),
        counts: Counts::default(),
        odd: Vec::new(),
        referrals: Vec::new(),
    };
    let filter = match filter {
        None => rules.filter(entries.kinds()),
        Some(more) => format!("(&{}{more})", rules.filter(entries.kinds())),
    };
    let (odd, refused) = rules.oddity();
    // All attributes, not those of the rules by name: a server may know `rfc822mailbox` as another
    // name of `mail`, and would then answer with addresses under a name they are not stored under.
    let aside = connection
        .search_each(base, Scope::Subtree, &filter, &["*"], &mut |entry| {
            preview.counts.examined += 1;
            let kind = rules
                .kind_of(&entry)
                .filter(|kind| entries.kinds().contains(kind));
            match kind {
                Some(kind) => preview.take(set::add(rules.plan(&entry, kind), &entry, set)),
                None => preview.odd.push(Odd {
                    dn: display_safe(&entry.dn).into_owned(),
                    refused,
                    reasons: vec![odd.to_owned()],
                }),
            }
        })
        .await?;
    preview.unreadable(aside.unreadable);
    preview.referrals = aside.referrals;
    preview.plans.sort_by(|a, b| a.dn.cmp(&b.dn));
    preview.odd.sort_by(|a, b| a.dn.cmp(&b.dn));
    Ok(preview)
}

impl Preview {
    /// Notes entries that could not be read: none of them may be passed over.
    pub(super) fn unreadable(&mut self, reasons: Vec<String>) {
        for reason in reasons {
            self.counts.examined += 1;
            self.counts.refused += 1;
            self.odd.push(Odd {
                dn: String::new(),
                refused: true,
                reasons: vec![reason],
            });
        }
    }

    pub(super) fn take(&mut self, plan: EntryPlan) {
        let refused = plan.state == State::Refused;
        if refused || !plan.warnings.is_empty() {
            self.odd.push(Odd {
                dn: display_safe(&plan.dn).into_owned(),
                refused,
                reasons: plan
                    .refusals
                    .iter()
                    .chain(&plan.warnings)
                    .cloned()
                    .collect(),
            });
        }
        match plan.state {
            State::Upgrade => {
                self.counts.upgrade += 1;
                *self
                    .counts
                    .by_kind
                    .entry(plan.kind.word().to_owned())
                    .or_default() += 1;
                let mut kinds: Vec<String> = plan
                    .changes
                    .iter()
                    .map(|c| change_kind(&c.change))
                    .collect();
                kinds.sort();
                kinds.dedup();
                for kind in kinds {
                    *self.counts.by_change.entry(kind).or_default() += 1;
                }
                self.plans.push(plan);
            }
            State::AlreadyUpgraded => self.counts.already += 1,
            State::Refused => self.counts.refused += 1,
            State::NotOurs => {}
        }
    }
}

fn change_kind(change: &crate::directory::entry::Change) -> String {
    use crate::directory::entry::Change;
    let verb = match change {
        Change::Add { .. } => "add",
        Change::Delete { .. } => "delete",
        Change::Replace { .. } => "replace",
    };
    format!("{verb} {}", change.attribute())
}

/// Returns the SHA-256 over all changes, sorted by DN: what is confirmed is what is executed.
pub fn digest(plans: &[EntryPlan]) -> String {
    let mut lines: Vec<Vec<u8>> = plans
        .iter()
        .map(|plan| {
            let mut line = Vec::new();
            write_record(&mut line, &forward(plan));
            line
        })
        .collect();
    lines.sort();
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(&line);
    }
    hash.finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn forward(plan: &EntryPlan) -> Record {
    Record::Modify {
        dn: plan.dn.clone(),
        changes: plan.modification(),
    }
}

/// Writes what will be sent, with the reason of each change as a comment.
pub fn to_ldif(plans: &[EntryPlan]) -> Vec<u8> {
    let mut text = Vec::new();
    for plan in plans.iter().filter(|plan| !plan.changes.is_empty()) {
        for change in &plan.changes {
            comment(
                &mut text,
                &format!("{}: {}", change_kind(&change.change), change.why),
            );
        }
        write_record(&mut text, &forward(plan));
    }
    text
}

/// Writes what takes it all back; `ldapmodify` understands it too.
pub fn undo_ldif(plans: &[EntryPlan]) -> Vec<u8> {
    let mut text = Vec::new();
    for plan in plans.iter().filter(|plan| !plan.changes.is_empty()) {
        write_record(
            &mut text,
            &Record::Modify {
                dn: plan.dn.clone(),
                changes: plan.inverse(),
            },
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{digest, to_ldif, undo_ldif};
    use crate::directory::entry::Entry;
    use crate::directory::ldif;
    use crate::directory::rules::{EntryKind, EntryPlan, Rules};

    fn plan(uid: &str) -> EntryPlan {
        let entry = Entry::new(format!("uid={uid},o=internet"))
            .with("objectClass", "inetMailUser")
            .with("uid", uid)
            .with("mailMessageStore", "/var/mail")
            .with("rfc822MailAlias", "x@siroe.com");
        Rules::sims().unwrap().plan(&entry, EntryKind::User)
    }

    #[test]
    fn the_digest_depends_on_the_changes_and_not_on_their_order() {
        let one = digest(&[plan("a"), plan("b")]);
        assert_eq!(one.len(), 64);
        assert_eq!(one, digest(&[plan("b"), plan("a")]));
        assert_ne!(one, digest(&[plan("a")]));
        let mut other = plan("a");
        other.changes.pop();
        assert_ne!(one, digest(&[other, plan("b")]));
    }

    #[test]
    fn both_files_read_back_as_the_changes_and_their_inverse() {
        let plans = [plan("a")];
        let sent = ldif::parse(&to_ldif(&plans)).unwrap();
        let [ldif::Record::Modify { changes, .. }] = sent.as_slice() else {
            panic!("{sent:?}");
        };
        assert_eq!(changes, &plans[0].modification());
        let back = ldif::parse(&undo_ldif(&plans)).unwrap();
        let [ldif::Record::Modify { changes, .. }] = back.as_slice() else {
            panic!("{back:?}");
        };
        assert_eq!(changes, &plans[0].inverse());
        assert!(
            String::from_utf8(to_ldif(&plans))
                .unwrap()
                .contains("inferred")
        );
    }
}
