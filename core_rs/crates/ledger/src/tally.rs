//! Counting what agencies transmit, in the transaction that decides it.

use descargo_model::date::Day;
use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::command::{Effect, Nanos, Record};
use crate::error::StoreFault;

type Result<T> = std::result::Result<T, StoreFault>;

/// What a submission adds to the counts of its agency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The agency, which its caller submits for.
    pub agency: String,
    /// Key of Apendice 9; empty: none that the agency has.
    pub permit_key: String,
    /// Tells the license and the version that it would make.
    pub version_sha256: [u8; 32],
    /// What it was refused for, each code once.
    pub codes: Vec<String>,
    /// When the license was applied for and ruled on; `None`: it issues none.
    pub issued: Option<IssueDates>,
}

/// What an agency says of how it came to issue a license.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IssueDates {
    /// When it was applied for.
    pub applied_at: Option<Nanos>,
    /// When the agency ruled.
    pub ruled_at: Option<Nanos>,
}

/// The verdict that is counted.
pub(crate) struct Counted<'a> {
    pub verdict_no: i64,
    pub caller: &'a str,
    pub decided_at: Nanos,
}

/// Counts a submission.
pub(crate) fn count<T, D>(
    connection: &Connection,
    tally: &Tally,
    record: &Record<T, D>,
    by: &Counted<'_>,
) -> Result<()> {
    let at = Timestamp::from_nanosecond(by.decided_at.into()).unwrap_or(Timestamp::UNIX_EPOCH);
    let day = Day::of(at).to_string();
    let resent: bool = match record.refused {
        true => {
            insert_refused(connection, &day, tally, by)?;
            false
        }
        false => connection
            .prepare_cached("DELETE FROM refused_version WHERE version_sha256 = ?1")?
            .execute([tally.version_sha256])?
            .eq(&1),
    };
    connection
        .prepare_cached(
            "INSERT INTO submission_tally VALUES (?1, ?2, ?3, 1, ?4, ?5)
             ON CONFLICT DO UPDATE SET transmitted = transmitted + 1, accepted = accepted + ?4,
                                       resent = resent + ?5",
        )?
        .execute(params![day, tally.agency, tally.permit_key, !record.refused, resent])?;
    if let (Effect::Issue(issue), Some(dates)) = (&record.effect, tally.issued) {
        connection
            .prepare_cached("INSERT INTO license_course VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![
                by.verdict_no,
                issue.state.license_id,
                dates.applied_at,
                dates.ruled_at,
                by.decided_at
            ])?;
    }
    Ok(())
}

fn insert_refused(
    connection: &Connection,
    day: &str,
    tally: &Tally,
    by: &Counted<'_>,
) -> Result<()> {
    for code in &tally.codes {
        connection
            .prepare_cached(
                "INSERT INTO refusal_tally VALUES (?1, ?2, ?3, ?4, 1)
                 ON CONFLICT DO UPDATE SET submissions = submissions + 1",
            )?
            .execute(params![day, tally.agency, tally.permit_key, code])?;
    }
    connection
        .prepare_cached(
            "INSERT INTO refused_version VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET caller = ?2, verdict_no = ?3",
        )?
        .execute(params![tally.version_sha256, by.caller, by.verdict_no])?;
    Ok(())
}

/// Forgets which versions were refused by the caller's verdicts up to one, as those are dropped.
pub(crate) fn forget_refused(connection: &Connection, caller: &str, up_to: i64) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM refused_version WHERE caller = ?1 AND verdict_no <= ?2")?
        .execute(params![caller, up_to])?;
    Ok(())
}
