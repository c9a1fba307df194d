//! LDAP: connect, read, schema, rules, writer, undo.
//!
//! ```text
//! connection   Target, Connection::open, modify, add, delete
//! search       paged reading, one entry, the root DSE
//! entry        Entry, Change; our own reader over ldap3's BER tree
//! error        what can go wrong, in words a person can act on
//! ldif         RFC 2849, written and read
//! rules        what becomes of an entry: rules as data, plans of one entry
//! searches     the searches for what is still to do
//! schema       what a server's schema lacks, merging it, taking it back
//! upgrade      preview, apply, verify, undo of entries
//! ```

pub mod connection;
pub mod entry;
pub mod error;
pub mod ldif;
pub mod rules;
pub mod schema;
pub mod search;
pub mod searches;
pub mod upgrade;

pub use connection::{Connection, Target, Tls};
pub use entry::{Change, Entry};
pub use error::DirectoryError;
pub use rules::{EntryKind, EntryPlan, Rules, State};
pub use schema::Schema;
pub use search::{Found, RootDse};
pub use upgrade::{Entries, EntryOutcome, EntryResult, FileUndo, Preview, UndoSink};
