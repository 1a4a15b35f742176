//! What happened on some days, by agency and permit key, from one snapshot.

use std::collections::{BTreeMap, HashMap};

use descargo_model::pb::MovementKind;
use rusqlite::{Connection, OptionalExtension, params};

use crate::command::Nanos;
use crate::error::StoreFault;
use crate::list::first_verdict_since;

type Result<T> = std::result::Result<T, StoreFault>;

/// Agency and permit key.
pub type Whose = (String, String);

/// The days that are asked for, inclusive.
#[derive(Debug, Clone)]
pub struct Days {
    /// First day, `YYYY-MM-DD`.
    pub first: String,
    /// Last day, `YYYY-MM-DD`.
    pub last: String,
    /// When the first one begins.
    pub begin: Nanos,
    /// When the day after the last one begins.
    pub end: Nanos,
}

/// What happened.
#[derive(Debug, Default)]
pub struct Activity {
    /// Since when submissions are counted; `None`: all of them are.
    pub counted_since: Option<Nanos>,
    /// By agency and key; what nothing happened to is absent.
    pub by_key: BTreeMap<Whose, KeyActivity>,
}

/// What happened to the licenses of one key of one agency.
#[derive(Debug, Default)]
pub struct KeyActivity {
    /// Submissions that were decided.
    pub transmitted: u64,
    /// Those that got a firma.
    pub accepted: u64,
    /// Those of them whose version had been refused before.
    pub resent: u64,
    /// Refused submissions by code.
    pub refused_by_code: BTreeMap<String, u64>,
    /// Exercises.
    pub exercises: u64,
    /// Licenses that they were made on.
    pub exercised_licenses: u64,
    /// Of each license that was issued.
    pub courses: Vec<Course>,
}

/// What a license went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    /// When it was applied for.
    pub applied_at: Option<Nanos>,
    /// When its agency ruled.
    pub ruled_at: Option<Nanos>,
    /// When it got its firma.
    pub accepted_at: Nanos,
    /// When it was first exercised.
    pub exercised_at: Option<Nanos>,
}

/// What happened on the days to what is `told` of. `None`: movements and licenses of the days are
/// more than `scanned_max`.
pub(crate) fn of_days(
    connection: &Connection,
    told: &dyn Fn(&str, &str) -> bool,
    days: &Days,
    scanned_max: usize,
) -> Result<Option<Activity>> {
    let at: Nanos = connection.query_row("SELECT at FROM counted_since", [], |row| row.get(0))?;
    let mut found = Activity { counted_since: (at != 0).then_some(at), ..Activity::default() };
    count_submissions(connection, told, days, &mut found)?;
    let mut search = Search {
        connection,
        told,
        verdicts: first_verdict_since(connection, days.begin)?
            ..first_verdict_since(connection, days.end)?,
        left: scanned_max,
    };
    let whole = search.exercises(&mut found)? && search.courses(&mut found)?;
    Ok(whole.then_some(found))
}

fn count_submissions(
    connection: &Connection,
    told: &dyn Fn(&str, &str) -> bool,
    days: &Days,
    found: &mut Activity,
) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT agency, permit_key, sum(transmitted), sum(accepted), sum(resent)
         FROM submission_tally WHERE day BETWEEN ?1 AND ?2 GROUP BY agency, permit_key",
    )?;
    let mut rows = statement.query(params![days.first, days.last])?;
    while let Some(row) = rows.next()? {
        let whose: Whose = (row.get(0)?, row.get(1)?);
        if told(&whose.0, &whose.1) {
            let key = found.by_key.entry(whose).or_default();
            key.transmitted = row.get::<_, i64>(2)?.cast_unsigned();
            key.accepted = row.get::<_, i64>(3)?.cast_unsigned();
            key.resent = row.get::<_, i64>(4)?.cast_unsigned();
        }
    }
    let mut statement = connection.prepare_cached(
        "SELECT agency, permit_key, code, sum(submissions)
         FROM refusal_tally WHERE day BETWEEN ?1 AND ?2 GROUP BY agency, permit_key, code",
    )?;
    let mut rows = statement.query(params![days.first, days.last])?;
    while let Some(row) = rows.next()? {
        let whose: Whose = (row.get(0)?, row.get(1)?);
        if told(&whose.0, &whose.1) {
            let key = found.by_key.entry(whose).or_default();
            key.refused_by_code.insert(row.get(2)?, row.get::<_, i64>(3)?.cast_unsigned());
        }
    }
    Ok(())
}

/// Goes through the verdicts of the days.
struct Search<'a> {
    connection: &'a Connection,
    told: &'a dyn Fn(&str, &str) -> bool,
    verdicts: std::ops::Range<i64>,
    left: usize,
}

impl Search<'_> {
    /// Counts exercises; `false`: there are too many movements.
    fn exercises(&mut self, found: &mut Activity) -> Result<bool> {
        let mut statement = self.connection.prepare_cached(
            "SELECT license_id, kind FROM movement INDEXED BY movement_verdict
             WHERE verdict_no >= ?1 AND verdict_no < ?2",
        )?;
        let mut rows = statement.query(params![self.verdicts.start, self.verdicts.end])?;
        let mut by_license: HashMap<i64, u64> = HashMap::new();
        while let Some(row) = rows.next()? {
            if !self.goes_on() {
                return Ok(false);
            }
            if row.get::<_, i32>(1)? == MovementKind::Commit as i32 {
                let count = by_license.entry(row.get(0)?).or_default();
                *count = count.saturating_add(1);
            }
        }
        for (license_id, count) in by_license {
            if let Some(whose) = self.whose(license_id)? {
                let key = found.by_key.entry(whose).or_default();
                key.exercises = key.exercises.saturating_add(count);
                key.exercised_licenses = key.exercised_licenses.saturating_add(1);
            }
        }
        Ok(true)
    }

    /// Finds what the licenses went through that were issued; `false`: there are too many.
    fn courses(&mut self, found: &mut Activity) -> Result<bool> {
        let mut statement = self.connection.prepare_cached(
            "SELECT license_id, applied_at, ruled_at, accepted_at FROM license_course
             WHERE verdict_no >= ?1 AND verdict_no < ?2",
        )?;
        let mut rows = statement.query(params![self.verdicts.start, self.verdicts.end])?;
        while let Some(row) = rows.next()? {
            if !self.goes_on() {
                return Ok(false);
            }
            let license_id = row.get(0)?;
            let Some(whose) = self.whose(license_id)? else { continue };
            let course = Course {
                applied_at: row.get(1)?,
                ruled_at: row.get(2)?,
                accepted_at: row.get(3)?,
                exercised_at: first_exercise(self.connection, license_id)?,
            };
            found.by_key.entry(whose).or_default().courses.push(course);
        }
        Ok(true)
    }

    fn goes_on(&mut self) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Whose license it is; `None`: the caller is not told of it.
    fn whose(&self, license_id: i64) -> Result<Option<Whose>> {
        let whose: Whose = self
            .connection
            .prepare_cached("SELECT agency, permit_key FROM license WHERE license_id = ?1")?
            .query_row([license_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((self.told)(&whose.0, &whose.1).then_some(whose))
    }
}

/// Few movements come before it, and none after it is read.
fn first_exercise(connection: &Connection, license_id: i64) -> Result<Option<Nanos>> {
    Ok(connection
        .prepare_cached(
            "SELECT decided_at FROM movement JOIN verdict USING (verdict_no)
             WHERE license_id = ?1 AND kind = ?2 ORDER BY permit_seq LIMIT 1",
        )?
        .query_row(params![license_id, MovementKind::Commit as i32], |row| row.get(0))
        .optional()?)
}
