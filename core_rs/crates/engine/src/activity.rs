//! The report of some days: what was transmitted, accepted, refused, resent and exercised, by agency
//! and permit key, and how long licenses took.

use descargo_ledger::activity::{Course, Days, KeyActivity, Whose};
use descargo_ledger::command::Nanos;
use descargo_ledger::reader::Reader;
use descargo_model::date::{Day, timestamp_of};
use descargo_model::pb;
use prost::Message;

use crate::caller::{Caller, Role};
use crate::clock::instant;
use crate::command::Terms;
use crate::limits::QUERY_BYTES_MAX;
use crate::refusal::{Reason, Refusal};
use crate::request;

/// A leap year.
const DAYS_MAX: i64 = 366;
/// Movements and licenses of the days that one report looks at. A million takes four seconds on a
/// busy machine; a client waits for ten unless it is told otherwise.
const SCANNED_MAX: usize = 2_000_000;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Answers a `ReportActivityRequest`.
///
/// # Errors
/// [`Refusal`] when the days are wrong or hold too much, or the role reads no reports.
pub(crate) fn report(
    reader: &Reader<Terms>,
    caller: &Caller,
    bytes: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let message: pb::ReportActivityRequest =
        request::read("ReportActivityRequest", bytes, QUERY_BYTES_MAX)?;
    let told = scope(caller)?;
    let days = days(&message)?;
    let Some(found) = reader.activity(&told, &days, SCANNED_MAX)? else {
        return Err(Refusal::of_field(
            Reason::LimitExceeded,
            "to_day",
            format!("these days hold more than {SCANNED_MAX} movements; ask for fewer days"),
        ));
    };
    let response = pb::ReportActivityResponse {
        activities: found.by_key.into_iter().map(|(whose, key)| told_of(whose, key)).collect(),
        counted_since: found.counted_since.map(|at| timestamp_of(instant(at))),
    };
    Ok(response.encode_to_vec())
}

/// Whose activity the caller reads.
fn scope(caller: &Caller) -> Result<impl Fn(&str, &str) -> bool + '_, Refusal> {
    let of_all = match caller.role {
        Role::Coordinator | Role::Auditor => true,
        Role::Agency | Role::Hub => false,
        _ => return Err(Refusal::new(Reason::RoleNotAllowed, "this identity reads no reports")),
    };
    Ok(move |agency: &str, permit_key: &str| of_all || caller.is_told_of(agency, permit_key))
}

fn days(message: &pb::ReportActivityRequest) -> Result<Days, Refusal> {
    let read = |field: &str, text: &str| {
        Day::parse(text)
            .map_err(|error| Refusal::of_field(Reason::FieldInvalid, field, error.to_string()))
    };
    let first = read("from_day", &message.from_day)?;
    let last = read("to_day", &message.to_day)?;
    let wrong = |what: String| Err(Refusal::of_field(Reason::FieldInvalid, "to_day", what));
    match first.days_until(last).saturating_add(1) {
        ..=0 => wrong(format!("{last} is before {first}")),
        1..=DAYS_MAX => {
            let end = |day: Day| i64::try_from(day.end()?.as_nanosecond()).ok();
            match (end(first.minus_days(1)), end(last)) {
                (Some(begin), Some(end)) => Ok(Days {
                    first: message.from_day.clone(),
                    last: message.to_day.clone(),
                    begin,
                    end,
                }),
                _ => wrong("no such days".to_owned()),
            }
        }
        count => wrong(format!("{count} days, at most {DAYS_MAX}")),
    }
}

fn told_of((agency, permit_key): Whose, key: KeyActivity) -> pb::Activity {
    let leg = |of: fn(&Course) -> Option<(Nanos, Nanos)>| {
        spread(key.courses.iter().filter_map(of).map(|(from, to)| {
            to.saturating_sub(from).max(0).checked_div(NANOS_PER_SECOND).unwrap_or_default()
        }))
    };
    pb::Activity {
        agency,
        permit_key,
        transmitted: key.transmitted,
        accepted: key.accepted,
        resent: key.resent,
        issued: u64::try_from(key.courses.len()).unwrap_or(u64::MAX),
        exercises: key.exercises,
        exercised_licenses: key.exercised_licenses,
        application_to_ruling: leg(|course| course.applied_at.zip(course.ruled_at)),
        ruling_to_acceptance: leg(|course| course.ruled_at.zip(Some(course.accepted_at))),
        acceptance_to_exercise: leg(|course| Some(course.accepted_at).zip(course.exercised_at)),
        refusals: key
            .refused_by_code
            .into_iter()
            .map(|(code, submissions)| pb::CodeCount { code, submissions })
            .collect(),
    }
}

/// Median and 90th percentile by nearest rank, so that each is a time that some license took.
fn spread(seconds: impl Iterator<Item = i64>) -> Option<pb::Spread> {
    let mut sorted: Vec<u64> = seconds.filter_map(|each| u64::try_from(each).ok()).collect();
    sorted.sort_unstable();
    let at = |percent: usize| {
        let rank = sorted.len().saturating_mul(percent).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).copied()
    };
    Some(pb::Spread {
        licenses: u64::try_from(sorted.len()).unwrap_or(u64::MAX),
        median_s: at(50)?,
        p90_s: at(90)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(seconds: &[i64]) -> Option<(u64, u64, u64)> {
        spread(seconds.iter().copied()).map(|each| (each.licenses, each.median_s, each.p90_s))
    }

    #[test]
    fn a_spread_is_of_times_that_were_taken() {
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[7]), Some((1, 7, 7)));
        assert_eq!(told(&[9, 1]), Some((2, 1, 9)));
        assert_eq!(told(&[3, 1, 2]), Some((3, 2, 3)));
        assert_eq!(told(&(1..=10).collect::<Vec<_>>()), Some((10, 5, 9)));
        assert_eq!(told(&(1..=11).collect::<Vec<_>>()), Some((11, 6, 10)));
    }

    #[test]
    fn days_are_in_order_and_at_most_a_leap_year() {
        let asked = |from_day: &str, to_day: &str| {
            days(&pb::ReportActivityRequest { from_day: from_day.into(), to_day: to_day.into() })
                .map_err(|refusal| refusal.field)
        };
        let one = asked("2026-05-12", "2026-05-12").unwrap();
        assert_eq!(one.end - one.begin, 24 * 3_600 * NANOS_PER_SECOND);
        assert_eq!(instant(one.begin).to_string(), "2026-05-12T06:00:00Z");
        assert!(asked("2027-01-01", "2028-01-01").is_ok());
        assert_eq!(asked("2027-01-01", "2028-01-02").unwrap_err(), "to_day");
        assert_eq!(asked("2026-05-12", "2026-05-11").unwrap_err(), "to_day");
        assert_eq!(asked("", "2026-05-11").unwrap_err(), "from_day");
        assert_eq!(asked("2026-05-11", "2026-5-11").unwrap_err(), "to_day");
        assert!(asked("2100-12-31", "2100-12-31").is_ok());
    }
}
