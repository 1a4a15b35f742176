//! Lists the officials whose signatures count: those of the files, then those of the ledger.

use descargo_ledger::appointed::{Enrolled, SignerRow};
use descargo_ledger::reader::Reader;
use descargo_model::date::timestamp_of;
use descargo_model::pb;
use descargo_rules::signers::SignerRecord;
use prost::Message;

use crate::appoint::only_operators;
use crate::authority::in_force;
use crate::caller::Caller;
use crate::clock::instant;
use crate::command::{Desk, Terms};
use crate::limits::QUERY_BYTES_MAX;
use crate::list::{not_our_token, page_size};
use crate::place;
use crate::refusal::{Reason, Refusal};
use crate::request;
use crate::settings::hex_32;

/// Answers a `ListSignersRequest`.
///
/// # Errors
/// [`Refusal`] when the size or the token is wrong, or the caller is no operator.
pub(crate) fn list(
    desk: &Desk,
    reader: &Reader<Terms>,
    caller: &Caller,
    bytes: &[u8],
) -> Result<Vec<u8>, Refusal> {
    only_operators(caller)?;
    let message: pb::ListSignersRequest =
        request::read("ListSignersRequest", bytes, QUERY_BYTES_MAX)?;
    let rows_max = page_size(message.page_size)?;
    let bound_to = ["signers", caller.name.as_str()];
    let begin = match message.page_token.as_str() {
        "" => 0,
        token => place::number_of(&desk.codes, &bound_to, token).ok_or_else(not_our_token)?,
    };
    let begin = usize::try_from(begin).map_err(|_| not_our_token())?;
    let all = all(desk, reader)?;
    let end = begin.saturating_add(rows_max);
    let next_page_token = match u32::try_from(end) {
        Ok(next) if end < all.len() => place::number_token(&desk.codes, &bound_to, next),
        _ => String::new(),
    };
    let signers = all.into_iter().skip(begin).take(rows_max).collect();
    Ok(pb::ListSignersResponse { signers, next_page_token }.encode_to_vec())
}

fn all(desk: &Desk, reader: &Reader<Terms>) -> Result<Vec<pb::Signer>, Refusal> {
    let enrolled = reader.enrolled().map_err(|fault| Refusal::from(&fault))?;
    let rows: Vec<SignerRow> = enrolled.iter().map(|row| row.signer.clone()).collect();
    let kept: Vec<i64> = in_force(&rows).map(|row| row.verdict_no).collect();
    let of_files = desk.authorities.signers_of_files().into_iter().map(of_file);
    let of_ledger =
        enrolled.into_iter().filter(|row| kept.contains(&row.signer.verdict_no)).map(of_ledger);
    of_files.chain(of_ledger).collect()
}

fn of_file(record: SignerRecord) -> Result<pb::Signer, Refusal> {
    Ok(pb::Signer {
        certificate_sha256: bytes_of(&record.certificate_sha256)?,
        rfc: record.rfc,
        name: record.name,
        agency: record.agency,
        permit_keys: record.permit_keys,
        valid_from: record.from,
        valid_to: record.to,
        ..pb::Signer::default()
    })
}

fn of_ledger(row: Enrolled) -> Result<pb::Signer, Refusal> {
    let Enrolled { signer, caller, decided_at } = row;
    Ok(pb::Signer {
        certificate_sha256: bytes_of(&signer.certificate_sha256)?,
        rfc: signer.rfc,
        name: signer.name,
        agency: signer.agency,
        permit_keys: signer.permit_keys,
        valid_from: signer.valid_from,
        valid_to: signer.valid_to,
        enrolled_by: caller,
        enrolled_at: Some(timestamp_of(instant(decided_at))),
        reason: signer.reason,
    })
}

fn bytes_of(fingerprint: &str) -> Result<Vec<u8>, Refusal> {
    match fingerprint {
        "" => Ok(Vec::new()),
        hex => hex_32(hex)
            .map(|bytes| bytes.to_vec())
            .ok_or_else(|| Refusal::new(Reason::Fault, "a signer's fingerprint is damaged")),
    }
}
