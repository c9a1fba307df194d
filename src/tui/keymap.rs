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
    /// Take back what the run did; asks.
    TakeBack,
    /// Run the task's command here.
    RunHere,
    /// Change what has the focus: a word, a step that is open.
    Toggle,
    /// Open all, or close all.
    All,
    /// Save the site.
    Save,
    /// Load a site.
    Open,
    /// On to the next screen.
    GoOn,
    /// Ask once more.
    Again,
    /// Ask all once more.
    AgainAll,
    /// Ask for the passwords once more.
    Passwords,
    /// Waive the selected check, or take its waiver back.
    Waive,
    /// Start the run.
    Start,
    /// Take the last change of the text back.
    Undo,
    /// Empty the field.
    Wipe,
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
    /// On a text field of a popup before the run.
    Ask,
    /// On the buttons of a popup before the run.
    AskButtons,
    /// On the list of scenarios.
    Choose,
    /// On a line of the site's form.
    Line,
    /// Elsewhere on the site's form.
    Form,
    /// On a password's field.
    Secret,
    /// On a text of many lines.
    Lines,
    /// On the checks.
    Checks,
    /// On the plan.
    Plan,
}

impl Place {
    /// Whether printable keys are text here.
    pub fn types(self) -> bool {
        matches!(
            self,
            Self::Field | Self::Ask | Self::Line | Self::Secret | Self::Lines
        )
    }
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
    Place::Ask,
    Place::AskButtons,
    Place::Choose,
    Place::Line,
    Place::Form,
    Place::Secret,
    Place::Lines,
    Place::Checks,
    Place::Plan,
];
/// Where there is a run, or may be.
const RUN: &[Place] = &[
    Place::Panes,
    Place::Field,
    Place::Buttons,
    Place::Help,
    Place::Result,
];
/// Where there is none yet.
const BEFORE: &[Place] = &[
    Place::Ask,
    Place::AskButtons,
    Place::Choose,
    Place::Line,
    Place::Form,
    Place::Secret,
    Place::Lines,
    Place::Checks,
    Place::Plan,
];
const PANES: &[Place] = &[Place::Panes];
const FIELD: &[Place] = &[Place::Field];
const TYPED: &[Place] = &[
    Place::Field,
    Place::Ask,
    Place::Line,
    Place::Secret,
    Place::Lines,
];
const BUTTONS: &[Place] = &[Place::Buttons, Place::AskButtons];
const POPUP: &[Place] = &[Place::Field, Place::Buttons];
const ASK: &[Place] = &[Place::Ask, Place::AskButtons];
const ANY_POPUP: &[Place] = &[Place::Field, Place::Buttons, Place::Ask, Place::AskButtons];
const CHOOSE: &[Place] = &[Place::Choose];
const SITE: &[Place] = &[Place::Line, Place::Form];
const FORM: &[Place] = &[Place::Form];
const SECRET: &[Place] = &[Place::Secret];
const LINES: &[Place] = &[Place::Lines];
const CHECKS: &[Place] = &[Place::Checks];
const PLAN: &[Place] = &[Place::Plan];
const FOUND: &[Place] = &[Place::Panes, Place::Plan];
const READING: &[Place] = &[
    Place::Panes,
    Place::Buttons,
    Place::AskButtons,
    Place::Help,
    Place::Result,
    Place::Choose,
    Place::Form,
    Place::Checks,
    Place::Plan,
];
const LISTS: &[Place] = &[
    Place::Panes,
    Place::Buttons,
    Place::AskButtons,
    Place::Help,
    Place::Result,
    Place::Choose,
    Place::Checks,
    Place::Plan,
];
const SCROLLED: &[Place] = &[
    Place::Panes,
    Place::Help,
    Place::Result,
    Place::Choose,
    Place::Checks,
    Place::Plan,
];
/// Where Left and Right do something.
const SIDEWAYS: &[Place] = &[
    Place::Panes,
    Place::Field,
    Place::Buttons,
    Place::Ask,
    Place::AskButtons,
    Place::Line,
    Place::Form,
    Place::Lines,
];

const TAKING_BACK: &[Place] = &[Place::Panes, Place::Result];

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
    key!(ANY_POPUP, "Tab", KeyCode::Tab, Cmd::Next, "next button or field", "next"),
    key!(SECRET, "Tab", KeyCode::Tab, Cmd::Next, "next password or button", "next"),
    key!(LINES, "Tab", KeyCode::Tab, Cmd::Next, "to the buttons", "buttons"),
    key!(SITE, "Tab", KeyCode::Tab, Cmd::Next, "next field", "next"),
    key!(ALL, "Shift-Tab", KeyCode::BackTab, Cmd::Previous, "the one before"),
    key!(PANES, "Enter", KeyCode::Enter, Cmd::Enter, "open the gate, or the result", "gate"),
    key!(ANY_POPUP, "Enter", KeyCode::Enter, Cmd::Enter, "do what has the focus", "do it"),
    key!(&[Place::Result], "Enter", KeyCode::Enter, Cmd::Enter, "leave", "leave"),
    key!(&[Place::Help], "Enter", KeyCode::Enter, Cmd::Back, "back", "back"),
    key!(CHOOSE, "Enter", KeyCode::Enter, Cmd::Enter, "take this one, and say what your site is like", "take it"),
    key!(FORM, "Enter", KeyCode::Enter, Cmd::Enter, "change the word, edit the lines, press the button", "change"),
    key!(&[Place::Line], "Enter", KeyCode::Enter, Cmd::Enter, "next field"),
    key!(SECRET, "Enter", KeyCode::Enter, Cmd::Enter, "next password or button", "next"),
    key!(LINES, "Enter", KeyCode::Enter, Cmd::Enter, "a new line", "new line"),
    key!(CHECKS, "Enter", KeyCode::Enter, Cmd::Enter, "on to the plan, when nothing inhibits", "plan"),
    key!(PLAN, "Enter", KeyCode::Enter, Cmd::Enter, "open the step, or close it", "open"),
    key!(SECRET, "Esc", KeyCode::Esc, Cmd::Back, "wipe what was typed, and back", "wipe"),
    key!(LINES, "Esc", KeyCode::Esc, Cmd::Back, "back to the form, with the lines", "back"),
    key!(SITE, "Esc", KeyCode::Esc, Cmd::Back, "back to the scenarios; every value is kept", "back"),
    key!(CHECKS, "Esc", KeyCode::Esc, Cmd::Back, "back to the site; every value is kept", "back"),
    key!(PLAN, "Esc", KeyCode::Esc, Cmd::Back, "back to the checks", "back"),
    key!(SITE, "Ctrl-G", ctrl KeyCode::Char('g'), Cmd::GoOn, "go on to the checks", "go on"),
    key!(SITE, "Ctrl-S", ctrl KeyCode::Char('s'), Cmd::Save, "save to a file", "save"),
    key!(SITE, "Ctrl-O", ctrl KeyCode::Char('o'), Cmd::Open, "load from a file", "load"),
    key!(CHOOSE, "o", KeyCode::Char('o'), Cmd::Open, "load a site file, whatever its scenario", "load a site"),
    key!(CHOOSE, "Ctrl-O", ctrl KeyCode::Char('o'), Cmd::Open, ""),
    key!(CHECKS, "r", KeyCode::Char('r'), Cmd::Again, "ask the selected one again", "again"),
    key!(CHECKS, "a", KeyCode::Char('a'), Cmd::AgainAll, "ask all again", "all again"),
    key!(CHECKS, "w", KeyCode::Char('w'), Cmd::Waive, "waive the selected one, with a reason; again: take that back", "waive"),
    key!(CHECKS, "p", KeyCode::Char('p'), Cmd::Passwords, "type the passwords again", "passwords"),
    key!(PLAN, "s", KeyCode::Char('s'), Cmd::Start, "start the run; asks first", "start"),
    key!(PLAN, "e", KeyCode::Char('e'), Cmd::All, "open all steps, or close them", "all"),
    key!(PLAN, "/", KeyCode::Char('/'), Cmd::Search, "search the plan", "find"),
    key!(PLAN, "r", KeyCode::Char('r'), Cmd::Again, "look the facts up again"),
    key!(ASK, "Esc", KeyCode::Esc, Cmd::Back, "back; nothing is done", "back"),
    key!(POPUP, "Esc", KeyCode::Esc, Cmd::Back, "put it aside and look first", "look first"),
    key!(&[Place::Panes, Place::Help, Place::Result], "Esc", KeyCode::Esc, Cmd::Back, "back: out of the zoom, or from the result to the run"),
    key!(RUN, "Ctrl-C", ctrl KeyCode::Char('c'), Cmd::Leave, "leave: detach, stop or stay", "leave"),
    key!(BEFORE, "Ctrl-C", ctrl KeyCode::Char('c'), Cmd::Leave, "leave; asks first", "leave"),
    key!(READING, "Up", KeyCode::Up, Cmd::Up, "one up"),
    key!(READING, "Down", KeyCode::Down, Cmd::Down, "one down"),
    key!(FIELD, "Up", KeyCode::Up, Cmd::Up, "read further up"),
    key!(FIELD, "Down", KeyCode::Down, Cmd::Down, "read further down"),
    key!(TYPED, "Up", KeyCode::Up, Cmd::Up, "one up"),
    key!(TYPED, "Down", KeyCode::Down, Cmd::Down, "one down"),
    key!(FORM, "Left", KeyCode::Left, Cmd::Left, "the word or button before"),
    key!(FORM, "Right", KeyCode::Right, Cmd::Right, "the next word or button"),
    key!(SIDEWAYS, "Left", KeyCode::Left, Cmd::Left, "to the pane, button or character before"),
    key!(SIDEWAYS, "Right", KeyCode::Right, Cmd::Right, "to the next pane, button or character"),
    key!(ALL, "PageUp", KeyCode::PageUp, Cmd::PageUp, "a page up"),
    key!(ALL, "PageDown", KeyCode::PageDown, Cmd::PageDown, "a page down"),
    key!(ALL, "Home", KeyCode::Home, Cmd::Home, "to the beginning"),
    key!(ALL, "End", KeyCode::End, Cmd::End, "to the end"),
    key!(PANES, "/", KeyCode::Char('/'), Cmd::Search, "search the log", "find"),
    key!(FOUND, "n", KeyCode::Char('n'), Cmd::NextHit, "next hit"),
    key!(FOUND, "N", KeyCode::Char('N'), Cmd::PreviousHit, "hit before"),
    key!(PANES, "f", KeyCode::Char('f'), Cmd::Follow, "follow what happens"),
    key!(PANES, "p", KeyCode::Char('p'), Cmd::Pause, "pause: nothing new is begun; again: go on", "pause"),
    key!(PANES, "z", KeyCode::Char('z'), Cmd::Zoom, "one pane on the whole screen, or all", "zoom"),
    key!(TAKING_BACK, "u", KeyCode::Char('u'), Cmd::TakeBack, "undo: take the run back, all of it or to a step; asks", "undo"),
    key!(PANES, "c", KeyCode::Char('c'), Cmd::Control, "take control: only who has it answers"),
    key!(&[Place::Buttons], "r", KeyCode::Char('r'), Cmd::RunHere, "run the task's command here"),
    key!(SCROLLED, "q", KeyCode::Char('q'), Cmd::Leave, "leave"),
    key!(ALL, "Ctrl-Z", ctrl KeyCode::Char('z'), Cmd::Suspend, "to the shell; `fg` comes back"),
    key!(ALL, "Ctrl-L", ctrl KeyCode::Char('l'), Cmd::Repaint, "draw again"),
    key!(READING, "?", KeyCode::Char('?'), Cmd::Help, "help"),
    key!(ALL, "F1", KeyCode::F(1), Cmd::Help, "help"),
    key!(TYPED, "Backspace", KeyCode::Backspace, Cmd::Backspace, ""),
    key!(TYPED, "Ctrl-H", ctrl KeyCode::Char('h'), Cmd::Backspace, ""),
    key!(TYPED, "Delete", KeyCode::Delete, Cmd::Delete, ""),
    key!(&[Place::Field, Place::Ask, Place::Line, Place::Secret], "Ctrl-U", ctrl KeyCode::Char('u'), Cmd::Wipe, "empty the field"),
    key!(LINES, "Ctrl-U", ctrl KeyCode::Char('u'), Cmd::Wipe, "delete to the beginning of the line"),
    key!(LINES, "Ctrl-Y", ctrl KeyCode::Char('y'), Cmd::Undo, "take the last change back", "undo"),
    key!(LISTS, "k", KeyCode::Char('k'), Cmd::Up, ""),
    key!(LISTS, "j", KeyCode::Char('j'), Cmd::Down, ""),
    key!(LISTS, "g", KeyCode::Char('g'), Cmd::Home, ""),
    key!(LISTS, "G", KeyCode::Char('G'), Cmd::End, ""),
    key!(BUTTONS, "Space", KeyCode::Char(' '), Cmd::Enter, ""),
    key!(FORM, "Space", KeyCode::Char(' '), Cmd::Toggle, ""),
    key!(PLAN, "Space", KeyCode::Char(' '), Cmd::Toggle, ""),
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
            if place.types() && !control && !event.modifiers.contains(KeyModifiers::ALT) =>
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
