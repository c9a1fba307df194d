//! Popups: gates of all levels, tasks, a failed step, leaving, searching.

use super::super::seen::Seen;
use super::super::state::{Kind, Popup, Ui};
use super::super::text::{cut, wrap};
use super::super::theme::Theme;
use super::ask;
use super::run::{labelled, too_many};
use crate::engine::event::Level;
use crate::plain::clock;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph};

/// Draws a popup; returns where the cursor belongs.
pub fn draw(
    frame: &mut Frame,
    body: Rect,
    ui: &Ui,
    popup: &Popup,
    seen: &Seen,
    theme: Theme,
) -> Option<Position> {
    let lines = lines(popup, ui, seen, theme, text_width(body));
    let asking = ask::height(popup, ui, seen, text_width(body));
    let area = area(body, lines.len(), asking);
    frame.render_widget(Clear, area);
    let (title, style) = title(popup, seen, theme);
    let block = Block::bordered()
        .border_type(BorderType::Double)
        .border_style(style)
        .title(Span::styled(
            format!(" {} ", cut(&title, area.width.saturating_sub(6))),
            style,
        ));
    let inner = block.inner(area).inner(ratatui::layout::Margin::new(1, 0));
    frame.render_widget(block, area);
    let [text, below] = split(inner, asking);
    let most = too_many(lines.len(), text.height);
    let top = popup.top.min(most);
    frame.render_widget(Paragraph::new(lines).scroll((top, 0)), text);
    let keys = match popup.kind {
        Kind::Undo(_) => ("PageUp", "PageDown"),
        _ => ("Up", "Down"),
    };
    super::more(frame, area, (top, most), keys, theme);
    ask::draw(frame, below, ui, popup, seen, theme)
}

/// The first line a popup's text can begin with at most.
pub fn most(ui: &Ui, popup: &Popup, seen: &Seen) -> u16 {
    let body = super::body(ui);
    let lines = lines(popup, ui, seen, Theme::default(), text_width(body)).len();
    let asking = ask::height(popup, ui, seen, text_width(body));
    let area = area(body, lines, asking);
    let [text, _] = split(Block::bordered().inner(area), asking);
    too_many(lines, text.height)
}

fn text_width(body: Rect) -> u16 {
    body.width.saturating_sub(2).min(84).saturating_sub(4)
}

/// As high as its text needs and the screen allows.
fn area(body: Rect, lines: usize, asking: u16) -> Rect {
    let wanted = u16::try_from(lines).unwrap_or(u16::MAX);
    let height = wanted.saturating_add(2 + asking).min(body.height);
    let width = text_width(body) + 4;
    let x = body.x + (body.width.saturating_sub(width)) / 2;
    let y = body.y + (body.height.saturating_sub(height)) / 2;
    Rect::new(x, y, width, height).intersection(body)
}

fn split(inner: Rect, asking: u16) -> [Rect; 2] {
    Layout::vertical([Constraint::Fill(1), Constraint::Length(asking)]).areas(inner)
}

fn title(popup: &Popup, seen: &Seen, theme: Theme) -> (String, ratatui::style::Style) {
    match &popup.kind {
        Kind::Gate(gate) => {
            let level = match gate.level {
                _ if seen.is_task(gate) => "FOR YOU TO DO",
                Level::Note => "NOTE",
                Level::Change => "CHANGE",
                Level::Destructive => "DESTRUCTIVE",
                Level::Irreversible => "IRREVERSIBLE",
            };
            let place = seen.step_of_gate(gate).map_or_else(String::new, |step| {
                format!(
                    " · step {} ({} of {}) · {}",
                    step.head.guide,
                    seen.place_of(step),
                    seen.run.steps.len(),
                    step.head.host
                )
            });
            let label = seen.run.label.to_uppercase();
            (format!("{label} · {level}{place}"), theme.level(gate.level))
        }
        Kind::Failed(id, _) => {
            let step = seen.run.steps.iter().find(|s| s.head.id == *id);
            let title = step.map_or_else(String::new, |step| {
                format!(
                    "{} · {} · step {} ({} of {}) · {}",
                    seen.run.label.to_uppercase(),
                    theme.step(&step.status).1.to_uppercase(),
                    step.head.guide,
                    seen.place_of(step),
                    seen.run.steps.len(),
                    step.head.host
                )
            });
            (title, theme.alarm())
        }
        Kind::Reason => ("Leave the failed step as it is".to_owned(), theme.alarm()),
        Kind::Waive => ("Waive a check".to_owned(), theme.alarm()),
        Kind::Undo(_) => {
            let label = seen.run.label.to_uppercase();
            (format!("{label} · Undo"), theme.alarm())
        }
        Kind::Leave => ("Leave".to_owned(), theme.strong()),
        Kind::Search => ("Search the log".to_owned(), theme.strong()),
    }
}

fn lines(popup: &Popup, ui: &Ui, seen: &Seen, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let plain = |text: &str| -> Vec<Line<'static>> {
        wrap(width, "", "", text)
            .into_iter()
            .map(Line::from)
            .collect()
    };
    match &popup.kind {
        Kind::Gate(gate) => {
            let step_title = seen
                .step_of_gate(gate)
                .map_or("", |s| s.head.title.as_str());
            let mut lines: Vec<Line> = wrap(width, "", "", step_title)
                .into_iter()
                .map(|l| Line::styled(l, theme.strong()))
                .collect();
            let what = format!("What: {step_title}");
            let told = gate.lines.iter().filter(|l| **l != what);
            lines.extend(told.flat_map(|l| labelled(l, theme, width)));
            let time = clock::sentence(&seen.run, &seen.clock, ui.clock);
            let age = clock::age_of_facts(&seen.run, &seen.clock, gate, ui.moment);
            for said in time.iter().chain(&age) {
                lines.extend(labelled(said, theme, width));
            }
            lines
        }
        Kind::Failed(id, _) => {
            let Some(step) = seen.run.steps.iter().find(|s| s.head.id == *id) else {
                return Vec::new();
            };
            let mut lines = plain(&step.head.title);
            for reason in step.message.lines() {
                lines.extend(plain(reason));
            }
            let failed = step
                .effects
                .iter()
                .filter(|e| theme.effect(e.status).1 == "failed");
            for effect in failed {
                lines.extend(plain(&format!(
                    "✗ {}: {}",
                    effect.spec.summary, effect.message
                )));
            }
            lines
        }
        Kind::Reason => plain("Why is it right to go on without it? The reason is journaled."),
        Kind::Waive => {
            let mut lines = plain(
                "Why need it not be told? What has failed cannot be waived. Name and reason are \
                 journaled, and the step is tried again.",
            );
            let reasons = seen.run.failed_step().map_or("", |s| s.message.as_str());
            lines.extend(plain(reasons));
            lines
        }
        Kind::Undo(to) => undo_lines(to.as_deref(), seen, theme, width),
        Kind::Leave => plain(
            "The run goes on without this screen, to its next gate, and waits there for ever; \
             `imsmigrate attach` shows it again. To stop it is another thing: what is being \
             done is done to its end, then the run stops and can be taken up again.",
        ),
        Kind::Search => {
            plain("Enter goes to the last hit; then `N` to the one before, `n` to the next.")
        }
    }
}

/// What is taken back, and what is not.
fn undo_lines(to: Option<&str>, seen: &Seen, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let text = |first: &str, rest: &str, text: &str| -> Vec<Line<'static>> {
        let lines = wrap(width, first, rest, text);
        lines.into_iter().map(Line::from).collect()
    };
    let mut lines = text(
        "",
        "",
        "Each step that is taken back has a gate of its own, as on the way forward: nothing is \
         changed before you answer it.",
    );
    if let Some(step) = seen.run.steps.iter().find(|s| Some(&*s.head.id) == to) {
        let head = format!("Back to before step {} ", step.head.guide);
        let said = wrap(width, &head, "  ", &step.head.title);
        lines.extend(said.into_iter().map(|l| Line::styled(l, theme.strong())));
        if seen.ways_back().len() > 1 {
            lines.extend(text("", "", "Up and Down choose another step."));
        }
        for head in seen.back_to(to).unwrap_or_default() {
            lines.extend(text(
                "  ",
                "    ",
                &format!("{} {}", head.guide, head.title),
            ));
        }
    }
    match seen.back_to(None) {
        Err(why_not) if to.is_some() => {
            lines.extend(text("Not everything: ", "  ", &why_not));
        }
        Ok(heads) if to.is_none() => {
            for head in heads {
                let line = format!("{} {}", head.guide, head.title);
                lines.extend(text("  ", "    ", line.trim_start()));
            }
        }
        _ => {}
    }
    lines
}
