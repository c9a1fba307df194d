//! The fake world of the simulation: mail that can be lost or doubled, and what it holds against the
//! core. It learns from events and orders only.

use crate::engine::event::{Amendment, Amendments, Binding, EffectSpec, Event, Gate, Level};
use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) const STEPS: [(&str, Level); 4] = [
    ("stop-old", Level::Destructive),
    ("move-mail", Level::Destructive),
    ("operator", Level::Note),
    ("start-new", Level::Change),
];

/// The level of a step's gate, or of that of its undo.
pub(super) fn level_of(gate: &str) -> Level {
    match gate {
        "undo/move-mail" | "undo/start-new" => Level::Destructive,
        "undo/stop-old" => Level::Change,
        _ => STEPS
            .iter()
            .find(|s| s.0 == gate)
            .map_or(Level::Note, |s| s.1),
    }
}

/// The step of an effect.
pub(super) fn step_of(effect: &str) -> &str {
    match effect.strip_prefix("undo/") {
        Some(_) => effect.rsplit_once('/').map_or("", |(step, _)| step),
        None => effect.split('/').next().unwrap_or(""),
    }
}

/// The world, and what it holds against the core.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact of the fake world"
)]
pub(super) struct World {
    pub(super) random: ChaCha8Rng,
    pub(super) old: Vec<u32>,
    pub(super) new: Vec<u32>,
    pub(super) stopped: bool,
    pub(super) told: bool,
    pub(super) started: bool,
    pub(super) confirmed: BTreeSet<String>,
    pub(super) paused: bool,
    /// The sessions that were confirmed last; none: two users each.
    pub(super) sessions: Option<u16>,
    pub(super) by_hand: BTreeSet<String>,
    /// Begun and not ended, as the journal has it.
    pub(super) in_flight: BTreeSet<String>,
    pub(super) control: Option<String>,
    /// Who gave an answer that waits for facts.
    held: Option<String>,
    pub(super) broken: Vec<String>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let users = random.random_range(1..9);
        let old: Vec<u32> = (0..users).map(|_| random.random_range(0..6)).collect();
        let new = vec![0; old.len()];
        Self {
            random,
            old,
            new,
            stopped: false,
            told: false,
            started: false,
            confirmed: BTreeSet::new(),
            paused: false,
            sessions: None,
            by_hand: BTreeSet::new(),
            in_flight: BTreeSet::new(),
            control: None,
            held: None,
            broken: Vec::new(),
        }
    }

    pub(super) fn bind(
        &mut self,
        step: &str,
        attempt: u32,
        amendments: &Amendments,
    ) -> Result<Binding, Vec<String>> {
        if self.random.random_ratio(1, 40) {
            return Err(vec!["the directory does not answer".to_owned()]);
        }
        let by_hand = amendments.by_hand.contains(step);
        let mut effects = Vec::new();
        let mut effect = |id: String, stage, by_operator, parameters| {
            effects.push(EffectSpec {
                id,
                action: "run".to_owned(),
                summary: String::new(),
                stage,
                by_operator: by_operator || by_hand,
                parameters,
            });
        };
        if step == "move-mail" {
            let users: Vec<usize> = (0..self.old.len())
                .filter(|u| self.new.get(*u) != self.old.get(*u))
                .collect();
            let sessions = amendments.sessions.map(usize::from);
            let size = sessions.map_or(2, |n| users.len().div_ceil(n).max(1));
            for (index, chunk) in users.chunks(size).enumerate() {
                let id = format!("{step}/1/{attempt}-{index}");
                let sessions = amendments.sessions;
                let what = json!({ "users": chunk, "wipe": attempt > 1, "sessions": sessions });
                effect(id, 1, false, what);
            }
        } else if let Some(undone) = step.strip_prefix("undo/") {
            let users: Vec<usize> = (0..self.old.len()).collect();
            let parameters = json!({ "undoes": undone, "users": users });
            effect(format!("{step}/1"), 0, false, parameters);
        } else {
            effect(
                format!("{step}/1"),
                0,
                step == "operator",
                json!({ "text": ["do it"] }),
            );
        }
        let level = level_of(step);
        let typed = (level >= Level::Destructive).then(|| "mail".to_owned());
        let gate = Gate {
            id: step.to_owned(),
            level,
            typed,
            lines: Vec::new(),
        };
        Ok(Binding {
            applies: true,
            reason: String::new(),
            facts: Value::Null,
            digest: format!("{effects:?}"),
            effects,
            parallel: 3,
            gate,
        })
    }

    /// Takes a step back; `cut` as in [`World::apply`].
    fn take_back(&mut self, spec: &EffectSpec, cut: Option<u32>) -> Result<(), String> {
        match spec.parameters["undoes"].as_str().unwrap_or("") {
            "stop-old" => {
                if self.new.iter().any(|n| *n > 0) {
                    self.broken
                        .push("the old server came up beside moved mail".to_owned());
                }
                self.stopped &= cut == Some(0);
            }
            "start-new" => self.started &= cut == Some(0),
            "move-mail" => {
                if self.started {
                    self.broken
                        .push("mail was removed from a server in use".to_owned());
                }
                if !self.stopped {
                    self.broken.push("the old server is up already".to_owned());
                }
                let most = cut.map_or(usize::MAX, |c| usize::try_from(c).unwrap_or(0));
                if cut.is_some() {
                    self.new.iter_mut().take(most).for_each(|n| *n = 0);
                    return Err("cut".to_owned());
                }
                self.new.fill(0);
            }
            _ => {}
        }
        Ok(())
    }

    /// Does an effect; `cut` ends it after so many messages, as a crash or a refusal would.
    pub(super) fn apply(&mut self, spec: &EffectSpec, cut: Option<u32>) -> Result<(), String> {
        let step = spec.id.split('/').next().unwrap_or("");
        match step {
            "undo" => return self.take_back(spec, cut),
            "stop-old" => self.stopped |= cut != Some(0),
            "start-new" => self.started |= cut != Some(0),
            "operator" => {}
            _ => {
                if !self.stopped {
                    self.broken
                        .push("mail moved while the old server runs".to_owned());
                }
                let wipe = spec.parameters["wipe"] == Value::Bool(true);
                let mut left = cut.unwrap_or(u32::MAX);
                for user in spec.parameters["users"].as_array().into_iter().flatten() {
                    let user = usize::try_from(user.as_u64().unwrap_or(0)).unwrap_or(0);
                    if left == 0 {
                        return Err("cut".to_owned());
                    }
                    if wipe {
                        self.new[user] = 0;
                    }
                    for _ in 0..self.old[user] {
                        if left == 0 {
                            return Err("cut".to_owned());
                        }
                        left -= 1;
                        self.new[user] += 1;
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn settle(&self, spec: &EffectSpec) -> Result<bool, String> {
        match spec.id.split('/').next().unwrap_or("") {
            "stop-old" => Ok(self.stopped),
            "start-new" => Ok(self.started),
            "operator" => Ok(self.told),
            "undo" => Ok(match spec.parameters["undoes"].as_str().unwrap_or("") {
                "stop-old" => !self.stopped,
                "start-new" => !self.started,
                "move-mail" => self.new.iter().all(|n| *n == 0),
                _ => true,
            }),
            _ => {
                let users: Vec<usize> = spec.parameters["users"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|u| usize::try_from(u.as_u64().unwrap_or(0)).unwrap_or(0))
                    .collect();
                if users.iter().all(|u| self.new[*u] == self.old[*u]) {
                    Ok(true)
                } else if users.iter().all(|u| self.new[*u] == 0) {
                    Ok(false)
                } else {
                    Err("half moved".to_owned())
                }
            }
        }
    }

    /// What the world learns from the events: confirmations, pauses, changes, control; nothing else.
    pub(super) fn watch(&mut self, event: &Event) {
        match event {
            Event::StepBound { step, .. } => {
                self.confirmed.remove(step);
            }
            Event::GateAnswered { gate, text, by } => {
                let typed = level_of(gate) >= Level::Destructive;
                if (!typed || text.as_deref() == Some("mail")) && by != "nobody" {
                    self.confirmed.insert(gate.clone());
                }
                if self.held.take().as_ref() != Some(by) {
                    self.answered(gate, by);
                }
            }
            Event::Paused { .. } => self.paused = true,
            Event::Continued { .. } | Event::RunReopened { .. } | Event::UndoAsked { .. } => {
                self.paused = false;
            }
            Event::EffectIntended { effect, .. } => {
                let step = step_of(effect);
                self.in_flight.insert(effect.clone());
                if !self.confirmed.contains(step) {
                    self.broken.push(format!("{effect} was not confirmed"));
                }
                // Somebody who answers while it is paused has done the work before.
                let by_hand = step == "operator" || self.by_hand.contains(step);
                if self.paused && !by_hand {
                    self.broken.push(format!("{effect} begun while paused"));
                }
            }
            Event::AnswerReceived { gate, by, .. } => {
                self.answered(gate, by);
                self.held = Some(by.clone());
            }
            Event::EffectEnded { effect, .. } | Event::EffectSettled { effect, .. } => {
                self.in_flight.remove(effect);
            }
            Event::ControlTaken { by } => self.control = Some(by.clone()),
            Event::ControlLeft { .. } | Event::EngineStarted { .. } => self.control = None,
            Event::Amended { amendment, .. } => self.amended(amendment),
            _ => {}
        }
    }

    fn answered(&mut self, gate: &str, by: &str) {
        let person = ["admin", "guest"].contains(&by);
        if person && self.control.as_ref().is_some_and(|holder| holder != by) {
            self.broken
                .push(format!("{gate}: {by} answered without control"));
        }
    }

    fn amended(&mut self, amendment: &Amendment) {
        let step = match amendment {
            Amendment::Sessions { sessions } => {
                self.sessions = Some(*sessions);
                "move-mail"
            }
            Amendment::ByHand { step, by_hand } => {
                if *by_hand {
                    self.by_hand.insert(step.clone());
                } else {
                    self.by_hand.remove(step);
                }
                step
            }
        };
        if !self.confirmed.remove(&amendment.gate()) {
            self.broken.push(format!("{amendment} was not confirmed"));
        }
        if self.in_flight.iter().any(|e| step_of(e) == step) {
            self.broken
                .push(format!("{amendment} while {step} was under way"));
        }
        self.confirmed.remove(step);
    }

    /// What is begun is as it was confirmed last.
    pub(super) fn as_amended(&mut self, spec: &EffectSpec) {
        let step = step_of(&spec.id);
        if step == "move-mail" && spec.parameters["sessions"] != json!(self.sessions) {
            self.broken.push(format!(
                "{} is not one of {:?} sessions",
                spec.id, self.sessions
            ));
        }
        if spec.by_operator != (step == "operator" || self.by_hand.contains(step)) {
            self.broken
                .push(format!("{} is done by the wrong one", spec.id));
        }
    }
}
