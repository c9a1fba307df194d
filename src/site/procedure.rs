//! The procedure of a site: its scenario, with what is different there and a step for each batch.

use super::types::{Batches, Site, StepChange};
use crate::base::Hint;
use crate::base::document::{Problems, did_you_mean};
use crate::scenario::{self, Scenario, ScenarioError, Step, parse};

/// Why there is no procedure.
#[derive(Debug, thiserror::Error)]
pub enum ProcedureError {
    /// There is no such scenario, or it does not hold.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A change of the site cannot be made.
    #[error("{}: {message}", crate::base::display_safe(key))]
    Change {
        /// Where in the site file, such as `changes[0].skip`.
        key: String,
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// With its changes the scenario does not keep to the rules of one.
    #[error("with its `changes` the scenario does not hold: {0}")]
    Rules(Problems),
    /// It cannot be written as TOML.
    #[error("the scenario cannot be written: {0}")]
    Write(#[from] toml::ser::Error),
}

impl Hint for ProcedureError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Scenario(error) => error.hints(),
            Self::Change { hint, .. } => hint.iter().cloned().collect(),
            Self::Rules(problems) => problems.hints(),
            Self::Write(_) => Vec::new(),
        }
    }
}

impl Site {
    /// Returns the scenario as it is done at this site: with its `changes`, and with steps that are
    /// done for each batch repeated for [`Site::batch_names`].
    ///
    /// # Errors
    /// When there is no such scenario, or a change names no step or breaks the rules of scenarios,
    /// the floors of risk among them.
    pub fn procedure(&self) -> Result<Scenario, ProcedureError> {
        let mut scenario = scenario::load(&self.scenario)?;
        if !self.changes.is_empty() {
            for (index, change) in self.changes.iter().enumerate() {
                make(&mut scenario, change, &format!("changes[{index}]"))?;
            }
            let text = toml::to_string(&scenario)?;
            let name = format!("{} of this site", self.scenario);
            parse::parse(&name, &text).map_err(ProcedureError::Rules)?;
            for change in &self.changes {
                say(&mut scenario, change);
            }
        }
        if scenario.has_batches() {
            scenario = scenario.for_batches(&self.batch_names());
        }
        Ok(scenario)
    }

    /// Returns the names of the batches in their order: those of the site's own, or `1`, `2`, ….
    pub fn batch_names(&self) -> Vec<String> {
        let usual = Batches::default();
        let batches = self.batches.as_ref().unwrap_or(&usual);
        if batches.own.is_empty() {
            (1..=batches.number.max(1)).map(|n| n.to_string()).collect()
        } else {
            batches.own.iter().map(|b| b.name.clone()).collect()
        }
    }
}

fn wrong(key: String, message: impl Into<String>, hint: Option<String>) -> ProcedureError {
    ProcedureError::Change {
        key,
        message: message.into(),
        hint,
    }
}

fn make(scenario: &mut Scenario, change: &StepChange, key: &str) -> Result<(), ProcedureError> {
    if change.reason.trim().is_empty() {
        return Err(wrong(
            format!("{key}.reason"),
            "a change needs a reason",
            None,
        ));
    }
    let places = [
        ("skip", &change.skip),
        ("replace", &change.replace),
        ("before", &change.before),
        ("after", &change.after),
    ];
    let given: Vec<(&str, &String)> = places
        .into_iter()
        .filter_map(|(name, id)| Some((name, id.as_ref()?)))
        .collect();
    let [(what, id)] = given.as_slice() else {
        return Err(wrong(
            key.to_owned(),
            "a change has exactly one of `skip`, `replace`, `before` and `after`",
            None,
        ));
    };
    let Some(at) = scenario.steps.iter().position(|step| step.id == **id) else {
        let known = scenario.steps.iter().map(|step| step.id.as_str());
        return Err(wrong(
            format!("{key}.{what}"),
            format!("the scenario has no step `{id}`"),
            Some(did_you_mean(id, known)),
        ));
    };
    let step = match (&change.step, *what) {
        (None, "skip") => return Ok(()),
        (Some(_), "skip") => {
            let message = "a step that is left out has no `step`";
            return Err(wrong(format!("{key}.step"), message, None));
        }
        (None, _) => {
            let message = "what is done is missing";
            let hint = Some(format!("say it in [{}.step]", "changes"));
            return Err(wrong(format!("{key}.step"), message, hint));
        }
        (Some(step), _) => step.clone(),
    };
    match *what {
        "replace" => {
            if let Some(old) = scenario.steps.get_mut(at) {
                *old = step;
            }
        }
        "before" => scenario.steps.insert(at, step),
        _ => scenario.steps.insert(at + 1, step),
    }
    Ok(())
}

/// Says in the step itself what is different and why.
fn say(scenario: &mut Scenario, change: &StepChange) {
    let reason = change.reason.trim();
    let find = |scenario: &mut Scenario, id: &str, say: &dyn Fn(&mut Step)| {
        scenario
            .steps
            .iter_mut()
            .filter(|step| step.id == id)
            .for_each(say);
    };
    if let Some(id) = &change.skip {
        find(scenario, id, &|step| {
            step.skipped = Some(reason.to_owned());
        });
    }
    if let Some(new) = &change.step {
        let said = match &change.replace {
            Some(old) => format!("Done at this site instead of `{old}`: {reason}"),
            None => format!("Added at this site: {reason}"),
        };
        find(scenario, &new.id, &|step| {
            step.notes.insert(0, said.clone());
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::base::Hint as _;
    use crate::site::{Site, template};

    fn site(more: &str) -> Site {
        let text = format!("{}\n{more}", template("sims-offline").unwrap());
        Site::parse("site.toml", &text).unwrap()
    }

    fn refused(more: &str) -> String {
        let text = format!("{}\n{more}", template("sims-offline").unwrap());
        let error = Site::parse("site.toml", &text).unwrap_err();
        format!("{error} | {}", error.hints().join(" | "))
    }

    const STEP: &str = r#"
[changes.step]
id = "tell-the-helpdesk"
guide = "4"
title = "Tell the help desk"
role = "old"
asks = "Tell the help desk that mail is about to go down."
risk = "note"
undo = "Nothing changes."
if_interrupted = "It is asked again."
[[changes.step.actions]]
kind = "instruct"
text = ["Call the help desk."]
evidence = true
"#;

    #[test]
    fn a_step_can_be_added_with_its_reason() {
        let site = site(&format!(
            "[[changes]]\nreason = \"They asked for it.\"\nbefore = \"stop-sims\"\n{STEP}"
        ));
        let scenario = site.procedure().unwrap();
        let at = scenario
            .steps
            .iter()
            .position(|s| s.id == "stop-sims")
            .unwrap();
        let added = &scenario.steps[at - 1];
        assert_eq!(added.id, "tell-the-helpdesk");
        assert_eq!(added.notes, ["Added at this site: They asked for it."]);
    }

    #[test]
    fn a_step_can_be_left_out_and_says_why() {
        let site = site("[[changes]]\nreason = \"No such product.\"\nskip = \"load-admin-acis\"\n");
        let scenario = site.procedure().unwrap();
        let step = scenario.step("load-admin-acis").unwrap();
        assert_eq!(step.skipped.as_deref(), Some("No such product."));
    }

    #[test]
    fn a_change_that_names_no_step_says_which_it_may_mean() {
        let said = refused("[[changes]]\nreason = \"x\"\nskip = \"stop-simms\"\n");
        assert!(
            said.contains("the scenario has no step `stop-simms`"),
            "{said}"
        );
        assert!(said.contains("stop-sims"), "{said}");
    }

    #[test]
    fn floors_of_risk_hold_for_the_steps_of_a_site_too() {
        let step = STEP.replace(
            "kind = \"instruct\"\ntext = [\"Call the help desk.\"]\nevidence = true",
            "kind = \"remove-dir\"\npath = \"/export/old\"",
        );
        let said = refused(&format!(
            "[[changes]]\nreason = \"x\"\nafter = \"stop-sims\"\n{step}"
        ));
        assert!(said.contains("`note` is too low"), "{said}");
    }

    #[test]
    fn a_change_has_one_place_and_a_reason() {
        let two = "[[changes]]\nreason = \"x\"\nskip = \"stop-sims\"\nbefore = \"stop-sims\"\n";
        assert!(refused(two).contains("exactly one of"));
        let silent = "[[changes]]\nreason = \" \"\nskip = \"stop-sims\"\n";
        assert!(refused(silent).contains("needs a reason"));
        let empty = "[[changes]]\nreason = \"x\"\nreplace = \"stop-sims\"\n";
        assert!(refused(empty).contains("what is done is missing"));
    }
}
