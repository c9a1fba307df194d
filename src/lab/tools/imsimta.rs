//! iMS `imsimta`: which part of it does what.

mod cache;
mod dirsync;
mod rewrite;

pub use cache::{Cache, Known};

use super::{ToolContext, place};
use crate::base::display_safe;
use crate::lab::world::LabError;

/// Runs the command.
///
/// # Errors
/// When the instance's files cannot be used.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let instance = match place::instance(context) {
        Ok(instance) => instance,
        Err(e) => {
            let _ = writeln!(context.err, "imsimta: error: {e}");
            return Ok(1);
        }
    };
    let Some((verb, rest)) = args.split_first() else {
        let _ = writeln!(context.err, "usage: imsimta command [argument…]");
        return Ok(2);
    };
    match verb.as_str() {
        "dirsync" => dirsync::run(context, &instance, rest),
        "test" => rewrite::run(context, &instance, rest),
        other => {
            let _ = writeln!(
                context.err,
                "imsimta: error: unknown command {}",
                display_safe(other)
            );
            Ok(2)
        }
    }
}
