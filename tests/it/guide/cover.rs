//! What of the index is not part of a scenario.

use super::index::{Index, Is, Item, Moved, Part};
use imsmigrate::scenario::condition::{Condition, Facts};
use imsmigrate::scenario::{Scenario, Step, names};
use imsmigrate::site::{Site, template};
use serde_json::Value;

/// Returns what is missing, out of its place or other than in the guide.
pub fn problems(index: &Index, scenario: &Scenario) -> Vec<String> {
    let mut found = Vec::new();
    let mut before = "";
    for step in &scenario.steps {
        if let Some(ours) = index.ours.iter().find(|ours| ours.id == step.id)
            && ours.follows != before
        {
            let Step { id, guide, .. } = step;
            found.push(format!(
                "{guide} `{id}` follows `{before}`, not `{}`",
                ours.follows
            ));
        }
        before = &step.id;
    }
    for ours in &index.ours {
        if scenario.step(&ours.id).is_none() {
            found.push(format!("there is no step `{}` ({})", ours.id, ours.why));
        }
    }
    order(index, scenario, &mut found);
    let variants: Vec<Option<&str>> = match index.variants.as_slice() {
        [] => vec![None],
        some => some.iter().map(|variant| Some(variant.as_str())).collect(),
    };
    for variant in variants {
        let mut look = Look::new(index, scenario, variant);
        look.all();
        found.extend(look.found);
    }
    found
        .into_iter()
        .map(|problem| format!("{}: {problem}", scenario.id))
        .collect()
}

/// Steps that are not moved are in the guide's order; those that are stand right after the steps of
/// the number that the index names. Where a step of ours stands was looked at.
fn order(index: &Index, scenario: &Scenario, found: &mut Vec<String>) {
    let numbers: Vec<&str> = index
        .parts
        .iter()
        .filter_map(|part| part.number.as_deref())
        .collect();
    let ours = |step: &&Step| index.ours.iter().any(|ours| ours.id == step.id);
    let mut last = 0;
    let mut before = "";
    for step in scenario.steps.iter().filter(|step| !ours(step)) {
        let Step { id, guide, .. } = step;
        if says_moved(step) {
            let group = index.moved.iter().find(|group| group.number == *guide);
            if let Some(Moved { number, after, .. }) = group
                && before != after
                && before != number
            {
                found.push(format!("{number} `{id}` is to stand right after {after}"));
            }
        } else if let Some(at) = numbers.iter().position(|number| number == guide) {
            if at < last {
                found.push(format!("{guide} `{id}` comes after {}", numbers[last]));
            }
            last = last.max(at);
        }
        before = guide;
    }
}

fn says_moved(step: &Step) -> bool {
    serde_json::to_value(step).unwrap()["moved"].is_string()
}

/// The texts of a step, each in one piece.
pub fn texts(step: &Step) -> Vec<String> {
    let mut all = vec![step.title.clone(), step.asks.clone()];
    all.extend(step.users_notice.clone());
    all.extend(step.how_many.clone());
    all.extend([step.undo.clone(), step.if_interrupted.clone()]);
    all.extend(step.notes.iter().cloned());
    for correction in &step.corrections {
        all.push(format!(
            "{} {} {}",
            correction.guide, correction.ours, correction.why
        ));
    }
    for action in &step.actions {
        let action = serde_json::to_value(action).unwrap();
        let subject = action["subject"].as_str().unwrap_or_default();
        if let Some(lines) = strings(&action["text"]) {
            all.push(format!("{subject} {}", lines.join(" ")));
        }
        for answer in action["answers"].as_array().into_iter().flatten() {
            all.extend(answer["why"].as_str().map(str::to_owned));
        }
    }
    for id in step.checks_before.iter().chain(&step.checks_after) {
        let question = names::CHECKS.iter().find(|(known, _)| known == id);
        all.extend(question.map(|(_, question)| (*question).to_owned()));
    }
    all.iter()
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

fn strings(value: &Value) -> Option<Vec<String>> {
    let items = value.as_array()?;
    Some(
        items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
    )
}

/// Says whether a text has all the terms, whatever their case.
fn has(text: &str, terms: &[String]) -> bool {
    let text = text.to_lowercase();
    terms.iter().all(|term| text.contains(&term.to_lowercase()))
}

/// Returns the guide's command of an action, as its data have it; none where the guide has none.
pub fn guide_argv(action: &Value) -> Option<Vec<String>> {
    if let Some(argv) = strings(&action["guide_argv"]) {
        return (!argv.is_empty()).then_some(argv);
    }
    match action["kind"].as_str()? {
        "run" | "service" | "backup-directory" => strings(&action["argv"]),
        "set-config" => {
            let secret = || format!("{{secret.{}}}", action["secret"].as_str().unwrap_or("?"));
            let value = action["value"].as_str().map_or_else(secret, str::to_owned);
            let parameter = action["parameter"].as_str()?.to_owned();
            Some(vec![
                "configutil".into(),
                "-o".into(),
                parameter,
                "-v".into(),
                value,
            ])
        }
        _ => None,
    }
}

fn same(guide: &[String], action: &Value, argv: &[String]) -> bool {
    // A setting is made with the one configutil there is, wherever the guide finds it.
    let name = |word: &String| word.rsplit('/').next().unwrap_or_default().to_owned();
    let bare = action["kind"] == "set-config"
        && guide.first().map(name) == argv.first().map(name)
        && guide.get(1..) == argv.get(1..);
    bare || guide == argv
}

/// A place in a scenario: a step, and 0 or the number of an action.
type Place = (usize, usize);

/// Where to look after a place was found.
#[derive(Clone, Copy)]
enum Then {
    /// From there on, if it is a step further on.
    Begin,
    /// At the same action.
    Stay,
    /// After the action.
    GoOn,
}

struct Look<'a> {
    index: &'a Index,
    scenario: &'a Scenario,
    variant: Option<&'a str>,
    /// The steps of this variant, by where they stand in the file.
    steps: Vec<(usize, &'a Step)>,
    actions: Vec<Vec<Value>>,
    texts: Vec<Vec<String>>,
    site: Site,
    place: Place,
    found: Vec<String>,
}

impl<'a> Look<'a> {
    fn new(index: &'a Index, scenario: &'a Scenario, variant: Option<&'a str>) -> Self {
        let field = |name: &str| variant.filter(|_| name == "variant").map(str::to_owned);
        let steps = scenario.steps.iter().enumerate().filter(|(_, step)| {
            let when = step.when.as_ref();
            when.and_then(|when| when.holds(&field, &Facts::new())) != Some(false)
        });
        let actions = |step: &Step| match serde_json::to_value(&step.actions).unwrap() {
            Value::Array(actions) => actions,
            other => panic!("{other}"),
        };
        Self {
            index,
            scenario,
            variant,
            steps: steps.collect(),
            actions: scenario.steps.iter().map(actions).collect(),
            texts: scenario.steps.iter().map(texts).collect(),
            site: Site::parse("the example site", &template(&scenario.id).unwrap()).unwrap(),
            place: (0, 0),
            found: Vec::new(),
        }
    }

    fn all(&mut self) {
        let only = |only: &Option<String>| only.is_none() || only.as_deref() == self.variant;
        let parts: Vec<&Part> = self
            .index
            .parts
            .iter()
            .filter(|part| only(&part.only))
            .collect();
        let moved: Vec<&Moved> = self.index.moved.iter().filter(|m| only(&m.only)).collect();
        self.numbers(&parts, &moved);
        // What is moved is looked at on its own, from where it begins.
        for part in &parts {
            if !is_moved(part.number.as_deref(), &moved) {
                self.part(part);
            }
        }
        for group in &moved {
            self.place = (0, 0);
            for part in &parts {
                if part.number.as_deref() == Some(&group.number) {
                    self.part(part);
                }
            }
        }
    }

    fn problem(&mut self, problem: String) {
        match self.variant {
            Some(variant) => self.found.push(format!("{variant}: {problem}")),
            None => self.found.push(problem),
        }
    }

    /// Every step has a number of the guide, and says so when it is moved.
    fn numbers(&mut self, parts: &[&Part], moved: &[&Moved]) {
        for (_, step) in self.steps.clone() {
            let Step { id, guide, .. } = step;
            if !parts.iter().any(|part| part.number.as_ref() == Some(guide)) {
                self.problem(format!("the guide has no {guide} here (step `{id}`)"));
            } else if self.is_ours(step) {
            } else if is_moved(Some(guide), moved) && !says_moved(step) {
                self.problem(format!("{guide} `{id}` is moved and does not say why"));
            } else if says_moved(step) && !is_moved(Some(guide), moved) {
                self.problem(format!(
                    "{guide} `{id}` says that it is moved, the index does not"
                ));
            }
        }
    }

    /// Where a step of ours stands is told by the index for each of them.
    fn is_ours(&self, step: &Step) -> bool {
        self.index.ours.iter().any(|ours| ours.id == step.id)
    }

    /// The steps with a number, or with a letter after it.
    fn below(&self, number: &str) -> Vec<(usize, &'a Step)> {
        let letter = |rest: &str| rest.len() == 1 && rest.as_bytes()[0].is_ascii_lowercase();
        let is = |step: &Step| {
            let rest = step.guide.strip_prefix(number);
            rest.is_some_and(|rest| rest.is_empty() || letter(rest))
        };
        self.steps
            .iter()
            .copied()
            .filter(|(_, step)| is(step))
            .collect()
    }

    fn part(&mut self, part: &Part) {
        let mut of = String::new();
        for item in &part.items {
            of = item.of.first().cloned().unwrap_or(of);
            if self.index.exceptions.contains(&of) {
                continue;
            }
            let number = part.number.as_deref().unwrap_or_default();
            if self.index.not_yet.iter().any(|not| not == number) {
                continue;
            }
            let below = self.below(number);
            if let Err(problem) = self.item(item, &below) {
                self.problem(format!(
                    "{number} {:?} {of} “{}”: {problem}",
                    item.is, item.says
                ));
            }
        }
    }

    fn item(&mut self, item: &Item, below: &[(usize, &'a Step)]) -> Result<(), String> {
        match item.is {
            Is::Heading | Is::Lead | Is::Reference => return Ok(()),
            Is::Assumption => return self.assumption(item),
            _ if below.is_empty() => return Err("no step has this number".to_owned()),
            _ => {}
        }
        match item.is {
            Is::Step => {
                let all = |at: usize| {
                    let step = &self.scenario.steps[at];
                    let mut all = format!("{} {}", step.title, step.asks);
                    for action in &self.actions[at] {
                        all.push(' ');
                        all += &strings(&action["text"]).unwrap_or_default().join(" ");
                    }
                    all
                };
                if !below.iter().any(|(at, _)| has(&all(*at), &item.terms)) {
                    return Err(format!("no step tells of {:?}", item.terms));
                }
                self.go(below.iter().map(|(at, _)| (*at, 0)).collect(), Then::Begin)
            }
            Is::Command => {
                let is = |action: &Value| {
                    let argv = guide_argv(action).unwrap_or_default();
                    same(&argv, action, &item.argv)
                        || !item.fixed.is_empty() && same(&argv, action, &item.fixed)
                };
                self.acts(
                    below,
                    is,
                    Then::GoOn,
                    &format!("no action is {:?}", item.argv),
                )?;
                self.corrected(item, below)
            }
            Is::Value => {
                let secret = item
                    .secret
                    .as_ref()
                    .map(|name| format!("{{secret.{name}}}"));
                let value = item.value.clone().or(secret).unwrap_or_default();
                let parameter = item.parameter.clone().unwrap_or_default();
                let words = [
                    "configutil".into(),
                    "-o".into(),
                    parameter,
                    "-v".into(),
                    value,
                ];
                let is =
                    |action: &Value| same(&guide_argv(action).unwrap_or_default(), action, &words);
                self.acts(
                    below,
                    is,
                    Then::GoOn,
                    &format!("nothing sets {} to {}", words[2], words[4]),
                )?;
                self.told(item, below)
            }
            Is::Edit => {
                let is = |action: &Value| has(&action.to_string(), &item.terms);
                self.acts(
                    below,
                    is,
                    Then::GoOn,
                    &format!("no action has {:?}", item.terms),
                )?;
                self.corrected(item, below)
            }
            Is::Prompt => {
                let question = item.question.clone().unwrap_or_default().to_lowercase();
                let is = |action: &Value| {
                    action["answers"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .any(|entry| {
                            let prompt =
                                entry["prompt"].as_str().unwrap_or_default().to_lowercase();
                            let answer = entry["answer"].as_str().unwrap_or_default();
                            question.contains(&prompt)
                                && item.answers.iter().any(|a| a.eq_ignore_ascii_case(answer))
                        })
                };
                // One task may have the answers of several numbers.
                if !item.at.is_empty() {
                    let steps = item.at.iter().flat_map(|number| self.below(number));
                    let answered = steps.flat_map(|(at, _)| &self.actions[at]).any(is);
                    return if answered {
                        Ok(())
                    } else {
                        Err(format!("nothing answers “{question}”"))
                    };
                }
                // Several answers may be in one task.
                self.acts(
                    below,
                    is,
                    Then::Stay,
                    &format!("nothing answers “{question}”"),
                )
            }
            Is::Condition => {
                let mut without = below.iter().filter(|(_, step)| {
                    !self.is_ours(step) && !step.when.as_ref().is_some_and(|when| holds(when, item))
                });
                match without.next() {
                    Some((_, step)) => Err(format!("not in the `when` of `{}`", step.id)),
                    None => Ok(()),
                }
            }
            _ => self.told(item, below),
        }
    }

    /// Goes on to the first of these places that is not behind.
    fn go(&mut self, mut places: Vec<Place>, then: Then) -> Result<(), String> {
        places.sort_unstable();
        let here = self.place;
        let ahead = |place: &&Place| match then {
            Then::Begin => place.0 >= here.0,
            Then::Stay | Then::GoOn => **place >= here,
        };
        let Some(place) = places.iter().find(ahead) else {
            let step = &self.scenario.steps[here.0];
            return Err(format!(
                "out of its place, which is at or after `{}`",
                step.id
            ));
        };
        self.place = match then {
            Then::Begin => here.max(*place),
            Then::Stay => *place,
            Then::GoOn => (place.0, place.1 + 1),
        };
        Ok(())
    }

    fn acts(
        &mut self,
        below: &[(usize, &Step)],
        is: impl Fn(&Value) -> bool,
        then: Then,
        missing: &str,
    ) -> Result<(), String> {
        let mut places = Vec::new();
        for (at, _) in below {
            let fits = self.actions[*at]
                .iter()
                .enumerate()
                .filter(|(_, action)| is(action));
            places.extend(fits.map(|(action, _)| (*at, action)));
        }
        if places.is_empty() {
            return Err(missing.to_owned());
        }
        self.go(places, then)
    }

    fn corrected(&self, item: &Item, below: &[(usize, &Step)]) -> Result<(), String> {
        let mut corrections = below.iter().flat_map(|(_, step)| &step.corrections);
        let named = corrections.any(|c| {
            has(
                &format!("{} {} {}", c.guide, c.ours, c.why),
                &item.correction,
            )
        });
        if item.correction.is_empty() || named {
            self.told(item, below)
        } else {
            Err(format!("no correction tells of {:?}", item.correction))
        }
    }

    /// One text of these steps, or of those the item names, has all the terms.
    fn told(&self, item: &Item, below: &[(usize, &Step)]) -> Result<(), String> {
        if item.terms.is_empty() || item.is == Is::Edit {
            return Ok(());
        }
        let mut all = Vec::new();
        let other = item.at.iter().flat_map(|number| self.below(number));
        let steps: Vec<_> = if item.at.is_empty() {
            below.to_vec()
        } else {
            other.collect()
        };
        for (at, _) in steps {
            all.extend(&self.texts[at]);
        }
        if all.iter().any(|text| has(text, &item.terms)) {
            Ok(())
        } else {
            Err(format!("no text has {:?}", item.terms))
        }
    }

    fn assumption(&self, item: &Item) -> Result<(), String> {
        let assumptions = &self.scenario.assumptions;
        if !item.terms.is_empty() && !assumptions.iter().any(|text| has(text, &item.terms)) {
            return Err(format!("no assumption has {:?}", item.terms));
        }
        if let (Some(field), Some(value)) = (&item.field, &item.value) {
            let is = self.site.lookup(field);
            if is.as_ref() != Some(value) {
                return Err(format!("the example site has {is:?} as {field}"));
            }
        }
        if let Some(secret) = &item.secret {
            let steps = serde_json::to_string(&self.scenario.steps).unwrap();
            if !steps.contains(&format!("{{secret.{secret}}}")) {
                return Err(format!("no step uses the secret `{secret}`"));
            }
        }
        Ok(())
    }
}

fn is_moved(number: Option<&str>, moved: &[&Moved]) -> bool {
    moved
        .iter()
        .any(|group| Some(group.number.as_str()) == number)
}

/// Says whether a condition is a part of another one that always has to hold.
fn holds(when: &Condition, item: &Item) -> bool {
    let value = item.value.as_deref().unwrap_or_default();
    match when {
        Condition::Field(c) => item.field.as_deref() == Some(&c.field) && c.equals == value,
        Condition::Fact(c) => item.fact.as_deref() == Some(&c.fact) && c.is == value,
        Condition::All(c) => c.all.iter().any(|when| holds(when, item)),
        Condition::Any(_) | Condition::Not(_) => false,
    }
}
