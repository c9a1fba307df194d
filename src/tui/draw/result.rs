//! How the run ended, step by step.

use super::super::seen::Seen;
use super::super::state::Ui;
use super::super::text::wrap;
use super::super::theme::Theme;
use super::run::too_many;
use crate::engine::state::{Phase, StepStatus};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

/// Draws the result.
pub fn draw(frame: &mut Frame, body: Rect, ui: &Ui, seen: &Seen, theme: Theme) {
    let block = Block::bordered()
        .border_style(theme.border(true))
        .title(Span::styled(
            " Result · Esc: look at the run ",
            theme.strong(),
        ));
    let inner = block.inner(body);
    let lines = lines(seen, theme, inner.width);
    let most = too_many(lines.len(), inner.height);
    let top = ui.result_top.min(most);
    frame.render_widget(Paragraph::new(lines).scroll((top, 0)).block(block), body);
    super::more(frame, body, (top, most), ("Up", "Down"), theme);
}

/// The first line the result can begin with at most.
pub fn most(ui: &Ui, seen: &Seen) -> u16 {
    let inner = Block::bordered().inner(super::body(ui));
    let count = lines(seen, Theme::default(), inner.width).len();
    too_many(count, inner.height)
}

fn lines(seen: &Seen, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let run = &seen.run;
    let (word, message) = match &run.ended {
        Some((outcome, message)) => (outcome.clone(), message.clone()),
        None => (
            "not over".to_owned(),
            "the engine went away; nothing is lost".to_owned(),
        ),
    };
    let mut lines: Vec<Line> = Vec::new();
    for line in wrap(width, "", "  ", &format!("{word}: {message}")) {
        lines.push(Line::styled(line, theme.strong()));
    }
    let counts: Vec<String> = run
        .counts()
        .into_iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    lines.push(Line::from(format!("Steps: {}", counts.join(", "))));
    let next = match run.phase {
        Phase::Failed => format!("When the cause is mended: imsmigrate retry {}", run.run),
        Phase::Stopped | Phase::Running | Phase::Empty => {
            format!("To take it up again: imsmigrate resume {}", run.run)
        }
        Phase::Undone => String::new(),
        Phase::Done => match &run.lab {
            Some(lab) => format!("What became of every message: imsmigrate lab audit {lab}"),
            None => String::new(),
        },
    };
    for line in wrap(width, "", "  ", &next) {
        lines.push(Line::from(line));
    }
    lines.push(Line::default());
    for step in &run.steps {
        let (mark, word, style) = theme.step(&step.status);
        let text = format!("{:<5} {}", step.head.guide, step.head.title);
        let first = format!("{mark} {word:<8} ");
        let room = width.saturating_sub(11);
        for (n, line) in wrap(room, "", "      ", &text).into_iter().enumerate() {
            let start = if n == 0 {
                first.clone()
            } else {
                " ".repeat(11)
            };
            lines.push(Line::from(vec![
                Span::styled(start, style),
                Span::raw(line),
            ]));
        }
        let told = !matches!(
            step.status,
            StepStatus::Pending
                | StepStatus::Ended {
                    outcome: crate::engine::event::Outcome::Ok
                }
        );
        if told && !step.message.is_empty() {
            for line in wrap(
                width,
                "                 ",
                "                 ",
                &step.message,
            ) {
                lines.push(Line::styled(line, theme.quiet()));
            }
        }
    }
    for (check, waiver) in &run.waivers {
        let text = format!("Waived: {check}, by {}: {}", waiver.by, waiver.reason);
        for line in wrap(width, "", "  ", &text) {
            lines.push(Line::styled(line, theme.strong()));
        }
    }
    lines
}
