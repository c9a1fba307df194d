//! The guide's own text, where it is at hand: its sentences, and what the index differs in.

use super::index::{File, Is, Item};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Says something that a test that passes would keep to itself.
pub fn loudly(text: &str) {
    let said = format!("\n*** {text}\n");
    std::io::stderr().write_all(said.as_bytes()).unwrap();
}

/// Returns the guide's text: below `IMSMIGRATE_GUIDE`, or beside the project.
pub fn guide() -> Option<String> {
    let project = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    if let Some(place) = std::env::var_os("IMSMIGRATE_GUIDE") {
        let text = read(Path::new(&place));
        assert!(text.is_some(), "no text in {}", place.display());
        return text;
    }
    ["../shared/guide", "../../shared/guide"]
        .iter()
        .find_map(|place| read(&project.join(place)))
}

fn read(place: &Path) -> Option<String> {
    if place.is_file() {
        return std::fs::read_to_string(place).ok();
    }
    let mut files: Vec<_> = std::fs::read_dir(place)
        .ok()?
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    let texts: Vec<_> = files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// Returns the first 12 hex digits of the SHA-256 of a sentence.
pub fn digest(sentence: &str) -> String {
    let hash = Sha256::digest(sentence.as_bytes());
    let hex: Vec<String> = hash
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    hex.concat()
}

/// Cuts a paragraph: after a full stop, and a closing parenthesis after it, before a capital letter
/// or an opening parenthesis. Blanks are one each.
pub fn sentences(paragraph: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut sentence = String::new();
    for word in paragraph.split_whitespace() {
        let ended = sentence
            .strip_suffix(')')
            .unwrap_or(&sentence)
            .ends_with(['.', '?', '!'])
            || sentence.ends_with(['.', '?', '!']);
        if ended && word.starts_with(|c: char| c.is_ascii_uppercase() || c == '(') {
            all.push(std::mem::take(&mut sentence));
        }
        if !sentence.is_empty() {
            sentence.push(' ');
        }
        sentence.push_str(word);
    }
    all.extend((!sentence.is_empty()).then_some(sentence));
    all
}

/// A sentence of the guide and where it stands.
struct Unit {
    line: usize,
    number: Option<String>,
    text: String,
}

fn units(guide: &str) -> Vec<Unit> {
    let mut all = Vec::new();
    let (mut number, mut part): (Option<u32>, u8) = (None, 0);
    for (index, line) in guide.lines().enumerate() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let mut text = line.trim();
        if text.is_empty() {
            continue;
        }
        if indent == 0 {
            (number, part) = (None, 0);
        }
        if let Some((digits, rest)) = text.split_once(". ")
            && let Ok(marker) = digits.parse()
        {
            text = rest;
            if indent < 4 {
                (number, part) = (Some(marker), 0);
            } else {
                // Letters in the guide's order; it begins its numbers anew in places.
                part += 1;
            }
        }
        let text = text.strip_prefix("• ").unwrap_or(text);
        let number = number.map(|number| match part {
            0 => number.to_string(),
            part => format!("{number}{}", char::from(b'a' + part - 1)),
        });
        all.extend(sentences(text).into_iter().map(|text| Unit {
            line: index + 1,
            number: number.clone(),
            text,
        }));
    }
    all
}

/// Without what only a shell or a line break has put there.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\\' | ';'))
        .collect()
}

/// Puts the guide's example in the place of placeholders.
fn filled(text: &str, example: &BTreeMap<String, String>) -> String {
    let mut text = text.to_owned();
    for (name, value) in example {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}

/// Says where the index and the text differ: a sentence that is left over or not there, another
/// number, other words of a command, setting or question.
pub fn differences(files: &[File], guide: &str) -> Vec<String> {
    let units = units(guide);
    let mut rest = units.iter();
    let mut found = Vec::new();
    let mut last = String::new();
    for file in files {
        for part in &file.parts {
            let mut example = file.example.clone();
            example.extend(part.example.clone());
            for item in &part.items {
                if !item.again {
                    last.clear();
                    for wanted in &item.of {
                        let Some(unit) = rest.next() else {
                            found.push(format!("{}: {wanted} is not in the text", file.name));
                            return found;
                        };
                        if digest(&unit.text) != *wanted {
                            found.push(format!(
                                "{} {:?}: line {} of the guide is not {wanted} ({}), but {}",
                                file.name,
                                part.number,
                                unit.line,
                                item.says,
                                digest(&unit.text),
                            ));
                            return found;
                        }
                        let below = part.number.as_deref().filter(|number| *number != "intro");
                        if below != file.numbered(unit.number.as_deref()).as_deref() {
                            found.push(format!(
                                "{} {below:?}: line {} of the guide is below {:?}",
                                file.name, unit.line, unit.number
                            ));
                        }
                        last.push_str(&unit.text);
                    }
                }
                for words in words(item) {
                    if !plain(&last).contains(&plain(&filled(&words, &example))) {
                        found.push(format!(
                            "{} {:?}: the guide does not have `{words}` there",
                            file.name, part.number
                        ));
                    }
                }
            }
        }
    }
    found.extend(rest.map(|unit| format!("line {} of the guide is left over", unit.line)));
    found
}

/// The words of an item that are the guide's own.
fn words(item: &Item) -> Vec<String> {
    match item.is {
        Is::Command if !item.implied => vec![item.argv.join(" ")],
        Is::Value => {
            let secret = item
                .secret
                .as_ref()
                .map(|name| format!("{{secret.{name}}}"));
            let value = item.value.clone().or(secret).unwrap_or_default();
            vec![item.parameter.clone().unwrap_or_default(), value]
        }
        Is::Prompt => item.question.iter().cloned().collect(),
        Is::Assumption => item.value.iter().cloned().collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_paragraph_is_cut_where_a_sentence_begins() {
    assert_eq!(
        sentences("(Only  if so.) Do it: now. Use 4.0 or 4.x of it. (Or not.)"),
        [
            "(Only if so.)",
            "Do it: now.",
            "Use 4.0 or 4.x of it.",
            "(Or not.)"
        ]
    );
}

#[test]
fn numbers_and_letters_are_counted_as_the_guide_does() {
    let text = "Head\n\n  1. One\n    1. A\n      run it\n    2. B\n    1. C\n  2. Two. Then\n";
    let numbers: Vec<_> = units(text)
        .into_iter()
        .map(|unit| unit.number.unwrap_or_default())
        .collect();
    assert_eq!(numbers, ["", "1", "1a", "1a", "1b", "1c", "2", "2"]);
}
