//! What follows from a key, and from what happened in the run. Pure: the loop does the actions.

use super::attention::Attention;
use super::draw;
use super::keymap::Cmd;
use super::seen::Seen;
use super::state::{Field, Kind, Pane, Part, Popup, Stage, Ui};
use crate::check::describe;
use std::time::Duration;

/// What is asked of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Answer a gate.
    Answer {
        /// The gate.
        gate: String,
        /// What was typed.
        text: Option<String>,
    },
    /// Begin nothing new.
    Pause,
    /// Go on.
    Continue,
    /// Do again what failed.
    Retry,
    /// Leave the failed step as it is.
    Skip {
        /// Why.
        reason: String,
    },
    /// Do not let a check hold the run up that cannot be told, and try again.
    Waive {
        /// The check.
        check: String,
        /// Why.
        reason: String,
    },
    /// Stop at the next safe point.
    Stop,
    /// Take back what was done, the last step first.
    Undo {
        /// The earliest step to be taken back; none: everything.
        to: Option<String>,
    },
    /// Give up taking back, and go forward again.
    Forward,
    /// Take control.
    Control,
}

/// Why the screen is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// The run goes on without it.
    Detached,
    /// The run is over, or its engine has gone.
    Over,
    /// As that, and the run is to be taken back, which needs an engine anew: to before this step, or
    /// all of it.
    Undo(Option<String>),
}

/// What the loop is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask the engine.
    Send(Wish),
    /// Hand the terminal to a command and take it back.
    RunHere {
        /// The command.
        argv: Vec<String>,
        /// What the person is to do with it.
        instructions: Vec<String>,
    },
    /// Leave the screen.
    Quit(Leaving),
    /// Stop as a job of the shell.
    Suspend,
    /// Draw everything again.
    Repaint,
}

/// Fits the screen to what happened in the run: popups come up and go.
pub fn follow(ui: &mut Ui, seen: &Seen) {
    let over = seen.is_over() || seen.gone;
    if let Some(popup) = &mut ui.popup {
        let stale = match &popup.kind {
            Kind::Gate(gate) => seen.run.gate.as_ref() != Some(gate) || over,
            Kind::Failed(step, attempt) => {
                over || seen
                    .run
                    .failed_step()
                    .is_none_or(|s| s.head.id != *step || s.attempt != *attempt)
            }
            Kind::Reason | Kind::Waive => over || seen.run.failed_step().is_none(),
            Kind::Undo(_) => match popup.stage {
                Stage::Waiting(since) => seen.turned > since,
                _ => false,
            },
            Kind::Leave => over,
            Kind::Search => false,
        };
        if let (Stage::Waiting(since), Some(refusal)) = (&popup.stage, &seen.refusal)
            && refusal.idx > *since
        {
            popup.stage = Stage::Refused(refusal.reason.clone());
        }
        if stale {
            ui.popup = None;
        }
    }
    if over {
        if !ui.end_shown {
            ui.end_shown = true;
            ui.result = true;
        }
        return;
    }
    (ui.end_shown, ui.result) = (false, false);
    let Some((question, kind)) = question(seen) else {
        ui.aside = None;
        return;
    };
    if ui.popup.is_none() && ui.aside.as_ref() != Some(&question) {
        let mut popup = Popup::new(kind, seen);
        popup.attention = Attention::NEW;
        ui.popup = Some(popup);
    }
}

/// What the run waits for a person with: a name for it, and the popup it is.
fn question(seen: &Seen) -> Option<(String, Kind)> {
    if seen.run.phase == crate::engine::state::Phase::Empty || seen.run.paused || seen.run.stopping
    {
        return None;
    }
    if let Some(gate) = &seen.run.gate {
        let name = format!("{} {}", gate.id, gate.lines.join("\n"));
        return Some((name, Kind::Gate(Box::new(gate.clone()))));
    }
    let step = seen.run.failed_step()?;
    let kind = Kind::Failed(step.head.id.clone(), step.attempt);
    Some((format!("failed {} {}", step.head.id, step.attempt), kind))
}

/// All of the state is on the screen now.
pub fn shown(ui: &mut Ui, now: Duration) {
    let covered = ui.help.is_some() || ui.is_too_small();
    if let Some(popup) = ui.popup.as_mut().filter(|_| !covered) {
        popup.attention = popup.attention.drawn(now);
    }
}

/// No key waits to be taken: a popup that has been on the screen long enough takes them now. Says
/// whether one does that did not before.
pub fn rested(ui: &mut Ui, now: Duration) -> bool {
    let Some(popup) = &mut ui.popup else {
        return false;
    };
    let due = popup.attention.due().is_some_and(|at| at <= now);
    if due {
        if popup.attention.was_pressed() && popup.stage == Stage::Prompting {
            popup.stage = Stage::Told("Keys pressed before this was there were not taken.".into());
        }
        popup.attention = Attention::Given;
    }
    due
}

/// What follows from a key.
pub fn update(ui: &mut Ui, seen: &Seen, cmd: &Cmd, now: Duration) -> Vec<Action> {
    if ui.is_too_small() {
        // Nothing of the run is visible: nothing can be done to it.
        return match cmd {
            Cmd::Leave if seen.is_over() => vec![Action::Quit(Leaving::Over)],
            Cmd::Leave => vec![Action::Quit(Leaving::Detached)],
            Cmd::Suspend => vec![Action::Suspend],
            _ => Vec::new(),
        };
    }
    match cmd {
        Cmd::Suspend => return vec![Action::Suspend],
        Cmd::Repaint => return vec![Action::Repaint],
        Cmd::Help if ui.help.is_none() => {
            ui.help = Some(0);
            return Vec::new();
        }
        _ => {}
    }
    if let Some(top) = ui.help {
        match cmd {
            Cmd::Back | Cmd::Enter | Cmd::Help | Cmd::Leave => ui.help = None,
            _ => ui.help = Some(scrolled(top, cmd, 10, draw::help::most(ui))),
        }
        return Vec::new();
    }
    if *cmd == Cmd::Leave {
        return leave(ui, seen);
    }
    if let Some(popup) = ui.popup.take() {
        return in_popup(ui, popup, seen, cmd, now);
    }
    if ui.result {
        match cmd {
            Cmd::Enter => return vec![Action::Quit(Leaving::Over)],
            Cmd::Back => ui.result = false,
            Cmd::TakeBack => take_back(ui, seen),
            _ => {
                let most = draw::result::most(ui, seen);
                ui.result_top = scrolled(ui.result_top, cmd, 10, most);
            }
        }
        return Vec::new();
    }
    in_panes(ui, seen, cmd)
}

/// Pastes text into the field with the focus; a line end in it submits nothing.
pub fn paste(ui: &mut Ui, text: &str, now: Duration) {
    if let Some(popup) = &mut ui.popup
        && popup.part() == Part::Field
        && ui.help.is_none()
    {
        if !popup.attention.is_given() {
            popup.attention = popup.attention.pressed(now);
            return;
        }
        // Terminals paste line ends as CR as well.
        let text = text.trim_matches(['\r', '\n']);
        let (first, more) = text
            .split_once(['\r', '\n'])
            .map_or((text, false), |(first, _)| (first, true));
        for c in first.chars() {
            popup.field.insert(c);
        }
        if more {
            popup.stage = Stage::Told("Only the first line of what was pasted was taken.".into());
        }
    }
}

fn leave(ui: &mut Ui, seen: &Seen) -> Vec<Action> {
    if seen.is_over() || seen.gone {
        return vec![Action::Quit(Leaving::Over)];
    }
    if ui.popup.as_ref().is_none_or(|p| p.kind != Kind::Leave) {
        ui.popup = Some(Popup::new(Kind::Leave, seen));
    }
    Vec::new()
}

fn in_popup(ui: &mut Ui, mut popup: Popup, seen: &Seen, cmd: &Cmd, now: Duration) -> Vec<Action> {
    let count = popup.parts.len().max(1);
    let on_field = popup.part() == Part::Field;
    let reads = matches!(cmd, Cmd::Up | Cmd::Down | Cmd::PageUp | Cmd::PageDown);
    if !popup.attention.is_given() && !reads {
        popup.attention = popup.attention.pressed(now);
        ui.popup = Some(popup);
        return Vec::new();
    }
    match cmd {
        Cmd::Back => {
            if !matches!(popup.kind, Kind::Leave | Kind::Search | Kind::Undo(_)) {
                ui.aside = question(seen).map(|(name, _)| name);
            }
            return Vec::new();
        }
        Cmd::Next => popup.focus = (popup.focus + 1) % count,
        Cmd::Previous => popup.focus = (popup.focus + count - 1) % count,
        Cmd::Up | Cmd::Down if matches!(popup.kind, Kind::Undo(Some(_))) => {
            let ways = seen.ways_back();
            if let Kind::Undo(Some(to)) = &mut popup.kind {
                let at = ways.iter().position(|step| step.head.id == *to);
                let next = moved(at.unwrap_or(0), cmd, 1, ways.len().saturating_sub(1));
                if let Some(step) = ways.get(next) {
                    to.clone_from(&step.head.id);
                }
            }
            popup.top = 0;
        }
        Cmd::Left | Cmd::Right | Cmd::Home | Cmd::End if on_field => {
            let field = &mut popup.field;
            match cmd {
                Cmd::Left => field.go(field.cursor.saturating_sub(1)),
                Cmd::Right => field.go(field.cursor + 1),
                Cmd::Home => field.go(0),
                _ => field.go(usize::MAX),
            }
        }
        Cmd::Left => popup.focus = popup.focus.saturating_sub(1),
        Cmd::Right => popup.focus = (popup.focus + 1).min(count - 1),
        Cmd::Type(c) => popup.field.insert(*c),
        Cmd::Backspace => popup.field.backspace(),
        Cmd::Delete => popup.field.delete(),
        Cmd::Wipe => popup.field = Field::default(),
        Cmd::Enter | Cmd::RunHere => {
            if matches!(popup.stage, Stage::Waiting(_)) {
                ui.popup = Some(popup);
                return Vec::new();
            }
            let part = if *cmd == Cmd::RunHere {
                Part::Run
            } else {
                popup.part()
            };
            return press(ui, popup, seen, part);
        }
        _ => {
            let most = draw::popup::most(ui, &popup, seen);
            popup.top = scrolled(popup.top, cmd, 5, most);
        }
    }
    let said = matches!(popup.stage, Stage::Refused(_) | Stage::Told(_));
    if said && matches!(cmd, Cmd::Type(_) | Cmd::Backspace) {
        popup.stage = Stage::Prompting;
    }
    ui.popup = Some(popup);
    Vec::new()
}

/// Enter on a part of a popup.
fn press(ui: &mut Ui, mut popup: Popup, seen: &Seen, part: Part) -> Vec<Action> {
    let harmless = matches!(part, Part::Cancel | Part::Detach)
        || matches!(popup.kind, Kind::Search)
        || matches!(popup.kind, Kind::Undo(_) if seen.is_over() || seen.gone)
        || part == Part::Waive
        || (part == Part::Skip);
    if !harmless && !ui.in_control(seen) {
        let by = seen.run.control.clone().unwrap_or_default();
        popup.stage = Stage::Refused(format!("{by} has control. Press Esc, then `c` to take it."));
        ui.popup = Some(popup);
        return Vec::new();
    }
    let typed = popup.field.text.trim().to_owned();
    let keep = |ui: &mut Ui, mut popup: Popup, stage: Stage| {
        popup.stage = stage;
        ui.popup = Some(popup);
    };
    match (popup.kind.clone(), part) {
        (Kind::Leave, Part::Detach) => vec![Action::Quit(Leaving::Detached)],
        (Kind::Leave | Kind::Failed(..), Part::Stop) => vec![Action::Send(Wish::Stop)],
        (Kind::Search, Part::Field) => {
            ui.search = typed;
            ui.pane = Pane::Log;
            find(ui, seen, false, true);
            Vec::new()
        }
        (Kind::Leave | Kind::Search, _) | (Kind::Undo(_), Part::Cancel) => Vec::new(),
        (Kind::Undo(to), Part::Back | Part::Everything) => {
            let to = to.filter(|_| part == Part::Back);
            if let Err(why_not) = seen.back_to(to.as_deref()) {
                keep(ui, popup, Stage::Refused(why_not));
                return Vec::new();
            }
            if seen.is_over() || seen.gone {
                return vec![Action::Quit(Leaving::Undo(to))];
            }
            keep(ui, popup, Stage::Waiting(seen.last));
            vec![Action::Send(Wish::Undo { to })]
        }
        (Kind::Undo(_), Part::Forward) => {
            keep(ui, popup, Stage::Waiting(seen.last));
            vec![Action::Send(Wish::Forward)]
        }
        (_, Part::Cancel) => {
            ui.aside = question(seen).map(|(name, _)| name);
            Vec::new()
        }
        (Kind::Gate(gate), Part::Run) => {
            let argv = seen.command_of(&gate);
            ui.popup = Some(popup);
            if argv.is_empty() {
                return Vec::new();
            }
            let instructions = gate.lines;
            vec![Action::RunHere { argv, instructions }]
        }
        (Kind::Gate(gate), Part::Field | Part::Confirm) => {
            let text = match &gate.typed {
                Some(wanted) if typed != *wanted => {
                    let told = format!("It must be exactly `{wanted}`.");
                    keep(ui, popup, Stage::Refused(told));
                    return Vec::new();
                }
                Some(_) => Some(typed),
                None if seen.wants_words(&gate) && typed.is_empty() => {
                    keep(ui, popup, Stage::Refused("Type your answer first.".into()));
                    return Vec::new();
                }
                None if seen.wants_words(&gate) => Some(typed),
                None if seen.is_task(&gate) => Some("done".to_owned()),
                None => None,
            };
            keep(ui, popup, Stage::Waiting(seen.last));
            let gate = gate.id.clone();
            vec![Action::Send(Wish::Answer { gate, text })]
        }
        (Kind::Failed(..), Part::Retry) => {
            keep(ui, popup, Stage::Waiting(seen.last));
            vec![Action::Send(Wish::Retry)]
        }
        (Kind::Failed(..), Part::Skip) => {
            ui.popup = Some(Popup::new(Kind::Reason, seen));
            Vec::new()
        }
        (Kind::Failed(..), Part::Waive) => {
            let mut popup = Popup::new(Kind::Waive, seen);
            let first = seen.blocking_checks().first().copied().unwrap_or("");
            for c in format!("{first} ").chars() {
                popup.field.insert(c);
            }
            ui.popup = Some(popup);
            Vec::new()
        }
        (Kind::Waive, Part::Field) => {
            let (check, reason) = typed.split_once(' ').unwrap_or((&typed, ""));
            let refused = if describe(check).is_none() {
                Some(format!("There is no check `{check}`."))
            } else if reason.trim().is_empty() {
                Some("A reason is needed.".to_owned())
            } else {
                None
            };
            if let Some(refused) = refused {
                keep(ui, popup, Stage::Refused(refused));
                return Vec::new();
            }
            let (check, reason) = (check.to_owned(), reason.trim().to_owned());
            keep(ui, popup, Stage::Waiting(seen.last));
            vec![Action::Send(Wish::Waive { check, reason })]
        }
        (Kind::Reason, Part::Field) if typed.is_empty() => {
            keep(ui, popup, Stage::Refused("A reason is needed.".into()));
            Vec::new()
        }
        (Kind::Reason, Part::Field) => {
            keep(ui, popup, Stage::Waiting(seen.last));
            vec![Action::Send(Wish::Skip { reason: typed })]
        }
        _ => {
            ui.popup = Some(popup);
            Vec::new()
        }
    }
}

/// The terminal is back from a command the operator ran: says how it ended.
pub fn came_back(ui: &mut Ui, told: String) {
    if let Some(popup) = &mut ui.popup {
        popup.stage = Stage::Told(told);
        popup.attention = Attention::NEW;
        if let Some(at) = popup.parts.iter().position(|p| *p == Part::Confirm) {
            popup.focus = at;
        }
    }
}

fn in_panes(ui: &mut Ui, seen: &Seen, cmd: &Cmd) -> Vec<Action> {
    match cmd {
        Cmd::Next | Cmd::Right => ui.pane = ui.pane.turned(1),
        Cmd::Previous | Cmd::Left => ui.pane = ui.pane.turned(Pane::ALL.len() - 1),
        Cmd::Enter => {
            if seen.is_over() || seen.gone {
                ui.result = true;
            } else if let Some((_, kind)) = question(seen) {
                ui.popup = Some(Popup::new(kind, seen));
            }
        }
        Cmd::Back => ui.zoom = false,
        Cmd::Zoom => ui.zoom = !ui.zoom,
        Cmd::Search => {
            let mut popup = Popup::new(Kind::Search, seen);
            popup.field = Field {
                text: ui.search.clone(),
                cursor: ui.search.chars().count(),
            };
            ui.popup = Some(popup);
        }
        Cmd::NextHit => find(ui, seen, true, false),
        Cmd::PreviousHit => find(ui, seen, false, false),
        Cmd::Follow => {
            (ui.selected, ui.work_top, ui.log_at) = (None, None, None);
            ui.detail_top = 0;
        }
        Cmd::Pause if !ui.in_control(seen) => {}
        Cmd::Pause if seen.run.paused => return vec![Action::Send(Wish::Continue)],
        Cmd::Pause if !seen.is_over() => return vec![Action::Send(Wish::Pause)],
        Cmd::TakeBack => take_back(ui, seen),
        Cmd::Control if !seen.is_over() => return vec![Action::Send(Wish::Control)],
        _ => scroll_pane(ui, seen, cmd),
    }
    Vec::new()
}

/// Asks how far to take the run back, or says why it cannot be.
fn take_back(ui: &mut Ui, seen: &Seen) {
    let ways = seen.ways_back();
    let selected = ui.selected.and_then(|at| seen.run.steps.get(at));
    let chosen = selected.filter(|step| ways.iter().any(|way| way.head.id == step.head.id));
    let to = chosen.or(ways.last().copied()).map(|s| s.head.id.clone());
    let mut popup = Popup::new(Kind::Undo(to), seen);
    if popup.parts.len() == 1
        && let Err(why_not) = seen.back_to(None)
    {
        popup.stage = Stage::Refused(why_not);
    }
    ui.popup = Some(popup);
}

fn scroll_pane(ui: &mut Ui, seen: &Seen, cmd: &Cmd) {
    match ui.pane {
        Pane::Steps => {
            let most = seen.run.steps.len().saturating_sub(1);
            let at = moved(ui.step_at(seen), cmd, 10, most);
            if at != ui.step_at(seen) {
                (ui.detail_top, ui.work_top) = (0, None);
                ui.selected = Some(at);
            }
        }
        Pane::Detail => {
            let most = draw::run::most(ui, seen, Pane::Detail);
            ui.detail_top = scrolled(ui.detail_top.min(most), cmd, 5, most);
        }
        Pane::Work => {
            let most = draw::run::most(ui, seen, Pane::Work);
            let top = draw::run::work_top(ui, seen);
            ui.work_top = Some(scrolled(top, cmd, 5, most));
        }
        Pane::Log => {
            let last = seen.log.len().saturating_sub(1);
            let at = ui.log_at.unwrap_or(last);
            ui.log_at = match cmd {
                Cmd::End => None,
                _ => Some(moved(at, cmd, 5, last)).filter(|to| *to < last),
            };
        }
    }
}

/// Goes to the next or the last hit of the search in the log.
fn find(ui: &mut Ui, seen: &Seen, onward: bool, from_end: bool) {
    let wanted = ui.search.to_lowercase();
    if wanted.is_empty() {
        ui.log_at = None;
        return;
    }
    let last = seen.log.len();
    let at = if from_end {
        last
    } else {
        ui.log_at.unwrap_or(last)
    };
    let mut hits = seen
        .log
        .iter()
        .enumerate()
        .filter(|(_, line)| line.text.to_lowercase().contains(&wanted))
        .map(|(n, _)| n);
    let hit = if onward {
        hits.find(|n| *n > at)
    } else {
        hits.take_while(|n| *n < at).last()
    };
    if let Some(hit) = hit {
        ui.log_at = Some(hit);
        ui.pane = Pane::Log;
    }
}

fn scrolled(top: u16, cmd: &Cmd, page: usize, most: u16) -> u16 {
    let to = moved(usize::from(top), cmd, page, usize::from(most));
    u16::try_from(to).unwrap_or(most)
}

fn moved(at: usize, cmd: &Cmd, page: usize, most: usize) -> usize {
    match cmd {
        Cmd::Up => at.saturating_sub(1),
        Cmd::Down => at + 1,
        Cmd::PageUp => at.saturating_sub(page),
        Cmd::PageDown => at + page,
        Cmd::Home => 0,
        Cmd::End => most,
        _ => at,
    }
    .min(most)
}
