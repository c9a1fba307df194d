//! What became of a command, read from the host: after a crash, a lost link, or to end it.

use super::{Act, EffectDir, Host, HostError};
use std::time::{Duration, Instant};

/// What the folder of an effect says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The command never started, and from now on cannot: the folder is fenced off.
    NeverStarted,
    /// It runs, with this process number.
    Running(u32),
    /// It has ended with this status (128 + n when signal n ended it).
    Ended(i32),
    /// It was started, does not run and left no status: killed hard, or the host fell.
    Vanished,
}

impl Host {
    /// Tells what became of the command of `effect`.
    ///
    /// When it never started, the folder is fenced off, so that an order still on its way cannot
    /// start it later. Two sides of a pipe that both ended with 0 say *nothing* about whether the
    /// bytes between them arrived when this process died in between: look at the mailboxes.
    pub async fn settle(&self, effect: &EffectDir) -> Result<Settled, HostError> {
        self.look(effect, false).await
    }

    /// Asks the command of `effect` to end (TERM, never KILL) and waits until it has.
    ///
    /// Also keeps it from starting if it has not.
    ///
    /// # Errors
    /// [`HostError::StillRunning`] when it has not ended after `patience`.
    pub async fn end(&self, effect: &EffectDir, patience: Duration) -> Result<Settled, HostError> {
        let begin = Instant::now();
        let mut settled = self.look(effect, true).await?;
        let mut pause = Duration::from_millis(50);
        while let Settled::Running(pid) = settled {
            if begin.elapsed() >= patience {
                return Err(HostError::StillRunning {
                    host: self.name.clone(),
                    pid,
                    waited: patience,
                });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
            settled = self.look(effect, false).await?;
        }
        Ok(settled)
    }

    /// Waits until the command of `effect` has ended, for ever if it must be.
    ///
    /// For commands of an engine before this one: there is nothing to read from them, only a status.
    pub async fn wait(&self, effect: &EffectDir) -> Result<Settled, HostError> {
        let mut pause = Duration::from_millis(100);
        loop {
            match self.settle(effect).await? {
                Settled::Running(_) => tokio::time::sleep(pause).await,
                settled => return Ok(settled),
            }
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    /// Removes the folder of `effect`; refuses while its command runs.
    pub async fn cleanup(&self, effect: &EffectDir) -> Result<(), HostError> {
        if let Settled::Running(pid) = self.settle(effect).await? {
            return Err(HostError::StillRunning {
                host: self.name.clone(),
                pid,
                waited: Duration::ZERO,
            });
        }
        let folder = effect.path(&self.scratch);
        self.act(&Act::CleanUp { folder }, None).await.map(drop)
    }

    /// Returns what the command of `effect` has written to its standard error so far.
    pub async fn peek(&self, effect: &EffectDir) -> Result<String, HostError> {
        let path = format!("{}/stderr", effect.path(&self.scratch));
        let bytes = self.read_file(&path, super::run::KEEP).await?;
        Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
    }

    async fn look(&self, effect: &EffectDir, end: bool) -> Result<Settled, HostError> {
        let folder = effect.path(&self.scratch);
        let act = Act::Settle {
            folder: folder.clone(),
            end,
        };
        let answer = self.act(&act, None).await?;
        let text = String::from_utf8_lossy(&answer);
        let mut words = text.split_whitespace();
        let settled = match (words.next(), words.next()) {
            (Some("never"), None) => Some(Settled::NeverStarted),
            (Some("vanished"), None) => Some(Settled::Vanished),
            (Some("running"), Some(pid)) => pid.parse().ok().map(Settled::Running),
            (Some("ended"), Some(status)) => status.parse().ok().map(Settled::Ended),
            _ => None,
        };
        settled.ok_or_else(|| HostError::Folder {
            host: self.name.clone(),
            folder,
            why: format!("it says {:?}", text.trim()),
        })
    }
}
