//! What `check`, `plan` and `verify` look at hosts and directory with: a site, its scenario, secrets.

use super::exit::Exit;
use super::failure::Failure;
use super::secrets::{self, SecretOptions};
use super::site::{hinted, load};
use crate::action::World;
use crate::base::Secret;
use crate::plan::{self, Plan};
use crate::scenario::Scenario;
use crate::site::Site;
use std::collections::BTreeMap;
use std::path::Path;

/// A site with its scenario and draft.
pub struct Looking {
    /// The site.
    pub site: Site,
    /// Its scenario.
    pub scenario: Scenario,
    /// Every step, with names where facts are missing.
    pub draft: Plan,
}

impl Looking {
    /// Reads a site file.
    ///
    /// # Errors
    /// When it cannot be used, with hints.
    pub fn at(file: &Path) -> Result<Self, Failure> {
        let site = load(file)?;
        let scenario = site
            .procedure()
            .map_err(|error| hinted(Exit::Usage, &error))?;
        let draft = plan::draft(&scenario, &site).map_err(Failure::error)?;
        Ok(Self {
            site,
            scenario,
            draft,
        })
    }

    /// Gathers the secrets that looking needs.
    ///
    /// # Errors
    /// When one is missing, or a file is not private.
    pub fn secrets(
        &self,
        file: &Path,
        options: &SecretOptions,
    ) -> Result<BTreeMap<String, Secret>, Failure> {
        secrets::for_site(&self.site, file, &self.scenario, options)
            .map_err(|error| Failure::new(Exit::Usage, format!("{error:#}")))
    }

    /// Makes a world in a folder.
    ///
    /// # Errors
    /// When a role has no host, or a practice site would reach beyond its lab.
    pub fn world(
        &self,
        folder: &Path,
        secrets: BTreeMap<String, Secret>,
    ) -> Result<World, Failure> {
        World::new(folder, self.site.clone(), self.scenario.clone(), secrets)
            .map_err(|error| Failure::new(Exit::Usage, error))
    }
}

/// A private folder for a world that is gone with this command.
///
/// # Errors
/// When it cannot be made.
pub fn passing_folder() -> Result<tempfile::TempDir, Failure> {
    let dir = tempfile::Builder::new()
        .prefix("imsmigrate-look-")
        .tempdir()?;
    std::fs::create_dir(dir.path().join("artifacts"))?;
    Ok(dir)
}

/// Waits for something that looks at hosts and directory.
///
/// # Errors
/// When no runtime can be made.
pub fn wait<T>(look: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let found = runtime.block_on(look);
    // A process that does not end must not hold the command.
    runtime.shutdown_background();
    Ok(found)
}
