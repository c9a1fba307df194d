//! What the IMAP and POP listeners need of a store, old or new.

use std::io;

/// A message in a folder, as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The client's unique number in this folder, from 1.
    pub uid: u32,
    /// Flags such as `\Seen`.
    pub flags: Vec<String>,
    /// When it arrived, seconds since the epoch.
    pub date: i64,
    /// Its size as it is sent to a client.
    pub bytes: u64,
}

/// Why somebody may not come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such user here, or a wrong password; a client is not told which.
    Credentials,
    /// The user may not read now: locked, held, inactive, or at home on another host.
    Closed,
    /// The user is at home on this host, and this server leads there.
    Elsewhere(String),
    /// The directory does not answer.
    Directory,
}

/// A store that people can read through a protocol.
pub trait Mailboxes: Send + Sync {
    /// The server's full name, for greetings.
    fn host(&self) -> &str;
    /// Lets somebody in and returns whose mailbox that is (the store id).
    ///
    /// # Errors
    /// Why not.
    fn login(&self, user: &str, password: &str) -> Result<String, Refusal>;
    /// Lists a user's folders, `INBOX` among them, as raw bytes.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn folders(&self, user: &str) -> io::Result<Vec<Vec<u8>>>;
    /// Lists the folders that a user has subscribed to; all, where nobody kept that.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn subscribed(&self, user: &str) -> io::Result<Vec<Vec<u8>>> {
        self.folders(user)
    }
    /// Lists a folder's messages by uid and its UIDVALIDITY; `None` when there is no such folder.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn messages(&self, user: &str, folder: &[u8]) -> io::Result<Option<(u32, Vec<Message>)>>;
    /// Reads a message, its line ends as CRLF.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    fn read(&self, user: &str, folder: &[u8], uid: u32) -> io::Result<Vec<u8>>;
}

/// Writes every LF that has no CR before it as CRLF; a lone CR stays.
pub fn with_crlf(message: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(message.len() + message.len() / 32);
    let mut before = 0_u8;
    for byte in message {
        if *byte == b'\n' && before != b'\r' {
            whole.push(b'\r');
        }
        whole.push(*byte);
        before = *byte;
    }
    whole
}

#[cfg(test)]
pub(super) mod fake {
    //! A store in memory for the protocol tests.

    use super::{Mailboxes, Message, Refusal};
    use std::io;

    /// `ann` with password `pw` has INBOX (two messages) and an odd folder.
    pub struct Ann;

    pub const FIRST: &[u8] = b"Subject: one\r\n\r\n.dot\r\n";
    pub const SECOND: &[u8] = b"Subject: two\r\n\r\n\xff";

    impl Mailboxes for Ann {
        fn host(&self) -> &'static str {
            "mail.siroe.com"
        }
        fn login(&self, user: &str, password: &str) -> Result<String, Refusal> {
            match (user, password) {
                ("ann", "pw") => Ok("ann".to_owned()),
                ("locked", _) => Err(Refusal::Closed),
                _ => Err(Refusal::Credentials),
            }
        }
        fn folders(&self, _user: &str) -> io::Result<Vec<Vec<u8>>> {
            Ok(vec![b"INBOX".to_vec(), b"Mail/\xe4\"".to_vec()])
        }
        fn messages(&self, _user: &str, folder: &[u8]) -> io::Result<Option<(u32, Vec<Message>)>> {
            let message = |uid, flags: &[&str], text: &[u8]| Message {
                uid,
                flags: flags.iter().map(|f| (*f).to_owned()).collect(),
                date: 1_017_993_600,
                bytes: text.len() as u64,
            };
            Ok(match folder {
                b"INBOX" => Some((
                    77,
                    vec![message(3, &["\\Seen"], FIRST), message(9, &[], SECOND)],
                )),
                b"Mail/\xe4\"" => Some((78, Vec::new())),
                _ => None,
            })
        }
        fn read(&self, _user: &str, _folder: &[u8], uid: u32) -> io::Result<Vec<u8>> {
            match uid {
                3 => Ok(FIRST.to_vec()),
                9 => Ok(SECOND.to_vec()),
                _ => Err(io::ErrorKind::NotFound.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_a_bare_lf_gets_a_cr() {
        assert_eq!(
            super::with_crlf(b"a\nb\r\nc\rd\n\n"),
            b"a\r\nb\r\nc\rd\r\n\r\n"
        );
    }
}
