//! Which checks make sense before a run begins. Pure: a plan in, ids out.
//!
//! Asked is what some step wants to hold before it begins and no earlier step of the run brings
//! about: a backup that step 1 makes, or a server that step 4 stops, cannot hold yet and would only
//! frighten. Of what the run itself sees to, the queues are looked at all the same: what lies in
//! them decides how long the run takes, and held mail wants a person. It informs and stops nothing.

use super::{CheckReport, Outcome};
use crate::plan::Plan;

/// Checks whose condition the run brings about, and that are worth a look before.
const INFORMS: &[(&str, &str)] = &[(
    "queue-empty",
    "The run waits until the queues are empty (step 3); held mail needs you.",
)];

/// Returns the checks to make before a run, in the order in which the plan needs them.
pub fn before_a_run(plan: &Plan) -> Vec<String> {
    let mut asked: Vec<String> = Vec::new();
    let mut brought_about: Vec<&str> = Vec::new();
    for step in plan.steps.iter().filter(|s| s.applies != Some(false)) {
        for id in &step.checks_before {
            let informs = INFORMS.iter().any(|(known, _)| known == id);
            let later = brought_about.contains(&id.as_str()) && !informs;
            if !later && !asked.contains(id) {
                asked.push(id.clone());
            }
        }
        brought_about.extend(step.checks_after.iter().map(String::as_str));
        for action in &step.actions {
            brought_about.extend(action.parameters.proof());
        }
    }
    asked
}

/// Takes the force from a check that only informs before a run; one that could not be understood
/// keeps it, for the run would stop there with mail already closed.
pub fn soften(report: CheckReport) -> CheckReport {
    match INFORMS.iter().find(|(id, _)| *id == report.id) {
        Some((_, remedy)) if report.outcome == Outcome::Failed => CheckReport {
            outcome: Outcome::Warning,
            inhibits: false,
            remedy: (*remedy).to_owned(),
            ..report
        },
        _ => report,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;
    use crate::scenario;
    use crate::site::{Disk, Site, template};

    fn asked(disk: Disk) -> Vec<String> {
        let text = template("sims-offline").unwrap();
        let mut site = Site::parse("site.toml", &text).unwrap();
        site.store.disk = disk;
        let scenario = scenario::load("sims-offline").unwrap();
        before_a_run(&plan::draft(&scenario, &site).unwrap())
    }

    #[test]
    fn only_what_no_step_brings_about_is_asked_and_the_queue() {
        let all = asked(Disk::Auto);
        for id in [
            "ldap-answers",
            "base-dn",
            "uids",
            "entries",
            "queue-empty",
            "config-directory-port",
            "disk-space",
            "directory-product",
            "mail-hosts",
            "mailbox-owners",
            "var-mail",
            "inodes",
        ] {
            assert!(all.iter().any(|a| a == id), "{id} is not in {all:?}");
        }
        assert_eq!(all.len(), 12, "{all:?}");
    }

    #[test]
    fn room_on_the_disk_is_not_asked_where_the_site_has_decided_for_the_tape() {
        assert!(!asked(Disk::Tape).iter().any(|a| a == "disk-space"));
    }

    #[test]
    fn a_full_queue_informs_and_one_not_understood_inhibits() {
        let report = |outcome| CheckReport {
            id: "queue-empty".to_owned(),
            outcome,
            inhibits: true,
            detail: String::new(),
            remedy: String::new(),
            repair: Vec::new(),
            waived: None,
            at: String::new(),
            milliseconds: 0,
        };
        let full = soften(report(Outcome::Failed));
        assert_eq!((full.outcome, full.inhibits), (Outcome::Warning, false));
        assert!(soften(report(Outcome::Unknown)).inhibits);
    }
}
