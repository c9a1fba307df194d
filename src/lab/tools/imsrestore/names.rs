//! Folder names on their way from SIMS to iMS: what is not MUTF-7 becomes blanks.
//!
//! `domain/stores.md` 7; the rule itself is the guide's own, how far a stray `&` reaches is inferred.

use super::super::imsrestore::Encoding;
use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The alphabet of MUTF-7: `,` for `/`, no padding.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Returns the name as the new store takes it.
pub fn convert(name: &[u8], encoding: Encoding) -> String {
    let text = match encoding {
        Encoding::Mutf7 => return blank(name),
        Encoding::Utf8 => match std::str::from_utf8(name) {
            Ok(text) => text.to_owned(),
            Err(_) => return blank(name),
        },
        Encoding::Latin1 => name.iter().copied().map(char::from).collect(),
    };
    if text.is_ascii() && is_mutf7(name) {
        return text;
    }
    utf7_imap::encode_utf7_imap(text)
}

/// Replaces every byte that cannot be in a MUTF-7 name by a blank.
fn blank(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, tail)) = rest.split_first() {
        match first {
            b'&' => match shift_length(rest) {
                Some(length) => {
                    let (shift, after) = rest.split_at(length);
                    text.extend(shift.iter().copied().map(char::from));
                    rest = after;
                    continue;
                }
                None => text.push(' '),
            },
            0x20..=0x7e => text.push(char::from(*first)),
            _ => text.push(' '),
        }
        rest = tail;
    }
    text
}

fn is_mutf7(name: &[u8]) -> bool {
    blank(name).as_bytes() == name
}

/// The length of the shift sequence `&…-` at the beginning of `text`, when it is a legal one.
fn shift_length(text: &[u8]) -> Option<usize> {
    let end = text.iter().position(|b| *b == b'-')?;
    let inner = text.get(1..end)?;
    if inner.is_empty() {
        return Some(end + 1);
    }
    let bytes = ENGINE.decode(inner).ok()?;
    let units: Vec<u16> = bytes
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        })
        .collect::<Option<_>>()?;
    String::from_utf16(&units).ok()?;
    Some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn legal_names_stay_and_others_get_blanks() {
        let cases: [(&[u8], &str); 8] = [
            (b"Mail/flying", "Mail/flying"),
            (b"B&APw-cher", "B&APw-cher"),
            (b"A &- B", "A &- B"),
            (b"B\xfccher", "B cher"),
            (b"B\xc3\xbccher", "B  cher"),
            (b"Q&A", "Q A"),
            (b"x&zzz-", "x zzz-"),
            (b"tab\there", "tab here"),
        ];
        for (name, expected) in cases {
            assert_eq!(convert(name, Encoding::Mutf7), expected);
        }
    }

    #[test]
    fn a_named_encoding_saves_the_letters() {
        assert_eq!(convert(b"B\xfccher", Encoding::Latin1), "B&APw-cher");
        assert_eq!(convert("Bücher".as_bytes(), Encoding::Utf8), "B&APw-cher");
        assert_eq!(convert(b"B&APw-cher", Encoding::Utf8), "B&APw-cher");
        assert_eq!(convert(b"B\xfccher", Encoding::Utf8), "B cher");
    }

    proptest! {
        #[test]
        fn what_comes_out_is_legal_and_stays(name in proptest::collection::vec(any::<u8>(), 0..30)) {
            let once = convert(&name, Encoding::Mutf7);
            prop_assert!(once.bytes().all(|b| (0x20..=0x7e).contains(&b)));
            prop_assert_eq!(convert(once.as_bytes(), Encoding::Mutf7), once);
        }
    }
}
