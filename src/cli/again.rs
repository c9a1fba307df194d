//! `retry` and `skip`: what becomes of a step that failed.

use super::exit::Exit;
use super::run::{Manners, take_up};
use super::runs::find;
use super::secrets::SecretOptions;
use crate::engine::protocol::Command;
use anyhow::bail;

/// Do again what failed
///
/// Example: imsmigrate retry 1123-k7f3
#[derive(Debug, clap::Args)]
pub struct RetryArgs {
    /// The run; may be left out when only one fits
    run: Option<String>,
    #[command(flatten)]
    manners: Manners,
    #[command(flatten)]
    secrets: SecretOptions,
}

impl RetryArgs {
    /// Retries the failed step and goes on.
    ///
    /// # Errors
    /// When no run fits or the engine does not start.
    pub fn run(&self) -> anyhow::Result<Exit> {
        let run = find(self.run.as_deref(), |r| r.state.failed_step().is_some())?;
        if run.state.failed_step().is_none() {
            bail!("nothing of run `{}` has failed", run.id);
        }
        take_up(
            &run,
            &self.manners,
            &self.secrets,
            vec![Command::Retry],
            false,
        )
    }
}

/// Leave the failed step as it is and go on
///
/// Example: imsmigrate skip 1123-k7f3 --reason "done by hand, see ticket 4711"
#[derive(Debug, clap::Args)]
pub struct SkipArgs {
    /// The run; may be left out when only one fits
    run: Option<String>,
    /// Why; it is journaled
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    manners: Manners,
    #[command(flatten)]
    secrets: SecretOptions,
}

impl SkipArgs {
    /// Skips the failed step and goes on.
    ///
    /// # Errors
    /// When no run fits or the engine does not start.
    pub fn run(&self) -> anyhow::Result<Exit> {
        let run = find(self.run.as_deref(), |r| r.state.failed_step().is_some())?;
        if run.state.failed_step().is_none() {
            bail!("nothing of run `{}` has failed", run.id);
        }
        let skip = Command::Skip {
            reason: self.reason.clone(),
        };
        take_up(&run, &self.manners, &self.secrets, vec![skip], false)
    }
}
