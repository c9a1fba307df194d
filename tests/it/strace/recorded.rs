//! What was seen from outside: processes, changes of the directory, files.

use super::compare::{Asked, Recorded};
use crate::trace::{Trace, words};
use imsmigrate::directory::Change;
use imsmigrate::directory::ldif::{self, Record};
use serde_json::Value;
use std::path::Path;

/// Records of LDIF as single values, so that they compare however they were sent.
pub(super) fn values(records: &[Record]) -> Vec<String> {
    let mut all = Vec::new();
    let mut push = |dn: &str, what: &str, attribute: &str, value: &[u8]| {
        let own = [
            "modifiersname",
            "modifytimestamp",
            "creatorsname",
            "createtimestamp",
            "entrycsn",
            "entryuuid",
            "structuralobjectclass",
        ];
        let attribute = attribute.to_lowercase();
        if !own.contains(&attribute.as_str()) {
            let (dn, value) = (dn.to_lowercase(), String::from_utf8_lossy(value));
            all.push(format!("{dn}: {what} {attribute}: {value}"));
        }
    };
    for record in records {
        match record {
            Record::Entry(entry) | Record::Add(entry) => {
                for (name, values) in &entry.attributes {
                    for value in values {
                        push(&entry.dn, "entry with", name, value);
                    }
                }
            }
            Record::Delete { dn } => push(dn, "delete", "", b""),
            Record::Modify { dn, changes } => {
                for change in changes {
                    let what = match change {
                        Change::Add { .. } => "add",
                        Change::Delete { .. } => "delete",
                        Change::Replace { .. } => "replace",
                    };
                    for value in change.values() {
                        push(dn, what, change.attribute(), value);
                    }
                    if change.values().is_empty() {
                        push(dn, what, change.attribute(), b"*");
                    }
                }
            }
        }
    }
    all
}

/// The changes that the server itself wrote down, below the site's suffix and in its schema.
pub(super) fn audited(log: &Path) -> Vec<String> {
    let log = std::fs::read_to_string(log).unwrap();
    let mut records = Vec::new();
    for part in log.split("\n\n") {
        let lines = part.lines().filter(|line| {
            !["time: ", "result: ", "#"]
                .iter()
                .any(|own| line.starts_with(own))
        });
        let text: Vec<&str> = lines.skip_while(|line| !line.starts_with("dn:")).collect();
        let ours = ["o=internet", "cn=schema", "cn=schema,cn=config"];
        if text
            .first()
            .is_some_and(|dn| ours.iter().any(|end| dn.ends_with(end)))
        {
            let text = format!("{}\n\n", text.join("\n"));
            records.extend(ldif::parse(text.as_bytes()).unwrap());
        }
    }
    values(&records)
}

pub(super) fn launched(words: &[String]) -> Option<Vec<String>> {
    let is_ours = words.get(1..3)? == ["lab", "exec"];
    is_ours.then(|| words.get(5..).unwrap_or_default().to_vec())
}

/// The run as its journal has it: events, in order.
pub(super) fn journal(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("journal.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(super) fn seconds(at: &Value) -> f64 {
    let at: jiff::Timestamp = at.as_str().unwrap().parse().unwrap();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of today fit")]
    let seconds = at.as_millisecond() as f64 / 1000.0;
    seconds
}

pub(super) fn recorded(trace: &Trace, folder: &Path, audit: &Path) -> Recorded {
    let entered: Vec<(f64, String)> = journal(folder)
        .iter()
        .filter(|event| event["kind"] == "step-entered")
        .map(|event| {
            (
                seconds(&event["at"]),
                event["step"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let asked = trace.started().into_iter().map(|call| {
        let words = words(&call.text);
        let step = entered.iter().rev().find(|(at, _)| *at <= call.at);
        Asked {
            step: step.map_or("before any step".to_owned(), |(_, step)| step.clone()),
            begin: call.at,
            end: trace.end(call.pid).unwrap_or(f64::MAX),
            words: launched(&words).unwrap_or(words),
        }
    });
    let writes = |call: &&str| {
        let opens = call.starts_with("openat(") && !call.contains("= -1 ");
        let changes = ["O_WRONLY", "O_RDWR", "O_CREAT"]
            .iter()
            .any(|f| call.contains(f));
        opens && changes
    };
    let path = |call: &str| call.split('"').nth(1).unwrap_or_default().to_owned();
    Recorded {
        asked: asked.collect(),
        changes: audited(audit),
        written: trace.own().filter(writes).map(path).collect(),
    }
}
