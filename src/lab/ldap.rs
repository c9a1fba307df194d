//! The lab's directory server, its schema, its data on disk and a small client.
//!
//! One implementation stands for the site's Directory Server 4.12 and for the new server's
//! configuration directory. [`load_ldif`] fills the data of a server that does not run.

pub mod config;
pub mod dn;
pub mod entry;
pub mod ldif;
pub mod load;
pub mod schema;
pub mod store;

pub use entry::Entry;
pub use load::load_ldif;
