//! What people outside write: to one person, to two, to a list, now and then long.

use crate::lab::create::Dice;
use crate::lab::traffic::Book;
use crate::lab::world::Lab;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

/// Senders that are not of the site.
const SENDERS: [&str; 5] = [
    "postbox@stockade.net",
    "orders@music.example.org",
    "news@pilot.example.org",
    "j.doe@elsewhere.example.com",
    "",
];

const WORDS: [&str; 12] = [
    "meeting", "invoice", "harbour", "the", "a", "tomorrow", "again", "please", "Tuesday", "of",
    "report", "thanks",
];

/// A letter on its way, for recipients of one domain.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) domain: String,
    pub(super) message: Vec<u8>,
    /// When it is tried next.
    pub(super) next: Instant,
}

/// Everything that will be written.
pub(super) struct Letters {
    book: Book,
    dice: Dice,
    number: u64,
    /// So that no two starts of a lab give two letters one id.
    start: i64,
}

impl Letters {
    /// Goes on after so many letters.
    pub(super) fn new(lab: &Lab, book: Book, written: u64) -> Self {
        Self {
            book,
            dice: Dice::new(lab.config.seed, &format!("traffic after {written}")),
            number: written,
            start: jiff::Timestamp::now().as_microsecond(),
        }
    }

    /// Writes the next letter: one for each domain among its recipients; none where nobody is.
    pub(super) fn write(&mut self) -> Vec<Waiting> {
        self.number += 1;
        let to = self.recipients();
        let from = self.dice.word(&SENDERS).to_owned();
        let message = self.message(&from, &to);
        let mut by_domain: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for address in to {
            let domain = address
                .rsplit('@')
                .next()
                .unwrap_or_default()
                .to_lowercase();
            by_domain.entry(domain).or_default().push(address);
        }
        let waiting = by_domain.into_iter().map(|(domain, to)| Waiting {
            from: from.clone(),
            to,
            domain,
            message: message.clone(),
            next: Instant::now(),
        });
        waiting.collect()
    }

    /// A list goes alone: who is on it and named beside it would get two from a careful server and
    /// one from another.
    fn recipients(&mut self) -> Vec<String> {
        let people: Vec<&str> = self.book.people.iter().map(String::as_str).collect();
        let lists: Vec<&str> = self.book.lists.iter().map(String::as_str).collect();
        if self.dice.chance(12) && !lists.is_empty() {
            return vec![self.dice.word(&lists).to_owned()];
        }
        let many = if self.dice.chance(15) { 2 } else { 1 };
        let mut to: Vec<String> = Vec::new();
        for _ in 0..many {
            let one = self.dice.word(&people).to_owned();
            if !one.is_empty() && !to.contains(&one) {
                to.push(one);
            }
        }
        to
    }

    fn message(&mut self, from: &str, to: &[String]) -> Vec<u8> {
        let from = if from.is_empty() {
            "mailer@elsewhere.example.com"
        } else {
            from
        };
        let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S +0000");
        let mut text = format!(
            "From: {from}\r\nTo: {}\r\nSubject: {} {}\r\nDate: {date}\r\nMessage-ID: <traffic.{}.{}@outside.example>\r\n\r\n",
            to.join(", "),
            self.dice.word(&WORDS),
            self.number,
            self.number,
            self.start,
        );
        let lines = if self.dice.chance(5) {
            400
        } else {
            self.dice.between(1, 20)
        };
        for _ in 0..lines {
            for _ in 0..self.dice.between(3, 9) {
                let _ = write!(text, "{} ", self.dice.word(&WORDS));
            }
            text.push_str("\r\n");
        }
        text.into_bytes()
    }
}
