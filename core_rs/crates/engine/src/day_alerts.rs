//! Alerts that a day brings, not a movement: a last day that is near with a balance left, and a
//! balance that will not last until it.
//!
//! They are told when a feed begins and when a day of Mexico City begins, for every active license,
//! and take no place in the order of movements: no cursor moves with them.

use std::collections::BTreeMap;

use descargo_ledger::command::Nanos;
pub use descargo_ledger::list::ListPlace;
use descargo_ledger::list::{Drawn, ListBounds, Wanted};
use descargo_ledger::reader::{LicenseAt, Reader};
use descargo_model::date::Day;
use descargo_model::decimal::{AmountValue, Quantity, Usd};
use descargo_model::license_name::LicenseName;
use descargo_model::pb::{self, LicenseStatus, watch_exercises_response::Event};
use jiff::Timestamp;
use prost::Message;

use crate::caller::Caller;
use crate::command::{Desk, Terms};
use crate::read::record;
use crate::refusal::Refusal;

/// Days whose draws tell the pace.
const PACE_DAYS: i64 = 30;
/// A license that is younger has its draws spread over so many days at least: the first draw of a
/// first day says nothing of a pace.
const PACE_DAYS_MIN: i64 = 7;
const NANOS_IN_DAY: Nanos = 24 * 60 * 60 * 1_000_000_000;
/// Licenses in one part.
const BOUNDS: ListBounds = ListBounds { rows_max: 500, named_max: 500, opened_max: 500 };

/// A part of a day's alerts.
#[derive(Debug)]
pub struct AlertPart {
    /// Serialised `WatchExercisesResponse`s, by key and number of the license.
    pub events: Vec<Vec<u8>>,
    /// Where the next part goes on; empty: that was all.
    pub next: Option<ListPlace>,
}

/// What an alert needs to know.
struct Morning<'a> {
    desk: &'a Desk,
    caller: &'a Caller,
    now: Timestamp,
    drawn_since: Nanos,
}

impl Wanted for Morning<'_> {
    type Record = Vec<pb::Alert>;
    type Fault = Refusal;

    fn may_want(&self, name: &LicenseName) -> bool {
        self.caller.is_told_of(&name.agency, &name.permit_key)
    }

    fn drawn_since(&self) -> Option<Nanos> {
        Some(self.drawn_since)
    }

    fn record(
        &self,
        license: &LicenseAt,
        drawn: &BTreeMap<u32, Drawn>,
    ) -> Result<Option<Vec<pb::Alert>>, Refusal> {
        let record = record(self.caller, license, self.now)?;
        let (Some(standing), Some(content)) = (record.standing, record.license) else {
            return Ok(None);
        };
        let Ok(last_day) = Day::parse(&content.valid_to) else { return Ok(None) };
        if standing.status() != LicenseStatus::Active {
            return Ok(None);
        }
        let today = Day::of(self.now);
        let mut alerts = Vec::new();
        for balance in &license.state.balances {
            if balance.is_exhausted() {
                continue;
            }
            let alert = |kind: pb::AlertKind, on_date: String| pb::Alert {
                kind: kind.into(),
                license: standing.license.clone(),
                license_line_no: balance.license_line_no,
                percent: 0,
                on_date,
            };
            let days_left = today.days_until(last_day);
            if days_left <= i64::from(self.desk.rules.policy.alert_expiry_days) {
                alerts.push(alert(pb::AlertKind::Expiry, content.valid_to.clone()));
            }
            let lasts = drawn.get(&balance.license_line_no).and_then(|drawn| {
                days_that_last(balance.available, drawn, days_of_pace(drawn, self.now))
            });
            if let Some(lasts) = lasts.filter(|lasts| *lasts < days_left) {
                let day = u32::try_from(lasts).map(|days| today.plus_days(days));
                alerts
                    .extend(day.ok().map(|day| alert(pb::AlertKind::Exhaustion, day.to_string())));
            }
        }
        Ok((!alerts.is_empty()).then_some(alerts))
    }
}

/// Over how many days the draws are spread.
fn days_of_pace(drawn: &Drawn, now: Timestamp) -> i64 {
    let age = i64::try_from(now.as_nanosecond())
        .unwrap_or(i64::MAX)
        .saturating_sub(drawn.first_at)
        .checked_div(NANOS_IN_DAY)
        .unwrap_or(0)
        .saturating_add(1);
    age.clamp(PACE_DAYS_MIN, PACE_DAYS)
}

/// After how many days the scarcer limited dimension has nothing left: what is left, divided by what
/// was drawn a day, rounded down. `None`: at this pace it lasts for ever.
fn days_that_last(available: AmountValue, drawn: &Drawn, days: i64) -> Option<i64> {
    let lasts = |left: Option<i64>, drawn: i64| -> Option<i64> {
        let days = i128::from(left?).checked_mul(i128::from(days))?.checked_div(drawn.into())?;
        i64::try_from(days).ok()
    };
    let quantity = lasts(available.quantity.map(Quantity::scaled), drawn.quantity);
    let usd = lasts(available.value_usd.map(Usd::scaled), drawn.usd);
    match (quantity, usd) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Alerts of the licenses after `after`.
///
/// # Errors
/// A fault, when the ledger cannot be read.
pub(crate) fn part(
    desk: &Desk,
    reader: &Reader<Terms>,
    caller: &Caller,
    cursor: &str,
    after: Option<&ListPlace>,
    now: Timestamp,
) -> Result<AlertPart, Refusal> {
    let at = i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX);
    let drawn_since = at.saturating_sub(PACE_DAYS.saturating_mul(NANOS_IN_DAY));
    let morning = Morning { desk, caller, now, drawn_since };
    // The agencies have their turn in the order of lists; a part is of one of them.
    let mut agencies = caller
        .agencies
        .iter()
        .map(|listed| listed.agency.as_str())
        .skip_while(|agency| after.is_some_and(|place| *agency < place.agency.as_str()));
    let Some(agency) = agencies.next() else {
        return Ok(AlertPart { events: Vec::new(), next: None });
    };
    let page = reader.list(agency, after, BOUNDS, &morning)?;
    let first_of = |agency: &str| ListPlace { agency: agency.to_owned(), ..ListPlace::default() };
    let next = page.next.or_else(|| agencies.next().map(first_of));
    let told = |alert| pb::WatchExercisesResponse {
        cursor: cursor.to_owned(),
        receipt: None,
        event: Some(Event::Alert(alert)),
    };
    let events = page.rows.into_iter().flatten().map(|alert| told(alert).encode_to_vec());
    Ok(AlertPart { events: events.collect(), next })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(quantity: Option<&str>, usd: Option<&str>) -> AmountValue {
        AmountValue {
            quantity: quantity.map(|text| Quantity::parse(text).unwrap()),
            value_usd: usd.map(|text| Usd::parse(text).unwrap()),
        }
    }

    fn drawn(quantity: &str, usd: &str, first_at: Nanos) -> Drawn {
        Drawn {
            quantity: Quantity::parse(quantity).unwrap().scaled(),
            usd: Usd::parse(usd).unwrap().scaled(),
            first_at,
        }
    }

    #[test]
    fn a_balance_lasts_as_long_as_its_scarcer_dimension() {
        let drawn = drawn("300", "50", 0);
        assert_eq!(days_that_last(amount(Some("100"), None), &drawn, 30), Some(10));
        assert_eq!(days_that_last(amount(Some("109.99999"), None), &drawn, 30), Some(10));
        assert_eq!(days_that_last(amount(Some("100"), Some("5")), &drawn, 30), Some(3));
        assert_eq!(days_that_last(amount(None, Some("500")), &drawn, 30), Some(300));
        assert_eq!(days_that_last(amount(None, None), &drawn, 30), None);
    }

    #[test]
    fn what_is_not_drawn_lasts_for_ever() {
        let drawn = drawn("0", "50", 0);
        assert_eq!(days_that_last(amount(Some("1"), None), &drawn, 30), None);
    }

    #[test]
    fn a_young_license_has_its_draws_spread_over_a_week() {
        let day = |number: i64| number * NANOS_IN_DAY;
        let now = Timestamp::from_nanosecond(day(100).into()).unwrap();
        let first = |first_at| drawn("1", "0", first_at);
        assert_eq!(days_of_pace(&first(day(100)), now), 7);
        assert_eq!(days_of_pace(&first(day(93)), now), 8);
        assert_eq!(days_of_pace(&first(day(80)), now), 21);
        assert_eq!(days_of_pace(&first(day(20)), now), 30);
    }
}
