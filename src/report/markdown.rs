//! A report as Markdown.

use super::{EffectReport, Report, StepReport, confirmed, time, took, word};
use crate::base::display_safe;
use crate::plan::render::escaped;
use std::fmt::Write as _;

/// How many of a list are shown; the JSON report has all.
const SHOWN: usize = 20;

/// Returns the report as Markdown.
pub fn markdown(report: &Report) -> String {
    let mut out = String::new();
    head(&mut out, report);
    for step in &report.steps {
        one(&mut out, step);
    }
    let _ = writeln!(out, "\n## Artifacts\n");
    if report.artifacts.is_empty() {
        let _ = writeln!(out, "None.");
    } else {
        let _ = writeln!(out, "| File | Bytes | SHA-256 |\n| --- | ---: | --- |");
    }
    for file in &report.artifacts {
        let name = escaped(&file.name);
        let _ = writeln!(out, "| {name} | {} | `{}` |", file.bytes, file.sha256);
    }
    out
}

fn head(out: &mut String, report: &Report) {
    let label = report.label.to_uppercase();
    let _ = writeln!(
        out,
        "# {label} run {}: {}\n",
        report.run,
        escaped(&report.title)
    );
    let outcome = report.outcome.as_deref().unwrap_or("not over");
    let message = match report.message.as_str() {
        "" => String::new(),
        message => format!(": {}", escaped(message)),
    };
    let _ = writeln!(out, "- Outcome: **{}**{message}", escaped(outcome));
    let _ = writeln!(
        out,
        "- From {} to {} UTC ({})",
        time(&report.began),
        time(&report.last),
        took(Some(&report.began), Some(&report.last))
    );
    let _ = writeln!(out, "- Scenario: {}", escaped(&report.scenario));
    if let Some(lab) = &report.lab {
        let _ = writeln!(out, "- Lab: {}", escaped(lab));
    }
    let _ = writeln!(
        out,
        "- imsmigrate {}, {} engine process{}",
        escaped(&report.version),
        report.engines,
        if report.engines == 1 { "" } else { "es" }
    );
    let _ = writeln!(
        out,
        "- Journal: {} events, the last one's SHA-256 `{}`",
        report.journal.events, report.journal.head
    );
    for e in &report.evidence {
        let _ = writeln!(
            out,
            "- Evidence, {} by {}: {}",
            time(&e.at),
            escaped(&e.by),
            escaped(&e.text)
        );
    }
    for said in &report.events {
        let who = if said.by.is_empty() {
            String::new()
        } else {
            format!("{} ", escaped(&said.by))
        };
        let _ = writeln!(out, "- {} {who}{}", time(&said.at), escaped(&said.what));
    }
    let _ = writeln!(out, "\n| Step | What | Outcome | Took |");
    let _ = writeln!(out, "| --- | --- | --- | ---: |");
    for step in &report.steps {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            escaped(&step.guide),
            escaped(&step.title),
            word(step.outcome),
            took(step.began.as_ref(), step.ended.as_ref())
        );
    }
}

fn one(out: &mut String, step: &StepReport) {
    let _ = writeln!(
        out,
        "\n## {} {}\n",
        escaped(&step.guide),
        escaped(&step.title)
    );
    let mut item = |text: String| {
        let _ = writeln!(out, "- {text}");
    };
    let message = match step.message.as_str() {
        "" => String::new(),
        message => format!(": {}", escaped(message)),
    };
    item(format!("{}{message}", word(step.outcome)));
    if let (Some(began), Some(_)) = (&step.began, &step.ended)
        && !step.effects.is_empty()
    {
        item(format!(
            "On {}, begun {} UTC, took {}; gate: {}",
            escaped(&step.host),
            time(began),
            took(Some(began), step.ended.as_ref()),
            step.level
        ));
    }
    for c in &step.confirmations {
        item(escaped(&confirmed(c)));
    }
    for line in &step.warnings {
        item(escaped(line));
    }
    for said in &step.blocked {
        let when = time(&said.at);
        item(format!("Could not begin {when}: {}", escaped(&said.what)));
    }
    for said in &step.requests {
        let who = escaped(&said.by);
        item(format!(
            "{} asked {} for: {}",
            who,
            time(&said.at),
            escaped(&said.what)
        ));
    }
    if step.effects.is_empty() {
        return;
    }
    for c in &step.corrections {
        item(format!(
            "The guide: {} Here: {} {}",
            escaped(&c.guide),
            escaped(&c.ours),
            escaped(&c.why)
        ));
    }
    let (sessions, others): (Vec<_>, Vec<_>) = step.effects.iter().partition(|e| e.is_session());
    for effect in others {
        done(out, effect);
    }
    if !sessions.is_empty() {
        let _ = writeln!(
            out,
            "\n| Session | Users | Bytes | Took | Outcome | |\n| --- | --- | ---: | ---: | --- | --- |"
        );
    }
    for effect in sessions {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            escaped(effect.id.rsplit('/').next().unwrap_or(&effect.id)),
            escaped(&some(&effect.users())),
            effect.bytes(),
            took(effect.began.as_ref(), effect.ended.as_ref()),
            word(effect.outcome),
            escaped(&effect.message)
        );
    }
}

fn done(out: &mut String, effect: &EffectReport) {
    let message = match effect.message.as_str() {
        "" => String::new(),
        message => format!(" — {}", escaped(message)),
    };
    let again = match effect.attempts {
        0 | 1 => String::new(),
        n => format!(" (attempt {n})"),
    };
    let took = took(effect.began.as_ref(), effect.ended.as_ref());
    let _ = writeln!(
        out,
        "- [{}] {}{message} ({took}){again}",
        word(effect.outcome),
        escaped(&effect.summary)
    );
    for attempt in &effect.earlier {
        let _ = writeln!(
            out,
            "  - before: {}: {}",
            word(attempt.outcome),
            escaped(&attempt.message)
        );
    }
    if let Some(settled) = &effect.settled {
        let _ = writeln!(out, "  - {}", escaped(settled));
    }
    for command in &effect.commands {
        let _ = writeln!(out, "\n  ```sh\n  {}\n  ```\n", display_safe(command));
    }
    for key in ["not_done", "findings", "refused"] {
        let list = effect.detail.get(key).and_then(|v| v.as_array());
        let list: Vec<String> = list
            .into_iter()
            .flatten()
            .map(ToString::to_string)
            .collect();
        for entry in list.iter().take(SHOWN) {
            let _ = writeln!(out, "  - {key}: {}", escaped(entry));
        }
        if let Some(more @ 1..) = list.len().checked_sub(SHOWN) {
            let _ = writeln!(out, "  - and {more} more: see the report as JSON");
        }
    }
}

/// The first of a session's users.
pub(super) fn some(users: &[&str]) -> String {
    let shown: Vec<&str> = users.iter().take(SHOWN).copied().collect();
    match users.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
