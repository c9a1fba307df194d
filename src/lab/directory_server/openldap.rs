//! A private instance of `OpenLDAP`: `cn=config` in a folder, data in LMDB, every change in a log.
//!
//! Paths in its configuration are relative to the instance's folder, which is where the server is
//! started: a lab may be moved.

use super::process::{Launch, tool};
use super::schema::{Shipped, of_site};
use super::{Made, program};
use crate::base::places::write_private;
use crate::lab::ldap::ldif::{self, Change};
use crate::lab::world::{HostConfig, Lab, LabError};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The configuration, as the server keeps it.
const CONFIG: &str = "config/slapd.d";
/// What the server ships, in the order of its own default configuration.
const SHIPPED: [&str; 3] = ["core", "cosine", "inetorgperson"];
const SCHEMA_FOLDERS: [&str; 3] = [
    "/etc/ldap/schema",
    "/etc/openldap/schema",
    "/usr/local/etc/openldap/schema",
];
const MODULE_FOLDERS: [&str; 4] = [
    "/usr/lib/ldap",
    "/usr/lib64/openldap",
    "/usr/libexec/openldap",
    "/usr/lib/openldap",
];
/// The most that the database may grow to; a sparse file.
const MAX_SIZE: u64 = 4 << 30;

/// Where the server's programs are.
pub(super) struct Programs {
    slapd: PathBuf,
    slaptest: PathBuf,
    slapadd: PathBuf,
    slapcat: PathBuf,
}

/// Finds the server's programs.
///
/// # Errors
/// When they are not on this machine.
pub(super) fn programs() -> Result<Programs, LabError> {
    let find = |name| program(name, "slapd");
    Ok(Programs {
        slapd: find("slapd")?,
        slaptest: find("slaptest")?,
        slapadd: find("slapadd")?,
        slapcat: find("slapcat")?,
    })
}

/// Makes and fills an instance.
///
/// # Errors
/// The words of the server's tools.
pub(super) fn create(made: Made<'_>) -> Result<(), LabError> {
    let programs = programs()?;
    let Made { instance, lab, .. } = made;
    for folder in ["config/slapd.d", "db", "db/manager", "db/data"] {
        let path = instance.join(folder);
        fs::create_dir_all(&path).map_err(LabError::file(path))?;
    }
    let folder = first(&SCHEMA_FOLDERS)
        .ok_or_else(|| LabError::Other("OpenLDAP's schema files are not to be found".to_owned()))?;
    let files: Vec<PathBuf> = SHIPPED
        .iter()
        .map(|name| folder.join(format!("{name}.ldif")))
        .collect();
    let shipped = Shipped::read(&files)?;
    let mut includes = String::new();
    for name in SHIPPED {
        let _ = writeln!(includes, "include {}/{name}.schema", folder.display());
    }
    // In the order of a Netscape server's files: SIMS's classes name attributes of Netscape's.
    let site = of_site(&instance.join("config/site-schema.conf"), &shipped, true)?;
    let mut text = String::new();
    for attribute in &site.attributes {
        let _ = writeln!(text, "attributetype {attribute}");
    }
    for class in &site.classes {
        let _ = writeln!(text, "objectclass {class}");
    }
    write(&instance.join("config/site.schema"), &text)?;
    let conf = instance.join("config/slapd.conf");
    let text = configuration(lab, made.password, &includes)?;
    write(&conf, &text)?;
    let data = instance.join("ldif/loaded.ldif");
    let suited = with_members(made.ldif, &lab.config.manager_dn)?;
    write_private(&data, &suited).map_err(LabError::file(&data))?;
    let suffix = lab.config.suffix.as_str();
    let conf_file = "config/slapd.conf";
    let load = [
        "-q",
        "-f",
        conf_file,
        "-b",
        suffix,
        "-l",
        "ldif/loaded.ldif",
    ];
    tool(instance, &programs.slapadd, &load)?;
    // Only now that there are data: it looks at them before it writes the configuration.
    let keep = ["-Q", "-f", conf_file, "-F", CONFIG];
    tool(instance, &programs.slaptest, &keep)?;
    // It holds the password, and the server does not read it again.
    fs::remove_file(&conf).map_err(LabError::file(conf))
}

/// The configuration that the server turns into the kept one.
fn configuration(lab: &Lab, password: &str, includes: &str) -> Result<String, LabError> {
    let modules = first(&MODULE_FOLDERS);
    let mut text = format!("{includes}include config/site.schema\nloglevel 0\nsizelimit 500\n");
    for module in ["back_mdb", "auditlog"] {
        if let Some(folder) = &modules
            && folder.join(format!("{module}.so")).exists()
        {
            let _ = writeln!(text, "modulepath {}\nmoduleload {module}", folder.display());
        }
    }
    let quoted = |value: &str| {
        if value.contains(['"', '\\', '\n']) {
            Err(LabError::Other(format!("`{value}` cannot be configured")))
        } else {
            Ok(format!("\"{value}\""))
        }
    };
    let manager = quoted(&lab.config.manager_dn)?;
    // A manager who is in no suffix needs a database that is him, to bind to.
    let _ = write!(
        text,
        "database config\nrootdn {manager}\noverlay auditlog\nauditlog logs/audit\n\
         database ldif\nsuffix {manager}\nrootdn {manager}\nrootpw {password}\n\
         directory db/manager\n\
         database mdb\nsuffix {suffix}\nrootdn {manager}\ndirectory db/data\nmaxsize {MAX_SIZE}\n\
         index objectClass eq\nindex uid,mail eq\n\
         overlay auditlog\nauditlog logs/audit\n\
         access to attrs=userPassword by anonymous auth by * none\naccess to * by * read\n",
        password = quoted(password)?,
        suffix = quoted(&lab.config.suffix)?,
    );
    Ok(text)
}

/// This server wants a member in each group (RFC 2256); a list made of a search has none.
fn with_members(text: &str, member: &str) -> Result<Vec<u8>, LabError> {
    let records = ldif::parse(text.as_bytes()).map_err(|e| LabError::Other(e.to_string()))?;
    let mut out = Vec::new();
    for record in records {
        if let Change::Content(mut entry) = record.change {
            if entry.is_a("groupOfUniqueNames") && entry.values("uniqueMember").is_empty() {
                entry.push("uniqueMember", member);
            }
            ldif::write_entry(&mut out, &entry);
        }
    }
    Ok(out)
}

/// Says how the server is started.
///
/// # Errors
/// When it is not on this machine.
pub(super) fn launch(lab: &Lab, host: &HostConfig) -> Result<Launch, LabError> {
    let slapd = programs()?.slapd;
    let url = format!("ldap://{}:{}", host.address, lab.port(389));
    let argv = [
        &*slapd.to_string_lossy(),
        "-d",
        "0",
        "-h",
        &url,
        "-F",
        CONFIG,
    ];
    Ok(Launch {
        argv: argv.map(str::to_owned).to_vec(),
        log: "logs/stderr",
    })
}

/// Exports everything below the suffix.
///
/// # Errors
/// The tool's own words.
pub(super) fn export(lab: &Lab, instance: &Path, target: &Path) -> Result<(), LabError> {
    let args = ["-F", CONFIG, "-b", lab.config.suffix.as_str()];
    let output = tool(instance, &programs()?.slapcat, &args)?;
    write_private(target, &output.stdout).map_err(LabError::file(target))
}

fn first(folders: &[&str]) -> Option<PathBuf> {
    folders.iter().map(PathBuf::from).find(|path| path.is_dir())
}

fn write(path: &Path, text: &str) -> Result<(), LabError> {
    write_private(path, text.as_bytes()).map_err(LabError::file(path))
}
