//! The channel for other machines: to the site's other server, and out into the world.

use crate::lab::daemon::mta::Side;
use crate::lab::daemon::send::{Letter, Said, send};
use crate::lab::dns::{self, Zone};
use crate::lab::queue::{self, Envelope, REMOTE, State};
use crate::lab::traffic::OUTSIDE;
use crate::lab::world::Lab;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

/// What became of a message of this channel.
pub(super) enum Sent {
    /// No machine of the lab takes mail for any of them: it stays for days.
    NoRoute,
    /// Tried; the envelope of those who are left.
    Tried(Envelope),
}

/// Sends a message on to whom it is for.
///
/// What is refused for good is kept where it can be seen, as a held message.
///
/// # Errors
/// When the queue cannot be written.
pub(super) fn send_on(side: &Side, envelope: &Envelope, message: &[u8]) -> io::Result<Sent> {
    let mut by_host: BTreeMap<Vec<Ipv4Addr>, Vec<&String>> = BTreeMap::new();
    for address in &envelope.to {
        by_host
            .entry(hosts(&side.lab, address))
            .or_default()
            .push(address);
    }
    if by_host.keys().all(Vec::is_empty) {
        return Ok(Sent::NoRoute);
    }
    let mut left = Envelope {
        to: Vec::new(),
        ..envelope.clone()
    };
    for (hosts, addresses) in by_host {
        let to: Vec<String> = addresses.iter().map(|a| bare(a).to_owned()).collect();
        let letter = Letter {
            from: &envelope.from,
            to: &to,
            message,
            hops: Some(envelope.hops + 1),
        };
        let own = side.lab.host(&side.site.host).map(|h| h.address);
        let own = own.unwrap_or(Ipv4Addr::LOCALHOST);
        let answered = hosts.iter().find_map(|host| {
            let to = SocketAddrV4::new(*host, side.lab.port(25));
            send((own, &side.site.host), to, letter).ok()
        });
        let Some(said) = answered else {
            left.to.extend(addresses.into_iter().cloned());
            continue;
        };
        for (address, said) in addresses.into_iter().zip(said) {
            match said {
                Said::Taken => {}
                Said::Later(_) => left.to.push(address.clone()),
                Said::Never(_) => {
                    let returned = Envelope {
                        to: vec![address.clone()],
                        ..envelope.clone()
                    };
                    queue::enqueue(&side.queue, REMOTE, &returned, message, State::Held)?;
                }
            }
        }
    }
    Ok(Sent::Tried(left))
}

/// Where an address leads: the host of its route, `@host:address`, or the mail hosts of its domain.
fn hosts(lab: &Lab, address: &str) -> Vec<Ipv4Addr> {
    if let Some((route, _)) = address.strip_prefix('@').and_then(|a| a.split_once(':')) {
        return lab.resolve(route).into_iter().collect();
    }
    let domain = address.rsplit('@').next().unwrap_or_default();
    if dns::has(lab)
        && let Ok(zone) = Zone::read(lab)
    {
        let hosts = zone.mail_hosts(domain);
        let known: Vec<Ipv4Addr> = hosts.iter().filter_map(|h| zone.address(h)).collect();
        if !known.is_empty() {
            return known;
        }
    }
    let outside = lab.host_with_role(OUTSIDE);
    outside.into_iter().map(|host| host.address).collect()
}

/// An address without its route.
fn bare(address: &str) -> &str {
    match address.strip_prefix('@').and_then(|a| a.split_once(':')) {
        Some((_, address)) => address,
        None => address,
    }
}
