//! A store that is taken over in place: the new one untouched before, everything where it belongs
//! after, every mailbox and every quota there in the end.

use super::nms::field;
use super::{Answer, Asked, CheckContext, some};
use crate::base::display_safe;
use crate::host::{Host, Kind, Reading};
use crate::scenario::Role;
use crate::store::parse::parse_mboxutil;
use std::time::Duration;

/// How long a large store may take to be listed.
const LONG: Duration = Duration::from_secs(3600);
/// The two files that are copied, from below the old instance to below the new one.
const COPIES: [(&str, &str); 2] = [
    ("store/mboxlist/data.db2", "store/mboxlist/folder.db"),
    ("store/quota.db2", "store/mboxlist/quota.db"),
];

/// The names in a folder; none where there is no such folder.
async fn names(host: &Host, path: &str) -> Result<Vec<String>, Answer> {
    let all = host.list_dir(path).await?.unwrap_or_default();
    Ok(all.into_iter().map(|e| e.name).collect())
}

pub(super) async fn fresh(context: &CheckContext) -> Asked {
    let host = context.host(Role::New)?;
    let root = &context.site.new.instance_root;
    if !host.exists(&format!("{root}/store")).await? {
        return Ok(Answer::unknown(format!("there is no {root}/store")));
    }
    let mut used = Vec::new();
    for folder in ["store/user", "store/partition/primary/=user"] {
        let path = format!("{root}/{folder}");
        // A link is the takeover's own.
        if host.kind(&path).await? == Some(Kind::Folder) {
            let inside = names(&host, &path).await?;
            used.extend(
                inside
                    .iter()
                    .map(|n| format!("{folder}/{}", display_safe(n))),
            );
        }
    }
    if used.is_empty() {
        return Ok(Answer::ok("nobody has a mailbox in it"));
    }
    Ok(Answer::failed(format!(
        "it was used already, and what is in it would be lost to its users: {}",
        some(&used)
    )))
}

async fn same(host: &Host, one: &str, other: &str) -> Result<bool, Answer> {
    let argv = ["cmp", "-s", one, other].map(str::to_owned);
    let result = host.ask(&argv, LONG).await?;
    Ok(result.status == Some(0))
}

pub(super) async fn taken_over(context: &CheckContext) -> Asked {
    let host = context.host(Role::New)?;
    let (old, new) = (&context.site.old, &context.site.new);
    let from = field(old.instance_root.as_ref(), "old.instance_root")?;
    let to = &new.instance_root;
    let mut wrong = Vec::new();
    for (name, path) in &old.partitions {
        let set = context
            .parameter(&format!("store.partition.{name}.path"))
            .await?;
        if set.as_deref() != Some(path) {
            wrong.push(format!("partition {name} does not point to {path}"));
        }
        owned(&host, path, &new.mail_user, &mut wrong).await?;
    }
    let link = format!("{to}/store/user");
    if host.kind(&link).await? == Some(Kind::Link) {
        let argv = ["ls", "-ld", &link].map(str::to_owned);
        let seen = host.ask(&argv, context.patience * 3).await?.stdout_text();
        let points = seen.trim_end().rsplit(" -> ").next().unwrap_or_default();
        if !points.ends_with(&format!("{from}/store/user")) {
            wrong.push(format!("{link} points to {}", display_safe(points)));
        }
    } else {
        wrong.push(format!("{link} is no link"));
    }
    // Seldom and bad: made a second time, the link is inside of the folder it points to.
    if host.exists(&format!("{from}/store/user/user")).await? {
        wrong.push(format!("there is a link too much: {from}/store/user/user"));
    }
    for (one, other) in COPIES {
        let (one, other) = (format!("{from}/{one}"), format!("{to}/{other}"));
        if host.kind(&other).await? != Some(Kind::File) {
            wrong.push(format!("there is no {other}"));
        } else if !same(&host, &one, &other).await? {
            wrong.push(format!("{other} is not what {one} is"));
        }
    }
    let lists = format!("{to}/store/mboxlist");
    for name in names(&host, &lists).await? {
        if !COPIES
            .iter()
            .any(|(_, to)| to.ends_with(&format!("/{name}")))
        {
            wrong.push(format!("{lists}/{} is too much", display_safe(&name)));
        }
        owned(
            &host,
            &format!("{lists}/{name}"),
            &new.mail_user,
            &mut wrong,
        )
        .await?;
    }
    if wrong.is_empty() {
        return Ok(Answer::ok(
            "the partitions, the subscriptions, the mailbox list, the quotas; nothing else",
        ));
    }
    Ok(Answer::failed(some(&wrong)))
}

async fn owned(host: &Host, path: &str, user: &str, wrong: &mut Vec<String>) -> Result<(), Answer> {
    match host.owner(path).await? {
        Some(owner) if owner.user == user => {}
        Some(owner) => wrong.push(format!(
            "{} belongs to {}",
            display_safe(path),
            display_safe(&owner.user)
        )),
        None => wrong.push(format!("there is no {}", display_safe(path))),
    }
    Ok(())
}

/// Compares the new server's list of mailboxes with the one that the old server wrote.
pub(super) async fn mailboxes_kept(context: &CheckContext) -> Asked {
    let Some(path) = &context.mailbox_list else {
        return Ok(Answer::unknown(
            "the old server's list was not made in this run",
        ));
    };
    let host = context.host(Role::Old)?;
    let Some(before) = host.read_file(path, 256 << 20).await? else {
        return Ok(Answer::unknown(format!("there is no {path}")));
    };
    let listed = context.admin("mboxutil", &["-l"], LONG).await?;
    let (before, now) = match (parse_mboxutil(&before), parse_mboxutil(&listed.stdout)) {
        (Reading::Understood(before), Reading::Understood(now)) if listed.status == Some(0) => {
            (before, now)
        }
        (Reading::Unknown { raw }, _) | (_, Reading::Unknown { raw }) => {
            return Ok(Answer::not_understood("mboxutil -l", &raw));
        }
        _ => return Ok(Answer::not_understood("mboxutil -l", &listed.stderr_text())),
    };
    let mut lost = Vec::new();
    let (mut mailboxes, mut messages) = (0_usize, 0_u64);
    for (user, folders) in before.users() {
        for (name, folder) in folders {
            let shown = || format!("user/{user}/{}", name.shown());
            mailboxes += 1;
            let had = folder.messages.unwrap_or(0);
            messages += had;
            match now.folders(user).and_then(|f| f.get(name)) {
                None => lost.push(display_safe(&shown()).into_owned()),
                Some(there) if there.messages.unwrap_or(0) < had => lost.push(format!(
                    "{}: {} of {had} messages",
                    display_safe(&shown()),
                    there.messages.unwrap_or(0),
                )),
                Some(_) => {}
            }
        }
    }
    if lost.is_empty() {
        return Ok(Answer::ok(format!(
            "{mailboxes} mailboxes with {messages} messages, each where it was"
        )));
    }
    Ok(Answer::failed(format!(
        "{} of {mailboxes} mailboxes: {}",
        lost.len(),
        some(&lost)
    )))
}

/// Whether the new server's quotas are in its own form, with somebody in them.
pub(super) async fn quotas(context: &CheckContext) -> Asked {
    let listed = context.admin("quotacheck", &[], LONG).await?;
    let text = listed.stdout_text();
    if listed.status != Some(0) {
        return Ok(Answer::failed(format!(
            "quotacheck: {}",
            display_safe(listed.stderr_text().trim())
        )));
    }
    let lines = text.lines().filter(|l| {
        let last = l.split_whitespace().last().unwrap_or_default();
        !l.to_lowercase().contains("usage") && !last.is_empty()
    });
    Ok(match lines.count() {
        0 => Answer::failed("the new server has a quota for nobody"),
        n => Answer::ok(format!("it counts for {n} users")),
    })
}
