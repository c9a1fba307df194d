//! The two tables about queues: `qm counters`, which can lie, and `qm directory`, which cannot.

use super::{Headers, wrote};
use crate::lab::counters::{self, Row};
use crate::lab::queue::{self, Queued, State};
use crate::lab::world::LabError;
use jiff::Timestamp;
use std::io::Write;
use std::path::Path;

/// Prints the counters as they were left behind; only the head when they were not created.
///
/// # Errors
/// When they cannot be read or printed.
pub fn counters(out: &mut dyn Write, path: &Path, headers: Headers) -> Result<(), LabError> {
    let all = counters::read(path)?.unwrap_or_default();
    let mut print = || -> std::io::Result<()> {
        if headers == Headers::Shown {
            writeln!(out, "Channel                Messages   Recipients Blocks")?;
            writeln!(
                out,
                "---------------------- ---------- ---------- ----------"
            )?;
        }
        for (channel, c) in &all {
            writeln!(out, "{channel}")?;
            for (label, row) in [
                ("Received", c.received),
                ("Stored", c.stored),
                ("Delivered", c.delivered),
                ("Submitted", c.submitted),
            ] {
                let Row {
                    messages,
                    recipients,
                    blocks,
                } = row;
                writeln!(
                    out,
                    "   {label:<18} {messages:>10} {recipients:>10} {blocks:>10}"
                )?;
            }
        }
        Ok(())
    };
    print().map_err(wrote)
}

/// Prints what is in the queue's folders at this moment.
///
/// # Errors
/// When a folder cannot be read, or the table not be printed.
pub fn directory(
    out: &mut dyn Write,
    queue: &Path,
    channel: Option<&str>,
    held: bool,
) -> Result<(), LabError> {
    let all: Vec<Queued> = queue::list(queue)
        .map_err(LabError::file(queue))?
        .into_iter()
        .filter(|m| channel.is_none_or(|c| c == m.channel))
        .filter(|m| !held || m.state == State::Held)
        .collect();
    let mut print = || -> std::io::Result<()> {
        let now = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S +0000 (UTC)");
        writeln!(out, "{now}\nData gathered from the queue directory tree")?;
        let rule = "-".repeat(62);
        for part in all.chunk_by(|a, b| a.channel == b.channel) {
            let Some(first) = part.first() else {
                continue;
            };
            let name = format!("Channel: {}", first.channel);
            writeln!(out, "\n{name:<34}Size Queued since\n{rule}")?;
            for (at, message) in part.iter().enumerate() {
                writeln!(
                    out,
                    "{:>4} {:<28} {:>4} {}",
                    at + 1,
                    message.name,
                    blocks(message),
                    since(message)
                )?;
            }
            let total: u64 = part.iter().map(blocks).sum();
            writeln!(out, "{rule}\nTotal size:{total:>27}")?;
        }
        let total: u64 = all.iter().map(blocks).sum();
        writeln!(out, "\nGrand total size:{total:>21}")
    };
    print().map_err(wrote)
}

fn blocks(message: &Queued) -> u64 {
    message.bytes.div_ceil(1024)
}

fn since(message: &Queued) -> String {
    let modified = std::fs::metadata(&message.path).and_then(|m| m.modified());
    let time = modified.ok().and_then(|t| Timestamp::try_from(t).ok());
    time.map_or_else(String::new, |t| t.strftime("%d-%b-%Y %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::counters::Channel;
    use crate::lab::queue::{Envelope, enqueue};

    #[test]
    fn counters_look_as_in_the_manual() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("counters");
        counters::create(&path).unwrap();
        counters::update(&path, "tcp_intranet", |c| {
            *c = Channel {
                received: Row {
                    messages: 13077,
                    recipients: 13859,
                    blocks: 264_616,
                },
                stored: Row {
                    messages: 92,
                    recipients: 91,
                    blocks: -362,
                },
                ..Channel::default()
            }
        })
        .unwrap();
        let mut out = Vec::new();
        super::counters(&mut out, &path, Headers::Shown).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        Channel                Messages   Recipients Blocks
        ---------------------- ---------- ---------- ----------
        tcp_intranet
           Received                13077      13859     264616
           Stored                     92         91       -362
           Delivered                   0          0          0
           Submitted                   0          0          0
        ");
    }

    #[test]
    fn the_directory_lists_files_and_held_ones_alone() {
        let dir = tempfile::tempdir().unwrap();
        let envelope = Envelope {
            from: String::new(),
            to: vec!["a".to_owned()],
            arrived: 0,
            hops: 0,
        };
        for (channel, state) in [
            ("hold", State::Held),
            ("sims-ms", State::Ready),
            ("sims-ms", State::Ready),
        ] {
            enqueue(dir.path(), channel, &envelope, &[b'x'; 1500], state).unwrap();
        }
        let show = |channel, held| {
            let mut out = Vec::new();
            directory(&mut out, dir.path(), channel, held).unwrap();
            String::from_utf8(out).unwrap()
        };
        let all = show(None, false);
        assert!(
            all.contains("Channel: sims-ms                  Size Queued since\n-----"),
            "{all}"
        );
        assert!(all.contains("\n   2 ZZ"), "{all}");
        assert!(
            all.ends_with("Grand total size:                    6\n"),
            "{all}"
        );
        assert_eq!(show(None, true).matches(".HELD").count(), 1);
        assert!(!show(Some("sims-ms"), false).contains("hold"));
        assert!(show(Some("l"), false).contains("Grand total size:                    0"));
    }
}
