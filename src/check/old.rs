//! The old server: stopped, with the directory still up; its store gone, where that was wanted.

use super::{Answer, Asked, CheckContext, processes, some};
use crate::host::{Port, Reading};
use crate::scenario::Role;

pub(super) async fn stopped(context: &CheckContext) -> Asked {
    let host = context.host(Role::Old)?;
    let all = match host.processes().await? {
        Reading::Understood(all) => all,
        Reading::Unknown { raw } => return Ok(Answer::not_understood("ps -ef", &raw)),
    };
    let site = &context.site;
    let left: Vec<String> = all
        .iter()
        .filter(|p| processes::is_old(p, site))
        .map(|p| format!("{} ({})", p.name(), p.pid))
        .collect();
    if !left.is_empty() {
        return Ok(Answer::failed(format!("still running: {}", some(&left))));
    }
    // The new server on the same host may have the ports by now.
    let taken_over = |name: &str| {
        all.iter()
            .any(|p| p.name() == name && processes::is_new(p, site))
    };
    let ports = [
        (site.old.smtp_port, "dispatcher"),
        (site.old.pop_port, "popd"),
        (site.old.imap_port, "imapd"),
    ];
    for (port, successor) in ports {
        if taken_over(successor) {
            continue;
        }
        match host.port(port, context.patience, false).await {
            Port::Refused => {}
            Port::Open(_) => {
                return Ok(Answer::failed(format!(
                    "no process of SIMS is left, and port {port} still takes connections"
                ))
                .mend([]));
            }
            Port::Silent(why) => return Ok(Answer::unknown(format!("port {port}: {why}"))),
        }
    }
    // What cannot be reached is an answer here, and has a remedy of its own.
    let directory = super::directory::up(context).await;
    let directory = directory.unwrap_or_else(|answer| answer);
    if directory.outcome == super::Outcome::Ok {
        return Ok(Answer::ok(
            "no process is left, the ports refuse, and the directory answers",
        ));
    }
    let start = context.fill("{directory.instance_root}/start-slapd");
    let down = Answer {
        detail: format!(
            "SIMS is down, and so is the directory: {}",
            directory.detail
        ),
        ..directory
    };
    Ok(down.advise(format!("Start it: {start}")).mend([&start]))
}

/// What starts the old server when the host starts.
pub(super) async fn boot_scripts(context: &CheckContext) -> Asked {
    let host = context.host(Role::Old)?;
    let mut found = Vec::new();
    let mut looked = 0;
    for folder in ["/etc/rc2.d", "/etc/rc3.d"] {
        let Some(entries) = host.list_dir(folder).await? else {
            continue;
        };
        looked += 1;
        for entry in entries.iter().filter(|e| e.name.starts_with('S')) {
            let path = format!("{folder}/{}", entry.name);
            let text = host.read_file(&path, 1 << 20).await?.unwrap_or_default();
            if String::from_utf8_lossy(&text).contains("SUNWmail") {
                found.push(path);
            }
        }
    }
    if !found.is_empty() {
        return Ok(Answer::failed(format!("they do: {}", some(&found))));
    }
    Ok(Answer::ok(match looked {
        0 => "the host has no /etc/rc2.d and no /etc/rc3.d".to_owned(),
        _ => "no boot script there names SUNWmail".to_owned(),
    }))
}

pub(super) async fn store_removed(context: &CheckContext) -> Asked {
    let host = context.host(Role::Old)?;
    let root = &context.site.old.store_root;
    if host.exists(root).await? {
        return Ok(Answer::failed(format!("{root} is still there")));
    }
    Ok(Answer::ok(format!("{root} is gone")))
}
