//! The main job from end to end: `practice`, headless, on the embedded lab; and what goes wrong.

use super::place::{Place, eventually, talk};
use serde_json::Value;
use std::process::Command;

#[test]
fn practice_headless_migrates_every_message() {
    let place = Place::new();
    let output = place.practice(&["--users", "5", "--seed", "3"]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.lines().last().unwrap().starts_with("lab: "),
        "the lab is printed last: {text}"
    );
    let audit = place.audit();
    assert_eq!(audit["clean"], true, "{audit}");
    assert!(audit["messages_before"].as_u64().unwrap() > 20, "{audit}");
    assert_eq!(audit["messages_before"], audit["messages_after"]);
    assert_eq!(place.the_run()["state"], "done");
}

#[test]
fn the_migration_lives_on_state_and_not_on_what_tools_say() {
    let place = Place::new();
    let output = place.practice(&["--users", "4", "--seed", "11", "--drill", "other-sentences"]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    assert_eq!(place.audit()["clean"], true);
}

#[test]
fn one_refused_restore_fails_its_users_alone_and_retry_finishes() {
    let place = Place::new();
    let output = place.practice(&[
        "--users",
        "6",
        "--seed",
        "5",
        "--drill",
        "refuse-restore=Anderson",
    ]);
    assert_eq!(output.status.code(), Some(6), "{}", talk(&output));
    assert_eq!(place.the_run()["state"], "failed");
    let before = place.audit();
    let hurt: Vec<&str> = before["missing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["user"].as_str().unwrap())
        .collect();
    assert!(
        !hurt.is_empty() && hurt.iter().all(|u| *u == "Anderson"),
        "{before}"
    );
    let run = place.the_run()["id"].as_str().unwrap().to_owned();
    let output = place.run(&["retry", &run]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let audit = place.audit();
    assert_eq!(audit["clean"], true, "{audit}");
}

#[test]
fn without_a_terminal_practice_says_what_to_type_instead() {
    let place = Place::new();
    let output = place.run(&["practice"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        talk(&output).contains("practice --headless --yes"),
        "{}",
        talk(&output)
    );
    assert!(!place.dir.path().join("state").exists(), "nothing was made");
}

#[test]
fn a_wrong_password_inhibits_and_names_who_was_refused() {
    let place = Place::new();
    place.create_lab(&["--users", "3", "--seed", "1"]);
    let secrets = place.lab().join("secrets.toml");
    let text = std::fs::read_to_string(&secrets).unwrap();
    let wrong: String = text
        .lines()
        .map(|l| {
            if l.starts_with("directory") {
                "directory = \"wrong\"\n".into()
            } else {
                format!("{l}\n")
            }
        })
        .collect();
    std::fs::write(&secrets, wrong).unwrap();
    let output = place.run_site(&["--headless", "--yes"]);
    assert_eq!(output.status.code(), Some(3), "{}", talk(&output));
    assert!(
        talk(&output).contains("cn=Directory Manager"),
        "{}",
        talk(&output)
    );
}

#[test]
fn an_unreachable_directory_inhibits_and_names_the_server() {
    let place = Place::new();
    place.create_lab(&["--users", "3", "--seed", "2"]);
    let stop = ["lab", "stop"];
    let output = place.run(&[stop[0], stop[1], place.lab().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    let output = place.run_site(&["--headless", "--yes"]);
    assert_eq!(output.status.code(), Some(3), "{}", talk(&output));
    assert!(talk(&output).contains("ldap-answers"), "{}", talk(&output));
}

#[test]
fn a_wrong_base_dn_inhibits_and_is_named() {
    let place = Place::new();
    place.create_lab(&["--users", "3", "--seed", "4"]);
    Place::change(&place.site(), "o=internet\"", "o=nowhere\"");
    let output = place.run_site(&["--headless", "--yes"]);
    assert_eq!(output.status.code(), Some(3), "{}", talk(&output));
    assert!(talk(&output).contains("o=nowhere"), "{}", talk(&output));
}

#[test]
fn an_answers_file_that_names_no_gate_is_refused_with_the_gates_there_are() {
    let place = Place::new();
    place.create_lab(&["--users", "3", "--seed", "6"]);
    let answers = place.dir.path().join("answers.toml");
    std::fs::write(&answers, "stop-simms = \"mail.siroe.com\"\n").unwrap();
    let output = place.run_site(&["--headless", "--answers", answers.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{}", talk(&output));
    let text = talk(&output);
    assert!(
        text.contains("stop-simms") && text.contains("stop-sims"),
        "{text}"
    );
    assert!(place.the_run().is_null(), "no run was made");
}

#[test]
fn a_second_engine_on_one_run_is_refused_and_a_gate_can_be_answered_from_outside() {
    let place = Place::new();
    place.create_lab(&["--users", "3", "--seed", "8"]);
    let answers = place.dir.path().join("answers.toml");
    std::fs::write(&answers, "\"keep-backups/1\" = \"tape 17, yesterday\"\n").unwrap();
    let output = place.run_site(&[
        "--headless",
        "--answers",
        answers.to_str().unwrap(),
        "--detach",
    ]);
    assert_eq!(output.status.code(), Some(5), "{}", talk(&output));
    eventually("the run waits at its first gate", || {
        place.the_run()["state"] == "waiting"
    });
    let run = place.the_run();
    let folder = run["folder"].as_str().unwrap();
    let mut second = place.command(&["engine", folder]);
    let mut child = second
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(
        &mut child.stdin.take().unwrap(),
        b"{\"create\":null,\"secrets\":{}}",
    )
    .unwrap();
    let refused = child.wait_with_output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        talk(&refused).contains("has an engine already"),
        "{}",
        talk(&refused)
    );

    let id = run["id"].as_str().unwrap();
    let wrong = place.run(&["answer", id, "no-such-gate"]);
    assert_eq!(wrong.status.code(), Some(1), "{}", talk(&wrong));
    let right = place.run(&["answer", id, "keep-backups"]);
    assert_eq!(right.status.code(), Some(0), "{}", talk(&right));
    let status = place.run(&["status", id, "--json"]);
    assert_eq!(status.status.code(), Some(5), "{}", talk(&status));
    let stop = place.run(&["stop", id]);
    assert_eq!(stop.status.code(), Some(0), "{}", talk(&stop));
    eventually("the run has stopped", || {
        place.the_run()["state"] == "stopped"
    });
    eventually("the engine is gone", || {
        place.the_run()["engine_pid"].is_null()
    });
}

#[test]
fn events_are_numbered_without_gaps_and_the_last_says_how_it_ended() {
    let place = Place::new();
    let output = place.practice(&["--users", "3", "--seed", "9", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let events: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["idx"], index + 1);
        for field in ["v", "at", "elapsed_ms", "prev", "kind"] {
            assert!(!event[field].is_null(), "{field} is missing in {event}");
        }
    }
    let last = events.last().unwrap();
    assert_eq!(last["kind"], "run-ended");
    assert!(
        ["ok", "warning"].contains(&last["outcome"].as_str().unwrap()),
        "{last}"
    );
}

#[test]
fn a_closed_pipe_is_no_error() {
    let place = Place::new();
    let binary = env!("CARGO_BIN_EXE_imsmigrate");
    let state = place.dir.path().join("state");
    let script = format!("{binary} man | head -n 1; echo ${{PIPESTATUS[0]}}");
    let output = Command::new("bash")
        .args(["-c", &script])
        .env("IMSMIGRATE_STATE_DIR", state)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.trim_end().ends_with('0'), "{}", talk(&output));
    assert!(output.stderr.is_empty(), "{}", talk(&output));
}
