//! Readers for what every Unix says of itself: `df -k`, free inodes, `ps -ef`.

use super::Reading;

/// A file system, in KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The device or source.
    pub source: String,
    /// Its size.
    pub total_kib: u64,
    /// What is used.
    pub used_kib: u64,
    /// What may still be used.
    pub free_kib: u64,
    /// Where it is mounted.
    pub mounted: String,
}

/// The inodes of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inodes {
    /// How many are used.
    pub used: u64,
    /// How many are left; [`u64::MAX`] where the file system makes them as they are needed.
    pub free: u64,
}

/// A line of `ps -ef`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Whose it is.
    pub user: String,
    /// Its number.
    pub pid: u32,
    /// Its parent's number.
    pub parent: u32,
    /// The command with its arguments, as `ps` shows it (Solaris cuts at 80 characters).
    pub command: String,
}

impl Process {
    /// Returns the bare name of the command: `/a/b/stored -d` is `stored`, `<SMTP>` is `<SMTP>`.
    pub fn name(&self) -> &str {
        let first = self.command.split_whitespace().next().unwrap_or("");
        first.rsplit('/').next().unwrap_or(first)
    }
}

/// Reads `df -k PATH` of Solaris or GNU, also where a long source has made a line wrap.
pub fn parse_df(text: &str) -> Reading<Disk> {
    let mut lines = text.lines();
    if !lines
        .by_ref()
        .any(|l| l.trim_start().starts_with("Filesystem"))
    {
        return Reading::unknown(text);
    }
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let found = words.windows(6).find_map(|w| {
        let [source, total, used, free, capacity, mounted] = w else {
            return None;
        };
        let percent = capacity.strip_suffix('%')?;
        percent.parse::<u64>().ok()?;
        mounted.starts_with('/').then_some(())?;
        Some(Disk {
            source: (*source).to_owned(),
            total_kib: total.parse().ok()?,
            used_kib: used.parse().ok()?,
            free_kib: free.parse().ok()?,
            mounted: (*mounted).to_owned(),
        })
    });
    found.map_or_else(|| Reading::unknown(text), Reading::Understood)
}

/// Reads `df -o i PATH` (Solaris: `iused ifree %iused`) or `df -i PATH` (GNU: `Inodes IUsed IFree`).
pub fn parse_inodes(text: &str) -> Reading<Inodes> {
    let mut lines = text.lines();
    let Some(head) = lines.find(|l| l.trim_start().starts_with("Filesystem")) else {
        return Reading::unknown(text);
    };
    let gnu = head.to_ascii_lowercase().contains("inodes");
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    // btrfs and the like count none: `0 0 0 -`.
    if words.windows(4).any(|w| w == ["0", "0", "0", "-"]) {
        return Reading::Understood(Inodes {
            used: 0,
            free: u64::MAX,
        });
    }
    let before = words.iter().position(|w| w.ends_with('%'));
    let number = |back: usize| {
        before
            .and_then(|at| at.checked_sub(back))
            .and_then(|at| words.get(at))
            .and_then(|w| w.parse::<u64>().ok())
    };
    match (number(2), number(1), number(3)) {
        (Some(used), Some(free), total) if !gnu || total.is_some_and(|t| t > 0) => {
            Reading::Understood(Inodes { used, free })
        }
        _ => Reading::unknown(text),
    }
}

/// Reads `ps -ef`; also the list that `imta process` prints, which has no header on SIMS.
///
/// Unknown when a header is missing and no line looks like a process either; lines that do not
/// look like one are passed over (SIMS wraps long ones).
pub fn parse_ps(text: &str) -> Reading<Vec<Process>> {
    let mut header = false;
    let mut found = Vec::new();
    for line in text.lines() {
        let upper = line.to_ascii_uppercase();
        if upper.contains("PID") && (upper.contains("CMD") || upper.contains("COMMAND")) {
            header = true;
        } else if let Some(process) = process(line) {
            found.push(process);
        }
    }
    if header || !found.is_empty() {
        Reading::Understood(found)
    } else {
        Reading::unknown(text)
    }
}

/// `user pid ppid c stime tty time command`, where stime is `17:00:03`, `Nov 23` or `Nov23`.
///
/// The time column (`0:01`, `00:00:01`, `1-00:00:00`) is the seventh or, with a start time of two
/// words, the eighth; the command follows it. iMS's `imta process` has no parent but as many
/// columns (`USER PID S VSZ RSS STIME TIME COMMAND`).
fn process(line: &str) -> Option<Process> {
    let mut words = Vec::new();
    let mut at = 0;
    for word in line.split_whitespace() {
        let start = at + line.get(at..)?.find(word)?;
        words.push((word, start));
        at = start + word.len();
    }
    let (user, _) = *words.first()?;
    let pid = words.get(1)?.0.parse().ok()?;
    let parent = words.get(2)?.0.parse().unwrap_or(0);
    let time_like = |w: &str| {
        let digits = w
            .bytes()
            .all(|b| b.is_ascii_digit() || b == b':' || b == b'-');
        digits && w.contains(':')
    };
    let last = [6, 7]
        .into_iter()
        .find(|at| words.get(*at).is_some_and(|(w, _)| time_like(w)))?;
    let (_, start) = *words.get(last + 1)?;
    Some(Process {
        user: user.to_owned(),
        pid,
        parent,
        command: line.get(start..)?.trim_end().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn df_of_solaris_and_gnu_and_wrapped_lines_are_read() {
        let solaris = "Filesystem            kbytes    used   avail capacity  Mounted on\n\
                       /dev/dsk/c0t0d0s7    8705501 4230046 4388400    50%    /var\n";
        let disk = parse_df(solaris).understood().unwrap();
        assert_eq!((disk.free_kib, disk.mounted.as_str()), (4_388_400, "/var"));
        let wrapped = "Filesystem     1K-blocks  Used Available Use% Mounted on\n\
                       /dev/mapper/very-long-name-of-a-volume\n    1000 400 600 40% /srv mail\n";
        let disk = parse_df(wrapped).understood().unwrap();
        assert_eq!(
            (disk.total_kib, disk.used_kib, disk.free_kib),
            (1000, 400, 600)
        );
        let shifted =
            "Filesystem kbytes used avail capacity Mounted on\nserver:/export/a b 9 4 5 44% /mnt\n";
        assert_eq!(parse_df(shifted).understood().unwrap().free_kib, 5);
        assert!(parse_df("df: unknown option -k\n").understood().is_none());
        assert!(parse_df("").understood().is_none());
    }

    #[test]
    fn inodes_of_solaris_and_gnu_are_read() {
        let solaris = "Filesystem             iused   ifree  %iused  Mounted on\n\
                       /dev/dsk/c0t0d0s7      12345  987654     1%   /var\n";
        let expected = Inodes {
            used: 12345,
            free: 987_654,
        };
        assert_eq!(parse_inodes(solaris), Reading::Understood(expected));
        let gnu =
            "Filesystem      Inodes  IUsed   IFree IUse% Mounted on\n/dev/vda1 100 40 60 40% /\n";
        let expected = Inodes { used: 40, free: 60 };
        assert_eq!(parse_inodes(gnu), Reading::Understood(expected));
        let none = "Filesystem      Inodes  IUsed   IFree IUse% Mounted on\noverlay 0 0 0 - /\n";
        assert_eq!(parse_inodes(none).understood().unwrap().free, u64::MAX);
        assert!(parse_inodes("df: unknown option\n").understood().is_none());
    }

    #[test]
    fn processes_are_read_whatever_their_start_time_looks_like() {
        let text = "     UID   PID  PPID  C    STIME TTY      TIME CMD\n\
                    root   300     1  0   Oct 12 ?        0:33 /usr/netscape/server4/bin/slapd/server/ns-slapd -f x\n\
                    inetmail 13584     1  0 17:00:04 ?        0:01 <SMTP>\n\
                    mailsrv 15349 S 21176 10224 17:33:02 0:02 imta/bin/job_controller\n\
                    root 9 1 0 Nov23 ? 1-02:03:04 sleep 10:00\n";
        let found = parse_ps(text).understood().unwrap();
        let names: Vec<_> = found.iter().map(Process::name).collect();
        assert_eq!(names, ["ns-slapd", "<SMTP>", "job_controller", "sleep"]);
        assert_eq!(found[3].command, "sleep 10:00");
        assert!(parse_ps("ps: not found").understood().is_none());
    }

    proptest! {
        #[test]
        fn readers_never_panic(text in "\\PC{0,200}", words in "([a-z0-9%:/ \n-]{0,9} ){0,40}") {
            for t in [&text, &words, &format!("Filesystem\n{words}"), &format!("PID CMD\n{words}")] {
                let _ = parse_df(t);
                let _ = parse_inodes(t);
                let _ = parse_ps(t);
            }
        }
    }
}
