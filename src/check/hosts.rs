//! Where entries say that mail is: every value has to be a name the new server takes for its own.
//!
//! A name that only points at the same machine is the worst of them: the server passes the mail on
//! to that name, which is itself, and the mail goes round until it is HELD.

use super::{Answer, Asked, CheckContext, people, some};
use crate::base::display_safe;
use crate::directory::EntryKind;
use crate::scenario::Role;
use crate::site::{Site, Variant};
use std::collections::BTreeMap;

/// The parameter that names what the new server also takes for its own.
const ALIASES: &str = "local.imta.hostnamealiases";

/// The attributes that say on which host mail is, by kind of entry.
fn attributes(kind: EntryKind) -> &'static [&'static str] {
    match kind {
        EntryKind::User | EntryKind::Group => &["mailHost"],
        EntryKind::Domain => &["mailRoutingHosts", "mailHosts", "preferredMailHost"],
    }
}

/// Those of them that the new server goes by while the old host's name still stands in others.
fn attributes_of(site: &Site, kind: EntryKind) -> &'static [&'static str] {
    match (site.variant(), kind) {
        (Some(Variant::NewHost), EntryKind::Domain) => &["mailRoutingHosts"],
        _ => attributes(kind),
    }
}

/// Every value, lower case and without a last dot, with the entries that have it.
fn values<'p>(
    people: &'p people::People,
    attributes: &dyn Fn(EntryKind) -> &'static [&'static str],
) -> BTreeMap<String, Vec<&'p str>> {
    let mut named: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (kind, entry) in &people.entries {
        for value in attributes(*kind).iter().flat_map(|a| entry.values(a)) {
            let value = String::from_utf8_lossy(value).to_lowercase();
            let value = value.trim().trim_end_matches('.').to_owned();
            let entries = named.entry(value).or_default();
            if entries.last() != Some(&entry.dn.as_str()) {
                entries.push(&entry.dn);
            }
        }
    }
    named
}

/// What the two servers are called, in lower case.
fn names_of(context: &CheckContext, role: Role) -> Result<Vec<String>, Answer> {
    let host = context.host(role)?;
    let site = &context.site;
    let aliases = match role {
        Role::Old => &site.old.aliases,
        _ => &site.new.aliases,
    };
    let all = std::iter::once(&host.fqdn).chain(aliases);
    Ok(all.map(|name| name.to_lowercase()).collect())
}

/// Before entries are given another host: a third one is a site with several servers, and would be
/// flattened.
pub(super) async fn one_mail_host(context: &CheckContext) -> Asked {
    let connection = context.connect().await?;
    let people = people::read(&connection, &context.site).await?;
    connection.close().await;
    let mut named = values(&people, &attributes);
    let mut ours = names_of(context, Role::Old)?;
    ours.extend(names_of(context, Role::New)?);
    let there: Vec<(String, usize)> = ours
        .iter()
        .filter_map(|name| named.remove(name).map(|who| (name.clone(), who.len())))
        .collect();
    let foreign: Vec<_> = named.into_iter().collect();
    if !foreign.is_empty() {
        return Ok(Answer::failed(format!("other hosts: {}", told(&foreign))));
    }
    if there.is_empty() {
        return Ok(Answer::warning("no entry says on which host its mail is")
            .advise("The new server takes only users whose mailHost is its own name."));
    }
    let each: Vec<String> = there
        .iter()
        .map(|(name, count)| format!("{} ({count} entries)", display_safe(name)))
        .collect();
    Ok(Answer::ok(some(&each)))
}

/// Once mail has moved to another host: no domain names the old one any more.
pub(super) async fn domain_hosts(context: &CheckContext) -> Asked {
    if context.site.variant() == Some(Variant::SameHost) {
        return Ok(Answer::ok("both servers are one host"));
    }
    let connection = context.connect().await?;
    let people = people::read(&connection, &context.site).await?;
    connection.close().await;
    let old = names_of(context, Role::Old)?;
    let domains = |kind| match kind {
        EntryKind::Domain => attributes(kind),
        _ => &[],
    };
    let named = values(&people, &domains);
    let left: Vec<_> = named
        .into_iter()
        .filter(|(name, _)| old.contains(name))
        .collect();
    if left.is_empty() {
        return Ok(Answer::ok(format!(
            "{} domains name others",
            people.domains.len()
        )));
    }
    Ok(Answer::failed(format!("still named: {}", told(&left))))
}

pub(super) async fn mail_hosts(context: &CheckContext) -> Asked {
    let new = context.host(Role::New)?;
    let connection = context.connect().await?;
    let people = people::read(&connection, &context.site).await?;
    connection.close().await;
    let mut named = values(&people, &|kind| attributes_of(&context.site, kind));
    let count = named.len();
    named.remove(&new.fqdn.to_lowercase());
    let (aliases, foreign): (Vec<_>, Vec<_>) = named.into_iter().partition(|(value, _)| {
        let mut known = context.site.new.aliases.iter();
        known.any(|alias| alias.eq_ignore_ascii_case(value))
    });
    if !foreign.is_empty() {
        return Ok(Answer::failed(format!(
            "neither {} nor a name the site gives it: {}",
            new.fqdn,
            told(&foreign)
        )));
    }
    if !aliases.is_empty() {
        return alias(context, &aliases).await;
    }
    Ok(match count {
        0 => Answer::warning("no entry says on which host its mail is")
            .advise("The new server takes only users whose mailHost is its own name."),
        _ => Answer::ok(format!("{} everywhere", new.fqdn)),
    })
}

/// Some entries name an alias: where the new server is there, it has to know it.
async fn alias(context: &CheckContext, aliases: &[(String, Vec<&str>)]) -> Asked {
    let new = context.host(Role::New)?;
    let told = told(aliases);
    if !super::new::there(context, &new).await? {
        return Ok(Answer::warning(format!(
            "names that the new server does not take for its own by itself: {told}"
        ))
        .advise(format!("When it is installed, set them: {ALIASES}.")));
    }
    let set = context.parameter(ALIASES).await?.unwrap_or_default();
    let known = |name: &str| {
        let mut words = set.split([',', ' ', '|']);
        words.any(|word| word.trim().eq_ignore_ascii_case(name))
    };
    if aliases.iter().all(|(name, _)| known(name)) {
        return Ok(Answer::ok(format!(
            "{} or an alias of it that it knows",
            new.fqdn
        )));
    }
    Ok(
        Answer::failed(format!("the new server does not know itself as: {told}")).advise(format!(
            "Set {ALIASES}, or change the entries to {}.",
            new.fqdn
        )),
    )
}

fn told(values: &[(String, Vec<&str>)]) -> String {
    let each: Vec<String> = values
        .iter()
        .map(|(value, entries)| {
            let first = entries.first().copied().unwrap_or_default();
            let more = match entries.len() {
                0 | 1 => String::new(),
                n => format!(" and {} more", n - 1),
            };
            format!("`{}` ({}{more})", display_safe(value), display_safe(first))
        })
        .collect();
    some(&each)
}
