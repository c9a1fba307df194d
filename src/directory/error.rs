//! What can go wrong with a directory, in words a person can act on.

use crate::base::{Hint, display_safe};
use ldap3::{LdapError, LdapResult};

/// Why something could not be done on a directory.
///
/// Texts that came from the server have gone through [`display_safe`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// Nothing answers at that host and port.
    #[error("the directory {server} cannot be reached: {reason}")]
    Unreachable {
        /// `host:port`.
        server: String,
        /// What the system said.
        reason: String,
    },
    /// The connection could not be secured.
    #[error("no secure connection to {server}: {reason}")]
    Tls {
        /// `host:port`.
        server: String,
        /// What the TLS library said.
        reason: String,
    },
    /// The file with the CA certificates cannot be used.
    #[error("the CA file `{path}` cannot be used: {reason}")]
    CaFile {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The target cannot be a server's address.
    #[error("`{host}` is not a host name or an address")]
    BadHost {
        /// What was given.
        host: String,
    },
    /// The bind was refused (code 49, 48 or 53).
    #[error("the directory {server} does not accept the password of `{dn}`{}", words(.text))]
    Credentials {
        /// `host:port`.
        server: String,
        /// The bind DN.
        dn: String,
        /// The server's words, may be empty.
        text: String,
    },
    /// There is no such entry (code 32).
    #[error("the directory has no entry `{dn}`{}", nearest(.matched))]
    NoSuchEntry {
        /// The DN asked for.
        dn: String,
        /// The nearest entry above it that exists, may be empty.
        matched: String,
    },
    /// The bind DN may not do this (code 50, 8 or 13).
    #[error("the directory does not allow this for `{dn}`{}", words(.text))]
    Access {
        /// The entry it was about.
        dn: String,
        /// The server's words, may be empty.
        text: String,
    },
    /// The server stopped before the end: size, time or look-through limit (codes 3, 4, 11).
    /// What had come by then is thrown away, because half a list must not pass for a list.
    #[error(
        "the directory stopped at its {limit} after {received} entries below `{base}`; \
         the answer is incomplete and was not used"
    )]
    Limit {
        /// The base of the search.
        base: String,
        /// Which limit.
        limit: &'static str,
        /// How many entries had come.
        received: usize,
    },
    /// The server cannot do it now (codes 51 and 52).
    #[error("the directory is busy or unavailable{}", words(.text))]
    Busy {
        /// The server's words, may be empty.
        text: String,
    },
    /// The connection broke, or the server closed it.
    #[error("the connection to the directory {server} was lost")]
    Lost {
        /// `host:port`.
        server: String,
    },
    /// No answer within the time for one operation.
    #[error("the directory {server} did not answer within {seconds} seconds")]
    Timeout {
        /// `host:port`.
        server: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The server sends us elsewhere (code 10).
    #[error("the directory does not hold `{dn}` itself and refers to {}", .urls.join(", "))]
    Referral {
        /// The entry it was about.
        dn: String,
        /// Where it refers to.
        urls: Vec<String>,
    },
    /// A search filter that does not parse.
    #[error("`{filter}` is not a search filter")]
    BadFilter {
        /// The filter.
        filter: String,
    },
    /// The server refused an operation for another reason.
    #[error("the directory refused to {operation} `{dn}`: {}{}", code_name(*.code), words(.text))]
    Refused {
        /// `search`, `modify`, `add` or `delete`.
        operation: &'static str,
        /// The entry it was about.
        dn: String,
        /// The LDAP result code.
        code: u32,
        /// The server's words, may be empty.
        text: String,
    },
    /// The server's answer makes no sense.
    #[error("the directory {server} sent an answer that cannot be understood: {reason}")]
    Protocol {
        /// `host:port`.
        server: String,
        /// What is wrong with it.
        reason: String,
    },
}

fn words(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(" (the server says: {text})")
    }
}

fn nearest(matched: &str) -> String {
    if matched.is_empty() {
        String::new()
    } else {
        format!("; the nearest one that exists is `{matched}`")
    }
}

/// LDAP result codes that this room looks at by name.
pub mod code {
    /// A value to delete is not there.
    pub const NO_SUCH_ATTRIBUTE: u32 = 16;
    /// An attribute that the schema does not know.
    pub const UNDEFINED_ATTRIBUTE: u32 = 17;
    /// A comparison that the schema does not define.
    pub const INAPPROPRIATE_MATCHING: u32 = 18;
    /// A second value of a single-valued attribute, and the like.
    pub const CONSTRAINT: u32 = 19;
    /// A value to add is there already.
    pub const VALUE_EXISTS: u32 = 20;
    /// No such entry.
    pub const NO_SUCH_ENTRY: u32 = 32;
    /// The server could but does not want to.
    pub const UNWILLING: u32 = 53;
    /// The entry would not fit the schema.
    pub const OBJECT_CLASS: u32 = 65;
    /// An entry to add is there already.
    pub const ENTRY_EXISTS: u32 = 68;
}

/// Returns an LDAP result code as a person reads it.
pub fn code_name(code: u32) -> String {
    let name = match code {
        1 => "operations error",
        2 => "protocol error",
        7 => "authentication method not supported",
        12 => "unavailable critical extension",
        16 => "no such attribute or value",
        17 => "attribute unknown to the schema",
        18 => "the schema has no comparison for this attribute",
        19 => "constraint violation",
        20 => "attribute or value exists already",
        21 => "value does not fit the attribute's syntax",
        34 => "not a valid DN",
        53 => "unwilling to perform",
        64 => "naming violation",
        65 => "object class violation",
        66 => "the entry has entries below it",
        67 => "value is part of the entry's name",
        68 => "entry exists already",
        69 => "structural class cannot be changed",
        80 => "other error",
        _ => return format!("LDAP code {code}"),
    };
    format!("{name} ({code})")
}

impl DirectoryError {
    /// Says whether the same thing may work a moment later, over a new connection where need be.
    pub fn retryable(&self) -> bool {
        matches!(
            self,
            Self::Busy { .. } | Self::Lost { .. } | Self::Timeout { .. } | Self::Unreachable { .. }
        )
    }

    /// Says whether the connection itself is gone, so that nothing more can be asked over it.
    pub fn connection_lost(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Unreachable { .. })
    }

    /// Returns the LDAP code of a refusal that has no variant of its own.
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::NoSuchEntry { .. } => Some(code::NO_SUCH_ENTRY),
            _ => None,
        }
    }

    /// Turns a result with a code other than 0 into an error.
    pub(super) fn from_result(operation: &'static str, dn: &str, result: &LdapResult) -> Self {
        let dn = display_safe(dn).into_owned();
        let text = display_safe(result.text.trim()).into_owned();
        match result.rc {
            8 | 13 | 50 => Self::Access { dn, text },
            10 => Self::Referral {
                dn,
                urls: result
                    .refs
                    .iter()
                    .map(|url| display_safe(url).into_owned())
                    .collect(),
            },
            32 => Self::NoSuchEntry {
                dn,
                matched: display_safe(&result.matched).into_owned(),
            },
            51 | 52 => Self::Busy { text },
            code => Self::Refused {
                operation,
                dn,
                code,
                text,
            },
        }
    }

    /// Turns an error of the LDAP library into ours.
    pub(super) fn from_library(server: &str, seconds: u64, error: LdapError) -> Self {
        let server = server.to_owned();
        match error {
            LdapError::Timeout { .. } => Self::Timeout { server, seconds },
            LdapError::OpSend { .. }
            | LdapError::ResultRecv { .. }
            | LdapError::IdScrubSend { .. }
            | LdapError::MiscSend { .. }
            | LdapError::EndOfStream
            | LdapError::Io { .. } => Self::Lost { server },
            other => Self::Protocol {
                server,
                reason: display_safe(&other.to_string()).into_owned(),
            },
        }
    }
}

impl Hint for DirectoryError {
    fn hints(&self) -> Vec<String> {
        let hints: &[&str] = match self {
            Self::Unreachable { .. } => &[
                "check host and port, and that the directory server is running",
                "a firewall in between can be passed with: ssh -L",
            ],
            Self::Tls { .. } => &[
                "name the CA that signed the server's certificate as CA file; the host name must be \
                 the one in the certificate",
                "Netscape Directory Server 4.12 speaks only SSL 3 and TLS 1.0, which are no longer \
                 safe: use plain LDAP through ssh -L",
            ],
            Self::CaFile { .. } => &["the file must hold certificates in PEM form"],
            Self::Credentials { .. } => &["check the bind DN and the password"],
            Self::NoSuchEntry { .. } => &["check the base DN; for SIMS it is mostly `o=internet`"],
            Self::Access { .. } => &["bind as the directory manager, or widen the ACIs"],
            Self::Limit { .. } => &[
                "bind as the directory manager, for whom there is no limit, or raise the server's \
                 size limit",
            ],
            Self::Busy { .. } | Self::Lost { .. } | Self::Timeout { .. } => {
                &["try again; nothing is done twice"]
            }
            Self::Referral { .. } => {
                &["connect to the server it refers to; referrals are not followed"]
            }
            Self::BadFilter { .. } => &["filters look like (&(objectClass=inetMailUser)(uid=a*))"],
            Self::Refused {
                code: code::OBJECT_CLASS | code::UNDEFINED_ATTRIBUTE,
                ..
            } => &["the merged schema may be missing: run the schema step first"],
            Self::Refused { .. } | Self::Protocol { .. } | Self::BadHost { .. } => &[],
        };
        hints.iter().map(|hint| (*hint).to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::DirectoryError;
    use ldap3::LdapResult;

    fn result(rc: u32, text: &str) -> LdapResult {
        LdapResult {
            rc,
            matched: String::new(),
            text: text.to_owned(),
            refs: vec!["ldap://other/\u{1b}[2J".to_owned()],
            ctrls: Vec::new(),
        }
    }

    #[test]
    fn hostile_words_of_a_server_are_made_safe() {
        let error =
            DirectoryError::from_result("modify", "cn=a\u{202e}b", &result(80, "x\u{1b}[2J\n"));
        let shown = error.to_string();
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
        assert!(!shown.contains('\u{202e}'));
        let referral = DirectoryError::from_result("modify", "cn=a", &result(10, "")).to_string();
        assert!(!referral.contains('\u{1b}'));
    }

    #[test]
    fn only_what_may_work_later_is_retryable() {
        assert!(DirectoryError::from_result("modify", "cn=a", &result(51, "")).retryable());
        assert!(!DirectoryError::from_result("modify", "cn=a", &result(65, "")).retryable());
        assert!(!DirectoryError::from_result("modify", "cn=a", &result(50, "")).retryable());
    }
}
