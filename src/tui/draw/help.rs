//! The help page: every key there is, from the keymap.

use super::super::keymap::{self, Place};
use super::super::state::Ui;
use super::super::theme::Theme;
use super::run::too_many;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

/// Draws the help.
pub fn draw(frame: &mut Frame, body: Rect, ui: &Ui, theme: Theme) {
    let block = Block::bordered()
        .border_style(theme.border(true))
        .title(Span::styled(" Help · Esc: back ", theme.strong()));
    let inner = block.inner(body);
    let lines = lines(theme);
    let most = too_many(lines.len(), inner.height);
    let top = ui.help.unwrap_or(0).min(most);
    frame.render_widget(Clear, body);
    frame.render_widget(Paragraph::new(lines).scroll((top, 0)).block(block), body);
}

/// The first line the help can begin with at most.
pub fn most(ui: &Ui) -> u16 {
    let inner = Block::bordered().inner(super::body(ui));
    too_many(lines(Theme::default()).len(), inner.height)
}

fn lines(theme: Theme) -> Vec<Line<'static>> {
    let mut lines = vec![
        Line::from("You look at a run; it goes on without you. Nothing is done at a gate"),
        Line::from("before you answer it, and Esc never does anything to the run."),
    ];
    let places = [
        (Place::Panes, "On the run"),
        (Place::Buttons, "In a popup"),
        (Place::Field, "Where you type"),
        (Place::Result, "On the result"),
    ];
    for (place, title) in places {
        lines.push(Line::default());
        lines.push(Line::styled(title, theme.strong()));
        for key in keymap::help(place) {
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
