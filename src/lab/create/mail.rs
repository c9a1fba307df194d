//! Messages as a mail server of 2002 has them: good ones, and every kind that breaks software.

use super::dice::Dice;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt::Write as _;

/// What a message looks like inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Some paragraphs of text.
    Plain,
    /// Text with a quotation.
    Reply,
    /// A body in ISO 8859-1, byte by byte.
    Latin1,
    /// A body in UTF-8, byte by byte.
    Utf8,
    /// Raw 8-bit bytes in the header, which no standard allows.
    RawHeader,
    /// A body in ISO-2022-JP.
    Japanese,
    /// Text and HTML.
    Alternative,
    /// A file in base64.
    Attachment,
    /// A file of more than a megabyte.
    Large,
    /// A forwarded message in a multipart in a multipart.
    Nested,
    /// Lines of dots, which SMTP and POP double.
    Dots,
    /// `From ` at the start of lines, which mbox files stumble over.
    FromLines,
    /// A line of several thousand characters.
    LongLine,
    /// Every line ends in a bare LF.
    BareLf,
    /// Bare CRs within lines.
    BareCr,
    /// CRLF, LF, CR and CR CR LF in one message.
    MixedEnds,
    /// No end of line at the end.
    Unfinished,
    /// A header and nothing else.
    HeaderOnly,
    /// No Message-ID.
    NoId,
}

/// Every kind that a lab must have at least once, in the order of putting them in.
pub(super) const ODD: &[Kind] = &[
    Kind::Large,
    Kind::NoId,
    Kind::BareLf,
    Kind::MixedEnds,
    Kind::Nested,
    Kind::Dots,
    Kind::Latin1,
    Kind::BareCr,
    Kind::RawHeader,
    Kind::Attachment,
    Kind::Unfinished,
    Kind::HeaderOnly,
    Kind::FromLines,
    Kind::LongLine,
    Kind::Utf8,
    Kind::Japanese,
    Kind::NoId,
];

/// Most mail is ordinary.
const USUAL: &[Kind] = &[
    Kind::Plain,
    Kind::Plain,
    Kind::Plain,
    Kind::Plain,
    Kind::Plain,
    Kind::Reply,
    Kind::Reply,
    Kind::Reply,
    Kind::Alternative,
    Kind::Attachment,
    Kind::Latin1,
    Kind::Nested,
    Kind::Dots,
    Kind::BareLf,
];

/// Picks a kind as a mailbox has them.
pub(super) fn usual(dice: &mut Dice) -> Kind {
    USUAL
        .get(dice.below(USUAL.len()))
        .copied()
        .unwrap_or(Kind::Plain)
}

/// Who writes to whom, and when.
#[derive(Clone, Debug)]
pub(super) struct Letter<'a> {
    /// `From:`, an address.
    pub(super) from: &'a str,
    /// `To:`, addresses.
    pub(super) to: &'a str,
    /// Seconds since the epoch.
    pub(super) date: i64,
    /// The old server.
    pub(super) host: &'a str,
}

/// Writes a message of a kind, byte by byte as it was received.
pub(super) fn write(dice: &mut Dice, kind: Kind, letter: &Letter) -> Vec<u8> {
    let serial = hex(&dice.bytes(8));
    let domain = letter.from.rsplit('@').next().unwrap_or("siroe.com");
    let id = (kind != Kind::NoId).then(|| format!("<{}.{serial}@{domain}>", letter.date));
    let mut subject = subject(dice);
    if kind == Kind::Reply {
        subject = format!("Re: {subject}");
    }
    let mut text = header(&serial, letter, &subject, id.as_deref());
    if kind == Kind::Reply {
        let _ = write!(text, "In-Reply-To: <{}@{domain}>\r\n", hex(&dice.bytes(6)));
    }
    let bytes = match kind {
        Kind::RawHeader => {
            let mut bytes = text.into_bytes();
            bytes.extend_from_slice(b"X-Organization: Caf\xe9 M\xfcller & S\xf6hne\r\n");
            bytes.extend_from_slice(plain_body(dice, "us-ascii", "7bit").as_bytes());
            bytes
        }
        Kind::Latin1 => {
            text.push_str(&mime("text/plain; charset=iso-8859-1", "8bit"));
            let mut bytes = text.into_bytes();
            bytes.extend_from_slice(b"Gr\xfc\xdfe aus K\xf6ln, \xe0 bient\xf4t.\r\n\r\n");
            bytes.extend_from_slice(paragraphs(dice).as_bytes());
            bytes
        }
        Kind::Japanese => {
            text.push_str(&mime("text/plain; charset=iso-2022-jp", "7bit"));
            let mut bytes = text.into_bytes();
            bytes.extend_from_slice(b"\x1b$B%a!<%k\x1b(B\r\n");
            bytes.extend_from_slice(sentence(dice).as_bytes());
            bytes.extend_from_slice(b"\r\n");
            bytes
        }
        Kind::HeaderOnly => text.into_bytes(),
        _ => {
            text.push_str(&body(dice, kind, letter));
            text.into_bytes()
        }
    };
    line_ends(kind, bytes)
}

fn header(serial: &str, letter: &Letter, subject: &str, id: Option<&str>) -> String {
    let date = rfc822_date(letter.date);
    let queue_id = serial.get(..10).unwrap_or(serial).to_uppercase();
    let mut text = format!(
        "Return-Path: <{from}>\r\n\
         Received: from relay.{domain} ([192.0.2.25]) by {host}\r\n \
         (Sun Internet Mail Server sims.4.0.2000.05.17.04.13.p6)\r\n \
         with ESMTP id <0{queue_id}@{host}>; {date}\r\n\
         Date: {date}\r\n\
         From: {from}\r\n\
         Subject: {subject}\r\n\
         To: {to}\r\n",
        from = letter.from,
        to = letter.to,
        domain = letter.from.rsplit('@').next().unwrap_or("siroe.com"),
        host = letter.host,
    );
    if let Some(id) = id {
        let _ = write!(text, "Message-ID: {id}\r\n");
    }
    text
}

/// The rest of the header, the empty line and the body.
fn body(dice: &mut Dice, kind: Kind, letter: &Letter) -> String {
    match kind {
        Kind::Utf8 => format!(
            "{}Žluťoučký kůň — 日本語のメール ✓\r\n{}",
            mime("text/plain; charset=utf-8", "8bit"),
            paragraphs(dice)
        ),
        Kind::Reply => format!(
            "{}{}\r\n> {}\r\n> {}\r\n",
            mime("text/plain; charset=us-ascii", "7bit"),
            paragraphs(dice),
            sentence(dice),
            sentence(dice)
        ),
        Kind::Alternative => {
            let edge = format!("=_{}", hex(&dice.bytes(6)));
            let words = sentence(dice);
            format!(
                "{}--{edge}\r\nContent-Type: text/plain\r\n\r\n{words}\r\n\
                 --{edge}\r\nContent-Type: text/html\r\n\r\n\
                 <html><body><p>{words}</p></body></html>\r\n--{edge}--\r\n",
                multipart("alternative", &edge)
            )
        }
        Kind::Attachment => {
            let size = dice.between(500, 9000);
            attachment(dice, size)
        }
        Kind::Large => {
            // In base64 this is well over a megabyte.
            let size = dice.between(900_000, 1_300_000);
            attachment(dice, size)
        }
        Kind::Nested => nested(dice, letter),
        Kind::Dots => format!(
            "{}.\r\n..\r\n.leading\r\n{}\r\n.\r\n\r\n...\r\n",
            mime("text/plain", "7bit"),
            sentence(dice)
        ),
        Kind::FromLines => format!(
            "{}From here on it is easy.\r\n\r\nFrom {} Mon Feb  4 10:00:00 2002\r\n>From that\r\n",
            mime("text/plain", "7bit"),
            letter.from
        ),
        Kind::LongLine => {
            let mut line = String::new();
            while line.len() < 6000 {
                line.push_str(&sentence(dice));
                line.push(' ');
            }
            format!("{}{line}\r\nend\r\n", mime("text/plain", "7bit"))
        }
        _ => plain_body(dice, "us-ascii", "7bit"),
    }
}

fn plain_body(dice: &mut Dice, charset: &str, encoding: &str) -> String {
    format!(
        "{}{}",
        mime(&format!("text/plain; charset={charset}"), encoding),
        paragraphs(dice)
    )
}

fn mime(kind: &str, encoding: &str) -> String {
    format!(
        "MIME-Version: 1.0\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    )
}

fn multipart(kind: &str, edge: &str) -> String {
    format!("MIME-Version: 1.0\r\nContent-Type: multipart/{kind}; boundary=\"{edge}\"\r\n\r\n")
}

fn attachment(dice: &mut Dice, size: usize) -> String {
    let edge = format!("----=_Part_{}", hex(&dice.bytes(6)));
    let file = dice.word(&["budget.xls", "plan.doc", "photo.jpg", "minutes.pdf"]);
    let mut text = format!(
        "{}This is a message in MIME format.\r\n--{edge}\r\nContent-Type: text/plain\r\n\r\n{}\r\n\
         --{edge}\r\nContent-Type: application/octet-stream; name=\"{file}\"\r\n\
         Content-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"{file}\"\r\n\r\n",
        multipart("mixed", &edge),
        sentence(dice)
    );
    let encoded = BASE64.encode(dice.bytes(size));
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at_checked(76).unwrap_or((rest, ""));
        text.push_str(line);
        text.push_str("\r\n");
        rest = tail;
    }
    let _ = write!(text, "--{edge}--\r\n");
    text
}

fn nested(dice: &mut Dice, letter: &Letter) -> String {
    let (outer, middle, inner) = (
        hex(&dice.bytes(5)),
        hex(&dice.bytes(5)),
        hex(&dice.bytes(5)),
    );
    format!(
        "{head}--{outer}\r\nContent-Type: text/plain\r\n\r\n{first}\r\n\
         --{outer}\r\nContent-Type: message/rfc822\r\n\r\n\
         From: {from}\r\nSubject: inside\r\nMessage-ID: <inner.{inner}@{inner}.example>\r\n\
         Content-Type: multipart/mixed; boundary={middle}\r\n\r\n\
         --{middle}\r\nContent-Type: multipart/alternative; boundary={inner}\r\n\r\n\
         --{inner}\r\n\r\n{second}\r\n\r\n--{inner}--\r\n\
         --{middle}\r\nContent-Type: message/rfc822\r\n\r\n\
         Subject: innermost\r\n\r\n{third}\r\n\
         --{middle}--\r\n--{outer}--\r\n",
        head = multipart("mixed", &outer),
        from = letter.from,
        first = sentence(dice),
        second = sentence(dice),
        third = sentence(dice),
    )
}

/// Breaks the line ends of the kinds that are about them.
fn line_ends(kind: Kind, bytes: Vec<u8>) -> Vec<u8> {
    match kind {
        Kind::BareLf => bytes.into_iter().filter(|b| *b != b'\r').collect(),
        Kind::BareCr => {
            let mut bytes = bytes;
            bytes.extend_from_slice(b"progress 10%\rprogress 50%\rdone\r\r\n\rend\r\n");
            bytes
        }
        Kind::MixedEnds => {
            let mut mixed = Vec::with_capacity(bytes.len());
            let mut lines = 0;
            for byte in bytes {
                match byte {
                    b'\r' => {}
                    b'\n' => {
                        lines += 1;
                        // The header stays one: a bare CR would join two of its lines.
                        mixed.extend_from_slice(match lines % 3 {
                            0 => b"\n",
                            _ => b"\r\n".as_slice(),
                        });
                    }
                    other => mixed.push(other),
                }
            }
            mixed.extend_from_slice(b"one\rtwo\r\r\nthree\n\rfour\n\nfive\r");
            mixed
        }
        Kind::Unfinished => {
            let mut bytes = bytes;
            bytes.extend_from_slice(b"and no more");
            bytes
        }
        _ => bytes,
    }
}

/// Writes a date as mail headers have it.
pub(super) fn rfc822_date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map(|t| t.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string())
        .unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

fn subject(dice: &mut Dice) -> String {
    let mut words = sentence(dice);
    words.truncate(words.rfind(' ').unwrap_or(words.len()));
    words
}

fn sentence(dice: &mut Dice) -> String {
    let count = dice.between(4, 11);
    let words: Vec<&str> = (0..count).map(|_| dice.word(WORDS)).collect();
    format!("{}.", words.join(" "))
}

fn paragraphs(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..dice.between(1, 5) {
        for _ in 0..dice.between(1, 4) {
            text.push_str(&sentence(dice));
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
    }
    text
}

const WORDS: &[&str] = &[
    "the",
    "server",
    "will",
    "be",
    "down",
    "on",
    "Friday",
    "budget",
    "meeting",
    "moved",
    "to",
    "room",
    "four",
    "please",
    "send",
    "your",
    "numbers",
    "before",
    "noon",
    "backup",
    "tape",
    "number",
    "seven",
    "is",
    "missing",
    "lunch",
    "today",
    "choir",
    "practice",
    "starts",
    "late",
    "new",
    "printer",
    "second",
    "floor",
    "thanks",
    "for",
    "all",
    "help",
    "with",
    "migration",
    "draft",
    "contract",
    "attached",
    "see",
    "below",
    "and",
    "call",
    "me",
    "about",
    "travel",
];

#[cfg(test)]
mod tests {
    use super::{Kind, Letter, rfc822_date, write};
    use crate::lab::create::dice::Dice;
    use std::collections::BTreeSet;

    const LETTER: Letter<'_> = Letter {
        from: "a@siroe.com",
        to: "b@siroe.com",
        date: 1_013_644_800,
        host: "mail.siroe.com",
    };

    fn make(kind: Kind) -> Vec<u8> {
        write(&mut Dice::new(1, "mail"), kind, &LETTER)
    }

    fn has(kind: Kind, part: &[u8]) -> bool {
        make(kind).windows(part.len()).any(|w| w == part)
    }

    #[test]
    fn each_odd_kind_has_what_it_is_named_after() {
        assert!(make(Kind::Large).len() >= 1 << 20);
        assert!(!has(Kind::NoId, b"Message-ID"));
        assert!(!make(Kind::BareLf).contains(&b'\r'));
        assert!(has(Kind::BareCr, b"10%\rprogress"));
        assert!(has(Kind::MixedEnds, b"two\r\r\nthree\n\rfour"));
        assert!(has(Kind::Dots, b"\r\n.\r\n"));
        assert!(has(Kind::FromLines, b"\r\nFrom "));
        assert!(has(Kind::RawHeader, b"Caf\xe9"));
        assert!(!make(Kind::Unfinished).ends_with(b"\n"));
        assert!(!has(Kind::HeaderOnly, b"\r\n\r\n"));
    }

    #[test]
    fn every_message_but_one_kind_has_an_id_and_all_are_different() {
        let ids: BTreeSet<String> = (0..200)
            .map(|seed| {
                let mut dice = Dice::new(seed, "ids");
                let message = write(&mut dice, Kind::Plain, &LETTER);
                let text = String::from_utf8(message).unwrap();
                let line = text.lines().find(|l| l.starts_with("Message-ID: <"));
                line.unwrap().to_owned()
            })
            .collect();
        assert_eq!(ids.len(), 200);
    }

    #[test]
    fn dates_look_like_mail() {
        assert_eq!(
            rfc822_date(1_013_644_800),
            "Thu, 14 Feb 2002 00:00:00 +0000"
        );
    }
}
