//! `logs/access`: one line for each operation of a client, in the manner of a 4.x server.

use crate::base::display_safe;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// An open access log.
pub struct AccessLog(Mutex<File>);

impl AccessLog {
    /// Opens `logs/access` of an instance.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(slapd_dir: &Path) -> io::Result<Self> {
        let dir = slapd_dir.join("logs");
        fs::create_dir_all(&dir)?;
        let file = File::options()
            .create(true)
            .append(true)
            .open(dir.join("access"))?;
        Ok(Self(Mutex::new(file)))
    }

    /// Writes one line. A log that cannot be written does not stop the server.
    pub fn line(&self, connection: u64, operation: u64, what: &str, result: &str) {
        let line = format!(
            "[{}] conn={connection} op={operation} {} {result}\n",
            jiff::Timestamp::now().strftime("%d/%b/%Y:%H:%M:%S +0000"),
            display_safe(what),
        );
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = file.write_all(line.as_bytes());
    }
}

/// Appends a line to `logs/errors` of an instance, where the server says how it is.
pub fn error_log(slapd_dir: &Path, text: &str) {
    let dir = slapd_dir.join("logs");
    let line = format!(
        "[{}] - {}\n",
        jiff::Timestamp::now().strftime("%d/%b/%Y:%H:%M:%S +0000"),
        display_safe(text)
    );
    let _ = fs::create_dir_all(&dir)
        .and_then(|()| {
            File::options()
                .create(true)
                .append(true)
                .open(dir.join("errors"))
        })
        .and_then(|mut file| file.write_all(line.as_bytes()));
}
