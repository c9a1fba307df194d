//! The day before the move at a site with Netscape Messaging Server: its files, and its directory.
//!
//! Layout: `domain/stores.md` 2. Entries: `domain/directory.md` 4.7 and the Netscape half of the
//! schema facts; users and groups are below `o=siroe.com`, and there is no domain tree.

use super::directory::Ldif;
use super::people::{DOMAIN, Delivery, Group, HOSTED, Person, Population};
use super::residents::Town;
use crate::base::places::write_private;
use crate::lab::commands;
use crate::lab::ims::list::List;
use crate::lab::ims::names;
use crate::lab::ims::quota::{self, Quota};
use crate::lab::ims::{ImsStore, list};
use crate::lab::nms::{self, SECOND, SERVER_ROOT};
use crate::lab::world::{HostConfig, Lab, LabError};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The suffix of users and groups.
pub(super) const SUFFIX: &str = "o=siroe.com";
/// What the old server lets each user keep, by store id; none for no limit.
const LIMIT: u64 = 50 << 20;

/// Commands of the old mail server in its instance, and elsewhere.
const INSTANCE_COMMANDS: &[&str] = &["configutil", "start-msg", "stop-msg"];
const COMMANDS: &[&str] = &[
    "/usr/netscape/server4/bin/msg/admin/bin/mboxutil",
    "/usr/bin/mailq",
    "/usr/bin/ls",
    "/usr/bin/chown",
    "/usr/bin/su",
    "/usr/bin/perl",
];

/// Where the new product's script for the directory is.
pub(super) const DSSETUP: &str = "/cdrom/iplanet/solaris/ims_dssetup.pl";

/// Fills the host of the old server.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn server(lab: &Lab, host: &HostConfig) -> Result<(), LabError> {
    let instance = nms::instance(lab, host);
    commands::write(lab, host, COMMANDS)?;
    for name in INSTANCE_COMMANDS {
        let path = format!("{SERVER_ROOT}/msg-{}/{name}", host.name);
        commands::write(lab, host, &[&path])?;
    }
    let root = lab.root(host);
    let partitions = nms::partitions(lab, host);
    for folder in [
        "config",
        "log",
        "smtp-bin/queue/local",
        "store/mboxlist",
        "store/session",
        "store/user",
    ] {
        make_dir(&instance.root.join(folder))?;
    }
    for path in partitions.values() {
        make_dir(path)?;
    }
    write(
        &instance.file("msg.conf"),
        "# Netscape Messaging Server 4.15\n",
    )?;
    let directory = lab.host_with_role("directory")?;
    for (name, value) in [
        ("local.hostname", host.fqdn.as_str()),
        ("local.serveruid", "nsmail"),
        ("local.ugldapbasedn", lab.config.suffix.as_str()),
        ("local.ugldaphost", &directory.fqdn),
        ("local.ugldapport", "389"),
        ("service.imap.port", "143"),
        ("service.pop.port", "110"),
        ("service.smtp.port", "25"),
    ] {
        instance.set_local(name, value)?;
    }
    for (name, path) in &partitions {
        let path = format!("/{}", path.strip_prefix(&root).unwrap_or(path).display());
        instance.set_local(&format!("store.partition.{name}.path"), &path)?;
    }
    write(&instance.root.join(list::NMS_LIST), "")?;
    List::note(&instance.root, &root, &partitions)?;
    write(
        &root.join("etc/passwd"),
        "root:x:0:1::/:/sbin/sh\nnobody:x:60001:60001::/:\n\
         nsmail:x:101:6:Netscape mail:/:\nmailsrv:x:102:6:iPlanet mail:/:\n",
    )?;
    let script = root.join(DSSETUP.trim_start_matches('/'));
    if let Some(folder) = script.parent() {
        make_dir(folder)?;
    }
    write(
        &script,
        "#!/usr/bin/perl\n# iPlanet Messaging Server 5.2: run by perl.\n",
    )
}

/// The partition of a user's mailboxes: one in four is on the second disk.
pub(super) fn partition(id: &str) -> &'static str {
    if id.len().is_multiple_of(4) {
        SECOND.0
    } else {
        "primary"
    }
}

/// Writes quotas and subscriptions, once the mail is there.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn finish(lab: &Lab, town: &Town) -> Result<(), LabError> {
    let host = lab.host_with_role("old")?;
    let instance = nms::instance(lab, host);
    let mut used: BTreeMap<String, u64> = BTreeMap::new();
    let mut folders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for mailbox in ImsStore::open(&instance.root)?.mailboxes()? {
        *used.entry(mailbox.user.clone()).or_default() += mailbox.bytes;
        folders
            .entry(mailbox.user)
            .or_default()
            .insert(mailbox.folder);
    }
    let quotas: Vec<Quota> = town
        .residents
        .iter()
        .map(|resident| Quota {
            user: resident.store_id.clone(),
            limit: Some(LIMIT),
            used: used.get(&resident.store_id).copied().unwrap_or(0),
            form: 4,
        })
        .collect();
    quota::write(&instance.root.join(quota::NMS_FILE), &quotas)?;
    let mut expected = String::new();
    for (user, folders) in folders {
        let mut text = String::new();
        // Everybody but for one folder, the last: what is not subscribed stays so.
        let count = folders.len().saturating_sub(1).max(1);
        for folder in folders.iter().take(count) {
            text.push_str(folder);
            text.push('\n');
            let _ = writeln!(expected, "{user}\t{folder}");
        }
        let name = format!("{}.sub", names::encode(&user));
        write(&instance.root.join("store/user").join(name), &text)?;
    }
    let path = lab.dir.join("subscriptions.txt");
    write_private(&path, expected.as_bytes()).map_err(LabError::file(path))
}

/// The DN of somebody's entry.
pub(super) fn dn(person: &Person) -> String {
    let base = if person.domain == HOSTED {
        format!("o={HOSTED},{SUFFIX}")
    } else {
        SUFFIX.to_owned()
    };
    format!("uid={},ou=People,{base}", person.store_id())
}

/// Returns the whole directory as LDIF, parents before children.
pub(super) fn ldif(population: &Population, mail_host: &str) -> String {
    let mut ldif = Ldif::default();
    for (dn, name) in [
        (SUFFIX.to_owned(), DOMAIN),
        (format!("o={HOSTED},{SUFFIX}"), HOSTED),
    ] {
        ldif.entry(&dn);
        ldif.all("objectClass", &["top", "organization"]);
        ldif.value("o", name);
        for unit in ["People", "Groups"] {
            ldif.entry(&format!("ou={unit},{dn}"));
            ldif.all("objectClass", &["top", "organizationalUnit"]);
            ldif.value("ou", unit);
        }
    }
    for (number, person) in population.people.iter().enumerate() {
        write_person(&mut ldif, person, number, mail_host);
    }
    if population.people.len() >= 10 {
        write_odd(&mut ldif, mail_host);
    }
    for group in &population.groups {
        write_group(&mut ldif, group, mail_host);
    }
    ldif.text
}

fn write_person(ldif: &mut Ldif, person: &Person, number: usize, mail_host: &str) {
    ldif.entry(&dn(person));
    ldif.all(
        "objectClass",
        &[
            "top",
            "person",
            "organizationalPerson",
            "inetOrgPerson",
            "mailRecipient",
            "nsMessagingServerUser",
        ],
    );
    ldif.value("cn", &person.name());
    ldif.value("sn", &person.family);
    ldif.value("givenName", &person.given);
    ldif.value("uid", &person.store_id());
    ldif.value("userPassword", &person.password);
    ldif.value("mail", &person.mail);
    for alias in &person.aliases {
        ldif.value("mailAlternateAddress", alias);
    }
    if number == 3 {
        // A whole domain in one mailbox, as Netscape's server has it.
        ldif.value("mailAlternateAddress", "@quist.example.net");
    }
    ldif.value("mailHost", mail_host);
    if partition(&person.store_id()) == SECOND.0 {
        ldif.value("mailMessageStore", SECOND.1);
    }
    if let Some(bytes) = person.quota.map(bytes) {
        ldif.value("mailQuota", &bytes);
    }
    if number % 7 == 4 {
        ldif.value("nsmsgNumMsgQuota", "0");
    }
    if !person.can_log_in() {
        ldif.value("nsmsgDisallowAccess", "pop, imap, smtp");
    } else if !person.services.is_empty() && !person.services.contains(&"pop3") {
        ldif.value("nsmsgDisallowAccess", "pop, smtp");
    }
    match &person.delivery {
        Delivery::Mailbox | Delivery::Unsaid => ldif.value("mailDeliveryOption", "mailbox"),
        Delivery::AlsoForward(to) => {
            ldif.value("mailDeliveryOption", "mailbox");
            ldif.value("mailForwardingAddress", to);
        }
        Delivery::Forward(to) => ldif.value("mailForwardingAddress", to),
        Delivery::AutoReply => {
            ldif.value("mailDeliveryOption", "mailbox");
            ldif.value("mailAutoReplyMode", "vacation");
            ldif.value("mailAutoReplyText", "I am away until March.");
        }
        Delivery::Program(program) => {
            ldif.all("mailDeliveryOption", &["mailbox", "program"]);
            ldif.value("mailProgramDeliveryInfo", program);
        }
    }
}

/// Netscape's quota: bytes, 0 for no limit.
fn bytes(quota: &str) -> String {
    if quota == "-1" {
        return "0".to_owned();
    }
    let digits = quota.trim_end_matches(['K', 'M', 'G']);
    let unit: u64 = match quota.chars().last() {
        Some('K') => 1 << 10,
        Some('M') => 1 << 20,
        Some('G') => 1 << 30,
        _ => 1,
    };
    let number: u64 = digits.parse().unwrap_or(0);
    number.saturating_mul(unit).to_string()
}

/// Entries of other forms: a uid that is neither name nor name@domain, an address without a mailbox.
fn write_odd(ldif: &mut Ldif, mail_host: &str) {
    ldif.entry(&format!("uid=reception@desk,ou=People,{SUFFIX}"));
    ldif.all(
        "objectClass",
        &[
            "top",
            "person",
            "organizationalPerson",
            "inetOrgPerson",
            "mailRecipient",
            "nsMessagingServerUser",
        ],
    );
    ldif.value("cn", "Front Desk");
    ldif.value("sn", "Desk");
    ldif.value("uid", "reception@desk");
    ldif.value("mail", &format!("reception@{DOMAIN}"));
    ldif.value("mailHost", mail_host);
    ldif.value("mailForwardingAddress", "desk@pilot.example.org");
    ldif.entry(&format!("cn=Print Shop,ou=People,{SUFFIX}"));
    ldif.all(
        "objectClass",
        &["top", "person", "organizationalPerson", "mailRecipient"],
    );
    ldif.value("cn", "Print Shop");
    ldif.value("sn", "Shop");
    ldif.value("mail", "orders@printshop.example.com");
}

fn write_group(ldif: &mut Ldif, group: &Group, mail_host: &str) {
    let is_postmaster = group.name == "Postmaster";
    if is_postmaster {
        // As the product makes it: a list that is no group otherwise.
        ldif.entry(&format!("cn=postmaster,{SUFFIX}"));
        ldif.all("objectClass", &["top", "mailGroup"]);
        ldif.value("cn", "postmaster");
    } else {
        let base = if group.domain == HOSTED {
            format!("o={HOSTED},{SUFFIX}")
        } else {
            SUFFIX.to_owned()
        };
        ldif.entry(&format!("cn={},ou=Groups,{base}", group.name));
        ldif.all("objectClass", &["top", "groupOfUniqueNames", "mailGroup"]);
        ldif.value("cn", &group.name);
    }
    ldif.value("mail", &group.mail);
    for alias in &group.aliases {
        ldif.value("mailAlternateAddress", alias);
    }
    if is_postmaster {
        ldif.value("mailAlternateAddress", &format!("postmaster@{HOSTED}"));
    }
    ldif.value("mailHost", mail_host);
    for member in &group.members {
        if is_postmaster {
            ldif.value("mgrpRFC822MailMember", &member.mail);
        } else {
            ldif.value("uniqueMember", &dn(member));
        }
    }
    for address in &group.outside {
        ldif.value("mgrpRFC822MailMember", &format!("{address} %1(digest)"));
    }
    match group.name.as_str() {
        "Staff" => ldif.value("mgrpAllowedDomain", DOMAIN),
        "Unix Admins" => ldif.value("mgrpMsgRejectAction", "BOUNCE"),
        "Everyone" => ldif.value(
            "mgrpDeliverTo",
            &format!("ldap:///ou=People,{SUFFIX}??sub?(objectclass=nsMessagingServerUser)"),
        ),
        _ => {}
    }
}

fn make_dir(path: &Path) -> Result<(), LabError> {
    fs::create_dir_all(path).map_err(LabError::file(path))
}

fn write(path: &Path, content: &str) -> Result<(), LabError> {
    fs::write(path, content).map_err(LabError::file(path))
}
