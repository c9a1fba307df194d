//! `scenarios`, `site …` and `plan --draft`, as a person or a script meets them.

use assert_cmd::Command;
use serde_json::Value;
use std::path::PathBuf;

fn imsmigrate(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_imsmigrate"))
        .args(arguments)
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// The guide's example site, in a folder of its own.
fn example() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.toml");
    let (code, _, said) = imsmigrate(&[
        "site",
        "new",
        "sims-offline",
        "--output",
        path.to_str().unwrap(),
    ]);
    assert_eq!(code, 0, "{said}");
    (dir, path)
}

fn drafted(format: &str) -> String {
    let (_dir, site) = example();
    let site = site.to_str().unwrap();
    let (code, draft, said) = imsmigrate(&["plan", "--site", site, "--draft", "--format", format]);
    assert_eq!((code, said.as_str()), (0, ""));
    draft
}

#[test]
fn the_draft_of_the_guides_example_as_text() {
    insta::assert_snapshot!("text", drafted("text"));
}

#[test]
fn the_on_line_draft_of_the_guides_example_as_text() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.toml");
    let file = path.to_str().unwrap();
    let (code, _, said) = imsmigrate(&["site", "new", "sims-online", "--output", file]);
    assert_eq!(code, 0, "{said}");
    let (code, draft, said) = imsmigrate(&["plan", "--site", file, "--draft"]);
    assert_eq!((code, said.as_str()), (0, ""));
    insta::assert_snapshot!("online-text", draft);
}

#[test]
fn the_draft_of_the_guides_example_as_json() {
    let draft = drafted("json");
    assert_eq!(draft.lines().count(), 1, "compact, one object");
    let value: Value = serde_json::from_str(&draft).unwrap();
    insta::assert_json_snapshot!("json", value);
}

#[test]
fn the_draft_of_the_guides_example_as_a_runbook() {
    insta::assert_snapshot!("markdown", drafted("markdown"));
}

#[test]
fn the_draft_of_the_guides_example_as_a_script_that_a_shell_understands() {
    let script = drafted("shell");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("plan.sh");
    std::fs::write(&path, &script).unwrap();
    let sh = std::process::Command::new("sh")
        .arg("-n")
        .arg(&path)
        .output()
        .unwrap();
    assert!(
        sh.status.success(),
        "{}",
        String::from_utf8_lossy(&sh.stderr)
    );
    insta::assert_snapshot!("shell", script);
}

#[test]
fn scenarios_are_listed_with_their_steps() {
    let (code, list, _) = imsmigrate(&["scenarios", "--json"]);
    assert_eq!(code, 0);
    let list: Value = serde_json::from_str(&list).unwrap();
    let offline = list["scenarios"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["id"] == "sims-offline")
        .unwrap();
    assert!(offline["title"].as_str().unwrap().contains("off-line"));
    assert!(offline["steps"].as_array().unwrap().len() >= 16);
    let (code, text, _) = imsmigrate(&["scenarios"]);
    assert_eq!(code, 0);
    assert!(text.contains("sims-offline"), "{text}");
}

#[test]
fn a_new_site_is_valid_and_never_written_over() {
    let (_dir, path) = example();
    let file = path.to_str().unwrap();
    let (code, _, said) = imsmigrate(&["site", "validate", file]);
    assert_eq!(code, 0, "{said}");
    let before = std::fs::read_to_string(&path).unwrap();
    let (code, _, said) = imsmigrate(&["site", "new", "sims-offline", "--output", file]);
    assert_eq!(code, 1);
    assert!(
        said.contains("is there already") && said.contains("hint: "),
        "{said}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
}

#[test]
fn what_cannot_be_understood_ends_with_2_and_says_where_and_what_next() {
    let (dir, path) = example();
    let good = std::fs::read_to_string(&path).unwrap();
    let broken = dir.path().join("broken.toml");
    let file = broken.to_str().unwrap();
    for (from, to, says) in [
        (
            "base_dn = ",
            "basedn = ",
            "directory.basedn: unknown key `basedn`",
        ),
        (
            "base_dn = \"o=internet\"",
            "base_dn = \"internet\"",
            "`internet` is not a DN",
        ),
        (
            "\"new\", \"directory\"]",
            "\"directory\"]",
            "no host has the role `new`",
        ),
        ("[old]", "[old", "broken.toml:"),
    ] {
        assert!(good.contains(from), "{from}");
        std::fs::write(&broken, good.replacen(from, to, 1)).unwrap();
        for command in [
            &["site", "validate", file][..],
            &["plan", "--draft", "--site", file][..],
        ] {
            let (code, out, said) = imsmigrate(command);
            assert_eq!((code, out.as_str()), (2, ""), "{said}");
            assert!(
                said.starts_with("error: ") && said.contains(says),
                "wanted {says}: {said}"
            );
        }
    }
    let (code, _, said) = imsmigrate(&["plan", "--draft", "--site", "/nowhere/site.toml"]);
    assert_eq!(code, 2);
    assert!(
        said.contains("hint: make one with: imsmigrate site new"),
        "{said}"
    );
    let (code, _, said) = imsmigrate(&["site", "new", "sims-ofline"]);
    assert_eq!(code, 2);
    assert!(
        said.contains("hint: did you mean `sims-offline`?"),
        "{said}"
    );
}

#[test]
fn a_plan_goes_into_a_file_and_a_reader_that_has_gone_is_no_error() {
    let (dir, site) = example();
    let file = dir.path().join("runbook.md");
    let (site, output) = (site.to_str().unwrap(), file.to_str().unwrap());
    let (code, out, said) = imsmigrate(&[
        "plan", "--draft", "--site", site, "--format", "markdown", "--output", output,
    ]);
    assert_eq!((code, out.as_str(), said.as_str()), (0, "", ""));
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .starts_with("# SIMS 4.0")
    );
    let line = format!(
        "'{}' plan --draft --site '{site}' | true",
        env!("CARGO_BIN_EXE_imsmigrate")
    );
    let piped = std::process::Command::new("sh")
        .arg("-c")
        .arg(line)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&piped.stderr), "");
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in [
        &["scenarios", "--help"][..],
        &["site", "new", "--help"][..],
        &["site", "validate", "--help"][..],
        &["plan", "--help"][..],
    ] {
        let (code, help, _) = imsmigrate(command);
        assert_eq!(code, 0);
        assert!(help.contains("Example: imsmigrate"), "{help}");
    }
}
