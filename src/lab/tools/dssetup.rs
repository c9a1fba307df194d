//! `ims_dssetup.pl`: prepares a user directory for the new server (`domain/directory.md` 8).
//!
//! As its successor it works in three phases: questions, a script and an LDIF file, running them; it
//! changes nothing before the third. What it makes here is the root of the domain tree. Run again it
//! finds that done. Inferred: the questions' wording.

use super::ToolContext;
use super::setup::{Ask, Stopped};
use crate::lab::ldap::client::Client;
use crate::lab::ldap::dn;
use crate::lab::ldap::entry::Entry;
use crate::lab::world::LabError;
use std::fmt::Write as _;

/// Runs the script.
///
/// # Errors
/// When its output cannot be written.
pub fn run(context: &mut ToolContext<'_>, _args: &[String]) -> Result<u8, LabError> {
    let written = |e| LabError::file("standard output")(e);
    writeln!(
        context.out,
        "Welcome to the Directory Server preparation tool for iPlanet Messaging Server 5.2"
    )
    .map_err(written)?;
    let said = match ask(context) {
        Ok(Some(answers)) => prepare(context, &answers),
        Ok(None) => Err("stopped; nothing was changed".to_owned()),
        Err(Stopped::Failed(e)) => return Err(LabError::file("the terminal")(e)),
        Err(_) => Err("stopped before the last question; nothing was changed".to_owned()),
    };
    match said {
        Ok(line) => {
            writeln!(context.out, "{line}").map_err(written)?;
            Ok(0)
        }
        Err(why) => {
            writeln!(context.err, "ims_dssetup.pl: {why}").map_err(written)?;
            Ok(1)
        }
    }
}

struct Answers {
    manager: String,
    password: String,
    root: String,
    schema: bool,
}

fn ask(context: &mut ToolContext<'_>) -> Result<Option<Answers>, Stopped> {
    let name = context.host.name.clone();
    let manager = context.lab.config.manager_dn.clone();
    let suffix = context.lab.config.suffix.clone();
    let mut asking = Ask::new();
    Ask::text(context, "Directory server root", "/usr/netscape/server4")?;
    Ask::text(
        context,
        "Directory server instance",
        &format!("slapd-{name}"),
    )?;
    let manager = Ask::text(context, "Directory Manager DN", &manager)?;
    let password = Ask::secret(context, "Directory Manager password")?;
    Ask::text(
        context,
        "Will this directory be used for users and groups",
        "Yes",
    )?;
    Ask::text(context, "Suffix of users and groups", &suffix)?;
    let root = loop {
        let root = Ask::text(context, "DC tree base suffix", "o=internet")?;
        if dn::parse(&root).is_ok_and(|parts| !parts.is_empty()) {
            break root;
        }
        asking.refuse(context, "That is not a distinguished name.")?;
    };
    let schema = Ask::text(context, "Do you want to update the schema files", "Yes")?;
    Ask::text(context, "Do you want to configure new indexes", "Yes")?;
    let going = Ask::text(context, "Do you want to continue", "Yes")?;
    let yes = |word: &str| word.to_ascii_lowercase().starts_with('y');
    Ok(yes(&going).then_some(Answers {
        manager,
        password,
        root,
        schema: yes(&schema),
    }))
}

fn prepare(context: &ToolContext<'_>, answers: &Answers) -> Result<String, String> {
    let host = context.host.fqdn.clone();
    let mut client = Client::connect(&context.lab, &host, 389).map_err(|e| e.to_string())?;
    client
        .bind(&answers.manager, &answers.password)
        .map_err(|e| e.to_string())?;
    if answers.schema {
        schema(context).map_err(|e| e.to_string())?;
    }
    let value = answers.root.split_once('=').map_or("internet", |(_, v)| v);
    let mut entry = Entry::new(answers.root.clone());
    entry.push("objectClass", "top");
    entry.push("objectClass", "organization");
    entry.push("o", value.split(',').next().unwrap_or(value));
    match client.add(&entry) {
        Ok(()) => Ok(format!(
            "The base of the domain tree, {}, is there.",
            answers.root
        )),
        Err(e) if e.number() == 68 => Ok("Everything was there already.".to_owned()),
        Err(e) => Err(format!("{}: {e}", answers.root)),
    }
}

/// What it brings of its own schema: files beside the merged ones, which define the same again.
fn schema(context: &ToolContext<'_>) -> Result<(), LabError> {
    let config = context.real(&format!(
        "/usr/netscape/server4/slapd-{}/config",
        context.host.name
    ));
    for name in ["um50-common-schema.conf", "ims50-schema.conf"] {
        let path = config.join(name);
        std::fs::write(&path, "# comes with ims_dssetup.pl\n").map_err(LabError::file(path))?;
    }
    let path = config.join("ns-schema.conf");
    let mut text = std::fs::read_to_string(&path).map_err(LabError::file(&path))?;
    if !text.contains("ims50-schema.conf") {
        for name in ["um50-common-schema.conf", "ims50-schema.conf"] {
            let _ = writeln!(text, "include \"{name}\"");
        }
        std::fs::write(&path, text).map_err(LabError::file(&path))?;
    }
    Ok(())
}
