//! Who is addressed, which license it is, and who signs for it.

use descargo_model::date::Day;
use descargo_model::finding::{Code, Finding, Locator};
use descargo_model::license_name::LicenseName;
use descargo_model::life::Step;
use descargo_model::pb;
use jiff::SignedDuration;

use crate::agencies::AgencyKeys;
use crate::collect::{Findings, Place};
use crate::fields::{instant, required_text};
use crate::signers::SignerStanding;
use crate::submission::{SUBMISSION_TYPE, SubmissionContext};

/// Longest name of an agency.
const AGENCY_MAX: usize = 20;
/// Longest permit key: record 553 has three places.
pub(crate) const PERMIT_KEY_MAX: usize = 3;
/// Longest number of a license.
pub(crate) const PERMIT_NUMBER_MAX: usize = 50;

/// Type and validator: no signature serves two kinds of message or two systems.
pub(super) fn check_addressee(
    submission: &pb::Submission,
    context: &SubmissionContext<'_>,
    findings: &mut Findings,
) {
    let pairs = [
        ("type", submission.r#type.as_str(), SUBMISSION_TYPE),
        ("validator", submission.validator.as_str(), context.validator),
    ];
    for (field, declared, expected) in pairs {
        let at = Place::default().at(field);
        if declared.is_empty() {
            findings.add(Code::S101, at);
        } else if declared != expected {
            findings.push(Finding::new(Code::F511, at).declared(declared).granted(expected));
        }
    }
}

/// The day of signing. A signature from the future or from before the window is not believed.
pub(super) fn check_signing_time(
    submission: &pb::Submission,
    context: &SubmissionContext<'_>,
    findings: &mut Findings,
) -> Option<Day> {
    let at = || Place::default().at("signed_at");
    let Some(stated) = &submission.signed_at else {
        findings.add(Code::S101, at());
        return None;
    };
    let signed_at = instant(stated, at, findings)?;
    let policy = &context.rules.policy;
    let skew = SignedDuration::from_secs(i64::from(policy.clock_skew_seconds));
    let window = SignedDuration::from_hours(i64::from(policy.signed_at_window_hours));
    let received_at = context.received_at;
    let limit = if signed_at.duration_since(received_at) > skew {
        Some(format!("<= {}", received_at.saturating_add(skew).unwrap_or(received_at)))
    } else if received_at.duration_since(signed_at) > window {
        Some(format!(">= {}", received_at.saturating_sub(window).unwrap_or(received_at)))
    } else {
        None
    };
    if let Some(limit) = limit {
        findings.push(Finding::new(Code::F508, at()).declared(signed_at).granted(limit));
    }
    Some(Day::of(signed_at))
}

/// The license's name, whose agency must be the caller's and the signer's.
pub(super) fn check_name(
    submission: &pb::Submission,
    context: &SubmissionContext<'_>,
    day: Day,
    findings: &mut Findings,
) -> Option<LicenseName> {
    // A key that has ended begins no license; those that it began before live on.
    let begins = submission.change.as_ref().and_then(Step::of).is_none();
    let Some(id) = &submission.license else {
        findings.add(Code::S101, Place::default().at("license"));
        return None;
    };
    let place = Place::new("license");
    let agency = required_text(&id.agency, AGENCY_MAX, || place.at("agency"), findings);
    if let Some(agency) = agency {
        check_caller_agency(agency, context, place.at("agency"), findings);
    }
    let key = required_text(&id.permit_key, PERMIT_KEY_MAX, || place.at("permit_key"), findings);
    if let Some(key) = key {
        check_key(agency, key, context, begins.then_some(day), findings);
    }
    let at = || place.at("permit_number");
    let number = required_text(&id.permit_number, PERMIT_NUMBER_MAX, at, findings);
    if let (Some(agency), Some(key)) = (agency, key) {
        check_signer(agency, key, context, day, findings);
    }
    let name = LicenseName::from_pb(id);
    if number.is_some() && name.lookup_number.is_empty() {
        // Blanks alone are no number: every such license would be the same one.
        findings.add(Code::S101, at());
    }
    (agency.is_some() && key.is_some()).then_some(name)
}

fn check_caller_agency(
    agency: &str,
    context: &SubmissionContext<'_>,
    at: Locator,
    findings: &mut Findings,
) {
    if listing(context, agency).is_none() {
        let own: Vec<&str> =
            context.caller_agencies.iter().map(|listed| listed.agency.as_str()).collect();
        findings.push(Finding::new(Code::F509, at).declared(agency).granted(own.join(",")));
    }
}

/// What the caller is listed for at an agency.
fn listing<'a>(context: &SubmissionContext<'a>, agency: &str) -> Option<&'a AgencyKeys> {
    context.caller_agencies.iter().find(|listed| listed.agency == agency)
}

fn check_key(
    agency: Option<&str>,
    key: &str,
    context: &SubmissionContext<'_>,
    begins_on: Option<Day>,
    findings: &mut Findings,
) {
    let at = || Place::new("license").at("permit_key");
    let listed = agency.and_then(|agency| listing(context, agency));
    if let Some(listed) = listed.filter(|listed| !listed.has_key(key)) {
        let own = listed.permit_keys.join(",");
        findings.push(Finding::new(Code::F509, at()).declared(key).granted(own));
    }
    let instruments = &context.rules.instruments;
    let known = match begins_on {
        Some(day) => instruments.has_permit_key(key, day),
        None => instruments.owners(key).next().is_some(),
    };
    if !known {
        findings.push(Finding::new(Code::C201, at()).declared(key));
        return;
    }
    let Some(agency) = agency else { return };
    match instruments.profile(key, agency) {
        // The key lives on with another agency, but not with this one any more.
        Some(profile) if begins_on.is_some_and(|day| !profile.life.holds_on(day)) => {
            findings.push(Finding::new(Code::C201, at()).declared(key));
        }
        Some(_) => {}
        None => {
            let owners = instruments.owners(key).collect::<Vec<_>>().join(",");
            findings.push(Finding::new(Code::C202, at()).declared(key).granted(owners));
        }
    }
}

/// Whether the signer is registered for this agency and key on the day of signing.
fn check_signer(
    agency: &str,
    key: &str,
    context: &SubmissionContext<'_>,
    day: Day,
    findings: &mut Findings,
) {
    // Without a signer the signature's own finding says why.
    let Some(signer) = context.signer else { return };
    let at = || Place::new("envelope").at("certificate_der");
    match context.signer_registry.standing(signer, agency, key, day) {
        SignerStanding::Registered => {}
        SignerStanding::OtherName => {
            findings.push(Finding::new(Code::W802, at()).declared(signer.name));
        }
        SignerStanding::NotRegistered => {
            findings.push(Finding::new(Code::F506, at()).declared(signer.rfc));
        }
    }
}
