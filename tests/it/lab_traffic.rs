//! The world outside of a lab: it sends until it is taken, and what was taken is in the ledger.

use super::place::{Place, talk};
use imsmigrate::lab::sims::SimsStore;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

struct World(Place);

impl World {
    fn new(more: &[&str]) -> Self {
        let place = Place::new();
        let usual = [
            "--users",
            "9",
            "--seed",
            "5",
            "--messages-per-user",
            "1",
            "--traffic",
            "900",
        ];
        place.create_lab(&[usual.as_slice(), more].concat());
        Self(place)
    }

    fn lab(&self, words: &[&str]) -> Value {
        let lab = self.0.lab();
        let output = self
            .0
            .run(&[&["lab", words[0], lab.to_str().unwrap()], &words[1..]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", talk(&output)))
    }

    fn count(&self, what: &str) -> u64 {
        self.lab(&["status", "--json"])["traffic"][what]
            .as_u64()
            .unwrap()
    }

    /// Waits until it is so; says what it was at last when it never is.
    fn until(&self, what: &str, so: impl Fn(u64) -> bool) -> u64 {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let now = self.count(what);
            if so(now) {
                return now;
            }
            assert!(
                Instant::now() < deadline,
                "{}",
                self.lab(&["status", "--json"])
            );
            std::thread::yield_now();
        }
    }

    fn on(&self, host: &str, words: &[&str]) {
        let lab = self.0.lab();
        let shell = ["lab", "shell", lab.to_str().unwrap(), host];
        let output = self.0.run(&[shell.as_slice(), words].concat());
        assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    }

    fn root(&self, host: &str) -> PathBuf {
        self.0.lab().join("hosts").join(host)
    }

    fn ledger(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.0.lab().join("ledger.jsonl")).unwrap();
        let lines = text
            .lines()
            .map(|l| serde_json::from_str::<Value>(l).unwrap());
        lines.filter(|l| l["from"] == "traffic").collect()
    }
}

fn inboxes(root: &Path) -> BTreeMap<(String, String), usize> {
    let store = SimsStore::open(root).unwrap();
    let mut found = BTreeMap::new();
    for user in store.users().unwrap() {
        for folder in store.folders(&user).unwrap() {
            for message in folder.messages {
                let text = store.read(&message).unwrap();
                let key = (user.clone(), format!("{:x}", Sha256::digest(&text)));
                *found.entry(key).or_default() += 1;
            }
        }
    }
    found
}

#[test]
fn what_was_taken_is_in_the_ledger_and_arrives_and_what_was_not_is_sent_again() {
    let world = World::new(&[]);
    world.until("accepted", |n| n >= 8);
    world.until("read", |n| n >= 2);
    world.on("mail", &["/opt/SUNWmail/sbin/imta", "stop", "dispatcher"]);
    let refused = world.count("accepted");
    world.until("waiting", |n| n >= 3);
    assert!(world.count("accepted") <= refused + 1, "nobody takes mail");
    world.on("mail", &["/opt/SUNWmail/sbin/imta", "start", "dispatcher"]);
    world.until("accepted", |n| n > refused + 3);
    assert_eq!(world.count("bounced"), 0);

    // The judgement of a lab that was not migrated is bad, but everything has arrived before it.
    let held = world.lab(&["audit", "--json"])["held"].clone();
    let ledger = world.ledger();
    assert!(ledger.len() as u64 >= world.count("accepted") / 2);
    let there = inboxes(&world.root("mail"));
    let waiting = held.to_string();
    for line in &ledger {
        let user = line["user"].as_str().unwrap().to_lowercase();
        let id = line["message_id"].as_str().unwrap();
        let key = (user, line["sha256"].as_str().unwrap().to_owned());
        let arrived = there.get(&key).copied().unwrap_or(0);
        assert!(arrived == 1 || waiting.contains(id), "{line}: {arrived}");
    }
    // The traffic goes on when it has been judged.
    let after = world.count("accepted");
    world.until("accepted", |n| n > after);
}
