//! What rests on a certificate, which of it is in doubt, and what was signed again: the rows, and the
//! only place that knows their columns.
//!
//! A version rests on its newest envelope. To find those of one certificate each envelope since an
//! instant is looked at, some 5 microseconds each, in parts, on a snapshot beside the writer.

use descargo_model::pb::{Envelope, LicenseId};
use prost::Message;
use rusqlite::{Connection, params};

use crate::command::{LicenseKey, Nanos};
use crate::error::StoreFault;
use crate::list;
use crate::state::{LicenseState, Movement};

type Result<T> = std::result::Result<T, StoreFault>;

/// SHA-256 of a certificate, made by whoever calls: this crate has no hash of its own.
pub type Fingerprint = fn(&[u8]) -> [u8; 32];

/// A license that is put in doubt.
#[derive(Debug)]
pub struct Held {
    /// The license after it.
    pub state: LicenseState,
    /// The movement.
    pub movement: Movement,
    /// Versions that are in doubt from now on.
    pub versions: Vec<u32>,
    /// The order that it follows.
    pub order_no: i64,
}

/// A version that is signed again.
#[derive(Debug)]
pub struct Resigned {
    /// The license after it.
    pub state: LicenseState,
    /// The movement.
    pub movement: Movement,
    /// Serialised `Envelope`.
    pub envelope: Vec<u8>,
}

/// An operator's order.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its verdict.
    pub order_no: i64,
    /// Who ordered.
    pub caller: String,
    /// The serialised request.
    pub request: Vec<u8>,
    /// The certificate.
    pub certificate_sha256: [u8; 32],
    /// What was decided at this instant or later counts.
    pub signed_after: Nanos,
}

/// A license some of whose versions rest on a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resting {
    /// Its row.
    pub license_id: i64,
    /// Its name.
    pub license: LicenseId,
    /// How it is found.
    pub key: LicenseKey,
    /// The versions, each with the verdict that took the envelope in.
    pub versions: Vec<(u32, i64)>,
    /// Those that are in doubt already.
    pub doubtful: Vec<u32>,
}

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    /// The certificate.
    pub certificate_sha256: [u8; 32],
    /// What was decided at this instant or later counts.
    pub signed_after: Nanos,
    /// What came with this verdict or later does not.
    pub before_verdict_no: i64,
    /// How a certificate is named.
    pub fingerprint: Fingerprint,
}

/// A part of what was found.
#[derive(Debug)]
pub struct RestingPart {
    /// Licenses, by the first version that rests on the certificate, each once.
    pub licenses: Vec<Resting>,
    /// The verdict to go on from; `None`: nothing is left.
    pub next: Option<i64>,
}

/// The versions of a license that are in doubt.
pub(crate) fn doubtful(connection: &Connection, license_id: i64) -> Result<Vec<u32>> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT version FROM license_quarantine AS held WHERE license_id = ?1
         AND NOT EXISTS (SELECT 1 FROM license_resigned AS again
                         WHERE again.license_id = ?1 AND again.version = held.version
                               AND again.verdict_no > held.verdict_no)
         ORDER BY version",
    )?;
    let found = statement.query_map([license_id], |row| row.get(0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// The versions of a license that were signed again, each with the last verdict that took it in.
pub(crate) fn resigned(connection: &Connection, license_id: i64) -> Result<Vec<(u32, i64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT version, max(verdict_no) FROM license_resigned WHERE license_id = ?1
         GROUP BY version",
    )?;
    let found = statement.query_map([license_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn insert_held(connection: &Connection, held: &Held, verdict_no: i64) -> Result<()> {
    for version in &held.versions {
        connection
            .prepare_cached("INSERT INTO license_quarantine VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![held.state.license_id, version, verdict_no, held.order_no])?;
    }
    Ok(())
}

pub(crate) fn insert_resigned(
    connection: &Connection,
    resigned: &Resigned,
    verdict_no: i64,
) -> Result<()> {
    connection.prepare_cached("INSERT INTO license_resigned VALUES (?1, ?2, ?3, ?4)")?.execute(
        params![
            resigned.state.license_id,
            resigned.movement.version,
            verdict_no,
            resigned.envelope
        ],
    )?;
    Ok(())
}

pub(crate) fn insert_end(connection: &Connection, order_no: i64, verdict_no: i64) -> Result<()> {
    connection
        .prepare_cached("INSERT INTO quarantine_end VALUES (?1, ?2)")?
        .execute([order_no, verdict_no])?;
    Ok(())
}

/// The orders that are not carried out; or the one of a verdict, carried out or not.
pub(crate) fn orders(connection: &Connection, order_no: Option<i64>) -> Result<Vec<Order>> {
    let mut statement = connection.prepare_cached(
        "SELECT verdict_no, caller, request, certificate_sha256, signed_after
         FROM quarantine JOIN verdict USING (verdict_no)
         WHERE verdict_no = ?1
            OR (?1 IS NULL AND verdict_no NOT IN (SELECT order_no FROM quarantine_end))
         ORDER BY verdict_no",
    )?;
    let found = statement.query_map([order_no], |row| {
        Ok(Order {
            order_no: row.get(0)?,
            caller: row.get(1)?,
            request: row.get(2)?,
            certificate_sha256: row.get(3)?,
            signed_after: row.get(4)?,
        })
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// How many licenses an order put in doubt.
pub(crate) fn count_held(connection: &Connection, order_no: i64) -> Result<i64> {
    Ok(connection
        .prepare_cached(
            "SELECT count(DISTINCT license_id) FROM license_quarantine WHERE order_no = ?1",
        )?
        .query_row([order_no], |row| row.get(0))?)
}

/// Why an order was given, by a verdict that carried it out.
pub(crate) fn reason(connection: &Connection, verdict_no: i64, license_id: i64) -> Result<String> {
    Ok(connection
        .prepare_cached(
            "SELECT reason FROM quarantine WHERE verdict_no =
             (SELECT order_no FROM license_quarantine WHERE license_id = ?1 AND verdict_no = ?2)",
        )?
        .query_row([license_id, verdict_no], |row| row.get(0))?)
}

/// Licenses that rest on a certificate, looking at `scanned_max` envelopes from a verdict on.
pub(crate) fn resting(
    connection: &Connection,
    search: &Search,
    from: i64,
    scanned_max: usize,
    rows_max: usize,
) -> Result<RestingPart> {
    let since = list::first_verdict_since(connection, search.signed_after)?;
    let mut statement = connection.prepare_cached(
        "SELECT verdict_no, license_id, envelope FROM license_version
         WHERE verdict_no >= ?1 AND verdict_no < ?2
         UNION ALL
         SELECT verdict_no, license_id, envelope FROM license_resigned
         WHERE verdict_no >= ?1 AND verdict_no < ?2
         ORDER BY verdict_no",
    )?;
    let mut found = statement.query(params![from.max(since), search.before_verdict_no])?;
    let mut part = RestingPart { licenses: Vec::new(), next: None };
    let mut scanned = 0_usize;
    while let Some(row) = found.next()? {
        let verdict_no: i64 = row.get(0)?;
        if scanned >= scanned_max || part.licenses.len() >= rows_max {
            part.next = Some(verdict_no);
            break;
        }
        scanned = scanned.saturating_add(1);
        let license_id = row.get(1)?;
        let envelope: Vec<u8> = row.get(2)?;
        if !signed_by(&envelope, search, license_id)? {
            continue;
        }
        let versions = versions(connection, search, since, license_id)?;
        // Each license once: at the first of its versions that rest on the certificate.
        if versions.iter().map(|(_, at)| *at).min() == Some(verdict_no) {
            part.licenses.push(named(connection, license_id, versions)?);
        }
    }
    Ok(part)
}

fn signed_by(envelope: &[u8], search: &Search, license_id: i64) -> Result<bool> {
    let envelope = Envelope::decode(envelope)
        .map_err(|_| StoreFault::damaged("license_version.envelope", license_id))?;
    Ok((search.fingerprint)(&envelope.certificate_der) == search.certificate_sha256)
}

/// The versions of a license that rest on the certificate now.
fn versions(
    connection: &Connection,
    search: &Search,
    since: i64,
    license_id: i64,
) -> Result<Vec<(u32, i64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT version, verdict_no, envelope FROM license_version WHERE license_id = ?1
         UNION ALL
         SELECT version, verdict_no, envelope FROM license_resigned WHERE license_id = ?1
         ORDER BY version, verdict_no",
    )?;
    let mut found = statement.query([license_id])?;
    // The newest envelope of a version comes last and counts.
    let mut newest: Vec<(u32, i64, bool)> = Vec::new();
    while let Some(row) = found.next()? {
        let (version, verdict_no): (u32, i64) = (row.get(0)?, row.get(1)?);
        let counts = (since..search.before_verdict_no).contains(&verdict_no)
            && signed_by(&row.get::<_, Vec<u8>>(2)?, search, license_id)?;
        newest.retain(|(known, _, _)| *known != version);
        newest.push((version, verdict_no, counts));
    }
    Ok(newest
        .into_iter()
        .filter_map(|(version, verdict_no, counts)| counts.then_some((version, verdict_no)))
        .collect())
}

fn named(connection: &Connection, license_id: i64, versions: Vec<(u32, i64)>) -> Result<Resting> {
    let (license, lookup_number) = connection
        .prepare_cached(
            "SELECT agency, permit_key, permit_number, lookup_number FROM license
             WHERE license_id = ?1",
        )?
        .query_row([license_id], |row| {
            let license = LicenseId {
                agency: row.get(0)?,
                permit_key: row.get(1)?,
                permit_number: row.get(2)?,
            };
            Ok((license, row.get(3)?))
        })?;
    let key = LicenseKey { permit_key: license.permit_key.clone(), lookup_number };
    let doubtful = doubtful(connection, license_id)?;
    Ok(Resting { license_id, license, key, versions, doubtful })
}

/// Verdicts that moved a license from `from` on, each once, and whether there are more.
pub(crate) fn verdicts(
    connection: &Connection,
    license_id: i64,
    from: i64,
    rows_max: usize,
) -> Result<(Vec<i64>, bool)> {
    let mut statement = connection.prepare_cached(
        "SELECT verdict_no FROM movement WHERE license_id = ?1 AND verdict_no >= ?2
         GROUP BY verdict_no ORDER BY verdict_no LIMIT ?3",
    )?;
    let limit = i64::try_from(rows_max).unwrap_or(i64::MAX).saturating_add(1);
    let found = statement.query_map(params![license_id, from, limit], |row| row.get(0))?;
    let mut found = found.collect::<rusqlite::Result<Vec<i64>>>()?;
    let more = found.len() > rows_max;
    found.truncate(rows_max);
    Ok((found, more))
}
