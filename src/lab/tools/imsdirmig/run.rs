//! Entry after entry through the rules; stops at the first error, or counts them with `-c`.

use super::options::{Settings, Work};
use super::rules::{Kind, applied, assign, upgrade};
use crate::base::display_safe;
use crate::lab::ldap::entry::Entry;
use crate::lab::ldap::ldif::{Mod, ModKind};
use crate::lab::tools::directory::Directory;
use std::fmt::Write as _;

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Entries that were looked at.
    pub entries: usize,
    /// Entries that were changed, or would have been with `-n`.
    pub changed: usize,
    /// What went wrong, a line each.
    pub errors: Vec<String>,
    /// What was done, for the log of `-f` and the output of `-n`.
    pub log: String,
}

/// Runs over all entries of the chosen kinds.
pub fn migrate(settings: &Settings, directory: &mut dyn Directory) -> Outcome {
    let mut outcome = Outcome::default();
    for kind in &settings.kinds {
        let entries = match directory.find(&settings.base, &settings.filter_for(*kind)) {
            Ok(entries) => entries,
            Err(e) => {
                outcome.errors.push(format!("ldap_search: {e}"));
                return outcome;
            }
        };
        for entry in entries {
            outcome.entries += 1;
            if let Err(e) = one(settings, *kind, &entry, directory, &mut outcome) {
                let line = format!("{}: {e}", display_safe(&entry.dn));
                let _ = writeln!(outcome.log, "error: {line}");
                outcome.errors.push(line);
                if !settings.go_on {
                    return outcome;
                }
            }
        }
    }
    outcome
}

fn one(
    settings: &Settings,
    kind: Kind,
    entry: &Entry,
    directory: &mut dyn Directory,
    outcome: &mut Outcome,
) -> Result<(), String> {
    let mut mods = match settings.work {
        Work::Rules => upgrade(settings.source, kind, entry).map_err(|e| e.to_string())?,
        Work::PairsOnly => Vec::new(),
    };
    let upgraded = applied(entry, &mods);
    mods.extend(assign(&upgraded, &settings.pairs, settings.add));
    if mods.is_empty() {
        let _ = writeln!(outcome.log, "{}: unchanged", display_safe(&entry.dn));
        return Ok(());
    }
    if !settings.dry {
        directory
            .modify(&entry.dn, &mods)
            .map_err(|e| format!("ldap_modify: {e}"))?;
    }
    outcome.changed += 1;
    let _ = writeln!(outcome.log, "{}:{}", display_safe(&entry.dn), short(&mods));
    Ok(())
}

fn short(mods: &[Mod]) -> String {
    let mut text = String::new();
    for change in mods {
        let sign = match change.kind {
            ModKind::Add => '+',
            ModKind::Delete => '-',
            ModKind::Replace => '=',
        };
        let _ = write!(text, " {sign}{}", display_safe(&change.attribute));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tools::directory::fake::Fake;

    fn fake(refuses: &'static str) -> Fake {
        let mut fake = Fake {
            refuses,
            ..Fake::default()
        };
        for dn in ["uid=a,o=x", "uid=b,o=x", "uid=c,o=x"] {
            fake.add(dn, &["objectClass: inetMailUser"]);
        }
        fake.add("cn=list,o=x", &["objectClass: inetMailGroup"]);
        fake
    }

    fn settings(more: &str) -> Settings {
        let line = format!("-M sims -b o=x -D cn=d -w s {more}");
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Settings::read(&words, &|_| Err(String::new())).unwrap()
    }

    fn upgraded(fake: &Fake) -> usize {
        let is = |e: &&Entry| e.is_a("inetLocalMailRecipient");
        fake.entries.iter().filter(is).count()
    }

    #[test]
    fn users_and_lists_are_upgraded_and_a_second_run_changes_nothing() {
        let mut directory = fake("");
        let outcome = migrate(&settings("-m both"), &mut directory);
        assert_eq!((outcome.entries, outcome.changed), (4, 4));
        assert_eq!(upgraded(&directory), 4);
        assert_eq!(migrate(&settings("-m both"), &mut directory).changed, 0);
    }

    #[test]
    fn the_first_error_stops_the_run_and_leaves_half_a_directory() {
        let mut directory = fake("uid=b,o=x");
        let outcome = migrate(&settings(""), &mut directory);
        assert_eq!(upgraded(&directory), 1);
        assert!(outcome.errors[0].contains("uid=b,o=x: ldap_modify: Object class violation"));
        let mut directory = fake("uid=b,o=x");
        assert_eq!(migrate(&settings("-c"), &mut directory).errors.len(), 1);
        assert_eq!(upgraded(&directory), 3);
    }

    #[test]
    fn a_dry_run_changes_nothing_and_o_leaves_the_rules_out() {
        let mut directory = fake("");
        let dry = migrate(&settings("-n"), &mut directory);
        assert_eq!((dry.changed, upgraded(&directory)), (4, 0));
        migrate(&settings("-O -A mailhost:new"), &mut directory);
        assert_eq!(upgraded(&directory), 0);
        assert_eq!(directory.entries[3].first("mailHost"), Some("new"));
    }
}
