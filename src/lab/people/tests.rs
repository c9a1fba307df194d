//! Tests of the rules, on a directory in memory.

use super::fake::Fake;
use super::*;

const DEFAULT: &str = "dc=siroe,dc=com,o=internet";
const HOST: &str = "mailHost: mail.siroe.com";

fn site(rules: Rules) -> Site {
    Site {
        rules,
        suffix: "o=internet".to_owned(),
        also: None,
        dc_root: "o=internet".to_owned(),
        default_dn: DEFAULT.to_owned(),
        host: "mail.siroe.com".to_owned(),
        multi: false,
        everywhere: false,
        aliases: Vec::new(),
        separators: vec!['@'],
    }
}

fn old() -> Fake {
    let mut fake = Fake::default();
    let user = "objectClass: inetMailUser";
    let group = "objectClass: inetMailGroup";
    fake.add(DEFAULT, &["objectClass: mailDomain"]);
    fake.add(
        "dc=florizel,dc=com,o=internet",
        &["objectClass: mailDomain"],
    );
    let people = format!("ou=People,{DEFAULT}");
    fake.add(
        &format!("uid=Anderson,{people}"),
        &[
            user,
            HOST,
            "uid: Anderson",
            "mail: anderson@siroe.com",
            "rfc822MailAlias: a@siroe.com",
            "userPassword: pw",
        ],
    );
    fake.add(
        &format!("uid=away,{people}"),
        &[
            user,
            HOST,
            "uid: away",
            "mail: away@siroe.com",
            "mailDeliveryOption: forward",
            "mailForwardingAddress: x@else.org",
        ],
    );
    fake.add(
        &format!("uid=gone,{people}"),
        &[
            user,
            "uid: gone",
            "mail: gone@siroe.com",
            "mailHost: new.siroe.com",
            "userPassword: pw",
        ],
    );
    fake.add(
        &format!("uid=held,{people}"),
        &[
            user,
            HOST,
            "uid: held",
            "mail: held@siroe.com",
            "mailDeliveryOption: hold",
            "mailFolderMap: LOCK",
            "userPassword: pw",
        ],
    );
    fake.add(
        &format!("uid=off,{people}"),
        &[
            user,
            HOST,
            "uid: off",
            "mail: off@siroe.com",
            "inetSubscriberStatus: inactive",
            "userPassword: pw",
        ],
    );
    fake.add(
        "uid=flo,ou=People,dc=florizel,dc=com,o=internet",
        &[
            user,
            HOST,
            "uid: flo",
            "mail: flo@florizel.com",
            "userPassword: pw",
            "inetAuthorizedServices: pop3",
        ],
    );
    fake.add(
        &format!("cn=all,ou=Groups,{DEFAULT}"),
        &[
            group,
            HOST,
            "mail: all@siroe.com",
            &format!("uniqueMember: uid=Anderson,{people}"),
            &format!("uniqueMember: cn=loop,ou=Groups,{DEFAULT}"),
            "rfc822MailMember: out@else.org",
            "rfc822MailMember: flo@florizel.com",
        ],
    );
    fake.add(
        &format!("cn=loop,ou=Groups,{DEFAULT}"),
        &[
            group,
            "mail: loop@siroe.com",
            &format!("uniqueMember: cn=all,ou=Groups,{DEFAULT}"),
        ],
    );
    fake
}

fn targets(fake: &Fake, address: &str) -> Option<Vec<Target>> {
    let found = site(Rules::Sims).targets(fake, address).unwrap();
    found.map(|t| t.into_iter().collect())
}

#[test]
fn an_alias_leads_to_the_uid_as_the_directory_writes_it() {
    let fake = old();
    let anderson = Some(vec![Target::Mailbox("Anderson".to_owned())]);
    for address in ["anderson@siroe.com", "A@Siroe.com", "a@mail.siroe.com", "a"] {
        assert_eq!(targets(&fake, address), anderson, "{address}");
    }
    assert_eq!(targets(&fake, "nobody@siroe.com"), None);
    assert_eq!(targets(&fake, "*"), None);
}

#[test]
fn delivery_options_states_and_mail_hosts_decide() {
    let fake = old();
    let one = |t: Target| Some(vec![t]);
    assert_eq!(
        targets(&fake, "away"),
        one(Target::Remote("x@else.org".to_owned()))
    );
    assert_eq!(
        targets(&fake, "gone"),
        one(Target::Elsewhere(
            "new.siroe.com".to_owned(),
            "gone@siroe.com".to_owned()
        ))
    );
    assert_eq!(
        targets(&fake, "held"),
        one(Target::Hold("held@siroe.com".to_owned()))
    );
    assert_eq!(
        targets(&fake, "off"),
        one(Target::Later("off@siroe.com".to_owned()))
    );
}

#[test]
fn groups_are_opened_even_in_a_circle() {
    let fake = old();
    assert_eq!(
        targets(&fake, "loop@siroe.com").unwrap(),
        [
            Target::Mailbox("Anderson".to_owned()),
            Target::Mailbox("flo@florizel.com".to_owned()),
            Target::Remote("out@else.org".to_owned()),
        ]
    );
}

#[test]
fn only_the_right_people_get_in() {
    let fake = old();
    let site = site(Rules::Sims);
    let login = |user: &str, password: &str| site.login(&fake, Service::Imap, user, password);
    assert_eq!(login("anderson", "pw").unwrap(), "Anderson");
    assert_eq!(login("anderson", "no"), Err(Denied::Credentials));
    assert_eq!(login("anderson", ""), Err(Denied::Credentials));
    assert_eq!(login("*", "pw"), Err(Denied::Credentials));
    let there = Denied::Elsewhere("new.siroe.com".to_owned());
    assert_eq!(login("gone", "pw"), Err(there));
    for closed in ["held", "off", "flo@florizel.com"] {
        assert_eq!(login(closed, "pw"), Err(Denied::Closed), "{closed}");
    }
    let flo = site.login(&fake, Service::Pop, "flo@florizel.com", "pw");
    assert_eq!(flo.unwrap(), "flo@florizel.com");
    let silent = Fake {
        down: true,
        ..Fake::default()
    };
    assert_eq!(
        site.login(&silent, Service::Pop, "a", "b"),
        Err(Denied::Directory)
    );
}

#[test]
fn an_entry_that_was_not_upgraded_is_nobody_to_the_new_server() {
    let mut fake = old();
    let new = site(Rules::Ims);
    assert_eq!(new.targets(&fake, "a@siroe.com").unwrap(), None);
    assert_eq!(
        new.login(&fake, Service::Imap, "anderson", "pw"),
        Err(Denied::Credentials)
    );
    fake.entries[2]
        .values
        .get_mut("objectclass")
        .unwrap()
        .push("inetLocalMailRecipient".to_owned());
    assert_eq!(
        new.login(&fake, Service::Imap, "anderson", "pw").unwrap(),
        "Anderson"
    );
}

#[test]
fn allowed_services_are_read() {
    assert!(allows("+imap:ALL$+pop:ALL", "pop"));
    assert!(allows("+ALL:*", "imap"));
    assert!(!allows("+pop:ALL", "imap"));
    assert!(!allows("-imap:*", "imap"));
}
