//! A new lab is what its ledger says, and `imsmigrate lab …` says plainly what it cannot do.

use imsmigrate::lab::create::{Options, create};
use imsmigrate::lab::ldap::load_ldif;
use imsmigrate::lab::queue;
use imsmigrate::lab::sims::SimsStore;
use imsmigrate::lab::world::Lab;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A folder of its own; labs in it are stopped when the test is over.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imsmigrate"));
        command
            .env("IMSMIGRATE_STATE_DIR", self.path("state"))
            .arg("lab");
        command
    }

    fn lab(&self, args: &[&str]) -> Output {
        self.command().args(args).output().unwrap()
    }

    /// Runs `lab` with one of its own folders as the second argument.
    fn on(&self, what: &str, name: &str, more: &[&str]) -> Output {
        let path = self.path(name);
        self.command()
            .arg(what)
            .arg(&path)
            .args(more)
            .output()
            .unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for entry in fs::read_dir(self.0.path()).into_iter().flatten().flatten() {
            if entry.path().join("lab.toml").exists() {
                let _ = self.command().arg("stop").arg(entry.path()).output();
            }
        }
    }
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn ends(output: &Output, code: i32, says: &str) {
    assert_eq!(output.status.code(), Some(code), "{}", err(output));
    assert!(err(output).contains(says), "{}", err(output));
}

#[track_caller]
fn done(output: &Output) {
    assert!(output.status.success(), "{}", err(output));
}

fn options(users: usize, seed: u64) -> Options {
    Options {
        users,
        seed,
        ..Options::default()
    }
}

/// The audit's form of a message, written down here once more: LF that is not after CR gets one.
fn hash(message: &[u8]) -> (String, u64) {
    let mut whole = Vec::new();
    for (at, byte) in message.iter().enumerate() {
        if *byte == b'\n' && (at == 0 || message[at - 1] != b'\r') {
            whole.push(b'\r');
        }
        whole.push(*byte);
    }
    (format!("{:x}", Sha256::digest(&whole)), whole.len() as u64)
}

fn ledger(lab: &Lab, from: &str) -> Vec<Value> {
    fs::read_to_string(lab.dir.join("ledger.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["from"] == from)
        .collect()
}

/// What the ledger must say of everything in the old store.
fn stored(lab: &Lab) -> BTreeMap<String, usize> {
    let store = SimsStore::open(&lab.root(lab.host("mail").unwrap())).unwrap();
    let mut found = BTreeMap::new();
    for user in store.users().unwrap() {
        assert_eq!(user, user.to_lowercase());
        for folder in store.folders(&user).unwrap() {
            let name: String = folder
                .name
                .iter()
                .map(|b| match b {
                    b'&' if folder.name.starts_with(b"R&D") => ' ',
                    0x20..=0x7e => char::from(*b),
                    _ => ' ',
                })
                .collect();
            for message in &folder.messages {
                let (sha256, size) = hash(&store.read(message).unwrap());
                let flags = message.flags.join(" ");
                let key = format!("{user} {name} {sha256} {size} {flags} {}", message.date);
                *found.entry(key).or_default() += 1;
            }
        }
    }
    found
}

fn expected(lab: &Lab) -> BTreeMap<String, usize> {
    let mut expected = BTreeMap::new();
    for line in ledger(lab, "store") {
        let flags: Vec<&str> = line["flags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f.as_str().unwrap())
            .collect();
        let key = format!(
            "{} {} {} {} {} {}",
            line["user"].as_str().unwrap().to_lowercase(),
            line["folder"].as_str().unwrap(),
            line["sha256"].as_str().unwrap(),
            line["size"],
            flags.join(" "),
            line["internal_date"]
        );
        *expected.entry(key).or_default() += 1;
    }
    expected
}

fn check_mail(users: usize, seed: u64) -> Lab {
    let dir = TempDir::new().unwrap().keep();
    let lab = create(&dir.join("lab"), &options(users, seed)).unwrap();
    assert_eq!(stored(&lab), expected(&lab));

    let root = lab.root(lab.host("mail").unwrap());
    let queued: BTreeSet<String> = queue::list(&root.join(queue::OLD_QUEUE))
        .unwrap()
        .iter()
        .map(|file| {
            assert_eq!(file.channel, "sims-ms");
            let (envelope, message) = queue::read(&file.path).unwrap();
            assert!(!envelope.to.is_empty());
            hash(&message).0
        })
        .collect();
    let waiting = ledger(&lab, "queue");
    let promised: BTreeSet<String> = waiting
        .iter()
        .map(|line| line["sha256"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(queued, promised);
    assert!(queued.len() >= 4, "{}", queued.len());
    lab
}

fn remove(lab: &Lab) {
    fs::remove_dir_all(lab.dir.parent().unwrap()).unwrap();
}

#[test]
fn a_lab_of_three_has_every_message_of_its_ledger_and_no_other() {
    let lab = check_mail(3, 99);
    let users: BTreeSet<String> = ledger(&lab, "store")
        .iter()
        .map(|line| line["user"].as_str().unwrap().to_owned())
        .collect();
    assert!(users.contains("Anderson") && users.contains("Kolander"));
    remove(&lab);
}

#[test]
fn a_lab_of_forty_has_every_message_and_everything_that_mail_can_be() {
    let lab = check_mail(40, 7);
    let lines = ledger(&lab, "store");
    assert!(lines.len() > 400, "{}", lines.len());
    assert!(lines.iter().any(|l| l["message_id"].is_null()));
    let large = lines.iter().filter(|l| l["size"].as_u64() >= Some(1 << 20));
    assert!(large.count() >= 2);
    let flags: BTreeSet<String> = lines.iter().map(|l| l["flags"].to_string()).collect();
    for flag in ["Seen", "Answered", "Flagged", "Deleted"] {
        assert!(flags.iter().any(|f| f.contains(flag)), "{flag}");
    }
    let mut copies: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut twins: BTreeMap<String, usize> = BTreeMap::new();
    for line in &lines {
        let (user, hash) = (
            line["user"].as_str().unwrap(),
            line["sha256"].as_str().unwrap(),
        );
        copies.entry(hash).or_default().insert(user);
        let place = format!("{user} {} {hash}", line["folder"]);
        *twins.entry(place).or_default() += 1;
    }
    assert!(copies.values().any(|users| users.len() > 2), "single copy");
    assert!(twins.values().any(|n| *n == 2), "two in one folder");
    assert!(lines.iter().any(|l| l["user"] == "lucius@varrius.org"));

    // Two folders of one person end with one name: their mail is under it together.
    let store = SimsStore::open(&lab.root(lab.host("mail").unwrap())).unwrap();
    let names: Vec<Vec<u8>> = store
        .folders("kolander")
        .unwrap()
        .into_iter()
        .map(|f| f.name)
        .collect();
    for name in [&b"R&D notes"[..], b"R D notes", b"Mail/Entw\xfcrfe"] {
        assert!(names.contains(&name.to_vec()), "{names:?}");
    }
    let empty = store.users().unwrap().into_iter().filter(|user| {
        let folders = store.folders(user).unwrap();
        folders.iter().all(|f| f.messages.is_empty())
    });
    assert!(empty.count() > 0);
    remove(&lab);
}

#[test]
fn what_is_private_is_for_the_owner_only() {
    let place = Place::new();
    let dir = place.path("lab");
    create(&dir, &options(3, 1)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for name in [
        "lab.toml",
        "site.toml",
        "secrets.toml",
        "accounts.jsonl",
        "ledger.jsonl",
        "drills.toml",
    ] {
        assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
    }
    let ldif = "hosts/mail/usr/netscape/server4/slapd-mail/ldif/siroe.ldif";
    assert_eq!(mode(&dir.join(ldif)), 0o600);
    let tool = "hosts/mail/opt/SUNWmail/sbin/imta";
    assert_eq!(mode(&dir.join(tool)), 0o755);
}

/// What the guide's step 2 does: old definitions out, merged ones in.
fn merge_schema(lab: &Lab) -> PathBuf {
    let root = lab.root(lab.host("mail").unwrap());
    let slapd = root.join("usr/netscape/server4/slapd-mail");
    let config = slapd.join("config");
    let old = fs::read_to_string(config.join("ns-schema.conf")).unwrap();
    assert_eq!(old.matches("\ninclude").count(), 2);
    let without = old.replace("\ninclude", "\n#include");
    fs::write(config.join("ns-schema.conf"), without).unwrap();
    let include =
        |name: &str| format!("include \"/usr/netscape/server4/slapd-mail/config/{name}\"\n");
    let mut both = include("ns-schema.conf");
    for name in ["merged.at.conf", "merged.oc.conf"] {
        let cd = root.join("cdrom/iplanet/solaris/migrate/schema").join(name);
        fs::copy(cd, config.join(name)).unwrap();
        both.push_str(&include(name));
    }
    let conf = fs::read_to_string(config.join("slapd.conf")).unwrap();
    assert!(conf.contains(&include("ns-schema.conf")));
    let conf = conf.replace(&include("ns-schema.conf"), &both);
    fs::write(config.join("slapd.conf"), conf).unwrap();
    slapd
}

const UPGRADED: &str = "\ndn: uid=fanning,ou=People,dc=siroe,dc=com,o=internet
objectClass: top
objectClass: person
objectClass: organizationalPerson
objectClass: inetOrgPerson
objectClass: inetUser
objectClass: ipUser
objectClass: userPresenceProfile
objectClass: inetMailUser
objectClass: inetLocalMailRecipient
objectClass: nsManagedPerson
objectClass: inetSubscriber
objectClass: inetMailRouting
cn: Fanning
sn: Fanning
uid: fanning
mail: fanning@siroe.com
rfc822MailAlias: f@siroe.com
mailAlternateAddress: f@siroe.com
mailHost: mail.siroe.com
mailDeliveryOption: mailbox
inetSubscriberStatus: active
inetUserStatus: active
mailUserStatus: active
mailQuota: -1
mailMsgQuota: 100
mailAllowedServiceAccess: +imap:ALL
vacationStartDate: 20020201080000Z
inetMailUserVersion: 1.0

dn: cn=upgraded,ou=Groups,dc=siroe,dc=com,o=internet
objectClass: top
objectClass: groupOfUniqueNames
objectClass: inetMailGroup
objectClass: inetLocalMailRecipient
objectClass: inetMailGroupManagement
objectClass: nsManagedMailList
objectClass: inetMailRouting
cn: upgraded
mail: upgraded@siroe.com
mailHost: mail.siroe.com
mgrpRFC822MailMember: x@stockade.net
mgmanMemberVisibility: none
mgrpAllowedDomain: siroe.com

dn: dc=new,dc=com,o=internet
objectClass: top
objectClass: domain
objectClass: inetDomain
objectClass: mailDomain
objectClass: nsManagedDomain
dc: new
mailHosts: mail.siroe.com
mailRoutingHosts: mail.siroe.com
preferredMailHost: mail.siroe.com
inetDomainBaseDN: dc=new,dc=com,o=internet
inetDomainStatus: active
mailDomainStatus: active
";

#[test]
fn the_directory_takes_old_entries_at_first_and_both_kinds_with_the_merged_schema() {
    let place = Place::new();
    let lab = create(&place.path("lab"), &options(30, 1)).unwrap();
    let root = lab.root(lab.host("mail").unwrap());
    let slapd = root.join("usr/netscape/server4/slapd-mail");
    let old = fs::read_to_string(slapd.join("ldif/siroe.ldif")).unwrap();
    let both = format!("{old}{UPGRADED}");
    let before = load_ldif(&slapd, &root, old.as_bytes()).unwrap();
    let refused = load_ldif(&slapd, &root, both.as_bytes()).unwrap_err();
    assert!(
        refused.to_string().contains("unknown object class"),
        "{refused}"
    );

    merge_schema(&lab);
    let after = load_ldif(&slapd, &root, both.as_bytes()).unwrap();
    assert_eq!(after, before + 3);
}

#[test]
fn a_lab_is_made_and_started_listed_moved_and_removed() {
    let place = Place::new();
    let made = place.on("create", "lab", &["--users", "3", "--json"]);
    done(&made);
    let status: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(status["running"], true);
    assert!(status["ldap"]["port"].as_u64() > Some(1024));
    assert_eq!(status["hosts"][0]["name"], "mail");
    assert!(out(&place.lab(&["list"])).contains("running"));
    ends(&place.on("start", "lab", &[]), 0, "runs already");
    done(&place.on("stop", "lab", &[]));
    ends(&place.on("stop", "lab", &[]), 0, "did not run");

    // A lab may be moved while it is stopped: its commands and its site follow at the next start.
    fs::rename(place.path("lab"), place.path("moved")).unwrap();
    done(&place.on("start", "moved", &[]));
    let script = "hosts/mail/opt/SUNWmail/sbin/imta";
    let script = fs::read_to_string(place.path("moved").join(script)).unwrap();
    let site = fs::read_to_string(place.path("moved").join("site.toml")).unwrap();
    for text in [script, site] {
        assert!(
            text.contains(place.path("moved").to_str().unwrap()),
            "{text}"
        );
    }
    let labs: Value = serde_json::from_slice(&place.lab(&["list", "--json"]).stdout).unwrap();
    assert_eq!(labs["labs"].as_array().unwrap().len(), 1);

    done(&place.on("remove", "moved", &[]));
    assert!(!place.path("moved").exists());
    let none = place.lab(&["list"]);
    ends(&none, 0, "there are no labs");
    assert_eq!(out(&none), "");
}

#[test]
fn what_cannot_be_done_is_said_with_the_place_and_what_next() {
    let place = Place::new();
    let nowhere = place.path("nowhere");
    for what in ["start", "stop", "status", "audit", "remove"] {
        let said = place.on(what, "nowhere", &[]);
        ends(&said, 1, "is not a lab");
        assert!(err(&said).starts_with("error: "), "{}", err(&said));
        assert!(err(&said).contains(nowhere.to_str().unwrap()));
    }
    fs::create_dir(place.path("full")).unwrap();
    fs::write(place.path("full/mine"), "x").unwrap();
    ends(&place.on("create", "full", &[]), 1, "is not empty");
    ends(&place.on("remove", "full", &[]), 1, "is not a lab");
    assert!(place.path("full/mine").exists());
    let file = place.on("create", "full/mine", &[]);
    assert_eq!(file.status.code(), Some(1), "{}", err(&file));

    let other = place.on("create", "new", &["--scenario", "sims-nowhere"]);
    ends(&other, 2, "not for `sims-nowhere`");
    ends(&place.on("create", "new", &["--users", "0"]), 2, "users");
    ends(&place.on("create", "new", &["--users", "many"]), 2, "many");
    assert!(!place.path("new").exists());

    fs::create_dir(place.path("broken")).unwrap();
    fs::write(place.path("broken/lab.toml"), "version = \"x\n").unwrap();
    ends(&place.on("status", "broken", &[]), 2, "lab.toml");
    fs::remove_file(place.path("broken/lab.toml")).unwrap();
}

#[test]
fn a_command_on_a_host_keeps_its_streams_its_folder_and_its_exit_status() {
    let place = Place::new();
    done(&place.on("create", "lab", &["--users", "3"]));
    let run = |argv: &[&str]| place.on("exec", "lab", &[&["mail"], argv].concat());
    let shell = run(&[
        "/bin/sh",
        "-c",
        "pwd; cat \"$1\" >&2; exit 7",
        "-",
        "/etc/opt/SUNWmail/ims/ims.cnf",
    ]);
    ends(&shell, 7, "ims-user-root: /var/opt/SUNWmail/ims/user");
    assert!(out(&shell).trim_end().ends_with("/lab/hosts/mail"));
    ends(&run(&["/opt/nothing"]), 127, "no such command on `mail`");
    ends(&run(&["nothing-of-that-name"]), 127, "no such command");
    ends(
        &run(&["/etc/opt/SUNWmail/ims/ims.cnf"]),
        126,
        "cannot be run",
    );
    ends(
        &place.on("exec", "lab", &["mars", "ls"]),
        1,
        "no host `mars`; it has mail",
    );

    let direct = place.path("lab/hosts/mail/opt/SUNWmail/sbin/imbackup");
    let direct = Command::new(direct).args(["-n", "-f-"]).output().unwrap();
    let through = run(&["/opt/SUNWmail/sbin/imbackup", "-n", "-f-"]);
    assert_eq!(direct, through);
    done(&through);
    let unknown = run(&["/opt/SUNWmail/sbin/imbackup", "-Z"]);
    assert_ne!(unknown.status.code(), Some(0));
}

#[test]
fn a_person_can_type_what_the_guide_says_at_a_hosts_prompt() {
    let place = Place::new();
    create(&place.path("lab"), &options(3, 1)).unwrap();
    let mut shell = place
        .command()
        .arg("shell")
        .arg(place.path("lab"))
        .arg("mail")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let typed =
        b"cd /opt/SUNWmail/sbin\nls imbackup\n\ncat < /dev/rmt/0\ncd /nowhere\nexit 3\nls\n";
    std::io::Write::write_all(&mut shell.stdin.take().unwrap(), typed).unwrap();
    let said = shell.wait_with_output().unwrap();
    assert_eq!(out(&said), "imbackup\n");
    ends(&said, 3, "/nowhere: does not exist");

    let one = place.on("shell", "lab", &["mail", "--", "ls", "/opt/SUNWmail"]);
    assert_eq!(out(&one), "ims\nimta\nsbin\n");
}

#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    let place = Place::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = place
        .command()
        .arg("drills")
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    done(&ended);
    assert_eq!(err(&ended), "");
}
