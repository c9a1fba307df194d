//! What the guide says: scenarios as data, their types, parser, validator and conditions.
//!
//! A scenario is one of the guide's procedures, in `assets/scenarios/*.toml`. The order of the steps
//! in the file is the order in which they are done. Every text may hold `{placeholders}`; which
//! there are is told by [`names`].

pub mod action;
mod back;
pub mod batches;
pub mod condition;
pub mod names;
pub mod parse;
pub mod types;
pub mod validate;

pub use action::Action;
pub use condition::Condition;
pub use types::{Correction, Each, ExampleHost, Product, Risk, Role, Scenario, Step};

use crate::base::document::Problems;

/// The scenarios that are built in: id and text of the file.
const BUILT_IN: &[(&str, &str)] = &[
    (
        "sims-offline",
        include_str!("../assets/scenarios/sims-offline.toml"),
    ),
    (
        "sims-online",
        include_str!("../assets/scenarios/sims-online.toml"),
    ),
    (
        "nms-unix",
        include_str!("../assets/scenarios/nms-unix.toml"),
    ),
];

/// Returns the ids of the scenarios that are built in.
pub fn ids() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(id, _)| *id)
}

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// There is none with this id.
    #[error("there is no scenario `{id}`")]
    Unknown {
        /// The id asked for.
        id: String,
    },
    /// Its file does not hold.
    #[error(transparent)]
    Problems(#[from] Problems),
}

impl crate::base::Hint for ScenarioError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unknown { id } => vec![crate::base::document::did_you_mean(id, ids())],
            Self::Problems(problems) => problems.hints(),
        }
    }
}

/// Returns a scenario that is built in.
///
/// # Errors
/// [`ScenarioError::Unknown`] when there is none with this id.
pub fn load(id: &str) -> Result<Scenario, ScenarioError> {
    let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == id) else {
        return Err(ScenarioError::Unknown { id: id.to_owned() });
    };
    Ok(parse::parse(&format!("assets/scenarios/{id}.toml"), text)?)
}

#[cfg(test)]
mod tests;
