//! The undo: on disk before the change it undoes, and restoring byte for byte.

use super::apply::{Applied, EntryOutcome, Step};
use crate::base::{Hint, crash, display_safe};
use crate::directory::connection::Connection;
use crate::directory::ldif::{LdifError, Record, parse};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Where the undo of a chunk goes before the chunk is sent.
pub trait UndoSink {
    /// Keeps `ldif` so that it survives a power cut from the moment this returns.
    ///
    /// # Errors
    /// Whatever keeps it from being safe; nothing of the chunk is sent then.
    fn save(&mut self, ldif: &[u8]) -> io::Result<()>;
}

const END_OF_CHUNK: &str = "# end of chunk, sha256 ";

/// An undo file: chunks of LDIF, each closed by a comment with its digest, so that a chunk that a
/// crash cut off (of which nothing was sent) is told from a whole one. Only ever appended to.
#[derive(Debug)]
pub struct FileUndo {
    file: File,
}

/// Why an undo file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UndoFileError {
    /// It cannot be read or written.
    #[error("the undo file `{path}` cannot be used: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A whole chunk of it is damaged.
    #[error("the undo file `{path}` is damaged after byte {at}")]
    Damaged {
        /// The file.
        path: String,
        /// Up to where it is good.
        at: usize,
    },
    /// It is not LDIF.
    #[error("the undo file `{path}`: {source}")]
    Ldif {
        /// The file.
        path: String,
        /// Where.
        source: LdifError,
    },
}

impl Hint for UndoFileError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Damaged { .. } => vec![
                "take the file from a backup of the run's folder; nothing was changed".to_owned(),
            ],
            Self::File { .. } | Self::Ldif { .. } => Vec::new(),
        }
    }
}

impl FileUndo {
    /// Opens or makes an undo file; a chunk that was cut off at its end is removed.
    ///
    /// # Errors
    /// [`UndoFileError::File`], [`UndoFileError::Damaged`].
    pub fn open(path: &Path) -> Result<Self, UndoFileError> {
        let failed = |source| UndoFileError::File {
            path: shown(path),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(failed)?;
        let whole = whole_part(&content).map_err(|at| UndoFileError::Damaged {
            path: shown(path),
            at,
        })?;
        let length = u64::try_from(whole.len()).unwrap_or_default();
        file.set_len(length)
            .and_then(|()| file.seek(SeekFrom::End(0)))
            .and_then(|_| file.sync_all())
            .map_err(failed)?;
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(failed)?;
        }
        Ok(Self { file })
    }
}

impl UndoSink for FileUndo {
    fn save(&mut self, ldif: &[u8]) -> io::Result<()> {
        let mut chunk = ldif.to_vec();
        chunk.extend_from_slice(format!("{END_OF_CHUNK}{}\n", hex(ldif)).as_bytes());
        crash::before("artifact", "undo");
        if crash::torn("artifact", "undo") {
            self.file
                .write_all(chunk.get(..chunk.len() / 2).unwrap_or_default())?;
            crash::die();
        }
        self.file.write_all(&chunk)?;
        self.file.sync_all()?;
        crash::after("artifact", "undo");
        Ok(())
    }
}

fn shown(path: &Path) -> String {
    display_safe(&path.to_string_lossy()).into_owned()
}

fn hex(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The part that is made of whole chunks. An error is a chunk that is broken although another one
/// follows, which no crash of ours leaves behind; it tells up to where all is good.
fn whole_part(content: &[u8]) -> Result<&[u8], usize> {
    let mark = END_OF_CHUNK.as_bytes();
    let mut good = 0;
    let mut at = 0;
    let mut broken = false;
    for line in content.split_inclusive(|b| *b == b'\n') {
        let start = at;
        at += line.len();
        let Some(digest) = line.strip_prefix(mark).and_then(|d| d.strip_suffix(b"\n")) else {
            continue;
        };
        if broken {
            return Err(good);
        }
        let chunk = content.get(good..start).unwrap_or_default();
        if hex(chunk).as_bytes() == digest {
            good = at;
        } else {
            broken = true;
        }
    }
    Ok(content.get(..good).unwrap_or_default())
}

/// Reads the records of an undo file, in the order in which they were written.
///
/// # Errors
/// [`UndoFileError`]; a chunk that a crash cut off at the end is passed over.
pub fn read_undo(path: &Path) -> Result<Vec<Record>, UndoFileError> {
    let content = std::fs::read(path).map_err(|source| UndoFileError::File {
        path: shown(path),
        source,
    })?;
    let whole = whole_part(&content).map_err(|at| UndoFileError::Damaged {
        path: shown(path),
        at,
    })?;
    parse(whole).map_err(|source| UndoFileError::Ldif {
        path: shown(path),
        source,
    })
}

/// Takes changes back, the last one first.
///
/// An entry of which somebody else changed anything that was upgraded is left alone and listed; what
/// was never changed, or is restored already, is [`super::EntryResult::Already`]. Can be run again
/// after a crash at any point.
pub async fn undo(
    connection: &Connection,
    records: &[Record],
    progress: &mut (dyn FnMut(&EntryOutcome) + Send),
) -> Applied {
    let mut applied = Applied::default();
    for record in records.iter().rev() {
        let Record::Modify { dn, changes } = record else {
            continue;
        };
        let step = Step {
            dn,
            changes: changes.clone(),
            before: &[],
        };
        match step.run(connection).await {
            Ok(result) => {
                let outcome = EntryOutcome {
                    dn: display_safe(dn).into_owned(),
                    result,
                };
                progress(&outcome);
                applied.outcomes.push(outcome);
            }
            Err(error) => {
                applied.stopped = Some(error);
                break;
            }
        }
    }
    applied
}

#[cfg(test)]
mod tests {
    use super::{FileUndo, UndoFileError, UndoSink, read_undo};
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    const ONE: &[u8] = b"dn: cn=a\nchangetype: modify\ndelete: x\nx: 1\n-\n\n";
    const TWO: &[u8] = b"dn: cn=b\nchangetype: modify\ndelete: x\nx: 1\n-\n\n";

    #[test]
    fn a_chunk_that_was_cut_off_is_dropped_and_the_next_run_appends_after_the_last_whole_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("undo.ldif");
        FileUndo::open(&path).unwrap().save(ONE).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for cut in 1..TWO.len() {
            let mut file = std::fs::OpenOptions::new()
                .append(true)
                .open(&path)
                .unwrap();
            file.write_all(&TWO[..cut]).unwrap();
            assert_eq!(read_undo(&path).unwrap().len(), 1);
            let undo = FileUndo::open(&path).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), whole);
            drop(undo);
        }
        FileUndo::open(&path).unwrap().save(TWO).unwrap();
        let records = read_undo(&path).unwrap();
        let names: Vec<_> = records.iter().map(super::Record::dn).collect();
        assert_eq!(names, ["cn=a", "cn=b"]);
    }

    #[test]
    fn damage_in_the_middle_is_not_taken_for_a_crash() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("undo.ldif");
        let mut undo = FileUndo::open(&path).unwrap();
        undo.save(ONE).unwrap();
        undo.save(TWO).unwrap();
        let mut content = std::fs::read(&path).unwrap();
        content[5] ^= 1;
        std::fs::write(&path, &content).unwrap();
        assert!(matches!(
            read_undo(&path),
            Err(UndoFileError::Damaged { at: 0, .. })
        ));
        assert!(matches!(
            FileUndo::open(&path),
            Err(UndoFileError::Damaged { .. })
        ));
    }

    #[test]
    fn a_value_that_looks_like_the_mark_does_not_end_a_chunk() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("undo.ldif");
        let mut text = Vec::new();
        let value = format!("{}0000", super::END_OF_CHUNK);
        crate::directory::ldif::write_record(
            &mut text,
            &super::Record::Modify {
                dn: "cn=a".into(),
                changes: vec![crate::directory::entry::Change::add(
                    "description",
                    &[format!("{}\n{value}\n", "x".repeat(57))],
                )],
            },
        );
        FileUndo::open(&path).unwrap().save(&text).unwrap();
        assert_eq!(read_undo(&path).unwrap().len(), 1);
    }
}
