//! Mailboxes: who has which, how they are divided into sessions, what they are called before and
//! after, and whether everything arrived.
//!
//! All of this is pure: it reads what commands printed and compares. The one thing it never does is
//! to believe a sentence; output that is not understood is [`Reading::Unknown`].

pub mod errors;
pub mod folder;
pub mod inventory;
pub mod parse;
pub mod rename;
pub mod sessions;
pub mod user;
pub mod verify;

pub use errors::{ErrorLine, error_lines};
pub use folder::FolderName;
pub use inventory::{Count, Inventory};
pub use rename::{RenameMap, rename_map, user_file};
pub use sessions::{Session, balance, default_sessions};
pub use user::{IdProblem, StoreUser, id_problems};
pub use verify::{Finding, InboxRule, UserReport, Verdict, compare};

pub use crate::host::Reading;
