//! The name server of a lab as a component: UDP and TCP on port 53.
//!
//! It answers from the zone files as they are at that moment. A file that cannot be understood is a
//! server that cannot answer, for every name: so a slip of the pen is seen at once.

use super::components::{Activity, Context, Running, StartError};
use crate::lab::dns::{Zone, response};
use crate::lab::world::Lab;
use hickory_proto::op::{Edns, Message, ResponseCode};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// The longest answer over UDP to somebody who did not say that more can be taken.
const PLAIN: u16 = 512;
/// What may be taken where more was offered.
const MOST: u16 = 4096;
/// How long a client may say nothing.
const IDLE: Duration = Duration::from_secs(10);

/// Brings the name server up.
///
/// # Errors
/// When the port is taken.
pub async fn start(context: Context) -> Result<Running, StartError> {
    let tcp = context.listen(53).await?;
    let address = SocketAddr::from((context.host.address, context.lab.port(53)));
    let udp = UdpSocket::bind(address).await.map_err(|e| match e.kind() {
        io::ErrorKind::AddrInUse => StartError::PortInUse(53),
        _ => StartError::Failed(format!("cannot listen on port 53 ({address}): {e}")),
    })?;
    let server = Server {
        lab: context.lab.clone(),
        activity: context.activity.clone(),
    };
    let stop = context.stop;
    Ok(Box::pin(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = datagrams(udp, server.clone()) => {}
            () = streams(tcp, server) => {}
        }
    }))
}

#[derive(Clone)]
struct Server {
    lab: Lab,
    activity: Activity,
}

impl Server {
    /// Answers a question; nothing when it is none.
    async fn answer(&self, bytes: &[u8]) -> Option<Message> {
        let question = Message::from_vec(bytes).ok()?;
        self.activity.touch();
        let lab = self.lab.clone();
        let zone = tokio::task::spawn_blocking(move || Zone::read(&lab)).await;
        let mut answer = match zone {
            Ok(Ok(zone)) => zone.answer(&question),
            _ => response(&question, ResponseCode::ServFail),
        };
        if question.edns.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(MOST);
            answer.set_edns(edns);
        }
        Some(answer)
    }

    async fn datagram(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let answer = self.answer(bytes).await?;
        let asked = Message::from_vec(bytes).ok()?;
        let most = asked
            .edns
            .map_or(PLAIN, |e| e.max_payload().clamp(PLAIN, MOST));
        let whole = answer.to_vec().ok()?;
        if whole.len() <= usize::from(most) {
            return Some(whole);
        }
        answer.truncate().to_vec().ok()
    }
}

async fn datagrams(socket: UdpSocket, server: Server) {
    let socket = Arc::new(socket);
    let mut asked = JoinSet::new();
    let mut buffer = vec![0_u8; usize::from(MOST)];
    loop {
        while asked.try_join_next().is_some() {}
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            // What a client that has gone leaves behind is no reason to end.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let bytes = buffer.get(..length).unwrap_or_default().to_vec();
        let (socket, server) = (Arc::clone(&socket), server.clone());
        asked.spawn(async move {
            if let Some(answer) = server.datagram(&bytes).await {
                let _ = socket.send_to(&answer, from).await;
            }
        });
    }
}

async fn streams(listener: TcpListener, server: Server) {
    let mut clients = JoinSet::new();
    loop {
        while clients.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let server = server.clone();
        clients.spawn(async move {
            // What goes wrong with a client is the client's: it may come again.
            let _ = tokio::time::timeout(IDLE, client(stream, &server)).await;
        });
    }
}

async fn client(mut stream: TcpStream, server: &Server) -> io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut bytes = vec![0_u8; usize::from(length)];
        stream.read_exact(&mut bytes).await?;
        let Some(answer) = server.answer(&bytes).await else {
            return Ok(());
        };
        let answer = answer.to_vec().map_err(io::Error::other)?;
        let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
        stream.write_u16(length).await?;
        stream.write_all(&answer).await?;
        stream.flush().await?;
    }
}
