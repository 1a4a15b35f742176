//! Lists: licenses by a filter, and the versions of one license with what each changed.

use std::collections::BTreeMap;

use descargo_ledger::list::{Drawn, ListBounds, ListPlace, VersionRow, Wanted};
use descargo_ledger::reader::{LicenseAt, Reader};
use descargo_model::license_name::LicenseName;
use descargo_model::pb;
use jiff::Timestamp;
use prost::Message;

use crate::answer::verdict_id;
use crate::caller::{Caller, Role};
use crate::changes;
use crate::command::{Desk, Terms};
use crate::filter::{Field, Filter};
use crate::limits::QUERY_BYTES_MAX;
use crate::place;
use crate::read::{LicenseQuery, record};
use crate::refusal::{Reason, Refusal};
use crate::request;

/// Page size when none is asked for, and the largest one.
const PAGE_SIZE: u32 = 100;
const PAGE_SIZE_MAX: u32 = 1_000;
/// Licenses that one page looks at: their names cost 3 microseconds each, their contents 50. A page
/// may come shorter for it, even empty, with a token to go on.
const NAMED_MAX: u32 = 20_000;
const OPENED_MAX: u32 = 2_000;
/// Bytes of envelopes on one page of versions; an answer may have 16 MiB.
const VERSIONS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Whose licenses the caller reads: one agency's, or all (empty).
///
/// # Errors
/// `ROLE_NOT_ALLOWED` when it reads none.
pub(crate) fn scope(caller: &Caller) -> Result<&str, Refusal> {
    match caller.role {
        Role::Agency => Ok(caller.agencies.first().map_or("", |own| &own.agency)),
        Role::Auditor | Role::Coordinator => Ok(""),
        _ => Err(Refusal::new(Reason::RoleNotAllowed, "this identity lists no licenses")),
    }
}

/// How many records a page may have.
///
/// # Errors
/// `FIELD_INVALID` above the limit.
pub(crate) fn page_size(asked: u32) -> Result<usize, Refusal> {
    let size = match asked {
        0 => PAGE_SIZE,
        1..=PAGE_SIZE_MAX => asked,
        _ => {
            return Err(Refusal::of_field(
                Reason::FieldInvalid,
                "page_size",
                format!("{asked} on a page, at most {PAGE_SIZE_MAX}"),
            ));
        }
    };
    usize::try_from(size).map_err(|_| Refusal::new(Reason::Fault, "page size"))
}

pub(crate) fn not_our_token() -> Refusal {
    Refusal::of_field(
        Reason::PageTokenInvalid,
        "page_token",
        "not a page token that this caller got for the same question",
    )
}

/// The licenses that a caller asks for.
struct Asked<'a> {
    caller: &'a Caller,
    filter: Filter,
    now: Timestamp,
}

impl Wanted for Asked<'_> {
    type Record = pb::LicenseRecord;
    type Fault = Refusal;

    fn may_want(&self, name: &LicenseName) -> bool {
        let known = |field| match field {
            Field::Agency => Some(name.agency.clone()),
            Field::PermitKey => Some(name.permit_key.clone()),
            Field::PermitNumber => Some(name.permit_number.clone()),
            _ => None,
        };
        self.filter.passes(&known) != Some(false)
    }

    fn record(
        &self,
        license: &LicenseAt,
        _: &BTreeMap<u32, Drawn>,
    ) -> Result<Option<pb::LicenseRecord>, Refusal> {
        let record = record(self.caller, license, self.now)?;
        Ok(self.filter.passes(&|field| value_of(&record, field)).unwrap_or(false).then_some(record))
    }
}

/// What a record says, as it is shown: so a license whose last day has passed is EXPIRED here too.
fn value_of(record: &pb::LicenseRecord, field: Field) -> Option<String> {
    let (standing, license) = (record.standing.as_ref()?, record.license.as_ref()?);
    let name = standing.license.as_ref()?;
    Some(match field {
        Field::Agency => name.agency.clone(),
        Field::PermitKey => name.permit_key.clone(),
        Field::PermitNumber => name.permit_number.clone(),
        Field::Status => {
            let status = standing.status().as_str_name();
            status.strip_prefix("LICENSE_STATUS_").unwrap_or(status).to_owned()
        }
        Field::HolderRfc => license.holder.as_ref()?.rfc.clone(),
        Field::ValidFrom => license.valid_from.clone(),
        Field::ValidTo => license.valid_to.clone(),
    })
}

/// Answers a `ListLicensesRequest`.
///
/// # Errors
/// [`Refusal`] when the filter, the size or the token is wrong, or the role reads no lists.
pub(crate) fn licenses(
    desk: &Desk,
    reader: &Reader<Terms>,
    caller: &Caller,
    bytes: &[u8],
    now: Timestamp,
) -> Result<Vec<u8>, Refusal> {
    let message: pb::ListLicensesRequest =
        request::read("ListLicensesRequest", bytes, QUERY_BYTES_MAX)?;
    let agency = scope(caller)?;
    let rows_max = page_size(message.page_size)?;
    let filter = Filter::parse(&message.filter)
        .map_err(|error| Refusal::of_field(Reason::FieldInvalid, "filter", error.to_string()))?;
    let bound_to = ["licenses", &caller.name, agency, &message.filter];
    let after = match message.page_token.as_str() {
        "" => None,
        token => Some(place::list_place(&desk.codes, &bound_to, token).ok_or_else(not_our_token)?),
    };
    let bounds = ListBounds { rows_max, named_max: NAMED_MAX, opened_max: OPENED_MAX };
    let asked = Asked { caller, filter, now };
    let page = reader.list(agency, after.as_ref(), bounds, &asked)?;
    let token = |place: &ListPlace| place::list_token(&desk.codes, &bound_to, place);
    let response = pb::ListLicensesResponse {
        records: page.rows,
        next_page_token: page.next.as_ref().map(token).unwrap_or_default(),
    };
    Ok(response.encode_to_vec())
}

/// Answers a `ListLicenseVersionsRequest`.
///
/// # Errors
/// [`Refusal`] when there is no such license that the caller may read, or the page is wrong.
pub(crate) fn versions(
    desk: &Desk,
    reader: &Reader<Terms>,
    ledger_id: &str,
    caller: &Caller,
    bytes: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let message: pb::ListLicenseVersionsRequest =
        request::read("ListLicenseVersionsRequest", bytes, QUERY_BYTES_MAX)?;
    scope(caller)?;
    let rows_max = page_size(message.page_size)?;
    let query = LicenseQuery::of(message.license, None)?;
    let found = reader.licenses(&query.key, None).map_err(|fault| Refusal::from(&fault))?;
    let state = &query.visible(caller, &found)?.state;
    let name = &state.name;
    let bound_to = ["versions", &caller.name, &name.agency, &name.permit_key, &name.lookup_number];
    let after = match message.page_token.as_str() {
        "" => 0,
        token => place::number_of(&desk.codes, &bound_to, token).ok_or_else(not_our_token)?,
    };
    let (rows, more) = reader
        .versions(state.license_id, after, rows_max, VERSIONS_BYTES_MAX)
        .map_err(|fault| Refusal::from(&fault))?;
    let last = rows.last().filter(|_| more).map(|row| row.version);
    let token = |number| place::number_token(&desk.codes, &bound_to, number);
    let response = pb::ListLicenseVersionsResponse {
        versions: rows.iter().map(|row| version(ledger_id, row)).collect::<Result<_, _>>()?,
        next_page_token: last.map(token).unwrap_or_default(),
    };
    Ok(response.encode_to_vec())
}

fn version(ledger_id: &str, row: &VersionRow) -> Result<pb::LicenseVersion, Refusal> {
    let damaged = |_| Refusal::new(Reason::Fault, "a license's version is damaged");
    let content = pb::License::decode(row.content.as_slice()).map_err(damaged)?;
    // The first version changes nothing: it is the whole license.
    let changes = match &row.content_before {
        None => Vec::new(),
        Some(before) => {
            let before = pb::License::decode(before.as_slice()).map_err(damaged)?;
            changes::between(&before, &content)
        }
    };
    Ok(pb::LicenseVersion {
        version: row.version,
        envelope: Some(pb::Envelope::decode(row.envelope.as_slice()).map_err(damaged)?),
        verdict_id: verdict_id(ledger_id, row.verdict_no),
        changes,
    })
}
