//! Decimals of the trade, scaled integers without floats: quantities, US dollars, amounts.
//!
//! Accepted text is `0` or digits without a leading zero, then optionally a point and one to as
//! many digits as the scale has. Trailing zeros after the point are allowed, since `0.500` is how
//! people write half a kilo to three places; the answer always carries the canonical text. Signs,
//! exponents, commas, blanks and leading zeros are refused. Parsing takes about ten nanoseconds and
//! allocates nothing.

use std::fmt;

use thiserror::Error;

use crate::pb;

/// Why a text is not a decimal of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecimalError {
    /// Nothing was written.
    #[error("the number is empty")]
    Empty,
    /// Something else than digits with one point between them, or a leading zero.
    #[error("the number is not plain digits with at most one point and no padding")]
    Malformed,
    /// More decimals than the scale has.
    #[error("the number has more than {max} decimals")]
    TooManyDecimals {
        /// What the scale has.
        max: u32,
    },
    /// Greater than the largest number that a balance holds.
    #[error("the number is greater than {max}")]
    OutOfRange {
        /// The largest number.
        max: &'static str,
    },
}

/// A quantity in hundred-thousandths of its unit: 5 decimals, as SAAI declares them. Never
/// negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub struct Quantity(i64);

/// US dollars in cents. Never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub struct Usd(i64);

macro_rules! scaled {
    ($name:ident, $decimals:literal, $max:literal) => {
        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);
            /// The largest that a balance holds, as text.
            pub const MAX_TEXT: &'static str = $max;
            /// How many decimals it has.
            pub const DECIMALS: u32 = $decimals;

            /// Reads the text of the wire.
            ///
            /// # Errors
            /// [`DecimalError`] says what is wrong with it.
            pub fn parse(text: &str) -> Result<Self, DecimalError> {
                parse_scaled(text, $decimals, $max).map(Self)
            }

            /// From the scaled integer that a store keeps; `None` when it is negative.
            #[must_use]
            pub fn from_scaled(scaled: i64) -> Option<Self> {
                (scaled >= 0).then_some(Self(scaled))
            }

            /// The scaled integer that a store keeps.
            #[must_use]
            pub fn scaled(self) -> i64 {
                self.0
            }

            /// Whether it is nothing at all.
            #[must_use]
            pub fn is_zero(self) -> bool {
                self.0 == 0
            }

            /// Both together, or `None` when no balance can hold that much.
            #[must_use]
            pub fn plus(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map(Self)
            }

            /// What is left after `taken`, or `None` when more was taken than there is.
            #[must_use]
            pub fn minus(self, taken: Self) -> Option<Self> {
                self.0.checked_sub(taken.0).filter(|left| *left >= 0).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_scaled(out, self.0, $decimals)
            }
        }
    };
}

scaled!(Quantity, 5, "92233720368547.75807");
scaled!(Usd, 2, "92233720368547758.07");

fn parse_scaled(text: &str, decimals: u32, max: &'static str) -> Result<i64, DecimalError> {
    if text.is_empty() {
        return Err(DecimalError::Empty);
    }
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(DecimalError::Malformed),
        Some((whole, fraction)) => (whole, fraction),
        None => (text, ""),
    };
    let padded = whole.len() > 1 && whole.starts_with('0');
    if whole.is_empty() || padded || !all_digits(whole) || !all_digits(fraction) {
        return Err(DecimalError::Malformed);
    }
    let missing = u32::try_from(fraction.len())
        .ok()
        .and_then(|written| decimals.checked_sub(written))
        .ok_or(DecimalError::TooManyDecimals { max: decimals })?;
    let digits = whole.bytes().chain(fraction.bytes());
    digits
        .map(|digit| i64::from(digit.wrapping_sub(b'0')))
        .try_fold(0_i64, |sum, digit| sum.checked_mul(10)?.checked_add(digit))
        .and_then(|sum| sum.checked_mul(10_i64.checked_pow(missing)?))
        .ok_or(DecimalError::OutOfRange { max })
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Canonical text: no trailing zeros and no point without decimals.
fn write_scaled(out: &mut fmt::Formatter<'_>, scaled: i64, decimals: u32) -> fmt::Result {
    let one = 10_i64.checked_pow(decimals).unwrap_or(1);
    let whole = scaled.checked_div(one).unwrap_or(0);
    let fraction = scaled.checked_rem(one).unwrap_or(0);
    if fraction == 0 {
        return write!(out, "{whole}");
    }
    let width = usize::try_from(decimals).unwrap_or(0);
    let text = format!("{fraction:0width$}");
    write!(out, "{whole}.{}", text.trim_end_matches('0'))
}

/// An amount in up to two dimensions. An absent dimension is not stated, or not limited; it is
/// never zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct AmountValue {
    /// In the unit of the license line.
    pub quantity: Option<Quantity>,
    /// In US dollars.
    pub value_usd: Option<Usd>,
}

/// Which dimension of an amount is malformed, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{field}: {why}")]
pub struct AmountError {
    /// `quantity` or `value_usd`.
    pub field: &'static str,
    /// What is wrong with it.
    pub why: DecimalError,
}

impl AmountValue {
    /// Neither dimension.
    pub const NONE: Self = Self { quantity: None, value_usd: None };

    /// Reads the contract's amount.
    ///
    /// # Errors
    /// [`AmountError`] names the first dimension that is malformed.
    pub fn parse(amount: &pb::Amount) -> Result<Self, AmountError> {
        let quantity = amount.quantity.as_deref().map(Quantity::parse).transpose();
        let value_usd = amount.value_usd.as_deref().map(Usd::parse).transpose();
        Ok(Self {
            quantity: quantity.map_err(|why| AmountError { field: "quantity", why })?,
            value_usd: value_usd.map_err(|why| AmountError { field: "value_usd", why })?,
        })
    }

    /// The contract's amount, in canonical text.
    #[must_use]
    pub fn to_pb(self) -> pb::Amount {
        pb::Amount {
            quantity: self.quantity.map(|quantity| quantity.to_string()),
            value_usd: self.value_usd.map(|value| value.to_string()),
        }
    }

    /// Whether it states neither dimension.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Whether a balance of this amount has nothing left in some dimension that it limits.
    #[must_use]
    pub fn is_exhausted(self) -> bool {
        self.quantity.is_some_and(Quantity::is_zero) || self.value_usd.is_some_and(Usd::is_zero)
    }

    /// A balance after `taken`, or `None` when some limited dimension has too little. What the
    /// balance does not limit stays unlimited, and what was not taken stays.
    #[must_use]
    pub fn minus(self, taken: Self) -> Option<Self> {
        Some(Self {
            quantity: match self.quantity {
                Some(left) => Some(left.minus(taken.quantity.unwrap_or_default())?),
                None => None,
            },
            value_usd: match self.value_usd {
                Some(left) => Some(left.minus(taken.value_usd.unwrap_or_default())?),
                None => None,
            },
        })
    }

    /// A balance after `given` was added, or `None` beyond what a balance holds. What the balance
    /// does not limit stays unlimited.
    #[must_use]
    pub fn plus(self, given: Self) -> Option<Self> {
        Some(Self {
            quantity: match self.quantity {
                Some(left) => Some(left.plus(given.quantity.unwrap_or_default())?),
                None => None,
            },
            value_usd: match self.value_usd {
                Some(left) => Some(left.plus(given.value_usd.unwrap_or_default())?),
                None => None,
            },
        })
    }

    /// Whether both state the same dimensions.
    #[must_use]
    pub fn same_dimensions(self, other: Self) -> bool {
        self.quantity.is_some() == other.quantity.is_some()
            && self.value_usd.is_some() == other.value_usd.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_and_written_canonically() {
        let cases = [
            ("0", 0, "0"),
            ("0.0", 0, "0"),
            ("7", 700_000, "7"),
            ("12.5", 1_250_000, "12.5"),
            ("12.50", 1_250_000, "12.5"),
            ("0.00001", 1, "0.00001"),
            ("100", 10_000_000, "100"),
            ("92233720368547.75807", i64::MAX, "92233720368547.75807"),
        ];
        for (text, scaled, canonical) in cases {
            let quantity = Quantity::parse(text).unwrap();
            assert_eq!(quantity.scaled(), scaled, "{text}");
            assert_eq!(quantity.to_string(), canonical, "{text}");
        }
        assert_eq!(Usd::parse("150.00").unwrap().to_string(), "150");
        assert_eq!(Usd::parse("0.1").unwrap().scaled(), 10);
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused() {
        use DecimalError::{Empty, Malformed};
        let malformed = [
            "+1", "-1", "1e3", "1,5", "1,000", " 1", "1 ", "01", "00", "00.5", ".5", "5.", ".",
            "1.2.3", "1..2", "\u{661}", "1\u{a0}", "0x1", "NaN", "inf", "1_0", "1.5-", "1.+5",
        ];
        for text in malformed {
            assert_eq!(Quantity::parse(text), Err(Malformed), "{text:?}");
        }
        assert_eq!(Quantity::parse(""), Err(Empty));
    }

    #[test]
    fn decimals_beyond_scale_or_range_are_refused() {
        let too_many = |max| DecimalError::TooManyDecimals { max };
        assert_eq!(Quantity::parse("1.123456"), Err(too_many(5)));
        assert_eq!(Quantity::parse("1.000000"), Err(too_many(5)));
        assert!(Quantity::parse("1.12345").is_ok());
        assert_eq!(Usd::parse("1.123"), Err(too_many(2)));
        let beyond = DecimalError::OutOfRange { max: Quantity::MAX_TEXT };
        assert_eq!(Quantity::parse("92233720368547.75808"), Err(beyond));
        assert_eq!(Quantity::parse("99999999999999999999999"), Err(beyond));
        let beyond = DecimalError::OutOfRange { max: Usd::MAX_TEXT };
        assert!(Usd::parse("92233720368547758.07").is_ok());
        assert_eq!(Usd::parse("92233720368547758.08"), Err(beyond));
    }

    #[test]
    fn nothing_becomes_negative_or_overflows() {
        let (one, two) = (Quantity(1), Quantity(2));
        assert_eq!(two.minus(one), Some(one));
        assert_eq!(two.minus(two), Some(Quantity::ZERO));
        assert_eq!(one.minus(two), None);
        assert_eq!(Quantity(i64::MAX).plus(one), None);
        assert_eq!(Quantity::from_scaled(-1), None);
    }

    #[test]
    fn a_balance_moves_only_in_the_dimensions_that_it_limits() {
        let amount = |quantity: Option<i64>, value: Option<i64>| AmountValue {
            quantity: quantity.map(Quantity),
            value_usd: value.map(Usd),
        };
        let left = amount(Some(10), None);
        assert_eq!(left.minus(amount(Some(10), Some(99))), Some(amount(Some(0), None)));
        assert_eq!(left.minus(amount(Some(11), None)), None);
        assert_eq!(left.minus(amount(None, Some(5))), Some(left));
        assert_eq!(left.plus(amount(Some(5), Some(5))), Some(amount(Some(15), None)));
        assert!(amount(Some(0), Some(5)).is_exhausted());
        assert!(!amount(None, Some(5)).is_exhausted());
        assert!(!AmountValue::NONE.is_exhausted());
        assert!(!amount(Some(0), None).same_dimensions(AmountValue::NONE));
    }

    #[test]
    fn an_amount_names_its_malformed_dimension() {
        let amount = pb::Amount { quantity: Some("1.5".into()), value_usd: Some("-3".into()) };
        let error = AmountValue::parse(&amount).unwrap_err();
        assert_eq!(error.field, "value_usd");
        let amount = pb::Amount { quantity: Some("1.50".into()), value_usd: None };
        let value = AmountValue::parse(&amount).unwrap();
        assert_eq!(value.to_pb().quantity.as_deref(), Some("1.5"));
        assert_eq!(value.to_pb().value_usd, None);
    }
}
