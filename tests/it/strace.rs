//! What ran is what was confirmed: a whole run under `strace`, its directory's own audit log beside
//! it, held against plan and journal: every process, every change of the directory, every file.
//!
//! Planned is what the steps were bound to when their gates were answered. What only looks has to
//! belong to a check or fact that the plan names for its step, or to an effect's own reading back.

mod compare;
mod planned;
mod recorded;

use super::place::{Place, talk};
use super::trace::Trace;
use compare::{Asked, Planned, Recorded, compare};
use planned::planned;
use recorded::recorded;
use std::path::PathBuf;
use std::process::{Command, Stdio};

#[test]
fn needs_strace_needs_389ds_what_ran_is_what_was_confirmed_nothing_more_and_nothing_less() {
    let (seen, planned) = a_whole_run("389ds");
    planted(&seen, &planned);
}

#[test]
fn needs_strace_needs_slapd_what_ran_on_openldap_is_what_was_confirmed() {
    a_whole_run("slapd");
}

/// A run on a kind of directory server, seen from outside and found to be what was confirmed.
fn a_whole_run(kind: &str) -> (Recorded, Planned) {
    let place = Place::new();
    let trace = place.dir.path().join("trace");
    let lab = place.lab();
    let lab = lab.to_str().unwrap();
    let practice = place.command(&[
        "practice",
        "--headless",
        "--yes",
        "--users",
        "5",
        "--seed",
        "51",
        "--directory",
        kind,
        "--lab",
        lab,
    ]);
    let mut traced = Command::new("strace")
        .args([
            "-f",
            "-q",
            "-ttt",
            "-s",
            "20000",
            "-e",
            "signal=none",
            "--seccomp-bpf",
            "-e",
        ])
        .arg("trace=execve,openat,clone,clone3,fork,vfork")
        .arg("-o")
        .arg(&trace)
        .arg(practice.get_program())
        .args(practice.get_args())
        .env("IMSMIGRATE_STATE_DIR", place.dir.path().join("state"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its end is the end of `practice`; strace itself waits for the lab too.
    let mut said = String::new();
    std::io::Read::read_to_string(traced.stdout.as_mut().unwrap(), &mut said).unwrap();
    let stopped = place.run(&["lab", "stop", lab]);
    assert_eq!(stopped.status.code(), Some(0), "{}", talk(&stopped));
    let output = traced.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}\n{}", talk(&output));

    let folder = PathBuf::from(place.the_run()["folder"].as_str().unwrap());
    let audit = "hosts/mail/usr/netscape/server4/slapd-mail/logs/audit";
    let seen = recorded(&Trace::read(&trace), &folder, &place.lab().join(audit));
    let planned = planned(&place, &folder);
    println!(
        "{} processes, {} of them change something; {} changes of the directory; {} files",
        seen.asked.len(),
        planned.wanted.len(),
        seen.changes.len(),
        seen.written.len()
    );
    assert!(seen.asked.len() > 100 && planned.wanted.len() > 30 && seen.changes.len() > 100);
    assert_eq!(compare(&seen, &planned), Vec::<String>::new());
    (seen, planned)
}

/// The comparison finds what is planted, one at a time, and names it.
fn planted(seen: &Recorded, planned: &Planned) {
    let finds = |what: &str, plant: &dyn Fn(&mut Recorded)| {
        let mut with = seen.clone();
        plant(&mut with);
        let found = compare(&with, planned);
        assert!(found.iter().any(|f| f.contains(what)), "{what}: {found:?}");
    };
    let at = |words: &str| {
        let is = |asked: &Asked| asked.words.join(" ").ends_with(words);
        seen.asked.iter().position(is).unwrap()
    };
    let stop = at("im.server stop");
    finds("not planned", &|with| {
        let again = with.asked[stop].clone();
        with.asked.push(again);
    });
    finds("stop-sims/1: planned and not done", &|with| {
        with.asked.remove(stop);
    });
    finds("not planned", &|with| {
        with.asked[stop].words.push("-force".to_owned());
    });
    finds("looked at without a check: /usr/bin/id", &|with| {
        let mut look = with.asked[stop].clone();
        look.words = vec!["/usr/bin/id".to_owned()];
        with.asked.push(look);
    });
    let start = at("keep /usr/iplanet/server5/msg-mail/start-msg");
    finds("was begun before", &|with| {
        with.asked[start].begin = 0.0;
        with.asked[start].end = 0.0;
    });
    finds("change not planned", &|with| {
        with.changes
            .push("o=internet: add description: x".to_owned());
    });
    finds("change planned and not done", &|with| {
        with.changes.pop();
    });
    finds("the engine wrote /etc/passwd", &|with| {
        with.written.push("/etc/passwd".to_owned());
    });
}
