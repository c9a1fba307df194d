//! The work of a real run: binding, doing and settling through [`action`].

use super::core::RUN_FILES;
use super::event::{Binding, EffectSpec};
use super::shell::{Progress, Work};
use super::state::State;
use crate::action::bind::Amended;
use crate::action::{self, World};
use crate::plan::effect::EffectEnd;
use crate::scenario::condition::Facts;

/// Facts that are decided once in a run: the disk decides between tape and stream, and a look after
/// the old store was removed would decide otherwise.
const DECIDED_ONCE: &[&str] = &["disk"];

/// A real run's work.
pub struct Actions(pub World);

impl Work for Actions {
    async fn bind(&self, step: &str, attempt: u32, state: &State) -> Result<Binding, Vec<String>> {
        if step == RUN_FILES {
            return Ok(action::undo::bind_run_files(&self.0, step));
        }
        if let Some(undone) = step.strip_prefix(action::undo::PREFIX) {
            let others = state.way().filter_map(|s| s.head.undoes.clone());
            return action::undo::bind(&self.0, undone, &others.collect::<Vec<_>>()).await;
        }
        let mut known = Facts::new();
        for binding in state.steps.iter().filter_map(|s| s.binding.as_ref()) {
            for id in DECIDED_ONCE {
                if let Some(value) = binding.facts.get(*id) {
                    known
                        .entry((*id).to_owned())
                        .or_insert_with(|| value.clone());
                }
            }
        }
        let amended = Amended {
            sessions: state.amendments.sessions,
            by_hand: state.amendments.by_hand.contains(step),
        };
        action::bind::bind(&self.0, step, attempt, &known, amended).await
    }

    async fn apply(
        &self,
        effect: &EffectSpec,
        attempt: u32,
        text: Option<String>,
        progress: Progress,
    ) -> EffectEnd {
        let tell = |bytes: u64, message: &str| progress.tell(bytes, message);
        action::apply(&self.0, effect, attempt, text.as_deref(), &tell).await
    }

    async fn settle(&self, effect: &EffectSpec, attempt: u32) -> (Result<bool, String>, String) {
        action::settle(&self.0, effect, attempt).await
    }

    fn stop(&self) {
        self.0.stopping.send_replace(true);
    }

    fn waive(&self, check: &str, reason: &str) {
        self.0.waive(check, reason);
    }
}
