//! Which hosts the lab of a scenario has, and what each of them is to it.

use super::ports::Place;
use crate::lab::traffic::OUTSIDE;
use crate::lab::world::{HostConfig, LabError};

/// The role of the host that the lab's names are on; the site knows nothing of it.
pub const NAMES: &str = "dns";

/// The roles that a site knows.
const SITE: [&str; 3] = ["old", "new", "directory"];

/// Returns whether a host is one of the site's, and not of the world around it.
pub(super) fn is_of_site(host: &HostConfig) -> bool {
    host.roles.iter().any(|role| SITE.contains(&role.as_str()))
}

/// Whether the new server is installed beside the old one or on a host of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Variant {
    /// Old and new on one host, with the directory.
    SameHost,
    /// Old, new and directory each on its own host.
    NewHost,
}

impl Variant {
    /// The word that a person types for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::SameHost => "same-host",
            Self::NewHost => "new-host",
        }
    }
}

/// The scenarios that labs are made for, with the variants of each; the first is taken where
/// nothing is said.
pub const SCENARIOS: &[(&str, &[Variant])] = &[
    ("sims-offline", &[Variant::SameHost]),
    ("sims-online", &[Variant::NewHost, Variant::SameHost]),
    ("sims-incremental", &[Variant::NewHost]),
    ("nms-unix", &[Variant::SameHost]),
];

/// Chooses the variant of a lab.
///
/// # Errors
/// When labs are not made for the scenario, or it has no such variant.
pub fn variant(scenario: &str, asked: Option<Variant>) -> Result<Variant, LabError> {
    let Some((_, variants)) = SCENARIOS.iter().find(|(name, _)| *name == scenario) else {
        let names: Vec<String> = SCENARIOS.iter().map(|(n, _)| format!("`{n}`")).collect();
        return Err(LabError::Other(format!(
            "this version makes labs for {} only, not for `{scenario}`",
            names.join(", ")
        )));
    };
    match asked {
        None => variants.first().copied(),
        Some(asked) => variants.iter().find(|v| **v == asked).copied(),
    }
    .ok_or_else(|| {
        let words: Vec<&str> = variants.iter().map(|v| v.word()).collect();
        LabError::Other(format!(
            "`{scenario}` has no variant `{}`, it is always {}",
            asked.map_or("", Variant::word),
            words.join(" or ")
        ))
    })
}

/// A host before it has its address: its full name and its roles.
pub(super) type Named = (String, Vec<&'static str>);

/// Names the hosts; `old` is the full name of the server that is there.
pub(super) fn named(variant: Variant, old: &str, domain: &str, outside: bool) -> Vec<Named> {
    let old_name = short(old);
    // A site's own server may have the name that is meant for another.
    let other = |name: &str| {
        if name == old_name {
            format!("{name}2.{domain}")
        } else {
            format!("{name}.{domain}")
        }
    };
    let mut all = match variant {
        Variant::SameHost => vec![(old.to_owned(), SITE.to_vec())],
        Variant::NewHost => vec![
            (old.to_owned(), vec!["old"]),
            (other("newmail"), vec!["new"]),
            (other("ldap"), vec!["directory"]),
            // Where the names are: no part of what is migrated.
            (other("dns"), vec![NAMES]),
        ],
    };
    if outside {
        all.push((other(OUTSIDE), vec![OUTSIDE]));
    }
    all
}

/// Gives each host its address.
pub(super) fn hosts(named: Vec<Named>, place: Place) -> Vec<HostConfig> {
    (0..)
        .zip(named)
        .map(|(number, (fqdn, roles))| HostConfig {
            name: short(&fqdn).to_owned(),
            fqdn,
            address: place.address(number),
            roles: roles.into_iter().map(str::to_owned).collect(),
        })
        .collect()
}

fn short(fqdn: &str) -> &str {
    fqdn.split('.').next().unwrap_or("mail")
}

#[cfg(test)]
mod tests {
    use super::{Variant, hosts, named, variant};
    use crate::lab::create::ports::Place;
    use std::collections::BTreeSet;
    use std::net::Ipv4Addr;

    const PLACE: Place = Place {
        address: Ipv4Addr::new(127, 3, 4, 253),
        port_base: 20_000,
    };

    #[test]
    fn a_scenario_has_its_own_variants_and_a_usual_one() {
        assert_eq!(variant("sims-online", None).unwrap(), Variant::NewHost);
        let same = Some(Variant::SameHost);
        assert_eq!(variant("sims-online", same).unwrap(), Variant::SameHost);
        assert_eq!(variant("sims-offline", None).unwrap(), Variant::SameHost);
        let refused = variant("sims-incremental", same).unwrap_err().to_string();
        assert!(refused.contains("always new-host"), "{refused}");
        let unknown = variant("nms", None).unwrap_err().to_string();
        assert!(unknown.contains("`sims-online`"), "{unknown}");
    }

    #[test]
    fn each_role_of_a_new_host_lab_is_a_host_with_its_own_address_and_name() {
        let all = hosts(
            named(Variant::NewHost, "newmail.a.org", "a.org", true),
            PLACE,
        );
        let names: Vec<&str> = all.iter().map(|h| h.fqdn.as_str()).collect();
        assert_eq!(
            names,
            [
                "newmail.a.org",
                "newmail2.a.org",
                "ldap.a.org",
                "dns.a.org",
                "outside.a.org"
            ]
        );
        let addresses: BTreeSet<Ipv4Addr> = all.iter().map(|h| h.address).collect();
        assert_eq!(addresses.len(), 5);
        assert!(addresses.iter().all(Ipv4Addr::is_loopback));
        let roles: Vec<&str> = all
            .iter()
            .flat_map(|h| &h.roles)
            .map(String::as_str)
            .collect();
        assert_eq!(roles, ["old", "new", "directory", "dns", "outside"]);
    }
}
