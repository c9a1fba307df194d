//! Passwords: kept in memory, wiped on drop, never printed.

use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// A password.
///
/// `Debug` prints `[redacted]`; there is no `Display` and no `Serialize`, so that it cannot reach a
/// journal, a log or a screen by accident. The memory is wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes ownership of a password.
    pub fn new(value: String) -> Self {
        Self(SecretString::from(value))
    }

    /// Returns the password itself, for the one call that has to hand it on.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_shows_nothing_of_the_password() {
        let secret = Secret::new("c4n4ry".to_owned());
        assert_eq!(
            format!("{secret:?} {:?}", Some(&secret)),
            "[redacted] Some([redacted])"
        );
        assert_eq!(secret.expose(), "c4n4ry");
    }
}
