//! Scenario × site × facts: rendering, digests, exports.
