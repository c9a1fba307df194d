//! A run is changed on its way: asked, confirmed, journaled, and what ran is what was confirmed then.

use super::place::{Place, eventually, talk};
use imsmigrate::engine::client::Client;
use imsmigrate::engine::daemon;
use imsmigrate::engine::protocol::Command;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Output;

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn folder(place: &Place) -> PathBuf {
    PathBuf::from(place.the_run()["folder"].as_str().unwrap())
}

fn events(place: &Place, run: &str) -> Vec<Value> {
    let output = place.run(&["journal", run, "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn of_kind(place: &Place, run: &str, kind: &str) -> Vec<Value> {
    let mut all = events(place, run);
    all.retain(|e| e["kind"] == kind);
    all
}

fn gate(place: &Place) -> String {
    let status = place.run(&["status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
    assert_ne!(status["state"], "failed", "{status}");
    status["gate"]["id"].as_str().unwrap_or_default().to_owned()
}

/// Starts a run at a lab of so many users; it waits for somebody at `gate`.
fn begun(users: &str, seed: &str, more: &[&str], at: &str) -> (Place, String) {
    let place = Place::new();
    place.create_lab(&["--users", users, "--seed", seed]);
    let mut args = more.to_vec();
    args.push("--detach");
    let output = place.run_site(&args);
    assert_eq!(code(&output), Some(5), "{}", talk(&output));
    eventually(at, || gate(&place) == at);
    let run = place.the_run()["id"].as_str().unwrap().to_owned();
    (place, run)
}

const YES: &[&str] = &["--headless", "--yes"];

#[test]
fn mailboxes_are_moved_in_as_many_sessions_as_were_set_even_when_the_engine_dies_after_it() {
    let (place, run) = begun("7", "61", YES, "keep-backups/1");
    let set = place.run(&["set", &run, "sessions=2"]);
    assert_eq!(code(&set), Some(0), "{}", talk(&set));
    kill_engine(&place);
    let resumed = place.run(&["resume", &run, "--headless", "--yes", "--detach"]);
    assert_eq!(code(&resumed), Some(5), "{}", talk(&resumed));
    // Another change of mind, with the engine alive.
    let set = place.run(&["set", &run, "sessions=3"]);
    assert_eq!(code(&set), Some(0), "{}", talk(&set));
    let done = place.run(&["attach", &run, "--json"]);
    assert_eq!(code(&done), Some(5), "{}", talk(&done));
    let all = of_kind(&place, &run, "amended");
    let told: Vec<_> = all
        .iter()
        .map(|e| (e["before"].as_str().unwrap(), &e["amendment"]["sessions"]))
        .collect();
    assert_eq!(told, [("automatic", &2.into()), ("2", &3.into())]);
    assert_ne!(
        all[0]["plan"], all[1]["plan"],
        "the plan has another digest"
    );

    let end = place.run(&["resume", &run, "--headless", "--yes"]);
    assert_eq!(code(&end), Some(5), "{}", talk(&end));
    says(&place, &run, "keep-backups/1", "tape 17");
    install(&place, &run);
    let end = place.run(&["resume", &run, "--headless", "--yes"]);
    assert_eq!(code(&end), Some(0), "{}", talk(&end));
    assert_eq!(sessions(&place, &run), ["s01", "s02", "s03"]);
    assert_eq!(place.audit()["clean"], true);
    let report = talk(&place.run(&["report", &run]));
    let told = "changed the plan: sessions=3 (before: 2)";
    assert!(report.contains(told), "{report}");
}

fn kill_engine(place: &Place) {
    let pid = place.the_run()["engine_pid"].as_i64().unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    eventually("the engine is gone", || {
        place.the_run()["engine_pid"].is_null()
    });
}

fn says(place: &Place, run: &str, gate: &str, text: &str) {
    let said = place.run(&["answer", run, gate, text]);
    assert_eq!(code(&said), Some(0), "{}", talk(&said));
}

/// Runs the installer when the operator is asked to.
fn install(place: &Place, run: &str) {
    eventually("the installer", || gate(place) == "install-new-server/1");
    let lab = place.lab();
    let mut child = place
        .command(&[
            "lab",
            "shell",
            lab.to_str().unwrap(),
            "mail",
            "/cdrom/iplanet/setup",
        ])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let typed = b"\n\n\nNo\n390\n\n\npw-0815\npw-0815\n\n\n\n";
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), typed).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    says(place, run, "install-new-server/1", "done");
}

/// The sessions whose restore left its marks on the host.
fn sessions(place: &Place, run: &str) -> Vec<String> {
    let marks = place.lab().join("hosts/mail/var/tmp/imsmigrate").join(run);
    let names = std::fs::read_dir(marks).unwrap();
    let mut found: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| {
            let (before, _) = name.split_once(".restore-")?;
            let session = before.rsplit('.').next()?;
            session.starts_with('s').then(|| session.to_owned())
        })
        .collect();
    found.sort();
    found
}

#[test]
fn a_change_is_shown_at_a_gate_of_its_own_and_what_cannot_be_set_changes_nothing() {
    let (place, run) = begun("2", "62", &[], "keep-backups");
    let before = events(&place, &run).len();
    for bad in [
        "sessions=0",
        "sessions=1000",
        "sessions=many",
        "sessions",
        "batches=4",
        "no-such-step=by-hand",
    ] {
        let refused = place.run(&["set", &run, bad]);
        assert_eq!(code(&refused), Some(2), "{bad}: {}", talk(&refused));
    }
    assert_eq!(events(&place, &run).len(), before, "nothing was journaled");

    let set = place.run(&["set", &run, "sessions=4"]);
    assert_eq!(code(&set), Some(0), "{}", talk(&set));
    for shown in ["Until now", "From now on", "4 at once"] {
        assert!(talk(&set).contains(shown), "{shown}: {}", talk(&set));
    }
    let opened = of_kind(&place, &run, "gate-opened");
    let own = opened.iter().find(|e| e["gate"]["id"] == "set/sessions");
    assert_eq!(own.unwrap()["gate"]["level"], "change");
    eventually("the step's gate is open again", || {
        gate(&place) == "keep-backups"
    });
    let again = place.run(&["set", &run, "sessions=4"]);
    assert_eq!(code(&again), Some(1), "{}", talk(&again));
    assert!(talk(&again).contains("so already"), "{}", talk(&again));
    let answered = place.run(&["answer", &run, "keep-backups"]);
    assert_eq!(code(&answered), Some(0), "{}", talk(&answered));

    // Nobody is at it: it is written down, and the run stays stopped.
    place.run(&["stop", &run]);
    eventually("it has stopped", || place.the_run()["state"] == "stopped");
    eventually("its engine is gone", || {
        place.the_run()["engine_pid"].is_null()
    });
    let set = place.run(&["set", &run, "sessions=5"]);
    assert_eq!(code(&set), Some(0), "{}", talk(&set));
    assert_eq!(place.the_run()["state"], "stopped");
    let last = of_kind(&place, &run, "amended");
    assert_eq!(last.last().unwrap()["before"], "4");
}

#[test]
fn only_who_has_control_answers_and_the_command_line_takes_it_where_nobody_is_or_when_told() {
    let (place, run) = begun("2", "63", &[], "keep-backups");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let info = daemon::alive(&folder(&place)).unwrap();
    let ann = runtime.block_on(async {
        let mut ann = Client::connect(&info, "ann on pts/9", u64::MAX)
            .await
            .unwrap();
        ann.sender.send(&Command::Control).await.unwrap();
        ann
    });
    let taken = || of_kind(&place, &run, "control-taken").len();
    eventually("ann has control", || taken() == 1);
    let refused = place.run(&["answer", &run, "keep-backups"]);
    assert_eq!(code(&refused), Some(1), "{}", talk(&refused));
    for part in ["ann on pts/9 has control", "--take"] {
        assert!(talk(&refused).contains(part), "{}", talk(&refused));
    }
    let refused = place.run(&["set", &run, "sessions=4"]);
    assert_eq!(code(&refused), Some(1), "{}", talk(&refused));
    assert!(
        talk(&refused).contains("ann on pts/9"),
        "{}",
        talk(&refused)
    );
    assert_eq!(gate(&place), "keep-backups", "it waits as before");

    let answered = place.run(&["answer", &run, "keep-backups", "--take"]);
    assert_eq!(code(&answered), Some(0), "{}", talk(&answered));
    eventually("the command has given it up", || {
        of_kind(&place, &run, "control-left").len() == 1
    });
    let by = of_kind(&place, &run, "gate-answered")[0]["by"].clone();
    assert!(by.as_str().unwrap().starts_with("command line"), "{by}");

    let mut ann = ann;
    runtime.block_on(async {
        ann.sender.send(&Command::Control).await.unwrap();
    });
    eventually("ann has it again", || taken() == 3);
    drop(ann);
    eventually("ann has gone", || {
        of_kind(&place, &run, "control-left").len() == 2
    });
    let answered = place.run(&["answer", &run, "keep-backups/1", "tape 17"]);
    assert_eq!(code(&answered), Some(0), "{}", talk(&answered));
}

/// What the open gate tells the operator to give as root on the host.
fn command(place: &Place) -> String {
    let status = place.run(&["status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    let lines = status["gate"]["lines"].as_array().unwrap();
    let line = lines.iter().filter_map(Value::as_str);
    let mut commands = line.filter_map(|l| l.strip_prefix("As root: "));
    commands
        .next()
        .unwrap_or_else(|| panic!("{status}"))
        .to_owned()
}

/// Types a line at the host's prompt.
fn type_there(place: &Place, line: &str) -> Output {
    let lab = place.lab();
    let mut child = place
        .command(&["lab", "shell", lab.to_str().unwrap(), "mail"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let typed = format!("{line}\n");
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), typed.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn set(place: &Place, run: &str, change: &str) {
    let set = place.run(&["set", run, change]);
    assert_eq!(code(&set), Some(0), "{change}: {}", talk(&set));
}

#[test]
fn what_the_operator_does_by_hand_is_proved_by_the_same_checks_and_who_lies_is_caught() {
    let (place, run) = begun("4", "64", YES, "keep-backups/1");
    set(&place, &run, "stop-sims=by-hand");
    set(&place, &run, "point-to-directory=by-hand");
    set(&place, &run, "move-mailboxes=by-hand");
    set(&place, &run, "sessions=2");
    says(&place, &run, "keep-backups/1", "tape 17");
    eventually("the operator is asked", || gate(&place) == "stop-sims/1");
    assert_eq!(command(&place), "/opt/SUNWmail/sbin/im.server stop");

    says(&place, &run, "stop-sims/1", "done");
    eventually("it is looked at", || place.the_run()["state"] == "failed");
    let ended = of_kind(&place, &run, "step-ended");
    let message = ended.last().unwrap()["message"].as_str().unwrap();
    assert!(message.contains("it is said to be done, but"), "{message}");
    eventually("the engine is gone", || {
        place.the_run()["engine_pid"].is_null()
    });
    let again = place.run(&["retry", &run, "--headless", "--yes"]);
    assert_eq!(code(&again), Some(5), "{}", talk(&again));
    assert_eq!(gate(&place), "stop-sims/1", "it is asked once more");
    let done = type_there(&place, &command(&place));
    assert_eq!(code(&done), Some(0), "{}", talk(&done));
    says(&place, &run, "stop-sims/1", "done");

    install(&place, &run);
    let secrets = std::fs::read_to_string(place.lab().join("secrets.toml")).unwrap();
    let secrets: toml::Table = secrets.parse().unwrap();
    let password = secrets["directory"].as_str().unwrap();
    let mut settings = 0;
    eventually("the settings and the sessions are done by hand", || {
        let asked = gate(&place);
        if place.the_run()["state"] == "done" {
            return true;
        }
        let ours = ["point-to-directory/", "move-mailboxes/"];
        if ours.iter().any(|step| asked.starts_with(step)) {
            let mut line = command(&place);
            if line.ends_with("-i FILE") {
                line = line.replace("FILE", "/var/tmp/credential");
                let file = place.lab().join("hosts/mail/var/tmp/credential");
                std::fs::write(&file, format!("local.ugldapbindcred={password}\n")).unwrap();
            }
            settings += usize::from(asked.starts_with("point-"));
            let done = type_there(&place, &line);
            assert_eq!(code(&done), Some(0), "{line}: {}", talk(&done));
            says(&place, &run, &asked, "done");
        }
        false
    });
    // What the installer has set right is left out.
    assert!(settings >= 3, "one after the other: {settings}");
    assert_eq!(sessions(&place, &run), [""; 0], "the wizard moved nobody");
    let restored = of_kind(&place, &run, "effect-ended")
        .iter()
        .filter(|e| {
            e["message"]
                .as_str()
                .unwrap()
                .contains("users are complete")
        })
        .count();
    assert_eq!(restored, 2, "two sessions, by hand");
    assert_eq!(place.audit()["clean"], true);

    // What takes it back was kept before the operator set it.
    let to = "point-to-directory";
    let back = place.run(&["undo", &run, "--to", to, "--headless", "--yes"]);
    assert_eq!(code(&back), Some(0), "{}", talk(&back));
    let ended = of_kind(&place, &run, "effect-ended");
    let back = ended.iter().filter(|e| {
        let effect = e["effect"].as_str().unwrap();
        effect.starts_with("undo/point-to-directory/") && e["message"] == "set back, and read back"
    });
    // What a password was before is kept nowhere.
    assert_eq!(back.count(), settings - 1);
}

#[test]
fn a_step_goes_back_to_the_wizard_while_the_operator_is_asked() {
    let (place, run) = begun("2", "65", YES, "keep-backups/1");
    set(&place, &run, "stop-sims=by-hand");
    says(&place, &run, "keep-backups/1", "tape 17");
    eventually("the operator is asked", || gate(&place) == "stop-sims/1");
    set(&place, &run, "stop-sims=automatic");
    eventually("the wizard has stopped it", || {
        gate(&place) == "install-new-server/1"
    });
    let events = events(&place, &run);
    let step = |e: &&Value| e["kind"] == "step-ended" && e["step"] == "stop-sims";
    assert_eq!(events.iter().find(step).unwrap()["outcome"], "ok");
    let over = place.run(&["set", &run, "stop-sims=by-hand"]);
    assert_eq!(code(&over), Some(1), "{}", talk(&over));
    assert!(talk(&over).contains("is over"), "{}", talk(&over));
}
