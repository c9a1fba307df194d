//! The pure core: [`Core::decide`] what follows from an input, [`fold`] events into the state.
//!
//! Neither knows a host, a directory, a clock or a random number; all of that comes in as inputs.
//! Only [`fold`] changes state. The same core runs a site, a lab and the simulation in
//! `core/simulation.rs`.

mod amend;
mod asks;
mod back;
mod bound;
mod control;
mod decide;
mod fold;
mod input;
#[cfg(test)]
mod simulation;
mod waive;

pub use back::{RUN_FILES, way_back};
pub use decide::Core;
pub use fold::fold;
pub use input::{Ask, Decision, Input, Order};
