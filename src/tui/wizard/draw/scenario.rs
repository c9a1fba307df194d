//! The scenarios: which there are, and what the selected one is.

use super::super::state::Wizard;
use crate::scenario::Scenario;
use crate::scenario::names::field_title;
use crate::tui::draw::run::{labelled, too_many};
use crate::tui::text::{cut, wrap};
use crate::tui::theme::Theme;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};

pub(super) fn draw(frame: &mut Frame, body: Rect, w: &Wizard, theme: Theme) -> Position {
    let [list, detail] = areas(body, w);
    let rows: Vec<Line> = w
        .scenarios
        .iter()
        .enumerate()
        .map(|(n, scenario)| {
            let mark = if n == w.chosen { ">" } else { " " };
            let text = format!("{mark} {:<16} {}", scenario.id, scenario.title);
            let style = if n == w.chosen {
                theme.focus()
            } else {
                Style::new()
            };
            Line::styled(cut(&text, list.width.saturating_sub(1)), style)
        })
        .collect();
    let block = Block::bordered()
        .border_style(theme.border(true))
        .title(" Which procedure ");
    let inner = block.inner(list);
    let top = super::top_for(w.chosen, rows.len(), inner.height);
    frame.render_widget(block, list);
    let scroll = (u16::try_from(top).unwrap_or(0), 0);
    frame.render_widget(Paragraph::new(rows).scroll(scroll), inner);
    let row = u16::try_from(w.chosen - top.min(w.chosen)).unwrap_or(0);
    let cursor = Position::new(inner.x, inner.y + row);

    let block = Block::bordered()
        .border_style(theme.border(false))
        .title(" What it is ");
    let inner = block.inner(detail);
    frame.render_widget(block, detail);
    if let Some(scenario) = w.scenarios.get(w.chosen) {
        let lines = lines(scenario, inner.width, theme);
        let top = w.scenario_top.min(too_many(lines.len(), inner.height));
        frame.render_widget(Paragraph::new(lines).scroll((top, 0)), inner);
    }
    cursor
}

/// The first line of the text that can be the topmost at most.
pub fn most(w: &Wizard) -> u16 {
    let [_, detail] = areas(super::body(w), w);
    let inner = Block::bordered().inner(detail);
    let count = w
        .scenarios
        .get(w.chosen)
        .map_or(0, |s| lines(s, inner.width, Theme::default()).len());
    too_many(count, inner.height)
}

fn areas(body: Rect, w: &Wizard) -> [Rect; 2] {
    let wanted = u16::try_from(w.scenarios.len()).unwrap_or(u16::MAX);
    let list = wanted.clamp(1, 5) + 2;
    Layout::vertical([Constraint::Length(list), Constraint::Fill(1)]).areas(body)
}

fn lines(scenario: &Scenario, width: u16, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let plain = |lines: &mut Vec<Line<'static>>, first: &str, rest: &str, text: &str| {
        lines.extend(wrap(width, first, rest, text).into_iter().map(Line::from));
    };
    plain(&mut lines, "", "", &scenario.summary);
    lines.push(Line::default());
    let hosts: Vec<&str> = scenario.roles.iter().map(|role| role.title()).collect();
    let mut facts = vec![format!("Hosts: {}", hosts.join(", "))];
    if let Some(downtime) = &scenario.downtime {
        facts.push(format!("Downtime: {downtime}"));
    }
    facts.push(format!("Steps: {}", scenario.steps.len()));
    for fact in facts {
        lines.extend(labelled(&fact, theme, width));
    }
    if !scenario.assumptions.is_empty() {
        lines.push(Line::default());
        lines.push(Line::styled("It is the right one when", theme.strong()));
        for assumption in &scenario.assumptions {
            plain(&mut lines, "· ", "  ", &named(assumption));
        }
    }
    lines
}

/// A text with its placeholders as people call them.
fn named(text: &str) -> String {
    let mut said = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (field, after) = after.split_once('}').unwrap_or((after, ""));
        said.extend([before, "<", &field_title(field), ">"]);
        rest = after;
    }
    said.push_str(rest);
    said
}
