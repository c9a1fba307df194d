//! POP3 on both products: read only, because the lab's people do not delete while they are watched.

use super::mailbox::{Mailboxes, Message, Refusal};
use super::proxy::{Rest, Visitor};
use super::session::line;
use std::io::{self, BufRead, Write};

/// Speaks POP3 with one client until it leaves, or is somebody who has to be led elsewhere.
///
/// # Errors
/// When the connection breaks or the store cannot be read.
pub fn talk(
    reader: &mut dyn BufRead,
    writer: &mut dyn Write,
    store: &dyn Mailboxes,
) -> io::Result<Rest> {
    ok(writer, &format!("{} POP3 server ready", store.host()))?;
    let (user, messages) = match authorize(reader, writer, store)? {
        Entered::In(user, messages) => (user, messages),
        Entered::Elsewhere(visitor) => return Ok(Some(visitor)),
        Entered::Left => return Ok(None),
    };
    while let Some(command) = line(reader)? {
        let command = String::from_utf8_lossy(&command).into_owned();
        let mut words = command.split_whitespace();
        let verb = words.next().unwrap_or_default().to_ascii_uppercase();
        let number = words.next();
        let chosen = number.and_then(|n| pick(&messages, n));
        match (verb.as_str(), number, chosen) {
            ("STAT", ..) => {
                let bytes: u64 = messages.iter().map(|m| m.bytes).sum();
                ok(writer, &format!("{} {bytes}", messages.len()))?;
            }
            ("LIST", None, _) => listing(writer, &messages, |m| m.bytes.to_string())?,
            ("LIST", Some(n), Some(m)) => ok(writer, &format!("{n} {}", m.bytes))?,
            ("UIDL", None, _) => listing(writer, &messages, |m| m.uid.to_string())?,
            ("UIDL", Some(n), Some(m)) => ok(writer, &format!("{n} {}", m.uid))?,
            ("RETR", Some(_), Some(m)) => {
                let message = store.read(&user, b"INBOX", m.uid)?;
                ok(writer, &format!("{} octets", message.len()))?;
                dotted(writer, &message)?;
            }
            ("LIST" | "UIDL" | "RETR", ..) => refuse(writer, "no such message")?,
            ("NOOP" | "RSET", ..) => ok(writer, "")?,
            ("CAPA", ..) => write!(writer, "+OK\r\nUSER\r\nUIDL\r\n.\r\n")?,
            ("DELE", ..) => refuse(writer, "this mailbox is read only")?,
            ("QUIT", ..) => {
                ok(writer, "bye")?;
                return Ok(None);
            }
            _ => refuse(writer, "unknown command")?,
        }
        writer.flush()?;
    }
    Ok(None)
}

/// How it went at the door.
enum Entered {
    In(String, Vec<Message>),
    Elsewhere(Visitor),
    Left,
}

fn authorize(
    reader: &mut dyn BufRead,
    writer: &mut dyn Write,
    store: &dyn Mailboxes,
) -> io::Result<Entered> {
    let mut name: Option<String> = None;
    while let Some(command) = line(reader)? {
        let command = String::from_utf8_lossy(&command).into_owned();
        let (verb, rest) = command.split_once(' ').unwrap_or((&command, ""));
        match (verb.to_ascii_uppercase().as_str(), name.take()) {
            ("USER", _) => {
                name = Some(rest.to_owned());
                ok(writer, "password required")?;
            }
            ("PASS", Some(user)) => match store.login(&user, rest) {
                Ok(user) => {
                    let messages = store.messages(&user, b"INBOX")?;
                    let messages = messages.map(|(_, m)| m).unwrap_or_default();
                    ok(writer, "mailbox open")?;
                    return Ok(Entered::In(user, messages));
                }
                Err(Refusal::Elsewhere(host)) => {
                    return Ok(Entered::Elsewhere(Visitor {
                        host,
                        user,
                        password: rest.to_owned(),
                        tag: String::new(),
                    }));
                }
                Err(Refusal::Credentials) => refuse(writer, "authentication failed")?,
                Err(Refusal::Closed) => refuse(writer, "mailbox not available")?,
                Err(Refusal::Directory) => refuse(writer, "directory not available")?,
            },
            ("PASS", None) => refuse(writer, "USER comes first")?,
            ("CAPA", _) => write!(writer, "+OK\r\nUSER\r\nUIDL\r\n.\r\n")?,
            ("QUIT", _) => {
                ok(writer, "bye")?;
                return Ok(Entered::Left);
            }
            _ => refuse(writer, "log in first")?,
        }
        writer.flush()?;
    }
    Ok(Entered::Left)
}

fn pick<'a>(messages: &'a [Message], number: &str) -> Option<&'a Message> {
    messages.get(number.parse::<usize>().ok()?.checked_sub(1)?)
}

fn ok(writer: &mut dyn Write, text: &str) -> io::Result<()> {
    write!(writer, "+OK {text}\r\n")?;
    writer.flush()
}

fn refuse(writer: &mut dyn Write, text: &str) -> io::Result<()> {
    write!(writer, "-ERR {text}\r\n")?;
    writer.flush()
}

fn listing(
    writer: &mut dyn Write,
    messages: &[Message],
    what: impl Fn(&Message) -> String,
) -> io::Result<()> {
    write!(writer, "+OK {} messages\r\n", messages.len())?;
    for (at, message) in messages.iter().enumerate() {
        write!(writer, "{} {}\r\n", at + 1, what(message))?;
    }
    write!(writer, ".\r\n")
}

fn dotted(writer: &mut dyn Write, message: &[u8]) -> io::Result<()> {
    for piece in message.split_inclusive(|b| *b == b'\n') {
        if piece.starts_with(b".") {
            writer.write_all(b".")?;
        }
        writer.write_all(piece)?;
    }
    if !message.is_empty() && !message.ends_with(b"\r\n") {
        writer.write_all(b"\r\n")?;
    }
    writer.write_all(b".\r\n")
}

#[cfg(test)]
mod tests {
    use super::super::mailbox::fake::Ann;

    fn session(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        super::talk(&mut text.as_bytes(), &mut out, &Ann).unwrap();
        out
    }

    #[test]
    fn a_client_lists_and_reads_its_inbox() {
        let out = session("USER ann\r\nPASS pw\r\nSTAT\r\nUIDL\r\nLIST 2\r\nRETR 1\r\nQUIT\r\n");
        let out = String::from_utf8_lossy(&out);
        assert!(out.contains("+OK 2 39\r\n"), "{out}");
        assert!(out.contains("1 3\r\n2 9\r\n.\r\n"), "{out}");
        assert!(out.contains("+OK 2 17\r\n"), "{out}");
        assert!(out.contains("Subject: one\r\n\r\n..dot\r\n.\r\n"), "{out}");
    }

    #[test]
    fn nobody_reads_without_a_login() {
        let out = session(
            "STAT\r\nPASS pw\r\nUSER ann\r\nPASS no\r\nRETR 1\r\nUSER locked\r\nPASS x\r\n",
        );
        let out = String::from_utf8(out).unwrap();
        assert_eq!(
            out.lines().filter(|l| l.starts_with("-ERR")).count(),
            5,
            "{out}"
        );
        assert!(!out.contains("Subject"), "{out}");
    }

    #[test]
    fn a_message_that_is_not_there_is_refused() {
        let out = session("USER ann\r\nPASS pw\r\nRETR 0\r\nRETR 3\r\nRETR x\r\nLIST 9\r\n");
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.matches("-ERR no such message").count(), 4, "{out}");
    }
}
