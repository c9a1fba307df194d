//! Sends a message to another machine by SMTP, as a client: what an MTA and the world outside do.
//!
//! Between the lab's own MTAs `MAIL FROM` carries two parameters of the lab's own: `XHOPS` counts
//! the hosts that a message has been on, where the real ones count `Received` lines, so that nobody
//! writes into a message; `XCUT` says that the last line end was put there for the transport only.

use super::session::line;
use std::io::{self, BufReader, BufWriter, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

/// How long the other machine may take for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A message for one machine.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// The sender, empty for a report.
    pub from: &'a str,
    /// The recipients.
    pub to: &'a [String],
    /// The message, line ends as they are.
    pub message: &'a [u8],
    /// How many hosts it was on; none where it does not come from an MTA of the site.
    pub hops: Option<u32>,
}

/// What the other machine said of a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It has taken the message.
    Taken,
    /// Not now (4xx).
    Later(String),
    /// Never (5xx).
    Never(String),
}

/// Sends a letter and returns what was said of each recipient, in their order.
///
/// # Errors
/// When the machine does not answer, or the connection breaks before it said what it has taken.
pub fn send(own: (Ipv4Addr, &str), to: SocketAddrV4, letter: Letter<'_>) -> io::Result<Vec<Said>> {
    let stream = connect(own.0, to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut talk = Talk {
        reader: BufReader::new(stream.try_clone()?),
        writer: BufWriter::new(stream),
    };
    let greeting = talk.answer()?;
    if let Some(no) = refusal(&greeting) {
        return Ok(vec![no; letter.to.len()]);
    }
    talk.ask(&format!("HELO {}", own.1))?;
    let whole = letter.message.is_empty() || letter.message.ends_with(b"\r\n");
    let mut mail = format!("MAIL FROM:<{}>", letter.from);
    if let Some(hops) = letter.hops {
        mail.push_str(&format_hops(hops, whole));
    }
    let answer = talk.ask(&mail)?;
    if let Some(no) = refusal(&answer) {
        return Ok(vec![no; letter.to.len()]);
    }
    let mut said = Vec::new();
    for address in letter.to {
        let answer = talk.ask(&format!("RCPT TO:<{address}>"))?;
        said.push(refusal(&answer).unwrap_or(Said::Taken));
    }
    if said.contains(&Said::Taken) {
        let answer = talk.ask("DATA")?;
        let answer = if answer.starts_with("354") {
            talk.data(letter.message, whole)?
        } else {
            answer
        };
        if let Some(no) = refusal(&answer) {
            for one in said.iter_mut().filter(|s| **s == Said::Taken) {
                *one = no.clone();
            }
        }
    }
    // What is promised is promised, however they part.
    let _ = talk.ask("QUIT");
    Ok(said)
}

fn format_hops(hops: u32, whole: bool) -> String {
    let cut = if whole { "" } else { " XCUT" };
    format!(" XHOPS={hops}{cut}")
}

/// Connects to another host; the source address is the host's own, so that the other one knows whom it talks to.
pub(super) fn connect(own: Ipv4Addr, to: SocketAddrV4) -> io::Result<TcpStream> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
    let kind = SocketType::STREAM;
    let socket = socket_with(AddressFamily::INET, kind, SocketFlags::CLOEXEC, None)?;
    bind(&socket, &SocketAddr::from((own, 0)))?;
    connect(&socket, &SocketAddr::from(to))?;
    Ok(TcpStream::from(socket))
}

fn refusal(answer: &str) -> Option<Said> {
    match answer.as_bytes().first() {
        Some(b'2' | b'3') => None,
        Some(b'5') => Some(Said::Never(answer.to_owned())),
        _ => Some(Said::Later(answer.to_owned())),
    }
}

struct Talk {
    reader: BufReader<TcpStream>,
    writer: BufWriter<TcpStream>,
}

impl Talk {
    fn ask(&mut self, command: &str) -> io::Result<String> {
        let clean: String = command.chars().filter(|c| !c.is_control()).collect();
        write!(self.writer, "{clean}\r\n")?;
        self.writer.flush()?;
        self.answer()
    }

    /// The last line of an answer.
    fn answer(&mut self) -> io::Result<String> {
        loop {
            let gone = || io::Error::from(io::ErrorKind::UnexpectedEof);
            let line = line(&mut self.reader)?.ok_or_else(gone)?;
            let line = String::from_utf8_lossy(&line).into_owned();
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line);
            }
        }
    }

    fn data(&mut self, message: &[u8], whole: bool) -> io::Result<String> {
        let mut at_start = true;
        for piece in message.split_inclusive(|b| *b == b'\n') {
            if at_start && piece.starts_with(b".") {
                self.writer.write_all(b".")?;
            }
            self.writer.write_all(piece)?;
            at_start = piece.ends_with(b"\r\n");
        }
        if !whole {
            self.writer.write_all(b"\r\n")?;
        }
        self.writer.write_all(b".\r\n")?;
        self.writer.flush()?;
        self.answer()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::daemon::smtp::{self, Incoming, Mta, Verdict};
    use std::net::{IpAddr, TcpListener};
    use std::sync::{Arc, Mutex};

    #[derive(Default)]
    struct Taker(Mutex<Vec<Incoming>>);

    impl Mta for Taker {
        fn name(&self) -> &'static str {
            "there"
        }
        fn product(&self) -> &'static str {
            "test"
        }
        fn recipient(&self, _: IpAddr, address: &str) -> Verdict {
            match address {
                "nobody@there" => Verdict::Unknown,
                "busy@there" => Verdict::Later,
                _ => Verdict::Accepted,
            }
        }
        fn accept(&self, incoming: &Incoming) -> io::Result<()> {
            self.0.lock().unwrap().push(incoming.clone());
            Ok(())
        }
    }

    #[test]
    fn a_message_arrives_byte_by_byte_and_each_recipient_is_told_of() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let std::net::SocketAddr::V4(to) = listener.local_addr().unwrap() else {
            panic!("not IPv4")
        };
        let taker = Arc::new(Taker::default());
        let served = Arc::clone(&taker);
        let thread = std::thread::spawn(move || {
            for _ in 0..2 {
                let (stream, peer) = listener.accept().unwrap();
                assert_eq!(peer.ip(), Ipv4Addr::new(127, 0, 0, 9));
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut writer = BufWriter::new(stream);
                smtp::talk(&mut reader, &mut writer, peer.ip(), &*served).unwrap();
            }
        });
        let names = ["ann@there", "nobody@there", "busy@there"].map(str::to_owned);
        let own = (Ipv4Addr::new(127, 0, 0, 9), "here");
        for message in [b".a\nb\r\n.c\r\n".as_slice(), b"no end"] {
            let letter = Letter {
                from: "x@here",
                to: &names,
                message,
                hops: Some(3),
            };
            let said = send(own, to, letter).unwrap();
            assert!(matches!(
                said.as_slice(),
                [Said::Taken, Said::Never(_), Said::Later(_)]
            ));
        }
        thread.join().unwrap();
        let taken = taker.0.lock().unwrap();
        assert_eq!(taken[0].message, b".a\nb\r\n.c\r\n");
        assert_eq!(taken[1].message, b"no end");
        assert_eq!((taken[0].to.len(), taken[0].hops), (1, Some(3)));
    }
}
