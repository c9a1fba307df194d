//! The command line of `imsrestore` and the rename map.

use super::super::getopt;
use super::super::stream::{DEFAULT_FACTOR, MAX_FACTOR, StreamError, StreamHeader};
use crate::base::display_safe;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const USAGE: &str = "usage: imsrestore -f device|- [-b bf] [-c y|n] [-e encoding] [-h] [-i] \
                     [-m file] [-n] [-r file] [-s] [-t] [-u file] [-v 0|1|2] [path]";

/// What the names of the folders in the stream are written in (`-e`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As IMAP has it; everything else becomes blanks. The default.
    Mutf7,
    /// UTF-8.
    Utf8,
    /// ISO-8859-1.
    Latin1,
}

/// What to do with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Into the store.
    Restore,
    /// `-t`: print what is in it.
    Table,
    /// `-h`: print its header.
    Header,
}

/// What `imsrestore` was told.
#[derive(Clone, Debug)]
pub struct Arguments {
    /// `-f`: a device, a file, or `-`.
    pub source: String,
    /// `-b`.
    pub factor: usize,
    /// `-c`: go on after an error, or not; `None` asks, which a stream on stdin cannot.
    pub go_on: Option<bool>,
    /// `-e`.
    pub encoding: Encoding,
    /// What to do with the stream.
    pub mode: Mode,
    /// `-i`: do not look for messages that are there already.
    pub no_check: bool,
    /// `-n`: an existing mailbox gets a twin.
    pub beside: bool,
    /// `-v`: 0 nothing, 1 mailboxes, 2 messages (the default).
    pub verbosity: u8,
    /// `-u` (SIMS streams): new names by old names.
    pub sims_names: HashMap<String, String>,
    /// The file of `-u`.
    pub map_file: Option<String>,
    /// `-m` (iMS streams): new names by old names.
    pub ims_names: HashMap<String, String>,
    /// What to restore; empty for everything.
    pub paths: Vec<String>,
}

impl Arguments {
    /// Reads the command line; `real` turns a path of the host into a real one.
    ///
    /// # Errors
    /// The exit status and what to say.
    pub fn read(args: &[String], real: &dyn Fn(&str) -> PathBuf) -> Result<Self, (u8, String)> {
        let usage = |message: String| (2, format!("{message}\n{USAGE}"));
        let options = getopt::parse(args, "f:b:c:e:him:nr:stu:v:").map_err(usage)?;
        let invalid = |option: char, value: &str| {
            usage(format!(
                "invalid value for -{option}: {}",
                display_safe(value)
            ))
        };
        let source = options
            .value('f')
            .ok_or_else(|| usage("-f is needed".to_owned()))?;
        let factor = match options.value('b') {
            None => DEFAULT_FACTOR,
            Some(text) => text
                .parse()
                .ok()
                .filter(|factor| (1..=MAX_FACTOR).contains(factor))
                .ok_or_else(|| invalid('b', text))?,
        };
        let go_on = match options.value('c') {
            None => None,
            Some("y" | "Y") => Some(true),
            Some("n" | "N") => Some(false),
            Some(text) => return Err(invalid('c', text)),
        };
        let verbosity = match options.value('v') {
            None => 2,
            Some(text) => text
                .parse()
                .ok()
                .filter(|v| *v <= 2)
                .ok_or_else(|| invalid('v', text))?,
        };
        let encoding = match options.value('e').map(str::to_ascii_lowercase).as_deref() {
            None | Some("mutf-7" | "utf-7-imap") => Encoding::Mutf7,
            Some("utf-8") => Encoding::Utf8,
            Some("iso-8859-1") => Encoding::Latin1,
            Some(text) => return Err(invalid('e', text)),
        };
        // Links come from iMS streams with single copies; there are none in a SIMS stream, so all
        // that can be wrong with `-r` is its file.
        if let Some(file) = options.value('r') {
            std::fs::metadata(real(file)).map_err(|e| cannot_open(file, &e))?;
        }
        let map = |option| match options.value(option) {
            None => Ok(HashMap::new()),
            Some(file) => read_map(file, &real(file)),
        };
        Ok(Self {
            source: source.to_owned(),
            factor,
            go_on,
            encoding,
            mode: match (options.has('h'), options.has('t')) {
                (true, _) => Mode::Header,
                (false, true) => Mode::Table,
                (false, false) => Mode::Restore,
            },
            no_check: options.has('i'),
            beside: options.has('n'),
            verbosity,
            sims_names: map('u')?,
            map_file: options.value('u').map(str::to_owned),
            ims_names: map('m')?,
            paths: options.operands,
        })
    }

    /// Checks that the stream was written with the blocking factor that was asked for.
    ///
    /// # Errors
    /// [`StreamError::Factor`].
    pub fn check_factor(&self, header: &StreamHeader) -> Result<(), StreamError> {
        if header.factor == self.factor {
            Ok(())
        } else {
            Err(StreamError::Factor {
                found: header.factor,
                wanted: self.factor,
            })
        }
    }

    /// Returns the store id that a user of the stream gets.
    pub fn new_name<'a>(&'a self, header: &StreamHeader, user: &'a str) -> &'a str {
        let names = if header.writer.starts_with("SIMS") {
            &self.sims_names
        } else {
            &self.ims_names
        };
        names.get(user).map_or(user, String::as_str)
    }

    /// Returns whether a folder of the stream was asked for.
    pub fn wants(&self, user: &str, folder: &str) -> bool {
        self.paths.is_empty()
            || self.paths.iter().any(|path| {
                let path = path.strip_prefix('/').unwrap_or(path);
                let path = path.strip_prefix("primary").unwrap_or(path);
                let path = path.trim_matches('/');
                let path = path.strip_prefix("user/").unwrap_or(path);
                path.is_empty()
                    || path == "user"
                    || path == user
                    || path
                        .strip_prefix(user)
                        .and_then(|rest| rest.strip_prefix('/'))
                        .is_some_and(|asked| asked == folder)
            })
    }
}

/// Reads `old=new` lines; a list of plain user names, the likeliest mistake, is refused.
fn read_map(file: &str, real: &Path) -> Result<HashMap<String, String>, (u8, String)> {
    let text = std::fs::read_to_string(real).map_err(|e| cannot_open(file, &e))?;
    let mut names = HashMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        match line.split_once('=') {
            Some((old, new)) if !old.is_empty() && !new.is_empty() => {
                names.insert(old.trim().to_owned(), new.trim().to_owned());
            }
            _ => {
                return Err((
                    1,
                    format!(
                        "invalid rename file {}: line {number} is not oldname=newname: {}",
                        display_safe(file),
                        display_safe(line)
                    ),
                ));
            }
        }
    }
    Ok(names)
}

fn cannot_open(file: &str, e: &std::io::Error) -> (u8, String) {
    (1, format!("cannot open {}: {e}", display_safe(file)))
}
