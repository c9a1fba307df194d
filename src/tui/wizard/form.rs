//! The form over a site: what is typed, what the site file would say of it, and back.
//!
//! The form is a TOML table with texts over it. It is judged by [`Site::parse`], so that it says
//! exactly what the file would.

mod table;

use super::fields::{Kind, Spec, YES_NO};
use crate::base::display_safe;
use crate::site::{self, Site};
use crate::tui::state::Field;
use std::path::{Path, PathBuf};
use table::{entries, part};
use toml::{Table, Value};

/// What a field holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// One line.
    Line(Field),
    /// One of the words of its kind.
    Word(usize),
    /// Many lines.
    Lines(Vec<String>),
    /// Nothing: a button.
    Button,
}

/// One field of the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The heading it stands below.
    pub section: String,
    /// What it is.
    pub spec: &'static Spec,
    /// The host it belongs to.
    pub host: Option<usize>,
    /// What it holds.
    pub content: Content,
}

impl Entry {
    /// Its path in the site file.
    pub fn path(&self) -> String {
        match self.host {
            Some(host) => format!("hosts[{host}].{}", self.spec.path),
            None => self.spec.path.to_owned(),
        }
    }

    /// The words it can be, if it is one of a few.
    pub fn words(&self) -> &'static [&'static str] {
        match self.spec.kind {
            Kind::Choice(words) | Kind::OptionalChoice(words) => words,
            Kind::Plays(_) => YES_NO,
            _ => &[],
        }
    }

    /// What it holds, as one line for people; not yet made safe.
    pub fn shown(&self) -> String {
        match &self.content {
            Content::Line(field) => field.text.clone(),
            Content::Word(at) => self.words().get(*at).copied().unwrap_or("").to_owned(),
            Content::Lines(lines) => lines.join(" "),
            Content::Button => String::new(),
        }
    }
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The field's path in the file.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

/// The form.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// The scenario's id.
    pub scenario: String,
    /// Its file.
    pub file: Option<PathBuf>,
    /// The fields, in order; hidden ones too.
    pub entries: Vec<Entry>,
    /// Which visible field has the focus; behind the last one are the buttons.
    pub focus: usize,
    /// Which button, when they have it.
    pub button: usize,
    /// What is wrong.
    pub wrong: Vec<Wrong>,
    /// What the file has of it, so that a change shows.
    saved: Option<String>,
    /// All of it, as it was loaded.
    base: Table,
}

/// The buttons below the form.
pub const BUTTONS: [&str; 4] = ["Go on to the checks", "Save…", "Load…", "Back"];

impl Form {
    /// A new site for a scenario, with the values of the guide's example.
    ///
    /// # Errors
    /// When there is no such scenario.
    pub fn fresh(scenario: &str) -> Result<Self, String> {
        let text = site::template(scenario).map_err(|error| error.to_string())?;
        let site = Site::parse("site.toml", &text).map_err(|error| error.to_string())?;
        let base = Table::try_from(&site).map_err(|error| error.to_string())?;
        Ok(Self::over(scenario, None, base))
    }

    /// The form of a site file's text. What is wrong with it stands in the form, unless it is no
    /// TOML or for no scenario that there is.
    ///
    /// # Errors
    /// Why it cannot be shown at all.
    pub fn of_file(path: &Path, text: &str) -> Result<Self, String> {
        let name = path.to_string_lossy();
        let parsed = Site::parse(&name, text);
        let base = match &parsed {
            Ok(site) => Table::try_from(site).map_err(|error| error.to_string())?,
            Err(_) => text
                .parse::<Table>()
                .map_err(|error| error.message().to_owned())?,
        };
        let scenario = base.get("scenario").and_then(Value::as_str).unwrap_or("");
        crate::scenario::load(scenario).map_err(|error| error.to_string())?;
        let scenario = scenario.to_owned();
        let mut form = Self::over(&scenario, Some(path.to_path_buf()), base);
        match parsed {
            Ok(_) => form.saved = Some(form.text()),
            Err(problems) => {
                // An unknown key is not in the form; say what the file has.
                for problem in problems.0 {
                    if !form.wrong.iter().any(|wrong| wrong.path == problem.key) {
                        form.wrong.push(Wrong {
                            path: problem.key,
                            message: problem.message,
                            hint: problem.hint,
                        });
                    }
                }
            }
        }
        Ok(form)
    }

    fn over(scenario: &str, file: Option<PathBuf>, base: Table) -> Self {
        let mut form = Self {
            scenario: scenario.to_owned(),
            file,
            entries: entries(&base),
            focus: 0,
            button: 0,
            wrong: Vec::new(),
            saved: None,
            base,
        };
        form.judge();
        form
    }

    /// The visible fields: those of another way to the host are not.
    pub fn visible(&self) -> Vec<usize> {
        (0..self.entries.len())
            .filter(|at| self.is_visible(*at))
            .collect()
    }

    fn is_visible(&self, at: usize) -> bool {
        let Some(entry) = self.entries.get(at) else {
            return false;
        };
        let wanted = match entry.spec.path {
            "via" if entry.host.is_some() => "via",
            "ssh_destination" | "ssh_options" => "ssh",
            _ if entry.spec.kind == Kind::RemoveHost => return self.hosts() > 1,
            _ => return true,
        };
        let transport = self
            .entries
            .iter()
            .find(|e| e.host == entry.host && e.spec.path == "transport");
        transport.is_some_and(|e| e.shown() == wanted)
    }

    /// How many hosts there are.
    pub fn hosts(&self) -> usize {
        self.entries
            .iter()
            .filter_map(|e| e.host)
            .max()
            .map_or(0, |last| last + 1)
    }

    /// The field with the focus; none when the buttons have it.
    pub fn focused(&self) -> Option<&Entry> {
        let at = *self.visible().get(self.focus)?;
        self.entries.get(at)
    }

    /// The field with the focus, to be changed; judge afterwards.
    pub fn focused_mut(&mut self) -> Option<&mut Entry> {
        let at = *self.visible().get(self.focus)?;
        self.entries.get_mut(at)
    }

    /// Puts the focus on the first field that is wrong. Says whether there is one.
    pub fn go_to_wrong(&mut self) -> bool {
        let visible = self.visible();
        let found = visible.iter().position(|at| {
            self.entries
                .get(*at)
                .is_some_and(|entry| self.wrong_with(entry).is_some())
        });
        if let Some(at) = found {
            self.focus = at;
        }
        found.is_some()
    }

    /// What is wrong with a field.
    pub fn wrong_with(&self, entry: &Entry) -> Option<&Wrong> {
        let path = entry.path();
        let lists = format!("{path}[");
        self.wrong.iter().find(|wrong| match entry.spec.kind {
            Kind::AddHost | Kind::RemoveHost => false,
            // What is said of all hosts is a matter of who plays what.
            Kind::Plays(role) => {
                wrong.path == path
                    || (wrong.path == "hosts" && wrong.message.contains(&format!("`{role}`")))
            }
            _ => wrong.path == path || wrong.path.starts_with(&lists),
        })
    }

    /// What is wrong and with no visible field.
    pub fn wrong_elsewhere(&self) -> Option<&Wrong> {
        let visible = self.visible();
        self.wrong.iter().find(|wrong| {
            !visible.iter().any(|at| {
                self.entries
                    .get(*at)
                    .is_some_and(|entry| self.wrong_with(entry) == Some(wrong))
            })
        })
    }

    /// Looks at everything anew.
    pub fn judge(&mut self) {
        let (table, mut wrong) = self.table(false);
        let text = toml::to_string(&table).unwrap_or_default();
        if let Err(problems) = Site::parse("site.toml", &text) {
            for problem in problems.0 {
                if !wrong.iter().any(|known| known.path == problem.key) {
                    wrong.push(Wrong {
                        path: problem.key,
                        message: problem.message,
                        hint: problem.hint,
                    });
                }
            }
        }
        self.wrong = wrong;
    }

    /// The site, when nothing is wrong with it.
    pub fn site(&self) -> Option<Site> {
        let (table, wrong) = self.table(false);
        if !wrong.is_empty() || !self.wrong.is_empty() {
            return None;
        }
        Site::parse("site.toml", &toml::to_string(&table).ok()?).ok()
    }

    /// Whether there is something the file does not have.
    pub fn is_changed(&self) -> bool {
        self.saved.as_ref() != Some(&self.text())
    }

    /// The file has it now.
    pub fn was_saved(&mut self, file: &Path) {
        self.file = Some(file.to_path_buf());
        self.saved = Some(self.text());
    }

    /// Adds a host after the others.
    pub fn add_host(&mut self) {
        let mut table = self.table(true).0;
        let count = self.hosts();
        if let Some(Value::Array(hosts)) = table.get_mut("hosts") {
            let mut host = Table::new();
            host.insert("name".to_owned(), format!("host{}", count + 1).into());
            host.insert("fqdn".to_owned(), "".into());
            host.insert("roles".to_owned(), Value::Array(Vec::new()));
            hosts.push(Value::Table(host));
        }
        self.entries = entries(&table);
        self.base = table;
        let first = |entry: &Entry| entry.host == Some(count);
        self.focus = self
            .visible()
            .iter()
            .position(|at| self.entries.get(*at).is_some_and(first))
            .unwrap_or(0);
        self.judge();
    }

    /// Takes a host out.
    pub fn remove_host(&mut self, host: usize) {
        let mut table = self.table(true).0;
        if let Some(Value::Array(hosts)) = table.get_mut("hosts")
            && host < hosts.len()
        {
            hosts.remove(host);
        }
        self.entries = entries(&table);
        self.base = table;
        self.focus = self.focus.min(self.visible().len().saturating_sub(1));
        self.judge();
    }

    fn text(&self) -> String {
        toml::to_string(&self.table(false).0).unwrap_or_default()
    }

    /// The site as TOML, and what cannot even be written. `hidden` keeps what is not to be seen.
    fn table(&self, hidden: bool) -> (Table, Vec<Wrong>) {
        let mut table = self.base.clone();
        let mut wrong = Vec::new();
        for host in 0..self.hosts() {
            if let Some(host) = part(&mut table, Some(host), "roles") {
                host.0.insert("roles".to_owned(), Value::Array(Vec::new()));
            }
        }
        for (at, entry) in self.entries.iter().enumerate() {
            let Some((part, key)) = part(&mut table, entry.host, entry.spec.path) else {
                continue;
            };
            let key = key.to_owned();
            if !hidden && !self.is_visible(at) {
                part.remove(&key);
                continue;
            }
            let text = entry.shown();
            let optional = matches!(entry.spec.kind, Kind::Optional | Kind::OptionalChoice(_));
            let value = match (&entry.content, entry.spec.kind) {
                (_, Kind::AddHost | Kind::RemoveHost) => continue,
                (_, Kind::Plays(role)) => {
                    if text == "yes"
                        && let Some(Value::Array(roles)) = part.get_mut("roles")
                    {
                        roles.push(role.as_str().into());
                    }
                    continue;
                }
                (Content::Lines(lines), _) if lines.is_empty() => {
                    part.remove(&key);
                    continue;
                }
                (Content::Lines(lines), _) => Value::from(lines.clone()),
                (_, Kind::Number) => {
                    let number = text.trim().parse::<u16>();
                    if number.is_err() {
                        wrong.push(Wrong {
                            path: entry.path(),
                            message: format!(
                                "`{}` is not a whole number from 0 to 65535",
                                display_safe(&text)
                            ),
                            hint: None,
                        });
                    }
                    Value::Integer(number.unwrap_or(1).into())
                }
                _ if optional && text.is_empty() => {
                    part.remove(&key);
                    continue;
                }
                _ => Value::String(text),
            };
            part.insert(key, value);
        }
        // A section of optional keys that has none is not there.
        if table
            .get("window")
            .and_then(Value::as_table)
            .is_some_and(Table::is_empty)
        {
            table.remove("window");
        }
        (table, wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::{Content, Form};
    use crate::scenario::Role;
    use crate::site::{Site, template};
    use std::path::Path;

    fn of(text: &str) -> Form {
        Form::of_file(Path::new("site.toml"), text).unwrap()
    }

    fn set(form: &mut Form, path: &str, text: &str) {
        let entry = form.entries.iter_mut().find(|e| e.path() == path).unwrap();
        let words = entry.words();
        match &mut entry.content {
            Content::Line(field) => field.text = text.to_owned(),
            Content::Lines(lines) => *lines = text.lines().map(str::to_owned).collect(),
            Content::Word(at) => *at = words.iter().position(|w| *w == text).unwrap(),
            Content::Button => panic!("{path} is a button"),
        }
        form.judge();
    }

    #[test]
    fn a_site_goes_through_the_form_unchanged() {
        let text = template("sims-offline").unwrap();
        let text = text.replace("networks = []", "networks = [\"192.0.2.0/24\"]")
            + "[window]\nbegin = \"2026-11-28T22:00\"\nend = \"2026-11-29T06:00\"\n";
        let site = Site::parse("site.toml", &text).unwrap();
        let form = of(&text);
        assert_eq!(form.wrong, []);
        assert_eq!(form.site(), Some(site));
        assert!(!form.is_changed());
        assert!(Form::fresh("sims-offline").unwrap().is_changed());
    }

    #[test]
    fn what_is_typed_is_judged_as_the_file_would_be_and_at_its_field() {
        let mut form = Form::fresh("sims-offline").unwrap();
        set(&mut form, "directory.base_dn", "internet");
        set(&mut form, "new.smtp_port", "many");
        set(&mut form, "relay.networks", "192.0.2.0/24\nhere");
        assert_eq!(form.site(), None);
        let said = |path: &str| {
            let entry = form.entries.iter().find(|e| e.path() == path).unwrap();
            form.wrong_with(entry).unwrap().message.clone()
        };
        assert_eq!(said("directory.base_dn"), "`internet` is not a DN");
        assert!(said("new.smtp_port").contains("whole number"));
        assert_eq!(said("relay.networks"), "`here` is not an IPv4 network");
        let text = template("sims-offline").unwrap();
        let file = text.replace("base_dn = \"o=internet\"", "base_dn = \"internet\"");
        let problems = Site::parse("site.toml", &file).unwrap_err();
        assert!(
            problems
                .0
                .iter()
                .any(|p| p.message == said("directory.base_dn"))
        );
        assert!(form.go_to_wrong());
        assert_eq!(form.focused().unwrap().path(), "directory.base_dn");
    }

    #[test]
    fn optional_fields_left_empty_are_left_out_and_the_others_are_missed() {
        let mut form = Form::fresh("sims-offline").unwrap();
        set(&mut form, "window.begin", "2026-11-28T22:00");
        assert!(!form.wrong.is_empty(), "a window has an end");
        set(&mut form, "window.end", "2026-11-29T06:00");
        assert!(form.site().unwrap().window.is_some());
        set(&mut form, "window.begin", "");
        set(&mut form, "window.end", "");
        assert_eq!(form.site().unwrap().window, None);
        set(&mut form, "new.default_domain", "");
        assert_eq!(form.wrong[0].path, "new.default_domain");
    }

    #[test]
    fn a_directory_on_a_host_of_its_own_is_a_second_host_and_what_was_hidden_is_kept() {
        let mut form = Form::fresh("sims-offline").unwrap();
        set(&mut form, "hosts[0].transport", "ssh");
        set(&mut form, "hosts[0].ssh_destination", "root@mail.siroe.com");
        set(&mut form, "hosts[0].transport", "local");
        assert_eq!(form.site().unwrap().hosts[0].ssh_destination, None);
        form.add_host();
        assert_eq!(form.focused().unwrap().path(), "hosts[1].name");
        set(&mut form, "hosts[1].fqdn", "ldap.siroe.com");
        let plays = |form: &mut Form, host: usize, yes: usize| {
            let directory = |e: &&mut super::Entry| {
                e.host == Some(host) && e.spec.kind == super::Kind::Plays(Role::Directory)
            };
            let entry = form.entries.iter_mut().find(directory).unwrap();
            entry.content = Content::Word(yes);
            form.judge();
        };
        plays(&mut form, 0, 0);
        let nobody = &form.wrong[0];
        assert!(nobody.message.contains("no host has the role `directory`"));
        assert!(form.wrong_elsewhere().is_none(), "it stands at a field");
        plays(&mut form, 1, 1);
        let site = form.site().unwrap();
        assert_eq!(site.host(Role::Directory).unwrap().fqdn, "ldap.siroe.com");
        set(&mut form, "hosts[0].transport", "ssh");
        let kept = form.site().unwrap().hosts[0].ssh_destination.clone();
        assert_eq!(kept.as_deref(), Some("root@mail.siroe.com"));
        form.remove_host(1);
        assert_eq!(form.hosts(), 1);
    }

    #[test]
    fn a_file_that_does_not_hold_can_be_mended_in_the_form_and_no_toml_is_refused() {
        let text = template("sims-offline").unwrap();
        let broken = text.replace("port = 389", "port = 390");
        let form = of(&broken);
        assert_eq!(form.wrong[0].path, "new.config_directory_port");
        let unknown = format!("password = \"x\"\n{text}");
        let form = of(&unknown);
        let wrong = form.wrong_elsewhere().unwrap();
        assert!(wrong.message.contains("unknown key"), "{wrong:?}");
        assert!(form.site().is_none());
        assert!(Form::of_file(Path::new("x"), "scenario = ").is_err());
        let other = text.replace("scenario = \"sims-offline\"", "scenario = \"sims\"");
        let error = Form::of_file(Path::new("x"), &other).unwrap_err();
        assert!(error.contains("`sims`"), "{error}");
    }
}
