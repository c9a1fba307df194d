//! What an engine that is aborted leaves behind.

use super::Place;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// An engine holds secrets: a bug that aborts it must not write them to a file.
#[test]
fn an_aborted_engine_leaves_no_core() {
    // What a core is worth here: a process without the engine's care leaves one where it may.
    let abort = |script: String| {
        let dir = tempfile::tempdir().unwrap();
        let mut shell = Command::new("/bin/sh");
        let script = format!("ulimit -c $(ulimit -Hc); {script}");
        shell.args(["-c", &script]).current_dir(dir.path());
        (shell, dir)
    };
    let (mut shell, _dir) = abort("kill -ABRT $$".to_owned());
    let planted = shell.status().unwrap();
    assert_eq!(planted.signal(), Some(6));
    println!("a core is left without care: {}", planted.core_dumped());

    let place = Place::new();
    place.again();
    let secrets = std::fs::read_to_string(place.path("lab/secrets.toml")).unwrap();
    let secrets: BTreeMap<String, String> = toml::from_str(&secrets).unwrap();
    let binary = env!("CARGO_BIN_EXE_imsmigrate");
    let folder = place.folder();
    let (mut shell, dir) = abort(format!("exec '{binary}' engine '{}'", folder.display()));
    let mut engine = shell
        .env("IMSMIGRATE_STATE_DIR", place.path("state"))
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let startup = serde_json::json!({ "create": null, "secrets": secrets });
    let text = startup.to_string();
    engine
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while place.the_run()["engine_pid"].is_null() {
        assert!(Instant::now() < deadline, "the engine does not come up");
        assert!(engine.try_wait().unwrap().is_none(), "the engine went away");
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(engine.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::ABORT).unwrap();
    let ended = engine.wait().unwrap();
    assert_eq!(ended.signal(), Some(6), "{ended:?}");
    assert!(!ended.core_dumped(), "{ended:?}");
    for folder in [dir.path(), &folder, Path::new("/")] {
        let entries = std::fs::read_dir(folder).unwrap().flatten();
        let core = |name: &str| name == "core" || name == format!("core.{}", engine.id());
        let left: Vec<_> = entries
            .filter(|e| core(&e.file_name().to_string_lossy()))
            .filter(|e| e.metadata().is_ok_and(|m| m.is_file()))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
    place.finish("the engine was aborted");
    place.check("the engine was aborted");
}
