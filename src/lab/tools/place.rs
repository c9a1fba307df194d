//! Where a vendor command of iMS finds its server: server root, instance, configuration.

use super::{ToolContext, real_path};
use crate::lab::instance::Instance;
use crate::lab::world::{HostConfig, Lab, LabError};
use std::path::{Path, PathBuf};

/// Finds the instance a command belongs to.
///
/// A command in the instance's own folder works on that one. One below `bin/msg` takes
/// `CONFIGROOT` from the environment (`domain/commands.md` 0.1), else the only instance there is.
///
/// # Errors
/// When there is none, or several and nothing says which.
pub fn instance(context: &ToolContext<'_>) -> Result<Instance, LabError> {
    instance_of(&context.lab, &context.host, &context.path)
}

/// As [`instance`], for when the context's streams are in use.
///
/// # Errors
/// As [`instance`].
pub fn instance_of(lab: &Lab, host: &HostConfig, command: &str) -> Result<Instance, LabError> {
    let root = lab.root(host);
    let config_root = std::env::var("CONFIGROOT").ok();
    let config_root = config_root.map(|path| real_path(&root, &path));
    find(&real_path(&root, command), config_root.as_deref())
}

fn find(command: &Path, config_root: Option<&Path>) -> Result<Instance, LabError> {
    let is_instance = |path: &Path| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("msg-"))
    };
    let here = |root: &Path| {
        Some(Instance {
            server_root: root.parent()?.to_path_buf(),
            root: root.to_path_buf(),
        })
    };
    if let Some(found) = command.ancestors().find(|p| is_instance(p)).and_then(here) {
        return Ok(found);
    }
    if let Some(found) = config_root
        .and_then(Path::parent)
        .filter(|p| is_instance(p) && p.is_dir())
        .and_then(here)
    {
        return Ok(found);
    }
    let server_root = command
        .ancestors()
        .find(|path| path.ends_with("bin/msg"))
        .and_then(|path| path.parent()?.parent())
        .ok_or_else(|| LabError::Other("cannot find the server root".to_owned()))?;
    let mut instances: Vec<PathBuf> = std::fs::read_dir(server_root)
        .map_err(LabError::file(server_root))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_instance(path) && path.is_dir())
        .collect();
    match (instances.pop(), instances.is_empty()) {
        (Some(root), true) => here(&root),
        _ => None,
    }
    .ok_or_else(|| {
        LabError::Other("cannot find the server instance: set CONFIGROOT to its config".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_finds_its_own_or_the_only_or_the_named_instance() {
        let dir = tempfile::tempdir().unwrap();
        let server = dir.path().join("usr/iplanet/server5");
        let mail = server.join("msg-mail");
        std::fs::create_dir_all(mail.join("config")).unwrap();
        let tool = server.join("bin/msg/store/bin/imsrestore");
        assert_eq!(find(&mail.join("imsimta"), None).unwrap().root, mail);
        let only = find(&tool, None).unwrap();
        assert_eq!(
            (only.root, only.server_root),
            (mail.clone(), server.clone())
        );
        std::fs::create_dir_all(server.join("msg-other")).unwrap();
        assert!(find(&tool, None).is_err());
        let named = find(&tool, Some(&mail.join("config"))).unwrap();
        assert_eq!(named.root, mail);
    }
}
