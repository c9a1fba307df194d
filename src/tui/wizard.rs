//! The wizard before there is a run: Scenario → Site → Checks → Plan.
//!
//! As in the rest of the room: [`state`] is what a person has done, [`update`] is pure, [`draw`]
//! reads only, and the loop in [`app`] alone does things. What is slow (files, checks, facts, the
//! engine's start) is a [`Job`](state::Job) that the command line carries out; its
//! [`Done`](state::Done) comes back through the loop's one channel.

pub mod app;
pub mod draw;
pub mod fields;
pub mod form;
pub mod plan_view;
pub mod secret_field;
pub mod state;
pub mod update;
