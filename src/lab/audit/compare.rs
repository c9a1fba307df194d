//! Pairs what must be there with what is there, so that each damage is named once and as what it
//! is: a flipped byte is one altered message, not one missing and one unexpected.

use super::Item;
use super::files::Expected;
use super::names::without_suffix;
use super::tree::{Found, Store};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::Hash;

/// Sizes this close may be one message with another Message-ID (a byte of the id was flipped).
const CLOSE: u64 = 4;

/// What pairing found.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) missing: Vec<Item>,
    pub(super) duplicated: Vec<Item>,
    pub(super) altered: Vec<Item>,
    pub(super) misplaced: Vec<Item>,
    pub(super) unexpected: Vec<Item>,
    /// How many of a user's messages lie in which folder of that user's own mailbox.
    pub(super) placed: BTreeMap<String, BTreeMap<String, usize>>,
    /// Users with mail under an id that differs from theirs in case only, and that id.
    pub(super) under_twin: BTreeMap<String, String>,
    /// Users whose mail is in the store, but none of it in their own mailbox.
    pub(super) all_elsewhere: BTreeSet<String>,
}

/// The messages not yet paired, by their place in the lists.
struct Open<'a> {
    expected: BTreeMap<usize, &'a Expected>,
    found: BTreeMap<usize, &'a Found>,
}

type Pair<'a> = (&'a Expected, &'a Found);

impl<'a> Open<'a> {
    /// Takes out the pairs with the same key, first with first.
    fn pair<K: Hash + Eq>(
        &mut self,
        expected_key: impl Fn(&Expected) -> Option<K>,
        found_key: impl Fn(&Found) -> Option<K>,
    ) -> Vec<Pair<'a>> {
        let mut waiting: HashMap<K, VecDeque<usize>> = HashMap::new();
        for (at, expected) in &self.expected {
            if let Some(key) = expected_key(expected) {
                waiting.entry(key).or_default().push_back(*at);
            }
        }
        let chosen: Vec<(usize, usize)> = self
            .found
            .iter()
            .filter_map(|(at, found)| {
                let expected = waiting.get_mut(&found_key(found)?)?.pop_front()?;
                Some((expected, *at))
            })
            .collect();
        self.take(&chosen)
    }

    fn take(&mut self, chosen: &[(usize, usize)]) -> Vec<Pair<'a>> {
        chosen
            .iter()
            .filter_map(|(e, f)| Some((self.expected.remove(e)?, self.found.remove(f)?)))
            .collect()
    }

    /// Takes out pairs in one folder whose content is another but which are closest in size.
    fn pair_closest(&mut self) -> Vec<Pair<'a>> {
        let mut by_folder: HashMap<(&str, &str), Vec<(usize, &Found)>> = HashMap::new();
        for (at, found) in &self.found {
            by_folder
                .entry((&found.user, &found.folder))
                .or_default()
                .push((*at, found));
        }
        let mut close: Vec<(u64, usize, usize)> = Vec::new();
        for (e, expected) in &self.expected {
            let here = by_folder.get(&(expected.user.as_str(), expected.folder.as_str()));
            for (f, found) in here.into_iter().flatten() {
                let apart = expected.size.abs_diff(found.size);
                if found.message_id.is_none() || apart <= CLOSE {
                    close.push((apart, *e, *f));
                }
            }
        }
        close.sort_unstable();
        let mut pairs = Vec::new();
        for (_, e, f) in close {
            if self.expected.contains_key(&e) && self.found.contains_key(&f) {
                pairs.extend(self.take(&[(e, f)]));
            }
        }
        pairs
    }
}

fn missing(expected: &Expected) -> Item {
    Item {
        user: Some(expected.user.clone()),
        folder: Some(expected.folder.clone()),
        message_id: expected.message_id.clone(),
        sha256: Some(expected.sha256.clone()),
        from: expected.from.clone(),
        ..Item::default()
    }
}

fn lying(found: &Found) -> Item {
    Item {
        user: Some(found.user.clone()),
        folder: Some(found.folder.clone()),
        message_id: found.message_id.clone(),
        sha256: Some(found.sha256.clone()),
        file: Some(found.file.clone()),
        ..Item::default()
    }
}

fn elsewhere((expected, found): &Pair) -> Item {
    Item {
        file: Some(found.file.clone()),
        found_user: (found.user != expected.user).then(|| found.user.clone()),
        found_folder: (found.folder != expected.folder).then(|| found.folder.clone()),
        ..missing(expected)
    }
}

/// Compares the ledger with the store.
pub(super) fn compare(ledger: &[Expected], store: &Store) -> Compared {
    let mut open = Open {
        expected: ledger.iter().enumerate().collect(),
        found: store.messages.iter().enumerate().collect(),
    };
    let mut owners: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for entry in ledger {
        owners.entry(&entry.sha256).or_default().insert(&entry.user);
    }
    let is_owner = |found: &Found| {
        owners
            .get(found.sha256.as_str())
            .is_some_and(|owners| owners.contains(found.user.as_str()))
    };
    let present: BTreeMap<&str, BTreeSet<&str>> = store
        .folders
        .iter()
        .map(|(user, folders)| (user.as_str(), folders.iter().map(String::as_str).collect()))
        .collect();
    let plain = |found: &Found| match present.get(found.user.as_str()) {
        Some(present) => without_suffix(&found.folder, present),
        None => found.folder.clone(),
    };

    // Right: the same user, folder and content; the folder's name perhaps with a date, because two
    // folders became one name.
    let mut here = open.pair(
        |e| Some((e.user.clone(), e.folder.clone(), e.sha256.clone())),
        |f| Some((f.user.clone(), f.folder.clone(), f.sha256.clone())),
    );
    here.extend(open.pair(
        |e| Some((e.user.clone(), e.folder.clone(), e.sha256.clone())),
        |f| Some((f.user.clone(), plain(f), f.sha256.clone())),
    ));
    // The user's own mailbox, the wrong folder.
    let other_folder = open.pair(
        |e| Some((e.user.clone(), e.sha256.clone())),
        |f| Some((f.user.clone(), f.sha256.clone())),
    );
    // Somebody else's mailbox, first where only the id's case is wrong. A copy too many in the
    // mailbox of another recipient is that one's duplicate.
    let mut other_user = open.pair(
        |e| Some((e.user.to_lowercase(), e.folder.clone(), e.sha256.clone())),
        |f| (!is_owner(f)).then(|| (f.user.to_lowercase(), plain(f), f.sha256.clone())),
    );
    other_user.extend(open.pair(
        |e| Some((e.folder.clone(), e.sha256.clone())),
        |f| (!is_owner(f)).then(|| (f.folder.clone(), f.sha256.clone())),
    ));
    other_user.extend(open.pair(
        |e| Some(e.sha256.clone()),
        |f| (!is_owner(f)).then(|| f.sha256.clone()),
    ));
    // Content the ledger knows, but one copy more than it knows.
    let foreign: Vec<(usize, &Found)> = open
        .found
        .iter()
        .filter(|(_, f)| owners.contains_key(f.sha256.as_str()))
        .map(|(at, f)| (*at, *f))
        .collect();
    for (at, _) in &foreign {
        open.found.remove(at);
    }
    // Another content: the same Message-ID, in the same folder first; then the closest in size.
    let mut altered = open.pair(
        |e| Some((e.user.clone(), e.folder.clone(), e.message_id.clone()?)),
        |f| Some((f.user.clone(), plain(f), f.message_id.clone()?)),
    );
    altered.extend(open.pair(
        |e| Some((e.user.clone(), e.message_id.clone()?)),
        |f| Some((f.user.clone(), f.message_id.clone()?)),
    ));
    altered.extend(open.pair_closest());

    let mut compared = Compared {
        missing: open.expected.values().map(|e| missing(e)).collect(),
        unexpected: open.found.values().map(|f| lying(f)).collect(),
        altered: altered
            .iter()
            .map(|pair| Item {
                found_sha256: Some(pair.1.sha256.clone()),
                ..elsewhere(pair)
            })
            .collect(),
        misplaced: other_folder
            .iter()
            .chain(&other_user)
            .map(elsewhere)
            .collect(),
        ..Compared::default()
    };
    for (_, found) in foreign {
        if is_owner(found) {
            compared.duplicated.push(lying(found));
        } else {
            compared.misplaced.push(strayed(found, &owners));
        }
    }
    compared.reach(&here, &other_folder, &altered, &other_user);
    compared.sort();
    compared
}

/// A copy in the mailbox of somebody who must not have it, while the owner has one too.
fn strayed(found: &Found, owners: &HashMap<&str, BTreeSet<&str>>) -> Item {
    let owners = owners.get(found.sha256.as_str());
    let owner = owners.and_then(|owners| {
        owners
            .iter()
            .find(|o| o.to_lowercase() == found.user.to_lowercase())
            .or_else(|| owners.first())
    });
    Item {
        user: owner.map(|o| (*o).to_owned()),
        found_user: Some(found.user.clone()),
        reason: Some("a copy too many".to_owned()),
        ..lying(found)
    }
}

impl Compared {
    /// Works out what each user must be able to reach.
    fn reach(&mut self, here: &[Pair], other_folder: &[Pair], altered: &[Pair], gone: &[Pair]) {
        for (expected, found) in here.iter().chain(other_folder).chain(altered) {
            *self
                .placed
                .entry(expected.user.clone())
                .or_default()
                .entry(found.folder.clone())
                .or_default() += 1;
        }
        for (expected, found) in gone {
            if expected.user.to_lowercase() == found.user.to_lowercase() {
                self.under_twin
                    .insert(expected.user.clone(), found.user.clone());
            }
            if !self.placed.contains_key(&expected.user) {
                self.all_elsewhere.insert(expected.user.clone());
            }
        }
    }

    fn sort(&mut self) {
        for list in [
            &mut self.missing,
            &mut self.duplicated,
            &mut self.altered,
            &mut self.misplaced,
            &mut self.unexpected,
        ] {
            list.sort();
        }
    }
}
