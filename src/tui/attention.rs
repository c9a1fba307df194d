//! Whether a popup that came up by itself has been seen: until then keys do nothing to it.
//!
//! What is typed ahead, for the question before or by a key that is held down, must not answer a
//! question that nobody has read. So keys count only when the popup has stood on the screen for
//! [`REST`] with nothing pressed, and the screen says so meanwhile. All of what was typed is taken, or
//! none of it.

use std::time::Duration;

/// How long a popup has to stand on the screen, with no key pressed, before keys count.
pub const REST: Duration = Duration::from_millis(500);

/// How far a popup has been seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attention {
    /// Keys count.
    #[default]
    Given,
    /// It came up by itself and was not drawn yet.
    Unseen {
        /// A key came already; it was not taken.
        pressed: bool,
    },
    /// It is on the screen.
    Drawn {
        /// Since then, or since the last key.
        since: Duration,
        /// A key came already; it was not taken.
        pressed: bool,
    },
}

impl Attention {
    /// That of a popup nobody asked for.
    pub const NEW: Self = Self::Unseen { pressed: false };

    /// Whether keys count.
    pub fn is_given(self) -> bool {
        self == Self::Given
    }

    /// Whether a key came too early.
    pub fn was_pressed(self) -> bool {
        matches!(
            self,
            Self::Unseen { pressed: true } | Self::Drawn { pressed: true, .. }
        )
    }

    /// The popup was drawn.
    #[must_use]
    pub fn drawn(self, now: Duration) -> Self {
        match self {
            Self::Unseen { pressed } => Self::Drawn {
                since: now,
                pressed,
            },
            other => other,
        }
    }

    /// A key came that does not count.
    #[must_use]
    pub fn pressed(self, now: Duration) -> Self {
        match self {
            Self::Given => Self::Given,
            Self::Unseen { .. } => Self::Unseen { pressed: true },
            Self::Drawn { .. } => Self::Drawn {
                since: now,
                pressed: true,
            },
        }
    }

    /// When keys will count, if none comes before.
    pub fn due(self) -> Option<Duration> {
        match self {
            Self::Drawn { since, .. } => Some(since + REST),
            Self::Given | Self::Unseen { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Attention, REST};
    use std::time::Duration;

    #[test]
    fn keys_count_when_it_was_on_the_screen_and_the_keyboard_at_rest() {
        let early = Attention::NEW.pressed(Duration::ZERO);
        assert!(early.was_pressed() && early.due().is_none(), "not drawn");
        let second = Duration::from_secs(1);
        let drawn = Attention::NEW.drawn(second);
        assert_eq!(drawn.due(), Some(second + REST));
        let held = drawn.pressed(second * 2).drawn(second * 3);
        assert_eq!(held.due(), Some(second * 2 + REST));
        assert!(held.was_pressed() && !held.is_given());
        assert!(Attention::Given.pressed(second).is_given());
    }
}
