//! Questions with a live answer: `ok`, `warning`, `failed`, `unknown`; one file a check family.
//!
//! [`run`] asks one by its id, against a [`CheckContext`] of hosts, directory and what the run knows.
//! A check changes nothing. It reads state and never a confirmation sentence; what cannot be told is
//! `unknown`, never `ok`.

mod back;
pub mod before;
mod config;
mod context;
pub mod describe;
mod directory;
mod disk;
mod dns;
mod hosts;
mod mail;
pub mod namespace;
mod new;
mod nms;
mod old;
pub mod people;
pub mod processes;
mod product;
mod queue;
mod relay;
mod strays;
mod takeover;

pub use context::{CheckContext, Setting};
pub use describe::{Description, describe};
pub use disk::{Room, room};

use crate::base::display_safe;
use crate::directory::DirectoryError;
use crate::host::HostError;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It will do, with something to look at.
    Warning,
    /// It cannot be told.
    Unknown,
    /// Not as it should be.
    Failed,
}

/// A check's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Which check.
    pub id: String,
    /// What it found.
    pub outcome: Outcome,
    /// Whether the run must not go on with this outcome.
    pub inhibits: bool,
    /// What it saw, in a sentence; safe to show.
    pub detail: String,
    /// What to do about it; empty when all is well.
    pub remedy: String,
    /// The command that mends it, on the host of the check's role, where one command does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repair: Vec<String>,
    /// Why it does not hold the run up though it could not be told, in the words of who said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<String>,
    /// When it was asked, UTC.
    #[serde(default)]
    pub at: String,
    /// How long it took.
    pub milliseconds: u64,
}

impl CheckReport {
    /// Takes a waiver: what could not be told, or only warns, no longer inhibits. What has failed
    /// stays as it is, and says so.
    #[must_use]
    pub fn waive(mut self, reason: &str) -> Self {
        match self.outcome {
            Outcome::Unknown | Outcome::Warning => {
                self.inhibits = false;
                self.waived = Some(display_safe(reason).into_owned());
            }
            Outcome::Failed if self.inhibits => {
                if !self.remedy.is_empty() {
                    self.remedy.push(' ');
                }
                self.remedy
                    .push_str("It has failed: that cannot be waived.");
            }
            Outcome::Failed | Outcome::Ok => {}
        }
        self
    }
}

/// What a check has to say, before it is put into a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    pub(crate) detail: String,
    pub(crate) remedy: Option<String>,
    pub(crate) repair: Option<Vec<String>>,
}

impl Answer {
    fn new(outcome: Outcome, detail: impl Into<String>) -> Self {
        Self {
            outcome,
            detail: detail.into(),
            remedy: None,
            repair: None,
        }
    }

    pub(crate) fn ok(detail: impl Into<String>) -> Self {
        Self::new(Outcome::Ok, detail)
    }

    pub(crate) fn warning(detail: impl Into<String>) -> Self {
        Self::new(Outcome::Warning, detail)
    }

    pub(crate) fn failed(detail: impl Into<String>) -> Self {
        Self::new(Outcome::Failed, detail)
    }

    pub(crate) fn unknown(detail: impl Into<String>) -> Self {
        Self::new(Outcome::Unknown, detail)
    }

    /// Output that was not understood, shown to a person.
    pub(crate) fn not_understood(what: &str, raw: &str) -> Self {
        let first: String = raw.trim().chars().take(300).collect();
        Self::unknown(format!(
            "{what} said something that was not understood: {}",
            display_safe(&first)
        ))
    }

    /// Says what to do in place of the check's usual remedy.
    pub(crate) fn advise(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Says which command mends it in place of the check's usual one; an empty one: none does.
    pub(crate) fn mend<const N: usize>(mut self, argv: [&str; N]) -> Self {
        self.repair = Some(argv.map(str::to_owned).to_vec());
        self
    }
}

impl From<HostError> for Answer {
    fn from(error: HostError) -> Self {
        use crate::base::Hint as _;
        let answer = Self::unknown(error.to_string());
        match error.hints().into_iter().next() {
            Some(hint) => answer.advise(hint),
            None => answer,
        }
    }
}

impl From<DirectoryError> for Answer {
    fn from(error: DirectoryError) -> Self {
        use crate::base::Hint as _;
        let answer = Self::failed(error.to_string());
        match error.hints().into_iter().next() {
            Some(hint) => answer.advise(hint),
            None => answer,
        }
    }
}

/// A check's own result: an answer either way, so that `?` hands on what went wrong.
pub(crate) type Asked = Result<Answer, Answer>;

/// Asks one check.
///
/// An id that is not in [`describe::ALL`] is answered with `unknown`.
pub async fn run(id: &str, context: &CheckContext) -> CheckReport {
    let begin = Instant::now();
    let at = format!("{:.3}", jiff::Timestamp::now());
    let asked = ask(id, context).await;
    let answer = asked.unwrap_or_else(|answer| answer);
    let description = describe(id);
    let bad = matches!(answer.outcome, Outcome::Failed | Outcome::Unknown);
    let usual = || description.map(|d| context.fill(d.remedy));
    let remedy = match answer.outcome {
        Outcome::Ok => String::new(),
        _ => answer.remedy.or_else(usual).unwrap_or_default(),
    };
    let mends = || {
        let argv = description.map(|d| d.repair).unwrap_or_default();
        argv.iter().map(|word| context.fill(word)).collect()
    };
    let repair = match answer.outcome {
        Outcome::Failed => answer.repair.unwrap_or_else(mends),
        _ => Vec::new(),
    };
    CheckReport {
        id: id.to_owned(),
        outcome: answer.outcome,
        inhibits: bad && description.is_none_or(|d| d.inhibits),
        detail: answer.detail,
        remedy,
        repair,
        waived: None,
        at,
        milliseconds: u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

fn is_nms(context: &CheckContext) -> bool {
    context.site.product() == crate::scenario::Product::Nms
}

/// How many messages are in Netscape's queue; for a gate.
///
/// # Errors
/// Why it cannot be told.
pub async fn nms_queue(context: &CheckContext) -> Result<usize, String> {
    nms::queued(context).await.map_err(|answer| answer.detail)
}

async fn ask(id: &str, context: &CheckContext) -> Asked {
    match id {
        "ldap-answers" => directory::answers(context).await,
        "slapd-up" => directory::up(context).await,
        "base-dn" => directory::base_dn(context).await,
        "directory-product" => product::product(context).await,
        "mail-hosts" => hosts::mail_hosts(context).await,
        "entries" => directory::entries(context).await,
        "directory-backup" => directory::backup(context).await,
        "schema-merged" => directory::schema_merged(context).await,
        "domains-upgraded" => directory::upgraded(context, true).await,
        "upgraded" => directory::upgraded(context, false).await,
        "aci-loaded" => directory::aci_loaded(context).await,
        "smtp-closed" if is_nms(context) => nms::smtp_closed(context).await,
        "queue-empty" if is_nms(context) => nms::queue_empty(context).await,
        "uids" if is_nms(context) => nms::uids(context).await,
        "smtp-refused" => nms::smtp_refused(context).await,
        "nms-stopped" => nms::stopped(context).await,
        "nms-up" => nms::up(context).await,
        "nms-store" => nms::store(context).await,
        "domain-tree" => namespace::tree(context).await,
        "vanity-domains" => namespace::vanity(context).await,
        "default-organization" => new::default_organization(context).await,
        "namespace" => namespace::nodes(context).await,
        "store-fresh" => takeover::fresh(context).await,
        "taken-over" => takeover::taken_over(context).await,
        "mailboxes-kept" => takeover::mailboxes_kept(context).await,
        "quotas" => takeover::quotas(context).await,
        "postmasters" => namespace::postmasters(context).await,
        "uids" => directory::uids(context).await,
        "smtp-closed" => queue::smtp_closed(context).await,
        "queue-empty" => queue::empty(context).await,
        "sims-stopped" => old::stopped(context).await,
        "old-store-removed" => old::store_removed(context).await,
        "disk-space" | "room-for-both" => disk::space(context).await,
        "domain-hosts" => hosts::domain_hosts(context).await,
        "old-address-pinned" => dns::pinned(context),
        "dns-ttl" => dns::ttl(context).await,
        "dns-records" => dns::records(context).await,
        "dns-moved" => dns::moved(context).await,
        "dns-as-before" => dns::as_before(context).await,
        "old-boot-scripts" => old::boot_scripts(context).await,
        "one-mail-host" => hosts::one_mail_host(context).await,
        "inodes" => disk::inodes(context).await,
        "var-mail" => strays::var_mail(context).await,
        "mailbox-owners" => strays::owners(context).await,
        "folder-names" => Ok(strays::folder_names(context)),
        "config-directory-port" => new::config_port(context).await,
        "ims-installed" => new::installed(context).await,
        "setup-answers" => new::setup_answers(context).await,
        "ims-stopped" => new::stopped(context).await,
        "ims-up" => new::up(context).await,
        "only-store-up" => new::only_store(context).await,
        "store-stopped" => new::store_stopped(context).await,
        "settings" => config::settings(context).await,
        "synclevel-0" => config::synclevel(context, "0").await,
        "synclevel-default" => config::synclevel(context, "-1").await,
        "login-separator" => config::login_separator(context).await,
        "mailboxes-complete" => mail::complete(context).await,
        "tape-holds-everyone" => mail::tape(context).await,
        "dirsync-done" => mail::dirsync(context).await,
        "relay" => relay::table(context).await,
        "relay-answers" => relay::live(context).await,
        "smtp-open" => back::smtp_open(context).await,
        "sims-up" => back::sims_up(context).await,
        "ims-removed" => back::ims_removed(context).await,
        "no-new-mail" => back::no_new_mail(context).await,
        _ => Err(Answer::unknown(format!(
            "there is no check called `{}`",
            display_safe(id)
        ))),
    }
}

/// Names the first few of many things.
pub(crate) fn some<S: AsRef<str>>(names: &[S]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<_> = names
        .iter()
        .take(SHOWN)
        .map(|n| display_safe(n.as_ref()).into_owned())
        .collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests;
