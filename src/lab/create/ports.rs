//! Draws a lab's address and ports so that nothing else on this machine holds them.

use super::dice::Dice;
use crate::lab::world::LabError;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

/// The well-known ports that hosts of a lab listen on, each moved up by the port base.
pub const WELL_KNOWN: &[u16] = &[25, 80, 110, 143, 389, 390];

/// Below the range that Linux takes the ports of outgoing connections from (32768 and up), so that
/// none of those can sit on a lab's port.
const LOWEST: usize = 20_000;
const HIGHEST: usize = 32_000;
const ATTEMPTS: usize = 400;

/// Addresses of a lab's own and the number to add to each well-known port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The first host's address.
    pub(super) address: Ipv4Addr,
    /// What is added to a well-known port.
    pub(super) port_base: u16,
}

impl Place {
    /// Returns the address of a host by its number: the one after the address of the host before.
    pub(super) fn address(self, number: u8) -> Ipv4Addr {
        let [a, b, c, first] = self.address.octets();
        let last = (u16::from(first) + u16::from(number) - 1) % 254 + 1;
        Ipv4Addr::new(a, b, c, u8::try_from(last).unwrap_or(first))
    }
}

/// Draws a place for so many hosts from the seed and the lab's folder; two labs of one seed get
/// different ones.
///
/// # Errors
/// When no free place is found after many attempts.
pub(super) fn draw(seed: u64, dir: &Path, hosts: u8) -> Result<Place, LabError> {
    let mut dice = Dice::new(seed, &format!("place {}", dir.display()));
    for _ in 0..ATTEMPTS {
        let place = candidate(&mut dice);
        if is_free(place, hosts) {
            return Ok(place);
        }
    }
    Err(LabError::Other(format!(
        "no free ports for a lab on 127.0.0.0/8 between {LOWEST} and {HIGHEST} after {ATTEMPTS} attempts"
    )))
}

fn candidate(dice: &mut Dice) -> Place {
    let mut octet = |low, high| u8::try_from(dice.between(low, high)).unwrap_or(1);
    // 127.0.x.y is left to others: resolvers and the like live there.
    let address = Ipv4Addr::new(127, octet(1, 254), octet(0, 254), octet(1, 254));
    let port_base = u16::try_from(dice.between(LOWEST, HIGHEST)).unwrap_or(20_000);
    Place { address, port_base }
}

/// Tells whether every port of a place can be listened on now.
fn is_free(place: Place, hosts: u8) -> bool {
    let free = |address, port: u16| {
        TcpListener::bind((address, place.port_base.saturating_add(port))).is_ok()
    };
    let all = |number| {
        let address = place.address(number);
        WELL_KNOWN.iter().all(|port| free(address, *port))
    };
    (0..hosts).all(all) && free(Ipv4Addr::LOCALHOST, 389)
}

#[cfg(test)]
mod tests {
    use super::{candidate, draw, is_free};
    use crate::lab::create::dice::Dice;
    use std::net::TcpListener;
    use std::path::Path;

    #[test]
    fn two_folders_of_one_seed_get_different_places() {
        let a = draw(7, Path::new("/labs/a"), 1).unwrap();
        let b = draw(7, Path::new("/labs/b"), 1).unwrap();
        assert_ne!(a, b);
        assert!((20_000..=32_000).contains(&a.port_base));
        assert!(a.address.is_loopback());
    }

    #[test]
    fn a_place_with_a_taken_port_is_not_drawn() {
        let path = Path::new("/labs/taken");
        let first = candidate(&mut Dice::new(3, &format!("place {}", path.display())));
        let held = TcpListener::bind((first.address, first.port_base + 143)).unwrap();
        assert!(!is_free(first, 1));
        assert_ne!(draw(3, path, 1).unwrap(), first);
        drop(held);
    }

    #[test]
    fn the_hosts_of_a_lab_have_addresses_one_after_the_other() {
        let place = super::Place {
            address: [127, 3, 4, 253].into(),
            port_base: 20_000,
        };
        let all: Vec<[u8; 4]> = (0..3).map(|n| place.address(n).octets()).collect();
        assert_eq!(all, [[127, 3, 4, 253], [127, 3, 4, 254], [127, 3, 4, 1]]);
    }
}
