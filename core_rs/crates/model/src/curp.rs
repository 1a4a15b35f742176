//! A person's key in the population register, CURP: its structure and its check digit.
//!
//! The check digit only warns, as with the RFC: even published examples fail it.

use std::fmt;

use thiserror::Error;

use crate::rfc::six_digit_date;

/// Letters and digits in the order of their value in the check digit.
const VALUES: &str = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ";

/// Why a text is no CURP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CurpError {
    /// Its 18 places do not have the kinds of characters that they must have.
    #[error("the CURP does not have the structure of 18 places")]
    Structure,
    /// Its six digits are no date.
    #[error("the date inside the CURP does not exist")]
    Date,
}

/// A CURP, 18 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Curp(Box<str>);

impl Curp {
    /// Reads a CURP, in capitals.
    ///
    /// # Errors
    /// [`CurpError`] when its structure or its date is wrong.
    pub fn parse(text: &str) -> Result<Self, CurpError> {
        let characters: Vec<char> = text.chars().collect();
        let fits = characters.len() == 18
            && characters.iter().enumerate().all(|(place, character)| fits(place, *character));
        if !fits {
            return Err(CurpError::Structure);
        }
        let date: String = characters.iter().skip(4).take(6).collect();
        // The seventeenth place tells the century: a digit until 1999, a letter from 2000.
        let century = match characters.get(16) {
            Some(differentiator) if differentiator.is_ascii_digit() => 1900,
            _ => 2000,
        };
        six_digit_date(&date, century).map(|_| Self(text.into())).ok_or(CurpError::Date)
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether its last digit is the one that its others give.
    #[must_use]
    pub fn has_right_check_digit(&self) -> bool {
        let mut body: Vec<char> = self.0.chars().collect();
        let stated = body.pop().and_then(|digit| digit.to_digit(10));
        let sum =
            body.into_iter().zip((2..=18_u32).rev()).try_fold(0_u32, |sum, (character, weight)| {
                let value = VALUES.chars().position(|known| known == character)?;
                sum.checked_add(u32::try_from(value).ok()?.checked_mul(weight)?)
            });
        let digit = sum.map(|sum| 10_u32.saturating_sub(sum % 10) % 10);
        digit.is_some() && digit == stated
    }
}

impl fmt::Display for Curp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Whether a character may stand at a place, counted from zero.
fn fits(place: usize, character: char) -> bool {
    let letter = character.is_ascii_uppercase() || character == 'Ñ';
    match place {
        0..=3 => letter,
        4..=9 | 17 => character.is_ascii_digit(),
        10 => matches!(character, 'H' | 'M' | 'X'),
        11 | 12 => character.is_ascii_uppercase(),
        13..=15 => letter && !matches!(character, 'A' | 'E' | 'I' | 'O' | 'U'),
        _ => character.is_ascii_uppercase() || character.is_ascii_digit(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structure_and_check_digit_are_two_things() {
        let right = Curp::parse("CACX760510MGTSHC04").unwrap();
        assert!(right.has_right_check_digit());
        for text in ["HEGT761003MDFRNN09", "CACX760510MGTSHC05"] {
            assert!(!Curp::parse(text).unwrap().has_right_check_digit(), "{text}");
        }
    }

    #[test]
    fn each_place_has_its_kind() {
        for text in [
            "",
            "CACX760510MGTSHC0",
            "CACX760510MGTSHC044",
            "cacx760510MGTSHC04",
            "CAC1760510MGTSHC04",
            "CACX76O510MGTSHC04",
            "CACX760510ZGTSHC04",
            "CACX760510M1TSHC04",
            "CACX760510MGTAHC04",
            "CACX760510MGTSHC-4",
            "CACX760510MGTSHC0A",
            "CACX760510MGTSHC 4",
        ] {
            assert_eq!(Curp::parse(text), Err(CurpError::Structure), "{text:?}");
        }
    }

    #[test]
    fn the_differentiator_tells_the_century_of_the_date() {
        assert_eq!(Curp::parse("CACX761310MGTSHC04"), Err(CurpError::Date));
        // 29 February 1900 never was; 29 February 2000 was.
        assert_eq!(Curp::parse("CACX000229MGTSHC04"), Err(CurpError::Date));
        assert!(Curp::parse("CACX000229MGTSHCA4").is_ok());
    }
}
