//! Runs a command on a host of a lab: paths as the host sees them, the host's own programs first.
//!
//! `lab exec` becomes the command (no process in between), so exit status, signals and streams are
//! the command's own.

use super::{ToolArgs, failure};
use crate::cli::failure::Failure;
use crate::lab::tools;
use crate::lab::world::Lab;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What a shell's exit status is for a command that is not there.
const NOT_FOUND: u8 = 127;
/// … and for one that cannot be run.
const NOT_RUNNABLE: u8 = 126;

/// Programs that every system has, used where the host has none of its own.
const REAL: &[&str] = &["/bin/sh", "/usr/bin/env"];

/// Becomes `argv` on a host; returns only when that cannot be.
pub(super) fn run(dir: &Path, host: &str, argv: &[OsString]) -> ExitCode {
    let mut command = match command(dir, host, argv) {
        Ok(command) => command,
        Err(failure) => return failure.report().into(),
    };
    let error = command.exec();
    let name = argv.first().cloned().unwrap_or_default();
    let name = name.to_string_lossy();
    let (code, failure) = match error.kind() {
        io::ErrorKind::NotFound => (
            NOT_FOUND,
            Failure::error(format!("`{name}`: there is no such command on `{host}`")),
        ),
        _ => (
            NOT_RUNNABLE,
            Failure::error(format!("`{name}` cannot be run: {error}")),
        ),
    };
    failure.report();
    ExitCode::from(code)
}

/// Becomes a program that ends, by SIGKILL, when the process that started it does; returns only
/// when that cannot be.
pub(super) fn tied(argv: &[OsString]) -> ExitCode {
    let Some((program, args)) = argv.split_first() else {
        return ExitCode::from(NOT_FOUND);
    };
    let killed = rustix::process::Signal::KILL;
    if let Err(e) = rustix::process::set_parent_process_death_signal(Some(killed)) {
        Failure::error(format!("cannot be tied to its starter: {e}")).report();
        return ExitCode::from(NOT_RUNNABLE);
    }
    let error = Command::new(program).args(args).exec();
    let name = program.to_string_lossy();
    Failure::error(format!("`{name}` cannot be run: {error}")).report();
    ExitCode::from(NOT_RUNNABLE)
}

/// Is the vendor's command at a path of a host.
pub(super) fn tool(args: &ToolArgs) -> ExitCode {
    let argv: Vec<String> = args
        .argv
        .iter()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    match tools::main(&args.dir, &args.host, &args.path, &argv) {
        Ok(status) => ExitCode::from(status),
        Err(error) => failure(error).report().into(),
    }
}

/// Builds the command that stands for `argv` on a host.
pub(super) fn command(dir: &Path, host: &str, argv: &[OsString]) -> Result<Command, Failure> {
    let lab = Lab::open(dir).map_err(failure)?;
    let host = lab.host(host).map_err(failure)?;
    let root = lab.root(host);
    let Some((program, args)) = argv.split_first() else {
        return Err(Failure::usage("no command is given"));
    };
    let program = real_program(&root, program);
    let mut command = Command::new(&program);
    if program.as_os_str() == OsStr::new("/bin/sh") {
        // Its own name: some shells look at it.
        command.arg0("sh");
    }
    command
        .args(args.iter().map(|arg| real_argument(&root, arg)))
        .current_dir(&root)
        .env("PATH", path_variable(&root))
        .env("HOME", &root)
        .env("LAB", &lab.dir);
    Ok(command)
}

/// Returns the `PATH` of a host: its own programs, then this machine's.
fn path_variable(root: &Path) -> OsString {
    let mut path = OsString::new();
    for folder in ["usr/bin", "usr/sbin", "bin"] {
        path.push(root.join(folder));
        path.push(":");
    }
    path.push(std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()));
    path
}

/// An absolute program is the host's; a bare one is looked for along the host's `PATH`.
fn real_program(root: &Path, program: &OsStr) -> PathBuf {
    let path = Path::new(program);
    if !path.is_absolute() {
        return path.to_path_buf();
    }
    let real = PathBuf::from(real_argument(root, program));
    if !real.exists() && REAL.iter().any(|name| OsStr::new(name) == program) {
        return path.to_path_buf();
    }
    real
}

/// Puts the host's root before what begins with `/`, unless it is there already.
fn real_argument(root: &Path, argument: &OsStr) -> OsString {
    if !argument.as_bytes().starts_with(b"/") || Path::new(argument).starts_with(root) {
        return argument.to_owned();
    }
    let mut real = root.as_os_str().to_owned();
    real.push(argument);
    real
}

#[cfg(test)]
mod tests {
    use super::{real_argument, real_program};
    use std::ffi::OsStr;
    use std::path::Path;

    fn real(argument: &str) -> String {
        let real = real_argument(Path::new("/lab/hosts/mail"), OsStr::new(argument));
        real.into_string().unwrap()
    }

    #[test]
    fn an_absolute_argument_is_the_hosts_and_others_stay() {
        assert_eq!(real("/dev/rmt/0"), "/lab/hosts/mail/dev/rmt/0");
        assert_eq!(real("/lab/hosts/mail/tmp/x"), "/lab/hosts/mail/tmp/x");
        assert_eq!(
            real("/lab/hosts/mailer"),
            "/lab/hosts/mail/lab/hosts/mailer"
        );
        assert_eq!(real("-f-"), "-f-");
        assert_eq!(real("anderson=Anderson"), "anderson=Anderson");
    }

    #[test]
    fn the_shell_is_this_machines_where_the_host_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let program = |name: &str| real_program(dir.path(), OsStr::new(name));
        assert_eq!(program("/bin/sh"), Path::new("/bin/sh"));
        assert_eq!(program("/opt/x"), dir.path().join("opt/x"));
        assert_eq!(program("ps"), Path::new("ps"));
        std::fs::create_dir(dir.path().join("bin")).unwrap();
        std::fs::write(dir.path().join("bin/sh"), "").unwrap();
        assert_eq!(program("/bin/sh"), dir.path().join("bin/sh"));
    }
}
