//! The on-line procedure from end to end: mail moved into a server in use, on the same host and on
//! a new one.

use super::place::{Place, talk};
use std::process::Output;

const SAME_HOST: &[&str] = &["sims-online", "--variant", "same-host"];
const NEW_HOST: &[&str] = &["sims-online", "--variant", "new-host"];

fn practised(variant: &[&str], more: &[&str]) -> Place {
    let place = Place::new();
    let output = place.practice(&[variant, more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let audit = place.audit();
    assert_eq!(audit["clean"], true, "{audit}");
    assert!(audit["messages_before"].as_u64().unwrap() > 20, "{audit}");
    assert_eq!(place.the_run()["state"], "done");
    place
}

fn check(place: &Place, ids: &[&str]) -> Output {
    let site = place.site();
    let mut args = vec!["check", "--site", site.to_str().unwrap()];
    args.extend(ids.iter().flat_map(|id| ["--only", id]));
    place.run(&args)
}

/// Takes the run back and sees that the old server works as before.
fn take_back(place: &Place, as_before: &[&str]) {
    let run = place.the_run()["id"].as_str().unwrap().to_owned();
    let output = place.run(&["undo", &run, "--headless", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    assert_eq!(place.the_run()["state"], "undone");
    let checks = check(place, as_before);
    assert_eq!(checks.status.code(), Some(0), "{}", talk(&checks));
}

#[test]
fn on_the_same_host_every_message_arrives_in_a_server_in_use_and_all_is_taken_back() {
    let place = practised(SAME_HOST, &["--users", "12", "--seed", "21"]);
    take_back(&place, &["sims-up", "ims-removed"]);
}

#[test]
fn on_a_new_host_every_message_arrives_the_name_moves_and_all_is_taken_back() {
    let place = practised(NEW_HOST, &["--users", "12", "--seed", "4"]);
    let moved = check(
        &place,
        &["dns-moved", "mail-hosts", "domain-hosts", "one-mail-host"],
    );
    assert_eq!(moved.status.code(), Some(0), "{}", talk(&moved));
    let artifacts = place.dir.path().join("state/runs");
    let run = place.the_run()["id"].as_str().unwrap().to_owned();
    let table = artifacts
        .join(&run)
        .join("artifacts/notify-users.1.recipients.tsv");
    let table = std::fs::read_to_string(table).unwrap();
    assert_eq!(table.lines().count(), 13, "{table}");
    take_back(&place, &["sims-up", "ims-removed", "dns-as-before"]);
}

#[test]
fn a_refused_restore_is_retried_without_a_message_twice() {
    let place = Place::new();
    let few = ["--users", "6", "--seed", "5"];
    let drill = ["--drill", "refuse-restore=Anderson"];
    let output = place.practice(&[SAME_HOST, &few, &drill].concat());
    assert_eq!(output.status.code(), Some(6), "{}", talk(&output));
    let run = place.the_run()["id"].as_str().unwrap().to_owned();
    let output = place.run(&["retry", &run]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let audit = place.audit();
    assert_eq!(audit["clean"], true, "{audit}");
}

#[test]
fn a_third_mail_host_stops_the_move_before_anything_is_flattened() {
    let place = Place::new();
    place.create_lab(&["--scenario", "sims-online", "--users", "3", "--seed", "2"]);
    // The old server of this site is called something else than its entries say.
    Place::change(
        &place.site(),
        "\"oldmail.siroe.com\"",
        "\"elsewhere.siroe.com\"",
    );
    let refused = check(&place, &["one-mail-host"]);
    assert_eq!(refused.status.code(), Some(3), "{}", talk(&refused));
    assert!(
        talk(&refused).contains("oldmail.siroe.com"),
        "{}",
        talk(&refused)
    );
}

#[test]
fn an_old_host_that_is_only_a_name_and_a_name_that_did_not_move_are_seen() {
    let place = Place::new();
    place.create_lab(&["--scenario", "sims-online", "--users", "3", "--seed", "2"]);
    let moved = check(&place, &["dns-moved"]);
    assert_eq!(moved.status.code(), Some(3), "{}", talk(&moved));
    let before = check(&place, &["old-address-pinned", "dns-as-before", "dns-ttl"]);
    let said = talk(&before);
    assert_eq!(before.status.code(), Some(0), "{said}");
    assert!(said.contains("Lower the TTL"), "{said}");
}
