//! Who lives in a lab: people and groups of a SIMS 4.0 site, drawn from the seed.

mod groups;
mod names;

use super::Options;
use super::dice::Dice;
use super::residents::{List, Login, Resident, Town};
use super::shape::{self, Variant};
use groups::groups;
use names::{ascii, names, uid};
use std::collections::BTreeSet;

/// The default mail domain.
pub(super) const DOMAIN: &str = "siroe.com";
/// The hosted one.
pub(super) const HOSTED: &str = "varrius.org";

/// What is special about a person's delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Into the mailbox.
    Mailbox,
    /// Into the mailbox, a copy to another address.
    AlsoForward(String),
    /// Only to another address.
    Forward(String),
    /// Into the mailbox, with an answer to each sender until a date.
    AutoReply,
    /// Into the mailbox and to a program.
    Program(String),
    /// Nothing is said: the attribute is missing.
    Unsaid,
}

/// How much mail somebody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mailbox {
    /// As most do.
    Usual,
    /// Folders in folders.
    Deep,
    /// Folders whose names a client got wrong.
    Awkward,
    /// None at all.
    Empty,
}

/// One person with a mail account.
#[derive(Clone, Debug)]
pub(super) struct Person {
    /// The uid, exactly as the directory has it.
    pub(super) uid: String,
    /// Given name.
    pub(super) given: String,
    /// Family name.
    pub(super) family: String,
    /// The mail domain.
    pub(super) domain: &'static str,
    /// `mail`.
    pub(super) mail: String,
    /// `rfc822MailAlias`.
    pub(super) aliases: Vec<String>,
    /// `userPassword`, as typed.
    pub(super) password: String,
    /// `mailDeliveryOption` and what belongs to it.
    pub(super) delivery: Delivery,
    /// `mailQuota`.
    pub(super) quota: Option<&'static str>,
    /// `inetAuthorizedServices`; none means all.
    pub(super) services: &'static [&'static str],
    /// `inetSubscriberStatus`; none means active.
    pub(super) status: Option<&'static str>,
    /// `mailFolderMap`, where it is said.
    pub(super) folder_map: bool,
    /// How much mail there is.
    pub(super) mailbox: Mailbox,
}

impl Person {
    /// Returns the id the mail stores know the person by: `uid`, or `uid@domain` of a hosted one.
    pub(super) fn store_id(&self) -> String {
        if self.domain == DOMAIN {
            self.uid.clone()
        } else {
            format!("{}@{}", self.uid, self.domain)
        }
    }

    /// Returns the entry's DN.
    pub(super) fn dn(&self) -> String {
        format!("uid={},ou=People,{}", self.uid, domain_dn(self.domain))
    }

    /// Returns the full name.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }

    fn resident(&self) -> Resident {
        let login = self.can_log_in().then(|| Login {
            password: self.password.clone(),
            services: self.services.iter().map(|s| (*s).to_owned()).collect(),
        });
        let plain = self.delivery == Delivery::Mailbox || self.domain == HOSTED;
        let mut addresses = vec![self.mail.clone()];
        addresses.extend(self.aliases.iter().cloned());
        Resident {
            store_id: self.store_id(),
            dn: self.dn(),
            addresses,
            mailbox: self.mailbox,
            // Who only forwards has no mailbox at all.
            has_inbox: !matches!(self.delivery, Delivery::Forward(_)),
            takes_mail: plain && self.can_log_in(),
            keeps_mail: self.keeps_mail(),
            login,
        }
    }

    /// Tells whether mail to the person ends in the mailbox, wherever else it goes.
    fn keeps_mail(&self) -> bool {
        self.can_log_in() && !matches!(self.delivery, Delivery::Forward(_))
    }

    /// Tells whether the old server lets the person in.
    pub(super) fn can_log_in(&self) -> bool {
        self.status.is_none_or(|status| status == "active")
    }
}

/// A mailing list.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// `cn`.
    pub(super) name: String,
    /// `mail`.
    pub(super) mail: String,
    /// `rfc822MailAlias`.
    pub(super) aliases: Vec<String>,
    /// Members who have an entry.
    pub(super) members: Vec<Person>,
    /// Addresses of members elsewhere.
    pub(super) outside: Vec<String>,
    /// Further attributes, in order.
    pub(super) more: Vec<(&'static str, String)>,
    /// The domain it belongs to.
    pub(super) domain: &'static str,
}

/// Everybody, in the order of the directory.
#[derive(Clone, Debug)]
pub(super) struct Population {
    /// People of both domains.
    pub(super) people: Vec<Person>,
    /// Mailing lists, the postmaster's among them.
    pub(super) groups: Vec<Group>,
}

/// Returns the DN of a domain's node.
pub(super) fn domain_dn(domain: &str) -> String {
    let parts: Vec<String> = domain.split('.').map(|part| format!("dc={part}")).collect();
    format!("{},o=internet", parts.join(","))
}

/// Returns the full name of the drawn site's mail server.
pub(super) fn mail_host(variant: Variant) -> String {
    let name = match variant {
        Variant::SameHost => "mail",
        Variant::NewHost => "oldmail",
    };
    format!("{name}.{DOMAIN}")
}

/// Draws everybody.
pub(super) fn draw(options: &Options) -> Population {
    let mut dice = Dice::new(options.seed, "people");
    let mut people = fixed(&mut dice, options.users);
    let mut taken: BTreeSet<String> = people.iter().map(|p| p.uid.to_lowercase()).collect();
    let mut names = names(&mut dice);
    while people.len() < options.users {
        let round = people.len();
        if names.is_empty() {
            names = names::names(&mut dice);
        }
        let Some((given, family)) = names.pop() else {
            break;
        };
        let uid = uid(&mut dice, given, family, &mut taken);
        let mut person = plain(&mut dice, &uid, given, family, DOMAIN);
        special(&mut person, round, &mut dice);
        people.push(person);
    }
    let variant = shape::variant(&options.scenario, options.variant);
    rename_host(
        &mut people,
        &mail_host(variant.unwrap_or(Variant::SameHost)),
    );
    let groups = groups(&mut dice, &people);
    let mut population = Population { people, groups };
    population.make_addresses_unique();
    population
}

/// Puts the mail host's own name into the addresses that are drawn with the usual one.
fn rename_host(people: &mut [Person], mail_host: &str) {
    let usual = format!("@mail.{DOMAIN}");
    for alias in people.iter_mut().flat_map(|p| &mut p.aliases) {
        if let Some(local) = alias.strip_suffix(&usual) {
            *alias = format!("{local}@{mail_host}");
        }
    }
}

impl Population {
    /// Says who has mailboxes, for those who fill them.
    pub(super) fn town(&self) -> Town {
        let members = |person: &Person| person.domain == HOSTED;
        let list = self
            .groups
            .iter()
            .find(|g| g.domain == HOSTED)
            .map(|g| List {
                mail: g.mail.clone(),
                members: (0..self.people.len())
                    .filter(|at| self.people.get(*at).is_some_and(members))
                    .collect(),
            });
        let kept = |g: &&Group| !g.members.is_empty() && g.members.iter().all(Person::keeps_mail);
        Town {
            lists: self
                .groups
                .iter()
                .filter(kept)
                .map(|g| g.mail.clone())
                .collect(),
            residents: self.people.iter().map(Person::resident).collect(),
            list,
        }
    }

    /// Takes away every alias that somebody else has already.
    fn make_addresses_unique(&mut self) {
        let mails = self.people.iter().map(|p| &p.mail);
        let mut taken: BTreeSet<String> = mails
            .chain(self.groups.iter().map(|g| &g.mail))
            .map(|mail| mail.to_lowercase())
            .collect();
        for group in &mut self.groups {
            group
                .aliases
                .retain(|alias| taken.insert(alias.to_lowercase()));
        }
        for person in &mut self.people {
            person
                .aliases
                .retain(|alias| taken.insert(alias.to_lowercase()));
        }
    }
}

/// The people every lab has: the two of the guide's example, and two of a hosted domain.
fn fixed(dice: &mut Dice, users: usize) -> Vec<Person> {
    let mut anderson = plain(dice, "Anderson", "Alan", "Anderson", DOMAIN);
    anderson.aliases = vec![
        format!("alan.anderson@{DOMAIN}"),
        format!("webmaster@{DOMAIN}"),
    ];
    anderson.mailbox = Mailbox::Deep;
    anderson.quota = Some("100M");
    let mut kolander = plain(dice, "Kolander", "Katrin", "Kolander", DOMAIN);
    kolander.mailbox = Mailbox::Awkward;
    let first = plain(dice, "lucius", "Lucius", "Ambler", HOSTED);
    // The same uid may live in two domains: here and, when there is room, in the default one.
    let second = plain(dice, "portia", "Portia", "Quist", HOSTED);
    let mut people = vec![anderson, kolander, first];
    if users >= 4 {
        people.push(second);
    }
    if users >= 16 {
        people.push(plain(dice, "portia", "Portia", "Lindqvist", DOMAIN));
    }
    people.push(plain(dice, "amehta", "Amir", "Mehta", DOMAIN));
    people.truncate(users);
    people
}

fn plain(dice: &mut Dice, uid: &str, given: &str, family: &str, domain: &'static str) -> Person {
    let dotted = ascii(&format!("{given}.{family}"));
    let mut aliases = Vec::new();
    if dice.chance(70) {
        aliases.push(format!("{dotted}@{domain}"));
    }
    if dice.chance(20) && domain == DOMAIN {
        aliases.push(format!("{}@mail.{domain}", uid.to_lowercase()));
    }
    Person {
        uid: uid.to_owned(),
        given: given.to_owned(),
        family: family.to_owned(),
        domain,
        mail: format!("{}@{domain}", uid.to_lowercase()),
        aliases,
        password: password(dice),
        delivery: Delivery::Mailbox,
        quota: dice
            .pick(&[
                &Some("20M"),
                &Some("50M"),
                &Some("-1"),
                &Some("31457280"),
                &None,
            ])
            .copied()
            .flatten(),
        services: &[],
        status: Some("active"),
        folder_map: true,
        mailbox: Mailbox::Usual,
    }
}

/// Gives the people after the fixed ones what the upgrade has to cope with, one thing each, over
/// and over in a large lab.
fn special(person: &mut Person, number: usize, dice: &mut Dice) {
    match number % 24 {
        5 => person.delivery = Delivery::AlsoForward(format!("{}@stockade.net", person.uid)),
        6 => person.delivery = Delivery::AutoReply,
        7 => person.mailbox = Mailbox::Empty,
        8 => person.services = &["imap", "imaps", "pop3", "smtp"],
        9 => person.status = None,
        10 => person.delivery = Delivery::Program("/usr/local/bin/filter".to_owned()),
        11 => {
            person.delivery = Delivery::Forward(format!("{}@pilot.example.org", person.uid));
            person.mailbox = Mailbox::Empty;
        }
        12 => person.quota = Some("1G"),
        13 => person.folder_map = false,
        14 => person.delivery = Delivery::Unsaid,
        15 => person.status = Some("inactive"),
        16 => person.services = &["imap", "imaps"],
        17 => person.quota = Some("512K"),
        18 => person.mailbox = Mailbox::Deep,
        19 => person.quota = None,
        _ => {
            if dice.chance(8) {
                person.mailbox = Mailbox::Empty;
            }
        }
    }
}

pub(super) fn password(dice: &mut Dice) -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    dice.bytes(10)
        .iter()
        .filter_map(|b| LETTERS.get(usize::from(*b) % LETTERS.len()))
        .map(|b| char::from(*b))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{DOMAIN, HOSTED, Mailbox, draw};
    use crate::lab::create::Options;
    use std::collections::BTreeSet;

    fn options(users: usize, seed: u64) -> Options {
        Options {
            users,
            seed,
            ..Options::default()
        }
    }

    #[test]
    fn the_guides_two_capitals_are_there_however_few_people_there_are() {
        let three = draw(&options(3, 99));
        assert_eq!(three.people.len(), 3);
        let uids: Vec<&str> = three.people.iter().map(|p| p.uid.as_str()).collect();
        assert_eq!(&uids[..2], ["Anderson", "Kolander"]);
        assert_eq!(three.people[2].domain, HOSTED);
    }

    #[test]
    fn there_are_as_many_people_as_asked_for_and_no_two_with_one_id_or_address() {
        for users in [1, 2, 4, 30, 2000] {
            let all = draw(&options(users, 7));
            assert_eq!(all.people.len(), users);
            let ids: BTreeSet<String> = all
                .people
                .iter()
                .map(|p| p.store_id().to_lowercase())
                .collect();
            assert_eq!(ids.len(), users);
            let mails: BTreeSet<&str> = all.people.iter().map(|p| p.mail.as_str()).collect();
            assert_eq!(mails.len(), users);
            assert!(all.people.iter().all(|p| p.uid.is_ascii()));
        }
    }

    #[test]
    fn a_usual_lab_has_what_the_upgrade_has_to_cope_with() {
        let all = draw(&options(30, 1));
        let hosted = all.people.iter().filter(|p| p.domain == HOSTED).count();
        assert_eq!(hosted, 2);
        let a = all
            .people
            .iter()
            .filter(|p| p.uid.to_lowercase().starts_with('a'))
            .count();
        assert!(a >= 2, "people with a: {a}");
        assert!(all.people.iter().any(|p| p.mailbox == Mailbox::Empty));
        assert!(all.people.iter().any(|p| !p.can_log_in()));
        let outside = all.groups.iter().any(|g| !g.outside.is_empty());
        assert!(outside, "no list with a member elsewhere");
        assert!(
            all.groups
                .iter()
                .any(|g| g.mail == format!("postmaster@{DOMAIN}"))
        );
    }
}
