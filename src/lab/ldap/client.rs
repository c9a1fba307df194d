//! A small blocking LDAP client for the vendor's tools, the listeners and the job controllers.
//!
//! It speaks to the servers of the lab only: a host's name and a well-known port become the lab's
//! loopback address and port.

use super::entry::{Attribute, Entry};
use super::filter_text;
pub use super::filter_text::escape as escape_filter;
use super::frame::is_complete;
use super::ldif::{Mod, ModKind};
use crate::lab::world::Lab;
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::{
    LdapAddRequest, LdapBindCred, LdapBindRequest, LdapDerefAliases, LdapModify,
    LdapModifyDNRequest, LdapModifyRequest, LdapModifyType, LdapMsg, LdapOp, LdapPartialAttribute,
    LdapResult, LdapResultCode, LdapSearchRequest, LdapSearchScope,
};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

/// The longest answer.
const LONGEST: usize = 64 << 20;
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no such host in the lab.
    #[error("unknown host `{0}`")]
    UnknownHost(String),
    /// Nobody listens, or the connection broke.
    #[error("cannot reach the directory server: {0}")]
    Connection(#[from] io::Error),
    /// The filter cannot be understood.
    #[error("`{0}` is not a search filter")]
    Filter(String),
    /// The server refused.
    #[error("the directory server refused: {code:?} ({number}) {text}", number = self.number())]
    Refused {
        /// The result code.
        code: LdapResultCode,
        /// The nearest entry that exists.
        matched: String,
        /// What the server said.
        text: String,
    },
}

impl ClientError {
    /// Returns the result code as a number: 81 (server down) when there was no answer, 87 (bad
    /// filter) for a filter.
    pub fn number(&self) -> i64 {
        match self {
            Self::UnknownHost(_) | Self::Connection(_) => 81,
            Self::Filter(_) => 87,
            Self::Refused { code, .. } => code.clone() as i64,
        }
    }

    /// Returns whether the server said `noSuchObject`.
    pub fn is_no_such_object(&self) -> bool {
        self.is(&LdapResultCode::NoSuchObject)
    }

    /// Returns whether the server refused with this code.
    pub fn is(&self, wanted: &LdapResultCode) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }
}

/// How deep a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The entry itself.
    Base,
    /// The entries right below it.
    One,
    /// The entry and everything below it.
    Subtree,
}

/// A search with all that can be asked for.
#[derive(Clone, Debug)]
pub struct Query<'a> {
    /// Where it begins.
    pub base: &'a str,
    /// How deep it goes.
    pub scope: Scope,
    /// The filter.
    pub filter: &'a str,
    /// The attributes wanted; none for all.
    pub attributes: &'a [&'a str],
    /// The most entries wanted; 0 for all.
    pub size_limit: i32,
    /// Whether only names of attributes are wanted.
    pub types_only: bool,
}

/// A connection to a directory server of the lab.
pub struct Client {
    stream: TcpStream,
    codec: LdapCodec,
    buffer: BytesMut,
    next_id: i32,
}

/// Returns the real address of a host and port as a vendor's tool is given them.
///
/// A port up to `port_base` is a well-known one; a greater one is already a real port of the lab.
///
/// # Errors
/// [`ClientError::UnknownHost`] for a name the lab does not have, and for any address that is not
/// a loopback one.
pub fn address(lab: &Lab, host: &str, port: u16) -> Result<SocketAddr, ClientError> {
    let address = if host.eq_ignore_ascii_case("localhost") {
        Some(Ipv4Addr::LOCALHOST)
    } else {
        lab.resolve(host)
    };
    let address = address
        .filter(Ipv4Addr::is_loopback)
        .ok_or_else(|| ClientError::UnknownHost(host.to_owned()))?;
    let port = if port > lab.config.port_base {
        port
    } else {
        lab.port(port)
    };
    Ok(SocketAddr::new(IpAddr::V4(address), port))
}

impl Client {
    /// Connects to a host of the lab; see [`address`] for `host` and `port`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn connect(lab: &Lab, host: &str, port: u16) -> Result<Self, ClientError> {
        Self::connect_to(address(lab, host, port)?)
    }

    /// Connects to a real address.
    ///
    /// # Errors
    /// [`ClientError::Connection`].
    pub fn connect_to(address: SocketAddr) -> Result<Self, ClientError> {
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self {
            stream,
            codec: LdapCodec::new(Some(LONGEST), None),
            buffer: BytesMut::new(),
            next_id: 0,
        })
    }

    /// Binds with a password; both empty for nobody.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn bind(&mut self, dn: &str, password: &str) -> Result<(), ClientError> {
        self.ask(LdapOp::BindRequest(LdapBindRequest {
            version: 3,
            dn: dn.to_owned(),
            cred: LdapBindCred::Simple(password.to_owned()),
        }))
    }

    /// Searches; returns all entries found.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn search(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: &[&str],
    ) -> Result<Vec<Entry>, ClientError> {
        let mut found = Vec::new();
        let query = Query {
            base,
            scope,
            filter,
            attributes,
            size_limit: 0,
            types_only: false,
        };
        self.query(&query, |entry| {
            found.push(entry);
            Ok(())
        })?;
        Ok(found)
    }

    /// Searches and hands over each entry as it comes; what came before an error was handed over.
    ///
    /// # Errors
    /// [`ClientError`]; also what `each` returned.
    pub fn query(
        &mut self,
        query: &Query<'_>,
        mut each: impl FnMut(Entry) -> io::Result<()>,
    ) -> Result<(), ClientError> {
        let id = self.send(LdapOp::SearchRequest(LdapSearchRequest {
            base: query.base.to_owned(),
            scope: match query.scope {
                Scope::Base => LdapSearchScope::Base,
                Scope::One => LdapSearchScope::OneLevel,
                Scope::Subtree => LdapSearchScope::Subtree,
            },
            aliases: LdapDerefAliases::Never,
            sizelimit: query.size_limit,
            timelimit: 0,
            typesonly: query.types_only,
            filter: filter_text::parse(query.filter)
                .ok_or_else(|| ClientError::Filter(query.filter.to_owned()))?,
            attrs: query.attributes.iter().map(|a| (*a).to_owned()).collect(),
        }))?;
        loop {
            match self.receive(id)? {
                LdapOp::SearchResultEntry(found) => each(Entry {
                    dn: found.dn,
                    attributes: found
                        .attributes
                        .into_iter()
                        .map(|a| Attribute {
                            name: a.atype,
                            values: a.vals,
                        })
                        .collect(),
                })?,
                LdapOp::SearchResultReference(_) => {}
                op => return outcome(op),
            }
        }
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn add(&mut self, entry: &Entry) -> Result<(), ClientError> {
        self.ask(LdapOp::AddRequest(LdapAddRequest {
            dn: entry.dn.clone(),
            attributes: entry
                .attributes
                .iter()
                .map(|a| LdapPartialAttribute {
                    atype: a.name.clone(),
                    vals: a.values.clone(),
                })
                .collect(),
        }))
    }

    /// Modifies an entry: all modifications or none.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn modify(&mut self, dn: &str, mods: &[Mod]) -> Result<(), ClientError> {
        self.ask(LdapOp::ModifyRequest(LdapModifyRequest {
            dn: dn.to_owned(),
            changes: mods
                .iter()
                .map(|m| LdapModify {
                    operation: match m.kind {
                        ModKind::Add => LdapModifyType::Add,
                        ModKind::Delete => LdapModifyType::Delete,
                        ModKind::Replace => LdapModifyType::Replace,
                    },
                    modification: LdapPartialAttribute {
                        atype: m.attribute.clone(),
                        vals: m.values.clone(),
                    },
                })
                .collect(),
        }))
    }

    /// Deletes an entry.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn delete(&mut self, dn: &str) -> Result<(), ClientError> {
        self.ask(LdapOp::DelRequest(dn.to_owned()))
    }

    /// Renames or moves an entry.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn rename(
        &mut self,
        dn: &str,
        rdn: &str,
        delete_old: bool,
        superior: Option<&str>,
    ) -> Result<(), ClientError> {
        self.ask(LdapOp::ModifyDNRequest(LdapModifyDNRequest {
            dn: dn.to_owned(),
            newrdn: rdn.to_owned(),
            deleteoldrdn: delete_old,
            new_superior: superior.map(str::to_owned),
        }))
    }

    fn ask(&mut self, op: LdapOp) -> Result<(), ClientError> {
        let id = self.send(op)?;
        outcome(self.receive(id)?)
    }

    fn send(&mut self, op: LdapOp) -> Result<i32, ClientError> {
        self.next_id += 1;
        let mut out = BytesMut::new();
        self.codec
            .encode(LdapMsg::new(self.next_id, op), &mut out)?;
        self.stream.write_all(&out)?;
        Ok(self.next_id)
    }

    fn receive(&mut self, id: i32) -> Result<LdapOp, ClientError> {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            if is_complete(&self.buffer)
                && let Some(message) = self.codec.decode(&mut self.buffer)?
            {
                if message.msgid == id {
                    return Ok(message.op);
                }
                continue;
            }
            let read = self.stream.read(&mut chunk)?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            self.buffer
                .extend_from_slice(chunk.get(..read).unwrap_or_default());
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.send(LdapOp::UnbindRequest);
    }
}

fn outcome(op: LdapOp) -> Result<(), ClientError> {
    let result: LdapResult = match op {
        LdapOp::BindResponse(answer) => answer.res,
        LdapOp::SearchResultDone(result)
        | LdapOp::ModifyResponse(result)
        | LdapOp::AddResponse(result)
        | LdapOp::DelResponse(result)
        | LdapOp::ModifyDNResponse(result)
        | LdapOp::CompareResult(result) => result,
        LdapOp::ExtendedResponse(answer) => answer.res,
        _ => return Err(io::Error::from(io::ErrorKind::InvalidData).into()),
    };
    if result.code == LdapResultCode::Success {
        return Ok(());
    }
    Err(ClientError::Refused {
        code: result.code,
        matched: result.matcheddn,
        text: result.message,
    })
}
