//! What was confirmed: what the steps were bound to when their gates were answered.

use super::compare::{Planned, Wanted};
use super::recorded::{journal, values};
use crate::place::Place;
use imsmigrate::action::Work;
use imsmigrate::directory::ldif;
use imsmigrate::host::Act;
use imsmigrate::plan::effect::{Binding, EffectSpec};
use imsmigrate::store::user_file;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What the effects of a run were bound to, by the run's journal and artifacts.
pub(super) fn planned(place: &Place, folder: &Path) -> Planned {
    let plan = std::fs::read(folder.join("plan.json")).unwrap();
    let plan: Value = serde_json::from_slice(&plan).unwrap();
    let mut planned = Planned {
        folder: folder.to_str().unwrap().to_owned(),
        ..Planned::default()
    };
    for step in plan["steps"].as_array().unwrap() {
        let mut names = BTreeSet::new();
        for list in ["checks", "facts"] {
            let list = step[list].as_array().unwrap().iter();
            names.extend(list.map(|name| name.as_str().unwrap().to_owned()));
        }
        for action in step["actions"].as_array().unwrap() {
            names.insert(action["kind"].as_str().unwrap().to_owned());
        }
        planned
            .names
            .insert(step["id"].as_str().unwrap().to_owned(), names);
    }
    let run = folder.file_name().unwrap().to_str().unwrap().to_owned();
    let events = journal(folder);
    let mut specs: BTreeMap<String, ((usize, u32), EffectSpec)> = BTreeMap::new();
    let ended = |effect: &str| {
        let of = |e: &&Value| e["kind"] == "effect-ended" && e["effect"] == effect;
        events.iter().find(of).unwrap()["message"].as_str().unwrap()
    };
    for event in &events {
        if event["kind"] == "step-bound" {
            let binding: Binding = serde_json::from_value(event["binding"].clone()).unwrap();
            let at = planned.parallel.len();
            planned.parallel.insert(at, binding.parallel);
            for spec in binding.effects {
                specs.insert(spec.id.clone(), ((at, spec.stage), spec));
            }
        }
        if event["kind"] == "effect-intended" {
            let (order, spec) = &specs[event["effect"].as_str().unwrap()];
            let attempt = event["attempt"].as_u64().unwrap();
            let already = ended(&spec.id) == "it was so already";
            let acts = if already {
                Vec::new()
            } else {
                acts(place, &mut planned, &run, spec, attempt)
            };
            planned.wanted.extend(acts.into_iter().map(|act| Wanted {
                order: *order,
                effect: spec.id.clone(),
                words: act.argv(),
            }));
        }
    }
    let artifacts = folder.join("artifacts");
    for name in [
        "schema-planned.ldif",
        "upgrade-domains.planned.ldif",
        "upgrade-users-and-groups.planned.ldif",
        "applied.ldif",
    ] {
        if name == "applied.ldif" && planned.acis.is_empty() {
            continue;
        }
        let text = std::fs::read(artifacts.join(name)).unwrap();
        planned.changes.extend(values(&ldif::parse(&text).unwrap()));
    }
    planned
}

/// The acts on hosts that an effect is: nothing but what was confirmed, to the last argument.
pub(super) fn acts(
    place: &Place,
    planned: &mut Planned,
    run: &str,
    spec: &EffectSpec,
    attempt: u64,
) -> Vec<Act> {
    let name = spec.id.replace('/', ".");
    let files = format!("/var/tmp/imsmigrate/{run}-files");
    let runs = |part: &str, argv: &[String], stdin: bool, stdout: &str| Act::Run {
        folder: format!("/var/tmp/imsmigrate/{run}/{name}{part}-{attempt}"),
        cwd: ".".to_owned(),
        stdin,
        stdout: stdout.to_owned(),
        argv: argv.to_vec(),
    };
    let write = |path: &str, bytes: usize| {
        let folder = Act::MakeDir {
            path: files.clone(),
        };
        let (path, mode) = (path.to_owned(), "600".to_owned());
        [folder, Act::WriteFile { path, mode, bytes }]
    };
    match Work::of(spec).unwrap() {
        Work::Command(command) => {
            if let Some(path) = &command.stdout_to {
                planned.acis.clone_from(path);
            }
            let stdout = command.stdout_to.as_deref().unwrap_or("keep");
            vec![runs("", &command.argv, false, stdout)]
        }
        Work::BackupDirectory(command) => {
            planned.backup.clone_from(command.argv.last().unwrap());
            vec![runs("", &command.argv, false, "keep")]
        }
        Work::SetConfig(set) => {
            let tool = |words: &[&str]| {
                let mut argv = vec![set.configutil.clone()];
                argv.extend(words.iter().map(|w| (*w).to_owned()));
                runs("", &argv, false, "keep")
            };
            if let Some(value) = &set.value {
                return vec![tool(&["-o", &set.parameter, "-v", value])];
            }
            let secrets = std::fs::read_to_string(place.lab().join("secrets.toml")).unwrap();
            let secrets: toml::Table = secrets.parse().unwrap();
            let secret = secrets[set.secret.as_ref().unwrap()].as_str().unwrap();
            let path = format!("{files}/{}.in", set.parameter);
            let mut acts = write(&path, set.parameter.len() + secret.len() + 2).to_vec();
            acts.extend([tool(&["-i", &path]), Act::RemoveFile { path }]);
            acts
        }
        Work::Inventory(list) => {
            let file = format!("{files}/everybody.users");
            let mut acts = write(&file, user_file(&list.users).len()).to_vec();
            let backup = list.backup.unwrap();
            acts.push(runs(".backup", &backup, false, "pass"));
            acts.push(runs(".restore", &list.list, true, "keep"));
            acts
        }
        Work::Session(session) => {
            let users = user_file(&session.users);
            let file = session.user_file.unwrap();
            assert_eq!(
                on_host(place, &file),
                users,
                "what was written is what was said"
            );
            let mut acts = write(&file, users.len()).to_vec();
            if let Some(map) = &session.rename_map {
                assert_eq!(on_host(place, map), session.rename);
                acts.extend(write(map, session.rename.len()));
            }
            acts.push(runs(".backup", &session.backup.unwrap(), false, "pass"));
            acts.push(runs(".restore", &session.restore, true, "keep"));
            acts
        }
        Work::EditFile(edit) => {
            let now = on_host(place, &edit.path);
            for network in &edit.values {
                assert!(now.contains(network), "{network}: {now}");
            }
            vec![Act::WriteFile {
                path: edit.path,
                mode: "-".to_owned(),
                bytes: now.len(),
            }]
        }
        Work::MergeSchema(_)
        | Work::UpgradeEntries(_)
        | Work::ApplyLdif(_)
        | Work::CheckMailboxes(_)
        | Work::Instruct(_)
        | Work::Check(_)
        | Work::WaitFor(_)
        | Work::Notify(_) => Vec::new(),
        other => panic!("{other:?} is in no off-line run with room for both stores"),
    }
}

/// A file of the lab's host, as text.
pub(super) fn on_host(place: &Place, path: &str) -> String {
    let file = place
        .lab()
        .join("hosts/mail")
        .join(path.trim_start_matches('/'));
    std::fs::read_to_string(file).unwrap()
}
