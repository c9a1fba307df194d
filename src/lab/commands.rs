//! The vendor's commands on a host's disk: two-line `sh` scripts that hand over to `lab tool`.
//!
//! Written when a lab is made and by the stand-in installer, and written anew when the lab starts,
//! because the binary may have moved since.

use super::world::{HostConfig, Lab, LabError};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const SHEBANG: &str = "#!/bin/sh\n";

/// Writes the commands at `paths` (as seen on the host) of one host.
///
/// # Errors
/// When a file cannot be written.
pub fn write(lab: &Lab, host: &HostConfig, paths: &[&str]) -> Result<(), LabError> {
    for path in paths {
        let file = lab.root(host).join(path.trim_start_matches('/'));
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(LabError::file(parent))?;
        }
        write_one(lab, host, path, &file)?;
    }
    Ok(())
}

/// Writes every command script of every host again where it does not name this binary and folder.
///
/// # Errors
/// When a host's folder cannot be read or a script not be written.
pub fn rewrite(lab: &Lab) -> Result<(), LabError> {
    for host in &lab.config.hosts {
        let root = lab.root(host);
        // The mail below these is large and holds no commands.
        for top in ["opt", "usr", "cdrom", "etc"] {
            rewrite_below(lab, host, &root, &root.join(top))?;
        }
    }
    Ok(())
}

fn rewrite_below(lab: &Lab, host: &HostConfig, root: &Path, dir: &Path) -> Result<(), LabError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(LabError::file(dir)(e)),
    };
    for entry in entries {
        let entry = entry.map_err(LabError::file(dir))?;
        let kind = entry.file_type().map_err(LabError::file(entry.path()))?;
        let path = entry.path();
        if kind.is_dir() {
            // The new store is mail too.
            if entry.file_name() != "store" || path.join("bin").exists() {
                rewrite_below(lab, host, root, &path)?;
            }
        } else if kind.is_file() && is_command(&path) {
            let seen = format!(
                "/{}",
                path.strip_prefix(root).unwrap_or(&path).to_string_lossy()
            );
            if fs::read(&path).ok() != Some(script(lab, host, &seen)?.into_bytes()) {
                write_one(lab, host, &seen, &path)?;
            }
        }
    }
    Ok(())
}

/// Tells whether a file is one of our scripts, whatever binary it names.
fn is_command(path: &Path) -> bool {
    let Ok(meta) = path.metadata() else {
        return false;
    };
    if meta.len() > 16_384 || meta.permissions().mode() & 0o111 == 0 {
        return false;
    }
    fs::read(path).is_ok_and(|text| {
        text.starts_with(format!("{SHEBANG}exec ").as_bytes())
            && text.windows(11).any(|w| w == b" lab tool '")
    })
}

fn script(lab: &Lab, host: &HostConfig, path: &str) -> Result<String, LabError> {
    let exe = std::env::current_exe().map_err(LabError::file("the running program"))?;
    Ok(format!(
        "{SHEBANG}exec {} lab tool {} {} {} \"$@\"\n",
        quote(&exe.to_string_lossy()),
        quote(&lab.dir.to_string_lossy()),
        quote(&host.name),
        quote(path)
    ))
}

/// Quotes a word for `sh`, always in single quotes.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A running copy of the script must not see half of it, so the new one is renamed over it.
fn write_one(lab: &Lab, host: &HostConfig, path: &str, file: &Path) -> Result<(), LabError> {
    let mut temporary = file.as_os_str().to_owned();
    temporary.push(format!(".{}", std::process::id()));
    let temporary = Path::new(&temporary);
    fs::write(temporary, script(lab, host, path)?).map_err(LabError::file(temporary))?;
    fs::set_permissions(temporary, fs::Permissions::from_mode(0o755))
        .map_err(LabError::file(temporary))?;
    fs::rename(temporary, file).map_err(LabError::file(file))
}

#[cfg(test)]
mod tests {
    use super::{is_command, quote, rewrite, write};
    use crate::lab::world::{HostConfig, Lab, LabConfig};
    use std::fs;
    use std::net::Ipv4Addr;
    use std::path::Path;

    fn test_lab(dir: &Path) -> Lab {
        Lab {
            dir: dir.to_path_buf(),
            config: LabConfig {
                version: 1,
                id: "t".to_owned(),
                scenario: "sims-offline".to_owned(),
                seed: 1,
                directory: crate::lab::world::DirectoryKind::Embedded,
                port_base: 20_000,
                suffix: "o=internet".to_owned(),
                default_domain_dn: "dc=siroe,dc=com,o=internet".to_owned(),
                default_domain: "siroe.com".to_owned(),
                manager_dn: "cn=Directory Manager".to_owned(),
                traffic_per_minute: None,
                hosts: vec![HostConfig {
                    name: "mail".to_owned(),
                    fqdn: "mail.siroe.com".to_owned(),
                    address: Ipv4Addr::LOCALHOST,
                    roles: vec!["old".to_owned()],
                }],
            },
        }
    }

    #[test]
    fn a_word_with_a_quote_stays_one_word() {
        assert_eq!(quote("it's"), "'it'\\''s'");
    }

    #[test]
    fn a_command_names_its_lab_host_and_path_and_is_rewritten_when_it_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let lab = test_lab(dir.path());
        let host = lab.config.hosts[0].clone();
        write(&lab, &host, &["/opt/SUNWmail/sbin/imta"]).unwrap();
        let file = lab.root(&host).join("opt/SUNWmail/sbin/imta");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("#!/bin/sh\nexec '/"), "{text}");
        assert!(
            text.ends_with("'mail' '/opt/SUNWmail/sbin/imta' \"$@\"\n"),
            "{text}"
        );
        assert!(is_command(&file));

        let moved = "#!/bin/sh\nexec '/old/imsmigrate' lab tool '/l' 'mail' '/x' \"$@\"\n";
        fs::write(&file, moved).unwrap();
        let other = lab.root(&host).join("opt/SUNWmail/sbin/README");
        fs::write(&other, "not a command").unwrap();
        rewrite(&lab).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        assert_eq!(fs::read_to_string(&other).unwrap(), "not a command");
    }
}
