//! Files of JSON lines that several processes append to: locks, whole lines or none, no torn tails.

use super::world::LabError;
use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A lock that is held until it is dropped (also by the death of the process).
#[derive(Debug)]
pub struct FileLock(#[expect(dead_code, reason = "held for its lock, not read")] File);

/// Waits for the exclusive lock on `path`, making the file when there is none.
///
/// # Errors
/// When the file cannot be made or locked.
pub fn lock(path: &Path) -> Result<FileLock, LabError> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(LabError::file(parent))?;
    }
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(LabError::file(path))?;
    loop {
        match flock(&file, FlockOperation::LockExclusive) {
            Ok(()) => return Ok(FileLock(file)),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(LabError::file(path)(e.into())),
        }
    }
}

/// Appends one line; the caller holds whatever lock guards the file.
///
/// A tail without a newline, left by a process that was killed while it wrote, is cut off first.
///
/// # Errors
/// When the file cannot be written.
pub fn append<T: Serialize>(path: &Path, value: &T, sync: bool) -> Result<(), LabError> {
    let mut line = serde_json::to_vec(value).map_err(|e| LabError::Other(e.to_string()))?;
    line.push(b'\n');
    let mut file = OpenOptions::new()
        .create(true)
        .read(true)
        .append(true)
        .open(path)
        .map_err(LabError::file(path))?;
    let write = |file: &mut File| -> std::io::Result<()> {
        let end = file.seek(SeekFrom::End(0))?;
        let whole = whole_length(file, end)?;
        if whole != end {
            file.set_len(whole)?;
        }
        file.write_all(&line)?;
        if sync { file.sync_data() } else { Ok(()) }
    };
    write(&mut file).map_err(LabError::file(path))
}

/// Reads all whole lines that parse as `T`; a file that is not there has none.
///
/// # Errors
/// When the file cannot be read, or a whole line of it cannot be understood.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, LabError> {
    let data = match std::fs::read(path) {
        Ok(data) => data,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(LabError::file(path)(e)),
    };
    whole_lines(&data)
        .map(|line| {
            serde_json::from_slice(line).map_err(|e| LabError::Config {
                path: path.to_path_buf(),
                reason: e.to_string(),
            })
        })
        .collect()
}

/// Reads the last whole line without reading what is before it; `None` for no file or an empty one.
///
/// # Errors
/// When the file cannot be read.
pub fn last_line(path: &Path) -> Result<Option<Vec<u8>>, LabError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(LabError::file(path)(e)),
    };
    let mut find = || -> std::io::Result<Option<Vec<u8>>> {
        let end = file.seek(SeekFrom::End(0))?;
        let whole = whole_length(&mut file, end)?;
        let mut window = 4096;
        loop {
            let start = whole.saturating_sub(window);
            let mut tail = vec![0; usize::try_from(whole - start).unwrap_or(usize::MAX)];
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(&mut tail)?;
            let lines: Vec<&[u8]> = whole_lines(&tail).collect();
            if lines.len() > 1 || start == 0 {
                return Ok(lines.last().map(|line| line.to_vec()));
            }
            window *= 4;
        }
    };
    find().map_err(LabError::file(path))
}

/// Replaces a file by what `lines` serialise to, all or nothing.
///
/// # Errors
/// When the new file cannot be written or moved into place.
pub fn replace(path: &Path, lines: &[serde_json::Value]) -> Result<(), LabError> {
    let mut text = String::new();
    for line in lines {
        text.push_str(&line.to_string());
        text.push('\n');
    }
    write_whole(path, text.as_bytes(), true)
}

/// Writes a whole file under a temporary name and moves it into place.
///
/// # Errors
/// When it cannot be written or moved.
pub fn write_whole(path: &Path, data: &[u8], sync: bool) -> Result<(), LabError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(LabError::file(parent))?;
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".new-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .tempfile_in(parent)?;
        file.write_all(data)?;
        if sync {
            file.as_file().sync_data()?;
        }
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(LabError::file(path))
}

fn whole_lines(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = data
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    data.get(..whole)
        .unwrap_or_default()
        .split(|b| *b == b'\n')
        .filter(|line| !line.is_empty())
}

/// The length up to and with the last newline.
fn whole_length(file: &mut File, end: u64) -> std::io::Result<u64> {
    let mut stop = end;
    let mut buffer = [0; 512];
    while stop > 0 {
        let start = stop.saturating_sub(buffer.len() as u64);
        let length = usize::try_from(stop - start).unwrap_or(0);
        file.seek(SeekFrom::Start(start))?;
        let Some(part) = buffer.get_mut(..length) else {
            break;
        };
        file.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|b| *b == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        stop = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_tail_is_not_read_and_is_cut_off_by_the_next_append() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        append(&path, &"one", true).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&[b'"'; 2000]).unwrap();
        assert_eq!(read::<String>(&path).unwrap(), ["one"]);
        assert_eq!(last_line(&path).unwrap().unwrap(), b"\"one\"");
        append(&path, &"two", true).unwrap();
        assert_eq!(read::<String>(&path).unwrap(), ["one", "two"]);
    }

    #[test]
    fn the_last_line_is_found_behind_a_long_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        assert_eq!(last_line(&path).unwrap(), None);
        let long = "x".repeat(50_000);
        append(&path, &"first", false).unwrap();
        append(&path, &long, false).unwrap();
        assert_eq!(last_line(&path).unwrap().unwrap().len(), 50_002);
        append(&path, &"last", false).unwrap();
        assert_eq!(last_line(&path).unwrap().unwrap(), b"\"last\"");
    }
}
