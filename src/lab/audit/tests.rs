//! Proof that the audit can fail: a small lab on disk, one damage at a time, each named exactly.

mod server;

use super::{AuditReport, Item, names, run};
use server::Mail;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// One message: user, folder, number in it, Message-ID, body.
type Message = (
    &'static str,
    &'static str,
    u32,
    Option<&'static str>,
    &'static str,
);

const MAIL: &[Message] = &[
    ("Anderson", "INBOX", 1, Some("<a1@siroe.com>"), "one\n"),
    (
        "Anderson",
        "INBOX",
        2,
        Some("<group@siroe.com>"),
        "to all\r\n",
    ),
    (
        "Anderson",
        "Mail/Old.1999",
        1,
        Some("<a2@siroe.com>"),
        "two\r\n",
    ),
    ("bob", "INBOX", 1, Some("<b1@siroe.com>"), "hello\r\n"),
    ("bob", "INBOX", 2, Some("<group@siroe.com>"), "to all\r\n"),
    ("bob", "INBOX", 10, None, "nothing but a body\r\n"),
    ("bob", "a b", 1, Some("<b2@siroe.com>"), "blank\r\n"),
    (
        "carol@varrius.org",
        "INBOX",
        1,
        Some("<c1@varrius.org>"),
        "hosted\r\n",
    ),
];

fn text(id: Option<&str>, body: &str) -> String {
    let id = id.map_or(String::new(), |id| format!("Message-ID: {id}\r\n"));
    format!("From: x@y\r\n{id}Subject: s\r\n\r\n{body}")
}

/// The encoding on disk, forwards (the audit itself only reads).
fn encode(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            'A'..='Z' => format!("+{c}"),
            '+' => "++".to_owned(),
            '.' => "%d".to_owned(),
            '=' => "%e".to_owned(),
            '%' => "%%".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

struct SmallLab {
    dir: TempDir,
    server: Mail,
}

impl SmallLab {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let mut ledger = String::new();
        for (user, folder, number, id, body) in MAIL {
            let text = text(*id, body);
            let line = serde_json::json!({
                "user": user, "folder": folder, "message_id": id, "from": "store",
                "sha256": names::content_hash(text.as_bytes()), "size": text.len(),
                "flags": [], "internal_date": "2002-04-05T00:00:00Z",
            });
            ledger += &line.to_string();
            ledger.push('\n');
            put(dir.path(), user, folder, *number, &text);
        }
        fs::write(dir.path().join("ledger.jsonl"), ledger).unwrap();
        let accounts = ["Anderson", "bob", "carol@varrius.org"].map(|user| {
            let password = format!("p \"{user}\\");
            serde_json::json!({"user": user, "dn": "uid=x", "password": password}).to_string()
        });
        fs::write(dir.path().join("accounts.jsonl"), accounts.join("\n")).unwrap();
        let server = Mail::start(&[
            ("Anderson", &[("INBOX", 2), ("Mail/Old.1999", 1)]),
            ("bob", &[("INBOX", 3), ("a b", 1)]),
            ("carol+varrius.org", &[("INBOX", 1)]),
        ]);
        let lab = format!(
            "port_base = {}\n[[hosts]]\nname = \"mail\"\naddress = \"127.0.0.1\"\nroles = [\"old\", \"new\"]\n",
            server.port_base
        );
        fs::write(dir.path().join("lab.toml"), lab).unwrap();
        Self { dir, server }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn audit(&self) -> AuditReport {
        run(self.path()).unwrap()
    }

    fn file(&self, user: &str, folder: &str, number: u32) -> PathBuf {
        file(self.path(), user, folder, number)
    }
}

fn file(dir: &Path, user: &str, folder: &str, number: u32) -> PathBuf {
    let mut path =
        dir.join("hosts/mail/usr/iplanet/server5/msg-mail/store/partition/primary/=user/0a/f1");
    path.push(format!("={}", encode(user)));
    if folder != "INBOX" {
        path.extend(folder.split('/').map(|level| format!("={}", encode(level))));
    }
    path.join(format!("{number}.msg"))
}

fn put(dir: &Path, user: &str, folder: &str, number: u32, text: &str) -> PathBuf {
    let path = file(dir, user, folder, number);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::write(path.with_file_name("store.idx"), "{}\n").unwrap();
    path
}

/// The items of a list as `user folder id`.
fn named(items: &[Item]) -> Vec<String> {
    let or = |o: &Option<String>| o.clone().unwrap_or_else(|| "-".to_owned());
    items
        .iter()
        .map(|i| format!("{} {} {}", or(&i.user), or(&i.folder), or(&i.message_id)))
        .collect()
}

/// Asserts that the named list has exactly these and every other list is empty.
#[track_caller]
fn only(report: &AuditReport, list: &str, expected: &[&str]) {
    assert!(!report.clean);
    for (name, items) in report.lists() {
        let expected = if name == list { expected } else { &[] };
        assert_eq!(named(items), expected, "{name}\n{}", report.render());
    }
}

#[test]
fn an_untouched_lab_is_clean_and_counted() {
    let lab = SmallLab::new();
    let report = lab.audit();
    assert!(report.clean, "{}", report.render());
    assert_eq!(
        (report.messages_before, report.messages_after, report.users),
        (8, 8, 3)
    );
    let json: serde_json::Value = serde_json::to_value(&report).unwrap();
    for list in [
        "missing",
        "duplicated",
        "altered",
        "misplaced",
        "unreachable_users",
        "held",
        "unexpected",
    ] {
        assert_eq!(json[list], serde_json::json!([]), "{list}");
    }
    assert_eq!(json["clean"], true);
}

#[test]
fn a_lost_message_is_missing() {
    let lab = SmallLab::new();
    fs::remove_file(lab.file("Anderson", "Mail/Old.1999", 1)).unwrap();
    only(
        &lab.audit(),
        "missing",
        &["Anderson Mail/Old.1999 <a2@siroe.com>"],
    );
}

#[test]
fn a_lost_message_without_an_id_is_missing_by_its_hash() {
    let lab = SmallLab::new();
    let path = lab.file("bob", "INBOX", 10);
    let hash = names::content_hash(&fs::read(&path).unwrap());
    fs::remove_file(path).unwrap();
    let report = lab.audit();
    only(&report, "missing", &["bob INBOX -"]);
    assert_eq!(report.missing[0].sha256.as_deref(), Some(hash.as_str()));
}

#[test]
fn a_second_copy_is_duplicated_and_the_later_one_is_named() {
    let lab = SmallLab::new();
    let path = lab.file("bob", "INBOX", 11);
    fs::copy(lab.file("bob", "INBOX", 1), &path).unwrap();
    let report = lab.audit();
    only(&report, "duplicated", &["bob INBOX <b1@siroe.com>"]);
    assert!(
        report.duplicated[0]
            .file
            .as_ref()
            .unwrap()
            .ends_with("/11.msg")
    );
}

#[test]
fn a_restore_run_twice_is_duplicated_in_the_dated_folders() {
    let lab = SmallLab::new();
    for (user, folder, number, id, body) in MAIL.iter().filter(|m| m.0 == "bob") {
        let dated = format!("{folder}.040502.101010");
        put(lab.path(), user, &dated, *number, &text(*id, body));
    }
    only(
        &lab.audit(),
        "duplicated",
        &[
            "bob INBOX.040502.101010 -",
            "bob INBOX.040502.101010 <b1@siroe.com>",
            "bob INBOX.040502.101010 <group@siroe.com>",
            "bob a b.040502.101010 <b2@siroe.com>",
        ],
    );
}

#[test]
fn a_collided_folder_with_a_date_is_right() {
    let lab = SmallLab::new();
    let text = text(Some("<b3@siroe.com>"), "collided\r\n");
    put(lab.path(), "bob", "a b.040502.101010", 1, &text);
    let line = serde_json::json!({
        "user": "bob", "folder": "a b", "message_id": "<b3@siroe.com>",
        "sha256": names::content_hash(text.as_bytes()), "size": text.len(),
    });
    let ledger = lab.path().join("ledger.jsonl");
    let all = fs::read_to_string(&ledger).unwrap() + &format!("{line}\n");
    fs::write(&ledger, all).unwrap();
    lab.server.set("bob", "a b.040502.101010", 1);
    let report = lab.audit();
    assert!(report.clean, "{}", report.render());
}

#[test]
fn one_flipped_byte_is_one_altered_message() {
    for (user, folder, number, at) in [
        ("bob", "INBOX", 1, -3_isize), // in the body
        ("bob", "INBOX", 10, -3),      // of a message without an id
        ("bob", "INBOX", 1, 24),       // in the Message-ID itself
        ("Anderson", "INBOX", 2, -4),  // of a message that others have too
    ] {
        let lab = SmallLab::new();
        let path = lab.file(user, folder, number);
        let mut bytes = fs::read(&path).unwrap();
        let at = at.rem_euclid(bytes.len().cast_signed()).cast_unsigned();
        bytes[at] ^= 1;
        let found = names::content_hash(&bytes);
        fs::write(&path, bytes).unwrap();
        let report = lab.audit();
        assert_eq!(report.altered.len(), 1, "{}", report.render());
        let item = report.altered[0].clone();
        assert_eq!(item.found_sha256.as_deref(), Some(found.as_str()));
        only(&report, "altered", &[&named(&[item])[0]]);
    }
}

#[test]
fn a_message_cut_short_is_altered() {
    let lab = SmallLab::new();
    fs::write(lab.file("bob", "a b", 1), "").unwrap();
    only(&lab.audit(), "altered", &["bob a b <b2@siroe.com>"]);
}

#[test]
fn a_message_in_another_persons_mailbox_is_misplaced_and_named_with_both() {
    let lab = SmallLab::new();
    fs::rename(
        lab.file("bob", "INBOX", 1),
        lab.file("Anderson", "INBOX", 9),
    )
    .unwrap();
    let report = lab.audit();
    only(&report, "misplaced", &["bob INBOX <b1@siroe.com>"]);
    assert_eq!(report.misplaced[0].found_user.as_deref(), Some("Anderson"));
}

#[test]
fn a_copy_in_another_persons_mailbox_is_misplaced_although_the_owner_has_it() {
    let lab = SmallLab::new();
    fs::copy(
        lab.file("bob", "INBOX", 1),
        lab.file("Anderson", "INBOX", 9),
    )
    .unwrap();
    let report = lab.audit();
    only(&report, "misplaced", &["bob INBOX <b1@siroe.com>"]);
    assert_eq!(report.misplaced[0].found_user.as_deref(), Some("Anderson"));
}

#[test]
fn a_message_in_the_wrong_folder_is_misplaced() {
    let lab = SmallLab::new();
    fs::rename(
        lab.file("Anderson", "Mail/Old.1999", 1),
        lab.file("Anderson", "INBOX", 9),
    )
    .unwrap();
    lab.server.set("Anderson", "INBOX", 3);
    let report = lab.audit();
    only(
        &report,
        "misplaced",
        &["Anderson Mail/Old.1999 <a2@siroe.com>"],
    );
    assert_eq!(report.misplaced[0].found_folder.as_deref(), Some("INBOX"));
    assert_eq!(report.misplaced[0].found_user, None);
}

#[test]
fn a_mailbox_under_the_lowercase_uid_is_misplaced_and_its_user_unreachable() {
    let lab = SmallLab::new();
    let home = |user| lab.file(user, "INBOX", 1).parent().unwrap().to_path_buf();
    fs::rename(home("Anderson"), home("anderson")).unwrap();
    // A login makes an empty INBOX under the right id.
    fs::create_dir(home("Anderson")).unwrap();
    let report = lab.audit();
    assert_eq!(
        named(&report.misplaced),
        [
            "Anderson INBOX <a1@siroe.com>",
            "Anderson INBOX <group@siroe.com>",
            "Anderson Mail/Old.1999 <a2@siroe.com>"
        ]
    );
    assert!(
        report
            .misplaced
            .iter()
            .all(|i| i.found_user.as_deref() == Some("anderson"))
    );
    assert_eq!(named(&report.unreachable_users), ["Anderson - -"]);
    let rest: usize = report.lists().iter().map(|(_, items)| items.len()).sum();
    assert_eq!(rest, 4, "{}", report.render());
}

#[test]
fn a_planted_message_is_unexpected() {
    let lab = SmallLab::new();
    put(
        lab.path(),
        "bob",
        "INBOX",
        99,
        &text(Some("<planted@evil>"), "gotcha, and quite long\r\n"),
    );
    only(&lab.audit(), "unexpected", &["bob INBOX <planted@evil>"]);
}

#[test]
fn a_planted_message_beside_a_lost_one_is_not_taken_for_an_altered_one() {
    let lab = SmallLab::new();
    fs::remove_file(lab.file("bob", "INBOX", 1)).unwrap();
    put(
        lab.path(),
        "bob",
        "INBOX",
        99,
        &text(Some("<planted@evil>"), "gotcha, and quite long\r\n"),
    );
    let report = lab.audit();
    assert_eq!(named(&report.missing), ["bob INBOX <b1@siroe.com>"]);
    assert_eq!(named(&report.unexpected), ["bob INBOX <planted@evil>"]);
    assert!(report.altered.is_empty());
}

#[test]
fn what_lies_in_a_queue_is_held_also_when_marked_held() {
    let lab = SmallLab::new();
    let old = lab
        .path()
        .join("hosts/mail/var/opt/SUNWmail/imta/queue/sims-ms");
    let new = lab
        .path()
        .join("hosts/mail/usr/iplanet/server5/msg-mail/imta/queue/hold");
    fs::create_dir_all(&old).unwrap();
    fs::create_dir_all(&new).unwrap();
    fs::write(
        old.join("ZZ0F7O00I03CJHZD.00"),
        "m;x\n\nMessage-ID: <b1@siroe.com>\n\nhello\n",
    )
    .unwrap();
    fs::write(old.join("$writing"), "half").unwrap();
    fs::write(new.join("ZZ0F7O00I03CILY6.HELD"), "no id\n").unwrap();
    only(
        &lab.audit(),
        "held in a queue",
        &["bob INBOX <b1@siroe.com>", "- - -"],
    );
}

#[test]
fn a_refused_login_and_a_folder_that_cannot_be_opened_are_unreachable() {
    let lab = SmallLab::new();
    lab.server.remove("carol+varrius.org");
    lab.server.set("bob", "a b", 0);
    lab.server.set("Anderson", "INBOX", 1);
    let report = lab.audit();
    only(
        &report,
        "unreachable users",
        &["Anderson - -", "bob - -", "carol@varrius.org - -"],
    );
    let reasons: Vec<_> = report
        .unreachable_users
        .iter()
        .map(|i| i.reason.clone().unwrap())
        .collect();
    assert!(
        reasons[0].contains("INBOX: shows 1 messages where 2 lie"),
        "{reasons:?}"
    );
    assert!(reasons[1].contains("a b"), "{reasons:?}");
    assert!(reasons[2].contains("carol@varrius.org"), "{reasons:?}");
}

#[test]
fn nobody_is_reachable_when_nothing_listens() {
    let lab = SmallLab::new();
    lab.server.stop();
    only(
        &lab.audit(),
        "unreachable users",
        &["Anderson - -", "bob - -", "carol@varrius.org - -"],
    );
}

#[test]
fn a_file_that_is_none_and_a_name_that_is_not_encoded_are_unreadable() {
    let lab = SmallLab::new();
    let link = lab.file("bob", "INBOX", 12);
    std::os::unix::fs::symlink(lab.file("bob", "INBOX", 1), &link).unwrap();
    let wrong = lab.file("bob", "INBOX", 1).with_file_name("=Upper");
    fs::create_dir(&wrong).unwrap();
    let report = lab.audit();
    assert_eq!(report.unreadable.len(), 2, "{}", report.render());
    only(&report, "unreadable", &["- - -", "- - -"]);
}

#[test]
fn a_folder_that_is_no_lab_or_has_a_broken_ledger_is_refused_by_name() {
    let empty = TempDir::new().unwrap();
    let error = run(empty.path()).unwrap_err().to_string();
    assert!(error.contains("is not a lab"), "{error}");
    let lab = SmallLab::new();
    fs::write(lab.path().join("ledger.jsonl"), "\n{\"user\":3}\n").unwrap();
    let error = run(lab.path()).unwrap_err().to_string();
    assert!(error.contains("ledger.jsonl`, line 2:"), "{error}");
}

#[test]
fn the_table_names_what_is_wrong_and_hides_nothing_hostile() {
    let lab = SmallLab::new();
    put(
        lab.path(),
        "bob",
        "INBOX",
        99,
        &text(Some("<\x1b[2J@evil>"), "a long enough body\r\n"),
    );
    let report = lab.audit();
    let table = report.render();
    assert!(table.starts_with("NOT clean\n"), "{table}");
    assert!(table.contains("bob  INBOX  <\\u{1b}[2J@evil>"), "{table}");
    assert!(!table.contains('\x1b'));
}

#[test]
fn a_service_that_a_person_may_not_use_is_not_tried() {
    let lab = SmallLab::new();
    lab.server.set("bob", "a b", 0);
    let accounts = lab.path().join("accounts.jsonl");
    let text = fs::read_to_string(&accounts).unwrap();
    let only_pop = text.replace(
        "{\"user\":\"bob\",",
        "{\"user\":\"bob\",\"services\":[\"pop3\"],",
    );
    assert_ne!(text, only_pop);
    fs::write(&accounts, only_pop).unwrap();
    let report = lab.audit();
    assert!(report.clean, "{}", report.render());
}

#[test]
fn a_ledger_line_torn_by_a_power_cut_was_no_promise() {
    let lab = SmallLab::new();
    let ledger = lab.path().join("ledger.jsonl");
    let text = fs::read_to_string(&ledger).unwrap();
    fs::write(&ledger, format!("{text}{{\"user\":\"bo")).unwrap();
    let report = lab.audit();
    assert!(report.clean, "{}", report.render());
    assert_eq!(report.messages_before, MAIL.len());
}
