//! The site's own people who look at their mail, by IMAP or POP, at the server that they have always
//! used: the name in their programs is the old server's, wherever that leads.

use crate::lab::create::Dice;
use crate::lab::daemon::send::connect;
use crate::lab::daemon::session::line;
use crate::lab::lines;
use crate::lab::world::{Lab, LabError};
use serde::Deserialize;
use std::io::{self, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::Duration;

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is needed of a line of `accounts.jsonl`.
#[derive(Clone, Debug, Deserialize)]
struct Account {
    user: String,
    password: String,
    #[serde(default)]
    services: Vec<String>,
}

/// Everybody who can log in.
pub(super) struct Readers {
    accounts: Vec<Account>,
    dice: Dice,
}

impl Readers {
    /// Reads who there is.
    pub(super) fn open(lab: &Lab) -> Result<Self, LabError> {
        Ok(Self {
            accounts: lines::read(&lab.dir.join("accounts.jsonl"))?,
            dice: Dice::new(lab.config.seed, "readers"),
        })
    }

    /// Has somebody look at their INBOX; returns whether they got to see it, `None` when there is
    /// nobody.
    pub(super) fn read_one(&mut self, lab: &Lab, own: Ipv4Addr) -> Option<bool> {
        let by_imap = self.dice.chance(60);
        let (service, port) = if by_imap { ("imap", 143) } else { ("pop", 110) };
        let may = |a: &&Account| {
            a.services.is_empty()
                || a.services
                    .iter()
                    .any(|s| s.to_lowercase().starts_with(service))
        };
        let some: Vec<&Account> = self.accounts.iter().filter(may).collect();
        let account = some.get(self.dice.below(some.len())).copied()?.clone();
        let server = lab.resolve(&lab.host_with_role("old").ok()?.fqdn)?;
        let to = SocketAddrV4::new(server, lab.port(port));
        let seen = if by_imap {
            imap(own, to, &account)
        } else {
            pop(own, to, &account)
        };
        Some(seen.unwrap_or(false))
    }
}

fn open(own: Ipv4Addr, to: SocketAddrV4) -> io::Result<(BufReader<TcpStream>, TcpStream)> {
    let stream = connect(own, to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok((BufReader::new(stream.try_clone()?), stream))
}

fn next(reader: &mut BufReader<TcpStream>) -> io::Result<String> {
    let line = line(reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn imap(own: Ipv4Addr, to: SocketAddrV4, account: &Account) -> io::Result<bool> {
    let (mut reader, mut writer) = open(own, to)?;
    next(&mut reader)?;
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let login = format!(
        "LOGIN \"{}\" \"{}\"",
        quoted(&account.user),
        quoted(&account.password)
    );
    for (tag, command) in [
        ("a", login.as_str()),
        ("b", "EXAMINE INBOX"),
        ("c", "LOGOUT"),
    ] {
        write!(writer, "{tag} {command}\r\n")?;
        loop {
            let answer = next(&mut reader)?;
            if let Some(answer) = answer.strip_prefix(&format!("{tag} ")) {
                if !answer.starts_with("OK") {
                    return Ok(false);
                }
                break;
            }
        }
    }
    Ok(true)
}

fn pop(own: Ipv4Addr, to: SocketAddrV4, account: &Account) -> io::Result<bool> {
    let (mut reader, mut writer) = open(own, to)?;
    let mut ok = next(&mut reader)?.starts_with("+OK");
    let (user, password) = (&account.user, &account.password);
    for command in [
        format!("USER {user}"),
        format!("PASS {password}"),
        "STAT".to_owned(),
    ] {
        if ok {
            write!(writer, "{command}\r\n")?;
            ok = next(&mut reader)?.starts_with("+OK");
        }
    }
    write!(writer, "QUIT\r\n")?;
    Ok(ok)
}
