//! `draft-ldif`: what is to be said in the directory, as a file for a person to look at.
//!
//! Nothing is changed by it; the file is applied by a step of its own, after the gate.

use super::World;
use super::work::DraftLdif;
use crate::base::display_safe;
use crate::check::namespace::{self, Node};
use crate::check::people;
use crate::directory::entry::{Change, Entry};
use crate::directory::ldif::{Record, write_record};
use crate::plan::effect::EffectEnd;
use crate::scenario::action::Draft;

/// Writes the draft.
pub(super) async fn write(world: &World, draft: &DraftLdif) -> EffectEnd {
    match try_write(world, draft).await {
        Ok(message) => EffectEnd::ok(message),
        Err(error) => EffectEnd::failed(error),
    }
}

async fn try_write(world: &World, draft: &DraftLdif) -> Result<String, String> {
    let connection = world.directory().await.map_err(|e| e.to_string())?;
    let people = people::read(&connection, &world.site)
        .await
        .map_err(|e| e.to_string())?;
    let records = match draft.what {
        Draft::VanityDomains => vanity(&namespace::whole_domains(&people)),
        Draft::DomainNodes => {
            let mut records = Vec::new();
            for node in namespace::wanted(&people, &world.site) {
                for dn in node.ancestors() {
                    let there = connection.read_attributes(&dn, &["1.1"]).await;
                    let known = |r: &Record| r.dn().eq_ignore_ascii_case(&dn);
                    if there.map_err(|e| e.to_string())?.is_none() && !records.iter().any(known) {
                        records.push(Record::Add(plain(&dn)));
                    }
                }
                let dn = node.dn();
                let there = connection.read_attributes(&dn, &["*"]).await;
                match there.map_err(|e| e.to_string())? {
                    None => records.push(Record::Add(entry(&node))),
                    Some(there) => records.extend(mend(&there, &node)),
                }
            }
            records
        }
    };
    connection.close().await;
    let mut text = b"# A draft of imsmigrate: look at it, and change what is not right.\n".to_vec();
    for record in &records {
        write_record(&mut text, record);
    }
    let host = world.host(draft.role)?;
    host.write_file(&draft.file, &text, Some("600"))
        .await
        .map_err(|e| e.to_string())?;
    Ok(format!(
        "{} changes drafted in {}",
        records.len(),
        display_safe(&draft.file)
    ))
}

fn vanity(users: &[(String, Vec<String>)]) -> Vec<Record> {
    users
        .iter()
        .map(|(dn, domains)| Record::Modify {
            dn: dn.clone(),
            changes: vec![
                Change::add("objectClass", &["msgVanityDomainUser"]),
                Change::add("msgVanityDomain", domains),
            ],
        })
        .collect()
}

/// A node above a domain.
fn plain(dn: &str) -> Entry {
    let name = dn.split(',').next().unwrap_or(dn);
    let name = name.split_once('=').map_or(name, |(_, value)| value);
    Entry::new(dn)
        .with("objectClass", "top")
        .with("objectClass", "domain")
        .with("dc", name)
}

fn entry(node: &Node) -> Entry {
    let entry = plain(&node.dn())
        .with("objectClass", "inetDomain")
        .with("objectClass", "mailDomain")
        .with("inetDomainBaseDN", &node.base)
        .with("inetDomainStatus", "active")
        .with("mailDomainStatus", "active");
    match &node.canonical {
        Some(name) => entry
            .with("objectClass", "inetDomainAuthInfo")
            .with("inetCanonicalDomainName", name),
        None => entry,
    }
}

/// What a node that is there lacks.
fn mend(there: &Entry, node: &Node) -> Option<Record> {
    let mut changes = Vec::new();
    for class in ["inetDomain", "mailDomain"] {
        if !there.has_class(class) {
            changes.push(Change::add("objectClass", &[class]));
        }
    }
    let base = there.text("inetDomainBaseDN").unwrap_or_default();
    if !namespace::same_dn(base, &node.base) {
        let old = there.values("inetDomainBaseDN");
        if !old.is_empty() {
            changes.push(Change::delete("inetDomainBaseDN", old));
        }
        changes.push(Change::add("inetDomainBaseDN", &[&node.base]));
    }
    (!changes.is_empty()).then(|| Record::Modify {
        dn: there.dn.clone(),
        changes,
    })
}
