//! The mail itself and its ways: mailboxes compared, the tape, the address cache.

use super::{Answer, Asked, CheckContext, Outcome, people, some};
use crate::host::Reading;
use crate::scenario::Role;
use crate::store::parse::{parse_mboxutil, parse_quotas, parse_toc};
use crate::store::{Finding, InboxRule, Inventory, UserReport, Verdict, compare, rename_map};
use std::time::Duration;

/// How long a large store or a tape may take to be read.
const LONG: Duration = Duration::from_secs(24 * 3600);

pub(super) async fn complete(context: &CheckContext) -> Asked {
    if context.expected.is_none() {
        return Ok(Answer::unknown(
            "what was in the old store is not known yet",
        ));
    }
    Ok(judge(&reports(context, context.inbox).await?, context))
}

/// Compares everybody's mailboxes in the new store with what was there before.
pub(super) async fn reports(
    context: &CheckContext,
    inbox: InboxRule,
) -> Result<Vec<UserReport>, Answer> {
    let nothing = Inventory::default();
    let expected = context.expected.as_ref().unwrap_or(&nothing);
    let map = rename_map(&context.people().await?).map_err(|problems| {
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Answer::failed(some(&all))
    })?;
    // Once for everybody: listing weighs on the store.
    let listed = context.admin("mboxutil", &["-l"], LONG).await?;
    if listed.status != Some(0) || listed.cut {
        let said = listed.stderr_text();
        return Err(Answer::not_understood("mboxutil -l", &said));
    }
    match parse_mboxutil(&listed.stdout) {
        Reading::Understood(actual) => {
            let moved = match &context.before {
                Some(before) if inbox != InboxRule::Exact => actual.without(before),
                _ => actual,
            };
            Ok(compare(expected, &moved, &map, inbox))
        }
        Reading::Unknown { raw } => Err(Answer::not_understood("mboxutil -l", &raw)),
    }
}

/// Judges the reports of all users; those somebody has accepted as they are only warn.
fn judge(reports: &[UserReport], context: &CheckContext) -> Answer {
    let messages: Option<u64> = reports.iter().map(|r| r.messages).sum();
    let messages = messages.map_or("all".to_owned(), |m| m.to_string());
    let line = |r: &UserReport| {
        let first = r.findings.first().map(ToString::to_string);
        format!("{}: {}", r.new_id, first.unwrap_or_default())
    };
    let (accepted, open): (Vec<_>, Vec<_>) = reports
        .iter()
        .filter(|r| !r.is_complete())
        .partition(|r| context.accepted.contains(&r.old_id));
    if !open.is_empty() {
        let lines: Vec<String> = open.iter().map(|r| line(r)).collect();
        let told = open.iter().all(|r| r.verdict() == Verdict::Unknown);
        let detail = format!(
            "{} of {} users: {}",
            open.len(),
            reports.len(),
            some(&lines)
        );
        return Answer {
            outcome: if told {
                Outcome::Unknown
            } else {
                Outcome::Failed
            },
            detail,
            remedy: None,
            repair: None,
        };
    }
    if !accepted.is_empty() {
        let lines: Vec<String> = accepted.iter().map(|r| line(r)).collect();
        return Answer::warning(format!("accepted as they are: {}", some(&lines)));
    }
    let sizes: Vec<String> = reports
        .iter()
        .filter(|r| r.findings.iter().any(|f| matches!(f, Finding::Size { .. })))
        .map(line)
        .collect();
    if !sizes.is_empty() {
        return Answer::warning(format!(
            "no message is missing; sizes differ: {}",
            some(&sizes)
        ))
        .advise("Look at a message of theirs; line ends alone do not explain it.");
    }
    let new = match context.inbox {
        InboxRule::Exact => "",
        _ => "; new mail is left out of account",
    };
    Answer::ok(format!(
        "{} users, {messages} messages, each once{new}",
        reports.len()
    ))
}

pub(super) async fn tape(context: &CheckContext) -> Asked {
    let tape = match &context.tape {
        Some(tape) => tape.clone(),
        None => read_tape(context).await?,
    };
    let Some(expected) = &context.expected else {
        return against_list(context, &tape).await;
    };
    let mut missing = Vec::new();
    for (user, folders) in expected.users().filter(|(_, folders)| !folders.is_empty()) {
        let want = expected.total(user).and_then(|c| c.messages);
        let have = tape.total(user).and_then(|c| c.messages);
        if tape.folders(user).is_none() || have < want {
            missing.push(format!("{user} ({} folders)", folders.len()));
        }
    }
    Ok(told(&missing, &tape))
}

async fn read_tape(context: &CheckContext) -> Result<Inventory, Answer> {
    let host = context.host(Role::New)?;
    let tool = format!(
        "{}/bin/msg/store/bin/imsrestore",
        context.site.new.server_root
    );
    let device = context.site.store.tape_device.clone();
    let argv = [tool, "-f".to_owned(), device, "-t".to_owned()];
    let listed = host.ask(&argv, LONG).await?;
    if listed.status != Some(0) || listed.cut {
        let said = listed.stderr_text();
        return Err(Answer::failed(format!(
            "the tape cannot be read to its end: {}",
            crate::base::display_safe(said.trim())
        )));
    }
    match parse_toc(&listed.stdout) {
        Reading::Understood(inventory) => Ok(inventory),
        Reading::Unknown { raw } => Err(Answer::not_understood("imsrestore -t", &raw)),
    }
}

/// Against the old store's own list of users, as long as it is there.
async fn against_list(context: &CheckContext, tape: &Inventory) -> Asked {
    let host = context.host(Role::Old)?;
    let tool = format!("{}/imquotacheck", context.site.old.sbin);
    let argv = [tool, "-v".to_owned(), "-n".to_owned()];
    let listed = host.ask(&argv, LONG).await?;
    let quotas = match parse_quotas(&listed.stdout_text()) {
        Reading::Understood(quotas) => quotas,
        Reading::Unknown { raw } => return Ok(Answer::not_understood("imquotacheck", &raw)),
    };
    let missing: Vec<String> = quotas
        .users
        .iter()
        .filter(|q| tape.folders(&q.user).is_none())
        .map(|q| q.user.clone())
        .collect();
    Ok(told(&missing, tape))
}

fn told(missing: &[String], tape: &Inventory) -> Answer {
    if missing.is_empty() {
        return Answer::ok(format!("{} users are on it", tape.len()));
    }
    Answer::failed(format!("not on it, or not all of it: {}", some(missing)))
}

/// Tries addresses: a dirsync with a wrong base DN ends well and knows nobody.
pub(super) async fn dirsync(context: &CheckContext) -> Asked {
    let connection = context.connect().await?;
    let people = people::read(&connection, &context.site).await?;
    connection.close().await;
    let addresses: Vec<String> = people
        .entries
        .iter()
        .filter(|(kind, _)| *kind == crate::directory::EntryKind::User)
        .filter_map(|(_, entry)| entry.text("mail").map(str::to_owned))
        .filter(|mail| mail.contains('@') && !mail.starts_with('-'))
        .collect();
    // One of each domain is enough.
    let mut tried: Vec<&String> = Vec::new();
    for address in &addresses {
        let domain = address.rsplit('@').next();
        if !tried.iter().any(|a| a.rsplit('@').next() == domain) {
            tried.push(address);
        }
    }
    if tried.is_empty() {
        return Ok(Answer::unknown("nobody has an address to try"));
    }
    let host = context.host(Role::New)?;
    let tool = format!("{}/imsimta", context.site.new.instance_root);
    let mut unknown = Vec::new();
    for address in tried.iter().take(5) {
        let argv = ["test", "-rewrite", address.as_str()].map(str::to_owned);
        let argv: Vec<String> = std::iter::once(tool.clone()).chain(argv).collect();
        let result = host.ask(&argv, context.patience * 6).await?;
        let said = format!("{}{}", result.stdout_text(), result.stderr_text());
        if !said.to_lowercase().contains("address list") {
            return Ok(Answer::not_understood("imsimta test -rewrite", &said));
        }
        if !said.contains("ims-ms") {
            unknown.push((*address).clone());
        }
    }
    if unknown.is_empty() {
        return Ok(Answer::ok(format!("it knows {}", some(&tried))));
    }
    Ok(Answer::failed(format!(
        "it does not deliver to {}",
        some(&unknown)
    )))
}
