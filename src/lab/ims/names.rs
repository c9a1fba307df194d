//! Names on disk: encoding, hash folders, what may be a user or a folder; and line ends.
//!
//! `domain/stores.md` 3.1, 3.2 and 3.4.

use crate::base::display::display_safe;
use crate::lab::world::LabError;
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// The folder of all users below a partition.
pub const USERS: &str = "=user";

/// Encodes one level of a name: capitals as `+A`, and the characters with a meaning on disk.
pub fn encode(level: &str) -> String {
    let mut name = String::with_capacity(level.len() + 4);
    for c in level.chars() {
        match c {
            'A'..='Z' => {
                name.push('+');
                name.push(c);
            }
            '+' => name.push_str("++"),
            '%' => name.push_str("%%"),
            '.' => name.push_str("%d"),
            '=' => name.push_str("%e"),
            c => name.push(c),
        }
    }
    name
}

/// Turns an encoded level back; `None` when it is not one.
pub fn decode(name: &str) -> Option<String> {
    let mut level = String::with_capacity(name.len());
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        match c {
            '+' => match chars.next()? {
                next @ ('+' | 'A'..='Z') => level.push(next),
                _ => return None,
            },
            '%' => level.push(match chars.next()? {
                '%' => '%',
                'd' => '.',
                'e' => '=',
                _ => return None,
            }),
            'A'..='Z' | '.' | '=' | '/' => return None,
            c => level.push(c),
        }
    }
    Some(level)
}

/// The two hash folders of a user: the manuals' three examples, a stable hash for all others.
pub fn hash_dirs(user: &str) -> (String, String) {
    let known = match user {
        "mack1" => Some(("53", "53")),
        "jdoe" => Some(("64", "b1")),
        "crowe" => Some(("d1", "a7")),
        _ => None,
    };
    if let Some((first, second)) = known {
        return (first.to_owned(), second.to_owned());
    }
    let text = format!("{:x}", Sha256::digest(user.as_bytes()));
    (
        text.get(..2).unwrap_or_default().to_owned(),
        text.get(2..4).unwrap_or_default().to_owned(),
    )
}

/// Gives INBOX, which knows no case, its one spelling; other names stay.
pub fn canonical(folder: &str) -> String {
    if folder.eq_ignore_ascii_case("INBOX") {
        "INBOX".to_owned()
    } else {
        folder.to_owned()
    }
}

/// Returns the folder of a mailbox below its partition.
///
/// # Errors
/// When user or folder cannot be names.
pub fn relative_path(user: &str, folder: &str) -> Result<PathBuf, LabError> {
    check_user(user)?;
    let (first, second) = hash_dirs(user);
    let mut path = PathBuf::from(USERS);
    path.push(first);
    path.push(second);
    path.push(format!("={}", encode(user)));
    let folder = canonical(folder);
    if folder != "INBOX" {
        for level in folder.split('/') {
            let name = format!("={}", encode(level));
            if level.is_empty() || name.len() > 250 || level.chars().any(char::is_control) {
                return Err(LabError::Other(format!(
                    "user/{user}/{}: Invalid mailbox name",
                    display_safe(&folder)
                )));
            }
            path.push(name);
        }
    }
    Ok(path)
}

/// Checks that `user` can be a store id.
///
/// # Errors
/// For ids the store does not take (`domain/stores.md` 3.4).
pub fn check_user(user: &str) -> Result<(), LabError> {
    let bad = user.is_empty()
        || user.len() > 120
        || user.starts_with('-')
        || user.starts_with("group=")
        || user
            .bytes()
            .any(|b| !(0x20..=0x7e).contains(&b) || b"%?*&/:\\".contains(&b))
        || ["anonymous", "anybody", "anyone"].contains(&user)
        || user.starts_with("anyone@");
    if bad {
        return Err(LabError::Other(format!(
            "{}: Invalid user id",
            display_safe(user)
        )));
    }
    Ok(())
}

/// Gives every LF that has no CR before it one; a lone CR stays.
pub fn normalise(message: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(message.len() + message.len() / 32);
    let mut last = 0;
    for byte in message {
        if *byte == b'\n' && last != b'\r' {
            text.push(b'\r');
        }
        text.push(*byte);
        last = *byte;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_encoded_as_the_vendors_own_tests_do_it() {
        assert_eq!(encode("Anderson"), "+Anderson");
        assert_eq!(encode("kolander@siroe.com"), "kolander@siroe%dcom");
        assert_eq!(
            relative_path("mack1", "a/B").unwrap(),
            PathBuf::from("=user/53/53/=mack1/=a/=+B")
        );
        assert_eq!(
            relative_path("jdoe", "inbox").unwrap(),
            PathBuf::from("=user/64/b1/=jdoe")
        );
    }

    #[test]
    fn ids_that_the_store_does_not_take_are_refused() {
        for id in [
            "",
            "a/b",
            "-x",
            "group=x",
            "anyone",
            "b\u{fc}cher",
            "a%b",
            "anyone@x",
        ] {
            assert!(check_user(id).is_err(), "{id}");
        }
        assert!(check_user("Kolander@varrius.com").is_ok());
        assert!(relative_path("u", "a//b").is_err());
        assert!(relative_path("u", "").is_err());
    }

    #[test]
    fn only_a_lone_line_feed_changes() {
        assert_eq!(normalise(b"a\nb\r\nc\rd\n\n"), b"a\r\nb\r\nc\rd\r\n\r\n");
    }

    proptest! {
        #[test]
        fn every_name_comes_back_and_none_leaves_its_folder(name in "[ -~\u{80}-\u{2ff}]{0,40}") {
            let name = name.replace('/', "");
            let encoded = encode(&name);
            prop_assert!(!encoded.contains(['.', '=', '/']));
            prop_assert_eq!(decode(&encoded), Some(name));
        }

        #[test]
        fn normalising_twice_is_normalising_once(text in proptest::collection::vec(
            prop_oneof![Just(b'\r'), Just(b'\n'), any::<u8>()], 0..60)) {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }
    }
}
