//! What the installer adds to a user directory that it did not make: a place for new entries, and the
//! domain tree's node for the default domain, which points there.

use super::install::{Answers, Users};
use crate::lab::ldap::client::Client;
use crate::lab::ldap::entry::Entry;
use crate::lab::tools::ToolContext;
use crate::lab::world::LabError;

/// The root of the domain tree.
pub const DC_ROOT: &str = "o=internet";
/// `entryAlreadyExists`.
const EXISTS: i64 = 68;

/// Adds what is missing.
///
/// # Errors
/// When the directory does not answer, does not know the schema, or has no domain tree.
pub fn make(
    context: &ToolContext<'_>,
    answers: &Answers,
    (host, port): (&str, &str),
    users: &Users,
) -> Result<(), LabError> {
    let failed = |e: String| LabError::Other(format!("the user directory: {e}"));
    let port = port
        .parse()
        .map_err(|_| failed(format!("`{port}` is not a port")))?;
    let mut client =
        Client::connect(&context.lab, host, port).map_err(|e| failed(e.to_string()))?;
    client
        .bind(&users.bind_dn, &users.password)
        .map_err(|e| failed(e.to_string()))?;
    let domain = context.lab.config.default_domain.clone();
    for entry in entries(&domain, &answers.organization) {
        match client.add(&entry) {
            Ok(()) => {}
            Err(e) if e.number() == EXISTS => {}
            Err(e) => {
                return Err(failed(format!(
                    "{}: {e}: was ims_dssetup.pl run, and the schema updated?",
                    entry.dn
                )));
            }
        }
    }
    Ok(())
}

/// The organization with its two units, then the nodes of the domain from the top.
fn entries(domain: &str, organization: &str) -> Vec<Entry> {
    let mut all = Vec::new();
    let name = organization.split(',').next().unwrap_or(organization);
    let name = name.split_once('=').map_or(name, |(_, value)| value);
    let mut top = Entry::new(organization);
    top.push("objectClass", "top");
    top.push("objectClass", "organization");
    top.push("o", name.trim());
    all.push(top);
    for unit in ["People", "Groups"] {
        let mut entry = Entry::new(format!("ou={unit},{organization}"));
        entry.push("objectClass", "top");
        entry.push("objectClass", "organizationalUnit");
        entry.push("ou", unit);
        all.push(entry);
    }
    let parts: Vec<&str> = domain.split('.').collect();
    for at in (0..parts.len()).rev() {
        let below: Vec<String> = parts
            .iter()
            .skip(at)
            .map(|part| format!("dc={part}"))
            .collect();
        let mut node = Entry::new(format!("{},{DC_ROOT}", below.join(",")));
        node.push("objectClass", "top");
        node.push("objectClass", "domain");
        node.push("dc", parts.get(at).copied().unwrap_or_default());
        if at == 0 {
            node.push("objectClass", "inetDomain");
            node.push("objectClass", "mailDomain");
            node.push("inetDomainBaseDN", organization);
            node.push("inetDomainStatus", "active");
            node.push("mailDomainStatus", "active");
        }
        all.push(node);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::entries;

    #[test]
    fn the_domains_node_points_to_the_place_for_new_entries() {
        let all = entries("siroe.com", "o=siroe.com,o=old");
        let names: Vec<&str> = all.iter().map(|e| e.dn.as_str()).collect();
        assert_eq!(
            names,
            [
                "o=siroe.com,o=old",
                "ou=People,o=siroe.com,o=old",
                "ou=Groups,o=siroe.com,o=old",
                "dc=com,o=internet",
                "dc=siroe,dc=com,o=internet",
            ]
        );
        assert_eq!(all[4].first("inetDomainBaseDN"), Some("o=siroe.com,o=old"));
    }
}
