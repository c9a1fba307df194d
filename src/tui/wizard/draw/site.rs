//! The form of the site: fields by section, below them help and what is wrong, and the buttons.

use super::super::fields::Kind;
use super::super::form::{BUTTONS, Content, Entry, Form};
use super::super::state::Wizard;
use crate::tui::text::{cut, wrap};
use crate::tui::theme::Theme;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};
use unicode_width::UnicodeWidthStr as _;

/// The columns of the labels, mark included.
const LABELS: u16 = 28;

pub(super) fn draw(frame: &mut Frame, body: Rect, w: &Wizard, theme: Theme) -> Option<Position> {
    let form = w.form.as_ref()?;
    let [fields, below, buttons] = Layout::vertical([
        Constraint::Fill(1),
        Constraint::Length(4),
        Constraint::Length(1),
    ])
    .areas(body);
    let in_fields = draw_fields(frame, fields, form, theme);
    draw_below(frame, below, form, theme);
    let in_buttons = draw_buttons(frame, buttons, form, theme);
    in_fields.or(in_buttons)
}

fn draw_fields(frame: &mut Frame, area: Rect, form: &Form, theme: Theme) -> Option<Position> {
    let visible = form.visible();
    let mut lines: Vec<Line> = Vec::new();
    let mut focused_line = 0;
    let mut cursor_column = None;
    let mut section = "";
    for (n, at) in visible.iter().enumerate() {
        let Some(entry) = form.entries.get(*at) else {
            continue;
        };
        if entry.section != section {
            section = &entry.section;
            lines.push(Line::styled(
                cut(&format!(" {section}"), area.width),
                theme.strong(),
            ));
        }
        let focused = n == form.focus;
        let (line, column) = row(form, entry, focused, area.width, theme);
        if focused {
            focused_line = lines.len();
            cursor_column = Some(column);
        }
        lines.push(line);
    }
    if form.focus >= visible.len() {
        focused_line = lines.len();
    }
    let top = super::top_for(focused_line, lines.len(), area.height);
    let scroll = (u16::try_from(top).unwrap_or(0), 0);
    frame.render_widget(Paragraph::new(lines).scroll(scroll), area);
    let row = u16::try_from(focused_line - top).unwrap_or(0);
    cursor_column.map(|column| Position::new(area.x + column, area.y + row))
}

/// A field's line, and the column of the cursor in it.
fn row(
    form: &Form,
    entry: &Entry,
    focused: bool,
    width: u16,
    theme: Theme,
) -> (Line<'static>, u16) {
    let wrong = form.wrong_with(entry).is_some();
    let mark = if wrong { "✗" } else { " " };
    let label = cut(entry.spec.label, LABELS - 4);
    let pad = usize::from(LABELS - 3).saturating_sub(label.width());
    let room = width.saturating_sub(LABELS + 1);
    let look = if focused { theme.focus() } else { Style::new() };
    let mut spans = vec![
        Span::styled(format!(" {mark} "), theme.alarm()),
        Span::styled(
            format!("{label}{}", " ".repeat(pad)),
            if focused {
                theme.strong()
            } else {
                theme.quiet()
            },
        ),
    ];
    let mut column = LABELS;
    match &entry.content {
        Content::Line(field) => {
            let skip = field
                .cursor
                .saturating_sub(usize::from(room).saturating_sub(1));
            let text: String = field.text.chars().skip(skip).collect();
            let before: String = field
                .text
                .chars()
                .skip(skip)
                .take(field.cursor - skip)
                .collect();
            let before = crate::base::display_safe(&before).width();
            column += u16::try_from(before).unwrap_or(0).min(room);
            let mut shown = cut(&text, room);
            if focused {
                // An empty field shows where it is, too.
                let least = usize::from(room.min(20));
                let pad = least.saturating_sub(shown.width());
                shown.push_str(&" ".repeat(pad));
            }
            spans.push(Span::styled(shown, look));
        }
        Content::Word(_) => {
            let word = entry.shown();
            let word = if word.is_empty() {
                "(not known)"
            } else {
                &word
            };
            spans.push(Span::styled(format!("‹ {word} ›"), look));
        }
        Content::Lines(lines) => {
            let text = match lines.len() {
                0 => "(none) Enter: edit".to_owned(),
                1 => entry.shown(),
                n => format!("{n} lines: {}", entry.shown()),
            };
            spans.push(Span::styled(cut(&text, room), look));
        }
        Content::Button => {
            let text = format!("[ {} ]", entry.spec.label);
            if let Some(label) = spans.get_mut(1) {
                *label = Span::raw("");
            }
            column = 3;
            spans.push(Span::styled(cut(&text, room), look));
        }
    }
    (Line::from(spans), column)
}

/// What the field with the focus is for, and what is wrong.
fn draw_below(frame: &mut Frame, area: Rect, form: &Form, theme: Theme) {
    let block = Block::new()
        .borders(Borders::TOP)
        .border_style(theme.quiet());
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let mut lines: Vec<Line> = Vec::new();
    let entry = form.focused();
    if let Some(entry) = entry {
        let help = wrap(inner.width, " ", " ", entry.spec.help);
        lines.extend(
            help.into_iter()
                .take(1)
                .map(|l| Line::styled(l, theme.quiet())),
        );
    }
    let wrong = match entry {
        Some(entry) => form.wrong_with(entry).or_else(|| form.wrong_elsewhere()),
        None => form.wrong_elsewhere(),
    };
    if let Some(wrong) = wrong {
        let hint = wrong
            .hint
            .as_ref()
            .map_or_else(String::new, |h| format!(" → {h}"));
        let text = format!("✗ {}{hint}", wrong.message);
        let said = wrap(inner.width, " ", "   ", &text);
        lines.extend(
            said.into_iter()
                .take(2)
                .map(|l| Line::styled(l, theme.alarm())),
        );
    } else if let Some(entry) = entry
        && matches!(entry.spec.kind, Kind::Text | Kind::Optional)
        && entry.shown().width() > usize::from(area.width.saturating_sub(LABELS + 1))
    {
        let all = wrap(inner.width, " ", " ", &entry.shown());
        lines.extend(all.into_iter().take(2).map(Line::from));
    } else if entry.is_none() && form.wrong.is_empty() {
        lines.push(Line::from(" Everything holds: on to the checks."));
    } else if entry.is_none() {
        let text = format!(" {} not right yet, marked with ✗", form.wrong.len());
        lines.push(Line::styled(text, theme.alarm()));
    }
    frame.render_widget(Paragraph::new(lines), inner);
}

fn draw_buttons(frame: &mut Frame, area: Rect, form: &Form, theme: Theme) -> Option<Position> {
    let on = form.focus >= form.visible().len();
    let mut cursor = None;
    let mut x = area.x + 1;
    for (n, label) in BUTTONS.into_iter().enumerate() {
        let text = format!("[ {label} ]");
        let width = u16::try_from(text.width()).unwrap_or(0);
        let focused = on && n == form.button;
        let style = if focused { theme.focus() } else { Style::new() };
        let place = Rect::new(x, area.y, width, 1).intersection(area);
        frame.render_widget(Paragraph::new(Span::styled(text, style)), place);
        if focused {
            cursor = Some(Position::new(x + 2, area.y));
        }
        x = x.saturating_add(width + 1);
    }
    cursor
}
