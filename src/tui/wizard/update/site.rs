//! Keys on the site's form.

use super::super::fields::Kind as Of;
use super::super::form::{BUTTONS, Content, Form};
use super::super::state::{Action, Job, Kind, Popup, Screen, Wizard};
use super::moved;
use crate::base::display_safe;
use crate::tui::keymap::Cmd;
use tui_textarea::{CursorMove, TextArea};

pub(super) fn update(w: &mut Wizard, cmd: &Cmd) -> Vec<Action> {
    let Some(form) = &mut w.form else {
        w.screen = Screen::Scenario;
        return Vec::new();
    };
    let count = form.visible().len();
    let on_buttons = form.focus >= count;
    match cmd {
        Cmd::Back => w.screen = Screen::Scenario,
        Cmd::GoOn => return prepare(w, false),
        Cmd::Save => save(w),
        Cmd::Open => open(w),
        Cmd::Next if on_buttons && form.button + 1 < BUTTONS.len() => form.button += 1,
        Cmd::Next => {
            form.focus = if on_buttons { 0 } else { form.focus + 1 };
            form.button = 0;
        }
        Cmd::Previous if on_buttons && form.button > 0 => form.button -= 1,
        Cmd::Previous => {
            form.focus = form.focus.checked_sub(1).unwrap_or(count);
            form.button = if form.focus == count {
                BUTTONS.len() - 1
            } else {
                0
            };
        }
        Cmd::Up | Cmd::Down | Cmd::PageUp | Cmd::PageDown => {
            form.focus = moved(form.focus.min(count), cmd, 10, count);
            form.button = 0;
        }
        Cmd::Left | Cmd::Right | Cmd::Enter | Cmd::Toggle if on_buttons => match cmd {
            Cmd::Left => form.button = form.button.saturating_sub(1),
            Cmd::Right => form.button = (form.button + 1).min(BUTTONS.len() - 1),
            _ => return press(w),
        },
        _ => on_field(w, cmd),
    }
    Vec::new()
}

fn press(w: &mut Wizard) -> Vec<Action> {
    match w.form.as_ref().map_or(0, |form| form.button) {
        0 => return prepare(w, false),
        1 => save(w),
        2 => open(w),
        _ => w.screen = Screen::Scenario,
    }
    Vec::new()
}

fn on_field(w: &mut Wizard, cmd: &Cmd) {
    let Some(form) = &mut w.form else {
        return;
    };
    let visible = form.visible();
    let place = visible.get(form.focus).copied();
    let Some(entry) = form.focused_mut() else {
        return;
    };
    let kind = entry.spec.kind;
    let host = entry.host;
    let words = entry.words().len();
    match (&mut entry.content, cmd) {
        (Content::Line(field), Cmd::Type(c)) => {
            // What could not be shown is not typed by a person either.
            if display_safe(c.encode_utf8(&mut [0; 4])) == c.to_string().as_str() {
                field.insert(*c);
            }
        }
        (Content::Line(field), Cmd::Backspace) => field.backspace(),
        (Content::Line(field), Cmd::Delete) => field.delete(),
        (Content::Line(field), Cmd::Wipe) => *field = crate::tui::state::Field::default(),
        (Content::Line(field), Cmd::Left) => field.go(field.cursor.saturating_sub(1)),
        (Content::Line(field), Cmd::Right) => field.go(field.cursor + 1),
        (Content::Line(field), Cmd::Home) => field.go(0),
        (Content::Line(field), Cmd::End) => field.go(usize::MAX),
        (Content::Line(_), Cmd::Enter) => form.focus += 1,
        (Content::Word(at), Cmd::Left | Cmd::Right | Cmd::Toggle | Cmd::Enter) => {
            // An optional one can be none of them, too.
            let count = words + usize::from(matches!(kind, Of::OptionalChoice(_)));
            let by = if *cmd == Cmd::Left { count - 1 } else { 1 };
            *at = (*at + by) % count.max(1);
        }
        (Content::Lines(lines), Cmd::Enter | Cmd::Toggle) => {
            let mut area = TextArea::new(lines.clone());
            area.move_cursor(CursorMove::Bottom);
            area.move_cursor(CursorMove::End);
            if let Some(place) = place {
                w.popup = Some(Popup::new(Kind::Lines(place, Box::new(area))));
            }
            return;
        }
        (Content::Button, Cmd::Enter | Cmd::Toggle) => {
            match (kind, host) {
                (Of::RemoveHost, Some(host)) => form.remove_host(host),
                _ => form.add_host(),
            }
            return;
        }
        _ => return,
    }
    form.judge();
}

/// The first step on to the checks: the passwords, and which checks there are.
pub(super) fn prepare(w: &mut Wizard, again: bool) -> Vec<Action> {
    if !w.busy.is_empty() {
        return Vec::new();
    }
    let Some(form) = &mut w.form else {
        return Vec::new();
    };
    let Some(site) = form.site() else {
        let count = form.wrong.len();
        form.go_to_wrong();
        w.screen = Screen::Site;
        w.refuse(if count == 1 {
            "One thing does not hold yet: see below the fields.".to_owned()
        } else {
            format!("{count} things do not hold yet: see the fields marked with ✗.")
        });
        return Vec::new();
    };
    w.busy = "the passwords are looked for";
    vec![Action::Do(Job::Prepare {
        site: Box::new(site),
        file: form.file.clone(),
        again,
    })]
}

fn save(w: &mut Wizard) {
    let Some(form) = &mut w.form else {
        return;
    };
    if form.site().is_none() {
        form.go_to_wrong();
        w.refuse("It is saved when everything in it holds: see the field marked with ✗.");
        return;
    }
    let file = form.file.clone();
    let text = file.map_or_else(|| "site.toml".to_owned(), |f| f.display().to_string());
    w.popup = Some(Popup::new(Kind::SaveAs).with_text(&text));
}

fn open(w: &mut Wizard) {
    let file = w.form.as_ref().and_then(|form: &Form| form.file.clone());
    let text = file.map_or_else(String::new, |f| f.display().to_string());
    w.popup = Some(Popup::new(Kind::Open).with_text(&text));
}
