//! Really logs in, as the directory's uid, over IMAP and POP: a mailbox nobody can open is lost.

mod client;

use super::Item;
use super::files::{Account, Server};
use client::{Imap, Pop};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// How many people are tried at once.
const AT_ONCE: usize = 8;
/// The login separators of the two servers, in the order of their defaults.
const SEPARATORS: [&str; 2] = ["@", "+"];

/// Who must be able to reach what.
pub(super) struct Wanted<'a> {
    pub(super) server: Option<Server>,
    pub(super) separator: Option<String>,
    pub(super) accounts: &'a [Account],
    pub(super) owners: BTreeSet<&'a str>,
    pub(super) placed: &'a BTreeMap<String, BTreeMap<String, usize>>,
    pub(super) under_twin: &'a BTreeMap<String, String>,
    pub(super) all_elsewhere: &'a BTreeSet<String>,
}

/// Returns everybody who cannot get at mail that is there, with the reason.
pub(super) fn unreachable(wanted: &Wanted) -> Vec<Item> {
    let mut accounts: BTreeMap<&str, Option<&Account>> =
        wanted.owners.iter().map(|user| (*user, None)).collect();
    for account in wanted.accounts {
        accounts.insert(&account.user, Some(account));
    }
    let users: Vec<(&str, Option<&Account>)> = accounts.into_iter().collect();
    let next = Mutex::new(users.iter());
    let failed = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(users.len()) {
            scope.spawn(|| {
                loop {
                    let Some((user, account)) = next.lock().ok().and_then(|mut n| n.next()) else {
                        return;
                    };
                    if let Err(reason) = reach(wanted, user, *account)
                        && let Ok(mut failed) = failed.lock()
                    {
                        failed.insert((*user).to_owned(), reason);
                    }
                }
            });
        }
    });
    failed
        .into_inner()
        .unwrap_or_default()
        .into_iter()
        .map(|(user, reason)| Item {
            user: Some(user),
            reason: Some(reason),
            ..Item::default()
        })
        .collect()
}

fn reach(wanted: &Wanted, user: &str, account: Option<&Account>) -> Result<(), String> {
    // Without an account nobody can be tried: entries that are switched off have none.
    if let Some(account) = account {
        let server = wanted.server.ok_or("no host has the role `new`")?;
        let names = login_names(user, wanted.separator.as_deref());
        let none = BTreeMap::new();
        let placed = wanted.placed.get(user).unwrap_or(&none);
        if account.may_use("imap") {
            over_imap(server, &names, &account.password, placed)
                .map_err(|e| format!("IMAP: {e}"))?;
        }
        if account.may_use("pop") {
            over_pop(server, &names, &account.password, placed).map_err(|e| format!("POP: {e}"))?;
        }
    }
    if let Some(twin) = wanted.under_twin.get(user) {
        return Err(format!(
            "mail lies under `{twin}`, which is not this uid and can never be opened with it"
        ));
    }
    if wanted.all_elsewhere.contains(user) {
        return Err("all mail lies in somebody else's mailbox".to_owned());
    }
    Ok(())
}

fn over_imap(
    server: Server,
    names: &[String],
    password: &str,
    placed: &BTreeMap<String, usize>,
) -> Result<(), String> {
    let mut imap = log_in(names, |name| Imap::login(server, name, password))?;
    imap.examine("INBOX").map_err(|e| format!("INBOX: {e}"))?;
    for (folder, least) in placed {
        let seen = imap.examine(folder).map_err(|e| format!("{folder}: {e}"))?;
        if seen < *least {
            return Err(format!("{folder}: shows {seen} messages where {least} lie"));
        }
    }
    imap.logout();
    Ok(())
}

fn over_pop(
    server: Server,
    names: &[String],
    password: &str,
    placed: &BTreeMap<String, usize>,
) -> Result<(), String> {
    let (pop, seen) = log_in(names, |name| Pop::login(server, name, password))?;
    pop.quit();
    let least = placed.get("INBOX").copied().unwrap_or_default();
    if seen < least {
        return Err(format!("shows {seen} messages where {least} lie"));
    }
    Ok(())
}

/// What a user types: the uid; in a hosted domain the uid, a separator, the domain.
fn login_names(user: &str, separator: Option<&str>) -> Vec<String> {
    let Some((uid, domain)) = user.rsplit_once('@') else {
        return vec![user.to_owned()];
    };
    match separator {
        Some(separator) => vec![format!("{uid}{separator}{domain}")],
        None => SEPARATORS
            .iter()
            .map(|separator| format!("{uid}{separator}{domain}"))
            .collect(),
    }
}

/// Tries the names in order; the first refusal is the one that is told.
fn log_in<T>(names: &[String], attempt: impl Fn(&str) -> Result<T, String>) -> Result<T, String> {
    let mut first = None;
    for name in names {
        match attempt(name) {
            Ok(session) => return Ok(session),
            Err(e) => first = first.or(Some(format!("{name}: {e}"))),
        }
    }
    Err(first.unwrap_or_else(|| "no name to log in with".to_owned()))
}
