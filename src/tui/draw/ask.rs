//! The rows of a popup below its text: what was said last, the question, the field, the buttons.

use super::super::seen::Seen;
use super::super::state::{Kind, Part, Popup, Stage, Ui};
use super::super::text::{cut, wrap};
use super::super::theme::Theme;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr as _;

/// The most rows that what was said may take.
const MOST_SAID: usize = 3;

/// How many rows there are.
pub fn height(popup: &Popup, ui: &Ui, seen: &Seen, width: u16) -> u16 {
    let said = said(popup, ui, seen, Theme::default(), width).len();
    let field = if popup.parts.contains(&Part::Field) {
        2
    } else {
        1
    };
    u16::try_from(said).unwrap_or(1) + field + 1
}

/// Draws them; returns where the cursor belongs.
pub fn draw(
    frame: &mut Frame,
    area: Rect,
    ui: &Ui,
    popup: &Popup,
    seen: &Seen,
    theme: Theme,
) -> Option<Position> {
    let mut rows = area.rows();
    let has_field = popup.parts.contains(&Part::Field);
    if !has_field {
        rows.next()?;
    }
    for line in said(popup, ui, seen, theme, area.width) {
        frame.render_widget(Paragraph::new(line), rows.next()?);
    }
    let mut cursor = None;
    if has_field {
        let question = Line::styled(question(popup, seen), theme.strong());
        frame.render_widget(Paragraph::new(question), rows.next()?);
        cursor = field(frame, rows.next()?, popup, theme);
    }
    buttons(frame, rows.next()?, popup, seen, theme).or(cursor)
}

/// An empty row, or what is to be known before anything is pressed.
fn said(popup: &Popup, ui: &Ui, seen: &Seen, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let (text, style) = match &popup.stage {
        Stage::Refused(reason) => (format!("✗ {reason}"), theme.alarm()),
        Stage::Waiting(_) => ("Sent; waiting for the engine…".to_owned(), theme.strong()),
        _ if !popup.attention.is_given() => {
            let text = if popup.attention.was_pressed() {
                "Not taken: this had just come up. Keys count after a moment's rest."
            } else {
                "This has just come up: keys count in a moment."
            };
            (text.to_owned(), theme.strong())
        }
        Stage::Told(told) => (told.clone(), theme.strong()),
        Stage::Prompting if !ui.in_control(seen) && popup.is_for_the_run() => (
            "You are watching: another client has control.".to_owned(),
            theme.quiet(),
        ),
        Stage::Prompting => (String::new(), theme.quiet()),
    };
    let mut lines = wrap(width, "", "  ", &text);
    if lines.len() > MOST_SAID {
        let rest = lines.split_off(MOST_SAID - 1).join(" ");
        lines.push(cut(&rest, width.saturating_sub(2)));
    }
    lines.resize(lines.len().max(1), String::new());
    lines.into_iter().map(|l| Line::styled(l, style)).collect()
}

fn question(popup: &Popup, seen: &Seen) -> String {
    match &popup.kind {
        Kind::Gate(gate) => match &gate.typed {
            Some(typed) => format!("Type {typed} and press Enter:"),
            None if seen.wants_words(gate) => "Your answer:".to_owned(),
            None => String::new(),
        },
        Kind::Reason => "Your reason:".to_owned(),
        Kind::Waive => "The check, and your reason:".to_owned(),
        Kind::Search => "Look for:".to_owned(),
        _ => String::new(),
    }
}

fn field(frame: &mut Frame, row: Rect, popup: &Popup, theme: Theme) -> Option<Position> {
    let field = &popup.field;
    let room = usize::from(row.width.saturating_sub(3));
    let skip = field.cursor.saturating_sub(room);
    let text = field.text.chars().skip(skip);
    let visible: String = text.clone().take(room).collect();
    let before: String = text.take(field.cursor - skip).collect();
    let prompt = Span::styled("> ", theme.strong());
    let line = Line::from(vec![prompt, Span::raw(visible)]);
    frame.render_widget(Paragraph::new(line), row);
    let x = row.x + 2 + u16::try_from(before.width()).unwrap_or(0);
    let at = Position::new(x.min(row.right().saturating_sub(1)), row.y);
    (popup.part() == Part::Field).then_some(at)
}

fn buttons(
    frame: &mut Frame,
    row: Rect,
    popup: &Popup,
    seen: &Seen,
    theme: Theme,
) -> Option<Position> {
    let mut cursor = None;
    let mut x = row.x;
    let buttons = popup.parts.iter().filter(|p| **p != Part::Field);
    let widths = buttons.map(|p| label(*p, popup, seen).width() + 5);
    let too_wide = widths
        .sum::<usize>()
        .saturating_sub(usize::from(row.width) + 1);
    for (n, part) in popup.parts.iter().enumerate() {
        if *part == Part::Field {
            continue;
        }
        let text = match part {
            Part::Cancel if too_wide > 0 && matches!(popup.kind, Kind::Failed(..)) => "Look".into(),
            Part::Retry if too_wide > 0 => "Retry".into(),
            _ => label(*part, popup, seen),
        };
        // What it is about is said above: that button gives way, so that all are there.
        let room = match part {
            Part::Confirm => text.width().saturating_sub(too_wide),
            _ => usize::from(row.width),
        };
        let room = u16::try_from(room).unwrap_or(u16::MAX);
        let text = format!("[ {} ]", cut(&text, room));
        let width = u16::try_from(text.width()).unwrap_or(0);
        let style = match n == popup.focus {
            _ if !popup.attention.is_given() => theme.quiet(),
            true => theme.focus(),
            false => Style::new(),
        };
        let place = Rect::new(x, row.y, width, 1).intersection(row);
        frame.render_widget(Paragraph::new(Span::styled(text, style)), place);
        if n == popup.focus {
            let last = row.right().saturating_sub(1);
            cursor = Some(Position::new((x + 2).min(last), row.y));
        }
        x = x.saturating_add(width + 1);
    }
    cursor
}

fn label(part: Part, popup: &Popup, seen: &Seen) -> String {
    let task = popup.gate().is_some_and(|g| seen.is_task(g));
    match part {
        Part::Field => String::new(),
        Part::Cancel => match popup.kind {
            Kind::Leave => "Stay",
            Kind::Failed(..) => "Look first",
            _ if task => "Not yet",
            _ => "Cancel",
        }
        .to_owned(),
        Part::Run => "Run it here".to_owned(),
        Part::Confirm if task && popup.parts.contains(&Part::Field) => {
            "That is my answer".to_owned()
        }
        Part::Confirm if task => "It is done".to_owned(),
        Part::Confirm => popup
            .gate()
            .and_then(|g| seen.step_of_gate(g))
            .map_or_else(|| "Go on".to_owned(), |s| s.head.title.clone()),
        Part::Retry => "Try again".to_owned(),
        Part::Waive => "Waive…".to_owned(),
        Part::Skip => "Leave it…".to_owned(),
        Part::Back => {
            let to = match &popup.kind {
                Kind::Undo(to) => to.as_deref(),
                _ => None,
            };
            let step = seen.run.steps.iter().find(|s| Some(&*s.head.id) == to);
            format!("To step {}", step.map_or("", |s| &s.head.guide))
        }
        Part::Everything => "Everything".to_owned(),
        Part::Forward => "Forward".to_owned(),
        Part::Stop => "Stop".to_owned(),
        Part::Detach => "Detach".to_owned(),
    }
}
