//! The map: what each room is for and who may call whom.
//!
//! ```text
//! base       what every room may use: Secret, display_safe, ids, places, hints
//! scenario   what the guide says: types, parser, validator, conditions      (pure data)
//! site       what the admin says: fields, validation, the saved file        (pure data)
//! plan       scenario × site × facts: rendering, digests, exports           (pure)
//! directory  LDAP: connect, read, schema, rules, writer, undo
//! host       where and how anything is done on a host
//! store      mailboxes: sessions, rename map, inventories, verification
//! check      one file a check family
//! action     one file an action kind: describe, apply, verify, undo
//! engine     core (decide, fold: pure) and shell (effects, journal, socket)
//! plain      the wizard line by line
//! tui        the wizard on a screen: state from events, pure update, draw; the loop
//! report     what a journal says, as text for people and machines
//! lab        the practice world; imports base only
//! cli        one file a subcommand; the only room that knows all
//! ```
//!
//! Arrows go one way; `tests/it/arrows.rs` holds them:
//!
//! ```text
//! base ← everything
//! scenario, site ← plan;   check::describe, action::describe (pure) ← plan
//! host, directory, store ← check, action ← engine's shell;  engine's core imports none of these
//! scenario, site, plan, engine::{event, state} (pure data) ← tui, plain, report;   plain ← tui
//! check::{describe, CheckReport, Outcome} (pure data) ← tui
//! cli ← main
//! lab imports base only; lab::audit imports nothing of lab, store or directory
//! ```

pub mod action;
pub mod base;
pub mod check;
pub mod cli;
pub mod directory;
pub mod engine;
pub mod host;
pub mod lab;
pub mod plain;
pub mod plan;
pub mod report;
pub mod scenario;
pub mod site;
pub mod store;
pub mod tui;
