//! A lab from a site's own directory export: the entries as they are, and what they tell of the site.
//!
//! Taken over are the suffix, the domains, the mail host and every entry. Added is one practice
//! password for each mail user who may log in, beside those there are: nobody knows the others, and
//! the audit has to log in. What the lab's servers could not serve as the site's do is refused, with
//! the line.

mod residents;
mod schema;

use super::dice::Dice;
use super::residents::Town;
use crate::base::display_safe;
use crate::lab::ldap::dn;
use crate::lab::ldap::entry::Entry;
use crate::lab::ldap::ldif::{self, Change, Record};
use crate::lab::ldap::load::add_rdn;
use crate::lab::people::domain_of;
use crate::lab::world::LabError;
use std::collections::BTreeMap;
use std::path::Path;

pub(super) use schema::supplement;

/// What an export says.
pub(super) struct Export {
    /// The entries, parents first, practice passwords put in.
    pub(super) records: Vec<Record>,
    /// The suffix with the mail users first, then all others.
    pub(super) suffixes: Vec<String>,
    /// The entry of the default domain, which is the one with most users.
    pub(super) default_dn: String,
    /// The default domain.
    pub(super) default_domain: String,
    /// All mail domains.
    pub(super) domains: Vec<String>,
    /// The mail host, full name.
    pub(super) mail_host: String,
    /// Who has mailboxes.
    pub(super) town: Town,
    /// What was made of it, for people.
    pub(super) notes: Vec<String>,
}

/// An entry with its place in the tree and in the file.
struct Placed {
    key: String,
    line: usize,
    entry: Entry,
}

/// A mail domain.
struct Domain<'a> {
    dn: &'a str,
    name: String,
    users: usize,
}

/// Reads an export; `most` is how many mail users a lab takes.
///
/// # Errors
/// What cannot be understood or practised, with the line and what to do.
pub(super) fn read(path: &Path, seed: u64, most: usize) -> Result<Export, LabError> {
    let refuse = |line: usize, reason: String| LabError::Data {
        path: path.to_path_buf(),
        line: (line > 0).then_some(line),
        reason: display_safe(&reason).into_owned(),
    };
    let text = std::fs::read(path).map_err(LabError::file(path))?;
    let records = ldif::parse(&text).map_err(|e| {
        let more = if e.line == 1 {
            " (is it LDIF? `ldapsearch` writes it with -L, `db2ldif` always)"
        } else {
            ""
        };
        refuse(e.line, e.reason + more)
    })?;
    drop(text);
    let mut all = placed(records).map_err(|(line, reason)| refuse(line, reason))?;
    let suffixes = suffixes(&all).map_err(|(line, reason)| refuse(line, reason))?;
    let users = all.iter().filter(|p| p.entry.is_a("inetMailUser")).count();
    if users == 0 {
        let nms = all.iter().any(|p| p.entry.is_a("mailRecipient"));
        let reason = if nms {
            "its mail users are of Netscape Messaging Server (mailRecipient); this version \
             practises SIMS only"
        } else {
            "no entry of it is a mail user (object class inetMailUser); export the whole directory \
             of a SIMS 4.0 site"
        };
        return Err(refuse(0, reason.to_owned()));
    }
    if users > most {
        let reason = format!("it has {users} mail users, and a lab takes {most}; export a part");
        return Err(refuse(0, reason));
    }
    let shape = Shape::of(&all, suffixes).map_err(|(line, reason)| refuse(line, reason))?;
    let mut dice = Dice::new(seed, "practice passwords");
    let people = residents::find(&mut all, &shape, &mut dice);
    let mut notes = vec![format!(
        "{} entries below `{}`: {users} mail users, default domain {}, mail host {}",
        all.len(),
        shape.suffixes.join("`, `"),
        shape.default_domain,
        shape.mail_host
    )];
    notes.extend(people.notes);
    let records = all.into_iter().map(|placed| Record {
        line: placed.line,
        dn: placed.entry.dn.clone(),
        change: Change::Content(placed.entry),
    });
    Ok(Export {
        records: records.collect(),
        suffixes: shape.suffixes,
        default_dn: shape.default_dn,
        default_domain: shape.default_domain,
        domains: shape.domains,
        mail_host: shape.mail_host,
        town: people.town,
        notes: notes
            .iter()
            .map(|note| display_safe(note).into_owned())
            .collect(),
    })
}

type Refusal = (usize, String);

/// Puts parents before their children, everything else as it was.
fn placed(records: Vec<Record>) -> Result<Vec<Placed>, Refusal> {
    let mut all = Vec::with_capacity(records.len());
    for record in records {
        let (Change::Content(mut entry) | Change::Add(mut entry)) = record.change else {
            let reason = format!("`{}` is a change and not an entry", record.dn);
            return Err((record.line, reason));
        };
        let key = dn::key(&entry.dn).map_err(|e| (record.line, e.to_string()))?;
        // The root has no name; some servers export what they say of themselves with it.
        if !key.is_empty() {
            // A name's own values belong to the entry, written or not.
            add_rdn(&mut entry).map_err(|e| (record.line, e.to_string()))?;
            all.push(Placed {
                key,
                line: record.line,
                entry,
            });
        }
    }
    all.sort_by_key(|placed| dn::depth(&placed.key));
    Ok(all)
}

/// The entries without a parent, that with the mail users first.
fn suffixes(all: &[Placed]) -> Result<Vec<String>, Refusal> {
    let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
    let mut roots: Vec<(&Placed, usize)> = Vec::new();
    for placed in all {
        if let Some(first) = keys.insert(&placed.key, placed.line) {
            let reason = format!(
                "`{}` is there twice, first in line {first}",
                placed.entry.dn
            );
            return Err((placed.line, reason));
        }
        let parent = dn::parent_key(&placed.key).unwrap_or_default();
        if keys.contains_key(parent) {
            continue;
        }
        if let Some((root, _)) = roots.iter().find(|(r, _)| placed.key.starts_with(&r.key)) {
            let reason = format!(
                "`{}` is below `{}`, and its parent is not in the file; export the whole tree",
                placed.entry.dn, root.entry.dn
            );
            return Err((placed.line, reason));
        }
        roots.push((placed, 0));
    }
    for placed in all.iter().filter(|p| p.entry.is_a("inetMailUser")) {
        if let Some(root) = roots
            .iter_mut()
            .find(|(r, _)| placed.key.starts_with(&r.key))
        {
            root.1 += 1;
        }
    }
    roots.sort_by_key(|(_, users)| std::cmp::Reverse(*users));
    if let Some((second, users)) = roots.get(1)
        && *users > 0
    {
        let reason = format!(
            "mail users are below more than one suffix, also below `{}`; export from the suffix \
             that is above all of them, its own entry included",
            second.entry.dn
        );
        return Err((second.line, reason));
    }
    Ok(roots
        .into_iter()
        .map(|(root, _)| root.entry.dn.clone())
        .collect())
}

/// What an export tells of the site as a whole.
struct Shape {
    suffixes: Vec<String>,
    default_dn: String,
    default_domain: String,
    mail_host: String,
    /// The names of all mail domains.
    domains: Vec<String>,
}

impl Shape {
    fn of(all: &[Placed], suffixes: Vec<String>) -> Result<Self, Refusal> {
        let mut domains: BTreeMap<&str, Domain> = all
            .iter()
            .filter(|p| p.entry.is_a("mailDomain"))
            .map(|p| {
                let domain = Domain {
                    dn: &p.entry.dn,
                    name: domain_of(&p.entry.dn).to_lowercase(),
                    users: 0,
                };
                (p.key.as_str(), domain)
            })
            .collect();
        if domains.is_empty() {
            let reason = "no entry of it is a mail domain (object class mailDomain)";
            return Err((0, reason.to_owned()));
        }
        let mut hosts: BTreeMap<String, usize> = BTreeMap::new();
        for user in all.iter().filter(|p| p.entry.is_a("inetMailUser")) {
            let mut above = dn::parent_key(&user.key);
            while let Some(key) = above
                && !key.is_empty()
                && !domains.contains_key(key)
            {
                above = dn::parent_key(key);
            }
            let name = domain_of(&user.entry.dn).to_lowercase();
            match above.and_then(|key| domains.get_mut(key)) {
                Some(domain) if domain.name == name => domain.users += 1,
                found => {
                    let above = found.map_or("no mail domain".to_owned(), |d| {
                        format!("the mail domain `{}`", d.name)
                    });
                    let reason = format!(
                        "`{}` is below {above}, so the lab's servers would not know the user as \
                         `{name}`; make the entry a mail domain or move the user",
                        user.entry.dn
                    );
                    return Err((user.line, reason));
                }
            }
            if let Some(host) = user.entry.first("mailHost") {
                *hosts.entry(host.trim().to_lowercase()).or_default() += 1;
            }
        }
        let Some(default) = domains.values().max_by_key(|d| d.users) else {
            return Err((0, "it has no mail domain".to_owned()));
        };
        let suffix = suffixes.first().cloned().unwrap_or_default();
        let expected = |name: &str| -> Option<String> {
            let parts: Vec<String> = name.split('.').map(|p| format!("dc={p}")).collect();
            dn::key(&format!("{},{suffix}", parts.join(","))).ok()
        };
        for (key, domain) in &domains {
            let found = domain.users > 0 && expected(&domain.name).as_deref() != Some(key);
            if found && domain.dn != default.dn {
                let line = all.iter().find(|p| p.key == *key).map_or(0, |p| p.line);
                let reason = format!(
                    "the domain `{}` is not where its name and the suffix `{suffix}` say; export \
                     from the suffix that is above all domains",
                    domain.dn
                );
                return Err((line, reason));
            }
        }
        let most = hosts.iter().max_by_key(|(_, users)| **users);
        let mail_host = most.map_or_else(|| format!("mail.{}", default.name), |(h, _)| h.clone());
        if !is_host(&mail_host) {
            let reason = format!("`{mail_host}`, the mailHost of most users, is no host's name");
            return Err((0, reason));
        }
        Ok(Self {
            default_dn: default.dn.to_owned(),
            default_domain: default.name.clone(),
            mail_host,
            domains: domains.values().map(|d| d.name.clone()).collect(),
            suffixes,
        })
    }
}

/// A full name whose first part can be the name of a folder.
fn is_host(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    name.contains('.') && name.split('.').all(plain)
}

#[cfg(test)]
mod tests;
