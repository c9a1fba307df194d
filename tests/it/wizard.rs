//! A person at a real terminal (tmux) with nothing but `imsmigrate`: from the scenario to the first
//! gate of a run by keys; and the ways out before there is a run.

use super::tui::desk::{Desk, PATIENCE};
use imsmigrate::site::Site;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A desk with a lab that stands, and the wizard on the screen.
fn at_the_scenarios(columns: u16, rows: u16) -> Desk {
    let desk = Desk::new(columns, rows);
    let lab = desk.lab();
    let made = desk.wizard(&[
        "lab",
        "create",
        lab.to_str().unwrap(),
        "--users",
        "3",
        "--seed",
        "7",
        "--messages-per-user",
        "3",
    ]);
    assert!(made.status.success(), "{made:?}");
    desk.line(env!("CARGO_BIN_EXE_imsmigrate"));
    desk.until("the scenarios", |s| s.contains("[Scenario] > Site"));
    desk
}

/// Loads a site file by keys, from the form.
fn load(desk: &Desk, file: &str) {
    desk.key("C-o");
    desk.until("the question for the file", |s| {
        s.contains("Load a site file")
    });
    desk.key("C-u");
    desk.write(file);
    desk.until("the path", |s| s.contains(file.rsplit('/').next().unwrap()));
    desk.key("Enter");
    desk.until("the site of the lab", |s| {
        s.contains("PRACTICE · sims-offline") && s.contains("Loaded")
    });
}

#[test]
fn needs_tmux_keys_alone_lead_from_the_scenario_to_the_first_gate_of_a_run() {
    let desk = at_the_scenarios(80, 24);
    desk.key("Enter");
    desk.until("the form", |s| {
        s.contains("[Site]") && s.contains("LIVE · sims-offline")
    });
    let file = desk.lab().join("site.toml");
    load(&desk, file.to_str().unwrap());

    // One value is changed, is refused while it is wrong, and is saved beside the lab's own file.
    let end = Instant::now() + PATIENCE;
    while !desk.screen().contains("0: the wizard chooses 10 to 15") {
        // The cursor may stand where it was: the fields move below it.
        let before = desk.screen();
        desk.key("Tab");
        while desk.screen() == before {
            assert!(Instant::now() < end, "{before}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    desk.key("C-u");
    desk.write("99");
    desk.until("a refusal as it is typed", |s| {
        s.contains("99 sessions are too many")
    });
    desk.key("C-g");
    desk.until("no way on", |s| s.contains("One thing does not hold yet"));
    desk.key("C-u");
    desk.write("2");
    desk.until("the mark gone", |s| !s.contains('✗'));
    desk.key("C-s");
    desk.until("the question for the file", |s| s.contains("Save the site"));
    desk.key("C-u");
    let own = desk.lab().join("own.toml");
    desk.write(own.to_str().unwrap());
    desk.key("Enter");
    desk.until("that it is saved", |s| s.contains("Saved to"));
    let saved = Site::load(&own).unwrap();
    let mut wanted = Site::load(&file).unwrap();
    wanted.store.sessions = 2;
    assert_eq!(saved, wanted);

    desk.key("C-g");
    desk.start_from_the_checks();
    desk.first_gate();
    let runs = desk.wizard(&["runs", "--json"]);
    let runs: serde_json::Value = serde_json::from_slice(&runs.stdout).unwrap();
    assert_eq!(runs["runs"][0]["state"], "waiting", "{runs}");
    assert_eq!(runs["runs"][0]["lab"], desk.lab().to_str().unwrap());
    let folder = std::path::Path::new(runs["runs"][0]["folder"].as_str().unwrap());
    let of_the_run = Site::load(&folder.join("site.toml")).unwrap();
    assert_eq!(of_the_run.store.sessions, 2);
}

#[test]
fn needs_tmux_a_check_that_inhibits_keeps_the_run_from_beginning_until_it_is_asked_again() {
    let desk = at_the_scenarios(80, 24);
    let lab = desk.lab();
    let stopped = desk.wizard(&["lab", "stop", lab.to_str().unwrap()]);
    assert!(stopped.status.success(), "{stopped:?}");
    desk.key("Enter");
    desk.until("the form", |s| s.contains("[Site]"));
    load(&desk, lab.join("site.toml").to_str().unwrap());
    desk.key("C-g");
    desk.until("what fails, and why", |s| {
        s.contains("✗ failed    ldap-answers") && s.contains("cannot be reached")
    });
    desk.until("all answers", |s| !s.contains("being asked"));
    desk.key("Enter");
    desk.until("no way on", |s| s.contains("keep the run from beginning"));
    let started = desk.wizard(&["lab", "start", lab.to_str().unwrap()]);
    assert!(started.status.success(), "{started:?}");
    desk.key("r");
    desk.until("the selected one mended", |s| {
        s.contains("✓ ok        ldap-answers")
    });
    desk.key("a");
    desk.until("all mended", |s| s.contains("nothing inhibits"));
    desk.key("Enter");
    desk.until("the plan", |s| s.contains("s: start the run"));
}

#[test]
fn needs_tmux_a_check_that_cannot_be_told_is_waived_by_a_key_with_a_typed_reason_that_is_journaled()
{
    let desk = at_the_scenarios(80, 24);
    let lab = desk.lab();
    // Without it nobody can tell whether `/var/mail` is served.
    std::fs::remove_file(lab.join("hosts/mail/etc/opt/SUNWmail/ims/ims.cnf")).unwrap();
    desk.key("Enter");
    desk.until("the form", |s| s.contains("[Site]"));
    load(&desk, lab.join("site.toml").to_str().unwrap());
    desk.key("C-g");
    desk.until("what cannot be told", |s| {
        s.contains("~ unknown   var-mail") && s.contains("1 inhibits")
    });
    // Goes to the one that inhibits.
    desk.key("Enter");
    desk.until("how to go on", |s| s.contains("`w` waives"));
    desk.key("w");
    desk.until("why it cannot be told", |s| {
        s.contains("╔ Waive `var-mail`") && s.contains("It cannot be told")
    });
    desk.write("there never was a spool");
    desk.key("Enter");
    desk.until("nothing more to mend", |s| {
        s.contains("waived") && s.contains("nothing inhibits")
    });
    desk.start_from_the_checks();
    desk.first_gate();
    let run = desk.run();
    let journal = desk.wizard(&["journal", &run, "--json"]);
    let waived: Vec<serde_json::Value> = String::from_utf8(journal.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|event| event["kind"] == "check-waived")
        .collect();
    let [waived] = waived.as_slice() else {
        panic!("{waived:?}");
    };
    assert_eq!(waived["check"], "var-mail");
    assert_eq!(waived["reason"], "there never was a spool");
    assert!(
        waived["by"].as_str().unwrap().starts_with("admin on pts/"),
        "{waived}"
    );
}

#[test]
fn needs_tmux_passwords_are_typed_unseen_and_a_wrong_one_is_typed_again() {
    let desk = at_the_scenarios(80, 24);
    let lab = desk.lab();
    let site = std::fs::read_to_string(lab.join("site.toml")).unwrap();
    let own = lab.join("own.toml");
    std::fs::write(&own, site.replace("secrets_file", "# secrets_file")).unwrap();
    let secrets = std::fs::read_to_string(lab.join("secrets.toml")).unwrap();
    let secrets: toml::Table = toml::from_str(&secrets).unwrap();
    let directory = secrets["directory"].as_str().unwrap();
    desk.key("Enter");
    desk.until("the form", |s| s.contains("[Site]"));
    load(&desk, own.to_str().unwrap());
    let asked = |password: &str| {
        desk.until("the password asked for", |s| s.contains("╔ Passwords"));
        desk.write(password);
        desk.until("that it was typed", |s| s.contains("••••••••"));
        desk.focus("Go on to the checks");
        desk.key("Enter");
    };
    desk.key("C-g");
    asked("n0t-the-c4n4ry");
    desk.until("a refusal", |s| s.contains("does not accept the password"));
    desk.until("all answers", |s| !s.contains("being asked"));
    desk.key("p");
    asked(directory);
    let screen = desk.until("all is well", |s| s.contains("nothing inhibits"));
    let all = screen + &desk.tmux(&["capture-pane", "-p", "-S", "-", "-t", "desk"]);
    assert!(!all.contains("c4n4ry") && !all.contains(directory), "{all}");
}

#[test]
fn needs_tmux_leaving_before_there_is_a_run_begins_nothing_and_gives_the_terminal_back() {
    let desk = Desk::new(60, 15);
    let before = desk.terminal_state();
    let exe = env!("CARGO_BIN_EXE_imsmigrate");
    desk.line(exe);
    desk.until("the scenarios", |s| s.contains("[Scenario] > Site"));
    desk.key("Enter");
    desk.until("the form", |s| s.contains("[Site]"));
    desk.key("C-c");
    desk.until("the question", |s| s.contains("No run was begun"));
    desk.key("Enter");
    desk.until("that one stays", |s| !s.contains("No run was begun"));
    // Off to the shell and back.
    desk.key("C-z");
    desk.until("the shell", |s| s.contains("Stopped"));
    desk.line("fg; echo it ended with $?");
    desk.until("the form again", |s| s.contains("[Site]"));
    desk.key("C-c");
    desk.until("the question", |s| s.contains("No run was begun"));
    desk.key("Tab");
    desk.key("Enter");
    desk.until("the exit code", |s| s.contains("it ended with 4"));
    desk.back_at_the_shell();
    assert_eq!(desk.terminal_state(), before);
    let runs = desk.wizard(&["runs", "--json"]);
    assert_eq!(runs.stdout.trim_ascii(), br#"{"runs":[]}"#);
}

#[test]
fn without_a_terminal_it_says_what_to_type_instead() {
    let output = Command::new(env!("CARGO_BIN_EXE_imsmigrate"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("imsmigrate practice --plain"), "{said}");
    assert!(output.stdout.is_empty());
}
