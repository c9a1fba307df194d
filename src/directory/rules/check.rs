//! Looks at values that change nothing but are worth a word.

use super::data::Check;
use crate::directory::entry::Entry;

/// Characters that the provisioning guide does not allow in a uid; `@` once, before a domain.
const NOT_IN_UID: &str = "$~=#*+%!,{}()/\\<>;:\"`[]&?";
/// The longest search the MTA takes for a group's members.
const LONGEST_FILTER: usize = 1024;

/// Returns what is worth saying about an entry.
pub(super) fn check(check: Check, attributes: &[String], entry: &Entry) -> Vec<String> {
    let values: Vec<_> = attributes.iter().flat_map(|a| entry.values(a)).collect();
    let shown = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let name = attributes.first().map_or("", String::as_str);
    match check {
        Check::Hours => values
            .iter()
            .filter(|v| shown(v).trim().parse::<u32>().is_err())
            .map(|v| {
                format!(
                    "{name} `{}` is not a number of hours; iMS ignores it",
                    shown(v)
                )
            })
            .collect(),
        Check::Uid => {
            let mut said = Vec::new();
            if values.len() > 1 {
                said.push("it has several uids; only the first one counts".to_owned());
            }
            if let Some(first) = values.first().map(|v| shown(v))
                && !is_good_uid(&first)
            {
                said.push(format!(
                    "uid `{first}` has characters that iMS does not allow"
                ));
            }
            said
        }
        Check::OneMail if values.len() > 1 => {
            vec!["it has several values of mail; iMS wants one".to_owned()]
        }
        Check::HasHost if values.is_empty() => {
            vec!["it has no mailHost: its mail cannot be delivered".to_owned()]
        }
        Check::OneMail | Check::HasHost => Vec::new(),
        Check::WholeDomain => {
            let named = |domain: &str| {
                let vanity = entry.values("msgVanityDomain");
                vanity.iter().any(|v| shown(v).eq_ignore_ascii_case(domain))
            };
            let whole = values.iter().map(|v| shown(v));
            whole
                .filter(|v| {
                    v.strip_prefix('@')
                        .is_some_and(|d| !named(d.trim_end_matches('.')))
                })
                .map(|v| {
                    format!("`{v}` stands for a whole domain: the new server needs msgVanityDomain")
                })
                .collect()
        }
        Check::RejectAction => values
            .iter()
            .map(|v| shown(v))
            .filter(|v| !v.trim().eq_ignore_ascii_case("TOMODERATOR"))
            .map(|v| format!("{name} `{v}` is not honoured by the new server"))
            .collect(),
        Check::FilterLength => values
            .iter()
            .filter(|v| v.len() > LONGEST_FILTER)
            .map(|_| format!("its {name} is longer than {LONGEST_FILTER} bytes"))
            .collect(),
    }
}

fn is_good_uid(uid: &str) -> bool {
    let (local, domain) = uid.split_once('@').unwrap_or((uid, "x.y"));
    let plain = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| (' '..='~').contains(&c) && !NOT_IN_UID.contains(c) && c != '@')
    };
    plain(local) && plain(domain) && domain.contains('.')
}

#[cfg(test)]
mod tests {
    use super::is_good_uid;
    use rstest::rstest;

    #[rstest]
    #[case("jdoe", true)]
    #[case("Anderson", true)]
    #[case("j.doe-1", true)]
    #[case("jdoe@florizel.com", true)]
    #[case("jdoe@", false)]
    #[case("jdoe@local", false)]
    #[case("a@b.c@d.e", false)]
    #[case("x; rm -rf /", false)]
    #[case("zoë", false)]
    #[case("", false)]
    fn uids_follow_the_provisioning_guide(#[case] uid: &str, #[case] good: bool) {
        assert_eq!(is_good_uid(uid), good);
    }
}
