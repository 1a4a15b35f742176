//! The taxpayer's key, RFC: its structure and its check digit.
//!
//! Structure and embedded date decide whether it is an RFC at all. The check digit only warns,
//! since about one real RFC in a hundred fails it.

use std::fmt;

use jiff::civil::Date;
use thiserror::Error;

/// RFCs that stand for the public in general and for a foreigner; they have no check digit.
const GENERIC: [&str; 2] = ["XAXX010101000", "XEXX010101000"];

/// Letters and digits in the order of their value in the check digit.
const VALUES: &str = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ";

/// Why a text is no RFC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RfcError {
    /// Not 3 or 4 letters, 6 digits and 3 more.
    #[error("the RFC does not have 3 or 4 letters, 6 digits and a homoclave of 3")]
    Structure,
    /// Its six digits are no date.
    #[error("the date inside the RFC does not exist")]
    Date,
}

/// An RFC of a company (12 characters) or of a person (13).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rfc(Box<str>);

impl Rfc {
    /// Reads an RFC, in capitals and without separators.
    ///
    /// # Errors
    /// [`RfcError`] when its structure or its date is wrong.
    pub fn parse(text: &str) -> Result<Self, RfcError> {
        // `Ñ` takes two bytes, so places are counted in characters.
        let letters_end = text.char_indices().find(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at);
        let (letters, rest) =
            letters_end.and_then(|at| text.split_at_checked(at)).ok_or(RfcError::Structure)?;
        let letters_fit = matches!(letters.chars().count(), 3 | 4)
            && letters.chars().all(|c| c.is_ascii_uppercase() || matches!(c, 'Ñ' | '&'));
        let (date, homoclave) = rest.split_at_checked(6).ok_or(RfcError::Structure)?;
        if !letters_fit || !homoclave_fits(homoclave) || !date.bytes().all(|b| b.is_ascii_digit()) {
            return Err(RfcError::Structure);
        }
        // The century is not written: 29 February needs a leap year in either.
        [1900, 2000]
            .iter()
            .find_map(|century| six_digit_date(date, *century))
            .map(|_| Self(text.into()))
            .ok_or(RfcError::Date)
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether its last character is the one that its others give; always for a generic RFC.
    #[must_use]
    pub fn has_right_check_digit(&self) -> bool {
        if GENERIC.contains(&self.as_str()) {
            return true;
        }
        let mut body: Vec<char> = self.0.chars().collect();
        let stated = body.pop();
        // A company's is counted as if a blank stood before it.
        let blank = (body.len() == 11).then_some(' ');
        let sum = blank.into_iter().chain(body).zip((2..=13_usize).rev()).try_fold(
            0_usize,
            |sum, (character, weight)| {
                let value = VALUES.chars().position(|known| known == character)?;
                sum.checked_add(value.checked_mul(weight)?)
            },
        );
        let digit = sum.map(|sum| match sum % 11 {
            0 => '0',
            1 => 'A',
            rest => char::from_digit(11_u32.saturating_sub(u32::try_from(rest).unwrap_or(0)), 10)
                .unwrap_or('?'),
        });
        digit.is_some() && digit == stated
    }
}

impl fmt::Display for Rfc {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

fn homoclave_fits(text: &str) -> bool {
    match text.as_bytes() {
        [first, second, digit] => {
            [first, second].iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
                && (digit.is_ascii_digit() || *digit == b'A')
        }
        _ => false,
    }
}

/// The day that `AAMMDD` names in a century, if there is one.
pub(crate) fn six_digit_date(text: &str, century: i16) -> Option<Date> {
    let year: i16 = text.get(0..2)?.parse().ok()?;
    let month = text.get(2..4)?.parse().ok()?;
    let day = text.get(4..6)?.parse().ok()?;
    Date::new(century.checked_add(year)?, month, day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn companies_and_people_are_told_by_structure() {
        for text in [
            "EKU9003173C9",
            "SAT970701NN3",
            "JES900109Q90",
            "CACX7605101P8",
            "AAA010101AAA",
            "H&E951128469",
            "ÑAÑ010101AA1",
            "ÑAÑE000229AA1",
            "XAXX010101000",
        ] {
            assert_eq!(Rfc::parse(text).map(|rfc| rfc.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn another_structure_is_refused() {
        for text in [
            "",
            "EKU",
            "EKU9003173C",
            "EKU9003173C99",
            "EKUXX9003173C9",
            "EK9003173C9",
            "eku9003173c9",
            "EKU900317 C9",
            "EKU-900317-3C9",
            "EKU9003173CB",
            "ekU9003173C9",
            "EKU90031Ñ3C9",
            "EKU9003173ÑÑ",
            "9003173C9EKU",
            "EKU9003173C9 ",
            "ÁKU9003173C9",
        ] {
            assert_eq!(Rfc::parse(text), Err(RfcError::Structure), "{text:?}");
        }
    }

    #[test]
    fn the_date_inside_must_exist_in_some_century() {
        for text in ["EKU9013173C9", "EKU9002303C9", "EKU9000103C9", "EKU9004003C9", "EKU010229AA1"]
        {
            assert_eq!(Rfc::parse(text), Err(RfcError::Date), "{text}");
        }
        // 1900 had no 29 February, 2000 had one.
        assert!(Rfc::parse("EKU000229AA1").is_ok());
    }

    #[test]
    fn the_check_digit_is_told_apart() {
        let right =
            ["EKU9003173C9", "SAT970701NN3", "CACX7605101P8", "JES900109Q90", "H&E951128469"];
        for text in right {
            assert!(Rfc::parse(text).unwrap().has_right_check_digit(), "{text}");
        }
        let wrong = ["AAA010101AAA", "EKU9003173C8", "SAT970701NN4", "CACX7605101P9"];
        for text in wrong {
            assert!(!Rfc::parse(text).unwrap().has_right_check_digit(), "{text}");
        }
        for text in GENERIC {
            assert!(Rfc::parse(text).unwrap().has_right_check_digit(), "{text}");
        }
    }

    #[test]
    fn enye_and_ampersand_have_a_value_of_their_own() {
        let right_digits = |body: &str| {
            "0123456789A"
                .chars()
                .filter(|digit| {
                    Rfc::parse(&format!("{body}{digit}")).unwrap().has_right_check_digit()
                })
                .collect::<String>()
        };
        // S = 997 leaves 7 of 11, and S = 1165 leaves 10.
        assert_eq!(right_digits("&AA01010100"), "4");
        assert_eq!(right_digits("ÑAA01010100"), "1");
    }
}
