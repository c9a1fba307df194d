//! What both MTAs have in common: a queue, a directory, a store, and what happens to a message
//! that is taken in.

use super::smtp::{Incoming, Mta, Verdict};
use crate::lab::ims::ImsStore;
use crate::lab::ledger::{self, Line, Origin};
use crate::lab::people::{Directory, Site, Target, Unreachable};
use crate::lab::queue::{self, Envelope, HOLD, REMOTE, State};
use crate::lab::sims::SimsStore;
use crate::lab::world::{Lab, LabError};
use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A message that was on more hosts goes round in circles.
const MOST_HOPS: u32 = 30;

/// Where a local user's mail ends up.
#[derive(Clone, Debug)]
pub enum Store {
    /// The old store, as its configuration says at this moment.
    Old {
        /// The root of the host's files.
        host_root: PathBuf,
    },
    /// The new store of an instance.
    New {
        /// The instance root.
        instance: PathBuf,
    },
    /// The store of Netscape's server.
    Nms {
        /// The instance root.
        instance: PathBuf,
    },
}

impl Store {
    /// Puts a message into a user's INBOX.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn deliver(&self, user: &str, message: &[u8], date: i64) -> Result<(), LabError> {
        match self {
            Self::Old { host_root } => SimsStore::open(host_root)?
                .append(user, b"INBOX", message, &[], date)
                .map(|_| ()),
            Self::New { instance } | Self::Nms { instance } => ImsStore::open(instance)?
                .append(user, "INBOX", message, &[], date)
                .map(|_| ()),
        }
    }

    /// Returns whether a user's INBOX has exactly this message of exactly this time: then an
    /// earlier attempt, cut off before it could say so, delivered it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has(&self, user: &str, message: &[u8], date: i64) -> Result<bool, LabError> {
        match self {
            Self::Old { host_root } => {
                let store = SimsStore::open(host_root)?;
                for folder in store.folders(user)? {
                    if folder.name != b"INBOX" {
                        continue;
                    }
                    let same_time = folder.messages.iter().filter(|m| m.date == date);
                    for candidate in same_time {
                        if store.read(candidate)? == message {
                            return Ok(true);
                        }
                    }
                }
                Ok(false)
            }
            Self::New { instance } | Self::Nms { instance } => {
                let store = ImsStore::open(instance)?;
                let text = super::mailbox::with_crlf(message);
                for candidate in store.messages(user, "INBOX")? {
                    if candidate.internal_date == date
                        && store.read(user, "INBOX", candidate.n)? == text
                    {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}

/// Who may send mail through this server to other machines.
#[derive(Clone, Debug)]
pub enum Relay {
    /// Everybody on the lab's network.
    Everybody,
    /// Those whom the mapping table `INTERNAL_IP` named when the dispatcher started.
    Mapped(super::mappings::Internal),
}

/// One side's MTA.
#[derive(Clone)]
pub struct Side {
    /// The lab, for its ledger.
    pub lab: Lab,
    /// The root of the host's files.
    pub host_root: PathBuf,
    /// What its greeting says.
    pub product: &'static str,
    /// What it knows of its site.
    pub site: Site,
    /// The directory, where people log in.
    pub directory: Arc<dyn Directory>,
    /// What the last dirsync knew of it, by which mail goes.
    pub known: Arc<dyn Directory>,
    /// Its queue.
    pub queue: PathBuf,
    /// Its counters.
    pub counters: PathBuf,
    /// The channel that delivers into the store.
    pub local: &'static str,
    /// The store.
    pub store: Store,
    /// Who may relay.
    pub relay: Relay,
}

impl Side {
    /// Returns whether an address belongs to this site: by its domain, or because somebody has it.
    fn is_local(&self, address: &str) -> Result<bool, Unreachable> {
        match address.rsplit_once('@') {
            None => Ok(true),
            Some((_, domain)) => {
                let known = self.known.as_ref();
                Ok(self.site.is_local(known, domain)? || self.site.find(known, address)?.is_some())
            }
        }
    }

    /// Returns where mail for an address goes: its users, or another machine; `None` for nobody.
    ///
    /// # Errors
    /// When the directory does not answer.
    pub fn targets(&self, address: &str) -> Result<Option<BTreeSet<Target>>, Unreachable> {
        if self.is_local(address)? {
            let domain = address.rsplit_once('@').map(|(_, domain)| domain);
            let domain = domain.map_or_else(|| self.site.default_domain(), str::to_owned);
            if let Some(host) = self.site.router(self.known.as_ref(), &domain)? {
                let target = Target::Elsewhere(host, address.to_owned());
                return Ok(Some(BTreeSet::from([target])));
            }
            self.site.targets(self.known.as_ref(), address)
        } else {
            Ok(Some(BTreeSet::from([Target::Remote(address.to_owned())])))
        }
    }

    /// Puts a message on hold for one address.
    ///
    /// # Errors
    /// When the queue cannot be written.
    pub fn hold(&self, of: &Envelope, address: &str, message: &[u8]) -> io::Result<()> {
        let envelope = only(of, [address.to_owned()]);
        queue::enqueue(&self.queue, HOLD, &envelope, message, State::Held).map(|_| ())
    }

    /// Puts a message into the channel for other machines.
    ///
    /// # Errors
    /// When the queue cannot be written.
    pub fn send_on(
        &self,
        of: &Envelope,
        to: impl IntoIterator<Item = String>,
        message: &[u8],
    ) -> io::Result<()> {
        let envelope = only(of, to);
        queue::enqueue(&self.queue, REMOTE, &envelope, message, State::Ready).map(|_| ())
    }

    fn relayed(&self, client: IpAddr) -> Verdict {
        let allowed = match &self.relay {
            Relay::Everybody => true,
            Relay::Mapped(table) => table.allows(client),
        };
        if allowed {
            Verdict::Accepted
        } else {
            Verdict::RelayDenied
        }
    }
}

impl Mta for Side {
    fn name(&self) -> &str {
        &self.site.host
    }

    fn product(&self) -> &str {
        self.product
    }

    fn recipient(&self, client: IpAddr, address: &str) -> Verdict {
        match self.is_local(address) {
            Err(_) => Verdict::Later,
            Ok(false) => self.relayed(client),
            Ok(true) => match self.site.find(self.known.as_ref(), address) {
                Ok(Some(_)) => Verdict::Accepted,
                Ok(None) => Verdict::Unknown,
                Err(_) => Verdict::Later,
            },
        }
    }

    fn accept(&self, incoming: &Incoming) -> io::Result<()> {
        let mut here = Vec::new();
        let mut elsewhere = Vec::new();
        let mut users = BTreeSet::new();
        // Whose a message is does not depend on the host that the mailbox is on.
        let anywhere = Site {
            everywhere: true,
            ..self.site.clone()
        };
        for address in &incoming.to {
            let other = |e: Unreachable| io::Error::other(e);
            if !self.is_local(address).map_err(other)? {
                elsewhere.push(address.as_str());
                continue;
            }
            here.push(address.as_str());
            let targets = anywhere.targets(self.known.as_ref(), address);
            for target in targets.map_err(other)?.unwrap_or_default() {
                match target {
                    Target::Mailbox(user) => {
                        users.insert(user);
                    }
                    Target::Hold(address) => users.extend(self.owner(&address).map_err(other)?),
                    Target::Remote(_) | Target::Elsewhere(..) | Target::Later(_) => {}
                }
            }
        }
        let now = now();
        let hops = incoming.hops.unwrap_or(0);
        // Documented: what goes round in circles is held.
        let state = if hops.max(received(&incoming.message)) > MOST_HOPS {
            State::Held
        } else {
            State::Ready
        };
        for (channel, to) in [(self.local, here), (REMOTE, elsewhere)] {
            if !to.is_empty() {
                let envelope = Envelope {
                    hops,
                    ..envelope(&incoming.from, &to, now)
                };
                queue::enqueue(&self.queue, channel, &envelope, &incoming.message, state)?;
            }
        }
        if incoming.hops.is_some() {
            // The host that took it from outside has noted it.
            return Ok(());
        }
        let lines: Vec<Line> = users
            .iter()
            .map(|user| Line::new(user, &incoming.message, now, Origin::Traffic))
            .collect();
        ledger::append(&self.lab, &lines).map_err(io::Error::other)
    }
}

impl Side {
    /// The store id of the user with this address, whatever the state of their delivery.
    fn owner(&self, address: &str) -> Result<Option<String>, Unreachable> {
        let found = self.site.find(self.known.as_ref(), address)?;
        Ok(found.and_then(|entry| self.site.store_id(&entry)))
    }
}

fn envelope(from: &str, to: &[&str], arrived: i64) -> Envelope {
    Envelope {
        from: from.to_owned(),
        to: to.iter().map(|t| (*t).to_owned()).collect(),
        arrived,
        hops: 0,
    }
}

fn only(of: &Envelope, to: impl IntoIterator<Item = String>) -> Envelope {
    Envelope {
        to: to.into_iter().collect(),
        ..of.clone()
    }
}

/// How many servers have written into the head of a message that they received it.
fn received(message: &[u8]) -> u32 {
    let head = message
        .split(|b| *b == b'\n')
        .take_while(|line| !line.trim_ascii().is_empty());
    let is_received = |line: &&[u8]| {
        line.get(..9)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"received:"))
    };
    u32::try_from(head.filter(is_received).count()).unwrap_or(u32::MAX)
}

/// Seconds since the epoch.
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
pub(super) mod tests;
