//! The MTA's queue on disk, the same for both products: one message a file, envelope first.
//!
//! Layout and names are documented (`domain/stores.md` 5): `<queue>/<channel>/ZZ….00`, the first two
//! characters count attempts downwards in base 36, `.HELD` is never delivered, a name that begins
//! with `$` is not there yet. The file's inside is the lab's own: envelope lines, an empty line,
//! the message as it was received.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The old server's queue below its host's root.
pub const OLD_QUEUE: &str = "var/opt/SUNWmail/imta/queue";

/// The channel that delivers into the old store.
pub const OLD_LOCAL: &str = "sims-ms";

/// The channel that delivers into the new store.
pub const NEW_LOCAL: &str = "ims-ms";

/// The channel for other machines.
pub const REMOTE: &str = "tcp_local";

/// The channel of mail that waits for its user's move.
pub const HOLD: &str = "hold";

/// Who sent a message, to whom, and when it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The sender, empty for a report.
    pub from: String,
    /// The recipients of this channel.
    pub to: Vec<String>,
    /// When it arrived, seconds since the epoch; it becomes the internal date.
    pub arrived: i64,
    /// How many hosts of the site it was on before.
    pub hops: u32,
}

/// Whether a message may be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// `.00`: the job controller takes it.
    Ready,
    /// `.HELD`: it stays until somebody releases it.
    Held,
}

/// One file of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The channel, which is the folder's name.
    pub channel: String,
    /// The file's name, such as `ZZ0F7O00I03CJHZD.00`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether it may be delivered.
    pub state: State,
}

impl Queued {
    /// Returns how often delivery was tried, as the name says.
    pub fn attempts(&self) -> u32 {
        attempts(&self.name)
    }
}

/// Puts a message into a channel, whole and synced before its name appears.
///
/// # Errors
/// When the file cannot be written.
pub fn enqueue(
    queue: &Path,
    channel: &str,
    envelope: &Envelope,
    message: &[u8],
    state: State,
) -> io::Result<PathBuf> {
    let folder = queue.join(channel);
    std::fs::create_dir_all(&folder)?;
    let extension = match state {
        State::Ready => "00",
        State::Held => "HELD",
    };
    let name = format!("ZZ{}.{extension}", unique());
    let temporary = folder.join(format!("${name}"));
    let path = folder.join(name);
    let mut file = std::fs::File::create_new(&temporary)?;
    file.write_all(&head(envelope))?;
    file.write_all(message)?;
    file.sync_all()?;
    std::fs::rename(&temporary, &path)?;
    sync_folder(&folder)?;
    Ok(path)
}

/// Reads a queue file: its envelope and the message, byte by byte as received.
///
/// # Errors
/// When the file cannot be read, or its envelope is not one (`InvalidData`).
pub fn read(path: &Path) -> io::Result<(Envelope, Vec<u8>)> {
    let bytes = std::fs::read(path)?;
    let bad = || {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("`{}` has no envelope", path.display()),
        )
    };
    let mut envelope = Envelope {
        from: String::new(),
        to: Vec::new(),
        arrived: 0,
        hops: 0,
    };
    let mut rest = bytes.as_slice();
    loop {
        let end = rest.iter().position(|b| *b == b'\n').ok_or_else(bad)?;
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        let line = std::str::from_utf8(line).map_err(|_| bad())?;
        match line.split_once(';') {
            None if line.is_empty() => return Ok((envelope, rest.to_vec())),
            Some(("t", time)) => envelope.arrived = time.parse().map_err(|_| bad())?,
            Some(("h", hops)) => envelope.hops = hops.parse().map_err(|_| bad())?,
            Some(("m", from)) => from.clone_into(&mut envelope.from),
            Some(("r", to)) => envelope.to.push(to.to_owned()),
            _ => return Err(bad()),
        }
    }
}

/// Lists the queue, by channel and name; what begins with `$` is not there.
///
/// # Errors
/// When a folder cannot be read; a queue that does not exist is empty.
pub fn list(queue: &Path) -> io::Result<Vec<Queued>> {
    let mut found = Vec::new();
    for channel in names(queue)? {
        let folder = queue.join(&channel);
        if !folder.is_dir() {
            continue;
        }
        for name in names(&folder)? {
            let path = folder.join(&name);
            let Ok(meta) = std::fs::metadata(&path) else {
                continue;
            };
            if !meta.is_file() {
                continue;
            }
            let state = match path.extension() {
                Some(extension) if extension == "HELD" => State::Held,
                _ => State::Ready,
            };
            found.push(Queued {
                channel: channel.clone(),
                name,
                path,
                bytes: meta.len(),
                state,
            });
        }
    }
    Ok(found)
}

/// Returns the name a file gets when one more attempt has failed; at 1,295 it stays.
pub fn next_name(name: &str) -> String {
    let tried = attempts(name).saturating_add(1).min(36 * 36 - 1);
    let digit =
        |n: u32| char::from_digit(35 - n.min(35), 36).map_or('0', |c| c.to_ascii_uppercase());
    let tail = name.get(2..).unwrap_or_default();
    format!("{}{}{tail}", digit(tried / 36), digit(tried % 36))
}

/// Rewrites the recipients of a queue file, as one step.
///
/// # Errors
/// When the file cannot be written.
pub fn keep_recipients(path: &Path, envelope: &Envelope, message: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str()))
    else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let temporary = folder.join(format!("${name}"));
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(&head(envelope))?;
    file.write_all(message)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    sync_folder(folder)
}

fn attempts(name: &str) -> u32 {
    let digit = |at: usize| name.chars().nth(at).and_then(|c| c.to_digit(36));
    match (digit(0), digit(1)) {
        (Some(high), Some(low)) => 36 * (35 - high) + (35 - low),
        _ => 0,
    }
}

fn head(envelope: &Envelope) -> Vec<u8> {
    let mut head = format!("t;{}\nm;{}\n", envelope.arrived, one_line(&envelope.from));
    if envelope.hops > 0 {
        head.push_str("h;");
        head.push_str(&envelope.hops.to_string());
        head.push('\n');
    }
    for to in &envelope.to {
        head.push_str("r;");
        head.push_str(&one_line(to));
        head.push('\n');
    }
    head.push('\n');
    head.into_bytes()
}

fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('$'))
        .collect();
    names.sort();
    Ok(names)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

/// Fourteen characters that no other message of this lab has.
fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_micros());
    let salt = u128::from(std::process::id() % 1296) * 36 * 36 * 36
        + u128::from(COUNT.fetch_add(1, Ordering::Relaxed) % (36 * 36 * 36));
    let mut value = now * 36_u128.pow(5) + salt;
    let mut text = Vec::new();
    for _ in 0..16 {
        let digit = u32::try_from(value % 36).unwrap_or(0);
        text.push(
            char::from_digit(digit, 36)
                .unwrap_or('0')
                .to_ascii_uppercase(),
        );
        value /= 36;
    }
    text.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::tempdir;

    fn envelope(to: &[&str]) -> Envelope {
        Envelope {
            from: "a@siroe.com".to_owned(),
            to: to.iter().map(|t| (*t).to_owned()).collect(),
            arrived: 1_017_993_600,
            hops: 2,
        }
    }

    #[test]
    fn a_message_comes_out_of_the_queue_byte_by_byte() {
        let dir = tempdir().unwrap();
        let message = b"Subject: x\r\n\r\nodd\nends\rhere \xff\n\n";
        let sent = envelope(&["b@siroe.com", "c@siroe.com"]);
        let path = enqueue(dir.path(), OLD_LOCAL, &sent, message, State::Ready).unwrap();
        assert_eq!(read(&path).unwrap(), (sent, message.to_vec()));
    }

    #[test]
    fn names_are_unique_and_sort_by_arrival() {
        let dir = tempdir().unwrap();
        let paths: Vec<_> = (0..50)
            .map(|_| enqueue(dir.path(), "l", &envelope(&["x"]), b"m", State::Ready).unwrap())
            .collect();
        let listed: Vec<_> = list(dir.path())
            .unwrap()
            .into_iter()
            .map(|q| q.path)
            .collect();
        assert_eq!(listed, paths);
    }

    #[test]
    fn temporary_names_are_not_listed_and_held_ones_say_so() {
        let dir = tempdir().unwrap();
        enqueue(dir.path(), HOLD, &envelope(&["x"]), b"m", State::Held).unwrap();
        std::fs::write(dir.path().join(HOLD).join("$ZZ1.00"), "half").unwrap();
        std::fs::write(dir.path().join("$top"), "half").unwrap();
        let listed = list(dir.path()).unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].state, State::Held);
    }

    #[test]
    fn a_queue_that_does_not_exist_is_empty() {
        assert_eq!(list(Path::new("/nonexistent/queue")).unwrap(), Vec::new());
    }

    #[test]
    fn the_name_counts_attempts_as_the_manual_says() {
        for (name, tried) in [
            ("ZZx.00", 0),
            ("ZYx.00", 1),
            ("ZAx.00", 25),
            ("Z0x.00", 35),
            ("YZx.00", 36),
        ] {
            assert_eq!(attempts(name), tried, "{name}");
        }
        assert_eq!(next_name("ZZx.00"), "ZYx.00");
        assert_eq!(next_name("Z0x.00"), "YZx.00");
        assert_eq!(next_name("00x.00"), "00x.00");
    }

    #[test]
    fn a_file_without_an_envelope_is_refused() {
        let dir = tempdir().unwrap();
        let path = dir.path().join("ZZ.00");
        std::fs::write(&path, b"Subject: x\n\nbody").unwrap();
        assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn recipients_can_be_taken_off_one_by_one() {
        let dir = tempdir().unwrap();
        let path = enqueue(dir.path(), "l", &envelope(&["x", "y"]), b"m", State::Ready).unwrap();
        keep_recipients(&path, &envelope(&["y"]), b"m").unwrap();
        assert_eq!(read(&path).unwrap(), (envelope(&["y"]), b"m".to_vec()));
        assert_eq!(list(dir.path()).unwrap().len(), 1);
    }
}
