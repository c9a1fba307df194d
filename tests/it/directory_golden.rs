//! The upgrade rules against entries written by hand from the manuals.

use imsmigrate::directory::ldif::{self, Record};
use imsmigrate::directory::{Entry, EntryKind, Rules, State};

struct Case {
    name: String,
    kind: EntryKind,
    state: State,
    warns: Vec<String>,
    refused: Vec<String>,
    before: Entry,
    after: Entry,
}

/// The rules with the cases that were written for them.
fn sets() -> [(Rules, Vec<Case>); 2] {
    let cases = |text: &str| text.split("# case: ").skip(1).map(case).collect();
    let partitions = [("second".to_owned(), "/disk2/partition/second".to_owned())];
    [
        (
            Rules::sims().unwrap(),
            cases(include_str!("../golden/directory/sims.ldif")),
        ),
        (
            Rules::nms(&partitions.into()).unwrap(),
            cases(include_str!("../golden/directory/nms.ldif")),
        ),
    ]
}

fn case(text: &str) -> Case {
    let (name, body) = text.split_once('\n').unwrap();
    let tags = |tag: &str| -> Vec<String> {
        body.lines()
            .filter_map(|line| line.strip_prefix(&format!("# {tag}: ")))
            .map(str::to_owned)
            .collect()
    };
    let kind = match tags("kind").as_slice() {
        [one] if one == "domain" => EntryKind::Domain,
        [one] if one == "user" => EntryKind::User,
        [one] if one == "group" => EntryKind::Group,
        other => panic!("{name}: kind {other:?}"),
    };
    let state = match tags("state").first().map(String::as_str) {
        None => State::Upgrade,
        Some("refused") => State::Refused,
        Some("already-upgraded") => State::AlreadyUpgraded,
        Some(other) => panic!("{name}: state {other}"),
    };
    assert_eq!(tags("source").len(), 1, "{name}: no source");
    let records = ldif::parse(body.as_bytes()).unwrap_or_else(|e| panic!("{name}: {e}"));
    let Ok([Record::Entry(before), Record::Entry(after)]) = <[Record; 2]>::try_from(records) else {
        panic!("{name}: not two entries");
    };
    Case {
        name: name.to_owned(),
        kind,
        state,
        warns: tags("warns"),
        refused: tags("refused"),
        before,
        after,
    }
}

/// Attributes and values in one order, names without case.
fn sorted(entry: &Entry) -> Vec<(String, String)> {
    let mut all: Vec<_> = entry
        .attributes
        .iter()
        .flat_map(|(name, values)| {
            values.iter().map(move |value| {
                (
                    name.to_ascii_lowercase(),
                    String::from_utf8_lossy(value).into_owned(),
                )
            })
        })
        .collect();
    all.sort();
    all
}

#[test]
fn entries_become_what_the_manuals_say() {
    for (rules, cases) in sets() {
        assert!(cases.len() >= 12, "only {} cases", cases.len());
        all_become(&rules, cases);
    }
}

fn all_become(rules: &Rules, cases: Vec<Case>) {
    for case in cases {
        let name = &case.name;
        assert_eq!(rules.kind_of(&case.before), Some(case.kind), "{name}");
        let plan = rules.plan(&case.before, case.kind);
        assert_eq!(plan.state, case.state, "{name}: {plan:?}");
        let mut result = case.before.clone();
        result.apply(&plan.modification());
        assert_eq!(sorted(&result), sorted(&case.after), "{name}");
        for (said, wanted) in [
            (&plan.warnings, &case.warns),
            (&plan.refusals, &case.refused),
        ] {
            for part in wanted {
                let found = said.iter().any(|text| text.contains(part.as_str()));
                assert!(found, "{name}: nothing says `{part}`: {said:?}");
            }
        }
        if case.warns.is_empty() {
            assert!(
                plan.warnings.iter().all(|w| w.contains("mailHost")),
                "{name}: unexpected {:?}",
                plan.warnings
            );
        }
    }
}

#[test]
fn upgrading_twice_changes_nothing_and_the_inverse_leads_back() {
    for (rules, cases) in sets() {
        all_lead_back(&rules, cases);
    }
}

fn all_lead_back(rules: &Rules, cases: Vec<Case>) {
    for case in cases {
        let plan = rules.plan(&case.before, case.kind);
        let mut result = case.before.clone();
        result.apply(&plan.modification());
        let again = rules.plan(&result, case.kind);
        assert!(again.changes.is_empty(), "{}: {again:?}", case.name);
        if case.state == State::Upgrade {
            assert_eq!(again.state, State::AlreadyUpgraded, "{}", case.name);
        }
        result.apply(&plan.inverse());
        assert_eq!(sorted(&result), sorted(&case.before), "{}", case.name);
    }
}
