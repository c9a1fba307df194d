//! The report as a person reads it.

use super::{AuditReport, Item};
use crate::base::display_safe;
use std::fmt::Write as _;

/// How many of a list are named; the rest are counted.
const NAMED: usize = 20;

pub(super) fn render(report: &AuditReport) -> String {
    let mut text = String::new();
    let verdict = if report.clean {
        "clean: every message is where it must be, once and unchanged"
    } else {
        "NOT clean"
    };
    let _ = writeln!(text, "{verdict}\n");
    let _ = writeln!(
        text,
        "  {:<18} {:>7}",
        "messages before", report.messages_before
    );
    let _ = writeln!(
        text,
        "  {:<18} {:>7}",
        "messages after", report.messages_after
    );
    let _ = writeln!(text, "  {:<18} {:>7}", "users", report.users);
    for (name, items) in report.lists() {
        let _ = writeln!(text, "  {name:<18} {:>7}", items.len());
    }
    for (name, items) in report.lists() {
        if items.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{name}:");
        for item in items.iter().take(NAMED) {
            let _ = writeln!(text, "  {}", line(item));
        }
        if items.len() > NAMED {
            let _ = writeln!(
                text,
                "  … and {} more (--json has all)",
                items.len() - NAMED
            );
        }
    }
    text
}

fn line(item: &Item) -> String {
    let mut line = String::new();
    let mut add = |text: &str| {
        if !line.is_empty() {
            line.push_str("  ");
        }
        line.push_str(&display_safe(text));
    };
    if let Some(user) = &item.user {
        add(user);
    }
    if let Some(folder) = &item.folder {
        add(folder);
    }
    match (&item.message_id, &item.sha256) {
        (Some(id), _) => add(id),
        (None, Some(hash)) => add(&format!("sha256 {}…", hash.get(..12).unwrap_or(hash))),
        (None, None) => {}
    }
    match (&item.found_user, &item.found_folder) {
        (Some(user), Some(folder)) => add(&format!("is in {user}'s {folder}")),
        (Some(user), None) => add(&format!("is in {user}'s mailbox")),
        (None, Some(folder)) => add(&format!("is in {folder}")),
        (None, None) => {}
    }
    if let Some(reason) = &item.reason {
        add(reason);
    }
    if let Some(file) = &item.file {
        add(file);
    }
    line
}
