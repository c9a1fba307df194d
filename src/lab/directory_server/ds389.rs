//! A private instance of 389 Directory Server: its configuration is made from the template that
//! comes with it, data in LMDB, every change in the audit log.

use super::process::{Launch, tool};
use super::schema::{Shipped, of_site};
use super::{Made, program};
use crate::base::places::write_private;
use crate::lab::ldap::client::{Client, ClientError, Scope};
use crate::lab::ldap::entry::Entry;
use crate::lab::world::{HostConfig, Lab, LabError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha512};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const TEMPLATE: &str = "/usr/share/dirsrv/data/template-dse.ldif";
const SCHEMA: &str = "/usr/share/dirsrv/schema";
const DEFAULTS: &str = "/etc/dirsrv/config";
/// The database's name.
const BACKEND: &str = "userroot";
/// Folders of an instance.
const FOLDERS: [&str; 9] = [
    "dirsrv", "db/data", "db/home", "logs", "ldif", "bak", "run", "lock", "tmp",
];
/// Where the manager's password is kept for the instance's own scripts.
const PASSWORD: &str = "config/rootpw";
/// What anybody may do; the server lets nobody in by itself.
const ACI: &str = "(targetattr != \"userPassword || aci\")(version 3.0; acl \"everybody reads\"; \
                   allow (read, search, compare) userdn = \"ldap:///anyone\";)";
/// How long an export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(600);

/// Finds the server.
///
/// # Errors
/// When it, or the template for its configuration, is not on this machine.
pub(super) fn find() -> Result<PathBuf, LabError> {
    let slapd = program("ns-slapd", "389-ds-base")?;
    if Path::new(TEMPLATE).is_file() {
        Ok(slapd)
    } else {
        Err(LabError::Other(format!(
            "389 Directory Server's `{TEMPLATE}` is not on this machine"
        )))
    }
}

/// Makes and fills an instance.
///
/// # Errors
/// The words of the server's tools.
pub(super) fn create(made: Made<'_>) -> Result<(), LabError> {
    let slapd = find()?;
    let Made {
        instance,
        lab,
        host,
        ..
    } = made;
    for folder in FOLDERS {
        let path = instance.join(folder);
        fs::create_dir_all(&path).map_err(LabError::file(path))?;
    }
    let config = config(lab, host, instance);
    fs::create_dir_all(config.join("schema")).map_err(LabError::file(&config))?;
    for name in ["slapd-collations.conf", "certmap.conf"] {
        let from = Path::new(DEFAULTS).join(name);
        fs::copy(&from, config.join(name)).map_err(LabError::file(from))?;
    }
    write(&config.join("schema/99user.ldif"), &schema(instance)?)?;
    let password = instance.join(PASSWORD);
    write(&password, made.password)?;
    let template = fs::read_to_string(TEMPLATE).map_err(LabError::file(TEMPLATE))?;
    let dse = configuration(made, &template);
    write(&config.join("dse.ldif"), &dse)?;
    let data = instance.join("ldif/loaded.ldif");
    let suffix = &lab.config.suffix;
    let readable = made.ldif.replacen(
        &format!("dn: {suffix}\n"),
        &format!("dn: {suffix}\naci: {ACI}\n"),
        1,
    );
    write(&data, &readable)?;
    let (config, data) = (config.to_string_lossy(), data.to_string_lossy());
    let load = ["ldif2db", "-D", &config, "-n", BACKEND, "-i", &data];
    let said = tool(instance, &slapd, &load)?;
    // The import leaves out what it does not like, and ends well.
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    match said.lines().find(|line| line.contains("Skipping entry")) {
        None => Ok(()),
        Some(line) => Err(LabError::Other(format!("389 Directory Server: {line}"))),
    }
}

/// The folder of the configuration. The server names a semaphore, which all servers of a machine
/// share, after all of the path that follows `slapd-`: no two may have the same, and none a slash.
fn config(lab: &Lab, host: &HostConfig, instance: &Path) -> PathBuf {
    instance.join(format!("dirsrv/slapd-{}-{}", host.name, lab.port(389)))
}

/// The site's own schema, in the file where the server keeps what came over LDAP.
fn schema(instance: &Path) -> Result<String, LabError> {
    let mut files: Vec<PathBuf> = fs::read_dir(SCHEMA)
        .map_err(LabError::file(SCHEMA))?
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "ldif"))
        .collect();
    files.sort();
    let shipped = Shipped::read(&files)?;
    let site = of_site(&instance.join("config/site-schema.conf"), &shipped, false)?;
    let mut text = String::from("dn: cn=schema\n");
    for attribute in &site.attributes {
        let _ = writeln!(text, "attributeTypes: {attribute}");
    }
    for class in &site.classes {
        let _ = writeln!(text, "objectClasses: {class}");
    }
    Ok(text)
}

/// Fills the template in and adds what a site needs.
fn configuration(made: Made<'_>, template: &str) -> String {
    let Made {
        lab,
        host,
        instance,
        ..
    } = made;
    let folder = |name: &str| instance.join(name).to_string_lossy().into_owned();
    let config = config(lab, host, instance).to_string_lossy().into_owned();
    let suffix = &lab.config.suffix;
    let mut text = template.to_owned();
    for (name, value) in [
        ("schema_dir", format!("{config}/schema")),
        ("config_dir", config.clone()),
        ("cert_dir", config),
        ("lock_dir", folder("lock")),
        ("run_dir", folder("run")),
        ("tmp_dir", folder("tmp")),
        ("ldif_dir", folder("ldif")),
        ("bak_dir", folder("bak")),
        ("log_dir", folder("logs")),
        ("inst_dir", instance.to_string_lossy().into_owned()),
        ("db_dir", folder("db/data")),
        ("db_home_dir", folder("db/home")),
        ("db_lib", "mdb".to_owned()),
        ("fqdn", host.fqdn.clone()),
        ("ds_port", lab.port(389).to_string()),
        ("ds_user", user()),
        ("rootdn", lab.config.manager_dn.clone()),
        ("ds_passwd", hashed(made.password)),
        ("ds_suffix", suffix.clone()),
        ("ldapi_enabled", "off".to_owned()),
        ("ldapi", folder("run/ldapi")),
        ("ldapi_autobind", "off".to_owned()),
    ] {
        text = text.replace(&format!("%{name}%"), &value);
    }
    // Its default for passwords is slow by design, which is not what is practised here.
    let more = format!(
        "nsslapd-listenhost: {}\npasswordStorageScheme: SSHA\nnsslapd-rootpwstoragescheme: SSHA512\n\
         nsslapd-accesslog-logbuffering: off\nnsslapd-auditlog-logging-enabled: on\n\
         nsslapd-port:",
        host.address
    );
    let text = text.replacen("nsslapd-port:", &more, 1);
    format!(
        "{}\n\ndn: cn={BACKEND},cn=ldbm database,cn=plugins,cn=config\nobjectClass: top\n\
         objectClass: extensibleObject\nobjectClass: nsBackendInstance\nnsslapd-suffix: {suffix}\n\
         cn: {BACKEND}\n\n\
         dn: cn=\"{suffix}\",cn=mapping tree,cn=config\nobjectClass: top\n\
         objectClass: extensibleObject\nobjectClass: nsMappingTree\nnsslapd-state: backend\n\
         nsslapd-backend: {BACKEND}\ncn: {suffix}\n",
        text.trim_end()
    )
}

/// The server does not take its manager's password in clear.
fn hashed(password: &str) -> String {
    let salt: [u8; 8] = rand::random();
    let mut digest = Sha512::digest([password.as_bytes(), &salt].concat()).to_vec();
    digest.extend(salt);
    format!("{{SSHA512}}{}", BASE64.encode(digest))
}

/// The name of whoever runs this: the server stays that user.
fn user() -> String {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2) == Some(&uid.as_str()))
        .and_then(|fields| fields.first().map(|name| (*name).to_owned()))
        .unwrap_or(uid)
}

/// Makes an instance ready to be started: a lab that was moved is put right, and what a server that
/// was killed has left is taken away (it would be asked whether that process is still there).
///
/// # Errors
/// When its files cannot be used.
pub(super) fn prepare(lab: &Lab, host: &HostConfig, instance: &Path) -> Result<(), LabError> {
    let locks = instance.join("lock");
    fs::remove_dir_all(&locks).or_else(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(LabError::file(&locks)(e)),
    })?;
    fs::create_dir_all(&locks).map_err(LabError::file(locks))?;
    follow(&config(lab, host, instance), instance)
}

/// Says how the server is started.
///
/// # Errors
/// When the server is not on this machine.
pub(super) fn launch(lab: &Lab, host: &HostConfig, instance: &Path) -> Result<Launch, LabError> {
    let slapd = find()?;
    let config = config(lab, host, instance);
    let path = |name: &str| instance.join(name).to_string_lossy().into_owned();
    Ok(Launch {
        argv: vec![
            slapd.to_string_lossy().into_owned(),
            "-D".to_owned(),
            config.to_string_lossy().into_owned(),
            "-i".to_owned(),
            path("run/pid"),
            "-d".to_owned(),
            "0".to_owned(),
        ],
        log: "logs/errors",
    })
}

/// Puts the instance's folder into its configuration, where it is another one.
fn follow(config: &Path, instance: &Path) -> Result<(), LabError> {
    let path = config.join("dse.ldif");
    let text = fs::read_to_string(&path).map_err(LabError::file(&path))?;
    let unfolded = text.replace("\n ", "");
    let now = instance.to_string_lossy();
    let was = unfolded
        .lines()
        .find_map(|line| line.strip_prefix("nsslapd-instancedir: "));
    match was {
        Some(was) if was != now => write(&path, &unfolded.replace(was, &now)),
        _ => Ok(()),
    }
}

/// Exports everything: a task of the server when it runs, else its own program.
///
/// # Errors
/// The server's own words.
pub(super) fn export(
    lab: &Lab,
    host: &HostConfig,
    instance: &Path,
    target: &Path,
) -> Result<(), LabError> {
    if let Ok(client) = Client::connect(lab, &host.name, 389) {
        by_task(lab, client, instance, target)
            .map_err(|e| LabError::Other(format!("export: {e}")))?;
    } else {
        let config = config(lab, host, instance);
        let (config, file) = (config.to_string_lossy(), target.to_string_lossy());
        let args = ["db2ldif", "-D", &config, "-n", BACKEND, "-a", &file];
        tool(instance, &find()?, &args)?;
    }
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(target, private).map_err(LabError::file(target))
}

fn by_task(
    lab: &Lab,
    mut client: Client,
    instance: &Path,
    target: &Path,
) -> Result<(), ClientError> {
    let password = fs::read_to_string(instance.join(PASSWORD))?;
    client.bind(&lab.config.manager_dn, &password)?;
    let dn = format!(
        "cn=export-{},cn=export,cn=tasks,cn=config",
        std::process::id()
    );
    let mut task = Entry::new(&dn);
    for (name, value) in [
        ("objectClass", "extensibleObject"),
        ("cn", &format!("export-{}", std::process::id())),
        ("nsFilename", &*target.to_string_lossy()),
        ("nsInstance", BACKEND),
        ("ttl", "60"),
    ] {
        task.push(name, value);
    }
    client.add(&task)?;
    let deadline = Instant::now() + EXPORT_TIMEOUT;
    while Instant::now() < deadline {
        let found = client.search(&dn, Scope::Base, "(objectClass=*)", &[])?;
        let exit = found.first().and_then(|task| task.first("nsTaskExitCode"));
        match exit {
            Some("0") => return Ok(()),
            Some(code) => {
                return Err(std::io::Error::other(format!("the task ended with {code}")).into());
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into())
}

fn write(path: &Path, text: &str) -> Result<(), LabError> {
    write_private(path, text.as_bytes()).map_err(LabError::file(path))
}
