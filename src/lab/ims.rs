//! The new store (iMS 5.2) on disk.
