//! The host room against real processes on this machine.

use super::testing::{argv, local};
use super::*;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::watch;

const LONG: Duration = Duration::from_secs(30);

fn effect(name: &str) -> EffectDir {
    EffectDir::new("1123-k7f3", name).unwrap()
}

async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(begin.elapsed() < LONG, "{what}: not within {LONG:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn running(host: &Host, effect: &EffectDir) -> u32 {
    let pid = format!("{}/pid", effect.path(&host.scratch));
    until("it runs", async || {
        host.read_file(&pid, 100).await.unwrap()?;
        match host.settle(effect).await.unwrap() {
            Settled::Running(pid) => Some(pid),
            _ => None,
        }
    })
    .await
}

#[tokio::test]
async fn a_command_gets_its_argv_environment_and_input_and_its_outputs_come_back() {
    let (dir, host) = local();
    let hostile = ["x; rm -rf /", "it's", "-n", "a\nb", "$(id)", ""];
    let mut words = argv(&[
        "sh",
        "-c",
        "cat; printf '%s|' \"$@\" \"$CONFIGROOT\" \"`pwd`\"; echo oops >&2; printf open >&2; exit 7",
        "x",
    ]);
    words.extend(argv(&hostile));
    let cwd = dir.path().canonicalize().unwrap();
    let options = RunOptions {
        stdin: Some(b"in\n".to_vec().into()),
        env: vec![("CONFIGROOT".to_owned(), "/a b'c".to_owned())],
        cwd: Some(cwd.to_str().unwrap().to_owned()),
        ..RunOptions::default()
    };
    let result = host.run(&effect("e1"), &words, options).await.unwrap();
    assert_eq!(result.status, Some(7));
    let expected = format!(
        "in\nx; rm -rf /|it's|-n|a\nb|$(id)||/a b'c|{}|",
        cwd.display()
    );
    assert_eq!(result.stdout_text(), expected);
    assert_eq!(result.stderr_text(), "oops\nopen");
    assert!(!result.is_zero() && !result.cut);
}

#[tokio::test]
async fn a_folder_is_used_once() {
    let (_dir, host) = local();
    let marker = format!("{}.marker", host.scratch);
    let words = argv(&["sh", "-c", "echo x >>\"$1\"", "x", &marker]);
    let first = effect("e1");
    host.run(&first, &words, RunOptions::default())
        .await
        .unwrap();
    let again = host.run(&first, &words, RunOptions::default()).await;
    assert!(matches!(again, Err(HostError::Used { .. })), "{again:?}");
    host.run(&first.again(), &words, RunOptions::default())
        .await
        .unwrap();
    let content = host.read_file(&marker, 100).await.unwrap().unwrap();
    assert_eq!(content, b"x\nx\n");
}

#[tokio::test]
async fn a_command_that_never_started_cannot_start_after_it_was_settled() {
    let (_dir, host) = local();
    let late = effect("late");
    assert_eq!(host.settle(&late).await.unwrap(), Settled::NeverStarted);
    let run = host
        .run(&late, &argv(&["true"]), RunOptions::default())
        .await;
    assert!(matches!(run, Err(HostError::Used { .. })), "{run:?}");
}

#[tokio::test]
async fn a_missing_command_is_status_127_and_standard_output_can_stay_on_the_host() {
    let (dir, host) = local();
    let run = host
        .run(&effect("a"), &argv(&["/no/such"]), RunOptions::default())
        .await
        .unwrap();
    assert_eq!(run.status, Some(127));
    assert!(!run.stderr.is_empty());
    let file = dir.path().join("out.ldif").to_str().unwrap().to_owned();
    let options = RunOptions {
        stdout_to: Some(file.clone()),
        ..RunOptions::default()
    };
    let run = host
        .run(&effect("b"), &argv(&["echo", "dn: x"]), options)
        .await
        .unwrap();
    assert_eq!((run.status, run.stdout.len()), (Some(0), 0));
    assert_eq!(
        host.read_file(&file, 100).await.unwrap().unwrap(),
        b"dn: x\n"
    );
    assert_eq!(
        host.owner(&file).await.unwrap().unwrap().mode.get(..10),
        Some("-rw-------")
    );
}

#[tokio::test]
async fn a_daemon_that_keeps_its_outputs_open_hangs_nothing() {
    let (_dir, host) = local();
    let words = argv(&["sh", "-c", "sleep 300 & echo $!"]);
    let begin = Instant::now();
    let run = host
        .run(&effect("d"), &words, RunOptions::default())
        .await
        .unwrap();
    assert!(begin.elapsed() < LONG);
    assert_eq!(run.status, Some(0));
    let pid = run.stdout_text().trim().to_owned();
    host.ask(&argv(&["kill", &pid]), LONG).await.unwrap();
}

#[tokio::test]
async fn a_command_outlives_the_process_that_ordered_it_and_its_status_is_found_later() {
    let (dir, host) = local();
    let mut away = host.clone();
    away.transport = Transport::Via(argv(&["sh", "-c", "\"$@\" & wait", "launcher"]));
    let go = dir.path().join("go").to_str().unwrap().to_owned();
    let script = "while test ! -f \"$1\"; do sleep 0.05; done; echo said >&2; exit 9";
    let words = argv(&["sh", "-c", script, "x", &go]);
    let e = effect("outlives");
    let act = host
        .order(&e, &words, &RunOptions::default(), false, "keep".to_owned())
        .unwrap();
    let mut child = away.spawn(&act, false, true).unwrap();
    let pid = running(&host, &e).await;
    child.kill().await.unwrap();
    drop(child);
    assert_eq!(host.settle(&e).await.unwrap(), Settled::Running(pid));
    host.write_file(&go, b"", None).await.unwrap();
    assert_eq!(host.wait(&e).await.unwrap(), Settled::Ended(9));
    assert_eq!(host.peek(&e).await.unwrap(), "said\n");
    host.cleanup(&e).await.unwrap();
    assert!(!host.exists(&e.path(&host.scratch)).await.unwrap());
}

#[tokio::test]
async fn a_lost_link_gives_the_status_that_the_host_noted() {
    let (_dir, mut host) = local();
    // The launcher says 255 and takes the wrapper's last line with it, as ssh does.
    host.transport = Transport::Via(argv(&[
        "sh",
        "-c",
        "case \"$3\" in *claim*used*) \"$@\" >/dev/null 2>&1; exit 255;; *) exec \"$@\";; esac",
        "link",
    ]));
    let words = argv(&["sh", "-c", "echo out; echo err >&2; exit 4"]);
    let run = host
        .run(&effect("l"), &words, RunOptions::default())
        .await
        .unwrap();
    assert_eq!(run.status, Some(4));
    assert_eq!(
        (run.stdout_text(), run.stderr_text()),
        ("out\n".into(), "err\n".into())
    );
}

#[tokio::test]
async fn killed_hard_with_its_wrapper_is_vanished_and_no_stranger_is_taken_for_it() {
    let (_dir, host) = local();
    let e = effect("v");
    let act = host
        .order(
            &e,
            &argv(&["sleep", "300"]),
            &RunOptions::default(),
            false,
            "keep".to_owned(),
        )
        .unwrap();
    let mut child = host.spawn(&act, false, true).unwrap();
    let pid = running(&host, &e).await;
    child.kill().await.unwrap();
    host.ask(&argv(&["kill", "-9", &pid.to_string()]), LONG)
        .await
        .unwrap();
    let settled = until("gone", async || match host.settle(&e).await.unwrap() {
        Settled::Running(_) => None,
        settled => Some(settled),
    })
    .await;
    assert_eq!(settled, Settled::Vanished);
    // A later process with the same number: the mark differs, so it is left alone.
    let own = std::process::id();
    let note = format!("{own} 1 another-boot\n");
    for file in ["pid", "started"] {
        let path = format!("{}/{file}", e.path(&host.scratch));
        host.write_file(&path, note.as_bytes(), None).await.unwrap();
    }
    assert_eq!(host.end(&e, LONG).await.unwrap(), Settled::Vanished);
}

#[tokio::test]
async fn to_end_is_to_term_and_what_ignores_it_is_never_killed() {
    let (_dir, host) = local();
    let polite = effect("polite");
    let (h, e) = (host.clone(), polite.clone());
    let task = tokio::spawn(async move {
        h.run(&e, &argv(&["sleep", "300"]), RunOptions::default())
            .await
    });
    running(&host, &polite).await;
    assert_eq!(host.end(&polite, LONG).await.unwrap(), Settled::Ended(143));
    let run = task.await.unwrap().unwrap();
    assert_eq!((run.status, run.signalled), (Some(143), Some(15)));

    let deaf = effect("deaf");
    let go = format!("{}.go", host.scratch);
    let script = "trap '' 15; while test ! -f \"$1\"; do sleep 0.05; done; exit 5";
    let words = argv(&["sh", "-c", script, "x", &go]);
    let (h, e) = (host.clone(), deaf.clone());
    let task = tokio::spawn(async move { h.run(&e, &words, RunOptions::default()).await });
    running(&host, &deaf).await;
    until("the trap is set", async || {
        let end = host.end(&deaf, Duration::from_millis(300)).await;
        matches!(end, Err(HostError::StillRunning { .. })).then_some(())
    })
    .await;
    host.write_file(&go, b"", None).await.unwrap();
    assert_eq!(task.await.unwrap().unwrap().status, Some(5));
}

#[tokio::test]
async fn a_command_whose_time_is_over_is_asked_to_end() {
    let (_dir, host) = local();
    let options = RunOptions {
        timeout: Some(Duration::from_millis(200)),
        ..RunOptions::default()
    };
    let run = host
        .run(&effect("t"), &argv(&["sleep", "300"]), options)
        .await
        .unwrap();
    assert!(run.ended_early && !run.is_zero());
    assert_eq!(run.signalled, Some(15));
}

#[tokio::test]
async fn a_scratch_folder_that_others_can_write_to_is_not_used() {
    let (dir, host) = local();
    host.make_dir(&host.scratch).await.unwrap();
    host.ask(&argv(&["chmod", "777", &host.scratch]), LONG)
        .await
        .unwrap();
    let run = host
        .run(&effect("s"), &argv(&["true"]), RunOptions::default())
        .await;
    assert!(matches!(run, Err(HostError::Folder { .. })), "{run:?}");
    drop(dir);
}

fn side<'a>(host: &'a Host, argv: &'a [String], effect: &'a EffectDir) -> PipeEnd<'a> {
    PipeEnd {
        host,
        argv,
        effect,
        env: &[],
    }
}

async fn piped(host: &Host, left: &[&str], right: &[&str]) -> (PipeResult, u64) {
    let (left, right) = (argv(left), argv(right));
    let (l, r) = (effect("left"), effect("right"));
    let meter = Arc::new(AtomicU64::new(0));
    let result = pipe(
        side(host, &left, &l),
        side(host, &right, &r),
        meter.clone(),
        None,
        LONG,
    )
    .await
    .unwrap();
    (result, meter.load(Ordering::Relaxed))
}

#[tokio::test]
async fn every_byte_of_a_pipe_arrives_and_is_counted() {
    let (_dir, host) = local();
    let left = [
        "sh",
        "-c",
        "echo note >&2; dd if=/dev/zero bs=65536 count=300 2>/dev/null",
    ];
    let (result, metered) = piped(&host, &left, &["sh", "-c", "wc -c; echo done >&2"]).await;
    assert!(result.is_whole(), "{result:?}");
    assert_eq!(result.right.stdout_text().trim(), "19660800");
    assert_eq!((result.bytes, metered), (19_660_800, 19_660_800));
    assert_eq!(result.left.stderr_text(), "note\n");
    assert_eq!(result.right.stderr_text(), "done\n");
}

#[tokio::test]
async fn a_left_side_that_died_is_no_normal_end() {
    let (_dir, host) = local();
    let (result, _) = piped(&host, &["sh", "-c", "echo half; kill -9 $$"], &["cat"]).await;
    assert_eq!(result.right.status, Some(0));
    assert_eq!(result.right.stdout_text(), "half\n");
    assert_eq!(
        (result.left.status, result.left.signalled),
        (Some(137), Some(9))
    );
    assert!(!result.is_whole());
}

#[tokio::test]
async fn a_right_side_that_died_ends_the_left_one() {
    let (_dir, host) = local();
    let (result, _) = piped(&host, &["yes"], &["sh", "-c", "echo full >&2; exit 3"]).await;
    assert_eq!(result.right.status, Some(3));
    assert!(!result.left.is_zero(), "{:?}", result.left.status);
    assert!(result.trouble.contains(&PipeTrouble::RightClosed));
    let (result, _) = {
        let quiet = "echo x; echo x; sleep 0.3; echo y; exec sleep 300";
        let (left, right) = (argv(&["sh", "-c", quiet]), argv(&["true"]));
        let (l, r) = (effect("left").again(), effect("right").again());
        let meter = Arc::new(AtomicU64::new(0));
        let ends = (side(&host, &left, &l), side(&host, &right, &r));
        (pipe(ends.0, ends.1, meter, None, LONG).await.unwrap(), 0)
    };
    assert!(
        !result.is_whole() && result.left.signalled.is_some(),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_pipe_that_is_stopped_terms_both_sides() {
    let (_dir, host) = local();
    let (stop, stopped) = watch::channel(false);
    let (l, r) = (effect("left"), effect("right"));
    let meter = Arc::new(AtomicU64::new(0));
    let (h, m, l2, r2) = (host.clone(), meter.clone(), l.clone(), r.clone());
    let task = tokio::spawn(async move {
        let (left, right) = (argv(&["yes"]), argv(&["sh", "-c", "exec cat >/dev/null"]));
        pipe(
            side(&h, &left, &l2),
            side(&h, &right, &r2),
            m,
            Some(stopped),
            LONG,
        )
        .await
    });
    until("bytes flow", async || {
        (meter.load(Ordering::Relaxed) > 1_000_000).then_some(())
    })
    .await;
    stop.send(true).unwrap();
    let result = task.await.unwrap().unwrap();
    assert!(
        result.trouble.contains(&PipeTrouble::Cancelled),
        "{:?}",
        result.trouble
    );
    assert!(!result.left.is_zero());
    for e in [&l, &r] {
        assert!(matches!(host.settle(e).await.unwrap(), Settled::Ended(_)));
    }
}

#[tokio::test]
async fn a_pipe_whose_left_side_was_used_before_ends_the_right_one() {
    let (_dir, host) = local();
    let l = effect("left");
    assert_eq!(host.settle(&l).await.unwrap(), Settled::NeverStarted);
    let (result, bytes) = piped(&host, &["echo", "x"], &["cat"]).await;
    assert_eq!((result.left.status, bytes), (None, 0));
    assert!(
        matches!(&result.trouble[..], [PipeTrouble::LeftUnknown(_)]),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_pipe_whose_carrier_is_gone_ends_by_itself_and_its_folders_tell() {
    let (_dir, host) = local();
    let (l, r) = (effect("left"), effect("right"));
    let meter = Arc::new(AtomicU64::new(0));
    let (h, m, l2, r2) = (host.clone(), meter.clone(), l.clone(), r.clone());
    let task = tokio::spawn(async move {
        let (left, right) = (argv(&["yes"]), argv(&["cat"]));
        let _ = pipe(side(&h, &left, &l2), side(&h, &right, &r2), m, None, LONG).await;
    });
    until("bytes flow", async || {
        (meter.load(Ordering::Relaxed) > 1_000_000).then_some(())
    })
    .await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    // The left side cannot write any more; the right one takes it for an end, and says 0.
    assert_eq!(host.wait(&l).await.unwrap(), Settled::Ended(141));
    assert_eq!(host.wait(&r).await.unwrap(), Settled::Ended(0));
}

#[tokio::test]
async fn the_line_that_ssh_gives_a_shell_runs_the_wrapper_as_it_is() {
    let (_dir, mut host) = local();
    let ssh = Transport::Ssh {
        destination: "mail".to_owned(),
        options: Vec::new(),
    };
    let words = argv(&["printf", "%s|", "x; rm -rf /", "it's", "a\nb", "-n"]);
    let options = RunOptions::default();
    let act = host
        .order(&effect("ssh"), &words, &options, false, "keep".to_owned())
        .unwrap();
    let line = ssh.command(&act.argv()).unwrap().pop().unwrap();
    host.transport = Transport::Local;
    let run = host.ask(&argv(&["sh", "-c", &line]), LONG).await.unwrap();
    assert_eq!(run.stdout_text(), "x; rm -rf /|it's|a\nb|-n|");
    assert!(run.stderr_text().ends_with("imsmigrate-ended 0\n"));
}

#[tokio::test]
async fn files_are_written_whole_with_the_mode_asked_for_and_keep_theirs_otherwise() {
    let (dir, host) = local();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (file, secret) = (at("a file"), at("secret"));
    assert_eq!(host.read_file(&file, 10).await.unwrap(), None);
    host.write_file(&file, b"one\n", Some("644")).await.unwrap();
    host.write_file(&file, b"\x00\xff two", None).await.unwrap();
    assert_eq!(
        host.read_file(&file, 10).await.unwrap().unwrap(),
        b"\x00\xff two"
    );
    assert_eq!(
        host.owner(&file).await.unwrap().unwrap().mode.get(..10),
        Some("-rw-r--r--")
    );
    host.write_file(&secret, b"", Some("644")).await.unwrap();
    let password = crate::base::Secret::new("local.ugldapbindcred=s3cret\n".to_owned());
    host.write_secret(&secret, &password).await.unwrap();
    assert_eq!(
        host.owner(&secret).await.unwrap().unwrap().mode.get(..10),
        Some("-rw-------")
    );
    let names: Vec<_> = host
        .list_dir(dir.path().to_str().unwrap())
        .await
        .unwrap()
        .unwrap();
    let names: Vec<_> = names.iter().map(|e| (e.name.as_str(), e.kind)).collect();
    assert_eq!(names, [("a file", Kind::File), ("secret", Kind::File)]);
    host.remove_file(&secret).await.unwrap();
    host.remove_file(&secret).await.unwrap();
    assert!(!host.exists(&secret).await.unwrap());
    assert!(matches!(
        host.read_file(&file, 2).await,
        Err(HostError::TooMuch { .. })
    ));
}

#[tokio::test]
async fn a_link_is_made_once_and_never_inside_a_folder() {
    let (dir, host) = local();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    host.make_dir(&at("deep/old")).await.unwrap();
    host.link(&at("deep/old"), &at("new")).await.unwrap();
    host.link(&at("deep/old"), &at("new")).await.unwrap();
    assert_eq!(host.list_dir(&at("deep/old")).await.unwrap().unwrap(), []);
    assert_eq!(host.kind(&at("new")).await.unwrap(), Some(Kind::Link));
    assert!(host.link(&at("deep"), &at("new")).await.is_err());
    assert!(host.link(&at("new"), &at("deep")).await.is_err());
    assert!(host.write_file(&at("new"), b"", None).await.is_err());
    assert!(host.remove_tree(&at("new")).await.is_err());
    host.remove_tree(&at("deep")).await.unwrap();
    assert_eq!(host.list_dir(&at("deep")).await.unwrap(), None);
    assert!(matches!(
        host.remove_tree("/a/b").await,
        Err(HostError::Bad { .. })
    ));
    assert!(matches!(
        host.read_file("/a/../b", 1).await,
        Err(HostError::Bad { .. })
    ));
    assert!(matches!(
        host.read_file("b", 1).await,
        Err(HostError::Bad { .. })
    ));
}

#[tokio::test]
async fn a_copy_keeps_the_first_and_says_so_when_there_is_another() {
    let (dir, host) = local();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    host.write_file(&at("a"), b"1", Some("640")).await.unwrap();
    host.copy_file(&at("a"), &at("b")).await.unwrap();
    host.copy_file(&at("a"), &at("b")).await.unwrap();
    host.write_file(&at("a"), b"2", None).await.unwrap();
    assert!(matches!(
        host.copy_file(&at("a"), &at("b")).await,
        Err(HostError::Failed { .. })
    ));
    assert_eq!(host.read_file(&at("b"), 9).await.unwrap().unwrap(), b"1");
}

#[tokio::test]
async fn this_machine_is_understood() {
    let (_dir, host) = local();
    let disk = host.disk_free("/tmp").await.unwrap().understood().unwrap();
    assert!(disk.total_kib > 0 && disk.mounted.starts_with('/'));
    host.inodes("/tmp").await.unwrap();
    let own = std::process::id();
    if host.exists("/usr/bin/ps").await.unwrap() {
        let all = host.processes().await.unwrap().understood().unwrap();
        assert!(all.iter().any(|p| p.pid == own));
    }
}

#[tokio::test]
async fn by_hand_says_what_to_type_and_a_missing_launcher_what_is_missing() {
    let (_dir, mut host) = local();
    host.transport = Transport::ByHand;
    let words = argv(&["imbackup", "-f-", "x; rm"]);
    let error = host
        .run(&effect("h"), &words, RunOptions::default())
        .await
        .unwrap_err();
    assert!(
        error.to_string().ends_with("imbackup -f- 'x; rm'"),
        "{error}"
    );
    host.transport = Transport::Via(argv(&["/no/launcher"]));
    let error = host.ask(&words, LONG).await.unwrap_err();
    assert!(matches!(error, HostError::Spawn { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_argv_arrives_as_it_is(words in proptest::collection::vec("[^\\x00]{0,16}", 0..6)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (_dir, host) = local();
        let mut all = argv(&["printf", "%s\\0", "mark"]);
        all.extend(words.iter().cloned());
        let run = runtime.block_on(host.run(&effect("p"), &all, RunOptions::default())).unwrap();
        let mut expected: Vec<u8> = b"mark\0".to_vec();
        for word in &words {
            expected.extend(word.bytes());
            expected.push(0);
        }
        prop_assert_eq!(run.stdout, expected);
    }
}
