//! Which parts of a host are up, for the other parts of the same process: stored for those that
//! deliver, the dispatcher for the job controller.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

type Key = (PathBuf, &'static str);

static UP: Mutex<BTreeSet<Key>> = Mutex::new(BTreeSet::new());

/// Says that a component is up until it is dropped.
#[derive(Debug)]
pub struct Presence(Key);

impl Presence {
    /// Says that `component` of a host is up; `host_root` is the root of the host's files.
    pub fn new(host_root: &Path, component: &'static str) -> Self {
        let key = (host_root.to_path_buf(), component);
        up().insert(key.clone());
        Self(key)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        up().remove(&self.0);
    }
}

/// Returns whether a component of a host is up.
pub fn is_up(host_root: &Path, component: &'static str) -> bool {
    up().contains(&(host_root.to_path_buf(), component))
}

fn up() -> MutexGuard<'static, BTreeSet<Key>> {
    UP.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_up_as_long_as_it_says_so() {
        let here = Path::new("/a/host/of/this/test");
        let presence = Presence::new(here, "x");
        assert!(is_up(here, "x"));
        assert!(!is_up(Path::new("/another"), "x"));
        drop(presence);
        assert!(!is_up(here, "x"));
    }
}
