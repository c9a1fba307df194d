//! Making, starting, stopping, judging, listing and removing labs.

use super::{CreateArgs, Dir, DirJson, Json, failure, known};
use crate::base::display_safe;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::lab::audit;
use crate::lab::create::{self, MOST_USERS, Options};
use crate::lab::daemon::{self, Status};
use crate::lab::drills::DRILLS;
use crate::lab::settle;
use crate::lab::traffic::MOST;
use crate::lab::world::Lab;
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;

pub(super) fn create(args: CreateArgs) -> Result<Exit, Failure> {
    create::shape::variant(&args.scenario, args.variant)
        .map_err(|error| Failure::usage(display_safe(&error.to_string())))?;
    if args.users == 0 || args.users > MOST_USERS {
        return Err(Failure::usage(format!(
            "a lab has from 1 to {MOST_USERS} users, not {}",
            args.users
        )));
    }
    if args.traffic.is_some_and(|rate| rate > MOST) {
        return Err(Failure::usage(format!(
            "the world outside sends at most {MOST} messages a minute"
        )));
    }
    let options = Options {
        scenario: args.scenario,
        variant: args.variant,
        users: args.users,
        seed: args.seed,
        messages_per_user: args.messages_per_user,
        ldif: args.own.ldif,
        mail: args.own.mail,
        directory: args.directory,
        traffic: args.traffic,
    };
    let mut note = |note: &str| output::talk(note);
    let lab = create::create_telling(&args.dir, &options, &mut note).map_err(|error| {
        let failure = failure(error);
        if args.dir.join(crate::lab::world::LAB_FILE).exists() {
            failure.hint(format!(
                "there is a lab already; start it with: imsmigrate lab start {}",
                shown(&args.dir)
            ))
        } else {
            failure
        }
    })?;
    known::remember(&lab.dir);
    daemon::start_detached(&lab.dir).map_err(|error| {
        failure(error).hint(format!(
            "the lab is made; start it with: imsmigrate lab start {}",
            shown(&lab.dir)
        ))
    })?;
    tell(&lab, args.json)
}

pub(super) fn start(args: &DirJson) -> Result<Exit, Failure> {
    let lab = Lab::open(&args.dir).map_err(failure)?;
    if !daemon::start_detached(&lab.dir).map_err(failure)? {
        output::talk("the lab runs already");
    }
    known::remember(&lab.dir);
    tell(&lab, args.json)
}

pub(super) fn stop(args: &Dir) -> Result<Exit, Failure> {
    if !daemon::stop(&args.dir).map_err(failure)? {
        output::talk("the lab did not run");
    }
    Ok(Exit::Done)
}

pub(super) fn status(args: &DirJson) -> Result<Exit, Failure> {
    let lab = Lab::open(&args.dir).map_err(failure)?;
    tell(&lab, args.json)
}

/// Prints what a lab is doing.
fn tell(lab: &Lab, as_json: bool) -> Result<Exit, Failure> {
    let status = daemon::status(&lab.dir).map_err(failure)?;
    if as_json {
        let text = serde_json::to_string(&status).map_err(Failure::error)?;
        output::data(text)?;
    } else {
        output::data(describe(lab, &status))?;
    }
    Ok(Exit::Done)
}

fn describe(lab: &Lab, status: &Status) -> String {
    let state = match status.pid {
        Some(pid) if status.running => format!("running, process {pid}"),
        _ => "stopped".to_owned(),
    };
    let mut text = format!(
        "lab        {} ({state})\nscenario   {}, seed {}\ndirectory  ldap://{}:{}",
        shown(&lab.dir),
        lab.config.scenario,
        lab.config.seed,
        status.ldap.host,
        status.ldap.port
    );
    for host in &status.hosts {
        let _ = write!(
            text,
            "\nhost       {} at {} ({}), each port P is {} + P",
            host.name,
            host.address,
            host.roles.join(", "),
            lab.config.port_base
        );
        if !host.components.is_empty() {
            let _ = write!(text, "\nruns       {}", host.components.join(", "));
        }
    }
    if let Some(traffic) = &status.traffic {
        let _ = write!(
            text,
            "\ntraffic    {} messages taken, {} waiting, {} refused; {} looked at their mail, {} could not",
            traffic.accepted, traffic.waiting, traffic.bounced, traffic.read, traffic.not_let_in
        );
    }
    text
}

pub(super) fn audit(args: &DirJson) -> Result<Exit, Failure> {
    let lab = Lab::open(&args.dir).map_err(failure)?;
    // Logging in needs the lab's servers; one that did not run is left as it was.
    let started = daemon::start_detached(&lab.dir).map_err(failure)?;
    let resting = settle::settle(&lab).map_err(failure)?;
    let report = audit::run(&lab.dir);
    settle::resume(&lab, &resting).map_err(failure)?;
    if started {
        daemon::stop(&lab.dir).map_err(failure)?;
    }
    let report = report.map_err(Failure::error)?;
    if args.json {
        output::data(serde_json::to_string(&report).map_err(Failure::error)?)?;
    } else {
        output::data(report.render().trim_end())?;
    }
    Ok(if report.clean {
        Exit::Done
    } else {
        Exit::Failed
    })
}

pub(super) fn list(args: &Json) -> Result<Exit, Failure> {
    let labs = known::all().map_err(Failure::error)?;
    if args.json {
        let labs: Vec<_> = labs
            .iter()
            .map(|lab| {
                json!({
                    "lab": lab.dir,
                    "id": lab.config.id,
                    "scenario": lab.config.scenario,
                    "seed": lab.config.seed,
                    "running": is_running(&lab.dir),
                })
            })
            .collect();
        output::data(json!({ "labs": labs }).to_string())?;
        return Ok(Exit::Done);
    }
    if labs.is_empty() {
        output::talk("there are no labs; make one with: imsmigrate lab create DIR");
    }
    for lab in labs {
        let state = if is_running(&lab.dir) {
            "running"
        } else {
            "stopped"
        };
        output::data(format!(
            "{}  {}  {state}",
            shown(&lab.dir),
            lab.config.scenario
        ))?;
    }
    Ok(Exit::Done)
}

fn is_running(dir: &Path) -> bool {
    daemon::status(dir).is_ok_and(|status| status.running)
}

pub(super) fn remove(args: &Dir) -> Result<Exit, Failure> {
    let lab = Lab::open(&args.dir).map_err(failure)?;
    daemon::stop(&lab.dir).map_err(failure)?;
    std::fs::remove_dir_all(&lab.dir)
        .map_err(|e| Failure::error(format!("cannot remove `{}`: {e}", shown(&lab.dir))))?;
    known::forget(&lab.dir);
    Ok(Exit::Done)
}

pub(super) fn drills(args: &Json) -> Result<Exit, Failure> {
    if args.json {
        let drills: Vec<_> = DRILLS
            .iter()
            .map(|d| json!({ "name": d.name, "value": d.value, "effect": d.effect }))
            .collect();
        output::data(json!({ "drills": drills }).to_string())?;
        return Ok(Exit::Done);
    }
    for drill in DRILLS {
        output::data(format!(
            "{} = {}: {}",
            drill.name, drill.value, drill.effect
        ))?;
    }
    Ok(Exit::Done)
}

fn shown(path: &Path) -> String {
    display_safe(&path.to_string_lossy()).into_owned()
}
