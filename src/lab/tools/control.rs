//! What the vendor's start and stop commands ask of the lab's process, and `ps` of it.

use super::ToolContext;
use crate::lab::control::{Process, Reply, Request, ask, processes};
use crate::lab::world::LabError;

/// What became of a start or a stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done now.
    Done,
    /// It was so already.
    Already,
    /// Not done, with what the component said.
    Failed(String),
}

/// Starts a component of the command's host.
///
/// # Errors
/// When the lab's process does not answer.
pub fn start(context: &ToolContext<'_>, component: &str) -> Result<Outcome, LabError> {
    let request = Request::Start {
        host: context.host.name.clone(),
        component: component.to_owned(),
    };
    outcome(ask(&context.lab, &request)?)
}

/// Stops a component of the command's host.
///
/// # Errors
/// When the lab's process does not answer.
pub fn stop(context: &ToolContext<'_>, component: &str) -> Result<Outcome, LabError> {
    let request = Request::Stop {
        host: context.host.name.clone(),
        component: component.to_owned(),
    };
    outcome(ask(&context.lab, &request)?)
}

/// Lists what runs on the command's host.
///
/// # Errors
/// When the lab's process does not answer.
pub fn running(context: &ToolContext<'_>) -> Result<Vec<Process>, LabError> {
    processes(&context.lab, &context.host.name)
}

/// Finds a component of the command's host among what runs.
///
/// # Errors
/// When the lab's process does not answer.
pub fn find(context: &ToolContext<'_>, component: &str) -> Result<Option<Process>, LabError> {
    Ok(running(context)?
        .into_iter()
        .find(|p| p.component == component))
}

fn outcome(reply: Reply) -> Result<Outcome, LabError> {
    match reply {
        Reply::Ok => Ok(Outcome::Done),
        Reply::Already => Ok(Outcome::Already),
        Reply::Failed { message } => Ok(Outcome::Failed(message)),
        other @ Reply::Processes { .. } => {
            Err(LabError::Other(format!("unexpected answer: {other:?}")))
        }
    }
}
