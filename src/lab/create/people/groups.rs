//! The mailing lists of a lab's site, with everything that a SIMS list can say of itself.

use super::{DOMAIN, Group, HOSTED, Person, domain_dn};
use crate::lab::create::dice::Dice;

/// Draws the lists of both domains, the postmaster's among them.
pub(super) fn groups(dice: &mut Dice, people: &[Person]) -> Vec<Group> {
    let ours: Vec<&Person> = people.iter().filter(|p| p.domain == DOMAIN).collect();
    let hosted: Vec<&Person> = people.iter().filter(|p| p.domain == HOSTED).collect();
    let mut some = |count: usize| -> Vec<Person> {
        let mut all = ours.clone();
        dice.shuffle(&mut all);
        all.into_iter().take(count).cloned().collect()
    };
    let list = |name: &str, members: Vec<Person>| Group {
        name: name.to_owned(),
        mail: format!("{}@{DOMAIN}", name.to_lowercase().replace(' ', "-")),
        aliases: Vec::new(),
        members,
        outside: Vec::new(),
        more: Vec::new(),
        domain: DOMAIN,
    };
    let Some(first) = ours.first().copied() else {
        return Vec::new();
    };
    let mut postmaster = list("Postmaster", vec![first.clone()]);
    postmaster.aliases = vec![format!("abuse@{DOMAIN}"), format!("mailer-daemon@{DOMAIN}")];
    let mut staff = list("Staff", ours.iter().copied().cloned().collect());
    staff.more = vec![
        ("authorizedDomain", DOMAIN.to_owned()),
        ("moderator", format!("ldap://{}", first.dn())),
        ("errorsTo", format!("postmaster@{DOMAIN}")),
        ("expandable", "false".to_owned()),
        ("joinable", "FALSE".to_owned()),
    ];
    let mut admins = list("Unix Admins", some(4));
    admins.outside = vec!["oncall@stockade.net".to_owned()];
    admins.more = vec![
        ("authorizedSubmitter", format!("mailto:{}", first.mail)),
        ("unauthorizedDomain", "*.spam.example".to_owned()),
        ("expandable", "true".to_owned()),
        ("requestsTo", format!("postmaster@{DOMAIN}")),
        ("suppressEmailError", "TRUE".to_owned()),
    ];
    let mut choir = list("Choir", some(6));
    choir.aliases = vec![format!("singers@{DOMAIN}")];
    choir.outside = vec![
        "conductor@music.example.org".to_owned(),
        "tenor@music.example.org".to_owned(),
    ];
    choir.more = vec![
        ("joinable", "TRUE".to_owned()),
        ("moderator", format!("mailto:{}", first.mail)),
    ];
    let mut dynamic = list("Everyone", Vec::new());
    dynamic.more = vec![(
        "membershipFilter",
        format!(
            "ldap:///ou=People,{}??sub?(objectclass=inetMailUser)",
            domain_dn(DOMAIN)
        ),
    )];
    let mut groups = vec![postmaster, staff, admins, choir, dynamic];
    if !hosted.is_empty() {
        let mut players = list("Players", hosted.into_iter().cloned().collect());
        players.domain = HOSTED;
        players.mail = format!("players@{HOSTED}");
        groups.push(players);
    }
    groups
}
