//! The shell around the core: journals what the core decides, then carries its orders out.
//!
//! One task owns state and journal. Orders run as tasks of their own and come back as inputs.
//! An effect is begun only after its intent is on disk. If the journal cannot be written, the run
//! stops.

use super::core::{Core, Input, Order, fold};
use super::event::{Binding, EffectSpec, Event, Outcome};
use super::journal::{Journal, JournalError};
use super::state::{Phase, State};
use crate::base::crash;
use crate::plan::effect::EffectEnd;
use serde_json::Value;
use std::future::Future;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How long an engine stays that has nothing to do.
const NOBODY_ASKED: Duration = Duration::from_secs(60);

/// Tells how far an effect is. Cheap to clone; old news is dropped, never waited for.
#[derive(Clone, Debug)]
pub struct Progress {
    effect: String,
    inputs: mpsc::Sender<Input>,
}

impl Progress {
    /// Says how far the effect is.
    pub fn tell(&self, bytes: u64, message: &str) {
        let news = Input::Progress {
            effect: self.effect.clone(),
            bytes,
            message: message.to_owned(),
        };
        // A full channel means that the journal is busy: the next news will say more.
        let _ = self.inputs.try_send(news);
    }
}

/// The work the shell has done for it: binding, doing, settling.
pub trait Work: Send + Sync + 'static {
    /// Looks a step's facts up and says what it will do, or why it cannot.
    fn bind(
        &self,
        step: &str,
        attempt: u32,
        state: &State,
    ) -> impl Future<Output = Result<Binding, Vec<String>>> + Send;

    /// Does an effect.
    fn apply(
        &self,
        effect: &EffectSpec,
        attempt: u32,
        text: Option<String>,
        progress: Progress,
    ) -> impl Future<Output = EffectEnd> + Send;

    /// Finds out what became of an effect that a dead engine had begun: done, not done (safe to do
    /// again), or neither.
    fn settle(
        &self,
        effect: &EffectSpec,
        attempt: u32,
    ) -> impl Future<Output = (Result<bool, String>, String)> + Send;

    /// The operator wants the run to stop: what only waits gives up.
    fn stop(&self);

    /// A check is not to hold the run up when it cannot be told.
    fn waive(&self, check: &str, reason: &str);
}

/// The lines of the journal, for any number of watchers.
#[derive(Clone, Debug)]
pub struct Lines {
    lines: Arc<RwLock<Vec<Arc<str>>>>,
    count: watch::Receiver<usize>,
}

impl Lines {
    /// Returns the lines from `from` (0-based) on, at most `most`.
    pub fn from(&self, from: usize, most: usize) -> Vec<Arc<str>> {
        let lines = self
            .lines
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        lines.iter().skip(from).take(most).cloned().collect()
    }

    /// Waits until there are more than `have` lines; `false` when there will never be.
    pub async fn more_than(&mut self, have: usize) -> bool {
        self.count.wait_for(|count| *count > have).await.is_ok()
    }
}

/// The shell.
pub struct Shell<W> {
    core: Core,
    state: State,
    journal: Journal,
    work: Arc<W>,
    lines: Arc<RwLock<Vec<Arc<str>>>>,
    count: watch::Sender<usize>,
    inputs: mpsc::Sender<Input>,
    inbox: mpsc::Receiver<Input>,
    tasks: JoinSet<()>,
    /// When the facts of the open gate were looked up, by this process.
    bound_at: Option<Instant>,
    finished: bool,
}

impl<W: Work> Shell<W> {
    /// Takes a run up: `lines` are those already in the journal.
    pub fn new(journal: Journal, state: State, lines: Vec<String>, work: W) -> Self {
        let (inputs, inbox) = mpsc::channel(1_024);
        let (count, _) = watch::channel(lines.len());
        let lines = lines.into_iter().map(Arc::from).collect();
        Self {
            core: Core::default(),
            state,
            journal,
            work: Arc::new(work),
            lines: Arc::new(RwLock::new(lines)),
            count,
            inputs,
            inbox,
            tasks: JoinSet::new(),
            bound_at: None,
            finished: false,
        }
    }

    /// Where inputs go; for clients.
    pub fn inputs(&self) -> mpsc::Sender<Input> {
        self.inputs.clone()
    }

    /// What watchers read.
    pub fn lines(&self) -> Lines {
        Lines {
            lines: self.lines.clone(),
            count: self.count.subscribe(),
        }
    }

    /// Works until the core says that the process may end; returns the last state.
    ///
    /// # Errors
    /// When the journal cannot be written; nothing new has been begun then.
    pub async fn run(mut self, first: Vec<Input>) -> Result<State, JournalError> {
        for (check, waiver) in &self.state.waivers {
            self.work.waive(check, &waiver.reason);
        }
        for input in first {
            self.step(input)?;
        }
        let began = Instant::now();
        let mut flush = tokio::time::interval(Duration::from_millis(200));
        while !self.finished {
            tokio::select! {
                input = self.inbox.recv() => match input {
                    Some(input) => self.step(input)?,
                    None => break,
                },
                _ = flush.tick() => {
                    self.journal.sync()?;
                    // Started to take a run up that is over, and nobody has asked it to.
                    let over = self.state.phase != Phase::Running && self.tasks.is_empty();
                    if over && began.elapsed() > NOBODY_ASKED {
                        break;
                    }
                }
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    if let Err(error) = ended && error.is_panic() {
                        tracing::error!("a task panicked: {error}");
                    }
                }
            }
        }
        self.journal.sync()?;
        Ok(self.state)
    }

    fn step(&mut self, input: Input) -> Result<(), JournalError> {
        let input = self.with_age(input);
        let decision = self.core.decide(&self.state, input);
        let urgent = !decision.orders.is_empty()
            || decision
                .events
                .iter()
                .any(|e| !matches!(e, Event::EffectProgress { .. }));
        for event in decision.events {
            fold(&mut self.state, &event);
            match &event {
                Event::StepBound { .. } => self.bound_at = Some(Instant::now()),
                Event::StopAsked { .. } => self.work.stop(),
                Event::CheckWaived { check, reason, .. } => self.work.waive(check, reason),
                _ => {}
            }
            let (_, line) = self.journal.append(event)?;
            let mut lines = self
                .lines
                .write()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            lines.push(Arc::from(line));
        }
        if urgent {
            self.journal.sync()?;
        }
        let count = self
            .lines
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .len();
        self.count.send_replace(count);
        for order in decision.orders {
            self.carry_out(order);
        }
        Ok(())
    }

    /// Puts the real age of the gate's facts into an answer; after a restart they count as old.
    fn with_age(&self, input: Input) -> Input {
        match input {
            Input::Answer { gate, text, by, .. } => {
                let age = self.bound_at.map_or(Duration::MAX, |at| at.elapsed());
                let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
                Input::Answer {
                    gate,
                    text,
                    by,
                    age_ms,
                }
            }
            other => other,
        }
    }

    fn carry_out(&mut self, order: Order) {
        let inputs = self.inputs.clone();
        let work = self.work.clone();
        match order {
            Order::Bind { step, attempt } => {
                let state = self.state.clone();
                let revision = state.amendments.revision;
                self.tasks.spawn(async move {
                    crash::before("bind", &step);
                    let wanted = step.clone();
                    let guarded =
                        tokio::spawn(async move { work.bind(&wanted, attempt, &state).await });
                    let result = guarded
                        .await
                        .unwrap_or_else(|error| Err(vec![internal(&error)]));
                    crash::after("bind", &step);
                    let bound = Input::Bound {
                        step,
                        revision,
                        result,
                    };
                    let _ = inputs.send(bound).await;
                });
            }
            Order::Do { effect, text } => {
                let Some(known) = self.state.effect(&effect) else {
                    return;
                };
                let (spec, attempt) = (known.spec.clone(), known.attempt);
                let progress = Progress {
                    effect: effect.clone(),
                    inputs: inputs.clone(),
                };
                self.tasks.spawn(async move {
                    crash::before("effect", &effect);
                    let guarded =
                        tokio::spawn(
                            async move { work.apply(&spec, attempt, text, progress).await },
                        );
                    let end = guarded.await.unwrap_or_else(|error| EffectEnd {
                        outcome: Outcome::Failed,
                        message: internal(&error),
                        detail: Value::Null,
                    });
                    crash::after("effect", &effect);
                    let EffectEnd {
                        outcome,
                        message,
                        detail,
                    } = end;
                    let _ = inputs
                        .send(Input::Ended {
                            effect,
                            outcome,
                            message,
                            detail,
                        })
                        .await;
                });
            }
            Order::Settle { effect } => {
                let Some(known) = self.state.effect(&effect) else {
                    return;
                };
                let (spec, attempt) = (known.spec.clone(), known.attempt);
                self.tasks.spawn(async move {
                    crash::before("settle", &effect);
                    let guarded = tokio::spawn(async move { work.settle(&spec, attempt).await });
                    let (result, message) = guarded
                        .await
                        .unwrap_or_else(|error| (Err(internal(&error)), String::new()));
                    crash::after("settle", &effect);
                    let _ = inputs
                        .send(Input::Settled {
                            effect,
                            result,
                            message,
                        })
                        .await;
                });
            }
            Order::Finish => self.finished = true,
        }
    }
}

/// What is said of a task that panicked: the run stands at it and can be retried.
fn internal(error: &tokio::task::JoinError) -> String {
    format!("an internal error stopped this: {error}")
}
