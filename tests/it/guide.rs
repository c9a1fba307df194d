//! Holds the scenarios against an index of chapter 3 of the guide, and the index against the text.
//!
//! The index is `tests/guide/*.toml`, a file for each procedure, in the guide's order. A part has
//! the number of the guide that its items stand below; an item is a sentence or line of the guide:
//! `of` are digests (several where a command is broken over lines), `again` says that it is about
//! the sentence of the item before, `says` is a paraphrase. What an item asks of the scenario:
//!
//! - `step`: a step with that number, in its place; all `terms` in its title, `asks` or task;
//! - `command`: `argv` is the guide's command of an action of such a step, in its place; `fixed` is
//!   the same without the guide's misprint, which a correction with the terms `correction` names;
//!   `implied`: the guide says it without writing a command;
//! - `value`: a setting of `parameter` to `value` or to `secret`; `edit`: an action with all `terms`;
//! - `prompt`: an answer to `question`, one of `answers`;
//! - `condition`: part of the `when` of every step with that number;
//! - `assumption`: an assumption with all `terms`, a field of the example site, or a secret in use;
//! - `text` and `note`: one text of such a step (or of the steps `at`) with all `terms`;
//! - `heading`, `lead` (only leads to the next line) and `reference` (to other chapters): nothing.
//!
//! `tests/guide/exceptions.toml` lists what is not part of a scenario, and why: five at the most,
//! and no command. No sentence of the guide may stand in a scenario or in the index.

mod cover;
mod index;
mod mutations;
mod side_by_side;
mod text;

use imsmigrate::scenario::{self, Scenario};
use index::{Exception, Index, Is};
use std::collections::BTreeSet;

/// The procedures of the chapter, by the id of the scenario.
const PROCEDURES: &[&str] = &[
    "sims-offline",
    "sims-online",
    "sims-incremental",
    "nms-unix",
    "nms-nt",
];

fn built_in() -> Vec<(Index, Scenario)> {
    scenario::ids()
        .map(|id| (Index::of(id), scenario::load(id).unwrap()))
        .collect()
}

#[test]
fn each_item_of_the_guide_is_part_of_its_scenario() {
    let mut problems = Vec::new();
    for (index, scenario) in built_in() {
        problems.extend(cover::problems(&index, &scenario));
        if !index.not_yet.is_empty() {
            text::loudly(&format!(
                "{}: not there yet: {:?}",
                scenario.id, index.not_yet
            ));
        }
    }
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems.join("\n")
    );
}

#[test]
fn each_procedure_of_the_guide_is_built_in_or_named_here() {
    let built_in: BTreeSet<&str> = scenario::ids().collect();
    let indexed: BTreeSet<&str> = PROCEDURES.iter().copied().collect();
    let without: Vec<_> = built_in.difference(&indexed).collect();
    assert!(without.is_empty(), "without an index: {without:?}");
    for missing in indexed.difference(&built_in) {
        text::loudly(&format!(
            "the scenario `{missing}` is not built in: the coverage test could not look at it"
        ));
    }
}

#[test]
fn at_most_five_exceptions_none_of_them_a_command() {
    let exceptions = Exception::all();
    assert!(exceptions.len() <= 5, "{exceptions:?}");
    for exception in &exceptions {
        assert!(exception.why.len() > 20, "{exception:?} needs a reason");
        let index = Index::of(&exception.scenario);
        let items: Vec<_> = index
            .items()
            .filter(|(_, item)| item.of.contains(&exception.of))
            .collect();
        assert!(!items.is_empty(), "{exception:?} is about nothing");
        for (_, item) in items {
            assert!(
                !matches!(item.is, Is::Command | Is::Value | Is::Edit),
                "{exception:?} is about a command"
            );
        }
    }
}

#[test]
fn the_index_asks_something_in_every_item() {
    for file in index::files() {
        for (part, item) in file
            .parts
            .iter()
            .flat_map(|p| p.items.iter().map(move |i| (p, i)))
        {
            let at = format!("{} {:?} {:?}", file.name, part.number, item);
            for digest in &item.of {
                let hex = digest.chars().all(|c| c.is_ascii_hexdigit());
                assert!(digest.len() == 12 && hex, "{at}");
            }
            assert_eq!(item.of.is_empty(), item.again, "{at}");
            let asks = match item.is {
                Is::Heading | Is::Lead | Is::Reference => continue,
                Is::Step => part.number.is_some(),
                Is::Command => part.number.is_some() && !item.argv.is_empty(),
                Is::Value => {
                    item.parameter.is_some() && (item.value.is_some() != item.secret.is_some())
                }
                Is::Prompt => item.question.is_some() && !item.answers.is_empty(),
                Is::Condition => {
                    item.value.is_some() && (item.field.is_some() != item.fact.is_some())
                }
                Is::Assumption => {
                    !item.terms.is_empty() || item.field.is_some() || item.secret.is_some()
                }
                Is::Text | Is::Note | Is::Edit => part.number.is_some() && !item.terms.is_empty(),
            };
            assert!(asks, "asks nothing: {at}");
            assert!(!item.says.is_empty(), "without a paraphrase: {at}");
            assert_eq!(item.fixed.is_empty(), item.correction.is_empty(), "{at}");
        }
    }
}

/// Sentences of six words and more are long enough to be somebody's.
#[test]
fn no_sentence_of_the_guide_is_copied() {
    let mut guide = BTreeSet::new();
    let mut ours = Vec::new();
    for file in index::files() {
        for item in file.parts.iter().flat_map(|part| &part.items) {
            // The words of an installer's question are facts.
            if item.is != Is::Prompt {
                guide.extend(item.of.iter().cloned());
            }
            ours.push((file.name.clone(), item.says.clone()));
        }
    }
    for (_, scenario) in built_in() {
        ours.push((scenario.id.clone(), scenario.summary.clone()));
        ours.extend(
            scenario
                .assumptions
                .iter()
                .map(|a| (scenario.id.clone(), a.clone())),
        );
        for step in &scenario.steps {
            let at = format!("{}/{}", scenario.id, step.id);
            ours.extend(
                cover::texts(step)
                    .into_iter()
                    .map(|text| (at.clone(), text)),
            );
        }
    }
    for (at, text) in ours {
        for sentence in text::sentences(&text) {
            if sentence.split(' ').count() >= 6 {
                assert!(
                    !guide.contains(&text::digest(&sentence)),
                    "{at} has the guide's: {sentence}"
                );
            }
        }
    }
}

#[test]
fn the_index_is_the_chapter_sentence_by_sentence() {
    let Some(guide) = text::guide() else {
        text::loudly(
            "SKIPPED: the guide's text is not at hand, so that the index in tests/guide was not held \
             against it (IMSMIGRATE_GUIDE=FILE or FOLDER says where it is)",
        );
        return;
    };
    let differences = text::differences(&index::files(), &guide);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
