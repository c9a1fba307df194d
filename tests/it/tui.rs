//! A person at a real terminal (tmux): goes through a whole practice migration by arrows, Tab, Enter
//! and typing alone; and the terminal is given back on every way out.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A terminal of one's own, with a shell in it; ends with the test, and what it started.
struct Desk {
    dir: tempfile::TempDir,
    socket: String,
}

const PATIENCE: Duration = Duration::from_secs(90);

impl Desk {
    fn new(columns: u16, rows: u16) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("tmux").display().to_string();
        let desk = Self { dir, socket };
        let size = [columns.to_string(), rows.to_string()];
        let state = desk.dir.path().join("state").display().to_string();
        let set = format!("IMSMIGRATE_STATE_DIR={state}");
        let output = Command::new("tmux")
            .args(["-S", &desk.socket, "-f", "/dev/null", "new-session", "-d"])
            .args(["-s", "desk", "-x", &size[0], "-y", &size[1]])
            .args([
                "env",
                "-u",
                "NO_COLOR",
                "PS1=at the shell> ",
                "LOGNAME=admin",
                &set,
            ])
            .args(["bash", "--norc", "--noprofile"])
            .env("LC_ALL", "C.UTF-8")
            .env("LANG", "C.UTF-8")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        desk.until("a shell", |screen| screen.contains("at the shell>"));
        desk
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-S", &self.socket])
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn key(&self, key: &str) {
        self.tmux(&["send-keys", "-t", "desk", key]);
    }

    fn write(&self, text: &str) {
        self.tmux(&["send-keys", "-t", "desk", "-l", "--", text]);
    }

    fn line(&self, text: &str) {
        self.write(text);
        self.key("Enter");
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-t", "desk"])
    }

    /// Looks until the screen is as wanted.
    fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            assert!(Instant::now() < end, "never seen: {what}\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses a key again and again, as people do, until the screen is as wanted.
    fn key_until(&self, key: &str, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            assert!(Instant::now() < end, "never seen: {what}\n{screen}");
            self.key(key);
            let look = Instant::now() + Duration::from_millis(700);
            while Instant::now() < look && !wanted(&self.screen()) {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    /// What stands from the cursor on, to the end of its line.
    fn at_cursor(&self) -> String {
        let at = self.tmux(&[
            "display-message",
            "-p",
            "-t",
            "desk",
            "#{cursor_x} #{cursor_y}",
        ]);
        let mut at = at.split_whitespace().map(|n| n.parse::<usize>().unwrap());
        let (x, y) = (at.next().unwrap(), at.next().unwrap());
        let screen = self.screen();
        let line = screen.lines().nth(y).unwrap_or("");
        line.chars().skip(x).collect()
    }

    /// Moves the focus to a button.
    fn focus(&self, button: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.at_cursor().starts_with(button) {
            assert!(Instant::now() < end, "no `{button}`:\n{}", self.screen());
            self.key("Tab");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Everything a program can leave behind: modes of the line, alternate screen, paste mode.
    fn terminal_state(&self) -> String {
        let file = self.dir.path().join("stty");
        let _ = std::fs::remove_file(&file);
        let shown = file.display();
        self.line(&format!("stty -a > {shown}.new; mv {shown}.new {shown}"));
        let end = Instant::now() + PATIENCE;
        while !file.exists() {
            assert!(Instant::now() < end, "no shell:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
        let modes = self.tmux(&[
            "display-message",
            "-p",
            "-t",
            "desk",
            "alternate {alternate_on} #{alternate_on} cursor #{cursor_flag} keypad #{keypad_flag} mouse #{mouse_any_flag}",
        ]);
        std::fs::read_to_string(&file).unwrap() + &modes
    }

    fn lab(&self) -> PathBuf {
        self.dir.path().join("lab")
    }

    fn begin(&self) {
        let lab = self.lab();
        let exe = env!("CARGO_BIN_EXE_imsmigrate");
        self.line(&format!(
            "{exe} practice --users 3 --seed 7 --messages-per-user 3 --lab {}",
            lab.display()
        ));
        self.until("the first gate", |s| {
            s.contains("PRACTICE · NOTE · step intro")
        });
    }

    fn attach(&self) -> String {
        self.line(&format!("{} attach", env!("CARGO_BIN_EXE_imsmigrate")));
        self.until("the screen again", |s| {
            s.contains("PRACTICE · NOTE · step intro")
        })
    }

    fn back_at_the_shell(&self) {
        self.until("the shell", |screen| {
            let last = screen.lines().rfind(|l| !l.trim().is_empty());
            last.is_some_and(|l| l.trim() == "at the shell>")
        });
    }

    /// The process that shows the screen: the shell's job.
    fn screen_pid(&self) -> rustix::process::Pid {
        let shell = self.tmux(&["display-message", "-p", "-t", "desk", "#{pane_pid}"]);
        let children = format!("/proc/{0}/task/{0}/children", shell.trim());
        let children = std::fs::read_to_string(children).unwrap();
        let child = children.split_whitespace().last().unwrap();
        rustix::process::Pid::from_raw(child.parse().unwrap()).unwrap()
    }

    fn wizard(&self, arguments: &[&str]) -> std::process::Output {
        Command::new(env!("CARGO_BIN_EXE_imsmigrate"))
            .args(arguments)
            .env("IMSMIGRATE_STATE_DIR", self.dir.path().join("state"))
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let runs = self.wizard(&["runs", "--json"]);
        if let Ok(runs) = serde_json::from_slice::<serde_json::Value>(&runs.stdout) {
            for run in runs["runs"].as_array().into_iter().flatten() {
                let pid = run["engine_pid"]
                    .as_i64()
                    .and_then(|p| i32::try_from(p).ok());
                if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
                }
            }
        }
        let _ = self.wizard(&["lab", "stop", self.lab().to_str().unwrap()]);
        self.tmux(&["kill-server"]);
    }
}

fn config_password(lab: &Path) -> String {
    let secrets = std::fs::read_to_string(lab.join("secrets.toml")).unwrap();
    let secrets: toml::Table = toml::from_str(&secrets).unwrap();
    secrets["config-directory"].as_str().unwrap().to_owned()
}

/// Answers the installer as the task says, prompt by prompt.
fn install(desk: &Desk) {
    let password = config_password(&desk.lab());
    let mut answered = String::new();
    let end = Instant::now() + PATIENCE;
    loop {
        let screen = desk.screen();
        if screen.contains("Press Enter to go back to") || screen.contains("It ended with") {
            break;
        }
        assert!(Instant::now() < end, "the installer does not end\n{screen}");
        let lines: Vec<&str> = screen.lines().filter(|l| !l.trim().is_empty()).collect();
        let last = lines.last().copied().unwrap_or("").trim_end();
        let asks = last.ends_with(':') && screen != answered;
        if asks && !last.starts_with("·") {
            let lower = last.to_lowercase();
            if lower.contains("password") {
                desk.line(&password);
            } else if lower.contains("network port") {
                desk.line("390");
            } else if lower.contains("another directory") {
                desk.line("No");
            } else {
                desk.key("Enter");
            }
            answered = screen;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    desk.key_until("Enter", "the wizard again", |s| {
        s.contains("It ended with exit status: 0")
    });
}

#[test]
fn needs_tmux_a_person_goes_through_the_whole_migration_by_arrows_tab_enter_and_typing() {
    let desk = Desk::new(80, 24);
    let before = desk.terminal_state();
    desk.begin();
    let mut gates = 0;
    let end = Instant::now() + PATIENCE * 3;
    loop {
        let screen = desk.screen();
        assert!(Instant::now() < end, "it does not end:\n{screen}");
        if screen.contains("┌ Result ") {
            break;
        }
        let Some(title) = screen.lines().find(|l| l.contains("╔ PRACTICE")) else {
            assert!(!screen.contains("needs you"), "{screen}");
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        let title = title.to_owned();
        let field = screen.lines().find(|l| l.contains("║ >"));
        let typed = |text: &str| field.is_some_and(|l| l.contains(&format!("> {text} ")));
        if let Some(line) = screen.lines().find(|l| l.contains(" and press Enter:")) {
            let wanted = line.split("Type ").nth(1).unwrap();
            let wanted = wanted.split(" and press").next().unwrap();
            if !typed(wanted) {
                desk.write(wanted);
            }
        } else if screen.contains("Your answer:") {
            if !typed("tape 0417") {
                desk.write("tape 0417");
            }
        } else if screen.contains("[ Run it here ]") && !screen.contains("It ended with") {
            desk.focus("Run it here");
            desk.key_until("Enter", "the installer", |s| s.contains("Server root ["));
            install(&desk);
        } else if title.contains("CHANGE") {
            let label = screen.split("[ Cancel ] [ ").nth(1).unwrap();
            desk.focus(&label.chars().take(12).collect::<String>());
        } else if title.contains("FOR YOU TO DO") {
            desk.focus("It is done");
        }
        desk.key_until("Enter", "the next gate", |s| !s.contains(&title));
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
    let popup = |screen: &str| -> Vec<String> {
        let lines = screen.lines().filter(|l| l.contains('║'));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(popup(&first), popup(&again));
    desk.tmux(&["resize-window", "-t", "desk", "-x", "60", "-y", "15"]);
    desk.until("it fits", |s| {
        s.contains("╔ PRACTICE · NOTE") && s.lines().filter(|l| !l.is_empty()).count() <= 15
    });
    desk.tmux(&["resize-window", "-t", "desk", "-x", "40", "-y", "10"]);
    desk.until("why nothing is seen", |s| s.contains("40 columns and 10"));
    desk.tmux(&["resize-window", "-t", "desk", "-x", "80", "-y", "24"]);
    desk.until("all of it", |s| s.contains("┌ Steps 0 of 22"));

    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::HUP] {
        rustix::process::kill_process(desk.screen_pid(), signal).unwrap();
        desk.back_at_the_shell();
        assert_eq!(desk.terminal_state(), before, "after {signal:?}");
        desk.line("clear");
        desk.attach();
    }
    let runs = desk.wizard(&["runs", "--json"]);
    let runs: serde_json::Value = serde_json::from_slice(&runs.stdout).unwrap();
    assert!(
        runs["runs"][0]["engine_pid"].is_i64(),
        "the run goes on: {runs}"
    );
}
