//! Which user has which folders with how much in them, at one moment, as somebody counted it.

use super::folder::FolderName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is in a folder, as far as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Messages; none when the number was not understood.
    pub messages: Option<u64>,
    /// Bytes; none when they were not told.
    pub bytes: Option<u64>,
    /// How many folders of this name were counted together: a table of contents names two folders
    /// alike whose names are the same once blanked.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub folders: u32,
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_one(folders: &u32) -> bool {
    *folders == 1
}

impl Default for Count {
    fn default() -> Self {
        Self {
            messages: None,
            bytes: None,
            folders: 1,
        }
    }
}

impl Count {
    /// Counts both.
    pub fn new(messages: u64, bytes: u64) -> Self {
        Self {
            messages: Some(messages),
            bytes: Some(bytes),
            folders: 1,
        }
    }

    /// Adds another count; what is unknown on one side is unknown in the sum.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
        Self {
            messages: sum(self.messages, other.messages),
            bytes: sum(self.bytes, other.bytes),
            folders: self.folders.saturating_add(other.folders),
        }
    }
}

fn less(now: Option<u64>, was: Option<u64>) -> Option<u64> {
    Some(now?.saturating_sub(was?))
}

/// The folders of some users: user id, folder, count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Inventory(BTreeMap<String, BTreeMap<FolderName, Count>>);

impl Inventory {
    /// Notes a folder; what is noted of it already is added to.
    pub fn add(&mut self, user: &str, folder: FolderName, count: Count) {
        let folders = self.0.entry(user.to_owned()).or_default();
        folders
            .entry(folder)
            .and_modify(|there| *there = there.and(count))
            .or_insert(count);
    }

    /// Notes that a user was looked for, found or not.
    pub fn add_user(&mut self, user: &str) {
        self.0.entry(user.to_owned()).or_default();
    }

    /// Takes all of another inventory in.
    pub fn merge(&mut self, other: Self) {
        for (user, folders) in other.0 {
            self.add_user(&user);
            for (folder, count) in folders {
                self.add(&user, folder, count);
            }
        }
    }

    /// Returns what has come since another inventory of the same store: a folder with nothing new
    /// counts as empty, one that is new in full.
    #[must_use]
    pub fn without(&self, before: &Self) -> Self {
        let mut left = self.clone();
        for (user, folders) in &mut left.0 {
            for (name, count) in folders {
                let was = before.0.get(user).and_then(|folders| folders.get(name));
                if let Some(was) = was {
                    count.messages = less(count.messages, was.messages);
                    count.bytes = less(count.bytes, was.bytes);
                }
            }
        }
        left
    }

    /// Returns the folders of a user.
    pub fn folders(&self, user: &str) -> Option<&BTreeMap<FolderName, Count>> {
        self.0.get(user)
    }

    /// Returns all users with their folders, by id.
    pub fn users(&self) -> impl Iterator<Item = (&str, &BTreeMap<FolderName, Count>)> {
        self.0
            .iter()
            .map(|(user, folders)| (user.as_str(), folders))
    }

    /// Returns how many users are noted.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody is noted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns all messages and bytes of a user.
    pub fn total(&self, user: &str) -> Option<Count> {
        let folders = self.0.get(user)?;
        let nothing = Count {
            folders: 0,
            ..Count::new(0, 0)
        };
        Some(folders.values().fold(nothing, |sum, c| sum.and(*c)))
    }

    /// Returns the folders of a user that a restore will give one and the same name, by that name;
    /// a name that was counted twice already stands for itself as often.
    ///
    /// Judged with a blank for every byte and with one for every character: either may happen.
    pub fn collisions(&self, user: &str) -> BTreeMap<FolderName, Vec<FolderName>> {
        let mut by_name: BTreeMap<FolderName, Vec<FolderName>> = BTreeMap::new();
        for (folder, count) in self.0.get(user).into_iter().flatten() {
            for name in folder.restored() {
                let folders = by_name.entry(name).or_default();
                folders.extend((0..count.folders).map(|_| folder.clone()));
            }
        }
        by_name.retain(|_, folders| folders.len() > 1);
        by_name
    }

    /// Returns the folders of a user that a restore will rename.
    pub fn renamed(&self, user: &str) -> Vec<FolderName> {
        let folders = self.0.get(user).into_iter().flat_map(BTreeMap::keys);
        folders.filter(|f| !f.is_mutf7()).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collisions_are_predicted_before_anything_is_moved() {
        let mut inventory = Inventory::default();
        for name in [&b"B\xe9ta"[..], b"B ta", b"INBOX", b"other"] {
            inventory.add("joe", FolderName::new(name), Count::new(1, 10));
        }
        let collisions = inventory.collisions("joe");
        assert_eq!(collisions.len(), 1);
        assert_eq!(
            collisions[&FolderName::new("B ta")],
            [FolderName::new("B ta"), FolderName::new(&b"B\xe9ta"[..])]
        );
        assert_eq!(inventory.renamed("joe").len(), 1);
        let total = inventory.total("joe").unwrap();
        assert_eq!(
            (total.messages, total.bytes, total.folders),
            (Some(4), Some(40), 4)
        );
    }

    #[test]
    fn what_is_unknown_stays_unknown_in_a_sum_and_in_a_file() {
        let mut inventory = Inventory::default();
        inventory.add("joe", FolderName::new(&b"\xff\\"[..]), Count::new(1, 10));
        inventory.add("joe", FolderName::new("INBOX"), Count::default());
        assert_eq!(inventory.total("joe").unwrap().messages, None);
        let text = serde_json::to_string(&inventory).unwrap();
        assert_eq!(serde_json::from_str::<Inventory>(&text).unwrap(), inventory);
    }
}
