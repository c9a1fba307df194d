//! SMTP as both products' dispatchers speak it to a client: envelope, message, verdict.
//!
//! What is local, what may be relayed and where a message goes is the [`Mta`]'s business.

use super::session::line;
use std::io::{self, BufRead, Write};
use std::net::IpAddr;

/// The largest message that is taken.
const MESSAGE_LIMIT: usize = 64 * 1024 * 1024;

/// What an MTA says about a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Somebody here, or somewhere this client may send to.
    Accepted,
    /// Would be here, but there is nobody of that name.
    Unknown,
    /// Somewhere else, and this client may not relay.
    RelayDenied,
    /// Cannot be told now: the directory does not answer.
    Later,
}

/// A message an MTA is asked to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The sender, empty for a report.
    pub from: String,
    /// The recipients, all accepted before.
    pub to: Vec<String>,
    /// The message as received, dots taken out, line ends untouched.
    pub message: Vec<u8>,
    /// How many of the site's own hosts it was on; none where it comes from elsewhere.
    pub hops: Option<u32>,
}

/// The server behind an SMTP session.
pub trait Mta: Send + Sync {
    /// Its full name, for greetings.
    fn name(&self) -> &str;
    /// Its product, for the greeting.
    fn product(&self) -> &str;
    /// Whether it takes mail from `client` to `address`.
    fn recipient(&self, client: IpAddr, address: &str) -> Verdict;
    /// Takes a message; only after it returns `Ok` is the client told so.
    ///
    /// # Errors
    /// When it could not be kept safely.
    fn accept(&self, incoming: &Incoming) -> io::Result<()>;
}

/// Speaks SMTP with one client until it leaves.
///
/// # Errors
/// When the connection breaks.
pub fn talk(
    reader: &mut dyn BufRead,
    writer: &mut dyn Write,
    client: IpAddr,
    mta: &dyn Mta,
) -> io::Result<()> {
    reply(
        writer,
        &format!("220 {} -- Server ESMTP ({})", mta.name(), mta.product()),
    )?;
    let mut from: Option<String> = None;
    let mut to: Vec<String> = Vec::new();
    let mut way = Way::default();
    while let Some(command) = line(reader)? {
        let command = String::from_utf8_lossy(&command).into_owned();
        let verb = command.split_whitespace().next().unwrap_or_default();
        match verb.to_ascii_uppercase().as_str() {
            "HELO" => reply(writer, &format!("250 {} OK", mta.name()))?,
            "EHLO" => {
                reply(writer, &format!("250-{}", mta.name()))?;
                reply(writer, "250-8BITMIME")?;
                reply(writer, &format!("250 SIZE {MESSAGE_LIMIT}"))?;
            }
            "MAIL" => match address(&command, "FROM:") {
                Some(_) if from.is_some() => {
                    reply(writer, "503 5.5.1 A sender has been given already")?;
                }
                Some(sender) => {
                    way = Way::of(&command);
                    from = Some(sender);
                    reply(writer, "250 2.5.0 Address Ok.")?;
                }
                None => reply(writer, "501 5.5.4 Syntax: MAIL FROM:<address>")?,
            },
            "RCPT" => match address(&command, "TO:") {
                _ if from.is_none() => reply(writer, "503 5.5.1 No sender has been given")?,
                None => reply(writer, "501 5.5.4 Syntax: RCPT TO:<address>")?,
                Some(recipient) => match mta.recipient(client, &recipient) {
                    Verdict::Accepted => {
                        reply(writer, &format!("250 2.1.5 {recipient} OK."))?;
                        to.push(recipient);
                    }
                    Verdict::Unknown => {
                        reply(writer, "550 5.1.1 unknown or illegal alias")?;
                    }
                    Verdict::RelayDenied => {
                        reply(writer, "550 5.7.1 relaying not allowed")?;
                    }
                    Verdict::Later => reply(writer, "451 4.3.0 directory not available")?,
                },
            },
            "DATA" if to.is_empty() => reply(writer, "503 5.5.1 No recipient has been given")?,
            "DATA" => {
                reply(writer, "354 Enter mail, end with a single \".\".")?;
                let Some(mut message) = data(reader)? else {
                    return Ok(());
                };
                if way.cut && message.ends_with(b"\r\n") {
                    message.truncate(message.len() - 2);
                }
                let incoming = Incoming {
                    from: from.take().unwrap_or_default(),
                    to: std::mem::take(&mut to),
                    message,
                    hops: way.hops,
                };
                if incoming.message.len() > MESSAGE_LIMIT {
                    reply(writer, "552 5.3.4 message too big")?;
                } else if mta.accept(&incoming).is_ok() {
                    reply(writer, "250 2.5.0 Ok.")?;
                } else {
                    reply(writer, "452 4.3.1 cannot keep the message now")?;
                }
            }
            "RSET" => {
                from = None;
                to.clear();
                reply(writer, "250 2.5.0 Ok.")?;
            }
            "NOOP" => reply(writer, "250 2.5.0 Ok.")?,
            "QUIT" => return reply(writer, "221 2.3.0 Bye received. Goodbye."),
            _ => reply(writer, "500 5.5.1 Unknown command specified")?,
        }
    }
    Ok(())
}

/// What the lab's own MTAs say of a message's way: see [`super::send`].
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    hops: Option<u32>,
    cut: bool,
}

impl Way {
    fn of(command: &str) -> Self {
        let mut words = command.split_whitespace();
        Self {
            hops: words
                .clone()
                .find_map(|w| w.strip_prefix("XHOPS=")?.parse().ok()),
            cut: words.any(|w| w == "XCUT"),
        }
    }
}

fn reply(writer: &mut dyn Write, text: &str) -> io::Result<()> {
    write!(writer, "{text}\r\n")?;
    writer.flush()
}

/// The address of `MAIL FROM:<…>` or `RCPT TO:<…>`; parameters behind it are taken and ignored.
fn address(command: &str, word: &str) -> Option<String> {
    let rest = command.get(4..)?.trim_start();
    let rest = match rest.get(..word.len()) {
        Some(start) if start.eq_ignore_ascii_case(word) => rest.get(word.len()..)?.trim_start(),
        _ => return None,
    };
    let inner = match rest.strip_prefix('<') {
        Some(rest) => rest.split_once('>')?.0,
        None => rest.split_whitespace().next()?,
    };
    let fine = inner.chars().all(|c| !c.is_control() && c != '<');
    (fine && (word == "FROM:" || !inner.is_empty())).then(|| inner.to_owned())
}

/// Reads a message up to the lone dot; `None` when the client went away in the middle.
///
/// Only a dot between two CRLFs ends it: a bare LF is part of the message, so nothing can be
/// smuggled in behind one.
fn data(reader: &mut dyn BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut message = Vec::new();
    let mut at_start = true;
    loop {
        let mut piece = Vec::new();
        if reader.read_until(b'\n', &mut piece)? == 0 {
            return Ok(None);
        }
        if at_start && piece == b".\r\n" {
            return Ok(Some(message));
        }
        let body = match piece.strip_prefix(b".") {
            Some(rest) if at_start => rest,
            _ => &piece,
        };
        if message.len() <= MESSAGE_LIMIT {
            message.extend_from_slice(body);
        }
        at_start = piece.ends_with(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Recorder {
        taken: Mutex<Vec<Incoming>>,
        full: bool,
    }

    impl Mta for Recorder {
        fn name(&self) -> &'static str {
            "mail.siroe.com"
        }
        fn product(&self) -> &'static str {
            "test"
        }
        fn recipient(&self, _client: IpAddr, address: &str) -> Verdict {
            match address {
                "ann@siroe.com" => Verdict::Accepted,
                a if a.ends_with("@siroe.com") => Verdict::Unknown,
                _ => Verdict::RelayDenied,
            }
        }
        fn accept(&self, incoming: &Incoming) -> io::Result<()> {
            if self.full {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.taken.lock().unwrap().push(incoming.clone());
            Ok(())
        }
    }

    fn session(mta: &Recorder, text: &[u8]) -> Vec<String> {
        let mut out = Vec::new();
        let mut reader = text;
        talk(&mut reader, &mut out, Ipv4Addr::LOCALHOST.into(), mta).unwrap();
        let out = String::from_utf8(out).unwrap();
        out.lines().map(|l| l[..3].to_owned()).collect()
    }

    #[test]
    fn a_message_is_taken_as_it_came_without_the_doubled_dots() {
        let mta = Recorder::default();
        let codes = session(
            &mta,
            b"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<ann@siroe.com> NOTIFY=NEVER\r\nDATA\r\n..a\r\nb\n.\nc\r\r\n\xff\r\n.\r\nQUIT\r\n",
        );
        assert_eq!(codes, ["220", "250", "250", "250", "354", "250", "221"]);
        let taken = mta.taken.lock().unwrap();
        assert_eq!(taken[0].message, b".a\r\nb\n.\nc\r\r\n\xff\r\n");
        assert_eq!((taken[0].from.as_str(), taken[0].to.len()), ("", 1));
    }

    #[test]
    fn unknown_users_and_foreign_addresses_get_different_answers() {
        let mta = Recorder::default();
        let mut out = Vec::new();
        let mut text: &[u8] =
            b"MAIL FROM:<a@b>\r\nRCPT TO:<bob@siroe.com>\r\nRCPT TO:<x@else.org>\r\nDATA\r\n";
        talk(&mut text, &mut out, Ipv4Addr::LOCALHOST.into(), &mta).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains("550 5.1.1 "), "{out}");
        assert!(out.contains("550 5.7.1 relaying not allowed"), "{out}");
        assert!(
            out.ends_with("503 5.5.1 No recipient has been given\r\n"),
            "{out}"
        );
    }

    #[test]
    fn a_client_that_leaves_in_the_middle_leaves_nothing() {
        let mta = Recorder::default();
        session(
            &mta,
            b"MAIL FROM:<a@b>\r\nRCPT TO:<ann@siroe.com>\r\nDATA\r\nhalf a mess",
        );
        assert!(mta.taken.lock().unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_kept_is_not_confirmed() {
        let mta = Recorder {
            full: true,
            ..Recorder::default()
        };
        let codes = session(
            &mta,
            b"MAIL FROM:<a@b>\r\nRCPT TO:<ann@siroe.com>\r\nDATA\r\nx\r\n.\r\n",
        );
        assert_eq!(codes.last().unwrap(), "452");
    }

    #[test]
    fn nonsense_is_answered_and_survived() {
        let mta = Recorder::default();
        let codes = session(
            &mta,
            b"\r\nMAIL\r\nMAIL FROM\r\nMAIL FROM:<a\r\nRCPT TO:<>\r\n\xff\xfe\r\nNOOP\r\n",
        );
        assert_eq!(
            codes,
            ["220", "500", "501", "501", "501", "503", "500", "250"]
        );
    }
}
