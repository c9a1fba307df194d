//! A site's file: read, validate, save.

use super::{Site, validate};
use crate::base::document::{Document, Problem, Problems};
use crate::base::{Hint, places};
use std::path::{Path, PathBuf};

/// What went wrong with a site file.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// It cannot be read or written.
    #[error("cannot use the site file `{}`: {source}", crate::base::display_safe(&path.to_string_lossy()))]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It does not hold.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// It cannot be written as TOML.
    #[error("the site cannot be written: {0}")]
    Write(#[from] toml::ser::Error),
}

impl Hint for SiteError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                vec!["make one with: imsmigrate site new sims-offline --output FILE".to_owned()]
            }
            Self::Problems(problems) => problems.hints(),
            Self::File { .. } | Self::Write(_) => Vec::new(),
        }
    }
}

impl Site {
    /// Reads and validates a site file.
    ///
    /// # Errors
    /// When it cannot be read, or everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, SiteError> {
        let text = std::fs::read_to_string(path).map_err(|source| SiteError::File {
            path: path.to_path_buf(),
            source,
        })?;
        Ok(Self::parse(&path.to_string_lossy(), &text)?)
    }

    /// Reads and validates the text of a site file; `name` is what errors call it.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of its lines.
    pub fn parse(name: &str, text: &str) -> Result<Self, Problems> {
        let document = Document::parse(name, text).map_err(|problem| Problems(vec![problem]))?;
        let site: Self = document
            .read("", document.top().clone(), 0..text.len())
            .map_err(|problem| Problems(vec![no_secrets(problem)]))?;
        let mut problems = validate::problems(&site, &document);
        problems.sort_by_key(|problem| (problem.line, problem.column));
        if problems.is_empty() {
            Ok(site)
        } else {
            Err(Problems(problems))
        }
    }

    /// Writes the site to a file that only its owner can read.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), SiteError> {
        let text = toml::to_string(self)?;
        places::write_private(path, text.as_bytes()).map_err(|source| SiteError::File {
            path: path.to_path_buf(),
            source,
        })
    }
}

/// An unknown key that looks like a password gets a better hint than its nearest neighbour.
fn no_secrets(mut problem: Problem) -> Problem {
    let key = problem.key.to_ascii_lowercase();
    let secret = ["password", "passwd", "bind_pw", "secret", "credential"];
    if problem.message.starts_with("unknown key") && secret.iter().any(|word| key.contains(word)) {
        problem.hint = Some(
            "a site never holds a secret: it is asked for, or comes from --secrets FILE or the \
             file that `secrets_file` names"
                .to_owned(),
        );
    }
    problem
}
