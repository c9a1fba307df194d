//! The old store (SIMS 4.0) on disk.
