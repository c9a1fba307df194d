//! Whether an entry may be as it is: object classes, required, allowed and single-valued attributes.
//!
//! There is no notion of structural and auxiliary classes in a 4.x schema: any class can be added.

use super::{Schema, is_operational};
use crate::lab::ldap::entry::{Entry, base};
use std::collections::BTreeSet;

/// Why an entry may not be so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// An attribute that no definition and no class knows.
    #[error("attribute \"{0}\" is not defined in the schema")]
    UndefinedAttribute(String),
    /// Anything that the object classes forbid.
    #[error("{0}")]
    ObjectClass(String),
}

/// Checks an entry against the schema.
///
/// # Errors
/// The first [`Violation`] found.
pub fn check(schema: &Schema, entry: &Entry) -> Result<(), Violation> {
    let violation = |text: String| Err(Violation::ObjectClass(text));
    let dn = &entry.dn;
    let named = entry.texts("objectClass");
    if named.is_empty() {
        return violation(format!("entry \"{dn}\" has no objectclass"));
    }
    let mut allowed: BTreeSet<String> = BTreeSet::from(["objectclass".to_owned()]);
    let mut anything = false;
    let mut pending: Vec<&str> = named;
    let mut seen = BTreeSet::new();
    while let Some(name) = pending.pop() {
        let Some(class) = schema.class(name) else {
            return violation(format!(
                "entry \"{dn}\" has unknown object class \"{name}\""
            ));
        };
        if !seen.insert(class.name.to_ascii_lowercase()) {
            continue;
        }
        anything |= class.name.eq_ignore_ascii_case("extensibleObject");
        for required in &class.requires {
            if !present(schema, entry, required) {
                return violation(format!(
                    "entry \"{dn}\": missing attribute \"{required}\" required by object class \"{}\"",
                    class.name
                ));
            }
        }
        for attribute in class.requires.iter().chain(&class.allows) {
            allowed.extend(schema.names_of(attribute));
        }
        pending.extend(class.superior.as_deref());
    }
    for attribute in &entry.attributes {
        let name = attribute.base();
        let kind = schema.attribute(name);
        if kind.is_some_and(|k| k.single) && attribute.values.len() > 1 {
            return violation(format!(
                "entry \"{dn}\": single-valued attribute \"{name}\" has multiple values"
            ));
        }
        if anything || is_operational(name) || allowed.contains(&name.to_ascii_lowercase()) {
            continue;
        }
        if kind.is_none() {
            return Err(Violation::UndefinedAttribute(name.to_owned()));
        }
        return violation(format!("entry \"{dn}\": attribute \"{name}\" not allowed"));
    }
    Ok(())
}

fn present(schema: &Schema, entry: &Entry, name: &str) -> bool {
    name.eq_ignore_ascii_case("objectClass")
        || entry
            .attributes
            .iter()
            .any(|a| !a.values.is_empty() && schema.same_attribute(base(&a.name), name))
}

#[cfg(test)]
mod tests {
    use super::{Violation, check};
    use crate::lab::ldap::config::Config;
    use crate::lab::ldap::entry::Entry;

    const SCHEMA: &str = "attribute mail rfc822mailbox 0.9.2342.19200300.100.1.3 cis\nattribute mailHost 2.16.840.1.113730.3.1.18 cis single\nattribute other cis\nobjectclass top\n\tallows aci\nobjectclass person\n\tsuperior top\n\trequires\n\t\tobjectClass,\n\t\tsn,\n\t\tcn\n\tallows\n\t\tdescription\nobjectclass mailUser\n\tallows mail, mailHost\n";

    fn verdict(attributes: &[(&str, &str)]) -> Result<(), Violation> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("slapd.conf");
        std::fs::write(&file, SCHEMA).unwrap();
        let config = Config::load(&file, dir.path());
        assert!(config.problems.is_empty(), "{:?}", config.problems);
        let mut entry = Entry::new("cn=a,o=x");
        for (name, value) in attributes {
            entry.push(name, *value);
        }
        check(&config.schema, &entry)
    }

    const PERSON: [(&str, &str); 3] = [("objectClass", "person"), ("cn", "a"), ("SN", "b")];

    fn with(more: &[(&str, &str)]) -> Result<(), Violation> {
        verdict(&[&PERSON, more].concat())
    }

    #[test]
    fn a_class_can_be_added_and_brings_its_attributes_by_any_name() {
        assert_eq!(with(&[]), Ok(()));
        assert!(with(&[("rfc822MailBox", "a@x")]).is_err());
        let more = [
            ("objectClass", "mailuser"),
            ("rfc822MailBox", "a@x"),
            ("aci", "z"),
        ];
        assert_eq!(with(&more), Ok(()));
    }

    #[test]
    fn each_violation_is_named() {
        let text = |r: Result<(), Violation>| r.unwrap_err().to_string();
        assert!(text(verdict(&[("cn", "a")])).contains("no objectclass"));
        assert!(text(with(&[("objectClass", "nope")])).contains("unknown object class \"nope\""));
        assert!(text(verdict(&PERSON[..2])).contains("\"sn\" required by"));
        assert!(text(with(&[("other", "x")])).contains("\"other\" not allowed"));
        assert_eq!(
            with(&[("mailhosts", "x")]),
            Err(Violation::UndefinedAttribute("mailhosts".into()))
        );
        let two = [
            ("objectClass", "mailUser"),
            ("mailHost", "a"),
            ("mailHost", "b"),
        ];
        assert!(text(with(&two)).contains("multiple values"));
    }
}
