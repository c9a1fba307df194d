//! The directory servers of a host as components: `slapd` (the site's, 389) and `ims-slapd` (the
//! new mail server's configuration directory, 390).

use super::components::{Context, Running, StartError};
use crate::lab::ldap::server::Server;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the servers' installations are on a host.
const SERVER_ROOTS: &[(&str, &str)] = &[
    ("slapd", "usr/netscape/server4"),
    ("ims-slapd", "usr/iplanet/server5"),
];

/// Returns the instance folder of a directory server below a host's root: the `slapd-*` of its
/// installation that has a configuration.
pub fn instance(root: &Path, component: &str) -> Option<PathBuf> {
    let (_, server_root) = SERVER_ROOTS.iter().find(|(name, _)| *name == component)?;
    let mut found: Vec<PathBuf> = std::fs::read_dir(root.join(server_root))
        .ok()?
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("slapd-"))
                && path.join("config/slapd.conf").is_file()
        })
        .collect();
    found.sort();
    found.into_iter().next()
}

/// Returns the component that serves an instance folder.
pub fn component_of(root: &Path, slapd_dir: &Path) -> Option<&'static str> {
    SERVER_ROOTS
        .iter()
        .find(|(_, server_root)| slapd_dir.starts_with(root.join(server_root)))
        .map(|(name, _)| *name)
}

/// Returns the command line of a directory server.
pub fn command(context: &Context) -> String {
    let root = context.root();
    let dir = instance(&root, context.component).unwrap_or_default();
    let seen = dir.strip_prefix(&root).unwrap_or(&dir).display();
    format!("./ns-slapd -f /{seen}/config/slapd.conf -i /{seen}/logs/pid")
}

/// Brings a directory server up.
///
/// # Errors
/// When there is no instance, its port is taken, or its configuration or data cannot be used.
pub async fn start(context: Context) -> Result<Running, StartError> {
    let root = context.root();
    let dir = instance(&root, context.component).ok_or_else(|| {
        StartError::Failed(format!(
            "there is no {} instance on {}",
            context.component, context.host.name
        ))
    })?;
    let opening = tokio::task::spawn_blocking(move || Server::open(&dir, &root));
    let server = opening
        .await
        .map_err(|e| StartError::Failed(e.to_string()))?
        .map_err(StartError::Failed)?;
    let port = server.directory.config().port;
    let mut listeners = vec![context.listen(port).await?];
    if context.host.address != Ipv4Addr::LOCALHOST && context.component == "slapd" {
        listeners.push(context.listen_on(Ipv4Addr::LOCALHOST, port).await?);
    }
    let stop = context.stop.clone();
    let activity = context.activity.clone();
    let touched = Arc::new(move || activity.touch());
    Ok(Box::pin(server.run(listeners, stop, touched)))
}
