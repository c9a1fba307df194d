//! The vendor commands that move mail and upgrade the directory, as processes in a lab.

mod restores;

use imsmigrate::lab::ldap::client::{Client, Scope};
use imsmigrate::lab::sims::SimsStore;
use imsmigrate::lab::world::Lab;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_imsmigrate");
const SERVER: &str = "/usr/iplanet/server5";
const MANAGER: &str = "cn=Directory Manager";

/// A lab of its own, stopped when the test is over.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(users: u32, seed: u32) -> Self {
        let place = Self {
            folder: TempDir::new().unwrap(),
        };
        let (users, seed) = (users.to_string(), seed.to_string());
        place.ok(&["create"], &["--users", &users, "--seed", &seed]);
        place
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("lab")
    }

    fn lab(&self) -> Lab {
        Lab::open(&self.dir()).unwrap()
    }

    fn root(&self) -> PathBuf {
        self.dir().join("hosts/mail")
    }

    fn command(&self, before: &[&str], after: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .env("IMSMIGRATE_STATE_DIR", self.folder.path().join("state"))
            .arg("lab")
            .args(before)
            .arg(self.dir())
            .args(after)
            .stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn ok(&self, before: &[&str], after: &[&str]) {
        let output = self.command(before, after).output().unwrap();
        assert!(output.status.success(), "{}", shown(&output));
    }

    /// A vendor command of the host, also one that only the installer puts there.
    fn tool(&self, path: &str, args: &[&str]) -> Command {
        self.command(&["tool"], &[&["mail", path], args].concat())
    }

    fn run(&self, path: &str, args: &[&str]) -> Output {
        self.tool(path, args).output().unwrap()
    }

    fn start(&self) {
        self.ok(&["start"], &[]);
    }

    fn stop(&self) {
        self.ok(&["stop"], &[]);
    }

    /// Puts the merged schema in, as the guide's appendix B has it; the directory starts with it.
    fn merge_schema(&self) {
        self.stop();
        let config = self.root().join("usr/netscape/server4/slapd-mail/config");
        let cd = self.root().join("cdrom/iplanet/solaris/migrate/schema");
        for file in ["merged.at.conf", "merged.oc.conf"] {
            fs::copy(cd.join(file), config.join(file)).unwrap();
        }
        let edit = |file: &str, change: &dyn Fn(&str) -> String| {
            let path = config.join(file);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, change(&text)).unwrap();
        };
        edit("ns-schema.conf", &|text| {
            text.replace("include", "#include")
        });
        edit("slapd.conf", &|text| {
            let (before, after) = text.split_once("userat").unwrap();
            let include =
                |file| format!("include \"/usr/netscape/server4/slapd-mail/config/{file}\"\n");
            format!(
                "{before}{}{}userat{after}",
                include("merged.at.conf"),
                include("merged.oc.conf")
            )
        });
        self.start();
    }

    fn password(&self) -> String {
        let text = fs::read_to_string(self.dir().join("secrets.toml")).unwrap();
        let secrets: toml::Table = text.parse().unwrap();
        secrets["directory"].as_str().unwrap().to_owned()
    }

    fn client(&self) -> Client {
        let mut client = Client::connect(&self.lab(), "mail", 389).unwrap();
        client.bind(MANAGER, &self.password()).unwrap();
        client
    }

    fn count(&self, filter: &str) -> usize {
        self.client()
            .search("o=internet", Scope::Subtree, filter, &["objectClass"])
            .unwrap()
            .len()
    }

    fn imsdirmig(&self, more: &[&str]) -> Output {
        let password = self.password();
        let guide = [
            "-h",
            "mail.siroe.com",
            "-b",
            "o=internet",
            "-M",
            "sims",
            "-D",
            MANAGER,
            "-w",
            &password,
        ];
        let path = format!("{SERVER}/bin/msg/migrate/bin/imsdirmig");
        self.run(&path, &[&guide[..], more].concat())
    }

    /// What `configutil` would have written, for commands that read it.
    fn configure(&self, values: &[(&str, &str)]) {
        let config = self.root().join("usr/iplanet/server5/msg-mail/config");
        fs::create_dir_all(&config).unwrap();
        let lines: Vec<String> = values
            .iter()
            .map(|(name, value)| format!("{name} = {value}\n"))
            .collect();
        fs::write(config.join("local.conf"), lines.concat()).unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.command(&["stop"], &[]).output();
    }
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn shown(output: &Output) -> String {
    format!("{}\n{}\n{}", output.status, out(output), err(output))
}

const IMBACKUP: &str = "/opt/SUNWmail/sbin/imbackup";
const IMSRESTORE: &str = "/usr/iplanet/server5/bin/msg/store/bin/imsrestore";

#[test]
fn a_tape_lists_every_folder_of_the_old_store_with_the_right_counts() {
    let place = Place::new(6, 11);
    let saved = place.run(IMBACKUP, &["-f", "/dev/rmt/0"]);
    assert!(saved.status.success(), "{}", shown(&saved));
    let tape = fs::metadata(place.root().join("dev/rmt/0")).unwrap();
    assert_eq!(tape.len() % 10240, 0);
    let table = place.run(IMSRESTORE, &["-f", "/dev/rmt/0", "-t"]);
    assert!(table.status.success(), "{}", shown(&table));
    let store = SimsStore::open(&place.root()).unwrap();
    let mut expected = Vec::new();
    for user in store.users().unwrap() {
        for folder in store.folders(&user).unwrap() {
            let bytes: u64 = folder.messages.iter().map(|m| m.size).sum();
            expected.push((user.clone(), folder.messages.len() as u64, bytes));
        }
    }
    let listed: Vec<(String, u64, u64)> = out(&table)
        .lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            let mut number = || words.next().unwrap().parse().unwrap();
            let (messages, bytes) = (number(), number());
            let name = line.split_once(" user/").unwrap().1;
            let user = name.split_once('/').unwrap().0;
            (user.to_owned(), messages, bytes)
        })
        .collect();
    assert_eq!(listed, expected);
}

#[test]
fn a_stream_is_nothing_but_data_and_unknown_users_are_named_beside_it() {
    let place = Place::new(4, 12);
    let list = place.root().join("tmp/users");
    fs::write(&list, "anderson\nnobody\nkolander\n").unwrap();
    let saved = place.run(IMBACKUP, &["-f-", "-u", "/tmp/users"]);
    assert!(saved.status.success(), "{}", shown(&saved));
    assert!(
        err(&saved).contains("unknown user nobody"),
        "{}",
        err(&saved)
    );
    assert_eq!(saved.stdout.len() % 10240, 0);
    fs::write(place.root().join("tmp/stream"), &saved.stdout).unwrap();
    let table = place.run(IMSRESTORE, &["-f/tmp/stream", "-t"]);
    let users: Vec<String> = out(&table)
        .lines()
        .map(|line| line.split('/').nth(1).unwrap().to_owned())
        .collect();
    assert!(
        users.iter().all(|u| u == "anderson" || u == "kolander"),
        "{users:?}"
    );
    let other = place.run(IMSRESTORE, &["-f", "/tmp/stream", "-b", "10", "-t"]);
    assert_eq!(other.status.code(), Some(1));
    assert!(err(&other).contains("block size"), "{}", err(&other));
    let refused = place.run(IMBACKUP, &["-f-", "-b", "0"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(refused.stdout.is_empty());
}

#[test]
fn a_backup_whose_reader_goes_away_fails() {
    let place = Place::new(4, 13);
    let mut backup = place
        .tool(IMBACKUP, &["-f-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = backup.stdout.take().unwrap();
    let mut first = [0; 512];
    pipe.read_exact(&mut first).unwrap();
    drop(pipe);
    let done = backup.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(1), "{}", shown(&done));
    assert!(err(&done).contains("write error"), "{}", err(&done));
}

#[test]
fn without_stored_nothing_is_restored_and_nothing_listed() {
    let place = Place::new(2, 14);
    place.run(IMBACKUP, &["-f", "/dev/rmt/0"]);
    place.configure(&[]);
    let refused = place.run(IMSRESTORE, &["-f", "/dev/rmt/0", "-cy"]);
    assert_eq!(refused.status.code(), Some(1), "{}", shown(&refused));
    assert!(err(&refused).contains("stored is not running"));
    let mboxutil = format!("{SERVER}/bin/msg/admin/bin/mboxutil");
    let listed = place.run(&mboxutil, &["-l"]);
    assert_eq!(listed.status.code(), Some(1));
    assert!(listed.stdout.is_empty());
}

#[test]
fn quotas_are_the_directorys_and_sizes_the_stores() {
    let place = Place::new(6, 15);
    let quotacheck = "/opt/SUNWmail/sbin/imquotacheck";
    place.stop();
    let down = place.run(quotacheck, &["-v", "-n"]);
    assert_eq!(down.status.code(), Some(1), "{}", shown(&down));
    place.start();
    let listed = place.run(quotacheck, &["-v", "-n"]);
    assert!(listed.status.success(), "{}", shown(&listed));
    let store = SimsStore::open(&place.root()).unwrap();
    let users = store.users().unwrap();
    let text = out(&listed);
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(lines.len(), users.len());
    for (line, user) in lines.iter().zip(&users) {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[0], user);
        assert_eq!(words[2], store.usage(user).unwrap().to_string());
        assert!(words[1] == "-" || words[1].parse::<u64>().is_ok(), "{line}");
    }
    let one = place.run(quotacheck, &["-v", "-n", "-u", "anderson"]);
    assert_eq!(out(&one).lines().count(), 2);
}

#[test]
fn imsdirmig_fails_without_the_merged_schema_and_upgrades_all_with_it() {
    let place = Place::new(12, 16);
    let upgraded = "(&(objectClass=inetLocalMailRecipient)(objectClass=inetMailUser))";
    let early = place.imsdirmig(&["-m", "both"]);
    assert_eq!(early.status.code(), Some(1), "{}", shown(&early));
    assert_eq!(
        err(&early).lines().count(),
        1,
        "stops at the first: {}",
        err(&early)
    );
    assert!(err(&early).contains("(65)"), "{}", err(&early));
    assert_eq!(place.count(upgraded), 0);

    place.merge_schema();
    let dry = place.imsdirmig(&["-m", "both", "-n"]);
    assert!(dry.status.success(), "{}", shown(&dry));
    assert_eq!(place.count(upgraded), 0);
    for kind in ["domains", "both"] {
        let done = place.imsdirmig(&["-m", kind]);
        assert!(done.status.success(), "{}", shown(&done));
    }
    let users = place.count("(objectClass=inetMailUser)");
    assert!(users >= 12);
    assert_eq!(place.count(upgraded), users);
    assert_eq!(
        place.count("(objectClass=mailDomain)"),
        place.count("(inetDomainBaseDN=*)")
    );
    let groups = place.count("(objectClass=inetMailGroup)");
    assert_eq!(
        place.count("(&(objectClass=inetMailGroup)(objectClass=nsManagedMailList))"),
        groups
    );
    let hold = place.imsdirmig(&[
        "-m",
        "users",
        "-F",
        "(uid=anderson)",
        "-O",
        "-A",
        "mailDeliveryOption:hold;mailFolderMap:LOCK",
    ]);
    assert!(hold.status.success(), "{}", shown(&hold));
    assert_eq!(
        place.count("(&(mailDeliveryOption=hold)(mailFolderMap=LOCK))"),
        1
    );
    let wrong = place.run(
        &format!("{SERVER}/bin/msg/migrate/bin/imsdirmig"),
        &[
            "-b",
            "o=internet",
            "-M",
            "sims",
            "-D",
            MANAGER,
            "-w",
            "wrong",
        ],
    );
    assert_eq!(wrong.status.code(), Some(1));
    assert!(err(&wrong).contains("cannot bind"), "{}", err(&wrong));
}

#[test]
fn dirsync_knows_upgraded_users_only_and_a_wrong_base_is_silent() {
    let place = Place::new(6, 17);
    place.merge_schema();
    let password = place.password();
    let imsimta = format!("{SERVER}/msg-mail/imsimta");
    let configure = |base: &str, password: &str| {
        place.configure(&[
            ("local.ugldapbasedn", base),
            ("local.ugldapbinddn", MANAGER),
            ("local.ugldapbindcred", password),
            ("local.ugldapdeforgdn", "dc=siroe,dc=com,o=internet"),
            ("local.ugldaphost", "mail.siroe.com"),
        ]);
    };
    let channel = || {
        let test = place.run(&imsimta, &["test", "-rewrite", "anderson@siroe.com"]);
        assert!(test.status.success(), "{}", shown(&test));
        out(&test).contains("\n  ims-ms\n    Anderson@ims-ms-daemon")
    };
    configure("o=internet", &password);
    let early = place.run(&imsimta, &["dirsync"]);
    assert!(early.status.success(), "{}", shown(&early));
    assert!(!channel(), "a SIMS entry is not one of iMS");
    for kind in ["domains", "both"] {
        place.imsdirmig(&["-m", kind]);
    }
    configure("o=nowhere", &password);
    let silent = place.run(&imsimta, &["dirsync"]);
    assert!(
        silent.status.success() && silent.stderr.is_empty(),
        "{}",
        shown(&silent)
    );
    assert!(!channel());
    configure("o=internet", "wrong");
    let refused = place.run(&imsimta, &["dirsync"]);
    assert_eq!(refused.status.code(), Some(1), "{}", shown(&refused));
    configure("o=internet", &password);
    place.run(&imsimta, &["dirsync"]);
    assert!(channel());
    let outside = place.run(&imsimta, &["test", "-rewrite", "x@example.org"]);
    assert!(
        out(&outside).contains("\n  tcp_local\n"),
        "{}",
        out(&outside)
    );
}

#[test]
fn needs_ldapmodify_the_ldif_of_imsdaaci_loads() {
    let place = Place::new(2, 18);
    place.merge_schema();
    let imsdaaci = format!("{SERVER}/bin/msg/migrate/bin/imsdaaci");
    let usage = place.run(&imsdaaci, &["-?"]);
    assert!(err(&usage).contains("usage: imsdaaci"), "{}", shown(&usage));
    place.configure(&[("local.ugldapbasedn", "o=internet")]);
    let written = place.run(&imsdaaci, &["/tmp/aci.ldif"]);
    assert!(
        written.status.success() && written.stdout.is_empty(),
        "{}",
        shown(&written)
    );
    let lab = place.lab();
    let url = format!("ldap://127.0.0.1:{}", lab.port(389));
    let loaded = Command::new("ldapmodify")
        .args([
            "-x",
            "-a",
            "-H",
            &url,
            "-D",
            MANAGER,
            "-w",
            &place.password(),
        ])
        .arg("-f")
        .arg(place.root().join("tmp/aci.ldif"))
        .output()
        .unwrap();
    assert!(loaded.status.success(), "{}", shown(&loaded));
    assert_eq!(place.count("(objectClass=inetAdmin)"), 2);
}
