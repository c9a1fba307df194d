//! The lab's stand-ins with every confirmation sentence changed: the migration comes out the same.

use super::by_hand::{HandLab, assert_clean, shown};
use std::fs;
use std::io::Write as _;

#[test]
fn with_every_sentence_of_the_stand_ins_changed_the_guide_by_hand_ends_clean() {
    let usual = HandLab::new(3, 8);
    let other = HandLab::new(3, 8);
    fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(other.path().join("drills.toml"))
        .unwrap()
        .write_all(b"other-sentences = true\n")
        .unwrap();
    let said = usual.migrate("none");
    assert_clean(&said, &usual);
    let said_otherwise = other.migrate("none");
    assert_clean(&said_otherwise, &other);
    // The drill changed something: otherwise this would prove nothing.
    let lines = |output: &std::process::Output| -> Vec<String> {
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter(|line| line.contains("OK") || line.contains("exported"))
            .map(str::to_owned)
            .collect()
    };
    assert_ne!(lines(&said), lines(&said_otherwise), "{}", shown(&said));
}
