//! A small directory in memory for tests: the filters these rules write, nothing more.

use super::{Depth, Directory, Found, Unreachable};

/// Entries and whether the directory answers.
#[derive(Default)]
pub struct Fake {
    pub entries: Vec<Found>,
    pub down: bool,
}

impl Fake {
    /// Adds an entry from `name: value` lines.
    pub fn add(&mut self, dn: &str, lines: &[&str]) {
        let mut found = Found {
            dn: dn.to_owned(),
            ..Found::default()
        };
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            found
                .values
                .entry(name.to_lowercase())
                .or_default()
                .push(value.to_owned());
        }
        self.entries.push(found);
    }
}

impl Directory for Fake {
    fn search(&self, base: &str, depth: Depth, filter: &str) -> Result<Vec<Found>, Unreachable> {
        if self.down {
            return Err(Unreachable("down".to_owned()));
        }
        let base = base.to_lowercase();
        let below = format!(",{base}");
        Ok(self
            .entries
            .iter()
            .filter(|e| {
                let dn = e.dn.to_lowercase();
                dn == base || (depth == Depth::Subtree && dn.ends_with(&below))
            })
            .filter(|e| fits(e, filter).0)
            .cloned()
            .collect())
    }

    fn check(&self, dn: &str, password: &str) -> Result<bool, Unreachable> {
        if self.down {
            return Err(Unreachable("down".to_owned()));
        }
        let entry = self.entries.iter().find(|e| e.dn == dn);
        Ok(entry.is_some_and(|e| e.all("userpassword").contains(&password.to_owned())))
    }
}

/// Whether an entry fits the filter at the start of the text, and what follows it.
fn fits<'a>(entry: &Found, filter: &'a str) -> (bool, &'a str) {
    let inner = filter.strip_prefix('(').unwrap();
    let operator = inner.chars().next().unwrap();
    if operator == '&' || operator == '|' {
        let mut rest = &inner[1..];
        let mut all = true;
        let mut any = false;
        while rest.starts_with('(') {
            let (fit, after) = fits(entry, rest);
            all &= fit;
            any |= fit;
            rest = after;
        }
        let fit = if operator == '&' { all } else { any };
        return (fit, rest.strip_prefix(')').unwrap());
    }
    let (test, rest) = inner.split_once(')').unwrap();
    let (name, value) = test.split_once('=').unwrap();
    let values = entry.all(&name.to_lowercase());
    let fit = match value {
        "*" => name.eq_ignore_ascii_case("objectClass") || !values.is_empty(),
        value => values.iter().any(|v| v.eq_ignore_ascii_case(value)),
    };
    (fit, rest)
}
