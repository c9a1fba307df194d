//! Where a lab's messages come from: written by the lab, or a site's own files.
//!
//! Own are, anywhere below the folder: files called `*.eml`, the files of a Maildir (`cur` and
//! `new`), and mbox files called `*.mbox`. Every byte of a message is kept as it is in its file, so
//! the `>` that mbox puts before `From ` stays too.

use super::dice::Dice;
use super::mail::{self, Kind, Letter};
use crate::lab::world::LabError;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What begins a message in an mbox file.
const FROM: &[u8] = b"From ";

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) enum Parcel {
    /// The lab wrote it.
    Written(Vec<u8>),
    /// One of the site's own, by number.
    Own(usize),
}

/// Gives out messages.
pub(super) struct Post {
    own: Vec<Source>,
    /// The own ones in the order of giving them out.
    order: Vec<usize>,
    next: usize,
    /// Every own message was given out once.
    round: bool,
    dice: Dice,
}

/// Where one of the site's own messages is.
struct Source {
    file: PathBuf,
    bytes: Range<u64>,
}

impl Post {
    /// Writes all messages itself.
    pub(super) fn drawn(seed: u64) -> Self {
        Self {
            own: Vec::new(),
            order: Vec::new(),
            next: 0,
            round: true,
            dice: Dice::new(seed, "own mail"),
        }
    }

    /// Gives out the messages in the files below `dir`, in an order drawn from the seed.
    ///
    /// # Errors
    /// Names the file that cannot be read or is no message; or there is none at all.
    pub(super) fn own(seed: u64, dir: &Path) -> Result<Self, LabError> {
        let mut own = Vec::new();
        collect(dir, &mut own)?;
        if own.is_empty() {
            return Err(LabError::Data {
                path: dir.to_path_buf(),
                line: None,
                reason: "there is no message in it; looked for are files called *.eml and *.mbox, \
                         and Maildir folders"
                    .to_owned(),
            });
        }
        let mut post = Self {
            order: (0..own.len()).collect(),
            own,
            round: false,
            ..Self::drawn(seed)
        };
        post.dice.shuffle(&mut post.order);
        Ok(post)
    }

    /// Returns how many messages are the site's own.
    pub(super) fn len(&self) -> usize {
        self.own.len()
    }

    /// Returns the next message: one of the site's own where there are any, else one of a kind.
    pub(super) fn next(&mut self, dice: &mut Dice, kind: Kind, letter: &Letter) -> Parcel {
        if self.own.is_empty() {
            return Parcel::Written(mail::write(dice, kind, letter));
        }
        let number = self.order.get(self.next).copied().unwrap_or_default();
        self.next += 1;
        if self.next >= self.order.len() {
            self.next = 0;
            self.round = true;
            self.dice.shuffle(&mut self.order);
        }
        Parcel::Own(number)
    }

    /// Returns one of the site's own messages that was never given out.
    pub(super) fn unused(&mut self) -> Option<Parcel> {
        if self.round {
            return None;
        }
        let number = self.order.get(self.next).copied()?;
        self.next += 1;
        if self.next >= self.order.len() {
            self.next = 0;
            self.round = true;
        }
        Some(Parcel::Own(number))
    }

    /// Returns the bytes of a message.
    ///
    /// # Errors
    /// When its file cannot be read any more.
    pub(super) fn message(&self, parcel: Parcel) -> Result<Vec<u8>, LabError> {
        let number = match parcel {
            Parcel::Written(bytes) => return Ok(bytes),
            Parcel::Own(number) => number,
        };
        let Some(source) = self.own.get(number) else {
            return Ok(Vec::new());
        };
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(&source.file)?;
            file.seek(SeekFrom::Start(source.bytes.start))?;
            let mut bytes = Vec::new();
            let length = source.bytes.end - source.bytes.start;
            file.take(length).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(LabError::file(&source.file))
    }
}

/// Finds the messages below a folder, by name, so that one seed finds them in one order.
fn collect(dir: &Path, own: &mut Vec<Source>) -> Result<(), LabError> {
    let entries = std::fs::read_dir(dir).map_err(LabError::file(dir))?;
    let mut paths = entries
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(LabError::file(dir))?;
    paths.sort();
    let folder = dir.file_name().unwrap_or_default();
    let maildir = (folder == "cur" || folder == "new")
        && dir.with_file_name("cur").is_dir()
        && dir.with_file_name("new").is_dir();
    for path in paths {
        // A link to a folder could lead round in circles.
        let kind = path.symlink_metadata().map_err(LabError::file(&path))?;
        if kind.is_dir() {
            collect(&path, own)?;
            continue;
        }
        if !path.is_file() {
            continue;
        }
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        if extension == "mbox" {
            mbox(&path, own)?;
        } else if extension == "eml" || maildir {
            let length = path.metadata().map_err(LabError::file(&path))?.len();
            if length == 0 {
                return Err(no_message(&path, None, "the file is empty"));
            }
            own.push(Source {
                file: path,
                bytes: 0..length,
            });
        }
    }
    Ok(())
}

fn no_message(path: &Path, line: Option<usize>, why: &str) -> LabError {
    LabError::Data {
        path: path.to_path_buf(),
        line,
        reason: format!("{why}, so it is no message; take it out of the folder"),
    }
}

/// Finds the messages of an mbox file: each begins after a line `From …` at the file's begin or
/// after an empty line, and ends before the next one.
fn mbox(path: &Path, own: &mut Vec<Source>) -> Result<(), LabError> {
    let file = File::open(path).map_err(LabError::file(path))?;
    let mut reader = BufReader::new(file);
    let (mut at, mut number) = (0_u64, 0);
    let mut start: Option<(u64, usize)> = None;
    // Where the last empty line begins, when it is the line before.
    let mut empty: Option<u64> = Some(0);
    let mut line = Vec::new();
    let mut found = Vec::new();
    let mut end = |start: Option<(u64, usize)>, end: u64| match start {
        Some((start, _)) if start < end => {
            found.push(start..end);
            Ok(())
        }
        Some((_, number)) => Err(no_message(path, Some(number), "nothing follows `From `")),
        None => Ok(()),
    };
    loop {
        line.clear();
        let length = reader
            .read_until(b'\n', &mut line)
            .map_err(LabError::file(path))? as u64;
        if length == 0 {
            break;
        }
        number += 1;
        if line.starts_with(FROM)
            && let Some(before) = empty
        {
            end(start, before)?;
            start = Some((at + length, number));
        } else if number == 1 {
            let why = "an mbox file begins with `From `, and this one does not";
            return Err(no_message(path, Some(1), why));
        }
        let is_empty = line.iter().all(|b| matches!(b, b'\r' | b'\n'));
        empty = is_empty.then_some(at);
        at += length;
    }
    end(start, empty.unwrap_or(at))?;
    own.extend(found.into_iter().map(|bytes| Source {
        file: path.to_path_buf(),
        bytes,
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Parcel, Post};
    use std::fs;
    use std::path::Path;

    fn all(dir: &Path) -> Vec<Vec<u8>> {
        let post = Post::own(1, dir).unwrap();
        let numbers = 0..post.len();
        let mut all: Vec<_> = numbers
            .map(|n| post.message(Parcel::Own(n)).unwrap())
            .collect();
        all.sort();
        all
    }

    #[test]
    fn eml_files_maildirs_and_mbox_files_are_found_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["deep/er", "box/cur", "box/new", "box/tmp", "new"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        for (name, text) in [
            ("deep/er/a.EML", "1"),
            ("box/cur/123:2,S", "2"),
            ("box/new/124", "3"),
            ("box/tmp/125", "not yet a message"),
            ("new/notes", "this is no Maildir"),
            ("readme.txt", "nor this"),
            (
                "list.mbox",
                "From a@b Thu\nSubject: x\n\n>From me\nFrom you\n\nFrom c@d Fri\r\n4\r\n",
            ),
        ] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let texts: Vec<String> = all(dir.path())
            .into_iter()
            .map(|m| String::from_utf8(m).unwrap())
            .collect();
        let long = "Subject: x\n\n>From me\nFrom you\n";
        assert_eq!(texts, ["1", "2", "3", "4\r\n", long]);
    }

    #[test]
    fn what_is_no_message_is_refused_by_name() {
        for (name, text, says) in [
            ("a.eml", "", "a.eml"),
            ("b.mbox", "Subject: x\n", "line 1"),
            ("c.mbox", "From a\n\nFrom b\nx\n", "line 1"),
            ("d.txt", "x", "there is no message in it"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(name), text).unwrap();
            let error = Post::own(1, dir.path()).err().unwrap().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn each_is_given_out_once_before_any_is_given_out_twice() {
        use crate::lab::create::dice::Dice;
        use crate::lab::create::mail::{Kind, Letter};
        let dir = tempfile::tempdir().unwrap();
        for n in 0..5 {
            fs::write(dir.path().join(format!("{n}.eml")), format!("{n}")).unwrap();
        }
        let letter = Letter {
            from: "a",
            to: "b",
            date: 0,
            host: "c",
        };
        let mut dice = Dice::new(1, "x");
        let mut post = Post::own(1, dir.path()).unwrap();
        let mut given = Vec::new();
        for _ in 0..3 {
            given.push(post.next(&mut dice, Kind::Plain, &letter));
        }
        given.extend(std::iter::from_fn(|| post.unused()));
        let mut texts: Vec<_> = given
            .into_iter()
            .map(|p| post.message(p).unwrap())
            .collect();
        texts.sort();
        assert_eq!(texts, [b"0", b"1", b"2", b"3", b"4"]);
        assert!(post.unused().is_none());
        assert!(matches!(
            post.next(&mut dice, Kind::Plain, &letter),
            Parcel::Own(_)
        ));
    }
}
