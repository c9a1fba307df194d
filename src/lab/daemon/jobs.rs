//! The job controller: takes messages out of the queue, one after another at a pace that can be
//! watched, and puts each where it belongs.
//!
//! Killed, nothing drains. A message is marked as tried (its name) before it is touched, so that
//! after a crash in the middle nobody gets it twice.

mod remote;

use super::mta::{Side, Store};
use super::presence;
use crate::lab::counters::{self, Row};
use crate::lab::people::Target;
use crate::lab::queue::{self, Envelope, Queued, REMOTE, State};
use crate::lab::world::LabError;
use remote::Sent;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};
use tokio_util::sync::CancellationToken;

/// Between two messages: a queue of twenty is gone within two or three seconds.
const PACE: Duration = Duration::from_millis(100);

/// Between two messages that were there before the start, while the dispatcher is up.
///
/// The lab's own: a busy server whose queue stands until mail stops coming in, so that there is
/// something to drain however long after the lab's start one gets there.
const BUSY_PACE: Duration = Duration::from_secs(20);

/// Until the next attempt when another machine or a user cannot be reached.
const RETRY: Duration = Duration::from_secs(60);

/// Until the next attempt when a machine that there is did not take a message.
const RETRY_ROUTE: Duration = Duration::from_secs(5);

/// Until the next attempt when the directory or the store did not answer.
const RETRY_SOON: Duration = Duration::from_secs(2);

/// One job controller at work.
pub struct Jobs {
    side: Side,
    dispatcher: &'static str,
    /// Messages that are in the counters already, by what of their name never changes.
    known: BTreeSet<(String, String)>,
    retry: BTreeMap<(String, String), Instant>,
    started: SystemTime,
    /// When the last message of before the start was taken, or the start.
    last_old: Instant,
}

/// Drains a side's queue until `stop`.
pub async fn run(side: Side, dispatcher: &'static str, stop: CancellationToken) {
    let started = tokio::task::spawn_blocking(move || Jobs::new(side, dispatcher)).await;
    let Ok(mut jobs) = started else {
        return;
    };
    while !stop.is_cancelled() {
        let stepped = tokio::task::spawn_blocking(move || {
            // What cannot be done now is tried again: a full disk, a directory that is down.
            let _ = jobs.step();
            jobs
        });
        jobs = match stepped.await {
            Ok(jobs) => jobs,
            Err(_) => return,
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PACE) => {}
        }
    }
}

impl Jobs {
    /// Starts with the counters as they were left behind, or new ones.
    pub fn new(side: Side, dispatcher: &'static str) -> Self {
        let counted = side.counters.exists();
        let mut jobs = Self {
            side,
            dispatcher,
            known: BTreeSet::new(),
            retry: BTreeMap::new(),
            started: SystemTime::now(),
            last_old: Instant::now(),
        };
        if counted {
            let there = queue::list(&jobs.side.queue).unwrap_or_default();
            jobs.known.extend(there.iter().map(key));
        } else {
            // Documented as a command of its own; that the start does it is inferred.
            let _ = counters::create(&jobs.side.counters);
        }
        jobs
    }

    /// Counts what is new and handles at most one message; returns whether it handled one.
    ///
    /// # Errors
    /// When queue, store or counters cannot be used.
    pub fn step(&mut self) -> Result<bool, LabError> {
        let queued = queue::list(&self.side.queue).map_err(LabError::file(&self.side.queue))?;
        for message in &queued {
            if self.known.insert(key(message)) {
                self.count_in(message)?;
            }
        }
        let Some(next) = queued.into_iter().find(|m| self.may_go(m)) else {
            return Ok(false);
        };
        if self.is_old(&next) {
            self.last_old = Instant::now();
        }
        let key = key(&next);
        let tried = self.attempt(&next);
        match &tried {
            Ok(None) => {
                self.retry.remove(&key);
            }
            Ok(Some(after)) => {
                self.retry.insert(key, Instant::now() + *after);
            }
            Err(_) => {
                self.retry.insert(key, Instant::now() + RETRY_SOON);
            }
        }
        tried.map(|_| true)
    }

    fn may_go(&self, message: &Queued) -> bool {
        if message.state == State::Held {
            return false;
        }
        if self
            .retry
            .get(&key(message))
            .is_some_and(|at| *at > Instant::now())
        {
            return false;
        }
        if let Store::New { .. } = self.side.store
            && !presence::is_up(&self.side.host_root, super::STORED)
        {
            return false;
        }
        let waits = self.is_old(message)
            && presence::is_up(&self.side.host_root, self.dispatcher)
            && self.last_old.elapsed() < BUSY_PACE;
        !waits
    }

    /// Whether the message was in the old server's queue before the start.
    fn is_old(&self, message: &Queued) -> bool {
        matches!(self.side.store, Store::Old { .. } | Store::Nms { .. })
            && std::fs::metadata(&message.path)
                .and_then(|m| m.modified())
                .is_ok_and(|at| at < self.started)
    }

    /// Tries one message; returns when to try again, or nothing when it has gone.
    fn attempt(&mut self, queued: &Queued) -> Result<Option<Duration>, LabError> {
        let first = queued.attempts() == 0;
        let path = queued.path.with_file_name(queue::next_name(&queued.name));
        std::fs::rename(&queued.path, &path).map_err(LabError::file(&queued.path))?;
        let (envelope, message) = match queue::read(&path) {
            Ok(read) => read,
            Err(e) if e.kind() == std::io::ErrorKind::InvalidData => {
                std::fs::rename(&path, path.with_extension("HELD"))
                    .map_err(LabError::file(&path))?;
                return Ok(None);
            }
            Err(e) => return Err(LabError::file(&path)(e)),
        };
        let again = if queued.channel == REMOTE {
            RETRY_ROUTE
        } else {
            RETRY
        };
        let left = if queued.channel == REMOTE {
            match remote::send_on(&self.side, &envelope, &message).map_err(LabError::file(&path))? {
                Sent::Tried(left) => left,
                // It stays for days, as mail for unreachable hosts does.
                Sent::NoRoute => return Ok(Some(RETRY)),
            }
        } else {
            self.deliver(&envelope, &message, first)?
        };
        self.count_out(queued, &envelope, &left)?;
        if left.to.is_empty() {
            std::fs::remove_file(&path).map_err(LabError::file(&path))?;
            return Ok(None);
        }
        if left.to.len() < envelope.to.len() {
            queue::keep_recipients(&path, &left, &message).map_err(LabError::file(&path))?;
        }
        Ok(Some(again))
    }

    /// Delivers to everybody who can be reached; returns the envelope of those who cannot yet.
    fn deliver(
        &self,
        envelope: &Envelope,
        message: &[u8],
        first: bool,
    ) -> Result<Envelope, LabError> {
        let side = &self.side;
        let wrote = |e: std::io::Error| LabError::file(&side.queue)(e);
        let mut users = BTreeSet::new();
        let mut routed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut left = Envelope {
            to: Vec::new(),
            ..envelope.clone()
        };
        for address in &envelope.to {
            let targets = side
                .targets(address)
                .map_err(|e| LabError::Other(e.to_string()))?;
            let Some(targets) = targets else {
                // Nobody of that name: what the real one would return to the sender is kept where
                // it can be seen.
                let nobody = Envelope {
                    to: vec![address.clone()],
                    ..envelope.clone()
                };
                queue::enqueue(&side.queue, side.local, &nobody, message, State::Held)
                    .map_err(wrote)?;
                continue;
            };
            let alone = targets.len() == 1;
            for target in targets {
                match target {
                    Target::Mailbox(user) => {
                        users.insert(user);
                    }
                    Target::Hold(address) => {
                        side.hold(envelope, &address, message).map_err(wrote)?;
                    }
                    Target::Elsewhere(host, address) => {
                        routed.entry(host).or_default().insert(address);
                    }
                    Target::Remote(address) => {
                        side.send_on(envelope, [address], message).map_err(wrote)?;
                    }
                    Target::Later(_) if alone => left.to.push(address.clone()),
                    Target::Later(member) => {
                        let later = Envelope {
                            to: vec![member],
                            ..envelope.clone()
                        };
                        queue::enqueue(&side.queue, side.local, &later, message, State::Ready)
                            .map_err(wrote)?;
                    }
                }
            }
        }
        // One message for all at one host: who is meant twice gets it once there too.
        for (host, addresses) in routed {
            let addresses = addresses.iter().map(|a| format!("@{host}:{a}"));
            side.send_on(envelope, addresses, message).map_err(wrote)?;
        }
        for user in users {
            if first || !side.store.has(&user, message, envelope.arrived)? {
                side.store.deliver(&user, message, envelope.arrived)?;
            }
        }
        Ok(left)
    }

    fn count_in(&self, queued: &Queued) -> Result<(), LabError> {
        let Ok((envelope, message)) = queue::read(&queued.path) else {
            return Ok(());
        };
        let row = Row {
            messages: 1,
            recipients: count(envelope.to.len()),
            blocks: blocks(message.len()),
        };
        counters::update(&self.side.counters, &queued.channel, |c| {
            c.received.add(row, 1);
            c.stored.add(row, 1);
        })
    }

    /// Counts by the size of the file, which is not quite the size that was counted in: real blocks
    /// go astray in the same way.
    fn count_out(
        &self,
        queued: &Queued,
        before: &Envelope,
        left: &Envelope,
    ) -> Result<(), LabError> {
        let gone = left.to.is_empty();
        let row = Row {
            messages: i64::from(gone),
            recipients: count(before.to.len()) - count(left.to.len()),
            blocks: if gone {
                blocks(usize::try_from(queued.bytes).unwrap_or(0))
            } else {
                0
            },
        };
        counters::update(&self.side.counters, &queued.channel, |c| {
            c.stored.add(row, -1);
            c.delivered.add(row, 1);
        })
    }
}

fn key(message: &Queued) -> (String, String) {
    let stem = Path::new(&message.name).file_stem().unwrap_or_default();
    let stem = stem.to_string_lossy();
    (
        message.channel.clone(),
        stem.get(2..).unwrap_or_default().to_owned(),
    )
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn blocks(bytes: usize) -> i64 {
    count(bytes.div_ceil(1024))
}

#[cfg(test)]
mod tests;
