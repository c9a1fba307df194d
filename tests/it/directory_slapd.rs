//! The directory room against a real `OpenLDAP` server, started by each test for itself.

use imsmigrate::base::Secret;
use imsmigrate::directory::ldif::{self, Record};
use imsmigrate::directory::schema::{Kind, SchemaResult, compare, merge};
use imsmigrate::directory::upgrade::{apply, preview, read_undo, undo, verify};
use imsmigrate::directory::{
    Change, Connection, DirectoryError, Entries, Entry, EntryPlan, EntryResult, FileUndo, Rules,
    Schema, Target, Tls, UndoSink, searches,
};
use ldap3::Scope;
use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MANAGER: &str = "cn=manager,o=internet";
const PASSWORD: &str = "s3cret word";

/// A private slapd with the merged schema; stopped when dropped.
struct Slapd {
    dir: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl Drop for Slapd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The merged schema as `OpenLDAP` takes it: numeric OIDs, without what it defines itself.
fn openldap_schema() -> String {
    let merged = Schema::merged();
    let mut text = String::new();
    for (index, definition) in merged.definitions.iter().enumerate() {
        if ["mail", "preferredLanguage"].contains(&definition.name()) {
            continue;
        }
        let oid = if definition.oid.ends_with("-oid") {
            format!("1.3.6.1.4.1.55555.1.{index}")
        } else {
            definition.oid.clone()
        };
        let keyword = match definition.kind {
            Kind::Attribute => "attributetype",
            Kind::Class => "objectclass",
        };
        let rest = definition.text.replacen(&definition.oid, &oid, 1);
        writeln!(text, "{keyword} {rest}").unwrap();
    }
    text
}

impl Slapd {
    fn start() -> Self {
        for _ in 0..5 {
            if let Some(slapd) = Self::try_start() {
                return slapd;
            }
        }
        panic!("slapd does not start");
    }

    /// `None` when somebody else took the port in between.
    fn try_start() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        fs::create_dir(path.join("db")).unwrap();
        fs::write(path.join("ims.schema"), openldap_schema()).unwrap();
        let here = path.display();
        let conf = format!(
            "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n\
             include /etc/ldap/schema/inetorgperson.schema\ninclude {here}/ims.schema\n\
             pidfile {here}/pid\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\nloglevel 0\n\
             sizelimit size.soft=100 size.hard=100\n\
             database mdb\nmaxsize 268435456\nsuffix o=internet\nrootdn \"{MANAGER}\"\n\
             rootpw \"{PASSWORD}\"\ndirectory {here}/db\ndbnosync\nindex objectClass eq\n"
        );
        fs::write(path.join("slapd.conf"), conf).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let program = ["/usr/sbin/slapd", "/usr/libexec/slapd", "slapd"]
            .into_iter()
            .find(|p| Path::new(p).exists() || !p.starts_with('/'))
            .unwrap();
        let log = fs::File::create(path.join("log")).unwrap();
        let child = Command::new(program)
            .args(["-d", "0", "-h", &format!("ldap://127.0.0.1:{port}"), "-f"])
            .arg(path.join("slapd.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut slapd = Self { dir, port, child };
        let deadline = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if slapd.child.try_wait().unwrap().is_some() {
                let log = fs::read_to_string(slapd.dir.path().join("log")).unwrap();
                assert!(log.contains("bind") || log.is_empty(), "slapd: {log}");
                return None;
            }
            assert!(Instant::now() < deadline, "slapd does not listen");
            std::thread::yield_now();
        }
        Some(slapd)
    }

    fn target(&self) -> Target {
        Target {
            host: "127.0.0.1".into(),
            port: self.port,
            bind_dn: MANAGER.into(),
            tls: Tls::Plain,
        }
    }

    async fn open(&self) -> Connection {
        Connection::open(&self.target(), &Secret::new(PASSWORD.into()))
            .await
            .unwrap()
    }

    /// Every entry with every user attribute, as `ldapsearch` writes it, sorted.
    fn dump(&self) -> String {
        let output = Command::new("ldapsearch")
            .args(["-x", "-LLL", "-o", "ldif-wrap=no", "-H"])
            .arg(format!("ldap://127.0.0.1:{}", self.port))
            .args([
                "-D",
                MANAGER,
                "-w",
                PASSWORD,
                "-b",
                "o=internet",
                "(objectClass=*)",
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let mut entries: Vec<Vec<&str>> = text
            .split("\n\n")
            .map(|entry| {
                let mut lines: Vec<_> = entry.lines().filter(|l| !l.is_empty()).collect();
                lines.sort_unstable();
                lines
            })
            .filter(|lines| !lines.is_empty())
            .collect();
        entries.sort();
        entries
            .iter()
            .map(|lines| lines.join("\n"))
            .collect::<Vec<_>>()
            .join("\n\n")
    }
}

fn person(dn: &str, uid: &str) -> Entry {
    Entry::new(dn)
        .with("objectClass", "top")
        .with("objectClass", "person")
        .with("objectClass", "organizationalPerson")
        .with("objectClass", "inetOrgPerson")
        .with("objectClass", "inetSubscriber")
        .with("objectClass", "inetMailUser")
        .with("objectClass", "inetMailRouting")
        .with("cn", uid)
        .with("sn", uid)
        .with("uid", uid)
        .with("mail", "someone@siroe.com")
        .with("mailHost", "mail.siroe.com")
        .with("inetMailUserVersion", "1.0")
}

/// Keeps nothing: for leaving the entries as a crash would.
struct Nowhere;
impl UndoSink for Nowhere {
    fn save(&mut self, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
}

/// A full disk.
struct Full;
impl UndoSink for Full {
    fn save(&mut self, _: &[u8]) -> std::io::Result<()> {
        Err(std::io::ErrorKind::StorageFull.into())
    }
}

const PEOPLE: &str = "ou=people,dc=siroe,dc=com,o=internet";

/// A small site: domain, users (some with names that need every escape), groups.
async fn fill(connection: &Connection) {
    let entries = [
        Entry::new("o=internet")
            .with("objectClass", "organization")
            .with("o", "internet"),
        Entry::new("dc=com,o=internet")
            .with("objectClass", "domain")
            .with("dc", "com"),
        Entry::new("dc=siroe,dc=com,o=internet")
            .with("objectClass", "domain")
            .with("objectClass", "mailDomain")
            .with("dc", "siroe")
            .with("mailHosts", "mail.siroe.com"),
        Entry::new(PEOPLE)
            .with("objectClass", "organizationalUnit")
            .with("ou", "people"),
        person(&format!("uid=Anderson,{PEOPLE}"), "Anderson")
            .with("rfc822MailAlias", "andy@siroe.com")
            .with("rfc822MailAlias", "a.a@siroe.com")
            .with("inetSubscriberStatus", "active")
            .with("mailQuota", "2T")
            .with("mailMessageStore", "/var/mail"),
        person(
            &format!("uid=Zo\u{eb} \u{202e}x,{PEOPLE}"),
            "Zo\u{eb} \u{202e}x",
        )
        .with("description", "caf\u{e9}\n second line ")
        .with("jpegPhoto", b"\xff\xd8\x00\x01\xfe"),
        person(
            &format!("uid=\\20a\\2Cb\\2B\\22c\\22\\3D\\23,{PEOPLE}"),
            " a,b+\"c\"=#",
        )
        .with("userPassword", b"{SHA}\x80\x81"),
        person(&format!("uid=x\\; rm -rf /,{PEOPLE}"), "x; rm -rf /"),
        Entry::new(format!("cn=Staff,{PEOPLE}"))
            .with("objectClass", "groupOfUniqueNames")
            .with("objectClass", "inetMailGroup")
            .with("objectClass", "inetMailRouting")
            .with("cn", "Staff")
            .with("mail", "staff@siroe.com")
            .with("mailHost", "mail.siroe.com")
            .with("uniqueMember", format!("uid=Anderson,{PEOPLE}"))
            .with("rfc822MailMember", "b@example.org")
            .with("rfc822MailMember", "a@example.org")
            .with("expandable", "TRUE")
            .with("inetMailGroupVersion", "1.0"),
    ];
    for entry in &entries {
        connection
            .add(entry)
            .await
            .unwrap_or_else(|e| panic!("{}: {e}", entry.dn));
    }
}

async fn plans(connection: &Connection) -> Vec<EntryPlan> {
    let rules = Rules::sims().unwrap();
    let mut plans = Vec::new();
    for entries in [Entries::Domains, Entries::UsersAndGroups] {
        let preview = preview(connection, &rules, "o=internet", entries)
            .await
            .unwrap();
        assert_eq!(preview.counts.upgrade, preview.plans.len());
        plans.extend(preview.plans);
    }
    plans
}

async fn apply_all(connection: &Connection, plans: &[EntryPlan], file: &Path) -> Vec<EntryResult> {
    let mut sink = FileUndo::open(file).unwrap();
    let applied = apply(connection, plans, &mut sink, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(applied.stopped, None);
    applied.outcomes.into_iter().map(|o| o.result).collect()
}

async fn undo_all(connection: &Connection, file: &Path) -> Vec<(String, EntryResult)> {
    let records = read_undo(file).unwrap();
    let undone = undo(connection, &records, &mut |_| {}).await;
    assert_eq!(undone.stopped, None);
    undone
        .outcomes
        .into_iter()
        .map(|o| (o.dn, o.result))
        .collect()
}

#[tokio::test]
async fn needs_slapd_needs_ldapsearch_an_upgrade_is_complete_idempotent_and_undone_byte_for_byte() {
    let slapd = Slapd::start();
    let connection = slapd.open().await;
    fill(&connection).await;
    let before = slapd.dump();
    let file = slapd.dir.path().join("undo.ldif");

    let planned = plans(&connection).await;
    assert_eq!(planned.len(), 6);
    assert_eq!(slapd.dump(), before, "a preview must change nothing");
    let results = apply_all(&connection, &planned, &file).await;
    assert_eq!(results, vec![EntryResult::Ok; 6]);
    let verified = verify(&connection, &planned).await.unwrap();
    assert!(
        verified.iter().all(|o| o.result == EntryResult::Already),
        "{verified:?}"
    );

    assert!(
        plans(&connection).await.is_empty(),
        "a second preview finds something to do"
    );
    for left in [searches::SIMS_STILL_TO_DO, searches::DOMAINS_STILL_TO_DO] {
        let found = connection
            .search("o=internet", Scope::Subtree, left, &["1.1"])
            .await
            .unwrap();
        assert_eq!(found.entries, []);
    }
    let after = slapd.dump();
    assert!(
        after.contains("mailQuota: 2048G") && !after.contains("/var/mail"),
        "{after}"
    );
    assert!(after.contains("inetDomainBaseDN: dc=siroe,dc=com,o=internet"));

    let undone = undo_all(&connection, &file).await;
    assert!(
        undone.iter().all(|(_, r)| *r == EntryResult::Ok),
        "{undone:?}"
    );
    assert_eq!(slapd.dump(), before);
    let again = undo_all(&connection, &file).await;
    assert!(
        again.iter().all(|(_, r)| *r == EntryResult::Already),
        "{again:?}"
    );
    assert_eq!(slapd.dump(), before);
}

#[tokio::test]
async fn needs_slapd_needs_ldapsearch_a_crash_in_the_middle_is_finished_and_undone_whole() {
    let slapd = Slapd::start();
    let connection = slapd.open().await;
    fill(&connection).await;
    let before = slapd.dump();
    let file = slapd.dir.path().join("undo.ldif");
    let planned = plans(&connection).await;

    // As a crash leaves it: the undo of all is on disk, some entries are changed.
    let first: Vec<_> = planned.iter().take(2).cloned().collect();
    let mut sink = FileUndo::open(&file).unwrap();
    sink.save(&imsmigrate::directory::upgrade::undo_ldif(&planned))
        .unwrap();
    drop(sink);
    apply(&connection, &first, &mut Nowhere, &mut |_| {})
        .await
        .unwrap();

    let results = apply_all(&connection, &planned, &file).await;
    let already = results
        .iter()
        .filter(|r| **r == EntryResult::Already)
        .count();
    let now = results.iter().filter(|r| **r == EntryResult::Ok).count();
    assert_eq!((already, now), (2, 4), "{results:?}");
    assert!(plans(&connection).await.is_empty());
    undo_all(&connection, &file).await;
    assert_eq!(slapd.dump(), before);
}

#[tokio::test]
async fn needs_slapd_needs_ldapsearch_somebody_elses_edits_are_never_overwritten_and_always_listed()
{
    let slapd = Slapd::start();
    let connection = slapd.open().await;
    fill(&connection).await;
    let file = slapd.dir.path().join("undo.ldif");
    let planned = plans(&connection).await;
    let anderson = format!("uid=Anderson,{PEOPLE}");
    let staff = format!("cn=Staff,{PEOPLE}");

    // Before the upgrade: a value the plan was made from changes its case only.
    let edit = [
        Change::delete("mailQuota", &["2T"]),
        Change::add("mailQuota", &["2t"]),
    ];
    connection.modify(&anderson, &edit).await.unwrap();
    let mut sink = FileUndo::open(&file).unwrap();
    let applied = apply(&connection, &planned, &mut sink, &mut |_| {})
        .await
        .unwrap();
    let of = |dn: &str| {
        applied
            .outcomes
            .iter()
            .find(|o| o.dn == dn)
            .unwrap()
            .result
            .clone()
    };
    assert_eq!(
        of(&anderson),
        EntryResult::Changed {
            attributes: vec!["mailQuota".into()]
        }
    );
    assert_eq!(of(&staff), EntryResult::Ok);
    let entry = connection.read(&anderson).await.unwrap().unwrap();
    assert_eq!(entry.text("mailQuota"), Some("2t"));
    assert!(!entry.has_class("inetLocalMailRecipient"));

    // After the upgrade: one entry edited where it was upgraded, one elsewhere.
    let joined = "dc=siroe,dc=com,o=internet";
    connection
        .modify(joined, &[Change::add("description", &["theirs"])])
        .await
        .unwrap();
    let edit = [
        Change::delete("mgmanMemberVisibility", &["anyone"]),
        Change::add("mgmanMemberVisibility", &["Anyone"]),
    ];
    connection.modify(&staff, &edit).await.unwrap();
    let edited = connection.read(&staff).await.unwrap();
    let undone = undo_all(&connection, &file).await;
    let of = |dn: &str| undone.iter().find(|(d, _)| d == dn).unwrap().1.clone();
    // Never upgraded, and not quite as it was either: said so, and left alone.
    let quota = EntryResult::Changed {
        attributes: vec!["mailQuota".into()],
    };
    assert_eq!(of(&anderson), quota);
    assert!(matches!(of(&staff), EntryResult::Changed { attributes }
        if attributes == ["mgmanMemberVisibility"]));
    assert_eq!(connection.read(&staff).await.unwrap(), edited);
    assert_eq!(of(joined), EntryResult::Ok);
    let domain = connection.read(joined).await.unwrap().unwrap();
    assert_eq!(domain.text("description"), Some("theirs"));
    assert!(!domain.has_class("inetDomain"));
}

#[tokio::test]
async fn needs_slapd_one_entry_that_fails_does_not_stop_the_rest() {
    let slapd = Slapd::start();
    let connection = slapd.open().await;
    fill(&connection).await;
    let mut planned = plans(&connection).await;
    let gone = format!("uid=Anderson,{PEOPLE}");
    connection.delete(&gone).await.unwrap();
    let refused = planned
        .iter_mut()
        .find(|p| p.dn.contains("rm -rf"))
        .unwrap();
    refused.changes.first_mut().unwrap().change = Change::add("noSuchAttribute", &["x"]);
    let refused = refused.dn.clone();
    let mut sink = FileUndo::open(&slapd.dir.path().join("undo")).unwrap();
    let applied = apply(&connection, &planned, &mut sink, &mut |_| {})
        .await
        .unwrap();
    let mut good = 0;
    for outcome in &applied.outcomes {
        match &outcome.result {
            EntryResult::Ok => good += 1,
            EntryResult::Failed { reason } if outcome.dn == gone => {
                assert_eq!(reason, "the entry is gone");
            }
            EntryResult::Failed { reason } if outcome.dn == refused => {
                assert!(reason.contains("noSuchAttribute"), "{reason}");
            }
            other => panic!("{}: {other:?}", outcome.dn),
        }
    }
    assert_eq!(good, 4);
    let standing = verify(&connection, &planned).await.unwrap();
    assert_eq!(
        standing
            .iter()
            .filter(|o| o.result == EntryResult::Already)
            .count(),
        4
    );
}

#[tokio::test]
async fn needs_slapd_needs_ldapsearch_nothing_is_sent_whose_undo_is_not_safe() {
    let slapd = Slapd::start();
    let connection = slapd.open().await;
    fill(&connection).await;
    let before = slapd.dump();
    let planned = plans(&connection).await;
    let error = apply(&connection, &planned, &mut Full, &mut |_| {})
        .await
        .unwrap_err();
    assert!(error.to_string().contains("nothing was sent"), "{error}");
    assert_eq!(slapd.dump(), before);
}

#[tokio::test]
async fn needs_slapd_thousands_of_entries_come_in_pages_and_a_limit_is_never_a_short_list() {
    let slapd = Slapd::start();
    let connection = slapd.open().await;
    fill(&connection).await;
    for n in 0..3_000 {
        let uid = format!("u{n:05}");
        connection
            .add(&person(&format!("uid={uid},{PEOPLE}"), &uid))
            .await
            .unwrap();
    }
    let rules = Rules::sims().unwrap();
    let whole = preview(&connection, &rules, "o=internet", Entries::UsersAndGroups)
        .await
        .unwrap();
    assert_eq!(whole.counts.examined, 3_005);
    assert_eq!(whole.plans.len(), 3_005);
    assert_eq!(whole.counts.by_kind.get("group"), Some(&1));

    let anonymous = Target {
        bind_dn: String::new(),
        ..slapd.target()
    };
    let anonymous = Connection::open(&anonymous, &Secret::new(String::new()))
        .await
        .unwrap();
    let error = preview(&anonymous, &rules, "o=internet", Entries::UsersAndGroups)
        .await
        .unwrap_err();
    assert!(matches!(error, DirectoryError::Limit { .. }), "{error}");
}

#[tokio::test]
async fn needs_slapd_bad_input_says_what_and_where() {
    let slapd = Slapd::start();
    let connection = slapd.open().await;
    fill(&connection).await;
    let open = |target: Target, password: &str| {
        let secret = Secret::new(password.to_owned());
        async move { Connection::open(&target, &secret).await.unwrap_err() }
    };
    let wrong = open(slapd.target(), "wrong").await;
    assert!(
        matches!(wrong, DirectoryError::Credentials { .. }),
        "{wrong}"
    );
    assert!(wrong.to_string().contains(MANAGER));
    let empty = open(slapd.target(), "").await;
    assert!(
        matches!(empty, DirectoryError::Credentials { .. }),
        "{empty}"
    );
    let nobody = Target {
        bind_dn: "cn=nobody,o=internet".into(),
        ..slapd.target()
    };
    let nobody = open(nobody, "x").await;
    assert!(
        matches!(nobody, DirectoryError::Credentials { .. }),
        "{nobody}"
    );
    let tls = Target {
        tls: Tls::Ldaps { ca_file: None },
        ..slapd.target()
    };
    let tls = open(tls, PASSWORD).await;
    assert!(matches!(tls, DirectoryError::Tls { .. }), "{tls}");

    let rules = Rules::sims().unwrap();
    let base = preview(&connection, &rules, "o=elsewhere", Entries::Domains)
        .await
        .unwrap_err();
    assert!(
        matches!(&base, DirectoryError::NoSuchEntry { dn, .. } if dn == "o=elsewhere"),
        "{base}"
    );
    let filter = connection
        .search("o=internet", Scope::Subtree, "(uid=a", &["1.1"])
        .await
        .unwrap_err();
    assert!(matches!(filter, DirectoryError::BadFilter { .. }));
    assert_eq!(connection.read("uid=none,o=internet").await.unwrap(), None);

    let reader = Target {
        bind_dn: String::new(),
        ..slapd.target()
    };
    let reader = Connection::open(&reader, &Secret::new(String::new()))
        .await
        .unwrap();
    let access = reader
        .modify("o=internet", &[Change::add("description", &["x"])])
        .await
        .unwrap_err();
    assert!(matches!(access, DirectoryError::Access { .. }), "{access}");
}

#[tokio::test]
async fn needs_slapd_a_server_that_goes_away_stops_the_work_and_another_call_goes_on() {
    let mut slapd = Slapd::start();
    let connection = slapd.open().await;
    fill(&connection).await;
    let planned = plans(&connection).await;
    slapd.child.kill().unwrap();
    slapd.child.wait().unwrap();
    let mut sink = FileUndo::open(&slapd.dir.path().join("undo")).unwrap();
    let applied = apply(&connection, &planned, &mut sink, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(applied.outcomes, []);
    let stopped = applied.stopped.unwrap();
    assert!(
        stopped.retryable() && stopped.connection_lost(),
        "{stopped}"
    );
}

#[tokio::test]
async fn needs_slapd_files_made_by_others_are_applied_entry_by_entry() {
    let slapd = Slapd::start();
    let connection = slapd.open().await;
    fill(&connection).await;
    let text = b"version: 1\ndn: ou=Groups,o=internet\nchangetype: add\n\
        objectClass: organizationalUnit\nou: Groups\n\n\
        dn: o=internet\nchangetype: modify\nadd: description\ndescription:: Y2Fmw6k=\n-\n\n";
    for record in ldif::parse(text).unwrap() {
        match record {
            Record::Add(entry) | Record::Entry(entry) => connection.add(&entry).await.unwrap(),
            Record::Modify { dn, changes } => connection.modify(&dn, &changes).await.unwrap(),
            Record::Delete { dn } => connection.delete(&dn).await.unwrap(),
        }
    }
    let root = connection.read("o=internet").await.unwrap().unwrap();
    assert_eq!(root.text("description"), Some("caf\u{e9}"));
    assert!(
        connection
            .read("ou=groups,o=internet")
            .await
            .unwrap()
            .is_some()
    );
    let again = connection
        .add(
            &Entry::new("ou=Groups,o=internet")
                .with("objectClass", "organizationalUnit")
                .with("ou", "Groups"),
        )
        .await
        .unwrap_err();
    assert_eq!(again.code(), Some(68));
}

#[tokio::test]
async fn needs_slapd_the_schema_is_read_and_a_refused_merge_is_reported_in_the_servers_words() {
    let slapd = Slapd::start();
    let connection = slapd.open().await;
    let schema = Schema::read(&connection).await.unwrap();
    assert_eq!(schema.dn, "cn=Subschema");
    assert_eq!(schema.unreadable, Vec::<String>::new());
    let comparison = compare(&schema, &Schema::merged());
    assert!(comparison.is_merged(), "{:?}", comparison.changes);

    let mut wanted = Schema::default();
    wanted.push(
        Kind::Class,
        "( 1.3.6.1.4.1.55555.9 NAME 'brandNew' SUP top AUXILIARY )",
    );
    let changes = compare(&schema, &wanted).changes;
    let outcomes = merge(&connection, &schema.dn, &changes).await.unwrap();
    assert!(matches!(outcomes.as_slice(), [one]
        if matches!(&one.result, SchemaResult::Failed { reason } if !reason.is_empty())));
}
