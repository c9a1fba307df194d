//! Writing LDIF: ASCII only, base64 where a value needs it, folded at 76 columns.

use super::Record;
use crate::base::display_safe;
use crate::directory::entry::{Change, Entry};
use base64::Engine as _;

const WIDTH: usize = 76;

/// Writes a comment of one line; anything that is not printable ASCII is written as `\u{…}`.
pub fn comment(to: &mut Vec<u8>, text: &str) {
    let safe: String = display_safe(text)
        .chars()
        .map(|c| {
            if c.is_ascii() {
                c.to_string()
            } else {
                c.escape_unicode().to_string()
            }
        })
        .collect();
    fold(to, format!("# {safe}").as_bytes());
}

/// Writes an entry as content, with the empty line after it.
pub fn write_entry(to: &mut Vec<u8>, entry: &Entry) {
    line(to, "dn", entry.dn.as_bytes());
    values(to, entry);
    to.push(b'\n');
}

/// Writes one record, with the empty line after it.
pub fn write_record(to: &mut Vec<u8>, record: &Record) {
    match record {
        Record::Entry(entry) => return write_entry(to, entry),
        Record::Add(entry) => {
            line(to, "dn", entry.dn.as_bytes());
            line(to, "changetype", b"add");
            values(to, entry);
        }
        Record::Delete { dn } => {
            line(to, "dn", dn.as_bytes());
            line(to, "changetype", b"delete");
        }
        Record::Modify { dn, changes } => {
            line(to, "dn", dn.as_bytes());
            line(to, "changetype", b"modify");
            for change in changes {
                let kind = match change {
                    Change::Add { .. } => "add",
                    Change::Delete { .. } => "delete",
                    Change::Replace { .. } => "replace",
                };
                line(to, kind, change.attribute().as_bytes());
                for value in change.values() {
                    line(to, change.attribute(), value);
                }
                to.extend_from_slice(b"-\n");
            }
        }
    }
    to.push(b'\n');
}

fn values(to: &mut Vec<u8>, entry: &Entry) {
    for (name, values) in &entry.attributes {
        for value in values {
            line(to, name, value);
        }
    }
}

fn line(to: &mut Vec<u8>, name: &str, value: &[u8]) {
    let mut text = name.as_bytes().to_vec();
    if value.is_empty() {
        text.push(b':');
    } else if is_safe(value) {
        text.extend_from_slice(b": ");
        text.extend_from_slice(value);
    } else {
        text.extend_from_slice(b":: ");
        let encoded = base64::engine::general_purpose::STANDARD.encode(value);
        text.extend_from_slice(encoded.as_bytes());
    }
    fold(to, &text);
}

/// A SAFE-STRING of RFC 2849, without a space at the end and printable.
fn is_safe(value: &[u8]) -> bool {
    let starts_safe = !matches!(value.first(), Some(b' ' | b':' | b'<'));
    starts_safe
        && value.last() != Some(&b' ')
        && value.iter().all(|byte| (0x20..0x7f).contains(byte))
}

fn fold(to: &mut Vec<u8>, text: &[u8]) {
    let (first, mut rest) = text.split_at(text.len().min(WIDTH));
    to.extend_from_slice(first);
    while !rest.is_empty() {
        to.extend_from_slice(b"\n ");
        let (next, left) = rest.split_at(rest.len().min(WIDTH - 1));
        to.extend_from_slice(next);
        rest = left;
    }
    to.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::{comment, write_record};
    use crate::directory::entry::Change;
    use crate::directory::ldif::Record;

    #[test]
    fn a_change_record_looks_as_ldapmodify_expects_it() {
        let record = Record::Modify {
            dn: "uid=Zoë,o=internet".into(),
            changes: vec![
                Change::delete("mailQuota", &["1T"]),
                Change::add("cn", &["a", " b", ""]),
            ],
        };
        let mut text = Vec::new();
        write_record(&mut text, &record);
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "dn:: dWlkPVpvw6ssbz1pbnRlcm5ldA==\nchangetype: modify\ndelete: mailQuota\n\
             mailQuota: 1T\n-\nadd: cn\ncn: a\ncn:: IGI=\ncn:\n-\n\n"
        );
    }

    #[test]
    fn a_comment_cannot_smuggle_in_a_line() {
        let mut text = Vec::new();
        comment(&mut text, "x\ndn: cn=evil\u{202e}é");
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "# x\\ndn: cn=evil\\u{202e}\\u{e9}\n"
        );
    }
}
