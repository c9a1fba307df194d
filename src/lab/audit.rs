//! The new store against the ledger, by content hash. Imports nothing of lab, store or directory.
