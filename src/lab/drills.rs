//! The faults that can be put into a lab: the keys that its `drills.toml` knows.

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
pub const DRILLS: &[Drill] = &[Drill {
    name: "other-sentences",
    value: "true",
    effect: "every confirmation that the vendor's commands print has another wording",
}];

#[cfg(test)]
mod tests {
    use super::DRILLS;

    #[test]
    fn drills_are_listed_once_in_the_order_of_their_names() {
        assert!(DRILLS.is_sorted_by(|a, b| a.name < b.name));
        assert!(DRILLS.iter().any(|d| d.name == crate::lab::phrases::DRILL));
    }
}
