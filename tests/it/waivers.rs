//! What cannot be told holds a run up until somebody takes it upon them, by name and with a reason;
//! what has failed does so whatever they say.

use super::place::{Place, eventually, talk};
use serde_json::Value;
use std::fs;

/// Takes away the file that says whether `/var/mail` is served: the check cannot tell then.
fn unknown(place: &Place) {
    let file = place.lab().join("hosts/mail/etc/opt/SUNWmail/ims/ims.cnf");
    fs::remove_file(file).unwrap();
}

const WHY: &str = "there never was a spool on this host";

#[test]
fn what_cannot_be_told_stops_a_run_until_it_is_waived_with_a_reason_that_is_kept() {
    let place = Place::new();
    place.create_lab(&["--users", "3", "--seed", "31"]);
    unknown(&place);
    let site = place.site();
    let site = site.to_str().unwrap();
    let waiver = format!("var-mail={WHY}");

    let asked = place.run(&["check", "--site", site]);
    assert_eq!(asked.status.code(), Some(3), "{}", talk(&asked));
    let waived = place.run(&["check", "--site", site, "--waive", &waiver, "--json"]);
    assert_eq!(waived.status.code(), Some(0), "{}", talk(&waived));
    let all: Value = serde_json::from_slice(&waived.stdout).unwrap();
    let checks = all["checks"].as_array().unwrap();
    let one = checks.iter().find(|c| c["id"] == "var-mail").unwrap();
    assert_eq!(one["outcome"], "unknown", "it is said as it is: {one}");
    assert_eq!(one["waived"], WHY);
    assert_eq!(one["inhibits"], false);

    let stopped = place.run_site(&["--headless", "--yes"]);
    assert_eq!(stopped.status.code(), Some(3), "{}", talk(&stopped));
    assert!(talk(&stopped).contains("var-mail: "), "{}", talk(&stopped));
    let run = place.the_run()["id"].as_str().unwrap().to_owned();

    let done = place.run(&["resume", &run, "--headless", "--yes", "--waive", &waiver]);
    // Past the check; then the operator is asked, who is not here.
    assert_eq!(done.status.code(), Some(5), "{}", talk(&done));
    assert!(talk(&done).contains("keep-backups/1"), "{}", talk(&done));
    let told = format!("var-mail, by command line: {WHY}").replace(' ', "");
    let shown = talk(&done).replace([' ', '\n'], "");
    assert!(shown.contains(&told), "the result says so: {}", talk(&done));
    let journal = place.run(&["journal", &run, "--json"]);
    let journal = String::from_utf8(journal.stdout).unwrap();
    let line = journal
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|event| event["kind"] == "check-waived")
        .unwrap();
    assert_eq!(line["check"], "var-mail");
    assert_eq!(
        (&line["reason"], &line["by"]),
        (&WHY.into(), &"command line".into())
    );
    place.run(&["stop", &run]);
    place.run(&["stop", &run]);
    let report = place.run(&["report", &run]);
    let report = talk(&report);
    let told = format!("waived the check var-mail: {WHY}");
    assert!(report.contains(&told), "{report}");
}

#[test]
fn what_has_failed_cannot_be_waived_and_neither_can_what_is_no_check() {
    let place = Place::new();
    place.create_lab(&["--users", "3", "--seed", "32"]);
    let accounts = fs::read_to_string(place.lab().join("accounts.jsonl")).unwrap();
    let somebody: Value = serde_json::from_str(accounts.lines().next().unwrap()).unwrap();
    let spool = place.lab().join("hosts/mail/var/mail");
    fs::create_dir_all(&spool).unwrap();
    let uid = somebody["user"]
        .as_str()
        .unwrap()
        .split('@')
        .next()
        .unwrap();
    fs::write(spool.join(uid), "From x\n\nmail\n").unwrap();
    let failed = place.run_site(&["--headless", "--yes", "--waive", "var-mail=never mind"]);
    assert_eq!(failed.status.code(), Some(3), "{}", talk(&failed));
    let text = talk(&failed).replace(['\n', ' '], "");
    assert!(text.contains("thatcannotbewaived"), "{}", talk(&failed));

    for bad in ["var-mial=x", "var-mail=", "var-mail"] {
        let refused = place.run_site(&["--headless", "--yes", "--waive", bad]);
        assert_eq!(refused.status.code(), Some(2), "{bad}: {}", talk(&refused));
    }
}

#[test]
fn an_answers_file_waives_too_and_so_does_a_command_to_a_run_that_stands() {
    let place = Place::new();
    place.create_lab(&["--users", "3", "--seed", "33"]);
    unknown(&place);
    let answers = place.dir.path().join("answers.toml");
    fs::write(&answers, format!("[waive]\nvar-mail = \"{WHY}\"\n")).unwrap();
    let file = ["--headless", "--answers", answers.to_str().unwrap()];
    // Past the check, and then at the first gate, which nobody answers.
    let waits = place.run_site(&file);
    assert_eq!(waits.status.code(), Some(5), "{}", talk(&waits));
    let first = place.the_run()["id"].as_str().unwrap().to_owned();
    place.run(&["stop", &first]);

    let started = place.run_site(&["--detach"]);
    assert_eq!(started.status.code(), Some(5), "{}", talk(&started));
    let run = String::from_utf8(started.stdout).unwrap().trim().to_owned();
    let journal = || talk(&place.run(&["journal", &run, "--json"]));
    eventually("the step is blocked", || journal().contains("step-blocked"));
    let waived = place.run(&["waive", &run, "var-mail", WHY]);
    assert_eq!(waived.status.code(), Some(0), "{}", talk(&waived));
    eventually("the run waits at its first gate", || {
        place.the_run()["state"] == "waiting"
    });
    let text = journal();
    assert!(text.contains("gate-opened") && text.contains(WHY), "{text}");
    let wrong = place.run(&["waive", &run, "var-mial", WHY]);
    assert_eq!(wrong.status.code(), Some(2), "{}", talk(&wrong));
    place.run(&["stop", &run]);
}
