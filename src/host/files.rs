//! File acts: read, write, list, link, owner, disk; nothing here leaves an effect folder.
//!
//! Each may be repeated without harm, so a lost link is simply an error.

use super::act::ABSENT;
use super::kept::Kept;
use super::run::KEEP;
use super::{Act, Disk, Host, HostError, Inodes, Process, Reading};
use super::{parse_df, parse_inodes, parse_ps};
use crate::base::crash;
use std::time::Duration;

/// How long a file act may take.
const LIMIT: Duration = Duration::from_secs(300);

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, wherever it points.
    Link,
    /// A device or the like.
    Other,
}

/// Something in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// Whose a path is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user, or its number.
    pub user: String,
    /// The group, or its number.
    pub group: String,
    /// Type and permissions as `ls -l` writes them: `drwxr-xr-x`.
    pub mode: String,
}

impl Host {
    /// Reads a file of at most `limit` bytes; none when it does not exist.
    pub async fn read_file(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, HostError> {
        let path = sound(path)?;
        let answer = self.attempt(&Act::ReadFile { path }, None, limit).await;
        or_absent(answer)
    }

    /// Writes a file: beside it, then rename, so that nobody sees half of it.
    ///
    /// Owner and mode of a file that was there stay, unless `mode` (such as `600`) says otherwise.
    /// Refuses to replace a symbolic link.
    pub async fn write_file(
        &self,
        path: &str,
        content: &[u8],
        mode: Option<&str>,
    ) -> Result<(), HostError> {
        let mode = mode.unwrap_or("-").to_owned();
        if mode != "-" && !(mode.len() <= 4 && mode.bytes().all(|b| (b'0'..=b'7').contains(&b))) {
            return Err(bad(&mode, "a mode is octal, such as 600"));
        }
        let act = Act::WriteFile {
            path: sound(path)?,
            mode,
            bytes: content.len(),
        };
        self.act(&act, Some(content)).await.map(drop)
    }

    /// Writes a file that only its owner may read; the content travels by standard input alone.
    ///
    /// For the vendor's tools that take a secret only from a file. Remove it with
    /// [`Host::remove_file`] on every way out, also on resume.
    pub async fn write_secret(
        &self,
        path: &str,
        content: &crate::base::Secret,
    ) -> Result<(), HostError> {
        self.write_file(path, content.expose().as_bytes(), Some("600"))
            .await
    }

    /// Copies a file to a new name, with owner and mode; done already when the copy is the same.
    pub async fn copy_file(&self, from: &str, to: &str) -> Result<(), HostError> {
        let act = Act::CopyFile {
            from: sound(from)?,
            to: sound(to)?,
        };
        self.act(&act, None).await.map(drop)
    }

    /// Lists a folder, without `.` and `..`, sorted; none when it does not exist.
    pub async fn list_dir(&self, path: &str) -> Result<Option<Vec<Entry>>, HostError> {
        let path = sound(path)?;
        let answer = self.attempt(&Act::ListDir { path }, None, KEEP).await;
        Ok(or_absent(answer)?.map(|bytes| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let mut all: Vec<Entry> = text.lines().filter_map(entry).collect();
            all.sort_by(|a, b| a.name.cmp(&b.name));
            all
        }))
    }

    /// Says what is at a path; none when nothing is.
    pub async fn kind(&self, path: &str) -> Result<Option<Kind>, HostError> {
        let path = sound(path)?;
        let answer = self.attempt(&Act::Kind { path }, None, 16).await;
        let answer = or_absent(answer)?;
        Ok(answer.and_then(|b| kind(&String::from_utf8_lossy(&b))))
    }

    /// Whether anything is at a path.
    pub async fn exists(&self, path: &str) -> Result<bool, HostError> {
        Ok(self.kind(path).await?.is_some())
    }

    /// Makes a folder with all above it.
    pub async fn make_dir(&self, path: &str) -> Result<(), HostError> {
        let path = sound(path)?;
        self.act(&Act::MakeDir { path }, None).await.map(drop)
    }

    /// Removes a file, or a symbolic link itself; nothing to do when there is none.
    pub async fn remove_file(&self, path: &str) -> Result<(), HostError> {
        let path = sound(path)?;
        self.act(&Act::RemoveFile { path }, None).await.map(drop)
    }

    /// Removes a folder with nothing in it.
    pub async fn remove_empty(&self, path: &str) -> Result<(), HostError> {
        let path = sound(path)?;
        self.act(&Act::RemoveEmpty { path }, None).await.map(drop)
    }

    /// Removes a folder with all in it. Refuses links, and folders less than three levels deep.
    pub async fn remove_tree(&self, path: &str) -> Result<(), HostError> {
        let path = sound(path)?;
        if path.split('/').filter(|p| !p.is_empty()).count() < 3 {
            return Err(bad(&path, "too near to the root to be removed"));
        }
        match self.act(&Act::RemoveTree { path }, None).await {
            Ok(_) | Err(HostError::Absent { .. }) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Makes a symbolic link; done already when it is there and points at the same.
    pub async fn link(&self, target: &str, path: &str) -> Result<(), HostError> {
        let act = Act::Link {
            target: sound(target)?,
            path: sound(path)?,
        };
        self.act(&act, None).await.map(drop)
    }

    /// Says whose a path is; none when nothing is there.
    pub async fn owner(&self, path: &str) -> Result<Option<Owner>, HostError> {
        let path = sound(path)?;
        let answer = or_absent(self.attempt(&Act::Owner { path }, None, KEEP).await)?;
        Ok(answer.and_then(|bytes| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let mut words = text.split_whitespace();
            Some(Owner {
                mode: words.next()?.to_owned(),
                user: words.nth(1)?.to_owned(),
                group: words.next()?.to_owned(),
            })
        }))
    }

    /// Gives a path to `user` or `user:group`, `below` with everything in it.
    pub async fn set_owner(&self, path: &str, owner: &str, below: bool) -> Result<(), HostError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-:".contains(&b);
        if owner.is_empty() || owner.starts_with('-') || !owner.bytes().all(plain) {
            return Err(bad(owner, "an owner is `user` or `user:group`"));
        }
        let act = Act::SetOwner {
            path: sound(path)?,
            owner: owner.to_owned(),
            below,
        };
        self.act(&act, None).await.map(drop)
    }

    /// Says how full the file system of a path is.
    pub async fn disk_free(&self, path: &str) -> Result<Reading<Disk>, HostError> {
        let path = sound(path)?;
        let answer = self.act(&Act::DiskFree { path }, None).await?;
        Ok(parse_df(&String::from_utf8_lossy(&answer)))
    }

    /// Says how much a folder holds, in KiB; none when it does not exist.
    pub async fn disk_used(&self, path: &str) -> Result<Option<Reading<u64>>, HostError> {
        let path = sound(path)?;
        let answer = self.attempt(&Act::DiskUsed { path }, None, KEEP).await;
        Ok(or_absent(answer)?.map(|bytes| {
            let text = String::from_utf8_lossy(&bytes);
            let first = text.split_whitespace().next().and_then(|w| w.parse().ok());
            first.map_or_else(|| Reading::unknown(&text), Reading::Understood)
        }))
    }

    /// Says how many inodes the file system of a path has; not every host can tell.
    pub async fn inodes(&self, path: &str) -> Result<Reading<Inodes>, HostError> {
        let path = sound(path)?;
        match self.act(&Act::Inodes { path }, None).await {
            Ok(answer) => Ok(parse_inodes(&String::from_utf8_lossy(&answer))),
            Err(HostError::Failed { detail, .. }) => Ok(Reading::unknown(&detail)),
            Err(e) => Err(e),
        }
    }

    /// Lists the processes of the host.
    pub async fn processes(&self) -> Result<Reading<Vec<Process>>, HostError> {
        let answer = self.attempt(&Act::Processes, None, KEEP).await?;
        Ok(parse_ps(&String::from_utf8_lossy(&answer)))
    }

    /// Does a file act and returns what it printed.
    pub(super) async fn act(&self, act: &Act, stdin: Option<&[u8]>) -> Result<Vec<u8>, HostError> {
        self.attempt(act, stdin, KEEP).await
    }

    async fn attempt(
        &self,
        act: &Act,
        stdin: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<u8>, HostError> {
        let command = super::command_line(&act.shown());
        self.transport.turn().await;
        if let Some(change) = act.changes() {
            crash::before("act", change);
        }
        let mut child = self.spawn(act, stdin.is_some(), true)?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let input = child.stdin.take();
        let feed = async {
            if let (Some(mut input), Some(bytes)) = (input, stdin) {
                use tokio::io::AsyncWriteExt;
                // A side that closes early says why with its status.
                let _ = input.write_all(bytes).await;
                let _ = input.shutdown().await;
            }
        };
        let read_out = async {
            match out {
                Some(out) => Kept::new(limit).drain(out).await,
                None => Kept::new(0),
            }
        };
        let read_err = async {
            match err {
                Some(err) => Kept::new(4096).drain(err).await,
                None => Kept::new(0),
            }
        };
        let all = async { tokio::join!(feed, read_out, read_err, child.wait()) };
        let Ok(((), out, err, exit)) = tokio::time::timeout(LIMIT, all).await else {
            return Err(HostError::Late {
                host: self.name.clone(),
                command,
                limit: LIMIT,
            });
        };
        if let Some(change) = act.changes() {
            crash::after("act", change);
        }
        let (err, _) = err.into_parts();
        let detail = String::from_utf8_lossy(&err).trim().to_owned();
        let status = exit.ok().and_then(|e| e.code()).unwrap_or(-1);
        match status {
            0 => {}
            ABSENT => {
                return Err(HostError::Absent {
                    host: self.name.clone(),
                    path: act.shown().pop().unwrap_or_default(),
                });
            }
            255 if self.transport.may_lose_status() => {
                return Err(HostError::Link {
                    host: self.name.clone(),
                    detail,
                });
            }
            status => {
                return Err(HostError::Failed {
                    host: self.name.clone(),
                    command,
                    status,
                    detail,
                });
            }
        }
        let (out, cut) = out.into_parts();
        if cut || out.len() > limit {
            return Err(HostError::TooMuch {
                host: self.name.clone(),
                command,
                limit,
            });
        }
        Ok(out)
    }
}

fn or_absent(answer: Result<Vec<u8>, HostError>) -> Result<Option<Vec<u8>>, HostError> {
    match answer {
        Ok(bytes) => Ok(Some(bytes)),
        Err(HostError::Absent { .. }) => Ok(None),
        Err(e) => Err(e),
    }
}

fn bad(what: &str, why: &'static str) -> HostError {
    HostError::Bad {
        what: what.to_owned(),
        why,
    }
}

/// A path is absolute and says where it leads.
fn sound(path: &str) -> Result<String, HostError> {
    if !path.starts_with('/') {
        return Err(bad(path, "a path on a host begins with `/`"));
    }
    if path.chars().any(char::is_control) {
        return Err(bad(path, "a path has no control characters"));
    }
    if path.split('/').any(|part| part == "..") {
        return Err(bad(path, "a path has no `..`"));
    }
    Ok(path.to_owned())
}

fn kind(letter: &str) -> Option<Kind> {
    match letter.trim() {
        "f" => Some(Kind::File),
        "d" => Some(Kind::Folder),
        "l" => Some(Kind::Link),
        "o" => Some(Kind::Other),
        _ => None,
    }
}

fn entry(line: &str) -> Option<Entry> {
    let (letter, name) = line.split_once(' ')?;
    Some(Entry {
        name: name.to_owned(),
        kind: kind(letter)?,
    })
}
