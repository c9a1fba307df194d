//! The client's end of a run's socket: reads events, sends commands.

use super::daemon::EngineError;
use super::event::Record;
use super::protocol::{ClientHello, Command, EngineHello, EngineInfo, VERSION};
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// A connection to an engine.
#[derive(Debug)]
pub struct Client {
    lines: Lines<BufReader<OwnedReadHalf>>,
    /// The sending half.
    pub sender: Sender,
}

/// The sending half of a connection.
#[derive(Debug)]
pub struct Sender(OwnedWriteHalf);

impl Client {
    /// Connects to the engine of a run.
    ///
    /// # Errors
    /// When nobody listens, or the engine speaks another version.
    pub async fn connect(info: &EngineInfo, name: &str, from: u64) -> Result<Self, EngineError> {
        let error = |source| EngineError::File {
            path: info.socket.clone(),
            source,
        };
        let stream = UnixStream::connect(&info.socket).await.map_err(error)?;
        let (reader, writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        let first = lines.next_line().await.map_err(error)?.unwrap_or_default();
        let hello: EngineHello = serde_json::from_str(&first)
            .map_err(|_| EngineError::Other("the engine's greeting is not understood".into()))?;
        if hello.hello != VERSION {
            return Err(EngineError::Other(format!(
                "the engine speaks version {}, this program {VERSION}",
                hello.hello
            )));
        }
        let mut client = Self {
            lines,
            sender: Sender(writer),
        };
        let hello = ClientHello {
            hello: VERSION,
            client: name.to_owned(),
            from,
        };
        client.sender.line(&hello).await?;
        Ok(client)
    }

    /// Returns the next event as journaled, and its line; `None` when the engine has gone.
    ///
    /// # Errors
    /// When a line is not an event.
    pub async fn next(&mut self) -> Result<Option<(Record, String)>, EngineError> {
        match self.lines.next_line().await {
            Ok(Some(line)) => serde_json::from_str(&line)
                .map(|record| Some((record, line)))
                .map_err(|e| EngineError::Other(format!("an event is not understood: {e}"))),
            Ok(None) | Err(_) => Ok(None),
        }
    }

    /// Splits the connection, so that events and commands can be dealt with side by side.
    pub fn split(self) -> (Events, Sender) {
        (Events(self.lines), self.sender)
    }
}

/// The receiving half of a connection.
#[derive(Debug)]
pub struct Events(Lines<BufReader<OwnedReadHalf>>);

impl Events {
    /// As [`Client::next`]; safe to be cancelled.
    ///
    /// # Errors
    /// When a line is not an event.
    pub async fn next(&mut self) -> Result<Option<(Record, String)>, EngineError> {
        match self.0.next_line().await {
            Ok(Some(line)) => serde_json::from_str(&line)
                .map(|record| Some((record, line)))
                .map_err(|e| EngineError::Other(format!("an event is not understood: {e}"))),
            Ok(None) | Err(_) => Ok(None),
        }
    }
}

impl Sender {
    /// Sends a command.
    ///
    /// # Errors
    /// When the engine has gone.
    pub async fn send(&mut self, command: &Command) -> Result<(), EngineError> {
        self.line(command).await
    }

    async fn line(&mut self, value: &impl serde::Serialize) -> Result<(), EngineError> {
        let mut line = serde_json::to_vec(value).map_err(|e| EngineError::Other(e.to_string()))?;
        line.push(b'\n');
        self.0
            .write_all(&line)
            .await
            .map_err(|source| EngineError::File {
                path: Path::new("engine.sock").to_path_buf(),
                source,
            })
    }
}
