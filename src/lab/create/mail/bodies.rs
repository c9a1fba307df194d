//! What is below a message's header: text, MIME parts, and lines that break software.

use super::{Kind, Letter, hex};
use crate::lab::create::dice::Dice;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt::Write as _;

/// The rest of the header, the empty line and the body.
pub(super) fn body(dice: &mut Dice, kind: Kind, letter: &Letter) -> String {
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

pub(super) fn plain_body(dice: &mut Dice, charset: &str, encoding: &str) -> String {
    format!(
        "{}{}",
        mime(&format!("text/plain; charset={charset}"), encoding),
        paragraphs(dice)
    )
}

pub(super) fn mime(kind: &str, encoding: &str) -> String {
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

pub(super) fn subject(dice: &mut Dice) -> String {
    let mut words = sentence(dice);
    words.truncate(words.rfind(' ').unwrap_or(words.len()));
    words
}

pub(super) fn sentence(dice: &mut Dice) -> String {
    let count = dice.between(4, 11);
    let words: Vec<&str> = (0..count).map(|_| dice.word(WORDS)).collect();
    format!("{}.", words.join(" "))
}

pub(super) fn paragraphs(dice: &mut Dice) -> String {
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
