//! The audit of a really migrated lab: each kind of damage done to its files afterwards is named.

use super::by_hand::{HandLab, assert_clean};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The `.msg` files of the new store, below the lab's folder.
fn messages(lab: &Path) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "msg") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    let store = "hosts/mail/usr/iplanet/server5/msg-mail/store/partition";
    walk(&lab.join(store), &mut found);
    found.sort();
    found
}

/// The only item of the only list that has any.
#[track_caller]
fn the_one(audit: &Value, list: &str) -> Value {
    assert_eq!(audit["clean"], false);
    for other in [
        "missing",
        "duplicated",
        "altered",
        "misplaced",
        "unexpected",
        "unreachable_users",
        "held",
    ] {
        let expected = usize::from(other == list);
        assert_eq!(
            audit[other].as_array().unwrap().len(),
            expected,
            "{other}: {audit:#}"
        );
    }
    audit[list][0].clone()
}

#[test]
fn damage_done_to_a_migrated_store_is_named_for_what_it_is() {
    let lab = HandLab::new(3, 12);
    let done = lab.migrate("none");
    assert_clean(&done, &lab);
    let all = messages(&lab.path());
    // A message of its own content, so that no other can be taken for it.
    let ledger = lab.ledger();
    let unique = |user: &str| -> PathBuf {
        let home = format!("/={user}/");
        let once = |path: &PathBuf| {
            let bytes = fs::read(path).unwrap();
            all.iter().filter(|p| fs::read(p).unwrap() == bytes).count() == 1
        };
        let of_user = |p: &&PathBuf| p.to_str().unwrap().contains(&home);
        all.iter()
            .filter(of_user)
            .find(|p| once(p))
            .unwrap()
            .clone()
    };
    let (one, other) = (unique("+Anderson"), unique("+Kolander"));
    let bytes = fs::read(&one).unwrap();
    let next_to = |path: &Path| path.with_file_name("9999.msg");
    let below = |path: &Path| {
        path.strip_prefix(lab.path())
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };

    fs::remove_file(&one).unwrap();
    let item = the_one(&lab.audit(), "missing");
    assert_eq!(item["user"], "Anderson");
    assert!(
        ledger
            .iter()
            .any(|e| e["sha256"] == item["sha256"] && e["user"] == "Anderson")
    );

    let stray = next_to(&other);
    fs::write(&stray, &bytes).unwrap();
    let item = the_one(&lab.audit(), "misplaced");
    assert_eq!(item["user"], "Anderson");
    assert_eq!(item["found_user"], "Kolander");
    assert_eq!(item["file"], below(&stray));
    fs::remove_file(&stray).unwrap();

    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    fs::write(&one, flipped).unwrap();
    let item = the_one(&lab.audit(), "altered");
    assert_eq!(item["user"], "Anderson");
    assert_eq!(item["file"], below(&one));
    fs::write(&one, &bytes).unwrap();

    fs::write(next_to(&one), &bytes).unwrap();
    let item = the_one(&lab.audit(), "duplicated");
    assert_eq!(item["file"], below(&next_to(&one)));

    fs::write(
        next_to(&one),
        "Message-ID: <planted@example.com>\r\n\r\nnot of here\r\n",
    )
    .unwrap();
    let item = the_one(&lab.audit(), "unexpected");
    assert_eq!(item["message_id"], "<planted@example.com>");
    fs::remove_file(next_to(&one)).unwrap();

    let queue = lab
        .path()
        .join("hosts/mail/usr/iplanet/server5/msg-mail/imta/queue/hold");
    fs::create_dir_all(&queue).unwrap();
    fs::write(queue.join("ZZ0F7O00I03CILY6.HELD"), "kept back\n").unwrap();
    let item = the_one(&lab.audit(), "held");
    let file = item["file"].as_str().unwrap();
    assert!(file.ends_with("hold/ZZ0F7O00I03CILY6.HELD"), "{file}");
    fs::remove_dir_all(queue).unwrap();

    assert_eq!(lab.audit()["clean"], true);
}

#[test]
fn a_lab_that_was_not_migrated_is_not_clean_and_one_that_is_none_is_refused() {
    let lab = HandLab::new(2, 13);
    let audit = lab.audit();
    assert_eq!(audit["clean"], false);
    assert_eq!(audit["messages_after"], 0);
    assert_eq!(
        audit["missing"].as_array().unwrap().len(),
        lab.ledger().len()
    );
    let refused = Command::new(env!("CARGO_BIN_EXE_imsmigrate"))
        .args(["lab", "audit"])
        .arg(lab.path().join("hosts"))
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("is not a lab"), "{said}");
    assert!(refused.stdout.is_empty());
}
