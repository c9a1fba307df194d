//! `imquotacheck -v -n`: how large everybody's mailboxes are.
//!
//! The manual names the columns (user, quota, size, percentage) and no unit; so sizes weigh users
//! against each other, and are bytes only where the output says its unit.

use crate::host::Reading;

/// The mailboxes of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The user, as the old store calls them.
    pub user: String,
    /// Their limit, in the output's unit; none when unlimited.
    pub limit: Option<u64>,
    /// The size of all mailboxes, in the output's unit.
    pub size: u64,
}

/// The mailboxes of all users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// The users.
    pub users: Vec<Quota>,
    /// How many bytes the output's unit has; none when it does not say.
    pub unit: Option<u64>,
}

impl Quotas {
    /// Returns the sum of all mailboxes in bytes; none when the unit is not known.
    pub fn bytes(&self) -> Option<u64> {
        let unit = self.unit?;
        let sum = self
            .users
            .iter()
            .fold(0_u64, |s, u| s.saturating_add(u.size));
        Some(sum.saturating_mul(unit))
    }

    /// Whether the sizes are known in bytes.
    pub fn is_in_bytes(&self) -> bool {
        self.unit.is_some()
    }

    /// Returns the size of a user's mailboxes as a weight; 0 when there is no such user.
    pub fn weight(&self, user: &str) -> u64 {
        let found = self.users.iter().find(|q| q.user == user);
        found.map_or(0, |q| q.size.saturating_mul(self.unit.unwrap_or(1)))
    }
}

/// Reads `imquotacheck -v -n`.
pub fn parse_quotas(text: &str) -> Reading<Quotas> {
    let mut users = Vec::new();
    let mut unit = None;
    let mut strange = 0;
    for line in text.lines() {
        if let Some(quota) = quota(line) {
            users.push(quota);
            continue;
        }
        let lower = line.to_lowercase();
        if lower.trim().is_empty() || !lower.contains(|c: char| c.is_ascii_digit()) {
            unit = unit.or_else(|| named_unit(&lower));
        } else {
            strange += 1;
        }
    }
    if users.is_empty() || strange > users.len() {
        return Reading::unknown(text);
    }
    Reading::Understood(Quotas { users, unit })
}

fn named_unit(header: &str) -> Option<u64> {
    let words = header.split(|c: char| !c.is_ascii_alphanumeric());
    words.into_iter().find_map(|word| match word {
        "bytes" | "byte" | "b" => Some(1),
        "k" | "kb" | "kbytes" | "kib" | "kilobytes" => Some(1 << 10),
        "m" | "mb" | "mbytes" | "mib" | "megabytes" => Some(1 << 20),
        _ => None,
    })
}

/// `user quota size percentage`, where quota may be a word or `-` and the percentage have a `%`.
fn quota(line: &str) -> Option<Quota> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [user, limit, size, percent] = words.as_slice() else {
        return None;
    };
    let unlimited = ["-", "none", "unlimited", "-1", "-2"];
    let limit = match limit.parse() {
        Ok(limit) => Some(limit),
        Err(_) if unlimited.contains(&limit.to_lowercase().as_str()) => None,
        Err(_) => return None,
    };
    let percent = percent.trim_end_matches('%');
    if percent != "-" && percent.parse::<f64>().is_err() {
        return None;
    }
    Some(Quota {
        user: (*user).to_owned(),
        limit,
        size: size.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn users_are_read_and_the_unit_where_it_is_told() {
        let text = "Username   Quota(K)  Size(K)  %Used\n\
                    anderson   5000      4900     98%\n\
                    lee@hosted.com  -    12       -\n";
        let quotas = parse_quotas(text).understood().unwrap();
        assert_eq!(quotas.bytes(), Some(4912 * 1024));
        assert_eq!(quotas.weight("anderson"), 4900 * 1024);
        assert_eq!(quotas.weight("nobody"), 0);
        let bare = parse_quotas("anderson 5000 4900 98\n")
            .understood()
            .unwrap();
        assert_eq!((bare.bytes(), bare.weight("anderson")), (None, 4900));
    }

    #[test]
    fn a_refusal_is_unknown() {
        let said = "imquotacheck can be executed by inetmail only\n";
        assert!(parse_quotas(said).understood().is_none());
        assert!(parse_quotas("").understood().is_none());
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "(\\PC{0,9}[ \n]){0,30}", numbers in "([a-z0-9%.-]{0,22}[ \n]){0,30}") {
            let _ = parse_quotas(&text);
            if let Reading::Understood(quotas) = parse_quotas(&numbers) {
                let _ = quotas.bytes();
                let _ = quotas.weight("a");
            }
        }
    }
}
