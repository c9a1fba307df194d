//! Two mail servers side by side, driven by the vendor's commands as in the incremental procedure:
//! one user is held, moved, released and found again; everybody's mail finds its way from either.

use super::place::{Place, talk};
use imsmigrate::lab::ims::ImsStore;
use imsmigrate::lab::sims::SimsStore;
use imsmigrate::lab::world::Lab;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

const ANSWERS: &str = "\n\n\n\n390\n\n\ncfg-secret\ncfg-secret\n\n\n\n";
const INSTANCE: &str = "/usr/iplanet/server5/msg-newmail";
const SLAPD: &str = "/usr/netscape/server4/slapd-ldap";
const IMSDIRMIG: &str = "/usr/iplanet/server5/bin/msg/migrate/bin/imsdirmig";

struct World {
    place: Place,
    lab: Lab,
}

impl World {
    /// The new server installed, told of the directory and of both schemas, and up; the proxy on.
    fn coexisting() -> Self {
        let place = Place::new();
        place.create_lab(&[
            "--scenario",
            "sims-incremental",
            "--users",
            "3",
            "--seed",
            "4",
            "--messages-per-user",
            "2",
        ]);
        let lab = Lab::open(&place.lab()).unwrap();
        let world = Self { place, lab };
        let config = world.real("ldap", &format!("{SLAPD}/config"));
        let schema = world.real("ldap", "/cdrom/iplanet/solaris/migrate/schema");
        let mut includes = String::new();
        for name in ["merged.at.conf", "merged.oc.conf"] {
            std::fs::copy(schema.join(name), config.join(name)).unwrap();
            let line = format!("include \"{SLAPD}/config/{name}\"\n");
            includes.push_str(&line);
        }
        std::fs::write(config.join("ns-schema.conf"), includes).unwrap();
        world.ok("ldap", &[&format!("{SLAPD}/restart-slapd")]);
        world.run("newmail", &["/cdrom/iplanet/setup"], ANSWERS);
        world.ok("newmail", &[&format!("{INSTANCE}/stop-msg")]);
        let secret = world.secret();
        for (name, value) in [
            ("local.ugldapbasedn", "o=internet"),
            ("local.ugldapbinddn", "cn=Directory Manager"),
            ("local.ugldapbindcred", secret.as_str()),
            ("local.ugldapdeforgdn", "dc=siroe,dc=com,o=internet"),
            ("local.ugldaphost", "ldap.siroe.com"),
            ("local.ugldapport", "389"),
            ("local.imta.schematag", "sims40,ims50"),
        ] {
            let configutil = format!("{INSTANCE}/configutil");
            world.ok("newmail", &[&configutil, "-o", name, "-v", value]);
        }
        world.dirmig(&[
            "-m",
            "domains",
            "-A",
            "mailroutinghosts:newmail.siroe.com",
            "-P",
        ]);
        world.ok("newmail", &[&format!("{INSTANCE}/start-msg"), "store"]);
        world.ok(
            "newmail",
            &[&format!("{INSTANCE}/imsimta"), "dirsync", "-F"],
        );
        world.ok("newmail", &[&format!("{INSTANCE}/start-msg")]);
        world.ok("oldmail", &["/opt/SUNWmail/sbin/imta", "dirsync"]);
        let cnf = world.real("oldmail", "/etc/opt/SUNWmail/ims/ims.cnf");
        Place::change(&cnf, "ims-proxy: OFF", "ims-proxy: on");
        for act in ["stop", "start"] {
            world.ok("oldmail", &["/opt/SUNWmail/sbin/mt.scheduler", act]);
        }
        world
    }

    fn secret(&self) -> String {
        let text = std::fs::read_to_string(self.lab.dir.join("secrets.toml")).unwrap();
        let table: toml::Table = text.parse().unwrap();
        table["directory"].as_str().unwrap().to_owned()
    }

    fn password(&self, user: &str) -> String {
        let text = std::fs::read_to_string(self.lab.dir.join("accounts.jsonl")).unwrap();
        let mut lines = text
            .lines()
            .map(|l| serde_json::from_str::<Value>(l).unwrap());
        let account = lines.find(|l| l["user"] == user).unwrap();
        account["password"].as_str().unwrap().to_owned()
    }

    fn real(&self, host: &str, path: &str) -> PathBuf {
        let root = self.lab.root(self.lab.host(host).unwrap());
        root.join(path.trim_start_matches('/'))
    }

    fn run(&self, host: &str, words: &[&str], input: &str) -> (Option<i32>, String) {
        let lab = self.place.lab();
        let shell = ["lab", "shell", lab.to_str().unwrap(), host];
        let mut child = self
            .place
            .command(&[shell.as_slice(), words].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read all has its reasons.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        (output.status.code(), talk(&output))
    }

    #[track_caller]
    fn ok(&self, host: &str, words: &[&str]) {
        let (status, said) = self.run(host, words, "");
        assert_eq!(status, Some(0), "{words:?}: {said}");
    }

    #[track_caller]
    fn dirmig(&self, more: &[&str]) {
        let secret = self.secret();
        let words = [
            IMSDIRMIG,
            "-h",
            "ldap.siroe.com",
            "-b",
            "o=internet",
            "-M",
            "sims",
            "-D",
        ];
        let who = ["cn=Directory Manager", "-w", &secret];
        self.ok("newmail", &[words.as_slice(), &who, more].concat());
    }

    fn connect(&self, host: &str, port: u16) -> (BufReader<TcpStream>, TcpStream) {
        let address = SocketAddr::from((self.lab.host(host).unwrap().address, self.lab.port(port)));
        let stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        (BufReader::new(stream.try_clone().unwrap()), stream)
    }

    #[track_caller]
    fn send(&self, host: &str, to: &str, subject: &str) {
        let (mut reader, mut writer) = self.connect(host, 25);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        for command in [
            "HELO x".to_owned(),
            "MAIL FROM:<far@elsewhere.example.com>".to_owned(),
            format!("RCPT TO:<{to}>"),
            "DATA".to_owned(),
            format!("Message-ID: <{subject}@x>\r\nSubject: {subject}\r\n\r\nhi\r\n."),
        ] {
            write!(writer, "{command}\r\n").unwrap();
            line.clear();
            reader.read_line(&mut line).unwrap();
            assert!(line.starts_with(['2', '3']), "{command}: {line}");
        }
    }

    /// What IMAP says to each command, the last lines of all answers.
    fn imap(&self, host: &str, commands: &[String]) -> Vec<String> {
        let (mut reader, mut writer) = self.connect(host, 143);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let mut said = Vec::new();
        for command in commands {
            write!(writer, "a {command}\r\n").unwrap();
            let mut answer = String::new();
            loop {
                line.clear();
                if reader.read_line(&mut line).unwrap() == 0 {
                    break;
                }
                answer.push_str(&line);
                if line.starts_with("a ") {
                    break;
                }
            }
            said.push(answer);
        }
        said
    }

    fn new_subjects(&self, user: &str) -> Vec<String> {
        let store = ImsStore::open(&self.real("newmail", INSTANCE)).unwrap();
        let all = store.messages(user, "INBOX").unwrap_or_default();
        let texts = all.iter().map(|m| store.read(user, "INBOX", m.n).unwrap());
        texts.filter_map(|t| subject(&t)).collect()
    }

    fn old_subjects(&self, user: &str) -> Vec<String> {
        let store = SimsStore::open(&self.real("oldmail", "/")).unwrap();
        let folders = store.folders(user).unwrap();
        let all = folders
            .iter()
            .filter(|f| f.name == b"INBOX")
            .flat_map(|f| &f.messages);
        all.filter_map(|m| subject(&store.read(m).unwrap()))
            .collect()
    }

    fn held(&self) -> usize {
        let folder = self.real("oldmail", "/var/opt/SUNWmail/imta/queue/hold");
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    }
}

fn subject(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text).into_owned();
    let line = text.lines().find_map(|l| l.strip_prefix("Subject: "))?;
    Some(line.trim().to_owned())
}

#[track_caller]
fn eventually(what: &str, so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

fn has(subjects: &[String], wanted: &str) -> bool {
    subjects.iter().filter(|s| *s == wanted).count() == 1
}

#[test]
fn a_user_is_held_moved_released_and_gets_what_came_meanwhile_once() {
    let world = World::coexisting();
    let filter = ["-m", "users", "-F", "(uid=Anderson)", "-O", "-A"];
    let hold = "mailDeliveryOption:hold;mailFolderMap:LOCK";
    world.dirmig(&[filter.as_slice(), &[hold]].concat());
    // The MTA goes by what it knew at its last dirsync.
    world.send("oldmail", "anderson@siroe.com", "before");
    eventually("`before` in the old inbox", || {
        has(&world.old_subjects("anderson"), "before")
    });
    world.ok("oldmail", &["/opt/SUNWmail/sbin/imta", "dirsync"]);
    world.ok("newmail", &[&format!("{INSTANCE}/imsimta"), "dirsync"]);
    world.send("oldmail", "anderson@siroe.com", "meanwhile");
    world.send("newmail", "anderson@siroe.com", "meanwhile-new");
    eventually("both on hold", || world.held() == 2);
    let login = format!("LOGIN Anderson {}", world.password("Anderson"));
    let said = world.imap("oldmail", std::slice::from_ref(&login));
    assert!(said[0].starts_with("a NO"), "{said:?}");

    let (status, said) = world.run(
        "oldmail",
        &[
            "/opt/SUNWmail/imta/sbin/hold_master",
            "-u",
            "Anderson",
            "-d",
            "siroe.com",
        ],
        "",
    );
    assert_eq!((status, world.held()), (Some(1), 2), "{said}");

    let release = "mailDeliveryOption:mailbox;mailhost:newmail.siroe.com";
    world.dirmig(&[filter.as_slice(), &[release]].concat());
    world.ok("newmail", &[&format!("{INSTANCE}/imsimta"), "dirsync"]);
    world.ok("oldmail", &["/opt/SUNWmail/sbin/imta", "dirsync"]);
    world.ok(
        "oldmail",
        &[
            "/opt/SUNWmail/imta/sbin/hold_master",
            "-u",
            "Anderson",
            "-d",
            "siroe.com",
        ],
    );
    assert_eq!(world.held(), 0);
    world.send("oldmail", "anderson@siroe.com", "after");
    for wanted in ["meanwhile", "meanwhile-new", "after"] {
        eventually(wanted, || has(&world.new_subjects("Anderson"), wanted));
    }
    let said = world.imap("oldmail", &[login, "EXAMINE INBOX".to_owned()]);
    assert!(
        said[0].starts_with("a OK"),
        "led to the new server: {said:?}"
    );
    assert!(said[1].contains("* 3 EXISTS"), "{said:?}");
}

#[test]
fn either_server_sends_mail_on_to_where_its_user_is_and_the_ledger_has_it_once() {
    let world = World::coexisting();
    world.send("newmail", "kolander@siroe.com", "by-the-new");
    world.send("oldmail", "kolander@siroe.com", "by-the-old");
    for wanted in ["by-the-new", "by-the-old"] {
        eventually(wanted, || has(&world.old_subjects("kolander"), wanted));
    }
    assert!(world.new_subjects("Kolander").is_empty());
    let ledger = std::fs::read_to_string(world.lab.dir.join("ledger.jsonl")).unwrap();
    for wanted in ["<by-the-new@x>", "<by-the-old@x>"] {
        assert_eq!(ledger.matches(wanted).count(), 1, "{wanted}");
    }
}
