//! Searching: scopes, slices and pages, and what of an entry is shown to whom.

use super::directory::{Directory, HIDDEN, SCHEMA_DN, State, Who};
use super::dn;
use super::entry::{Attribute, Entry, base};
use super::filter::Filter;
use super::plan::Fail;
use super::schema::{Schema, is_operational, rfc4512};
use ldap3_proto::proto::{
    LdapPartialAttribute, LdapResultCode as Code, LdapSearchRequest, LdapSearchResultEntry,
    LdapSearchScope as Scope,
};
use std::ops::Bound;

/// The controls the server knows: paged results, and `ManageDsaIT` (there are no referrals).
pub const CONTROLS: &[&str] = &["1.2.840.113556.1.4.319", "2.16.840.1.113730.3.4.2"];
/// The extended operation "who am I?".
pub const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";

/// Part of a search's answer.
#[derive(Debug, Default)]
pub struct Slice {
    /// The entries.
    pub entries: Vec<LdapSearchResultEntry>,
    /// Where to go on: the key of the last entry; none at the end.
    pub next: Option<String>,
}

/// One search, made ready.
pub struct Search<'a> {
    directory: &'a Directory,
    who: &'a Who,
    request: &'a LdapSearchRequest,
    filter: Filter,
    base: String,
}

impl<'a> Search<'a> {
    /// Makes a search ready.
    ///
    /// # Errors
    /// [`Fail`] when the base is no name or there is no such entry.
    pub fn new(
        directory: &'a Directory,
        who: &'a Who,
        request: &'a LdapSearchRequest,
    ) -> Result<Self, Fail> {
        let base = dn::key(&request.base)?;
        let search = Self {
            directory,
            who,
            request,
            filter: directory.filter(who, &request.filter),
            base,
        };
        if search.special().is_none() {
            let state = directory.read();
            directory.view(&state, who).find(&request.base)?;
        }
        Ok(search)
    }

    /// The root DSE and the schema are entries of their own, found by their name only.
    fn special(&self) -> Option<Entry> {
        let is_base = matches!(self.request.scope, Scope::Base);
        if self.base.is_empty() && is_base {
            return Some(root_dse(self.directory));
        }
        let below = matches!(self.request.scope, Scope::OneLevel | Scope::Children);
        if dn::key(SCHEMA_DN).as_ref() == Ok(&self.base) && !below {
            return Some(schema_entry(&self.directory.read().schema));
        }
        None
    }

    /// Returns at most `most` entries, from the one after the key `after` on.
    pub fn slice(&self, after: Option<&str>, most: usize) -> Slice {
        if let Some(entry) = self.special() {
            let entries = if self.filter.matches(&entry) {
                vec![self.show(&self.directory.read(), &self.base, &entry)]
            } else {
                Vec::new()
            };
            return Slice {
                entries,
                next: None,
            };
        }
        let state = self.directory.read();
        let base = self.base.as_str();
        let start = match after {
            Some(after) if after >= base => Bound::Excluded(after),
            _ => Bound::Included(base),
        };
        let depth = dn::depth(base);
        let mut slice = Slice::default();
        let mut last = None;
        for (key, entry) in state.entries.range::<str, _>((start, Bound::Unbounded)) {
            if !key.starts_with(base) {
                break;
            }
            let in_scope = match self.request.scope {
                Scope::Base => key == base,
                Scope::OneLevel => dn::depth(key) == depth + 1,
                Scope::Children => key != base,
                Scope::Subtree => true,
            };
            if in_scope && self.filter.matches(entry) {
                if slice.entries.len() >= most {
                    slice.next = last;
                    break;
                }
                slice.entries.push(self.show(&state, key, entry));
                last = Some(key.clone());
            }
            if matches!(self.request.scope, Scope::Base) {
                break;
            }
        }
        slice
    }

    /// Returns what is shown of an entry.
    fn show(&self, state: &State, key: &str, entry: &Entry) -> LdapSearchResultEntry {
        let wanted = &self.request.attrs;
        let all = wanted.is_empty() || wanted.iter().any(|w| w == "*");
        let operational = wanted.iter().any(|w| w == "+");
        let named = |name: &str| {
            wanted.iter().any(|w| {
                w.eq_ignore_ascii_case(name)
                    || (base(w).len() == w.len() && state.schema.same_attribute(base(name), w))
            })
        };
        let is_wanted = |name: &str| {
            // Everything of the root DSE is kept by the server.
            let kept_by_server = is_operational(base(name)) && !key.is_empty();
            named(name) || (all && !kept_by_server) || (operational && kept_by_server)
        };
        let is_shown = |a: &&Attribute| {
            let hidden = HIDDEN.iter().any(|h| h.eq_ignore_ascii_case(a.base()));
            (!hidden || self.who.sees_all_of(key)) && is_wanted(&a.name)
        };
        let mut attributes: Vec<LdapPartialAttribute> = entry
            .attributes
            .iter()
            .filter(is_shown)
            .map(|a| self.partial(&a.name, &a.values))
            .collect();
        if !key.is_empty() {
            let mut add = |name: &str, value: &dyn Fn() -> String| {
                if is_wanted(name) && entry.position(name).is_none() {
                    attributes.push(self.partial(name, &[value().into_bytes()]));
                }
            };
            add("subschemaSubentry", &|| SCHEMA_DN.to_owned());
            add("entryDN", &|| entry.dn.clone());
            add("numSubordinates", &|| {
                children(state, key, dn::depth(key) + 1).to_string()
            });
        }
        LdapSearchResultEntry {
            dn: entry.dn.clone(),
            attributes,
        }
    }

    fn partial(&self, name: &str, values: &[Vec<u8>]) -> LdapPartialAttribute {
        LdapPartialAttribute {
            atype: name.to_owned(),
            vals: if self.request.typesonly {
                Vec::new()
            } else {
                values.to_vec()
            },
        }
    }

    /// Returns the result of a search that found more than the client asked for.
    pub fn too_many() -> Fail {
        Fail::new(Code::SizeLimitExceeded, "")
    }
}

fn children(state: &State, key: &str, depth: usize) -> usize {
    state
        .entries
        .range::<str, _>((Bound::Excluded(key), Bound::Unbounded))
        .take_while(|(k, _)| k.starts_with(key))
        .filter(|(k, _)| dn::depth(k) == depth)
        .count()
}

fn root_dse(directory: &Directory) -> Entry {
    let mut entry = Entry::new("");
    entry.push("objectClass", "top");
    for suffix in &directory.config().suffixes {
        entry.push("namingContexts", suffix.as_str());
    }
    entry.push("subschemaSubentry", SCHEMA_DN);
    for control in CONTROLS {
        entry.push("supportedControl", *control);
    }
    entry.push("supportedExtension", WHO_AM_I);
    for version in ["2", "3"] {
        entry.push("supportedLDAPVersion", version);
    }
    entry.push("vendorName", "Netscape Communications Corp.");
    let release = &directory.config().release;
    entry.push("vendorVersion", format!("Netscape-Directory/{release}"));
    entry
}

fn schema_entry(schema: &Schema) -> Entry {
    let mut entry = Entry::new(SCHEMA_DN);
    for class in ["top", "subschema"] {
        entry.push("objectClass", class);
    }
    entry.push("cn", "schema");
    for class in schema.classes() {
        entry.push("objectClasses", rfc4512::write_class(class));
    }
    for attribute in schema.attributes() {
        entry.push("attributeTypes", rfc4512::write_attribute(attribute));
    }
    entry
}
