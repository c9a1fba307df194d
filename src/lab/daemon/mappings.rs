//! The mapping table `INTERNAL_IP`: which clients iMS lets relay.
//!
//! The MTA's file `imta/config/mappings`: a table's name at the beginning of a line, its entries
//! indented, a pattern and a template; the first pattern that fits decides, `$Y` allows. Patterns:
//! `*` for anything, `$(a.b.c.d/n)` for a network. No fitting entry: not allowed.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// What the installer writes: nobody may relay.
pub const DEFAULT: &str = "\
! Mapping tables of the MTA. Whose address gets $Y from INTERNAL_IP may send to any domain.
INTERNAL_IP

  *  $N
";

/// The table as it was when it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Internal(Vec<(Pattern, bool)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Network(Ipv4Addr, u32),
    Glob(String),
}

impl Internal {
    /// Reads the table from a file; without one nobody may relay.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(e),
        }
    }

    fn parse(text: &str) -> Self {
        let mut entries = Vec::new();
        let mut inside = false;
        for line in text.lines() {
            if line.trim().is_empty() || line.starts_with('!') {
                continue;
            }
            if !line.starts_with([' ', '\t']) {
                inside = line.trim() == "INTERNAL_IP";
                continue;
            }
            let mut words = line.split_whitespace();
            if let (true, Some(pattern), Some(template)) = (inside, words.next(), words.next()) {
                let yes = template.to_ascii_uppercase().contains("$Y");
                entries.push((Pattern::parse(pattern), yes));
            }
        }
        Self(entries)
    }

    /// Returns whether a client may relay.
    pub fn allows(&self, client: IpAddr) -> bool {
        let first = self.0.iter().find(|(pattern, _)| pattern.fits(client));
        first.is_some_and(|(_, yes)| *yes)
    }
}

impl Pattern {
    fn parse(text: &str) -> Self {
        let network = text.strip_prefix("$(").and_then(|t| t.strip_suffix(')'));
        let network = network.and_then(|t| {
            let (address, bits) = t.split_once('/')?;
            let bits = bits.parse().ok().filter(|b| *b <= 32)?;
            Some(Self::Network(address.parse().ok()?, bits))
        });
        network.unwrap_or_else(|| Self::Glob(text.to_owned()))
    }

    fn fits(&self, client: IpAddr) -> bool {
        match (self, client) {
            (Self::Network(address, bits), IpAddr::V4(client)) => {
                let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                u32::from(*address) & mask == u32::from(client) & mask
            }
            (Self::Network(..), IpAddr::V6(_)) => false,
            (Self::Glob(glob), client) => fits(glob.as_bytes(), client.to_string().as_bytes()),
        }
    }
}

fn fits(glob: &[u8], text: &[u8]) -> bool {
    match glob.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => {
            (0..=text.len()).any(|n| text.get(n..).is_some_and(|text| fits(rest, text)))
        }
        Some((byte, rest)) => text
            .split_first()
            .is_some_and(|(first, text)| first == byte && fits(rest, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pattern_that_fits_decides() {
        let table = Internal::parse(
            "OTHER\n  * $Y\nINTERNAL_IP\n\n  127.0.0.9 $N\n  $(127.0.0.0/24)  $Y\n  10.1.*  $y\n  * $N\nMORE\n  * $Y\n",
        );
        for (client, allowed) in [
            ("127.0.0.9", false),
            ("127.0.0.200", true),
            ("127.0.1.1", false),
            ("10.1.2.3", true),
            ("10.2.2.3", false),
            ("::1", false),
        ] {
            assert_eq!(table.allows(client.parse().unwrap()), allowed, "{client}");
        }
    }

    #[test]
    fn as_installed_nobody_may_relay() {
        assert!(!Internal::parse(DEFAULT).allows(Ipv4Addr::LOCALHOST.into()));
        assert!(
            !Internal::read(Path::new("/nonexistent"))
                .unwrap()
                .allows(Ipv4Addr::LOCALHOST.into())
        );
    }

    #[test]
    fn a_network_of_all_addresses_has_all() {
        assert!(Pattern::parse("$(0.0.0.0/0)").fits(Ipv4Addr::BROADCAST.into()));
        assert_eq!(
            Pattern::parse("$(1.2.3.4/99)"),
            Pattern::Glob("$(1.2.3.4/99)".to_owned())
        );
    }
}
