//! What a SIMS site has on its disk besides mail: commands, configuration, the CD, the tape.

use super::Secrets;
use super::shape::NAMES;
use crate::base::places::write_private;
use crate::lab::commands;
use crate::lab::nms;
use crate::lab::world::{DirectoryKind, HostConfig, Lab, LabError};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// The directory server's instance on its host, as it is named where it is beside a mail server.
const SLAPD: &str = "/usr/netscape/server4/slapd-mail";

/// Returns the directory server's instance on its host.
pub(super) fn slapd(host: &HostConfig) -> String {
    if host.roles.iter().any(|role| role == "old") {
        SLAPD.to_owned()
    } else {
        format!("/usr/netscape/server4/slapd-{}", host.name)
    }
}

/// Commands of the old mail server.
const SIMS_COMMANDS: &[&str] = &[
    "/opt/SUNWmail/sbin/imta",
    "/opt/SUNWmail/sbin/im.server",
    "/opt/SUNWmail/sbin/imbackup",
    "/opt/SUNWmail/sbin/imrestore",
    "/opt/SUNWmail/sbin/imquotacheck",
    "/opt/SUNWmail/sbin/mt.scheduler",
    "/opt/SUNWmail/ims/sbin/imbackup",
    "/opt/SUNWmail/imta/sbin/hold_master",
];

/// Commands in the directory server's instance.
const SLAPD_COMMANDS: &[&str] = &[
    "db2ldif",
    "bin/db2ldif",
    "start-slapd",
    "stop-slapd",
    "restart-slapd",
];

/// Other commands of the directory server.
const DIRECTORY_COMMANDS: &[&str] = &[
    "/usr/netscape/server4/bin/slapd/server/slapd_config",
    "/usr/netscape/server4/shared/bin/ldapsearch",
    "/usr/netscape/server4/shared/bin/ldapmodify",
];

/// What comes on the new product's CD.
const CD_COMMANDS: &[&str] = &["/cdrom/iplanet/setup"];

/// Commands of the system whose answers have to be the host's, not this machine's.
const SYSTEM_COMMANDS: &[&str] = &["/usr/bin/ps", "/usr/bin/netstat", "/usr/sbin/df"];

/// The directory server's configuration files, with their content.
const SCHEMA: &[(&str, &str)] = &[
    (
        "slapd.at.conf",
        include_str!("../../../assets/lab/slapd.at.conf"),
    ),
    (
        "slapd.oc.conf",
        include_str!("../../../assets/lab/slapd.oc.conf"),
    ),
    (
        "ns-mail-schema.conf",
        include_str!("../../../assets/lab/ns-mail-schema.conf"),
    ),
    (
        "sims-schema.conf",
        include_str!("../../../assets/lab/sims-schema.conf"),
    ),
];

/// Where the merged schema is on the CD, below a host's root.
pub(super) const MERGED_FOLDER: &str = "cdrom/iplanet/solaris/migrate/schema";

/// The merged schema, on the CD.
const MERGED: &[(&str, &str)] = &[
    (
        "merged.at.conf",
        include_str!("../../../assets/lab/merged.at.conf"),
    ),
    (
        "merged.oc.conf",
        include_str!("../../../assets/lab/merged.oc.conf"),
    ),
];

/// Fills one host by the roles it plays.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn fill(lab: &Lab, host: &HostConfig, secrets: &Secrets) -> Result<(), LabError> {
    let root = lab.root(host);
    for folder in ["tmp", "usr/bin", "usr/sbin", "bin", "etc", "dev", "var/tmp"] {
        make_dir(&root.join(folder))?;
    }
    let null = root.join("dev/null");
    symlink("/dev/null", &null).map_err(LabError::file(null))?;
    commands::write(lab, host, SYSTEM_COMMANDS)?;
    let plays = |role: &str| host.roles.iter().any(|r| r == role);
    if plays("old") && nms::is(lab) {
        super::nms::server(lab, host)?;
    } else if plays("old") {
        old_mail_server(lab, host)?;
    }
    if plays("directory") {
        directory_server(lab, host, secrets)?;
    }
    if plays("new") || plays("directory") {
        compact_disc(lab, host)?;
    }
    if plays(NAMES) {
        commands::write(lab, host, &["/usr/sbin/nsupdate"])?;
    }
    Ok(())
}

fn old_mail_server(lab: &Lab, host: &HostConfig) -> Result<(), LabError> {
    commands::write(lab, host, SIMS_COMMANDS)?;
    let root = lab.root(host);
    let mut cnf = String::from("# Message store and access services of SIMS 4.0\n");
    for key in ["user", "index", "data", "hash", "adm", "shared"] {
        let path = format!("/var/opt/SUNWmail/ims/{key}");
        make_dir(&root.join(path.trim_start_matches('/')))?;
        let _ = writeln!(cnf, "ims-{key}-root: {path}");
    }
    let directory = lab.host_with_role("directory")?;
    for (key, value) in [
        ("ims-ldap-server", format!("{}:389", directory.fqdn)),
        ("ims-basedn", lab.config.suffix.clone()),
        ("ims-mail-host", host.fqdn.clone()),
        ("ims-default-domain", lab.config.default_domain.clone()),
        // The key is inferred: no manual that could be read names one.
        ("ims-login-separator", "@".to_owned()),
        ("ims-varmail", "OFF".to_owned()),
        ("ims-proxy", "OFF".to_owned()),
        ("ims-maxconnections", "10000".to_owned()),
    ] {
        let _ = writeln!(cnf, "{key}: {value}");
    }
    let folder = root.join("etc/opt/SUNWmail/ims");
    make_dir(&folder)?;
    for name in ["ims.cnf", "ims.cnf.default"] {
        write(&folder.join(name), &cnf)?;
    }
    for channel in ["sims-ms", "tcp_local", "reprocess", "l"] {
        make_dir(&root.join("var/opt/SUNWmail/imta/queue").join(channel))?;
    }
    // A plain file stands for the tape: what is written to it can be read back.
    make_dir(&root.join("dev/rmt"))?;
    write(&root.join("dev/rmt/0"), "")
}

fn directory_server(lab: &Lab, host: &HostConfig, secrets: &Secrets) -> Result<(), LabError> {
    let slapd = slapd(host);
    let name = slapd.rsplit('/').next().unwrap_or_default();
    for command in SLAPD_COMMANDS {
        commands::write(lab, host, &[&format!("{slapd}/{command}")])?;
    }
    commands::write(lab, host, DIRECTORY_COMMANDS)?;
    let instance = lab.root(host).join(slapd.trim_start_matches('/'));
    for folder in ["config", "db", "ldif", "logs"] {
        make_dir(&instance.join(folder))?;
    }
    let config = instance.join("config");
    if lab.config.directory != DirectoryKind::Embedded {
        return site_schema(&config);
    }
    for (name, content) in SCHEMA {
        write(&config.join(name), content)?;
    }
    write(
        &config.join("ns-schema.conf"),
        &format!(
            "# Schema of Netscape's own products and of what was added to them\n\
             include \"{slapd}/config/ns-mail-schema.conf\"\n\
             include \"{slapd}/config/sims-schema.conf\"\n"
        ),
    )?;
    write(
        &config.join("slapd.user_at.conf"),
        "# Attributes added while the server ran; kept by the server.\n",
    )?;
    write(
        &config.join("slapd.user_oc.conf"),
        "# Object classes added while the server ran; kept by the server.\n",
    )?;
    let slapd_conf = config.join("slapd.conf");
    write(
        &slapd_conf,
        &format!(
            "# Netscape Directory Server 4.12, instance {name}\n\
             include \"{slapd}/config/slapd.at.conf\"\n\
             include \"{slapd}/config/slapd.oc.conf\"\n\
             include \"{slapd}/config/ns-schema.conf\"\n\
             userat \"{slapd}/config/slapd.user_at.conf\"\n\
             useroc \"{slapd}/config/slapd.user_oc.conf\"\n\
             instancedir \"{slapd}\"\n\
             localuser \"nobody\"\n\
             port 389\n\
             schemacheck on\n\
             sizelimit 2000\n\
             rootdn \"{manager}\"\n\
             rootpw \"{password}\"\n\
             database ldbm\n\
             suffix \"{suffix}\"\n\
             directory \"{slapd}/db\"\n",
            manager = lab.config.manager_dn,
            password = secrets.directory,
            suffix = lab.config.suffix,
        ),
    )?;
    set_mode(&slapd_conf, 0o600)
}

/// Lets the directory server of an instance hold entries below a further suffix.
///
/// # Errors
/// When its configuration cannot be written.
pub(super) fn add_suffix(instance: &Path, suffix: &str) -> Result<(), LabError> {
    let path = instance.join("config/slapd.conf");
    let mut text = fs::read_to_string(&path).map_err(LabError::file(&path))?;
    let _ = writeln!(text, "suffix \"{suffix}\"");
    write_private(&path, text.as_bytes()).map_err(LabError::file(&path))
}

/// What a real server's own schema lacks is made from these.
fn site_schema(config: &Path) -> Result<(), LabError> {
    // What they build on; each server has one of its own.
    let mut includes = String::from(
        "objectclass top\n\trequires\n\t\tobjectClass\n\
         attribute multiLineDescription 1.3.6.1.4.1.250.1.2 cis\n",
    );
    for (name, content) in SCHEMA {
        if name.contains("-schema") {
            write(&config.join(name), content)?;
            let _ = writeln!(includes, "include {name}");
        }
    }
    write(&config.join("site-schema.conf"), &includes)
}

fn compact_disc(lab: &Lab, host: &HostConfig) -> Result<(), LabError> {
    commands::write(lab, host, CD_COMMANDS)?;
    let schema = lab.root(host).join(MERGED_FOLDER);
    make_dir(&schema)?;
    for (name, content) in MERGED {
        write(&schema.join(name), content)?;
        set_mode(&schema.join(name), 0o444)?;
    }
    Ok(())
}

fn make_dir(path: &Path) -> Result<(), LabError> {
    fs::create_dir_all(path).map_err(LabError::file(path))
}

fn write(path: &Path, content: &str) -> Result<(), LabError> {
    fs::write(path, content).map_err(LabError::file(path))
}

fn set_mode(path: &Path, mode: u32) -> Result<(), LabError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(LabError::file(path))
}
