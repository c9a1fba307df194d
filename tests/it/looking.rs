//! `check` and `plan`: what can be looked up before a run, in a lab.

use super::place::{Place, talk};
use serde_json::Value;

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", talk(output)))
}

fn check<'a>(all: &'a Value, id: &str) -> &'a Value {
    let mut found = all["checks"].as_array().unwrap().iter();
    found
        .find(|c| c["id"] == id)
        .unwrap_or_else(|| panic!("{id} was not asked: {all}"))
}

#[test]
fn a_fresh_lab_is_fit_for_a_run_and_what_only_holds_later_is_not_asked() {
    let place = Place::new();
    place.create_lab(&["--users", "3", "--seed", "21"]);
    let site = place.site();
    let site = site.to_str().unwrap();
    let output = place.run(&["check", "--site", site, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let all = json(&output);
    for id in ["ldap-answers", "base-dn", "uids", "config-directory-port"] {
        let one = check(&all, id);
        assert_eq!(one["outcome"], "ok", "{one}");
        assert!(one["milliseconds"].is_u64() && one["inhibits"] == false);
        let at = one["at"].as_str().unwrap();
        assert!(at.parse::<jiff::Timestamp>().is_ok(), "when: {one}");
    }
    assert_eq!(check(&all, "queue-empty")["inhibits"], false);
    assert!(!all.to_string().contains("sims-stopped"), "{all}");

    let shown = place.run(&["check", "--site", site]);
    let text = String::from_utf8(shown.stdout.clone()).unwrap();
    assert!(text.lines().all(|l| l.chars().count() < 80), "{text}");
    assert!(text.contains("uids:"), "{text}");

    let later = place.run(&["check", "--site", site, "--only", "sims-stopped", "--json"]);
    assert_eq!(later.status.code(), Some(3), "{}", talk(&later));
    assert_eq!(check(&json(&later), "sims-stopped")["outcome"], "failed");
}

#[test]
fn a_fresh_lab_of_each_procedure_is_fit_for_a_run() {
    let labs: [&[&str]; 3] = [
        &["sims-online", "--variant", "same-host"],
        &["sims-online", "--variant", "new-host"],
        &["nms-unix"],
    ];
    for lab in labs {
        let place = Place::new();
        let more = ["--users", "3", "--seed", "21", "--scenario"];
        place.create_lab(&[&more, lab].concat());
        let site = place.site();
        let output = place.run(&["check", "--site", site.to_str().unwrap()]);
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert_eq!(output.status.code(), Some(0), "{lab:?}: {text}");
        assert!(text.contains("ldap-answers:"), "{text}");
    }
}

#[test]
fn a_check_nobody_knows_and_a_site_that_is_none_are_usage_errors() {
    let place = Place::new();
    place.create_lab(&["--users", "3", "--seed", "22"]);
    let site = place.site();
    let site = site.to_str().unwrap();
    let unknown = place.run(&["check", "--site", site, "--only", "uid"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", talk(&unknown));
    assert!(talk(&unknown).contains("ldap-answers"), "names those known");
    let none = place.run(&["check", "--site", "/nowhere/site.toml"]);
    assert_eq!(none.status.code(), Some(2), "{}", talk(&none));
    assert!(talk(&none).contains("/nowhere/site.toml"));
}

#[test]
fn a_wrong_password_makes_check_inhibit_with_a_remedy_and_without_the_password() {
    let place = Place::new();
    place.create_lab(&["--users", "3", "--seed", "23"]);
    let secrets = place.dir.path().join("mine.toml");
    std::fs::write(&secrets, "directory = \"c4n4ry-0815\"\n").unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&secrets, private).unwrap();
    let site = place.site();
    let args = ["--site", site.to_str().unwrap(), "--secrets"];
    let output = place.run(&[
        "check",
        args[0],
        args[1],
        args[2],
        secrets.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(3), "{}", talk(&output));
    let text = talk(&output);
    assert!(text.contains("cn=Directory Manager"), "{text}");
    assert!(text.contains('→') && !text.contains("c4n4ry"), "{text}");
}

#[test]
fn a_plan_is_made_from_facts_and_names_what_is_known_only_later() {
    let place = Place::new();
    place.create_lab(&["--users", "3", "--seed", "24"]);
    let site = place.site();
    let site = site.to_str().unwrap();
    let output = place.run(&["plan", "--site", site, "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let plan = json(&output);
    assert_eq!(plan["draft"], false);
    let step = |id: &str| {
        let all = plan["steps"].as_array().unwrap();
        all.iter().find(|s| s["id"] == id).unwrap().clone()
    };
    assert_eq!(step("move-mailboxes")["applies"], true);
    assert_eq!(step("back-up-store-to-tape")["applies"], false);
    let gate = step("upgrade-users-and-groups")["gate"].to_string();
    assert!(gate.contains("3 users and "), "{gate}");
    let moved = step("move-mailboxes")["actions"].to_string();
    assert!(moved.contains("<user_file>"), "{moved}");

    place.run(&["lab", "stop", place.lab().to_str().unwrap()]);
    let gone = place.run(&["plan", "--site", site]);
    assert_eq!(gone.status.code(), Some(3), "{}", talk(&gone));
    let text = talk(&gone);
    assert!(text.contains("127.") && text.contains("--draft"), "{text}");
    assert!(gone.stdout.is_empty(), "no half plan");
}
