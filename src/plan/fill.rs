//! Puts values into `{placeholders}`.

use crate::scenario::Action;
use crate::scenario::condition::Facts;
use crate::scenario::names::{self, secret_title};
use crate::scenario::validate::is_late;
use crate::site::Site;
use serde_json::Value;

/// What placeholders become.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// For people: `<name>` for what is not known yet, `(directory password)` for a secret.
    Shown,
    /// For the engine: what is not known yet, and secrets, stay `{placeholders}`.
    Kept,
}

/// Fills placeholders from a site and facts.
#[derive(Clone, Copy)]
pub struct Filler<'a> {
    /// The site.
    pub site: &'a Site,
    /// The facts.
    pub facts: &'a Facts,
}

impl Filler<'_> {
    /// Returns a text for people.
    pub fn shown(&self, text: &str) -> String {
        self.text(text, Mode::Shown)
    }

    /// Returns a list for people; an element that is nothing but a list placeholder becomes its
    /// items.
    pub fn shown_list(&self, items: &[String]) -> Vec<String> {
        self.list(items.iter().map(String::as_str), Mode::Shown)
    }

    /// Returns an action with what is known filled in.
    ///
    /// # Errors
    /// When the filled action is none any more, which a validated scenario does not do.
    pub fn action(&self, action: &Action) -> Result<Action, serde_json::Error> {
        let mut value = serde_json::to_value(action)?;
        self.walk(&mut value);
        serde_json::from_value(value)
    }

    fn walk(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text, Mode::Kept),
            Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_string) => {
                let words = items.iter().filter_map(Value::as_str);
                let filled = self.list(words, Mode::Kept);
                *items = filled.into_iter().map(Value::String).collect();
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.walk(field)),
            _ => {}
        }
    }

    fn list<'t>(&self, items: impl Iterator<Item = &'t str>, mode: Mode) -> Vec<String> {
        let mut filled = Vec::new();
        for item in items {
            let name = item
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'))
                .unwrap_or("");
            if let Some(several) = self.site.lookup_list(name) {
                filled.extend(several);
            } else if name == "rename_map_option" && mode == Mode::Shown {
                filled.extend(self.rename_map());
            } else {
                filled.push(self.text(item, mode));
            }
        }
        filled
    }

    /// `-u` and the map, nothing, or its name while it is not known who has an uppercase letter.
    fn rename_map(&self) -> Vec<String> {
        let count = self.count("uppercase-uids");
        match count {
            None => vec!["<rename_map_option>".to_owned()],
            Some(0) => Vec::new(),
            Some(_) => vec!["-u".to_owned(), "<rename_map>".to_owned()],
        }
    }

    fn text(&self, text: &str, mode: Mode) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                filled.push('{');
                rest = after;
                continue;
            };
            match self.value(name, mode) {
                Some(value) => filled.push_str(&value),
                None if mode == Mode::Kept => filled.extend(["{", name, "}"]),
                None => {
                    let short = name
                        .split_once('.')
                        .filter(|(kind, _)| *kind == "count" || *kind == "fact");
                    filled.extend(["<", short.map_or(name, |(_, fact)| fact), ">"]);
                }
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    fn value(&self, name: &str, mode: Mode) -> Option<String> {
        if let Some(secret) = name.strip_prefix("secret.") {
            return (mode == Mode::Shown)
                .then(|| format!("({})", secret_title(secret).unwrap_or("password")));
        }
        if is_late(name) {
            return None;
        }
        if let Some(fact) = name.strip_prefix("count.") {
            return self.count(fact).map(|count| count.to_string());
        }
        if let Some(fact) = name.strip_prefix("fact.") {
            return self.facts.get(fact).map(|value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
        }
        self.site.lookup(name)
    }

    fn count(&self, fact: &str) -> Option<u64> {
        match self.facts.get(fact)? {
            Value::Array(items) => Some(items.len() as u64),
            Value::Object(items) => Some(items.len() as u64),
            Value::Number(number) => number.as_u64(),
            Value::String(text) if text == "absent" || text.is_empty() => Some(0),
            Value::String(_) => Some(1),
            Value::Bool(yes) => Some(u64::from(*yes)),
            Value::Null => None,
        }
    }
}

/// Says whether a name is one that a plan shows as `<name>` because only a run or session knows it.
pub fn is_late_name(name: &str) -> bool {
    name == "rename_map" || names::LATE.iter().any(|(known, _)| *known == name)
}
