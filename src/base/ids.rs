//! Ids that people read and type.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The id of a run: month, day and four characters, such as `1123-k7f3`.
///
/// The characters leave out what is easily misread (`0 o 1 l i`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

const ALPHABET: &[u8] = b"23456789abcdefghjkmnpqrstuvwxyz";

impl RunId {
    /// Builds an id from a date and a random number; both are inputs, so that it is reproducible.
    pub fn new(month: i8, day: i8, random: u32) -> Self {
        let mut rest = random;
        let mut tail = String::new();
        for _ in 0..4 {
            let index = rest as usize % ALPHABET.len();
            tail.push(ALPHABET.get(index).map_or('x', |b| char::from(*b)));
            rest /= 31;
        }
        Self(format!("{month:02}{day:02}-{tail}"))
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is not a run id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a run id: it should look like `1123-k7f3`")]
pub struct BadRunId(String);

impl FromStr for RunId {
    type Err = BadRunId;

    fn from_str(text: &str) -> Result<Self, BadRunId> {
        let shape = text.split_once('-').is_some_and(|(day, tail)| {
            day.len() == 4
                && day.bytes().all(|b| b.is_ascii_digit())
                && tail.len() == 4
                && tail.bytes().all(|b| ALPHABET.contains(&b))
        });
        if shape {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadRunId(text.to_owned()))
        }
    }
}

impl TryFrom<String> for RunId {
    type Error = BadRunId;
    fn try_from(text: String) -> Result<Self, BadRunId> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::RunId;

    #[test]
    fn ids_round_trip_and_paths_are_refused() {
        let id = RunId::new(11, 23, 4_242_424);
        assert_eq!(id.as_str().parse::<RunId>(), Ok(id.clone()));
        assert!("../../etc".parse::<RunId>().is_err());
        assert!("1123-k7f3/..".parse::<RunId>().is_err());
    }
}
