//! From records to a report, in one pass.

use super::{
    Artifact, Attempt, Confirmation, EffectReport, Evidence, JournalReport, Report, Said,
    StepReport,
};
use crate::engine::event::{Event, Outcome, Record};
use crate::plan::Plan;
use serde_json::Value;

/// Builds the report of a run.
///
/// `plan` is the draft the run was created with, for titles and corrections; `head` is the hash of
/// the journal's last line.
pub fn build(
    records: &[Record],
    plan: Option<&Plan>,
    head: String,
    artifacts: Vec<Artifact>,
) -> Report {
    let mut report = Report {
        title: plan.map(|p| p.title.clone()).unwrap_or_default(),
        journal: JournalReport {
            events: records.last().map_or(0, |r| r.idx),
            head,
        },
        artifacts,
        ..Report::default()
    };
    for record in records {
        if report.began.is_empty() {
            report.began.clone_from(&record.at);
        }
        report.last.clone_from(&record.at);
        report.take(record);
    }
    for step in &mut report.steps {
        if let Some(planned) = plan.and_then(|p| p.step(&step.id)) {
            step.corrections.clone_from(&planned.corrections);
        }
    }
    report
}

impl Report {
    fn take(&mut self, record: &Record) {
        let at = &record.at;
        let said = |by: &str, what: String| Said {
            at: at.clone(),
            by: by.to_owned(),
            what,
        };
        match &record.event {
            Event::RunCreated {
                run,
                scenario,
                label,
                lab,
                steps,
                ..
            } => {
                self.run.clone_from(run);
                self.scenario.clone_from(scenario);
                self.label.clone_from(label);
                self.lab.clone_from(lab);
                self.steps = steps.iter().map(StepReport::pending).collect();
            }
            Event::EngineStarted { version, .. } => {
                self.engines += 1;
                self.version.clone_from(version);
            }
            Event::PolicySet { policy } => {
                let what = if policy.headless {
                    "nobody is there to answer gates from now on"
                } else {
                    "gates are answered by people from now on"
                };
                self.events.push(said("", what.to_owned()));
            }
            Event::Paused { by } => self.events.push(said(by, "paused".to_owned())),
            Event::Continued { by } => self.events.push(said(by, "went on".to_owned())),
            Event::CheckWaived { check, by, reason } => self
                .events
                .push(said(by, format!("waived the check {check}: {reason}"))),
            Event::StopAsked { by } => self.events.push(said(by, "asked to stop".to_owned())),
            Event::UndoAsked { by, to, steps } => {
                let how_far = match to {
                    None => "asked to take everything back".to_owned(),
                    Some(step) => format!("asked to take everything back from `{step}` on"),
                };
                self.events.push(said(by, how_far));
                for head in steps {
                    self.steps.retain(|s| s.id != head.id);
                    self.steps.push(StepReport::pending(head));
                }
            }
            Event::UndoLeft { by } => {
                let what = "gave up taking back; the run goes forward again".to_owned();
                self.events.push(said(by, what));
            }
            Event::AskRefused { by, ask, reason } => {
                let what = format!("asked for `{ask}`, which was refused: {reason}");
                self.events.push(said(by, what));
            }
            Event::Amended {
                by,
                amendment,
                before,
                ..
            } => self.events.push(said(
                by,
                format!("changed the plan: {amendment} (before: {before})"),
            )),
            Event::AmendmentLeft { by, amendment } => self.events.push(said(
                by,
                format!("left the plan as it was: not {amendment}"),
            )),
            Event::ControlLeft { by } => self.events.push(said(by, "gave up control".to_owned())),
            Event::ControlTaken { by } => self.events.push(said(by, "took control".to_owned())),
            Event::RunReopened { by } => {
                self.outcome = None;
                self.message.clear();
                self.events
                    .push(said(by, "took the run up again".to_owned()));
            }
            Event::RunEnded { outcome, message } => {
                self.outcome = Some(outcome.clone());
                self.message.clone_from(message);
            }
            Event::GateAnswered { gate, by, text } => {
                self.answered(record, gate, by, text.clone(), None);
            }
            Event::AnswerRefused { gate, by, reason } => {
                self.answered(record, gate, by, None, Some(reason.clone()));
            }
            Event::EffectIntended { effect, .. }
            | Event::EffectEnded { effect, .. }
            | Event::EffectInterrupted { effect }
            | Event::EffectSettled { effect, .. } => {
                if let Some(effect) = self.effect(effect) {
                    effect.take(record);
                }
            }
            Event::StepEntered { step, .. }
            | Event::StepBound { step, .. }
            | Event::StepBlocked { step, .. }
            | Event::RetryAsked { step, .. }
            | Event::SkipAsked { step, .. }
            | Event::StepEnded { step, .. } => {
                if let Some(step) = self.steps.iter_mut().find(|s| s.id == *step) {
                    step.take(record);
                }
            }
            Event::AmendmentAsked { .. }
            | Event::GateOpened { .. }
            | Event::AnswerReceived { .. }
            | Event::EffectProgress { .. } => {}
        }
    }

    fn effect(&mut self, id: &str) -> Option<&mut EffectReport> {
        let mut effects = self.steps.iter_mut().flat_map(|s| &mut s.effects);
        effects.find(|e| e.id == id)
    }

    /// An answer at a step's gate, or at the gate of something the operator does.
    fn answered(
        &mut self,
        record: &Record,
        gate: &str,
        by: &str,
        text: Option<String>,
        refused: Option<String>,
    ) {
        let id = gate.split('/').next().unwrap_or(gate);
        if let Some(step) = self.steps.iter_mut().find(|s| s.id == id) {
            step.confirmations.push(Confirmation {
                gate: gate.to_owned(),
                at: record.at.clone(),
                by: by.to_owned(),
                text: text.clone(),
                refused: refused.clone(),
            });
        }
        let evidence = self.effect(gate).is_some_and(|e| e.detail_is_evidence());
        if let (Some(text), None, true) = (text, refused, evidence) {
            self.evidence.push(Evidence {
                step: id.to_owned(),
                at: record.at.clone(),
                by: by.to_owned(),
                text,
            });
        }
    }
}

impl StepReport {
    fn pending(head: &crate::engine::event::StepHead) -> Self {
        Self {
            id: head.id.clone(),
            guide: head.guide.clone(),
            title: head.title.clone(),
            host: head.host.clone(),
            level: head.level,
            outcome: None,
            message: String::new(),
            began: None,
            ended: None,
            attempts: 0,
            facts: Value::Null,
            digest: String::new(),
            confirmations: Vec::new(),
            warnings: Vec::new(),
            blocked: Vec::new(),
            requests: Vec::new(),
            effects: Vec::new(),
            corrections: Vec::new(),
        }
    }

    fn take(&mut self, record: &Record) {
        let said = |by: &str, what: String| Said {
            at: record.at.clone(),
            by: by.to_owned(),
            what,
        };
        match &record.event {
            Event::StepEntered { attempt, .. } => {
                self.attempts = *attempt;
                self.outcome = None;
                self.ended = None;
                self.began.get_or_insert_with(|| record.at.clone());
            }
            Event::StepBound { binding, .. } => {
                self.facts = binding.facts.clone();
                self.digest.clone_from(&binding.digest);
                let lines = binding.gate.lines.iter();
                let worth = |l: &&String| l.starts_with("Warning: ") || l.starts_with("Odd: ");
                self.warnings = lines.filter(worth).cloned().collect();
                let mut before = std::mem::take(&mut self.effects);
                // What an earlier attempt has done counts where this one does not do it again.
                for spec in &binding.effects {
                    let mut effect = EffectReport::ready(spec);
                    if let Some(at) = before.iter().position(|e| e.id == spec.id) {
                        effect.keep(before.remove(at));
                    }
                    self.effects.push(effect);
                }
                before.retain(|e| e.attempts > 0);
                self.effects.extend(before);
            }
            Event::StepBlocked { reasons, .. } => {
                self.blocked.push(said("", reasons.join("; ")));
            }
            Event::RetryAsked { by, .. } => self.requests.push(said(by, "retry".to_owned())),
            Event::SkipAsked { by, reason, .. } => {
                self.requests.push(said(by, format!("skip: {reason}")));
                self.outcome = Some(Outcome::Skipped);
                self.message.clone_from(reason);
            }
            Event::StepEnded {
                outcome, message, ..
            } => {
                self.outcome = Some(*outcome);
                self.message.clone_from(message);
                self.ended = Some(record.at.clone());
            }
            _ => {}
        }
    }
}

impl EffectReport {
    fn ready(spec: &crate::engine::event::EffectSpec) -> Self {
        let shown = spec.parameters.get("shown").and_then(Value::as_array);
        let commands = shown.into_iter().flatten().filter_map(Value::as_str);
        let evidence = spec.parameters.get("evidence") == Some(&Value::Bool(true));
        Self {
            id: spec.id.clone(),
            action: spec.action.clone(),
            summary: spec.summary.clone(),
            commands: commands.map(str::to_owned).collect(),
            outcome: None,
            message: String::new(),
            began: None,
            ended: None,
            attempts: 0,
            settled: None,
            earlier: Vec::new(),
            detail: if evidence {
                serde_json::json!({ "evidence": null })
            } else {
                Value::Null
            },
        }
    }

    /// Takes over what an earlier attempt at the same effect has done.
    fn keep(&mut self, before: Self) {
        *self = Self {
            action: std::mem::take(&mut self.action),
            summary: std::mem::take(&mut self.summary),
            commands: std::mem::take(&mut self.commands),
            ..before
        };
    }

    fn detail_is_evidence(&self) -> bool {
        self.detail.get("evidence").is_some()
    }

    fn take(&mut self, record: &Record) {
        match &record.event {
            Event::EffectIntended { attempt, .. } => {
                if self.outcome.is_some() {
                    let detail = std::mem::take(&mut self.detail);
                    self.earlier.push(Attempt {
                        began: self.began.take(),
                        ended: self.ended.take(),
                        outcome: self.outcome,
                        message: std::mem::take(&mut self.message),
                        detail,
                    });
                }
                self.attempts = *attempt;
                self.began = Some(record.at.clone());
                self.ended = None;
                self.outcome = None;
            }
            Event::EffectEnded {
                outcome,
                message,
                detail,
                ..
            } => {
                self.outcome = Some(*outcome);
                self.message.clone_from(message);
                self.ended = Some(record.at.clone());
                if !detail.is_null() {
                    self.detail = detail.clone();
                }
            }
            Event::EffectInterrupted { .. } => {
                self.settled = Some("its engine died; its end was looked up".to_owned());
            }
            Event::EffectSettled { done, message, .. } => {
                let what = if *done {
                    "found done"
                } else {
                    "found not done"
                };
                self.settled = Some(format!("its engine died; it was {what}: {message}"));
                if *done {
                    self.outcome = Some(Outcome::Ok);
                    self.ended = Some(record.at.clone());
                }
            }
            _ => {}
        }
    }
}
