//! Crash safety: the engine is killed at its crash points (`base::crash`) and at random moments; the
//! run is taken up again, ends well, loses and doubles nothing and leaves nothing behind.
//!
//! A point is named `J@STEP`: the J-th since STEP began to be bound. CI draws a sample of them from
//! the day (`IMSMIGRATE_CRASH_SEED` for another one, printed); `tests/soak.sh crash` goes through all:
//! `IMSMIGRATE_CRASH_MATRIX=FILE` notes what is done in FILE and goes on from there.

mod abort;
mod points;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How many runs CI's sample of single crashes has, one crash in each step, and how many random kills
/// one run.
const COLUMNS: usize = 5;
const KILLS: usize = 20;
/// How many double crashes there are, and how soon the second one comes at the latest: points of the
/// engine that takes the run up.
const PAIRS: usize = 100;
const SECOND: usize = 16;

/// A lab and a run that has just been created, to be copied back for each try.
pub(super) struct Place {
    dir: tempfile::TempDir,
    /// What `practice` is given beside the usual.
    more: Vec<String>,
    pub(super) run: String,
}

/// What the counted run has passed: step → the points since it began to be bound, as
/// `when what which`; those before the first step are under `""`.
type Points = BTreeMap<String, Vec<String>>;

impl Place {
    /// Makes a lab of 3 users and a run in it whose engine is dead before its first step.
    pub(super) fn new() -> Self {
        Self::with(&[])
    }

    /// As [`Place::new`], with more words for `practice`.
    pub(super) fn with(more: &[&str]) -> Self {
        let mut place = Self::empty();
        place.more = more.iter().map(|w| (*w).to_owned()).collect();
        let output = place.practice("1@keep-backups", None);
        assert_ne!(output.status.code(), Some(0), "{}", talk(&output));
        place.run = text(&place.the_run()["id"]);
        assert_eq!(place.state(), "crashed");
        place.lab("stop");
        for part in ["lab", "state"] {
            copy(&place.path(part), &place.path("kept").join(part));
        }
        place
    }

    fn empty() -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
            more: Vec::new(),
            run: String::new(),
        };
        std::fs::create_dir(place.path("kept")).unwrap();
        place
    }

    fn practice(&self, crash_at: &str, count: Option<&Path>) -> Output {
        let lab = self.path("lab");
        let mut command = self.command(&["practice", "--headless", "--yes", "--users", "3"]);
        command.args(["--messages-per-user", "2", "--seed", "1", "--lab"]);
        command.arg(lab).args(&self.more);
        command.env("IMSMIGRATE_CRASH_AT", crash_at);
        if let Some(count) = count {
            command.env("IMSMIGRATE_CRASH_COUNT", count);
        }
        command.output().unwrap()
    }

    /// Puts lab and run back to where they were at first.
    pub(super) fn again(&self) {
        self.lab("stop");
        for part in ["lab", "state"] {
            let _ = std::fs::remove_dir_all(self.path(part));
            copy(&self.path("kept").join(part), &self.path(part));
        }
        self.lab("start");
    }

    pub(super) fn path(&self, part: &str) -> PathBuf {
        self.dir.path().join(part)
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        // A soak of hours keeps a copy, so that builds meanwhile do not change what it tests.
        let copy = std::env::var_os("IMSMIGRATE_CRASH_BINARY");
        let binary = copy.unwrap_or_else(|| env!("CARGO_BIN_EXE_imsmigrate").into());
        let mut command = Command::new(binary);
        command
            .args(args)
            .env("IMSMIGRATE_STATE_DIR", self.path("state"))
            .stdin(Stdio::null());
        command
    }

    pub(super) fn lab(&self, verb: &str) {
        let lab = self.path("lab");
        let output = self.command(&["lab", verb]).arg(lab).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    }

    fn the_run(&self) -> Value {
        let output = self.command(&["runs", "--json"]).output().unwrap();
        let runs: Value = serde_json::from_slice(&output.stdout).unwrap();
        runs["runs"][0].clone()
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.path("state").join("runs").join(&self.run)
    }

    /// What a person would type next: `retry` where the run failed, else `resume`.
    fn go_on(&self, more: &[(&str, &str)]) -> Command {
        let failed = self.state() == "failed";
        let verb = if failed { "retry" } else { "resume" };
        let mut command = self.command(&[verb, &self.run, "--headless", "--yes"]);
        command.envs(more.iter().copied());
        command
    }

    /// Where the run is, once its engine is gone: a killed one takes a moment.
    pub(super) fn state(&self) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let run = self.the_run();
            if run["engine_pid"].is_null() || Instant::now() > deadline {
                return text(&run["state"]);
            }
            std::thread::yield_now();
        }
    }

    /// Goes on with a crash ordered; whether the engine died of it.
    pub(super) fn crash_at(&self, point: &str) -> bool {
        let output = self
            .go_on(&[("IMSMIGRATE_CRASH_AT", point)])
            .output()
            .unwrap();
        match self.state().as_str() {
            "crashed" => true,
            "done" | "failed" => false,
            other => panic!("{point}: {other:?}\n{}", talk(&output)),
        }
    }

    /// Whether a step has been begun already.
    fn has_begun(&self, step: &str) -> bool {
        let text = std::fs::read_to_string(self.folder().join("journal.jsonl")).unwrap();
        text.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .any(|event| event["kind"] == "step-entered" && event["step"] == step)
    }

    /// Goes on until the run is done, without further crashes.
    pub(super) fn finish(&self, what: &str) {
        let mut said = Vec::new();
        for _ in 0..4 {
            if self.state() == "done" {
                return;
            }
            let output = self.go_on(&[]).output().unwrap();
            said.push(talk(&output));
        }
        assert_eq!(self.state(), "done", "{what}\n{}", said.join("\n----\n"));
    }

    /// Everything that has to hold at the end, whatever happened on the way.
    pub(super) fn check(&self, what: &str) {
        let lab = self.path("lab");
        let output = self.command(&["lab", "audit", "--json"]).arg(lab).output();
        let output = output.unwrap();
        let audit: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(audit["clean"], true, "{what}: {audit}");
        let engines = self.journal_is_whole(what);
        let left = processes_of(&engines);
        assert!(left.is_empty(), "{what}: of a dead engine run: {left:?}");
        self.no_secret_is_left(what);
    }

    /// Numbers, times and chain of the journal; returns the engines that wrote it.
    pub(super) fn journal_is_whole(&self, what: &str) -> BTreeSet<u64> {
        let text = std::fs::read_to_string(self.folder().join("journal.jsonl")).unwrap();
        assert!(text.ends_with('\n'), "{what}");
        let mut prev = String::new();
        let mut engines = BTreeSet::new();
        let mut answered = BTreeSet::new();
        for (index, line) in text.lines().enumerate() {
            let event: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(event["idx"], index + 1, "{what}: {line}");
            assert_eq!(event["prev"], prev.as_str(), "{what}: {line}");
            prev = sha256(line);
            match event["kind"].as_str().unwrap() {
                "engine-started" => {
                    engines.insert(event["pid"].as_u64().unwrap());
                }
                "step-entered" => {
                    answered.remove(event["step"].as_str().unwrap());
                }
                "gate-answered" => {
                    let gate = event["gate"].as_str().unwrap().to_owned();
                    let first = gate.contains('/') || answered.insert(gate);
                    assert!(first, "{what}: asked twice: {line}");
                }
                _ => {}
            }
        }
        engines
    }

    pub(super) fn no_secret_is_left(&self, what: &str) {
        let secrets = std::fs::read_to_string(self.path("lab").join("secrets.toml")).unwrap();
        let secrets: Vec<&str> = secrets
            .lines()
            .filter_map(|l| l.split('"').nth(1))
            .collect();
        assert_eq!(secrets.len(), 2);
        let scratch = self.path("lab/hosts/mail/var/tmp");
        for file in files(&self.folder()).into_iter().chain(files(&scratch)) {
            let content = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
            for secret in &secrets {
                let shown = file.display();
                assert!(!content.contains(secret), "{what}: a secret is in {shown}");
            }
        }
    }

    /// Runs once without a crash and returns all points that were passed.
    fn count(&self) -> Points {
        let list = self.path("count");
        let _ = std::fs::remove_file(&list);
        self.again();
        let output = self
            .go_on(&[("IMSMIGRATE_CRASH_COUNT", list.to_str().unwrap())])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
        self.check("without a crash");
        let mut points = Points::new();
        let mut step = String::new();
        for line in std::fs::read_to_string(&list).unwrap().lines() {
            let (_, name) = line.split_once(' ').unwrap();
            if let Some(next) = name.strip_prefix("before bind ") {
                next.clone_into(&mut step);
            }
            points
                .entry(step.clone())
                .or_default()
                .push(name.to_owned());
        }
        points
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let lab = self.path("lab");
        let _ = self.command(&["lab", "stop"]).arg(lab).output();
        if std::thread::panicking() && std::env::var_os("IMSMIGRATE_KEEP").is_some() {
            self.dir.disable_cleanup(true);
            println!("kept: {}", self.dir.path().display());
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(status.unwrap().success());
}

pub(super) fn talk(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn sha256(line: &str) -> String {
    imsmigrate::engine::journal::hash(line.as_bytes())
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => all.extend(files(&entry.path())),
            kind if kind.is_file() => all.push(entry.path()),
            _ => {}
        }
    }
    all
}

/// Processes whose session was made by one of the engines: `engine` calls `setsid` first.
fn processes_of(engines: &BTreeSet<u64>) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mut left = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
                continue;
            };
            let Some((_, rest)) = stat.rsplit_once(") ") else {
                continue;
            };
            let words: Vec<&str> = rest.split(' ').collect();
            let session = words.get(3).and_then(|w| w.parse().ok()).unwrap_or(0);
            if engines.contains(&session) && words[0] != "Z" {
                left.push(stat);
            }
        }
        // The last engine ends a moment after its last client.
        if left.is_empty() || Instant::now() > deadline {
            return left;
        }
        std::thread::yield_now();
    }
}

/// Draws numbers; the seed is the day's unless one is given.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(test: &str) -> Self {
        let today = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400;
        let given = std::env::var("IMSMIGRATE_CRASH_SEED").ok();
        let seed = given.map_or(today, |s| s.parse().unwrap());
        println!("{test}: IMSMIGRATE_CRASH_SEED={seed}");
        Self(seed)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((x ^ (x >> 31)) % limit as u64).unwrap()
    }
}

#[test]
fn a_run_whose_engine_dies_before_its_first_step_is_taken_up() {
    // Before the first line, in the middle of it, after it.
    for point in 1..=3 {
        let mut place = Place::empty();
        let output = place.practice(&point.to_string(), None);
        let what = format!("point {point}: {}", talk(&output));
        let run = place.the_run();
        assert_eq!(place.state(), "crashed", "{what}");
        place.run = text(&run["id"]);
        place.finish(&what);
        place.check(&what);
    }
}

#[test]
fn engines_that_die_in_every_step_end_with_every_message_in_place() {
    let place = Place::new();
    let points = place.count();
    let matrix = std::env::var_os("IMSMIGRATE_CRASH_MATRIX").map(PathBuf::from);
    if let Some(notes) = matrix {
        return all_points(&place, &points, &notes);
    }
    let mut dice = Dice::new("crash points");
    let total: usize = points.values().map(Vec::len).sum();
    let mut died = 0;
    for _ in 0..COLUMNS {
        let steps = points.iter().filter(|(step, _)| !step.is_empty());
        let crashes: Vec<_> = steps
            .map(|(step, list)| (step.clone(), dice.below(list.len()) + 1))
            .collect();
        died += column(&place, &points, &crashes);
    }
    println!("{died} of {total} points");
}

/// One run with one crash in each of some steps; returns how many of them came to be.
fn column(place: &Place, points: &Points, crashes: &[(String, usize)]) -> usize {
    place.again();
    let mut died = Vec::new();
    for step in steps(place) {
        let Some((_, point)) = crashes.iter().find(|(s, _)| *s == step) else {
            continue;
        };
        let name = &points[&step][point - 1];
        let crash = format!("{point}@{step}");
        println!("  {crash}: {name}");
        if place.crash_at(&crash) {
            died.push(format!("{crash} ({name})"));
        }
    }
    let what = format!("died at {}", died.join(", "));
    place.finish(&what);
    place.check(&what);
    died.len()
}

/// The steps in their order.
pub(super) fn steps(place: &Place) -> Vec<String> {
    let text = std::fs::read_to_string(place.folder().join("journal.jsonl")).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let steps = first["steps"].as_array().unwrap();
    steps
        .iter()
        .map(|s| s["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Every point of every step, column by column, noting what is done.
fn all_points(place: &Place, points: &Points, notes: &Path) {
    let done = std::fs::read_to_string(notes).unwrap_or_default();
    let done: BTreeSet<&str> = done.lines().collect();
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(notes)
        .unwrap();
    let longest = points.values().map(Vec::len).max().unwrap();
    let shard = std::env::var("IMSMIGRATE_CRASH_SHARD").unwrap_or("0/1".to_owned());
    let (mine, of) = shard.split_once('/').unwrap();
    let (mine, of): (usize, usize) = (mine.parse().unwrap(), of.parse().unwrap());
    let mut broken = Vec::new();
    for point in (1..=longest).filter(|p| p % of == mine) {
        let crashes: Vec<(String, usize)> = points
            .iter()
            .filter(|(step, list)| !step.is_empty() && point <= list.len())
            .map(|(step, _)| (step.clone(), point))
            .filter(|(step, point)| !done.contains(format!("{point}@{step}").as_str()))
            .collect();
        if crashes.is_empty() {
            continue;
        }
        let began = Instant::now();
        let one = std::panic::AssertUnwindSafe(|| column(place, points, &crashes));
        let Ok(died) = std::panic::catch_unwind(one) else {
            broken.push(point);
            continue;
        };
        let took = began.elapsed().as_secs();
        println!(
            "column {point}: {died} of {} crashes, {took} s",
            crashes.len()
        );
        for (step, point) in &crashes {
            writeln!(file, "{point}@{step}").unwrap();
        }
    }
    assert!(broken.is_empty(), "broken columns: {broken:?}");
}

/// Two crashes in each step of a run, both drawn: the second kills the engine that takes up what the
/// first has left, run after run until there were enough.
#[test]
fn engines_that_die_twice_end_with_every_message_in_place() {
    let place = Place::new();
    let points = place.count();
    let mut dice = Dice::new("double crashes");
    let wanted = std::env::var("IMSMIGRATE_CRASH_PAIRS").map_or(PAIRS, |n| n.parse().unwrap());
    let (mut pairs, mut runs) = (0, 0);
    let began = Instant::now();
    while pairs < wanted {
        runs += 1;
        assert!(runs <= wanted, "{pairs} double crashes in {runs} runs");
        place.again();
        let mut died = Vec::new();
        for step in steps(&place) {
            let Some(list) = points.get(&step) else {
                continue;
            };
            // An engine that was to die a second time may have gone on into later steps instead.
            if pairs == wanted || place.has_begun(&step) {
                continue;
            }
            let first = dice.below(list.len()) + 1;
            let second = dice.below(SECOND) + 1;
            if !place.crash_at(&format!("{first}@{step}")) {
                continue;
            }
            let twice = place.crash_at(&second.to_string());
            pairs += usize::from(twice);
            died.push(format!(
                "{first}@{step} ({}), {second} {twice}",
                list[first - 1]
            ));
        }
        println!("  {}", died.join("; "));
        let what = format!("died at {}", died.join("; "));
        place.finish(&what);
        place.check(&what);
    }
    println!(
        "{pairs} double crashes in {runs} runs, {} s",
        began.elapsed().as_secs()
    );
}

#[test]
fn an_engine_killed_at_random_moments_ends_with_every_message_in_place() {
    let place = Place::new();
    place.again();
    let mut dice = Dice::new("random kills");
    let journal = place.folder().join("journal.jsonl");
    let size = || std::fs::metadata(&journal).map_or(0, |m| m.len());
    let deadline = Instant::now() + Duration::from_secs(240);
    let mut killed = 0;
    while killed < KILLS && place.state() != "done" {
        assert!(Instant::now() < deadline, "{killed} kills so far");
        let mut child = place
            .go_on(&[])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Far enough that the run as a whole goes on, then a random moment later.
        let enough = size() + 1_000 + dice.below(6_000) as u64;
        let a_moment = Duration::from_millis(dice.below(80) as u64);
        while size() < enough && child.try_wait().unwrap().is_none() {
            std::thread::park_timeout(Duration::from_millis(2));
        }
        std::thread::park_timeout(a_moment);
        if let Some(pid) = place.the_run()["engine_pid"].as_i64() {
            let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            let kill = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            killed += usize::from(kill.is_ok());
        }
        child.wait().unwrap();
    }
    let what = format!("killed {killed} times");
    println!("  {what}");
    place.finish(&what);
    place.check(&what);
    assert!(killed >= KILLS / 2, "only {what}: it goes on too fast");
}
