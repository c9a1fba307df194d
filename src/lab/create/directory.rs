//! The site's directory as a SIMS 4.0 one, as LDIF: one tree below `o=internet`, domains in it.
//!
//! Shapes of entries: `domain/directory.md` 3.3 and 4.6, and the SIMS half of the schema facts.

use super::people::{DOMAIN, Delivery, Group, HOSTED, Person, Population, domain_dn};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::collections::BTreeSet;

/// LDIF lines are folded at this many characters (RFC 2849 leaves the number open).
const WIDTH: usize = 76;

/// Returns the whole directory as LDIF, parents before children.
pub(super) fn ldif(population: &Population, mail_host: &str) -> String {
    let mut ldif = Ldif::default();
    ldif.entry("o=internet");
    ldif.all("objectClass", &["top", "organization"]);
    ldif.value("o", "internet");
    let mut seen = BTreeSet::new();
    for domain in [DOMAIN, HOSTED] {
        write_domain(&mut ldif, domain, mail_host, &mut seen);
    }
    for person in &population.people {
        write_person(&mut ldif, person, mail_host);
    }
    if population.people.len() >= 10 {
        write_visitor(&mut ldif);
    }
    for group in &population.groups {
        write_group(&mut ldif, group, mail_host);
    }
    ldif.text
}

fn write_domain(ldif: &mut Ldif, domain: &str, mail_host: &str, seen: &mut BTreeSet<String>) {
    if let Some((_, parent)) = domain.split_once('.')
        && seen.insert(parent.to_owned())
    {
        ldif.entry(&domain_dn(parent));
        ldif.all("objectClass", &["top", "domain"]);
        ldif.value("dc", parent);
    }
    let dn = domain_dn(domain);
    ldif.entry(&dn);
    ldif.all("objectClass", &["top", "domain", "mailDomain"]);
    ldif.value("dc", domain.split('.').next().unwrap_or(domain));
    ldif.value("mailHosts", mail_host);
    ldif.value("preferredMailHost", mail_host);
    for unit in ["People", "Groups"] {
        ldif.entry(&format!("ou={unit},{dn}"));
        ldif.all("objectClass", &["top", "organizationalUnit"]);
        ldif.value("ou", unit);
    }
}

fn write_person(ldif: &mut Ldif, person: &Person, mail_host: &str) {
    ldif.entry(&person.dn());
    ldif.all(
        "objectClass",
        &[
            "top",
            "person",
            "organizationalPerson",
            "inetOrgPerson",
            "inetSubscriber",
            "inetMailUser",
            "inetMailRouting",
        ],
    );
    ldif.value("cn", &person.name());
    ldif.value("sn", &person.family);
    ldif.value("givenName", &person.given);
    ldif.value("uid", &person.uid);
    ldif.value("userPassword", &person.password);
    ldif.value("mail", &person.mail);
    for alias in &person.aliases {
        ldif.value("rfc822MailAlias", alias);
    }
    ldif.value("mailHost", mail_host);
    ldif.value("inetMailUserVersion", "1.0");
    ldif.value("datasource", "Sun Internet Mail Server 4.0");
    if let Some(status) = person.status {
        ldif.value("inetSubscriberStatus", status);
    }
    ldif.all("inetAuthorizedServices", person.services);
    if person.folder_map {
        ldif.value("mailFolderMap", "Sun-MS");
    }
    if let Some(quota) = person.quota {
        ldif.value("mailQuota", quota);
    }
    write_delivery(ldif, &person.delivery);
}

fn write_delivery(ldif: &mut Ldif, delivery: &Delivery) {
    match delivery {
        Delivery::Mailbox => ldif.value("mailDeliveryOption", "mailbox"),
        Delivery::AlsoForward(to) => {
            ldif.all("mailDeliveryOption", &["mailbox", "forward"]);
            ldif.value("mailForwardingAddress", to);
        }
        Delivery::Forward(to) => {
            ldif.value("mailDeliveryOption", "forward");
            ldif.value("mailForwardingAddress", to);
        }
        Delivery::AutoReply => {
            ldif.all("mailDeliveryOption", &["mailbox", "autoreply"]);
            ldif.value("mailAutoReplyStartDate", "20020201000000-0800");
            ldif.value("mailAutoReplyExpirationDate", "20020301000000Z");
            ldif.value("mailAutoReplyTimeout", "168");
            ldif.value("mailAutoReplySubject", "Away: $SUBJECT");
            ldif.value(
                "mailAutoReplyText",
                "I am away until March.$$Urgent? Call the desk.",
            );
            ldif.value(
                "mailAutoReplyTextInternal",
                "Away until March; see the calendar.",
            );
        }
        Delivery::Program(program) => {
            ldif.all("mailDeliveryOption", &["mailbox", "program"]);
            ldif.value("mailProgramDeliveryInfo", program);
        }
        Delivery::Unsaid => {}
    }
}

/// Somebody in the directory who has no mail: nothing of the upgrade may touch the entry.
fn write_visitor(ldif: &mut Ldif) {
    ldif.entry(&format!("uid=visitor,ou=People,{}", domain_dn(DOMAIN)));
    ldif.all(
        "objectClass",
        &["top", "person", "organizationalPerson", "inetOrgPerson"],
    );
    ldif.value("cn", "Front Desk");
    ldif.value("sn", "Desk");
    ldif.value("uid", "visitor");
    ldif.value("telephoneNumber", "+1 408 555 0199");
}

fn write_group(ldif: &mut Ldif, group: &Group, mail_host: &str) {
    ldif.entry(&format!(
        "cn={},ou=Groups,{}",
        group.name,
        domain_dn(group.domain)
    ));
    ldif.all(
        "objectClass",
        &[
            "top",
            "groupOfUniqueNames",
            "inetMailRouting",
            "inetMailGroup",
        ],
    );
    ldif.value("cn", &group.name);
    ldif.value("mail", &group.mail);
    for alias in &group.aliases {
        ldif.value("rfc822MailAlias", alias);
    }
    ldif.value("mailHost", mail_host);
    ldif.value("inetMailGroupVersion", "1.0");
    ldif.value("inetMailGroupStatus", "active");
    ldif.value("datasource", "Mail Server 4.0");
    if let Some(first) = group.members.first() {
        ldif.value("owner", &first.dn());
    }
    for member in &group.members {
        ldif.value("uniqueMember", &member.dn());
    }
    for address in &group.outside {
        ldif.value("rfc822MailMember", address);
    }
    for (name, value) in &group.more {
        ldif.value(name, value);
    }
}

/// LDIF text in the making.
#[derive(Default)]
pub(super) struct Ldif {
    pub(super) text: String,
}

impl Ldif {
    pub(super) fn entry(&mut self, dn: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.value("dn", dn);
    }

    pub(super) fn all(&mut self, name: &str, values: &[&str]) {
        for value in values {
            self.value(name, value);
        }
    }

    pub(super) fn value(&mut self, name: &str, value: &str) {
        let plain = value.bytes().all(|b| (0x20..0x7f).contains(&b))
            && !value.starts_with([' ', ':', '<'])
            && !value.ends_with(' ');
        let line = if plain {
            format!("{name}: {value}")
        } else {
            format!("{name}:: {}", BASE64.encode(value))
        };
        // The line is ASCII: names are, and values are or became so.
        let mut rest = line.as_str();
        let mut width = WIDTH;
        while let Some((head, tail)) = rest.split_at_checked(width)
            && !tail.is_empty()
        {
            self.text.push_str(head);
            self.text.push_str("\n ");
            rest = tail;
            width = WIDTH - 1;
        }
        self.text.push_str(rest);
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::{Ldif, ldif};
    use crate::lab::create::{Options, people};

    #[test]
    fn long_and_foreign_values_are_folded_and_encoded() {
        let mut text = Ldif::default();
        text.value("cn", "Sören");
        text.value("description", &"x".repeat(100));
        let lines: Vec<&str> = text.text.lines().collect();
        assert_eq!(lines[0], "cn:: U8O2cmVu");
        assert_eq!(lines[1].len(), 76);
        assert!(lines[2].starts_with(" xxx"));
    }

    #[test]
    fn the_directory_is_the_same_for_the_same_seed_and_another_for_another() {
        let make = |seed| {
            let options = Options {
                users: 30,
                seed,
                ..Options::default()
            };
            ldif(&people::draw(&options), "mail.siroe.com")
        };
        assert_eq!(make(5), make(5));
        assert_ne!(make(5), make(6));
    }

    #[test]
    fn every_parent_comes_before_its_child() {
        let text = ldif(&people::draw(&Options::default()), "mail.siroe.com").replace("\n ", "");
        let dns: Vec<&str> = text
            .lines()
            .filter_map(|l| l.strip_prefix("dn: "))
            .collect();
        for (at, dn) in dns.iter().enumerate().skip(1) {
            let (_, parent) = dn.split_once(',').unwrap();
            assert!(dns[..at].contains(&parent), "{dn} before {parent}");
        }
        assert!(dns.contains(&"uid=Anderson,ou=People,dc=siroe,dc=com,o=internet"));
    }
}
