//! The lab's directory server, its schema, its data on disk and a small client.
//!
//! One implementation stands for the site's Directory Server 4.12 and for the new server's
//! configuration directory. [`load_ldif`] fills the data of a server that does not run;
//! [`server::Server`] serves an instance folder on given sockets.

pub mod access;
pub mod answer;
pub mod client;
pub mod config;
pub mod directory;
pub mod dn;
pub mod entry;
pub mod filter;
pub mod filter_text;
pub mod frame;
pub mod ldif;
pub mod load;
pub mod password;
pub mod plan;
pub mod schema;
pub mod search;
pub mod server;
pub mod session;
pub mod store;

pub use entry::Entry;
pub use load::load_ldif;
