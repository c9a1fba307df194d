//! Text for cells: made safe, wrapped, cut.

use crate::base::display_safe;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Wraps `text` to `width` columns, the first line after `first`, the others after `rest`.
pub fn wrap(width: u16, first: &str, rest: &str, text: &str) -> Vec<String> {
    let safe = display_safe(text);
    let width = usize::from(width).max(first.width() + 1).max(8);
    textwrap::wrap(
        &safe,
        textwrap::Options::new(width)
            .initial_indent(first)
            .subsequent_indent(rest)
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation),
    )
    .into_iter()
    .map(|line| line.trim_end().to_owned())
    .collect()
}

/// Makes `text` safe and cuts it to `width` columns, with `…` where something is left out.
pub fn cut(text: &str, width: u16) -> String {
    let safe = display_safe(text);
    let width = usize::from(width);
    if safe.width() <= width {
        return safe.into_owned();
    }
    let mut used = 0;
    let mut short = String::new();
    for c in safe.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > width {
            break;
        }
        used += wide;
        short.push(c);
    }
    if width > 0 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::{cut, wrap};

    #[test]
    fn what_does_not_fit_is_cut_visibly_and_hostile_text_is_shown_as_what_it_is() {
        assert_eq!(cut("Stop the old server", 10), "Stop the …");
        assert_eq!(cut("short", 10), "short");
        assert_eq!(cut("日本語のメール", 5), "日本…");
        assert_eq!(cut("a\u{202e}b\x1b[2J", 40), "a\\u{202e}b\\u{1b}[2J");
        assert_eq!(cut("word", 0), "");
        assert_eq!(wrap(0, "", "", "a b").len(), 1);
    }
}
