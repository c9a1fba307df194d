//! The form's fields over the site's table, and the table's places for them.

use super::super::fields::{ADD_HOST, HOST, Kind, SECTIONS, Spec};
use super::{Content, Entry};
use crate::scenario::Role;
use crate::tui::state::Field;
use toml::{Table, Value};

/// The table a path's last key is in, made if it is not there, and that key.
pub(super) fn part<'t, 'p>(
    table: &'t mut Table,
    host: Option<usize>,
    path: &'p str,
) -> Option<(&'t mut Table, &'p str)> {
    if let Some(host) = host {
        let hosts = table.get_mut("hosts")?.as_array_mut()?;
        return Some((hosts.get_mut(host)?.as_table_mut()?, path));
    }
    let Some((section, key)) = path.split_once('.') else {
        return Some((table, path));
    };
    let part = table
        .entry(section)
        .or_insert_with(|| Value::Table(Table::new()));
    Some((part.as_table_mut()?, key))
}

/// The fields over a site's table.
pub(super) fn entries(table: &Table) -> Vec<Entry> {
    let mut entries = Vec::new();
    let hosts = table.get("hosts").and_then(Value::as_array);
    let none = Table::new();
    let count = hosts.map_or(0, Vec::len);
    for (at, host) in hosts.into_iter().flatten().enumerate() {
        let host = host.as_table().unwrap_or(&none);
        let section = if count > 1 {
            format!("Host {} of {count}", at + 1)
        } else {
            "Host".to_owned()
        };
        for spec in HOST {
            entries.push(Entry {
                section: section.clone(),
                spec,
                host: Some(at),
                content: content(spec, host.get(spec.path)),
            });
        }
    }
    entries.push(Entry {
        section: entries
            .last()
            .map_or_else(|| "Hosts".to_owned(), |entry| entry.section.clone()),
        spec: &ADD_HOST,
        host: None,
        content: Content::Button,
    });
    for (section, specs) in SECTIONS {
        for spec in *specs {
            let value = match spec.path.split_once('.') {
                Some((section, key)) => table
                    .get(section)
                    .and_then(Value::as_table)
                    .and_then(|part| part.get(key)),
                None => table.get(spec.path),
            };
            entries.push(Entry {
                section: (*section).to_owned(),
                spec,
                host: None,
                content: content(spec, value),
            });
        }
    }
    entries
}

pub(super) fn content(spec: &Spec, value: Option<&Value>) -> Content {
    let text = || match value {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None if spec.path == "port_offset" => "0".to_owned(),
        None => String::new(),
    };
    let plays = |role: Role| {
        let roles = value.and_then(Value::as_array);
        let yes = roles
            .into_iter()
            .flatten()
            .any(|r| r.as_str() == Some(role.as_str()));
        usize::from(yes)
    };
    let word = |words: &[&str]| words.iter().position(|word| *word == text());
    match spec.kind {
        Kind::Text | Kind::Optional | Kind::Number => Content::Line(Field {
            cursor: text().chars().count(),
            text: text(),
        }),
        Kind::Choice(words) => Content::Word(word(words).unwrap_or(0)),
        // Behind the last word it is left out.
        Kind::OptionalChoice(words) => Content::Word(word(words).unwrap_or(words.len())),
        Kind::Plays(role) => Content::Word(plays(role)),
        Kind::List => {
            let items = value.and_then(Value::as_array);
            let lines = items.into_iter().flatten().map(|item| {
                item.as_str()
                    .map_or_else(|| item.to_string(), str::to_owned)
            });
            Content::Lines(lines.collect())
        }
        Kind::AddHost | Kind::RemoveHost => Content::Button,
    }
}
