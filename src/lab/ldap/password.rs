//! Comparing a password with how it is kept: plain, `{SHA}` or `{SSHA}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA1_OUTPUT_LEN, digest};

/// Returns whether `given` is the password kept as `stored`.
pub fn matches(stored: &[u8], given: &[u8]) -> bool {
    let Some((scheme, coded)) = std::str::from_utf8(stored)
        .ok()
        .and_then(|text| text.strip_prefix('{'))
        .and_then(|text| text.split_once('}'))
    else {
        return stored == given;
    };
    match scheme.to_ascii_uppercase().as_str() {
        "SHA" | "SSHA" => {
            let Ok(bytes) = STANDARD.decode(coded.trim()) else {
                return false;
            };
            let Some((hash, salt)) = bytes.split_at_checked(SHA1_OUTPUT_LEN) else {
                return false;
            };
            let salted = [given, salt].concat();
            digest(&SHA1_FOR_LEGACY_USE_ONLY, &salted).as_ref() == hash
        }
        "CLEAR" => coded.as_bytes() == given,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn plain_hashed_and_salted_passwords_are_compared() {
        // printf secret | openssl sha1 -binary | base64, and with the salt "salt" behind it.
        let sha = b"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";
        let ssha = b"{ssha}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0";
        for stored in [b"secret".as_slice(), sha, ssha] {
            assert!(
                matches(stored, b"secret"),
                "{}",
                String::from_utf8_lossy(stored)
            );
            assert!(!matches(stored, b"Secret"));
            assert!(!matches(stored, b""));
        }
        assert!(!matches(b"{crypt}abc", b"abc"));
    }
}
