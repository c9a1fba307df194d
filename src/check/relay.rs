//! Who may send mail to the outside world through the new server: what its table says, and what it
//! does when it is asked.

use super::{Answer, Asked, CheckContext, some};
use crate::base::display_safe;
use crate::host::{Host, Relaying};
use crate::scenario::Role;
use std::net::{IpAddr, Ipv4Addr};

/// An address that is nobody's and outside (RFC 2606); nothing is ever sent to it.
const OUTSIDE: &str = "imsmigrate-relay-test@example.com";

/// Asks the running server, from an address in a listed network and from one in none; no message
/// is sent.
pub(super) async fn live(context: &CheckContext) -> Asked {
    let host = context.host(Role::New)?;
    let port = context.site.new.smtp_port;
    let networks = &context.site.relay.networks;
    let known: Vec<Network> = networks.iter().filter_map(|n| Network::parse(n)).collect();
    if known.len() < networks.len() {
        return Ok(Answer::unknown(format!(
            "not all of these are networks: {}",
            some(networks)
        )));
    }
    let listed = |ip: &IpAddr| known.iter().any(|n| n.holds(*ip));
    let own = host.own_address(port).await;
    let (inside, outside): (Vec<IpAddr>, Vec<IpAddr>) =
        sources(own, &known).into_iter().partition(listed);
    let taken = probe(&host, context, &inside).await?;
    let refused = probe(&host, context, &outside).await?;
    let mut wrong = Vec::new();
    if let Some((from, Relaying::Refused(said))) = &taken {
        wrong.push(format!(
            "from {from}, which is listed, mail to outside is refused: {}",
            display_safe(said)
        ));
    }
    if let Some((from, Relaying::Accepted)) = &refused {
        wrong.push(format!(
            "from {from}, which is not listed, mail to outside is taken"
        ));
    }
    if !wrong.is_empty() {
        return Ok(Answer::failed(wrong.join("; ")));
    }
    Ok(match (taken, refused) {
        (Some((yes, _)), Some((no, _))) => Answer::ok(format!(
            "taken from {yes}, which is listed, and refused from {no}, which is not"
        )),
        (None, Some((no, _))) if networks.is_empty() => {
            Answer::ok(format!("refused from {no}, and no network is listed"))
        }
        (None, Some((no, _))) => Answer::warning(format!(
            "refused from {no}, which is not listed; from here no listed address can be used"
        ))
        .advise(by_hand(
            &host,
            port,
            "from a listed network: it has to be taken",
        )),
        (Some((yes, _)), None) => Answer::warning(format!(
            "taken from {yes}, which is listed; from here no other address can be used"
        ))
        .advise(by_hand(&host, port, "from outside: it has to be refused")),
        (None, None) => Answer::unknown("from here no address can be used to ask from"),
    })
}

fn by_hand(host: &Host, port: u16, whence: &str) -> String {
    format!(
        "Try telnet {} {port} with RCPT TO:<{OUTSIDE}> {whence}.",
        host.fqdn
    )
}

/// Asks from the first of some addresses that is this machine's.
async fn probe(
    host: &Host,
    context: &CheckContext,
    from: &[IpAddr],
) -> Result<Option<(IpAddr, Relaying)>, Answer> {
    let port = context.site.new.smtp_port;
    for source in from {
        match host
            .would_relay(port, *source, OUTSIDE, context.patience)
            .await
        {
            Relaying::NotOurs => {}
            Relaying::Unclear(said) => {
                return Err(Answer::not_understood(
                    &format!("port {port}, asked from {source},"),
                    &said,
                ));
            }
            told => return Ok(Some((*source, told))),
        }
    }
    Ok(None)
}

/// Addresses that may be this machine's: the one it reaches the server from, and on loopback, where
/// every address is, one of each network and one of none.
fn sources(own: Option<IpAddr>, networks: &[Network]) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = own.into_iter().collect();
    if own.is_some_and(|ip| ip.is_loopback()) {
        let firsts = networks.iter().copied().map(Network::first);
        all.extend(firsts.filter(Ipv4Addr::is_loopback).map(IpAddr::V4));
        all.extend([Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 255, 0, 1)].map(IpAddr::V4));
    } else {
        let alone = networks.iter().filter(|n| n.bits == 32);
        all.extend(alone.map(|n| IpAddr::V4(n.address)));
        // Where the wizard runs on the server itself.
        all.push(Ipv4Addr::LOCALHOST.into());
    }
    all
}

/// A network as the site writes it: `192.0.2.0/24`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: Ipv4Addr,
    bits: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.trim().split_once('/').unwrap_or((text.trim(), "32"));
        let bits = bits.parse().ok().filter(|bits| *bits <= 32)?;
        let address = address.parse().ok()?;
        Some(Self { address, bits })
    }

    fn mask(self) -> u32 {
        u32::MAX.checked_shl(32 - self.bits).unwrap_or(0)
    }

    fn holds(self, ip: IpAddr) -> bool {
        let IpAddr::V4(ip) = ip else { return false };
        u32::from(ip) & self.mask() == u32::from(self.address) & self.mask()
    }

    /// The first address of a host in it.
    fn first(self) -> Ipv4Addr {
        if self.bits == 32 {
            return self.address;
        }
        Ipv4Addr::from((u32::from(self.address) & self.mask()).saturating_add(1))
    }
}

/// Looks for the site's networks in the mapping table that says who may relay.
pub(super) async fn table(context: &CheckContext) -> Asked {
    let networks = &context.site.relay.networks;
    let host = context.host(Role::New)?;
    let path = format!("{}/imta/config/mappings", context.site.new.instance_root);
    let Some(bytes) = host.read_file(&path, 4 << 20).await? else {
        return Ok(Answer::unknown(format!("there is no {path}")));
    };
    let entries = internal_ip(&String::from_utf8_lossy(&bytes));
    let missing: Vec<&String> = networks
        .iter()
        .filter(|network| !allows(&entries, &format!("$({network})")))
        .collect();
    if !missing.is_empty() {
        return Ok(Answer::failed(format!("may not relay: {}", some(&missing))));
    }
    if allows(&entries, "*") {
        return Ok(Answer::failed("everybody may relay"));
    }
    if networks.is_empty() {
        return Ok(Answer::ok(
            "nobody may relay, and the site names no network",
        ));
    }
    Ok(Answer::ok(format!("may relay: {}", some(networks))))
}

/// The entries of table `INTERNAL_IP`: pattern, and whether it allows.
fn internal_ip(text: &str) -> Vec<(String, bool)> {
    let mut inside = false;
    let mut entries = Vec::new();
    for line in text.lines() {
        if line.trim().is_empty() || line.starts_with('!') {
            continue;
        }
        if !line.starts_with(char::is_whitespace) {
            inside = line.trim() == "INTERNAL_IP";
            continue;
        }
        let mut words = line.split_whitespace();
        if let (true, Some(pattern), Some(answer)) = (inside, words.next(), words.next()) {
            entries.push((pattern.to_owned(), answer.to_uppercase().contains("$Y")));
        }
    }
    entries
}

/// Whether a pattern is answered with yes before everybody is answered.
fn allows(entries: &[(String, bool)], pattern: &str) -> bool {
    let first = entries.iter().find(|(p, _)| p == pattern || p == "*");
    first.is_some_and(|(p, yes)| *yes && p == pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_to_be_in_a_network_or_not() {
        let network = |text| Network::parse(text).unwrap();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(network("192.0.2.0/24").holds(ip("192.0.2.200")));
        assert!(!network("192.0.2.0/24").holds(ip("192.0.3.1")));
        assert!(network("0.0.0.0/0").holds(ip("8.8.8.8")));
        assert!(!network("192.0.2.7").holds(ip("192.0.2.8")));
        assert!(!network("0.0.0.0/0").holds(ip("::1")));
        assert_eq!(network("127.77.0.0/16").first().to_string(), "127.77.0.1");
        assert_eq!(network("192.0.2.7").first().to_string(), "192.0.2.7");
        assert_eq!(Network::parse("192.0.2.0/33"), None);
        assert_eq!(Network::parse("siroe.com"), None);
    }

    #[test]
    fn networks_count_only_before_the_entry_for_everybody() {
        let text = "! comment\nOTHER\n\n  $(10.0.0.0/8)  $Y\n\nINTERNAL_IP\n\n  \
                    $(192.0.2.0/24)  $Y\n  *  $N\n  $(198.51.100.0/24)  $Y\n";
        let entries = internal_ip(text);
        assert!(allows(&entries, "$(192.0.2.0/24)"));
        assert!(!allows(&entries, "$(198.51.100.0/24)"));
        assert!(!allows(&entries, "$(10.0.0.0/8)"));
        assert!(!allows(&entries, "*"));
        assert!(allows(&internal_ip("INTERNAL_IP\n * $Y\n"), "*"));
    }
}
