//! What is said to a running engine in one word: `pause`, `stop`, `answer`.

use super::exit::Exit;
use super::output::talk;
use super::runs::find;
use crate::base::display_safe;
use crate::engine::event::Event;
use crate::engine::protocol::{Command, EngineInfo};
use anyhow::bail;

/// Sends commands to an engine; it carries them out in their order.
///
/// # Errors
/// When nobody listens.
pub fn send(info: &EngineInfo, commands: &[Command]) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let name = format!("command line {}", std::process::id());
        let mut client = crate::engine::client::Client::connect(info, &name, u64::MAX).await?;
        for command in commands {
            client.sender.send(command).await?;
        }
        Ok(())
    })
}

/// What takes control: from whoever has it, or only where nobody has.
pub(super) fn control(take: bool) -> Command {
    if take {
        Command::Control
    } else {
        Command::Claim
    }
}

/// What is asked of a running engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Begin nothing new.
    Pause,
    /// Stop at the next safe point.
    Stop,
}

/// The run that is meant
///
/// Example: imsmigrate pause 1123-k7f3
#[derive(Debug, clap::Args)]
pub struct WishArgs {
    /// The run; may be left out when only one fits
    run: Option<String>,
}

impl WishArgs {
    /// Pauses or stops a run.
    ///
    /// # Errors
    /// When no run fits or it has no engine.
    pub fn run(&self, wish: Wish) -> anyhow::Result<Exit> {
        let run = find(self.run.as_deref(), |r| r.engine.is_some())?;
        let Some(info) = &run.engine else {
            bail!("run `{}` has no engine: it is {}", run.id, run.word());
        };
        let command = match wish {
            Wish::Pause => Command::Pause,
            Wish::Stop => Command::Stop,
        };
        send(info, &[command])?;
        talk(format!(
            "asked run {} to {}",
            run.id,
            if wish == Wish::Stop { "stop" } else { "pause" }
        ));
        Ok(Exit::Done)
    }
}

/// Answer a gate
///
/// Only who has control answers. Nobody has it while no screen and no line-by-line wizard is at the
/// run, or the one that had it has gone: then this command takes it, answers, and gives it up. While
/// a person's client has it, the answer is refused, with who it is, unless it is taken with --take.
/// A run that goes on headless never has a client in control.
///
/// Example: imsmigrate answer 1123-k7f3 stop-old-server mail.siroe.com
#[derive(Debug, clap::Args)]
pub struct AnswerArgs {
    /// The run
    run: String,
    /// The gate
    gate: String,
    /// The text to be typed, where the gate asks for one
    text: Option<String>,
    /// Take control first, whoever has it
    #[arg(long)]
    take: bool,
}

impl AnswerArgs {
    /// Answers a gate and says whether the answer was taken.
    ///
    /// # Errors
    /// When the run has no engine, or the answer is refused.
    pub fn run(&self) -> anyhow::Result<Exit> {
        let run = find(Some(&self.run), |_| true)?;
        let Some(info) = &run.engine else {
            bail!("run `{}` has no engine: it is {}", run.id, run.word());
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let name = format!("command line {}", std::process::id());
            let from = run.state.last + 1;
            let mut client = crate::engine::client::Client::connect(info, &name, from).await?;
            client.sender.send(&control(self.take)).await?;
            let command = Command::Answer {
                gate: self.gate.clone(),
                text: self.text.clone(),
            };
            client.sender.send(&command).await?;
            // An answer to a gate that has waited long counts only if the facts are still the same.
            let mut held = false;
            while let Some((record, _)) = client.next().await? {
                match record.event {
                    Event::AnswerReceived { gate, by, .. } if gate == self.gate && by == name => {
                        held = true;
                    }
                    Event::StepBound { step, .. } if held && step == self.gate => bail!(
                        "facts have changed while the gate waited, and the answer was not used; \
                         look at it again: imsmigrate attach {}",
                        run.id
                    ),
                    Event::StepBlocked { step, reasons } if held && step == self.gate => bail!(
                        "the step cannot begin any more, and the answer was not used: {}",
                        display_safe(&reasons.join("; "))
                    ),
                    Event::GateAnswered { gate, by, .. } if gate == self.gate && by == name => {
                        return Ok(Exit::Done);
                    }
                    Event::AnswerRefused { by, reason, .. } if by == name => {
                        bail!("the answer was refused: {reason}");
                    }
                    _ => {}
                }
            }
            bail!("the engine went away before it answered")
        })
    }
}
