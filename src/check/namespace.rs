//! The domain tree beside a namespace that has none: which node says where whose users are.

use super::people::{self, People};
use super::{Answer, Asked, CheckContext, some};
use crate::base::display_safe;
use crate::directory::{Entry, EntryKind};
use crate::scenario::Role;
use crate::site::Site;
use ldap3::Scope;
use std::collections::BTreeMap;

/// The root of the domain tree; the new server knows no other.
pub const DC_ROOT: &str = "o=internet";

/// What a domain's node has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The domain.
    pub domain: String,
    /// Below which entry its users are.
    pub base: String,
    /// Whose users they are, where two domains have the same.
    pub canonical: Option<String>,
}

impl Node {
    /// Returns its DN.
    pub fn dn(&self) -> String {
        node_dn(&self.domain)
    }

    /// Returns the DNs above it, below the root, from the top.
    pub fn ancestors(&self) -> Vec<String> {
        let parts: Vec<&str> = self.domain.split('.').collect();
        (1..parts.len())
            .rev()
            .map(|at| node_dn(&parts.get(at..).unwrap_or_default().join(".")))
            .collect()
    }
}

fn node_dn(domain: &str) -> String {
    let parts: Vec<String> = domain.split('.').map(|part| format!("dc={part}")).collect();
    format!("{},{DC_ROOT}", parts.join(","))
}

/// Whether two DNs are the same, but for case and blanks.
pub fn same_dn(one: &str, other: &str) -> bool {
    folded(one) == folded(other)
}

fn folded(dn: &str) -> String {
    dn.split(',')
        .map(|part| part.trim().to_lowercase())
        .collect::<Vec<_>>()
        .join(",")
}

/// The domain of an address or of a uid of the form LocalPart@FQDN.
fn domain_of(text: &str) -> Option<String> {
    let (_, domain) = text.rsplit_once('@')?;
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    (domain.contains('.') && domain.split('.').all(plain)).then(|| domain.to_lowercase())
}

/// Returns the nodes that the users' ids and addresses ask for.
pub fn wanted(people: &People, site: &Site) -> Vec<Node> {
    let default = site.new.default_domain.to_lowercase();
    let mut members: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut others: Vec<String> = Vec::new();
    for (kind, entry) in &people.entries {
        let own = match kind {
            EntryKind::User => entry.text("uid").and_then(domain_of),
            EntryKind::Group => None,
            EntryKind::Domain => continue,
        };
        let mail = entry.text("mail").and_then(domain_of);
        match (own, mail) {
            (Some(domain), _) => members.entry(domain).or_default().push(&entry.dn),
            (None, Some(domain)) => others.push(domain),
            (None, None) => {}
        }
    }
    // The server's own name is the default domain's.
    let host = site.host(Role::New).map(|h| h.fqdn.to_lowercase());
    others.retain(|d| Some(d) != host.as_ref() && *d != default && !members.contains_key(d));
    others.sort();
    others.dedup();
    let mut nodes = vec![Node {
        domain: default.clone(),
        base: site.directory.default_domain_dn.clone(),
        canonical: None,
    }];
    for (domain, dns) in &members {
        if *domain != default {
            nodes.push(Node {
                domain: domain.clone(),
                base: common(dns).unwrap_or_else(|| site.directory.default_domain_dn.clone()),
                canonical: None,
            });
        }
    }
    nodes.extend(others.into_iter().map(|domain| Node {
        domain,
        base: site.directory.default_domain_dn.clone(),
        canonical: Some(default.clone()),
    }));
    nodes
}

/// The nearest entry above all of some; above units, which only sort what is below an organization.
fn common(dns: &[&str]) -> Option<String> {
    let (first, rest) = dns.split_first()?;
    let mut above = first.split_once(',')?.1;
    loop {
        let inside = |dn: &&str| folded(dn).ends_with(&format!(",{}", folded(above)));
        let is_unit = above.trim_start().to_lowercase().starts_with("ou=");
        if rest.iter().all(inside) && !is_unit {
            return Some(above.trim().to_owned());
        }
        above = above.split_once(',')?.1;
    }
}

/// Users who have the mail of whole domains and not what the new server needs for it: DN, domains.
pub fn whole_domains(people: &People) -> Vec<(String, Vec<String>)> {
    let users = people.entries.iter().filter(|(k, _)| *k == EntryKind::User);
    let lacking = |entry: &Entry| -> Vec<String> {
        let has = |domain: &str| {
            let there = entry.values("msgVanityDomain").iter();
            let mut there = there.map(|v| String::from_utf8_lossy(v).into_owned());
            there.any(|v| v.eq_ignore_ascii_case(domain))
        };
        let addresses = entry.values("mailAlternateAddress").iter();
        addresses
            .filter_map(|v| Some(std::str::from_utf8(v).ok()?.strip_prefix('@')?.to_owned()))
            .filter(|domain| !has(domain))
            .collect()
    };
    users
        .map(|(_, entry)| (entry.dn.clone(), lacking(entry)))
        .filter(|(_, domains)| !domains.is_empty())
        .collect()
}

pub(super) async fn vanity(context: &CheckContext) -> Asked {
    let connection = context.connect().await?;
    let people = people::read(&connection, &context.site).await?;
    connection.close().await;
    let lacking: Vec<String> = whole_domains(&people)
        .iter()
        .map(|(dn, domains)| format!("{} ({})", display_safe(dn), domains.join(", ")))
        .collect();
    if lacking.is_empty() {
        return Ok(Answer::ok("nobody, or everybody who has one"));
    }
    Ok(Answer::failed(format!(
        "without msgVanityDomain: {}",
        some(&lacking)
    )))
}

pub(super) async fn tree(context: &CheckContext) -> Asked {
    let connection = context.connect().await?;
    let there = connection.read_attributes(DC_ROOT, &["1.1"]).await?;
    connection.close().await;
    Ok(match there {
        Some(_) => Answer::ok(format!("{DC_ROOT} is there")),
        None => Answer::failed(format!("there is no entry `{DC_ROOT}`")),
    })
}

pub(super) async fn nodes(context: &CheckContext) -> Asked {
    let connection = context.connect().await?;
    let people = people::read(&connection, &context.site).await?;
    let wanted = wanted(&people, &context.site);
    let mut wrong = Vec::new();
    for node in &wanted {
        let dn = node.dn();
        let said = connection
            .read_attributes(&dn, &["objectClass", "inetDomainBaseDN"])
            .await?;
        let Some(said) = said else {
            wrong.push(format!("there is no `{dn}`"));
            continue;
        };
        let base = said.text("inetDomainBaseDN").unwrap_or_default();
        if !said.has_class("inetDomain") || base.is_empty() {
            wrong.push(format!("`{dn}` does not say where its users are"));
        } else if connection.read_attributes(base, &["1.1"]).await?.is_none() {
            wrong.push(format!(
                "`{dn}` names `{}`, which is not there",
                display_safe(base)
            ));
        } else if !same_dn(base, &node.base) && !holds(base, &people, &node.domain) {
            wrong.push(format!(
                "`{dn}` names `{}`, and the users of {} are below `{}`",
                display_safe(base),
                node.domain,
                display_safe(&node.base)
            ));
        }
    }
    connection.close().await;
    if wrong.is_empty() {
        let names: Vec<&str> = wanted.iter().map(|n| n.domain.as_str()).collect();
        return Ok(Answer::ok(format!("each node is right: {}", some(&names))));
    }
    Ok(Answer::failed(some(&wrong)))
}

/// Whether all users of a domain are below an entry.
fn holds(base: &str, people: &People, domain: &str) -> bool {
    let below = format!(",{}", folded(base));
    let mut users = people.entries.iter().filter(|(kind, entry)| {
        let id = entry.text("uid").and_then(domain_of);
        *kind == EntryKind::User && id.as_deref() == Some(domain)
    });
    users.clone().count() > 0 && users.all(|(_, entry)| folded(&entry.dn).ends_with(&below))
}

/// Tries the postmaster of every domain of the tree.
pub(super) async fn postmasters(context: &CheckContext) -> Asked {
    let connection = context.connect().await?;
    let found = connection
        .search(
            DC_ROOT,
            Scope::Subtree,
            "(objectClass=inetDomain)",
            &["1.1"],
        )
        .await?;
    connection.close().await;
    let domains: Vec<String> = found
        .entries
        .iter()
        .map(|entry| {
            let parts = entry.dn.split(',').filter_map(|part| {
                let (name, value) = part.trim().split_once('=')?;
                name.eq_ignore_ascii_case("dc")
                    .then(|| value.to_lowercase())
            });
            parts.collect::<Vec<_>>().join(".")
        })
        .filter(|domain| !domain.is_empty())
        .collect();
    if domains.is_empty() {
        return Ok(Answer::unknown("the domain tree holds no domain"));
    }
    let host = context.host(Role::New)?;
    let tool = format!("{}/imsimta", context.site.new.instance_root);
    let mut unknown = Vec::new();
    for domain in &domains {
        let address = format!("postmaster@{domain}");
        let argv = [tool.as_str(), "test", "-rewrite", &address].map(str::to_owned);
        let result = host.ask(&argv, context.patience * 6).await?;
        let said = format!("{}{}", result.stdout_text(), result.stderr_text()).to_lowercase();
        if !said.contains("address list") {
            return Ok(Answer::not_understood("imsimta test -rewrite", &said));
        }
        if said.contains("address list error") || said.contains("illegal alias") {
            unknown.push(address);
        }
    }
    if unknown.is_empty() {
        return Ok(Answer::ok(format!(
            "it knows postmaster@ of {}",
            some(&domains)
        )));
    }
    Ok(Answer::failed(format!(
        "it does not know {}",
        some(&unknown)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(dn: &str, uid: &str, mail: &str) -> (EntryKind, Entry) {
        let entry = Entry::new(dn).with("uid", uid).with("mail", mail);
        (EntryKind::User, entry)
    }

    #[test]
    fn a_domain_is_where_its_users_are_and_another_name_of_the_default_one_points_there() {
        let people = People {
            entries: vec![
                user("uid=a,ou=People,o=siroe.com", "a", "a@siroe.com"),
                user("uid=b,ou=People,o=siroe.com", "b", "b@other.org"),
                user(
                    "uid=w@varrius.org,ou=People,o=varrius.org,o=siroe.com",
                    "w@varrius.org",
                    "w@varrius.org",
                ),
                user(
                    "uid=desk@hr,ou=People,o=siroe.com",
                    "desk@hr",
                    "desk@siroe.com",
                ),
            ],
            ..People::default()
        };
        let text = crate::site::template("nms-unix").unwrap();
        let site = Site::parse("site.toml", &text).unwrap();
        let nodes = wanted(&people, &site);
        let short: Vec<(&str, &str, bool)> = nodes
            .iter()
            .map(|n| (n.domain.as_str(), n.base.as_str(), n.canonical.is_some()))
            .collect();
        assert_eq!(
            short,
            [
                ("siroe.com", "o=siroe.com", false),
                ("varrius.org", "o=varrius.org,o=siroe.com", false),
                ("other.org", "o=siroe.com", true),
            ]
        );
        assert_eq!(nodes[1].ancestors(), ["dc=org,o=internet"]);
        assert_eq!(nodes[1].dn(), "dc=varrius,dc=org,o=internet");
    }

    #[test]
    fn who_has_a_whole_domain_needs_a_word_for_it() {
        let (kind, entry) = user("uid=a,o=siroe.com", "a", "a@siroe.com");
        let entry = entry.with("mailAlternateAddress", "@babs.net");
        let people = |entry: Entry| People {
            entries: vec![(kind, entry)],
            ..People::default()
        };
        let lacking = whole_domains(&people(entry.clone()));
        assert_eq!(
            lacking,
            [("uid=a,o=siroe.com".to_owned(), vec!["babs.net".to_owned()])]
        );
        let mended = entry.with("msgVanityDomain", "Babs.net");
        assert!(whole_domains(&people(mended)).is_empty());
    }
}
