//! More of a Solaris userland, for labs in which files change hands: `ls -l`, `chown`, `su`, `perl`.
//!
//! The machine below has neither the users nor, often, the right: who owns what is a note of the lab
//! ([`crate::lab::owners`]). What these do not know is left to the machine's own command.

use super::ToolContext;
use crate::lab::owners;
use crate::lab::world::LabError;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// In the environment of what runs as somebody else.
pub const USER: &str = "LAB_USER";

fn wrote(e: std::io::Error) -> LabError {
    LabError::file("standard output")(e)
}

/// Becomes the machine's own command.
fn real(program: &str, args: &[String]) -> LabError {
    let folder = ["/bin", "/usr/bin"]
        .iter()
        .map(|dir| Path::new(dir).join(program))
        .find(|path| path.exists());
    let path = folder.unwrap_or_else(|| PathBuf::from(program));
    let error = Command::new(&path).args(args).exec();
    LabError::file(path)(error)
}

/// Runs `ls`: `-ld PATH` with the host's owners, all else as this machine does it.
///
/// # Errors
/// When the path is not there.
pub fn ls(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let [option, path] = args else {
        return Err(real("ls", args));
    };
    if option != "-ld" {
        return Err(real("ls", args));
    }
    let path = context.real(path);
    let Ok(meta) = std::fs::symlink_metadata(&path) else {
        writeln!(
            context.err,
            "{}: No such file or directory",
            context.seen(&path)
        )
        .map_err(wrote)?;
        return Ok(2);
    };
    let owner = owners::of(&context.root(), &path)?;
    let (user, group) = owner.split_once(':').unwrap_or((&owner, "other"));
    let target = std::fs::read_link(&path)
        .map(|to| format!(" -> {}", to.display()))
        .unwrap_or_default();
    writeln!(
        context.out,
        "{} {:>3} {user:<8} {group:<8} {:>8} Feb 14 08:00 {}{target}",
        mode(&meta),
        meta.nlink(),
        meta.len(),
        path.display()
    )
    .map_err(wrote)?;
    Ok(0)
}

fn mode(meta: &std::fs::Metadata) -> String {
    let kind = if meta.file_type().is_symlink() {
        'l'
    } else if meta.is_dir() {
        'd'
    } else {
        '-'
    };
    let bits = meta.permissions().mode();
    let letters = "rwxrwxrwx".chars().enumerate();
    let letters = letters.map(|(at, c)| if bits >> (8 - at) & 1 == 1 { c } else { '-' });
    std::iter::once(kind).chain(letters).collect()
}

/// Runs `chown [-R] OWNER PATH…`.
///
/// # Errors
/// When the note of the owners cannot be written.
pub fn chown(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let (below, rest) = match args {
        [first, rest @ ..] if first == "-R" => (true, rest),
        rest => (false, rest),
    };
    let [owner, paths @ ..] = rest else {
        writeln!(context.err, "usage: chown [-R] owner[:group] file ...").map_err(wrote)?;
        return Ok(1);
    };
    if !known(context, owner)? {
        writeln!(context.err, "chown: unknown user id {owner}").map_err(wrote)?;
        return Ok(1);
    }
    let mut status = 0;
    for path in paths {
        let path = context.real(path);
        if !path.exists() {
            status = 1;
            let seen = context.seen(&path);
            writeln!(context.err, "chown: {seen}: No such file or directory").map_err(wrote)?;
            continue;
        }
        let owner = if owner.contains(':') {
            owner.clone()
        } else {
            let now = owners::of(&context.root(), &path)?;
            let group = now.split_once(':').map_or("other", |(_, group)| group);
            format!("{owner}:{group}")
        };
        owners::set(&context.root(), &path, &owner)?;
        if below {
            owners::set_below(&context.root(), &path, &owner)?;
        }
    }
    Ok(status)
}

/// Whether the host has a user; the passwd file says.
fn known(context: &ToolContext<'_>, owner: &str) -> Result<bool, LabError> {
    let path = context.real("/etc/passwd");
    let text = std::fs::read_to_string(&path).map_err(LabError::file(path))?;
    let user = owner.split(':').next().unwrap_or(owner);
    Ok(text.lines().any(|l| l.split(':').next() == Some(user)))
}

/// Runs `su USER -c COMMAND [ARGUMENT…]`.
///
/// # Errors
/// When the shell cannot be run.
pub fn su(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let [user, option, command, rest @ ..] = args else {
        writeln!(context.err, "usage: su user -c command [argument ...]").map_err(wrote)?;
        return Ok(1);
    };
    if option != "-c" || !known(context, user)? {
        writeln!(context.err, "su: Unknown id: {user}").map_err(wrote)?;
        return Ok(1);
    }
    let error = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .args(rest)
        .env(USER, user)
        .exec();
    Err(LabError::file("/bin/sh")(error))
}

/// Runs `perl SCRIPT`: the scripts that come with the products are commands of the lab.
///
/// # Errors
/// When there is no such script.
pub fn perl(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let Some((script, rest)) = args.split_first() else {
        return Err(real("perl", args));
    };
    let seen = context.seen(&context.real(script));
    if !seen.ends_with("ims_dssetup.pl") {
        return Err(real("perl", args));
    }
    if !context.real(&seen).exists() {
        writeln!(
            context.err,
            "Can't open perl script \"{seen}\": No such file or directory"
        )
        .map_err(wrote)?;
        return Ok(2);
    }
    context.path = seen;
    super::dssetup::run(context, rest)
}
