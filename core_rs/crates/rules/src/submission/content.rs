//! The content of a license: instrument, holder, regimes, offices, validity, and what hangs on it.

use descargo_model::date::Day;
use descargo_model::finding::{Code, Finding};
use descargo_model::pb;
use descargo_model::pb::{InstrumentKind, OperationType, QuantityBasis};
use descargo_model::rfc::Rfc;
use jiff::Timestamp;

use crate::collect::{Findings, Place};
use crate::fields::{extent, instant, optional_text, required_day};
use crate::party::{self, PartyPlace};
use crate::submission::{GrantLine, Scope, life, lines};

/// Longest complemento de autorizacion: field 6 of record 553.
const COMPLEMENT_MAX: usize = 32;
/// Digits of a folio of the single window.
const FOLIO_DIGITS: usize = 25;
/// Longest citation of the legal basis.
pub(super) const LEGAL_BASIS_MAX: usize = 250;

/// What could be read of a license; whole when nothing was found.
pub(super) struct Content {
    pub holder: Option<Rfc>,
    pub valid_from: Option<Day>,
    pub valid_to: Option<Day>,
    pub lines: Vec<GrantLine>,
    pub notified: bool,
}

/// Checks a license that stands at `path` of the submission.
pub(super) fn check(
    license: &pb::License,
    path: &str,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> Content {
    let place = Place::new(path);
    check_kind(license.instrument_kind, &place, scope, findings);
    let holder = PartyPlace { place, field: "holder", record_fields: (0, 0) };
    let holder = party::check(license.holder.as_ref(), &holder, findings);
    let operation = check_operation(license.operation, &place, scope, findings);
    check_regimes(license, operation, &place, scope, findings);
    check_offices(license, &place, scope, findings);
    let at = |field: &'static str| move || place.at(field);
    let valid_from = required_day(&license.valid_from, at("valid_from"), findings);
    let valid_to = required_day(&license.valid_to, at("valid_to"), findings);
    check_window(valid_from, valid_to, &place, scope, findings);
    let basis = check_basis(license.quantity_basis, &place, findings);
    let lines = lines::check(license, basis, &place, scope, findings);
    let notified = check_notification(license, &place, scope, findings);
    let complement = &license.authorization_complement;
    optional_text(complement, COMPLEMENT_MAX, at("authorization_complement"), findings);
    check_folio(&license.vucem_folio, &place, findings);
    optional_text(&license.legal_basis, LEGAL_BASIS_MAX, at("legal_basis"), findings);
    check_course(license, &place, scope, findings);
    Content { holder, valid_from, valid_to, lines, notified }
}

/// Tells a validity that begins before the license was signed (N407).
pub(super) fn check_backdating(content: &Content, scope: &Scope<'_>, findings: &mut Findings) {
    let Some(valid_from) = content.valid_from else { return };
    let earliest = scope.day.minus_days(scope.rules().policy.backdating_days);
    if valid_from < earliest {
        let at = Place::new("issue").at("valid_from");
        findings.push(Finding::new(Code::N407, at).declared(valid_from).granted(earliest));
    }
}

/// A value that this contract does not know counts as not stated.
fn check_kind(kind: i32, place: &Place<'_>, scope: &Scope<'_>, findings: &mut Findings) {
    let at = || place.at("instrument_kind");
    let Some(stated) = InstrumentKind::try_from(kind).ok().filter(|_| kind != 0) else {
        findings.add(Code::S101, at());
        return;
    };
    if let Some(profile) = scope.profile
        && !profile.kinds.is_empty()
        && !profile.kinds.contains(&stated)
    {
        let kinds: Vec<_> = profile.kinds.iter().map(|kind| short_kind(*kind)).collect();
        let finding = Finding::new(Code::C208, at()).declared(short_kind(stated));
        findings.push(finding.granted(kinds.join(",")));
    }
}

fn short_kind(kind: InstrumentKind) -> &'static str {
    kind.as_str_name().trim_start_matches("INSTRUMENT_KIND_")
}

fn check_operation(
    operation: i32,
    place: &Place<'_>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> Option<OperationType> {
    let at = || place.at("operation");
    let Some(stated) = OperationType::try_from(operation).ok().filter(|_| operation != 0) else {
        findings.add(Code::S101, at());
        return None;
    };
    if let Some(profile) = scope.profile
        && !profile.operations.contains(&stated)
    {
        let operations = profile.operations.iter();
        let operations: Vec<_> = operations.map(|known| short_operation(*known)).collect();
        let finding = Finding::new(Code::C208, at()).declared(short_operation(stated));
        findings.push(finding.granted(operations.join(",")));
    }
    Some(stated)
}

/// An operation without the prefix of its enum.
pub(crate) fn short_operation(operation: OperationType) -> &'static str {
    operation.as_str_name().trim_start_matches("OPERATION_TYPE_")
}

fn check_regimes(
    license: &pb::License,
    operation: Option<OperationType>,
    place: &Place<'_>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) {
    let codes = extent(license.regimes.as_ref(), || place.at("regimes"), findings);
    for (index, code) in codes.unwrap_or_default().iter().enumerate() {
        let operation = operation.unwrap_or(OperationType::Unspecified);
        let known = scope.rules().catalogue.regime_takes(code, operation, scope.day);
        let allowed = scope.profile.is_none_or(|profile| {
            profile.regimes.is_empty() || profile.regimes.iter().any(|allowed| allowed == code)
        });
        if !known || !allowed {
            let at = place.at(&format!("regimes.only[{index}]"));
            let allowed = scope.profile.map(|profile| profile.regimes.join(","));
            let finding = Finding::new(Code::C207, at).declared(code);
            findings.push(finding.granted(allowed.unwrap_or_default()));
        }
    }
}

fn check_offices(
    license: &pb::License,
    place: &Place<'_>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) {
    let codes = extent(license.offices.as_ref(), || place.at("offices"), findings);
    for (index, code) in codes.unwrap_or_default().iter().enumerate() {
        if !scope.rules().catalogue.has_aduana_of(code, scope.day) {
            let at = place.at(&format!("offices.only[{index}]"));
            findings.push(Finding::new(Code::C206, at).declared(code));
        }
    }
}

fn check_window(
    valid_from: Option<Day>,
    valid_to: Option<Day>,
    place: &Place<'_>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) {
    let (Some(from), Some(to)) = (valid_from, valid_to) else { return };
    if to < from {
        let finding = Finding::new(Code::E301, place.at("valid_to")).declared(to);
        findings.push(finding.granted(format!(">= {from}")));
        return;
    }
    check_longest(from, to, place, scope, findings);
}

/// Tells a window longer than the instrument allows (E301).
pub(super) fn check_longest(
    from: Day,
    to: Day,
    place: &Place<'_>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) {
    // The first and the last day count both.
    let days = from.days_until(to).saturating_add(1);
    if let Some(profile) = scope.profile
        && days > i64::from(profile.longest_validity_days)
    {
        let finding = Finding::new(Code::E301, place.at("valid_to")).declared(to);
        findings.push(finding.granted(format!("<= {} days", profile.longest_validity_days)));
    }
}

fn check_basis(basis: i32, place: &Place<'_>, findings: &mut Findings) -> Option<QuantityBasis> {
    let stated = QuantityBasis::try_from(basis).ok().filter(|_| basis != 0);
    if stated.is_none() {
        findings.add(Code::S101, place.at("quantity_basis"));
    }
    stated
}

/// Whether the holder has signed for the license.
fn check_notification(
    license: &pb::License,
    place: &Place<'_>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> bool {
    let Some(stated) = &license.notified_at else { return false };
    life::check_notified(stated, place, "notified_at", scope, findings).is_some()
}

/// Tells dates of the application and of the ruling that are in no possible order (S104): a holder
/// applies, then the agency rules, then its official signs.
fn check_course(
    license: &pb::License,
    place: &Place<'_>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) {
    let mut read = |stated: &Option<prost_types::Timestamp>, field: &str| {
        stated.as_ref().and_then(|stated| instant(stated, || place.at(field), findings))
    };
    let applied_at = read(&license.applied_at, "applied_at");
    let ruled_at = read(&license.ruled_at, "ruled_at");
    let mut not_after = |field: &str, at: Option<Timestamp>, limit: Option<Timestamp>| {
        if let (Some(at), Some(limit)) = (at, limit)
            && at > limit
        {
            let finding = Finding::new(Code::S104, place.at(field)).declared(at);
            findings.push(finding.granted(format!("<= {limit}")));
        }
    };
    not_after("applied_at", applied_at, ruled_at.or(scope.signed_at));
    not_after("ruled_at", ruled_at, scope.signed_at);
}

fn check_folio(folio: &str, place: &Place<'_>, findings: &mut Findings) {
    let digits = folio.bytes().all(|byte| byte.is_ascii_digit());
    if !folio.is_empty() && (!digits || folio.len() != FOLIO_DIGITS) {
        let finding = Finding::new(Code::S102, place.at("vucem_folio")).declared(folio);
        findings.push(finding.granted(format!("{FOLIO_DIGITS} digits")));
    }
}
