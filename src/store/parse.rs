//! Readers for what the vendors' tools print, one file a family; tolerant, and honest: what does not
//! look as expected is unknown and goes to a person.

pub mod config;
pub mod mailbox;
pub mod mailq;
pub mod queue;
pub mod quota;

pub use config::{StoredState, parse_configutil, parse_stored};
pub use mailbox::{parse_mboxutil, parse_toc};
pub use mailq::parse_mailq;
pub use queue::{Counter, QueueFile, QueueTree, parse_counters, parse_queue};
pub use quota::{Quota, Quotas, parse_quotas};
