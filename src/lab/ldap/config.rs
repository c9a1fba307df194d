//! `slapd.conf` of a Directory Server 4.x and the files it includes (`domain/directory.md` 3.2).
//!
//! Directives are case-insensitive, quotes are optional, `#` begins a comment line. Unknown
//! directives are taken for database or plug-in options and left alone, as the lab has neither.

use super::schema::{Origin, Schema, conf};
use std::fmt;
use std::path::{Path, PathBuf};

/// How deep includes may go.
const DEEPEST: usize = 16;

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the host sees it.
    pub file: PathBuf,
    /// The line, from 1; 0 for the whole file.
    pub line: usize,
    /// What is wrong.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: line {}: {}",
            self.file.display(),
            self.line,
            self.text
        )
    }
}

/// What a server runs with.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The suffixes, in order.
    pub suffixes: Vec<String>,
    /// The directory manager.
    pub rootdn: String,
    /// His password, plain or `{SHA}`/`{SSHA}`.
    pub rootpw: String,
    /// The well-known port.
    pub port: u16,
    /// Whether entries are checked against the schema.
    pub schema_check: bool,
    /// The release it says it is: 4.12, unless a line `release` has another.
    pub release: String,
    /// Where attributes added over LDAP are kept.
    pub user_at: Option<PathBuf>,
    /// Where object classes added over LDAP are kept.
    pub user_oc: Option<PathBuf>,
    /// The schema of all files.
    pub schema: Schema,
    /// Where the host's file system begins.
    root: PathBuf,
    /// What is wrong; a server with a problem does not come up.
    pub problems: Vec<Problem>,
}

/// One line of a configuration file, continuation lines not joined.
#[derive(Clone, Debug)]
pub struct ConfLine {
    /// The line, from 1.
    pub number: usize,
    /// Whether it begins with a space or a tab.
    pub indented: bool,
    /// The words, quotes removed.
    pub words: Vec<String>,
}

impl Config {
    /// Reads `slapd.conf` and what it includes; absolute paths in it are paths of the host whose
    /// file system begins at `root`.
    pub fn load(file: &Path, root: &Path) -> Self {
        let mut config = Self {
            root: root.to_path_buf(),
            port: 389,
            schema_check: true,
            release: "4.12".to_owned(),
            ..Self::default()
        };
        config.read(file, root, 0, &Origin::File(file.to_path_buf()));
        config
    }

    /// Reads the configuration of the instance in `slapd_dir` (`config/slapd.conf`).
    pub fn of_instance(slapd_dir: &Path, root: &Path) -> Self {
        Self::load(&slapd_dir.join("config").join("slapd.conf"), root)
    }

    fn problem(&mut self, file: &Path, line: usize, text: impl Into<String>) {
        let file = match file.strip_prefix(&self.root) {
            Ok(rest) => Path::new("/").join(rest),
            Err(_) => file.to_path_buf(),
        };
        self.problems.push(Problem {
            file,
            line,
            text: text.into(),
        });
    }

    fn read(&mut self, file: &Path, root: &Path, depth: usize, origin: &Origin) {
        let content = match std::fs::read(file) {
            Ok(content) => content,
            Err(e) => return self.problem(file, 0, format!("could not open config file: {e}")),
        };
        if depth > DEEPEST {
            return self.problem(file, 0, "includes go too deep");
        }
        let lines = words(&String::from_utf8_lossy(&content));
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            at += 1;
            let [directive, rest @ ..] = line.words.as_slice() else {
                continue;
            };
            let value = rest.first().cloned();
            match directive.to_ascii_lowercase().as_str() {
                "include" | "userat" | "useroc" => {
                    let Some(value) = value else {
                        self.problem(file, line.number, format!("{directive}: no file name"));
                        continue;
                    };
                    let folder = file.parent().unwrap_or(root);
                    let path = folder.join(crate::lab::tools::real_path(root, &value));
                    let mut origin = Origin::User;
                    match directive.to_ascii_lowercase().as_str() {
                        "userat" => self.user_at = Some(path.clone()),
                        "useroc" => self.user_oc = Some(path.clone()),
                        _ => origin = Origin::File(path.clone()),
                    }
                    self.read(&path, root, depth + 1, &origin);
                }
                "attribute" => {
                    if let Err(text) = conf::attribute(&mut self.schema, rest, origin) {
                        self.problem(file, line.number, text);
                    }
                }
                "objectclass" => {
                    let body = lines.get(at..).unwrap_or_default();
                    let length = body
                        .iter()
                        .position(|l| !l.words.is_empty() && !l.indented)
                        .unwrap_or(body.len());
                    let body = body.get(..length).unwrap_or_default();
                    at += length;
                    for (number, text) in
                        conf::object_class(&mut self.schema, line, rest, body, origin)
                    {
                        self.problem(file, number, text);
                    }
                }
                "suffix" => match value {
                    Some(value) if super::dn::key(&value).is_ok() => self.suffixes.push(value),
                    _ => self.problem(file, line.number, "suffix: not a distinguished name"),
                },
                "rootdn" => match value {
                    Some(value) if super::dn::key(&value).is_ok() => self.rootdn = value,
                    _ => self.problem(file, line.number, "rootdn: not a distinguished name"),
                },
                "rootpw" => self.rootpw = value.unwrap_or_default(),
                "port" => match value.and_then(|v| v.parse().ok()) {
                    Some(port) => self.port = port,
                    None => self.problem(file, line.number, "port: not a number"),
                },
                "schemacheck" => {
                    self.schema_check = !value.is_some_and(|v| v.eq_ignore_ascii_case("off"));
                }
                "release" => self.release = value.unwrap_or_default(),
                "oid" | "superior" | "requires" | "allows" => self.problem(
                    file,
                    line.number,
                    format!("`{directive}` outside of an objectclass"),
                ),
                _ => {}
            }
        }
    }
}

/// Splits a file into lines and words. A word may be in double quotes.
fn words(text: &str) -> Vec<ConfLine> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with('#'))
        .map(|(n, line)| ConfLine {
            number: n + 1,
            indented: line.starts_with([' ', '\t']),
            words: split(line),
        })
        .collect()
}

fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest
                .split_once(|c: char| c.is_whitespace())
                .unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::Config;
    use std::fs;

    #[test]
    fn includes_of_includes_and_quoted_host_paths_are_read() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("srv/slapd-mail/config");
        fs::create_dir_all(&dir).unwrap();
        fs::write(
            dir.join("slapd.conf"),
            "# main\nInclude \"/srv/slapd-mail/config/a.conf\"\nuserat \"/srv/slapd-mail/config/user_at.conf\"\nport 390\nsuffix \"o=internet\"\nrootdn \"cn=Directory Manager\"\nrootpw secret\nschemacheck off\nplugin database on \"ldbm\" \"x.so\"\n",
        )
        .unwrap();
        fs::write(
            dir.join("a.conf"),
            "include b.conf.missing\nattribute cn commonName 2.5.4.3 cis\n",
        )
        .unwrap();
        fs::write(dir.join("user_at.conf"), "").unwrap();
        let config = Config::of_instance(&root.path().join("srv/slapd-mail"), root.path());
        assert_eq!(config.port, 390);
        assert_eq!(config.suffixes, ["o=internet"]);
        assert_eq!(config.rootdn, "cn=Directory Manager");
        assert!(!config.schema_check);
        assert_eq!(config.user_at, Some(dir.join("user_at.conf")));
        assert_eq!(config.problems.len(), 1, "{:?}", config.problems);
        assert!(config.problems[0].file.ends_with("b.conf.missing"));
        assert!(config.schema.attribute("COMMONNAME").is_some());
    }

    #[test]
    fn every_problem_names_its_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("slapd.conf");
        fs::write(
            &file,
            "attribute x nosuchsyntax\nobjectclass y\n\toid 1.2\n\trequires\n\t\tcn,\n\t\tsn\n\tnonsense z\nport many\n",
        )
        .unwrap();
        let lines: Vec<_> = Config::load(&file, dir.path())
            .problems
            .iter()
            .map(|p| p.line)
            .collect();
        assert_eq!(lines, [1, 7, 8]);
    }
}
