//! `IMAP4rev1` on both products, read only: log in, look around, fetch.
//!
//! `SELECT` is answered like `EXAMINE`, and says so: nobody changes a mailbox while it is watched.

mod fetch;
mod parse;

use super::mailbox::{Mailboxes, Message, Refusal};
use super::proxy::{Rest, Visitor};
use parse::Word;
use std::io::{self, BufRead, Write};

/// An opened folder.
struct Open {
    folder: Vec<u8>,
    messages: Vec<Message>,
}

/// Speaks IMAP with one client until it leaves, or is somebody who has to be led elsewhere.
///
/// # Errors
/// When the connection breaks or the store cannot be read.
pub fn talk(
    reader: &mut dyn BufRead,
    writer: &mut dyn Write,
    store: &dyn Mailboxes,
) -> io::Result<Rest> {
    write!(writer, "* OK {} IMAP4 service ready\r\n", store.host())?;
    writer.flush()?;
    let mut user: Option<String> = None;
    let mut open: Option<Open> = None;
    while let Some(words) = parse::command(reader, writer)? {
        let mut words = words.into_iter();
        let tag = words.next().and_then(Word::text).unwrap_or_default();
        let verb = words.next().and_then(Word::text).unwrap_or_default();
        let rest: Vec<Word> = words.collect();
        let answer = match (verb.to_ascii_uppercase().as_str(), &user) {
            ("", _) => "BAD no command".to_owned(),
            ("CAPABILITY", _) => {
                write!(writer, "* CAPABILITY IMAP4rev1\r\n")?;
                "OK done".to_owned()
            }
            ("NOOP" | "CHECK", _) => "OK done".to_owned(),
            ("LOGOUT", _) => {
                write!(writer, "* BYE {}\r\n{tag} OK done\r\n", store.host())?;
                writer.flush()?;
                return Ok(None);
            }
            ("LOGIN", None) => match login(&mut user, &rest, store) {
                Ok(answer) => answer,
                Err(visitor) => return Ok(Some(Visitor { tag, ..visitor })),
            },
            ("LOGIN", Some(_)) => "BAD logged in already".to_owned(),
            (_, None) => "NO log in first".to_owned(),
            ("LIST", Some(user)) => {
                let folders = store.folders(user)?;
                list(writer, "LIST", &rest, folders)?
            }
            ("LSUB", Some(user)) => {
                let folders = store.subscribed(user)?;
                list(writer, "LSUB", &rest, folders)?
            }
            ("STATUS", Some(user)) => status(writer, user, &rest, store)?,
            ("SELECT" | "EXAMINE", Some(user)) => select(writer, user, &rest, store, &mut open)?,
            ("CLOSE" | "UNSELECT", Some(_)) => match open.take() {
                Some(_) => "OK done".to_owned(),
                None => "BAD no folder is open".to_owned(),
            },
            (verb @ ("FETCH" | "SEARCH" | "UID"), Some(user)) => match &open {
                None => "BAD no folder is open".to_owned(),
                Some(open) => opened(writer, verb, user, &rest, store, open)?,
            },
            _ => "BAD unknown command".to_owned(),
        };
        let tag = if tag.is_empty() { "*" } else { &tag };
        write!(writer, "{tag} {answer}\r\n")?;
        writer.flush()?;
    }
    Ok(None)
}

/// What is answered; or who has to be led elsewhere.
fn login(
    user: &mut Option<String>,
    words: &[Word],
    store: &dyn Mailboxes,
) -> Result<String, Visitor> {
    let text = |at: usize| words.get(at).and_then(Word::utf8);
    let (Some(name), Some(password), None) = (text(0), text(1), words.get(2)) else {
        return Ok("BAD LOGIN user password".to_owned());
    };
    let answer = match store.login(&name, &password) {
        Ok(id) => {
            *user = Some(id);
            "OK logged in"
        }
        Err(Refusal::Elsewhere(host)) => {
            return Err(Visitor {
                host,
                user: name,
                password,
                tag: String::new(),
            });
        }
        Err(Refusal::Credentials) => "NO authentication failed",
        Err(Refusal::Closed) => "NO mailbox not available",
        Err(Refusal::Directory) => "NO directory not available",
    };
    Ok(answer.to_owned())
}

fn list(
    writer: &mut dyn Write,
    verb: &str,
    words: &[Word],
    folders: Vec<Vec<u8>>,
) -> io::Result<String> {
    let bytes = |at: usize| words.get(at).and_then(Word::bytes);
    let (Some(reference), Some(pattern)) = (bytes(0), bytes(1)) else {
        return Ok("BAD LIST reference pattern".to_owned());
    };
    if pattern.is_empty() {
        write!(writer, "* {verb} (\\Noselect) \"/\" \"\"\r\n")?;
        return Ok("OK done".to_owned());
    }
    let pattern = [reference, pattern].concat();
    for folder in folders {
        // Of all names only INBOX is the same in any case.
        let fits = match folder.as_slice() {
            b"INBOX" => parse::matches(&pattern.to_ascii_uppercase(), &folder),
            _ => parse::matches(&pattern, &folder),
        };
        if fits {
            write!(writer, "* {verb} () \"/\" ")?;
            parse::write_name(writer, &folder)?;
            writer.write_all(b"\r\n")?;
        }
    }
    Ok("OK done".to_owned())
}

fn status(
    writer: &mut dyn Write,
    user: &str,
    words: &[Word],
    store: &dyn Mailboxes,
) -> io::Result<String> {
    let (Some(folder), Some(Word::List(items))) =
        (words.first().and_then(Word::bytes), words.get(1))
    else {
        return Ok("BAD STATUS folder (items)".to_owned());
    };
    let folder = inbox(folder);
    let Some((validity, messages)) = store.messages(user, &folder)? else {
        return Ok("NO no such folder".to_owned());
    };
    let mut parts = Vec::new();
    for item in items.iter().filter_map(Word::utf8) {
        let value = match item.to_ascii_uppercase().as_str() {
            "MESSAGES" => messages.len() as u64,
            "RECENT" => 0,
            "UIDNEXT" => u64::from(uid_next(&messages)),
            "UIDVALIDITY" => u64::from(validity),
            "UNSEEN" => messages.iter().filter(|m| !seen(m)).count() as u64,
            _ => return Ok("BAD unknown status item".to_owned()),
        };
        parts.push(format!("{} {value}", item.to_ascii_uppercase()));
    }
    writer.write_all(b"* STATUS ")?;
    parse::write_name(writer, &folder)?;
    write!(writer, " ({})\r\n", parts.join(" "))?;
    Ok("OK done".to_owned())
}

fn select(
    writer: &mut dyn Write,
    user: &str,
    words: &[Word],
    store: &dyn Mailboxes,
    open: &mut Option<Open>,
) -> io::Result<String> {
    *open = None;
    let Some(folder) = words.first().and_then(Word::bytes).map(inbox) else {
        return Ok("BAD SELECT folder".to_owned());
    };
    let Some((validity, messages)) = store.messages(user, &folder)? else {
        return Ok("NO no such folder".to_owned());
    };
    write!(
        writer,
        "* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen)\r\n* OK [PERMANENTFLAGS ()] read only\r\n\
         * {} EXISTS\r\n* 0 RECENT\r\n",
        messages.len()
    )?;
    if let Some(first) = messages.iter().position(|m| !seen(m)) {
        write!(writer, "* OK [UNSEEN {}] first unseen\r\n", first + 1)?;
    }
    write!(
        writer,
        "* OK [UIDVALIDITY {validity}] valid\r\n* OK [UIDNEXT {}] next\r\n",
        uid_next(&messages)
    )?;
    *open = Some(Open { folder, messages });
    Ok("OK [READ-ONLY] done".to_owned())
}

fn opened(
    writer: &mut dyn Write,
    verb: &str,
    user: &str,
    words: &[Word],
    store: &dyn Mailboxes,
    open: &Open,
) -> io::Result<String> {
    let by_uid = verb == "UID";
    let (verb, words) = if by_uid {
        match words.split_first() {
            Some((verb, rest)) => (verb.utf8().unwrap_or_default().to_ascii_uppercase(), rest),
            None => return Ok("BAD UID command".to_owned()),
        }
    } else {
        (verb.to_owned(), words)
    };
    match verb.as_str() {
        "SEARCH" => match words.first().and_then(Word::utf8) {
            Some(all) if all.eq_ignore_ascii_case("ALL") && words.len() == 1 => {
                write!(writer, "* SEARCH")?;
                for (at, message) in open.messages.iter().enumerate() {
                    if by_uid {
                        write!(writer, " {}", message.uid)?;
                    } else {
                        write!(writer, " {}", at + 1)?;
                    }
                }
                write!(writer, "\r\n")?;
                Ok("OK done".to_owned())
            }
            _ => Ok("NO only SEARCH ALL is known here".to_owned()),
        },
        "FETCH" => {
            let set = words.first().and_then(Word::utf8);
            let chosen = set.and_then(|set| parse::choose(&set, &open.messages, by_uid));
            let items = words.get(1..).and_then(|w| fetch::items(w, by_uid));
            let (Some(chosen), Some(items)) = (chosen, items) else {
                return Ok("BAD FETCH set items".to_owned());
            };
            for at in chosen {
                let Some(message) = open.messages.get(at) else {
                    continue;
                };
                fetch::write(writer, at + 1, message, &items, || {
                    store.read(user, &open.folder, message.uid)
                })?;
            }
            Ok("OK done".to_owned())
        }
        _ => Ok("BAD unknown command".to_owned()),
    }
}

fn inbox(folder: &[u8]) -> Vec<u8> {
    if folder.eq_ignore_ascii_case(b"INBOX") {
        b"INBOX".to_vec()
    } else {
        folder.to_vec()
    }
}

fn seen(message: &Message) -> bool {
    message
        .flags
        .iter()
        .any(|f| f.eq_ignore_ascii_case("\\Seen"))
}

fn uid_next(messages: &[Message]) -> u32 {
    messages
        .iter()
        .map(|m| m.uid)
        .max()
        .unwrap_or(0)
        .saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::super::mailbox::fake::{Ann, SECOND};

    fn session(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut reader = text;
        super::talk(&mut reader, &mut out, &Ann).unwrap();
        out
    }

    fn text(input: &[u8]) -> String {
        String::from_utf8_lossy(&session(input)).into_owned()
    }

    #[test]
    fn a_client_logs_in_lists_and_counts() {
        let out = text(
            b"a LOGIN ann \"pw\"\r\nb LIST \"\" *\r\nc STATUS inbox (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)\r\nd LOGOUT\r\n",
        );
        assert!(out.contains("* LIST () \"/\" \"INBOX\"\r\n"), "{out}");
        assert!(
            out.contains("* STATUS \"INBOX\" (MESSAGES 2 UNSEEN 1 UIDNEXT 10 UIDVALIDITY 77)\r\n"),
            "{out}"
        );
        assert!(out.ends_with("d OK done\r\n"), "{out}");
    }

    #[test]
    fn a_name_that_cannot_be_quoted_is_sent_as_a_literal() {
        let out = session(b"a LOGIN ann pw\r\nb LIST \"\" \"Mail/%\"\r\n");
        let wanted = b"* LIST () \"/\" {7}\r\nMail/\xe4\"\r\n";
        assert!(
            out.windows(wanted.len()).any(|w| w == wanted),
            "{}",
            String::from_utf8_lossy(&out)
        );
    }

    #[test]
    fn literals_carry_names_and_passwords() {
        let out = text(b"a LOGIN {3}\r\nann {2+}\r\npw\r\nb EXAMINE {7}\r\nMail/\xe4\"\r\n");
        assert!(out.contains("a OK logged in"), "{out}");
        assert!(out.contains("* 0 EXISTS"), "{out}");
        assert!(out.contains("b OK [READ-ONLY]"), "{out}");
    }

    #[test]
    fn messages_are_fetched_whole_with_flags_and_dates() {
        let out = session(
            b"a LOGIN ann pw\r\nb SELECT INBOX\r\nc FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE)\r\nd UID FETCH 9 BODY.PEEK[]\r\n",
        );
        let shown = String::from_utf8_lossy(&out);
        assert!(
            shown.contains(
                "* 1 FETCH (FLAGS (\\Seen) INTERNALDATE \" 5-Apr-2002 08:00:00 +0000\" RFC822.SIZE 22)"
            ),
            "{shown}"
        );
        let wanted = [
            b"* 2 FETCH (UID 9 BODY[] {17}\r\n".as_slice(),
            SECOND,
            b")\r\n",
        ]
        .concat();
        assert!(out.windows(wanted.len()).any(|w| w == wanted), "{shown}");
    }

    #[test]
    fn nothing_is_shown_without_a_login() {
        let out =
            text(b"a SELECT INBOX\r\nb LOGIN ann wrong\r\nc LOGIN locked x\r\nd FETCH 1 FLAGS\r\n");
        assert_eq!(out.matches(" NO ").count(), 4, "{out}");
    }

    #[test]
    fn nonsense_is_answered_and_survived() {
        let out = text(
            b"\r\na\r\na LOGIN ann\r\na LOGIN ann pw\r\na FETCH 1 FLAGS\r\na SELECT nowhere\r\na SELECT INBOX\r\n\
              a FETCH 0 FLAGS\r\na FETCH 5,: FLAGS\r\na FETCH 1 (WHAT)\r\na FETCH 1 (FLAGS\r\na FETCH 99 FLAGS\r\na NOOP\r\n",
        );
        assert_eq!(out.matches(" BAD ").count(), 9, "{out}");
        assert!(out.ends_with("a OK done\r\n"), "{out}");
    }
}
