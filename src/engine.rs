//! The process that does the work: a pure core and a shell around it.
//!
//! [`core`] decides and folds; it knows neither hosts nor clocks. [`journal`] keeps the events, one
//! JSON object a line. [`shell`] carries orders out, [`daemon`] is the process of its own, and
//! [`client`] is what a person looks through.

pub mod amendment;
pub mod client;
pub mod core;
pub mod daemon;
pub mod event;
pub mod journal;
pub mod protocol;
pub mod shell;
pub mod state;
pub mod work;
