//! What the guide says: scenarios as data, their types, parser, validator and conditions.
//!
//! A scenario is one of the guide's procedures, in `assets/scenarios/*.toml`. The order of the steps
//! in the file is the order in which they are done. Every text may hold `{placeholders}`; which
//! there are is told by [`names`].

pub mod action;
pub mod condition;
pub mod names;
pub mod types;

pub use action::Action;
pub use condition::Condition;
pub use types::{Correction, Product, Risk, Role, Scenario, Step};
