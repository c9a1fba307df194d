//! The audit's own walk through the new store's tree and through the queues.

use super::Item;
use super::files::LabFile;
use super::names;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// A message of the new store.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) user: String,
    pub(super) folder: String,
    pub(super) message_id: Option<String>,
    pub(super) sha256: String,
    pub(super) size: u64,
    pub(super) file: String,
}

/// A message in a queue.
#[derive(Clone, Debug)]
pub(super) struct Queued {
    pub(super) message_id: Option<String>,
    pub(super) file: String,
}

/// What lies in the new store.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) messages: Vec<Found>,
    /// The folders of each store id, empty ones too.
    pub(super) folders: BTreeMap<String, BTreeSet<String>>,
    pub(super) unreadable: Vec<Item>,
}

/// What lies in the queues.
#[derive(Debug, Default)]
pub(super) struct Queues {
    pub(super) messages: Vec<Queued>,
    pub(super) unreadable: Vec<Item>,
}

/// Reads every new store of the lab.
pub(super) fn stores(dir: &Path, lab: &LabFile) -> Store {
    let mut walk = Walk {
        dir,
        store: Store::default(),
    };
    for instance in instances(dir, lab) {
        for partition in walk.partitions(&instance) {
            for hash in walk.folders(&partition.join("=user")) {
                for second in walk.folders(&hash) {
                    for home in walk.folders(&second) {
                        walk.home(&home);
                    }
                }
            }
        }
    }
    walk.store
}

/// The instance folders of the new server, `hosts/*/usr/iplanet/server5/msg-*`.
fn instances(dir: &Path, lab: &LabFile) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for host in &lab.hosts {
        let server = dir
            .join("hosts")
            .join(&host.name)
            .join("usr/iplanet/server5");
        found.extend(
            sorted(&server)
                .unwrap_or_default()
                .into_iter()
                .filter(|p| name(p).starts_with(b"msg-")),
        );
    }
    found
}

fn name(path: &Path) -> &[u8] {
    path.file_name().unwrap_or_default().as_bytes()
}

/// A folder's entries by name, numbers by their value; none when there is no such folder.
fn sorted(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut paths = entries
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort_by_cached_key(|p| {
        let number = p
            .file_stem()
            .and_then(OsStr::to_str)
            .and_then(|s| s.parse::<u64>().ok());
        (number, p.clone())
    });
    Ok(paths)
}

fn below(dir: &Path, path: &Path) -> String {
    path.strip_prefix(dir)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned()
}

fn unreadable(dir: &Path, path: &Path, reason: impl Into<String>) -> Item {
    Item {
        file: Some(below(dir, path)),
        reason: Some(reason.into()),
        ..Item::default()
    }
}

struct Walk<'a> {
    dir: &'a Path,
    store: Store,
}

impl Walk<'_> {
    fn note(&mut self, path: &Path, reason: impl Into<String>) {
        self.store
            .unreadable
            .push(unreadable(self.dir, path, reason));
    }

    fn children(&mut self, folder: &Path) -> Vec<PathBuf> {
        sorted(folder).unwrap_or_else(|e| {
            self.note(folder, e.to_string());
            Vec::new()
        })
    }

    /// The partitions of an instance: those that its store noted when it started, or its own.
    fn partitions(&mut self, instance: &Path) -> Vec<PathBuf> {
        match fs::read_to_string(instance.join("config/partitions")) {
            Ok(noted) => noted
                .lines()
                .filter_map(|line| line.split_once(' '))
                .map(|(_, path)| instance.join(path))
                .collect(),
            Err(_) => self.folders(&instance.join("store/partition")),
        }
    }

    fn folders(&mut self, folder: &Path) -> Vec<PathBuf> {
        let mut children = self.children(folder);
        children.retain(|child| child.is_dir());
        children
    }

    /// The name a `=…` folder stands for.
    fn level(&mut self, path: &Path) -> Option<String> {
        let decoded = names::decode(name(path).strip_prefix(b"=")?);
        if decoded.is_none() {
            self.note(path, "its name is not encoded as the store encodes names");
        }
        decoded
    }

    /// A user's own folder, which is that user's INBOX.
    fn home(&mut self, path: &Path) {
        if let Some(user) = self.level(path) {
            self.mailbox(path, &user, None);
        }
    }

    fn mailbox(&mut self, path: &Path, user: &str, folder: Option<&str>) {
        let shown = folder.unwrap_or("INBOX");
        self.store
            .folders
            .entry(user.to_owned())
            .or_default()
            .insert(shown.to_owned());
        for child in self.children(path) {
            if name(&child).starts_with(b"=") {
                if let Some(level) = self.level(&child) {
                    let inner = folder.map_or(level.clone(), |f| format!("{f}/{level}"));
                    self.mailbox(&child, user, Some(&inner));
                }
            } else if is_message_folder(&child) {
                for file in self.children(&child) {
                    self.message(&file, user, shown);
                }
            } else {
                self.message(&child, user, shown);
            }
        }
    }

    fn message(&mut self, path: &Path, user: &str, folder: &str) {
        let Some(stem) = name(path).strip_suffix(b".msg") else {
            return;
        };
        if stem.is_empty() || !stem.iter().all(u8::is_ascii_digit) {
            self.note(path, "not a message's name");
            return;
        }
        // A link would be somebody else's file: only files count.
        match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_file() => {}
            Ok(_) => return self.note(path, "not a file"),
            Err(e) => return self.note(path, e.to_string()),
        }
        match fs::read(path) {
            Ok(bytes) => self.store.messages.push(Found {
                user: user.to_owned(),
                folder: folder.to_owned(),
                message_id: names::message_id(&bytes),
                sha256: names::content_hash(&bytes),
                size: bytes.len() as u64,
                file: below(self.dir, path),
            }),
            Err(e) => self.note(path, e.to_string()),
        }
    }
}

/// `00`, `01`, …: where a store that splits big folders keeps the messages.
fn is_message_folder(path: &Path) -> bool {
    let name = name(path);
    name.len() == 2 && name.iter().all(u8::is_ascii_hexdigit) && path.is_dir()
}

/// Reads the queues of both generations of MTA on every host.
pub(super) fn queues(dir: &Path, lab: &LabFile) -> Queues {
    let mut roots: Vec<PathBuf> = lab
        .hosts
        .iter()
        .flat_map(|host| {
            let root = dir.join("hosts").join(&host.name);
            [
                root.join("var/opt/SUNWmail/imta/queue"),
                root.join("usr/netscape/server4")
                    .join(format!("msg-{}", host.name))
                    .join("smtp-bin/queue"),
            ]
        })
        .collect();
    roots.extend(instances(dir, lab).iter().map(|i| i.join("imta/queue")));
    let mut queues = Queues::default();
    for root in roots {
        queue(dir, &root, &mut queues);
    }
    queues
}

fn queue(dir: &Path, folder: &Path, queues: &mut Queues) {
    let entries = sorted(folder).unwrap_or_else(|e| {
        queues
            .unreadable
            .push(unreadable(dir, folder, e.to_string()));
        Vec::new()
    });
    for path in entries {
        // `$…` is a file being written (queue format of the MTA): nobody was promised anything yet.
        if name(&path).starts_with(b"$") || name(&path).starts_with(b".") {
            continue;
        }
        if path.is_dir() {
            queue(dir, &path, queues);
            continue;
        }
        match fs::read(&path) {
            Ok(bytes) => queues.messages.push(Queued {
                message_id: names::queued_message_id(&bytes),
                file: below(dir, &path),
            }),
            // Delivered while it was looked at.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => queues
                .unreadable
                .push(unreadable(dir, &path, e.to_string())),
        }
    }
}
