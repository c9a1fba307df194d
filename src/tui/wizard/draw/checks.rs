//! The checks: a line each, and below them what the selected one saw and what to do about it.

use super::super::state::{Row, Wizard};
use crate::check::Outcome;
use crate::tui::draw::run::too_many;
use crate::tui::text::{cut, wrap};
use crate::tui::theme::Theme;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};
use std::time::Duration;
use unicode_width::UnicodeWidthStr as _;

pub(super) fn draw(frame: &mut Frame, body: Rect, w: &Wizard, theme: Theme) -> Position {
    let [list, detail] = areas(body, w);
    let block = Block::bordered()
        .border_style(theme.border(true))
        .title(Span::styled(
            format!(" {} ", cut(&summary(w), list.width.saturating_sub(6))),
            theme.strong(),
        ));
    let inner = block.inner(list);
    frame.render_widget(block, list);
    let rows = &w.checks.rows;
    let top = super::top_for(w.checks.selected, rows.len(), inner.height);
    let lines: Vec<Line> = rows
        .iter()
        .enumerate()
        .skip(top)
        .take(usize::from(inner.height))
        .map(|(n, row)| line(w, row, n == w.checks.selected, inner.width, theme))
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
    let row = u16::try_from(w.checks.selected.saturating_sub(top)).unwrap_or(0);
    let cursor = Position::new(inner.x, inner.y + row);

    let title = rows
        .get(w.checks.selected)
        .map_or("", |row| row.id.as_str());
    let lines = detail_lines(w, Block::bordered().inner(detail).width, theme);
    let inner = Block::bordered().inner(detail);
    let most = too_many(lines.len(), inner.height);
    let more = if most > 0 {
        " · PageUp, PageDown: more"
    } else {
        ""
    };
    let block = Block::bordered()
        .border_style(theme.border(false))
        .title(format!(" {title}{more} "));
    frame.render_widget(block, detail);
    let top = w.checks.top.min(most);
    frame.render_widget(Paragraph::new(lines).scroll((top, 0)), inner);
    cursor
}

/// The first line of what the selected one says that can be the topmost at most.
pub fn most(w: &Wizard) -> u16 {
    let [_, detail] = areas(super::body(w), w);
    let inner = Block::bordered().inner(detail);
    let count = detail_lines(w, inner.width, Theme::default()).len();
    too_many(count, inner.height)
}

fn areas(body: Rect, w: &Wizard) -> [Rect; 2] {
    let wanted = u16::try_from(w.checks.rows.len()).unwrap_or(u16::MAX);
    let most = (body.height / 2).max(5);
    let list = wanted.saturating_add(2).clamp(3, most);
    Layout::vertical([Constraint::Length(list), Constraint::Fill(1)]).areas(body)
}

fn summary(w: &Wizard) -> String {
    let open = w.checks.count(None);
    let counts = [
        (Outcome::Ok, "ok"),
        (Outcome::Warning, "warning"),
        (Outcome::Failed, "failed"),
        (Outcome::Unknown, "unknown"),
    ];
    let mut said: Vec<String> = counts
        .into_iter()
        .map(|(outcome, word)| (w.checks.count(Some(outcome)), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if open > 0 {
        said.push(format!("{open} being asked"));
    }
    let end = match w.checks.inhibiting() {
        _ if w.checks.rows.is_empty() => "nothing to ask",
        _ if open > 0 => "wait",
        0 => "nothing inhibits: Enter goes on",
        1 => "1 inhibits",
        _ => "several inhibit",
    };
    format!("Checks · {} · {end}", said.join(", "))
}

/// Sign, word and look of an outcome: the sign says the same without colours.
pub fn outcome(theme: Theme, outcome: Outcome) -> (&'static str, &'static str, Style) {
    use crate::engine::event::Outcome as Of;
    match outcome {
        Outcome::Ok => ("✓", "ok", theme.outcome(Of::Ok)),
        Outcome::Warning => ("!", "warning", theme.outcome(Of::Warning)),
        Outcome::Failed => ("✗", "failed", theme.outcome(Of::Failed)),
        Outcome::Unknown => ("~", "unknown", theme.alarm()),
    }
}

fn line(w: &Wizard, row: &Row, selected: bool, width: u16, theme: Theme) -> Line<'static> {
    let (mark, word, style) = match &row.report {
        _ if row.asked => ("»", "asked", theme.strong()),
        None => ("·", "not asked", theme.quiet()),
        Some((report, _)) => outcome(theme, report.outcome),
    };
    let age = match &row.report {
        Some((_, at)) if !row.asked => age(w.now.saturating_sub(*at)),
        _ => String::new(),
    };
    let inhibits = match &row.report {
        Some((report, _)) if report.inhibits && !row.asked => "inhibits ",
        Some((report, _)) if report.waived.is_some() && !row.asked => "waived ",
        _ => "",
    };
    let text = if width >= 76 {
        format!("{:<22} {}", row.id, row.title)
    } else {
        row.id.clone()
    };
    let first = format!("{mark} {word:<9} ");
    let room =
        usize::from(width).saturating_sub(first.width() + inhibits.width() + age.width() + 2);
    let text = cut(&text, u16::try_from(room).unwrap_or(0));
    let pad = room.saturating_sub(text.width()) + 1;
    let look = if selected {
        theme.focus()
    } else {
        Style::new()
    };
    Line::from(vec![
        Span::styled(first, style),
        Span::styled(text, look),
        Span::raw(" ".repeat(pad)),
        Span::styled(inhibits, theme.alarm()),
        Span::styled(age, theme.quiet()),
    ])
}

/// How old an answer is, in steps that do not flicker.
fn age(age: Duration) -> String {
    match age.as_secs() {
        0..=9 => "now".to_owned(),
        seconds @ 10..=59 => format!("{} s ago", seconds / 10 * 10),
        seconds @ 60..=3_599 => format!("{} min ago", seconds / 60),
        seconds => format!("{} h ago", seconds / 3_600),
    }
}

fn detail_lines(w: &Wizard, width: u16, theme: Theme) -> Vec<Line<'static>> {
    let Some(row) = w.checks.rows.get(w.checks.selected) else {
        return Vec::new();
    };
    let mut lines: Vec<Line> = wrap(width, "", "", row.title)
        .into_iter()
        .map(|l| Line::styled(l, theme.strong()))
        .collect();
    let Some((report, _)) = &row.report else {
        let text = if row.asked {
            "It is being asked."
        } else {
            "It was not asked yet: `r`."
        };
        lines.push(Line::from(text));
        return lines;
    };
    let (mark, word, style) = outcome(theme, report.outcome);
    let stops = if report.inhibits {
        " · keeps the run from beginning"
    } else {
        ""
    };
    lines.push(Line::from(vec![
        Span::styled(format!("{mark} {word}"), style),
        Span::raw(format!("{stops} · took {} ms", report.milliseconds)),
    ]));
    if let Some(reason) = &report.waived {
        let waived = wrap(width, "", "  ", &format!("Waived: {reason}"));
        lines.extend(waived.into_iter().map(|l| Line::styled(l, theme.strong())));
    }
    // What was not understood is shown as it came, line by line; it was made safe where it was read.
    let detail = match report.outcome {
        Outcome::Unknown => report.detail.replace("\\n", "\n"),
        _ => report.detail.clone(),
    };
    for part in detail.lines() {
        lines.extend(wrap(width, "", "", part).into_iter().map(Line::from));
    }
    if report.outcome != Outcome::Ok && !report.remedy.is_empty() {
        lines.push(Line::default());
        lines.push(Line::styled("What to do", theme.strong()));
        for part in report.remedy.lines() {
            lines.extend(wrap(width, "→ ", "  ", part).into_iter().map(Line::from));
        }
        if !report.repair.is_empty() {
            let text = crate::plan::render::command(&report.repair);
            lines.extend(wrap(width, "$ ", "    ", &text).into_iter().map(Line::from));
        }
    }
    lines
}
