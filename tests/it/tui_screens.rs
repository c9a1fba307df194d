//! The screens, drawn from the fold of journals of real lab runs (`tests/golden/runs`), never from
//! hand-made state; and what keys do on them.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use imsmigrate::engine::event::{Event, Level, Outcome, Record};
use imsmigrate::tui::attention::REST;
use imsmigrate::tui::draw::draw;
use imsmigrate::tui::keymap::{self, Cmd, Place};
use imsmigrate::tui::seen::Seen;
use imsmigrate::tui::state::{Kind, Pane, Part, Stage, Ui};
use imsmigrate::tui::theme::Theme;
use imsmigrate::tui::update::{Action, Leaving, Wish, follow, paste, rested, shown, update};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::{Backend as _, TestBackend};
use std::path::Path;
use std::time::Duration;

const ME: &str = "root on pts/1";
const SMALL: (u16, u16) = (60, 15);
const USUAL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (120, 40);

fn journal(name: &str) -> Vec<Record> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/runs")
        .join(format!("{name}.jsonl"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The run as it was when `here` first held, that event included.
fn until(name: &str, here: impl Fn(&Seen, &Event) -> bool) -> Seen {
    let mut seen = Seen::default();
    for record in journal(name) {
        seen.take(&record);
        if here(&seen, &record.event) {
            return seen;
        }
    }
    panic!("the run `{name}` never came there");
}

fn at_gate(name: &str, level: Level, task: bool) -> Seen {
    until(name, |seen, event| match event {
        Event::GateOpened { gate } => gate.level == level && seen.is_task(gate) == task,
        _ => false,
    })
}

fn at_command(name: &str) -> Seen {
    until(name, |seen, event| match event {
        Event::GateOpened { gate } => !seen.command_of(gate).is_empty(),
        _ => false,
    })
}

fn moving() -> Seen {
    let mut intended = 0;
    let mut seen = Seen::default();
    for record in journal("done") {
        seen.take(&record);
        if let Event::EffectIntended { effect, .. } = &record.event {
            intended += usize::from(effect.contains("/s0"));
        }
        if intended == 2 {
            return seen;
        }
    }
    panic!("no two sessions at once");
}

/// Half of the mail is moved.
fn half_way() -> Seen {
    until("moving", |seen, event| {
        let told = seen.pace.of(&seen.run);
        matches!(event, Event::EffectProgress { .. })
            && told.is_some_and(|t| t.percent.is_some_and(|p| p >= 50))
    })
}

fn failed() -> Seen {
    until("failed", |_, event| {
        matches!(
            event,
            Event::StepEnded {
                outcome: Outcome::Failed,
                ..
            }
        )
    })
}

fn done() -> Seen {
    until("done", |_, event| matches!(event, Event::RunEnded { .. }))
}

/// A screen that has seen the run, half a second ago.
fn screen(seen: &Seen, size: (u16, u16)) -> Ui {
    let mut ui = Ui::new(ME, size);
    follow(&mut ui, seen);
    look(&mut ui);
    ui
}

/// The person looks at what is drawn and presses nothing.
fn look(ui: &mut Ui) {
    shown(ui, Duration::ZERO);
    rested(ui, REST);
}

fn press(ui: &mut Ui, seen: &Seen, cmd: &Cmd) -> Vec<Action> {
    let actions = update(ui, seen, cmd, REST);
    follow(ui, seen);
    look(ui);
    actions
}

fn type_text(ui: &mut Ui, seen: &Seen, text: &str) {
    for c in text.chars() {
        assert_eq!(press(ui, seen, &Cmd::Type(c)), []);
    }
}

/// The screen as text, and where the cursor is.
fn drawn(ui: &Ui, seen: &Seen) -> (String, (u16, u16)) {
    let (columns, rows) = ui.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal
        .draw(|frame| draw(frame, ui, seen, Theme::default()))
        .unwrap();
    let at = terminal.backend_mut().get_cursor_position().unwrap();
    let text = terminal.backend().to_string();
    (text, (at.x, at.y))
}

fn shot(name: &str, ui: &Ui, seen: &Seen) {
    let (text, (x, y)) = drawn(ui, seen);
    let name = format!("{name}_{}x{}", ui.size.0, ui.size.1);
    insta::assert_snapshot!(name, format!("{text}cursor: column {x}, row {y}\n"));
}

#[test]
fn the_run_is_complete_at_every_size() {
    for size in [SMALL, USUAL, LARGE] {
        let start = until("done", |_, e| matches!(e, Event::StepEntered { .. }));
        shot("start", &screen(&start, size), &start);
        let seen = moving();
        let mut ui = screen(&seen, size);
        ui.pane = Pane::Work;
        shot("sessions", &ui, &seen);
        let seen = half_way();
        let mut ui = screen(&seen, size);
        ui.pane = Pane::Work;
        ui.moment = seen.pace.last();
        shot("half-way", &ui, &seen);
        ui.moment = seen.pace.last().map(|at| at + Duration::from_secs(47));
        let (text, _) = drawn(&ui, &seen);
        assert!(text.contains("nothing has come for 47 s"), "{text}");
        let seen = done();
        let mut ui = screen(&seen, size);
        shot("result", &ui, &seen);
        press(&mut ui, &seen, &Cmd::Back);
        ui.pane = Pane::Log;
        shot("log-afterwards", &ui, &seen);
    }
}

#[test]
fn every_level_of_gate_says_what_it_is_and_asks_in_its_own_way() {
    for size in [SMALL, USUAL, LARGE] {
        for (name, seen) in [
            ("gate-note", at_gate("done", Level::Note, false)),
            ("gate-change", at_gate("done", Level::Change, false)),
            (
                "gate-destructive",
                at_gate("done", Level::Destructive, false),
            ),
            (
                "gate-irreversible",
                at_gate("tape", Level::Irreversible, false),
            ),
            ("task-words", at_gate("done", Level::Note, true)),
            ("task-command", at_command("done")),
            ("failed", failed()),
        ] {
            let mut ui = screen(&seen, size);
            assert!(ui.popup.is_some(), "{name}");
            ui.moment = seen.clock.facts_at.map(|at| at + Duration::from_secs(18));
            shot(name, &ui, &seen);
        }
    }
}

#[test]
fn every_button_is_there_at_the_least_size_however_long_a_title_is() {
    for level in [Level::Note, Level::Change] {
        let mut seen = at_gate("done", level, false);
        let gate = seen.run.gate.clone().unwrap();
        let step = seen.run.steps.iter_mut().find(|s| s.head.id == gate.id);
        step.unwrap().head.title = "Do what takes a very long time to say ".repeat(5);
        let mut ui = screen(&seen, SMALL);
        let (text, _) = drawn(&ui, &seen);
        assert!(
            text.contains("[ Cancel ]") && text.contains("[ Do what"),
            "{text}"
        );
        press(&mut ui, &seen, &Cmd::Next);
        let (_, (x, _)) = drawn(&ui, &seen);
        assert!(x < SMALL.0);
    }
}

#[test]
fn a_run_is_taken_back_as_far_as_a_person_says_and_what_cannot_be_is_refused_as_the_command_does() {
    let seen = until("window", |_, event| matches!(event, Event::RunEnded { .. }));
    for size in [SMALL, USUAL, LARGE] {
        let mut ui = screen(&seen, size);
        press(&mut ui, &seen, &Cmd::TakeBack);
        press(&mut ui, &seen, &Cmd::Up);
        shot("undo", &ui, &seen);
    }
    let mut ui = screen(&seen, USUAL);
    assert!(drawn(&ui, &seen).0.contains("u undo"));
    press(&mut ui, &seen, &Cmd::TakeBack);
    assert_eq!(press(&mut ui, &seen, &Cmd::Enter), [], "cancelled");
    assert!(ui.popup.is_none());
    press(&mut ui, &seen, &Cmd::TakeBack);
    let ways: Vec<String> = seen.ways_back().iter().map(|s| s.head.id.clone()).collect();
    press(&mut ui, &seen, &Cmd::Up);
    press(&mut ui, &seen, &Cmd::Next);
    let to = Some(ways[ways.len() - 2].clone());
    let left = press(&mut ui, &seen, &Cmd::Enter);
    assert_eq!(left, [Action::Quit(Leaving::Undo(to))]);

    // While it stands at a gate the engine is asked; one step selected is the one that is meant.
    let mut seen = at_gate("window", Level::Destructive, false);
    seen.run.control = None;
    let mut ui = screen(&seen, USUAL);
    press(&mut ui, &seen, &Cmd::Back);
    let first = seen.ways_back()[0].head.id.clone();
    ui.selected = seen.run.steps.iter().position(|s| s.head.id == first);
    press(&mut ui, &seen, &Cmd::TakeBack);
    press(&mut ui, &seen, &Cmd::Next);
    let to = Some(first);
    let sent = press(&mut ui, &seen, &Cmd::Enter);
    assert_eq!(sent, [Action::Send(Wish::Undo { to })]);
    let mut refused = seen.clone();
    let mut record = journal("done").remove(0);
    record.idx = seen.last + 1;
    record.event = Event::AskRefused {
        by: ME.to_owned(),
        ask: "undo".to_owned(),
        reason: "something is under way".to_owned(),
    };
    refused.take(&record);
    follow(&mut ui, &refused);
    assert!(drawn(&ui, &refused).0.contains("✗ something is under way"));

    let cannot = |seen: &Seen, why: &str| {
        let mut ui = screen(seen, USUAL);
        press(&mut ui, seen, &Cmd::Back);
        assert!(!drawn(&ui, seen).0.contains("u undo"));
        press(&mut ui, seen, &Cmd::TakeBack);
        let (text, _) = drawn(&ui, seen);
        assert!(text.contains(why), "{text}");
        assert_eq!(ui.popup.unwrap().parts, [Part::Cancel]);
    };
    cannot(&moving(), "is at work; stop it first: imsmigrate stop");
    let mut back = Seen::default();
    for record in journal("window") {
        back.take(&record);
    }
    cannot(&back, "everything was taken back already");
}

#[test]
fn a_blocked_step_has_its_check_waived_by_name_and_with_a_reason() {
    let mut seen = at_gate("done", Level::Note, false);
    let mut record = journal("done").remove(0);
    record.idx = seen.last + 1;
    record.event = Event::StepBlocked {
        step: seen.run.current().unwrap().head.id.clone(),
        reasons: vec![
            "the host is away".to_owned(),
            "var-mail: it cannot be told".to_owned(),
        ],
    };
    seen.take(&record);
    for size in [SMALL, USUAL, LARGE] {
        let mut ui = screen(&seen, size);
        let (text, _) = drawn(&ui, &seen);
        assert!(
            text.contains("[ Waive… ]") && text.contains("[ Stop ]"),
            "{text}"
        );
        for _ in 0..2 {
            press(&mut ui, &seen, &Cmd::Next);
        }
        assert_eq!(press(&mut ui, &seen, &Cmd::Enter), []);
        assert_eq!(press(&mut ui, &seen, &Cmd::Enter), []);
        assert!(drawn(&ui, &seen).0.contains("A reason is needed."));
        type_text(&mut ui, &seen, "seen by hand");
        let waive = Wish::Waive {
            check: "var-mail".to_owned(),
            reason: "seen by hand".to_owned(),
        };
        assert_eq!(press(&mut ui, &seen, &Cmd::Enter), [Action::Send(waive)]);
    }
}

#[test]
fn help_and_leaving_are_drawn_and_a_screen_too_small_says_so() {
    let seen = moving();
    let mut ui = screen(&seen, USUAL);
    press(&mut ui, &seen, &Cmd::Leave);
    shot("leave", &ui, &seen);
    press(&mut ui, &seen, &Cmd::Help);
    shot("help", &ui, &seen);
    let mut ui = screen(&seen, (59, 15));
    let (text, _) = drawn(&ui, &seen);
    assert!(
        text.contains("59 columns and 15 rows") && text.contains("60 and 15"),
        "{text}"
    );
    assert_eq!(press(&mut ui, &seen, &Cmd::Enter), []);
    let left = press(&mut ui, &seen, &Cmd::Leave);
    assert_eq!(left, [Action::Quit(Leaving::Detached)]);
}

#[test]
fn a_change_is_not_made_by_enter_alone_and_a_note_is() {
    let seen = at_gate("done", Level::Change, false);
    let mut ui = screen(&seen, USUAL);
    let gate = seen.run.gate.clone().unwrap().id;
    assert_eq!(press(&mut ui, &seen, &Cmd::Enter), []);
    assert!(ui.popup.is_none(), "cancelled");
    assert_eq!(press(&mut ui, &seen, &Cmd::Enter), []);
    press(&mut ui, &seen, &Cmd::Next);
    let answer = |gate: String| Action::Send(Wish::Answer { gate, text: None });
    assert_eq!(press(&mut ui, &seen, &Cmd::Enter), [answer(gate)]);
    assert_eq!(press(&mut ui, &seen, &Cmd::Enter), [], "it is sent once");

    let seen = at_gate("done", Level::Note, false);
    let mut ui = screen(&seen, USUAL);
    let gate = seen.run.gate.clone().unwrap().id;
    assert_eq!(press(&mut ui, &seen, &Cmd::Enter), [answer(gate)]);
}

#[test]
fn keys_typed_before_a_question_was_seen_do_nothing_and_the_screen_says_so() {
    let seen = at_gate("done", Level::Destructive, false);
    let mut ui = Ui::new(ME, USUAL);
    follow(&mut ui, &seen);
    update(&mut ui, &seen, &Cmd::Type('m'), Duration::ZERO);
    shown(&mut ui, REST);
    assert!(!rested(&mut ui, REST * 3 / 2), "it has just come up");
    for (n, cmd) in [Cmd::Enter, Cmd::Type('a'), Cmd::Next, Cmd::Back]
        .iter()
        .enumerate()
    {
        let now = REST * 3 / 2 + REST * u32::try_from(n).unwrap() / 2;
        assert_eq!(update(&mut ui, &seen, cmd, now), []);
        paste(&mut ui, "mail", now);
        assert!(!rested(&mut ui, now + REST / 3), "keys still come");
    }
    shot("gate-just-come-up", &ui, &seen);
    assert!(rested(&mut ui, REST * 9));
    let popup = ui.popup.as_ref().unwrap();
    assert_eq!((popup.field.text.as_str(), popup.focus), ("", 0));
    shot("gate-keys-not-taken", &ui, &seen);
    press(&mut ui, &seen, &Cmd::Type('m'));
    assert_eq!(ui.popup.unwrap().field.text, "m");
}

#[test]
fn a_question_under_the_help_has_not_been_seen() {
    let seen = at_gate("done", Level::Note, false);
    let mut ui = Ui::new(ME, USUAL);
    ui.help = Some(0);
    follow(&mut ui, &seen);
    look(&mut ui);
    update(&mut ui, &seen, &Cmd::Enter, REST);
    assert_eq!(ui.help, None);
    assert_eq!(update(&mut ui, &seen, &Cmd::Enter, REST * 2), []);
    shown(&mut ui, REST * 3);
    assert!(rested(&mut ui, REST * 4));
}

#[test]
fn what_is_destructive_goes_on_only_with_the_exact_text_and_a_refusal_is_shown() {
    let mut seen = at_gate("done", Level::Destructive, false);
    let gate = seen.run.gate.clone().unwrap();
    let typed = gate.typed.clone().unwrap();
    let mut ui = screen(&seen, USUAL);
    assert_eq!(press(&mut ui, &seen, &Cmd::Enter), []);
    type_text(&mut ui, &seen, &typed.to_uppercase());
    assert_eq!(press(&mut ui, &seen, &Cmd::Enter), []);
    let (text, _) = drawn(&ui, &seen);
    assert!(
        text.contains(&format!("It must be exactly `{typed}`")),
        "{text}"
    );
    for _ in typed.chars() {
        press(&mut ui, &seen, &Cmd::Backspace);
    }
    paste(&mut ui, &format!("{typed}\nrm -rf /\n"), REST);
    let sent = press(&mut ui, &seen, &Cmd::Enter);
    let wish = Wish::Answer {
        gate: gate.id.clone(),
        text: Some(typed),
    };
    assert_eq!(sent, [Action::Send(wish)]);
    let mut record = journal("done").remove(0);
    record.idx = seen.last + 1;
    record.event = Event::AnswerRefused {
        gate: gate.id,
        by: ME.to_owned(),
        reason: "the facts have changed".to_owned(),
    };
    seen.take(&record);
    follow(&mut ui, &seen);
    let stage = ui.popup.unwrap().stage;
    assert_eq!(stage, Stage::Refused("the facts have changed".to_owned()));
}

#[test]
fn a_task_hands_the_terminal_to_its_command_and_is_done_only_when_said() {
    let seen = at_command("done");
    let gate = seen.run.gate.clone().unwrap();
    let mut ui = screen(&seen, USUAL);
    let actions = press(&mut ui, &seen, &Cmd::RunHere);
    let [Action::RunHere { argv, instructions }] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert_eq!(argv.last().unwrap(), "/cdrom/iplanet/setup");
    assert_eq!(*instructions, gate.lines);
    imsmigrate::tui::update::came_back(&mut ui, "It ended with exit status: 0.".to_owned());
    look(&mut ui);
    assert_eq!(ui.popup.as_ref().unwrap().part(), Part::Confirm);
    let wish = Wish::Answer {
        gate: gate.id,
        text: Some("done".to_owned()),
    };
    assert_eq!(press(&mut ui, &seen, &Cmd::Enter), [Action::Send(wish)]);
}

#[test]
fn a_failed_step_is_tried_again_or_left_with_a_reason() {
    let seen = failed();
    let mut ui = screen(&seen, USUAL);
    press(&mut ui, &seen, &Cmd::Next);
    let retry = press(&mut ui, &seen, &Cmd::Enter);
    assert_eq!(retry, [Action::Send(Wish::Retry)]);
    let mut ui = screen(&seen, USUAL);
    press(&mut ui, &seen, &Cmd::Right);
    press(&mut ui, &seen, &Cmd::Right);
    press(&mut ui, &seen, &Cmd::Enter);
    assert_eq!(press(&mut ui, &seen, &Cmd::Enter), []);
    type_text(&mut ui, &seen, "by hand");
    let reason = "by hand".to_owned();
    let skip = press(&mut ui, &seen, &Cmd::Enter);
    assert_eq!(skip, [Action::Send(Wish::Skip { reason })]);
}

#[test]
fn esc_and_detaching_do_nothing_to_the_run_and_watchers_answer_nothing() {
    let mut seen = at_gate("done", Level::Note, false);
    let mut ui = screen(&seen, USUAL);
    assert_eq!(press(&mut ui, &seen, &Cmd::Back), []);
    assert!(ui.popup.is_none(), "put aside");
    let (text, _) = drawn(&ui, &seen);
    assert!(text.contains("waits for you: press Enter"), "{text}");
    press(&mut ui, &seen, &Cmd::Leave);
    assert_eq!(ui.popup.as_ref().unwrap().part(), Part::Cancel, "stay");
    press(&mut ui, &seen, &Cmd::Next);
    let left = press(&mut ui, &seen, &Cmd::Enter);
    assert_eq!(left, [Action::Quit(Leaving::Detached)]);

    seen.run.control = Some("other on pts/9".to_owned());
    let mut ui = screen(&seen, USUAL);
    assert_eq!(press(&mut ui, &seen, &Cmd::Enter), []);
    let (text, _) = drawn(&ui, &seen);
    assert!(text.contains("other on pts/9 has control"), "{text}");
    press(&mut ui, &seen, &Cmd::Back);
    let control = press(&mut ui, &seen, &Cmd::Control);
    assert_eq!(control, [Action::Send(Wish::Control)]);
}

#[test]
fn the_log_follows_is_searched_and_follows_again() {
    let seen = done();
    let mut ui = screen(&seen, USUAL);
    press(&mut ui, &seen, &Cmd::Back);
    press(&mut ui, &seen, &Cmd::Search);
    type_text(&mut ui, &seen, "STOP SIMS");
    press(&mut ui, &seen, &Cmd::Enter);
    let hit = ui.log_at.unwrap();
    assert!(seen.log[hit].text.to_lowercase().contains("stop sims"));
    press(&mut ui, &seen, &Cmd::NextHit);
    assert_eq!(ui.log_at, Some(hit), "it was the last");
    press(&mut ui, &seen, &Cmd::Follow);
    assert_eq!(ui.log_at, None);
    assert_eq!(ui.popup.map(|p| p.kind), None::<Kind>);
}

#[test]
fn hostile_text_from_the_journal_cannot_move_the_cursor_or_hide() {
    let mut seen = at_gate("done", Level::Note, false);
    let evil = "x\x1b[2J\u{202e}live\u{200b}".to_owned();
    let mut gate = seen.run.gate.clone().unwrap();
    gate.lines.push(evil.clone());
    seen.run.steps[0].head.title.clone_from(&evil);
    seen.run.steps[0].head.host.clone_from(&evil);
    seen.run.control = Some(evil.clone());
    seen.run.gate = Some(gate);
    let ui = screen(&seen, LARGE);
    let (text, _) = drawn(&ui, &seen);
    assert!(!text.contains(['\x1b', '\u{202e}', '\u{200b}']), "{text}");
    assert!(text.contains("x\\u{1b}[2J\\u{202e}live\\u{200b}"), "{text}");
}

/// Every place, with a screen and a run where its keys have something to do.
fn places() -> Vec<(Place, Ui, Seen)> {
    let mut panes = (screen(&moving(), USUAL), moving());
    panes.0.pane = Pane::Detail;
    let gate = at_gate("done", Level::Note, false);
    let mut aside = (screen(&gate, USUAL), gate);
    press(&mut aside.0, &aside.1, &Cmd::Back);
    let typed = at_gate("done", Level::Destructive, false);
    let task = at_command("done");
    let over = done();
    let mut help = (screen(&task, USUAL), task.clone());
    press(&mut help.0, &help.1, &Cmd::Help);
    vec![
        (Place::Panes, panes.0, panes.1),
        (Place::Panes, aside.0, aside.1),
        (Place::Field, screen(&typed, USUAL), typed),
        (Place::Buttons, screen(&task, USUAL), task),
        (Place::Help, help.0, help.1),
        (Place::Result, screen(&over, USUAL), over),
    ]
}

#[test]
fn each_key_of_the_footer_does_something_where_it_is_named() {
    for place in [
        Place::Panes,
        Place::Field,
        Place::Buttons,
        Place::Help,
        Place::Result,
    ] {
        let worlds: Vec<_> = places().into_iter().filter(|w| w.0 == place).collect();
        assert!(keymap::footer(place).count() <= 6);
        for key in keymap::footer(place) {
            let cmd = keymap::translate(&keymap::event_of(key), place);
            assert_eq!(cmd.as_ref(), Some(&key.cmd), "{} at {place:?}", key.name);
            let acts = worlds.iter().any(|(_, ui, seen)| {
                assert_eq!(ui.place(), place);
                let mut after = ui.clone();
                let actions = update(&mut after, seen, &key.cmd, REST);
                !actions.is_empty() || after != *ui
            });
            assert!(acts, "{} does nothing at {place:?}", key.name);
        }
    }
}

#[test]
fn letters_are_text_in_a_field_and_every_key_the_help_names_is_found() {
    for c in ['q', 'r', '?', '/', ' ', 'ü'] {
        let key = KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
        assert_eq!(keymap::translate(&key, Place::Field), Some(Cmd::Type(c)));
    }
    for place in [Place::Panes, Place::Field, Place::Buttons, Place::Result] {
        for key in keymap::help(place) {
            let cmd = keymap::translate(&keymap::event_of(key), place);
            assert_eq!(cmd.as_ref(), Some(&key.cmd), "{} at {place:?}", key.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_size_and_no_keys_make_it_panic_and_the_cursor_stays_on_the_screen(
        columns in 1u16..200,
        rows in 1u16..60,
        keys in proptest::collection::vec(0usize..1_000, 0..12),
        world in 0usize..6,
    ) {
        let (_, mut ui, seen) = places().swap_remove(world);
        ui.size = (columns, rows);
        for n in keys {
            let key = &keymap::KEYS[n % keymap::KEYS.len()];
            if let Some(cmd) = keymap::translate(&keymap::event_of(key), ui.place()) {
                update(&mut ui, &seen, &cmd, REST);
                follow(&mut ui, &seen);
            }
            let (_, (x, y)) = drawn(&ui, &seen);
            prop_assert!(x < columns && y < rows);
        }
    }
}
