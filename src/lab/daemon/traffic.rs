//! The world outside: people who send mail to the site, and the site's own people who read theirs.
//!
//! Drawn from the seed, at the rate that the lab was made with. It finds its way as everybody does,
//! by the lab's name server (without one: to the only host), and is patient as a real sender is:
//! what is refused for now is tried again until it is taken. What was taken is in the ledger; that
//! is the listener's work.

mod letters;
mod readers;

use super::components::{Context, Running, StartError};
use super::send::{Letter, Said, send};
use crate::lab::dns::{self, Zone};
use crate::lab::lines;
use crate::lab::traffic::{Book, Counts};
use crate::lab::world::{Lab, LabError};
use letters::{Letters, Waiting};
use readers::Readers;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Until the next attempt: not long, because a lab's nights are short.
const AGAIN: Duration = Duration::from_secs(2);
/// The longest sleep between two looks at what is due.
const LOOK: Duration = Duration::from_millis(200);

/// Brings the traffic up.
///
/// # Errors
/// When the lab was made without any.
pub async fn start(context: Context) -> Result<Running, StartError> {
    let opened = tokio::task::spawn_blocking(move || {
        let traffic = Traffic::open(&context).map_err(|e| StartError::Failed(e.to_string()))?;
        Ok::<_, StartError>((traffic, context.stop))
    });
    let opened = opened
        .await
        .map_err(|e| StartError::Failed(e.to_string()))?;
    let (traffic, stop) = opened?;
    Ok(Box::pin(run(traffic, stop)))
}

async fn run(mut traffic: Traffic, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let stepped = tokio::task::spawn_blocking(move || {
            traffic.step();
            traffic
        });
        traffic = match stepped.await {
            Ok(traffic) => traffic,
            Err(_) => return,
        };
        let pause = traffic.pause();
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

struct Traffic {
    lab: Lab,
    own: (Ipv4Addr, String),
    letters: Letters,
    readers: Readers,
    waiting: Vec<Waiting>,
    counts: Counts,
    every: Duration,
    next_letter: Instant,
    next_reader: Instant,
}

impl Traffic {
    fn open(context: &Context) -> Result<Self, LabError> {
        let lab = context.lab.clone();
        let rate = lab.config.traffic_per_minute.unwrap_or(0);
        if rate == 0 {
            return Err(LabError::Other(
                "this lab was made without traffic".to_owned(),
            ));
        }
        let counts = Counts::read(&lab);
        Ok(Self {
            own: (context.host.address, context.host.fqdn.clone()),
            letters: Letters::new(&lab, Book::read(&lab)?, counts.written),
            readers: Readers::open(&lab)?,
            waiting: Vec::new(),
            counts: Counts {
                waiting: 0,
                ..counts
            },
            every: Duration::from_secs(60) / rate,
            next_letter: Instant::now(),
            next_reader: Instant::now(),
            lab,
        })
    }

    fn pause(&self) -> Duration {
        let due = self.waiting.iter().map(|w| w.next).min();
        let due = due.unwrap_or(self.next_letter).min(self.next_letter);
        due.saturating_duration_since(Instant::now()).min(LOOK)
    }

    /// Does what is due, a little at a time.
    fn step(&mut self) {
        let before = self.counts.clone();
        let now = Instant::now();
        if now >= self.next_letter {
            self.next_letter = now + self.every;
            self.counts.written += 1;
            self.waiting.extend(self.letters.write());
        }
        if let Some(at) = self.waiting.iter().position(|w| w.next <= now) {
            let letter = self.waiting.remove(at);
            self.deliver(letter);
        }
        if now >= self.next_reader {
            self.next_reader = now + self.every * 2;
            match self.readers.read_one(&self.lab, self.own.0) {
                Some(true) => self.counts.read += 1,
                Some(false) => self.counts.not_let_in += 1,
                None => {}
            }
        }
        self.counts.waiting = self.waiting.len() as u64;
        if self.counts != before {
            // A count that cannot be kept is not worth stopping for.
            let _ = self.counts.write(&self.lab);
        }
    }

    fn deliver(&mut self, mut letter: Waiting) {
        letter.next = Instant::now() + AGAIN;
        let said = self.attempt(&letter);
        let mut left = Vec::new();
        let mut taken = false;
        for (address, said) in letter.to.iter().zip(said) {
            match said {
                Said::Taken => taken = true,
                Said::Later(_) => left.push(address.clone()),
                Said::Never(why) => {
                    self.counts.bounced += 1;
                    self.counts.last_bounce = Some(format!("{address}: {why}"));
                }
            }
        }
        self.counts.accepted += u64::from(taken);
        if !left.is_empty() {
            self.counts.tried_again += 1;
            letter.to = left;
            self.waiting.push(letter);
        }
    }

    /// Tries the hosts of the domain in their order; the first that answers decides.
    fn attempt(&self, letter: &Waiting) -> Vec<Said> {
        for to in hosts(&self.lab, &letter.domain) {
            let one = Letter {
                from: &letter.from,
                to: &letter.to,
                message: &letter.message,
                hops: None,
            };
            if let Ok(said) = send((self.own.0, &self.own.1), to, one) {
                return said;
            }
        }
        vec![Said::Later("no answer".to_owned()); letter.to.len()]
    }
}

/// Where mail for a domain goes from outside.
fn hosts(lab: &Lab, domain: &str) -> Vec<SocketAddrV4> {
    let port = lab.port(25);
    let addresses: Vec<Ipv4Addr> = if dns::has(lab) {
        let Ok(zone) = Zone::read(lab) else {
            return Vec::new();
        };
        let hosts = zone.mail_hosts(domain);
        hosts.iter().filter_map(|host| zone.address(host)).collect()
    } else {
        let old = lab.host_with_role("old");
        old.into_iter().map(|host| host.address).collect()
    };
    addresses
        .into_iter()
        .map(|a| SocketAddrV4::new(a, port))
        .collect()
}

impl Counts {
    fn write(&self, lab: &Lab) -> Result<(), LabError> {
        let text = serde_json::to_vec(self).map_err(|e| LabError::Other(e.to_string()))?;
        lines::write_whole(&lab.dir.join(crate::lab::traffic::COUNTS), &text, false)
    }
}
