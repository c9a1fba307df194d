//! The parts of a Solaris userland whose answers must be the host's, not this machine's: `ps -ef`,
//! `netstat -an`, `df -k`.

use super::ToolContext;
use super::control;
use crate::lab::control::Process;
use crate::lab::drills;
use crate::lab::world::LabError;
use jiff::Timestamp;
use std::path::Path;

/// The drill that sets the size of the host's disk.
const DISK: &str = "disk-kb";
/// The drill that sets how many files it can hold.
const INODES: &str = "disk-inodes";

fn wrote(e: std::io::Error) -> LabError {
    LabError::file("standard output")(e)
}

/// The lines of one process as `ps -f` shows them; the old dispatcher has a child that serves SMTP.
pub fn ps_lines(process: &Process) -> Vec<String> {
    let time = Timestamp::from_second(process.started).unwrap_or(Timestamp::UNIX_EPOCH);
    let started = time.strftime("%H:%M:%S");
    let line = |pid: u32, parent: u32, command: &str| {
        format!(
            "{:>8} {pid:>5} {parent:>5}  0 {started} ?        0:00 {command}",
            process.user
        )
    };
    let mut lines = vec![line(process.pid, 1, &process.command)];
    if process.component == "sims-dispatcher" {
        lines.push(line(process.pid + 1, process.pid, "<SMTP>"));
    }
    lines
}

/// Runs `ps -ef` (also `-e`, `-f`, or nothing: all give the whole table).
///
/// # Errors
/// When the lab's process does not answer.
pub fn ps(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let known = |a: &String| {
        a.strip_prefix('-')
            .is_some_and(|a| a.chars().all(|c| "efA".contains(c)))
    };
    if !args.iter().all(known) {
        writeln!(context.err, "usage: ps [ -efA ]").map_err(wrote)?;
        return Ok(1);
    }
    let running = control::running(context)?;
    writeln!(
        context.out,
        "     UID   PID  PPID  C    STIME TTY      TIME CMD"
    )
    .map_err(wrote)?;
    writeln!(
        context.out,
        "    root     1     0  0 00:00:00 ?        0:00 /etc/init -"
    )
    .map_err(wrote)?;
    for line in running.iter().flat_map(ps_lines) {
        writeln!(context.out, "{line}").map_err(wrote)?;
    }
    Ok(0)
}

/// Runs `netstat -an`: what listens on the host, by the well-known numbers.
///
/// # Errors
/// When the lab's process does not answer.
pub fn netstat(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let known = |a: &String| {
        a.strip_prefix('-')
            .is_some_and(|a| a.chars().all(|c| "an".contains(c)))
    };
    if !args.iter().all(known) {
        writeln!(context.err, "usage: netstat [-an]").map_err(wrote)?;
        return Ok(1);
    }
    let running = control::running(context)?;
    writeln!(
        context.out,
        "\nTCP: IPv4\n   Local Address        Remote Address    Swind Send-Q Rwind Recv-Q  State\n\
         -------------------- -------------------- ----- ------ ----- ------ -------"
    )
    .map_err(wrote)?;
    let mut ports: Vec<u16> = running.iter().flat_map(|p| p.ports.clone()).collect();
    ports.sort_unstable();
    for port in ports {
        let local = format!("*.{port}");
        writeln!(
            context.out,
            "{local:>12}               *.*                0      0 24576      0 LISTEN"
        )
        .map_err(wrote)?;
    }
    Ok(0)
}

/// Runs `df -k [PATH…]`, or for inodes `df -i [PATH…]` (`df -o i` on the real thing).
///
/// # Errors
/// When a folder of the host cannot be read.
pub fn df(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let mut paths: Vec<&str> = Vec::new();
    let mut counts_files = false;
    let mut args = args.iter().map(String::as_str).peekable();
    while let Some(arg) = args.next() {
        match arg {
            "-k" => {}
            "-i" => counts_files = true,
            "-o" if args.next_if_eq(&"i").is_some() => counts_files = true,
            _ if !arg.starts_with('-') => paths.push(arg),
            _ => {
                writeln!(context.err, "Usage: df [-k] [-i] [-o i] [directory …]").map_err(wrote)?;
                return Ok(1);
            }
        }
    }
    if paths.is_empty() {
        paths.push("/");
    }
    let mut status = 0;
    let head = if counts_files {
        "Filesystem             iused   ifree  %iused  Mounted on"
    } else {
        "Filesystem            kbytes    used   avail capacity  Mounted on"
    };
    writeln!(context.out, "{head}").map_err(wrote)?;
    for path in paths {
        let real = context.real(path);
        if !real.exists() {
            status = 1;
            let shown = crate::base::display::display_safe(path).into_owned();
            writeln!(context.err, "df: {shown}: No such file or directory").map_err(wrote)?;
            continue;
        }
        if counts_files {
            let (used, free) = files(context, &real)?;
            let percent = percent(used, free);
            writeln!(
                context.out,
                "/dev/dsk/c0t0d0s0  {used:>9} {free:>9}  {percent:>4}%   /"
            )
            .map_err(wrote)?;
            continue;
        }
        let (size, used, free) = space(context, &real)?;
        let percent = percent(used, free);
        writeln!(
            context.out,
            "/dev/dsk/c0t0d0s0  {size:>9} {used:>7} {free:>7}  {percent:>4}%    /"
        )
        .map_err(wrote)?;
    }
    Ok(status)
}

/// Size, use and room in kilobytes: this machine's, or the drill's disk with what the host has on it.
fn space(context: &ToolContext<'_>, path: &Path) -> Result<(u64, u64, u64), LabError> {
    if let Some(size) = drills::number(&context.lab, DISK) {
        let size = u64::try_from(size).unwrap_or(0);
        let used = below(&context.root())?.bytes.div_ceil(1024).min(size);
        return Ok((size, used, size - used));
    }
    let found = rustix::fs::statvfs(path).map_err(|e| LabError::file(path)(e.into()))?;
    let kilobytes = |blocks: u64| blocks.saturating_mul(found.f_frsize) / 1024;
    let size = kilobytes(found.f_blocks);
    Ok((
        size,
        size.saturating_sub(kilobytes(found.f_bfree)),
        kilobytes(found.f_bavail),
    ))
}

fn percent(used: u64, free: u64) -> u64 {
    match used.saturating_add(free) {
        0 => 0,
        whole => used.saturating_mul(100).div_ceil(whole),
    }
}

/// Inodes used and free: this machine's, or the drill's with what the host has on its disk.
fn files(context: &ToolContext<'_>, path: &Path) -> Result<(u64, u64), LabError> {
    if let Some(most) = drills::number(&context.lab, INODES) {
        let most = u64::try_from(most).unwrap_or(0);
        let used = below(&context.root())?.files.min(most);
        return Ok((used, most - used));
    }
    let found = rustix::fs::statvfs(path).map_err(|e| LabError::file(path)(e.into()))?;
    if found.f_files == 0 {
        // Made as they are needed; the old system's disks always have a number.
        return Ok((0, u64::from(u32::MAX)));
    }
    Ok((found.f_files.saturating_sub(found.f_ffree), found.f_favail))
}

/// What is on a host's disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Below {
    bytes: u64,
    files: u64,
}

/// The files below a folder; what vanishes meanwhile does not count.
fn below(folder: &Path) -> Result<Below, LabError> {
    let mut sum = Below::default();
    let mut left = vec![folder.to_path_buf()];
    while let Some(folder) = left.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => return Err(LabError::file(folder)(e)),
        };
        for entry in entries.flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => left.push(entry.path()),
                Ok(meta) => {
                    sum.bytes += meta.len();
                    sum.files += 1;
                }
                Err(_) => {}
            }
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_dispatcher_shows_its_smtp_child() {
        let process = Process {
            component: "sims-dispatcher".to_owned(),
            pid: 13582,
            user: "inetmail".to_owned(),
            command: "/opt/SUNWmail/imta//lib/dispatcher".to_owned(),
            started: 61_203,
            ports: vec![25],
        };
        assert_eq!(
            ps_lines(&process),
            [
                "inetmail 13582     1  0 17:00:03 ?        0:00 /opt/SUNWmail/imta//lib/dispatcher",
                "inetmail 13583 13582  0 17:00:03 ?        0:00 <SMTP>",
            ]
        );
    }

    #[test]
    fn bytes_and_files_are_summed_through_folders() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        std::fs::write(dir.path().join("a/b/c"), [0; 700]).unwrap();
        std::fs::write(dir.path().join("d"), [0; 300]).unwrap();
        let found = below(dir.path()).unwrap();
        assert_eq!((found.bytes, found.files), (1000, 2));
        assert_eq!(
            below(Path::new("/nonexistent/x")).unwrap(),
            Below::default()
        );
    }
}
