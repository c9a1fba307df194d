//! Schema definitions as Directory Server 4.x writes them in its `.conf` files.
//!
//! `attribute NAME [ALIAS…] [OID] SYNTAX [single]`, and `objectclass NAME` with indented `oid`,
//! `superior`, `requires` and `allows`. Without an OID it is `NAME-oid`.

use super::{AttributeType, ObjectClass, Origin, Schema, Syntax};
use crate::lab::ldap::config::ConfLine;
use std::fmt::Write as _;

/// Takes in one `attribute` line (without that word).
///
/// # Errors
/// A sentence that says what is wrong.
pub fn attribute(schema: &mut Schema, words: &[String], origin: &Origin) -> Result<(), String> {
    let mut words = words;
    let mut single = false;
    while let [rest @ .., last] = words
        && ["single", "operational"]
            .iter()
            .any(|option| last.eq_ignore_ascii_case(option))
    {
        single |= last.eq_ignore_ascii_case("single");
        words = rest;
    }
    let [names @ .., last] = words else {
        return Err("attribute: no name".to_owned());
    };
    let Some(syntax) = syntax(last) else {
        return Err(format!(
            "attribute: unknown syntax \"{last}\", expected cis, ces, dn, int, bin or tel"
        ));
    };
    let mut names = names.to_vec();
    let oid = names
        .iter()
        .skip(1)
        .position(|n| is_oid(n))
        .map(|at| names.remove(at + 1));
    let Some(name) = names.first() else {
        return Err("attribute: no name".to_owned());
    };
    if let Some(bad) = names.iter().find(|n| !is_name(n)) {
        return Err(format!("attribute: \"{bad}\" is not a name"));
    }
    let oid = oid.unwrap_or_else(|| format!("{name}-oid"));
    if let Some(known) = schema.attribute(name)
        && !same_oid(&known.oid, &oid)
        // A class that only mentioned it has not defined it.
        && known.origin != Origin::Implied
    {
        return Err(format!(
            "attribute: the name \"{name}\" does not match the OID \"{oid}\"; another attribute type is already using the name with the OID \"{}\"",
            known.oid
        ));
    }
    schema.put_attribute(AttributeType {
        names,
        oid,
        syntax,
        single,
        origin: origin.clone(),
    });
    Ok(())
}

/// Takes in one `objectclass` with its indented lines; returns the problems by line.
pub fn object_class(
    schema: &mut Schema,
    head: &ConfLine,
    words: &[String],
    body: &[ConfLine],
    origin: &Origin,
) -> Vec<(usize, String)> {
    let [name] = words else {
        return vec![(head.number, "objectclass: expected one name".to_owned())];
    };
    if !is_name(name) {
        return vec![(
            head.number,
            format!("objectclass: \"{name}\" is not a name"),
        )];
    }
    let mut problems = Vec::new();
    let mut class = ObjectClass {
        name: name.clone(),
        oid: format!("{name}-oid"),
        superior: None,
        requires: Vec::new(),
        allows: Vec::new(),
        origin: origin.clone(),
    };
    // Which list the following lines belong to: true for requires.
    let mut list: Option<bool> = None;
    for line in body {
        let [first, rest @ ..] = line.words.as_slice() else {
            continue;
        };
        let mut members = line.words.as_slice();
        match first.to_ascii_lowercase().as_str() {
            "oid" | "superior" => {
                list = None;
                match rest {
                    [value] if first.eq_ignore_ascii_case("oid") => class.oid.clone_from(value),
                    [value] => class.superior = Some(value.clone()),
                    _ => problems.push((line.number, format!("{first}: expected one value"))),
                }
                continue;
            }
            "requires" => {
                list = Some(true);
                members = rest;
            }
            "allows" => {
                list = Some(false);
                members = rest;
            }
            _ => {}
        }
        let Some(required) = list else {
            problems.push((
                line.number,
                format!(
                    "objectclass {name}: \"{first}\" is neither oid, superior, requires nor allows"
                ),
            ));
            continue;
        };
        let target = if required {
            &mut class.requires
        } else {
            &mut class.allows
        };
        for member in members.join(" ").split(',') {
            let member = member.trim();
            if member.is_empty() {
                continue;
            }
            if is_name(member) {
                target.push(member.to_owned());
            } else {
                problems.push((
                    line.number,
                    format!("objectclass {name}: \"{member}\" is not an attribute name"),
                ));
            }
        }
    }
    if let Some(known) = schema.class(name)
        && known.name.eq_ignore_ascii_case(name)
        && !same_oid(&known.oid, &class.oid)
    {
        problems.push((
            head.number,
            format!(
                "The name does not match the OID \"{}\". Another object class is already using the name or OID.",
                class.oid
            ),
        ));
    } else if let Some(known) = schema.class(&class.oid)
        && !known.name.eq_ignore_ascii_case(name)
    {
        problems.push((
            head.number,
            format!(
                "The OID \"{}\" is already used by the object class \"{}\"",
                class.oid, known.name
            ),
        ));
    }
    if let Some(superior) = &class.superior
        && schema.class(superior).is_none()
    {
        problems.push((
            head.number,
            format!("objectclass {name}: superior object class \"{superior}\" does not exist"),
        ));
    }
    if problems.is_empty() {
        schema.put_class(class);
    }
    problems
}

/// Writes attribute types as the lines of `slapd.user_at.conf`.
pub fn write_attributes<'a>(attributes: impl Iterator<Item = &'a AttributeType>) -> String {
    let mut out = String::from("# Attributes added while the server ran; kept by the server.\n");
    for a in attributes {
        let _ = write!(out, "attribute {}", a.names.join(" "));
        if !same_oid(&a.oid, &format!("{}-oid", a.name())) {
            let _ = write!(out, " {}", a.oid);
        }
        let _ = write!(out, " {}", word(a.syntax));
        out.push_str(if a.single { " single\n" } else { "\n" });
    }
    out
}

/// Writes object classes as the blocks of `slapd.user_oc.conf`.
pub fn write_classes<'a>(classes: impl Iterator<Item = &'a ObjectClass>) -> String {
    let mut out =
        String::from("# Object classes added while the server ran; kept by the server.\n");
    for c in classes {
        let _ = write!(out, "\nobjectclass {}\n\toid {}\n", c.name, c.oid);
        if let Some(superior) = &c.superior {
            let _ = writeln!(out, "\tsuperior {superior}");
        }
        for (title, list) in [("requires", &c.requires), ("allows", &c.allows)] {
            if !list.is_empty() {
                let _ = writeln!(out, "\t{title}\n\t\t{}", list.join(",\n\t\t"));
            }
        }
    }
    out
}

fn syntax(word: &str) -> Option<Syntax> {
    Some(match word.to_ascii_lowercase().as_str() {
        "cis" => Syntax::Cis,
        "ces" => Syntax::Ces,
        "dn" => Syntax::Dn,
        "int" => Syntax::Int,
        "bin" => Syntax::Bin,
        "tel" => Syntax::Tel,
        _ => return None,
    })
}

fn word(syntax: Syntax) -> &'static str {
    match syntax {
        Syntax::Cis => "cis",
        Syntax::Ces => "ces",
        Syntax::Dn => "dn",
        Syntax::Int => "int",
        Syntax::Bin => "bin",
        Syntax::Tel => "tel",
    }
}

/// Returns whether two OIDs are the same; `x-oid` has no case.
pub fn same_oid(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

fn is_oid(word: &str) -> bool {
    let numeric = word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    numeric || word.to_ascii_lowercase().ends_with("-oid")
}

/// Returns whether a word can be the name of an attribute or a class.
pub fn is_name(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | ';' | '_'))
}
