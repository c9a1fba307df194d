//! The directory room against a real `OpenLDAP` server, started by each test for itself.

use crate::slapd::{MANAGER, PASSWORD, PEOPLE, Slapd, fill, person};
use imsmigrate::base::Secret;
use imsmigrate::directory::ldif::{self, Record};
use imsmigrate::directory::schema::{Kind, SchemaResult, compare, merge, place};
use imsmigrate::directory::upgrade::{apply, preview, read_undo, undo, verify};
use imsmigrate::directory::{
    Change, Connection, DirectoryError, Entries, Entry, EntryPlan, EntryResult, FileUndo, Rules,
    Schema, Target, Tls, UndoSink, searches,
};
use ldap3::Scope;
use std::path::Path;

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
async fn needs_slapd_needs_ldapsearch_a_server_killed_in_the_middle_loses_and_doubles_nothing() {
    let mut slapd = Slapd::start();
    let connection = slapd.open().await;
    fill(&connection).await;
    let before = slapd.dump();
    let planned = plans(&connection).await;
    let file = slapd.dir.path().join("undo.ldif");
    let mut sink = FileUndo::open(&file).unwrap();
    let mut settled = 0;
    let applied = apply(&connection, &planned, &mut sink, &mut |_| {
        settled += 1;
        if settled == 3 {
            slapd.child.kill().unwrap();
            slapd.child.wait().unwrap();
        }
    })
    .await
    .unwrap();
    assert_eq!(applied.outcomes.len(), 3);
    let stopped = applied.stopped.unwrap();
    assert!(
        stopped.retryable() && stopped.connection_lost(),
        "{stopped}"
    );

    slapd.restart();
    let connection = slapd.open().await;
    let results = apply_all(&connection, &planned, &file).await;
    let already = results
        .iter()
        .filter(|r| **r == EntryResult::Already)
        .count();
    assert_eq!(already, 3, "{results:?}");
    assert!(plans(&connection).await.is_empty());
    undo_all(&connection, &file).await;
    assert_eq!(slapd.dump(), before);
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
    let mut changes = compare(&schema, &wanted).changes;
    // This server keeps its schema in cn=config, which this bind DN is not shown.
    let refused = place(&connection, &mut changes).await.unwrap_err();
    assert!(
        refused.contains("does not show it to us") && refused.contains("cn=schema,cn=config"),
        "{refused}"
    );
    let outcomes = merge(&connection, &schema.dn, &changes).await.unwrap();
    assert!(matches!(outcomes.as_slice(), [one]
        if matches!(&one.result, SchemaResult::Failed { reason } if !reason.is_empty())));
}

#[tokio::test]
async fn needs_slapd_tls_is_checked_against_the_ca_and_the_host_name() {
    let slapd = Slapd::start();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tls/ca.pem");
    let start = Tls::StartTls {
        ca_file: Some(own.clone()),
    };
    let whole = Tls::Ldaps { ca_file: Some(own) };
    let none = Tls::Ldaps { ca_file: None };
    let secret = Secret::new(PASSWORD.into());
    for (tls, port, host, good) in [
        (&start, slapd.port, "localhost", true),
        (&whole, slapd.tls_port, "localhost", true),
        (&whole, slapd.tls_port, "127.0.0.1", false),
        (&none, slapd.tls_port, "localhost", false),
    ] {
        let target = Target {
            host: host.into(),
            port,
            tls: tls.clone(),
            ..slapd.target()
        };
        match Connection::open(&target, &secret).await {
            Ok(connection) => {
                assert!(good, "{host} {tls:?}");
                connection.root_dse().await.unwrap();
                connection.close().await;
            }
            Err(DirectoryError::Tls { .. }) => assert!(!good, "{host} {tls:?}"),
            Err(other) => panic!("{host} {tls:?}: {other}"),
        }
    }
}
