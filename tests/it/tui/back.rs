//! On the run's screen: taking a run back from its result, and waiving what keeps a step from
//! beginning.

use super::desk::{Desk, takes_keys};
use serde_json::Value;

fn create_lab(desk: &Desk, seed: &str) {
    let lab = desk.lab();
    let small = ["--users", "3", "--seed", seed, "--messages-per-user", "3"];
    let made = desk.wizard(&[&["lab", "create", lab.to_str().unwrap()], &small[..]].concat());
    assert!(made.status.success(), "{made:?}");
}

fn look_at(desk: &Desk, run: &str) {
    desk.line(&format!(
        "{} attach {run}",
        env!("CARGO_BIN_EXE_imsmigrate")
    ));
}

fn state(desk: &Desk) -> Value {
    let runs = desk.wizard(&["runs", "--json"]);
    let runs: Value = serde_json::from_slice(&runs.stdout).unwrap();
    runs["runs"][0]["state"].clone()
}

fn kinds(desk: &Desk, run: &str) -> Vec<String> {
    let journal = desk.wizard(&["journal", run, "--json"]);
    let journal = String::from_utf8(journal.stdout).unwrap();
    let events = journal.lines().map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["kind"].as_str().unwrap().to_owned()
    });
    events.collect()
}

#[test]
fn needs_tmux_a_finished_run_goes_one_step_back_from_its_result_by_keys_and_forward_again() {
    let desk = Desk::new(80, 24);
    let lab = desk.lab();
    let lab = lab.to_str().unwrap();
    let small = ["--users", "3", "--seed", "7", "--messages-per-user", "3"];
    let practice = ["practice", "--headless", "--yes", "--lab", lab];
    let done = desk.wizard(&[&practice[..], &small[..]].concat());
    assert!(done.status.success(), "{done:?}");
    assert_eq!(state(&desk), "done");
    let run = desk.run();
    look_at(&desk, &run);
    desk.until("the result, and that it can be taken back", |s| {
        s.contains(" Result ") && s.contains("u undo")
    });
    desk.key("u");
    desk.until("how far", |s| {
        s.contains("╔ PRACTICE · Undo") && s.contains("[ Everything ]")
    });
    // A step further back, and back again.
    desk.key("Up");
    desk.until("the step before", |s| s.contains("[ To step 13 ]"));
    desk.key("Down");
    desk.until("the last step", |s| s.contains("[ To step 14 ]"));
    desk.focus("To step 14");
    desk.key("Enter");
    // It was done without anybody; it is taken back by who is there.
    desk.until("the gate of the way back", |s| {
        s.contains("DESTRUCTIVE") && s.contains("║ Undo: Load the ACIs") && takes_keys(s)
    });
    desk.write("o=internet");
    desk.until("what was typed", |s| s.contains("> o=internet"));
    desk.key("Enter");
    desk.until("how far it is", |s| {
        s.contains(" Result ") && s.contains("taken back to before")
    });
    desk.key("q");
    desk.back_at_the_shell();
    assert_eq!(state(&desk), "stopped");

    let forward = desk.wizard(&["resume", &run, "--headless", "--yes"]);
    assert!(forward.status.success(), "{forward:?}");
    assert_eq!(state(&desk), "done");
    let kinds = kinds(&desk, &run);
    assert_eq!(kinds.iter().filter(|k| *k == "undo-asked").count(), 1);
    assert_eq!(kinds.iter().filter(|k| *k == "run-ended").count(), 3);
}

#[test]
fn needs_tmux_a_step_that_stands_at_what_cannot_be_told_is_let_go_on_by_a_typed_reason() {
    let desk = Desk::new(80, 24);
    create_lab(&desk, "33");
    // Without it nobody can tell whether `/var/mail` is served.
    std::fs::remove_file(desk.lab().join("hosts/mail/etc/opt/SUNWmail/ims/ims.cnf")).unwrap();
    let site = desk.lab().join("site.toml");
    let started = desk.wizard(&["run", "--site", site.to_str().unwrap(), "--detach"]);
    assert_eq!(started.status.code(), Some(5), "{started:?}");
    let run = desk.run();
    look_at(&desk, &run);
    desk.until("what keeps it from beginning", |s| {
        s.contains("BLOCKED") && s.contains("[ Waive… ]") && takes_keys(s)
    });
    desk.focus("Waive…");
    desk.key("Enter");
    desk.until("the question", |s| {
        s.contains("╔ Waive a check") && s.contains("> var-mail")
    });
    desk.key("Enter");
    desk.until("that a reason is needed", |s| {
        s.contains("A reason is needed")
    });
    desk.write("no spool was ever here");
    desk.key("Enter");
    desk.until("the task of the step", |s| {
        s.contains("FOR YOU TO DO · step intro")
    });
    let journal = desk.wizard(&["journal", &run, "--json"]);
    let journal = String::from_utf8(journal.stdout).unwrap();
    let waived = journal
        .lines()
        .find(|l| l.contains("check-waived"))
        .unwrap();
    let waived: Value = serde_json::from_str(waived).unwrap();
    assert_eq!(waived["check"], "var-mail");
    assert_eq!(waived["reason"], "no spool was ever here");
}
