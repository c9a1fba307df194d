//! Every check against a fault that is really there, against a clean world, and where it offers a
//! repair, after that repair was run.
//!
//! Three labs: one before the move, one from the installation on. In each the faults come one after
//! the other and are mended before the next; a check that nobody has shown a fault fails the build.

mod after;
mod before;

use super::wizard_side::{LONG, Place};
use imsmigrate::check::{self, CheckReport, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
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

/// Checks of the on-line scenario that are shown a fault in `online.rs`.
const ON_LINE: &[&str] = &["dns-moved", "dns-ttl", "one-mail-host"];

/// A debt: checks of the on-line scenario and of NMS that hold in its tests and were not yet shown a
/// fault. Every one of them needs that; the list may only become shorter.
const OWED: &[&str] = &[
    "default-organization",
    "dns-as-before",
    "dns-records",
    "domain-hosts",
    "domain-tree",
    "mailboxes-kept",
    "namespace",
    "nms-stopped",
    "nms-store",
    "nms-up",
    "old-address-pinned",
    "old-boot-scripts",
    "postmasters",
    "quotas",
    "room-for-both",
    "smtp-refused",
    "store-fresh",
    "taken-over",
    "vanity-domains",
];

#[test]
fn everything_the_issue_lists_is_checked_and_every_check_is_shown_a_fault() {
    let all: BTreeSet<&str> = check::describe::ALL.iter().map(|row| row.0).collect();
    let listed = ASKED_FOR.iter().flat_map(|(_, ids)| ids.iter().copied());
    let other = ON_LINE.iter().chain(OWED);
    let steps = OF_STEPS.iter().chain(other.clone()).copied();
    let known: BTreeSet<&str> = listed.chain(steps).collect();
    assert_eq!(all, known);
    let off_line = BEFORE.iter().chain(AFTER);
    let shown: BTreeSet<&str> = off_line.chain(other).copied().collect();
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
