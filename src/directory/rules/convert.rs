//! Conversions of values from the old meaning to the new one; pure, text to text.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The partitions of the store: path by name.
pub type Partitions = BTreeMap<String, String>;

/// A conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Convert {
    /// `active`, `inactive`, `deleted`.
    Status,
    /// SIMS service names to one `+imap:ALL$+pop:ALL`.
    Services,
    /// Generalized time to `YYYYMMDDHHMMSSZ`.
    UtcTime,
    /// An address, DN or URL to a URL.
    Url,
    /// `nT` to `nG`.
    Quota,
    /// TRUE and FALSE to `anyone` and `none`.
    Visibility,
    /// TRUE and FALSE to `ALL` and `NONE`.
    Joinability,
    /// A path to a `file:` URL.
    FileUrl,
    /// `0` to `-1`.
    Unlimited,
    /// A partition's path to its name.
    Partition,
    /// NMS service names to one `-imap:*$-pop:*`.
    RefusedServices,
    /// A member's address without the parameters behind it.
    PlainMember,
}

/// What came of a conversion.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Converted {
    /// The new values.
    pub(super) values: Vec<String>,
    /// What the administrator should know.
    pub(super) warnings: Vec<String>,
    /// Why the entry cannot be upgraded.
    pub(super) refusals: Vec<String>,
}

impl Convert {
    /// Converts all values of an attribute.
    pub(super) fn convert(self, values: &[&str], partitions: &Partitions) -> Converted {
        match self {
            Self::Services => return services(values),
            Self::RefusedServices => return refused_services(values),
            _ => {}
        }
        let mut converted = Converted::default();
        for value in values {
            if self == Self::Partition {
                match partition(value.trim(), partitions) {
                    Ok(name) => converted.values.push(name),
                    Err(reason) => converted.refusals.push(reason),
                }
                continue;
            }
            match self.one(value) {
                Ok(new) => converted.values.push(new),
                Err(warning) => converted.warnings.push(warning),
            }
            if self == Self::Status && !is_status(value) {
                converted.warnings.push(format!(
                    "status `{value}` is not one of active, inactive, deleted: iMS takes it for inactive"
                ));
            }
        }
        converted
    }

    fn one(self, value: &str) -> Result<String, String> {
        let word = value.trim().to_ascii_lowercase();
        match self {
            Self::Status if is_status(value) => Ok(word),
            Self::Status | Self::Services | Self::RefusedServices | Self::Partition => {
                Ok(value.to_owned())
            }
            Self::Unlimited => unlimited(value.trim())
                .ok_or_else(|| format!("`{value}` is not a number and was not taken over")),
            Self::PlainMember => Ok(plain_member(value)),
            Self::UtcTime => utc_time(value.trim())
                .ok_or_else(|| format!("`{value}` is not a time and was not taken over")),
            Self::Url => Ok(url(value)),
            Self::Quota => quota(value.trim())
                .ok_or_else(|| format!("quota `{value}` is not a number with K, M, G or T")),
            Self::Visibility | Self::Joinability => {
                let (yes, no) = if self == Self::Visibility {
                    ("anyone", "none")
                } else {
                    ("ALL", "NONE")
                };
                match word.as_str() {
                    "true" => Ok(yes.to_owned()),
                    "false" => Ok(no.to_owned()),
                    _ => Err(format!(
                        "`{value}` is neither TRUE nor FALSE and was not taken over"
                    )),
                }
            }
            Self::FileUrl if word.starts_with("file:") => Ok(value.to_owned()),
            Self::FileUrl if value.starts_with('/') => Ok(format!("file://{}", percent(value))),
            Self::FileUrl => Err(format!(
                "`{value}` is not an absolute path and was not taken over"
            )),
        }
    }
}

fn is_status(value: &str) -> bool {
    ["active", "inactive", "deleted"]
        .iter()
        .any(|status| status.eq_ignore_ascii_case(value.trim()))
}

/// A number as it is, `0` as the new server's word for no limit.
fn unlimited(value: &str) -> Option<String> {
    let number: i64 = value.parse().ok()?;
    Some(if number == 0 {
        "-1".to_owned()
    } else {
        value.to_owned()
    })
}

/// The name of the partition at a path; what is no path is a name already.
fn partition(value: &str, partitions: &Partitions) -> Result<String, String> {
    if !value.starts_with('/') {
        return Ok(value.to_owned());
    }
    let path = value.trim_end_matches('/');
    partitions
        .iter()
        .find(|(_, at)| at.trim_end_matches('/') == path)
        .map(|(name, _)| name.clone())
        .ok_or_else(|| format!("`{value}` is none of the store's partitions"))
}

/// `a@b %1(param)` → `a@b`.
fn plain_member(value: &str) -> String {
    let address = value.split(" %").next().unwrap_or(value).trim_end();
    if address.is_empty() { value } else { address }.to_owned()
}

fn refused_services(values: &[&str]) -> Converted {
    let mut converted = Converted::default();
    let (mut imap, mut pop, mut http) = (false, false, false);
    for value in values {
        for token in value.split([',', ' ', '\t']).filter(|t| !t.is_empty()) {
            match token.to_ascii_lowercase().as_str() {
                "imap" => imap = true,
                "pop" | "pop3" => pop = true,
                "http" => http = true,
                "smtp" => converted.warnings.push(
                    "sending (`smtp`) cannot be refused in this way by the new server".to_owned(),
                ),
                other => converted
                    .warnings
                    .push(format!("service `{other}` is not known and was left out")),
            }
        }
    }
    let refused = [(imap, "-imap:*"), (pop, "-pop:*"), (http, "-http:*")];
    let parts: Vec<&str> = refused
        .iter()
        .filter_map(|(is, rule)| is.then_some(*rule))
        .collect();
    if !parts.is_empty() {
        converted.values.push(parts.join("$"));
    }
    converted
}

fn services(values: &[&str]) -> Converted {
    let mut converted = Converted::default();
    let (mut imap, mut pop) = (false, false);
    for value in values {
        for token in value.split([',', ' ', '\t']).filter(|t| !t.is_empty()) {
            match token.to_ascii_lowercase().as_str() {
                "imap" | "imaps" => imap = true,
                "pop3" | "pop3s" => pop = true,
                "pop3r" => {
                    pop = true;
                    converted.warnings.push(
                        "service `pop3r` (delete after reading) has no counterpart; pop is allowed"
                            .to_owned(),
                    );
                }
                "smtp" | "smtps" => {}
                other => converted
                    .warnings
                    .push(format!("service `{other}` is not known and was left out")),
            }
        }
    }
    let mut parts = Vec::new();
    if imap {
        parts.push("+imap:ALL");
    }
    if pop {
        parts.push("+pop:ALL");
    }
    converted.values.push(if parts.is_empty() {
        "-imap:*$-pop:*$-http:*".to_owned()
    } else {
        parts.join("$")
    });
    converted
}

/// RFC 4517, 3.3.13; without a zone it is taken for UTC.
fn utc_time(value: &str) -> Option<String> {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (date, rest) = value.split_at_checked(digits)?;
    let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (fraction, zone) = rest.split_at_checked(zone_at)?;
    let fraction_ok = fraction.is_empty()
        || fraction
            .strip_prefix(['.', ','])
            .is_some_and(|f| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()));
    if !fraction_ok {
        return None;
    }
    let number = |from: usize, to: usize| date.get(from..to)?.parse::<i16>().ok();
    let part = |from: usize| -> Option<i8> {
        if date.len() >= from + 2 {
            i8::try_from(number(from, from + 2)?).ok()
        } else {
            Some(0)
        }
    };
    if !matches!(date.len(), 10 | 12 | 14) {
        return None;
    }
    let second = part(12)?.min(59);
    let local = jiff::civil::DateTime::new(
        number(0, 4)?,
        part(4)?,
        part(6)?,
        part(8)?,
        part(10)?,
        second,
        0,
    )
    .ok()?;
    let offset = match zone {
        "" | "Z" | "z" => 0,
        _ => {
            let (sign, hours) = zone.split_at_checked(1)?;
            let hour: i32 = hours.get(0..2)?.parse().ok()?;
            let minute: i32 = match hours.get(2..) {
                None | Some("") => 0,
                Some(m) if m.len() == 2 => m.parse().ok()?,
                Some(_) => return None,
            };
            if hour > 15 || minute > 59 {
                return None;
            }
            let seconds = (hour * 60 + minute) * 60;
            if sign == "-" { -seconds } else { seconds }
        }
    };
    let offset = jiff::tz::Offset::from_seconds(offset).ok()?;
    let utc = offset.to_timestamp(local).ok()?;
    Some(utc.strftime("%Y%m%d%H%M%SZ").to_string())
}

/// `ldap://DN` → `ldap:///DN`, a DN → `ldap:///DN`, an address → `mailto:…`; URLs stay.
fn url(value: &str) -> String {
    let trimmed = value.trim();
    let lower = trimmed.to_ascii_lowercase();
    let looks_like_dn = |text: &str| {
        let name = text.split('=').next().unwrap_or_default().trim();
        text.contains('=')
            && !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
    };
    if lower.starts_with("ldap://") {
        let rest = trimmed.get("ldap://".len()..).unwrap_or_default();
        if looks_like_dn(rest) {
            return format!("ldap:///{}", percent(rest));
        }
        return trimmed.to_owned();
    }
    let has_scheme = ["ldaps:", "mailto:", "ldap:", "http:", "https:"]
        .iter()
        .any(|scheme| lower.starts_with(scheme));
    if has_scheme {
        trimmed.to_owned()
    } else if looks_like_dn(trimmed) && !trimmed.contains('@') {
        format!("ldap:///{}", percent(trimmed))
    } else {
        format!("mailto:{trimmed}")
    }
}

/// Percent-encodes what a URL must not hold; a text that has `%` already is left as it is.
fn percent(text: &str) -> String {
    if text.contains('%') {
        return text.to_owned();
    }
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>?#\\^`{|}".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn quota(value: &str) -> Option<String> {
    let (digits, unit) = match value.strip_suffix(|c: char| c.is_ascii_alphabetic()) {
        Some(digits) => (digits, value.chars().last()),
        None => (value, None),
    };
    match unit {
        None => digits.parse::<i64>().ok().map(|_| value.to_owned()),
        Some('K' | 'k' | 'M' | 'm' | 'G' | 'g') => {
            digits.parse::<u64>().ok().map(|_| value.to_owned())
        }
        Some('T' | 't') => {
            let gigabytes = digits.parse::<u64>().ok()?.checked_mul(1024)?;
            Some(format!("{gigabytes}G"))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Convert, Partitions, plain_member, quota, unlimited, url, utc_time};
    use rstest::rstest;

    #[rstest]
    #[case("20011123120000Z", Some("20011123120000Z"))]
    #[case("20011123120000+0130", Some("20011123103000Z"))]
    #[case("20011231230000-02", Some("20020101010000Z"))]
    #[case("2001112312", Some("20011123120000Z"))]
    #[case("20011123120000.5Z", Some("20011123120000Z"))]
    #[case("20011323120000Z", None)]
    #[case("yesterday", None)]
    #[case("20011123120000+0130x", None)]
    #[case("2001112312000é", None)]
    fn times_are_brought_to_utc(#[case] from: &str, #[case] to: Option<&str>) {
        assert_eq!(utc_time(from).as_deref(), to);
    }

    #[rstest]
    #[case("joe@siroe.com", "mailto:joe@siroe.com")]
    #[case("mailto:joe@siroe.com", "mailto:joe@siroe.com")]
    #[case("ldap://cn=Joe Doe,o=internet", "ldap:///cn=Joe%20Doe,o=internet")]
    #[case("ldap:///cn=Joe,o=internet", "ldap:///cn=Joe,o=internet")]
    #[case("ldap://host/cn=Joe,o=internet", "ldap://host/cn=Joe,o=internet")]
    #[case("cn=Joe,o=internet", "ldap:///cn=Joe,o=internet")]
    #[case("LDAP://uid=j,o=x", "ldap:///uid=j,o=x")]
    #[case("joe", "mailto:joe")]
    fn people_become_urls(#[case] from: &str, #[case] to: &str) {
        assert_eq!(url(from), to);
    }

    #[rstest]
    #[case("1T", Some("1024G"))]
    #[case("10M", Some("10M"))]
    #[case("-1", Some("-1"))]
    #[case("20000000", Some("20000000"))]
    #[case("a lot", None)]
    #[case("5X", None)]
    #[case("é", None)]
    #[case("99999999999999999999T", None)]
    fn quotas_keep_their_size(#[case] from: &str, #[case] to: Option<&str>) {
        assert_eq!(quota(from).as_deref(), to);
    }

    #[test]
    fn services_become_one_value() {
        let none = Partitions::new();
        let one = |values: &[&str]| Convert::Services.convert(values, &none).values;
        assert_eq!(one(&["imap", "pop3s"]), ["+imap:ALL$+pop:ALL"]);
        assert_eq!(one(&["imap, imaps smtp"]), ["+imap:ALL"]);
        assert_eq!(one(&["smtp"]), ["-imap:*$-pop:*$-http:*"]);
        let odd = Convert::Services.convert(&["gopher"], &none);
        assert_eq!(odd.warnings.len(), 1);
    }

    #[test]
    fn services_that_nms_refuses_are_refused_one_by_one() {
        let none = Partitions::new();
        let one = |value: &str| Convert::RefusedServices.convert(&[value], &none);
        assert_eq!(one("pop, imap").values, ["-imap:*$-pop:*"]);
        assert_eq!(one("pop, smtp").values, ["-pop:*"]);
        assert_eq!(one("pop, smtp").warnings.len(), 1);
        assert!(one("smtp").values.is_empty());
    }

    #[rstest]
    #[case("0", Some("-1"))]
    #[case("-1", Some("-1"))]
    #[case("5000000", Some("5000000"))]
    #[case("much", None)]
    fn no_limit_has_another_word(#[case] from: &str, #[case] to: Option<&str>) {
        assert_eq!(unlimited(from).as_deref(), to);
    }

    #[test]
    fn a_partitions_path_becomes_its_name_and_another_path_is_refused() {
        let known = Partitions::from([("second".to_owned(), "/disk2/partition".to_owned())]);
        let one = |value: &str| Convert::Partition.convert(&[value], &known);
        assert_eq!(one("/disk2/partition/").values, ["second"]);
        assert_eq!(one("second").values, ["second"]);
        assert_eq!(one("/elsewhere").refusals.len(), 1);
        assert!(one("/elsewhere").values.is_empty());
    }

    #[rstest]
    #[case("joe@siroe.com %1(digest)", "joe@siroe.com")]
    #[case("joe@siroe.com", "joe@siroe.com")]
    #[case("joe%there@siroe.com", "joe%there@siroe.com")]
    fn members_lose_their_parameters(#[case] from: &str, #[case] to: &str) {
        assert_eq!(plain_member(from), to);
    }
}
