//! The table of what can run on a lab's host, and what each gets to run with.
//!
//! A component is an async function that binds its ports and returns: `Ok` means that it listens,
//! and what it returned is the future of its work, which ends when [`Context::stop`] is cancelled.

use crate::lab::world::{HostConfig, Lab};
use futures_util::future::BoxFuture;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The work of a component that listens; ends, having tidied up, when the stop token is cancelled.
pub type Running = BoxFuture<'static, ()>;

/// A component on its way up.
pub type Starting = BoxFuture<'static, Result<Running, StartError>>;

/// Why a component did not come up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else has one of its ports; the well-known number.
    #[error("port {0} is in use")]
    PortInUse(u16),
    /// Anything else, as the component's own sentence.
    #[error("{0}")]
    Failed(String),
}

/// One row of the table: a program that a host can run.
pub struct Component {
    /// The name used in control requests, such as `sims-dispatcher`.
    pub name: &'static str,
    /// The owner that `ps` shows.
    pub user: &'static str,
    /// The well-known ports it listens on.
    pub ports: &'static [u16],
    /// The command line that `ps` shows.
    pub command: fn(&Context) -> String,
    /// Brings it up.
    pub start: fn(Context) -> Starting,
}

/// Everything that a host of a lab can run. New ones get a row here and a file of their own.
pub const COMPONENTS: &[Component] = &[
    Component {
        name: "slapd",
        user: "nobody",
        ports: &[389],
        command: super::slapd::command,
        start: |context| Box::pin(super::slapd::start(context)),
    },
    Component {
        name: "ims-slapd",
        user: "nobody",
        ports: &[390],
        command: super::slapd::command,
        start: |context| Box::pin(super::slapd::start(context)),
    },
    Component {
        name: "sims-dispatcher",
        user: "inetmail",
        ports: &[25],
        command: |_| "/opt/SUNWmail/imta//lib/dispatcher".to_owned(),
        start: |context| Box::pin(super::mail::dispatcher(context)),
    },
    Component {
        name: "sims-job-controller",
        user: "inetmail",
        ports: &[],
        command: |_| "/opt/SUNWmail/imta//lib/job_controller".to_owned(),
        start: |context| Box::pin(super::mail::job_controller(context)),
    },
    Component {
        name: "sims-imaccessd",
        user: "root",
        ports: &[110, 143],
        command: |_| "/opt/SUNWmail/ims/lib/imaccessd".to_owned(),
        start: |context| Box::pin(super::mail::imaccessd(context)),
    },
    Component {
        name: "nms-smtpd",
        user: "nsmail",
        ports: &[],
        command: |_| "/usr/netscape/server4/bin/msg/mta/bin/smtpd".to_owned(),
        start: |context| Box::pin(super::nms::smtpd(context)),
    },
    Component {
        name: "nms-imapd",
        user: "nsmail",
        ports: &[143],
        command: |_| "/usr/netscape/server4/bin/msg/store/bin/imapd".to_owned(),
        start: |context| Box::pin(super::nms::imapd(context)),
    },
    Component {
        name: "nms-popd",
        user: "nsmail",
        ports: &[110],
        command: |_| "/usr/netscape/server4/bin/msg/store/bin/popd".to_owned(),
        start: |context| Box::pin(super::nms::popd(context)),
    },
    Component {
        name: "ims-stored",
        user: "mailsrv",
        ports: &[],
        command: |_| "bin/msg/store/bin/stored -d".to_owned(),
        start: |context| Box::pin(super::mail::stored(context)),
    },
    Component {
        name: "ims-imapd",
        user: "mailsrv",
        ports: &[143],
        command: |_| "bin/msg/store/bin/imapd".to_owned(),
        start: |context| Box::pin(super::mail::imapd(context)),
    },
    Component {
        name: "ims-popd",
        user: "mailsrv",
        ports: &[110],
        command: |_| "bin/msg/store/bin/popd".to_owned(),
        start: |context| Box::pin(super::mail::popd(context)),
    },
    Component {
        name: "ims-mshttpd",
        user: "mailsrv",
        ports: &[80],
        command: |_| "bin/msg/store/bin/mshttpd".to_owned(),
        start: |context| Box::pin(super::mail::mshttpd(context)),
    },
    Component {
        name: "ims-enpd",
        user: "mailsrv",
        ports: &[],
        command: |_| "bin/enpd".to_owned(),
        start: |context| Box::pin(super::mail::enpd(context)),
    },
    Component {
        name: "ims-dispatcher",
        user: "mailsrv",
        ports: &[25],
        command: |_| "imta/bin/dispatcher".to_owned(),
        start: |context| Box::pin(super::mail::dispatcher(context)),
    },
    Component {
        name: "ims-job-controller",
        user: "mailsrv",
        ports: &[],
        command: |_| "imta/bin/job_controller".to_owned(),
        start: |context| Box::pin(super::mail::job_controller(context)),
    },
    Component {
        name: "named",
        user: "root",
        ports: &[53],
        command: |_| "/usr/sbin/in.named".to_owned(),
        start: |context| Box::pin(super::dns::start(context)),
    },
    Component {
        name: "outside-mta",
        user: "root",
        ports: &[25],
        command: |_| "/usr/lib/sendmail -bd".to_owned(),
        start: |context| Box::pin(super::outside::start(context)),
    },
    Component {
        name: "traffic",
        user: "nobody",
        ports: &[],
        command: |_| "traffic".to_owned(),
        start: |context| Box::pin(super::traffic::start(context)),
    },
];

/// Returns the row of a component.
pub fn find(name: &str) -> Option<&'static Component> {
    COMPONENTS.iter().find(|c| c.name == name)
}

/// What a component is started with.
#[derive(Clone)]
pub struct Context {
    /// The lab.
    pub lab: Lab,
    /// The host it runs on.
    pub host: HostConfig,
    /// Its name in the table.
    pub component: &'static str,
    /// Cancelled when it has to end.
    pub stop: CancellationToken,
    /// True when it was up while the lab's process died: this start follows a power cut.
    pub after_crash: bool,
    /// Where activity is noted, so that a lab in use does not stop itself.
    pub activity: Activity,
}

impl Context {
    /// Returns the root of the host's file system.
    pub fn root(&self) -> PathBuf {
        self.lab.root(&self.host)
    }

    /// Listens on a well-known port of the host.
    ///
    /// # Errors
    /// [`StartError::PortInUse`] when another component has it.
    pub async fn listen(&self, well_known: u16) -> Result<TcpListener, StartError> {
        self.listen_on(self.host.address, well_known).await
    }

    /// Listens on a well-known port at another address, such as 127.0.0.1.
    ///
    /// # Errors
    /// As [`Context::listen`].
    pub async fn listen_on(
        &self,
        address: Ipv4Addr,
        well_known: u16,
    ) -> Result<TcpListener, StartError> {
        let real = SocketAddr::from((address, self.lab.port(well_known)));
        TcpListener::bind(real).await.map_err(|e| match e.kind() {
            std::io::ErrorKind::AddrInUse => StartError::PortInUse(well_known),
            _ => StartError::Failed(format!("cannot listen on port {well_known} ({real}): {e}")),
        })
    }
}

/// When the lab was last used by anybody.
#[derive(Clone, Debug, Default)]
pub struct Activity(Arc<AtomicU64>);

impl Activity {
    /// Notes that the lab is in use now.
    pub fn touch(&self) {
        self.0.store(now(), Ordering::Relaxed);
    }

    /// Returns how many seconds ago it was last used.
    pub fn idle_seconds(&self) -> u64 {
        now().saturating_sub(self.0.load(Ordering::Relaxed))
    }
}

/// Seconds since the epoch.
pub(super) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs())
}
