//! Entries and changes, and our own reader over ldap3's public BER tree.
//!
//! The library's own reader panics on referrals and on names that are not UTF-8, and loses the
//! order of attributes and values; ours reports the first two and keeps the third.

use ldap3::asn1::{PL, StructureTag, TagClass};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One entry: attributes and values in the order in which the server sent them, values as bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The DN as the server writes it.
    pub dn: String,
    /// Attribute names (with options, as sent) and their values.
    #[serde(with = "attribute_list")]
    pub attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    /// Makes an entry without attributes.
    pub fn new(dn: impl Into<String>) -> Self {
        Self {
            dn: dn.into(),
            attributes: Vec::new(),
        }
    }

    /// Returns the entry with one more value.
    #[must_use]
    pub fn with(mut self, attribute: &str, value: impl AsRef<[u8]>) -> Self {
        self.push(attribute, value.as_ref().to_vec());
        self
    }

    /// Adds a value at the end of its attribute.
    pub fn push(&mut self, attribute: &str, value: Vec<u8>) {
        match self
            .attributes
            .iter_mut()
            .find(|(name, _)| name.eq_ignore_ascii_case(attribute))
        {
            Some((_, values)) => values.push(value),
            None => self.attributes.push((attribute.to_owned(), vec![value])),
        }
    }

    /// Returns the values of an attribute (name compared without case); empty when there are none.
    pub fn values(&self, attribute: &str) -> &[Vec<u8>] {
        self.attributes
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(attribute))
            .map_or(&[], |(_, values)| values)
    }

    /// Returns the first value of an attribute as text, if there is one and it is UTF-8.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.values(attribute)
            .first()
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Says whether the attribute has any value.
    pub fn has(&self, attribute: &str) -> bool {
        !self.values(attribute).is_empty()
    }

    /// Says whether the entry has an object class (compared without case).
    pub fn has_class(&self, class: &str) -> bool {
        self.values("objectClass")
            .iter()
            .any(|value| value.eq_ignore_ascii_case(class.as_bytes()))
    }

    /// Applies changes as a directory server would, bytes compared exactly.
    ///
    /// Meant for plans and tests, not for a server's rules: a value to delete that is missing and
    /// one to add that exists are passed over.
    pub fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            let name = change.attribute();
            match change {
                Change::Add { values, .. } => {
                    let mut there: BTreeSet<Vec<u8>> = self.values(name).iter().cloned().collect();
                    for value in values {
                        if there.insert(value.clone()) {
                            self.push(name, value.clone());
                        }
                    }
                }
                Change::Delete { values, .. } => {
                    let gone: BTreeSet<&Vec<u8>> = values.iter().collect();
                    for (attribute, present) in &mut self.attributes {
                        if attribute.eq_ignore_ascii_case(name) {
                            present.retain(|v| !gone.is_empty() && !gone.contains(v));
                        }
                    }
                }
                Change::Replace { values, .. } => {
                    self.attributes
                        .retain(|(attribute, _)| !attribute.eq_ignore_ascii_case(name));
                    self.attributes.push((name.to_owned(), values.clone()));
                }
            }
            self.attributes.retain(|(_, values)| !values.is_empty());
        }
    }
}

/// One part of a modification.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Adds values; the server refuses values that are there already.
    Add {
        /// The attribute.
        attribute: String,
        /// The values, at least one.
        #[serde(with = "value_list")]
        values: Vec<Vec<u8>>,
    },
    /// Deletes values; the server refuses when one is not there. No values: the whole attribute.
    Delete {
        /// The attribute.
        attribute: String,
        /// The values.
        #[serde(with = "value_list")]
        values: Vec<Vec<u8>>,
    },
    /// Puts values in the place of whatever is there. Nothing in this room's own work uses it,
    /// because it overwrites what somebody else wrote meanwhile.
    Replace {
        /// The attribute.
        attribute: String,
        /// The new values; none: the attribute goes.
        #[serde(with = "value_list")]
        values: Vec<Vec<u8>>,
    },
}

impl Change {
    /// An [`Change::Add`] of one attribute.
    pub fn add<V: AsRef<[u8]>>(attribute: &str, values: &[V]) -> Self {
        Self::Add {
            attribute: attribute.to_owned(),
            values: values.iter().map(|v| v.as_ref().to_vec()).collect(),
        }
    }

    /// A [`Change::Delete`] of one attribute.
    pub fn delete<V: AsRef<[u8]>>(attribute: &str, values: &[V]) -> Self {
        Self::Delete {
            attribute: attribute.to_owned(),
            values: values.iter().map(|v| v.as_ref().to_vec()).collect(),
        }
    }

    /// Returns the attribute's name.
    pub fn attribute(&self) -> &str {
        match self {
            Self::Add { attribute, .. }
            | Self::Delete { attribute, .. }
            | Self::Replace { attribute, .. } => attribute,
        }
    }

    /// Returns the values.
    pub fn values(&self) -> &[Vec<u8>] {
        match self {
            Self::Add { values, .. }
            | Self::Delete { values, .. }
            | Self::Replace { values, .. } => values,
        }
    }

    /// Returns the change that takes this one back, or nothing when it does not say enough
    /// (a replacement, or the deletion of whatever was there).
    pub fn inverse(&self) -> Option<Self> {
        match self {
            Self::Add { attribute, values } => Some(Self::Delete {
                attribute: attribute.clone(),
                values: values.clone(),
            }),
            Self::Delete { attribute, values } if !values.is_empty() => Some(Self::Add {
                attribute: attribute.clone(),
                values: values.clone(),
            }),
            Self::Delete { .. } | Self::Replace { .. } => None,
        }
    }
}

/// What one message of a search was.
pub(super) enum Message {
    /// An entry.
    Entry(Entry),
    /// Places to look further.
    Referral(Vec<String>),
    /// An entry that cannot be represented, with the reason.
    Unreadable(String),
    /// Something that is neither.
    Other,
}

/// Reads one message of a search.
pub(super) fn read_message(tag: StructureTag) -> Message {
    if tag.class != TagClass::Application {
        return Message::Other;
    }
    match (tag.id, tag.payload) {
        (4, PL::C(parts)) => match read_entry(parts) {
            Ok(entry) => Message::Entry(entry),
            Err(reason) => Message::Unreadable(reason),
        },
        (19, PL::C(urls)) => Message::Referral(
            urls.into_iter()
                .filter_map(octets)
                .map(|url| String::from_utf8_lossy(&url).into_owned())
                .collect(),
        ),
        (4 | 19, PL::P(_)) => Message::Unreadable("an answer without parts".to_owned()),
        _ => Message::Other,
    }
}

fn octets(tag: StructureTag) -> Option<Vec<u8>> {
    match tag.payload {
        PL::P(bytes) => Some(bytes),
        PL::C(_) => None,
    }
}

fn parts(tag: StructureTag) -> Option<Vec<StructureTag>> {
    match tag.payload {
        PL::C(parts) => Some(parts),
        PL::P(_) => None,
    }
}

fn read_entry(entry: Vec<StructureTag>) -> Result<Entry, String> {
    let mut entry = entry.into_iter();
    let dn = entry
        .next()
        .and_then(octets)
        .ok_or("an entry without a DN")?;
    let dn = String::from_utf8(dn)
        .map_err(|e| format!("`{}`: its DN is not UTF-8", lossy(e.as_bytes())))?;
    let list = entry
        .next()
        .and_then(parts)
        .ok_or_else(|| format!("`{dn}`: no list of attributes"))?;
    let mut attributes = Vec::with_capacity(list.len());
    for attribute in list {
        let mut attribute = parts(attribute)
            .ok_or_else(|| format!("`{dn}`: an attribute without parts"))?
            .into_iter();
        let name = attribute
            .next()
            .and_then(octets)
            .ok_or_else(|| format!("`{dn}`: an attribute without a name"))?;
        let name = String::from_utf8(name).map_err(|e| {
            format!(
                "`{dn}`: attribute name `{}` is not UTF-8",
                lossy(e.as_bytes())
            )
        })?;
        let values = attribute
            .next()
            .and_then(parts)
            .ok_or_else(|| format!("`{dn}`: attribute `{name}` without values"))?
            .into_iter()
            .filter_map(octets)
            .collect();
        attributes.push((name, values));
    }
    Ok(Entry { dn, attributes })
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Says whether two lists hold the same values, in any order.
pub(super) fn same_values(one: &[Vec<u8>], other: &[Vec<u8>]) -> bool {
    one.len() == other.len()
        && one.iter().collect::<BTreeSet<_>>() == other.iter().collect::<BTreeSet<_>>()
}

/// Values in JSON: text as text, anything else as `{"base64": "…"}`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Shown {
    Text(String),
    Binary { base64: String },
}

impl From<&Vec<u8>> for Shown {
    fn from(value: &Vec<u8>) -> Self {
        use base64::Engine as _;
        String::from_utf8(value.clone()).map_or_else(
            |_| Self::Binary {
                base64: base64::engine::general_purpose::STANDARD.encode(value),
            },
            Self::Text,
        )
    }
}

impl Shown {
    fn bytes<E: serde::de::Error>(self) -> Result<Vec<u8>, E> {
        use base64::Engine as _;
        match self {
            Self::Text(text) => Ok(text.into_bytes()),
            Self::Binary { base64 } => base64::engine::general_purpose::STANDARD
                .decode(base64)
                .map_err(E::custom),
        }
    }
}

mod value_list {
    //! Values as JSON.
    use super::Shown;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &[Vec<u8>], to: S) -> Result<S::Ok, S::Error> {
        values
            .iter()
            .map(Shown::from)
            .collect::<Vec<_>>()
            .serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Vec<u8>>, D::Error> {
        Vec::<Shown>::deserialize(from)?
            .into_iter()
            .map(Shown::bytes)
            .collect()
    }
}

pub(super) mod attribute_list {
    //! Attributes with their values as JSON: a list of pairs, so that the order stays.
    use super::Shown;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        attributes: &[(String, Vec<Vec<u8>>)],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        attributes
            .iter()
            .map(|(name, values)| (name, values.iter().map(Shown::from).collect::<Vec<_>>()))
            .collect::<Vec<_>>()
            .serialize(to)
    }

    #[expect(clippy::type_complexity, reason = "it is the type of the field")]
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<(String, Vec<Vec<u8>>)>, D::Error> {
        Vec::<(String, Vec<Shown>)>::deserialize(from)?
            .into_iter()
            .map(|(name, values)| {
                let values: Result<_, D::Error> = values.into_iter().map(Shown::bytes).collect();
                Ok((name, values?))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, Entry, Message, read_message};
    use ldap3::asn1::{PL, StructureTag, TagClass};

    fn octet(bytes: &[u8]) -> StructureTag {
        StructureTag {
            class: TagClass::Universal,
            id: 4,
            payload: PL::P(bytes.to_vec()),
        }
    }

    fn group(class: TagClass, id: u64, parts: Vec<StructureTag>) -> StructureTag {
        StructureTag {
            class,
            id,
            payload: PL::C(parts),
        }
    }

    fn entry(dn: &[u8], attributes: &[(&[u8], &[&[u8]])]) -> StructureTag {
        let list = attributes
            .iter()
            .map(|(name, values)| {
                let values = values.iter().map(|v| octet(v)).collect();
                group(
                    TagClass::Universal,
                    16,
                    vec![octet(name), group(TagClass::Universal, 17, values)],
                )
            })
            .collect();
        group(
            TagClass::Application,
            4,
            vec![octet(dn), group(TagClass::Universal, 16, list)],
        )
    }

    #[test]
    fn order_and_bytes_of_values_are_kept() {
        let tag = entry(
            "cn=Zoë".as_bytes(),
            &[
                (b"sn", &[b"z", b"\xff\x00", b"a"]),
                (b"cn", &["Zoë".as_bytes()]),
            ],
        );
        let Message::Entry(entry) = read_message(tag) else {
            panic!("not an entry");
        };
        assert_eq!(entry.dn, "cn=Zoë");
        assert_eq!(
            entry.values("SN"),
            [b"z".to_vec(), b"\xff\x00".to_vec(), b"a".to_vec()]
        );
        assert_eq!(
            entry.attributes.first().map(|(n, _)| n.as_str()),
            Some("sn")
        );
    }

    #[test]
    fn referrals_and_unreadable_names_are_reported_and_do_not_panic() {
        let referral = group(TagClass::Application, 19, vec![octet(b"ldap://b/")]);
        assert!(matches!(read_message(referral), Message::Referral(urls) if urls == ["ldap://b/"]));
        let odd = entry(b"cn=\xff", &[]);
        assert!(matches!(read_message(odd), Message::Unreadable(why) if why.contains("DN")));
        let odd = entry(b"cn=a", &[(b"\xfe", &[])]);
        assert!(matches!(read_message(odd), Message::Unreadable(why) if why.contains("cn=a")));
        let empty = group(TagClass::Application, 4, vec![]);
        assert!(matches!(read_message(empty), Message::Unreadable(_)));
    }

    #[test]
    fn entries_survive_json_whatever_their_bytes() {
        let entry = Entry::new("cn=a")
            .with("cn", "a")
            .with("photo", b"\xff\xd8")
            .with("note", "{\"base64\": \"x\"}");
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry);
    }

    #[test]
    fn changes_and_their_inverse_cancel_out() {
        let before = Entry::new("cn=a").with("x", "1").with("x", "2");
        let changes = [Change::delete("x", &["1"]), Change::add("y", &["3"])];
        let mut after = before.clone();
        after.apply(&changes);
        assert_eq!(after.values("x"), [b"2".to_vec()]);
        let back: Vec<_> = changes.iter().rev().filter_map(Change::inverse).collect();
        after.apply(&back);
        assert!(!after.has("y"));
        assert_eq!(after.values("x"), [b"2".to_vec(), b"1".to_vec()]);
        assert_eq!(before.values("x").len(), 2);
    }
}
