//! What an export is taken for, and what is refused.

use super::{Export, read};
use crate::lab::create::people::Mailbox;
use crate::lab::ldap::ldif::Change;
use crate::lab::world::LabError;
use std::io::Write as _;

const TREE: &str = "dn: o=internet\nobjectClass: organization\n\n\
    dn: dc=com,o=internet\nobjectClass: domain\n\n\
    dn: dc=Siroe,dc=com,o=internet\nobjectClass: mailDomain\n\n\
    dn: dc=hosted,dc=com,o=internet\nobjectClass: mailDomain\n";

fn user(uid: &str, domain: &str, more: &str) -> String {
    format!(
        "\ndn: uid={uid},dc={domain},dc=com,o=internet\nobjectClass: inetMailUser\nuid: {uid}\n\
         mail: {uid}@{domain}.com\nmailHost: mx.{domain}.com\n{more}"
    )
}

fn of(text: &str) -> Result<Export, LabError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    read(file.path(), 1, 10)
}

#[track_caller]
fn refused(text: &str, line: Option<usize>, says: &str) {
    match of(text).err().unwrap() {
        LabError::Data {
            line: at, reason, ..
        } => {
            assert_eq!(at, line, "{reason}");
            assert!(reason.contains(says), "{reason}");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn the_site_is_what_its_export_says_and_children_may_come_first() {
    let text = user("Ann", "siroe", "")
        + &user("bob", "siroe", "mailHost: other.siroe.com\n")
        + &user("Lee@hosted.com", "hosted", "")
        + "\n"
        + TREE;
    let export = of(&text).unwrap();
    assert_eq!(export.suffixes, ["o=internet"]);
    assert_eq!(export.default_dn, "dc=Siroe,dc=com,o=internet");
    assert_eq!(export.default_domain, "siroe.com");
    assert_eq!(export.mail_host, "mx.siroe.com");
    let ids: Vec<_> = export.town.residents.iter().map(|r| &r.store_id).collect();
    assert_eq!(ids, ["Ann", "bob"], "Lee is on another host");
    assert_eq!(export.records[0].dn, "o=internet");
}

#[test]
fn entries_stay_as_they_are_but_for_one_more_password_of_who_may_log_in() {
    let text = TREE.to_owned()
        + &user("ann", "siroe", "userPassword: {SHA}x\njpegPhoto:: /9j/\n")
        + &user("old", "siroe", "inetSubscriberStatus: inactive\n");
    let export = of(&text).unwrap();
    let entry = |uid: &str| {
        let record = export.records.iter().find(|r| r.dn.contains(uid)).unwrap();
        match &record.change {
            Change::Content(entry) => entry.clone(),
            other => panic!("{other:?}"),
        }
    };
    let ann = entry("uid=ann");
    let passwords = ann.texts("userPassword");
    let login = export.town.residents[0].login.as_ref().unwrap();
    assert_eq!(passwords, ["{SHA}x", login.password.as_str()]);
    assert_eq!(ann.values("jpegPhoto"), [b"\xff\xd8\xff".to_vec()]);
    assert!(entry("uid=old").values("userPassword").is_empty());
    assert!(export.town.residents[1].login.is_none());
}

#[test]
fn mail_is_queued_only_for_who_gets_it_here_and_nowhere_else() {
    let text = TREE.to_owned()
        + &user("plain", "siroe", "rfc822MailAlias: p@hosted.com\n")
        + &user(
            "both",
            "siroe",
            "mailDeliveryOption: mailbox\nmailDeliveryOption: forward\n",
        )
        + &user("twin", "siroe", "rfc822MailAlias: P2@siroe.com\n")
        + &user("twin2", "siroe", "rfc822MailAlias: p2@siroe.com\n")
        + &user("far", "siroe", "rfc822MailAlias: far@elsewhere.org\n")
        + &user("unix", "siroe", "mailFolderMap: UNIX V7\n");
    let export = of(&text).unwrap();
    let takes = |r: &&crate::lab::create::residents::Resident| r.takes_mail;
    let ids: Vec<_> = export.town.residents.iter().filter(takes).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(ids[0].store_id, "plain");
    let unix = export.town.residents.last().unwrap();
    assert!(!unix.has_inbox && unix.mailbox == Mailbox::Empty);
}

#[test]
fn a_name_no_store_takes_gets_no_mailbox_and_is_told() {
    let text = TREE.to_owned() + &user("ann", "siroe", "") + &user("a/b", "siroe", "");
    let export = of(&text).unwrap();
    assert_eq!(export.town.residents.len(), 1);
    let told = export.notes.join("\n");
    assert!(
        told.contains("uid=a/b") && told.contains("no uid"),
        "{told}"
    );
}

#[test]
fn what_cannot_be_practised_is_refused_with_its_line() {
    let ann = user("ann", "siroe", "");
    let with = |more: &str| format!("{TREE}{ann}\n{more}");
    refused("uid=ann\n", Some(1), "is it LDIF?");
    refused(&with("dn: o=internet\nnonsense\n"), Some(20), "no `:`");
    refused(TREE, None, "inetMailUser");
    refused(&with("dn: o=x\nchangetype: delete\n"), Some(19), "a change");
    refused(&with("dn: o=Internet\no: x\n"), Some(19), "first in line 1");
    refused(
        &with("dn: cn=x,ou=gone,o=internet\ncn: x\n"),
        Some(19),
        "its parent is not in the file",
    );
    refused(
        &with("dn: uid=top,o=internet\nobjectClass: inetMailUser\nuid: top\n"),
        Some(19),
        "below no mail domain",
    );
    refused(
        &with(
            "dn: dc=eng,dc=siroe,dc=com,o=internet\ndc: eng\n\n\
             dn: uid=x,dc=eng,dc=siroe,dc=com,o=internet\nobjectClass: inetMailUser\n",
        ),
        Some(22),
        "know the user as `eng.siroe.com`",
    );
    refused(
        &format!(
            "dn: o=b\no: b\n\ndn: dc=x,o=b\nobjectClass: mailDomain\n\ndn: uid=x,dc=x,o=b\nobjectClass: inetMailUser\n\n{}",
            with("")
        ),
        Some(10),
        "more than one suffix",
    );
    let many: String = (0..11)
        .map(|n| user(&format!("u{n}"), "siroe", ""))
        .collect();
    refused(&format!("{TREE}{many}"), None, "a lab takes 10");
}
