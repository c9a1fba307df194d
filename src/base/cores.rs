//! No core dumps: a process that holds secrets must not leave them in a file.

use rustix::process::{Resource, Rlimit};

/// Keeps this process from leaving a core. To be called before the first secret is read.
///
/// A limit of 0 alone would not do: where the kernel hands cores to a program it is not asked
/// (core(5)), and the secrets would be in there. What is started from here begins with a limit of 0,
/// and is otherwise as usual.
pub fn forbid() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = rustix::process::setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
