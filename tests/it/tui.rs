//! A person at a real terminal (tmux): goes through a whole practice migration by arrows, Tab, Enter
//! and typing alone; and the terminal is given back on every way out.

pub mod desk;

use desk::{Desk, PATIENCE, popup, takes_keys};
use rustix::process::Signal;
use std::path::Path;
use std::time::{Duration, Instant};

fn config_password(lab: &Path) -> String {
    let secrets = std::fs::read_to_string(lab.join("secrets.toml")).unwrap();
    let secrets: toml::Table = toml::from_str(&secrets).unwrap();
    secrets["config-directory"].as_str().unwrap().to_owned()
}

/// Answers the installer as the task says, prompt by prompt, and comes back to the wizard.
fn install(desk: &Desk) {
    let password = config_password(&desk.lab());
    let mut answered = 0;
    let end = Instant::now() + PATIENCE;
    while !desk.screen().contains("Press Enter to go back to") {
        assert!(Instant::now() < end, "it does not end:\n{}", desk.screen());
        let (_, row) = desk.cursor();
        let (prompt, _) = desk.at_cursor();
        if row <= answered || !prompt.trim_end().ends_with(':') || desk.cursor().1 != row {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        }
        answered = row;
        let prompt = prompt.to_lowercase();
        if prompt.contains("password") {
            desk.line(&password);
        } else if prompt.contains("network port") {
            desk.line("390");
        } else if prompt.contains("another directory") {
            desk.line("No");
        } else {
            desk.key("Enter");
        }
    }
    desk.until("how the installer ended", |s| {
        s.contains("It ended with exit status: 0. Press Enter")
    });
    desk.key("Enter");
    desk.until("the wizard again, and how it ended", |s| {
        s.contains("╔ PRACTICE") && s.contains("It ended with exit status: 0.")
    });
}

/// Does what a gate asks for, once, as one who has read it.
fn answer(desk: &Desk, screen: &str) {
    let gate = popup(screen);
    let field = gate.iter().find(|l| l.trim_start().starts_with("> "));
    if field.is_some() {
        let wanted = match screen.split(" and press Enter:").next() {
            Some(before) if screen.contains(" and press Enter:") => {
                before.rsplit("║ Type ").next().unwrap().to_owned()
            }
            _ => "tape 0417".to_owned(),
        };
        desk.write(&wanted);
        desk.until("what was typed", |s| s.contains(&format!("║ > {wanted} ")));
    } else if screen.contains("[ Run it here ]") && !screen.contains("It ended with") {
        desk.focus("Run it here");
        desk.key("Enter");
        desk.until("the installer", |s| s.contains("Server root ["));
        install(desk);
        return;
    } else if gate[0].contains(" CHANGE ") {
        let label = screen.split("[ Cancel ] [ ").nth(1).unwrap();
        desk.focus(&label.chars().take(12).collect::<String>());
    } else if gate[0].contains(" FOR YOU TO DO ") {
        desk.focus("It is done");
    }
    let before = desk.screen();
    let before = popup(&before);
    desk.key("Enter");
    let after = desk.until("what comes of the answer", |s| popup(s) != before);
    assert!(!popup(&after).concat().contains('✗'), "refused:\n{after}");
}

#[test]
fn needs_tmux_a_person_goes_through_the_whole_migration_by_arrows_tab_enter_and_typing() {
    let desk = Desk::new(80, 24);
    let before = desk.terminal_state();
    desk.begin();
    let mut gates = 0;
    loop {
        let screen = desk.until("a gate or the end", |s| {
            let whole = s.contains("╔ PRACTICE") && s.contains('╚') && takes_keys(s);
            assert!(!s.contains("needs you"), "{s}");
            whole || s.contains("┌ Result ")
        });
        if screen.contains("┌ Result ") {
            break;
        }
        answer(&desk, &screen);
        gates += 1;
    }
    assert!(gates >= 17, "{gates} gates");
    let result = desk.until("the result", |s| s.contains("17 steps done"));
    assert!(
        result.contains(" ok: ") || result.contains(" warning: "),
        "{result}"
    );
    desk.key("Enter");
    desk.until("the summary", |s| {
        s.contains("what became of every message")
    });
    desk.back_at_the_shell();
    assert_eq!(desk.terminal_state(), before);
    let audit = desk.wizard(&["lab", "audit", desk.lab().to_str().unwrap()]);
    assert!(audit.status.success(), "{audit:?}");
}

#[test]
fn needs_tmux_the_terminal_is_given_back_on_every_way_out_and_attach_shows_the_run_again() {
    let desk = Desk::new(80, 24);
    let before = desk.terminal_state();
    desk.begin();

    desk.key("C-c");
    desk.until("what to do with the run", |s| s.contains("[ Detach ]"));
    desk.focus("Detach");
    desk.key("Enter");
    desk.until("that it goes on", |s| s.contains("goes on without you"));
    desk.back_at_the_shell();
    assert_eq!(desk.terminal_state(), before, "after detaching");

    desk.line("clear");
    let first = desk.attach();
    desk.key("C-z");
    desk.until("the shell", |s| {
        s.contains("Stopped") && s.contains("at the shell>")
    });
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
        rustix::process::kill_process(desk.screen_pid(), signal).unwrap();
        desk.back_at_the_shell();
        assert_eq!(desk.terminal_state(), before, "after {signal:?}");
        desk.line("clear");
        desk.attach();
    }
    assert!(desk.engine().is_some(), "the run goes on");
}
