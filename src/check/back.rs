//! What has to be so before something is taken back, and after it: the old server up again, the new
//! one gone, no mail in it that is nowhere else.

use super::{Answer, Asked, CheckContext, Outcome, mail, processes, queue, some};
use crate::host::{Host, Port, Reading};
use crate::scenario::Role;
use crate::store::{Finding, InboxRule};

/// The processes of an old server that is fully up.
const SERVERS: &[&str] = &["dispatcher", "job_controller", "imaccessd"];

pub(super) async fn smtp_open(context: &CheckContext) -> Asked {
    let host = context.host(Role::Old)?;
    let port = context.site.old.smtp_port;
    Ok(match host.port(port, context.patience, true).await {
        Port::Open(Some(banner)) if banner.starts_with("220") => Answer::ok("mail is taken in"),
        Port::Open(banner) => {
            Answer::not_understood("the SMTP server", &banner.unwrap_or_default())
        }
        Port::Refused => Answer::failed(format!("port {port} refuses")),
        Port::Silent(why) => Answer::unknown(format!("port {port}: {why}")),
    })
}

pub(super) async fn sims_up(context: &CheckContext) -> Asked {
    let host = context.host(Role::Old)?;
    let all = match host.processes().await? {
        Reading::Understood(all) => all,
        Reading::Unknown { raw } => return Ok(Answer::not_understood("ps -ef", &raw)),
    };
    let site = &context.site;
    let runs = |name: &str| {
        all.iter()
            .any(|p| p.name() == name && processes::is_old(p, site))
    };
    let missing: Vec<&str> = SERVERS.iter().copied().filter(|n| !runs(n)).collect();
    if !missing.is_empty() {
        return Ok(Answer::failed(format!("not running: {}", some(&missing))));
    }
    for port in [site.old.smtp_port, site.old.pop_port, site.old.imap_port] {
        match host.port(port, context.patience, true).await {
            Port::Open(Some(_)) => {}
            Port::Open(None) => return Ok(Answer::unknown(format!("port {port} says nothing"))),
            Port::Refused => return Ok(Answer::failed(format!("port {port} refuses"))),
            Port::Silent(why) => return Ok(Answer::unknown(format!("port {port}: {why}"))),
        }
    }
    let directory = super::directory::up(context).await?;
    if directory.outcome != Outcome::Ok {
        return Ok(directory);
    }
    Ok(Answer::ok(
        "its processes run, its ports answer, and so does the directory",
    ))
}

pub(super) async fn ims_removed(context: &CheckContext) -> Asked {
    let host = context.host(Role::New)?;
    let new = &context.site.new;
    match host.processes().await? {
        Reading::Understood(all) => {
            let left: Vec<String> = all
                .iter()
                .filter(|p| processes::is_new(p, &context.site))
                .map(|p| format!("{} ({})", p.name(), p.pid))
                .collect();
            if !left.is_empty() {
                return Ok(Answer::failed(format!("still running: {}", some(&left))));
            }
        }
        Reading::Unknown { raw } => return Ok(Answer::not_understood("ps -ef", &raw)),
    }
    for path in [
        new.instance_root.clone(),
        format!("{}/bin/msg", new.server_root),
    ] {
        if host.exists(&path).await? {
            return Ok(Answer::failed(format!("{path} is still there")));
        }
    }
    let port = new.config_directory_port;
    Ok(match host.port(port, context.patience, false).await {
        Port::Refused => Answer::ok("its files are gone, nothing of it runs"),
        Port::Open(_) => Answer::failed(format!(
            "something still listens on port {port}: its configuration directory?"
        )),
        Port::Silent(why) => Answer::unknown(format!("port {port}: {why}")),
    })
}

pub(super) async fn no_new_mail(context: &CheckContext) -> Asked {
    let host = context.host(Role::New)?;
    let root = format!("{}/imta/queue", context.site.new.instance_root);
    let queued = queue::below(&host, &root).await?;
    if !queued.is_empty() {
        return Ok(Answer::failed(format!(
            "{} are in the queues of the new server: {}",
            messages(queued.len() as u64),
            some(&queued)
        )));
    }
    let files = message_files(context, &host).await?;
    if files == Some(0) {
        return Ok(Answer::ok("the new store holds no message"));
    }
    if context.expected.is_none() {
        return Ok(Answer::unknown("what was moved by this run is not known"));
    }
    let reports = match mail::reports(context, InboxRule::Exact).await {
        Ok(reports) => reports,
        Err(untold) => return Ok(by_files(context, files).unwrap_or(untold)),
    };
    let mut more = 0;
    let mut whose = Vec::new();
    for report in &reports {
        let extra: u64 = report
            .findings
            .iter()
            .map(|f| match f {
                Finding::Extra {
                    expected, found, ..
                } => found.saturating_sub(*expected),
                _ => 0,
            })
            .sum();
        if extra > 0 {
            more += extra;
            whose.push(format!("{} ({extra})", report.new_id));
        }
    }
    if more > 0 {
        return Ok(Answer::failed(format!(
            "{} have come into the new store since the move: {}",
            messages(more),
            some(&whose)
        )));
    }
    Ok(Answer::ok("the new store holds nothing but what was moved"))
}

/// How many message files the new store has: stored may be down. None when they cannot be told.
async fn message_files(context: &CheckContext, host: &Host) -> Result<Option<u64>, Answer> {
    let root = format!("{}/store/partition", context.site.new.instance_root);
    let argv = ["find", &root, "-name", "*.msg", "-print"].map(str::to_owned);
    let found = host.ask(&argv, context.patience * 60).await?;
    let lines = found.stdout.split(|b| *b == b'\n');
    let count = lines.filter(|line| !line.is_empty()).count();
    let told = found.status == Some(0) && !found.cut;
    Ok(told.then_some(count as u64))
}

/// What the number of message files says of a store that is down, so that nobody can list it: as
/// many as were moved. Before mailboxes are removed they are compared one by one all the same.
fn by_files(context: &CheckContext, files: Option<u64>) -> Option<Answer> {
    // What a store in use held before is in those files too.
    if context.before.is_some() {
        return None;
    }
    let expected = context.expected.as_ref()?;
    let moved = expected
        .users()
        .map(|(id, _)| id)
        .map(|id| expected.total(id)?.messages);
    let moved: u64 = moved.sum::<Option<u64>>()?;
    match files?.checked_sub(moved)? {
        0 => Some(Answer::ok(
            "the new store is down, and has as many message files as were moved",
        )),
        more => Some(Answer::failed(format!(
            "the new store is down, and has {} more than were moved",
            messages(more)
        ))),
    }
}

fn messages(count: u64) -> String {
    match count {
        1 => "1 message".to_owned(),
        n => format!("{n} messages"),
    }
}
