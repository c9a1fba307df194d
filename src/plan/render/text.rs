//! A plan for a terminal of 80 columns.

use super::{answer, applies, number, words};
use crate::base::display_safe;
use crate::plan::types::{Plan, PlanStep, PlannedAction};
use crate::scenario::Action;
use std::fmt::Write as _;
use textwrap::{Options, WordSeparator, WordSplitter};

const WIDTH: usize = 80;

/// Returns the plan as text.
pub fn text(plan: &Plan) -> String {
    let mut out = String::new();
    paragraph(&mut out, "", "", &plan.title);
    let kind = if plan.draft {
        "Draft: names in <angle brackets> are looked up later."
    } else {
        "Plan: names in <angle brackets> are known only when the run gets there."
    };
    paragraph(&mut out, "", "", kind);
    let _ = writeln!(out, "Digest {}", display_safe(&plan.digest));
    for step in &plan.steps {
        one(&mut out, step);
    }
    out
}

fn one(out: &mut String, step: &PlanStep) {
    out.push('\n');
    let title = format!("{:>3}  {}", number(step), display_safe(&step.title));
    paragraph(out, "", "     ", &title);
    let _ = writeln!(
        out,
        "     {} on {} · {}",
        step.role,
        display_safe(&step.host),
        step.risk
    );
    if let Some(applies) = applies(step) {
        paragraph(out, "     ", "     ", &applies);
    }
    paragraph(out, "     ", "     ", &step.asks);
    if let Some(many) = step
        .gate
        .summary
        .iter()
        .find(|line| line.label == "How many")
    {
        labelled(out, "How many", &many.text);
    }
    for action in &step.actions {
        planned(out, action);
    }
    labelled(out, "Checks", &step.checks.join(", "));
    if let Some(notice) = &step.users_notice {
        labelled(out, "Users", notice);
    }
    for note in &step.notes {
        labelled(out, "Note", note);
    }
    for c in &step.corrections {
        labelled(
            out,
            "Differs",
            &format!("The guide: {} Here: {} {}", c.guide, c.ours, c.why),
        );
    }
    if let Some(typed) = &step.gate.typed {
        labelled(out, "Gate", &format!("{}; type: {typed}", step.gate.level));
    } else {
        labelled(out, "Gate", step.gate.level.as_str());
    }
    labelled(out, "Undo", &step.undo);
    labelled(out, "Stopped", &step.if_interrupted);
}

fn planned(out: &mut String, action: &PlannedAction) {
    paragraph(out, "     * ", "       ", &action.what);
    if let Action::Instruct(instruct) = &action.parameters {
        for asked in &instruct.answers {
            let said = answer(&asked.answer);
            paragraph(
                out,
                "       ? ",
                "         ",
                &format!("{} -> {said}", asked.prompt),
            );
        }
    }
    if let Some(argv) = &action.argv {
        typed(out, "       $ ", &words(argv));
    }
    if let Some(argv) = &action.guide_argv
        && action.argv.as_ref() != Some(argv)
    {
        typed(out, "       guide: ", &words(argv));
    }
}

/// A command; a line that goes on ends with a backslash, and no word is broken.
fn typed(out: &mut String, start: &str, words: &[String]) {
    let mut line = start.to_owned();
    let mut empty = true;
    for (index, word) in words.iter().enumerate() {
        let last = index + 1 == words.len();
        let room = if last { WIDTH } else { WIDTH - 2 };
        let width = textwrap::core::display_width(&line) + 1 + textwrap::core::display_width(word);
        if !empty && width > room {
            let _ = writeln!(out, "{line} \\");
            line = " ".repeat(11);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    let _ = writeln!(out, "{line}");
}

fn labelled(out: &mut String, label: &str, text: &str) {
    if !text.is_empty() {
        paragraph(out, &format!("     {label:<8} "), "              ", text);
    }
}

fn paragraph(out: &mut String, first: &str, rest: &str, text: &str) {
    let options = Options::new(WIDTH)
        .initial_indent(first)
        .subsequent_indent(rest)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    let safe = display_safe(text);
    for line in textwrap::wrap(&safe, options) {
        let _ = writeln!(out, "{}", line.trim_end());
    }
}
