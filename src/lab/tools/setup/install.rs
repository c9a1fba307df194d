//! What the installer makes: scripts, configuration directory, instance.

use super::user_tree;
use crate::lab::commands;
use crate::lab::control::{Reply, Request, ask};
use crate::lab::daemon::mappings;
use crate::lab::instance::Instance;
use crate::lab::ldap::load_ldif;
use crate::lab::lines::write_whole;
use crate::lab::options;
use crate::lab::tools::ToolContext;
use crate::lab::world::LabError;
use std::path::Path;

/// In a server root while it is being made; a later run of the installer begins again there.
pub const MARKER: &str = ".installing";

/// Commands below the server root.
const SERVER_COMMANDS: &[&str] = &[
    "bin/msg/admin/bin/configutil",
    "bin/msg/admin/bin/iminitquota",
    "bin/msg/admin/bin/mboxutil",
    "bin/msg/admin/bin/quotacheck",
    "bin/msg/admin/bin/reconstruct",
    "bin/msg/admin/bin/stored",
    "bin/msg/migrate/bin/imsdaaci",
    "bin/msg/migrate/bin/imsdirmig",
    "bin/msg/store/bin/imsbackup",
    "bin/msg/store/bin/imsrestore",
    "uninstall",
];

/// Commands in the instance's own folder; `start` is how the guide once spells `start-msg`.
const INSTANCE_COMMANDS: &[&str] = &["configutil", "imsimta", "start", "start-msg", "stop-msg"];

/// Commands of the bundled directory server.
const DIRECTORY_COMMANDS: &[&str] = &["restart-slapd", "start-slapd", "stop-slapd"];

/// What was answered.
#[derive(Debug)]
pub struct Answers {
    /// The server root, as the host sees it.
    pub server_root: String,
    /// The computer's full name.
    pub host_name: String,
    /// Host and port of a directory for users and groups, if another is to be used.
    pub other_directory: Option<(String, String)>,
    /// What is in that directory.
    pub users: Option<Users>,
    /// The port of the new directory.
    pub port: u16,
    /// Its suffix for users and groups.
    pub suffix: String,
    /// Its manager.
    pub manager_dn: String,
    /// His password.
    pub password: String,
    /// The default organization.
    pub organization: String,
    /// Whose files they are.
    pub user: String,
    /// And of which group.
    pub group: String,
}

/// The users that are in another directory.
#[derive(Debug)]
pub struct Users {
    /// Below which suffix.
    pub suffix: String,
    /// Who may read them.
    pub bind_dn: String,
    /// The password for that.
    pub password: String,
}

/// Makes everything and starts the configuration directory; on failure all is taken away again.
///
/// # Errors
/// What could not be made.
pub fn install(context: &ToolContext<'_>, answers: &Answers) -> Result<Instance, LabError> {
    let server_root = context.real(&answers.server_root);
    let existed = server_root.exists();
    if server_root.join(MARKER).exists() {
        take_away(&server_root, existed)?;
    }
    std::fs::create_dir_all(&server_root).map_err(LabError::file(&server_root))?;
    make(context, answers, &server_root).inspect_err(|_| {
        // The first error is the one to tell about.
        let _ = take_away(&server_root, existed);
    })
}

fn take_away(server_root: &Path, keep: bool) -> Result<(), LabError> {
    let gone = LabError::file(server_root);
    if keep {
        let entries =
            std::fs::read_dir(server_root).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        for entry in entries.map_err(LabError::file(server_root))? {
            let path = entry.path();
            let removed = if path.is_dir() {
                std::fs::remove_dir_all(&path)
            } else {
                std::fs::remove_file(&path)
            };
            removed.map_err(LabError::file(path))?;
        }
        Ok(())
    } else {
        std::fs::remove_dir_all(server_root).map_err(gone)
    }
}

fn make(
    context: &ToolContext<'_>,
    answers: &Answers,
    server_root: &Path,
) -> Result<Instance, LabError> {
    write_whole(&server_root.join(MARKER), b"", true)?;
    let instance = Instance::below(server_root, &context.host);
    scripts(context, answers)?;
    directory(context, answers, server_root, &instance)?;
    files(answers, &instance)?;
    configuration(context, answers, &instance)?;
    if let (Some((host, port)), Some(users)) = (&answers.other_directory, &answers.users) {
        user_tree::make(context, answers, (host, port), users)?;
    }
    Instance::note(&context.lab, &context.host, &answers.server_root)?;
    start_directory(context)?;
    let marker = server_root.join(MARKER);
    std::fs::remove_file(&marker).map_err(LabError::file(marker))?;
    Ok(instance)
}

fn scripts(context: &ToolContext<'_>, answers: &Answers) -> Result<(), LabError> {
    let name = &context.host.name;
    let folders = [
        (String::new(), SERVER_COMMANDS),
        (format!("msg-{name}/"), INSTANCE_COMMANDS),
        (format!("slapd-{name}/"), DIRECTORY_COMMANDS),
    ];
    let paths: Vec<String> = folders
        .iter()
        .flat_map(|(folder, commands)| {
            commands
                .iter()
                .map(move |command| format!("{}/{folder}{command}", answers.server_root))
        })
        .collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    commands::write(&context.lab, &context.host, &paths)
}

/// The configuration directory: a server of its own with the instance's parameters and a tree for
/// users that the guide leaves empty.
fn directory(
    context: &ToolContext<'_>,
    answers: &Answers,
    server_root: &Path,
    instance: &Instance,
) -> Result<(), LabError> {
    let folder = server_root.join(format!("slapd-{}", context.host.name));
    for name in ["config", "db", "ldif", "logs"] {
        make_folder(&folder.join(name))?;
    }
    let seen = format!("{}/slapd-{}", answers.server_root, context.host.name);
    let Answers {
        port,
        suffix,
        manager_dn,
        password,
        ..
    } = answers;
    let config = format!(
        "# Directory server of the iPlanet servers in {root}\n\
         instancedir \"{seen}\"\nlocaluser \"nobody\"\nport {port}\nschemacheck off\n\
         rootdn \"{manager_dn}\"\nrootpw \"{password}\"\ndatabase ldbm\n\
         suffix \"{netscape}\"\nsuffix \"{suffix}\"\ndirectory \"{seen}/db\"\n",
        root = answers.server_root,
        netscape = options::SUFFIX,
    );
    write_whole(&folder.join("config/slapd.conf"), config.as_bytes(), true)?;
    let base = options::base(instance);
    let parent = base.split_once(',').map_or("", |(_, parent)| parent);
    let mut ldif = format!(
        "dn: {netscape}\nobjectClass: top\nobjectClass: organization\no: NetscapeRoot\n\n\
         dn: {parent}\nobjectClass: top\nobjectClass: nsApplication\ncn: {cn}\n\n\
         dn: {base}\nobjectClass: top\nobjectClass: nsConfig\ncn: configuration\n",
        netscape = options::SUFFIX,
        cn = format_args!("msg-{}", context.host.name),
    );
    ldif.push_str(&plain_entry(suffix));
    let organization = &answers.organization;
    // An organization elsewhere cannot be made here; that shows when it is needed.
    let below = organization.to_lowercase();
    let parent = organization
        .split_once(',')
        .map_or("", |(_, parent)| parent);
    if answers.users.is_none()
        && below != suffix.to_lowercase()
        && parent.trim().eq_ignore_ascii_case(suffix)
    {
        ldif.push_str(&plain_entry(organization));
    }
    load_ldif(&folder, &context.root(), ldif.as_bytes())
        .map(|_| ())
        .map_err(|e| LabError::Other(format!("cannot fill the configuration directory: {e}")))
}

/// An entry with nothing in it but its own name.
fn plain_entry(dn: &str) -> String {
    let rdn = dn.split(',').next().unwrap_or(dn);
    let (name, value) = rdn.split_once('=').unwrap_or(("o", rdn));
    format!(
        "\ndn: {dn}\nobjectClass: top\nobjectClass: extensibleObject\n{}: {}\n",
        name.trim(),
        value.trim()
    )
}

fn files(answers: &Answers, instance: &Instance) -> Result<(), LabError> {
    for name in [
        "config",
        "imta/config",
        "imta/db",
        "imta/queue",
        "log/imta",
        "store/mboxlist",
        "store/partition/primary",
        "store/session",
        "store/user",
    ] {
        make_folder(&instance.root.join(name))?;
    }
    write_whole(&instance.mappings(), mappings::DEFAULT.as_bytes(), true)?;
    let rules = format!(
        "! The MTA's channels; addresses are looked up in the directory cache.\n\
         ims-ms defragment subdirs 20 notices 1 7 14 21 28\nims-ms-daemon\n\n\
         tcp_local smtp mx single_sys\ntcp-daemon\n\nhold slave\nhold-daemon\n\n\
         l nox_env_to\n{}\n",
        answers.host_name
    );
    write_whole(
        &instance.root.join("imta/config/imta.cnf"),
        rules.as_bytes(),
        true,
    )?;
    write_whole(
        &instance.file("backup-groups.conf"),
        b"# group=pattern\n",
        true,
    )
}

/// What the instance knows after the installation: its own directory is also the one for users,
/// unless another was named.
fn configuration(
    context: &ToolContext<'_>,
    answers: &Answers,
    instance: &Instance,
) -> Result<(), LabError> {
    let port = answers.port.to_string();
    let (user_host, user_port) = answers
        .other_directory
        .clone()
        .unwrap_or_else(|| (context.host.fqdn.clone(), port.clone()));
    let users = answers.users.as_ref();
    for (name, value) in [
        ("local.hostname", answers.host_name.as_str()),
        ("local.servergid", &answers.group),
        ("local.serverroot", &answers.server_root),
        ("local.serveruid", &answers.user),
        ("local.store.synclevel", "-1"),
        (
            "local.ugldapbasedn",
            users.map_or(&answers.suffix, |u| &u.suffix),
        ),
        (
            "local.ugldapbindcred",
            users.map_or(&answers.password, |u| &u.password),
        ),
        (
            "local.ugldapbinddn",
            users.map_or(&answers.manager_dn, |u| &u.bind_dn),
        ),
        ("local.ugldapdeforgdn", &answers.organization),
        ("local.ugldaphost", &user_host),
        ("local.ugldapport", &user_port),
    ] {
        instance.set_local(name, value)?;
    }
    if users.is_some() {
        instance.set_local("local.dcroot", user_tree::DC_ROOT)?;
    }
    let [host, port_name, dn, password] = options::BOOTSTRAP;
    for (name, value) in [
        (host, context.host.fqdn.as_str()),
        (port_name, &port),
        (dn, &answers.manager_dn),
        (password, &answers.password),
    ] {
        instance.set_bootstrap(name, value)?;
    }
    Ok(())
}

fn start_directory(context: &ToolContext<'_>) -> Result<(), LabError> {
    let request = Request::Start {
        host: context.host.name.clone(),
        component: "ims-slapd".to_owned(),
    };
    match ask(&context.lab, &request)? {
        Reply::Ok | Reply::Already => Ok(()),
        Reply::Failed { message } => Err(LabError::Other(format!(
            "the configuration directory does not start: {message}"
        ))),
        other @ Reply::Processes { .. } => {
            Err(LabError::Other(format!("unexpected answer: {other:?}")))
        }
    }
}

fn make_folder(path: &Path) -> Result<(), LabError> {
    std::fs::create_dir_all(path).map_err(LabError::file(path))
}
