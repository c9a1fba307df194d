//! What the screen says to its terminal, byte by byte, on a bare pseudo-terminal: modes taken and given
//! back, colours, how much and in how many pieces; and what it does when the terminal goes.

use crate::place::{Place, eventually, talk};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A pseudo-terminal with one program on it.
struct Pty {
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn std::io::Write + Send>>,
    child: Box<dyn Child + Send + Sync>,
    said: Arc<Mutex<Vec<u8>>>,
    deaf: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Pty {
    fn start(place: &Place, line: &str, size: (u16, u16), variables: &[(&str, &str)]) -> Self {
        let (cols, rows) = size;
        let pair = native_pty_system()
            .openpty(PtySize {
                rows,
                cols,
                pixel_width: 0,
                pixel_height: 0,
            })
            .unwrap();
        let mut command = CommandBuilder::new("sh");
        let program = env!("CARGO_BIN_EXE_imsmigrate");
        command.args(["-c", &line.replace("imsmigrate", program)]);
        command.env("IMSMIGRATE_STATE_DIR", place.dir.path().join("state"));
        command.env("TERM", "xterm-256color");
        command.env_remove("NO_COLOR");
        command.env_remove("COLORTERM");
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let said = Arc::new(Mutex::new(Vec::new()));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let heard = Arc::clone(&said);
        let deaf = Arc::new(AtomicBool::new(false));
        let gone = Arc::clone(&deaf);
        let listener = std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || gone.load(Ordering::SeqCst) {
                    break;
                }
                heard.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self {
            master: Some(pair.master),
            writer: Some(writer),
            child,
            said,
            deaf,
            listener: Some(listener),
        }
    }

    /// The terminal goes, as when a line is cut.
    fn hang_up(&mut self) {
        self.deaf.store(true, Ordering::SeqCst);
        // What is drawn anew wakes who listens.
        self.types("\x0c");
        self.listener.take().unwrap().join().unwrap();
        self.writer = None;
        self.master = None;
    }

    fn attach(place: &Place, variables: &[(&str, &str)]) -> Self {
        Self::start(place, "exec imsmigrate attach", (80, 24), variables)
    }

    fn types(&mut self, keys: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().unwrap()).into_owned()
    }

    /// Waits until something was said, and then nothing for longer than anything on the screen takes.
    fn quiet(&self) -> String {
        let end = Instant::now() + PATIENCE;
        let mut before = (Instant::now(), String::new());
        loop {
            let said = self.said();
            if said != before.1 {
                before = (Instant::now(), said);
            } else if !said.is_empty() && before.0.elapsed() > Duration::from_millis(1_500) {
                return said;
            }
            assert!(Instant::now() < end, "never quiet: {:?}", before.1);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What is said because of keys.
    fn after(&mut self, keys: &str) -> String {
        let before = self.quiet().len();
        self.types(keys);
        self.until(|pty| pty.said().len() > before);
        self.quiet().split_off(before)
    }

    fn until(&self, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < end, "never: {:?}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn ended(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(Instant::now() < end, "it does not end: {:?}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn leave(&mut self) -> (u32, String) {
        let before = self.quiet().len();
        self.types("\x03");
        self.quiet();
        // Stay, Detach, Stop.
        self.types("\t");
        self.quiet();
        self.types("\r");
        let status = self.ended();
        (status, self.quiet().split_off(before))
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A run that waits at its first gate, with nobody there.
fn waiting() -> Place {
    let place = Place::new();
    place.create_lab(&["--users", "1", "--seed", "5"]);
    let output = place.run_site(&["--detach"]);
    assert_eq!(output.status.code(), Some(5), "{}", talk(&output));
    eventually("the run waits", || gate(&place) == "keep-backups");
    place
}

fn gate(place: &Place) -> String {
    let output = place.run(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    status["gate"]["id"].as_str().unwrap_or("").to_owned()
}

#[test]
fn the_screen_takes_only_the_modes_it_gives_back_and_asks_the_terminal_nothing() {
    let place = waiting();
    let mut pty = Pty::attach(&place, &[]);
    let first = pty.quiet();
    for taken in ["\x1b[?1049h", "\x1b[?2004h"] {
        assert!(first.contains(taken), "{taken:?} in {first:?}");
    }
    let (status, last) = pty.leave();
    assert_eq!(status, 5);
    for given in ["\x1b[?1049l", "\x1b[?2004l", "\x1b[?25h"] {
        assert!(last.contains(given), "{given:?} in {last:?}");
    }
    assert!(last.contains("goes on without you"), "{last:?}");
    let all = pty.said();
    for mouse in ["?1000h", "?1002h", "?1003h", "?1006h"] {
        assert!(!all.contains(mouse), "the mouse is the terminal's own");
    }
    // An answer to such a question would be read as keys.
    for question in ["\x1b[6n", "\x1b[c", "\x1b[?u", "\x1b]11;?"] {
        assert!(!all.contains(question), "{question:?}");
    }
}

#[test]
fn a_frame_and_a_key_cost_few_bytes() {
    let place = waiting();
    let mut pty = Pty::attach(&place, &[]);
    let first = pty.quiet();
    assert!(first.len() < 6_144, "{} bytes to begin with", first.len());
    let tab = pty.after("\t");
    assert!(tab.len() < 256, "{} bytes for Tab: {tab:?}", tab.len());
    pty.types("\r");
    pty.quiet();
    let repainted = pty.after("\x0c");
    // Lines of boxes are three bytes a cell.
    assert!(repainted.len() < 6_144, "{} bytes anew", repainted.len());
    let idle = pty.quiet().len();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(pty.said().len(), idle, "what stands still costs nothing");
}

#[test]
fn needs_strace_a_frame_is_one_write() {
    let place = waiting();
    let trace = place.dir.path().join("trace");
    let line = format!(
        "exec strace -qq -f -e trace=write -e write=none -o {} imsmigrate attach",
        trace.display()
    );
    let mut pty = Pty::start(&place, &line, (80, 24), &[]);
    pty.quiet();
    let writes = || {
        let text = std::fs::read_to_string(&trace).unwrap();
        text.lines().filter(|l| l.contains(" write(1, ")).count()
    };
    let before = writes();
    pty.after("\x0c");
    assert_eq!(writes() - before, 1);
    let before = writes();
    pty.after("\t");
    assert_eq!(writes() - before, 1);
}

#[test]
fn no_color_leaves_bold_and_reverse_and_a_vt100_gets_no_colours() {
    let place = waiting();
    let colours = ["\x1b[38;", "\x1b[31m", "\x1b[33m", "\x1b[36m", "\x1b[48;"];
    let coloured = Pty::attach(&place, &[]).quiet();
    assert!(colours.iter().any(|c| coloured.contains(c)), "{coloured:?}");
    assert!(!coloured.contains("38;2;"), "no true colour");
    for variable in [("NO_COLOR", "1"), ("TERM", "vt100")] {
        let said = Pty::attach(&place, &[variable]).quiet();
        for colour in colours {
            assert!(!said.contains(colour), "{variable:?}: {colour:?}");
        }
        assert!(!said.contains("\x1b[;m"), "{variable:?}: bold is reset");
        for look in ["\x1b[1m", "\x1b[7m"] {
            assert!(said.contains(look), "{variable:?}: {look:?} in {said:?}");
        }
    }
}

#[test]
fn where_no_screen_is_possible_it_goes_line_by_line_and_says_why() {
    let place = waiting();
    let cases = [
        ((80, 24), ("TERM", "dumb"), "calls itself `dumb`"),
        ((40, 10), ("TERM", "xterm"), "40 columns and 10 rows"),
        ((0, 0), ("TERM", "xterm"), "does not know its size"),
    ];
    for (size, variable, why) in cases {
        let mut pty = Pty::start(&place, "exec imsmigrate attach", size, &[variable]);
        pty.until(|pty| pty.said().contains("Press Enter to go on"));
        let said = pty.said();
        assert!(said.contains(why), "{said}");
        assert!(!said.contains('\x1b'), "{said:?}");
        pty.types("\x04");
        assert_eq!(pty.ended(), 5);
    }
}

#[test]
fn when_the_terminal_is_gone_the_screen_ends_at_once_and_the_run_goes_on() {
    let place = waiting();
    let lines = [
        "exec imsmigrate attach",
        "trap '' HUP; exec imsmigrate attach",
        // Another session: nobody tells it that the terminal hung up.
        "exec setsid -w imsmigrate attach",
    ];
    for line in lines {
        let mut pty = Pty::start(&place, line, (80, 24), &[]);
        pty.quiet();
        let screens = screens(&place);
        assert_eq!(screens.len(), 1, "{line}");
        pty.hang_up();
        let hung_up = Instant::now();
        pty.ended();
        eventually("the screen is gone", || {
            !std::path::Path::new(&format!("/proc/{}", screens[0])).exists()
        });
        assert!(hung_up.elapsed() < Duration::from_secs(10), "{line}");
        assert_eq!(gate(&place), "keep-backups", "{line}");
    }
    let mut pty = Pty::start(&place, "exec imsmigrate attach", (80, 24), &[]);
    pty.quiet();
    pty.hang_up();
    assert_eq!(pty.ended(), 129);
}

/// The processes that show a screen of this place's run.
fn screens(place: &Place) -> Vec<u32> {
    let state = place.dir.path().join("state");
    let wanted = format!("IMSMIGRATE_STATE_DIR={}", state.display());
    let is_screen = |pid: u32| {
        let read = |what: &str| std::fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
        let has = |what: &str, text: &str| {
            let bytes = read(what);
            bytes.split(|b| *b == 0).any(|part| part == text.as_bytes())
        };
        let program = env!("CARGO_BIN_EXE_imsmigrate");
        has("cmdline", "attach")
            && has("environ", &wanted)
            && has("cmdline", program)
            && read("cmdline").starts_with(program.as_bytes())
    };
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| is_screen(*pid))
        .collect()
}

#[test]
fn a_key_that_arrives_in_pieces_is_that_key() {
    let place = waiting();
    let mut pty = Pty::attach(&place, &[]);
    pty.quiet();
    // The gate aside, Down selects the next step.
    pty.types("\x1b");
    pty.quiet();
    let end = Instant::now() + PATIENCE;
    loop {
        pty.types("\x1b");
        std::thread::sleep(Duration::from_millis(20));
        pty.types("[B");
        // Everything anew: otherwise only what has changed is said.
        let screen = pty.after("\x0c");
        if screen.contains("Step 1 ") {
            break;
        }
        assert!(Instant::now() < end, "{screen:?}");
    }
}
