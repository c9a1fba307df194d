//! How far a transfer is: percent of the bytes, rate, and what is left as a range.
//!
//! Expected is what the old server said of the mailboxes' sizes, where its unit was understood; moved
//! is what went through the pipes. What left is to be said needs a rate that was measured: before
//! that it is "not known yet".

use super::clock;
use crate::engine::event::{Event, Record};
use crate::engine::state::{EffectState, EffectStatus, State, StepState};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// What is left is not told before so much of a transfer was measured.
const LEAST: SignedDuration = SignedDuration::from_secs(10);
/// How far back the rate of now looks.
const RECENT: SignedDuration = SignedDuration::from_secs(30);

/// The sessions tell of themselves at times of their own: so much (a part) is added on both sides.
const MARGIN: u64 = 8;

/// The bytes of the transfer that is under way, over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pace {
    step: String,
    /// When the first bytes came, and how many: what it takes to begin is no rate.
    begun: Option<(Timestamp, u64)>,
    /// The same of each session.
    sessions: BTreeMap<String, (Timestamp, u64)>,
    marks: VecDeque<(Timestamp, u64)>,
}

/// How far a transfer is.
#[derive(Clone, Debug, PartialEq)]
pub struct Transfer {
    /// Bytes moved.
    pub moved: u64,
    /// Bytes of the mailboxes, where they were told.
    pub expected: Option<u64>,
    /// How much of that is moved; 100 only when nothing is left.
    pub percent: Option<u8>,
    /// Bytes a second, where some were measured.
    pub rate: Option<u64>,
    /// What is left, at least and at most.
    pub left: Option<(SignedDuration, SignedDuration)>,
}

/// Whether an effect moves mail through a pipe whose bytes are counted.
fn is_session(effect: &EffectState) -> bool {
    let parameters = &effect.spec.parameters;
    parameters.get("do").and_then(|v| v.as_str()) == Some("session")
        && parameters.get("backup").is_some_and(|v| !v.is_null())
}

/// The bytes that a session is to move, where they were told.
pub fn expected(effect: &EffectState) -> Option<u64> {
    effect.spec.parameters.get("expected")?.as_u64()
}

/// How much of its mailboxes a session has moved: the stream holds more than they do.
fn done(effect: &EffectState) -> u64 {
    match (expected(effect), effect.status) {
        (Some(all), EffectStatus::Ended { .. }) => all,
        (Some(all), _) => effect.bytes.min(all),
        (None, _) => effect.bytes,
    }
}

fn sessions(step: &StepState) -> impl Iterator<Item = &EffectState> {
    step.effects.iter().filter(|e| is_session(e))
}

impl Pace {
    /// Takes one event in; `state` is the state after it.
    pub fn take(&mut self, state: &State, record: &Record) {
        let (Event::EffectIntended { effect, .. }
        | Event::EffectProgress { effect, .. }
        | Event::EffectEnded { effect, .. }) = &record.event
        else {
            return;
        };
        let step = state
            .steps
            .iter()
            .find(|s| sessions(s).any(|e| e.spec.id == *effect));
        let (Some(step), Ok(at)) = (step, record.at.parse::<Timestamp>()) else {
            return;
        };
        let moved: u64 = sessions(step).map(done).sum();
        let before = self.marks.back().map_or(0, |(_, bytes)| *bytes);
        if self.step != step.head.id || moved < before {
            // Another transfer, or the same once more.
            *self = Self {
                step: step.head.id.clone(),
                ..Self::default()
            };
        }
        if let Some(session) = sessions(step).find(|e| e.spec.id == *effect)
            && session.bytes > 0
        {
            let first = (at, done(session));
            self.sessions.entry(effect.clone()).or_insert(first);
        }
        if moved == 0 {
            return;
        }
        self.begun.get_or_insert((at, moved));
        self.marks.push_back((at, moved));
        while let Some((_, (second, _))) = self.marks.front().zip(self.marks.get(1))
            && at.duration_since(*second) > RECENT
        {
            self.marks.pop_front();
        }
    }

    /// When bytes last came.
    pub fn last(&self) -> Option<Timestamp> {
        self.marks.back().map(|(at, _)| *at)
    }

    /// How far the transfer is that is under way, if one is.
    pub fn of(&self, state: &State) -> Option<Transfer> {
        let step = state.current().filter(|s| s.head.id == self.step)?;
        let under_way = |e: &EffectState| e.status == EffectStatus::InFlight;
        if !sessions(step).any(under_way) {
            return None;
        }
        let (begun, first) = self.begun?;
        let (at, moved) = *self.marks.back()?;
        let all: Option<u64> = sessions(step).map(expected).sum();
        let all = all.filter(|all| *all > 0);
        let mean = rate(moved.saturating_sub(first), at.duration_since(begun));
        let (then, had) = *self.marks.front()?;
        let recent = rate(moved.saturating_sub(had), at.duration_since(then));
        let percent = all.map(|all| {
            let percent = moved.saturating_mul(100) / all;
            u8::try_from(percent).unwrap_or(99).min(99)
        });
        let measured = at.duration_since(begun) >= LEAST && percent.is_some_and(|p| p >= 1);
        let left = all.filter(|_| measured).and_then(|all| {
            let rest = all.saturating_sub(moved);
            let (mean, recent) = (mean?, recent?);
            let soonest = rest.checked_div(mean.max(recent))?;
            let latest = rest.checked_div(mean.min(recent))?;
            // The largest mailbox may take longer than all others together.
            let longest = sessions(step).filter(|e| under_way(e)).filter_map(|e| {
                let (since, first) = *self.sessions.get(&e.spec.id)?;
                let rest = expected(e)?.saturating_sub(done(e));
                let rate = rate(done(e).saturating_sub(first), at.duration_since(since))?;
                rest.checked_div(rate)
            });
            let latest = longest.max().unwrap_or(0).max(latest);
            Some((
                seconds(soonest - soonest / MARGIN),
                seconds(latest.saturating_add(latest / MARGIN)),
            ))
        });
        Some(Transfer {
            moved,
            expected: all,
            percent,
            rate: recent.filter(|rate| *rate > 0),
            left,
        })
    }
}

fn seconds(count: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(count).unwrap_or(i64::MAX))
}

fn rate(bytes: u64, over: SignedDuration) -> Option<u64> {
    let milliseconds = u64::try_from(over.as_millis()).ok().filter(|ms| *ms > 0)?;
    bytes.saturating_mul(1_000).checked_div(milliseconds)
}

impl Transfer {
    /// What it says in a line; `silent`: how long nothing has come.
    pub fn line(&self, silent: SignedDuration) -> String {
        let moved = match (self.percent, self.expected) {
            (Some(percent), Some(all)) => format!("{percent} % of {}", bytes(all)),
            _ => format!("{} moved", bytes(self.moved)),
        };
        if silent >= LEAST {
            let silent = silent.as_secs();
            return format!("{moved} · nothing has come for {silent} s");
        }
        let rate = self
            .rate
            .map_or_else(String::new, |rate| format!(" · {}/s", bytes(rate)));
        let left = match self.left {
            None => "not known yet".to_owned(),
            Some((least, most)) => {
                let (least, most) = (clock::words(least), clock::words(most));
                if least == most {
                    least
                } else {
                    format!("{least} to {most}")
                }
            }
        };
        format!("{moved} · left: {left}{rate}")
    }
}

/// Bytes as people read them.
pub fn bytes(count: u64) -> String {
    let kb = count / 1024;
    match kb {
        0 => format!("{count} B"),
        1..=9_999 => format!("{kb} KB"),
        10_000..=9_999_999 => format!("{} MB", kb / 1024),
        _ => format!("{} GB", kb / 1024 / 1024),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::state::fold;
    use serde_json::Value;

    /// A recorded run whose transfer took its time, with what the old server said of the sizes.
    fn journal() -> Vec<Record> {
        include_str!("../../tests/golden/runs/moving.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Every state of the transfer, with when it was.
    fn told(records: &[Record]) -> Vec<(Timestamp, Transfer)> {
        let (mut state, mut pace) = (State::default(), Pace::default());
        let mut told = Vec::new();
        for record in records {
            fold(&mut state, &record.event);
            pace.take(&state, record);
            if let (Some(transfer), Event::EffectProgress { .. }) = (pace.of(&state), &record.event)
            {
                told.push((record.at.parse().unwrap(), transfer));
            }
        }
        told
    }

    #[test]
    fn percent_grows_and_what_is_left_is_a_range_that_holds_the_truth_once_it_is_said() {
        let records = journal();
        let told = told(&records);
        assert!(told.len() > 5, "{}", told.len());
        let last = records.iter().rev().find(
            |r| matches!(&r.event, Event::EffectEnded { effect, .. } if effect.contains("/s0")),
        );
        let end: Timestamp = last.unwrap().at.parse().unwrap();
        let percents: Vec<u8> = told.iter().map(|(_, t)| t.percent.unwrap()).collect();
        assert!(
            percents.is_sorted() && percents.iter().all(|p| *p < 100),
            "{percents:?}"
        );
        let first = &told[0].1;
        assert_eq!(first.left, None, "nothing is measured yet");
        assert!(
            first
                .line(SignedDuration::ZERO)
                .contains("left: not known yet")
        );
        let said: Vec<_> = told
            .iter()
            .filter_map(|(at, t)| Some((at, t.left?)))
            .collect();
        assert!(said.len() > 2, "{told:?}");
        let true_ones = said.iter().filter(|(at, (least, most))| {
            let truth = end.duration_since(**at);
            let slack = SignedDuration::from_secs(1);
            *least <= truth + slack && truth <= *most + slack
        });
        let (good, all) = (true_ones.count(), said.len());
        assert!(good * 4 >= all * 3, "{good} of {all}: {said:?}");
    }

    #[test]
    fn without_sizes_no_percent_and_no_end_are_told() {
        let mut records = journal();
        for record in &mut records {
            let Event::StepBound { binding, .. } = &mut record.event else {
                continue;
            };
            for effect in &mut binding.effects {
                if let Value::Object(parameters) = &mut effect.parameters {
                    parameters.remove("expected");
                }
            }
        }
        let told = told(&records);
        assert!(
            told.iter()
                .all(|(_, t)| t.percent.is_none() && t.left.is_none())
        );
        let line = told.last().unwrap().1.line(SignedDuration::ZERO);
        assert!(
            line.contains(" moved · left: not known yet · ") && line.ends_with("/s"),
            "{line}"
        );
    }

    #[test]
    fn a_transfer_that_stands_still_says_so_and_promises_nothing() {
        let told = told(&journal());
        let line = told.last().unwrap().1.line(SignedDuration::from_secs(47));
        assert!(line.ends_with("nothing has come for 47 s"), "{line}");
    }

    #[test]
    fn bytes_are_said_as_people_read_them() {
        assert_eq!(bytes(12), "12 B");
        assert_eq!(bytes(1_781_760), "1740 KB");
    }
}
