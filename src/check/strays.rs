//! Mail that the move would pass by or rename: what lies in `/var/mail`, mailboxes that nobody in
//! the directory owns, and folder names that the restore cannot keep.

use super::{Answer, Asked, CheckContext, people, some};
use crate::base::display_safe;
use crate::directory::EntryKind;
use crate::host::Reading;
use crate::scenario::Role;
use crate::store::parse::{Quotas, parse_quotas};
use crate::store::{FolderName, InboxRule, Inventory};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a look at a large store or spool may take.
const LONG: Duration = Duration::from_secs(3600);

/// Where mail is that is not in the message store.
const SPOOL: &str = "/var/mail";

/// Whether somebody's mail is in `/var/mail`, where imbackup does not see it.
pub(super) async fn var_mail(context: &CheckContext) -> Asked {
    let host = context.host(Role::Old)?;
    let path = &context.site.old.config;
    let Some(config) = host.read_file(path, 1 << 20).await? else {
        return Ok(Answer::unknown(format!(
            "there is no {path}, which says whether {SPOOL} is served"
        )));
    };
    let served = is_served(&String::from_utf8_lossy(&config));
    let files = spool(context).await?;
    let connection = context.connect().await?;
    let people = people::read(&connection, &context.site).await?;
    connection.close().await;
    let users: BTreeSet<String> = people.users.iter().map(|u| u.uid.to_lowercase()).collect();
    let (theirs, others): (Vec<String>, Vec<String>) = files
        .into_iter()
        .partition(|file| users.contains(&file.to_lowercase()));
    if !theirs.is_empty() {
        return Ok(Answer::failed(format!(
            "in {SPOOL}, and not in the message store: mail of {}",
            some(&theirs)
        )));
    }
    let directed: Vec<&str> = people
        .entries
        .iter()
        .filter(|(kind, entry)| {
            let folder = entry.text("mailFolderMap").unwrap_or_default();
            *kind == EntryKind::User && folder.to_lowercase().starts_with("unix")
        })
        .map(|(_, entry)| entry.dn.as_str())
        .collect();
    if !directed.is_empty() {
        return Ok(Answer::warning(format!(
            "nothing of theirs is there now, and their mail would go to {SPOOL}: {}",
            some(&directed)
        ))
        .advise("Give them mailFolderMap: Sun-MS, or look again when mail has stopped."));
    }
    let aside = match others.as_slice() {
        [] => String::new(),
        others => format!("; of others: {}", some(others)),
    };
    if served {
        return Ok(Answer::warning(format!(
            "{SPOOL} is served (ims-varmail: ON), and holds no mail of theirs{aside}"
        ))
        .advise("Look again when mail has stopped."));
    }
    Ok(Answer::ok(format!("no user has mail in {SPOOL}{aside}")))
}

/// Whether `ims.cnf` says that `/var/mail` is served too.
fn is_served(config: &str) -> bool {
    config
        .lines()
        .filter_map(|line| line.split_once(':'))
        .any(|(key, value)| {
            key.trim().eq_ignore_ascii_case("ims-varmail")
                && value.trim().trim_matches('"').eq_ignore_ascii_case("on")
        })
}

/// The files there that are not empty, by name.
async fn spool(context: &CheckContext) -> Result<Vec<String>, Answer> {
    let host = context.host(Role::Old)?;
    if !host.exists(SPOOL).await? {
        return Ok(Vec::new());
    }
    // With `/.` also where it is a link, as on many systems.
    let argv = ["find", "/var/mail/.", "-type", "f", "-size", "+0", "-print"];
    let found = host.ask(&argv.map(str::to_owned), LONG).await?;
    if found.status != Some(0) {
        return Err(Answer::not_understood("find", &found.stderr_text()));
    }
    let text = found.stdout_text();
    let names = text.lines().filter_map(|line| {
        let (_, name) = line.rsplit_once("/./")?;
        let lock = name.to_ascii_lowercase().ends_with(".lock");
        (!name.contains('/') && !lock).then(|| name.to_owned())
    });
    Ok(names.collect())
}

/// What the old store says that it holds.
pub(super) async fn quotas(context: &CheckContext) -> Result<Quotas, Answer> {
    let host = context.host(Role::Old)?;
    let tool = format!("{}/imquotacheck", context.site.old.sbin);
    // Without -n everybody near the limit would get a letter.
    let argv = [tool, "-v".to_owned(), "-n".to_owned()];
    let listed = host.ask(&argv, LONG).await?;
    match parse_quotas(&listed.stdout_text()) {
        Reading::Understood(quotas) if listed.status == Some(0) => Ok(quotas),
        _ => {
            let said = format!("{} {}", listed.stderr_text(), listed.stdout_text());
            Err(Answer::not_understood("imquotacheck -v -n", &said))
        }
    }
}

/// Mailboxes without an entry are not moved; entries without a mailbox get an empty one later.
pub(super) async fn owners(context: &CheckContext) -> Asked {
    let users = context.people().await?;
    let quotas = quotas(context).await?;
    let owners: BTreeSet<String> = users.iter().map(crate::store::StoreUser::old_id).collect();
    let stored: BTreeSet<&str> = quotas.users.iter().map(|q| q.user.as_str()).collect();
    let strangers: Vec<&str> = stored
        .iter()
        .filter(|id| !owners.contains(**id))
        .copied()
        .collect();
    let without: Vec<&str> = owners
        .iter()
        .map(String::as_str)
        .filter(|id| !stored.contains(id))
        .collect();
    let aside = match without.as_slice() {
        [] => String::new(),
        some_ => format!("; no mailbox yet: {}", some(some_)),
    };
    if strangers.is_empty() {
        let all = stored.len();
        return Ok(Answer::ok(format!(
            "each of {all} mailboxes has an entry{aside}"
        )));
    }
    Ok(Answer::warning(format!(
        "{} in the old store that nobody in the directory owns, and that are not moved: {}{aside}",
        match strangers.len() {
            1 => "a mailbox is".to_owned(),
            n => format!("{n} mailboxes are"),
        },
        some(&strangers)
    )))
}

/// Which folders get another name, and which become one name.
pub(super) fn folder_names(context: &CheckContext) -> Answer {
    let known = context.expected.as_ref().or(context.tape.as_ref());
    let Some(known) = known else {
        return Answer::unknown(
            "the folders are known when the old store is listed, before the first mailbox moves",
        );
    };
    judge(known, context.inbox == InboxRule::Live { twins: false })
}

fn judge(known: &Inventory, joined: bool) -> Answer {
    let mut colliding = Vec::new();
    let mut renamed = Vec::new();
    let mut folders = 0;
    for (user, all) in known.users() {
        folders += all.len();
        for (name, of) in known.collisions(user) {
            let of: Vec<String> = of.iter().map(FolderName::shown).collect();
            let of = of.join("` and `");
            colliding.push(format!(
                "{}: `{of}` become `{}`",
                display_safe(user),
                name.shown()
            ));
        }
        for folder in known.renamed(user) {
            let to = folder.restored().into_iter().next();
            let to = to.map_or_else(String::new, |to| to.shown());
            renamed.push(format!(
                "{}: `{}` to `{to}`",
                display_safe(user),
                folder.shown()
            ));
        }
    }
    if colliding.is_empty() && renamed.is_empty() {
        return Answer::ok(format!("all {folders} keep their names"));
    }
    let mut parts = Vec::new();
    if !renamed.is_empty() {
        parts.push(format!("{} renamed: {}", renamed.len(), some(&renamed)));
    }
    if !colliding.is_empty() {
        parts.push(format!(
            "{} {}: {}",
            colliding.len(),
            if joined {
                "joined into one"
            } else {
                "with the date behind one of them"
            },
            some(&colliding)
        ));
    }
    Answer::warning(parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Outcome;
    use crate::store::Count;

    #[test]
    fn whether_the_spool_is_served_is_read_whatever_the_case() {
        assert!(is_served("# x\nims-varmail: ON\n"));
        assert!(is_served("IMS-VarMail : \"on\"\n"));
        assert!(!is_served("ims-varmail: OFF\n"));
        assert!(!is_served("ims-varmails: ON\n# ims-varmail: ON\n"));
    }

    #[test]
    fn folders_that_lose_their_name_are_named_with_what_they_become() {
        let mut known = Inventory::default();
        known.add("joe", FolderName::new("INBOX"), Count::new(1, 1));
        assert_eq!(judge(&known, false).outcome, Outcome::Ok);
        known.add("joe", FolderName::new("R&D"), Count::new(1, 1));
        let alone = judge(&known, false);
        assert_eq!(alone.outcome, Outcome::Warning);
        assert!(alone.detail.contains("`R&D` to `R D`"), "{}", alone.detail);
        known.add("joe", FolderName::new("R D"), Count::new(1, 1));
        let both = judge(&known, false).detail;
        assert!(both.contains("become `R D`"), "{both}");
    }
}
