//! `notify`: a message to people, drafted and kept as a file; with a forecast of what each of them
//! will notice, where the scenario wants one. Nothing is sent: who sends it, and how, is the site's.

use super::World;
use super::facts;
use super::mailboxes;
use super::work::Notify;
use crate::base::display_safe;
use crate::check::people;
use crate::directory::{Entry, EntryKind};
use crate::plan::effect::EffectEnd;
use crate::store::{FolderName, Inventory, StoreUser};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// From this share of the quota on a user is warned, in percent.
const NEARLY_FULL: u64 = 90;

/// Drafts the message. `name` begins the names of the artifacts.
pub(super) async fn draft(world: &World, notice: &Notify, name: &str) -> EffectEnd {
    match try_draft(world, notice, name).await {
        Ok(end) => end,
        Err(error) => EffectEnd::failed(error),
    }
}

async fn try_draft(world: &World, notice: &Notify, name: &str) -> Result<EffectEnd, String> {
    let detail = json!({ "text": notice.text });
    if !notice.forecast {
        return Ok(EffectEnd::ok("the text is drafted").with(detail));
    }
    let file = format!("{name}.notice.txt");
    world.write_artifact(&file, (notice.text.join("\n\n") + "\n").as_bytes())?;
    let forecast = forecast(world).await?;
    let table = format!("{name}.recipients.tsv");
    world.write_artifact(&table, forecast.table().as_bytes())?;
    Ok(EffectEnd::ok(format!(
        "drafted: artifacts/{file}; {}, one by one in artifacts/{table}",
        forecast.summary()
    ))
    .with(detail))
}

/// What one user will notice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Person {
    id: String,
    address: String,
    bytes: Option<u64>,
    quota: Option<u64>,
    /// What becomes of folders that do not keep their name; none where they are not known yet.
    renamed: Option<Vec<String>>,
}

impl Person {
    fn full(&self) -> Option<u64> {
        let (bytes, quota) = (self.bytes?, self.quota?);
        bytes.saturating_mul(100).checked_div(quota)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Forecast {
    people: Vec<Person>,
}

impl Forecast {
    fn summary(&self) -> String {
        let count = |which: &dyn Fn(&&Person) -> bool| self.people.iter().filter(which).count();
        let full = count(&|p| p.full().is_some_and(|share| share >= NEARLY_FULL));
        let renamed = count(&|p| p.renamed.as_ref().is_some_and(|all| !all.is_empty()));
        let known = self.people.iter().any(|p| p.renamed.is_some());
        let folders = if known {
            format!("{renamed} with folders that get another name")
        } else {
            "folders that get another name are known when the store is listed".to_owned()
        };
        format!(
            "{} recipients: new UIDVALIDITY and a new download for all of them, {full} at \
             {NEARLY_FULL} % of their quota or more, {folders}",
            self.people.len()
        )
    }

    /// One line a user; what stands in it came from the directory and the store.
    fn table(&self) -> String {
        let mut text = String::from(
            "address\tuser\tbytes\tquota\tpercent\tIMAP\tPOP\tfolders that get another name\n",
        );
        let number = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
        for person in &self.people {
            let folders = match &person.renamed {
                None => "not known yet".to_owned(),
                Some(all) if all.is_empty() => "-".to_owned(),
                Some(all) => all.join("; "),
            };
            let _ = writeln!(
                text,
                "{}\t{}\t{}\t{}\t{}\tfolder lists are fetched anew (UIDVALIDITY)\tmail left on \
                 the server is fetched again\t{folders}",
                display_safe(&person.address),
                display_safe(&person.id),
                number(person.bytes),
                number(person.quota),
                number(person.full()),
            );
        }
        text
    }
}

async fn forecast(world: &World) -> Result<Forecast, String> {
    let connection = world.directory().await.map_err(|e| e.to_string())?;
    let found = people::read(&connection, &world.site).await;
    connection.close().await;
    let found = found.map_err(|e| e.to_string())?;
    let sizes = facts::sizes(world).await;
    let listed = mailboxes::listed(world).ok();
    let entries: BTreeMap<&str, &Entry> = found
        .entries
        .iter()
        .filter(|(kind, _)| *kind == EntryKind::User)
        .map(|(_, entry)| (entry.dn.as_str(), entry))
        .collect();
    let person = |user: &StoreUser| {
        let text = |name: &str| entries.get(user.dn.as_str()).and_then(|e| e.text(name));
        let id = user.old_id();
        let bytes = sizes.as_ref().filter(|sizes| sizes.unit.is_some());
        Person {
            id: user.new_id().to_owned(),
            address: text("mail").unwrap_or_default().to_owned(),
            bytes: bytes.map(|sizes| sizes.weight(&id)),
            quota: text("mailQuota").and_then(quota),
            renamed: listed.as_ref().map(|all| renamed(all, &id)),
        }
    };
    Ok(Forecast {
        people: found.users.iter().map(person).collect(),
    })
}

/// What becomes of a user's folders that do not keep their name.
fn renamed(listed: &Inventory, id: &str) -> Vec<String> {
    let shown =
        |folder: &FolderName, to: &FolderName| format!("`{}` to `{}`", folder.shown(), to.shown());
    let mut all: Vec<String> = listed
        .renamed(id)
        .iter()
        .filter_map(|folder| Some(shown(folder, folder.restored().first()?)))
        .collect();
    all.extend(listed.collisions(id).iter().map(|(name, of)| {
        format!(
            "{} folders have become `{}`, or one with a date beside it",
            of.len(),
            name.shown()
        )
    }));
    all
}

/// A quota in bytes; none when there is no limit or it is not understood.
fn quota(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match text.get(digits.len()..)?.to_ascii_uppercase().as_str() {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Count;

    #[test]
    fn a_quota_has_units_and_minus_one_is_none() {
        assert_eq!(quota("5M"), Some(5 << 20));
        assert_eq!(quota("1000"), Some(1000));
        assert_eq!(quota("-1"), None);
        assert_eq!(quota("5X"), None);
    }

    #[test]
    fn each_user_is_a_line_and_who_is_nearly_full_is_counted() {
        let person = |id: &str, bytes, quota, renamed| Person {
            id: id.to_owned(),
            address: format!("{id}@siroe.com"),
            bytes: Some(bytes),
            quota,
            renamed,
        };
        let mut listed = Inventory::default();
        for (name, folders) in [("R&D", 1), ("x y", 2)] {
            let count = Count {
                folders,
                ..Count::new(1, 1)
            };
            listed.add("amy", FolderName::new(name), count);
        }
        let odd = super::renamed(&listed, "amy");
        let forecast = Forecast {
            people: vec![
                person("amy", 95, Some(100), Some(odd)),
                person("joe\u{1b}[2J", 5, None, Some(Vec::new())),
            ],
        };
        let table = forecast.table();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[1].contains("\t95\t100\t95\t"), "{table}");
        assert!(
            lines[1].contains("`R&D` to `R D`; 2 folders have become `x y`"),
            "{table}"
        );
        assert!(!table.contains('\u{1b}'));
        let summary = forecast.summary();
        assert!(summary.starts_with("2 recipients"), "{summary}");
        assert!(summary.contains(", 1 at 90 %"), "{summary}");
        assert!(summary.contains("1 with folders"), "{summary}");
    }
}
