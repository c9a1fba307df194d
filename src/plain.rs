//! The wizard line by line: what a person reads without a screen.
//!
//! Pure: events and state in, lines out. It asks nothing and writes nothing; `cli::follow` does.
//! Every line fits 80 columns and is understandable without colour.

pub mod clock;
pub mod pace;

use crate::base::display_safe;
use crate::engine::event::{Event, Gate, Level, Outcome};
use crate::engine::state::{EffectState, EffectStatus, State, StepState, StepStatus};
use textwrap::Options;

/// The widest line written.
const WIDTH: usize = 79;

/// What happened, as lines; `state` is the state after it. Empty for what need not be told.
pub fn event_lines(state: &State, event: &Event) -> Vec<String> {
    match event {
        Event::RunCreated {
            run,
            scenario,
            label,
            steps,
            ..
        } => {
            let label = label.to_uppercase();
            let count = steps.len();
            vec![
                format!("{label} · run {run} · {scenario} · {count} steps"),
                String::new(),
            ]
        }
        Event::StepEntered { step, attempt } => {
            let Some(step) = find(state, step) else {
                return Vec::new();
            };
            let again = if *attempt > 1 {
                format!(" (attempt {attempt})")
            } else {
                String::new()
            };
            let head = format!("step {:<4} {}{again}", step.head.guide, step.head.title);
            wrap("", "          ", &head)
        }
        Event::StepBlocked { step, reasons } => {
            let guide = find(state, step).map_or("", |s| s.head.guide.as_str());
            let mut lines = vec![format!("          blocked  step {guide} cannot begin:")];
            for reason in reasons {
                lines.extend(item(reason));
            }
            lines
        }
        Event::GateAnswered { gate, by, .. } if state.effect(gate).is_none() => {
            vec![format!("          confirmed by {}", display_safe(by))]
        }
        Event::AnswerRefused { reason, .. } => labelled("refused", reason),
        Event::EffectEnded {
            effect,
            outcome,
            message,
            ..
        } => effect_line(state, effect, word(*outcome), message),
        Event::EffectInterrupted { effect } => effect_line(
            state,
            effect,
            "unknown",
            "begun by an engine that died; looking",
        ),
        Event::EffectSettled {
            effect,
            done,
            message,
        } => {
            let what = if *done {
                "done after all"
            } else {
                "not done; it is done again"
            };
            let text = if message.is_empty() {
                what.to_owned()
            } else {
                format!("{what}: {message}")
            };
            effect_line(state, effect, "settled", &text)
        }
        Event::StepEnded {
            outcome: Outcome::Skipped,
            message,
            ..
        } => labelled("skipped", message),
        Event::StepEnded {
            outcome: Outcome::Failed,
            step,
            message,
        } => {
            let guide = find(state, step).map_or("", |s| s.head.guide.as_str());
            labelled("failed", &format!("step {guide}: {message}"))
        }
        Event::StepEnded { outcome, step, .. } => {
            let several = find(state, step).is_some_and(|s| s.effects.len() > 1);
            if several {
                labelled(word(*outcome), "step done")
            } else {
                Vec::new()
            }
        }
        Event::Paused { by } => labelled("paused", &format!("by {by}; nothing new is begun")),
        Event::Continued { by } => labelled("goes on", &format!("by {by}")),
        Event::RetryAsked { by, .. } => labelled("retry", &format!("asked by {by}")),
        Event::SkipAsked { by, reason, .. } => labelled("skip", &format!("by {by}: {reason}")),
        Event::CheckWaived { check, by, reason } => {
            labelled("waived", &format!("{check}, by {by}: {reason}"))
        }
        Event::StopAsked { by } => labelled("stopping", &format!("asked by {by}")),
        Event::UndoAsked { by, to, steps } => {
            let how_far = to.as_ref().map_or("everything".to_owned(), |to| {
                format!("back to before `{to}`")
            });
            let count = steps.len();
            labelled("undo", &format!("{how_far}, {count} steps, asked by {by}"))
        }
        Event::UndoLeft { by } => labelled("forward", &format!("again, asked by {by}")),
        Event::AskRefused { ask, reason, .. } => labelled("refused", &format!("{ask}: {reason}")),
        Event::AmendmentAsked { by, amendment } => {
            labelled("change", &format!("`{amendment}` asked for by {by}"))
        }
        Event::Amended {
            by,
            amendment,
            before,
            ..
        } => labelled(
            "changed",
            &format!("`{amendment}` (before: {before}), confirmed by {by}"),
        ),
        Event::AmendmentLeft { by, amendment } => {
            labelled("as it was", &format!("`{amendment}` declined by {by}"))
        }
        Event::ControlLeft { by } => labelled("control", &format!("{by} has gone")),
        Event::ControlTaken { by } => labelled("control", &format!("now with {by}")),
        Event::RunReopened { by } => labelled("taken up", &format!("again by {by}")),
        _ => Vec::new(),
    }
}

/// What an open gate shows; `times`: what is to be said of the window and the age of its facts.
pub fn gate_lines(state: &State, gate: &Gate, times: &[String]) -> Vec<String> {
    let mut lines = vec![String::new(), "─".repeat(WIDTH)];
    let operator = state.effect(&gate.id);
    if let Some(step) = step_of_gate(state, gate) {
        let position = state
            .way()
            .position(|s| s.head.id == step.head.id)
            .unwrap_or(0)
            + 1;
        let level = match (operator.is_some(), gate.level) {
            (true, _) => "FOR YOU TO DO",
            (false, Level::Note) => "NOTE",
            (false, Level::Change) => "CHANGE",
            (false, Level::Destructive) => "DESTRUCTIVE",
            (false, Level::Irreversible) => "IRREVERSIBLE",
        };
        let label = state.label.to_uppercase();
        let total = state.way().count();
        let what = match step.head.undoes {
            Some(_) => "undo of step",
            None => "step",
        };
        let head = format!(
            "{label} · {} · {what} {} ({position} of {total}) · {level}",
            step.head.host, step.head.guide
        );
        lines.extend(wrap("", "", &head));
        lines.extend(wrap("", "", &step.head.title));
    }
    lines.push(String::new());
    let title = step_of_gate(state, gate).map_or("", |s| s.head.title.as_str());
    for line in gate.lines.iter().chain(times) {
        lines.extend(match line.split_once(": ") {
            // The title stands above already.
            Some(("What", text)) if text == title => Vec::new(),
            Some((label, text)) if label.chars().count() <= 16 => {
                wrap(&format!("  {label:<16} "), "                   ", text)
            }
            _ => wrap("  ", "    ", line),
        });
    }
    lines.push("─".repeat(WIDTH));
    lines
}

/// What a person can type at a gate, in one line.
pub fn gate_question(state: &State, gate: &Gate) -> String {
    let typed = gate.typed.as_deref().map(|t| display_safe(t).into_owned());
    match (state.effect(&gate.id), typed) {
        (Some(effect), _) if effect.spec.parameters.get("evidence").is_some_and(is_true) => {
            "Type your answer in words; `pause`, `stop`.".to_owned()
        }
        (Some(effect), _)
            if effect
                .spec
                .parameters
                .get("argv")
                .is_some_and(|a| !a.is_null()) =>
        {
            "Type `run` to start the command here, `done` when it is done; `pause`, `stop`.".into()
        }
        (Some(_), _) => "Type `done` when it is done; `pause`, `stop`.".to_owned(),
        (None, Some(typed)) => {
            format!("Type `{typed}` to go on; `commands` shows what is done; `pause`, `stop`.")
        }
        (None, None) if gate.level == Level::Note => {
            "Press Enter to go on; `commands` shows what is done; `pause`, `stop`.".to_owned()
        }
        (None, None) => {
            "Type `yes` to go on; `commands` shows what is done; `pause`, `stop`.".to_owned()
        }
    }
}

/// What each effect of the gate's step will do, for `commands` at a gate.
pub fn command_lines(state: &State, gate: &Gate) -> Vec<String> {
    let Some(step) = step_of_gate(state, gate) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for effect in &step.effects {
        lines.extend(wrap("  ", "    ", &effect.spec.summary));
        if let Some(argv) = effect.spec.parameters.get("shown") {
            for command in argv
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|c| c.as_str())
            {
                lines.extend(wrap("      $ ", "        ", command));
            }
        }
    }
    lines
}

/// How the run stands or ended, for people.
pub fn summary_lines(state: &State) -> Vec<String> {
    let mut lines = vec![String::new(), "═".repeat(WIDTH)];
    let (outcome, message) = match &state.ended {
        Some((outcome, message)) => (outcome.as_str(), message.clone()),
        None if state.gate.is_some() => ("waiting for you", waiting_at(state)),
        None if state.paused => ("paused", String::new()),
        None => ("running", String::new()),
    };
    let head = format!(
        "{} · run {} · {outcome}: {message}",
        state.label.to_uppercase(),
        state.run
    );
    lines.extend(wrap("", "  ", head.trim_end_matches([':', ' '])));
    lines.push(String::new());
    for step in &state.steps {
        let text = match &step.status {
            StepStatus::Ended { outcome } => word(*outcome),
            StepStatus::Blocked => "blocked",
            StepStatus::AtGate => "waiting",
            StepStatus::Running => "running",
            StepStatus::Binding => "looking",
            StepStatus::Pending => "-",
        };
        let first = format!("  {:<5} {text:<8} ", step.head.guide);
        lines.extend(wrap(&first, "                 ", &step.head.title));
        let told = matches!(
            step.status,
            StepStatus::Blocked
                | StepStatus::Ended {
                    outcome: Outcome::Failed | Outcome::Warning | Outcome::Skipped
                }
        );
        if told && !step.message.is_empty() {
            lines.extend(wrap(
                "                 ",
                "                 ",
                &step.message,
            ));
        }
    }
    for (check, waiver) in &state.waivers {
        let text = format!("{check}, by {}: {}", waiver.by, waiver.reason);
        lines.extend(wrap("  waived         ", "                 ", &text));
    }
    lines.push("═".repeat(WIDTH));
    lines
}

/// How far a transfer is.
pub fn moving_lines(transfer: &pace::Transfer) -> Vec<String> {
    labelled("moving", &transfer.line(jiff::SignedDuration::ZERO))
}

fn waiting_at(state: &State) -> String {
    state
        .gate
        .as_ref()
        .map(|g| format!("at gate `{}`", g.id))
        .unwrap_or_default()
}

fn is_true(value: &serde_json::Value) -> bool {
    value.as_bool() == Some(true)
}

fn find<'a>(state: &'a State, step: &str) -> Option<&'a StepState> {
    state.steps.iter().find(|s| s.head.id == step)
}

fn step_of_gate<'a>(state: &'a State, gate: &Gate) -> Option<&'a StepState> {
    let holds = |e: &EffectState| e.spec.id == gate.id;
    state
        .steps
        .iter()
        .find(|s| s.head.id == gate.id || s.effects.iter().any(holds))
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Warning => "warning",
        Outcome::Skipped => "skipped",
        Outcome::Failed => "failed",
    }
}

fn effect_line(state: &State, effect: &str, word: &str, message: &str) -> Vec<String> {
    let summary = state
        .effect(effect)
        .map_or(effect, |e| e.spec.summary.as_str());
    let silent = state
        .effect(effect)
        .is_some_and(|e| e.status == EffectStatus::Ready && word != "settled");
    if silent {
        return Vec::new();
    }
    // What the operator said needs no repetition of what they were asked.
    let evidence = state
        .effect(effect)
        .and_then(|e| e.spec.parameters.get("evidence"))
        .is_some_and(is_true);
    let text = match (summary.trim_end_matches('.'), message) {
        (summary, "") => summary.to_owned(),
        (_, message) if evidence => message.to_owned(),
        (question, message) if question.ends_with('?') => format!("{question} {message}"),
        (summary, message) => format!("{summary}: {message}"),
    };
    labelled(word, &text)
}

fn labelled(label: &str, text: &str) -> Vec<String> {
    wrap(
        &format!("          {label:<8} "),
        "                   ",
        text,
    )
}

fn item(text: &str) -> Vec<String> {
    wrap("                   ", "                     ", text)
}

/// Text as lines of at most 79 columns, safe to show; `first` and `rest` stand before it.
pub fn wrap(first: &str, rest: &str, text: &str) -> Vec<String> {
    let safe = display_safe(text);
    textwrap::wrap(
        &safe,
        Options::new(WIDTH)
            .initial_indent(first)
            .subsequent_indent(rest)
            // A path or a command is never broken where it has no blank, if it fits a line.
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation),
    )
    .into_iter()
    .map(|line| line.trim_end().to_owned())
    .collect()
}

#[cfg(test)]
mod tests {
    use super::{event_lines, gate_lines};
    use crate::engine::event::{Event, Gate, Level, Policy, StepHead};
    use crate::engine::state::State;
    use crate::engine::state::fold;
    use unicode_width::UnicodeWidthStr;

    fn state() -> State {
        let mut state = State::default();
        let head = StepHead {
            id: "stop-old".to_owned(),
            guide: "4".to_owned(),
            title: "Stop the old mail server, and a title that is much too long to fit a line of \
                    eighty columns"
                .to_owned(),
            host: "mail.siroe.com".to_owned(),
            level: Level::Destructive,
            undo: crate::engine::event::Undo::Nothing,
            undoes: None,
            in_sessions: false,
        };
        fold(
            &mut state,
            &Event::RunCreated {
                run: "1123-k7f3".to_owned(),
                scenario: "sims-offline".to_owned(),
                label: "practice".to_owned(),
                lab: None,
                policy: Policy::default(),
                steps: vec![head],
                draft: String::new(),
                window: None,
                sessions: 0,
            },
        );
        state
    }

    #[test]
    fn lines_fit_eighty_columns_and_hostile_text_cannot_move_the_cursor() {
        let state = state();
        let gate = Gate {
            id: "stop-old".to_owned(),
            level: Level::Destructive,
            typed: Some("mail.siroe.com".to_owned()),
            lines: vec![format!("Where: {}\x1b[2J evil", "word ".repeat(40))],
        };
        let blocked = Event::StepBlocked {
            step: "stop-old".to_owned(),
            reasons: vec!["uid \u{202e}gpj.exe".to_owned()],
        };
        let mut lines = gate_lines(&state, &gate, &[]);
        lines.extend(event_lines(&state, &blocked));
        lines.extend(event_lines(
            &state,
            &Event::StepEntered {
                step: "stop-old".to_owned(),
                attempt: 2,
            },
        ));
        for line in &lines {
            assert!(line.width() < 80, "{line}");
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
        let all = lines.join("\n");
        assert!(
            all.contains("\\u{1b}[2J evil") && all.contains("\\u{202e}"),
            "{all}"
        );
        assert!(all.contains("(attempt 2)"), "{all}");
    }
}
