//! Holding, taking and giving back, against a model in plain integers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]

use descargo_ledger::state::{
    self, Balance, DrawStep, LicenseState, OpenedLine, Stage, StateError,
};
use descargo_model::decimal::{AmountValue, Quantity, Usd};
use descargo_model::license_name::LicenseName;
use descargo_model::pb::{LicenseStatus, MovementKind};
use proptest::prelude::*;

fn amount(quantity: i64, usd: i64) -> AmountValue {
    AmountValue { quantity: Quantity::from_scaled(quantity), value_usd: Usd::from_scaled(usd) }
}

fn issued(quantity: Option<i64>, usd: Option<i64>) -> LicenseState {
    let name = LicenseName {
        agency: "SE".into(),
        permit_key: "C1".into(),
        permit_number: "1".into(),
        lookup_number: "1".into(),
    };
    let authorized = AmountValue {
        quantity: quantity.and_then(Quantity::from_scaled),
        value_usd: usd.and_then(Usd::from_scaled),
    };
    let line = |line_no| OpenedLine { line_no, unit: 1, authorized, available: authorized };
    // Lines come in the order of their agency, not of their numbers.
    state::issue(1, name, String::new(), true, &[line(2), line(1)]).unwrap().0
}

fn of(balance: &Balance) -> [[Option<i64>; 3]; 2] {
    let parts = [balance.available, balance.reserved, balance.exercised];
    [
        parts.map(|amount| amount.quantity.map(Quantity::scaled)),
        parts.map(|amount| amount.value_usd.map(Usd::scaled)),
    ]
}

/// One dimension: left (absent when not limited), held, exercised.
#[derive(Debug, Clone, Copy)]
struct Model([Option<i64>; 3]);

impl Model {
    /// The parts after `out` of them was given back and `into` was taken, or nothing if one of them
    /// would be negative.
    fn moved(self, from: Option<(usize, i64)>, to: Option<(usize, i64)>) -> Option<Self> {
        let mut parts = self.0;
        let (given, taken) = (from.map_or(0, |(_, n)| n), to.map_or(0, |(_, n)| n));
        if let Some((at, n)) = from {
            parts[at] = Some(parts[at].unwrap() - n);
        }
        if let Some((at, n)) = to {
            parts[at] = Some(parts[at].unwrap() + n);
        }
        let back = from.is_none_or(|(at, n)| self.0[at].unwrap() >= n);
        parts[0] = parts[0].map(|left| left + given - taken);
        (back && parts[0].is_none_or(|left| left >= 0)).then_some(Self(parts))
    }
}

type Pair = (i64, i64);

#[derive(Debug, Clone, Copy)]
enum Asked {
    Reserve(Pair),
    Commit(Pair),
    CommitHeld(Pair),
    Release(Stage, Pair),
    Expire(Pair),
    Replace(Stage, Pair, Pair),
}

impl Asked {
    fn step(self) -> DrawStep {
        let amount = |(quantity, usd)| amount(quantity, usd);
        match self {
            Self::Reserve(taken) => DrawStep::Reserve(amount(taken)),
            Self::Commit(taken) => DrawStep::Commit(amount(taken)),
            Self::CommitHeld(held) => DrawStep::CommitHeld(amount(held)),
            Self::Release(stage, back) => DrawStep::Release(stage, amount(back)),
            Self::Expire(held) => DrawStep::Expire(amount(held)),
            Self::Replace(stage, before, after) => {
                DrawStep::Replace { stage, before: amount(before), after: amount(after) }
            }
        }
    }

    fn model(self, before: Model, dimension: fn(Pair) -> i64) -> Option<Model> {
        let place = |stage| match stage {
            Stage::Held => 1,
            Stage::Exercised => 2,
        };
        match self {
            Self::Reserve(taken) => before.moved(None, Some((1, dimension(taken)))),
            Self::Commit(taken) => before.moved(None, Some((2, dimension(taken)))),
            Self::CommitHeld(held) => {
                before.moved(Some((1, dimension(held))), Some((2, dimension(held))))
            }
            Self::Release(stage, back) => before.moved(Some((place(stage), dimension(back))), None),
            Self::Expire(held) => before.moved(Some((1, dimension(held))), None),
            Self::Replace(stage, old, new) => before
                .moved(Some((place(stage), dimension(old))), Some((place(stage), dimension(new)))),
        }
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let pair = || (0..60_i64, 0..60_i64);
    let stage = || prop_oneof![Just(Stage::Held), Just(Stage::Exercised)];
    prop_oneof![
        pair().prop_map(Asked::Reserve),
        pair().prop_map(Asked::Commit),
        pair().prop_map(Asked::CommitHeld),
        (stage(), pair()).prop_map(|(stage, back)| Asked::Release(stage, back)),
        pair().prop_map(Asked::Expire),
        (stage(), pair(), pair()).prop_map(|(stage, old, new)| Asked::Replace(stage, old, new)),
    ]
}

proptest! {
    #[test]
    fn every_step_is_that_of_the_model_or_changes_nothing(
        limits in (prop::option::of(0..200_i64), prop::option::of(0..200_i64)),
        steps in prop::collection::vec(asked(), 0..40),
    ) {
        let mut license = issued(limits.0, limits.1);
        let mut model = [limits.0, limits.1].map(|left| Model([left, Some(0), Some(0)]));
        let mut told = limits;
        for step in steps {
            let before = license.clone();
            let expected = step.model(model[0], |pair| pair.0).zip(step.model(model[1], |pair| pair.1));
            match (license.step(1, 7, &step.step()), expected) {
                (Ok(movement), Some((quantity, usd))) => {
                    model = [quantity, usd];
                    let balance = license.balance(1).unwrap();
                    prop_assert_eq!(of(balance), [quantity.0, usd.0]);
                    prop_assert_eq!(movement.permit_seq, before.permit_seq + 1);
                    prop_assert_eq!(license.permit_seq, before.permit_seq + 1);
                    prop_assert_eq!(&movement.balance_after, balance);
                    prop_assert_eq!(license.balance(2), before.balance(2));
                    let all_gone = license.balances.iter().all(Balance::is_exhausted);
                    prop_assert_eq!(license.status == LicenseStatus::Exhausted, all_gone);
                    let sum = |taken: AmountValue, returned: AmountValue| {
                        let scaled = |amount: AmountValue| (
                            amount.quantity.map_or(0, Quantity::scaled),
                            amount.value_usd.map_or(0, Usd::scaled),
                        );
                        let (taken, returned) = (scaled(taken), scaled(returned));
                        (returned.0 - taken.0, returned.1 - taken.1)
                    };
                    let moved = sum(movement.taken, movement.returned);
                    told = (told.0.map(|left| left + moved.0), told.1.map(|left| left + moved.1));
                    prop_assert_eq!([told.0, told.1], of(balance).map(|parts| parts[0]));
                }
                (Err(_), None) => prop_assert_eq!(&license, &before),
                (got, expected) => prop_assert!(false, "{got:?} for {expected:?}"),
            }
        }
    }
}

#[test]
fn an_exhausted_license_is_active_again_when_something_comes_back() {
    let mut license = issued(Some(5), None);
    for line in [1, 2] {
        license.step(line, 1, &DrawStep::Reserve(amount(5, 1))).unwrap();
    }
    assert_eq!(license.status, LicenseStatus::Exhausted);
    let back = license.step(1, 1, &DrawStep::Expire(amount(5, 1))).unwrap();
    assert_eq!((license.status, back.status), (LicenseStatus::Active, LicenseStatus::Active));
    assert_eq!(back.kind, MovementKind::Expire);
}

#[test]
fn what_comes_back_to_a_withdrawn_license_does_not_bring_it_back() {
    let mut license = issued(Some(5), None);
    license.step(1, 1, &DrawStep::Reserve(amount(5, 1))).unwrap();
    license.status = LicenseStatus::Revoked;
    let released = DrawStep::Release(Stage::Held, amount(5, 1));
    assert_eq!(license.step(1, 1, &released).unwrap().status, LicenseStatus::Revoked);
}

#[test]
fn a_replacement_that_does_not_fit_leaves_the_first_amount() {
    let mut license = issued(Some(10), None);
    license.step(1, 1, &DrawStep::Reserve(amount(6, 1))).unwrap();
    let (before, after) = (amount(6, 1), amount(10, 1));
    let fits = DrawStep::Replace { stage: Stage::Held, before, after };
    assert_eq!(
        license.step(1, 1, &fits).unwrap().balance_after.available.quantity,
        Some(Quantity::ZERO)
    );
    let beyond = DrawStep::Replace { stage: Stage::Held, before: after, after: amount(11, 1) };
    assert_eq!(license.step(1, 1, &beyond), Err(StateError::Overdrawn));
    assert_eq!(license.balance(1).unwrap().reserved.quantity, Quantity::from_scaled(10));
}

#[test]
fn no_more_comes_back_than_is_held() {
    let mut license = issued(Some(10), None);
    license.step(1, 1, &DrawStep::Reserve(amount(6, 1))).unwrap();
    let beyond = DrawStep::Expire(amount(7, 1));
    assert_eq!(license.step(1, 1, &beyond), Err(StateError::ReturnsTooMuch));
    let other_stage = DrawStep::Release(Stage::Exercised, amount(1, 1));
    assert_eq!(license.step(1, 1, &other_stage), Err(StateError::ReturnsTooMuch));
}
