//! What a step does: the closed list of actions, as data.
//!
//! Every string may hold `{placeholders}`. A `guide_argv` is the command as the guide has it; a
//! pipeline is one vector with `|` as an element of its own. Secrets are named
//! (`{secret.directory}`), may stand in `guide_argv` and answers only, and are shown as
//! `(directory password)`.

use super::{Risk, Role};
use serde::{Deserialize, Serialize};

/// What a step does. In files and plans `kind` says which one it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Action {
    /// Runs a command.
    Run(Run),
    /// Sets one configuration parameter and reads it back.
    SetConfig(SetConfig),
    /// Starts, stops or restarts a service and proves it by state.
    Service(Service),
    /// Puts the merged schema into the directory.
    MergeSchema(MergeSchema),
    /// Upgrades directory entries to the new schema.
    UpgradeEntries(UpgradeEntries),
    /// Sets attributes of a batch's entries: hold, release, mail host.
    SetAttributes(SetAttributes),
    /// Moves mailboxes from the old store, or a tape, into the new store.
    TransferMailboxes(TransferMailboxes),
    /// Writes the directory to an LDIF file and proves that it is whole.
    BackupDirectory(BackupDirectory),
    /// Changes lines of a configuration file.
    EditFile(EditFile),
    /// Copies a file.
    CopyFile(CopyFile),
    /// Makes a symbolic link.
    Link(Link),
    /// Removes a folder and everything below it.
    RemoveDir(RemoveDir),
    /// Gives files to a user and group.
    Owner(Owner),
    /// Drafts an LDIF file from what the directory holds; nothing is changed by it.
    DraftLdif(DraftLdif),
    /// Applies an LDIF file to the directory.
    ApplyLdif(ApplyLdif),
    /// Has the operator do something; checks prove it.
    Instruct(Instruct),
    /// Drafts a message to people.
    Notify(Notify),
    /// Waits until a check holds, showing its trend.
    WaitFor(WaitFor),
    /// Puts back what an action of the same step changed; in `undo_actions` only.
    PutBack(PutBack),
}

/// Puts back what an action of the same step changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutBack {
    /// Which action of the step, from 1.
    pub action: usize,
}

/// Whether an action can be put back without being told how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reversal {
    /// It leaves nothing behind.
    Nothing,
    /// What was there before is kept, and is put back.
    PutBack,
    /// Not without `undo_actions`.
    Never,
}

/// Runs a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The role of the host, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// The command.
    pub argv: Vec<String>,
    /// The guide's command; absent: the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide_argv: Option<Vec<String>>,
    /// Ids of the checks that prove it by state.
    #[serde(default)]
    pub proof: Vec<String>,
    /// The file on that host that takes its standard output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout_to: Option<String>,
}

/// Sets one parameter with `configutil`. Exactly one of `value` and `secret` is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetConfig {
    /// The role of the host, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// The parameter, such as `local.ugldaphost`.
    pub parameter: String,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The name of the secret that is its value; set with `configutil -i FILE`, never on argv.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The guide's command; absent: `configutil -o PARAMETER -v VALUE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide_argv: Option<Vec<String>>,
    /// The field of the site, a table, for each row of which the action is done: `{partition}` and
    /// `{partition_path}` are its name and value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
}

/// What a service is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceState {
    /// Running.
    Started,
    /// Not running.
    Stopped,
    /// Running, as a new process.
    Restarted,
}

/// Starts, stops or restarts a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The role of the host, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// The service, one of [`super::names::SERVICES`].
    pub service: String,
    /// What it is to be.
    pub state: ServiceState,
    /// The command.
    pub argv: Vec<String>,
    /// The guide's command; absent: the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide_argv: Option<Vec<String>>,
    /// Ids of the checks that prove it by state.
    #[serde(default)]
    pub proof: Vec<String>,
}

/// Puts the merged schema into the directory over `cn=schema`; the guide copies files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeSchema {
    /// The role of the host, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// The guide's files, where they come from.
    pub files: Vec<String>,
    /// The guide's command.
    pub guide_argv: Vec<String>,
}

/// Which entries are upgraded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entries {
    /// Domain entries.
    Domains,
    /// User and group entries.
    UsersAndGroups,
}

/// Upgrades directory entries to the new schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpgradeEntries {
    /// The role of the host, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// Which.
    pub entries: Entries,
    /// Where the search begins.
    pub base_dn: String,
    /// The mail host that upgraded entries name.
    pub mail_host: String,
    /// Which of them; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// `attribute:value` pairs: the entries have this value of the attribute and no other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
    /// The guide's command.
    pub guide_argv: Vec<String>,
}

/// Sets attributes of entries: hold, release, mail host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetAttributes {
    /// The role of the host, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// Where the search begins.
    pub base_dn: String,
    /// Which entries below it.
    pub filter: String,
    /// `attribute:value` pairs: the attribute has this value then and no other.
    pub set: Vec<String>,
    /// Only this value of each attribute is exchanged, whatever its case; the others stay, and so
    /// does an attribute without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    /// The guide's command; empty where the guide has none.
    pub guide_argv: Vec<String>,
}

/// Where mailboxes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The old store, streamed in several sessions.
    Store,
    /// A tape, in one session.
    Tape,
}

/// Moves mailboxes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferMailboxes {
    /// The role of the host, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// Where they come from.
    pub from: Source,
    /// The new server is in use meanwhile: mailboxes may hold mail, and more comes in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
    /// The command on the old host that writes the stream; absent for a tape. `{user_file}` is the
    /// session's list of users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<Vec<String>>,
    /// The command on the new host that reads it. The element `{rename_map_option}` becomes nothing
    /// or the two elements `-u`, FILE.
    pub restore: Vec<String>,
    /// The guide's command or pipeline.
    pub guide_argv: Vec<String>,
}

/// Writes the directory to an LDIF file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupDirectory {
    /// The role of the host, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// The command.
    pub argv: Vec<String>,
    /// The guide's command; absent: the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide_argv: Option<Vec<String>>,
    /// The file it writes.
    pub file: String,
}

/// What is changed in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// The networks that may relay: one `INTERNAL_IP` line each in the new server's mappings file.
    RelayNetworks,
}

/// Changes lines of a configuration file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditFile {
    /// The role of the host, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// The file.
    pub path: String,
    /// What is changed.
    pub what: Edit,
    /// What it is changed to; an element such as `{relay.networks}` becomes one element per item.
    pub values: Vec<String>,
}

/// Copies a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyFile {
    /// The role of the host, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// From where.
    pub from: String,
    /// To where.
    pub to: String,
    /// The guide's command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide_argv: Option<Vec<String>>,
}

/// Makes a symbolic link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The role of the host, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// What it points to.
    pub target: String,
    /// The link itself.
    pub path: String,
    /// The guide's command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide_argv: Option<Vec<String>>,
}

/// Removes a folder and everything below it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveDir {
    /// The role of the host, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// The folder.
    pub path: String,
    /// Only if nothing is in it; then it can be made again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
    /// The guide's command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide_argv: Option<Vec<String>>,
}

/// Gives files to a user and group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// The role of the host, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// The folder or file; everything below it too.
    pub path: String,
    /// `user:group`.
    pub owner: String,
    /// The guide's command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide_argv: Option<Vec<String>>,
    /// As in [`SetConfig::each`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
}

/// What is drafted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Draft {
    /// `msgVanityDomain` for users who have the mail of a whole domain.
    VanityDomains,
    /// The nodes of the domain tree that say where the users of each domain are.
    DomainNodes,
}

/// Drafts an LDIF file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftLdif {
    /// The role of the host that gets the file, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// What for.
    pub what: Draft,
    /// The file.
    pub file: String,
}

/// Applies an LDIF file to the directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyLdif {
    /// The role of the host that holds the file, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// The file.
    pub file: String,
    /// The command that makes the file, its standard output going there; absent: the file is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate: Option<Vec<String>>,
    /// The suffix below which every change of the file has to be.
    pub base_dn: String,
    /// The guide's command.
    pub guide_argv: Vec<String>,
}

/// A question of a vendor's program and what to answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Words of the question by which it is known, whatever their case.
    pub prompt: String,
    /// The answer; empty: take the default. `{secret.…}` stands for a password.
    pub answer: String,
    /// Why, where it is not obvious.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Has the operator do something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instruct {
    /// The role of the host, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// What to do, one sentence or two an item.
    pub text: Vec<String>,
    /// The command the operator starts, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argv: Option<Vec<String>>,
    /// The guide's command, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide_argv: Option<Vec<String>>,
    /// What the program asks and what to answer, in its order.
    #[serde(default)]
    pub answers: Vec<Answer>,
    /// Ids of the checks that prove it was done.
    #[serde(default)]
    pub proof: Vec<String>,
    /// Whether the operator's words are recorded as evidence.
    #[serde(default)]
    pub evidence: bool,
    /// The change of the DNS that is asked for, as `nsupdate` takes it; the wizard makes none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<String>,
}

/// Drafts a message to people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// Who it goes to, in words.
    pub recipients: String,
    /// The subject.
    pub subject: String,
    /// The text, one paragraph an item.
    pub text: Vec<String>,
    /// Whether a table of the users goes with it: what each of them will notice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forecast: bool,
}

/// Waits until a check holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitFor {
    /// The role of the host, when it is not the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Role>,
    /// The id of the check.
    pub check: String,
    /// How long between two looks.
    pub every_seconds: u32,
    /// The guide's command that looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide_argv: Option<Vec<String>>,
}

impl Action {
    /// Returns the word a file has for the kind of this action.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::SetConfig(_) => "set-config",
            Self::Service(_) => "service",
            Self::MergeSchema(_) => "merge-schema",
            Self::UpgradeEntries(_) => "upgrade-entries",
            Self::SetAttributes(_) => "set-attributes",
            Self::TransferMailboxes(_) => "transfer-mailboxes",
            Self::BackupDirectory(_) => "backup-directory",
            Self::EditFile(_) => "edit-file",
            Self::CopyFile(_) => "copy-file",
            Self::Link(_) => "link",
            Self::RemoveDir(_) => "remove-dir",
            Self::Owner(_) => "owner",
            Self::DraftLdif(_) => "draft-ldif",
            Self::ApplyLdif(_) => "apply-ldif",
            Self::Instruct(_) => "instruct",
            Self::Notify(_) => "notify",
            Self::WaitFor(_) => "wait-for",
            Self::PutBack(_) => "put-back",
        }
    }

    /// Returns the role of the host it happens on, when it is not the step's.
    pub fn host(&self) -> Option<Role> {
        match self {
            Self::Run(a) => a.host,
            Self::SetConfig(a) => a.host,
            Self::Service(a) => a.host,
            Self::MergeSchema(a) => a.host,
            Self::UpgradeEntries(a) => a.host,
            Self::SetAttributes(a) => a.host,
            Self::TransferMailboxes(a) => a.host,
            Self::BackupDirectory(a) => a.host,
            Self::EditFile(a) => a.host,
            Self::CopyFile(a) => a.host,
            Self::Link(a) => a.host,
            Self::RemoveDir(a) => a.host,
            Self::Owner(a) => a.host,
            Self::DraftLdif(a) => a.host,
            Self::ApplyLdif(a) => a.host,
            Self::Instruct(a) => a.host,
            Self::Notify(_) | Self::PutBack(_) => None,
            Self::WaitFor(a) => a.host,
        }
    }

    /// Returns the least a gate may ask before this action (`design.md`, "Floors by kind").
    pub fn floor(&self) -> Risk {
        match self {
            Self::Instruct(task) if !task.dns.is_empty() => Risk::Destructive,
            Self::Run(_)
            | Self::BackupDirectory(_)
            | Self::Instruct(_)
            | Self::Notify(_)
            | Self::PutBack(_)
            | Self::WaitFor(_) => Risk::Note,
            // Into mailboxes that may not be empty.
            Self::TransferMailboxes(transfer) if transfer.live => Risk::Destructive,
            Self::Service(service) if service.state != ServiceState::Started => Risk::Destructive,
            Self::Service(_)
            | Self::SetConfig(_)
            | Self::TransferMailboxes(_)
            | Self::EditFile(_)
            | Self::CopyFile(_)
            | Self::Link(_)
            | Self::DraftLdif(_)
            | Self::Owner(_) => Risk::Change,
            Self::RemoveDir(removal) if removal.empty => Risk::Change,
            Self::MergeSchema(_)
            | Self::UpgradeEntries(_)
            | Self::SetAttributes(_)
            | Self::ApplyLdif(_) => Risk::Destructive,
            Self::RemoveDir(_) => Risk::Irreversible,
        }
    }

    /// Returns whether it can be put back without being told how.
    pub fn reversal(&self) -> Reversal {
        match self {
            Self::Run(run) if run.stdout_to.is_none() => Reversal::Nothing,
            Self::Instruct(task) if task.evidence => Reversal::Nothing,
            Self::Notify(_) | Self::WaitFor(_) | Self::PutBack(_) => Reversal::Nothing,
            Self::Run(_)
            | Self::SetConfig(_)
            | Self::MergeSchema(_)
            | Self::UpgradeEntries(_)
            | Self::SetAttributes(_)
            | Self::TransferMailboxes(_)
            | Self::BackupDirectory(_)
            | Self::EditFile(_)
            | Self::CopyFile(_)
            | Self::Link(_)
            | Self::Owner(_)
            | Self::DraftLdif(_)
            | Self::ApplyLdif(_) => Reversal::PutBack,
            Self::RemoveDir(removal) if removal.empty => Reversal::PutBack,
            Self::Service(_) | Self::Instruct(_) | Self::RemoveDir(_) => Reversal::Never,
        }
    }

    /// Returns the least a gate may ask before this action is put back.
    pub fn undo_floor(&self) -> Risk {
        match self {
            // Mailboxes are removed.
            Self::TransferMailboxes(_) => Risk::Irreversible,
            other => other.floor().max(Risk::Change),
        }
    }

    /// Returns the ids of the checks that prove this action, beside the step's own.
    pub fn proof(&self) -> Vec<&str> {
        match self {
            Self::Run(a) => a.proof.iter().map(String::as_str).collect(),
            Self::Service(a) => a.proof.iter().map(String::as_str).collect(),
            Self::Instruct(a) => a.proof.iter().map(String::as_str).collect(),
            Self::WaitFor(a) => vec![a.check.as_str()],
            _ => Vec::new(),
        }
    }
}
