//! Options as the vendor's commands read them: `getopt`, so `-f-`, `-f -`, `-cy` and `-nv1` all work.

/// What was on a command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Each option in order, with its value where it takes one.
    pub given: Vec<(char, Option<String>)>,
    /// What comes after the options.
    pub operands: Vec<String>,
}

impl Options {
    /// Returns whether an option was given.
    pub fn has(&self, option: char) -> bool {
        self.given.iter().any(|(o, _)| *o == option)
    }

    /// Returns the value of an option; the last one counts.
    pub fn value(&self, option: char) -> Option<&str> {
        self.given
            .iter()
            .rev()
            .find(|(o, _)| *o == option)
            .and_then(|(_, value)| value.as_deref())
    }
}

/// Reads a command line after a `getopt` description such as `"f:nd:"`.
///
/// # Errors
/// The sentence of `getopt` for an option that is not known or lacks its value.
pub fn parse(args: &[String], known: &str) -> Result<Options, String> {
    let mut options = Options::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            break;
        }
        let Some(letters) = arg.strip_prefix('-').filter(|l| !l.is_empty()) else {
            options.operands.push(arg.clone());
            break;
        };
        let mut rest = letters.chars();
        while let Some(option) = rest.next() {
            let at = known.find(option).filter(|_| option != ':');
            let Some(at) = at else {
                return Err(format!("illegal option -- {option}"));
            };
            let takes_value = known
                .get(at + option.len_utf8()..)
                .is_some_and(|tail| tail.starts_with(':'));
            if !takes_value {
                options.given.push((option, None));
                continue;
            }
            let attached = rest.as_str();
            let value = if attached.is_empty() {
                match args.next() {
                    Some(value) => value.clone(),
                    None => return Err(format!("option requires an argument -- {option}")),
                }
            } else {
                attached.to_owned()
            };
            options.given.push((option, Some(value)));
            break;
        }
    }
    options.operands.extend(args.cloned());
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn attached_and_separate_values_are_the_same() {
        let attached = parse(&words("-f- -cy -n -v1"), "f:c:nv:").unwrap();
        let separate = parse(&words("-f - -c y -n -v 1"), "f:c:nv:").unwrap();
        assert_eq!(attached, separate);
        assert_eq!(attached.value('f'), Some("-"));
        assert!(attached.has('n') && !attached.has('x'));
    }

    #[test]
    fn everything_after_the_first_operand_is_one() {
        let options = parse(&words("-nf x anderson -n"), "f:n").unwrap();
        assert_eq!(options.operands, ["anderson", "-n"]);
        assert_eq!(options.value('f'), Some("x"));
    }

    #[test]
    fn unknown_options_and_missing_values_are_named() {
        assert_eq!(
            parse(&words("-x"), "f:").unwrap_err(),
            "illegal option -- x"
        );
        assert_eq!(
            parse(&words("-f"), "f:").unwrap_err(),
            "option requires an argument -- f"
        );
        assert!(parse(&words("-:"), "f:").is_err());
    }
}
