//! Reads IMAP commands into words: atoms, quoted strings, literals, lists; sequence sets; name
//! patterns.

use super::super::mailbox::Message;
use super::super::session::{LINE_LIMIT, line};
use std::io::{self, BufRead, Read as _, Write};

/// The deepest nesting of lists that is read.
const DEPTH: usize = 8;

/// One word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// An atom, a quoted string or a literal.
    Bytes(Vec<u8>),
    /// A parenthesised list.
    List(Vec<Self>),
}

impl Word {
    /// The bytes of a word that is not a list.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::List(_) => None,
        }
    }

    /// The word as text, if it is text.
    pub fn utf8(&self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    /// The word as text that may be echoed: printable ASCII.
    pub fn text(self) -> Option<String> {
        self.utf8()
            .filter(|t| t.bytes().all(|b| b.is_ascii_graphic()))
    }
}

/// Reads a command, asking for its literals; `None` when the client has gone. What cannot be
/// understood comes back as the words before it, which no command is.
///
/// # Errors
/// When the connection breaks, or the command is too long.
pub fn command(reader: &mut dyn BufRead, writer: &mut dyn Write) -> io::Result<Option<Vec<Word>>> {
    let mut lists: Vec<Vec<Word>> = vec![Vec::new()];
    let mut total = 0_u64;
    let mut broken = false;
    loop {
        let Some(text) = line(reader)? else {
            return Ok(None);
        };
        let mut bytes = text.into_iter().peekable();
        let mut literal = None;
        while let Some(byte) = bytes.next() {
            match byte {
                b' ' => {}
                b'(' if lists.len() < DEPTH => lists.push(Vec::new()),
                b')' if lists.len() > 1 => {
                    let list = lists.pop().unwrap_or_default();
                    add(&mut lists, Word::List(list));
                }
                b'(' | b')' => broken = true,
                b'"' => {
                    let mut quoted = Vec::new();
                    loop {
                        match bytes.next() {
                            None => {
                                broken = true;
                                break;
                            }
                            Some(b'"') => break,
                            Some(b'\\') => quoted.extend(bytes.next()),
                            Some(other) => quoted.push(other),
                        }
                    }
                    add(&mut lists, Word::Bytes(quoted));
                }
                b'{' => {
                    let rest: Vec<u8> = bytes.by_ref().collect();
                    literal = length(&rest);
                    broken |= literal.is_none();
                }
                _ => {
                    let mut atom = vec![byte];
                    // BODY[HEADER.FIELDS (x)] is one word to us.
                    let mut bracket = usize::from(byte == b'[');
                    while let Some(next) = bytes.next_if(|b| bracket > 0 || !b" ()\"".contains(b)) {
                        match next {
                            b'[' => bracket += 1,
                            b']' => bracket = bracket.saturating_sub(1),
                            _ => {}
                        }
                        atom.push(next);
                    }
                    add(&mut lists, Word::Bytes(atom));
                }
            }
        }
        let Some((size, wait)) = literal else {
            break;
        };
        total = total.saturating_add(size);
        if total > LINE_LIMIT {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a literal too long",
            ));
        }
        if wait {
            writer.write_all(b"+ go on\r\n")?;
            writer.flush()?;
        }
        let mut bytes = Vec::new();
        reader.take(size).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < size {
            return Ok(None);
        }
        add(&mut lists, Word::Bytes(bytes));
    }
    broken |= lists.len() != 1;
    let mut words = lists.into_iter().next().unwrap_or_default();
    if broken {
        words.truncate(1);
    }
    Ok(Some(words))
}

fn add(lists: &mut [Vec<Word>], word: Word) {
    if let Some(list) = lists.last_mut() {
        list.push(word);
    }
}

/// `123}` or `123+}`: how long, and whether the client waits.
fn length(rest: &[u8]) -> Option<(u64, bool)> {
    let text = std::str::from_utf8(rest).ok()?.strip_suffix('}')?;
    match text.strip_suffix('+') {
        Some(number) => Some((number.parse().ok()?, false)),
        None => Some((text.parse().ok()?, true)),
    }
}

/// Writes a folder name quoted, or as a literal when it cannot be.
///
/// # Errors
/// When the connection breaks.
pub fn write_name(writer: &mut dyn Write, name: &[u8]) -> io::Result<()> {
    let quotable = |b: &u8| (0x20..0x7f).contains(b) && !b"\"\\".contains(b);
    if name.iter().all(quotable) {
        writer.write_all(b"\"")?;
        writer.write_all(name)?;
        writer.write_all(b"\"")
    } else {
        write!(writer, "{{{}}}\r\n", name.len())?;
        writer.write_all(name)
    }
}

/// Whether a LIST pattern (`*` anything, `%` anything but `/`) fits a name.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((wild @ (b'*' | b'%'), rest)) => (0..=name.len()).any(|taken| {
            let (passed, left) = name.split_at(taken);
            (*wild == b'*' || !passed.contains(&b'/')) && matches(rest, left)
        }),
        Some((byte, rest)) => name
            .split_first()
            .is_some_and(|(first, left)| first == byte && matches(rest, left)),
    }
}

/// The positions (from 0) a sequence set chooses, in order; `None` when it is not one, or names a
/// message that is not there (a uid set may).
pub fn choose(set: &str, messages: &[Message], by_uid: bool) -> Option<Vec<usize>> {
    let last = if by_uid {
        messages.iter().map(|m| m.uid).max().unwrap_or(0)
    } else {
        u32::try_from(messages.len()).ok()?
    };
    let number = |text: &str| match text {
        "*" => Some(last),
        _ => text.parse::<u32>().ok().filter(|n| *n > 0),
    };
    let mut ranges = Vec::new();
    for part in set.split(',') {
        let (from, to) = part.split_once(':').unwrap_or((part, part));
        let (from, to) = (number(from)?, number(to)?);
        ranges.push(from.min(to)..=from.max(to));
    }
    if !by_uid && !messages.is_empty() && ranges.iter().any(|r| *r.end() > last) {
        return None;
    }
    let mut chosen = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let key = if by_uid {
            message.uid
        } else {
            u32::try_from(at + 1).ok()?
        };
        if ranges.iter().any(|r| r.contains(&key)) {
            chosen.push(at);
        }
    }
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_know_the_hierarchy() {
        for (pattern, name, fits) in [
            ("*", "a/b", true),
            ("%", "a/b", false),
            ("%/b", "a/b", true),
            ("inbox", "INBOX", false),
            ("a*c", "abbc", true),
            ("", "x", false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), name.as_bytes()),
                fits,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn sets_choose_by_position_or_uid() {
        let message = |uid| Message {
            uid,
            flags: Vec::new(),
            date: 0,
            bytes: 0,
        };
        let messages = [message(3), message(9), message(12)];
        assert_eq!(choose("2:*", &messages, false), Some(vec![1, 2]));
        assert_eq!(choose("*:2,1", &messages, false), Some(vec![0, 1, 2]));
        assert_eq!(choose("9,40:50", &messages, true), Some(vec![1]));
        assert_eq!(choose("4", &messages, false), None);
        assert_eq!(choose("0", &messages, true), None);
    }
}
