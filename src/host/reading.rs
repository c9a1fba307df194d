//! What a reader made of a vendor's output: understood, or not and then the text itself.

/// The result of reading somebody else's output.
///
/// Output that does not look as expected is [`Reading::Unknown`] with the text, never a guess.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading<T> {
    /// It was as expected and says this.
    Understood(T),
    /// It was not; the text, cut after 8 KiB, is for a person.
    Unknown {
        /// What was there.
        raw: String,
    },
}

impl<T> Reading<T> {
    /// Keeps text that was not understood.
    pub fn unknown(raw: &str) -> Self {
        let mut end = raw.len().min(8192);
        while !raw.is_char_boundary(end) {
            end -= 1;
        }
        Self::Unknown {
            raw: raw.get(..end).unwrap_or_default().to_owned(),
        }
    }

    /// Returns what was understood.
    pub fn understood(self) -> Option<T> {
        match self {
            Self::Understood(value) => Some(value),
            Self::Unknown { .. } => None,
        }
    }

    /// Returns what was understood, borrowed.
    pub fn as_understood(&self) -> Option<&T> {
        match self {
            Self::Understood(value) => Some(value),
            Self::Unknown { .. } => None,
        }
    }
}
