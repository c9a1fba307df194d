//! How things look: colours where they are wanted, and marks that say the same without them.

use crate::engine::event::{Level, Outcome};
use crate::engine::state::{EffectStatus, StepStatus};
use ratatui::style::{Color, Modifier, Style};

/// The look of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    /// No colours; bold and reverse only.
    pub mono: bool,
}

impl Theme {
    /// The theme this terminal and its user want: `NO_COLOR` is honoured, and so is a terminal
    /// that has no colours.
    pub fn from_environment() -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let term = std::env::var("TERM").unwrap_or_default();
        Self {
            mono: no_color || term.starts_with("vt"),
        }
    }

    fn colour(self, colour: Color) -> Style {
        if self.mono {
            Style::new()
        } else {
            Style::new().fg(colour)
        }
    }

    /// The header line of a run: a live one does not look like practice.
    pub fn header(self, practice: bool) -> Style {
        let style = Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD);
        match (self.mono, practice) {
            (true, _) => style,
            (false, true) => style.fg(Color::Cyan),
            (false, false) => style.fg(Color::Red),
        }
    }

    /// Text that explains.
    pub fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// What is selected, and the button with the focus.
    pub fn focus(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Headings and labels.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The border of the pane with the focus.
    pub fn border(self, focused: bool) -> Style {
        if focused {
            self.colour(Color::Yellow).add_modifier(Modifier::BOLD)
        } else {
            self.quiet()
        }
    }

    /// A hit of the search.
    pub fn hit(self) -> Style {
        self.colour(Color::Yellow)
            .add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
    }

    /// What needs a person.
    pub fn alarm(self) -> Style {
        self.colour(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// A gate's level.
    pub fn level(self, level: Level) -> Style {
        let colour = match level {
            Level::Note => Color::Cyan,
            Level::Change => Color::Yellow,
            Level::Destructive | Level::Irreversible => Color::Red,
        };
        self.colour(colour).add_modifier(Modifier::BOLD)
    }

    /// An outcome's colour.
    pub fn outcome(self, outcome: Outcome) -> Style {
        match outcome {
            Outcome::Ok => self.colour(Color::Green),
            Outcome::Warning => self.colour(Color::Yellow),
            Outcome::Skipped => self.quiet(),
            Outcome::Failed => self.alarm(),
        }
    }

    /// Mark, word and look of a step's status.
    pub fn step(self, status: &StepStatus) -> (&'static str, &'static str, Style) {
        match status {
            StepStatus::Pending => ("·", "to come", self.quiet()),
            StepStatus::Binding => ("◦", "looking", self.strong()),
            StepStatus::AtGate => ("?", "waiting for you", self.colour(Color::Yellow)),
            StepStatus::Running => ("»", "running", self.strong()),
            StepStatus::Blocked => ("✗", "blocked", self.alarm()),
            StepStatus::Ended { outcome } => self.ended(*outcome),
        }
    }

    /// Mark, word and look of an effect's status.
    pub fn effect(self, status: EffectStatus) -> (&'static str, &'static str, Style) {
        match status {
            EffectStatus::Ready => ("·", "to come", self.quiet()),
            EffectStatus::Asked => ("?", "you do it", self.colour(Color::Yellow)),
            EffectStatus::InFlight => ("»", "running", self.strong()),
            EffectStatus::Unknown => ("~", "unknown", self.alarm()),
            EffectStatus::Ended { outcome } => self.ended(outcome),
        }
    }

    fn ended(self, outcome: Outcome) -> (&'static str, &'static str, Style) {
        let style = self.outcome(outcome);
        match outcome {
            Outcome::Ok => ("✓", "ok", style),
            Outcome::Warning => ("!", "warning", style),
            Outcome::Skipped => ("-", "skipped", style),
            Outcome::Failed => ("✗", "failed", style),
        }
    }
}
