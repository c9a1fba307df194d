//! The installer of iMS 5.2, `/cdrom/iplanet/setup`: asks, then makes server root, configuration
//! directory and instance, and starts every server, as the guide notes.
//!
//! The questions are the guide's and what is known of the product; their wording is inferred. A
//! wrong answer is taken like any other and shows later. Nothing is made before the last question.

mod ask;
mod install;
mod user_tree;

use super::ToolContext;
use crate::lab::instance::{Instance, SERVER_ROOT};
use crate::lab::ldap::dn;
use crate::lab::nms;
use crate::lab::phrases::say;
use crate::lab::world::LabError;
pub use ask::{Ask, Stopped};
use install::{Answers, Users};
use std::net::{SocketAddr, TcpListener};

/// Runs the installer.
///
/// # Errors
/// When its output cannot be written or the lab's process does not answer.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let written = |e| LabError::file("standard output")(e);
    if !args.is_empty() {
        writeln!(context.err, "usage: setup   (it asks for everything)").map_err(written)?;
        return Ok(2);
    }
    writeln!(
        context.out,
        "iPlanet Messaging Server 5.2 - Installation\n\nPress Enter to take what is in brackets.\n"
    )
    .map_err(written)?;
    let answers = match questions(context) {
        Ok(answers) => answers,
        Err(Stopped::Ended) => {
            writeln!(
                context.err,
                "\nsetup: stopped before the last question; nothing was installed"
            )
            .map_err(written)?;
            return Ok(1);
        }
        Err(Stopped::TooOften) => {
            writeln!(
                context.err,
                "\nsetup: too many answers that cannot be; nothing was installed"
            )
            .map_err(written)?;
            return Ok(1);
        }
        Err(Stopped::Failed(e)) => return Err(LabError::file("the terminal")(e)),
    };
    let instance = match install::install(context, &answers) {
        Ok(instance) => instance,
        Err(e) => {
            writeln!(context.err, "setup: {e}; nothing was installed").map_err(written)?;
            return Ok(1);
        }
    };
    let line = say(&context.lab, "setup-installed", &[]);
    writeln!(context.out, "\n{line}").map_err(written)?;
    let status = super::startmsg::start_all(context, &instance)?;
    if status != 0 {
        writeln!(
            context.err,
            "setup: the software is installed, but not all of it could be started"
        )
        .map_err(written)?;
    }
    Ok(status)
}

fn questions(context: &mut ToolContext<'_>) -> Result<Answers, Stopped> {
    let domain = context.lab.config.default_domain.clone();
    let fqdn = context.host.fqdn.clone();
    let mut ask = Ask::new();
    let server_root = server_root(context, &mut ask)?;
    let host_name = Ask::text(context, "Full name of this computer", &fqdn)?;
    loop {
        let question = "Do you want to register this software with an existing netscape configuration directory server?";
        if !ask.yes(context, question)? {
            break;
        }
        ask.refuse(
            context,
            "The directory servers of this site hold no configuration data to register with.",
        )?;
    }
    let question = "Do you want to use another directory to store your data?";
    let other_directory = if ask.yes(context, question)? {
        let host = Ask::text(context, "Host of the user directory", &fqdn)?;
        let port = Ask::text(context, "Port of the user directory", "389")?;
        Some((host, port))
    } else {
        None
    };
    let users = match &other_directory {
        Some(_) if nms::is(&context.lab) => Some(users(context, &mut ask)?),
        _ => None,
    };
    let port = port(context, &mut ask)?;
    let suffix = name(
        context,
        &mut ask,
        "Suffix of the directory",
        &format!("o={domain}"),
    )?;
    let manager = context.lab.config.manager_dn.clone();
    let manager_dn = name(context, &mut ask, "Directory Manager DN", &manager)?;
    let password = password(context, &mut ask)?;
    let organization = if let Some(users) = &users {
        // The site's own root for whoever comes new: users that are there stay where they are.
        format!("o={domain},{}", users.suffix)
    } else if suffix.eq_ignore_ascii_case(&format!("o={domain}")) {
        suffix.clone()
    } else {
        format!("o={domain},{suffix}")
    };
    let organization = name(context, &mut ask, "Default Organization DN", &organization)?;
    let user = Ask::text(context, "System user of the mail server", "mailsrv")?;
    let group = Ask::text(context, "System group of the mail server", "mail")?;
    Ok(Answers {
        server_root,
        host_name,
        other_directory,
        users,
        port,
        suffix,
        manager_dn,
        password,
        organization,
        user,
        group,
    })
}

/// Asks what there is in a user directory that is to be used as it is.
fn users(context: &mut ToolContext<'_>, ask: &mut Ask) -> Result<Users, Stopped> {
    let suffix = context.lab.config.suffix.clone();
    let manager = context.lab.config.manager_dn.clone();
    Ok(Users {
        suffix: name(context, ask, "Suffix of the user directory", &suffix)?,
        bind_dn: name(context, ask, "Bind DN of the user directory", &manager)?,
        password: Ask::secret(context, "Password of the user directory")?,
    })
}

fn server_root(context: &mut ToolContext<'_>, ask: &mut Ask) -> Result<String, Stopped> {
    loop {
        let answer = Ask::text(context, "Server root", SERVER_ROOT)?;
        let answer = answer.trim_end_matches('/').to_owned();
        let odd = |part: &str| part == ".." || part == ".";
        if !answer.starts_with('/') || answer.len() < 2 || answer.split('/').any(odd) {
            ask.refuse(
                context,
                "The server root has to be the full path of a folder.",
            )?;
            continue;
        }
        let real = context.real(&answer);
        // What an installation that was cut off left is made anew; anything else stays untouched.
        let half_made = real.join(install::MARKER).exists();
        let empty = std::fs::read_dir(&real).map_or(!real.exists(), |mut e| e.next().is_none());
        if !empty && !half_made {
            let why = if Instance::below(&real, &context.host).exists() {
                "A server is installed there already."
            } else {
                "That folder is not empty."
            };
            ask.refuse(context, why)?;
            continue;
        }
        return Ok(answer);
    }
}

/// Asks for the port of the new directory until it is a free one.
fn port(context: &mut ToolContext<'_>, ask: &mut Ask) -> Result<u16, Stopped> {
    loop {
        let answer = Ask::text(context, "Directory server network port", "389")?;
        let highest = u16::MAX - context.lab.config.port_base;
        let Some(port) = answer.parse().ok().filter(|p| (1..=highest).contains(p)) else {
            ask.refuse(context, &format!("A port is a number from 1 to {highest}."))?;
            continue;
        };
        let address = SocketAddr::from((context.host.address, context.lab.port(port)));
        if TcpListener::bind(address).is_ok() {
            return Ok(port);
        }
        ask.refuse(context, &format!("Port {port} is in use on this computer."))?;
    }
}

fn name(
    context: &mut ToolContext<'_>,
    ask: &mut Ask,
    question: &str,
    default: &str,
) -> Result<String, Stopped> {
    loop {
        let answer = Ask::text(context, question, default)?;
        if dn::parse(&answer).is_ok_and(|parts| !parts.is_empty()) && !answer.contains('"') {
            return Ok(answer);
        }
        ask.refuse(context, "That is not a distinguished name.")?;
    }
}

fn password(context: &mut ToolContext<'_>, ask: &mut Ask) -> Result<String, Stopped> {
    loop {
        let first = Ask::secret(context, "Directory Manager password")?;
        if first.is_empty() || first.contains('"') {
            ask.refuse(context, "A password is needed, without double quotes.")?;
            continue;
        }
        if Ask::secret(context, "Directory Manager password again")? == first {
            return Ok(first);
        }
        ask.refuse(context, "The passwords are not the same.")?;
    }
}
