//! The lab's directory server against real LDAP clients: `ldapsearch`, `ldapmodify` and `ldap3`.

use imsmigrate::lab::ldap::client::{Client, Scope};
use imsmigrate::lab::ldap::load_ldif;
use imsmigrate::lab::ldap::server::Server;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio_util::sync::CancellationToken;

const CONF: &str = r#"
include "slapd.at.conf"
userat "user_at.conf"
useroc "user_oc.conf"
suffix "o=internet"
rootdn "cn=Directory Manager"
rootpw "{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0"
"#;

const SCHEMA: &str = r"
attribute mail rfc822mailbox 0.9.2342.19200300.100.1.3 cis
attribute mailHost 2.16.840.1.113730.3.1.18 cis single
attribute userPassword 2.5.4.35 bin
objectclass top
	oid 2.5.6.0
	requires objectClass
	allows aci
objectclass organization
	oid 2.5.6.4
	superior top
	requires o
	allows description
objectclass person
	oid 2.5.6.6
	superior top
	requires sn, cn
	allows description, userPassword, uid
objectclass inetMailUser
	oid 1.3.6.1.4.1.42.2.27.2.2.3
	allows mail, mailHost
";

const PEOPLE: &str = "dn: o=internet
objectClass: organization

dn: uid=anderson,o=internet
objectClass: person
objectClass: inetMailUser
cn: Alan Anderson
sn: Anderson
uid: anderson
mail: anderson@siroe.com
mail: aa@siroe.com
userPassword: abc

dn: uid=baker,o=internet
objectClass: person
objectClass: inetMailUser
cn:: QsOkcmJlbA==
sn: Baker
uid: baker

dn: uid=arnold,o=internet
objectClass: person
cn: A
sn: Arnold
uid: arnold
";

/// A server in this process; ends when dropped.
struct Site {
    dir: tempfile::TempDir,
    address: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    fn new() -> Self {
        Self::with(PEOPLE)
    }

    fn with(ldif: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("config");
        std::fs::create_dir(&config).unwrap();
        std::fs::write(config.join("slapd.conf"), CONF).unwrap();
        std::fs::write(config.join("slapd.at.conf"), SCHEMA).unwrap();
        for file in ["user_at.conf", "user_oc.conf"] {
            std::fs::write(config.join(file), "").unwrap();
        }
        load_ldif(dir.path(), Path::new("/"), ldif.as_bytes()).unwrap();
        Self::serve(dir)
    }

    fn serve(dir: tempfile::TempDir) -> Self {
        let stop = CancellationToken::new();
        let (told, path) = (stop.clone(), dir.path().to_path_buf());
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async move {
                let server = Server::open(&path, Path::new("/")).unwrap();
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                server.run(vec![listener], told, Arc::new(|| ())).await;
            });
        });
        Self {
            dir,
            address: receiver.recv().unwrap(),
            stop,
            thread: Some(thread),
        }
    }

    fn end(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    fn restart(mut self) -> Self {
        self.end();
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap());
        Self::serve(dir)
    }

    fn client(&self) -> Client {
        let mut client = Client::connect_to(self.address).unwrap();
        client.bind("cn=directory manager", "secret").unwrap();
        client
    }

    fn tool(&self, program: &str, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(program)
            .args(["-x", "-H", &format!("ldap://{}", self.address)])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }

    fn search(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = self.tool(
            "ldapsearch",
            &[&["-LLL", "-o", "ldif-wrap=no"], args].concat(),
            "",
        );
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text)
    }

    fn modify(&self, ldif: &str) -> (Option<i32>, String) {
        let bind = ["-D", "cn=Directory Manager", "-w", "secret"];
        let output = self.tool("ldapmodify", &bind, ldif);
        let text = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.end();
    }
}

fn names(ldif: &str) -> Vec<&str> {
    ldif.lines()
        .filter_map(|l| l.strip_prefix("dn: "))
        .collect()
}

#[test]
fn needs_ldapsearch_filters_scopes_and_attributes_are_as_on_a_real_server() {
    let site = Site::new();
    let (code, text) = site.search(&["-b", "o=internet", "(&(objectClass=inetMailUser)(uid=a*))"]);
    assert_eq!(
        (code, names(&text)),
        (Some(0), vec!["uid=anderson,o=internet"])
    );
    assert!(text.contains("mail: aa@siroe.com"));
    let (_, text) = site.search(&["-b", "O = Internet", "-s", "one", "(sn=*)", "SN"]);
    assert_eq!(text.matches("sn: ").count(), 3, "{text}");
    assert!(!text.contains("cn:"));
    let (_, text) = site.search(&["-b", "uid=baker,o=internet", "-s", "base"]);
    assert!(text.contains("cn:: QsOkcmJlbA=="), "{text}");
    let (_, text) = site.search(&["-b", "o=internet", "(rfc822mailbox=AA@siroe.com)", "1.1"]);
    assert_eq!(text.trim(), "dn: uid=anderson,o=internet");
    let (_, text) = site.search(&["-A", "-b", "o=internet", "(uid=baker)", "sn"]);
    assert!(text.contains("sn:\n"), "{text}");
    let (code, _) = site.search(&["-b", "o=elsewhere"]);
    assert_eq!(code, Some(32));
}

#[test]
fn needs_ldapsearch_the_root_dse_tells_what_the_server_is() {
    let site = Site::new();
    let (_, text) = site.search(&["-b", "", "-s", "base", "*"]);
    for line in [
        "namingContexts: o=internet",
        "subschemaSubentry: cn=schema",
        "supportedControl: 1.2.840.113556.1.4.319",
        "supportedLDAPVersion: 3",
        "vendorVersion: Netscape-Directory/4.12",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn needs_ldapsearch_passwords_are_shown_to_the_manager_only() {
    let site = Site::new();
    let person = ["-b", "o=internet", "(uid=anderson)", "userPassword"];
    let (_, text) = site.search(&person);
    assert!(!text.contains("userPassword"), "{text}");
    let (_, text) = site.search(&["-b", "o=internet", "(userPassword=abc)"]);
    assert!(names(&text).is_empty());
    let bound = [&["-D", "cn=Directory Manager", "-w", "secret"], &person[..]].concat();
    assert!(site.search(&bound).1.contains("userPassword:: YWJj"));
    let wrong = [&["-D", "cn=Directory Manager", "-w", "wrong"], &person[..]].concat();
    assert_eq!(site.search(&wrong).0, Some(49));
    let user = ["-D", "uid=anderson,o=internet", "-w", "abc"];
    assert_eq!(site.search(&[&user, &person[..]].concat()).0, Some(0));
    let change = "dn: uid=anderson,o=internet\nchangetype: delete\n";
    let refused = site.tool("ldapmodify", &user, change);
    assert_eq!(refused.status.code(), Some(50));
}

#[test]
fn needs_ldapsearch_entries_are_added_modified_renamed_and_deleted() {
    let site = Site::new();
    let (code, text) = site.modify(
        "dn: cn=Smith\\, John,o=internet\nchangetype: add\nobjectClass: person\nsn: Smith\n\n\
         dn: uid=baker,o=internet\nchangetype: modify\nadd: mail\nmail: b@siroe.com\n-\nreplace: sn\nsn: Bakker\n\n\
         dn: uid=anderson,o=internet\nchangetype: modrdn\nnewrdn: uid=Anders\ndeleteoldrdn: 1\n\n\
         dn: uid=arnold,o=internet\nchangetype: delete\n",
    );
    assert_eq!(code, Some(0), "{text}");
    let (_, text) = site.search(&[
        "-b",
        "o=internet",
        "-s",
        "one",
        "(objectClass=*)",
        "uid",
        "sn",
        "mail",
    ]);
    let found = names(&text);
    assert_eq!(found.len(), 3, "{text}");
    assert!(found.contains(&"cn=Smith\\, John,o=internet"));
    assert!(text.contains("uid: Anders\n") && !text.contains("uid: anderson"));
    assert!(text.contains("sn: Bakker") && text.contains("mail: b@siroe.com"));
    let (code, _) = site.modify("dn: o=internet\nchangetype: delete\n");
    assert_eq!(code, Some(66));
    let (code, _) = site
        .modify("dn: uid=x,ou=no,o=internet\nchangetype: add\nobjectClass: person\ncn: x\nsn: x\n");
    assert_eq!(code, Some(32));
}

#[test]
fn needs_ldapsearch_a_modify_that_fails_half_way_changes_nothing() {
    let site = Site::new();
    let (code, _) = site.modify(
        "dn: uid=anderson,o=internet\nchangetype: modify\ndelete: mail\nmail: aa@siroe.com\n-\nadd: mail\nmail: ANDERSON@siroe.com\n",
    );
    assert_eq!(code, Some(20));
    let (_, text) = site.search(&["-b", "o=internet", "(uid=anderson)", "mail"]);
    assert!(text.contains("aa@siroe.com"), "{text}");
}

#[test]
fn needs_ldapsearch_the_schema_is_enforced() {
    let site = Site::new();
    let on = |entry: &str, change: &str| {
        site.modify(&format!(
            "dn: uid={entry},o=internet\nchangetype: modify\n{change}\n"
        ))
    };
    let (code, text) = on("arnold", "add: mail\nmail: x@y");
    assert_eq!(code, Some(65));
    assert!(text.contains("\"mail\" not allowed"), "{text}");
    assert_eq!(on("arnold", "add: nosuch\nnosuch: x").0, Some(17));
    assert_eq!(on("arnold", "delete: sn").0, Some(65));
    assert_eq!(
        on("anderson", "add: mailHost\nmailHost: a\nmailHost: b").0,
        Some(65)
    );
    assert_eq!(
        on(
            "arnold",
            "add: objectClass\nobjectClass: inetLocalMailRecipient"
        )
        .0,
        Some(65)
    );
    assert_eq!(on("arnold", "delete: uid").0, Some(67));
    let both = "add: objectClass\nobjectClass: inetMailUser\n-\nadd: mail\nmail: x@y";
    assert_eq!(on("arnold", both).0, Some(0));
}

#[test]
fn needs_ldapsearch_the_schema_grows_over_ldap_and_stays_after_a_restart() {
    let site = Site::new();
    let grow = "dn: cn=schema\nchangetype: modify\nadd: attributeTypes\nattributeTypes: ( 2.16.840.1.113730.3.1.24 NAME 'mailRoutingAddress' SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 SINGLE-VALUE )\n-\nadd: objectClasses\nobjectClasses: ( 2.16.840.1.113730.3.2.147 NAME 'inetLocalMailRecipient' SUP top AUXILIARY MAY ( mail $ mailRoutingAddress ) )\n";
    assert_eq!(site.modify(grow).0, Some(0));
    assert_eq!(site.modify(grow).0, Some(0), "the same again is no error");
    let taken = "dn: cn=schema\nchangetype: modify\nadd: objectClasses\nobjectClasses: ( 2.16.840.1.113730.3.2.146 NAME 'inetMailUser' )\n";
    let (code, text) = site.modify(taken);
    assert_eq!(code, Some(20));
    assert!(
        text.contains("Another object class is already using the name or OID"),
        "{text}"
    );
    let site = site.restart();
    let (_, text) = site.search(&[
        "-b",
        "cn=schema",
        "-s",
        "base",
        "(objectClass=subschema)",
        "objectClasses",
    ]);
    assert!(
        text.contains("NAME 'inetLocalMailRecipient' SUP top MAY ( mail $ mailRoutingAddress )"),
        "{text}"
    );
    let (code, text) = site.modify(
        "dn: uid=arnold,o=internet\nchangetype: modify\nadd: objectClass\nobjectClass: inetLocalMailRecipient\n-\nadd: mailRoutingAddress\nmailRoutingAddress: a@b\n",
    );
    assert_eq!(code, Some(0), "{text}");
    let file = std::fs::read_to_string(site.dir.path().join("config/user_at.conf")).unwrap();
    assert!(
        file.contains("attribute mailRoutingAddress 2.16.840.1.113730.3.1.24 ces single"),
        "{file}"
    );
}

#[test]
fn needs_ldapsearch_a_subtree_is_moved_whole_and_not_below_itself() {
    let site = Site::new();
    let mut client = site.client();
    for (dn, class) in [
        ("cn=a,uid=baker,o=internet", "person"),
        ("cn=b\\,c,cn=a,uid=baker,o=internet", "person"),
    ] {
        let mut entry = imsmigrate::lab::ldap::Entry::new(dn);
        entry.push("objectClass", class);
        entry.push("sn", "x");
        client.add(&entry).unwrap();
    }
    let below = "dn: uid=baker,o=internet\nchangetype: modrdn\nnewrdn: uid=baker\ndeleteoldrdn: 1\nnewsuperior: cn=a,uid=baker,o=internet\n";
    assert_eq!(site.modify(below).0, Some(53));
    let moved = "dn: uid=baker,o=internet\nchangetype: modrdn\nnewrdn: uid=Bakker\ndeleteoldrdn: 0\nnewsuperior: uid=arnold,o=internet\n";
    assert_eq!(site.modify(moved).0, Some(0));
    let site = site.restart();
    let (_, text) = site.search(&["-b", "uid=arnold,o=internet", "(objectClass=*)", "uid"]);
    assert_eq!(
        names(&text),
        [
            "uid=arnold,o=internet",
            "uid=Bakker,uid=arnold,o=internet",
            "cn=a,uid=Bakker,uid=arnold,o=internet",
            "cn=b\\,c,cn=a,uid=Bakker,uid=arnold,o=internet",
        ]
    );
    assert!(text.contains("uid: baker\nuid: Bakker"), "{text}");
    assert_eq!(site.search(&["-b", "uid=baker,o=internet"]).0, Some(32));
}

#[test]
fn needs_ldapsearch_values_are_compared_and_the_server_knows_who_asks() {
    let site = Site::new();
    let compare = |assertion: &str| {
        let args = ["uid=anderson,o=internet", assertion];
        site.tool("ldapcompare", &args, "").status.code()
    };
    assert_eq!(compare("sn:ANDERSON"), Some(6));
    assert_eq!(compare("sn:other"), Some(5));
    assert_eq!(compare("mailHost:x"), Some(16));
    assert_eq!(compare("userPassword:abc"), Some(50));
    let who = |args: &[&str]| {
        let output = site.tool("ldapwhoami", args, "");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(who(&[]), "anonymous");
    let user = ["-D", "uid=anderson,o=internet", "-w", "abc"];
    assert_eq!(who(&user), "dn:uid=anderson,o=internet");
}

#[test]
fn needs_ldapsearch_operational_attributes_come_when_they_are_asked_for() {
    let site = Site::new();
    site.modify("dn: uid=baker,o=internet\nchangetype: modify\nreplace: sn\nsn: B\n");
    let baker = ["-b", "uid=baker,o=internet", "-s", "base"];
    assert!(!site.search(&baker).1.contains("modif"));
    let (_, text) = site.search(&[&baker[..], &["(objectClass=*)", "+"]].concat());
    assert!(
        text.contains("modifiersName: cn=directory manager")
            || text.contains("modifiersName: cn=Directory Manager"),
        "{text}"
    );
    assert!(text.contains("subschemaSubentry: cn=schema"), "{text}");
    assert!(!text.contains("sn: B"));
}

#[test]
fn needs_ldapsearch_unknown_critical_controls_are_refused_and_others_ignored() {
    let site = Site::new();
    let all = ["-b", "o=internet", "-s", "base"];
    let with = |control: &str| site.search(&[&["-E", control], &all[..]].concat()).0;
    assert_eq!(with("!1.2.3.4.5"), Some(12));
    assert_eq!(with("1.2.3.4.5"), Some(0));
    assert_eq!(with("!pr=10/noprompt"), Some(0));
}

#[test]
fn needs_ldapsearch_the_size_limit_is_the_client_s_and_pages_are_whole() {
    let site = Site::new();
    let (code, text) = site.search(&["-z", "2", "-b", "o=internet"]);
    assert_eq!((code, names(&text).len()), (Some(4), 2));
    let (code, text) = site.search(&["-z", "4", "-b", "o=internet"]);
    assert_eq!((code, names(&text).len()), (Some(0), 4));
    for size in 1..=5 {
        let pages = format!("pr={size}/noprompt");
        let (code, text) =
            site.search(&["-E", &pages, "-b", "o=internet", "(objectClass=*)", "1.1"]);
        assert_eq!(code, Some(0));
        assert_eq!(names(&text).len(), 4, "pages of {size}: {text}");
    }
}

#[test]
fn needs_ldapsearch_a_filter_that_is_not_utf8_gets_an_answer_and_kills_nothing() {
    let site = Site::new();
    let mut client = site.client();
    let (code, _) = site.search(&["-b", "o=internet", "(uid=\\ff\\fe)"]);
    assert_eq!(code, Some(2));
    let found = client
        .search("o=internet", Scope::Subtree, "(uid=baker)", &[])
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(site.search(&["-b", "o=internet"]).0, Some(0));
}

#[test]
fn needs_ldapsearch_every_operation_is_a_line_of_the_access_log() {
    let site = Site::new();
    site.search(&["-b", "o=internet", "(uid=a*)"]);
    site.modify("dn: uid=baker,o=internet\nchangetype: modify\nreplace: sn\nsn: B\n");
    // An unbind has no answer: a client is gone before the server has written its line.
    let access = site.dir.path().join("logs/access");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let read = || std::fs::read_to_string(&access).unwrap();
    while read().matches(" UNBIND ").count() < 2 {
        assert!(std::time::Instant::now() < deadline, "{}", read());
        std::thread::yield_now();
    }
    let log = read();
    let count = |what: &str| log.lines().filter(|l| l.contains(what)).count();
    assert_eq!(
        count(" SRCH base=\"o=internet\" scope=2 filter=\"(uid=a*)\" nentries=2 err=0"),
        1,
        "{log}"
    );
    assert_eq!(count(" MOD dn=\"uid=baker,o=internet\" err=0"), 1);
    assert_eq!(count(" BIND "), 2);
    assert_eq!(count(" UNBIND "), 2);
}

#[test]
fn ldap3_reads_ten_thousand_entries_in_pages() {
    let mut ldif = PEOPLE.to_owned();
    for n in 0..9_996 {
        let _ = write!(
            ldif,
            "\ndn: uid=u{n:05},o=internet\nobjectClass: person\nuid: u{n:05}\ncn: Person {n}\nsn: {n}\n"
        );
    }
    let site = Site::with(&ldif);
    let url = format!("ldap://{}", site.address);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let found = runtime.block_on(async {
        use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
        let (connection, mut ldap) = ldap3::LdapConnAsync::new(&url).await.unwrap();
        ldap3::drive!(connection);
        let adapters: Vec<Box<dyn Adapter<_, _>>> = vec![
            Box::new(EntriesOnly::new()),
            Box::new(PagedResults::new(500)),
        ];
        let mut search = ldap
            .streaming_search_with(
                adapters,
                "o=internet",
                ldap3::Scope::Subtree,
                "(objectClass=*)",
                vec!["uid"],
            )
            .await
            .unwrap();
        let mut found = std::collections::BTreeSet::new();
        while let Some(entry) = search.next().await.unwrap() {
            found.insert(ldap3::SearchEntry::construct(entry).dn);
        }
        search.finish().await.success().unwrap();
        found
    });
    assert_eq!(found.len(), 10_000);
}

#[test]
fn pipelined_changes_are_all_answered_and_all_there_after_a_restart() {
    let site = Site::new();
    let url = format!("ldap://{}", site.address);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (connection, mut ldap) = ldap3::LdapConnAsync::new(&url).await.unwrap();
        ldap3::drive!(connection);
        ldap.simple_bind("cn=Directory Manager", "secret")
            .await
            .unwrap()
            .success()
            .unwrap();
        let all = (0..500).map(|n| {
            let mut ldap = ldap.clone();
            async move {
                let dn = format!("uid=p{n},o=internet");
                let set = |v: &str| std::collections::HashSet::from([v.to_owned()]);
                let attributes = vec![
                    ("objectClass".to_owned(), set("person")),
                    ("cn".to_owned(), set("p")),
                    ("sn".to_owned(), set("p")),
                ];
                ldap.add(&dn, attributes).await.unwrap().success().unwrap();
            }
        });
        futures_util::future::join_all(all).await;
    });
    let site = site.restart();
    let found = site
        .client()
        .search("o=internet", Scope::One, "(uid=p*)", &["1.1"])
        .unwrap();
    assert_eq!(found.len(), 500);
}
