//! The crash points agree with the journal, and with what is seen from outside: `strace` and the
//! directory's own log. A write or an effect without its point could not be crashed at.

use super::{Place, talk};
use crate::trace::Trace;
use imsmigrate::host::Act;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

#[test]
fn points_agree_with_the_journal() {
    let place = Place::new();
    let points = place.count();
    let mut passed: BTreeMap<&str, usize> = BTreeMap::new();
    for name in points.values().flatten() {
        *passed.entry(name).or_default() += 1;
    }
    let text = std::fs::read_to_string(place.folder().join("journal.jsonl")).unwrap();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut seen = 0;
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        seen += usize::from(event["kind"] == "engine-started");
        // The first engine died before it was counted.
        if seen == 2 {
            *kinds
                .entry(event["kind"].as_str().unwrap().to_owned())
                .or_default() += 1;
        }
    }
    for (kind, count) in &kinds {
        for when in ["before", "torn", "after"] {
            let name = format!("{when} write {kind}");
            assert_eq!(passed.get(name.as_str()), Some(count), "{name}");
        }
    }
    let sum = |prefix: &str| -> usize {
        let of = passed.iter().filter(|(name, _)| name.starts_with(prefix));
        of.map(|(_, count)| count).sum()
    };
    assert_eq!(sum("before write "), kinds.values().sum::<usize>());
    for what in ["before effect ", "after effect "] {
        assert_eq!(sum(what), kinds["effect-intended"], "{what}");
    }
    assert_eq!(sum("before bind "), kinds["step-entered"] + 1);
    assert_eq!(sum("before sync"), sum("after sync"));
    assert_eq!(sum("before entry "), sum("after entry "));
    println!("{} points", passed.values().sum::<usize>());
}

/// The acts that change something on a host, and how their argv is told from others.
fn changes() -> Vec<(&'static str, String)> {
    let text = || "x".to_owned();
    let (folder, path, from, to) = (text(), text(), text(), text());
    let acts = [
        Act::Settle {
            folder: text(),
            end: false,
        },
        Act::CleanUp { folder },
        Act::WriteFile {
            path: text(),
            mode: text(),
            bytes: 1,
        },
        Act::CopyFile { from, to },
        Act::MakeDir { path: text() },
        Act::RemoveFile { path: text() },
        Act::RemoveTree { path: text() },
        Act::Link {
            target: text(),
            path: text(),
        },
        Act::SetOwner {
            path,
            owner: text(),
            below: false,
        },
    ];
    acts.into_iter()
        .map(|act| {
            let argv = act.argv();
            let told = argv.get(2).filter(|_| argv[0] == "/bin/sh");
            let told = told.map_or_else(|| "mkdir\", \"-p".to_owned(), |script| shown(script));
            (act.changes().unwrap(), told)
        })
        .collect()
}

/// A text as strace writes it.
fn shown(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
        .replace('\t', "\\t")
}

#[test]
fn needs_strace_points_agree_with_what_is_seen_from_outside() {
    let place = Place::new();
    place.again();
    let (list, trace) = (place.path("count"), place.path("trace"));
    let access = place.path("lab/hosts/mail/usr/netscape/server4/slapd-mail/logs/access");
    let before = std::fs::read_to_string(&access).unwrap().len();
    let go_on = place.go_on(&[]);
    let output = Command::new("strace")
        .args(["-f", "-qq", "-s", "9000", "-e", "signal=none", "-e"])
        .arg("trace=execve,openat,write,fdatasync,clone,clone3,fork,vfork")
        .arg("-o")
        .arg(&trace)
        .arg(go_on.get_program())
        .args(go_on.get_args())
        .env("IMSMIGRATE_STATE_DIR", place.path("state"))
        .env("IMSMIGRATE_CRASH_COUNT", &list)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    place.check("under strace");

    let mut passed: BTreeMap<String, usize> = BTreeMap::new();
    for line in std::fs::read_to_string(&list).unwrap().lines() {
        let (_, name) = line.split_once(' ').unwrap();
        *passed.entry(name.to_owned()).or_default() += 1;
    }
    let sum = |prefix: &str| -> usize {
        let of = passed.iter().filter(|(name, _)| name.starts_with(prefix));
        of.map(|(_, count)| count).sum()
    };
    let seen = Trace::read(&trace);

    // The journal: a line a write, and a sync where one was promised.
    let opened = seen
        .own()
        .find(|c| c.contains("journal.jsonl\"") && c.contains("O_APPEND"));
    let journal = opened.unwrap().rsplit_once("= ").unwrap().1;
    let of = |call: &str| seen.own().filter(|c| c.starts_with(call)).count();
    assert_eq!(of(&format!("write({journal}, \"{{")), sum("before write "));
    assert_eq!(of(&format!("write({journal}, ")), sum("before write "));
    assert_eq!(of(&format!("fdatasync({journal})")), sum("before sync"));

    // The hosts: every process that changes something.
    let started = seen.started();
    for (change, told) in changes() {
        let count = started.iter().filter(|c| c.text.contains(&told)).count();
        assert_eq!(
            count,
            sum(&format!("before act {change}")),
            "{change}: {told}"
        );
    }
    let run = Act::Run {
        folder: String::new(),
        cwd: String::new(),
        stdin: false,
        stdout: String::new(),
        argv: Vec::new(),
    };
    let wrapped = shown(&run.argv()[2]);
    let runs = started.iter().filter(|c| c.text.contains(&wrapped)).count();
    let pipes = sum("after pipe right begun") + sum("after pipe left begun");
    assert_eq!(runs, sum("before run ") + pipes + sum("before act run"));

    // The run's folder: every file that is written whole.
    let whole = |c: &&str| c.starts_with("openat(") && c.contains("O_CREAT|O_TRUNC");
    let files = seen.own().filter(whole).count();
    let undo = sum("before artifact undo");
    assert_eq!(files, sum("before artifact ") - undo);

    // The directory: every change, by its own log.
    let log = std::fs::read_to_string(&access).unwrap();
    let log = &log[before..];
    let changed = |verb: &str| log.matches(&format!(" {verb} dn=")).count();
    let entries = changed("MOD") + changed("ADD") + changed("DEL");
    assert_eq!(entries, sum("before entry "));
    println!(
        "{} points; {} lines, {} changes on hosts, {runs} commands, {entries} entries seen from outside",
        passed.values().sum::<usize>(),
        sum("before write "),
        sum("before act "),
    );
}
