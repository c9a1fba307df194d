//! Makes strings from servers and files safe to show: nothing in them can move a cursor, reverse
//! the reading direction or hide.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns `text` with control, bidirectional and invisible characters written as `\u{…}`.
///
/// Tab and newline are escaped too (`\t`, `\n`): a value from a server is one line. Ordinary text
/// comes back borrowed and unchanged.
pub fn display_safe(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if is_hostile(c) => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::display_safe;

    #[test]
    fn plain_text_is_untouched() {
        assert_eq!(display_safe("Änderung für Größe ✓"), "Änderung für Größe ✓");
    }

    #[test]
    fn escapes_direction_and_invisible_characters_are_shown() {
        assert_eq!(
            display_safe("a\x1b[2Jb\u{202e}c\u{200b}d\n"),
            "a\\u{1b}[2Jb\\u{202e}c\\u{200b}d\\n"
        );
    }
}
