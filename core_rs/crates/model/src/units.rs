//! Units of Apendice 7, and which of them convert exactly.
//!
//! Only conversions that are exact by definition are made. A pair, a set, a box or a barrel is
//! never guessed at: two quantities in units of different families cannot be compared.

use std::cmp::Ordering;

use crate::decimal::Quantity;

/// Highest key that Apendice 7 may have, as two digits.
pub const UNIT_MAX: u32 = 99;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Family {
    Mass,
    Count,
    Volume,
}

/// The family of a unit and how many of the family's smallest it holds.
fn family(unit: u32) -> Option<(Family, i128)> {
    match unit {
        2 => Some((Family::Mass, 1)),          // gram
        1 => Some((Family::Mass, 1_000)),      // kilogram
        14 => Some((Family::Mass, 1_000_000)), // tonne
        6 => Some((Family::Count, 1)),         // piece
        17 => Some((Family::Count, 10)),       // tens
        19 => Some((Family::Count, 12)),       // dozens
        18 => Some((Family::Count, 100)),      // hundreds
        11 => Some((Family::Count, 1_000)),    // thousand
        8 => Some((Family::Volume, 1)),        // litre
        5 => Some((Family::Volume, 1_000)),    // cubic metre
        _ => None,
    }
}

/// Compares two quantities in their units; `None` when the units do not convert exactly.
#[must_use]
pub fn compare(
    left: Quantity,
    left_unit: u32,
    right: Quantity,
    right_unit: u32,
) -> Option<Ordering> {
    if left_unit == right_unit {
        return Some(left.cmp(&right));
    }
    let ((left_family, left_size), (right_family, right_size)) =
        (family(left_unit)?, family(right_unit)?);
    if left_family != right_family {
        return None;
    }
    // Both products stay far below i128: 2^63 times a million.
    let left = i128::from(left.scaled()).checked_mul(left_size)?;
    let right = i128::from(right.scaled()).checked_mul(right_size)?;
    Some(left.cmp(&right))
}

/// Compares the sum of quantities, each in its unit, with another; `None` when they do not all
/// convert exactly.
#[must_use]
pub fn compare_sum(parts: &[(Quantity, u32)], whole: Quantity, unit: u32) -> Option<Ordering> {
    let scaled = |(quantity, of): &(Quantity, u32)| {
        let size = if *of == unit {
            family(unit).map_or(1, |(_, size)| size)
        } else {
            let ((left, size), (right, _)) = (family(*of)?, family(unit)?);
            if left != right {
                return None;
            }
            size
        };
        i128::from(quantity.scaled()).checked_mul(size)
    };
    let mut sum = 0_i128;
    for part in parts {
        sum = sum.checked_add(scaled(part)?)?;
    }
    Some(sum.cmp(&scaled(&(whole, unit))?))
}

/// Whether quantities in the two units can be compared.
#[must_use]
pub fn convertible(left_unit: u32, right_unit: u32) -> bool {
    compare(Quantity::ZERO, left_unit, Quantity::ZERO, right_unit).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_families_compare_across_units() {
        let quantity = |text| Quantity::parse(text).unwrap();
        let cases = [
            ("1", 1, "1000", 2, Ordering::Equal),
            ("1", 14, "1000", 1, Ordering::Equal),
            ("0.00001", 14, "10", 2, Ordering::Equal),
            ("1", 14, "1000000.00001", 2, Ordering::Less),
            ("1", 11, "1000", 6, Ordering::Equal),
            ("1", 19, "12", 6, Ordering::Equal),
            ("5", 19, "6", 17, Ordering::Equal),
            ("1", 18, "8.33333", 19, Ordering::Greater),
            ("1", 5, "1000", 8, Ordering::Equal),
            ("92233720368547.75807", 14, "92233720368547.75807", 2, Ordering::Greater),
        ];
        for (left, left_unit, right, right_unit, expected) in cases {
            let found = compare(quantity(left), left_unit, quantity(right), right_unit);
            assert_eq!(found, Some(expected), "{left} {left_unit} / {right} {right_unit}");
            let turned = compare(quantity(right), right_unit, quantity(left), left_unit);
            assert_eq!(turned, Some(expected.reverse()));
        }
    }

    #[test]
    fn other_units_compare_only_with_themselves() {
        let other = [3, 4, 7, 9, 10, 12, 13, 15, 16, 20, 21, 22, 99, 0];
        for left in 0..=UNIT_MAX {
            for right in other {
                assert_eq!(convertible(left, right), left == right, "{left} {right}");
            }
        }
        assert!(!convertible(1, 6) && !convertible(8, 2) && !convertible(5, 11));
    }
}
