//! The scripts of a directory server's instance: `db2ldif`, `start-slapd`, `stop-slapd`,
//! `restart-slapd`, and `slapd_config` of its installation (`domain/commands.md` 15 and 16,
//! `domain/directory.md` 3.2).

use super::{ToolContext, getopt};
use crate::lab::control::{self, Reply, Request};
use crate::lab::daemon::slapd::component_of;
use crate::lab::directory_server;
use crate::lab::ldap::config::Config;
use crate::lab::ldap::{dn, ldif, load};
use crate::lab::phrases;
use crate::lab::world::{DirectoryKind, LabError};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// `db2ldif [outfile]`: writes all entries, the server running or not.
///
/// Without a file name it makes `ldif/<timestamp>.ldif` of the instance (inferred for 4.12). The
/// forms of later versions, `-a outfile` and `-s suffix`, are understood too.
///
/// # Errors
/// When the lab cannot be used.
pub fn db2ldif(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let options = match getopt::parse(args, "n:s:a:") {
        Ok(options) if options.operands.len() <= 1 => options,
        Ok(_) => return complain(context, "usage: db2ldif [outfile]", 2),
        Err(e) => return complain(context, &format!("db2ldif: {e}"), 2),
    };
    let instance = instance(context)?;
    let suffix = match options.value('s').map(dn::key).transpose() {
        Ok(suffix) => suffix.unwrap_or_default(),
        Err(e) => return complain(context, &format!("db2ldif: {e}"), 1),
    };
    let named = options
        .value('a')
        .or(options.operands.first().map(String::as_str));
    let target = if let Some(path) = named {
        context.real(path)
    } else {
        let now = jiff::Timestamp::now().strftime("%Y_%m_%d_%H%M%S");
        instance.join("ldif").join(format!("{now}.ldif"))
    };
    let real = context.lab.config.directory != DirectoryKind::Embedded
        && component_of(&context.root(), &instance) == "slapd";
    let exported = if real {
        directory_server::export(&context.lab, &context.host, &instance, &target)
            .map_err(|e| e.to_string())
            .and_then(|()| std::fs::read_to_string(&target).map_err(|e| e.to_string()))
            .map(|text| text.lines().filter(|line| line.starts_with("dn:")).count())
    } else {
        own_entries(context, &instance, &suffix, &target)
    };
    let count = match exported {
        Ok(count) => count.to_string(),
        Err(e) => return complain(context, &format!("db2ldif: {e}"), 1),
    };
    let seen = context.seen(&target);
    for line in [
        phrases::say(&context.lab, "db2ldif-file", &[&seen]),
        phrases::say(&context.lab, "db2ldif-count", &[&count]),
    ] {
        writeln!(context.out, "{line}").map_err(LabError::file("standard output"))?;
    }
    Ok(0)
}

/// Writes the entries of the lab's own server; returns how many there are.
fn own_entries(
    context: &ToolContext<'_>,
    instance: &Path,
    suffix: &str,
    target: &Path,
) -> Result<usize, String> {
    let entries = load::read_entries(instance).map_err(|e| e.to_string())?;
    let mut text = Vec::new();
    let mut count = 0;
    for entry in &entries {
        if dn::key(&entry.dn).is_ok_and(|key| key.starts_with(suffix)) {
            ldif::write_entry(&mut text, entry);
            count += 1;
        }
    }
    // It has password hashes in it.
    File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(target)
        .and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        })
        .map_err(|e| format!("cannot write {}: {e}", context.seen(target)))?;
    Ok(count)
}

/// `start-slapd`: 0 when it is up, 1 when it could not be started, 2 when it ran already.
///
/// # Errors
/// When the lab's process does not answer.
pub fn start(context: &mut ToolContext<'_>, _args: &[String]) -> Result<u8, LabError> {
    let component = component(context)?;
    match ask(context, component, true)? {
        Reply::Already => complain(context, "There is an ns-slapd process already running", 2),
        Reply::Failed { message } => {
            let message = format!("Could not start the server: {message}");
            complain(context, &message, 1)
        }
        _ => Ok(0),
    }
}

/// `stop-slapd`: 0 when it is down, 1 when it could not be stopped, 2 when it was down already.
///
/// # Errors
/// When the lab's process does not answer.
pub fn stop(context: &mut ToolContext<'_>, _args: &[String]) -> Result<u8, LabError> {
    let component = component(context)?;
    match ask(context, component, false)? {
        Reply::Already => complain(context, "No ns-slapd process is running", 2),
        Reply::Failed { message } => {
            let message = format!("Could not stop the server: {message}");
            complain(context, &message, 1)
        }
        _ => Ok(0),
    }
}

/// `restart-slapd`: 0 when it is up again (inferred), else 1. A server that was down is started.
///
/// # Errors
/// When the lab's process does not answer.
pub fn restart(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let component = component(context)?;
    if let Reply::Failed { message } = ask(context, component, false)? {
        let message = format!("Could not stop the server: {message}");
        return complain(context, &message, 1);
    }
    start(context, args)
}

/// `slapd_config [-c] -f FILE`: 0 when the configuration is good, else 1; without `-c` it says what
/// is wrong.
///
/// # Errors
/// When its output cannot be written.
pub fn slapd_config(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let options = match getopt::parse(args, "cf:") {
        Ok(options) => options,
        Err(e) => return complain(context, &format!("slapd_config: {e}"), 1),
    };
    let Some(file) = options.value('f') else {
        return complain(context, "usage: slapd_config [-c] -f slapd.conf", 1);
    };
    let config = Config::load(&context.real(file), &context.root());
    if !options.has('c') {
        for problem in &config.problems {
            writeln!(context.out, "{problem}").map_err(LabError::file("standard output"))?;
        }
    }
    Ok(u8::from(!config.problems.is_empty()))
}

fn complain(context: &mut ToolContext<'_>, text: &str, status: u8) -> Result<u8, LabError> {
    writeln!(context.err, "{text}").map_err(LabError::file("standard error"))?;
    Ok(status)
}

/// The folder `slapd-…` that a script belongs to.
fn instance(context: &ToolContext<'_>) -> Result<PathBuf, LabError> {
    context
        .real(&context.path)
        .ancestors()
        .find(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("slapd-"))
        })
        .map(Path::to_path_buf)
        .ok_or_else(|| LabError::Other(format!("`{}` is in no instance", context.path)))
}

fn component(context: &ToolContext<'_>) -> Result<&'static str, LabError> {
    Ok(component_of(&context.root(), &instance(context)?))
}

fn ask(context: &ToolContext<'_>, component: &str, start: bool) -> Result<Reply, LabError> {
    let host = context.host.name.clone();
    let component = component.to_owned();
    let request = if start {
        Request::Start { host, component }
    } else {
        Request::Stop { host, component }
    };
    control::ask(&context.lab, &request)
}
