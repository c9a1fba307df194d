//! The practice world: a directory server, hosts as folders, the vendor's commands, mail.
//!
//! It stands in for vendor software that cannot be had, so it does the real work on real files and
//! real LDAP entries and fails in the documented ways. It imports `base` only; the wizard reaches
//! it through the vendor's commands and LDAP alone and must never know that it is in a lab.
//! [`audit`] shares no code with the rest of this room.

pub mod audit;
pub mod commands;
pub mod control;
pub mod counters;
pub mod create;
pub mod daemon;
pub mod directory_server;
pub mod dns;
pub mod drills;
pub mod ims;
pub mod instance;
pub mod ldap;
pub mod ledger;
pub mod lines;
pub mod nms;
pub mod options;
pub mod owners;
pub mod people;
pub mod phrases;
pub mod queue;
pub mod settle;
pub mod sims;
pub mod tools;
pub mod traffic;
pub mod world;
