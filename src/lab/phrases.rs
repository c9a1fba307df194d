//! Every confirmation sentence that a stand-in prints, in two wordings.
//!
//! Nobody may depend on a wording: with `other-sentences = true` in `drills.toml` the second one is
//! used, and the migration has to come out the same. Errors and data (tables, LDIF, counts) are not
//! here: their shapes are documented ones.

use super::world::Lab;

/// The drill that changes the wording.
pub const DRILL: &str = "other-sentences";
/// The file that holds the drills of a lab.
const DRILLS_FILE: &str = "drills.toml";

/// Key, usual wording, other wording; `{0}`, `{1}`, … are the arguments.
const PHRASES: &[(&str, &str, &str)] = &[
    ("db2ldif-file", "ldiffile: {0}", "Exported to {0}"),
    (
        "db2ldif-count",
        "{0} entries exported.",
        "Done. Number of records: {0}",
    ),
    ("ldapmodify-add", "adding new entry {0}", "{0}: is added"),
    ("ldapmodify-delete", "deleting entry {0}", "{0}: is deleted"),
    (
        "ldapmodify-modify",
        "modifying entry {0}",
        "{0}: is modified",
    ),
    (
        "ldapmodify-rename",
        "modifying RDN of entry {0}",
        "{0}: is renamed",
    ),
    (
        "imbackup-done",
        "Backup complete: {0} users, {1} messages, {2} bytes",
        "{0} users with {1} messages saved ({2} bytes)",
    ),
    (
        "imbackup-would",
        "Simulation: {0} users, {1} messages, {2} bytes",
        "Nothing written; it would be {0} users with {1} messages ({2} bytes)",
    ),
    (
        "imsdirmig-done",
        "{0} entries processed, {1} modified, {2} errors",
        "Migration finished: {1} of {0} entries changed, errors: {2}",
    ),
    (
        "imsrestore-mailbox",
        "Restoring mailbox user/{0}/{1}",
        "user/{0}/{1} is next",
    ),
    (
        "imsrestore-message",
        "Restored message of {2} bytes to user/{0}/{1}",
        "user/{0}/{1}: {2} bytes added",
    ),
    (
        "imsrestore-present",
        "Message of {2} bytes exists in user/{0}/{1}",
        "user/{0}/{1}: {2} bytes left as they are",
    ),
    ("mta-not-running", "{0} is not running", "No {0} to stop."),
    (
        "mta-running",
        "{0} is already running",
        "There is a {0} already.",
    ),
    ("mta-started", "{0} started", "The {0} is up."),
    ("mta-stopped", "{0} stopped", "The {0} is down."),
    ("sims-starting", "starting {0}", "{0}: up"),
    ("sims-stopping", "stopping {0}", "{0}: down"),
    ("configutil-set", "OK SET", "Value accepted"),
    (
        "msg-not-running",
        "{0} server is not running",
        "Nothing to stop: {0}",
    ),
    (
        "msg-running",
        "{0} server is already running",
        "There already: {0}",
    ),
    (
        "msg-starting",
        "Starting {0} server .... {1}",
        "{0}: up as process {1}",
    ),
    (
        "msg-stopping",
        "Stopping {0} server {1} .... done",
        "{0}: process {1} has ended",
    ),
    (
        "msg-store-ready",
        "checking store server status ... ready",
        "the store answers",
    ),
    (
        "setup-installed",
        "Installation complete. Starting the servers.",
        "Everything is on disk; now it is brought up.",
    ),
    (
        "stored-behind",
        "stored: running, checkpoint overdue",
        "The store is late.",
    ),
    (
        "stored-down",
        "stored: not running",
        "There is no store server.",
    ),
    ("stored-ready", "stored: running", "The store is served."),
    (
        "uninstalled",
        "Everything was removed.",
        "The servers and their files are gone.",
    ),
];

/// Returns the sentence `key` with its arguments filled in; a key that is not in the table comes
/// back as it is.
pub fn say(lab: &Lab, key: &str, args: &[&str]) -> String {
    wording(other_wording(lab), key, args)
}

/// Returns whether the lab uses the other wording.
fn other_wording(lab: &Lab) -> bool {
    std::fs::read_to_string(lab.dir.join(DRILLS_FILE))
        .ok()
        .and_then(|text| text.parse::<toml::Table>().ok())
        .and_then(|drills| drills.get(DRILL).and_then(toml::Value::as_bool))
        .unwrap_or(false)
}

fn wording(other: bool, key: &str, args: &[&str]) -> String {
    let Some((_, usual, second)) = PHRASES.iter().find(|(name, _, _)| *name == key) else {
        return key.to_owned();
    };
    let mut text = (if other { second } else { usual }).to_string();
    for (n, arg) in args.iter().enumerate() {
        text = text.replace(&format!("{{{n}}}"), arg);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{PHRASES, wording};
    use std::collections::BTreeSet;

    #[test]
    fn arguments_are_filled_in() {
        assert_eq!(wording(false, "db2ldif-file", &["/a/b"]), "ldiffile: /a/b");
        assert_eq!(wording(true, "db2ldif-file", &["/a/b"]), "Exported to /a/b");
    }

    #[test]
    fn every_sentence_has_two_different_wordings_and_a_key_of_its_own() {
        let keys: BTreeSet<_> = PHRASES.iter().map(|(key, _, _)| key).collect();
        assert_eq!(keys.len(), PHRASES.len());
        for (key, usual, other) in PHRASES {
            assert_ne!(usual, other, "{key}");
        }
    }
}
