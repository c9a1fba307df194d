//! `imta qm counters` and `imta qm directory`: what still waits to be delivered.

use crate::host::Reading;
use std::collections::BTreeMap;

/// The counters of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// Messages queued now, as the counters have it: may be negative, and is no proof of anything.
    pub stored: Option<i64>,
    /// Messages that came in.
    pub received: Option<i64>,
    /// Messages that went out.
    pub delivered: Option<i64>,
}

/// Reads `imta qm counters`.
///
/// A header without channels is understood and says nothing: the counters were not created.
pub fn parse_counters(text: &str) -> Reading<BTreeMap<String, Counter>> {
    let mut header = false;
    let mut channels: BTreeMap<String, Counter> = BTreeMap::new();
    let mut current: Option<String> = None;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["Channel", rest @ ..] if rest.contains(&"Messages") => header = true,
            [first, ..] if first.bytes().all(|b| b == b'-') => {}
            [name] if !line.starts_with(char::is_whitespace) => {
                channels.entry((*name).to_owned()).or_default();
                current = Some((*name).to_owned());
            }
            [label, messages, ..] => {
                let Some(counter) = current.as_ref().and_then(|c| channels.get_mut(c)) else {
                    continue;
                };
                let value = messages.parse().ok();
                match *label {
                    "Stored" | "Store" => counter.stored = value,
                    "Received" => counter.received = value,
                    "Delivered" => counter.delivered = value,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    let told = channels.values().any(|c| c.stored.is_some());
    if header && (told || channels.is_empty()) {
        Reading::Understood(channels)
    } else {
        Reading::unknown(text)
    }
}

/// A message file in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueFile {
    /// Its channel.
    pub channel: String,
    /// Its name, such as `ZZ0F7O00I03CJHZD.00`.
    pub name: String,
    /// Whether it is HELD: it never goes out by itself.
    pub held: bool,
    /// How often its delivery was tried, from its name.
    pub attempts: Option<u32>,
    /// Since when it waits, as printed.
    pub since: String,
}

/// The queue as the tree of files has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueTree {
    /// Its files.
    pub files: Vec<QueueFile>,
    /// The grand total that was printed.
    pub grand_total: Option<u64>,
}

impl QueueTree {
    /// Returns how many files will still be delivered.
    pub fn moving(&self) -> usize {
        self.files.iter().filter(|f| !f.held).count()
    }

    /// Returns how many files are HELD.
    pub fn held(&self) -> usize {
        self.files.iter().filter(|f| f.held).count()
    }
}

/// Reads `imta qm directory`, which reads the real tree.
///
/// A grand total above 0 without a file that was understood is unknown.
pub fn parse_queue(text: &str) -> Reading<QueueTree> {
    let mut tree = QueueTree::default();
    let mut channel: Option<String> = None;
    let mut told = false;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["Channel:", name, ..] => {
                channel = Some((*name).to_owned());
                told = true;
            }
            ["Grand", "total", "size:", total, ..] => {
                tree.grand_total = total.parse().ok();
                told = told || tree.grand_total.is_some();
            }
            [number, name, _size, since @ ..] if number.bytes().all(|b| b.is_ascii_digit()) => {
                let (Some(channel), Some((_, end))) = (&channel, name.rsplit_once('.')) else {
                    continue;
                };
                let held = end == "HELD";
                let counted = end.len() == 2 && end.bytes().all(|b| b.is_ascii_alphanumeric());
                if held || counted {
                    tree.files.push(QueueFile {
                        channel: channel.clone(),
                        name: (*name).to_owned(),
                        held,
                        attempts: attempts(name),
                        since: since.join(" "),
                    });
                }
            }
            _ => {}
        }
    }
    told = told || text.contains("queue directory tree");
    let contradicts = tree.files.is_empty() && tree.grand_total.unwrap_or(0) > 0;
    if told && !contradicts {
        Reading::Understood(tree)
    } else {
        Reading::unknown(text)
    }
}

/// The first two characters count in complemented base 36: `ZZ` is 0, `ZY` is 1, `YZ` is 36.
fn attempts(name: &str) -> Option<u32> {
    let digit = |c: char| c.is_ascii_uppercase().then(|| c.to_digit(36)).flatten();
    let mut chars = name.chars();
    let first = digit(chars.next()?)?;
    let second = chars
        .next()
        .filter(|c| !c.is_ascii_lowercase())?
        .to_digit(36)?;
    Some(36 * (35 - first) + (35 - second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COUNTERS: &str = "\
Channel                Messages   Recipients Blocks
---------------------- ---------- ---------- ----------
tcp_intranet
   Received              13077      13859     264616
   Stored                   92         91       -362
   Delivered             12985      13768     264978
   Submitted              2594       2594       3641
l
   Received                  3          3          9
   Store                    -1          0         -4
   Rejected Out Assoc        0
";

    #[test]
    fn the_manual_s_counters_are_read_with_their_misprints() {
        let channels = parse_counters(COUNTERS).understood().unwrap();
        assert_eq!(channels["tcp_intranet"].stored, Some(92));
        assert_eq!(channels["tcp_intranet"].delivered, Some(12985));
        assert_eq!(channels["l"].stored, Some(-1));
    }

    #[test]
    fn counters_that_were_not_created_are_a_header_and_other_texts_are_unknown() {
        let header = COUNTERS.split_inclusive('\n').take(2).collect::<String>();
        assert_eq!(
            parse_counters(&header),
            Reading::Understood(BTreeMap::new())
        );
        assert!(parse_counters("").understood().is_none());
        assert!(
            parse_counters("imta: permission denied")
                .understood()
                .is_none()
        );
    }

    #[test]
    fn the_manual_s_tree_is_read_and_held_files_are_apart() {
        let text = "\
Wed, 24 Feb 1999 14:20:29 -0800 (PST)
Data gathered from the queue directory tree

Channel: sims-ms                  Size Queued since
--------------------------------------------------------------
1 ZZ0F7O00I03CJHZD.00            1 24-Feb-1999 11:52:29
2 ZY0F7O00I03CILY6.HELD          1 24-Feb-1999 11:51:57
--------------------------------------------------------------
Total size:                          2

Grand total size:                    2
";
        let tree = parse_queue(text).understood().unwrap();
        assert_eq!(
            (tree.moving(), tree.held(), tree.grand_total),
            (1, 1, Some(2))
        );
        assert_eq!(tree.files[1].attempts, Some(1));
        assert_eq!(tree.files[0].since, "24-Feb-1999 11:52:29");
    }

    #[test]
    fn an_empty_tree_is_understood_and_a_contradiction_is_not() {
        let head = "Data gathered from the queue directory tree\n\n";
        let empty = parse_queue(&format!("{head}Grand total size:  0\n"))
            .understood()
            .unwrap();
        assert_eq!(empty.files, []);
        assert!(parse_queue(head).understood().is_some());
        assert!(
            parse_queue(&format!("{head}Grand total size:  7\n"))
                .understood()
                .is_none()
        );
        assert!(parse_queue("").understood().is_none());
    }

    #[test]
    fn attempts_are_read_from_the_name() {
        for (name, tries) in [("ZZ", 0), ("ZY", 1), ("ZA", 25), ("Z0", 35), ("YZ", 36)] {
            assert_eq!(attempts(&format!("{name}0F.00")), Some(tries));
        }
        assert_eq!(attempts("a.00"), None);
    }

    proptest! {
        #[test]
        fn readers_never_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            lines in "((Channel: |Channel Messages|Stored|[ 0-9-]{0,5}|[A-Za-z.]{0,9}|Grand total size: )\n?){0,30}",
        ) {
            for text in [String::from_utf8_lossy(&bytes).into_owned(), lines] {
                let _ = parse_counters(&text);
                let _ = parse_queue(&text);
            }
        }
    }
}
