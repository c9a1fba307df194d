//! The process of a real directory server: started, watched and ended as a component of the lab.

use crate::lab::daemon::components::{Activity, Context, Running, StartError};
use crate::lab::ldap::client::{Client, Scope};
use crate::lab::world::LabError;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// The well-known port.
const PORT: u16 = 389;
/// How long a server may take until it answers: recovery after a power cut included.
const START_TIMEOUT: Duration = Duration::from_secs(45);
/// How long a server may take to end before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(12);
/// How long the server of a lab that was killed may hold its port: it goes a moment after it.
const FREE_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two looks.
const POLL: Duration = Duration::from_millis(20);
/// How much of a log is told.
const TAIL_LINES: usize = 6;

/// How a server is started.
pub(super) struct Launch {
    /// Program and arguments.
    pub(super) argv: Vec<String>,
    /// Where it says how it is, below its folder.
    pub(super) log: &'static str,
}

/// Starts a server in its folder, and waits until it answers.
///
/// It ends with this process, however that ends: a power cut spares nobody.
///
/// # Errors
/// When its port is taken, or it ends or does not answer in time.
pub(super) async fn start(
    context: Context,
    instance: PathBuf,
    launch: Launch,
) -> Result<Running, StartError> {
    let address = SocketAddr::from((context.host.address, context.lab.port(PORT)));
    wait_for_port(&context).await?;
    // The server listens at the host's address alone.
    let local = if context.host.address == Ipv4Addr::LOCALHOST {
        None
    } else {
        Some(context.listen_on(Ipv4Addr::LOCALHOST, PORT).await?)
    };
    let log = instance.join(launch.log);
    let failed = |what: &str| StartError::Failed(format!("{what}: {}", tail(&log)));
    let io = |e: std::io::Error| StartError::Failed(e.to_string());
    let output = File::options()
        .create(true)
        .append(true)
        .open(instance.join("logs/stderr"))
        .map_err(io)?;
    let exe = std::env::current_exe().map_err(io)?;
    let mut child = tokio::process::Command::new(exe)
        .args(["lab", "tied", "--"])
        .args(&launch.argv)
        .current_dir(&instance)
        .stdin(Stdio::null())
        .stdout(output.try_clone().map_err(io)?)
        .stderr(output)
        .kill_on_drop(true)
        .spawn()
        .map_err(io)?;
    let deadline = Instant::now() + START_TIMEOUT;
    while !answers(address).await {
        if let Some(status) = child.try_wait().map_err(io)? {
            return Err(failed(&format!("the server ended at once ({status})")));
        }
        if Instant::now() > deadline {
            return Err(failed("the server does not answer"));
        }
        tokio::time::sleep(POLL).await;
    }
    let stop = context.stop.clone();
    let activity = context.activity.clone();
    Ok(Box::pin(async move {
        let relay = local.map(|listener| tokio::spawn(relay(listener, address, activity)));
        tokio::select! {
            () = stop.cancelled() => end(&mut child).await,
            _ = child.wait() => {}
        }
        if let Some(relay) = relay {
            relay.abort();
        }
    }))
}

async fn wait_for_port(context: &Context) -> Result<(), StartError> {
    let deadline = Instant::now() + FREE_TIMEOUT;
    loop {
        match context.listen_on(context.host.address, PORT).await {
            Ok(_) => return Ok(()),
            Err(e) if !context.after_crash || Instant::now() > deadline => return Err(e),
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}

async fn answers(address: SocketAddr) -> bool {
    let asked = tokio::task::spawn_blocking(move || {
        Client::connect_to(address)
            .and_then(|mut client| client.search("", Scope::Base, "(objectClass=*)", &["1.1"]))
    });
    matches!(asked.await, Ok(Ok(_)))
}

async fn end(child: &mut tokio::process::Child) {
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    if tokio::time::timeout(STOP_TIMEOUT, child.wait())
        .await
        .is_err()
    {
        let _ = child.kill().await;
    }
}

/// Passes connections to 127.0.0.1 on to the server.
async fn relay(listener: TcpListener, to: SocketAddr, activity: Activity) {
    let ended = CancellationToken::new();
    let _ends_all = ended.clone().drop_guard();
    loop {
        let Ok((mut near, _)) = listener.accept().await else {
            // Out of descriptors, or a client that was gone at once.
            tokio::time::sleep(POLL).await;
            continue;
        };
        activity.touch();
        let ended = ended.clone();
        tokio::spawn(async move {
            let Ok(mut far) = TcpStream::connect(to).await else {
                return;
            };
            let _ = near.set_nodelay(true);
            let _ = far.set_nodelay(true);
            tokio::select! {
                () = ended.cancelled() => {}
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
            }
        });
    }
}

/// Runs one of a server's own tools in the instance's folder.
///
/// # Errors
/// When it cannot be run or says no; the end of what it said is in the error.
pub(super) fn tool(instance: &Path, program: &Path, args: &[&str]) -> Result<Output, LabError> {
    let output = Command::new(program)
        .args(args)
        .current_dir(instance)
        .stdin(Stdio::null())
        .output()
        .map_err(LabError::file(program))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    Err(LabError::Other(format!(
        "{name} ended with {}: {}",
        output.status,
        last(&said)
    )))
}

fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let more = std::fs::read(log.with_file_name("stderr")).unwrap_or_default();
    last(&format!(
        "{}\n{}",
        String::from_utf8_lossy(&text),
        String::from_utf8_lossy(&more)
    ))
}

fn last(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(TAIL_LINES);
    lines.get(from..).unwrap_or_default().join("; ")
}
