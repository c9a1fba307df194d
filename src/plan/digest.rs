//! The digest of a plan: what is confirmed is what is executed.

use super::types::Plan;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Returns SHA-256 (hex) over the canonical JSON of a plan without its digest: keys sorted, no
/// blanks.
///
/// # Errors
/// When the plan cannot be written as JSON.
pub fn digest(plan: &Plan) -> Result<String, serde_json::Error> {
    let mut value = serde_json::to_value(plan)?;
    if let Value::Object(fields) = &mut value {
        fields.remove("digest");
    }
    value.sort_all_objects();
    let mut text = String::new();
    for byte in Sha256::digest(serde_json::to_vec(&value)?) {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
