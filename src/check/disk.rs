//! Room for the new store beside the old one: the guide's rule, and a better bound beside it.

use super::{Answer, Asked, CheckContext};
use crate::host::{Host, HostError, Reading};
use crate::scenario::Role;
use crate::store::parse::parse_quotas;
use std::time::Duration;

/// How long counting a large store may take.
const LONG: Duration = Duration::from_secs(3600);

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
    // Without -n everybody near the limit would get a letter.
    let tool = format!("{}/imquotacheck", context.site.old.sbin);
    let argv = [tool, "-v".to_owned(), "-n".to_owned()];
    let mailboxes = match old.ask(&argv, LONG).await {
        Ok(result) => parse_quotas(&result.stdout_text())
            .understood()
            .and_then(|q| q.bytes())
            .map(|bytes| bytes.div_ceil(1024)),
        Err(HostError::Late { .. }) => None,
        Err(e) => return Err(e.into()),
    };
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
    let place = existing(&context.host(Role::New)?, &context.site.new.instance_root).await?;
    let inodes = context.host(Role::New)?.inodes(&place).await?;
    if let (Reading::Understood(inodes), Some(expected)) = (inodes, &context.expected) {
        // One file a message, and half a dozen a folder.
        let files: u64 = expected
            .users()
            .flat_map(|(_, folders)| folders.values())
            .map(|count| count.messages.unwrap_or(0) + 6)
            .sum();
        if inodes.free < files {
            return Ok(Answer::failed(format!(
                "{detail}; {files} files are needed and only {} can be made",
                inodes.free
            )));
        }
    }
    Ok(Answer::ok(detail))
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

    #[test]
    fn the_guide_s_rule_and_the_sum_of_the_mailboxes_both_count() {
        assert!(room(1000, None, 1500).is_enough());
        assert!(!room(1000, None, 1499).is_enough());
        assert_eq!(room(1000, Some(5000), 0).needed_kib, 6000);
        assert_eq!(room(1000, Some(1000), 0).needed_kib, 1500);
    }

    #[test]
    fn sizes_are_for_people() {
        assert_eq!(
            [size(12), size(1536), size(5 * 1024 * 1024)],
            ["12 KB", "1.5 MB", "5.0 GB"]
        );
    }
}
