//! Where and how anything is done on a host.
//!
//! Every act is an argv from one closed list ([`Act`]); `std::fs` is never used on a target. The
//! argv goes through a [`Transport`]; it is a vector until `exec`, and becomes shell text in one
//! place ([`quote()`]) for ssh and for people. Commands that change something run under a small fixed
//! `sh` wrapper ([`wrapper`]) in a folder of their own, so that their end is known whatever becomes
//! of the link or of this process: see [`Host::run`], [`Host::settle`], [`Host::end`], [`pipe()`].

mod act;
mod error;
mod facts;
mod files;
mod kept;
pub mod pipe;
mod quote;
mod reading;
mod run;
mod settle;
mod smtp;
mod transport;
pub mod wrapper;

pub use act::Act;
pub use error::HostError;
pub use facts::{Disk, Inodes, Process, parse_df, parse_inodes, parse_ps};
pub use files::{Entry, Kind, Owner};
pub use pipe::{PipeEnd, PipeResult, PipeTrouble, pipe};
pub use quote::{command_line, quote};
pub use reading::Reading;
pub use run::{RunOptions, RunResult};
pub use settle::Settled;
pub use smtp::Relaying;
pub use transport::Transport;
pub use wrapper::EffectDir;

use std::time::Duration;

/// A host of the site, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name, as the site calls it.
    pub name: String,
    /// Its fully qualified name.
    pub fqdn: String,
    /// The address that ports are tried at.
    pub address: String,
    /// Added to a port when it is tried from here: tunnels, or a lab.
    pub port_offset: u16,
    /// The way to it.
    pub transport: Transport,
    /// The folder on it below which effects leave their marks.
    pub scratch: String,
}

/// What a TCP connect to a port found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// Somebody listens; with what they said first, if they spoke within a moment.
    Open(Option<String>),
    /// The host is there and nobody listens.
    Refused,
    /// Nothing came back: it cannot be told.
    Silent(String),
}

impl Host {
    /// Makes a host with the usual scratch folder.
    pub fn new(name: &str, fqdn: &str, address: &str, transport: Transport) -> Self {
        Self {
            name: name.to_owned(),
            fqdn: fqdn.to_owned(),
            address: address.to_owned(),
            port_offset: 0,
            transport,
            scratch: wrapper::SCRATCH.to_owned(),
        }
    }

    /// Takes a host from a site.
    pub fn of_site(host: &crate::site::SiteHost) -> Self {
        use crate::site::Transport as Way;
        let transport = match host.transport {
            Way::Local => Transport::Local,
            Way::Via => Transport::Via(host.via.clone()),
            Way::Ssh => Transport::Ssh {
                destination: host.ssh_destination.as_ref().unwrap_or(&host.fqdn).clone(),
                options: host.ssh_options.clone(),
            },
            Way::ByHand => Transport::ByHand,
        };
        let address = host.address.as_ref().unwrap_or(&host.fqdn);
        Self {
            port_offset: host.port_offset,
            ..Self::new(&host.name, &host.fqdn, address, transport)
        }
    }

    /// Whether it is the same machine as `other`, as far as the site says.
    pub fn same_as(&self, other: &Self) -> bool {
        self.name == other.name || (self.fqdn == other.fqdn && self.address == other.address)
    }

    /// Returns the line a person would type for `argv` here.
    pub fn shown<S: AsRef<str>>(&self, argv: &[S]) -> String {
        command_line(argv)
    }

    /// Whether a practice run may use it: only a launcher, and only loopback.
    pub fn fits_practice(&self) -> bool {
        let loopback = self
            .address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|a| a.is_loopback());
        loopback && matches!(self.transport, Transport::Via(_))
    }

    /// Tries a TCP port of the host (the well-known number) from here.
    ///
    /// Waits up to `patience` for the connect and, when `greeting`, as long again for a first line.
    pub async fn port(&self, port: u16, patience: Duration, greeting: bool) -> Port {
        use tokio::io::AsyncReadExt;
        let port = port.saturating_add(self.port_offset);
        let connect = tokio::net::TcpStream::connect((self.address.as_str(), port));
        let mut stream = match tokio::time::timeout(patience, connect).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(e)) if e.kind() == std::io::ErrorKind::ConnectionRefused => {
                return Port::Refused;
            }
            Ok(Err(e)) => return Port::Silent(e.to_string()),
            Err(_) => return Port::Silent(format!("no answer within {patience:?}")),
        };
        if !greeting {
            return Port::Open(None);
        }
        let mut buffer = [0_u8; 256];
        match tokio::time::timeout(patience, stream.read(&mut buffer)).await {
            Ok(Ok(read)) if read > 0 => {
                let text = String::from_utf8_lossy(buffer.get(..read).unwrap_or_default());
                Port::Open(text.lines().next().map(str::to_owned))
            }
            _ => Port::Open(None),
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A local host with its own scratch folder, for tests.

    use super::{Host, Transport};

    /// A host that is this machine, with a scratch folder that goes away.
    pub(crate) fn local() -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        let mut host = Host::new("here", "here.siroe.com", "127.0.0.1", Transport::Local);
        host.scratch = dir.path().join("s").to_str().unwrap().to_owned();
        (dir, host)
    }

    /// Words of an argv.
    pub(crate) fn argv(words: &[&str]) -> Vec<String> {
        words.iter().map(|w| (*w).to_owned()).collect()
    }
}

#[cfg(test)]
#[path = "host/tests.rs"]
mod processes;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_is_open_refused_or_not_known() {
        let (_dir, host) = testing::local();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let greeter = tokio::spawn(async move {
            use tokio::io::AsyncWriteExt;
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"220 mail ESMTP\r\n").await.unwrap();
        });
        let found = host.port(port, Duration::from_secs(5), true).await;
        assert_eq!(found, Port::Open(Some("220 mail ESMTP".to_owned())));
        greeter.await.unwrap();
        let found = host.port(port, Duration::from_secs(5), true).await;
        assert_eq!(found, Port::Refused);
    }

    #[test]
    fn practice_takes_only_launchers_on_loopback() {
        let via = Transport::Via(vec!["x".to_owned()]);
        assert!(Host::new("a", "a.b", "127.3.2.1", via.clone()).fits_practice());
        assert!(!Host::new("a", "a.b", "10.0.0.1", via).fits_practice());
        assert!(!Host::new("a", "a.b", "127.0.0.1", Transport::Local).fits_practice());
    }
}
