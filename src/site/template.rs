//! The file that `site new` writes: every field, commented, with the guide's example values.

use crate::scenario::{self, ExampleHost, Product, Role, ScenarioError};

const TEMPLATE: &str = r#"# A site for `{scenario}`: {title}.
#
# The values are those of the guide's example; change what is different at your site. No secret ever
# stands here: passwords are asked for, or come from --secrets FILE (mode 0600), from --secrets-fd N
# or from the file that `secrets_file` names. Names of secrets: directory, config-directory, admin.
#
# Look whether it can be used with:   imsmigrate site validate FILE
# See all that would be done with:    imsmigrate plan --draft --site FILE

scenario = "{scenario}"

# "live" for real hosts. "practice" is what a lab's own site file says.
label = "live"

# Optional: the path of a secrets file, relative to this one.
# secrets_file = "secrets.toml"

# One [[hosts]] for each machine. Each role is played by exactly one host; a host may play several:
#   old        the old mail server
#   new        the new mail server
#   directory  the directory of users and groups
{hosts}
# The directory of users and groups. It stays; its entries are upgraded.
[directory]
port = 389
# The suffix below which SIMS keeps its users.
base_dn = "o=internet"
bind_dn = "cn=Directory Manager"
# The default organisation.
default_domain_dn = "dc=siroe,dc=com,o=internet"
server_root = "/usr/netscape/server4"
instance_root = "/usr/netscape/server4/slapd-{directory}"
# none, starttls or ldaps
tls = "none"
# Where merged.at.conf and merged.oc.conf are.
schema_files = "/cdrom/iplanet/solaris/migrate/schema"

# The old mail server, SIMS 4.0.
[old]
sbin = "/opt/SUNWmail/sbin"
# Some systems have it as /opt/SUNWmail/ims/sbin/imbackup.
imbackup = "/opt/SUNWmail/sbin/imbackup"
store_root = "/var/opt/SUNWmail/ims"
queue_root = "/var/opt/SUNWmail/imta/queue"
config = "/etc/opt/SUNWmail/ims/ims.cnf"
store_user = "inetmail"
# Optional: what else entries call it as their mailHost:
# aliases = ["mailhost.siroe.com"]
# What stands between user and domain when users of hosted domains log in: "@" or "+".
login_separator = "@"
smtp_port = 25
imap_port = 143
pop_port = 110

# The new mail server, iPlanet Messaging Server 5.2.
[new]
server_root = "/usr/iplanet/server5"
# msg- and the host's short name.
instance_root = "/usr/iplanet/server5/msg-{new}"
installer = "/cdrom/iplanet/setup"
# The directory for its own configuration: another port than the users' directory has.
config_directory_port = 390
# The suffix that directory gets for users; it stays empty.
config_suffix = "o=siroe.com"
mail_user = "mailsrv"
mail_group = "mail"
default_domain = "siroe.com"
# Optional: what else it takes for its own name (local.imta.hostnamealiases), where entries have
# such a name as mailHost:
# aliases = ["mailhost.siroe.com"]
smtp_port = 25
imap_port = 143
pop_port = 110
http_port = 80

# How the mail is moved.
[store]
# Sessions at once; 0: 10 to 15, fewer where there are fewer users.
sessions = 0
tape_device = "/dev/rmt/0"
# auto: by a look at the disk (two and a half times the store). stream or tape: whatever it says.
disk = "auto"
# On-line, old mail comes into a store in use. An inbox that has got new mail by then:
#   mixed  holds old and new mail together
#   twin   stays as it is; the old one comes in beside it, with the date in its name
same_names = "mixed"

# The new server relays for nobody unless it is told to. Networks whose mail it may pass on:
[relay]
networks = []
# networks = ["192.0.2.0/24", "198.51.100.7"]

# Optional: the DNS server that is asked for names; else those of this machine.
# [dns]
# resolver = "192.0.2.53:53"

# Optional: when mail may be down, in local time.
# [window]
# begin = "2026-11-28T22:00"
# end = "2026-11-29T06:00"

# Optional: what is different from the guide at your site; plan and report show it with its reason.
# `skip` leaves a step out; `replace`, `before` and `after` bring one of your own, as in a scenario
# file (see `imsmigrate plan --draft --format json` for the ids).
# [[changes]]
# reason = "There is no Delegated Administrator here."
# skip = "load-admin-acis"
"#;

const HOST: &str = r#"[[hosts]]
name = "{name}"
# The name that commands, settings and directory entries use.
fqdn = "{fqdn}"
roles = [{roles}]
# How commands get there:
#   local    the wizard runs on that host
#   ssh      through the system's OpenSSH; set ssh_destination, and ssh_options if you need any
#   by-hand  you run each command and paste the result
#   via      through a launcher that is put before each command; set via
transport = "local"
# ssh_destination = "root@{fqdn}"
# ssh_options = ["-o", "ConnectTimeout=10"]
# Where the wizard connects when it is not the name above, and what it adds to each port then:
# address = "192.0.2.10"
# port_offset = 0
"#;

/// What is different for a site with Netscape Messaging Server.
const NMS: &[(&str, &str)] = &[
    (
        "# The suffix below which SIMS keeps its users.\nbase_dn = \"o=internet\"",
        "# The suffix below which Netscape Messaging Server keeps its users.\nbase_dn = \"o=siroe.com\"",
    ),
    (
        "default_domain_dn = \"dc=siroe,dc=com,o=internet\"",
        "default_domain_dn = \"o=siroe.com\"",
    ),
];

/// The old server's part of such a site.
const NMS_OLD: &str = r#"# The old mail server, Netscape Messaging Server 4.x.
[old]
server_root = "/usr/netscape/server4"
# Its instance: where its configutil, start-msg and stop-msg are.
instance_root = "/usr/netscape/server4/msg-mail"
# The user it runs as: whose its message store is.
store_user = "nsmail"
# The command that lists its queue; it has to be the one of its sendmail emulator.
mailq = "/usr/bin/mailq"
# The port at which it only works its queue off.
drain_port = 901
smtp_port = 25
imap_port = 143
pop_port = 110
# The new product's script that prepares a directory.
dssetup = "/cdrom/iplanet/solaris/ims_dssetup.pl"

# Every partition of its message store, as `configutil -p store.partition` lists them.
[old.partitions]
primary = "/usr/netscape/server4/msg-mail/store/partition/primary"

"#;

/// The text for a site with Netscape Messaging Server.
fn nms() -> String {
    let mut text = TEMPLATE.to_owned();
    for (from, to) in NMS {
        text = text.replace(from, to);
    }
    let begin = text
        .find("# The old mail server, SIMS")
        .unwrap_or(text.len());
    let end = text.find("# The new mail server,").unwrap_or(text.len());
    let (before, after) = (text.get(..begin), text.get(end..));
    [before, Some(NMS_OLD), after]
        .into_iter()
        .flatten()
        .collect()
}

/// Returns the text of a new site file for a scenario.
///
/// # Errors
/// When there is no such scenario.
pub fn template(scenario: &str) -> Result<String, ScenarioError> {
    let scenario = scenario::load(scenario)?;
    let mut hosts = scenario.example_hosts.clone();
    if hosts.is_empty() {
        hosts.push(ExampleHost {
            name: "mail".to_owned(),
            fqdn: "mail.siroe.com".to_owned(),
            address: None,
            roles: scenario.roles.clone(),
        });
    }
    let named = |role: Role| {
        let host = hosts.iter().find(|host| host.roles.contains(&role));
        host.map_or("mail", |host| host.name.as_str())
    };
    let several: Vec<String> = (0..).zip(&hosts).map(host).collect();
    let text = match scenario.product {
        Product::Sims => TEMPLATE.to_owned(),
        Product::Nms => nms(),
    };
    Ok(text
        .replace("{scenario}", &scenario.id)
        .replace("{title}", scenario.title.trim_end_matches('.'))
        .replace("{hosts}", &several.join("\n"))
        .replace("{directory}", named(Role::Directory))
        .replace("{new}", named(Role::New)))
}

/// One `[[hosts]]`; the first says what the keys mean.
fn host((index, host): (usize, &ExampleHost)) -> String {
    let roles: Vec<String> = host
        .roles
        .iter()
        .map(|role| format!("\"{role}\""))
        .collect();
    let (name, fqdn, roles) = (&host.name, &host.fqdn, roles.join(", "));
    let address = host
        .address
        .as_ref()
        .map(|a| format!("address = \"{a}\"\n"));
    if index > 0 {
        let address = address.unwrap_or_default();
        return format!(
            "[[hosts]]\nname = \"{name}\"\nfqdn = \"{fqdn}\"\n{address}roles = [{roles}]\n\
             transport = \"ssh\"\nssh_destination = \"root@{fqdn}\"\n"
        );
    }
    let example = "# address = \"192.0.2.10\"\n";
    HOST.replace("{name}", name)
        .replace("{fqdn}", fqdn)
        .replace("{roles}", &roles)
        .replace(example, address.as_deref().unwrap_or(example))
}
