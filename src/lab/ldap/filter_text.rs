//! Search filters as text (RFC 4515): reading, writing, escaping.
//!
//! Own reading, because that of `ldap3_proto` takes no escapes and stops at `=` or a space in a
//! value.

use ldap3_proto::proto::{LdapFilter, LdapMatchingRuleAssertion, LdapSubstringFilter};
use std::fmt::Write as _;

/// How deep a filter may be nested.
const DEEPEST: usize = 64;

/// Reads a filter; the parentheses around the whole may be left out. None when it is none.
pub fn parse(text: &str) -> Option<LdapFilter> {
    let text = text.trim();
    if !text.starts_with('(') {
        return item(text);
    }
    let (filter, rest) = parenthesised(text, DEEPEST)?;
    rest.trim().is_empty().then_some(filter)
}

/// Reads `(…)` at the start of a text; returns what follows it too.
fn parenthesised(text: &str, depth: usize) -> Option<(LdapFilter, &str)> {
    let depth = depth.checked_sub(1)?;
    let inner = text.trim_start().strip_prefix('(')?.trim_start();
    let mark = inner.chars().next()?;
    if let '&' | '|' | '!' = mark {
        let mut rest = inner.get(1..)?;
        let mut parts = Vec::new();
        while rest.trim_start().starts_with('(') {
            let (part, after) = parenthesised(rest, depth)?;
            parts.push(part);
            rest = after;
        }
        let rest = rest.trim_start().strip_prefix(')')?;
        let filter = match mark {
            '&' => LdapFilter::And(parts),
            '|' => LdapFilter::Or(parts),
            _ if parts.len() == 1 => LdapFilter::Not(Box::new(parts.pop()?)),
            _ => return None,
        };
        return Some((filter, rest));
    }
    // An escaped parenthesis has none: it is `\28` or `\29`.
    let end = inner.find(['(', ')'])?;
    let rest = inner.get(end..)?.strip_prefix(')')?;
    Some((item(inner.get(..end)?)?, rest))
}

/// Reads one comparison, without parentheses.
fn item(text: &str) -> Option<LdapFilter> {
    let (left, value) = text.split_once('=')?;
    let (attribute, operator) = match left.chars().next_back()? {
        mark @ ('>' | '<' | '~' | ':') => (left.get(..left.len() - 1)?, mark),
        _ => (left, '='),
    };
    let attribute = attribute.trim();
    let named = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-.;_".contains(c))
    };
    if operator == ':' {
        return rule(attribute, unescape(value)?);
    }
    if !named(attribute) {
        return None;
    }
    let attribute = attribute.to_owned();
    Some(match operator {
        '>' => LdapFilter::GreaterOrEqual(attribute, unescape(value)?),
        '<' => LdapFilter::LessOrEqual(attribute, unescape(value)?),
        '~' => LdapFilter::Approx(attribute, unescape(value)?),
        _ if value == "*" => LdapFilter::Present(attribute),
        _ if !value.contains('*') => LdapFilter::Equality(attribute, unescape(value)?),
        _ => {
            let parts: Vec<String> = value.split('*').map(unescape).collect::<Option<_>>()?;
            let [initial, any @ .., last] = parts.as_slice() else {
                return None;
            };
            let some = |part: &String| (!part.is_empty()).then(|| part.clone());
            LdapFilter::Substring(
                attribute,
                LdapSubstringFilter {
                    initial: some(initial),
                    any: any.iter().filter_map(some).collect(),
                    final_: some(last),
                },
            )
        }
    })
}

/// Reads the left side of an extensible match: `attribute:dn:rule`, each part optional.
fn rule(left: &str, value: String) -> Option<LdapFilter> {
    let mut parts = left.split(':');
    let attribute = parts.next()?.trim();
    let mut assertion = LdapMatchingRuleAssertion {
        matching_rule: None,
        type_: (!attribute.is_empty()).then(|| attribute.to_owned()),
        match_value: value,
        dn_attributes: false,
    };
    for part in parts {
        if part.eq_ignore_ascii_case("dn") {
            assertion.dn_attributes = true;
        } else if assertion.matching_rule.replace(part.to_owned()).is_some() {
            return None;
        }
    }
    let any = assertion.type_.is_some() || assertion.matching_rule.is_some();
    any.then_some(LdapFilter::Extensible(assertion))
}

/// Undoes `\XX`; none when an escape is broken or the bytes are no UTF-8.
fn unescape(value: &str) -> Option<String> {
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' {
            let digits = [bytes.next()?, bytes.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            out.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

/// Returns a value as it must be written in a filter.
pub fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '*' | '(' | ')' | '\\' | '\0' => {
                let _ = write!(out, "\\{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Writes a filter.
pub fn write(filter: &LdapFilter) -> String {
    let all = |mark: &str, list: &[LdapFilter]| {
        format!("({mark}{})", list.iter().map(write).collect::<String>())
    };
    match filter {
        LdapFilter::And(list) => all("&", list),
        LdapFilter::Or(list) => all("|", list),
        LdapFilter::Not(inner) => format!("(!{})", write(inner)),
        LdapFilter::Equality(a, v) => format!("({a}={})", escape(v)),
        LdapFilter::Approx(a, v) => format!("({a}~={})", escape(v)),
        LdapFilter::GreaterOrEqual(a, v) => format!("({a}>={})", escape(v)),
        LdapFilter::LessOrEqual(a, v) => format!("({a}<={})", escape(v)),
        LdapFilter::Present(a) => format!("({a}=*)"),
        LdapFilter::Substring(a, s) => {
            let part = |p: &Option<String>| p.as_deref().map(escape).unwrap_or_default();
            let mut text = format!("({a}={}*", part(&s.initial));
            for any in &s.any {
                let _ = write!(text, "{}*", escape(any));
            }
            let _ = write!(text, "{})", part(&s.final_));
            text
        }
        LdapFilter::Extensible(m) => {
            let mut text = format!("({}", m.type_.as_deref().unwrap_or_default());
            if m.dn_attributes {
                text.push_str(":dn");
            }
            if let Some(rule) = &m.matching_rule {
                let _ = write!(text, ":{rule}");
            }
            let _ = write!(text, ":={})", escape(&m.match_value));
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{escape, parse, write};
    use rstest::rstest;

    #[rstest]
    #[case("(uid=a*)")]
    #[case("(&(objectClass=inetMailUser)(|(uid=*a*b*)(!(mail=*))))")]
    #[case("(owner=cn=Boss, Big,o=x y)")]
    #[case("(cn=jürgen \\28x\\29 \\2a)")]
    #[case("(quota>=10)")]
    #[case("(quota<=10)")]
    #[case("(cn~=x)")]
    #[case("(cn:dn:2.4.6:=x)")]
    #[case("(&)")]
    fn what_is_written_is_what_was_read(#[case] text: &str) {
        assert_eq!(write(&parse(text).unwrap()), text);
    }

    #[test]
    fn parentheses_and_spaces_around_the_whole_may_be_missing_or_too_many() {
        assert_eq!(write(&parse("uid=a").unwrap()), "(uid=a)");
        assert_eq!(
            write(&parse(" ( & (uid=a) (cn=b) ) ").unwrap()),
            "(&(uid=a)(cn=b))"
        );
    }

    #[rstest]
    #[case("")]
    #[case("(")]
    #[case("(uid)")]
    #[case("(=a)")]
    #[case("(uid=a")]
    #[case("(uid=a))")]
    #[case("(!(a=b)(c=d))")]
    #[case("(uid=\\2)")]
    #[case("(uid=\\ff)")]
    #[case("(u id=x)")]
    #[case("(url=ldap:///o=x??sub?(uid=a))")]
    fn what_is_no_filter_is_refused(#[case] text: &str) {
        assert!(parse(text).is_none());
    }

    #[test]
    fn a_filter_nested_without_end_is_refused() {
        assert!(parse(&"(!".repeat(100_000)).is_none());
    }

    proptest::proptest! {
        #[test]
        fn an_escaped_value_comes_back(value in ".{1,40}") {
            let filter = parse(&format!("(cn={})", escape(&value))).unwrap();
            let ldap3_proto::proto::LdapFilter::Equality(_, read) = filter else {
                panic!("not an equality");
            };
            proptest::prop_assert_eq!(read, value);
        }
    }
}
