//! The user/group directory: up, the right suffix, the schema, the entries, the backup, the ACIs.

use super::{Answer, Asked, CheckContext, people, some};
use crate::directory::upgrade::{self, Entries};
use crate::directory::{Change, Entry, EntryKind, Schema, State, ldif, schema};
use crate::host::Port;
use crate::scenario::Role;
use crate::store::{IdProblem, id_problems};
use ldap3::Scope;
use std::time::Duration;

/// How long counting in a large file may take.
const LONG: Duration = Duration::from_secs(1800);

pub(super) async fn answers(context: &CheckContext) -> Asked {
    let connection = context.connect().await?;
    let dse = connection.root_dse().await?;
    let server = connection.server().to_owned();
    connection.close().await;
    let vendor = dse.vendor.unwrap_or("a directory".to_owned());
    Ok(Answer::ok(format!(
        "{} at {server} takes the password",
        crate::base::display_safe(&vendor)
    )))
}

/// Up means: it answers. Without a password a connect has to do.
pub(super) async fn up(context: &CheckContext) -> Asked {
    if context.password.is_some() {
        let connection = context.connect().await?;
        connection.root_dse().await?;
        connection.close().await;
        return Ok(Answer::ok("it answers"));
    }
    let host = context.host(Role::Directory)?;
    let port = context.site.directory.port;
    Ok(match host.port(port, context.patience, false).await {
        Port::Open(_) => Answer::ok(format!("port {port} takes connections")),
        Port::Refused => Answer::failed(format!("port {port} refuses")),
        Port::Silent(why) => Answer::unknown(format!("port {port}: {why}")),
    })
}

pub(super) async fn base_dn(context: &CheckContext) -> Asked {
    let connection = context.connect().await?;
    let directory = &context.site.directory;
    for dn in [&directory.base_dn, &directory.default_domain_dn] {
        if connection.read_attributes(dn, &["1.1"]).await?.is_none() {
            return Ok(Answer::failed(format!(
                "there is no entry `{}`",
                crate::base::display_safe(dn)
            )));
        }
    }
    let people = people::read(&connection, &context.site).await?;
    connection.close().await;
    let detail = format!(
        "{} users, {} groups, {} domains",
        people.users.len(),
        people.groups.len(),
        people.domains.len()
    );
    if people.users.is_empty() {
        return Ok(Answer::failed(format!(
            "no mail users below it ({detail}), or {} may not see them",
            directory.bind_dn
        )));
    }
    if !people.nameless.is_empty() {
        return Ok(Answer::warning(format!(
            "{detail}; without a uid, so without mailboxes: {}",
            some(&people.nameless)
        ))
        .advise("Give them a uid, or let them be: the new server does not know them."));
    }
    Ok(Answer::ok(detail))
}

pub(super) async fn uids(context: &CheckContext) -> Asked {
    let users = context.people().await?;
    let problems: Vec<String> = id_problems(&users)
        .iter()
        .map(IdProblem::to_string)
        .collect();
    if !problems.is_empty() {
        return Ok(Answer::failed(some(&problems)));
    }
    let renamed: Vec<&str> = users
        .iter()
        .filter(|u| u.needs_rename())
        .map(crate::store::StoreUser::new_id)
        .collect();
    Ok(Answer::ok(if renamed.is_empty() {
        format!("{} ids, all in lower case", users.len())
    } else {
        format!(
            "{} ids; the restore renames those with an upper-case letter: {}",
            users.len(),
            some(&renamed)
        )
    }))
}

/// Whether the upgrade will take every entry: asked before anything is stopped for it.
pub(super) async fn entries(context: &CheckContext) -> Asked {
    let rules = people::rules(&context.site).map_err(|e| Answer::unknown(e.to_string()))?;
    let connection = context.connect().await?;
    let base = &context.site.directory.base_dn;
    let (mut refused, mut odd, mut examined) = (Vec::new(), Vec::new(), 0);
    for entries in [Entries::Domains, Entries::UsersAndGroups] {
        let preview = upgrade::preview(&connection, &rules, base, entries).await?;
        examined += preview.counts.examined;
        for entry in preview.odd {
            let line = format!("{}: {}", entry.dn, entry.reasons.join("; "));
            if entry.refused {
                &mut refused
            } else {
                &mut odd
            }
            .push(line);
        }
    }
    connection.close().await;
    if !refused.is_empty() {
        return Ok(Answer::failed(format!(
            "{} of {examined} cannot be: {}",
            refused.len(),
            some(&refused)
        )));
    }
    if examined == 0 {
        return Ok(Answer::unknown(format!(
            "no mail entry is seen below {}",
            crate::base::display_safe(base)
        )));
    }
    if !odd.is_empty() {
        return Ok(Answer::warning(format!(
            "all {examined} can be, {} with something to look at: {}",
            odd.len(),
            some(&odd)
        ))
        .advise("Look at them now, or after the move: the upgrade steps list them all."));
    }
    Ok(Answer::ok(format!("all {examined} can be")))
}

pub(super) async fn backup(context: &CheckContext) -> Asked {
    let Some(path) = &context.backup else {
        return Ok(Answer::unknown("no backup was made in this run yet"));
    };
    let host = context.host(Role::Directory)?;
    let shown = crate::base::display_safe(path).into_owned();
    let Some(owner) = host.owner(path).await? else {
        return Ok(Answer::failed(format!("there is no {shown}")));
    };
    let argv = |words: &[&str]| -> Vec<String> {
        let all = words.iter().copied().chain([path.as_str()]);
        all.map(str::to_owned).collect()
    };
    let head = host.ask(&argv(&["sed", "-n", "1,20p"]), LONG).await?;
    let first = head.stdout_text();
    let first = first
        .lines()
        .find(|l| !l.trim().is_empty() && !l.starts_with('#'));
    if !first.is_some_and(|l| l.starts_with("dn:") || l.starts_with("version:")) {
        return Ok(Answer::failed(format!("{shown} does not begin like LDIF")));
    }
    let counted = host.ask(&argv(&["grep", "-c", "^dn:"]), LONG).await?;
    let Ok(entries) = counted.stdout_text().trim().parse::<usize>() else {
        return Ok(Answer::not_understood("grep -c", &counted.stdout_text()));
    };
    // An odd last line is how a full disk looks.
    let tail = host.ask(&argv(&["tail", "-1"]), LONG).await?;
    if !tail.stdout.ends_with(b"\n") {
        return Ok(Answer::failed(format!(
            "the last line of {shown} is not whole"
        )));
    }
    let connection = context.connect().await?;
    let mut there = 0_usize;
    connection
        .search_each(
            &context.site.directory.base_dn,
            Scope::Subtree,
            "(objectClass=*)",
            &["1.1"],
            &mut |_| there += 1,
        )
        .await?;
    connection.close().await;
    if entries < there {
        return Ok(Answer::failed(format!(
            "{shown} has {entries} entries, and the directory has {there}"
        )));
    }
    let detail = format!("{shown} has {entries} entries, the directory {there} below the base");
    if owner
        .mode
        .get(4..10)
        .is_some_and(|others| others.contains('r'))
    {
        return Ok(
            Answer::warning(format!("{detail}; others may read it ({})", owner.mode))
                .advise("It holds password hashes: chmod 600."),
        );
    }
    Ok(Answer::ok(detail))
}

pub(super) async fn schema_merged(context: &CheckContext) -> Asked {
    let connection = context.connect().await?;
    let current = Schema::read(&connection).await?;
    connection.close().await;
    let found = schema::compare(&current, &Schema::merged());
    if !found.unknown.is_empty() {
        return Ok(Answer::unknown(format!(
            "the directory does not show how it has {}",
            some(&found.unknown)
        )));
    }
    if !found.changes.is_empty() {
        let names: Vec<_> = found.changes.iter().map(|c| c.definition.name()).collect();
        return Ok(Answer::failed(format!(
            "{} definitions are missing or narrower: {}",
            names.len(),
            some(&names)
        )));
    }
    let harmful: Vec<_> = found.differences.iter().filter(|d| d.warning).collect();
    if let Some(first) = harmful.first() {
        return Ok(Answer::warning(format!(
            "all names are there, {} of them differently: {}",
            harmful.len(),
            crate::base::display_safe(&first.what)
        ))
        .advise(
            "Nothing, unless entries use what the directory's own definition does not allow.",
        ));
    }
    Ok(Answer::ok("every class and attribute is there"))
}

/// Whether entries are upgraded: the domains alone, or all.
pub(super) async fn upgraded(context: &CheckContext, domains_only: bool) -> Asked {
    let rules = people::rules(&context.site).map_err(|e| Answer::unknown(e.to_string()))?;
    let connection = context.connect().await?;
    let people = people::read(&connection, &context.site).await?;
    connection.close().await;
    let (mut left, mut refused, mut done) = (Vec::new(), Vec::new(), 0_usize);
    for (kind, entry) in &people.entries {
        if domains_only && *kind != EntryKind::Domain {
            continue;
        }
        match rules.plan(entry, *kind).state {
            State::Upgrade => left.push(entry.dn.as_str()),
            State::Refused => refused.push(entry.dn.as_str()),
            State::AlreadyUpgraded => done += 1,
            State::NotOurs => {}
        }
    }
    if !refused.is_empty() {
        return Ok(Answer::failed(format!(
            "{} entries have to be put right by hand first: {}",
            refused.len(),
            some(&refused)
        )));
    }
    if !left.is_empty() {
        return Ok(Answer::failed(format!(
            "{} of {} entries are not: {}",
            left.len(),
            left.len() + done,
            some(&left)
        )));
    }
    if done == 0 {
        return Ok(Answer::unknown("there are no such entries"));
    }
    Ok(Answer::ok(format!("all {done} entries are")))
}

/// Whether everything in the LDIF file of step 14 is in the directory.
pub(super) async fn aci_loaded(context: &CheckContext) -> Asked {
    let Some(path) = &context.aci_ldif else {
        return Ok(Answer::unknown("no LDIF file was made in this run yet"));
    };
    let host = context.host(Role::New)?;
    let Some(text) = host.read_file(path, 4 << 20).await? else {
        return Ok(Answer::failed(format!(
            "there is no {}",
            crate::base::display_safe(path)
        )));
    };
    let records = match ldif::parse_whole(&text) {
        Ok(records) if !records.is_empty() => records,
        Ok(_) => return Ok(Answer::failed("the LDIF file is empty")),
        Err(e) => return Ok(Answer::failed(e.to_string())),
    };
    let connection = context.connect().await?;
    let mut missing = Vec::new();
    for record in &records {
        let there = connection
            .read_attributes(record.dn(), &["*", "aci"])
            .await?;
        let holds = match (record, there) {
            (ldif::Record::Delete { .. }, there) => there.is_none(),
            (_, None) => false,
            (ldif::Record::Entry(entry) | ldif::Record::Add(entry), Some(there)) => {
                has_acis(entry, &there)
            }
            (ldif::Record::Modify { changes, .. }, Some(there)) => {
                changes.iter().all(|change| has_change(change, &there))
            }
        };
        if !holds {
            missing.push(record.dn());
        }
    }
    connection.close().await;
    if missing.is_empty() {
        return Ok(Answer::ok(format!(
            "all {} changes are there",
            records.len()
        )));
    }
    Ok(Answer::failed(format!(
        "not as in the file: {}",
        some(&missing)
    )))
}

fn has_acis(wanted: &Entry, there: &Entry) -> bool {
    let values = there.values("aci");
    wanted.values("aci").iter().all(|aci| values.contains(aci))
}

/// Whether a change that adds something is there; taking away is judged by what is not.
fn has_change(change: &Change, there: &Entry) -> bool {
    let values = there.values(change.attribute());
    match change {
        Change::Delete { values: gone, .. } => gone.iter().all(|v| !values.contains(v)),
        other => other.values().iter().all(|v| values.contains(v)),
    }
}
