//! What an engine did, as `strace -f` saw it from outside: its own calls, and what it started.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// One call of a process.
pub(crate) struct Call {
    pub(crate) pid: u64,
    /// When it began, in seconds; 0 where strace was not asked for it (`-ttt`).
    pub(crate) at: f64,
    /// The whole line but for that.
    pub(crate) text: String,
}

/// What one engine did.
pub(crate) struct Trace {
    calls: Vec<Call>,
    /// The engine's threads.
    threads: BTreeSet<u64>,
    /// The processes they started.
    children: BTreeSet<u64>,
}

impl Trace {
    pub(crate) fn read(file: &Path) -> Self {
        let calls = calls(&std::fs::read_to_string(file).unwrap());
        let is_engine = |call: &str| call.starts_with("execve(") && call.contains("\"engine\", \"");
        let first = calls.iter().find(|call| is_engine(&call.text)).unwrap();
        let mut threads = BTreeSet::from([first.pid]);
        let mut children = BTreeSet::new();
        // A thread may be seen before the call that made it is.
        loop {
            let known = threads.len();
            for Call { pid, text, .. } in &calls {
                let made = text.rsplit_once("= ").and_then(|(_, id)| id.parse().ok());
                let Some(made) = made.filter(|_| is_fork(text) && threads.contains(pid)) else {
                    continue;
                };
                if text.contains("CLONE_THREAD") {
                    threads.insert(made);
                } else {
                    children.insert(made);
                }
            }
            if threads.len() == known {
                break;
            }
        }
        Self {
            calls,
            threads,
            children,
        }
    }

    /// The engine's own calls.
    pub(crate) fn own(&self) -> impl Iterator<Item = &str> {
        let own = self
            .calls
            .iter()
            .filter(|call| self.threads.contains(&call.pid));
        own.map(|call| call.text.as_str())
    }

    /// The first program of each process the engine started.
    pub(crate) fn started(&self) -> Vec<&Call> {
        let mut seen = BTreeSet::new();
        self.calls
            .iter()
            .filter(|call| {
                let works = call.text.starts_with("execve(") && call.text.ends_with("= 0");
                works && self.children.contains(&call.pid) && seen.insert(call.pid)
            })
            .collect()
    }

    /// When a process ended.
    pub(crate) fn end(&self, pid: u64) -> Option<f64> {
        let mut ends = self
            .calls
            .iter()
            .filter(|call| call.pid == pid && call.text.starts_with("+++ "));
        ends.next().map(|call| call.at)
    }
}

fn is_fork(call: &str) -> bool {
    ["clone(", "clone3(", "fork(", "vfork("]
        .iter()
        .any(|name| call.starts_with(name))
}

/// The calls in the order of their ends, those that were interrupted by others put together.
fn calls(text: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut open: BTreeMap<u64, (f64, String)> = BTreeMap::new();
    for line in text.lines() {
        let Some((pid, call)) = line.split_once(' ') else {
            continue;
        };
        let pid = pid.parse::<u64>().unwrap();
        let call = call.trim_start();
        let timed = call.split_once(' ');
        let timed = timed.and_then(|(at, rest)| Some((at.parse::<f64>().ok()?, rest)));
        let (at, call) = timed.unwrap_or((0.0, call));
        if let Some(begun) = call.strip_suffix("<unfinished ...>") {
            open.insert(pid, (at, begun.trim_end().to_owned()));
        } else if let Some((_, rest)) = call.split_once(" resumed>") {
            let (at, begun) = open.remove(&pid).unwrap_or((at, String::new()));
            let text = begun + rest;
            calls.push(Call { pid, at, text });
        } else {
            let text = call.to_owned();
            calls.push(Call { pid, at, text });
        }
    }
    calls
}

/// The words of an `execve` as strace writes them.
pub(crate) fn words(execve: &str) -> Vec<String> {
    let list = execve.split_once(", [").map_or("", |(_, rest)| rest);
    let mut words = Vec::new();
    let mut bytes = list.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b']' => break,
            b'"' => {}
            _ => continue,
        }
        let mut word = Vec::new();
        while let Some(byte) = bytes.next().filter(|b| *b != b'"') {
            if byte != b'\\' {
                word.push(byte);
                continue;
            }
            match bytes.next() {
                Some(b'n') => word.push(b'\n'),
                Some(b't') => word.push(b'\t'),
                Some(b'r') => word.push(b'\r'),
                Some(digit @ b'0'..=b'7') => {
                    let mut number = u32::from(digit - b'0');
                    while let Some(digit) = bytes.next_if(|b| (b'0'..=b'7').contains(b)) {
                        number = number * 8 + u32::from(digit - b'0');
                    }
                    word.push(u8::try_from(number).unwrap());
                }
                Some(other) => word.push(other),
                None => break,
            }
        }
        words.push(String::from_utf8_lossy(&word).into_owned());
    }
    words
}

#[test]
fn words_of_a_call_are_read_as_they_were() {
    let call =
        r#"execve("/bin/sh", ["sh", "-c", "a \"$1\"\nb\\", "\303\251]"], 0x7f /* 3 vars */) = 0"#;
    assert_eq!(words(call), ["sh", "-c", "a \"$1\"\nb\\", "\u{e9}]"]);
}
