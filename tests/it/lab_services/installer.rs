//! The stand-in installer, and the settings that `configutil` keeps.

use super::{ANSWERS, CONFIGUTIL, IM_SERVER, INSTANCE, SETUP, World, err, out};
use imsmigrate::lab::ims::ImsStore;
use std::fs;
#[test]
fn the_installer_refuses_a_taken_port_and_starts_everything_at_its_end() {
    let world = World::new();
    world.ok(IM_SERVER, &["stop"]);
    let answers = ANSWERS.replacen("390", "389\nnonsense\n390", 1);
    let setup = world.talk(SETUP, &[], &answers);
    assert!(setup.status.success(), "{}{}", out(&setup), err(&setup));
    assert!(
        out(&setup).contains("Port 389 is in use"),
        "{}",
        out(&setup)
    );
    assert!(!out(&setup).contains("cfg-secret"));
    for port in [25, 80, 110, 143, 390] {
        assert!(world.connect(port).is_ok(), "{port}");
    }
    let mut http = world.connect(80).unwrap();
    assert!(http.ask("GET / HTTP/1.0\r\n").starts_with("HTTP/1.0 200"));
    let again = world.talk(SETUP, &[], "\n");
    assert_eq!(again.status.code(), Some(1));
    assert!(
        out(&again).contains("installed there already"),
        "{}",
        out(&again)
    );
    let ps = world.ok("/usr/bin/ps", &["-ef"]);
    assert!(ps.contains("stored") && ps.contains("imapd"), "{ps}");
    world.ok(&format!("{INSTANCE}/stop-msg"), &[]);
    for port in [25, 80, 110, 143] {
        assert!(world.connect(port).is_err(), "{port}");
    }
}

#[test]
fn an_installer_that_loses_its_operator_leaves_nothing() {
    let world = World::new();
    let setup = world.talk(SETUP, &[], "\n\n\n\n390\n\n\ncfg-secret\n");
    assert_eq!(setup.status.code(), Some(1));
    assert!(
        err(&setup).contains("nothing was installed"),
        "{}",
        err(&setup)
    );
    assert!(!world.real("/usr/iplanet").exists());
}

#[test]
fn an_installation_beside_a_running_old_server_ends_with_bind_errors() {
    let world = World::new();
    let setup = world.talk(SETUP, &[], ANSWERS);
    assert_eq!(setup.status.code(), Some(1));
    for port in ["25", "110", "143"] {
        assert!(
            err(&setup).contains(&format!("port {port} is in use")),
            "{}",
            err(&setup)
        );
    }
    assert!(world.real(INSTANCE).join("start-msg").exists());
}

#[test]
fn a_wrong_answer_to_the_other_directory_is_taken_and_shows_in_the_settings() {
    let world = World::new();
    world.ok(IM_SERVER, &["stop"]);
    let answers = "\n\n\nYes\n\n\n390\n\n\ncfg-secret\ncfg-secret\no=wrong\n\n\n";
    let setup = world.talk(SETUP, &[], answers);
    assert!(setup.status.success(), "{}{}", out(&setup), err(&setup));
    let value = |name: &str| world.ok(CONFIGUTIL, &["-o", name]);
    assert_eq!(value("local.ugldapport"), "389\n");
    assert_eq!(value("local.ugldapdeforgdn"), "o=wrong\n");
}

#[test]
fn configutil_sets_lists_clears_and_needs_the_configuration_directory() {
    let world = World::installed();
    let value = |name: &str| world.ok(CONFIGUTIL, &["-o", name]);
    assert_eq!(value("service.loginseparator"), "@\n");
    for separator in ["+", "@", "+"] {
        world.ok(
            CONFIGUTIL,
            &["-o", "service.loginseparator", "-v", separator],
        );
        assert_eq!(value("service.loginseparator"), format!("{separator}\n"));
    }
    world.ok(
        CONFIGUTIL,
        &["-o", "local.imta.schematag", "-v", "sims40,ims50"],
    );
    world.ok(CONFIGUTIL, &["-o", "local.imta.schematag", "-v", ""]);
    assert_eq!(value("local.imta.schematag"), "\n");
    world.ok(CONFIGUTIL, &["-o", "local.store.synclevel", "-v", "0"]);
    world.ok(CONFIGUTIL, &["-o", "local.store.synclevel", "-v", "-1"]);
    assert_eq!(value("local.store.synclevel"), "-1\n");
    let input = world.real("/tmp/settings");
    fs::write(
        &input,
        "local.imta.ugfilter=(|(a=b)(c=d))\nservice.imap.banner;lang-de=Guten Tag\n",
    )
    .unwrap();
    world.ok(CONFIGUTIL, &["-i", "/tmp/settings"]);
    assert_eq!(value("local.imta.ugfilter"), "(|(a=b)(c=d))\n");
    assert_eq!(value("service.imap.banner;lang-de"), "Guten Tag\n");
    let listed = world.ok(CONFIGUTIL, &["-p", "service."]);
    assert!(
        listed.contains("service.loginseparator = +\n") && !listed.contains("local."),
        "{listed}"
    );
    world.fails(CONFIGUTIL, &["-o"], "option requires an argument");
    world.ok("/usr/iplanet/server5/slapd-mail/stop-slapd", &[]);
    world.fails(
        CONFIGUTIL,
        &["-o", "local.ugldaphost"],
        "configuration directory",
    );
    world.fails(
        CONFIGUTIL,
        &["-o", "local.ugldaphost", "-v", "x"],
        "configuration directory",
    );
    world.fails(
        &format!("{INSTANCE}/start-msg"),
        &[],
        "configuration directory",
    );
    world.ok("/usr/iplanet/server5/slapd-mail/start-slapd", &[]);
    assert_eq!(
        value("local.ugldaphost"),
        "mail.siroe.com\n",
        "nothing was set meanwhile"
    );
    assert_eq!(
        value("service.loginseparator"),
        "+\n",
        "it survives a restart"
    );
}

#[test]
fn the_sync_level_counts_from_the_next_start_of_stored() {
    let world = World::installed();
    let instance = world.real(INSTANCE);
    let level = || fs::read_to_string(instance.join("config/stored.level")).unwrap();
    let stored = "/usr/iplanet/server5/bin/msg/admin/bin/stored";
    assert_eq!(world.run(stored, &["-t"]).status.code(), Some(1));
    world.ok(&format!("{INSTANCE}/start"), &["stored"]);
    assert_eq!(level(), "-1\n");
    world.ok(CONFIGUTIL, &["-o", "local.store.synclevel", "-v", "0"]);
    assert_eq!(level(), "-1\n");
    world.ok(stored, &["-t", "-v"]);
    assert!(world.connect(143).is_err(), "only the store is up");
    world.ok(&format!("{INSTANCE}/stop-msg"), &["store"]);
    world.ok(&format!("{INSTANCE}/start-msg"), &["store"]);
    assert_eq!(level(), "0\n");
    let store = ImsStore::open(&instance).unwrap();
    store.append("x", "INBOX", b"m", &[], 1).unwrap();
    assert!(instance.join("store/unsynced").exists());
    world.ok(&format!("{INSTANCE}/stop-msg"), &["store"]);
    assert!(!instance.join("store/unsynced").exists());
    assert_eq!(store.messages("x", "INBOX").unwrap().len(), 1);
}
