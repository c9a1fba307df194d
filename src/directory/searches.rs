//! The searches for what is still to do, left over or forgotten.
//!
//! With the old rules switched off the new server silently ignores an entry it does not know, so
//! these are run before that, and their answers shown by name.

/// SIMS users and groups that are not upgraded yet.
pub const SIMS_STILL_TO_DO: &str = "(&(|(objectClass=inetMailUser)(objectClass=inetMailGroup))(!(objectClass=inetLocalMailRecipient)))";
/// NMS users and groups that are not upgraded yet.
pub const NMS_STILL_TO_DO: &str = "(&(|(objectClass=mailRecipient)(objectClass=mailGroup))(!(objectClass=inetLocalMailRecipient)))";
/// Users that the new server takes.
pub const UPGRADED_USERS: &str =
    "(&(objectClass=inetLocalMailRecipient)(objectClass=inetMailUser))";
/// Groups that the new server takes.
pub const UPGRADED_GROUPS: &str =
    "(&(objectClass=inetLocalMailRecipient)(objectClass=inetMailGroup))";
/// Domains that do not say where their users are.
pub const DOMAINS_STILL_TO_DO: &str = "(&(objectClass=mailDomain)(!(inetDomainBaseDN=*)))";
/// Users the new server ignores because they have no uid.
pub const USERS_WITHOUT_UID: &str = "(&(objectClass=inetMailUser)(!(uid=*)))";
/// Users whose mail cannot be delivered because they have no mailHost.
pub const USERS_WITHOUT_HOST: &str = "(&(objectClass=inetMailUser)(!(mailHost=*)))";
/// Users still held or locked.
pub const FORGOTTEN_HOLDS: &str =
    "(|(mailDeliveryOption=hold)(mailFolderMap=LOCK)(mailUserStatus=hold))";
/// The postmaster of an NMS server, at which the vendor's tool fails.
pub const NMS_POSTMASTER: &str = "(cn=postmaster)";

/// Returns the search for domains that still name a host, under the old names and the new.
pub fn domains_on_host(host: &str) -> String {
    let host = super::search::escape_filter(host.as_bytes());
    let tests = ["preferredMailHost", "mailHosts", "mailRoutingHosts"]
        .map(|attribute| format!("({attribute}={host})"))
        .concat();
    format!("(&(objectClass=mailDomain)(|{tests}))")
}

#[cfg(test)]
mod tests {
    use ldap3::parse_filter;

    #[test]
    fn every_search_is_a_filter() {
        for filter in [
            super::SIMS_STILL_TO_DO,
            super::NMS_STILL_TO_DO,
            super::UPGRADED_USERS,
            super::UPGRADED_GROUPS,
            super::DOMAINS_STILL_TO_DO,
            super::USERS_WITHOUT_UID,
            super::USERS_WITHOUT_HOST,
            super::FORGOTTEN_HOLDS,
            super::NMS_POSTMASTER,
            &super::domains_on_host("old.siroe.com"),
            &super::domains_on_host("*)(uid=*"),
        ] {
            assert!(parse_filter(filter).is_ok(), "{filter}");
        }
        assert!(super::domains_on_host("a*").contains("(mailHosts=a\\2a)"));
    }
}
