//! A person at a real terminal (tmux): goes through a whole practice migration by arrows, Tab, Enter
//! and typing alone. The ways out of the screen are in `ways_out`.

mod back;
pub mod desk;
mod terminal;
mod ways_out;

use desk::{Desk, PATIENCE, popup, takes_keys};
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
    desk.line("clear");
    let run = desk.run();
    desk.line(&format!(
        "{} attach {run}; echo it ended with $?",
        env!("CARGO_BIN_EXE_imsmigrate")
    ));
    let again = desk.until("the result again", |s| s.contains("17 steps done"));
    assert_eq!(
        again.lines().skip(1).collect::<Vec<_>>(),
        result.lines().skip(1).collect::<Vec<_>>()
    );
    desk.key("Enter");
    desk.until("the shell", |s| s.contains("it ended with 0"));
    let audit = desk.wizard(&["lab", "audit", desk.lab().to_str().unwrap()]);
    assert!(audit.status.success(), "{audit:?}");
}
