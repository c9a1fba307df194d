//! The one place where an argv becomes shell text: for ssh, and for a person to read or type.

/// Quotes one word for a Bourne shell.
///
/// Words of harmless characters stay as they are; all others are put in single quotes, in which a
/// Bourne shell gives no character a meaning; a single quote itself becomes `'\''`.
pub fn quote(word: &str) -> String {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"%+,-./:@_".contains(&b);
    if !word.is_empty() && word.bytes().all(harmless) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Quotes an argv as one line of Bourne shell.
pub fn command_line<S: AsRef<str>>(argv: &[S]) -> String {
    argv.iter()
        .map(|word| quote(word.as_ref()))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    fn through_sh(words: &[String]) -> Vec<Vec<u8>> {
        let line = format!("printf '%s\\0' {}", command_line(words));
        let out = Command::new("/bin/sh")
            .arg("-c")
            .arg(line)
            .output()
            .unwrap();
        assert!(out.status.success(), "{out:?}");
        let mut parts: Vec<_> = out.stdout.split(|b| *b == 0).map(<[u8]>::to_vec).collect();
        parts.pop();
        parts
    }

    #[test]
    fn hostile_uids_stay_uids() {
        let words: Vec<String> = [
            "x; rm -rf /",
            "it's",
            "'",
            "''",
            "\"$(id)`id`\"",
            "-rf",
            "--",
            "a\nb",
            "\n",
            "*",
            "~root",
            "$HOME",
            "a\\",
            "ä ö",
            "#x",
            "a=b",
            "{a,b}",
            "!x",
        ]
        .map(str::to_owned)
        .to_vec();
        let seen = through_sh(&words);
        let expected: Vec<_> = words.iter().map(|w| w.as_bytes().to_vec()).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn an_empty_word_is_kept() {
        assert_eq!(command_line(&["a", "", "b"]), "a '' b");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn any_word_survives_a_real_shell(words in proptest::collection::vec("[^\\x00]{0,12}", 1..5)) {
            let expected: Vec<_> = words.iter().map(|w| w.as_bytes().to_vec()).collect();
            prop_assert_eq!(through_sh(&words), expected);
        }
    }
}
