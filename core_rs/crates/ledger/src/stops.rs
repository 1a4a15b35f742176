//! The rows of stops: the only place that knows their columns.

use descargo_model::life::{Stop, StopKind};
use descargo_model::pb;
use jiff::Timestamp;
use prost::Message;
use rusqlite::{Connection, Row, params};

use crate::command::Nanos;
use crate::error::StoreFault;

type Result<T> = std::result::Result<T, StoreFault>;

/// The stops of a license that no reinstatement ended, by version.
pub(crate) fn open(connection: &Connection, license_id: i64) -> Result<Vec<Stop>> {
    let mut statement = connection.prepare_cached(
        "SELECT version, kind, lines, offices, start_at, end_at, reason, legal_basis
         FROM stop WHERE license_id = ?1 AND ended_by_version IS NULL ORDER BY version",
    )?;
    let mut rows = statement.query([license_id])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(stop(row)?.ok_or(StoreFault::damaged("stop", license_id))?);
    }
    Ok(found)
}

fn stop(row: &Row<'_>) -> rusqlite::Result<Option<Stop>> {
    let kind = pb::MovementKind::try_from(row.get::<_, i32>(1)?).ok();
    let extent = |at| -> rusqlite::Result<Option<pb::Extent>> {
        Ok(pb::Extent::decode(row.get::<_, Vec<u8>>(at)?.as_slice()).ok())
    };
    let instant = |nanos: Nanos| Timestamp::from_nanosecond(nanos.into()).ok();
    let (Some(kind), Some(lines), Some(offices), Some(start)) =
        (kind.and_then(kind_of), extent(2)?, extent(3)?, instant(row.get(4)?))
    else {
        return Ok(None);
    };
    Ok(Some(Stop {
        version: row.get(0)?,
        kind,
        lines,
        offices,
        start,
        end: row.get::<_, Option<Nanos>>(5)?.and_then(instant),
        reason: row.get(6)?,
        legal_basis: row.get(7)?,
    }))
}

fn kind_of(kind: pb::MovementKind) -> Option<StopKind> {
    match kind {
        pb::MovementKind::Suspend => Some(StopKind::Suspension),
        pb::MovementKind::Revoke => Some(StopKind::Revocation),
        pb::MovementKind::Cancel => Some(StopKind::Cancellation),
        _ => None,
    }
}

pub(crate) fn insert(connection: &Connection, license_id: i64, stop: &Stop) -> Result<()> {
    connection
        .prepare_cached("INSERT INTO stop VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, NULL)")?
        .execute(params![
            license_id,
            stop.version,
            stop.kind.step().movement() as i32,
            stop.lines.encode_to_vec(),
            stop.offices.encode_to_vec(),
            nanos(stop.start),
            stop.end.map(nanos),
            stop.reason,
            stop.legal_basis
        ])?;
    Ok(())
}

/// Ends a suspension.
pub(crate) fn end(
    connection: &Connection,
    license_id: i64,
    version: u32,
    ended_by_version: u32,
) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE stop SET ended_by_version = ?3 WHERE license_id = ?1 AND version = ?2",
        )?
        .execute(params![license_id, version, ended_by_version])?;
    Ok(())
}

/// Instants are plausible, so years before 2262: they fit.
fn nanos(at: Timestamp) -> Nanos {
    Nanos::try_from(at.as_nanosecond()).unwrap_or(Nanos::MAX)
}
