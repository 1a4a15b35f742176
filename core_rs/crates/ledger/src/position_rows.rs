//! Rows of positions and draws: the only place that knows their columns.

use descargo_model::date::Day;
use descargo_model::decimal::{Quantity, Usd};
use descargo_model::pb::DeclarationState;
use rusqlite::{Connection, Row, params};

use crate::command::{LicenseKey, LineKey, Nanos, PositionKey};
use crate::error::StoreFault;
use crate::positions::{DrawRow, DrawState, PositionRow, Statement};
use crate::rows::amount;

type Result<T> = std::result::Result<T, StoreFault>;

const POSITION_COLUMNS: &str = "declaration_number, shipment_no, position_no, state, \
    acceptance_code, clearance_office, statement_sha256, statement_verdict_no, paid_on, \
    paid_verdict_no, lease_until, selected_at, rectifies, rectified_by";

/// Live draws with the names of their licenses.
const DRAWS: &str = "SELECT draw.shipment_no, draw.line_no, draw.license_id, \
    draw.license_line_no, draw.quantity, draw.value_usd, draw.state, draw.statement_sha256, \
    draw.verdict_no, license.permit_key, license.lookup_number \
    FROM draw JOIN license USING (license_id) \
    WHERE draw.declaration_number = ?1 AND draw.state IN (1, 3)";

/// A draw with its shipment.
pub(crate) type PlacedDraw = (u32, DrawRow);

/// The positions of a declaration, by shipment.
pub(crate) fn positions(
    connection: &Connection,
    declaration_number: &str,
) -> Result<Vec<(PositionKey, PositionRow)>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {POSITION_COLUMNS} FROM position WHERE declaration_number = ?1"
    ))?;
    let mut rows = statement.query([declaration_number])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(position(row)?);
    }
    Ok(found)
}

/// Positions whose holds have had their time, those due longest first.
pub(crate) fn due(
    connection: &Connection,
    at: Nanos,
    rows_max: u32,
) -> Result<Vec<(PositionKey, PositionRow)>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {POSITION_COLUMNS} FROM position WHERE lease_until <= ?1
         ORDER BY lease_until LIMIT ?2"
    ))?;
    let mut rows = statement.query(params![at, rows_max])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(position(row)?);
    }
    Ok(found)
}

fn position(row: &Row<'_>) -> Result<(PositionKey, PositionRow)> {
    let damaged = || StoreFault::Damaged { place: "position", row: 0 };
    let state: i32 = row.get(3)?;
    let paid_on: Option<String> = row.get(8)?;
    let paid_on = paid_on.map(|text| Day::parse(&text).map_err(|_| damaged())).transpose()?;
    let statement = row.get::<_, Option<[u8; 32]>>(6)?.zip(row.get::<_, Option<i64>>(7)?);
    let key = PositionKey { declaration_number: row.get(0)?, shipment_no: row.get(1)? };
    let position = PositionRow {
        position_no: row.get::<_, i64>(2)?.cast_unsigned(),
        state: DeclarationState::try_from(state).map_err(|_| damaged())?,
        acceptance_code: row.get(4)?,
        clearance_office: row.get(5)?,
        statement: statement.map(|(sha256, verdict_no)| Statement { sha256, verdict_no }),
        paid_on,
        paid_verdict_no: row.get(9)?,
        lease_until: row.get(10)?,
        selected_at: row.get(11)?,
        rectifies: row.get(12)?,
        rectified_by: row.get(13)?,
    };
    Ok((key, position))
}

/// The live draws of one line.
pub(crate) fn line_draws(connection: &Connection, line: &LineKey) -> Result<Vec<PlacedDraw>> {
    let mut statement = connection
        .prepare_cached(&format!("{DRAWS} AND draw.shipment_no = ?2 AND draw.line_no = ?3"))?;
    let key = params![line.declaration_number, line.shipment_no, line.line_no];
    let mut rows = statement.query(key)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(draw(row)?);
    }
    Ok(found)
}

/// All live draws of a declaration.
pub(crate) fn draws(connection: &Connection, declaration_number: &str) -> Result<Vec<PlacedDraw>> {
    let mut statement = connection.prepare_cached(DRAWS)?;
    let mut rows = statement.query([declaration_number])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(draw(row)?);
    }
    Ok(found)
}

fn draw(row: &Row<'_>) -> Result<PlacedDraw> {
    let license_id: i64 = row.get(2)?;
    let state: i32 = row.get(6)?;
    let draw = DrawRow {
        line_no: row.get(1)?,
        license: LicenseKey { permit_key: row.get(9)?, lookup_number: row.get(10)? },
        license_id,
        license_line_no: row.get(3)?,
        amount: amount((row.get(4)?, row.get(5)?))
            .ok_or(StoreFault::damaged("draw.quantity", license_id))?,
        state: match state == DrawState::Held.code() {
            true => DrawState::Held,
            false => DrawState::Exercised,
        },
        statement_sha256: row.get(7)?,
        verdict_no: row.get(8)?,
    };
    Ok((row.get(0)?, draw))
}

/// Writes a draw as it is from now on.
pub(crate) fn write_draw(connection: &Connection, line: &LineKey, draw: &DrawRow) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO draw VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT DO UPDATE SET quantity = ?6, value_usd = ?7, state = ?8,
                                       statement_sha256 = ?9, verdict_no = ?10",
        )?
        .execute(params![
            line.declaration_number,
            line.shipment_no,
            line.line_no,
            draw.license_id,
            draw.license_line_no,
            draw.amount.quantity.map(Quantity::scaled),
            draw.amount.value_usd.map(Usd::scaled),
            draw.state.code(),
            draw.statement_sha256,
            draw.verdict_no
        ])?;
    Ok(())
}

/// Writes a position as it is from now on.
pub(crate) fn write_position(
    connection: &Connection,
    key: &PositionKey,
    position: &PositionRow,
    verdict_no: i64,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO position VALUES
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
             ON CONFLICT DO UPDATE SET position_no = ?3, state = ?4, acceptance_code = ?5,
                 verdict_no = ?6, clearance_office = ?7, statement_sha256 = ?8,
                 statement_verdict_no = ?9, paid_on = ?10, paid_verdict_no = ?11,
                 lease_until = ?12, selected_at = ?13, rectifies = ?14, rectified_by = ?15",
        )?
        .execute(params![
            key.declaration_number,
            key.shipment_no,
            position.position_no.cast_signed(),
            i32::from(position.state),
            position.acceptance_code,
            verdict_no,
            position.clearance_office,
            position.statement.map(|statement| statement.sha256),
            position.statement.map(|statement| statement.verdict_no),
            position.paid_on.map(|day| day.to_string()),
            position.paid_verdict_no,
            position.lease_until,
            position.selected_at,
            position.rectifies,
            position.rectified_by
        ])?;
    Ok(())
}
