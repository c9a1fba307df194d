//! What a person has done before there is a run: the screen, the form, the checks, the plan.

use super::form::Form;
use super::plan_view::PlanView;
use super::secret_field::SecretField;
use crate::base::Secret;
use crate::check::CheckReport;
use crate::check::Outcome;
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::site::Site;
use crate::tui::keymap::Place;
use crate::tui::state::Field;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tui_textarea::TextArea;

/// A screen before the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Screen {
    /// Which procedure.
    #[default]
    Scenario,
    /// The admin's answers.
    Site,
    /// Whether a run could begin.
    Checks,
    /// All that would be done.
    Plan,
}

impl Screen {
    /// All screens by name, those of the run too.
    pub const NAMES: [&str; 6] = ["Scenario", "Site", "Checks", "Plan", "Run", "Result"];

    /// Its place among them.
    pub fn place(self) -> usize {
        match self {
            Self::Scenario => 0,
            Self::Site => 1,
            Self::Checks => 2,
            Self::Plan => 3,
        }
    }
}

/// One check on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// The question it answers.
    pub title: &'static str,
    /// It is being asked now.
    pub asked: bool,
    /// Its last answer, and when it came.
    pub report: Option<(CheckReport, Duration)>,
}

/// The checks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checks {
    /// The site they are about.
    pub site: Option<Site>,
    /// The checks, in the order in which the plan needs them.
    pub rows: Vec<Row>,
    /// What was waived on this screen, and why; the run begins with it.
    pub waivers: BTreeMap<String, String>,
    /// Which one is selected.
    pub selected: usize,
    /// The first line shown of what it says.
    pub top: u16,
}

impl Checks {
    /// How many have this outcome; none: no answer yet.
    pub fn count(&self, outcome: Option<Outcome>) -> usize {
        let of = |row: &&Row| match (&row.report, row.asked) {
            (_, true) | (None, _) => outcome.is_none(),
            (Some((report, _)), false) => outcome == Some(report.outcome),
        };
        self.rows.iter().filter(of).count()
    }

    /// Those that keep the run from beginning.
    pub fn inhibiting(&self) -> usize {
        let inhibits = |row: &&Row| row.report.as_ref().is_some_and(|(r, _)| r.inhibits);
        self.rows.iter().filter(inhibits).count()
    }

    /// Whether everything was answered and nothing inhibits.
    pub fn pass(&self) -> bool {
        !self.rows.is_empty() && self.count(None) == 0 && self.inhibiting() == 0
    }
}

/// A password that is asked for.
#[derive(Debug)]
pub struct SecretWanted {
    /// Its name.
    pub name: String,
    /// How it is asked for.
    pub title: String,
    /// Its field.
    pub field: SecretField,
}

impl SecretWanted {
    /// Makes it with an empty field.
    pub fn new(name: String, title: String) -> Self {
        Self {
            name,
            title,
            field: SecretField::new(),
        }
    }
}

/// What a popup is about.
#[derive(Debug)]
pub enum Kind {
    /// The path of a site file to load.
    Open,
    /// The path to save the site to.
    SaveAs,
    /// What to look for in the plan.
    Search,
    /// Why a check that cannot be told need not be: its id.
    Waive(String),
    /// Passwords that no file gave.
    Secrets(Vec<SecretWanted>),
    /// Many lines for a field of the form: its place among the entries.
    Lines(usize, Box<TextArea<'static>>),
    /// The run is to be started.
    Start,
    /// The wizard is to be left before there is a run.
    Leave,
}

/// What can have the focus in a popup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The text field.
    Field,
    /// A password's field.
    Secret(usize),
    /// The lines.
    Lines,
    /// Do nothing.
    Cancel,
    /// Do what it is about.
    Confirm,
}

/// A popup.
#[derive(Debug)]
pub struct Popup {
    /// What it is about.
    pub kind: Kind,
    /// What can have the focus, in the order of Tab.
    pub parts: Vec<Part>,
    /// Which of them has it.
    pub focus: usize,
    /// The typed text.
    pub field: Field,
    /// What was wrong with the last try.
    pub wrong: String,
    /// The first line shown of its text.
    pub top: u16,
}

impl Popup {
    /// Makes the popup for what it is about; the focus is never on what does harm.
    pub fn new(kind: Kind) -> Self {
        let parts = match &kind {
            Kind::Open | Kind::SaveAs | Kind::Search => vec![Part::Field, Part::Cancel],
            Kind::Waive(_) => vec![Part::Field, Part::Confirm, Part::Cancel],
            Kind::Secrets(wanted) => (0..wanted.len())
                .map(Part::Secret)
                .chain([Part::Confirm, Part::Cancel])
                .collect(),
            Kind::Lines(..) => vec![Part::Lines, Part::Confirm, Part::Cancel],
            Kind::Start | Kind::Leave => vec![Part::Cancel, Part::Confirm],
        };
        Self {
            kind,
            parts,
            focus: 0,
            field: Field::default(),
            wrong: String::new(),
            top: 0,
        }
    }

    /// The same with a text in its field.
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        self.field = Field {
            cursor: text.chars().count(),
            text: text.to_owned(),
        };
        self
    }

    /// What has the focus.
    pub fn part(&self) -> Part {
        self.parts.get(self.focus).copied().unwrap_or(Part::Cancel)
    }
}

/// Something said below the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What.
    pub text: String,
    /// Whether it is a refusal.
    pub bad: bool,
}

/// Something slow that is asked of the outside.
#[derive(Debug)]
pub enum Job {
    /// Read a site file.
    Load(PathBuf),
    /// Write a site file.
    Save(Box<Site>, PathBuf),
    /// Find the passwords that files give, and what has to be checked.
    Prepare {
        /// The site.
        site: Box<Site>,
        /// Its file.
        file: Option<PathBuf>,
        /// Passwords that were typed before are asked for again.
        again: bool,
    },
    /// Take these passwords.
    Secrets(Vec<(String, Secret)>),
    /// Ask checks, all at once.
    Check {
        /// The round they belong to.
        round: u32,
        /// The site.
        site: Box<Site>,
        /// Its file.
        file: Option<PathBuf>,
        /// Their ids.
        ids: Vec<String>,
    },
    /// Look facts up and make the plan.
    Plan {
        /// The round it belongs to.
        round: u32,
        /// The site.
        site: Box<Site>,
        /// Its file.
        file: Option<PathBuf>,
    },
    /// Make the run and start its engine.
    Start {
        /// The site.
        site: Box<Site>,
        /// Its file.
        file: Option<PathBuf>,
        /// The checks that were waived on the screen, and why.
        waivers: BTreeMap<String, String>,
    },
}

/// What has to be known before the checks.
#[derive(Debug)]
pub struct Prepared {
    /// Passwords that are missing: name and how to ask.
    pub missing: Vec<(String, String)>,
    /// The checks to make, in order.
    pub checks: Vec<String>,
    /// Every step, with names where facts are missing.
    pub draft: Plan,
}

/// A slow thing was done.
#[derive(Debug)]
pub enum Done {
    /// A file was read: its text.
    Loaded(PathBuf, Result<String, String>),
    /// The site was written.
    Saved(PathBuf, Result<(), String>),
    /// The passwords and checks are known.
    Prepared(Result<Box<Prepared>, String>),
    /// A check has its answer.
    Checked(u32, CheckReport),
    /// The checks cannot be asked.
    NotChecked(u32, String),
    /// The plan is made, or why it cannot be.
    Planned(u32, Result<Box<Plan>, String>),
    /// The run has begun, or why not.
    Started(Result<(), String>),
}

/// What follows from a key.
#[derive(Debug)]
pub enum Action {
    /// Something slow; its [`Done`] comes later.
    Do(Job),
    /// The run has begun: on to its screen.
    Run,
    /// Leave; nothing was begun.
    Quit,
    /// Stop as a job of the shell.
    Suspend,
    /// Draw everything again.
    Repaint,
}

/// The state of the wizard before the run.
#[derive(Debug)]
pub struct Wizard {
    /// Columns and rows.
    pub size: (u16, u16),
    /// How long it has been shown.
    pub now: Duration,
    /// The screen.
    pub screen: Screen,
    /// The scenarios there are.
    pub scenarios: Vec<Scenario>,
    /// Which one is selected.
    pub chosen: usize,
    /// The first line shown of what it says.
    pub scenario_top: u16,
    /// The site.
    pub form: Option<Form>,
    /// The checks.
    pub checks: Checks,
    /// The plan.
    pub plan: PlanView,
    /// A change of what the checks and the plan are about begins a new round: answers of an older
    /// one do not count.
    pub round: u32,
    /// The popup.
    pub popup: Option<Popup>,
    /// The help page and its first line.
    pub help: Option<u16>,
    /// What was said last.
    pub told: Told,
    /// What is waited for; nothing else is begun meanwhile.
    pub busy: &'static str,
}

impl Wizard {
    /// Makes the state of a fresh wizard.
    pub fn new(scenarios: Vec<Scenario>, size: (u16, u16)) -> Self {
        Self {
            size,
            now: Duration::ZERO,
            screen: Screen::default(),
            scenarios,
            chosen: 0,
            scenario_top: 0,
            form: None,
            checks: Checks::default(),
            plan: PlanView::default(),
            round: 0,
            popup: None,
            help: None,
            told: Told::default(),
            busy: "",
        }
    }

    /// Where the focus is, as far as keys are concerned.
    pub fn place(&self) -> Place {
        use super::fields::Kind as Of;
        if self.help.is_some() {
            return Place::Help;
        }
        if let Some(popup) = &self.popup {
            return match popup.part() {
                Part::Field => Place::Ask,
                Part::Secret(_) => Place::Secret,
                Part::Lines => Place::Lines,
                Part::Cancel | Part::Confirm => Place::AskButtons,
            };
        }
        match self.screen {
            Screen::Scenario => Place::Choose,
            Screen::Checks => Place::Checks,
            Screen::Plan => Place::Plan,
            Screen::Site => match self.form.as_ref().and_then(Form::focused) {
                Some(entry) if matches!(entry.spec.kind, Of::Text | Of::Optional | Of::Number) => {
                    Place::Line
                }
                _ => Place::Form,
            },
        }
    }

    /// The site's file.
    pub fn file(&self) -> Option<PathBuf> {
        self.form.as_ref().and_then(|form| form.file.clone())
    }

    /// Says something below the screen.
    pub fn tell(&mut self, text: impl Into<String>) {
        self.told = Told {
            text: text.into(),
            bad: false,
        };
    }

    /// Says below the screen why something is not done.
    pub fn refuse(&mut self, text: impl Into<String>) {
        self.told = Told {
            text: text.into(),
            bad: true,
        };
    }
}
