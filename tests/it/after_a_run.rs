//! `report` and `verify`: what a finished run can be held to.

use super::place::{Place, talk};
use serde_json::Value;
use std::path::PathBuf;

#[test]
fn a_finished_run_can_be_told_and_verified_and_what_was_changed_since_is_found() {
    let place = Place::new();
    let output = place.practice(&["--users", "3", "--seed", "31"]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let run = place.the_run();
    let id = run["id"].as_str().unwrap();

    let told = place.run(&["report", id, "--format", "json"]);
    assert_eq!(told.status.code(), Some(0), "{}", talk(&told));
    let report: Value = serde_json::from_slice(&told.stdout).unwrap();
    // Two folders of one of the three become one name, which is said.
    assert_eq!(report["outcome"], "warning");
    let step = |id: &str| {
        let all = report["steps"].as_array().unwrap();
        all.iter().find(|s| s["id"] == id).unwrap().clone()
    };
    let stop = step("stop-sims");
    assert_eq!(stop["confirmations"][0]["text"], "mail.siroe.com");
    assert!(stop["ended"].is_string());
    assert!(
        !step("merge-schema")["corrections"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let moved = step("move-mailboxes").to_string();
    assert!(
        moved.contains("imbackup -f- -u") && moved.contains("Anderson"),
        "{moved}"
    );
    let text = report["evidence"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("practice: the lab in"), "{text}");
    let inventory = report["artifacts"].as_array().unwrap();
    let inventory = inventory
        .iter()
        .find(|a| a["name"] == "inventory.json")
        .unwrap();
    assert_eq!(inventory["sha256"].as_str().unwrap().len(), 64);

    let page = place.dir.path().join("run.html");
    let written = place.run(&[
        "report",
        "--format",
        "html",
        "--output",
        page.to_str().unwrap(),
    ]);
    assert_eq!(written.status.code(), Some(0), "{}", talk(&written));
    let page = std::fs::read_to_string(page).unwrap();
    assert!(
        page.starts_with("<!DOCTYPE html>") && page.contains("PRACTICE"),
        "{page}"
    );

    let whole = place.run(&["verify", id]);
    assert_eq!(whole.status.code(), Some(0), "{}", talk(&whole));

    // A mailbox that has gone since.
    let tree = place
        .lab()
        .join("hosts/mail/usr/iplanet/server5/msg-mail/store/partition/primary");
    let gone = place.run(&[
        "lab",
        "exec",
        place.lab().to_str().unwrap(),
        "mail",
        "/usr/iplanet/server5/bin/msg/admin/bin/mboxutil",
        "-d",
        "user/Anderson/INBOX",
    ]);
    assert!(tree.exists(), "{}", talk(&gone));
    let less = place.run(&["verify", id]);
    assert_eq!(less.status.code(), Some(6), "{}", talk(&less));
    assert!(talk(&less).contains("Anderson"), "{}", talk(&less));

    // A word of the journal that was changed since.
    let journal = PathBuf::from(run["folder"].as_str().unwrap()).join("journal.jsonl");
    Place::change(
        &journal,
        "\"text\":\"mail.siroe.com\"",
        "\"text\":\"mail.sirce.com\"",
    );
    let forged = place.run(&["verify", id]);
    assert_eq!(forged.status.code(), Some(6), "{}", talk(&forged));
    assert!(
        talk(&forged).contains("does not follow"),
        "{}",
        talk(&forged)
    );
    let refused = place.run(&["report", id]);
    assert_eq!(refused.status.code(), Some(1), "{}", talk(&refused));
}
