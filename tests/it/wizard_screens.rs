//! The screens before the run, drawn from a lab's own site, real answers of real checks and a real
//! plan (`tests/golden/wizard`, with the script that records them); and what keys do on them.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use imsmigrate::check::{CheckReport, Outcome};
use imsmigrate::plan::Plan;
use imsmigrate::scenario;
use imsmigrate::site::{Label, Site, Transport};
use imsmigrate::tui::keymap::{self, Cmd, Place};
use imsmigrate::tui::theme::Theme;
use imsmigrate::tui::wizard::draw::draw;
use imsmigrate::tui::wizard::state::{Action, Done, Job, Kind, Part, Prepared, Screen, Wizard};
use imsmigrate::tui::wizard::update::{done, paste, update};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::{Backend as _, TestBackend};
use std::path::{Path, PathBuf};
use std::time::Duration;

const SIZES: [(u16, u16); 3] = [(60, 15), (80, 24), (120, 40)];
const USUAL: (u16, u16) = (80, 24);
/// Where the recorded lab says it is.
const FILE: &str = "/var/tmp/practice/lab/site.toml";

fn golden(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/wizard")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

fn reports(name: &str) -> Vec<CheckReport> {
    let all: serde_json::Value = serde_json::from_str(&golden(name)).unwrap();
    serde_json::from_value(all["checks"].clone()).unwrap()
}

fn plan(name: &str) -> Plan {
    serde_json::from_str(&golden(name)).unwrap()
}

fn wizard(size: (u16, u16)) -> Wizard {
    let scenarios = scenario::ids().map(|id| scenario::load(id).unwrap());
    Wizard::new(scenarios.collect(), size)
}

fn press(w: &mut Wizard, cmd: &Cmd) -> Vec<Action> {
    update(w, cmd)
}

fn type_text(w: &mut Wizard, text: &str) {
    for c in text.chars() {
        assert!(press(w, &Cmd::Type(c)).is_empty());
    }
}

/// A key pressed as a person does, through the keymap.
fn key(w: &mut Wizard, code: KeyCode) -> Vec<Action> {
    let event = KeyEvent::new(code, KeyModifiers::NONE);
    match keymap::translate(&event, w.place()) {
        Some(cmd) => press(w, &cmd),
        None => Vec::new(),
    }
}

/// The site of the lab, loaded by keys.
fn on_site(size: (u16, u16)) -> Wizard {
    let mut w = wizard(size);
    key(&mut w, KeyCode::Char('o'));
    paste(&mut w, &format!("{FILE}\n"));
    let actions = key(&mut w, KeyCode::Enter);
    let [Action::Do(Job::Load(path))] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert_eq!(path, Path::new(FILE));
    done(&mut w, Done::Loaded(path.clone(), Ok(golden("site.toml"))));
    assert_eq!(w.screen, Screen::Site);
    w
}

fn prepared(missing: &[(&str, &str)], checks: &str) -> Done {
    let owned = |(name, title): &(&str, &str)| ((*name).to_owned(), (*title).to_owned());
    Done::Prepared(Ok(Box::new(Prepared {
        missing: missing.iter().map(owned).collect(),
        checks: reports(checks).into_iter().map(|r| r.id).collect(),
        draft: plan("draft.json"),
    })))
}

/// The checks are being asked.
fn asking(size: (u16, u16)) -> Wizard {
    let mut w = on_site(size);
    let actions = press(&mut w, &Cmd::GoOn);
    assert!(matches!(
        actions.as_slice(),
        [Action::Do(Job::Prepare { again: false, .. })]
    ));
    let actions = done(&mut w, prepared(&[], "checks-good.json"));
    let [Action::Do(Job::Check { ids, .. })] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert_eq!(ids.len(), reports("checks-good.json").len());
    assert_eq!(w.screen, Screen::Checks);
    w
}

/// They have been answered, as recorded.
fn checked(size: (u16, u16), name: &str) -> Wizard {
    let mut w = asking(size);
    w.now = Duration::from_secs(10);
    let round = w.round;
    for report in reports(name) {
        done(&mut w, Done::Checked(round, report));
        w.now += Duration::from_secs(13);
    }
    w
}

fn planned(size: (u16, u16)) -> Wizard {
    let mut w = checked(size, "checks-good.json");
    let actions = press(&mut w, &Cmd::Enter);
    assert!(matches!(actions.as_slice(), [Action::Do(Job::Plan { .. })]));
    let round = w.round;
    done(
        &mut w,
        Done::Planned(round, Ok(Box::new(plan("plan.json")))),
    );
    w
}

fn drawn(w: &Wizard) -> (String, (u16, u16)) {
    let (columns, rows) = w.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal
        .draw(|frame| draw(frame, w, Theme::default()))
        .unwrap();
    let at = terminal.backend_mut().get_cursor_position().unwrap();
    (terminal.backend().to_string(), (at.x, at.y))
}

fn shot(name: &str, w: &Wizard) {
    let (text, (x, y)) = drawn(w);
    let name = format!("{name}_{}x{}", w.size.0, w.size.1);
    insta::assert_snapshot!(name, format!("{text}cursor: column {x}, row {y}\n"));
}

fn says(w: &Wizard, text: &str) {
    let (screen, _) = drawn(w);
    assert!(screen.contains(text), "`{text}` is not on\n{screen}");
}

#[test]
fn scenario_and_site_are_complete_at_every_size() {
    for size in SIZES {
        let mut w = wizard(size);
        shot("scenario", &w);
        press(&mut w, &Cmd::Enter);
        shot("site-fresh", &w);
        let mut w = on_site(size);
        shot("site-lab", &w);
        go_to(&mut w, "directory.base_dn");
        press(&mut w, &Cmd::Wipe);
        type_text(&mut w, "internet");
        shot("site-wrong", &w);
        let mut w = on_site(size);
        go_to(&mut w, "relay.networks");
        press(&mut w, &Cmd::Enter);
        paste(&mut w, "\n198.51.100.7\n203.0.113.0/24");
        shot("site-lines", &w);
        press(&mut w, &Cmd::Back);
        shot("site-relay", &w);
    }
}

#[test]
fn checks_and_plan_are_complete_at_every_size() {
    for size in SIZES {
        shot("checks-asked", &asking(size));
        shot("checks-good", &checked(size, "checks-good.json"));
        shot(
            "checks-wrong-password",
            &checked(size, "checks-wrong-password.json"),
        );
        let mut w = checked(size, "checks-odd-tools.json");
        press(&mut w, &Cmd::End);
        shot("checks-unknown", &w);
        let unknown = next_unknown(&w).unwrap();
        go_to_check(&mut w, unknown);
        press(&mut w, &Cmd::Waive);
        type_text(&mut w, "df was patched; looked at by hand");
        shot("checks-waive", &w);
        press(&mut w, &Cmd::Enter);
        shot("checks-waived", &w);
        shot("checks-all-down", &checked(size, "checks-all-down.json"));
        let mut w = planned(size);
        shot("plan", &w);
        press(&mut w, &Cmd::Search);
        type_text(&mut w, "imsdirmig");
        press(&mut w, &Cmd::Enter);
        shot("plan-found", &w);
        press(&mut w, &Cmd::Start);
        shot("start", &w);
    }
}

#[test]
fn passwords_leaving_and_help_are_drawn() {
    for size in SIZES {
        let mut w = on_site(size);
        press(&mut w, &Cmd::GoOn);
        let missing = [
            ("directory", "directory password"),
            ("config-directory", "configuration directory password"),
        ];
        done(&mut w, prepared(&missing, "checks-good.json"));
        type_text(&mut w, "c4n4ry");
        shot("passwords", &w);
        let mut w = on_site(size);
        press(&mut w, &Cmd::Leave);
        shot("leave", &w);
        press(&mut w, &Cmd::Help);
        shot("wizard-help", &w);
    }
}

/// Puts the focus on a field by Tab.
fn go_to(w: &mut Wizard, path: &str) {
    for _ in 0..100 {
        if w.form
            .as_ref()
            .unwrap()
            .focused()
            .is_some_and(|e| e.path() == path)
        {
            return;
        }
        press(w, &Cmd::Next);
    }
    panic!("Tab never comes to {path}");
}

#[test]
fn tab_and_shift_tab_come_to_every_field_and_button_and_each_is_seen() {
    for size in SIZES {
        let mut w = on_site(size);
        let first = w.form.clone().unwrap();
        let count = first.visible().len();
        for n in 0..count + 4 {
            let (screen, (x, y)) = drawn(&w);
            assert!(x < size.0 && y < size.1 - 2, "{x} {y}");
            if let Some(entry) = w.form.as_ref().unwrap().focused() {
                let line = screen.lines().nth(y.into()).unwrap();
                assert!(line.contains(entry.spec.label), "{n}: {line}");
            }
            press(&mut w, &Cmd::Next);
        }
        assert_eq!(w.form.as_ref().unwrap().focus, 0);
        for _ in 0..count + 4 {
            press(&mut w, &Cmd::Previous);
        }
        assert_eq!(w.form, Some(first));
    }
}

#[test]
fn what_is_typed_is_judged_at_once_and_back_keeps_it() {
    let mut w = wizard(USUAL);
    press(&mut w, &Cmd::Enter);
    go_to(&mut w, "new.smtp_port");
    // What is printable is text in a field, whatever it does elsewhere.
    for c in ['q', 'r', '?'] {
        key(&mut w, KeyCode::Char(c));
    }
    says(&w, "`25qr?` is not a whole number");
    assert!(press(&mut w, &Cmd::GoOn).is_empty(), "nothing goes on");
    says(&w, "One thing does not hold yet");
    press(&mut w, &Cmd::Back);
    assert_eq!(w.screen, Screen::Scenario);
    press(&mut w, &Cmd::Enter);
    says(&w, "`25qr?` is not a whole number");
    press(&mut w, &Cmd::Wipe);
    type_text(&mut w, "25");
    let actions = press(&mut w, &Cmd::GoOn);
    let [Action::Do(Job::Prepare { site, file, .. })] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert_eq!((site.new.smtp_port, file), (25, &None));
    assert_eq!(site.label, Label::Live);
}

#[test]
fn a_host_reached_by_ssh_is_asked_for_its_destination() {
    let mut w = wizard(USUAL);
    press(&mut w, &Cmd::Enter);
    go_to(&mut w, "hosts[0].transport");
    key(&mut w, KeyCode::Char(' '));
    says(&w, "the transport `ssh` needs `ssh_destination`");
    go_to(&mut w, "hosts[0].ssh_destination");
    type_text(&mut w, "root@mail.siroe.com");
    let site = w.form.as_ref().unwrap().site().unwrap();
    assert_eq!(site.hosts[0].transport, Transport::Ssh);
    assert_eq!(
        site.hosts[0].ssh_destination.as_deref(),
        Some("root@mail.siroe.com")
    );
}

#[test]
fn a_site_is_saved_where_the_person_says_and_as_it_would_be_loaded() {
    let mut w = on_site(USUAL);
    go_to(&mut w, "relay.networks");
    press(&mut w, &Cmd::Enter);
    press(&mut w, &Cmd::Enter);
    paste(&mut w, "  198.51.100.7  \n\n");
    press(&mut w, &Cmd::Back);
    says(&w, "(changed)");
    press(&mut w, &Cmd::Save);
    says(&w, FILE);
    let actions = press(&mut w, &Cmd::Enter);
    let [Action::Do(Job::Save(site, path))] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert_eq!(path, Path::new(FILE));
    let networks = &site.relay.networks;
    assert!(
        networks.ends_with(&["198.51.100.7".to_owned()]),
        "{networks:?}"
    );
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("site.toml");
    site.save(&file).unwrap();
    assert_eq!(Site::load(&file).unwrap(), **site);
    done(&mut w, Done::Saved(path.clone(), Ok(())));
    assert!(!drawn(&w).0.contains("(changed)"));
    assert!(!w.form.unwrap().is_changed());
}

#[test]
fn a_file_that_cannot_be_read_is_asked_for_again_and_one_with_problems_is_shown_with_them() {
    let mut w = wizard(USUAL);
    press(&mut w, &Cmd::Open);
    type_text(&mut w, "/nowhere");
    press(&mut w, &Cmd::Enter);
    let error = Err("cannot use the site file `/nowhere`".to_owned());
    done(&mut w, Done::Loaded(PathBuf::from("/nowhere"), error));
    says(&w, "cannot use the site file `/nowhere`");
    assert_eq!(w.place(), Place::Ask, "it can be corrected at once");
    let broken = golden("site.toml").replace("o=internet", "internet");
    done(&mut w, Done::Loaded(PathBuf::from("x"), Ok(broken)));
    says(&w, "do not hold");
    says(&w, "is not a DN");
}

#[test]
fn passwords_are_seen_nowhere_wiped_by_esc_and_handed_over_once() {
    let missing = [
        ("directory", "directory password"),
        ("admin", "administrator password"),
    ];
    let mut w = on_site(USUAL);
    press(&mut w, &Cmd::GoOn);
    done(&mut w, prepared(&missing, "checks-good.json"));
    assert_eq!(w.place(), Place::Secret);
    type_text(&mut w, "c4n4ry");
    let seen = |w: &Wizard| format!("{w:?}{}", drawn(w).0);
    assert!(!seen(&w).contains("c4n4ry"));
    press(&mut w, &Cmd::Back);
    assert!(w.popup.is_none());
    assert_eq!(w.screen, Screen::Site);

    press(&mut w, &Cmd::GoOn);
    done(&mut w, prepared(&missing, "checks-good.json"));
    paste(&mut w, "c4n4ry\n");
    press(&mut w, &Cmd::Enter);
    press(&mut w, &Cmd::Enter);
    assert!(press(&mut w, &Cmd::Enter).is_empty(), "one is missing");
    says(&w, "Every password is needed");
    assert_eq!(w.popup.as_ref().unwrap().part(), Part::Secret(1));
    type_text(&mut w, "an0ther");
    press(&mut w, &Cmd::Next);
    let actions = press(&mut w, &Cmd::Enter);
    let [
        Action::Do(Job::Secrets(given)),
        Action::Do(Job::Check { .. }),
    ] = actions.as_slice()
    else {
        panic!("{actions:?}");
    };
    let given: Vec<_> = given
        .iter()
        .map(|(n, s)| (n.as_str(), s.expose()))
        .collect();
    assert_eq!(given, [("directory", "c4n4ry"), ("admin", "an0ther")]);
    let told = format!("{actions:?}{}", seen(&w));
    assert!(
        !told.contains("c4n4ry") && !told.contains("an0ther"),
        "{told}"
    );
}

#[test]
fn the_checks_let_nobody_pass_while_one_inhibits_or_is_open() {
    let mut w = asking(USUAL);
    assert!(press(&mut w, &Cmd::Enter).is_empty());
    assert_eq!(w.screen, Screen::Checks);
    says(&w, "not answered yet");
    let mut w = checked(USUAL, "checks-wrong-password.json");
    assert!(press(&mut w, &Cmd::Enter).is_empty());
    assert_eq!(w.screen, Screen::Checks);
    says(&w, "keep the run from beginning");
    // One is asked again, then all.
    let actions = key(&mut w, KeyCode::Char('r'));
    let [Action::Do(Job::Check { ids, round, .. })] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert_eq!(ids, &["ldap-answers"]);
    let round = *round;
    let actions = key(&mut w, KeyCode::Char('a'));
    let [Action::Do(Job::Check { ids, .. })] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    let all = reports("checks-good.json").len();
    assert_eq!(ids.len(), all - 1, "what is being asked is not asked twice");
    for report in reports("checks-good.json") {
        done(&mut w, Done::Checked(round, report));
    }
    let actions = press(&mut w, &Cmd::Enter);
    assert!(matches!(actions.as_slice(), [Action::Do(Job::Plan { .. })]));
    assert_eq!(w.screen, Screen::Plan);
}

/// The first check that cannot be told and inhibits.
fn next_unknown(w: &Wizard) -> Option<usize> {
    w.checks.rows.iter().position(|row| {
        let report = row.report.as_ref().map(|(report, _)| report);
        report.is_some_and(|r| r.inhibits && r.outcome == Outcome::Unknown)
    })
}

fn go_to_check(w: &mut Wizard, at: usize) {
    press(w, &Cmd::Home);
    for _ in 0..at {
        press(w, &Cmd::Down);
    }
    assert_eq!(w.checks.selected, at);
}

#[test]
fn what_cannot_be_told_is_waived_with_a_reason_and_what_has_failed_is_not() {
    let mut w = checked(USUAL, "checks-odd-tools.json");
    let mut waived = Vec::new();
    while let Some(at) = next_unknown(&w) {
        go_to_check(&mut w, at);
        key(&mut w, KeyCode::Char('w'));
        press(&mut w, &Cmd::Enter);
        says(&w, "A reason is needed");
        type_text(&mut w, "seen by hand");
        press(&mut w, &Cmd::Enter);
        waived.push(w.checks.rows[at].id.clone());
        says(&w, "Waived: seen by hand");
    }
    assert!(!waived.is_empty());
    let failed = |w: &Wizard| {
        let fails = |r: &CheckReport| r.inhibits && r.outcome == Outcome::Failed;
        let rows = w.checks.rows.iter();
        rows.map(|row| row.report.as_ref().is_some_and(|(r, _)| fails(r)))
            .position(|failed| failed)
    };
    let at = failed(&w).unwrap();
    go_to_check(&mut w, at);
    key(&mut w, KeyCode::Char('w'));
    assert!(w.popup.is_none());
    says(&w, "has failed: that cannot be waived.");

    // An answer that comes later is waived too, until the waiver is taken back.
    let at = w
        .checks
        .rows
        .iter()
        .position(|r| r.id == waived[0])
        .unwrap();
    go_to_check(&mut w, at);
    let report = |name| {
        let mut reports = reports(name).into_iter();
        reports.rfind(|r| r.id == waived[0]).unwrap()
    };
    let round = w.round;
    done(
        &mut w,
        Done::Checked(round, report("checks-odd-tools.json")),
    );
    says(&w, "Waived: seen by hand");
    let actions = key(&mut w, KeyCode::Char('w'));
    let [Action::Do(Job::Check { ids, .. })] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert_eq!(ids, &waived[..1]);
    done(
        &mut w,
        Done::Checked(round, report("checks-odd-tools.json")),
    );
    assert_eq!(next_unknown(&w), Some(at));
    key(&mut w, KeyCode::Char('w'));
    type_text(&mut w, "seen twice");
    press(&mut w, &Cmd::Enter);

    // The run is told.
    for report in reports("checks-good.json") {
        done(&mut w, Done::Checked(round, report));
    }
    press(&mut w, &Cmd::Enter);
    done(
        &mut w,
        Done::Planned(round, Ok(Box::new(plan("plan.json")))),
    );
    press(&mut w, &Cmd::Start);
    says(&w, &format!("Waived by you: {}", waived[0]));
    press(&mut w, &Cmd::Next);
    let actions = press(&mut w, &Cmd::Enter);
    let [Action::Do(Job::Start { waivers, .. })] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert_eq!(waivers.len(), waived.len());
    assert_eq!(waivers[&waived[0]], "seen twice");
}

#[test]
fn a_changed_site_is_checked_anew_and_answers_about_the_old_one_do_not_count() {
    let mut w = checked(USUAL, "checks-good.json");
    let old = w.round;
    press(&mut w, &Cmd::Back);
    press(&mut w, &Cmd::GoOn);
    let actions = done(&mut w, prepared(&[], "checks-good.json"));
    assert!(
        actions.is_empty(),
        "the same site: the answers hold, with their age"
    );
    assert!(w.checks.pass());
    press(&mut w, &Cmd::Back);
    go_to(&mut w, "store.sessions");
    press(&mut w, &Cmd::Wipe);
    type_text(&mut w, "12");
    press(&mut w, &Cmd::GoOn);
    let actions = done(&mut w, prepared(&[], "checks-good.json"));
    let [Action::Do(Job::Check { round, site, .. })] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert_eq!(site.store.sessions, 12);
    assert_ne!(*round, old);
    for report in reports("checks-good.json") {
        done(&mut w, Done::Checked(old, report));
    }
    assert!(!w.checks.pass());
    done(&mut w, Done::Planned(old, Ok(Box::new(plan("plan.json")))));
    assert!(w.plan.plan.is_none());
}

#[test]
fn the_run_is_started_only_from_the_button_and_a_refusal_is_shown() {
    let mut w = planned(USUAL);
    key(&mut w, KeyCode::Char('s'));
    let popup = w.popup.as_ref().unwrap();
    assert!(matches!(popup.kind, Kind::Start));
    assert_eq!(popup.part(), Part::Cancel);
    assert!(press(&mut w, &Cmd::Enter).is_empty(), "not yet");
    key(&mut w, KeyCode::Char('s'));
    press(&mut w, &Cmd::Next);
    let actions = press(&mut w, &Cmd::Enter);
    let [Action::Do(Job::Start { file, .. })] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert_eq!(file.as_deref(), Some(Path::new(FILE)));
    assert!(key(&mut w, KeyCode::Char('s')).is_empty(), "once is enough");
    assert!(w.popup.is_none());
    assert!(done(&mut w, Done::Started(Err("no room".to_owned()))).is_empty());
    says(&w, "✗ no room");
    press(&mut w, &Cmd::Start);
    press(&mut w, &Cmd::Next);
    press(&mut w, &Cmd::Enter);
    let actions = done(&mut w, Done::Started(Ok(())));
    assert!(matches!(actions.as_slice(), [Action::Run]));
}

#[test]
fn the_search_opens_the_step_it_finds_and_goes_round() {
    let mut w = planned(USUAL);
    press(&mut w, &Cmd::Search);
    type_text(&mut w, "DB2LDIF");
    press(&mut w, &Cmd::Enter);
    says(&w, "db2ldif");
    says(&w, "1 of ");
    let first = w.plan.at;
    press(&mut w, &Cmd::NextHit);
    assert!(w.plan.at > first);
    press(&mut w, &Cmd::PreviousHit);
    assert_eq!(w.plan.at, first);
    press(&mut w, &Cmd::PreviousHit);
    assert!(w.plan.at > first, "round");
    press(&mut w, &Cmd::Search);
    press(&mut w, &Cmd::Wipe);
    type_text(&mut w, "no such words");
    press(&mut w, &Cmd::Enter);
    says(&w, "`no such words` is not in the plan");
}

/// The places a key can work.
const PLACES: [Place; 10] = [
    Place::Choose,
    Place::Line,
    Place::Form,
    Place::Lines,
    Place::Secret,
    Place::Ask,
    Place::AskButtons,
    Place::Help,
    Place::Checks,
    Place::Plan,
];

/// A wizard at a place.
fn at(place: Place) -> Wizard {
    let mut w = match place {
        Place::Choose => wizard(USUAL),
        Place::Checks => checked(USUAL, "checks-good.json"),
        Place::Plan | Place::AskButtons => planned(USUAL),
        _ => on_site(USUAL),
    };
    match place {
        Place::Line => go_to(&mut w, "hosts[0].fqdn"),
        Place::Form => go_to(&mut w, "hosts[0].transport"),
        Place::Lines => {
            go_to(&mut w, "hosts[0].via");
            press(&mut w, &Cmd::Enter);
            type_text(&mut w, "x");
        }
        Place::Secret => {
            press(&mut w, &Cmd::GoOn);
            let missing = [("directory", "directory password")];
            done(&mut w, prepared(&missing, "checks-good.json"));
            type_text(&mut w, "x");
        }
        Place::Ask => drop(press(&mut w, &Cmd::Open)),
        Place::AskButtons => drop(press(&mut w, &Cmd::Start)),
        Place::Help => drop(press(&mut w, &Cmd::Help)),
        _ => {}
    }
    assert_eq!(w.place(), place);
    w
}

#[test]
fn every_key_of_the_footer_does_something_and_every_key_of_the_help_is_found() {
    for place in PLACES {
        let keys: Vec<_> = keymap::footer(place).collect();
        assert!((1..=6).contains(&keys.len()), "{place:?}");
        for key in keymap::help(place) {
            let cmd = keymap::translate(&keymap::event_of(key), place);
            assert_eq!(cmd.as_ref(), Some(&key.cmd), "{} at {place:?}", key.name);
        }
        for key in keys {
            let mut w = at(place);
            let before = format!("{w:?}{:?}", drawn(&w));
            let actions = update(&mut w, &key.cmd);
            let after = format!("{w:?}{:?}", drawn(&w));
            assert!(
                !actions.is_empty() || after != before,
                "{} does nothing at {place:?}",
                key.name
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn no_size_and_no_keys_make_the_wizard_panic_and_the_cursor_stays_on_the_screen(
        columns in 1u16..200,
        rows in 1u16..60,
        keys in proptest::collection::vec(0usize..1_000, 0..12),
        world in 0usize..10,
    ) {
        let mut w = at(PLACES[world]);
        w.size = (columns, rows);
        for n in keys {
            let key = &keymap::KEYS[n % keymap::KEYS.len()];
            if let Some(cmd) = keymap::translate(&keymap::event_of(key), w.place()) {
                update(&mut w, &cmd);
            }
            let (_, (x, y)) = drawn(&w);
            prop_assert!(x < columns && y < rows);
        }
    }
}
