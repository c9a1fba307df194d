//! `mailq`: how many messages are in a queue that speaks sendmail's words (`domain/commands.md` 14).

use crate::host::Reading;

/// Reads how many messages there are; what is neither a queue nor said to be empty is unknown.
pub fn parse_mailq(output: &str) -> Reading<usize> {
    let lower = output.to_lowercase();
    if lower.contains("queue is empty")
        || lower.contains(" is empty")
        || lower.contains("no queue to print")
    {
        return Reading::Understood(0);
    }
    let said = lower.lines().find_map(|line| {
        let (before, _) = line.split_once(" request")?;
        before.rsplit('(').next()?.trim().parse().ok()
    });
    if let Some(count) = said {
        return Reading::Understood(count);
    }
    match output.lines().filter(|line| is_entry(line)).count() {
        0 => Reading::unknown(output),
        count => Reading::Understood(count),
    }
}

/// `ID[*X-] SIZE DAY …`.
fn is_entry(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let id = !line.starts_with([' ', '\t', '-', '(']) && words.next().is_some();
    let size = words
        .next()
        .is_some_and(|w| w.bytes().all(|b| b.is_ascii_digit()));
    let day = words
        .next()
        .is_some_and(|w| w.len() == 3 && w.bytes().all(|b| b.is_ascii_alphabetic()));
    id && size && day
}

#[cfg(test)]
mod tests {
    use super::parse_mailq;
    use crate::host::Reading;
    use rstest::rstest;

    #[rstest]
    #[case("Mail queue is empty\n", Some(0))]
    #[case("/var/spool/mqueue is empty\n", Some(0))]
    #[case("No queue to print\n", Some(0))]
    #[case("\t\tMail Queue (1 request)\n", Some(1))]
    #[case("Mail Queue (12 requests)\n--QID-- --Size--\n", Some(12))]
    #[case(
        "AA02491*  1260 Thu Oct  1 09:58 <s@a.com>\n  <u@b.com>\nAB0 9 Fri Oct 2\n",
        Some(2)
    )]
    #[case("mailq: Permission denied\n", None)]
    #[case("", None)]
    fn a_queue_is_counted_or_not_understood(#[case] text: &str, #[case] count: Option<usize>) {
        match (parse_mailq(text), count) {
            (Reading::Understood(found), Some(count)) => assert_eq!(found, count),
            (Reading::Unknown { .. }, None) => {}
            (other, _) => panic!("{other:?}"),
        }
    }
}
