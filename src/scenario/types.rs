//! The types of a scenario: what a file in `assets/scenarios/` holds.

use super::{Action, Condition};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One of the guide's procedures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The id, such as `sims-offline`.
    pub id: String,
    /// The title, one line.
    pub title: String,
    /// What it is for, in a few sentences.
    pub summary: String,
    /// How long mail is down, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime: Option<String>,
    /// The product that is moved away from.
    pub product: Product,
    /// The roles that a site has to give to hosts.
    pub roles: Vec<Role>,
    /// What must be true of a site for this scenario to be the right one.
    #[serde(default)]
    pub assumptions: Vec<String>,
    /// The hosts of the guide's example; absent: one host that plays every role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub example_hosts: Vec<ExampleHost>,
    /// The steps, in the order in which they are done.
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// A host of the guide's example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleHost {
    /// Its short name.
    pub name: String,
    /// Its full name.
    pub fqdn: String,
    /// Its address, where the procedure needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The roles it plays.
    pub roles: Vec<Role>,
}

impl Scenario {
    /// Returns a step by its id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }
}

/// The product that is moved away from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// Sun Internet Mail Server 4.0.
    Sims,
    /// Netscape Messaging Server 4.x.
    Nms,
}

/// What a host is to a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The old mail server.
    Old,
    /// The new mail server.
    New,
    /// The user/group directory.
    Directory,
}

impl Role {
    /// Returns the word a file has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
            Self::Directory => "directory",
        }
    }

    /// Returns what people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Old => "old mail server",
            Self::New => "new mail server",
            Self::Directory => "directory",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How much a gate asks of a person before a step begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Nothing changes: Enter.
    Note,
    /// Something changes and can be changed back: the button names verb and object.
    Change,
    /// Users notice, or data in use changes: the host or base DN is typed.
    Destructive,
    /// There is no way back: typed, and the checks are no older than 60 seconds.
    Irreversible,
}

impl Risk {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Change => "change",
            Self::Destructive => "destructive",
            Self::Irreversible => "irreversible",
        }
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One step of the guide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Stable kebab-case id, unique in the scenario.
    pub id: String,
    /// The guide's own number, such as `9a`; several steps may carry the same. `intro` for the
    /// advice a chapter opens with.
    pub guide: String,
    /// The title: verb and object.
    pub title: String,
    /// Why it stands elsewhere than its number says; absent: it stands where the guide has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<String>,
    /// The role of the host it happens on.
    pub role: Role,
    /// What the guide asks for, in our own words.
    pub asks: String,
    /// What users will notice; absent when nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users_notice: Option<String>,
    /// The level of its gate.
    pub risk: Risk,
    /// What has to be typed at the gate, such as `{old.host}`; for destructive and irreversible
    /// steps, and only for those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed: Option<String>,
    /// How much it is about, such as `{count.users} users`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how_many: Option<String>,
    /// When the step is done at all; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// Why it is left out at this site; set from the site, never by a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Whether it is done once for each batch of users; steps that follow one another are done
    /// together, batch after batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Each>,
    /// The batch it is for; set by [`Scenario::for_batches`], never by a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// How to take it back, or why it cannot be.
    pub undo: String,
    /// What happens when it is stopped half-way.
    pub if_interrupted: String,
    /// The guide's notes, and ours.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Where this step departs from the guide's letter.
    #[serde(default)]
    pub corrections: Vec<Correction>,
    /// Ids of the checks that are made before its gate.
    #[serde(default)]
    pub checks_before: Vec<String>,
    /// Ids of the checks that prove it was done.
    #[serde(default)]
    pub checks_after: Vec<String>,
    /// Ids of the facts it reads.
    #[serde(default)]
    pub facts: Vec<String>,
    /// What it does, in order.
    #[serde(default)]
    pub actions: Vec<Action>,
    /// What takes it back, in order; absent: its actions in reverse, each put back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_actions: Option<Vec<Action>>,
    /// The least level of the gate before it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_risk: Option<Risk>,
    /// Ids of the checks that are made before that gate.
    #[serde(default)]
    pub undo_checks: Vec<String>,
    /// The id of an earlier step: where that one is taken back too, nothing is done here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_with: Option<String>,
}

/// What a step is repeated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Each {
    /// Each batch of users.
    Batch,
}

/// Where a step departs from the guide's letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// What the guide says.
    pub guide: String,
    /// What is done instead.
    pub ours: String,
    /// Why.
    pub why: String,
}
