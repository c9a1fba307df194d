//! A person at a terminal, line by line: does only what the screen says, in tmux at 80×24.

use super::place::{Place, eventually, talk};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a screen may stand without a question, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A terminal of 80×24 with one program in it; gone when it is dropped.
struct Terminal {
    socket: String,
}

impl Terminal {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        Self::named(place, "tmux", arguments)
    }

    fn named(place: &Place, name: &str, arguments: &[&str]) -> Self {
        let terminal = Self {
            socket: place.dir.path().join(name).to_str().unwrap().to_owned(),
        };
        let state = place.dir.path().join("state");
        let program = env!("CARGO_BIN_EXE_imsmigrate");
        // What it ends with stays on the screen.
        let line = format!(
            "IMSMIGRATE_STATE_DIR={} {program} {}; echo \"it ended with $?\"; exec cat",
            state.display(),
            arguments.join(" ")
        );
        terminal.tmux(&["new-session", "-d", "-x", "80", "-y", "24", &line]);
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-S", &self.socket, "-f", "/dev/null"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "tmux {arguments:?}: {}",
            talk(&output)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The lines on the screen, without the empty ones at its end.
    fn screen(&self) -> Vec<String> {
        let text = self.tmux(&["capture-pane", "-p"]);
        text.trim_end().lines().map(str::to_owned).collect()
    }

    fn types(&self, text: &str) {
        if !text.is_empty() {
            self.tmux(&["send-keys", "-l", "--", text]);
        }
        self.tmux(&["send-keys", "Enter"]);
    }

    /// Waits for a screen on which something is found.
    fn until<T>(&self, what: &str, look: impl Fn(&[String]) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if let Some(found) = look(&screen) {
                return found;
            }
            let shown = screen.join("\n");
            assert!(Instant::now() < deadline, "waited for {what}:\n{shown}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("tmux")
            .args(["-S", &self.socket, "kill-server"])
            .output();
    }
}

/// What a person has read, and what the screen asks now.
#[derive(Default)]
struct Reader {
    /// Prompts and answers of the instruction that was on the screen.
    list: Vec<(String, String)>,
}

impl Reader {
    /// The answer to the question in the last lines of the screen; none when there is none yet.
    fn answer(&mut self, screen: &[String]) -> Option<String> {
        let last = screen.last()?.trim_end();
        self.read_list(screen);
        if last.starts_with("Press Enter to ") {
            return Some(String::new());
        }
        if last.starts_with("Type your answer in words") {
            // The gate gives an example of what to type.
            let text = screen.join(" ");
            let example = text.rsplit_once("such as: ")?.1;
            let words: Vec<&str> = example.split('─').next()?.split_whitespace().collect();
            return Some(words.join(" "));
        }
        if last.starts_with("Type `") {
            let ended = screen
                .iter()
                .any(|l| l.contains("Type `done` when all is done."));
            if last.starts_with("Type `run`") && ended {
                return Some("done".to_owned());
            }
            return last.split('`').nth(1).map(str::to_owned);
        }
        // A question of the installer: it ends in a colon, its default in brackets before it.
        let question = last.strip_suffix(':')?;
        let listed = self
            .list
            .iter()
            .filter(|(prompt, _)| question.to_lowercase().contains(&prompt.to_lowercase()))
            .max_by_key(|(prompt, _)| prompt.len());
        match listed {
            Some((_, answer)) => Some(answer.clone()),
            None if question.ends_with(']') => Some(String::new()),
            None => None,
        }
    }

    /// Notes what a person is to answer, from an instruction that is on the screen.
    fn read_list(&mut self, screen: &[String]) {
        let text: Vec<&str> = screen.iter().map(|l| l.trim()).collect();
        let text = text.join(" ");
        let mut found = Vec::new();
        for part in text.split("· asked for “").skip(1) {
            let Some((prompt, rest)) = part.split_once("”, answer ") else {
                continue;
            };
            let answer = match rest.strip_prefix('`') {
                Some(quoted) => quoted.split('`').next().unwrap_or("").to_owned(),
                // A password that the person chooses.
                None => "a-password-0f-mine".to_owned(),
            };
            found.push((prompt.to_owned(), answer));
        }
        if !found.is_empty() {
            self.list = found;
        }
    }
}

/// A run in a lab that waits at the gate of step 2, with nobody there.
fn waiting_at_step_2(seed: &str) -> (Place, String) {
    let place = Place::new();
    place.create_lab(&["--users", "3", "--seed", seed]);
    let answers = place.dir.path().join("answers.toml");
    std::fs::write(
        &answers,
        "keep-backups = \"\"\n\"keep-backups/1\" = \"tape 17\"\nback-up-directory = \"\"\n",
    )
    .unwrap();
    let file = answers.to_str().unwrap();
    let output = place.run_site(&["--headless", "--answers", file, "--detach"]);
    assert_eq!(output.status.code(), Some(5), "{}", talk(&output));
    eventually("the run waits at step 2", || gate(&place) == "merge-schema");
    let id = place.the_run()["id"].as_str().unwrap().to_owned();
    (place, id)
}

/// The gate at which the run waits.
fn gate(place: &Place) -> String {
    let output = place.run(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    status["gate"]["id"].as_str().unwrap_or("").to_owned()
}

fn journal(place: &Place, id: &str) -> String {
    let output = place.run(&["journal", id, "--json"]);
    String::from_utf8(output.stdout).unwrap()
}

/// Waits until the last line of a screen is the question of a gate.
fn asks(terminal: &Terminal, text: &str) {
    terminal.until(text, |screen| {
        let last = screen.last()?;
        last.starts_with(text).then_some(())
    });
}

fn shows(terminal: &Terminal, text: &str) {
    terminal.until(text, |screen| {
        screen.iter().any(|l| l.contains(text)).then_some(())
    });
}

fn ended(screen: &[String]) -> Option<String> {
    let line = screen.iter().find(|l| l.starts_with("it ended with "))?;
    line.rsplit(' ').next().map(str::to_owned)
}

#[test]
fn needs_tmux_a_person_who_only_reads_the_screen_gets_to_the_end() {
    let place = Place::new();
    let lab = place.lab();
    let lab = lab.to_str().unwrap();
    let terminal = Terminal::start(
        &place,
        &[
            "practice", "--plain", "--users", "3", "--seed", "12", "--lab", lab,
        ],
    );
    let mut reader = Reader::default();
    let mut answered = 0;
    loop {
        let before = terminal.until("a question or the end", |screen| {
            let asks = Reader {
                list: reader.list.clone(),
            }
            .answer(screen)
            .is_some();
            (asks || ended(screen).is_some()).then(|| screen.to_vec())
        });
        for line in &before {
            assert!(line.chars().count() <= 80, "too wide: {line}");
        }
        if ended(&before).is_some() {
            break;
        }
        let answer = reader.answer(&before).unwrap();
        answered += 1;
        assert!(answered < 80, "it asks without end:\n{}", before.join("\n"));
        terminal.types(&answer);
        terminal.until("the screen to change", |screen| {
            (screen != before.as_slice()).then_some(())
        });
    }
    let screen = terminal.screen();
    assert_eq!(
        ended(&screen).as_deref(),
        Some("0"),
        "{}",
        screen.join("\n")
    );
    assert!(
        answered > 25,
        "gates and the installer's questions: {answered}"
    );
    assert_eq!(place.the_run()["state"], "done");
    let audit = place.audit();
    assert_eq!(audit["clean"], true, "{audit}");
}

#[test]
fn needs_tmux_the_end_of_input_at_a_gate_leaves_the_run_waiting_and_says_how_to_come_back() {
    let (place, id) = waiting_at_step_2("41");
    let terminal = Terminal::start(&place, &["attach", &id, "--plain"]);
    asks(&terminal, "Type `o=internet`");
    terminal.tmux(&["send-keys", "C-d"]);
    shows(&terminal, "it ended with 5");
    shows(&terminal, &format!("imsmigrate attach {id}"));
    assert_eq!(gate(&place), "merge-schema");
    assert_eq!(place.the_run()["state"], "waiting");
}

#[test]
fn needs_tmux_a_wrong_text_is_refused_and_a_paused_run_goes_on_when_told() {
    let (place, id) = waiting_at_step_2("42");
    let terminal = Terminal::start(&place, &["attach", &id, "--plain"]);
    asks(&terminal, "Type `o=internet`");
    terminal.types("o=intranet");
    shows(&terminal, "refused");
    assert_eq!(gate(&place), "merge-schema");
    let written = journal(&place, &id);
    assert!(!written.contains("merge-schema/1\",\"attempt"), "{written}");

    asks(&terminal, "Type `o=internet`");
    terminal.types("pause");
    eventually("it is paused", || place.the_run()["state"] == "paused");
    shows(&terminal, "paused");
    asks(&terminal, "Type `o=internet`");
    terminal.types("o=internet");
    asks(&terminal, "The run is paused. Type `continue` or `stop`.");
    let written = journal(&place, &id);
    assert!(!written.contains("merge-schema/1\",\"attempt"), "{written}");
    terminal.types("continue");
    asks(&terminal, "Type `mail.siroe.com`");
    assert_eq!(gate(&place), "drain-queues");
}

#[test]
fn needs_tmux_what_one_has_half_typed_does_not_answer_the_gate_that_another_has_opened() {
    let (place, id) = waiting_at_step_2("43");
    let one = Terminal::named(&place, "one", &["attach", &id, "--plain"]);
    let other = Terminal::named(&place, "other", &["attach", &id, "--plain"]);
    asks(&one, "Type `o=internet`");
    asks(&other, "Type `o=internet`");
    // It happens to be what the next gate wants.
    one.tmux(&["send-keys", "-l", "--", "mail.siroe.com"]);
    shows(&one, "mail.siroe.com");
    other.types("o=internet");
    shows(&one, "Somebody else answered meanwhile");
    asks(&one, "Type `mail.siroe.com`");
    asks(&other, "Type `mail.siroe.com`");
    one.tmux(&["send-keys", "Enter"]);
    asks(&one, "Type `mail.siroe.com`");
    assert_eq!(gate(&place), "drain-queues");
    let written = journal(&place, &id);
    assert!(!written.contains("drain-queues/1\",\"attempt"), "{written}");
}
