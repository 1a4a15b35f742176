//! From values to rows: with `rows`, the only place that knows the columns.

use descargo_model::decimal::{AmountValue, Quantity, Usd};
use rusqlite::{Connection, OptionalExtension, params};

use crate::command::{Changed, Effect, Issued, Nanos, Positioned, RequestKey};
use crate::error::StoreFault;
use crate::state::{Balance, LicenseState, Movement};
use crate::working::Counters;
use crate::{appointed, position_rows, quarantine, stops, tally};

type Result<T> = std::result::Result<T, StoreFault>;

pub(crate) fn save_counters(connection: &Connection, counters: &Counters) -> Result<()> {
    connection
        .prepare_cached("UPDATE ledger SET last_verdict_no = ?1, last_decided_at = ?2")?
        .execute(params![counters.last_verdict_no, counters.last_decided_at])?;
    Ok(())
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
        Effect::Change(changed) => insert_changed(connection, changed, verdict_no),
        Effect::Position(positioned) => insert_positioned(connection, positioned, verdict_no),
        Effect::Appoint(added) => appointed::insert(connection, added, verdict_no),
        Effect::Hold(held) => {
            insert_movement(connection, held.state.license_id, &held.movement, verdict_no)?;
            quarantine::insert_held(connection, held, verdict_no)
        }
        Effect::Resign(again) => {
            insert_movement(connection, again.state.license_id, &again.movement, verdict_no)?;
            quarantine::insert_resigned(connection, again, verdict_no)
        }
        Effect::EndQuarantine(order_no) => {
            quarantine::insert_end(connection, *order_no, verdict_no)
        }
    }
}

fn insert_issued<T>(connection: &Connection, issued: &Issued<T>, verdict_no: i64) -> Result<()> {
    let state = &issued.state;
    connection
        .prepare_cached("INSERT INTO license VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)")?
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
    let version = Version {
        change_sha256: &issued.change_sha256,
        content: &issued.content,
        envelope: &issued.envelope,
    };
    insert_version(connection, state, &version, verdict_no)?;
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

/// Writes a license's standing and those balances of it that moved.
pub(crate) fn update_standing(
    connection: &Connection,
    state: &LicenseState,
    balances: &[&Balance],
) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE license SET status = ?2, permit_seq = ?3, version = ?4, open_stops = ?5
             WHERE license_id = ?1",
        )?
        .execute(params![
            state.license_id,
            state.status as i32,
            state.permit_seq.cast_signed(),
            state.version,
            i64::try_from(state.stops.len()).unwrap_or(i64::MAX)
        ])?;
    for balance in balances {
        connection
            .prepare_cached(
                "UPDATE balance SET authorized_quantity = ?3, authorized_usd = ?4,
                        available_quantity = ?5, available_usd = ?6,
                        reserved_quantity = ?7, reserved_usd = ?8,
                        exercised_quantity = ?9, exercised_usd = ?10
                 WHERE license_id = ?1 AND license_line_no = ?2",
            )?
            .execute(params![
                state.license_id,
                balance.license_line_no,
                quantity(&balance.authorized),
                usd(&balance.authorized),
                quantity(&balance.available),
                usd(&balance.available),
                quantity(&balance.reserved).unwrap_or(0),
                usd(&balance.reserved).unwrap_or(0),
                quantity(&balance.exercised).unwrap_or(0),
                usd(&balance.exercised).unwrap_or(0),
            ])?;
    }
    Ok(())
}

/// Inserts what a change adds; the license's row itself is written once for the batch.
fn insert_changed<T>(connection: &Connection, changed: &Changed<T>, verdict_no: i64) -> Result<()> {
    let state = &changed.state;
    let version = Version {
        change_sha256: &changed.change_sha256,
        content: &changed.content,
        envelope: &changed.envelope,
    };
    insert_version(connection, state, &version, verdict_no)?;
    for movement in &changed.movements {
        insert_movement(connection, state.license_id, movement, verdict_no)?;
    }
    if let Some(made) = state.stops.iter().find(|stop| stop.version == state.version) {
        stops::insert(connection, state.license_id, made)?;
    }
    if let Some(ended) = changed.ends_suspension {
        stops::end(connection, state.license_id, ended, state.version)?;
    }
    Ok(())
}

/// What a version adds to the license's name and number.
struct Version<'a> {
    change_sha256: &'a [u8; 32],
    content: &'a [u8],
    envelope: &'a [u8],
}

fn insert_version(
    connection: &Connection,
    state: &LicenseState,
    version: &Version<'_>,
    verdict_no: i64,
) -> Result<()> {
    connection
        .prepare_cached("INSERT INTO license_version VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            state.license_id,
            state.version,
            version.change_sha256,
            version.content,
            version.envelope,
            verdict_no
        ])?;
    Ok(())
}

fn insert_positioned(
    connection: &Connection,
    positioned: &Positioned,
    verdict_no: i64,
) -> Result<()> {
    for (license_id, movement) in &positioned.movements {
        insert_movement(connection, *license_id, movement, verdict_no)?;
    }
    for (line, draw) in &positioned.draws {
        position_rows::write_draw(connection, line, draw)?;
    }
    for (key, position) in &positioned.positions {
        position_rows::write_position(connection, key, position, verdict_no)?;
    }
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
    tally::forget_refused(connection, caller, newest_dropped)?;
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

fn quantity(amount: &AmountValue) -> Option<i64> {
    amount.quantity.map(Quantity::scaled)
}

fn usd(amount: &AmountValue) -> Option<i64> {
    amount.value_usd.map(Usd::scaled)
}
