//! The core against a small fake world: ten thousand migrations, with crashes in each.
//!
//! The world moves messages as badly as the vendor's tools do: a session done twice doubles mail, one
//! cut off leaves a user half moved. Events that were not synced are lost in a crash. The invariants
//! are checked by the world, which does not look at the core's state. Planted bugs prove that it
//! would notice.

use super::{Ask, Core, Input, Order, fold};
use crate::engine::event::{Amendment, EffectSpec, Event, Outcome, Policy, StepHead, Undo};
use crate::engine::state::{Phase, State};
use rand::RngExt as _;
use serde_json::Value;
use std::collections::BTreeMap;
use world::{STEPS, World, level_of, step_of};

mod world;

/// A bug planted in the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flaw(pub(super) &'static str);

const FLAWS: [&str; 10] = [
    "redo-without-settling",
    "settled-is-done",
    "typed-text-unchecked",
    "go-on-after-failure",
    "run-before-the-answer",
    "dispatch-while-paused",
    "undo-in-order",
    "bound-before-a-change",
    "change-what-is-under-way",
    "control-unchecked",
];

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
            self.world.watch(&event);
            fold(&mut self.state, &event);
            if let Event::EffectIntended { effect, .. } = &event {
                let spec = self.spec(effect);
                self.world.as_amended(&spec);
            }
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
                // Facts take their time: the run may be changed meanwhile.
                let amendments = self.state.amendments.clone();
                let revision = amendments.revision;
                let result = self.world.bind(&step, attempt, &amendments);
                if self.world.random.random_ratio(1, 4) {
                    self.change();
                }
                self.input(Input::Bound {
                    step,
                    revision,
                    result,
                });
            }
            Order::Do { effect, text } => {
                let spec = self.spec(&effect);
                if spec.by_operator && step_of(&effect) != "operator" {
                    return self.by_hand(effect, &spec);
                }
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

    /// The operator says that they have done it; the world is looked at.
    fn by_hand(&mut self, effect: String, spec: &EffectSpec) {
        let done = self.world.settle(spec) == Ok(true);
        let (outcome, message) = if done {
            (Outcome::Ok, String::new())
        } else {
            (Outcome::Failed, "it is said to be done".to_owned())
        };
        self.input(Input::Ended {
            effect,
            outcome,
            message,
            detail: Value::Null,
        });
    }

    /// Somebody changes how the run goes on, or answers to what another one wants to change.
    fn change(&mut self) {
        let by = self.somebody();
        if let Some(gate) = self.state.amending.as_ref().map(|a| a.amendment.gate()) {
            let text = self
                .world
                .random
                .random_ratio(1, 4)
                .then(|| "no".to_owned());
            return self.input(Input::Answer {
                gate,
                text,
                by,
                age_ms: 0,
            });
        }
        let amendment = if self.world.random.random_bool(0.5) {
            Amendment::Sessions {
                sessions: self.world.random.random_range(0..6),
            }
        } else {
            let (step, _) = STEPS[self.world.random.random_range(0..STEPS.len())];
            Amendment::ByHand {
                step: step.to_owned(),
                by_hand: self.world.random.random_bool(0.6),
            }
        };
        let confirmed = self.state.phase != Phase::Running;
        let ask = Ask::Amend {
            amendment,
            confirmed,
        };
        self.input(Input::Asked { ask, by });
    }

    /// One of two people.
    fn somebody(&mut self) -> String {
        let other = self.world.random.random_ratio(1, 4);
        if other { "guest" } else { "admin" }.to_owned()
    }

    /// The engine dies: unsynced events are lost, ordered effects are somewhere on their way.
    fn crash(&mut self) {
        for order in std::mem::take(&mut self.orders) {
            if let Order::Do { effect, text } = order {
                if text.as_deref() == Some("done") {
                    self.world.told = true;
                }
                let spec = self.spec(&effect);
                if spec.by_operator {
                    continue;
                }
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
        self.world.sessions = None;
        self.world.by_hand.clear();
        self.world.in_flight.clear();
        self.world.control = None;
        for event in self.journal.clone() {
            self.watch_quietly(&event);
            fold(&mut self.state, &event);
        }
        self.begin();
    }

    fn watch_quietly(&mut self, event: &Event) {
        let before = self.world.broken.len();
        self.world.watch(event);
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
        let by = self.somebody();
        match self.world.random.random_range(0..40) {
            0 => {
                let ask = Ask::Control;
                return self.input(Input::Asked { ask, by });
            }
            1 => {
                let ask = Ask::Claim;
                return self.input(Input::Asked { ask, by });
            }
            2 | 3 => return self.input(Input::Left { by }),
            4..8 => return self.change(),
            _ => {}
        }
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
            self.works(&gate.id);
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

    /// The operator does what they are asked to, if they are honest, and not twice.
    fn works(&mut self, gate: &str) {
        let Some(spec) = self.state.effect(gate).map(|e| e.spec.clone()) else {
            return;
        };
        let asked = spec.by_operator && step_of(gate) != "operator";
        let honest = self.world.random.random_ratio(3, 4);
        // What a person acts upon is on the disk before it is shown.
        self.synced = self.journal.len();
        if asked && honest && self.world.settle(&spec) != Ok(true) {
            let _ = self.world.apply(&spec, None);
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
                in_sessions: *id == "move-mail",
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
            sessions: 0,
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
            let amended = usize::try_from(self.state.amendments.revision).unwrap_or(0);
            Ok(BTreeMap::from([
                ("crashes", self.crashes),
                ("undone", undone),
                ("amended", amended),
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
) -> Result<BTreeMap<&'static str, usize>, (u64, String)> {
    let mut all = BTreeMap::new();
    for seed in seeds {
        match Run::new(seed, flaw).play() {
            Ok(counts) => add(&mut all, counts),
            Err(broken) => return Err((seed, broken)),
        }
    }
    Ok(all)
}

fn add(all: &mut BTreeMap<&'static str, usize>, counts: BTreeMap<&'static str, usize>) {
    for (what, count) in counts {
        *all.entry(what).or_insert(0) += count;
    }
}

#[test]
fn ten_thousand_migrations_with_crashes_break_no_invariant() {
    let halves = [0..5_000, 5_000..10_000]
        .map(|seeds| std::thread::spawn(move || first_broken(seeds, None)));
    let mut all = BTreeMap::new();
    for half in halves {
        match half.join().unwrap() {
            Ok(counts) => add(&mut all, counts),
            Err((seed, broken)) => panic!("seed {seed}: {broken}"),
        }
    }
    println!("{all:?}");
    for (what, least) in [("crashes", 10_000), ("undone", 500), ("amended", 2_000)] {
        let count = all[what];
        assert!(
            count > least,
            "only {count} {what} in 10,000 runs: the simulation is too tame"
        );
    }
}

#[test]
fn each_planted_bug_is_found() {
    for name in FLAWS {
        let found = first_broken(0..3_000, Some(Flaw(name)));
        let (seed, broken) = found.expect_err(&format!("`{name}` was not found in 3,000 runs"));
        println!("{name}: seed {seed}: {broken}");
    }
}
