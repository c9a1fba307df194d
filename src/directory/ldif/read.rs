//! Reading LDIF: strict about what it means, tolerant about how it is folded and commented.

use super::Record;
use crate::base::{Hint, display_safe};
use crate::directory::entry::{Change, Entry};
use base64::Engine as _;

/// Why a file is not LDIF.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct LdifError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there; safe to show.
    pub reason: String,
}

impl Hint for LdifError {
    fn hints(&self) -> Vec<String> {
        if self.reason.contains("ends in the middle") {
            vec!["the file may have been cut off; make it again, or end its last line".to_owned()]
        } else {
            Vec::new()
        }
    }
}

fn wrong(line: usize, reason: impl AsRef<str>) -> LdifError {
    LdifError {
        line,
        reason: display_safe(reason.as_ref()).into_owned(),
    }
}

/// One unfolded line: where it began, name and value; or the `-` between changes.
enum Line {
    Pair {
        number: usize,
        name: String,
        value: Vec<u8>,
    },
    Dash {
        number: usize,
    },
}

impl Line {
    fn number(&self) -> usize {
        match self {
            Self::Pair { number, .. } | Self::Dash { number } => *number,
        }
    }
}

/// Reads a whole file: entries and changes, in their order.
///
/// # Errors
/// [`LdifError`] with the line: anything that is not understood exactly, values given by URL, a
/// `modrdn`, and a file that ends in the middle of a line or a record.
pub fn parse(text: &[u8]) -> Result<Vec<Record>, LdifError> {
    let mut records = Vec::new();
    let mut block: Vec<Line> = Vec::new();
    for (number, line) in unfold(text)? {
        if line.is_empty() {
            if !block.is_empty() {
                records.extend(record(std::mem::take(&mut block), true)?);
            }
        } else if line == b"-" {
            block.push(Line::Dash { number });
        } else {
            block.push(pair(number, &line)?);
        }
    }
    if !block.is_empty() {
        records.extend(record(block, false)?);
    }
    Ok(records)
}

/// Reads a file that is known to be whole, because the command that wrote it ended well: its last
/// record may leave out the empty line after it and the `-` that RFC 2849 wants there.
///
/// # Errors
/// As [`parse`].
pub fn parse_whole(text: &[u8]) -> Result<Vec<Record>, LdifError> {
    parse(&[text, b"\n"].concat())
}

/// Joins continued lines and leaves out comments.
fn unfold(text: &[u8]) -> Result<Vec<(usize, Vec<u8>)>, LdifError> {
    let Some(text) = text.strip_suffix(b"\n") else {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let last = text.split(|b| *b == b'\n').count();
        return Err(wrong(last, "the file ends in the middle of a line"));
    };
    let mut lines: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut in_comment = false;
    for (index, line) in text.split(|b| *b == b'\n').enumerate() {
        let number = index + 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.split_first() {
            Some((b' ', rest)) => {
                if in_comment {
                    continue;
                }
                match lines.last_mut() {
                    Some((_, before)) if !before.is_empty() => before.extend_from_slice(rest),
                    _ => return Err(wrong(number, "a continuation of nothing")),
                }
            }
            Some((b'#', _)) => in_comment = true,
            _ => {
                in_comment = false;
                lines.push((number, line.to_vec()));
            }
        }
    }
    Ok(lines)
}

fn pair(number: usize, line: &[u8]) -> Result<Line, LdifError> {
    let colon = line
        .iter()
        .position(|b| *b == b':')
        .ok_or_else(|| wrong(number, "neither `name: value` nor `-`"))?;
    let (name, rest) = line.split_at(colon);
    let name = std::str::from_utf8(name)
        .ok()
        .filter(|name| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-.;_".contains(c))
        })
        .ok_or_else(|| {
            let shown = String::from_utf8_lossy(name);
            wrong(number, format!("`{shown}` is not an attribute name"))
        })?
        .to_owned();
    let value = match rest {
        [b':', b':', encoded @ ..] => base64::engine::general_purpose::STANDARD
            .decode(encoded.trim_ascii())
            .map_err(|_| wrong(number, format!("the base64 value of `{name}` is broken")))?,
        [b':', b'<', ..] => {
            return Err(wrong(
                number,
                format!("`{name}` takes its value from a URL, which is not followed"),
            ));
        }
        [b':', value @ ..] => {
            let spaces = value.iter().take_while(|b| **b == b' ').count();
            value.get(spaces..).unwrap_or_default().to_vec()
        }
        _ => Vec::new(),
    };
    Ok(Line::Pair {
        number,
        name,
        value,
    })
}

fn text(number: usize, name: &str, value: Vec<u8>) -> Result<String, LdifError> {
    String::from_utf8(value).map_err(|_| wrong(number, format!("`{name}` is not UTF-8")))
}

/// `closed`: an empty line follows, so that a missing `-` is a habit and not a cut.
fn record(lines: Vec<Line>, closed: bool) -> Result<Option<Record>, LdifError> {
    let mut lines = lines.into_iter().peekable();
    if let Some(Line::Pair { name, .. }) = lines.peek()
        && name.eq_ignore_ascii_case("version")
    {
        lines.next();
    }
    let (number, dn) = match lines.next() {
        None => return Ok(None),
        Some(Line::Pair {
            number,
            name,
            value,
        }) if name.eq_ignore_ascii_case("dn") => (number, text(number, "dn", value)?),
        Some(other) => return Err(wrong(other.number(), "a record must begin with `dn:`")),
    };
    let kind = match lines.peek() {
        Some(Line::Pair { name, .. }) if name.eq_ignore_ascii_case("control") => {
            return Err(wrong(number, "controls are not supported"));
        }
        Some(Line::Pair { name, value, .. }) if name.eq_ignore_ascii_case("changetype") => {
            Some(value.trim_ascii().to_ascii_lowercase())
        }
        _ => None,
    };
    if kind.is_some() {
        lines.next();
    }
    match kind.as_deref() {
        None => Ok(Some(Record::Entry(content(number, dn, lines)?))),
        Some(b"add") => Ok(Some(Record::Add(content(number, dn, lines)?))),
        Some(b"delete") => match lines.next() {
            None => Ok(Some(Record::Delete { dn })),
            Some(more) => Err(wrong(more.number(), "a deletion has nothing after it")),
        },
        Some(b"modify") => Ok(Some(Record::Modify {
            dn,
            changes: changes(lines, closed)?,
        })),
        Some(other) => {
            let other = String::from_utf8_lossy(other);
            Err(wrong(
                number,
                format!("changetype `{other}` is not supported"),
            ))
        }
    }
}

fn content(
    number: usize,
    dn: String,
    lines: impl Iterator<Item = Line>,
) -> Result<Entry, LdifError> {
    let mut entry = Entry::new(dn);
    for line in lines {
        match line {
            Line::Pair { name, value, .. } => entry.push(&name, value),
            Line::Dash { number } => return Err(wrong(number, "`-` outside of a modification")),
        }
    }
    if entry.attributes.is_empty() {
        return Err(wrong(number, "an entry without attributes"));
    }
    Ok(entry)
}

fn changes(mut lines: impl Iterator<Item = Line>, closed: bool) -> Result<Vec<Change>, LdifError> {
    let mut changes = Vec::new();
    while let Some(line) = lines.next() {
        let Line::Pair {
            number,
            name: kind,
            value,
        } = line
        else {
            continue;
        };
        let attribute = text(number, &kind, value)?.trim().to_owned();
        let mut values = Vec::new();
        let mut ended = closed;
        for line in lines.by_ref() {
            match line {
                Line::Dash { .. } => {
                    ended = true;
                    break;
                }
                Line::Pair {
                    number,
                    name,
                    value,
                } => {
                    if !name.eq_ignore_ascii_case(&attribute) {
                        return Err(wrong(
                            number,
                            format!("a value of `{name}` in a change of `{attribute}`"),
                        ));
                    }
                    values.push(value);
                }
            }
        }
        if !ended {
            return Err(wrong(
                number,
                format!("the change of `{attribute}` ends in the middle: its `-` is missing"),
            ));
        }
        changes.push(match kind.to_ascii_lowercase().as_str() {
            "add" if values.is_empty() => {
                return Err(wrong(number, format!("nothing to add to `{attribute}`")));
            }
            "add" => Change::Add { attribute, values },
            "delete" => Change::Delete { attribute, values },
            "replace" => Change::Replace { attribute, values },
            _ => return Err(wrong(number, format!("`{kind}` is not a kind of change"))),
        });
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::directory::entry::{Change, Entry};
    use crate::directory::ldif::Record;

    #[test]
    fn folding_comments_versions_and_crlf_are_understood() {
        let text = b"version: 1\r\n# a comment\n  that goes on\ndn: cn=a,\n  o=x\ncn: a\n\
                     description:: w6k=\r\n\n\n";
        assert_eq!(
            parse(text).unwrap(),
            vec![Record::Entry(
                Entry::new("cn=a, o=x")
                    .with("cn", "a")
                    .with("description", "é")
            )]
        );
    }

    #[test]
    fn the_aci_file_of_a_vendor_tool_is_understood() {
        let text = b"dn: o=internet\nchangetype: modify\nadd: aci\n\
            aci: (targetattr=\"*\")(version 3.0; acl \"x\"; allow (read,search)\n  \
            userdn=\"ldap:///uid=NDAUser,ou=config,o=internet\";)\n-\n\n\
            dn: cn=g,o=internet\nchangetype: add\nobjectClass: top\ncn: g\n\n";
        let records = parse(text).unwrap();
        let [Record::Modify { dn, changes }, Record::Add(entry)] = records.as_slice() else {
            panic!("{records:?}");
        };
        assert_eq!(dn, "o=internet");
        assert!(matches!(changes.as_slice(), [Change::Add { values, .. }]
            if values[0].ends_with(b"(read,search) userdn=\"ldap:///uid=NDAUser,ou=config,o=internet\";)")));
        assert_eq!(entry.text("cn"), Some("g"));
    }

    #[test]
    fn a_file_that_was_cut_off_is_refused_with_its_line() {
        let error = parse(b"dn: cn=a\nchangetype: modify\nadd: x\nx: 1").unwrap_err();
        assert_eq!(error.line, 4);
        let error = parse(b"dn: cn=a\nchangetype: modify\nadd: x\nx: 1\n").unwrap_err();
        assert!(error.to_string().contains("ends in the middle"), "{error}");
        assert!(parse(b"dn: cn=a\n").is_err());
        assert!(parse(b"dn: cn=a\nchangetype: modify\nadd: x\nx: 1\n\n").is_ok());
    }

    #[test]
    fn what_is_not_ldif_is_refused_with_its_line() {
        for (text, line) in [
            (&b"cn: a\n"[..], 1),
            (b"dn: cn=a\nnonsense\n", 2),
            (b"dn: cn=a\ncn:: %%%\n", 2),
            (b"dn: cn=a\njpegPhoto:< file:///etc/passwd\n", 2),
            (b"dn: cn=a\nchangetype: modrdn\nnewrdn: cn=b\n", 1),
            (b"dn: cn=a\nchangetype: modify\nadd: x\ny: 1\n-\n", 4),
            (b"dn: cn=a\nchangetype: modify\nincrement: x\nx: 1\n-\n", 3),
            (b" cn: a\n", 1),
        ] {
            let shown = String::from_utf8_lossy(text).into_owned();
            assert_eq!(parse(text).unwrap_err().line, line, "{shown}");
        }
    }
}
