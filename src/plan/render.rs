//! A plan as text, JSON, a Markdown runbook or a commented shell script.
//!
//! Everything that comes from a site or a server goes through
//! [`display_safe`].

mod markdown;
mod shell;
mod text;

pub use markdown::{escaped, markdown};
pub use shell::shell;
pub use text::text;

use super::types::{Plan, PlanStep};
use crate::base::display_safe;
use crate::scenario::names::secret_title;

/// Returns the plan as JSON: compact, one line.
///
/// # Errors
/// When it cannot be written as JSON, which does not happen to a plan that was built.
pub fn json(plan: &Plan) -> Result<String, serde_json::Error> {
    serde_json::to_string(plan)
}

/// Returns a command as a person would type it: words quoted where they have to be.
pub fn command(argv: &[String]) -> String {
    words(argv).join(" ")
}

fn words(argv: &[String]) -> Vec<String> {
    argv.iter().map(|word| quoted(word)).collect()
}

/// A word as people read it: what is in brackets of ours stays bare.
fn quoted(word: &str) -> String {
    let ours = (word.starts_with('(') && word.ends_with(')')) || word == "|" || word.contains('<');
    let plain = word
        .chars()
        .all(|c| c.is_alphanumeric() || "/._-+=:,@%<>()| ".contains(c));
    if ours && plain {
        return word.to_owned();
    }
    quote(word)
}

/// Quotes a word for a shell; what could not be shown is escaped first. (No command begins with a
/// word that has a `=`, so that one needs no quotes.)
fn quote(word: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !word.is_empty() && word.chars().all(bare) {
        return word.to_owned();
    }
    let safe = display_safe(word);
    shlex::try_quote(&safe).map_or_else(|_| String::from("''"), std::borrow::Cow::into_owned)
}

/// Says whether a step is done, and why.
fn applies(step: &PlanStep) -> Option<String> {
    step.whether().map(|said| display_safe(&said).into_owned())
}

/// An answer to a vendor's program, as people may see it.
fn answer(answer: &str) -> String {
    let secret = answer
        .strip_prefix("{secret.")
        .and_then(|rest| rest.strip_suffix('}'));
    match secret {
        Some(name) => format!("({})", secret_title(name).unwrap_or("password")),
        None if answer.is_empty() => "(the default)".to_owned(),
        None => answer.to_owned(),
    }
}

/// The number of a step as people know it.
fn number(step: &PlanStep) -> &str {
    if step.guide == "intro" {
        "-"
    } else {
        &step.guide
    }
}
