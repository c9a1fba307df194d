//! What FETCH can give of a message.

use super::super::mailbox::Message;
use super::parse::Word;
use jiff::Timestamp;
use std::io::{self, Write};

/// One thing a client fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// `FLAGS`
    Flags,
    /// `INTERNALDATE`
    Date,
    /// `RFC822.SIZE`
    Size,
    /// `UID`
    Uid,
    /// The whole message, under the name it was asked for.
    Whole(&'static str),
    /// The header, under the name it was asked for.
    Header(&'static str),
}

/// Reads the items of a FETCH; `None` when one is unknown.
pub fn items(words: &[Word], by_uid: bool) -> Option<Vec<Item>> {
    let [word] = words else {
        return None;
    };
    let asked: Vec<&Word> = match word {
        Word::List(list) => list.iter().collect(),
        word @ Word::Bytes(_) => vec![word],
    };
    let mut items = Vec::new();
    if by_uid {
        items.push(Item::Uid);
    }
    for word in asked {
        let wanted: &[Item] = match word.utf8()?.to_ascii_uppercase().as_str() {
            "FLAGS" => &[Item::Flags],
            "INTERNALDATE" => &[Item::Date],
            "RFC822.SIZE" => &[Item::Size],
            "UID" => &[Item::Uid],
            "FAST" => &[Item::Flags, Item::Date, Item::Size],
            "BODY[]" | "BODY.PEEK[]" => &[Item::Whole("BODY[]")],
            "RFC822" => &[Item::Whole("RFC822")],
            "BODY[HEADER]" | "BODY.PEEK[HEADER]" => &[Item::Header("BODY[HEADER]")],
            "RFC822.HEADER" => &[Item::Header("RFC822.HEADER")],
            _ => return None,
        };
        for item in wanted {
            if !items.contains(item) {
                items.push(*item);
            }
        }
    }
    (!items.is_empty()).then_some(items)
}

/// Writes one untagged FETCH; reads the message only when it is asked for.
///
/// # Errors
/// When the connection breaks or the message cannot be read.
pub fn write(
    writer: &mut dyn Write,
    number: usize,
    message: &Message,
    items: &[Item],
    read: impl Fn() -> io::Result<Vec<u8>>,
) -> io::Result<()> {
    write!(writer, "* {number} FETCH (")?;
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            writer.write_all(b" ")?;
        }
        match item {
            Item::Flags => write!(writer, "FLAGS ({})", message.flags.join(" "))?,
            Item::Date => write!(writer, "INTERNALDATE \"{}\"", date(message.date))?,
            Item::Size => write!(writer, "RFC822.SIZE {}", message.bytes)?,
            Item::Uid => write!(writer, "UID {}", message.uid)?,
            Item::Whole(name) => literal(writer, name, &read()?)?,
            Item::Header(name) => literal(writer, name, header(&read()?))?,
        }
    }
    writer.write_all(b")\r\n")
}

fn literal(writer: &mut dyn Write, name: &str, bytes: &[u8]) -> io::Result<()> {
    write!(writer, "{name} {{{}}}\r\n", bytes.len())?;
    writer.write_all(bytes)
}

fn header(message: &[u8]) -> &[u8] {
    let end = message.windows(4).position(|w| w == b"\r\n\r\n");
    end.and_then(|end| message.get(..end + 4))
        .unwrap_or(message)
}

fn date(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%e-%b-%Y %H:%M:%S +0000").to_string()
}
