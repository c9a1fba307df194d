//! The rooms host, store and check against a whole lab, through the launcher a site uses: the
//! off-line procedure driven without plan and engine, and looked at with the checks.

use imsmigrate::base::Secret;
use imsmigrate::check::{self, CheckContext, Outcome, Setting};
use imsmigrate::directory::{Connection, Schema, schema};
use imsmigrate::host::{
    EffectDir, Host, HostError, PipeEnd, PipeResult, RunOptions, RunResult, Settled, pipe,
};
use imsmigrate::scenario::Role;
use imsmigrate::site::Site;
use imsmigrate::store::parse::{parse_quotas, parse_toc};
use imsmigrate::store::{
    InboxRule, Inventory, RenameMap, StoreUser, Verdict, balance, compare, error_lines, rename_map,
    user_file,
};
use std::collections::BTreeSet;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_imsmigrate");
pub const LONG: Duration = Duration::from_secs(120);
pub const SBIN: &str = "/opt/SUNWmail/sbin";
pub const INSTANCE: &str = "/usr/iplanet/server5/msg-mail";
pub const IMSRESTORE: &str = "/usr/iplanet/server5/bin/msg/store/bin/imsrestore";

/// A lab that runs, and what the wizard knows of it.
pub struct Place {
    pub folder: TempDir,
    pub context: CheckContext,
    pub host: Host,
    effects: AtomicU64,
}

pub fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|w| (*w).to_owned()).collect()
}

fn lab(folder: &TempDir, args: &[&str], more: &[&str]) -> Output {
    Command::new(BINARY)
        .env("IMSMIGRATE_STATE_DIR", folder.path().join("state"))
        .arg("lab")
        .args(args)
        .arg(folder.path().join("lab"))
        .args(more)
        .output()
        .unwrap()
}

impl Place {
    pub fn new(users: &str, seed: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let made = lab(&folder, &["create"], &["--users", users, "--seed", seed]);
        assert!(made.status.success(), "{made:?}");
        let text = std::fs::read_to_string(folder.path().join("lab/site.toml")).unwrap();
        let mut site: Site = toml::from_str(&text).unwrap();
        site.relay.networks.clear();
        let secrets = std::fs::read_to_string(folder.path().join("lab/secrets.toml")).unwrap();
        let secrets: toml::Table = secrets.parse().unwrap();
        let mut context = CheckContext::new(site);
        let password = secrets["directory"].as_str().unwrap().to_owned();
        context.password = Some(Secret::new(password));
        let host = Host::of_site(context.site.host(Role::Old).unwrap());
        assert!(host.fits_practice());
        let place = Self {
            folder,
            context,
            host,
            effects: AtomicU64::new(0),
        };
        let started = lab(&place.folder, &["start"], &[]);
        assert!(started.status.success(), "{started:?}");
        place
    }

    pub fn effect(&self) -> EffectDir {
        let number = self.effects.fetch_add(1, Ordering::Relaxed);
        EffectDir::new("1123-test", &format!("e{number}")).unwrap()
    }

    async fn run(&self, argv: &[&str]) -> RunResult {
        let options = RunOptions::default();
        self.host
            .run(&self.effect(), &words(argv), options)
            .await
            .unwrap()
    }

    pub async fn ok(&self, argv: &[&str]) -> RunResult {
        let result = self.run(argv).await;
        assert_eq!(
            result.status,
            Some(0),
            "{argv:?}: {} {}",
            result.stdout_text(),
            result.stderr_text()
        );
        result
    }

    async fn check(&self, id: &str, wanted: Outcome) -> String {
        let report = check::run(id, &self.context).await;
        assert_eq!(report.outcome, wanted, "{report:?}");
        report.detail
    }

    pub async fn until(&self, id: &str, wanted: Outcome) {
        let begin = Instant::now();
        loop {
            let report = check::run(id, &self.context).await;
            if report.outcome == wanted {
                return;
            }
            assert!(begin.elapsed() < LONG, "{report:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub async fn connection(&self) -> Connection {
        let target = self.context.target().unwrap();
        let password = self.context.password.as_ref().unwrap();
        Connection::open(&target, password).await.unwrap()
    }

    async fn users(&self) -> Vec<StoreUser> {
        let connection = self.connection().await;
        let people = check::people::read(&connection, &self.context.site).await;
        people.unwrap().users
    }

    pub async fn set(&mut self, parameter: &str, value: &str) {
        let tool = format!("{INSTANCE}/configutil");
        self.ok(&[&tool, "-o", parameter, "-v", value]).await;
        self.context.settings.push(Setting {
            parameter: parameter.to_owned(),
            value: Secret::new(value.to_owned()),
            is_secret: false,
        });
    }

    /// Runs the installer with answers to whether another directory is used, and the port.
    pub async fn set_up(&self, directory: &str) {
        // Server root, this host, register (no); at the end passwords and Enter.
        let answers =
            format!("/usr/iplanet/server5\n\n\n{directory}\n\nconfig-pass\nconfig-pass\n\n\n\n");
        let options = RunOptions {
            stdin: Some(answers.into_bytes().into()),
            ..RunOptions::default()
        };
        let setup = words(&["/cdrom/iplanet/setup"]);
        let setup = self
            .host
            .run(&self.effect(), &setup, options)
            .await
            .unwrap();
        assert_eq!(setup.status, Some(0), "{}", setup.stderr_text());
    }

    /// From the first check to a new server whose store alone is up.
    async fn prepare(&mut self) {
        for id in [
            "ldap-answers",
            "slapd-up",
            "base-dn",
            "config-directory-port",
        ] {
            self.check(id, Outcome::Ok).await;
        }
        self.check("disk-space", Outcome::Ok).await;
        let detail = self.check("uids", Outcome::Ok).await;
        assert!(
            detail.contains("Anderson") && detail.contains("Kolander"),
            "{detail}"
        );
        for id in [
            "smtp-closed",
            "queue-empty",
            "sims-stopped",
            "ims-installed",
            "schema-merged",
        ] {
            self.check(id, Outcome::Failed).await;
        }
        let slapd = "/usr/netscape/server4/slapd-mail";
        let file = format!("{slapd}/ldif/before.ldif");
        self.ok(&[&format!("{slapd}/bin/db2ldif"), &file]).await;
        self.context.backup = Some(file);
        let report = check::run("directory-backup", &self.context).await;
        assert!(
            matches!(report.outcome, Outcome::Ok | Outcome::Warning),
            "{report:?}"
        );

        let connection = self.connection().await;
        let current = Schema::read(&connection).await.unwrap();
        let changes = schema::compare(&current, &Schema::merged()).changes;
        schema::merge(&connection, &current.dn, &changes)
            .await
            .unwrap();
        connection.close().await;
        self.ok(&[&format!("{slapd}/restart-slapd")]).await;
        self.until("slapd-up", Outcome::Ok).await;
        let report = check::run("schema-merged", &self.context).await;
        assert!(
            matches!(report.outcome, Outcome::Ok | Outcome::Warning),
            "{report:?}"
        );

        self.ok(&[&format!("{SBIN}/imta"), "stop", "dispatcher"])
            .await;
        self.until("smtp-closed", Outcome::Ok).await;
        self.until("queue-empty", Outcome::Ok).await;
        self.ok(&[&format!("{SBIN}/im.server"), "stop"]).await;
        self.until("sims-stopped", Outcome::Ok).await;
        self.check("slapd-up", Outcome::Ok).await;

        self.set_up("No\n390\n").await;
        for id in ["ims-installed", "setup-answers", "config-directory-port"] {
            self.check(id, Outcome::Ok).await;
        }
        self.check("ims-stopped", Outcome::Failed).await;
        self.ok(&[&format!("{INSTANCE}/stop-msg")]).await;
        self.until("ims-stopped", Outcome::Ok).await;

        let password = self.context.password.clone().unwrap();
        self.set("local.ugldapbasedn", "o=internet").await;
        self.set("local.ugldapbinddn", "cn=Directory Manager").await;
        self.set("local.ugldapbindcred", password.expose()).await;
        self.set("local.ugldapdeforgdn", "dc=siroe,dc=com,o=internet")
            .await;
        self.set("local.ugldaphost", "mail.siroe.com").await;
        self.set("local.ugldapport", "389").await;
        self.check("settings", Outcome::Ok).await;
        self.check("login-separator", Outcome::Ok).await;

        self.check("upgraded", Outcome::Failed).await;
        let imsdirmig = "/usr/iplanet/server5/bin/msg/migrate/bin/imsdirmig";
        for what in ["domains", "both"] {
            let manager = "cn=Directory Manager";
            let argv = [
                imsdirmig,
                "-h",
                "mail.siroe.com",
                "-b",
                "o=internet",
                "-M",
                "sims",
                "-D",
                manager,
                "-w",
                password.expose(),
                "-m",
                what,
            ];
            self.ok(&argv).await;
        }

        let configutil = format!("{INSTANCE}/configutil");
        self.check("synclevel-default", Outcome::Ok).await;
        self.ok(&[&configutil, "-o", "local.store.synclevel", "-v", "0"])
            .await;
        self.check("synclevel-0", Outcome::Ok).await;
        self.check("only-store-up", Outcome::Failed).await;
        self.ok(&[&format!("{INSTANCE}/start-msg"), "store"]).await;
        self.until("only-store-up", Outcome::Ok).await;
    }

    /// `imbackup` of some users into `right`.
    async fn stream(&self, users: &[StoreUser], right: &[&str]) -> PipeResult {
        let (left, to) = (self.effect(), self.effect());
        let file = format!("/var/tmp/{}.users", left.path("").replace('/', "_"));
        let content = user_file(users);
        self.host
            .write_file(&file, content.as_bytes(), None)
            .await
            .unwrap();
        let imbackup = words(&[&format!("{SBIN}/imbackup"), "-f-", "-u", &file]);
        let right = words(right);
        let end = |argv, effect| PipeEnd {
            host: &self.host,
            argv,
            effect,
            env: &[],
        };
        let meter = Arc::new(AtomicU64::new(0));
        let result = pipe(end(&imbackup, &left), end(&right, &to), meter, None, LONG).await;
        self.host.remove_file(&file).await.unwrap();
        result.unwrap()
    }

    pub async fn expected(&self, users: &[StoreUser]) -> Inventory {
        let listed = self.stream(users, &[IMSRESTORE, "-f-", "-t"]).await;
        assert!(listed.is_whole(), "{listed:?}");
        parse_toc(&listed.right.stdout).understood().unwrap()
    }

    async fn actual(&self) -> Inventory {
        let tool = "/usr/iplanet/server5/bin/msg/admin/bin/mboxutil";
        let listed = self.ok(&[tool, "-l"]).await;
        imsmigrate::store::parse::parse_mboxutil(&listed.stdout)
            .understood()
            .unwrap()
    }

    pub async fn restore(&self, users: &[StoreUser], map: Option<&str>) -> PipeResult {
        let mut argv = vec![IMSRESTORE, "-f-", "-cy", "-n", "-v1"];
        argv.extend(map.into_iter().flat_map(|map| ["-u", map]));
        self.stream(users, &argv).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lab(&self.folder, &["stop"], &[]);
    }
}

/// Those who have mailboxes in the old store, with their sizes.
pub async fn residents(place: &Place) -> Vec<(StoreUser, u64)> {
    let listed = place
        .ok(&[&format!("{SBIN}/imquotacheck"), "-v", "-n"])
        .await;
    let quotas = parse_quotas(&listed.stdout_text()).understood().unwrap();
    let here: BTreeSet<&str> = quotas.users.iter().map(|q| q.user.as_str()).collect();
    let users = place.users().await.into_iter();
    let users: Vec<_> = users
        .filter(|u| here.contains(u.old_id().as_str()))
        .map(|u| {
            let weight = quotas.weight(&u.old_id());
            (u, weight)
        })
        .collect();
    assert_eq!(
        users.len(),
        here.len(),
        "somebody of the old store is not in the directory"
    );
    users
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lab_is_moved_in_sessions_and_every_check_agrees() {
    let mut place = Place::new("16", "5");
    place.prepare().await;
    let residents = residents(&place).await;
    let sessions = balance(&residents, 4);
    assert_eq!(sessions.len(), 4);
    let everybody: Vec<StoreUser> = residents.iter().map(|(u, _)| u.clone()).collect();
    let map = rename_map(&everybody).unwrap();
    assert_eq!(map.new_id("anderson"), "Anderson");
    let expected = place.expected(&everybody).await;
    assert_eq!(expected.len(), everybody.len());
    let colliding: usize = everybody
        .iter()
        .map(|u| expected.collisions(&u.old_id()).len())
        .sum();
    assert!(
        colliding > 0,
        "the lab has a folder that becomes another's name"
    );
    place.context.expected = Some(expected.clone());
    place.context.users = Some(everybody.clone());
    place.check("mailboxes-complete", Outcome::Failed).await;
    place.check("tape-holds-everyone", Outcome::Failed).await;
    place
        .ok(&[&format!("{SBIN}/imbackup"), "-f", "/dev/rmt/0"])
        .await;
    place.check("tape-holds-everyone", Outcome::Ok).await;

    let file = "/var/tmp/batch.rename";
    place
        .host
        .write_file(file, map.render().as_bytes(), None)
        .await
        .unwrap();
    let all = sessions.iter().map(|s| place.restore(&s.users, Some(file)));
    let results = futures_util::future::join_all(all).await;
    let mut bytes = 0;
    for result in &results {
        assert!(result.is_whole(), "{result:?}");
        bytes += result.bytes;
    }
    let mail: u64 = everybody
        .iter()
        .filter_map(|u| expected.total(&u.old_id())?.bytes)
        .sum();
    assert!(bytes > mail, "{bytes} bytes for {mail} of mail");
    let detail = place.check("mailboxes-complete", Outcome::Ok).await;
    assert!(detail.contains("each once"), "{detail}");
    let complaints: Vec<_> = results
        .iter()
        .flat_map(|r| error_lines(&r.right.stderr_text(), &BTreeSet::new(), Some(&expected)))
        .collect();
    assert!(complaints.is_empty(), "{complaints:?}");

    place
        .ok(&[
            &format!("{INSTANCE}/configutil"),
            "-o",
            "local.store.synclevel",
            "-v",
            "-1",
        ])
        .await;
    place.check("synclevel-default", Outcome::Ok).await;
    place.check("store-stopped", Outcome::Failed).await;
    place.ok(&[&format!("{INSTANCE}/stop-msg"), "store"]).await;
    place.until("store-stopped", Outcome::Ok).await;
    place.check("upgraded", Outcome::Ok).await;
    place.check("relay", Outcome::Ok).await;
    place
        .ok(&[&format!("{INSTANCE}/imsimta"), "dirsync", "-F"])
        .await;
    place.until("dirsync-done", Outcome::Ok).await;
    // The full dirsync has brought the new MTA up: that is no process of SIMS.
    place.check("sims-stopped", Outcome::Ok).await;
    place.ok(&[&format!("{INSTANCE}/start-msg")]).await;
    place.until("ims-up", Outcome::Ok).await;
    place.check("aci-loaded", Outcome::Unknown).await;
    let file = "/var/tmp/aci.ldif";
    let options = RunOptions {
        stdout_to: Some(file.to_owned()),
        ..RunOptions::default()
    };
    let imsdaaci = words(&["/usr/iplanet/server5/bin/msg/migrate/bin/imsdaaci"]);
    let made = place
        .host
        .run(&place.effect(), &imsdaaci, options)
        .await
        .unwrap();
    assert_eq!(made.status, Some(0), "{}", made.stderr_text());
    place.context.aci_ldif = Some(file.to_owned());
    place.check("aci-loaded", Outcome::Failed).await;
    let ldapmodify = "/usr/netscape/server4/shared/bin/ldapmodify";
    let password = place.context.password.clone().unwrap();
    let manager = ["-D", "cn=Directory Manager", "-w", password.expose()];
    place
        .ok(&[
            &[ldapmodify, "-h", "mail.siroe.com", "-f", file],
            &manager[..],
        ]
        .concat())
        .await;
    place.check("aci-loaded", Outcome::Ok).await;
    let audit = lab(&place.folder, &["audit", "--json"], &[]);
    let audit: serde_json::Value = serde_json::from_slice(&audit.stdout).unwrap();
    assert_eq!(audit["clean"], true, "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_restore_a_forgotten_map_and_a_backup_that_dies_are_told_apart() {
    let mut place = Place::new("12", "8");
    place.prepare().await;
    let residents = residents(&place).await;
    let everybody: Vec<StoreUser> = residents.iter().map(|(u, _)| u.clone()).collect();
    let expected = place.expected(&everybody).await;
    let map = rename_map(&everybody).unwrap();
    let only = |id: &str| -> Vec<StoreUser> {
        everybody
            .iter()
            .filter(|u| u.old_id() == id)
            .cloned()
            .collect()
    };
    let verdict = async |id: &str, map: &RenameMap| {
        let mut one = Inventory::default();
        for (folder, count) in expected.folders(id).unwrap() {
            one.add(id, folder.clone(), *count);
        }
        compare(&one, &place.actual().await, map, InboxRule::Exact)[0].verdict()
    };
    // No map: the mail is where nobody reaches it.
    assert!(place.restore(&only("anderson"), None).await.is_whole());
    assert_eq!(verdict("anderson", &map).await, Verdict::WrongCase);
    // Twice: every folder has a twin.
    let (largest, _) = residents
        .iter()
        .filter(|(u, _)| !u.needs_rename())
        .max_by_key(|r| r.1)
        .unwrap();
    let id = largest.old_id();
    assert!(place.restore(&only(&id), None).await.is_whole());
    assert_eq!(verdict(&id, &map).await, Verdict::Complete);
    assert!(place.restore(&only(&id), None).await.is_whole());
    assert_eq!(verdict(&id, &map).await, Verdict::Twins);
    // The left side dies with half of the stream: the right side may end with 0, the pipe is not
    // whole, and the mailboxes say so too.
    let (kolander, effects) = (only("kolander"), (place.effect(), place.effect()));
    let file = "/var/tmp/kolander";
    place
        .host
        .write_file(file, user_file(&kolander).as_bytes(), None)
        .await
        .unwrap();
    let half = "\"$1\" -f- -u \"$2\" | dd bs=10240 count=1 2>/dev/null; kill -9 $$";
    let left = words(&["sh", "-c", half, "half", &format!("{SBIN}/imbackup"), file]);
    let right = words(&[IMSRESTORE, "-f-", "-cy", "-n", "-v1"]);
    let end = |argv, effect| PipeEnd {
        host: &place.host,
        argv,
        effect,
        env: &[],
    };
    let meter = Arc::new(AtomicU64::new(0));
    let broken = pipe(
        end(&left, &effects.0),
        end(&right, &effects.1),
        meter,
        None,
        LONG,
    );
    let broken = broken.await.unwrap();
    assert_eq!(broken.left.signalled, Some(9));
    assert!(!broken.is_whole());
    assert_ne!(verdict("kolander", &map).await, Verdict::Complete);
    // What is settled is settled: the folder of an effect is never used again.
    assert_eq!(
        place.host.settle(&effects.0).await.unwrap(),
        Settled::Ended(137)
    );
    let again = place
        .host
        .run(&effects.0, &words(&["true"]), RunOptions::default())
        .await;
    assert!(matches!(again, Err(HostError::Used { .. })), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_answer_to_the_installer_is_found() {
    let mut place = Place::new("4", "2");
    place.ok(&[&format!("{SBIN}/im.server"), "stop"]).await;
    place.until("sims-stopped", Outcome::Ok).await;
    place.set_up("Yes\nmail.siroe.com\n389\n391\n").await;
    let detail = place.check("setup-answers", Outcome::Failed).await;
    assert!(detail.contains("port 390"), "{detail}");
    assert!(detail.contains("answered with yes"), "{detail}");
    // With the site saying what was answered, only the other directory is left to find.
    place.context.site.new.config_directory_port = 391;
    let detail = place.check("setup-answers", Outcome::Failed).await;
    assert!(!detail.contains("port 39"), "{detail}");
}
