//! The directory room against the lab's own server, over the wire like any other.

use imsmigrate::base::Secret;
use imsmigrate::directory::schema::{
    Kind, Presence, compare, from_undo_ldif, merge, undo as undo_schema, undo_ldif,
};
use imsmigrate::directory::upgrade::{apply, preview, read_undo, undo, verify};
use imsmigrate::directory::{
    Connection, Entries, EntryPlan, EntryResult, FileUndo, Rules, Schema, Target, Tls, searches,
};
use ldap3::Scope;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A started lab; stopped when dropped.
struct Lab {
    place: tempfile::TempDir,
    target: Target,
    secret: Secret,
}

fn command(place: &tempfile::TempDir, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imsmigrate"))
        .env("IMSMIGRATE_STATE_DIR", place.path().join("state"))
        .arg("lab")
        .args(args)
        .output()
        .unwrap()
}

impl Drop for Lab {
    fn drop(&mut self) {
        command(&self.place, &["stop", &self.dir().to_string_lossy()]);
    }
}

impl Lab {
    fn start(users: &str, seed: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("lab");
        let dir = dir.to_string_lossy();
        let made = command(&place, &["create", &dir, "--users", users, "--seed", seed]);
        assert!(made.status.success(), "{made:?}");
        let mut lab = Self {
            place,
            target: Target {
                host: String::new(),
                port: 0,
                bind_dn: "cn=Directory Manager".into(),
                tls: Tls::Plain,
            },
            secret: Secret::new(String::new()),
        };
        let started = command(&lab.place, &["start", &dir, "--json"]);
        assert!(started.status.success(), "{started:?}");
        let said: serde_json::Value = serde_json::from_slice(&started.stdout).unwrap();
        lab.target.host = said["ldap"]["host"].as_str().unwrap().into();
        lab.target.port = u16::try_from(said["ldap"]["port"].as_u64().unwrap()).unwrap();
        let secrets = std::fs::read_to_string(lab.dir().join("secrets.toml")).unwrap();
        let secrets: toml::Table = secrets.parse().unwrap();
        lab.secret = Secret::new(secrets["directory"].as_str().unwrap().to_owned());
        lab
    }

    fn dir(&self) -> PathBuf {
        self.place.path().join("lab")
    }

    async fn open(&self) -> Connection {
        Connection::open(&self.target, &self.secret).await.unwrap()
    }
}

/// Every entry with its attributes and values, sorted.
async fn dump(connection: &Connection) -> BTreeMap<String, Vec<(String, Vec<u8>)>> {
    let found = connection
        .search("o=internet", Scope::Subtree, "(objectClass=*)", &["*"])
        .await
        .unwrap();
    found
        .entries
        .into_iter()
        .map(|entry| {
            let mut all: Vec<_> = entry
                .attributes
                .into_iter()
                .flat_map(|(name, values)| {
                    let name = name.to_ascii_lowercase();
                    values.into_iter().map(move |value| (name.clone(), value))
                })
                .collect();
            all.sort();
            (entry.dn, all)
        })
        .collect()
}

async fn plans(connection: &Connection) -> Vec<EntryPlan> {
    let rules = Rules::sims().unwrap();
    let mut plans = Vec::new();
    for entries in [Entries::Domains, Entries::UsersAndGroups] {
        let preview = preview(connection, &rules, "o=internet", entries)
            .await
            .unwrap();
        assert!(preview.counts.examined > 0);
        assert_eq!(preview.counts.refused, 0, "{:?}", preview.odd);
        plans.extend(preview.plans);
    }
    plans
}

#[tokio::test]
async fn a_lab_takes_the_merged_schema_and_the_upgrade_and_both_are_undone() {
    let lab = Lab::start("40", "7");
    let connection = lab.open().await;
    let merged = Schema::merged();
    let before_schema = Schema::read(&connection).await.unwrap();
    assert_eq!(before_schema.unreadable, Vec::<String>::new());
    assert_eq!(
        before_schema.presence(Kind::Class, "inetLocalMailRecipient"),
        Presence::No
    );
    let before = dump(&connection).await;
    let planned = plans(&connection).await;
    assert!(planned.len() > 40, "{}", planned.len());
    let file = lab.place.path().join("undo.ldif");

    // Without the schema every entry is refused and none is changed.
    let mut sink = FileUndo::open(&file).unwrap();
    let refused = apply(&connection, &planned, &mut sink, &mut |_| {})
        .await
        .unwrap();
    let failed = |r: &EntryResult| matches!(r, EntryResult::Failed { .. });
    assert!(
        refused.outcomes.iter().all(|o| failed(&o.result)),
        "{:?}",
        refused.outcomes
    );
    assert_eq!(dump(&connection).await, before);

    let comparison = compare(&before_schema, &merged);
    let kept = undo_ldif(&before_schema.dn, &comparison.changes);
    let outcomes = merge(&connection, &before_schema.dn, &comparison.changes)
        .await
        .unwrap();
    let bad: Vec<_> = outcomes.iter().filter(|o| !o.is_good()).collect();
    assert!(bad.is_empty(), "{bad:?}");
    let now = Schema::read(&connection).await.unwrap();
    assert!(
        compare(&now, &merged).is_merged(),
        "{:?}",
        compare(&now, &merged).changes
    );

    let applied = apply(&connection, &planned, &mut sink, &mut |_| {})
        .await
        .unwrap();
    let bad: Vec<_> = applied.outcomes.iter().filter(|o| !o.is_good()).collect();
    assert!(bad.is_empty() && applied.stopped.is_none(), "{bad:?}");
    let verified = verify(&connection, &planned).await.unwrap();
    assert!(verified.iter().all(|o| o.result == EntryResult::Already));
    assert!(plans(&connection).await.is_empty());
    for left in [searches::SIMS_STILL_TO_DO, searches::DOMAINS_STILL_TO_DO] {
        let found = connection
            .search("o=internet", Scope::Subtree, left, &["1.1"])
            .await
            .unwrap();
        assert_eq!(found.entries, []);
    }

    let records = read_undo(&file).unwrap();
    let undone = undo(&connection, &records, &mut |_| {}).await;
    let bad: Vec<_> = undone.outcomes.iter().filter(|o| !o.is_good()).collect();
    assert!(bad.is_empty() && undone.stopped.is_none(), "{bad:?}");
    assert_eq!(dump(&connection).await, before);

    let (dn, changes) = from_undo_ldif(&kept).unwrap();
    let outcomes = undo_schema(&connection, &dn, &changes).await.unwrap();
    let bad: Vec<_> = outcomes.iter().filter(|o| !o.is_good()).collect();
    assert!(bad.is_empty(), "{bad:?}");
    let after = Schema::read(&connection).await.unwrap();
    assert_eq!(after.definitions.len(), before_schema.definitions.len());
    for definition in &before_schema.definitions {
        let there = after.find(definition.kind, definition.name()).unwrap();
        assert!(
            there.same_as(definition),
            "{} / {}",
            there.text,
            definition.text
        );
    }
    assert_eq!(
        compare(&after, &merged).changes.len(),
        comparison.changes.len()
    );
}

#[tokio::test]
async fn a_lab_answers_wrong_passwords_and_bases_like_a_server() {
    let lab = Lab::start("3", "1");
    let wrong = Connection::open(&lab.target, &Secret::new("wrong".into()))
        .await
        .unwrap_err();
    assert!(
        wrong.to_string().contains("cn=Directory Manager"),
        "{wrong}"
    );
    let connection = lab.open().await;
    let dse = connection.root_dse().await.unwrap();
    assert_eq!(dse.schema_dn, "cn=schema");
    assert!(
        dse.naming_contexts
            .iter()
            .any(|c| c.eq_ignore_ascii_case("o=internet"))
    );
    let rules = Rules::sims().unwrap();
    let error = preview(&connection, &rules, "o=nowhere", Entries::Domains)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("o=nowhere"), "{error}");
}
