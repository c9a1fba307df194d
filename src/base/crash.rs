//! Crash points: places where a debug build can be told to end itself with SIGKILL.
//!
//! A release build holds nothing of it. [`arm`] is called by the engine alone, so that no other
//! process of a test dies. `IMSMIGRATE_CRASH_AT=N` ends it at the N-th point (from 1), `N@STEP` at the
//! N-th since the step began to be bound. `IMSMIGRATE_CRASH_COUNT=FILE` writes one line a point: number, when, what, which.
//!
//! | what | which | passed by |
//! | --- | --- | --- |
//! | `write`, `sync` | the event's kind | the journal; `torn` is half a line on disk |
//! | `bind`, `effect`, `settle` | step or effect | the shell |
//! | `artifact` | the file | everything that is written into the run's folder |
//! | `act`, `run`, `pipe` | the act | whatever changes something on a host |
//! | `entry` | the DN | every change of the directory |

/// Gets the crash points of this process ready, from its environment.
pub fn arm() {
    #[cfg(debug_assertions)]
    armed::arm();
}

/// About to do something that a crash could keep from being done.
pub fn before(what: &str, which: &str) {
    point("before", what, which);
}

/// It is done, and nothing else was done since.
pub fn after(what: &str, which: &str) {
    point("after", what, which);
}

/// Whether the process is to end in the middle of it; the caller does half of it, then [`die`]s.
pub fn torn(what: &str, which: &str) -> bool {
    #[cfg(debug_assertions)]
    return armed::is_due("torn", what, which);
    #[cfg(not(debug_assertions))]
    {
        let _ = (what, which);
        false
    }
}

/// Ends this process as `kill -9` does; does nothing in a release build.
pub fn die() {
    #[cfg(debug_assertions)]
    armed::die();
}

/// Panics in a debug build when `IMSMIGRATE_PANIC_AT` names this place: `screen`, `wizard`, `reader`,
/// `events`.
pub fn panic_point(place: &str) {
    #[cfg(debug_assertions)]
    armed::panic_at(place);
    #[cfg(not(debug_assertions))]
    let _ = place;
}

fn point(when: &str, what: &str, which: &str) {
    #[cfg(debug_assertions)]
    if armed::is_due(when, what, which) {
        armed::die();
    }
    #[cfg(not(debug_assertions))]
    let _ = (when, what, which);
}

#[cfg(debug_assertions)]
mod armed {
    use std::fs::{File, OpenOptions};
    use std::io::Write as _;
    use std::sync::{Mutex, OnceLock, PoisonError};

    struct Points {
        at: Option<u64>,
        /// The bind that the count begins at, when it is not the first point.
        since: Option<String>,
        list: Option<File>,
        passed: u64,
    }

    static POINTS: OnceLock<Mutex<Points>> = OnceLock::new();

    pub(super) fn arm() {
        let at = std::env::var("IMSMIGRATE_CRASH_AT").ok();
        let list = std::env::var_os("IMSMIGRATE_CRASH_COUNT");
        if at.is_none() && list.is_none() {
            return;
        }
        let open = |path| {
            let mut options = OpenOptions::new();
            options.create(true).append(true).open(path).ok()
        };
        let at = at.unwrap_or_default();
        let (number, since) = at
            .split_once('@')
            .map_or((at.as_str(), None), |(n, step)| (n, Some(step.to_owned())));
        let points = Points {
            at: number.parse().ok(),
            since,
            list: list.and_then(open),
            passed: 0,
        };
        let _ = POINTS.set(Mutex::new(points));
    }

    pub(super) fn is_due(when: &str, what: &str, which: &str) -> bool {
        let Some(points) = POINTS.get() else {
            return false;
        };
        let mut points = points.lock().unwrap_or_else(PoisonError::into_inner);
        if points.since.is_some() {
            if what != "bind" || points.since.as_deref() != Some(which) {
                return false;
            }
            points.since = None;
        }
        points.passed += 1;
        let number = points.passed;
        if let Some(list) = &mut points.list {
            let _ = list.write_all(format!("{number} {when} {what} {which}\n").as_bytes());
        }
        points.at == Some(number)
    }

    pub(super) fn panic_at(place: &str) {
        let asked = std::env::var("IMSMIGRATE_PANIC_AT").is_ok_and(|at| at == place);
        assert!(!asked, "IMSMIGRATE_PANIC_AT={place}");
    }

    pub(super) fn die() -> ! {
        loop {
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
        }
    }
}
