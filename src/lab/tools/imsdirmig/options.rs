//! The command line of `imsdirmig`, and the file of `-C` that can hold it.

use super::super::getopt::{self, Options};
use super::rules::Kind;
use crate::base::display_safe;

/// What `imsdirmig` prints when it is called wrongly.
pub const USAGE: &str = "usage: imsdirmig [-h ldaphost[:ldapport]] -D AdminDN -M sims|nms -b dirname\n\
    \x20      [-A attr:val[;attr:val]... [-P] [-O]] [-C configfile] [-F LDAPFilter] [-T number]\n\
    \x20      [-c] [-f logfile] [-l debuglevel] [-m user|group|domain|both] [-n] [-w password]";

const KNOWN: &str = "h:D:M:b:A:POC:F:T:cf:l:m:nw:";

/// The `-A` pairs: an attribute with all of its values.
pub type Pairs = Vec<(String, Vec<String>)>;

/// The source system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// SIMS 4.0.
    Sims,
    /// Netscape Messaging Server 4.x.
    Nms,
}

/// How the pairs of `-A` and the rules work together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// The rules, and then the pairs.
    Rules,
    /// `-O`: only the pairs.
    PairsOnly,
}

/// What `imsdirmig` was told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `-h`, without the port.
    pub host: Option<String>,
    /// The port of `-h`, or 389.
    pub port: u16,
    /// `-D`.
    pub admin: String,
    /// `-w`; asked for when missing.
    pub password: Option<String>,
    /// `-M`.
    pub source: Source,
    /// `-b`.
    pub base: String,
    /// `-m`, in the order of work.
    pub kinds: Vec<Kind>,
    /// `-A`.
    pub pairs: Pairs,
    /// `-P`: pairs are added, not replaced.
    pub add: bool,
    /// `-O`.
    pub work: Work,
    /// `-F`.
    pub filter: Option<String>,
    /// `-c`: go on after an error.
    pub go_on: bool,
    /// `-n`: say what would be done.
    pub dry: bool,
    /// `-f`.
    pub log: Option<String>,
}

impl Settings {
    /// Reads the command line; `open` reads the file of `-C`.
    ///
    /// # Errors
    /// What to say before the usage.
    pub fn read(
        args: &[String],
        open: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, String> {
        let line = getopt::parse(args, KNOWN)?;
        let mut given = match line.value('C') {
            None => Options::default(),
            Some(file) => from_file(&open(file)?)?,
        };
        // What is on the command line wins.
        given.given.extend(line.given);
        if let Some(word) = line.operands.first() {
            return Err(format!("unexpected argument: {}", display_safe(word)));
        }
        let needed = |option: char| {
            given
                .value(option)
                .ok_or_else(|| format!("-{option} is needed"))
        };
        let source = match needed('M')?.to_ascii_lowercase().as_str() {
            "sims" => Source::Sims,
            "nms" => Source::Nms,
            other => return Err(format!("invalid value for -M: {}", display_safe(other))),
        };
        let kinds = match given.value('m') {
            Some("user" | "users") => vec![Kind::User],
            Some("group" | "groups") => vec![Kind::Group],
            Some("domain" | "domains") => vec![Kind::Domain],
            Some("both") | None => vec![Kind::User, Kind::Group],
            Some(other) => return Err(format!("invalid value for -m: {}", display_safe(other))),
        };
        let pairs = given.value('A').map_or(Ok(Vec::new()), pairs)?;
        if pairs.is_empty() && (given.has('P') || given.has('O')) {
            return Err("-P and -O need -A".to_owned());
        }
        for option in ['T', 'l'] {
            if given
                .value(option)
                .is_some_and(|v| v.parse::<u16>().is_err())
            {
                return Err(format!("invalid value for -{option}"));
            }
        }
        let (host, port) = match given
            .value('h')
            .map(|h| h.rsplit_once(':').unwrap_or((h, "389")))
        {
            None => (None, 389),
            Some((host, port)) => (
                Some(host.to_owned()),
                port.parse()
                    .map_err(|_| format!("invalid port: {}", display_safe(port)))?,
            ),
        };
        Ok(Self {
            host,
            port,
            admin: needed('D')?.to_owned(),
            password: given.value('w').map(str::to_owned),
            source,
            base: needed('b')?.to_owned(),
            kinds,
            pairs,
            add: given.has('P'),
            work: if given.has('O') {
                Work::PairsOnly
            } else {
                Work::Rules
            },
            filter: given.value('F').map(str::to_owned),
            go_on: given.has('c'),
            dry: given.has('n'),
            log: given.value('f').map(str::to_owned),
        })
    }

    /// Returns the filter for one kind of entries, narrowed by `-F`.
    pub fn filter_for(&self, kind: Kind) -> String {
        match self.filter.as_deref().map(str::trim) {
            None | Some("") => kind.filter(self.source).to_owned(),
            Some(more) if more.starts_with('(') => format!("(&{}{more})", kind.filter(self.source)),
            Some(more) => format!("(&{}({more}))", kind.filter(self.source)),
        }
    }
}

/// `attr:val;attr:val`; a backslash before the `;`, left from a shell, is taken as well.
fn pairs(text: &str) -> Result<Pairs, String> {
    let mut pairs: Pairs = Vec::new();
    for pair in text.split(';').map(|p| p.trim_end_matches('\\')) {
        let (name, value) = pair
            .split_once(':')
            .map(|(name, value)| (name.trim(), value.trim()))
            .filter(|(name, value)| !name.is_empty() && !value.is_empty())
            .ok_or_else(|| format!("invalid value for -A: {}", display_safe(pair)))?;
        match pairs.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            Some((_, values)) => values.push(value.to_owned()),
            None => pairs.push((name.to_owned(), vec![value.to_owned()])),
        }
    }
    Ok(pairs)
}

/// The file of `-C`: one option a line, as on a command line (inferred; `config.fmt` is lost).
fn from_file(text: &str) -> Result<Options, String> {
    let mut words = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once(char::is_whitespace) {
            None => words.push(line.to_owned()),
            Some((option, value)) => {
                let value = value.trim();
                let plain = value
                    .strip_prefix('"')
                    .and_then(|v| v.strip_suffix('"'))
                    .unwrap_or(value);
                words.extend([option.to_owned(), plain.to_owned()]);
            }
        }
    }
    let options = getopt::parse(&words, KNOWN).map_err(|e| format!("configuration file: {e}"))?;
    if options.operands.is_empty() {
        Ok(options)
    } else {
        Err("configuration file: every line begins with an option".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[&str], file: &str) -> Result<Settings, String> {
        let words: Vec<String> = line.iter().map(|w| (*w).to_owned()).collect();
        Settings::read(&words, &|_| Ok(file.to_owned()))
    }

    const GUIDE: [&str; 10] = [
        "-h",
        "mail.siroe.com",
        "-b",
        "o=internet",
        "-M",
        "sims",
        "-D",
        "cn=Directory Manager",
        "-w",
        "secret",
    ];

    #[test]
    fn the_guides_own_lines_are_understood() {
        let settings = read(&[&GUIDE[..], &["-m", "domains"]].concat(), "").unwrap();
        assert_eq!(settings.kinds, [Kind::Domain]);
        assert_eq!(
            (settings.host.as_deref(), settings.port),
            (Some("mail.siroe.com"), 389)
        );
        let hold = read(
            &[
                &GUIDE[2..],
                &["-m", "users", "-F", "(uid=s*)", "-O"],
                &["-A", "mailDeliveryOption:hold;mailFolderMap:LOCK"],
            ]
            .concat(),
            "",
        )
        .unwrap();
        assert_eq!(hold.work, Work::PairsOnly);
        assert_eq!(hold.pairs[1], ("mailFolderMap".into(), vec!["LOCK".into()]));
        assert_eq!(
            hold.filter_for(Kind::User),
            "(&(objectClass=inetMailUser)(uid=s*))"
        );
    }

    #[test]
    fn the_password_can_be_in_a_file() {
        let file = "# secret\n-w \"pass word\"\n-D cn=Directory Manager\n-c\n";
        let settings = read(&["-M", "sims", "-b", "o=x", "-C", "/f"], file).unwrap();
        assert_eq!(settings.password.as_deref(), Some("pass word"));
        assert!(settings.go_on);
        assert!(read(&["-M", "sims", "-b", "o=x", "-C", "/f"], "secret\n").is_err());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for line in [
            &["-M", "exchange"][..],
            &["-m", "everything"],
            &["-P"],
            &["-A", "novalue"],
            &["-T", "x"],
            &["-h", "host:port"],
            &["stray"],
        ] {
            assert!(read(&[&GUIDE[..], line].concat(), "").is_err(), "{line:?}");
        }
        assert!(read(&["-M", "sims"], "").is_err());
    }
}
