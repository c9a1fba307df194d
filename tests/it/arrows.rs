//! Holds the one-way arrows between the rooms, as `src/lib.rs` draws them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom; `base` is open to all.
const ALLOWED: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("scenario", &[]),
    ("site", &["scenario"]),
    (
        "plan",
        &["scenario", "site", "check::describe", "action::describe"],
    ),
    ("host", &["site"]),
    ("directory", &["site"]),
    ("store", &["host", "site"]),
    (
        "check",
        &["host", "directory", "store", "scenario", "site", "plan"],
    ),
    (
        "action",
        &[
            "check",
            "host",
            "directory",
            "store",
            "scenario",
            "site",
            "plan",
        ],
    ),
    ("engine", &["action", "check", "plan", "scenario", "site"]),
    ("engine::core", &["engine", "plan", "scenario", "site"]),
    (
        "plain",
        &["scenario", "site", "plan", "engine::event", "engine::state"],
    ),
    (
        "report",
        &["scenario", "site", "plan", "engine::event", "engine::state"],
    ),
    (
        "tui",
        &[
            "scenario",
            "site",
            "plan",
            "engine::event",
            "engine::state",
            "plain",
            // What a check is and what it said, as data; never the asking.
            "check::describe",
            "check::CheckReport",
            "check::Outcome",
        ],
    ),
    ("lab", &[]),
    ("lab::audit", &[]),
    ("main", &["cli"]),
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The paths a file imports, as `room` or `room::part`: from `crate::…`, also inside groups.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut item = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        found.insert(two(&item));
                        item.clear();
                        continue;
                    }
                    _ => {}
                }
                item.push(c);
            }
            found.insert(two(&item));
        } else {
            found.insert(two(rest));
        }
    }
    found.remove("");
    found
}

fn two(path: &str) -> String {
    let path = path.trim();
    let end = path.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    path[..end.unwrap_or(path.len())]
        .split("::")
        .take(2)
        .collect::<Vec<_>>()
        .join("::")
}

fn room_of(file: &str) -> &str {
    if file.starts_with("engine/core") {
        "engine::core"
    } else if file.starts_with("lab/audit") {
        "lab::audit"
    } else {
        file.split(['/', '.']).next().unwrap_or("")
    }
}

/// The arrows of `file` that are not in [`ALLOWED`].
fn wrong_arrows(file: &str, text: &str) -> Vec<String> {
    let room = room_of(file);
    if room == "cli" || room == "lib" {
        return Vec::new();
    }
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{file}: room `{room}` is not on the map")];
    };
    imports(text)
        .into_iter()
        .filter(|import| {
            let own = room.split("::").next().unwrap_or("");
            let target = import.split("::").next().unwrap_or("");
            let inside = target == own && room != "lab::audit" && room != "engine::core";
            let inside = inside || import.starts_with(room);
            let open = target == "base" || target == "imsmigrate";
            let listed = allowed
                .iter()
                .any(|a| *a == target || import.starts_with(a));
            !(inside || open || listed)
        })
        .map(|import| format!("{file}: `{room}` may not import `{import}`"))
        .collect()
}

#[test]
fn rooms_import_only_what_the_map_allows() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 20, "no sources found");
    let wrong: Vec<String> = files
        .iter()
        .flat_map(|path| {
            let name = path
                .strip_prefix(&src)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            wrong_arrows(&name, &fs::read_to_string(path).unwrap())
        })
        .collect();
    assert!(wrong.is_empty(), "wrong arrows:\n{}", wrong.join("\n"));
}

#[test]
fn a_wrong_arrow_is_found() {
    let direct = wrong_arrows("lab/tools/imta.rs", "use crate::store::session;");
    assert_eq!(
        direct,
        ["lab/tools/imta.rs: `lab` may not import `store::session`"]
    );
    let grouped = wrong_arrows(
        "engine/core/decide.rs",
        "use crate::{base::Secret, host::Host, plan};",
    );
    assert_eq!(
        grouped,
        ["engine/core/decide.rs: `engine::core` may not import `host::Host`"]
    );
    let audit = wrong_arrows("lab/audit.rs", "use crate::lab::ims;");
    assert_eq!(
        audit,
        ["lab/audit.rs: `lab::audit` may not import `lab::ims`"]
    );
    assert!(wrong_arrows("lab/audit.rs", "use crate::base::display_safe;").is_empty());
}

#[test]
fn every_source_file_starts_with_what_it_is_responsible_for() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let bare: Vec<_> = files
        .iter()
        .filter(|p| !fs::read_to_string(p).unwrap().starts_with("//!"))
        .collect();
    assert!(bare.is_empty(), "without a head: {bare:?}");
}
