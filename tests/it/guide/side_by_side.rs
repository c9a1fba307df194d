//! The guide's commands and ours for its example site, side by side, for a person to read.

use assert_cmd::Command;
use imsmigrate::scenario::{self, Scenario};
use serde_json::Value;
use std::fmt::Write;

fn imsmigrate(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_imsmigrate"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A command as one would type it.
fn line(argv: &Value) -> Option<String> {
    let words: Vec<&str> = argv.as_array()?.iter().filter_map(Value::as_str).collect();
    let quoted = words.iter().map(|word| {
        let bare = |c: char| c.is_ascii_alphanumeric() || "-_=+.,:/@<>|*".contains(c);
        if !word.is_empty() && word.chars().all(bare) {
            (*word).to_owned()
        } else {
            format!("'{word}'")
        }
    });
    (!words.is_empty()).then(|| quoted.collect::<Vec<_>>().join(" "))
}

/// Number, the guide's command, ours; three lines where they differ, so that words stand below
/// words.
fn compared(scenario: &Scenario, draft: &Value) -> String {
    let mut text = String::from("number | the guide's command | ours\n");
    for step in draft["steps"].as_array().unwrap() {
        let number = step["guide"].as_str().unwrap();
        let title = step["title"].as_str().unwrap();
        let when = step["condition"]
            .as_str()
            .map(|when| format!(" [only when {when}]"));
        let data = scenario.step(step["id"].as_str().unwrap());
        let data = serde_json::to_value(data).unwrap();
        let moved = if data["moved"].is_string() {
            " [moved]"
        } else {
            ""
        };
        writeln!(
            text,
            "\n{number:>5} | {title}{}{moved}",
            when.unwrap_or_default()
        )
        .unwrap();
        for action in step["actions"].as_array().unwrap() {
            let guide = line(&action["guide_argv"]);
            let ours = line(&action["argv"]);
            let what = action["what"].as_str().unwrap();
            match (guide, ours) {
                (Some(guide), Some(ours)) if guide == ours => {
                    writeln!(text, "      | {guide} | the same").unwrap();
                }
                (Some(guide), ours) => {
                    let ours = ours.unwrap_or_else(|| format!("({what})"));
                    writeln!(
                        text,
                        "      | {guide}\n      | {:>w$} {ours}",
                        "|",
                        w = guide.len().min(8)
                    )
                    .unwrap();
                }
                (None, Some(ours)) => writeln!(text, "      | - | {ours}").unwrap(),
                (None, None) => writeln!(text, "      | - | ({what})").unwrap(),
            }
            for answer in action["parameters"]["answers"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let (prompt, answer) = (answer["prompt"].as_str(), answer["answer"].as_str());
                let said = answer.filter(|a| !a.is_empty()).unwrap_or("the default");
                writeln!(
                    text,
                    "      |   asked “{}”: {said}",
                    prompt.unwrap_or_default()
                )
                .unwrap();
            }
        }
    }
    text
}

#[test]
fn the_guides_commands_and_ours_side_by_side() {
    for id in scenario::ids() {
        let dir = tempfile::tempdir().unwrap();
        let site = dir.path().join("site.toml");
        let site = site.to_str().unwrap();
        imsmigrate(&["site", "new", id, "--output", site]);
        let draft = imsmigrate(&["plan", "--site", site, "--draft", "--format", "json"]);
        let draft: Value = serde_json::from_str(&draft).unwrap();
        insta::assert_snapshot!(id, compared(&scenario::load(id).unwrap(), &draft));
    }
}
