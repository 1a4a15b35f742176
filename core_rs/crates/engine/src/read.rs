//! Reads that decide nothing: a license, an earlier answer.

use descargo_ledger::command::LicenseKey;
use descargo_ledger::state::LicenseState;
use descargo_model::date::Day;
use descargo_model::life::{Step, Stop, next_steps};
use descargo_model::pb;
use descargo_model::text::lookup_number;
use jiff::Timestamp;
use prost::Message;

use crate::answer::standing_pb;
use crate::caller::{Caller, Role};
use crate::refusal::{Reason, Refusal};
use crate::request;
use descargo_ledger::reader::LicenseAt;

/// What a `GetLicenseRequest` asks for.
pub(crate) struct LicenseQuery {
    pub key: LicenseKey,
    pub version: Option<u32>,
    agency: String,
}

impl LicenseQuery {
    /// Reads the request.
    ///
    /// # Errors
    /// [`Refusal`] when it is malformed.
    pub fn read(bytes: &[u8], bytes_max: usize) -> Result<Self, Refusal> {
        let message: pb::GetLicenseRequest = request::read("GetLicenseRequest", bytes, bytes_max)?;
        Self::of(message.license, message.version)
    }

    /// Asks for a license by its name.
    ///
    /// # Errors
    /// [`Refusal`] when the name is not whole.
    pub fn of(license: Option<pb::LicenseId>, version: Option<u32>) -> Result<Self, Refusal> {
        let id = request::required("license", license)?;
        if id.permit_key.is_empty() || id.permit_number.is_empty() {
            let absent = if id.permit_key.is_empty() { "permit_key" } else { "permit_number" };
            return request::required(&format!("license.{absent}"), None);
        }
        Ok(Self {
            key: LicenseKey {
                lookup_number: lookup_number(&id.permit_number),
                permit_key: id.permit_key,
            },
            version,
            agency: id.agency,
        })
    }

    /// The response with the one license that the caller may read.
    ///
    /// # Errors
    /// As [`LicenseQuery::visible`].
    pub fn answer(
        &self,
        caller: &Caller,
        found: &[LicenseAt],
        now: Timestamp,
    ) -> Result<Vec<u8>, Refusal> {
        let record = record(caller, self.visible(caller, found)?, now)?;
        Ok(pb::GetLicenseResponse { record: Some(record) }.encode_to_vec())
    }

    /// The one license that the caller may read.
    ///
    /// # Errors
    /// `LICENSE_UNKNOWN`, also for what the caller may not know; `FIELD_INVALID` when several
    /// agencies have one of this key and number and none was named.
    pub fn visible<'a>(
        &self,
        caller: &Caller,
        found: &'a [LicenseAt],
    ) -> Result<&'a LicenseAt, Refusal> {
        let visible = |row: &&LicenseAt| {
            let agency = &row.state.name.agency;
            let named = self.agency.is_empty() || *agency == self.agency;
            let own = caller.role != Role::Agency
                || caller.is_told_of(agency, &row.state.name.permit_key);
            named && own
        };
        let mut rows = found.iter().filter(visible);
        let Some(row) = rows.next() else {
            return Err(Refusal::of_field(
                Reason::LicenseUnknown,
                "license",
                "no license of this key and number, or not one that this identity may read",
            ));
        };
        if rows.next().is_some() {
            return Err(Refusal::of_field(
                Reason::FieldInvalid,
                "license.agency",
                "several agencies have a license of this key and number; name one",
            ));
        }
        Ok(row)
    }
}

/// A license as the caller may read it.
///
/// # Errors
/// A fault, when its content is damaged.
pub(crate) fn record(
    caller: &Caller,
    row: &LicenseAt,
    now: Timestamp,
) -> Result<pb::LicenseRecord, Refusal> {
    let license = pb::License::decode(row.content.as_slice())
        .map_err(|_| Refusal::new(Reason::Fault, "a license's content is damaged"))?;
    let status = status(row, &license, now)
        .ok_or_else(|| Refusal::new(Reason::Fault, "a license's last day is damaged"))?;
    // Who reads at a lane compares what the broker states with the goods, not with the firma.
    let may_have_signature = matches!(caller.role, Role::Agency | Role::Auditor);
    Ok(pb::LicenseRecord {
        standing: Some(standing_pb(&row.state, status)),
        license: Some(license),
        discharge_signature: match may_have_signature {
            true => row.state.discharge_signature.clone(),
            false => String::new(),
        },
        stops: standing_stops(&row.state, now),
        next_steps: signing_again(status)
            .into_iter()
            .chain(next_steps(status, &row.state.stops, now).into_iter().map(Step::as_str))
            .map(str::to_owned)
            .collect(),
        doubtful_versions: row.state.doubtful.clone(),
    })
}

/// What lifts a quarantine. It is no change of the license, so it is no step of its life.
fn signing_again(status: pb::LicenseStatus) -> Option<&'static str> {
    (status == pb::LicenseStatus::Quarantined).then_some("signing_again")
}

/// The license's status now, whichever version was asked for; `None` when its content is damaged.
pub(crate) fn status(
    row: &LicenseAt,
    license: &pb::License,
    now: Timestamp,
) -> Option<pb::LicenseStatus> {
    let valid_to = match &row.present_content {
        None => Day::parse(&license.valid_to).ok()?,
        Some(present) => {
            let present = pb::License::decode(present.as_slice()).ok()?;
            Day::parse(&present.valid_to).ok()?
        }
    };
    Some(row.state.status_at(now, valid_to))
}

/// The stops that run or will run.
fn standing_stops(state: &LicenseState, now: Timestamp) -> Vec<pb::Stop> {
    let stops = state.stops.iter().filter(|stop| !stop.is_over(now));
    stops.map(Stop::to_pb).collect()
}
