//! The directory's schema: reading it, what the merged schema adds, merging and taking it back.
//!
//! # What is done where a name is taken
//!
//! SIMS, NMS and iMS define the same names with different OIDs and contents. On a live server an
//! existing definition is never exchanged for another one:
//!
//! * An **attribute type** that exists stays as it is, whatever its OID: entries are stored by name,
//!   and what iMS puts into it fits. Where it is narrower than the merged one (single-valued, other
//!   syntax), that is reported.
//! * An **object class** that exists keeps its OID, names, superior and kind, because Netscape's
//!   servers refuse a second OID for a name and other definitions may refer to the first; it is
//!   *extended* where need be: MAY becomes the union, MUST the intersection with the merged one. So
//!   `inetMailUser` of SIMS (`1.3.6.1.4.1.42.2.27.2.2.3`, MUST `inetMailUserVersion`) afterwards
//!   holds SIMS and iMS entries alike. The old value is deleted and the new one added in one
//!   modification, so that a definition somebody else changed meanwhile is not overwritten; servers
//!   that take no deletion here (they replace a definition of the same name and OID) get the
//!   addition alone.
//! * `OpenLDAP` shows its schema in one place and takes it in another, `cn=config`; what is written
//!   where, so that it starts again afterwards, is said in [`place`].
//! * A name that is missing while its OID is taken by another name gets `<name>-oid`, as Netscape
//!   Directory Server writes it itself, and is reported.

mod compare;
mod config;
mod definition;
mod merge;

pub use compare::{Comparison, Difference, SchemaChange, compare, missing};
pub use config::{Place, place};
pub use definition::{ClassKind, Definition, Kind};
pub use merge::{
    SchemaOutcome, SchemaResult, by_hand_ldif, from_undo_ldif, merge, to_ldif, undo, undo_ldif,
};

use super::connection::Connection;
use super::error::DirectoryError;
use super::ldif;
use crate::base::display_safe;

/// The merged schema, as data.
const MERGED: &str = include_str!("../../assets/directory/merged-schema.ldif");

/// A set of definitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// Where the server keeps it, such as `cn=schema`.
    pub dn: String,
    /// Attribute types and object classes, in the server's order.
    pub definitions: Vec<Definition>,
    /// Values that could not be understood, as they are; they may define anything.
    pub unreadable: Vec<String>,
}

/// Whether a schema has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has.
    Yes,
    /// It has not.
    No,
    /// It cannot be told: the definition could not be read, or no schema was shown at all.
    Unknown,
}

impl Schema {
    /// Reads the schema of a server.
    ///
    /// # Errors
    /// As [`Connection::search`]. A server that shows no schema gives an empty one, about which
    /// everything is [`Presence::Unknown`].
    pub async fn read(connection: &Connection) -> Result<Self, DirectoryError> {
        let dn = connection.root_dse().await?.schema_dn;
        let entry = connection
            .read_attributes(&dn, &["attributeTypes", "objectClasses"])
            .await?
            .unwrap_or_default();
        let mut schema = Self {
            dn,
            ..Self::default()
        };
        for kind in [Kind::Attribute, Kind::Class] {
            for value in entry.values(kind.attribute()) {
                schema.push(kind, &String::from_utf8_lossy(value));
            }
        }
        Ok(schema)
    }

    /// Returns the merged schema: what iMS needs, together with what SIMS and NMS entries use.
    pub fn merged() -> Self {
        let mut schema = Self {
            dn: "cn=schema".to_owned(),
            ..Self::default()
        };
        // A test holds that the asset parses.
        for record in ldif::parse(MERGED.as_bytes()).unwrap_or_default() {
            let ldif::Record::Entry(entry) = record else {
                continue;
            };
            for kind in [Kind::Attribute, Kind::Class] {
                for value in entry.values(kind.attribute()) {
                    schema.push(kind, &String::from_utf8_lossy(value));
                }
            }
        }
        schema
    }

    /// Adds a definition as text.
    pub fn push(&mut self, kind: Kind, text: &str) {
        match Definition::parse(kind, text) {
            Some(definition) => self.definitions.push(definition),
            None => self.unreadable.push(display_safe(text).into_owned()),
        }
    }

    /// Finds a definition by one of its names (compared without case).
    pub fn find(&self, kind: Kind, name: &str) -> Option<&Definition> {
        self.definitions
            .iter()
            .find(|d| d.kind == kind && d.is_called(name))
    }

    /// Says whether the schema has a name, as far as that can be told.
    pub fn presence(&self, kind: Kind, name: &str) -> Presence {
        if self.find(kind, name).is_some() {
            return Presence::Yes;
        }
        let shown = self.definitions.iter().any(|d| d.kind == kind);
        let quoted = format!("'{}'", name.to_ascii_lowercase());
        let may_be_unreadable = self
            .unreadable
            .iter()
            .any(|text| text.to_ascii_lowercase().contains(&quoted));
        if shown && !may_be_unreadable {
            Presence::No
        } else {
            Presence::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Presence, Schema};
    use crate::directory::ldif;

    #[test]
    fn the_merged_schema_parses_whole_and_every_class_is_complete() {
        assert_eq!(ldif::parse(super::MERGED.as_bytes()).unwrap().len(), 1);
        let merged = Schema::merged();
        assert!(merged.unreadable.is_empty(), "{:?}", merged.unreadable);
        let count = |kind| merged.definitions.iter().filter(|d| d.kind == kind).count();
        assert_eq!((count(Kind::Attribute), count(Kind::Class)), (154, 31));
        // Defined by every directory server (RFC 4519, 2798, 2079).
        let standard = [
            "cn",
            "sn",
            "uid",
            "userPassword",
            "uniqueMember",
            "owner",
            "seeAlso",
            "description",
            "businessCategory",
            "o",
            "ou",
            "labeledURI",
            "userCertificate",
        ];
        for class in merged.definitions.iter().filter(|d| d.kind == Kind::Class) {
            for attribute in class.must.iter().chain(&class.may) {
                let known = merged.find(Kind::Attribute, attribute).is_some()
                    || standard.iter().any(|s| s.eq_ignore_ascii_case(attribute));
                assert!(known, "{}: {attribute}", class.name());
            }
        }
    }

    #[test]
    fn the_merged_classes_take_entries_of_every_generation() {
        let merged = Schema::merged();
        let user = merged.find(Kind::Class, "inetMailUser").unwrap();
        assert!(user.must.is_empty());
        for attribute in [
            "inetMailUserVersion",
            "mailFolderMap",
            "mailAutoReplyStartDate",
            "mailUserStatus",
            "mailAllowedServiceAccess",
            "mailQuota",
        ] {
            assert!(user.allows(attribute), "{attribute}");
        }
        let group = merged.find(Kind::Class, "inetMailGroup").unwrap();
        assert!(group.must.is_empty());
        assert!(group.allows("rfc822MailMember") && group.allows("mgrpRFC822MailMember"));
        let domain = merged.find(Kind::Class, "mailDomain").unwrap();
        assert!(domain.allows("mailHosts") && domain.allows("mailRoutingHosts"));
        let quota = merged.find(Kind::Attribute, "mailQuota").unwrap();
        assert!(!quota.single, "NMS entries may hold two");
        assert!(
            merged
                .find(Kind::Attribute, "mailAllowedServiceAccess")
                .unwrap()
                .single
        );
    }

    #[test]
    fn a_schema_that_was_not_shown_is_unknown_and_not_missing() {
        let mut schema = Schema::default();
        assert_eq!(
            schema.presence(Kind::Class, "inetMailUser"),
            Presence::Unknown
        );
        schema.push(Kind::Class, "( 1.2.3 NAME 'top' )");
        assert_eq!(schema.presence(Kind::Class, "inetMailUser"), Presence::No);
        schema.push(Kind::Class, "( NAME 'inetMailUser' (");
        assert_eq!(schema.unreadable.len(), 1);
        assert_eq!(
            schema.presence(Kind::Class, "InetMailUser"),
            Presence::Unknown
        );
        assert_eq!(schema.presence(Kind::Class, "TOP"), Presence::Yes);
    }
}
