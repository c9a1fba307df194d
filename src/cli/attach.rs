//! `attach`: look at a run that is there, from wherever one is.

use super::exit::Exit;
use super::follow::Manner;
use super::reach::engine_of;
use super::run::{asking, look, told_by_journal};
use super::runs::find;
use anyhow::bail;
use std::io::IsTerminal as _;

/// Watch a run, and answer its gates
///
/// Example: imsmigrate attach 1123-k7f3
#[derive(Debug, clap::Args)]
pub struct AttachArgs {
    /// The run; may be left out when only one fits
    run: Option<String>,
    /// Line by line instead of the screen
    #[arg(long)]
    plain: bool,
    /// One event a line on stdout, as in the journal
    #[arg(long)]
    json: bool,
}

impl AttachArgs {
    /// Watches a run.
    ///
    /// # Errors
    /// When no run fits or it has no engine.
    pub fn run(&self) -> anyhow::Result<Exit> {
        let run = find(self.run.as_deref(), |r| r.engine.is_some())?;
        let manner = match self.json {
            true => Manner::Json,
            false if std::io::stdin().is_terminal() => asking(self.plain),
            false => Manner::Watch,
        };
        match engine_of(&run.folder, run.state.ended.is_some())? {
            Some(info) if manner == Manner::Screen => {
                super::screen::show(&info, &run.folder, Vec::new(), false)
            }
            Some(info) => look(&info, &run.folder, manner, None, Vec::new(), 1, false),
            None if run.is_done() || (manner == Manner::Screen && run.state.ended.is_some()) => {
                told_by_journal(&run.folder, manner)
            }
            None => bail!(
                "run `{}` has no engine ({}); take it up again: imsmigrate resume {}",
                run.id,
                run.word(),
                run.id
            ),
        }
    }
}
