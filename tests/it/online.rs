//! The on-line procedure from end to end: mail moved into a server in use, on the same host.

use super::place::{Place, talk};

const SAME_HOST: &[&str] = &["sims-online", "--variant", "same-host"];

fn practice(place: &Place, more: &[&str]) -> std::process::Output {
    place.practice(&[SAME_HOST, more].concat())
}

#[test]
fn on_the_same_host_every_message_arrives_in_a_server_in_use() {
    let place = Place::new();
    let output = practice(&place, &["--users", "12", "--seed", "21"]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let audit = place.audit();
    assert_eq!(audit["clean"], true, "{audit}");
    assert!(audit["messages_before"].as_u64().unwrap() > 50, "{audit}");
    assert_eq!(place.the_run()["state"], "done");
}

#[test]
fn a_refused_restore_is_retried_without_a_message_twice() {
    let place = Place::new();
    let output = practice(
        &place,
        &[
            "--users",
            "6",
            "--seed",
            "5",
            "--drill",
            "refuse-restore=Anderson",
        ],
    );
    assert_eq!(output.status.code(), Some(6), "{}", talk(&output));
    let run = place.the_run()["id"].as_str().unwrap().to_owned();
    let output = place.run(&["retry", &run]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let audit = place.audit();
    assert_eq!(audit["clean"], true, "{audit}");
}

#[test]
fn all_of_it_is_taken_back_to_a_server_that_works_as_before() {
    let place = Place::new();
    let output = practice(&place, &["--users", "4", "--seed", "9"]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let run = place.the_run()["id"].as_str().unwrap().to_owned();
    let output = place.run(&["undo", &run, "--headless", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    assert_eq!(place.the_run()["state"], "undone");
    let checks = place.run(&[
        "check",
        "--site",
        place.site().to_str().unwrap(),
        "--only",
        "sims-up",
        "--only",
        "ims-removed",
    ]);
    assert_eq!(checks.status.code(), Some(0), "{}", talk(&checks));
}
