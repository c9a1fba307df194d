//! The one table of keys: what a key does where, what the footer names and what the help lists.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What a person asks of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cmd {
    /// One up.
    Up,
    /// One down.
    Down,
    /// To the button or character before.
    Left,
    /// To the next button or character.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// To the next pane or part.
    Next,
    /// To the pane or part before.
    Previous,
    /// Do what has the focus.
    Enter,
    /// Back; never does anything to the run.
    Back,
    /// Show the keys.
    Help,
    /// Search the log.
    Search,
    /// The next hit.
    NextHit,
    /// The hit before.
    PreviousHit,
    /// Follow what happens.
    Follow,
    /// One pane on the whole screen, or all.
    Zoom,
    /// Pause the run, or let it go on.
    Pause,
    /// Take control.
    Control,
    /// Run the task's command here.
    RunHere,
    /// Leave the screen; asks.
    Leave,
    /// Stop this program as a job of the shell.
    Suspend,
    /// Draw everything again.
    Repaint,
    /// A character is typed.
    Type(char),
    /// The character before the cursor goes.
    Backspace,
    /// The character at the cursor goes.
    Delete,
}

/// Where the focus is, as far as keys are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a pane of the run.
    Panes,
    /// On a text field.
    Field,
    /// On the buttons of a popup.
    Buttons,
    /// On the help page.
    Help,
    /// On the result.
    Result,
}

/// One key.
#[derive(Clone, Debug)]
pub struct Key {
    /// Where it works.
    pub places: &'static [Place],
    /// The key as people call it.
    pub name: &'static str,
    /// What it does.
    pub cmd: Cmd,
    /// What it does, in a word or two; empty: neither in the footer nor in the help.
    pub label: &'static str,
    /// What the footer calls it; empty: not in the footer.
    pub footer: &'static str,
    code: KeyCode,
    control: bool,
}

const ALL: &[Place] = &[
    Place::Panes,
    Place::Field,
    Place::Buttons,
    Place::Help,
    Place::Result,
];
const PANES: &[Place] = &[Place::Panes];
const FIELD: &[Place] = &[Place::Field];
const BUTTONS: &[Place] = &[Place::Buttons];
const POPUP: &[Place] = &[Place::Field, Place::Buttons];
const READING: &[Place] = &[Place::Panes, Place::Buttons, Place::Help, Place::Result];
const SCROLLED: &[Place] = &[Place::Panes, Place::Help, Place::Result];

macro_rules! key {
    ($places:expr, $name:literal, $code:expr, $cmd:expr, $label:literal) => {
        key!($places, $name, $code, false, $cmd, $label, "")
    };
    ($places:expr, $name:literal, $code:expr, $cmd:expr, $label:literal, $footer:literal) => {
        key!($places, $name, $code, false, $cmd, $label, $footer)
    };
    ($places:expr, $name:literal, ctrl $code:expr, $cmd:expr, $label:literal) => {
        key!($places, $name, $code, true, $cmd, $label, "")
    };
    ($places:expr, $name:literal, ctrl $code:expr, $cmd:expr, $label:literal, $footer:literal) => {
        key!($places, $name, $code, true, $cmd, $label, $footer)
    };
    ($places:expr, $name:literal, $code:expr, $control:literal, $cmd:expr, $label:expr, $footer:expr) => {
        Key {
            places: $places,
            name: $name,
            cmd: $cmd,
            label: $label,
            footer: $footer,
            code: $code,
            control: $control,
        }
    };
}

/// Every key there is, the more particular place first.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    key!(&[Place::Panes], "Tab", KeyCode::Tab, Cmd::Next, "next pane", "pane"),
    key!(POPUP, "Tab", KeyCode::Tab, Cmd::Next, "next button or field", "next"),
    key!(ALL, "Shift-Tab", KeyCode::BackTab, Cmd::Previous, "the one before"),
    key!(PANES, "Enter", KeyCode::Enter, Cmd::Enter, "open the gate, or the result", "gate"),
    key!(POPUP, "Enter", KeyCode::Enter, Cmd::Enter, "do what has the focus", "do it"),
    key!(&[Place::Result], "Enter", KeyCode::Enter, Cmd::Enter, "leave", "leave"),
    key!(&[Place::Help], "Enter", KeyCode::Enter, Cmd::Back, "back", "back"),
    key!(POPUP, "Esc", KeyCode::Esc, Cmd::Back, "put it aside and look first", "look first"),
    key!(SCROLLED, "Esc", KeyCode::Esc, Cmd::Back, "back: out of the zoom, or from the result to the run"),
    key!(ALL, "Ctrl-C", ctrl KeyCode::Char('c'), Cmd::Leave, "leave: detach, stop or stay", "leave"),
    key!(READING, "Up", KeyCode::Up, Cmd::Up, "one up"),
    key!(READING, "Down", KeyCode::Down, Cmd::Down, "one down"),
    key!(FIELD, "Up", KeyCode::Up, Cmd::Up, "read further up"),
    key!(FIELD, "Down", KeyCode::Down, Cmd::Down, "read further down"),
    key!(ALL, "Left", KeyCode::Left, Cmd::Left, "to the pane, button or character before"),
    key!(ALL, "Right", KeyCode::Right, Cmd::Right, "to the next pane, button or character"),
    key!(ALL, "PageUp", KeyCode::PageUp, Cmd::PageUp, "a page up"),
    key!(ALL, "PageDown", KeyCode::PageDown, Cmd::PageDown, "a page down"),
    key!(ALL, "Home", KeyCode::Home, Cmd::Home, "to the beginning"),
    key!(ALL, "End", KeyCode::End, Cmd::End, "to the end"),
    key!(PANES, "/", KeyCode::Char('/'), Cmd::Search, "search the log", "find"),
    key!(PANES, "n", KeyCode::Char('n'), Cmd::NextHit, "next hit"),
    key!(PANES, "N", KeyCode::Char('N'), Cmd::PreviousHit, "hit before"),
    key!(PANES, "f", KeyCode::Char('f'), Cmd::Follow, "follow what happens"),
    key!(PANES, "p", KeyCode::Char('p'), Cmd::Pause, "pause: nothing new is begun; again: go on", "pause"),
    key!(PANES, "z", KeyCode::Char('z'), Cmd::Zoom, "one pane on the whole screen, or all", "zoom"),
    key!(PANES, "c", KeyCode::Char('c'), Cmd::Control, "take control: only who has it answers"),
    key!(BUTTONS, "r", KeyCode::Char('r'), Cmd::RunHere, "run the task's command here"),
    key!(SCROLLED, "q", KeyCode::Char('q'), Cmd::Leave, "leave"),
    key!(ALL, "Ctrl-Z", ctrl KeyCode::Char('z'), Cmd::Suspend, "to the shell; `fg` comes back"),
    key!(ALL, "Ctrl-L", ctrl KeyCode::Char('l'), Cmd::Repaint, "draw again"),
    key!(READING, "?", KeyCode::Char('?'), Cmd::Help, "help"),
    key!(ALL, "F1", KeyCode::F(1), Cmd::Help, "help"),
    key!(FIELD, "Backspace", KeyCode::Backspace, Cmd::Backspace, ""),
    key!(FIELD, "Ctrl-H", ctrl KeyCode::Char('h'), Cmd::Backspace, ""),
    key!(FIELD, "Delete", KeyCode::Delete, Cmd::Delete, ""),
    key!(READING, "k", KeyCode::Char('k'), Cmd::Up, ""),
    key!(READING, "j", KeyCode::Char('j'), Cmd::Down, ""),
    key!(READING, "g", KeyCode::Char('g'), Cmd::Home, ""),
    key!(READING, "G", KeyCode::Char('G'), Cmd::End, ""),
    key!(BUTTONS, "Space", KeyCode::Char(' '), Cmd::Enter, ""),
];

/// What a key means at a place.
pub fn translate(event: &KeyEvent, place: Place) -> Option<Cmd> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    let found = KEYS
        .iter()
        .find(|k| k.code == event.code && k.control == control && k.places.contains(&place));
    match (found, event.code) {
        (Some(key), _) => Some(key.cmd.clone()),
        (None, KeyCode::Char(c))
            if place == Place::Field
                && !control
                && !event.modifiers.contains(KeyModifiers::ALT) =>
        {
            Some(Cmd::Type(c))
        }
        _ => None,
    }
}

/// What the footer names at a place: at most six, the help apart.
pub fn footer(place: Place) -> impl Iterator<Item = &'static Key> {
    KEYS.iter()
        .filter(move |k| !k.footer.is_empty() && k.places.contains(&place))
        .take(6)
}

/// What the help lists for a place.
pub fn help(place: Place) -> impl Iterator<Item = &'static Key> {
    KEYS.iter()
        .filter(move |k| !k.label.is_empty() && k.places.contains(&place))
}

/// The key press that a table entry stands for.
pub fn event_of(key: &Key) -> KeyEvent {
    let modifiers = if key.control {
        KeyModifiers::CONTROL
    } else {
        KeyModifiers::NONE
    };
    KeyEvent::new(key.code, modifiers)
}
