//! The names a scenario may use: checks, facts, services, secrets and placeholders.

/// The checks there are: id, and the question it answers.
pub const CHECKS: &[(&str, &str)] = &[
    (
        "ldap-answers",
        "Does the directory answer, and does it take the password?",
    ),
    ("base-dn", "Does the base DN exist, with users below it?"),
    (
        "directory-backup",
        "Is the directory's LDIF file there, whole, with every entry?",
    ),
    (
        "schema-merged",
        "Does the directory know the new server's schema?",
    ),
    (
        "directory-product",
        "Is the directory the product and release the procedure was written for?",
    ),
    (
        "mail-hosts",
        "Does every mailHost name the new server, as it calls itself?",
    ),
    ("slapd-up", "Is the directory server up?"),
    (
        "smtp-closed",
        "Does the old server refuse new mail, while it still delivers?",
    ),
    ("queue-empty", "Are the old server's queues empty?"),
    ("sims-stopped", "Are all processes of the old server gone?"),
    (
        "disk-space",
        "Is there room for the new store beside the old one?",
    ),
    (
        "inodes",
        "Can the new store make as many files as it needs?",
    ),
    (
        "var-mail",
        "Is all mail in the message store, and none in /var/mail?",
    ),
    (
        "mailbox-owners",
        "Has every mailbox of the old store an entry in the directory?",
    ),
    ("folder-names", "Can every folder keep its name?"),
    (
        "tape-holds-everyone",
        "Can every user of the old store be read back from the tape?",
    ),
    ("old-store-removed", "Is the old store gone?"),
    (
        "config-directory-port",
        "Is the port for the configuration directory free, or its own?",
    ),
    (
        "ims-installed",
        "Is the new server installed, its tools where they should be?",
    ),
    (
        "setup-answers",
        "Does what the installer was told agree with the site?",
    ),
    ("ims-stopped", "Are all processes of the new server gone?"),
    ("ims-up", "Is the new server up, on all its ports?"),
    (
        "only-store-up",
        "Is the new message store up, and nothing else of the new server?",
    ),
    ("store-stopped", "Is the new message store down?"),
    ("settings", "Does the new server read back the settings?"),
    ("synclevel-0", "Is the new store's sync level 0?"),
    (
        "synclevel-default",
        "Is the new store's sync level back at -1?",
    ),
    ("uids", "Can every user id be a store name?"),
    ("entries", "Can every entry be upgraded as it is?"),
    (
        "login-separator",
        "Do both servers use the same login separator?",
    ),
    (
        "domains-upgraded",
        "Does every domain entry have the new schema?",
    ),
    ("upgraded", "Does every entry have the new schema?"),
    (
        "mailboxes-complete",
        "Does every mailbox hold what it held before?",
    ),
    ("dirsync-done", "Does the new server know every address?"),
    ("relay", "May the site's networks relay, and nobody else?"),
    (
        "relay-answers",
        "Does the new server relay for the listed networks, and for nobody else?",
    ),
    (
        "aci-loaded",
        "Are the groups and ACIs for delegated administration there?",
    ),
    ("smtp-open", "Does the old server take mail in?"),
    ("sims-up", "Is the old server up, on all its ports?"),
    ("ims-removed", "Is the new server gone?"),
    (
        "old-address-pinned",
        "Is the old host reached by an address that stays when its name is given away?",
    ),
    (
        "dns-ttl",
        "Is the old name's address forgotten soon once it changes?",
    ),
    (
        "dns-records",
        "Do the DNS records of both servers fit together?",
    ),
    ("dns-moved", "Does the old name mean the new host now?"),
    ("dns-as-before", "Does the old name mean the old host?"),
    (
        "domain-hosts",
        "Does no domain name the old server any more?",
    ),
    (
        "old-boot-scripts",
        "Does nothing start the old server with the host?",
    ),
    (
        "one-mail-host",
        "Does every entry name one of the two servers as its mail host?",
    ),
    (
        "room-for-both",
        "Is there room for the new store, with no tape to go round by?",
    ),
    (
        "no-new-mail",
        "Does the new store hold nothing but what was moved?",
    ),
    (
        "smtp-refused",
        "Is the old SMTP server down, at both of its ports?",
    ),
    ("nms-stopped", "Are all processes of the old server gone?"),
    ("nms-up", "Is the old server up, on all its ports?"),
    (
        "nms-store",
        "Is the old message store what the site says, with all its partitions?",
    ),
    (
        "domain-tree",
        "Has the directory a root for the domain tree?",
    ),
    (
        "vanity-domains",
        "Has everybody with the mail of a whole domain what the new server needs for it?",
    ),
    (
        "default-organization",
        "Was the installer's default organization DN taken?",
    ),
    (
        "namespace",
        "Does each domain's node say where its users are, and are they there?",
    ),
    (
        "store-fresh",
        "Is the new message store as it was installed, with nobody's mail in it?",
    ),
    (
        "taken-over",
        "Is everything of the old store where the new server looks for it, and nothing else?",
    ),
    (
        "mailboxes-kept",
        "Does the new server show every mailbox that the old one had?",
    ),
    (
        "quotas",
        "Does the new server know what each user may keep?",
    ),
    (
        "postmasters",
        "Does the new server know the postmaster of each domain?",
    ),
];

/// The facts there are: id, and what is looked up.
pub const FACTS: &[(&str, &str)] = &[
    (
        "disk",
        "whether there is room for both stores: `enough` or `too-little`",
    ),
    ("users", "the mail users, by store id"),
    ("groups", "the mail groups"),
    ("domains", "the mail domains"),
    ("uppercase-uids", "the user ids with an uppercase letter"),
    ("messages", "how many messages the old store holds"),
    ("store-bytes", "how large the old store is"),
    ("queue", "the messages in the old server's queues"),
    ("schema", "which parts of the merged schema are missing"),
    (
        "directory-entries",
        "the entries of domains, users and groups",
    ),
    ("config-values", "the new server's configuration values"),
    ("relay-mappings", "the new server's relay networks"),
    ("tape-users", "the users on the tape"),
    (
        "vanity-domains",
        "the users who have the mail of a whole domain",
    ),
    (
        "acis",
        "whether the directory keeps access rules in its entries, in the attribute `aci`",
    ),
    (
        "late-users",
        "the users who were created after the batches were cut",
    ),
];

/// The services a `service` action may name.
pub const SERVICES: &[&str] = &[
    "sims-dispatcher",
    "sims",
    "nms-smtp",
    "nms",
    "slapd",
    "ims",
    "ims-store",
];

/// The secrets there are: name, and how one is shown.
pub const SECRETS: &[(&str, &str)] = &[
    ("directory", "directory password"),
    ("config-directory", "configuration directory password"),
    ("admin", "administrator password"),
];

/// Placeholders that have a value only inside a run or a session; a plan shows them as `<name>`.
pub const LATE: &[(&str, &str)] = &[
    ("run", "the run's id"),
    ("batch", "the batch, in steps with `each = \"batch\"`"),
    ("user_file", "the session's list of users"),
    (
        "rename_map_option",
        "`-u` and the rename map, when a user id has an uppercase letter",
    ),
    ("partition", "the name of a partition of the message store"),
    ("partition_path", "the path of that partition"),
    (
        "secret_file",
        "a 0600 file that is made for this command and removed after it",
    ),
];

/// The fields of a site that a scenario may name, as placeholders and in conditions.
pub const FIELDS: &[(&str, &str)] = &[
    ("scenario", "the scenario"),
    ("variant", "the variant"),
    ("old.host", "the old mail server's name"),
    ("old.address", "the old mail server's address"),
    (
        "old.remote_shell",
        "how the guide reaches the old host from the new one",
    ),
    ("old.sbin", "the folder of the old server's commands"),
    ("old.imbackup", "the old server's imbackup"),
    ("old.store_root", "the old message store"),
    ("old.queue_root", "the old server's queues"),
    ("old.config", "the old message store's configuration file"),
    ("old.store_user", "the owner of the old message store"),
    ("old.login_separator", "the old server's login separator"),
    ("old.server_root", "the old server's root"),
    ("old.instance_root", "the old server's instance"),
    (
        "old.drain_port",
        "the port at which the old server only works its queue off",
    ),
    ("old.mailq", "the command that lists the old server's queue"),
    ("old.partitions", "the partitions of the old message store"),
    (
        "old.dssetup",
        "the script that prepares the directory for the new server",
    ),
    ("old.smtp_port", "the old server's SMTP port"),
    ("old.imap_port", "the old server's IMAP port"),
    ("old.pop_port", "the old server's POP port"),
    ("new.host", "the new mail server's name"),
    ("new.address", "the new mail server's address"),
    ("new.server_root", "the new server's root"),
    ("new.instance_root", "the new server's instance"),
    ("new.installer", "the new server's installer"),
    (
        "new.config_directory_port",
        "the configuration directory's port",
    ),
    (
        "new.config_suffix",
        "the configuration directory's own user suffix",
    ),
    ("new.mail_user", "the user the new server runs as"),
    ("new.mail_group", "the group the new server runs as"),
    ("new.default_domain", "the default mail domain"),
    ("new.smtp_port", "the new server's SMTP port"),
    ("new.imap_port", "the new server's IMAP port"),
    ("new.pop_port", "the new server's POP port"),
    ("new.http_port", "the new server's HTTP port"),
    ("directory.host", "the directory server's name"),
    ("directory.address", "the directory server's address"),
    ("directory.port", "the directory server's port"),
    ("directory.base_dn", "the suffix of users and groups"),
    ("directory.bind_dn", "the directory manager"),
    ("directory.default_domain_dn", "the default domain's DN"),
    ("directory.server_root", "the directory server's root"),
    ("directory.instance_root", "the directory server's instance"),
    (
        "directory.tls",
        "how the connection to the directory is protected",
    ),
    (
        "directory.schema_files",
        "the folder of the merged schema files",
    ),
    ("store.sessions", "how many sessions at once"),
    ("store.tape_device", "the tape device"),
    ("store.disk", "how the mail is moved"),
    (
        "store.same_names",
        "what becomes of a folder that is there already",
    ),
    (
        "store.same_names_option",
        "`-n`, where such a folder gets a twin",
    ),
    ("dns.resolver", "the DNS server that is asked"),
    ("relay.networks", "the list of networks that may relay"),
];

/// Returns what people call a field of the site.
pub fn field_title(field: &str) -> String {
    FIELDS
        .iter()
        .find(|(name, _)| *name == field)
        .map_or_else(|| format!("`{field}`"), |(_, title)| (*title).to_owned())
}

/// Returns a condition on a fact as people would say it, where there are words for it.
pub fn fact_sentence(fact: &str, is: &str) -> Option<String> {
    let words = match (fact, is) {
        ("disk", "enough") => "there is disk space for both stores",
        ("disk", "too-little") => "there is too little disk space for both stores",
        ("acis", "present") => {
            "the directory keeps access rules in its entries, in the attribute `aci`"
        }
        ("late-users", "present") => "users were created after the batches were cut",
        ("uppercase-uids", "present") => "a user id has an uppercase letter",
        ("uppercase-uids", "absent") => "no user id has an uppercase letter",
        _ => return None,
    };
    Some(words.to_owned())
}

/// Returns how a secret is shown, such as `directory password`.
pub fn secret_title(name: &str) -> Option<&'static str> {
    SECRETS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, title)| *title)
}

/// Says whether a placeholder is one that a scenario may use (without its braces).
pub fn is_placeholder(name: &str) -> bool {
    let fact = |id: &str| FACTS.iter().any(|(known, _)| *known == id);
    if let Some(secret) = name.strip_prefix("secret.") {
        return secret_title(secret).is_some();
    }
    if let Some(id) = name
        .strip_prefix("count.")
        .or_else(|| name.strip_prefix("fact."))
    {
        return fact(id);
    }
    FIELDS.iter().chain(LATE).any(|(known, _)| *known == name)
}

/// Returns every placeholder there is, for a hint at the nearest one.
pub fn placeholders() -> Vec<String> {
    let mut all: Vec<String> = FIELDS
        .iter()
        .chain(LATE)
        .map(|(name, _)| (*name).to_owned())
        .collect();
    all.extend(SECRETS.iter().map(|(name, _)| format!("secret.{name}")));
    for (name, _) in FACTS {
        all.push(format!("count.{name}"));
        all.push(format!("fact.{name}"));
    }
    all
}
