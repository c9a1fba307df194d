//! Each rule of the parser and the validator, with a file that breaks it.

use super::{Scenario, ids, load, parse::parse};
use crate::base::Hint;

const GOOD: &str = r#"
id = "s"
title = "t"
summary = "s"
product = "sims"
roles = ["old", "new"]

[[steps]]
id = "one"
guide = "1"
title = "t"
role = "old"
asks = "a"
risk = "change"
undo = "u"
if_interrupted = "i"
facts = ["disk"]
when = { fact = "disk", is = "enough" }
actions = [{ kind = "run", argv = ["{old.sbin}/imta"] }]

[[steps]]
id = "two"
guide = "9a"
title = "t"
role = "new"
asks = "a"
risk = "destructive"
typed = "{new.host}"
undo = "u"
if_interrupted = "i"
actions = [{ kind = "service", service = "ims", state = "stopped", argv = ["stop-msg"], proof = ["ims-stopped"] }]
undo_actions = []
"#;

/// Parses the good file with one replacement; returns all problems and hints.
fn broken(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    let text = GOOD.replacen(from, to, 1);
    let problems = parse("s.toml", &text).unwrap_err();
    format!("{problems} | {}", problems.hints().join(" | "))
}

#[test]
fn the_good_file_is_good() {
    let scenario: Scenario = parse("s.toml", GOOD).unwrap();
    assert_eq!(scenario.steps.len(), 2);
    assert!(scenario.steps[0].when.is_some());
}

#[test]
fn a_step_says_how_it_is_taken_back() {
    let missing = broken("undo_actions = []\n", "");
    assert!(
        missing.contains("`service` cannot be put back"),
        "{missing}"
    );
    assert!(missing.contains("[[steps.undo_actions]]"), "{missing}");
    let put_back = "undo_actions = [{ kind = \"put-back\", action = 2 }]\n";
    let nothing = broken("undo_actions = []\n", put_back);
    assert!(nothing.contains("the step has no action 2"), "{nothing}");
    let put_back = "undo_actions = [{ kind = \"put-back\", action = 1 }]\n";
    let never = broken("undo_actions = []\n", put_back);
    assert!(never.contains("action 1 of the step cannot"), "{never}");
    let later = broken(
        "undo_actions = []\n",
        "undo_actions = []\nundo_with = \"x\"\n",
    );
    assert!(later.contains("there is no earlier step `x`"), "{later}");
}

#[test]
fn every_built_in_scenario_holds() {
    for id in ids() {
        let scenario = load(id).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(scenario.id, id);
    }
    assert!(load("sims-ofline").unwrap_err().hints()[0].contains("sims-offline"));
}

#[rstest::rstest]
#[case::unknown_key(
    "asks = \"a\"",
    "ask = \"a\"",
    "s.toml:13:1: steps[0].ask: unknown key `ask` | did you mean `asks`?"
)]
#[case::unknown_key_in_an_action(
    "proof = [\"ims-stopped\"]",
    "prof = [\"ims-stopped\"]",
    "s.toml:31:89: steps[1].actions[0].prof: unknown key `prof` | did you mean `proof`?"
)]
#[case::missing_key(
    "undo = \"u\"\n",
    "",
    "s.toml:8:1: steps[0]: the key `undo` is missing | add `undo = …` to `steps[0]`"
)]
#[case::wrong_type(
    "guide = \"1\"",
    "guide = 1",
    "s.toml:10:9: steps[0].guide: invalid type"
)]
#[case::unknown_kind(
    "kind = \"run\"",
    "kind = \"rum\"",
    "s.toml:19:21: steps[0].actions[0].kind: unknown kind of action `rum` | did you mean `run`?"
)]
#[case::no_kind(
    "kind = \"run\", ",
    "",
    "steps[0].actions[0]: the key `kind` is missing"
)]
#[case::unknown_risk(
    "risk = \"change\"",
    "risk = \"chance\"",
    "s.toml:14:8: steps[0].risk: unknown value `chance` | did you mean `change`?"
)]
#[case::unknown_placeholder(
    "{old.sbin}/imta",
    "{old.bin}/imta",
    "s.toml:19:36: steps[0].actions[0].argv[0]: unknown placeholder `{old.bin}` | did you mean `{old.sbin}`?"
)]
#[case::secret_on_argv(
    "\"{old.sbin}/imta\"",
    "\"{old.sbin}/imta\", \"{secret.directory}\"",
    "s.toml:19:55: steps[0].actions[0].argv[1]: the secret `{secret.directory}` would be seen here"
)]
#[case::duplicate_id(
    "id = \"two\"",
    "id = \"one\"",
    "s.toml:22:6: steps[1].id: the id `one` is that of steps[0] already"
)]
#[case::id_not_kebab(
    "id = \"two\"",
    "id = \"Two_\"",
    "steps[1].id: `Two_` is not kebab-case"
)]
#[case::order(
    "guide = \"1\"",
    "guide = \"9b\"",
    "s.toml:23:9: steps[1].guide: `9a` comes after a later number of the guide"
)]
#[case::no_number(
    "guide = \"1\"",
    "guide = \"first\"",
    "steps[0].guide: `first` is not a number of the guide"
)]
#[case::low_risk(
    "risk = \"destructive\"\ntyped = \"{new.host}\"",
    "risk = \"change\"",
    "s.toml:27:8: steps[1].risk: `change` is too low: the action `service` asks for `destructive` at least"
)]
#[case::nothing_typed(
    "typed = \"{new.host}\"\n",
    "",
    "steps[1].risk: a gate that is `destructive` needs `typed`"
)]
#[case::typed_for_nothing(
    "risk = \"change\"",
    "risk = \"change\"\ntyped = \"x\"",
    "s.toml:15:9: steps[0].typed: nothing is typed at a gate that is `change`"
)]
#[case::unknown_check(
    "[\"ims-stopped\"]",
    "[\"ims-stoped\"]",
    "steps[1].actions[0].proof[0]: there is no check `ims-stoped` | did you mean `ims-stopped`?"
)]
#[case::unknown_fact(
    "facts = [\"disk\"]",
    "facts = [\"disc\"]",
    "s.toml:17:10: steps[0].facts[0]: there is no fact `disc`"
)]
#[case::fact_not_listed(
    "facts = [\"disk\"]",
    "",
    "steps[0].when: the step depends on the fact `disk` and does not list it"
)]
#[case::counted_fact_not_listed(
    "asks = \"a\"",
    "asks = \"{count.users}\"",
    "s.toml:13:8: steps[0].asks: the step depends on the fact `users`"
)]
#[case::unknown_field(
    "{ fact = \"disk\", is = \"enough\" }",
    "{ field = \"old.separator\", equals = \"+\" }",
    "steps[0].when: a site has no field `old.separator`"
)]
#[case::mixed_condition(
    "is = \"enough\" }",
    "is = \"enough\", all = [] }",
    "steps[0].when: `fact` does not go with the rest"
)]
#[case::unknown_service(
    "service = \"ims\"",
    "service = \"iims\"",
    "steps[1].actions[0].service: there is no service `iims` | did you mean `ims`?"
)]
#[case::no_proof(
    ", proof = [\"ims-stopped\"]",
    "",
    "steps[1].actions[0]: `ims` needs `proof`"
)]
#[case::role_not_of_the_scenario(
    "role = \"old\"",
    "role = \"directory\"",
    "steps[0].role: the role `directory` is not one of this scenario's `roles`"
)]
#[case::no_actions(
    "actions = [{ kind = \"run\", argv = [\"{old.sbin}/imta\"] }]",
    "",
    "steps[0]: a step needs at least one action"
)]
#[case::value_and_secret(
    "{ kind = \"run\", argv = [\"{old.sbin}/imta\"] }",
    "{ kind = \"set-config\", parameter = \"p\", value = \"v\", secret = \"directory\" }",
    "s.toml:19:74: steps[0].actions[0].secret: `p` has both `value` and `secret`"
)]
#[case::unknown_secret(
    "{ kind = \"run\", argv = [\"{old.sbin}/imta\"] }",
    "{ kind = \"set-config\", parameter = \"p\", secret = \"directry\" }",
    "there is no secret `directry` | did you mean `directory`?"
)]
#[case::restore_without_map(
    "{ kind = \"run\", argv = [\"{old.sbin}/imta\"] }",
    "{ kind = \"transfer-mailboxes\", from = \"tape\", restore = [\"imsrestore\"], guide_argv = [] }",
    "steps[0].actions[0].restore: every restore has to carry `{rename_map_option}`"
)]
#[case::store_without_backup(
    "{ kind = \"run\", argv = [\"{old.sbin}/imta\"] }",
    "{ kind = \"transfer-mailboxes\", from = \"store\", restore = [\"{rename_map_option}\"], guide_argv = [] }",
    "steps[0].actions[0]: a transfer from the store needs `backup`"
)]
#[case::instruction_without_end(
    "{ kind = \"run\", argv = [\"{old.sbin}/imta\"] }",
    "{ kind = \"instruct\", text = [\"do\"] }",
    "steps[0].actions[0]: an instruction needs `proof`, or `evidence = true`"
)]
#[case::no_toml("id = \"s\"", "id = = \"s\"", "s.toml:2:6: ")]
fn a_broken_rule_is_named_with_its_place(#[case] from: &str, #[case] to: &str, #[case] says: &str) {
    let said = broken(from, to);
    let (wanted, hint) = says.split_once(" | ").unwrap_or((says, ""));
    assert!(said.contains(wanted), "wanted: {says}\nsaid:   {said}");
    assert!(said.contains(hint), "wanted: {says}\nsaid:   {said}");
}

#[test]
fn all_problems_of_a_file_are_named_at_once_in_order() {
    let text = GOOD.replace("asks = \"a\"", "ask = \"a\"");
    let problems = parse("s.toml", &text).unwrap_err().0;
    let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [13, 26], "{problems:?}");
}
