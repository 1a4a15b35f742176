//! What a text may hold, and how the number of a license is looked up.
//!
//! Signed and compared text must look to people as it looks to machines: no `|`, which separates
//! fields in SAAI files and in canonical strings, nothing invisible, and one spelling per accent.

use thiserror::Error;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TextError {
    /// `|`, a control or an invisible character, or not in Unicode NFC.
    #[error("the text has `|`, a control or invisible character, or is not in NFC")]
    Forbidden,
    /// More characters than the field takes.
    #[error("the text is longer than {max} characters")]
    TooLong {
        /// What the field takes.
        max: usize,
    },
}

/// Checks a text against the characters allowed and a length in characters.
///
/// # Errors
/// [`TextError`] says which of the two it breaks; a length first.
pub fn check(text: &str, max: usize) -> Result<(), TextError> {
    // Characters are never more than bytes, so most texts are not counted.
    if text.len() > max && text.chars().count() > max {
        return Err(TextError::TooLong { max });
    }
    let clean = match text.is_ascii() {
        true => text.bytes().all(|byte| byte != b'|' && !byte.is_ascii_control()),
        false => text.chars().all(is_allowed) && is_nfc(text),
    };
    if clean { Ok(()) } else { Err(TextError::Forbidden) }
}

/// Joiners, marks of direction and the byte order mark are not controls to Unicode, but they let
/// two numbers that look the same differ.
fn is_allowed(character: char) -> bool {
    let invisible = matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    character != '|' && !character.is_control() && !invisible
}

/// Whether people see a character for what it is: not an invisible one, and not an accent on its
/// own, which would join the character before it.
#[must_use]
pub fn is_visible(character: char) -> bool {
    character == '|' || (is_allowed(character) && !is_combining(character))
}

/// The number of a license as it is looked up: without any blanks, in capitals.
#[must_use]
pub fn lookup_number(permit_number: &str) -> String {
    permit_number.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect()
}

/// A name as it is compared: capitals without accents, single blanks. Only warnings rest on it.
#[must_use]
pub fn comparable_name(name: &str) -> String {
    let plain: String =
        name.nfd().filter(|c| !is_combining(*c)).flat_map(char::to_uppercase).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_combining(character: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&character)
}

/// The first `max` characters.
#[must_use]
pub fn shortened(text: &str, max: usize) -> &str {
    let end = text.char_indices().nth(max).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(check(&"ñ".repeat(50), 50), Ok(()));
        assert_eq!(check(&"ñ".repeat(51), 50), Err(TextError::TooLong { max: 50 }));
        assert_eq!(check(&"n".repeat(50), 50), Ok(()));
        assert_eq!(check(&"n".repeat(51), 50), Err(TextError::TooLong { max: 50 }));
    }

    #[test]
    fn what_could_mislead_is_forbidden() {
        for text in ["Muñoz & Cía", "SE-0001/26", "日本", "a b"] {
            assert_eq!(check(text, 50), Ok(()), "{text:?}");
        }
        let forbidden = [
            "a|b",
            "a\nb",
            "a\tb",
            "a\u{0}",
            "a\u{7f}",
            "a\u{85}",
            "n\u{303}",
            "a\u{200b}b",
            "\u{feff}a",
            "a\u{202e}b",
            "ñ|",
        ];
        for text in forbidden {
            assert_eq!(check(text, 50), Err(TextError::Forbidden), "{text:?}");
        }
    }

    #[test]
    fn a_number_is_looked_up_without_blanks_and_in_capitals() {
        assert_eq!(lookup_number(" se-00 01\u{a0}ñ\u{2003}"), "SE-0001Ñ");
        assert_eq!(lookup_number("SE-0001Ñ"), "SE-0001Ñ");
    }

    #[test]
    fn names_are_compared_without_accents() {
        assert_eq!(comparable_name("  María  Núñez "), "MARIA NUNEZ");
        assert_eq!(shortened("ñandú", 3), "ñan");
        assert_eq!(shortened("ñandú", 9), "ñandú");
    }
}
