//! The file that `site new` writes: every field, commented, with the guide's example values.

use crate::scenario::{self, ScenarioError};

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
[[hosts]]
name = "mail"
# The name that commands, settings and directory entries use.
fqdn = "mail.siroe.com"
roles = ["old", "new", "directory"]
# How commands get there:
#   local    the wizard runs on that host
#   ssh      through the system's OpenSSH; set ssh_destination, and ssh_options if you need any
#   by-hand  you run each command and paste the result
#   via      through a launcher that is put before each command; set via
transport = "local"
# ssh_destination = "root@mail.siroe.com"
# ssh_options = ["-o", "ConnectTimeout=10"]
# Where the wizard connects when it is not the name above, and what it adds to each port then:
# address = "192.0.2.10"
# port_offset = 0

# The directory of users and groups. It stays; its entries are upgraded.
[directory]
port = 389
# The suffix below which SIMS keeps its users.
base_dn = "o=internet"
bind_dn = "cn=Directory Manager"
# The default organisation.
default_domain_dn = "dc=siroe,dc=com,o=internet"
server_root = "/usr/netscape/server4"
instance_root = "/usr/netscape/server4/slapd-mail"
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
# What stands between user and domain when users of hosted domains log in: "@" or "+".
login_separator = "@"
smtp_port = 25
imap_port = 143
pop_port = 110

# The new mail server, iPlanet Messaging Server 5.2.
[new]
server_root = "/usr/iplanet/server5"
# msg- and the host's short name.
instance_root = "/usr/iplanet/server5/msg-mail"
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

# The new server relays for nobody unless it is told to. Networks whose mail it may pass on:
[relay]
networks = []
# networks = ["192.0.2.0/24", "198.51.100.7"]

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

/// Returns the text of a new site file for a scenario.
///
/// # Errors
/// When there is no such scenario.
pub fn template(scenario: &str) -> Result<String, ScenarioError> {
    let scenario = scenario::load(scenario)?;
    Ok(TEMPLATE
        .replace("{scenario}", &scenario.id)
        .replace("{title}", scenario.title.trim_end_matches('.')))
}
