//! What a person has done to the screen and not yet to the run: focus, scroll, popup, typed text.

use super::attention::Attention;
use super::keymap::Place;
use super::seen::Seen;
use crate::engine::event::{Gate, Level};
use std::time::Duration;

/// A pane of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// The steps in order.
    #[default]
    Steps,
    /// What the selected step is and does.
    Detail,
    /// Its sessions and other effects.
    Work,
    /// What happened.
    Log,
}

impl Pane {
    /// All, in the order of Tab.
    pub const ALL: [Self; 4] = [Self::Steps, Self::Detail, Self::Work, Self::Log];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Steps => "Steps",
            Self::Detail => "Step",
            Self::Work => "Work",
            Self::Log => "Log",
        }
    }

    /// The pane `by` places further on.
    #[must_use]
    pub fn turned(self, by: usize) -> Self {
        let at = Self::ALL.iter().position(|p| *p == self).unwrap_or(0);
        Self::ALL
            .get((at + by) % Self::ALL.len())
            .copied()
            .unwrap_or(self)
    }
}

/// One line of typed text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// The text.
    pub text: String,
    /// The cursor, in characters.
    pub cursor: usize,
}

impl Field {
    /// The longest text.
    const MOST: usize = 1_000;

    /// Puts a character at the cursor; control characters are not text.
    pub fn insert(&mut self, c: char) {
        if c.is_control() || self.text.chars().count() >= Self::MOST {
            return;
        }
        self.text.insert(self.byte(self.cursor), c);
        self.cursor += 1;
    }

    /// Removes the character before the cursor.
    pub fn backspace(&mut self) {
        if self.cursor > 0 {
            self.cursor -= 1;
            self.delete();
        }
    }

    /// Removes the character at the cursor.
    pub fn delete(&mut self) {
        let at = self.byte(self.cursor);
        if at < self.text.len() {
            self.text.remove(at);
        }
    }

    /// Moves the cursor to a character, as far as there are any.
    pub fn go(&mut self, to: usize) {
        self.cursor = to.min(self.text.chars().count());
    }

    fn byte(&self, at: usize) -> usize {
        self.text
            .char_indices()
            .nth(at)
            .map_or(self.text.len(), |(byte, _)| byte)
    }
}

/// What a popup is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An open gate, as it was when the popup opened.
    Gate(Box<Gate>),
    /// A step that failed or is blocked: its id and attempt.
    Failed(String, u32),
    /// Why a failed step is to be left as it is.
    Reason,
    /// Why a check that keeps a step from beginning is waived.
    Waive,
    /// How far to take the run back: to before this step; none can be, or all of it.
    Undo(Option<String>),
    /// What to do with the run when the screen is left.
    Leave,
    /// What to look for in the log.
    Search,
}

/// What can have the focus in a popup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The text field.
    Field,
    /// Close the popup; nothing is done.
    Cancel,
    /// Run the task's command here.
    Run,
    /// Do what the popup is about.
    Confirm,
    /// Do again what failed.
    Retry,
    /// Waive a check.
    Waive,
    /// Leave the failed step as it is.
    Skip,
    /// Take the run back to before the chosen step.
    Back,
    /// Take all of it back.
    Everything,
    /// Give up taking back.
    Forward,
    /// Stop the run.
    Stop,
    /// Leave the screen; the run goes on.
    Detach,
}

/// How far an answer is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was sent yet.
    #[default]
    Prompting,
    /// Sent after the event with this number; the engine has not said anything yet.
    Waiting(u64),
    /// It was not taken, and why.
    Refused(String),
    /// Something to know.
    Told(String),
}

/// A popup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Popup {
    /// What it is about.
    pub kind: Kind,
    /// What can have the focus, in the order of Tab.
    pub parts: Vec<Part>,
    /// Which of them has it.
    pub focus: usize,
    /// The typed text.
    pub field: Field,
    /// The first line shown of a long text.
    pub top: u16,
    /// Whether keys count already.
    pub attention: Attention,
    /// How far its answer is.
    pub stage: Stage,
}

impl Popup {
    /// Makes the popup for what it is about.
    pub fn new(kind: Kind, seen: &Seen) -> Self {
        let (parts, focus) = parts(&kind, seen);
        Self {
            kind,
            parts,
            focus,
            field: Field::default(),
            top: 0,
            attention: Attention::Given,
            stage: Stage::Prompting,
        }
    }

    /// What has the focus.
    pub fn part(&self) -> Part {
        self.parts.get(self.focus).copied().unwrap_or(Part::Cancel)
    }

    /// Whether it asks for something that only who has control may do.
    pub fn is_for_the_run(&self) -> bool {
        matches!(
            self.kind,
            Kind::Gate(_) | Kind::Failed(..) | Kind::Reason | Kind::Waive
        )
    }

    /// The gate it is about.
    pub fn gate(&self) -> Option<&Gate> {
        match &self.kind {
            Kind::Gate(gate) => Some(gate),
            _ => None,
        }
    }
}

/// The parts of a popup, and which has the focus first: never one that does harm.
fn parts(kind: &Kind, seen: &Seen) -> (Vec<Part>, usize) {
    match kind {
        Kind::Gate(gate) if seen.is_task(gate) => {
            let command = !seen.command_of(gate).is_empty();
            let mut parts = Vec::new();
            if seen.wants_words(gate) {
                parts.push(Part::Field);
            }
            if command {
                parts.push(Part::Run);
            }
            let first = usize::from(parts.is_empty());
            parts.extend([Part::Confirm, Part::Cancel]);
            (parts, first)
        }
        Kind::Gate(gate) if gate.typed.is_some() => (vec![Part::Field, Part::Cancel], 0),
        Kind::Gate(gate) if gate.level == Level::Note => (vec![Part::Confirm, Part::Cancel], 0),
        Kind::Gate(_) => (vec![Part::Cancel, Part::Confirm], 0),
        Kind::Failed(..) => {
            let mut parts = vec![Part::Cancel, Part::Retry];
            if !seen.blocking_checks().is_empty() {
                parts.push(Part::Waive);
            }
            parts.extend([Part::Skip, Part::Stop]);
            (parts, 0)
        }
        Kind::Undo(to) => {
            let mut parts = vec![Part::Cancel];
            if to.is_some() {
                parts.push(Part::Back);
            }
            if seen.back_to(None).is_ok() {
                parts.push(Part::Everything);
            }
            if seen.run.undo.is_some() && !seen.is_over() && !seen.gone {
                parts.push(Part::Forward);
            }
            (parts, 0)
        }
        Kind::Reason | Kind::Waive | Kind::Search => (vec![Part::Field, Part::Cancel], 0),
        Kind::Leave => (vec![Part::Cancel, Part::Detach, Part::Stop], 0),
    }
}

/// The state of the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ui {
    /// Who looks, as the journal names it.
    pub me: String,
    /// Columns and rows.
    pub size: (u16, u16),
    /// The time of day where the wizard runs, as it is shown.
    pub clock: Option<jiff::civil::DateTime>,
    /// The pane with the focus.
    pub pane: Pane,
    /// One pane on the whole screen.
    pub zoom: bool,
    /// The step selected by hand; without one, the step whose turn it is.
    pub selected: Option<usize>,
    /// The first line shown of the step's text.
    pub detail_top: u16,
    /// The first line shown of its work; without one, what runs is shown.
    pub work_top: Option<u16>,
    /// The last line shown of the log; without one, it follows.
    pub log_at: Option<usize>,
    /// What is looked for in the log.
    pub search: String,
    /// The popup.
    pub popup: Option<Popup>,
    /// The question that was put aside with Esc: it does not come up by itself again.
    pub aside: Option<String>,
    /// The help page and its first line.
    pub help: Option<u16>,
    /// The result is shown.
    pub result: bool,
    /// The first line shown of the result.
    pub result_top: u16,
    /// The end was shown once.
    pub end_shown: bool,
    /// What time it is, as far as it matters: see [`Ui::minds_the_clock`].
    pub moment: Option<jiff::Timestamp>,
}

impl Ui {
    /// The least size everything fits.
    pub const LEAST: (u16, u16) = (60, 15);

    /// Makes the state of a fresh screen.
    pub fn new(me: &str, size: (u16, u16)) -> Self {
        Self {
            me: me.to_owned(),
            size,
            ..Self::default()
        }
    }

    /// Whether nothing of the run fits the screen.
    pub fn is_too_small(&self) -> bool {
        self.size.0 < Self::LEAST.0 || self.size.1 < Self::LEAST.1
    }

    /// When a popup that came up by itself will take keys.
    pub fn rest_due(&self) -> Option<Duration> {
        self.popup.as_ref().and_then(|p| p.attention.due())
    }

    /// Whether how old something is is on the screen: the facts of a gate, or the last bytes that came.
    pub fn minds_the_clock(&self, seen: &Seen) -> bool {
        if seen.pace.of(&seen.run).is_some() {
            return true;
        }
        let gate = self.popup.as_ref().and_then(Popup::gate);
        gate.is_some_and(|g| g.level == Level::Irreversible)
    }

    /// Where the focus is, as far as keys are concerned.
    pub fn place(&self) -> Place {
        match &self.popup {
            _ if self.help.is_some() => Place::Help,
            Some(popup) if popup.part() == Part::Field => Place::Field,
            Some(_) => Place::Buttons,
            None if self.result => Place::Result,
            None => Place::Panes,
        }
    }

    /// Whether only one pane is shown at a time.
    pub fn one_pane(&self) -> bool {
        self.zoom || self.size.0 < 76 || self.size.1 < 20
    }

    /// The step that is shown: the selected one, or the one whose turn it is, or the last.
    pub fn step_at(&self, seen: &Seen) -> usize {
        let steps = &seen.run.steps;
        let turn = || steps.iter().position(|s| !s.is_over());
        self.selected
            .or_else(turn)
            .unwrap_or(usize::MAX)
            .min(steps.len().saturating_sub(1))
    }

    /// Whether this client may answer: it has control, or nobody has.
    pub fn in_control(&self, seen: &Seen) -> bool {
        seen.run.control.as_ref().is_none_or(|by| *by == self.me)
    }
}

#[cfg(test)]
mod tests {
    use super::Field;

    #[test]
    fn a_field_is_edited_by_characters_and_takes_no_control_characters() {
        let mut field = Field::default();
        for c in "Größe\x1b\n".chars() {
            field.insert(c);
        }
        assert_eq!(field.text, "Größe");
        field.go(3);
        field.backspace();
        field.insert('o');
        field.go(99);
        field.backspace();
        field.delete();
        assert_eq!((field.text.as_str(), field.cursor), ("Groß", 4));
    }
}
