//! Starts, stops and lists components; the truth about what runs on which host.

use super::components::{self, Activity, Context, StartError};
use super::running::Wanted;
use crate::lab::control::{Process, Reply};
use crate::lab::world::{Lab, LabError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a component may take to end after it was told to.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// The pid of the first component; what `ps` shows are numbers of the host, not of this machine.
const FIRST_PID: u32 = 211;

/// One component that is up.
struct Up {
    process: Process,
    host: String,
    stop: CancellationToken,
    /// Ends when the component has ended, however it did.
    ended: Option<JoinHandle<()>>,
}

struct Table {
    up: Vec<Up>,
    wanted: Wanted,
    next_pid: u32,
    /// One lock a component, so that two requests for it wait for each other and for nothing else.
    locks: HashMap<(String, &'static str), Arc<tokio::sync::Mutex<()>>>,
}

/// The components of a lab.
pub struct Supervisor {
    lab: Lab,
    activity: Activity,
    table: Arc<Mutex<Table>>,
}

impl Supervisor {
    /// Takes over what `running.json` says; nothing is started yet.
    ///
    /// # Errors
    /// When `running.json` cannot be read.
    pub fn new(lab: Lab, activity: Activity) -> Result<Self, LabError> {
        let wanted = Wanted::load(&lab)?;
        Ok(Self {
            lab,
            activity,
            table: Arc::new(Mutex::new(Table {
                up: Vec::new(),
                wanted,
                next_pid: FIRST_PID,
                locks: HashMap::new(),
            })),
        })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.table)
    }

    /// Brings back what was up; returns what could not be started, with the reason.
    pub async fn restore(&self) -> Vec<(String, String)> {
        let (wanted, after_crash) = {
            let mut table = self.table();
            let after_crash = !table.wanted.clean;
            table.wanted.clean = false;
            (table.wanted.clone(), after_crash)
        };
        let mut failed = Vec::new();
        if let Err(e) = wanted.save(&self.lab) {
            failed.push((super::running::RUNNING_FILE.to_owned(), e.to_string()));
        }
        // The mail servers read their configuration from a directory, whatever was started first.
        let mut components = wanted.components;
        components.sort_by_key(|c| !c.component.ends_with("slapd"));
        for c in components {
            if let Reply::Failed { message } =
                self.start_as(&c.host, &c.component, after_crash).await
            {
                failed.push((format!("{} on {}", c.component, c.host), message));
            }
        }
        failed
    }

    /// Starts a component; the answer comes when it listens or is known not to.
    pub async fn start(&self, host: &str, component: &str) -> Reply {
        self.start_as(host, component, false).await
    }

    async fn start_as(&self, host: &str, component: &str, after_crash: bool) -> Reply {
        let failed = |message: String| Reply::Failed { message };
        let host = match self.lab.host(host) {
            Ok(host) => host.clone(),
            Err(e) => return failed(e.to_string()),
        };
        let Some(row) = components::find(component) else {
            return failed(format!("`{component}` is nothing that runs on a host"));
        };
        let one = self.lock_for(&host.name, row.name);
        let _one = one.lock().await;
        if self.is_up(&host.name, row.name) {
            return Reply::Already;
        }
        let context = Context {
            lab: self.lab.clone(),
            host: host.clone(),
            component: row.name,
            stop: CancellationToken::new(),
            after_crash,
            activity: self.activity.clone(),
        };
        let command = (row.command)(&context);
        let stop = context.stop.clone();
        let running = match (row.start)(context).await {
            Ok(running) => running,
            Err(StartError::PortInUse(port)) => {
                let holder = self.holder(&host.name, port);
                return failed(match holder {
                    Some(holder) => format!("port {port} is in use by {holder}"),
                    None => format!("port {port} is in use"),
                });
            }
            Err(e) => return failed(e.to_string()),
        };
        let mut table = self.table();
        let pid = table.next_pid;
        table.next_pid += 7;
        // The watcher removes the row however the component ended, also by a panic.
        let watched = Arc::clone(&self.table);
        let work = tokio::spawn(running);
        let ended = tokio::spawn(async move {
            let _ = work.await;
            lock(&watched).up.retain(|up| up.process.pid != pid);
        });
        table.up.push(Up {
            process: Process {
                component: row.name.to_owned(),
                pid,
                user: row.user.to_owned(),
                command,
                started: i64::try_from(components::now()).unwrap_or(i64::MAX),
                ports: row.ports.to_vec(),
            },
            host: host.name.clone(),
            stop,
            ended: Some(ended),
        });
        table.wanted.add(&host.name, row.name);
        let saved = table.wanted.save(&self.lab);
        drop(table);
        match saved {
            Ok(()) => Reply::Ok,
            Err(e) => failed(e.to_string()),
        }
    }

    /// Stops a component; the answer comes when it is gone.
    pub async fn stop(&self, host: &str, component: &str) -> Reply {
        let host = match self.lab.host(host) {
            Ok(host) => host.name.clone(),
            Err(e) => {
                return Reply::Failed {
                    message: e.to_string(),
                };
            }
        };
        let Some(row) = components::find(component) else {
            return Reply::Failed {
                message: format!("`{component}` is nothing that runs on a host"),
            };
        };
        let one = self.lock_for(&host, row.name);
        let _one = one.lock().await;
        let (found, saved) = {
            let mut table = self.table();
            let saved = if table.wanted.remove(&host, row.name) {
                table.wanted.save(&self.lab)
            } else {
                Ok(())
            };
            let found = table
                .up
                .iter_mut()
                .find(|up| up.host == host && up.process.component == row.name)
                .map(|up| (up.stop.clone(), up.ended.take()));
            (found, saved)
        };
        if let Err(e) = saved {
            return Reply::Failed {
                message: e.to_string(),
            };
        }
        let Some((stop, ended)) = found else {
            return Reply::Already;
        };
        if end(&stop, ended).await {
            Reply::Ok
        } else {
            Reply::Failed {
                message: format!("{component} does not end"),
            }
        }
    }

    /// Returns what runs on a host, in the order of start.
    pub fn processes(&self, host: &str) -> Reply {
        match self.lab.host(host) {
            Ok(host) => Reply::Processes {
                processes: self
                    .table()
                    .up
                    .iter()
                    .filter(|up| up.host == host.name)
                    .map(|up| up.process.clone())
                    .collect(),
            },
            Err(e) => Reply::Failed {
                message: e.to_string(),
            },
        }
    }

    /// Ends everything in good order, the last started first; it will be up again at the next start.
    pub async fn shutdown(&self) -> Result<(), LabError> {
        loop {
            let last = self
                .table()
                .up
                .last_mut()
                .map(|up| (up.stop.clone(), up.ended.take(), up.process.pid));
            let Some((stop, ended, pid)) = last else {
                break;
            };
            end(&stop, ended).await;
            self.table().up.retain(|up| up.process.pid != pid);
        }
        let mut table = self.table();
        table.wanted.clean = true;
        table.wanted.save(&self.lab)
    }

    fn is_up(&self, host: &str, component: &str) -> bool {
        self.table()
            .up
            .iter()
            .any(|up| up.host == host && up.process.component == component)
    }

    fn holder(&self, host: &str, port: u16) -> Option<String> {
        self.table()
            .up
            .iter()
            .find(|up| up.host == host && up.process.ports.contains(&port))
            .map(|up| up.process.component.clone())
    }

    fn lock_for(&self, host: &str, component: &'static str) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(
            self.table()
                .locks
                .entry((host.to_owned(), component))
                .or_default(),
        )
    }
}

/// Tells a component to end and waits; false when it had to be left behind.
async fn end(stop: &CancellationToken, ended: Option<JoinHandle<()>>) -> bool {
    stop.cancel();
    match ended {
        Some(ended) => tokio::time::timeout(STOP_TIMEOUT, ended).await.is_ok(),
        None => true,
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}
