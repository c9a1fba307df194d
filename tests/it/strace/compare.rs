//! What was seen from outside held against what was confirmed: every difference, a sentence each.

use imsmigrate::host::Act;
use std::collections::{BTreeMap, BTreeSet};

/// What may be looked at, and for which of the plan's names: checks, facts, kinds of actions.
pub(super) const LOOKS: &[(&str, &[&str])] = &[
    ("cat /etc/opt/SUNWmail/ims/ims.cnf", &["var-mail"]),
    ("kind /var/mail", &["var-mail"]),
    (
        "/opt/SUNWmail/sbin/imquotacheck -v -n",
        &["users", "mailbox-owners", "disk", "messages"],
    ),
    ("ls -ld {backup}", &["directory-backup"]),
    ("sed -n 1,20p {backup}", &["directory-backup"]),
    ("grep -c ^dn: {backup}", &["directory-backup"]),
    ("tail -1 {backup}", &["directory-backup"]),
    (
        "/opt/SUNWmail/sbin/imta qm directory",
        &["queue", "queue-empty"],
    ),
    ("/opt/SUNWmail/sbin/imta qm counters", &["queue-empty"]),
    ("/opt/SUNWmail/sbin/imta process", &["smtp-closed"]),
    (
        "ps -ef",
        &[
            "sims-stopped",
            "ims-stopped",
            "ims-up",
            "only-store-up",
            "store-stopped",
        ],
    ),
    ("du -sk /var/opt/SUNWmail/ims", &["disk", "disk-space"]),
    ("df -k /usr", &["disk", "disk-space"]),
    ("df -i /usr", &["inodes"]),
    (
        "kind /usr",
        &["disk", "disk-space", "inodes", "ims-installed"],
    ),
    // The folder that a command's output goes to.
    ("kind /usr/iplanet/server5/msg-mail", &["run"]),
    (
        "{configutil} -o local.store.synclevel",
        &[
            "ims-installed",
            "synclevel-0",
            "synclevel-default",
            "set-config",
        ],
    ),
    (
        "{configutil} -o local.ugldap",
        &["setup-answers", "settings", "set-config"],
    ),
    ("{configutil} -o local.defdomain", &["setup-answers"]),
    (
        "{env} {admin}/stored -t -v",
        &["only-store-up", "store-stopped", "ims-up"],
    ),
    ("{env} {admin}/mboxutil -l", &["mailboxes-complete"]),
    ("{admin}/mboxutil -l", &["transfer-mailboxes"]),
    (
        "cat /usr/iplanet/server5/msg-mail/imta/config/mappings",
        &["relay", "edit-file"],
    ),
    (
        "/usr/iplanet/server5/msg-mail/imsimta test -rewrite ",
        &["dirsync-done"],
    ),
    ("cat {acis}", &["aci-loaded", "apply-ldif"]),
];

/// One process that the engine started, as the host was asked for it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) step: String,
    pub(super) begin: f64,
    pub(super) end: f64,
    pub(super) words: Vec<String>,
}

/// What was seen from outside.
#[derive(Clone, Default)]
pub(super) struct Recorded {
    pub(super) asked: Vec<Asked>,
    /// Changes of the directory, one value each.
    pub(super) changes: Vec<String>,
    /// Files that the engine itself opened for writing.
    pub(super) written: Vec<String>,
}

/// One process that changes something, as it was confirmed.
pub(super) struct Wanted {
    /// The place of its step in the plan, and its stage: earlier ones come first.
    pub(super) order: (usize, u32),
    pub(super) effect: String,
    pub(super) words: Vec<String>,
}

/// What was confirmed.
#[derive(Default)]
pub(super) struct Planned {
    pub(super) folder: String,
    pub(super) wanted: Vec<Wanted>,
    pub(super) changes: Vec<String>,
    /// What each step names: checks, facts, kinds of actions.
    pub(super) names: BTreeMap<String, BTreeSet<String>>,
    /// How many effects of a step may be in flight.
    pub(super) parallel: BTreeMap<usize, usize>,
    pub(super) backup: String,
    pub(super) acis: String,
}

/// What an act only looks at, as the table has it; none for what changes something.
pub(super) fn look(words: &[String]) -> Option<String> {
    let text = |act: Act| act.argv().get(2).cloned().unwrap_or_default();
    let path = String::new;
    let shell = words.first().is_some_and(|w| w == "/bin/sh");
    if !shell {
        let makes = words.first().is_some_and(|w| w == "mkdir");
        return (!makes).then(|| words.join(" "));
    }
    let looks = [
        ("cat", text(Act::ReadFile { path: path() })),
        ("ls", text(Act::ListDir { path: path() })),
        ("kind", text(Act::Kind { path: path() })),
        ("ls -ld", text(Act::Owner { path: path() })),
        ("df -k", text(Act::DiskFree { path: path() })),
        ("du -sk", text(Act::DiskUsed { path: path() })),
        ("df -i", text(Act::Inodes { path: path() })),
        ("ps -ef", text(Act::Processes)),
    ];
    let (name, _) = looks.iter().find(|(_, text)| words.get(2) == Some(text))?;
    let rest = words.get(4..).unwrap_or_default().join(" ");
    Some(format!("{name} {rest}").trim_end().to_owned())
}

/// Every way in which what was seen is not what was confirmed; a sentence each.
pub(super) fn compare(seen: &Recorded, planned: &Planned) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Vec<&Wanted> = planned.wanted.iter().collect();
    let mut done: Vec<(&Wanted, &Asked)> = Vec::new();
    for asked in &seen.asked {
        let shown = asked.words.get(5..).filter(|_| asked.words.len() > 9);
        let shown = shown.unwrap_or(&asked.words).join(" ");
        if let Some(at) = open.iter().position(|wanted| wanted.words == asked.words) {
            done.push((open.remove(at), asked));
        } else if let Some(look) = look(&asked.words) {
            let names = planned.names.get(&asked.step).cloned().unwrap_or_default();
            let explained = LOOKS.iter().any(|(pattern, whose)| {
                let pattern = pattern
                    .replace("{backup}", &planned.backup)
                    .replace("{acis}", &planned.acis)
                    .replace(
                        "{env}",
                        "env CONFIGROOT=/usr/iplanet/server5/msg-mail/config",
                    )
                    .replace("{admin}", "/usr/iplanet/server5/bin/msg/admin/bin")
                    .replace("{configutil}", "/usr/iplanet/server5/msg-mail/configutil");
                look.starts_with(&pattern) && whose.iter().any(|name| names.contains(*name))
            });
            if !explained {
                found.push(format!("{}: looked at without a check: {look}", asked.step));
            }
        } else {
            found.push(format!("{}: not planned: {shown}", asked.step));
        }
    }
    for wanted in open {
        found.push(format!(
            "{}: planned and not done: {}",
            wanted.effect,
            wanted.words.join(" ")
        ));
    }
    found.extend(out_of_order(&done, planned));
    found.extend(differences("change", &planned.changes, &seen.changes));
    for file in &seen.written {
        if !file.starts_with(&planned.folder) && file != "/dev/null" {
            found.push(format!("the engine wrote {file}"));
        }
    }
    found
}

/// Stages are done one after the other, and no more effects at once than was said.
pub(super) fn out_of_order(done: &[(&Wanted, &Asked)], planned: &Planned) -> Vec<String> {
    let mut found = Vec::new();
    for (wanted, asked) in done {
        for (other, before) in done {
            if other.order < wanted.order && before.begin > asked.end {
                found.push(format!(
                    "{} was begun before {}",
                    wanted.effect, other.effect
                ));
            }
        }
        let with: BTreeSet<&str> = done
            .iter()
            .filter(|(other, beside)| {
                other.order == wanted.order
                    && beside.begin <= asked.begin
                    && asked.begin <= beside.end
            })
            .map(|(other, _)| other.effect.as_str())
            .collect();
        if with.len() > planned.parallel[&wanted.order.0] {
            found.push(format!("too many at once: {with:?}"));
        }
    }
    found
}

/// What is in one list more often than in the other.
pub(super) fn differences(what: &str, planned: &[String], seen: &[String]) -> Vec<String> {
    let mut count: BTreeMap<&str, i64> = BTreeMap::new();
    for one in planned {
        *count.entry(one).or_default() += 1;
    }
    for one in seen {
        *count.entry(one).or_default() -= 1;
    }
    count
        .into_iter()
        .filter(|(_, left)| *left != 0)
        .map(|(one, left)| {
            let how = if left > 0 {
                "planned and not done"
            } else {
                "not planned"
            };
            format!("{what} {how}: {one}")
        })
        .collect()
}
