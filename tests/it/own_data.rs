//! A lab from a site's own directory export and messages: moved clean, or refused by name.

use super::place::{Place, talk};
use imsmigrate::lab::ldap::Entry;
use imsmigrate::lab::ldap::ldif::write_entry;
use imsmigrate::lab::ldap::load::read_entries;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SUFFIX: &str = "o=isp";
const HOST: &str = "mx1.florizel.com";

/// An export in the making.
#[derive(Default)]
struct Ldif(Vec<u8>);

impl Ldif {
    fn entry(&mut self, dn: &str, classes: &[&str], values: &[(&str, &[u8])]) {
        let mut entry = Entry::new(dn);
        for class in classes {
            entry.push("objectclass", *class);
        }
        for (name, value) in values {
            entry.push(name, *value);
        }
        write_entry(&mut self.0, &entry);
    }

    fn user(&mut self, uid: &str, domain: &str, more: &[(&str, &[u8])]) {
        const CLASSES: [&str; 7] = [
            "top",
            "person",
            "organizationalPerson",
            "inetOrgPerson",
            "inetSubscriber",
            "inetMailUser",
            "inetMailRouting",
        ];
        let mail = format!("{}@{domain}", uid.replace([' ', '@'], "."));
        let mut values: Vec<(&str, &[u8])> = vec![
            ("cn", uid.as_bytes()),
            ("sn", b"Someone"),
            ("uid", uid.as_bytes()),
            ("userpassword", b"{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0"),
            ("mail", mail.as_bytes()),
            ("mailhost", HOST.as_bytes()),
            ("inetMailUserVersion", b"1.0"),
        ];
        values.extend(more);
        let dn = format!("uid={uid},ou=People,{}", domain_dn(domain));
        self.entry(&dn, &CLASSES, &values);
    }

    fn write(&self, place: &Place, name: &str) -> PathBuf {
        let path = place.dir.path().join(name);
        std::fs::write(&path, [b"version: 1\n\n", self.0.as_slice()].concat()).unwrap();
        path
    }
}

fn domain_dn(domain: &str) -> String {
    let parts: Vec<String> = domain.split('.').map(|p| format!("dc={p}")).collect();
    format!("{},{SUFFIX}", parts.join(","))
}

/// What may be in a site's directory and can be moved, odd as it is.
fn odd_export() -> Ldif {
    let mut ldif = Ldif::default();
    let aci: &[u8] =
        b"(targetattr=\"*\")(version 3.0; acl \"all\"; allow (read) userdn=\"ldap:///anyone\";)";
    let kept = [
        ("aci", aci),
        ("creatorsname", b"cn=Directory Manager"),
        ("modifytimestamp", b"20011123120000Z"),
    ];
    ldif.entry(SUFFIX, &["top", "organization"], &kept);
    for top in ["com", "org"] {
        ldif.entry(&format!("dc={top},{SUFFIX}"), &["top", "domain"], &[]);
    }
    for domain in ["florizel.com", "Sesta.com", "varrius.org"] {
        let dn = domain_dn(domain);
        let hosts: [(&str, &[u8]); 2] = [
            ("mailHosts", HOST.as_bytes()),
            ("preferredMailHost", HOST.as_bytes()),
        ];
        ldif.entry(&dn, &["top", "domain", "mailDomain"], &hosts);
        for unit in ["People", "Groups"] {
            let unit = format!("ou={unit},{dn}");
            ldif.entry(&unit, &["top", "organizationalUnit"], &[]);
        }
    }
    let photo = b"\xff\xd8\xff\x00".repeat(300);
    ldif.user(
        "Anna",
        "florizel.com",
        &[("jpegphoto", &photo), ("cn", "Anna Müller".as_bytes())],
    );
    ldif.user(
        "bert",
        "florizel.com",
        &[
            ("description", b"Caf\xe9"),
            ("postaladdress", b"\xc4\x80$\xff"),
        ],
    );
    ldif.user(
        "carl",
        "florizel.com",
        &[
            ("maildeliveryoption", b"mailbox"),
            ("maildeliveryoption", b"forward"),
            ("mailforwardingaddress", b"carl@elsewhere.example.org"),
        ],
    );
    ldif.user(
        "dora",
        "Sesta.com",
        &[("inetauthorizedservices", b"imap, imaps smtp")],
    );
    ldif.user("emil@sesta.com", "Sesta.com", &[]);
    ldif.user(
        "Fritz",
        "Sesta.com",
        &[("inetsubscriberstatus", b"inactive")],
    );
    ldif.user(
        "Hugo",
        "varrius.org",
        &[
            ("uid", b"second"),
            ("objectclass", b"florizelBadgeHolder"),
            ("florizelBadge", b"0042"),
            ("florizelNote;lang-de", b"gr\xfcn"),
        ],
    );
    ldif.user(
        "jan",
        "florizel.com",
        &[
            ("maildeliveryoption", b"mailbox"),
            ("maildeliveryoption", b"autoreply"),
            ("mailautoreplytimeout", b"a week"),
            ("mailautoreplytext", b"Weg bis M\xe4rz"),
        ],
    );
    ldif.user(
        "karl",
        "florizel.com",
        &[("rfc822mailalias", b"both@florizel.com")],
    );
    ldif.user(
        "lisa",
        "florizel.com",
        &[("rfc822mailalias", b"Both@Florizel.COM")],
    );
    ldif.user("o'neil", "florizel.com", &[]);
    groups(&mut ldif);
    ldif
}

/// A group of 5,000 and one with a name to quote.
fn groups(ldif: &mut Ldif) {
    const CLASSES: [&str; 4] = [
        "top",
        "groupOfUniqueNames",
        "inetMailRouting",
        "inetMailGroup",
    ];
    let florizel = domain_dn("florizel.com");
    let mut members = Vec::new();
    for n in 0..2_500 {
        members.push(("uniqueMember", format!("uid=left{n},ou=People,{florizel}")));
        members.push((
            "rfc822MailMember",
            format!("m{n}@list{}.example.org", n % 7),
        ));
    }
    let mut values: Vec<(&str, &[u8])> = vec![
        ("mail", b"all@florizel.com"),
        ("mailhost", HOST.as_bytes()),
        ("inetMailGroupVersion", b"1.0"),
    ];
    values.extend(members.iter().map(|(n, v)| (*n, v.as_bytes())));
    ldif.entry(&format!("cn=All,ou=Groups,{florizel}"), &CLASSES, &values);
    let member = format!("uid=Anna,ou=People,{florizel}");
    let values: [(&str, &[u8]); 5] = [
        ("mail", b"office@florizel.com"),
        ("mailhost", HOST.as_bytes()),
        ("inetMailGroupVersion", b"1.0"),
        ("moderator", b"ldap://uid=\xfc,o=isp"),
        ("uniqueMember", member.as_bytes()),
    ];
    let dn = format!("cn=B\u{fc}ro \\\"1\\, 2\\\",ou=Groups,{florizel}");
    ldif.entry(&dn, &CLASSES, &values);
}

/// Where the source of the crate `mail-parser` is, as published.
fn mail_parser() -> PathBuf {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let rustc = String::from_utf8(rustc.stdout).unwrap();
    let host = rustc
        .lines()
        .find_map(|l| l.strip_prefix("host: "))
        .unwrap();
    let cargo = std::env::var("CARGO").unwrap_or("cargo".to_owned());
    // Only what this platform needs was downloaded.
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", talk(&output));
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = all["packages"].as_array().unwrap();
    let found = packages.iter().find(|p| p["name"] == "mail-parser");
    let manifest = Path::new(found.unwrap()["manifest_path"].as_str().unwrap());
    manifest.parent().unwrap().to_path_buf()
}

/// Messages that nobody here wrote, and a few that break software in ways those do not.
fn messages(place: &Place) -> PathBuf {
    let dir = place.dir.path().join("messages");
    std::fs::create_dir(&dir).unwrap();
    let resources = mail_parser().join("resources");
    let status = Command::new("cp")
        .arg("-r")
        .arg(resources)
        .arg(&dir)
        .status();
    assert!(status.unwrap().success());
    let count = Command::new("find")
        .arg(&dir)
        .args(["-name", "*.eml"])
        .output();
    let count = String::from_utf8(count.unwrap().stdout)
        .unwrap()
        .lines()
        .count();
    assert!(count >= 90, "mail-parser carries {count} messages");
    let twin = "Message-ID: <twin@example.org>\r\nSubject: ";
    let long = format!("Subject: long\r\n\r\n{}", "x".repeat(2 << 20));
    let own: [(&str, Vec<u8>); 9] = [
        ("nul.eml", b"Subject: a\0b\r\n\r\n\0\0\r\n".to_vec()),
        ("only-nul.eml", b"\0".to_vec()),
        ("bare.eml", b"Subject: x\r\rbody\n\rmore\r\n\n\r".to_vec()),
        ("no-end.eml", b"Subject: a header and nothing else".to_vec()),
        ("no-header.eml", b"\r\nnothing but a body \xff\xfe".to_vec()),
        ("twin1.eml", format!("{twin}1\r\n\r\n1\r\n").into_bytes()),
        ("twin2.eml", format!("{twin}2\r\n\r\n2\r\n").into_bytes()),
        ("long.eml", long.into_bytes()),
        (
            "list.mbox",
            b"From a Thu\nSubject: 1\n\n>From me\n\nFrom b Fri\nSubject: 2\n".to_vec(),
        ),
    ];
    for (name, bytes) in own {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
    dir
}

fn practice(place: &Place, ldif: &Path, more: &[&str]) -> Output {
    let mut args = vec!["--seed", "1", "--ldif", ldif.to_str().unwrap()];
    args.extend(more);
    place.practice(&args)
}

fn entries(place: &Place) -> Vec<Entry> {
    read_entries(
        &place
            .lab()
            .join("hosts/mx1/usr/netscape/server4/slapd-mail"),
    )
    .unwrap()
}

#[test]
fn an_odd_export_and_messages_nobody_here_wrote_are_moved_clean() {
    let place = Place::new();
    let ldif = odd_export().write(&place, "export.ldif");
    let mail = messages(&place);
    let output = practice(&place, &ldif, &["--mail", mail.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let told = talk(&output);
    for says in [
        "default domain florizel.com, mail host mx1.florizel.com",
        "practice password",
        "florizelBadgeHolder",
        "own messages",
    ] {
        assert!(told.contains(says), "{says}: {told}");
    }
    assert!(!told.contains("schemacheck off"), "{told}");
    // What is odd about entries that can be moved is told too, at the gates and in the report.
    let report = place.run(&["report"]);
    let report = String::from_utf8_lossy(&report.stdout).into_owned();
    assert!(
        report.contains("Odd: ") && report.contains("a week"),
        "{report}"
    );
    let audit = place.audit();
    assert_eq!(audit["clean"], true, "{audit}");
    assert!(audit["messages_before"].as_u64().unwrap() > 100, "{audit}");

    let after = entries(&place);
    let find = |part: &str| after.iter().find(|e| e.dn.contains(part)).unwrap();
    let all = find("cn=All");
    assert_eq!(all.values("uniqueMember").len(), 2_500);
    assert_eq!(all.values("mgrpRFC822MailMember").len(), 2_500);
    assert_eq!(
        find("uid=bert").values("description"),
        [b"Caf\xe9".to_vec()]
    );
    assert_eq!(
        find("uid=Hugo").values("florizelNote;lang-de"),
        [b"gr\xfcn".to_vec()]
    );
    let mail = |e: &&Entry| e.is_a("inetMailUser") || e.is_a("inetMailGroup");
    for entry in after.iter().filter(mail) {
        assert!(entry.is_a("inetLocalMailRecipient"), "{}", entry.dn);
    }
}

#[test]
fn entries_that_cannot_be_moved_are_named_before_anything_is_touched() {
    let place = Place::new();
    let mut ldif = odd_export();
    ldif.user("nina", "florizel.com", &[("mailhost", b"mx2.florizel.com")]);
    ldif.user("otto mann", "florizel.com", &[]);
    let path = ldif.write(&place, "export.ldif");
    let before = {
        let output = practice(&place, &path, &[]);
        assert_eq!(output.status.code(), Some(3), "{}", talk(&output));
        let told = talk(&output)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        for says in ["uid=nina", "2 values of mailHost", "`otto mann`"] {
            assert!(told.contains(says), "{says}: {told}");
        }
        entries(&place)
    };
    assert!(before.iter().all(|e| !e.is_a("inetLocalMailRecipient")));

    // The person puts one of them right on the host, and it is no longer named.
    let secrets = std::fs::read_to_string(place.lab().join("secrets.toml")).unwrap();
    let password = secrets.split('"').nth(1).unwrap();
    let fix = "dn: uid=nina,ou=People,dc=florizel,dc=com,o=isp\nchangetype: modify\n\
               delete: mailHost\nmailHost: mx2.florizel.com\n";
    std::fs::write(place.lab().join("hosts/mx1/tmp/fix.ldif"), fix).unwrap();
    let lab = place.lab();
    let fixed = place.run(&[
        "lab",
        "shell",
        lab.to_str().unwrap(),
        "mx1",
        "/usr/netscape/server4/shared/bin/ldapmodify",
        "-D",
        "cn=Directory Manager",
        "-w",
        password,
        "-f",
        "/tmp/fix.ldif",
    ]);
    assert_eq!(fixed.status.code(), Some(0), "{}", talk(&fixed));
    let site = place.site();
    let args = [
        "check",
        "--site",
        site.to_str().unwrap(),
        "--only",
        "entries",
    ];
    let checked = place.run(&args);
    assert_eq!(checked.status.code(), Some(0), "{}", talk(&checked));
    assert!(!talk(&checked).contains("nina"), "{}", talk(&checked));
}

#[test]
fn files_that_cannot_be_used_are_refused_with_the_place_and_nothing_is_made() {
    let place = Place::new();
    let path = |name: &str| place.dir.path().join(name);
    std::fs::create_dir(path("mail")).unwrap();
    std::fs::write(path("mail/empty.eml"), "").unwrap();
    std::fs::write(path("bad.ldif"), "dn: o=isp\no: isp\no:: ***\n").unwrap();
    let good = odd_export().write(&place, "good.ldif");
    let (good, bad, mail) = (good, path("bad.ldif"), path("mail"));
    for (args, says) in [
        (
            vec!["--ldif", bad.to_str().unwrap()],
            "bad.ldif`, line 3: the value is not base64",
        ),
        (
            vec![
                "--ldif",
                good.to_str().unwrap(),
                "--mail",
                mail.to_str().unwrap(),
            ],
            "empty.eml`: the file is empty",
        ),
        (
            vec!["--ldif", good.to_str().unwrap(), "--users", "3"],
            "cannot be used with",
        ),
    ] {
        for practice in [true, false] {
            let lab = place.lab();
            let output = if practice {
                place.practice(&args)
            } else {
                let create = ["lab", "create", lab.to_str().unwrap()];
                place.run(&[&create[..], &args].concat())
            };
            assert_eq!(output.status.code(), Some(2), "{}", talk(&output));
            assert!(talk(&output).contains(says), "{says}: {}", talk(&output));
            assert!(!lab.exists());
        }
    }
}

#[test]
fn the_labs_directory_takes_what_is_merged_already_and_what_breaks_every_schema() {
    let lab_from = |change: &dyn Fn(&mut Ldif)| -> (Place, String) {
        let place = Place::new();
        let mut ldif = odd_export();
        change(&mut ldif);
        let path = ldif.write(&place, "export.ldif");
        let lab = place.lab();
        let (lab, path) = (lab.to_str().unwrap(), path.to_str().unwrap());
        let made = place.run(&["lab", "create", lab, "--ldif", path]);
        assert_eq!(made.status.code(), Some(0), "{}", talk(&made));
        let told = talk(&made);
        (place, told)
    };
    let (place, told) = lab_from(&|ldif| {
        let upgraded: [(&str, &[u8]); 3] = [
            ("objectclass", b"inetLocalMailRecipient"),
            ("mailAlternateAddress", b"done@florizel.com"),
            ("mailUserStatus", b"active"),
        ];
        ldif.user("done", "florizel.com", &upgraded);
    });
    assert!(told.contains("the merged schema already"), "{told}");
    assert!(!told.contains("schemacheck off"), "{told}");
    assert!(entries(&place).iter().any(|e| e.dn.contains("uid=done")));

    let (place, told) = lab_from(&|ldif| {
        let dn = format!("cn=Nobody,{SUFFIX}");
        ldif.entry(&dn, &["person"], &[("mailquota", b"1")]);
    });
    assert!(told.contains("1 entries break the schema"), "{told}");
    let nobody = entries(&place);
    let nobody = nobody.iter().find(|e| e.dn.contains("Nobody")).unwrap();
    assert_eq!(nobody.first("mailquota"), Some("1"));
}
