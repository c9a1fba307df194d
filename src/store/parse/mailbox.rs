//! `mboxutil -l` and `imsrestore -t`: mailboxes with their numbers.
//!
//! Both are read by one robust rule: the mailbox is from the first `user/` that white space (or the
//! line's begin) stands before, to the end of the line; the numbers stand at the line's begin. The
//! columns between are inferred and not looked at.

use super::super::folder::FolderName;
use super::super::inventory::{Count, Inventory};
use crate::host::Reading;

/// Reads `mboxutil -l`: `msgs Kbytes … user/ID/FOLDER`.
///
/// Unknown when no line was understood though there are lines beside a header.
pub fn parse_mboxutil(output: &[u8]) -> Reading<Inventory> {
    let mut inventory = Inventory::default();
    let mut strange = 0;
    for line in lines(output) {
        if let Some((user, folder, before)) = mailbox(line) {
            let numbers = numbers(before);
            let count = Count {
                messages: numbers.first().copied(),
                bytes: numbers.get(1).map(|kib| kib.saturating_mul(1024)),
                ..Count::default()
            };
            inventory.add(&user, folder, count);
        } else if !header(line) {
            strange += 1;
        }
    }
    if inventory.is_empty() && strange > 0 {
        return Reading::unknown(&String::from_utf8_lossy(output));
    }
    Reading::Understood(inventory)
}

/// Reads `imsrestore -t`: `messages bytes … user/ID/FOLDER`.
///
/// The format is inferred; unknown when a mailbox has not both numbers before it, or there is none.
pub fn parse_toc(output: &[u8]) -> Reading<Inventory> {
    let mut inventory = Inventory::default();
    for line in lines(output) {
        let Some((user, folder, before)) = mailbox(line) else {
            continue;
        };
        let [messages, bytes, ..] = numbers(before)[..] else {
            return Reading::unknown(&String::from_utf8_lossy(output));
        };
        inventory.add(&user, folder, Count::new(messages, bytes));
    }
    if inventory.is_empty() {
        return Reading::unknown(&String::from_utf8_lossy(output));
    }
    Reading::Understood(inventory)
}

fn lines(output: &[u8]) -> impl Iterator<Item = &[u8]> {
    output
        .split(|b| *b == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.iter().all(u8::is_ascii_whitespace))
}

/// A line of column titles or rules: no digit in it.
fn header(line: &[u8]) -> bool {
    !line.iter().any(u8::is_ascii_digit)
}

/// Takes a line apart: user, folder, and what stands before.
fn mailbox(line: &[u8]) -> Option<(String, FolderName, &[u8])> {
    let at = line.windows(5).enumerate().find_map(|(at, window)| {
        let free = at == 0 || line.get(at - 1).is_some_and(u8::is_ascii_whitespace);
        (window == b"user/" && free).then_some(at)
    })?;
    let (before, name) = line.split_at(at);
    let name = name.strip_prefix(b"user/")?;
    let end = name.iter().position(|b| *b == b'/');
    let (user, folder) = match end {
        Some(end) => (name.get(..end)?, name.get(end + 1..)?),
        None => (name, &b"INBOX"[..]),
    };
    // Only printable ASCII can be an id; anything else is another kind of line.
    let user = std::str::from_utf8(user).ok()?;
    if user.is_empty() || folder.is_empty() || !user.bytes().all(|b| (0x21..0x7f).contains(&b)) {
        return None;
    }
    Some((user.to_owned(), FolderName::new(folder), before))
}

/// The numbers that a line begins with.
fn numbers(before: &[u8]) -> Vec<u64> {
    let text = String::from_utf8_lossy(before);
    let words = text.split_whitespace();
    words.map_while(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn mailboxes_are_read_whatever_stands_between() {
        let text = b"  msgs  Kbytes last msg         partition   quotaroot mailbox\n\
            \x20   12      48 2002/04/05 09:12 primary        5000 user/joe/INBOX\n\
            \x20    0       0                  primary           - user/joe/Old mail/user/x\r\n\
            \x20    3      10 2002/04/05 09:12 primary           - user/Jo@hosted.com/a  b \n\
            user/ann\n";
        let inventory = parse_mboxutil(text).understood().unwrap();
        let joe = inventory.folders("joe").unwrap();
        assert_eq!(joe[&FolderName::new("INBOX")], Count::new(12, 48 * 1024));
        assert_eq!(joe[&FolderName::new("Old mail/user/x")], Count::new(0, 0));
        let jo = inventory.folders("Jo@hosted.com").unwrap();
        assert!(jo.contains_key(&FolderName::new("a  b ")));
        let ann = inventory.folders("ann").unwrap();
        assert_eq!(ann[&FolderName::new("INBOX")], Count::default());
    }

    #[test]
    fn an_empty_store_is_understood_and_a_complaint_is_not() {
        let none = parse_mboxutil(b"msgs Kbytes last msg partition quotaroot mailbox\n");
        assert!(none.understood().unwrap().is_empty());
        let said = b"mboxutil: stored is not running (pid 0)\n";
        assert!(parse_mboxutil(said).understood().is_none());
    }

    #[test]
    fn a_table_of_contents_needs_both_numbers() {
        let good = b"Contents of backup:\n  3   4711 user/anderson/INBOX\n 1 2 user/lee/M\xfcll\n";
        let inventory = parse_toc(good).understood().unwrap();
        assert_eq!(inventory.total("anderson"), Some(Count::new(3, 4711)));
        assert!(
            inventory
                .folders("lee")
                .unwrap()
                .contains_key(&FolderName::new(&b"M\xfcll"[..]))
        );
        assert!(parse_toc(b"3 user/anderson/INBOX\n").understood().is_none());
        assert!(
            parse_toc(b"user/anderson/INBOX 3 12\n")
                .understood()
                .is_none()
        );
        assert!(parse_toc(b"").understood().is_none());
    }

    proptest! {
        #[test]
        fn readers_never_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            lines in "([0-9]{0,25}|user/|/|INBOX|\n| ){0,40}",
        ) {
            for text in [&bytes[..], lines.as_bytes()] {
                let _ = parse_mboxutil(text);
                let _ = parse_toc(text);
            }
        }

        #[test]
        fn what_was_printed_is_read(messages in any::<u32>(), bytes in any::<u32>(), folder in "[a-zA-Z ]{1,20}") {
            let line = format!("{messages:>9} {bytes:>9} user/joe/{folder}\n");
            let inventory = parse_toc(line.as_bytes()).understood().unwrap();
            let (name, count) = inventory.folders("joe").unwrap().iter().next().unwrap();
            prop_assert_eq!(name, &FolderName::new(folder.as_str()));
            prop_assert_eq!(*count, Count::new(messages.into(), bytes.into()));
        }
    }
}
