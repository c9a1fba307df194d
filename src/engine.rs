//! The process that does the work: a pure core (decide, fold) and a shell around it.
