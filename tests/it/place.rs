//! A state folder and a lab for one test, and the commands in them.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// A place of one's own: state folder and lab; what runs in it is stopped at the end.
pub struct Place {
    pub dir: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub fn lab(&self) -> PathBuf {
        self.dir.path().join("lab")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imsmigrate"));
        command
            .args(args)
            .env("IMSMIGRATE_STATE_DIR", self.dir.path().join("state"))
            .stdin(std::process::Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub fn practice(&self, more: &[&str]) -> Output {
        let lab = self.lab();
        let mut args = vec![
            "practice",
            "--headless",
            "--yes",
            "--lab",
            lab.to_str().unwrap(),
        ];
        args.extend(more);
        self.run(&args)
    }

    pub fn create_lab(&self, more: &[&str]) {
        let lab = self.lab();
        let mut args = vec!["lab", "create", lab.to_str().unwrap()];
        args.extend(more);
        let output = self.run(&args);
        assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    }

    pub fn site(&self) -> PathBuf {
        self.lab().join("site.toml")
    }

    pub fn run_site(&self, more: &[&str]) -> Output {
        let site = self.site();
        let mut args = vec!["run", "--site", site.to_str().unwrap()];
        args.extend(more);
        self.run(&args)
    }

    pub fn audit(&self) -> Value {
        let output = self.run(&["lab", "audit", self.lab().to_str().unwrap(), "--json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", talk(&output)))
    }

    pub fn the_run(&self) -> Value {
        let output = self.run(&["runs", "--json"]);
        let runs: Value = serde_json::from_slice(&output.stdout).unwrap();
        runs["runs"][0].clone()
    }

    pub fn change(file: &Path, from: &str, to: &str) {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains(from), "`{from}` is not in {text}");
        std::fs::write(file, text.replace(from, to)).unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Ok(output) = self.command(&["runs", "--json"]).output()
            && let Ok(runs) = serde_json::from_slice::<Value>(&output.stdout)
        {
            for run in runs["runs"].as_array().into_iter().flatten() {
                if let Some(pid) = run["engine_pid"].as_i64() {
                    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
                }
            }
        }
        let _ = self.run(&["lab", "stop", self.lab().to_str().unwrap()]);
    }
}

pub fn talk(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "waited a minute for: {what}");
        std::thread::yield_now();
    }
}
