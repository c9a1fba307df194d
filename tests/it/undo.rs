//! Taking back: after each step in turn, with and without an engine that dies on the way, the
//! directory and the host are as they were before the run, and the old mail service is up.
//!
//! CI draws some steps from the day; `tests/soak.sh undo` goes through all of them, and kills the
//! engine at random points of the way back of each.

use super::crash::{Dice, Place, steps, talk};
use super::real_directory::Ldapsearch;
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// How many steps CI draws.
const SAMPLE: usize = 3;

/// What must be as before: the directory, entry by entry, and the host, path by path.
#[derive(Debug, PartialEq, Eq)]
struct World {
    directory: Vec<String>,
    host: BTreeMap<String, String>,
}

impl World {
    fn of(place: &Place) -> Self {
        let mut host = BTreeMap::new();
        tree(&place.path("lab/hosts/mail"), "", &mut host);
        Self {
            directory: dump(place),
            host,
        }
    }

    /// Every line in which the two differ.
    fn differences(&self, after: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (path, is) in &after.host {
            match self.host.get(path) {
                None => found.push(format!("new: {path}")),
                Some(was) if was != is => found.push(format!("changed: {path}: {was} -> {is}")),
                Some(_) => {}
            }
        }
        for path in self.host.keys().filter(|p| !after.host.contains_key(*p)) {
            found.push(format!("gone: {path}"));
        }
        for line in similar::TextDiff::from_slices(
            &self
                .directory
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
            &after
                .directory
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        )
        .iter_all_changes()
        .filter(|c| c.tag() != similar::ChangeTag::Equal)
        {
            let value: String = line.value().chars().take(2_000).collect();
            found.push(format!("directory {} {value}", line.tag()));
        }
        found
    }
}

/// What changes by itself on a server that runs: logs, the database files of the directory (its
/// content is compared entry by entry), what the MTA counts and remembers.
fn by_itself(path: &str) -> bool {
    path.contains("/logs/")
        || path.contains("/log/")
        || path.contains("/slapd-mail/db/")
        // Of a real directory server: what it keeps for itself beside its data.
        || path.contains("/slapd-mail/config/slapd.d/")
        || path.contains("/slapd-mail/dirsrv/")
        || path.contains("/slapd-mail/lock/")
        || path.contains("/slapd-mail/run/")
        || path.starts_with("/var/opt/SUNWmail/imta/counters")
        || path.starts_with("/var/opt/SUNWmail/ims/adm/lock")
}

/// Files with mode and content, links with their target, folders that hold something.
fn tree(root: &Path, below: &str, found: &mut BTreeMap<String, String>) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{below}/{}", entry.file_name().to_string_lossy());
        let meta = std::fs::symlink_metadata(entry.path()).unwrap();
        let mode = meta.permissions().mode() & 0o7777;
        if meta.is_dir() {
            // An empty folder that is left behind holds nobody's data.
            if tree(&entry.path(), &path, found) > 0 && !by_itself(&format!("{path}/")) {
                found.insert(
                    path,
                    format!("folder {mode:o} {}:{}", meta.uid(), meta.gid()),
                );
                count += 1;
            }
        } else if !by_itself(&path) {
            let what = match std::fs::read_link(entry.path()) {
                Ok(target) => format!("-> {}", target.display()),
                Err(_) => imsmigrate::engine::journal::hash(&std::fs::read(entry.path()).unwrap()),
            };
            found.insert(
                path,
                format!("{mode:o} {}:{} {what}", meta.uid(), meta.gid()),
            );
            count += 1;
        }
    }
    count
}

/// Everything in the directory, and its schema, sorted.
fn dump(place: &Place) -> Vec<String> {
    let lab = place.path("lab");
    let status = place
        .command(&["lab", "status", "--json"])
        .arg(&lab)
        .output();
    let ldapsearch = Ldapsearch::at(&status.unwrap().stdout, &lab, &place.path("."));
    let mut lines: Vec<String> = ldapsearch.dump().split("\n\n").map(str::to_owned).collect();
    assert!(lines.len() > 10, "{lines:?}");
    // A server's own marks of what was added while it ran and by whom.
    let plain = |line: String| line.replace(" X-ORIGIN 'user defined'", "");
    lines.extend(ldapsearch.schema().into_iter().map(plain));
    lines
}

/// How many files there are below a folder, which may go while they are counted.
fn files(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|e| match e.file_type() {
            Ok(kind) if kind.is_dir() => files(&e.path()),
            Ok(_) => 1,
            Err(_) => 0,
        })
        .sum()
}

fn imta(place: &Place, verb: &str) {
    let lab = place.path("lab");
    let mut command = place.command(&["lab", "exec"]);
    command
        .arg(lab)
        .args(["mail", "/opt/SUNWmail/sbin/imta", verb, "dispatcher"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
}

/// A lab with a run that has not begun, its queues empty.
fn at_rest(more: &[&str]) -> (Place, World) {
    let place = Place::with(more);
    place.again();
    // A busy server's queue stands for as long as mail comes in.
    imta(&place, "stop");
    let queue = place.path("lab/hosts/mail/var/opt/SUNWmail/imta/queue");
    let deadline = Instant::now() + Duration::from_secs(60);
    while files(&queue) > 0 {
        assert!(Instant::now() < deadline, "the queues do not run empty");
        std::thread::yield_now();
    }
    imta(&place, "start");
    let before = World::of(&place);
    (place, before)
}

/// Goes on until `step` begins; the engine dies there.
fn go_on_to(place: &Place, step: &str) {
    let crash = format!("1@{step}");
    assert!(place.crash_at(&crash), "{crash}");
}

fn undo(place: &Place, more: &[(&str, &str)]) -> std::process::Output {
    let mut command = place.command(&["undo", &place.run, "--headless", "--yes"]);
    command.envs(more.iter().copied()).output().unwrap()
}

fn is_as_before(place: &Place, before: &World, what: &str) {
    assert_eq!(place.state(), "undone", "{what}");
    let after = World::of(place);
    let differences = before.differences(&after);
    assert!(differences.is_empty(), "{what}: {differences:#?}");
    let site = place.path("lab/site.toml");
    let mut check = place.command(&["check", "--site"]);
    check.arg(site).args(["--only", "sims-up"]);
    check.args(["--only", "smtp-open", "--only", "ldap-answers"]);
    let output = check.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{what}: {}", talk(&output));
    place.journal_is_whole(what);
    place.no_secret_is_left(what);
}

/// The steps after which a run is taken back: drawn from the day, or all.
fn drawn(place: &Place, dice: &mut Dice) -> Vec<Option<String>> {
    // `None`: after the last one.
    let mut all: Vec<Option<String>> = steps(place).into_iter().skip(1).map(Some).collect();
    all.push(None);
    if std::env::var_os("IMSMIGRATE_UNDO_ALL").is_some() {
        return all;
    }
    let mut some: Vec<Option<String>> = vec![None];
    while some.len() < SAMPLE {
        let one = all[dice.below(all.len())].clone();
        if !some.contains(&one) {
            some.push(one);
        }
    }
    some
}

#[test]
fn needs_ldapsearch_after_each_step_undo_leaves_everything_as_it_was() {
    let mut dice = Dice::new("undo");
    let (mut place, mut before) = at_rest(&[]);
    for (index, next) in drawn(&place, &mut dice).into_iter().enumerate() {
        if index > 0 {
            (place, before) = at_rest(&[]);
        }
        let what = if let Some(step) = &next {
            go_on_to(&place, step);
            format!("undo before {step}")
        } else {
            place.finish("forward");
            "undo after the last step".to_owned()
        };
        println!("  {what}");
        let output = undo(&place, &[]);
        assert_eq!(output.status.code(), Some(0), "{what}: {}", talk(&output));
        is_as_before(&place, &before, &what);
    }
}

fn taken_back_on(server: &str) {
    let (place, before) = at_rest(&["--directory", server]);
    place.finish("forward");
    let output = undo(&place, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    is_as_before(&place, &before, server);
}

#[test]
fn needs_slapd_needs_ldapsearch_undo_leaves_openldap_as_it_was() {
    taken_back_on("slapd");
}

#[test]
fn needs_389ds_needs_ldapsearch_undo_leaves_389_directory_server_as_it_was() {
    taken_back_on("389ds");
}

#[test]
fn needs_ldapsearch_an_engine_that_dies_on_the_way_back_is_taken_up() {
    let mut dice = Dice::new("undo with crashes");
    let rounds = if std::env::var_os("IMSMIGRATE_UNDO_ALL").is_some() {
        30
    } else {
        1
    };
    for round in 0..rounds {
        let (place, before) = at_rest(&[]);
        place.finish("forward");
        let points = match round {
            // The first of many is one that was found to hold the way back up: the new server is
            // stopped, and that it is was not written down.
            0 if rounds > 1 => [90, 84],
            _ => [dice.below(200) + 1, dice.below(150) + 1],
        };
        let what = format!("undo, died at {points:?}");
        println!("  {what}");
        for point in points {
            undo(&place, &[("IMSMIGRATE_CRASH_AT", &point.to_string())]);
        }
        for _ in 0..4 {
            if place.state() != "undone" {
                undo(&place, &[]);
            }
        }
        is_as_before(&place, &before, &what);
    }
}

#[test]
fn needs_ldapsearch_a_run_taken_back_in_part_goes_forward_again() {
    let (place, _) = at_rest(&[]);
    place.finish("forward");
    for to in ["move-mailboxes", "drain-queues"] {
        let mut command = place.command(&["undo", &place.run, "--to", to, "--headless", "--yes"]);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{to}: {}", talk(&output));
        assert_eq!(place.state(), "stopped", "{to}");
        place.finish(&format!("forward again after {to}"));
        place.check(&format!("forward again after {to}"));
    }
}
