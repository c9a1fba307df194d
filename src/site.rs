//! What the admin says: hosts, ports, DNs, paths; never a secret.
//!
//! # The file
//!
//! A site file is TOML. This is the whole of it, with the values of the guide's example; keys with a
//! default may be left out, others (`scenario`, `hosts`, `directory.base_dn`,
//! `directory.default_domain_dn`, `new.default_domain`, …) may not; an unknown key is an error.
//! `imsmigrate site new SCENARIO` prints the same with comments.
//!
//! ```toml
//! scenario = "sims-offline"
//! label = "live"                      # practice | live; a practice site shows PRACTICE everywhere
//! secrets_file = "secrets.toml"       # optional; relative to the site file; NAME = "value" lines
//!
//! [[hosts]]
//! name = "mail"                       # short name
//! fqdn = "mail.siroe.com"             # the name that commands, settings and entries use
//! address = "192.0.2.10"              # optional: where to connect; else the fqdn is resolved
//! port_offset = 0                     # added to a port when the wizard itself connects: a tunnel,
//!                                     # or the `port_base` of a lab
//! roles = ["old", "new", "directory"]
//! transport = "local"                 # local | via | ssh | by-hand
//! via = []                            # transport via: the launcher's argv
//! # ssh_destination = "root@mail"     # transport ssh
//! # ssh_options = []                  # transport ssh: arguments of ssh before the destination
//!
//! [directory]
//! port = 389                          # well known, as the commands on the hosts name it
//! base_dn = "o=internet"
//! bind_dn = "cn=Directory Manager"
//! default_domain_dn = "dc=siroe,dc=com,o=internet"
//! server_root = "/usr/netscape/server4"
//! instance_root = "/usr/netscape/server4/slapd-mail"
//! tls = "none"                        # none | starttls | ldaps
//! schema_files = "/cdrom/iplanet/solaris/migrate/schema"
//!
//! [old]
//! sbin = "/opt/SUNWmail/sbin"
//! imbackup = "/opt/SUNWmail/sbin/imbackup"
//! store_root = "/var/opt/SUNWmail/ims"
//! queue_root = "/var/opt/SUNWmail/imta/queue"
//! config = "/etc/opt/SUNWmail/ims/ims.cnf"
//! store_user = "inetmail"
//! aliases = []                        # what else entries call it as their mail host
//! login_separator = "@"
//! smtp_port = 25
//! imap_port = 143
//! pop_port = 110
//!
//! [new]
//! server_root = "/usr/iplanet/server5"
//! instance_root = "/usr/iplanet/server5/msg-mail"
//! installer = "/cdrom/iplanet/setup"
//! config_directory_port = 390
//! config_suffix = "o=siroe.com"
//! mail_user = "mailsrv"
//! mail_group = "mail"
//! default_domain = "siroe.com"
//! smtp_port = 25
//! imap_port = 143
//! pop_port = 110
//! http_port = 80
//!
//! [store]
//! sessions = 0                        # 0: 10 to 15, fewer where there are fewer users
//! tape_device = "/dev/rmt/0"
//! disk = "auto"                       # auto | stream | tape
//! same_names = "mixed"                # mixed | twin: a folder that is there already, when mail is
//!                                     # moved into a store in use
//!
//! [relay]
//! networks = ["192.0.2.0/24"]
//!
//! [dns]                               # optional
//! resolver = "192.0.2.53:53"          # the DNS server to ask; else those of this machine
//!
//! [window]                            # optional: when mail may be down
//! begin = "2026-11-28T22:00"
//! end = "2026-11-29T06:00"
//!
//! [batches]                           # in scenarios that move users in batches
//! number = 4                          # balanced by the size of the mailboxes
//! pilot = 5                           # users in the first of them; 0: as many as in the others
//! # [[batches.own]]                   # or the site's own: every user in exactly one
//! # name = "sales"
//! # filter = "(departmentNumber=7)"   # or: users = ["ann", "bob@florizel.com"]
//!
//! [[changes]]                         # what is different here, as often as needed
//! reason = "There is no Delegated Administrator here."
//! skip = "load-admin-acis"            # or replace, before, after; then with [changes.step]
//! ```
//!
//! Secrets, by name: `directory` (the password of `directory.bind_dn`), `config-directory` (of the
//! new configuration directory's manager, chosen at installation), `admin` (of its administrator,
//! likewise).

pub mod choices;
pub mod file;
pub mod procedure;
pub mod template;
pub mod types;
pub mod validate;

pub use choices::{Dns, SameNames, Variant};
pub use file::SiteError;
pub use procedure::ProcedureError;
pub use template::template;
pub use types::{Batches, Disk, Label, OwnBatch, Site, SiteHost, StepChange, Tls, Transport};

#[cfg(test)]
mod tests;
