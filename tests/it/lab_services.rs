//! What runs on a lab's hosts, driven as an operator drives it: by the vendor's commands at the
//! vendor's paths, by SMTP, IMAP and POP.

mod installer;

use imsmigrate::lab::create::{Options, create};
use imsmigrate::lab::ims::ImsStore;
use imsmigrate::lab::queue::{self, Envelope, HOLD, OLD_LOCAL, OLD_QUEUE, State};
use imsmigrate::lab::world::Lab;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const IMTA: &str = "/opt/SUNWmail/sbin/imta";
const IM_SERVER: &str = "/opt/SUNWmail/sbin/im.server";
const SETUP: &str = "/cdrom/iplanet/setup";
const INSTANCE: &str = "/usr/iplanet/server5/msg-mail";
const CONFIGUTIL: &str = "/usr/iplanet/server5/msg-mail/configutil";
const SLAPD: &str = "/usr/netscape/server4/slapd-mail";

/// The installer's answers: all defaults but the port and the password.
const ANSWERS: &str = "\n\n\n\n390\n\n\ncfg-secret\ncfg-secret\n\n\n\n";

/// A running lab, stopped at the end.
struct World {
    lab: Lab,
    _folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let options = Options {
            users: 8,
            seed: 3,
            ..Options::default()
        };
        let lab = create(&folder.path().join("lab"), &options).unwrap();
        let world = Self {
            lab,
            _folder: folder,
        };
        let started = world.imsmigrate(&["lab", "start"]);
        assert!(started.status.success(), "{}", err(&started));
        world
    }

    /// A lab with the new server installed and stopped, its directory the site's.
    fn installed() -> Self {
        let world = Self::new();
        world.ok(IM_SERVER, &["stop"]);
        let setup = world.talk(SETUP, &[], ANSWERS);
        assert!(setup.status.success(), "{}{}", out(&setup), err(&setup));
        world.ok(&format!("{INSTANCE}/stop-msg"), &[]);
        for (name, value) in [
            ("local.ugldapbasedn", "o=internet"),
            ("local.ugldapbinddn", "cn=Directory Manager"),
            ("local.ugldapbindcred", &world.secret()),
            ("local.ugldapdeforgdn", "dc=siroe,dc=com,o=internet"),
            ("local.ugldaphost", "mail.siroe.com"),
            ("local.ugldapport", "389"),
        ] {
            world.ok(CONFIGUTIL, &["-o", name, "-v", value]);
        }
        world
    }

    /// Has the directory upgraded to the new schema.
    fn upgraded(&self) {
        let config = self.real(&format!("{SLAPD}/config"));
        let schema = self.real("/cdrom/iplanet/solaris/migrate/schema");
        let mut includes = String::new();
        for name in ["merged.at.conf", "merged.oc.conf"] {
            fs::copy(schema.join(name), config.join(name)).unwrap();
            let line = format!("include \"{SLAPD}/config/{name}\"\n");
            includes.push_str(&line);
        }
        fs::write(config.join("ns-schema.conf"), includes).unwrap();
        self.ok(&format!("{SLAPD}/restart-slapd"), &[]);
        let imsdirmig = "/usr/iplanet/server5/bin/msg/migrate/bin/imsdirmig";
        let secret = self.secret();
        for what in ["domains", "both"] {
            let args = [
                "-h",
                "mail.siroe.com",
                "-b",
                "o=internet",
                "-M",
                "sims",
                "-D",
                "cn=Directory Manager",
                "-w",
                &secret,
                "-m",
                what,
            ];
            self.ok(imsdirmig, &args);
        }
    }

    fn imsmigrate(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_imsmigrate"))
            .args(words)
            .arg(&self.lab.dir)
            .output()
            .unwrap()
    }

    fn real(&self, path: &str) -> PathBuf {
        let host = self.lab.host("mail").unwrap();
        self.lab.root(host).join(path.trim_start_matches('/'))
    }

    fn run(&self, path: &str, args: &[&str]) -> Output {
        self.talk(path, args, "")
    }

    fn talk(&self, path: &str, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(self.real(path))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read all has its reasons.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    #[track_caller]
    fn ok(&self, path: &str, args: &[&str]) -> String {
        let output = self.run(path, args);
        assert!(output.status.success(), "{path} {args:?}: {}", err(&output));
        out(&output)
    }

    #[track_caller]
    fn fails(&self, path: &str, args: &[&str], says: &str) {
        let output = self.run(path, args);
        assert!(
            !output.status.success(),
            "{path} {args:?}: {}",
            out(&output)
        );
        assert!(err(&output).contains(says), "{path}: {}", err(&output));
    }

    fn secret(&self) -> String {
        let text = fs::read_to_string(self.lab.dir.join("secrets.toml")).unwrap();
        let secrets: toml::Table = text.parse().unwrap();
        secrets["directory"].as_str().unwrap().to_owned()
    }

    fn account(&self, user: &str) -> (String, String) {
        let text = fs::read_to_string(self.lab.dir.join("accounts.jsonl")).unwrap();
        let account = text
            .lines()
            .map(|l| serde_json::from_str::<Value>(l).unwrap())
            .find(|a| a["user"] == user)
            .unwrap();
        let field = |name: &str| account[name].as_str().unwrap().to_owned();
        (field("mail"), field("password"))
    }

    fn old_queue(&self) -> PathBuf {
        self.real(OLD_QUEUE)
    }

    /// How many messages of a channel are in the old queue.
    fn queued(&self, channel: &str) -> usize {
        let listed = queue::list(&self.old_queue()).unwrap();
        listed.iter().filter(|q| q.channel == channel).count()
    }

    /// The first number of the Stored row of a channel.
    fn stored(&self, channel: &str) -> i64 {
        let table = self.ok(IMTA, &["qm", "counters"]);
        let mut lines = table.lines().skip_while(|l| *l != channel);
        let row = lines
            .find(|l| l.trim_start().starts_with("Stored"))
            .unwrap();
        row.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn connect(&self, port: u16) -> std::io::Result<Session> {
        let host = self.lab.host("mail").unwrap();
        let address = SocketAddr::from((host.address, self.lab.port(port)));
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Session(BufReader::new(stream)))
    }

    /// Sends a message; returns the last answer.
    fn send(&self, to: &str, subject: &str) -> String {
        let mut smtp = self.connect(25).unwrap();
        smtp.line();
        smtp.say("EHLO test");
        while smtp.line().as_bytes()[3] == b'-' {}
        smtp.ask("MAIL FROM:<test@else.example>");
        let answer = smtp.ask(&format!("RCPT TO:<{to}>"));
        if !answer.starts_with("250") {
            return answer;
        }
        smtp.ask("DATA");
        smtp.ask(&format!("Subject: {subject}\r\n\r\nhi\r\n."))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.imsmigrate(&["lab", "stop"]);
    }
}

/// A conversation, line by line.
struct Session(BufReader<TcpStream>);

impl Session {
    fn say(&mut self, line: &str) {
        self.0
            .get_mut()
            .write_all(format!("{line}\r\n").as_bytes())
            .unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    fn ask(&mut self, line: &str) -> String {
        self.say(line);
        self.line()
    }

    /// Asks over IMAP; returns everything up to and with the tagged answer.
    fn imap(&mut self, command: &str) -> String {
        self.say(&format!("t {command}"));
        let mut all = String::new();
        loop {
            let line = self.line();
            let last = line.starts_with("t ") || line.is_empty();
            all += &line;
            if last {
                return all;
            }
        }
    }
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::yield_now();
    }
}

fn put(queue_folder: &Path, channel: &str, to: &str, state: State) {
    let envelope = Envelope {
        from: "x@else.example".to_owned(),
        to: vec![to.to_owned()],
        arrived: 1_013_700_000,
        hops: 0,
    };
    queue::enqueue(
        queue_folder,
        channel,
        &envelope,
        b"Subject: p\r\n\r\np\r\n",
        state,
    )
    .unwrap();
}

#[test]
fn the_queue_drains_when_the_dispatcher_is_stopped_and_held_mail_stays() {
    let world = World::new();
    let before = world.queued(OLD_LOCAL);
    assert!(before > 0);
    put(&world.old_queue(), HOLD, "Anderson@siroe.com", State::Held);
    world.ok(IMTA, &["stop", "dispatcher"]);
    assert!(world.connect(25).is_err());
    let process = world.ok(IMTA, &["process"]);
    assert!(
        process.contains("/lib/job_controller") && !process.contains("dispatcher"),
        "{process}"
    );
    wait_until("the queue is empty", || world.queued(OLD_LOCAL) == 0);
    wait_until("the counters have noticed", || world.stored(OLD_LOCAL) == 0);
    let held = world.ok(IMTA, &["qm", "directory", "-held"]);
    assert_eq!(held.matches(".HELD").count(), 1, "{held}");
    assert_eq!(world.stored(HOLD), 1);
}

#[test]
fn without_the_job_controller_nothing_drains_and_the_counters_do_not_know() {
    let world = World::new();
    world.ok(IMTA, &["stop", "job_controller"]);
    let before = world.queued(OLD_LOCAL);
    let counted = world.stored(OLD_LOCAL);
    let (mail, _) = world.account("Anderson");
    assert!(world.send(&mail, "one more").starts_with("250"));
    world.ok(IMTA, &["stop", "dispatcher"]);
    assert_eq!(world.queued(OLD_LOCAL), before + 1);
    assert_eq!(world.stored(OLD_LOCAL), counted, "nobody counted");
    let tree = world.ok(IMTA, &["qm", "directory"]);
    assert_eq!(tree.matches(".00 ").count(), before + 1, "{tree}");
    let ledger = fs::read_to_string(world.lab.dir.join("ledger.jsonl")).unwrap();
    let last: Value = serde_json::from_str(ledger.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["user"], &last["from"]),
        (&"Anderson".into(), &"traffic".into())
    );
}

#[test]
fn counters_cleared_in_mid_stream_go_below_zero_and_vanish_with_the_server() {
    let world = World::new();
    world.ok(IMTA, &["qm", "counters", "clear"]);
    world.ok(IMTA, &["stop", "dispatcher"]);
    wait_until("the queue is empty", || world.queued(OLD_LOCAL) == 0);
    wait_until("the counters are negative", || world.stored(OLD_LOCAL) < 0);
    world.ok(IM_SERVER, &["stop"]);
    let table = world.ok(IMTA, &["qm", "counters"]);
    assert_eq!(table.lines().count(), 2, "{table}");
    for port in [25, 110, 143] {
        assert!(world.connect(port).is_err(), "{port}");
    }
    assert!(
        world.connect(389).is_ok(),
        "im.server leaves the directory alone"
    );
}

#[test]
fn a_user_reads_the_old_mailbox_over_imap_and_pop_and_nobody_else_does() {
    let world = World::new();
    let (_, password) = world.account("Anderson");
    let mut imap = world.connect(143).unwrap();
    imap.line();
    assert!(imap.imap("LOGIN Anderson wrong").starts_with("t NO"));
    assert!(
        imap.imap(&format!("LOGIN Anderson {password}"))
            .starts_with("t OK")
    );
    let status = imap.imap("STATUS INBOX (MESSAGES)");
    let count: usize = status
        .split("MESSAGES ")
        .nth(1)
        .unwrap()
        .split(')')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let mut pop = world.connect(110).unwrap();
    pop.line();
    pop.ask("USER Anderson");
    assert!(pop.ask(&format!("PASS {password}")).starts_with("+OK"));
    assert!(pop.ask("STAT").starts_with(&format!("+OK {count} ")));
    assert!(count > 0);
}

#[test]
fn a_power_cut_takes_what_was_not_synced_and_the_lab_comes_back_as_it_was() {
    let world = World::installed();
    let instance = world.real(INSTANCE);
    world.ok(CONFIGUTIL, &["-o", "local.store.synclevel", "-v", "-1"]);
    world.ok(&format!("{INSTANCE}/start-msg"), &["store"]);
    let append = |text: &[u8]| {
        let store = ImsStore::open(&instance).unwrap();
        store.append("x", "INBOX", text, &[], 1).unwrap();
    };
    append(b"safe");
    world.ok(CONFIGUTIL, &["-o", "local.store.synclevel", "-v", "0"]);
    world.ok(&format!("{INSTANCE}/stop-msg"), &["store"]);
    world.ok(&format!("{INSTANCE}/start-msg"), &["store"]);
    append(b"gone");
    let status = world.imsmigrate(&["lab", "status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    let pid = i32::try_from(status["pid"].as_i64().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    wait_until("the power is cut", || world.connect(389).is_err());
    let started = world.imsmigrate(&["lab", "start"]);
    assert!(started.status.success(), "{}", err(&started));
    assert!(world.ok("/usr/bin/ps", &["-ef"]).contains("stored"));
    let store = ImsStore::open(&instance).unwrap();
    let left = store.messages("x", "INBOX").unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(store.read("x", "INBOX", left[0].n).unwrap(), b"safe");
}

#[test]
fn the_old_server_cannot_come_back_while_the_new_one_has_its_ports() {
    let world = World::installed();
    world.ok(&format!("{INSTANCE}/start-msg"), &[]);
    world.fails(IM_SERVER, &["start"], "port 25 is in use by ims-dispatcher");
    world.ok(&format!("{INSTANCE}/stop-msg"), &["smtp"]);
    world.ok(IMTA, &["start", "dispatcher"]);
    world.fails(
        &format!("{INSTANCE}/start-msg"),
        &["smtp"],
        "port 25 is in use by sims-dispatcher",
    );
}

#[test]
fn the_new_server_knows_people_after_dirsync_and_relays_only_for_those_it_is_told() {
    let world = World::installed();
    world.upgraded();
    let (mail, password) = world.account("Anderson");
    world.ok(&format!("{INSTANCE}/start-msg"), &[]);
    assert!(world.send(&mail, "too early").starts_with("550 5.1.1"));
    world.ok(&format!("{INSTANCE}/imsimta"), &["dirsync", "-F"]);
    assert!(
        world
            .send("far@away.example", "no")
            .starts_with("550 5.7.1")
    );
    let mappings = world.real(&format!("{INSTANCE}/imta/config/mappings"));
    fs::write(&mappings, "INTERNAL_IP\n\n  $(127.0.0.0/8)  $Y\n  *  $N\n").unwrap();
    world.ok(&format!("{INSTANCE}/imsimta"), &["restart", "dispatcher"]);
    assert!(world.send("far@away.example", "yes").starts_with("250"));
    assert!(world.send(&mail, "hello").starts_with("250"));
    let process = world.ok(&format!("{INSTANCE}/imsimta"), &["process"]);
    assert!(process.contains("tcp_smtp_server"), "{process}");
    let store = ImsStore::open(&world.real(INSTANCE)).unwrap();
    wait_until("the message is delivered", || {
        store.messages("Anderson", "INBOX").unwrap().len() == 1
    });
    store.append("anderson", "INBOX", b"lost", &[], 1).unwrap();
    let mut imap = world.connect(143).unwrap();
    imap.line();
    assert!(
        imap.imap(&format!("LOGIN anderson {password}"))
            .starts_with("t OK")
    );
    let fetched = imap.imap("EXAMINE INBOX") + &imap.imap("FETCH 1:* BODY.PEEK[]");
    assert!(
        fetched.contains("Subject: hello") && !fetched.contains("lost"),
        "{fetched}"
    );
}

#[test]
fn df_tells_the_disk_that_a_drill_sets() {
    let world = World::new();
    let kilobytes = |text: &str| {
        let line = text.lines().nth(1).unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    assert!(kilobytes(&world.ok("/usr/sbin/df", &["-k", "/var/opt"])) > 1000);
    fs::write(world.lab.dir.join("drills.toml"), "disk-kb = 4242\n").unwrap();
    assert_eq!(kilobytes(&world.ok("/usr/sbin/df", &["-k"])), 4242);
    world.fails("/usr/sbin/df", &["-k", "/nowhere"], "No such file");
}
