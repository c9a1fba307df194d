//! `--waive ID=REASON`, and `waive` for a run that stands at a check which cannot be told.

use super::exit::Exit;
use super::output::talk;
use super::runs::find;
use super::wish::send;
use crate::check;
use crate::engine::daemon::Waive;
use crate::engine::protocol::Command;
use anyhow::bail;

/// A waiver as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// The check.
    pub check: String,
    /// Why it need not be told.
    pub reason: String,
}

impl Waiver {
    /// Makes one, if there is such a check and a reason.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn new(check: &str, reason: &str) -> Result<Self, String> {
        let (check, reason) = (check.trim(), reason.trim());
        if check::describe(check).is_none() {
            let ids: Vec<&str> = check::describe::ALL.iter().map(|row| row.0).collect();
            return Err(format!(
                "there is no check `{}`; there are: {}",
                crate::base::display_safe(check),
                ids.join(", ")
            ));
        }
        if reason.is_empty() {
            return Err(format!("say why `{check}` is waived: {check}=REASON"));
        }
        Ok(Self {
            check: check.to_owned(),
            reason: reason.to_owned(),
        })
    }

    /// Reads `ID=REASON`.
    ///
    /// # Errors
    /// As [`Waiver::new`].
    pub fn parse(text: &str) -> Result<Self, String> {
        let (check, reason) = text.split_once('=').unwrap_or((text, ""));
        Self::new(check, reason)
    }

    /// As an engine is told that starts.
    pub fn by(&self, by: &str) -> Waive {
        Waive {
            check: self.check.clone(),
            reason: self.reason.clone(),
            by: by.to_owned(),
        }
    }
}

/// Let a run go on past a check that cannot be told
///
/// What has failed cannot be waived. For a run that has ended: imsmigrate resume RUN --waive ID=REASON
///
/// Example: imsmigrate waive 1123-k7f3 var-mail "this host has no mail spool"
#[derive(Debug, clap::Args)]
pub struct WaiveArgs {
    /// The run
    run: String,
    /// The check
    check: String,
    /// Why; it is journaled
    reason: String,
}

impl WaiveArgs {
    /// Waives a check of a run and tries the step again that stands at one.
    ///
    /// # Errors
    /// When no run fits, it has no engine, or there is no such check.
    pub fn run(&self) -> anyhow::Result<Exit> {
        let Waiver { check, reason } =
            Waiver::new(&self.check, &self.reason).map_err(super::run::Refused)?;
        let run = find(Some(&self.run), |_| true)?;
        let Some(info) = &run.engine else {
            bail!(
                "run `{}` has no engine: it is {}; imsmigrate resume {} --waive {check}=REASON",
                run.id,
                run.word(),
                run.id
            );
        };
        let mut commands = vec![Command::Waive {
            check: check.clone(),
            reason,
        }];
        if run.state.failed_step().is_some() {
            commands.push(Command::Retry);
        }
        send(info, &commands)?;
        talk(format!("waived `{check}` in run {}", run.id));
        Ok(Exit::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::Waiver;

    #[test]
    fn a_waiver_names_a_check_and_has_a_reason() {
        let waiver = Waiver::parse("var-mail = a=b ").unwrap();
        assert_eq!(
            (waiver.check.as_str(), waiver.reason.as_str()),
            ("var-mail", "a=b")
        );
        assert!(Waiver::parse("var-mail").unwrap_err().contains("say why"));
        assert!(Waiver::parse("uid=x").unwrap_err().contains("uids"));
    }
}
