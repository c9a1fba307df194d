//! Distinguished names: all escapes of RFC 4514 and the older quoted form, and the key under which
//! an entry is kept.
//!
//! A key has the RDNs from the root down, each ended by NUL, so that a subtree is one contiguous
//! range of keys and a key's parent is a prefix of it.

use std::fmt::Write as _;

/// Ends an RDN in a key.
const END: char = '\0';
/// Stands between the parts of a multi-valued RDN in a key.
const PLUS: char = '\u{1}';

/// A name that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a distinguished name")]
pub struct BadDn(pub String);

/// One attribute and value of an RDN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ava {
    /// The attribute's name as written.
    pub attribute: String,
    /// The value without escapes.
    pub value: Vec<u8>,
}

/// One RDN: usually one part, several when joined with `+`.
pub type Rdn = Vec<Ava>;

/// Reads a name, the leaf first; the empty name has no RDN.
///
/// # Errors
/// [`BadDn`].
pub fn parse(dn: &str) -> Result<Vec<Rdn>, BadDn> {
    split(dn)
        .into_iter()
        .map(|rdn| parse_rdn(rdn).ok_or_else(|| BadDn(dn.to_owned())))
        .collect()
}

/// Returns the key of a name: case, spaces and the way of escaping do not matter.
///
/// # Errors
/// [`BadDn`].
pub fn key(dn: &str) -> Result<String, BadDn> {
    Ok(parse(dn)?.iter().rev().map(rdn_key).collect())
}

/// Returns the key of one RDN, with its end.
fn rdn_key(rdn: &Rdn) -> String {
    let mut parts: Vec<String> = rdn
        .iter()
        .map(|ava| {
            format!(
                "{}={}",
                ava.attribute.to_ascii_lowercase(),
                fold(&ava.value).replace([END, PLUS], "\u{fffd}")
            )
        })
        .collect();
    parts.sort();
    let mut key = parts.join(&PLUS.to_string());
    key.push(END);
    key
}

/// Returns the key of the parent, or none for the root.
pub fn parent_key(key: &str) -> Option<&str> {
    let inner = key.strip_suffix(END)?;
    let at = inner.rfind(END).map_or(0, |at| at + END.len_utf8());
    key.get(..at)
}

/// Returns how many RDNs a key has.
pub fn depth(key: &str) -> usize {
    key.matches(END).count()
}

/// Returns the raw RDNs of a name as they are written, the leaf first.
pub fn split(dn: &str) -> Vec<&str> {
    if dn.trim().is_empty() {
        return Vec::new();
    }
    split_at(dn, |c| c == ',' || c == ';')
}

/// Returns the raw parent of a name as it is written; empty when there is none.
pub fn parent(dn: &str) -> &str {
    match split(dn).as_slice() {
        [first, _, ..] => dn.get(first.len() + 1..).unwrap_or_default().trim(),
        _ => "",
    }
}

/// Returns a value as it must be written in a name.
pub fn escape(value: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(value) else {
        return value.iter().fold(String::new(), |mut out, byte| {
            let _ = write!(out, "\\{byte:02X}");
            out
        });
    };
    let last = text.chars().count().saturating_sub(1);
    let mut out = String::with_capacity(text.len());
    for (n, c) in text.chars().enumerate() {
        match c {
            '\0' => out.push_str("\\00"),
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => {
                out.push('\\');
                out.push(c);
            }
            ' ' | '#' if n == 0 => {
                out.push('\\');
                out.push(c);
            }
            ' ' if n == last => out.push_str("\\ "),
            // Unescaped, a tab or any other blank at an end would be taken for layout.
            c if c.is_control() || (c.is_whitespace() && c != ' ') => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(out, "\\{byte:02X}");
                }
            }
            c => out.push(c),
        }
    }
    out
}

/// Returns a value as it compares: lower case, runs of spaces as one, none at the ends. Bytes that
/// are no UTF-8 compare as they are.
pub fn fold(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => {
            let mut out = String::with_capacity(text.len());
            for word in text.split_whitespace() {
                if !out.is_empty() {
                    out.push(' ');
                }
                out.push_str(word);
            }
            if out.is_ascii() {
                out.make_ascii_lowercase();
                out
            } else {
                out.to_lowercase()
            }
        }
        Err(_) => format!("\u{2}{}", hex(value)),
    }
}

/// Returns bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Splits at separators that are neither escaped nor quoted.
fn split_at(text: &str, separator: impl Fn(char) -> bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped, mut quoted) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            c if !quoted && separator(c) => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

fn parse_rdn(rdn: &str) -> Option<Rdn> {
    split_at(rdn, |c| c == '+')
        .into_iter()
        .map(|part| {
            let (attribute, value) = part.split_once('=')?;
            let attribute = attribute.trim();
            let named = !attribute.is_empty()
                && attribute
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ';' | '_'));
            Some(Ava {
                attribute: attribute.to_owned(),
                value: named.then(|| unescape(value)).flatten()?,
            })
        })
        .collect()
}

fn unescape(value: &str) -> Option<Vec<u8>> {
    let value = value.trim_start();
    if let Some(hex) = value.strip_prefix('#') {
        return unhex(hex.trim_end());
    }
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    // How much of `out` must stay although it ends in spaces.
    let mut kept = 0;
    let (mut at, mut quoted) = (0, false);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => {
                quoted = !quoted;
                kept = out.len();
            }
            b'\\' => {
                let next = *bytes.get(at)?;
                let pair = bytes
                    .get(at..at + 2)
                    .and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
                if let Some(byte) = pair.filter(|_| next.is_ascii_hexdigit()) {
                    out.push(byte);
                    at += 2;
                } else {
                    out.push(next);
                    at += 1;
                }
                kept = out.len();
            }
            byte => {
                out.push(byte);
                if quoted {
                    kept = out.len();
                }
            }
        }
    }
    if quoted {
        return None;
    }
    while out.len() > kept && out.last() == Some(&b' ') {
        out.pop();
    }
    Some(out)
}

/// `#` form: the BER of the value; an octet string's content, or all of it.
fn unhex(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect::<Option<_>>()?;
    match bytes.as_slice() {
        [_, length, content @ ..] if usize::from(*length) == content.len() => {
            Some(content.to_vec())
        }
        _ => Some(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::{escape, key, parent, parent_key, parse, split};
    use rstest::rstest;

    #[rstest]
    #[case(
        "uid=Anderson,ou=people,o=internet",
        "UID = anderson , OU=People;o=Internet"
    )]
    #[case(r"cn=Smith\, John,o=x", r#"cn="smith, john",o=x"#)]
    #[case(r"cn=Smith\2C John,o=x", r"cn=smith\,  John,o=x")]
    #[case(r"cn=L\C3\A4mpel,o=x", "cn=LÄMPEL,o=x")]
    #[case("cn=#04024869,o=x", "cn=hi,o=x")]
    #[case("cn=a+uid=b,o=x", "uid=B+cn=A,o=x")]
    #[case(r"cn=a\ ,o=x", r"cn=a,o=x")]
    fn names_that_mean_the_same_have_one_key(#[case] one: &str, #[case] other: &str) {
        assert_eq!(key(one).unwrap(), key(other).unwrap());
    }

    #[test]
    fn escaped_separators_do_not_split_a_name() {
        assert_eq!(split(r"cn=a\,b,o=x"), [r"cn=a\,b", "o=x"]);
        assert_eq!(parent(r"cn=a\,b,o=x"), "o=x");
        assert_eq!(parent("o=x"), "");
        assert_ne!(key(r"cn=a\,o=x").unwrap(), key("cn=a,o=x").unwrap());
    }

    #[test]
    fn the_parent_of_a_key_is_a_prefix() {
        let parent = key("ou=people,o=internet").unwrap();
        let child = key("uid=a,ou=people,o=internet").unwrap();
        assert_eq!(parent_key(&child), Some(parent.as_str()));
        assert_eq!(parent_key(&key("o=internet").unwrap()), Some(""));
        assert_eq!(parent_key(""), None);
    }

    #[rstest]
    #[case("nonsense")]
    #[case("=x,o=y")]
    #[case(r#"cn="open,o=y"#)]
    #[case("cn=#0g,o=y")]
    #[case("a b=c")]
    #[case(r"cn=x\")]
    #[case("o=x,,o=y")]
    fn what_is_no_name_is_refused(#[case] dn: &str) {
        assert!(parse(dn).is_err());
    }

    #[test]
    fn blanks_of_every_kind_survive_at_the_ends_of_a_value() {
        for value in ["\t", " a ", "\u{a0}x\u{2003}", "\n", "# #"] {
            let parsed = parse(&format!("cn={},o=x", escape(value.as_bytes()))).unwrap();
            assert_eq!(parsed[0][0].value, value.as_bytes(), "{value:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn an_escaped_value_comes_back_whole(value: Vec<u8>) {
            let parsed = parse(&format!("cn={},o=x", escape(&value))).unwrap();
            proptest::prop_assert_eq!(&parsed[0][0].value, &value);
        }
    }
}
