//! The fields of a site as the form shows them: path in the file, label, one line of help, kind.
//!
//! Pure data. What the file knows and this table does not is kept as it was loaded.

use crate::scenario::Role;

/// What a field holds and how it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One line that has to be said.
    Text,
    /// One line that may be left empty.
    Optional,
    /// A whole number.
    Number,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// One of a few words, for an optional key: empty leaves it out.
    OptionalChoice(&'static [&'static str]),
    /// Many lines, one item a line.
    List,
    /// Whether the host plays a role.
    Plays(Role),
    /// A button that adds a host.
    AddHost,
    /// A button that takes the host out.
    RemoveHost,
}

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its place in the file; for a host's field, within the host.
    pub path: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// The words for yes and no.
pub const YES_NO: &[&str] = &["no", "yes"];
/// The words for how commands get to a host.
pub const TRANSPORTS: &[&str] = &["local", "ssh", "via", "by-hand"];

const fn field(path: &'static str, label: &'static str, kind: Kind, help: &'static str) -> Spec {
    Spec {
        path,
        label,
        help,
        kind,
    }
}

/// The fields of one host.
#[rustfmt::skip]
pub static HOST: &[Spec] = &[
    field("name", "Short name", Kind::Text, "What the wizard calls this host, such as mail."),
    field("fqdn", "Full name", Kind::Text, "The name that commands, settings and entries use, such as mail.siroe.com."),
    field("roles", "Is the old mail server", Kind::Plays(Role::Old), "Exactly one host is. Space changes it."),
    field("roles", "Is the new mail server", Kind::Plays(Role::New), "Exactly one host is; off-line it is the old one too."),
    field("roles", "Has the directory", Kind::Plays(Role::Directory), "Exactly one host has the directory of users and groups."),
    field("transport", "Commands get there by", Kind::Choice(TRANSPORTS), "local: the wizard runs there; ssh; via: a launcher; by-hand: you run them."),
    field("ssh_destination", "ssh destination", Kind::Optional, "As for ssh itself, such as root@mail.siroe.com."),
    field("ssh_options", "ssh options", Kind::List, "Arguments of ssh before the destination, one a line."),
    field("via", "Launcher", Kind::List, "What is put before each command, one argument a line."),
    field("address", "Address", Kind::Optional, "Where the wizard connects; empty: the full name is resolved."),
    field("port_offset", "Added to ports", Kind::Number, "What is added to a port when the wizard connects: tunnels, or a lab. Else 0."),
    field("", "Take this host out", Kind::RemoveHost, "Its fields go; nothing happens to the host."),
];

/// The fields of a site, by section, after the hosts.
#[rustfmt::skip]
pub static SECTIONS: &[(&str, &[Spec])] = &[
    ("Directory", &[
        field("directory.port", "Port", Kind::Number, "The port of the directory of users and groups, as its host names it."),
        field("directory.base_dn", "Base DN", Kind::Text, "The suffix below which the old server keeps its users, such as o=internet."),
        field("directory.default_domain_dn", "Default domain's DN", Kind::Text, "The entry of the default organisation, below the base DN."),
        field("directory.bind_dn", "Bind DN", Kind::Text, "Who the wizard is to the directory; its password is asked for, never kept here."),
        field("directory.tls", "Protection", Kind::Choice(&["none", "starttls", "ldaps"]), "How the connection to the directory is protected."),
        field("directory.server_root", "Server root", Kind::Text, "The folder of the directory server."),
        field("directory.instance_root", "Instance", Kind::Text, "Its instance: slapd- and a name, below the server root."),
        field("directory.schema_files", "Merged schema files", Kind::Text, "The folder with merged.at.conf and merged.oc.conf."),
    ]),
    ("Old mail server", &[
        field("old.sbin", "Commands", Kind::Text, "The folder of the old server's commands."),
        field("old.imbackup", "imbackup", Kind::Text, "Some systems have it as /opt/SUNWmail/ims/sbin/imbackup."),
        field("old.store_root", "Message store", Kind::Text, "The folder of the old message store."),
        field("old.queue_root", "Queues", Kind::Text, "The folder of the old server's queues."),
        field("old.config", "Store configuration", Kind::Text, "The old message store's configuration file, ims.cnf."),
        field("old.store_user", "Store's owner", Kind::Text, "The user the old message store belongs to."),
        field("old.login_separator", "Login separator", Kind::OptionalChoice(&["@", "+"]), "What stands between user and domain when people of hosted domains log in."),
        field("old.smtp_port", "SMTP port", Kind::Number, "Where the old server takes mail in."),
        field("old.imap_port", "IMAP port", Kind::Number, "Where the old server shows mail."),
        field("old.pop_port", "POP port", Kind::Number, "Where the old server gives mail away."),
    ]),
    ("New mail server", &[
        field("new.server_root", "Server root", Kind::Text, "The folder the new server is installed in."),
        field("new.instance_root", "Instance", Kind::Text, "msg- and the host's short name, below the server root."),
        field("new.installer", "Installer", Kind::Text, "The vendor's setup program."),
        field("new.config_directory_port", "Its directory's port", Kind::Number, "The configuration directory's port: another than the users' directory has."),
        field("new.config_suffix", "Its directory's suffix", Kind::Text, "The suffix its directory gets for users; it stays empty."),
        field("new.mail_user", "Runs as user", Kind::Text, "The user the new server runs as."),
        field("new.mail_group", "Runs as group", Kind::Text, "The group the new server runs as."),
        field("new.default_domain", "Default mail domain", Kind::Text, "Such as siroe.com."),
        field("new.aliases", "Its other names", Kind::List, "What else it takes for its own name, where entries have such a mailHost; one a line."),
        field("new.smtp_port", "SMTP port", Kind::Number, "Where the new server takes mail in."),
        field("new.imap_port", "IMAP port", Kind::Number, "Where the new server shows mail."),
        field("new.pop_port", "POP port", Kind::Number, "Where the new server gives mail away."),
        field("new.http_port", "Webmail port", Kind::Number, "Where the new server shows mail to browsers."),
    ]),
    ("Move of the mail", &[
        field("store.sessions", "Sessions at once", Kind::Number, "0: the wizard chooses 10 to 15, fewer where there are fewer users."),
        field("store.disk", "Way of the mail", Kind::Choice(&["auto", "stream", "tape"]), "auto: by a look at the disk; stream: store to store; tape: by way of a tape."),
        field("store.tape_device", "Tape device", Kind::Text, "Where the tape is, should it be needed."),
        field("store.same_names", "A folder that is there", Kind::Choice(&["mixed", "twin"]), "On-line: old mail goes into the new inbox (mixed) or into one beside it with a date (twin)."),
        field("relay.networks", "May relay", Kind::List, "Networks whose mail the new server passes on, such as 192.0.2.0/24."),
    ]),
    ("Maintenance window", &[
        field("window.begin", "Mail may be down from", Kind::Optional, "Local time, such as 2026-11-28T22:00; empty: no window. Gates show what is left."),
        field("window.end", "until", Kind::Optional, "Local time, such as 2026-11-29T06:00."),
    ]),
    ("This site", &[
        field("dns.resolver", "DNS server", Kind::Optional, "Address and port of the DNS server to ask, such as 192.0.2.53:53; empty: this machine's."),
        field("label", "Label", Kind::Choice(&["live", "practice"]), "practice reaches nothing but a lab on this machine; live is the real thing."),
        field("secrets_file", "Secrets file", Kind::Optional, "The path of a file of mode 0600 with the passwords; empty: they are asked for."),
    ]),
];

/// The button below the hosts.
pub static ADD_HOST: Spec = field(
    "",
    "Add a host",
    Kind::AddHost,
    "For when the directory or a server is on a host of its own.",
);

#[cfg(test)]
mod tests {
    use super::{HOST, SECTIONS};
    use crate::scenario::names::FIELDS;

    #[test]
    fn every_field_a_scenario_may_name_can_be_filled_in() {
        let paths: Vec<&str> = SECTIONS
            .iter()
            .flat_map(|(_, specs)| specs.iter().map(|spec| spec.path))
            .collect();
        // What follows from other fields.
        let derived = [
            "scenario",
            "variant",
            "store.same_names_option",
            "old.remote_shell",
            // Of Netscape's server alone; said in the file, and kept as it has them.
            "old.server_root",
            "old.instance_root",
            "old.drain_port",
            "old.mailq",
            "old.dssetup",
            "old.partitions",
        ];
        for (name, _) in FIELDS {
            let last = name.rsplit('.').next();
            let of_a_host = matches!(last, Some("host" | "address"));
            assert!(
                derived.contains(name) || of_a_host || paths.contains(name),
                "{name} has no field"
            );
        }
    }

    #[test]
    fn labels_and_help_fit_the_smallest_screen_in_two_lines() {
        let all = SECTIONS.iter().flat_map(|(_, specs)| specs.iter());
        for spec in all.chain(HOST) {
            assert!(spec.label.len() <= 24, "{}", spec.label);
            assert!(spec.help.len() <= 110, "{}", spec.help);
        }
    }
}
