//! Days as Mexican law counts them, and the instants that they are taken from.
//!
//! Every date of the contract is a civil date in Mexico City, and a last day lasts until 23:59:59
//! of it: an instant belongs to exactly one day, so days are compared and never hours.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use thiserror::Error;

/// The zone of notices and of validity; its data is compiled in, so that no machine's differ.
static MEXICO_CITY: TimeZone = jiff::tz::get!("America/Mexico_City");

/// First year that a date may name; nothing older is in use.
pub const YEAR_MIN: i16 = 1990;
/// Last year that a date may name; what lies beyond is a slip of the pen.
pub const YEAR_MAX: i16 = 2100;

/// Why a text is not a date of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DateError {
    /// Not `YYYY-MM-DD`, or no such day.
    #[error("the date is not an existing day written as YYYY-MM-DD")]
    Malformed,
    /// Before 1990 or after 2100.
    #[error("the date is outside the years {YEAR_MIN} to {YEAR_MAX}")]
    Implausible,
}

/// A day in Mexico City.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// Before every date; the beginning of what has no beginning.
    pub const MIN: Self = Self(Date::MIN);
    /// After every date; the end of what has no end.
    pub const MAX: Self = Self(Date::MAX);

    /// Reads `YYYY-MM-DD`.
    ///
    /// # Errors
    /// [`DateError`] when it is written otherwise, does not exist, or is implausible.
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let date = read(text).ok_or(DateError::Malformed)?;
        if (YEAR_MIN..=YEAR_MAX).contains(&date.year()) {
            Ok(Self(date))
        } else {
            Err(DateError::Implausible)
        }
    }

    /// The day in Mexico City that an instant belongs to.
    #[must_use]
    pub fn of(instant: Timestamp) -> Self {
        Self(MEXICO_CITY.to_datetime(instant).date())
    }

    /// Year, month and day of the month.
    #[must_use]
    pub fn parts(self) -> (i16, i8, i8) {
        (self.0.year(), self.0.month(), self.0.day())
    }

    /// Whether its year is one that a date may name.
    #[must_use]
    pub fn is_plausible(self) -> bool {
        (YEAR_MIN..=YEAR_MAX).contains(&self.0.year())
    }

    /// The day so many days before; the first of all days when there is none.
    #[must_use]
    pub fn minus_days(self, days: u32) -> Self {
        let span = Span::new().try_days(days);
        Self(span.and_then(|span| self.0.checked_sub(span)).unwrap_or(Date::MIN))
    }

    /// The day so many days after; the last of all days when there is none.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        let span = Span::new().try_days(days);
        Self(span.and_then(|span| self.0.checked_add(span)).unwrap_or(Date::MAX))
    }

    /// The instant at which it is over in Mexico City; `None` beyond what can be counted.
    #[must_use]
    pub fn end(self) -> Option<Timestamp> {
        let next = self.0.tomorrow().ok()?;
        Some(next.to_zoned(MEXICO_CITY.clone()).ok()?.timestamp())
    }

    /// How many days lie from this day to `later`; negative when it is earlier.
    #[must_use]
    pub fn days_until(self, later: Self) -> i64 {
        self.0.until(later.0).map_or(0, |span| i64::from(span.get_days()))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

fn read(text: &str) -> Option<Date> {
    let bytes: &[u8; 10] = text.as_bytes().try_into().ok()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = bytes else { return None };
    let year = number(&[*y1, *y2, *y3, *y4])?;
    let month = i8::try_from(number(&[*m1, *m2])?).ok()?;
    let day = i8::try_from(number(&[*d1, *d2])?).ok()?;
    Date::new(year, month, day).ok()
}

fn number(digits: &[u8]) -> Option<i16> {
    digits.iter().try_fold(0_i16, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| byte.wrapping_sub(b'0'))?;
        sum.checked_mul(10)?.checked_add(i16::from(digit))
    })
}

/// The instant of the contract's timestamp; `None` when its nanoseconds or its year are impossible.
#[must_use]
pub fn instant_of(timestamp: &prost_types::Timestamp) -> Option<Timestamp> {
    // The library would take negative nanoseconds, which protobuf forbids.
    if !(0..=999_999_999).contains(&timestamp.nanos) {
        return None;
    }
    Timestamp::new(timestamp.seconds, timestamp.nanos).ok()
}

/// The contract's timestamp of an instant.
#[must_use]
pub fn timestamp_of(instant: Timestamp) -> prost_types::Timestamp {
    let nanos = instant.subsec_nanosecond();
    // Before 1970 the parts may be negative; protobuf counts nanoseconds forward always.
    if nanos < 0 {
        return prost_types::Timestamp {
            seconds: instant.as_second().saturating_sub(1),
            nanos: nanos.saturating_add(1_000_000_000),
        };
    }
    prost_types::Timestamp { seconds: instant.as_second(), nanos }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_strictly() {
        for text in ["1990-01-01", "2024-02-29", "2100-12-31"] {
            assert_eq!(Day::parse(text).unwrap().to_string(), text);
        }
        let malformed = [
            "",
            "2026-2-3",
            "2026-02-30",
            "2025-02-29",
            "20260203",
            "2026/02/03",
            "2026-02-03 ",
            "2026-13-01",
            "2026-00-10",
            "2026-01-00",
            "26-01-01",
            "2026-01-0\u{661}",
            "+026-01-01",
        ];
        for text in malformed {
            assert_eq!(Day::parse(text), Err(DateError::Malformed), "{text:?}");
        }
        for text in ["1989-12-31", "2101-01-01", "0001-01-01"] {
            assert_eq!(Day::parse(text), Err(DateError::Implausible), "{text:?}");
        }
    }

    #[test]
    fn a_day_ends_at_midnight_in_mexico_city() {
        let cases = [
            // No summer time since October 2022: always six hours behind.
            ("2026-04-01T05:59:59.999999999Z", "2026-03-31"),
            ("2026-04-01T06:00:00Z", "2026-04-01"),
            ("2026-07-01T05:59:59Z", "2026-06-30"),
            ("2026-07-01T06:00:00Z", "2026-07-01"),
            // In the summer of 2022 it was five.
            ("2022-07-01T04:59:59Z", "2022-06-30"),
            ("2022-07-01T05:00:00Z", "2022-07-01"),
        ];
        for (instant, day) in cases {
            assert_eq!(Day::of(instant.parse().unwrap()).to_string(), day, "{instant}");
        }
    }

    #[test]
    fn a_day_is_over_when_the_next_one_begins() {
        let end = Day::parse("2026-03-31").unwrap().end().unwrap();
        assert_eq!(end, "2026-04-01T06:00:00Z".parse().unwrap());
        assert_eq!(Day::MAX.end(), None);
    }

    #[test]
    fn days_are_counted_over_years() {
        let day = |text| Day::parse(text).unwrap();
        assert_eq!(day("2026-01-01").days_until(day("2030-12-31")), 1825);
        assert_eq!(day("2026-01-02").days_until(day("2026-01-01")), -1);
        assert_eq!(day("2024-03-01").minus_days(1), day("2024-02-29"));
        assert_eq!(day("2024-03-01").minus_days(0), day("2024-03-01"));
        assert_eq!(day("2024-03-01").minus_days(u32::MAX), Day::MIN);
    }

    #[test]
    fn timestamps_turn_into_instants_and_back() {
        for text in ["2026-03-31T18:00:00.000000001Z", "1969-12-31T23:59:58.25Z"] {
            let instant: Timestamp = text.parse().unwrap();
            let timestamp = timestamp_of(instant);
            assert!((0..1_000_000_000).contains(&timestamp.nanos));
            assert_eq!(instant_of(&timestamp), Some(instant));
        }
        let of = |seconds, nanos| instant_of(&prost_types::Timestamp { seconds, nanos });
        assert_eq!(of(0, -1), None);
        assert_eq!(of(0, 1_000_000_000), None);
        assert_eq!(of(i64::MAX, 0), None);
    }
}
