//! The new server: its port, its files, its installer's answers, and which of its processes run.

use super::{Answer, Asked, CheckContext, processes, some};
use crate::base::display_safe;
use crate::host::{Host, Port, Process, Reading};
use crate::scenario::{Product, Role};
use crate::store::parse::{StoredState, parse_stored};

/// The processes of a server that is fully up.
const SERVERS: &[&str] = &[
    "stored",
    "imapd",
    "popd",
    "mshttpd",
    "dispatcher",
    "job_controller",
];

/// Whether something of an instance is there.
pub(super) async fn there(context: &CheckContext, host: &Host) -> Result<bool, Answer> {
    let tool = format!("{}/configutil", context.site.new.instance_root);
    Ok(host.exists(&tool).await?)
}

pub(super) async fn config_port(context: &CheckContext) -> Asked {
    let host = context.host(Role::New)?;
    let port = context.site.new.config_directory_port;
    let directory = context.host(Role::Directory)?;
    if port == context.site.directory.port && directory.same_as(&host) {
        return Ok(Answer::failed(format!(
            "port {port} is the existing directory's"
        )));
    }
    let installed = there(context, &host).await?;
    match (host.port(port, context.patience, false).await, installed) {
        (Port::Refused, false) => Ok(Answer::ok(format!("port {port} is free"))),
        (Port::Open(_), true) => Ok(Answer::ok(format!(
            "the configuration directory answers on port {port}"
        ))),
        (Port::Open(_), false) => Ok(Answer::failed(format!(
            "something listens on port {port}, and the new server is not installed"
        ))),
        (Port::Refused, true) => Ok(Answer::failed(format!(
            "the new server is installed, and nothing answers on port {port}"
        ))
        .advise("Start the configuration directory, or see which port the installer was given.")),
        (Port::Silent(why), _) => Ok(Answer::unknown(format!("port {port}: {why}"))),
    }
}

pub(super) async fn installed(context: &CheckContext) -> Asked {
    let host = context.host(Role::New)?;
    let new = &context.site.new;
    let instance = ["start-msg", "stop-msg", "configutil", "imsimta"];
    let server = [
        "bin/msg/store/bin/imsrestore",
        "bin/msg/admin/bin/mboxutil",
        "bin/msg/admin/bin/stored",
    ];
    let paths = instance
        .map(|name| format!("{}/{name}", new.instance_root))
        .into_iter()
        .chain(server.map(|name| format!("{}/{name}", new.server_root)));
    let mut missing = Vec::new();
    for path in paths {
        if !host.exists(&path).await? {
            missing.push(path);
        }
    }
    if !missing.is_empty() {
        return Ok(Answer::failed(format!("not there: {}", some(&missing))));
    }
    context.parameter("local.store.synclevel").await?;
    Ok(Answer::ok("its files are there, and configutil answers"))
}

/// Whether the installer's own proposal for the default organization was taken: below the suffix
/// that is there, apart from it.
pub(super) async fn default_organization(context: &CheckContext) -> Asked {
    let suffix = &context.site.directory.base_dn;
    let wanted = format!("o={},{suffix}", context.site.new.default_domain);
    let found = context.parameter("local.ugldapdeforgdn").await?;
    let found = found.unwrap_or_default();
    // The next steps set it to where the users are.
    let later = &context.site.directory.default_domain_dn;
    if super::namespace::same_dn(&found, &wanted) || super::namespace::same_dn(&found, later) {
        return Ok(Answer::ok(format!("it is {}", display_safe(&found))));
    }
    Ok(Answer::failed(format!(
        "it is `{}`, should be `{wanted}`",
        display_safe(&found)
    )))
}

/// What the installer has to have been told where users stay in the directory they are in.
async fn shared_directory(context: &CheckContext) -> Result<Vec<String>, Answer> {
    let directory = &context.site.directory;
    let existing = context.host(Role::Directory)?;
    let mut wrong = Vec::new();
    let port = context.parameter("local.ugldapport").await?;
    if port.as_deref() != Some(directory.port.to_string().as_str()) {
        wrong.push(format!(
            "users and groups are looked for at port {}, not at {}: \"another directory to store \
             your data\" was answered with no",
            port.unwrap_or_default(),
            directory.port
        ));
    }
    let host = context.parameter("local.ugldaphost").await?;
    let host = host.unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    if !name.eq_ignore_ascii_case(&existing.fqdn) && !name.eq_ignore_ascii_case(&existing.name) {
        wrong.push(format!("users and groups are looked for on {host}"));
    }
    let base = context.parameter("local.ugldapbasedn").await?;
    let base = base.unwrap_or_default();
    if !super::namespace::same_dn(&base, &directory.base_dn) {
        wrong.push(format!("users and groups are looked for below {base}"));
    }
    Ok(wrong)
}

pub(super) async fn setup_answers(context: &CheckContext) -> Asked {
    let host = context.host(Role::New)?;
    let (new, directory) = (&context.site.new, &context.site.directory);
    if !there(context, &host).await? {
        return Ok(Answer::failed(format!(
            "there is no instance in {}: another server root was given, or another name",
            display_safe(&new.instance_root)
        )));
    }
    let mut wrong = Vec::new();
    let config = new.config_directory_port;
    match host.port(config, context.patience, false).await {
        Port::Open(_) => {}
        Port::Refused => wrong.push(format!(
            "nothing answers on port {config}: the directory was given another one"
        )),
        Port::Silent(why) => return Ok(Answer::unknown(format!("port {config}: {why}"))),
    }
    if context.site.product() == Product::Nms {
        wrong.extend(shared_directory(context).await?);
        if wrong.is_empty() {
            return Ok(Answer::ok(
                "a configuration directory of its own, and the users where they are",
            ));
        }
        let wrong: Vec<_> = wrong.iter().map(|w| display_safe(w)).collect();
        return Ok(Answer::failed(wrong.join("; ")));
    }
    let port = context.parameter("local.ugldapport").await?;
    let base = context.parameter("local.ugldapbasedn").await?;
    let users = context.parameter("local.ugldaphost").await?;
    let existing = context.host(Role::Directory)?;
    let same_host = users.as_deref().is_none_or(|h| {
        let name = h.split(':').next().unwrap_or(h);
        name.eq_ignore_ascii_case(&existing.fqdn) || name.eq_ignore_ascii_case(&existing.name)
    });
    if same_host && port.as_deref() == Some(directory.port.to_string().as_str()) {
        wrong.push(
            "users and groups were put into the existing directory: \
             \"another directory to store your data\" was answered with yes"
                .to_owned(),
        );
    }
    let same = |a: &str, b: &str| {
        let plain = |dn: &str| dn.replace(' ', "").to_lowercase();
        plain(a) == plain(b)
    };
    if base.as_deref().is_some_and(|b| same(b, &directory.base_dn)) {
        wrong.push(format!(
            "the new directory was given the existing one's suffix, {}",
            directory.base_dn
        ));
    }
    let domain = context.parameter("local.defdomain").await;
    if let Ok(Some(domain)) = domain
        && !domain.eq_ignore_ascii_case(&new.default_domain)
    {
        wrong.push(format!(
            "the default domain is {domain}, should be {}",
            new.default_domain
        ));
    }
    if wrong.is_empty() {
        return Ok(Answer::ok("a directory of its own, where the site says"));
    }
    Ok(Answer::failed(
        wrong
            .iter()
            .map(|w| display_safe(w))
            .collect::<Vec<_>>()
            .join("; "),
    ))
}

/// The processes of the new server.
async fn running(context: &CheckContext, host: &Host) -> Result<Vec<Process>, Answer> {
    match host.processes().await? {
        Reading::Understood(all) => Ok(all
            .into_iter()
            .filter(|p| processes::is_new(p, &context.site))
            .collect()),
        Reading::Unknown { raw } => Err(Answer::not_understood("ps -ef", &raw)),
    }
}

/// The ports people use, with what a server says first.
fn ports(context: &CheckContext) -> [(u16, Option<&'static str>); 4] {
    let new = &context.site.new;
    [
        (new.smtp_port, Some("220")),
        (new.imap_port, Some("* OK")),
        (new.pop_port, Some("+OK")),
        (new.http_port, None),
    ]
}

/// The ports that take connections.
async fn open_ports(context: &CheckContext, host: &Host) -> Result<Vec<String>, Answer> {
    let mut open = Vec::new();
    for (port, _) in ports(context) {
        match host.port(port, context.patience, false).await {
            Port::Refused => {}
            Port::Open(_) => open.push(port.to_string()),
            Port::Silent(why) => return Err(Answer::unknown(format!("port {port}: {why}"))),
        }
    }
    Ok(open)
}

async fn stored(context: &CheckContext) -> Result<Reading<StoredState>, Answer> {
    let result = context
        .admin("stored", &["-t", "-v"], context.patience * 6)
        .await?;
    let text = format!("{}\n{}", result.stdout_text(), result.stderr_text());
    Ok(parse_stored(result.status, &text))
}

fn named(processes: &[Process]) -> Vec<String> {
    let each = processes.iter();
    each.map(|p| format!("{} ({})", p.name(), p.pid)).collect()
}

pub(super) async fn stopped(context: &CheckContext) -> Asked {
    let host = context.host(Role::New)?;
    let left = running(context, &host).await?;
    if !left.is_empty() {
        return Ok(Answer::failed(format!(
            "still running: {}",
            some(&named(&left))
        )));
    }
    let open = open_ports(context, &host).await?;
    if !open.is_empty() {
        return Ok(Answer::failed(format!(
            "no process of the new server is left, and another program has port {}",
            open.join(", ")
        ))
        .advise("See whether the old server was started again.")
        .mend([]));
    }
    Ok(Answer::ok("no process is left, and its ports refuse"))
}

pub(super) async fn only_store(context: &CheckContext) -> Asked {
    let host = context.host(Role::New)?;
    match stored(context).await? {
        Reading::Understood(StoredState::Up) => {}
        Reading::Understood(StoredState::Starting) => {
            return Ok(Answer::failed("the store recovers its database")
                .advise("Wait: it comes up by itself."));
        }
        Reading::Understood(StoredState::Down) => {
            let start = format!("{}/start-msg", context.site.new.instance_root);
            return Ok(Answer::failed("the store does not run").mend([&start, "store"]));
        }
        Reading::Unknown { raw } => return Ok(Answer::not_understood("stored -t -v", &raw)),
    }
    let others: Vec<Process> = running(context, &host)
        .await?
        .into_iter()
        .filter(|p| p.name() != "stored" && p.name() != "enpd")
        .collect();
    if !others.is_empty() {
        return Ok(Answer::failed(format!(
            "also running: {}",
            some(&named(&others))
        )));
    }
    let open = open_ports(context, &host).await?;
    if !open.is_empty() {
        return Ok(Answer::failed(format!(
            "port {} takes connections",
            open.join(", ")
        )));
    }
    Ok(Answer::ok(
        "the store is up, and nobody can log in or deliver",
    ))
}

pub(super) async fn store_stopped(context: &CheckContext) -> Asked {
    let host = context.host(Role::New)?;
    let left = running(context, &host).await?;
    let store: Vec<Process> = left.into_iter().filter(|p| p.name() == "stored").collect();
    if !store.is_empty() {
        return Ok(Answer::failed(format!(
            "still running: {}",
            some(&named(&store))
        )));
    }
    match stored(context).await? {
        Reading::Understood(StoredState::Up | StoredState::Starting) => {
            Ok(Answer::failed("it still answers"))
        }
        Reading::Understood(StoredState::Down) => Ok(Answer::ok("it does not run")),
        // The processes have told already.
        Reading::Unknown { .. } => Ok(Answer::ok("no such process is left")),
    }
}

pub(super) async fn up(context: &CheckContext) -> Asked {
    let host = context.host(Role::New)?;
    let running = running(context, &host).await?;
    let missing: Vec<&str> = SERVERS
        .iter()
        .filter(|name| !running.iter().any(|p| p.name() == **name))
        .copied()
        .collect();
    if !missing.is_empty() {
        return Ok(Answer::failed(format!(
            "not running: {}",
            missing.join(", ")
        )));
    }
    let mut wrong = Vec::new();
    for (port, greeting) in ports(context) {
        match (
            host.port(port, context.patience, greeting.is_some()).await,
            greeting,
        ) {
            (Port::Open(_), None) => {}
            (Port::Open(Some(said)), Some(greeting)) if said.starts_with(greeting) => {}
            (Port::Open(said), Some(_)) => {
                wrong.push(format!("port {port} says `{}`", said.unwrap_or_default()));
            }
            (Port::Refused, _) => wrong.push(format!("port {port} refuses")),
            (Port::Silent(why), _) => return Ok(Answer::unknown(format!("port {port}: {why}"))),
        }
    }
    if !wrong.is_empty() {
        return Ok(Answer::failed(some(&wrong)));
    }
    Ok(Answer::ok("all its servers run, and its ports greet"))
}
