//! What the DNS says of the two servers: asked by the wizard itself, of the site's resolver or of
//! those of this machine, whatever way commands take to the hosts.
//!
//! Where both servers are one host the names stay as they are, and every check here says so.

use super::{Answer, Asked, CheckContext, some};
use crate::base::display_safe;
use crate::scenario::Role;
use crate::site::{SiteHost, Transport, Variant};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// Seconds that others should not keep the old name's address longer than.
const SHORT: u32 = 300;

/// The answer where nothing changes its name.
fn same_host(context: &CheckContext) -> Option<Answer> {
    (context.site.variant() == Some(Variant::SameHost))
        .then(|| Answer::ok("both servers are one host: its name stays as it is"))
}

struct Names {
    resolver: TokioResolver,
}

impl Names {
    fn open(context: &CheckContext) -> Result<Self, Answer> {
        let cannot = |e: &dyn std::fmt::Display| {
            Answer::unknown(format!(
                "the DNS cannot be asked: {}",
                display_safe(&e.to_string())
            ))
            .advise("Name a DNS server in the site: dns.resolver, such as 192.0.2.53:53.")
        };
        let mut builder = match &context.site.dns.resolver {
            Some(text) => {
                let at: SocketAddr = text.parse().map_err(|e| cannot(&e))?;
                let provider = TokioRuntimeProvider::default();
                TokioResolver::builder_with_config(server(at), provider)
            }
            None => TokioResolver::builder_tokio().map_err(|e| cannot(&e))?,
        };
        let options: &mut ResolverOpts = builder.options_mut();
        // An answer of now, from the DNS and from nothing else.
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.timeout = context.patience;
        options.attempts = 2;
        let resolver = builder.build().map_err(|e| cannot(&e))?;
        Ok(Self { resolver })
    }

    /// The records of one type, with how long others may keep them; none is none.
    async fn records(&self, name: &str, kind: RecordType) -> Result<Vec<(u32, RData)>, Answer> {
        let full = format!("{}.", name.trim_end_matches('.'));
        match self.resolver.lookup(full, kind).await {
            Ok(found) => {
                let all = found.answers().iter().filter(|r| r.record_type() == kind);
                Ok(all.map(|r| (r.ttl, r.data.clone())).collect())
            }
            Err(e) if e.is_no_records_found() => Ok(Vec::new()),
            Err(e) => Err(Answer::unknown(format!(
                "`{}`: {}",
                display_safe(name),
                display_safe(&e.to_string())
            ))),
        }
    }

    async fn addresses(&self, name: &str) -> Result<BTreeSet<IpAddr>, Answer> {
        let found = self.records(name, RecordType::A).await?;
        let address = |(_, data): (u32, RData)| match data {
            RData::A(a) => Some(IpAddr::V4(a.0)),
            _ => None,
        };
        Ok(found.into_iter().filter_map(address).collect())
    }

    /// What it is another name for.
    async fn alias(&self, name: &str) -> Result<Option<String>, Answer> {
        let found = self.records(name, RecordType::CNAME).await?;
        Ok(found.first().map(|(_, data)| data.to_string()))
    }

    /// The hosts that take a domain's mail.
    async fn exchangers(&self, domain: &str) -> Result<Vec<String>, Answer> {
        let found = self.records(domain, RecordType::MX).await?;
        let target = |(_, data): (u32, RData)| match data {
            RData::MX(mx) => Some(plain(&mx.exchange.to_string())),
            _ => None,
        };
        Ok(found.into_iter().filter_map(target).collect())
    }

    async fn back(&self, address: IpAddr) -> Result<Vec<String>, Answer> {
        let name = hickory_resolver::proto::rr::Name::from(address).to_string();
        let found = self.records(&name, RecordType::PTR).await?;
        Ok(found
            .iter()
            .map(|(_, data)| plain(&data.to_string()))
            .collect())
    }
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_lowercase()
}

fn server(at: SocketAddr) -> ResolverConfig {
    let over = |mut connection: ConnectionConfig| {
        connection.port = at.port();
        connection
    };
    let connections = vec![over(ConnectionConfig::udp()), over(ConnectionConfig::tcp())];
    let server = NameServerConfig::new(at.ip(), true, connections);
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}

fn hosts(context: &CheckContext) -> Result<(&SiteHost, &SiteHost), Answer> {
    let find = |role: Role| {
        let host = context.site.host(role);
        host.ok_or_else(|| Answer::unknown(format!("the site names no host for `{role}`")))
    };
    Ok((find(Role::Old)?, find(Role::New)?))
}

fn addresses(all: &BTreeSet<IpAddr>) -> String {
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    if all.is_empty() {
        "no address".to_owned()
    } else {
        all.join(", ")
    }
}

fn time(seconds: u32) -> String {
    match seconds {
        s if s % 86_400 == 0 && s > 0 => format!("{} d", s / 86_400),
        s if s % 3_600 == 0 && s > 0 => format!("{} h", s / 3_600),
        s if s % 60 == 0 && s > 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

/// How long others keep the old name's address: looked at days ahead.
pub(super) async fn ttl(context: &CheckContext) -> Asked {
    if let Some(same) = same_host(context) {
        return Ok(same);
    }
    let (old, _) = hosts(context)?;
    let found = Names::open(context)?
        .records(&old.fqdn, RecordType::A)
        .await?;
    let Some(longest) = found.iter().map(|(ttl, _)| *ttl).max() else {
        return Ok(Answer::warning(format!("{} has no A record", old.fqdn))
            .advise("See which name clients and other servers use, and what it points at."));
    };
    let detail = format!(
        "others may keep the address of {} for {}",
        old.fqdn,
        time(longest)
    );
    if longest <= SHORT {
        return Ok(Answer::ok(detail));
    }
    let kept = time(longest);
    Ok(Answer::warning(detail).advise(format!(
        "Lower the TTL of its A record to {SHORT} seconds now, and wait {kept} at least before the \
         name is changed (step 9g); until then some go on to the old server, which is down, for as \
         long."
    )))
}

/// What there is: shown, and looked at for what would go wrong.
pub(super) async fn records(context: &CheckContext) -> Asked {
    if let Some(same) = same_host(context) {
        return Ok(same);
    }
    let (old, new) = hosts(context)?;
    let names = Names::open(context)?;
    let mut shown = Vec::new();
    let mut odd = Vec::new();
    let domain = &context.site.new.default_domain;
    let targets = names.exchangers(domain).await?;
    if targets.is_empty() {
        odd.push(format!("{} has no MX", display_safe(domain)));
    } else {
        shown.push(format!("{} MX {}", display_safe(domain), some(&targets)));
    }
    for host in [old, new] {
        let all = names.addresses(&host.fqdn).await?;
        shown.push(format!("{} A {}", host.fqdn, addresses(&all)));
        if all.is_empty() {
            odd.push(format!("{} has no A record", host.fqdn));
        }
        for address in &all {
            let back = names.back(*address).await?;
            if back.is_empty() {
                odd.push(format!("{address} has no PTR"));
            } else {
                shown.push(format!("{address} PTR {}", some(&back)));
            }
        }
        if let Some(alias) = names.alias(&host.fqdn).await? {
            odd.push(format!(
                "{} is only another name (CNAME) for {}",
                host.fqdn,
                display_safe(&alias)
            ));
        }
    }
    let detail = shown.join("; ");
    if odd.is_empty() {
        return Ok(Answer::ok(detail));
    }
    Ok(Answer::warning(format!("{}; {detail}", odd.join("; "))))
}

/// Whether the old host is reached by something that stays when its name is given away.
pub(super) fn pinned(context: &CheckContext) -> Asked {
    if let Some(same) = same_host(context) {
        return Ok(same);
    }
    let (old, new) = hosts(context)?;
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
    // The old name is to get the new one's.
    if !new.address.as_deref().is_some_and(is_address) {
        return Ok(Answer::failed(format!(
            "the site gives no IP address for {}",
            new.fqdn
        )));
    }
    let Some(address) = old.address.as_deref().filter(|a| is_address(a)) else {
        return Ok(Answer::failed(format!(
            "the site gives no IP address for {}",
            old.fqdn
        )));
    };
    if old.transport == Transport::Ssh {
        let destination = old.ssh_destination.as_deref().unwrap_or(&old.fqdn);
        let host = destination.rsplit('@').next().unwrap_or(destination);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let option = old.ssh_options.iter().any(|word| {
            let value = word.trim_start_matches("-o").trim().split_once('=');
            value.is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("hostname") && is_address(value.trim())
            })
        });
        if !option && !is_address(host) {
            return Ok(Answer::failed(format!(
                "ssh goes to `{}`, a name",
                display_safe(destination)
            ))
            .advise(format!(
                "Write the address into the site: ssh_destination = \"root@{address}\"."
            )));
        }
    }
    Ok(Answer::ok(format!(
        "{} stays reachable at {address}",
        old.fqdn
    )))
}

/// Whether the old name means the new host now, as its only A record and as no alias.
pub(super) async fn moved(context: &CheckContext) -> Asked {
    if let Some(same) = same_host(context) {
        return Ok(same);
    }
    let (old, new) = hosts(context)?;
    let names = Names::open(context)?;
    if let Some(alias) = names.alias(&old.fqdn).await? {
        let domain = &context.site.new.default_domain;
        let targets = names.exchangers(domain).await?;
        let whose = if targets.iter().any(|t| *t == plain(&old.fqdn)) {
            format!("it takes the mail of {} (MX)", display_safe(domain))
        } else {
            "it would hide every other record of that name".to_owned()
        };
        return Ok(Answer::failed(format!(
            "{} was made another name (CNAME) for {}: {whose}",
            old.fqdn,
            display_safe(&alias)
        ))
        .advise(
            "Take the CNAME out and give the name an A record: an MX never points at an alias.",
        ));
    }
    let theirs = names.addresses(&new.fqdn).await?;
    let now = names.addresses(&old.fqdn).await?;
    if theirs.is_empty() {
        return Ok(Answer::failed(format!(
            "{} has no address itself",
            new.fqdn
        )));
    }
    if now == theirs {
        return Ok(Answer::ok(format!(
            "{} is at {}, as {} is",
            old.fqdn,
            addresses(&now),
            new.fqdn
        )));
    }
    Ok(Answer::failed(format!(
        "{} is at {}, and {} at {}",
        old.fqdn,
        addresses(&now),
        new.fqdn,
        addresses(&theirs)
    )))
}

/// Whether the old name means the old host: before the change, and after it was taken back.
pub(super) async fn as_before(context: &CheckContext) -> Asked {
    if let Some(same) = same_host(context) {
        return Ok(same);
    }
    let (old, _) = hosts(context)?;
    let address = old
        .address
        .as_deref()
        .and_then(|a| a.parse::<IpAddr>().ok());
    let Some(address) = address else {
        return Ok(Answer::unknown("the site gives the old host no IP address"));
    };
    let now = Names::open(context)?.addresses(&old.fqdn).await?;
    if now.len() == 1 && now.contains(&address) {
        return Ok(Answer::ok(format!("{} is at {address}", old.fqdn)));
    }
    Ok(Answer::failed(format!(
        "{} is at {}, not at {address}",
        old.fqdn,
        addresses(&now)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Outcome;
    use crate::site::{Site, template};

    fn context() -> CheckContext {
        let text = template(crate::scenario::ids().nth(1).unwrap()).unwrap();
        CheckContext::new(Site::parse("site.toml", &text).unwrap())
    }

    #[test]
    fn an_old_host_that_is_reached_by_name_is_not_pinned() {
        let mut context = context();
        context.site.hosts[0].address = None;
        let outcome = |context: &CheckContext| pinned(context).unwrap().outcome;
        assert_eq!(outcome(&context), Outcome::Failed);
        context.site.hosts[0].address = Some("192.0.2.1".to_owned());
        assert_eq!(outcome(&context), Outcome::Ok);
        let old = &mut context.site.hosts[0];
        old.transport = Transport::Ssh;
        old.ssh_destination = Some("root@oldmail.siroe.com".to_owned());
        assert_eq!(outcome(&context), Outcome::Failed);
        context.site.hosts[0].ssh_options = vec!["-o".to_owned(), "HostName=192.0.2.1".to_owned()];
        assert_eq!(outcome(&context), Outcome::Ok);
        let old = &mut context.site.hosts[0];
        old.ssh_options.clear();
        old.ssh_destination = Some("root@192.0.2.1".to_owned());
        assert_eq!(outcome(&context), Outcome::Ok);
    }

    #[test]
    fn a_time_is_told_in_the_largest_unit_that_fits() {
        assert_eq!(
            [86_400, 7_200, 300, 61, 0].map(time),
            ["1 d", "2 h", "5 min", "61 s", "0 s"]
        );
    }
}
