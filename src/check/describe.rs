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
    /// The command that usually mends it, on the host of its role, with fields in braces; empty
    /// where none does, or where which one depends on what was found.
    pub repair: &'static [&'static str],
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
        "directory-product",
        Role::Directory,
        false,
        false,
        "Nothing, when you know that this server takes the merged schema; practise on a copy of it otherwise.",
    ),
    (
        "mail-hosts",
        Role::Directory,
        true,
        false,
        "Change these values to {new.host}, or name what else the new server is called in the site (new.aliases). A name that only points at it makes mail go round in circles.",
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
        "inodes",
        Role::New,
        true,
        false,
        "Make room: remove what can go, or give the new store a file system with more inodes.",
    ),
    (
        "var-mail",
        Role::Old,
        true,
        false,
        "imbackup does not see it: have them move it into the message store, or take the files away and give them to imsimport after the move.",
    ),
    (
        "mailbox-owners",
        Role::Old,
        true,
        true,
        "Give each an entry in the directory if its mail is wanted; it stays on the tape and in the old store otherwise.",
    ),
    (
        "folder-names",
        Role::Old,
        false,
        false,
        "Nothing is lost: tell the users which of their folders have another name now.",
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
        "entries",
        Role::Directory,
        true,
        true,
        "Put the entries right in the directory first; the upgrade leaves none of them out.",
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
        "relay-answers",
        Role::New,
        true,
        false,
        "See table INTERNAL_IP in {new.instance_root}/imta/config/mappings; the dispatcher reads it when it starts.",
    ),
    (
        "aci-loaded",
        Role::Directory,
        true,
        false,
        "Do step 14 again: what is there is left alone.",
    ),
    (
        "smtp-open",
        Role::Old,
        true,
        false,
        "Start it: {old.sbin}/imta start dispatcher.",
    ),
    (
        "sims-up",
        Role::Old,
        true,
        false,
        "Start it: {old.sbin}/im.server start. What does not come up has a log below the queue.",
    ),
    (
        "ims-removed",
        Role::New,
        true,
        false,
        "Run {new.server_root}/uninstall again, or look at what it left in {new.server_root}.",
    ),
    (
        "old-address-pinned",
        Role::Old,
        true,
        false,
        "Write the old host's IP address into the site (address of its [[hosts]], and ssh_destination where it is a name): once its name means the new host, commands by name would go there.",
    ),
    (
        "dns-ttl",
        Role::Old,
        false,
        false,
        "Lower the TTL of {old.host} days before its address changes.",
    ),
    (
        "dns-records",
        Role::Old,
        false,
        false,
        "Put the records right before the change: an A for each server, a PTR for each address, an MX that names a host with an A and no alias.",
    ),
    (
        "dns-moved",
        Role::New,
        true,
        false,
        "Give {old.host} an A record with the address of {new.host}, on the name server itself, and wait until it answers so.",
    ),
    (
        "dns-as-before",
        Role::Old,
        true,
        false,
        "Give {old.host} an A record with {old.address} again, and no other.",
    ),
    (
        "domain-hosts",
        Role::Directory,
        true,
        false,
        "Do step 9h again: it exchanges {old.host} in mailHosts, preferredMailHost and mailRoutingHosts.",
    ),
    (
        "old-boot-scripts",
        Role::Old,
        true,
        false,
        "Move them out of /etc/rc2.d and /etc/rc3.d: at the next boot SIMS would take the new server's ports.",
    ),
    (
        "one-mail-host",
        Role::Directory,
        true,
        false,
        "This procedure moves one server to another. Move entries of other hosts on their own, or correct them; what else the old server is called goes into the site (old.aliases).",
    ),
    (
        "room-for-both",
        Role::New,
        true,
        true,
        "Make room on {new.host}: this procedure has no way over a tape.",
    ),
    (
        "smtp-refused",
        Role::Old,
        true,
        false,
        "Stop it again: {old.instance_root}/stop-msg smtp. A session that is open keeps it for a while.",
    ),
    (
        "nms-stopped",
        Role::Old,
        true,
        false,
        "Stop it again: {old.instance_root}/stop-msg. What is left then is ended with kill PID (never kill -9). A boot script that runs /usr/lib/sendmail -bd starts it anew.",
    ),
    (
        "nms-up",
        Role::Old,
        true,
        false,
        "Start it again: {old.instance_root}/start-msg.",
    ),
    (
        "nms-store",
        Role::Old,
        true,
        false,
        "Name every partition in the site (old.partitions) as {old.instance_root}/configutil -p store.partition lists them: one that is forgotten loses its users' mail without a word.",
    ),
    (
        "domain-tree",
        Role::Directory,
        true,
        false,
        "Run {old.dssetup} again with the answers of this step; run twice it does no harm.",
    ),
    (
        "vanity-domains",
        Role::Directory,
        true,
        false,
        "Do step 5 again, or give these entries the class msgVanityDomainUser and the attribute msgVanityDomain by hand.",
    ),
    (
        "default-organization",
        Role::New,
        true,
        false,
        "Remove the new server with its uninstaller and install it again, taking the default for the default organization DN.",
    ),
    (
        "namespace",
        Role::Directory,
        true,
        false,
        "Do step 9 again, or set inetDomainBaseDN of the nodes named by hand.",
    ),
    (
        "store-fresh",
        Role::New,
        true,
        false,
        "Have these users' mail copied elsewhere first, or install the new server anew: its mailbox list is about to be replaced.",
    ),
    (
        "taken-over",
        Role::New,
        true,
        false,
        "Do the step that is named again. Do not start the new store before this holds: it changes the old one's files for good.",
    ),
    (
        "mailboxes-kept",
        Role::New,
        true,
        true,
        "Look with {new.server_root}/bin/msg/admin/bin/reconstruct -n -r; what is on disk and not in the list comes back with reconstruct -m.",
    ),
    (
        "quotas",
        Role::New,
        true,
        false,
        "Run reconstruct -q again, as {new.mail_user} and with CONFIGROOT set, then iminitquota -a.",
    ),
    (
        "postmasters",
        Role::New,
        true,
        false,
        "Give each of these domains a postmaster: an address (mailAlternateAddress) of an upgraded user or group. Then {new.instance_root}/imsimta dirsync -F.",
    ),
    (
        "no-new-mail",
        Role::New,
        true,
        true,
        "It would be lost on the way back. Go forward again, or have these users fetch it first.",
    ),
];

/// The commands that usually mend a check that does not hold.
const REPAIRS: &[(&str, &[&str])] = &[
    ("slapd-up", &["{directory.instance_root}/start-slapd"]),
    ("sims-stopped", &["{old.sbin}/im.server", "stop"]),
    ("ims-stopped", &["{new.instance_root}/stop-msg"]),
    ("smtp-open", &["{old.sbin}/imta", "start", "dispatcher"]),
    ("sims-up", &["{old.sbin}/im.server", "start"]),
    ("ims-up", &["{new.instance_root}/start-msg"]),
    ("store-stopped", &["{new.instance_root}/stop-msg", "store"]),
    (
        "synclevel-default",
        &[
            "{new.instance_root}/configutil",
            "-o",
            "local.store.synclevel",
            "-v",
            "-1",
        ],
    ),
    (
        "dirsync-done",
        &["{new.instance_root}/imsimta", "dirsync", "-F"],
    ),
    (
        "relay-answers",
        &["{new.instance_root}/imsimta", "restart", "dispatcher"],
    ),
];

/// Describes a check; none when there is no such check.
pub fn describe(id: &str) -> Option<Description> {
    let (id, role, inhibits, heavy, remedy) = *ALL.iter().find(|row| row.0 == id)?;
    let title = names::CHECKS.iter().find(|(known, _)| *known == id)?.1;
    let repair = REPAIRS.iter().find(|(known, _)| *known == id);
    Some(Description {
        id,
        title,
        role,
        inhibits,
        heavy,
        remedy,
        repair: repair.map_or(&[][..], |(_, argv)| argv),
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
        let repairs = REPAIRS.iter().map(|(id, argv)| {
            assert!(describe(id).is_some(), "{id}");
            (id, argv.join(" "))
        });
        let remedies = ALL.iter().map(|row| (&row.0, row.4.to_owned()));
        for (id, text) in remedies.chain(repairs) {
            for part in text.split('{').skip(1) {
                let (field, _) = part.split_once('}').unwrap();
                assert!(names::is_placeholder(field), "{id}: {field}");
            }
        }
    }
}
