//! The lab's `site.toml`: a practice site, ready to run.
//!
//! The format is the wizard's (`src/site.rs`); the lab only writes it, as text.

use super::shape::NAMES;
use super::shape::is_of_site;
use crate::base::places::write_private;
use crate::lab::nms;
use crate::lab::world::{Lab, LabError};
use std::fmt::Write as _;
use std::fs;
use toml::Value;

/// The file, below the lab's folder.
pub const SITE_FILE: &str = "site.toml";

/// A network on loopback that may relay, so that it can be asked from there.
const OFFICE: &str = "127.77.0.0/16";

/// Writes the site file of a lab.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(lab: &Lab) -> Result<(), LabError> {
    let path = lab.dir.join(SITE_FILE);
    write_private(&path, text(lab)?.as_bytes()).map_err(LabError::file(path))
}

/// Puts this binary and the lab's folder into the launchers of the site file, where either has
/// moved; everything else in the file is left as it is.
///
/// # Errors
/// When it cannot be read or written; that there is none is no error.
pub fn rewrite_launchers(lab: &Lab) -> Result<(), LabError> {
    let path = lab.dir.join(SITE_FILE);
    let Ok(old) = fs::read_to_string(&path) else {
        return Ok(());
    };
    let launchers: Vec<String> = lab
        .config
        .hosts
        .iter()
        .filter(|host| is_of_site(host))
        .map(|host| launcher(lab, &host.name))
        .collect::<Result<_, _>>()?;
    let mut host = None;
    let mut new = String::with_capacity(old.len());
    for line in old.lines() {
        if line.trim() == "[[hosts]]" {
            host = Some(host.map_or(0, |n: usize| n + 1));
        }
        match host.and_then(|n| launchers.get(n)) {
            Some(launcher) if line.starts_with("via = ") => {
                let _ = writeln!(new, "via = {launcher}");
            }
            _ => {
                let _ = writeln!(new, "{line}");
            }
        }
    }
    if new == old {
        return Ok(());
    }
    write_private(&path, new.as_bytes()).map_err(LabError::file(path))
}

/// The launcher's argv as a TOML array on one line.
fn launcher(lab: &Lab, host: &str) -> Result<String, LabError> {
    let exe = std::env::current_exe().map_err(LabError::file("the running program"))?;
    let dir = lab.dir.to_string_lossy();
    let argv = [&*exe.to_string_lossy(), "lab", "exec", &*dir, host];
    Ok(list(&argv))
}

fn text(lab: &Lab) -> Result<String, LabError> {
    let config = &lab.config;
    let mut text = format!(
        "# A practice site: everything in it is the lab's.\n\
         scenario = {}\n\
         label = \"practice\"\n\
         secrets_file = \"secrets.toml\"\n",
        string(&config.scenario)
    );
    for host in config.hosts.iter().filter(|host| is_of_site(host)) {
        let roles: Vec<&str> = host.roles.iter().map(String::as_str).collect();
        let _ = write!(
            text,
            "\n[[hosts]]\nname = {}\nfqdn = {}\naddress = {}\nport_offset = {}\nroles = {}\n\
             transport = \"via\"\nvia = {}\n",
            string(&host.name),
            string(&host.fqdn),
            string(&host.address.to_string()),
            config.port_base,
            list(&roles),
            launcher(lab, &host.name)?
        );
    }
    let new = lab.host_with_role("new")?;
    let directory = lab.host_with_role("directory")?;
    let _ = write!(
        text,
        "\n[directory]\nport = 389\nbase_dn = {}\nbind_dn = {}\ndefault_domain_dn = {}\n\
         instance_root = {}\n\n\
         [old]\n{}\n\
         [new]\ninstance_root = {}\nconfig_suffix = {}\ndefault_domain = {}\n\n\
         [relay]\nnetworks = [\"192.0.2.0/24\", \"{OFFICE}\"]\n",
        string(&config.suffix),
        string(&config.manager_dn),
        string(&config.default_domain_dn),
        string(&super::hosts::slapd(directory)),
        old(lab)?,
        string(&format!("/usr/iplanet/server5/msg-{}", new.name)),
        string(&format!("o={}", config.default_domain)),
        string(&config.default_domain),
    );
    if let Ok(names) = lab.host_with_role(NAMES) {
        let resolver = format!("{}:{}", names.address, lab.port(53));
        let _ = write!(text, "\n[dns]\nresolver = {}\n", string(&resolver));
    }
    Ok(text)
}

/// What there is to say of the old server.
fn old(lab: &Lab) -> Result<String, LabError> {
    if !nms::is(lab) {
        return Ok("login_separator = \"@\"\n".to_owned());
    }
    let host = lab.host_with_role("old")?;
    let mut text = format!(
        "server_root = {}\ninstance_root = {}\nmailq = \"/usr/bin/mailq\"\ndrain_port = 901\n\
         store_user = \"nsmail\"\ndssetup = {}\n\n[old.partitions]\n",
        string(nms::SERVER_ROOT),
        string(&format!("{}/msg-{}", nms::SERVER_ROOT, host.name)),
        string(super::nms::DSSETUP),
    );
    let root = lab.root(host);
    for (name, path) in nms::partitions(lab, host) {
        let path = format!("/{}", path.strip_prefix(&root).unwrap_or(&path).display());
        let _ = writeln!(text, "{name} = {}", string(&path));
    }
    Ok(text)
}

fn string(text: &str) -> String {
    Value::from(text).to_string()
}

fn list(items: &[&str]) -> String {
    let items: Vec<String> = items.iter().map(|item| string(item)).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{SITE_FILE, rewrite_launchers};
    use crate::lab::create::{Options, create};
    use std::fs;

    #[test]
    fn a_moved_binary_is_put_into_the_launcher_and_nothing_else_changes() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            users: 3,
            messages_per_user: Some(1),
            ..Options::default()
        };
        let lab = create(&dir.path().join("it's \"a\" lab"), &options).unwrap();
        let path = lab.dir.join(SITE_FILE);
        let made = fs::read_to_string(&path).unwrap();
        let parsed: toml::Table = made.parse().unwrap();
        let via = parsed["hosts"][0]["via"].as_array().unwrap();
        assert_eq!(via[3].as_str(), lab.dir.to_str());

        let edited = made.replace("[old]\n", "# mine\n[old]\n");
        let via = edited.lines().find(|l| l.starts_with("via = ")).unwrap();
        let moved = edited.replace(via, "via = [\"/old\"]");
        fs::write(&path, moved).unwrap();
        rewrite_launchers(&lab).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), edited);
    }
}
