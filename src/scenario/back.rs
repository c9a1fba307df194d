//! The way back: what takes a step back, and what a scenario file has to say of it.

use super::action::{PutBack, Reversal};
use super::{Action, Risk, Scenario, Step};

impl Step {
    /// Returns what takes this step back, in order.
    ///
    /// # Errors
    /// Why there is no way back: the kind of the action that cannot be put back.
    pub fn way_back(&self) -> Result<Vec<Action>, &'static str> {
        if let Some(actions) = &self.undo_actions {
            return Ok(actions.clone());
        }
        let mut back = Vec::new();
        for (index, action) in self.actions.iter().enumerate().rev() {
            match action.reversal() {
                Reversal::Nothing => {}
                Reversal::PutBack => back.push(Action::PutBack(PutBack { action: index + 1 })),
                Reversal::Never => return Err(action.kind()),
            }
        }
        Ok(back)
    }

    /// Returns the level of the gate before this step is taken back; none when nothing is to be
    /// done.
    ///
    /// # Errors
    /// As [`Step::way_back`].
    pub fn undo_level(&self) -> Result<Option<Risk>, &'static str> {
        let back = self.way_back()?;
        let floor = |action: &Action| match action {
            Action::PutBack(put) => self
                .actions
                .get(put.action.wrapping_sub(1))
                .map_or(Risk::Note, Action::undo_floor),
            other => other.floor(),
        };
        Ok(back.iter().map(floor).max().max(self.undo_risk))
    }
}

/// What is wrong with the way back of a step: path below the step, message, hint.
pub(super) fn problems(scenario: &Scenario, at: usize) -> Vec<(String, String, Option<String>)> {
    let mut found = Vec::new();
    let Some(step) = scenario.steps.get(at) else {
        return found;
    };
    if let Err(kind) = step.way_back()
        && step.risk < Risk::Irreversible
    {
        found.push((
            ".risk".to_owned(),
            format!(
                "the action `{kind}` cannot be put back, and the step is not `{}`",
                Risk::Irreversible
            ),
            Some("say how it is taken back: [[steps.undo_actions]]".to_owned()),
        ));
    }
    for (index, action) in step.undo_actions.iter().flatten().enumerate() {
        let Action::PutBack(put) = action else {
            continue;
        };
        let target = put.action.checked_sub(1).and_then(|i| step.actions.get(i));
        let message = match target.map(Action::reversal) {
            Some(Reversal::PutBack) => continue,
            Some(_) => format!("action {} of the step cannot be put back", put.action),
            None => format!("the step has no action {}", put.action),
        };
        found.push((format!(".undo_actions[{index}].action"), message, None));
    }
    for (index, action) in step.actions.iter().enumerate() {
        if matches!(action, Action::PutBack(_)) {
            found.push((
                format!(".actions[{index}].kind"),
                "`put-back` stands in `undo_actions` only".to_owned(),
                None,
            ));
        }
    }
    let before = scenario.steps.iter().take(at);
    if let Some(with) = &step.undo_with
        && !before.clone().any(|s| s.id == *with)
    {
        found.push((
            ".undo_with".to_owned(),
            format!("there is no earlier step `{with}`"),
            None,
        ));
    }
    found
}
