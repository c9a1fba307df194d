//! A mail server outside, which takes everything for everybody: where a site's forwarded mail and
//! the members of its lists that are elsewhere are.

use super::components::{Context, Running, StartError};
use super::session::{Protocol, serve};
use super::smtp::{self, Incoming, Mta, Verdict};
use crate::lab::lines;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io::{self, BufReader, BufWriter};
use std::net::{IpAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

/// What came, below the host's root, one object a line.
pub const RECEIVED: &str = "var/spool/received.jsonl";

struct Outside {
    name: String,
    received: PathBuf,
}

impl Mta for Outside {
    fn name(&self) -> &str {
        &self.name
    }

    fn product(&self) -> &'static str {
        "somewhere"
    }

    fn recipient(&self, _client: IpAddr, _address: &str) -> Verdict {
        Verdict::Accepted
    }

    fn accept(&self, incoming: &Incoming) -> io::Result<()> {
        let line = json!({
            "from": incoming.from,
            "to": incoming.to,
            "size": incoming.message.len(),
            "sha256": format!("{:x}", Sha256::digest(&incoming.message)),
        });
        lines::append(&self.received, &line, false).map_err(io::Error::other)
    }
}

/// Brings the server up.
///
/// # Errors
/// When the port is taken.
pub async fn start(context: Context) -> Result<Running, StartError> {
    let received = context.root().join(RECEIVED);
    let folder = received.parent().map(std::fs::create_dir_all);
    if let Some(Err(e)) = folder {
        return Err(StartError::Failed(e.to_string()));
    }
    let outside = Arc::new(Outside {
        name: context.host.fqdn.clone(),
        received,
    });
    let listener = context.listen(25).await?;
    let protocol: Protocol = Arc::new(move |stream: TcpStream, peer: IpAddr| {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut writer = BufWriter::new(stream);
        smtp::talk(&mut reader, &mut writer, peer, &*outside)
    });
    Ok(Box::pin(serve(listener, context.stop, protocol)))
}
