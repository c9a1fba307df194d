//! What becomes of an entry of Netscape Messaging Server (`domain/directory.md` 4.7, inferred).

use super::rules::{BadValue, Upgrade, bad, holds};

/// The filter for its users.
pub const USERS: &str = "(&(objectClass=mailRecipient)(objectClass=nsMessagingServerUser))";
/// The filter for its lists.
pub const GROUPS: &str = "(objectClass=mailGroup)";

impl Upgrade<'_> {
    pub(super) fn nms_user(&mut self) -> Result<(), BadValue> {
        self.add("objectClass", "inetMailUser");
        self.default("inetUserStatus", "active");
        self.default("mailUserStatus", "active");
        // No limit is 0 there and -1 here.
        for (from, to) in [
            ("mailQuota", "mailQuota"),
            ("nsmsgNumMsgQuota", "mailMsgQuota"),
        ] {
            let Some(quota) = self.old.first(from).map(str::trim) else {
                continue;
            };
            let number: i64 = quota.parse().map_err(|_| bad(from, quota))?;
            let quota = if number == 0 { "-1" } else { quota }.to_owned();
            self.new.set(to, quota);
        }
        // A path there, a name here; where it cannot be told the default partition does.
        if self
            .old
            .first("mailMessageStore")
            .is_some_and(|p| p.starts_with('/'))
        {
            self.remove("mailMessageStore");
        }
        let services = self.old.texts("nsmsgDisallowAccess").join(",");
        let refused: Vec<&str> = [("imap", "-imap:*"), ("pop", "-pop:*")]
            .into_iter()
            .filter(|(word, _)| {
                services
                    .split([',', ' '])
                    .any(|s| s.eq_ignore_ascii_case(word))
            })
            .map(|(_, rule)| rule)
            .collect();
        if !refused.is_empty() {
            self.default("mailAllowedServiceAccess", &refused.join("$"));
        }
        if !self.old.values("mailForwardingAddress").is_empty() {
            self.add("mailDeliveryOption", "forward");
        }
        self.default("mailDeliveryOption", "mailbox");
        let answers = ["vacation", "reply", "echo"];
        if answers
            .iter()
            .any(|mode| holds(&self.new, "mailAutoReplyMode", mode))
        {
            self.add("mailDeliveryOption", "autoreply");
        }
        Ok(())
    }

    pub(super) fn nms_group(&mut self) -> Result<(), BadValue> {
        if !self.old.is_a("groupOfUniqueNames") {
            return Err(bad("objectClass", "mailGroup without groupOfUniqueNames"));
        }
        self.add("objectClass", "inetMailGroup");
        self.default("inetMailGroupStatus", "active");
        self.copy("mgrpApprovePassword", "mgrpAuthPassword");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::Source;
    use super::super::rules::{Kind, applied, upgrade};
    use crate::lab::ldap::entry::Entry;

    #[test]
    fn a_user_is_upgraded_once_and_the_postmaster_is_what_it_fails_at() {
        let mut user = Entry::new("uid=a,o=siroe.com");
        for (name, value) in [
            ("objectClass", "mailRecipient"),
            ("objectClass", "nsMessagingServerUser"),
            ("mailQuota", "0"),
            ("mailForwardingAddress", "a@b.c"),
        ] {
            user.push(name, value);
        }
        let mods = upgrade(Source::Nms, Kind::User, &user).unwrap();
        let new = applied(&user, &mods);
        assert_eq!(new.first("mailQuota"), Some("-1"));
        assert_eq!(new.texts("mailDeliveryOption"), ["forward"]);
        assert!(new.is_a("inetLocalMailRecipient") && new.is_a("inetMailUser"));
        assert!(upgrade(Source::Nms, Kind::User, &new).unwrap().is_empty());
        let mut postmaster = Entry::new("cn=postmaster,o=siroe.com");
        postmaster.push("objectClass", "mailGroup");
        let error = upgrade(Source::Nms, Kind::Group, &postmaster).unwrap_err();
        assert!(error.to_string().contains("mailGroup"), "{error}");
    }
}
