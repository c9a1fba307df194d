//! LDIF as the vendor's tools read and write it: content records and change records.

use super::entry::Entry;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest line written.
const WIDTH: usize = 77;

/// An LDIF that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct LdifError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

/// What to do with one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModKind {
    /// Add the values.
    Add,
    /// Delete the values, or the attribute when none is given.
    Delete,
    /// Replace all values.
    Replace,
}

/// One modification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mod {
    /// What to do.
    pub kind: ModKind,
    /// The attribute.
    pub attribute: String,
    /// The values.
    pub values: Vec<Vec<u8>>,
}

/// What a record asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// No `changetype`: the entry itself, or what a tool's options make of it.
    Content(Entry),
    /// `changetype: add`.
    Add(Entry),
    /// `changetype: delete`.
    Delete,
    /// `changetype: modify`.
    Modify(Vec<Mod>),
    /// `changetype: modrdn` or `moddn`.
    Rename {
        /// The new RDN.
        rdn: String,
        /// Whether the old one goes from the entry.
        delete_old: bool,
        /// The new parent.
        superior: Option<String>,
    },
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line it begins on, from 1.
    pub line: usize,
    /// The entry's name.
    pub dn: String,
    /// What is asked for.
    pub change: Change,
}

/// One unfolded line: where it began, the attribute, the value.
struct Line {
    number: usize,
    name: String,
    value: Vec<u8>,
    separator: bool,
}

/// Reads all records of an LDIF.
///
/// # Errors
/// [`LdifError`] with the line.
pub fn parse(text: &[u8]) -> Result<Vec<Record>, LdifError> {
    let mut records = Vec::new();
    for block in blocks(text)? {
        if let Some(record) = record(&block)? {
            records.push(record);
        }
    }
    Ok(records)
}

/// Unfolds lines, drops comments, decodes values and splits at empty lines.
fn blocks(text: &[u8]) -> Result<Vec<Vec<Line>>, LdifError> {
    let mut unfolded: Vec<(usize, Vec<u8>)> = Vec::new();
    for (n, line) in text.split(|b| *b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (line.strip_prefix(b" "), unfolded.last_mut()) {
            (Some(rest), Some((_, last))) if !last.is_empty() => last.extend_from_slice(rest),
            _ => unfolded.push((n + 1, line.to_vec())),
        }
    }
    let mut blocks = vec![Vec::new()];
    for (number, line) in unfolded {
        if line.is_empty() {
            blocks.push(Vec::new());
        } else if !line.starts_with(b"#")
            && let Some(block) = blocks.last_mut()
        {
            block.push(read_line(number, &line)?);
        }
    }
    blocks.retain(|block| !block.is_empty());
    Ok(blocks)
}

fn read_line(number: usize, line: &[u8]) -> Result<Line, LdifError> {
    let error = |reason: &str| LdifError {
        line: number,
        reason: reason.to_owned(),
    };
    if line == b"-" {
        return Ok(Line {
            number,
            name: String::new(),
            value: Vec::new(),
            separator: true,
        });
    }
    let colon = line
        .iter()
        .position(|b| *b == b':')
        .ok_or_else(|| error("no `:` in it"))?;
    let (name, rest) = line.split_at(colon);
    let name = std::str::from_utf8(name)
        .map_err(|_| error("the attribute's name is not text"))?
        .trim()
        .to_owned();
    let rest = rest.get(1..).unwrap_or_default();
    let value = if let Some(coded) = rest.strip_prefix(b":") {
        let coded: Vec<u8> = coded
            .iter()
            .copied()
            .filter(|b| !b.is_ascii_whitespace())
            .collect();
        STANDARD
            .decode(coded)
            .map_err(|_| error("the value is not base64"))?
    } else if rest.starts_with(b"<") {
        return Err(error("values from files are not supported"));
    } else {
        let start = rest.iter().position(|b| *b != b' ').unwrap_or(rest.len());
        rest.get(start..).unwrap_or_default().to_vec()
    };
    Ok(Line {
        number,
        name,
        value,
        separator: false,
    })
}

fn record(lines: &[Line]) -> Result<Option<Record>, LdifError> {
    let mut lines = lines;
    if let [first, rest @ ..] = lines
        && first.name.eq_ignore_ascii_case("version")
    {
        lines = rest;
    }
    let [first, rest @ ..] = lines else {
        return Ok(None);
    };
    if !first.name.eq_ignore_ascii_case("dn") {
        return Err(LdifError {
            line: first.number,
            reason: format!("a record begins with `dn:`, not with `{}`", first.name),
        });
    }
    let dn = text(first)?;
    let change = match rest {
        [kind, rest @ ..] if kind.name.eq_ignore_ascii_case("changetype") => {
            match text(kind)?.trim().to_ascii_lowercase().as_str() {
                "add" => Change::Add(entry(&dn, rest)?),
                "delete" => Change::Delete,
                "modify" => Change::Modify(modifications(rest)?),
                "modrdn" | "moddn" => rename(kind.number, rest)?,
                other => {
                    return Err(LdifError {
                        line: kind.number,
                        reason: format!("unknown changetype `{other}`"),
                    });
                }
            }
        }
        // The SDK takes a record that begins like a modification for one.
        [kind, ..] if kind_of(&kind.name).is_some() => Change::Modify(modifications(rest)?),
        _ => Change::Content(entry(&dn, rest)?),
    };
    Ok(Some(Record {
        line: first.number,
        dn,
        change,
    }))
}

fn text(line: &Line) -> Result<String, LdifError> {
    String::from_utf8(line.value.clone()).map_err(|_| LdifError {
        line: line.number,
        reason: "the value is not UTF-8".to_owned(),
    })
}

fn entry(dn: &str, lines: &[Line]) -> Result<Entry, LdifError> {
    let mut entry = Entry::new(dn);
    for line in lines {
        if line.separator {
            return Err(LdifError {
                line: line.number,
                reason: "a `-` belongs into a `changetype: modify` only".to_owned(),
            });
        }
        entry.push(&line.name, line.value.clone());
    }
    Ok(entry)
}

fn kind_of(name: &str) -> Option<ModKind> {
    match name.to_ascii_lowercase().as_str() {
        "add" => Some(ModKind::Add),
        "delete" => Some(ModKind::Delete),
        "replace" => Some(ModKind::Replace),
        _ => None,
    }
}

fn modifications(lines: &[Line]) -> Result<Vec<Mod>, LdifError> {
    let mut all = Vec::new();
    for block in lines.split(|line| line.separator) {
        let [first, rest @ ..] = block else {
            continue;
        };
        let kind = kind_of(&first.name).ok_or_else(|| LdifError {
            line: first.number,
            reason: format!("expected add, delete or replace, not `{}`", first.name),
        })?;
        let attribute = text(first)?.trim().to_owned();
        let mut values = Vec::new();
        for line in rest {
            if !line.name.eq_ignore_ascii_case(&attribute) {
                return Err(LdifError {
                    line: line.number,
                    reason: format!("expected `{attribute}:`, not `{}:`", line.name),
                });
            }
            values.push(line.value.clone());
        }
        all.push(Mod {
            kind,
            attribute,
            values,
        });
    }
    Ok(all)
}

fn rename(number: usize, lines: &[Line]) -> Result<Change, LdifError> {
    let find = |name: &str| lines.iter().find(|l| l.name.eq_ignore_ascii_case(name));
    let rdn = find("newrdn").ok_or_else(|| LdifError {
        line: number,
        reason: "no `newrdn:`".to_owned(),
    })?;
    Ok(Change::Rename {
        rdn: text(rdn)?,
        delete_old: match find("deleteoldrdn") {
            Some(line) => text(line)?.trim() != "0",
            None => true,
        },
        superior: find("newsuperior").map(text).transpose()?,
    })
}

/// Appends an entry as one content record, with an empty line after it.
pub fn write_entry(out: &mut Vec<u8>, entry: &Entry) {
    write_value(out, "dn", entry.dn.as_bytes());
    for attribute in &entry.attributes {
        for value in &attribute.values {
            write_value(out, &attribute.name, value);
        }
    }
    out.push(b'\n');
}

/// Appends `name: value`, coded and folded where the format asks for it.
pub fn write_value(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    let mut line = name.as_bytes().to_vec();
    if is_safe(value) {
        line.push(b':');
        if !value.is_empty() {
            line.push(b' ');
            line.extend_from_slice(value);
        }
    } else {
        line.extend_from_slice(b":: ");
        line.extend_from_slice(STANDARD.encode(value).as_bytes());
    }
    let (first, mut rest) = line.split_at(line.len().min(WIDTH));
    out.extend_from_slice(first);
    while !rest.is_empty() {
        let (next, after) = rest.split_at(rest.len().min(WIDTH - 1));
        out.extend_from_slice(b"\n ");
        out.extend_from_slice(next);
        rest = after;
    }
    out.push(b'\n');
}

/// Returns whether a value can be written as it is (RFC 2849 `SAFE-STRING`, no space at the end).
pub fn is_safe(value: &[u8]) -> bool {
    let plain = value
        .iter()
        .all(|b| b.is_ascii() && !matches!(b, 0 | b'\n' | b'\r' | 0x1b | 0x7f));
    let first = value.first().is_none_or(|b| !b" :<".contains(b));
    plain && first && value.last() != Some(&b' ')
}

#[cfg(test)]
mod tests {
    use super::{Change, ModKind, parse, write_entry};
    use crate::lab::ldap::entry::Entry;

    #[test]
    fn folded_coded_and_plain_values_are_read() {
        let text = b"version: 1\n\n# people\ndn: cn=a\n b,o=x\ncn: ab\nsn:: w6Q=\nmail:\n\ndn: o=y\no: y\n";
        let records = parse(text).unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].dn, "cn=ab,o=x");
        assert_eq!(records[0].line, 4);
        let Change::Content(entry) = &records[0].change else {
            panic!("not content");
        };
        assert_eq!(entry.first("sn"), Some("ä"));
        assert_eq!(entry.values("mail"), [b"".to_vec()]);
    }

    #[test]
    fn every_changetype_is_read() {
        let text = b"dn: cn=a\nchangetype: modify\nadd: mail\nmail: x\nmail: y\n-\ndelete: sn\n-\nreplace: cn\ncn: b\n-\n\ndn: cn=b\nchangetype: delete\n\ndn: cn=c\nchangetype: modrdn\nnewrdn: cn=d\ndeleteoldrdn: 0\n";
        let records = parse(text).unwrap();
        let Change::Modify(mods) = &records[0].change else {
            panic!("not a modify");
        };
        assert_eq!(mods.len(), 3);
        assert_eq!(mods[0].values.len(), 2);
        assert_eq!((mods[1].kind, mods[1].values.len()), (ModKind::Delete, 0));
        assert_eq!(records[1].change, Change::Delete);
        assert_eq!(
            records[2].change,
            Change::Rename {
                rdn: "cn=d".into(),
                delete_old: false,
                superior: None
            }
        );
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(parse(b"dn: o=x\no: x\nnonsense\n").unwrap_err().line, 3);
        assert_eq!(parse(b"\n\ncn: x\n").unwrap_err().line, 3);
        assert_eq!(parse(b"dn: o=x\nchangetype: eat\n").unwrap_err().line, 2);
        assert_eq!(parse(b"dn: o=x\no:: ***\n").unwrap_err().line, 2);
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(values: Vec<Vec<u8>>, long in "[a-z ]{0,300}") {
            let mut entry = Entry::new("cn=x,o=y");
            entry.push("description", long);
            for value in values {
                entry.push("jpegPhoto", value);
            }
            let mut out = Vec::new();
            write_entry(&mut out, &entry);
            let records = parse(&out).unwrap();
            proptest::prop_assert_eq!(&records[0].change, &Change::Content(entry));
        }
    }
}
