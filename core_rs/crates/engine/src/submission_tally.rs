//! What a decided submission adds to the counts of its agency.

use descargo_evidence::sha256;
use descargo_ledger::command::Nanos;
use descargo_ledger::tally::{IssueDates, Tally};
use descargo_model::date::instant_of;
use descargo_model::pb::{self, submission::Change};
use descargo_model::text::lookup_number;

use crate::answer::Draft;
use crate::command::Desk;
use crate::submit::Submit;

/// `None` for an agency that the caller does not submit for: its counts are its own.
pub(crate) fn of(submit: &Submit, desk: &Desk, draft: &Draft) -> Option<Tally> {
    let submission = &submit.submission;
    let license = submission.license.as_ref()?;
    let agency = &license.agency;
    // An agency's mistaken keys are its own; a hub counts for what it is listed for alone.
    if !submit.caller.is_told_of(agency, &license.permit_key) {
        return None;
    }
    let profile = desk.rules.instruments.profile(&license.permit_key, agency);
    Some(Tally {
        agency: agency.clone(),
        permit_key: profile.map(|known| known.permit_key.clone()).unwrap_or_default(),
        version_sha256: version_sha256(license, submission.version),
        codes: refusing_codes(&draft.verdict),
        issued: match &submission.change {
            Some(Change::Issue(issued)) => Some(IssueDates {
                applied_at: nanos(issued.applied_at.as_ref()),
                ruled_at: nanos(issued.ruled_at.as_ref()),
            }),
            _ => None,
        },
    })
}

/// Names a version in few bytes, however long its number is; no part can run into the next.
fn version_sha256(license: &pb::LicenseId, version: u32) -> [u8; 32] {
    let number = lookup_number(&license.permit_number);
    sha256(format!("{:?}", (&license.agency, &license.permit_key, number, version)).as_bytes())
}

fn refusing_codes(verdict: &pb::Verdict) -> Vec<String> {
    let refusing =
        verdict.findings.iter().filter(|each| each.finding_class() != pb::FindingClass::Warning);
    let mut codes: Vec<String> = refusing.map(|finding| finding.code.clone()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

fn nanos(at: Option<&prost_types::Timestamp>) -> Option<Nanos> {
    i64::try_from(instant_of(at?)?.as_nanosecond()).ok()
}
