//! From Netscape Messaging Server: forward to the end, back from the last gate that can be taken
//! back, and the ways in which taking a store over goes wrong.

use super::place::{Place, talk};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

const NMS: &str = "usr/netscape/server4/msg-mail";
const IMS: &str = "usr/iplanet/server5/msg-mail";

fn on_host(place: &Place, argv: &[&str]) -> Output {
    let lab = place.lab();
    let mut all = vec!["lab", "exec", lab.to_str().unwrap(), "mail"];
    all.extend(argv);
    place.run(&all)
}

fn file(place: &Place, path: &str) -> PathBuf {
    place.lab().join("hosts/mail").join(path)
}

fn ids(place: &Place) -> Vec<String> {
    let text = fs::read_to_string(place.lab().join("accounts.jsonl")).unwrap();
    let lines = text
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap());
    lines
        .map(|l| l["user"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn practice_takes_the_old_store_over_with_every_message_quota_and_subscription() {
    let place = Place::new();
    let more = [
        "nms-unix",
        "--users",
        "10",
        "--seed",
        "4",
        "--drill",
        "other-sentences",
    ];
    let output = place.practice(&more);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let audit = place.audit();
    assert_eq!(audit["clean"], true, "{audit}");
    assert!(audit["messages_before"].as_u64().unwrap() > 40, "{audit}");
    // In place: the new server's own partition stays empty, the old ones hold the mail.
    assert!(
        !file(&place, IMS)
            .join("store/partition/primary/=user")
            .exists()
    );
    let subscriptions = fs::read_to_string(place.lab().join("subscriptions.txt")).unwrap();
    assert!(subscriptions.lines().count() >= 5, "{subscriptions}");
    for line in subscriptions.lines() {
        let (user, folder) = line.split_once('\t').unwrap();
        let name = format!("{}.sub", imsmigrate::lab::ims::names::encode(user));
        let text = fs::read_to_string(file(&place, IMS).join("store/user").join(name)).unwrap();
        assert!(text.lines().any(|l| l == folder), "{user}: {folder}");
    }
    let config = format!("CONFIGROOT=/{IMS}/config");
    let quotas = on_host(
        &place,
        &[
            "env",
            &config,
            "/usr/iplanet/server5/bin/msg/admin/bin/quotacheck",
        ],
    );
    let quotas = String::from_utf8_lossy(&quotas.stdout).into_owned();
    // From the directory, where the old server had one limit for all.
    let anderson = quotas.lines().find(|l| l.ends_with(" Anderson")).unwrap();
    assert!(anderson.trim_start().starts_with("102400 "), "{anderson}");
    // The old server cannot come back.
    let start = on_host(&place, &[&format!("/{NMS}/start-msg"), "imap"]);
    assert_eq!(start.status.code(), Some(1), "{}", talk(&start));
}

#[test]
fn before_the_store_is_opened_everything_can_be_taken_back() {
    let place = Place::new();
    let lab = place.lab();
    let mut command: Command = place.command(&["practice", "nms-unix", "--headless", "--yes"]);
    command.args([
        "--users",
        "6",
        "--seed",
        "2",
        "--lab",
        lab.to_str().unwrap(),
    ]);
    let output = command.env("IMSMIGRATE_CRASH_AT", "1@start-store").output();
    assert_eq!(output.unwrap().status.code(), Some(1));
    let run = place.the_run()["id"].as_str().unwrap().to_owned();
    assert!(file(&place, IMS).join("store/mboxlist/folder.db").exists());
    let list = fs::read(file(&place, NMS).join("store/mboxlist/data.db2")).unwrap();
    let output = place.run(&["undo", &run, "--headless", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    assert_eq!(place.the_run()["state"], "undone");
    assert!(!file(&place, IMS).exists());
    let now = fs::read(file(&place, NMS).join("store/mboxlist/data.db2")).unwrap();
    assert_eq!(list, now);
    assert!(
        file(&place, NMS)
            .join("store/user")
            .read_dir()
            .unwrap()
            .count()
            > 0
    );
    let owner = on_host(&place, &["ls", "-ld", "/disk2/mail/partition"]);
    let owner = String::from_utf8_lossy(&owner.stdout).into_owned();
    assert!(owner.contains(" nsmail "), "{owner}");
    let site = place.site();
    let site = site.to_str().unwrap();
    let check = place.run(&[
        "check",
        "--site",
        site,
        "--only",
        "nms-up",
        "--only",
        "nms-store",
    ]);
    assert_eq!(check.status.code(), Some(0), "{}", talk(&check));
    assert!(!ids(&place).is_empty());
}

#[test]
fn a_store_is_not_opened_with_the_wrong_owner_or_a_file_too_much_nor_without_its_list_full() {
    let place = Place::new();
    let lab = place.lab();
    let mut command: Command = place.command(&["practice", "nms-unix", "--headless", "--yes"]);
    command.args([
        "--users",
        "5",
        "--seed",
        "6",
        "--lab",
        lab.to_str().unwrap(),
    ]);
    let output = command.env("IMSMIGRATE_CRASH_AT", "1@start-store").output();
    assert_eq!(output.unwrap().status.code(), Some(1));
    let start = || on_host(&place, &[&format!("/{IMS}/start-msg"), "store"]);
    let refused = |why: &str| {
        let said = start();
        assert_eq!(said.status.code(), Some(1), "{}", talk(&said));
        assert!(talk(&said).contains(why), "{}", talk(&said));
    };
    let lists = file(&place, IMS).join("store/mboxlist");
    on_host(&place, &["chown", "-R", "nsmail", "/disk2/mail/partition"]);
    refused("Permission denied");
    on_host(&place, &["chown", "-R", "mailsrv", "/disk2/mail/partition"]);
    fs::write(lists.join("log.0000000001"), "x").unwrap();
    refused("database recovery failed");
    fs::remove_file(lists.join("log.0000000001")).unwrap();
    // Without the mailbox list it comes up, and shows nobody anything.
    fs::remove_file(lists.join("folder.db")).unwrap();
    let up = start();
    assert_eq!(up.status.code(), Some(0), "{}", talk(&up));
    let config = format!("CONFIGROOT=/{IMS}/config");
    let list = on_host(
        &place,
        &[
            "env",
            &config,
            "/usr/iplanet/server5/bin/msg/admin/bin/mboxutil",
            "-l",
        ],
    );
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(!list.contains("user/"), "{list}");
    // As root and without CONFIGROOT the quotas are not rebuilt.
    let reconstruct = "/usr/iplanet/server5/bin/msg/admin/bin/reconstruct";
    let said = on_host(&place, &[reconstruct, "-q"]);
    assert!(talk(&said).contains("CONFIGROOT"), "{}", talk(&said));
    let said = on_host(&place, &["env", &config, reconstruct, "-q"]);
    assert!(talk(&said).contains("mail server user"), "{}", talk(&said));
}

#[test]
fn the_draft_for_the_guides_example_site_is_as_it_was_read() {
    let place = Place::new();
    let site = place.dir.path().join("site.toml");
    let site = site.to_str().unwrap();
    let new = place.run(&["site", "new", "nms-unix", "--output", site]);
    assert_eq!(new.status.code(), Some(0), "{}", talk(&new));
    let plan = place.run(&["plan", "--draft", "--format", "json", "--site", site]);
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    // Command by command, to be read beside the guide.
    let mut text = String::new();
    for step in plan["steps"].as_array().unwrap() {
        let word = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
        let _ = writeln!(text, "{} {} [{}]", word("guide"), word("id"), word("risk"));
        for action in step["actions"].as_array().unwrap() {
            let line = |key: &str| {
                let words = action[key].as_array().map(|a| {
                    let words = a.iter().map(|w| w.as_str().unwrap_or_default());
                    words.collect::<Vec<_>>().join(" ")
                });
                words.unwrap_or_default()
            };
            let kind = action["kind"].as_str().unwrap();
            let _ = writeln!(text, "  {kind}: {}", line("argv"));
            if line("guide_argv") != line("argv") {
                let _ = writeln!(text, "    guide: {}", line("guide_argv"));
            }
        }
        for correction in step["corrections"].as_array().unwrap() {
            let _ = writeln!(text, "  not: {}", correction["guide"].as_str().unwrap());
        }
    }
    insta::assert_snapshot!("nms_unix", text);
}
