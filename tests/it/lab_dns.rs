//! The name server of a lab with several hosts, asked as anybody asks one, and changed as a person
//! changes it.

use super::place::{Place, talk};
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::Stdio;
use std::str::FromStr;
use std::time::Duration;

struct World {
    place: Place,
    status: Value,
}

impl World {
    fn new() -> Self {
        let place = Place::new();
        let scenario = ["--scenario", "sims-online", "--users", "3", "--seed", "8"];
        place.create_lab(&[scenario.as_slice(), &["--messages-per-user", "1"]].concat());
        let lab = place.lab();
        let output = place.run(&["lab", "status", lab.to_str().unwrap(), "--json"]);
        let status = serde_json::from_slice(&output.stdout).unwrap();
        Self { place, status }
    }

    fn address(&self, host: &str) -> String {
        let hosts = self.status["hosts"].as_array().unwrap();
        let host = hosts.iter().find(|h| h["name"] == host).unwrap();
        host["address"].as_str().unwrap().to_owned()
    }

    fn server(&self) -> SocketAddr {
        let port = self.status["ldap"]["port"].as_u64().unwrap() - 389 + 53;
        format!("{}:{port}", self.address("dns")).parse().unwrap()
    }

    fn ask(&self, name: &str, kind: RecordType) -> (ResponseCode, Vec<String>) {
        let mut question = Message::new(9, MessageType::Query, OpCode::Query);
        question.add_query(Query::query(Name::from_str(name).unwrap(), kind));
        let question = question.to_vec().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let patience = Some(Duration::from_secs(20));
        socket.set_read_timeout(patience).unwrap();
        socket.send_to(&question, self.server()).unwrap();
        let mut buffer = [0_u8; 4096];
        let length = socket.recv(&mut buffer).unwrap();
        let short = Message::from_vec(&buffer[..length]).unwrap();

        let mut stream = TcpStream::connect(self.server()).unwrap();
        stream.set_read_timeout(patience).unwrap();
        let length = u16::try_from(question.len()).unwrap();
        stream.write_all(&length.to_be_bytes()).unwrap();
        stream.write_all(&question).unwrap();
        let mut length = [0_u8; 2];
        stream.read_exact(&mut length).unwrap();
        let mut whole = vec![0_u8; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut whole).unwrap();
        let long = Message::from_vec(&whole).unwrap();
        assert_eq!(short.answers, long.answers, "over UDP and over TCP");
        let values = long.answers.iter().map(|r| r.data.to_string()).collect();
        (long.metadata.response_code, values)
    }

    /// What the person at the name server types.
    fn update(&self, typed: &str) -> (Option<i32>, String) {
        let lab = self.place.lab();
        let words = [
            "lab",
            "shell",
            lab.to_str().unwrap(),
            "dns",
            "/usr/sbin/nsupdate",
        ];
        let mut child = self
            .place
            .command(&words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
        let output = child.wait_with_output().unwrap();
        (output.status.code(), talk(&output))
    }
}

#[test]
fn the_name_server_knows_every_host_both_ways_and_where_mail_goes() {
    let world = World::new();
    for host in ["oldmail", "newmail", "ldap"] {
        let (name, address) = (format!("{host}.siroe.com."), world.address(host));
        let found = world.ask(&name, RecordType::A);
        assert_eq!(found, (ResponseCode::NoError, vec![address.clone()]));
        let mut parts: Vec<&str> = address.split('.').collect();
        parts.reverse();
        let back = format!("{}.in-addr.arpa.", parts.join("."));
        assert_eq!(world.ask(&back, RecordType::PTR).1, [name]);
    }
    for domain in ["siroe.com.", "varrius.org."] {
        assert_eq!(
            world.ask(domain, RecordType::MX).1,
            ["10 oldmail.siroe.com."]
        );
    }
    let nobody = world.ask("nobody.siroe.com.", RecordType::A);
    assert_eq!(nobody, (ResponseCode::NXDomain, Vec::new()));
}

#[test]
fn a_change_at_the_name_server_holds_at_once_and_a_wrong_one_changes_nothing() {
    let world = World::new();
    let (old, new) = (world.address("oldmail"), world.address("newmail"));
    for wrong in [
        "update delete oldmail.siroe.com A\nupdate add oldmail.siroe.com 60 A 127.1\nsend\n",
        "update delete oldmail.siroe.com A\nupdate add elsewhere.org 60 A 127.0.0.1\nsend\n",
    ] {
        let (status, said) = world.update(wrong);
        assert!(status.is_some_and(|s| s > 0), "{said}");
        assert_eq!(
            world.ask("oldmail.siroe.com.", RecordType::A).1,
            [old.as_str()]
        );
    }
    let (status, said) = world.update(&format!(
        "update delete oldmail.siroe.com A\nupdate add oldmail.siroe.com 300 A {new}\nsend\n"
    ));
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(world.ask("oldmail.siroe.com.", RecordType::A).1, [new]);

    let zone = world.place.lab().join("dns/siroe.com.zone");
    let text = std::fs::read_to_string(&zone).unwrap();
    assert!(text.starts_with("; The names of this lab"), "{text}");
    std::fs::write(&zone, text.clone() + "more.siroe.com 60 A 127.9.9.9\n").unwrap();
    assert_eq!(world.ask("more.siroe.com.", RecordType::A).1, ["127.9.9.9"]);
    std::fs::write(&zone, text + "more.siroe.com 60 A nonsense\n").unwrap();
    let broken = world.ask("oldmail.siroe.com.", RecordType::A);
    assert_eq!(broken, (ResponseCode::ServFail, Vec::new()));
}
