//! One trait for "what to do next", carried by every error a person sees.

/// What a person can do about an error.
///
/// Rendered below the error as `hint: …`, one line each.
pub trait Hint {
    /// Returns what to do next, most useful first; empty when the message says it already.
    fn hints(&self) -> Vec<String>;
}
