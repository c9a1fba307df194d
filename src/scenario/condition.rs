//! When a step is done: a small closed set of conditions, as data.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Facts that were looked up, by id.
pub type Facts = BTreeMap<String, Value>;

/// A condition.
///
/// In a file: `{ field = "old.login_separator", equals = "+" }`, `{ fact = "disk", is = "enough" }`,
/// `{ all = […] }`, `{ any = […] }`, `{ not = … }`. For a fact, `present` means that there is
/// something (a list that is not empty, a number above 0, true) and `absent` that there is nothing;
/// any other word is compared with the fact itself. The same two words hold for a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Condition {
    /// A field of the site.
    Field(FieldIs),
    /// A fact.
    Fact(FactIs),
    /// All of them.
    All(All),
    /// At least one of them.
    Any(Any),
    /// Not that one.
    Not(Not),
}

/// A field of the site has a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldIs {
    /// The field's name, such as `old.login_separator`.
    pub field: String,
    /// The value; `present` and `absent` ask whether there is any.
    pub equals: String,
}

/// A fact is so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactIs {
    /// The fact's id.
    pub fact: String,
    /// What it has to be.
    pub is: String,
}

/// All hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct All {
    /// The conditions.
    pub all: Vec<Condition>,
}

/// One holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Any {
    /// The conditions.
    pub any: Vec<Condition>,
}

/// One does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Not {
    /// The condition.
    pub not: Box<Condition>,
}

impl Condition {
    /// Says whether it holds; `None` while a fact or field that decides is missing.
    pub fn holds(&self, field: &dyn Fn(&str) -> Option<String>, facts: &Facts) -> Option<bool> {
        match self {
            Self::Field(FieldIs {
                field: name,
                equals,
            }) => field(name).map(|value| match equals.as_str() {
                "present" => !value.is_empty(),
                "absent" => value.is_empty(),
                word => value == word,
            }),
            Self::Fact(FactIs { fact, is: wanted }) => {
                facts.get(fact).map(|value| match wanted.as_str() {
                    "present" => present(value),
                    "absent" => !present(value),
                    word => match value {
                        Value::String(text) => text.as_str() == word,
                        other => {
                            let text = other.to_string();
                            text == word
                        }
                    },
                })
            }
            Self::All(All { all }) => {
                let each: Vec<_> = all.iter().map(|c| c.holds(field, facts)).collect();
                if each.contains(&Some(false)) {
                    Some(false)
                } else if each.contains(&None) {
                    None
                } else {
                    Some(true)
                }
            }
            Self::Any(Any { any }) => {
                let each: Vec<_> = any.iter().map(|c| c.holds(field, facts)).collect();
                if each.contains(&Some(true)) {
                    Some(true)
                } else if each.contains(&None) {
                    None
                } else {
                    Some(false)
                }
            }
            Self::Not(Not { not }) => not.holds(field, facts).map(|holds| !holds),
        }
    }

    /// Says it as a part of a sentence that begins with “only when”.
    pub fn sentence(&self) -> String {
        self.say(false)
    }

    fn say(&self, nested: bool) -> String {
        let list = |conditions: &[Self], word: &str| {
            let parts: Vec<_> = conditions.iter().map(|c| c.say(true)).collect();
            let joined = parts.join(word);
            if nested && conditions.len() > 1 {
                format!("({joined})")
            } else {
                joined
            }
        };
        match self {
            Self::Field(FieldIs { field, equals }) => {
                let name = super::names::field_title(field);
                match equals.as_str() {
                    "present" => format!("{name} is given"),
                    "absent" => format!("{name} is not given"),
                    word => format!("{name} is `{word}`"),
                }
            }
            Self::Fact(FactIs { fact, is }) => {
                super::names::fact_sentence(fact, is).unwrap_or_else(|| format!("{fact} is {is}"))
            }
            Self::All(All { all }) => list(all, " and "),
            Self::Any(Any { any }) => list(any, " or "),
            Self::Not(Not { not }) => format!("not: {}", not.say(true)),
        }
    }

    /// Calls `visit` with every field (`true`) and fact (`false`) the condition names.
    pub fn each_name<'a>(&'a self, visit: &mut dyn FnMut(bool, &'a str)) {
        match self {
            Self::Field(c) => visit(true, &c.field),
            Self::Fact(c) => visit(false, &c.fact),
            Self::All(c) => c.all.iter().for_each(|c| c.each_name(visit)),
            Self::Any(c) => c.any.iter().for_each(|c| c.each_name(visit)),
            Self::Not(c) => c.not.each_name(visit),
        }
    }
}

fn present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64().is_some_and(|n| n > 0.0),
        Value::String(text) => !text.is_empty() && text != "absent",
        Value::Array(items) => !items.is_empty(),
        Value::Object(items) => !items.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Condition, Facts};
    use serde_json::json;

    fn condition(text: &str) -> Condition {
        toml::from_str::<std::collections::BTreeMap<String, Condition>>(&format!("c = {text}"))
            .unwrap()
            .remove("c")
            .unwrap()
    }

    #[test]
    fn a_missing_fact_decides_nothing_unless_the_rest_does() {
        let facts = Facts::from([("disk".to_owned(), json!("enough"))]);
        let field = |name: &str| (name == "old.login_separator").then(|| "+".to_owned());
        let holds = |text: &str| condition(text).holds(&field, &facts);
        let disk = r#"{ fact = "disk", is = "too-little" }"#;
        let unknown = r#"{ fact = "uppercase-uids", is = "present" }"#;
        let plus = r#"{ field = "old.login_separator", equals = "+" }"#;
        assert_eq!(holds(disk), Some(false));
        assert_eq!(holds(unknown), None);
        assert_eq!(holds(plus), Some(true));
        assert_eq!(
            holds(&format!("{{ all = [{disk}, {unknown}] }}")),
            Some(false)
        );
        assert_eq!(holds(&format!("{{ all = [{plus}, {unknown}] }}")), None);
        assert_eq!(
            holds(&format!("{{ any = [{plus}, {unknown}] }}")),
            Some(true)
        );
        assert_eq!(holds(&format!("{{ not = {disk} }}")), Some(true));
    }

    #[test]
    fn a_list_is_present_when_it_is_not_empty() {
        let c = condition(r#"{ fact = "uppercase-uids", is = "present" }"#);
        let with = |value| Facts::from([("uppercase-uids".to_owned(), value)]);
        let none = |_: &str| None;
        assert_eq!(c.holds(&none, &with(json!(["Anderson"]))), Some(true));
        assert_eq!(c.holds(&none, &with(json!([]))), Some(false));
    }

    #[test]
    fn a_condition_reads_as_a_sentence() {
        let c = condition(
            r#"{ all = [{ fact = "disk", is = "too-little" }, { field = "old.login_separator", equals = "+" }] }"#,
        );
        assert_eq!(
            c.sentence(),
            "there is too little disk space for both stores and the old server's login separator is `+`"
        );
    }
}
