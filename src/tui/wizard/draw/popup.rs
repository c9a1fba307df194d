//! Popups before the run: a path, what to look for, passwords, many lines, starting, leaving.

use super::super::state::{Kind, Part, Popup, Wizard};
use crate::base::display_safe;
use crate::tui::text::{cut, wrap};
use crate::tui::theme::Theme;
use ratatui::Frame;
use ratatui::layout::{Margin, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph, Widget as _};
use unicode_width::UnicodeWidthStr as _;

/// The least rows that are shown of a text of many lines.
const LINES: u16 = 4;

pub(super) fn draw(
    frame: &mut Frame,
    body: Rect,
    w: &Wizard,
    popup: &Popup,
    theme: Theme,
) -> Option<Position> {
    let width = body.width.saturating_sub(2).min(84);
    let text = text(w, popup, width.saturating_sub(4));
    let said = u16::try_from(text.len()).unwrap_or(u16::MAX);
    let fields = match &popup.kind {
        Kind::Open | Kind::SaveAs | Kind::Search | Kind::Waive(_) => 1,
        Kind::Secrets(wanted) => u16::try_from(wanted.len()).unwrap_or(1),
        Kind::Lines(_, area) => {
            let lines = u16::try_from(area.lines().len()).unwrap_or(u16::MAX);
            lines.saturating_add(2).max(LINES)
        }
        Kind::Start | Kind::Leave => 0,
    };
    let wrong = match popup.wrong.as_str() {
        "" => Vec::new(),
        wrong => wrap(width.saturating_sub(4), "✗ ", "  ", wrong),
    };
    let told = u16::try_from(wrong.len()).unwrap_or(1).clamp(1, 3);
    // Borders, what was wrong, buttons.
    let fixed = 3 + told;
    let fields = fields
        .min(body.height.saturating_sub(fixed + 1))
        .max(fields.min(1));
    let said = said.min(body.height.saturating_sub(fixed + fields));
    let height = said + fields + fixed;
    let area = Rect::new(
        body.x + (body.width.saturating_sub(width)) / 2,
        body.y + (body.height.saturating_sub(height)) / 2,
        width,
        height,
    )
    .intersection(body);
    frame.render_widget(Clear, area);
    let (title, style) = title(w, popup, theme);
    let block = Block::bordered()
        .border_type(BorderType::Double)
        .border_style(style)
        .title(Span::styled(
            format!(" {} ", cut(&title, area.width.saturating_sub(6))),
            style,
        ));
    let inner = block.inner(area).inner(Margin::new(1, 0));
    frame.render_widget(block, area);
    let at = |from: u16, height: u16| {
        Rect::new(inner.x, inner.y + from, inner.width, height).intersection(inner)
    };
    let lines: Vec<Line> = text.into_iter().map(Line::from).collect();
    frame.render_widget(Paragraph::new(lines), at(0, said));
    let in_fields = draw_fields(frame, at(said, fields), popup, theme);
    let wrong: Vec<Line> = wrong
        .into_iter()
        .map(|l| Line::styled(l, theme.alarm()))
        .collect();
    frame.render_widget(Paragraph::new(wrong), at(said + fields, told));
    let in_buttons = draw_buttons(frame, at(said + fields + told, 1), popup, theme);
    in_fields.or(in_buttons)
}

fn title(w: &Wizard, popup: &Popup, theme: Theme) -> (String, Style) {
    let title = match &popup.kind {
        Kind::Open => "Load a site file".to_owned(),
        Kind::SaveAs => "Save the site".to_owned(),
        Kind::Search => "Search the plan".to_owned(),
        Kind::Waive(id) => format!("Waive `{id}`"),
        Kind::Secrets(_) => "Passwords".to_owned(),
        Kind::Lines(at, _) => entry_label(w, *at).to_owned(),
        Kind::Start => "Start the run".to_owned(),
        Kind::Leave => "Leave".to_owned(),
    };
    let practice = w
        .checks
        .site
        .as_ref()
        .is_none_or(crate::site::Site::is_practice);
    match popup.kind {
        Kind::Start if !practice => (format!("LIVE · {title}"), theme.alarm()),
        Kind::Start => (format!("PRACTICE · {title}"), theme.border(true)),
        _ => (title, theme.border(true)),
    }
}

fn entry_label(w: &Wizard, at: usize) -> &'static str {
    let entry = w.form.as_ref().and_then(|form| form.entries.get(at));
    entry.map_or("", |entry| entry.spec.label)
}

fn text(w: &Wizard, popup: &Popup, width: u16) -> Vec<String> {
    let paragraphs: Vec<String> = match &popup.kind {
        Kind::Open => vec!["The path of a site file; what is in the form goes.".to_owned()],
        Kind::SaveAs => vec![
            "The path of the file; one that is there is written anew. No password is in it."
                .to_owned(),
        ],
        Kind::Search => vec!["Enter goes to the next hit and opens its step.".to_owned()],
        Kind::Waive(id) => {
            let row = w.checks.rows.iter().find(|row| row.id == *id);
            let said = row.and_then(|row| row.report.as_ref());
            let said = said.map_or("", |(report, _)| report.detail.as_str());
            let said = said.split("\\n").next().unwrap_or("");
            vec![
                format!("It cannot be told: {said}"),
                "Why need it not be? The run then goes on past this check wherever it is asked; \
                 the reason is journaled with your name."
                    .to_owned(),
            ]
        }
        Kind::Secrets(_) => vec![
            "They are kept in memory only: not in the site, not in the journal, and asked again \
             when the engine has to be started anew."
                .to_owned(),
        ],
        Kind::Lines(at, _) => {
            let entry = w.form.as_ref().and_then(|form| form.entries.get(*at));
            let help = entry.map_or("", |entry| entry.spec.help);
            vec![help.to_owned()]
        }
        Kind::Start => start_text(w),
        Kind::Leave => {
            let unsaved = w
                .form
                .as_ref()
                .is_some_and(super::super::form::Form::is_changed);
            let mut said = vec!["No run was begun, and nothing was changed anywhere.".to_owned()];
            if unsaved {
                said.push("The site is not saved: what you typed goes with the screen.".to_owned());
            }
            said
        }
    };
    paragraphs
        .iter()
        .flat_map(|text| wrap(width, "", "", text))
        .collect()
}

fn start_text(w: &Wizard) -> Vec<String> {
    let steps = w.plan.shown().map_or(0, |plan| {
        plan.steps
            .iter()
            .filter(|s| s.applies != Some(false))
            .count()
    });
    let mut said = vec![format!(
        "A run of {steps} steps is made, and an engine of its own that goes on when this terminal \
         is lost. It asks at a gate before each step: nothing is changed before you answer."
    )];
    if w.plan.plan.is_none() {
        said.push(
            "The facts could not be looked up here: the run looks them up step by step, and stops \
             where it cannot."
                .to_owned(),
        );
    }
    let inhibiting = w.checks.inhibiting();
    if inhibiting > 0 {
        said.push(format!("{inhibiting} of the checks would inhibit it."));
    }
    if !w.checks.waivers.is_empty() {
        let waived: Vec<&str> = w.checks.waivers.keys().map(String::as_str).collect();
        said.push(format!("Waived by you: {}.", waived.join(", ")));
    }
    if let Some(plan) = &w.plan.draft {
        said.push(format!("Draft {}", plan.digest.get(..16).unwrap_or("")));
    }
    said
}

fn draw_fields(frame: &mut Frame, area: Rect, popup: &Popup, theme: Theme) -> Option<Position> {
    match &popup.kind {
        Kind::Open | Kind::SaveAs | Kind::Search | Kind::Waive(_) => {
            let room = usize::from(area.width.saturating_sub(3));
            let skip = popup.field.cursor.saturating_sub(room);
            let visible: String = popup.field.text.chars().skip(skip).take(room).collect();
            let before: String = visible.chars().take(popup.field.cursor - skip).collect();
            let line = Line::from(vec![
                Span::styled("> ", theme.strong()),
                Span::raw(cut(&visible, area.width.saturating_sub(2))),
            ]);
            frame.render_widget(Paragraph::new(line), area);
            let x = area.x + 2 + u16::try_from(display_safe(&before).width()).unwrap_or(0);
            (popup.part() == Part::Field)
                .then(|| Position::new(x.min(area.right().saturating_sub(1)), area.y))
        }
        Kind::Secrets(wanted) => {
            let mut cursor = None;
            for (n, (secret, row)) in wanted.iter().zip(area.rows()).enumerate() {
                let focused = popup.part() == Part::Secret(n);
                let label = cut(&secret.title, row.width.saturating_sub(16));
                let pad = usize::from(row.width).saturating_sub(label.width() + 14);
                let pad = pad.min(34_usize.saturating_sub(label.width()));
                let shown = format!("{:<10}", secret.field.shown());
                let look = if focused { theme.focus() } else { Style::new() };
                let line = Line::from(vec![
                    Span::styled(format!("{label}{} ", " ".repeat(pad)), theme.strong()),
                    Span::styled(shown, look),
                ]);
                frame.render_widget(Paragraph::new(line), row);
                if focused {
                    let typed = u16::from(!secret.field.is_empty()) * 8;
                    let x = label.width() + pad + 1;
                    let x = row.x + u16::try_from(x).unwrap_or(0) + typed;
                    cursor = Some(Position::new(x.min(row.right().saturating_sub(1)), row.y));
                }
            }
            cursor
        }
        Kind::Lines(_, lines) => {
            let mut widget = lines.clone();
            widget.set_cursor_line_style(Style::new());
            let focused = popup.part() == Part::Lines;
            widget.set_cursor_style(if focused { theme.focus() } else { Style::new() });
            widget.set_block(Block::bordered().border_style(theme.border(focused)));
            widget.render(area, frame.buffer_mut());
            if !focused {
                return None;
            }
            let (top, left) = widget.scroll_offset();
            let at = widget.screen_cursor();
            let x = u16::try_from(at.col).unwrap_or(0).saturating_sub(left);
            let y = u16::try_from(at.row).unwrap_or(0).saturating_sub(top);
            Some(Position::new(
                (area.x + 1 + x).min(area.right().saturating_sub(2)),
                (area.y + 1 + y).min(area.bottom().saturating_sub(2)),
            ))
        }
        Kind::Start | Kind::Leave => None,
    }
}

fn label(popup: &Popup, part: Part) -> &'static str {
    match (part, &popup.kind) {
        (Part::Cancel, Kind::Leave) => "Stay",
        (Part::Cancel, Kind::Start) => "Not yet",
        (Part::Cancel, Kind::Lines(..)) => "Drop the changes",
        (Part::Cancel, _) => "Cancel",
        (Part::Confirm, Kind::Secrets(_)) => "Go on to the checks",
        (Part::Confirm, Kind::Lines(..)) => "Keep",
        (Part::Confirm, Kind::Leave) => "Leave",
        (Part::Confirm, Kind::Waive(_)) => "Waive the check",
        (Part::Confirm, _) => "Start the run",
        (Part::Field | Part::Secret(_) | Part::Lines, _) => "",
    }
}

fn draw_buttons(frame: &mut Frame, row: Rect, popup: &Popup, theme: Theme) -> Option<Position> {
    let mut x = row.x;
    let mut cursor = None;
    for (n, part) in popup.parts.iter().enumerate() {
        let label = label(popup, *part);
        if label.is_empty() {
            continue;
        }
        let text = format!("[ {label} ]");
        let width = u16::try_from(text.width()).unwrap_or(0);
        let focused = n == popup.focus;
        let style = if focused { theme.focus() } else { Style::new() };
        let place = Rect::new(x, row.y, width, 1).intersection(row);
        frame.render_widget(Paragraph::new(Span::styled(text, style)), place);
        if focused {
            cursor = Some(Position::new(x + 2, row.y));
        }
        x = x.saturating_add(width + 1);
    }
    cursor
}
