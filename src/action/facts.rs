//! Looks facts up: what a step depends on and only the hosts and the directory can say.

use super::{World, proof};
use crate::check::people::{self, People};
use crate::check::{self, Outcome, namespace};
use crate::directory::Schema;
use crate::directory::schema::{Kind, Presence};
use crate::host::Reading;
use crate::scenario::condition::Facts;
use crate::scenario::{Product, Role};
use crate::site::Disk;
use crate::store::StoreUser;
use crate::store::parse::{Quotas, parse_queue, parse_quotas};
use serde_json::{Value, json};
use std::time::Duration;

/// What was looked up.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// By id, for conditions, gates and the digest.
    pub facts: Facts,
    /// Everybody with mailboxes, with the bytes of them.
    pub users: Vec<(StoreUser, u64)>,
    /// Whether those are bytes indeed: else they are only weights, or nothing.
    pub sized: bool,
}

/// Looks up the facts named in `wanted`; those in `known` are taken as they are.
///
/// # Errors
/// What could not be looked up, one sentence each.
pub async fn look_up(
    world: &World,
    wanted: &[String],
    known: &Facts,
) -> Result<Looked, Vec<String>> {
    let mut looked = Looked::default();
    let mut errors = Vec::new();
    for id in wanted {
        if let Some(value) = known.get(id) {
            looked.facts.insert(id.clone(), value.clone());
            continue;
        }
        match one(world, id, &mut looked).await {
            Ok(Some(value)) => {
                looked.facts.insert(id.clone(), value);
            }
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(looked)
    } else {
        Err(errors)
    }
}

async fn one(world: &World, id: &str, looked: &mut Looked) -> Result<Option<Value>, String> {
    Ok(Some(match id {
        "users" => {
            need_users(world, looked).await?;
            looked
                .users
                .iter()
                .map(|(u, _)| u.new_id().to_owned())
                .collect()
        }
        "uppercase-uids" => {
            need_users(world, looked).await?;
            let upper = looked.users.iter().filter(|(u, _)| u.needs_rename());
            upper.map(|(u, _)| u.new_id().to_owned()).collect()
        }
        "groups" => people(world).await?.groups.into(),
        "domains" => people(world).await?.domains.into(),
        "directory-entries" => json!(people(world).await?.entries.len()),
        "queue" if world.site.product() == Product::Nms => {
            json!(check::nms_queue(&world.check_context()?).await?)
        }
        "queue" => json!(queue(world).await?),
        "vanity-domains" => {
            let lacking = namespace::whole_domains(&people(world).await?);
            lacking.into_iter().map(|(dn, _)| dn).collect()
        }
        "store-bytes" => json!(store_bytes(world).await?),
        "disk" => json!(disk(world).await?),
        "acis" => json!(keeps_acis(world).await?),
        // Looked at by the checks that need them; nothing is bound to them.
        _ => return Ok(None),
    }))
}

async fn need_users(world: &World, looked: &mut Looked) -> Result<(), String> {
    if looked.users.is_empty() {
        let sizes = sizes(world).await;
        looked.sized = sizes.as_ref().is_some_and(Quotas::is_in_bytes);
        looked.users = people(world)
            .await?
            .users
            .into_iter()
            .map(|user| {
                let bytes = sizes.as_ref().map_or(0, |s| s.weight(&user.old_id()));
                (user, bytes)
            })
            .collect();
    }
    Ok(())
}

/// Who has mail, as the directory has it.
async fn people(world: &World) -> Result<People, String> {
    let connection = world.directory().await.map_err(|e| e.to_string())?;
    let people = people::read(&connection, &world.site)
        .await
        .map_err(|e| e.to_string());
    connection.close().await;
    people
}

/// The sizes of mailboxes; none when they cannot be had: sessions are then balanced by count.
pub(super) async fn sizes(world: &World) -> Option<Quotas> {
    let old = world.host(Role::Old).ok()?;
    let argv = [
        format!("{}/imquotacheck", world.site.old.sbin),
        "-v".to_owned(),
        "-n".to_owned(),
    ];
    let result = old.ask(&argv, Duration::from_secs(600)).await.ok()?;
    match parse_quotas(&result.stdout_text()) {
        Reading::Understood(quotas) if result.is_zero() => Some(quotas),
        _ => None,
    }
}

async fn queue(world: &World) -> Result<usize, String> {
    let old = world.host(Role::Old)?;
    let argv = [
        format!("{}/imta", world.site.old.sbin),
        "qm".to_owned(),
        "directory".to_owned(),
    ];
    let result = old
        .ask(&argv, Duration::from_secs(120))
        .await
        .map_err(|e| e.to_string())?;
    match parse_queue(&result.stdout_text()) {
        Reading::Understood(tree) => Ok(tree.moving() + tree.held()),
        Reading::Unknown { raw } => Err(format!(
            "what `imta qm directory` says is not understood: {}",
            crate::base::display_safe(&raw)
        )),
    }
}

/// Whether the directory keeps access rules in its entries: it then knows the attribute for them.
async fn keeps_acis(world: &World) -> Result<bool, String> {
    let connection = world.directory().await.map_err(|e| e.to_string())?;
    let schema = Schema::read(&connection).await.map_err(|e| e.to_string());
    connection.close().await;
    match schema?.presence(Kind::Attribute, "aci") {
        Presence::Yes => Ok(true),
        Presence::No => Ok(false),
        Presence::Unknown => {
            Err("the directory does not show whether it knows the attribute `aci`".to_owned())
        }
    }
}

async fn store_bytes(world: &World) -> Result<u64, String> {
    let old = world.host(Role::Old)?;
    let path = &world.site.old.store_root;
    match old.disk_used(path).await.map_err(|e| e.to_string())? {
        Some(Reading::Understood(kib)) => Ok(kib.saturating_mul(1024)),
        Some(Reading::Unknown { raw }) => Err(format!(
            "what `du` says is not understood: {}",
            crate::base::display_safe(&raw)
        )),
        None => Err(format!("`{path}` is not there on {}", old.fqdn)),
    }
}

/// Whether there is room for both stores: the site's word, or a look.
async fn disk(world: &World) -> Result<&'static str, String> {
    match world.site.store.disk {
        Disk::Stream => return Ok("enough"),
        Disk::Tape => return Ok("too-little"),
        Disk::Auto => {}
    }
    let report = proof::look(world, "disk-space").await;
    match report.outcome {
        Outcome::Ok | Outcome::Warning => Ok("enough"),
        Outcome::Failed => Ok("too-little"),
        // Who waives the look at the disk knows that there is room.
        Outcome::Unknown if report.waived.is_some() => Ok("enough"),
        Outcome::Unknown => Err(proof::sentence(&report)),
    }
}
