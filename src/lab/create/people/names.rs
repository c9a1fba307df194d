//! What people are called, and what their uids become of it.

use crate::lab::create::dice::Dice;
use std::collections::BTreeSet;

/// Draws names: every family name once, so that the uids begin with all letters.
pub(super) fn names(dice: &mut Dice) -> Vec<(&'static str, &'static str)> {
    let mut families = FAMILIES.to_vec();
    dice.shuffle(&mut families);
    let mut names: Vec<_> = families
        .into_iter()
        .map(|family| (dice.word(GIVEN), family))
        .collect();
    dice.shuffle(&mut names);
    names
}

/// Makes a uid that nobody has, as sites make them of names.
pub(super) fn uid(
    dice: &mut Dice,
    given: &str,
    family: &str,
    taken: &mut BTreeSet<String>,
) -> String {
    let given = ascii(given).to_lowercase();
    let family: String = ascii(family)
        .to_lowercase()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let initial: String = given.chars().take(1).collect();
    let stem = match dice.below(10) {
        0..5 => format!("{initial}{family}"),
        5..8 => family,
        8 => format!("{given}.{family}"),
        _ => format!("{given}_{}", family.chars().take(1).collect::<String>()),
    };
    let mut uid = stem.clone();
    let mut number = 1;
    while !taken.insert(uid.clone()) {
        number += 1;
        uid = format!("{stem}{number}");
    }
    uid
}

/// Writes the few letters of our names that are not ASCII as their own keyboards would.
pub(super) fn ascii(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            'é' | 'è' => 'e',
            'ö' | 'ø' => 'o',
            'ü' => 'u',
            'ä' | 'å' | 'á' => 'a',
            'ñ' => 'n',
            'ç' => 'c',
            c if c.is_ascii_alphanumeric() || c == '.' => c,
            _ => '-',
        })
        .collect()
}

const GIVEN: &[&str] = &[
    "Abel", "Agnes", "Amir", "Beate", "Boris", "Carla", "Chen", "Dana", "Diego", "Edith", "Emil",
    "Fatima", "Felix", "Greta", "Hugo", "Ida", "Ivan", "Jean", "Joan", "Kim", "Lars", "Lena",
    "Marta", "Miguel", "Nadia", "Noel", "Olga", "Oscar", "Paula", "Pierre", "Quinn", "Rosa",
    "René", "Sofia", "Sören", "Tara", "Tom", "Uma", "Vera", "Walter", "Wen", "Yara", "Yuri", "Zoe",
];

const FAMILIES: &[&str] = &[
    "Abbott",
    "Adler",
    "Alvarez",
    "Amato",
    "Arnold",
    "Baker",
    "Bergström",
    "Brandt",
    "Castro",
    "Chu",
    "Cohen",
    "Dalton",
    "Delacroix",
    "Dvorak",
    "Eklund",
    "Ellis",
    "Evans",
    "Farrell",
    "Fischer",
    "Fontaine",
    "Garcia",
    "Gill",
    "Grant",
    "Haas",
    "Hansen",
    "Huang",
    "Ibsen",
    "Ingram",
    "Ivanov",
    "Jansen",
    "Jones",
    "Kaur",
    "Keller",
    "Kim",
    "Lambert",
    "Lopez",
    "Lund",
    "Mack",
    "Mehta",
    "Müller",
    "Nagy",
    "Nielsen",
    "Novak",
    "Núñez",
    "O'Hara",
    "Olsen",
    "Ortiz",
    "Park",
    "Perez",
    "Petrov",
    "Quade",
    "Quincy",
    "Rao",
    "Reyes",
    "Rossi",
    "Sato",
    "Schmidt",
    "Silva",
    "Stone",
    "Tanaka",
    "Tran",
    "Turner",
    "Ueda",
    "Ulrich",
    "Underhill",
    "Varga",
    "Vogel",
    "Voss",
    "Wagner",
    "Weiss",
    "Wong",
    "Xavier",
    "Xu",
    "Yamada",
    "Yates",
    "Young",
    "Zapata",
    "Zeller",
    "Zimmer",
];
