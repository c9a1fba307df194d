//! `left | right` with the bytes carried by us: both exit statuses known, every byte counted.
//!
//! A shell's pipe tells the right side's status only, and a left side that died looks like an end
//! of stream. Here the left side's output is copied into the right side's input; a pipe is whole
//! only when both ended with 0 *and* every byte that was read was also handed on.

use super::run::{cancelled, drain};
use super::{EffectDir, Host, HostError, RunOptions, RunResult};
use crate::base::crash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::watch;

const BUFFER: usize = 256 * 1024;
const PIPE: usize = 1024 * 1024;
const GRACE: Duration = Duration::from_millis(500);

/// One side of a pipe.
pub struct PipeEnd<'a> {
    /// Where it runs.
    pub host: &'a Host,
    /// What runs.
    pub argv: &'a [String],
    /// Its folder there.
    pub effect: &'a EffectDir,
    /// Additions to its environment.
    pub env: &'a [(String, String)],
}

/// What broke a pipe, beside the statuses of its sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PipeTrouble {
    /// The right side stopped reading before the left one had ended.
    RightClosed,
    /// The left side's output could not be read to its end.
    LeftUnreadable(String),
    /// It was stopped on demand.
    Cancelled,
    /// The end of the left side is not known.
    LeftUnknown(String),
    /// The end of the right side is not known.
    RightUnknown(String),
}

/// How both sides ended.
#[derive(Clone, Debug)]
pub struct PipeResult {
    /// The left side.
    pub left: RunResult,
    /// The right side.
    pub right: RunResult,
    /// Bytes handed on.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
    /// What broke it.
    pub trouble: Vec<PipeTrouble>,
}

impl PipeResult {
    /// Whether both sides ended with 0 and nothing was lost between them.
    ///
    /// What arrived is still to be verified: the vendor's tools go on after errors.
    pub fn is_whole(&self) -> bool {
        self.left.is_zero() && self.right.is_zero() && self.trouble.is_empty()
    }
}

enum Copied {
    End,
    RightClosed,
    LeftUnreadable(String),
}

/// Runs `left | right`, counting bytes into `meter` as they pass.
///
/// When the left side fails, the right one sees the end of its input and ends by itself; the result
/// says who failed. When `cancel` turns true both get TERM, the left one first. Not to be dropped
/// half-way.
///
/// # Errors
/// When a side could not be started; the other one is then asked to end. Everything later is in
/// the result.
pub async fn pipe(
    left: PipeEnd<'_>,
    right: PipeEnd<'_>,
    meter: Arc<AtomicU64>,
    cancel: Option<watch::Receiver<bool>>,
    patience: Duration,
) -> Result<PipeResult, HostError> {
    let begin = Instant::now();
    let before = meter.load(Ordering::Relaxed);
    let options = |end: &PipeEnd<'_>| RunOptions {
        env: end.env.to_vec(),
        ..RunOptions::default()
    };
    let keep = options(&left).keep;
    let left_act = {
        let options = options(&left);
        let stdout = "pass".to_owned();
        left.host
            .order(left.effect, left.argv, &options, false, stdout)?
    };
    let right_act = {
        let options = options(&right);
        let stdout = "keep".to_owned();
        right
            .host
            .order(right.effect, right.argv, &options, true, stdout)?
    };
    right.host.transport.turn().await;
    crash::before("pipe", "");
    let mut right_child = right.host.spawn(&right_act, true, true)?;
    crash::after("pipe", "right begun");
    left.host.transport.turn().await;
    let mut left_child = match left.host.spawn(&left_act, false, true) {
        Ok(child) => child,
        Err(e) => {
            drop(right_child.stdin.take());
            // The spawn error is the news; the right side has no input and ends either way.
            let _ = right.host.end(right.effect, patience).await;
            let _ = drain(&mut right_child, keep).await;
            return Err(e);
        }
    };
    crash::after("pipe", "left begun");
    let source = left_child.stdout.take();
    let sink = right_child.stdin.take();
    let mut trouble = Vec::new();

    let copying = async {
        let (Some(source), Some(sink)) = (source, sink) else {
            return Copied::LeftUnreadable("no pipe".to_owned());
        };
        let copied = copy(source, sink, &meter).await;
        if !matches!(copied, Copied::End) {
            // Its next write ends the left side; one that does not write is asked to.
            tokio::time::sleep(GRACE).await;
            let _ = left.host.end(left.effect, patience).await;
        }
        copied
    };
    let stopped = AtomicBool::new(false);
    let stop = async {
        cancelled(cancel).await;
        stopped.store(true, Ordering::Relaxed);
        let _ = left.host.end(left.effect, patience).await;
        let _ = right.host.end(right.effect, patience).await;
    };
    let all = async {
        tokio::join!(
            copying,
            drain(&mut left_child, keep),
            drain(&mut right_child, keep)
        )
    };
    tokio::pin!(all);
    let (copied, left_drained, right_drained) = tokio::select! {
        done = &mut all => done,
        () = stop => all.await,
    };
    if stopped.load(Ordering::Relaxed) {
        trouble.push(PipeTrouble::Cancelled);
    }
    match copied {
        Copied::End => {}
        Copied::RightClosed => trouble.push(PipeTrouble::RightClosed),
        Copied::LeftUnreadable(why) => trouble.push(PipeTrouble::LeftUnreadable(why)),
    }
    crash::after("pipe", "both ended");
    let (left_result, right_result) = tokio::join!(
        left.host.conclude(left.effect, left_drained),
        right.host.conclude(right.effect, right_drained)
    );
    let left = left_result.unwrap_or_else(|e| {
        trouble.push(PipeTrouble::LeftUnknown(e.to_string()));
        RunResult::default()
    });
    let right = right_result.unwrap_or_else(|e| {
        trouble.push(PipeTrouble::RightUnknown(e.to_string()));
        RunResult::default()
    });
    Ok(PipeResult {
        left,
        right,
        bytes: meter.load(Ordering::Relaxed).saturating_sub(before),
        took: begin.elapsed(),
        trouble,
    })
}

/// Copies until the end of `source`; closing `sink` tells the right side so.
async fn copy(mut source: ChildStdout, mut sink: ChildStdin, meter: &AtomicU64) -> Copied {
    // Larger pipes are a gain and not a need: users other than root have a limited number of pages.
    let _ = rustix::pipe::fcntl_setpipe_size(&source, PIPE);
    let _ = rustix::pipe::fcntl_setpipe_size(&sink, PIPE);
    let mut buffer = vec![0_u8; BUFFER];
    loop {
        let read = match source.read(&mut buffer).await {
            Ok(0) => return Copied::End,
            Ok(read) => read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Copied::LeftUnreadable(e.to_string()),
        };
        let Some(bytes) = buffer.get(..read) else {
            return Copied::LeftUnreadable("more bytes than asked for".to_owned());
        };
        crash::before("pipe", "bytes");
        if sink.write_all(bytes).await.is_err() {
            return Copied::RightClosed;
        }
        meter.fetch_add(read as u64, Ordering::Relaxed);
    }
}
