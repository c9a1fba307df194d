//! A stream into a store: whole, cut anywhere, twice, with names that do not fit.

use super::super::stream::{
    MessageRecord, Record, StreamHeader, StreamReader, StreamWriter, UNIT, UserRecord,
};
use super::run::{Refusal, Restore, Room, table};
use super::*;
use std::cell::Cell;
use std::path::Path;

const FACTOR: usize = 1;

fn message(text: &[u8]) -> Record {
    Record::Message(
        MessageRecord {
            flags: vec!["\\Seen".into()],
            date: 1_018_000_000,
        },
        text.to_vec(),
    )
}

fn user(name: &str, folders: &[(&[u8], &[&[u8]])]) -> Vec<Record> {
    let mut records = vec![Record::User(UserRecord {
        name: name.into(),
        messages: folders.iter().map(|f| f.1.len() as u64).sum(),
    })];
    for (folder, messages) in folders {
        records.push(Record::Folder(folder.to_vec()));
        records.extend(messages.iter().map(|text| message(text)));
    }
    records
}

fn stream(records: &[Record]) -> Vec<u8> {
    let header = StreamHeader {
        writer: "SIMS 4.0 imbackup".into(),
        host: "mail".into(),
        factor: FACTOR,
        date: 0,
    };
    let mut data = Vec::new();
    let mut writer = StreamWriter::new(&mut data, &header).unwrap();
    for record in records {
        writer.record(record).unwrap();
    }
    writer.finish().unwrap();
    data
}

struct Outcome {
    status: u8,
    out: String,
    err: String,
}

fn arguments(line: &str) -> Arguments {
    let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    Arguments::read(&words, &|path| path.into()).unwrap()
}

fn restore_into(
    dir: &Path,
    data: &[u8],
    arguments: &Arguments,
    refusal: Option<Refusal>,
) -> Outcome {
    let store = ImsStore::open(dir).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = Restore {
        arguments,
        store: &store,
        spare_inbox: false,
        now: 1_018_000_000,
        room: Room::new(None, dir.to_path_buf()),
        refusal,
        say: &|key, args| format!("{key} user/{}/{}", args[0], args[1]),
    }
    .run(&mut StreamReader::new(data).unwrap(), &mut out, &mut err);
    Outcome {
        status,
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
    }
}

fn restore(dir: &Path, data: &[u8], options: &str) -> Outcome {
    restore_into(
        dir,
        data,
        &arguments(&format!("-f- -b {FACTOR} {options}")),
        None,
    )
}

/// All of a store as `user/…` with the texts of the messages.
fn contents(dir: &Path) -> Vec<(String, Vec<Vec<u8>>)> {
    let store = ImsStore::open(dir).unwrap();
    let mut all = Vec::new();
    for mailbox in store.mailboxes().unwrap() {
        let texts = store
            .messages(&mailbox.user, &mailbox.folder)
            .unwrap()
            .iter()
            .map(|m| store.read(&mailbox.user, &mailbox.folder, m.n).unwrap())
            .collect();
        all.push((mailbox.name(), texts));
    }
    all
}

fn names(dir: &Path) -> Vec<String> {
    contents(dir).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn folders_texts_flags_and_dates_arrive_and_equal_messages_of_a_folder_are_both_kept() {
    let dir = tempfile::tempdir().unwrap();
    let data = stream(&user(
        "jdoe",
        &[
            (b"INBOX", &[b"a\nb", b"a\nb"]),
            (b"Mail/x", &[b"c"]),
            (b"Empty", &[]),
        ],
    ));
    let outcome = restore(dir.path(), &data, "-cy -v1");
    assert_eq!((outcome.status, outcome.err.as_str()), (0, ""));
    assert_eq!(outcome.out.lines().count(), 3);
    assert!(outcome.out.contains("user/jdoe/Mail/x"));
    let all = contents(dir.path());
    assert_eq!(all[0].1, [b"a\r\nb", b"a\r\nb"]);
    assert_eq!(
        names(dir.path()),
        ["user/jdoe/INBOX", "user/jdoe/Empty", "user/jdoe/Mail/x"]
    );
    let store = ImsStore::open(dir.path()).unwrap();
    let stored = &store.messages("jdoe", "INBOX").unwrap()[0];
    assert_eq!(stored.flags, ["\\Seen"]);
    assert_eq!(stored.internal_date, 1_018_000_000);
}

#[test]
fn a_second_run_adds_nothing_unless_the_check_is_off() {
    let dir = tempfile::tempdir().unwrap();
    let data = stream(&user("u", &[(b"INBOX", &[b"a", b"a", b"b"])]));
    restore(dir.path(), &data, "-cy");
    let before = contents(dir.path());
    let again = restore(dir.path(), &data, "-cy -v2");
    assert!(again.out.contains("imsrestore-present"));
    assert_eq!(contents(dir.path()), before);
    restore(dir.path(), &data, "-cy -i");
    assert_eq!(contents(dir.path())[0].1.len(), 6);
}

#[test]
fn with_n_a_second_run_doubles_every_folder() {
    let dir = tempfile::tempdir().unwrap();
    let data = stream(&user("u", &[(b"INBOX", &[b"a"]), (b"x", &[b"b"])]));
    restore(dir.path(), &data, "-cy -n");
    assert_eq!(names(dir.path()), ["user/u/INBOX", "user/u/x"]);
    restore(dir.path(), &data, "-cy -n");
    restore(dir.path(), &data, "-cy -n");
    let names = names(dir.path());
    assert_eq!(names.len(), 6);
    let twin = names[1].strip_prefix("user/u/INBOX.").unwrap();
    assert_eq!((twin.len(), twin.find('.')), (13, Some(6)));
}

#[test]
fn names_that_become_equal_get_a_twin_with_n_and_are_mixed_without() {
    let data = stream(&user("u", &[(b"a\xe4b", &[b"1"]), (b"a\xf6b", &[b"1"])]));
    let with = tempfile::tempdir().unwrap();
    restore(with.path(), &data, "-cy -n");
    assert_eq!(names(with.path()).len(), 2);
    let without = tempfile::tempdir().unwrap();
    restore(without.path(), &data, "-cy");
    assert_eq!(names(without.path()), ["user/u/a b"]);
    assert_eq!(contents(without.path())[0].1.len(), 2);
    restore(without.path(), &data, "-cy");
    assert_eq!(contents(without.path())[0].1.len(), 2);
}

#[test]
fn the_map_renames_and_does_not_filter() {
    let dir = tempfile::tempdir().unwrap();
    let map = dir.path().join("map");
    std::fs::write(&map, "anderson=Anderson\n\n").unwrap();
    let store = dir.path().join("store");
    let records = [
        user("anderson", &[(b"INBOX", &[b"a"])]),
        user("joe", &[(b"INBOX", &[])]),
    ];
    let options = format!("-cy -u {}", map.display());
    restore(&store, &stream(&records.concat()), &options);
    assert_eq!(names(&store), ["user/Anderson/INBOX", "user/joe/INBOX"]);
}

#[test]
fn a_list_of_users_is_not_taken_for_a_map() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list");
    std::fs::write(&list, "anderson\n").unwrap();
    let words = ["-f-", "-u", list.to_str().unwrap()].map(str::to_owned);
    let (status, message) = Arguments::read(&words, &|path| path.into()).unwrap_err();
    assert_eq!(status, 1);
    assert!(
        message.contains("line 1 is not oldname=newname"),
        "{message}"
    );
}

#[test]
fn a_stream_cut_at_any_byte_leaves_what_was_whole_and_nothing_broken() {
    let big = vec![b'x'; 3 * UNIT];
    let records = [
        user(
            "a",
            &[(b"INBOX", &[b"1", &big, b"2"]), (b"Mail/\xffy", &[b"3"])],
        ),
        user("b", &[(b"INBOX", &[&big])]),
    ]
    .concat();
    let data = stream(&records);
    let full = tempfile::tempdir().unwrap();
    restore(full.path(), &data, "-cy -n");
    let whole = contents(full.path());
    let mut kept = 0;
    let cuts = (UNIT..data.len())
        .step_by(UNIT)
        .chain((UNIT..data.len()).step_by(97));
    for cut in cuts {
        let dir = tempfile::tempdir().unwrap();
        let outcome = restore(dir.path(), &data[..cut], "-cy -n");
        assert_eq!(outcome.status, 0, "cut at {cut}");
        let part = contents(dir.path());
        // What is missing is never missing in silence.
        assert!(
            part == whole || outcome.err.contains("unexpected end"),
            "{cut}"
        );
        for (mailbox, texts) in &part {
            let expected = whole.iter().find(|(name, _)| name == mailbox).unwrap();
            assert_eq!(
                texts[..],
                expected.1[..texts.len()],
                "cut at {cut}: {mailbox}"
            );
        }
        kept = kept.max(part.iter().map(|(_, texts)| texts.len()).sum());
        // And then the same again, whole: what was there is found, the rest is added.
        restore(dir.path(), &data, "-cy");
        assert_eq!(contents(dir.path()), whole, "cut at {cut}, run again");
    }
    assert_eq!(kept, 5);
    let dir = tempfile::tempdir().unwrap();
    let strict = restore(dir.path(), &data[..2 * UNIT], "-cn");
    assert_eq!(strict.status, 1);
    assert!(strict.err.contains("unexpected end"), "{}", strict.err);
}

#[test]
fn a_full_disk_is_said_for_every_message_and_still_ends_with_0() {
    let dir = tempfile::tempdir().unwrap();
    let text = vec![b'x'; 900];
    let data = stream(&user("u", &[(b"INBOX", &[&text, &text, &text])]));
    let store = ImsStore::open(dir.path()).unwrap();
    let arguments = arguments("-f- -b 1 -cy -v0");
    let mut err = Vec::new();
    let status = Restore {
        arguments: &arguments,
        store: &store,
        spare_inbox: false,
        now: 0,
        room: Room::new(Some(2), dir.path().to_path_buf()),
        refusal: None,
        say: &|key, _| key.to_owned(),
    }
    .run(
        &mut StreamReader::new(&data[..]).unwrap(),
        &mut std::io::sink(),
        &mut err,
    );
    assert_eq!(status, 0);
    let err = String::from_utf8(err).unwrap();
    assert!(err.contains("No space left on device"), "{err}");
    assert!(contents(dir.path())[0].1.len() < 3);
}

#[test]
fn the_drill_refuses_half_way_through_its_user_and_only_once() {
    let dir = tempfile::tempdir().unwrap();
    let data = stream(
        &[
            user("a", &[(b"INBOX", &[b"1"])]),
            user("b", &[(b"INBOX", &[b"1", b"2"]), (b"x", &[b"3", b"4"])]),
            user("c", &[(b"INBOX", &[b"1"])]),
        ]
        .concat(),
    );
    let spent = Cell::new(false);
    let refusal = || {
        Some(Refusal {
            who: "b".into(),
            spend: Box::new(|| !spent.replace(true)),
        })
    };
    let arguments = arguments("-f- -b 1 -cy");
    let first = restore_into(dir.path(), &data, &arguments, refusal());
    assert_eq!(first.status, 1);
    assert!(first.err.contains("user/b"), "{}", first.err);
    assert_eq!(names(dir.path()), ["user/a/INBOX", "user/b/INBOX"]);
    assert_eq!(contents(dir.path())[1].1.len(), 2);
    let second = restore_into(dir.path(), &data, &arguments, refusal());
    assert_eq!((second.status, second.err.as_str()), (0, ""));
    assert_eq!(contents(dir.path()).len(), 4);
}

#[test]
fn the_table_counts_each_mailbox_and_needs_no_store() {
    let data = stream(&user(
        "u",
        &[(b"INBOX", &[b"abc", b"d"]), (b"B\xfccher", &[])],
    ));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut reader = StreamReader::new(&data[..]).unwrap();
    assert_eq!(
        table(&mut reader, &arguments("-f- -b1 -t"), &mut out, &mut err),
        0
    );
    let out = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], format!("{:8} {:10} user/u/INBOX", 2, 4));
    assert_eq!(lines[1], format!("{:8} {:10} user/u/B cher", 0, 0));
    assert!(err.is_empty());
}

#[test]
fn a_path_restores_only_what_it_names() {
    let data = stream(
        &[
            user("a", &[(b"INBOX", &[b"1"]), (b"Mail/x", &[b"2"])]),
            user("b", &[(b"INBOX", &[b"1"])]),
        ]
        .concat(),
    );
    for (path, expected) in [
        ("/primary/user/b", vec!["user/b/INBOX"]),
        ("a/Mail/x", vec!["user/a/Mail/x"]),
        ("/", vec!["user/a/INBOX", "user/a/Mail/x", "user/b/INBOX"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        restore(dir.path(), &data, &format!("-cy {path}"));
        assert_eq!(names(dir.path()), expected);
    }
}
