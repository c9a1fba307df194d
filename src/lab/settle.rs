//! Before a lab is judged: what is on its way arrives first.
//!
//! The traffic rests, so that nothing new comes in, and the queues of the servers that run are given
//! time to run dry. What does not move any more is left where it is: it is part of the judgement.

use super::control::{self, Reply, Request};
use super::instance::Instance;
use super::queue::{self, OLD_QUEUE, State};
use super::traffic::OUTSIDE;
use super::world::{HostConfig, Lab, LabError};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The longest time that queues are given.
const LONGEST: Duration = Duration::from_secs(60);
/// A queue in which nothing has moved for so long stands still: longer than any retry that may help.
const STILL: Duration = Duration::from_secs(12);
/// Between two looks.
const POLL: Duration = Duration::from_millis(100);

/// The component that makes the traffic.
const TRAFFIC: &str = "traffic";

/// Who rests until the judgement is over.
#[derive(Debug)]
pub struct Resting(Option<String>);

/// Lets the traffic of a running lab rest and its queues run dry.
///
/// # Errors
/// When the lab's process does not answer.
pub fn settle(lab: &Lab) -> Result<Resting, LabError> {
    let outside = lab.host_with_role(OUTSIDE).ok();
    if outside.is_none() && lab.config.hosts.len() == 1 {
        return Ok(Resting(None));
    }
    let mut resting = Resting(None);
    if let Some(host) = outside {
        let request = Request::Stop {
            host: host.name.clone(),
            component: TRAFFIC.to_owned(),
        };
        if let Reply::Ok = control::ask(lab, &request)? {
            resting = Resting(Some(host.name.clone()));
        }
    }
    let deadline = Instant::now() + LONGEST;
    let mut last = (waiting(lab)?, Instant::now());
    while !last.0.is_empty() && last.1.elapsed() < STILL && Instant::now() < deadline {
        std::thread::sleep(POLL);
        let now = waiting(lab)?;
        if now.len() != last.0.len() {
            last = (now, Instant::now());
        }
    }
    Ok(resting)
}

/// Lets go on what rested.
///
/// # Errors
/// When the lab's process does not answer.
pub fn resume(lab: &Lab, resting: &Resting) -> Result<(), LabError> {
    if let Some(host) = &resting.0 {
        let request = Request::Start {
            host: host.clone(),
            component: TRAFFIC.to_owned(),
        };
        control::ask(lab, &request)?;
    }
    Ok(())
}

/// The messages that a job controller which runs would deliver.
fn waiting(lab: &Lab) -> Result<Vec<PathBuf>, LabError> {
    let mut found = Vec::new();
    for host in &lab.config.hosts {
        for process in control::processes(lab, &host.name)? {
            if let Some(folder) = queue_of(lab, host, &process.component) {
                let files = queue::list(&folder).map_err(LabError::file(&folder))?;
                let ready = files.into_iter().filter(|f| f.state == State::Ready);
                found.extend(ready.map(|f| f.path));
            }
        }
    }
    Ok(found)
}

fn queue_of(lab: &Lab, host: &HostConfig, component: &str) -> Option<PathBuf> {
    match component {
        "sims-job-controller" => Some(lab.root(host).join(OLD_QUEUE)),
        "ims-job-controller" => Some(Instance::of(lab, host).queue()),
        _ => None,
    }
}
