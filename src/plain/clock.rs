//! How long things took, and what is left of the maintenance window: measured, never guessed.
//!
//! A step's time is from its first effect to its end, so that no waiting for a person counts. What
//! was never measured in this run is "not known yet".

use crate::engine::event::{Event, FRESH, Gate, Level, Outcome, Record};
use crate::engine::state::{State, StepState};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How long the steps of a run took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    begun: BTreeMap<String, Timestamp>,
    took: BTreeMap<String, SignedDuration>,
    /// When the facts of the step whose turn it is were looked up.
    pub facts_at: Option<Timestamp>,
}

impl Measured {
    /// Takes one event in.
    pub fn take(&mut self, record: &Record) {
        let Ok(at) = record.at.parse::<Timestamp>() else {
            return;
        };
        match &record.event {
            Event::StepBound { .. } => self.facts_at = Some(at),
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

    /// How long these took when they were last done, as far as they ever were.
    fn all<'s>(&self, steps: impl Iterator<Item = &'s StepState>) -> Known {
        let mut known = Known::default();
        for step in steps {
            known.steps += 1;
            if let Some(took) = self.took.get(&step.head.id) {
                known.measured += 1;
                known.took += *took;
            }
        }
        known
    }
}

/// How long some steps took, and how many of them were measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Known {
    took: SignedDuration,
    measured: usize,
    steps: usize,
}

impl Known {
    fn words(self) -> String {
        let took = words(self.took);
        match (self.measured, self.steps) {
            (measured, steps) if measured == steps => {
                format!("{took} as measured, without your own work")
            }
            (0, _) => "not known yet".to_owned(),
            (measured, steps) => {
                let took = match took.as_str() {
                    "less than a minute" => took,
                    _ => format!("at least {took}"),
                };
                format!(
                    "{took} for {measured} of {steps} steps as measured, the rest is not known yet"
                )
            }
        }
    }
}

/// What a gate says of the time; none when the site has no window, or the clock is not known.
pub fn sentence(run: &State, clock: &Measured, now: Option<DateTime>) -> Option<String> {
    let window = run.window.as_ref()?;
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
    let open = run.way().filter(|step| !step.is_over());
    let finish = clock.all(open).words();
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
            "not known yet".to_owned()
        } else {
            clock.all(back).words()
        };
        said = format!("{said}; to undo: {back}");
    }
    Some(said + ".")
}

/// How old the facts of an irreversible gate are: an answer to those older than the engine takes has
/// it look again. Other gates tell nothing.
pub fn age_of_facts(
    run: &State,
    clock: &Measured,
    gate: &Gate,
    now: Option<Timestamp>,
) -> Option<String> {
    if gate.level != Level::Irreversible || run.effect(&gate.id).is_some() {
        return None;
    }
    let age = clock.facts_at.zip(now);
    let age = age.map(|(then, now)| now.duration_since(then).as_secs().max(0));
    let most = FRESH.as_secs();
    Some(match age {
        Some(age) if age < most.try_into().unwrap_or(i64::MAX) => format!(
            "Looked up: {age} s ago. After {most} s all of it is looked up once more before an \
             answer counts."
        ),
        Some(_) => format!(
            "Looked up: more than {most} s ago. It is looked up once more before your answer \
             counts; what has changed is asked anew."
        ),
        None => format!("Looked up: facts older than {most} s are looked up once more."),
    })
}

/// A duration as people say it.
pub fn words(long: SignedDuration) -> String {
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
    use crate::engine::state::fold;

    /// A run of a lab whose site has a window: done, taken back, as its journal tells.
    fn journal() -> Vec<Record> {
        include_str!("../../tests/golden/runs/window.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn at_gate(wanted: impl Fn(&Gate) -> bool) -> (State, Measured) {
        let (mut run, mut clock) = (State::default(), Measured::default());
        for record in journal() {
            fold(&mut run, &record.event);
            clock.take(&record);
            if run.gate.as_ref().is_some_and(&wanted) {
                return (run, clock);
            }
        }
        panic!("the run never came to that gate");
    }

    fn at(time: &str) -> DateTime {
        time.parse().unwrap()
    }

    #[test]
    fn a_gate_tells_what_is_left_of_the_window_and_owns_that_the_rest_is_not_known() {
        let (run, clock) = at_gate(|gate| gate.id == "keep-backups");
        let said = |time: &str| sentence(&run, &clock, Some(at(time))).unwrap();
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
        assert_eq!(sentence(&run, &clock, None), None);
        let (run, clock) = at_gate(|gate| gate.id == "drain-queues");
        let said = sentence(&run, &clock, Some(at("2026-11-28T23:00"))).unwrap();
        assert!(said.ends_with("to undo: not known yet."), "{said}");
    }

    #[test]
    fn what_was_done_once_is_measured_and_what_was_not_is_not() {
        let (mut run, mut clock) = (State::default(), Measured::default());
        for record in journal() {
            fold(&mut run, &record.event);
            clock.take(&record);
        }
        let forward = || run.steps.iter().filter(|s| s.head.undoes.is_none());
        let all = clock.all(forward());
        assert!(all.took > SignedDuration::ZERO, "{all:?}");
        assert_eq!(all.measured, forward().count());
        assert_eq!(Measured::default().all(forward()).words(), "not known yet");
        let back = || {
            run.steps
                .iter()
                .filter(|s| s.head.undoes.is_some() && s.is_over())
        };
        assert!(back().count() > 3);
        assert_eq!(clock.all(back()).measured, back().count());

        // Of what was measured in part no more is said than was.
        let last = forward().next_back().unwrap().head.id.clone();
        clock.took.remove(&last);
        let said = clock.all(forward()).words();
        let count = forward().count();
        let told = format!(
            "{} of {count} steps as measured, the rest is not known yet",
            count - 1
        );
        assert!(said.ends_with(&told), "{said}");
    }

    #[test]
    fn only_what_is_irreversible_tells_how_old_its_facts_are() {
        let (mut run, mut clock) = (State::default(), Measured::default());
        let records = include_str!("../../tests/golden/runs/tape.jsonl").lines();
        for record in records.map(|line| serde_json::from_str::<Record>(line).unwrap()) {
            fold(&mut run, &record.event);
            clock.take(&record);
            let Some(gate) = run.gate.clone() else {
                continue;
            };
            let then = clock.facts_at.unwrap();
            let said = |seconds| {
                let now = then + SignedDuration::from_secs(seconds);
                age_of_facts(&run, &clock, &gate, Some(now))
            };
            if gate.level == Level::Irreversible && run.effect(&gate.id).is_none() {
                assert!(said(18).unwrap().starts_with("Looked up: 18 s ago."));
                assert!(said(61).unwrap().contains("more than 60 s ago"));
                return;
            }
            assert_eq!(said(18), None);
        }
        panic!("no irreversible gate");
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
