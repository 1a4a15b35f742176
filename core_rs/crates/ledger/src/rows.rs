//! From rows to values: with `writes`, the only place that knows the columns.

use descargo_model::decimal::{AmountValue, Quantity, Usd};
use descargo_model::license_name::LicenseName;
use descargo_model::pb::LicenseStatus;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::command::{LicenseKey, RequestKey, VersionMark};
use crate::error::StoreFault;
use crate::state::{Balance, LicenseState};
use crate::working::{Counters, Outcome};
use crate::{quarantine, stops};

type Result<T> = std::result::Result<T, StoreFault>;

pub(crate) fn counters(connection: &Connection) -> Result<Counters> {
    let last_license_id = connection
        .prepare_cached("SELECT COALESCE(MAX(license_id), 0) FROM license")?
        .query_row([], |row| row.get(0))?;
    Ok(connection
        .prepare_cached("SELECT ledger_id, last_verdict_no, last_decided_at FROM ledger")?
        .query_row([], |row| {
            Ok(Counters {
                ledger_id: row.get(0)?,
                last_verdict_no: row.get(1)?,
                last_decided_at: row.get(2)?,
                last_license_id,
            })
        })?)
}

pub(crate) fn outcome(connection: &Connection, key: &RequestKey) -> Result<Option<Outcome>> {
    Ok(connection
        .prepare_cached(
            "SELECT request_sha256, verdict_no FROM request WHERE caller = ?1 AND request_id = ?2",
        )?
        .query_row(params![key.caller, key.request_id], |row| {
            Ok(Outcome { request_sha256: row.get(0)?, verdict_no: row.get(1)? })
        })
        .optional()?)
}

pub(crate) fn answer(connection: &Connection, verdict_no: i64) -> Result<Option<Vec<u8>>> {
    Ok(connection
        .prepare_cached("SELECT answer FROM verdict WHERE verdict_no = ?1")?
        .query_row([verdict_no], |row| row.get(0))
        .optional()?)
}

/// The licenses with a key and number, by agency, with their balances.
pub(crate) fn licenses(connection: &Connection, key: &LicenseKey) -> Result<Vec<LicenseState>> {
    let mut statement = connection.prepare_cached(
        "SELECT license_id, agency, permit_key, permit_number, lookup_number, version, status,
                permit_seq, discharge_signature, open_stops
         FROM license WHERE permit_key = ?1 AND lookup_number = ?2 ORDER BY agency",
    )?;
    let rows = statement.query_map(params![key.permit_key, key.lookup_number], |row| {
        Ok((row.get::<_, i32>(6)?, row.get::<_, i64>(9)?, license_row(row)?))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (status, open_stops, mut state) = row?;
        state.status = LicenseStatus::try_from(status)
            .map_err(|_| StoreFault::damaged("license.status", state.license_id))?;
        state.balances = balances(connection, state.license_id)?;
        // Of a thousand licenses one is stopped; the others must not pay for a query.
        if open_stops > 0 {
            state.stops = stops::open(connection, state.license_id)?;
        }
        if state.status == LicenseStatus::Quarantined {
            state.doubtful = quarantine::doubtful(connection, state.license_id)?;
        }
        found.push(state);
    }
    Ok(found)
}

fn license_row(row: &Row<'_>) -> rusqlite::Result<LicenseState> {
    Ok(LicenseState {
        license_id: row.get(0)?,
        name: LicenseName {
            agency: row.get(1)?,
            permit_key: row.get(2)?,
            permit_number: row.get(3)?,
            lookup_number: row.get(4)?,
        },
        version: row.get(5)?,
        status: LicenseStatus::Unspecified,
        permit_seq: row.get::<_, i64>(7)?.cast_unsigned(),
        discharge_signature: row.get(8)?,
        balances: Vec::new(),
        stops: Vec::new(),
        doubtful: Vec::new(),
    })
}

fn balances(connection: &Connection, license_id: i64) -> Result<Vec<Balance>> {
    let mut statement = connection.prepare_cached(
        "SELECT license_line_no, unit, authorized_quantity, authorized_usd, available_quantity,
                available_usd, reserved_quantity, reserved_usd, exercised_quantity, exercised_usd
         FROM balance WHERE license_id = ?1 ORDER BY license_line_no",
    )?;
    let rows = statement.query_map([license_id], |row| {
        let pair = |at: usize| -> rusqlite::Result<(Option<i64>, Option<i64>)> {
            Ok((row.get(at)?, row.get(at.saturating_add(1))?))
        };
        Ok((row.get(0)?, row.get(1)?, [pair(2)?, pair(4)?, pair(6)?, pair(8)?]))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (license_line_no, unit, [authorized, available, reserved, exercised]) = row?;
        let amount = |pair| amount(pair).ok_or(StoreFault::damaged("balance", license_id));
        found.push(Balance {
            license_line_no,
            unit,
            authorized: amount(authorized)?,
            available: amount(available)?,
            reserved: amount(reserved)?,
            exercised: amount(exercised)?,
        });
    }
    Ok(found)
}

pub(crate) fn amount((quantity, usd): (Option<i64>, Option<i64>)) -> Option<AmountValue> {
    Some(AmountValue {
        quantity: match quantity {
            Some(scaled) => Some(Quantity::from_scaled(scaled)?),
            None => None,
        },
        value_usd: match usd {
            Some(scaled) => Some(Usd::from_scaled(scaled)?),
            None => None,
        },
    })
}

pub(crate) fn version(
    connection: &Connection,
    license_id: i64,
    version: u32,
) -> Result<Option<VersionMark>> {
    Ok(connection
        .prepare_cached(
            "SELECT change_sha256, verdict_no FROM license_version
             WHERE license_id = ?1 AND version = ?2",
        )?
        .query_row(params![license_id, version], |row| {
            Ok(VersionMark { version, change_sha256: row.get(0)?, verdict_no: row.get(1)? })
        })
        .optional()?)
}

pub(crate) fn content(
    connection: &Connection,
    license_id: i64,
    version: u32,
) -> Result<Option<Vec<u8>>> {
    Ok(connection
        .prepare_cached(
            "SELECT content FROM license_version WHERE license_id = ?1 AND version = ?2",
        )?
        .query_row(params![license_id, version], |row| row.get(0))
        .optional()?)
}
