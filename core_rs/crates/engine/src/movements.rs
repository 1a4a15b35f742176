//! What explains a balance: where licenses stand, and every movement that brought them there.
//!
//! Whatever became of a license or a declaration, what is left of a balance is the sum of what its
//! movements returned, less the sum of what they took.

use descargo_ledger::feed::{FeedPlace, FeedRow};
use descargo_ledger::movements::{MovementBounds, MovementsOf};
use descargo_ledger::reader::{LicenseAt, Reader};
use descargo_model::pb::{self, get_balance_request, list_movements_request};
use jiff::Timestamp;
use prost::Message;

use crate::answer::standing_pb;
use crate::caller::{Caller, Role};
use crate::command::{Desk, Terms};
use crate::limits::QUERY_BYTES_MAX;
use crate::list::{not_our_token, page_size, scope};
use crate::place::Cursor;
use crate::read::{LicenseQuery, status};
use crate::recorded::Stored;
use crate::refusal::{Reason, Refusal};
use crate::request;

/// Bytes of verdicts that one page reads: a tenth of a second. A declaration of a thousand lines has
/// one verdict of some hundred thousand.
const ANSWERS_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Digits of a declaration's number.
const DECLARATION_NUMBER_LEN: usize = 15;

/// Answers a `GetBalanceRequest`. Takes up to a quarter of a second for a declaration of thousands of
/// licenses.
///
/// # Errors
/// [`Refusal`] when there is no such license that the caller may read, or the role reads none.
pub(crate) fn balance(
    reader: &Reader<Terms>,
    caller: &Caller,
    bytes: &[u8],
    now: Timestamp,
) -> Result<Vec<u8>, Refusal> {
    use get_balance_request::Subject::{DeclarationNumber, License};
    let message: pb::GetBalanceRequest =
        request::read("GetBalanceRequest", bytes, QUERY_BYTES_MAX)?;
    scope(caller)?;
    let standings = match request::required("subject", message.subject)? {
        License(license) => {
            let query = LicenseQuery::of(Some(license), None)?;
            let found = reader.licenses(&query.key, None).map_err(|fault| Refusal::from(&fault))?;
            vec![standing(query.visible(caller, &found)?, now)?]
        }
        DeclarationNumber(number) => reader
            .licenses_of_declaration(declaration(&number)?, &told(caller))
            .map_err(|fault| Refusal::from(&fault))?
            .iter()
            .map(|license| standing(license, now))
            .collect::<Result<_, _>>()?,
    };
    Ok(pb::GetBalanceResponse { standings }.encode_to_vec())
}

fn standing(license: &LicenseAt, now: Timestamp) -> Result<pb::Standing, Refusal> {
    let damaged = || Refusal::new(Reason::Fault, "a license's content is damaged");
    let content = pb::License::decode(license.content.as_slice()).map_err(|_| damaged())?;
    let status = status(license, &content, now).ok_or_else(damaged)?;
    Ok(standing_pb(&license.state, status))
}

/// Of a declaration over the licenses of several agencies, each agency reads its own part.
fn told(caller: &Caller) -> impl Fn(&pb::LicenseId) -> bool {
    |license| caller.role != Role::Agency || caller.is_told_of(&license.agency, &license.permit_key)
}

fn declaration(number: &str) -> Result<&str, Refusal> {
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    match digits && number.len() == DECLARATION_NUMBER_LEN {
        true => Ok(number),
        false => Err(Refusal::of_field(
            Reason::FieldInvalid,
            "declaration_number",
            format!("not {DECLARATION_NUMBER_LEN} digits"),
        )),
    }
}

/// Answers a `ListMovementsRequest`. Takes up to a tenth of a second.
///
/// # Errors
/// [`Refusal`] when there is no such license that the caller may read, or the page is wrong.
pub(crate) fn movements(
    desk: &Desk,
    reader: &Reader<Terms>,
    ledger_id: &str,
    caller: &Caller,
    bytes: &[u8],
) -> Result<Vec<u8>, Refusal> {
    use list_movements_request::Subject::{DeclarationNumber, License};
    let message: pb::ListMovementsRequest =
        request::read("ListMovementsRequest", bytes, QUERY_BYTES_MAX)?;
    scope(caller)?;
    let rows_max = page_size(message.page_size)?;
    let bounds = MovementBounds { rows_max, bytes_max: ANSWERS_BYTES_MAX };
    let (license, number) = match request::required("subject", message.subject)? {
        License(license) => {
            let query = LicenseQuery::of(Some(license), None)?;
            let found = reader.licenses(&query.key, None).map_err(|fault| Refusal::from(&fault))?;
            (Some(query.visible(caller, &found)?.state.license_id), String::new())
        }
        DeclarationNumber(number) => (None, declaration(&number)?.to_owned()),
    };
    let of = license.map_or(MovementsOf::Declaration(&number), MovementsOf::License);
    let row = license.map(|license_id| license_id.to_string()).unwrap_or_default();
    let bound_to = ["movements", ledger_id, &caller.name, &row, &number];
    let after = match message.page_token.as_str() {
        "" => FeedPlace::default(),
        token => Cursor::read(token, &desk.codes, &bound_to).ok_or_else(not_our_token)?.at,
    };
    let part = reader
        .movements(of, &told(caller), after, bounds)
        .map_err(|fault| Refusal::from(&fault))?;
    let last = part.rows.last().filter(|_| part.more);
    let token = |row: &FeedRow| Cursor { at: row.place, told: 0 }.text(&desk.codes, &bound_to);
    let response = pb::ListMovementsResponse {
        next_page_token: last.map(token).unwrap_or_default(),
        movements: recorded(&part.rows)?,
    };
    Ok(response.encode_to_vec())
}

/// The movements with their verdicts, each of which is read once.
fn recorded(rows: &[FeedRow]) -> Result<Vec<pb::RecordedMovement>, Refusal> {
    let mut told = Vec::with_capacity(rows.len());
    let mut last: Option<(i64, Stored)> = None;
    for row in rows {
        let verdict_no = row.place.verdict_no;
        let kept = last.take().filter(|(number, _)| *number == verdict_no);
        let stored = match kept {
            Some((_, stored)) => stored,
            None => Stored::read(row)?,
        };
        told.push(stored.movement(row)?);
        last = Some((verdict_no, stored));
    }
    Ok(told)
}
