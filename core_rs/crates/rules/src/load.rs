//! What is wrong with a file of rules, where, and how to mend it; and the periods that rows have.

use std::fmt;

use descargo_model::date::Day;

/// Why a file of rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    /// Name of the file, as the caller gave it.
    pub file: String,
    /// Line in it, from 1; 0 when it is the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub remedy: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, what, remedy } = self;
        match line {
            0 => write!(out, "{file}: {what}; {remedy}"),
            line => write!(out, "{file}:{line}: {what}; {remedy}"),
        }
    }
}

impl std::error::Error for LoadError {}

/// The days on which something holds, first and last inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub from: Day,
    /// Last day.
    pub to: Day,
}

impl Period {
    /// From the texts of two columns; an empty one is open.
    ///
    /// # Errors
    /// What is wrong with the dates.
    pub fn parse(from: &str, to: &str) -> Result<Self, String> {
        let day = |text: &str, open: Day| match text {
            "" => Ok(open),
            text => Day::parse(text).map_err(|error| format!("date `{text}`: {error}")),
        };
        let period = Self { from: day(from, Day::MIN)?, to: day(to, Day::MAX)? };
        match period.from <= period.to {
            true => Ok(period),
            false => Err(format!("the period `{from}` to `{to}` ends before it begins")),
        }
    }

    /// Whether it holds on a day.
    #[must_use]
    pub fn holds_on(&self, day: Day) -> bool {
        self.from <= day && day <= self.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_holds_from_its_first_to_its_last_day() {
        let day = |text| Day::parse(text).unwrap();
        let period = Period::parse("2026-01-01", "2026-01-31").unwrap();
        assert!(!period.holds_on(day("2025-12-31")));
        assert!(period.holds_on(day("2026-01-01")) && period.holds_on(day("2026-01-31")));
        assert!(!period.holds_on(day("2026-02-01")));
        let open = Period::parse("", "").unwrap();
        assert!(open.holds_on(Day::MIN) && open.holds_on(Day::MAX));
        assert!(Period::parse("2026-01-02", "2026-01-01").is_err());
        assert!(Period::parse("2026-1-2", "").is_err());
    }
}
