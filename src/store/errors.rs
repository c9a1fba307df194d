//! Lines of a restore's standard error that speak of trouble, and whose trouble it is.
//!
//! For a person to read and to know where to look; whether all went well is told by the mailboxes.

use super::inventory::Inventory;
use std::collections::BTreeSet;

/// A line that speaks of trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorLine {
    /// Whom it names; none when it names nobody that is known.
    pub user: Option<String>,
    /// The line.
    pub line: String,
}

/// Words that vendors' tools complain with.
const WORDS: &[&str] = &[
    "error",
    "fail",
    "cannot",
    "can't",
    "unable",
    "invalid",
    "corrupt",
    "denied",
    "no space",
    "continue?",
    "unknown user",
    "no such",
];

/// At most as many lines are returned; the rest says the same.
const MOST: usize = 1000;

/// Finds the lines of `text` that speak of trouble.
///
/// `users` are the ids in question; a line that names one (as `user/ID/…` or as a word) is theirs.
/// The folder names in `known` are taken off first, so that a folder called `Errors` is none.
pub fn error_lines(
    text: &str,
    users: &BTreeSet<&str>,
    known: Option<&Inventory>,
) -> Vec<ErrorLine> {
    let mut found = Vec::new();
    for line in text.lines() {
        let user = named(line, users);
        let rest = match (user, known) {
            (Some(user), Some(known)) => without_folder(line, user, known),
            _ => line.to_owned(),
        };
        let lower = rest.to_lowercase();
        if WORDS.iter().any(|word| lower.contains(word)) {
            found.push(ErrorLine {
                user: user.map(str::to_owned),
                line: line.chars().take(500).collect(),
            });
        }
        if found.len() >= MOST {
            break;
        }
    }
    found
}

fn named<'a>(line: &str, users: &BTreeSet<&'a str>) -> Option<&'a str> {
    if let Some((_, after)) = line.split_once("user/") {
        let id = after.split('/').next().unwrap_or(after);
        let id = id.trim_end_matches([':', ',', '\'', '"', '`']);
        let id = id.split_whitespace().next().unwrap_or(id);
        if let Some(user) = users.get(id) {
            return Some(user);
        }
    }
    let part = |c: char| !(c.is_alphanumeric() || "@._-+".contains(c));
    line.split(part)
        .map(|word| word.trim_end_matches('.'))
        .find_map(|word| users.get(word).copied())
}

fn without_folder(line: &str, user: &str, known: &Inventory) -> String {
    let folders = known.folders(user).into_iter().flatten();
    let mut best = "";
    let names: Vec<String> = folders.map(|(f, _)| format!("user/{user}/{f}")).collect();
    for name in &names {
        if name.len() > best.len() && line.contains(name.as_str()) {
            best = name;
        }
    }
    if best.is_empty() {
        line.to_owned()
    } else {
        line.replacen(best, " ", 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Count, FolderName};
    use proptest::prelude::*;

    #[test]
    fn trouble_is_found_and_goes_to_whom_it_names() {
        let users = BTreeSet::from(["joe", "Anderson", "lee@hosted.com"]);
        let mut known = Inventory::default();
        known.add("joe", FolderName::new("Errors/2001"), Count::new(1, 1));
        let text = "Restoring user/joe/INBOX\n\
                    Restoring user/joe/Errors/2001\n\
                    user/Anderson/INBOX: No space left on device\n\
                    imbackup: unknown user: lee@hosted.com.\n\
                    FATAL ERROR in header\n";
        let found = error_lines(text, &users, Some(&known));
        let whom: Vec<_> = found.iter().map(|e| e.user.as_deref()).collect();
        assert_eq!(whom, [Some("Anderson"), Some("lee@hosted.com"), None]);
        assert_eq!(error_lines(text, &users, None).len(), 4);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(user/|error|\\PC){0,60}\n?") {
            let users = BTreeSet::from(["joe", ""]);
            for line in error_lines(&text, &users, None) {
                prop_assert!(text.contains(&line.line));
            }
        }
    }
}
