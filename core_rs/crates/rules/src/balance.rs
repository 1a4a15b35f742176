//! Whether enough is left, in the right unit, and not more is taken than the line declares.

use std::cmp::Ordering;

use descargo_model::decimal::{AmountValue, Quantity};
use descargo_model::finding::{Code, Finding, Locator};
use descargo_model::pb::{LicenseStatus, QuantityBasis};
use descargo_model::units;

use crate::claim::{LineClaim, line_path, line_place};
use crate::collect::Findings;
use crate::coverage::Check;
use crate::fields::AmountPlace;
use crate::terms::LineTerms;

/// What is left of a license line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineAvailable {
    /// Number of the license line.
    pub line_no: u32,
    /// What is left; a dimension that is not limited is absent.
    pub available: AmountValue,
}

/// Checks the amounts of a claim against the license line that was chosen.
pub(crate) fn check(check: &Check<'_>, line: &LineTerms, findings: &mut Findings) {
    let place = AmountPlace { place: &check.places.draw, field: "amount", record_fields: (9, 8) };
    check_unit(check, line, findings);
    check_stated(check, line, &place, findings);
    check_against_line(check, line, &place, findings);
    let available = check.state.available.iter().find(|left| left.line_no == line.line_no);
    // A line whose balance the ledger does not know, or knows in other dimensions than the license
    // limits, has nothing that could be given.
    let exhausted = available.is_none_or(|left| {
        left.available.is_exhausted() || !left.available.same_dimensions(line.authorized)
    });
    let Some(available) = available.filter(|_| !exhausted && !says_exhausted(check)) else {
        let at = check.places.draw.saai("license.permit_number", 7);
        findings.push(Finding::new(Code::N421, at).granted(format!("line {}", line.line_no)));
        return;
    };
    check_available(check, line, available.available, &place, findings);
}

fn says_exhausted(check: &Check<'_>) -> bool {
    check.state.status == LicenseStatus::Exhausted
}

/// The unit of the line, by the license's basis. A license that counts no quantity has no unit to
/// compare.
fn check_unit(check: &Check<'_>, line: &LineTerms, findings: &mut Findings) {
    let counts =
        line.authorized.quantity.is_some() || !check.claim.draw.amount.quantity.is_absent();
    let (measure, fields) = check.claim.measure(check.license.basis);
    let Some(unit) = measure.unit.filter(|_| counts) else { return };
    if !units::convertible(unit, line.unit) {
        let at = check.places.line.saai(&format!("{}.unit", fields.field), fields.unit);
        findings.push(Finding::new(Code::N423, at).declared(unit).granted(line.unit));
    }
}

/// Each dimension that the license limits must be stated.
fn check_stated(
    check: &Check<'_>,
    line: &LineTerms,
    place: &AmountPlace<'_, '_>,
    findings: &mut Findings,
) {
    let amount = &check.claim.draw.amount;
    if line.authorized.quantity.is_some() && amount.quantity.is_absent() {
        findings.add(Code::S101, place.quantity());
    }
    if line.authorized.value_usd.is_some() && amount.value_usd.is_absent() {
        findings.add(Code::S101, place.value_usd());
    }
}

/// A draw is part of the line: above zero, and not more than the line.
fn check_against_line(
    check: &Check<'_>,
    line: &LineTerms,
    place: &AmountPlace<'_, '_>,
    findings: &mut Findings,
) {
    let taken = check.claim.amount();
    if let Some(quantity) = taken.quantity {
        let (measure, _) = check.claim.measure(check.license.basis);
        let whole = measure.quantity.zip(measure.unit);
        let more = whole.is_some_and(|(whole, unit)| {
            units::compare(quantity, line.unit, whole, unit) == Some(Ordering::Greater)
        });
        if quantity.is_zero() || more {
            let granted = whole.filter(|_| more).map(|(whole, unit)| limit(whole, unit, line.unit));
            let finding = Finding::new(Code::N426, place.quantity()).declared(quantity);
            findings.push(finding.granted(granted.unwrap_or_else(|| "> 0".to_owned())));
        }
    }
    if let Some(value) = taken.value_usd {
        let whole = check.claim.line.value_usd.filter(|whole| value > *whole);
        if value.is_zero() || whole.is_some() {
            let granted = whole.map(|whole| format!("<= {whole}"));
            let finding = Finding::new(Code::N426, place.value_usd()).declared(value);
            findings.push(finding.granted(granted.unwrap_or_else(|| "> 0".to_owned())));
        }
    }
}

/// The finding for goods of a line that draws of one key leave without cover. `drawn` are their
/// quantities, each in its license's unit; units that do not convert were told already.
#[must_use]
pub fn left_uncovered(
    line: &LineClaim,
    basis: QuantityBasis,
    drawn: &[(Quantity, u32)],
) -> Option<Finding> {
    let (measure, fields) = line.measure(basis);
    let (whole, unit) = measure.quantity.zip(measure.unit)?;
    if units::compare_sum(drawn, whole, unit)? != Ordering::Less {
        return None;
    }
    let path = line_path(line.index);
    let place = line_place(&path, line.line_no);
    let at = place.saai(&format!("{}.quantity", fields.field), fields.quantity);
    let sum = drawn.iter().try_fold(Quantity::ZERO, |sum, (quantity, _)| sum.plus(*quantity));
    let finding = Finding::new(Code::N427, at).declared(whole);
    Some(match sum {
        Some(sum) => finding.granted(sum),
        None => finding,
    })
}

/// The line's quantity as a limit; its unit is told when it is not the license's.
fn limit(whole: Quantity, unit: u32, license_unit: u32) -> String {
    match unit == license_unit {
        true => format!("<= {whole}"),
        false => format!("<= {whole} (unit {unit})"),
    }
}

/// Enough is left in each dimension that the license limits.
fn check_available(
    check: &Check<'_>,
    line: &LineTerms,
    available: AmountValue,
    place: &AmountPlace<'_, '_>,
    findings: &mut Findings,
) {
    let taken = check.claim.amount();
    if let (Some(left), Some(quantity)) = (available.quantity, taken.quantity)
        && quantity > left
    {
        let finding = Finding::new(Code::N424, place.quantity()).declared(quantity);
        findings.push(finding.granted(left));
    }
    if let (Some(left), Some(value)) = (available.value_usd, taken.value_usd)
        && value > left
    {
        let finding = Finding::new(Code::N425, place.value_usd()).declared(value);
        findings.push(finding.granted(left));
    }
    if findings.refused() {
        return;
    }
    let Some(left) = available.minus(taken) else { return };
    let percent = check.context.rules.policy.low_balance_percent;
    let granted = line.authorized;
    if let (Some(left), Some(whole)) = (left.quantity, granted.quantity) {
        warn_if_low(left.scaled(), whole.scaled(), percent, left, || place.quantity(), findings);
    }
    if let (Some(left), Some(whole)) = (left.value_usd, granted.value_usd) {
        warn_if_low(left.scaled(), whole.scaled(), percent, left, || place.value_usd(), findings);
    }
}

fn warn_if_low(
    left: i64,
    whole: i64,
    percent: u32,
    shown: impl std::fmt::Display,
    at: impl FnOnce() -> Locator,
    findings: &mut Findings,
) {
    let low =
        i128::from(left).saturating_mul(100) < i128::from(whole).saturating_mul(percent.into());
    if low {
        findings.push(Finding::new(Code::W811, at()).granted(shown));
    }
}
