//! The lab's process: what runs on the hosts, the control socket, start and end.
//!
//! `serve` is the process itself (`imsmigrate lab serve DIR`): in a session of its own, a lock on
//! the folder, one task per component. A component is a row of [`components::COMPONENTS`]; killing
//! the process with SIGKILL is the power cut, and `running.json` brings back what was up.

pub mod components;
pub mod dns;
pub mod imap;
pub mod jobs;
mod launch;
mod mail;
pub mod mailbox;
pub mod mappings;
pub mod mta;
mod nms;
mod outside;
pub mod pop;
pub mod presence;
pub mod proxy;
pub mod reading;
pub mod running;
mod send;
mod serve;
pub mod session;
pub mod slapd;
pub mod smtp;
mod socket;
mod supervisor;
mod takeover;
mod traffic;
mod unfinished;

pub use components::{Component, Context, Running, StartError, Starting};
pub use launch::{Status, start_detached, status, stop};
pub use serve::serve;

/// The component that keeps the new store; nothing is delivered into it while it is down.
pub const STORED: &str = "ims-stored";
