//! A plan as a Markdown runbook.

use super::{answer, applies, command, number};
use crate::base::display_safe;
use crate::plan::types::{Plan, PlanStep, PlannedAction};
use crate::scenario::Action;
use std::fmt::Write as _;

/// Returns the plan as a runbook.
pub fn markdown(plan: &Plan) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# {}\n", escaped(&plan.title));
    let _ = writeln!(
        out,
        "{} Digest: `{}`\n",
        if plan.draft {
            "A draft: names in \\<angle brackets\\> are looked up later."
        } else {
            "The plan: names in \\<angle brackets\\> are known only when the run gets there."
        },
        display_safe(&plan.digest)
    );
    let _ = writeln!(
        out,
        "| Step | What | Where | Gate | Done |\n| --- | --- | --- | --- | --- |"
    );
    for step in &plan.steps {
        let done = match step.applies {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not known yet",
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {done} |",
            number(step),
            escaped(&step.title),
            escaped(&step.host),
            step.risk
        );
    }
    for step in &plan.steps {
        one(&mut out, step);
    }
    out
}

fn one(out: &mut String, step: &PlanStep) {
    let _ = writeln!(out, "\n## {} {}\n", heading(step), escaped(&step.title));
    let _ = writeln!(
        out,
        "On {} ({}). Gate: {}{}.\n",
        escaped(&step.host),
        step.role.title(),
        step.risk,
        step.gate
            .typed
            .as_ref()
            .map_or_else(String::new, |typed| format!(", type {}", escaped(typed)))
    );
    if let Some(applies) = applies(step) {
        let _ = writeln!(out, "**{}**\n", escaped(&applies));
    }
    let _ = writeln!(out, "{}\n", escaped(&step.asks));
    for action in &step.actions {
        planned(out, action);
    }
    let mut item = |label: &str, text: &str| {
        if !text.is_empty() {
            let _ = writeln!(out, "- {label}: {}", escaped(text));
        }
    };
    for line in &step.gate.summary {
        if line.label == "How many" {
            item("How many", &line.text);
        }
    }
    item("Checks", &step.checks.join(", "));
    item("Users notice", step.users_notice.as_deref().unwrap_or(""));
    for note in &step.notes {
        item("Note", note);
    }
    for c in &step.corrections {
        item("The guide", &c.guide);
        item("Here", &format!("{} {}", c.ours, c.why));
    }
    item("Undo", &step.undo);
    item("If interrupted", &step.if_interrupted);
}

fn heading(step: &PlanStep) -> String {
    if step.guide == "intro" {
        "Before:".to_owned()
    } else {
        format!("{}.", step.guide)
    }
}

fn planned(out: &mut String, action: &PlannedAction) {
    let _ = writeln!(out, "- [ ] {}", escaped(&action.what));
    if let Action::Instruct(instruct) = &action.parameters {
        for asked in &instruct.answers {
            let said = answer(&asked.answer);
            let _ = writeln!(out, "  - {} → {}", escaped(&asked.prompt), escaped(&said));
        }
    }
    let mut lines = Vec::new();
    if let Some(argv) = &action.argv {
        lines.push(command(argv));
    }
    if let Some(argv) = &action.guide_argv
        && action.argv.as_ref() != Some(argv)
    {
        lines.push(format!("# guide: {}", command(argv)));
    }
    if !lines.is_empty() {
        let _ = writeln!(out, "\n  ```sh\n  {}\n  ```\n", lines.join("\n  "));
    }
}

/// Text in which nothing is Markdown.
/// Text in which nothing is Markdown's, safe to show.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in display_safe(text).chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
