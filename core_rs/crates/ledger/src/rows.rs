//! Rows to values and back: the only place that knows the columns.

use descargo_model::decimal::{AmountValue, Quantity, Usd};
use descargo_model::license_name::LicenseName;
use descargo_model::pb::LicenseStatus;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::command::{
    DrawRow, Drawn, Effect, Issued, LicenseKey, LineKey, Nanos, PositionRow, RequestKey,
    VersionMark,
};
use crate::error::StoreFault;
use crate::state::{Balance, LicenseState, Movement};
use crate::working::{Counters, Outcome};

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

pub(crate) fn save_counters(connection: &Connection, counters: &Counters) -> Result<()> {
    connection
        .prepare_cached("UPDATE ledger SET last_verdict_no = ?1, last_decided_at = ?2")?
        .execute(params![counters.last_verdict_no, counters.last_decided_at])?;
    Ok(())
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
                permit_seq, discharge_signature
         FROM license WHERE permit_key = ?1 AND lookup_number = ?2 ORDER BY agency",
    )?;
    let rows = statement.query_map(params![key.permit_key, key.lookup_number], |row| {
        Ok((row.get::<_, i32>(6)?, license_row(row)?))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (status, mut state) = row?;
        state.status = LicenseStatus::try_from(status)
            .map_err(|_| StoreFault::damaged("license.status", state.license_id))?;
        state.balances = balances(connection, state.license_id)?;
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

fn amount((quantity, usd): (Option<i64>, Option<i64>)) -> Option<AmountValue> {
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

fn quantity(amount: &AmountValue) -> Option<i64> {
    amount.quantity.map(Quantity::scaled)
}

fn usd(amount: &AmountValue) -> Option<i64> {
    amount.value_usd.map(Usd::scaled)
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

pub(crate) fn draws(connection: &Connection, line: &LineKey) -> Result<Vec<DrawRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT license_id, license_line_no, statement_sha256, verdict_no FROM draw
         WHERE declaration_number = ?1 AND shipment_no = ?2 AND line_no = ?3",
    )?;
    let rows = statement.query_map(
        params![line.declaration_number, line.shipment_no, line.line_no],
        |row| {
            Ok(DrawRow {
                license_id: row.get(0)?,
                license_line_no: row.get(1)?,
                statement_sha256: row.get(2)?,
                verdict_no: row.get(3)?,
            })
        },
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn position(
    connection: &Connection,
    declaration_number: &str,
    shipment_no: u32,
) -> Result<Option<PositionRow>> {
    Ok(connection
        .prepare_cached(
            "SELECT position_no, state, acceptance_code FROM position
             WHERE declaration_number = ?1 AND shipment_no = ?2",
        )?
        .query_row(params![declaration_number, shipment_no], |row| {
            Ok(PositionRow {
                position_no: row.get::<_, i64>(0)?.cast_unsigned(),
                state: row.get(1)?,
                acceptance_code: row.get(2)?,
            })
        })
        .optional()?)
}

/// A verdict as it is stored.
pub(crate) struct VerdictRow<'a> {
    pub verdict_no: i64,
    pub caller: &'a str,
    pub refused: bool,
    pub decided_at: Nanos,
    pub request: &'a [u8],
    pub answer: &'a [u8],
}

pub(crate) fn insert_verdict(connection: &Connection, row: &VerdictRow<'_>) -> Result<()> {
    connection.prepare_cached("INSERT INTO verdict VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(
        params![row.verdict_no, row.caller, row.refused, row.decided_at, row.request, row.answer],
    )?;
    Ok(())
}

pub(crate) fn insert_request(
    connection: &Connection,
    key: &RequestKey,
    request_sha256: &[u8; 32],
    verdict_no: i64,
) -> Result<()> {
    connection.prepare_cached("INSERT INTO request VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        key.caller,
        key.request_id,
        request_sha256,
        verdict_no
    ])?;
    Ok(())
}

pub(crate) fn insert_effect<T>(
    connection: &Connection,
    effect: &Effect<T>,
    verdict_no: i64,
) -> Result<()> {
    match effect {
        Effect::Nothing => Ok(()),
        Effect::Issue(issued) => insert_issued(connection, issued, verdict_no),
        Effect::Draw(drawn) => insert_drawn(connection, drawn, verdict_no),
    }
}

fn insert_issued<T>(connection: &Connection, issued: &Issued<T>, verdict_no: i64) -> Result<()> {
    let state = &issued.state;
    connection
        .prepare_cached("INSERT INTO license VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
        .execute(params![
        state.license_id,
        state.name.agency,
        state.name.permit_key,
        state.name.permit_number,
        state.name.lookup_number,
        state.version,
        state.status as i32,
        state.permit_seq.cast_signed(),
        state.discharge_signature
    ])?;
    connection
        .prepare_cached("INSERT INTO license_version VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            state.license_id,
            state.version,
            issued.change_sha256,
            issued.content,
            issued.envelope,
            verdict_no
        ])?;
    for balance in &state.balances {
        insert_balance(connection, state.license_id, balance)?;
    }
    for movement in &issued.movements {
        insert_movement(connection, state.license_id, movement, verdict_no)?;
    }
    Ok(())
}

fn insert_balance(connection: &Connection, license_id: i64, balance: &Balance) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO balance VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            license_id,
            balance.license_line_no,
            balance.unit,
            quantity(&balance.authorized),
            quantity(&balance.available),
            quantity(&balance.reserved).unwrap_or(0),
            quantity(&balance.exercised).unwrap_or(0),
            usd(&balance.authorized),
            usd(&balance.available),
            usd(&balance.reserved).unwrap_or(0),
            usd(&balance.exercised).unwrap_or(0),
        ])?;
    Ok(())
}

/// Writes a license's standing and the one balance of it that moved.
pub(crate) fn update_standing(
    connection: &Connection,
    state: &LicenseState,
    balance: &Balance,
) -> Result<()> {
    connection
        .prepare_cached("UPDATE license SET status = ?2, permit_seq = ?3 WHERE license_id = ?1")?
        .execute(params![state.license_id, state.status as i32, state.permit_seq.cast_signed()])?;
    connection
        .prepare_cached(
            "UPDATE balance SET available_quantity = ?3, available_usd = ?4,
                    reserved_quantity = ?5, reserved_usd = ?6,
                    exercised_quantity = ?7, exercised_usd = ?8
             WHERE license_id = ?1 AND license_line_no = ?2",
        )?
        .execute(params![
            state.license_id,
            balance.license_line_no,
            quantity(&balance.available),
            usd(&balance.available),
            quantity(&balance.reserved).unwrap_or(0),
            usd(&balance.reserved).unwrap_or(0),
            quantity(&balance.exercised).unwrap_or(0),
            usd(&balance.exercised).unwrap_or(0),
        ])?;
    Ok(())
}

fn insert_drawn(connection: &Connection, drawn: &Drawn, verdict_no: i64) -> Result<()> {
    let (line, movement) = (&drawn.line, &drawn.movement);
    insert_movement(connection, drawn.state.license_id, movement, verdict_no)?;
    connection
        .prepare_cached("INSERT INTO draw VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?
        .execute(params![
            line.declaration_number,
            line.shipment_no,
            line.line_no,
            drawn.state.license_id,
            movement.balance_after.license_line_no,
            quantity(&movement.taken),
            usd(&movement.taken),
            drawn.position.state,
            drawn.statement_sha256,
            verdict_no
        ])?;
    connection
        .prepare_cached(
            "INSERT INTO position VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET position_no = ?3, state = ?4, acceptance_code = ?5,
                                       verdict_no = ?6",
        )?
        .execute(params![
            line.declaration_number,
            line.shipment_no,
            drawn.position.position_no.cast_signed(),
            drawn.position.state,
            drawn.position.acceptance_code,
            verdict_no
        ])?;
    Ok(())
}

fn insert_movement(
    connection: &Connection,
    license_id: i64,
    movement: &Movement,
    verdict_no: i64,
) -> Result<()> {
    let after = &movement.balance_after;
    connection
        .prepare_cached(
            "INSERT INTO movement VALUES
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        )?
        .execute(params![
            license_id,
            movement.permit_seq.cast_signed(),
            movement.kind as i32,
            movement.version,
            movement.status as i32,
            after.license_line_no,
            movement.line_no,
            quantity(&movement.taken),
            usd(&movement.taken),
            quantity(&movement.returned),
            usd(&movement.returned),
            quantity(&after.available),
            usd(&after.available),
            quantity(&after.reserved).unwrap_or(0),
            usd(&after.reserved).unwrap_or(0),
            quantity(&after.exercised).unwrap_or(0),
            usd(&after.exercised).unwrap_or(0),
            verdict_no
        ])?;
    Ok(())
}

/// Drops the caller's oldest refusals beyond `kept`, with the requests that they answered.
pub(crate) fn prune_refusals(connection: &Connection, caller: &str, kept: i64) -> Result<usize> {
    let Some(newest_dropped) = connection
        .prepare_cached(
            "SELECT verdict_no FROM verdict WHERE refused = 1 AND caller = ?1
             ORDER BY verdict_no DESC LIMIT 1 OFFSET ?2",
        )?
        .query_row(params![caller, kept], |row| row.get::<_, i64>(0))
        .optional()?
    else {
        return Ok(0);
    };
    connection
        .prepare_cached(
            "DELETE FROM request WHERE verdict_no IN
             (SELECT verdict_no FROM verdict
              WHERE refused = 1 AND caller = ?1 AND verdict_no <= ?2)",
        )?
        .execute(params![caller, newest_dropped])?;
    Ok(connection
        .prepare_cached(
            "DELETE FROM verdict WHERE refused = 1 AND caller = ?1 AND verdict_no <= ?2",
        )?
        .execute(params![caller, newest_dropped])?)
}
