//! TOML files with precise errors: file, line, column, key, and the nearest known word.

use super::{Hint, display_safe};
use serde::de::DeserializeOwned;
use std::fmt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// One thing that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// The key, such as `steps[3].actions[0].argv`; empty at the top.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: ",
            display_safe(&self.file),
            self.line,
            self.column
        )?;
        if !self.key.is_empty() {
            write!(f, "{}: ", display_safe(&self.key))?;
        }
        write!(f, "{}", display_safe(&self.message))
    }
}

/// Everything that is wrong in a file, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", join(.0))]
pub struct Problems(pub Vec<Problem>);

fn join(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

impl Hint for Problems {
    fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> = Vec::new();
        for hint in self.0.iter().filter_map(|problem| problem.hint.clone()) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        hints
    }
}

/// A TOML file that was read, with the place of everything in it.
#[derive(Debug)]
pub struct Document<'t> {
    name: String,
    text: &'t str,
    table: DeTable<'t>,
}

impl<'t> Document<'t> {
    /// Parses `text`; `name` is what errors call the file.
    ///
    /// # Errors
    /// The one problem that makes it no TOML.
    pub fn parse(name: &str, text: &'t str) -> Result<Self, Problem> {
        match DeTable::parse(text) {
            Ok(table) => Ok(Self {
                name: name.to_owned(),
                text,
                table: table.into_inner(),
            }),
            Err(error) => {
                let (line, column) = place(text, error.span().map_or(0, |span| span.start));
                Err(Problem {
                    file: name.to_owned(),
                    line,
                    column,
                    key: String::new(),
                    message: error.message().to_owned(),
                    hint: None,
                })
            }
        }
    }

    /// Returns the table at the top.
    pub fn top(&self) -> &DeTable<'t> {
        &self.table
    }

    /// Returns the value at a path such as `steps[3].id`.
    pub fn get(&self, path: &str) -> Option<&Spanned<DeValue<'t>>> {
        let mut found: Option<&Spanned<DeValue<'t>>> = None;
        for segment in segments(path) {
            found = Some(match (segment, found) {
                (Segment::Key(key), None) => self.table.get(key)?,
                (Segment::Key(key), Some(value)) => value.get_ref().as_table()?.get(key)?,
                (Segment::Index(index), Some(value)) => value.get_ref().as_array()?.get(index)?,
                (Segment::Index(_), None) => return None,
            });
        }
        found
    }

    /// Describes a problem at a path; where the path does not lead all the way, at its nearest part
    /// that is there.
    pub fn problem(&self, path: &str, message: impl Into<String>) -> Problem {
        let mut at = path;
        let mut offset = 0;
        while !at.is_empty() {
            if let Some(value) = self.get(at) {
                offset = value.span().start;
                break;
            }
            at = parent(at);
        }
        self.problem_at(offset, path, message)
    }

    /// Describes a problem at a byte of the text.
    pub fn problem_at(&self, offset: usize, key: &str, message: impl Into<String>) -> Problem {
        let (line, column) = place(self.text, offset);
        Problem {
            file: self.name.clone(),
            line,
            column,
            key: key.to_owned(),
            message: message.into(),
            hint: None,
        }
    }

    /// Deserialises a table of this document, which stands at `path`.
    ///
    /// # Errors
    /// What does not fit, at the key that it is about.
    pub fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        table: DeTable<'t>,
        span: Range<usize>,
    ) -> Result<T, Problem> {
        let start = span.start;
        let value = Spanned::new(span, DeValue::Table(table));
        T::deserialize(ValueDeserializer::from(value)).map_err(|error| {
            let offset = error.span().map_or(start, |span| span.start);
            let missing = error.message().starts_with("missing field");
            let key = if missing {
                error.span().and_then(|span| self.table_at(&span))
            } else {
                self.key_at(offset)
            };
            let key = key.unwrap_or_else(|| path.to_owned());
            let mut problem = self.problem_at(offset, &key, error.message());
            let words = quoted(error.message());
            if let Some((offender, known)) = words.split_first()
                && error.message().starts_with("unknown ")
            {
                problem.message = error
                    .message()
                    .split(", expected")
                    .next()
                    .unwrap_or_default()
                    .replace("unknown field", "unknown key")
                    .replace("unknown variant", "unknown value");
                problem.hint = Some(did_you_mean(offender, known.iter().map(String::as_str)));
            } else if let Some(key) = words.first()
                && missing
            {
                problem.message = format!("the key `{key}` is missing");
                key_hint(&mut problem, key);
            }
            problem
        })
    }

    /// Returns the path of the innermost key or value at a byte of the text.
    fn key_at(&self, offset: usize) -> Option<String> {
        let mut best: Option<(usize, String)> = None;
        walk_table(&self.table, "", &mut |path, span, _| {
            if span.contains(&offset) {
                let length = span.end - span.start;
                if best
                    .as_ref()
                    .is_none_or(|(shortest, _)| length <= *shortest)
                {
                    best = Some((length, path.to_owned()));
                }
            }
        });
        best.map(|(_, path)| path)
    }

    /// Returns the path of the table with exactly this span.
    fn table_at(&self, wanted: &Range<usize>) -> Option<String> {
        let mut found = None;
        walk_table(&self.table, "", &mut |path, span, value| {
            if span == *wanted && value.is_some_and(DeValue::is_table) {
                found = Some(path.to_owned());
            }
        });
        found
    }

    /// Calls `visit` with the path and text of every string below `path`.
    pub fn each_string(&self, path: &str, visit: &mut dyn FnMut(&str, &str)) {
        let mut look = |at: &str, _: Range<usize>, value: Option<&DeValue<'t>>| {
            if let Some(text) = value.and_then(DeValue::as_str) {
                visit(at, text);
            }
        };
        if path.is_empty() {
            walk_table(&self.table, "", &mut look);
        } else if let Some(value) = self.get(path) {
            walk(value, path, &mut look);
        }
    }
}

fn key_hint(problem: &mut Problem, key: &str) {
    problem.hint = Some(if problem.key.is_empty() {
        format!("add `{key} = …` at the top of the file")
    } else {
        format!("add `{key} = …` to `{}`", problem.key)
    });
}

type Visit<'v, 't> = dyn FnMut(&str, Range<usize>, Option<&DeValue<'t>>) + 'v;

fn walk_table<'t>(table: &DeTable<'t>, path: &str, visit: &mut Visit<'_, 't>) {
    for (key, value) in table {
        let at = if path.is_empty() {
            key.get_ref().to_string()
        } else {
            format!("{path}.{}", key.get_ref())
        };
        visit(&at, key.span(), None);
        walk(value, &at, visit);
    }
}

fn walk<'t>(value: &Spanned<DeValue<'t>>, path: &str, visit: &mut Visit<'_, 't>) {
    visit(path, value.span(), Some(value.get_ref()));
    match value.get_ref() {
        DeValue::Table(table) => walk_table(table, path, visit),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{path}[{index}]"), visit);
            }
        }
        _ => {}
    }
}

enum Segment<'p> {
    Key(&'p str),
    Index(usize),
}

fn segments(path: &str) -> impl Iterator<Item = Segment<'_>> {
    path.split(['.', '['])
        .filter(|part| !part.is_empty())
        .map(|part| {
            part.strip_suffix(']')
                .and_then(|index| index.parse().ok())
                .map_or(Segment::Key(part), Segment::Index)
        })
}

fn parent(path: &str) -> &str {
    path.rfind(['.', '['])
        .and_then(|at| path.get(..at))
        .unwrap_or("")
}

/// Returns line and column, both from 1, of a byte of a text.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(start..).unwrap_or("").chars().count() + 1;
    (line, column)
}

/// The words between backticks.
fn quoted(message: &str) -> Vec<String> {
    message
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// Returns the known word that is nearest to `word`, if one is near.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let known: Vec<&str> = known.into_iter().collect();
    similar::get_close_matches(word, &known, 1, 0.6)
        .first()
        .copied()
}

/// Returns a hint: the nearest known word, or all of them when none is near.
pub fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(word, known.iter().copied()) {
        format!("did you mean `{near}`?")
    } else {
        format!("there is: {}", known.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::{Document, did_you_mean};
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors are looked at")]
    struct Thing {
        name: String,
        #[serde(default)]
        ports: Vec<u16>,
        #[serde(default)]
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its errors are looked at")]
    struct Inner {
        near: u16,
    }

    fn fails(text: &str) -> String {
        let document = Document::parse("t.toml", text).unwrap();
        let problem = document
            .read::<Thing>("", document.top().clone(), 0..text.len())
            .unwrap_err();
        format!("{problem} | {}", problem.hint.clone().unwrap_or_default())
    }

    #[test]
    fn errors_name_file_line_column_and_key() {
        assert_eq!(
            fails("name = \"x\"\nport = [1]\n"),
            "t.toml:2:1: port: unknown key `port` | did you mean `ports`?"
        );
        assert_eq!(
            fails("name = \"x\"\nports = [1,\n  \"two\"]\n"),
            "t.toml:3:3: ports[1]: invalid type: string \"two\", expected u16 | "
        );
        assert_eq!(
            fails("ports = [1]\n"),
            "t.toml:1:1: the key `name` is missing | add `name = …` at the top of the file"
        );
        assert_eq!(
            fails("name = \"x\"\nports = [1]\n[inner]\nfar = 1\n"),
            "t.toml:3:1: inner: the key `near` is missing | add `near = …` to `inner`"
        );
    }

    #[test]
    fn what_is_no_toml_names_the_place() {
        let problem = Document::parse("t.toml", "a = 1\nb = = 2\n").unwrap_err();
        assert_eq!((problem.line, problem.column), (2, 5), "{problem}");
    }

    #[test]
    fn a_path_leads_to_its_value_and_a_lost_one_to_its_nearest_part() {
        let document =
            Document::parse("t.toml", "[[a]]\nb = 1\n[[a]]\nb = [\"x\", \"y\"]\n").unwrap();
        assert_eq!(document.problem("a[1].b[1]", "?").column, 11);
        assert_eq!(document.problem("a[1].c.d", "?").line, 3);
    }

    #[test]
    fn far_words_get_the_whole_list() {
        assert_eq!(
            did_you_mean("zzz", ["alpha", "beta"]),
            "there is: alpha, beta"
        );
    }
}
