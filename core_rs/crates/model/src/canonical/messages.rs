//! What each message writes: its fields in the order of their numbers, every one of them.
//!
//! Form 1 is published and frozen. A field that the contract gained later is written by form 2, and
//! a submission that states one is written in that form.

use super::{Form, Writer};
use crate::pb;
use crate::pb::submission::Change;

/// The lowest form that can write it: one submission has one string.
pub(super) fn form_of(submission: &pb::Submission) -> Form {
    let license = match &submission.change {
        Some(Change::Issue(license) | Change::Amendment(license)) => Some(license),
        Some(Change::Onboarding(onboarding)) => onboarding.license.as_ref(),
        _ => None,
    };
    match license.is_some_and(|license| license.applied_at.or(license.ruled_at).is_some()) {
        true => Form::Second,
        false => Form::First,
    }
}

pub(super) fn submission(to: &mut Writer, submission: &pb::Submission) {
    let pb::Submission { r#type, validator, signed_at, license, version, change } = submission;
    to.text("type", r#type);
    to.text("validator", validator);
    to.instant("signed_at", signed_at.as_ref());
    to.message("license", license.as_ref(), license_id);
    to.number("version", *version);
    match change {
        None => to.leaf("change", ""),
        Some(Change::Issue(content)) => arm(to, "issue", content, license_content),
        Some(Change::Amendment(content)) => arm(to, "amendment", content, license_content),
        Some(Change::Extension(later)) => arm(to, "extension", later, extension),
        Some(Change::Suspension(halt)) => arm(to, "suspension", halt, stop),
        Some(Change::Reinstatement(end)) => arm(to, "reinstatement", end, reinstatement),
        Some(Change::Revocation(halt)) => arm(to, "revocation", halt, stop),
        Some(Change::Cancellation(halt)) => arm(to, "cancellation", halt, stop),
        Some(Change::Notification(at)) => {
            to.leaf("change", "notification");
            to.instant("notification", Some(at));
        }
        Some(Change::Onboarding(taken_over)) => arm(to, "onboarding", taken_over, onboarding),
    }
}

/// The name of the change, which says that it is there, and its leaves.
fn arm<M>(to: &mut Writer, name: &'static str, content: &M, leaves: fn(&mut Writer, &M)) {
    to.leaf("change", name);
    to.trail.push((name, None));
    leaves(to, content);
    to.trail.pop();
}

fn license_id(to: &mut Writer, id: &pb::LicenseId) {
    let pb::LicenseId { agency, permit_key, permit_number } = id;
    to.text("agency", agency);
    to.text("permit_key", permit_key);
    to.text("permit_number", permit_number);
}

fn license_content(to: &mut Writer, license: &pb::License) {
    let pb::License {
        instrument_kind,
        holder,
        operation,
        regimes,
        offices,
        valid_from,
        valid_to,
        quantity_basis,
        lines,
        total,
        notified_at,
        authorization_complement,
        vucem_folio,
        legal_basis,
        applied_at,
        ruled_at,
    } = license;
    let kind = pb::InstrumentKind::as_str_name;
    to.choice("instrument_kind", *instrument_kind, "INSTRUMENT_KIND_", kind);
    to.message("holder", holder.as_ref(), party);
    to.choice("operation", *operation, "OPERATION_TYPE_", pb::OperationType::as_str_name);
    to.message("regimes", regimes.as_ref(), extent);
    to.message("offices", offices.as_ref(), extent);
    to.text("valid_from", valid_from);
    to.text("valid_to", valid_to);
    let basis = pb::QuantityBasis::as_str_name;
    to.choice("quantity_basis", *quantity_basis, "QUANTITY_BASIS_", basis);
    to.list("lines", lines, license_line);
    to.message("total", total.as_ref(), amount);
    to.instant("notified_at", notified_at.as_ref());
    to.text("authorization_complement", authorization_complement);
    to.text("vucem_folio", vucem_folio);
    to.text("legal_basis", legal_basis);
    if to.form == Form::Second {
        to.instant("applied_at", applied_at.as_ref());
        to.instant("ruled_at", ruled_at.as_ref());
    }
}

fn party(to: &mut Writer, party: &pb::Party) {
    let pb::Party { rfc, curp, legal_name } = party;
    to.text("rfc", rfc);
    to.text("curp", curp);
    to.text("legal_name", legal_name);
}

fn extent(to: &mut Writer, extent: &pb::Extent) {
    let pb::Extent { every, only } = extent;
    to.flag("every", *every);
    to.texts("only", only);
}

fn license_line(to: &mut Writer, line: &pb::LicenseLine) {
    let pb::LicenseLine {
        line_no,
        tariff_codes,
        description,
        unit,
        authorized,
        countries_origin_destination,
        countries_seller_buyer,
    } = line;
    to.line_no = *line_no;
    to.number("line_no", *line_no);
    to.list("tariff_codes", tariff_codes, tariff_code);
    to.text("description", description);
    to.number("unit", *unit);
    to.message("authorized", authorized.as_ref(), amount);
    let origins = countries_origin_destination.as_ref();
    to.message("countries_origin_destination", origins, extent);
    to.message("countries_seller_buyer", countries_seller_buyer.as_ref(), extent);
    to.line_no = 0;
}

fn tariff_code(to: &mut Writer, code: &pb::TariffCode) {
    let pb::TariffCode { code, nico } = code;
    to.text("code", code);
    to.text("nico", nico);
}

fn amount(to: &mut Writer, amount: &pb::Amount) {
    let pb::Amount { quantity, value_usd } = amount;
    to.optional_text("quantity", quantity.as_deref());
    to.optional_text("value_usd", value_usd.as_deref());
}

fn onboarding(to: &mut Writer, onboarding: &pb::Onboarding) {
    let pb::Onboarding { license, remainders } = onboarding;
    to.message("license", license.as_ref(), license_content);
    to.list("remainders", remainders, line_remainder);
}

fn line_remainder(to: &mut Writer, remainder: &pb::LineRemainder) {
    let pb::LineRemainder { line_no, left } = remainder;
    to.line_no = *line_no;
    to.number("line_no", *line_no);
    to.message("left", left.as_ref(), amount);
    to.line_no = 0;
}

fn extension(to: &mut Writer, extension: &pb::Extension) {
    let pb::Extension { valid_to, office } = extension;
    to.text("valid_to", valid_to);
    to.text("office", office);
}

fn stop(to: &mut Writer, stop: &pb::Stop) {
    let pb::Stop { lines, offices, start_time, end_time, reason, legal_basis } = stop;
    to.message("lines", lines.as_ref(), extent);
    to.message("offices", offices.as_ref(), extent);
    to.instant("start_time", start_time.as_ref());
    to.instant("end_time", end_time.as_ref());
    to.text("reason", reason);
    to.text("legal_basis", legal_basis);
}

fn reinstatement(to: &mut Writer, reinstatement: &pb::Reinstatement) {
    let pb::Reinstatement { suspension_version, reason } = reinstatement;
    to.number("suspension_version", *suspension_version);
    to.text("reason", reason);
}
