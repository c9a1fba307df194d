//! Each rule for a site, with a file that breaks it.

use super::{Site, template};
use crate::base::Hint;
use crate::scenario::{Role, names::FIELDS};

fn good() -> String {
    template("sims-offline").unwrap()
}

fn broken(from: &str, to: &str) -> String {
    let text = good();
    assert!(text.contains(from), "{from}");
    let problems = Site::parse("site.toml", &text.replacen(from, to, 1)).unwrap_err();
    format!("{problems} | {}", problems.hints().join(" | "))
}

#[test]
fn the_template_is_a_valid_site_with_the_guides_values() {
    let site = Site::parse("site.toml", &good()).unwrap();
    assert_eq!(site.lookup("old.host").as_deref(), Some("mail.siroe.com"));
    assert_eq!(site.directory.base_dn, "o=internet");
    assert_eq!(
        site.endpoint(Role::Directory, 389),
        Some(("mail.siroe.com".to_owned(), 389))
    );
}

#[test]
fn the_format_in_the_rustdoc_is_a_valid_site() {
    let source = include_str!("../site.rs");
    let (_, rest) = source.split_once("//! ```toml\n").unwrap();
    let (text, _) = rest.split_once("//! ```").unwrap();
    let text = text.replace("\n//!", "\n").replacen("//!", "", 1);
    Site::parse("rustdoc", &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
}

#[test]
fn every_placeholder_a_scenario_may_use_has_a_value() {
    let sims = Site::parse("site.toml", &good()).unwrap();
    let nms = Site::parse("site.toml", &template("nms-unix").unwrap()).unwrap();
    for (name, _) in FIELDS {
        let said = [&sims, &nms].map(|site| site.lookup(name).is_some());
        assert!(said.contains(&true), "{name}");
    }
    let site = sims;
    assert_eq!(site.lookup("new.colour"), None);
}

#[test]
fn what_belongs_to_another_product_is_refused_and_what_is_missing_is_named() {
    let text = template("nms-unix").unwrap();
    let site = Site::parse("site.toml", &text).unwrap();
    assert_eq!(site.product(), crate::scenario::Product::Nms);
    let told = |text: &str| Site::parse("site.toml", text).unwrap_err().to_string();
    let without = told(&text.replace("mailq = \"/usr/bin/mailq\"", ""));
    assert!(without.contains("`old.mailq` is missing"), "{without}");
    let other = told(&text.replace("primary = ", "second = "));
    assert!(other.contains("no partition `primary`"), "{other}");
    let same = told(&text.replace("drain_port = 901", "drain_port = 25"));
    assert!(same.contains("another than SMTP's"), "{same}");
    let sims = broken("[old]\n", "[old]\ndrain_port = 901\n");
    assert!(sims.contains("the site is not"), "{sims}");
}

#[test]
fn a_site_survives_being_saved() {
    let site = Site::parse("site.toml", &good()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.toml");
    site.save(&path).unwrap();
    assert_eq!(Site::load(&path).unwrap(), site);
}

#[test]
fn a_missing_file_says_how_to_make_one() {
    let error = Site::load(std::path::Path::new("/nowhere/site.toml")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/site.toml"), "{error}");
    assert!(error.hints()[0].contains("site new"));
}

#[test]
fn a_practice_site_reaches_loopback_through_its_launcher_only() {
    let said = broken("label = \"live\"", "label = \"practice\"");
    assert!(
        said.contains(
            "hosts[0].transport: a practice site reaches its hosts by the transport `via` only"
        ),
        "{said}"
    );
    assert!(
        said.contains("hosts[0].address: a host of a practice site needs a loopback address"),
        "{said}"
    );
    let text = good()
        .replace("label = \"live\"", "label = \"practice\"")
        .replace("transport = \"local\"", "transport = \"via\"\nvia = [\"/bin/lab\"]\naddress = \"127.3.4.5\"\nport_offset = 20000");
    let site = Site::parse("site.toml", &text).unwrap();
    assert_eq!(
        site.endpoint(Role::New, 143),
        Some(("127.3.4.5".to_owned(), 20143))
    );
}

#[rstest::rstest]
#[case::unknown_key(
    "base_dn = ",
    "basedn = ",
    "directory.basedn: unknown key `basedn` | did you mean `base_dn`?"
)]
#[case::a_secret(
    "port = 389",
    "port = 389\npassword = \"x\"",
    "directory.password: unknown key `password` | a site never holds a secret"
)]
#[case::unknown_scenario(
    "scenario = \"sims-offline\"",
    "scenario = \"sims\"",
    "site.toml:10:12: scenario: there is no scenario `sims` | sims-offline"
)]
#[case::missing_role(
    "\"old\", \"new\", \"directory\"]",
    "\"old\", \"new\"]",
    "no host has the role `directory` (directory) | add \"directory\" to the `roles`"
)]
#[case::unknown_role(
    "\"old\", \"new\", \"directory\"]",
    "\"old\", \"mew\"]",
    "hosts[0].roles[1]: unknown value `mew` | did you mean `new`?"
)]
#[case::bad_dn(
    "base_dn = \"o=internet\"",
    "base_dn = \"internet\"",
    "directory.base_dn: `internet` is not a DN | attribute=value parts"
)]
#[case::bad_dn_with_empty_part(
    "bind_dn = \"cn=Directory Manager\"",
    "bind_dn = \"cn=a,,o=b\"",
    "directory.bind_dn: `cn=a,,o=b` is not a DN"
)]
#[case::domain_elsewhere(
    "dc=siroe,dc=com,o=internet",
    "dc=siroe,dc=com",
    "directory.default_domain_dn: `dc=siroe,dc=com` is not below the base DN"
)]
#[case::bad_address(
    "# address = \"192.0.2.10\"",
    "address = \"192.0.2.300\"",
    "hosts[0].address: `192.0.2.300` is neither"
)]
#[case::bad_fqdn(
    "fqdn = \"mail.siroe.com\"",
    "fqdn = \"mail\"",
    "hosts[0].fqdn: `mail` is not a full host name"
)]
#[case::port_zero("smtp_port = 25", "smtp_port = 0", "old.smtp_port: 0 is not a port")]
#[case::port_too_large(
    "port = 389",
    "port = 70000",
    "directory.port: invalid value: integer `70000`"
)]
#[case::same_port(
    "config_directory_port = 390",
    "config_directory_port = 389",
    "new.config_directory_port: port 389 is the users' directory"
)]
#[case::relative_path(
    "sbin = \"/opt/SUNWmail/sbin\"",
    "sbin = \"sbin\"",
    "old.sbin: `sbin` is not an absolute path"
)]
#[case::climbing_path(
    "store_root = \"/var/opt/SUNWmail/ims\"",
    "store_root = \"/var/../ims\"",
    "old.store_root: `/var/../ims` is not a path to work in"
)]
#[case::root_as_store(
    "store_root = \"/var/opt/SUNWmail/ims\"",
    "store_root = \"/\"",
    "old.store_root: `/` is not a path to work in"
)]
#[case::instance_elsewhere(
    "/usr/iplanet/server5/msg-mail",
    "/opt/msg-mail",
    "new.instance_root: `/opt/msg-mail` is not an instance below"
)]
#[case::ssh_without_destination(
    "transport = \"local\"",
    "transport = \"ssh\"",
    "hosts[0].transport: the transport `ssh` needs `ssh_destination`"
)]
#[case::ssh_option_as_destination(
    "transport = \"local\"",
    "transport = \"ssh\"\nssh_destination = \"-oProxyCommand=x\"",
    "hosts[0].ssh_destination: an ssh destination does not begin with `-`"
)]
#[case::via_without_launcher(
    "transport = \"local\"",
    "transport = \"via\"",
    "hosts[0].transport: the transport `via` needs `via`"
)]
#[case::launcher_without_via(
    "transport = \"local\"",
    "transport = \"local\"\nvia = [\"x\"]",
    "hosts[0].via: `via` goes with the transport `via` only"
)]
#[case::separator(
    "login_separator = \"@\"",
    "login_separator = \"`+'\"",
    "old.login_separator: ``+'` is not a login separator"
)]
#[case::network(
    "networks = []",
    "networks = [\"192.0.2.0/33\"]",
    "relay.networks[0]: `192.0.2.0/33` is not an IPv4 network"
)]
#[case::sessions(
    "sessions = 0",
    "sessions = 500",
    "store.sessions: 500 sessions are too many"
)]
#[case::control(
    "store_user = \"inetmail\"",
    "store_user = \"a\\u001bb\"",
    "old.store_user: the value holds a control character"
)]
#[case::window(
    "# [window]\n# begin = \"2026-11-28T22:00\"\n# end = \"2026-11-29T06:00\"",
    "[window]\nbegin = \"2026-11-28T22:00\"\nend = \"2026-11-28T06:00\"",
    "window.end: the window ends before it begins"
)]
fn a_broken_rule_is_named_with_its_place(#[case] from: &str, #[case] to: &str, #[case] says: &str) {
    let said = broken(from, to);
    let (wanted, hint) = says.split_once(" | ").unwrap_or((says, ""));
    assert!(
        said.contains(wanted) && said.contains(hint),
        "wanted: {says}\nsaid:   {said}"
    );
    assert!(said.starts_with("site.toml:"), "{said}");
}

#[test]
fn a_role_twice_and_a_name_twice_are_named() {
    let text = good() + "\n[[hosts]]\nname = \"mail\"\nfqdn = \"b.siroe.com\"\nroles = [\"new\"]\n";
    let said = Site::parse("site.toml", &text).unwrap_err().to_string();
    assert!(
        said.contains("hosts[1].roles: the role `new` is given to hosts[0] already"),
        "{said}"
    );
    assert!(
        said.contains("hosts[1].name: two hosts are called `mail`"),
        "{said}"
    );
}
