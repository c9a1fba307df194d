//! The index file of one folder: a header line with the name, then one line a message.

use super::Folder;
use crate::lab::lines;
use crate::lab::world::LabError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::Path;

/// What an index file's name ends with.
pub const EXTENSION: &str = "idx";

/// One message as a folder knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Indexed {
    /// The data file, relative to the data folder: `yyyymmdd/…`.
    pub data: String,
    /// Flags such as `\Seen`.
    pub flags: Vec<String>,
    /// When it arrived, seconds since the epoch.
    pub date: i64,
    /// Its size in bytes as received.
    pub size: u64,
}

/// The first line of an index file.
#[derive(Serialize, Deserialize)]
pub struct Header {
    /// The folder's name, base64, because it can be any bytes.
    folder: String,
}

impl Header {
    /// The header of a folder.
    pub fn new(folder: &[u8]) -> Self {
        Self {
            folder: STANDARD.encode(folder),
        }
    }
}

/// The name of a folder's index file; `None` when this cannot be a folder's name.
pub fn file_name(folder: &[u8]) -> Option<String> {
    if folder.is_empty() || folder.contains(&0) {
        return None;
    }
    let mut name = String::new();
    for byte in folder {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            name.push(char::from(*byte));
        } else {
            write!(name, "%{byte:02x}").ok()?;
        }
    }
    if name.len() > 200 {
        name = format!("long-{:x}", Sha256::digest(folder));
    }
    Some(format!("{name}.{EXTENSION}"))
}

/// Reads an index file; `None` when it is not there.
pub fn read(path: &Path) -> Result<Option<Folder>, LabError> {
    let lines: Vec<serde_json::Value> = lines::read(path)?;
    let bad = |e: serde_json::Error| LabError::Config {
        path: path.to_path_buf(),
        reason: e.to_string(),
    };
    let mut lines = lines.into_iter();
    let Some(first) = lines.next() else {
        return Ok(None);
    };
    let header: Header = serde_json::from_value(first).map_err(bad)?;
    let name = STANDARD
        .decode(&header.folder)
        .map_err(|e| LabError::Config {
            path: path.to_path_buf(),
            reason: e.to_string(),
        })?;
    let messages = lines
        .map(|line| serde_json::from_value(line).map_err(bad))
        .collect::<Result<_, _>>()?;
    Ok(Some(Folder { name, messages }))
}
