//! What is known of the run: its state, folded from events, and the log of what happened.

use crate::check::describe;
use crate::engine::event::{Event, Gate, Record, StepHead, Undo};
use crate::engine::state::{Phase, State, StepState, StepStatus, fold, way_back};
use crate::plain;
use crate::plain::clock::Measured;
use crate::plain::pace::Pace;

/// The most lines the log keeps; the journal has them all.
const MOST_LINES: usize = 20_000;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When, as `hh:mm:ss` in UTC.
    pub at: String,
    /// What; safe to show.
    pub text: String,
}

/// An answer, or something asked, that the engine did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The event's number: a later one is a new refusal.
    pub idx: u64,
    /// The gate, or what was asked.
    pub gate: String,
    /// Why.
    pub reason: String,
}

/// The run as this client has seen it; only [`Seen::take`] changes it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The fold of the events.
    pub run: State,
    /// What happened, a line each.
    pub log: Vec<LogLine>,
    /// The last answer that was refused.
    pub refusal: Option<Refusal>,
    /// The number of the last event.
    pub last: u64,
    /// How long its steps took.
    pub clock: Measured,
    /// How fast mail moves.
    pub pace: Pace,
    /// The number of the last event that turned the run: back, or forward again.
    pub turned: u64,
    /// The engine is no longer there.
    pub gone: bool,
}

impl Seen {
    /// Takes one event in.
    pub fn take(&mut self, record: &Record) {
        fold(&mut self.run, &record.event);
        self.clock.take(record);
        self.pace.take(&self.run, record);
        self.last = record.idx;
        if let Event::AnswerRefused { gate, reason, .. } = &record.event {
            self.refusal = Some(Refusal {
                idx: record.idx,
                gate: gate.clone(),
                reason: reason.clone(),
            });
        }
        if let Event::AskRefused { ask, reason, .. } = &record.event {
            self.refusal = Some(Refusal {
                idx: record.idx,
                gate: ask.clone(),
                reason: reason.clone(),
            });
        }
        if matches!(
            &record.event,
            Event::UndoAsked { .. } | Event::UndoLeft { .. }
        ) {
            self.turned = record.idx;
        }
        let at = record.at.get(11..19).unwrap_or("").to_owned();
        for line in plain::event_lines(&self.run, &record.event) {
            let text = line.trim();
            if text.is_empty() {
                continue;
            }
            // Lines that go on further than the label of the line before are one sentence.
            let goes_on = line.starts_with("                   ");
            match self.log.last_mut() {
                Some(last) if goes_on && last.at == at => {
                    last.text.push(' ');
                    last.text.push_str(text);
                }
                _ => self.log.push(LogLine {
                    at: at.clone(),
                    text: text.to_owned(),
                }),
            }
        }
        if self.log.len() > MOST_LINES {
            self.log.drain(..MOST_LINES / 10);
        }
    }

    /// Whether nothing more will happen.
    pub fn is_over(&self) -> bool {
        !matches!(self.run.phase, Phase::Running | Phase::Empty)
    }

    /// What is taken back when `to` is the earliest step, the last one first.
    ///
    /// # Errors
    /// Why it cannot be, in the words of `imsmigrate undo`.
    pub fn back_to(&self, to: Option<&str>) -> Result<Vec<StepHead>, String> {
        let engine = !self.gone && !self.is_over();
        match self.run.keeps_from_undo(&self.run.run, engine) {
            Some(why) => Err(why),
            None => way_back(&self.run, to),
        }
    }

    /// The steps that the run can be taken back to, in their order.
    pub fn ways_back(&self) -> Vec<&StepState> {
        let steps = self.run.steps.iter().filter(|step| {
            step.touched && step.head.undoes.is_none() && step.head.undo != Undo::Nothing
        });
        steps
            .filter(|step| self.back_to(Some(&step.head.id)).is_ok())
            .collect()
    }

    /// Whether anything can be taken back now.
    pub fn can_go_back(&self) -> bool {
        self.back_to(None).is_ok() || !self.ways_back().is_empty()
    }

    /// The checks that keep a blocked step from beginning, by id.
    pub fn blocking_checks(&self) -> Vec<&str> {
        let step = self.run.failed_step();
        let step = step.filter(|s| s.status == StepStatus::Blocked);
        let reasons = step.map_or("", |s| s.message.as_str()).split("; ");
        let ids = reasons.filter_map(|reason| Some(reason.split_once(": ")?.0));
        ids.filter(|id| describe(id).is_some()).collect()
    }

    /// The step an open gate belongs to.
    pub fn step_of_gate(&self, gate: &Gate) -> Option<&StepState> {
        self.run
            .steps
            .iter()
            .find(|s| s.head.id == gate.id || s.effects.iter().any(|e| e.spec.id == gate.id))
    }

    /// A step's place in the run, from 1.
    pub fn place_of(&self, step: &StepState) -> usize {
        self.run
            .steps
            .iter()
            .position(|s| s.head.id == step.head.id)
            .map_or(0, |at| at + 1)
    }

    /// The command the operator is to run at a gate, if there is one.
    pub fn command_of(&self, gate: &Gate) -> Vec<String> {
        self.run
            .effect(&gate.id)
            .and_then(|e| e.spec.parameters.get("argv"))
            .and_then(|argv| serde_json::from_value(argv.clone()).ok())
            .unwrap_or_default()
    }

    /// Whether a gate is a task for the operator.
    pub fn is_task(&self, gate: &Gate) -> bool {
        self.run.effect(&gate.id).is_some()
    }

    /// Whether the task of a gate asks for words, not only for `done`.
    pub fn wants_words(&self, gate: &Gate) -> bool {
        self.run
            .effect(&gate.id)
            .and_then(|e| e.spec.parameters.get("evidence"))
            .and_then(serde_json::Value::as_bool)
            == Some(true)
    }
}
