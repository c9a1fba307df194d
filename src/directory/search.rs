//! Reading: always in pages, so that neither side has to hold everything at once.

use super::connection::Connection;
use super::entry::{Entry, Message, read_message};
use super::error::DirectoryError;
use crate::base::display_safe;
use ldap3::asn1::{PL, parse_tag};
use ldap3::controls::PagedResults;
use ldap3::{LdapError, LdapResult, Scope};

/// How many entries one page holds.
pub const PAGE_SIZE: i32 = 500;
const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The entries, in the server's order.
    pub entries: Vec<Entry>,
    /// Places the server says hold more; they are not followed.
    pub referrals: Vec<String>,
    /// Entries that cannot be represented, with the reason; safe to show.
    pub unreadable: Vec<String>,
}

/// What was found apart from the entries themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aside {
    /// As [`Found::referrals`].
    pub referrals: Vec<String>,
    /// As [`Found::unreadable`].
    pub unreadable: Vec<String>,
}

/// What a server says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootDse {
    /// `vendorName`, if it says so.
    pub vendor: Option<String>,
    /// `vendorVersion`, if it says so.
    pub version: Option<String>,
    /// `namingContexts`.
    pub naming_contexts: Vec<String>,
    /// `supportedControl`.
    pub controls: Vec<String>,
    /// `subschemaSubentry`; `cn=schema` where the server does not say.
    pub schema_dn: String,
    /// `configContext`, where the server keeps its own configuration; `OpenLDAP` says so.
    pub config_context: Option<String>,
    /// Everything, as read.
    pub entry: Entry,
}

impl Connection {
    /// Reads every entry below `base` that matches.
    ///
    /// # Errors
    /// [`DirectoryError::NoSuchEntry`] for a base that does not exist, [`DirectoryError::Limit`]
    /// when the server stopped before the end, [`DirectoryError::BadFilter`], and what else can
    /// happen on the way. There is never a partial result.
    pub async fn search(
        &self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: &[&str],
    ) -> Result<Found, DirectoryError> {
        let mut entries = Vec::new();
        let aside = self
            .search_each(base, scope, filter, attributes, &mut |entry| {
                entries.push(entry);
            })
            .await?;
        Ok(Found {
            entries,
            referrals: aside.referrals,
            unreadable: aside.unreadable,
        })
    }

    /// As [`Self::search`], handing over each entry as it comes; after an error, what came
    /// before it must not be used.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn search_each(
        &self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: &[&str],
        each: &mut (dyn FnMut(Entry) + Send),
    ) -> Result<Aside, DirectoryError> {
        let mut aside = Aside::default();
        let mut received = 0;
        let mut paged = true;
        let mut cookie = Vec::new();
        loop {
            let mut ldap = self.handle();
            if paged {
                ldap.with_controls(PagedResults {
                    size: PAGE_SIZE,
                    cookie: std::mem::take(&mut cookie),
                });
            }
            let mut stream = ldap
                .streaming_search(base, scope, filter, attributes.to_vec())
                .await
                .map_err(|e| self.search_error(filter, e))?;
            while let Some(item) = stream
                .next()
                .await
                .map_err(|e| self.search_error(filter, e))?
            {
                match read_message(item.0) {
                    Message::Entry(entry) => {
                        received += 1;
                        each(entry);
                    }
                    Message::Referral(urls) => {
                        let urls = urls.iter().map(|url| display_safe(url).into_owned());
                        aside.referrals.extend(urls);
                    }
                    Message::Unreadable(why) => {
                        aside.unreadable.push(display_safe(&why).into_owned());
                    }
                    Message::Other => {}
                }
            }
            let result = stream.finish().await;
            match result.rc {
                0 => {}
                // unavailableCriticalExtension, or a server that takes the control for an error
                2 | 12 | 53 if paged && received == 0 => {
                    paged = false;
                    continue;
                }
                3 | 4 | 11 => {
                    return Err(DirectoryError::Limit {
                        base: display_safe(base).into_owned(),
                        limit: match result.rc {
                            3 => "time limit",
                            4 => "size limit",
                            _ => "look-through limit",
                        },
                        received,
                    });
                }
                _ => return Err(DirectoryError::from_result("search", base, &result)),
            }
            cookie = next_cookie(&result).ok_or_else(|| DirectoryError::Protocol {
                server: self.server().to_owned(),
                reason: "its page has no readable end".to_owned(),
            })?;
            if cookie.is_empty() {
                return Ok(aside);
            }
        }
    }

    fn search_error(&self, filter: &str, error: LdapError) -> DirectoryError {
        match error {
            LdapError::FilterParsing => DirectoryError::BadFilter {
                filter: display_safe(filter).into_owned(),
            },
            other => self.library_error(other),
        }
    }

    /// Reads one entry with all of its user attributes; `None` when there is none.
    ///
    /// # Errors
    /// As [`Self::search`]; an entry that cannot be represented is
    /// [`DirectoryError::Protocol`].
    pub async fn read(&self, dn: &str) -> Result<Option<Entry>, DirectoryError> {
        self.read_attributes(dn, &["*"]).await
    }

    /// Reads some attributes of one entry; `None` when there is no such entry.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn read_attributes(
        &self,
        dn: &str,
        attributes: &[&str],
    ) -> Result<Option<Entry>, DirectoryError> {
        let found = self
            .search(dn, Scope::Base, "(objectClass=*)", attributes)
            .await;
        match found {
            Ok(found) => match (found.entries.into_iter().next(), found.unreadable.first()) {
                (Some(entry), _) => Ok(Some(entry)),
                (None, Some(why)) => Err(DirectoryError::Protocol {
                    server: self.server().to_owned(),
                    reason: why.clone(),
                }),
                (None, None) => Ok(None),
            },
            Err(DirectoryError::NoSuchEntry { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Reads what the server says about itself.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn root_dse(&self) -> Result<RootDse, DirectoryError> {
        let entry = self
            .read_attributes("", &["*", "+"])
            .await?
            .unwrap_or_default();
        let texts = |name: &str| {
            entry
                .values(name)
                .iter()
                .map(|v| String::from_utf8_lossy(v).into_owned())
                .collect::<Vec<_>>()
        };
        let safe = |name: &str| entry.text(name).map(|text| display_safe(text).into_owned());
        Ok(RootDse {
            vendor: safe("vendorName").or_else(|| {
                // The one server that does not name its vendor says it in the class.
                let openldap = entry.has_class("OpenLDAProotDSE");
                openldap.then(|| "OpenLDAP".to_owned())
            }),
            version: safe("vendorVersion"),
            naming_contexts: texts("namingContexts"),
            controls: texts("supportedControl"),
            schema_dn: entry
                .text("subschemaSubentry")
                .unwrap_or("cn=schema")
                .to_owned(),
            config_context: entry.text("configContext").map(str::to_owned),
            entry,
        })
    }
}

/// The place to go on from; empty at the end, and when the server does not know pages. `None` when
/// it cannot be read: what came so far must not pass for everything.
fn next_cookie(result: &LdapResult) -> Option<Vec<u8>> {
    let control = result
        .ctrls
        .iter()
        .find(|control| control.1.ctype == PAGED_RESULTS);
    let Some(control) = control else {
        return Some(Vec::new());
    };
    // Not the library's own parser: that one panics on an answer it does not expect.
    let (_, tag) = parse_tag(control.1.val.as_deref()?).ok()?;
    let PL::C(parts) = tag.payload else {
        return None;
    };
    match parts.into_iter().nth(1)?.payload {
        PL::P(cookie) => Some(cookie),
        PL::C(_) => None,
    }
}

/// Escapes a value for a search filter (RFC 4515), so that it means only itself.
pub fn escape_filter(value: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(value.len());
    for byte in value {
        match byte {
            b'*' | b'(' | b')' | b'\\' | 0 | 0x80..=0xff => {
                let _ = write!(escaped, "\\{byte:02x}");
            }
            _ => escaped.push(char::from(*byte)),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{escape_filter, next_cookie};
    use ldap3::LdapResult;
    use ldap3::controls::{Control, RawControl};

    fn result(value: Option<&[u8]>) -> LdapResult {
        LdapResult {
            rc: 0,
            matched: String::new(),
            text: String::new(),
            refs: Vec::new(),
            ctrls: vec![Control(
                None,
                RawControl {
                    ctype: super::PAGED_RESULTS.to_owned(),
                    crit: false,
                    val: value.map(<[u8]>::to_vec),
                },
            )],
        }
    }

    #[test]
    fn a_broken_paging_answer_is_no_end_and_does_not_panic() {
        let cookie = |value: &[u8]| next_cookie(&result(Some(value)));
        assert_eq!(
            cookie(b"\x30\x06\x02\x01\x00\x04\x01x"),
            Some(b"x".to_vec())
        );
        assert_eq!(cookie(b"\x30\x05\x02\x01\x00\x04\x00"), Some(Vec::new()));
        assert_eq!(cookie(b"\x04\x00"), None);
        assert_eq!(cookie(b"\x30\x7f"), None);
        assert_eq!(next_cookie(&result(None)), None);
    }

    #[test]
    fn a_value_in_a_filter_means_only_itself() {
        assert_eq!(
            escape_filter("*)(uid=é\\".as_bytes()),
            "\\2a\\29\\28uid=\\c3\\a9\\5c"
        );
    }
}
