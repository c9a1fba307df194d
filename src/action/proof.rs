//! Checks as actions use them: before a step, as the proof of an effect, after a step, to wait for.

use super::work::WaitFor;
use super::{Tell, World};
use crate::check::{self, CheckReport as Report, Outcome};
use crate::plan::effect::EffectEnd;
use std::time::{Duration, Instant};

/// How long a count may stand still before waiting for it is given up.
const STALL: Duration = Duration::from_secs(600);

/// Makes one check.
pub(super) async fn look(world: &World, id: &str) -> Report {
    match world.check_context() {
        Ok(context) => world.waived(check::run(id, &context).await),
        Err(error) => cannot_look(id, error),
    }
}

/// Makes one check as an effect.
pub(super) async fn once(world: &World, id: &str) -> EffectEnd {
    let report = look(world, id).await;
    match report.outcome {
        Outcome::Ok => EffectEnd::ok(report.detail),
        Outcome::Warning => EffectEnd::warning(warning(&report)),
        Outcome::Failed | Outcome::Unknown if report.inhibits => {
            EffectEnd::failed(sentence(&report))
        }
        Outcome::Failed | Outcome::Unknown => EffectEnd::warning(sentence(&report)),
    }
}

/// Whether all checks hold now, and what they say.
///
/// # Errors
/// The first check that does not hold, as a sentence.
pub(super) async fn all_hold(world: &World, ids: &[String]) -> Result<String, String> {
    let mut said: Vec<String> = Vec::new();
    for id in ids {
        let report = look(world, id).await;
        match report.outcome {
            Outcome::Ok | Outcome::Warning => said.push(warning(&report)),
            Outcome::Failed | Outcome::Unknown if report.inhibits => {
                return Err(sentence(&report));
            }
            Outcome::Failed | Outcome::Unknown => said.push(sentence(&report)),
        }
    }
    Ok(said.join("; "))
}

/// Waits until all checks hold.
///
/// # Errors
/// When they do not within `patience`: what the first that does not says.
pub(super) async fn eventually(
    world: &World,
    ids: &[String],
    patience: Duration,
) -> Result<String, String> {
    let began = Instant::now();
    let mut pause = Duration::from_millis(100);
    loop {
        match all_hold(world, ids).await {
            Ok(message) => return Ok(message),
            Err(message) if began.elapsed() >= patience => return Err(message),
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

/// Waits for a check and tells its trend; gives up when nothing has moved for ten minutes, or the
/// operator wants the run to stop.
pub(super) async fn wait_for(world: &World, wait: &WaitFor, tell: Tell<'_>) -> EffectEnd {
    let mut stopping = world.stopping.subscribe();
    let mut last = String::new();
    let mut moved = Instant::now();
    loop {
        let report = look(world, &wait.check).await;
        match report.outcome {
            Outcome::Ok => return EffectEnd::ok(report.detail),
            Outcome::Warning => return EffectEnd::warning(warning(&report)),
            Outcome::Unknown if report.waived.is_some() => {
                return EffectEnd::warning(sentence(&report));
            }
            Outcome::Failed | Outcome::Unknown => {}
        }
        if report.detail != last {
            last.clone_from(&report.detail);
            moved = Instant::now();
            tell(0, &report.detail);
        }
        if moved.elapsed() > STALL {
            return EffectEnd::failed(format!(
                "nothing has moved for 10 minutes: {}",
                sentence(&report)
            ));
        }
        let pause = Duration::from_secs(u64::from(wait.every_seconds.clamp(1, 3_600)));
        // The first looks come quickly: most queues are short.
        let pause = if moved.elapsed() < Duration::from_secs(10) {
            pause.min(Duration::from_secs(1))
        } else {
            pause
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            stop = stopping.wait_for(|stop| *stop) => if stop.is_ok() {
                return EffectEnd::failed(format!("stopped while waiting: {}", report.detail));
            }
        }
    }
}

/// What a check says that lets the run go on, with the waiver if there is one.
pub(super) fn warning(report: &Report) -> String {
    match &report.waived {
        Some(reason) => format!("{} (waived: {reason})", report.detail),
        None => report.detail.clone(),
    }
}

/// What a check says, with what to do, or why nothing need be done.
pub(super) fn sentence(report: &Report) -> String {
    if report.waived.is_some() {
        let detail = format!("{} cannot be told: {}", report.id, report.detail);
        return warning(&Report {
            detail,
            ..report.clone()
        });
    }
    if report.remedy.is_empty() {
        report.detail.clone()
    } else {
        format!("{}. {}", report.detail.trim_end_matches('.'), report.remedy)
    }
}

/// Makes several checks side by side, in their order.
pub(super) async fn look_all(world: &World, ids: &[String]) -> Vec<Report> {
    match world.check_context() {
        Ok(context) => {
            let asked = ids.iter().map(|id| check::run(id, &context));
            let all = futures_util::future::join_all(asked).await;
            all.into_iter().map(|r| world.waived(r)).collect()
        }
        Err(error) => ids
            .iter()
            .map(|id| cannot_look(id, error.clone()))
            .collect(),
    }
}

/// The report of a check that could not even be asked.
fn cannot_look(id: &str, detail: String) -> Report {
    Report {
        id: id.to_owned(),
        outcome: Outcome::Unknown,
        inhibits: true,
        detail,
        remedy: String::new(),
        repair: Vec::new(),
        waived: None,
        at: String::new(),
        milliseconds: 0,
    }
}
