//! The life of a license as the state machine has it: every change conserves what was granted.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]

use descargo_ledger::state::{
    self, Balance, Change, LicenseState, Moment, Movement, OpenedLine, StateError,
};
use descargo_model::date::Day;
use descargo_model::decimal::{AmountValue, Quantity, Usd};
use descargo_model::license_name::LicenseName;
use descargo_model::life::{STOPS_MAX, Stop, StopKind};
use descargo_model::pb::{self, LicenseStatus, MovementKind};
use jiff::Timestamp;
use proptest::prelude::*;

const NOW: &str = "2026-05-10T18:00:00Z";
const LAST_DAY: &str = "2026-12-31";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn moment(text: &str) -> Moment {
    Moment { at: at(text), valid_to: Day::parse(LAST_DAY).unwrap() }
}

fn quantity(value: i64) -> AmountValue {
    AmountValue { quantity: Quantity::from_scaled(value), value_usd: None }
}

fn license(lines: &[AmountValue], notified: bool) -> LicenseState {
    let name = LicenseName {
        agency: "SE".into(),
        permit_key: "C1".into(),
        permit_number: "1".into(),
        lookup_number: "1".into(),
    };
    let lines: Vec<OpenedLine> = lines
        .iter()
        .zip(1..)
        .map(|(authorized, line_no)| OpenedLine {
            line_no,
            unit: 1,
            authorized: *authorized,
            available: *authorized,
        })
        .collect();
    state::issue(1, name, String::new(), notified, &lines).unwrap().0
}

fn extent(only: &[&str]) -> pb::Extent {
    let only: Vec<String> = only.iter().map(|code| (*code).to_owned()).collect();
    pb::Extent { every: only.is_empty(), only }
}

fn stop(kind: StopKind, lines: &[&str]) -> Stop {
    Stop {
        version: 0,
        kind,
        lines: extent(lines),
        offices: extent(&[]),
        start: at(NOW),
        end: None,
        reason: "r".into(),
        legal_basis: String::new(),
    }
}

fn done(state: &LicenseState, change: &Change) -> (LicenseState, Vec<Movement>) {
    state::change(state, change, moment(NOW)).unwrap()
}

fn shown(state: &LicenseState, text: &str) -> LicenseStatus {
    state.status_at(at(text), moment(NOW).valid_to)
}

fn is_conserved(balance: &Balance) -> bool {
    let used = balance.used().unwrap();
    let parts = |granted: Option<i64>, left: Option<i64>, used: Option<i64>| match (granted, left) {
        (None, None) => true,
        (Some(granted), Some(left)) => granted == left + used.unwrap_or(0) && left >= 0,
        _ => false,
    };
    let (granted, left) = (balance.authorized, balance.available);
    let q = |amount: AmountValue| amount.quantity.map(Quantity::scaled);
    let v = |amount: AmountValue| amount.value_usd.map(Usd::scaled);
    parts(q(granted), q(left), q(used)) && parts(v(granted), v(left), v(used))
}

#[test]
fn an_amendment_moves_only_the_lines_that_it_changes() {
    let state = license(&[quantity(10), quantity(20)], true);
    let (state, _) = state::commit(&state, 1, 7, quantity(4)).unwrap();
    let amended = Change::Amend(vec![(1, quantity(6)), (2, quantity(20))]);
    let (next, movements) = done(&state, &amended);
    let [movement] = movements.as_slice() else { panic!("one line changed") };
    assert_eq!((movement.kind, movement.version, movement.permit_seq), (MovementKind::Amend, 2, 4));
    assert_eq!((movement.taken, movement.returned), (quantity(4), AmountValue::default()));
    assert_eq!(movement.balance_after, next.balances[0]);
    assert_eq!(next.balances[0].available, quantity(2));
    let (raised, movements) = done(&next, &Change::Amend(vec![(1, quantity(9))]));
    assert_eq!(movements[0].returned, quantity(3));
    assert_eq!(raised.balances[0].available, quantity(5));
}

#[test]
fn an_amendment_of_no_balance_is_one_movement_of_the_license() {
    let state = license(&[quantity(10), quantity(20)], true);
    let (next, movements) = done(&state, &Change::Amend(vec![(1, quantity(10))]));
    let [movement] = movements.as_slice() else { panic!("one movement") };
    assert!(movement.balance_after.is_none());
    assert_eq!((movement.line_no, movement.permit_seq, next.permit_seq), (0, 3, 3));
}

#[test]
fn what_was_exercised_is_the_least_that_may_be_authorized() {
    let state = license(&[quantity(10)], true);
    let (state, _) = state::commit(&state, 1, 7, quantity(4)).unwrap();
    let amend = |to| state::change(&state, &Change::Amend(vec![(1, quantity(to))]), moment(NOW));
    assert_eq!(amend(3).unwrap_err(), StateError::Overdrawn);
    let (least, _) = amend(4).unwrap();
    assert_eq!(least.status, LicenseStatus::Exhausted);
    let (again, movements) = done(&least, &Change::Amend(vec![(1, quantity(5))]));
    assert_eq!((again.status, movements[0].status), (LicenseStatus::Active, LicenseStatus::Active));
}

#[test]
fn a_suspension_begins_and_ends_by_itself() {
    let end = "2026-05-11T18:00:00Z";
    let suspension = Stop { end: Some(at(end)), ..stop(StopKind::Suspension, &[]) };
    let (state, movements) = done(&license(&[quantity(1)], true), &Change::Stop(suspension));
    assert_eq!(movements.len(), 1);
    assert_eq!((state.status, state.stops[0].version), (LicenseStatus::Active, 2));
    assert_eq!(shown(&state, NOW), LicenseStatus::Suspended);
    assert_eq!(shown(&state, "2026-05-11T17:59:59.999999999Z"), LicenseStatus::Suspended);
    assert_eq!(shown(&state, end), LicenseStatus::Active);
    assert_eq!(shown(&state, "2027-01-01T06:00:00Z"), LicenseStatus::Expired);
    let late = Moment { at: at(end), ..moment(NOW) };
    let refused = state::change(&state, &Change::Reinstate(2), late).unwrap_err();
    assert_eq!(refused, StateError::StepNotAllowed, "it is over");
}

#[test]
fn lines_that_are_withdrawn_one_by_one_withdraw_the_license() {
    let state = license(&[quantity(1), quantity(1)], true);
    let (state, _) = done(&state, &Change::Stop(stop(StopKind::Revocation, &["1"])));
    assert_eq!(state.status, LicenseStatus::Active);
    let (state, _) = done(&state, &Change::Stop(stop(StopKind::Cancellation, &["2"])));
    assert_eq!(state.status, LicenseStatus::Cancelled);
    let refused = state::change(&state, &Change::Extend, moment(NOW)).unwrap_err();
    assert_eq!(refused, StateError::StepNotAllowed);
}

#[test]
fn a_revocation_that_is_announced_withdraws_when_it_begins() {
    let start = "2026-06-01T06:00:00Z";
    let announced = Stop { start: at(start), ..stop(StopKind::Revocation, &[]) };
    let (state, _) = done(&license(&[quantity(1)], true), &Change::Stop(announced));
    assert_eq!(shown(&state, "2026-06-01T05:59:59Z"), LicenseStatus::Active);
    assert_eq!(shown(&state, start), LicenseStatus::Revoked);
    let begun = Moment { at: at(start), ..moment(NOW) };
    assert!(state::change(&state, &Change::Extend, begun).is_err());
}

#[test]
fn a_license_is_notified_once() {
    let state = license(&[quantity(1)], false);
    assert!(state::change(&state, &Change::Extend, moment(NOW)).is_err());
    let (state, movements) = done(&state, &Change::Notify);
    assert_eq!((state.status, movements[0].kind), (LicenseStatus::Active, MovementKind::Notify));
    assert!(state::change(&state, &Change::Notify, moment(NOW)).is_err());
    let (used_up, _) = done(&license(&[quantity(0)], false), &Change::Notify);
    assert_eq!(used_up.status, LicenseStatus::Exhausted);
}

#[test]
fn stops_are_bounded() {
    let mut state = license(&[quantity(1)], true);
    for _ in 0..STOPS_MAX {
        state = done(&state, &Change::Stop(stop(StopKind::Suspension, &["1"]))).0;
    }
    let one_more = Change::Stop(stop(StopKind::Suspension, &["1"]));
    let refused = state::change(&state, &one_more, moment(NOW)).unwrap_err();
    assert_eq!(refused, StateError::TooManyStops);
    state = done(&state, &Change::Reinstate(2)).0;
    done(&state, &one_more);
}

/// A step that anybody may try.
#[derive(Debug, Clone)]
enum Try {
    Draw(u32, i64),
    Amend(u32, i64),
    Extend,
    Suspend(u32),
    Reinstate(u32),
    Revoke(u32),
    Notify,
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let line = 1..=2_u32;
    let one = prop_oneof![
        4 => (line.clone(), 0..40_i64).prop_map(|(line, taken)| Try::Draw(line, taken)),
        4 => (line.clone(), 0..120_i64).prop_map(|(line, to)| Try::Amend(line, to)),
        1 => Just(Try::Extend),
        2 => line.clone().prop_map(Try::Suspend),
        2 => (2..12_u32).prop_map(Try::Reinstate),
        1 => line.prop_map(Try::Revoke),
        1 => Just(Try::Notify),
    ];
    prop::collection::vec(one, 0..24)
}

fn tried(state: &LicenseState, step: &Try) -> Result<(LicenseState, Vec<Movement>), StateError> {
    let change = match step {
        Try::Draw(line, taken) => {
            return state::commit(state, *line, 7, quantity(*taken))
                .map(|(next, movement)| (next, vec![movement]));
        }
        Try::Amend(line, to) => Change::Amend(vec![(*line, quantity(*to))]),
        Try::Extend => Change::Extend,
        Try::Suspend(line) => Change::Stop(stop(StopKind::Suspension, &[&line.to_string()])),
        Try::Revoke(line) => Change::Stop(stop(StopKind::Revocation, &[&line.to_string()])),
        Try::Reinstate(version) => Change::Reinstate(*version),
        Try::Notify => Change::Notify,
    };
    state::change(state, &change, moment(NOW))
}

proptest! {
    #[test]
    fn every_life_conserves_what_was_granted_and_leaves_no_gap(
        notified in any::<bool>(),
        tries in tries(),
    ) {
        let mut state = license(&[quantity(100), quantity(50)], notified);
        for step in &tries {
            let Ok((next, movements)) = tried(&state, step) else { continue };
            let numbers: Vec<u64> = movements.iter().map(|one| one.permit_seq).collect();
            let expected: Vec<u64> = (state.permit_seq + 1..=next.permit_seq).collect();
            prop_assert_eq!(numbers, expected);
            prop_assert!(!movements.is_empty());
            let drawn = matches!(step, Try::Draw(..));
            prop_assert_eq!(next.version, state.version + u32::from(!drawn));
            prop_assert!(movements.iter().all(|one| one.version == next.version));
            prop_assert!(next.balances.iter().all(is_conserved));
            for (before, after) in state.balances.iter().zip(&next.balances) {
                let used = |balance: &Balance| balance.used().unwrap().quantity;
                prop_assert!(drawn || used(before) == used(after), "only a draw exercises");
                prop_assert!(!drawn || before.authorized == after.authorized);
            }
            if matches!(next.status, LicenseStatus::Active | LicenseStatus::Exhausted) && drawn {
                let empty = next.balances.iter().all(Balance::is_exhausted);
                prop_assert_eq!(empty, next.status == LicenseStatus::Exhausted);
            }
            let open = next.stops.iter().map(|stop| stop.version).collect::<Vec<_>>();
            prop_assert!(open.is_sorted());
            state = next;
        }
    }
}
