//! The help page: every key there is, from the keymap.

use super::super::keymap::{self, Place};
use super::super::state::Ui;
use super::super::text::wrap;
use super::super::theme::Theme;
use super::run::too_many;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

/// What the help of the run begins with.
const RUN: &str = "You look at a run; it goes on without you. Nothing is done at a gate \
                   before you answer it, and Esc never does anything to the run.";

/// The places of the run, and what the help calls them.
const RUN_PLACES: &[(Place, &str)] = &[
    (Place::Panes, "On the run"),
    (Place::Buttons, "In a popup"),
    (Place::Field, "Where you type"),
    (Place::Result, "On the result"),
];

/// Draws the help.
pub fn draw(frame: &mut Frame, body: Rect, ui: &Ui, theme: Theme) {
    draw_about(frame, body, ui.help.unwrap_or(0), RUN, RUN_PLACES, theme);
}

/// The first line the help can begin with at most.
pub fn most(ui: &Ui) -> u16 {
    most_about(super::body(ui), RUN, RUN_PLACES)
}

/// Draws the help of some places.
pub fn draw_about(
    frame: &mut Frame,
    body: Rect,
    top: u16,
    about: &str,
    places: &[(Place, &str)],
    theme: Theme,
) {
    let block = Block::bordered()
        .border_style(theme.border(true))
        .title(Span::styled(" Help · Esc: back ", theme.strong()));
    let inner = block.inner(body);
    let lines = lines(inner.width, about, places, theme);
    let most = too_many(lines.len(), inner.height);
    frame.render_widget(Clear, body);
    let top = top.min(most);
    frame.render_widget(Paragraph::new(lines).scroll((top, 0)).block(block), body);
    super::more(frame, body, (top, most), ("Up", "Down"), theme);
}

/// The first line the help of some places can begin with at most.
pub fn most_about(body: Rect, about: &str, places: &[(Place, &str)]) -> u16 {
    let inner = Block::bordered().inner(body);
    let count = lines(inner.width, about, places, Theme::default()).len();
    too_many(count, inner.height)
}

fn lines(width: u16, about: &str, places: &[(Place, &str)], theme: Theme) -> Vec<Line<'static>> {
    let mut lines: Vec<Line> = wrap(width.min(74), "", "", about)
        .into_iter()
        .map(Line::from)
        .collect();
    for (place, title) in places {
        lines.push(Line::default());
        lines.push(Line::styled((*title).to_owned(), theme.strong()));
        for key in keymap::help(*place) {
            lines.push(Line::from(vec![
                Span::styled(format!("  {:<10}", key.name), theme.strong()),
                Span::raw(key.label),
            ]));
        }
    }
    lines.push(Line::default());
    lines.push(Line::styled("Marks", theme.strong()));
    lines.push(Line::from(
        "  ✓ ok   ! warning   - skipped   ✗ failed or blocked   ? waits for you",
    ));
    lines.push(Line::from(
        "  » running   ◦ facts are looked up   · to come   ~ end not known",
    ));
    lines
}
