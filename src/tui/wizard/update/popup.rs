//! Keys in a popup, and what is pasted.

use super::super::form::Content;
use super::super::state::{Action, Job, Kind, Part, Popup, Wizard};
use super::{STARTING, find, on_to_the_checks};
use crate::base::display_safe;
use crate::tui::keymap::Cmd;
use std::path::PathBuf;
use tui_textarea::{CursorMove, TextArea};

pub(super) fn update(w: &mut Wizard, mut popup: Popup, cmd: &Cmd) -> Vec<Action> {
    let count = popup.parts.len().max(1);
    let part = popup.part();
    match cmd {
        Cmd::Back => {
            // What was typed as a password is wiped with the popup; lines are kept.
            if let Kind::Lines(..) = popup.kind {
                return confirm(w, popup);
            }
            return Vec::new();
        }
        Cmd::Next => popup.focus = (popup.focus + 1) % count,
        Cmd::Previous => popup.focus = (popup.focus + count - 1) % count,
        Cmd::Enter if matches!(part, Part::Field | Part::Confirm) => return confirm(w, popup),
        Cmd::Enter if part == Part::Cancel => return Vec::new(),
        Cmd::Enter if matches!(part, Part::Secret(_)) => popup.focus += 1,
        _ => match part {
            Part::Field => on_field(&mut popup, cmd),
            Part::Secret(at) => on_secret(&mut popup, at, cmd),
            Part::Lines => on_lines(&mut popup, cmd),
            Part::Cancel | Part::Confirm => match cmd {
                Cmd::Left => popup.focus = popup.focus.saturating_sub(1),
                Cmd::Right => popup.focus = (popup.focus + 1).min(count - 1),
                _ => {}
            },
        },
    }
    w.popup = Some(popup);
    Vec::new()
}

fn on_field(popup: &mut Popup, cmd: &Cmd) {
    let field = &mut popup.field;
    match cmd {
        Cmd::Type(c) => field.insert(*c),
        Cmd::Backspace => field.backspace(),
        Cmd::Delete => field.delete(),
        Cmd::Wipe => *field = crate::tui::state::Field::default(),
        Cmd::Left => field.go(field.cursor.saturating_sub(1)),
        Cmd::Right => field.go(field.cursor + 1),
        Cmd::Home => field.go(0),
        Cmd::End => field.go(usize::MAX),
        _ => return,
    }
    popup.wrong.clear();
}

fn on_secret(popup: &mut Popup, at: usize, cmd: &Cmd) {
    let count = popup.parts.len();
    let Kind::Secrets(wanted) = &mut popup.kind else {
        return;
    };
    let Some(wanted) = wanted.get_mut(at) else {
        return;
    };
    match cmd {
        Cmd::Type(c) if wanted.field.insert(*c) => {}
        Cmd::Type(_) => {
            "It is as long as a password can be.".clone_into(&mut popup.wrong);
            return;
        }
        Cmd::Backspace => wanted.field.backspace(),
        Cmd::Wipe => wanted.field.wipe(),
        Cmd::Up => popup.focus = popup.focus.saturating_sub(1),
        Cmd::Down => popup.focus = (popup.focus + 1).min(count - 1),
        _ => {}
    }
    popup.wrong.clear();
}

fn on_lines(popup: &mut Popup, cmd: &Cmd) {
    let Kind::Lines(_, area) = &mut popup.kind else {
        return;
    };
    match cmd {
        Cmd::Type(c) => type_into(area, *c),
        Cmd::Enter => area.insert_newline(),
        Cmd::Backspace => {
            area.delete_char();
        }
        Cmd::Delete => {
            area.delete_next_char();
        }
        Cmd::Wipe => {
            area.delete_line_by_head();
        }
        Cmd::Undo => {
            area.undo();
        }
        _ => {
            let to = match cmd {
                Cmd::Up => CursorMove::Up,
                Cmd::Down => CursorMove::Down,
                Cmd::Left => CursorMove::Back,
                Cmd::Right => CursorMove::Forward,
                Cmd::Home => CursorMove::Head,
                Cmd::End => CursorMove::End,
                Cmd::PageUp => CursorMove::Top,
                Cmd::PageDown => CursorMove::Bottom,
                _ => return,
            };
            area.move_cursor(to);
        }
    }
}

/// Types what can be shown; nothing else is typed by a person.
fn type_into(area: &mut TextArea<'static>, c: char) {
    if display_safe(c.encode_utf8(&mut [0; 4])) == c.to_string().as_str() {
        area.insert_char(c);
    }
}

fn confirm(w: &mut Wizard, mut popup: Popup) -> Vec<Action> {
    let path = PathBuf::from(popup.field.text.trim());
    let empty = path.as_os_str().is_empty();
    match &mut popup.kind {
        Kind::Open | Kind::SaveAs if empty => {
            "Type the path of a file.".clone_into(&mut popup.wrong);
            w.popup = Some(popup);
            Vec::new()
        }
        Kind::Open => {
            w.busy = "the file is read";
            vec![Action::Do(Job::Load(path))]
        }
        Kind::SaveAs => {
            let site = w.form.as_ref().and_then(super::Form::site);
            let Some(site) = site else {
                return Vec::new();
            };
            w.busy = "the file is written";
            vec![Action::Do(Job::Save(Box::new(site), path))]
        }
        Kind::Search => {
            w.plan.search.clone_from(&popup.field.text);
            let from = super::draw::plan::eye(w);
            find(w, true, from);
            Vec::new()
        }
        Kind::Waive(_) if popup.field.text.trim().is_empty() => {
            "A reason is needed; it is journaled.".clone_into(&mut popup.wrong);
            popup.focus = 0;
            w.popup = Some(popup);
            Vec::new()
        }
        Kind::Waive(id) => {
            let reason = popup.field.text.trim().to_owned();
            let row = w.checks.rows.iter_mut().find(|row| row.id == *id);
            if let Some((report, _)) = row.and_then(|row| row.report.as_mut()) {
                *report = report.clone().waive(&reason);
            }
            w.tell(format!("`{id}` is waived; the run begins with that."));
            w.checks.waivers.insert(std::mem::take(id), reason);
            Vec::new()
        }
        Kind::Secrets(wanted) => {
            if let Some(at) = wanted.iter().position(|s| s.field.is_empty()) {
                popup.focus = at;
                "Every password is needed.".clone_into(&mut popup.wrong);
                w.popup = Some(popup);
                return Vec::new();
            }
            let given = wanted
                .iter_mut()
                .map(|s| (s.name.clone(), s.field.take()))
                .collect();
            // What was found with other passwords does not count.
            w.round += 1;
            w.plan.round = w.round;
            (w.plan.plan, w.plan.asked) = (None, false);
            for row in &mut w.checks.rows {
                (row.report, row.asked) = (None, false);
            }
            let mut actions = vec![Action::Do(Job::Secrets(given))];
            actions.extend(on_to_the_checks(w));
            actions
        }
        Kind::Lines(place, area) => {
            let lines: Vec<String> = area
                .lines()
                .iter()
                .map(|line| line.trim().to_owned())
                .filter(|line| !line.is_empty())
                .collect();
            if let Some(form) = &mut w.form {
                if let Some(entry) = form.entries.get_mut(*place) {
                    entry.content = Content::Lines(lines);
                }
                form.judge();
            }
            Vec::new()
        }
        Kind::Start => {
            let Some(site) = w.checks.site.clone() else {
                return Vec::new();
            };
            w.busy = STARTING;
            vec![Action::Do(Job::Start {
                site: Box::new(site),
                file: w.file(),
                waivers: w.checks.waivers.clone(),
            })]
        }
        Kind::Leave => vec![Action::Quit],
    }
}

/// Pastes text where the focus is; a line end in it submits nothing.
pub fn paste(w: &mut Wizard, text: &str) {
    if w.help.is_some() {
        return;
    }
    let first = text.lines().next().unwrap_or("");
    if let Some(popup) = &mut w.popup {
        match (popup.part(), &mut popup.kind) {
            (Part::Field, _) => first.chars().for_each(|c| popup.field.insert(c)),
            (Part::Secret(at), Kind::Secrets(wanted)) => {
                let taken = wanted
                    .get_mut(at)
                    .is_some_and(|s| first.chars().all(|c| s.field.insert(c)));
                if !taken {
                    "Not all of it was taken: it holds what no password does."
                        .clone_into(&mut popup.wrong);
                }
            }
            (Part::Lines, Kind::Lines(_, area)) => {
                for (n, line) in text.lines().enumerate() {
                    if n > 0 {
                        area.insert_newline();
                    }
                    line.chars().for_each(|c| type_into(area, c));
                }
            }
            _ => {}
        }
        return;
    }
    if w.place() == crate::tui::keymap::Place::Line {
        for c in first.chars() {
            super::site::update(w, &Cmd::Type(c));
        }
    }
}
