//! The off-line scenario on real directory servers: a lab whose users and groups are in `OpenLDAP`
//! or in 389 Directory Server; what `ldapsearch` (theirs) shows before and after.

use super::place::{Place, eventually, talk};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

const INSTANCE: &str = "/usr/netscape/server4/slapd-mail";

/// What `ldapsearch` shows of a lab's directory, as the directory manager.
pub(crate) struct Ldapsearch {
    url: String,
    password: PathBuf,
}

impl Ldapsearch {
    /// Of the lab of a place; its directory has to be up when it is asked.
    pub(crate) fn of(place: &Place) -> Self {
        let output = place.run(&["lab", "status", place.lab().to_str().unwrap(), "--json"]);
        Self::at(&output.stdout, &place.lab(), place.dir.path())
    }

    /// Of a lab of which `lab status --json` said `status`; the password is kept in `dir`.
    pub(crate) fn at(status: &[u8], lab: &Path, dir: &Path) -> Self {
        let status: Value = serde_json::from_slice(status).unwrap();
        let secrets = std::fs::read_to_string(lab.join("secrets.toml")).unwrap();
        let secrets: toml::Table = secrets.parse().unwrap();
        let password = dir.join("password");
        let secret = secrets["directory"].as_str().unwrap();
        imsmigrate::base::places::write_private(&password, secret.as_bytes()).unwrap();
        Self {
            url: format!("ldap://127.0.0.1:{}", status["ldap"]["port"]),
            password,
        }
    }

    /// Asks; `words` are base, scope, filter and attributes.
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        let output = Command::new("ldapsearch")
            .args(["-x", "-LLL", "-o", "ldif-wrap=no", "-H", &self.url])
            .args(["-D", "cn=Directory Manager", "-y"])
            .arg(&self.password)
            .args(words)
            .output()
            .unwrap();
        assert!(output.status.success(), "{words:?}: {}", talk(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Everything people put into the directory, sorted: two of these tell what a run has changed,
    /// and whether an undo has left anything.
    pub(crate) fn dump(&self) -> String {
        let text = self.ask(&["-b", "o=internet", "(objectClass=*)", "*", "aci"]);
        let mut entries: Vec<Vec<&str>> = text
            .split("\n\n")
            .map(|entry| {
                let mut lines: Vec<_> = entry.lines().filter(|l| !l.is_empty()).collect();
                lines.sort_unstable();
                lines
            })
            .filter(|lines| !lines.is_empty())
            .collect();
        entries.sort();
        let entries: Vec<String> = entries.iter().map(|lines| lines.join("\n")).collect();
        entries.join("\n\n")
    }

    /// Every definition of the schema, sorted, in the server's own words.
    pub(crate) fn schema(&self) -> Vec<String> {
        let dse = self.ask(&[
            "-b",
            "",
            "-s",
            "base",
            "(objectClass=*)",
            "subschemaSubentry",
        ]);
        let base = dse
            .lines()
            .find_map(|l| l.strip_prefix("subschemaSubentry: "))
            .unwrap();
        let filter = "(objectClass=*)";
        let text = self.ask(&[
            "-b",
            base,
            "-s",
            "base",
            filter,
            "attributeTypes",
            "objectClasses",
        ]);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// One entry's values by attribute, names in lower case; none when there is no such entry.
    fn entry(&self, filter: &str) -> BTreeMap<String, Vec<String>> {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in self.ask(&["-b", "o=internet", filter, "*", "aci"]).lines() {
            if let Some((name, value)) = line.split_once(": ") {
                let list = values.entry(name.to_lowercase()).or_default();
                list.push(value.to_owned());
            }
        }
        values
    }
}

/// Holds that an entry has these values of an attribute, and no others, in any order.
fn holds(entry: &BTreeMap<String, Vec<String>>, name: &str, wanted: &[&str]) {
    let mut there = entry.get(name).cloned().unwrap_or_default();
    there.sort();
    let mut wanted: Vec<String> = wanted.iter().map(|w| (*w).to_owned()).collect();
    wanted.sort();
    assert_eq!(there, wanted, "{name} of {:?}", entry.get("dn"));
}

fn holds_classes(entry: &BTreeMap<String, Vec<String>>, wanted: &[&str]) {
    let there = entry.get("objectclass").cloned().unwrap_or_default();
    for class in wanted {
        let is = there.iter().any(|c| c.eq_ignore_ascii_case(class));
        assert!(is, "{class} is not among {there:?}");
    }
}

fn outcome(place: &Place, check: &str) -> String {
    let site = place.site();
    let site = site.to_str().unwrap();
    let output = place.run(&["check", "--site", site, "--only", check, "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{check}: {e}: {}", talk(&output)));
    found["checks"][0]["outcome"].as_str().unwrap().to_owned()
}

/// A whole run on a kind of server, from a new lab to a clean audit, and what the entries became
/// (`domain/directory.md`, 4.5 and 4.6).
fn a_whole_run(kind: &str, seed: &str) -> (Place, Before) {
    let lab = ["--directory", kind, "--users", "12", "--seed", seed];
    // The same lab as it is before a run: one seed makes one directory.
    let twin = Place::new();
    twin.create_lab(&lab);
    let directory = Ldapsearch::of(&twin);
    let before = directory.dump();
    let schema = directory.schema();
    let visitor = directory.entry("(uid=visitor)");
    for check in ["ldap-answers", "base-dn", "slapd-up", "uids"] {
        assert_eq!(outcome(&twin, check), "ok", "{check}");
    }
    assert_eq!(outcome(&twin, "schema-merged"), "failed");
    assert_eq!(outcome(&twin, "upgraded"), "failed");
    drop(twin);

    let place = Place::new();
    let output = place.practice(&lab);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let directory = Ldapsearch::of(&place);
    let audit = place.audit();
    assert_eq!(audit["clean"], true, "{audit}");
    assert_ne!(directory.dump(), before);
    let names = |schema: &[String]| -> BTreeSet<String> {
        let quoted = schema.iter().filter_map(|d| d.split('\'').nth(1));
        quoted.map(str::to_owned).collect()
    };
    let (was, is) = (names(&schema), names(&directory.schema()));
    assert!(is.is_superset(&was), "gone: {:?}", was.difference(&is));
    for check in ["schema-merged", "upgraded", "domains-upgraded", "slapd-up"] {
        assert!(
            ["ok", "warning"].contains(&outcome(&place, check).as_str()),
            "{check}"
        );
    }

    let user = directory.entry("(uid=anderson)");
    holds_classes(
        &user,
        &[
            "inetSubscriber",
            "inetMailUser",
            "inetMailRouting",
            "inetUser",
            "ipUser",
            "userPresenceProfile",
            "inetLocalMailRecipient",
            "nsManagedPerson",
        ],
    );
    let aliases = user["rfc822mailalias"].clone();
    let aliases: Vec<&str> = aliases.iter().map(String::as_str).collect();
    assert!(aliases.len() > 1);
    holds(&user, "mailalternateaddress", &aliases);
    holds(&user, "inetuserstatus", &["active"]);
    holds(&user, "mailuserstatus", &["active"]);
    holds(&user, "mailquota", &["100M"]);
    holds(&user, "mailhost", &["mail.siroe.com"]);
    holds(&user, "uid", &["Anderson"]);

    let list = directory.entry("(cn=Staff)");
    holds_classes(
        &list,
        &[
            "inetMailGroup",
            "inetLocalMailRecipient",
            "inetMailGroupManagement",
            "nsManagedMailList",
        ],
    );
    holds(&list, "mgrperrorsto", &["mailto:postmaster@siroe.com"]);
    holds(&list, "mgrpalloweddomain", &["siroe.com"]);
    holds(&list, "mgmanmembervisibility", &["none"]);
    holds(&list, "mgmanjoinability", &["NONE"]);
    let moved = directory.entry("(cn=Unix Admins)");
    holds(&moved, "mgrprfc822mailmember", &["oncall@stockade.net"]);
    holds(&moved, "rfc822mailmember", &[]);

    let hosted = directory.entry("(dc=varrius)");
    holds_classes(&hosted, &["mailDomain", "inetDomain", "nsManagedDomain"]);
    holds(
        &hosted,
        "inetdomainbasedn",
        &["dc=varrius,dc=org,o=internet"],
    );
    holds(&hosted, "mailroutinghosts", &["mail.siroe.com"]);
    holds(&hosted, "inetdomainstatus", &["active"]);
    holds(&hosted, "maildomainstatus", &["active"]);
    let guest = directory.entry("(uid=lucius)");
    holds_classes(&guest, &["inetLocalMailRecipient", "inetUser"]);

    assert_eq!(
        directory.entry("(uid=visitor)"),
        visitor,
        "no mail, no change"
    );
    (place, (before, schema))
}

/// What `ldapsearch` showed before a run: entries, and definitions of the schema.
type Before = (String, Vec<String>);

/// After an undo of the whole run `ldapsearch` shows what it showed before it.
fn is_taken_back(place: &Place, (entries, schema): &Before) {
    let run = place.the_run()["id"].as_str().unwrap().to_owned();
    let output = place.run(&["undo", &run, "--headless", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let directory = Ldapsearch::of(place);
    assert_eq!(&directory.dump(), entries);
    assert_eq!(&directory.schema(), schema);
}

/// The step that loads ACIs, in the run's journal: its state and the reason for it.
fn step(place: &Place, id: &str) -> Value {
    let run = place.the_run()["id"].as_str().unwrap().to_owned();
    let output = place.run(&["journal", &run, "--json"]);
    let events = String::from_utf8(output.stdout).unwrap();
    let of_step = events
        .lines()
        .rev()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|event| event["step"] == id);
    of_step.unwrap_or_else(|| panic!("no event of {id} in {events}"))
}

#[test]
fn needs_slapd_needs_ldapsearch_the_off_line_scenario_is_clean_on_openldap() {
    let (place, before) = a_whole_run("slapd", "41");
    let directory = Ldapsearch::of(&place);
    // It knows no ACIs: the step says so, and adds no groups that would have no rights.
    let aci = step(&place, "load-admin-acis");
    assert!(aci.to_string().contains("attribute `aci`"), "{aci}");
    assert!(directory.entry("(cn=Service Administrators)").is_empty());
    // The schema went into cn=config, into entries that the server reads in this order.
    let entries = directory.ask(&["-b", "cn=schema,cn=config", "(cn=*)", "dn"]);
    assert!(
        entries.contains("cn={3}site,") && entries.contains("cn={4}imsmigrate,"),
        "{entries}"
    );
    let folder = place.the_run()["folder"].as_str().unwrap().to_owned();
    let planned = PathBuf::from(folder).join("artifacts/schema-planned.ldif");
    let planned = std::fs::read_to_string(planned).unwrap();
    assert!(planned.contains("dn: cn={4}imsmigrate,cn=schema,cn=config"));
    is_taken_back(&place, &before);
}

#[test]
fn needs_389ds_needs_ldapsearch_the_off_line_scenario_is_clean_on_389_directory_server() {
    let (place, before) = a_whole_run("389ds", "42");
    let directory = Ldapsearch::of(&place);
    let root = directory.entry("(o=internet)");
    let acis = root["aci"].iter().filter(|a| a.contains("product=ims5.0"));
    assert_eq!(acis.count(), 4, "{root:?}");
    holds_classes(
        &directory.entry("(cn=Service Administrators)"),
        &["groupOfUniqueNames", "inetAdmin"],
    );
    is_taken_back(&place, &before);
}

/// The instance's own commands do their work on the real server, and a power cut takes it along.
fn the_commands_work(kind: &str) {
    let place = Place::new();
    place.create_lab(&[
        "--directory",
        kind,
        "--users",
        "3",
        "--messages-per-user",
        "1",
    ]);
    let lab = place.lab();
    let lab = lab.to_str().unwrap();
    let on_host = |command: &str, args: &[&str]| {
        let command = format!("{INSTANCE}/{command}");
        let mut words = vec!["lab", "shell", lab, "mail", "--", &command];
        words.extend(args);
        let output = place.run(&words);
        (output.status.code(), talk(&output))
    };
    let directory = Ldapsearch::of(&place);
    let before = directory.dump();
    let count = before.lines().filter(|l| l.starts_with("dn:")).count();
    let exported = |name: &str| {
        let path = format!("{INSTANCE}/ldif/{name}");
        let (status, said) = on_host("db2ldif", &[&path]);
        assert_eq!(status, Some(0), "{said}");
        let path = place.lab().join(format!("hosts/mail{path}"));
        let text = std::fs::read_to_string(&path).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "others may read the passwords");
        text.lines().filter(|l| l.starts_with("dn:")).count()
    };
    assert_eq!(exported("up.ldif"), count);
    assert_eq!(on_host("start-slapd", &[]).0, Some(2), "it is up");
    let (status, said) = on_host("stop-slapd", &[]);
    assert_eq!(status, Some(0), "{said}");
    let port: u16 = directory.url.rsplit(':').next().unwrap().parse().unwrap();
    assert!(
        TcpStream::connect(("127.0.0.1", port)).is_err(),
        "it is down"
    );
    assert_eq!(on_host("stop-slapd", &[]).0, Some(2));
    assert_eq!(exported("down.ldif"), count);
    let (status, said) = on_host("restart-slapd", &[]);
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(directory.dump(), before);

    let output = place.run(&["lab", "status", lab, "--json"]);
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    let pid = i32::try_from(status["pid"].as_i64().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let address = status["hosts"][0]["address"].as_str().unwrap();
    eventually("the server goes with its lab", || {
        TcpStream::connect((address, port)).is_err()
    });
    let output = place.run(&["lab", "start", lab]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    assert_eq!(directory.dump(), before);
}

#[test]
fn needs_slapd_needs_ldapsearch_the_instances_commands_work_on_openldap() {
    the_commands_work("slapd");
}

#[test]
fn needs_389ds_needs_ldapsearch_the_instances_commands_work_on_389_directory_server() {
    the_commands_work("389ds");
}
