//! What follows from a key, and from what came of a slow thing. Pure: the loop does the actions.

mod popup;
mod site;

use super::form::Form;
use super::plan_view::PlanView;
use super::state::{
    Action, Done, Job, Kind, Popup, Prepared, Row, Screen, SecretWanted, Told, Wizard,
};
use super::{draw, state};
use crate::check::Outcome;
use crate::check::describe;
use crate::tui::keymap::Cmd;
use crate::tui::state::Ui;
use std::path::Path;

pub use popup::paste;

/// What follows from a key.
pub fn update(w: &mut Wizard, cmd: &Cmd) -> Vec<Action> {
    match cmd {
        Cmd::Suspend => return vec![Action::Suspend],
        Cmd::Repaint => return vec![Action::Repaint],
        _ => {}
    }
    if w.size.0 < Ui::LEAST.0 || w.size.1 < Ui::LEAST.1 {
        // Nothing can be seen: nothing can be done but leave.
        return match cmd {
            Cmd::Leave => vec![Action::Quit],
            _ => Vec::new(),
        };
    }
    if let Some(top) = w.help {
        w.help = match cmd {
            Cmd::Back | Cmd::Enter | Cmd::Help | Cmd::Leave => None,
            _ => Some(scrolled(top, cmd, 10, draw::help_most(w))),
        };
        return Vec::new();
    }
    if *cmd == Cmd::Help {
        w.help = Some(0);
        return Vec::new();
    }
    if *cmd == Cmd::Leave {
        return leave(w);
    }
    if let Some(popup) = w.popup.take() {
        return popup::update(w, popup, cmd);
    }
    if w.busy == STARTING {
        return Vec::new();
    }
    w.told = Told::default();
    match w.screen {
        Screen::Scenario => scenario(w, cmd),
        Screen::Site => site::update(w, cmd),
        Screen::Checks => checks(w, cmd),
        Screen::Plan => plan(w, cmd),
    }
}

/// What is said while the engine starts.
pub const STARTING: &str = "the run is made and its engine started";

fn leave(w: &mut Wizard) -> Vec<Action> {
    let asked = w
        .popup
        .as_ref()
        .is_some_and(|p| matches!(p.kind, Kind::Leave));
    if w.form.is_none() {
        return vec![Action::Quit];
    }
    if !asked && w.busy != STARTING {
        w.popup = Some(Popup::new(Kind::Leave));
    }
    Vec::new()
}

fn scenario(w: &mut Wizard, cmd: &Cmd) -> Vec<Action> {
    let last = w.scenarios.len().saturating_sub(1);
    match cmd {
        Cmd::Enter => {
            let Some(scenario) = w.scenarios.get(w.chosen) else {
                return Vec::new();
            };
            // Back keeps every value.
            if w.form.as_ref().is_none_or(|f| f.scenario != scenario.id) {
                match Form::fresh(&scenario.id) {
                    Ok(form) => {
                        w.form = Some(form);
                        w.tell(
                            "These are the values of the guide's example: change what is \
                             different at your site.",
                        );
                    }
                    Err(error) => {
                        w.refuse(error);
                        return Vec::new();
                    }
                }
            }
            w.screen = Screen::Site;
        }
        Cmd::Open => w.popup = Some(Popup::new(Kind::Open)),
        Cmd::PageUp | Cmd::PageDown => {
            w.scenario_top = scrolled(w.scenario_top, cmd, 5, draw::scenario::most(w));
        }
        _ => {
            let to = moved(w.chosen, cmd, 1, last);
            if to != w.chosen {
                (w.chosen, w.scenario_top) = (to, 0);
            } else if matches!(cmd, Cmd::Up | Cmd::Down) {
                w.scenario_top = scrolled(w.scenario_top, cmd, 1, draw::scenario::most(w));
            }
        }
    }
    Vec::new()
}

/// Asks checks of the site they are about.
fn ask(w: &mut Wizard, ids: Vec<String>) -> Vec<Action> {
    let Some(site) = w.checks.site.clone() else {
        return Vec::new();
    };
    if ids.is_empty() {
        return Vec::new();
    }
    for row in &mut w.checks.rows {
        row.asked |= ids.contains(&row.id);
    }
    vec![Action::Do(Job::Check {
        round: w.round,
        site: Box::new(site),
        file: w.file(),
        ids,
    })]
}

fn checks(w: &mut Wizard, cmd: &Cmd) -> Vec<Action> {
    let last = w.checks.rows.len().saturating_sub(1);
    match cmd {
        Cmd::Back => w.screen = Screen::Site,
        Cmd::Again => {
            let selected = w.checks.rows.get(w.checks.selected);
            let id = selected.filter(|row| !row.asked).map(|row| row.id.clone());
            return ask(w, id.into_iter().collect());
        }
        Cmd::AgainAll => {
            let idle = w.checks.rows.iter().filter(|row| !row.asked);
            let ids = idle.map(|row| row.id.clone()).collect();
            return ask(w, ids);
        }
        Cmd::Passwords => return site::prepare(w, true),
        Cmd::Waive => return waive(w),
        Cmd::Enter | Cmd::GoOn => {
            if w.checks.pass() {
                return on_to_the_plan(w);
            }
            let inhibiting = w.checks.inhibiting();
            let open = w.checks.count(None);
            if open > 0 {
                w.refuse(format!(
                    "{open} not answered yet: wait, or look what is slow."
                ));
            } else {
                w.refuse(format!(
                    "{inhibiting} keep the run from beginning: do what is advised, then `r`; `w` waives."
                ));
            }
            let first = w.checks.rows.iter().position(|row| {
                row.asked
                    || row
                        .report
                        .as_ref()
                        .is_none_or(|(report, _)| report.inhibits)
            });
            if let Some(first) = first {
                (w.checks.selected, w.checks.top) = (first, 0);
            }
        }
        Cmd::PageUp | Cmd::PageDown => {
            w.checks.top = scrolled(w.checks.top, cmd, 3, draw::checks::most(w));
        }
        _ => {
            let to = moved(w.checks.selected, cmd, 1, last);
            if to != w.checks.selected {
                (w.checks.selected, w.checks.top) = (to, 0);
            }
        }
    }
    Vec::new()
}

/// Asks why the selected check is waived, says why it cannot be, or takes its waiver back.
fn waive(w: &mut Wizard) -> Vec<Action> {
    let Some(row) = w.checks.rows.get(w.checks.selected) else {
        return Vec::new();
    };
    let id = row.id.clone();
    if w.checks.waivers.remove(&id).is_some() {
        // What it would say without the waiver is asked, not remembered.
        w.tell(format!("`{id}` is no longer waived."));
        return ask(w, vec![id]);
    }
    let why_not = match &row.report {
        _ if row.asked => "is being asked: wait for its answer.",
        None => "was not asked yet: `r`.",
        Some((report, _)) if report.waived.is_some() => "was waived on the command line.",
        Some((report, _)) if !report.inhibits => "does not keep the run from beginning.",
        Some((report, _)) if report.outcome == Outcome::Failed => {
            "has failed: that cannot be waived."
        }
        Some(_) => {
            w.popup = Some(Popup::new(Kind::Waive(id)));
            return Vec::new();
        }
    };
    w.refuse(format!("`{id}` {why_not}"));
    Vec::new()
}

fn on_to_the_plan(w: &mut Wizard) -> Vec<Action> {
    w.screen = Screen::Plan;
    let made = w.plan.round == w.round && (w.plan.plan.is_some() || w.plan.asked);
    if made { Vec::new() } else { make_plan(w) }
}

fn make_plan(w: &mut Wizard) -> Vec<Action> {
    let Some(site) = w.checks.site.clone() else {
        return Vec::new();
    };
    w.plan.asked = true;
    w.plan.round = w.round;
    w.plan.error.clear();
    vec![Action::Do(Job::Plan {
        round: w.round,
        site: Box::new(site),
        file: w.file(),
    })]
}

fn plan(w: &mut Wizard, cmd: &Cmd) -> Vec<Action> {
    let rows = draw::plan::steps_of_rows(w);
    let last = rows.len().saturating_sub(1);
    let at = draw::plan::eye(w);
    match cmd {
        Cmd::Back => w.screen = Screen::Checks,
        Cmd::Enter | Cmd::Toggle => {
            if let Some(Some(step)) = rows.get(at) {
                w.plan.toggle(*step);
                // The eye stays on the step's head.
                let head = rows.iter().position(|row| row == &Some(*step));
                w.plan.at = head.or(Some(at));
            }
        }
        Cmd::All => {
            let step = rows.get(at).copied().flatten();
            w.plan.toggle_all();
            let rows = draw::plan::steps_of_rows(w);
            w.plan.at = rows.iter().position(|row| *row == step);
        }
        Cmd::Again if !w.plan.asked => return make_plan(w),
        Cmd::Search => {
            let text = w.plan.search.clone();
            w.popup = Some(Popup::new(Kind::Search).with_text(&text));
        }
        Cmd::NextHit => find(w, true, at),
        Cmd::PreviousHit => find(w, false, at),
        Cmd::Start => {
            if w.plan.asked {
                w.refuse("The facts are still being looked up.");
            } else if w.plan.shown().is_some() {
                w.popup = Some(Popup::new(Kind::Start));
            }
        }
        _ => w.plan.at = Some(moved(at, cmd, 10, last)),
    }
    Vec::new()
}

/// Goes to the next or last hit of the search, and opens the step it is in.
fn find(w: &mut Wizard, onward: bool, from: usize) {
    let wanted = w.plan.search.to_lowercase();
    if wanted.is_empty() {
        return;
    }
    let hits = draw::plan::hits(w, &wanted);
    let all = draw::plan::steps_of_all(w);
    // Where the eye is, in the plan with all steps open.
    let rows = draw::plan::steps_of_rows(w);
    let step = rows.get(from).copied().flatten();
    let within = rows
        .get(..from)
        .map_or(0, |before| before.iter().filter(|s| **s == step).count());
    let here = all.iter().position(|s| *s == step).map_or(0, |at| {
        if step.is_none_or(|s| w.plan.open.contains(&s)) {
            at + within
        } else {
            at
        }
    });
    let hit = if onward {
        hits.iter().find(|hit| **hit > here).or(hits.first())
    } else {
        hits.iter().rev().find(|hit| **hit < here).or(hits.last())
    };
    let Some(hit) = hit.copied() else {
        w.refuse(format!("`{}` is not in the plan.", w.plan.search));
        return;
    };
    let step = all.get(hit).copied().flatten();
    let within = all
        .get(..hit)
        .map_or(0, |before| before.iter().filter(|s| **s == step).count());
    if let Some(step) = step
        && within > 0
    {
        w.plan.open.insert(step);
    }
    let rows = draw::plan::steps_of_rows(w);
    let first = rows.iter().position(|s| *s == step).unwrap_or(0);
    w.plan.at = Some(first + within);
    w.tell(format!(
        "`{}`: {} of {}; `n` and `N` go on.",
        w.plan.search,
        hits.iter().position(|h| *h == hit).map_or(0, |n| n + 1),
        hits.len()
    ));
}

/// What follows when a slow thing is done.
pub fn done(w: &mut Wizard, done: Done) -> Vec<Action> {
    match done {
        Done::Loaded(path, text) => {
            w.busy = "";
            loaded(w, &path, text);
        }
        Done::Saved(path, result) => {
            w.busy = "";
            match result {
                Ok(()) => {
                    if let Some(form) = &mut w.form {
                        form.was_saved(&path);
                    }
                    w.tell(format!("Saved to {}", path.display()));
                }
                Err(error) => w.refuse(error),
            }
        }
        Done::Prepared(result) => {
            w.busy = "";
            match result {
                Ok(prepared) => return prepared_to_check(w, *prepared),
                Err(error) => w.refuse(error),
            }
        }
        Done::Checked(round, report) => {
            let now = w.now;
            let row = w.checks.rows.iter_mut().find(|row| row.id == report.id);
            if let Some(row) = row.filter(|_| round == w.round) {
                let report = match w.checks.waivers.get(&report.id) {
                    Some(reason) => report.waive(reason),
                    None => report,
                };
                row.asked = false;
                row.report = Some((report, now));
            }
        }
        Done::NotChecked(round, error) => {
            if round == w.round {
                for row in &mut w.checks.rows {
                    row.asked = false;
                }
                w.refuse(error);
            }
        }
        Done::Planned(round, result) => {
            if round == w.round {
                w.plan.asked = false;
                match result {
                    Ok(plan) => w.plan.plan = Some(*plan),
                    Err(error) => w.plan.error = error,
                }
            }
        }
        Done::Started(result) => {
            w.busy = "";
            match result {
                Ok(()) => return vec![Action::Run],
                Err(error) => w.refuse(error),
            }
        }
    }
    Vec::new()
}

fn loaded(w: &mut Wizard, path: &Path, text: Result<String, String>) {
    let form = text.and_then(|text| Form::of_file(path, &text));
    let form = match form {
        Ok(form) => form,
        Err(error) => {
            let shown = path.display().to_string();
            let mut popup = Popup::new(Kind::Open).with_text(&shown);
            popup.wrong = error;
            w.popup = Some(popup);
            return;
        }
    };
    w.chosen = w
        .scenarios
        .iter()
        .position(|s| s.id == form.scenario)
        .unwrap_or(w.chosen);
    let shown = path.display().to_string();
    match form.wrong.len() {
        0 => w.tell(format!("Loaded {shown}")),
        1 => w.refuse(format!("Loaded {shown}: one thing in it does not hold.")),
        n => w.refuse(format!("Loaded {shown}: {n} things in it do not hold.")),
    }
    w.form = Some(form);
    w.screen = Screen::Site;
    if let Some(form) = &mut w.form
        && !form.wrong.is_empty()
    {
        form.go_to_wrong();
    }
}

fn prepared_to_check(w: &mut Wizard, prepared: Prepared) -> Vec<Action> {
    let Prepared {
        missing,
        checks,
        draft,
    } = prepared;
    let site = w.form.as_ref().and_then(Form::site);
    if site != w.checks.site || w.checks.rows.is_empty() {
        w.round += 1;
        w.checks = state::Checks {
            site,
            rows: checks
                .into_iter()
                .map(|id| Row {
                    title: describe::describe(&id).map_or("", |d| d.title),
                    id,
                    asked: false,
                    report: None,
                })
                .collect(),
            ..state::Checks::default()
        };
        w.plan = PlanView {
            draft: Some(draft),
            round: w.round,
            ..PlanView::default()
        };
    }
    if missing.is_empty() {
        return on_to_the_checks(w);
    }
    let wanted = missing
        .into_iter()
        .map(|(name, title)| SecretWanted::new(name, title));
    w.popup = Some(Popup::new(Kind::Secrets(wanted.collect())));
    Vec::new()
}

/// Shows the checks, and asks those that have no answer.
fn on_to_the_checks(w: &mut Wizard) -> Vec<Action> {
    w.screen = Screen::Checks;
    let open = w.checks.rows.iter();
    let open = open.filter(|row| row.report.is_none() && !row.asked);
    let ids = open.map(|row| row.id.clone()).collect();
    ask(w, ids)
}

/// `top` after a key, where at most `most` lines are above.
pub(super) fn scrolled(top: u16, cmd: &Cmd, page: usize, most: u16) -> u16 {
    let to = moved(usize::from(top.min(most)), cmd, page, usize::from(most));
    u16::try_from(to).unwrap_or(most)
}

/// A place in a list after a key.
pub(super) fn moved(at: usize, cmd: &Cmd, page: usize, most: usize) -> usize {
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
