//! The procedure's other ways from end to end: over the tape, with `+` between user and domain; and
//! two things that must not get through: ids that differ in case only, a wrong answer to the installer.

use super::place::{Place, eventually, talk};
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// How many kilobytes the files below a folder have.
fn kilobytes(folder: &Path) -> u64 {
    fn bytes(folder: &Path) -> u64 {
        let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
        let each = entries.map(|e| match e.metadata().unwrap() {
            meta if meta.is_dir() => bytes(&e.path()),
            meta => meta.len(),
        });
        each.sum()
    }
    bytes(folder) / 1024
}

/// How the steps of the only run ended, by id.
fn outcomes(place: &Place) -> impl Fn(&str) -> String {
    let output = place.run(&["report", "--format", "json"]);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", talk(&output)));
    move |id: &str| {
        let steps = report["steps"].as_array().unwrap();
        let step = steps.iter().find(|s| s["id"] == id).unwrap();
        step["outcome"].as_str().unwrap_or("none").to_owned()
    }
}

#[test]
fn with_too_little_disk_the_mail_goes_over_the_tape_and_the_old_store_is_removed_first() {
    // The same seed makes the same lab: this one is only measured.
    let measured = Place::new();
    measured.create_lab(&["--users", "4", "--seed", "51"]);
    let host = measured.lab().join("hosts/mail");
    let used = kilobytes(&host);
    // Less than the guide's one and a half free, and enough once the old store has gone.
    let store = kilobytes(&host.join("var/opt/SUNWmail/ims"));
    let drill = format!("disk-kb={}", used + store * 5 / 4);

    let place = Place::new();
    let output = place.practice(&["--users", "4", "--seed", "51", "--drill", &drill]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let outcome = outcomes(&place);
    for step in [
        "back-up-store-to-tape",
        "read-tape-back",
        "remove-old-store",
    ] {
        assert_eq!(outcome(step), "ok", "{step}: {}", talk(&output));
    }
    // Two folders of one of the four become one name, which is said.
    assert_eq!(outcome("restore-from-tape"), "warning");
    assert_eq!(outcome("move-mailboxes"), "skipped");
    let old = place.lab().join("hosts/mail/var/opt/SUNWmail/ims");
    assert!(!old.exists(), "the old store is gone");
    let audit = place.audit();
    assert_eq!(audit["clean"], true, "{audit}");
}

/// Runs the installer of a lab as the operator would, with these lines typed.
fn set_up(place: &Place, typed: &str) -> Output {
    let lab = place.lab();
    typed_into(
        &mut place.command(&[
            "lab",
            "exec",
            lab.to_str().unwrap(),
            "mail",
            "/cdrom/iplanet/setup",
        ]),
        typed,
    )
}

/// Runs a command with some text on its standard input.
fn typed_into(command: &mut Command, typed: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(typed.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// Starts a run at the lab's site and does what the operator is asked, up to the installer's end.
fn install_with(place: &Place, typed: &str) -> String {
    let output = place.run_site(&["--headless", "--yes", "--detach"]);
    assert_eq!(output.status.code(), Some(5), "{}", talk(&output));
    for (gate, answer) in [
        ("keep-backups/1", "tape 17"),
        ("install-new-server/1", "done"),
    ] {
        eventually(gate, || {
            let status = place.run(&["status", "--json"]);
            let status: Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
            assert_ne!(status["state"], "failed", "{status}");
            status["gate"]["id"] == gate
        });
        if gate.starts_with("install") {
            let done = set_up(place, typed);
            assert_eq!(done.status.code(), Some(0), "{}", talk(&done));
        }
        let id = place.the_run()["id"].as_str().unwrap().to_owned();
        let said = place.run(&["answer", &id, gate, answer]);
        assert_eq!(said.status.code(), Some(0), "{}", talk(&said));
    }
    place.the_run()["id"].as_str().unwrap().to_owned()
}

#[test]
fn where_hosted_users_log_in_with_a_plus_they_still_do() {
    let place = Place::new();
    place.create_lab(&["--users", "4", "--seed", "52"]);
    Place::change(
        &place.site(),
        "login_separator = \"@\"",
        "login_separator = \"+\"",
    );
    install_with(&place, "\n\n\nNo\n390\n\n\npw-0815\npw-0815\n\n\n\n");
    eventually("the run is done", || {
        let state = place.the_run()["state"].clone();
        assert_ne!(state, "failed", "{}", talk(&place.run(&["status"])));
        state == "done"
    });
    assert_eq!(outcomes(&place)("set-login-separator"), "ok");
    let lab = place.lab();
    let read = place.run(&[
        "lab",
        "exec",
        lab.to_str().unwrap(),
        "mail",
        "/usr/iplanet/server5/msg-mail/configutil",
        "-o",
        "service.loginseparator",
    ]);
    assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), "+");
    let audit = place.audit();
    assert_eq!(audit["clean"], true, "{audit}");
}

#[test]
fn an_installer_that_was_told_of_another_directory_is_found_out_by_a_check() {
    let place = Place::new();
    place.create_lab(&["--users", "3", "--seed", "53"]);
    let id = install_with(&place, "\n\n\nYes\n\n\n390\n\n\npw-0815\npw-0815\n\n\n\n");
    eventually("the step fails", || place.the_run()["state"] == "failed");
    let status = place.run(&["status", &id]);
    assert_eq!(status.status.code(), Some(6), "{}", talk(&status));
    let text = talk(&status);
    assert!(text.contains("directory"), "{text}");
    assert_eq!(outcomes(&place)("install-new-server"), "failed");
    assert_eq!(
        outcomes(&place)("stop-new-server"),
        "none",
        "nothing after it"
    );
}

#[test]
fn needs_ldapmodify_ids_that_differ_in_case_only_inhibit_with_both_names() {
    let place = Place::new();
    place.create_lab(&["--users", "3", "--seed", "54"]);
    let lab = place.lab();
    let status = place.run(&["lab", "status", lab.to_str().unwrap(), "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    let secrets = std::fs::read_to_string(lab.join("secrets.toml")).unwrap();
    let password = secrets
        .lines()
        .find(|l| l.starts_with("directory"))
        .unwrap();
    let password = password.split('"').nth(1).unwrap();
    let twin = "dn: cn=Another Anderson,ou=People,dc=siroe,dc=com,o=internet\n";
    let entry = format!(
        "{twin}changetype: add\nobjectClass: top\nobjectClass: person\n\
         objectClass: organizationalPerson\nobjectClass: inetOrgPerson\n\
         objectClass: inetSubscriber\nobjectClass: inetMailUser\n\
         objectClass: inetMailRouting\ncn: Another Anderson\nsn: Anderson\nuid: anderson\n\
         mail: another@siroe.com\nmailHost: mail.siroe.com\ninetMailUserVersion: 1.0\ninetSubscriberStatus: active\n\
         mailDeliveryOption: mailbox\n"
    );
    let server = format!("ldap://127.0.0.1:{}", status["ldap"]["port"]);
    let manager = "cn=Directory Manager";
    let added = typed_into(
        Command::new("ldapmodify").args(["-x", "-H", &server, "-D", manager, "-w", password]),
        &entry,
    );
    assert!(added.status.success(), "{}", talk(&added));

    let site = place.site();
    let checked = place.run(&["check", "--site", site.to_str().unwrap(), "--only", "uids"]);
    assert_eq!(checked.status.code(), Some(3), "{}", talk(&checked));
    let run = place.run_site(&["--headless", "--yes"]);
    assert_eq!(run.status.code(), Some(3), "{}", talk(&run));
    for text in [talk(&checked), talk(&run)] {
        assert!(
            text.contains("Anderson") && text.contains("anderson"),
            "{text}"
        );
    }
}
