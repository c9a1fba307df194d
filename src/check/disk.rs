//! Room for the new store beside the old one: the guide's rule, and a better bound beside it; and
//! files, of which the new store needs one a message.

use super::{Answer, Asked, CheckContext, strays};
use crate::host::{Host, Reading};
use crate::scenario::Role;
use crate::store::Inventory;

/// How much there is, and how much there should be, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// The old store.
    pub store_kib: u64,
    /// All mailboxes, each counted in full; none when that is not known.
    pub mailboxes_kib: Option<u64>,
    /// What is free where the new store will be.
    pub free_kib: u64,
    /// What has to be free there.
    pub needed_kib: u64,
}

impl Room {
    /// Whether the old store can stay while the new one is filled.
    pub fn is_enough(&self) -> bool {
        self.free_kib >= self.needed_kib
    }
}

/// Judges the room.
///
/// The guide wants space for two and a half times the store: the old one, the new one, and room to
/// work; so what must still be free is one and a half. SIMS keeps one copy of a message however many
/// have it, and the new store one a stream: so it must also hold a fifth more than all mailboxes.
pub fn room(store_kib: u64, mailboxes_kib: Option<u64>, free_kib: u64) -> Room {
    let guide = store_kib.saturating_mul(3) / 2;
    let bound = mailboxes_kib.map_or(0, |all| all.saturating_mul(6) / 5);
    Room {
        store_kib,
        mailboxes_kib,
        free_kib,
        needed_kib: guide.max(bound),
    }
}

/// Looks the room up.
pub(super) async fn look(context: &CheckContext) -> Result<Room, Answer> {
    let old = context.host(Role::Old)?;
    let new = context.host(Role::New)?;
    let root = &context.site.old.store_root;
    let store = match old.disk_used(root).await? {
        None => return Err(Answer::unknown(format!("there is no {root}"))),
        Some(Reading::Unknown { raw }) => return Err(Answer::not_understood("du -sk", &raw)),
        Some(Reading::Understood(kib)) => kib,
    };
    let place = existing(&new, &context.site.new.instance_root).await?;
    let free = match new.disk_free(&place).await? {
        Reading::Understood(disk) => disk.free_kib,
        Reading::Unknown { raw } => return Err(Answer::not_understood("df -k", &raw)),
    };
    // Without it the guide's rule is all there is, and the check says so.
    let mailboxes = strays::quotas(context).await.ok();
    let mailboxes = mailboxes
        .and_then(|q| q.bytes())
        .map(|bytes| bytes.div_ceil(1024));
    Ok(room(store, mailboxes, free))
}

/// The folder itself, or the nearest above it that is there.
async fn existing(host: &Host, path: &str) -> Result<String, Answer> {
    let mut path = path.trim_end_matches('/');
    while !path.is_empty() {
        if host.exists(path).await? {
            return Ok(path.to_owned());
        }
        path = path.rsplit_once('/').map_or("", |(above, _)| above);
    }
    Ok("/".to_owned())
}

pub(super) async fn space(context: &CheckContext) -> Asked {
    let room = look(context).await?;
    let mailboxes = room.mailboxes_kib.map_or("not known".to_owned(), size);
    let detail = format!(
        "old store {}, all mailboxes {mailboxes}, free {}, needed {}",
        size(room.store_kib),
        size(room.free_kib),
        size(room.needed_kib)
    );
    if !room.is_enough() {
        return Ok(Answer::failed(detail));
    }
    if room.mailboxes_kib.is_none() {
        return Ok(Answer::warning(detail).advise(
            "Only the guide's rule could be applied: what all mailboxes come to is not known.",
        ));
    }
    Ok(Answer::ok(detail))
}

/// Whether the new store's file system can hold as many files as there will be.
pub(super) async fn inodes(context: &CheckContext) -> Asked {
    let new = context.host(Role::New)?;
    let place = existing(&new, &context.site.new.instance_root).await?;
    let free = match new.inodes(&place).await? {
        Reading::Understood(inodes) => inodes.free,
        Reading::Unknown { raw } => return Ok(Answer::not_understood("df for inodes", &raw)),
    };
    let files = if let Some(expected) = &context.expected {
        Files::counted(expected)
    } else {
        let quotas = strays::quotas(context).await?;
        Files::estimated(quotas.users.len(), quotas.bytes())
    };
    Ok(files.judge(free))
}

/// How many files the new store will have: at least, and at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Files {
    least: u64,
    most: u64,
}

impl Files {
    /// One a message, and half a dozen a folder.
    fn counted(expected: &Inventory) -> Self {
        let folders = expected.users().flat_map(|(_, folders)| folders.values());
        let files = folders.map(|c| c.messages.unwrap_or(0) + 6).sum();
        Self {
            least: files,
            most: files,
        }
    }

    /// Before anything was counted: a message has between 2 and 50 KB on average, a user between
    /// one folder and ten.
    fn estimated(users: usize, bytes: Option<u64>) -> Self {
        let users = users as u64;
        let bytes = bytes.unwrap_or(0);
        Self {
            least: users * 6 + bytes / (50 << 10),
            most: users * 60 + bytes / (2 << 10),
        }
    }

    fn judge(self, free: u64) -> Answer {
        let needed = if self.least == self.most {
            self.least.to_string()
        } else {
            format!("between {} and {}", self.least, self.most)
        };
        if free == u64::MAX {
            return Answer::ok(format!(
                "{needed} files are needed, and this file system has no fixed number"
            ));
        }
        let detail = format!("{needed} files are needed, {free} can be made");
        if free < self.least {
            Answer::failed(detail)
        } else if free < self.most {
            Answer::warning(detail)
        } else {
            Answer::ok(detail)
        }
    }
}

/// A size for people.
fn size(kib: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", kib / unit, kib % unit * 10 / unit);
    match kib {
        0..=1023 => format!("{kib} KB"),
        1024..=1_048_575 => format!("{} MB", tenths(1024)),
        _ => format!("{} GB", tenths(1024 * 1024)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Outcome;
    use crate::store::{Count, FolderName};

    #[test]
    fn the_guide_s_rule_and_the_sum_of_the_mailboxes_both_count() {
        assert!(room(1000, None, 1500).is_enough());
        assert!(!room(1000, None, 1499).is_enough());
        assert_eq!(room(1000, Some(5000), 0).needed_kib, 6000);
        assert_eq!(room(1000, Some(1000), 0).needed_kib, 1500);
    }

    #[test]
    fn files_are_counted_where_they_can_be_and_else_bounded_from_both_sides() {
        let estimate = Files::estimated(10, Some(500 << 10));
        assert_eq!((estimate.least, estimate.most), (70, 850));
        let outcome = |free| estimate.judge(free).outcome;
        assert_eq!(outcome(69), Outcome::Failed);
        assert_eq!(outcome(70), Outcome::Warning);
        assert_eq!(outcome(850), Outcome::Ok);
        assert_eq!(outcome(u64::MAX), Outcome::Ok);
        let mut counted = Inventory::default();
        counted.add("joe", FolderName::new("INBOX"), Count::new(10, 10));
        assert_eq!(Files::counted(&counted).judge(15).outcome, Outcome::Failed);
        assert_eq!(Files::counted(&counted).judge(16).outcome, Outcome::Ok);
    }

    #[test]
    fn sizes_are_for_people() {
        assert_eq!(
            [size(12), size(1536), size(5 * 1024 * 1024)],
            ["12 KB", "1.5 MB", "5.0 GB"]
        );
    }
}
