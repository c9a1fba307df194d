//! The guide's off-line procedure typed by hand (`tests/by-hand.sh`): clean; and with one of its
//! warnings ignored, the audit names exactly the damage that the guide warns of.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_imsmigrate");

/// The lists of an audit, all empty when it is clean.
const LISTS: &[&str] = &[
    "missing",
    "duplicated",
    "altered",
    "misplaced",
    "unexpected",
    "unreachable_users",
    "held",
    "unreadable",
];

/// A lab of its own, stopped when the test is over.
pub(crate) struct HandLab {
    folder: TempDir,
}

impl HandLab {
    pub(crate) fn new(users: u32, seed: u32) -> Self {
        let lab = Self {
            folder: TempDir::new().unwrap(),
        };
        let made = lab
            .command(Path::new(BINARY))
            .args(["lab", "create"])
            .arg(lab.path())
            .args(["--users", &users.to_string(), "--seed", &seed.to_string()])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", shown(&made));
        lab
    }

    /// A command that remembers labs in this test's own folder, not in the person's.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("IMSMIGRATE_STATE_DIR", self.folder.path().join("state"));
        command
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("lab")
    }

    /// Runs the whole procedure with one of the warnings ignored, or none.
    pub(crate) fn migrate(&self, damage: &str) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/by-hand.sh");
        self.command(&script)
            .arg(BINARY)
            .arg(self.path())
            .arg(damage)
            .output()
            .unwrap()
    }

    pub(crate) fn audit(&self) -> Value {
        let audit = self
            .command(Path::new(BINARY))
            .args(["lab", "audit", "--json"])
            .arg(self.path())
            .output()
            .unwrap();
        assert!(
            matches!(audit.status.code(), Some(0 | 6)),
            "{}",
            shown(&audit)
        );
        serde_json::from_slice(&audit.stdout).unwrap_or_else(|e| panic!("{e}: {}", shown(&audit)))
    }

    pub(crate) fn ledger(&self) -> Vec<Value> {
        fs::read_to_string(self.path().join("ledger.jsonl"))
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Drop for HandLab {
    fn drop(&mut self) {
        let _ = self
            .command(Path::new(BINARY))
            .args(["lab", "stop"])
            .arg(self.path())
            .output();
    }
}

pub(crate) fn shown(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A message as its owner, folder and content.
fn key(item: &Value) -> (String, String, String) {
    let text = |field: &str| item[field].as_str().unwrap_or_default().to_owned();
    (text("user"), text("folder"), text("sha256"))
}

fn keys<'a>(items: impl IntoIterator<Item = &'a Value>) -> Vec<(String, String, String)> {
    let mut keys: Vec<_> = items.into_iter().map(key).collect();
    keys.sort();
    keys
}

/// Asserts that the audit is not clean and that only these of its lists have something in them.
#[track_caller]
fn only(audit: &Value, named: &[&str]) {
    assert_eq!(audit["clean"], false, "{audit:#}");
    for list in LISTS {
        let empty = audit[list].as_array().unwrap().is_empty();
        assert_eq!(empty, !named.contains(list), "{list}: {audit:#}");
    }
}

#[track_caller]
fn clean(done: &Output, lab: &HandLab) {
    assert!(done.status.success(), "{}", shown(done));
    let audit = lab.audit();
    assert_eq!(audit["clean"], true, "{audit:#}\n{}", shown(done));
    for list in LISTS {
        assert_eq!(audit[list], serde_json::json!([]), "{list}");
    }
    assert_eq!(audit["messages_before"], audit["messages_after"]);
    assert_eq!(audit["messages_before"], lab.ledger().len());
}

#[test]
fn the_guide_followed_by_hand_ends_clean() {
    let lab = HandLab::new(24, 2);
    let done = lab.migrate("none");
    clean(&done, &lab);
    let from: BTreeSet<String> = lab
        .ledger()
        .iter()
        .map(|e| e["from"].as_str().unwrap().to_owned())
        .collect();
    assert!(from.contains("queue") && from.contains("store"), "{from:?}");
}

#[test]
fn without_the_rename_map_the_mail_of_uppercase_uids_is_misplaced_and_never_reachable() {
    let lab = HandLab::new(6, 3);
    let done = lab.migrate("no-rename-map");
    assert_eq!(done.status.code(), Some(6), "{}", shown(&done));
    let audit = lab.audit();
    only(&audit, &["misplaced", "unreachable_users"]);
    let ledger = lab.ledger();
    let uppercase = |e: &&Value| e["user"].as_str().unwrap().contains(char::is_uppercase);
    let misplaced = audit["misplaced"].as_array().unwrap();
    assert_eq!(keys(misplaced), keys(ledger.iter().filter(uppercase)));
    for item in misplaced {
        let user = item["user"].as_str().unwrap().to_lowercase();
        assert_eq!(item["found_user"].as_str(), Some(user.as_str()));
    }
    let unreachable: Vec<_> = audit["unreachable_users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["user"].as_str().unwrap())
        .collect();
    assert_eq!(unreachable, ["Anderson", "Kolander"]);
}

#[test]
fn a_restore_run_twice_doubles_every_message_and_nothing_else() {
    let lab = HandLab::new(4, 4);
    let done = lab.migrate("restore-twice");
    assert_eq!(done.status.code(), Some(6), "{}", shown(&done));
    let audit = lab.audit();
    only(&audit, &["duplicated"]);
    let plain = |keys: Vec<(String, String, String)>| {
        let mut users: Vec<_> = keys.into_iter().map(|(u, _, hash)| (u, hash)).collect();
        users.sort();
        users
    };
    let doubled = audit["duplicated"].as_array().unwrap();
    assert_eq!(plain(keys(doubled)), plain(keys(&lab.ledger())));
    for item in doubled {
        let folder = item["folder"].as_str().unwrap();
        let date: Vec<_> = folder.rsplitn(3, '.').take(2).collect();
        let six = |s: &&str| s.len() == 6 && s.bytes().all(|b| b.is_ascii_digit());
        assert!(date.len() == 2 && date.iter().all(six), "{folder}");
    }
}

#[test]
fn mail_left_in_the_old_queue_is_missing_and_held() {
    let lab = HandLab::new(4, 5);
    let done = lab.migrate("queue-not-drained");
    assert_eq!(done.status.code(), Some(6), "{}", shown(&done));
    let audit = lab.audit();
    only(&audit, &["missing", "held"]);
    let missing = audit["missing"].as_array().unwrap();
    let sent = missing
        .iter()
        .filter(|i| i["message_id"] == "<not-drained@by-hand.example.com>")
        .count();
    assert_eq!(sent, 1, "{audit:#}");
    let ids = |items: &Value| -> BTreeSet<String> {
        items
            .as_array()
            .unwrap()
            .iter()
            .map(|i| i["message_id"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(ids(&audit["missing"]), ids(&audit["held"]), "{audit:#}");
    for item in missing {
        assert!(matches!(item["from"].as_str(), Some("queue" | "traffic")));
    }
    for item in audit["held"].as_array().unwrap() {
        let file = item["file"].as_str().unwrap();
        assert!(
            file.starts_with("hosts/mail/var/opt/SUNWmail/imta/queue/"),
            "{file}"
        );
    }
}

#[test]
fn with_synclevel_left_at_zero_a_power_cut_loses_the_mail_that_was_taken() {
    let lab = HandLab::new(4, 6);
    let done = lab.migrate("synclevel-zero");
    assert_eq!(done.status.code(), Some(6), "{}", shown(&done));
    let audit = lab.audit();
    only(&audit, &["missing"]);
    let missing = audit["missing"].as_array().unwrap();
    assert_eq!(missing.len(), 1, "{audit:#}");
    assert_eq!(
        missing[0]["message_id"],
        "<taken-before-the-cut@by-hand.example.com>"
    );
    assert_eq!(missing[0]["from"], "traffic");
}

#[test]
fn with_synclevel_set_back_a_power_cut_loses_nothing() {
    let lab = HandLab::new(4, 6);
    let done = lab.migrate("power-cut");
    clean(&done, &lab);
    let taken = lab
        .ledger()
        .iter()
        .filter(|e| e["from"] == "traffic")
        .count();
    assert_eq!(taken, 1);
}

#[test]
fn the_way_over_tape_ends_clean() {
    let lab = HandLab::new(8, 7);
    let done = lab.migrate("tape");
    clean(&done, &lab);
}

/// Used by the test with the other wordings.
#[track_caller]
pub(crate) fn assert_clean(done: &Output, lab: &HandLab) {
    clean(done, lab);
}
