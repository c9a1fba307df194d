//! Folder names as bytes: what the old store kept, what the restore makes of them, how to show them.

use crate::base::display_safe;
use base64::Engine as _;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of a folder below a user, `/` between levels, as the bytes that it is.
///
/// `INBOX` in any case is `INBOX`; all other names are exact. Written to files with `\xNN` for
/// bytes that are not UTF-8 and `\\` for a backslash, so that it reads back.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FolderName(Vec<u8>);

/// A written folder name that cannot be read back.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a folder name as this program writes them")]
pub struct BadFolderName(String);

impl FolderName {
    /// Takes a name as found.
    pub fn new(name: impl Into<Vec<u8>>) -> Self {
        let name = name.into();
        if name.eq_ignore_ascii_case(b"INBOX") {
            return Self(b"INBOX".to_vec());
        }
        Self(name)
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is the inbox.
    pub fn is_inbox(&self) -> bool {
        self.0 == b"INBOX"
    }

    /// Returns the names that a restore may give it: itself when it is MUTF-7 (RFC 2060 5.1.3),
    /// otherwise with blanks, once for every byte and once for every character that is not.
    ///
    /// The guide says that *characters* become blanks; whether it counts bytes is not documented.
    pub fn restored(&self) -> Vec<Self> {
        let bytes = blanked(&self.0, false);
        let characters = blanked(&self.0, true);
        let mut all = vec![Self::new(bytes)];
        let second = Self::new(characters);
        if all.first() != Some(&second) {
            all.push(second);
        }
        all
    }

    /// Whether a restore keeps the name.
    pub fn is_mutf7(&self) -> bool {
        blanked(&self.0, false) == self.0
    }

    /// Takes a `.mmddyy.HHMMSS` off the end, as `imsrestore -n` puts it there for a folder that
    /// exists; none when there is none.
    pub fn without_date(&self) -> Option<Self> {
        let at = self.0.len().checked_sub(14)?;
        let (name, date) = self.0.split_at(at);
        let shape = date.iter().enumerate().all(|(i, b)| match i {
            0 | 7 => *b == b'.',
            _ => b.is_ascii_digit(),
        });
        (shape && !name.is_empty()).then(|| Self::new(name))
    }

    /// Returns the name for a person: decoded from MUTF-7 where it is that.
    pub fn shown(&self) -> String {
        let text = decode(&self.0).unwrap_or_else(|| self.to_string());
        display_safe(&text).into_owned()
    }
}

impl fmt::Display for FolderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(&chunk.valid().replace('\\', "\\\\"))?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for FolderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl From<FolderName> for String {
    fn from(name: FolderName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for FolderName {
    type Error = BadFolderName;

    fn try_from(text: String) -> Result<Self, BadFolderName> {
        let mut bytes = Vec::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('\\') {
            bytes.extend_from_slice(before.as_bytes());
            if let Some(after) = after.strip_prefix('\\') {
                bytes.push(b'\\');
                rest = after;
                continue;
            }
            let hex = after.strip_prefix('x').and_then(|h| h.get(..2));
            let byte = hex.and_then(|h| u8::from_str_radix(h, 16).ok());
            let (Some(byte), Some(after)) = (byte, after.get(3..)) else {
                return Err(BadFolderName(text));
            };
            bytes.push(byte);
            rest = after;
        }
        bytes.extend_from_slice(rest.as_bytes());
        Ok(Self::new(bytes))
    }
}

/// Replaces what is not MUTF-7 by blanks: bytes outside 0x20–0x7e, and an `&` that begins no
/// valid sequence.
fn blanked(name: &[u8], whole_characters: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        if *first == b'&'
            && let Some(length) = sequence(rest)
        {
            let (kept, after) = rest.split_at(length);
            out.extend_from_slice(kept);
            rest = after;
            continue;
        }
        if (0x20..=0x7e).contains(first) && *first != b'&' {
            out.push(*first);
            rest = after;
            continue;
        }
        let length = if whole_characters { character(rest) } else { 1 };
        out.push(b' ');
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// The length of the UTF-8 character that `bytes` begin with; 1 when they begin with none.
fn character(bytes: &[u8]) -> usize {
    let begin = bytes.get(..bytes.len().min(4)).unwrap_or_default();
    let first = begin.utf8_chunks().next().map(|c| c.valid());
    first
        .and_then(|text| text.chars().next())
        .map_or(1, char::len_utf8)
}

/// The length of the valid `&…-` that `bytes` begin with.
fn sequence(bytes: &[u8]) -> Option<usize> {
    let end = bytes.iter().position(|b| *b == b'-')?;
    let inside = bytes.get(1..end)?;
    if !inside.is_empty() {
        utf16(inside)?;
    }
    Some(end + 1)
}

/// Decodes the inside of a shifted sequence: base64 with `,` for `/`, no padding, UTF-16BE.
fn utf16(inside: &[u8]) -> Option<String> {
    let standard: Vec<u8> = inside
        .iter()
        .map(|b| if *b == b',' { b'/' } else { *b })
        .collect();
    if inside.contains(&b'/') {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD_NO_PAD
        .decode(standard)
        .ok()?;
    if bytes.len() % 2 != 0 {
        return None;
    }
    let units = bytes.chunks_exact(2).map(|pair| {
        pair.iter()
            .fold(0_u16, |unit, b| (unit << 8) | u16::from(*b))
    });
    char::decode_utf16(units)
        .collect::<Result<String, _>>()
        .ok()
}

fn decode(name: &[u8]) -> Option<String> {
    let mut out = String::new();
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        if *first == b'&' {
            let length = sequence(rest)?;
            let (shifted, after) = rest.split_at(length);
            match shifted.get(1..length - 1)? {
                [] => out.push('&'),
                inside => out.push_str(&utf16(inside)?),
            }
            rest = after;
        } else if (0x20..=0x7e).contains(first) {
            out.push(char::from(*first));
            rest = after;
        } else {
            return None;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn restored(name: &[u8]) -> Vec<String> {
        let all = FolderName::new(name).restored();
        all.iter().map(FolderName::to_string).collect()
    }

    #[test]
    fn mutf7_names_stay_and_are_shown_decoded() {
        for (name, shown) in [
            ("Mail/Christmas", "Mail/Christmas"),
            ("R&AOk-sum&AOk-", "R\u{e9}sum\u{e9}"),
            ("a &- b", "a & b"),
            ("&2D3eAQ-", "\u{1f601}"),
        ] {
            let folder = FolderName::new(name);
            assert!(folder.is_mutf7(), "{name}");
            assert_eq!(folder.restored(), std::slice::from_ref(&folder));
            assert_eq!(folder.shown(), shown);
        }
    }

    #[test]
    fn what_is_not_mutf7_becomes_blanks() {
        assert_eq!(restored(b"a\xe9b"), ["a b"]);
        assert_eq!(restored("gr\u{fc}n".as_bytes()), ["gr  n", "gr n"]);
        assert_eq!(restored(b"Q&A"), ["Q A"]);
        assert_eq!(restored(b"a&b-c"), ["a b-c"]);
        assert_eq!(restored(b"x&AOk"), ["x AOk"]);
        assert_eq!(restored(b"\x01"), [" "]);
        assert_eq!(restored(b"&===-"), [" ===-"]);
    }

    #[test]
    fn the_inbox_is_the_only_name_without_case() {
        assert_eq!(FolderName::new("inbox"), FolderName::new("INBOX"));
        assert_ne!(FolderName::new("mail"), FolderName::new("Mail"));
    }

    #[test]
    fn dates_of_a_second_restore_are_recognised() {
        let twin = FolderName::new("INBOX.052097.110000");
        assert_eq!(twin.without_date(), Some(FolderName::new("INBOX")));
        for other in [
            "INBOX.05209.7110000",
            "a.b",
            ".052097.110000",
            "x.052097-110000",
        ] {
            assert_eq!(FolderName::new(other).without_date(), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_written_and_read_back(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let name = FolderName::new(bytes);
            prop_assert_eq!(FolderName::try_from(name.to_string()), Ok(name.clone()));
            let _ = name.shown();
        }

        #[test]
        fn a_restored_name_is_mutf7_and_stays(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            for name in FolderName::new(bytes).restored() {
                prop_assert!(name.is_mutf7(), "{:?}", name);
            }
        }

        #[test]
        fn what_others_encode_is_understood(text in "[\\PC&&[^\u{7f}]]{0,20}") {
            let encoded = utf7_imap::encode_utf7_imap(text.clone());
            prop_assert_eq!(decode(encoded.as_bytes()), Some(text));
        }

        #[test]
        fn reading_a_written_name_never_panics(text in "\\PC{0,30}") {
            let _ = FolderName::try_from(text);
        }
    }
}
