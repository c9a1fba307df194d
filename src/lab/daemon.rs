//! The lab's process: what runs on the hosts, the control socket, start and end.
//!
//! `serve` is the process itself (`imsmigrate lab serve DIR`): in a session of its own, a lock on
//! the folder, one task per component. A component is a row of [`components::COMPONENTS`]; killing
//! the process with SIGKILL is the power cut, and `running.json` brings back what was up.

pub mod components;
pub mod imap;
mod launch;
pub mod mailbox;
pub mod pop;
pub mod running;
mod serve;
pub mod session;
pub mod smtp;
mod socket;
mod supervisor;

pub use components::{Component, Context, Running, StartError, Starting};
pub use launch::{Status, start_detached, status, stop};
pub use serve::serve;
