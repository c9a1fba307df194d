//! What is made to go wrong in a lab: `drills.toml`, and which drills have happened already.

use super::lines;
use super::world::{Lab, LabError};

/// The file that says what goes wrong.
pub const DRILLS_FILE: &str = "drills.toml";
/// The file that notes the drills which happen once and have happened.
pub const SPENT_FILE: &str = "drills-spent";

/// Returns the value of a drill; a file that is not there, or cannot be understood, has none.
pub fn value(lab: &Lab, name: &str) -> Option<toml::Value> {
    std::fs::read_to_string(lab.dir.join(DRILLS_FILE))
        .ok()?
        .parse::<toml::Table>()
        .ok()?
        .remove(name)
}

/// Returns whether a drill is switched on (`name = true`).
pub fn is_on(lab: &Lab, name: &str) -> bool {
    value(lab, name).and_then(|v| v.as_bool()).unwrap_or(false)
}

/// Returns the text of a drill (`name = "…"`).
pub fn text(lab: &Lab, name: &str) -> Option<String> {
    value(lab, name)?.as_str().map(str::to_owned)
}

/// Returns the number of a drill (`name = 5`).
pub fn number(lab: &Lab, name: &str) -> Option<i64> {
    value(lab, name)?.as_integer()
}

/// Takes a drill that happens once: true for the first who asks, false for everybody after.
///
/// # Errors
/// When the note cannot be read or written.
pub fn spend(lab: &Lab, name: &str, value: &str) -> Result<bool, LabError> {
    let path = lab.dir.join(SPENT_FILE);
    let _lock = lines::lock(&lab.dir.join(".drills-spent.lock"))?;
    let entry = format!("{name} = {value}");
    let spent: Vec<String> = lines::read(&path)?;
    if spent.contains(&entry) {
        return Ok(false);
    }
    lines::append(&path, &entry, true)?;
    Ok(true)
}
