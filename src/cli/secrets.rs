//! Where secrets come from: the prompt, a file, a descriptor, a systemd credential.
//!
//! Never argv or the environment (contract, "Commands").

use super::run::Refused;
use crate::base::{Secret, cores};
use crate::scenario::names::secret_title;
use crate::scenario::{Action, Scenario};
use crate::site::Site;
use anyhow::{Context as _, bail};
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The options that all commands have which may need secrets.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SecretOptions {
    /// Read secrets from a file of mode 0600: NAME = "value" lines
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,
    /// Read secrets in the same form from an open descriptor
    #[arg(long, value_name = "N")]
    secrets_fd: Option<i32>,
}

impl SecretOptions {
    /// Gathers the secrets named in `wanted` (name and how to ask for it).
    ///
    /// `from_site` is the path a site file names.
    ///
    /// # Errors
    /// When a file is not private or cannot be understood, or a secret is missing and nobody can
    /// be asked.
    pub fn gather(
        &self,
        wanted: &[(&str, &str)],
        from_site: Option<&Path>,
    ) -> anyhow::Result<BTreeMap<String, Secret>> {
        let mut found = match self.given()? {
            Some(given) => given,
            None => in_file(from_site)?,
        };
        for (name, title) in wanted {
            if found.contains_key(*name) {
                continue;
            }
            if !std::io::stdin().is_terminal() {
                bail!(
                    "the secret `{name}` ({title}) is missing and there is no terminal to ask on; \
                     give it with --secrets FILE or --secrets-fd N"
                );
            }
            let value = rpassword::prompt_password(format!("{title}: "))
                .with_context(|| format!("cannot read the {title}"))?;
            found.insert((*name).to_owned(), Secret::new(value));
        }
        Ok(found)
    }

    /// Reads the secrets that were given with this command; none when none were, and a site's own
    /// file may say them. A descriptor can be read once only.
    ///
    /// # Errors
    /// When a file is not private or cannot be understood.
    pub fn given(&self) -> anyhow::Result<Option<BTreeMap<String, Secret>>> {
        // Whatever comes next: a person may be asked, or type them on the screen.
        cores::forbid();
        if let Some(path) = &self.secrets {
            return read_file(path).map(Some);
        }
        if let Some(fd) = self.secrets_fd {
            let path = format!("/dev/fd/{fd}");
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read secrets from descriptor {fd}"))?;
            return parse(&text, &path).map(Some);
        }
        if let Some(dir) = std::env::var_os("CREDENTIALS_DIRECTORY")
            && Path::new(&dir).join("imsmigrate").exists()
        {
            let path = Path::new(&dir).join("imsmigrate");
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read `{}`", path.display()))?;
            return parse(&text, &path.display().to_string()).map(Some);
        }
        Ok(None)
    }
}

/// Reads the file that a site names.
///
/// # Errors
/// When it is not private or cannot be understood.
pub fn in_file(path: Option<&Path>) -> anyhow::Result<BTreeMap<String, Secret>> {
    cores::forbid();
    path.map_or_else(|| Ok(BTreeMap::new()), read_file)
}

/// Where a site's own secrets file is.
pub fn file_of(site: &Site, site_path: &Path) -> Option<PathBuf> {
    let parent = site_path.parent().unwrap_or_else(|| Path::new("."));
    site.secrets_file.as_ref().map(|file| parent.join(file))
}

/// The secrets that the program itself works with in a scenario: name and how to ask for it.
pub fn wanted(scenario: &Scenario) -> Vec<(&str, &str)> {
    let mut names = vec!["directory"];
    for action in scenario.steps.iter().flat_map(|step| &step.actions) {
        if let Action::SetConfig(set) = action
            && let Some(name) = &set.secret
            && !names.contains(&name.as_str())
        {
            names.push(name);
        }
    }
    names
        .iter()
        .map(|name| (*name, secret_title(name).unwrap_or(name)))
        .collect()
}

/// Gathers the secrets that the program itself works with at a site; those that only the operator
/// types stay with them.
///
/// # Errors
/// As [`SecretOptions::gather`].
pub fn for_site(
    site: &Site,
    site_path: &Path,
    scenario: &Scenario,
    options: &SecretOptions,
) -> anyhow::Result<BTreeMap<String, Secret>> {
    let wanted = wanted(scenario);
    let from_site = file_of(site, site_path);
    options
        .gather(&wanted, from_site.as_deref())
        .map_err(|error| Refused(format!("{error:#}")).into())
}

/// Reads a secrets file; anything but mode 0600 (or stricter) and one's own file is refused.
///
/// # Errors
/// When it is not private or cannot be understood; the message never quotes its content.
pub fn read_file(path: &Path) -> anyhow::Result<BTreeMap<String, Secret>> {
    let shown = path.display().to_string();
    let mut file = std::fs::File::open(path).with_context(|| format!("cannot read `{shown}`"))?;
    let meta = file
        .metadata()
        .with_context(|| format!("cannot read `{shown}`"))?;
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!(
            "`{shown}` has mode {mode:04o}: others may read it; make it private: chmod 600 {shown}"
        );
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        bail!("`{shown}` belongs to another user");
    }
    let mut text = String::new();
    file.read_to_string(&mut text)
        .with_context(|| format!("cannot read `{shown}`"))?;
    parse(&text, &shown)
}

fn parse(text: &str, shown: &str) -> anyhow::Result<BTreeMap<String, Secret>> {
    let table: BTreeMap<String, String> = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |s| {
            text.get(..s.start).unwrap_or("").lines().count().max(1)
        });
        anyhow::anyhow!("`{shown}` line {line} is not of the form NAME = \"value\"")
    })?;
    Ok(table
        .into_iter()
        .map(|(name, value)| (name, Secret::new(value)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::read_file;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_secrets_file_others_may_read_is_refused_and_its_content_never_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.toml");
        std::fs::write(&path, "directory = \"c4n4ry\"\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = format!("{:#}", read_file(&path).unwrap_err());
        assert!(
            error.contains("0644") && error.contains("chmod 600"),
            "{error}"
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read_file(&path).unwrap()["directory"].expose(), "c4n4ry");
        std::fs::write(&path, "good = \"x\"\ndirectory = c4n4ry\n").unwrap();
        let error = format!("{:#}", read_file(&path).unwrap_err());
        assert!(
            error.contains("line 2") && !error.contains("c4n4ry"),
            "{error}"
        );
    }
}
