//! Netscape Messaging Server: its queue, its processes, its store, its users' ids.

use super::{Answer, Asked, CheckContext, Outcome, processes, some};
use crate::base::display_safe;
use crate::host::{Kind, Port, Reading};
use crate::scenario::Role;
use crate::store::parse::parse_mailq;
use std::time::Duration;

/// How long a look at a large queue may take.
const LONG: Duration = Duration::from_secs(300);

/// Says which field of the site is missing.
pub(super) fn field<T>(value: Option<T>, name: &str) -> Result<T, Answer> {
    value.ok_or_else(|| Answer::unknown(format!("the site does not say `{name}`")))
}

/// How many messages are in the queue.
pub(super) async fn queued(context: &CheckContext) -> Result<usize, Answer> {
    let host = context.host(Role::Old)?;
    let mailq = field(context.site.old.mailq.as_ref(), "old.mailq")?;
    let result = host.ask(std::slice::from_ref(mailq), LONG).await?;
    match parse_mailq(&result.stdout_text()) {
        Reading::Understood(count) if result.status == Some(0) => Ok(count),
        Reading::Understood(_) => Err(Answer::not_understood("mailq", &result.stderr_text())),
        Reading::Unknown { raw } => Err(Answer::not_understood("mailq", &raw)),
    }
}

pub(super) async fn queue_empty(context: &CheckContext) -> Asked {
    Ok(match queued(context).await? {
        0 => Answer::ok("no message is left"),
        1 => Answer::failed("1 message left"),
        n => Answer::failed(format!("{n} messages left")),
    })
}

pub(super) async fn smtp_closed(context: &CheckContext) -> Asked {
    let host = context.host(Role::Old)?;
    let old = &context.site.old;
    match host.port(old.smtp_port, context.patience, false).await {
        Port::Refused => {}
        Port::Open(_) => {
            return Ok(Answer::failed(format!(
                "port {} still takes connections",
                old.smtp_port
            )));
        }
        Port::Silent(why) => return Ok(Answer::unknown(why)),
    }
    let drain = field(old.drain_port, "old.drain_port")?;
    Ok(match host.port(drain, context.patience, false).await {
        Port::Open(_) => Answer::ok(format!(
            "port {} refuses, and the server works its queue off at port {drain}",
            old.smtp_port
        )),
        Port::Refused => Answer::failed(format!(
            "port {drain} refuses too: the SMTP server does not run, and delivers nothing"
        )),
        Port::Silent(why) => Answer::unknown(format!("port {drain}: {why}")),
    })
}

pub(super) async fn smtp_refused(context: &CheckContext) -> Asked {
    let host = context.host(Role::Old)?;
    let old = &context.site.old;
    for port in [old.smtp_port, field(old.drain_port, "old.drain_port")?] {
        match host.port(port, context.patience, false).await {
            Port::Refused => {}
            Port::Open(_) => {
                return Ok(Answer::failed(format!("port {port} takes connections")));
            }
            Port::Silent(why) => return Ok(Answer::unknown(format!("port {port}: {why}"))),
        }
    }
    Ok(Answer::ok("both ports refuse"))
}

pub(super) async fn stopped(context: &CheckContext) -> Asked {
    let host = context.host(Role::Old)?;
    let all = match host.processes().await? {
        Reading::Understood(all) => all,
        Reading::Unknown { raw } => return Ok(Answer::not_understood("ps -ef", &raw)),
    };
    let left: Vec<String> = all
        .iter()
        .filter(|p| processes::is_old(p, &context.site))
        .map(|p| format!("{} ({})", p.name(), p.pid))
        .collect();
    if !left.is_empty() {
        return Ok(Answer::failed(format!("still running: {}", some(&left))));
    }
    let directory = super::directory::up(context).await?;
    if directory.outcome != Outcome::Ok {
        return Ok(directory);
    }
    Ok(Answer::ok("no process is left, and the directory answers"))
}

pub(super) async fn up(context: &CheckContext) -> Asked {
    let host = context.host(Role::Old)?;
    let old = &context.site.old;
    for port in [old.smtp_port, old.pop_port, old.imap_port] {
        match host.port(port, context.patience, true).await {
            Port::Open(Some(_)) => {}
            Port::Open(None) => return Ok(Answer::unknown(format!("port {port} says nothing"))),
            Port::Refused => return Ok(Answer::failed(format!("port {port} refuses"))),
            Port::Silent(why) => return Ok(Answer::unknown(format!("port {port}: {why}"))),
        }
    }
    Ok(Answer::ok("its ports greet"))
}

/// Whether the store is as the site says: every partition that the server has, and the two files.
pub(super) async fn store(context: &CheckContext) -> Asked {
    let host = context.host(Role::Old)?;
    let old = &context.site.old;
    let root = field(old.instance_root.as_ref(), "old.instance_root")?;
    let argv = [
        format!("{root}/configutil"),
        "-p".to_owned(),
        "store.partition.".to_owned(),
    ];
    let result = host.ask(&argv, context.patience * 6).await?;
    let said = result.stdout_text();
    if result.status != Some(0) {
        return Ok(Answer::not_understood("configutil -p", &said));
    }
    let mut wrong = Vec::new();
    let mut seen = 0;
    for line in said.lines() {
        let Some((name, path)) = line.split_once('=') else {
            continue;
        };
        let name = name.trim().strip_prefix("store.partition.");
        let Some(name) = name.and_then(|n| n.strip_suffix(".path")) else {
            continue;
        };
        seen += 1;
        let path = path.trim();
        match old.partitions.get(name) {
            Some(known) if known.trim_end_matches('/') == path.trim_end_matches('/') => {}
            Some(known) => wrong.push(format!("partition {name} is at {path}, not at {known}")),
            None => wrong.push(format!("partition {name}, at {path}, is not in the site")),
        }
    }
    if seen < old.partitions.len() {
        wrong.push(format!(
            "the site has {} partitions, the server says {seen}",
            old.partitions.len()
        ));
    }
    for path in old.partitions.values() {
        if host.kind(path).await? != Some(Kind::Folder) {
            wrong.push(format!("there is no folder {path}"));
        }
    }
    for file in ["store/mboxlist/data.db2", "store/quota.db2"] {
        let path = format!("{root}/{file}");
        if host.kind(&path).await? != Some(Kind::File) {
            wrong.push(format!("there is no {path}"));
        }
    }
    if wrong.is_empty() {
        return Ok(Answer::ok(format!(
            "{} partitions, its mailbox list and its quotas",
            old.partitions.len()
        )));
    }
    let wrong: Vec<_> = wrong.iter().map(|w| display_safe(w).into_owned()).collect();
    Ok(Answer::failed(some(&wrong)))
}

/// Ids of other forms than the two the guide has; those of the store's own rules are errors.
pub(super) async fn uids(context: &CheckContext) -> Asked {
    let users = context.people().await?;
    let other: Vec<String> = users
        .iter()
        .map(crate::store::StoreUser::new_id)
        .filter(|id| !has_known_form(id))
        .map(|id| display_safe(id).into_owned())
        .collect();
    if other.is_empty() {
        return Ok(Answer::ok(format!(
            "{} ids, all of the form LocalPart or LocalPart@FQDN",
            users.len()
        )));
    }
    Ok(Answer::warning(format!(
        "neither LocalPart nor LocalPart@FQDN: {}",
        some(&other)
    ))
    .advise(
        "The new server takes what stands after the @ for a domain. Change the id, and the \
         mailbox's name with it (mboxutil -r), before the move; or give that domain a node.",
    ))
}

fn has_known_form(id: &str) -> bool {
    let plain = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-'".contains(&b))
    };
    match id.rsplit_once('@') {
        None => plain(id),
        Some((local, domain)) => plain(local) && plain(domain) && domain.contains('.'),
    }
}

#[cfg(test)]
mod tests {
    use super::has_known_form;
    use rstest::rstest;

    #[rstest]
    #[case("ofanning", true)]
    #[case("wallyc@varrius.org", true)]
    #[case("reception@desk", false)]
    #[case("a%b", false)]
    #[case("@x.org", false)]
    fn ids_have_one_of_two_forms(#[case] id: &str, #[case] known: bool) {
        assert_eq!(has_known_form(id), known);
    }
}
