//! The old server's proxy (`ims-proxy: on`): whose mailbox has moved is led to the other server, so
//! that nobody has to tell a mail program anything.

use crate::lab::world::Lab;
use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How long the other server may take to be reached.
const PATIENCE: Duration = Duration::from_secs(10);

/// Somebody who is at home elsewhere, known by name and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The host of the mailbox.
    pub host: String,
    /// The name, as typed.
    pub user: String,
    /// The password.
    pub password: String,
    /// IMAP: the tag of the command that logged in.
    pub tag: String,
}

/// The rest of a session after somebody was recognised, if they have to be led elsewhere.
pub type Rest = Option<Visitor>;

/// The client's half of a session.
pub type Ends = (BufReader<TcpStream>, io::BufWriter<TcpStream>);

/// Goes on with an IMAP session at the other server.
///
/// # Errors
/// When a connection breaks.
pub fn imap(lab: &Lab, visitor: &Visitor, mut ends: Ends) -> io::Result<()> {
    let Ok((mut reader, mut other)) = open(lab, visitor, 143) else {
        write!(ends.1, "{} NO mail server not available\r\n", visitor.tag)?;
        return ends.1.flush();
    };
    let mut greeting = Vec::new();
    reader.read_until(b'\n', &mut greeting)?;
    write!(
        other,
        "{} LOGIN {{{}+}}\r\n{} {{{}+}}\r\n{}\r\n",
        visitor.tag,
        visitor.user.len(),
        visitor.user,
        visitor.password.len(),
        visitor.password
    )?;
    join(reader, other, ends)
}

/// Goes on with a POP session at the other server.
///
/// # Errors
/// When a connection breaks.
pub fn pop(lab: &Lab, visitor: &Visitor, mut ends: Ends) -> io::Result<()> {
    let Ok((mut reader, mut other)) = open(lab, visitor, 110) else {
        write!(ends.1, "-ERR mail server not available\r\n")?;
        return ends.1.flush();
    };
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    write!(other, "USER {}\r\n", visitor.user)?;
    reader.read_until(b'\n', &mut line)?;
    write!(other, "PASS {}\r\n", visitor.password)?;
    join(reader, other, ends)
}

fn open(lab: &Lab, visitor: &Visitor, port: u16) -> io::Result<(BufReader<TcpStream>, TcpStream)> {
    let address: Ipv4Addr = lab.resolve(&visitor.host).ok_or(io::ErrorKind::NotFound)?;
    let address = SocketAddr::from((address, lab.port(port)));
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(Duration::from_secs(600)))?;
    Ok((BufReader::new(stream.try_clone()?), stream))
}

/// Passes on what each says until one of them leaves.
fn join(mut from: BufReader<TcpStream>, mut to: TcpStream, ends: Ends) -> io::Result<()> {
    let (mut reader, mut writer) = ends;
    let there = to.try_clone()?;
    let here = writer.get_ref().try_clone()?;
    let forth = std::thread::spawn(move || {
        let _ = copy(&mut reader, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let back = copy(&mut from, &mut writer);
    let _ = there.shutdown(Shutdown::Both);
    let _ = here.shutdown(Shutdown::Both);
    let _ = forth.join();
    back
}

fn copy(from: &mut BufReader<TcpStream>, to: &mut dyn Write) -> io::Result<()> {
    let mut buffer = [0_u8; 16 * 1024];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        to.write_all(buffer.get(..count).unwrap_or_default())?;
        to.flush()?;
    }
}
