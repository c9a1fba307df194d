//! Applying rules to one entry; each rule sees what the rules before it did.

use super::check::check;
use super::convert::Partitions;
use super::data::{Rule, Verb};
use super::{EntryPlan, PlannedChange};
use crate::base::display_safe;
use crate::directory::entry::{Change, Entry};
use std::collections::{BTreeMap, HashSet};

/// Applies all rules, filling in the plan.
pub(super) fn apply(rules: &[Rule], partitions: &Partitions, entry: &Entry, plan: &mut EntryPlan) {
    let mut work = Work {
        now: entry.clone(),
        partitions,
        read: BTreeMap::new(),
        plan,
    };
    for rule in rules {
        let changes = work.changes(rule);
        if changes.is_empty() {
            continue;
        }
        work.now.apply(&changes);
        let read = rule
            .from
            .iter()
            .chain(&rule.to)
            .chain(rule.when.as_ref().map(|when| &when.attribute));
        for name in read {
            work.read.insert(name.to_ascii_lowercase(), name.clone());
        }
        work.plan
            .changes
            .extend(changes.into_iter().map(|change| PlannedChange {
                change,
                why: rule.reason(),
            }));
    }
    let before = work
        .read
        .into_values()
        .map(|name| {
            let values = entry.values(&name).to_vec();
            (name, values)
        })
        .collect();
    plan.before = before;
}

struct Work<'a> {
    now: Entry,
    partitions: &'a Partitions,
    /// Attributes that changes were made from, by lowercase name.
    read: BTreeMap<String, String>,
    plan: &'a mut EntryPlan,
}

impl Work<'_> {
    fn warn(&mut self, text: &str) {
        let text = display_safe(text).into_owned();
        if !self.plan.warnings.contains(&text) {
            self.plan.warnings.push(text);
        }
    }

    fn refuse(&mut self, text: &str) {
        self.plan.refusals.push(display_safe(text).into_owned());
    }

    fn changes(&mut self, rule: &Rule) -> Vec<Change> {
        if let Some(when) = &rule.when
            && !has_value(self.now.values(&when.attribute), &when.value)
        {
            return Vec::new();
        }
        if let Some(which) = rule.check {
            for text in check(which, &rule.from, &self.now) {
                self.warn(&text);
            }
        }
        match rule.verb {
            Verb::Keep => Vec::new(),
            Verb::AddClasses => {
                let missing: Vec<&String> = rule
                    .values
                    .iter()
                    .filter(|class| !self.now.has_class(class))
                    .collect();
                if missing.is_empty() {
                    Vec::new()
                } else {
                    vec![Change::add("objectClass", &missing)]
                }
            }
            Verb::Default => self.default(rule, &rule.values),
            Verb::Also => self.also(rule),
            Verb::OwnDn => {
                let dn = [self.plan.dn.clone()];
                self.default(rule, &dn)
            }
            Verb::Copy => self.copy(rule),
            Verb::Move => {
                let mut changes = self.copy(rule);
                for name in &rule.from {
                    let values = self.now.values(name);
                    if !values.is_empty() {
                        changes.push(Change::delete(name, values));
                    }
                }
                changes
            }
            Verb::Rewrite => self.rewrite(rule),
            Verb::Drop => self.drop(rule),
            Verb::Warn => {
                if rule.from.iter().any(|name| self.concerned(rule, name))
                    && let Some(text) = &rule.warn
                {
                    self.warn(text);
                }
                Vec::new()
            }
            Verb::Require => {
                for name in &rule.from {
                    if !self.now.has(name) {
                        self.refuse(&format!("it has no {name}: {}", rule.why));
                    }
                }
                Vec::new()
            }
            Verb::AtMostOne => {
                for name in &rule.from {
                    let count = self.now.values(name).len();
                    if count > 1 {
                        self.refuse(&format!("it has {count} values of {name}: {}", rule.why));
                    }
                }
                Vec::new()
            }
        }
    }

    /// Whether the rule's `values` (or any, when it names none) are there.
    fn concerned(&self, rule: &Rule, name: &str) -> bool {
        let values = self.now.values(name);
        if rule.values.is_empty() {
            !values.is_empty()
        } else {
            rule.values.iter().any(|value| has_value(values, value))
        }
    }

    fn default<V: AsRef<[u8]>>(&self, rule: &Rule, values: &[V]) -> Vec<Change> {
        match &rule.to {
            Some(to) if !self.now.has(to) => vec![Change::add(to, values)],
            _ => Vec::new(),
        }
    }

    fn also(&self, rule: &Rule) -> Vec<Change> {
        let Some(to) = &rule.to else {
            return Vec::new();
        };
        if !rule.from.iter().any(|name| self.now.has(name)) {
            return Vec::new();
        }
        let there = self.now.values(to);
        let missing: Vec<&String> = rule
            .values
            .iter()
            .filter(|value| !has_value(there, value))
            .collect();
        if missing.is_empty() {
            Vec::new()
        } else {
            vec![Change::add(to, &missing)]
        }
    }

    fn copy(&mut self, rule: &Rule) -> Vec<Change> {
        let Some(to) = &rule.to else {
            return Vec::new();
        };
        let from: Vec<Vec<u8>> = rule
            .from
            .iter()
            .flat_map(|name| self.now.values(name).to_vec())
            .collect();
        if from.is_empty() {
            return Vec::new();
        }
        if let Some(text) = &rule.warn {
            self.warn(text);
        }
        if rule.single && self.now.has(to) {
            return Vec::new();
        }
        let converted = self.converted(rule, from);
        // By key, not value by value: a list may have thousands of members.
        let there = self.now.values(to).iter();
        let mut known: HashSet<Key> = there.map(|v| key(v, rule.exact)).collect();
        let new: Vec<Vec<u8>> = converted
            .into_iter()
            .filter(|value| known.insert(key(value, rule.exact)))
            .collect();
        if rule.single && new.len() > 1 {
            let names = rule.from.join(", ");
            self.refuse(&format!(
                "it has {} values of {names}, and {to} takes one",
                new.len()
            ));
            return Vec::new();
        }
        if new.is_empty() {
            Vec::new()
        } else {
            vec![Change::add(to, &new)]
        }
    }

    fn converted(&mut self, rule: &Rule, from: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let Some(convert) = rule.convert else {
            return from;
        };
        let names = rule.from.join(", ");
        let mut texts = Vec::new();
        for value in &from {
            match std::str::from_utf8(value) {
                Ok(text) => texts.push(text),
                Err(_) => self.warn(&format!(
                    "a value of {names} is not text and was not taken over"
                )),
            }
        }
        if texts.is_empty() {
            return Vec::new();
        }
        let converted = convert.convert(&texts, self.partitions);
        for text in converted.refusals {
            self.refuse(&format!("{names}: {text}"));
        }
        for text in converted.warnings {
            self.warn(&format!("{names}: {text}"));
        }
        converted
            .values
            .into_iter()
            .map(String::into_bytes)
            .collect()
    }

    fn rewrite(&mut self, rule: &Rule) -> Vec<Change> {
        let mut changes = Vec::new();
        for name in &rule.from {
            for value in self.now.values(name).to_vec() {
                let converted = self.converted(rule, vec![value.clone()]);
                if let [new] = converted.as_slice()
                    && *new != value
                {
                    changes.push(Change::delete(name, std::slice::from_ref(&value)));
                    if !self.now.values(name).contains(new) {
                        changes.push(Change::add(name, std::slice::from_ref(new)));
                    }
                }
            }
        }
        changes
    }

    fn drop(&mut self, rule: &Rule) -> Vec<Change> {
        let mut changes = Vec::new();
        for name in &rule.from {
            let gone: Vec<Vec<u8>> = self
                .now
                .values(name)
                .iter()
                .filter(|value| {
                    rule.values.is_empty()
                        || rule.values.iter().any(|v| same(value, v.as_bytes(), false))
                })
                .cloned()
                .collect();
            if !gone.is_empty() {
                changes.push(Change::delete(name, &gone));
                if let Some(text) = &rule.warn {
                    self.warn(text);
                }
            }
        }
        changes
    }
}

fn has_value(values: &[Vec<u8>], wanted: &str) -> bool {
    values.iter().any(|v| same(v, wanted.as_bytes(), false))
}

fn same(one: &[u8], other: &[u8], exact: bool) -> bool {
    one == other || key(one, exact) == key(other, exact)
}

/// What is the same for values that are.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Text(String),
    Bytes(Vec<u8>),
}

/// Compares as a server does where case does not count: without case, runs of spaces as one.
fn key(value: &[u8], exact: bool) -> Key {
    match std::str::from_utf8(value) {
        Ok(text) if !exact => {
            let words: Vec<&str> = text.split_whitespace().collect();
            Key::Text(words.join(" ").to_lowercase())
        }
        _ => Key::Bytes(value.to_vec()),
    }
}
