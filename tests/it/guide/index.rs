//! The index of chapter 3: `tests/guide/*.toml` as types.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// The files, in the order of the chapter.
const FILES: &[&str] = &[
    "chapter",
    "sims-offline",
    "sims-online",
    "sims-incremental",
    "sims-incremental-addendum",
    "nms",
    "nms-unix",
    "nms-nt",
    "chapter-end",
];

/// What a sentence or line of the guide is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Is {
    Heading,
    Lead,
    Reference,
    Step,
    Command,
    Value,
    Edit,
    Prompt,
    Condition,
    Assumption,
    Text,
    Note,
}

/// One thing that the guide says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub is: Is,
    #[serde(default)]
    pub of: Vec<String>,
    #[serde(default)]
    pub again: bool,
    #[serde(default)]
    pub says: String,
    #[serde(default)]
    pub terms: Vec<String>,
    #[serde(default)]
    pub at: Vec<String>,
    #[serde(default)]
    pub argv: Vec<String>,
    #[serde(default)]
    pub fixed: Vec<String>,
    #[serde(default)]
    pub correction: Vec<String>,
    #[serde(default)]
    pub implied: bool,
    pub parameter: Option<String>,
    pub value: Option<String>,
    pub secret: Option<String>,
    pub question: Option<String>,
    #[serde(default)]
    pub answers: Vec<String>,
    pub field: Option<String>,
    pub fact: Option<String>,
}

/// What stands below one number of the guide.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Absent: before the steps.
    pub number: Option<String>,
    /// The variant it is for, where it is not for all.
    pub only: Option<String>,
    /// What the guide has in the place of placeholders here, where it is other than elsewhere.
    #[serde(default)]
    pub example: BTreeMap<String, String>,
    pub items: Vec<Item>,
}

/// A step that is not the guide's, or not one of its own there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ours {
    pub id: String,
    /// The id of the step right before it.
    pub follows: String,
    pub why: String,
}

/// A number that is done elsewhere than where it stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    pub number: String,
    /// The variant in which it is; absent: in all.
    pub only: Option<String>,
    /// It comes right after the last step with this number.
    pub after: String,
}

/// One file of the index.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    #[serde(skip)]
    pub name: String,
    /// The scenario it is about; absent: all.
    pub scenario: Option<String>,
    /// What the guide has in the place of placeholders.
    #[serde(default)]
    pub example: BTreeMap<String, String>,
    /// What is put before the guide's numbers, where a procedure begins them anew.
    #[serde(default)]
    pub prefix: String,
    /// Values of the field `variant`.
    #[serde(default)]
    pub variants: Vec<String>,
    #[serde(default)]
    pub moved: Vec<Moved>,
    #[serde(default)]
    pub ours: Vec<Ours>,
    /// Numbers that are still to come in a scenario that is built in already.
    #[serde(default)]
    pub not_yet: Vec<String>,
    pub parts: Vec<Part>,
}

impl File {
    /// Returns the number as the index has it.
    pub fn numbered(&self, number: Option<&str>) -> Option<String> {
        number.map(|number| format!("{}{number}", self.prefix))
    }
}

/// Something that is not part of a scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    pub scenario: String,
    pub of: String,
    pub why: String,
}

fn read(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/guide")
        .join(format!("{name}.toml"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files, in the order of the chapter.
pub fn files() -> Vec<File> {
    FILES
        .iter()
        .map(|name| {
            let mut file: File =
                toml::from_str(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            (*name).clone_into(&mut file.name);
            file
        })
        .collect()
}

impl Exception {
    /// Returns all there are.
    pub fn all() -> Vec<Self> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct All {
            #[serde(default)]
            exceptions: Vec<Exception>,
        }
        let all: All = toml::from_str(&read("exceptions")).unwrap();
        all.exceptions
    }
}

/// All that the guide says about one scenario.
#[derive(Clone, Debug)]
pub struct Index {
    pub variants: Vec<String>,
    pub moved: Vec<Moved>,
    pub ours: Vec<Ours>,
    pub parts: Vec<Part>,
    /// Numbers that are still to come.
    pub not_yet: Vec<String>,
    /// Digests of what is on the list of exceptions.
    pub exceptions: Vec<String>,
}

impl Index {
    /// Gathers it from the files that are about the scenario.
    pub fn of(scenario: &str) -> Self {
        let mut index = Self {
            variants: Vec::new(),
            moved: Vec::new(),
            ours: Vec::new(),
            parts: Vec::new(),
            not_yet: Vec::new(),
            exceptions: Exception::all()
                .into_iter()
                .filter(|exception| exception.scenario == scenario)
                .map(|exception| exception.of)
                .collect(),
        };
        for file in files() {
            let about = file.scenario.as_deref();
            if about.is_none_or(|about| about.split(' ').any(|id| id == scenario)) {
                index.variants.extend(file.variants);
                index.moved.extend(file.moved);
                index.ours.extend(file.ours);
                index.not_yet.extend(file.not_yet);
                index.parts.extend(file.parts);
            }
        }
        index
    }

    /// All items with their parts.
    pub fn items(&self) -> impl Iterator<Item = (&Part, &Item)> {
        self.parts
            .iter()
            .flat_map(|part| part.items.iter().map(move |item| (part, item)))
    }
}
