//! The fixed `sh` texts under which commands run on a host, and what they leave behind there.
//!
//! Written for the Bourne shell of Solaris 8: no `$( )`, no `local`, no `test -e`, no `if !`; and
//! only commands that are there. Nothing is ever put into these texts: folder, options and argv
//! arrive as arguments. A folder belongs to one effect and is used once:
//!
//! | file | says |
//! | --- | --- |
//! | `claim/` | somebody has taken the folder: the wrapper, or a settler who fenced it off |
//! | `started` | pid, start mark and boot mark of the wrapper |
//! | `pid` | the same of the command itself (the shell that became it) |
//! | `end` | the command is to end, or not to begin |
//! | `stdout`, `stderr` | what the command wrote |
//! | `status` | its exit status; written last, by rename |

/// Where effect folders are made on a host unless told otherwise.
pub const SCRATCH: &str = "/var/tmp/imsmigrate";

/// What the wrapper prints last on its standard error, before the status.
pub(super) const ENDED: &str = "imsmigrate-ended ";
/// What the wrapper prints on its standard error when it will not run the command.
pub(super) const REFUSED: &str = "imsmigrate-refused ";

/// Shell functions that tell a process from a later one with the same number: `boot` prints a mark
/// of the boot, `mark PID` one of the process (empty when there is none, `dead` for a zombie).
///
/// Linux: field 22 of `/proc/PID/stat`. Solaris: the times of `/proc/PID` are the start time.
macro_rules! marks {
    () => {
        r#"boot() {
  B=`cat /proc/sys/kernel/random/boot_id 2>/dev/null || who -b 2>/dev/null | tr -d ' '`
  echo "${B:-none}"
}
mark() {
  if test -f /proc/$1/stat; then
    sed 's/^.*) //' /proc/$1/stat 2>/dev/null | awk '{ if ($1 == "Z" || $1 == "X") print "dead"; else print $20 }'
  else
    ls -ldn /proc/$1 2>/dev/null | awk '{ print $3 "-" $6 "-" $7 "-" $8 }'
  fi
}
"#
    };
}

/// The inner shell: `sh -c INNER FOLDER ARGV…` notes its own pid and becomes the command.
pub(super) const INNER: &str = concat!(
    marks!(),
    r#"echo "$$ `mark $$` `boot`" >"$0/pid.new" && mv "$0/pid.new" "$0/pid" || exit 75
test -f "$0/end" && exit 143
exec "$@"
"#
);

/// The wrapper: `sh -c WRAPPER imsmigrate INNER FOLDER CWD null|pass pass|keep|FILE ARGV…`.
///
/// It survives HUP, INT, PIPE and TERM (with handlers, which the command does not inherit), so that
/// the status is written whatever becomes of the link. The command's standard error, and its
/// standard output unless it is passed on, go into files: neither a lost link nor a daemon that
/// keeps them open can hurt or hang anything. They are relayed when the command has ended.
pub(super) const WRAPPER: &str = concat!(
    marks!(),
    r#"n=$1; d=$2; c=$3; i=$4; o=$5; shift; shift; shift; shift; shift
trap : 1 2 13 15
r=`dirname "$d"`; b=`dirname "$r"`
(umask 077; mkdir -p "$d")
u=`id | sed 's/^uid=\([0-9]*\).*/\1/'`
for f in "$b" "$r" "$d"; do
  w=`ls -ldn "$f" 2>/dev/null | awk '{ print substr($1, 1, 10) $3 }'`
  test "$w" = "drwx------$u" || { echo 'imsmigrate-refused folder' >&2; exit 77; }
done
mkdir "$d/claim" 2>/dev/null || { echo 'imsmigrate-refused used' >&2; exit 76; }
echo "$$ `mark $$` `boot`" >"$d/started.new" && mv "$d/started.new" "$d/started" || { echo 'imsmigrate-refused full' >&2; exit 75; }
cd "$c" || { echo 'imsmigrate-refused cwd' >&2; exit 78; }
test null = "$i" && exec </dev/null
case "$o" in
pass) sh -c "$n" "$d" "$@" 2>"$d/stderr"; s=$? ;;
keep) sh -c "$n" "$d" "$@" >"$d/stdout" 2>"$d/stderr"; s=$? ;;
*) (umask 077; : >"$o") && sh -c "$n" "$d" "$@" >"$o" 2>"$d/stderr"; s=$? ;;
esac
echo $s >"$d/status.new" && mv "$d/status.new" "$d/status"
exec </dev/null
test keep = "$o" && cat "$d/stdout"
test -f "$d/stderr" && cat "$d/stderr" >&2
echo >&2
echo "imsmigrate-ended $s" >&2
exit $s
"#
);

/// Tells what became of an effect: `sh -c SETTLE imsmigrate FOLDER end|look`.
///
/// A folder that nobody has claimed is claimed here, so that a command that is still on its way
/// (an ssh that connects late) finds it taken and does not run: `never` is final. With `end` the
/// command gets TERM, if it is that process and no later one with its number.
pub(super) const SETTLE: &str = concat!(
    marks!(),
    r#"d=$1
lives() {
  test "$2" = "`mark $1`" && test "$3" = "`boot`"
}
(umask 077; mkdir -p "$d") || { echo 'no folder'; exit 4; }
if mkdir "$d/claim" 2>/dev/null; then echo never; exit 0; fi
test end = "$2" && : >"$d/end"
k=0
while test $k -lt 5; do
  if test -f "$d/status"; then echo ended `cat "$d/status"`; exit 0; fi
  if test -f "$d/pid"; then
    read p m b <"$d/pid"
    if lives "$p" "$m" "$b"; then
      test end = "$2" && kill -15 "$p" 2>/dev/null
      echo running "$p"; exit 0
    fi
  fi
  if test -f "$d/started"; then
    read p m b <"$d/started"
    lives "$p" "$m" "$b" || k=5
  fi
  test $k -lt 5 && sleep 1
  k=`expr $k + 1`
done
if test -f "$d/status"; then echo ended `cat "$d/status"`; exit 0; fi
if test -f "$d/started" && read p m b <"$d/started" && lives "$p" "$m" "$b"; then echo running "$p"; exit 0; fi
echo vanished
"#
);

/// Removes what an effect left: `sh -c CLEANUP imsmigrate FOLDER`; only files with known names.
pub(super) const CLEANUP: &str = r#"d=$1
test -d "$d" || exit 0
rm -f "$d/stdout" "$d/stderr" "$d/started" "$d/started.new" "$d/pid" "$d/pid.new" "$d/end" "$d/status.new" "$d/status"
rmdir "$d/claim" "$d" || exit 4
r=`dirname "$d"`
rmdir "$r" 2>/dev/null && rmdir `dirname "$r"` 2>/dev/null
exit 0
"#;

/// The folder of one effect on one host: used once, for one command.
///
/// A second try is a second folder ([`EffectDir::again`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EffectDir {
    run: String,
    effect: String,
    attempt: u32,
}

/// A name that cannot be part of an effect folder.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` cannot name a folder: only letters, digits, `-`, `_` and `.` inside, at most 100")]
pub struct BadEffectName(String);

impl EffectDir {
    /// Names the folder of `effect` of `run`.
    ///
    /// # Errors
    /// When a name has other characters than letters, digits, `-`, `_` and inner `.`.
    pub fn new(run: &str, effect: &str) -> Result<Self, BadEffectName> {
        for name in [run, effect] {
            let good = !name.is_empty()
                && name.len() <= 100
                && !name.starts_with(['.', '-'])
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            if !good {
                return Err(BadEffectName(name.to_owned()));
            }
        }
        Ok(Self {
            run: run.to_owned(),
            effect: effect.to_owned(),
            attempt: 1,
        })
    }

    /// Returns the folder of the next try of the same effect.
    #[must_use]
    pub fn again(&self) -> Self {
        Self {
            attempt: self.attempt + 1,
            ..self.clone()
        }
    }

    /// Returns the folder of the given try (from 1) of the same effect.
    #[must_use]
    pub fn attempt(&self, attempt: u32) -> Self {
        Self {
            attempt,
            ..self.clone()
        }
    }

    /// Returns the folder of one part of the same try of the same effect, such as a side of a pipe.
    ///
    /// # Errors
    /// As [`EffectDir::new`].
    pub fn part(&self, name: &str) -> Result<Self, BadEffectName> {
        let part = Self::new(&self.run, &format!("{}.{name}", self.effect))?;
        Ok(part.attempt(self.attempt))
    }

    /// Returns the folder's path below `scratch`.
    pub fn path(&self, scratch: &str) -> String {
        let scratch = scratch.trim_end_matches('/');
        format!("{scratch}/{}/{}-{}", self.run, self.effect, self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_cannot_leave_the_scratch_folder() {
        for bad in ["..", ".x", "a/b", "", "-r", "a b", "a\n", &"x".repeat(101)] {
            assert!(EffectDir::new("1123-k7f3", bad).is_err(), "{bad:?}");
            assert!(EffectDir::new(bad, "e").is_err(), "{bad:?}");
        }
        let first = EffectDir::new("1123-k7f3", "10b.s03").unwrap();
        assert_eq!(
            first.again().path("/var/tmp/imsmigrate/"),
            "/var/tmp/imsmigrate/1123-k7f3/10b.s03-2"
        );
    }

    #[test]
    fn the_texts_use_nothing_a_solaris_8_bourne_shell_lacks() {
        for text in [INNER, WRAPPER, SETTLE, CLEANUP] {
            for absent in [
                "$(", "local ", "test -e", "[[", "if !", "readlink", "\nstat ", "export ",
            ] {
                assert!(!text.contains(absent), "{absent:?} in {text}");
            }
            assert!(
                !text.starts_with('/'),
                "a launcher would take it for a path"
            );
        }
    }
}
