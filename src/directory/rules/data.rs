//! The rules as data: what a rules file says, checked when it is read.

use super::convert::Convert;
use crate::directory::entry::Entry;
use serde::Deserialize;

/// Why a rules file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// It does not parse.
    #[error("the rules cannot be read: {0}")]
    Syntax(String),
    /// A rule says too little or something that does not go together.
    #[error("rule {number} for {kind} entries: {reason}")]
    Rule {
        /// `domain`, `user` or `group`.
        kind: &'static str,
        /// Counted from 1.
        number: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    version: u32,
    pub(super) title: String,
    #[serde(default)]
    pub(super) odd: Vec<String>,
    /// What is said of those entries where they may stay as they are; without it they are refused.
    #[serde(default)]
    pub(super) odd_stays: Option<String>,
    pub(super) domain: RuleSet,
    pub(super) user: RuleSet,
    pub(super) group: RuleSet,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RuleSet {
    ours: Vec<String>,
    upgraded_classes: Vec<String>,
    #[serde(default)]
    upgraded_attributes: Vec<String>,
    #[serde(rename = "rule")]
    pub(super) rules: Vec<Rule>,
}

impl RuleSet {
    /// A filter for the entries the rules are for, upgraded or not.
    pub(super) fn filter(&self) -> String {
        let classes: String = self.ours.iter().map(|c| class_filter(c)).collect();
        match self.ours.len() {
            1 => classes,
            _ => format!("(&{classes})"),
        }
    }

    /// The classes by which its entries are known.
    #[cfg(test)]
    pub(super) fn classes(&self) -> &[String] {
        &self.ours
    }

    pub(super) fn owns(&self, entry: &Entry) -> bool {
        self.ours.iter().all(|class| entry.has_class(class))
    }

    pub(super) fn is_upgraded(&self, entry: &Entry) -> bool {
        self.upgraded_classes.iter().all(|c| entry.has_class(c))
            && self.upgraded_attributes.iter().all(|a| entry.has(a))
    }
}

pub(super) fn class_filter(class: &str) -> String {
    format!("(objectClass={class})")
}

/// What a rule does; the rules file explains each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Adds object classes.
    AddClasses,
    /// Copies values to another attribute.
    Copy,
    /// Moves values to another attribute.
    Move,
    /// Adds a value where there is none.
    Default,
    /// Adds values beside those there are, where there is a value of `from`.
    Also,
    /// Adds the entry's own DN where there is none.
    OwnDn,
    /// Exchanges values.
    Rewrite,
    /// Deletes values.
    Drop,
    /// Leaves the attribute as it is.
    Keep,
    /// Reports the attribute.
    Warn,
    /// Refuses entries without the attribute.
    Require,
    /// Refuses entries with two values.
    AtMostOne,
}

/// How sure a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// Both ends and their meaning are documented.
    Read,
    /// Concluded from the definitions of both ends.
    Inferred,
}

/// A look at a value that changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// A number of hours.
    Hours,
    /// Characters that a uid may have, and that there is one.
    Uid,
    /// One address only.
    OneMail,
    /// There is a value at all.
    HasHost,
    /// A search that is not too long.
    FilterLength,
    /// No address that stands for a whole domain.
    WholeDomain,
    /// What becomes of a posting that is refused.
    RejectAction,
}

/// A condition on the entry.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// The attribute.
    pub attribute: String,
    /// The value it must have (compared without case).
    pub value: String,
}

/// One rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What it does.
    #[serde(rename = "do")]
    pub verb: Verb,
    /// The attributes it reads.
    #[serde(default)]
    pub from: Vec<String>,
    /// The attribute it writes.
    pub to: Option<String>,
    /// Values to add, to drop or to report.
    #[serde(default)]
    pub values: Vec<String>,
    /// How values are converted on the way.
    pub convert: Option<Convert>,
    /// Only when this holds.
    pub when: Option<When>,
    /// Values that differ in case are different.
    #[serde(default)]
    pub exact: bool,
    /// The target takes one value.
    #[serde(default)]
    pub single: bool,
    /// What is looked at.
    pub check: Option<Check>,
    /// What the administrator is told when the rule applies.
    pub warn: Option<String>,
    /// Why there is this rule.
    pub why: String,
    /// Where that can be looked up.
    pub source: String,
    /// How sure it is.
    pub evidence: Evidence,
}

impl Rule {
    /// Returns the object classes the rule adds.
    pub fn classes(&self) -> &[String] {
        if self.verb == Verb::AddClasses {
            &self.values
        } else {
            &[]
        }
    }

    /// Returns why, with the source, as it is shown beside a change.
    pub(super) fn reason(&self) -> String {
        match self.evidence {
            Evidence::Read => format!("{} ({})", self.why, self.source),
            Evidence::Inferred => format!("{} (inferred: {})", self.why, self.source),
        }
    }

    fn problem(&self) -> Option<&'static str> {
        let none = self.from.is_empty();
        let many = self.from.len() > 1;
        match self.verb {
            Verb::AddClasses | Verb::Default | Verb::Also if self.values.is_empty() => {
                Some("no `values`")
            }
            Verb::Default | Verb::Also | Verb::OwnDn | Verb::Copy | Verb::Move
                if self.to.is_none() =>
            {
                Some("no `to`")
            }
            Verb::AddClasses | Verb::Default | Verb::OwnDn if !none => Some("`from` has no use"),
            Verb::AddClasses | Verb::Default | Verb::OwnDn => None,
            _ if none => Some("no `from`"),
            Verb::Rewrite if self.convert.is_none() => Some("no `convert`"),
            Verb::Warn if self.warn.is_none() => Some("no `warn`"),
            Verb::Move if self.convert.is_some() || many => {
                Some("a move takes one attribute and converts nothing")
            }
            _ => None,
        }
    }
}

impl File {
    pub(super) fn parse(text: &str) -> Result<Self, RulesError> {
        let file: Self = toml::from_str(text).map_err(|e| RulesError::Syntax(e.to_string()))?;
        if file.version != 1 {
            return Err(RulesError::Syntax(format!(
                "version {} is not known",
                file.version
            )));
        }
        let sets = [
            ("domain", &file.domain),
            ("user", &file.user),
            ("group", &file.group),
        ];
        for (kind, set) in sets {
            for (index, rule) in set.rules.iter().enumerate() {
                if let Some(reason) = rule.problem() {
                    return Err(RulesError::Rule {
                        kind,
                        number: index + 1,
                        reason,
                    });
                }
            }
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::{File, RulesError};

    fn with(rule: &str) -> Result<File, RulesError> {
        let set = |name: &str| {
            format!("[{name}]\nours=[\"a\"]\nupgraded-classes=[\"b\"]\n[[{name}.rule]]\n{rule}\n")
        };
        File::parse(&format!(
            "version = 1\ntitle = \"t\"\n{}{}{}",
            set("domain"),
            set("user"),
            set("group")
        ))
    }

    #[test]
    fn rules_that_say_too_little_are_refused_with_their_place() {
        let tail = "why = \"w\"\nsource = \"s\"\nevidence = \"read\"";
        assert!(with(&format!("do = \"keep\"\nfrom = [\"x\"]\n{tail}")).is_ok());
        for (rule, reason) in [
            ("do = \"copy\"\nfrom = [\"x\"]", "no `to`"),
            ("do = \"default\"\nto = \"x\"", "no `values`"),
            ("do = \"warn\"\nfrom = [\"x\"]", "no `warn`"),
            ("do = \"rewrite\"\nfrom = [\"x\"]", "no `convert`"),
            ("do = \"drop\"", "no `from`"),
        ] {
            let error = with(&format!("{rule}\n{tail}")).unwrap_err();
            assert_eq!(
                error,
                RulesError::Rule {
                    kind: "domain",
                    number: 1,
                    reason
                }
            );
        }
    }

    #[test]
    fn unknown_words_are_refused() {
        let error = with("do = \"keep\"\nfrom = [\"x\"]\nsorce = \"s\"").unwrap_err();
        assert!(error.to_string().contains("sorce"), "{error}");
    }
}
