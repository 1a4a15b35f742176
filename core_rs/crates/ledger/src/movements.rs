//! Movements that explain balances: of one license, or of one declaration over all its licenses.
//!
//! Movements are inserted only, and each new one comes last in either order. So a page that was read
//! stays true, and the pages after it lose nothing. A movement costs some 20 microseconds and its
//! verdict's answer, so the bytes of those are bounded too.

use std::collections::HashMap;
use std::rc::Rc;

use descargo_model::license_name::LicenseName;
use descargo_model::pb::LicenseId;
use rusqlite::{Connection, params};

use crate::error::StoreFault;
use crate::feed::{self, FeedPlace, FeedRow};
use crate::list;
use crate::reader::LicenseAt;

type Result<T> = std::result::Result<T, StoreFault>;

/// Whose movements are asked for.
#[derive(Debug, Clone, Copy)]
pub enum MovementsOf<'a> {
    /// Those of a license's row.
    License(i64),
    /// Those by which a declaration took or gave back.
    Declaration(&'a str),
}

/// How much is read for one page.
#[derive(Debug, Clone, Copy)]
pub struct MovementBounds {
    /// Movements on the page.
    pub rows_max: usize,
    /// Bytes of their verdicts' answers; at least one movement is read whatever it costs.
    pub bytes_max: usize,
}

/// A page of movements.
#[derive(Debug)]
pub struct MovementPart {
    /// The movements, in order.
    pub rows: Vec<FeedRow>,
    /// Whether there are more.
    pub more: bool,
}

/// Movements after a place, of those licenses that are `told` of.
pub(crate) fn part(
    connection: &Connection,
    of: MovementsOf<'_>,
    told: &dyn Fn(&LicenseId) -> bool,
    after: FeedPlace,
    bounds: MovementBounds,
) -> Result<MovementPart> {
    let mut page = Page { bounds, owned: HashMap::new(), rows: Vec::new(), bytes: 0 };
    let more = match of {
        MovementsOf::License(license_id) => {
            let mut statement = connection.prepare_cached(
                "SELECT verdict_no, license_id, permit_seq FROM movement
                 WHERE license_id = ?1 AND permit_seq > ?2 ORDER BY permit_seq",
            )?;
            page.take(connection, told, &mut statement.query([license_id, after.permit_seq])?)?
        }
        MovementsOf::Declaration(number) => {
            let mut more = false;
            for verdict_no in verdicts(connection, number, after.verdict_no)? {
                let mut statement = connection.prepare_cached(
                    "SELECT verdict_no, license_id, permit_seq
                     FROM movement INDEXED BY movement_verdict
                     WHERE verdict_no = ?1
                       AND (verdict_no, license_id, permit_seq) > (?2, ?3, ?4)
                     ORDER BY license_id, permit_seq",
                )?;
                let FeedPlace { verdict_no: last, license_id, permit_seq } = after;
                let mut found =
                    statement.query(params![verdict_no, last, license_id, permit_seq])?;
                more = page.take(connection, told, &mut found)?;
                if more {
                    break;
                }
            }
            more
        }
    };
    Ok(MovementPart { rows: page.rows, more })
}

/// The page as far as it has come.
struct Page {
    bounds: MovementBounds,
    owned: HashMap<i64, Option<LicenseId>>,
    rows: Vec<FeedRow>,
    bytes: usize,
}

impl Page {
    /// Takes what is found until the page is full; says whether anything was left out.
    fn take(
        &mut self,
        connection: &Connection,
        told: &dyn Fn(&LicenseId) -> bool,
        found: &mut rusqlite::Rows<'_>,
    ) -> Result<bool> {
        while let Some(row) = found.next()? {
            let place = feed::place_of(row)?;
            let license = feed::owned_license(connection, &mut self.owned, place.license_id, told)?;
            let Some(license) = license else { continue };
            if self.rows.len() >= self.bounds.rows_max || self.bytes >= self.bounds.bytes_max {
                return Ok(true);
            }
            let answer = self.answer(connection, place.verdict_no)?;
            let mut row = feed::movement(connection, place, license, answer)?;
            feed::add_reason(connection, &mut row)?;
            self.rows.push(row);
        }
        Ok(false)
    }

    fn answer(&mut self, connection: &Connection, verdict_no: i64) -> Result<Rc<[u8]>> {
        let last = self.rows.last().filter(|row| row.place.verdict_no == verdict_no);
        if let Some(row) = last {
            return Ok(row.answer.clone());
        }
        let answer = feed::answer(connection, verdict_no)?;
        self.bytes = self.bytes.saturating_add(answer.len());
        Ok(answer)
    }
}

/// The verdicts that moved a declaration, from one on.
fn verdicts(connection: &Connection, number: &str, from: i64) -> Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT verdict_no FROM position_trail WHERE declaration_number = ?1 AND verdict_no >= ?2
         UNION SELECT verdict_no FROM position WHERE declaration_number = ?1 AND verdict_no >= ?2
         ORDER BY verdict_no",
    )?;
    let mut found = statement.query(params![number, from])?;
    let mut verdicts = Vec::new();
    while let Some(row) = found.next()? {
        verdicts.push(row.get(0)?);
    }
    Ok(verdicts)
}

/// The licenses that a declaration ever drew from and that are `told` of, by name.
pub(crate) fn licenses_of(
    connection: &Connection,
    number: &str,
    told: &dyn Fn(&LicenseId) -> bool,
) -> Result<Vec<LicenseAt>> {
    let mut statement = connection.prepare_cached(
        "SELECT license_id, agency, permit_key, permit_number, lookup_number FROM license
         WHERE license_id IN (SELECT license_id FROM draw WHERE declaration_number = ?1)
         ORDER BY agency, permit_key, lookup_number",
    )?;
    let mut found = statement.query([number])?;
    let mut licenses = Vec::new();
    while let Some(row) = found.next()? {
        let name = LicenseName {
            agency: row.get(1)?,
            permit_key: row.get(2)?,
            permit_number: row.get(3)?,
            lookup_number: row.get(4)?,
        };
        let id = LicenseId {
            agency: name.agency.clone(),
            permit_key: name.permit_key.clone(),
            permit_number: name.permit_number.clone(),
        };
        if told(&id) {
            licenses.push(list::license(connection, row.get(0)?, &name)?);
        }
    }
    Ok(licenses)
}
