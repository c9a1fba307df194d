//! The old server's queue: messages accepted but not delivered yet, and the counters' file.

use super::Options;
use super::dice::Dice;
use super::mail::{self, Letter};
use super::mailboxes::{EPOCH, sender};
use super::messages::Post;
use super::residents::{Resident, Town};
use crate::lab::counters::{self, Row};
use crate::lab::ledger::{Line, Origin};
use crate::lab::nms;
use crate::lab::queue::{self, Envelope, OLD_LOCAL, OLD_QUEUE, REMOTE, State};
use crate::lab::world::{Lab, LabError};
use std::path::Path;

/// What the old server's job controller leaves behind, below its host's root.
const OLD_COUNTERS: &str = "var/opt/SUNWmail/imta/counters";

/// A lab's queue has no more messages than this, however many people there are.
const MOST: usize = 24;
const FEWEST: usize = 4;

/// Puts messages into the queue; returns their lines of the ledger.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn fill(
    lab: &Lab,
    town: &Town,
    post: &mut Post,
    options: &Options,
) -> Result<Vec<Line>, LabError> {
    let host = lab.host_with_role("old")?;
    let is_nms = nms::is(lab);
    let (folder, channel) = if is_nms {
        (nms::queue(&nms::instance(lab, host)), nms::LOCAL)
    } else {
        (lab.root(host).join(OLD_QUEUE), OLD_LOCAL)
    };
    let mut dice = Dice::new(options.seed, "queue");
    let takers = town.residents.iter().filter(|r| r.takes_mail);
    let readers: Vec<&Resident> = takers.collect();
    let mut ledger = Vec::new();
    let mut queued = Row::default();
    if readers.is_empty() {
        return Ok(ledger);
    }
    let count = (town.residents.len() / 2).clamp(FEWEST, MOST);
    for number in 0..count {
        let (to, people) = recipients(&mut dice, town, &readers, number);
        let arrived = EPOCH + 8 * 3600 + i64::try_from(number).unwrap_or(0) * 37;
        let letter = Letter {
            from: &sender(&mut dice, town),
            to: &to.join(", "),
            date: arrived - 20,
            host: &host.fqdn,
        };
        let kind = mail::usual(&mut dice);
        let message = post.next(&mut dice, kind, &letter);
        let message = post.message(message)?;
        let envelope = Envelope {
            from: letter.from.to_owned(),
            to,
            arrived,
            hops: 0,
        };
        queued.add(
            Row {
                messages: 1,
                recipients: i64::try_from(envelope.to.len()).unwrap_or(1),
                blocks: i64::try_from(message.len().div_ceil(1024)).unwrap_or(1),
            },
            1,
        );
        queue::enqueue(&folder, channel, &envelope, &message, State::Ready)
            .map_err(LabError::file(&folder))?;
        ledger.extend(
            people
                .iter()
                .map(|p| Line::new(&p.store_id, &message, arrived, Origin::Queue)),
        );
    }
    if is_nms {
        return Ok(ledger);
    }
    write_counters(&lab.root(host).join(OLD_COUNTERS), &queued)?;
    Ok(ledger)
}

/// Writes the counters as the job controller left them: what is queued, what went through before,
/// and in another channel the leftovers of a reset, which are below zero.
fn write_counters(path: &Path, queued: &Row) -> Result<(), LabError> {
    const BEFORE: Row = Row {
        messages: 13_077,
        recipients: 13_859,
        blocks: 264_616,
    };
    counters::create(path)?;
    counters::update(path, OLD_LOCAL, |channel| {
        channel.delivered = BEFORE;
        channel.received = BEFORE;
        channel.received.add(*queued, 1);
        channel.stored = *queued;
    })?;
    counters::update(path, REMOTE, |channel| {
        channel.received = Row {
            messages: 2594,
            recipients: 2594,
            blocks: 3637,
        };
        channel.delivered = Row {
            messages: 2594,
            recipients: 2594,
            blocks: 3641,
        };
        channel.stored.blocks = -4;
    })
}

/// Draws addresses and the people they mean: one person, by any address; two; the list.
fn recipients<'a>(
    dice: &mut Dice,
    town: &'a Town,
    readers: &[&'a Resident],
    number: usize,
) -> (Vec<String>, Vec<&'a Resident>) {
    if number == 1
        && let Some(list) = &town.list
    {
        let members = list.members.iter().filter_map(|at| town.residents.get(*at));
        return (vec![list.mail.clone()], members.collect());
    }
    let mut some = readers.to_vec();
    dice.shuffle(&mut some);
    some.truncate(if number == 0 { 2 } else { 1 });
    let addresses = some
        .iter()
        .map(|person| {
            let addresses: Vec<&str> = person.addresses.iter().map(String::as_str).collect();
            dice.word(&addresses).to_owned()
        })
        .collect();
    (addresses, some)
}
