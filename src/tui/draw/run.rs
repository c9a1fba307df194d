//! The run: steps, the selected step, its work, and the log.

use super::super::seen::Seen;
use super::super::state::{Pane, Ui};
use super::super::text::{cut, wrap};
use super::super::theme::Theme;
use crate::engine::state::{EffectState, EffectStatus, StepState};
use crate::plain::pace::{bytes, expected};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

/// Draws the panes; returns where the cursor belongs.
pub fn draw(frame: &mut Frame, body: Rect, ui: &Ui, seen: &Seen, theme: Theme) -> Option<Position> {
    let mut cursor = None;
    for (pane, area) in panes(ui, body) {
        let focused = pane == ui.pane;
        let title = title(ui, seen, pane, area.width);
        let block = Block::new()
            .borders(Borders::ALL)
            .border_style(theme.border(focused))
            .title(Span::styled(title, theme.strong()));
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let at = match pane {
            Pane::Steps => steps(frame, inner, ui, seen, theme),
            Pane::Detail => {
                let lines = detail_lines(ui, seen, theme, inner.width);
                let most = too_many(lines.len(), inner.height);
                let shown = Paragraph::new(lines).scroll((ui.detail_top.min(most), 0));
                frame.render_widget(shown, inner);
                Position::new(inner.x, inner.y)
            }
            Pane::Work => {
                let lines = work_lines(ui, seen, theme, inner.width);
                let top = work_top_in(ui, seen, inner.height, lines.len());
                frame.render_widget(Paragraph::new(lines).scroll((top, 0)), inner);
                Position::new(inner.x, inner.y)
            }
            Pane::Log => log(frame, inner, ui, seen, theme),
        };
        if focused {
            cursor = Some(at);
        }
    }
    cursor
}

/// Where each pane is.
fn panes(ui: &Ui, body: Rect) -> Vec<(Pane, Rect)> {
    if ui.one_pane() {
        return vec![(ui.pane, body)];
    }
    let left_width = (body.width * 2 / 5).min(56);
    let [left, right] =
        Layout::horizontal([Constraint::Length(left_width), Constraint::Fill(1)]).areas(body);
    let [detail, work, log] = Layout::vertical([
        Constraint::Fill(4),
        Constraint::Fill(4),
        Constraint::Fill(4),
    ])
    .areas(right);
    vec![
        (Pane::Steps, left),
        (Pane::Detail, detail),
        (Pane::Work, work),
        (Pane::Log, log),
    ]
}

fn inner_of(ui: &Ui, pane: Pane) -> Rect {
    panes(ui, super::body(ui))
        .into_iter()
        .find(|(p, _)| *p == pane)
        .map_or(Rect::ZERO, |(_, area)| Block::bordered().inner(area))
}

/// The first line a pane can begin with at most.
pub fn most(ui: &Ui, seen: &Seen, pane: Pane) -> u16 {
    let inner = inner_of(ui, pane);
    let theme = Theme::default();
    let count = match pane {
        Pane::Detail => detail_lines(ui, seen, theme, inner.width).len(),
        Pane::Work => work_lines(ui, seen, theme, inner.width).len(),
        Pane::Steps | Pane::Log => 0,
    };
    too_many(count, inner.height)
}

/// The first line of the work that is shown.
pub fn work_top(ui: &Ui, seen: &Seen) -> u16 {
    let inner = inner_of(ui, Pane::Work);
    let count = work_lines(ui, seen, Theme::default(), inner.width).len();
    work_top_in(ui, seen, inner.height, count)
}

fn work_top_in(ui: &Ui, seen: &Seen, height: u16, count: usize) -> u16 {
    let most = too_many(count, height);
    let auto = || {
        let effects = shown(ui, seen).map_or(&[][..], |s| s.effects.as_slice());
        let busy = effects
            .iter()
            .position(|e| !matches!(e.status, EffectStatus::Ended { .. }))
            .unwrap_or(effects.len());
        u16::try_from(busy.saturating_sub(usize::from(height) / 2)).unwrap_or(u16::MAX)
    };
    ui.work_top.unwrap_or_else(auto).min(most)
}

/// How many lines are too many for a height.
pub fn too_many(count: usize, height: u16) -> u16 {
    u16::try_from(count.saturating_sub(usize::from(height))).unwrap_or(u16::MAX)
}

fn shown<'a>(ui: &Ui, seen: &'a Seen) -> Option<&'a StepState> {
    seen.run.steps.get(ui.step_at(seen))
}

fn title(ui: &Ui, seen: &Seen, pane: Pane, width: u16) -> String {
    let step = shown(ui, seen);
    let text = match pane {
        Pane::Steps => {
            let over = seen.run.steps.iter().filter(|s| s.is_over()).count();
            format!("{} {over} of {}", pane.title(), seen.run.steps.len())
        }
        Pane::Detail => match step {
            Some(step) => format!("{} {} · {}", pane.title(), step.head.guide, step.head.level),
            None => pane.title().to_owned(),
        },
        Pane::Work => {
            let effects = step.map_or(&[][..], |s| s.effects.as_slice());
            let over = effects
                .iter()
                .filter(|e| matches!(e.status, EffectStatus::Ended { .. }))
                .count();
            let moved: u64 = effects.iter().map(|e| e.bytes).sum();
            let mut text = format!("{} {over} of {}", pane.title(), effects.len());
            if moved > 0 {
                text = format!("{text} · {}", bytes(moved));
            }
            text
        }
        Pane::Log if ui.log_at.is_some() => "Log · `f` follows".to_owned(),
        Pane::Log => "Log · following".to_owned(),
    };
    let pages = if ui.one_pane() {
        " · Tab: next pane"
    } else {
        ""
    };
    format!(
        " {} ",
        cut(&format!("{text}{pages}"), width.saturating_sub(4))
    )
}

fn steps(frame: &mut Frame, inner: Rect, ui: &Ui, seen: &Seen, theme: Theme) -> Position {
    let at = ui.step_at(seen);
    let height = usize::from(inner.height);
    let top = at.saturating_sub(height.saturating_sub(1) / 2);
    let top = top.min(seen.run.steps.len().saturating_sub(height));
    let rows = seen.run.steps.iter().enumerate().skip(top).take(height);
    let lines: Vec<Line> = rows
        .map(|(n, step)| {
            let (mark, _, style) = theme.step(&step.status);
            let text = format!(" {:<5} {}", step.head.guide, step.head.title);
            let text = cut(&text, inner.width.saturating_sub(1));
            let look = if n == at {
                theme.focus()
            } else if step.is_over() {
                theme.quiet()
            } else {
                ratatui::style::Style::new()
            };
            Line::from(vec![Span::styled(mark, style), Span::styled(text, look)])
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
    let row = u16::try_from(at.saturating_sub(top)).unwrap_or(0);
    Position::new(inner.x, inner.y + row.min(inner.height.saturating_sub(1)))
}

/// What a step is: title, status, what its gate says, the commands.
pub fn detail_lines(ui: &Ui, seen: &Seen, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let Some(step) = shown(ui, seen) else {
        return Vec::new();
    };
    let (mark, word, style) = theme.step(&step.status);
    let mut lines: Vec<Line> = wrap(width, "", "", &step.head.title)
        .into_iter()
        .map(|l| Line::styled(l, theme.strong()))
        .collect();
    let again = if step.attempt > 1 {
        format!(" · attempt {}", step.attempt)
    } else {
        String::new()
    };
    lines.push(Line::from(vec![
        Span::styled(format!("{mark} {word}"), style),
        Span::raw(again),
        Span::styled(
            cut(&format!(" · on {}", step.head.host), width),
            theme.quiet(),
        ),
    ]));
    for reason in step.message.lines().filter(|l| !l.is_empty()) {
        for line in wrap(width, "", "  ", reason) {
            lines.push(Line::from(line));
        }
    }
    if let Some(binding) = &step.binding {
        let skip = format!("What: {}", step.head.title);
        let told = binding.gate.lines.iter().filter(|l| **l != skip);
        lines.extend(told.flat_map(|l| labelled(l, theme, width)));
    }
    for effect in &step.effects {
        for command in commands_of(effect) {
            for line in wrap(width, "$ ", "    ", command) {
                lines.push(Line::styled(line, theme.quiet()));
            }
        }
    }
    lines
}

/// The commands an effect runs, as they are shown to people.
pub fn commands_of(effect: &EffectState) -> impl Iterator<Item = &str> {
    let shown = effect.spec.parameters.get("shown");
    let list = shown.and_then(|s| s.as_array()).into_iter().flatten();
    list.filter_map(|c| c.as_str())
}

/// A line of a gate: its label is bold.
pub fn labelled(text: &str, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let label = text
        .split_once(": ")
        .map(|(label, _)| label)
        .filter(|label| label.chars().count() <= 16 && !label.starts_with('·'));
    wrap(width, "", "  ", text)
        .into_iter()
        .enumerate()
        .map(|(n, line)| match label {
            Some(label) if n == 0 => match line.split_once(": ") {
                Some((first, rest)) if first == label => Line::from(vec![
                    Span::styled(format!("{first}: "), theme.strong()),
                    Span::raw(rest.to_owned()),
                ]),
                _ => Line::from(line),
            },
            _ => Line::from(line),
        })
        .collect()
}

fn work_lines(ui: &Ui, seen: &Seen, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let Some(step) = shown(ui, seen) else {
        return Vec::new();
    };
    if step.effects.is_empty() {
        let text = "What it does is known when its turn comes.";
        return wrap(width, "", "", text)
            .into_iter()
            .map(|l| Line::styled(l, theme.quiet()))
            .collect();
    }
    step.effects
        .iter()
        .map(|effect| {
            let (mark, word, style) = theme.effect(effect.status);
            let again = if effect.attempt > 1 {
                format!(" ({})", effect.attempt)
            } else {
                String::new()
            };
            let moved = if effect.bytes > 0 {
                match expected(effect) {
                    // The stream holds more than the mailboxes do.
                    Some(all) if effect.status == EffectStatus::InFlight => {
                        let part = effect.bytes.saturating_mul(100) / all.max(1);
                        format!(" · {} % of {}", part.min(99), bytes(all))
                    }
                    _ => format!(" · {}", bytes(effect.bytes)),
                }
            } else {
                String::new()
            };
            let message = if effect.message.is_empty() {
                String::new()
            } else {
                format!(": {}", effect.message)
            };
            let text = format!("{}{again}{moved}{message}", effect.spec.summary);
            let word = format!("{mark} {word:<8} ");
            let room = width.saturating_sub(u16::try_from(word.chars().count()).unwrap_or(0));
            Line::from(vec![Span::styled(word, style), Span::raw(cut(&text, room))])
        })
        .collect()
}

fn log(frame: &mut Frame, inner: Rect, ui: &Ui, seen: &Seen, theme: Theme) -> Position {
    let height = usize::from(inner.height);
    let last = seen.log.len().saturating_sub(1);
    let at = ui.log_at.unwrap_or(last).min(last);
    let wanted = ui.search.to_lowercase();
    let mut shown: Vec<Line> = Vec::new();
    let lines_of = |n: usize| -> Vec<Line<'static>> {
        let Some(line) = seen.log.get(n) else {
            return Vec::new();
        };
        let hit = !wanted.is_empty() && line.text.to_lowercase().contains(&wanted);
        let style = if hit {
            theme.hit()
        } else {
            ratatui::style::Style::new()
        };
        wrap(
            inner.width,
            &format!("{} ", line.at),
            "         ",
            &line.text,
        )
        .into_iter()
        .map(|l| Line::styled(l, style))
        .collect()
    };
    let mut n = at + 1;
    while n > 0 && shown.len() < height {
        n -= 1;
        let mut more = lines_of(n);
        more.append(&mut shown);
        shown = more;
    }
    let mut below = at + 1;
    while shown.len() < height && below <= last {
        shown.extend(lines_of(below));
        below += 1;
    }
    let extra = if below > at + 1 {
        0
    } else {
        too_many(shown.len(), inner.height)
    };
    frame.render_widget(Paragraph::new(shown).scroll((extra, 0)), inner);
    Position::new(inner.x, inner.y + inner.height.saturating_sub(1))
}
