//! Whether everything arrived: what was in the old store against what is in the new one.

use super::folder::FolderName;
use super::inventory::{Count, Inventory};
use super::rename::RenameMap;
use crate::base::display_safe;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What may be in an inbox beside what was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxRule {
    /// Nothing: neither server takes mail.
    Exact,
    /// New mail: the new server runs.
    AtLeast,
    /// New mail, and the server was in use while the old mail came in. Users may have put more into
    /// other folders too; what was there before is left out of the count ([`Inventory::without`]).
    Live {
        /// A folder whose name was taken may have come in as one with a date.
        twins: bool,
    },
}

impl InboxRule {
    /// Whether new mail is expected in inboxes.
    pub fn takes_new_mail(self) -> bool {
        self != Self::Exact
    }
}

/// Something that is not as it should be with somebody's mailboxes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "finding")]
pub enum Finding {
    /// The mailboxes are under an id that differs in case: nobody ever reaches them.
    WrongCase {
        /// The id they are under.
        found: String,
    },
    /// A folder was restored a second time, beside the first.
    Twin {
        /// The folder with the date in its name.
        folder: FolderName,
        /// How much is in it.
        count: Count,
    },
    /// Messages of a folder, or all of it, are not there.
    Missing {
        /// The folder, as it was in the old store.
        folder: FolderName,
        /// How many there were.
        expected: u64,
        /// How many are there.
        found: u64,
    },
    /// A folder has more messages than there were, or was not there before.
    Extra {
        /// The folder.
        folder: FolderName,
        /// How many there were.
        expected: u64,
        /// How many are there.
        found: u64,
    },
    /// Users have put a few messages into a folder since. No failure.
    Grown {
        /// The folder.
        folder: FolderName,
        /// How many there were.
        expected: u64,
        /// How many are there.
        found: u64,
    },
    /// Messages are all there, their sizes differ more than line ends can explain. No failure.
    Size {
        /// The bytes there were.
        expected: u64,
        /// The bytes that are there.
        found: u64,
    },
    /// It cannot be told.
    Unknown {
        /// Why.
        why: String,
    },
}

/// The worst of somebody's findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything is there, once, under the right name.
    Complete,
    /// It cannot be told.
    Unknown,
    /// There is more than there was.
    Extra,
    /// Something is not there.
    Missing,
    /// Something is there twice.
    Twins,
    /// It is under a name nobody reaches.
    WrongCase,
}

/// What was found for one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserReport {
    /// The id in the old store.
    pub old_id: String,
    /// The id in the new store.
    pub new_id: String,
    /// Messages that were expected.
    pub messages: Option<u64>,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

impl UserReport {
    /// Returns the worst of the findings.
    pub fn verdict(&self) -> Verdict {
        let all = self.findings.iter().map(|f| match f {
            Finding::WrongCase { .. } => Verdict::WrongCase,
            Finding::Twin { .. } => Verdict::Twins,
            Finding::Missing { .. } => Verdict::Missing,
            Finding::Extra { .. } => Verdict::Extra,
            Finding::Unknown { .. } => Verdict::Unknown,
            Finding::Grown { .. } | Finding::Size { .. } => Verdict::Complete,
        });
        all.max().unwrap_or(Verdict::Complete)
    }

    /// Whether everything is there, once, under the right name.
    pub fn is_complete(&self) -> bool {
        self.verdict() == Verdict::Complete
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongCase { found } => write!(
                f,
                "the mail is under `{}`, which nobody can log in to",
                display_safe(found)
            ),
            Self::Twin { folder, .. } => write!(f, "restored twice: `{}`", folder.shown()),
            Self::Missing {
                folder,
                expected,
                found,
            } => write!(f, "`{}` has {found} of {expected} messages", folder.shown()),
            Self::Extra {
                folder,
                expected,
                found,
            }
            | Self::Grown {
                folder,
                expected,
                found,
            } => write!(
                f,
                "`{}` has {found} messages, and had {expected}",
                folder.shown()
            ),
            Self::Size { expected, found } => {
                write!(f, "{found} bytes, and {expected} were expected")
            }
            Self::Unknown { why } => write!(f, "it cannot be told: {}", display_safe(why)),
        }
    }
}

/// Compares every user of `expected` (old ids) with `actual` (new ids).
///
/// Folder names are expected as a restore makes them; folders that become one name may be one
/// folder with all their messages, or one and others with a date. A user whom `expected` has with
/// no folders needs none.
pub fn compare(
    expected: &Inventory,
    actual: &Inventory,
    map: &RenameMap,
    inbox: InboxRule,
) -> Vec<UserReport> {
    let ids: BTreeSet<&str> = expected.users().map(|(old, _)| map.new_id(old)).collect();
    let nothing = BTreeMap::new();
    expected
        .users()
        .map(|(old, folders)| {
            let new = map.new_id(old);
            let found = actual.folders(new).unwrap_or(&nothing);
            let mut findings = user(folders, found, inbox);
            let lost = findings
                .iter()
                .any(|f| matches!(f, Finding::Missing { .. }));
            // An id that differs only in case, and is not somebody else's.
            let other = actual.users().find(|(id, there)| {
                *id != new && id.eq_ignore_ascii_case(new) && !ids.contains(id) && !there.is_empty()
            });
            if let Some((other, _)) = other
                && lost
            {
                findings.insert(
                    0,
                    Finding::WrongCase {
                        found: other.to_owned(),
                    },
                );
            }
            UserReport {
                old_id: old.to_owned(),
                new_id: new.to_owned(),
                messages: expected.total(old).and_then(|c| c.messages),
                findings,
            }
        })
        .collect()
}

type Folders = BTreeMap<FolderName, Count>;

fn user(expected: &Folders, actual: &Folders, inbox: InboxRule) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut left: Folders = actual.clone();
    for (name, group) in groups(expected, actual) {
        let mut found: Vec<(FolderName, Count)> = Vec::new();
        if let Some(count) = left.remove(&name) {
            found.push((name.clone(), count));
        }
        let together: u32 = group.iter().map(|(_, count)| count.folders).sum();
        // Of k folders with one name k - 1 may have a date; all of them where the name was taken.
        let dates = match inbox {
            InboxRule::Live { twins: true } => together,
            _ => together.saturating_sub(1),
        };
        if dates > 0 {
            let dated: Vec<_> = left
                .keys()
                .filter(|f| !expected.contains_key(*f))
                .filter(|f| f.without_date().as_ref() == Some(&name))
                .take(dates as usize)
                .cloned()
                .collect();
            for folder in dated {
                if let Some(count) = left.remove(&folder) {
                    found.push((folder, count));
                }
            }
        }
        let rule = match inbox {
            InboxRule::Live { .. } => inbox,
            _ if name.is_inbox() => inbox,
            _ => InboxRule::Exact,
        };
        findings.extend(folder(&group, &found, rule));
    }
    for (folder, count) in left {
        let base = folder.without_date();
        // A folder that holds only folders may come and go; so does an empty inbox.
        if count.messages == Some(0) {
            continue;
        }
        findings.push(match base {
            Some(base) if actual.contains_key(&base) => Finding::Twin { folder, count },
            _ if folder.is_inbox() && inbox.takes_new_mail() => continue,
            // A folder that somebody has made since.
            _ if matches!(inbox, InboxRule::Live { .. }) => Finding::Grown {
                folder,
                expected: 0,
                found: count.messages.unwrap_or(0),
            },
            _ => Finding::Extra {
                folder,
                expected: 0,
                found: count.messages.unwrap_or(0),
            },
        });
    }
    // New mail has a size nobody knows.
    let damaged = !findings.is_empty() || matches!(inbox, InboxRule::Live { .. });
    if let (false, Some(size)) = (damaged, sizes(expected, actual)) {
        findings.push(size);
    }
    findings
}

/// Groups the expected folders by the name they should have now: of the names a restore may give,
/// the first that is there.
fn groups<'a>(
    expected: &'a Folders,
    actual: &Folders,
) -> BTreeMap<FolderName, Vec<(&'a FolderName, Count)>> {
    let mut groups: BTreeMap<FolderName, Vec<(&FolderName, Count)>> = BTreeMap::new();
    for (folder, count) in expected {
        let names = folder.restored();
        let there = names.iter().find(|n| actual.contains_key(*n));
        if let Some(name) = there.or(names.first()) {
            groups
                .entry(name.clone())
                .or_default()
                .push((folder, *count));
        }
    }
    groups
}

fn folder(
    group: &[(&FolderName, Count)],
    found: &[(FolderName, Count)],
    rule: InboxRule,
) -> Vec<Finding> {
    let unknown = |why: &str| {
        let names: Vec<_> = group.iter().map(|(f, _)| f.shown()).collect();
        vec![Finding::Unknown {
            why: format!("{}: {why}", names.join(", ")),
        }]
    };
    let Some(mut want) = all_known(group.iter().map(|(_, c)| c)) else {
        return unknown("how many there were is not known");
    };
    let Some(mut have) = all_known(found.iter().map(|(_, c)| c)) else {
        return unknown("how many are there is not known");
    };
    want.sort_unstable();
    have.sort_unstable();
    let (wanted, there) = (want.iter().sum::<u64>(), have.iter().sum::<u64>());
    let merged = have.len() <= 1;
    if want == have || (merged && wanted == there) {
        return Vec::new();
    }
    let Some((first, _)) = group.first() else {
        return Vec::new();
    };
    if there < wanted {
        return vec![Finding::Missing {
            folder: (*first).clone(),
            expected: wanted,
            found: there,
        }];
    }
    let inbox = first.is_inbox();
    if there == wanted || (inbox && rule.takes_new_mail()) {
        // The same messages, divided in another way among folders of one name.
        return Vec::new();
    }
    let (folder, expected, found) = ((*first).clone(), wanted, there);
    // All of it twice is no user's doing; where there was nothing everything is.
    let doubled = wanted > 0 && there >= 2 * wanted;
    if matches!(rule, InboxRule::Live { .. }) && !doubled {
        return vec![Finding::Grown {
            folder,
            expected,
            found,
        }];
    }
    vec![Finding::Extra {
        folder,
        expected,
        found,
    }]
}

fn all_known<'a>(counts: impl Iterator<Item = &'a Count>) -> Option<Vec<u64>> {
    counts.map(|c| c.messages).collect()
}

/// Line ends and rounding explain a twentieth and a KiB a folder; more is worth a look.
fn sizes(expected: &Folders, actual: &Folders) -> Option<Finding> {
    let sum = |folders: &Folders| folders.values().map(|c| c.bytes).sum::<Option<u64>>();
    let (want, have) = (sum(expected)?, sum(actual)?);
    let slack = want / 20 + 1024 * (actual.len() as u64 + 1);
    (want.abs_diff(have) > slack).then_some(Finding::Size {
        expected: want,
        found: have,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{StoreUser, rename_map};
    use proptest::prelude::*;

    fn inventory(all: &[(&str, &[u8], u64)]) -> Inventory {
        let mut inventory = Inventory::default();
        for (user, folder, messages) in all {
            inventory.add(
                user,
                FolderName::new(*folder),
                Count::new(*messages, messages * 1000),
            );
        }
        inventory
    }

    fn map() -> RenameMap {
        rename_map(&[StoreUser::new("uid=Anderson", "Anderson", None)]).unwrap()
    }

    fn one(expected: &[(&str, &[u8], u64)], actual: &[(&str, &[u8], u64)]) -> UserReport {
        one_with(expected, actual, InboxRule::Exact)
    }

    fn one_with(
        expected: &[(&str, &[u8], u64)],
        actual: &[(&str, &[u8], u64)],
        rule: InboxRule,
    ) -> UserReport {
        let mut all = compare(&inventory(expected), &inventory(actual), &map(), rule);
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    #[test]
    fn everything_under_the_exact_uid_is_complete() {
        let old: &[(&str, &[u8], u64)] = &[("anderson", b"INBOX", 3), ("anderson", b"Mail/a", 2)];
        let new: &[(&str, &[u8], u64)] = &[("Anderson", b"INBOX", 3), ("Anderson", b"Mail/a", 2)];
        assert_eq!(one(old, new).verdict(), Verdict::Complete);
    }

    #[test]
    fn mail_under_the_lower_case_id_is_unreachable() {
        let report = one(&[("anderson", b"INBOX", 3)], &[("anderson", b"INBOX", 3)]);
        assert_eq!(report.verdict(), Verdict::WrongCase);
        assert!(report.findings[0].to_string().contains("`anderson`"));
        // An empty inbox under the exact id, from a login, changes nothing.
        let report = one(
            &[("anderson", b"INBOX", 3)],
            &[("Anderson", b"INBOX", 0), ("anderson", b"INBOX", 3)],
        );
        assert_eq!(report.verdict(), Verdict::WrongCase);
    }

    #[test]
    fn what_is_lost_or_doubled_in_place_is_counted() {
        let report = one(
            &[
                ("joe", b"INBOX", 3),
                ("joe", b"a", 2),
                ("joe", b"b", 2),
                ("joe", b"empty", 0),
            ],
            &[("joe", b"INBOX", 6), ("joe", b"a", 1), ("joe", b"empty", 0)],
        );
        let shown: Vec<_> = report.findings.iter().map(Finding::to_string).collect();
        assert_eq!(
            shown,
            [
                "`INBOX` has 6 messages, and had 3",
                "`a` has 1 of 2 messages",
                "`b` has 0 of 2 messages"
            ]
        );
        assert_eq!(report.verdict(), Verdict::Missing);
    }

    #[test]
    fn a_restore_that_was_run_twice_is_seen() {
        let report = one(
            &[("joe", b"INBOX", 3), ("joe", b"a", 2)],
            &[
                ("joe", b"INBOX", 3),
                ("joe", b"INBOX.112326.101010", 3),
                ("joe", b"a", 2),
                ("joe", b"a.112326.101010", 2),
            ],
        );
        assert_eq!(report.verdict(), Verdict::Twins);
        assert_eq!(report.findings.len(), 2);
        // A folder that was called so before is no twin.
        let named: &[(&str, &[u8], u64)] = &[("joe", b"a", 2), ("joe", b"a.112326.101010", 2)];
        assert!(one(named, named).is_complete());
    }

    #[test]
    fn predicted_collisions_are_complete_however_they_were_resolved() {
        let old: &[(&str, &[u8], u64)] = &[("joe", b"B\xe9ta", 3), ("joe", b"B ta", 2)];
        assert!(
            one(
                old,
                &[("joe", b"B ta", 3), ("joe", b"B ta.112326.101010", 2)]
            )
            .is_complete()
        );
        assert!(one(old, &[("joe", b"B ta", 5)]).is_complete());
        let lost = one(old, &[("joe", b"B ta", 2)]);
        assert_eq!(lost.verdict(), Verdict::Missing);
        let thrice = one(
            old,
            &[
                ("joe", b"B ta", 3),
                ("joe", b"B ta.112326.101010", 2),
                ("joe", b"B ta.112326.101110", 3),
            ],
        );
        assert_eq!(thrice.verdict(), Verdict::Twins);
    }

    #[test]
    fn folders_that_were_named_alike_in_the_table_of_contents_may_come_apart() {
        let mut expected = Inventory::default();
        expected.add("joe", FolderName::new("B ta"), Count::new(3, 3000));
        expected.add("joe", FolderName::new("B ta"), Count::new(2, 2000));
        let verdict = |new: &[(&str, &[u8], u64)]| {
            compare(&expected, &inventory(new), &map(), InboxRule::Exact)[0].verdict()
        };
        let (first, second) = (&b"B ta"[..], &b"B ta.112326.101010"[..]);
        assert_eq!(
            verdict(&[("joe", first, 3), ("joe", second, 2)]),
            Verdict::Complete
        );
        assert_eq!(verdict(&[("joe", first, 5)]), Verdict::Complete);
        assert_eq!(verdict(&[("joe", first, 3)]), Verdict::Missing);
        let again = &b"B ta.112326.111111"[..];
        let thrice = [("joe", first, 3), ("joe", second, 2), ("joe", again, 3)];
        assert_eq!(verdict(&thrice), Verdict::Twins);
    }

    #[test]
    fn a_name_is_found_with_a_blank_a_byte_or_a_blank_a_character() {
        let old: &[(&str, &[u8], u64)] = &[("joe", "gr\u{fc}n".as_bytes(), 1)];
        assert!(one(old, &[("joe", b"gr  n", 1)]).is_complete());
        assert!(one(old, &[("joe", b"gr n", 1)]).is_complete());
        assert!(!one(old, &[("joe", b"grn", 1)]).is_complete());
    }

    #[test]
    fn new_mail_in_the_inbox_counts_only_where_none_can_come() {
        let old: &[(&str, &[u8], u64)] = &[("joe", b"INBOX", 3)];
        let new: &[(&str, &[u8], u64)] = &[("joe", b"INBOX", 4)];
        assert_eq!(one(old, new).verdict(), Verdict::Extra);
        assert!(one_with(old, new, InboxRule::AtLeast).is_complete());
    }

    const LIVE: InboxRule = InboxRule::Live { twins: false };

    #[test]
    fn new_mail_and_what_users_save_meanwhile_are_no_loss_and_no_doubling() {
        let old: &[(&str, &[u8], u64)] = &[("joe", b"INBOX", 3), ("joe", b"Sent", 4)];
        let new: &[(&str, &[u8], u64)] = &[
            ("joe", b"INBOX", 9),
            ("joe", b"Sent", 5),
            ("joe", b"new", 1),
        ];
        let report = one_with(old, new, LIVE);
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(report.findings.len(), 2, "{report:?}");
        let less: &[(&str, &[u8], u64)] = &[("joe", b"INBOX", 9), ("joe", b"Sent", 3)];
        assert_eq!(one_with(old, less, LIVE).verdict(), Verdict::Missing);
        let twice: &[(&str, &[u8], u64)] = &[("joe", b"INBOX", 3), ("joe", b"Sent", 8)];
        assert_eq!(one_with(old, twice, LIVE).verdict(), Verdict::Extra);
    }

    #[test]
    fn where_twins_are_chosen_the_old_inbox_may_come_in_beside_the_new_one() {
        let old: &[(&str, &[u8], u64)] = &[("joe", b"INBOX", 3), ("joe", b"a", 2)];
        let new: &[(&str, &[u8], u64)] = &[
            ("joe", b"INBOX", 1),
            ("joe", b"INBOX.112326.101010", 3),
            ("joe", b"a", 2),
        ];
        let twins = InboxRule::Live { twins: true };
        assert!(one_with(old, new, twins).is_complete());
        assert_eq!(one_with(old, new, LIVE).verdict(), Verdict::Twins);
        // Once is chosen, twice is not.
        let again: &[(&str, &[u8], u64)] = &[
            ("joe", b"INBOX", 1),
            ("joe", b"INBOX.112326.101010", 3),
            ("joe", b"INBOX.112326.111111", 3),
            ("joe", b"a", 2),
        ];
        assert_eq!(one_with(old, again, twins).verdict(), Verdict::Twins);
    }

    #[test]
    fn what_was_there_before_stands_for_nothing_that_was_moved() {
        let before = inventory(&[("joe", b"INBOX", 2), ("amy", b"INBOX", 1)]);
        let now = inventory(&[("joe", b"INBOX", 4), ("amy", b"INBOX", 1)]);
        let moved = now.without(&before);
        let old = inventory(&[("joe", b"INBOX", 3)]);
        let report = compare(&old, &moved, &map(), LIVE).remove(0);
        assert_eq!(report.verdict(), Verdict::Missing);
        let now = inventory(&[("joe", b"INBOX", 5)]);
        let report = compare(&old, &now.without(&before), &map(), LIVE).remove(0);
        assert!(report.is_complete());
    }

    #[test]
    fn a_number_that_was_not_understood_is_unknown() {
        let mut actual = Inventory::default();
        actual.add("joe", FolderName::new("INBOX"), Count::default());
        let expected = inventory(&[("joe", b"INBOX", 3)]);
        let report = compare(&expected, &actual, &map(), InboxRule::Exact);
        assert_eq!(report[0].verdict(), Verdict::Unknown);
    }

    #[test]
    fn a_large_difference_in_size_is_told_and_fails_nobody() {
        let mut actual = Inventory::default();
        actual.add("joe", FolderName::new("INBOX"), Count::new(300, 1000));
        let expected = inventory(&[("joe", b"INBOX", 300)]);
        let report = compare(&expected, &actual, &map(), InboxRule::Exact);
        assert!(report[0].is_complete());
        assert!(matches!(report[0].findings[..], [Finding::Size { .. }]));
    }

    proptest! {
        #[test]
        fn a_faithful_restore_is_complete_and_one_message_less_is_not(
            folders in proptest::collection::btree_map("[a-zA-Z][a-z&]{0,3}", 1..50_u64, 1..8),
            lose in any::<proptest::sample::Index>(),
        ) {
            let mut expected = Inventory::default();
            let mut restored: BTreeMap<FolderName, u64> = BTreeMap::new();
            for (name, messages) in &folders {
                let name = FolderName::new(name.as_str());
                expected.add("joe", name.clone(), Count::new(*messages, 0));
                *restored.entry(name.restored().remove(0)).or_default() += messages;
            }
            let make = |restored: &BTreeMap<FolderName, u64>| {
                let mut actual = Inventory::default();
                for (name, messages) in restored {
                    actual.add("joe", name.clone(), Count::new(*messages, 0));
                }
                compare(&expected, &actual, &RenameMap::default(), InboxRule::Exact).remove(0)
            };
            let whole = make(&restored);
            prop_assert!(whole.is_complete(), "{:?}", whole);
            let at = lose.index(restored.len());
            *restored.values_mut().nth(at).unwrap() -= 1;
            prop_assert_eq!(make(&restored).verdict(), Verdict::Missing);
        }
    }
}
