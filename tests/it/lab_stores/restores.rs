//! Restores into an installed server: whole, cut, refused, out of room; and what dirsync starts.

use super::{IMBACKUP, IMSRESTORE, MANAGER, Place, SERVER, err, out, shown};
use imsmigrate::lab::sims::SimsStore;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::{Output, Stdio};

impl Place {
    /// A lab whose new server is installed and runs, with the whole old store in `/tmp/stream`.
    fn installed(users: u32, seed: u32) -> Self {
        let place = Self::new(users, seed);
        let stopped = place.run("/opt/SUNWmail/sbin/im.server", &["stop"]);
        assert!(stopped.status.success(), "{}", shown(&stopped));
        let answers = format!("{SERVER}\n\nNo\nNo\n390\n\n\npassword\npassword\n\n\n\n");
        let mut setup = place
            .tool("/cdrom/iplanet/setup", &[])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = setup.stdin.take().unwrap();
        stdin.write_all(answers.as_bytes()).unwrap();
        drop(stdin);
        let done = setup.wait_with_output().unwrap();
        assert!(done.status.success(), "{}", shown(&done));
        let saved = place.run(IMBACKUP, &["-f", "/tmp/stream"]);
        assert!(saved.status.success(), "{}", shown(&saved));
        place
    }

    fn stream(&self) -> Vec<u8> {
        fs::read(self.root().join("tmp/stream")).unwrap()
    }

    fn restore(&self, stream: &[u8], args: &[&str]) -> Output {
        let file = self.root().join("tmp/part");
        fs::write(&file, stream).unwrap();
        self.tool(IMSRESTORE, &[&["-f-"], args].concat())
            .stdin(fs::File::open(&file).unwrap())
            .output()
            .unwrap()
    }

    /// `mboxutil -l` as messages by mailbox.
    fn mailboxes(&self) -> BTreeMap<String, u64> {
        let listed = self.run(&format!("{SERVER}/bin/msg/admin/bin/mboxutil"), &["-l"]);
        assert!(listed.status.success(), "{}", shown(&listed));
        counts(&out(&listed))
    }
}

/// Lines of `mboxutil -l` or `imsrestore -t` as messages by mailbox.
fn counts(text: &str) -> BTreeMap<String, u64> {
    text.lines()
        .filter_map(|line| {
            let (numbers, name) = line.split_once(" user/")?;
            let messages = numbers.split_whitespace().next()?.parse().ok()?;
            Some((name.to_owned(), messages))
        })
        .collect()
}

#[test]
fn a_piped_restore_is_complete_and_the_new_stores_own_backup_says_so_too() {
    let place = Place::installed(6, 21);
    let mut backup = place
        .tool(IMBACKUP, &["-f-"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let restored = place
        .tool(IMSRESTORE, &["-f-", "-cy", "-v1"])
        .stdin(backup.stdout.take().unwrap())
        .output()
        .unwrap();
    assert!(restored.status.success(), "{}", shown(&restored));
    assert!(restored.stderr.is_empty(), "{}", shown(&restored));
    assert!(backup.wait().unwrap().success());
    let store = SimsStore::open(&place.root()).unwrap();
    let messages = |user: &String| -> usize {
        let folders = store.folders(user).unwrap();
        folders.iter().map(|f| f.messages.len()).sum()
    };
    let total: usize = store.users().unwrap().iter().map(messages).sum();
    let mailboxes = place.mailboxes();
    assert_eq!(mailboxes.values().sum::<u64>(), total as u64);
    let imsbackup = format!("{SERVER}/bin/msg/store/bin/imsbackup");
    let saved = place.run(&imsbackup, &["-f", "/tmp/new", "/"]);
    assert!(saved.status.success(), "{}", shown(&saved));
    let table = place.run(IMSRESTORE, &["-f", "/tmp/new", "-t"]);
    assert_eq!(counts(&out(&table)), mailboxes);
}

#[test]
fn a_cut_stream_ends_with_0_and_an_error_and_the_rest_can_follow() {
    let place = Place::installed(4, 22);
    let stream = place.stream();
    let half = stream.len() / 2;
    let cut = place.restore(&stream[..half], &["-cy", "-v0"]);
    assert_eq!(cut.status.code(), Some(0), "{}", shown(&cut));
    assert!(err(&cut).contains("unexpected end"), "{}", err(&cut));
    let strict = place.restore(&stream[..half], &["-cn", "-v0"]);
    assert_eq!(strict.status.code(), Some(1), "{}", shown(&strict));
    let part: u64 = place.mailboxes().values().sum();
    let whole = place.restore(&stream, &["-cy", "-v0"]);
    assert!(
        whole.status.success() && whole.stderr.is_empty(),
        "{}",
        shown(&whole)
    );
    let all = place.mailboxes();
    assert!(part < all.values().sum());
    place.restore(&stream, &["-cy", "-v0"]);
    assert_eq!(place.mailboxes(), all);
    let banner = place.restore(b"Last login: Mon Apr  1\n", &["-cy"]);
    assert_eq!(banner.status.code(), Some(1));
    assert!(err(&banner).contains("invalid header"), "{}", err(&banner));
}

#[test]
fn the_drills_refuse_once_and_fill_the_disk() {
    let place = Place::installed(4, 23);
    let stream = place.stream();
    let drills = place.dir().join("drills.toml");
    fs::write(&drills, "refuse-restore = \"anderson\"\n").unwrap();
    let refused = place.restore(&stream, &["-cy", "-v0"]);
    assert_eq!(refused.status.code(), Some(1), "{}", shown(&refused));
    assert!(err(&refused).contains("user/anderson"), "{}", err(&refused));
    let again = place.restore(&stream, &["-cy", "-v0"]);
    assert!(
        again.status.success() && again.stderr.is_empty(),
        "{}",
        shown(&again)
    );
    fs::write(&drills, "disk-kb = 1\n").unwrap();
    let full = place.restore(&stream, &["-cy", "-v0", "-n"]);
    assert_eq!(full.status.code(), Some(0), "{}", shown(&full));
    assert!(err(&full).contains("No space left on device"));
}

#[test]
fn a_full_dirsync_starts_the_mta_also_when_it_was_down() {
    let place = Place::installed(2, 24);
    let stopped = place.run(&format!("{SERVER}/msg-mail/stop-msg"), &[]);
    assert!(stopped.status.success(), "{}", shown(&stopped));
    let lab = place.lab();
    let up = || -> Vec<String> {
        let running = imsmigrate::lab::control::processes(&lab, "mail").unwrap();
        let names = running.into_iter().map(|p| p.component);
        names
            .filter(|c| c.starts_with("ims-") && c != "ims-slapd")
            .collect()
    };
    assert!(up().is_empty(), "{:?}", up());
    let configutil = format!("{SERVER}/msg-mail/configutil");
    for (name, value) in [
        ("local.ugldapbasedn", "o=internet"),
        ("local.ugldapbinddn", MANAGER),
        ("local.ugldapbindcred", place.password().as_str()),
        ("local.ugldaphost", "mail.siroe.com"),
        ("local.ugldapport", "389"),
    ] {
        let set = place.run(&configutil, &["-o", name, "-v", value]);
        assert!(set.status.success(), "{}", shown(&set));
    }
    let imsimta = format!("{SERVER}/msg-mail/imsimta");
    let incremental = place.run(&imsimta, &["dirsync"]);
    assert!(incremental.status.success(), "{}", shown(&incremental));
    assert!(up().is_empty(), "{:?}", up());
    let full = place.run(&imsimta, &["dirsync", "-F"]);
    assert!(full.status.success(), "{}", shown(&full));
    let mut running = up();
    running.sort();
    assert_eq!(running, ["ims-dispatcher", "ims-job-controller"]);
}
