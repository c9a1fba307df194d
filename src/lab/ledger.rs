//! `ledger.jsonl`: what mail must in the end be in whose mailbox; listeners add what they accept.

use super::daemon::mailbox::with_crlf;
use super::lines;
use super::world::{Lab, LabError};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The file, below the lab's folder.
pub const LEDGER_FILE: &str = "ledger.jsonl";

/// How a message came into the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// It was in the old store from the start.
    Store,
    /// It was in the queue from the start.
    Queue,
    /// It was on hold from the start.
    Hold,
    /// It was sent while the lab ran.
    Traffic,
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The store id, case as in the directory.
    pub user: String,
    /// The Message-ID with its brackets.
    pub message_id: Option<String>,
    /// The hash of the message with every line ended by CRLF.
    pub sha256: String,
    /// The size of the same.
    pub size: u64,
    /// The folder.
    pub folder: String,
    /// Its flags.
    pub flags: Vec<String>,
    /// When it arrived, seconds since the epoch.
    pub internal_date: i64,
    /// How it came here.
    pub from: Origin,
}

impl Line {
    /// Describes a message that goes into somebody's INBOX.
    pub fn new(user: &str, message: &[u8], internal_date: i64, from: Origin) -> Self {
        let text = with_crlf(message);
        Self {
            user: user.to_owned(),
            message_id: message_id(&text),
            sha256: format!("{:x}", Sha256::digest(&text)),
            size: text.len() as u64,
            folder: "INBOX".to_owned(),
            flags: Vec::new(),
            internal_date,
            from,
        }
    }
}

/// Appends lines, whole and synced; several processes may do so at once.
///
/// # Errors
/// When the file cannot be locked or written.
pub fn append(lab: &Lab, added: &[Line]) -> Result<(), LabError> {
    let _lock = lines::lock(&lab.dir.join(".ledger.lock"))?;
    let path = lab.dir.join(LEDGER_FILE);
    for (at, line) in added.iter().enumerate() {
        lines::append(&path, line, at + 1 == added.len())?;
    }
    Ok(())
}

/// The Message-ID of a message, unfolded; `None` when its header has none.
fn message_id(text: &[u8]) -> Option<String> {
    let mut lines = text
        .split(|b| *b == b'\n')
        .map(|l| l.strip_suffix(b"\r").unwrap_or(l));
    let mut value: Option<Vec<u8>> = None;
    for line in lines.by_ref().take_while(|l| !l.is_empty()) {
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        match (&mut value, folded) {
            (Some(value), true) => value.extend_from_slice(line),
            (Some(_), false) => break,
            (None, _) => {
                let at = line.iter().position(|b| *b == b':');
                let (name, rest) = line.split_at(at.unwrap_or(0));
                if name.trim_ascii().eq_ignore_ascii_case(b"message-id") {
                    value = Some(rest.get(1..).unwrap_or_default().to_vec());
                }
            }
        }
    }
    let value = String::from_utf8(value?).ok()?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_about_the_message_with_its_line_ends_put_right() {
        let a = Line::new(
            "Ann",
            b"Message-Id:\n <1@x>\nTo: b\n\nhi\n",
            5,
            Origin::Traffic,
        );
        let b = Line::new(
            "Ann",
            b"Message-Id:\r\n <1@x>\r\nTo: b\r\n\r\nhi\r\n",
            5,
            Origin::Traffic,
        );
        assert_eq!(a, b);
        assert_eq!(a.message_id.as_deref(), Some("<1@x>"));
        assert_eq!(a.size, 34);
    }

    #[test]
    fn a_message_without_an_id_has_none() {
        for text in [
            "To: a\n\nMessage-ID: <in the body>\n",
            "Message-ID:\n\n",
            "",
        ] {
            assert_eq!(
                Line::new("a", text.as_bytes(), 0, Origin::Queue).message_id,
                None,
                "{text:?}"
            );
        }
    }
}
