//! One file an action kind: what it would do, how to apply it, how to verify it by state, how to undo it.
