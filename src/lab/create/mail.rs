//! Messages as a mail server of 2002 has them: good ones, and every kind that breaks software.

mod bodies;

use super::dice::Dice;
use bodies::{body, mime, paragraphs, plain_body, sentence, subject};
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
