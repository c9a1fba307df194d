//! What one effect does, as data: the parameters of an [`EffectSpec`].

use crate::plan::effect::EffectSpec;
use crate::scenario::Role;
use crate::scenario::action::{Draft, Edit, Entries};
use crate::store::StoreUser;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one effect does. `shown` beside it is what people are shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Work {
    /// Runs a command and proves it by checks.
    Command(Command),
    /// Exports the directory and proves the file.
    BackupDirectory(Command),
    /// Sets one parameter.
    SetConfig(SetConfig),
    /// Merges the schema.
    MergeSchema(MergeSchema),
    /// Upgrades entries.
    UpgradeEntries(UpgradeEntries),
    /// Gives entries the values that were confirmed.
    SetAttributes(SetAttributes),
    /// Applies an LDIF file.
    ApplyLdif(ApplyLdif),
    /// Changes a configuration file.
    EditFile(EditFile),
    /// Removes a folder.
    RemoveDir(RemoveDir),
    /// Removes an empty folder.
    RemoveEmpty(RemoveDir),
    /// Makes a folder.
    MakeDir(RemoveDir),
    /// Copies a file.
    CopyFile(CopyFile),
    /// Makes a link.
    Link(Link),
    /// Gives files to somebody.
    Owner(Owner),
    /// Drafts an LDIF file.
    DraftLdif(DraftLdif),
    /// Lists what the old store, or the tape, holds.
    Inventory(Inventory),
    /// Moves some users' mailboxes.
    Session(Session),
    /// Compares all mailboxes with the inventory.
    CheckMailboxes(CheckMailboxes),
    /// The operator does it.
    Instruct(Instruct),
    /// Makes one check.
    Check(Check),
    /// Waits for a check.
    WaitFor(WaitFor),
    /// Drafts a text.
    Notify(Notify),
    /// Sets a parameter back.
    RestoreConfig(RestoreConfig),
    /// Takes schema definitions out again.
    RevertSchema(Kept),
    /// Gives upgraded entries back what they were.
    RevertEntries(Kept),
    /// Takes the changes of an LDIF file back.
    RevertLdif(Kept),
    /// Puts a changed file back.
    RestoreFile(EditFile),
    /// Removes a file that this run made.
    RemoveFile(RemoveFile),
    /// Removes a copy that this run made.
    RemoveCopy(CopyFile),
    /// Removes a link that this run made.
    RemoveLink(Link),
    /// Gives files back to who had them.
    RestoreOwner(Owner),
    /// Removes the mailboxes that were moved.
    RemoveMailboxes(RemoveMailboxes),
    /// Keeps what takes a change back that the operator is about to make.
    Prepare(Prepare),
    /// The operator makes a change that the wizard would make otherwise.
    ByHand(ByHand),
}

/// What is needed before the operator makes a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prepare {
    /// The effect of the change.
    pub effect: String,
    /// The change.
    pub work: Box<Work>,
}

/// A change that the operator makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ByHand {
    /// What the operator reads.
    pub text: Vec<String>,
    /// The command, as it is started from here; none when it takes more than one.
    pub argv: Option<Vec<String>>,
    /// The change.
    pub work: Box<Work>,
}

/// Something is put back from what an artifact keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The artifact.
    pub artifact: String,
}

/// A parameter is set back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoreConfig {
    /// Where.
    pub role: Role,
    /// The tool.
    pub configutil: String,
    /// The parameter.
    pub parameter: String,
    /// The artifact with its value before.
    pub artifact: String,
}

/// A file that this run made goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoveFile {
    /// Where.
    pub role: Role,
    /// The file.
    pub path: String,
}

/// The mailboxes that were moved go from the new store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoveMailboxes {
    /// The tool that removes them.
    pub mboxutil: String,
    /// Everybody whose mail was moved.
    pub users: Vec<StoreUser>,
    /// The command on the old host that writes what it holds, and the one on the new host that lists
    /// it: the old store has to hold everything still. None where the mail is on a tape.
    pub old: Option<(Vec<String>, Vec<String>)>,
}

/// A command on a host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Where.
    pub role: Role,
    /// What.
    pub argv: Vec<String>,
    /// The checks that prove it.
    #[serde(default)]
    pub proof: Vec<String>,
    /// Where its standard output goes.
    #[serde(default)]
    pub stdout_to: Option<String>,
    /// Left out when the proof holds beforehand.
    #[serde(default)]
    pub unless_proved: bool,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetConfig {
    /// Where.
    pub role: Role,
    /// The tool.
    pub configutil: String,
    /// The parameter.
    pub parameter: String,
    /// Its value.
    #[serde(default)]
    pub value: Option<String>,
    /// The secret that is its value.
    #[serde(default)]
    pub secret: Option<String>,
}

/// The schema definitions that were confirmed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MergeSchema {
    /// The digest of what is missing.
    pub digest: String,
    /// How many definitions.
    pub definitions: usize,
}

/// The entry changes that were confirmed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpgradeEntries {
    /// Which entries.
    pub entries: Entries,
    /// Below.
    pub base_dn: String,
    /// The mail host they are to name.
    pub mail_host: String,
    /// The digest of the changes.
    pub digest: String,
    /// How many entries change.
    pub count: usize,
    /// The artifact with one line an entry: DN and digest of its change.
    pub confirmed: String,
}

/// The values that were confirmed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetAttributes {
    /// The digest of the changes.
    pub digest: String,
    /// How many entries change.
    pub count: usize,
    /// The artifact with their plans.
    pub confirmed: String,
}

/// An LDIF file on a host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApplyLdif {
    /// Where the file is.
    pub role: Role,
    /// The file.
    pub file: String,
    /// Every change has to be below this.
    pub base_dn: String,
}

/// A change of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditFile {
    /// Where.
    pub role: Role,
    /// The file.
    pub path: String,
    /// What is changed.
    pub what: Edit,
    /// To what.
    pub values: Vec<String>,
}

/// A file to be copied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CopyFile {
    /// Where.
    pub role: Role,
    /// From.
    pub from: String,
    /// To.
    pub to: String,
}

/// A link to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Where.
    pub role: Role,
    /// What it points to.
    pub target: String,
    /// The link.
    pub path: String,
}

/// Files that change hands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Owner {
    /// Where.
    pub role: Role,
    /// The folder or file, with everything below.
    pub path: String,
    /// `user:group`.
    pub owner: String,
    /// The artifact that keeps who had them; of an undo.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub artifact: String,
}

/// An LDIF file to be drafted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DraftLdif {
    /// Where the file goes.
    pub role: Role,
    /// What for.
    pub what: Draft,
    /// The file.
    pub file: String,
}

/// A folder that goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoveDir {
    /// Where.
    pub role: Role,
    /// The folder.
    pub path: String,
}

/// What is in the old store or on the tape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// The command on the old host that writes the stream; none for a tape.
    pub backup: Option<Vec<String>>,
    /// The command on the new host that lists it.
    pub list: Vec<String>,
    /// Everybody who is to be moved.
    pub users: Vec<StoreUser>,
    /// The old store is listed to hold a tape against it: nothing is restored after it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub list_only: bool,
    /// The new store is in use: that it holds mail already is noted, and no reason to stop.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
}

/// One `imbackup | imsrestore`, or one restore from tape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The command on the old host; none for a tape.
    pub backup: Option<Vec<String>>,
    /// The command on the new host.
    pub restore: Vec<String>,
    /// Who is moved.
    pub users: Vec<StoreUser>,
    /// Bytes of their mailboxes, as far as known; what the sessions are balanced by.
    pub bytes: u64,
    /// The same, where it was told in a unit that is known: how far it is can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// The file with the old ids, on the old host.
    pub user_file: Option<String>,
    /// The rename map, on the new host.
    pub rename_map: Option<String>,
    /// Its content.
    pub rename: String,
    /// A retry: what is there of these users is removed first.
    pub afresh: bool,
    /// The new store is in use: nothing of a user is removed but the twins that a broken attempt
    /// made, and its sync level is looked at first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
    /// The tool that removes it.
    pub mboxutil: String,
}

/// Everybody's mailboxes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckMailboxes {
    /// Everybody who was to be moved.
    pub users: Vec<StoreUser>,
}

/// Something a person does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instruct {
    /// What.
    pub text: Vec<String>,
    /// The command, as it is started from here; none when it cannot be.
    pub argv: Option<Vec<String>>,
    /// Prompts and answers: objects with `prompt` and `answer`; secrets are named only.
    pub answers: Vec<Value>,
    /// The checks that prove it.
    pub proof: Vec<String>,
    /// The words are recorded.
    pub evidence: bool,
    /// A change of the DNS, as `nsupdate` takes it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<String>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its id.
    pub id: String,
}

/// A check to wait for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaitFor {
    /// The check.
    pub check: String,
    /// Seconds between two looks.
    pub every_seconds: u32,
}

/// A text to people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notify {
    /// The text.
    pub text: Vec<String>,
    /// A table of the users goes with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forecast: bool,
}

impl Work {
    /// Reads an effect's parameters.
    ///
    /// # Errors
    /// When they are not ours, as a sentence.
    pub fn of(spec: &EffectSpec) -> Result<Self, String> {
        serde_json::from_value(spec.parameters.clone())
            .map_err(|e| format!("effect `{}` cannot be understood: {e}", spec.id))
    }

    /// Writes the parameters, with the command lines that people are shown.
    pub fn parameters(&self, shown: &[String]) -> Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(object) = value.as_object_mut() {
            object.insert("shown".to_owned(), shown.into());
        }
        value
    }
}
