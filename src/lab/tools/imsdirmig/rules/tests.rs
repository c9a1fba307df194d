//! Entries before and after, rule by rule.

use super::*;

fn entry(lines: &[(&str, &str)]) -> Entry {
    let mut entry = Entry::new("uid=x,ou=People,dc=siroe,dc=com,o=internet");
    for (name, value) in lines {
        entry.push(name, *value);
    }
    entry
}

fn upgraded(kind: Kind, lines: &[(&str, &str)]) -> Entry {
    let old = entry(lines);
    let new = applied(&old, &upgrade(Source::Sims, kind, &old).unwrap());
    assert!(
        upgrade(Source::Sims, kind, &new).unwrap().is_empty(),
        "not idempotent"
    );
    new
}

#[test]
fn a_user_gets_what_ims_needs_and_keeps_what_it_is() {
    let user = upgraded(
        Kind::User,
        &[
            ("objectClass", "inetMailUser"),
            ("uid", "Anderson"),
            ("rfc822MailAlias", "a@siroe.com"),
            ("inetSubscriberStatus", "inactive"),
            ("inetAuthorizedServices", "imap"),
            ("inetAuthorizedServices", "pop3"),
            ("mailMessageStore", "/var/mail"),
            ("mailFolderMap", "Sun-MS"),
            ("mailDeliveryOption", "file"),
            ("mailDeliveryOption", "autoreply"),
            ("mailAutoReplyStartDate", "20020201000000-0800"),
            ("mailAutoReplyTimeout", "168"),
        ],
    );
    assert!(user.is_a("inetLocalMailRecipient") && user.is_a("inetMailUser"));
    assert_eq!(user.texts("mailAlternateAddress"), ["a@siroe.com"]);
    assert_eq!(user.first("inetUserStatus"), Some("inactive"));
    assert_eq!(user.first("mailUserStatus"), Some("active"));
    assert_eq!(
        user.first("mailAllowedServiceAccess"),
        Some("+imap:ALL$+pop:ALL")
    );
    assert_eq!(user.first("mailQuota"), Some("-1"));
    assert_eq!(user.texts("mailDeliveryOption"), ["autoreply"]);
    assert_eq!(user.first("mailAutoReplyMode"), Some("vacation"));
    assert_eq!(user.first("vacationStartDate"), Some("20020201080000Z"));
    assert_eq!(user.first("mailMessageStore"), None);
    assert_eq!(user.first("mailFolderMap"), None);
    assert_eq!(user.first("uid"), Some("Anderson"));
}

#[test]
fn a_list_gets_its_members_rights_and_urls() {
    let group = upgraded(
        Kind::Group,
        &[
            ("objectClass", "inetMailGroup"),
            ("rfc822MailMember", "x@y.net"),
            ("moderator", "ldap://uid=x,o=internet"),
            ("errorsTo", "postmaster@siroe.com"),
            ("expandable", "TRUE"),
            ("joinable", "false"),
            ("mailDeliveryOption", "shared"),
        ],
    );
    assert_eq!(group.first("mgrpRFC822MailMember"), Some("x@y.net"));
    assert_eq!(group.first("rfc822MailMember"), None);
    assert_eq!(
        group.first("mgrpModerator"),
        Some("ldap:///uid=x,o=internet")
    );
    assert_eq!(
        group.first("mgrpErrorsTo"),
        Some("mailto:postmaster@siroe.com")
    );
    assert_eq!(group.first("mgmanMemberVisibility"), Some("anyone"));
    assert_eq!(group.first("mgmanJoinability"), Some("NONE"));
    assert!(group.values("mailDeliveryOption").is_empty());
}

#[test]
fn a_domain_points_to_itself_and_routes_as_before() {
    let domain = upgraded(
        Kind::Domain,
        &[
            ("objectClass", "mailDomain"),
            ("mailHosts", "mail.siroe.com"),
        ],
    );
    assert_eq!(domain.first("mailRoutingHosts"), Some("mail.siroe.com"));
    assert_eq!(domain.first("inetDomainBaseDN"), Some(domain.dn.as_str()));
    assert_eq!(domain.first("inetDomainStatus"), Some("active"));
}

#[test]
fn values_without_a_meaning_stop_the_run() {
    for (name, value) in [
        ("mailQuota", "many"),
        ("mailQuota", "5MM"),
        ("mailAutoReplyTimeout", "a week"),
        ("mailAutoReplyStartDate", "tomorrow"),
    ] {
        assert!(upgrade(Source::Sims, Kind::User, &entry(&[(name, value)])).is_err());
    }
    let quota = upgraded(Kind::User, &[("mailQuota", "2T")]);
    assert_eq!(quota.first("mailQuota"), Some("2048G"));
}

#[test]
fn pairs_replace_or_add() {
    let old = entry(&[("mailHost", "old"), ("mailDeliveryOption", "forward")]);
    let pairs = [("mailhost".to_owned(), vec!["new".to_owned()])];
    let replaced = applied(&old, &assign(&old, &pairs, false));
    assert_eq!(replaced.texts("mailHost"), ["new"]);
    let added = applied(&old, &assign(&old, &pairs, true));
    assert_eq!(added.texts("mailHost"), ["old", "new"]);
    assert!(assign(&replaced, &pairs, true).is_empty());
    assert!(assign(&replaced, &pairs, false).is_empty());
}
