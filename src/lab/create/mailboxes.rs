//! Puts the mail where it is on the day before the move: the old store, the queue, the ledger.
//!
//! The ledger names folders as they are called in the end. A name that is not MUTF-7 cannot stay:
//! the new store gets it with a blank for each offending byte, so that is what the ledger says.

use super::dice::Dice;
use super::mail::{self, Kind, Letter};
use super::messages::{Parcel, Post};
use super::people::Mailbox;
use super::residents::{Resident, Town};
use super::{Options, nms, queued};
use crate::lab::ims::ImsStore;
use crate::lab::ledger::{Line, Origin};
use crate::lab::sims::SimsStore;
use crate::lab::world::{HostConfig, Lab, LabError};
use std::collections::BTreeMap;

/// The day before the move: 2002-02-14, 00:00 UTC. Nothing in a lab is younger but its queue.
pub(super) const EPOCH: i64 = 1_013_644_800;
/// How far back mail goes.
const DAYS: usize = 400;
const DAY: i64 = 86_400;
/// A lab has no more messages over a megabyte than this.
const MOST_LARGE: usize = 4;

/// A folder: its bytes in the old store and its name in the end.
type Name = (&'static [u8], &'static str);

const INBOX: Name = (b"INBOX", "INBOX");

/// Folders that many people have.
const USUAL: &[Name] = &[
    (b"Sent", "Sent"),
    (b"Drafts", "Drafts"),
    (b"Trash", "Trash"),
    (b"Mail/flying", "Mail/flying"),
    (b"Mail/Christmas", "Mail/Christmas"),
    (b"Projects", "Projects"),
    (b"Lists/unix-admins", "Lists/unix-admins"),
    (b"Entw&APw-rfe", "Entw&APw-rfe"),
];

/// Folders of people who file everything.
const DEEP: &[Name] = &[
    (b"Projects/2001/Budget", "Projects/2001/Budget"),
    (b"Projects/2001/Budget/Final", "Projects/2001/Budget/Final"),
    (b"Projects/2002", "Projects/2002"),
    (b"v1.0 notes", "v1.0 notes"),
    (b"50% off", "50% off"),
    (b"A+B=C", "A+B=C"),
    (b"It's \"done\"", "It's \"done\""),
    (b"&ZeVnLIqe-", "&ZeVnLIqe-"),
    (b"inbox-old", "inbox-old"),
];

/// Folders of clients that do not know MUTF-7: a stray ampersand, a raw ISO 8859-1 byte; and one
/// that has had all along the name which the first one gets.
const AWKWARD: &[Name] = &[
    (b"R&D notes", "R D notes"),
    (b"R D notes", "R D notes"),
    (b"Mail/Entw\xfcrfe", "Mail/Entw rfe"),
    (b"Sent", "Sent"),
];

/// A message on its way into a folder.
struct Filed {
    folder: Name,
    message: Parcel,
    flags: Vec<String>,
    date: i64,
}

/// Fills the store and the queue; returns the ledger.
///
/// # Errors
/// When the store or the queue cannot be written.
pub(super) fn fill(
    lab: &Lab,
    town: &Town,
    post: &mut Post,
    options: &Options,
) -> Result<Vec<Line>, LabError> {
    let host = lab.host_with_role("old")?;
    let store = Old::open(lab, host)?;
    let mut dice = Dice::new(options.seed, "mail");
    let mut mixer = Mixer::default();
    let mut everybody: BTreeMap<usize, Vec<Filed>> = BTreeMap::new();
    let average = options.messages_per_user(town.residents.len());
    for (number, person) in town.residents.iter().enumerate() {
        let filed = draw(
            &mut dice, &mut mixer, post, town, person, average, &host.fqdn,
        );
        everybody.insert(number, filed);
    }
    announce(&mut dice, post, town, &mut everybody, lab);
    spread(&mut dice, post, &mut everybody);
    let mut ledger = Vec::new();
    for (number, person) in town.residents.iter().enumerate() {
        let id = &person.store_id;
        let mut filed = everybody.remove(&number).unwrap_or_default();
        filed.sort_by_key(|f| f.date);
        if person.mailbox == Mailbox::Empty && person.has_inbox {
            // Looked in once, never got anything.
            store.create(id)?;
        }
        for Filed {
            folder,
            message,
            flags,
            date,
        } in filed
        {
            let message = post.message(message)?;
            store.append(id, folder, &message, &flags, date)?;
            ledger.push(Line {
                folder: folder.1.to_owned(),
                flags,
                ..Line::new(id, &message, date, Origin::Store)
            });
        }
    }
    ledger.extend(queued::fill(lab, town, post, options)?);
    if let Old::Nms(_) = store {
        nms::finish(lab, town)?;
    }
    Ok(ledger)
}

/// The store of either old product.
enum Old {
    Sims(SimsStore),
    Nms(ImsStore),
}

impl Old {
    fn open(lab: &Lab, host: &HostConfig) -> Result<Self, LabError> {
        Ok(if crate::lab::nms::is(lab) {
            let instance = crate::lab::nms::instance(lab, host);
            Self::Nms(ImsStore::open(&instance.root)?)
        } else {
            Self::Sims(SimsStore::open(&lab.root(host))?.without_sync())
        })
    }

    fn create(&self, id: &str) -> Result<(), LabError> {
        match self {
            Self::Sims(store) => store.create_folder(id, INBOX.0),
            Self::Nms(store) => store.settle(id, nms::partition(id)),
        }
    }

    fn append(
        &self,
        id: &str,
        folder: Name,
        message: &[u8],
        flags: &[String],
        date: i64,
    ) -> Result<(), LabError> {
        match self {
            Self::Sims(store) => store.append(id, folder.0, message, flags, date).map(|_| ()),
            // Netscape's store takes no name that is not MUTF-7.
            Self::Nms(store) => {
                store.settle(id, nms::partition(id))?;
                store.append(id, folder.1, message, flags, date).map(|_| ())
            }
        }
    }
}

/// Sees to it that every odd kind comes up, early, and the large ones not too often.
#[derive(Default)]
struct Mixer {
    messages: usize,
    odd: usize,
    large: usize,
}

impl Mixer {
    fn next(&mut self, dice: &mut Dice) -> Kind {
        self.messages += 1;
        let kind = match mail::ODD.get(self.odd) {
            Some(odd) if self.messages.is_multiple_of(2) => {
                self.odd += 1;
                *odd
            }
            _ if self.large < MOST_LARGE && self.messages % 97 == 96 => Kind::Large,
            _ if self.messages % 31 == 30 => Kind::NoId,
            _ => mail::usual(dice),
        };
        if kind == Kind::Large {
            self.large += 1;
        }
        kind
    }
}

/// Draws what one person has in the old store.
fn draw(
    dice: &mut Dice,
    mixer: &mut Mixer,
    post: &mut Post,
    town: &Town,
    person: &Resident,
    average: usize,
    host: &str,
) -> Vec<Filed> {
    if person.mailbox == Mailbox::Empty || average == 0 {
        return Vec::new();
    }
    let count = dice
        .between(average.div_ceil(2), average + average / 2)
        .max(1);
    let folders = folders(dice, person, count);
    let mut filed = Vec::new();
    for number in 0..count.max(folders.len()) {
        // The first message of each folder makes it; most of the rest is in the INBOX.
        let folder = match folders.get(number) {
            Some(folder) => *folder,
            None if dice.chance(60) => INBOX,
            None => folders
                .get(dice.below(folders.len()))
                .copied()
                .unwrap_or(INBOX),
        };
        let kind = mixer.next(dice);
        let date = date(dice);
        let from = sender(dice, town);
        let letter = Letter {
            from: &from,
            to: person.mail(),
            date,
            host,
        };
        let message = post.next(dice, kind, &letter);
        filed.push(Filed {
            folder,
            message,
            flags: flags(dice),
            date: date + 5,
        });
    }
    if person.mailbox == Mailbox::Deep
        && let Some(first) = filed.first()
    {
        // Delivered twice, as it happens: two identical messages in one folder.
        let again = Filed {
            folder: first.folder,
            message: first.message.clone(),
            flags: Vec::new(),
            date: first.date + 60,
        };
        filed.push(again);
    }
    filed
}

fn folders(dice: &mut Dice, person: &Resident, messages: usize) -> Vec<Name> {
    let mut folders = vec![INBOX];
    match person.mailbox {
        Mailbox::Deep => folders.extend(DEEP),
        // However few messages there are: these names are what the person is here for.
        Mailbox::Awkward => folders.extend(AWKWARD),
        Mailbox::Usual | Mailbox::Empty => {
            let mut usual = USUAL.to_vec();
            dice.shuffle(&mut usual);
            usual.truncate(dice.below(5).min(messages.saturating_sub(1)));
            folders.extend(usual);
        }
    }
    folders
}

/// Sends some messages to several people: one copy in the old store, many mailboxes.
fn announce(
    dice: &mut Dice,
    post: &mut Post,
    town: &Town,
    everybody: &mut BTreeMap<usize, Vec<Filed>>,
    lab: &Lab,
) {
    let host = lab.host_with_role("old").map_or("", |h| h.fqdn.as_str());
    let readers: Vec<usize> = everybody
        .iter()
        .filter(|(_, filed)| !filed.is_empty())
        .map(|(number, _)| *number)
        .collect();
    if readers.len() < 2 {
        return;
    }
    for _ in 0..=readers.len() / 6 {
        let mut some = readers.clone();
        dice.shuffle(&mut some);
        some.truncate(dice.between(2, 9));
        let date = date(dice);
        let letter = Letter {
            from: &sender(dice, town),
            to: &format!("staff@{}", lab.config.default_domain),
            date,
            host,
        };
        let kind = mail::usual(dice);
        let message = post.next(dice, kind, &letter);
        for number in some {
            if let Some(filed) = everybody.get_mut(&number) {
                filed.push(Filed {
                    folder: INBOX,
                    message: message.clone(),
                    flags: flags(dice),
                    date: date + 9,
                });
            }
        }
    }
}

/// Files the messages of one's own that nobody has got yet: each is somewhere.
fn spread(dice: &mut Dice, post: &mut Post, everybody: &mut BTreeMap<usize, Vec<Filed>>) {
    let mut readers: Vec<&mut Vec<Filed>> =
        everybody.values_mut().filter(|f| !f.is_empty()).collect();
    if readers.is_empty() {
        return;
    }
    let mut turn = dice.below(readers.len());
    while let Some(message) = post.unused() {
        turn = (turn + 1) % readers.len();
        if let Some(filed) = readers.get_mut(turn) {
            let beside = dice.below(filed.len());
            let folder = filed.get(beside).map_or(INBOX, |f| f.folder);
            let date = date(dice);
            filed.push(Filed {
                folder,
                message,
                flags: flags(dice),
                date,
            });
        }
    }
}

fn date(dice: &mut Dice) -> i64 {
    let back = i64::try_from(dice.below(DAYS)).unwrap_or(0) * DAY;
    EPOCH - DAY - back + i64::try_from(dice.below(86_000)).unwrap_or(0)
}

/// Returns the address of somebody here or elsewhere.
pub(super) fn sender(dice: &mut Dice, town: &Town) -> String {
    if dice.chance(60) {
        let number = dice.below(town.residents.len());
        if let Some(person) = town.residents.get(number) {
            return person.mail().to_owned();
        }
    }
    dice.word(&[
        "orders@stockade.net",
        "lena@pilot.example.org",
        "owner-unix-admins@lists.example.org",
        "MAILER-DAEMON@relay.example.net",
        "press@varrius.example.com",
    ])
    .to_owned()
}

fn flags(dice: &mut Dice) -> Vec<String> {
    let mut flags = Vec::new();
    if dice.chance(65) {
        flags.push("\\Seen");
        if dice.chance(25) {
            flags.push("\\Answered");
        }
    }
    if dice.chance(10) {
        flags.push("\\Flagged");
    }
    if dice.chance(6) {
        flags.push("\\Deleted");
    }
    flags.into_iter().map(str::to_owned).collect()
}
