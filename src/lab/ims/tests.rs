//! The new store as a whole: what goes in comes out, in parallel, and what a power cut takes.

use super::*;

fn flags(names: &[&str]) -> Vec<String> {
    names.iter().map(|s| (*s).to_owned()).collect()
}

#[test]
fn messages_are_files_of_their_number_with_internet_line_ends() {
    let dir = tempfile::tempdir().unwrap();
    let store = ImsStore::open(dir.path()).unwrap();
    let n = store
        .append("Anderson", "INBOX", b"a\nb\r\n", &flags(&["\\Seen"]), 77)
        .unwrap();
    assert_eq!(n, 1);
    assert_eq!(store.append("Anderson", "inbox", b"x", &[], 78).unwrap(), 2);
    let path = store.path("Anderson", "INBOX").unwrap();
    assert!(path.ends_with("=+Anderson"));
    assert_eq!(std::fs::read(path.join("1.msg")).unwrap(), b"a\r\nb\r\n");
    let stored = store.messages("Anderson", "INBOX").unwrap();
    assert_eq!(stored[0].flags, ["\\Seen"]);
    assert_eq!((stored[0].internal_date, stored[0].size), (77, 6));
    assert_eq!(store.read("Anderson", "INBOX", 2).unwrap(), b"x");
}

#[test]
fn users_that_differ_in_case_are_two_users() {
    let dir = tempfile::tempdir().unwrap();
    let store = ImsStore::open(dir.path()).unwrap();
    store.append("Anderson", "INBOX", b"x", &[], 0).unwrap();
    store.append("anderson", "INBOX", b"x", &[], 0).unwrap();
    let users: Vec<_> = store.mailboxes().unwrap();
    assert_eq!(users.len(), 2);
    assert_eq!(users[0].name(), "user/Anderson/INBOX");
}

#[test]
fn deleting_inbox_takes_all_and_deleting_a_folder_leaves_what_is_below() {
    let dir = tempfile::tempdir().unwrap();
    let store = ImsStore::open(dir.path()).unwrap();
    for folder in ["INBOX", "Mail", "Mail/flying", "a b"] {
        store.append("u", folder, b"x", &[], 0).unwrap();
    }
    assert_eq!(
        store.delete_mailbox("u", Delete::Folder("Mail")).unwrap(),
        1
    );
    assert_eq!(store.mailboxes_of("u").unwrap().len(), 3);
    assert_eq!(store.delete_mailbox("u", Delete::All).unwrap(), 3);
    assert!(store.mailboxes().unwrap().is_empty());
    assert!(!store.exists("u", "INBOX").unwrap());
}

#[test]
fn a_renamed_mailbox_keeps_its_messages() {
    let dir = tempfile::tempdir().unwrap();
    let store = ImsStore::open(dir.path()).unwrap();
    store
        .append("a", "old", b"x", &flags(&["\\Seen"]), 5)
        .unwrap();
    store.rename_mailbox(("a", "old"), ("b", "new")).unwrap();
    assert_eq!(store.read("b", "new", 1).unwrap(), b"x");
    assert_eq!(store.messages("b", "new").unwrap()[0].flags, ["\\Seen"]);
    assert!(!store.exists("a", "old").unwrap());
    assert!(store.rename_mailbox(("a", "old"), ("b", "x")).is_err());
}

#[test]
fn many_writers_get_numbers_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = ImsStore::open(dir.path()).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..6 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..15 {
                    let text = format!("{writer} {n}");
                    store.append("u", "INBOX", text.as_bytes(), &[], 0).unwrap();
                }
            });
        }
    });
    let messages = store.messages("u", "INBOX").unwrap();
    let numbers: Vec<_> = messages.iter().map(|m| m.n).collect();
    assert_eq!(numbers, (1..=90).collect::<Vec<_>>());
}

#[test]
fn at_level_0_a_power_cut_takes_what_was_written_since_stored_started() {
    let dir = tempfile::tempdir().unwrap();
    ImsStore::open(dir.path())
        .unwrap()
        .append("u", "INBOX", b"safe", &[], 0)
        .unwrap();
    sync::stored_started(dir.path(), "0").unwrap();
    let store = ImsStore::open(dir.path()).unwrap();
    assert_eq!(store.level(), Level::NoSync);
    store.append("u", "INBOX", b"lost", &[], 0).unwrap();
    store.append("U", "Mail/x", b"lost", &[], 0).unwrap();
    assert_eq!(sync::lose_unsynced(dir.path()).unwrap(), 2);
    let left = store.messages("u", "INBOX").unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(store.read("u", "INBOX", 1).unwrap(), b"safe");
    assert!(!store.path("u", "INBOX").unwrap().join("2.msg").exists());
    assert_eq!(sync::lose_unsynced(dir.path()).unwrap(), 0);
}

#[test]
fn a_clean_stop_or_level_minus_1_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    sync::stored_started(dir.path(), "0").unwrap();
    let store = ImsStore::open(dir.path()).unwrap();
    store.append("u", "INBOX", b"kept", &[], 0).unwrap();
    sync::stored_stopped(dir.path()).unwrap();
    assert_eq!(sync::lose_unsynced(dir.path()).unwrap(), 0);
    sync::stored_started(dir.path(), "-1").unwrap();
    let store = ImsStore::open(dir.path()).unwrap();
    store.append("u", "INBOX", b"kept too", &[], 0).unwrap();
    assert_eq!(sync::lose_unsynced(dir.path()).unwrap(), 0);
    assert_eq!(store.messages("u", "INBOX").unwrap().len(), 2);
}
