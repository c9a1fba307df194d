//! Checks before the move, each with its fault and in a clean world.

use super::{BEFORE, Proof, SLAPD};
use crate::wizard_side::SBIN;
use imsmigrate::check::Outcome;
use imsmigrate::directory::{Schema, schema};
use imsmigrate::lab::queue::{self, Envelope, State};
use imsmigrate::lab::sims::SimsStore;
use std::fs;
use std::net::TcpListener;
#[tokio::test(flavor = "multi_thread")]
async fn checks_before_the_move_find_their_faults_and_nothing_in_a_clean_world() {
    let mut proof = Proof::new("8", "5");
    the_directory(&mut proof).await;
    entries(&mut proof).await;
    strays(&mut proof).await;
    room_and_ports(&mut proof).await;
    schema_and_backup(&mut proof).await;
    the_old_server(&mut proof).await;
    proof.complete(BEFORE);
}

async fn the_directory(proof: &mut Proof) {
    let right = proof.place.context.password.clone();
    let wrong = imsmigrate::base::Secret::new("wrong".to_owned());
    proof.place.context.password = Some(wrong);
    proof
        .finds("ldap-answers", Outcome::Failed, "cn=Directory Manager")
        .await;
    proof.place.context.password = right;
    proof.holds("ldap-answers").await;

    proof.holds("directory-product").await;
    let file = proof.real(&format!("{SLAPD}/config/slapd.conf"));
    let before = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("release 4.16\n{before}")).unwrap();
    let restart = format!("{SLAPD}/restart-slapd");
    proof.place.ok(&[&restart]).await;
    proof
        .finds("directory-product", Outcome::Warning, "4.16")
        .await;
    fs::write(&file, before).unwrap();
    proof.place.ok(&[&restart]).await;
    proof.holds("directory-product").await;

    proof.place.ok(&[&format!("{SLAPD}/stop-slapd")]).await;
    proof
        .finds("ldap-answers", Outcome::Failed, "refused")
        .await;
    proof.finds_and_mends("slapd-up", "").await;

    let there = &mut proof.place.context.site.directory.default_domain_dn;
    let right = std::mem::replace(there, "dc=nowhere,o=internet".to_owned());
    proof.finds("base-dn", Outcome::Failed, "dc=nowhere").await;
    proof.place.context.site.directory.default_domain_dn = right;
    proof.holds("base-dn").await;
}

/// An entry of a mail user as SIMS makes them.
fn user(uid: &str) -> String {
    format!(
        "dn: uid={uid},ou=People,dc=siroe,dc=com,o=internet\nchangetype: add\nobjectClass: top\n\
         objectClass: person\nobjectClass: organizationalPerson\nobjectClass: inetOrgPerson\n\
         objectClass: inetSubscriber\nobjectClass: inetMailUser\nobjectClass: inetMailRouting\n\
         cn: Somebody\nsn: Somebody\nuid: {uid}\nmail: somebody@siroe.com\n\
         inetMailUserVersion: 1.0\nmailHost: mail.siroe.com\n"
    )
}

fn gone(uid: &str) -> String {
    format!("dn: uid={uid},ou=People,dc=siroe,dc=com,o=internet\nchangetype: delete\n")
}

async fn entries(proof: &mut Proof) {
    proof.holds("uids").await;
    // `uid` takes no notice of case, so the twin lives elsewhere in the same domain.
    let twin = user("anderson").replace("ou=People", "ou=Groups");
    proof.ldif(&twin).await;
    proof
        .finds("uids", Outcome::Failed, "differ only in case")
        .await;
    proof
        .ldif(&gone("anderson").replace("ou=People", "ou=Groups"))
        .await;
    proof.ldif(&user("a%b")).await;
    proof.finds("uids", Outcome::Failed, "contains `%`").await;
    proof.ldif(&gone("a%b")).await;
    proof.holds("uids").await;

    proof.passes("entries").await;
    let twice = user("twice") + "mailHost: www.siroe.com\n";
    proof.ldif(&twice).await;
    proof.finds("entries", Outcome::Failed, "uid=twice").await;
    proof.ldif(&gone("twice")).await;
    proof.passes("entries").await;

    proof.holds("mail-hosts").await;
    let moved = user("stray").replace("mailHost: mail.", "mailHost: www.");
    proof.ldif(&moved).await;
    proof
        .finds("mail-hosts", Outcome::Failed, "`www.siroe.com` (uid=stray")
        .await;
    proof.place.context.site.new.aliases = vec!["WWW.siroe.com".to_owned()];
    proof
        .finds("mail-hosts", Outcome::Warning, "by itself")
        .await;
    proof.place.context.site.new.aliases.clear();
    proof.ldif(&gone("stray")).await;
    proof.holds("mail-hosts").await;
}

async fn strays(proof: &mut Proof) {
    proof.holds("mailbox-owners").await;
    let store = SimsStore::open(&proof.real("/")).unwrap();
    store
        .append("ghost", b"INBOX", b"boo\r\n", &[], 1_013_644_800)
        .unwrap();
    proof
        .finds("mailbox-owners", Outcome::Warning, "ghost")
        .await;
    fs::remove_dir_all(proof.real("/var/opt/SUNWmail/ims/user/ghost")).unwrap();
    proof.ldif(&user("newcomer")).await;
    let report = proof
        .until("mailbox-owners", |r| r.outcome == Outcome::Ok)
        .await;
    assert!(report.detail.contains("no mailbox yet: "), "{report:?}");
    assert!(report.detail.contains("newcomer"), "{report:?}");
    proof.ldif(&gone("newcomer")).await;

    proof.holds("var-mail").await;
    let spool = proof.real("/var/mail");
    fs::create_dir_all(&spool).unwrap();
    for (file, content) in [("root", "cron"), ("lost", ""), ("Anderson.lock", "1")] {
        fs::write(spool.join(file), content).unwrap();
    }
    proof.holds("var-mail").await;
    fs::write(spool.join("anderson"), "From x\n\nmail\n").unwrap();
    let report = proof.finds("var-mail", Outcome::Failed, "anderson").await;
    assert!(
        report.inhibits && !report.detail.contains("root"),
        "{report:?}"
    );
    fs::remove_file(spool.join("anderson")).unwrap();
    let old_way = user("oldway").replace("mailHost", "mailFolderMap: UNIX V7\nmailHost");
    proof.ldif(&old_way).await;
    proof
        .finds("var-mail", Outcome::Warning, "uid=oldway")
        .await;
    proof.ldif(&gone("oldway")).await;
    let file = proof.real("/etc/opt/SUNWmail/ims/ims.cnf");
    let before = fs::read_to_string(&file).unwrap();
    fs::write(&file, before.replace("ims-varmail: OFF", "ims-varmail: ON")).unwrap();
    proof
        .finds("var-mail", Outcome::Warning, "ims-varmail")
        .await;
    fs::remove_file(&file).unwrap();
    proof.finds("var-mail", Outcome::Unknown, "ims.cnf").await;
    fs::write(&file, before).unwrap();
    proof.holds("var-mail").await;
}

async fn room_and_ports(proof: &mut Proof) {
    proof.holds("disk-space").await;
    proof.holds("inodes").await;
    proof.drill("disk-kb = 100\n");
    proof.finds("disk-space", Outcome::Failed, "needed").await;
    proof.drill("disk-inodes = 100\n");
    proof
        .finds("inodes", Outcome::Failed, "0 can be made")
        .await;
    proof.drill("");
    let quota = proof.real(&format!("{SBIN}/imquotacheck"));
    let before = fs::read(&quota).unwrap();
    fs::write(&quota, "#!/bin/sh\necho '\x1b[2Jwhat?'\n").unwrap();
    let report = proof.finds("inodes", Outcome::Unknown, "what?").await;
    assert!(
        report.inhibits && !report.detail.contains('\x1b'),
        "{report:?}"
    );
    proof
        .finds("disk-space", Outcome::Warning, "not known")
        .await;
    fs::write(&quota, before).unwrap();
    proof.holds("disk-space").await;
    proof.holds("inodes").await;

    proof.holds("config-directory-port").await;
    let host = &proof.place.host;
    let taken = (host.address.as_str(), 390 + host.port_offset);
    let squatter = TcpListener::bind(taken).unwrap();
    proof
        .finds("config-directory-port", Outcome::Failed, "not installed")
        .await;
    drop(squatter);
    proof.holds("config-directory-port").await;
}

async fn schema_and_backup(proof: &mut Proof) {
    proof
        .finds("schema-merged", Outcome::Failed, "missing")
        .await;
    let connection = proof.place.connection().await;
    let current = Schema::read(&connection).await.unwrap();
    let changes = schema::compare(&current, &Schema::merged()).changes;
    schema::merge(&connection, &current.dn, &changes)
        .await
        .unwrap();
    connection.close().await;
    proof.passes("schema-merged").await;

    proof
        .finds("directory-backup", Outcome::Unknown, "no backup")
        .await;
    let path = format!("{SLAPD}/ldif/checks.ldif");
    proof.place.context.backup = Some(path.clone());
    proof
        .finds("directory-backup", Outcome::Failed, "there is no")
        .await;
    let db2ldif = format!("{SLAPD}/bin/db2ldif");
    proof.place.ok(&[&db2ldif, &path]).await;
    proof.passes("directory-backup").await;
    let whole = fs::read(proof.real(&path)).unwrap();
    fs::write(proof.real(&path), &whole[..whole.len() - 9]).unwrap();
    proof
        .finds("directory-backup", Outcome::Failed, "not whole")
        .await;
    let text = String::from_utf8(whole).unwrap();
    let half = text.split("\n\n").take(4).collect::<Vec<_>>().join("\n\n");
    fs::write(proof.real(&path), half + "\n").unwrap();
    proof
        .finds("directory-backup", Outcome::Failed, "the directory has")
        .await;
    fs::remove_file(proof.real(&path)).unwrap();
    proof.place.ok(&[&db2ldif, &path]).await;
    proof.passes("directory-backup").await;
}

async fn the_old_server(proof: &mut Proof) {
    let imta = format!("{SBIN}/imta");
    proof.holds("sims-up").await;
    proof.holds("smtp-open").await;
    proof
        .finds_and_mends("smtp-closed", "still takes connections")
        .await;
    proof.finds_and_mends("smtp-open", "refuses").await;
    proof.place.ok(&[&imta, "stop", "dispatcher"]).await;
    proof.place.ok(&[&imta, "stop", "job_controller"]).await;
    let report = proof
        .finds("smtp-closed", Outcome::Failed, "job controller")
        .await;
    let folder = proof.real("/var/opt/SUNWmail/imta/queue");
    let accounts = proof.place.folder.path().join("lab/accounts.jsonl");
    let accounts = fs::read_to_string(accounts).unwrap();
    let somebody: serde_json::Value =
        serde_json::from_str(accounts.lines().next().unwrap()).unwrap();
    let envelope = Envelope {
        from: "lena@pilot.example.org".to_owned(),
        to: vec![somebody["mail"].as_str().unwrap().to_owned()],
        arrived: 1_013_644_800,
        hops: 0,
    };
    let put = |state| queue::enqueue(&folder, queue::OLD_LOCAL, &envelope, b"x\r\n", state);
    put(State::Ready).unwrap();
    let held = put(State::Held).unwrap();
    let left = proof.finds("queue-empty", Outcome::Failed, "1 HELD").await;
    assert!(left.inhibits, "{left:?}");
    proof.mend(&report).await;
    // Only what is HELD is left: that is said apart, and nothing waits for it.
    proof
        .finds("queue-empty", Outcome::Warning, "1 message is HELD")
        .await;
    fs::remove_file(held).unwrap();
    proof.passes("queue-empty").await;

    proof.finds_and_mends("sims-stopped", "still running").await;
    proof.place.ok(&[&format!("{SLAPD}/stop-slapd")]).await;
    proof
        .finds_and_mends("sims-stopped", "so is the directory")
        .await;
    proof.finds_and_mends("sims-up", "not running").await;
}
