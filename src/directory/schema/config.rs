//! Schema in `cn=config`: where `OpenLDAP` keeps what it shows, read-only, as `cn=Subschema`.
//!
//! Its schema entries (`cn={4}sims,cn=schema,cn=config`) are read one after the other when the
//! server starts, and a definition that names one of a later entry keeps it from starting. So new
//! attribute types go into the first entry with a class that is extended by them, a class that is
//! extended stays where it is, and new classes go into an entry of our own at the end.

use super::Schema;
use super::compare::SchemaChange;
use super::definition::{Definition, Kind};
use crate::base::{display_safe, oid};
use crate::directory::connection::Connection;
use crate::directory::entry::Entry;
use crate::directory::error::DirectoryError;
use ldap3::Scope;
use serde::{Deserialize, Serialize};

/// The name of our own entry.
const OWN: &str = "imsmigrate";

/// Where in `cn=config` a definition is, or is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The schema entry.
    pub dn: String,
    /// The number of the definition that is replaced, among its entry's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// The entry is not there yet and comes with this definition.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_entry: bool,
}

impl Place {
    /// Returns the attribute that holds definitions of a kind.
    pub(super) fn attribute(kind: Kind) -> &'static str {
        match kind {
            Kind::Attribute => "olcAttributeTypes",
            Kind::Class => "olcObjectClasses",
        }
    }
}

/// One definition as `cn=config` has it.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// The position of its entry.
    pub(super) at: usize,
    /// Its number among the definitions of its kind there.
    pub(super) index: usize,
    /// The definition; its text is without the number.
    pub(super) definition: Definition,
}

/// The schema entries of a server, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct ConfigSchema {
    base: String,
    /// The entries' DNs, in the order in which they are read.
    entries: Vec<String>,
    kept: Vec<Kept>,
}

/// Splits `{4}rest` into number and rest; the number is none where there is no such prefix.
pub(super) fn numbered(text: &str) -> (Option<usize>, &str) {
    let split = text
        .strip_prefix('{')
        .and_then(|rest| rest.split_once('}'))
        .and_then(|(number, rest)| Some((number.parse().ok()?, rest)));
    match split {
        Some((number, rest)) => (Some(number), rest),
        None => (None, text),
    }
}

/// The position of a schema entry by its name; the one above them all comes first.
fn position(dn: &str) -> Option<usize> {
    let name = dn.split(',').next()?.split_once('=')?.1;
    numbered(name).0
}

impl ConfigSchema {
    /// Reads the schema entries; none when the server has no such place.
    ///
    /// # Errors
    /// When there is one and it is not shown.
    pub(super) async fn read(connection: &Connection) -> Result<Option<Self>, DirectoryError> {
        let dse = connection.root_dse().await?;
        // Where the schema can be written in the entry that shows it, nothing else is needed.
        let Some(context) = dse
            .config_context
            .filter(|_| !dse.schema_dn.eq_ignore_ascii_case("cn=schema"))
        else {
            return Ok(None);
        };
        let base = format!("cn=schema,{context}");
        let names = [
            Place::attribute(Kind::Attribute),
            Place::attribute(Kind::Class),
        ];
        let found = connection
            .search(&base, Scope::OneLevel, "(objectClass=*)", &names)
            .await?;
        Ok(Some(Self::of(base, found.entries)))
    }

    fn of(base: String, mut entries: Vec<Entry>) -> Self {
        entries.sort_by_key(|entry| position(&entry.dn));
        let mut schema = Self {
            base,
            ..Self::default()
        };
        for (at, entry) in entries.iter().enumerate() {
            schema.entries.push(entry.dn.clone());
            for kind in [Kind::Attribute, Kind::Class] {
                for (count, value) in entry.values(Place::attribute(kind)).iter().enumerate() {
                    let text = String::from_utf8_lossy(value);
                    let (number, text) = numbered(&text);
                    if let Some(definition) = Definition::parse(kind, text) {
                        schema.kept.push(Kept {
                            at,
                            index: number.unwrap_or(count),
                            definition,
                        });
                    }
                }
            }
        }
        schema
    }

    /// Finds a definition by name.
    pub(super) fn find(&self, kind: Kind, name: &str) -> Option<&Kept> {
        self.kept
            .iter()
            .find(|kept| kept.definition.kind == kind && kept.definition.is_called(name))
    }

    /// Says of each change where it is to be written, in this server's own terms.
    ///
    /// # Errors
    /// A sentence, where that cannot be without keeping the server from starting again.
    pub(super) fn place(&self, changes: &mut [SchemaChange]) -> Result<(), String> {
        let own = self
            .entries
            .iter()
            .position(|dn| dn.split(',').next().is_some_and(is_own));
        let last = own.unwrap_or(self.entries.len());
        let numbers = self.entries.iter().filter_map(|dn| position(dn));
        let next = numbers.max().map_or(0, |number| number + 1);
        let own_dn = own
            .and_then(|at| self.entries.get(at).cloned())
            .unwrap_or_else(|| format!("cn={{{next}}}{OWN},{}", self.base));
        let dn_at = |at: usize| self.entries.get(at).unwrap_or(&own_dn).clone();

        let mut homes = Vec::with_capacity(changes.len());
        for change in changes.iter() {
            let name = change.definition.name();
            homes.push(match &change.replaces {
                None => None,
                Some(_) => Some(self.find(change.definition.kind, name).ok_or_else(|| {
                    format!(
                        "`{}` is not in {}: it belongs to the server itself and cannot be extended",
                        display_safe(name),
                        self.base
                    )
                })?),
            });
        }
        let first = homes.iter().flatten().map(|kept| kept.at).min();
        let attributes_at = first.unwrap_or(last).min(last);
        let mut entry_is_new = own.is_none();
        let mut fresh: Vec<(String, usize)> = Vec::new();
        for (change, home) in changes.iter_mut().zip(homes) {
            let definition = &mut change.definition;
            let at = match home {
                Some(kept) => kept.at,
                None if definition.kind == Kind::Attribute => attributes_at,
                None => last,
            };
            if home.is_none() && !definition.oid.starts_with(|c: char| c.is_ascii_digit()) {
                // This server takes numbers only.
                definition.oid = oid::of_name(definition.name());
                definition.text = definition.render();
            }
            for name in definition
                .must
                .iter()
                .chain(&definition.may)
                .chain(&definition.superiors)
            {
                let later = self
                    .kept
                    .iter()
                    .find(|k| k.definition.is_called(name))
                    .map(|k| k.at)
                    .or_else(|| {
                        let same = |(n, _): &&(String, usize)| n.eq_ignore_ascii_case(name);
                        fresh.iter().find(same).map(|(_, at)| *at)
                    })
                    .filter(|there| *there > at);
                if let Some(there) = later {
                    return Err(format!(
                        "`{}` in {} would need `{}` of {}, which this server reads after it: it \
                         would not start again",
                        display_safe(definition.name()),
                        dn_at(at),
                        display_safe(name),
                        dn_at(there)
                    ));
                }
            }
            if home.is_none() {
                fresh.extend(definition.names.iter().map(|name| (name.clone(), at)));
            }
            change.replaces = home.map(|kept| kept.definition.text.clone());
            change.place = Some(Place {
                dn: dn_at(at),
                index: home.map(|kept| kept.index),
                new_entry: entry_is_new && at == last,
            });
            entry_is_new &= at != last;
        }
        Ok(())
    }
}

fn is_own(rdn: &str) -> bool {
    rdn.split_once('=')
        .is_some_and(|(_, name)| numbered(name).1 == OWN)
}

/// Says of each change where it is to be written: nothing where the schema is one entry, else the
/// place in `cn=config`, with everything as that server wants it.
///
/// # Errors
/// A sentence: the place is not shown, or a change cannot be made there.
pub async fn place(connection: &Connection, changes: &mut [SchemaChange]) -> Result<(), String> {
    if changes.is_empty() {
        return Ok(());
    }
    match ConfigSchema::read(connection).await {
        Ok(None) => Ok(()),
        Ok(Some(schema)) => schema.place(changes),
        Err(e) => Err(format!(
            "this server takes schema in its configuration alone, and does not show it to us ({e}); \
             give the bind DN of the site the right to write cn=schema,cn=config"
        )),
    }
}

impl Schema {
    /// Reads the definitions as they can be written: from `cn=config` where the server keeps them
    /// there, else as [`Schema::read`].
    pub(super) async fn writable(
        connection: &Connection,
    ) -> Result<(Self, Option<ConfigSchema>), DirectoryError> {
        let kept = match ConfigSchema::read(connection).await {
            // Not shown to us: what is sent is refused in the server's own words.
            Err(DirectoryError::NoSuchEntry { .. } | DirectoryError::Access { .. }) => None,
            read => read?,
        };
        Ok((Self::read(connection).await?, kept))
    }
}

#[cfg(test)]
mod tests {
    use super::{ConfigSchema, numbered};
    use crate::directory::entry::Entry;
    use crate::directory::schema::{Kind, Schema, compare};

    const BASE: &str = "cn=schema,cn=config";

    fn entry(name: &str, lines: &[&str]) -> Entry {
        lines
            .iter()
            .fold(Entry::new(format!("cn={name},{BASE}")), |entry, line| {
                let attribute = if line.contains(" SUP ") {
                    "olcObjectClasses"
                } else {
                    "olcAttributeTypes"
                };
                entry.with(attribute, *line)
            })
    }

    fn shown(config: &ConfigSchema) -> Schema {
        let mut schema = Schema::default();
        schema.push(Kind::Attribute, "( 2.5.4.0 NAME 'objectClass' )");
        schema.push(Kind::Class, "( 2.5.6.0 NAME 'top' )");
        for kept in &config.kept {
            schema.push(kept.definition.kind, &kept.definition.text);
        }
        schema
    }

    fn sims() -> ConfigSchema {
        let entries = vec![
            // As a server sends them: in any order.
            entry("{10}late", &["{0}( 1.9 NAME 'ourOwn' SYNTAX 1.3 )"]),
            entry(
                "{4}sims",
                &[
                    "{0}( 1.1 NAME 'inetMailUserVersion' SYNTAX 1.3 )",
                    "{0}( 1.2 NAME 'other' SUP top AUXILIARY )",
                    "{1}( 1.3 NAME 'inetMailUser' SUP top AUXILIARY MUST inetMailUserVersion )",
                ],
            ),
        ];
        ConfigSchema::of(BASE.to_owned(), entries)
    }

    #[test]
    fn numbers_of_values_are_told_from_their_text() {
        assert_eq!(numbered("{12}( 1 )"), (Some(12), "( 1 )"));
        assert_eq!(numbered("( 1 )"), (None, "( 1 )"));
        assert_eq!(numbered("{x}( 1 )"), (None, "{x}( 1 )"));
    }

    #[test]
    fn nothing_is_written_before_what_it_builds_on() {
        let config = sims();
        let mut changes = compare(&shown(&config), &Schema::merged()).changes;
        config.place(&mut changes).unwrap();
        let of = |name: &str| {
            let found = changes.iter().find(|c| c.definition.is_called(name));
            found.unwrap().place.clone().unwrap()
        };
        let user = of("inetMailUser");
        assert_eq!(user.dn, format!("cn={{4}}sims,{BASE}"));
        assert_eq!(user.index, Some(1));
        // The extended class names it, so it cannot be in a later entry.
        assert_eq!(of("mailUserStatus").dn, user.dn);
        let domain = of("mailDomain");
        assert_eq!(domain.dn, format!("cn={{11}}imsmigrate,{BASE}"));
        let new: Vec<_> = changes
            .iter()
            .filter(|c| c.place.as_ref().is_some_and(|p| p.new_entry))
            .collect();
        assert_eq!(new.len(), 1, "one change brings the new entry");
        assert!(
            changes
                .iter()
                .filter(|c| c.replaces.is_none())
                .all(|c| c.definition.oid.starts_with(|x: char| x.is_ascii_digit())),
            "every OID is a number"
        );
    }

    #[test]
    fn a_class_that_would_need_a_later_entry_is_refused_with_both_named() {
        let mut config = sims();
        let late = entry("{10}late", &["{0}( 1.9 NAME 'mailQuota' SYNTAX 1.3 )"]);
        let mut entries = vec![late];
        entries.push(entry(
            "{4}sims",
            &[
                "{0}( 1.1 NAME 'inetMailUserVersion' SYNTAX 1.3 )",
                "{0}( 1.3 NAME 'inetMailUser' SUP top AUXILIARY MUST inetMailUserVersion )",
            ],
        ));
        config = ConfigSchema::of(config.base, entries);
        let mut changes = compare(&shown(&config), &Schema::merged()).changes;
        let error = config.place(&mut changes).unwrap_err();
        assert!(
            error.contains("cn={4}sims") && error.contains("cn={10}late"),
            "{error}"
        );
    }

    #[test]
    fn an_entry_of_an_earlier_merge_is_used_again() {
        let entries = vec![entry("{0}core", &[]), entry("{1}imsmigrate", &[])];
        let config = ConfigSchema::of(BASE.to_owned(), entries);
        let mut changes = compare(&shown(&config), &Schema::merged()).changes;
        config.place(&mut changes).unwrap();
        assert!(changes.iter().all(|c| {
            let place = c.place.as_ref().unwrap();
            !place.new_entry && place.dn == format!("cn={{1}}imsmigrate,{BASE}")
        }));
    }
}
