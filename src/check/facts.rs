//! The facts a step may depend on, looked up live: the same ways the checks have, as values.

use super::{Answer, CheckContext, disk, mail, people, queue};
use crate::directory::{Entry, Schema, schema};
use crate::host::Reading;
use crate::scenario::Role;
use crate::store::StoreUser;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Looks one fact up, by its id in [`crate::scenario::names::FACTS`].
///
/// `null` means that it is not known *yet* (what only a later step finds). The room on the disk
/// shrinks while the new store is filled: take `disk` once, before that.
///
/// # Errors
/// Why it cannot be looked up; safe to show.
pub async fn fact(id: &str, context: &CheckContext) -> Result<Value, String> {
    look(id, context).await.map_err(|answer| answer.detail)
}

async fn look(id: &str, context: &CheckContext) -> Result<Value, Answer> {
    match id {
        "disk" => {
            let enough = disk::look(context).await?.is_enough();
            Ok(json!(if enough { "enough" } else { "too-little" }))
        }
        "store-bytes" => store_bytes(context).await,
        "users" => Ok(ids(&context.people().await?)),
        "uppercase-uids" => {
            let mut users = context.people().await?;
            users.retain(StoreUser::needs_rename);
            Ok(ids(&users))
        }
        "groups" => Ok(json!(people(context).await?.groups)),
        "domains" => Ok(json!(people(context).await?.domains)),
        "directory-entries" => {
            let people = people(context).await?;
            Ok(json!({
                "entries": people.entries.len(),
                "digest": digest(people.entries.iter().map(|(_, entry)| entry)),
            }))
        }
        "messages" => Ok(context.expected.as_ref().map_or(Value::Null, |all| {
            let each = all
                .users()
                .filter_map(|(user, _)| all.total(user)?.messages);
            json!(each.sum::<u64>())
        })),
        "queue" => {
            let tree = queue::tree(context).await?;
            let files = tree.files.iter();
            let names: Vec<_> = files.map(|f| format!("{}/{}", f.channel, f.name)).collect();
            Ok(json!(names))
        }
        "schema" => {
            let connection = context.connect().await?;
            let current = Schema::read(&connection).await?;
            connection.close().await;
            let found = schema::compare(&current, &Schema::merged());
            let names: Vec<_> = found.changes.iter().map(|c| c.definition.name()).collect();
            Ok(json!(names))
        }
        "config-values" => {
            let mut values = serde_json::Map::new();
            for setting in context.settings.iter().filter(|s| !s.is_secret) {
                let value = context.parameter(&setting.parameter).await?;
                values.insert(setting.parameter.clone(), json!(value));
            }
            Ok(Value::Object(values))
        }
        "relay-mappings" => mail::relay_entries(context)
            .await
            .map(|entries| json!(entries)),
        "tape-users" => Ok(context.tape.as_ref().map_or(Value::Null, |tape| {
            let users: Vec<_> = tape.users().map(|(user, _)| user).collect();
            json!(users)
        })),
        _ => Err(Answer::unknown(format!("there is no fact `{id}`"))),
    }
}

async fn people(context: &CheckContext) -> Result<people::People, Answer> {
    let connection = context.connect().await?;
    let people = people::read(&connection, &context.site).await?;
    connection.close().await;
    Ok(people)
}

async fn store_bytes(context: &CheckContext) -> Result<Value, Answer> {
    let host = context.host(Role::Old)?;
    let root = &context.site.old.store_root;
    match host.disk_used(root).await? {
        Some(Reading::Understood(kib)) => Ok(json!(kib.saturating_mul(1024))),
        Some(Reading::Unknown { raw }) => Err(Answer::not_understood("du -sk", &raw)),
        None => Ok(json!(0)),
    }
}

fn ids(users: &[StoreUser]) -> Value {
    let mut ids: Vec<&str> = users.iter().map(StoreUser::new_id).collect();
    ids.sort_unstable();
    json!(ids)
}

/// A digest of entries that does not depend on the order in which a server gives them or values.
fn digest<'a>(entries: impl Iterator<Item = &'a Entry>) -> String {
    let mut each: Vec<Vec<u8>> = entries
        .map(|entry| {
            let mut values: Vec<(String, &[u8])> = entry
                .attributes
                .iter()
                .flat_map(|(name, values)| {
                    values.iter().map(|v| (name.to_lowercase(), v.as_slice()))
                })
                .collect();
            values.sort();
            let mut hash = Sha256::new();
            let mut part = |bytes: &[u8]| {
                hash.update((bytes.len() as u64).to_be_bytes());
                hash.update(bytes);
            };
            part(entry.dn.as_bytes());
            for (name, value) in values {
                part(name.as_bytes());
                part(value);
            }
            hash.finalize().to_vec()
        })
        .collect();
    each.sort();
    let all = each.iter().fold(Sha256::new(), Sha256::chain_update);
    let mut text = String::new();
    for byte in all.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_what_is_there_and_not_of_its_order() {
        let one = Entry::new("uid=a").with("mail", "x").with("cn", "y");
        let same = Entry::new("uid=a").with("CN", "y").with("mail", "x");
        let other = Entry::new("uid=a").with("mail", "xy").with("cn", "");
        let b = Entry::new("uid=b");
        assert_eq!(
            digest([&one, &b].into_iter()),
            digest([&b, &same].into_iter())
        );
        assert_ne!(digest([&one].into_iter()), digest([&other].into_iter()));
    }
}
