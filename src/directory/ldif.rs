//! LDIF (RFC 2849): what is sent, what is kept for undoing it, and files made by others.
//!
//! Small and our own: the crates on the registry lose the order of values or the bytes of those
//! that are not UTF-8, and an undo file must keep both.

mod read;
mod write;

pub use read::{LdifError, parse, parse_whole};
pub use write::{comment, write_entry, write_record};

use super::entry::{Change, Entry};
use serde::{Deserialize, Serialize};

/// One record of an LDIF file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// An entry without `changetype`: content.
    Entry(Entry),
    /// `changetype: add`.
    Add(Entry),
    /// `changetype: delete`.
    Delete {
        /// The entry to delete.
        dn: String,
    },
    /// `changetype: modify`.
    Modify {
        /// The entry to change.
        dn: String,
        /// The changes, in order.
        changes: Vec<Change>,
    },
}

impl Record {
    /// Returns the DN the record is about.
    pub fn dn(&self) -> &str {
        match self {
            Self::Entry(entry) | Self::Add(entry) => &entry.dn,
            Self::Delete { dn } | Self::Modify { dn, .. } => dn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Record, parse, write_record};
    use crate::directory::entry::{Change, Entry};
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            "[ -~]{0,120}".prop_map(String::into_bytes),
            "\\PC{0,60}".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..120),
        ]
    }

    fn change() -> impl Strategy<Value = Change> {
        let name = "[a-zA-Z][a-zA-Z0-9-]{0,20}";
        let values = proptest::collection::vec(value(), 1..4);
        (0..3, name, values).prop_map(|(kind, attribute, values)| match kind {
            0 => Change::Add { attribute, values },
            1 => Change::Delete { attribute, values },
            _ => Change::Replace { attribute, values },
        })
    }

    proptest! {
        #[test]
        fn whatever_is_written_reads_back_byte_for_byte(
            dn in "\\PC{1,90}",
            changes in proptest::collection::vec(change(), 1..4),
        ) {
            let dn = dn.trim().to_owned();
            prop_assume!(!dn.is_empty());
            let record = Record::Modify { dn, changes };
            let mut text = Vec::new();
            write_record(&mut text, &record);
            prop_assert!(text.is_ascii());
            prop_assert!(text.split(|b| *b == b'\n').all(|line| line.len() <= 76));
            prop_assert_eq!(parse(&text).unwrap(), vec![record]);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn entries_additions_and_deletions_read_back() {
        let entry = Entry::new("uid=a,o=x").with("uid", "a").with("cn", " lead");
        let records = vec![
            Record::Add(entry.clone()),
            Record::Delete {
                dn: "uid=b,o=x".into(),
            },
            Record::Entry(entry),
        ];
        let mut text = Vec::new();
        for record in &records {
            write_record(&mut text, record);
        }
        assert_eq!(parse(&text).unwrap(), records);
    }
}
