//! The old server's way to an empty queue: SMTP closed, the job controller at work, nothing left.

use super::{Answer, Asked, CheckContext, processes, some};
use crate::host::{Host, Kind, Port, Reading, parse_ps};
use crate::scenario::Role;
use crate::store::parse::{QueueFile, QueueTree, parse_counters, parse_queue};
use std::time::Duration;

/// How long a look at a large queue may take.
const LONG: Duration = Duration::from_secs(300);

pub(super) async fn smtp_closed(context: &CheckContext) -> Asked {
    let host = context.host(Role::Old)?;
    let port = context.site.old.smtp_port;
    match host.port(port, context.patience, false).await {
        Port::Open(_) => {
            let imta = format!("{}/imta", context.site.old.sbin);
            return Ok(
                Answer::failed(format!("port {port} still takes connections")).mend([
                    &imta,
                    "stop",
                    "dispatcher",
                ]),
            );
        }
        Port::Silent(why) => return Ok(Answer::unknown(format!("port {port}: {why}"))),
        Port::Refused => {}
    }
    let all = running(context, &host).await?;
    let named = |name: &str| all.iter().any(|p| p == name);
    if named("<SMTP>") || named("dispatcher") {
        return Ok(Answer::failed(format!(
            "port {port} is closed, and a session that was open goes on"
        )));
    }
    if !named("job_controller") {
        let imta = format!("{}/imta", context.site.old.sbin);
        return Ok(
            Answer::failed("the job controller does not run: nothing will be delivered").mend([
                &imta,
                "start",
                "job_controller",
            ]),
        );
    }
    Ok(Answer::ok(format!(
        "port {port} refuses, the job controller delivers"
    )))
}

/// The names of the MTA's processes: from `imta process`, or from `ps` where that says nothing.
async fn running(context: &CheckContext, host: &Host) -> Result<Vec<String>, Answer> {
    let imta = format!("{}/imta", context.site.old.sbin);
    let asked = host.ask(&[imta, "process".to_owned()], LONG).await?;
    let own = match parse_ps(&asked.stdout_text()) {
        Reading::Understood(all) if asked.status == Some(0) => all,
        _ => match host.processes().await? {
            Reading::Understood(all) => all
                .into_iter()
                .filter(|p| processes::is_old(p, &context.site))
                .collect(),
            Reading::Unknown { raw } => return Err(Answer::not_understood("ps -ef", &raw)),
        },
    };
    Ok(own.iter().map(|p| p.name().to_owned()).collect())
}

/// The queue as its files have it.
pub(super) async fn tree(context: &CheckContext) -> Result<QueueTree, Answer> {
    let host = context.host(Role::Old)?;
    let directory = host.ask(&qm(context, "directory"), LONG).await?;
    match parse_queue(&directory.stdout_text()) {
        Reading::Understood(tree) if directory.status == Some(0) => Ok(tree),
        // The tree itself is as good as what reads it.
        _ => files(context, &host).await,
    }
}

fn qm(context: &CheckContext, what: &str) -> [String; 3] {
    let imta = format!("{}/imta", context.site.old.sbin);
    [imta, "qm".to_owned(), what.to_owned()]
}

pub(super) async fn empty(context: &CheckContext) -> Asked {
    let host = context.host(Role::Old)?;
    let tree = tree(context).await?;
    let counters = host.ask(&qm(context, "counters"), LONG).await?;
    let counted = match parse_counters(&counters.stdout_text()) {
        Reading::Understood(channels) => channels
            .iter()
            .filter(|(_, c)| c.stored.unwrap_or(0) > 0)
            .map(|(name, c)| format!("{name} {}", c.stored.unwrap_or(0)))
            .collect(),
        Reading::Unknown { .. } => Vec::new(),
    };
    Ok(judge(&tree, &counted))
}

/// The tree wins: counters are not exact, vanish, and may be anything after a restart.
fn judge(tree: &QueueTree, counted: &[String]) -> Answer {
    let names = |held: bool| -> Vec<String> {
        let files = tree.files.iter().filter(|f| f.held == held);
        files.map(|f| format!("{}/{}", f.channel, f.name)).collect()
    };
    let held = names(true);
    let moving = names(false);
    if !moving.is_empty() {
        let aside = if held.is_empty() {
            String::new()
        } else {
            format!(", and {} HELD", held.len())
        };
        let tried = tree.files.iter().filter(|f| !f.held);
        let most = tried.filter_map(|f| f.attempts).max().unwrap_or(0);
        let left = match moving.len() {
            1 => "1 message".to_owned(),
            n => format!("{n} messages"),
        };
        let tried = match most {
            0 => String::new(),
            1 => ", tried once".to_owned(),
            n => format!(", tried up to {n} times"),
        };
        return Answer::failed(format!("{left} left{aside}{tried}: {}", some(&moving)));
    }
    if !held.is_empty() {
        return Answer::warning(format!(
            "nothing moves any more; {} HELD and will not go out by themselves: {}",
            if held.len() == 1 {
                "1 message is".to_owned()
            } else {
                format!("{} messages are", held.len())
            },
            some(&held)
        ));
    }
    if !counted.is_empty() {
        return Answer::warning(format!(
            "no message file is left; the counters, which are not exact, still say {}",
            some(counted)
        ))
        .advise("Nothing: the files are what counts.");
    }
    Answer::ok("no message is left")
}

/// The message files below a queue's root, held ones too; none where there is no such folder.
pub(super) async fn below(host: &Host, root: &str) -> Result<Vec<String>, Answer> {
    let mut found = Vec::new();
    let channels = host.list_dir(root).await?.unwrap_or_default();
    for channel in channels.iter().filter(|e| e.kind == Kind::Folder) {
        let path = format!("{root}/{}", channel.name);
        let files = host.list_dir(&path).await?.unwrap_or_default();
        let messages = files.into_iter().filter(|e| e.kind == Kind::File);
        found.extend(messages.map(|f| format!("{}/{}", channel.name, f.name)));
    }
    Ok(found)
}

/// A message whose file ends in `.HELD` never goes out by itself.
fn is_held(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| end == "HELD")
}

/// Reads the tree by listing it, for when the vendor's tool says nothing useful.
async fn files(context: &CheckContext, host: &Host) -> Result<QueueTree, Answer> {
    let root = &context.site.old.queue_root;
    let Some(channels) = host.list_dir(root).await? else {
        return Err(Answer::unknown(format!("there is no {root}")));
    };
    let mut tree = QueueTree::default();
    for channel in channels.iter().filter(|e| e.kind == Kind::Folder) {
        let path = format!("{root}/{}", channel.name);
        for file in host.list_dir(&path).await?.unwrap_or_default() {
            // A name with `$` is on its way in, and counts: it becomes a message.
            if file.kind == Kind::File {
                tree.files.push(QueueFile {
                    channel: channel.name.clone(),
                    held: is_held(&file.name),
                    name: file.name,
                    attempts: None,
                    since: String::new(),
                });
            }
        }
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Outcome;

    fn tree(names: &[&str]) -> QueueTree {
        QueueTree {
            files: names
                .iter()
                .map(|name| QueueFile {
                    channel: "tcp_local".to_owned(),
                    name: (*name).to_owned(),
                    held: is_held(name),
                    attempts: Some(2),
                    since: String::new(),
                })
                .collect(),
            grand_total: None,
        }
    }

    #[test]
    fn the_tree_wins_over_the_counters_and_held_mail_is_apart() {
        let counted = ["l 3".to_owned()];
        assert_eq!(judge(&tree(&[]), &[]).outcome, Outcome::Ok);
        assert_eq!(judge(&tree(&[]), &counted).outcome, Outcome::Warning);
        let held = judge(&tree(&["ZX1.HELD"]), &[]);
        assert_eq!(held.outcome, Outcome::Warning);
        assert!(held.detail.contains("1 message is HELD"), "{}", held.detail);
        let left = judge(&tree(&["ZX1.HELD", "ZX2.00"]), &[]);
        assert_eq!(left.outcome, Outcome::Failed);
        assert!(left.detail.contains("tcp_local/ZX2.00"), "{}", left.detail);
    }
}
