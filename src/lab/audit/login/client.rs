//! A small blocking IMAP and POP client, enough to log in and count.

use super::super::files::Server;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(30);
/// No answer to what is asked here comes near this.
const LONGEST: u64 = 16 * 1024 * 1024;

/// A connection that reads lines.
struct Wire {
    reader: BufReader<TcpStream>,
}

impl Wire {
    fn connect(server: Server, port: u16) -> Result<Self, String> {
        let address = SocketAddr::from((server.address, port));
        let stream = TcpStream::connect_timeout(&address, CONNECT)
            .and_then(|stream| {
                stream.set_read_timeout(Some(ANSWER))?;
                stream.set_write_timeout(Some(ANSWER))?;
                stream.set_nodelay(true)?;
                Ok(stream)
            })
            .map_err(|e| format!("{address}: {e}"))?;
        Ok(Self {
            reader: BufReader::new(stream),
        })
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        let mut all = bytes.to_vec();
        all.extend_from_slice(b"\r\n");
        self.reader
            .get_mut()
            .write_all(&all)
            .map_err(|e| e.to_string())
    }

    /// One line without its end.
    fn line(&mut self) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        let read = (&mut self.reader)
            .take(LONGEST)
            .read_until(b'\n', &mut line)
            .map_err(|e| e.to_string())?;
        if read == 0 {
            return Err("the server closed the connection".to_owned());
        }
        while matches!(line.last(), Some(b'\r' | b'\n')) {
            line.pop();
        }
        Ok(line)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), String> {
        std::io::copy(&mut (&mut self.reader).take(bytes), &mut std::io::sink())
            .map(|_| ())
            .map_err(|e| e.to_string())
    }
}

fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

/// A logged-in IMAP session.
pub(super) struct Imap {
    wire: Wire,
    count: u32,
}

impl Imap {
    /// Connects and logs in.
    pub(super) fn login(server: Server, user: &str, password: &str) -> Result<Self, String> {
        let mut wire = Wire::connect(server, server.imap)?;
        let greeting = wire.line()?;
        if !greeting.starts_with(b"* OK") {
            return Err(format!("greets with `{}`", shown(&greeting)));
        }
        let mut imap = Self { wire, count: 0 };
        imap.command(&[Part::Word("LOGIN"), Part::Text(user), Part::Text(password)])?;
        Ok(imap)
    }

    /// Opens a folder to read only and returns how many messages it has.
    pub(super) fn examine(&mut self, folder: &str) -> Result<usize, String> {
        let lines = self.command(&[Part::Word("EXAMINE"), Part::Text(folder)])?;
        lines
            .iter()
            .find_map(|line| {
                let text = String::from_utf8_lossy(line);
                let mut words = text.split_ascii_whitespace().skip(1);
                let count = words.next()?.parse().ok()?;
                words
                    .next()?
                    .eq_ignore_ascii_case("EXISTS")
                    .then_some(count)
            })
            .ok_or_else(|| "the server does not say how many messages there are".to_owned())
    }

    /// Says good-bye; what comes back no longer matters.
    pub(super) fn logout(mut self) {
        let _ = self.command(&[Part::Word("LOGOUT")]);
    }

    /// Sends a command and returns its untagged lines when the server says OK.
    fn command(&mut self, parts: &[Part]) -> Result<Vec<Vec<u8>>, String> {
        self.count += 1;
        let tag = format!("a{}", self.count);
        let mut line = tag.clone().into_bytes();
        for part in parts {
            line.push(b' ');
            match part {
                Part::Word(word) => line.extend_from_slice(word.as_bytes()),
                Part::Text(text) if quotable(text) => {
                    line.push(b'"');
                    for byte in text.bytes() {
                        if matches!(byte, b'"' | b'\\') {
                            line.push(b'\\');
                        }
                        line.push(byte);
                    }
                    line.push(b'"');
                }
                Part::Text(text) => {
                    line.extend_from_slice(format!("{{{}}}", text.len()).as_bytes());
                    self.wire.send(&line)?;
                    let go = self.wire.line()?;
                    if !go.starts_with(b"+") {
                        return Err(shown(&go));
                    }
                    line = text.as_bytes().to_vec();
                }
            }
        }
        self.wire.send(&line)?;
        let mut untagged = Vec::new();
        loop {
            let line = self.response()?;
            let Some(rest) = line
                .strip_prefix(tag.as_bytes())
                .and_then(|l| l.strip_prefix(b" "))
            else {
                untagged.push(line);
                continue;
            };
            let ok = rest
                .get(..2)
                .is_some_and(|word| word.eq_ignore_ascii_case(b"OK"));
            return if ok { Ok(untagged) } else { Err(shown(rest)) };
        }
    }

    /// One line of an answer; a literal in it is read over.
    fn response(&mut self) -> Result<Vec<u8>, String> {
        let mut whole = Vec::new();
        loop {
            let line = self.wire.line()?;
            let literal = literal_size(&line);
            whole.extend(line);
            match literal {
                Some(size) => self.wire.skip(size)?,
                None => return Ok(whole),
            }
        }
    }
}

/// A part of a command.
enum Part<'a> {
    Word(&'a str),
    Text(&'a str),
}

fn quotable(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, 0x20..=0x7e))
}

/// The size of the literal that follows a line ending in `{n}`.
fn literal_size(line: &[u8]) -> Option<u64> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|b| *b == b'{')?;
    std::str::from_utf8(inner.get(open + 1..)?)
        .ok()?
        .parse()
        .ok()
}

/// A logged-in POP session.
pub(super) struct Pop {
    wire: Wire,
}

impl Pop {
    /// Connects, logs in and returns how many messages there are.
    pub(super) fn login(
        server: Server,
        user: &str,
        password: &str,
    ) -> Result<(Self, usize), String> {
        let mut pop = Self {
            wire: Wire::connect(server, server.pop)?,
        };
        pop.ok()?;
        pop.wire.send(format!("USER {user}").as_bytes())?;
        pop.ok()?;
        pop.wire.send(format!("PASS {password}").as_bytes())?;
        pop.ok()?;
        pop.wire.send(b"STAT")?;
        let stat = pop.ok()?;
        let count = stat
            .split_ascii_whitespace()
            .nth(1)
            .and_then(|n| n.parse().ok())
            .ok_or_else(|| format!("STAT says `{stat}`"))?;
        Ok((pop, count))
    }

    /// Says good-bye; what comes back no longer matters.
    pub(super) fn quit(mut self) {
        let _ = self.wire.send(b"QUIT");
        let _ = self.wire.line();
    }

    fn ok(&mut self) -> Result<String, String> {
        let line = shown(&self.wire.line()?);
        if line.starts_with("+OK") {
            Ok(line)
        } else {
            Err(line)
        }
    }
}
