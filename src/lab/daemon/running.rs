//! `running.json`: which components are to be up, so that a killed lab comes back as it was.

use crate::base::places::write_private;
use crate::lab::world::{Lab, LabError};
use serde::{Deserialize, Serialize};

/// The file, below the lab's folder.
pub const RUNNING_FILE: &str = "running.json";

/// What `running.json` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// True when the lab's process ended in good order; false while it runs.
    pub clean: bool,
    /// The components to be up, in the order of their start.
    pub components: Vec<WantedComponent>,
}

/// One component to be up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedComponent {
    /// Short host name.
    pub host: String,
    /// The component's name in the table.
    pub component: String,
}

impl Wanted {
    /// Reads the file; a lab without one wants nothing up.
    ///
    /// # Errors
    /// When it cannot be read or does not parse.
    pub fn load(lab: &Lab) -> Result<Self, LabError> {
        let path = lab.dir.join(RUNNING_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map_err(|e| LabError::Config {
                path,
                reason: e.to_string(),
            }),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self {
                clean: true,
                components: Vec::new(),
            }),
            Err(source) => Err(LabError::File { path, source }),
        }
    }

    /// Writes the file, synced.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, lab: &Lab) -> Result<(), LabError> {
        let path = lab.dir.join(RUNNING_FILE);
        let text =
            serde_json::to_string_pretty(self).map_err(|e| LabError::Other(e.to_string()))?;
        write_private(&path, text.as_bytes()).map_err(LabError::file(path))
    }

    /// Returns whether a component is to be up.
    pub fn has(&self, host: &str, component: &str) -> bool {
        self.components
            .iter()
            .any(|c| c.host == host && c.component == component)
    }

    /// Notes that a component is to be up; returns false when it was already noted.
    pub fn add(&mut self, host: &str, component: &str) -> bool {
        let new = !self.has(host, component);
        if new {
            self.components.push(WantedComponent {
                host: host.to_owned(),
                component: component.to_owned(),
            });
        }
        new
    }

    /// Notes that a component is to be down; returns false when it was not to be up.
    pub fn remove(&mut self, host: &str, component: &str) -> bool {
        let before = self.components.len();
        self.components
            .retain(|c| c.host != host || c.component != component);
        self.components.len() != before
    }
}
