//! A full disk on a host, told: which one, how full, and what to do.

use crate::host::{Host, Reading};

/// Whether some output says that a disk is full, as one system or the other puts it.
pub(super) fn is_said(text: &str) -> bool {
    let lower = text.to_lowercase();
    ["no space left", "file system full", "disk quota exceeded"]
        .iter()
        .any(|words| lower.contains(words))
}

/// What was said, with the disk that it is about and what to do.
pub(super) async fn told(said: &str, host: &Host, folder: &str) -> String {
    let free = match host.disk_free(folder).await {
        Ok(Reading::Understood(disk)) => format!(", {} KB free", disk.free_kib),
        Ok(Reading::Unknown { .. }) | Err(_) => String::new(),
    };
    format!(
        "{}; the disk of {folder} on {} is full{free}: make room there, then retry",
        said.trim_end_matches('.'),
        host.fqdn
    )
}

#[cfg(test)]
mod tests {
    use super::is_said;

    #[test]
    fn both_systems_words_for_a_full_disk_are_known() {
        assert!(is_said("imsrestore: write: No space left on device"));
        assert!(is_said("NOTICE: alloc: /var: file system full"));
        assert!(!is_said("cannot open user/joe/INBOX"));
    }
}
