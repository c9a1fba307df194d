//! `run`, `service`, `backup-directory`: a vendor's command, proved by state and not by its words.

use super::work::Command;
use super::{World, proof};
use crate::base::display_safe;
use crate::host::{EffectDir, HostError, RunOptions, Settled};
use crate::plan::effect::EffectEnd;
use std::time::Duration;

/// How long the proof of a command may take to hold after it ended (`domain/commands.md` 29:
/// start 180 s, stop 600 s).
const PATIENCE: Duration = Duration::from_secs(600);

/// Runs the command and waits until its proof holds.
pub(super) async fn apply(world: &World, command: &Command, folder: &EffectDir) -> EffectEnd {
    let host = match world.host(command.role) {
        Ok(host) => host,
        Err(error) => return EffectEnd::failed(error),
    };
    if command.unless_proved
        && !command.proof.is_empty()
        && proof::all_hold(world, &command.proof).await.is_ok()
    {
        return EffectEnd::ok("it was so already");
    }
    if let Some(path) = &command.stdout_to
        && let Some((above, _)) = path.rsplit_once('/')
        && !matches!(host.exists(above).await, Ok(true))
    {
        return EffectEnd::failed(format!("`{above}` is not there on {}", host.fqdn));
    }
    let options = RunOptions {
        stdout_to: command.stdout_to.clone(),
        ..RunOptions::default()
    };
    let result = match host.run(folder, &command.argv, options).await {
        Ok(result) => result,
        Err(error) => return EffectEnd::failed(error.to_string()),
    };
    let said = last_words(&result.stderr_text(), &result.stdout_text());
    if !result.is_zero() {
        let status = in_words(result.status);
        return EffectEnd::failed(format!("ended with {status}: {said}"));
    }
    match proof::eventually(world, &command.proof, PATIENCE).await {
        Ok(message) => EffectEnd::ok(message),
        Err(message) => EffectEnd::failed(message),
    }
}

/// Looks at what a dead engine began.
pub(super) async fn settle(
    world: &World,
    command: &Command,
    folder: &EffectDir,
) -> (Result<bool, String>, String) {
    let host = match world.host(command.role) {
        Ok(host) => host,
        Err(error) => return (Err(error), String::new()),
    };
    let settled = match host.wait(folder).await {
        Ok(settled) => settled,
        Err(HostError::ByHand { .. }) => return (Ok(false), "it is done by hand".to_owned()),
        Err(error) => return (Err(error.to_string()), String::new()),
    };
    // What never started changes nothing by being waited for.
    let patience = if settled == Settled::NeverStarted {
        Duration::ZERO
    } else {
        Duration::from_secs(30)
    };
    let proved = !command.proof.is_empty()
        && proof::eventually(world, &command.proof, patience)
            .await
            .is_ok();
    match settled {
        _ if proved => (Ok(true), "the checks say that it is done".to_owned()),
        Settled::NeverStarted => (Ok(false), "it never started".to_owned()),
        Settled::Ended(0) if command.proof.is_empty() => (Ok(true), "it ended with 0".to_owned()),
        Settled::Ended(status) if command.unless_proved => (
            Ok(false),
            format!("it ended with {status} and its proof does not hold"),
        ),
        Settled::Ended(status) => (Err(format!("it ended with status {status}")), String::new()),
        Settled::Running(_) | Settled::Vanished if command.unless_proved => (
            Ok(false),
            "it vanished and its proof does not hold".to_owned(),
        ),
        Settled::Running(_) | Settled::Vanished => (
            Err("it vanished without a status".to_owned()),
            String::new(),
        ),
    }
}

/// An exit status for people.
pub(super) fn in_words(status: Option<i32>) -> String {
    status.map_or("an unknown status".to_owned(), |s| format!("status {s}"))
}

/// The last line that a command said, for people.
pub(super) fn last_words(stderr: &str, stdout: &str) -> String {
    let line = |text: &str| {
        text.lines()
            .map(str::trim)
            .rfind(|l| !l.is_empty())
            .map(|l| display_safe(l).into_owned())
    };
    line(stderr)
        .or_else(|| line(stdout))
        .unwrap_or_else(|| "it said nothing".to_owned())
}
