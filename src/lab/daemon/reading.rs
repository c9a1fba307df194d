//! Both stores as the IMAP and POP listeners read them.

use super::mailbox::{Mailboxes, Message, Refusal, with_crlf};
use crate::lab::ims::{ImsStore, names};
use crate::lab::people::{Denied, Directory, Service, Site};
use crate::lab::sims::{Folder, SimsStore};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Who may log in, the same for both products.
#[derive(Clone)]
pub struct Door {
    /// What the server knows of its site.
    pub site: Site,
    /// Where its entries are.
    pub directory: Arc<dyn Directory>,
    /// The service behind this door.
    pub service: Service,
}

impl Door {
    fn enter(&self, user: &str, password: &str) -> Result<String, Refusal> {
        self.site
            .login(self.directory.as_ref(), self.service, user, password)
            .map_err(|denied| match denied {
                Denied::Credentials => Refusal::Credentials,
                Denied::Closed => Refusal::Closed,
                Denied::Elsewhere(host) => Refusal::Elsewhere(host),
                Denied::Directory => Refusal::Directory,
            })
    }
}

/// The old store; a user's folders are found in lower case.
#[derive(Clone)]
pub struct OldMailboxes {
    /// Who may come in.
    pub door: Door,
    /// The root of the host's files.
    pub host_root: PathBuf,
    /// Whose mailboxes it serves.
    pub proxy: Proxy,
}

/// What `ims-proxy` of `ims.cnf` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// Mailboxes that are here.
    #[default]
    Off,
    /// These, and it leads to the others.
    On,
    /// It leads to the others only: nobody reads what is here.
    Only,
}

impl OldMailboxes {
    fn store(&self) -> io::Result<SimsStore> {
        SimsStore::open(&self.host_root).map_err(io::Error::other)
    }

    fn folder(&self, user: &str, name: &[u8]) -> io::Result<Option<Folder>> {
        let folders = self.store()?.folders(user).map_err(io::Error::other)?;
        Ok(folders.into_iter().find(|f| f.name == name))
    }
}

impl Mailboxes for OldMailboxes {
    fn host(&self) -> &str {
        &self.door.site.host
    }

    fn login(&self, user: &str, password: &str) -> Result<String, Refusal> {
        match (self.door.enter(user, password), self.proxy) {
            (Err(Refusal::Elsewhere(_)), Proxy::Off) | (Ok(_), Proxy::Only) => Err(Refusal::Closed),
            (other, _) => other,
        }
    }

    fn folders(&self, user: &str) -> io::Result<Vec<Vec<u8>>> {
        let folders = self.store()?.folders(user).map_err(io::Error::other)?;
        let mut names: Vec<Vec<u8>> = folders.into_iter().map(|f| f.name).collect();
        if !names.iter().any(|n| n == b"INBOX") {
            names.insert(0, b"INBOX".to_vec());
        }
        Ok(names)
    }

    fn messages(&self, user: &str, folder: &[u8]) -> io::Result<Option<(u32, Vec<Message>)>> {
        let Some(found) = self.folder(user, folder)? else {
            return Ok((folder == b"INBOX").then(|| (1, Vec::new())));
        };
        let store = self.store()?;
        let mut messages = Vec::new();
        for (at, indexed) in found.messages.into_iter().enumerate() {
            let text = store.read(&indexed).map_err(io::Error::other)?;
            messages.push(Message {
                uid: u32::try_from(at + 1).unwrap_or(u32::MAX),
                flags: indexed.flags,
                date: indexed.date,
                bytes: with_crlf(&text).len() as u64,
            });
        }
        Ok(Some((1, messages)))
    }

    fn read(&self, user: &str, folder: &[u8], uid: u32) -> io::Result<Vec<u8>> {
        let gone = || io::Error::from(io::ErrorKind::NotFound);
        let found = self.folder(user, folder)?.ok_or_else(gone)?;
        let at = usize::try_from(uid).unwrap_or(usize::MAX).checked_sub(1);
        let indexed = at.and_then(|at| found.messages.get(at)).ok_or_else(gone)?;
        let text = self.store()?.read(indexed).map_err(io::Error::other)?;
        Ok(with_crlf(&text))
    }
}

/// The new store; a user's folders are those of exactly that id.
#[derive(Clone)]
pub struct NewMailboxes {
    /// Who may come in.
    pub door: Door,
    /// The instance root.
    pub instance: PathBuf,
}

impl NewMailboxes {
    fn store(&self) -> io::Result<ImsStore> {
        ImsStore::open(&self.instance).map_err(io::Error::other)
    }
}

impl Mailboxes for NewMailboxes {
    fn host(&self) -> &str {
        &self.door.site.host
    }

    /// The first login makes the INBOX that is missing (`[INFERRED]`; seen on its successors): so a
    /// user whose mail was restored under another id comes in and finds nothing.
    fn login(&self, user: &str, password: &str) -> Result<String, Refusal> {
        let id = self
            .door
            .enter(user, password)
            .map_err(|refusal| match refusal {
                Refusal::Elsewhere(_) => Refusal::Closed,
                other => other,
            })?;
        let made = self
            .store()
            .and_then(|store| store.create(&id, "INBOX").map_err(io::Error::other));
        made.map(|()| id).map_err(|_| Refusal::Closed)
    }

    fn folders(&self, user: &str) -> io::Result<Vec<Vec<u8>>> {
        let found = self.store()?.mailboxes_of(user).map_err(io::Error::other)?;
        Ok(found.into_iter().map(|m| m.folder.into_bytes()).collect())
    }

    /// Netscape's server keeps a file for each user, and a link can put it here.
    fn subscribed(&self, user: &str) -> io::Result<Vec<Vec<u8>>> {
        let name = format!("store/user/{}.sub", names::encode(user));
        match std::fs::read_to_string(self.instance.join(name)) {
            Ok(text) => Ok(text.lines().map(|l| l.as_bytes().to_vec()).collect()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.folders(user),
            Err(e) => Err(e),
        }
    }

    fn messages(&self, user: &str, folder: &[u8]) -> io::Result<Option<(u32, Vec<Message>)>> {
        let Ok(folder) = std::str::from_utf8(folder) else {
            return Ok(None);
        };
        let store = self.store()?;
        let boxes = store.mailboxes_of(user).map_err(io::Error::other)?;
        let Some(mailbox) = boxes.into_iter().find(|m| m.folder == folder) else {
            return Ok(None);
        };
        let stored = store.messages(user, folder).map_err(io::Error::other)?;
        let messages = stored
            .into_iter()
            .map(|m| Message {
                uid: m.n,
                flags: m.flags,
                date: m.internal_date,
                bytes: m.size,
            })
            .collect();
        Ok(Some((mailbox.uidvalidity, messages)))
    }

    fn read(&self, user: &str, folder: &[u8], uid: u32) -> io::Result<Vec<u8>> {
        let gone = |_| io::Error::from(io::ErrorKind::NotFound);
        let folder = std::str::from_utf8(folder).map_err(gone)?;
        self.store()?
            .read(user, folder, uid)
            .map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::super::mta::tests::side;
    use super::*;
    use crate::lab::people::Rules;

    fn door(dir: &std::path::Path, rules: Rules) -> Door {
        let side = side(dir, rules);
        Door {
            site: side.site,
            directory: side.directory,
            service: Service::Imap,
        }
    }

    #[test]
    fn the_old_server_shows_a_users_folders_whatever_the_case() {
        let dir = tempfile::tempdir().unwrap();
        let old = OldMailboxes {
            door: door(dir.path(), Rules::Sims),
            host_root: dir.path().join("host"),
            proxy: Proxy::Off,
        };
        let store = SimsStore::open(&old.host_root).unwrap();
        store.append("ann", b"A\xff", b"x\ny", &[], 7).unwrap();
        assert_eq!(
            old.folders("Ann").unwrap(),
            [b"INBOX".to_vec(), b"A\xff".to_vec()]
        );
        assert_eq!(
            old.messages("Ann", b"INBOX").unwrap(),
            Some((1, Vec::new()))
        );
        let (_, messages) = old.messages("Ann", b"A\xff").unwrap().unwrap();
        assert_eq!((messages[0].bytes, messages[0].date), (4, 7));
        assert_eq!(old.read("Ann", b"A\xff", 1).unwrap(), b"x\r\ny");
        assert!(old.read("Ann", b"A\xff", 2).is_err());
        assert_eq!(old.messages("Ann", b"B").unwrap(), None);
    }

    #[test]
    fn the_new_server_shows_exactly_the_mailbox_of_the_id() {
        let dir = tempfile::tempdir().unwrap();
        let new = NewMailboxes {
            door: door(dir.path(), Rules::Ims),
            instance: dir.path().join("msg-mail"),
        };
        let store = ImsStore::open(&new.instance).unwrap();
        store.append("ann", "INBOX", b"lower", &[], 1).unwrap();
        store.append("Ann", "Work", b"upper", &[], 2).unwrap();
        assert_eq!(new.folders("Ann").unwrap(), [b"Work".to_vec()]);
        assert_eq!(new.messages("Ann", b"INBOX").unwrap(), None);
        assert_eq!(new.read("Ann", b"Work", 1).unwrap(), b"upper");
    }
}
