//! Every check against a fault that is really there, against a clean world, and where it offers a
//! repair, after that repair was run.
//!
//! Three labs: one before the move, one from the installation on. In each the faults come one after
//! the other and are mended before the next; a check that nobody has shown a fault fails the build.

use super::wizard_side::{IMSRESTORE, INSTANCE, LONG, Place, SBIN, residents, words};
use imsmigrate::check::{self, CheckReport, Outcome};
use imsmigrate::directory::{Schema, schema};
use imsmigrate::host::RunOptions;
use imsmigrate::lab::ims::ImsStore;
use imsmigrate::lab::queue::{self, Envelope, State};
use imsmigrate::lab::sims::SimsStore;
use imsmigrate::store::{Inventory, StoreUser, rename_map};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What the issue asks to be looked at, and the checks that do.
const ASKED_FOR: &[(&str, &[&str])] = &[
    (
        "the directory can be reached and takes the bind",
        &["ldap-answers", "slapd-up"],
    ),
    (
        "its product and version, read live; another one is a warning",
        &["directory-product"],
    ),
    ("the base DN", &["base-dn"]),
    ("the schema is merged", &["schema-merged"]),
    (
        "the queue is empty, by counters and tree, HELD files apart",
        &["queue-empty", "smtp-closed"],
    ),
    (
        "the old system's processes and ports are gone while LDAP answers",
        &["sims-stopped"],
    ),
    (
        "disk: the guide's rule and the better bound",
        &["disk-space"],
    ),
    ("inodes", &["inodes"]),
    (
        "the port of the new configuration directory",
        &["config-directory-port"],
    ),
    ("upper-case, colliding and invalid uids", &["uids"]),
    (
        "folder names that would be blanked, and what they collide with",
        &["folder-names"],
    ),
    ("/var/mail users whom imbackup does not see", &["var-mail"]),
    (
        "mailboxes without an entry, and entries without a mailbox",
        &["mailbox-owners"],
    ),
    (
        "a mailhost value that would make mail go round",
        &["mail-hosts"],
    ),
    (
        "the sync level as the phase requires",
        &["synclevel-0", "synclevel-default"],
    ),
    (
        "relay: taken from a listed network, refused from another",
        &["relay", "relay-answers"],
    ),
];

/// Checks that prove a step and that the issue does not list.
const OF_STEPS: &[&str] = &[
    "aci-loaded",
    "directory-backup",
    "dirsync-done",
    "domains-upgraded",
    "entries",
    "ims-installed",
    "ims-removed",
    "ims-stopped",
    "ims-up",
    "login-separator",
    "mailboxes-complete",
    "no-new-mail",
    "old-store-removed",
    "only-store-up",
    "settings",
    "setup-answers",
    "sims-up",
    "smtp-open",
    "store-stopped",
    "tape-holds-everyone",
    "upgraded",
];

/// Shown a fault before anything is moved.
const BEFORE: &[&str] = &[
    "base-dn",
    "config-directory-port",
    "directory-backup",
    "directory-product",
    "disk-space",
    "entries",
    "inodes",
    "ldap-answers",
    "mail-hosts",
    "mailbox-owners",
    "queue-empty",
    "schema-merged",
    "sims-stopped",
    "sims-up",
    "slapd-up",
    "smtp-closed",
    "smtp-open",
    "uids",
    "var-mail",
];

/// Shown a fault from the installation on.
const AFTER: &[&str] = &[
    "aci-loaded",
    "dirsync-done",
    "domains-upgraded",
    "folder-names",
    "ims-installed",
    "ims-removed",
    "ims-stopped",
    "ims-up",
    "login-separator",
    "mailboxes-complete",
    "no-new-mail",
    "old-store-removed",
    "only-store-up",
    "relay",
    "relay-answers",
    "settings",
    "setup-answers",
    "store-stopped",
    "synclevel-0",
    "synclevel-default",
    "tape-holds-everyone",
    "upgraded",
];

#[test]
fn everything_the_issue_lists_is_checked_and_every_check_is_shown_a_fault() {
    let all: BTreeSet<&str> = check::describe::ALL.iter().map(|row| row.0).collect();
    let listed = ASKED_FOR.iter().flat_map(|(_, ids)| ids.iter().copied());
    let known: BTreeSet<&str> = listed.chain(OF_STEPS.iter().copied()).collect();
    assert_eq!(all, known);
    let shown: BTreeSet<&str> = BEFORE.iter().chain(AFTER).copied().collect();
    assert_eq!(all, shown, "a check without a fault test");
}

const SLAPD: &str = "/usr/netscape/server4/slapd-mail";

/// A lab, and what was shown to its checks.
struct Proof {
    place: Place,
    faults: BTreeMap<String, usize>,
    clean: BTreeSet<String>,
    offered: BTreeSet<String>,
    repaired: BTreeSet<String>,
}

impl Proof {
    fn new(users: &str, seed: &str) -> Self {
        Self {
            place: Place::new(users, seed),
            faults: BTreeMap::new(),
            clean: BTreeSet::new(),
            offered: BTreeSet::new(),
            repaired: BTreeSet::new(),
        }
    }

    /// A file of the host, for real.
    fn real(&self, path: &str) -> PathBuf {
        let root = self.place.folder.path().join("lab/hosts/mail");
        root.join(path.trim_start_matches('/'))
    }

    async fn ask(&self, id: &str) -> CheckReport {
        let report = check::run(id, &self.place.context).await;
        assert!(!report.at.is_empty(), "{report:?}");
        let fine = report.outcome == Outcome::Ok;
        assert_eq!(report.remedy.is_empty(), fine, "{report:?}");
        report
    }

    /// Asks until the answer fits: what was started or stopped may need a moment.
    async fn until(&self, id: &str, fits: impl Fn(&CheckReport) -> bool) -> CheckReport {
        let begin = Instant::now();
        loop {
            let report = self.ask(id).await;
            if fits(&report) {
                return report;
            }
            assert!(begin.elapsed() < LONG, "{report:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The check finds the fault that is there, and names it.
    async fn finds(&mut self, id: &str, outcome: Outcome, named: &str) -> CheckReport {
        let found = |r: &CheckReport| r.outcome == outcome && r.detail.contains(named);
        let report = self.until(id, found).await;
        *self.faults.entry(id.to_owned()).or_default() += 1;
        if !report.repair.is_empty() {
            self.offered.insert(id.to_owned());
        }
        report
    }

    /// The check has nothing to say against a clean world.
    async fn holds(&mut self, id: &str) {
        self.until(id, |r| r.outcome == Outcome::Ok).await;
        self.clean.insert(id.to_owned());
    }

    /// As [`Proof::holds`], where even a clean lab has something to look at.
    async fn passes(&mut self, id: &str) {
        let good = [Outcome::Ok, Outcome::Warning];
        self.until(id, |r| good.contains(&r.outcome)).await;
        self.clean.insert(id.to_owned());
    }

    /// The repair that the report offers is run, and the check holds.
    async fn mend(&mut self, report: &CheckReport) {
        let argv: Vec<&str> = report.repair.iter().map(String::as_str).collect();
        assert!(!argv.is_empty(), "{report:?}");
        self.place.ok(&argv).await;
        self.repaired.insert(report.id.clone());
        self.holds(&report.id).await;
    }

    /// Finds a fault and runs the repair.
    async fn finds_and_mends(&mut self, id: &str, named: &str) {
        let report = self.finds(id, Outcome::Failed, named).await;
        self.mend(&report).await;
    }

    /// Changes the directory with the vendor's own tool.
    async fn ldif(&self, text: &str) {
        let file = "/var/tmp/checks.ldif";
        let host = &self.place.host;
        host.write_file(file, text.as_bytes(), None).await.unwrap();
        let tool = "/usr/netscape/server4/shared/bin/ldapmodify";
        let password = self.place.context.password.clone().unwrap();
        let as_manager = ["-D", "cn=Directory Manager", "-w", password.expose()];
        let argv = [&[tool, "-h", "mail.siroe.com", "-f", file], &as_manager[..]].concat();
        self.place.ok(&argv).await;
    }

    fn drill(&self, text: &str) {
        let file = self.place.folder.path().join("lab/drills.toml");
        fs::write(file, text).unwrap();
    }

    /// All that was promised was shown.
    fn complete(&self, ids: &[&str]) {
        let ids: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let faults: BTreeSet<String> = self.faults.keys().cloned().collect();
        assert_eq!(faults, ids, "shown a fault");
        assert_eq!(self.clean, ids, "held in a clean world");
        let missing: Vec<_> = self.offered.difference(&self.repaired).collect();
        assert!(missing.is_empty(), "repairs that nobody ran: {missing:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_before_the_move_find_their_faults_and_nothing_in_a_clean_world() {
    let mut proof = Proof::new("8", "5");
    the_directory(&mut proof).await;
    entries(&mut proof).await;
    strays(&mut proof).await;
    room_and_ports(&mut proof).await;
    schema_and_backup(&mut proof).await;
    the_old_server(&mut proof).await;
    proof.complete(BEFORE);
}

async fn the_directory(proof: &mut Proof) {
    let right = proof.place.context.password.clone();
    let wrong = imsmigrate::base::Secret::new("wrong".to_owned());
    proof.place.context.password = Some(wrong);
    proof
        .finds("ldap-answers", Outcome::Failed, "cn=Directory Manager")
        .await;
    proof.place.context.password = right;
    proof.holds("ldap-answers").await;

    proof.holds("directory-product").await;
    let file = proof.real(&format!("{SLAPD}/config/slapd.conf"));
    let before = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("release 4.16\n{before}")).unwrap();
    let restart = format!("{SLAPD}/restart-slapd");
    proof.place.ok(&[&restart]).await;
    proof
        .finds("directory-product", Outcome::Warning, "4.16")
        .await;
    fs::write(&file, before).unwrap();
    proof.place.ok(&[&restart]).await;
    proof.holds("directory-product").await;

    proof.place.ok(&[&format!("{SLAPD}/stop-slapd")]).await;
    proof
        .finds("ldap-answers", Outcome::Failed, "refused")
        .await;
    proof.finds_and_mends("slapd-up", "").await;

    let there = &mut proof.place.context.site.directory.default_domain_dn;
    let right = std::mem::replace(there, "dc=nowhere,o=internet".to_owned());
    proof.finds("base-dn", Outcome::Failed, "dc=nowhere").await;
    proof.place.context.site.directory.default_domain_dn = right;
    proof.holds("base-dn").await;
}

/// An entry of a mail user as SIMS makes them.
fn user(uid: &str) -> String {
    format!(
        "dn: uid={uid},ou=People,dc=siroe,dc=com,o=internet\nchangetype: add\nobjectClass: top\n\
         objectClass: person\nobjectClass: organizationalPerson\nobjectClass: inetOrgPerson\n\
         objectClass: inetSubscriber\nobjectClass: inetMailUser\nobjectClass: inetMailRouting\n\
         cn: Somebody\nsn: Somebody\nuid: {uid}\nmail: somebody@siroe.com\n\
         inetMailUserVersion: 1.0\nmailHost: mail.siroe.com\n"
    )
}

fn gone(uid: &str) -> String {
    format!("dn: uid={uid},ou=People,dc=siroe,dc=com,o=internet\nchangetype: delete\n")
}

async fn entries(proof: &mut Proof) {
    proof.holds("uids").await;
    // `uid` takes no notice of case, so the twin lives elsewhere in the same domain.
    let twin = user("anderson").replace("ou=People", "ou=Groups");
    proof.ldif(&twin).await;
    proof
        .finds("uids", Outcome::Failed, "differ only in case")
        .await;
    proof
        .ldif(&gone("anderson").replace("ou=People", "ou=Groups"))
        .await;
    proof.ldif(&user("a%b")).await;
    proof.finds("uids", Outcome::Failed, "contains `%`").await;
    proof.ldif(&gone("a%b")).await;
    proof.holds("uids").await;

    proof.passes("entries").await;
    let twice = user("twice") + "mailHost: www.siroe.com\n";
    proof.ldif(&twice).await;
    proof.finds("entries", Outcome::Failed, "uid=twice").await;
    proof.ldif(&gone("twice")).await;
    proof.passes("entries").await;

    proof.holds("mail-hosts").await;
    let moved = user("stray").replace("mailHost: mail.", "mailHost: www.");
    proof.ldif(&moved).await;
    proof
        .finds("mail-hosts", Outcome::Failed, "`www.siroe.com` (uid=stray")
        .await;
    proof.place.context.site.new.aliases = vec!["WWW.siroe.com".to_owned()];
    proof
        .finds("mail-hosts", Outcome::Warning, "by itself")
        .await;
    proof.place.context.site.new.aliases.clear();
    proof.ldif(&gone("stray")).await;
    proof.holds("mail-hosts").await;
}

async fn strays(proof: &mut Proof) {
    proof.holds("mailbox-owners").await;
    let store = SimsStore::open(&proof.real("/")).unwrap();
    store
        .append("ghost", b"INBOX", b"boo\r\n", &[], 1_013_644_800)
        .unwrap();
    proof
        .finds("mailbox-owners", Outcome::Warning, "ghost")
        .await;
    fs::remove_dir_all(proof.real("/var/opt/SUNWmail/ims/user/ghost")).unwrap();
    proof.ldif(&user("newcomer")).await;
    let report = proof
        .until("mailbox-owners", |r| r.outcome == Outcome::Ok)
        .await;
    assert!(report.detail.contains("no mailbox yet: "), "{report:?}");
    assert!(report.detail.contains("newcomer"), "{report:?}");
    proof.ldif(&gone("newcomer")).await;

    proof.holds("var-mail").await;
    let spool = proof.real("/var/mail");
    fs::create_dir_all(&spool).unwrap();
    for (file, content) in [("root", "cron"), ("lost", ""), ("Anderson.lock", "1")] {
        fs::write(spool.join(file), content).unwrap();
    }
    proof.holds("var-mail").await;
    fs::write(spool.join("anderson"), "From x\n\nmail\n").unwrap();
    let report = proof.finds("var-mail", Outcome::Failed, "anderson").await;
    assert!(
        report.inhibits && !report.detail.contains("root"),
        "{report:?}"
    );
    fs::remove_file(spool.join("anderson")).unwrap();
    let old_way = user("oldway").replace("mailHost", "mailFolderMap: UNIX V7\nmailHost");
    proof.ldif(&old_way).await;
    proof
        .finds("var-mail", Outcome::Warning, "uid=oldway")
        .await;
    proof.ldif(&gone("oldway")).await;
    let file = proof.real("/etc/opt/SUNWmail/ims/ims.cnf");
    let before = fs::read_to_string(&file).unwrap();
    fs::write(&file, before.replace("ims-varmail: OFF", "ims-varmail: ON")).unwrap();
    proof
        .finds("var-mail", Outcome::Warning, "ims-varmail")
        .await;
    fs::remove_file(&file).unwrap();
    proof.finds("var-mail", Outcome::Unknown, "ims.cnf").await;
    fs::write(&file, before).unwrap();
    proof.holds("var-mail").await;
}

async fn room_and_ports(proof: &mut Proof) {
    proof.holds("disk-space").await;
    proof.holds("inodes").await;
    proof.drill("disk-kb = 100\n");
    proof.finds("disk-space", Outcome::Failed, "needed").await;
    proof.drill("disk-inodes = 100\n");
    proof
        .finds("inodes", Outcome::Failed, "0 can be made")
        .await;
    proof.drill("");
    let quota = proof.real(&format!("{SBIN}/imquotacheck"));
    let before = fs::read(&quota).unwrap();
    fs::write(&quota, "#!/bin/sh\necho '\x1b[2Jwhat?'\n").unwrap();
    let report = proof.finds("inodes", Outcome::Unknown, "what?").await;
    assert!(
        report.inhibits && !report.detail.contains('\x1b'),
        "{report:?}"
    );
    proof
        .finds("disk-space", Outcome::Warning, "not known")
        .await;
    fs::write(&quota, before).unwrap();
    proof.holds("disk-space").await;
    proof.holds("inodes").await;

    proof.holds("config-directory-port").await;
    let host = &proof.place.host;
    let taken = (host.address.as_str(), 390 + host.port_offset);
    let squatter = TcpListener::bind(taken).unwrap();
    proof
        .finds("config-directory-port", Outcome::Failed, "not installed")
        .await;
    drop(squatter);
    proof.holds("config-directory-port").await;
}

async fn schema_and_backup(proof: &mut Proof) {
    proof
        .finds("schema-merged", Outcome::Failed, "missing")
        .await;
    let connection = proof.place.connection().await;
    let current = Schema::read(&connection).await.unwrap();
    let changes = schema::compare(&current, &Schema::merged()).changes;
    schema::merge(&connection, &current.dn, &changes)
        .await
        .unwrap();
    connection.close().await;
    proof.passes("schema-merged").await;

    proof
        .finds("directory-backup", Outcome::Unknown, "no backup")
        .await;
    let path = format!("{SLAPD}/ldif/checks.ldif");
    proof.place.context.backup = Some(path.clone());
    proof
        .finds("directory-backup", Outcome::Failed, "there is no")
        .await;
    let db2ldif = format!("{SLAPD}/bin/db2ldif");
    proof.place.ok(&[&db2ldif, &path]).await;
    proof.passes("directory-backup").await;
    let whole = fs::read(proof.real(&path)).unwrap();
    fs::write(proof.real(&path), &whole[..whole.len() - 9]).unwrap();
    proof
        .finds("directory-backup", Outcome::Failed, "not whole")
        .await;
    let text = String::from_utf8(whole).unwrap();
    let half = text.split("\n\n").take(4).collect::<Vec<_>>().join("\n\n");
    fs::write(proof.real(&path), half + "\n").unwrap();
    proof
        .finds("directory-backup", Outcome::Failed, "the directory has")
        .await;
    fs::remove_file(proof.real(&path)).unwrap();
    proof.place.ok(&[&db2ldif, &path]).await;
    proof.passes("directory-backup").await;
}

async fn the_old_server(proof: &mut Proof) {
    let imta = format!("{SBIN}/imta");
    proof.holds("sims-up").await;
    proof.holds("smtp-open").await;
    proof
        .finds_and_mends("smtp-closed", "still takes connections")
        .await;
    proof.finds_and_mends("smtp-open", "refuses").await;
    proof.place.ok(&[&imta, "stop", "dispatcher"]).await;
    proof.place.ok(&[&imta, "stop", "job_controller"]).await;
    let report = proof
        .finds("smtp-closed", Outcome::Failed, "job controller")
        .await;
    let folder = proof.real("/var/opt/SUNWmail/imta/queue");
    let accounts = proof.place.folder.path().join("lab/accounts.jsonl");
    let accounts = fs::read_to_string(accounts).unwrap();
    let somebody: serde_json::Value =
        serde_json::from_str(accounts.lines().next().unwrap()).unwrap();
    let envelope = Envelope {
        from: "lena@pilot.example.org".to_owned(),
        to: vec![somebody["mail"].as_str().unwrap().to_owned()],
        arrived: 1_013_644_800,
        hops: 0,
    };
    let put = |state| queue::enqueue(&folder, queue::OLD_LOCAL, &envelope, b"x\r\n", state);
    put(State::Ready).unwrap();
    let held = put(State::Held).unwrap();
    let left = proof.finds("queue-empty", Outcome::Failed, "1 HELD").await;
    assert!(left.inhibits, "{left:?}");
    proof.mend(&report).await;
    // Only what is HELD is left: that is said apart, and nothing waits for it.
    proof
        .finds("queue-empty", Outcome::Warning, "1 message is HELD")
        .await;
    fs::remove_file(held).unwrap();
    proof.passes("queue-empty").await;

    proof.finds_and_mends("sims-stopped", "still running").await;
    proof.place.ok(&[&format!("{SLAPD}/stop-slapd")]).await;
    proof
        .finds_and_mends("sims-stopped", "so is the directory")
        .await;
    proof.finds_and_mends("sims-up", "not running").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_from_the_installation_on_find_their_faults_and_nothing_in_a_clean_world() {
    let mut proof = Proof::new("12", "8");
    installation(&mut proof).await;
    services(&mut proof).await;
    settings(&mut proof).await;
    upgrade(&mut proof).await;
    mailboxes(&mut proof).await;
    into_service(&mut proof).await;
    proof.complete(AFTER);
}

async fn installation(proof: &mut Proof) {
    proof
        .place
        .ok(&[&format!("{SBIN}/im.server"), "stop"])
        .await;
    proof.place.until("sims-stopped", Outcome::Ok).await;
    proof
        .finds("ims-installed", Outcome::Failed, "start-msg")
        .await;
    proof
        .finds("setup-answers", Outcome::Failed, "no instance")
        .await;
    proof.holds("ims-removed").await;
    proof.place.set_up("No\n390\n").await;
    proof.holds("ims-installed").await;
    proof.finds("ims-removed", Outcome::Failed, "").await;
    let tool = proof.real(IMSRESTORE);
    let aside = tool.with_extension("aside");
    fs::rename(&tool, &aside).unwrap();
    proof
        .finds("ims-installed", Outcome::Failed, "imsrestore")
        .await;
    fs::rename(&aside, &tool).unwrap();
    proof.holds("ims-installed").await;

    proof.holds("setup-answers").await;
    proof.place.context.site.new.config_directory_port = 391;
    proof
        .finds("setup-answers", Outcome::Failed, "port 391")
        .await;
    proof.place.context.site.new.config_directory_port = 390;
    proof.holds("setup-answers").await;
}

async fn services(proof: &mut Proof) {
    let start = format!("{INSTANCE}/start-msg");
    proof.finds_and_mends("ims-stopped", "still running").await;
    proof.place.ok(&[&start, "store"]).await;
    proof
        .finds_and_mends("store-stopped", "still running: stored")
        .await;
    proof.finds_and_mends("only-store-up", "does not run").await;
    proof.place.ok(&[&start, "imap"]).await;
    proof
        .finds("only-store-up", Outcome::Failed, "also running: imapd")
        .await;
    let stop = format!("{INSTANCE}/stop-msg");
    proof.place.ok(&[&stop, "imap"]).await;
    proof.holds("only-store-up").await;
}

async fn settings(proof: &mut Proof) {
    proof.finds("settings", Outcome::Unknown, "nothing").await;
    let password = proof.place.context.password.clone().unwrap();
    let values = [
        ("local.ugldapbasedn", "o=internet"),
        ("local.ugldapbinddn", "cn=Directory Manager"),
        ("local.ugldapbindcred", password.expose()),
        ("local.ugldapdeforgdn", "dc=siroe,dc=com,o=internet"),
        ("local.ugldaphost", "mail.siroe.com"),
        ("local.ugldapport", "389"),
    ];
    for (name, value) in values {
        proof.place.set(name, value).await;
    }
    proof.holds("settings").await;
    let configutil = format!("{INSTANCE}/configutil");
    let set = async |proof: &Proof, name: &str, value: &str| {
        proof
            .place
            .ok(&[&configutil, "-o", name, "-v", value])
            .await;
    };
    set(proof, "local.ugldapport", "636").await;
    proof
        .finds("settings", Outcome::Failed, "is `636`, should be `389`")
        .await;
    set(proof, "local.ugldapport", "389").await;
    proof.holds("settings").await;

    proof.holds("login-separator").await;
    set(proof, "service.loginseparator", "+").await;
    proof
        .finds_and_mends("login-separator", "the new one `+`")
        .await;

    proof.finds("synclevel-0", Outcome::Failed, "-1").await;
    set(proof, "local.store.synclevel", "0").await;
    proof.holds("synclevel-0").await;
    proof.finds_and_mends("synclevel-default", "it is 0").await;
}

async fn upgrade(proof: &mut Proof) {
    let connection = proof.place.connection().await;
    let current = Schema::read(&connection).await.unwrap();
    let changes = schema::compare(&current, &Schema::merged()).changes;
    schema::merge(&connection, &current.dn, &changes)
        .await
        .unwrap();
    connection.close().await;
    proof.place.ok(&[&format!("{SLAPD}/restart-slapd")]).await;
    proof
        .finds("domains-upgraded", Outcome::Failed, "are not")
        .await;
    let password = proof.place.context.password.clone().unwrap();
    let imsdirmig = "/usr/iplanet/server5/bin/msg/migrate/bin/imsdirmig";
    let argv = |what| {
        [
            imsdirmig,
            "-h",
            "mail.siroe.com",
            "-b",
            "o=internet",
            "-M",
            "sims",
            "-D",
            "cn=Directory Manager",
            "-w",
            password.expose(),
            "-m",
            what,
        ]
    };
    proof.place.ok(&argv("domains")).await;
    proof.holds("domains-upgraded").await;
    proof.finds("upgraded", Outcome::Failed, "are not").await;
    proof.place.ok(&argv("both")).await;
    proof.holds("upgraded").await;
}

async fn mailboxes(proof: &mut Proof) {
    proof
        .finds("folder-names", Outcome::Unknown, "listed")
        .await;
    let everybody: Vec<StoreUser> = residents(&proof.place)
        .await
        .into_iter()
        .map(|(user, _)| user)
        .collect();
    let expected = proof.place.expected(&everybody).await;
    proof.place.context.expected = Some(expected.clone());
    proof.place.context.users = Some(everybody.clone());
    proof
        .finds("folder-names", Outcome::Warning, "become")
        .await;
    let mut plain = Inventory::default();
    for (user, folders) in expected.users() {
        let odd = !expected.renamed(user).is_empty() || !expected.collisions(user).is_empty();
        for (folder, count) in folders.iter().filter(|_| !odd) {
            plain.add(user, folder.clone(), *count);
        }
    }
    proof.place.context.expected = Some(plain);
    proof.holds("folder-names").await;
    proof.place.context.expected = Some(expected);

    proof
        .finds("tape-holds-everyone", Outcome::Failed, "")
        .await;
    let imbackup = format!("{SBIN}/imbackup");
    proof.place.ok(&[&imbackup, "-f", "/dev/rmt/0"]).await;
    proof.holds("tape-holds-everyone").await;
    let tape = proof.real("/dev/rmt/0");
    let whole = fs::read(&tape).unwrap();
    fs::write(&tape, &whole[..whole.len() / 2 / 512 * 512]).unwrap();
    proof
        .finds("tape-holds-everyone", Outcome::Failed, "")
        .await;
    fs::write(&tape, &whole).unwrap();
    proof.holds("tape-holds-everyone").await;

    proof
        .finds("mailboxes-complete", Outcome::Failed, "users")
        .await;
    let map = rename_map(&everybody).unwrap();
    let file = "/var/tmp/checks.rename";
    let host = &proof.place.host;
    host.write_file(file, map.render().as_bytes(), None)
        .await
        .unwrap();
    let restored = proof.place.restore(&everybody, Some(file)).await;
    assert!(restored.is_whole(), "{restored:?}");
    proof.holds("mailboxes-complete").await;

    proof.holds("no-new-mail").await;
    let store = ImsStore::open(&proof.real(INSTANCE)).unwrap();
    let whose = everybody.first().unwrap().new_id();
    store
        .append(whose, "INBOX", b"Subject: new\r\n\r\nx\r\n", &[], 0)
        .unwrap();
    proof
        .finds("no-new-mail", Outcome::Failed, "1 message ")
        .await;
    let queue = proof.real(&format!("{INSTANCE}/imta/queue"));
    let envelope = Envelope {
        from: "lena@pilot.example.org".to_owned(),
        to: vec!["anderson@siroe.com".to_owned()],
        arrived: 1_013_644_800,
        hops: 0,
    };
    let waiting = queue::enqueue(&queue, "ims-ms", &envelope, b"x\r\n", State::Ready).unwrap();
    proof
        .finds("no-new-mail", Outcome::Failed, "queues of the new server")
        .await;
    fs::remove_file(waiting).unwrap();
}

async fn into_service(proof: &mut Proof) {
    proof.place.ok(&[&format!("{INSTANCE}/stop-msg")]).await;
    let networks = ["192.0.2.0/24", "127.77.0.0/16"].map(str::to_owned);
    proof.place.context.site.relay.networks = networks.to_vec();
    let mappings = proof.real(&format!("{INSTANCE}/imta/config/mappings"));
    proof
        .finds("relay", Outcome::Failed, "may not relay: 192.0.2.0/24")
        .await;
    let open = "INTERNAL_IP\n\n  $(192.0.2.0/24)  $Y\n  $(127.77.0.0/16)  $Y\n  *  $Y\n";
    fs::write(&mappings, open).unwrap();
    proof.finds("relay", Outcome::Failed, "everybody").await;

    proof.finds_and_mends("dirsync-done", "").await;
    proof.finds_and_mends("ims-up", "not running").await;
    proof
        .finds("relay-answers", Outcome::Failed, "which is not listed")
        .await;
    fs::write(&mappings, "INTERNAL_IP\n\n  *  $N\n").unwrap();
    let restart = ["imsimta", "restart", "dispatcher"];
    let imsimta = format!("{INSTANCE}/{}", restart[0]);
    proof.place.ok(&[&imsimta, restart[1], restart[2]]).await;
    proof
        .finds("relay-answers", Outcome::Failed, "which is listed")
        .await;
    // The right table, and a server that has not read it yet.
    fs::write(&mappings, open.replace("*  $Y", "*  $N")).unwrap();
    proof.holds("relay").await;
    proof.finds_and_mends("relay-answers", "is refused").await;
    proof.place.context.site.relay.networks.truncate(1);
    proof
        .finds("relay-answers", Outcome::Warning, "no listed address")
        .await;

    let file = "/var/tmp/checks-aci.ldif";
    proof.finds("aci-loaded", Outcome::Unknown, "no LDIF").await;
    let options = RunOptions {
        stdout_to: Some(file.to_owned()),
        ..RunOptions::default()
    };
    let imsdaaci = words(&["/usr/iplanet/server5/bin/msg/migrate/bin/imsdaaci"]);
    let host = &proof.place.host;
    let made = host.run(&proof.place.effect(), &imsdaaci, options).await;
    assert_eq!(made.unwrap().status, Some(0));
    proof.place.context.aci_ldif = Some(file.to_owned());
    proof
        .finds("aci-loaded", Outcome::Failed, "not as in")
        .await;
    let text = fs::read_to_string(proof.real(file)).unwrap();
    proof.ldif(&text).await;
    proof.holds("aci-loaded").await;

    let root = proof.place.context.site.old.store_root.clone();
    proof
        .finds("old-store-removed", Outcome::Failed, "still there")
        .await;
    proof.place.host.remove_tree(&root).await.unwrap();
    proof.holds("old-store-removed").await;
}
