//! The directory servers of a host as components: `slapd` (the site's, 389) and `ims-slapd` (the
//! new mail server's configuration directory, 390).

use super::components::{Context, Running, StartError};
use crate::lab::directory_server;
use crate::lab::instance::Instance;
use crate::lab::ldap::server::Server;
use crate::lab::world::{DirectoryKind, HostConfig, Lab};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the site's directory server is installed on its host.
const SERVER_ROOT: &str = "usr/netscape/server4";

/// Returns the instance folder of a directory server of a host: the `slapd-*` of its installation
/// that has a configuration.
pub fn instance(lab: &Lab, host: &HostConfig, component: &str) -> Option<PathBuf> {
    let server_root = match component {
        "slapd" => lab.root(host).join(SERVER_ROOT),
        "ims-slapd" => Instance::of(lab, host).server_root,
        _ => return None,
    };
    let mut found: Vec<PathBuf> = std::fs::read_dir(server_root)
        .ok()?
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("slapd-"))
                && ["config/slapd.conf", "config/site-schema.conf"]
                    .iter()
                    .any(|file| path.join(file).is_file())
        })
        .collect();
    found.sort();
    found.into_iter().next()
}

/// Returns the component that serves an instance folder of the host with this root.
pub fn component_of(root: &Path, slapd_dir: &Path) -> &'static str {
    if slapd_dir.starts_with(root.join(SERVER_ROOT)) {
        "slapd"
    } else {
        "ims-slapd"
    }
}

/// Returns whether a component is a real directory server, and not the lab's own.
fn is_real(context: &Context) -> bool {
    context.component == "slapd" && context.lab.config.directory != DirectoryKind::Embedded
}

/// Returns the command line of a directory server.
pub fn command(context: &Context) -> String {
    let root = context.root();
    let dir = instance(&context.lab, &context.host, context.component).unwrap_or_default();
    if is_real(context) {
        return directory_server::command(&context.lab, &context.host, &dir);
    }
    let seen = dir.strip_prefix(&root).unwrap_or(&dir).display();
    format!("./ns-slapd -f /{seen}/config/slapd.conf -i /{seen}/logs/pid")
}

/// Brings a directory server up.
///
/// # Errors
/// When there is no instance, its port is taken, or its configuration or data cannot be used.
pub async fn start(context: Context) -> Result<Running, StartError> {
    let root = context.root();
    let dir = instance(&context.lab, &context.host, context.component).ok_or_else(|| {
        StartError::Failed(format!(
            "there is no {} instance on {}",
            context.component, context.host.name
        ))
    })?;
    if is_real(&context) {
        return directory_server::start(context, dir).await;
    }
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
