//! The closed list of everything that is ever done on a host, each as an argv.
//!
//! The `sh` texts are fixed and follow the rules of [`super::wrapper`]; paths and names arrive as
//! arguments of their own, so that a lab's launcher can map them and no shell ever reads them.

use super::wrapper::{CLEANUP, INNER, SETTLE, WRAPPER};

/// Something done on a host. There is no other way to touch one, but for a TCP connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Run a command under the wrapper, in the folder of its effect.
    Run {
        /// The effect's folder on the host.
        folder: String,
        /// The folder to run in; `.` for where the host starts commands.
        cwd: String,
        /// Whether standard input is passed on; otherwise it is empty.
        stdin: bool,
        /// Where standard output goes: `pass`, `keep` or a file on the host.
        stdout: String,
        /// The command.
        argv: Vec<String>,
    },
    /// Run a command that only looks, without a folder: it may be repeated at any time.
    Ask {
        /// The command.
        argv: Vec<String>,
    },
    /// Say what became of a command.
    Settle {
        /// The effect's folder on the host.
        folder: String,
        /// Whether the command is also to end (TERM).
        end: bool,
    },
    /// Remove the folder of an effect.
    CleanUp {
        /// The effect's folder on the host.
        folder: String,
    },
    /// Read a file.
    ReadFile {
        /// The file.
        path: String,
    },
    /// Write a file from standard input: beside it, then rename.
    WriteFile {
        /// The file.
        path: String,
        /// Its mode, such as `600`; `-` keeps what it has.
        mode: String,
        /// How many bytes must arrive.
        bytes: usize,
    },
    /// Copy a file to a new name, with owner, mode and times.
    CopyFile {
        /// The file.
        from: String,
        /// The new name; must not exist.
        to: String,
    },
    /// List a folder.
    ListDir {
        /// The folder.
        path: String,
    },
    /// Say what is at a path.
    Kind {
        /// The path.
        path: String,
    },
    /// Make a folder with all above it.
    MakeDir {
        /// The folder.
        path: String,
    },
    /// Remove a file.
    RemoveFile {
        /// The file.
        path: String,
    },
    /// Remove a folder with nothing in it.
    RemoveEmpty {
        /// The folder.
        path: String,
    },
    /// Remove a folder with all in it.
    RemoveTree {
        /// The folder.
        path: String,
    },
    /// Make a symbolic link; never inside a folder that is already there.
    Link {
        /// What it points at.
        target: String,
        /// The link.
        path: String,
    },
    /// Say who owns a path and with which mode.
    Owner {
        /// The path.
        path: String,
    },
    /// Give a path to an owner.
    SetOwner {
        /// The path.
        path: String,
        /// `user` or `user:group`.
        owner: String,
        /// Whether everything below goes too.
        below: bool,
    },
    /// Free space of the file system of a path (`df -k`).
    DiskFree {
        /// The path.
        path: String,
    },
    /// How much a folder holds, in KiB (`du -sk`).
    DiskUsed {
        /// The folder.
        path: String,
    },
    /// Free inodes of the file system of a path.
    Inodes {
        /// The path.
        path: String,
    },
    /// All processes (`ps -ef`).
    Processes,
}

/// Exit status of a file act: nothing is there.
pub(super) const ABSENT: i32 = 3;

const READ: &str = r#"test -f "$1" || { test -d "$1" && { echo 'is a folder' >&2; exit 4; }; exit 3; }
exec cat "$1""#;

const WRITE: &str = r#"t="$1.imsm$$"
test -h "$1" && { echo 'is a symbolic link' >&2; exit 4; }
test -d "$1" && { echo 'is a folder' >&2; exit 4; }
umask 077
if test -f "$1"; then cp -p "$1" "$t" || exit 5; fi
if test - != "$2" && test -f "$t"; then chmod 600 "$t" || exit 5; fi
cat >"$t" || { rm -f "$t"; exit 5; }
n=`wc -c <"$t"`
test $n -eq $3 || { rm -f "$t"; echo "only $n of $3 bytes arrived" >&2; exit 5; }
if test - != "$2"; then chmod "$2" "$t" || { rm -f "$t"; exit 5; }; fi
mv -f "$t" "$1" || { rm -f "$t"; exit 5; }"#;

const COPY: &str = r#"test -f "$1" || exit 3
if test -h "$2" || test -f "$2" || test -d "$2"; then cmp -s "$1" "$2" && exit 0; echo 'there is another file of that name' >&2; exit 4; fi
umask 077
cp -p "$1" "$2.imsm$$" && mv "$2.imsm$$" "$2" || { rm -f "$2.imsm$$"; exit 5; }"#;

const LIST: &str = r#"test -d "$1" || exit 3
cd "$1" || exit 4
for f in * .[!.]* ..?*; do
  if test -h "$f"; then printf 'l %s\n' "$f"
  elif test -d "$f"; then printf 'd %s\n' "$f"
  elif test -f "$f"; then printf 'f %s\n' "$f"
  elif test -c "$f" || test -b "$f" || test -p "$f"; then printf 'o %s\n' "$f"
  fi
done
exit 0"#;

const KIND: &str = r#"if test -h "$1"; then echo l
elif test -d "$1"; then echo d
elif test -f "$1"; then echo f
elif ls -d "$1" >/dev/null 2>&1; then echo o
else exit 3; fi"#;

const REMOVE_FILE: &str = r#"if test -h "$1"; then rm -f "$1"; exit $?; fi
test -d "$1" && { echo 'is a folder' >&2; exit 4; }
rm -f "$1""#;

const REMOVE_TREE: &str = r#"test -h "$1" && { echo 'is a symbolic link' >&2; exit 4; }
test -d "$1" || exit 3
exec rm -r "$1""#;

const LINK: &str = r#"if test -h "$2"; then
  w=`ls -ld "$2" | sed 's/^.* -> //'`
  test "$w" = "$1" && exit 0
  echo "is a link to $w" >&2; exit 4
fi
if test -d "$2" || test -f "$2"; then echo 'is already there' >&2; exit 4; fi
exec ln -s "$1" "$2""#;

const OWNER: &str = r#"LC_ALL=C; export LC_ALL
if test -h "$1" || test -d "$1" || test -f "$1"; then exec ls -ld "$1"; fi
exit 3"#;

const SET_OWNER: &str = r#"if test below = "$3"; then exec chown -R "$2" "$1"; fi
exec chown "$2" "$1""#;

const DISK_FREE: &str = r#"LC_ALL=C; PATH=$PATH:/usr/bin:/usr/sbin; export LC_ALL PATH
exec df -k "$1""#;

const DISK_USED: &str = r#"test -d "$1" || exit 3
exec du -sk "$1""#;

const INODES: &str = r#"LC_ALL=C; PATH=$PATH:/usr/bin:/usr/sbin; export LC_ALL PATH
case `uname -s` in
SunOS) exec df -o i "$1" ;;
*) exec df -i "$1" ;;
esac"#;

const PROCESSES: &str = r"LC_ALL=C; PATH=$PATH:/usr/bin; export LC_ALL PATH
exec ps -ef";

impl Act {
    /// Returns the name of what changes something on the host; none for what only looks.
    pub fn changes(&self) -> Option<&'static str> {
        match self {
            Self::Run { .. } => Some("run"),
            Self::Settle { .. } => Some("settle"),
            Self::CleanUp { .. } => Some("clean-up"),
            Self::WriteFile { .. } => Some("write-file"),
            Self::CopyFile { .. } => Some("copy-file"),
            Self::MakeDir { .. } => Some("make-dir"),
            Self::RemoveFile { .. } => Some("remove-file"),
            Self::RemoveEmpty { .. } => Some("remove-empty"),
            Self::RemoveTree { .. } => Some("remove-tree"),
            Self::Link { .. } => Some("link"),
            Self::SetOwner { .. } => Some("set-owner"),
            Self::Ask { .. }
            | Self::ReadFile { .. }
            | Self::ListDir { .. }
            | Self::Kind { .. }
            | Self::Owner { .. }
            | Self::DiskFree { .. }
            | Self::DiskUsed { .. }
            | Self::Inodes { .. }
            | Self::Processes => None,
        }
    }

    /// Returns the argv that does it on the host itself.
    pub fn argv(&self) -> Vec<String> {
        match self {
            Self::Run {
                folder,
                cwd,
                stdin,
                stdout,
                argv,
            } => {
                let stdin = if *stdin { "pass" } else { "null" };
                let mut all = script(WRAPPER, &[INNER, folder, cwd, stdin, stdout]);
                all.extend(argv.iter().cloned());
                all
            }
            Self::Ask { argv } => argv.clone(),
            Self::Settle { folder, end } => {
                script(SETTLE, &[folder, if *end { "end" } else { "look" }])
            }
            Self::CleanUp { folder } => script(CLEANUP, &[folder]),
            Self::ReadFile { path } => script(READ, &[path]),
            Self::WriteFile { path, mode, bytes } => {
                script(WRITE, &[path, mode, &bytes.to_string()])
            }
            Self::CopyFile { from, to } => script(COPY, &[from, to]),
            Self::ListDir { path } => script(LIST, &[path]),
            Self::Kind { path } => script(KIND, &[path]),
            Self::MakeDir { path } => ["mkdir", "-p", path].map(str::to_owned).to_vec(),
            Self::RemoveFile { path } => script(REMOVE_FILE, &[path]),
            Self::RemoveEmpty { path } => ["rmdir", path].map(str::to_owned).to_vec(),
            Self::RemoveTree { path } => script(REMOVE_TREE, &[path]),
            Self::Link { target, path } => script(LINK, &[target, path]),
            Self::Owner { path } => script(OWNER, &[path]),
            Self::SetOwner { path, owner, below } => script(
                SET_OWNER,
                &[path, owner, if *below { "below" } else { "this" }],
            ),
            Self::DiskFree { path } => script(DISK_FREE, &[path]),
            Self::DiskUsed { path } => script(DISK_USED, &[path]),
            Self::Inodes { path } => script(INODES, &[path]),
            Self::Processes => script(PROCESSES, &[]),
        }
    }

    /// Returns what a person would type for it: the bare command where there is one.
    pub fn shown(&self) -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
        match self {
            Self::Run { argv, .. } | Self::Ask { argv } => argv.clone(),
            Self::ReadFile { path } => words(&["cat", path]),
            Self::WriteFile { path, .. } => words(&["vi", path]),
            Self::CopyFile { from, to } => words(&["cp", "-p", from, to]),
            Self::ListDir { path } => words(&["ls", "-a", path]),
            Self::Kind { path } | Self::Owner { path } => words(&["ls", "-ld", path]),
            Self::RemoveFile { path } => words(&["rm", "-f", path]),
            Self::RemoveTree { path } => words(&["rm", "-r", path]),
            Self::Link { target, path } => words(&["ln", "-s", target, path]),
            Self::SetOwner { path, owner, below } => {
                if *below {
                    words(&["chown", "-R", owner, path])
                } else {
                    words(&["chown", owner, path])
                }
            }
            Self::DiskFree { path } => words(&["df", "-k", path]),
            Self::DiskUsed { path } => words(&["du", "-sk", path]),
            Self::Inodes { path } => words(&["df", "-o", "i", path]),
            Self::Processes => words(&["ps", "-ef"]),
            Self::MakeDir { .. }
            | Self::RemoveEmpty { .. }
            | Self::Settle { .. }
            | Self::CleanUp { .. } => self.argv(),
        }
    }
}

fn script(text: &str, args: &[&str]) -> Vec<String> {
    let mut argv = vec![
        "/bin/sh".to_owned(),
        "-c".to_owned(),
        text.to_owned(),
        "imsmigrate".to_owned(),
    ];
    argv.extend(args.iter().map(|a| (*a).to_owned()));
    argv
}
