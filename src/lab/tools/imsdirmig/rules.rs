//! What becomes of a SIMS entry: the rules of `domain/directory.md` 4.6 as the vendor's tool applies them.
//!
//! The vendor's own table is not public; the reconstruction says for each rule how sure it is. Old
//! classes and attributes stay (whether the tool removes them is not known), except for those that
//! would mean something else afterwards.

use super::options::Source;
use crate::lab::ldap::entry::Entry;
use crate::lab::ldap::ldif::{Mod, ModKind};

/// Which entries are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Users.
    User,
    /// Mailing lists.
    Group,
    /// Domains.
    Domain,
}

impl Kind {
    /// Returns the filter that finds those of a product.
    pub fn filter(self, source: Source) -> &'static str {
        match self {
            Self::User if source == Source::Nms => super::nms::USERS,
            Self::Group if source == Source::Nms => super::nms::GROUPS,
            Self::User => "(objectClass=inetMailUser)",
            Self::Group => "(objectClass=inetMailGroup)",
            Self::Domain => "(objectClass=mailDomain)",
        }
    }

    fn classes(self) -> &'static [&'static str] {
        match self {
            Self::User => &[
                "inetUser",
                "ipUser",
                "userPresenceProfile",
                "inetLocalMailRecipient",
                "nsManagedPerson",
            ],
            Self::Group => &[
                "inetLocalMailRecipient",
                "inetMailGroupManagement",
                "nsManagedMailList",
            ],
            Self::Domain => &["inetDomain", "nsManagedDomain"],
        }
    }
}

/// A value that the rules cannot take over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{attribute}: invalid value `{value}`")]
pub struct BadValue {
    /// The attribute.
    pub attribute: String,
    /// Its value.
    pub value: String,
}

/// An entry on its way: what it was, and what it is to be.
pub(super) struct Upgrade<'a> {
    pub(super) old: &'a Entry,
    pub(super) new: Entry,
}

/// Returns the modifications that bring an entry up to iMS; none for one that is there already.
///
/// # Errors
/// [`BadValue`] for a value with no meaning in iMS.
pub fn upgrade(source: Source, kind: Kind, entry: &Entry) -> Result<Vec<Mod>, BadValue> {
    let mut upgrade = Upgrade {
        old: entry,
        new: entry.clone(),
    };
    for class in kind.classes() {
        upgrade.add("objectClass", class);
    }
    match kind {
        Kind::User if source == Source::Nms => upgrade.nms_user()?,
        Kind::Group if source == Source::Nms => upgrade.nms_group()?,
        Kind::User => upgrade.user()?,
        Kind::Group => upgrade.group(),
        Kind::Domain => upgrade.domain(),
    }
    Ok(difference(entry, &upgrade.new))
}

/// Returns the modifications for the pairs of `-A`.
pub fn assign(entry: &Entry, pairs: &[(String, Vec<String>)], add: bool) -> Vec<Mod> {
    let mut new = entry.clone();
    for (name, values) in pairs {
        if !add {
            new.attributes
                .retain(|a| !a.name.eq_ignore_ascii_case(name));
        }
        for value in values {
            if !holds(&new, name, value) {
                new.push(name, value.as_bytes());
            }
        }
    }
    difference(entry, &new)
}

/// Applies modifications to an entry in memory, so that the next rule sees their effect.
pub fn applied(entry: &Entry, mods: &[Mod]) -> Entry {
    let mut new = entry.clone();
    for change in mods {
        match change.kind {
            ModKind::Add => {
                for value in &change.values {
                    new.push(&change.attribute, value.clone());
                }
            }
            ModKind::Delete | ModKind::Replace => {
                new.attributes
                    .retain(|a| !a.name.eq_ignore_ascii_case(&change.attribute));
                for value in &change.values {
                    new.push(&change.attribute, value.clone());
                }
            }
        }
    }
    new
}

impl Upgrade<'_> {
    fn user(&mut self) -> Result<(), BadValue> {
        self.copy("rfc822MailAlias", "mailAlternateAddress");
        let status = self.old.first("inetSubscriberStatus").unwrap_or("active");
        self.default("inetUserStatus", &status.to_ascii_lowercase());
        self.default("mailUserStatus", "active");
        self.services();
        self.copy("inetSubscriberHttpURL", "inetUserHttpURL");
        self.quota()?;
        self.delivery(&["file", "shared"]);
        if self.new.values("mailDeliveryOption").is_empty() {
            self.add("mailDeliveryOption", "mailbox");
        }
        // Here: the folder of a /var/mail INBOX; there: the name of a partition.
        for gone in ["mailMessageStore", "mailFolderMap", "mailDeliveryFile"] {
            self.remove(gone);
        }
        self.date("mailAutoReplyStartDate", "vacationStartDate")?;
        self.date("mailAutoReplyExpirationDate", "vacationEndDate")?;
        if holds(&self.new, "mailDeliveryOption", "autoreply") {
            self.default("mailAutoReplyMode", "vacation");
        }
        if let Some(hours) = self.old.first("mailAutoReplyTimeout")
            && hours.parse::<u32>().is_err()
        {
            return Err(bad("mailAutoReplyTimeout", hours));
        }
        Ok(())
    }

    fn group(&mut self) {
        self.copy("rfc822MailAlias", "mailAlternateAddress");
        // iMS understands both names, but not in one group.
        self.copy("rfc822MailMember", "mgrpRFC822MailMember");
        self.remove("rfc822MailMember");
        self.copy("membershipFilter", "mgrpDeliverTo");
        self.copy_urls("moderator", "mgrpModerator");
        self.copy_urls("errorsTo", "mgrpErrorsTo");
        self.copy("authorizedSubmitter", "mgrpAllowedBroadcaster");
        self.copy("unauthorizedSubmitter", "mgrpDisallowedBroadcaster");
        self.copy("authorizedDomain", "mgrpAllowedDomain");
        self.copy("unauthorizedDomain", "mgrpDisallowedDomain");
        self.truth("expandable", "mgmanMemberVisibility", ("anyone", "none"));
        self.truth("joinable", "mgmanJoinability", ("ALL", "NONE"));
        if let Some(file) = self.old.first("mailDeliveryFile") {
            self.default("mailDeliveryFileURL", &format!("file://{file}"));
            self.remove("mailDeliveryFile");
        }
        self.delivery(&["shared"]);
        self.default("inetMailGroupStatus", "active");
    }

    fn domain(&mut self) {
        self.copy("mailHosts", "mailRoutingHosts");
        let dn = self.old.dn.clone();
        self.default("inetDomainBaseDN", &dn);
        self.default("inetDomainStatus", "active");
        self.default("mailDomainStatus", "active");
    }

    /// `imap`, `pop3s`, … as one access rule; no services at all mean that all are open.
    fn services(&mut self) {
        let services = self.old.texts("inetAuthorizedServices");
        if services.is_empty() {
            return;
        }
        let among = |names: &[&str]| {
            services
                .iter()
                .any(|s| names.iter().any(|n| s.trim().eq_ignore_ascii_case(n)))
        };
        let mut rules = Vec::new();
        if among(&["imap", "imaps"]) {
            rules.push("+imap:ALL");
        }
        if among(&["pop3", "pop3s", "pop3r"]) {
            rules.push("+pop:ALL");
        }
        let rule = if rules.is_empty() {
            "-imap:*$-pop:*$-http:*".to_owned()
        } else {
            rules.join("$")
        };
        self.default("mailAllowedServiceAccess", &rule);
    }

    /// No quota means unlimited in SIMS but the server's default in iMS; tera is not known to iMS.
    fn quota(&mut self) -> Result<(), BadValue> {
        let Some(quota) = self.old.first("mailQuota").map(str::trim) else {
            self.add("mailQuota", "-1");
            return Ok(());
        };
        let digits = quota.trim_end_matches(['K', 'M', 'G', 'T', 'k', 'm', 'g', 't']);
        let number: i64 = digits.parse().map_err(|_| bad("mailQuota", quota))?;
        if quota.len() > digits.len() + 1 {
            return Err(bad("mailQuota", quota));
        }
        if quota.ends_with(['T', 't']) {
            self.new
                .set("mailQuota", format!("{}G", number.saturating_mul(1024)));
        }
        Ok(())
    }

    fn delivery(&mut self, gone: &[&str]) {
        let kept: Vec<String> = self
            .old
            .texts("mailDeliveryOption")
            .iter()
            .filter(|value| !gone.iter().any(|g| value.trim().eq_ignore_ascii_case(g)))
            .map(|value| (*value).to_owned())
            .collect();
        self.remove("mailDeliveryOption");
        for value in kept {
            self.new.push("mailDeliveryOption", value);
        }
    }

    /// A generalized time, its offset taken into account, as `YYYYMMDDHHMMSSZ`.
    fn date(&mut self, from: &str, to: &str) -> Result<(), BadValue> {
        let Some(text) = self.old.first(from) else {
            return Ok(());
        };
        let time = generalized_time(text).ok_or_else(|| bad(from, text))?;
        self.default(to, &time);
        Ok(())
    }

    fn truth(&mut self, from: &str, to: &str, words: (&str, &str)) {
        if let Some(value) = self.old.first(from) {
            let word = if value.trim().eq_ignore_ascii_case("true") {
                words.0
            } else {
                words.1
            };
            self.default(to, word);
        }
    }

    pub(super) fn copy(&mut self, from: &str, to: &str) {
        for value in self.old.values(from) {
            self.add_bytes(to, value);
        }
    }

    /// As [`Self::copy`], with `ldap://DN` as `ldap:///DN` and a bare address as `mailto:`.
    fn copy_urls(&mut self, from: &str, to: &str) {
        for value in self.old.texts(from) {
            let url = match value.strip_prefix("ldap://") {
                Some(dn) if !dn.starts_with('/') && dn.contains('=') => format!("ldap:///{dn}"),
                None if value.contains('@') && !value.contains(':') => format!("mailto:{value}"),
                _ => value.to_owned(),
            };
            self.add(to, &url);
        }
    }

    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.add_bytes(name, value.as_bytes());
    }

    fn add_bytes(&mut self, name: &str, value: &[u8]) {
        let there = self
            .new
            .values(name)
            .iter()
            .any(|v| v.eq_ignore_ascii_case(value));
        if !there {
            self.new.push(name, value);
        }
    }

    /// Sets a value where there is none.
    pub(super) fn default(&mut self, name: &str, value: &str) {
        if self.new.values(name).is_empty() {
            self.new.push(name, value);
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.new
            .attributes
            .retain(|a| !a.name.eq_ignore_ascii_case(name));
    }
}

pub(super) fn bad(attribute: &str, value: &str) -> BadValue {
    BadValue {
        attribute: attribute.to_owned(),
        value: value.to_owned(),
    }
}

pub(super) fn holds(entry: &Entry, name: &str, value: &str) -> bool {
    entry
        .texts(name)
        .iter()
        .any(|v| v.trim().eq_ignore_ascii_case(value))
}

/// `20020201000000-0800` → `20020201080000Z`.
fn generalized_time(text: &str) -> Option<String> {
    let digits = text.get(..14)?;
    let zone = match text.get(14..)? {
        "" | "Z" => "+0000",
        zone => zone,
    };
    let time = jiff::fmt::strtime::parse("%Y%m%d%H%M%S%z", format!("{digits}{zone}"))
        .ok()?
        .to_timestamp()
        .ok()?;
    Some(time.strftime("%Y%m%d%H%M%SZ").to_string())
}

/// The modifications between two states, one attribute at a time; only added values become an add.
fn difference(old: &Entry, new: &Entry) -> Vec<Mod> {
    let mut mods = Vec::new();
    for attribute in &new.attributes {
        let before = old.values(&attribute.name);
        if before == attribute.values {
            continue;
        }
        let (kind, values) = if attribute.values.starts_with(before) {
            let added = attribute.values.get(before.len()..).unwrap_or_default();
            (ModKind::Add, added.to_vec())
        } else {
            (ModKind::Replace, attribute.values.clone())
        };
        mods.push(Mod {
            kind,
            attribute: attribute.name.clone(),
            values,
        });
    }
    for attribute in &old.attributes {
        if new.position(&attribute.name).is_none() {
            mods.push(Mod {
                kind: ModKind::Delete,
                attribute: attribute.name.clone(),
                values: Vec::new(),
            });
        }
    }
    mods
}

#[cfg(test)]
mod tests;
