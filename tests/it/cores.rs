//! A command that may hold secrets leaves no core, as the engine does not (`crash::abort`).

use super::place::{Place, eventually};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

/// A command that waits for its secrets, at a shell that would let it leave a core.
fn waiting_for_secrets(place: &Place, before: &str) -> Command {
    place.create_lab(&["--users", "3", "--seed", "41"]);
    let fifo = place.dir.path().join("secrets");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let script = format!(
        "ulimit -c $(ulimit -Hc); exec {before} '{}' check --site '{}' --secrets-fd 3 3<>'{}'",
        env!("CARGO_BIN_EXE_imsmigrate"),
        place.site().display(),
        fifo.display(),
    );
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", &script])
        .current_dir(place.dir.path())
        .env("IMSMIGRATE_STATE_DIR", place.dir.path().join("state"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    shell
}

#[test]
fn a_command_that_is_aborted_while_it_waits_for_secrets_leaves_no_core() {
    let place = Place::new();
    let mut shell = waiting_for_secrets(&place, "");
    let mut child = shell.spawn().unwrap();
    let limits = format!("/proc/{}/limits", child.id());
    eventually("it may leave no core", || {
        let limits = fs::read_to_string(&limits).unwrap_or_default();
        let core = limits.lines().find(|l| l.starts_with("Max core file size"));
        core.is_some_and(|l| l.split_whitespace().skip(4).take(2).eq(["0", "0"]))
    });
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::ABORT).unwrap();
    let ended = child.wait().unwrap();
    assert_eq!(ended.signal(), Some(6), "{ended:?}");
    assert!(!ended.core_dumped(), "{ended:?}");
}

#[test]
fn needs_strace_no_core_can_be_left_or_handed_on_from_before_the_first_secret_is_read() {
    let place = Place::new();
    let trace = place.dir.path().join("trace");
    let strace = format!(
        "strace -f -o '{}' -e trace=prctl,prlimit64,setrlimit,openat",
        trace.display()
    );
    let mut shell = waiting_for_secrets(&place, &strace);
    let mut child = shell.spawn().unwrap();
    let text = || fs::read_to_string(&trace).unwrap_or_default();
    eventually("it reads secrets", || text().contains("\"/dev/fd/3\""));
    let text = text();
    // Not strace, which would leave it alone.
    let traced = text.split_whitespace().next().unwrap().parse().unwrap();
    kill_process(Pid::from_raw(traced).unwrap(), Signal::KILL).unwrap();
    child.wait().unwrap();
    let place_of = |what: &str| {
        let at = text.find(what);
        at.unwrap_or_else(|| panic!("no `{what}` in\n{text}"))
    };
    let read = place_of("\"/dev/fd/3\"");
    assert!(place_of("PR_SET_DUMPABLE, SUID_DUMP_DISABLE") < read);
    assert!(place_of("RLIMIT_CORE, {rlim_cur=0, rlim_max=0}") < read);
}
