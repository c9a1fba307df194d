//! The schema: attribute types and object classes, found by any of their names or the OID.

pub mod check;
pub mod conf;
pub mod rfc4512;
pub mod update;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;

/// How values of an attribute compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Syntax {
    /// Case-ignore string.
    #[default]
    Cis,
    /// Case-exact string.
    Ces,
    /// Distinguished name.
    Dn,
    /// Integer.
    Int,
    /// Bytes.
    Bin,
    /// Telephone number.
    Tel,
}

/// Where a definition comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// One of the files that `slapd.conf` includes.
    File(PathBuf),
    /// Added over LDAP, or one of the files where such additions are kept.
    User,
    /// A class named the attribute and nobody defined it.
    Implied,
}

/// An attribute type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeType {
    /// The names, the first one is the name.
    pub names: Vec<String>,
    /// The OID, or `name-oid` where none is known.
    pub oid: String,
    /// How values compare.
    pub syntax: Syntax,
    /// Whether an entry can have one value only.
    pub single: bool,
    /// Where it was defined.
    pub origin: Origin,
}

impl AttributeType {
    /// Returns the name.
    pub fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }
}

/// An object class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectClass {
    /// The name.
    pub name: String,
    /// The OID, or `name-oid` where none is known.
    pub oid: String,
    /// The class it inherits from.
    pub superior: Option<String>,
    /// Attributes that must be there.
    pub requires: Vec<String>,
    /// Attributes that may be there.
    pub allows: Vec<String>,
    /// Where it was defined.
    pub origin: Origin,
}

/// All attribute types and object classes of a server.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    attributes: Vec<AttributeType>,
    classes: Vec<ObjectClass>,
    /// Lower-case names and OIDs.
    attribute_names: HashMap<String, usize>,
    class_names: HashMap<String, usize>,
    /// What the server's own files define of what was redefined over LDAP.
    shipped_attributes: Vec<AttributeType>,
    shipped_classes: Vec<ObjectClass>,
}

/// Attributes that the server keeps itself; they belong to every entry and are shown only when
/// they are asked for.
pub const OPERATIONAL: &[&str] = &[
    "aci",
    "creatorsName",
    "createTimestamp",
    "modifiersName",
    "modifyTimestamp",
    "numSubordinates",
    "subschemaSubentry",
    "entryDN",
];

/// Returns whether the server keeps an attribute itself.
pub fn is_operational(name: &str) -> bool {
    OPERATIONAL.iter().any(|o| o.eq_ignore_ascii_case(name))
}

impl Schema {
    /// Returns an attribute type by a name or its OID.
    pub fn attribute(&self, name: &str) -> Option<&AttributeType> {
        self.attribute_names
            .get(lower(name).as_ref())
            .and_then(|at| self.attributes.get(*at))
    }

    /// Returns an object class by its name or OID.
    pub fn class(&self, name: &str) -> Option<&ObjectClass> {
        self.class_names
            .get(lower(name).as_ref())
            .and_then(|at| self.classes.get(*at))
    }

    /// Returns what the server's own files define of an attribute type that was redefined.
    pub fn shipped_attribute(&self, name: &str) -> Option<&AttributeType> {
        let mut all = self.shipped_attributes.iter();
        all.find(|a| a.name().eq_ignore_ascii_case(name))
    }

    /// Returns what the server's own files define of an object class that was redefined.
    pub fn shipped_class(&self, name: &str) -> Option<&ObjectClass> {
        let mut all = self.shipped_classes.iter();
        all.find(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// Returns all attribute types, in the order of definition.
    pub fn attributes(&self) -> &[AttributeType] {
        &self.attributes
    }

    /// Returns all object classes, in the order of definition.
    pub fn classes(&self) -> &[ObjectClass] {
        &self.classes
    }

    /// Returns how values of an attribute compare.
    pub fn syntax(&self, name: &str) -> Syntax {
        self.attribute(super::entry::base(name))
            .map_or(Syntax::Cis, |a| a.syntax)
    }

    /// Returns whether two names are names of one attribute type.
    pub fn same_attribute(&self, one: &str, other: &str) -> bool {
        if one.eq_ignore_ascii_case(other) {
            return true;
        }
        match (self.attribute(one), self.attribute(other)) {
            (Some(one), Some(other)) => std::ptr::eq(one, other),
            _ => false,
        }
    }

    /// Returns all names, in lower case, under which an attribute may be kept in an entry.
    pub fn names_of(&self, name: &str) -> Vec<String> {
        match self.attribute(name) {
            Some(attribute) => attribute
                .names
                .iter()
                .map(|n| n.to_ascii_lowercase())
                .collect(),
            None => vec![name.to_ascii_lowercase()],
        }
    }

    /// Returns a value as it compares under the attribute's syntax.
    pub fn fold(&self, attribute: &str, value: &[u8]) -> String {
        fold(self.syntax(attribute), value)
    }

    /// Puts an attribute type in, or in the place of the one that has its name.
    pub fn put_attribute(&mut self, attribute: AttributeType) {
        let at = match self.attribute_names.get(lower(attribute.name()).as_ref()) {
            Some(at) => *at,
            None => self.attributes.len(),
        };
        for name in attribute.names.iter().chain([&attribute.oid]) {
            // An OID given twice (the stock files do that) stays with the first.
            self.attribute_names
                .entry(lower(name).into_owned())
                .or_insert(at);
        }
        match self.attributes.get_mut(at) {
            Some(place) => {
                let old = std::mem::replace(place, attribute);
                if matches!(old.origin, Origin::File(_)) {
                    self.shipped_attributes.retain(|a| a.names != old.names);
                    self.shipped_attributes.push(old);
                }
            }
            None => self.attributes.push(attribute),
        }
    }

    /// Puts an object class in, or in the place of the one that has its name.
    ///
    /// Attributes that it names and nobody defined become case-ignore strings, as the server takes
    /// them.
    pub fn put_class(&mut self, class: ObjectClass) {
        let named: Vec<String> = class
            .requires
            .iter()
            .chain(&class.allows)
            .cloned()
            .collect();
        let at = match self.class_names.get(lower(&class.name).as_ref()) {
            Some(at) => *at,
            None => self.classes.len(),
        };
        for name in [&class.name, &class.oid] {
            self.class_names
                .entry(lower(name).into_owned())
                .or_insert(at);
        }
        match self.classes.get_mut(at) {
            Some(place) => {
                let old = std::mem::replace(place, class);
                if matches!(old.origin, Origin::File(_)) {
                    self.shipped_classes.retain(|c| c.name != old.name);
                    self.shipped_classes.push(old);
                }
            }
            None => self.classes.push(class),
        }
        for name in named {
            if self.attribute(&name).is_none() && !is_operational(&name) {
                self.put_attribute(AttributeType {
                    oid: format!("{name}-oid"),
                    names: vec![name],
                    syntax: Syntax::Cis,
                    single: false,
                    origin: Origin::Implied,
                });
            }
        }
    }

    /// Takes out what does not satisfy the conditions.
    fn retain(
        &mut self,
        attribute: impl Fn(&AttributeType) -> bool,
        class: impl Fn(&ObjectClass) -> bool,
    ) {
        let old = std::mem::take(self);
        self.shipped_attributes = old.shipped_attributes;
        self.shipped_classes = old.shipped_classes;
        for a in old.attributes.into_iter().filter(attribute) {
            self.put_attribute(a);
        }
        for c in old.classes.into_iter().filter(class) {
            self.put_class(c);
        }
    }
}

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// Returns a value as it compares under a syntax.
pub fn fold(syntax: Syntax, value: &[u8]) -> String {
    let text = || String::from_utf8_lossy(value);
    match syntax {
        Syntax::Cis => super::dn::fold(value),
        Syntax::Ces => text().split_whitespace().collect::<Vec<_>>().join(" "),
        Syntax::Dn => super::dn::key(&text()).unwrap_or_else(|_| super::dn::fold(value)),
        Syntax::Int => {
            let text = text();
            let text = text.trim();
            match text.parse::<i128>() {
                Ok(number) => number.to_string(),
                Err(_) => text.to_owned(),
            }
        }
        Syntax::Bin => super::dn::hex(value),
        Syntax::Tel => text()
            .chars()
            .filter(|c| !matches!(c, ' ' | '-'))
            .collect::<String>()
            .to_lowercase(),
    }
}
