//! A desk: a terminal of one's own (tmux) with a shell in it, and somebody who looks before they type.

use rustix::process::{Pid, Signal};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// Ends with the test, and so does what was started at it.
pub struct Desk {
    dir: tempfile::TempDir,
    socket: String,
}

/// How long a person waits before they say that it hangs.
pub const PATIENCE: Duration = Duration::from_secs(90);

impl Desk {
    /// Sits down at a shell.
    pub fn new(columns: u16, rows: u16) -> Self {
        Self::with(columns, rows, &[])
    }

    /// Sits down at a shell that has these variables.
    pub fn with(columns: u16, rows: u16, variables: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("tmux").display().to_string();
        let desk = Self { dir, socket };
        let size = [columns.to_string(), rows.to_string()];
        let state = desk.dir.path().join("state").display().to_string();
        let output = Command::new("tmux")
            .args(["-S", &desk.socket, "-f", "/dev/null", "new-session", "-d"])
            .args(["-s", "desk", "-x", &size[0], "-y", &size[1]])
            .args(["env", "-u", "NO_COLOR", "PS1=at the shell> "])
            .args([
                "LOGNAME=admin",
                "RUST_BACKTRACE=0",
                &format!("IMSMIGRATE_STATE_DIR={state}"),
            ])
            .args(variables)
            .args(["bash", "--norc", "--noprofile"])
            .env("LC_ALL", "C.UTF-8")
            .env("LANG", "C.UTF-8")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        desk.until("a shell", |screen| screen.contains("at the shell>"));
        desk
    }

    pub fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-S", &self.socket])
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn told(&self, format: &str) -> String {
        self.tmux(&["display-message", "-p", "-t", "desk", format])
    }

    pub fn key(&self, key: &str) {
        self.tmux(&["send-keys", "-t", "desk", key]);
    }

    pub fn write(&self, text: &str) {
        self.tmux(&["send-keys", "-t", "desk", "-l", "--", text]);
    }

    pub fn line(&self, text: &str) {
        self.write(text);
        self.key("Enter");
    }

    pub fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-t", "desk"])
    }

    /// Looks until the screen is as wanted, and stands still: tmux may be in the midst of a frame.
    pub fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        let mut before = String::new();
        loop {
            let screen = self.screen();
            if wanted(&screen) && screen == before {
                return screen;
            }
            assert!(
                Instant::now() < end,
                "never seen: {what}\n{screen}\n{}",
                self.journal()
            );
            before = screen;
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The end of the run's journal, for whoever reads why a test failed.
    fn journal(&self) -> String {
        let runs = self.dir.path().join("state/runs");
        let Some(Ok(run)) = std::fs::read_dir(runs).ok().and_then(|mut d| d.next()) else {
            return "no run yet".to_owned();
        };
        let journal = std::fs::read_to_string(run.path().join("journal.jsonl")).unwrap_or_default();
        let short = |line: &str| line.chars().take(250).collect::<String>();
        let last: Vec<String> = journal.lines().rev().take(8).map(short).collect();
        last.join("\n")
    }

    /// Where the cursor is: column, and row counted from the first line that there ever was.
    pub fn cursor(&self) -> (usize, usize) {
        let at = self.told("#{cursor_x} #{cursor_y} #{history_size}");
        let mut at = at.split_whitespace().map(|n| n.parse::<usize>().unwrap());
        let (x, y) = (at.next().unwrap(), at.next().unwrap());
        (x, y + at.next().unwrap())
    }

    /// The cursor's line, before and after it.
    pub fn at_cursor(&self) -> (String, String) {
        let at = self.told("#{cursor_x} #{cursor_y}");
        let mut at = at.split_whitespace().map(|n| n.parse::<usize>().unwrap());
        let (x, y) = (at.next().unwrap(), at.next().unwrap());
        let screen = self.screen();
        let line: Vec<char> = screen.lines().nth(y).unwrap_or("").chars().collect();
        let x = x.min(line.len());
        (line[..x].iter().collect(), line[x..].iter().collect())
    }

    /// Moves the focus to a button.
    pub fn focus(&self, button: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.at_cursor().1.starts_with(button) {
            let before = self.cursor();
            self.key("Tab");
            while self.cursor() == before {
                assert!(Instant::now() < end, "no `{button}`:\n{}", self.screen());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Everything a program can leave behind: modes of the line, alternate screen, cursor, paste
    /// mode, mouse.
    pub fn terminal_state(&self) -> String {
        let file = self.dir.path().join("stty");
        let _ = std::fs::remove_file(&file);
        let shown = file.display();
        self.line(&format!("stty -a > {shown}.new; mv {shown}.new {shown}"));
        let end = Instant::now() + PATIENCE;
        while !file.exists() {
            assert!(Instant::now() < end, "no shell:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
        self.back_at_the_shell();
        let modes = self.told(
            "alternate #{alternate_on} cursor #{cursor_flag} keypad #{keypad_flag} \
             keypad cursor #{keypad_cursor_flag} mouse #{mouse_any_flag} wrap #{wrap_flag} \
             insert #{insert_flag} origin #{origin_flag}",
        );
        std::fs::read_to_string(&file).unwrap() + &modes
    }

    pub fn lab(&self) -> PathBuf {
        self.dir.path().join("lab")
    }

    /// Begins to practise, as far as the first gate.
    pub fn begin(&self) -> String {
        let lab = self.lab();
        let exe = env!("CARGO_BIN_EXE_imsmigrate");
        self.line(&format!(
            "{exe} practice --users 3 --seed 7 --messages-per-user 3 --lab {}",
            lab.display()
        ));
        self.start_from_the_checks();
        self.first_gate()
    }

    /// From the checks over the plan into the run.
    pub fn start_from_the_checks(&self) {
        self.until("nothing inhibits", |s| s.contains("nothing inhibits"));
        self.key("Enter");
        self.until("the plan", |s| s.contains("s: start the run"));
        self.key("s");
        self.until("the question", |s| s.contains("[ Start the run ]"));
        self.focus("Start the run");
        self.key("Enter");
    }

    pub fn attach(&self) -> String {
        self.line(&format!("{} attach", env!("CARGO_BIN_EXE_imsmigrate")));
        self.first_gate()
    }

    pub fn first_gate(&self) -> String {
        self.until("the first gate, ready for keys", |s| {
            s.contains("PRACTICE · NOTE · step intro") && s.contains("╚") && takes_keys(s)
        })
    }

    pub fn back_at_the_shell(&self) {
        self.until("the shell", |screen| {
            let last = screen.lines().rfind(|l| !l.trim().is_empty());
            last.is_some_and(|l| l.trim() == "at the shell>")
        });
    }

    /// Waits until a program has the terminal.
    pub fn until_the_shell_waits_for(&self, program: &str) {
        let end = Instant::now() + PATIENCE;
        while self.told("#{pane_current_command}").trim() != program {
            assert!(Instant::now() < end, "not begun:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The process that shows the screen: the shell's job.
    pub fn screen_pid(&self) -> Pid {
        let shell = self.told("#{pane_pid}");
        let children = format!("/proc/{0}/task/{0}/children", shell.trim());
        let children = std::fs::read_to_string(children).unwrap();
        let child = children.split_whitespace().last().unwrap();
        Pid::from_raw(child.parse().unwrap()).unwrap()
    }

    pub fn wizard(&self, arguments: &[&str]) -> std::process::Output {
        Command::new(env!("CARGO_BIN_EXE_imsmigrate"))
            .args(arguments)
            .env("IMSMIGRATE_STATE_DIR", self.dir.path().join("state"))
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
    }

    fn the_run(&self) -> Option<serde_json::Value> {
        let runs = self.wizard(&["runs", "--json"]);
        let runs: serde_json::Value = serde_json::from_slice(&runs.stdout).ok()?;
        Some(runs["runs"][0].clone())
    }

    /// The id of the only run.
    pub fn run(&self) -> String {
        self.the_run().unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// The engine of the only run.
    pub fn engine(&self) -> Option<i32> {
        i32::try_from(self.the_run()?["engine_pid"].as_i64()?).ok()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(pid) = self.engine().and_then(Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
        let _ = self.wizard(&["lab", "stop", self.lab().to_str().unwrap()]);
        self.tmux(&["kill-server"]);
    }
}

/// Whether the screen says that it is ready: a question that has just come up takes no keys yet.
pub fn takes_keys(screen: &str) -> bool {
    let not_yet = [
        "This has just come up",
        "Not taken: this had just",
        "Sent; waiting for the engine",
    ];
    !not_yet.iter().any(|said| screen.contains(said))
}

/// The popup on the screen, without what is said while an answer is on its way.
pub fn popup(screen: &str) -> Vec<&str> {
    let inside = |line: &&str| line.contains("╔ ") || line.contains('║');
    let empty = |line: &&str| {
        let text = line.split('║').nth(1).unwrap_or("-").trim();
        text.is_empty() || text.starts_with("Sent; waiting")
    };
    screen
        .lines()
        .filter(inside)
        .filter(|line| !empty(line))
        .map(|line| line.split(['║', '╔']).nth(1).unwrap_or(""))
        .collect()
}
