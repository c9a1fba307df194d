//! One sentence for what an action does, and the command it runs. Pure.

use super::fill::Filler;
use crate::scenario::action::{Draft, Edit, Entries, ServiceState, Source};
use crate::scenario::names::secret_title;
use crate::scenario::{Action, Role};

/// What people call a service.
pub fn service_title(service: &str) -> &str {
    match service {
        "sims-dispatcher" => "the dispatcher of SIMS",
        "sims" => "SIMS",
        "nms-smtp" => "the old SMTP server",
        "nms" => "Netscape Messaging Server",
        "slapd" => "the directory server",
        "ims" => "the new server",
        "ims-store" => "the new message store",
        other => other,
    }
}

/// The last part of a command's path.
fn tool(argv: &[String]) -> &str {
    argv.first()
        .and_then(|word| word.rsplit('/').next())
        .unwrap_or("a command")
}

/// Says what putting an action back does.
pub fn put_back(action: &Action, fill: &Filler<'_>) -> String {
    let text = |text: &str| fill.shown(text);
    match action {
        Action::SetConfig(a) => format!("Set {} back to what it was", a.parameter),
        Action::MergeSchema(_) => {
            "Remove the definitions that were added from the directory's schema".to_owned()
        }
        Action::UpgradeEntries(a) => format!(
            "Give the entries below {} back what they were, except where somebody else has \
             changed them since",
            text(&a.base_dn)
        ),
        Action::SetAttributes(a) => format!(
            "Give the entries below {} back the values they had, except where somebody else has \
             changed them since",
            text(&a.base_dn)
        ),
        Action::ApplyLdif(a) => format!("Take the changes of {} back", text(&a.file)),
        Action::EditFile(a) => format!("Put {} back as it was", text(&a.path)),
        Action::TransferMailboxes(a) => match a.from {
            Source::Store => "See that the old store still holds everything and that no new mail \
                              has come in, then remove the mailboxes from the new store"
                .to_owned(),
            Source::Tape => "See that no new mail has come in, then remove the mailboxes from the \
                             new store"
                .to_owned(),
        },
        Action::BackupDirectory(a) => format!("Remove {}", text(&a.file)),
        Action::DraftLdif(a) => format!("Remove {}", text(&a.file)),
        Action::CopyFile(a) => format!("Remove the copy {}", text(&a.to)),
        Action::Link(a) => format!("Remove the link {}", text(&a.path)),
        Action::RemoveDir(a) => format!("Make the empty folder {} again", text(&a.path)),
        Action::Owner(a) => format!("Give {} back to who had it", text(&a.path)),
        Action::Run(a) => match &a.stdout_to {
            Some(file) => format!("Remove {}", text(file)),
            None => String::new(),
        },
        other => what(other, fill),
    }
}

/// Says what an action does.
pub fn what(action: &Action, fill: &Filler<'_>) -> String {
    let text = |text: &str| fill.shown(text);
    match action {
        Action::Run(a) => match &a.stdout_to {
            Some(file) => format!(
                "Run {} and keep what it writes in {}",
                tool(&fill.shown_list(&a.argv)),
                text(file)
            ),
            None => format!("Run {}", tool(&fill.shown_list(&a.argv))),
        },
        Action::SetConfig(a) => match (&a.value, &a.secret) {
            (Some(value), _) => format!("Set {} to {} and read it back", a.parameter, text(value)),
            (None, Some(secret)) => format!(
                "Set {} to the {}, from a 0600 file that is removed at once, and compare it",
                a.parameter,
                secret_title(secret).unwrap_or("secret")
            ),
            (None, None) => format!("Set {}", a.parameter),
        },
        Action::Service(a) => {
            let verb = match a.state {
                ServiceState::Started => "Start",
                ServiceState::Stopped => "Stop",
                ServiceState::Restarted => "Restart",
            };
            format!("{verb} {} and see that it is so", service_title(&a.service))
        }
        Action::MergeSchema(_) => {
            "Add the definitions that are missing to the directory's schema, over cn=schema"
                .to_owned()
        }
        Action::UpgradeEntries(a) => {
            let entries = match a.entries {
                Entries::Domains => "domain entries",
                Entries::UsersAndGroups => "user and group entries",
            };
            let which = match &a.filter {
                Some(filter) => format!(" that match {}", text(filter)),
                None => String::new(),
            };
            let set = match a.set.as_slice() {
                [] => String::new(),
                set => format!(", with {}", pairs(set, fill)),
            };
            format!(
                "Upgrade the {entries} below {}{which}{set}, keeping each as it was",
                text(&a.base_dn)
            )
        }
        Action::SetAttributes(a) => format!(
            "Set {} on the entries below {} that match {}{}, keeping what was there",
            pairs(&a.set, fill),
            text(&a.base_dn),
            text(&a.filter),
            match &a.instead_of {
                Some(value) => format!(", where it is {}", text(value)),
                None => String::new(),
            }
        ),
        Action::TransferMailboxes(a) => match a.from {
            Source::Store if a.live => "Stream the mailboxes from the old store into the new one, \
                                        which is in use, in sessions"
                .to_owned(),
            Source::Store => {
                "Stream the mailboxes from the old store into the new one, in sessions".to_owned()
            }
            Source::Tape => "Restore the mailboxes from the tape into the new store".to_owned(),
        },
        Action::BackupDirectory(a) => {
            format!(
                "Export the directory to {} and see that it is whole",
                text(&a.file)
            )
        }
        Action::EditFile(a) => match a.what {
            Edit::RelayNetworks => {
                let networks = fill.shown_list(&a.values);
                if networks.is_empty() {
                    format!("Add no INTERNAL_IP line to {}", text(&a.path))
                } else {
                    format!(
                        "Add an INTERNAL_IP line for each of {} to {}",
                        networks.join(", "),
                        text(&a.path)
                    )
                }
            }
        },
        Action::CopyFile(a) => format!("Copy {} to {}", text(&a.from), text(&a.to)),
        Action::Link(a) => format!("Make {} a link to {}", text(&a.path), text(&a.target)),
        Action::RemoveDir(a) if a.empty => format!("Remove the empty folder {}", text(&a.path)),
        Action::DraftLdif(a) => {
            let what = match a.what {
                Draft::VanityDomains => "what users with the mail of a whole domain need",
                Draft::DomainNodes => "the nodes of the domain tree",
            };
            format!("Draft {what} in {}", text(&a.file))
        }
        Action::RemoveDir(a) => format!("Remove {} and everything in it", text(&a.path)),
        Action::Owner(a) => format!(
            "Give {} and everything in it to {}",
            text(&a.path),
            text(&a.owner)
        ),
        Action::ApplyLdif(a) => format!(
            "Apply {} to the directory, as long as every change is below {}",
            text(&a.file),
            text(&a.base_dn)
        ),
        Action::Instruct(a) => a
            .text
            .iter()
            .map(|line| text(line))
            .collect::<Vec<_>>()
            .join(" "),
        Action::Notify(a) => format!(
            "Draft a message to {}: {}",
            text(&a.recipients),
            text(&a.subject)
        ),
        Action::PutBack(a) => format!("Put back what action {} changed", a.action),
        Action::WaitFor(a) => format!(
            "Wait until {} is ok, looking every {} s",
            a.check, a.every_seconds
        ),
    }
}

/// `attribute:value` pairs, as people write them.
fn pairs(set: &[String], fill: &Filler<'_>) -> String {
    let each: Vec<String> = set
        .iter()
        .map(|pair| match pair.split_once(':') {
            Some((name, value)) => format!("{name} = {}", fill.shown(value)),
            None => fill.shown(pair),
        })
        .collect();
    each.join("; ")
}

/// Returns the command an action runs, shown; a pipeline has `|` as an element of its own.
pub fn argv(action: &Action, role: Role, fill: &Filler<'_>) -> Option<Vec<String>> {
    match action {
        Action::Run(a) => Some(fill.shown_list(&a.argv)),
        Action::Service(a) => Some(fill.shown_list(&a.argv)),
        Action::BackupDirectory(a) => Some(fill.shown_list(&a.argv)),
        Action::SetConfig(a) => {
            let tool = match role {
                Role::Old => fill.shown("{old.instance_root}/configutil"),
                Role::New | Role::Directory => fill.shown("{new.instance_root}/configutil"),
            };
            Some(match &a.value {
                Some(value) => vec![
                    tool,
                    "-o".into(),
                    a.parameter.clone(),
                    "-v".into(),
                    fill.shown(value),
                ],
                None => vec![tool, "-i".into(), fill.shown("{secret_file}")],
            })
        }
        Action::TransferMailboxes(a) => {
            let restore = fill.shown_list(&a.restore);
            Some(match &a.backup {
                Some(backup) => {
                    let mut line = fill.shown_list(backup);
                    line.push("|".to_owned());
                    line.extend(restore);
                    line
                }
                None => restore,
            })
        }
        Action::ApplyLdif(a) => a.generate.as_ref().map(|argv| fill.shown_list(argv)),
        Action::CopyFile(a) => Some(fill.shown_list(&words(&["cp", "-p", &a.from, &a.to]))),
        Action::Link(a) => Some(fill.shown_list(&words(&["ln", "-s", &a.target, &a.path]))),
        Action::Owner(a) => Some(fill.shown_list(&words(&["chown", "-R", &a.owner, &a.path]))),
        Action::RemoveDir(a) if a.empty => Some(fill.shown_list(&words(&["rmdir", &a.path]))),
        Action::Instruct(a) => a.argv.as_ref().map(|argv| fill.shown_list(argv)),
        _ => None,
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

/// Returns the guide's command, shown; none where the guide has none.
pub fn guide_argv(action: &Action, fill: &Filler<'_>) -> Option<Vec<String>> {
    let given = match action {
        Action::Run(a) => Some(a.guide_argv.as_ref().unwrap_or(&a.argv)),
        Action::Service(a) => Some(a.guide_argv.as_ref().unwrap_or(&a.argv)),
        Action::BackupDirectory(a) => Some(a.guide_argv.as_ref().unwrap_or(&a.argv)),
        Action::SetConfig(a) => {
            let Some(given) = &a.guide_argv else {
                let value = match (&a.value, &a.secret) {
                    (Some(value), _) => fill.shown(value),
                    (None, secret) => {
                        fill.shown(&format!("{{secret.{}}}", secret.as_deref().unwrap_or("")))
                    }
                };
                return Some(vec![
                    "configutil".into(),
                    "-o".into(),
                    a.parameter.clone(),
                    "-v".into(),
                    value,
                ]);
            };
            Some(given)
        }
        Action::MergeSchema(a) => Some(&a.guide_argv),
        Action::UpgradeEntries(a) => Some(&a.guide_argv),
        Action::SetAttributes(a) => Some(&a.guide_argv),
        Action::TransferMailboxes(a) => Some(&a.guide_argv),
        Action::ApplyLdif(a) => Some(&a.guide_argv),
        Action::CopyFile(a) => a.guide_argv.as_ref(),
        Action::Link(a) => a.guide_argv.as_ref(),
        Action::RemoveDir(a) => a.guide_argv.as_ref(),
        Action::Owner(a) => a.guide_argv.as_ref(),
        Action::Instruct(a) => a.guide_argv.as_ref(),
        Action::WaitFor(a) => a.guide_argv.as_ref(),
        Action::EditFile(_) | Action::DraftLdif(_) | Action::Notify(_) | Action::PutBack(_) => None,
    };
    given
        .filter(|argv| !argv.is_empty())
        .map(|argv| fill.shown_list(argv))
}
