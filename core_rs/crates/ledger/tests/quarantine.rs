//! A license in doubt, and out of it again: no balance moves, and it stands where it stood.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use descargo_ledger::state::{self, Change, LicenseState, Moment, OpenedLine, StateError};
use descargo_model::date::Day;
use descargo_model::decimal::{AmountValue, Quantity};
use descargo_model::license_name::LicenseName;
use descargo_model::life::{Stop, StopKind};
use descargo_model::pb::{self, LicenseStatus, MovementKind};
use jiff::Timestamp;

const NOW: &str = "2026-05-10T18:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn quantity(value: i64) -> AmountValue {
    AmountValue { quantity: Quantity::from_scaled(value), value_usd: None }
}

fn license(notified: bool) -> LicenseState {
    let name = LicenseName {
        agency: "SE".into(),
        permit_key: "C1".into(),
        permit_number: "1".into(),
        lookup_number: "1".into(),
    };
    let line =
        OpenedLine { line_no: 1, unit: 1, authorized: quantity(10), available: quantity(10) };
    state::issue(1, name, "FIRMA".into(), notified, &[line]).unwrap().0
}

fn stopped(state: &LicenseState, kind: StopKind) -> LicenseState {
    let every = pb::Extent { every: true, only: Vec::new() };
    let stop = Stop {
        version: 0,
        kind,
        lines: every.clone(),
        offices: every,
        start: now(),
        end: None,
        reason: "r".into(),
        legal_basis: String::new(),
    };
    let moment = Moment { at: now(), valid_to: Day::parse("2026-12-31").unwrap() };
    state::change(state, &Change::Stop(stop), moment).unwrap().0
}

#[test]
fn a_license_comes_out_of_quarantine_as_it_went_in() {
    let used_up = state::commit(&license(true), 1, 1, quantity(10)).unwrap().0;
    let cases = [
        (license(true), true),
        (license(false), false),
        (used_up, true),
        (stopped(&license(true), StopKind::Suspension), true),
        (stopped(&license(true), StopKind::Revocation), true),
        (stopped(&license(true), StopKind::Cancellation), true),
    ];
    for (before, notified) in cases {
        let (held, movement) = state::quarantine(&before, &[1]).unwrap();
        assert_eq!(held.status, LicenseStatus::Quarantined);
        assert_eq!(movement.kind, MovementKind::Quarantine);
        assert!(movement.balance_after.is_none());
        let (after, movement) = state::sign_again(&held, 1, notified, now()).unwrap();
        assert_eq!((movement.kind, movement.version), (MovementKind::Reinstate, 1));
        let permit_seq = before.permit_seq.checked_add(2).unwrap();
        assert_eq!(after, LicenseState { permit_seq, ..before });
    }
}

#[test]
fn every_version_in_doubt_must_be_signed_again() {
    let (held, _) = state::quarantine(&license(true), &[3, 1]).unwrap();
    assert_eq!(held.doubtful, [1, 3]);
    let (held, movement) = state::sign_again(&held, 3, true, now()).unwrap();
    assert_eq!(movement.status, LicenseStatus::Quarantined);
    assert_eq!(state::sign_again(&held, 3, true, now()), Err(StateError::StepNotAllowed));
    let (held, _) = state::quarantine(&held, &[1, 2]).unwrap();
    assert_eq!(held.doubtful, [1, 2]);
    let (held, _) = state::sign_again(&held, 1, true, now()).unwrap();
    let (after, _) = state::sign_again(&held, 2, true, now()).unwrap();
    assert_eq!(after.status, LicenseStatus::Active);
}

#[test]
fn what_is_in_doubt_already_is_not_put_there_twice() {
    let (held, _) = state::quarantine(&license(true), &[1]).unwrap();
    assert_eq!(state::quarantine(&held, &[1]), Err(StateError::StepNotAllowed));
    assert_eq!(state::quarantine(&license(true), &[]), Err(StateError::StepNotAllowed));
    assert_eq!(state::sign_again(&license(true), 1, true, now()), Err(StateError::StepNotAllowed));
}
