//! scenario × site × facts: the plan, its digest and its renderings.
//!
//! A *draft* shows every step with `<names>` where facts are still missing, and needs no host. A
//! *plan* is a draft with its facts bound: what is confirmed is what is executed.

pub mod build;
pub mod describe;
pub mod digest;
pub mod effect;
pub mod fill;
pub mod render;
pub mod types;

pub use crate::scenario::condition::Facts;
pub use build::{PlanError, bind, draft};
pub use types::{Gate, GateLine, Plan, PlanStep, PlannedAction};

#[cfg(test)]
mod tests;
