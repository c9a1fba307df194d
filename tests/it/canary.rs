//! Secrets reach no argv, no environment, no journal, no log and no file but the vendor's own.
//!
//! The lab's directory password is the canary. A planted twin proves that the same scan would find it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Files below `dir` that hold `canary`.
fn files_with(dir: &Path, canary: &str) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file()
                && std::fs::read(&path).is_ok_and(|content| holds(&content, canary))
            {
                found.insert(path);
            }
        }
    }
    found
}

fn holds(content: &[u8], canary: &str) -> bool {
    content
        .windows(canary.len())
        .any(|window| window == canary.as_bytes())
}

/// Looks into argv and environment of every process, as often as it can, until told to stop.
fn watch_processes(canary: &str, stop: &AtomicBool) -> (BTreeSet<String>, usize) {
    let mut seen = BTreeSet::new();
    let mut rounds = 0;
    let own = std::process::id().to_string();
    while !stop.load(Ordering::Relaxed) {
        rounds += 1;
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == own || !name.bytes().all(|b| b.is_ascii_digit()) {
                continue;
            }
            for file in ["cmdline", "environ"] {
                let content = std::fs::read(entry.path().join(file)).unwrap_or_default();
                if holds(&content, canary) {
                    let argv = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
                    let argv = String::from_utf8_lossy(&argv).replace('\0', " ");
                    seen.insert(format!("{file} of {argv}"));
                }
            }
        }
        // 500 times a second at most.
        std::thread::park_timeout(Duration::from_millis(2));
    }
    (seen, rounds)
}

#[test]
fn the_directory_password_is_found_nowhere_but_in_the_vendors_own_files() {
    let dir = tempfile::tempdir().unwrap();
    let (lab, state) = (dir.path().join("lab"), dir.path().join("state"));
    let command = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imsmigrate"));
        command
            .args(args)
            .env("IMSMIGRATE_STATE_DIR", &state)
            .stdin(Stdio::null());
        command
    };
    let made = command(&[
        "lab",
        "create",
        lab.to_str().unwrap(),
        "--users",
        "3",
        "--seed",
        "17",
    ])
    .output()
    .unwrap();
    assert!(made.status.success());
    let secrets = std::fs::read_to_string(lab.join("secrets.toml")).unwrap();
    let secrets: toml::Table = secrets.parse().unwrap();
    let canary = secrets["directory"].as_str().unwrap().to_owned();
    assert!(canary.len() >= 10, "too short to be told from chance");

    let stop = Arc::new(AtomicBool::new(false));
    let watcher = {
        let (canary, stop) = (canary.clone(), stop.clone());
        std::thread::spawn(move || watch_processes(&canary, &stop))
    };
    let whole = dir.path().join("whole");
    let practice = command(&[
        "practice",
        "--headless",
        "--yes",
        "--users",
        "3",
        "--seed",
        "17",
        "--lab",
        whole.to_str().unwrap(),
    ])
    .output()
    .unwrap();
    stop.store(true, Ordering::Relaxed);
    let (seen, rounds) = watcher.join().unwrap();
    for lab in [&lab, &whole] {
        let _ = command(&["lab", "stop", lab.to_str().unwrap()]).output();
    }

    assert_eq!(
        practice.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&practice.stderr)
    );
    assert!(rounds > 20, "only {rounds} looks at the processes");
    assert!(seen.is_empty(), "in a process: {seen:?}");
    let screen = [practice.stdout.as_slice(), &practice.stderr].concat();
    assert!(!holds(&screen, &canary), "on the screen");
    let kept = files_with(&state, &canary);
    assert!(kept.is_empty(), "in the runs' folders: {kept:?}");

    // The same seed draws the same password; it is where the vendor keeps it, and nowhere else.
    let allowed = [
        "secrets.toml",
        "hosts/mail/usr/netscape/server4/slapd-mail/config/slapd.conf",
        "hosts/mail/usr/iplanet/server5/msg-mail/config/local.conf",
    ];
    let found: Vec<PathBuf> = files_with(&whole, &canary)
        .into_iter()
        .map(|path| path.strip_prefix(&whole).unwrap().to_path_buf())
        .collect();
    assert!(
        found.iter().any(|p| p.ends_with("local.conf")),
        "the setting was made: {found:?}"
    );
    for path in &found {
        assert!(
            allowed.iter().any(|a| path == Path::new(a)),
            "in the lab: {}",
            path.display()
        );
    }

    // The twin: what is planted is found by the same scans.
    std::fs::write(state.join("planted"), format!("x{canary}y")).unwrap();
    assert_eq!(files_with(&state, &canary).len(), 1);
    let stop = Arc::new(AtomicBool::new(false));
    let watcher = {
        let (canary, stop) = (canary.clone(), stop.clone());
        std::thread::spawn(move || watch_processes(&canary, &stop))
    };
    let planted = Command::new("sh")
        .args(["-c", "read line", &canary])
        .stdin(Stdio::piped())
        .spawn();
    let mut planted = planted.unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    let pid = planted.id();
    while !holds(
        &std::fs::read(format!("/proc/{pid}/cmdline")).unwrap(),
        &canary,
    ) {
        assert!(std::time::Instant::now() < deadline);
        std::thread::yield_now();
    }
    for _ in 0..200 {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    drop(planted.stdin.take());
    planted.wait().unwrap();
    stop.store(true, Ordering::Relaxed);
    let (seen, _) = watcher.join().unwrap();
    assert!(
        !seen.is_empty(),
        "a password in a command line would not be noticed"
    );
}
