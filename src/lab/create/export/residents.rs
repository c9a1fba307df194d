//! Which users of an export have a mailbox in the lab, may log in and can be sent mail.

use super::{Placed, Shape};
use crate::lab::create::dice::Dice;
use crate::lab::create::people::{Mailbox, password};
use crate::lab::create::residents::{Login, Resident, Town};
use crate::lab::ldap::entry::Entry;
use crate::lab::people::domain_of;
use std::collections::BTreeMap;

/// Who lives there, and what is worth telling of it.
pub(super) struct People {
    pub(super) town: Town,
    pub(super) notes: Vec<String>,
}

/// Finds them, and gives those who may log in a practice password beside those they have.
pub(super) fn find(all: &mut [Placed], shape: &Shape, dice: &mut Dice) -> People {
    let shared = shared_addresses(all);
    let mut town = Town::default();
    let (mut elsewhere, mut nameless, mut logins) = (Vec::new(), Vec::new(), 0);
    for placed in all.iter_mut() {
        let entry = &mut placed.entry;
        if !entry.is_a("inetMailUser") {
            continue;
        }
        let Some(id) = store_id(entry, shape) else {
            nameless.push(format!("`{}` (line {})", entry.dn, placed.line));
            continue;
        };
        if !is_here(entry, shape) {
            elsewhere.push(format!("`{}` (line {})", entry.dn, placed.line));
            continue;
        }
        let login = is_active(entry).then(|| Login {
            password: password(dice),
            services: services(entry),
        });
        if let Some(login) = &login {
            entry.push("userPassword", login.password.as_str());
            logins += 1;
        }
        // Two have what is difficult for certain, the others as it comes.
        let in_store = !has(entry, "mailFolderMap", "UNIX V7");
        let drawn = match town.residents.len() {
            0 => Mailbox::Deep,
            1 => Mailbox::Awkward,
            _ if dice.chance(10) => Mailbox::Empty,
            _ if dice.chance(8) => Mailbox::Deep,
            _ => Mailbox::Usual,
        };
        let mailbox = if in_store { drawn } else { Mailbox::Empty };
        town.residents.push(Resident {
            store_id: id,
            dn: entry.dn.clone(),
            addresses: addresses(entry),
            mailbox,
            has_inbox: in_store,
            takes_mail: login.is_some() && in_store && takes_mail(entry, shape, &shared),
            keeps_mail: login.is_some() && in_store && takes_mail(entry, shape, &shared),
            login,
        });
    }
    let mut notes = vec![format!(
        "{logins} users may log in, each with a practice password of the lab's own beside theirs: \
         accounts.jsonl"
    )];
    for (who, what) in [
        (
            elsewhere,
            "have their mailbox on another host or on none, so none in the lab",
        ),
        (
            nameless,
            "have no uid that the old store takes, so no mailbox in the lab",
        ),
    ] {
        if let Some(first) = who.first() {
            notes.push(format!("{} users {what}; first {first}", who.len()));
        }
    }
    People { town, notes }
}

/// How often each address is an address, in lower case.
fn shared_addresses(all: &[Placed]) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for placed in all {
        for address in ["mail", "rfc822MailAlias", "rfc822mailbox"]
            .iter()
            .flat_map(|name| placed.entry.texts(name))
        {
            *count.entry(address.to_lowercase()).or_default() += 1;
        }
    }
    count
}

/// The id in the stores; none where there is no uid, or none that can be a name there.
fn store_id(entry: &Entry, shape: &Shape) -> Option<String> {
    let uid = entry.first("uid")?;
    let bad = uid.is_empty()
        || uid.starts_with('.')
        || uid.contains('/')
        || uid.trim() != uid
        || uid.chars().any(char::is_control);
    if bad {
        return None;
    }
    let domain = domain_of(&entry.dn).to_lowercase();
    let carries = uid.rsplit_once('@');
    let carries = carries.is_some_and(|(_, d)| d.eq_ignore_ascii_case(&domain));
    Some(if carries || domain == shape.default_domain {
        uid.to_owned()
    } else {
        format!("{uid}@{domain}")
    })
}

fn is_here(entry: &Entry, shape: &Shape) -> bool {
    let host = entry.first("mailHost");
    host.is_some_and(|h| h.eq_ignore_ascii_case(&shape.mail_host))
}

fn has(entry: &Entry, name: &str, value: &str) -> bool {
    entry
        .texts(name)
        .iter()
        .any(|v| v.eq_ignore_ascii_case(value))
}

fn is_active(entry: &Entry) -> bool {
    ["inetSubscriberStatus", "inetUserStatus", "mailUserStatus"]
        .iter()
        .all(|name| {
            entry
                .first(name)
                .is_none_or(|v| v.eq_ignore_ascii_case("active"))
        })
}

fn services(entry: &Entry) -> Vec<String> {
    entry
        .texts("inetAuthorizedServices")
        .iter()
        .flat_map(|value| value.split(|c: char| !c.is_ascii_alphanumeric()))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn addresses(entry: &Entry) -> Vec<String> {
    let all = ["mail", "rfc822MailAlias"]
        .iter()
        .flat_map(|n| entry.texts(n));
    all.map(str::to_owned).collect()
}

/// Whether mail to each of the addresses ends in the mailbox here and nowhere else.
fn takes_mail(entry: &Entry, shape: &Shape, shared: &BTreeMap<String, usize>) -> bool {
    let options = entry.values("mailDeliveryOption");
    let mailbox_only = match options {
        [] => true,
        [one] => one.eq_ignore_ascii_case(b"mailbox"),
        _ => false,
    };
    let addresses = addresses(entry);
    let reachable = |address: &String| {
        let plain = address
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"<>\"(),;:\\[]".contains(&b));
        let local = address
            .rsplit_once('@')
            .is_some_and(|(_, d)| shape.domains.contains(&d.to_lowercase()));
        plain && local && shared.get(&address.to_lowercase()) == Some(&1)
    };
    mailbox_only
        && !addresses.is_empty()
        && addresses.iter().all(reachable)
        && !has(entry, "mailFolderMap", "LOCK")
}
