//! How the vendor's commands reach the directory: by what the instance's configuration says.

use super::ToolContext;
use super::directory::{Directory, Refused};
use crate::lab::instance::Instance;
use crate::lab::ldap::client::{Client, ClientError, Scope};
use crate::lab::ldap::entry::Entry;
use crate::lab::ldap::ldif::Mod;

impl From<ClientError> for Refused {
    fn from(e: ClientError) -> Self {
        Self {
            code: u32::try_from(e.number()).unwrap_or(u32::MAX),
            text: e.to_string(),
        }
    }
}

impl Directory for Client {
    fn find(&mut self, base: &str, filter: &str) -> Result<Vec<Entry>, Refused> {
        Ok(self.search(base, Scope::Subtree, filter, &[])?)
    }

    fn modify(&mut self, dn: &str, mods: &[Mod]) -> Result<(), Refused> {
        Ok(Self::modify(self, dn, mods)?)
    }
}

/// Connects to the user and group directory of an instance (`local.ugldap…`) and binds to it.
///
/// # Errors
/// A sentence: the server does not answer, or refuses.
pub fn connect_ug(
    context: &ToolContext<'_>,
    instance: &Instance,
) -> Result<Box<dyn Directory>, String> {
    let value = |name: &str| {
        instance
            .local(name)
            .map(|value| value.filter(|v| !v.is_empty()))
            .map_err(|e| e.to_string())
    };
    let host = value("local.ugldaphost")?.unwrap_or_else(|| context.host.fqdn.clone());
    let port = match value("local.ugldapport")? {
        None => 389,
        Some(port) => port
            .parse()
            .map_err(|_| format!("local.ugldapport: invalid value {port}"))?,
    };
    let dn = value("local.ugldapbinddn")?.unwrap_or_default();
    let password = value("local.ugldapbindcred")?.unwrap_or_default();
    connect(context, &host, port, &dn, &password)
}

/// Connects to a directory server and binds to it.
///
/// # Errors
/// A sentence: the server does not answer, or refuses.
pub fn connect(
    context: &ToolContext<'_>,
    host: &str,
    port: u16,
    dn: &str,
    password: &str,
) -> Result<Box<dyn Directory>, String> {
    let mut client = Client::connect(&context.lab, host, port)
        .map_err(|e| format!("cannot connect to the LDAP server {host}:{port}: {e}"))?;
    client
        .bind(dn, password)
        .map_err(|e| format!("cannot bind to the LDAP server {host}:{port} as `{dn}`: {e}"))?;
    Ok(Box::new(client))
}
