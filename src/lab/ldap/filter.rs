//! Search filters, made ready once and then asked of every entry.
//!
//! Two-valued, as the 4.x servers are: what is not defined does not match, and `!` turns that round.

use super::entry::Entry;
use super::schema::{Schema, Syntax, fold};
use ldap3_proto::proto::LdapFilter;
use std::cmp::Ordering;

/// A filter with its attributes looked up and its values folded.
#[derive(Clone, Debug)]
pub enum Filter {
    /// All match.
    And(Vec<Self>),
    /// One matches.
    Or(Vec<Self>),
    /// It does not match.
    Not(Box<Self>),
    /// Never matches.
    Never,
    /// A test of one attribute.
    Test {
        /// The names under which the attribute may be kept, in lower case.
        names: Vec<String>,
        /// How its values compare.
        syntax: Syntax,
        /// What is tested.
        test: Test,
    },
}

/// What is tested of a value.
#[derive(Clone, Debug)]
pub enum Test {
    /// The attribute is there.
    Present,
    /// It is equal.
    Equal(String),
    /// It is not smaller.
    AtLeast(String),
    /// It is not greater.
    AtMost(String),
    /// It has these parts: the beginning, some in order, the end.
    Parts(String, Vec<String>, String),
}

impl Filter {
    /// Makes a filter ready. Attributes in `hidden` are as if no entry had them.
    pub fn new(filter: &LdapFilter, schema: &Schema, hidden: &[&str]) -> Self {
        let all = |list: &[LdapFilter]| {
            list.iter()
                .map(|f| Self::new(f, schema, hidden))
                .collect::<Vec<_>>()
        };
        let test = |attribute: &str, make: &dyn Fn(Syntax) -> Test| {
            if hidden.iter().any(|h| schema.same_attribute(h, attribute)) {
                return Self::Never;
            }
            let syntax = schema.syntax(attribute);
            Self::Test {
                names: schema.names_of(attribute),
                syntax,
                test: make(syntax),
            }
        };
        match filter {
            LdapFilter::And(list) => Self::And(all(list)),
            LdapFilter::Or(list) => Self::Or(all(list)),
            LdapFilter::Not(inner) => Self::Not(Box::new(Self::new(inner, schema, hidden))),
            LdapFilter::Present(a) => test(a, &|_| Test::Present),
            LdapFilter::Equality(a, v) | LdapFilter::Approx(a, v) => {
                test(a, &|s| Test::Equal(fold(s, v.as_bytes())))
            }
            LdapFilter::GreaterOrEqual(a, v) => test(a, &|s| Test::AtLeast(fold(s, v.as_bytes()))),
            LdapFilter::LessOrEqual(a, v) => test(a, &|s| Test::AtMost(fold(s, v.as_bytes()))),
            LdapFilter::Substring(a, parts) => test(a, &|s| {
                let part = |text: &str| fold_part(s, text);
                Test::Parts(
                    parts
                        .initial
                        .as_deref()
                        .map(|p| part(p).trim_start().to_owned())
                        .unwrap_or_default(),
                    parts.any.iter().map(|p| part(p)).collect(),
                    parts
                        .final_
                        .as_deref()
                        .map(|p| part(p).trim_end().to_owned())
                        .unwrap_or_default(),
                )
            }),
            LdapFilter::Extensible(rule) => match (&rule.type_, &rule.matching_rule) {
                (Some(a), None) => test(a, &|s| Test::Equal(fold(s, rule.match_value.as_bytes()))),
                _ => Self::Never,
            },
        }
    }

    /// Returns whether an entry matches.
    pub fn matches(&self, entry: &Entry) -> bool {
        match self {
            Self::And(list) => list.iter().all(|f| f.matches(entry)),
            Self::Or(list) => list.iter().any(|f| f.matches(entry)),
            Self::Not(inner) => !inner.matches(entry),
            Self::Never => false,
            Self::Test {
                names,
                syntax,
                test,
            } => entry
                .attributes
                .iter()
                .filter(|a| names.iter().any(|n| n.eq_ignore_ascii_case(a.base())))
                .any(|a| a.values.iter().any(|v| test.holds(*syntax, v))),
        }
    }
}

impl Test {
    fn holds(&self, syntax: Syntax, value: &[u8]) -> bool {
        match self {
            Self::Present => true,
            Self::Equal(wanted) => fold(syntax, value) == *wanted,
            Self::AtLeast(wanted) => order(syntax, &fold(syntax, value), wanted) != Ordering::Less,
            Self::AtMost(wanted) => {
                order(syntax, &fold(syntax, value), wanted) != Ordering::Greater
            }
            Self::Parts(initial, any, last) => {
                let value = if syntax == Syntax::Dn {
                    super::dn::fold(value)
                } else {
                    fold(syntax, value)
                };
                let Some(mut rest) = value.strip_prefix(initial.as_str()) else {
                    return false;
                };
                for part in any {
                    match rest.split_once(part.as_str()) {
                        Some((_, after)) => rest = after,
                        None => return false,
                    }
                }
                rest.ends_with(last.as_str())
            }
        }
    }
}

fn order(syntax: Syntax, one: &str, other: &str) -> Ordering {
    match (syntax, one.parse::<i128>(), other.parse::<i128>()) {
        (Syntax::Int, Ok(one), Ok(other)) => one.cmp(&other),
        _ => one.cmp(other),
    }
}

/// Folds a part of a value: spaces at its ends count.
fn fold_part(syntax: Syntax, part: &str) -> String {
    match syntax {
        Syntax::Bin | Syntax::Tel | Syntax::Int => fold(syntax, part.as_bytes()),
        Syntax::Cis | Syntax::Dn | Syntax::Ces => {
            let mut out = String::with_capacity(part.len());
            for c in part.chars() {
                let c = if c.is_whitespace() { ' ' } else { c };
                if c != ' ' || !out.ends_with(' ') {
                    out.push(c);
                }
            }
            if syntax == Syntax::Ces {
                out
            } else {
                out.to_lowercase()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Filter;
    use crate::lab::ldap::config::Config;
    use crate::lab::ldap::entry::Entry;
    use rstest::rstest;

    fn matches(filter: &str) -> bool {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("slapd.conf");
        std::fs::write(
            &file,
            "attribute mail rfc822mailbox 1.3 cis\nattribute quota int\nattribute path ces\nattribute owner dn\nattribute telephoneNumber tel\n",
        )
        .unwrap();
        let schema = Config::load(&file, dir.path()).schema;
        let mut entry = Entry::new("uid=anderson,o=x");
        for (name, value) in [
            ("objectClass", "inetMailUser"),
            ("uid", "Anderson"),
            ("cn;lang-de", "Jürgen  Ängström"),
            ("mail", "a@siroe.com"),
            ("mail", "b@siroe.com"),
            ("quota", "500"),
            ("path", "/Var/mail"),
            ("owner", "CN=Boss, o=X"),
            ("telephoneNumber", "+1 408-555"),
            ("userPassword", "secret"),
        ] {
            entry.push(name, value);
        }
        let parsed = crate::lab::ldap::filter_text::parse(filter).unwrap();
        Filter::new(&parsed, &schema, &["userPassword"]).matches(&entry)
    }

    #[rstest]
    #[case("(&(objectClass=inetmailuser)(uid=a*))")]
    #[case("(uid=*ERS*)")]
    #[case("(uid=a*d*s*n)")]
    #[case("(rfc822mailbox=B@SIROE.com)")]
    #[case("(cn=jürgen ängström)")]
    #[case("(cn=*ÄNG*)")]
    #[case("(quota>=0100)")]
    #[case("(quota<=1000)")]
    #[case("(path=/Var*)")]
    #[case("(owner=cn=boss,o=x)")]
    #[case("(telephoneNumber=+1408 555)")]
    #[case("(|(uid=x)(mail=*))")]
    #[case("(!(mailHost=*))")]
    #[case("(!(userPassword=secret))")]
    fn matching_filters(#[case] filter: &str) {
        assert!(matches(filter));
    }

    #[rstest]
    #[case("(uid=nders*)")]
    #[case("(uid=*son*a*)")]
    #[case("(quota>=1000)")]
    #[case("(path=/var/mail)")]
    #[case("(!(mail=a@siroe.com))")]
    #[case("(userPassword=*)")]
    #[case("(cn:caseExactMatch:=Anderson)")]
    #[case("(uid=a*n*n*n)")]
    fn filters_that_do_not_match(#[case] filter: &str) {
        assert!(!matches(filter));
    }
}
