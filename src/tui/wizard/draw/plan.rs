//! The plan: a line for each step, and all of a step below its line when it is open.

use super::super::plan_view::PlanView;
use super::super::state::Wizard;
use crate::plan::render::command;
use crate::plan::{Plan, PlanStep};
use crate::scenario::Action;
use crate::scenario::names::secret_title;
use crate::tui::text::{cut, wrap};
use crate::tui::theme::Theme;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};
use std::collections::BTreeSet;
use unicode_width::UnicodeWidthStr as _;

/// A line of the plan and the step it belongs to; none for what is about all of it.
struct Row {
    step: Option<usize>,
    line: Line<'static>,
}

pub(super) fn draw(frame: &mut Frame, body: Rect, w: &Wizard, theme: Theme) -> Position {
    let title = match &w.plan {
        PlanView { asked: true, .. } => "Plan · the facts are being looked up".to_owned(),
        PlanView {
            plan: Some(plan), ..
        } => {
            let steps = plan
                .steps
                .iter()
                .filter(|s| s.applies != Some(false))
                .count();
            format!("Plan · {steps} steps · s: start the run")
        }
        _ => "Plan · a draft, without facts · r: look them up".to_owned(),
    };
    let block = Block::bordered()
        .border_style(theme.border(true))
        .title(Span::styled(
            format!(" {} ", cut(&title, body.width.saturating_sub(6))),
            theme.strong(),
        ));
    let inner = block.inner(body);
    frame.render_widget(block, body);
    let rows = rows(w, &w.plan.open, inner.width, theme);
    let at = eye_in(w, rows.iter().map(|row| row.step));
    let top = super::top_for(at, rows.len(), inner.height);
    let wanted = w.plan.search.to_lowercase();
    let lines: Vec<Line> = rows
        .into_iter()
        .enumerate()
        .skip(top)
        .take(usize::from(inner.height))
        .map(|(n, row)| {
            if n == at {
                row.line.patch_style(theme.focus())
            } else if !wanted.is_empty() && text_of(&row.line).to_lowercase().contains(&wanted) {
                row.line.patch_style(theme.hit())
            } else {
                row.line
            }
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
    let row = u16::try_from(at.saturating_sub(top)).unwrap_or(0);
    Position::new(inner.x, inner.y + row)
}

/// The line the eye is on.
pub fn eye(w: &Wizard) -> usize {
    eye_in(w, steps_of_rows(w).into_iter())
}

fn eye_in(w: &Wizard, mut steps: impl ExactSizeIterator<Item = Option<usize>>) -> usize {
    let last = steps.len().saturating_sub(1);
    let first = || steps.position(|step| step.is_some()).unwrap_or(0);
    w.plan.at.unwrap_or_else(first).min(last)
}

/// The step of each line that is shown.
pub fn steps_of_rows(w: &Wizard) -> Vec<Option<usize>> {
    steps(w, &w.plan.open)
}

/// The step of each line there would be with all steps open.
pub fn steps_of_all(w: &Wizard) -> Vec<Option<usize>> {
    steps(w, &all(w))
}

/// The lines in which a text is found, with all steps open.
pub fn hits(w: &Wizard, wanted: &str) -> Vec<usize> {
    rows(w, &all(w), width(w), Theme::default())
        .iter()
        .enumerate()
        .filter(|(_, row)| text_of(&row.line).to_lowercase().contains(wanted))
        .map(|(n, _)| n)
        .collect()
}

fn all(w: &Wizard) -> BTreeSet<usize> {
    (0..w.plan.shown().map_or(0, |plan| plan.steps.len())).collect()
}

fn steps(w: &Wizard, open: &BTreeSet<usize>) -> Vec<Option<usize>> {
    rows(w, open, width(w), Theme::default())
        .iter()
        .map(|row| row.step)
        .collect()
}

fn width(w: &Wizard) -> u16 {
    Block::bordered().inner(super::body(w)).width
}

fn text_of(line: &Line<'_>) -> String {
    line.spans.iter().map(|s| s.content.as_ref()).collect()
}

fn rows(w: &Wizard, open: &BTreeSet<usize>, width: u16, theme: Theme) -> Vec<Row> {
    let Some(plan) = w.plan.shown() else {
        return vec![Row {
            step: None,
            line: Line::from("There is no plan yet."),
        }];
    };
    let mut rows: Vec<Row> = about(w, plan, width, theme)
        .into_iter()
        .map(|line| Row { step: None, line })
        .collect();
    for (n, step) in plan.steps.iter().enumerate() {
        let is_open = open.contains(&n);
        rows.push(Row {
            step: Some(n),
            line: head(step, is_open, width, theme),
        });
        if is_open {
            let lines = body_of(step, width, theme);
            rows.extend(lines.into_iter().map(|line| Row {
                step: Some(n),
                line,
            }));
        }
    }
    rows
}

/// What is about all of the plan.
fn about(w: &Wizard, plan: &Plan, width: u16, theme: Theme) -> Vec<Line<'static>> {
    let mut lines: Vec<Line> = wrap(width, "", "", &plan.title)
        .into_iter()
        .map(|l| Line::styled(l, theme.strong()))
        .collect();
    for part in w.plan.error.lines() {
        lines.extend(
            wrap(width, "✗ ", "  ", part)
                .into_iter()
                .map(|l| Line::styled(l, theme.alarm())),
        );
    }
    let kind = if plan.draft {
        "Names in <angle brackets> are looked up later."
    } else {
        "Names in <angle brackets> are known only when the run gets there."
    };
    lines.extend(wrap(width, "", "", kind).into_iter().map(Line::from));
    // What the journal will name.
    if let Some(draft) = &w.plan.draft {
        let text = format!("Draft  {}", draft.digest);
        lines.push(Line::styled(cut(&text, width), theme.quiet()));
    }
    if !plan.draft {
        let text = format!("Digest {}", plan.digest);
        lines.push(Line::styled(cut(&text, width), theme.quiet()));
    }
    lines
}

fn head(step: &PlanStep, open: bool, width: u16, theme: Theme) -> Line<'static> {
    let sign = if open { "-" } else { "+" };
    let (risk, style) = if step.applies == Some(false) {
        ("left out", theme.quiet())
    } else {
        (step.risk.as_str(), theme.level(step.risk))
    };
    let number = if step.guide == "intro" {
        "-"
    } else {
        &step.guide
    };
    let first = format!("{sign} {number:<4} ");
    let room = usize::from(width).saturating_sub(first.width() + 14);
    let title = cut(&step.title, u16::try_from(room).unwrap_or(0));
    let pad = room.saturating_sub(title.width()) + 1;
    Line::from(vec![
        Span::raw(first),
        Span::styled(title, theme.strong()),
        Span::raw(" ".repeat(pad)),
        Span::styled(risk.to_owned(), style),
    ])
}

fn body_of(step: &PlanStep, width: u16, theme: Theme) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    let quiet = theme.quiet();
    labelled(
        &mut out,
        "Where",
        &format!("{}, the {}", step.host, step.role.title()),
        width,
        theme,
    );
    if let Some(said) = step.whether() {
        labelled(&mut out, "When", &said, width, theme);
    }
    labelled(&mut out, "Guide", &step.asks, width, theme);
    for line in &step.gate.summary {
        if line.label == "How many" {
            labelled(&mut out, "How many", &line.text, width, theme);
        }
    }
    for action in &step.actions {
        part(
            &mut out,
            "     * ",
            "       ",
            &action.what,
            width,
            Style::new(),
        );
        if let Action::Instruct(instruct) = &action.parameters {
            for asked in &instruct.answers {
                let text = format!("{} → {}", asked.prompt, answer(&asked.answer));
                part(
                    &mut out,
                    "       ? ",
                    "         ",
                    &text,
                    width,
                    Style::new(),
                );
            }
        }
        if let Some(argv) = &action.argv {
            part(
                &mut out,
                "       $ ",
                "           ",
                &command(argv),
                width,
                Style::new(),
            );
        }
        if let Some(argv) = &action.guide_argv
            && action.argv.as_ref() != Some(argv)
        {
            part(
                &mut out,
                "       guide: ",
                "           ",
                &command(argv),
                width,
                quiet,
            );
        }
    }
    labelled(&mut out, "Checks", &step.checks.join(", "), width, theme);
    let notice = step.users_notice.as_deref().unwrap_or("Nothing.");
    labelled(&mut out, "Users", notice, width, theme);
    for note in &step.notes {
        labelled(&mut out, "Note", note, width, theme);
    }
    for c in &step.corrections {
        let text = format!("The guide: {} Here: {} {}", c.guide, c.ours, c.why);
        labelled(&mut out, "Differs", &text, width, theme);
    }
    let gate = match &step.gate.typed {
        Some(typed) => format!("{}; type: {typed}", step.gate.level),
        None => step.gate.level.as_str().to_owned(),
    };
    labelled(&mut out, "Gate", &gate, width, theme);
    labelled(&mut out, "Undo", &step.undo, width, theme);
    labelled(&mut out, "Stopped", &step.if_interrupted, width, theme);
    out
}

/// An answer to a vendor's program, as people may see it.
fn answer(answer: &str) -> String {
    let secret = answer
        .strip_prefix("{secret.")
        .and_then(|rest| rest.strip_suffix('}'));
    match secret {
        Some(name) => format!("({})", secret_title(name).unwrap_or("password")),
        None if answer.is_empty() => "(the default)".to_owned(),
        None => answer.to_owned(),
    }
}

fn labelled(out: &mut Vec<Line<'static>>, label: &str, text: &str, width: u16, theme: Theme) {
    if text.is_empty() {
        return;
    }
    let first = format!("     {label:<8} ");
    for (n, line) in wrap(width, &first, "              ", text)
        .into_iter()
        .enumerate()
    {
        match line.strip_prefix(&first) {
            Some(rest) if n == 0 => out.push(Line::from(vec![
                Span::styled(first.clone(), theme.strong()),
                Span::raw(rest.to_owned()),
            ])),
            _ => out.push(Line::from(line)),
        }
    }
}

fn part(
    out: &mut Vec<Line<'static>>,
    first: &str,
    rest: &str,
    text: &str,
    width: u16,
    style: Style,
) {
    let lines = wrap(width, first, rest, text);
    out.extend(lines.into_iter().map(|l| Line::styled(l, style)));
}
