//! Checks against real processes, ports and files of this machine; a lab is in `tests/it`.

use super::*;
use crate::base::Secret;
use crate::site::Site;
use crate::store::{Count, FolderName, Inventory, StoreUser};
use rustix::net;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// A site whose commands and folders are below `dir`, and whose ports are moved by `offset`.
pub(super) fn site(dir: &str, offset: u16) -> Site {
    let text = format!(
        r#"
scenario = "sims-offline"
[[hosts]]
name = "mail"
fqdn = "mail.siroe.com"
address = "127.0.0.1"
port_offset = {offset}
roles = ["old", "new", "directory"]
transport = "via"
via = ["env", "PATH={dir}/bin:/usr/bin:/bin:/usr/sbin"]
[directory]
base_dn = "o=internet"
default_domain_dn = "dc=siroe,dc=com,o=internet"
instance_root = "{dir}/slapd-mail"
[old]
sbin = "{dir}/sbin"
store_root = "{dir}/old/store/all"
queue_root = "{dir}/queue"
[new]
server_root = "{dir}/server5"
instance_root = "{dir}/server5/msg-mail"
config_suffix = "o=siroe.com"
default_domain = "siroe.com"
[relay]
networks = ["192.0.2.0/24"]
"#
    );
    let site: Site = toml::from_str(&text).unwrap();
    if dir == "/tmp" {
        let mut site = site;
        site.new.server_root = "/usr/iplanet/server5".to_owned();
        return site;
    }
    site
}

struct World {
    dir: tempfile::TempDir,
    context: CheckContext,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Ports of this offset are nobody's: 64,000 and up, minus what is in use.
        let context = CheckContext::new(site(dir.path().to_str().unwrap(), 64_000));
        let world = Self { dir, context };
        world.tool(
            "bin/ps",
            "echo '  UID PID PPID C STIME TTY TIME CMD'; cat \"$0.list\" 2>/dev/null",
        );
        world
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn tool(&self, path: &str, script: &str) {
        self.file(path, &format!("#!/bin/sh\n{script}\n"));
        let path = self.dir.path().join(path);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn has(&self, path: &str) -> bool {
        Path::new(self.dir.path()).join(path).exists()
    }

    async fn ask(&self, id: &str) -> (Outcome, String) {
        let report = run(id, &self.context).await;
        let bad = matches!(report.outcome, Outcome::Failed | Outcome::Unknown);
        assert_eq!(report.inhibits, bad && describe(id).unwrap().inhibits);
        assert_eq!(
            report.remedy.is_empty(),
            report.outcome == Outcome::Ok,
            "{report:?}"
        );
        assert!(!report.remedy.contains('{'), "{}", report.remedy);
        (report.outcome, report.detail)
    }
}

const EMPTY_TREE: &str = "echo 'Data gathered from the queue directory tree'; echo";

#[tokio::test]
async fn an_empty_queue_is_empty_by_the_tree_whatever_the_counters_say() {
    let world = World::new();
    let counters = "Channel Messages Recipients Blocks\\nl\\n   Stored 4 4 -4\\n";
    let script =
        |tree: &str| format!("case $2 in directory) {tree};; *) printf '{counters}';; esac");
    world.tool("sbin/imta", &script(EMPTY_TREE));
    let (outcome, detail) = world.ask("queue-empty").await;
    assert_eq!(outcome, Outcome::Warning, "{detail}");
    // The tool fails: the files themselves are looked at.
    world.tool("sbin/imta", &script("echo no >&2; exit 1"));
    assert_eq!(world.ask("queue-empty").await.0, Outcome::Unknown);
    world.file("queue/tcp_local/ZZ1.00", "x");
    world.file("queue/hold/ZZ2.HELD", "x");
    let (outcome, detail) = world.ask("queue-empty").await;
    assert_eq!(outcome, Outcome::Failed);
    assert!(detail.contains("1 message left, and 1 HELD"), "{detail}");
}

#[tokio::test]
async fn the_old_server_is_not_stopped_while_a_process_is_left() {
    let world = World::new();
    let line = "inetmail 13582 1 0 17:00:03 ? 0:01 /opt/SUNWmail/imta//lib/dispatcher\n";
    world.file("bin/ps.list", line);
    let (outcome, detail) = world.ask("sims-stopped").await;
    assert_eq!(
        (outcome, detail.as_str()),
        (Outcome::Failed, "still running: dispatcher (13582)")
    );
    world.file(
        "bin/ps.list",
        "mailsrv 9 1 0 17:00:03 ? 0:01 imta/bin/dispatcher\n",
    );
    let (_, detail) = world.ask("sims-stopped").await;
    assert!(detail.contains("so is the directory"), "{detail}");
    world.tool("bin/ps", "echo what?");
    assert_eq!(world.ask("sims-stopped").await.0, Outcome::Unknown);
}

#[tokio::test]
async fn a_port_that_somebody_has_is_not_free_for_the_configuration_directory() {
    let mut world = World::new();
    // Bound and not listened on: it refuses, and nobody else can take it.
    let reserved = || {
        let socket = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).unwrap();
        let any = std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 0);
        net::bind(&socket, &any).unwrap();
        let address: std::net::SocketAddr = net::getsockname(&socket).unwrap().try_into().unwrap();
        (socket, address.port())
    };
    let (socket, port) = reserved();
    world.context.site.hosts[0].port_offset = 0;
    world.context.site.new.config_directory_port = port;
    assert_eq!(world.ask("config-directory-port").await.0, Outcome::Ok);
    net::listen(&socket, 8).unwrap();
    assert_eq!(world.ask("config-directory-port").await.0, Outcome::Failed);
    world.tool("server5/msg-mail/configutil", "exit 0");
    assert_eq!(world.ask("config-directory-port").await.0, Outcome::Ok);
    let (_silent, port) = reserved();
    world.context.site.new.config_directory_port = port;
    assert_eq!(world.ask("config-directory-port").await.0, Outcome::Failed);
    world.context.site.new.config_directory_port = 389;
    let (_, detail) = world.ask("config-directory-port").await;
    assert!(detail.contains("existing directory"), "{detail}");
}

#[tokio::test]
async fn an_installation_without_its_tools_is_none() {
    let world = World::new();
    world.tool("server5/msg-mail/configutil", "echo -1");
    let (outcome, detail) = world.ask("ims-installed").await;
    assert_eq!(outcome, Outcome::Failed);
    assert!(
        detail.contains("start-msg") && detail.contains("and 1 more"),
        "{detail}"
    );
    assert!(world.has("server5/msg-mail/configutil"));
}

#[tokio::test]
async fn settings_are_read_back_and_a_secret_is_never_shown() {
    let mut world = World::new();
    let script = "case $2 in *cred) echo wr0ng;; *port) echo 389;; *) echo;; esac";
    world.tool("server5/msg-mail/configutil", script);
    assert_eq!(world.ask("settings").await.0, Outcome::Unknown);
    let setting = |parameter: &str, value: &str, is_secret| Setting {
        parameter: parameter.to_owned(),
        value: Secret::new(value.to_owned()),
        is_secret,
    };
    world
        .context
        .settings
        .push(setting("local.ugldapport", "389", false));
    assert_eq!(world.ask("settings").await.0, Outcome::Ok);
    world
        .context
        .settings
        .push(setting("local.ugldapbindcred", "s3cret", true));
    let (outcome, detail) = world.ask("settings").await;
    assert_eq!(outcome, Outcome::Failed);
    assert!(
        !detail.contains("s3cret") && !detail.contains("wr0ng"),
        "{detail}"
    );
    assert_eq!(world.ask("synclevel-default").await.0, Outcome::Ok);
    assert_eq!(world.ask("synclevel-0").await.0, Outcome::Failed);
    assert_eq!(world.ask("login-separator").await.0, Outcome::Unknown);
    world.context.site.old.login_separator = Some("+".to_owned());
    assert_eq!(world.ask("login-separator").await.0, Outcome::Failed);
}

#[tokio::test]
async fn mailboxes_are_complete_when_every_count_is_there_once() {
    let mut world = World::new();
    world.context.users = Some(vec![StoreUser::new("uid=Anderson", "Anderson", None)]);
    assert_eq!(world.ask("mailboxes-complete").await.0, Outcome::Unknown);
    let mut expected = Inventory::default();
    expected.add("anderson", FolderName::new("INBOX"), Count::new(3, 3000));
    world.context.expected = Some(expected);
    let tool = "server5/bin/msg/admin/bin/mboxutil";
    world.tool(
        tool,
        "test -n \"$CONFIGROOT\" && echo '3 3 x primary - user/Anderson/INBOX'",
    );
    let (outcome, detail) = world.ask("mailboxes-complete").await;
    assert_eq!(
        (outcome, detail.as_str()),
        (Outcome::Ok, "1 users, 3 messages, each once")
    );
    world.tool(tool, "echo '3 3 x primary - user/anderson/INBOX'");
    let (outcome, detail) = world.ask("mailboxes-complete").await;
    assert_eq!(outcome, Outcome::Failed);
    assert!(detail.contains("under `anderson`"), "{detail}");
    world.context.accepted.insert("anderson".to_owned());
    assert_eq!(world.ask("mailboxes-complete").await.0, Outcome::Warning);
    world.tool(tool, "echo 'stored is down (1)' >&2; exit 1");
    assert_eq!(world.ask("mailboxes-complete").await.0, Outcome::Unknown);
}

#[tokio::test]
async fn mail_that_came_in_is_seen_by_its_files_where_the_store_is_down() {
    let mut world = World::new();
    let tool = "server5/bin/msg/admin/bin/mboxutil";
    world.tool(tool, "echo 'stored is not running' >&2; exit 1");
    world.file("server5/msg-mail/imta/queue/README", "");
    world.context.users = Some(vec![StoreUser::new("uid=Anderson", "Anderson", None)]);
    let mut expected = Inventory::default();
    expected.add("anderson", FolderName::new("INBOX"), Count::new(2, 20));
    world.context.expected = Some(expected);
    let message = |n: u8| format!("server5/msg-mail/store/partition/primary/=user/x/{n}.msg");
    world.file(&message(1), "m");
    // Less than was moved tells nothing.
    assert_eq!(world.ask("no-new-mail").await.0, Outcome::Unknown);
    world.file(&message(2), "m");
    let (outcome, detail) = world.ask("no-new-mail").await;
    assert_eq!(outcome, Outcome::Ok, "{detail}");
    world.file(&message(3), "m");
    let (outcome, detail) = world.ask("no-new-mail").await;
    assert_eq!(outcome, Outcome::Failed);
    assert!(
        detail.contains("1 message more than were moved"),
        "{detail}"
    );
    // What was there before the move is in these files too.
    world.context.before = Some(Inventory::default());
    assert_eq!(world.ask("no-new-mail").await.0, Outcome::Unknown);
}

#[tokio::test]
async fn a_tape_without_somebody_is_no_backup_and_a_broken_one_neither() {
    let mut world = World::new();
    let mut expected = Inventory::default();
    expected.add("anderson", FolderName::new("INBOX"), Count::new(3, 3000));
    expected.add("lee", FolderName::new("INBOX"), Count::new(1, 10));
    world.context.expected = Some(expected);
    let tool = "server5/bin/msg/store/bin/imsrestore";
    world.tool(
        tool,
        "echo '3 3000 user/anderson/INBOX'; echo ' 1 10 user/lee/INBOX'",
    );
    assert_eq!(world.ask("tape-holds-everyone").await.0, Outcome::Ok);
    world.tool(tool, "echo '3 3000 user/anderson/INBOX'");
    let (outcome, detail) = world.ask("tape-holds-everyone").await;
    assert_eq!(outcome, Outcome::Failed);
    assert!(detail.contains("lee"), "{detail}");
    world.tool(tool, "echo '3 3000 user/anderson/INBOX'; exit 1");
    assert_eq!(world.ask("tape-holds-everyone").await.0, Outcome::Failed);
}

#[tokio::test]
async fn the_relay_table_and_the_old_store_are_looked_at_as_files() {
    let world = World::new();
    assert_eq!(world.ask("relay").await.0, Outcome::Unknown);
    let file = "server5/msg-mail/imta/config/mappings";
    world.file(file, "INTERNAL_IP\n\n  *  $N\n");
    assert_eq!(world.ask("relay").await.0, Outcome::Failed);
    world.file(file, "INTERNAL_IP\n\n  $(192.0.2.0/24)  $Y\n  *  $N\n");
    assert_eq!(world.ask("relay").await.0, Outcome::Ok);
    assert_eq!(world.ask("old-store-removed").await.0, Outcome::Ok);
    world.file("old/store/all/data/x", "x");
    assert_eq!(world.ask("old-store-removed").await.0, Outcome::Failed);
    let (outcome, detail) = world.ask("disk-space").await;
    let told = [Outcome::Warning, Outcome::Failed];
    assert!(told.contains(&outcome), "{detail}");
    assert!(detail.contains("all mailboxes not known"), "{detail}");
}

#[tokio::test]
async fn what_cannot_be_reached_or_is_not_there_is_never_ok() {
    let mut world = World::new();
    for id in describe::ALL.iter().map(|row| row.0) {
        let report = run(id, &world.context).await;
        // Nothing is installed and no old store is there: only these are as they should be.
        let mut fine = vec!["old-store-removed", "config-directory-port", "ims-stopped"];
        // Both servers are one host here: its name and address stay, whatever a name server says.
        fine.extend([
            "old-address-pinned",
            "dns-ttl",
            "dns-records",
            "dns-moved",
            "dns-as-before",
        ]);
        fine.extend(["domain-hosts", "old-boot-scripts"]);
        if !fine.contains(&id) {
            assert_ne!(report.outcome, Outcome::Ok, "{report:?}");
        }
    }
    assert_eq!(
        run("no-such", &world.context).await.outcome,
        Outcome::Unknown
    );
    world.context.password = Some(Secret::new("x".to_owned()));
    assert_eq!(world.ask("ldap-answers").await.0, Outcome::Failed);
}
