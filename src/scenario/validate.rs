//! What a scenario file has to keep to beyond its types.

use super::action::{Instruct, Service, SetConfig, Source, TransferMailboxes};
use super::names::{CHECKS, FACTS, FIELDS, LATE, SECRETS, SERVICES, is_placeholder, placeholders};
use super::{Action, Risk, Scenario, Step, back};
use crate::base::document::{Document, Problem, did_you_mean};
use std::collections::BTreeMap;

/// What a restore into a store in use is told of folders that are there.
const SAME_NAMES: &str = "{store.same_names_option}";
/// The check that guards a store in use.
const SYNC_LEVEL: &str = "synclevel-default";

/// Returns everything that is wrong with a scenario.
pub fn problems(scenario: &Scenario, document: &Document<'_>) -> Vec<Problem> {
    let mut found = Found {
        document,
        problems: Vec::new(),
    };
    found.ids_and_numbers(scenario);
    found.texts("");
    for (index, step) in scenario.steps.iter().enumerate() {
        let path = format!("steps[{index}]");
        if !scenario.roles.contains(&step.role) {
            found.add(
                &format!("{path}.role"),
                format!(
                    "the role `{}` is not one of this scenario's `roles`",
                    step.role
                ),
                None,
            );
        }
        found.risk(step, &path);
        found.batch(step, &path);
        found.known_names(step, &path);
        if step.actions.is_empty() {
            found.add(&path, "a step needs at least one action".to_owned(), None);
        }
        for (below, message, hint) in back::problems(scenario, index) {
            found.add(&format!("{path}{below}"), message, hint);
        }
        let forward = step.actions.iter().enumerate();
        let back = step.undo_actions.iter().flatten().enumerate();
        let both = forward
            .map(|(i, a)| (format!("{path}.actions[{i}]"), a))
            .chain(back.map(|(i, a)| (format!("{path}.undo_actions[{i}]"), a)));
        for (path, action) in both {
            if let Some(role) = action.host()
                && !scenario.roles.contains(&role)
            {
                found.add(
                    &format!("{path}.host"),
                    format!("the role `{role}` is not one of this scenario's `roles`"),
                    None,
                );
            }
            found.action(action, &path);
        }
        found.live(step, &path);
    }
    found.problems
}

struct Found<'a, 't> {
    document: &'a Document<'t>,
    problems: Vec<Problem>,
}

impl Found<'_, '_> {
    fn add(&mut self, path: &str, message: String, hint: Option<String>) {
        let mut problem = self.document.problem(path, message);
        problem.hint = hint;
        self.problems.push(problem);
    }

    fn ids_and_numbers(&mut self, scenario: &Scenario) {
        if !is_kebab(&scenario.id) {
            self.add("id", format!("`{}` is not kebab-case", scenario.id), None);
        }
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let mut last = (0, ' ');
        for (index, step) in scenario.steps.iter().enumerate() {
            let path = format!("steps[{index}].id");
            if !is_kebab(&step.id) {
                self.add(
                    &path,
                    format!("`{}` is not kebab-case", step.id),
                    Some(
                        "lowercase letters, digits and single hyphens, such as `stop-sims`"
                            .to_owned(),
                    ),
                );
            }
            if let Some(first) = seen.insert(&step.id, index) {
                self.add(
                    &path,
                    format!("the id `{}` is that of steps[{first}] already", step.id),
                    None,
                );
            }
            let path = format!("steps[{index}].guide");
            match guide_number(&step.guide) {
                None => self.add(
                    &path,
                    format!("`{}` is not a number of the guide", step.guide),
                    Some("a number, with a letter for a sub-step (`9a`), or `intro`".to_owned()),
                ),
                // It says itself why it stands here; the others go on in order around it.
                Some(_) if step.moved.is_some() => {}
                Some(number) if number < last => self.add(
                    &path,
                    format!("`{}` comes after a later number of the guide", step.guide),
                    Some(
                        "the order in the file is the order in which steps are done; one that is \
                         meant to stand here says why: moved = \"…\""
                            .to_owned(),
                    ),
                ),
                Some(number) => last = number,
            }
        }
    }

    fn risk(&mut self, step: &Step, path: &str) {
        let floor = step.actions.iter().max_by_key(|action| action.floor());
        if let Some(action) = floor
            && step.risk < action.floor()
        {
            self.add(
                &format!("{path}.risk"),
                format!(
                    "`{}` is too low: the action `{}` asks for `{}` at least",
                    step.risk,
                    action.kind(),
                    action.floor()
                ),
                Some(format!("write: risk = \"{}\"", action.floor())),
            );
        }
        match (&step.typed, step.risk >= Risk::Destructive) {
            (None, true) => self.add(
                &format!("{path}.risk"),
                format!(
                    "a gate that is `{}` needs `typed`: what the admin has to type",
                    step.risk
                ),
                Some(
                    "add typed = \"{old.host}\", or the placeholder of another host or DN"
                        .to_owned(),
                ),
            ),
            (Some(_), false) => self.add(
                &format!("{path}.typed"),
                format!("nothing is typed at a gate that is `{}`", step.risk),
                None,
            ),
            _ => {}
        }
    }

    /// `{batch}` has a value in steps that are repeated for batches, and `batch` is set by a run.
    fn batch(&mut self, step: &Step, path: &str) {
        if step.batch.is_some() {
            let message = "`batch` is set by the run; a file says each = \"batch\"".to_owned();
            self.add(&format!("{path}.batch"), message, None);
        }
        if step.skipped.is_some() {
            let message = "`skipped` is set from the site".to_owned();
            let hint = "in the site file: [[changes]] with `skip` and `reason`".to_owned();
            self.add(&format!("{path}.skipped"), message, Some(hint));
        }
        if step.each.is_some() {
            return;
        }
        let mut wrong = Vec::new();
        self.document.each_string(path, &mut |at, text| {
            if names_in(text).any(|name| name == "batch") {
                wrong.push(at.to_owned());
            }
        });
        for at in wrong {
            self.add(
                &at,
                "`{batch}` has no value here".to_owned(),
                Some("the step needs: each = \"batch\"".to_owned()),
            );
        }
    }

    fn known_names(&mut self, step: &Step, path: &str) {
        for (key, ids) in [
            ("checks_before", &step.checks_before),
            ("checks_after", &step.checks_after),
            ("undo_checks", &step.undo_checks),
        ] {
            for (index, id) in ids.iter().enumerate() {
                self.check_id(id, &format!("{path}.{key}[{index}]"));
            }
        }
        for (index, id) in step.facts.iter().enumerate() {
            self.fact_id(id, &format!("{path}.facts[{index}]"));
        }
        let mut names = Vec::new();
        if let Some(when) = &step.when {
            when.each_name(&mut |is_field, name| names.push((is_field, name.to_owned())));
        }
        let at = format!("{path}.when");
        for (is_field, name) in names {
            if is_field {
                if !FIELDS.iter().any(|(known, _)| *known == name) {
                    self.add(
                        &at,
                        format!("a site has no field `{name}`"),
                        Some(did_you_mean(&name, FIELDS.iter().map(|(known, _)| *known))),
                    );
                }
            } else {
                self.fact_id(&name, &at);
                self.listed_fact(step, &name, &at);
            }
        }
        let mut used = Vec::new();
        self.document.each_string(path, &mut |at, text| {
            for name in names_in(text) {
                if let Some(fact) = name
                    .strip_prefix("count.")
                    .or_else(|| name.strip_prefix("fact."))
                {
                    used.push((at.to_owned(), fact.to_owned()));
                }
            }
        });
        for (at, fact) in used {
            self.listed_fact(step, &fact, &at);
        }
    }

    fn check_id(&mut self, id: &str, path: &str) {
        if !CHECKS.iter().any(|(known, _)| *known == id) {
            self.add(
                path,
                format!("there is no check `{id}`"),
                Some(did_you_mean(id, CHECKS.iter().map(|(known, _)| *known))),
            );
        }
    }

    fn fact_id(&mut self, id: &str, path: &str) {
        if !FACTS.iter().any(|(known, _)| *known == id) {
            self.add(
                path,
                format!("there is no fact `{id}`"),
                Some(did_you_mean(id, FACTS.iter().map(|(known, _)| *known))),
            );
        }
    }

    fn listed_fact(&mut self, step: &Step, fact: &str, path: &str) {
        if FACTS.iter().any(|(known, _)| *known == fact) && !step.facts.iter().any(|id| id == fact)
        {
            self.add(
                path,
                format!("the step depends on the fact `{fact}` and does not list it"),
                Some(format!("add \"{fact}\" to `facts`")),
            );
        }
    }

    /// Every placeholder is known, and none that is secret stands where it would be seen.
    fn texts(&mut self, path: &str) {
        let mut wrong: Vec<(String, String, Option<String>)> = Vec::new();
        self.document.each_string(path, &mut |at, text| {
            for name in names_in(text) {
                if !is_placeholder(name) {
                    let all: Vec<String> = placeholders()
                        .into_iter()
                        .map(|known| format!("{{{known}}}"))
                        .collect();
                    wrong.push((
                        at.to_owned(),
                        format!("unknown placeholder `{{{name}}}`"),
                        Some(did_you_mean(
                            &format!("{{{name}}}"),
                            all.iter().map(String::as_str),
                        )),
                    ));
                } else if name.starts_with("secret.") && !may_hold_secret(at) {
                    wrong.push((
                        at.to_owned(),
                        format!("the secret `{{{name}}}` would be seen here"),
                        Some(
                            "secrets may stand in `guide_argv` and in an `answer`; a setting takes \
                             `secret = \"NAME\"`"
                                .to_owned(),
                        ),
                    ));
                }
            }
        });
        for (at, message, hint) in wrong {
            self.add(&at, message, hint);
        }
    }

    fn action(&mut self, action: &Action, path: &str) {
        for (index, id) in action.proof().into_iter().enumerate() {
            let at = match action {
                Action::WaitFor(_) => format!("{path}.check"),
                _ => format!("{path}.proof[{index}]"),
            };
            self.check_id(id, &at);
        }
        let each = match action {
            Action::SetConfig(set) => set.each.as_deref(),
            Action::Owner(owner) => owner.each.as_deref(),
            _ => None,
        };
        if let Some(each) = each.filter(|each| *each != "old.partitions") {
            self.add(
                &format!("{path}.each"),
                format!("`{each}` is no table of the site"),
                Some("it can be: old.partitions".to_owned()),
            );
        }
        match action {
            Action::SetConfig(set) => self.set_config(set, path),
            Action::Service(service) => self.service(service, path),
            Action::TransferMailboxes(transfer) => self.transfer(transfer, path),
            Action::UpgradeEntries(upgrade) => self.pairs(&upgrade.set, path),
            Action::SetAttributes(set) if set.set.is_empty() => self.empty(path, "set"),
            Action::SetAttributes(set) => self.pairs(&set.set, path),
            Action::Instruct(Instruct {
                proof, evidence, ..
            }) if proof.is_empty() && !evidence => {
                self.add(
                    path,
                    "an instruction needs `proof`, or `evidence = true`".to_owned(),
                    None,
                );
            }
            Action::WaitFor(wait) if wait.every_seconds == 0 => {
                self.add(
                    &format!("{path}.every_seconds"),
                    "`every_seconds` has to be at least 1".to_owned(),
                    None,
                );
            }
            Action::Run(run) if run.argv.is_empty() => self.empty(path, "argv"),
            Action::BackupDirectory(backup) if backup.argv.is_empty() => self.empty(path, "argv"),
            _ => {}
        }
    }

    fn empty(&mut self, path: &str, key: &str) {
        self.add(&format!("{path}.{key}"), format!("`{key}` is empty"), None);
    }

    fn set_config(&mut self, set: &SetConfig, path: &str) {
        match (&set.value, &set.secret) {
            (Some(_), Some(_)) => self.add(
                &format!("{path}.secret"),
                format!("`{}` has both `value` and `secret`", set.parameter),
                Some("leave one of them out".to_owned()),
            ),
            (None, None) => self.add(
                path,
                format!("`{}` has neither `value` nor `secret`", set.parameter),
                None,
            ),
            (None, Some(secret)) if !SECRETS.iter().any(|(known, _)| known == secret) => self.add(
                &format!("{path}.secret"),
                format!("there is no secret `{secret}`"),
                Some(did_you_mean(
                    secret,
                    SECRETS.iter().map(|(known, _)| *known),
                )),
            ),
            _ => {}
        }
    }

    fn service(&mut self, service: &Service, path: &str) {
        if !SERVICES.contains(&service.service.as_str()) {
            self.add(
                &format!("{path}.service"),
                format!("there is no service `{}`", service.service),
                Some(did_you_mean(&service.service, SERVICES.iter().copied())),
            );
        }
        if service.argv.is_empty() {
            self.empty(path, "argv");
        }
        if service.proof.is_empty() {
            self.add(
                path,
                format!(
                    "`{}` needs `proof`: a service is proved by state",
                    service.service
                ),
                None,
            );
        }
    }

    /// A store in use is written to the disk at once, before and after: not a note, a guard.
    fn live(&mut self, step: &Step, path: &str) {
        let moves_live = |a: &Action| matches!(a, Action::TransferMailboxes(t) if t.live);
        if !step.actions.iter().any(moves_live) {
            return;
        }
        for (key, ids) in [
            ("checks_before", &step.checks_before),
            ("checks_after", &step.checks_after),
        ] {
            if !ids.iter().any(|id| id == SYNC_LEVEL) {
                self.add(
                    &format!("{path}.{key}"),
                    format!("mail is moved into a store in use without the check `{SYNC_LEVEL}`"),
                    Some(format!("add \"{SYNC_LEVEL}\"")),
                );
            }
        }
        for (index, action) in step.actions.iter().enumerate() {
            if let Action::SetConfig(set) = action
                && set.parameter == "local.store.synclevel"
                && set.value.as_deref() != Some("-1")
            {
                self.add(
                    &format!("{path}.actions[{index}]"),
                    "the sync level of a store in use is never turned off".to_owned(),
                    None,
                );
            }
        }
    }

    fn pairs(&mut self, set: &[String], path: &str) {
        for (index, pair) in set.iter().enumerate() {
            let good = pair
                .split_once(':')
                .is_some_and(|(name, value)| !name.is_empty() && !value.is_empty());
            if !good {
                self.add(
                    &format!("{path}.set[{index}]"),
                    format!("`{pair}` is not attribute and value"),
                    Some("such as \"mailHost:{new.host}\"".to_owned()),
                );
            }
        }
    }

    fn transfer(&mut self, transfer: &TransferMailboxes, path: &str) {
        match (transfer.from, &transfer.backup) {
            (Source::Store, None) => self.add(
                path,
                "a transfer from the store needs `backup`".to_owned(),
                None,
            ),
            (Source::Tape, Some(_)) => self.add(
                &format!("{path}.backup"),
                "a transfer from tape has no `backup`".to_owned(),
                None,
            ),
            _ => {}
        }
        let told = |word: &str| transfer.restore.iter().any(|w| w == word);
        if transfer.live && (told("-n") || !told(SAME_NAMES)) {
            self.add(
                &format!("{path}.restore"),
                format!("a restore into a store in use has to carry `{SAME_NAMES}`, and no `-n`"),
                Some("whether folders get twins is the admin's choice".to_owned()),
            );
        }
        if !transfer
            .restore
            .iter()
            .any(|word| word == "{rename_map_option}")
        {
            self.add(
                &format!("{path}.restore"),
                "every restore has to carry `{rename_map_option}`".to_owned(),
                Some("without it users with an uppercase letter never see their mail".to_owned()),
            );
        }
    }
}

fn may_hold_secret(path: &str) -> bool {
    path.contains(".guide_argv[") || path.ends_with(".answer")
}

/// The names between braces.
pub(crate) fn names_in(text: &str) -> impl Iterator<Item = &str> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

/// Says whether a placeholder has a value only later.
pub fn is_late(name: &str) -> bool {
    LATE.iter().any(|(known, _)| *known == name)
}

fn is_kebab(id: &str) -> bool {
    !id.is_empty()
        && id.split('-').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

/// Orders the guide's numbers: `intro`, `1`, `9`, `9a`, `9b`, `10`.
fn guide_number(text: &str) -> Option<(u16, char)> {
    if text == "intro" {
        return Some((0, ' '));
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let letters = text.get(digits.len()..).unwrap_or("");
    let number: u16 = digits.parse().ok().filter(|number| *number > 0)?;
    let mut letters = letters.chars();
    let letter = letters.next().unwrap_or(' ');
    letters.next().is_none().then_some((number, letter))
}
