//! What a server's schema lacks, and what it has differently.

use super::config::Place;
use super::definition::{Definition, Kind};
use super::{Presence, Schema};
use serde::{Deserialize, Serialize};

/// One change to a schema: a definition that comes, and the one it takes the place of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaChange {
    /// What is to be there.
    pub definition: Definition,
    /// What is there now, exactly as the server writes it; `None` when the name is missing.
    pub replaces: Option<String>,
    /// Why.
    pub why: String,
    /// Where it is to be written; none where all definitions are in the one schema entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// Something that is there, but not as the merged schema has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Attribute type or object class.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What differs, as a sentence.
    pub what: String,
    /// Whether it can do harm (a note otherwise).
    pub warning: bool,
}

/// What merging means for one server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// What has to change, in the order in which it must be done.
    pub changes: Vec<SchemaChange>,
    /// What is there differently and stays so.
    pub differences: Vec<Difference>,
    /// Names about which nothing can be told, because the server's definition was not understood
    /// or no schema was shown.
    pub unknown: Vec<String>,
}

impl Comparison {
    /// Says whether the server has everything already.
    pub fn is_merged(&self) -> bool {
        self.changes.is_empty() && self.unknown.is_empty()
    }
}

/// Returns the definitions whose names the server lacks, in the order to add them.
pub fn missing(current: &Schema, merged: &Schema) -> Vec<Definition> {
    compare(current, merged)
        .changes
        .into_iter()
        .filter(|change| change.replaces.is_none())
        .map(|change| change.definition)
        .collect()
}

/// Compares a server's schema with the merged one.
pub fn compare(current: &Schema, merged: &Schema) -> Comparison {
    let mut result = Comparison::default();
    for wanted in ordered(&merged.definitions) {
        let there = wanted
            .names
            .iter()
            .find_map(|name| current.find(wanted.kind, name));
        match (there, current.presence(wanted.kind, wanted.name())) {
            (Some(there), _) if wanted.kind == Kind::Attribute => {
                attribute_differences(there, wanted, &mut result.differences);
            }
            (Some(there), _) => class_differences(there, wanted, &mut result),
            (None, Presence::Unknown) => result.unknown.push(wanted.name().to_owned()),
            (None, _) => {
                let mut definition = wanted.clone();
                let taken = current.definitions.iter().find(|d| {
                    d.kind == wanted.kind && d.oid == wanted.oid && !d.oid.ends_with("-oid")
                });
                if let Some(other) = taken {
                    definition.oid = format!("{}-oid", wanted.name());
                    definition.text = definition.render();
                    result.differences.push(Difference {
                        kind: wanted.kind,
                        name: wanted.name().to_owned(),
                        what: format!(
                            "its OID {} belongs to `{}` on this server; `{}` is used instead",
                            wanted.oid,
                            other.name(),
                            definition.oid
                        ),
                        warning: true,
                    });
                }
                result.changes.push(SchemaChange {
                    definition,
                    replaces: None,
                    why: format!("the {} is missing", wanted.kind.word()),
                    place: None,
                });
            }
        }
    }
    result
}

fn attribute_differences(there: &Definition, wanted: &Definition, found: &mut Vec<Difference>) {
    let mut push = |what: String, warning| {
        found.push(Difference {
            kind: Kind::Attribute,
            name: wanted.name().to_owned(),
            what,
            warning,
        });
    };
    if there.single && !wanted.single {
        push(
            "single-valued on this server, multi-valued in the merged schema".to_owned(),
            true,
        );
    }
    if let (Some(is), Some(should)) = (&there.syntax, &wanted.syntax)
        && is != should
    {
        push(
            format!("syntax {is} on this server, {should} in the merged schema"),
            false,
        );
    }
    if there.oid != wanted.oid {
        push(
            format!(
                "OID {} on this server, {} in the merged schema",
                there.oid, wanted.oid
            ),
            false,
        );
    }
}

fn class_differences(there: &Definition, wanted: &Definition, result: &mut Comparison) {
    let lacking: Vec<&String> = wanted
        .must
        .iter()
        .chain(&wanted.may)
        .filter(|attribute| !there.allows(attribute))
        .collect();
    let too_strict: Vec<&String> = there
        .must
        .iter()
        .filter(|must| !must.eq_ignore_ascii_case("objectClass"))
        .filter(|must| !wanted.must.iter().any(|w| w.eq_ignore_ascii_case(must)))
        .collect();
    if there.oid != wanted.oid {
        result.differences.push(Difference {
            kind: Kind::Class,
            name: wanted.name().to_owned(),
            what: format!(
                "OID {} on this server stays; {} in the merged schema",
                there.oid, wanted.oid
            ),
            warning: false,
        });
    }
    if lacking.is_empty() && too_strict.is_empty() {
        return;
    }
    let mut why = Vec::new();
    if !lacking.is_empty() {
        why.push(format!("it does not allow {}", names(&lacking)));
    }
    if !too_strict.is_empty() {
        why.push(format!("it requires {}", names(&too_strict)));
    }
    let mut definition = there.clone();
    definition
        .must
        .retain(|must| !too_strict.iter().any(|t| t.eq_ignore_ascii_case(must)));
    definition.may.extend(too_strict.into_iter().cloned());
    definition.may.extend(lacking.into_iter().cloned());
    definition.text = definition.render();
    result.changes.push(SchemaChange {
        definition,
        replaces: Some(there.text.clone()),
        why: why.join("; "),
        place: None,
    });
}

fn names(list: &[&String]) -> String {
    let shown: Vec<_> = list
        .iter()
        .take(4)
        .map(|name| format!("`{name}`"))
        .collect();
    match list.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Attribute types before object classes, superiors before what builds on them.
fn ordered(definitions: &[Definition]) -> Vec<&Definition> {
    let mut result: Vec<&Definition> = Vec::with_capacity(definitions.len());
    for kind in [Kind::Attribute, Kind::Class] {
        let mut waiting: Vec<&Definition> = definitions.iter().filter(|d| d.kind == kind).collect();
        while !waiting.is_empty() {
            let (later, now): (Vec<_>, Vec<_>) = waiting.iter().copied().partition(|definition| {
                waiting.iter().any(|other| {
                    other.name() != definition.name()
                        && definition.superiors.iter().any(|s| other.is_called(s))
                })
            });
            // Definitions that wait for each other come as they are: the server will say so.
            let stuck = now.is_empty();
            result.extend(if stuck { later.clone() } else { now });
            waiting = if stuck { Vec::new() } else { later };
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::{compare, missing};
    use crate::directory::schema::{Kind, Schema};

    /// The SIMS classes as a SIMS 4.0 server has them (draft-srivastava-ldap-mail-00).
    fn sims() -> Schema {
        let mut schema = Schema::default();
        for text in [
            "( 2.16.840.1.113730.3.1.18 NAME 'mailHost' SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 SINGLE-VALUE )",
            "( 1.3.6.1.4.1.42.2.27.2.1.34 NAME 'mailQuota' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )",
            "( 2.16.840.1.113730.3.1.27 NAME 'groupPassword' SYNTAX 1.3.6.1.4.1.1466.115.121.1.5 )",
        ] {
            schema.push(Kind::Attribute, text);
        }
        schema.push(
            Kind::Class,
            "( 1.3.6.1.4.1.42.2.27.2.2.3 NAME 'inetMailUser' DESC 'SIMS' SUP top \
             MUST ( objectClass $ inetMailUserVersion ) MAY ( mailQuota $ mailHost $ ourOwn ) )",
        );
        schema
    }

    #[test]
    fn a_class_under_another_oid_keeps_it_and_is_extended() {
        let comparison = compare(&sims(), &Schema::merged());
        let change = comparison
            .changes
            .iter()
            .find(|c| c.definition.name() == "inetMailUser")
            .unwrap();
        assert!(change.replaces.as_deref().unwrap().contains("DESC 'SIMS'"));
        let new = &change.definition;
        assert_eq!(new.oid, "1.3.6.1.4.1.42.2.27.2.2.3");
        assert_eq!(new.must, ["objectClass"]);
        for attribute in [
            "inetMailUserVersion",
            "mailUserStatus",
            "ourOwn",
            "mailFolderMap",
        ] {
            assert!(new.allows(attribute), "{attribute}");
        }
        assert!(change.why.contains("inetMailUserVersion"), "{}", change.why);
    }

    #[test]
    fn a_second_comparison_after_the_changes_finds_nothing() {
        let merged = Schema::merged();
        let mut server = sims();
        for change in compare(&server, &merged).changes {
            server
                .definitions
                .retain(|d| Some(&d.text) != change.replaces.as_ref());
            server.push(change.definition.kind, &change.definition.text);
        }
        let again = compare(&server, &merged);
        assert!(again.is_merged(), "{:?}", again.changes);
    }

    #[test]
    fn attributes_come_before_classes_and_what_is_there_stays() {
        let missing = missing(&sims(), &Schema::merged());
        let first_class = missing.iter().position(|d| d.kind == Kind::Class).unwrap();
        assert!(missing[first_class..].iter().all(|d| d.kind == Kind::Class));
        assert!(!missing.iter().any(|d| d.name() == "mailHost"));
    }

    #[test]
    fn narrower_attributes_and_taken_oids_are_reported() {
        let comparison = compare(&sims(), &Schema::merged());
        let quota: Vec<_> = comparison
            .differences
            .iter()
            .filter(|d| d.name == "mailQuota" && d.warning)
            .collect();
        assert_eq!(quota.len(), 1, "{quota:?}");
        let password = comparison
            .changes
            .iter()
            .find(|c| c.definition.name() == "mgrpPassword")
            .unwrap();
        assert_eq!(password.definition.oid, "mgrpPassword-oid");
        assert!(password.definition.text.contains("mgrpPassword-oid"));
    }

    #[test]
    fn nothing_is_merged_over_a_schema_that_was_not_shown() {
        let comparison = compare(&Schema::default(), &Schema::merged());
        assert!(comparison.changes.is_empty());
        assert_eq!(comparison.unknown.len(), 185);
        assert!(!comparison.is_merged());
    }

    #[test]
    fn superiors_come_first() {
        let mut merged = Schema::default();
        merged.push(Kind::Class, "( 1.3 NAME 'c' SUP b )");
        merged.push(Kind::Class, "( 1.2 NAME 'b' SUP a )");
        merged.push(Kind::Class, "( 1.1 NAME 'a' SUP top )");
        let mut server = Schema::default();
        server.push(Kind::Class, "( 2.5.6.0 NAME 'top' )");
        let order: Vec<_> = missing(&server, &merged)
            .iter()
            .map(|d| d.name().to_owned())
            .collect();
        assert_eq!(order, ["a", "b", "c"]);
    }
}
