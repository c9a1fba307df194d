//! The field for a password: shows nothing of it, keeps no second copy, and wipes itself.
//!
//! The buffer never grows, so that nothing is left behind in memory by moving it. There is no undo,
//! no yank and no cursor within it; `Debug` says only whether it is empty.

use crate::base::Secret;
use std::fmt;
use zeroize::{Zeroize as _, Zeroizing};

/// A field for a password.
pub struct SecretField {
    text: Zeroizing<String>,
}

impl SecretField {
    /// The longest password, in bytes.
    pub const MOST: usize = 512;

    /// Makes an empty field.
    pub fn new() -> Self {
        Self {
            text: Zeroizing::new(String::with_capacity(Self::MOST)),
        }
    }

    /// Adds a character at the end. Says whether it was taken: control characters are not, nor what
    /// has no room.
    pub fn insert(&mut self, c: char) -> bool {
        let taken = !c.is_control() && self.text.len() + c.len_utf8() <= Self::MOST;
        if taken {
            self.text.push(c);
        }
        taken
    }

    /// Takes the last character away.
    pub fn backspace(&mut self) {
        self.text.pop();
        if self.text.is_empty() {
            self.wipe();
        }
    }

    /// Wipes everything.
    pub fn wipe(&mut self) {
        // `zeroize` overwrites all of the buffer and keeps it.
        self.text.zeroize();
    }

    /// Says whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Hands the password over and wipes the field.
    pub fn take(&mut self) -> Secret {
        // A copy of exactly its length is not moved again on its way into the secret.
        let secret = Secret::new(self.text.as_str().to_owned());
        self.wipe();
        secret
    }

    /// What is shown: always as many dots, whatever was typed.
    pub fn shown(&self) -> &'static str {
        if self.is_empty() {
            ""
        } else {
            "••••••••"
        }
    }
}

impl Default for SecretField {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SecretField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() {
            "[empty]"
        } else {
            "[redacted]"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::SecretField;

    fn typed(text: &str) -> SecretField {
        let mut field = SecretField::new();
        for c in text.chars() {
            field.insert(c);
        }
        field
    }

    #[test]
    fn neither_debug_nor_the_screen_tells_the_password_or_its_length() {
        let (short, long) = (typed("c"), typed("c4n4ry-and-more"));
        assert_eq!(short.shown(), long.shown());
        assert_eq!(format!("{short:?}{long:?}"), "[redacted][redacted]");
        assert_eq!(SecretField::new().shown(), "");
    }

    #[test]
    fn the_buffer_never_moves_and_is_wiped_when_the_password_is_handed_over() {
        let mut field = SecretField::new();
        let place = field.text.as_ptr();
        for _ in 0..SecretField::MOST / 2 {
            assert!(field.insert('ü'));
        }
        assert!(!field.insert('x'), "full");
        assert_eq!(field.text.as_ptr(), place);
        assert_eq!(field.take().expose().chars().count(), SecretField::MOST / 2);
        assert!(field.is_empty());
        assert_eq!(
            (field.text.as_ptr(), field.text.capacity()),
            (place, SecretField::MOST)
        );
    }

    #[test]
    fn a_line_end_is_no_part_of_a_password_and_backspace_takes_one_character() {
        let mut field = typed("gehe\u{7}im\nü");
        field.backspace();
        assert_eq!(field.take().expose(), "geheim");
    }
}
