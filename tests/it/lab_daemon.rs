//! The lab's process: start, stop, kill, control, and the directory server's scripts on its host.

use imsmigrate::lab::control::{self, Reply, Request};
use imsmigrate::lab::ldap::client::{Client, Scope};
use imsmigrate::lab::ldap::entry::Entry;
use imsmigrate::lab::world::Lab;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_imsmigrate");
const INSTANCE: &str = "/usr/netscape/server4/slapd-mail";

/// A small lab; stopped when dropped.
struct Small {
    _folder: tempfile::TempDir,
    dir: PathBuf,
}

impl Small {
    fn new() -> Self {
        Self::below("lab")
    }

    fn below(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join(name);
        let small = Self {
            _folder: folder,
            dir,
        };
        let made = Command::new(BINARY)
            .args(["lab", "create"])
            .arg(&small.dir)
            .args(["--users", "3", "--seed", "5", "--messages-per-user", "1"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", shown(&made));
        small
    }

    fn lab(&self) -> Lab {
        Lab::open(&self.dir).unwrap()
    }

    fn command(&self, action: &str) -> Output {
        Command::new(BINARY)
            .args(["lab", action])
            .arg(&self.dir)
            .output()
            .unwrap()
    }

    fn status(&self) -> Value {
        let output = Command::new(BINARY)
            .args(["lab", "status", "--json"])
            .arg(&self.dir)
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Pulls the plug: SIGKILL for the lab's process, and waits until its lock is free.
    fn kill(&self) {
        let pid = self.status()["pid"].as_i64().unwrap();
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        until(|| !self.status()["running"].as_bool().unwrap());
    }

    /// Runs a command of the directory server's instance on its host.
    fn on_host(&self, argv: &[&str]) -> Output {
        Command::new(BINARY)
            .args(["lab", "exec"])
            .arg(&self.dir)
            .arg("mail")
            .args(argv)
            .output()
            .unwrap()
    }

    fn host_file(&self, path: &str) -> PathBuf {
        self.dir
            .join("hosts/mail")
            .join(path.trim_start_matches('/'))
    }

    fn components(&self) -> Vec<String> {
        let running = control::processes(&self.lab(), "mail").unwrap();
        running.into_iter().map(|p| p.component).collect()
    }

    fn client(&self) -> Client {
        let secrets = std::fs::read_to_string(self.dir.join("secrets.toml")).unwrap();
        let secrets: toml::Table = secrets.parse().unwrap();
        let mut client = Client::connect(&self.lab(), "mail.siroe.com", 389).unwrap();
        let password = secrets["directory"].as_str().unwrap();
        client.bind("cn=Directory Manager", password).unwrap();
        client
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        self.command("stop");
    }
}

fn shown(output: &Output) -> String {
    format!(
        "{:?}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn until(mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "it did not come about in time");
        std::thread::yield_now();
    }
}

fn ou(n: usize) -> Entry {
    let mut entry = Entry::new(format!("ou=t{n},o=internet"));
    entry.push("objectClass", "organizationalUnit");
    entry
}

#[test]
fn a_killed_lab_comes_back_with_every_confirmed_change_and_the_same_components() {
    let small = Small::new();
    let before = small.components();
    assert!(before.contains(&"slapd".to_owned()), "{before:?}");
    let confirmed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = small.client();
            for n in 0.. {
                if client.add(&ou(n)).is_err() {
                    break;
                }
                confirmed.store(n + 1, Ordering::SeqCst);
            }
        });
        until(|| confirmed.load(Ordering::SeqCst) > 50);
        small.kill();
    });
    let confirmed = confirmed.load(Ordering::SeqCst);
    let started = small.command("start");
    assert!(started.status.success(), "{}", shown(&started));
    assert_eq!(small.components(), before);
    let found = small
        .client()
        .search("o=internet", Scope::One, "(ou=t*)", &["ou"])
        .unwrap();
    for n in 0..confirmed {
        let dn = ou(n).dn;
        assert!(found.iter().any(|e| e.dn == dn), "{dn} is lost");
    }
    // At most the one that was under way when the power went.
    assert!(found.len() <= confirmed + 1);
}

#[test]
fn a_lab_is_stopped_and_started_and_says_so() {
    let small = Small::new();
    assert_eq!(small.status()["running"], true);
    assert_eq!(small.status()["ldap"]["host"], "127.0.0.1");
    assert!(small.command("stop").status.success());
    assert_eq!(small.status()["running"], false);
    assert!(control::ask(&small.lab(), &Request::Ping).is_err());
    assert!(small.command("start").status.success());
    assert!(small.components().contains(&"slapd".to_owned()));
}

#[test]
fn a_second_process_for_a_lab_is_refused() {
    let small = Small::new();
    let second = small.command("serve");
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("runs already"));
    assert_eq!(small.status()["running"], true);
}

#[test]
fn a_lab_in_a_very_deep_folder_is_reached_through_a_short_one() {
    let small = Small::below(&"deep".repeat(30));
    assert!(small.components().contains(&"slapd".to_owned()));
    let lock = std::fs::read_to_string(small.dir.join("lab.lock")).unwrap();
    let lock: Value = serde_json::from_str(&lock).unwrap();
    let socket = PathBuf::from(lock["socket"].as_str().unwrap());
    assert!(socket.starts_with("/tmp"));
    assert!(small.command("stop").status.success());
    assert!(!socket.parent().unwrap().exists());
}

#[test]
fn a_component_starts_once_and_unknown_ones_are_named() {
    let small = Small::new();
    let lab = small.lab();
    let ask = |component: &str, host: &str| {
        let request = Request::Start {
            host: host.to_owned(),
            component: component.to_owned(),
        };
        control::ask(&lab, &request).unwrap()
    };
    assert!(matches!(ask("slapd", "mail"), Reply::Already));
    for (component, host) in [("nonsense", "mail"), ("slapd", "nowhere")] {
        let Reply::Failed { message } = ask(component, host) else {
            panic!("{component} on {host} was started");
        };
        assert!(message.contains("nonsense") || message.contains("nowhere"));
    }
}

#[test]
fn the_directory_server_s_scripts_tell_by_their_status_what_was_so() {
    let small = Small::new();
    let run = |script: &str| {
        let output = small.on_host(&[&format!("{INSTANCE}/{script}")]);
        output.status.code().unwrap()
    };
    assert_eq!(run("start-slapd"), 2);
    assert_eq!(run("stop-slapd"), 0);
    assert!(Client::connect(&small.lab(), "mail", 389).is_err());
    assert_eq!(run("stop-slapd"), 2);
    assert_eq!(run("start-slapd"), 0);
    assert_eq!(run("restart-slapd"), 0);
    small.client();
}

#[test]
fn a_broken_schema_file_keeps_the_directory_server_down_and_is_named() {
    let small = Small::new();
    let main = small.host_file(&format!("{INSTANCE}/config/slapd.conf"));
    let good = std::fs::read_to_string(&main).unwrap();
    let merged = format!("{INSTANCE}/config/merged.oc.conf");
    std::fs::write(small.host_file(&merged), "objectclass x\n\tnonsense y\n").unwrap();
    std::fs::write(&main, format!("{good}include \"{merged}\"\n")).unwrap();
    let check = "/usr/netscape/server4/bin/slapd/server/slapd_config";
    let conf = format!("{INSTANCE}/config/slapd.conf");
    let checked = small.on_host(&[check, "-c", "-f", &conf]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(checked.stdout.is_empty());
    let told = small.on_host(&[check, "-f", &conf]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.starts_with(&format!("{merged}: line 2: ")), "{told}");
    let restart = small.on_host(&[&format!("{INSTANCE}/restart-slapd")]);
    assert_eq!(restart.status.code(), Some(1));
    assert!(shown(&restart).contains("merged.oc.conf: line 2"));
    assert!(Client::connect(&small.lab(), "mail", 389).is_err());
    std::fs::write(&main, good).unwrap();
    assert_eq!(
        small.on_host(&[check, "-c", "-f", &conf]).status.code(),
        Some(0)
    );
    let start = small.on_host(&[&format!("{INSTANCE}/start-slapd")]);
    assert_eq!(start.status.code(), Some(0), "{}", shown(&start));
}

#[test]
fn db2ldif_writes_every_entry_into_a_private_file_also_while_the_server_runs() {
    use std::os::unix::fs::PermissionsExt as _;
    let small = Small::new();
    small.client().add(&ou(1)).unwrap();
    let written = small.on_host(&[&format!("{INSTANCE}/db2ldif"), "/tmp-backup.ldif"]);
    assert_eq!(written.status.code(), Some(0), "{}", shown(&written));
    assert!(shown(&written).contains("/tmp-backup.ldif"));
    let file = small.host_file("/tmp-backup.ldif");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let text = std::fs::read_to_string(&file).unwrap();
    let all = small
        .client()
        .search("o=internet", Scope::Subtree, "(objectClass=*)", &["1.1"])
        .unwrap();
    assert_eq!(
        text.lines().filter(|l| l.starts_with("dn:")).count(),
        all.len()
    );
    assert!(text.starts_with("dn: o=internet\n") && text.contains("userPassword"));
    let folder = small.host_file(&format!("{INSTANCE}/ldif"));
    let count = || std::fs::read_dir(&folder).unwrap().count();
    let before = count();
    let default = small.on_host(&[&format!("{INSTANCE}/bin/db2ldif")]);
    assert_eq!(default.status.code(), Some(0));
    assert_eq!(count(), before + 1);
    let nowhere = small.on_host(&[&format!("{INSTANCE}/db2ldif"), "/no/such/folder/x"]);
    assert_eq!(nowhere.status.code(), Some(1));
}

#[test]
fn the_vendor_s_ldapsearch_and_ldapmodify_print_and_end_as_documented() {
    let small = Small::new();
    let bin = "/usr/netscape/server4/shared/bin";
    let secrets = std::fs::read_to_string(small.dir.join("secrets.toml")).unwrap();
    let secrets: toml::Table = secrets.parse().unwrap();
    let password = secrets["directory"].as_str().unwrap();
    let search =
        |args: &[&str]| small.on_host(&[&[&format!("{bin}/ldapsearch")[..]][..], args].concat());
    let found = search(&[
        "-h",
        "mail.siroe.com",
        "-b",
        "o=internet",
        "-s",
        "base",
        "(objectclass=*)",
        "o",
    ]);
    assert_eq!(found.status.code(), Some(0), "{}", shown(&found));
    assert_eq!(
        String::from_utf8_lossy(&found.stdout),
        "dn: o=internet\no: internet\n\n"
    );
    let none = search(&[
        "-b",
        "o=internet",
        "(&(objectclass=maildomain)(preferredmailhost=oldmail.siroe.com))",
    ]);
    assert_eq!((none.status.code(), none.stdout.len()), (Some(0), 0));
    let missing = search(&["-b", "o=elsewhere", "(uid=*)"]);
    assert_eq!(missing.status.code(), Some(32));
    assert!(shown(&missing).contains("ldap_search: No such object"));
    let wrong = search(&[
        "-D",
        "cn=Directory Manager",
        "-w",
        "no",
        "-b",
        "o=internet",
        "uid=*",
    ]);
    assert_eq!(wrong.status.code(), Some(49));
    assert!(shown(&wrong).contains("ldap_simple_bind: Invalid credentials"));
    let down = search(&["-p", "391", "-b", "o=internet", "(uid=*)"]);
    assert_eq!(down.status.code(), Some(91));

    let ldif = small.host_file("/tmp.ldif");
    let modify = |text: &str, options: &[&str]| {
        std::fs::write(&ldif, text).unwrap();
        let fixed = [
            "-D",
            "cn=Directory Manager",
            "-w",
            password,
            "-f",
            "/tmp.ldif",
        ];
        small.on_host(&[&[&format!("{bin}/ldapmodify")[..]][..], &fixed, options].concat())
    };
    let add = "dn: ou=a,o=internet\nobjectclass: organizationalUnit\n\ndn: ou=b,o=internet\nobjectclass: organizationalUnit\n";
    let preview = modify(add, &["-a", "-n"]);
    assert_eq!(preview.status.code(), Some(0));
    assert!(shown(&preview).contains("!adding new entry ou=a,o=internet"));
    assert_eq!(modify(add, &["-a"]).status.code(), Some(0));
    let again = modify(add, &["-a"]);
    assert_eq!(again.status.code(), Some(68));
    assert!(shown(&again).contains("ldap_add: Already exists"));
    assert!(
        !shown(&again).contains("ou=b"),
        "it stops at the first error"
    );
    let unseen =
        "dn: ou=none,o=internet\nchangetype: delete\n\ndn: ou=b,o=internet\nchangetype: delete\n";
    let unseen = modify(unseen, &["-c"]);
    assert_eq!(unseen.status.code(), Some(0), "with -c the last one counts");
    assert!(shown(&unseen).contains("ldap_delete: No such object"));
    let replace = modify("dn: ou=a,o=internet\ndescription: one\n", &[]);
    assert_eq!(replace.status.code(), Some(0), "{}", shown(&replace));
}

#[test]
fn a_folder_that_is_no_lab_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Command::new(BINARY)
        .args(["lab", "start"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is not a lab"));
    assert!(
        std::fs::read_dir(Path::new(folder.path()))
            .unwrap()
            .next()
            .is_none()
    );
}
