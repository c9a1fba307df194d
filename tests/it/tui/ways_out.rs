//! However the screen ends, the terminal is as before, the run goes on, and `attach` shows it again.

use super::desk::{Desk, popup};
use rustix::process::{Signal, kill_process};

fn at_the_first_gate() -> (Desk, String) {
    let desk = Desk::new(80, 24);
    let before = desk.terminal_state();
    desk.begin();
    (desk, before)
}

fn stop_and_come_back(desk: &Desk, shown: &str) {
    desk.key("C-z");
    desk.until("the shell", |s| {
        s.contains("Stopped") && s.trim_end().ends_with("at the shell>")
    });
    assert!(!desk.screen().contains(shown), "on the other screen");
}

#[test]
fn needs_tmux_leaving_and_stopping_give_the_terminal_back_and_the_same_screen_comes_again() {
    let (desk, before) = at_the_first_gate();
    let engine = desk.engine();
    desk.key("C-c");
    desk.until("what to do with the run", |s| s.contains("[ Detach ]"));
    desk.focus("Detach");
    desk.key("Enter");
    desk.until("that it goes on", |s| s.contains("goes on without you"));
    desk.back_at_the_shell();
    assert_eq!(desk.terminal_state(), before, "after detaching");

    desk.line("clear");
    let first = desk.attach();
    stop_and_come_back(&desk, "PRACTICE");
    assert_eq!(desk.terminal_state(), before, "while stopped");
    desk.line("fg");
    let again = desk.until("the screen again", |s| {
        s.contains("PRACTICE · NOTE · step intro")
    });
    assert_eq!(popup(&first), popup(&again));

    desk.tmux(&["resize-window", "-t", "desk", "-x", "60", "-y", "15"]);
    desk.until("it fits", |s| {
        s.contains("╔ PRACTICE · NOTE") && s.lines().filter(|l| !l.is_empty()).count() <= 15
    });
    desk.tmux(&["resize-window", "-t", "desk", "-x", "40", "-y", "10"]);
    desk.until("why nothing is seen", |s| s.contains("40 columns and 10"));
    desk.tmux(&["resize-window", "-t", "desk", "-x", "80", "-y", "24"]);
    desk.until("all of it", |s| s.contains("┌ Steps 0 of 22"));

    for signal in [Signal::TERM, Signal::HUP] {
        kill_process(desk.screen_pid(), signal).unwrap();
        desk.back_at_the_shell();
        assert_eq!(desk.terminal_state(), before, "after {signal:?}");
        desk.line("clear");
        assert_eq!(popup(&desk.attach()), popup(&first), "after {signal:?}");
    }
    assert_eq!(desk.engine(), engine, "it was the same engine all along");
    assert!(engine.is_some());
}

#[test]
fn needs_tmux_a_panic_on_the_screen_or_beside_it_gives_the_terminal_back_and_says_how_to_go_on() {
    let (desk, before) = at_the_first_gate();
    let engine = desk.engine();
    kill_process(desk.screen_pid(), Signal::TERM).unwrap();
    desk.back_at_the_shell();
    // Each with the key that is its cue; the last one answers the gate.
    for (place, key) in [("screen", "C-l"), ("reader", "C-l"), ("events", "Enter")] {
        desk.line("clear");
        desk.line(&format!("export IMSMIGRATE_PANIC_AT={place}"));
        desk.attach();
        desk.key(key);
        desk.until("what has happened", |s| {
            s.contains(&format!("IMSMIGRATE_PANIC_AT={place}"))
                && s.contains("error: the screen has failed; this is a bug")
                && s.contains("look at it again: imsmigrate attach")
        });
        desk.back_at_the_shell();
        desk.line("clear; echo it ended with $?");
        desk.line("unset IMSMIGRATE_PANIC_AT");
        assert_eq!(desk.terminal_state(), before, "{place}");
        assert_eq!(desk.engine(), engine, "{place}: the engine lives");
    }
    desk.line("clear");
    desk.line(&format!("{} attach", env!("CARGO_BIN_EXE_imsmigrate")));
    desk.until("the gate after it", |s| {
        s.contains("PRACTICE · FOR YOU TO DO · step intro")
    });
}

#[test]
fn needs_tmux_a_screen_that_stands_still_does_not_hold_the_run_up() {
    let (desk, _) = at_the_first_gate();
    let screen = desk.screen_pid();
    kill_process(screen, Signal::STOP).unwrap();
    let run = desk.run();
    // It has control still; somebody else has to take it.
    let refused = desk.wizard(&["answer", &run, "keep-backups"]);
    assert!(!refused.status.success(), "{refused:?}");
    let answered = desk.wizard(&["answer", &run, "keep-backups", "--take"]);
    assert!(answered.status.success(), "{answered:?}");
    let answered = desk.wizard(&["answer", &run, "keep-backups/1", "tape 17"]);
    assert!(answered.status.success(), "{answered:?}");
    desk.until("the shell", |s| s.contains("Stopped"));
    desk.line("fg");
    desk.until("what has happened meanwhile", |s| {
        s.contains("PRACTICE · NOTE · step 1 (2 of 22)")
    });
}

#[test]
fn needs_tmux_a_paste_submits_nothing_and_leaves_its_line_end_out() {
    let (desk, _) = at_the_first_gate();
    desk.key("Enter");
    desk.until("a field", |s| {
        s.contains("Your answer:") && super::takes_keys(s)
    });
    desk.tmux(&["set-buffer", "tape 17\nrm -rf /\n"]);
    desk.tmux(&["paste-buffer", "-p", "-t", "desk"]);
    desk.until("the first line alone", |s| s.contains("║ > tape 17 "));
    let screen = desk.screen();
    assert!(!screen.contains("rm -rf"), "{screen}");
    assert!(screen.contains("Only the first line"), "{screen}");
    desk.key("Enter");
    desk.until("the next gate", |s| s.contains("step 1 (2 of 22)"));
}

#[test]
fn needs_tmux_while_a_command_has_the_terminal_ctrl_z_stops_both_and_kill_ends_the_wizard() {
    let desk = Desk::new(80, 24);
    let before = desk.terminal_state();
    let lab = desk.lab();
    let made = desk.wizard(&["lab", "create", lab.to_str().unwrap(), "--users", "1"]);
    assert!(made.status.success(), "{made:?}");
    let answers = lab.join("answers.toml");
    let site = lab.join("site.toml");
    std::fs::write(
        &answers,
        "keep-backups = ''\n'keep-backups/1' = 'tape 17'\nback-up-directory = ''\n\
         merge-schema = 'o=internet'\ndrain-queues = 'mail.siroe.com'\n\
         stop-sims = 'mail.siroe.com'\ninstall-new-server = ''\n",
    )
    .unwrap();
    let begun = desk.wizard(&[
        "run",
        "--site",
        site.to_str().unwrap(),
        "--headless",
        "--answers",
        answers.to_str().unwrap(),
        "--detach",
    ]);
    assert_eq!(begun.status.code(), Some(5), "{begun:?}");
    desk.line(&format!("{} attach", env!("CARGO_BIN_EXE_imsmigrate")));
    let ready = |s: &str| s.contains("[ Run it here ]") && super::takes_keys(s);
    desk.until("the installer's task", ready);
    desk.focus("Run it here");
    desk.key("Enter");
    desk.until("the installer", |s| s.contains("Server root ["));

    stop_and_come_back(&desk, "╔");
    assert_eq!(desk.terminal_state(), before, "while both are stopped");
    desk.line("fg");
    // What is typed before the shell has handed the terminal over is lost.
    desk.until_the_shell_waits_for("imsmigrate");
    desk.key("Enter");
    desk.until("the installer goes on", |s| {
        s.contains("Full name of this computer")
    });
    let (wizard, engine) = (desk.screen_pid(), desk.engine());
    kill_process(wizard, Signal::TERM).unwrap();
    desk.until("that the run goes on", |s| {
        s.contains("goes on without you")
    });
    desk.line("clear");
    assert_eq!(desk.terminal_state(), before, "after kill");
    assert!(engine.is_some() && desk.engine() == engine);
    desk.line("clear");
    desk.line(&format!("{} attach", env!("CARGO_BIN_EXE_imsmigrate")));
    desk.until("the task again", ready);
}
