//! What ran is what was confirmed: a whole run under `strace`, its directory's own audit log beside
//! it, held against plan and journal: every process, every change of the directory, every file.
//!
//! Planned is what the steps were bound to when their gates were answered. What only looks has to
//! belong to a check or fact that the plan names for its step, or to an effect's own reading back.

use super::place::{Place, talk};
use super::trace::{Trace, words};
use imsmigrate::action::Work;
use imsmigrate::directory::Change;
use imsmigrate::directory::ldif::{self, Record};
use imsmigrate::host::Act;
use imsmigrate::plan::effect::{Binding, EffectSpec};
use imsmigrate::store::user_file;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What may be looked at, and for which of the plan's names: checks, facts, kinds of actions.
const LOOKS: &[(&str, &[&str])] = &[
    ("cat /etc/opt/SUNWmail/ims/ims.cnf", &["var-mail"]),
    ("kind /var/mail", &["var-mail"]),
    (
        "/opt/SUNWmail/sbin/imquotacheck -v -n",
        &["users", "mailbox-owners", "disk", "messages"],
    ),
    ("ls -ld {backup}", &["directory-backup"]),
    ("sed -n 1,20p {backup}", &["directory-backup"]),
    ("grep -c ^dn: {backup}", &["directory-backup"]),
    ("tail -1 {backup}", &["directory-backup"]),
    (
        "/opt/SUNWmail/sbin/imta qm directory",
        &["queue", "queue-empty"],
    ),
    ("/opt/SUNWmail/sbin/imta qm counters", &["queue-empty"]),
    ("/opt/SUNWmail/sbin/imta process", &["smtp-closed"]),
    (
        "ps -ef",
        &[
            "sims-stopped",
            "ims-stopped",
            "ims-up",
            "only-store-up",
            "store-stopped",
        ],
    ),
    ("du -sk /var/opt/SUNWmail/ims", &["disk", "disk-space"]),
    ("df -k /usr", &["disk", "disk-space"]),
    ("df -i /usr", &["inodes"]),
    (
        "kind /usr",
        &["disk", "disk-space", "inodes", "ims-installed"],
    ),
    // The folder that a command's output goes to.
    ("kind /usr/iplanet/server5/msg-mail", &["run"]),
    (
        "{configutil} -o local.store.synclevel",
        &[
            "ims-installed",
            "synclevel-0",
            "synclevel-default",
            "set-config",
        ],
    ),
    (
        "{configutil} -o local.ugldap",
        &["setup-answers", "settings", "set-config"],
    ),
    ("{configutil} -o local.defdomain", &["setup-answers"]),
    (
        "{env} {admin}/stored -t -v",
        &["only-store-up", "store-stopped", "ims-up"],
    ),
    ("{env} {admin}/mboxutil -l", &["mailboxes-complete"]),
    ("{admin}/mboxutil -l", &["transfer-mailboxes"]),
    (
        "cat /usr/iplanet/server5/msg-mail/imta/config/mappings",
        &["relay", "edit-file"],
    ),
    (
        "/usr/iplanet/server5/msg-mail/imsimta test -rewrite ",
        &["dirsync-done"],
    ),
    ("cat {acis}", &["aci-loaded", "apply-ldif"]),
];

/// One process that the engine started, as the host was asked for it.
#[derive(Clone, Debug)]
struct Asked {
    step: String,
    begin: f64,
    end: f64,
    words: Vec<String>,
}

/// What was seen from outside.
#[derive(Clone, Default)]
struct Recorded {
    asked: Vec<Asked>,
    /// Changes of the directory, one value each.
    changes: Vec<String>,
    /// Files that the engine itself opened for writing.
    written: Vec<String>,
}

/// One process that changes something, as it was confirmed.
struct Wanted {
    /// The place of its step in the plan, and its stage: earlier ones come first.
    order: (usize, u32),
    effect: String,
    words: Vec<String>,
}

/// What was confirmed.
#[derive(Default)]
struct Planned {
    folder: String,
    wanted: Vec<Wanted>,
    changes: Vec<String>,
    /// What each step names: checks, facts, kinds of actions.
    names: BTreeMap<String, BTreeSet<String>>,
    /// How many effects of a step may be in flight.
    parallel: BTreeMap<usize, usize>,
    backup: String,
    acis: String,
}

/// What an act only looks at, as the table has it; none for what changes something.
fn look(words: &[String]) -> Option<String> {
    let text = |act: Act| act.argv().get(2).cloned().unwrap_or_default();
    let path = String::new;
    let shell = words.first().is_some_and(|w| w == "/bin/sh");
    if !shell {
        let makes = words.first().is_some_and(|w| w == "mkdir");
        return (!makes).then(|| words.join(" "));
    }
    let looks = [
        ("cat", text(Act::ReadFile { path: path() })),
        ("ls", text(Act::ListDir { path: path() })),
        ("kind", text(Act::Kind { path: path() })),
        ("ls -ld", text(Act::Owner { path: path() })),
        ("df -k", text(Act::DiskFree { path: path() })),
        ("du -sk", text(Act::DiskUsed { path: path() })),
        ("df -i", text(Act::Inodes { path: path() })),
        ("ps -ef", text(Act::Processes)),
    ];
    let (name, _) = looks.iter().find(|(_, text)| words.get(2) == Some(text))?;
    let rest = words.get(4..).unwrap_or_default().join(" ");
    Some(format!("{name} {rest}").trim_end().to_owned())
}

/// Every way in which what was seen is not what was confirmed; a sentence each.
fn compare(seen: &Recorded, planned: &Planned) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Vec<&Wanted> = planned.wanted.iter().collect();
    let mut done: Vec<(&Wanted, &Asked)> = Vec::new();
    for asked in &seen.asked {
        let shown = asked.words.get(5..).filter(|_| asked.words.len() > 9);
        let shown = shown.unwrap_or(&asked.words).join(" ");
        if let Some(at) = open.iter().position(|wanted| wanted.words == asked.words) {
            done.push((open.remove(at), asked));
        } else if let Some(look) = look(&asked.words) {
            let names = planned.names.get(&asked.step).cloned().unwrap_or_default();
            let explained = LOOKS.iter().any(|(pattern, whose)| {
                let pattern = pattern
                    .replace("{backup}", &planned.backup)
                    .replace("{acis}", &planned.acis)
                    .replace(
                        "{env}",
                        "env CONFIGROOT=/usr/iplanet/server5/msg-mail/config",
                    )
                    .replace("{admin}", "/usr/iplanet/server5/bin/msg/admin/bin")
                    .replace("{configutil}", "/usr/iplanet/server5/msg-mail/configutil");
                look.starts_with(&pattern) && whose.iter().any(|name| names.contains(*name))
            });
            if !explained {
                found.push(format!("{}: looked at without a check: {look}", asked.step));
            }
        } else {
            found.push(format!("{}: not planned: {shown}", asked.step));
        }
    }
    for wanted in open {
        found.push(format!(
            "{}: planned and not done: {}",
            wanted.effect,
            wanted.words.join(" ")
        ));
    }
    found.extend(out_of_order(&done, planned));
    found.extend(differences("change", &planned.changes, &seen.changes));
    for file in &seen.written {
        if !file.starts_with(&planned.folder) && file != "/dev/null" {
            found.push(format!("the engine wrote {file}"));
        }
    }
    found
}

/// Stages are done one after the other, and no more effects at once than was said.
fn out_of_order(done: &[(&Wanted, &Asked)], planned: &Planned) -> Vec<String> {
    let mut found = Vec::new();
    for (wanted, asked) in done {
        for (other, before) in done {
            if other.order < wanted.order && before.begin > asked.end {
                found.push(format!(
                    "{} was begun before {}",
                    wanted.effect, other.effect
                ));
            }
        }
        let with: BTreeSet<&str> = done
            .iter()
            .filter(|(other, beside)| {
                other.order == wanted.order
                    && beside.begin <= asked.begin
                    && asked.begin <= beside.end
            })
            .map(|(other, _)| other.effect.as_str())
            .collect();
        if with.len() > planned.parallel[&wanted.order.0] {
            found.push(format!("too many at once: {with:?}"));
        }
    }
    found
}

/// What is in one list more often than in the other.
fn differences(what: &str, planned: &[String], seen: &[String]) -> Vec<String> {
    let mut count: BTreeMap<&str, i64> = BTreeMap::new();
    for one in planned {
        *count.entry(one).or_default() += 1;
    }
    for one in seen {
        *count.entry(one).or_default() -= 1;
    }
    count
        .into_iter()
        .filter(|(_, left)| *left != 0)
        .map(|(one, left)| {
            let how = if left > 0 {
                "planned and not done"
            } else {
                "not planned"
            };
            format!("{what} {how}: {one}")
        })
        .collect()
}

/// Records of LDIF as single values, so that they compare however they were sent.
fn values(records: &[Record]) -> Vec<String> {
    let mut all = Vec::new();
    let mut push = |dn: &str, what: &str, attribute: &str, value: &[u8]| {
        let own = [
            "modifiersname",
            "modifytimestamp",
            "creatorsname",
            "createtimestamp",
            "entrycsn",
            "entryuuid",
            "structuralobjectclass",
        ];
        let attribute = attribute.to_lowercase();
        if !own.contains(&attribute.as_str()) {
            let (dn, value) = (dn.to_lowercase(), String::from_utf8_lossy(value));
            all.push(format!("{dn}: {what} {attribute}: {value}"));
        }
    };
    for record in records {
        match record {
            Record::Entry(entry) | Record::Add(entry) => {
                for (name, values) in &entry.attributes {
                    for value in values {
                        push(&entry.dn, "entry with", name, value);
                    }
                }
            }
            Record::Delete { dn } => push(dn, "delete", "", b""),
            Record::Modify { dn, changes } => {
                for change in changes {
                    let what = match change {
                        Change::Add { .. } => "add",
                        Change::Delete { .. } => "delete",
                        Change::Replace { .. } => "replace",
                    };
                    for value in change.values() {
                        push(dn, what, change.attribute(), value);
                    }
                    if change.values().is_empty() {
                        push(dn, what, change.attribute(), b"*");
                    }
                }
            }
        }
    }
    all
}

/// The changes that the server itself wrote down, below the site's suffix and in its schema.
fn audited(log: &Path) -> Vec<String> {
    let log = std::fs::read_to_string(log).unwrap();
    let mut records = Vec::new();
    for part in log.split("\n\n") {
        let lines = part.lines().filter(|line| {
            !["time: ", "result: ", "#"]
                .iter()
                .any(|own| line.starts_with(own))
        });
        let text: Vec<&str> = lines.skip_while(|line| !line.starts_with("dn:")).collect();
        let ours = ["o=internet", "cn=schema", "cn=schema,cn=config"];
        if text
            .first()
            .is_some_and(|dn| ours.iter().any(|end| dn.ends_with(end)))
        {
            let text = format!("{}\n\n", text.join("\n"));
            records.extend(ldif::parse(text.as_bytes()).unwrap());
        }
    }
    values(&records)
}

fn launched(words: &[String]) -> Option<Vec<String>> {
    let is_ours = words.get(1..3)? == ["lab", "exec"];
    is_ours.then(|| words.get(5..).unwrap_or_default().to_vec())
}

/// The run as its journal has it: events, in order.
fn journal(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("journal.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn seconds(at: &Value) -> f64 {
    let at: jiff::Timestamp = at.as_str().unwrap().parse().unwrap();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of today fit")]
    let seconds = at.as_millisecond() as f64 / 1000.0;
    seconds
}

fn recorded(trace: &Trace, folder: &Path, audit: &Path) -> Recorded {
    let entered: Vec<(f64, String)> = journal(folder)
        .iter()
        .filter(|event| event["kind"] == "step-entered")
        .map(|event| {
            (
                seconds(&event["at"]),
                event["step"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let asked = trace.started().into_iter().map(|call| {
        let words = words(&call.text);
        let step = entered.iter().rev().find(|(at, _)| *at <= call.at);
        Asked {
            step: step.map_or("before any step".to_owned(), |(_, step)| step.clone()),
            begin: call.at,
            end: trace.end(call.pid).unwrap_or(f64::MAX),
            words: launched(&words).unwrap_or(words),
        }
    });
    let writes = |call: &&str| {
        let opens = call.starts_with("openat(") && !call.contains("= -1 ");
        let changes = ["O_WRONLY", "O_RDWR", "O_CREAT"]
            .iter()
            .any(|f| call.contains(f));
        opens && changes
    };
    let path = |call: &str| call.split('"').nth(1).unwrap_or_default().to_owned();
    Recorded {
        asked: asked.collect(),
        changes: audited(audit),
        written: trace.own().filter(writes).map(path).collect(),
    }
}

/// What the effects of a run were bound to, by the run's journal and artifacts.
fn planned(place: &Place, folder: &Path) -> Planned {
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
fn acts(
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
fn on_host(place: &Place, path: &str) -> String {
    let file = place
        .lab()
        .join("hosts/mail")
        .join(path.trim_start_matches('/'));
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn needs_strace_needs_389ds_what_ran_is_what_was_confirmed_nothing_more_and_nothing_less() {
    let (seen, planned) = a_whole_run("389ds");
    planted(&seen, &planned);
}

#[test]
fn needs_strace_needs_slapd_what_ran_on_openldap_is_what_was_confirmed() {
    a_whole_run("slapd");
}

/// A run on a kind of directory server, seen from outside and found to be what was confirmed.
fn a_whole_run(kind: &str) -> (Recorded, Planned) {
    let place = Place::new();
    let trace = place.dir.path().join("trace");
    let lab = place.lab();
    let lab = lab.to_str().unwrap();
    let practice = place.command(&[
        "practice",
        "--headless",
        "--yes",
        "--users",
        "5",
        "--seed",
        "51",
        "--directory",
        kind,
        "--lab",
        lab,
    ]);
    let mut traced = Command::new("strace")
        .args([
            "-f",
            "-q",
            "-ttt",
            "-s",
            "20000",
            "-e",
            "signal=none",
            "--seccomp-bpf",
            "-e",
        ])
        .arg("trace=execve,openat,clone,clone3,fork,vfork")
        .arg("-o")
        .arg(&trace)
        .arg(practice.get_program())
        .args(practice.get_args())
        .env("IMSMIGRATE_STATE_DIR", place.dir.path().join("state"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its end is the end of `practice`; strace itself waits for the lab too.
    let mut said = String::new();
    std::io::Read::read_to_string(traced.stdout.as_mut().unwrap(), &mut said).unwrap();
    let stopped = place.run(&["lab", "stop", lab]);
    assert_eq!(stopped.status.code(), Some(0), "{}", talk(&stopped));
    let output = traced.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}\n{}", talk(&output));

    let folder = PathBuf::from(place.the_run()["folder"].as_str().unwrap());
    let audit = "hosts/mail/usr/netscape/server4/slapd-mail/logs/audit";
    let seen = recorded(&Trace::read(&trace), &folder, &place.lab().join(audit));
    let planned = planned(&place, &folder);
    println!(
        "{} processes, {} of them change something; {} changes of the directory; {} files",
        seen.asked.len(),
        planned.wanted.len(),
        seen.changes.len(),
        seen.written.len()
    );
    assert!(seen.asked.len() > 100 && planned.wanted.len() > 30 && seen.changes.len() > 100);
    assert_eq!(compare(&seen, &planned), Vec::<String>::new());
    (seen, planned)
}

/// The comparison finds what is planted, one at a time, and names it.
fn planted(seen: &Recorded, planned: &Planned) {
    let finds = |what: &str, plant: &dyn Fn(&mut Recorded)| {
        let mut with = seen.clone();
        plant(&mut with);
        let found = compare(&with, planned);
        assert!(found.iter().any(|f| f.contains(what)), "{what}: {found:?}");
    };
    let at = |words: &str| {
        let is = |asked: &Asked| asked.words.join(" ").ends_with(words);
        seen.asked.iter().position(is).unwrap()
    };
    let stop = at("im.server stop");
    finds("not planned", &|with| {
        let again = with.asked[stop].clone();
        with.asked.push(again);
    });
    finds("stop-sims/1: planned and not done", &|with| {
        with.asked.remove(stop);
    });
    finds("not planned", &|with| {
        with.asked[stop].words.push("-force".to_owned());
    });
    finds("looked at without a check: /usr/bin/id", &|with| {
        let mut look = with.asked[stop].clone();
        look.words = vec!["/usr/bin/id".to_owned()];
        with.asked.push(look);
    });
    let start = at("keep /usr/iplanet/server5/msg-mail/start-msg");
    finds("was begun before", &|with| {
        with.asked[start].begin = 0.0;
        with.asked[start].end = 0.0;
    });
    finds("change not planned", &|with| {
        with.changes
            .push("o=internet: add description: x".to_owned());
    });
    finds("change planned and not done", &|with| {
        with.changes.pop();
    });
    finds("the engine wrote /etc/passwd", &|with| {
        with.written.push("/etc/passwd".to_owned());
    });
}
