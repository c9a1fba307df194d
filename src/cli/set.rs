//! `set`: a run goes on otherwise than it was planned; asked, confirmed, journaled.

use super::exit::Exit;
use super::output::talk;
use super::run::Refused;
use super::runs::{Run, find};
use super::secrets::SecretOptions;
use super::undo::settled;
use super::wish::control;
use crate::base::display_safe;
use crate::engine::client::Client;
use crate::engine::daemon::{self, Startup};
use crate::engine::event::{Amendment, Event, Gate};
use crate::engine::journal;
use crate::engine::protocol::{Command, EngineInfo};
use crate::engine::state::Phase;
use crate::plain;
use anyhow::bail;
use std::io::IsTerminal as _;

/// Change how a run goes on
///
/// `sessions=N`: in how many sessions at once mailboxes are moved (1 to 64). `STEP=by-hand`: you give
/// the step's commands, which are shown one by one, and the same checks prove it; `STEP=automatic`:
/// the wizard does it again. Each counts for what has not begun or is retried; a step that is under
/// way goes on as it began: pause or stop the run, let what has begun end, then set it.
///
/// On a terminal the gate of the change is shown and asked; without one, and with --yes, giving the
/// command is the confirmation. Only who has control of the run can do it, as with `answer`.
///
/// Example: imsmigrate set 1123-k7f3 sessions=6
#[derive(Debug, clap::Args)]
pub struct SetArgs {
    /// The run; may be left out when only one fits
    run: Option<String>,
    /// sessions=N, STEP=by-hand or STEP=automatic
    change: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Take control first, whoever has it
    #[arg(long)]
    take: bool,
    #[command(flatten)]
    secrets: SecretOptions,
}

impl SetArgs {
    /// Changes a run.
    ///
    /// # Errors
    /// When what is typed is no change, or the run cannot be changed so now.
    pub fn run(&self) -> anyhow::Result<Exit> {
        // RUN may be left out.
        let (id, change) = match (&self.run, &self.change) {
            (id, Some(change)) => (id.as_deref(), change),
            (Some(change), None) => (None, change),
            (None, None) => return Err(Refused("say what to set: sessions=N".to_owned()).into()),
        };
        let amendment = Amendment::parse(change).map_err(Refused)?;
        let run = find(id, |r| !r.is_done())?;
        named(&run, &amendment)?;
        match &run.engine {
            Some(info) => self.ask(&run, info, &amendment),
            None => self.write_down(run, &amendment),
        }
    }

    /// Asks a running engine, and answers the gate that it opens.
    fn ask(&self, run: &Run, info: &EngineInfo, amendment: &Amendment) -> anyhow::Result<Exit> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let name = format!("command line {}", std::process::id());
            let mut client = Client::connect(info, &name, run.state.last + 1).await?;
            client.sender.send(&control(self.take)).await?;
            let command = Command::Amend {
                amendment: amendment.clone(),
            };
            client.sender.send(&command).await?;
            let mut mine = false;
            while let Some((record, _)) = client.next().await? {
                match record.event {
                    Event::AmendmentAsked { by, amendment: a } => {
                        mine = by == name && a == *amendment;
                    }
                    // Answered by policy: it is opened and answered at once.
                    Event::GateOpened { gate } if mine && gate.id == amendment.gate() => {
                        if run.state.policy.yes && run.state.phase == Phase::Running {
                            continue;
                        }
                        let text = (!self.confirmed(run, &gate)?).then(|| "no".to_owned());
                        let gate = gate.id;
                        client.sender.send(&Command::Answer { gate, text }).await?;
                    }
                    Event::Amended {
                        amendment: a,
                        before,
                        ..
                    } if a == *amendment => {
                        told(run, amendment, &before);
                        return Ok(Exit::Done);
                    }
                    Event::AmendmentLeft { amendment: a, .. } if a == *amendment => {
                        talk("nothing was changed");
                        return Ok(Exit::Stopped);
                    }
                    Event::AskRefused { by, reason, .. }
                    | Event::AnswerRefused { by, reason, .. }
                        if by == name =>
                    {
                        bail!("`{amendment}` was refused: {}", display_safe(&reason));
                    }
                    _ => {}
                }
            }
            bail!("the engine went away before it answered")
        })
    }

    /// Changes a run that has no engine: one is started that does this and nothing else.
    fn write_down(&self, mut run: Run, amendment: &Amendment) -> anyhow::Result<Exit> {
        if run.state.phase == Phase::Running {
            run = settled(&run, &self.secrets)?;
        }
        if !self.yes && std::io::stdin().is_terminal() {
            talk(format!("run {} stands still: {}", run.id, run.word()));
            if !asked(&format!("Type `yes` to set {amendment}"))? {
                talk("nothing was changed");
                return Ok(Exit::Stopped);
            }
        }
        let by = format!("command line {}", std::process::id());
        let startup = Startup {
            stop: true,
            amend: Some((amendment.clone(), by.clone())),
            ..Startup::default()
        };
        daemon::start(&run.folder, &startup)?;
        while daemon::alive(&run.folder).is_some() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        for record in journal::read(&run.folder)?.into_iter().rev() {
            match record.event {
                Event::Amended { by: b, before, .. } if b == by => {
                    told(&run, amendment, &before);
                    talk(format!("hint: go on: imsmigrate resume {}", run.id));
                    return Ok(Exit::Done);
                }
                Event::AskRefused { by: b, reason, .. } if b == by => {
                    bail!("`{amendment}` was refused: {}", display_safe(&reason));
                }
                _ => {}
            }
        }
        bail!(
            "the engine of run `{}` went away before it answered",
            run.id
        )
    }

    /// Shows the gate, and asks where there is somebody to ask.
    fn confirmed(&self, run: &Run, gate: &Gate) -> anyhow::Result<bool> {
        for line in plain::gate_lines(&run.state, gate, &[]) {
            talk(line);
        }
        if self.yes || !std::io::stdin().is_terminal() {
            return Ok(true);
        }
        Ok(asked(
            "Type `yes` to change it; anything else leaves it as it is",
        )?)
    }
}

/// Refuses a step that the run does not have.
fn named(run: &Run, amendment: &Amendment) -> Result<(), Refused> {
    let Amendment::ByHand { step, .. } = amendment else {
        return Ok(());
    };
    let forward = run.state.steps.iter().filter(|s| s.head.undoes.is_none());
    let ids: Vec<&str> = forward.map(|s| s.head.id.as_str()).collect();
    if ids.contains(&step.as_str()) {
        return Ok(());
    }
    Err(Refused(format!(
        "run {} has no step `{}`\nhint: its steps are: {}",
        run.id,
        display_safe(step),
        ids.join(", ")
    )))
}

fn asked(question: &str) -> std::io::Result<bool> {
    talk(question);
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim(), "yes" | "y"))
}

fn told(run: &Run, amendment: &Amendment, before: &str) {
    talk(format!("run {}: {amendment} (before: {before})", run.id));
}
