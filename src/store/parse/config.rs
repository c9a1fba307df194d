//! `configutil` read-back and `stored -t -v`.

use crate::host::Reading;

/// Reads what `configutil -o OPTION` printed: the value on a line; none when it has none.
pub fn parse_configutil(option: &str, text: &str) -> Reading<Option<String>> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let (first, second) = (lines.next(), lines.next());
    match (first, second) {
        (None, _) => Reading::Understood(None),
        (Some(line), None) => {
            // Some releases print `option = value`; no value begins with its own option's name.
            let named = line.trim_start().strip_prefix(option);
            let value = named
                .and_then(|rest| rest.trim_start().strip_prefix('='))
                .unwrap_or(line);
            let value = value.trim();
            Reading::Understood((!value.is_empty()).then(|| value.to_owned()))
        }
        _ => Reading::unknown(text),
    }
}

/// How the store daemon is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredState {
    /// It runs.
    Up,
    /// It recovers its database and will run.
    Starting,
    /// It does not run.
    Down,
}

/// Reads `stored -t -v`, whose return code is the status; the text only tells starting from down.
pub fn parse_stored(status: Option<i32>, text: &str) -> Reading<StoredState> {
    let lower = text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    match status {
        Some(0) if !says(&["not running", "init", "recover"]) => {
            Reading::Understood(StoredState::Up)
        }
        Some(126 | 127) | None => Reading::unknown(text),
        Some(0) if says(&["not running"]) => Reading::unknown(text),
        Some(_) if says(&["init", "recover"]) => Reading::Understood(StoredState::Starting),
        Some(_) => Reading::Understood(StoredState::Down),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_is_read_back_as_it_is() {
        let read = |text| parse_configutil("local.ugldapbasedn", text);
        let value = |v: &str| Reading::Understood(Some(v.to_owned()));
        assert_eq!(read("o=internet\n"), value("o=internet"));
        assert_eq!(
            read("local.ugldapbasedn = o=internet\n"),
            value("o=internet")
        );
        assert_eq!(read("\n"), Reading::Understood(None));
        assert_eq!(read("-1"), value("-1"));
        assert!(read("cannot connect\nto ldap://x\n").understood().is_none());
    }

    #[test]
    fn the_status_is_the_status() {
        let state = |status, text| parse_stored(Some(status), text).understood();
        assert_eq!(state(0, "whatever it says"), Some(StoredState::Up));
        assert_eq!(state(1, ""), Some(StoredState::Down));
        assert_eq!(state(2, "init"), Some(StoredState::Starting));
        assert_eq!(state(0, "stored is not running"), None);
        assert_eq!(state(127, "not found"), None);
        assert_eq!(parse_stored(None, "ready").understood(), None);
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC{0,60}\n?\\PC{0,9}", status in any::<i32>()) {
            let _ = parse_configutil("local.x", &text);
            let _ = parse_stored(Some(status), &text);
        }
    }
}
