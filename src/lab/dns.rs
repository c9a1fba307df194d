//! The names of a lab's own little internet: zone files of plain lines, and what they answer.
//!
//! `DIR/dns/*.zone`, one record a line, `NAME TTL TYPE VALUE`, names with or without the last dot,
//! `;` begins a comment. They are read for each question: what a person writes there holds at once.
//! Who serves them is `daemon::dns`; who changes them is a person, with an editor or [`update`].

pub mod update;

use super::world::{Lab, LabError};
use hickory_proto::op::{Message, MessageType, Metadata, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::str::FromStr as _;

/// The folder of zone files, below the lab's.
pub const FOLDER: &str = "dns";

/// How many names an alias may lead over.
const CHAIN: usize = 8;

/// All records of a lab.
#[derive(Clone, Debug, Default)]
pub struct Zone {
    records: Vec<Record>,
}

/// What there is for a name and a type.
#[derive(Clone, Debug)]
pub enum Found {
    /// Records, those of aliases on the way first.
    Records(Vec<Record>),
    /// The name is there, but has nothing of this type.
    NoData,
    /// There is no such name.
    NoName,
    /// The name is in none of the zones.
    Elsewhere,
}

/// Returns whether a lab has names of its own.
pub fn has(lab: &Lab) -> bool {
    lab.dir.join(FOLDER).is_dir()
}

/// Lists the zone files of a lab by name.
///
/// # Errors
/// When the folder cannot be read.
pub fn files(lab: &Lab) -> Result<Vec<PathBuf>, LabError> {
    let folder = lab.dir.join(FOLDER);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(LabError::file(folder)(e)),
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "zone"))
        .collect();
    files.sort();
    Ok(files)
}

/// Reads a line of a zone file; `None` for one without a record.
///
/// # Errors
/// Why it is not a record.
pub fn record(line: &str) -> Result<Option<Record>, String> {
    // A quoted text may have a semicolon; no other value has one.
    let text = match line.split_once(';') {
        Some((before, _)) if !before.contains('"') => before,
        _ => line,
    };
    let mut words = text.split_whitespace();
    let Some(name) = words.next() else {
        return Ok(None);
    };
    let usage = || "a record is NAME TTL TYPE VALUE".to_owned();
    let ttl = words.next().ok_or_else(usage)?;
    let ttl = ttl
        .parse()
        .map_err(|_| format!("`{ttl}` is not a time to live in seconds"))?;
    let mut kind = words.next().ok_or_else(usage)?.to_ascii_uppercase();
    if kind == "IN" {
        kind = words.next().ok_or_else(usage)?.to_ascii_uppercase();
    }
    let kind = RecordType::from_str(&kind).map_err(|_| format!("`{kind}` is not a type"))?;
    let value: Vec<String> = words.map(|word| full(kind, word)).collect();
    if value.is_empty() {
        return Err(usage());
    }
    let data = RData::try_from_str(kind, &value.join(" "))
        .map_err(|e| format!("`{}`: {e}", value.join(" ")))?;
    Ok(Some(Record::from_rdata(self::name(name)?, ttl, data)))
}

/// A name with its last dot.
///
/// # Errors
/// When it is not a name.
pub fn name(text: &str) -> Result<Name, String> {
    let mut name = Name::from_ascii(text).map_err(|_| format!("`{text}` is not a name"))?;
    name.set_fqdn(true);
    Ok(name)
}

/// Names in values are whole names, whether they end in a dot or not.
fn full(kind: RecordType, word: &str) -> String {
    let names = [
        RecordType::CNAME,
        RecordType::MX,
        RecordType::NS,
        RecordType::PTR,
        RecordType::SOA,
    ];
    let is_number = word.bytes().all(|b| b.is_ascii_digit());
    if names.contains(&kind) && !is_number && !word.ends_with('.') {
        format!("{word}.")
    } else {
        word.to_owned()
    }
}

impl Zone {
    /// Reads all zone files of a lab; a lab without any has no records.
    ///
    /// # Errors
    /// When one cannot be read or has a line that is no record.
    pub fn read(lab: &Lab) -> Result<Self, LabError> {
        let mut zone = Self::default();
        for path in files(lab)? {
            let text = std::fs::read_to_string(&path).map_err(LabError::file(&path))?;
            zone.parse(&text).map_err(|(line, reason)| LabError::Data {
                path,
                line: Some(line),
                reason,
            })?;
        }
        Ok(zone)
    }

    /// Adds the records of a text.
    fn parse(&mut self, text: &str) -> Result<(), (usize, String)> {
        for (at, line) in text.lines().enumerate() {
            let record = record(line).map_err(|reason| (at + 1, reason))?;
            self.records.extend(record);
        }
        Ok(())
    }

    /// Looks a name up.
    pub fn find(&self, name: &Name, kind: RecordType) -> Found {
        let mut name = name.clone();
        let mut found = Vec::new();
        for _ in 0..CHAIN {
            let here: Vec<&Record> = self.records.iter().filter(|r| r.name == name).collect();
            let fits = |r: &&&Record| kind == RecordType::ANY || r.record_type() == kind;
            let fitting: Vec<Record> = here.iter().filter(fits).map(|r| (*r).clone()).collect();
            if !fitting.is_empty() {
                found.extend(fitting);
                return Found::Records(found);
            }
            let alias = here.iter().find_map(|r| match &r.data {
                RData::CNAME(to) => Some(((*r).clone(), to.0.clone())),
                _ => None,
            });
            match alias {
                Some((record, to)) => {
                    found.push(record);
                    name = to;
                }
                None if !found.is_empty() => return Found::Records(found),
                None if !here.is_empty() => return Found::NoData,
                None if self.records.iter().any(|r| name.zone_of(&r.name)) => return Found::NoData,
                None if self.start(&name).is_some() => return Found::NoName,
                None => return Found::Elsewhere,
            }
        }
        Found::Records(found)
    }

    /// The start of authority of the zone that a name is in.
    fn start(&self, name: &Name) -> Option<&Record> {
        let starts = self
            .records
            .iter()
            .filter(|r| r.record_type() == RecordType::SOA);
        starts
            .filter(|r| r.name.zone_of(name))
            .max_by_key(|r| r.name.num_labels())
    }

    /// Answers a question as the server of these zones.
    pub fn answer(&self, question: &Message) -> Message {
        let mut answer = response(question, ResponseCode::NoError);
        let Some(query) = question.queries.first().filter(|_| is_query(question)) else {
            answer.metadata.response_code = ResponseCode::NotImp;
            return answer;
        };
        answer.metadata.authoritative = true;
        match self.find(&query.name, query.query_type) {
            Found::Records(records) => {
                answer.add_answers(records);
            }
            Found::NoData => {
                answer.add_authorities(self.start(&query.name).cloned());
            }
            Found::NoName => {
                answer.metadata.response_code = ResponseCode::NXDomain;
                answer.add_authorities(self.start(&query.name).cloned());
            }
            Found::Elsewhere => {
                answer.metadata.authoritative = false;
                answer.metadata.response_code = ResponseCode::Refused;
            }
        }
        answer
    }

    /// Returns the address of a name, over aliases.
    pub fn address(&self, host: &str) -> Option<Ipv4Addr> {
        let Found::Records(records) = self.find(&name(host).ok()?, RecordType::A) else {
            return None;
        };
        records.iter().find_map(|r| match r.data {
            RData::A(address) => Some(address.0),
            _ => None,
        })
    }

    /// Returns where mail for a domain goes: the hosts of its MX records, the best first; a domain
    /// without any is its own host where it has an address.
    pub fn mail_hosts(&self, domain: &str) -> Vec<String> {
        let Ok(name) = name(domain) else {
            return Vec::new();
        };
        let mut hosts: Vec<(u16, String)> = match self.find(&name, RecordType::MX) {
            Found::Records(records) => records
                .iter()
                .filter_map(|r| match &r.data {
                    RData::MX(mx) => Some((mx.preference, bare(&mx.exchange))),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        if hosts.is_empty() && self.address(domain).is_some() {
            hosts.push((0, domain.to_owned()));
        }
        hosts.sort();
        hosts.into_iter().map(|(_, host)| host).collect()
    }
}

fn bare(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_owned()
}

fn is_query(question: &Message) -> bool {
    question.metadata.op_code == OpCode::Query
        && question.metadata.message_type == MessageType::Query
}

/// An answer without records.
pub fn response(question: &Message, code: ResponseCode) -> Message {
    let id = question.metadata.id;
    let mut answer = Message::new(id, MessageType::Response, question.metadata.op_code);
    answer.metadata = Metadata::response_from_request(&question.metadata);
    answer.metadata.response_code = code;
    let asked: Vec<Query> = question.queries.clone();
    answer.add_queries(asked);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::Query;

    const TEXT: &str = "\
; the zone
siroe.com 3600 SOA ns.siroe.com hostmaster.siroe.com 1 3600 600 86400 60
siroe.com. 3600 IN MX 20 second.siroe.com
SIROE.com 3600 MX 10 oldmail.siroe.com.
oldmail.siroe.com 3600 A 127.1.2.3   ; the old one
imap.siroe.com 60 CNAME oldmail.siroe.com
3.2.1.127.in-addr.arpa 60 PTR oldmail.siroe.com
a.b.siroe.com 60 TXT \"v=1; x\"
";

    fn zone(text: &str) -> Zone {
        let mut zone = Zone::default();
        zone.parse(text).unwrap();
        zone
    }

    fn ask(name: &str, kind: RecordType) -> Message {
        let mut question = Message::new(7, MessageType::Query, OpCode::Query);
        question.add_query(Query::query(super::name(name).unwrap(), kind));
        zone(TEXT).answer(&question)
    }

    #[test]
    fn names_are_found_whatever_their_case_over_aliases_and_backwards() {
        let answer = ask("OldMail.siroe.com", RecordType::A);
        assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
        assert_eq!((answer.answers.len(), answer.metadata.id), (1, 7));
        assert_eq!(ask("imap.siroe.com", RecordType::A).answers.len(), 2);
        let back = ask("3.2.1.127.in-addr.arpa", RecordType::PTR);
        assert_eq!(back.answers[0].data.to_string(), "oldmail.siroe.com.");
    }

    #[test]
    fn what_is_not_there_is_told_apart() {
        let of = |name: &str, kind| ask(name, kind).metadata.response_code;
        assert_eq!(
            of("oldmail.siroe.com", RecordType::MX),
            ResponseCode::NoError
        );
        assert_eq!(of("b.siroe.com", RecordType::A), ResponseCode::NoError);
        assert_eq!(
            of("nobody.siroe.com", RecordType::A),
            ResponseCode::NXDomain
        );
        assert_eq!(of("example.org", RecordType::A), ResponseCode::Refused);
        assert_eq!(ask("nobody.siroe.com", RecordType::A).authorities.len(), 1);
    }

    #[test]
    fn mail_goes_to_the_best_exchanger_first_and_without_one_to_the_name_itself() {
        let zone = zone(TEXT);
        let two = ["oldmail.siroe.com", "second.siroe.com"];
        assert_eq!(zone.mail_hosts("siroe.com"), two);
        assert_eq!(zone.mail_hosts("oldmail.siroe.com"), two[..1]);
        assert!(zone.mail_hosts("example.org").is_empty());
        let address = zone.address("IMAP.siroe.com").unwrap();
        assert_eq!(address, Ipv4Addr::new(127, 1, 2, 3));
    }

    #[test]
    fn a_line_that_is_no_record_is_named() {
        for (text, says) in [
            ("\nx.org 5 A 1.2.3", "1.2.3"),
            ("\nx.org five A 1.2.3.4", "time to live"),
            ("\nx.org 5 AB 1.2.3.4", "not a type"),
            ("\nx.org 5 A", "NAME TTL TYPE VALUE"),
        ] {
            let (line, reason) = Zone::default().parse(text).unwrap_err();
            assert_eq!(line, 2);
            assert!(reason.contains(says), "{reason}");
        }
    }
}
