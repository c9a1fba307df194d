//! How long things took, and what is left of the maintenance window: measured, never guessed.
//!
//! A step's time is from its first effect to its end, so that no waiting for a person counts. What
//! was never measured in this run is "not known yet".

use super::seen::Seen;
use crate::engine::event::{Event, Outcome, Record};
use crate::engine::state::StepState;
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How long the steps of a run took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    begun: BTreeMap<String, Timestamp>,
    took: BTreeMap<String, SignedDuration>,
}

impl Measured {
    /// Takes one event in.
    pub fn take(&mut self, record: &Record) {
        let Ok(at) = record.at.parse::<Timestamp>() else {
            return;
        };
        match &record.event {
            Event::EffectIntended { effect, .. } => {
                let step = effect.split('/').next().unwrap_or(effect);
                self.begun.entry(step.to_owned()).or_insert(at);
            }
            Event::StepEnded { step, outcome, .. } => {
                // What only a person did, or what was left out, takes the program no time.
                let begun = self.begun.remove(step).unwrap_or(at);
                if *outcome != Outcome::Failed {
                    self.took.insert(step.clone(), at.duration_since(begun));
                }
            }
            // What is begun once more is measured once more.
            Event::StepEntered { step, .. } => {
                self.begun.remove(step);
            }
            _ => {}
        }
    }

    /// How long all of these took when they were last done; none when one never was.
    fn all<'s>(&self, steps: impl Iterator<Item = &'s StepState>) -> Option<SignedDuration> {
        steps
            .map(|step| self.took.get(&step.head.id).copied())
            .try_fold(SignedDuration::ZERO, |sum, took| Some(sum + took?))
    }
}

/// What a gate says of the time; none when the site has no window, or the clock is not known.
pub fn sentence(seen: &Seen, now: Option<DateTime>) -> Option<String> {
    let window = seen.run.window.as_ref()?;
    let now = now?;
    let begin: DateTime = window.begin.parse().ok()?;
    let end: DateTime = window.end.parse().ok()?;
    let until = end.strftime("%d %b %H:%M");
    let left = if now < begin {
        let wait = words(begin.duration_since(now));
        let long = words(end.duration_since(begin));
        format!("begins in {wait}, then {long} until {until}")
    } else if now < end {
        format!("{} left, until {until}", words(end.duration_since(now)))
    } else {
        format!("over for {}, since {until}", words(now.duration_since(end)))
    };
    let run = &seen.run;
    let open = run.way().filter(|step| !step.is_over());
    let finish = known(seen.clock.all(open));
    let mut said = format!("Window: {left}. To finish: {finish}");
    if run.undo.is_none() {
        let ids = run.steps.iter().filter(|s| s.head.undoes.is_none());
        let done: Vec<&str> = ids
            .filter(|s| s.is_over())
            .map(|s| s.head.id.as_str())
            .collect();
        let back = run.steps.iter().filter(|s| {
            s.head
                .undoes
                .as_deref()
                .is_some_and(|id| done.contains(&id))
        });
        let back = if done.is_empty() {
            "nothing is done yet".to_owned()
        } else if back.clone().count() == 0 {
            known(None)
        } else {
            known(seen.clock.all(back))
        };
        said = format!("{said}; to undo: {back}");
    }
    Some(said + ".")
}

fn known(took: Option<SignedDuration>) -> String {
    took.map_or_else(
        || "not known yet".to_owned(),
        |took| format!("{} as measured, without your own work", words(took)),
    )
}

/// A duration as people say it.
fn words(long: SignedDuration) -> String {
    let minutes = long.as_secs().max(0) / 60;
    match (minutes / 60 / 24, minutes / 60 % 24, minutes % 60) {
        (0, 0, 0) => "less than a minute".to_owned(),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes:02} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::Gate;

    /// A run of a lab whose site has a window: done, taken back, as its journal tells.
    fn journal() -> Vec<Record> {
        include_str!("../../tests/golden/runs/window.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn at_gate(wanted: impl Fn(&Gate) -> bool) -> Seen {
        let mut seen = Seen::default();
        for record in journal() {
            seen.take(&record);
            if seen.run.gate.as_ref().is_some_and(&wanted) {
                return seen;
            }
        }
        panic!("the run never came to that gate");
    }

    fn at(time: &str) -> DateTime {
        time.parse().unwrap()
    }

    #[test]
    fn a_gate_tells_what_is_left_of_the_window_and_owns_that_the_rest_is_not_known() {
        let seen = at_gate(|gate| gate.id == "keep-backups");
        let said = |time: &str| sentence(&seen, Some(at(time))).unwrap();
        assert_eq!(
            said("2026-11-28T21:18"),
            "Window: begins in 42 min, then 8 h 00 min until 29 Nov 06:00. \
             To finish: not known yet; to undo: nothing is done yet."
        );
        let during = said("2026-11-28T23:30:30");
        assert!(
            during.starts_with("Window: 6 h 29 min left, until 29 Nov 06:00."),
            "{during}"
        );
        let after = said("2026-11-29T07:05");
        assert!(
            after.starts_with("Window: over for 1 h 05 min, since"),
            "{after}"
        );
        assert_eq!(sentence(&seen, None), None);
        let later = at_gate(|gate| gate.id == "drain-queues");
        let said = sentence(&later, Some(at("2026-11-28T23:00"))).unwrap();
        assert!(said.ends_with("to undo: not known yet."), "{said}");
    }

    #[test]
    fn what_was_done_once_is_measured_and_what_was_not_is_not() {
        let mut seen = Seen::default();
        for record in journal() {
            seen.take(&record);
        }
        let run = &seen.run;
        let forward = || run.steps.iter().filter(|s| s.head.undoes.is_none());
        let took = seen.clock.all(forward()).unwrap();
        assert!(took > SignedDuration::ZERO, "{took}");
        let first = Seen::default().clock.all(forward());
        assert_eq!(first, None);
        let back = || {
            run.steps
                .iter()
                .filter(|s| s.head.undoes.is_some() && s.is_over())
        };
        assert!(back().count() > 3);
        assert!(seen.clock.all(back()).is_some());
    }

    #[test]
    fn durations_are_said_as_people_say_them() {
        let words = |secs| words(SignedDuration::from_secs(secs));
        assert_eq!(words(-5), "less than a minute");
        assert_eq!(words(3_599), "59 min");
        assert_eq!(words(7_260), "2 h 01 min");
        assert_eq!(words(200_000), "2 d 7 h");
    }
}
