//! Keys as a slow line brings them: an escape sequence that arrives in pieces is put together again.
//!
//! Over a slow link `ESC` and `[A` can arrive apart; what reads the terminal then reports Esc, `[` and
//! `A`, three keys nobody pressed. So a bare Esc is held back for [`PIECES`]; what follows in that time
//! and makes a sequence is that one key. A paste that arrives so is one paste, and submits nothing.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::time::Duration;
use zeroize::Zeroize as _;

/// How long the next piece of a sequence is waited for.
pub const PIECES: Duration = Duration::from_millis(80);

/// Holds back what may be the beginning of a sequence.
#[derive(Debug, Default)]
pub struct Assembler {
    held: Vec<KeyEvent>,
    pasted: Option<Pasted>,
}

/// Text of a paste whose beginning came in pieces. Its `Debug` does not show it.
#[derive(Default)]
struct Pasted(String);

impl Drop for Pasted {
    fn drop(&mut self) {
        // It may have been a password.
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Pasted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pasted(…)")
    }
}

/// What a sequence may be so far.
enum So {
    Incomplete,
    Key(KeyCode),
    Paste,
    Nothing,
}

impl Assembler {
    /// Whether something is held back: [`Assembler::rest`] is due when nothing comes.
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty() || self.pasted.is_some()
    }

    /// Takes an event; returns what is certain now.
    pub fn take(&mut self, event: Event) -> Vec<Event> {
        let Event::Key(key) = event else {
            let mut out = self.rest();
            out.push(event);
            return out;
        };
        if key.kind == KeyEventKind::Release {
            return Vec::new();
        }
        if let Some(Pasted(text)) = &mut self.pasted {
            match key.code {
                KeyCode::Char(c) => text.push(c),
                KeyCode::Enter => text.push('\n'),
                KeyCode::Tab => text.push('\t'),
                KeyCode::Esc => text.push('\x1b'),
                _ => {}
            }
            return Vec::new();
        }
        let bare = key.code == KeyCode::Esc && key.modifiers.is_empty();
        if self.held.is_empty() {
            if bare {
                self.held.push(key);
                return Vec::new();
            }
            return vec![Event::Key(key)];
        }
        if bare {
            let out = self.rest();
            self.held.push(key);
            return out;
        }
        self.held.push(key);
        match self.so_far() {
            So::Incomplete => Vec::new(),
            So::Nothing => self.rest(),
            So::Key(code) => {
                self.held.clear();
                let modifiers = if code == KeyCode::BackTab {
                    KeyModifiers::SHIFT
                } else {
                    KeyModifiers::NONE
                };
                vec![Event::Key(KeyEvent::new(code, modifiers))]
            }
            So::Paste => {
                self.held.clear();
                self.pasted = Some(Pasted::default());
                Vec::new()
            }
        }
    }

    /// Nothing came for [`PIECES`]: what was held back is what it looks like.
    pub fn rest(&mut self) -> Vec<Event> {
        if let Some(pasted) = self.pasted.take() {
            let text = pasted.0.as_str();
            let text = text.strip_suffix("\x1b[201~").unwrap_or(text);
            return vec![Event::Paste(text.to_owned())];
        }
        self.held.drain(..).map(Event::Key).collect()
    }

    fn so_far(&self) -> So {
        let mut text = String::new();
        for key in self.held.iter().skip(1) {
            match key.code {
                KeyCode::Char(c) if !key.modifiers.contains(KeyModifiers::CONTROL) => text.push(c),
                _ => return So::Nothing,
            }
        }
        let mut chars = text.chars();
        let first = chars.next();
        let rest = chars.as_str();
        let code = match (first, rest) {
            (Some('[' | 'O'), "") | (Some('['), "[") => return So::Incomplete,
            (Some('['), "200~") => return So::Paste,
            (Some('[' | 'O'), "A") => KeyCode::Up,
            (Some('[' | 'O'), "B") => KeyCode::Down,
            (Some('[' | 'O'), "C") => KeyCode::Right,
            (Some('[' | 'O'), "D") => KeyCode::Left,
            (Some('[' | 'O'), "H") | (Some('['), "1~" | "7~") => KeyCode::Home,
            (Some('[' | 'O'), "F") | (Some('['), "4~" | "8~") => KeyCode::End,
            (Some('['), "3~") => KeyCode::Delete,
            (Some('['), "5~") => KeyCode::PageUp,
            (Some('['), "6~") => KeyCode::PageDown,
            (Some('['), "Z") => KeyCode::BackTab,
            (Some('O'), "P") | (Some('['), "11~" | "[A") => KeyCode::F(1),
            (Some('['), parameters)
                if parameters.len() < 8
                    && parameters.chars().all(|c| c.is_ascii_digit() || c == ';') =>
            {
                return So::Incomplete;
            }
            _ => return So::Nothing,
        };
        So::Key(code)
    }
}

#[cfg(test)]
mod tests {
    use super::Assembler;
    use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

    fn key(code: KeyCode) -> Event {
        Event::Key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn taken(assembler: &mut Assembler, text: &str) -> Vec<Event> {
        let code = |c| match c {
            '\x1b' => KeyCode::Esc,
            '\n' => KeyCode::Enter,
            c => KeyCode::Char(c),
        };
        text.chars()
            .flat_map(|c| assembler.take(key(code(c))))
            .collect()
    }

    #[test]
    fn a_sequence_in_pieces_is_one_key_and_esc_alone_is_esc() {
        let cases = [
            ("\x1b[A", KeyCode::Up),
            ("\x1bOF", KeyCode::End),
            ("\x1b[5~", KeyCode::PageUp),
            ("\x1b[11~", KeyCode::F(1)),
            ("\x1b[[A", KeyCode::F(1)),
        ];
        for (pieces, code) in cases {
            let mut assembler = Assembler::default();
            assert_eq!(taken(&mut assembler, pieces), [key(code)], "{pieces:?}");
            assert!(!assembler.is_holding());
        }
        let mut assembler = Assembler::default();
        assert_eq!(taken(&mut assembler, "\x1b"), []);
        assert!(assembler.is_holding());
        assert_eq!(assembler.rest(), [key(KeyCode::Esc)]);
        assert_eq!(
            taken(&mut assembler, "\x1bq"),
            [key(KeyCode::Esc), key(KeyCode::Char('q'))]
        );
        assert_eq!(
            taken(&mut assembler, "q["),
            [key(KeyCode::Char('q')), key(KeyCode::Char('['))]
        );
    }

    #[test]
    fn a_paste_in_pieces_is_one_paste_and_its_line_end_is_no_enter() {
        for end in ["", "\x1b[201~"] {
            let mut assembler = Assembler::default();
            let text = format!("\x1b[200~mail\n{end}");
            assert_eq!(taken(&mut assembler, &text), []);
            assert!(!format!("{assembler:?}").contains("mail"));
            assert_eq!(assembler.rest(), [Event::Paste("mail\n".to_owned())]);
            assert!(!assembler.is_holding());
        }
    }

    #[test]
    fn what_is_no_key_overtakes_nothing() {
        let mut assembler = Assembler::default();
        taken(&mut assembler, "\x1b");
        let resize = Event::Resize(80, 24);
        assert_eq!(assembler.take(resize.clone()), [key(KeyCode::Esc), resize]);
    }
}
