//! `lab shell`: a person at a host's prompt, for the steps that a person does.
//!
//! Each line is given to `sh` with the host's root put before its absolute paths, so that what a
//! guide says can be typed as it stands.

use super::{exec, failure};
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::lab::world::Lab;
use clap::Args;
use std::ffi::OsString;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `lab shell`.
#[derive(Debug, Args)]
pub(super) struct ShellArgs {
    /// The lab's folder
    dir: PathBuf,
    /// The host, such as `mail`
    host: String,
    /// A command to run instead of asking for some
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Paths that mean the same everywhere.
const COMMON: &[&str] = &["/bin/sh", "/usr/bin/env", "/dev/null", "/dev/tty"];

pub(super) fn run(args: &ShellArgs) -> ExitCode {
    if !args.command.is_empty() {
        return exec::run(&args.dir, &args.host, &args.command);
    }
    match Prompt::open(&args.dir, &args.host) {
        Ok(mut prompt) => prompt.read(),
        Err(error) => failure(error).report().into(),
    }
}

struct Prompt {
    lab: PathBuf,
    host: String,
    root: PathBuf,
    /// The current folder, a real path.
    folder: PathBuf,
}

impl Prompt {
    fn open(dir: &Path, host: &str) -> Result<Self, crate::lab::world::LabError> {
        let lab = Lab::open(dir)?;
        let host = lab.host(host)?;
        let root = lab.root(host);
        Ok(Self {
            host: host.name.clone(),
            folder: root.clone(),
            root,
            lab: lab.dir,
        })
    }

    /// Reads and runs lines until there are no more; ends with the last one's exit status.
    fn read(&mut self) -> ExitCode {
        let asks = std::io::stdin().is_terminal();
        let mut status = 0;
        loop {
            if asks {
                let mut err = std::io::stderr().lock();
                let _ = write!(err, "{}# ", self.host).and_then(|()| err.flush());
            }
            let mut line = String::new();
            match std::io::stdin().lock().read_line(&mut line) {
                Ok(0) => return ExitCode::from(status),
                Ok(_) => {}
                Err(error) => {
                    output::talk(format!("error: cannot read: {error}"));
                    return Exit::Error.into();
                }
            }
            let mut words = line.split_whitespace();
            match words.next() {
                None => {}
                Some("exit" | "logout") => {
                    return ExitCode::from(
                        words.next().and_then(|w| w.parse().ok()).unwrap_or(status),
                    );
                }
                Some("cd") => status = self.change_folder(words.next().unwrap_or("/")),
                Some(_) => status = self.run_line(&line),
            }
        }
    }

    fn change_folder(&mut self, to: &str) -> u8 {
        let wanted = self.folder.join(on_host(to, &self.root));
        match wanted.canonicalize() {
            Ok(folder) if folder.is_dir() => {
                // `cd ..` ends at the host's own root.
                let inside = self
                    .root
                    .canonicalize()
                    .is_ok_and(|r| folder.starts_with(r));
                self.folder = if inside { folder } else { self.root.clone() };
                0
            }
            _ => {
                output::talk(format!("{to}: does not exist"));
                1
            }
        }
    }

    fn run_line(&self, line: &str) -> u8 {
        let argv = [
            "/bin/sh".into(),
            "-c".into(),
            on_host(line, &self.root).into(),
        ];
        let mut command = match exec::command(&self.lab, &self.host, &argv) {
            Ok(command) => command,
            Err(failure) => return failure.report().code(),
        };
        match command.current_dir(&self.folder).status() {
            Ok(status) => status
                .code()
                .and_then(|c| u8::try_from(c).ok())
                .unwrap_or(1),
            Err(error) => {
                output::talk(format!("error: cannot run `sh`: {error}"));
                1
            }
        }
    }
}

/// Puts the host's root before every path of a line that begins with `/`.
fn on_host(line: &str, root: &Path) -> String {
    let root = root.to_string_lossy();
    let mut quoted = String::new();
    for c in root.chars() {
        if !is_plain(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    let mut text = String::with_capacity(line.len() + 64);
    let mut before = ' ';
    let mut inside: Option<char> = None;
    for (at, c) in line.char_indices() {
        let rest = line.get(at..).unwrap_or_default();
        let begins = before.is_whitespace() || "<>|;&(\"'`=".contains(before);
        let common = COMMON.iter().any(|path| {
            rest.strip_prefix(path)
                .is_some_and(|after| !after.starts_with(is_plain))
        });
        if c == '/' && begins && !common && !rest.starts_with(root.as_ref()) {
            text.push_str(if inside.is_some() { &root } else { &quoted });
        }
        match inside {
            None if c == '\'' || c == '"' => inside = Some(c),
            Some(quote) if c == quote => inside = None,
            _ => {}
        }
        text.push(c);
        before = c;
    }
    text
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "/._-+,".contains(c)
}

#[cfg(test)]
mod tests {
    use super::on_host;
    use std::path::Path;

    fn typed(line: &str) -> String {
        on_host(line, Path::new("/l/h"))
    }

    #[test]
    fn what_the_guide_says_can_be_typed_as_it_stands() {
        assert_eq!(
            typed("/opt/SUNWmail/sbin/imta stop dispatcher"),
            "/l/h/opt/SUNWmail/sbin/imta stop dispatcher"
        );
        assert_eq!(
            typed("imbackup -f- -u /tmp/u|/usr/bin/imsrestore >/dev/null 2>/tmp/e"),
            "imbackup -f- -u /l/h/tmp/u|/l/h/usr/bin/imsrestore >/dev/null 2>/l/h/tmp/e"
        );
        assert_eq!(typed("cat \"/etc/a b\" a/b"), "cat \"/l/h/etc/a b\" a/b");
    }

    #[test]
    fn a_path_that_is_real_already_stays_and_an_odd_root_is_quoted() {
        assert_eq!(typed("cat /l/h/x"), "cat /l/h/x");
        assert_eq!(on_host("cat /x", Path::new("/a b")), "cat /a\\ b/x");
        assert_eq!(on_host("cat '/x'", Path::new("/a b")), "cat '/a b/x'");
    }
}
