//! The wizard on a screen: looks at a run and answers it.
//!
//! The run itself is only the fold of its events ([`seen`]); what a person has typed or scrolled is
//! [`state`]; [`update`] is pure and [`draw`] reads only. The loop in [`app`] alone does things.

pub mod app;
pub mod attention;
pub mod draw;
pub mod input;
pub mod keymap;
pub mod reader;
pub mod seen;
pub mod state;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod update;
pub mod wizard;
