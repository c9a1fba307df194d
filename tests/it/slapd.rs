//! A private `slapd` with the merged schema and a small SIMS site in it, for the tests that need one.

use imsmigrate::base::Secret;
use imsmigrate::directory::schema::Kind;
use imsmigrate::directory::{Connection, Entry, Schema, Target, Tls};
use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const MANAGER: &str = "cn=manager,o=internet";
pub(crate) const PASSWORD: &str = "s3cret word";

/// A private slapd with the merged schema; stopped when dropped.
pub(crate) struct Slapd {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
    pub(crate) child: Child,
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

fn spawn(dir: &Path, port: u16, tls_port: u16) -> Child {
    let program = ["/usr/sbin/slapd", "/usr/libexec/slapd", "slapd"]
        .into_iter()
        .find(|p| Path::new(p).exists() || !p.starts_with('/'))
        .unwrap();
    let log = fs::File::create(dir.join("log")).unwrap();
    Command::new(program)
        .args(["-d", "0", "-h"])
        .arg(format!(
            "ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}"
        ))
        .arg("-f")
        .arg(dir.join("slapd.conf"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|l| l.local_addr().unwrap().port())
}

impl Slapd {
    pub(crate) fn start() -> Self {
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
        let tls = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/tls");
        let conf = format!(
            "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n\
             include /etc/ldap/schema/inetorgperson.schema\ninclude {here}/ims.schema\n\
             pidfile {here}/pid\n\
             TLSCertificateFile {tls}/server.pem\nTLSCertificateKeyFile {tls}/server.key\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\nloglevel 0\n\
             sizelimit size.soft=100 size.hard=100\n\
             database mdb\nmaxsize 268435456\nsuffix o=internet\nrootdn \"{MANAGER}\"\n\
             rootpw \"{PASSWORD}\"\ndirectory {here}/db\ndbnosync\nindex objectClass eq\n"
        );
        fs::write(path.join("slapd.conf"), conf).unwrap();
        let [port, tls_port] = free_ports();
        let child = spawn(path, port, tls_port);
        let mut slapd = Self {
            dir,
            port,
            tls_port,
            child,
        };
        if !slapd.listens() {
            return None;
        }
        Some(slapd)
    }

    /// Waits until it listens; `false` when it ended because a port was taken.
    fn listens(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if self.child.try_wait().unwrap().is_some() {
                let log = fs::read_to_string(self.dir.path().join("log")).unwrap();
                assert!(log.contains("bind") || log.is_empty(), "slapd: {log}");
                return false;
            }
            assert!(Instant::now() < deadline, "slapd does not listen");
            std::thread::yield_now();
        }
        true
    }

    /// Starts it again, with its data and on its port, after it was killed.
    pub(crate) fn restart(&mut self) {
        self.child.wait().unwrap();
        self.child = spawn(self.dir.path(), self.port, self.tls_port);
        assert!(self.listens());
    }

    pub(crate) fn target(&self) -> Target {
        Target {
            host: "127.0.0.1".into(),
            port: self.port,
            bind_dn: MANAGER.into(),
            tls: Tls::Plain,
        }
    }

    pub(crate) async fn open(&self) -> Connection {
        Connection::open(&self.target(), &Secret::new(PASSWORD.into()))
            .await
            .unwrap()
    }

    /// Every entry with every user attribute, as `ldapsearch` writes it, sorted.
    pub(crate) fn dump(&self) -> String {
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

pub(crate) fn person(dn: &str, uid: &str) -> Entry {
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

pub(crate) const PEOPLE: &str = "ou=people,dc=siroe,dc=com,o=internet";

/// A small site: domain, users (some with names that need every escape), groups.
pub(crate) async fn fill(connection: &Connection) {
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
