//! OIDs for what nobody published one for: the same name gets the same one, everywhere.

use sha2::{Digest as _, Sha256};

/// Returns the OID of a name below `2.25`, the arc that belongs to everybody with a UUID (X.667).
///
/// The UUID is made from the name (version 8), so that two runs, and two programs, agree on it.
pub fn of_name(name: &str) -> String {
    let digest = Sha256::digest(format!("imsmigrate schema {}", name.to_ascii_lowercase()));
    let mut uuid = digest
        .iter()
        .take(16)
        .fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
    uuid &= !(0xf000 << 64 | 0xc000_0000_0000_0000);
    uuid |= 0x8000 << 64 | 0x8000_0000_0000_0000;
    format!("2.25.{uuid}")
}

#[cfg(test)]
mod tests {
    use super::of_name;

    #[test]
    fn a_name_has_one_oid_and_another_name_another() {
        assert_eq!(of_name("mailHosts"), of_name("mailhosts"));
        assert_ne!(of_name("mailHosts"), of_name("mailDomain"));
        let number: u128 = of_name("mailHosts")
            .strip_prefix("2.25.")
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!((number >> 76) & 0xf, 8, "the version of the UUID");
        assert_eq!((number >> 62) & 0x3, 2, "its variant");
    }
}
