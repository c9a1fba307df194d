//! A disk that runs full: under the run's folder, under the new store, under what undo needs. The
//! run stops, says which disk and what to do, and goes on clean when there is room again.
//!
//! The disks are small tmpfs, so these need root; elsewhere they are left out, and say so.

use super::place::{Place, eventually, talk};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A small disk mounted on a folder.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one, or says aloud why the test is left out.
    fn mount(folder: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let option = format!("size={size},mode=700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &option, "tmpfs"])
            .arg(folder)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder.to_path_buf())),
            other => {
                eprintln!("LEFT OUT, for only root may mount a small disk: {other:?}");
                None
            }
        }
    }

    fn free(&self) -> u64 {
        let found = rustix::fs::statvfs(&self.0).unwrap();
        found.f_bavail * found.f_frsize
    }

    /// Fills it until only so many bytes are left.
    fn fill_up_to(&self, left: u64) {
        let mut ballast = File::create(self.ballast()).unwrap();
        while self.free() > left {
            let most = usize::try_from((self.free() - left).min(4096)).unwrap();
            if ballast.write_all(&vec![0; most]).is_err() {
                break;
            }
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// Practises, in the background.
fn begin(place: &Place, more: &[&str]) -> Child {
    let lab = place.lab();
    let lab = [
        "practice",
        "--headless",
        "--yes",
        "--lab",
        lab.to_str().unwrap(),
    ];
    place
        .command(&[&lab[..], more].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The folder of the only run, once there is one.
fn folder(place: &Place) -> PathBuf {
    let runs = place.dir.path().join("state/runs");
    let first = || Some(fs::read_dir(&runs).ok()?.next()?.ok()?.path());
    eventually("there is a run", || {
        first().is_some_and(|f| f.join("artifacts").exists())
    });
    first().unwrap()
}

/// Waits until a step of the run has ended.
fn until_done(place: &Place, step: &str) {
    let journal = folder(place).join("journal.jsonl");
    eventually("the step has ended", || {
        let text = fs::read_to_string(&journal).unwrap_or_default();
        text.lines()
            .any(|l| l.contains("\"step-ended\"") && l.contains(&format!("\"step\":\"{step}\"")))
    });
}

fn finishes_clean(place: &Place, word: &str) -> Output {
    let run = folder(place);
    let run = run.file_name().unwrap().to_str().unwrap();
    let mut args = vec![word, run];
    if word == "resume" {
        args.extend(["--headless", "--yes"]);
    }
    let output = place.run(&args);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let audit = place.audit();
    assert_eq!(audit["clean"], true, "{audit}");
    output
}

/// Wrapped text in one line.
fn flat(output: &Output) -> String {
    talk(output)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn needs_root_a_full_disk_under_the_journal_stops_the_run_and_it_resumes_clean() {
    let place = Place::new();
    let state = place.dir.path().join("state");
    let Some(disk) = SmallDisk::mount(&state, "16m") else {
        return;
    };
    let run = begin(&place, &["--users", "3", "--seed", "41"]);
    until_done(&place, "stop-sims");
    disk.fill_up_to(0);
    let output = run.wait_with_output().unwrap();
    let text = flat(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("is full") && text.contains(state.to_str().unwrap()),
        "{text}"
    );
    assert!(text.contains("imsmigrate resume"), "{text}");

    // As long as there is no room nothing is begun, and it is said again.
    let id = folder(&place);
    let id = id.file_name().unwrap().to_str().unwrap();
    let still = place.run(&["resume", id, "--headless", "--yes"]);
    assert_eq!(still.status.code(), Some(1), "{}", talk(&still));
    assert!(flat(&still).contains("is full"), "{}", talk(&still));
    disk.make_room();
    eventually("the engine that could not write is gone", || {
        place.the_run()["engine_pid"].is_null()
    });
    finishes_clean(&place, "resume");
}

#[test]
fn needs_root_a_full_disk_under_the_new_store_fails_the_move_and_a_retry_finishes_clean() {
    let place = Place::new();
    let mail = ["--users", "6", "--seed", "42", "--messages-per-user", "30"];
    let run = begin(&place, &mail);
    folder(&place);
    // Before anything of the new server is there; large enough when the disk is looked at.
    let new = place.lab().join("hosts/mail/usr/iplanet");
    let Some(disk) = SmallDisk::mount(&new, "64m") else {
        run.wait_with_output().unwrap();
        return;
    };
    until_done(&place, "stop-new-server");
    disk.fill_up_to(300 * 1024);
    let output = run.wait_with_output().unwrap();
    let text = flat(&output);
    assert_eq!(output.status.code(), Some(6), "{text}");
    assert!(text.contains("No space left on device"), "{text}");
    assert!(text.contains("/usr/iplanet/server5"), "says where: {text}");
    assert!(text.contains("make room"), "says what to do: {text}");
    disk.make_room();
    finishes_clean(&place, "retry");
}

#[test]
fn needs_root_without_room_for_the_undo_nothing_is_changed_and_a_retry_finishes_clean() {
    let place = Place::new();
    let run = begin(&place, &["--users", "3", "--seed", "43"]);
    let artifacts = folder(&place).join("artifacts");
    let Some(disk) = SmallDisk::mount(&artifacts, "4k") else {
        run.wait_with_output().unwrap();
        return;
    };
    disk.fill_up_to(0);
    let output = run.wait_with_output().unwrap();
    let text = flat(&output);
    assert!([3, 6].contains(&output.status.code().unwrap()), "{text}");
    assert!(text.contains("No space left on device"), "{text}");
    assert!(
        text.contains(artifacts.to_str().unwrap()),
        "says where: {text}"
    );
    assert!(text.contains("make room"), "says what to do: {text}");
    let site = place.site();
    let only = [
        "check",
        "--site",
        site.to_str().unwrap(),
        "--only",
        "schema-merged",
    ];
    let schema = place.run(&only);
    assert_eq!(
        schema.status.code(),
        Some(3),
        "nothing was changed: {}",
        talk(&schema)
    );
    disk.make_room();
    drop(disk);
    finishes_clean(&place, "retry");
}
