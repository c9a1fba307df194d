//! Tests of taking messages in: who is let, what is queued, what the ledger says.

use super::*;
use crate::lab::people::Rules;
use crate::lab::people::fake::Fake;
use crate::lab::world::{HostConfig, LabConfig};
use std::net::Ipv4Addr;
use std::path::Path;

/// A side in a folder, with `Ann`, `bob` on hold, and the group `all` of both.
pub fn side(dir: &Path, rules: Rules) -> Side {
    let mut directory = Fake::default();
    let classes = [
        "objectClass: inetMailUser",
        "objectClass: inetLocalMailRecipient",
    ];
    let host = "mailHost: mail.siroe.com";
    directory.add(
        "uid=Ann,ou=People,dc=siroe,dc=com,o=internet",
        &[
            classes[0],
            classes[1],
            host,
            "uid: Ann",
            "mail: ann@siroe.com",
        ],
    );
    directory.add(
        "uid=bob,ou=People,dc=siroe,dc=com,o=internet",
        &[
            classes[0],
            classes[1],
            host,
            "uid: bob",
            "mail: bob@siroe.com",
            "mailDeliveryOption: hold",
        ],
    );
    directory.add(
        "cn=all,ou=Groups,dc=siroe,dc=com,o=internet",
        &[
            "objectClass: inetMailGroup",
            "objectClass: inetLocalMailRecipient",
            host,
            "mail: all@siroe.com",
            "uniqueMember: uid=Ann,ou=People,dc=siroe,dc=com,o=internet",
            "uniqueMember: uid=bob,ou=People,dc=siroe,dc=com,o=internet",
        ],
    );
    let (local, store) = match rules {
        Rules::Sims => (
            queue::OLD_LOCAL,
            Store::Old {
                host_root: dir.join("host"),
            },
        ),
        Rules::Ims | Rules::Nms => (
            queue::NEW_LOCAL,
            Store::New {
                instance: dir.join("host/msg-mail"),
            },
        ),
    };
    let directory: Arc<dyn Directory> = Arc::new(directory);
    Side {
        lab: lab(dir),
        host_root: dir.join("host"),
        product: "test",
        site: Site {
            rules,
            suffix: "o=internet".to_owned(),
            also: None,
            dc_root: "o=internet".to_owned(),
            default_dn: "dc=siroe,dc=com,o=internet".to_owned(),
            host: "mail.siroe.com".to_owned(),
            multi: false,
            everywhere: false,
            aliases: Vec::new(),
            separators: vec!['@'],
        },
        known: Arc::clone(&directory),
        directory,
        queue: dir.join("host/queue"),
        counters: dir.join("host/counters"),
        local,
        store,
        relay: Relay::Everybody,
    }
}

/// A lab of one host that nobody runs.
pub fn lab(dir: &Path) -> Lab {
    Lab {
        dir: dir.to_path_buf(),
        config: LabConfig {
            version: 1,
            id: "t".to_owned(),
            scenario: "sims-offline".to_owned(),
            seed: 1,
            directory: crate::lab::world::DirectoryKind::Embedded,
            port_base: 20_000,
            suffix: "o=internet".to_owned(),
            default_domain_dn: "dc=siroe,dc=com,o=internet".to_owned(),
            default_domain: "siroe.com".to_owned(),
            manager_dn: "cn=Directory Manager".to_owned(),
            traffic_per_minute: None,
            hosts: vec![HostConfig {
                name: "mail".to_owned(),
                fqdn: "mail.siroe.com".to_owned(),
                address: Ipv4Addr::LOCALHOST,
                roles: vec!["old".to_owned(), "new".to_owned(), "directory".to_owned()],
            }],
        },
    }
}

fn incoming(to: &[&str]) -> Incoming {
    Incoming {
        from: "x@else.org".to_owned(),
        to: to.iter().map(|t| (*t).to_owned()).collect(),
        message: b"Subject: s\n\nhi\n".to_vec(),
        hops: None,
    }
}

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 3, 3, 3));

#[test]
fn a_message_is_queued_by_channel_and_each_owner_is_in_the_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let side = side(dir.path(), Rules::Sims);
    side.accept(&incoming(&[
        "all@siroe.com",
        "ann@siroe.com",
        "far@away.org",
    ]))
    .unwrap();
    let queued = queue::list(&side.queue).unwrap();
    let channels: Vec<_> = queued.iter().map(|q| q.channel.as_str()).collect();
    assert_eq!(channels, ["sims-ms", "tcp_local"]);
    let (envelope, message) = queue::read(&queued[0].path).unwrap();
    assert_eq!(envelope.to, ["all@siroe.com", "ann@siroe.com"]);
    assert_eq!(message, b"Subject: s\n\nhi\n");
    let ledger = std::fs::read_to_string(dir.path().join("ledger.jsonl")).unwrap();
    let users: Vec<_> = ledger
        .lines()
        .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["user"].clone())
        .collect();
    assert_eq!(users, ["Ann", "bob"]);
}

#[test]
fn the_old_server_relays_for_everybody_and_knows_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let side = side(dir.path(), Rules::Sims);
    assert_eq!(side.recipient(CLIENT, "ann@siroe.com"), Verdict::Accepted);
    assert_eq!(
        side.recipient(CLIENT, "ann@mail.siroe.com"),
        Verdict::Accepted
    );
    assert_eq!(side.recipient(CLIENT, "nobody@siroe.com"), Verdict::Unknown);
    assert_eq!(side.recipient(CLIENT, "far@away.org"), Verdict::Accepted);
}

#[test]
fn the_new_server_goes_by_its_cache_and_its_mapping_table() {
    let dir = tempfile::tempdir().unwrap();
    let mut side = side(dir.path(), Rules::Ims);
    let path = dir.path().join("mappings");
    std::fs::write(&path, super::super::mappings::DEFAULT).unwrap();
    side.relay = Relay::Mapped(super::super::mappings::Internal::read(&path).unwrap());
    let mut known = Fake::default();
    known.add("dc=siroe,dc=com,o=internet", &["objectClass: inetDomain"]);
    known.add(
        "uid=only,ou=People,dc=siroe,dc=com,o=internet",
        &[
            "objectClass: inetMailUser",
            "objectClass: inetLocalMailRecipient",
            "mail: only@siroe.com",
        ],
    );
    side.known = Arc::new(known);
    assert_eq!(side.recipient(CLIENT, "Only@Siroe.com"), Verdict::Accepted);
    assert_eq!(side.recipient(CLIENT, "only"), Verdict::Accepted);
    assert_eq!(side.recipient(CLIENT, "ann@siroe.com"), Verdict::Unknown);
    assert_eq!(side.recipient(CLIENT, "far@away.org"), Verdict::RelayDenied);
    std::fs::write(&path, "INTERNAL_IP\n  $(127.3.0.0/16)  $Y\n").unwrap();
    side.relay = Relay::Mapped(super::super::mappings::Internal::read(&path).unwrap());
    assert_eq!(side.recipient(CLIENT, "far@away.org"), Verdict::Accepted);
}

#[test]
fn what_another_host_of_the_site_took_is_not_noted_again_and_what_goes_round_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let side = side(dir.path(), Rules::Sims);
    let mut relayed = incoming(&["ann@siroe.com"]);
    relayed.hops = Some(2);
    side.accept(&relayed).unwrap();
    let ledger = || std::fs::read_to_string(dir.path().join("ledger.jsonl")).unwrap_or_default();
    assert_eq!(ledger(), "");
    let queued = queue::list(&side.queue).unwrap();
    let (envelope, _) = queue::read(&queued[0].path).unwrap();
    assert_eq!((envelope.hops, queued[0].state), (2, State::Ready));

    relayed.hops = Some(31);
    side.accept(&relayed).unwrap();
    let mut circling = incoming(&["ann@siroe.com"]);
    circling.message = ["Received: from a\r\n".repeat(31).as_bytes(), b"\r\nhi\r\n"].concat();
    side.accept(&circling).unwrap();
    let queued = queue::list(&side.queue).unwrap();
    let held = queued.iter().filter(|q| q.state == State::Held).count();
    assert_eq!((queued.len(), held), (3, 2));
    assert_eq!(ledger().lines().count(), 1);
}
