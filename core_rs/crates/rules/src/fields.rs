//! The small checks that submissions and declarations share: texts, decimals, dates, extents.
//!
//! Each returns the value, or tells what is wrong and returns nothing, so that the caller can go on
//! with what it has. Locators are made only when something is told.

use descargo_model::date::{DateError, Day, instant_of};
use descargo_model::decimal::{AmountValue, DecimalError, Quantity, Usd};
use descargo_model::finding::{Code, Finding, Locator};
use descargo_model::pb;
use descargo_model::text;
use jiff::Timestamp;

use crate::collect::{Findings, Place};

/// Codes that an extent may name.
pub(crate) const EXTENT_MAX: usize = 300;

/// A value that may be left out, and may be unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stated<T> {
    /// Not stated.
    #[default]
    Absent,
    /// Stated, but not a value; a finding says so already.
    Unreadable,
    /// The value.
    Value(T),
}

impl<T: Copy> Stated<T> {
    /// The value, if there is one.
    #[must_use]
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Unreadable => None,
        }
    }

    /// Whether nothing was stated.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// An amount whose dimensions may each be left out or unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatedAmount {
    /// Quantity.
    pub quantity: Stated<Quantity>,
    /// Value in US dollars.
    pub value_usd: Stated<Usd>,
}

impl StatedAmount {
    /// What is readable of it.
    #[must_use]
    pub fn value(self) -> AmountValue {
        AmountValue { quantity: self.quantity.value(), value_usd: self.value_usd.value() }
    }
}

/// Tells a text that is empty (S101), or has forbidden characters or too many (S102).
pub(crate) fn required_text<'t>(
    value: &'t str,
    max: usize,
    at: impl FnOnce() -> Locator,
    findings: &mut Findings,
) -> Option<&'t str> {
    if value.is_empty() {
        findings.add(Code::S101, at());
        return None;
    }
    optional_text(value, max, at, findings)
}

/// Tells a text that has forbidden characters or too many (S102); an empty one is no value.
pub(crate) fn optional_text<'t>(
    value: &'t str,
    max: usize,
    at: impl FnOnce() -> Locator,
    findings: &mut Findings,
) -> Option<&'t str> {
    match text::check(value, max) {
        Ok(()) => Some(value).filter(|value| !value.is_empty()),
        Err(error) => {
            let finding = Finding::new(Code::S102, at()).declared(value);
            findings.push(match error {
                text::TextError::TooLong { max } => finding.granted(max),
                text::TextError::Forbidden => finding,
            });
            None
        }
    }
}

/// Tells a decimal that is empty (S101) or malformed (S103).
pub(crate) fn required_decimal<T>(
    value: &str,
    parse: fn(&str) -> Result<T, DecimalError>,
    at: impl FnOnce() -> Locator,
    findings: &mut Findings,
) -> Option<T> {
    match parse(value) {
        Ok(value) => Some(value),
        Err(DecimalError::Empty) => {
            findings.add(Code::S101, at());
            None
        }
        Err(error) => {
            findings.push(malformed_decimal(value, error, at()));
            None
        }
    }
}

fn malformed_decimal(value: &str, error: DecimalError, at: Locator) -> Finding {
    let finding = Finding::new(Code::S103, at).declared(value);
    match error {
        DecimalError::OutOfRange { max } => finding.granted(max),
        DecimalError::TooManyDecimals { .. } | DecimalError::Malformed | DecimalError::Empty => {
            finding
        }
    }
}

/// Where the two dimensions of an amount are.
pub(crate) struct AmountPlace<'p, 'a> {
    /// The message that holds the amount.
    pub place: &'p Place<'a>,
    /// The amount's field, such as `amount`.
    pub field: &'static str,
    /// SAAI fields of quantity and value; 0 when there are none.
    pub record_fields: (u32, u32),
}

impl AmountPlace<'_, '_> {
    /// Where the quantity is.
    pub(crate) fn quantity(&self) -> Locator {
        self.dimension("quantity", self.record_fields.0)
    }

    /// Where the value is.
    pub(crate) fn value_usd(&self) -> Locator {
        self.dimension("value_usd", self.record_fields.1)
    }

    fn dimension(&self, name: &str, record_field: u32) -> Locator {
        let field = format!("{}.{name}", self.field);
        match record_field {
            0 => self.place.at(&field),
            record_field => self.place.saai(&field, record_field),
        }
    }
}

/// Reads an amount and tells each dimension that is malformed (S103).
pub(crate) fn amount(
    amount: Option<&pb::Amount>,
    place: &AmountPlace<'_, '_>,
    findings: &mut Findings,
) -> StatedAmount {
    let Some(amount) = amount else { return StatedAmount::default() };
    let quantity = amount.quantity.as_deref();
    let value_usd = amount.value_usd.as_deref();
    StatedAmount {
        quantity: dimension(quantity, Quantity::parse, || place.quantity(), findings),
        value_usd: dimension(value_usd, Usd::parse, || place.value_usd(), findings),
    }
}

fn dimension<T>(
    value: Option<&str>,
    parse: fn(&str) -> Result<T, DecimalError>,
    at: impl FnOnce() -> Locator,
    findings: &mut Findings,
) -> Stated<T> {
    match value.map(|value| (value, parse(value))) {
        None => Stated::Absent,
        Some((_, Ok(value))) => Stated::Value(value),
        Some((value, Err(error))) => {
            findings.push(malformed_decimal(value, error, at()));
            Stated::Unreadable
        }
    }
}

/// Tells a date that is empty (S101), or malformed or implausible (S104).
pub(crate) fn required_day(
    value: &str,
    at: impl FnOnce() -> Locator,
    findings: &mut Findings,
) -> Option<Day> {
    if value.is_empty() {
        findings.add(Code::S101, at());
        return None;
    }
    let read: Result<Day, DateError> = Day::parse(value);
    read.inspect_err(|_| findings.push(Finding::new(Code::S104, at()).declared(value))).ok()
}

/// Tells an instant that is impossible or implausible (S104).
pub(crate) fn instant(
    value: &prost_types::Timestamp,
    at: impl FnOnce() -> Locator,
    findings: &mut Findings,
) -> Option<Timestamp> {
    let read = instant_of(value).filter(|instant| Day::of(*instant).is_plausible());
    if read.is_none() {
        findings.push(Finding::new(Code::S104, at()).declared(value.seconds));
    }
    read
}

/// Tells an extent that is absent, says both or neither (S101), or is too long (S102). Returns the
/// codes that it names, if they are to be looked at one by one.
pub(crate) fn extent<'e>(
    extent: Option<&'e pb::Extent>,
    at: impl FnOnce() -> Locator,
    findings: &mut Findings,
) -> Option<&'e [String]> {
    let Some(extent) = extent.filter(|extent| extent.every == extent.only.is_empty()) else {
        findings.add(Code::S101, at());
        return None;
    };
    if extent.only.len() > EXTENT_MAX {
        let finding = Finding::new(Code::S102, at()).declared(extent.only.len());
        findings.push(finding.granted(EXTENT_MAX));
        return None;
    }
    Some(&extent.only)
}
