//! What a plan is made of, and that nothing of a site can break out of it.

use super::{Facts, Plan, bind, draft, render};
use crate::scenario::{self, Action, Risk};
use crate::site::{Site, template};
use serde_json::json;

fn site(changes: &[(&str, &str)]) -> Site {
    let mut text = template("sims-offline").unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    Site::parse("site.toml", &text).unwrap_or_else(|e| panic!("{e}"))
}

fn offline(changes: &[(&str, &str)], facts: &Facts) -> Plan {
    bind(
        &scenario::load("sims-offline").unwrap(),
        &site(changes),
        facts,
    )
    .unwrap()
}

fn facts(list: &[(&str, serde_json::Value)]) -> Facts {
    list.iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

fn applies(plan: &Plan, id: &str) -> Option<bool> {
    plan.step(id).unwrap_or_else(|| panic!("{id}")).applies
}

const TAPE: &[&str] = &[
    "back-up-store-to-tape",
    "read-tape-back",
    "remove-old-store",
    "restore-from-tape",
];

#[test]
fn the_disk_decides_between_tape_and_stream() {
    for (disk, tape) in [("enough", false), ("too-little", true)] {
        let plan = offline(&[], &facts(&[("disk", json!(disk))]));
        for id in TAPE {
            assert_eq!(applies(&plan, id), Some(tape), "{id}");
        }
        assert_eq!(applies(&plan, "move-mailboxes"), Some(!tape));
    }
    let unknown = offline(&[], &Facts::new());
    assert!(TAPE.iter().all(|id| applies(&unknown, id).is_none()));
}

#[test]
fn a_site_may_overrule_the_look_at_the_disk() {
    let plan = offline(
        &[("disk = \"auto\"", "disk = \"tape\"")],
        &facts(&[("disk", json!("enough"))]),
    );
    assert_eq!(applies(&plan, "remove-old-store"), Some(true));
    assert_eq!(applies(&plan, "move-mailboxes"), Some(false));
}

#[test]
fn the_old_store_goes_only_at_an_irreversible_gate_after_the_tape_was_read() {
    let plan = offline(&[], &Facts::new());
    let at = |id: &str| plan.steps.iter().position(|step| step.id == id).unwrap();
    assert!(at("back-up-store-to-tape") < at("read-tape-back"));
    assert!(
        at("install-new-server") < at("read-tape-back"),
        "imsrestore comes with the new server"
    );
    assert!(at("read-tape-back") < at("remove-old-store"));
    assert!(at("remove-old-store") < at("restore-from-tape"));
    let step = plan.step("remove-old-store").unwrap();
    assert_eq!(step.gate.level, Risk::Irreversible);
    assert_eq!(step.gate.typed.as_deref(), Some("mail.siroe.com"));
    assert!(
        step.checks_before
            .iter()
            .any(|id| id == "tape-holds-everyone")
    );
}

#[test]
fn the_separator_is_set_only_where_it_was_a_plus() {
    let plus = offline(
        &[("login_separator = \"@\"", "login_separator = \"+\"")],
        &Facts::new(),
    );
    assert_eq!(applies(&plus, "set-login-separator"), Some(true));
    assert_eq!(
        applies(&offline(&[], &Facts::new()), "set-login-separator"),
        Some(false)
    );
    let unsaid = offline(&[("login_separator = \"@\"\n", "")], &Facts::new());
    assert_eq!(applies(&unsaid, "set-login-separator"), None);
}

#[test]
fn every_restore_carries_the_rename_map_when_a_uid_has_an_uppercase_letter() {
    let restores = |uids: serde_json::Value| -> Vec<Vec<String>> {
        let plan = offline(&[], &facts(&[("uppercase-uids", uids)]));
        plan.steps
            .iter()
            .flat_map(|step| &step.actions)
            .filter(|action| action.kind == "transfer-mailboxes")
            .map(|action| action.argv.clone().unwrap())
            .collect()
    };
    let with = restores(json!(["Anderson", "Kolander"]));
    assert_eq!(with.len(), 2);
    for argv in &with {
        assert!(
            argv.ends_with(&["-u".to_owned(), "<rename_map>".to_owned()]),
            "{argv:?}"
        );
    }
    for argv in restores(json!([])) {
        assert_eq!(argv.last().map(String::as_str), Some("-v1"));
    }
}

#[test]
fn parameters_keep_what_only_a_session_knows_and_secrets() {
    let plan = offline(&[], &Facts::new());
    let action =
        |step: &str, index: usize| plan.step(step).unwrap().actions[index].parameters.clone();
    let Action::TransferMailboxes(transfer) = action("move-mailboxes", 2) else {
        panic!("no transfer")
    };
    assert_eq!(
        transfer.backup.unwrap(),
        ["/opt/SUNWmail/sbin/imbackup", "-f-", "-u", "{user_file}"]
    );
    assert_eq!(
        transfer.restore.last().map(String::as_str),
        Some("{rename_map_option}")
    );
    let Action::Instruct(instruct) = action("install-new-server", 0) else {
        panic!("no instruction")
    };
    assert_eq!(instruct.answers[3].answer, "{secret.config-directory}");
    assert_eq!(instruct.answers[2].answer, "390");
}

#[test]
fn a_list_of_networks_becomes_one_value_each() {
    let plan = offline(
        &[(
            "networks = []",
            "networks = [\"10.0.0.0/8\", \"192.0.2.7\"]",
        )],
        &Facts::new(),
    );
    let step = plan.step("allow-relay").unwrap();
    assert_eq!(step.applies, Some(true));
    let Action::EditFile(edit) = &step.actions[0].parameters else {
        panic!("no edit")
    };
    assert_eq!(edit.values, ["10.0.0.0/8", "192.0.2.7"]);
}

#[test]
fn counts_of_facts_stand_in_the_gate_and_names_until_then() {
    let many = |plan: &Plan| {
        let gate = &plan.step("upgrade-domains").unwrap().gate;
        gate.summary
            .iter()
            .find(|line| line.label == "How many")
            .unwrap()
            .text
            .clone()
    };
    assert_eq!(many(&offline(&[], &Facts::new())), "<domains> domains");
    let known = facts(&[("domains", json!(["siroe.com", "sesta.com"]))]);
    assert_eq!(many(&offline(&[], &known)), "2 domains");
}

#[test]
fn the_digest_covers_the_plan_and_nothing_else() {
    let plan = offline(&[], &Facts::new());
    assert_eq!(plan.digest, offline(&[], &Facts::new()).digest);
    assert_eq!(plan.digest.len(), 64);
    assert_eq!(super::digest::digest(&plan).unwrap(), plan.digest);
    let other = offline(&[("port = 389", "port = 1389")], &Facts::new());
    assert_ne!(plan.digest, other.digest);
    let read: Plan = serde_json::from_str(&render::json(&plan).unwrap()).unwrap();
    assert_eq!(read, plan);
}

#[test]
fn a_site_of_another_scenario_is_refused() {
    let mut other = site(&[]);
    other.scenario = "sims-online".to_owned();
    let error = draft(&scenario::load("sims-offline").unwrap(), &other).unwrap_err();
    assert!(error.to_string().contains("sims-online"), "{error}");
}

#[test]
fn no_line_of_the_text_is_wider_than_a_terminal() {
    let text = render::text(&offline(&[], &Facts::new()));
    let wide: Vec<_> = text
        .lines()
        .filter(|line| line.chars().count() > 80)
        .collect();
    assert!(wide.is_empty(), "{wide:#?}");
}

#[test]
fn nothing_of_a_site_breaks_out_of_the_script_or_the_screen() {
    let hostile = "cn=$(touch /tmp/x) `id`; 'q' \u{202e}|,o=internet";
    let plan = offline(&[("cn=Directory Manager", hostile)], &Facts::new());
    let script = render::shell(&plan);
    assert!(!script.contains('\u{202e}') && !render::text(&plan).contains('\u{202e}'));
    assert!(!render::markdown(&plan).contains('\u{202e}'));
    let line = script
        .lines()
        .find(|line| line.starts_with("imsdirmig"))
        .unwrap();
    let words = shlex::split(line).unwrap();
    assert!(
        words.contains(&"cn=$(touch /tmp/x) `id`; 'q' \\u{202e}|,o=internet".to_owned()),
        "{words:?}"
    );
}

#[test]
fn the_script_never_runs_what_is_not_certain_or_cannot_be_undone() {
    let live = |plan: &Plan| -> Vec<String> {
        render::shell(plan)
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    };
    let unknown = live(&offline(&[], &Facts::new()));
    assert!(
        !unknown
            .iter()
            .any(|line| line.contains("imbackup") || line.contains("imsrestore -f")),
        "{unknown:?}"
    );
    let stream = live(&offline(&[], &facts(&[("disk", json!("enough"))])));
    assert!(
        stream
            .iter()
            .any(|line| line.starts_with("imbackup -f- -u \"$user_file\" | ")),
        "{stream:?}"
    );
    assert!(
        stream.iter().any(|line| line == "read user_file"),
        "{stream:?}"
    );
}
