//! A lab whose old server, new server and directory are hosts of their own.

use super::place::{Place, talk};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;

const SMALL: &[&str] = &["--users", "4", "--seed", "3", "--messages-per-user", "3"];

fn small(more: &[&'static str]) -> Vec<&'static str> {
    [more, SMALL].concat()
}

fn status(place: &Place) -> Value {
    let lab = place.lab();
    let output = place.run(&["lab", "status", lab.to_str().unwrap(), "--json"]);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", talk(&output)))
}

fn on(place: &Place, path: &str) -> PathBuf {
    place.lab().join("hosts").join(path)
}

#[test]
fn a_lab_for_a_new_host_has_each_role_on_a_host_of_its_own_and_runs() {
    let place = Place::new();
    place.create_lab(&small(&["--scenario", "sims-online"]));
    let status = status(&place);
    let hosts = status["hosts"].as_array().unwrap();
    let of = |name: &str| hosts.iter().find(|h| h["name"] == name).unwrap();
    let runs = |name: &str| -> BTreeSet<&str> {
        let all = of(name)["components"].as_array().unwrap();
        all.iter().map(|c| c.as_str().unwrap()).collect()
    };
    let sims = ["sims-dispatcher", "sims-imaccessd", "sims-job-controller"];
    assert_eq!(runs("oldmail"), BTreeSet::from(sims));
    assert_eq!(runs("newmail"), BTreeSet::new());
    assert_eq!(runs("ldap"), BTreeSet::from(["slapd"]));
    let base = status["ldap"]["port"].as_u64().unwrap() - 389;
    let listens = |name: &str, port: u64| {
        let address = of(name)["address"].as_str().unwrap().parse().unwrap();
        let port = u16::try_from(base + port).unwrap();
        TcpStream::connect(SocketAddr::new(address, port)).is_ok()
    };
    assert!(listens("oldmail", 25) && !listens("newmail", 25) && !listens("ldap", 25));
    assert!(listens("ldap", 389) && !listens("oldmail", 389));

    for file in [
        "oldmail/opt/SUNWmail/sbin/imta",
        "newmail/cdrom/iplanet/setup",
        "ldap/usr/netscape/server4/slapd-ldap/db2ldif",
        "ldap/cdrom/iplanet/solaris/migrate/schema/merged.at.conf",
    ] {
        assert!(on(&place, file).is_file(), "{file}");
    }
    for file in [
        "oldmail/cdrom",
        "newmail/opt",
        "ldap/opt",
        "newmail/usr/netscape",
    ] {
        assert!(!on(&place, file).exists(), "{file}");
    }
}

#[test]
fn on_one_host_the_on_line_lab_is_the_off_line_one() {
    let (online, offline) = (Place::new(), Place::new());
    online.create_lab(&small(&[
        "--scenario",
        "sims-online",
        "--variant",
        "same-host",
    ]));
    offline.create_lab(&small(&[]));
    for file in ["ledger.jsonl", "accounts.jsonl", "secrets.toml"] {
        let read = |place: &Place| std::fs::read(place.lab().join(file)).unwrap();
        assert_eq!(read(&online), read(&offline), "{file}");
    }
    assert!(on(&online, "mail/opt/SUNWmail/sbin/imta").is_file());
}

#[test]
fn a_variant_that_a_scenario_does_not_have_is_refused_and_nothing_is_made() {
    let place = Place::new();
    let lab = place.lab();
    let lab_name = lab.to_str().unwrap();
    let create = ["lab", "create", lab_name, "--scenario"];
    let practice = ["practice", "--headless", "--yes", "--lab", lab_name];
    for (words, scenario, variant) in [
        (create.as_slice(), "sims-offline", "new-host"),
        (create.as_slice(), "sims-incremental", "same-host"),
        (practice.as_slice(), "sims-offline", "new-host"),
    ] {
        let output = place.run(&[words, &[scenario, "--variant", variant]].concat());
        let said = talk(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains(&format!("has no variant `{variant}`")),
            "{said}"
        );
    }
    assert!(!lab.exists());
}
