//! A plan as a commented shell script: the guide's commands, quoted; what is ours, as comments.

use super::{answer, applies, quote};
use crate::base::display_safe;
use crate::plan::fill::is_late_name;
use crate::plan::types::{Plan, PlanStep, PlannedAction};
use crate::scenario::names::{CHECKS, LATE, SECRETS};
use crate::scenario::{Action, Risk};
use std::fmt::Write as _;
use textwrap::{Options, WordSeparator, WordSplitter};

/// Returns the plan as a script for people to read and to take commands from.
pub fn shell(plan: &Plan) -> String {
    let mut body = String::new();
    for step in &plan.steps {
        one(&mut body, step);
    }
    let mut out = String::from("#!/bin/sh\n");
    comment(&mut out, &plan.title);
    comment(&mut out, &format!("Plan {}", plan.digest));
    out.push_str("#\n");
    comment(
        &mut out,
        "The guide's commands, in order, to be read and typed. It is not what imsmigrate run does: it \
         checks nothing, and it has no undo. What the wizard does itself stands here as a comment. Run \
         each command on the host that is named before it.",
    );
    out.push_str("\nPATH=");
    out.push_str(&path(plan));
    out.push_str(":$PATH\nexport PATH\n");
    out.push_str(
        "\ngate() {\n  printf '%s\\nType %s to go on: ' \"$1\" \"$2\"\n  read answer\n  \
         [ \"$answer\" = \"$2\" ] || { echo 'Stopped.'; exit 7; }\n}\n",
    );
    for (name, title) in SECRETS {
        let variable = variable(name);
        if body.contains(&format!("\"${variable}\"")) {
            let _ = write!(
                out,
                "\nprintf '%s: ' {}\nstty -echo; read {variable}; stty echo; echo\n",
                quote(title)
            );
        }
    }
    for (name, title) in LATE {
        if body.contains(&format!("\"${name}\"")) {
            let _ = write!(out, "\nprintf '%s: ' {}\nread {name}\n", quote(title));
        }
    }
    out.push_str(&body);
    out
}

/// The folders of the commands that the guide names without a folder, each once.
fn path(plan: &Plan) -> String {
    let mut folders: Vec<String> = Vec::new();
    let mut add = |folder: &str| {
        let folder = quote(folder);
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    };
    for argv in plan
        .steps
        .iter()
        .flat_map(|s| &s.actions)
        .filter_map(|a| a.argv.as_ref())
    {
        for (index, word) in argv.iter().enumerate() {
            let begins = index == 0 || argv.get(index - 1).is_some_and(|before| before == "|");
            if let Some((folder, _)) = word.rsplit_once('/')
                && begins
            {
                add(folder);
            }
        }
    }
    folders.join(":")
}

fn one(out: &mut String, step: &PlanStep) {
    let number = if step.guide == "intro" {
        "Before"
    } else {
        &step.guide
    };
    let _ = write!(out, "\n# {}\n", "-".repeat(76));
    comment(out, &format!("{number}  {} (on {})", step.title, step.host));
    comment(out, &step.asks);
    if let Some(applies) = applies(step) {
        comment(out, &applies);
    }
    for note in &step.notes {
        comment(out, &format!("Note: {note}"));
    }
    for c in &step.corrections {
        comment(
            out,
            &format!("The guide: {} Better: {} {}", c.guide, c.ours, c.why),
        );
    }
    comment(out, &format!("Undo: {}", step.undo));
    // A step that is not certain to be done has its commands commented out.
    let live = step.applies == Some(true);
    if !live {
        comment(out, "So its commands are comments here.");
    }
    if let Some(typed) = &step.gate.typed
        && live
    {
        let _ = writeln!(out, "gate {} {}", quote(&step.title), quote(typed));
    }
    for action in &step.actions {
        planned(out, action, live, step.risk);
    }
    for id in &step.checks_after {
        let question = CHECKS
            .iter()
            .find(|(known, _)| known == id)
            .map_or("", |(_, q)| *q);
        comment(out, &format!("Check {id}: {question}"));
    }
}

fn planned(out: &mut String, action: &PlannedAction, live: bool, risk: Risk) {
    comment(out, &format!("* {}", action.what));
    if let Action::Instruct(instruct) = &action.parameters {
        for asked in &instruct.answers {
            let said = answer(&asked.answer);
            comment(out, &format!("    {} -> {said}", asked.prompt));
        }
    }
    let Some(argv) = action.guide_argv.as_ref().or(action.argv.as_ref()) else {
        return;
    };
    let line: Vec<String> = argv.iter().map(|word| shell_word(word)).collect();
    let mut line = line.join(" ");
    if let Action::Run(run) = &action.parameters
        && let Some(file) = &run.stdout_to
    {
        let _ = write!(
            line,
            " > {}",
            shell_word(&file.replace('{', "<").replace('}', ">"))
        );
    }
    if live && risk < Risk::Irreversible {
        let _ = writeln!(out, "{line}");
    } else {
        let _ = writeln!(out, "# {line}");
    }
}

/// A word for the shell: names of ours become variables, everything else is quoted.
fn shell_word(word: &str) -> String {
    if word == "|" {
        return "|".to_owned();
    }
    if let Some((name, _)) = SECRETS
        .iter()
        .find(|(_, title)| word == format!("({title})"))
    {
        return format!("\"${}\"", variable(name));
    }
    let mut out = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('<') {
        match after.split_once('>') {
            Some((name, after)) if is_late_name(name) => {
                if !before.is_empty() {
                    out.push_str(&quote(before));
                }
                let _ = write!(out, "\"${name}\"");
                rest = after;
            }
            _ => break,
        }
    }
    if !rest.is_empty() || out.is_empty() {
        out.push_str(&quote(rest));
    }
    out
}

fn variable(secret: &str) -> String {
    format!("{}_PASSWORD", secret.replace('-', "_").to_uppercase())
}

fn comment(out: &mut String, text: &str) {
    let safe = display_safe(text);
    let options = Options::new(80)
        .initial_indent("# ")
        .subsequent_indent("# ")
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    for line in textwrap::wrap(&safe, options) {
        let _ = writeln!(out, "{}", line.trim_end());
    }
}
