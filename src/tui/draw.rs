//! What the screen shows, from state alone: header, status line, body, footer, popups above.

pub mod ask;
pub mod help;
pub mod popup;
pub mod result;
pub mod run;

use super::keymap;
use super::seen::Seen;
use super::state::Ui;
use super::text::cut;
use super::theme::Theme;
use crate::engine::state::StepStatus;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr as _;

/// Draws everything.
pub fn draw(frame: &mut Frame, ui: &Ui, seen: &Seen, theme: Theme) {
    let screen = frame.area();
    if screen.width < Ui::LEAST.0 || screen.height < Ui::LEAST.1 {
        return too_small(frame, screen);
    }
    let [header, status, body, footer] = rows(screen);
    frame.render_widget(header_line(ui, seen, theme, header.width), header);
    frame.render_widget(status_line(ui, seen, theme, status.width), status);
    let mut cursor = None;
    if ui.result {
        result::draw(frame, body, ui, seen, theme);
        cursor = Some(Position::new(body.x, body.y));
    } else if let Some(at) = run::draw(frame, body, ui, seen, theme) {
        cursor = Some(at);
    }
    if let Some(popup) = &ui.popup {
        cursor = popup::draw(frame, body, ui, popup, seen, theme).or(cursor);
    }
    if ui.help.is_some() {
        help::draw(frame, body, ui, theme);
        cursor = Some(Position::new(body.x, body.y));
    }
    let keys = footer_line(ui.place(), ui.size.0, theme, |key| {
        key.cmd != keymap::Cmd::TakeBack || seen.can_go_back()
    });
    frame.render_widget(keys, footer);
    if let Some(at) = cursor {
        frame.set_cursor_position(at);
    }
}

/// Header, status line, body and footer of a screen.
pub fn rows(screen: Rect) -> [Rect; 4] {
    Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(screen)
}

/// The body of a screen of the size the state knows.
fn body(ui: &Ui) -> Rect {
    let [_, _, body, _] = rows(Rect::new(0, 0, ui.size.0, ui.size.1));
    body
}

/// Says at the lower border of an area that there is more than it shows, and by which keys.
pub fn more(frame: &mut Frame, area: Rect, at: (u16, u16), keys: (&str, &str), theme: Theme) {
    let ((top, most), (up, down)) = (at, keys);
    let more = match (top > 0, top < most) {
        (true, true) => format!(" more above and below: {up}, {down} "),
        (true, false) => format!(" more above: {up} "),
        (false, true) => format!(" more below: {down} "),
        (false, false) => return,
    };
    let width = u16::try_from(more.width()).unwrap_or(0);
    let x = area.right().saturating_sub(width + 2);
    let place = Rect::new(x, area.bottom().saturating_sub(1), width, 1).intersection(area);
    frame.render_widget(Paragraph::new(Span::styled(more, theme.quiet())), place);
}

/// Says that the terminal is too small.
pub fn too_small(frame: &mut Frame, screen: Rect) {
    let (columns, rows) = Ui::LEAST;
    let text = format!(
        "This terminal has {} columns and {} rows; the screen needs {columns} and {rows}. \
         Make it larger, or leave with Ctrl-C (the run goes on) and use --plain.",
        screen.width, screen.height
    );
    let lines: Vec<Line> = super::text::wrap(screen.width, "", "", &text)
        .into_iter()
        .map(Line::from)
        .collect();
    frame.render_widget(Paragraph::new(lines), screen);
}

fn header_line(ui: &Ui, seen: &Seen, theme: Theme, width: u16) -> Paragraph<'static> {
    let run = &seen.run;
    let host = run
        .steps
        .get(ui.step_at(seen))
        .map_or("", |s| s.head.host.as_str());
    let control = match &run.control {
        Some(by) if width < 76 && *by == ui.me => "you".to_owned(),
        Some(_) if width < 76 => "other".to_owned(),
        None if width < 76 => "none".to_owned(),
        Some(by) if *by == ui.me => "you have control".to_owned(),
        Some(by) => format!("{by} has control"),
        None => "nobody has control".to_owned(),
    };
    let narrow = width < 76;
    let left = format!(
        " {} · {} · {host} · {}{}",
        run.label.to_uppercase(),
        run.scenario,
        if narrow { "" } else { "run " },
        run.run
    );
    let room = usize::from(width).saturating_sub(left.width() + 3);
    let control = if control.width() <= room {
        control
    } else {
        control
            .trim_end_matches(" has control")
            .trim_end_matches(" have control")
            .to_owned()
    };
    let control = cut(&control, u16::try_from(room).unwrap_or(0));
    let left = cut(&left, width);
    let gap = usize::from(width).saturating_sub(left.width() + control.width() + 1);
    let line = format!("{left}{}{control} ", " ".repeat(gap));
    Paragraph::new(line).style(theme.header(run.label != "live"))
}

fn status_line(ui: &Ui, seen: &Seen, theme: Theme, width: u16) -> Paragraph<'static> {
    let run = &seen.run;
    let total = run.steps.len();
    let (text, style): (String, Style) = if let Some((outcome, message)) = &run.ended {
        let style = match outcome.as_str() {
            "failed" => theme.alarm(),
            _ => theme.strong(),
        };
        (format!("{outcome}: {message}"), style)
    } else if seen.gone {
        (
            "the engine went away; the run can be taken up again".into(),
            theme.alarm(),
        )
    } else if run.stopping {
        ("stopping at the next safe point".into(), theme.strong())
    } else if run.paused {
        (
            "paused: nothing new is begun; `p` goes on".into(),
            theme.alarm(),
        )
    } else if let Some(step) = run.current() {
        let at = seen.place_of(step);
        let head = format!("step {} ({at} of {total})", step.head.guide);
        match &step.status {
            _ if run.held_answer.is_some() => (
                format!("{head}: the facts are looked up once more before the answer counts"),
                theme.strong(),
            ),
            _ if run.gate.is_some() && ui.popup.is_none() => {
                (format!("{head} waits for you: press Enter"), theme.alarm())
            }
            _ if run.gate.is_some() => (format!("{head} waits for you"), theme.strong()),
            StepStatus::Binding => (
                format!("{head}: facts are looked up: {}", step.head.title),
                theme.strong(),
            ),
            _ if step.needs_help() && ui.popup.is_some() => {
                (format!("{head} needs you: {}", step.message), theme.alarm())
            }
            _ if step.needs_help() => (
                format!("{head} needs you: press Enter: {}", step.message),
                theme.alarm(),
            ),
            _ if seen.pace.of(run).is_some() => {
                let silent = seen.pace.last().zip(ui.moment);
                let silent = silent.map(|(last, now)| now.duration_since(last));
                let told = seen.pace.of(run);
                let told = told.map(|t| t.line(silent.unwrap_or_default()));
                let head = match width {
                    ..76 => format!("step {}", step.head.guide),
                    _ => head,
                };
                (
                    format!("{head}: {}", told.unwrap_or_default()),
                    theme.strong(),
                )
            }
            _ => {
                let busy = step
                    .effects
                    .iter()
                    .find(|e| e.status == crate::engine::state::EffectStatus::InFlight);
                let what = busy.map_or(step.head.title.as_str(), |e| e.spec.summary.as_str());
                (format!("{head}: {what}"), theme.strong())
            }
        }
    } else {
        ("waiting for the engine".into(), theme.quiet())
    };
    Paragraph::new(cut(&format!(" {text}"), width)).style(style)
}

/// The keys of a place that can do something now, as many as there is room for, and how to get help.
pub fn footer_line(
    place: keymap::Place,
    width: u16,
    theme: Theme,
    can: impl Fn(&keymap::Key) -> bool,
) -> Paragraph<'static> {
    let help = match place {
        keymap::Place::Help => "",
        _ if place.types() => "F1",
        _ => "?",
    };
    // The help names every key: what has no room is left out before it.
    let mut room = usize::from(width).saturating_sub(" F1 help".len());
    let mut spans = vec![Span::raw(" ")];
    for key in keymap::footer(place).filter(|key| can(key)) {
        let label = format!(" {}  ", key.footer);
        room = room.saturating_sub(key.name.width() + label.width());
        if room == 0 {
            break;
        }
        spans.push(Span::styled(key.name, theme.strong()));
        spans.push(Span::styled(label, theme.quiet()));
    }
    if !help.is_empty() {
        spans.push(Span::styled(help, theme.strong()));
        spans.push(Span::styled(" help", theme.quiet()));
    }
    Paragraph::new(Line::from(spans))
}
