//! The plan as it is looked at: which steps are open, where the eye is, what is looked for.

use crate::plan::Plan;
use std::collections::BTreeSet;

/// The plan on the screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanView {
    /// Every step, with names where facts are missing.
    pub draft: Option<Plan>,
    /// The plan with its facts.
    pub plan: Option<Plan>,
    /// Why there are no facts.
    pub error: String,
    /// It is being made.
    pub asked: bool,
    /// The round it was made in.
    pub round: u32,
    /// The steps that are open.
    pub open: BTreeSet<usize>,
    /// The line the eye is on; without one, the first step.
    pub at: Option<usize>,
    /// What is looked for.
    pub search: String,
}

impl PlanView {
    /// What is shown: the plan, or the draft until there is one.
    pub fn shown(&self) -> Option<&Plan> {
        self.plan.as_ref().or(self.draft.as_ref())
    }

    /// Opens a step, or closes it.
    pub fn toggle(&mut self, step: usize) {
        if !self.open.remove(&step) {
            self.open.insert(step);
        }
    }

    /// Opens all steps, or closes all when all are open.
    pub fn toggle_all(&mut self) {
        let count = self.shown().map_or(0, |plan| plan.steps.len());
        if self.open.len() == count {
            self.open.clear();
        } else {
            self.open = (0..count).collect();
        }
    }
}
