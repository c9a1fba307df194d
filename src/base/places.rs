//! Where things are kept: state by the platform's rule, private to the user.

use super::crash;
use directories::ProjectDirs;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The variable that moves all state elsewhere; meant for tests (contract, "Places").
pub const STATE_DIR_VARIABLE: &str = "IMSMIGRATE_STATE_DIR";

/// Returns the state folder; it need not exist yet.
///
/// # Errors
/// When the platform tells no home directory and [`STATE_DIR_VARIABLE`] is not set.
pub fn state_dir() -> io::Result<PathBuf> {
    if let Some(dir) = std::env::var_os(STATE_DIR_VARIABLE)
        && !dir.is_empty()
    {
        return std::path::absolute(PathBuf::from(dir));
    }
    let dirs = ProjectDirs::from("", "", "imsmigrate").ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("no home directory; set {STATE_DIR_VARIABLE}"),
        )
    })?;
    Ok(dirs
        .state_dir()
        .unwrap_or_else(|| dirs.data_local_dir())
        .to_path_buf())
}

/// Returns the folder that holds one folder per run.
///
/// # Errors
/// As [`state_dir`].
pub fn runs_dir() -> io::Result<PathBuf> {
    Ok(state_dir()?.join("runs"))
}

/// Returns the folder that holds the labs `practice` makes.
///
/// # Errors
/// As [`state_dir`].
pub fn labs_dir() -> io::Result<PathBuf> {
    Ok(state_dir()?.join("labs"))
}

/// Creates a folder and its parents with mode 0700.
///
/// # Errors
/// Whatever the file system says.
pub fn create_private_dir(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
}

/// Writes a file with mode 0600, through a temporary name, synced before and after the rename.
///
/// # Errors
/// Whatever the file system says; the old file is then still in place.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    use io::Write as _;
    let parent = path.parent().unwrap_or_else(|| Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    crash::before("artifact", &name);
    let temporary = parent.join(format!(".{name}.{}", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| fs::rename(&temporary, path)) {
        // Half a file is of no use, least of all on a full disk.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    fs::File::open(parent)?.sync_all()?;
    crash::after("artifact", &name);
    Ok(())
}

/// Says that a file cannot be written, and where a full disk is the reason what to do.
pub fn cannot_write(path: &Path, error: &io::Error) -> String {
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    let next = if full.contains(&error.kind()) {
        "; make room there, then retry"
    } else {
        ""
    };
    format!("cannot write `{}`: {error}{next}", path.display())
}

/// Says which disk is full, if that of a folder is.
pub fn full(folder: &Path) -> Option<String> {
    /// A run that cannot write as much cannot go on.
    const LEAST: u64 = 64 * 1024;
    let found = rustix::fs::statvfs(folder).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    (free < LEAST).then(|| {
        format!(
            "the disk of `{}` is full ({} KB free)",
            folder.display(),
            free / 1024
        )
    })
}
