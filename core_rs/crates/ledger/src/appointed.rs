//! Officials and revocations that an operator put into the ledger: their rows, and the only place that
//! knows the columns.
//!
//! A batch asks for the greatest number in the two tables, some 3 microseconds; the few hundred rows
//! are read only when it grew. So whatever process wrote them, they bind from the next decision on.

use std::sync::Arc;

use rusqlite::{Connection, params};

use crate::command::Nanos;
use crate::error::StoreFault;

type Result<T> = std::result::Result<T, StoreFault>;

/// An official who may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerRow {
    /// The verdict that enrolled him; 0 until there is one.
    pub verdict_no: i64,
    /// RFC.
    pub rfc: String,
    /// Name.
    pub name: String,
    /// Agency signed for.
    pub agency: String,
    /// Permit keys signed for; empty: all of the agency's.
    pub permit_keys: Vec<String>,
    /// First day, `YYYY-MM-DD`.
    pub valid_from: String,
    /// Last day, `YYYY-MM-DD`; empty: without end.
    pub valid_to: String,
    /// SHA-256 of the only certificate that counts, in lower-case hex; empty: every one of the RFC.
    pub certificate_sha256: String,
    /// Why.
    pub reason: String,
}

/// A certificate that is no longer believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationRow {
    /// Which one.
    pub certificate_sha256: [u8; 32],
    /// From this second on, since 1970 UTC.
    pub revoked_at: i64,
    /// Why.
    pub reason: String,
}

/// What an operator adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appointment {
    /// An official may sign.
    Signer(SignerRow),
    /// A certificate is revoked.
    Revocation(RevocationRow),
    /// A certificate is believed no more, whenever it says that it signed, and what rests on it since
    /// `signed_after` (nanoseconds since 1970) is in doubt.
    Quarantine {
        /// Which one, and why.
        revocation: RevocationRow,
        /// What was decided at this instant or later is in doubt.
        signed_after: Nanos,
    },
}

/// All that operators added, in the order of their verdicts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Appointed {
    /// Officials.
    pub signers: Vec<SignerRow>,
    /// Revocations.
    pub revocations: Vec<RevocationRow>,
    /// The last verdict that added one; 0: none did.
    last_verdict_no: i64,
}

impl Appointed {
    /// With one more.
    #[must_use]
    pub(crate) fn with(&self, added: &Appointment, verdict_no: i64) -> Self {
        let mut next = Self { last_verdict_no: verdict_no, ..self.clone() };
        match added {
            Appointment::Signer(row) => {
                next.signers.push(SignerRow { verdict_no, ..row.clone() });
            }
            Appointment::Revocation(row) | Appointment::Quarantine { revocation: row, .. } => {
                next.revocations.push(row.clone());
            }
        }
        next
    }
}

/// What stands in the ledger; `known` again when nothing was added since.
pub(crate) fn load(connection: &Connection, known: &Arc<Appointed>) -> Result<Arc<Appointed>> {
    let last_verdict_no = connection
        .prepare_cached(
            "SELECT max(coalesce((SELECT max(verdict_no) FROM signer), 0),
                        coalesce((SELECT max(verdict_no) FROM revocation), 0))",
        )?
        .query_row([], |row| row.get(0))?;
    if last_verdict_no == known.last_verdict_no {
        return Ok(known.clone());
    }
    Ok(Arc::new(Appointed {
        signers: signers(connection)?,
        revocations: revocations(connection)?,
        last_verdict_no,
    }))
}

fn signers(connection: &Connection) -> Result<Vec<SignerRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT verdict_no, rfc, name, agency, permit_keys, valid_from, valid_to,
                certificate_sha256, reason
         FROM signer ORDER BY verdict_no",
    )?;
    let rows = statement.query_map([], |row| {
        let keys: String = row.get(4)?;
        Ok(SignerRow {
            verdict_no: row.get(0)?,
            rfc: row.get(1)?,
            name: row.get(2)?,
            agency: row.get(3)?,
            permit_keys: keys.split(',').filter(|key| !key.is_empty()).map(Into::into).collect(),
            valid_from: row.get(5)?,
            valid_to: row.get(6)?,
            certificate_sha256: row.get(7)?,
            reason: row.get(8)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn revocations(connection: &Connection) -> Result<Vec<RevocationRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT certificate_sha256, revoked_at, reason FROM revocation ORDER BY verdict_no",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(RevocationRow {
            certificate_sha256: row.get(0)?,
            revoked_at: row.get(1)?,
            reason: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn insert(connection: &Connection, added: &Appointment, verdict_no: i64) -> Result<()> {
    match added {
        Appointment::Signer(row) => connection
            .prepare_cached("INSERT INTO signer VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
            .execute(params![
                verdict_no,
                row.rfc,
                row.name,
                row.agency,
                row.permit_keys.join(","),
                row.valid_from,
                row.valid_to,
                row.certificate_sha256,
                row.reason
            ])?,
        Appointment::Revocation(row) => insert_revocation(connection, row, verdict_no)?,
        Appointment::Quarantine { revocation, signed_after } => {
            insert_revocation(connection, revocation, verdict_no)?;
            connection.prepare_cached("INSERT INTO quarantine VALUES (?1, ?2, ?3, ?4)")?.execute(
                params![verdict_no, revocation.certificate_sha256, signed_after, revocation.reason],
            )?
        }
    };
    Ok(())
}

fn insert_revocation(
    connection: &Connection,
    row: &RevocationRow,
    verdict_no: i64,
) -> Result<usize> {
    Ok(connection
        .prepare_cached("INSERT INTO revocation VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![verdict_no, row.certificate_sha256, row.revoked_at, row.reason])?)
}

/// An official with who enrolled him, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// The official.
    pub signer: SignerRow,
    /// The operator.
    pub caller: String,
    /// When it was decided.
    pub decided_at: Nanos,
}

/// The officials of the ledger with the verdicts that enrolled them.
pub(crate) fn enrolled(connection: &Connection) -> Result<Vec<Enrolled>> {
    let mut statement = connection
        .prepare_cached("SELECT caller, decided_at FROM verdict WHERE verdict_no = ?1")?;
    let mut found = Vec::new();
    for signer in signers(connection)? {
        let (caller, decided_at) =
            statement.query_row([signer.verdict_no], |row| Ok((row.get(0)?, row.get(1)?)))?;
        found.push(Enrolled { signer, caller, decided_at });
    }
    Ok(found)
}
