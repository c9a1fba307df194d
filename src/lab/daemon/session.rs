//! Accepts a host's clients: one thread each, so that the protocols below are plain reading and
//! writing. A stop closes every connection and waits for the threads.

use std::collections::HashMap;
use std::io::{self, BufRead, Read as _};
use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The longest command line that is taken from a client.
pub const LINE_LIMIT: u64 = 64 * 1024;

/// How long a client may say nothing.
const IDLE: Duration = Duration::from_secs(600);

/// Speaks a protocol with one client.
pub type Protocol = Arc<dyn Fn(TcpStream, IpAddr) -> io::Result<()> + Send + Sync>;

/// Serves a listener until `stop`; returns when the last client's thread has ended.
pub async fn serve(listener: TcpListener, stop: CancellationToken, protocol: Protocol) {
    let open: Arc<Mutex<HashMap<u64, TcpStream>>> = Arc::default();
    let mut clients = JoinSet::new();
    let mut next = 0_u64;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            _ = clients.join_next(), if !clients.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let Ok(stream) = blocking(stream) else {
            continue;
        };
        let id = next;
        next += 1;
        if let Ok(copy) = stream.try_clone() {
            lock(&open).insert(id, copy);
        }
        let (open, protocol) = (Arc::clone(&open), Arc::clone(&protocol));
        clients.spawn_blocking(move || {
            // What goes wrong with a client is the client's: it may come again.
            let _ = protocol(stream, peer.ip());
            lock(&open).remove(&id);
        });
    }
    drop(listener);
    for stream in lock(&open).values() {
        let _ = stream.shutdown(Shutdown::Both);
    }
    while clients.join_next().await.is_some() {}
}

/// Reads one line of at most [`LINE_LIMIT`] bytes, without its end; `None` when the client has gone.
///
/// # Errors
/// When the connection breaks, or the line is longer (`InvalidData`).
pub fn line(reader: &mut dyn BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = reader.take(LINE_LIMIT).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.pop_if(|b| *b == b'\n').is_none() && line.len() as u64 >= LINE_LIMIT {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a line too long",
        ));
    }
    line.pop_if(|b| *b == b'\r');
    Ok(Some(line))
}

fn blocking(stream: tokio::net::TcpStream) -> io::Result<TcpStream> {
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(IDLE))?;
    Ok(stream)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Write as _};

    #[tokio::test]
    async fn a_stop_closes_the_port_and_every_open_session() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let protocol: Protocol = Arc::new(|mut stream: TcpStream, _| {
            stream.write_all(b"hello\r\n")?;
            let mut reader = BufReader::new(stream);
            while line(&mut reader)?.is_some() {}
            Ok(())
        });
        let served = tokio::spawn(serve(listener, stop.clone(), protocol));
        let client = tokio::task::spawn_blocking(move || {
            let mut reader = BufReader::new(TcpStream::connect(address).unwrap());
            let greeting = line(&mut reader).unwrap();
            (reader, greeting)
        });
        let (mut reader, greeting) = client.await.unwrap();
        assert_eq!(greeting.as_deref(), Some(b"hello".as_slice()));
        stop.cancel();
        served.await.unwrap();
        assert_eq!(line(&mut reader).unwrap(), None);
        assert!(TcpStream::connect(address).is_err());
    }

    #[test]
    fn a_line_without_end_is_not_read_for_ever() {
        let endless = vec![b'a'; usize::try_from(LINE_LIMIT).unwrap() + 1];
        let mut reader = BufReader::new(endless.as_slice());
        assert!(line(&mut reader).is_err());
    }
}
