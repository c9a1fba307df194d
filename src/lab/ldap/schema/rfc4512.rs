//! Schema definitions as text in `cn=schema` (RFC 4512, 4.1): reading and writing.

use super::{AttributeType, ObjectClass, Origin, Syntax};
use std::fmt::Write as _;

/// One word of a definition.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Dollar,
    Word(String),
    Quoted(String),
}

/// Reads an attribute type.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn attribute(text: &str) -> Result<AttributeType, String> {
    let (oid, fields) = definition(text)?;
    let names = match fields.list("NAME") {
        names if names.is_empty() => return Err("an attribute type without a NAME".to_owned()),
        names => names,
    };
    let syntax = fields.one("SYNTAX").map_or(Syntax::Cis, |s| syntax(&s));
    Ok(AttributeType {
        names,
        oid,
        syntax,
        single: fields.has("SINGLE-VALUE"),
        origin: Origin::User,
    })
}

/// Reads an object class.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn object_class(text: &str) -> Result<ObjectClass, String> {
    let (oid, fields) = definition(text)?;
    Ok(ObjectClass {
        name: fields
            .one("NAME")
            .ok_or_else(|| "an object class without a NAME".to_owned())?,
        oid,
        superior: fields.one("SUP"),
        requires: fields.list("MUST"),
        allows: fields.list("MAY"),
        origin: Origin::User,
    })
}

/// Writes an attribute type.
pub fn write_attribute(a: &AttributeType) -> String {
    let mut out = format!("( {} NAME ", a.oid);
    match a.names.as_slice() {
        [name] => {
            let _ = write!(out, "'{name}'");
        }
        names => {
            let _ = write!(out, "( '{}' )", names.join("' '"));
        }
    }
    let _ = write!(out, " SYNTAX {}", syntax_oid(a.syntax));
    if a.single {
        out.push_str(" SINGLE-VALUE");
    }
    if a.origin == Origin::User {
        out.push_str(" X-ORIGIN 'user defined'");
    }
    out.push_str(" )");
    out
}

/// Writes an object class.
pub fn write_class(c: &ObjectClass) -> String {
    let mut out = format!("( {} NAME '{}'", c.oid, c.name);
    if let Some(superior) = &c.superior {
        let _ = write!(out, " SUP {superior}");
    }
    for (title, list) in [("MUST", &c.requires), ("MAY", &c.allows)] {
        if !list.is_empty() {
            let _ = write!(out, " {title} ( {} )", list.join(" $ "));
        }
    }
    if c.origin == Origin::User {
        out.push_str(" X-ORIGIN 'user defined'");
    }
    out.push_str(" )");
    out
}

fn syntax(oid: &str) -> Syntax {
    let oid = oid.split_once('{').map_or(oid, |(oid, _)| oid);
    match oid.strip_prefix("1.3.6.1.4.1.1466.115.121.1.") {
        Some("26" | "44") => Syntax::Ces,
        Some("12" | "34") => Syntax::Dn,
        Some("27") => Syntax::Int,
        Some("5" | "40" | "28" | "8") => Syntax::Bin,
        Some("50") => Syntax::Tel,
        _ => Syntax::Cis,
    }
}

fn syntax_oid(syntax: Syntax) -> &'static str {
    match syntax {
        Syntax::Cis => "1.3.6.1.4.1.1466.115.121.1.15",
        Syntax::Ces => "1.3.6.1.4.1.1466.115.121.1.26",
        Syntax::Dn => "1.3.6.1.4.1.1466.115.121.1.12",
        Syntax::Int => "1.3.6.1.4.1.1466.115.121.1.27",
        Syntax::Bin => "1.3.6.1.4.1.1466.115.121.1.5",
        Syntax::Tel => "1.3.6.1.4.1.1466.115.121.1.50",
    }
}

/// The fields of a definition: a keyword and the words that belong to it.
struct Fields(Vec<(String, Vec<String>)>);

impl Fields {
    fn has(&self, keyword: &str) -> bool {
        self.0.iter().any(|(k, _)| k == keyword)
    }

    fn list(&self, keyword: &str) -> Vec<String> {
        self.0
            .iter()
            .find(|(k, _)| k == keyword)
            .map(|(_, words)| words.clone())
            .unwrap_or_default()
    }

    fn one(&self, keyword: &str) -> Option<String> {
        self.list(keyword).into_iter().next()
    }
}

/// Keywords that stand alone.
const FLAGS: &[&str] = &[
    "SINGLE-VALUE",
    "COLLECTIVE",
    "NO-USER-MODIFICATION",
    "OBSOLETE",
    "ABSTRACT",
    "STRUCTURAL",
    "AUXILIARY",
];

fn definition(text: &str) -> Result<(String, Fields), String> {
    let mut tokens = tokens(text)?.into_iter().peekable();
    if tokens.next() != Some(Token::Open) {
        return Err("a definition begins with `(`".to_owned());
    }
    let Some(Token::Word(oid)) = tokens.next() else {
        return Err("no OID after `(`".to_owned());
    };
    let mut fields = Vec::new();
    loop {
        let keyword = match tokens.next() {
            Some(Token::Close) => break,
            Some(Token::Word(word)) => word.to_ascii_uppercase(),
            Some(other) => return Err(format!("expected a keyword, found {other:?}")),
            None => return Err("no `)` at the end".to_owned()),
        };
        let mut words = Vec::new();
        if !FLAGS.contains(&keyword.as_str()) {
            match tokens.next() {
                Some(Token::Word(word) | Token::Quoted(word)) => words.push(word),
                Some(Token::Open) => loop {
                    match tokens.next() {
                        Some(Token::Close) => break,
                        Some(Token::Dollar) => {}
                        Some(Token::Word(word) | Token::Quoted(word)) => words.push(word),
                        Some(Token::Open) | None => {
                            return Err(format!("the list after {keyword} does not end"));
                        }
                    }
                },
                _ => return Err(format!("{keyword} has no value")),
            }
        }
        fields.push((keyword, words));
    }
    if tokens.next().is_some() {
        return Err("something follows the last `)`".to_owned());
    }
    Ok((oid, Fields(fields)))
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = match c {
            '(' => {
                tokens.push(Token::Open);
                after
            }
            ')' => {
                tokens.push(Token::Close);
                after
            }
            '$' => {
                tokens.push(Token::Dollar);
                after
            }
            '\'' => {
                let (word, after) = after
                    .split_once('\'')
                    .ok_or_else(|| "a quote does not end".to_owned())?;
                tokens.push(Token::Quoted(word.to_owned()));
                after
            }
            _ => {
                let end = rest
                    .find(|c: char| c.is_whitespace() || "()$'".contains(c))
                    .unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                tokens.push(Token::Word(word.to_owned()));
                after
            }
        }
        .trim_start();
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::{Syntax, attribute, object_class, write_attribute, write_class};
    use rstest::rstest;

    #[test]
    fn an_attribute_type_is_read_and_written() {
        let text = "( 0.9.2342.19200300.100.1.3 NAME ( 'mail' 'rfc822mailbox' ) DESC 'a (b) $' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.26{256} SINGLE-VALUE X-ORIGIN ( 'a' 'b' ) )";
        let a = attribute(text).unwrap();
        assert_eq!(a.names, ["mail", "rfc822mailbox"]);
        assert_eq!((a.syntax, a.single), (Syntax::Ces, true));
        assert_eq!(attribute(&write_attribute(&a)).unwrap(), a);
    }

    #[test]
    fn an_object_class_is_read_and_written() {
        let text = "(mailDomain-oid NAME 'mailDomain' SUP top AUXILIARY MUST objectClass MAY(mailHost$ mail $aci))";
        let c = object_class(text).unwrap();
        assert_eq!(c.oid, "mailDomain-oid");
        assert_eq!(c.allows, ["mailHost", "mail", "aci"]);
        assert_eq!(object_class(&write_class(&c)).unwrap(), c);
    }

    #[rstest]
    #[case("")]
    #[case("NAME 'x'")]
    #[case("( 1.2 NAME 'x'")]
    #[case("( 1.2 NAME 'x )")]
    #[case("( 1.2 MUST ( a $ b )")]
    #[case("( 1.2 NAME )")]
    #[case("( 1.2 ) more")]
    fn what_is_no_definition_is_refused(#[case] text: &str) {
        assert!(object_class(text).is_err());
    }
}
