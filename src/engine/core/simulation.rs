//! The core against a small fake world: ten thousand migrations, with crashes in each.
//!
//! The world moves messages as badly as the vendor's tools do: a session done twice doubles mail, one
//! cut off leaves a user half moved. Events that were not synced are lost in a crash. The invariants
//! are checked by the world, which does not look at the core's state. Planted bugs prove that it
//! would notice.

use super::{Ask, Core, Input, Order, fold};
use crate::engine::event::{
    Binding, EffectSpec, Event, Gate, Level, Outcome, Policy, StepHead, Undo,
};
use crate::engine::state::{Phase, State};
use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A bug planted in the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flaw(pub(super) &'static str);

const FLAWS: [&str; 7] = [
    "redo-without-settling",
    "settled-is-done",
    "typed-text-unchecked",
    "go-on-after-failure",
    "run-before-the-answer",
    "dispatch-while-paused",
    "undo-in-order",
];

const STEPS: [(&str, Level); 4] = [
    ("stop-old", Level::Destructive),
    ("move-mail", Level::Destructive),
    ("operator", Level::Note),
    ("start-new", Level::Change),
];

/// The level of a step's gate, or of that of its undo.
fn level_of(gate: &str) -> Level {
    match gate {
        "undo/move-mail" | "undo/start-new" => Level::Destructive,
        "undo/stop-old" => Level::Change,
        _ => STEPS
            .iter()
            .find(|s| s.0 == gate)
            .map_or(Level::Note, |s| s.1),
    }
}

/// The world, and what it holds against the core.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact of the fake world"
)]
struct World {
    random: ChaCha8Rng,
    old: Vec<u32>,
    new: Vec<u32>,
    stopped: bool,
    told: bool,
    started: bool,
    confirmed: BTreeSet<String>,
    paused: bool,
    broken: Vec<String>,
}

impl World {
    fn new(seed: u64) -> Self {
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
            broken: Vec::new(),
        }
    }

    fn bind(&mut self, step: &str, attempt: u32) -> Result<Binding, Vec<String>> {
        if self.random.random_ratio(1, 40) {
            return Err(vec!["the directory does not answer".to_owned()]);
        }
        let mut effects = Vec::new();
        let mut effect = |id: String, stage, by_operator, parameters| {
            effects.push(EffectSpec {
                id,
                action: "run".to_owned(),
                summary: String::new(),
                stage,
                by_operator,
                parameters,
            });
        };
        if step == "move-mail" {
            let users: Vec<usize> = (0..self.old.len())
                .filter(|u| self.new.get(*u) != self.old.get(*u))
                .collect();
            for (index, chunk) in users.chunks(2).enumerate() {
                let id = format!("{step}/1/{attempt}-{index}");
                effect(id, 1, false, json!({ "users": chunk, "wipe": attempt > 1 }));
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
    fn apply(&mut self, spec: &EffectSpec, cut: Option<u32>) -> Result<(), String> {
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

    fn settle(&self, spec: &EffectSpec) -> Result<bool, String> {
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
}

struct Run {
    core: Core,
    world: World,
    state: State,
    journal: Vec<Event>,
    synced: usize,
    orders: Vec<Order>,
    crashes: usize,
    /// How often the person may yet ask for the way back.
    undo_left: usize,
    created: Option<Event>,
}

impl Run {
    fn new(seed: u64, flaw: Option<Flaw>) -> Self {
        let world = World::new(seed);
        Self {
            core: Core { flaw },
            world,
            state: State::default(),
            journal: Vec::new(),
            synced: 0,
            orders: Vec::new(),
            crashes: 0,
            undo_left: 3,
            created: None,
        }
    }

    fn input(&mut self, input: Input) {
        let decision = self.core.decide(&self.state, input);
        let count = decision.events.len();
        let torn = self.crashes < 4 && count > 1 && self.world.random.random_ratio(1, 60);
        let keep = if torn {
            self.world.random.random_range(1..count)
        } else {
            count
        };
        for event in decision.events.into_iter().take(keep) {
            self.watch(&event);
            fold(&mut self.state, &event);
            self.journal.push(event);
        }
        if torn {
            // The engine dies between two lines of one decision: none of its orders was given.
            self.crashes += 1;
            return self.crash();
        }
        if !decision.orders.is_empty() {
            self.synced = self.journal.len();
        }
        self.orders.extend(decision.orders);
    }

    /// What the world learns from the events: confirmations and pauses, nothing else.
    fn watch(&mut self, event: &Event) {
        match event {
            Event::StepBound { step, .. } => {
                self.world.confirmed.remove(step);
            }
            Event::GateAnswered { gate, text, by } => {
                let typed = level_of(gate) >= Level::Destructive;
                if (!typed || text.as_deref() == Some("mail")) && by != "nobody" {
                    self.world.confirmed.insert(gate.clone());
                }
            }
            Event::Paused { .. } => self.world.paused = true,
            Event::Continued { .. } | Event::RunReopened { .. } | Event::UndoAsked { .. } => {
                self.world.paused = false;
            }
            Event::EffectIntended { effect, .. } => {
                let step = match effect.strip_prefix("undo/") {
                    Some(_) => effect.rsplit_once('/').map_or("", |(step, _)| step),
                    None => effect.split('/').next().unwrap_or(""),
                };
                if !self.world.confirmed.contains(step) {
                    self.world
                        .broken
                        .push(format!("{effect} was not confirmed"));
                }
                if self.world.paused && step != "operator" {
                    self.world
                        .broken
                        .push(format!("{effect} begun while paused"));
                }
            }
            _ => {}
        }
    }

    fn spec(&self, effect: &str) -> EffectSpec {
        self.state
            .effect(effect)
            .expect("an ordered effect is known")
            .spec
            .clone()
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Bind { step, attempt } => {
                let result = self.world.bind(&step, attempt);
                self.input(Input::Bound { step, result });
            }
            Order::Do { effect, text } => {
                let spec = self.spec(&effect);
                let refused = self.world.random.random_ratio(1, 12);
                let cut = refused.then(|| self.world.random.random_range(0..4));
                if text.as_deref() == Some("done") {
                    self.world.told = true;
                }
                let mut result = self.world.apply(&spec, cut);
                if effect.starts_with("operator") && !self.world.told {
                    result = Err("not done".to_owned());
                }
                if result.is_ok() && cut == Some(0) && !effect.starts_with("operator") {
                    result = Err("refused".to_owned());
                }
                let outcome = if result.is_ok() {
                    Outcome::Ok
                } else {
                    Outcome::Failed
                };
                let message = result.err().unwrap_or_default();
                self.input(Input::Ended {
                    effect,
                    outcome,
                    message,
                    detail: Value::Null,
                });
            }
            Order::Settle { effect } => {
                let result = self.world.settle(&self.spec(&effect));
                self.input(Input::Settled {
                    effect,
                    result,
                    message: String::new(),
                });
            }
            Order::Finish => {}
        }
    }

    /// The engine dies: unsynced events are lost, ordered effects are somewhere on their way.
    fn crash(&mut self) {
        for order in std::mem::take(&mut self.orders) {
            if let Order::Do { effect, text } = order {
                if text.as_deref() == Some("done") {
                    self.world.told = true;
                }
                let spec = self.spec(&effect);
                let cut = match self.world.random.random_range(0..3) {
                    0 => Some(0),
                    1 => Some(self.world.random.random_range(0..5)),
                    _ => None,
                };
                let _ = self.world.apply(&spec, cut);
            }
        }
        let keep = self
            .world
            .random
            .random_range(self.synced..=self.journal.len());
        self.journal.truncate(keep);
        self.synced = keep;
        self.state = State::default();
        self.world.confirmed.clear();
        self.world.paused = false;
        for event in self.journal.clone() {
            self.watch_quietly(&event);
            fold(&mut self.state, &event);
        }
        self.begin();
    }

    fn watch_quietly(&mut self, event: &Event) {
        let before = self.world.broken.len();
        self.watch(event);
        self.world.broken.truncate(before);
    }

    fn begin(&mut self) {
        // Asked for again by an engine that finds no first line.
        if self.state.phase == Phase::Empty
            && let Some(event) = self.created.clone()
        {
            self.input(Input::Create(Box::new(event)));
        }
        self.input(Input::Begin {
            pid: 1,
            version: String::new(),
            stop: false,
        });
    }

    /// A person does something, sometimes the wrong thing.
    fn person(&mut self) {
        let by = "admin".to_owned();
        let roll = self.world.random.random_range(0..20);
        if self.undo_left > 0 && self.world.random.random_ratio(1, 15) {
            self.undo_left -= 1;
            let steps = [None, Some("move-mail"), Some("stop-old"), Some("operator")];
            let to = steps[self.world.random.random_range(0..steps.len())].map(str::to_owned);
            let forward = self.state.undo.is_some() && self.world.random.random_bool(0.5);
            let ask = if forward {
                Ask::Forward
            } else {
                Ask::Undo { to }
            };
            return self.input(Input::Asked { ask, by });
        }
        let ask = match roll {
            0 => Some(Ask::Pause),
            1 => Some(Ask::Continue),
            2 if self.state.failed_step().is_some() => Some(Ask::Retry),
            _ if self.state.phase == Phase::Stopped => Some(Ask::Continue),
            4 => Some(Ask::Stop),
            _ => None,
        };
        if let Some(ask) = ask {
            self.input(Input::Asked { ask, by });
        } else if let Some(gate) = self.state.gate.clone() {
            let right = gate.typed.clone().or(Some("done".to_owned()));
            let wrong = Some("mial".to_owned());
            let text = if roll == 3 { wrong } else { right };
            let age_ms = if roll < 8 { 90_000 } else { 10 };
            self.input(Input::Answer {
                gate: gate.id,
                text,
                by,
                age_ms,
            });
        } else if self.state.failed_step().is_some() {
            self.input(Input::Asked {
                ask: Ask::Retry,
                by,
            });
        } else if self.state.paused {
            self.input(Input::Asked {
                ask: Ask::Continue,
                by,
            });
        }
    }

    fn play(mut self) -> Result<BTreeMap<&'static str, usize>, String> {
        let policy = Policy {
            yes: self.world.random.random_bool(0.5),
            practice: self.world.random.random_bool(0.5),
            ..Policy::default()
        };
        let steps = STEPS
            .iter()
            .map(|(id, level)| StepHead {
                id: (*id).to_owned(),
                guide: String::new(),
                title: String::new(),
                host: String::new(),
                level: *level,
                undo: match *id {
                    "operator" => Undo::Nothing,
                    id => Undo::Gate {
                        level: level_of(&format!("undo/{id}")),
                    },
                },
                undoes: None,
            })
            .collect();
        self.created = Some(Event::RunCreated {
            run: "1123-test".to_owned(),
            scenario: "simulation".to_owned(),
            label: "practice".to_owned(),
            lab: None,
            policy,
            steps,
            draft: String::new(),
            window: None,
        });
        self.begin();
        for _ in 0..2_000 {
            let over = matches!(self.state.phase, Phase::Done | Phase::Undone);
            if over || !self.world.broken.is_empty() {
                break;
            }
            let crash = self.crashes < 4 && self.world.random.random_ratio(1, 12);
            if crash {
                self.crashes += 1;
                self.crash();
            } else if self.orders.is_empty() || self.world.random.random_ratio(1, 10) {
                self.person();
            } else {
                let index = self.world.random.random_range(0..self.orders.len());
                let order = self.orders.remove(index);
                self.carry_out(order);
            }
        }
        self.verdict()
    }

    fn verdict(mut self) -> Result<BTreeMap<&'static str, usize>, String> {
        let world = &mut self.world;
        let over = matches!(self.state.phase, Phase::Done | Phase::Undone);
        if !over && world.broken.is_empty() {
            world.broken.push(format!(
                "neither ended nor waiting for anybody: {:?}",
                self.state
            ));
        }
        if self.state.phase == Phase::Done {
            for (user, (old, new)) in world.old.iter().zip(&world.new).enumerate() {
                match new.cmp(old) {
                    std::cmp::Ordering::Less => world.broken.push(format!("user {user} lost mail")),
                    std::cmp::Ordering::Greater => {
                        world.broken.push(format!("user {user} has mail twice"));
                    }
                    std::cmp::Ordering::Equal => {}
                }
            }
            if !(world.stopped && world.told && world.started) {
                world.broken.push("a step was passed over".to_owned());
            }
        }
        if self.state.phase == Phase::Undone
            && (world.stopped || world.started || world.new.iter().any(|n| *n > 0))
        {
            world
                .broken
                .push("not everything was taken back".to_owned());
        }
        if world.broken.is_empty() {
            let undone = usize::from(self.state.phase == Phase::Undone);
            Ok(BTreeMap::from([
                ("crashes", self.crashes),
                ("undone", undone),
            ]))
        } else {
            Err(world.broken.join("; "))
        }
    }
}

/// Plays seeds until one breaks an invariant.
fn first_broken(
    seeds: std::ops::Range<u64>,
    flaw: Option<Flaw>,
) -> Result<(usize, usize), (u64, String)> {
    let (mut crashes, mut undone) = (0, 0);
    for seed in seeds {
        match Run::new(seed, flaw).play() {
            Ok(counts) => {
                crashes += counts["crashes"];
                undone += counts["undone"];
            }
            Err(broken) => return Err((seed, broken)),
        }
    }
    Ok((crashes, undone))
}

#[test]
fn ten_thousand_migrations_with_crashes_break_no_invariant() {
    let halves = [0..5_000, 5_000..10_000]
        .map(|seeds| std::thread::spawn(move || first_broken(seeds, None)));
    let (mut crashes, mut undone) = (0, 0);
    for half in halves {
        match half.join().unwrap() {
            Ok(counts) => {
                crashes += counts.0;
                undone += counts.1;
            }
            Err((seed, broken)) => panic!("seed {seed}: {broken}"),
        }
    }
    assert!(
        crashes > 10_000,
        "only {crashes} crashes in 10,000 runs: the simulation is too tame"
    );
    assert!(
        undone > 500,
        "only {undone} of 10,000 runs were taken back: the simulation is too tame"
    );
}

#[test]
fn each_planted_bug_is_found() {
    for name in FLAWS {
        let found = first_broken(0..3_000, Some(Flaw(name)));
        let (seed, broken) = found.expect_err(&format!("`{name}` was not found in 3,000 runs"));
        println!("{name}: seed {seed}: {broken}");
    }
}
