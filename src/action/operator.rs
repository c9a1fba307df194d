//! `instruct`: the operator does it, checks prove it.

use super::work::Instruct;
use super::{World, proof};
use crate::plan::effect::EffectEnd;
use serde_json::json;
use std::time::Duration;

/// How long what the operator says is done may take to show.
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes the operator's word and proves it.
pub(super) async fn apply(world: &World, task: &Instruct, text: Option<&str>) -> EffectEnd {
    let text = text.unwrap_or("").trim();
    if task.evidence {
        if text.is_empty() || text == "done" || text == "yes" {
            return EffectEnd::failed("the answer has to say where and when, in words");
        }
        return EffectEnd::ok(format!("the operator says: {text}"))
            .with(json!({ "evidence": text }));
    }
    match proof::eventually(world, &task.proof, PATIENCE).await {
        Ok(message) => EffectEnd::ok(message),
        Err(message) => EffectEnd::failed(format!("it is said to be done, but: {message}")),
    }
}
