//! The site's mail schema for real servers: what the lab's 4.x files define, as RFC 4512 has it.

use crate::base::oid;
use crate::lab::ldap::config::Config;
use crate::lab::ldap::ldif::{self, Change};
use crate::lab::ldap::schema::{AttributeType, ObjectClass, Origin, Schema, Syntax, rfc4512};
use crate::lab::world::LabError;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Definitions as text.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    /// Attribute types.
    pub(super) attributes: Vec<String>,
    /// Object classes.
    pub(super) classes: Vec<String>,
}

/// What a server has of itself.
#[derive(Debug, Default)]
pub(super) struct Shipped {
    attributes: Vec<AttributeType>,
    classes: Vec<ObjectClass>,
}

impl Shipped {
    /// Reads schema files in LDIF, of either server.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn read(files: &[PathBuf]) -> Result<Self, LabError> {
        let mut shipped = Self::default();
        for file in files {
            let text = std::fs::read(file).map_err(LabError::file(file))?;
            let records = ldif::parse(&text)
                .map_err(|e| LabError::Other(format!("`{}`: {e}", file.display())))?;
            for record in records {
                let Change::Content(entry) = record.change else {
                    continue;
                };
                for name in ["attributeTypes", "olcAttributeTypes"] {
                    let texts = entry.texts(name).into_iter();
                    let read = texts.filter_map(|text| rfc4512::attribute(text).ok());
                    shipped.attributes.extend(read);
                }
                for name in ["objectClasses", "olcObjectClasses"] {
                    let texts = entry.texts(name).into_iter();
                    let read = texts.filter_map(|text| rfc4512::object_class(text).ok());
                    shipped.classes.extend(read);
                }
            }
        }
        Ok(shipped)
    }

    fn has_attribute(&self, attribute: &AttributeType) -> bool {
        let called = |name: &String| attribute.names.iter().any(|n| n.eq_ignore_ascii_case(name));
        self.attributes
            .iter()
            .any(|known| known.names.iter().any(called))
    }

    fn class(&self, name: &str) -> Option<&ObjectClass> {
        self.classes
            .iter()
            .find(|class| class.name.eq_ignore_ascii_case(name))
    }
}

/// Turns the schema that a 4.x configuration file defines into definitions for a server that ships
/// others already: what it has is left out, a class it has is widened where entries need more.
/// `numeric`: the server takes no OIDs such as `mailHosts-oid`.
///
/// # Errors
/// When the file has problems.
pub(super) fn of_site(
    file: &Path,
    shipped: &Shipped,
    numeric: bool,
) -> Result<Definitions, LabError> {
    let config = Config::load(file, Path::new("/"));
    if let Some(problem) = config.problems.first() {
        return Err(LabError::Other(problem.to_string()));
    }
    let mut made = Definitions::default();
    // A class of ours may name what only the server defines.
    let ours = |origin: &Origin| matches!(origin, Origin::File(_));
    for attribute in config.schema.attributes() {
        if ours(&attribute.origin) && !shipped.has_attribute(attribute) {
            made.attributes.push(attribute_text(attribute, numeric));
        }
    }
    for class in config.schema.classes() {
        if !ours(&class.origin) || class.name == "top" {
            continue;
        }
        match shipped.class(&class.name) {
            None => made.classes.push(class_text(class, numeric)),
            Some(theirs) => {
                if let Some(wider) = widened(theirs, class, &config.schema) {
                    made.classes.push(class_text(&wider, numeric));
                }
            }
        }
    }
    Ok(made)
}

/// The server's class with what ours allows besides; none when that is nothing.
fn widened(theirs: &ObjectClass, ours: &ObjectClass, schema: &Schema) -> Option<ObjectClass> {
    let mut wider = theirs.clone();
    for name in ours.requires.iter().chain(&ours.allows) {
        let known = wider.requires.iter().chain(&wider.allows);
        let mut known = known.filter(|known| schema.same_attribute(known, name));
        if known.next().is_none() && !name.eq_ignore_ascii_case("objectClass") {
            wider.allows.push(name.clone());
        }
    }
    (wider.allows.len() > theirs.allows.len()).then_some(wider)
}

fn oid_text(name: &str, oid: &str, numeric: bool) -> String {
    if numeric && !oid.starts_with(|c: char| c.is_ascii_digit()) {
        oid::of_name(name)
    } else {
        oid.to_owned()
    }
}

/// Values are deleted one by one, so every attribute needs an equality rule.
fn attribute_text(attribute: &AttributeType, numeric: bool) -> String {
    let (equality, syntax) = match attribute.syntax {
        Syntax::Cis => ("caseIgnoreMatch", "15"),
        Syntax::Ces => ("caseExactIA5Match", "26"),
        Syntax::Dn => ("distinguishedNameMatch", "12"),
        Syntax::Int => ("integerMatch", "27"),
        Syntax::Bin => ("octetStringMatch", "40"),
        Syntax::Tel => ("telephoneNumberMatch", "50"),
    };
    let single = if attribute.single {
        " SINGLE-VALUE"
    } else {
        ""
    };
    format!(
        "( {} NAME ( '{}' ) EQUALITY {equality} SYNTAX 1.3.6.1.4.1.1466.115.121.1.{syntax}{single} X-ORIGIN 'user defined' )",
        oid_text(attribute.name(), &attribute.oid, numeric),
        attribute.names.join("' '"),
    )
}

/// The 4.x files know no kinds of classes; those of mail stand beside a person's or a group's.
fn class_text(class: &ObjectClass, numeric: bool) -> String {
    let mut text = format!(
        "( {} NAME '{}' SUP top AUXILIARY",
        oid_text(&class.name, &class.oid, numeric),
        class.name
    );
    for (title, list) in [("MUST", &class.requires), ("MAY", &class.allows)] {
        if !list.is_empty() {
            let _ = write!(text, " {title} ( {} )", list.join(" $ "));
        }
    }
    text.push_str(" X-ORIGIN 'user defined' )");
    text
}

#[cfg(test)]
mod tests {
    use super::{Shipped, of_site};
    use std::fs;

    #[test]
    fn what_the_server_has_is_left_out_and_what_entries_need_is_added() {
        let dir = tempfile::tempdir().unwrap();
        let shipped = dir.path().join("20subscriber.ldif");
        fs::write(
            &shipped,
            "dn: cn=schema\nattributetypes: ( 1.1 NAME 'mailHost' SYNTAX 1.2 )\n\
             objectClasses: ( 9.9 NAME 'inetSubscriber' SUP top AUXILIARY MAY ( account ) )\n",
        )
        .unwrap();
        let file = dir.path().join("site.conf");
        fs::write(
            &file,
            "objectclass top\n\trequires\n\t\tobjectClass\n\
             attribute mailHost 1.1 cis\nattribute mailHosts mailHosts-oid cis\n\
             attribute state 1.2.3 ces single\n\
             objectclass inetSubscriber\n\toid 1.2.4\n\tsuperior top\n\trequires\n\t\tobjectClass,\n\t\tuid\n\tallows\n\t\tstate\n\
             objectclass mailDomain\n\toid mailDomain-oid\n\tsuperior top\n\tallows\n\t\tmailHosts\n",
        )
        .unwrap();
        let shipped = Shipped::read(&[shipped]).unwrap();
        let made = of_site(&file, &shipped, false).unwrap();
        assert_eq!(made.attributes.len(), 2, "{made:?}");
        assert!(made.attributes[0].starts_with("( mailHosts-oid NAME ( 'mailHosts' )"));
        assert!(made.attributes[1].contains("SINGLE-VALUE"));
        assert_eq!(
            made.classes[0],
            "( 9.9 NAME 'inetSubscriber' SUP top AUXILIARY MAY ( account $ uid $ state ) X-ORIGIN 'user defined' )"
        );
        let numeric = of_site(&file, &shipped, true).unwrap();
        assert!(numeric.attributes[0].starts_with("( 2.25."), "{numeric:?}");
        assert!(numeric.classes[1].starts_with("( 2.25."), "{numeric:?}");
    }
}
