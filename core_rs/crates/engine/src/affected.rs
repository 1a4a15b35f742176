//! Lists what rests on a certificate, with every verdict that moved it since.

use descargo_evidence::sha256;
use descargo_ledger::feed::FeedPlace;
use descargo_ledger::quarantine::{Resting, Search};
use descargo_ledger::reader::Reader;
use descargo_model::pb;
use prost::Message;

use crate::answer::verdict_id;
use crate::appoint::{fingerprint, nanos, only_operators};
use crate::caller::Caller;
use crate::command::{Desk, Terms};
use crate::hex;
use crate::limits::QUERY_BYTES_MAX;
use crate::list::{not_our_token, page_size};
use crate::place::Cursor;
use crate::refusal::Refusal;
use crate::request;

/// Envelopes that one page looks at: a tenth of a second.
const SCANNED_MAX: usize = 20_000;
/// Verdicts told of one license on one page.
const VERDICTS_MAX: usize = 1_000;
/// Verdicts told on one page, and one license more.
const PAGE_VERDICTS_MAX: usize = 10_000;

/// Answers a `ListAffectedLicensesRequest`.
///
/// # Errors
/// [`Refusal`] when it is malformed or the caller is no operator.
pub(crate) fn list(
    desk: &Desk,
    reader: &Reader<Terms>,
    ledger_id: &str,
    caller: &Caller,
    bytes: &[u8],
) -> Result<Vec<u8>, Refusal> {
    only_operators(caller)?;
    let message: pb::ListAffectedLicensesRequest =
        request::read("ListAffectedLicensesRequest", bytes, QUERY_BYTES_MAX)?;
    let rows_max = page_size(message.page_size)?;
    let certificate_sha256 = fingerprint(&message.certificate_sha256)?;
    let signed_after = nanos("signed_after", message.signed_after)?;
    let question = format!("{} {signed_after}", hex(&certificate_sha256));
    let bound_to = ["affected", ledger_id, caller.name.as_str(), question.as_str()];
    let mut at =
        Cursor::read(&message.page_token, &desk.codes, &bound_to).ok_or_else(not_our_token)?.at;
    let search = Search {
        certificate_sha256,
        signed_after,
        before_verdict_no: i64::MAX,
        fingerprint: sha256,
    };
    let part = reader
        .resting(&search, at.verdict_no, SCANNED_MAX, rows_max)
        .map_err(|fault| Refusal::from(&fault))?;
    let mut next = part.next.map(|verdict_no| FeedPlace { verdict_no, ..FeedPlace::default() });
    let (mut licenses, mut told) = (Vec::new(), 0_usize);
    for resting in part.licenses {
        let first = resting.versions.iter().map(|(_, taken_in)| *taken_in).min().unwrap_or(0);
        if told >= PAGE_VERDICTS_MAX {
            next = Some(FeedPlace { verdict_no: first, ..FeedPlace::default() });
            break;
        }
        // Where a license was left in the middle of its verdicts, the page goes on there.
        let from = if at.license_id == resting.license_id { at.permit_seq } else { first };
        at = FeedPlace::default();
        let (verdicts, more) = reader
            .verdicts_of(resting.license_id, from, VERDICTS_MAX)
            .map_err(|fault| Refusal::from(&fault))?;
        told = told.saturating_add(verdicts.len());
        let last = verdicts.last().copied().unwrap_or(from);
        let license_id = resting.license_id;
        licenses.push(affected(resting, &verdicts, more, ledger_id));
        if more {
            next = Some(FeedPlace {
                verdict_no: first,
                license_id,
                permit_seq: last.saturating_add(1),
            });
            break;
        }
    }
    let token = |at| Cursor { at, told: 0 }.text(&desk.codes, &bound_to);
    let next_page_token = next.map(token).unwrap_or_default();
    Ok(pb::ListAffectedLicensesResponse { licenses, next_page_token }.encode_to_vec())
}

fn affected(
    resting: Resting,
    verdicts: &[i64],
    more_verdicts: bool,
    ledger_id: &str,
) -> pb::AffectedLicense {
    let in_doubt = |(version, _): &(u32, i64)| resting.doubtful.contains(version);
    pb::AffectedLicense {
        quarantined: resting.versions.iter().all(in_doubt),
        versions: resting.versions.iter().map(|(version, _)| *version).collect(),
        verdict_ids: verdicts.iter().map(|number| verdict_id(ledger_id, *number)).collect(),
        more_verdicts,
        license: Some(resting.license),
    }
}
