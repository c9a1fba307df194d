//! Where one restored folder goes: appended to, beside, or new; and which messages are there already.

use crate::lab::ims::ImsStore;
use crate::lab::ims::names::{canonical, normalise};
use crate::lab::world::LabError;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};

type Key = (String, String);

/// What one run of `imsrestore` knows of the mailboxes it writes.
pub struct Targets<'a> {
    store: &'a ImsStore,
    beside: bool,
    spare_inbox: bool,
    check: bool,
    now: i64,
    made: BTreeSet<Key>,
    existing: HashMap<Key, HashMap<[u8; 32], usize>>,
}

/// How [`Targets`] decides.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// `-n`: an existing mailbox gets a twin with a `.mmddyy.HHMMSS` extension.
    pub beside: bool,
    /// The other reading of `-n`: INBOX is appended to all the same.
    pub spare_inbox: bool,
    /// Messages that the mailbox had before this run are not added again (off with `-i`).
    pub check: bool,
    /// The time for the extension, seconds since the epoch.
    pub now: i64,
}

impl<'a> Targets<'a> {
    /// Begins a run.
    pub fn new(store: &'a ImsStore, rules: Rules) -> Self {
        Self {
            store,
            beside: rules.beside,
            spare_inbox: rules.spare_inbox,
            check: rules.check,
            now: rules.now,
            made: BTreeSet::new(),
            existing: HashMap::new(),
        }
    }

    /// Makes the mailbox for the next source folder and returns its name.
    ///
    /// # Errors
    /// When the names cannot be a mailbox's, or the store refuses.
    pub fn open(&mut self, user: &str, folder: &str) -> Result<String, LabError> {
        let folder = canonical(folder);
        let there = self.store.exists(user, &folder)?;
        let appended = !self.beside || (self.spare_inbox && folder == "INBOX");
        let name = if there && !appended {
            self.twin(user, &folder)?
        } else {
            folder
        };
        let key = (user.to_owned(), name.clone());
        if !self.made.contains(&key) && !self.existing.contains_key(&key) {
            if self.store.exists(user, &name)? {
                let known = if self.check {
                    self.contents(user, &name)?
                } else {
                    HashMap::new()
                };
                self.existing.insert(key, known);
            } else {
                self.store.create(user, &name)?;
                self.made.insert(key);
            }
        }
        Ok(name)
    }

    /// Puts a message into a mailbox that was opened; false when it was there before this run.
    ///
    /// Equal messages are counted: two in the stream are two in the mailbox, also when it is run
    /// again after it was broken off between them.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn append(
        &mut self,
        user: &str,
        folder: &str,
        text: &[u8],
        flags: &[String],
        date: i64,
    ) -> Result<bool, LabError> {
        let key = (user.to_owned(), folder.to_owned());
        if let Some(known) = self.existing.get_mut(&key) {
            let content: [u8; 32] = Sha256::digest(normalise(text)).into();
            if let Some(left) = known.get_mut(&content).filter(|left| **left > 0) {
                *left -= 1;
                return Ok(false);
            }
        }
        self.store.append(user, folder, text, flags, date)?;
        Ok(true)
    }

    fn twin(&self, user: &str, folder: &str) -> Result<String, LabError> {
        let mut second = self.now;
        loop {
            let time = jiff::Timestamp::from_second(second)
                .map_err(|e| LabError::Other(e.to_string()))?
                .to_zoned_datetime(jiff::tz::TimeZone::system());
            let name = format!("{folder}.{}", time.strftime("%m%d%y.%H%M%S"));
            if !self.store.exists(user, &name)? {
                return Ok(name);
            }
            second += 1;
        }
    }

    fn contents(&self, user: &str, folder: &str) -> Result<HashMap<[u8; 32], usize>, LabError> {
        let mut known = HashMap::new();
        for message in self.store.messages(user, folder)? {
            let text = self.store.read(user, folder, message.n)?;
            let content: [u8; 32] = Sha256::digest(&text).into();
            *known.entry(content).or_default() += 1;
        }
        Ok(known)
    }
}
