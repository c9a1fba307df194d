//! One attribute type or object class, read from its description (RFC 4512, 4.1) and written again.

use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// What a definition defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An attribute type.
    Attribute,
    /// An object class.
    Class,
}

impl Kind {
    /// Returns the attribute of the schema entry that holds such definitions.
    pub fn attribute(self) -> &'static str {
        match self {
            Self::Attribute => "attributeTypes",
            Self::Class => "objectClasses",
        }
    }

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Attribute => "attribute",
            Self::Class => "object class",
        }
    }
}

/// The kind of an object class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassKind {
    /// ABSTRACT.
    Abstract,
    /// STRUCTURAL, said so.
    Structural,
    /// AUXILIARY.
    Auxiliary,
    /// Not said: structural by the standard, but Netscape Directory Server 4.x knows no kinds.
    Unsaid,
}

/// A definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Attribute type or object class.
    pub kind: Kind,
    /// The OID, also where it is no number (`mailDomain-oid`).
    pub oid: String,
    /// The names, the first one first.
    pub names: Vec<String>,
    /// SUP.
    pub superiors: Vec<String>,
    /// SYNTAX, without a length.
    pub syntax: Option<String>,
    /// EQUALITY.
    pub equality: Option<String>,
    /// SINGLE-VALUE.
    pub single: bool,
    /// The kind of a class.
    pub class_kind: ClassKind,
    /// MUST.
    pub must: Vec<String>,
    /// MAY.
    pub may: Vec<String>,
    /// The description as it was read or is to be written.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Dollar,
    Word(String),
    Quoted(String),
}

/// `None` when a quote is not closed.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let (token, left) = match first {
            '(' => (Token::Open, rest.get(1..)?),
            ')' => (Token::Close, rest.get(1..)?),
            '$' => (Token::Dollar, rest.get(1..)?),
            '\'' => {
                let (quoted, left) = rest.get(1..)?.split_once('\'')?;
                (Token::Quoted(quoted.to_owned()), left)
            }
            _ => {
                let end = rest
                    .find(|c: char| c.is_whitespace() || "()$'".contains(c))
                    .unwrap_or(rest.len());
                let (word, left) = rest.split_at(end);
                (Token::Word(word.to_owned()), left)
            }
        };
        found.push(token);
        rest = left.trim_start();
    }
    Some(found)
}

/// Reads what follows a keyword: one word, or a list in parentheses.
fn list(tokens: &mut std::iter::Peekable<std::vec::IntoIter<Token>>) -> Option<Vec<String>> {
    match tokens.next()? {
        Token::Word(one) | Token::Quoted(one) => Some(vec![one]),
        Token::Open => {
            let mut many = Vec::new();
            loop {
                match tokens.next()? {
                    Token::Word(one) | Token::Quoted(one) => many.push(one),
                    Token::Dollar => {}
                    Token::Close => return Some(many),
                    Token::Open => return None,
                }
            }
        }
        Token::Close | Token::Dollar => None,
    }
}

impl Definition {
    /// Reads a description; keywords that are not known are passed over with what follows them.
    ///
    /// `None` when it is not one: no parentheses around it, no OID, no name, or a list that does
    /// not end.
    pub fn parse(kind: Kind, text: &str) -> Option<Self> {
        let mut tokens = tokens(text)?.into_iter().peekable();
        if tokens.next()? != Token::Open {
            return None;
        }
        let (Token::Word(oid) | Token::Quoted(oid)) = tokens.next()? else {
            return None;
        };
        let mut definition = Self {
            kind,
            oid,
            names: Vec::new(),
            superiors: Vec::new(),
            syntax: None,
            equality: None,
            single: false,
            class_kind: ClassKind::Unsaid,
            must: Vec::new(),
            may: Vec::new(),
            text: text.trim().to_owned(),
        };
        loop {
            let keyword = match tokens.next()? {
                Token::Word(word) => word,
                Token::Close => break,
                _ => return None,
            };
            match keyword.to_ascii_uppercase().as_str() {
                "NAME" => definition.names = list(&mut tokens)?,
                "SUP" => definition.superiors = list(&mut tokens)?,
                "MUST" => definition.must = list(&mut tokens)?,
                "MAY" => definition.may = list(&mut tokens)?,
                "EQUALITY" => definition.equality = list(&mut tokens)?.into_iter().next(),
                "SYNTAX" => {
                    definition.syntax = list(&mut tokens)?
                        .into_iter()
                        .next()
                        .map(|s| s.split('{').next().unwrap_or_default().to_owned());
                }
                "SINGLE-VALUE" => definition.single = true,
                "ABSTRACT" => definition.class_kind = ClassKind::Abstract,
                "STRUCTURAL" => definition.class_kind = ClassKind::Structural,
                "AUXILIARY" => definition.class_kind = ClassKind::Auxiliary,
                "OBSOLETE" | "COLLECTIVE" | "NO-USER-MODIFICATION" => {}
                _ => {
                    // DESC, ORDERING, SUBSTR, USAGE, X-… and whatever else takes an argument.
                    if matches!(tokens.peek(), Some(Token::Close)) {
                        continue;
                    }
                    list(&mut tokens)?;
                }
            }
        }
        (tokens.next().is_none() && !definition.names.is_empty() && !definition.oid.is_empty())
            .then_some(definition)
    }

    /// Returns the first name.
    pub fn name(&self) -> &str {
        self.names.first().map_or(&self.oid, |name| name)
    }

    /// Says whether this is one of its names (compared without case).
    pub fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|n| n.eq_ignore_ascii_case(name))
    }

    /// Says whether a class lets an entry have an attribute.
    pub fn allows(&self, attribute: &str) -> bool {
        self.must
            .iter()
            .chain(&self.may)
            .any(|a| a.eq_ignore_ascii_case(attribute))
    }

    /// Says whether two definitions mean the same, however they are written.
    pub fn same_as(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.oid.eq_ignore_ascii_case(&other.oid)
            && same_names(&self.names, &other.names)
            && same_names(&self.must, &other.must)
            && same_names(&self.may, &other.may)
            && self.single == other.single
            && (self.kind == Kind::Class || self.syntax == other.syntax)
    }

    /// Writes the description anew from the parts, keeping nothing of [`Self::text`].
    pub(super) fn render(&self) -> String {
        let mut text = format!("( {} NAME {}", self.oid, quoted(&self.names));
        if !self.superiors.is_empty() {
            let _ = write!(text, " SUP {}", dollars(&self.superiors));
        }
        if let Some(equality) = &self.equality {
            let _ = write!(text, " EQUALITY {equality}");
        }
        if let Some(syntax) = &self.syntax {
            let _ = write!(text, " SYNTAX {syntax}");
        }
        if self.single {
            text.push_str(" SINGLE-VALUE");
        }
        text.push_str(match self.class_kind {
            ClassKind::Abstract => " ABSTRACT",
            ClassKind::Structural => " STRUCTURAL",
            ClassKind::Auxiliary => " AUXILIARY",
            ClassKind::Unsaid => "",
        });
        for (word, list) in [("MUST", &self.must), ("MAY", &self.may)] {
            if !list.is_empty() {
                let _ = write!(text, " {word} {}", dollars(list));
            }
        }
        text.push_str(" )");
        text
    }
}

fn same_names(one: &[String], other: &[String]) -> bool {
    let sorted = |names: &[String]| {
        let mut names: Vec<_> = names.iter().map(|n| n.to_ascii_lowercase()).collect();
        names.sort();
        names.dedup();
        names
    };
    sorted(one) == sorted(other)
}

fn quoted(names: &[String]) -> String {
    match names {
        [one] => format!("'{one}'"),
        many => {
            let many: Vec<_> = many.iter().map(|n| format!("'{n}'")).collect();
            format!("( {} )", many.join(" "))
        }
    }
}

fn dollars(names: &[String]) -> String {
    match names {
        [one] => one.clone(),
        many => format!("( {} )", many.join(" $ ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{ClassKind, Definition, Kind};

    #[test]
    fn descriptions_of_several_servers_are_understood() {
        let openldap = Definition::parse(
            Kind::Attribute,
            "( 2.5.4.3 NAME ( 'cn' 'commonName' ) DESC 'RFC4519: (name)' SUP name )",
        )
        .unwrap();
        assert!(openldap.is_called("commonname"));
        assert_eq!(openldap.superiors, ["name"]);
        let netscape = Definition::parse(
            Kind::Class,
            "( 2.16.840.1.113730.3.2.3 NAME 'mailRecipient' DESC '' SUP 'top' MUST ( objectClass ) \
             MAY ( cn $ mail$uid ) X-ORIGIN 'Netscape' X-NEW )",
        )
        .unwrap();
        assert_eq!(netscape.class_kind, ClassKind::Unsaid);
        assert_eq!(netscape.may, ["cn", "mail", "uid"]);
        let bounded = Definition::parse(
            Kind::Attribute,
            "(1.2 NAME 'a' SYNTAX 1.3.6{64} SINGLE-VALUE)",
        )
        .unwrap();
        assert_eq!(bounded.syntax.as_deref(), Some("1.3.6"));
        assert!(bounded.single);
    }

    #[test]
    fn what_is_no_description_is_nothing() {
        for text in [
            "",
            "x",
            "( 1.2 NAME 'a'",
            "( 1.2 )",
            "( 1.2 NAME 'a ) ",
            "( 1.2 NAME ( 'a' ( ) )",
        ] {
            assert_eq!(Definition::parse(Kind::Class, text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_written_means_what_was_read() {
        for definition in super::super::Schema::merged().definitions {
            let again = Definition::parse(definition.kind, &definition.render()).unwrap();
            assert!(definition.same_as(&again), "{}", definition.text);
        }
    }
}
