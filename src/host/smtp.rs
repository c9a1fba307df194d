//! Asking a mail server whether it would pass mail on: an SMTP dialogue that ends before any message.

use super::Host;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

/// The longest answer that is read.
const LONGEST: u64 = 8 * 1024;

/// What a mail server says to a recipient somewhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relaying {
    /// It would take the mail.
    Accepted,
    /// It would not, in its own words.
    Refused(String),
    /// It said neither.
    Unclear(String),
    /// The address to ask from is not this machine's.
    NotOurs,
}

impl Host {
    /// Returns the address that this machine reaches a port of the host from; nothing is sent.
    pub async fn own_address(&self, port: u16) -> Option<IpAddr> {
        let port = port.saturating_add(self.port_offset);
        let socket = UdpSocket::bind(("0.0.0.0", 0)).await.ok()?;
        socket.connect((self.address.as_str(), port)).await.ok()?;
        Some(socket.local_addr().ok()?.ip())
    }

    /// Asks the host's SMTP port, from an address of this machine, whether it takes mail for
    /// `recipient`. Ends before there is a message.
    pub async fn would_relay(
        &self,
        port: u16,
        source: IpAddr,
        recipient: &str,
        patience: Duration,
    ) -> Relaying {
        let port = port.saturating_add(self.port_offset);
        let asked = async {
            let stream = match connect(&self.address, port, source).await {
                Ok(stream) => stream,
                Err(e) if e.kind() == std::io::ErrorKind::AddrNotAvailable => {
                    return Ok(Relaying::NotOurs);
                }
                Err(e) => return Err(e),
            };
            dialogue(stream, recipient).await
        };
        match tokio::time::timeout(patience, asked).await {
            Ok(Ok(told)) => told,
            Ok(Err(e)) => Relaying::Unclear(e.to_string()),
            Err(_) => Relaying::Unclear(format!("no answer within {patience:?}")),
        }
    }
}

async fn connect(address: &str, port: u16, source: IpAddr) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
    for target in tokio::net::lookup_host((address, port)).await? {
        if target.is_ipv4() != source.is_ipv4() {
            continue;
        }
        let socket = match source {
            IpAddr::V4(_) => TcpSocket::new_v4()?,
            IpAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.bind((source, 0).into())?;
        match socket.connect(target).await {
            Ok(stream) => return Ok(stream),
            Err(e) => last = e,
        }
    }
    Err(last)
}

async fn dialogue(stream: TcpStream, recipient: &str) -> std::io::Result<Relaying> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader.take(LONGEST));
    let greeting = reply(&mut reader).await?;
    if !greeting.starts_with('2') {
        return Ok(Relaying::Unclear(greeting));
    }
    for line in ["EHLO imsmigrate.invalid", "MAIL FROM:<>"] {
        writer.write_all(format!("{line}\r\n").as_bytes()).await?;
        let said = reply(&mut reader).await?;
        if !said.starts_with('2') {
            return Ok(Relaying::Unclear(said));
        }
    }
    let asked = format!("RCPT TO:<{recipient}>\r\n");
    writer.write_all(asked.as_bytes()).await?;
    let said = reply(&mut reader).await?;
    // It has told already: that the farewell is lost changes nothing.
    let _ = writer.write_all(b"QUIT\r\n").await;
    Ok(match said.bytes().next() {
        Some(b'2') => Relaying::Accepted,
        Some(b'5') => Relaying::Refused(said),
        _ => Relaying::Unclear(said),
    })
}

/// The last line of a reply; `250-` is followed by more.
async fn reply(reader: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<String> {
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(line);
        }
    }
}
