//! What there is to be asked: id, question, whom, whether it inhibits, what to do. Pure data.

use crate::scenario::{Role, names};

/// A check, without asking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its id.
    pub id: &'static str,
    /// The question it answers.
    pub title: &'static str,
    /// Whose host it looks at.
    pub role: Role,
    /// Whether the run must not go on when it fails or cannot be told.
    pub inhibits: bool,
    /// Whether it takes long or weighs on the host: not to be asked more than once a minute.
    pub heavy: bool,
    /// What to do when it does not hold; may name fields of the site in braces.
    pub remedy: &'static str,
}

/// One row: id, role, inhibits, heavy, remedy. The questions are the scenario room's.
type Row = (&'static str, Role, bool, bool, &'static str);

/// All checks.
pub const ALL: &[Row] = &[
    (
        "ldap-answers",
        Role::Directory,
        true,
        false,
        "See that slapd runs on {directory.host}, that port {directory.port} can be reached from here, and that the password is that of {directory.bind_dn}.",
    ),
    (
        "base-dn",
        Role::Directory,
        true,
        false,
        "Correct directory.base_dn in the site: it is the suffix that SIMS kept its users below.",
    ),
    (
        "directory-backup",
        Role::Directory,
        true,
        true,
        "Make the export again: db2ldif in {directory.instance_root}.",
    ),
    (
        "schema-merged",
        Role::Directory,
        true,
        false,
        "Do the schema step again: it adds what is missing and leaves alone what is there.",
    ),
    (
        "slapd-up",
        Role::Directory,
        true,
        false,
        "Start it: {directory.instance_root}/start-slapd. When it does not come up, its log names the line of the schema it does not understand.",
    ),
    (
        "smtp-closed",
        Role::Old,
        true,
        false,
        "Wait until the last session has ended; if the job controller is gone, start it: {old.sbin}/imta start job_controller.",
    ),
    (
        "queue-empty",
        Role::Old,
        true,
        false,
        "Wait; what is left is listed by {old.sbin}/imta qm directory. HELD mail never goes out by itself: release or delete it, or it stays behind.",
    ),
    (
        "sims-stopped",
        Role::Old,
        true,
        false,
        "Stop it again: {old.sbin}/im.server stop. What is left then is ended with kill PID (never kill -9).",
    ),
    (
        "disk-space",
        Role::New,
        false,
        true,
        "Make room, or take the way over the tape (store.disk = \"tape\").",
    ),
    (
        "tape-holds-everyone",
        Role::New,
        true,
        true,
        "Write the tape again (step 5). Remove nothing before everybody is on it.",
    ),
    (
        "old-store-removed",
        Role::Old,
        true,
        false,
        "See what keeps {old.store_root} from being removed.",
    ),
    (
        "config-directory-port",
        Role::New,
        true,
        false,
        "Name another port in the site (new.config_directory_port), or see what listens there on {new.host}.",
    ),
    (
        "ims-installed",
        Role::New,
        true,
        false,
        "Run the installer, {new.installer}, to its end, with {new.server_root} as server root.",
    ),
    (
        "setup-answers",
        Role::New,
        true,
        false,
        "Remove the new server with its uninstaller and install it again with the answers of this step.",
    ),
    (
        "ims-stopped",
        Role::New,
        true,
        false,
        "Stop it again: {new.instance_root}/stop-msg. It may take minutes.",
    ),
    (
        "ims-up",
        Role::New,
        true,
        false,
        "Start it again: {new.instance_root}/start-msg. If the store does not come up nothing else does: look at {new.instance_root}/log/default first.",
    ),
    (
        "only-store-up",
        Role::New,
        true,
        false,
        "Stop all ({new.instance_root}/stop-msg), then start the store alone ({new.instance_root}/start-msg store).",
    ),
    (
        "store-stopped",
        Role::New,
        true,
        false,
        "Stop it again: {new.instance_root}/stop-msg store. It may take minutes.",
    ),
    (
        "settings",
        Role::New,
        true,
        false,
        "Do the configuration step again: it sets what is not as it should be. The configuration directory has to be up for that.",
    ),
    (
        "synclevel-0",
        Role::New,
        false,
        false,
        "Nothing is wrong with a higher level but the time it takes.",
    ),
    (
        "synclevel-default",
        Role::New,
        true,
        false,
        "Set it: {new.instance_root}/configutil -o local.store.synclevel -v -1",
    ),
    (
        "uids",
        Role::Directory,
        true,
        false,
        "Change the ids in the directory and, with them, the mailboxes of the old store before anything is moved.",
    ),
    (
        "login-separator",
        Role::New,
        true,
        false,
        "Set it: {new.instance_root}/configutil -o service.loginseparator -v SEPARATOR",
    ),
    (
        "domains-upgraded",
        Role::Directory,
        true,
        false,
        "Do step 9a again: entries that are done are left alone.",
    ),
    (
        "upgraded",
        Role::Directory,
        true,
        false,
        "Do step 9 again: entries that are done are left alone.",
    ),
    (
        "mailboxes-complete",
        Role::New,
        true,
        true,
        "Retry those who are named; the others are not touched. Never run a restore twice by hand.",
    ),
    (
        "dirsync-done",
        Role::New,
        true,
        false,
        "Run it again: {new.instance_root}/imsimta dirsync -F. If it knows nobody, look at local.ugldapbasedn.",
    ),
    (
        "relay",
        Role::New,
        true,
        false,
        "See table INTERNAL_IP in {new.instance_root}/imta/config/mappings.",
    ),
    (
        "aci-loaded",
        Role::Directory,
        true,
        false,
        "Do step 14 again: what is there is left alone.",
    ),
];

/// Describes a check; none when there is no such check.
pub fn describe(id: &str) -> Option<Description> {
    let (id, role, inhibits, heavy, remedy) = *ALL.iter().find(|row| row.0 == id)?;
    let title = names::CHECKS.iter().find(|(known, _)| *known == id)?.1;
    Some(Description {
        id,
        title,
        role,
        inhibits,
        heavy,
        remedy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_a_scenario_may_name_is_described_and_no_other() {
        let mut here: Vec<_> = ALL.iter().map(|row| row.0).collect();
        let mut there: Vec<_> = names::CHECKS.iter().map(|(id, _)| *id).collect();
        here.sort_unstable();
        there.sort_unstable();
        assert_eq!(here, there);
        assert!(here.iter().all(|id| describe(id).is_some()));
    }

    #[test]
    fn remedies_name_only_fields_of_the_site() {
        for (id, _, _, _, remedy) in ALL {
            for part in remedy.split('{').skip(1) {
                let (field, _) = part.split_once('}').unwrap();
                assert!(names::is_placeholder(field), "{id}: {field}");
            }
        }
    }
}
