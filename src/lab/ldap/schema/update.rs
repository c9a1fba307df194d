//! Changes of `cn=schema` while the server runs.
//!
//! As in the server line that came after 4.x (`domain/directory.md` 4.8): a name keeps its OID, an
//! OID its name, the same definition again is no error, a definition with the same name and OID
//! takes the place of the old one, and only what was added over LDAP can be deleted (inferred for
//! 4.12).

use super::conf::{is_name, same_oid};
use super::{AttributeType, ObjectClass, Origin, Schema, rfc4512};

/// Why a change was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The text is no definition, or names something that does not exist.
    #[error("{0}")]
    Syntax(String),
    /// A name or an OID is taken.
    #[error("{0}")]
    Exists(String),
    /// There is no such definition to delete.
    #[error("{0}")]
    Missing(String),
    /// The server does not do that.
    #[error("{0}")]
    Unwilling(String),
}

/// Adds an attribute type, given as RFC 4512 text.
///
/// # Errors
/// [`Refusal`].
pub fn add_attribute(schema: &mut Schema, text: &str) -> Result<(), Refusal> {
    let new = rfc4512::attribute(text).map_err(Refusal::Syntax)?;
    if let Some(bad) = new.names.iter().find(|n| !is_name(n)) {
        return Err(Refusal::Syntax(format!("\"{bad}\" is not a name")));
    }
    for name in &new.names {
        match schema.attribute(name) {
            Some(known) if known.origin != Origin::Implied && !same_oid(&known.oid, &new.oid) => {
                return Err(Refusal::Exists(format!(
                    "attribute type {}: Does not match the OID \"{}\". Another attribute type is already using the name or OID.",
                    new.name(),
                    known.oid
                )));
            }
            _ => {}
        }
    }
    if let Some(known) = schema.attribute(&new.oid)
        && !known.name().eq_ignore_ascii_case(new.name())
        && !new
            .names
            .iter()
            .any(|n| n.eq_ignore_ascii_case(known.name()))
    {
        return Err(Refusal::Exists(format!(
            "attribute type {}: Could not be added because the OID \"{}\" is already in use",
            new.name(),
            new.oid
        )));
    }
    if !schema
        .attribute(new.name())
        .is_some_and(|known| same_attribute(known, &new))
    {
        // Inferred: what equals the server's own file again is not kept as an addition.
        let shipped = schema.shipped_attribute(new.name()).cloned();
        schema.put_attribute(match shipped {
            Some(shipped) if same_attribute(&shipped, &new) => shipped,
            _ => new,
        });
    }
    Ok(())
}

/// Adds an object class, given as RFC 4512 text.
///
/// # Errors
/// [`Refusal`].
pub fn add_class(schema: &mut Schema, text: &str) -> Result<(), Refusal> {
    let new = rfc4512::object_class(text).map_err(Refusal::Syntax)?;
    let name = new.name.clone();
    if !is_name(&name) {
        return Err(Refusal::Syntax(format!("\"{name}\" is not a name")));
    }
    if let Some(known) = schema.class(&name)
        && !same_oid(&known.oid, &new.oid)
    {
        return Err(Refusal::Exists(format!(
            "object class {name}: The name does not match the OID \"{}\". Another object class is already using the name or OID.",
            new.oid
        )));
    }
    if let Some(known) = schema.class(&new.oid)
        && !known.name.eq_ignore_ascii_case(&name)
    {
        return Err(Refusal::Exists(format!(
            "object class {name}: The OID \"{}\" is already used by the object class \"{}\"",
            new.oid, known.name
        )));
    }
    if let Some(superior) = &new.superior
        && schema.class(superior).is_none()
    {
        return Err(Refusal::Syntax(format!(
            "object class {name}: Superior object class \"{superior}\" does not exist"
        )));
    }
    for (kind, list) in [("required", &new.requires), ("allowed", &new.allows)] {
        if let Some(unknown) = list
            .iter()
            .find(|a| schema.attribute(a).is_none() && !super::is_operational(a))
        {
            return Err(Refusal::Syntax(format!(
                "object class {name}: Unknown {kind} attribute type \"{unknown}\""
            )));
        }
    }
    if !schema
        .class(&name)
        .is_some_and(|known| same_class(known, &new))
    {
        let shipped = schema.shipped_class(&name).cloned();
        schema.put_class(match shipped {
            Some(shipped) if same_class(&shipped, &new) && same_oid(&shipped.oid, &new.oid) => {
                shipped
            }
            _ => new,
        });
    }
    Ok(())
}

/// Deletes an attribute type that was added over LDAP.
///
/// # Errors
/// [`Refusal`].
pub fn delete_attribute(schema: &mut Schema, text: &str) -> Result<(), Refusal> {
    let old = rfc4512::attribute(text).map_err(Refusal::Syntax)?;
    let name = old.name().to_owned();
    match schema.attribute(&name) {
        Some(known) if same_oid(&known.oid, &old.oid) => match known.origin {
            Origin::File(_) => {
                return Err(Refusal::Unwilling(format!(
                    "Cannot delete a standard attribute type: {name}"
                )));
            }
            Origin::User | Origin::Implied => {}
        },
        _ => {
            return Err(Refusal::Missing(format!(
                "attribute type \"{name}\" with the OID \"{}\" does not exist",
                old.oid
            )));
        }
    }
    let names = |list: &[String]| list.iter().any(|n| n.eq_ignore_ascii_case(&name));
    if let Some(class) = schema
        .classes()
        .iter()
        .find(|c| names(&c.requires) || names(&c.allows))
    {
        return Err(Refusal::Unwilling(format!(
            "Is included in object class \"{}\". Cannot delete: {name}",
            class.name
        )));
    }
    schema.retain(|a| !a.name().eq_ignore_ascii_case(&name), |_| true);
    Ok(())
}

/// Deletes an object class that was added over LDAP.
///
/// # Errors
/// [`Refusal`].
pub fn delete_class(schema: &mut Schema, text: &str) -> Result<(), Refusal> {
    let old = rfc4512::object_class(text).map_err(Refusal::Syntax)?;
    match schema.class(&old.name) {
        Some(known) if same_oid(&known.oid, &old.oid) => {
            if matches!(known.origin, Origin::File(_)) {
                return Err(Refusal::Unwilling(format!(
                    "Cannot delete a standard object class: {}",
                    known.name
                )));
            }
        }
        _ => {
            return Err(Refusal::Missing(format!(
                "object class \"{}\" with the OID \"{}\" does not exist",
                old.name, old.oid
            )));
        }
    }
    schema.retain(|_| true, |c| !c.name.eq_ignore_ascii_case(&old.name));
    Ok(())
}

fn same_attribute(one: &AttributeType, other: &AttributeType) -> bool {
    let names = one.names.len() == other.names.len()
        && one
            .names
            .iter()
            .zip(&other.names)
            .all(|(a, b)| a.eq_ignore_ascii_case(b));
    names
        && one.origin != Origin::Implied
        && same_oid(&one.oid, &other.oid)
        && one.syntax == other.syntax
        && one.single == other.single
}

fn same_class(one: &ObjectClass, other: &ObjectClass) -> bool {
    same_list(&one.requires, &other.requires)
        && same_list(&one.allows, &other.allows)
        && one.superior.as_deref().map(str::to_lowercase)
            == other.superior.as_deref().map(str::to_lowercase)
}

fn same_list(one: &[String], other: &[String]) -> bool {
    let fold = |list: &[String]| {
        let mut list: Vec<String> = list.iter().map(|n| n.to_ascii_lowercase()).collect();
        list.sort();
        list.dedup();
        list
    };
    fold(one) == fold(other)
}

#[cfg(test)]
mod tests {
    use super::{Refusal, add_attribute, add_class, delete_attribute, delete_class};
    use crate::lab::ldap::config::Config;
    use crate::lab::ldap::schema::Schema;

    fn schema() -> Schema {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("slapd.conf");
        std::fs::write(
            &file,
            "attribute mailHost 1.18 cis\nobjectclass inetMailUser\n\toid 1.42.3\n\trequires version\n",
        )
        .unwrap();
        Config::load(&file, dir.path()).schema
    }

    #[test]
    fn the_same_again_is_no_error_and_another_shape_replaces() {
        let mut schema = schema();
        for _ in 0..2 {
            add_attribute(&mut schema, "( 1.99 NAME 'new' SINGLE-VALUE )").unwrap();
            add_class(&mut schema, "( 1.100 NAME 'c' MAY ( new $ mailHost ) )").unwrap();
        }
        assert!(schema.attribute("NEW").unwrap().single);
        add_class(&mut schema, "( 1.42.3 NAME 'inetMailUser' MAY new )").unwrap();
        assert!(schema.class("inetmailuser").unwrap().requires.is_empty());
    }

    #[test]
    fn a_taken_name_or_oid_is_refused_with_the_documented_text() {
        let mut schema = schema();
        let text = |r: Result<(), Refusal>| match r.unwrap_err() {
            Refusal::Exists(text) => text,
            other => panic!("{other:?}"),
        };
        let taken = text(add_class(&mut schema, "( 1.146 NAME 'inetMailUser' )"));
        assert!(taken.contains("The name does not match the OID \"1.146\". Another object class is already using the name or OID."));
        let taken = text(add_class(&mut schema, "( 1.42.3 NAME 'x' )"));
        assert!(
            taken.contains(
                "The OID \"1.42.3\" is already used by the object class \"inetMailUser\""
            )
        );
        let taken = text(add_attribute(&mut schema, "( 1.19 NAME 'mailHost' )"));
        assert!(taken.contains("Does not match the OID \"1.18\""));
        let taken = text(add_attribute(&mut schema, "( 1.18 NAME 'other' )"));
        assert!(taken.contains("the OID \"1.18\" is already in use"));
    }

    #[test]
    fn what_a_class_needs_must_be_there_before_it() {
        let refused = add_class(&mut schema(), "( 1.5 NAME 'x' MUST nothing )");
        assert!(matches!(refused, Err(Refusal::Syntax(text)) if text.contains("\"nothing\"")));
    }

    #[test]
    fn only_what_was_added_over_ldap_can_be_deleted() {
        let mut schema = schema();
        let standard = delete_class(&mut schema, "( 1.42.3 NAME 'inetMailUser' )");
        assert!(matches!(standard, Err(Refusal::Unwilling(_))));
        add_attribute(&mut schema, "( 1.99 NAME 'new' )").unwrap();
        add_class(&mut schema, "( 1.100 NAME 'c' MAY new )").unwrap();
        let used = delete_attribute(&mut schema, "( 1.99 NAME 'new' )");
        assert!(matches!(used, Err(Refusal::Unwilling(_))));
        delete_class(&mut schema, "( 1.100 NAME 'c' )").unwrap();
        delete_attribute(&mut schema, "( 1.99 NAME 'new' )").unwrap();
        assert!(schema.attribute("new").is_none());
    }
}
