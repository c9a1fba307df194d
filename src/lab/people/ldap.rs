//! Entries from a real directory server of the lab, one connection a question: listeners live long,
//! and the server may be restarted meanwhile.

use super::{Depth, Directory, Found, Unreachable};
use crate::lab::ldap::client::{Client, ClientError, Scope};
use crate::lab::ldap::entry::Entry;
use crate::lab::world::Lab;

/// A directory server, by the names and numbers that the hosts know.
#[derive(Clone, Debug)]
pub struct LdapDirectory {
    /// The lab.
    pub lab: Lab,
    /// The host's name.
    pub host: String,
    /// The well-known port.
    pub port: u16,
    /// Who reads, with the password; nobody when empty.
    pub reader: (String, String),
}

impl LdapDirectory {
    fn connect(&self) -> Result<Client, ClientError> {
        Client::connect(&self.lab, &self.host, self.port)
    }
}

impl Directory for LdapDirectory {
    fn search(&self, base: &str, depth: Depth, filter: &str) -> Result<Vec<Found>, Unreachable> {
        let mut client = self.connect().map_err(|e| unreachable(&e))?;
        if !self.reader.0.is_empty() {
            let (dn, password) = &self.reader;
            client.bind(dn, password).map_err(|e| unreachable(&e))?;
        }
        let scope = match depth {
            Depth::Base => Scope::Base,
            Depth::Subtree => Scope::Subtree,
        };
        match client.search(base, scope, filter, &[]) {
            Ok(found) => Ok(found.into_iter().map(found_of).collect()),
            Err(e) if e.is_no_such_object() => Ok(Vec::new()),
            Err(e) => Err(unreachable(&e)),
        }
    }

    fn check(&self, dn: &str, password: &str) -> Result<bool, Unreachable> {
        let mut client = self.connect().map_err(|e| unreachable(&e))?;
        match client.bind(dn, password) {
            Ok(()) => Ok(true),
            Err(ClientError::Refused { .. }) => Ok(false),
            Err(e) => Err(unreachable(&e)),
        }
    }
}

fn unreachable(e: &ClientError) -> Unreachable {
    Unreachable(e.to_string())
}

fn found_of(entry: Entry) -> Found {
    let mut found = Found {
        dn: entry.dn,
        ..Found::default()
    };
    for attribute in entry.attributes {
        let values = attribute
            .values
            .into_iter()
            .filter_map(|value| String::from_utf8(value).ok());
        found
            .values
            .entry(attribute.name.to_lowercase())
            .or_default()
            .extend(values);
    }
    found
}
