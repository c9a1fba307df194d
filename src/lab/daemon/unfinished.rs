//! Whether a migration that uses this lab is still to be finished: such a lab does not end itself.
//!
//! Known from the runs' folders alone (`contract.md`, "Places"): a site file that names the lab's
//! folder, and a journal that does not end with `run-ended`.

use crate::base::places;
use crate::lab::world::Lab;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// The last line of a journal is looked for in so many bytes at its end.
const TAIL: u64 = 64 * 1024;

/// Returns whether there is an unfinished run of this lab.
pub(super) fn has_run(lab: &Lab) -> bool {
    places::runs_dir().is_ok_and(|runs| has_run_in(&runs, &lab.dir))
}

fn has_run_in(runs: &Path, lab_dir: &Path) -> bool {
    let Ok(folders) = fs::read_dir(runs) else {
        return false;
    };
    let dir = lab_dir.to_string_lossy();
    folders.filter_map(Result::ok).any(|folder| {
        let run = folder.path();
        let is_here = fs::read_to_string(run.join("site.toml"))
            .is_ok_and(|site| site.contains(&format!("\"{dir}\"")));
        is_here && last_line(&run.join("journal.jsonl")).is_some_and(|line| !is_end(&line))
    })
}

fn is_end(line: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(line)
        .is_ok_and(|event| event.get("kind").and_then(|k| k.as_str()) == Some("run-ended"))
}

fn last_line(journal: &Path) -> Option<String> {
    let mut file = File::open(journal).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))
        .ok()?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).ok()?;
    let tail = String::from_utf8_lossy(&tail);
    tail.lines().next_back().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::has_run_in;
    use std::fs;
    use std::path::Path;

    #[test]
    fn only_an_unfinished_run_of_this_lab_keeps_it_up() {
        let runs = tempfile::tempdir().unwrap();
        let lab = Path::new("/labs/one");
        assert!(!has_run_in(&runs.path().join("none"), lab));
        let run = runs.path().join("1123-aaaa");
        fs::create_dir(&run).unwrap();
        let journal = |text: &str| fs::write(run.join("journal.jsonl"), text).unwrap();
        let site = |text: &str| fs::write(run.join("site.toml"), text).unwrap();
        site("via = [\"imsmigrate\", \"lab\", \"exec\", \"/labs/one\", \"mail\"]\n");
        assert!(!has_run_in(runs.path(), lab), "nothing was begun");
        journal("{\"idx\":1,\"kind\":\"run-created\"}\n{\"idx\":2,\"kind\":\"gate\"}\n");
        assert!(has_run_in(runs.path(), lab));
        assert!(!has_run_in(runs.path(), Path::new("/labs/on")));
        journal("{\"kind\":\"gate\"}\n{\"kind\":\"run-ended\",\"outcome\":\"ok\"}\n");
        assert!(!has_run_in(runs.path(), lab));
    }
}
