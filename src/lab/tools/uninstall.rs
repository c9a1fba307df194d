//! The uninstaller of the new server, `SERVER_ROOT/uninstall`: asks once, stops every server and
//! removes everything below the server root, the message store too.
//!
//! Inferred: its wording, and that it takes the store with it as the one of Netscape Messaging
//! Server does (`domain/stores.md`, table of risks).

use super::ToolContext;
use super::control;
use super::setup::{Ask, Stopped};
use crate::lab::instance::Instance;
use crate::lab::phrases::say;
use crate::lab::world::LabError;

/// What is stopped, the configuration directory last.
const COMPONENTS: &[&str] = &[
    "ims-job-controller",
    "ims-dispatcher",
    "ims-mshttpd",
    "ims-popd",
    "ims-imapd",
    "ims-stored",
    "ims-enpd",
    "ims-slapd",
];

/// Runs the uninstaller.
///
/// # Errors
/// When its output cannot be written or the lab's process does not answer.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let wrote = |e| LabError::file("standard output")(e);
    if !args.is_empty() {
        writeln!(context.err, "usage: uninstall   (it asks)").map_err(wrote)?;
        return Ok(2);
    }
    let Some((seen, _)) = context.path.rsplit_once('/') else {
        return Ok(1);
    };
    let (seen, root) = (seen.to_owned(), context.real(seen));
    if !Instance::below(&root, &context.host).root.is_dir() {
        writeln!(context.err, "uninstall: no server is installed in {seen}").map_err(wrote)?;
        return Ok(1);
    }
    let question = format!("Do you want to remove all servers in {seen}, with all their mail?");
    match Ask::new().yes(context, &question) {
        Ok(true) => {}
        Ok(false) | Err(Stopped::Ended | Stopped::TooOften) => {
            writeln!(context.err, "\nuninstall: nothing was removed").map_err(wrote)?;
            return Ok(1);
        }
        Err(Stopped::Failed(e)) => return Err(LabError::file("the terminal")(e)),
    }
    for component in COMPONENTS {
        if let control::Outcome::Failed(why) = control::stop(context, component)? {
            writeln!(
                context.err,
                "uninstall: {component}: {why}; nothing was removed"
            )
            .map_err(wrote)?;
            return Ok(1);
        }
    }
    std::fs::remove_dir_all(&root).map_err(LabError::file(&root))?;
    Instance::forget(&context.lab, &context.host)?;
    let line = say(&context.lab, "uninstalled", &[]);
    writeln!(context.out, "\n{line}").map_err(wrote)?;
    Ok(0)
}
