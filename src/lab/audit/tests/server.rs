//! A small IMAP and POP server, so that the audit's logins can be proven to fail.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

type People = BTreeMap<String, BTreeMap<String, usize>>;

/// The running server.
pub(super) struct Mail {
    pub(super) port_base: u16,
    people: Arc<Mutex<People>>,
    stopped: Arc<AtomicBool>,
}

impl Mail {
    /// Listens on `base + 143` and `base + 110` of the loopback, with these folders.
    pub(super) fn start(people: &[(&str, &[(&str, usize)])]) -> Self {
        let (port_base, imap, pop) = loop {
            let imap = TcpListener::bind("127.0.0.1:0").unwrap();
            let base = imap.local_addr().unwrap().port() - 143;
            if let Ok(pop) = TcpListener::bind(("127.0.0.1", base + 110)) {
                break (base, imap, pop);
            }
        };
        let people: People = people
            .iter()
            .map(|(user, folders)| {
                let folders = folders.iter().map(|(f, n)| ((*f).to_owned(), *n)).collect();
                ((*user).to_owned(), folders)
            })
            .collect();
        let mail = Self {
            port_base,
            people: Arc::new(Mutex::new(people)),
            stopped: Arc::default(),
        };
        mail.serve(imap, imap_session);
        mail.serve(pop, pop_session);
        mail
    }

    fn serve(&self, listener: TcpListener, session: fn(TcpStream, &Mutex<People>)) {
        let (people, stopped) = (self.people.clone(), self.stopped.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let people = people.clone();
                let stream = stream.unwrap();
                stream.set_nodelay(true).unwrap();
                std::thread::spawn(move || session(stream, &people));
            }
        });
    }

    /// Sets how many messages a folder shows; none at all takes it away.
    pub(super) fn set(&self, user: &str, folder: &str, count: usize) {
        let mut people = self.people.lock().unwrap();
        let folders = people.get_mut(user).unwrap();
        folders.remove(folder);
        if count > 0 {
            folders.insert(folder.to_owned(), count);
        }
    }

    /// Makes a person unknown.
    pub(super) fn remove(&self, user: &str) {
        self.people.lock().unwrap().remove(user);
    }

    /// Closes both listeners.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        for port in [143, 110] {
            // Wakes the accept, which then ends.
            let address = ("127.0.0.1", self.port_base + port);
            while TcpStream::connect(address).is_ok() {}
        }
    }
}

impl Drop for Mail {
    fn drop(&mut self) {
        self.stop();
    }
}

fn password_of(login: &str) -> String {
    format!("p \"{}\\", login.replace('+', "@"))
}

fn line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    (reader.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
}

fn say(reader: &mut BufReader<TcpStream>, text: &str) {
    let _ = reader.get_mut().write_all(format!("{text}\r\n").as_bytes());
}

/// Takes the astrings of a command apart, asking for literals.
fn words(reader: &mut BufReader<TcpStream>, first: String) -> Vec<String> {
    let mut words = Vec::new();
    let mut text = first;
    loop {
        let mut word = String::new();
        let mut quoted = false;
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => quoted = !quoted,
                '\\' if quoted => word.extend(chars.next()),
                ' ' if !quoted => words.push(std::mem::take(&mut word)),
                c => word.push(c),
            }
        }
        let size = word.strip_prefix('{').and_then(|w| w.strip_suffix('}'));
        let Some(size) = size.and_then(|s| s.parse().ok()) else {
            words.push(word);
            return words;
        };
        say(reader, "+ go on");
        let mut literal = vec![0; size];
        reader.read_exact(&mut literal).unwrap();
        words.push(String::from_utf8(literal).unwrap());
        text = line(reader).unwrap_or_default();
        if text.is_empty() {
            return words;
        }
        text = text.trim_start().to_owned();
    }
}

fn imap_session(stream: TcpStream, people: &Mutex<People>) {
    let mut reader = BufReader::new(stream);
    say(&mut reader, "* OK ready");
    let mut user = None;
    while let Some(command) = line(&mut reader) {
        let words = words(&mut reader, command);
        let tag = &words[0];
        let answer = match words[1].as_str() {
            "LOGIN" => {
                let known = people.lock().unwrap().contains_key(&words[2]);
                if known && words[3] == password_of(&words[2]) {
                    user = Some(words[2].clone());
                    "OK in".to_owned()
                } else {
                    "NO who?".to_owned()
                }
            }
            "EXAMINE" => {
                let people = people.lock().unwrap();
                match user.as_ref().and_then(|u| people.get(u)?.get(&words[2])) {
                    Some(count) => {
                        say(&mut reader, "* FLAGS {3}\r\na\"b");
                        say(&mut reader, &format!("* {count} EXISTS"));
                        "OK [READ-ONLY] done".to_owned()
                    }
                    None => "NO no such folder".to_owned(),
                }
            }
            _ => "OK bye".to_owned(),
        };
        say(&mut reader, &format!("{tag} {answer}"));
    }
}

fn pop_session(stream: TcpStream, people: &Mutex<People>) {
    let mut reader = BufReader::new(stream);
    say(&mut reader, "+OK ready");
    let mut user = String::new();
    while let Some(command) = line(&mut reader) {
        let (verb, rest) = command.split_once(' ').unwrap_or((&command, ""));
        let answer = match verb {
            "USER" => {
                rest.clone_into(&mut user);
                "+OK".to_owned()
            }
            "PASS" if rest == password_of(&user) && people.lock().unwrap().contains_key(&user) => {
                "+OK".to_owned()
            }
            "PASS" => "-ERR who?".to_owned(),
            "STAT" => {
                let count = people.lock().unwrap()[&user].get("INBOX").copied();
                format!("+OK {} 0", count.unwrap_or_default())
            }
            _ => "+OK bye".to_owned(),
        };
        say(&mut reader, &answer);
    }
}
