//! The upgrade of entries: preview, apply, verify, undo.
//!
//! What is shown in the [`Preview`] is what is sent, and [`Preview::digest`] ties the two together.
//! Every change is compare-and-set: an entry is read, compared byte for byte with what the plan was
//! made from, and changed in one modification that deletes exactly the old values and adds exactly
//! the new ones. Before the first change of a chunk its undo is on disk. Everything here can be
//! run again after a crash at any point: what is done is found to be done.

mod apply;
mod preview;
mod set;
mod undo;

pub use apply::{Applied, ApplyError, CHUNK, EntryOutcome, EntryResult, apply, verify};
pub use preview::{
    Counts, Entries, Odd, Preview, digest, preview, preview_some, to_ldif, undo_ldif,
};
pub use set::{Setting, preview_setting};
pub use undo::{FileUndo, UndoFileError, UndoSink, read_undo, undo};
