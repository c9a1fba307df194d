//! The answers file: what is typed at which gate, and which checks are waived, when nobody is there.

use super::run::Refused;
use super::waive::Waiver;
use crate::plan::Plan;
use std::collections::BTreeMap;
use std::path::Path;

/// What an answers file says.
#[derive(Debug, Default)]
pub struct Answers {
    /// Gate → typed text.
    pub gates: BTreeMap<String, String>,
    /// From its table `[waive]`.
    pub waive: Vec<Waiver>,
}

/// Reads an answers file and holds it against the gates and checks there are.
///
/// # Errors
/// When it cannot be read, or names what there is not.
pub fn read(path: &Path, plan: &Plan) -> anyhow::Result<Answers> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|e| Refused(format!("cannot read `{shown}`: {e}")))?;
    let malformed = |e: toml::de::Error| {
        Refused(format!(
            "`{shown}` is not of the form GATE = \"typed text\": {}",
            e.message()
        ))
    };
    let mut table: toml::Table = toml::from_str(&text).map_err(malformed)?;
    let waive = match table.remove("waive") {
        Some(waive) => waive.try_into().map_err(malformed)?,
        None => BTreeMap::<String, String>::new(),
    };
    let waive = waive
        .iter()
        .map(|(check, reason)| Waiver::new(check, reason))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| Refused(format!("`{shown}`, [waive]: {e}")))?;
    let answers: BTreeMap<String, String> = table.try_into().map_err(malformed)?;
    let gates: Vec<&str> = plan.steps.iter().map(|s| s.id.as_str()).collect();
    for gate in answers.keys() {
        let forward = gate.strip_prefix("undo/").unwrap_or(gate);
        let step = forward.split('/').next().unwrap_or(forward);
        if forward != "run-files" && !gates.contains(&step) {
            return Err(Refused(format!(
                "`{shown}` names no gate: `{gate}`\nhint: the gates are: {}",
                gates.join(", ")
            ))
            .into());
        }
    }
    if answers.is_empty() && waive.is_empty() {
        return Err(Refused(format!(
            "`{shown}` names no gate\nhint: the gates are: {}",
            gates.join(", ")
        ))
        .into());
    }
    Ok(Answers {
        gates: answers,
        waive,
    })
}
