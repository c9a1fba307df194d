//! Checks from the installation on, each with its fault and in a clean world.

use super::{AFTER, Proof, SLAPD};
use crate::wizard_side::{IMSRESTORE, INSTANCE, SBIN, residents, words};
use imsmigrate::check::Outcome;
use imsmigrate::directory::{Schema, schema};
use imsmigrate::host::RunOptions;
use imsmigrate::lab::ims::ImsStore;
use imsmigrate::lab::queue::{self, Envelope, State};
use imsmigrate::store::{Inventory, StoreUser, rename_map};
use std::fs;
#[tokio::test(flavor = "multi_thread")]
async fn checks_from_the_installation_on_find_their_faults_and_nothing_in_a_clean_world() {
    let mut proof = Proof::new("12", "8");
    installation(&mut proof).await;
    services(&mut proof).await;
    settings(&mut proof).await;
    upgrade(&mut proof).await;
    mailboxes(&mut proof).await;
    into_service(&mut proof).await;
    proof.complete(AFTER);
}

async fn installation(proof: &mut Proof) {
    proof
        .place
        .ok(&[&format!("{SBIN}/im.server"), "stop"])
        .await;
    proof.place.until("sims-stopped", Outcome::Ok).await;
    proof
        .finds("ims-installed", Outcome::Failed, "start-msg")
        .await;
    proof
        .finds("setup-answers", Outcome::Failed, "no instance")
        .await;
    proof.holds("ims-removed").await;
    proof.place.set_up("No\n390\n").await;
    proof.holds("ims-installed").await;
    proof.finds("ims-removed", Outcome::Failed, "").await;
    let tool = proof.real(IMSRESTORE);
    let aside = tool.with_extension("aside");
    fs::rename(&tool, &aside).unwrap();
    proof
        .finds("ims-installed", Outcome::Failed, "imsrestore")
        .await;
    fs::rename(&aside, &tool).unwrap();
    proof.holds("ims-installed").await;

    proof.holds("setup-answers").await;
    proof.place.context.site.new.config_directory_port = 391;
    proof
        .finds("setup-answers", Outcome::Failed, "port 391")
        .await;
    proof.place.context.site.new.config_directory_port = 390;
    proof.holds("setup-answers").await;
}

async fn services(proof: &mut Proof) {
    let start = format!("{INSTANCE}/start-msg");
    proof.finds_and_mends("ims-stopped", "still running").await;
    proof.place.ok(&[&start, "store"]).await;
    proof
        .finds_and_mends("store-stopped", "still running: stored")
        .await;
    proof.finds_and_mends("only-store-up", "does not run").await;
    proof.place.ok(&[&start, "imap"]).await;
    proof
        .finds("only-store-up", Outcome::Failed, "also running: imapd")
        .await;
    let stop = format!("{INSTANCE}/stop-msg");
    proof.place.ok(&[&stop, "imap"]).await;
    proof.holds("only-store-up").await;
}

async fn settings(proof: &mut Proof) {
    proof.finds("settings", Outcome::Unknown, "nothing").await;
    let password = proof.place.context.password.clone().unwrap();
    let values = [
        ("local.ugldapbasedn", "o=internet"),
        ("local.ugldapbinddn", "cn=Directory Manager"),
        ("local.ugldapbindcred", password.expose()),
        ("local.ugldapdeforgdn", "dc=siroe,dc=com,o=internet"),
        ("local.ugldaphost", "mail.siroe.com"),
        ("local.ugldapport", "389"),
    ];
    for (name, value) in values {
        proof.place.set(name, value).await;
    }
    proof.holds("settings").await;
    let configutil = format!("{INSTANCE}/configutil");
    let set = async |proof: &Proof, name: &str, value: &str| {
        proof
            .place
            .ok(&[&configutil, "-o", name, "-v", value])
            .await;
    };
    set(proof, "local.ugldapport", "636").await;
    proof
        .finds("settings", Outcome::Failed, "is `636`, should be `389`")
        .await;
    set(proof, "local.ugldapport", "389").await;
    proof.holds("settings").await;

    proof.holds("login-separator").await;
    set(proof, "service.loginseparator", "+").await;
    proof
        .finds_and_mends("login-separator", "the new one `+`")
        .await;

    proof.finds("synclevel-0", Outcome::Failed, "-1").await;
    set(proof, "local.store.synclevel", "0").await;
    proof.holds("synclevel-0").await;
    proof.finds_and_mends("synclevel-default", "it is 0").await;
}

async fn upgrade(proof: &mut Proof) {
    let connection = proof.place.connection().await;
    let current = Schema::read(&connection).await.unwrap();
    let changes = schema::compare(&current, &Schema::merged()).changes;
    schema::merge(&connection, &current.dn, &changes)
        .await
        .unwrap();
    connection.close().await;
    proof.place.ok(&[&format!("{SLAPD}/restart-slapd")]).await;
    proof
        .finds("domains-upgraded", Outcome::Failed, "are not")
        .await;
    let password = proof.place.context.password.clone().unwrap();
    let imsdirmig = "/usr/iplanet/server5/bin/msg/migrate/bin/imsdirmig";
    let argv = |what| {
        [
            imsdirmig,
            "-h",
            "mail.siroe.com",
            "-b",
            "o=internet",
            "-M",
            "sims",
            "-D",
            "cn=Directory Manager",
            "-w",
            password.expose(),
            "-m",
            what,
        ]
    };
    proof.place.ok(&argv("domains")).await;
    proof.holds("domains-upgraded").await;
    proof.finds("upgraded", Outcome::Failed, "are not").await;
    proof.place.ok(&argv("both")).await;
    proof.holds("upgraded").await;
}

async fn mailboxes(proof: &mut Proof) {
    proof
        .finds("folder-names", Outcome::Unknown, "listed")
        .await;
    let everybody: Vec<StoreUser> = residents(&proof.place)
        .await
        .into_iter()
        .map(|(user, _)| user)
        .collect();
    let expected = proof.place.expected(&everybody).await;
    proof.place.context.expected = Some(expected.clone());
    proof.place.context.users = Some(everybody.clone());
    proof
        .finds("folder-names", Outcome::Warning, "become")
        .await;
    let mut plain = Inventory::default();
    for (user, folders) in expected.users() {
        let odd = !expected.renamed(user).is_empty() || !expected.collisions(user).is_empty();
        for (folder, count) in folders.iter().filter(|_| !odd) {
            plain.add(user, folder.clone(), *count);
        }
    }
    proof.place.context.expected = Some(plain);
    proof.holds("folder-names").await;
    proof.place.context.expected = Some(expected);

    proof
        .finds("tape-holds-everyone", Outcome::Failed, "")
        .await;
    let imbackup = format!("{SBIN}/imbackup");
    proof.place.ok(&[&imbackup, "-f", "/dev/rmt/0"]).await;
    proof.holds("tape-holds-everyone").await;
    let tape = proof.real("/dev/rmt/0");
    let whole = fs::read(&tape).unwrap();
    fs::write(&tape, &whole[..whole.len() / 2 / 512 * 512]).unwrap();
    proof
        .finds("tape-holds-everyone", Outcome::Failed, "")
        .await;
    fs::write(&tape, &whole).unwrap();
    proof.holds("tape-holds-everyone").await;

    proof
        .finds("mailboxes-complete", Outcome::Failed, "users")
        .await;
    let map = rename_map(&everybody).unwrap();
    let file = "/var/tmp/checks.rename";
    let host = &proof.place.host;
    host.write_file(file, map.render().as_bytes(), None)
        .await
        .unwrap();
    let restored = proof.place.restore(&everybody, Some(file)).await;
    assert!(restored.is_whole(), "{restored:?}");
    proof.holds("mailboxes-complete").await;

    proof.holds("no-new-mail").await;
    let store = ImsStore::open(&proof.real(INSTANCE)).unwrap();
    let whose = everybody.first().unwrap().new_id();
    store
        .append(whose, "INBOX", b"Subject: new\r\n\r\nx\r\n", &[], 0)
        .unwrap();
    proof
        .finds("no-new-mail", Outcome::Failed, "1 message ")
        .await;
    let queue = proof.real(&format!("{INSTANCE}/imta/queue"));
    let envelope = Envelope {
        from: "lena@pilot.example.org".to_owned(),
        to: vec!["anderson@siroe.com".to_owned()],
        arrived: 1_013_644_800,
        hops: 0,
    };
    let waiting = queue::enqueue(&queue, "ims-ms", &envelope, b"x\r\n", State::Ready).unwrap();
    proof
        .finds("no-new-mail", Outcome::Failed, "queues of the new server")
        .await;
    fs::remove_file(waiting).unwrap();
}

async fn into_service(proof: &mut Proof) {
    proof.place.ok(&[&format!("{INSTANCE}/stop-msg")]).await;
    let networks = ["192.0.2.0/24", "127.77.0.0/16"].map(str::to_owned);
    proof.place.context.site.relay.networks = networks.to_vec();
    let mappings = proof.real(&format!("{INSTANCE}/imta/config/mappings"));
    proof
        .finds("relay", Outcome::Failed, "may not relay: 192.0.2.0/24")
        .await;
    let open = "INTERNAL_IP\n\n  $(192.0.2.0/24)  $Y\n  $(127.77.0.0/16)  $Y\n  *  $Y\n";
    fs::write(&mappings, open).unwrap();
    proof.finds("relay", Outcome::Failed, "everybody").await;

    proof.finds_and_mends("dirsync-done", "").await;
    proof.finds_and_mends("ims-up", "not running").await;
    proof
        .finds("relay-answers", Outcome::Failed, "which is not listed")
        .await;
    fs::write(&mappings, "INTERNAL_IP\n\n  *  $N\n").unwrap();
    let restart = ["imsimta", "restart", "dispatcher"];
    let imsimta = format!("{INSTANCE}/{}", restart[0]);
    proof.place.ok(&[&imsimta, restart[1], restart[2]]).await;
    proof
        .finds("relay-answers", Outcome::Failed, "which is listed")
        .await;
    // The right table, and a server that has not read it yet.
    fs::write(&mappings, open.replace("*  $Y", "*  $N")).unwrap();
    proof.holds("relay").await;
    proof.finds_and_mends("relay-answers", "is refused").await;
    proof.place.context.site.relay.networks.truncate(1);
    proof
        .finds("relay-answers", Outcome::Warning, "no listed address")
        .await;

    let file = "/var/tmp/checks-aci.ldif";
    proof.finds("aci-loaded", Outcome::Unknown, "no LDIF").await;
    let options = RunOptions {
        stdout_to: Some(file.to_owned()),
        ..RunOptions::default()
    };
    let imsdaaci = words(&["/usr/iplanet/server5/bin/msg/migrate/bin/imsdaaci"]);
    let host = &proof.place.host;
    let made = host.run(&proof.place.effect(), &imsdaaci, options).await;
    assert_eq!(made.unwrap().status, Some(0));
    proof.place.context.aci_ldif = Some(file.to_owned());
    proof
        .finds("aci-loaded", Outcome::Failed, "not as in")
        .await;
    let text = fs::read_to_string(proof.real(file)).unwrap();
    proof.ldif(&text).await;
    proof.holds("aci-loaded").await;

    let root = proof.place.context.site.old.store_root.clone();
    proof
        .finds("old-store-removed", Outcome::Failed, "still there")
        .await;
    proof.place.host.remove_tree(&root).await.unwrap();
    proof.holds("old-store-removed").await;
}
