//! What needs a process, a terminal or a server; one binary, so that it links once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a test that meets the unexpected should stop and say where"
)]

mod after_a_run;
mod alternatives;
mod amend;
mod arrows;
mod by_hand;
mod canary;
mod checks;
mod cores;
mod crash;
mod directory_golden;
mod directory_lab;
mod directory_slapd;
mod full_disk;
mod guide;
mod lab_audit;
mod lab_create;
mod lab_daemon;
mod lab_dns;
mod lab_hosts;
mod lab_move;
mod lab_phrases;
mod lab_services;
mod lab_stores;
mod lab_traffic;
mod ldap_server;
mod looking;
mod nms;
mod online;
mod own_data;
mod person;
mod place;
mod plan_draft;
mod practice;
mod real_directory;
mod slapd;
mod strace;
mod trace;
mod tui;
mod tui_screens;
mod undo;
mod waivers;
mod wizard;
mod wizard_screens;
mod wizard_side;
