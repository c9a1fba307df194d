//! Connections: where a directory is, how it is secured, and writing over it.

use super::entry::{Change, Entry};
use super::error::DirectoryError;
use crate::base::{Secret, crash, display_safe};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Mod, StdStream};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long connecting may take, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one answer may take.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(60);

/// Where systems keep the certificates they trust, for when the site names no CA file.
const SYSTEM_CA_FILES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// How the connection is secured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Not at all: the password goes over the wire in clear.
    Plain,
    /// TLS started on the plain port.
    StartTls {
        /// Certificates to trust; without it the system's own.
        ca_file: Option<PathBuf>,
    },
    /// TLS from the first byte.
    Ldaps {
        /// Certificates to trust; without it the system's own.
        ca_file: Option<PathBuf>,
    },
}

/// A directory server and who we are to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Host name or address.
    pub host: String,
    /// Port, 389 as a rule.
    pub port: u16,
    /// Who binds; empty for an anonymous connection.
    pub bind_dn: String,
    /// How the connection is secured.
    pub tls: Tls,
}

impl Target {
    /// Returns `host:port` for messages.
    pub fn server(&self) -> String {
        format!("{}:{}", display_safe(&self.host), self.port)
    }
}

/// An open, bound connection. Operations may be in flight side by side.
#[derive(Debug)]
pub struct Connection {
    ldap: Ldap,
    server: String,
}

impl Connection {
    /// Connects and binds.
    ///
    /// # Errors
    /// [`DirectoryError::Unreachable`], [`DirectoryError::Tls`], [`DirectoryError::CaFile`],
    /// [`DirectoryError::Credentials`] and what else the server says to a bind.
    pub async fn open(target: &Target, secret: &Secret) -> Result<Self, DirectoryError> {
        let connection = Self::connect(target).await?;
        let result = connection
            .handle()
            .simple_bind(&target.bind_dn, secret.expose())
            .await
            .map_err(|e| connection.library_error(e))?;
        let credentials = || DirectoryError::Credentials {
            server: connection.server.clone(),
            dn: display_safe(&target.bind_dn).into_owned(),
            text: display_safe(result.text.trim()).into_owned(),
        };
        match result.rc {
            0 if !target.bind_dn.is_empty() && secret.expose().is_empty() => {
                // A bind with a DN and no password "succeeds" as anonymous (RFC 4513, 5.1.2).
                Err(credentials())
            }
            0 => Ok(connection),
            // 32: some servers say so for a bind DN that does not exist; 34: for one that is none.
            32 | 34 | 48 | 49 | 53 => Err(credentials()),
            _ => Err(DirectoryError::from_result(
                "bind as",
                &target.bind_dn,
                &result,
            )),
        }
    }

    async fn connect(target: &Target) -> Result<Self, DirectoryError> {
        let server = target.server();
        let host = target.host.trim_matches(['[', ']']);
        let plausible = !host.is_empty()
            && host
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-:".contains(c));
        if !plausible {
            return Err(DirectoryError::BadHost {
                host: display_safe(&target.host).into_owned(),
            });
        }
        let unreachable = |reason: String| DirectoryError::Unreachable {
            server: server.clone(),
            reason,
        };
        let stream = tokio::time::timeout(
            CONNECT_TIMEOUT,
            tokio::net::TcpStream::connect((host, target.port)),
        )
        .await
        .map_err(|_| unreachable(format!("no answer in {} s", CONNECT_TIMEOUT.as_secs())))?
        .map_err(|e| unreachable(e.to_string()))?;
        // Small requests one after another: waiting to fill packets would cost a round trip each.
        let _ = stream.set_nodelay(true);
        let _ = rustix::net::sockopt::set_socket_keepalive(&stream, true);
        let stream = stream.into_std().map_err(|e| unreachable(e.to_string()))?;

        let mut settings = LdapConnSettings::new()
            .set_conn_timeout(CONNECT_TIMEOUT)
            .set_std_stream(StdStream::Tcp(stream));
        let scheme = match &target.tls {
            Tls::Plain => "ldap",
            Tls::StartTls { ca_file } => {
                settings = settings
                    .set_starttls(true)
                    .set_config(tls_config(ca_file.as_deref())?);
                "ldap"
            }
            Tls::Ldaps { ca_file } => {
                settings = settings.set_config(tls_config(ca_file.as_deref())?);
                "ldaps"
            }
        };
        let url = if host.contains(':') {
            format!("{scheme}://[{host}]:{}", target.port)
        } else {
            format!("{scheme}://{host}:{}", target.port)
        };
        let (connection, ldap) =
            LdapConnAsync::with_settings(settings, &url)
                .await
                .map_err(|e| match (&target.tls, e) {
                    (Tls::Plain, e) => unreachable(display_safe(&e.to_string()).into_owned()),
                    (_, LdapError::Timeout { .. }) => DirectoryError::Tls {
                        server: server.clone(),
                        reason: "the server does not answer in TLS; is this a plain LDAP port?"
                            .into(),
                    },
                    (_, e) => DirectoryError::Tls {
                        server: server.clone(),
                        reason: display_safe(&e.to_string()).into_owned(),
                    },
                })?;
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "ldap connection ended");
            }
        });
        Ok(Self { ldap, server })
    }

    /// Returns `host:port`.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// A handle for one operation, with its time limit.
    pub(super) fn handle(&self) -> Ldap {
        let mut ldap = self.ldap.clone();
        ldap.with_timeout(OPERATION_TIMEOUT);
        ldap
    }

    pub(super) fn library_error(&self, error: LdapError) -> DirectoryError {
        DirectoryError::from_library(&self.server, OPERATION_TIMEOUT.as_secs(), error)
    }

    fn outcome(
        &self,
        operation: &'static str,
        dn: &str,
        result: Result<LdapResult, LdapError>,
    ) -> Result<(), DirectoryError> {
        let result = result.map_err(|e| self.library_error(e))?;
        if result.rc == 0 {
            Ok(())
        } else {
            Err(DirectoryError::from_result(operation, dn, &result))
        }
    }

    /// Changes an entry: all of `changes` or none, in this order.
    ///
    /// # Errors
    /// What the server says; nothing was changed then, unless the error is
    /// [`DirectoryError::Lost`] or [`DirectoryError::Timeout`], after which only reading tells.
    pub async fn modify(&self, dn: &str, changes: &[Change]) -> Result<(), DirectoryError> {
        let mods = changes.iter().flat_map(modifications).collect();
        crash::before("entry", dn);
        let result = self.handle().modify(dn, mods).await;
        crash::after("entry", dn);
        self.outcome("modify", dn, result)
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// What the server says.
    pub async fn add(&self, entry: &Entry) -> Result<(), DirectoryError> {
        let attributes = entry
            .attributes
            .iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(name, values)| {
                (
                    name.as_bytes().to_vec(),
                    values.iter().cloned().collect::<HashSet<_>>(),
                )
            })
            .collect();
        crash::before("entry", &entry.dn);
        let result = self.handle().add(&entry.dn, attributes).await;
        crash::after("entry", &entry.dn);
        self.outcome("add", &entry.dn, result)
    }

    /// Deletes an entry that has nothing below it.
    ///
    /// # Errors
    /// What the server says.
    pub async fn delete(&self, dn: &str) -> Result<(), DirectoryError> {
        crash::before("entry", dn);
        let result = self.handle().delete(dn).await;
        crash::after("entry", dn);
        self.outcome("delete", dn, result)
    }

    /// Says goodbye to the server; dropping the connection closes it too.
    pub async fn close(self) {
        let _ = self.handle().unbind().await;
    }
}

/// The library takes values as unordered sets; one modification per value keeps their order.
fn modifications(change: &Change) -> Vec<Mod<Vec<u8>>> {
    let name = || change.attribute().as_bytes().to_vec();
    let one = |value: &Vec<u8>| HashSet::from([value.clone()]);
    match change {
        Change::Add { values, .. } => values.iter().map(|v| Mod::Add(name(), one(v))).collect(),
        Change::Delete { values, .. } if values.is_empty() => {
            vec![Mod::Delete(name(), HashSet::new())]
        }
        Change::Delete { values, .. } => {
            vec![Mod::Delete(name(), values.iter().cloned().collect())]
        }
        Change::Replace { values, .. } => match values.split_first() {
            None => vec![Mod::Replace(name(), HashSet::new())],
            Some((first, rest)) => std::iter::once(Mod::Replace(name(), one(first)))
                .chain(rest.iter().map(|v| Mod::Add(name(), one(v))))
                .collect(),
        },
    }
}

/// Our own configuration, always: the library's default trusts nothing at all when one
/// certificate of the system cannot be read.
fn tls_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, DirectoryError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let unusable = |reason: String| DirectoryError::CaFile {
                path: display_safe(&path.to_string_lossy()).into_owned(),
                reason,
            };
            let certificates =
                CertificateDer::pem_file_iter(path).map_err(|e| unusable(e.to_string()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|e| unusable(e.to_string()))?;
                roots
                    .add(certificate)
                    .map_err(|e| unusable(e.to_string()))?;
            }
            if roots.is_empty() {
                return Err(unusable("it holds no certificate".to_owned()));
            }
        }
        None => {
            for path in SYSTEM_CA_FILES {
                if let Ok(certificates) = CertificateDer::pem_file_iter(path) {
                    roots.add_parsable_certificates(certificates.flatten());
                }
                if !roots.is_empty() {
                    break;
                }
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| DirectoryError::Tls {
            server: String::new(),
            reason: e.to_string(),
        })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::{Connection, Target, Tls, tls_config};
    use crate::base::Secret;
    use crate::directory::DirectoryError;

    fn target(host: &str, port: u16) -> Target {
        Target {
            host: host.to_owned(),
            port,
            bind_dn: "cn=Directory Manager".to_owned(),
            tls: Tls::Plain,
        }
    }

    #[tokio::test]
    async fn a_port_nobody_listens_on_is_unreachable_and_says_where() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let error = Connection::open(&target("127.0.0.1", port), &Secret::new("x".into()))
            .await
            .unwrap_err();
        assert!(matches!(error, DirectoryError::Unreachable { .. }));
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")));
        assert!(error.retryable());
    }

    #[tokio::test]
    async fn a_host_that_is_no_host_is_refused_without_a_connection() {
        for host in ["", "a b", "x/../y", "ldap://h"] {
            let error = Connection::open(&target(host, 389), &Secret::new("x".into()))
                .await
                .unwrap_err();
            assert!(
                matches!(error, DirectoryError::BadHost { .. }),
                "{host:?}: {error}"
            );
        }
    }

    #[tokio::test]
    async fn a_server_that_hangs_up_is_a_lost_connection() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move { drop(listener.accept().await) });
        let error = Connection::open(&target("127.0.0.1", port), &Secret::new("x".into()))
            .await
            .unwrap_err();
        assert!(matches!(error, DirectoryError::Lost { .. }), "{error}");
        server.await.unwrap();
    }

    #[test]
    fn a_ca_file_without_certificates_is_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = tls_config(Some(file.path())).unwrap_err();
        assert!(matches!(&error, DirectoryError::CaFile { path, .. }
            if path == &file.path().to_string_lossy()));
    }
}
