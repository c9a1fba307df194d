//! What the screens before the run show, from state alone.

pub mod checks;
pub mod plan;
pub mod popup;
pub mod scenario;
pub mod site;

use super::state::{Screen, Wizard};
use crate::scenario::Role;
use crate::tui::draw::{footer_line, help, too_small};
use crate::tui::keymap::Place;
use crate::tui::state::Ui;
use crate::tui::text::cut;
use crate::tui::theme::Theme;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr as _;

/// What the help begins with.
const ABOUT: &str = "Nothing is changed on any host before the run is started, and nothing in the \
                     run before you answer its first gate. Esc goes back and keeps every value.";

/// The places before the run, and what the help calls them.
const PLACES: &[(Place, &str)] = &[
    (Place::Choose, "On the scenarios"),
    (Place::Line, "On a line of the site"),
    (Place::Form, "Elsewhere on the site"),
    (Place::Lines, "In a text of many lines"),
    (Place::Secret, "On a password"),
    (Place::Checks, "On the checks"),
    (Place::Plan, "On the plan"),
    (Place::Ask, "In a popup"),
];

/// Draws everything.
pub fn draw(frame: &mut Frame, w: &Wizard, theme: Theme) {
    let screen = frame.area();
    if screen.width < Ui::LEAST.0 || screen.height < Ui::LEAST.1 {
        return too_small(frame, screen);
    }
    let [header, crumbs, body, told, footer] = rows(screen);
    frame.render_widget(header_line(w, theme, header.width), header);
    frame.render_widget(crumbs_line(w, theme, crumbs.width), crumbs);
    let mut cursor = match w.screen {
        Screen::Scenario => Some(scenario::draw(frame, body, w, theme)),
        Screen::Site => site::draw(frame, body, w, theme),
        Screen::Checks => Some(checks::draw(frame, body, w, theme)),
        Screen::Plan => Some(plan::draw(frame, body, w, theme)),
    };
    frame.render_widget(told_line(w, theme, told.width), told);
    if let Some(popup) = &w.popup {
        cursor = popup::draw(frame, body, w, popup, theme).or(cursor);
    }
    if let Some(top) = w.help {
        help::draw_about(frame, body, top, ABOUT, PLACES, theme);
        cursor = Some(Position::new(body.x, body.y));
    }
    frame.render_widget(footer_line(w.place(), w.size.0, theme, |_| true), footer);
    if let Some(at) = cursor {
        frame.set_cursor_position(at);
    }
}

fn rows(screen: Rect) -> [Rect; 5] {
    Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(screen)
}

/// The body of a screen of the size the state knows.
fn body(w: &Wizard) -> Rect {
    let [_, _, body, _, _] = rows(Rect::new(0, 0, w.size.0, w.size.1));
    body
}

/// The first line the help can begin with at most.
pub fn help_most(w: &Wizard) -> u16 {
    help::most_about(body(w), ABOUT, PLACES)
}

fn header_line(w: &Wizard, theme: Theme, width: u16) -> Paragraph<'static> {
    let site = w.form.as_ref().and_then(super::form::Form::site);
    let (practice, text) = match (&w.form, &site) {
        (None, _) => (true, " imsmigrate · nothing is begun yet".to_owned()),
        (Some(form), None) => (
            true,
            format!(" {} · the site is not complete", form.scenario),
        ),
        (Some(form), Some(site)) => {
            let label = if site.is_practice() {
                "PRACTICE"
            } else {
                "LIVE"
            };
            let host = site.host(Role::Old).map_or("", |host| host.fqdn.as_str());
            let file = match &form.file {
                Some(file) if form.is_changed() => format!("{} (changed)", file.display()),
                Some(file) => file.display().to_string(),
                None => "not saved".to_owned(),
            };
            let left = format!(" {label} · {} · {host}", form.scenario);
            let room = usize::from(width).saturating_sub(left.width() + 4);
            // Of a long path the end says more.
            let skip = file.chars().count().saturating_sub(room);
            let file = if skip == 0 {
                file
            } else {
                format!("…{}", file.chars().skip(skip + 1).collect::<String>())
            };
            (site.is_practice(), format!("{left} · {file}"))
        }
    };
    let line = cut(&text, width);
    let pad = usize::from(width).saturating_sub(line.width());
    Paragraph::new(format!("{line}{}", " ".repeat(pad))).style(theme.header(practice))
}

/// Where one is among the screens.
fn crumbs_line(w: &Wizard, theme: Theme, width: u16) -> Paragraph<'static> {
    let mut spans = vec![Span::raw(" ")];
    for (n, name) in Screen::NAMES.into_iter().enumerate() {
        if n > 0 {
            spans.push(Span::styled(" > ", theme.quiet()));
        }
        if n == w.screen.place() {
            spans.push(Span::styled(format!("[{name}]"), theme.strong()));
        } else {
            spans.push(Span::styled(name, theme.quiet()));
        }
    }
    let used: usize = spans.iter().map(Span::width).sum();
    if !w.busy.is_empty() {
        let room = usize::from(width).saturating_sub(used + 3);
        let text = cut(&format!("… {}", w.busy), u16::try_from(room).unwrap_or(0));
        spans.push(Span::raw("  "));
        spans.push(Span::styled(text, theme.strong()));
    }
    Paragraph::new(Line::from(spans))
}

fn told_line(w: &Wizard, theme: Theme, width: u16) -> Paragraph<'static> {
    if w.told.text.is_empty() {
        return Paragraph::new("");
    }
    let (mark, style) = if w.told.bad {
        ("✗ ", theme.alarm())
    } else {
        ("", Style::new())
    };
    let text = cut(&format!(" {mark}{}", w.told.text), width);
    Paragraph::new(Span::styled(text, style))
}

/// The first line shown, so that line `at` is seen among `count` with `height` of them shown.
fn top_for(at: usize, count: usize, height: u16) -> usize {
    let height = usize::from(height);
    at.saturating_sub(height / 2)
        .min(count.saturating_sub(height))
}
