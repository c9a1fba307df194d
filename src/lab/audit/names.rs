//! Names on disk and in messages, as the audit reads them: store ids and folders of the new
//! store's tree, the date suffix of a restore, Message-IDs, content hashes.

use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Decodes one level of the new store's tree, without its leading `=`: `+A` is `A`, `++` is `+`,
/// `%d` a dot, `%e` an equals sign, `%%` a per cent sign. None when it is not so encoded.
pub(super) fn decode(name: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(name.len());
    let mut bytes = name.iter().copied();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => match bytes.next()? {
                b'+' => b'+',
                upper if upper.is_ascii_uppercase() => upper,
                _ => return None,
            },
            b'%' => match bytes.next()? {
                b'd' => b'.',
                b'e' => b'=',
                b'%' => b'%',
                _ => return None,
            },
            b'.' | b'=' => return None,
            byte if byte.is_ascii_uppercase() => return None,
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok().filter(|n| !n.is_empty())
}

/// Takes the date suffixes of a restore (`.mmddyy.HHMMSS`) off the levels of a folder whose plain
/// name is there as well: so two names that became one are kept apart.
pub(super) fn without_suffix(folder: &str, present: &BTreeSet<&str>) -> String {
    let mut plain = String::new();
    for (depth, level) in folder.split('/').enumerate() {
        if depth > 0 {
            plain.push('/');
        }
        let before = plain.len();
        plain.push_str(plain_level(level).unwrap_or(level));
        // INBOX has one name only, so nothing can have collided with it.
        if plain == "INBOX" || !present.contains(plain.as_str()) {
            plain.truncate(before);
            plain.push_str(level);
        }
    }
    plain
}

fn plain_level(level: &str) -> Option<&str> {
    let (rest, time) = level.rsplit_once('.')?;
    let (plain, date) = rest.rsplit_once('.')?;
    let six = |s: &str| s.len() == 6 && s.bytes().all(|b| b.is_ascii_digit());
    (six(time) && six(date) && !plain.is_empty()).then_some(plain)
}

/// Returns the hash of a message in the ledger's form: every LF that does not follow a CR is a CRLF.
pub(super) fn content_hash(message: &[u8]) -> String {
    let mut hash = Sha256::new();
    let mut rest = message;
    let mut after_cr = false;
    while let Some(at) = rest.iter().position(|b| *b == b'\n') {
        let (line, tail) = rest.split_at(at);
        after_cr = line.last().map_or(after_cr, |b| *b == b'\r');
        hash.update(line);
        hash.update(if after_cr { "\n" } else { "\r\n" });
        after_cr = false;
        rest = tail.get(1..).unwrap_or_default();
    }
    hash.update(rest);
    let mut hex = String::with_capacity(64);
    for byte in hash.finalize() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Returns the Message-ID of a message's own header, with its angle brackets.
pub(super) fn message_id(message: &[u8]) -> Option<String> {
    header_id(message, true)
}

/// Returns the Message-ID in a queue file, whose envelope comes before the message.
pub(super) fn queued_message_id(file: &[u8]) -> Option<String> {
    header_id(file, false)
}

fn header_id(bytes: &[u8], stop_at_body: bool) -> Option<String> {
    const NAME: &[u8] = b"message-id:";
    let mut lines = bytes.split(|b| *b == b'\n');
    while let Some(line) = lines.next() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() && stop_at_body {
            return None;
        }
        let Some((name, value)) = line.split_at_checked(NAME.len()) else {
            continue;
        };
        if !name.eq_ignore_ascii_case(NAME) {
            continue;
        }
        let mut value = String::from_utf8_lossy(value).trim().to_owned();
        if value.is_empty() {
            // Folded: the id stands on the next line.
            let next = lines
                .next()
                .filter(|l| l.starts_with(b" ") || l.starts_with(b"\t"))?;
            String::from_utf8_lossy(next).trim().clone_into(&mut value);
        }
        return Some(value).filter(|v| !v.is_empty());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_disk_are_read_back_exactly() {
        assert_eq!(decode(b"+anderson"), None);
        assert_eq!(decode(b"+Anderson").as_deref(), Some("Anderson"));
        assert_eq!(
            decode(b"ann@example%dcom").as_deref(),
            Some("ann@example.com")
        );
        assert_eq!(decode(b"a++b%%c%ed").as_deref(), Some("a+b%c=d"));
        assert_eq!(decode(b"+Entw&+A+Pw-rfe").as_deref(), Some("Entw&APw-rfe"));
        for wrong in [&b"Anderson"[..], b"a.b", b"a=b", b"a%", b"a%x", b""] {
            assert_eq!(decode(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_date_suffix_is_taken_off_only_where_the_plain_name_is_there_too() {
        let present = BTreeSet::from(["INBOX", "a b", "Mail"]);
        assert_eq!(without_suffix("a b.040502.101010", &present), "a b");
        assert_eq!(without_suffix("a b.040502.101010/x", &present), "a b/x");
        assert_eq!(
            without_suffix("c.040502.101010", &present),
            "c.040502.101010"
        );
        assert_eq!(
            without_suffix("INBOX.040502.101010", &present),
            "INBOX.040502.101010"
        );
        assert_eq!(
            without_suffix("a b.0405.101010", &present),
            "a b.0405.101010"
        );
    }

    #[test]
    fn the_hash_is_over_crlf_lines_and_leaves_a_lone_cr() {
        let crlf = content_hash(b"a\r\nb\rc\r\n\r\n");
        assert_eq!(content_hash(b"a\nb\rc\n\n"), crlf);
        assert_eq!(content_hash(b"a\r\nb\rc\n\r\n"), crlf);
        assert_ne!(content_hash(b"a\r\nb\r\nc\r\n\r\n"), crlf);
        assert_eq!(
            content_hash(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn a_message_id_is_found_in_the_header_only_and_also_when_folded() {
        let id = |m: &[u8]| message_id(m);
        assert_eq!(
            id(b"To: x\r\nMessage-Id: <a@b>\r\n\r\n").as_deref(),
            Some("<a@b>")
        );
        assert_eq!(
            id(b"MESSAGE-ID:\r\n <a@b>\r\n\r\n").as_deref(),
            Some("<a@b>")
        );
        assert_eq!(id(b"To: x\r\n\r\nMessage-ID: <a@b>\r\n"), None);
        assert_eq!(
            queued_message_id(b"m;x\n\nTo: x\nMessage-ID: <q@b>\n\n").as_deref(),
            Some("<q@b>")
        );
    }
}
