//! A report as one HTML page that needs nothing else: no script, no font, no picture.

use super::{EffectReport, Report, StepReport, confirmed, markdown, time, took, word};
use crate::base::display_safe;
use std::fmt::Write as _;

const STYLE: &str = "body{font:15px/1.45 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}\
table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #999;padding:.2em .6em;\
text-align:left;vertical-align:top}pre{background:#eee;padding:.5em;overflow-x:auto}\
.failed{background:#fcc}.warning{background:#fec}.skipped,.not{color:#666}h2{margin-top:2em}\
.practice{background:#cdf;padding:.3em .6em}code{overflow-wrap:anywhere}";

/// Returns the report as a page.
pub fn html(report: &Report) -> String {
    let mut out = String::new();
    let title = format!("Run {}: {}", report.run, report.title);
    let _ = writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>{0}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{0}</h1>",
        safe(&title)
    );
    head(&mut out, report);
    for step in &report.steps {
        one(&mut out, step);
    }
    let _ = writeln!(
        out,
        "<h2>Artifacts</h2>\n<table><tr><th>File</th><th>Bytes</th><th>SHA-256</th></tr>"
    );
    for file in &report.artifacts {
        row(
            &mut out,
            "",
            &[&file.name, &file.bytes.to_string(), &file.sha256],
        );
    }
    let _ = writeln!(out, "</table>\n</body>\n</html>");
    out
}

fn head(out: &mut String, report: &Report) {
    let class = if report.label == "practice" {
        "practice"
    } else {
        "live"
    };
    let outcome = report.outcome.as_deref().unwrap_or("not over");
    let _ = writeln!(
        out,
        "<p class=\"{class}\">{}, <b>{}</b> {}<br>{} to {} UTC ({})</p>\n<ul>",
        safe(&report.label.to_uppercase()),
        safe(outcome),
        safe(&report.message),
        time(&report.began),
        time(&report.last),
        took(Some(&report.began), Some(&report.last))
    );
    let mut lines = vec![
        format!("Scenario: {}", report.scenario),
        format!(
            "imsmigrate {}, engine processes: {}",
            report.version, report.engines
        ),
        format!(
            "Journal: {} events, the last one's SHA-256 {}",
            report.journal.events, report.journal.head
        ),
    ];
    lines.extend(report.lab.iter().map(|lab| format!("Lab: {lab}")));
    for e in &report.evidence {
        lines.push(format!("Evidence, {} by {}: {}", time(&e.at), e.by, e.text));
    }
    for said in &report.events {
        lines.push(format!("{} {} {}", time(&said.at), said.by, said.what));
    }
    list(out, &lines);
    let _ = writeln!(
        out,
        "</ul>\n<table><tr><th>Step</th><th>What</th><th>Outcome</th><th>Took</th></tr>"
    );
    for step in &report.steps {
        let took = took(step.began.as_ref(), step.ended.as_ref());
        let outcome = word(step.outcome);
        row(out, outcome, &[&step.guide, &step.title, outcome, &took]);
    }
    let _ = writeln!(out, "</table>");
}

fn one(out: &mut String, step: &StepReport) {
    let _ = writeln!(
        out,
        "<h2>{} {}</h2>\n<ul>",
        safe(&step.guide),
        safe(&step.title)
    );
    let mut lines = vec![format!("{}: {}", word(step.outcome), step.message)];
    lines.extend(step.confirmations.iter().map(confirmed));
    lines.extend(step.warnings.iter().cloned());
    for said in &step.blocked {
        lines.push(format!("Could not begin {}: {}", time(&said.at), said.what));
    }
    for said in &step.requests {
        lines.push(format!(
            "{} asked {} for: {}",
            said.by,
            time(&said.at),
            said.what
        ));
    }
    if !step.effects.is_empty() {
        for c in &step.corrections {
            lines.push(format!("The guide: {} Here: {} {}", c.guide, c.ours, c.why));
        }
    }
    list(out, &lines);
    let _ = writeln!(out, "</ul>");
    let (sessions, others): (Vec<_>, Vec<_>) = step.effects.iter().partition(|e| e.is_session());
    if !others.is_empty() {
        let _ = writeln!(
            out,
            "<table><tr><th>Done</th><th>Outcome</th><th>Took</th></tr>"
        );
    }
    for effect in &others {
        let took = took(effect.began.as_ref(), effect.ended.as_ref());
        row(
            out,
            word(effect.outcome),
            &[&effect.summary, &said(effect), &took],
        );
    }
    if !others.is_empty() {
        let _ = writeln!(out, "</table>");
    }
    let commands: Vec<&str> = others
        .iter()
        .flat_map(|e| &e.commands)
        .map(String::as_str)
        .collect();
    if !commands.is_empty() {
        let safe: Vec<String> = commands.iter().map(|c| safe(c)).collect();
        let _ = writeln!(out, "<pre>{}</pre>", safe.join("\n"));
    }
    if !sessions.is_empty() {
        let _ = writeln!(
            out,
            "<table><tr><th>Session</th><th>Users</th><th>Bytes</th><th>Took</th>\
             <th>Outcome</th></tr>"
        );
        for effect in sessions {
            let name = effect.id.rsplit('/').next().unwrap_or(&effect.id);
            row(
                out,
                word(effect.outcome),
                &[
                    name,
                    &markdown::some(&effect.users()),
                    &effect.bytes().to_string(),
                    &took(effect.began.as_ref(), effect.ended.as_ref()),
                    &said(effect),
                ],
            );
        }
        let _ = writeln!(out, "</table>");
    }
}

/// An outcome with what was said, also of the times before.
fn said(effect: &EffectReport) -> String {
    let mut text = word(effect.outcome).to_owned();
    if !effect.message.is_empty() {
        let _ = write!(text, ": {}", effect.message);
    }
    for attempt in &effect.earlier {
        let _ = write!(
            text,
            "; before: {} {}",
            word(attempt.outcome),
            attempt.message
        );
    }
    if let Some(settled) = &effect.settled {
        let _ = write!(text, "; {settled}");
    }
    text
}

fn row(out: &mut String, class: &str, cells: &[&str]) {
    let class = class.split(' ').next().unwrap_or("");
    let _ = write!(out, "<tr class=\"{class}\">");
    for cell in cells {
        let _ = write!(out, "<td>{}</td>", safe(cell));
    }
    let _ = writeln!(out, "</tr>");
}

fn list(out: &mut String, lines: &[String]) {
    for line in lines {
        let _ = writeln!(out, "<li>{}</li>", safe(line.trim_end_matches([':', ' '])));
    }
}

/// Text in which nothing is HTML's, safe to show.
fn safe(text: &str) -> String {
    display_safe(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
