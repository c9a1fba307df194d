//! One client's connection: requests in, answers out.
//!
//! Changes that arrive together are written together: their answers wait for one sync.

use super::access::AccessLog;
use super::answer::{answer_to, malformed_answer, refused, result};
use super::directory::{Directory, Who};
use super::entry::{Attribute, Entry};
use super::filter_text;
use super::frame::{Codec, is_complete};
use super::ldif::{Mod, ModKind};
use super::plan::Fail;
use super::search::{CONTROLS, Search, WHO_AM_I};
use super::server::Touched;
use futures_util::{SinkExt, StreamExt};
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapBindCred, LdapBindRequest, LdapBindResponse, LdapExtendedResponse, LdapModify,
    LdapModifyType, LdapMsg, LdapOp, LdapPartialAttribute, LdapResult, LdapResultCode as Code,
    LdapSearchRequest,
};
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_util::codec::Framed;
use tokio_util::sync::CancellationToken;

/// How many changes may wait for one sync.
const MOST_WAITING: usize = 256;
/// How many entries are looked up at once, before others get a turn.
const SLICE: usize = 256;

/// Makes the answer to a change from its result.
type Answer = fn(LdapResult) -> LdapOp;

/// A change that is done and not yet synced.
struct Waiting {
    message: i32,
    operation: u64,
    what: String,
    answer: Answer,
    result: LdapResult,
}

/// A connection.
pub struct Session {
    connection: u64,
    operation: u64,
    directory: Arc<Directory>,
    access: Arc<AccessLog>,
    touched: Touched,
    who: Who,
    waiting: Vec<Waiting>,
    /// The number of the last change that is waited for.
    number: u64,
}

type Stream = Framed<TcpStream, Codec>;

impl Session {
    /// Makes a session; `connection` is its number in the log.
    pub fn new(
        connection: u64,
        directory: Arc<Directory>,
        access: Arc<AccessLog>,
        touched: Touched,
    ) -> Self {
        Self {
            connection,
            operation: 0,
            directory,
            access,
            touched,
            who: Who::default(),
            waiting: Vec::new(),
            number: 0,
        }
    }

    /// Serves the client until it leaves or the server ends.
    pub async fn run(mut self, socket: TcpStream, peer: SocketAddr, stop: CancellationToken) {
        let _ = socket.set_nodelay(true);
        let from = format!("connection from {}", peer.ip());
        self.access.line(self.connection, 0, &from, "");
        let mut stream = Framed::new(socket, Codec::default());
        let how = match self.serve(&mut stream, &stop).await {
            Ok(()) => "closed",
            Err(_) => "closed - broken",
        };
        self.access.line(self.connection, self.operation, "fd", how);
    }

    async fn serve(&mut self, stream: &mut Stream, stop: &CancellationToken) -> io::Result<()> {
        loop {
            if !is_complete(stream.read_buffer()) || self.waiting.len() >= MOST_WAITING {
                self.settle(stream).await?;
                stream.flush().await?;
            }
            let frame = tokio::select! {
                frame = stream.next() => frame,
                () = stop.cancelled() => return Ok(()),
            };
            let Some(frame) = frame.transpose()? else {
                return Ok(());
            };
            (self.touched)();
            self.operation += 1;
            let message = match frame.message {
                Ok(message) => message,
                Err(malformed) => {
                    self.settle(stream).await?;
                    match malformed_answer(malformed) {
                        Some(answer) => stream.feed(answer).await?,
                        None => return Ok(()),
                    }
                    self.log("MALFORMED", Code::ProtocolError as i64);
                    continue;
                }
            };
            if matches!(message.op, LdapOp::UnbindRequest) {
                self.log("UNBIND", 0);
                return self.settle(stream).await;
            }
            if matches!(message.op, LdapOp::AbandonRequest(_)) {
                self.log("ABANDON", 0);
                continue;
            }
            let is_search = matches!(message.op, LdapOp::SearchRequest(_));
            let unknown = frame.critical.iter().find(|oid| {
                !CONTROLS.contains(&oid.as_str()) || (!is_search && oid.as_str() == CONTROLS_PAGED)
            });
            match unknown {
                Some(oid) => {
                    self.settle(stream).await?;
                    let fail = Fail::new(
                        Code::UnavailableCriticalExtension,
                        format!("the critical control {oid} is not supported"),
                    );
                    if let Some(op) = answer_to(&message.op, refused(&fail)) {
                        stream.feed(LdapMsg::new(message.msgid, op)).await?;
                    }
                    self.log(
                        &format!("CONTROL oid=\"{oid}\""),
                        Code::UnavailableCriticalExtension as i64,
                    );
                }
                None => self.handle(message, stream).await?,
            }
        }
    }

    async fn handle(&mut self, message: LdapMsg, stream: &mut Stream) -> io::Result<()> {
        let LdapMsg { msgid, op, ctrl } = message;
        let directory = Arc::clone(&self.directory);
        match op {
            LdapOp::AddRequest(r) => {
                let entry = Entry {
                    dn: r.dn,
                    attributes: r.attributes.into_iter().map(attribute).collect(),
                };
                let what = format!("ADD dn=\"{}\"", entry.dn);
                let done = directory.add(&self.who, entry);
                self.wait(msgid, what, LdapOp::AddResponse, &done);
            }
            LdapOp::ModifyRequest(r) => {
                let what = format!("MOD dn=\"{}\"", r.dn);
                let mods: Option<Vec<Mod>> = r.changes.into_iter().map(modification).collect();
                let done = match mods {
                    Some(mods) => directory.modify(&self.who, &r.dn, &mods),
                    None => Err(Fail::new(Code::ProtocolError, "unknown modification")),
                };
                self.wait(msgid, what, LdapOp::ModifyResponse, &done);
            }
            LdapOp::DelRequest(dn) => {
                let what = format!("DEL dn=\"{dn}\"");
                let done = directory.delete(&self.who, &dn);
                self.wait(msgid, what, LdapOp::DelResponse, &done);
            }
            LdapOp::ModifyDNRequest(r) => {
                let what = format!("MODRDN dn=\"{}\" newrdn=\"{}\"", r.dn, r.newrdn);
                let superior = r.new_superior.as_deref();
                let done = directory.rename(&self.who, &r.dn, &r.newrdn, r.deleteoldrdn, superior);
                self.wait(msgid, what, LdapOp::ModifyDNResponse, &done);
            }
            other => {
                // Answers come in the order of the requests.
                self.settle(stream).await?;
                match other {
                    LdapOp::SearchRequest(r) => {
                        self.search(msgid, &r, &ctrl, stream).await?;
                    }
                    LdapOp::BindRequest(r) => {
                        let res = self.bind(&r);
                        let answer = LdapOp::BindResponse(LdapBindResponse {
                            res,
                            saslcreds: None,
                        });
                        stream.feed(LdapMsg::new(msgid, answer)).await?;
                    }
                    LdapOp::CompareRequest(r) => {
                        let compared = directory.compare(&self.who, &r.dn, &r.atype, &r.val);
                        let res = match compared {
                            Ok(equal) => LdapResult {
                                code: if equal {
                                    Code::CompareTrue
                                } else {
                                    Code::CompareFalse
                                },
                                ..result(&Ok(()))
                            },
                            Err(fail) => refused(&fail),
                        };
                        let what = format!("CMP dn=\"{}\" attr=\"{}\"", r.dn, r.atype);
                        self.log(&what, res.code.clone() as i64);
                        stream
                            .feed(LdapMsg::new(msgid, LdapOp::CompareResult(res)))
                            .await?;
                    }
                    LdapOp::ExtendedRequest(r) => {
                        let res = if r.name == WHO_AM_I {
                            result(&Ok(()))
                        } else {
                            refused(&Fail::new(
                                Code::ProtocolError,
                                "unsupported extended operation",
                            ))
                        };
                        self.log(&format!("EXT oid=\"{}\"", r.name), res.code.clone() as i64);
                        let value = (res.code == Code::Success).then(|| self.identity());
                        let answer = LdapOp::ExtendedResponse(LdapExtendedResponse {
                            res,
                            name: None,
                            value,
                        });
                        stream.feed(LdapMsg::new(msgid, answer)).await?;
                    }
                    // Answers are not requests.
                    _ => return Err(io::ErrorKind::InvalidData.into()),
                }
            }
        }
        Ok(())
    }

    fn identity(&self) -> Vec<u8> {
        if self.who.dn.is_empty() {
            Vec::new()
        } else {
            format!("dn:{}", self.who.dn).into_bytes()
        }
    }

    fn bind(&mut self, request: &LdapBindRequest) -> LdapResult {
        // A bind that fails leaves nobody bound.
        self.who = Who::default();
        let bound = match (&request.cred, request.version) {
            (_, version) if !(2..=3).contains(&version) => Err(Fail::new(
                Code::ProtocolError,
                "only versions 2 and 3 are supported",
            )),
            (LdapBindCred::Simple(given), _) => self.directory.bind(&request.dn, given.as_bytes()),
            _ => Err(Fail::new(
                Code::AuthMethodNotSupported,
                "only simple binds are supported",
            )),
        };
        let answer = result(&bound);
        if let Ok(who) = bound {
            self.who = who;
        }
        let what = format!(
            "BIND dn=\"{}\" method=128 version={}",
            request.dn, request.version
        );
        self.log(&what, answer.code.clone() as i64);
        answer
    }

    async fn search(
        &mut self,
        message: i32,
        request: &LdapSearchRequest,
        controls: &[LdapControl],
        stream: &mut Stream,
    ) -> io::Result<()> {
        let paged = controls.iter().find_map(|c| match c {
            LdapControl::SimplePagedResults { size, cookie } => Some((*size, cookie)),
            _ => None,
        });
        let who = self.who.clone();
        let directory = Arc::clone(&self.directory);
        let limit = usize::try_from(request.sizelimit)
            .ok()
            .filter(|l| *l > 0)
            .unwrap_or(usize::MAX);
        let (page, mut after) = match paged {
            Some((size, cookie)) => (
                usize::try_from(size).unwrap_or(0),
                (!cookie.is_empty()).then(|| String::from_utf8_lossy(cookie).into_owned()),
            ),
            None => (usize::MAX, None),
        };
        let mut sent = 0;
        let mut cookie = Vec::new();
        let done = match Search::new(&directory, &who, request) {
            Err(fail) => Err(fail),
            // A page of nothing gives a search up.
            Ok(_) if page == 0 => Ok(()),
            Ok(search) => loop {
                let most = SLICE.min(limit - sent).min(page - sent);
                let slice = search.slice(after.as_deref(), most);
                sent += slice.entries.len();
                for entry in slice.entries {
                    let entry = LdapMsg::new(message, LdapOp::SearchResultEntry(entry));
                    stream.feed(entry).await?;
                }
                let Some(next) = slice.next else {
                    break Ok(());
                };
                if sent >= limit {
                    break Err(Search::too_many());
                }
                if sent >= page {
                    cookie = next.into_bytes();
                    break Ok(());
                }
                after = Some(next);
                tokio::task::yield_now().await;
            },
        };
        let answer = result(&done);
        let mut what = format!(
            "SRCH base=\"{}\" scope={} filter=\"",
            request.base,
            request.scope.clone() as i64
        );
        let _ = write!(
            what,
            "{}\" nentries={sent}",
            filter_text::write(&request.filter)
        );
        self.log(&what, answer.code.clone() as i64);
        let controls = if paged.is_some() {
            vec![LdapControl::SimplePagedResults { size: 0, cookie }]
        } else {
            Vec::new()
        };
        let answer = LdapMsg::new_with_ctrls(message, LdapOp::SearchResultDone(answer), controls);
        stream.feed(answer).await
    }

    /// Notes a change that is done; the answer goes out once it is on disk.
    fn wait(&mut self, message: i32, what: String, answer: Answer, done: &Result<u64, Fail>) {
        let result = result(done);
        if let Ok(number) = done {
            self.number = self.number.max(*number);
        }
        self.waiting.push(Waiting {
            message,
            operation: self.operation,
            what,
            answer,
            result,
        });
    }

    /// Waits until all changes are on disk and answers them.
    async fn settle(&mut self, stream: &mut Stream) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let written = self.directory.commit(self.number).await;
        for w in std::mem::take(&mut self.waiting) {
            let result = match &written {
                Err(e) if w.result.code == Code::Success => {
                    refused(&Fail::new(Code::OperationsError, e.to_string()))
                }
                _ => w.result,
            };
            let code = format!("err={}", result.code.clone() as i64);
            self.access
                .line(self.connection, w.operation, &w.what, &code);
            stream
                .feed(LdapMsg::new(w.message, (w.answer)(result)))
                .await?;
        }
        Ok(())
    }

    fn log(&self, what: &str, code: i64) {
        let code = format!("err={code}");
        self.access
            .line(self.connection, self.operation, what, &code);
    }
}

/// The control that only a search can have.
const CONTROLS_PAGED: &str = "1.2.840.113556.1.4.319";

fn attribute(partial: LdapPartialAttribute) -> Attribute {
    Attribute {
        name: partial.atype,
        values: partial.vals,
    }
}

fn modification(change: LdapModify) -> Option<Mod> {
    Some(Mod {
        kind: match change.operation {
            LdapModifyType::Add => ModKind::Add,
            LdapModifyType::Delete => ModKind::Delete,
            LdapModifyType::Replace => ModKind::Replace,
            LdapModifyType::Increment => return None,
        },
        attribute: change.modification.atype,
        values: change.modification.vals,
    })
}
