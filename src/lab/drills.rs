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

/// A fault that a lab can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drill {
    /// The key in `drills.toml`.
    pub name: &'static str,
    /// What its value looks like.
    pub value: &'static str,
    /// What it does.
    pub effect: &'static str,
}

/// Every drill that a stand-in acts on.
pub const DRILLS: &[Drill] = &[
    Drill {
        name: "disk-inodes",
        value: "a number",
        effect: "the new host's disk can hold so many files",
    },
    Drill {
        name: "disk-kb",
        value: "a number",
        effect: "the new host's disk is so many kilobytes large",
    },
    Drill {
        name: "other-sentences",
        value: "true",
        effect: "every confirmation that the vendor's commands print has another wording",
    },
    Drill {
        name: "refuse-restore",
        value: "\"a store id\"",
        effect: "imsrestore stops half-way through this user, once",
    },
    Drill {
        name: "restore-n-spares-inbox",
        value: "true",
        effect: "imsrestore -n appends to an INBOX that is there instead of making a twin",
    },
];

#[cfg(test)]
mod tests {
    use super::DRILLS;

    #[test]
    fn drills_are_listed_once_in_the_order_of_their_names() {
        assert!(DRILLS.is_sorted_by(|a, b| a.name < b.name));
        assert!(DRILLS.iter().any(|d| d.name == crate::lab::phrases::DRILL));
    }
}
