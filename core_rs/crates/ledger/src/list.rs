//! Pages of licenses and of their versions, each within bounds, from one snapshot.

use std::collections::BTreeMap;

use descargo_model::license_name::LicenseName;
use descargo_model::pb::MovementKind;
use rusqlite::{Connection, OptionalExtension, params};

use crate::command::{LicenseKey, Nanos};
use crate::error::StoreFault;
use crate::reader::LicenseAt;
use crate::rows;

type Result<T> = std::result::Result<T, StoreFault>;

/// A license's place in the order of lists: agency, key, number as it is looked up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ListPlace {
    /// Issuing agency.
    pub agency: String,
    /// Key of Apendice 9.
    pub permit_key: String,
    /// Number as it is looked up.
    pub lookup_number: String,
}

/// How much is read for one page.
#[derive(Debug, Clone, Copy)]
pub struct ListBounds {
    /// Licenses on the page.
    pub rows_max: usize,
    /// Licenses whose name is looked at.
    pub named_max: u32,
    /// Licenses whose content is looked at.
    pub opened_max: u32,
}

/// A page of licenses.
#[derive(Debug)]
pub struct ListPart<R> {
    /// What the licenses were made into.
    pub rows: Vec<R>,
    /// Where the next page goes on; `None`: there is none.
    pub next: Option<ListPlace>,
}

/// Who asks and what for: first the name is looked at, and only then the content is read.
pub trait Wanted {
    /// What a license becomes on the page.
    type Record;
    /// Why a license cannot be shown.
    type Fault: From<StoreFault>;

    /// Whether a license of this name may be wanted.
    fn may_want(&self, name: &LicenseName) -> bool;
    /// Since when draws are summed up for the record; `None`: they are not.
    fn drawn_since(&self) -> Option<Nanos> {
        None
    }
    /// The record, when it is wanted. `drawn` has the draws of each line since
    /// [`Wanted::drawn_since`].
    ///
    /// # Errors
    /// When it cannot be made.
    fn record(
        &self,
        license: &LicenseAt,
        drawn: &BTreeMap<u32, Drawn>,
    ) -> std::result::Result<Option<Self::Record>, Self::Fault>;
}

/// What was drawn from a line, as scaled numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn {
    /// Hundred-thousandths of the unit.
    pub quantity: i64,
    /// Cents.
    pub usd: i64,
    /// When the license was issued or taken over.
    pub first_at: Nanos,
}

/// The licenses after `after`, of one agency, or of all when `agency` is empty.
pub(crate) fn part<W: Wanted>(
    connection: &Connection,
    agency: &str,
    after: Option<&ListPlace>,
    bounds: ListBounds,
    wanted: &W,
) -> std::result::Result<ListPart<W::Record>, W::Fault> {
    let begin = ListPlace { agency: agency.to_owned(), ..ListPlace::default() };
    let mut at = after.unwrap_or(&begin).clone();
    let mut found = Vec::new();
    let mut opened = 0_u32;
    let since = match wanted.drawn_since() {
        Some(since) => Some(first_verdict_since(connection, since)?),
        None => None,
    };
    for _ in 0..bounds.named_max {
        let Some((license_id, name)) = next(connection, agency, &at)? else {
            return Ok(ListPart { rows: found, next: None });
        };
        if found.len() >= bounds.rows_max || opened >= bounds.opened_max {
            break;
        }
        at = ListPlace {
            agency: name.agency.clone(),
            permit_key: name.permit_key.clone(),
            lookup_number: name.lookup_number.clone(),
        };
        if wanted.may_want(&name) {
            opened = opened.saturating_add(1);
            let drawn = match since {
                Some(verdict_no) => drawn(connection, license_id, verdict_no)?,
                None => BTreeMap::new(),
            };
            found.extend(wanted.record(&license(connection, license_id, &name)?, &drawn)?);
        }
    }
    Ok(ListPart { rows: found, next: Some(at) })
}

fn next(
    connection: &Connection,
    agency: &str,
    after: &ListPlace,
) -> Result<Option<(i64, LicenseName)>> {
    let mut statement = connection.prepare_cached(
        "SELECT license_id, agency, permit_key, permit_number, lookup_number
         FROM license INDEXED BY license_order
         WHERE (agency, permit_key, lookup_number) > (?1, ?2, ?3)
         ORDER BY agency, permit_key, lookup_number LIMIT 1",
    )?;
    let mut found =
        statement.query(params![after.agency, after.permit_key, after.lookup_number])?;
    let Some(row) = found.next()? else { return Ok(None) };
    let name = LicenseName {
        agency: row.get(1)?,
        permit_key: row.get(2)?,
        permit_number: row.get(3)?,
        lookup_number: row.get(4)?,
    };
    let inside = agency.is_empty() || name.agency == agency;
    Ok(inside.then_some((row.get(0)?, name)))
}

pub(crate) fn license(
    connection: &Connection,
    license_id: i64,
    name: &LicenseName,
) -> Result<LicenseAt> {
    let damaged = || StoreFault::damaged("license", license_id);
    let key = LicenseKey {
        permit_key: name.permit_key.clone(),
        lookup_number: name.lookup_number.clone(),
    };
    let state = rows::licenses(connection, &key)?
        .into_iter()
        .find(|state| state.license_id == license_id)
        .ok_or_else(damaged)?;
    let content = rows::content(connection, license_id, state.version)?.ok_or_else(damaged)?;
    Ok(LicenseAt { state, content, present_content: None })
}

/// The first verdict that was decided at an instant or after it. Verdicts are decided in the order of
/// their numbers, so a search by halves needs some twenty looks and no index.
pub(crate) fn first_verdict_since(connection: &Connection, since: Nanos) -> Result<i64> {
    let mut statement = connection.prepare_cached(
        "SELECT verdict_no, decided_at FROM verdict WHERE verdict_no >= ?1
         ORDER BY verdict_no LIMIT 1",
    )?;
    let last = rows::counters(connection)?.last_verdict_no;
    let (mut low, mut high) = (1, last.saturating_add(1));
    while low < high {
        let middle = low.midpoint(high);
        // Refusals may have been dropped, so the next one that is there answers for its place.
        let found: Option<(i64, Nanos)> =
            statement.query_row([middle], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        match found {
            Some((verdict_no, decided_at)) if decided_at < since => {
                low = verdict_no.saturating_add(1);
            }
            _ => high = middle,
        }
    }
    Ok(low)
}

/// What was drawn from each line since a verdict, newest first, so that old draws are not read.
fn drawn(
    connection: &Connection,
    license_id: i64,
    since_verdict_no: i64,
) -> Result<BTreeMap<u32, Drawn>> {
    let first_at: Nanos = connection
        .prepare_cached(
            "SELECT decided_at FROM movement JOIN verdict USING (verdict_no)
             WHERE license_id = ?1 AND permit_seq = 1",
        )?
        .query_row([license_id], |row| row.get(0))?;
    let mut statement = connection.prepare_cached(
        "SELECT verdict_no, kind, license_line_no, taken_quantity, taken_usd
         FROM movement WHERE license_id = ?1 ORDER BY permit_seq DESC",
    )?;
    let mut found = statement.query([license_id])?;
    let mut lines = BTreeMap::new();
    while let Some(row) = found.next()? {
        if row.get::<_, i64>(0)? < since_verdict_no {
            break;
        }
        if row.get::<_, i32>(1)? != MovementKind::Commit as i32 {
            continue;
        }
        let line = lines.entry(row.get(2)?).or_insert(Drawn { quantity: 0, usd: 0, first_at });
        let taken = |at| row.get::<_, Option<i64>>(at).map(Option::unwrap_or_default);
        line.quantity = line.quantity.saturating_add(taken(3)?);
        line.usd = line.usd.saturating_add(taken(4)?);
    }
    Ok(lines)
}

/// A version of a license, with the content of the one before it.
#[derive(Debug)]
pub struct VersionRow {
    /// Its number.
    pub version: u32,
    /// Serialised `License`.
    pub content: Vec<u8>,
    /// Serialised `Envelope`.
    pub envelope: Vec<u8>,
    /// The verdict that accepted it.
    pub verdict_no: i64,
    /// Serialised `License` of the version before; `None` for the first one.
    pub content_before: Option<Vec<u8>>,
}

/// The versions after `after`, and whether there are more.
pub(crate) fn versions(
    connection: &Connection,
    license_id: i64,
    after: u32,
    rows_max: usize,
    bytes_max: usize,
) -> Result<(Vec<VersionRow>, bool)> {
    let mut content_before = match after {
        0 => None,
        number => rows::content(connection, license_id, number)?,
    };
    let mut statement = connection.prepare_cached(
        "SELECT version, content, envelope, verdict_no FROM license_version
         WHERE license_id = ?1 AND version > ?2 ORDER BY version",
    )?;
    let mut found = statement.query(params![license_id, after])?;
    let (mut versions, mut bytes) = (Vec::new(), 0_usize);
    while let Some(row) = found.next()? {
        if versions.len() >= rows_max || bytes >= bytes_max {
            return Ok((versions, true));
        }
        let content: Vec<u8> = row.get(1)?;
        let envelope: Vec<u8> = row.get(2)?;
        bytes = bytes.saturating_add(envelope.len());
        versions.push(VersionRow {
            version: row.get(0)?,
            envelope,
            verdict_no: row.get(3)?,
            content_before: content_before.replace(content.clone()),
            content,
        });
    }
    Ok((versions, false))
}
